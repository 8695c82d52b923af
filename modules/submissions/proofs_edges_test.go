package submissions

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/address"
	"credlane/app/kit/fault"
	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
)

// newCodeSite is a site where codes are limited to so many an hour for an address and a client.
func newCodeSite(t *testing.T, perHour int) (*provenWorld, *site) {
	w := newProvenWorld(t)
	more := w.more
	w.more = func(d *Deps) { more(d); d.CodeLimit = rest.Rate{Count: perHour, Per: time.Hour} }
	return w, newSite(t, w.world)
}

const (
	atHome    = "192.0.2.1:1000"
	elsewhere = "198.51.100.7:1000"
)

// asks requests a code from a network and gives the status and, if there is a new one, the code.
func (w *provenWorld) asks(s *site, from, email string) (status int, code string) {
	w.t.Helper()
	s.from = from
	status = s.call("POST", "/assessments/"+w.slug()+"/code", "", `{"email":"`+email+`"}`).Code
	if status != http.StatusOK {
		return status, ""
	}
	return status, w.key.Digits(codePurpose, one[uuid.UUID](w.world, `SELECT id FROM email_codes ORDER BY id DESC LIMIT 1`))
}

// verifies says what a try from a network comes to: "ok" or the fault's code.
func (w *provenWorld) verifies(s *site, from, email, code string) string {
	w.t.Helper()
	s.from = from
	rec := s.call("POST", "/assessments/"+w.slug()+"/code/verify", "", `{"email":"`+email+`","code":"`+code+`"}`)
	for _, f := range []*fault.Error{ErrCodeWrong, ErrCodeSpent, rest.ErrTooMany} {
		if strings.Contains(rec.Body.String(), `"`+f.Code+`"`) {
			return f.Code
		}
	}
	if rec.Code != http.StatusOK {
		w.t.Errorf("a try: %d %s", rec.Code, rec.Body)
	}
	return "ok"
}

func TestNobodyElsewhereCanKeepAnOwnerFromProvingTheirAddress(t *testing.T) {
	t.Parallel()
	const ada = "ada@example.org"
	w, s := newCodeSite(t, 5)
	_, code := w.asks(s, atHome, ada)
	for i := range 7 {
		want := ErrCodeWrong.Code
		if i >= 5 {
			want = ErrCodeSpent.Code
		}
		if got := w.verifies(s, elsewhere, ada, not(code)); got != want {
			t.Errorf("wrong try %d from elsewhere: %s, want %s", i+1, got, want)
		}
	}
	if got := w.verifies(s, elsewhere, ada, code); got != ErrCodeSpent.Code {
		t.Errorf("the right one from elsewhere, after that: %s", got)
	}
	for i := range 7 {
		status, _ := w.asks(s, elsewhere, ada)
		if want := map[bool]int{true: 200, false: 429}[i < 5]; status != want {
			t.Errorf("request %d from elsewhere: %d, want %d", i+1, status, want)
		}
	}
	if got := w.verifies(s, atHome, ada, code); got != "ok" {
		t.Errorf("the right one at home: %s", got)
	}
	for i := range 5 {
		if got := w.verifies(s, atHome, ada, not(code)); got != ErrCodeWrong.Code {
			t.Errorf("wrong try %d at home: %s", i+1, got)
		}
	}
	if got := w.verifies(s, atHome, ada, code); got == "ok" {
		t.Error("the right one after five wrong ones at home is taken")
	}
	status, code := w.asks(s, atHome, ada)
	if got := w.verifies(s, atHome, ada, code); status != 200 || got != "ok" {
		t.Errorf("a fresh one at home: %d, %s", status, got)
	}
	if n := one[int](w.world, `SELECT max(tries + foreign_tries) FROM email_codes`); n != 10 {
		t.Errorf("a code was tried wrongly %d times", n)
	}
}

