package invites

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/clock"
)

func TestOfBulkCallsWithTheSameAddressesEachAddressIsInvitedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instances := []*Module{w.instance(), w.instance()}
	const rounds, calls, people = 25, 6, 12
	for round := range rounds {
		// Some had an invite that is overdue by now: it must give way in the same moment, to one of them.
		for i := range people / 2 {
			w.invite(instances[0], fmt.Sprintf("p%d-%d@example.org", round, i))
		}
		w.clock.Advance(defaultLife + time.Minute)
		all := make([][]Result, calls)
		clients := make([]func(), calls)
		for c := range calls {
			o := Order{}
			for _, i := range rand.Perm(people) {
				o.People = append(o.People, Person{Email: fmt.Sprintf([]string{"p%d-%d@example.org", "P%d-%d@Example.org"}[c%2], round, i)})
			}
			clients[c] = func() {
				var err error
				if all[c], err = order(w.as(asRecruiter), instances[c%2], w.assessment, o); err != nil {
					t.Error(err)
				}
			}
		}
		together(clients...)
		invited := 0
		for _, results := range all {
			for _, r := range results {
				switch {
				case r.Outcome == Invited:
					invited++
				case r.Outcome != Duplicate || r.Invite == nil || !r.Invite.ExpiresAt.After(w.clock.Now()):
					t.Errorf("%+v", r)
				}
			}
		}
		live := value[int](w, `SELECT count(*) FROM invites WHERE email ILIKE $1 AND expired_at IS NULL AND superseded_at IS NULL`, fmt.Sprintf("p%d-%%", round))
		owed := value[int](w, `SELECT count(DISTINCT ref) FROM owed WHERE address ILIKE $1`, fmt.Sprintf("p%d-%%", round))
		if invited != people || live != people || owed != people+people/2 {
			t.Fatalf("round %d: %d invited, %d live, %d mails", round, invited, live, owed)
		}
	}
}

// inTurn has clients come one after the other to an invite that somebody holds, and lets go of it when all of them wait: the
// database serves them in the order in which they came.
func (w *world) inTurn(i Invite, clients ...func()) {
	w.t.Helper()
	var done sync.WaitGroup
	w.must(w.holding(i, func() {
		for n, client := range clients {
			done.Go(client)
			w.waiting(n + 1)
		}
	}))
	done.Wait()
}

// holding runs fn while somebody else holds the invite.
func (w *world) holding(i Invite, fn func()) error {
	return pgx.BeginFunc(w.t.Context(), w.db.Pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(w.t.Context(), `SELECT FROM invites WHERE id = $1 FOR UPDATE`, i.ID)
		if err == nil {
			fn()
		}
		return err
	})
}

// waiting returns when so many wait for a lock.
func (w *world) waiting(n int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for value[int](w, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) != n {
		select {
		case <-ctx.Done():
			w.t.Fatalf("there were never %d who wait", n)
		case <-look.C:
		}
	}
}

// Races may always be won by the same side: here each side comes first once.
func TestWhoComesToAnInviteFirstDecides(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two := w.instance(), w.instance()
	recruiter := w.as(asRecruiter)
	for what, c := range map[string]struct {
		over   string
		starts error // what the start hears that came too late
		act    func(i Invite) error
	}{
		"revoke":  {"revoked_at", ErrNotFound, func(i Invite) error { return two.Revoke(recruiter, i.ID) }},
		"decline": {"declined_at", ErrDeclined, func(i Invite) error { _, err := two.Decline(recruiter, two.token(i), ""); return err }},
	} {
		for _, startFirst := range []bool{true, false} {
			i := w.invite(one, fmt.Sprintf("%s-%v@example.org", what, startFirst))
			var startErr, otherErr error
			clients := []func(){
				func() { _, startErr = w.start(recruiter, one, one.token(i)) },
				func() { otherErr = c.act(i) },
			}
			if !startFirst {
				slices.Reverse(clients)
			}
			w.inTurn(i, clients...)
			if started := w.decided(i, c.over, startErr, otherErr, c.starts); started != startFirst {
				t.Errorf("%s: the start came first: %v; it won: %v", what, startFirst, started)
			}
			if startFirst && !errors.Is(otherErr, ErrStarted) {
				t.Errorf("%s of what was started: %v", what, otherErr)
			}
		}
	}
}

