package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
	"credlane/app/kit/pg"
	"credlane/app/kit/pgtest"
)

type keyIn struct {
	Body struct {
		Name string `json:"name" maxLength:"50"`
	}
}

type keyBody struct {
	ID          uuid.UUID `json:"id"`
	Name        string    `json:"name"`
	Secret      string    `json:"secret,omitempty"`
	SecretShown bool      `json:"secretShown"`
}

type keyOut struct {
	Location string `header:"Location"`
	Body     keyBody
}

// WithoutSecrets is what the database may keep.
func (o *keyOut) WithoutSecrets() *keyOut {
	c := *o
	c.Body.Secret, c.Body.SecretShown = "", false
	return &c
}

// onceWorld has one creating operation whose work the test steers.
func onceWorld(t *testing.T, db *pg.DB, during func(tx pgx.Tx) error) *world {
	t.Helper()
	w := newWorld(t)
	Handle(w.Host, Op{Method: "POST", Path: "/keys", ID: "create-key", Summary: "Create", Role: authn.Viewer, Status: 201, Idempotent: true},
		func(ctx context.Context, in *keyIn) (*keyOut, error) {
			return Once(ctx, db, func(tx pgx.Tx) (*keyOut, error) {
				if err := during(tx); err != nil {
					return nil, fmt.Errorf("create a key: %w", err)
				}
				id := uuid.New()
				return &keyOut{Location: "/keys/" + id.String(), Body: keyBody{ID: id, Name: in.Body.Name, Secret: "s3cret", SecretShown: true}}, nil
			})
		})
	return w
}

func TestARetryGetsTheFirstAnswerWithoutItsSecret(t *testing.T) {
	t.Parallel()
	db := &pg.DB{Pool: pgtest.New(t).Pool}
	made := 0
	w := onceWorld(t, db, func(pgx.Tx) error { made++; return nil })
	auth, other := w.member(t, authn.Viewer), w.member(t, authn.Viewer)
	post := func(auth, key, body string) *httptest.ResponseRecorder {
		return w.do(t, "POST", "/keys", body, "Authorization", auth, "Idempotency-Key", key)
	}
	first := post(auth, "one", `{"name":"a"}`)
	again := post(auth, "one", `{"name":"a"}`)
	if first.Code != 201 || again.Code != 201 || made != 1 {
		t.Fatal(first.Code, again.Code, made, again.Body)
	}
	if !strings.Contains(first.Body.String(), `"secret":"s3cret","secretShown":true`) {
		t.Error(first.Body)
	}
	want := strings.Replace(first.Body.String(), `"secret":"s3cret","secretShown":true`, `"secretShown":false`, 1)
	if again.Body.String() != want || again.Header().Get("Location") != first.Header().Get("Location") {
		t.Errorf("got %s with %s, want %s", again.Body, again.Header(), want)
	}
	if rec := post(auth, "one", `{"name":"b"}`); rec.Code != 422 || code(rec) != "idempotency_key_reused" {
		t.Error(rec.Body)
	}
	for name, rec := range map[string]*httptest.ResponseRecorder{
		"another person": post(other, "one", `{"name":"a"}`), "another key": post(auth, "two", `{"name":"a"}`), "no key": post(auth, "", `{"name":"a"}`),
	} {
		if rec.Code != 201 || !strings.Contains(rec.Body.String(), "s3cret") {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
	}
	if rec := post(auth, "bad key", `{"name":"a"}`); rec.Code != 422 || !strings.Contains(rec.Body.String(), "header.Idempotency-Key") {
		t.Error(rec.Body)
	}
	var stored, firstCaller string
	if err := db.QueryRow(t.Context(), `
SELECT string_agg(response::text, ' '), min(principal) FILTER (WHERE key_hash = sha256('two')) FROM idempotency_keys`).Scan(&stored, &firstCaller); err != nil || strings.Contains(stored, "s3cret") {
		t.Error(stored, err)
	}
	w.clock.Advance(keyLife)
	for session, p := range w.people {
		if strings.Contains(firstCaller, p.String()) {
			auth = w.token(t, session)
		}
	}
	if rec := post(auth, "one", `{"name":"c"}`); rec.Code != 201 || made != 5 {
		t.Error("an expired key still answers", rec.Code, rec.Body, made)
	}
}

func TestARefusedOrFailedRequestLeavesItsKeyFree(t *testing.T) {
	t.Parallel()
	var fail func() error
	w := onceWorld(t, &pg.DB{Pool: pgtest.New(t).Pool}, func(pgx.Tx) error { return fail() })
	auth := w.member(t, authn.Viewer)
	post := func(body string) *httptest.ResponseRecorder {
		return w.do(t, "POST", "/keys", body, "Authorization", auth, "Idempotency-Key", "k")
	}
	for _, c := range []struct {
		status int
		fail   func() error
	}{
		{409, func() error { return fault.New(fault.Conflict, "no_room", "No room.") }},
		{422, func() error { return ErrInvalid }},
		{503, func() error { return ErrUnavailable }},
		{500, func() error { return errors.New("out of luck") }},
		{500, func() error { panic("out of luck") }},
	} {
		fail = c.fail
		if rec := post(`{"name":"a"}`); rec.Code != c.status {
			t.Errorf("want %d: %d %s", c.status, rec.Code, rec.Body)
		}
	}
	fail = func() error { return nil }
	if rec := post(`{"name":"another"}`); rec.Code != 201 || rec.Header().Get("Idempotent-Replayed") != "" {
		t.Fatal(rec.Code, rec.Body)
	}
}

func TestAPersonWhoMovesToAnotherEmployerLeavesTheirKeysBehind(t *testing.T) {
	t.Parallel()
	w := onceWorld(t, &pg.DB{Pool: pgtest.New(t).Pool}, func(pgx.Tx) error { return nil })
	auth := w.member(t, authn.Viewer)
	first := w.do(t, "POST", "/keys", `{"name":"a"}`, "Authorization", auth, "Idempotency-Key", "k")
	for session, p := range w.people {
		p.EmployerID = uuid.New()
		w.people[session] = p
	}
	second := w.do(t, "POST", "/keys", `{"name":"a"}`, "Authorization", auth, "Idempotency-Key", "k")
	if first.Code != 201 || second.Code != 201 || second.Header().Get("Idempotent-Replayed") != "" {
		t.Error("one employer's answer is given to another:", second.Code, second.Body)
	}
}

func TestTwinsMakeOneThing(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	made := 0
	w := onceWorld(t, &pg.DB{Pool: pgtest.New(t).Pool}, func(pgx.Tx) error {
		mu.Lock()
		defer mu.Unlock()
		made++
		return nil
	})
	auth := w.member(t, authn.Viewer)
	var all sync.WaitGroup
	for range 24 {
		all.Go(func() {
			rec := w.do(t, "POST", "/keys", `{"name":"a"}`, "Authorization", auth, "Idempotency-Key", "twin")
			if rec.Code != http.StatusCreated {
				t.Errorf("%d %s", rec.Code, rec.Body)
			}
		})
	}
	all.Wait()
	if made != 1 {
		t.Errorf("made %d", made)
	}
}

func TestATwinDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	inside, finish := make(chan struct{}), make(chan struct{})
	w := onceWorld(t, &pg.DB{Pool: pgtest.New(t).Pool}, func(pgx.Tx) error {
		close(inside)
		<-finish
		return nil
	})
	auth := w.member(t, authn.Viewer)
	var first *httptest.ResponseRecorder
	var done sync.WaitGroup
	done.Go(func() {
		first = w.do(t, "POST", "/keys", `{"name":"a"}`, "Authorization", auth, "Idempotency-Key", "slow")
	})
	<-inside
	twin := w.do(t, "POST", "/keys", `{"name":"a"}`, "Authorization", auth, "Idempotency-Key", "slow")
	close(finish)
	done.Wait()
	if twin.Code != 409 || code(twin) != "request_in_progress" || twin.Header().Get("Retry-After") == "" {
		t.Error(twin.Code, twin.Body)
	}
	if first.Code != 201 {
		t.Error(first.Code, first.Body)
	}
}

