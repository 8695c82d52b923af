package auth

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"credlane/app/kit/authn"
	"credlane/app/kit/clock"
	"credlane/app/kit/fault"
	"credlane/app/kit/ids"
	"credlane/app/kit/jobs"
	"credlane/app/kit/mail"
	"credlane/app/kit/pg"
	"credlane/app/kit/pgtest"
	"credlane/app/kit/rest"
	"credlane/app/kit/seal"
)

const goodPassword = "a loom weaves flowers"

// world is one instance of the module behind a host, on a database of its own.
type world struct {
	*Module
	t     testing.TB
	url   string
	clock *clock.Fake
	jobs  *jobs.Client
	http  http.Handler
}

func newWorld(t testing.TB, change ...func(*Deps)) *world {
	t.Helper()
	db := pgtest.New(t)
	c := clock.NewFake(time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC))
	return build(t, db.URL, &pg.DB{Pool: db.Pool}, c, change...)
}

// twin is another instance on the same database.
func (w *world) twin(change ...func(*Deps)) *world {
	w.t.Helper()
	db, err := pg.Open(w.t.Context(), pg.Options{URL: w.url, MaxConns: 8})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(db.Close)
	return build(w.t, w.url, db, w.clock, change...)
}

// secretKey is one of 32 equal characters.
func secretKey(t testing.TB, character string) *seal.Key {
	t.Helper()
	key, err := seal.New([]byte(strings.Repeat(character, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func build(t testing.TB, url string, db *pg.DB, c *clock.Fake, change ...func(*Deps)) *world {
	t.Helper()
	source, log := ids.New(c), slog.New(slog.DiscardHandler)
	key := secretKey(t, "k")
	keyring, err := NewKeyring(db, c, source, log, key)
	if err != nil {
		t.Fatal(err)
	}
	queue := jobs.New(jobs.Options{DB: db})
	mailer, err := mail.New(mail.Options{
		DB: db, Jobs: queue, Key: key, Clock: c, IDs: source, Log: log, PublicURL: "https://lane.example",
	})
	if err != nil {
		t.Fatal(err)
	}
	tokens := authn.NewTokens(keyring, c, "credlane")
	d := Deps{
		DB: db, Clock: c, IDs: source, Log: log, Keyring: keyring, Key: key, Mail: mailer, Tokens: tokens, Limiter: rest.NewLimiter(db, c),
		PublicURL: "https://lane.example", HashParallel: 2, HashWait: time.Minute,
	}
	for _, f := range change {
		f(&d)
	}
	m := New(d)
	e := echo.New()
	m.Mount(rest.NewHost(e, rest.Options{
		Tokens: tokens, Directory: m, Clock: c,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}, // where httptest's requests come from
	}))
	return &world{Module: m, t: t, url: url, clock: c, jobs: queue, http: e}
}

// answer is what a request got.
type answer struct {
	status int
	body   map[string]any
	header http.Header
	raw    string
}

func (a answer) text(key string) string { s, _ := a.body[key].(string); return s }

// want stops the test when the answer has another status or, for a problem, another code.
func (a answer) want(t testing.TB, status int, code string) answer {
	t.Helper()
	if a.status != status || a.text("code") != code {
		t.Fatalf("got %d %s, want %d %q", a.status, a.raw, status, code)
	}
	return a
}

// do sends a request; token is a bearer token, and headers are names and values in turn.
func (w *world) do(method, path, token, body string, headers ...string) answer {
	w.t.Helper()
	req := httptest.NewRequest(method, "/api/v1"+path, strings.NewReader(body))
	if body == "" {
		req = httptest.NewRequest(method, "/api/v1"+path, nil)
	} else {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	w.http.ServeHTTP(rec, req)
	a := answer{status: rec.Code, header: rec.Header(), raw: rec.Body.String()}
	if rec.Body.Len() > 0 {
		if err := json.Unmarshal(rec.Body.Bytes(), &a.body); err != nil {
			w.t.Errorf("%s %s: %v in %s", method, path, err, a.raw)
		}
	}
	return a
}

// from sends a request from another address.
func (w *world) from(ip, method, path, body string) answer {
	w.t.Helper()
	return w.do(method, path, "", body, "X-Forwarded-For", ip)
}

// slug is the slug of the employer of that name.
func (w *world) slug(name string) (slug string) {
	w.t.Helper()
	if err := w.db.QueryRow(w.t.Context(), `SELECT slug FROM employers WHERE name = $1`, name).Scan(&slug); err != nil {
		w.t.Fatal(err)
	}
	return slug
}

func itoa(n int) string { return strconv.Itoa(n) }

// owner registers an employer by the operator's way and signs its owner in.
func (w *world) owner(name string) *SignIn {
	w.t.Helper()
	return w.member(NewMember{Organization: name, Email: name + "@owner.example"})
}

// member adds and signs in one more person.
func (w *world) member(n NewMember) *SignIn {
	w.t.Helper()
	n.Name, n.Password = "Some Body", goodPassword
	if _, err := w.AddUser(w.t.Context(), n); err != nil {
		w.t.Fatal(err)
	}
	in, err := w.Login(w.t.Context(), n.Email, goodPassword)
	if err != nil {
		w.t.Fatal(err)
	}
	return in
}

// browser opens a browser's session of a member.
func (w *world) browser(email string) *BrowserSession {
	w.t.Helper()
	in, err := w.LoginBrowser(w.t.Context(), email, goodPassword)
	if err != nil {
		w.t.Fatal(err)
	}
	return in
}

// opens tells whether the session's cookie opens anything.
func (w *world) opens(in *BrowserSession) bool {
	w.t.Helper()
	_, err := w.Cookie(w.t.Context(), authn.HashKey(in.Secret))
	if err != nil {
		wantCode(w.t, err, authn.ErrUnauthenticated)
	}
	return err == nil
}

// principal is who the guard sees in a signed-in member.
func (w *world) principal(in *SignIn) authn.Principal {
	w.t.Helper()
	var session uuid.UUID
	if err := w.db.QueryRow(w.t.Context(), `SELECT session_id FROM refresh_tokens WHERE token_hash = $1`, hashToken(in.RefreshToken)).Scan(&session); err != nil {
		w.t.Fatal(err)
	}
	p, err := w.Session(w.t.Context(), session)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// count runs a query that gives one number.
func (w *world) count(sql string, args ...any) int {
	w.t.Helper()
	var n int
	if err := w.db.QueryRow(w.t.Context(), sql, args...).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// race runs fn n times at once and counts the outcomes: "" for success, the code of a fault otherwise.
func race(t testing.TB, n int, fn func(i int) error) map[string]int {
	t.Helper()
	var (
		start sync.WaitGroup
		done  sync.WaitGroup
		mu    sync.Mutex
		seen  = map[string]int{}
	)
	start.Add(1)
	for i := range n {
		done.Go(func() {
			start.Wait()
			err := fn(i)
			code := ""
			if f, ok := fault.As(err); ok {
				code = f.Code
			} else if err != nil {
				t.Errorf("no fault but: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			seen[code]++
		})
	}
	start.Done()
	done.Wait()
	return seen
}

func wantCode(t testing.TB, err error, want *fault.Error) {
	t.Helper()
	if f, ok := fault.As(err); !ok || f.Code != want.Code {
		t.Fatalf("got %v, want %s", err, want.Code)
	}
}
