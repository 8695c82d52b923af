package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"credlane/app/kit/logx"
)

const (
	maxTimeout = 15 * time.Minute // of one attempt, whatever the kind
	// Of the ten seconds in which a process stops: how long jobs under way may still take before they are handed back.
	softStop = 3 * time.Second
	hardStop = 2 * time.Second
	keepDone = 24 * time.Hour   // how long a job that succeeded can be seen
	overdue  = 15 * time.Second // how long after its timeout an attempt that ignores it is given up
)

// Plan says what one process works on.
type Plan struct {
	Queues      []Queue // all unless set
	Concurrency int     // jobs of each queue at once; the queue's own number unless set
}

// ParseQueues reads "mail,webhooks"; "" is all.
func ParseQueues(text string) ([]Queue, error) {
	var list []Queue
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		if name == "" {
			continue
		}
		if _, known := queues[Queue(name)]; !known {
			return nil, fmt.Errorf("there is no queue %q; the queues are %s", name, joined())
		}
		list = append(list, Queue(name))
	}
	return list, nil
}

func joined() string {
	names := make([]string, 0, len(queues))
	for _, q := range Queues() {
		names = append(names, string(q))
	}
	return strings.Join(names, ", ")
}

// Run works until ctx ends, then finishes what is under way or hands it back.
func (c *Client) Run(ctx context.Context) error { return c.Work(ctx, Plan{}) }

// Work is Run for a part of the queues, or with other numbers.
func (c *Client) Work(ctx context.Context, p Plan) error {
	w := &worker{client: c, id: workerID(), held: map[int64]bool{}}
	stopping, stopped := context.WithCancel(context.WithoutCancel(ctx))
	defer stopped()
	writes, noMore := context.WithCancel(context.WithoutCancel(ctx))
	defer noMore()
	w.stopping, w.writes = stopping, writes
	running, err := c.river(w, p)
	if err != nil {
		return fmt.Errorf("prepare the worker: %w", err)
	}
	// Jobs go on for a while after ctx has ended.
	base := context.WithoutCancel(ctx)
	if err := w.begin(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	if err := running.Start(base); err != nil {
		return fmt.Errorf("start the worker: %w", err)
	}
	c.opt.Log.InfoContext(ctx, "working on jobs", "worker", w.id)
	beating, beaten := context.WithCancel(base)
	done := make(chan struct{})
	go func() { defer close(done); w.live(beating) }()
	<-ctx.Done()
	stopped()
	defer time.AfterFunc(softStop+hardStop, noMore).Stop() // a database that hangs keeps nobody from stopping
	soft, cancel := context.WithTimeout(base, softStop)
	defer cancel()
	err = running.Stop(soft)
	if errors.Is(err, context.DeadlineExceeded) {
		hard, cancel := context.WithTimeout(base, hardStop)
		defer cancel()
		err = running.StopAndCancel(hard)
	}
	beaten()
	<-done
	if err != nil { // what still runs is taken over when this worker is missed
		return fmt.Errorf("stop the worker: %w", err)
	}
	return w.leave(base)
}

// workerID names one worker for ever: its jobs are known by it.
func workerID() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	if len(host) > 40 {
		host = host[:40]
	}
	return fmt.Sprintf("%s %d %s", host, os.Getpid(), uuid.New())
}

// river makes the library's client for a plan.
func (c *Client) river(w *worker, p Plan) (*river.Client[pgx.Tx], error) {
	if p.Queues == nil {
		p.Queues = Queues()
	}
	lines := map[string]river.QueueConfig{}
	for _, q := range p.Queues {
		n := queues[q].workers
		if p.Concurrency > 0 {
			n = p.Concurrency
		}
		lines[string(q)] = river.QueueConfig{MaxWorkers: n, FetchPollInterval: queues[q].look, FetchCooldown: queues[q].rest}
	}
	workers := river.NewWorkers()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.kinds {
		river.AddWorkerArgs(workers, payload{kind: k.Name}, river.Worker[payload](&kindWorker{worker: w, kind: k}))
	}
	var periodic []*river.PeriodicJob
	for _, p := range c.periodic {
		k := c.kinds[p.Kind]
		if k == nil {
			return nil, fmt.Errorf("there is no kind of job %q to repeat", p.Kind)
		}
		periodic = append(periodic, river.NewPeriodicJob(river.PeriodicInterval(p.Every), func() (river.JobArgs, *river.InsertOpts) {
			return payload{kind: k.Name, data: json.RawMessage("{}")}, &river.InsertOpts{
				Queue: string(k.Queue), Priority: k.Priority, MaxAttempts: k.Attempts,
				// A new leader begins anew: the stretch of time, not the leader's memory, says whether one is due.
				UniqueOpts: river.UniqueOpts{ByPeriod: p.Every},
			}
		}, &river.PeriodicJobOpts{RunOnStart: true}))
	}
	return river.NewClient(driver{riverpgxv5.New(c.opt.DB.Pool)}, &river.Config{
		ID: w.id, Schema: schemaName, Logger: slog.New(logx.Warnings(c.opt.Log.Handler())),
		Queues: lines, Workers: workers, PeriodicJobs: periodic, FetchOnlyKnownKinds: true,
		// Without LISTEN it works behind a transaction pooler; and no commit pays for a NOTIFY.
		PollOnly: true, FetchPollInterval: time.Second,
		// Lost jobs are rescued by kit/jobs itself, which knows who lives; the library's way makes jobs dead without a word.
		JobTimeout: maxTimeout, RescueStuckJobsAfter: 10 * 365 * 24 * time.Hour,
		CompletedJobRetentionPeriod: keepDone, DiscardedJobRetentionPeriod: -1, CancelledJobRetentionPeriod: -1,
		ReindexerSchedule: river.NeverSchedule(),
	})
}

