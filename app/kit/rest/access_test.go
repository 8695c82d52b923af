package rest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
)

type nothing struct{}

// said is an operation that answers its own id.
func said(h *Host, method, path string, access Access, role authn.Role) {
	id := strings.ToLower(method) + strings.NewReplacer("/", "-", "{", "", "}", "", ".", "-", "*", "all").Replace(path)
	type out struct{ Body string }
	Handle(h, Op{Method: method, Path: path, ID: id, Summary: "Say " + id, Access: access, Role: role},
		func(context.Context, *nothing) (*out, error) { return &out{Body: id}, nil })
}

func code(rec *httptest.ResponseRecorder) string {
	_, after, _ := strings.Cut(rec.Body.String(), `"code":"`)
	code, _, _ := strings.Cut(after, `"`)
	return code
}

func TestEveryRouteIsClosedUnlessItSaysOtherwise(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	said(w.Host, "GET", "/open", Public, authn.NoRole)
	said(w.Host, "GET", "/view", SignedIn, authn.Viewer)
	said(w.Host, "GET", "/admin", SignedIn, authn.Admin)
	said(w.Host, "GET", "/take", Candidate, authn.NoRole)
	w.echo.GET("/smuggled", func(c echo.Context) error { return c.String(200, "secret") })

	key := "clk_" + strings.Repeat("k", 43)
	w.keys[string(authn.HashKey(key))] = authn.Principal{Kind: authn.APIKey, KeyID: uuid.New(), EmployerID: uuid.New(), Role: authn.Viewer}
	attempt, err := w.tokens.Candidate(t.Context(), authn.Principal{
		SubmissionID: uuid.New(), VersionID: uuid.New(), AssessmentID: uuid.New(), SessionNumber: 2,
	}, w.clock.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	viewer, admin, candidate := w.member(t, authn.Viewer), w.member(t, authn.Owner), "Bearer "+attempt
	for _, c := range []struct {
		path, auth string
		status     int
		code       string
	}{
		{"/open", "", 200, ""},
		{"/open", "Bearer nonsense", 200, ""},
		{"/view", "", 401, "unauthenticated"},
		{"/view", viewer, 200, ""},
		{"/view", "bearer " + key, 200, ""},
		{"/view", "Bearer clk_other", 401, "unauthenticated"},
		{"/view", candidate, 401, "unauthenticated"},
		{"/view", "Basic " + key, 401, "unauthenticated"},
		{"/admin", viewer, 403, "forbidden"},
		{"/admin", "Bearer " + key, 403, "forbidden"},
		{"/admin", admin, 200, ""},
		{"/take", candidate, 200, ""},
		{"/take", admin, 401, "unauthenticated"},
		{"/take", "Bearer " + key, 401, "unauthenticated"},
		{"/take", "", 401, "unauthenticated"},
		{"/smuggled", "", 401, "unauthenticated"},
		{"/smuggled", admin, 401, "unauthenticated"},
	} {
		rec := w.do(t, "GET", c.path, "", "Authorization", c.auth)
		if rec.Code != c.status || code(rec) != c.code {
			t.Errorf("%s as %.20q: %d %s", c.path, c.auth, rec.Code, rec.Body)
		}
		if (rec.Code == 401) != (rec.Header().Get("WWW-Authenticate") != "") {
			t.Errorf("%s: WWW-Authenticate %q with %d", c.path, rec.Header().Get("WWW-Authenticate"), rec.Code)
		}
	}
}

func TestAnUnknownPathIs404AndAnotherMethod405(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	said(w.Host, "GET", "/a/{id}", Public, authn.NoRole)
	said(w.Host, "PATCH", "/a/{id}", SignedIn, authn.Viewer)
	said(w.Host, "GET", "/a/{id}/b", Public, authn.NoRole)
	said(w.Host, "POST", "/c/{id}", Public, authn.NoRole)
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/a/1", 200, ""},
		{"HEAD", "/a/1", 200, ""},
		{"DELETE", "/a/1", 405, "GET, HEAD, OPTIONS, PATCH"},
		{"get", "/a/1", 405, "GET, HEAD, OPTIONS, PATCH"},
		{"OPTIONS", "/a/1", 204, "GET, HEAD, OPTIONS, PATCH"},
		{"TRACE", "/a/1", 405, "GET, HEAD, OPTIONS, PATCH"},
		{"GET", "/c/1", 405, "OPTIONS, POST"},
		{"OPTIONS", "/x", 404, ""},
		{"GET", "/x", 404, ""},
		{"GET", "/a", 404, ""},
		{"GET", "/a/", 404, ""},
		{"GET", "/a/1/b/c", 404, ""},
		{"POST", "/c/1/2", 404, ""},
		{"GET", "/c/1/2", 404, ""},
		{"GET", "/a/1/", 404, ""},
	} {
		rec := w.do(t, c.method, c.path, "")
		if rec.Code != c.status || rec.Header().Get("Allow") != c.allow {
			t.Errorf("%s %s: %d, Allow %q, want %d %q", c.method, c.path, rec.Code, rec.Header().Get("Allow"), c.status, c.allow)
		}
		if c.status == 404 && (code(rec) != "route_not_found" || !strings.Contains(rec.Body.String(), `"path":"`+c.path+`"`)) {
			t.Errorf("%s %s: %s", c.method, c.path, rec.Body)
		}
	}
}

