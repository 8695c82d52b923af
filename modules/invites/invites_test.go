package invites

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"credlane/app/kit/fault"
	"credlane/app/kit/jobs"
	"credlane/app/kit/mail"
	"credlane/app/kit/pg"
)

func TestEachAddressHasItsOwnResultInTheOrderOfTheCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	before := w.invite(m, "Bob@Example.org")
	results := w.order(m, Order{Message: " Good luck ", People: []Person{
		{Email: " ada@example.org ", Name: "Ada", ExtraTimePercent: 25, Reason: "dyslexia"}, {Email: "bob@example.org"}, {Email: "ADA@example.org"},
		{Email: "nobody"}, {Email: "c@example.org", Name: "C\nD"}, {Email: "d@example.org", ExtraTimePercent: 301},
		{Email: "e@example.org", Reason: strings.Repeat("x", MaxReason+1)}, {Email: "f@example.org", ExtraTimePercent: -1},
	}})
	var got []string
	for _, r := range results {
		got = append(got, strings.TrimSpace(string(r.Outcome)+" "+r.Code))
	}
	want := []string{"invited", "duplicate already_invited", "duplicate already_invited", "invalid invalid_email", "invalid invalid_name",
		"invalid invalid_extra_time", "invalid invalid_reason", "invalid invalid_extra_time"}
	if !slices.Equal(got, want) {
		t.Fatalf("got %q", got)
	}
	ada := *results[0].Invite
	if results[1].Invite.ID != before.ID || results[2].Invite.ID != ada.ID {
		t.Error("a duplicate carries another invite")
	}
	found, times, err := m.Find(w.as(asRecruiter), ada.ID)
	w.must(err)
	if found.Message != "Good luck" || found.Email != "ada@example.org" || found.ExtraTimePercent != 25 || !found.ExpiresAt.Equal(opened.Add(defaultLife)) || found.State != Created {
		t.Errorf("%+v", found)
	}
	if len(times) != 1 || times[0].Reason != "dyslexia" || times[0].ByName != "Name of "+asRecruiter || times[0].Percent != 25 {
		t.Errorf("%+v", times)
	}
	if w.owed(templateInvite) != 2 || w.audited(ada.ID) != "invite.created by member" {
		t.Errorf("%d mails; %s", w.owed(templateInvite), w.audited(ada.ID))
	}
	if kept := value[string](w, `SELECT string_agg(coalesce(after::text, ''), ' ') FROM audit_events`); strings.Contains(kept, "dyslexia") || strings.Contains(kept, "@") {
		t.Errorf("the trail holds personal data: %s", kept)
	}
}

func TestAnOrderAsAWholeIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	late, past := opened.Add(MaxLife+time.Second), opened
	for what, o := range map[string]Order{
		"nobody":  {},
		"late":    {People: emails("a@b.org").People, ExpiresAt: &late},
		"past":    {People: emails("a@b.org").People, ExpiresAt: &past},
		"message": {People: emails("a@b.org").People, Message: strings.Repeat("x", MaxMessage+1)},
		"control": {People: emails("a@b.org").People, Message: "a\x1bb"},
		"many":    {People: make([]Person, MaxAtOnce+1)},
	} {
		_, err := order(w.as(asRecruiter), m, w.assessment, o)
		if f, ok := fault.As(err); !ok || f.Kind != fault.Invalid {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := order(w.as(asOther), m, w.assessment, emails("a@b.org"))
	w.refused(err, ErrAssessmentNotFound)
	w.closed = errNotActive
	_, err = order(w.as(asRecruiter), m, w.assessment, emails("a@b.org"))
	w.refused(err, errNotActive)
	if n := value[int](w, `SELECT count(*) FROM invites`); n != 0 {
		t.Errorf("%d invites", n)
	}
}

// counter counts what a connection sends by itself; what is in a batch goes along.
type counter struct{ n atomic.Int64 }

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.n.Add(1)
	return ctx
}
func (c *counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func TestAThousandPeopleTakeAsManyStatementsAsOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m, c := w.instance(), &counter{}
	db, err := pg.Open(t.Context(), pg.Options{URL: w.db.URL, MaxConns: 2, Tracer: c})
	w.must(err)
	t.Cleanup(db.Close)
	m.db = db
	count := func(from, n int) int64 {
		o := Order{}
		for i := range n {
			o.People = append(o.People, Person{Email: fmt.Sprintf("p%d@example.org", from+i), ExtraTimePercent: 10})
		}
		was := c.n.Load()
		for _, r := range w.order(m, o) {
			if r.Outcome != Invited {
				t.Fatalf("%+v", r)
			}
		}
		return c.n.Load() - was
	}
	one := count(0, 1)
	if many := count(1, MaxAtOnce); many != one {
		t.Errorf("%d statements for one, %d for a thousand", one, many)
	}
	w.clock.Advance(defaultLife)
	if again := count(1, MaxAtOnce); again != one {
		t.Errorf("%d statements where a thousand overdue ones give way", again)
	}
	superseded := value[int](w, `SELECT count(*) FROM invites WHERE superseded_at IS NOT NULL AND expired_at IS NOT NULL`)
	if superseded != MaxAtOnce {
		t.Errorf("%d gave way", superseded)
	}
}

