package app_test

import (
	"strings"
	"testing"
	"time"

	"credlane/app"
)

// However often the landing page is asked for, in whatever language and theme, the database is asked once a second at most.
func TestTheLandingPageIsServedFromMemory(t *testing.T) {
	t.Parallel()
	sent := &sentStatements{}
	s := newExam(t, app.Options{Tracer: sent})
	ask := func(headers ...string) string {
		t.Helper()
		r := s.must(200, "GET", "/a/"+s.slug, "", nil, headers...)
		return string(r.body)
	}
	ask()
	sent.clear()
	seen := map[string]bool{}
	for range 3 {
		for _, language := range []string{"en", "ar-XB"} {
			for _, theme := range []string{"", "theme=dark", "theme=light", "theme=pink", "credlane_attempt=no.such.token"} {
				seen[ask("Accept-Language", language, "Cookie", theme)] = true
			}
		}
	}
	if texts, _ := sent.cut(); len(texts) != 0 {
		t.Errorf("the database was asked %d times: %v", len(texts), texts)
	}
	if len(seen) != 6 {
		t.Errorf("%d different pages, want 6: two languages by three themes", len(seen))
	}
	s.must(200, "GET", "/api/v1/public/assessments/"+s.slug, "", nil)
	if texts, _ := sent.cut(); len(texts) != 0 {
		t.Errorf("the API has a memory of its own: %v", texts)
	}
	s.clock.Advance(time.Second)
	ask()
	ask("Accept-Language", "ar-XB")
	if texts, _ := sent.cut(); len(texts) != 1 {
		t.Errorf("an old page was made new with %d statements: %v", len(texts), texts)
	}
	before := ask()
	s.must(200, "PATCH", "/api/v1/employer", s.owner, obj{"name": "Newly Named"})
	if ask() != before {
		t.Error("the page is not kept for its second")
	}
	s.clock.Advance(time.Second)
	if !strings.Contains(ask(), "Newly Named") {
		t.Error("the page stays as it was")
	}
	zipped := s.must(200, "GET", "/a/"+s.slug, "", nil, "Accept-Encoding", "gzip")
	if zipped.header.Get("Content-Encoding") != "gzip" || len(zipped.body) > 6<<10 {
		t.Errorf("the page goes out in %d bytes as %q", len(zipped.body), zipped.header.Get("Content-Encoding"))
	}
}