func TestEncodedSlashesAndDotsDoNotWalkPastTheGuard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	said(w.Host, "GET", "/open/{id}", Public, authn.NoRole)
	said(w.Host, "GET", "/closed/{id}", SignedIn, authn.Viewer)
	said(w.Host, "GET", "/closed", SignedIn, authn.Viewer)
	Serve(w.Host, Op{Method: "GET", Path: "/assets/*", ID: "assets", Summary: "Assets", Access: Public},
		func(rw http.ResponseWriter, r *http.Request) error {
			_, err := fmt.Fprint(rw, "asset:"+r.PathValue("*"))
			return err
		})
	for path, want := range map[string]int{
		"/open/..%2fclosed%2f1":    200, // one segment: the public handler gets "../closed/1" as its id
		"/open/../closed/1":        404,
		"/open/%2e%2e/closed":      404,
		"/open/./../closed":        404,
		"//closed/1":               404,
		"/closed%2f1":              404,
		"/%63losed/1":              404, // never decoded into the guarded route; 404 is as closed as 401
		"/closed/1":                401,
		"/closed/%31":              401,
		"/assets/..%2f..%2fclosed": 200,
		"/closed;/1":               404,
	} {
		rec := w.do(t, "GET", path, "")
		if rec.Code != want {
			t.Errorf("%s: %d %s", path, rec.Code, rec.Body)
		}
		if strings.Contains(rec.Body.String(), "get-closed") {
			t.Errorf("%s reached the guarded handler", path)
		}
	}
}

func panics(fn func()) (said any) {
	defer func() { said = recover() }()
	fn()
	return nil
}

