package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"credlane/app/kit/jobs"
)

// late is a worker that is stopped in mid-work for longer than anyone believes it alive: its signs of life come once in minutes,
// and the one it gave is gone. It has one place, in which its attempt waits until release.
func (w *world) late(goOn func(context.Context, *jobs.Attempt) error) (c *jobs.Client, release func() error) {
	w.t.Helper()
	begun, resume, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	c = w.client(jobs.Options{AliveFor: time.Hour, DB: open(w.t, w.url)}, jobs.Kind{
		Name: "effect", Queue: jobs.Events, Timeout: 2 * time.Minute,
		Work: func(ctx context.Context, a *jobs.Attempt) error {
			close(begun)
			<-resume
			err := goOn(ctx, a)
			ended <- err
			return err
		}})
	w.enqueue(c, jobs.Job{Kind: "effect"})
	stop := w.start(c, jobs.Plan{Queues: []jobs.Queue{jobs.Events}, Concurrency: 1})
	<-begun
	if _, err := w.db.Exec(w.t.Context(), `DELETE FROM river.alive`); err != nil {
		w.t.Fatal(err)
	}
	return c, func() error {
		close(resume)
		err := <-ended
		stop() // waits until the attempt has ended in every sense
		return err
	}
}

func TestALateWriteOfAStalledWorkerIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stalled, release := w.late(leave)
	c := w.client(jobs.Options{AliveFor: 500 * time.Millisecond}, jobs.Kind{Name: "effect", Queue: jobs.Events, Timeout: time.Minute, Work: leave})
	w.start(c, jobs.Plan{})
	w.settled(c, 1, jobs.Succeeded)
	if err := release(); !errors.Is(err, jobs.ErrSuperseded) {
		t.Errorf("the late attempt ended with %v", err)
	}
	if n := w.count(`SELECT count(*) FROM effects WHERE attempt = 2`); n != 1 || w.count(`SELECT count(*) FROM effects`) != 1 {
		t.Errorf("%d effects of the second attempt, %d in all", n, w.count(`SELECT count(*) FROM effects`))
	}
	if job := w.all(stalled)[0]; job.State != jobs.Succeeded || job.Attempts != 2 {
		t.Errorf("%+v", job)
	}
}

// However a late attempt ends, it must not end the attempt of the worker that took over.
func TestALateEndLeavesTheAttemptThatTookOverAlone(t *testing.T) {
	t.Parallel()
	for what, goOn := range map[string]func(context.Context, *jobs.Attempt) error{
		"success": func(context.Context, *jobs.Attempt) error { return nil },
		"failure": func(context.Context, *jobs.Attempt) error { return errors.New("too late") },
		"death":   func(context.Context, *jobs.Attempt) error { return jobs.Dead(errors.New("too late")) },
		"panic":   func(context.Context, *jobs.Attempt) error { panic("too late") },
		"middle": func(ctx context.Context, a *jobs.Attempt) error {
			return a.InTx(ctx, func(tx pgx.Tx) error {
				_, err := tx.Exec(ctx, `INSERT INTO effects (job, attempt) VALUES (-1, 1)`)
				return err
			})
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var release func() error
			if what == "panic" {
				_, release = w.latePanic()
			} else {
				_, release = w.late(goOn)
			}
			took, finish := make(chan struct{}), make(chan struct{})
			c := w.client(jobs.Options{AliveFor: 500 * time.Millisecond}, jobs.Kind{Name: "effect", Queue: jobs.Events, Timeout: time.Minute,
				Work: func(ctx context.Context, a *jobs.Attempt) error {
					close(took)
					<-finish
					return leave(ctx, a)
				}})
			w.start(c, jobs.Plan{})
			<-took
			_ = release() // whatever it says, the row below tells
			if job := w.all(c)[0]; job.State != jobs.Running || job.Attempts != 2 {
				t.Errorf("after the late end: %+v", job)
			}
			close(finish)
			w.settled(c, 1, jobs.Succeeded)
			if n := w.count(`SELECT count(*) FROM effects`); n != 1 {
				t.Errorf("%d effects", n)
			}
		})
	}
}

