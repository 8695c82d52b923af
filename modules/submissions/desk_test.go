package submissions

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/labstack/echo/v4"

	"credlane/app/kit/authn"
	"credlane/app/kit/exact"
	"credlane/app/kit/ids"
	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
)

// desk is an employer's view of one app over HTTP, on a world that may have any number of versions and employers.
type desk struct {
	*world
	module   *Module
	host     *rest.Host
	server   *httptest.Server
	versions map[uuid.UUID]Version
	people   map[string]authn.Principal // by API key
}

// The keys of the people at the desk; "clk_other" is an owner elsewhere.
const (
	asViewer    = "clk_viewer"
	asRecruiter = "clk_recruiter"
	asAdmin     = "clk_admin"
	asOther     = "clk_other"
)

type deskVersions struct{ *desk }

func (d deskVersions) Version(_ context.Context, id uuid.UUID) (Version, error) {
	if v, found := d.versions[id]; found {
		return v, nil
	}
	return Version{}, fmt.Errorf("no version %s", id)
}

// Session and APIKey make the desk a directory.
func (d *desk) Session(context.Context, uuid.UUID) (authn.Principal, error) {
	return authn.Principal{}, authn.ErrUnauthenticated
}

func (*desk) Cookie(context.Context, []byte) (authn.Principal, error) {
	return authn.Principal{}, authn.ErrUnauthenticated
}

func (d *desk) APIKey(_ context.Context, hash []byte) (authn.Principal, error) {
	for key, p := range d.people {
		if bytes.Equal(authn.HashKey(key), hash) {
			return p, nil
		}
	}
	return authn.Principal{}, authn.ErrUnauthenticated
}

func newDesk(t testing.TB, o rest.Options) *desk {
	t.Helper()
	w := newWorld(t)
	d := &desk{world: w, versions: map[uuid.UUID]Version{w.version.ID: w.version}, people: map[string]authn.Principal{}}
	for i, p := range []struct {
		key      string
		role     authn.Role
		employer uuid.UUID
	}{
		{asViewer, authn.Viewer, w.version.EmployerID}, {asRecruiter, authn.Recruiter, w.version.EmployerID},
		{asAdmin, authn.Admin, w.version.EmployerID}, {asOther, authn.Owner, fixed(1, 99)},
	} {
		id := fixed(8, i+1)
		d.people[p.key] = authn.Principal{Kind: authn.Member, UserID: id, EmployerID: p.employer, Role: p.role}
		w.exec(`INSERT INTO users (id, email, name, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)`,
			id, p.key+"@example.org", "Person "+p.role.String(), opened)
	}
	db, err := pg.Open(t.Context(), pg.Options{URL: w.db.URL, MaxConns: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	o.Tokens, o.Directory, o.Clock = authn.NewTokens(oneKey{}, w.clock, "test"), d, w.clock
	d.module = New(Deps{
		DB: db, Clock: w.clock, IDs: ids.New(w.clock), Log: slog.New(slog.DiscardHandler),
		Limiter: rest.NewLimiter(db, w.clock), StartLimit: rest.Rate{Count: 5, Per: time.Minute},
		Tokens: w, Versions: deskVersions{d}, Openings: w, Policies: w, Candidates: w, Counters: w,
	})
	e := echo.New()
	d.host = rest.NewHost(e, o)
	d.module.Mount(d.host)
	d.server = httptest.NewServer(e)
	t.Cleanup(d.server.Close)
	return d
}

// add publishes one more version, of any assessment and employer.
func (d *desk) add(v Version) {
	d.t.Helper()
	d.versions[v.ID] = v
	d.store(v)
}

// as is the context of somebody at the desk.
func (d *desk) as(key string) context.Context { return authn.With(d.t.Context(), d.people[key]) }

// reply is an answer over HTTP.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (d *desk) call(key, method, path string, body any) reply {
	d.t.Helper()
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			d.t.Fatal(err)
		}
		content = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.server.URL+"/api/v1"+path, content)
	if err != nil {
		d.t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := d.server.Client().Do(req)
	if err != nil {
		d.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = res.Body.Close() }()
	read, err := io.ReadAll(res.Body)
	if err != nil {
		d.t.Fatalf("%s %s: %v", method, path, err)
	}
	return reply{res.StatusCode, res.Header, read}
}

