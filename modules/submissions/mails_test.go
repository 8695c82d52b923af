package submissions

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"credlane/app/kit/ids"
	"credlane/app/kit/jobs"
	"credlane/app/kit/mail"
)

// postedWorld sends by the real mailer and does the real jobs; without a server mail is kept.
type postedWorld struct {
	*provenWorld
	mail *mail.Mailer
	jobs *jobs.Client
}

func newPostedWorld(t *testing.T) (*postedWorld, *Module) {
	t.Helper()
	w := &postedWorld{provenWorld: newProvenWorld(t)}
	more := w.more
	w.more = func(d *Deps) {
		more(d)
		d.Jobs = jobs.New(jobs.Options{DB: d.DB})
		m, err := mail.New(mail.Options{DB: d.DB, Jobs: d.Jobs, Key: w.key, Clock: w.clock, IDs: ids.New(w.clock), Log: d.Log, PublicURL: "https://tests.example"})
		if err != nil {
			t.Fatal(err)
		}
		d.Mail, d.Members = m, team{w.version.EmployerID, 1}
		w.mail, w.jobs = m, d.Jobs
	}
	m := w.instance()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- w.jobs.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("work: %v", err)
		}
	})
	return w, m
}

// arrived waits until n mails have come out, and gives the last one of a template.
func (w *postedWorld) arrived(n int, template string) *mail.Shown {
	w.t.Helper()
	limit, tick := time.After(time.Minute), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for one[int](w.world, `SELECT count(*) FROM mails WHERE state <> 'queued'`) < n {
		select {
		case <-limit:
			w.t.Fatalf("%d mails did not come out", n)
		case <-tick.C:
		}
	}
	list, err := w.mail.List(w.t.Context(), "", 100)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, i := range list {
		if i.Template == template {
			shown, err := w.mail.Show(w.t.Context(), i.ID)
			if err != nil {
				w.t.Fatal(err)
			}
			return shown
		}
	}
	w.t.Fatalf("no %s among %+v", template, list)
	return nil
}

func (w *postedWorld) says(m *mail.Shown, state mail.State, parts ...string) {
	w.t.Helper()
	text := m.Text
	for _, h := range m.Headers {
		text = h.Name + ": " + h.Value + "\n" + text
	}
	for _, part := range parts {
		if !strings.Contains(text, part) {
			w.t.Errorf("%q is not in\n%s", part, text)
		}
	}
	if m.State != state || strings.Contains(text, "<no value>") || strings.Contains(text, "line0") {
		w.t.Errorf("a mail that is %s, want %s:\n%s", m.State, state, text)
	}
}

func TestMailsSayWhatTheyAreAbout(t *testing.T) {
	t.Parallel()
	w, m := newPostedWorld(t)
	w.exec(`UPDATE assessments SET require_email_code = true`)
	code, _ := w.ask(m, "ada@example.org")
	w.says(w.arrived(1, mailCode), mail.Kept, "To: ", "ada@example.org", `Subject: Your code for “Backend "basics"”`, code, "10 minutes", "Acme")
	token, _, err := m.Start(t.Context(), w.by("ada@example.org", code))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Submit(w.holding(token)); err != nil {
		t.Fatal(err)
	}
	w.says(w.arrived(2, mailReceived), mail.Kept, `Subject: Your answers to “Backend "basics"” have arrived`, "Hello Ada,", "2 March 2026, 09:00 UTC", "Acme")
	w.invite("bob@example.org", 0)
	w.come(m, "bob@example.org")
	w.clock.Advance(time.Hour)
	if _, err := m.SweepOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.says(w.arrived(3, mailReceived), mail.Kept, "bob@example.org", "The time for", "is up", "2 March 2026, 09:30 UTC")
	w.clock.Advance(time.Hour)
	err = m.DB.InTx(t.Context(), func(tx pgx.Tx) error {
		return m.Jobs.EnqueueTx(t.Context(), tx, jobs.Job{Kind: jobDigest}, jobs.Job{Kind: jobTidy})
	})
	if err != nil {
		t.Fatal(err)
	}
	w.says(w.arrived(4, mailDigest), mail.Kept, "member0@acme.example", "Subject: 2 new submissions", "Basics: 2", "at most once a day")
}

func TestACodeThatIsNotOwedIsNotMailed(t *testing.T) {
	t.Parallel()
	w, m := newPostedWorld(t)
	w.ask(m, "stranger@example.org")
	w.says(w.arrived(1, mailCode), mail.Dropped)
}
