package assessments

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
	"credlane/app/kit/rest"
)

// site is the module behind the real host, with a viewer, a recruiter and another employer's recruiter signed in.
type site struct {
	*world
	echo   *echo.Echo
	people map[uuid.UUID]authn.Principal
	tokens *authn.Tokens

	viewer, recruiter, stranger string
}

func (s *site) Session(_ context.Context, id uuid.UUID) (authn.Principal, error) {
	if p, ok := s.people[id]; ok {
		return p, nil
	}
	return authn.Principal{}, authn.ErrUnauthenticated
}

func (*site) Cookie(context.Context, []byte) (authn.Principal, error) {
	return authn.Principal{}, authn.ErrUnauthenticated
}

func (*site) APIKey(context.Context, []byte) (authn.Principal, error) {
	return authn.Principal{}, authn.ErrUnauthenticated
}

func (*site) SigningKeys(context.Context) ([]authn.SigningKey, error) {
	return []authn.SigningKey{{KID: "test-key", Secret: bytes.Repeat([]byte("s"), 32), ActiveFrom: time.Unix(0, 0)}}, nil
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{world: newWorld(t), echo: echo.New(), people: map[uuid.UUID]authn.Principal{}}
	s.tokens = authn.NewTokens(s, s.clock, "https://tests.example")
	host := rest.NewHost(s.echo, rest.Options{Tokens: s.tokens, Directory: s, Clock: s.clock, TempDir: t.TempDir()})
	s.one.Mount(host)
	other, _ := s.newEmployer(3)
	s.viewer, s.recruiter = s.signIn(s.employer, authn.Viewer), s.signIn(s.employer, authn.Recruiter)
	s.stranger = s.signIn(other, authn.Owner)
	return s
}

func (s *site) signIn(employer uuid.UUID, role authn.Role) string {
	s.t.Helper()
	session := uuid.New()
	s.people[session] = authn.Principal{Kind: authn.Member, UserID: uuid.New(), EmployerID: employer, Role: role, SessionID: session}
	token, err := s.tokens.Access(s.t.Context(), session, time.Hour)
	s.must(err)
	return token
}

type answer struct {
	*httptest.ResponseRecorder
	t *testing.T
}

// do sends one request; headers come in pairs.
func (s *site) do(token, method, path, body string, headers ...string) answer {
	s.t.Helper()
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	if body == "" {
		req = httptest.NewRequest(method, path, nil)
	} else {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	s.echo.ServeHTTP(rec, req)
	return answer{rec, s.t}
}

// is wants a status, and the code of a problem where one is named.
func (a answer) is(status int, code ...string) answer {
	a.t.Helper()
	if a.Code != status {
		a.t.Fatalf("status %d; want %d: %s", a.Code, status, a.Body)
	}
	if len(code) > 0 && a.text("code") != code[0] {
		a.t.Fatalf("code %s; want %s", a.Body, code[0])
	}
	return a
}

// get digs a value out of the body: "items.0.title".
func (a answer) get(path string) any {
	a.t.Helper()
	var v any
	if err := json.Unmarshal(a.Body.Bytes(), &v); err != nil {
		a.t.Fatalf("%v: %s", err, a.Body)
	}
	for _, key := range strings.Split(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			found := false
			if v, found = at[key]; !found {
				a.t.Fatalf("no %s in %s", path, a.Body)
			}
		case []any:
			v = at[int(key[0]-'0')]
		}
	}
	return v
}

func (a answer) text(path string) string {
	a.t.Helper()
	text, ok := a.get(path).(string)
	if !ok {
		a.t.Fatalf("%s is no text in %s", path, a.Body)
	}
	return text
}