// wants fails unless the answer is of this status and, for a problem, this code.
func (d *desk) wants(r reply, status int, code string) {
	d.t.Helper()
	var problem struct{ Code, Detail string }
	if code != "" {
		if err := json.Unmarshal(r.body, &problem); err != nil {
			d.t.Fatalf("not a problem: %s", r.body)
		}
	}
	if r.status != status || problem.Code != code {
		d.t.Fatalf("answered %d %s, want %d %q: %s", r.status, problem.Code, status, code, r.body)
	}
}

// get reads a 200 into a T.
func get[T any](d *desk, key, path string) T {
	d.t.Helper()
	r := d.call(key, "GET", path, nil)
	d.wants(r, 200, "")
	var v T
	if err := json.Unmarshal(r.body, &v); err != nil {
		d.t.Fatalf("%s: %v: %s", path, err, r.body)
	}
	return v
}

func (d *desk) assessmentPath() string { return "/assessments/" + d.version.AssessmentID.String() }

func query(pairs ...string) string {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return "?" + q.Encode()
}

// sat is one submission as a test wants it.
type sat struct {
	id       uuid.UUID
	version  Version
	name     string
	email    string
	status   Status
	score    exact.Score
	started  time.Time
	spent    time.Duration
	decision string
	tags     []string
	note     string
	answers  []satAnswer
}

// credits are as the module would store them.
func (s sat) credits() []int32 {
	list := make([]int32, 2*len(s.version.Questions))
	for i, q := range s.version.Questions {
		for _, a := range s.answers {
			if a.question == q.ID {
				list[2*i], list[2*i+1] = int32(a.credit.Num), int32(a.credit.Den)
			}
		}
	}
	return list
}

type satAnswer struct {
	question uuid.UUID
	answer   string
	credit   exact.Fraction
}

// seat writes submissions as they are, in bulk: triggers would ask each answer's submission whether it is open.
func (d *desk) seat(all []sat) {
	d.t.Helper()
	ctx := d.t.Context()
	users, rows, answers := [][]any{}, [][]any{}, [][]any{}
	for _, s := range all {
		users = append(users, []any{s.id, s.id.String() + "@users.test", s.name, opened, opened})
		var ended, score, passed, points, decision, earned any
		if s.status != InProgress {
			ended, score, points = s.started.Add(s.spent), s.score, exact.Points(0)
			passed = s.score >= s.version.PassingScore
			earned = s.credits()
		}
		if s.decision != "" {
			decision = s.decision
		}
		rows = append(rows, []any{s.id, s.version.EmployerID, s.version.AssessmentID, s.version.ID, s.id, s.name, s.email, opened, 1,
			[]byte("[]"), string(s.status), s.started, s.started.Add(s.version.TimeLimit), ended, points, s.version.PointsTotal, score,
			s.version.PassingScore, passed, s.note, append([]string{}, s.tags...), decision, earned})
		for _, a := range s.answers {
			answers = append(answers, []any{s.id, a.question, s.version.EmployerID, s.version.ID, []byte(a.answer), int64(1), s.started})
		}
	}
	err := pgx.BeginFunc(ctx, d.db.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `ALTER TABLE submission_answers DISABLE TRIGGER submission_answers_open`); err != nil {
			return err
		}
		for _, t := range []struct {
			name    string
			columns []string
			rows    [][]any
		}{
			{"users", []string{"id", "email", "name", "created_at", "updated_at"}, users},
			{"submissions", []string{"id", "employer_id", "assessment_id", "version_id", "candidate_user_id", "name", "email", "consent_at",
				"notice_version", "layout", "status", "started_at", "deadline_at", "submitted_at", "points", "points_total", "score",
				"passing_score", "passed", "note", "tags", "decision", "credits"}, rows},
			{"submission_answers", []string{"submission_id", "question_id", "employer_id", "version_id", "answer", "sequence", "saved_at"}, answers},
		} {
			if _, err := tx.CopyFrom(ctx, pgx.Identifier{t.name}, t.columns, pgx.CopyFromRows(t.rows)); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		}
		_, err := tx.Exec(ctx, `ALTER TABLE submission_answers ENABLE TRIGGER submission_answers_open`)
		return err
	})
	if err != nil {
		d.t.Fatalf("seat: %v", err)
	}
}
