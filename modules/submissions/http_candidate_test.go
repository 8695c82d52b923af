package submissions

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/labstack/echo/v4"

	"credlane/app/kit/authn"
	"credlane/app/kit/exact"
	"credlane/app/kit/ids"
	"credlane/app/kit/pg"
	"credlane/app/kit/question"
	"credlane/app/kit/rest"
)

// site is one app over HTTP: everything that it answers, asks and logs is written down.
type site struct {
	t       testing.TB
	w       *world
	echo    *echo.Echo
	module  *Module
	queries *statements
	logs    *strings.Builder
	n       int
}

// newSite seeds ids and randomness, so that two sites over equal worlds answer alike.
func newSite(t testing.TB, w *world) *site {
	t.Helper()
	s := &site{t: t, w: w, echo: echo.New(), queries: &statements{}, logs: &strings.Builder{}}
	config, err := pgxpool.ParseConfig(w.db.URL)
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.Tracer = s.queries
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	db := &pg.DB{Pool: pool}
	log := slog.New(slog.NewTextHandler(s.logs, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	tokens := authn.NewTokens(oneKey{}, w.clock, "test")
	s.module = New(Deps{
		DB: db, Clock: w.clock, IDs: ids.NewSeeded(w.clock, rand.NewChaCha8([32]byte{1})), Log: log,
		Limiter: rest.NewLimiter(db, w.clock), StartLimit: rest.Rate{Count: 5, Per: time.Minute},
		Tokens: tokens, Versions: w, Openings: w, Policies: w, Candidates: w,
	})
	s.module.Mount(rest.NewHost(s.echo, rest.Options{Tokens: tokens, Directory: nobody{}, Clock: w.clock, Log: log}))
	return s
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey || strings.HasPrefix(a.Key, "took") {
		return slog.Attr{}
	}
	return a
}

type oneKey struct{}

func (oneKey) SigningKeys(context.Context) ([]authn.SigningKey, error) {
	return []authn.SigningKey{{KID: "test-key", Secret: make([]byte, 32), ActiveFrom: opened.Add(-time.Hour)}}, nil
}

type nobody struct{}

func (nobody) Session(context.Context, uuid.UUID) (authn.Principal, error) {
	return authn.Principal{}, authn.ErrUnauthenticated
}
func (nobody) APIKey(context.Context, []byte) (authn.Principal, error) {
	return authn.Principal{}, authn.ErrUnauthenticated
}

// statements lists the texts of the queries that were sent, batches included.
type statements struct {
	mu   sync.Mutex
	list []string
}

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	s.add(d.SQL)
	return ctx
}
func (s *statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
func (s *statements) TraceBatchStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceBatchStartData) context.Context {
	for _, q := range d.Batch.QueuedQueries {
		s.add(q.SQL)
	}
	return ctx
}
func (s *statements) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (s *statements) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

func (s *statements) add(sql string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, sql)
}

