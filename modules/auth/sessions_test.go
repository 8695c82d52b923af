package auth

import (
	"strings"
	"testing"
	"time"

	"credlane/app/kit/authn"
	"credlane/app/kit/rest"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

func TestAnUnknownAddressAndAWrongPasswordLookAlike(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("first")
	candidate(t, w, "kim@example.com", "Kim")
	var seen []string
	for _, email := range []string{"first@owner.example", "nobody@owner.example", "kim@example.com", "no address at all"} {
		a := w.do("POST", "/auth/login", "", `{"email":"`+email+`","password":"not the right one"}`, "X-Request-Id", "same").want(t, 401, "invalid_credentials")
		seen = append(seen, a.raw)
	}
	for _, s := range seen {
		if s != seen[0] {
			t.Errorf("answers differ:\n%s\n%s", s, seen[0])
		}
	}
}

func TestAnUnknownAddressCostsAHashToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("first")
	busy := w.twin(func(d *Deps) { d.HashParallel, d.HashWait = 1, time.Millisecond })
	release, err := busy.passwords.acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, email := range []string{"first@owner.example", "nobody@owner.example", "not an address"} {
		_, err := busy.Login(t.Context(), email, goodPassword)
		wantCode(t, err, ErrBusy)
	}
	release()
	if _, err := busy.Login(t.Context(), "first@owner.example", goodPassword); err != nil {
		t.Errorf("after the storm: %v", err)
	}
}

func TestASignInKeepsToTheAddressWithoutCase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("first")
	w.do("POST", "/auth/login", "", `{"email":" FIRST@owner.EXAMPLE ","password":"`+goodPassword+`"}`, "User-Agent", "Loom/1.0").want(t, 200, "")
	if n := w.count(`SELECT count(*) FROM sessions WHERE user_agent = 'Loom/1.0' AND ip = '192.0.2.1'`); n != 1 {
		t.Errorf("%d sessions with agent and address", n)
	}
}

func TestAWeakerHashIsMadeAnewAtTheNextSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("first")
	old := cost{memory: 8 * 1024, time: 1, threads: 1}
	salt := []byte("sixteen bytes !!")
	weak := encodeHash(old, salt, derive(goodPassword, salt, old, hashBytes))
	if _, err := w.db.Exec(t.Context(), `UPDATE users SET password_hash = $1`, weak); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := w.Login(t.Context(), "first@owner.example", goodPassword); err != nil {
			t.Fatal(err)
		}
		if n := w.count(`SELECT count(*) FROM users WHERE password_hash LIKE '$argon2id$v=19$m=19456,t=2,p=1$%'`); n != 1 {
			t.Error("the hash is as weak as before")
		}
	}
}

func TestGuessingSlowsTheAccountDownAndNotItsOwnerNorOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(d *Deps) { d.Rates.LoginAccount = rest.Rate{Count: 3, Per: 15 * time.Minute} })
	w.owner("first")
	w.owner("second")
	login := func(email, password, from string) answer {
		return w.from(from, "POST", "/auth/login", `{"email":"`+email+`","password":"`+password+`"}`)
	}
	login("first@owner.example", goodPassword, "198.51.100.7").want(t, 200, "")
	for i := range 3 {
		login("first@owner.example", "guess guess guess", "203.0.113.9").want(t, 401, "invalid_credentials")
		login("FIRST@owner.example", "guess guess guess", "203.0.113."+string(rune('1'+i))).want(t, 401, "invalid_credentials")
	}
	a := login("first@owner.example", goodPassword, "203.0.113.9").want(t, 429, "too_many_requests")
	if a.header.Get("Retry-After") != "900" {
		t.Errorf("Retry-After: %q", a.header.Get("Retry-After"))
	}
	for i := range 40 { // many strangers use up what all strangers share
		login("first@owner.example", "guess guess guess", "203.0.113."+itoa(100+i))
	}
	login("first@owner.example", goodPassword, "203.0.113.77").want(t, 429, "too_many_requests")
	login("first@owner.example", goodPassword, "198.51.100.7").want(t, 200, "")
	login("second@owner.example", goodPassword, "203.0.113.9").want(t, 200, "")
	w.clock.Advance(15 * time.Minute)
	login("first@owner.example", goodPassword, "203.0.113.9").want(t, 200, "")
}

func TestOneClientIsSlowedDownOverAllAccounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(d *Deps) { d.Rates.LoginAddress = rest.Rate{Count: 2, Per: time.Minute} })
	for i := range 2 {
		w.do("POST", "/auth/login", "", `{"email":"x`+itoa(i)+`@example.com","password":"guess guess guess"}`).want(t, 401, "invalid_credentials")
	}
	w.do("POST", "/auth/login", "", `{"email":"y@example.com","password":"guess guess guess"}`).want(t, 429, "too_many_requests")
}

func TestARefreshTokenIsGoodOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.owner("first")
	a := w.refresh(first.RefreshToken).want(t, 200, "")
	if a.text("refreshToken") == first.RefreshToken || a.text("role") != "owner" {
		t.Errorf("answer: %s", a.raw)
	}
	w.do("GET", "/auth/me", a.text("accessToken"), "").want(t, 200, "")
	w.clock.Advance(10 * time.Second)
	w.refresh(first.RefreshToken).want(t, 409, "refresh_raced")
	second := w.refresh(a.text("refreshToken")).want(t, 200, "")
	w.clock.Advance(time.Millisecond)
	w.refresh(first.RefreshToken).want(t, 401, "refresh_reused")
	w.refresh(second.text("refreshToken")).want(t, 401, "refresh_invalid")
	w.do("GET", "/auth/me", second.text("accessToken"), "").want(t, 401, "unauthenticated")
	if n := w.count(`SELECT count(*) FROM audit_events WHERE action = 'session.ended' AND after ->> 'reason' = 'refresh_reused'`); n != 1 {
		t.Errorf("%d audit events", n)
	}
}

