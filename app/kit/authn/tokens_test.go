package authn

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"credlane/app/kit/clock"
	"credlane/app/kit/fault"
)

// ring is a keyring that a test turns.
type ring struct {
	mu    sync.Mutex
	keys  []SigningKey
	err   error
	reads int
}

func (r *ring) SigningKeys(context.Context) ([]SigningKey, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads++
	return r.keys, r.err
}

func (r *ring) set(err error, keys ...SigningKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys, r.err = keys, err
}

// people is a directory of one session, one cookie and one key.
type people struct {
	session uuid.UUID
	key     string
}

const cookieSecret = "the-secret-of-a-cookie"

func (p people) Cookie(_ context.Context, hash []byte) (Principal, error) {
	if string(hash) != string(HashKey(cookieSecret)) {
		return Principal{}, ErrUnauthenticated
	}
	return Principal{Kind: Member, SessionID: p.session, Role: Admin}, nil
}

func (p people) Session(_ context.Context, id uuid.UUID) (Principal, error) {
	if id != p.session {
		return Principal{}, ErrUnauthenticated
	}
	return Principal{Kind: Member, SessionID: id, Role: Admin}, nil
}

func (p people) APIKey(_ context.Context, hash []byte) (Principal, error) {
	if string(hash) != string(HashKey(p.key)) {
		return Principal{}, ErrUnauthenticated
	}
	return Principal{Kind: APIKey, Role: Viewer}, nil
}

var start = time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC)

func key(kid string, from time.Time) SigningKey {
	return SigningKey{KID: kid, Secret: []byte(strings.Repeat(kid[:1], 32)), ActiveFrom: from}
}

type bench struct {
	ring   *ring
	clock  *clock.Fake
	tokens *Tokens
	guard  *Guard
	people people
}

func newBench() *bench {
	b := &bench{ring: &ring{keys: []SigningKey{key("a-key-0001", start)}}, clock: clock.NewFake(start), people: people{uuid.New(), "clk_right"}}
	b.tokens = NewTokens(b.ring, b.clock, "credlane")
	b.guard = NewGuard(b.tokens, b.people)
	return b
}

