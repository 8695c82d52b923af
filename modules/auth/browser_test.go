package auth

import (
	"context"
	"encoding/base64"
	"path"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"credlane/app/kit/authn"
	"credlane/app/kit/rest"
)

// as is a request of the browser with this session.
func (w *world) as(in *BrowserSession) context.Context {
	w.t.Helper()
	p, err := w.Cookie(w.t.Context(), authn.HashKey(in.Secret))
	if err != nil {
		w.t.Fatal(err)
	}
	return authn.With(w.t.Context(), p)
}

// invitation gives the token of a new invitation's link.
func (w *world) invitation(ctx context.Context, email string, role authn.Role) string {
	w.t.Helper()
	var link string
	err := w.inTx(ctx, func(tx pgx.Tx) (err error) {
		_, link, err = w.InviteTx(ctx, tx, email, role)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return path.Base(link)
}

func TestABrowserSignsInWithASecretThatIsStoredNowhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.principal(w.owner("first"))
	in := w.browser("FIRST@owner.example")
	if raw, err := base64.RawURLEncoding.DecodeString(in.Secret); err != nil || len(raw) != 32 {
		t.Errorf("the secret is %d bytes: %v", len(raw), err)
	}
	if in.Account.Role != authn.Owner || !in.Expires.Equal(w.clock.Now().Add(90*24*time.Hour)) {
		t.Errorf("got %+v", in)
	}
	p, err := w.Cookie(t.Context(), authn.HashKey(in.Secret))
	if err != nil || p.UserID != owner.UserID || p.EmployerID != owner.EmployerID || p.MembershipID != owner.MembershipID || p.Role != authn.Owner || p.Kind != authn.Member {
		t.Errorf("the guard sees %+v, %v", p, err)
	}
	if n := w.count(`SELECT count(*) FROM sessions WHERE id = $1 AND cookie_hash = $2 AND NOT EXISTS (SELECT FROM refresh_tokens WHERE session_id = $1)`,
		p.SessionID, authn.HashKey(in.Secret)); n != 1 {
		t.Error("the session is not one of a cookie alone")
	}
	if n := w.count(`SELECT count(*) FROM audit_events WHERE action = 'session.started' AND object_id = $1 AND actor_id = $2`, p.SessionID, owner.UserID); n != 1 {
		t.Errorf("%d audit events", n)
	}
	if w.opens(&BrowserSession{Secret: "made-up"}) {
		t.Error("a made-up secret opens a session")
	}
}

func TestWhatEndsASessionEndsABrowsersAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("first")
	slug := w.slug("first")
	ended := func(why string) int {
		return w.count(`SELECT count(*) FROM audit_events WHERE action = 'session.ended' AND after ->> 'reason' = $1`, why)
	}
	t.Run("signing out", func(t *testing.T) {
		in, other := w.browser("first@owner.example"), w.browser("first@owner.example")
		ctx := w.as(in)
		for range 2 {
			if err := w.SignOut(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if w.opens(in) || !w.opens(other) || ended("signed_out") != 1 {
			t.Errorf("signed out: %v, other: %v, %d events", !w.opens(in), w.opens(other), ended("signed_out"))
		}
	})
	t.Run("ending it elsewhere", func(t *testing.T) {
		in, other := w.browser("first@owner.example"), w.browser("first@owner.example")
		p := authn.From(w.as(in))
		if err := w.EndSession(w.as(other), p.SessionID); err != nil || w.opens(in) {
			t.Errorf("%v, open: %v", err, w.opens(in))
		}
	})
	t.Run("another password", func(t *testing.T) {
		in, other := w.browser("first@owner.example"), w.browser("first@owner.example")
		if err := w.ChangePassword(w.as(in), goodPassword, "leaves and branches too"); err != nil {
			t.Fatal(err)
		}
		if !w.opens(in) || w.opens(other) {
			t.Errorf("this one: %v, the other: %v", w.opens(in), w.opens(other))
		}
	})
	t.Run("demotion", func(t *testing.T) {
		second := w.principal(w.member(NewMember{Employer: slug, Email: "second@example.com", Role: authn.Owner}))
		in := w.browser("second@example.com")
		if _, err := w.ChangeRole(authn.With(t.Context(), second), second.MembershipID, authn.Viewer); err != nil {
			t.Fatal(err)
		}
		if p := authn.From(w.as(in)); p.Role != authn.Viewer {
			t.Errorf("the role is %s", p.Role)
		}
	})
	t.Run("removal", func(t *testing.T) {
		third := w.principal(w.member(NewMember{Employer: slug, Email: "third@example.com", Role: authn.Owner}))
		in := w.browser("third@example.com")
		if err := w.Remove(authn.With(t.Context(), third), third.MembershipID); err != nil || w.opens(in) {
			t.Errorf("%v, open: %v", err, w.opens(in))
		}
	})
}

func TestABrowsersSessionEndsAfterFourteenIdleDaysAndAfterNinetyInAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const day = 24 * time.Hour
	w.owner("first")
	in, idle := w.browser("first@owner.example"), w.browser("first@owner.example")
	for range 6 {
		w.clock.Advance(14*day - time.Second)
		if !w.opens(in) {
			t.Fatal("a session in use ended")
		}
	}
	if w.opens(idle) {
		t.Error("an idle session is open")
	}
	w.clock.Advance(6*day + 6*time.Second)
	if w.opens(in) {
		t.Error("a session is open after ninety days")
	}
}

func TestTheUseOfABrowsersSessionIsNotedOnceInFiveMinutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("first")
	in := w.browser("first@owner.example")
	began := w.clock.Now()
	for _, c := range []struct{ at, noted time.Duration }{
		{time.Minute, 0}, {5*time.Minute - time.Second, 0}, {5 * time.Minute, 5 * time.Minute}, {6 * time.Minute, 5 * time.Minute}, {time.Hour, time.Hour},
	} {
		w.clock.Advance(began.Add(c.at).Sub(w.clock.Now()))
		if !w.opens(in) {
			t.Fatal("the session ended")
		}
		if n := w.count(`SELECT count(*) FROM sessions WHERE cookie_hash IS NOT NULL AND last_used_at = $1`, began.Add(c.noted)); n != 1 {
			t.Errorf("after %s it is not noted as used at %s", c.at, c.noted)
		}
	}
}