func TestFromADraftToAPublicPageOverHTTP(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	made := s.do(s.recruiter, "POST", base, `{"title": "Go", "passingScore": 66.67}`).is(201)
	path := made.Header().Get("Location")
	if path != base+"/"+made.text("id") || made.get("passingScore") != 66.67 || made.get("version") != nil || made.get("draftChanged") != true ||
		made.text("publicUrl") != "https://tests.example/a/"+made.text("slug") || made.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("%s %v", made.Body, made.Header())
	}
	etag := made.Header().Get("ETag")
	s.do(s.recruiter, "PATCH", path, `{"timeLimitMinutes": 20}`).is(428, "precondition_required")
	patched := s.do(s.recruiter, "PATCH", path, `{"timeLimitMinutes": 20, "closesAt": "2030-01-01T00:00:00+01:00"}`, "If-Match", etag).is(200)
	if patched.text("closesAt") != "2029-12-31T23:00:00Z" || patched.get("opensAt") != nil {
		t.Fatal(patched.Body)
	}
	s.do(s.recruiter, "PATCH", path, `{"title": "late"}`, "If-Match", etag).is(412, "stale")
	s.do(s.recruiter, "PATCH", path, `{"closesAt": null}`, "If-Match", patched.Header().Get("ETag")).is(200)

	s.do(s.recruiter, "POST", path+"/publish", "").is(422, "not_ready")
	question := s.do(s.recruiter, "POST", path+"/questions", `{"type": "multiple_choice", "prompt": "Which?", "points": 1.5, "creditRule": "right_minus_wrong",
		"options": [{"id": "a", "text": "x"}, {"id": "b", "text": "y"}, {"text": "z"}], "answerKey": {"optionIds": ["b", "a"]}}`).is(201)
	if question.text("answerKey.optionIds.0") != question.text("options.1.id") || question.get("points") != 1.5 || question.get("position") != 1.0 {
		t.Fatal(question.Body)
	}
	qpath := question.Header().Get("Location")
	got := s.do(s.viewer, "GET", qpath, "").is(200)
	if got.Header().Get("ETag") != question.Header().Get("ETag") || got.text("etag") != got.Header().Get("ETag") {
		t.Fatal(got.Header())
	}
	s.do(s.recruiter, "PATCH", qpath, `{"answerKey": null}`, "If-Match", got.Header().Get("ETag")).is(200)
	refused := s.do(s.recruiter, "POST", path+"/publish", "{}").is(422, "not_ready")
	if refused.text("errors.0.location") != "questions[0].answerKey" || refused.text("questions.0.questionId") != question.text("id") || refused.get("errorCount") != 1.0 {
		t.Fatal(refused.Body)
	}
	s.do(s.recruiter, "PATCH", qpath, `{"answerKey": {"optionIds": ["`+question.text("options.2.id")+`"]}, "explanation": "so"}`, "If-Match", "*").is(200)
	s.do(s.recruiter, "POST", path+"/questions", `{"type": "numeric", "prompt": "n", "answerKey": {"value": "2", "tolerance": "0.1"}, "position": 1}`).is(201)
	list := s.do(s.viewer, "GET", path+"/questions?limit=1", "").is(200)
	next := s.do(s.viewer, "GET", path+"/questions?limit=1&cursor="+list.text("nextCursor"), "").is(200)
	if list.text("items.0.type") != "numeric" || next.text("items.0.id") != question.text("id") || next.get("nextCursor") != nil {
		t.Fatal(list.Body, next.Body)
	}
	s.do(s.recruiter, "PUT", path+"/questions/order", `{"order": ["`+question.text("id")+`", "`+list.text("items.0.id")+`"]}`).is(200)

	published := s.do(s.recruiter, "POST", path+"/publish", "").is(200)
	if published.text("status") != "active" || published.get("version") != 1.0 || published.get("draftChanged") != false {
		t.Fatal(published.Body)
	}
	version := s.do(s.viewer, "GET", path+"/versions/1", "").is(200)
	if !strings.HasPrefix(version.Header().Get("Cache-Control"), "private") || version.text("questions.1.answerKey.tolerance") != "0.1" || version.get("pointsTotal") != 2.5 {
		t.Fatal(version.Body, version.Header())
	}
	s.do(s.viewer, "GET", path+"/versions/2", "").is(404, "version_not_found")
	if versions := s.do(s.viewer, "GET", path+"/versions", "").is(200); versions.get("items.0.number") != 1.0 {
		t.Fatal(versions.Body)
	}
	landing := s.do("", "GET", "/api/v1/public/assessments/"+published.text("slug"), "").is(200)
	if landing.text("title") != "Go" || landing.text("employer.name") != "Acme" || landing.get("timeLimitMinutes") != 20.0 || landing.text("state") != "open" ||
		landing.Header().Get("ETag") != "" {
		t.Fatal(landing.Body)
	}
	for _, secret := range []string{"66", "Which", "answerKey", question.text("id")} {
		if strings.Contains(landing.Body.String(), secret) {
			t.Errorf("the landing page tells %q", secret)
		}
	}
	s.do("", "GET", "/api/v1/public/assessments/nosuchslughere", "").is(404, "assessment_not_found")
	s.do(s.recruiter, "DELETE", path, "", "If-Match", "*").is(409, "assessment_published")
	if released := s.do(s.recruiter, "POST", path+"/results/release", "").is(200); released.text("resultRelease") != "score" {
		t.Fatal(released.Body)
	}
	s.do(s.recruiter, "POST", path+"/results/release", `{"resultRelease": "review"}`).is(200)
	s.do(s.recruiter, "POST", path+"/results/release", `{"resultRelease": "none"}`).is(422)
	copied := s.do(s.recruiter, "POST", path+"/duplicate", "").is(201)
	if copied.text("title") != "Go (copy)" || copied.get("questionCount") != 2.0 {
		t.Fatal(copied.Body)
	}
	for _, act := range []string{"close", "reopen", "archive"} {
		s.do(s.recruiter, "POST", path+"/"+act, "").is(200)
	}
	all := s.do(s.viewer, "GET", base+"?status=archived&q=g", "").is(200)
	if all.text("items.0.id") != made.text("id") || all.get("counts.draft") != 1.0 || all.get("counts.archived") != 1.0 ||
		all.get("activeLimit.limit") != 3.0 || all.get("activeLimit.used") != 0.0 {
		t.Fatal(all.Body)
	}
	cpath := copied.Header().Get("Location")
	cq := s.do(s.viewer, "GET", cpath+"/questions", "").is(200)
	s.do(s.recruiter, "DELETE", cpath+"/questions/"+cq.text("items.0.id"), "", "If-Match", cq.text("items.0.etag")).is(204)
	s.do(s.recruiter, "DELETE", cpath, "", "If-Match", "*").is(204)
	s.do(s.viewer, "GET", cpath, "").is(404, "assessment_not_found")
}