func TestTheStateFollowsFromWhatHappened(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	ctx := w.as(asRecruiter)
	i := w.invite(m, "ada@example.org")
	is := func(want State) {
		t.Helper()
		if got := w.find(m, i).State; got != want {
			t.Errorf("the state is %s, want %s", got, want)
		}
		list, _, err := m.List(ctx, w.assessment, Filter{State: want}, 50, "")
		if err != nil || len(list) != 1 || list[0].ID != i.ID {
			t.Errorf("listed by %s: %d, %v", want, len(list), err)
		}
	}
	is(Created)
	w.sent(m, i)
	is(Sent)
	_, _, err := m.Open(t.Context(), m.token(i))
	w.must(err)
	is(Opened)
	submission := w.started(m, i)
	is(Started)
	w.clock.Advance(defaultLife)
	is(Started) // its expiry stops no attempt
	complete := func() {
		var b pgx.Batch
		m.QueueCompleted(&b, i.ID, w.clock.Now())
		w.must(w.db.Pool.SendBatch(t.Context(), &b).Close())
	}
	complete()
	is(Completed)
	at := *w.find(m, i).CompletedAt
	w.clock.Advance(time.Minute)
	complete()
	if !w.find(m, i).CompletedAt.Equal(at) {
		t.Error("it was completed twice")
	}
	w.must(m.inTx(t.Context(), func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `DELETE FROM submissions WHERE id = $1`, submission); err != nil {
			return err
		}
		return m.ReopenTx(t.Context(), tx, submission)
	}))
	is(Expired)
	later := w.clock.Now().Add(time.Hour)
	w.must(m.Update(ctx, i.ID, Change{ExpiresAt: &later}))
	is(Opened)
	_, err = m.Decline(t.Context(), m.token(i), "no time")
	w.must(err)
	is(Declined)
	next := w.invite(m, "ADA@example.org")
	is(Superseded)
	w.must(m.Revoke(ctx, next.ID))
	w.must(m.Revoke(ctx, next.ID))
	if got := w.audited(next.ID); got != "invite.created by member, invite.revoked by member" {
		t.Error(got)
	}
	if got := w.find(m, next).State; got != Revoked {
		t.Errorf("the state is %s", got)
	}
}

func TestALinkThatLeadsNowhereIsOneUnknownLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	ctx := w.as(asRecruiter)
	revoked, superseded, declined := w.invite(m, "r@example.org"), w.invite(m, "s@example.org"), w.invite(m, "d@example.org")
	w.must(m.Revoke(ctx, revoked.ID))
	for _, i := range []Invite{superseded, declined} {
		_, err := m.Decline(t.Context(), m.token(i), "")
		w.must(err)
	}
	w.invite(m, "s@example.org")
	for name, token := range map[string]string{"unknown": strings.Repeat("a", 26), "revoked": m.token(revoked), "superseded": m.token(superseded), "": ""} {
		_, _, err := m.Open(t.Context(), token)
		w.refused(err, ErrNotFound)
		_, err = m.Decline(t.Context(), token, "")
		w.refused(err, ErrNotFound)
		if _, err = w.start(t.Context(), m, token); err == nil {
			t.Errorf("%s: it started", name)
		}
		w.refused(err, ErrNotFound)
	}
	_, err := w.start(t.Context(), m, m.token(declined))
	w.refused(err, ErrDeclined)
	if seen, _, err := m.Open(t.Context(), m.token(declined)); err != nil || seen.State != Declined {
		t.Errorf("%s, %v", seen.State, err)
	}
	w.clock.Advance(defaultLife)
	expired := w.invite(m, "e@example.org")
	w.clock.Advance(defaultLife)
	_, err = w.start(t.Context(), m, m.token(expired))
	w.refused(err, ErrExpired)
	_, err = m.Decline(t.Context(), m.token(expired), "")
	w.refused(err, ErrExpired)
	if seen, _, err := m.Open(t.Context(), m.token(expired)); err != nil || seen.State != Expired {
		t.Errorf("%s, %v", seen.State, err)
	}
	if w.owed(EventOpened) != 0 || w.owed(EventDeclined) != 2 {
		t.Errorf("%d looks and %d declines were told", w.owed(EventOpened), w.owed(EventDeclined))
	}
}

