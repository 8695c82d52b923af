package rest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"credlane/app/kit/authn"
	"credlane/app/kit/clock"
)

// world is a host with a directory and a keyring of its own.
type world struct {
	*Host
	echo    *echo.Echo
	tokens  *authn.Tokens
	people  map[uuid.UUID]authn.Principal
	keys    map[string]authn.Principal
	cookies map[string]authn.Principal
	clock   *clock.Fake
}

func (w *world) Session(_ context.Context, id uuid.UUID) (authn.Principal, error) {
	if p, ok := w.people[id]; ok {
		return p, nil
	}
	return authn.Principal{}, authn.ErrUnauthenticated
}

func (w *world) Cookie(_ context.Context, hash []byte) (authn.Principal, error) {
	if p, ok := w.cookies[string(hash)]; ok {
		return p, nil
	}
	return authn.Principal{}, authn.ErrUnauthenticated
}

func (w *world) APIKey(_ context.Context, hash []byte) (authn.Principal, error) {
	if p, ok := w.keys[string(hash)]; ok {
		return p, nil
	}
	return authn.Principal{}, authn.ErrUnauthenticated
}

func (w *world) SigningKeys(context.Context) ([]authn.SigningKey, error) {
	return []authn.SigningKey{{KID: "first-key", Secret: []byte(strings.Repeat("s", 32)), ActiveFrom: time.Unix(0, 0)}}, nil
}

func newWorld(t *testing.T, change ...func(*Options)) *world {
	t.Helper()
	w := &world{
		echo: echo.New(), people: map[uuid.UUID]authn.Principal{}, keys: map[string]authn.Principal{}, cookies: map[string]authn.Principal{},
		clock: clock.NewFake(time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC)),
	}
	w.tokens = authn.NewTokens(w, w.clock, "http://localhost:8080")
	o := Options{Tokens: w.tokens, Directory: w, Clock: w.clock, TempDir: t.TempDir()}
	for _, c := range change {
		c(&o)
	}
	w.Host = NewHost(w.echo, o)
	return w
}

// member signs somebody of that role in and gives the header.
func (w *world) member(t *testing.T, role authn.Role) string {
	t.Helper()
	session := uuid.New()
	w.people[session] = authn.Principal{Kind: authn.Member, UserID: uuid.New(), EmployerID: uuid.New(), Role: role, SessionID: session}
	return w.token(t, session)
}

func (w *world) token(t *testing.T, session uuid.UUID) string {
	t.Helper()
	token, err := w.tokens.Access(t.Context(), session, 15*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return "Bearer " + token
}

func (w *world) do(t *testing.T, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req := httptest.NewRequest(method, path, r)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	w.echo.ServeHTTP(rec, req)
	return rec
}

type thingIn struct {
	ID   uuid.UUID `path:"id"`
	Body struct {
		Title string   `json:"title" minLength:"1" maxLength:"20"`
		Tags  []string `json:"tags,omitempty" maxItems:"3"`
	}
}

type thing struct {
	ID    uuid.UUID `json:"id"`
	Title string    `json:"title"`
	Tags  []string  `json:"tags"`
}

type thingOut struct {
	ETag string `header:"ETag"`
	Body thing
}

func putThing(_ context.Context, in *thingIn) (*thingOut, error) {
	return &thingOut{ETag: ETag(in.ID, 1), Body: thing{ID: in.ID, Title: in.Body.Title, Tags: in.Body.Tags}}, nil
}

var thingOp = Op{Method: "PUT", Path: "/api/v1/things/{id}", ID: "put-thing", Summary: "Put a thing", Tag: "things", Role: authn.Recruiter}

func TestAPlainOperationAnswersJSON(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	Handle(w.Host, thingOp, putThing)
	id := uuid.New()
	rec := w.do(t, "PUT", "/api/v1/things/"+id.String(), `{"title":"Hello"}`, "Authorization", w.member(t, authn.Recruiter))
	if rec.Code != http.StatusOK {
		t.Fatal(rec.Code, rec.Body)
	}
	if want := `{"id":"` + id.String() + `","title":"Hello","tags":[]}`; rec.Body.String() != want {
		t.Errorf("got %s, want %s", rec.Body, want)
	}
	if rec.Header().Get("ETag") != ETag(id, 1) || rec.Header().Get("Content-Type") != "application/json" {
		t.Error(rec.Header())
	}
}

func TestEveryWayABodyCanBeWrongHasItsCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	Handle(w.Host, thingOp, putThing)
	auth := w.member(t, authn.Owner)
	for name, c := range map[string]struct {
		body, code, inside string
		status             int
	}{
		"malformed":      {`{"title":`, "malformed_json", "too early", 400},
		"not json":       {`title=1`, "malformed_json", "byte 1", 400},
		"twice":          {`{"title":"a","title":"b"}`, "duplicate_key", "body.title", 400},
		"wrongly cased":  {`{"Title":"a"}`, "unknown_key", `spelled \"title\"`, 400},
		"unknown":        {`{"title":"a","score":100}`, "unknown_key", "body.score", 400},
		"bad utf-8":      {"{\"title\":\"a\xff\"}", "invalid_text", "", 400},
		"nul":            {`{"title":"a\u0000"}`, "invalid_text", "", 400},
		"lone surrogate": {`{"title":"a\ud800"}`, "malformed_json", "", 400},
		"deep":           {`{"tags":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, "json_too_deep", "", 400},
		"trailing":       {`{"title":"a"}{}`, "malformed_json", "nothing after", 400},
		"empty":          {``, "malformed_json", `"detail":"Send a JSON body with: title."`, 400},
		"empty, fields":  {``, "malformed_json", `{"location":"body.title","message":"This is required."}`, 400},
		"too long":       {`{"title":"` + strings.Repeat("a", 500_000) + `"}`, "invalid_input", "at most 20 characters", 422},
		"two reasons":    {`{"title":"","tags":["a","b","c","d"]}`, "invalid_input", "body.tags", 422},
		"missing":        {`{}`, "invalid_input", "body.title", 422},
		"null":           {`{"title":null}`, "invalid_input", "Use a text.", 422},
		"wrong type":     {`{"title":7}`, "invalid_input", "Use a text.", 422},
		"a list":         {`[]`, "invalid_input", "Use an object.", 422},
	} {
		rec := w.do(t, "PUT", "/api/v1/things/"+uuid.NewString(), c.body, "Authorization", auth)
		if rec.Code != c.status || !strings.Contains(rec.Body.String(), `"code":"`+c.code+`"`) || !strings.Contains(rec.Body.String(), c.inside) {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
		if got := rec.Header().Get("Content-Type"); got != problemType {
			t.Errorf("%s: content type %s", name, got)
		}
	}
}
