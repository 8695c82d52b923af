package invites

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
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

// world is one database with an active assessment of one employer, and any number of instances of the program on it.
type world struct {
	t          testing.TB
	db         pgtest.DB
	clock      *clock.Fake
	employer   uuid.UUID
	assessment uuid.UUID
	version    uuid.UUID
	people     map[string]authn.Principal // by API key

	mu        sync.Mutex
	closed    error // what the lender of assessments answers instead, or with errNotActive beside
	refusal   error // of extra time
	extra     map[uuid.UUID]int
	templates map[string]mail.Template
}

const (
	asViewer    = "clk_viewer"
	asRecruiter = "clk_recruiter"
	asOther     = "clk_other" // an owner elsewhere
)

var (
	opened       = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	errNotActive = fault.New(fault.Conflict, "assessment_not_active", "Not now.")
)

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, db: pgtest.New(t), clock: clock.NewFake(opened), employer: uuid.New(), assessment: uuid.New(), version: uuid.New(),
		people: map[string]authn.Principal{}, extra: map[uuid.UUID]int{}, templates: map[string]mail.Template{}}
	w.exec(`CREATE TABLE owed (place serial, template text, employer_id uuid, address text, name text, ref uuid, data jsonb, purpose text, n int, unique_key text)`)
	w.newAssessment(w.employer, w.assessment, w.version)
	other := uuid.New()
	w.newAssessment(other, uuid.New(), uuid.New())
	for key, p := range map[string]authn.Principal{
		asViewer: {EmployerID: w.employer, Role: authn.Viewer}, asRecruiter: {EmployerID: w.employer, Role: authn.Recruiter},
		asOther: {EmployerID: other, Role: authn.Owner},
	} {
		p.Kind, p.UserID = authn.Member, uuid.New()
		w.people[key] = p
		w.exec(`INSERT INTO users (id, email, name, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)`, p.UserID, key+"@example.org", "Name of "+key, opened)
	}
	return w
}

func (w *world) newAssessment(employer, assessment, version uuid.UUID) {
	w.t.Helper()
	w.exec(`INSERT INTO employers (id, name, slug, created_at, updated_at) VALUES ($1, 'Acme', $2, $3, $3)`, employer, "acme-"+employer.String()[:8], opened)
	w.exec(`INSERT INTO assessments (id, employer_id, title, slug, status, current_version, created_at, updated_at)
		VALUES ($1, $2, 'Draft title', $3, 'active', 1, $4, $4)`, assessment, employer, "slug"+strings.ReplaceAll(assessment.String(), "-", ""), opened)
	w.exec(`INSERT INTO assessment_versions (id, employer_id, assessment_id, number, title, description, time_limit_minutes, passing_score,
		shuffle_questions, shuffle_options, question_count, points_total, created_at) VALUES ($1, $2, $3, 1, 'Go basics', '', 30, 60, false, false, 1, 1, $4)`,
		version, employer, assessment, opened)
}

// instance is one more process of the program: its own pool and ids.
func (w *world) instance() *Module {
	w.t.Helper()
	m, _ := w.instanceWithJobs()
	return m
}

// instanceAt is an instance whose machine has another time.
func (w *world) instanceAt(c clock.Clock) *Module {
	w.t.Helper()
	m := w.instance()
	m.clock = c
	return m
}

func (w *world) instanceWithJobs() (*Module, *jobs.Client) {
	w.t.Helper()
	db, err := pg.Open(w.t.Context(), pg.Options{URL: w.db.URL, MaxConns: 8})
	w.must(err)
	w.t.Cleanup(db.Close)
	key, err := seal.New(bytes.Repeat([]byte("k"), 32))
	w.must(err)
	c := jobs.New(jobs.Options{DB: db})
	return New(Deps{
		DB: db, Clock: w.clock, IDs: ids.New(w.clock), Key: key, Mail: w, Jobs: c, Assessments: w, Accommodations: w, Events: w,
		Faults: []*fault.Error{ErrAssessmentNotFound, errNotActive}, PublicURL: "https://lane.example/",
	}), c
}

// Declare and SendTx make the world a mailer that keeps what it is given, with the transaction.
func (w *world) Declare(t mail.Template) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.templates[t.Name] = t
}

