package app_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// series are the lines of a metric on /metrics, without their values.
func (w *world) series(metric string) map[string]bool {
	w.t.Helper()
	found := map[string]bool{}
	for line := range strings.Lines(string(w.must(200, "GET", "/metrics", "", nil).body)) {
		if name, _, ok := strings.Cut(line, " "); ok && strings.HasPrefix(name, metric) {
			found[name] = true
		}
	}
	return found
}

var pathParameter = regexp.MustCompile(`\{([A-Za-z]+)\}`)

func TestEveryRouteOfTheProgramHasItsSeries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, r := range w.app.Routes() {
		got := w.call(r.Method, pathParameter.ReplaceAllString(r.Path, "x1"), "", nil)
		want := fmt.Sprintf(`http_requests_total{method="%s",route="%s",status="%d"}`,
			r.Method, pathParameter.ReplaceAllString(r.Path, ":$1"), got.status)
		if r.Path == "/metrics" { // it is counted when it has been answered
			w.must(200, "GET", r.Path, "", nil)
		}
		if !w.series("http_requests_total")[want] {
			t.Errorf("no series %s", want)
		}
	}
}

func TestOddRequestsToTheProgramAddNoSeries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	methods := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "get"}
	for _, m := range methods { // one of each kind first
		w.call(m, "/nowhere", "", nil)
		w.call(m, "/api/v1/assessments/x", "", nil)
	}
	w.series("http_")
	before := len(w.series("http_"))
	for i := range 5000 { // 10,000 requests
		method := methods[rand.IntN(len(methods))]
		if i%3 == 0 {
			method = fmt.Sprintf("M%d", i)
		}
		w.call(method, fmt.Sprintf("/%x/%d", rand.Int(), i), "", nil)
		w.call(method, fmt.Sprintf("/api/v1/assessments/x%d", i), "", nil)
	}
	if after := len(w.series("http_")); after != before {
		t.Errorf("%d series before, %d after", before, after)
	}
}
