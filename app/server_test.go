package app

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"credlane/app/kit/authn"
	"credlane/app/kit/clock"
	"credlane/app/kit/module"
	"credlane/app/kit/pg"
	"credlane/app/kit/pgtest"
	"credlane/app/kit/rest"
	"credlane/web"
)

// echoes is a module with one public operation that takes a body and one that takes none.
type echoes struct{}

func (echoes) Name() string { return "echoes" }

func (echoes) Mount(h *rest.Host) {
	type in struct {
		Body struct {
			Text string `json:"text" maxLength:"100"`
		}
	}
	type out struct{ Body string }
	rest.Handle(h, rest.Op{Method: "POST", Path: "/api/v1/echo", ID: "say-echo", Summary: "Say it again", Tag: "echo", Access: rest.Public},
		func(_ context.Context, in *in) (*out, error) { return &out{Body: in.Body.Text}, nil })
	rest.Handle(h, rest.Op{Method: "GET", Path: "/api/v1/echo/{word}", ID: "get-echo", Summary: "Say a word", Tag: "echo", Role: authn.Viewer},
		func(_ context.Context, in *struct {
			Word string `path:"word" maxLength:"10" doc:"The <word>."`
		}) (*out, error) {
			return &out{Body: in.Word}, nil
		})
}

func newEdge(t *testing.T, db *pg.DB, change func(*serverDeps)) *server {
	t.Helper()
	public, err := url.Parse("http://localhost:8080")
	if err != nil {
		t.Fatal(err)
	}
	d := serverDeps{
		Log: slog.New(slog.DiscardHandler), Clock: clock.System{}, DB: db, Tokens: authn.NewTokens(nil, clock.System{}, "test"), PublicURL: public,
	}
	if change != nil {
		change(&d)
	}
	pages, err := web.New(web.Options{Clock: d.Clock})
	if err != nil {
		t.Fatal(err)
	}
	return newServer(d, []module.Module{echoes{}}, pages)
}

// listen puts the server on a port of the loopback and gives its address.
func listen(t *testing.T, s *server) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := s.HTTP(s.Handler())
	done := make(chan error, 1)
	go func() { done <- h.Serve(s.Limit(l)) }()
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	return l.Addr().String()
}

// drip sends the start of a request and then a byte now and then, until the server has had enough; it gives what the server said.
func drip(t *testing.T, addr, start string) (string, error) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, start); err != nil {
		return "", err
	}
	ended := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		ticks := time.NewTicker(20 * time.Millisecond)
		defer ticks.Stop()
		for {
			select {
			case <-ended:
				return
			case <-ticks.C:
				if _, err := io.WriteString(conn, "x"); err != nil {
					return
				}
			}
		}
	})
	said, _ := io.ReadAll(conn) // until the server cuts it: an error here is a cut, too
	close(ended)
	writing.Wait()
	return string(said), nil
}