func (w *world) SendTx(ctx context.Context, tx pgx.Tx, messages ...mail.Message) error {
	var b pgx.Batch
	for _, m := range messages {
		data, err := json.Marshal(m.Data)
		if err != nil {
			return err
		}
		b.Queue(`INSERT INTO owed (template, employer_id, address, name, ref, data, purpose, n, unique_key) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			m.Template, m.EmployerID, m.To, m.ToName, m.Ref, data, m.Secret.Purpose, m.Secret.N, m.Unique)
	}
	return tx.SendBatch(ctx, &b).Close()
}

func (w *world) Invitable(ctx context.Context, q pg.Querier, employer, id uuid.UUID) (Assessment, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed != nil && w.closed != errNotActive {
		return Assessment{}, w.closed
	}
	var title string
	err := q.QueryRow(ctx, `SELECT v.title FROM assessments a JOIN assessment_versions v ON v.assessment_id = a.id WHERE a.employer_id = $1 AND a.id = $2`,
		employer, id).Scan(&title)
	if err != nil {
		return Assessment{}, ErrAssessmentNotFound
	}
	return Assessment{Title: title}, w.closed
}

func (w *world) Landing(context.Context, uuid.UUID, int) (Landing, error) {
	return Landing{Title: "Go basics", Employer: LandingEmployer{"Acme"}, State: "open", Rules: []string{}}, nil
}

func (w *world) GiveExtraTime(ctx context.Context, id uuid.UUID, percent int, _ string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refusal != nil {
		return w.refusal
	}
	w.extra[id] = percent
	_, err := w.db.Pool.Exec(ctx, `UPDATE submissions SET extra_time_percent = $2 WHERE id = $1`, id, percent)
	return err
}

// AnnounceTx keeps events in the trail's neighbour, with the transaction.
func (w *world) AnnounceTx(ctx context.Context, tx pgx.Tx, employer, object uuid.UUID, _ time.Time, types ...string) error {
	_, err := tx.Exec(ctx, `INSERT INTO owed (template, employer_id, ref) SELECT t, $2, $3 FROM unnest($1::text[]) t`, types, employer, object)
	return err
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	_, err := w.db.Pool.Exec(w.t.Context(), sql, args...)
	w.must(err)
}

func value[T any](w *world, sql string, args ...any) (v T) {
	w.t.Helper()
	w.must(w.db.Pool.QueryRow(w.t.Context(), sql, args...).Scan(&v))
	return v
}

func (w *world) as(key string) context.Context { return authn.With(w.t.Context(), w.people[key]) }

func emails(list ...string) Order {
	var o Order
	for _, email := range list {
		o.People = append(o.People, Person{Email: email})
	}
	return o
}

// order invites as the recruiter, in a transaction of its own.
func (w *world) order(m *Module, o Order) []Result {
	w.t.Helper()
	results, err := order(w.as(asRecruiter), m, w.assessment, o)
	w.must(err)
	return results
}

func order(ctx context.Context, m *Module, assessment uuid.UUID, o Order) (results []Result, err error) {
	err = m.inTx(ctx, func(tx pgx.Tx) (err error) {
		results, err = m.InviteTx(ctx, tx, assessment, o)
		return err
	})
	return results, err
}

// invite invites one address that is free.
func (w *world) invite(m *Module, email string) Invite {
	w.t.Helper()
	r := w.order(m, emails(email))[0]
	if r.Outcome != Invited {
		w.t.Fatalf("%s is %s", email, r.Outcome)
	}
	return *r.Invite
}

func (w *world) find(m *Module, i Invite) Invite {
	w.t.Helper()
	found, _, err := m.Find(w.as(asRecruiter), i.ID)
	w.must(err)
	return found
}

// start does what a start by the link does: it holds the invite, makes a submission and ties it.
func (w *world) start(ctx context.Context, m *Module, token string) (submission uuid.UUID, err error) {
	err = m.inTx(ctx, func(tx pgx.Tx) error {
		held, err := m.HoldTx(ctx, tx, token)
		if err != nil {
			return err
		}
		if held.SubmissionID != uuid.Nil {
			submission = held.SubmissionID
			return nil
		}
		submission = uuid.New()
		now := w.clock.Now()
		if _, err := tx.Exec(ctx, `INSERT INTO users (id, email, name, created_at, updated_at) VALUES ($1, $2, '', $3, $3)`,
			submission, submission.String()+"@users.test", now); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO submissions (id, employer_id, assessment_id, version_id, candidate_user_id, name, email, consent_at,
			notice_version, layout, started_at, deadline_at, points_total, passing_score, extra_time_percent)
			VALUES ($1, $2, $3, $4, $1, 'Ada', $5, $6::timestamptz, 1, '[]', $6, $6 + interval '30 min', 1, 60, $7)`,
			submission, held.EmployerID, held.AssessmentID, w.version, held.Email, now, held.ExtraTimePercent); err != nil {
			return err
		}
		return m.StartedTx(ctx, tx, held.ID, submission, now)
	})
	return submission, err
}

