package rest

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
)

// paged is a page that says who reads it and what was sent; its trouble is a line of text.
func paged(h *Host, method, path string, access Access, role authn.Role) {
	id := strings.ToLower(method) + strings.NewReplacer("/", "-", "{", "", "}", "").Replace(path)
	ServePage(h, Op{Method: method, Path: path, ID: id, Summary: "Show " + id, Access: access, Role: role, Trouble: shown},
		func(w http.ResponseWriter, r *http.Request) error {
			values := url.Values{}
			if method == http.MethodPost {
				var err error
				if values, err = FormValues(r); err != nil {
					return err
				}
			}
			_, err := fmt.Fprint(w, authn.From(r.Context()).Kind, " ", values.Encode())
			return err
		})
}

func shown(w http.ResponseWriter, _ *http.Request, f *fault.Error, requestID string) error {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(f.Kind.Status())
	_, err := fmt.Fprint(w, "trouble ", f.Code, " ", requestID != "")
	return err
}

// send sends a form with a cookie.
func (w *world) send(t *testing.T, path, form, cookie string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequest("POST", path, strings.NewReader(form))
	if form == "" {
		req = httptest.NewRequest("POST", path, nil)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if cookie != "" {
		req.Header.Set("Cookie", cookie)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	w.echo.ServeHTTP(rec, req)
	return rec
}

// signedIn gives the cookies of a member of that role and of a candidate.
func (w *world) signedIn(t *testing.T, role authn.Role) (member, candidate string) {
	t.Helper()
	secret := strings.ReplaceAll(uuid.NewString(), "-", "_")
	w.cookies[string(authn.HashKey(secret))] = authn.Principal{
		Kind: authn.Member, UserID: uuid.New(), EmployerID: uuid.New(), SessionID: uuid.New(), Role: role,
	}
	attempt, err := w.tokens.Candidate(t.Context(), authn.Principal{
		SubmissionID: uuid.New(), VersionID: uuid.New(), AssessmentID: uuid.New(), SessionNumber: 1,
	}, w.clock.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return "credlane_session=" + secret, "credlane_attempt=" + attempt
}

func TestACookieOpensWhatItIsFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	said(w.Host, "GET", "/view", SignedIn, authn.Viewer)
	said(w.Host, "GET", "/admin", SignedIn, authn.Admin)
	said(w.Host, "GET", "/take", Candidate, authn.NoRole)
	said(w.Host, "GET", "/open", Public, authn.NoRole)
	paged(w.Host, "GET", "/app", SignedIn, authn.Viewer)
	member, candidate := w.signedIn(t, authn.Viewer)
	for _, c := range []struct {
		path, cookie, authorization string
		status                      int
	}{
		{"/view", member, "", 200},
		{"/view", candidate, "", 401},
		{"/view", "credlane_session=" + strings.TrimPrefix(candidate, "credlane_attempt="), "", 401},
		{"/view", "theme=dark; " + member + "; " + candidate, "", 200},
		{"/view", member + "; " + member, "", 401},
		{"/view", "__Host-" + member, "", 401},
		{"/view", "credlane_session=made-up", "", 401},
		{"/admin", member, "", 403},
		{"/admin", member, w.member(t, authn.Owner), 200}, // the header wins
		{"/view", member, "Bearer nonsense", 401},         // and is never passed over
		{"/view", member, "Basic eDp5", 401},
		{"/take", candidate, "", 200},
		{"/take", member, "", 401},
		{"/take", "credlane_attempt=" + strings.TrimPrefix(member, "credlane_session="), "", 401},
		{"/open", "credlane_session=made-up", "", 200},
		{"/app", member, "", 200},
		{"/app", candidate, "", 401},
		{"/app", "", "", 401},
	} {
		headers := []string{"Cookie", c.cookie}
		if c.authorization != "" {
			headers = append(headers, "Authorization", c.authorization)
		}
		if rec := w.do(t, "GET", c.path, "", headers...); rec.Code != c.status {
			t.Errorf("%s with %.40q and %.20q: %d %s", c.path, c.cookie, c.authorization, rec.Code, rec.Body)
		}
	}
}

// origins are what a browser may say of where a request comes from, and whether that is a page of ours.
var origins = []struct {
	name    string
	headers []string
	ours    bool
}{
	{"a page of ours", []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://localhost:8080"}, true},
	{"ours behind another name", []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://127.0.0.1:8080"}, true},
	{"an older browser", []string{"Origin", "http://localhost:8080"}, true},
	{"nothing said", nil, false},
	{"another site", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, false},
	{"a neighbour", []string{"Sec-Fetch-Site", "same-site", "Origin", "http://app.localhost:8080"}, false},
	{"a bookmark", []string{"Sec-Fetch-Site", "none"}, false},
	{"another site with our origin", []string{"Sec-Fetch-Site", "cross-site", "Origin", "http://localhost:8080"}, false},
	{"said twice", []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Site", "cross-site"}, false},
	{"empty", []string{"Sec-Fetch-Site", "", "Origin", "http://localhost:8080"}, false},
	{"a forged origin", []string{"Origin", "https://evil.example"}, false},
	{"no origin", []string{"Origin", "null"}, false},
	{"another port", []string{"Origin", "http://localhost:8081"}, false},
	{"another scheme", []string{"Origin", "https://localhost:8080"}, false},
	{"ours at the front", []string{"Origin", "http://localhost:8080.evil.example"}, false},
	{"two origins", []string{"Origin", "http://localhost:8080", "Origin", "https://evil.example"}, false},
	{"only a referer", []string{"Referer", "http://localhost:8080/app"}, false},
}

func TestWithACookieOnlyOurOwnPagesChangeAnything(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		said(w.Host, method, "/things", SignedIn, authn.Viewer)
		said(w.Host, method, "/take", Candidate, authn.NoRole)
	}
	member, candidate := w.signedIn(t, authn.Viewer)
	for path, cookie := range map[string]string{"/things": member, "/take": candidate} {
		for _, from := range origins {
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
				req := httptest.NewRequest(method, path, nil)
				req.Header.Set("Cookie", cookie)
				for i := 0; i < len(from.headers); i += 2 {
					req.Header.Add(from.headers[i], from.headers[i+1])
				}
				rec := httptest.NewRecorder()
				w.echo.ServeHTTP(rec, req)
				want, says := 200, ""
				if !from.ours && method != "GET" && method != "HEAD" {
					want, says = 403, "cross_site"
				}
				if rec.Code != want || code(rec) != says {
					t.Errorf("%s: %s %s: %d %s", from.name, method, path, rec.Code, rec.Body)
				}
			}
		}
	}
	// Nobody's browser sends this along by itself.
	if rec := w.do(t, "POST", "/things", "", "Authorization", w.member(t, authn.Viewer), "Origin", "https://evil.example", "Cookie", member); rec.Code != 200 {
		t.Errorf("a bearer token from elsewhere: %d %s", rec.Code, rec.Body)
	}
}

func TestAPagesFormComesFromOurOwnPagesWhoeverMaySendIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	paged(w.Host, "POST", "/app/login", Public, authn.NoRole)
	paged(w.Host, "POST", "/app/logout", SignedIn, authn.Viewer)
	paged(w.Host, "POST", "/take", Candidate, authn.NoRole)
	member, candidate := w.signedIn(t, authn.Viewer)
	for path, cookie := range map[string]string{"/app/login": "", "/app/logout": member, "/take": candidate} {
		for _, from := range origins {
			rec := w.send(t, path, "a=1", cookie, from.headers...)
			if from.ours != (rec.Code == 200) || !from.ours && rec.Body.String() != "trouble cross_site true" {
				t.Errorf("%s: %s: %d %s", from.name, path, rec.Code, rec.Body)
			}
		}
	}
	if rec := w.send(t, "/app/logout", "", "", "Authorization", w.member(t, authn.Viewer)); rec.Code != 403 {
		t.Errorf("a form with a token: %d %s", rec.Code, rec.Body)
	}
	if rec := w.do(t, "GET", "/app/login", ""); rec.Code != 405 {
		t.Error(rec.Code, rec.Body)
	}
}

func TestTheOriginIsThatOfThePublicURL(t *testing.T) {
	t.Parallel()
	for public, origin := range map[string]string{
		"https://Hire.Example.org/": "https://hire.example.org", "https://hire.example.org:443": "https://hire.example.org",
		"https://hire.example.org:8443/x": "https://hire.example.org:8443", "http://lane:80": "http://lane", "http://[::1]:8080": "http://[::1]:8080",
	} {
		u, err := url.Parse(public)
		if err != nil {
			t.Fatal(err)
		}
		w := newWorld(t, func(o *Options) { o.PublicURL = u })
		paged(w.Host, "POST", "/app/login", Public, authn.NoRole)
		if rec := w.send(t, "/app/login", "a=1", "", "Origin", origin); rec.Code != 200 {
			t.Errorf("%s from %s: %d %s", public, origin, rec.Code, rec.Body)
		}
		if rec := w.send(t, "/app/login", "a=1", "", "Origin", origin+".evil.example"); rec.Code != 403 {
			t.Errorf("%s from elsewhere: %d", public, rec.Code)
		}
	}
}

const ours = "Sec-Fetch-Site"

func TestAFormIsReadStrictly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ServePage(w.Host, Op{Method: "POST", Path: "/f", ID: "f", Summary: "F", Access: Public, MaxBody: 200, MaxValues: 10, Trouble: shown},
		func(w http.ResponseWriter, r *http.Request) error {
			values, err := FormValues(r)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(w, values.Encode())
			return err
		})
	for form, want := range map[string]string{
		"":                            "",
		"a=1&b=x+y&b=%C3%A9":          "a=1&b=x+y&b=%C3%A9",
		"a=%":                         "trouble malformed_form true",
		"a=1;b=2":                     "trouble malformed_form true",
		"a=%ff":                       "trouble invalid_text true",
		"a=%00":                       "trouble invalid_text true",
		"%ff=a":                       "trouble invalid_text true",
		strings.Repeat("a&", 9) + "a": "a=&a=&a=&a=&a=&a=&a=&a=&a=&a=",
		strings.Repeat("a&", 10):      "trouble json_too_large true",
		strings.Repeat("a", 201):      "trouble too_large true",
	} {
		if rec := w.send(t, "/f", form, "", ours, "same-origin"); rec.Body.String() != want {
			t.Errorf("%.40q: %d %s, want %s", form, rec.Code, rec.Body, want)
		}
	}
	for contentType, want := range map[string]int{
		"application/x-www-form-urlencoded; charset=utf-8": 200, "application/x-www-form-urlencoded;charset=latin1": 415,
		"application/json": 415, "multipart/form-data; boundary=x": 415, "text/plain": 415, "": 415,
	} {
		if rec := w.do(t, "POST", "/f", "a=1", ours, "same-origin", "Content-Type", contentType); rec.Code != want {
			t.Errorf("%q: %d %s", contentType, rec.Code, rec.Body)
		}
	}
	if rec := w.send(t, "/f", "a=1", "", ours, "same-origin", "Content-Encoding", "gzip"); rec.Code != 415 {
		t.Error("a coded form:", rec.Code)
	}
}

func TestAPageShowsItsOwnTroubleAndStandsInNoDocument(t *testing.T) {
	t.Parallel()
	counted := &recorder{}
	w := newWorld(t, func(o *Options) { o.Recorder = counted })
	boom := func(path string, trouble func(http.ResponseWriter, *http.Request, *fault.Error, string) error, fail func() error) {
		ServePage(w.Host, Op{Method: "GET", Path: path, ID: path[1:], Summary: path, Access: Public, Trouble: trouble},
			func(w http.ResponseWriter, _ *http.Request) error {
				w.Header().Set("Content-Encoding", "gzip")
				return fail()
			})
	}
	boom("/plain", shown, func() error { return errors.New("secret table") })
	boom("/panic", shown, func() error { panic("secret") })
	boom("/late", shown, func() error { return ErrTooMany.RetryIn(time.Minute) })
	boom("/worse", func(http.ResponseWriter, *http.Request, *fault.Error, string) error { return errors.New("no template") }, func() error { return ErrNotFound })
	boom("/worst", func(http.ResponseWriter, *http.Request, *fault.Error, string) error { panic("no template") }, func() error { return ErrNotFound })
	paged(w.Host, "GET", "/p/{id}", SignedIn, authn.Admin)
	member, _ := w.signedIn(t, authn.Viewer)
	for path, want := range map[string]string{
		"/plain": "500 trouble internal true", "/panic": "500 trouble internal true", "/late": "429 trouble too_many_requests true",
		"/p/1": "403 trouble forbidden true", "/p/%00": "403 trouble forbidden true", "/p/1?a=%ff": "403 trouble forbidden true",
	} {
		rec := w.do(t, "GET", path, "", "Cookie", member)
		if got := fmt.Sprint(rec.Code, " ", rec.Body); got != want {
			t.Errorf("%s: %s", path, got)
		}
		if rec.Header().Get("WWW-Authenticate") != "" || rec.Header().Get("Referrer-Policy") != "same-origin" || rec.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", path, rec.Header())
		}
	}
	if rec := w.do(t, "GET", "/late", ""); rec.Header().Get("Retry-After") != "60" {
		t.Error(rec.Header())
	}
	for _, path := range []string{"/worse", "/worst"} {
		rec := w.do(t, "GET", path, "")
		if rec.Code != 404 || code(rec) != "not_found" || rec.Header().Get("Content-Encoding") != "" || rec.Header().Get("Content-Type") != problemType {
			t.Errorf("%s: %d %s %v", path, rec.Code, rec.Body, rec.Header())
		}
	}
	owner, _ := w.signedIn(t, authn.Owner)
	if rec := w.do(t, "HEAD", "/p/1", "", "Cookie", owner); rec.Code != 200 {
		t.Error("HEAD:", rec.Code)
	}
	if last := counted.seen[len(counted.seen)-1]; last != "HEAD /p/:id 200" {
		t.Errorf("counted as %q", last)
	}
	doc, err := w.OpenAPI()
	if err != nil || strings.Contains(string(doc), `"/p/{id}"`) {
		t.Errorf("%v: a page stands in the document", err)
	}
	if panics(func() {
		ServePage(w.Host, Op{Method: "GET", Path: "/no", ID: "no", Summary: "No", Access: Public}, nil)
	}) == nil {
		t.Error("a page without trouble was taken")
	}
}

