package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/jobs"
)

func TestAJobIsThereIfAndOnlyIfItsTransactionCommits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(jobs.Options{}, jobs.Kind{Name: "effect", Queue: jobs.Events, Timeout: time.Minute, Work: leave})
	cancelled := errors.New("no")
	err := w.db.InTx(t.Context(), func(tx pgx.Tx) error {
		if err := c.EnqueueTx(t.Context(), tx, jobs.Job{Kind: "effect"}); err != nil {
			return err
		}
		return cancelled
	})
	if !errors.Is(err, cancelled) || len(w.all(c)) != 0 {
		t.Fatalf("after %v there are %d jobs", err, len(w.all(c)))
	}
	err = w.db.InBatch(t.Context(), func(b *pgx.Batch) error {
		return c.Queue(b, jobs.Job{Kind: "effect", EmployerID: someone, Args: map[string]int{"n": 1}}, jobs.Job{Kind: "effect", Priority: jobs.First})
	})
	if err != nil {
		t.Fatal(err)
	}
	list := w.all(c)
	if len(list) != 2 || list[0].State != jobs.Queued || list[0].EmployerID == nil || *list[0].EmployerID != someone ||
		string(list[0].Args) != `{"n": 1}` || list[0].Priority != jobs.Normal || list[1].Priority != jobs.First || list[1].EmployerID != nil {
		t.Fatalf("%+v", list)
	}
	w.start(c, jobs.Plan{})
	w.settled(c, 2, jobs.Succeeded)
	if n := w.count(`SELECT count(*) FROM effects WHERE attempt = 1`); n != 2 {
		t.Errorf("%d effects of two jobs", n)
	}
}

func TestAnUnknownKindIsRefusedAndABadDeclarationPanics(t *testing.T) {
	t.Parallel()
	c := jobs.New(jobs.Options{})
	if err := c.Queue(&pgx.Batch{}, jobs.Job{Kind: "nothing"}); err == nil {
		t.Error("a job of no kind was queued")
	}
	good := jobs.Kind{Name: "x", Queue: jobs.Mail, Timeout: time.Second, Work: leave}
	for what, spoil := range map[string]func(*jobs.Kind){
		"no queue": func(k *jobs.Kind) { k.Queue = "other" }, "no timeout": func(k *jobs.Kind) { k.Timeout = 0 },
		"no work": func(k *jobs.Kind) { k.Work = nil }, "a long timeout": func(k *jobs.Kind) { k.Timeout = time.Hour },
		"a wild priority": func(k *jobs.Kind) { k.Priority = 5 },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a kind with %s was taken", what)
				}
			}()
			bad := good
			spoil(&bad)
			c.Handle(bad)
		}()
	}
}

func TestAUniqueJobIsLeftOutWhileItsTwinIsDue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(jobs.Options{}, jobs.Kind{Name: "effect", Queue: jobs.Events, Timeout: time.Minute, Work: leave},
		jobs.Kind{Name: "other", Queue: jobs.Events, Timeout: time.Minute, Work: leave})
	one := jobs.Job{Kind: "effect", Unique: "one"}
	w.enqueue(c, one, one, jobs.Job{Kind: "effect", Unique: "two"}, jobs.Job{Kind: "other", Unique: "one"})
	w.enqueue(c, one)
	if n := len(w.all(c)); n != 3 {
		t.Fatalf("%d jobs, want 3", n)
	}
	stop := w.start(c, jobs.Plan{})
	w.settled(c, 3, jobs.Succeeded)
	stop()
	w.enqueue(c, one)
	if n := len(w.all(c)); n != 4 {
		t.Errorf("%d jobs, want one more once the first is done", n)
	}
}

func TestAFailedJobIsTriedAgainAndSaysWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var book logbook
	c := w.client(jobs.Options{Log: book.logger()}, jobs.Kind{Name: "flaky", Queue: jobs.Events, Timeout: time.Minute, Pause: atOnce,
		Work: func(ctx context.Context, a *jobs.Attempt) error {
			switch a.Attempt {
			case 1:
				return errors.New("not today\x00\xff")
			case 2:
				panic("what?")
			}
			return leave(ctx, a)
		}})
	w.enqueue(c, jobs.Job{Kind: "flaky"})
	w.start(c, jobs.Plan{})
	w.settled(c, 1, jobs.Succeeded)
	job := w.all(c)[0]
	if job.Attempts != 3 || job.LastError == nil || *job.LastError != "panic: what?" {
		t.Errorf("%+v", job)
	}
	if n := w.count(`SELECT count(*) FROM river.river_job WHERE errors[1] ->> 'error' = 'not today??' AND (errors[2] ->> 'attempt')::int = 2`); n != 1 {
		t.Error("the reasons are not kept")
	}
	number := fmt.Sprintf("job=%d ", job.Number)
	for _, want := range []string{"state=running attempt=1", "state=retrying attempt=1", "state=running attempt=2", "state=retrying attempt=2", "state=running attempt=3", "state=succeeded attempt=3"} {
		found := 0
		for line := range strings.Lines(book.String()) {
			if strings.Contains(line, number) && strings.Contains(line, "kind=flaky "+want) && strings.Contains(line, "id="+jobs.ID(job.Number).String()) {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%d lines say %s:\n%s", found, want, book.String())
		}
	}
}