func TestAllNetworksTogetherAskForSoManyCodesOfAnAddress(t *testing.T) {
	t.Parallel()
	w, s := newCodeSite(t, 1)
	for i := range codesPerAddress + 1 {
		status, _ := w.asks(s, "198.51.100."+string(rune('1'+i/2))+string(rune('0'+i%2))+":1", "ada@example.org")
		if want := map[bool]int{true: 200, false: 429}[i < codesPerAddress]; status != want {
			t.Errorf("request %d: %d, want %d", i+1, status, want)
		}
	}
}

func TestTheNewestTwoCodesOfANetworkAreGood(t *testing.T) {
	t.Parallel()
	const ada = "ada@example.org"
	w, s := newCodeSite(t, 5)
	var codes [3]string
	for i := range codes {
		_, codes[i] = w.asks(s, atHome, ada)
		w.asks(s, elsewhere, ada)
	}
	for i, want := range []string{ErrCodeWrong.Code, "ok", "ok"} {
		if got := w.verifies(s, atHome, ada, codes[i]); got != want {
			t.Errorf("code %d of 3: %s, want %s", i+1, got, want)
		}
	}
	if got := one[string](w.world, `SELECT string_agg((tries + foreign_tries)::text, ' ' ORDER BY id) FROM email_codes`); got != "0 0 2 3 2 3" {
		t.Errorf("wrong tries by code: %s", got) // a try is one against each that it is held against
	}
}

func TestAStartWithACodeIsATryLikeAnyOther(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	more := w.more
	w.more = func(d *Deps) { more(d); d.CodeLimit = rest.Rate{Count: 1, Per: time.Hour} }
	m := w.instance()
	for i := range codesPerNetwork + 1 {
		want := ErrCodeSpent
		if i == codesPerNetwork {
			want = rest.ErrTooMany
		}
		if _, _, err := m.Start(t.Context(), w.by("ada@example.org", "123456")); !errors.Is(err, want) {
			t.Fatalf("start %d: %v, want %v", i+1, err, want)
		}
	}
}

func TestTriesFromTwoNetworksNeverWaitForEachOther(t *testing.T) {
	t.Parallel()
	const ada = "ada@example.org"
	w, s := newCodeSite(t, 100)
	sites := []*site{s, newSite(t, w.world)}
	for range proofRounds {
		for _, from := range []string{atHome, elsewhere, atHome, elsewhere} {
			w.asks(s, from, ada)
		}
		w.both(16, func(i int) { w.verifies(sites[i], []string{atHome, elsewhere}[i], ada, "12345") })
	}
	w.noDeadlocks()
}

// both runs two clients, each so many times, side by side.
func (w *provenWorld) both(times int, client func(i int)) {
	done := make(chan struct{})
	for i := range 2 {
		go func() {
			defer func() { done <- struct{}{} }()
			for range times {
				client(i)
			}
		}()
	}
	<-done
	<-done
}

func TestAnAssessmentThatWasPutAwayStopsStartsAndNoResumption(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	m := w.instance()
	_, s := w.start(m, "ada@example.org")
	w.exec(`UPDATE assessments SET status = 'archived', require_email_code = true`)
	w.closed = fault.New(fault.NotFound, "assessment_not_found", "There is none.")
	code, id := w.ask(m, "ada@example.org")
	if owed, err := m.codeIsOwed(t.Context(), w.db.Pool, id, 0); !owed || err != nil {
		t.Errorf("the code is owed: %v, %v", owed, err)
	}
	if err := m.VerifyCode(t.Context(), w.slug(), "ada@example.org", code); err != nil {
		t.Errorf("verified: %v", err)
	}
	if _, again, err := m.Start(t.Context(), w.by("ada@example.org", code)); err != nil || !again.Resumed || again.Receipt.ID != s.Receipt.ID {
		t.Errorf("resumed: %+v, %v", again.Receipt, err)
	}
	code, id = w.ask(m, "bob@example.org")
	if owed, err := m.codeIsOwed(t.Context(), w.db.Pool, id, 0); owed || err != nil {
		t.Errorf("the code of who may not begin is owed: %v, %v", owed, err)
	}
	if _, _, err := m.Start(t.Context(), w.by("bob@example.org", code)); !errors.Is(err, w.closed) {
		t.Errorf("who has not begun: %v", err)
	}
	w.exec(`UPDATE assessments SET status = 'draft', current_version = NULL`)
	if err := m.RequestCode(t.Context(), w.slug(), "ada@example.org"); !errors.Is(err, ErrAssessmentNotFound) {
		t.Errorf("a draft: %v", err)
	}
}

