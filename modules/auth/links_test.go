package auth

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"credlane/app/kit/authn"
	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
)

func tokenOf(t *testing.T, link string) string {
	t.Helper()
	_, token, ok := strings.Cut(link, "token=")
	if !ok || !strings.HasPrefix(link, "https://lane.example/app/") {
		t.Fatalf("no link: %q", link)
	}
	return token
}

func TestAskingForAResetAnswersAlikeForEveryAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("first")
	candidate(t, w, "kim@example.com", "Kim")
	var raw []string
	for _, email := range []string{"FIRST@owner.example", "nobody@owner.example", "kim@example.com", "no address"} {
		raw = append(raw, w.do("POST", "/auth/password/forgot", "", `{"email":"`+email+`"}`).want(t, 200, "").raw)
	}
	for _, s := range raw {
		if s != raw[0] {
			t.Errorf("%s is not %s", s, raw[0])
		}
	}
	if n := w.count(`SELECT count(*) FROM user_tokens WHERE purpose = 'password_reset'`); n != 1 {
		t.Errorf("%d links, want the member's alone", n)
	}
}

// statements is a pgx tracer that keeps what a pool sends.
type statements struct {
	mu   sync.Mutex
	sent []string
}

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, q.SQL)
	return ctx
}

func (*statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (s *statements) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := s.sent
	s.sent = nil
	return sent
}

// The number of statements, of transactions and of flushed commits is what a stopwatch could tell addresses apart by.
func TestAskingForAResetDoesAsMuchForEveryAddress(t *testing.T) {
	t.Parallel()
	seen := &statements{}
	w := newWorld(t)
	cfg, err := pgxpool.ParseConfig(w.url)
	if err != nil {
		t.Fatal(err)
	}
	cfg.ConnConfig.Tracer = seen
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	traced := build(t, w.url, &pg.DB{Pool: pool}, w.clock)
	w.owner("first")
	sent := map[string][]string{}
	for _, email := range []string{"first@owner.example", "nobody@owner.example"} {
		seen.take()
		if err := traced.ForgotPassword(t.Context(), email); err != nil {
			t.Fatal(err)
		}
		sent[email] = seen.take()
	}
	known, unknown := sent["first@owner.example"], sent["nobody@owner.example"]
	if i := slices.Index(known, "release savepoint sp_1"); i >= 0 { // the one difference
		known[i] = "rollback to savepoint sp_1"
	}
	if !slices.Equal(known, unknown) || !slices.Contains(known, sqlInsertUserToken) || len(known) != 7 || unknown[len(unknown)-1] != "commit" {
		t.Errorf("one who is known:\n%q\nnobody:\n%q", known, unknown)
	}
	const left = `SELECT (SELECT count(*) FROM user_tokens), (SELECT count(*) FROM mails), (SELECT count(*) FROM river.river_job),
       (SELECT count(*) FROM audit_events WHERE action = 'password_reset.requested')`
	var tokens, mails, jobs, events int
	if err := w.db.QueryRow(t.Context(), left).Scan(&tokens, &mails, &jobs, &events); err != nil || tokens != 1 || mails != 1 || jobs != 1 || events != 1 {
		t.Errorf("%d tokens, %d mails, %d jobs and %d events are left, want those of one: %v", tokens, mails, jobs, events, err)
	}
}

// A commit is flushed to the disk, which takes its time, when the transaction has an id: it has for nobody too.
func TestWhatIsDoneForNobodyIsWrittenAndLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("first")
	err := pgx.BeginFunc(t.Context(), w.db.Pool, func(tx pgx.Tx) error {
		err := pgx.BeginFunc(t.Context(), tx, func(tx pgx.Tx) error {
			to, err := w.mailLinkTx(t.Context(), tx, "nobody@owner.example", purposeReset, w.clock.Now())
			if err != nil || to.Known || to.Email != "first@owner.example" {
				t.Errorf("%+v stands in: %v", to, err)
			}
			return errNoSuchUser
		})
		wantCode(t, err, errNoSuchUser)
		var written bool
		err = tx.QueryRow(t.Context(), `SELECT pg_current_xact_id_if_assigned() IS NOT NULL`).Scan(&written)
		if !written {
			t.Error("what is written for nobody makes no commit")
		}
		return err
	})
	if err != nil || w.count(`SELECT (SELECT count(*) FROM user_tokens) + (SELECT count(*) FROM mails)`) != 0 {
		t.Errorf("something is left: %v", err)
	}
}

// Before the first member there is nobody to stand in, and nobody to hide.
func TestWithoutMembersAskingForAResetIsAnsweredAlike(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("POST", "/auth/password/forgot", "", `{"email":"nobody@owner.example"}`).want(t, 200, "")
}