func TestADeadJobIsKeptUntilSomeoneDecides(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var mend atomic.Bool
	var died atomic.Int64
	c := w.client(jobs.Options{}, jobs.Kind{Name: "hopeless", Queue: jobs.Events, Timeout: time.Minute, Attempts: 2, Pause: atOnce,
		Work: func(ctx context.Context, a *jobs.Attempt) error {
			if !mend.Load() {
				return errors.New("no")
			}
			return leave(ctx, a)
		},
		Died: func(ctx context.Context, tx pgx.Tx, a *jobs.Attempt, cause error) error {
			died.Add(1)
			_, err := tx.Exec(ctx, `INSERT INTO effects (job, attempt) VALUES ($1, $2)`, -a.Number, a.Attempt)
			return err
		}})
	w.enqueue(c, jobs.Job{Kind: "hopeless", EmployerID: someone, Unique: "x"})
	w.start(c, jobs.Plan{})
	w.settled(c, 1, jobs.DeadState)
	job := w.all(c)[0]
	if job.Attempts != 2 || died.Load() != 1 || w.count(`SELECT count(*) FROM effects WHERE job = $1 AND attempt = 2`, -job.Number) != 1 {
		t.Fatalf("%+v, died %d times", job, died.Load())
	}
	retry := func(employer uuid.UUID, number int64) error {
		return w.db.InTx(t.Context(), func(tx pgx.Tx) error {
			_, err := c.RetryTx(t.Context(), tx, employer, number)
			return err
		})
	}
	if err := retry(uuid.New(), job.Number); !errors.Is(err, jobs.ErrNotFound) {
		t.Errorf("another employer's retry: %v", err)
	}
	mend.Store(true)
	w.enqueue(c, jobs.Job{Kind: "hopeless", EmployerID: someone, Unique: "x", At: time.Now().Add(time.Hour)})
	if err := retry(someone, job.Number); !errors.Is(err, jobs.ErrTwin) {
		t.Errorf("a retry beside a twin that is due: %v", err)
	}
	if _, err := w.db.Exec(t.Context(), `DELETE FROM river.river_job WHERE id <> $1`, job.Number); err != nil {
		t.Fatal(err)
	}
	if err := retry(someone, job.Number); err != nil {
		t.Fatal(err)
	}
	w.settled(c, 1, jobs.Succeeded)
	if err := retry(someone, job.Number); !errors.Is(err, jobs.ErrNotDead) {
		t.Errorf("a retry of what is done: %v", err)
	}
	if err := w.forget(c, job.Number); !errors.Is(err, jobs.ErrNotDead) {
		t.Errorf("to forget what is not dead: %v", err)
	}
}

func TestAVerdictOfTheWorkIsFollowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(jobs.Options{}, jobs.Kind{Name: "judged", Queue: jobs.Events, Timeout: time.Minute,
		Work: func(_ context.Context, a *jobs.Attempt) error {
			var in struct{ Dead bool }
			if err := a.Into(&in); err != nil {
				return err
			}
			if in.Dead {
				return fmt.Errorf("wrapped: %w", jobs.Dead(errors.New("never")))
			}
			return jobs.RetryIn(time.Hour, errors.New("later"))
		}})
	w.enqueue(c, jobs.Job{Kind: "judged", Args: map[string]bool{"dead": true}}, jobs.Job{Kind: "judged", Args: map[string]bool{"dead": false}},
		jobs.Job{Kind: "judged", Args: 7})
	w.start(c, jobs.Plan{})
	w.settled(c, 2, jobs.DeadState)
	w.settled(c, 1, jobs.Retrying)
	list := w.all(c)
	if next := list[1].NextRunAt; next == nil || time.Until(*next) < 50*time.Minute || time.Until(*next) > time.Hour {
		t.Errorf("the job comes again at %v", next)
	}
	if err := w.forget(c, list[0].Number); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Find(t.Context(), w.db, uuid.Nil, list[0].Number); !errors.Is(err, jobs.ErrNotFound) {
		t.Errorf("a forgotten job: %v", err)
	}
}