func TestAResumptionThatFailsLeavesTheCandidateWhereTheyWere(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	m := w.instance()
	running, s := w.start(m, "ada@example.org")
	w.invite("ada@example.org", 100)
	code, _ := w.ask(m, "ada@example.org")
	whole := w.version
	w.version.ID = fixed(2, 8) // what can be read no more
	broken := w.instance()
	for name, come := range map[string]func() error{
		"by code": func() error { _, _, err := broken.Start(t.Context(), w.by("ada@example.org", code)); return err },
		"by link": func() error {
			_, _, err := broken.StartInvited(t.Context(), InvitedStart{Token: "ada@example.org"})
			return err
		},
	} {
		if err := come(); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.version = whole
	if _, err := m.Sitting(running); err != nil {
		t.Errorf("the device in use: %v", err)
	}
	if got := one[string](w.world, `SELECT concat_ws(' ', session_number, extra_time_percent, (SELECT count(*) FROM email_codes WHERE used_at IS NULL),
		(SELECT count(*) FROM invites WHERE started_at IS NULL)) FROM submissions WHERE id = $1`, s.Receipt.ID); got != "1 0 1 1" {
		t.Errorf("session, time, codes and links that are good: %s", got)
	}
	if _, _, err := w.instance().Start(t.Context(), w.by("ada@example.org", code)); err != nil {
		t.Errorf("the code afterwards: %v", err)
	}
}

func TestWhatWasVoidedMeanwhileIsEnteredAnewAndNeverAnError(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	m := w.instance()
	_, s := w.start(m, "ada@example.org")
	e, err := m.entranceTo(t.Context(), w.version.AssessmentID, s.Receipt.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Void(w.staff(), s.Receipt.ID, "the fire alarm"); err != nil {
		t.Fatal(err)
	}
	for name, who := range map[string]arrival{
		"by code": {Name: "Ada", Email: "ada@example.org", Consent: true},
		"by link": {Name: "Ada", Email: "ada@example.org", Consent: true, SubmissionID: s.Receipt.ID},
	} {
		tries := 0
		_, _, err := comeAgain(func() (string, Sitting, error) {
			tries++
			return m.enter(t.Context(), e, func(context.Context, pgx.Tx) (arrival, error) { return who, nil })
		})
		if f, ok := fault.As(err); !ok || f.Code != ErrUnsettled.Code || f.RetryAfter == 0 || tries != enterTries {
			t.Errorf("%s, after %d tries: %v", name, tries, err)
		}
	}
	if n := one[int](w.world, `SELECT count(*) FROM submissions`); n != 0 {
		t.Errorf("%d attempts", n)
	}
	if _, err := m.entranceTo(t.Context(), w.version.AssessmentID, s.Receipt.ID); !errors.Is(err, ErrUnsettled) {
		t.Errorf("got ready for what is voided: %v", err)
	}
}

func TestATransactionThatBeginsAnewForgetsWhatItFoundBefore(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	m := w.instance()
	w.exec(`CREATE TABLE stumbles (n int);
		CREATE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$;
		CREATE CONSTRAINT TRIGGER stumbles_at_commit AFTER INSERT ON stumbles DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION stumble()`)
	e, err := m.entrance(t.Context(), w.version.AssessmentID, w.opening, nil)
	if err != nil {
		t.Fatal(err)
	}
	tries := 0
	_, s, err := m.enter(t.Context(), e, func(ctx context.Context, tx pgx.Tx) (arrival, error) {
		if tries++; tries > 1 {
			return arrival{Name: "Ada", Email: "ada@example.org", Consent: true}, nil
		}
		_, err := tx.Exec(ctx, `INSERT INTO stumbles VALUES (1)`)
		return arrival{}, errors.Join(err, refusal{ErrCodeWrong})
	})
	if n := one[int](w.world, `SELECT count(*) FROM submissions`); err != nil || s.Resumed || tries != 2 || n != 1 {
		t.Errorf("after %d tries %d attempts: %+v, %v", tries, n, s.Receipt, err)
	}
}

func TestExtraTimeOfAnInviteSaysWhoGaveItAndWhatItMoved(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	m := w.instance()
	w.start(m, "ada@example.org")
	w.clock.Advance(10 * time.Minute)
	for _, email := range []string{"ada@example.org", "bob@example.org"} {
		w.invite(email, 100)
	}
	w.exec(`UPDATE invite_extra_times SET reason = 'A broken arm', given_by_kind = 'member', given_by = $1
		WHERE invite_id = (SELECT id FROM invites WHERE email = 'ada@example.org')`, fixed(9, 1))
	for email, reason := range map[string]string{"ada@example.org": "A broken arm", "bob@example.org": withTheInvite} {
		w.come(m, email)
		ctx, s := w.come(m, email) // which gives nothing again
		found, err := m.Find(w.staff(), s.Receipt.ID)
		if err != nil || len(found.ExtraTimes) != 1 {
			t.Fatalf("%s: %+v, %v", email, found.ExtraTimes, err)
		}
		if x := found.ExtraTimes[0]; x.Percent != 100 || x.Reason != reason || !x.At.Equal(opened) || (x.By.ID == uuid.Nil) != (reason == withTheInvite) {
			t.Errorf("%s: %+v", email, x)
		}
		if n := one[int](w.world, `SELECT count(*) FROM submission_extra_times x JOIN submissions s ON s.id = x.submission_id
			WHERE s.id = $1 AND x.deadline_at = s.deadline_at`, s.Receipt.ID); n != 1 {
			t.Errorf("%s: the deadline is not the one that it moved to", email)
		}
		if _, err := m.Submit(ctx); err != nil {
			t.Fatal(err)
		}
	}
	got := one[string](w.world, `SELECT string_agg(concat_ws(' ', before->>'extraTimePercent', before->>'deadlineAt', after->>'extraTimePercent',
		after->>'deadlineAt', after ? 'inviteId'), '; ') FROM audit_events WHERE action = 'submission.extra_time_given'`)
	if got != "0 2026-03-02T09:30:00Z 100 2026-03-02T10:00:00Z t" {
		t.Errorf("the trail has %q", got)
	}
}

// The database folds addresses when it looks for who has them, and this code folds them when it looks for their codes.
func TestNoAddressIsAnotherOneInTheDatabasesLowerCase(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	m := w.instance()
	for _, email := range []string{"m\u0130ke@example.org", "mike@gma\u0130l.example", "\u212aim@example.org", "\uff4d@example.org"} {
		if err := m.RequestCode(t.Context(), w.slug(), email); !errors.Is(err, ErrCandidate) {
			t.Errorf("a code for %s: %v", email, err)
		}
	}
	folded, err := pg.All[struct {
		From string `db:"was"`
		To   string `db:"folded"`
	}](t.Context(), m.DB, `SELECT chr(n) AS was, lower(chr(n)) AS folded FROM generate_series(128, 1114111) n
		WHERE n NOT BETWEEN 55296 AND 57343 AND lower(chr(n)) ~ '[\x01-\x7f]'`)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folded {
		if kept, ok := address.Email("a" + f.From + "@example.org"); ok {
			t.Errorf("%q is taken, and is %q to the database", kept, f.To)
		}
	}
}