// latePanic is late with a panic, which never comes back to say that it ended.
func (w *world) latePanic() (*jobs.Client, func() error) {
	w.t.Helper()
	begun, resume := make(chan struct{}), make(chan struct{})
	c := w.client(jobs.Options{AliveFor: time.Hour, DB: open(w.t, w.url)}, jobs.Kind{
		Name: "effect", Queue: jobs.Events, Timeout: 2 * time.Minute,
		Work: func(context.Context, *jobs.Attempt) error {
			close(begun)
			<-resume
			panic("too late")
		}})
	w.enqueue(c, jobs.Job{Kind: "effect"})
	stop := w.start(c, jobs.Plan{Queues: []jobs.Queue{jobs.Events}, Concurrency: 1})
	<-begun
	if _, err := w.db.Exec(w.t.Context(), `DELETE FROM river.alive`); err != nil {
		w.t.Fatal(err)
	}
	return c, func() error { close(resume); stop(); return nil }
}

// A job that takes its worker down each time is dead in the end, and its kind hears of it.
func TestAJobThatKillsItsWorkersDies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	died := make(chan error, 1)
	kind := jobs.Kind{Name: "effect", Queue: jobs.Events, Timeout: time.Minute, Attempts: 1,
		Work: func(context.Context, *jobs.Attempt) error {
			t.Error("a job without attempts left was tried")
			return nil
		},
		Died: func(_ context.Context, _ pgx.Tx, _ *jobs.Attempt, cause error) error { died <- cause; return nil }}
	c := w.client(jobs.Options{AliveFor: 500 * time.Millisecond}, kind)
	w.enqueue(c, jobs.Job{Kind: "effect"})
	if _, err := w.db.Exec(t.Context(), `UPDATE river.river_job SET state = 'running', attempt = 1, attempted_at = now(), attempted_by = '{gone}'`); err != nil {
		t.Fatal(err)
	}
	w.start(c, jobs.Plan{})
	w.settled(c, 1, jobs.DeadState)
	if cause := <-died; cause == nil {
		t.Error("it died of nothing")
	}
}

func TestTwoWorkersOnOneQueueShareTheJobs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kind := jobs.Kind{Name: "effect", Queue: jobs.Mail, Timeout: time.Minute, Work: leave}
	one, two := w.client(jobs.Options{}, kind), w.client(jobs.Options{DB: open(t, w.url)}, kind)
	list := make([]jobs.Job, 500)
	for i := range list {
		list[i] = jobs.Job{Kind: "effect"}
	}
	w.enqueue(one, list...)
	w.start(one, jobs.Plan{})
	w.start(two, jobs.Plan{})
	w.settled(one, 500, jobs.Succeeded)
	if n := w.count(`SELECT count(*) FROM effects WHERE attempt = 1`); n != 500 {
		t.Errorf("%d of 500 jobs were done at the first attempt", n)
	}
	if n := w.count(`SELECT count(DISTINCT attempted_by) FROM river.river_job`); n != 2 {
		t.Errorf("%d workers took part", n)
	}
}

// Whoever leads, and however often the lead changes, a stretch of time has one job.
func TestTwoInstancesKeepOneSchedule(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kind := jobs.Kind{Name: "daily", Queue: jobs.Upkeep, Timeout: time.Minute, Work: leave}
	for round := range 3 {
		// A kind that only this round has tells when its leader has looked at the schedule.
		mark := jobs.Kind{Name: fmt.Sprintf("mark%d", round), Queue: jobs.Upkeep, Timeout: time.Minute, Work: leave}
		var stops []func()
		for range 2 {
			c := w.client(jobs.Options{DB: open(t, w.url)}, kind, mark)
			c.Repeat(jobs.Periodic{Kind: kind.Name, Every: 24 * time.Hour})
			c.Repeat(jobs.Periodic{Kind: mark.Name, Every: 24 * time.Hour})
			stops = append(stops, w.start(c, jobs.Plan{}))
		}
		w.eventually("the leader has looked at the schedule", func() bool {
			return w.count(`SELECT count(*) FROM effects JOIN river.river_job j ON j.id = job WHERE kind = $1`, mark.Name) == 1
		})
		for _, stop := range stops {
			stop()
		}
	}
	// The test may run over midnight.
	const daily = ` FROM river.river_job WHERE kind = 'daily'`
	if n := w.count(`SELECT count(*)` + daily); n == 0 || n != w.count(`SELECT count(DISTINCT date_trunc('day', created_at, 'UTC'))`+daily) {
		t.Errorf("%d jobs of one schedule", n)
	}
}