func (w *world) refresh(token string) answer {
	w.t.Helper()
	return w.do("POST", "/auth/refresh", "", `{"refreshToken":"`+token+`"}`)
}

func TestOfManyParallelRefreshesOneWins(t *testing.T) {
	t.Parallel()
	a := newWorld(t)
	b := a.twin()
	token := a.owner("first").RefreshToken
	next := ""
	for range 5 {
		seen := race(t, 12, func(i int) error {
			in, err := []*world{a, b}[i%2].Refresh(t.Context(), token)
			if err == nil {
				next = in.RefreshToken // one winner, so one writer
			}
			return err
		})
		if seen[""] != 1 || seen["refresh_raced"] != 11 {
			t.Fatalf("outcomes: %v", seen)
		}
		token = next
	}
	if n := a.count(`SELECT count(*) FROM refresh_tokens WHERE used_at IS NULL`); n != 1 {
		t.Errorf("%d tokens are good", n)
	}
}

func TestASessionEndsAfterFourteenIdleDaysAndAfterNinetyInAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const day = 24 * time.Hour
	token := w.owner("first").RefreshToken
	for range 6 {
		w.clock.Advance(14*day - time.Second)
		token = w.refresh(token).want(t, 200, "").text("refreshToken")
	}
	idle := w.member(NewMember{Employer: w.slug("first"), Email: "idle@example.com", Role: authn.Viewer}).RefreshToken
	w.clock.Advance(6*day + 6*time.Second)
	w.refresh(token).want(t, 401, "refresh_invalid")
	w.clock.Advance(8 * day)
	w.refresh(idle).want(t, 401, "refresh_invalid")
	w.refresh("made-up").want(t, 401, "refresh_invalid")
}

func TestAnAccessTokenEndsAfterFifteenMinutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.owner("first")
	w.clock.Advance(15*time.Minute - time.Second)
	w.do("GET", "/auth/me", in.AccessToken, "").want(t, 200, "")
	w.clock.Advance(2 * time.Second)
	w.do("GET", "/auth/me", in.AccessToken, "").want(t, 401, "unauthenticated")
}

func TestSigningOutActsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.owner("first")
	w.do("POST", "/auth/logout", "", `{"refreshToken":"`+in.RefreshToken+`"}`).want(t, 200, "")
	w.do("GET", "/auth/me", in.AccessToken, "").want(t, 401, "unauthenticated")
	w.refresh(in.RefreshToken).want(t, 401, "refresh_invalid")
	w.do("POST", "/auth/logout", "", `{"refreshToken":"`+in.RefreshToken+`"}`).want(t, 200, "")
	w.do("POST", "/auth/logout", "", `{"refreshToken":"unknown"}`).want(t, 200, "")
	if n := w.count(`SELECT count(*) FROM audit_events WHERE action = 'session.ended'`); n != 1 {
		t.Errorf("%d audit events", n)
	}
}

func TestPeopleSeeAndEndTheirOwnSessionsOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.owner("first")
	other := w.member(NewMember{Employer: w.slug("first"), Email: "other@example.com", Role: authn.Owner})
	var ends []string
	for range 3 {
		second, err := w.Login(t.Context(), "first@owner.example", goodPassword)
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, second.AccessToken)
	}
	var all []map[string]any
	path := "/auth/sessions?limit=3"
	for path != "" {
		a := w.do("GET", path, in.AccessToken, "").want(t, 200, "")
		for _, s := range a.body["items"].([]any) {
			all = append(all, s.(map[string]any))
		}
		path = ""
		if next := a.text("nextCursor"); next != "" {
			path = "/auth/sessions?limit=3&cursor=" + next
		}
	}
	if len(all) != 4 || all[3]["current"] != true || all[0]["current"] != false {
		t.Fatalf("sessions: %v", all)
	}
	newest := all[0]["id"].(string)
	w.do("DELETE", "/auth/sessions/"+newest, other.AccessToken, "").want(t, 404, "not_found")
	w.do("DELETE", "/auth/sessions/"+newest, in.AccessToken, "").want(t, 204, "")
	w.do("DELETE", "/auth/sessions/"+newest, in.AccessToken, "").want(t, 404, "not_found")
	w.do("GET", "/auth/me", ends[2], "").want(t, 401, "unauthenticated")
	w.do("GET", "/auth/me", ends[1], "").want(t, 200, "")
	w.do("GET", "/auth/sessions?cursor=nonsense", in.AccessToken, "").want(t, 400, "invalid_cursor")
}

func TestTidyingKeepsWhatIsInUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("first")
	if _, err := w.ResetLink(t.Context(), "first@owner.example"); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(16 * 24 * time.Hour)
	in, err := w.Login(t.Context(), "first@owner.example", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	removed, err := w.Tidy(t.Context())
	if err != nil || removed != 2 {
		t.Errorf("removed %d rows, %v; want an idle refresh token and a reset link", removed, err)
	}
	w.refresh(in.RefreshToken).want(t, 200, "")
}