// driver is the library's, but for how an attempt ends: the library would write that by the job's number alone, so that a worker
// which was stopped and goes on would end the attempt of the worker that took over. Here every attempt has ended itself, fenced,
// before the library hears of it.
type driver struct{ *riverpgxv5.Driver }

func (d driver) GetExecutor() riverdriver.Executor { return executor{d.Driver.GetExecutor()} }

type executor struct{ riverdriver.Executor }

func (executor) JobSetStateIfRunningMany(context.Context, *riverdriver.JobSetStateIfRunningManyParams) ([]*rivertype.JobRow, error) {
	return nil, nil
}

// payload carries a job's arguments unread.
type payload struct {
	kind string
	data json.RawMessage
}

func (p payload) Kind() string { return p.kind }

func (p payload) MarshalJSON() ([]byte, error) { return p.data.MarshalJSON() }

func (p *payload) UnmarshalJSON(b []byte) error {
	p.data = append(json.RawMessage(nil), b...)
	return nil
}

// worker is one process's part in the work.
type worker struct {
	client   *Client
	id       string
	stopping context.Context // ends when the worker is to stop
	writes   context.Context // ends when nothing may be written any more

	mu   sync.Mutex
	held map[int64]bool // the jobs that it works on
}

// hold says that the worker has the job, until the returned function says that it has it no more.
func (w *worker) hold(job int64) (release func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held[job] = true
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.held, job)
	}
}

// holds lists the jobs that the worker works on.
func (w *worker) holds() []int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.AppendSeq(make([]int64, 0, len(w.held)), maps.Keys(w.held))
}

// kindWorker works one kind of job for the library.
type kindWorker struct {
	river.WorkerDefaults[payload]
	worker *worker
	kind   *Kind
}

func (k *kindWorker) Timeout(*river.Job[payload]) time.Duration { return k.kind.Timeout }

// Work runs one attempt to its end. It tells the library nothing but that it is over.
func (k *kindWorker) Work(ctx context.Context, job *river.Job[payload]) error {
	defer k.worker.hold(job.ID)()
	c := k.worker.client
	a := &Attempt{
		Number: job.ID, Attempt: job.Attempt, Last: job.Attempt >= job.MaxAttempts,
		args: job.Args.data, worker: k.worker.id, client: c,
	}
	var m about
	err := json.Unmarshal(job.Metadata, &m)
	if err == nil && m.EmployerID != "" {
		a.EmployerID, err = uuid.Parse(m.EmployerID)
	}
	if a.Snoozes = m.Snoozes; a.Snoozes == 0 { // one that is put off again and again would fill the log
		c.moved(ctx, a.Number, k.kind.Name, Running, a.Attempt)
	}
	switch {
	case err != nil:
		err = Dead(fmt.Errorf("the job's metadata: %w", err))
	case m.Exhausted:
		err = Dead(errDied)
	default:
		err = k.bounded(ctx, a)
	}
	k.end(ctx, a, err)
	return nil
}

var errDied = errors.New("the worker died in the last attempt")

var errStuck = errors.New("the attempt did not end at its timeout")

// bounded gives an attempt up that ignores its timeout; whatever it still does, it may write nothing any more.
func (k *kindWorker) bounded(ctx context.Context, a *Attempt) error {
	tried := make(chan error, 1)
	go func() { tried <- k.try(ctx, a) }()
	late := time.NewTimer(k.kind.Timeout + a.client.opt.AliveFor/2)
	defer late.Stop()
	select {
	case err := <-tried:
		return err
	case <-late.C:
		return errStuck
	}
}

// try runs the kind's work, and ends the job when the work has not done it itself.
func (k *kindWorker) try(ctx context.Context, a *Attempt) (err error) {
	defer func() {
		if p := recover(); p != nil {
			k.worker.client.opt.Log.ErrorContext(ctx, "a job panicked", "job", a.Number, "kind", k.kind.Name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if err := k.kind.Work(ctx, a); err != nil || a.ended.Load() {
		return err
	}
	return a.Finish(ctx, nil)
}
