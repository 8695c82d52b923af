package invites

import (
	"bytes"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"

	"credlane/app/kit/ids"
	"credlane/app/kit/jobs"
	"credlane/app/kit/mail"
	"credlane/app/kit/pg"
	"credlane/app/kit/seal"
)

// posted is the module with the real mailer, which keeps what it cannot send.
func (w *world) posted() (*Module, *mail.Mailer) {
	w.t.Helper()
	db, err := pg.Open(w.t.Context(), pg.Options{URL: w.db.URL, MaxConns: 4})
	w.must(err)
	w.t.Cleanup(db.Close)
	key, err := seal.New(bytes.Repeat([]byte("k"), 32))
	w.must(err)
	source, c := ids.New(w.clock), jobs.New(jobs.Options{DB: db})
	mailer, err := mail.New(mail.Options{DB: db, Jobs: c, Key: key, Clock: w.clock, IDs: source, Log: slog.New(slog.DiscardHandler), PublicURL: "https://lane.example"})
	w.must(err)
	w.t.Cleanup(mailer.Close)
	return New(Deps{DB: db, Clock: w.clock, IDs: source, Key: key, Mail: mailer, Jobs: c, Assessments: w, Accommodations: w, PublicURL: "https://lane.example"}), mailer
}

var linkIn = regexp.MustCompile(`https://lane\.example/i/([a-z0-9]{26})\b`)

func TestTheMailsShowTheLinkThatOpensTheInvite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m, mailer := w.posted()
	r := w.order(m, Order{Message: "We <liked> your talk.\nCome and see.", People: []Person{{Email: "ada@example.org", Name: "Ada"}}})
	i := *r[0].Invite
	w.must(m.Resend(w.as(asRecruiter), i.ID, true))
	w.sent(m, i)
	w.clock.Advance(idleAfter)
	w.pass(m)
	w.clock.Advance(defaultLife - idleAfter - lastBefore)
	w.pass(m)
	list, err := mailer.List(t.Context(), "", 10)
	w.must(err)
	if len(list) != 4 {
		t.Fatalf("%d mails", len(list))
	}
	// Newest first; the first one shows the link that was rotated away since.
	for n, want := range []struct {
		subject, text string
		opens         bool
	}{
		{"Reminder: Go basics, from Acme", "This is the last day", true},
		{"Reminder: Go basics, from Acme", "You can start it until Monday, 16 March 2026, 09:00 UTC.", true},
		{"Acme invites you: Go basics", "We <liked> your talk.\nCome and see.", true},
		{"Acme invites you: Go basics", "Hello Ada,", false},
	} {
		shown, err := mailer.Show(t.Context(), list[n].ID)
		w.must(err)
		link := linkIn.FindStringSubmatch(shown.Text)
		if link == nil || !strings.Contains(shown.Text, want.text) || !strings.Contains(shown.Text, "Go basics") {
			t.Fatalf("mail %d: %s", n, shown.Text)
		}
		subject := ""
		for _, h := range shown.Headers {
			if h.Name == "Subject" {
				subject = h.Value
			}
		}
		_, _, err = m.Open(t.Context(), link[1])
		if subject != want.subject || (err == nil) != want.opens {
			t.Errorf("mail %d is %q and opens %v", n, subject, err)
		}
	}
	if n := value[int](w, `SELECT count(*) FROM mails WHERE data::text LIKE '%/i/%' OR data::text LIKE '%' || $1 || '%'`, m.token(w.find(m, i))); n != 0 {
		t.Error("a mail's row holds the link")
	}
}

func TestWhoHasStartedIsToldToGoOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m, mailer := w.posted()
	i := *w.order(m, Order{Message: "Come and see.", People: []Person{{Email: "ada@example.org", Name: "Ada"}}})[0].Invite
	w.started(m, i)
	w.must(m.Resend(w.as(asRecruiter), i.ID, false))
	list, err := mailer.List(t.Context(), "", 10)
	w.must(err)
	shown, err := mailer.Show(t.Context(), list[0].ID)
	w.must(err)
	for _, want := range []string{"Hello Ada,", "You have started the assessment “Go basics” of Acme.", "Go on:\nhttps://lane.example/i/" + m.token(i), "pass it on."} {
		if !strings.Contains(shown.Text, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	for _, past := range []string{"until", "decline", "start the clock", "invites", "Come and see"} {
		if strings.Contains(shown.Text, past) {
			t.Errorf("it still says %q", past)
		}
	}
	if t.Failed() {
		t.Log(shown.Text)
	}
	if !slices.ContainsFunc(shown.Headers, func(h mail.Header) bool {
		return h.Name == "Subject" && h.Value == "Your link to go on: Go basics, from Acme"
	}) {
		t.Errorf("headers %v", shown.Headers)
	}
}