func (b *bench) access(t *testing.T) string {
	t.Helper()
	token, err := b.tokens.Access(t.Context(), b.people.session, 15*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// forge signs claims as the test likes.
func forge(t *testing.T, method jwt.SigningMethod, secret any, header, claims map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(method, jwt.MapClaims(claims))
	for k, v := range header {
		token.Header[k] = v
	}
	signed, err := token.SignedString(secret)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestForgedTokensAreRefused(t *testing.T) {
	t.Parallel()
	b := newBench()
	right := func(change func(header, claims map[string]any)) (map[string]any, map[string]any) {
		header := map[string]any{"kid": "a-key-0001"}
		claims := map[string]any{
			"iss": "credlane", "aud": audienceAPI, "sub": b.people.session.String(), "iat": start.Unix(), "exp": start.Add(time.Hour).Unix(),
		}
		if change != nil {
			change(header, claims)
		}
		return header, claims
	}
	secret := b.ring.keys[0].Secret
	sign := func(change func(header, claims map[string]any)) string {
		header, claims := right(change)
		return forge(t, jwt.SigningMethodHS256, secret, header, claims)
	}
	if p, err := b.guard.Member(t.Context(), "Bearer "+sign(nil)); err != nil || p.SessionID != b.people.session {
		t.Fatal("the right token is refused:", err)
	}
	header, claims := right(nil)
	none, err := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims(claims)).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	whole := sign(nil)
	parts := strings.Split(whole, ".")
	richer, err := json.Marshal(map[string]any{"iss": "credlane", "aud": audienceAPI, "sub": uuid.NewString(), "iat": start.Unix(), "exp": start.Add(time.Hour).Unix()})
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{
		"alg none":         none,
		"another key":      forge(t, jwt.SigningMethodHS256, []byte(strings.Repeat("z", 32)), header, claims),
		"HS512":            forge(t, jwt.SigningMethodHS512, secret, header, claims),
		"no kid":           sign(func(h, _ map[string]any) { delete(h, "kid") }),
		"unknown kid":      sign(func(h, _ map[string]any) { h["kid"] = "other" }),
		"kid no string":    sign(func(h, _ map[string]any) { h["kid"] = 7 }),
		"another audience": sign(func(_, c map[string]any) { c["aud"] = "somewhere" }),
		"a candidate's":    sign(func(_, c map[string]any) { c["aud"] = audienceCandidate }),
		"no audience":      sign(func(_, c map[string]any) { delete(c, "aud") }),
		"another issuer":   sign(func(_, c map[string]any) { c["iss"] = "other" }),
		"no issuer":        sign(func(_, c map[string]any) { delete(c, "iss") }),
		"no exp":           sign(func(_, c map[string]any) { delete(c, "exp") }),
		"expired":          sign(func(_, c map[string]any) { c["exp"] = start.Unix() }),
		"from the future":  sign(func(_, c map[string]any) { c["iat"] = start.Add(time.Minute).Unix() }),
		"not before later": sign(func(_, c map[string]any) { c["nbf"] = start.Add(time.Minute).Unix() }),
		"no session":       sign(func(_, c map[string]any) { c["sub"] = "me" }),
		"unknown session":  sign(func(_, c map[string]any) { c["sub"] = uuid.NewString() }),
		"claims replaced":  parts[0] + "." + base64.RawURLEncoding.EncodeToString(richer) + "." + parts[2],
		"no signature":     parts[0] + "." + parts[1] + ".",
		"two parts":        parts[0] + "." + parts[1],
		"a fourth part":    whole + ".x",
		"padding":          whole + "==",
		"rubbish":          "rubbish",
		"long":             strings.Repeat("a.", 5000),
		"key unknown":      "clk_wrong",
		"key alone":        "clk_",
		"empty":            "",
	} {
		p, err := b.guard.Member(t.Context(), "Bearer "+token)
		if !errors.Is(err, ErrUnauthenticated) || p != (Principal{}) {
			t.Errorf("%s: %v %v", name, p, err)
		}
	}
	for _, header := range []string{"", "Bearer", "Bearer ", "Basic " + whole, whole, "Bearer\t" + whole} {
		if _, err := b.guard.Member(t.Context(), header); !errors.Is(err, ErrUnauthenticated) {
			t.Errorf("%.20q: %v", header, err)
		}
	}
	if p, err := b.guard.Member(t.Context(), "bearer clk_right"); err != nil || p.Kind != APIKey {
		t.Error(p, err)
	}
}

func TestACandidatesTokenCarriesTheAttempt(t *testing.T) {
	t.Parallel()
	b := newBench()
	want := Principal{Kind: Candidate, SubmissionID: uuid.New(), VersionID: uuid.New(), AssessmentID: uuid.New(), SessionNumber: 3}
	token, err := b.tokens.Candidate(t.Context(), want, start.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := b.guard.Candidate(t.Context(), "Bearer "+token); err != nil || got != want {
		t.Error(got, err)
	}
	if _, err := b.guard.Member(t.Context(), "Bearer "+token); !errors.Is(err, ErrUnauthenticated) {
		t.Error("a candidate's token is good for a member:", err)
	}
	for _, other := range []string{b.access(t), "clk_right"} {
		if _, err := b.guard.Candidate(t.Context(), "Bearer "+other); !errors.Is(err, ErrUnauthenticated) {
			t.Error("a member's credential is good for a candidate:", err)
		}
	}
	b.clock.Advance(time.Hour)
	if _, err := b.guard.Candidate(t.Context(), "Bearer "+token); !errors.Is(err, ErrUnauthenticated) {
		t.Error("an expired token is good:", err)
	}
}

func TestKeysRotateWithoutSigningAnyoneOut(t *testing.T) {
	t.Parallel()
	b := newBench()
	old := b.access(t)
	b.clock.Advance(time.Minute)
	retired := start.Add(time.Minute)
	first := key("a-key-0001", start)
	first.RetiredAt = &retired
	b.ring.set(nil, key("b-key-0002", retired), first)
	fresh := b.access(t)
	if kidOf(t, fresh) != "b-key-0002" {
		t.Error("the new key does not sign:", kidOf(t, fresh))
	}
	for _, token := range []string{old, fresh} {
		if _, err := b.guard.Member(t.Context(), "Bearer "+token); err != nil {
			t.Error(err)
		}
	}
	b.ring.set(nil, key("b-key-0002", retired))
	b.tokens.Forget()
	if _, err := b.guard.Member(t.Context(), "Bearer "+old); !errors.Is(err, ErrUnauthenticated) {
		t.Error("a key that is gone still counts:", err)
	}
	if _, err := b.guard.Member(t.Context(), "Bearer "+fresh); err != nil {
		t.Error(err)
	}
}

func kidOf(t *testing.T, token string) string {
	t.Helper()
	parsed, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Header["kid"].(string)
}

func TestStrangersCannotMakeUsReadTheTable(t *testing.T) {
	t.Parallel()
	b := newBench()
	b.access(t)
	b.clock.Advance(2 * time.Second)
	unknown := forge(t, jwt.SigningMethodHS256, []byte(strings.Repeat("z", 32)), map[string]any{"kid": "invented"}, map[string]any{"sub": "x"})
	for range 100 {
		if _, err := b.guard.Member(t.Context(), "Bearer "+unknown); !errors.Is(err, ErrUnauthenticated) {
			t.Fatal(err)
		}
	}
	if b.ring.reads != 2 { // for the first token, and for the first unknown id
		t.Errorf("%d reads", b.ring.reads)
	}
}

func TestAnOutageOfTheTableIsNotABadToken(t *testing.T) {
	t.Parallel()
	b := newBench()
	token := b.access(t)
	b.ring.set(errors.New("the database is away"))
	b.clock.Advance(keyFreshness)
	if _, err := b.guard.Member(t.Context(), "Bearer "+token); err != nil {
		t.Error("a short outage signed somebody out:", err)
	}
	b.tokens.Forget()
	_, err := b.guard.Member(t.Context(), "Bearer "+token)
	if _, isFault := fault.As(err); err == nil || isFault {
		t.Error(err)
	}
	if _, err := b.tokens.Access(t.Context(), b.people.session, time.Minute); err == nil {
		t.Error("a token was signed without keys")
	}
}

func TestWeakAndMissingKeysSignNothing(t *testing.T) {
	t.Parallel()
	weak := SigningKey{KID: "weak-key", Secret: []byte("short"), ActiveFrom: start}
	for name, keys := range map[string][]SigningKey{"none": nil, "too short": {weak}} {
		b := newBench()
		b.ring.set(nil, keys...)
		if _, err := b.tokens.Access(t.Context(), b.people.session, time.Minute); err == nil {
			t.Errorf("%s: a token was signed", name)
		}
	}
}

// The instance whose clock is behind that of the one which made the first key must not refuse everybody until it has caught up.
func TestAKeyFromAClockAheadSignsWhenThereIsNoOther(t *testing.T) {
	t.Parallel()
	b := newBench()
	b.ring.set(nil, key("last-key", start.Add(2*time.Hour)), key("first-key", start.Add(time.Hour)))
	token, err := b.tokens.Access(t.Context(), b.people.session, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.guard.Member(t.Context(), "Bearer "+token); err != nil {
		t.Error(err)
	}
	if kid := kidOf(t, token); kid != "first-key" {
		t.Errorf("signed by %s", kid)
	}
}

func TestRolesAndPrincipalsHaveTheirNames(t *testing.T) {
	t.Parallel()
	for name, role := range map[string]Role{"viewer": Viewer, "recruiter": Recruiter, "admin": Admin, "owner": Owner} {
		if got, err := ParseRole(name); err != nil || got != role || role.String() != name {
			t.Error(name, got, err)
		}
	}
	for _, odd := range []string{"", "root", "Owner"} {
		var r Role
		if err := r.UnmarshalText([]byte(odd)); err == nil {
			t.Errorf("%q is a role", odd)
		}
	}
	id := uuid.New()
	for p, want := range map[Principal]string{
		{}: "anonymous", {Kind: Member, UserID: id}: "member:" + id.String(), {Kind: APIKey, KeyID: id}: "api_key:" + id.String(),
		{Kind: Candidate, SubmissionID: id}: "candidate:" + id.String(),
	} {
		if p.String() != want || From(With(t.Context(), p)) != p {
			t.Errorf("%s, want %s", p, want)
		}
	}
	if From(t.Context()) != (Principal{}) {
		t.Error("somebody is there")
	}
}
