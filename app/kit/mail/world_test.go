package mail

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/clock"
	"credlane/app/kit/ids"
	"credlane/app/kit/jobs"
	"credlane/app/kit/mailtest"
	"credlane/app/kit/pg"
	"credlane/app/kit/pgtest"
	"credlane/app/kit/seal"
)

// world is a mailer of its own on a database of its own.
type world struct {
	*Mailer
	t     *testing.T
	jobs  *jobs.Client
	clock *clock.Fake
	log   *logbook
	seen  *tally
}

// logbook keeps log lines.
type logbook struct {
	mu   sync.Mutex
	text strings.Builder
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

// tally counts outcomes.
type tally struct {
	mu    sync.Mutex
	count map[string]int
}

func (s *tally) Mail(outcome string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count[outcome]++
}

func (s *tally) of(outcome string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count[outcome]
}

const employer = "0190b6f0-0000-7000-8000-000000000001"

func newWorld(t *testing.T, smtp SMTP) *world {
	t.Helper()
	test := pgtest.New(t)
	_, err := test.Pool.Exec(t.Context(), `
INSERT INTO employers (id, name, slug, reply_to, created_at, updated_at) VALUES ($1, 'Analytical Engines', 'engines', 'people@engines.example', now(), now())`, employer)
	if err != nil {
		t.Fatal(err)
	}
	return build(t, test.URL, smtp)
}

// build is one more instance on the database.
func build(t *testing.T, url string, smtp SMTP) *world {
	t.Helper()
	db, err := pg.Open(t.Context(), pg.Options{URL: url, MaxConns: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	key, err := seal.New([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	c := clock.NewFake(time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC))
	w := &world{t: t, clock: c, log: &logbook{}, seen: &tally{count: map[string]int{}}}
	log := slog.New(slog.NewTextHandler(w.log, nil))
	w.jobs = jobs.New(jobs.Options{DB: db, Log: log})
	w.Mailer, err = New(Options{
		DB: db, Jobs: w.jobs, Key: key, Clock: c, IDs: ids.New(c), Log: log, Counters: w.seen,
		PublicURL: "https://lane.example", SMTP: smtp,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

// to is the way to a test server.
func to(s *mailtest.Server) SMTP { return SMTP{URL: s.URL, CAFile: s.CAFile} }

// note is a template with a bit of everything.
func note(change ...func(*Template)) Template {
	t := Template{
		Name: "note", Subject: "A note for {{.Name}}",
		Body:   []string{"Hello {{.Name}},", "{{.Employer}} has {{.Data.count}} thing{{if ne .Data.count 1}}s{{end}} to say: {{.Data.what}}", "{{with .Data.absent}}never{{end}}"},
		Button: "Read it", Path: "/n/{{.Secret}}", Small: []string{"Small print."},
	}
	for _, f := range change {
		f(&t)
	}
	return t
}

// a message of the template note.
func message(change ...func(*Message)) Message {
	m := Message{
		Template: "note", EmployerID: uuid.MustParse(employer), To: "ada@example.com", ToName: "Ada",
		Data:   map[string]any{"count": 2, "what": "this & that"},
		Secret: Secret{Purpose: "note", ID: uuid.MustParse(employer)},
	}
	for _, f := range change {
		f(&m)
	}
	return m
}

func (w *world) owe(messages ...Message) {
	w.t.Helper()
	if err := w.db.InTx(w.t.Context(), func(tx pgx.Tx) error { return w.SendTx(w.t.Context(), tx, messages...) }); err != nil {
		w.t.Fatal(err)
	}
}

// start works on the jobs until stop is called or the test ends.
func (w *world) start() (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.jobs.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("work: %v", err)
		}
	})
	w.t.Cleanup(stop)
	return stop
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
			w.t.Fatalf("in vain: %s\n%s", what, w.log)
		case <-tick.C:
		}
	}
}

// hurry makes what waits to be tried again due now.
func (w *world) hurry() {
	w.t.Helper()
	_, err := w.db.Exec(w.t.Context(), `
UPDATE river.river_job SET state = 'available', scheduled_at = now() WHERE state IN ('available', 'retryable', 'scheduled') AND attempt > 0`)
	if err != nil {
		w.t.Fatal(err)
	}
}

// settle waits until n mails are in the state, and no job waits for its next try.
func (w *world) settle(n int, state State) {
	w.t.Helper()
	w.eventually(string(state), func() bool {
		w.hurry()
		return w.count(`SELECT count(*) FROM mails WHERE state = $1`, state) == n
	})
}

func (w *world) count(sql string, args ...any) (n int) {
	w.t.Helper()
	if err := w.db.QueryRow(w.t.Context(), sql, args...).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

func (w *world) text(sql string, args ...any) (s string) {
	w.t.Helper()
	if err := w.db.QueryRow(w.t.Context(), sql, args...).Scan(&s); err != nil {
		w.t.Fatal(err)
	}
	return s
}