func TestALinkThatIsRotatedFirstOrStartedFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two := w.instance(), w.instance()
	for _, startFirst := range []bool{true, false} {
		i := w.invite(one, fmt.Sprintf("%v@example.org", startFirst))
		var startErr, resendErr error
		clients := []func(){
			func() { _, startErr = w.start(t.Context(), one, one.token(i)) },
			func() { resendErr = two.Resend(w.as(asRecruiter), i.ID, true) },
		}
		if !startFirst {
			slices.Reverse(clients)
		}
		w.inTurn(i, clients...)
		if resendErr != nil || (startErr == nil) != startFirst || !startFirst && !errors.Is(startErr, ErrNotFound) {
			t.Errorf("the start came first: %v; start %v, resend %v", startFirst, startErr, resendErr)
		}
	}
}

func TestAnInviteThatExpiresFirstOrIsStartedFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, ahead := w.instance(), w.instanceAt(clock.NewFake(opened.Add(defaultLife)))
	expire := func(meanwhile func()) error {
		return ahead.inTx(t.Context(), func(tx pgx.Tx) error {
			_, err := ahead.expireTx(t.Context(), tx)
			meanwhile()
			return err
		})
	}
	begun := w.invite(one, "begun@example.org")
	var startErr, expireErr error
	w.inTurn(begun, func() { _, startErr = w.start(t.Context(), one, one.token(begun)) })
	expireErr = expire(func() {})
	if !w.decided(begun, "expired_at", startErr, expireErr, ErrExpired) {
		t.Error("what was started expired")
	}
	late := w.invite(one, "late@example.org")
	var done sync.WaitGroup
	expireErr = expire(func() {
		done.Go(func() { _, startErr = w.start(t.Context(), one, one.token(late)) })
		w.waiting(1)
	})
	done.Wait()
	if w.decided(late, "expired_at", startErr, expireErr, ErrExpired) {
		t.Error("what had expired was started")
	}
	held := w.invite(one, "held@example.org")
	w.must(w.holding(held, func() {
		done.Go(func() { _, startErr = w.start(t.Context(), one, one.token(held)) })
		w.waiting(1)
		expireErr = expire(func() {}) // it passes by what is held, and waits for nobody
	}))
	done.Wait()
	if !w.decided(held, "expired_at", startErr, expireErr, ErrExpired) {
		t.Error("what was held for a start expired")
	}
}

// decided checks what holds whoever wins: an invite is over or has its submission, never both and never half.
func (w *world) decided(i Invite, over string, startErr, otherErr error, lost error) (started bool) {
	w.t.Helper()
	var isOver bool
	var submission *uuid.UUID
	w.must(w.db.Pool.QueryRow(w.t.Context(), `SELECT `+over+` IS NOT NULL, submission_id FROM invites WHERE id = $1`, i.ID).Scan(&isOver, &submission))
	count := value[int](w, `SELECT count(*) FROM submissions WHERE email = $1`, i.Email)
	switch {
	case isOver == (submission != nil), isOver && (startErr == nil || count != 0), !isOver && (startErr != nil || count != 1):
		w.t.Fatalf("over %v, submission %v of %d, start %v, other %v", isOver, submission, count, startErr, otherErr)
	case startErr != nil && !errors.Is(startErr, lost):
		w.t.Fatalf("the start that lost: %v", startErr)
	case !isOver && otherErr != nil && !errors.Is(otherErr, ErrStarted):
		w.t.Fatalf("what lost against the start: %v", otherErr)
	}
	return !isOver
}

func TestAnInviteIsRevokedOrStartedNeverBoth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two := w.instance(), w.instance()
	for round := range 120 {
		i := w.invite(one, fmt.Sprintf("p%d@example.org", round))
		var startErr, revokeErr error
		together(
			func() { _, startErr = w.start(t.Context(), one, one.token(i)) },
			func() { revokeErr = two.Revoke(w.as(asRecruiter), i.ID) },
		)
		w.decided(i, "revoked_at", startErr, revokeErr, ErrNotFound)
	}
}

func TestAnInviteIsDeclinedOrStartedNeverBoth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two := w.instance(), w.instance()
	for round := range 60 {
		i := w.invite(one, fmt.Sprintf("p%d@example.org", round))
		var startErr, declineErr error
		together(
			func() { _, startErr = w.start(t.Context(), one, one.token(i)) },
			func() { _, declineErr = two.Decline(t.Context(), two.token(i), "") },
		)
		w.decided(i, "declined_at", startErr, declineErr, ErrDeclined)
	}
}

