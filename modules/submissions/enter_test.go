package submissions

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
)

func TestAPersonalLinkStartsWithTheInvitesTimeAndResumesEverAfter(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	w.invite("ada@example.org", 50)
	m := w.instance()
	first, s := w.come(m, "ada@example.org")
	if s.Resumed || !s.Receipt.DeadlineAt.Equal(opened.Add(45*time.Minute)) || s.ExtraTimePercent != 50 {
		t.Errorf("it began as %+v", s)
	}
	if _, err := m.Save(first, give(4, `"mutex"`)); err != nil {
		t.Fatal(err)
	}
	second, again := w.come(w.instance(), "ada@example.org")
	if !again.Resumed || again.Receipt.ID != s.Receipt.ID || len(again.Answers) != 1 || !again.Receipt.DeadlineAt.Equal(s.Receipt.DeadlineAt) {
		t.Errorf("it goes on as %+v", again)
	}
	if _, err := m.Sitting(first); !errors.Is(err, ErrSessionTaken) {
		t.Errorf("the device before: %v", err)
	}
	if _, err := m.Submit(second); err != nil {
		t.Fatal(err)
	}
	third, ended := w.come(m, "ada@example.org")
	if !ended.Resumed || ended.Receipt.Status != Submitted {
		t.Errorf("after the end: %+v", ended)
	}
	if _, err := m.Outcome(third); err != nil {
		t.Errorf("the result after the end: %v", err)
	}
	got := one[string](w.world, `SELECT concat_ws(' ', s.session_number, s.address_proved, s.name, s.email, i.submission_id = s.id, i.completed_at = $1)
		FROM submissions s JOIN invites i ON i.id = s.invite_id`, opened)
	if want := "3 t Ada of the invite ada@example.org t t"; got != want {
		t.Errorf("kept is %q, want %q", got, want)
	}
	for action, want := range map[string]int{"submission.started": 1, "submission.resumed": 2, "submission.submitted": 1} {
		if n := one[int](w.world, `SELECT count(*) FROM audit_events WHERE action = $1 AND actor_kind = 'candidate' AND actor_id = $2`, action, s.Receipt.ID); n != want {
			t.Errorf("%d rows of %s, want %d", n, action, want)
		}
	}
}

func TestALinkAsksForConsentAndANameToStartAndNotToResume(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	w.invite("ada@example.org", 0)
	w.exec(`UPDATE invites SET name = ''`)
	m := w.instance()
	for _, c := range []struct {
		in   InvitedStart
		want error
	}{
		{InvitedStart{Token: "ada@example.org", Name: "Ada"}, ErrConsent},
		{InvitedStart{Token: "ada@example.org", Name: " ", Consent: true}, ErrCandidate},
		{InvitedStart{Token: "somebody else's", Name: "Ada", Consent: true}, errNoLink},
		{InvitedStart{Token: "ada@example.org", Name: "Ada", Consent: true}, nil},
		{InvitedStart{Token: "ada@example.org"}, nil},
	} {
		if _, _, err := m.StartInvited(t.Context(), c.in); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v, want %v", c.in, err, c.want)
		}
	}
}

func TestALinkTakesUpWhatBeganByThePublicLink(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	m := w.instance()
	stranger, s := w.start(m, "Ada@example.org")
	w.invite("ada@example.org", 100)
	w.clock.Advance(10 * time.Minute)
	ctx, again := w.come(m, "ada@example.org")
	if !again.Resumed || again.Receipt.ID != s.Receipt.ID || !again.Receipt.DeadlineAt.Equal(opened.Add(time.Hour)) || again.ExtraTimePercent != 100 {
		t.Errorf("it goes on as %+v", again)
	}
	if _, err := m.Sitting(stranger); !errors.Is(err, ErrSessionTaken) {
		t.Errorf("the device before: %v", err)
	}
	if _, err := m.Submit(ctx); err != nil {
		t.Fatal(err)
	}
	if got := one[string](w.world, `SELECT concat_ws(' ', s.address_proved, i.submission_id = s.id, i.completed_at IS NOT NULL)
		FROM submissions s JOIN invites i ON i.id = s.invite_id`); got != "t t t" {
		t.Errorf("kept is %s", got)
	}
}