func TestResendKeepsTheLinkUnlessItIsToRotate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	ctx := w.as(asRecruiter)
	i := w.invite(m, "ada@example.org")
	first := m.URL(i)
	w.must(m.Resend(ctx, i.ID, false))
	if got := m.URL(w.find(m, i)); got != first {
		t.Error("the link changed")
	}
	w.must(m.Resend(ctx, i.ID, true))
	second := m.URL(w.find(m, i))
	if second == first || !strings.HasPrefix(second, "https://lane.example/i/") || len(second) != len("https://lane.example/i/")+26 {
		t.Errorf("the link is %s after %s", second, first)
	}
	_, _, err := m.Open(t.Context(), m.token(i))
	w.refused(err, ErrNotFound)
	if got := value[string](w, `SELECT string_agg(n::text, ' ' ORDER BY place) FROM owed WHERE ref = $1`, i.ID); got != "1 1 2" {
		t.Errorf("the mails show the links %s", got)
	}
	w.refused(m.Resend(w.as(asOther), i.ID, true), ErrNotFound)
	w.closed = errNotActive
	w.refused(m.Resend(ctx, i.ID, false), errNotActive)
	w.closed = nil
	w.started(m, w.find(m, i))
	w.closed = errNotActive // who has started may come back to a closed one
	w.must(m.Resend(ctx, i.ID, false))
	if got := value[string](w, `SELECT concat_ws(', ', data ->> 'title', data ->> 'started') FROM owed WHERE ref = $1 ORDER BY place DESC LIMIT 1`, i.ID); got != "Go basics, true" {
		t.Errorf("the mail says %s", got)
	}
	for _, other := range []error{errors.New("the database is gone"), ErrAssessmentNotFound} {
		w.closed = other
		if err := m.Resend(ctx, i.ID, false); !errors.Is(err, other) {
			t.Errorf("%v came back as %v", other, err)
		}
	}
	w.closed = nil
	w.exec(`UPDATE invites SET completed_at = $2 WHERE id = $1`, i.ID, w.clock.Now())
	w.refused(m.Resend(ctx, i.ID, false), ErrCompleted)
	if n := w.owed(templateInvite); n != 4 {
		t.Errorf("%d mails are owed", n)
	}
	gone := w.invite(m, "bob@example.org")
	w.must(m.Revoke(ctx, gone.ID))
	w.refused(m.Resend(ctx, gone.ID, false), ErrOver)
	late := w.invite(m, "eve@example.org")
	w.clock.Advance(defaultLife)
	w.refused(m.Resend(ctx, late.ID, false), ErrExpired)
}

func TestExtraTimeIsGivenBeforeAndDuringTheTest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	ctx := w.as(asRecruiter)
	i := w.invite(m, "ada@example.org")
	give := func(percent int, reason string) error {
		return m.Update(ctx, i.ID, Change{ExtraTimePercent: &percent, Reason: reason})
	}
	w.refused(give(25, " "), ErrReason)
	w.must(give(25, "dyslexia"))
	w.must(give(25, "dyslexia, certified")) // the same time for a better reason
	submission := w.started(m, i)
	if got := value[int](w, `SELECT extra_time_percent FROM submissions WHERE id = $1`, submission); got != 25 {
		t.Errorf("the start has %d %%", got)
	}
	w.must(give(50, "a fire alarm"))
	// Who does not hear the answer asks again.
	before := w.audited(i.ID)
	w.must(give(50, "a fire alarm"))
	if got := w.audited(i.ID); got != before {
		t.Errorf("a retry left %s after %s", got, before)
	}
	if w.extra[submission] != 50 || w.find(m, i).ExtraTimePercent != 50 {
		t.Errorf("the submission has %d %%, the invite shows %d", w.extra[submission], w.find(m, i).ExtraTimePercent)
	}
	w.refusal = fault.New(fault.Conflict, "submission_closed", "Too late.")
	w.refused(give(100, "more"), fault.New(fault.Conflict, "submission_closed", ""))
	if got := value[int](w, `SELECT extra_time_percent FROM invites WHERE id = $1`, i.ID); got != 50 {
		t.Errorf("a refusal left %d %%", got)
	}
	_, times, err := m.Find(ctx, i.ID)
	w.must(err)
	var reasons []string
	for _, x := range times {
		reasons = append(reasons, fmt.Sprint(x.Percent, " ", x.Reason))
	}
	if !slices.Equal(reasons, []string{"25 dyslexia", "25 dyslexia, certified", "50 a fire alarm"}) {
		t.Errorf("got %q", reasons)
	}
	// What somebody gave in the submission itself shows here too.
	w.exec(`UPDATE submissions SET extra_time_percent = 75 WHERE id = $1`, submission)
	if got := w.find(m, i).ExtraTimePercent; got != 75 {
		t.Errorf("the invite shows %d %%", got)
	}
	later := w.clock.Now().Add(time.Hour)
	w.refused(m.Update(ctx, i.ID, Change{ExpiresAt: &later}), ErrStarted)
	w.refused(m.Revoke(ctx, i.ID), ErrStarted)
	_, err = m.Decline(t.Context(), m.token(i), "")
	w.refused(err, ErrStarted)
}

