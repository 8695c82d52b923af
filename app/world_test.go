package app_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"credlane/app"
	"credlane/app/kit/pgtest"
	"credlane/configs"
)

// world is the whole program behind a real HTTP server, on a database of the test's own.
type world struct {
	t   *testing.T
	db  pgtest.DB
	url string
	app *app.App
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return instance(t, pgtest.New(t), app.Options{})
}

// instance is one more instance of the program on db; settings go by name and value and beat those of every test.
func instance(t *testing.T, db pgtest.DB, o app.Options, settings ...string) *world {
	t.Helper()
	environment := map[string]string{
		"CREDLANE_DATABASE_URL":       db.URL,
		"CREDLANE_DATABASE_MAX_CONNS": "6",
		"CREDLANE_SECRET_KEY":         configs.EncodeKey(bytes.Repeat([]byte{9}, 32)),
		"CREDLANE_REGISTRATION":       "open",
		"CREDLANE_RATE_REGISTER":      "100000/1h",
		"CREDLANE_RATE_LOGIN_ADDRESS": "100000/1h",
		"CREDLANE_RATE_START_ADDRESS": "100000/1h",
	}
	for i := 0; i < len(settings); i += 2 {
		environment[settings[i]] = settings[i+1]
	}
	cfg, err := configs.Load(environment)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(t.Context(), cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(a.Handler())
	t.Cleanup(func() {
		server.Close()
		a.Close()
	})
	return &world{t: t, db: db, url: server.URL, app: a}
}

// reply is an answer, read whole.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// code is the code of a problem.
func (r reply) code() string {
	var p struct{ Code string }
	if json.Unmarshal(r.body, &p) != nil {
		return ""
	}
	return p.Code
}

func (r reply) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal(r.body, v); err != nil {
		t.Fatalf("%v in %d %s", err, r.status, r.body)
	}
}

// call sends one request: body is nil, a string sent as it is, or a value sent as JSON; headers are pairs.
func (w *world) call(method, path, token string, body any, headers ...string) reply {
	w.t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	case io.Reader:
		reader = b
	default:
		encoded, err := json.Marshal(b)
		if err != nil {
			w.t.Fatal(err)
		}
		reader = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, reader)
	if err != nil {
		w.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	read, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
	return reply{res.StatusCode, res.Header, read}
}

// must is call with the wanted status.
func (w *world) must(status int, method, path, token string, body any, headers ...string) reply {
	w.t.Helper()
	r := w.call(method, path, token, body, headers...)
	if r.status != status {
		w.t.Fatalf("%s %s: %d, want %d: %s", method, path, r.status, status, r.body)
	}
	return r
}

type obj = map[string]any

// employer registers one and gives its owner's access token. n tells employers apart.
func (w *world) employer(n int) string {
	w.t.Helper()
	var in struct{ AccessToken string }
	name := strconv.Itoa(n)
	w.must(201, "POST", "/api/v1/auth/register", "", obj{
		"organizationName": "Employer " + name, "name": "Owner " + name, "email": "owner" + name + "@example.com",
		"password": "a long enough secret",
	}).into(w.t, &in)
	return in.AccessToken
}

// published makes an assessment of two questions and publishes it: the first's right option is its second.
func (w *world) published(token string) (id, slug string) {
	w.t.Helper()
	var a struct{ ID, Slug string }
	w.must(201, "POST", "/api/v1/assessments", token, obj{"title": "Networking"}).into(w.t, &a)
	w.must(201, "POST", "/api/v1/assessments/"+a.ID+"/questions", token, obj{
		"type": "single_choice", "prompt": "HTTPS?", "options": []obj{{"id": "a", "text": "80"}, {"id": "b", "text": "443"}},
		"answerKey": obj{"optionId": "b"},
	})
	w.must(201, "POST", "/api/v1/assessments/"+a.ID+"/questions", token, obj{
		"type": "short_text", "prompt": "Which command lists files?", "answerKey": obj{"accepted": []string{"ls"}},
	})
	w.must(200, "POST", "/api/v1/assessments/"+a.ID+"/publish", token, nil)
	return a.ID, a.Slug
}

// sitting is a started submission as its candidate holds it.
type sitting struct {
	SubmissionToken string
	Submission      struct{ ID, Status string }
	Questions       []struct {
		ID      string
		Options []struct{ ID, Text string }
	}
}

func (w *world) start(slug, email string) sitting {
	w.t.Helper()
	var s sitting
	w.must(201, "POST", "/api/v1/public/assessments/"+slug+"/submissions", "", obj{"name": "Cara", "email": email, "consent": true}).into(w.t, &s)
	return s
}

func newUser(email string) app.NewUser {
	return app.NewUser{Email: email, Name: "Bea", Password: "a long enough secret", Role: "viewer", Employer: ""}
}