func TestWhoLooksSeesWhetherTheAddressIsProved(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	w.invite("ada@example.org", 0)
	m := w.instance()
	public, bob := w.start(m, "bob@example.org")
	personal, ada := w.come(m, "ada@example.org")
	for _, c := range []struct {
		ctx    context.Context
		s      Sitting
		proved bool
	}{{public, bob, false}, {personal, ada, true}} {
		own, err := m.Dossier(c.ctx)
		if err != nil || own.Person.AddressProved != c.proved {
			t.Errorf("for the candidate: %+v, %v", own.Person, err)
		}
		full, err := m.Find(w.staff(), c.s.Receipt.ID)
		if err != nil || full.AddressProved != c.proved || (full.InviteID != nil) != c.proved {
			t.Errorf("for the employer: %v %v, %v", full.AddressProved, full.InviteID, err)
		}
	}
}

func TestALinkTakesUpAnEndedAttemptWithoutTouchingItsResult(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	m := w.instance()
	public, s := w.start(m, "ada@example.org")
	if _, err := m.Submit(public); err != nil {
		t.Fatal(err)
	}
	w.invite("ada@example.org", 100)
	if _, again := w.come(m, "ada@example.org"); again.Receipt.Status != Submitted || !again.Receipt.DeadlineAt.Equal(s.Receipt.DeadlineAt) {
		t.Errorf("it is %+v", again)
	}
	if got := one[string](w.world, `SELECT concat_ws(' ', s.extra_time_percent, i.completed_at IS NOT NULL) FROM submissions s JOIN invites i ON i.id = s.invite_id`); got != "0 t" {
		t.Errorf("kept is %s", got)
	}
	if n := w.mails(mailReceived); n != 0 {
		t.Errorf("%d mails went to an address that nobody had proved at the end", n)
	}
}

func TestWhatIsClosedStopsStartsAndNoResumption(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	for _, email := range []string{"ada@example.org", "bob@example.org", "cyd@example.org"} {
		w.invite(email, 0)
	}
	m := w.instance()
	w.come(m, "ada@example.org")
	w.start(m, "cyd@example.org")
	w.closed = fault.New(fault.Conflict, "assessment_closed", "Closed.")
	if _, s := w.come(m, "ada@example.org"); !s.Resumed {
		t.Error("it did not go on")
	}
	if _, s := w.come(m, "cyd@example.org"); !s.Resumed {
		t.Error("what began by the public link did not go on by the personal one")
	}
	if _, _, err := m.StartInvited(t.Context(), InvitedStart{Token: "bob@example.org", Consent: true}); !errors.Is(err, w.closed) {
		t.Errorf("a start: %v", err)
	}
	w.closed = errors.New("the database is away")
	if _, _, err := m.StartInvited(t.Context(), InvitedStart{Token: "bob@example.org", Consent: true}); !errors.Is(err, w.closed) {
		t.Errorf("a failure: %v", err)
	}
	if n := one[int](w.world, `SELECT count(*) FROM submissions`); n != 2 {
		t.Errorf("%d attempts", n)
	}
}

func TestComingBackTooLateEndsTheAttemptFirst(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	w.invite("ada@example.org", 0)
	m := w.instance()
	w.come(m, "ada@example.org")
	w.clock.Advance(time.Hour)
	ctx, s := w.come(m, "ada@example.org")
	if s.Receipt.Status != Expired || s.Receipt.SubmittedAt == nil || !s.Receipt.SubmittedAt.Equal(opened.Add(30*time.Minute)) {
		t.Errorf("it is %+v", s.Receipt)
	}
	if _, err := m.Outcome(ctx); err != nil {
		t.Errorf("its result: %v", err)
	}
	if n := one[int](w.world, `SELECT count(*) FROM invites WHERE completed_at IS NOT NULL`); n != 1 {
		t.Error("the invite is not completed")
	}
}

