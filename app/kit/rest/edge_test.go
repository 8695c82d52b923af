package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"credlane/app/kit/authn"
)

// recorder notes what the metrics would count.
type recorder struct {
	mu   sync.Mutex
	seen []string
	told chan string
}

func (r *recorder) Request(method, route string, status int, _ time.Duration) {
	line := fmt.Sprintf("%s %s %d", method, route, status)
	r.mu.Lock()
	r.seen = append(r.seen, line)
	r.mu.Unlock()
	if r.told != nil {
		r.told <- line
	}
}

type noteIn struct {
	Body struct {
		Text string `json:"text" maxLength:"1000"`
	}
}

type noteOut struct{ Body string }

func notes(h *Host, path string, change func(*Op)) {
	op := Op{Method: "POST", Path: path, ID: "note" + strings.ReplaceAll(path, "/", "-"), Summary: "Note", Access: Public}
	if change != nil {
		change(&op)
	}
	Handle(h, op, func(ctx context.Context, in *noteIn) (*noteOut, error) {
		return &noteOut{Body: fmt.Sprint(in.Body.Text, "|", ClientIP(ctx), "|", UserAgent(ctx), "|", authn.From(ctx).Kind)}, nil
	})
}

func TestABodyMustBeJSONAndNotTooLarge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	notes(w.Host, "/notes", func(op *Op) { op.MaxBody = 100 })
	for contentType, want := range map[string]int{
		"application/json": 200, "Application/JSON; charset=UTF-8": 200, "application/json;charset=latin1": 415,
		"text/plain": 415, "application/x-www-form-urlencoded": 415, "application/problem+json": 415, "nonsense/;;": 415, "": 415,
	} {
		rec := w.do(t, "POST", "/notes", `{"text":"a"}`, "Content-Type", contentType)
		if rec.Code != want {
			t.Errorf("%q: %d %s", contentType, rec.Code, rec.Body)
		}
	}
	for coding, want := range map[string]int{"": 200, "identity": 200, "Identity": 200, "gzip": 415, "br": 415, "identity, gzip": 415} {
		rec := w.do(t, "POST", "/notes", `{"text":"a"}`, "Content-Encoding", coding)
		if rec.Code != want {
			t.Errorf("coded %q: %d %s", coding, rec.Code, rec.Body)
		}
	}
	large := `{"text":"` + strings.Repeat("a", 100) + `"}`
	if rec := w.do(t, "POST", "/notes", large); rec.Code != 413 || code(rec) != "too_large" {
		t.Error(rec.Code, rec.Body)
	}
	req := httptest.NewRequest("POST", "/notes", io.MultiReader(strings.NewReader(large))) // of unknown length
	req.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	w.echo.ServeHTTP(rec, req)
	if rec.Code != 413 || code(rec) != "too_large" {
		t.Error("chunked:", rec.Code, rec.Body)
	}
	if rec := w.do(t, "POST", "/notes", `{"text":"`+strings.Repeat("a", 100-11)+`"}`); rec.Code != 200 {
		t.Error("a body of exactly the limit:", rec.Code, rec.Body)
	}
}

func TestAnOperationWithoutFieldsTakesNothingOrAnEmptyObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	said(w.Host, "POST", "/close", Public, authn.NoRole)
	for body, want := range map[string]int{"": 200, "{}": 200, " { } ": 200, `{"score":1}`: 400, "[1]": 422, "null": 422, "{": 400} {
		if rec := w.do(t, "POST", "/close", body); rec.Code != want {
			t.Errorf("%q: %d %s", body, rec.Code, rec.Body)
		}
	}
}

func TestParametersAreJudged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	type in struct {
		PageIn
		ID     string `path:"id" maxLength:"5"`
		Status string `query:"status" enum:"open,closed"`
		Number int    `query:"number" maximum:"2147483647"`
	}
	type out struct{ Body string }
	Handle(w.Host, Op{Method: "GET", Path: "/list/{id}", ID: "list", Summary: "List", Access: Public},
		func(_ context.Context, in *in) (*out, error) {
			return &out{Body: fmt.Sprint(in.ID, in.Limit, in.Cursor, in.Status)}, nil
		})
	for path, want := range map[string]string{
		"/list/a":                        `200 "a50"`,
		"/list/a?limit=200&cursor=x":     `200 "a200x"`,
		"/list/a%20b?status=open":        `200 "a b50open"`,
		"/list/a?limit=201":              "422 query.limit Use a number of at most 200.",
		"/list/a?number=2147483648":      "422 query.number Use a number of at most 2147483647.",
		"/list/a?limit=x":                "422 query.limit Use a whole number.",
		"/list/a?status=shut":            "422 query.status Use one of open, closed.",
		"/list/a?stauts=open":            "422 query.stauts This parameter is not known here",
		"/list/a?limit=1&limit=2":        "422 query.limit Give this parameter once.",
		"/list/toolong?limit=0":          "422 path.id Use at most 5 characters.",
		"/list/a?cursor=%zz":             "400 query Escape",
		"/list/a?cursor=%00":             "400 query.cursor The value is not valid",
		"/list/a?cursor=%ff":             "400 query.cursor The value is not valid",
		"/list/%ff":                      "400 path The address",
		"/list/%00":                      "400 path The address",
		"/list/toolong?limit=0&status=x": "422 query.limit Use a number of at least 1.",
	} {
		rec := w.do(t, "GET", path, "")
		text := fmt.Sprint(rec.Code, " ", rec.Body)
		for _, part := range strings.SplitN(want, " ", 3) {
			if !strings.Contains(text, part) {
				t.Errorf("%s: %s, want %s", path, text, want)
				break
			}
		}
	}
}