func TestAnAttemptEndsAtItsTimeout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(jobs.Options{}, jobs.Kind{Name: "slow", Queue: jobs.Events, Timeout: 50 * time.Millisecond, Pause: atOnce,
		Work: func(ctx context.Context, a *jobs.Attempt) error {
			if a.Attempt == 1 {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}})
	w.enqueue(c, jobs.Job{Kind: "slow"})
	w.start(c, jobs.Plan{})
	w.settled(c, 1, jobs.Succeeded)
	if job := w.all(c)[0]; job.Attempts != 2 {
		t.Errorf("%+v", job)
	}
}

// Ten thousand mails that no server takes stand in the way of nobody but mail.
func TestASlowQueueDelaysNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	release := make(chan struct{})
	var held atomic.Int64
	c := w.client(jobs.Options{},
		jobs.Kind{Name: "mail", Queue: jobs.Mail, Timeout: time.Minute, Work: func(ctx context.Context, _ *jobs.Attempt) error {
			held.Add(1)
			select {
			case <-release:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}},
		jobs.Kind{Name: "score", Queue: jobs.Events, Timeout: time.Minute, Work: leave})
	mails := make([]jobs.Job, 10_000)
	for i := range mails {
		mails[i] = jobs.Job{Kind: "mail"}
	}
	w.enqueue(c, mails...)
	stop := w.start(c, jobs.Plan{})
	w.eventually("the mail workers are busy", func() bool { return held.Load() == 8 })
	w.enqueue(c, jobs.Job{Kind: "score"})
	w.eventually("the score's job is done", func() bool { return w.count(`SELECT count(*) FROM effects`) == 1 })
	if held.Load() != 8 {
		t.Errorf("%d mails were begun by eight workers that all wait", held.Load())
	}
	close(release)
	stop()
}

func TestWhatMattersMoreComesFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(jobs.Options{}, jobs.Kind{Name: "effect", Queue: jobs.Mail, Timeout: time.Minute, Work: leave})
	var list []jobs.Job
	for range 10 {
		list = append(list, jobs.Job{Kind: "effect", Priority: jobs.Last})
	}
	w.enqueue(c, append(list, jobs.Job{Kind: "effect", Priority: jobs.First})...)
	w.start(c, jobs.Plan{Concurrency: 1})
	w.settled(c, 11, jobs.Succeeded)
	first := w.all(c)[10]
	if n := w.count(`SELECT count(*) FROM effects WHERE at < (SELECT at FROM effects WHERE job = $1)`, first.Number); n != 0 {
		t.Errorf("%d jobs of the last priority came before one of the first", n)
	}
}

func TestAWorkerTakesOnlyItsQueues(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kinds := []jobs.Kind{{Name: "mail", Queue: jobs.Mail, Timeout: time.Minute, Work: leave}, {Name: "event", Queue: jobs.Events, Timeout: time.Minute, Work: leave}}
	c := w.client(jobs.Options{}, kinds...)
	w.enqueue(c, jobs.Job{Kind: "mail"}, jobs.Job{Kind: "event"})
	only, err := jobs.ParseQueues(" mail,")
	if err != nil {
		t.Fatal(err)
	}
	stop := w.start(c, jobs.Plan{Queues: only})
	w.settled(c, 1, jobs.Succeeded)
	stop()
	if list := w.all(c); list[0].State != jobs.Succeeded || list[1].State != jobs.Queued {
		t.Errorf("%+v", list)
	}
	if _, err := jobs.ParseQueues("mail,letters"); err == nil || !strings.Contains(err.Error(), "webhooks") {
		t.Errorf("an unknown queue: %v", err)
	}
}

func TestAStoppingWorkerFinishesOrHandsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	begun := make(chan int64, 2)
	finish := make(chan struct{})
	kinds := []jobs.Kind{
		{Name: "short", Queue: jobs.Events, Timeout: time.Minute, Attempts: 1, Work: func(ctx context.Context, a *jobs.Attempt) error {
			begun <- a.Number
			<-finish
			return leave(ctx, a)
		}},
		{Name: "long", Queue: jobs.Events, Timeout: time.Minute, Attempts: 1, Work: func(ctx context.Context, a *jobs.Attempt) error {
			if a.Attempt == 1 {
				begun <- a.Number
				<-ctx.Done()
				return ctx.Err()
			}
			return leave(ctx, a)
		}},
	}
	c := w.client(jobs.Options{}, kinds...)
	w.enqueue(c, jobs.Job{Kind: "short"}, jobs.Job{Kind: "long"})
	stop := w.start(c, jobs.Plan{})
	<-begun
	<-begun
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	close(finish)
	<-stopped
	list := w.all(c)
	if list[0].State != jobs.Succeeded || list[1].State != jobs.Retrying || w.count(`SELECT count(*) FROM river.alive`) != 0 {
		t.Fatalf("%+v", list)
	}
	w.start(c, jobs.Plan{}) // its only attempt was not used up by being stopped
	w.settled(c, 2, jobs.Succeeded)
}

