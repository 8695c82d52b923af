package webhooks

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/labstack/echo/v4"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"credlane/app/kit/authn"
	"credlane/app/kit/clock"
	"credlane/app/kit/fault"
	"credlane/app/kit/ids"
	"credlane/app/kit/jobs"
	"credlane/app/kit/pg"
	"credlane/app/kit/pgtest"
	"credlane/app/kit/rest"
	"credlane/app/kit/seal"
)

// described are the objects that events are about.
type described struct {
	mu   sync.Mutex
	data map[uuid.UUID]any
}

func (d *described) Describe(_ context.Context, _ uuid.UUID, _ string, object uuid.UUID) (any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if v, ok := d.data[object]; ok {
		return v, nil
	}
	return nil, fault.New(fault.NotFound, "object_not_found", "Gone.")
}

func (d *described) set(object uuid.UUID, v any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.data[object] = v
}

// world is an instance of the module with its workers, on a database of its own, and an employer's admin.
type world struct {
	*Module
	t        *testing.T
	pool     pgtest.DB
	clock    *clock.Fake
	objects  *described
	echo     *echo.Echo
	people   map[uuid.UUID]authn.Principal
	tokens   *authn.Tokens
	employer uuid.UUID
	ctx      context.Context
	admin    string
}

func newWorld(t *testing.T, change ...func(*Deps)) *world {
	t.Helper()
	// Receivers judge timestamps by the real time.
	w := &world{t: t, pool: pgtest.New(t), clock: clock.NewFake(time.Now().UTC().Truncate(time.Second)),
		objects: &described{data: map[uuid.UUID]any{}}, echo: echo.New(), people: map[uuid.UUID]authn.Principal{}}
	w.Module = w.instance(change...)
	w.tokens = authn.NewTokens(w, w.clock, "https://tests.example")
	w.Mount(rest.NewHost(w.echo, rest.Options{Tokens: w.tokens, Directory: w, Clock: w.clock}))
	w.employer, w.ctx = w.newEmployer()
	w.admin = w.signIn(w.employer, authn.Admin)
	return w
}

// instance is one instance of the program on the world's database.
func (w *world) instance(change ...func(*Deps)) *Module {
	w.t.Helper()
	key, err := seal.New(bytes.Repeat([]byte("k"), 32))
	w.must(err)
	db := &pg.DB{Pool: w.pool.Pool}
	d := Deps{DB: db, Clock: w.clock, IDs: ids.New(w.clock), Jobs: jobs.New(jobs.Options{DB: db}), Key: key, Limiter: rest.NewLimiter(db, w.clock), Objects: w.objects,
		Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	for _, f := range change {
		f(&d)
	}
	m, err := New(d)
	w.must(err)
	return m
}

// work has jobs worked on until the test ends.
func (w *world) work(instances ...*Module) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	var done sync.WaitGroup
	for _, m := range instances {
		done.Go(func() {
			if err := m.jobs.Work(ctx, jobs.Plan{Queues: []jobs.Queue{jobs.Events, jobs.Webhooks}}); err != nil {
				w.t.Errorf("work: %v", err)
			}
		})
	}
	w.t.Cleanup(func() { cancel(); done.Wait() })
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) refused(err error, want *fault.Error) {
	w.t.Helper()
	if !errors.Is(err, want) {
		w.t.Fatalf("got %v, want %s", err, want.Code)
	}
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	_, err := w.pool.Pool.Exec(w.t.Context(), sql, args...)
	w.must(err)
}

func value[T any](w *world, sql string, args ...any) (v T) {
	w.t.Helper()
	w.must(w.pool.Pool.QueryRow(w.t.Context(), sql, args...).Scan(&v))
	return v
}

// until asks again and again whether something has come about, and fails when it does not within reason.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			w.t.Fatalf("it did not come about that %s", what)
		case <-look.C:
		}
	}
}

func (w *world) newEmployer() (uuid.UUID, context.Context) {
	w.t.Helper()
	id := uuid.New()
	w.exec(`INSERT INTO employers (id, name, slug, created_at, updated_at) VALUES ($1, 'Acme', $2, now(), now())`, id, "acme-"+id.String()[:8])
	return id, authn.With(w.t.Context(), authn.Principal{Kind: authn.Member, UserID: uuid.New(), EmployerID: id, Role: authn.Admin})
}

// endpoint makes a webhook and gives it with its secret.
func (w *world) endpoint(url string, types ...string) (Endpoint, string) {
	w.t.Helper()
	var e Endpoint
	var secret string
	w.must(w.db.InTx(w.ctx, func(tx pgx.Tx) (err error) {
		e, secret, err = w.CreateTx(w.ctx, tx, Change{URL: &url, EventTypes: &types})
		return err
	}))
	return e, secret
}

// announce tells of an event about a new object.
func (w *world) announce(types ...string) uuid.UUID {
	w.t.Helper()
	object := uuid.New()
	w.objects.set(object, map[string]any{"id": object, "name": "Zoë <&>"})
	w.must(w.db.InTx(w.ctx, func(tx pgx.Tx) error { return w.AnnounceTx(w.ctx, tx, w.employer, object, w.clock.Now(), types...) }))
	return object
}