func (w *world) started(m *Module, i Invite) uuid.UUID {
	w.t.Helper()
	id, err := w.start(w.t.Context(), m, m.token(i))
	w.must(err)
	return id
}

func (w *world) refused(err error, want *fault.Error) {
	w.t.Helper()
	if f, ok := fault.As(err); !ok || f.Code != want.Code {
		w.t.Fatalf("error %v; want %s", err, want.Code)
	}
}

// audited lists the actions recorded about an object, in the order of their writing.
func (w *world) audited(id uuid.UUID) string {
	w.t.Helper()
	return value[string](w, `SELECT coalesce(string_agg(action || ' by ' || actor_kind, ', ' ORDER BY id), '') FROM audit_events WHERE object_id = $1`, id)
}

func (w *world) owed(template string) int {
	w.t.Helper()
	return value[int](w, `SELECT count(*) FROM owed WHERE template = $1`, template)
}

// pass runs one round of the periodic work.
func (w *world) pass(m *Module) {
	w.t.Helper()
	for _, step := range []func(context.Context, pgx.Tx) (int, error){m.expireTx, m.remindLastTx, m.remindIdleTx} {
		w.must(m.inTx(w.t.Context(), func(tx pgx.Tx) error {
			_, err := step(w.t.Context(), tx)
			return err
		}))
	}
}

// sent is what the mailer does once a server has taken the mail.
func (w *world) sent(m *Module, all ...Invite) {
	w.t.Helper()
	for _, i := range all {
		w.must(m.inTx(w.t.Context(), func(tx pgx.Tx) error { return m.noteSent(w.t.Context(), tx, i.ID, w.clock.Now()) }))
	}
}

// together runs the clients at once.
func together(clients ...func()) {
	var start, done sync.WaitGroup
	start.Add(1)
	for _, client := range clients {
		done.Go(func() {
			start.Wait()
			client()
		})
	}
	start.Done()
	done.Wait()
}

// Session and APIKey make the world a directory.
func (w *world) Session(context.Context, uuid.UUID) (authn.Principal, error) {
	return authn.Principal{}, authn.ErrUnauthenticated
}

func (*world) Cookie(context.Context, []byte) (authn.Principal, error) {
	return authn.Principal{}, authn.ErrUnauthenticated
}

func (w *world) APIKey(_ context.Context, hash []byte) (authn.Principal, error) {
	for key, p := range w.people {
		if bytes.Equal(authn.HashKey(key), hash) {
			return p, nil
		}
	}
	return authn.Principal{}, authn.ErrUnauthenticated
}

// desk is the module over HTTP.
type desk struct {
	*world
	module *Module
	server *httptest.Server
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	w := newWorld(t)
	d := &desk{world: w, module: w.instance()}
	e := echo.New()
	d.module.Mount(rest.NewHost(e, rest.Options{Directory: w, Clock: w.clock}))
	d.server = httptest.NewServer(e)
	t.Cleanup(d.server.Close)
	return d
}

type reply struct {
	status int
	body   []byte
}

func (r reply) into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(r.body, v); err != nil {
		t.Fatalf("%v: %s", err, r.body)
	}
}

// call sends a body, a string as it stands, and headers in pairs.
func (d *desk) call(status int, key, method, path string, body any, headers ...string) reply {
	d.t.Helper()
	content, ok := body.(string)
	if !ok && body != nil {
		b, err := json.Marshal(body)
		d.must(err)
		content = string(b)
	}
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.server.URL+"/api/v1"+path, strings.NewReader(content))
	d.must(err)
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := d.server.Client().Do(req)
	d.must(err)
	defer func() { _ = res.Body.Close() }()
	read, err := io.ReadAll(res.Body)
	d.must(err)
	if res.StatusCode != status {
		d.t.Fatalf("%s %s answered %d, want %d: %s", method, path, res.StatusCode, status, read)
	}
	return reply{res.StatusCode, read}
}