func TestAJobsNumberAndIDAreOne(t *testing.T) {
	t.Parallel()
	for _, n := range []int64{1, 42, 1<<62 - 1} {
		id := jobs.ID(n)
		if jobs.Number(id) != n || id.Version() != 8 || id.Variant() != uuid.RFC4122 {
			t.Errorf("%d is %s and back %d", n, id, jobs.Number(id))
		}
	}
	if n := jobs.Number(someone); n != 0 {
		t.Errorf("%s is the number %d", someone, n)
	}
}

func TestAJobThatIsPutOffIsTheSameRowAndLosesNoAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var book logbook
	var snoozes []int
	c := w.client(jobs.Options{Log: book.logger()}, jobs.Kind{Name: "patient", Queue: jobs.Events, Timeout: time.Minute, Attempts: 2, Pause: atOnce,
		Work: func(ctx context.Context, a *jobs.Attempt) error {
			snoozes = append(snoozes, a.Snoozes)
			switch {
			case len(snoozes) == 4:
				return errors.New("this once")
			case len(snoozes) < 6:
				return jobs.Snooze(0)
			}
			return leave(ctx, a)
		}})
	w.enqueue(c, jobs.Job{Kind: "patient", EmployerID: someone, Unique: "x"})
	w.start(c, jobs.Plan{})
	w.settled(c, 1, jobs.Succeeded)
	job := w.all(c)[0]
	if fmt.Sprint(snoozes) != "[0 1 2 3 0 1]" || job.Attempts != 6 || job.MaxAttempts != 2+4 || *job.EmployerID != someone {
		t.Errorf("put off %v, %+v", snoozes, job)
	}
	if n := w.count(`SELECT cardinality(errors) FROM river.river_job`); n != 1 {
		t.Errorf("%d reasons are kept, want that of the failure", n)
	}
	for state, want := range map[string]int{"running": 4, "retrying": 1, "succeeded": 1} {
		if n := strings.Count(book.String(), "kind=patient state="+state); n != want {
			t.Errorf("%d lines say %s, want %d:\n%s", n, state, want, book.String())
		}
	}
}

func TestAJobThatIsPutOffForLongWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(jobs.Options{}, jobs.Kind{Name: "patient", Queue: jobs.Events, Timeout: time.Minute, Attempts: 1,
		Work: func(context.Context, *jobs.Attempt) error { return jobs.Snooze(time.Hour) }})
	w.enqueue(c, jobs.Job{Kind: "patient", Unique: "x"}, jobs.Job{Kind: "patient", Unique: "x"})
	w.start(c, jobs.Plan{})
	w.eventually("the job waits", func() bool {
		return w.count(`SELECT count(*) FROM river.river_job WHERE state = 'scheduled' AND scheduled_at > now() + interval '50 min'`) == 1
	})
	w.enqueue(c, jobs.Job{Kind: "patient", Unique: "x"})
	if job := w.all(c)[0]; len(w.all(c)) != 1 || job.State != jobs.Retrying || job.LastError != nil || job.MaxAttempts != 2 {
		t.Errorf("%+v of %d", job, len(w.all(c)))
	}
}

func TestAJobThatWasPutOffAsOftenAsCanBeCountedIsDead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(jobs.Options{}, jobs.Kind{Name: "patient", Queue: jobs.Events, Timeout: time.Minute,
		Work: func(context.Context, *jobs.Attempt) error { return jobs.Snooze(0) }})
	w.enqueue(c, jobs.Job{Kind: "patient"})
	if _, err := w.db.Exec(t.Context(), `UPDATE river.river_job SET attempt = 31997, max_attempts = 31999`); err != nil {
		t.Fatal(err)
	}
	w.start(c, jobs.Plan{})
	w.settled(c, 1, jobs.DeadState)
	if job := w.all(c)[0]; job.Attempts != 32_000 || job.MaxAttempts != 32_000 || job.LastError == nil {
		t.Errorf("%+v", job)
	}
}