func TestRegisteringAndAcceptingSignABrowserIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if first, err := w.FirstRun(t.Context()); err != nil || !first {
		t.Errorf("first run: %v, %v", first, err)
	}
	in, err := w.RegisterBrowser(t.Context(), Registration{"Looms", "Ada", "ada@example.com", goodPassword})
	if err != nil || !w.opens(in) {
		t.Fatal(err)
	}
	if first, err := w.FirstRun(t.Context()); err != nil || first {
		t.Errorf("after it: %v, %v", first, err)
	}
	wantCode(t, w.MayRegister(t.Context()), ErrRegistrationClosed)
	_, err = w.RegisterBrowser(t.Context(), Registration{"Looms", "Ada", "eve@example.com", goodPassword})
	wantCode(t, err, ErrRegistrationClosed)

	link := w.invitation(w.as(in), "grace@example.com", authn.Viewer)
	found, err := w.FindInvitation(t.Context(), link)
	if err != nil || *found != (OpenInvitation{"Looms", "grace@example.com", "viewer", false}) {
		t.Errorf("the invitation: %+v, %v", found, err)
	}
	grace, err := w.AcceptBrowser(t.Context(), link, Acceptance{"Grace", goodPassword})
	if err != nil || !w.opens(grace) || grace.Account.Role != authn.Viewer {
		t.Fatalf("%+v, %v", grace, err)
	}
	_, err = w.FindInvitation(t.Context(), link)
	wantCode(t, err, ErrLinkInvalid)
	_, err = w.AcceptBrowser(t.Context(), link, Acceptance{"Grace", goodPassword})
	wantCode(t, err, ErrLinkInvalid)

	// Whoever has left keeps the account, which is proved by its password.
	if err := w.Remove(w.as(in), authn.From(w.as(grace)).MembershipID); err != nil {
		t.Fatal(err)
	}
	link = w.invitation(w.as(in), "GRACE@example.com", authn.Viewer)
	if found, err := w.FindInvitation(t.Context(), link); err != nil || !found.HasAccount {
		t.Errorf("%+v, %v", found, err)
	}
	_, err = w.AcceptBrowser(t.Context(), link, Acceptance{"Grace", "not the right one"})
	wantCode(t, err, ErrWrongPassword)
	if again, err := w.AcceptBrowser(t.Context(), link, Acceptance{"", goodPassword}); err != nil || !w.opens(again) {
		t.Fatal(err)
	}
}

func TestABrowsersWrongTriesAreSlowedDownToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(d *Deps) { d.Rates.LoginAccount = rest.Rate{Count: 3, Per: 15 * time.Minute} })
	w.owner("first")
	for range 2 { // the owner's own sign-in was the first try
		_, err := w.LoginBrowser(t.Context(), "first@owner.example", "guess guess guess")
		wantCode(t, err, ErrBadCredentials)
	}
	_, err := w.LoginBrowser(t.Context(), "first@owner.example", goodPassword)
	wantCode(t, err, rest.ErrTooMany)
}

func TestTidyingTakesBrowsersSessionsThatAreOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("first")
	w.browser("first@owner.example")
	w.clock.Advance(92 * 24 * time.Hour)
	in := w.browser("first@owner.example")
	if _, err := w.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := w.count(`SELECT count(*) FROM sessions`); n != 1 || !w.opens(in) {
		t.Errorf("%d sessions are left", n)
	}
}