func TestFiveHundredDrippingSocketsAreCutAndNobodyElseIsKeptOut(t *testing.T) {
	t.Parallel()
	s := newEdge(t, nil, func(d *serverDeps) {
		d.HeaderTimeout, d.BodyTimeout = 500*time.Millisecond, 500*time.Millisecond
		d.MaxConnections, d.MaxInFlight = 700, 8 // room for all of them to arrive in one burst
	})
	addr := listen(t, s)
	starts := []string{
		"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ",
		"POST /api/v1/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{\"text\":\"",
		"POST /api/v1/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n{\"text\":\"",
		"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n",
		"",
	}
	var dripping sync.WaitGroup
	slow := make(chan string, 500)
	for i := range 500 {
		dripping.Go(func() {
			said, err := drip(t, addr, starts[i%len(starts)])
			if err != nil {
				t.Errorf("socket %d: %v", i, err)
			}
			if i%len(starts) == 1 {
				slow <- said
			}
		})
	}
	for i := range 50 {
		res, err := http.Post("http://"+addr+"/api/v1/echo", "application/json", strings.NewReader(`{"text":"hello"}`))
		if err != nil {
			t.Fatalf("request %d of an honest client: %v", i, err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != 200 || string(body) != `"hello"` {
			t.Fatalf("request %d of an honest client: %d %s %v", i, res.StatusCode, body, err)
		}
	}
	dripping.Wait() // each of them ends only when the server cuts it
	close(slow)
	told := 0 // a busy machine may cut some before it has read their head
	for said := range slow {
		if strings.HasPrefix(said, "HTTP/1.1 408 ") && strings.Contains(said, `"code":"body_timeout"`) {
			told++
		} else if said != "" {
			t.Errorf("a slow body got %q", said)
		}
	}
	if told == 0 {
		t.Error("no slow body was told why it was cut")
	}
}

func TestSocketsThatOnlyWaitMakeRoomForOneThatWorks(t *testing.T) {
	t.Parallel()
	s := newEdge(t, nil, func(d *serverDeps) { d.MaxConnections = 8; d.HeaderTimeout = time.Hour })
	addr := listen(t, s)
	for range 40 { // each waits for a request that never comes
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	res, err := http.Get("http://" + addr + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 200 {
		t.Error(res.Status)
	}
}

func TestAConnectionServesManyRequests(t *testing.T) {
	t.Parallel()
	addr := listen(t, newEdge(t, nil, func(d *serverDeps) { d.BodyTimeout = time.Hour }))
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	for i := range 5 {
		body := fmt.Sprintf(`{"text":"%d"}`, i)
		fmt.Fprintf(conn, "POST /api/v1/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(i, err)
		}
		said, err := io.ReadAll(res.Body)
		if err != nil || string(said) != fmt.Sprintf(`"%d"`, i) {
			t.Fatal(i, string(said), err)
		}
	}
}

func get(t *testing.T, h http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequest("GET", path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	return rec
}

func TestReadinessFollowsTheDatabase(t *testing.T) {
	t.Parallel()
	db := &pg.DB{Pool: pgtest.New(t).Pool}
	s := newEdge(t, db, nil)
	if rec := get(t, s.Handler(), "/readyz"); rec.Code != 200 || rec.Body.String() != "ready\n" {
		t.Error(rec.Code, rec.Body)
	}
	db.Close()
	if rec := get(t, s.Handler(), "/readyz"); rec.Code != 503 || !strings.Contains(rec.Body.String(), `"code":"unavailable"`) || strings.Contains(rec.Body.String(), "pool") {
		t.Error(rec.Code, rec.Body)
	}
	if rec := get(t, s.Handler(), "/healthz"); rec.Code != 200 {
		t.Error(rec.Code, rec.Body)
	}
}

func TestTheDocumentAndItsPageNameEveryOperation(t *testing.T) {
	t.Parallel()
	s := newEdge(t, nil, nil)
	doc, page := get(t, s.Handler(), "/api/v1/openapi.json"), get(t, s.Handler(), "/api/docs")
	if !json.Valid(doc.Body.Bytes()) || doc.Header().Get("Content-Type") != "application/json" {
		t.Fatal(doc.Body)
	}
	for _, r := range s.host.Routes() {
		if r.Page {
			continue // for people, who need no document
		}
		if !strings.Contains(doc.Body.String(), `"operationId":"`+r.Op+`"`) || !strings.Contains(page.Body.String(), `id="`+r.Op+`"`) {
			t.Errorf("%s is missing", r.Op)
		}
	}
	if again := get(t, newEdge(t, nil, nil).Handler(), "/api/v1/openapi.json"); again.Body.String() != doc.Body.String() {
		t.Error("the document differs from one start to the next")
	}
	html := page.Body.String()
	if strings.Contains(html, "<script") || strings.Contains(html, "style=") || strings.Contains(html, "The <word>") || !strings.Contains(html, "The &lt;word&gt;") {
		t.Error("the page is not plain:", html)
	}
	for _, part := range []string{
		`<a href="/api/v1/problems/body_timeout">body_timeout</a>`, "For anyone.", "with the role viewer or above.",
		`<a href="#operations">`, `<section id="operations">`,
	} {
		if !strings.Contains(html, part) {
			t.Errorf("the page lacks %s", part)
		}
	}
	if strings.Contains(html, "`") {
		t.Error("the page shows Markdown as it is written")
	}
	if got := page.Header().Get("Content-Security-Policy"); got != docsPolicy {
		t.Error(got)
	}
	if css := get(t, s.Handler(), "/api/docs/style.css"); css.Code != 200 || css.Header().Get("Content-Type") != "text/css; charset=utf-8" {
		t.Error(css.Code, css.Header())
	}
}

func TestEveryProblemCodeHasAPage(t *testing.T) {
	t.Parallel()
	s := newEdge(t, nil, nil)
	for code, f := range s.host.Faults() {
		plain, html := get(t, s.Handler(), "/api/v1/problems/"+code), get(t, s.Handler(), "/api/v1/problems/"+code, "Accept", "text/html,*/*")
		var doc problemDoc
		if err := json.Unmarshal(plain.Body.Bytes(), &doc); err != nil || doc.Code != code || doc.Detail != f.Message || plain.Code != 200 {
			t.Errorf("%s: %v %s", code, err, plain.Body)
		}
		if html.Code != 200 || !strings.Contains(html.Body.String(), code) || html.Header().Get("Content-Security-Policy") != docsPolicy {
			t.Errorf("%s: %s", code, html.Body)
		}
	}
	rec := get(t, s.Handler(), "/api/v1/problems/%3Cscript%3E", "Accept", "text/html")
	if rec.Code != 404 || rec.Header().Get("Content-Type") != "application/problem+json" || strings.Contains(rec.Header().Get("Content-Security-Policy"), "self") {
		t.Error(rec.Code, rec.Header())
	}
}
