package app_test

import (
	"context"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"
)

// figure is the value of one series of /metrics, by its name without the prefix; "" when there is none.
func (w *world) figure(series string) string {
	w.t.Helper()
	page := string(w.must(200, "GET", "/metrics", "", nil).body)
	found := regexp.MustCompile(`(?m)^[a-z]+_` + regexp.QuoteMeta(series) + ` (\S+)$`).FindStringSubmatch(page)
	if found == nil {
		return ""
	}
	return found[1]
}

func TestTheProductsFiguresFollowWhatPeopleDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.employer(1)
	login := func(status int, password string) {
		w.must(status, "POST", "/api/v1/auth/login", "", obj{"email": "owner1@example.com", "password": password})
	}
	login(200, "a long enough secret")
	login(401, "not the right secret")
	login(401, "not the right one either")
	id, slug := w.published(token)
	w.must(200, "POST", "/api/v1/assessments/"+id+"/publish", token, nil) // the same draft again makes no version
	s := w.start(slug, "cara@mail.example")
	w.start(slug, "dan@mail.example")
	w.must(200, "PUT", "/api/v1/public/submission/answers/"+s.Questions[0].ID, s.SubmissionToken,
		obj{"answer": s.Questions[0].Options[1].ID, "sequence": 1})
	w.must(200, "POST", "/api/v1/public/submission/submit", s.SubmissionToken, nil)
	for _, file := range []string{"csv", "csv?bom=true", "ndjson", "xlsx"} {
		at, query, _ := strings.Cut(file, "?")
		w.must(200, "GET", "/api/v1/assessments/"+id+"/submissions."+at+"?"+query, token, nil)
	}
	for series, want := range map[string]string{
		`logins_total{outcome="ok"}`: "1", `logins_total{outcome="wrong"}`: "2", `logins_total{outcome="limited"}`: "0",
		`logins_total{outcome="other"}`: "0", "assessments_published_total": "1",
		"submissions_started_total": "2", "answers_saved_total": "1", "submissions_submitted_total": "1", "submissions_expired_total": "0",
		`exports_total{format="csv"}`: "2", `exports_total{format="ndjson"}`: "1", `exports_total{format="xlsx"}`: "1",
		`exports_total{format="other"}`: "0", "sweep_lag_seconds": "0",
	} {
		if got := w.figure(series); got != want {
			t.Errorf("%s is %q, want %q", series, got, want)
		}
	}
}

func TestTheSweepsLagShowsAnAttemptThatCannotBeEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, slug := w.published(w.employer(1))
	s := w.start(slug, "cara@mail.example")
	// The row is held, as by a stuck transaction: every sweep leaves it, so the lag stands still to be read.
	if _, err := w.db.Pool.Exec(t.Context(), `UPDATE submissions SET started_at = now() - interval '2 h', deadline_at = now() - interval '1 h'`); err != nil {
		t.Fatal(err)
	}
	tx, err := w.db.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := tx.Exec(t.Context(), `SELECT FROM submissions WHERE id = $1 FOR UPDATE`, s.Submission.ID); err != nil {
		t.Fatal(err)
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.app.Run(ctx, l, true) }()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	patience := time.After(time.Minute)
	for w.figure("sweep_lag_seconds") == "0" {
		select {
		case <-look.C:
		case <-patience:
			t.Fatal("an attempt is an hour overdue and the sweep tells of no lag")
		}
	}
}
