package operations_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/authn"
	"credlane/app/kit/clock"
	"credlane/app/kit/fault"
	"credlane/app/kit/ids"
	"credlane/app/kit/jobs"
	"credlane/app/kit/pg"
	"credlane/app/kit/pgtest"
	"credlane/modules/operations"
)

type world struct {
	t   *testing.T
	db  *pg.DB
	all *jobs.Client
	m   *operations.Module
}

var (
	ours   = uuid.MustParse("0190b6f0-0000-7000-8000-000000000001")
	theirs = uuid.MustParse("0190b6f0-0000-7000-8000-000000000002")
)

func newWorld(t *testing.T) *world {
	t.Helper()
	db, err := pg.Open(t.Context(), pg.Options{URL: pgtest.New(t).URL, MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if _, err := db.Exec(t.Context(), `INSERT INTO employers (id, name, slug, created_at, updated_at) VALUES ($1, 'Ours', 'ours', now(), now()), ($2, 'Theirs', 'theirs', now(), now())`, ours, theirs); err != nil {
		t.Fatal(err)
	}
	all := jobs.New(jobs.Options{DB: db})
	all.Handle(jobs.Kind{Name: "work", Queue: jobs.Events, Timeout: time.Second, Work: func(context.Context, *jobs.Attempt) error { return nil }})
	return &world{t: t, db: db, all: all, m: operations.New(operations.Deps{DB: db, Jobs: all, Clock: clock.System{}, IDs: ids.New(clock.System{})})}
}

func (w *world) enqueue(employer uuid.UUID, n int) {
	w.t.Helper()
	err := w.db.InTx(w.t.Context(), func(tx pgx.Tx) error {
		for range n {
			if err := w.all.EnqueueTx(w.t.Context(), tx, jobs.Job{Kind: "work", EmployerID: employer}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) as(employer uuid.UUID) context.Context {
	return authn.With(w.t.Context(), authn.Principal{Kind: authn.Member, UserID: uuid.New(), EmployerID: employer, Role: authn.Admin})
}

func TestAnEmployerSeesItsOwnJobsPageByPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enqueue(ours, 5)
	w.enqueue(theirs, 3)
	w.enqueue(uuid.Nil, 2)
	var seen []int64
	for cursor, pages := "", 1; ; pages++ {
		list, next, err := w.m.Jobs(w.as(ours), jobs.Filter{Limit: 2}, cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range list {
			if j.EmployerID == nil || *j.EmployerID != ours || (len(seen) > 0 && j.Number >= seen[len(seen)-1]) {
				t.Errorf("job %d of %v after %v", j.Number, j.EmployerID, seen)
			}
			seen = append(seen, j.Number)
		}
		if next == nil {
			if pages != 3 || len(seen) != 5 {
				t.Errorf("%d pages of %v", pages, seen)
			}
			break
		}
		cursor = *next
	}
	if _, _, err := w.m.Jobs(w.as(ours), jobs.Filter{Limit: 2}, "nonsense"); !errors.Is(err, pg.ErrCursor) {
		t.Errorf("a cursor of nobody's: %v", err)
	}
	if _, err := w.m.Job(w.as(theirs), jobs.ID(seen[0])); !errors.Is(err, jobs.ErrNotFound) {
		t.Errorf("another employer's job: %v", err)
	}
	if job, err := w.m.Job(w.as(ours), jobs.ID(seen[0])); err != nil || job.State != jobs.Queued {
		t.Errorf("%+v, %v", job, err)
	}
}

func TestARetryIsRecordedAndOnlyOfOnesOwnDeadJobs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enqueue(ours, 1)
	list, _, err := w.m.Jobs(w.as(ours), jobs.Filter{Limit: 1}, "")
	if err != nil {
		t.Fatal(err)
	}
	id := jobs.ID(list[0].Number)
	if _, err := w.m.Retry(w.as(ours), id); !errors.Is(err, jobs.ErrNotDead) {
		t.Errorf("a job that is due: %v", err)
	}
	if _, err := w.db.Exec(t.Context(), `UPDATE river.river_job SET state = 'discarded', finalized_at = now(), attempt = 12, max_attempts = 12`); err != nil {
		t.Fatal(err)
	}
	if list, _, err = w.m.Jobs(w.as(ours), jobs.Filter{Limit: 1, State: jobs.DeadState}, ""); err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	if _, err := w.m.Retry(w.as(theirs), id); !errors.Is(err, jobs.ErrNotFound) {
		t.Errorf("another employer's: %v", err)
	}
	job, err := w.m.Retry(w.as(ours), id)
	if err != nil || job.State != jobs.Retrying || job.MaxAttempts != 24 {
		t.Errorf("%+v, %v", job, err)
	}
	var recorded int
	if err := w.db.QueryRow(t.Context(), `SELECT count(*) FROM audit_events WHERE employer_id = $1 AND action = 'job.retried' AND object_id = $2`, ours, id).Scan(&recorded); err != nil || recorded != 1 {
		t.Errorf("%d records, %v", recorded, err)
	}
	if f, ok := fault.As(jobs.ErrTwin); !ok || f.Kind != fault.Conflict {
		t.Error("a twin is a conflict")
	}
}