func TestForwardedAddressesAreBelievedOnlyFromTrustedProxies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		trusted []netip.Prefix
		header  string
		want    string
	}{
		"nobody trusted":    {nil, "203.0.113.9", "192.0.2.1"},
		"another trusted":   {[]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, "203.0.113.9", "192.0.2.1"},
		"the proxy trusted": {[]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, "203.0.113.9", "203.0.113.9"},
		"a forged first":    {[]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, "127.0.0.1, 203.0.113.9", "203.0.113.9"},
		"a private one":     {[]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, "203.0.113.9, 10.0.0.7", "10.0.0.7"},
	} {
		w := newWorld(t, func(o *Options) { o.TrustedProxies = c.trusted })
		notes(w.Host, "/notes", nil)
		rec := w.do(t, "POST", "/notes", `{"text":"a"}`, "X-Forwarded-For", c.header, "X-Real-Ip", "198.51.100.1", "X-Forwarded-Proto", "https", "User-Agent", "ua")
		if want := `"a|` + c.want + `|ua|anonymous"`; rec.Body.String() != want {
			t.Errorf("%s: %s, want %s", name, rec.Body, want)
		}
	}
}

func TestEveryAnswerCarriesTheSecurityHeaders(t *testing.T) {
	t.Parallel()
	public, err := url.Parse("https://hire.example.org")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(o *Options) { o.PublicURL = public })
	notes(w.Host, "/notes", nil)
	Handle(w.Host, Op{Method: "GET", Path: "/version", ID: "version", Summary: "Version", Access: Public, Cache: Immutable},
		func(context.Context, *nothing) (*noteOut, error) { return &noteOut{}, nil })
	for path, cache := range map[string]string{"/notes": "no-store", "/nowhere": "no-store", "/version": "private, max-age=31536000, immutable"} {
		rec := w.do(t, "GET", path, "", "X-Request-Id", "abc-1", "Host", "evil.example")
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": cache, "X-Request-Id": "abc-1",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Strict-Transport-Security": "max-age=31536000",
		} {
			if got := rec.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
	for _, odd := range []string{"a b", "<script>", strings.Repeat("x", 200), "a\x00"} {
		if rec := w.do(t, "GET", "/version", "", "X-Request-Id", odd); rec.Header().Get("X-Request-Id") == odd {
			t.Errorf("the request id %q was taken", odd)
		}
	}
	if w.PublicURL() != "https://hire.example.org" {
		t.Error(w.PublicURL())
	}
}

func TestWorkBeyondTheBoundIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.MaxInFlight = 2 })
	inside, finish := make(chan struct{}), make(chan struct{})
	Handle(w.Host, Op{Method: "GET", Path: "/slow", ID: "slow", Summary: "Slow", Access: Public},
		func(context.Context, *nothing) (*noteOut, error) {
			inside <- struct{}{}
			<-finish
			return &noteOut{}, nil
		})
	notes(w.Host, "/notes", nil)
	Serve(w.Host, Op{Method: "GET", Path: "/healthz", ID: "health", Summary: "Health", Access: Public, Always: true},
		func(http.ResponseWriter, *http.Request) error { return nil })
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() { w.do(t, "GET", "/slow", "") })
		<-inside
	}
	if rec := w.do(t, "GET", "/slow", ""); rec.Code != 503 || code(rec) != "overloaded" || rec.Header().Get("Retry-After") == "" {
		t.Error(rec.Code, rec.Body)
	}
	if rec := w.do(t, "POST", "/notes", `{"text":"a"}`); rec.Code != 503 {
		t.Error(rec.Code, rec.Body)
	}
	if rec := w.do(t, "GET", "/healthz", ""); rec.Code != 200 {
		t.Error(rec.Code, rec.Body)
	}
	close(finish)
	all.Wait()
	if rec := w.do(t, "POST", "/notes", `{"text":"a"}`); rec.Code != 200 {
		t.Error("the places did not come back:", rec.Code)
	}
}