func TestAVoidedAttemptLetsItsLinkStartAfresh(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	w.invite("ada@example.org", 0)
	m := w.instance()
	old, s := w.come(m, "ada@example.org")
	if err := m.Void(w.staff(), s.Receipt.ID, "the fire alarm"); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Sitting(old); !errors.Is(err, authn.ErrUnauthenticated) {
		t.Errorf("the voided attempt: %v", err)
	}
	if _, again := w.come(m, "ada@example.org"); again.Resumed || again.Receipt.ID == s.Receipt.ID {
		t.Errorf("afresh: %+v", again.Receipt)
	}
}

func TestAnEndIsToldToTheInviteToListenersAndToAProvedAddressAlone(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	m := w.instance()
	for _, email := range []string{"ada@example.org", "bob@example.org"} {
		w.invite(email, 0)
	}
	public, _ := w.start(m, "eve@example.org")
	ada, _ := w.come(m, "ada@example.org")
	w.come(m, "bob@example.org")
	for _, ctx := range []func() error{
		func() error { _, err := m.Submit(public); return err },
		func() error { _, err := m.Submit(ada); return err },
	} {
		if err := ctx(); err != nil {
			t.Fatal(err)
		}
	}
	w.clock.Advance(time.Hour)
	if n, err := m.SweepOnce(t.Context()); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	for typ, want := range map[string]int{eventStarted: 3, eventSubmitted: 2, eventExpired: 1, eventScored: 3} {
		if n := one[int](w.world, `SELECT count(*) FROM told WHERE type = $1`, typ); n != want {
			t.Errorf("%d times %s, want %d", n, typ, want)
		}
	}
	if got := one[string](w.world, `SELECT string_agg(concat_ws(' ', to_address, to_name, data->>'assessment', data->>'expired', data->>'at'), '; ' ORDER BY to_address)
		FROM mailbox WHERE template = 'submission_received'`); got != `ada@example.org Ada of the invite Backend "basics" false 2 March 2026, 09:00 UTC; `+
		`bob@example.org Ada of the invite Backend "basics" true 2 March 2026, 09:30 UTC` {
		t.Errorf("mailed is %s", got)
	}
	if n := one[int](w.world, `SELECT count(*) FROM invites WHERE completed_at IS NOT NULL`); n != 2 {
		t.Errorf("%d invites are completed", n)
	}
}

func TestAnEventTellsOfASubmissionAsListsDo(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	w.invite("ada@example.org", 0)
	m := w.instance()
	ctx, s := w.come(m, "ada@example.org")
	if _, err := m.Submit(ctx); err != nil {
		t.Fatal(err)
	}
	found, err := m.EventObject(t.Context(), w.version.EmployerID, s.Receipt.ID)
	if err != nil {
		t.Fatal(err)
	}
	e, ok := found.(EventSubmission)
	if !ok || e.ID != s.Receipt.ID || e.Candidate.Email != "ada@example.org" || e.Status != Submitted || e.Score == nil || e.Version != 1 ||
		e.AssessmentID != w.version.AssessmentID || e.InviteID == nil || e.StartedAt.Location() != time.UTC {
		t.Errorf("it is %+v", found)
	}
	if _, err := m.EventObject(t.Context(), fixed(1, 99), s.Receipt.ID); !errors.Is(err, ErrSubmissionNotFound) {
		t.Errorf("another employer's: %v", err)
	}
}

// Without a proof the candidate's way costs the statements that it cost before there were any.
func TestTheWayWithoutAProofCostsNoStatementForIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.more = func(d *Deps) { d.Mail, d.Invitations = mailbox{}, links{w} }
	sent := &statementLog{}
	m := w.traced(sent)
	w.start(m, "ada@example.org") // the first one also reads types
	sent.clear()
	ctx, _ := w.start(m, "bob@example.org")
	if got := sent.clear(); len(got) != 3 {
		t.Errorf("a start sends %d statements: %q", len(got), got)
	}
	if _, err := m.Submit(ctx); err != nil {
		t.Fatal(err)
	}
	if got := sent.clear(); len(got) != 6 {
		t.Errorf("a submit sends %d statements: %q", len(got), got)
	}
}

func addresses(n, round int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf("ada%d.%d@example.org", round, i))
	}
	return list
}
