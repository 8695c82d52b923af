package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
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
	maxTimeout = 2 * time.Minute // of one attempt, whatever the kind
	// Of the ten seconds in which a process stops: how long jobs under way may still take before they are handed back.
	softStop   = 3 * time.Second
	hardStop   = 3 * time.Second
	endLimit   = 10 * time.Second // of writing how an attempt ended
	keepDone   = 24 * time.Hour   // how long a job that succeeded can be seen
	maxReason  = 1000             // bytes of an error that are kept
	stuckAfter = 10 * time.Minute // an attempt that ignores its own timeout; the library's rescue, the last resort
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
	w := &worker{client: c, id: workerID()}
	stopping, stopped := context.WithCancel(context.WithoutCancel(ctx))
	defer stopped()
	w.stopping = stopping
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
		JobTimeout: maxTimeout, RescueStuckJobsAfter: stuckAfter,
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
	stopping context.Context
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
	c := k.worker.client
	a := &Attempt{
		Number: job.ID, Attempt: job.Attempt, Last: job.Attempt >= job.MaxAttempts, CreatedAt: job.CreatedAt,
		args: job.Args.data, worker: k.worker.id, client: c,
	}
	var m about
	err := json.Unmarshal(job.Metadata, &m)
	if err == nil && m.EmployerID != "" {
		a.EmployerID, err = uuid.Parse(m.EmployerID)
	}
	c.moved(ctx, a.Number, k.kind.Name, Running, a.Attempt)
	switch {
	case err != nil:
		err = Dead(fmt.Errorf("the job's metadata: %w", err))
	case m.Exhausted:
		err = Dead(errors.New("the worker died in the last attempt"))
	default:
		err = k.try(ctx, a)
	}
	k.end(ctx, a, err)
	return nil
}

// try runs the kind's work, and ends the job when the work has not done it itself.
func (k *kindWorker) try(ctx context.Context, a *Attempt) (err error) {
	defer func() {
		if p := recover(); p != nil {
			k.worker.client.opt.Log.ErrorContext(ctx, "a job panicked", "job", a.Number, "kind", k.kind.Name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if err := k.kind.Work(ctx, a); err != nil || a.ended {
		return err
	}
	return a.Finish(ctx, nil)
}

// end writes how an attempt ended, unless it did that itself. What cannot be written is what a dead worker leaves: the job is
// taken over.
func (k *kindWorker) end(ctx context.Context, a *Attempt, err error) {
	log, name := k.worker.client.opt.Log, k.kind.Name
	moved := func(to State, more ...any) { k.worker.client.moved(ctx, a.Number, name, to, a.Attempt, more...) }
	if a.ended { // committed: an error of the work after it changes nothing
		moved(Succeeded)
		return
	}
	if errors.Is(err, ErrSuperseded) {
		log.WarnContext(ctx, "a late attempt was refused: another worker has the job", "job", a.Number, "kind", name, "attempt", a.Attempt)
		return
	}
	base, cancel := context.WithTimeout(context.WithoutCancel(ctx), endLimit)
	defer cancel()
	if k.worker.stopping.Err() != nil && ctx.Err() != nil {
		if err := a.giveBack(base); err != nil {
			log.WarnContext(ctx, "a job could not be handed back; it is taken over when this worker is missed", "job", a.Number, "error", err)
			return
		}
		moved(Retrying, "handed_back", true)
		return
	}
	to, next, errEnd := a.fail(base, k.kind, err)
	if to == DeadState && errEnd != nil && !errors.Is(errEnd, ErrSuperseded) { // its kind could not note the death: it dies later
		log.ErrorContext(ctx, "a job could not be made dead and comes back", "job", a.Number, "kind", name, "error", errEnd)
		to, next, errEnd = a.fail(base, &Kind{Pause: deathPause}, fmt.Errorf("%w; its end failed: %w", err, errEnd), Retrying)
	}
	switch {
	case errors.Is(errEnd, ErrSuperseded):
		log.WarnContext(ctx, "a late attempt was refused: another worker has the job", "job", a.Number, "kind", name, "attempt", a.Attempt)
	case errEnd != nil:
		log.ErrorContext(ctx, "the end of an attempt could not be written; the job waits for its rescue", "job", a.Number, "kind", name, "error", errEnd)
	case to == DeadState:
		moved(to, "error", err)
	default:
		moved(to, "next", next, "error", err)
	}
}

const sqlFail = `
UPDATE river.river_job
SET state = $4::text::river.river_job_state, scheduled_at = now() + $5::bigint * interval '1 microsecond',
    finalized_at = CASE WHEN $4 = 'discarded' THEN now() END,
    errors = array_append(errors, jsonb_build_object('at', now(), 'attempt', $2::integer, 'error', $6::text, 'trace', ''))
WHERE id = $1 AND attempt = $2 AND state = 'running' AND attempted_by[cardinality(attempted_by)] = $3
RETURNING scheduled_at`

// soon is what the library would not look at twice: a job that is due within it waits where workers look.
const soon = 5 * time.Second

func deathPause(int) time.Duration { return time.Minute }

// fail ends the attempt as failed: dead, or to be tried again; or as told.
func (a *Attempt) fail(ctx context.Context, k *Kind, cause error, told ...State) (to State, next time.Time, err error) {
	var v verdict
	if errors.As(cause, &v); len(told) > 0 {
		v = verdict{}
	}
	to, stored, pause := Retrying, "retryable", jittered(k.Pause(a.Attempt))
	if v.in != nil {
		pause = max(0, *v.in)
	}
	switch {
	case v.dead || a.Last && len(told) == 0:
		to, stored, pause = DeadState, "discarded", 0
	case pause < soon:
		stored = "available"
	}
	err = a.client.opt.DB.InTx(ctx, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, sqlFail, a.Number, a.Attempt, a.worker, stored, pause.Microseconds(), reason(cause)).Scan(&next)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return ErrSuperseded
		case err != nil:
			return fmt.Errorf("end job %d: %w", a.Number, err)
		case to == DeadState && k.Died != nil:
			return k.Died(ctx, tx, a, cause)
		}
		return nil
	})
	return to, next, err
}

// reason is an error as it is kept: text that Postgres takes, of bounded length.
func reason(err error) string {
	text := strings.ReplaceAll(strings.ToValidUTF8(err.Error(), "?"), "\x00", "?")
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "..."
	}
	return text
}

// A stopped attempt does not count against the job, and its number does not come again.
const sqlGiveBack = `
UPDATE river.river_job
SET state = 'available', scheduled_at = now(), max_attempts = least(max_attempts + 1, 32000)
WHERE id = $1 AND attempt = $2 AND state = 'running' AND attempted_by[cardinality(attempted_by)] = $3`

func (a *Attempt) giveBack(ctx context.Context) error {
	_, err := a.client.opt.DB.Exec(ctx, sqlGiveBack, a.Number, a.Attempt, a.worker)
	return err
}