func TestALaterExpiryLetsAnExpiredInviteLiveAgainUnlessAnotherOneDoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	ctx := w.as(asRecruiter)
	i := w.invite(m, "ada@example.org")
	w.clock.Advance(defaultLife)
	w.pass(m)
	percent := 10
	w.refused(m.Update(ctx, i.ID, Change{ExtraTimePercent: &percent, Reason: "why"}), ErrExpired)
	later := w.clock.Now().Add(time.Hour)
	w.must(m.Update(ctx, i.ID, Change{ExpiresAt: &later}))
	w.must(m.Update(ctx, i.ID, Change{}))
	if found := w.find(m, i); found.State != Created || found.ExpiredAt != nil {
		t.Errorf("%+v", found)
	}
	w.clock.Advance(time.Hour)
	w.pass(m)
	w.invite(m, "ada@example.org")
	later = w.clock.Now().Add(time.Hour)
	w.refused(m.Update(ctx, i.ID, Change{ExpiresAt: &later}), ErrOver)
	if got := w.audited(i.ID); got != "invite.created by member, invite.expired by job, invite.changed by member, invite.expired by job, invite.superseded by member" {
		t.Error(got)
	}
}

func TestPeopleAreRemindedOnceOfEachThingAndOnlyWhereItHelps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	idle, unsent, begun, declined := w.invite(m, "idle@example.org"), w.invite(m, "unsent@example.org"), w.invite(m, "begun@example.org"), w.invite(m, "d@example.org")
	soon := opened.Add(20 * time.Hour)
	short := *w.order(m, Order{People: emails("short@example.org").People, ExpiresAt: &soon})[0].Invite
	w.sent(m, idle, begun, declined, short)
	w.started(m, begun)
	_, err := m.Decline(t.Context(), m.token(declined), "")
	w.must(err)
	reminded := func() string {
		return value[string](w, `SELECT coalesce(string_agg(split_part(unique_key, ' ', 1) || ' ' || address, ', ' ORDER BY place), '') FROM owed WHERE template = $1`, templateReminder)
	}
	step := func(later time.Duration, want string) {
		t.Helper()
		w.clock.Advance(later)
		w.pass(m)
		w.pass(m)
		if got := reminded(); got != want {
			t.Errorf("reminded %q, want %q", got, want)
		}
	}
	step(idleAfter-time.Second, "")
	w.exec(`UPDATE assessments SET reminders = false`)
	step(time.Second, "")
	w.exec(`UPDATE assessments SET reminders = true, status = 'closed'`)
	step(0, "")
	w.exec(`UPDATE assessments SET status = 'active'`)
	step(0, "idle idle@example.org")
	step(defaultLife-idleAfter-lastBefore-time.Second, "idle idle@example.org")
	step(time.Second, "idle idle@example.org, last idle@example.org")
	step(defaultLife, "idle idle@example.org, last idle@example.org")
	if got := w.audited(idle.ID); got != "invite.created by member, invite.sent by job, invite.reminded by job, invite.reminded by job, invite.expired by job" {
		t.Error(got)
	}
	if got := w.audited(unsent.ID); got != "invite.created by member, invite.expired by job" {
		t.Error(got)
	}
}