func TestALimitIsSharedAndEnds(t *testing.T) {
	t.Parallel()
	db := &pg.DB{Pool: pgtest.New(t).Pool}
	w := newWorld(t)
	a, b := NewLimiter(db, w.clock), NewLimiter(db, w.clock)
	limit := Rate{Count: 3, Per: 10 * time.Minute}
	for i, l := range []*Limiter{a, b, a} {
		if err := l.Take(t.Context(), "login", "ann@example.org", limit); err != nil {
			t.Fatal(i, err)
		}
	}
	for _, l := range []*Limiter{a, b, a, b, a} {
		f, ok := fault.As(l.Take(t.Context(), "login", "ann@example.org", limit))
		if !ok || f.Code != "too_many_requests" || f.RetryAfter <= 0 || f.RetryAfter > 10*time.Minute {
			t.Fatal(f)
		}
	}
	if err := a.Take(t.Context(), "login", "ben@example.org", limit); err != nil {
		t.Error("another key:", err)
	}
	if err := a.Take(t.Context(), "forgot", "ann@example.org", limit); err != nil {
		t.Error("another name:", err)
	}
	if err := a.Take(t.Context(), "open", "ann@example.org", Rate{}); err != nil {
		t.Error("no limit:", err)
	}
	w.clock.Advance(10 * time.Minute)
	if err := a.Take(t.Context(), "login", "ann@example.org", limit); err != nil {
		t.Error("the next window:", err)
	}
	var plain int
	if err := db.QueryRow(t.Context(), `SELECT count(*) FROM rate_counters WHERE key_hash = 'ann@example.org'::bytea OR count > 4`).Scan(&plain); err != nil || plain != 0 {
		t.Error(plain, err)
	}
}

func TestTheSweepTakesWhatIsOverAndNothingElse(t *testing.T) {
	t.Parallel()
	db := &pg.DB{Pool: pgtest.New(t).Pool}
	now := time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC)
	if _, err := db.Exec(t.Context(), `
INSERT INTO idempotency_keys (principal, operation, key_hash, request_hash, created_at, expires_at)
SELECT 'p', 'o', int4send(n), '', $1::timestamptz - interval '1 day', $1::timestamptz + n * interval '1 second' FROM generate_series(-2499, 10) n`, now); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(t.Context(), `
INSERT INTO rate_counters (name, key_hash, window_start, count)
SELECT 'n', int4send(n), $1::timestamptz - interval '1 day' + n * interval '1 second', 1 FROM generate_series(-9, 5) n`, now); err != nil {
		t.Fatal(err)
	}
	n, err := Sweep(t.Context(), db, now)
	if err != nil || n != 2500+10 {
		t.Fatal(n, err)
	}
	var keys, counters int
	if err := db.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM idempotency_keys), (SELECT count(*) FROM rate_counters)`).Scan(&keys, &counters); err != nil || keys != 10 || counters != 5 {
		t.Error(keys, counters, err)
	}
}