// call sends a request and gives the answer whole: status, headers, body.
func (s *site) call(method, path, token, body string) (*httptest.ResponseRecorder, string) {
	s.t.Helper()
	s.n++
	req := httptest.NewRequest(method, "/api/v1/public"+path, strings.NewReader(body))
	if body == "" {
		req = httptest.NewRequest(method, "/api/v1/public"+path, nil)
	} else {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("X-Request-Id", fmt.Sprint("request-", s.n))
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	rec := httptest.NewRecorder()
	s.echo.ServeHTTP(rec, req)
	if kind := rec.Header().Get("Content-Type"); (kind == "application/problem+json") != (rec.Code >= 400) {
		s.t.Errorf("%s %s: %d is sent as %s", method, path, rec.Code, kind)
	}
	var names []string
	for name := range rec.Header() {
		names = append(names, name)
	}
	slices.Sort(names)
	whole := fmt.Sprintf("%s %s\n%d\n", method, path, rec.Code)
	for _, name := range names {
		whole += fmt.Sprintf("%s: %q\n", name, rec.Header()[name])
	}
	return rec, whole + rec.Body.String() + "\n"
}

const startPath = "/assessments/some-slug/submissions"

func startBody(email string) string {
	return `{"name":"Ada","email":"` + email + `","consent":true}`
}

func tokenOf(t testing.TB, rec *httptest.ResponseRecorder) string {
	t.Helper()
	var out struct{ SubmissionToken string }
	if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil || out.SubmissionToken == "" {
		t.Fatalf("no token in %d %s", rec.Code, rec.Body)
	}
	return out.SubmissionToken
}

// session plays candidates from the landing to the result that is not released, and gives everything they were answered.
func (s *site) session() string {
	var all strings.Builder
	say := func(method, path, token, body string) *httptest.ResponseRecorder {
		rec, whole := s.call(method, path, token, body)
		all.WriteString(whole)
		return rec
	}
	say("POST", startPath, "", `{"name":"Ada","email":"ada@example.org","consent":false}`)
	token := tokenOf(s.t, say("POST", startPath, "", startBody("ada@example.org")))
	say("POST", startPath, "", startBody("ada@example.org"))
	say("GET", "/submission", token, "")
	save := func(place int, body string) {
		say("PUT", "/submission/answers/"+fixed(4, place).String(), token, body)
	}
	for place, answer := range rightAnswers {
		save(place+1, `{"answer":`+answer+`,"sequence":3}`)
	}
	save(2, `{"answer":["`+option(20).String()+`","`+option(23).String()+`"],"sequence":4,"flagged":true}`)
	save(2, `{"answer":["`+option(20).String()+`","`+option(23).String()+`"],"sequence":4}`)
	save(4, `{"answer":"mutex","sequence":2}`)
	save(5, `{"answer":"many"}`)
	save(1, `{"answer":"`+option(20).String()+`"}`)
	save(6, `{"answer":null}`)
	save(3, `{"flagged":true}`)
	save(3, `{"answer":true,"score":100}`)
	save(3, `{"answer":null}`)
	s.w.clock.Advance(time.Minute)
	for range 2 {
		for _, path := range []string{"/submission", "/submission/result", "/submission/data"} {
			say("GET", path, token, "")
		}
		say("POST", "/submission/submit", token, "")
		save(3, `{"answer":true}`)
	}

	token = tokenOf(s.t, say("POST", startPath, "", startBody("bob@example.org")))
	save(1, `{"answer":`+rightAnswers[0]+`}`)
	s.w.clock.Advance(time.Hour)
	save(1, `{"answer":null}`)
	say("POST", "/submission/submit", token, `{}`)
	for _, path := range []string{"/submission", "/submission/result", "/submission/data"} {
		say("GET", path, token, "")
	}
	return all.String()
}

// otherKeys is the same version but for everything that a candidate must not learn.
func otherKeys(v Version) Version {
	v.Questions = slices.Clone(v.Questions)
	v.PassingScore = exact.WholeScore(5)
	keys := []question.Key{
		{OptionIDs: []uuid.UUID{option(13)}}, {OptionIDs: []uuid.UUID{option(23)}}, {}, {Accepted: []string{"a", "bb", "ccc"}},
		{Value: mustDecimal("-77.125"), Tolerance: mustDecimal("3"), ToleranceKind: question.Percent},
	}
	for i := range v.Questions {
		q := &v.Questions[i]
		keys[i].Type = q.Type
		q.Key, q.Explanation, q.Tags, q.Difficulty = keys[i], "Read the manual, page "+fmt.Sprint(i), []string{"x", "yy"}, "hard"
	}
	return v
}

func TestNothingThatACandidateIsAnsweredDependsOnTheKey(t *testing.T) {
	t.Parallel()
	play := func(v Version) (answers string, s *site) {
		w := emptyWorld(t)
		w.publish(v)
		s = newSite(t, w)
		return s.session(), s
	}
	first, a := play(paperOfFive())
	second, b := play(otherKeys(paperOfFive()))
	if line, ok := firstDifference(first, second); ok {
		t.Errorf("the answers differ:\n%s", line)
	}
	if line, ok := firstDifference(strings.Join(a.queries.list, "\n;\n"), strings.Join(b.queries.list, "\n;\n")); ok {
		t.Errorf("the queries differ:\n%s", line)
	}
	if line, ok := firstDifference(a.logs.String(), b.logs.String()); ok {
		t.Errorf("the logs differ:\n%s", line)
	}
	for _, word := range []string{`"answerKey`, `"explanation`, `"passing`, `"score`, "Because", `"credit"`} {
		if strings.Contains(first, word) {
			t.Errorf("an answer has the word %s", word)
		}
	}
	// The keys did count: the two worlds scored the same answers differently.
	const sql = `SELECT string_agg(score::text, ' ' ORDER BY email) FROM submissions`
	if x, y := one[string](a.w, sql), one[string](b.w, sql); x == y {
		t.Errorf("both worlds scored %s", x)
	}
}

func firstDifference(a, b string) (string, bool) {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return x[i] + "\n" + y[i], true
		}
	}
	return "one is longer", len(x) != len(y)
}