func TestAMailThatIsNoLongerOwedIsNotSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	live, begun, revoked, late := w.invite(m, "l@example.org"), w.invite(m, "b@example.org"), w.invite(m, "r@example.org"), w.invite(m, "e@example.org")
	done := w.invite(m, "c@example.org")
	w.started(m, begun)
	w.started(m, done)
	w.exec(`UPDATE invites SET completed_at = $2 WHERE id = $1`, done.ID, w.clock.Now())
	w.must(m.Revoke(w.as(asRecruiter), revoked.ID))
	w.exec(`UPDATE invites SET expires_at = $2 WHERE id = $1`, late.ID, w.clock.Now().Add(time.Minute))
	w.clock.Advance(time.Hour)
	for i, want := range map[Invite][2]bool{live: {true, true}, begun: {true, false}, done: {}, revoked: {}, late: {}} {
		for n, name := range []string{templateInvite, templateReminder} {
			if got, err := w.templates[name].Still(t.Context(), w.db.Pool, i.ID, i.Rotation); err != nil || got != want[n] {
				t.Errorf("%s to %s: %v, %v", name, i.Email, got, err)
			}
			if got, err := w.templates[name].Still(t.Context(), w.db.Pool, i.ID, i.Rotation-1); err != nil || got {
				t.Errorf("%s to %s with a link of before: %v, %v", name, i.Email, got, err)
			}
		}
	}
}

func TestWhatBecameOfTheMailStandsWithTheInvite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	i := w.invite(m, "ada@example.org")
	tell := func(fn func(context.Context, pgx.Tx) error) {
		w.must(m.inTx(t.Context(), func(tx pgx.Tx) error { return fn(t.Context(), tx) }))
	}
	hooks := w.templates[templateInvite]
	tell(func(ctx context.Context, tx pgx.Tx) error { return hooks.Failed(ctx, tx, i.ID, opened) })
	if found := w.find(m, i); found.State != Created || found.FailedAt == nil || found.SentAt != nil {
		t.Errorf("%+v", found)
	}
	tell(func(ctx context.Context, tx pgx.Tx) error { return hooks.Sent(ctx, tx, i.ID, opened) })
	if found := w.find(m, i); found.State != Sent || found.FailedAt != nil || !found.SentAt.Equal(opened) {
		t.Errorf("%+v", found)
	}
	if got := w.audited(i.ID); got != "invite.created by member, invite.undeliverable by job, invite.sent by job" {
		t.Error(got)
	}
}

func TestThePeriodicWorkRunsAsAJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m, c := w.instanceWithJobs()
	i := w.invite(m, "ada@example.org")
	w.clock.Advance(defaultLife)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	w.must(m.inTx(ctx, func(tx pgx.Tx) error { return c.EnqueueTx(ctx, tx, jobs.Job{Kind: kindRemind}) }))
	for {
		list, err := c.List(ctx, jobs.Filter{Kind: kindRemind, Limit: 100})
		w.must(err)
		if !slices.ContainsFunc(list, func(j jobs.Info) bool { return j.State != jobs.Succeeded }) {
			break
		}
	}
	stop()
	w.must(<-ended)
	if w.find(m, i).ExpiredAt == nil {
		t.Error("it is not noted as expired")
	}
}

func TestAMaskedAddressShowsItsOwnerEnoughAndNobodyMore(t *testing.T) {
	t.Parallel()
	for email, want := range map[string]string{
		"ada@example.org": "a•••@e•••.org", "x@mail.acme.co.uk": "x•••@m•••.uk", "étienne@bücher.example": "é•••@b•••.example",
	} {
		if got := Masked(email); got != want {
			t.Errorf("%s is shown as %s", email, got)
		}
	}
}

func TestTheTextsOfTheMailsNameTheEmployerAndTheLastDay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	i := w.invite(m, "ada@example.org")
	letter := m.letter(i, templateInvite, "Go basics")
	if letter.Secret != (mail.Secret{Purpose: tokenPurpose, ID: i.ID, N: 1}) || letter.Data["until"] != "Monday, 16 March 2026, 09:00 UTC" || letter.Ref != i.ID {
		t.Errorf("%+v", letter)
	}
	for _, name := range []string{templateInvite, templateReminder} {
		if got := w.templates[name]; !strings.HasSuffix(got.Path, "/i/{{.Secret}}") || !strings.Contains(got.Subject, ".Employer") {
			t.Errorf("%+v", got)
		}
	}
}