// The instance that expires has a clock that is ahead, so that either may come first.
func TestAnInviteExpiresOrIsStartedNeverBoth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, ahead := w.instance(), w.instanceAt(clock.NewFake(opened.Add(defaultLife)))
	for round := range 120 {
		i := w.invite(one, fmt.Sprintf("p%d@example.org", round))
		var startErr, expireErr error
		together(
			func() { _, startErr = w.start(t.Context(), one, one.token(i)) },
			func() {
				expireErr = ahead.inTx(t.Context(), func(tx pgx.Tx) error {
					_, err := ahead.expireTx(t.Context(), tx)
					return err
				})
			},
		)
		w.pass(ahead) // one that was held when the first round came by
		w.decided(i, "expired_at", startErr, expireErr, ErrExpired)
	}
}

func TestTwoStartsByOneLinkAreOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instances := []*Module{w.instance(), w.instance()}
	for round := range 60 {
		i := w.invite(instances[0], fmt.Sprintf("p%d@example.org", round))
		const n = 4
		var got [n]uuid.UUID
		clients := make([]func(), n)
		for c := range n {
			clients[c] = func() {
				var err error
				if got[c], err = w.start(t.Context(), instances[c%2], instances[c%2].token(i)); err != nil {
					t.Error(err)
				}
			}
		}
		together(clients...)
		if count := value[int](w, `SELECT count(*) FROM submissions WHERE email = $1`, i.Email); count != 1 {
			t.Fatalf("%d submissions", count)
		}
		for _, id := range got {
			if found := w.find(instances[0], i); id != *found.SubmissionID {
				t.Fatalf("submission %s, the invite has %s", id, found.SubmissionID)
			}
		}
	}
}

func TestARotatedLinkIsUnknownToWhoWaitsForIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two := w.instance(), w.instance()
	for round := range 40 {
		i := w.invite(one, fmt.Sprintf("p%d@example.org", round))
		old := one.token(i)
		var startErr, resendErr error
		together(
			func() { _, startErr = w.start(t.Context(), one, old) },
			func() { resendErr = two.Resend(w.as(asRecruiter), i.ID, true) },
		)
		if resendErr != nil || startErr != nil && !errors.Is(startErr, ErrNotFound) {
			t.Fatalf("resend %v, start %v", resendErr, startErr)
		}
		if _, err := w.start(t.Context(), one, old); !errors.Is(err, ErrNotFound) {
			t.Fatalf("the old link afterwards: %v", err)
		}
		if _, err := w.start(t.Context(), one, one.token(w.find(one, i))); err != nil {
			t.Fatalf("the new link: %v", err)
		}
	}
}

func TestOfManyFirstLooksOneIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instances := []*Module{w.instance(), w.instance()}
	i := w.invite(instances[0], "ada@example.org")
	var clients []func()
	for c := range 12 {
		clients = append(clients, func() {
			if seen, _, err := instances[c%2].Open(context.WithoutCancel(t.Context()), instances[0].token(i)); err != nil || seen.State != Opened {
				t.Errorf("%s, %v", seen.State, err)
			}
		})
	}
	together(clients...)
	if told := w.owed(EventOpened); told != 1 || strings.Count(w.audited(i.ID), "invite.opened by candidate") != 1 {
		t.Errorf("told %d times; %s", told, w.audited(i.ID))
	}
}

func TestTwoInstancesOnOneScheduleRemindAndExpireOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two := w.instance(), w.instance()
	const people = 40
	for i := range people {
		w.sent(one, w.invite(one, fmt.Sprintf("p%d@example.org", i)))
	}
	round := func() { together(func() { w.pass(one) }, func() { w.pass(two) }) }
	for _, step := range []struct {
		later     time.Duration
		reminders int
		expired   int
	}{{idleAfter, people, 0}, {defaultLife - idleAfter - lastBefore, 2 * people, 0}, {lastBefore, 2 * people, people}} {
		w.clock.Advance(step.later)
		round()
		w.pass(one) // what one held while the other came by
		round()
		expired := value[int](w, `SELECT count(*) FROM audit_events WHERE action = 'invite.expired'`)
		if got := w.owed(templateReminder); got != step.reminders || expired != step.expired {
			t.Errorf("%d reminders and %d expired, want %d and %d", got, expired, step.reminders, step.expired)
		}
	}
	if twice := value[int](w, `SELECT count(*) FROM (SELECT unique_key FROM owed WHERE template = $1 GROUP BY 1 HAVING count(*) > 1) x`, templateReminder); twice != 0 {
		t.Errorf("%d reminders are owed twice", twice)
	}
}