func TestAReviewShowsTheKeyOnlyOnceItIsReleased(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSite(t, w)
	rec, _ := s.call("POST", startPath, "", startBody("ada@example.org"))
	token := tokenOf(t, rec)
	s.call("PUT", "/submission/answers/"+fixed(4, 4).String(), token, `{"answer":"mutex"}`)
	w.release(Policy{Disclosure: DiscloseReview})
	if rec, _ := s.call("GET", "/submission/result", token, ""); strings.TrimSpace(rec.Body.String()) != `{"released":false}` {
		t.Errorf("before the end: %s", rec.Body)
	}
	s.call("POST", "/submission/submit", token, "")
	rec, _ = s.call("GET", "/submission/result", token, "")
	var out struct {
		Released  bool
		Score     json.Number
		Passed    bool
		Points    json.Number
		Questions []struct {
			ID          uuid.UUID
			Position    int
			Prompt      string
			Options     []Option
			Answer      json.RawMessage
			AnswerKey   map[string]any
			Explanation string
			Credit      CreditShare
			Earned      json.Number `json:"pointsEarned"`
		}
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil {
		t.Fatalf("%v in %s", err, rec.Body)
	}
	if !out.Released || out.Score != "20" || out.Passed || out.Points != "1" || len(out.Questions) != 5 {
		t.Errorf("the result is %s", rec.Body)
	}
	for i, q := range out.Questions {
		answered := q.ID == fixed(4, 4)
		if q.Position != i+1 || q.AnswerKey == nil || q.Explanation == "" || q.Prompt == "" || (q.Credit == CreditShare{1, 1}) != answered ||
			(string(q.Answer) == `"mutex"`) != answered || (q.Earned == "1") != answered {
			t.Errorf("question %d is %+v", i, q)
		}
	}
}

func TestStartsFromOneAddressAreLimited(t *testing.T) {
	t.Parallel()
	s := newSite(t, newWorld(t))
	for i := range 5 {
		if rec, _ := s.call("POST", startPath, "", startBody(fmt.Sprintf("a%d@example.org", i))); rec.Code != http.StatusCreated {
			t.Fatalf("start %d: %d %s", i, rec.Code, rec.Body)
		}
	}
	rec, _ := s.call("POST", startPath, "", startBody("one-more@example.org"))
	if rec.Code != http.StatusTooManyRequests || rec.Header().Get("Retry-After") == "" {
		t.Errorf("%d %v %s", rec.Code, rec.Header(), rec.Body)
	}
}

func TestACandidatesQuestionHasNoOtherFields(t *testing.T) {
	t.Parallel()
	s := newSite(t, newWorld(t))
	rec, _ := s.call("POST", startPath, "", startBody("ada@example.org"))
	if rec.Code != http.StatusCreated || rec.Header().Get("Cache-Control") != "no-store" || rec.Header().Get("ETag") != "" {
		t.Errorf("%d %v", rec.Code, rec.Header())
	}
	read, _ := s.call("GET", "/submission", tokenOf(t, rec), "")
	for _, body := range [][]byte{rec.Body.Bytes(), read.Body.Bytes()} {
		var out struct {
			Assessment map[string]any
			Questions  []map[string]any
			Answers    []any
		}
		if err := json.Unmarshal(body, &out); err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		if len(out.Questions) != 5 || out.Answers == nil || out.Assessment["timeLimitMinutes"] != 30.0 || out.Assessment["title"] != `Backend "basics"` {
			t.Errorf("got %s", body)
		}
		for i, q := range out.Questions {
			for _, name := range []string{"id", "position", "type", "prompt", "options", "points", "creditRule"} {
				if _, ok := q[name]; !ok {
					t.Errorf("question %d has no %s", i, name)
				}
				delete(q, name)
			}
			if len(q) != 0 {
				t.Errorf("question %d also has %v", i, q)
			}
		}
	}
}
