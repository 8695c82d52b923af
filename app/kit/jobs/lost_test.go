package jobs_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"credlane/app/kit/jobs"
	"credlane/app/kit/pg"
)

// A worker that lives, and is said to work on a job that it knows nothing of, lost it on the way: the claim's answer, or the end.
func TestAJobThatItsLivingWorkerLostIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	release := make(chan struct{})
	c := w.client(jobs.Options{AliveFor: time.Second}, jobs.Kind{Name: "effect", Queue: jobs.Events, Timeout: time.Minute, Work: leave},
		jobs.Kind{Name: "long", Queue: jobs.Mail, Timeout: time.Minute, Work: func(ctx context.Context, a *jobs.Attempt) error {
			<-release
			return leave(ctx, a)
		}})
	w.enqueue(c, jobs.Job{Kind: "long"})
	w.start(c, jobs.Plan{})
	w.settled(c, 1, jobs.Running) // this one is in good hands, and stays there
	w.enqueue(c, jobs.Job{Kind: "effect", At: time.Now().Add(time.Hour)})
	if _, err := w.db.Exec(t.Context(), `UPDATE river.river_job SET state = 'running', attempt = 1, attempted_at = now(), scheduled_at = now(),
		attempted_by = ARRAY[(SELECT worker FROM river.alive)] WHERE kind = 'effect'`); err != nil {
		t.Fatal(err)
	}
	w.settled(c, 1, jobs.Succeeded)
	if list := w.all(c); list[0].State != jobs.Running || list[0].Attempts != 1 || list[1].Attempts != 2 || *list[1].LastCode != jobs.CodeWorkerDied {
		t.Errorf("%+v", list)
	}
	close(release)
}

func TestAnEndIsWrittenOnceTheDatabaseIsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var tries atomic.Int64
	cut := func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT pg_terminate_backend(pg_backend_pid())`)
		return err
	}
	c := w.client(jobs.Options{}, jobs.Kind{Name: "effect", Queue: jobs.Events, Timeout: time.Minute, Work: func(ctx context.Context, a *jobs.Attempt) error {
		return a.Finish(ctx, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `INSERT INTO effects (job, attempt) VALUES ($1, $2)`, a.Number, a.Attempt); err != nil {
				return err
			}
			if tries.Add(1) < 3 {
				return cut(ctx, tx)
			}
			return nil
		})
	}})
	w.enqueue(c, jobs.Job{Kind: "effect"})
	w.start(c, jobs.Plan{})
	w.settled(c, 1, jobs.Succeeded)
	if job := w.all(c)[0]; job.Attempts != 1 || tries.Load() != 3 || w.count(`SELECT count(*) FROM effects`) != 1 {
		t.Errorf("after %d tries: %+v", tries.Load(), job)
	}
}

func TestAnAttemptThatIgnoresItsTimeoutIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stuck, late := make(chan struct{}), make(chan error, 1)
	c := w.client(jobs.Options{AliveFor: time.Second}, jobs.Kind{Name: "effect", Queue: jobs.Events, Timeout: 50 * time.Millisecond, Pause: atOnce,
		Work: func(ctx context.Context, a *jobs.Attempt) error {
			if a.Attempt == 1 {
				<-stuck
				late <- leave(context.WithoutCancel(ctx), a)
				return nil
			}
			return leave(ctx, a)
		}})
	w.enqueue(c, jobs.Job{Kind: "effect"})
	w.start(c, jobs.Plan{})
	w.settled(c, 1, jobs.Succeeded)
	close(stuck)
	if job := w.all(c)[0]; job.LastCode == nil || *job.LastCode != jobs.CodeTimedOut {
		t.Errorf("%+v", job)
	}
	if err := <-late; err == nil || w.count(`SELECT count(*) FROM effects WHERE attempt = 2`) != 1 {
		t.Errorf("the attempt that was given up wrote all the same: %v", err)
	}
}

func TestJobsWorkBehindATransactionPooler(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db, err := pg.Open(t.Context(), pg.Options{URL: w.url, MaxConns: 4, Pooler: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	c := w.client(jobs.Options{DB: db}, jobs.Kind{Name: "effect", Queue: jobs.Events, Timeout: time.Minute, Pause: atOnce,
		Work: func(ctx context.Context, a *jobs.Attempt) error {
			if a.Attempt == 1 {
				return context.DeadlineExceeded
			}
			return leave(ctx, a)
		}})
	w.enqueue(c, jobs.Job{Kind: "effect", EmployerID: someone, Unique: "x", At: time.Now()}, jobs.Job{Kind: "effect"})
	err = db.InBatch(t.Context(), func(b *pgx.Batch) error { return c.Queue(b, jobs.Job{Kind: "effect"}) })
	if err != nil {
		t.Fatal(err)
	}
	c.Repeat(jobs.Periodic{Kind: "effect", Every: 24 * time.Hour})
	w.start(c, jobs.Plan{})
	w.eventually("all are done", func() bool { return w.count(`SELECT count(*) FROM effects WHERE attempt = 2`) >= 4 })
	if list, err := c.List(t.Context(), jobs.Filter{EmployerID: someone, State: jobs.Succeeded, Limit: 10}); err != nil || len(list) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
}