// state waits until the one delivery of a webhook has so many attempts behind it, and gives it.
func (w *world) after(endpoint uuid.UUID, attempts int) Delivery {
	w.t.Helper()
	var d Delivery
	w.until("the delivery was tried", func() bool {
		list, err := w.Deliveries(w.ctx, endpoint, "", uuid.Nil, 10)
		w.must(err)
		if len(list) != 1 || list[0].Attempts < attempts {
			return false
		}
		d = list[0]
		return true
	})
	if d.Attempts != attempts {
		w.t.Fatalf("%d attempts, want %d", d.Attempts, attempts)
	}
	return d
}

// next lets the time come at which the delivery is tried again.
func (w *world) next(d Delivery) {
	w.t.Helper()
	if d.NextAt == nil {
		w.t.Fatalf("nothing follows: %+v", d)
	}
	w.clock.Advance(d.NextAt.Sub(w.clock.Now()))
	w.until("the job waits", func() bool { return value[int](w, `SELECT count(*) FROM river.river_job WHERE state = 'running'`) == 0 })
	w.exec(`UPDATE river.river_job SET state = 'available', scheduled_at = now() WHERE kind = $1 AND state IN ('retryable', 'available')`, kindDeliver)
}

// hurry lets what was put off be due.
func (w *world) hurry() {
	w.t.Helper()
	w.exec(`UPDATE river.river_job SET state = 'available', scheduled_at = now()
		WHERE kind = $1 AND state IN ('scheduled', 'available') AND metadata ? 'snoozes'`, kindDeliver)
}

// received is one request as a receiver saw it.
type received struct {
	header http.Header
	body   []byte
	tls    bool
}

// receiver is another system.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	requests []received
	answer   http.HandlerFunc
}

// receive starts a receiver with TLS that answers as told, 204 unless told.
func receive(t *testing.T, answer http.HandlerFunc) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewUnstartedServer(r)
	r.Config.ErrorLog = log.New(io.Discard, "", 0) // some of its callers leave in the middle
	r.StartTLS()
	t.Cleanup(r.Close)
	return r
}

// ServeHTTP keeps the request and answers.
func (r *receiver) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the sender went away
	}
	r.mu.Lock()
	r.requests = append(r.requests, received{req.Header.Clone(), body, req.TLS != nil})
	answer := r.answer
	r.mu.Unlock()
	if answer == nil {
		rw.WriteHeader(http.StatusNoContent)
		return
	}
	answer(rw, req)
}

func (r *receiver) answers(h http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = h
}

func (r *receiver) seen() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received(nil), r.requests...)
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// trusting lets the module believe the receivers of httptest, who all have one certificate.
func trusting(d *Deps) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	d.Roots = x509.NewCertPool()
	d.Roots.AddCert(server.Certificate())
}

// verify is what a receiver does, by the specification's own library.
func verify(t *testing.T, secret string, r received) {
	t.Helper()
	wh, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := wh.Verify(r.body, r.header); err != nil {
		t.Errorf("the receiver does not believe it: %v\n%v\n%s", err, r.header, r.body)
	}
}

// verifyOld is verify for a world whose clock has gone on.
func verifyOld(t *testing.T, secret string, r received) {
	t.Helper()
	wh, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := wh.VerifyIgnoringTimestamp(r.body, r.header); err != nil {
		t.Errorf("the receiver does not believe it: %v", err)
	}
}

// Session, APIKey and SigningKeys are the host's view of who calls.
func (w *world) Session(_ context.Context, id uuid.UUID) (authn.Principal, error) {
	if p, ok := w.people[id]; ok {
		return p, nil
	}
	return authn.Principal{}, authn.ErrUnauthenticated
}

func (*world) Cookie(context.Context, []byte) (authn.Principal, error) {
	return authn.Principal{}, authn.ErrUnauthenticated
}

func (*world) APIKey(context.Context, []byte) (authn.Principal, error) {
	return authn.Principal{}, authn.ErrUnauthenticated
}

func (*world) SigningKeys(context.Context) ([]authn.SigningKey, error) {
	return []authn.SigningKey{{KID: "test-key", Secret: bytes.Repeat([]byte("s"), 32), ActiveFrom: time.Unix(0, 0)}}, nil
}

func (w *world) signIn(employer uuid.UUID, role authn.Role) string {
	w.t.Helper()
	session := uuid.New()
	w.people[session] = authn.Principal{Kind: authn.Member, UserID: uuid.New(), EmployerID: employer, Role: role, SessionID: session}
	token, err := w.tokens.Access(w.t.Context(), session, 48*time.Hour)
	w.must(err)
	return token
}

type answer struct {
	code int
	body map[string]any
	raw  string
}

func (a answer) text(key string) string { s, _ := a.body[key].(string); return s }

// do sends one request and wants a status, and the code of a problem where it is one.
func (w *world) do(status int, code, token, method, path, body string, headers ...string) answer {
	w.t.Helper()
	req := httptest.NewRequest(method, base+path, strings.NewReader(body))
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	w.echo.ServeHTTP(rec, req)
	a := answer{code: rec.Code, raw: rec.Body.String()}
	if rec.Body.Len() > 0 {
		w.must(json.Unmarshal(rec.Body.Bytes(), &a.body))
	}
	if a.code != status || a.text("code") != code {
		w.t.Fatalf("%s %s: %d %s, want %d %q", method, path, a.code, a.raw, status, code)
	}
	return a
}