func TestATraceOfTheCallersIsLogged(t *testing.T) {
	t.Parallel()
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	for header, logged := range map[string]bool{
		"00-" + id + "-00f067aa0ba902b7-01":                      true,
		"00-" + id + "-00f067aa0ba902b7-01-extra":                false,
		"01-" + id + "-00f067aa0ba902b7-01-extra":                true,
		"ff-" + id + "-00f067aa0ba902b7-01":                      false,
		"00-" + strings.ToUpper(id) + "-00f067aa0ba902b7-01":     false,
		"00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-01": false,
		"00-" + id: false, "": false,
	} {
		var log bytes.Buffer
		w := newWorld(t, func(o *Options) { o.Log = slog.New(slog.NewJSONHandler(&log, nil)) })
		w.do(t, "GET", "/nowhere", "", "Traceparent", header)
		if strings.Contains(log.String(), `"trace_id":"`+id+`"`) != logged || strings.Contains(log.String(), "trace_id") != logged {
			t.Errorf("%q: %s", header, log.String())
		}
	}
}

func TestMetricsAndLogsTellTheStatusReallySent(t *testing.T) {
	t.Parallel()
	seen := &recorder{}
	var log bytes.Buffer
	w := newWorld(t, func(o *Options) { o.Recorder = seen; o.Log = slog.New(slog.NewJSONHandler(&log, nil)) })
	notes(w.Host, "/notes", func(op *Op) { op.MaxBody = 30 })
	said(w.Host, "GET", "/closed/{id}", SignedIn, authn.Viewer)
	Handle(w.Host, Op{Method: "GET", Path: "/panic", ID: "panic", Summary: "Panic", Access: Public},
		func(context.Context, *nothing) (*noteOut, error) { panic("boom") })
	Handle(w.Host, Op{Method: "GET", Path: "/late", ID: "late", Summary: "Late", Access: Public, Timeout: time.Nanosecond},
		func(ctx context.Context, _ *nothing) (*noteOut, error) {
			<-ctx.Done()
			return nil, fmt.Errorf("query: %w", ctx.Err())
		})
	w.do(t, "POST", "/notes", `{"text":"a"}`)
	w.do(t, "POST", "/notes", `{"text":"`+strings.Repeat("a", 40)+`"}`)
	w.do(t, "GET", "/closed/7", "")
	w.do(t, "GET", "/panic", "")
	w.do(t, "GET", "/late", "")
	w.do(t, "GET", "/x/y", "")
	w.do(t, "BREW", "/notes", "")
	gone, leave := context.WithCancel(t.Context())
	leave()
	w.echo.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(gone, "GET", "/late", nil))
	want := []string{
		"POST /notes 200", "POST /notes 413", "GET /closed/:id 401", "GET /panic 500", "GET /late 503", "GET unmatched 404",
		"BREW unmatched 405", "GET /late 499",
	}
	if got := strings.Join(seen.seen, ","); got != strings.Join(want, ",") {
		t.Errorf("got %s\nwant %s", got, strings.Join(want, ","))
	}
	if got := strings.Count(log.String(), `"msg":"request"`); got != len(want) {
		t.Errorf("%d lines for %d requests", got, len(want))
	}
	if got := strings.Count(log.String(), "boom"); got != 1 || !strings.Contains(log.String(), "edge_test.go") {
		t.Errorf("the panic is told %d times: %s", got, log.String())
	}
}

func TestABodyOfCSVIsTheValueOfOneMember(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	notes(w.Host, "/lists", func(op *Op) { op.TextAs = "text" })
	for _, c := range []struct {
		contentType, body string
		want              int
	}{
		{"text/csv", "a,\"b\"\r\n<c>", 200}, {"TEXT/CSV; charset=UTF-8", "a", 200}, {"application/json", `{"text":"a"}`, 200},
		{"text/csv; charset=latin1", "a", 415}, {"text/plain", "a", 415}, {"text/csv", "a\xff", 400}, {"text/csv", "a\x00", 400},
		{"text/csv", "", 400}, {"text/csv", strings.Repeat("a", 1001), 422},
	} {
		rec := w.do(t, "POST", "/lists", c.body, "Content-Type", c.contentType)
		if rec.Code != c.want {
			t.Errorf("%q as %s: %d %s", c.body, c.contentType, rec.Code, rec.Body)
		}
	}
	rec := w.do(t, "POST", "/lists", "a,\"b\"\r\n<c>", "Content-Type", "text/csv")
	var text string
	if err := json.Unmarshal(rec.Body.Bytes(), &text); err != nil || !strings.HasPrefix(text, "a,\"b\"\r\n<c>|") {
		t.Errorf("it came as %q, %v", text, err)
	}
	notes(w.Host, "/others", nil)
	if rec := w.do(t, "POST", "/others", "a", "Content-Type", "text/csv"); rec.Code != 415 {
		t.Errorf("an operation that takes JSON alone: %d", rec.Code)
	}
}
