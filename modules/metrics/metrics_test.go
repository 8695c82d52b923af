package metrics

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"credlane/app/kit/authn"
	"credlane/app/kit/clock"
	"credlane/app/kit/pg"
	"credlane/app/kit/pgtest"
	"credlane/app/kit/rest"
)

type app struct {
	*Module
	host *rest.Host
	echo *echo.Echo
}

func newApp(t *testing.T) *app {
	t.Helper()
	a := &app{Module: New(Deps{DB: &pg.DB{Pool: pgtest.New(t).Pool}, Log: slog.New(slog.DiscardHandler)}), echo: echo.New()}
	a.host = rest.NewHost(a.echo, rest.Options{Recorder: a.Module, Tokens: authn.NewTokens(nil, clock.System{}, "test")})
	a.Mount(a.host)
	type out struct{ Body string }
	for i, path := range []string{"/api/v1/things", "/api/v1/things/{id}", "/api/v1/things/{id}/parts/{pid}"} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			rest.Handle(a.host, rest.Op{Method: method, Path: path, ID: fmt.Sprint(strings.ToLower(method), i), Summary: "Thing", Role: authn.Viewer},
				func(context.Context, *struct{}) (*out, error) { return &out{}, nil })
		}
	}
	return a
}

func (a *app) call(method, path string) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	a.echo.ServeHTTP(rec, httptest.NewRequest(method, path, nil))
	return rec
}

// lines are the samples that begin with name.
func (a *app) lines(t *testing.T, name string) []string {
	t.Helper()
	rec := a.call("GET", "/metrics")
	if rec.Code != http.StatusOK {
		t.Fatal(rec.Code, rec.Body)
	}
	var found []string
	for line := range strings.Lines(rec.Body.String()) {
		if strings.HasPrefix(line, name) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

func TestEveryRouteHasItsSeries(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for _, r := range a.host.Routes() {
		path := strings.NewReplacer("{id}", "0190a0b0-0000-7000-8000-000000000001", "{pid}", "7").Replace(r.Path)
		a.call(r.Method, path)
	}
	counts, buckets := strings.Join(a.lines(t, "http_requests_total{"), "\n"), strings.Join(a.lines(t, "http_request_duration_seconds_bucket{"), "\n")
	for _, r := range a.host.Routes() {
		status := "401"
		if r.Access == rest.Public {
			status = "200"
		}
		labels := fmt.Sprintf(`method="%s",route="%s",status="%s"`, r.Method, strings.NewReplacer("{", ":", "}", "").Replace(r.Path), status)
		if !strings.Contains(counts, "http_requests_total{"+labels+"} 1") {
			t.Errorf("no count for %s in\n%s", labels, counts)
		}
		for _, le := range []string{"0.05", "0.1", "0.2", "0.5", "1", "2", "5", "+Inf"} {
			if !strings.Contains(buckets, labels+`,le="`+le+`"`) {
				t.Errorf("no bucket %s for %s", le, labels)
			}
		}
	}
}

func TestTenThousandOddRequestsAddNoSeries(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	methods := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "get"}
	for _, m := range methods { // one of each kind first
		a.call(m, "/nowhere")
		a.call(m, "/api/v1/things/1")
		a.call(m, "/api/v1/things")
	}
	a.lines(t, "http_") // the first look has a series of its own
	before := len(a.lines(t, "http_"))
	for i := range 10_000 {
		method := methods[rand.IntN(len(methods))]
		if i%3 == 0 {
			method = fmt.Sprintf("M%d", i)
		}
		path := fmt.Sprintf("/x%d", rand.Int())
		switch i % 4 {
		case 0:
			path = fmt.Sprintf("/api/v1/things/%d", rand.Int())
		case 1:
			path = fmt.Sprintf("/api/v1/things/%d/%d/%%2f", i, rand.Int())
		}
		a.call(method, path)
	}
	if after := len(a.lines(t, "http_")); after != before {
		t.Errorf("%d lines became %d:\n%s", before, after, strings.Join(a.lines(t, "http_requests_total"), "\n"))
	}
}

func TestTheProcessThePoolAndTheProductAreMeasured(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.SubmissionStarted()
	a.Login("wrong")
	a.Login("a stranger's own word")
	a.Import("done")
	a.Export("csv")
	a.AssessmentPublished()
	a.SubmissionSubmitted()
	a.SubmissionExpired()
	a.AnswerSaved()
	a.SweepLag(1500 * time.Millisecond)
	all := strings.Join(a.lines(t, ""), "\n")
	for _, want := range []string{
		"go_memstats_heap_alloc_bytes ", "go_goroutines ", "process_open_fds ", "go_sched_latencies_seconds_bucket{", "process_resident_memory_bytes ",
		"skillbridge_db_pool_max_connections 8", "skillbridge_db_pool_connections_in_use 0", "skillbridge_db_pool_waits_total 0",
		"skillbridge_submissions_started_total 1", "skillbridge_submissions_submitted_total 1", "skillbridge_submissions_expired_total 1",
		"skillbridge_answers_saved_total 1", "skillbridge_assessments_published_total 1",
		`skillbridge_logins_total{outcome="wrong"} 1`, `skillbridge_logins_total{outcome="other"} 1`, `skillbridge_logins_total{outcome="ok"} 0`,
		`skillbridge_imports_total{outcome="done"} 1`, `skillbridge_exports_total{format="csv"} 1`, "skillbridge_sweep_lag_seconds 1.5",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if strings.Contains(all, "stranger") {
		t.Error("a label took a stranger's word")
	}
}

func TestCountingIsSafeFromManySides(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 1000 {
				a.Request("GET", fmt.Sprint("/r", i%20), 200+i%3, time.Millisecond)
			}
		})
	}
	all.Wait()
	total := 0
	for _, line := range a.lines(t, `http_requests_total{method="GET",route="/r`) {
		var n int
		if _, err := fmt.Sscan(line[strings.LastIndexByte(line, ' ')+1:], &n); err != nil {
			t.Fatal(line, err)
		}
		total += n
	}
	if total != 8000 {
		t.Errorf("%d of 8000 counted", total)
	}
}
