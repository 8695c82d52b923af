package authn

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// candidate signs a submission token and lets it be verified once.
func (b *bench) candidate(t testing.TB, life time.Duration) string {
	t.Helper()
	token, err := b.tokens.Candidate(t.Context(), Principal{SubmissionID: uuid.New(), SessionNumber: 1}, b.clock.Now().Add(life))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.guard.Candidate(t.Context(), "Bearer "+token); err != nil {
		t.Fatal(err)
	}
	return token
}

func (b *bench) refuses(t *testing.T, token, why string) {
	t.Helper()
	if p, err := b.guard.Candidate(t.Context(), "Bearer "+token); !errors.Is(err, ErrUnauthenticated) || p != (Principal{}) {
		t.Errorf("%s: %v %v", why, p, err)
	}
}

func TestARememberedTokenExpiresToTheSecond(t *testing.T) {
	t.Parallel()
	b := newBench()
	token := b.candidate(t, time.Hour)
	b.clock.Advance(time.Hour - time.Second)
	if _, err := b.guard.Candidate(t.Context(), "Bearer "+token); err != nil {
		t.Error("refused before its time:", err)
	}
	b.clock.Advance(time.Second)
	b.refuses(t, token, "expired")
	if len(b.tokens.verified.byHash) != 0 {
		t.Error("an expired token is kept")
	}
}

func TestARememberedTokenIsRefusedWhileTheClockIsBeforeIt(t *testing.T) {
	t.Parallel()
	b := newBench()
	token := b.candidate(t, time.Hour)
	b.clock.Advance(-time.Minute)
	b.refuses(t, token, "from the future")
}

func TestARememberedTokenGoesWithItsKey(t *testing.T) {
	t.Parallel()
	for why, keys := range map[string][]SigningKey{
		"the key is gone":              {key("b-key-0002", start)},
		"the id names another key now": {{KID: "a-key-0001", Secret: []byte(strings.Repeat("z", 32)), ActiveFrom: start}},
	} {
		b := newBench()
		token := b.candidate(t, 24*time.Hour)
		b.ring.set(nil, keys...)
		b.clock.Advance(keyFreshness)
		b.refuses(t, token, why)
		b.refuses(t, token, why+", again")
	}
}

func TestARememberedTokenOpensOnlyItsOwnSide(t *testing.T) {
	t.Parallel()
	b := newBench()
	access, attempt := b.access(t), b.candidate(t, time.Hour)
	for range 2 {
		if _, err := b.guard.Member(t.Context(), "Bearer "+access); err != nil {
			t.Fatal(err)
		}
		b.refuses(t, access, "a member's")
		if _, err := b.guard.Member(t.Context(), "Bearer "+attempt); !errors.Is(err, ErrUnauthenticated) {
			t.Error("a candidate's token is good for a member:", err)
		}
		if _, err := b.guard.Candidate(t.Context(), "Bearer "+attempt); err != nil {
			t.Fatal(err)
		}
	}
}

func TestForgedTokensAreNeverRemembered(t *testing.T) {
	t.Parallel()
	b := newBench()
	right := b.candidate(t, time.Hour)
	parts := strings.Split(right, ".")
	richer := base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"credlane","aud":["credlane:candidate"],"exp":4102444800}`))
	for _, forged := range []string{
		right + "=", parts[0] + "." + richer + "." + parts[2], parts[0] + "." + parts[1] + ".", strings.ToLower(right), "rubbish",
	} {
		b.refuses(t, forged, forged)
		b.refuses(t, forged, forged+", again")
	}
	if n := len(b.tokens.verified.byHash); n != 1 {
		t.Errorf("%d tokens are remembered", n)
	}
}

func TestRememberedTokensAreBounded(t *testing.T) {
	t.Parallel()
	b := newBench()
	b.tokens.verified = newVerifiedTokens(8)
	var tokens []string
	for range 20 {
		tokens = append(tokens, b.candidate(t, time.Hour))
	}
	for _, token := range tokens {
		if _, err := b.guard.Candidate(t.Context(), "Bearer "+token); err != nil {
			t.Error("a token that was put out is refused:", err)
		}
		if n := len(b.tokens.verified.byHash); n > 8 {
			t.Fatalf("%d tokens are remembered", n)
		}
	}
}

func BenchmarkGuardOfACandidate(b *testing.B) {
	w := newBench()
	header := "Bearer " + w.candidate(b, time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.guard.Candidate(b.Context(), header); err != nil {
			b.Fatal(err)
		}
	}
}