func TestOverlapsAndMistakesAreRefusedAtMount(t *testing.T) {
	t.Parallel()
	for name, paths := range map[string][2]string{
		"twice":             {"/a/{id}", "/a/{id}"},
		"another name":      {"/a/{id}", "/a/{slug}"},
		"crossed":           {"/a/{id}/x", "/a/b/{y}"},
		"crossed with star": {"/a/{id}/*", "/a/b"},
	} {
		w := newWorld(t)
		said(w.Host, "GET", paths[0], Public, authn.NoRole)
		p := panics(func() {
			Handle(w.Host, Op{Method: "GET", Path: paths[1], ID: "other", Summary: "Other", Access: Public},
				func(context.Context, *nothing) (*nothing, error) { return nil, nil })
		})
		if (p == nil) != (name == "crossed with star") {
			t.Errorf("%s: %v", name, p)
		}
	}
	for name, op := range map[string]Op{
		"no role":          {Method: "GET", Path: "/a", ID: "a", Summary: "A"},
		"a public role":    {Method: "GET", Path: "/a", ID: "a", Summary: "A", Access: Public, Role: authn.Viewer},
		"no id":            {Method: "GET", Path: "/a", Summary: "A", Access: Public},
		"a colon":          {Method: "GET", Path: "/a/:id", ID: "a", Summary: "A", Access: Public},
		"odd method":       {Method: "LINK", Path: "/a", ID: "a", Summary: "A", Access: Public},
		"idempotent GET":   {Method: "GET", Path: "/a", ID: "a", Summary: "A", Role: authn.Viewer, Idempotent: true},
		"idempotent file":  {Method: "POST", Path: "/a", ID: "a", Summary: "A", Role: authn.Viewer, Idempotent: true, Stream: true},
		"idempotent text":  {Method: "POST", Path: "/a", ID: "a", Summary: "A", Role: authn.Viewer, Idempotent: true, Produces: "text/csv"},
		"idempotent login": {Method: "POST", Path: "/a", ID: "a", Summary: "A", Access: Public, Idempotent: true},
	} {
		w := newWorld(t)
		if panics(func() {
			Handle(w.Host, op, func(context.Context, *nothing) (*nothing, error) { return nil, nil })
		}) == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestNoErrorLeavesWithoutBeingWorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	errs := map[string]error{
		"plain":   errors.New("pq: secret table"),
		"wrapped": fmt.Errorf("store: %w", fault.New(fault.Conflict, "taken", "Taken.").WithExtra("submission", map[string]any{"id": 1})),
		"tooMany": ErrTooMany.RetryIn(1500 * time.Millisecond),
		"late":    fmt.Errorf("query: %w", context.DeadlineExceeded),
	}
	for name, err := range errs {
		Handle(w.Host, Op{Method: "GET", Path: "/" + name, ID: name, Summary: name, Access: Public},
			func(context.Context, *nothing) (*nothing, error) { return nil, err })
	}
	Handle(w.Host, Op{Method: "GET", Path: "/panic", ID: "panic", Summary: "Panic", Access: Public},
		func(context.Context, *nothing) (*nothing, error) { panic("secret") })
	type unencodable struct{ Body float64 }
	Handle(w.Host, Op{Method: "GET", Path: "/unencodable", ID: "unencodable", Summary: "Unencodable", Access: Public},
		func(context.Context, *nothing) (*unencodable, error) { return &unencodable{math.NaN()}, nil })
	for path, want := range map[string]string{
		"/plain": "500 internal", "/wrapped": "409 taken", "/tooMany": "429 too_many_requests", "/late": "503 timed_out", "/panic": "500 internal",
		"/unencodable": "500 internal",
	} {
		rec := w.do(t, "GET", path, "")
		if got := fmt.Sprint(rec.Code, " ", code(rec)); got != want || strings.Contains(rec.Body.String(), "secret") {
			t.Errorf("%s: %s", path, rec.Body)
		}
		if rec.Header().Get("X-Request-Id") == "" || !strings.Contains(rec.Body.String(), rec.Header().Get("X-Request-Id")) {
			t.Errorf("%s: no request id", path)
		}
		if got := rec.Header()["Content-Type"]; len(got) != 1 || got[0] != problemType {
			t.Errorf("%s: content type %s", path, got)
		}
	}
	if rec := w.do(t, "GET", "/tooMany", ""); rec.Header().Get("Retry-After") != "2" {
		t.Error("Retry-After", rec.Header().Get("Retry-After"))
	}
	if rec := w.do(t, "GET", "/wrapped", ""); !strings.Contains(rec.Body.String(), `"submission":{"id":1}`) {
		t.Error(rec.Body)
	}
}
