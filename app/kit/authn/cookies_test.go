package authn

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/clock"
)

func TestCookiesAreClosedToScriptsOtherSitesAndPlainHTTP(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		https bool
		want  string
	}{
		"http":  {false, "credlane_session=secret; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"},
		"https": {true, "__Host-credlane_session=secret; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax"},
	} {
		k := NewCookies(c.https, clock.NewFake(start))
		rec := httptest.NewRecorder()
		k.SetSession(rec, "secret", start.Add(time.Hour))
		if got := rec.Header().Get("Set-Cookie"); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		rec = httptest.NewRecorder()
		k.SetAttempt(rec, "token", start.Add(90*time.Second))
		want := strings.NewReplacer("session=secret", "attempt=token", "3600", "90").Replace(c.want)
		if got := rec.Header().Get("Set-Cookie"); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestACookieIsTakenBackAndNeverGivenWhenItIsOver(t *testing.T) {
	t.Parallel()
	k := NewCookies(true, clock.NewFake(start))
	for name, do := range map[string]func(http.ResponseWriter){
		"session": k.ClearSession,
		"over":    func(w http.ResponseWriter) { k.SetAttempt(w, "secret", start) },
	} {
		rec := httptest.NewRecorder()
		do(rec)
		if got := rec.Header().Get("Set-Cookie"); !strings.Contains(got, "Max-Age=0") || strings.Contains(got, "secret") || !strings.HasPrefix(got, "__Host-") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestACookieIsFoundOnlyByItsWholeNameAndOnlyOnce(t *testing.T) {
	t.Parallel()
	plain, secure := NewCookies(false, clock.System{}), NewCookies(true, clock.System{})
	long := strings.Repeat("a", maxCredential+1)
	for _, c := range []struct {
		cookies *Cookies
		headers []string
		session string
		attempt string
	}{
		{plain, nil, "", ""},
		{plain, []string{""}, "", ""},
		{plain, []string{"credlane_session=abc"}, "abc", ""},
		{plain, []string{"theme=dark; credlane_session=abc;credlane_attempt=x.y.z"}, "abc", "x.y.z"},
		{plain, []string{"theme=dark", "credlane_session=abc"}, "abc", ""},
		{plain, []string{"credlane_session=abc; credlane_session=def"}, "", ""},
		{plain, []string{"credlane_session=abc; credlane_session=abc"}, "", ""},
		{plain, []string{"credlane_session=abc", "credlane_session=def"}, "", ""},
		{plain, []string{"credlane_session=; credlane_session=abc"}, "", ""},
		{plain, []string{"xcredlane_session=abc; credlane_sessionx=abc; Credlane_session=abc"}, "", ""},
		{plain, []string{`credlane_session="abc"`}, "", ""},
		{plain, []string{"credlane_session=a b"}, "", ""},
		{plain, []string{"credlane_session=a=b"}, "", ""},
		{plain, []string{"credlane_session"}, "", ""},
		{plain, []string{"credlane_session=" + long}, "", ""},
		{plain, []string{"__Host-credlane_session=abc"}, "", ""},
		{secure, []string{"credlane_session=planted; credlane_attempt=planted"}, "", ""},
		{secure, []string{"credlane_session=planted; __Host-credlane_session=abc"}, "abc", ""},
	} {
		r := &http.Request{Header: http.Header{"Cookie": c.headers}}
		if got := c.cookies.Session(r); got != c.session {
			t.Errorf("%.80q: session %q, want %q", c.headers, got, c.session)
		}
		if got := c.cookies.Attempt(r); got != c.attempt {
			t.Errorf("%.80q: attempt %q, want %q", c.headers, got, c.attempt)
		}
	}
}

func TestLookingForACookieAllocatesNothing(t *testing.T) {
	k := NewCookies(true, clock.System{})
	with := &http.Request{Header: http.Header{"Cookie": {"theme=dark; __Host-credlane_session=abc"}}}
	without := &http.Request{Header: http.Header{}}
	if n := testing.AllocsPerRun(100, func() { k.Session(with); k.Attempt(without) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestACandidatesCookieIsNoMembersAndTheOtherWayRound(t *testing.T) {
	t.Parallel()
	b := newBench()
	attempt, err := b.tokens.Candidate(t.Context(), Principal{
		SubmissionID: uuid.New(), VersionID: uuid.New(), AssessmentID: uuid.New(), SessionNumber: 1,
	}, start.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if p, err := b.guard.MemberCookie(t.Context(), cookieSecret); err != nil || p.Kind != Member {
		t.Errorf("the member's own: %v, %v", p, err)
	}
	if p, err := b.guard.CandidateCookie(t.Context(), attempt); err != nil || p.Kind != Candidate {
		t.Errorf("the candidate's own: %v, %v", p, err)
	}
	for name, value := range map[string]string{"none": "", "an attempt": attempt, "an access token": b.access(t), "an API key": b.people.key, "made up": "abc"} {
		if p, err := b.guard.MemberCookie(t.Context(), value); err == nil {
			t.Errorf("%s as a member's: %v", name, p)
		}
	}
	for name, value := range map[string]string{"none": "", "a session": cookieSecret, "an access token": b.access(t), "an API key": b.people.key, "made up": "a.b.c"} {
		if p, err := b.guard.CandidateCookie(t.Context(), value); err == nil {
			t.Errorf("%s as a candidate's: %v", name, p)
		}
	}
}
