package submissions

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"credlane/app/kit/authn"
	"credlane/app/kit/ids"
	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
)

// site is the module over HTTP.
type site struct {
	t    testing.TB
	echo *echo.Echo
	from string // the caller's address and port; "" is httptest's own
}

func newSite(t testing.TB, w *world) *site {
	t.Helper()
	db, err := pg.Open(t.Context(), pg.Options{URL: w.db.URL, MaxConns: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	s := &site{t: t, echo: echo.New()}
	log := slog.New(slog.DiscardHandler)
	tokens := authn.NewTokens(oneKey{}, w.clock, "test")
	d := Deps{
		DB: db, Clock: w.clock, IDs: ids.New(w.clock), Log: log,
		Limiter: rest.NewLimiter(db, w.clock), StartLimit: rest.Rate{Count: 5, Per: time.Minute},
		Tokens: tokens, Versions: w, Openings: w, Policies: w, Candidates: w,
	}
	if w.more != nil {
		w.more(&d)
	}
	module := New(d)
	module.Mount(rest.NewHost(s.echo, rest.Options{Tokens: tokens, Directory: nobody{}, Clock: w.clock, Log: log}))
	return s
}

type oneKey struct{}

func (oneKey) SigningKeys(context.Context) ([]authn.SigningKey, error) {
	return []authn.SigningKey{{KID: "test-key", Secret: make([]byte, 32), ActiveFrom: opened.Add(-time.Hour)}}, nil
}

type nobody struct{}

func (nobody) Session(context.Context, uuid.UUID) (authn.Principal, error) {
	return authn.Principal{}, authn.ErrUnauthenticated
}
func (nobody) Cookie(context.Context, []byte) (authn.Principal, error) {
	return authn.Principal{}, authn.ErrUnauthenticated
}

func (nobody) APIKey(context.Context, []byte) (authn.Principal, error) {
	return authn.Principal{}, authn.ErrUnauthenticated
}

// call sends a request and gives the answer.
func (s *site) call(method, path, token, body string) *httptest.ResponseRecorder {
	s.t.Helper()
	req := httptest.NewRequestWithContext(s.t.Context(), method, "/api/v1/public"+path, strings.NewReader(body))
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if s.from != "" {
		req.RemoteAddr = s.from
	}
	rec := httptest.NewRecorder()
	s.echo.ServeHTTP(rec, req)
	if kind := rec.Header().Get("Content-Type"); (kind == "application/problem+json") != (rec.Code >= 400) {
		s.t.Errorf("%s %s: %d is sent as %s", method, path, rec.Code, kind)
	}
	return rec
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

func TestAReviewShowsTheKeyOnlyOnceItIsReleased(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSite(t, w)
	rec := s.call("POST", startPath, "", startBody("ada@example.org"))
	token := tokenOf(t, rec)
	s.call("PUT", "/submission/answers/"+fixed(4, 4).String(), token, `{"answer":"mutex"}`)
	w.release(Policy{Disclosure: DiscloseReview})
	if rec := s.call("GET", "/submission/result", token, ""); strings.TrimSpace(rec.Body.String()) != `{"released":false}` {
		t.Errorf("before the end: %s", rec.Body)
	}
	s.call("POST", "/submission/submit", token, "")
	rec = s.call("GET", "/submission/result", token, "")
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
		if rec := s.call("POST", startPath, "", startBody(fmt.Sprintf("a%d@example.org", i))); rec.Code != http.StatusCreated {
			t.Fatalf("start %d: %d %s", i, rec.Code, rec.Body)
		}
	}
	rec := s.call("POST", startPath, "", startBody("one-more@example.org"))
	if rec.Code != http.StatusTooManyRequests || rec.Header().Get("Retry-After") == "" {
		t.Errorf("%d %v %s", rec.Code, rec.Header(), rec.Body)
	}
}

func TestACandidatesQuestionHasNoOtherFields(t *testing.T) {
	t.Parallel()
	s := newSite(t, newWorld(t))
	rec := s.call("POST", startPath, "", startBody("ada@example.org"))
	if rec.Code != http.StatusCreated || rec.Header().Get("Cache-Control") != "no-store" || rec.Header().Get("ETag") != "" {
		t.Errorf("%d %v", rec.Code, rec.Header())
	}
	read := s.call("GET", "/submission", tokenOf(t, rec), "")
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
