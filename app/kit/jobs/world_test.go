package jobs_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/jobs"
	"credlane/app/kit/pg"
	"credlane/app/kit/pgtest"
)

// effects is where the tests' jobs leave their effect; its key allows one for each job.
const sqlEffects = `
CREATE TABLE effects (job bigint PRIMARY KEY, attempt integer NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp())`

type world struct {
	t   *testing.T
	url string
	db  *pg.DB
}

func newWorld(t *testing.T) *world {
	t.Helper()
	test := pgtest.New(t)
	if _, err := test.Pool.Exec(t.Context(), sqlEffects); err != nil {
		t.Fatal(err)
	}
	return &world{t: t, url: test.URL, db: open(t, test.URL)}
}

func open(t *testing.T, url string) *pg.DB {
	t.Helper()
	db, err := pg.Open(t.Context(), pg.Options{URL: url, MaxConns: 6})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// client is one more instance with the kinds; it works when started.
func (w *world) client(o jobs.Options, kinds ...jobs.Kind) *jobs.Client {
	w.t.Helper()
	if o.DB == nil {
		o.DB = w.db
	}
	c := jobs.New(o)
	for _, k := range kinds {
		c.Handle(k)
	}
	return c
}

// start works until the returned stop is called or the test ends.
func (w *world) start(c *jobs.Client, p jobs.Plan) (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Work(ctx, p) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("work: %v", err)
		}
	})
	w.t.Cleanup(stop)
	return stop
}

func (w *world) enqueue(c *jobs.Client, list ...jobs.Job) {
	w.t.Helper()
	if err := w.db.InTx(w.t.Context(), func(tx pgx.Tx) error { return c.EnqueueTx(w.t.Context(), tx, list...) }); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) forget(c *jobs.Client, number int64) error {
	w.t.Helper()
	return w.db.InTx(w.t.Context(), func(tx pgx.Tx) error {
		_, err := c.ForgetTx(w.t.Context(), tx, number)
		return err
	})
}

// all is every job, oldest first.
func (w *world) all(c *jobs.Client) []jobs.Info {
	w.t.Helper()
	list, err := c.List(w.t.Context(), jobs.Filter{Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list
}

func (w *world) count(sql string, args ...any) (n int) {
	w.t.Helper()
	if err := w.db.QueryRow(w.t.Context(), sql, args...).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// eventually waits until ok holds, for as long as a minute.
func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	limit := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-limit:
			w.t.Fatalf("in vain: %s", what)
		case <-tick.C:
		}
	}
}

// settled waits until n jobs are in the state.
func (w *world) settled(c *jobs.Client, n int, state jobs.State) {
	w.t.Helper()
	w.eventually(string(state), func() bool {
		list, err := c.List(w.t.Context(), jobs.Filter{State: state, Limit: 20_000})
		return err == nil && len(list) == n
	})
}

// leave writes the attempt's effect in the transaction that ends the job.
func leave(ctx context.Context, a *jobs.Attempt) error {
	return a.Finish(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO effects (job, attempt) VALUES ($1, $2)`, a.Number, a.Attempt)
		return err
	})
}

// at once is a pause for tests that fail on purpose.
func atOnce(int) time.Duration { return 0 }

// logbook keeps log lines.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logbook) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

var someone = uuid.MustParse("0190b6f0-0000-7000-8000-000000000001")