func TestARetriedCreationGetsTheFirstAnswer(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first := s.do(s.recruiter, "POST", base, `{"title": "Go"}`, "Idempotency-Key", "k1").is(201)
	again := s.do(s.recruiter, "POST", base, `{"title": "Go"}`, "Idempotency-Key", "k1").is(201)
	if again.text("id") != first.text("id") || again.Header().Get("Location") != first.Header().Get("Location") {
		t.Fatal(again.Body)
	}
	s.do(s.recruiter, "POST", base, `{"title": "Other"}`, "Idempotency-Key", "k1").is(422, "idempotency_key_reused")
	path := first.Header().Get("Location")
	q := `{"type": "true_false", "prompt": "x", "answerKey": {"value": true}}`
	one := s.do(s.recruiter, "POST", path+"/questions", q, "Idempotency-Key", "k2").is(201)
	two := s.do(s.recruiter, "POST", path+"/questions", q, "Idempotency-Key", "k2").is(201)
	if one.text("id") != two.text("id") {
		t.Fatal(two.Body)
	}
	if n := value[int](s.world, `SELECT count(*) FROM assessments`) + value[int](s.world, `SELECT count(*) FROM questions`); n != 2 {
		t.Fatalf("%d rows", n)
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := s.published("A")
	path := base + "/" + a.ID.String()
	q := path + "/questions/" + s.questions(a)[0].ID.String()
	writes := [][3]string{{"POST", base, `{"title": "x"}`}, {"PATCH", path, `{}`}, {"DELETE", path, ""}, {"POST", path + "/publish", ""}, {"POST", path + "/close", ""},
		{"POST", path + "/reopen", ""}, {"POST", path + "/archive", ""}, {"POST", path + "/duplicate", ""}, {"POST", path + "/results/release", ""},
		{"POST", path + "/questions", `{"type": "true_false", "prompt": "x"}`}, {"PATCH", q, `{}`}, {"DELETE", q, ""}, {"PUT", path + "/questions/order", `{"order": []}`}}
	reads := []string{path, path + "/questions", q, path + "/versions", path + "/versions/1"}
	for _, r := range writes {
		s.do("", r[0], r[1], r[2], "If-Match", "*").is(401)
		s.do(s.viewer, r[0], r[1], r[2], "If-Match", "*").is(403)
		if r[1] != base {
			s.do(s.stranger, r[0], r[1], r[2], "If-Match", "*").is(404)
		}
	}
	for _, path := range reads {
		s.do("", "GET", path, "").is(401)
		s.do(s.viewer, "GET", path, "").is(200)
		s.do(s.stranger, "GET", path, "").is(404)
	}
}

func TestAFormHearsEveryReasonAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := s.draft("A")
	path := base + "/" + a.ID.String()
	made := s.do(s.recruiter, "POST", path+"/questions", `{"type": "true_false", "prompt": "x"}`)
	question := path + "/questions/" + made.text("id")
	for _, c := range []struct {
		method, path, body string
		want               []string
	}{
		{"POST", base, `{"title": " ", "passingScore": 101, "opensAt": "2026-05-02T00:00:00Z", "closesAt": "2026-05-01T00:00:00Z"}`,
			[]string{"body.closesAt", "body.passingScore", "body.title"}},
		{"PATCH", path, `{"title": "a\nb", "timeLimitMinutes": 0, "opensAt": "soon"}`, []string{"body.opensAt", "body.timeLimitMinutes", "body.title"}},
		{"POST", path + "/questions", `{"type": "single_choice", "prompt": " ", "points": -1, "options": [{"id": "a", "text": 7}, {"id": "a", "text": " "}]}`,
			[]string{"body.options", "body.options[0].text", "body.options[1].id", "body.options[1].text", "body.points", "body.prompt"}},
		{"PATCH", question, `{"prompt": " ", "points": "many", "tags": ["a\nb"]}`, []string{"body.points", "body.prompt", "body.tags[0]"}},
	} {
		answer := s.do(s.recruiter, c.method, c.path, c.body, "If-Match", `"x"`)
		var problem struct{ Errors []fault.Field }
		if err := json.Unmarshal(answer.Body.Bytes(), &problem); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range problem.Errors {
			got = append(got, f.Location)
		}
		if slices.Sort(got); answer.Code != 422 || !slices.Equal(got, c.want) {
			t.Errorf("%s %s: %d %v; want %v", c.method, c.body, answer.Code, got, c.want)
		}
	}
}

func TestBadInputIsNamedAndChangesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	path := base + "/" + s.draft("A").ID.String()
	for body, status := range map[string]int{
		`{"title": "x", "score": 1}`: 400, `{"Title": "x"}`: 400, `{"title": "x", "title": "y"}`: 400, `{"title": "x\u0000"}`: 400, `{"title": `: 400,
		`{}`: 422, `{"title": null}`: 422, `{"title": 7}`: 422, `{"title": "  "}`: 422, `{"title": "a\nb"}`: 422, `{"title": "x", "passingScore": 60.001}`: 422,
		`{"title": "x", "timeLimitMinutes": 1e9}`: 422, `{"title": "x", "closesAt": "soon"}`: 422, `{"title": "x", "requireEmailCode": true}`: 422,
		`{"title": "x", "passingScore": 1e400}`: 422, `{"title": "x", "resultRelease": "ALL"}`: 422, `[]`: 422,
	} {
		if a := s.do(s.recruiter, "POST", base, body); a.Code != status {
			t.Errorf("%s: status %d; want %d: %s", body, a.Code, status, a.Body)
		}
	}
	for body, status := range map[string]int{
		`{"type": "essay", "prompt": "x"}`: 422, `{"type": "true_false", "prompt": "x", "options": [{"text": "a"}, {"text": "b"}]}`: 422,
		`{"type": "true_false", "prompt": "x", "points": 0.0001}`: 422, `{"type": "true_false", "prompt": "x", "points": -1}`: 422,
		`{"type": "true_false", "prompt": "x", "answerKey": {"value": 1}}`: 422, `{"type": "true_false", "prompt": "x", "answerKey": {"value": true, "x": 1}}`: 422,
		`{"type": "true_false", "prompt": "x", "answerKey": 7}`: 422,
		`{"type": "true_false", "prompt": "x", "position": 2}`:  422, `{"type": "single_choice", "prompt": "x"}`: 422,
		`{"type": "true_false", "prompt": "x", "answerKey": {"value": true, "value": false}}`: 400,
	} {
		if a := s.do(s.recruiter, "POST", path+"/questions", body); a.Code != status {
			t.Errorf("%s: status %d; want %d: %s", body, a.Code, status, a.Body)
		}
	}
	for query, status := range map[string]int{"?limit=0": 422, "?limit=201": 422, "?cursor=!!": 400, "?cursor=e30": 200, "?status=open": 422,
		"?q=" + strings.Repeat("x", 201): 422, "?q=%00": 400, "?q=%27%3B--": 200, "?q=%F0%9F%98%80": 200, "?cursor=InggIg": 400, "?cursor=eyJpZCI6MX0": 400} {
		if a := s.do(s.recruiter, "GET", base+query, ""); a.Code != status {
			t.Errorf("%s: status %d; want %d: %s", query, a.Code, status, a.Body)
		}
	}
	for _, p := range []string{base + "/7", base + "/x'--", path + "/questions/7", path + "/versions/0", path + "/versions/99999999999999999999", path + "/versions/x"} {
		if a := s.do(s.recruiter, "GET", p, ""); a.Code != 404 && a.Code != 422 {
			t.Errorf("%s: status %d: %s", p, a.Code, a.Body)
		}
	}
	if n := value[int](s.world, `SELECT count(*) FROM assessments`) + value[int](s.world, `SELECT count(*) FROM questions`); n != 1 {
		t.Fatalf("%d rows", n)
	}
	if a := s.do(s.recruiter, "POST", base, `{"title": "x"}`, "Content-Type", "text/plain"); a.Code != http.StatusUnsupportedMediaType {
		t.Errorf("status %d", a.Code)
	}
}