func TestAResetLinkWorksOnceAndEndsEverySession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.owner("first")
	link, err := w.ResetLink(t.Context(), "first@OWNER.example")
	if err != nil {
		t.Fatal(err)
	}
	spare, err := w.ResetLink(t.Context(), "first@owner.example")
	if err != nil {
		t.Fatal(err)
	}
	reset := func(token, password string) answer {
		return w.do("POST", "/auth/password/reset", "", `{"token":"`+token+`","password":"`+password+`"}`)
	}
	reset(tokenOf(t, link), "short").want(t, 422, "invalid_input")
	reset(tokenOf(t, link), "leaves and branches too").want(t, 200, "")
	reset(tokenOf(t, link), "leaves and branches too").want(t, 404, "link_invalid")
	reset(tokenOf(t, spare), "leaves and branches too").want(t, 404, "link_invalid")
	w.do("GET", "/auth/me", in.AccessToken, "").want(t, 401, "unauthenticated")
	w.refresh(in.RefreshToken).want(t, 401, "refresh_invalid")
	_, err = w.Login(t.Context(), "first@owner.example", goodPassword)
	wantCode(t, err, ErrBadCredentials)
	if _, err := w.Login(t.Context(), "first@owner.example", "leaves and branches too"); err != nil {
		t.Error(err)
	}
}

func TestAResetLinkEndsAfterAnHourAndIsNoVerification(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("first")
	link, err := w.ResetLink(t.Context(), "first@owner.example")
	if err != nil {
		t.Fatal(err)
	}
	w.do("POST", "/auth/email/verify", "", `{"token":"`+tokenOf(t, link)+`"}`).want(t, 404, "link_invalid")
	w.clock.Advance(time.Hour)
	wantCode(t, w.ResetPassword(t.Context(), tokenOf(t, link), "leaves and branches too"), ErrLinkInvalid)
}

func TestOfManyWhoUseOneResetLinkOneDoes(t *testing.T) {
	t.Parallel()
	a := newWorld(t)
	b := a.twin()
	a.owner("first")
	link, err := a.ResetLink(t.Context(), "first@owner.example")
	if err != nil {
		t.Fatal(err)
	}
	token := tokenOf(t, link)
	seen := race(t, 8, func(i int) error {
		return []*world{a, b}[i%2].ResetPassword(t.Context(), token, "leaves and branches "+itoa(i))
	})
	if seen[""] != 1 || seen["link_invalid"] != 7 {
		t.Errorf("outcomes: %v", seen)
	}
}

// A sign-in that has checked the old password and then meets the reset's commit must not survive it.
func TestNoSessionOfAnOldPasswordSurvivesAReset(t *testing.T) {
	t.Parallel()
	a := newWorld(t)
	b := a.twin()
	a.owner("first")
	link, err := a.ResetLink(t.Context(), "first@owner.example")
	if err != nil {
		t.Fatal(err)
	}
	race(t, 7, func(i int) error {
		if i == 3 {
			return a.ResetPassword(t.Context(), tokenOf(t, link), "leaves and branches too")
		}
		_, err := []*world{a, b}[i%2].Login(t.Context(), "first@owner.example", goodPassword)
		return err
	})
	if n := a.count(`SELECT count(*) FROM sessions WHERE revoked_at IS NULL`); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

func TestAVerificationLinkProvesTheAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.owner("first")
	link, err := w.VerifyLink(t.Context(), "first@owner.example")
	if err != nil {
		t.Fatal(err)
	}
	w.do("POST", "/auth/email/verify", "", `{"token":"`+tokenOf(t, link)+`"}`).want(t, 200, "")
	me := w.do("GET", "/auth/me", in.AccessToken, "").want(t, 200, "")
	if me.body["user"].(map[string]any)["emailVerified"] != true {
		t.Errorf("me: %s", me.raw)
	}
	w.do("POST", "/auth/email/verify", "", `{"token":"`+tokenOf(t, link)+`"}`).want(t, 404, "link_invalid")
}

func TestAChangedPasswordEndsTheOtherSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.owner("first")
	other, err := w.Login(t.Context(), "first@owner.example", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	change := func(current, next string) answer {
		return w.do("POST", "/auth/password", in.AccessToken, `{"currentPassword":"`+current+`","newPassword":"`+next+`"}`)
	}
	change("not the right one", "leaves and branches too").want(t, 422, "wrong_password")
	change(goodPassword, "first@owner.example").want(t, 422, "invalid_input")
	change(goodPassword, "leaves and branches too").want(t, 200, "")
	w.do("GET", "/auth/me", in.AccessToken, "").want(t, 200, "")
	w.refresh(in.RefreshToken).want(t, 200, "")
	w.do("GET", "/auth/me", other.AccessToken, "").want(t, 401, "unauthenticated")
	w.refresh(other.RefreshToken).want(t, 401, "refresh_invalid")
}

func TestGuessingTheCurrentPasswordIsSlowedDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(d *Deps) { d.Rates.LoginAccount = rest.Rate{Count: 2, Per: time.Minute} })
	ctx := authn.With(t.Context(), w.principal(w.owner("first")))
	for range 2 {
		wantCode(t, w.ChangePassword(ctx, "not the right one", "leaves and branches too"), ErrWrongPassword)
	}
	wantCode(t, w.ChangePassword(ctx, goodPassword, "leaves and branches too"), rest.ErrTooMany)
}