func TestWhoReadsAnOpenPageIsKnownByTheCookie(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ServePage(w.Host, Op{Method: "GET", Path: "/open", ID: "open", Summary: "Open", Access: Public, Trouble: shown},
		func(rw http.ResponseWriter, r *http.Request) error {
			m, err1 := w.Member(r)
			c, err2 := w.Candidate(r)
			_, err := fmt.Fprint(rw, m.Kind, " ", errors.Is(err1, authn.ErrUnauthenticated), " ", c.Kind, " ", errors.Is(err2, authn.ErrUnauthenticated))
			return err
		})
	member, candidate := w.signedIn(t, authn.Viewer)
	for cookie, want := range map[string]string{
		"": "anonymous true anonymous true", member: "member false anonymous true", candidate: "anonymous true candidate false",
		member + "; " + candidate: "member false candidate false",
	} {
		if rec := w.do(t, "GET", "/open", "", "Cookie", cookie); rec.Body.String() != want {
			t.Errorf("%.30q: %s", cookie, rec.Body)
		}
	}
}

func TestNoRedirectLeavesTheSite(t *testing.T) {
	t.Parallel()
	for path, local := range map[string]bool{
		"/app": true, "/app/login?next=%2Fapp%2F": true, "/": true, "/a:b": true, "/app?next=https://x.example": true,
		"": false, "app": false, "//evil.example": false, `/\evil.example`: false, `\\evil.example`: false, "https://evil.example": false,
		"/\t/evil.example": false, "/\n/evil.example": false, "javascript:alert(1)": false, "/é": false, "/a b": false, "/%zz": false,
		"/" + strings.Repeat("a", 2000): false,
	} {
		rec := httptest.NewRecorder()
		err := Redirect(rec, httptest.NewRequest("GET", "/", nil), path)
		if local != (err == nil) || local && (rec.Code != 303 || rec.Header().Get("Location") != path) || !local && rec.Header().Get("Location") != "" {
			t.Errorf("%q: %v, %d %v", path, err, rec.Code, rec.Header())
		}
	}
}

func TestAPersonAtAnAddressWhereNothingIsSeesAPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ask := func(method, accept string) *httptest.ResponseRecorder {
		req := httptest.NewRequestWithContext(t.Context(), method, "/nowhere", nil)
		req.Header.Set("Accept", accept)
		rec := httptest.NewRecorder()
		w.echo.ServeHTTP(rec, req)
		return rec
	}
	if rec := ask("GET", "text/html"); rec.Header().Get("Content-Type") != problemType {
		t.Error("without a page for it:", rec.Code, rec.Header())
	}
	w.Lost(shown)
	if rec := ask("GET", "text/html,application/xhtml+xml"); rec.Code != http.StatusNotFound || rec.Body.String() != "trouble route_not_found true" {
		t.Error("a browser:", rec.Code, rec.Body)
	}
	for _, c := range [][2]string{{"GET", "application/json"}, {"GET", "*/*"}, {"GET", ""}, {"POST", "text/html"}} {
		if rec := ask(c[0], c[1]); rec.Header().Get("Content-Type") != problemType || rec.Code != http.StatusNotFound {
			t.Error(c, rec.Code, rec.Header())
		}
	}
}
