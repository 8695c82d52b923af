package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"credlane/app"
	"credlane/app/kit/pgtest"
	"credlane/app/kit/rest"
)

// pattern is a route of the program, split at its slashes.
type pattern struct {
	method, path string
	segments     []string
}

func isParameter(segment string) bool { return strings.HasPrefix(segment, "{") }

func patterns(t *testing.T) []pattern {
	t.Helper()
	routes, err := app.Routes()
	if err != nil {
		t.Fatal(err)
	}
	list := make([]pattern, len(routes))
	for i, r := range routes {
		if strings.Contains(r.Path, "*") {
			t.Fatalf("%s: what follows knows parameters of one segment only", r.Path)
		}
		list[i] = pattern{r.Method, r.Path, strings.Split(r.Path, "/")}
	}
	return list
}

// matches tells whether the path, segment by segment, is one of p's.
func (p pattern) matches(segments []string) bool {
	return slices.EqualFunc(p.segments, segments, func(own, s string) bool { return own == s || isParameter(own) && s != "" })
}

func (p pattern) literals() (n int) {
	for _, s := range p.segments {
		if !isParameter(s) {
			n++
		}
	}
	return n
}

// paths are concrete paths of p: each parameter in turn is a word of nobody's and every literal that another route has there.
func (p pattern) paths(all []pattern) []string {
	heads := [][]string{nil}
	for i, s := range p.segments {
		words := []string{s}
		if isParameter(s) {
			words[0] = "x1"
			for _, other := range all {
				if len(other.segments) > i && !isParameter(other.segments[i]) && other.segments[i] != "" && !slices.Contains(words, other.segments[i]) &&
					slices.ContainsFunc(heads, func(head []string) bool { return pattern{segments: other.segments[:i]}.matches(head) }) {
					words = append(words, other.segments[i])
				}
			}
		}
		var longer [][]string
		for _, head := range heads {
			for _, w := range words {
				longer = append(longer, append(slices.Clone(head), w))
			}
		}
		heads = longer
	}
	list := make([]string, len(heads))
	for i, head := range heads {
		list[i] = strings.Join(head, "/")
	}
	return list
}

// errand is a request, and what the table says of it: the pattern that answers, or "" and the methods that would.
type errand struct{ method, path, want, allow string }

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}

// errands asks for every concrete path by every method.
func errands(all []pattern) []errand {
	var paths []string
	for _, p := range all {
		paths = append(paths, p.paths(all)...)
	}
	slices.Sort(paths)
	var list []errand
	for _, path := range slices.Compact(paths) {
		segments := strings.Split(path, "/")
		takes := []string{"OPTIONS"}
		for _, p := range all {
			if p.matches(segments) {
				takes = append(takes, p.method)
				if p.method == "GET" {
					takes = append(takes, "HEAD")
				}
			}
		}
		slices.Sort(takes)
		allow := strings.Join(slices.Compact(takes), ", ")
		for _, method := range methods {
			e, most := errand{method: method, path: path, allow: allow}, -1
			for _, p := range all {
				if (p.method == method || p.method == "GET" && method == "HEAD") && p.matches(segments) && p.literals() > most {
					e.want, e.allow, most = p.method+" "+p.path, "", p.literals()
				}
			}
			list = append(list, e)
		}
	}
	return list
}

// Two routes may share a path only when one of them is a literal wherever they differ: which of them answers is then said.
// Two that differ in nothing but their parameters' names have no such one.
func TestNoTwoRoutesOverlap(t *testing.T) {
	t.Parallel()
	all := patterns(t)
	beside := 0
	for i, a := range all {
		for _, b := range all[i+1:] {
			if a.method != b.method || len(a.segments) != len(b.segments) {
				continue
			}
			shared, aWider, bWider := true, false, false
			for j, s := range a.segments {
				o := b.segments[j]
				aWider = aWider || isParameter(s) && !isParameter(o)
				bWider = bWider || isParameter(o) && !isParameter(s)
				shared = shared && (s == o || isParameter(s) || isParameter(o))
			}
			if shared && aWider == bWider {
				t.Errorf("%s: neither %s nor %s is the more special one", a.method, a.path, b.path)
			}
			if shared {
				beside++
			}
		}
	}
	if beside < 2 { // the two templates beside /api/v1/imports/{id}, at least
		t.Errorf("%d literal paths lie beside a parameter", beside)
	}
}

// reached mounts the program's routes in this order, each answering its own name.
func reached(order []pattern) http.Handler {
	router := echo.New()
	host := rest.NewHost(router, rest.Options{})
	for i, p := range order {
		op := rest.Op{Method: p.method, Path: p.path, ID: fmt.Sprintf("op-%d", i), Summary: "Says its name", Access: rest.Public}
		rest.Serve(host, op, func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("X-Reached", p.method+" "+p.path)
			return nil
		})
	}
	return router
}

func TestTheOrderOfRegistrationNeverMatters(t *testing.T) {
	t.Parallel()
	all := patterns(t)
	reversed := slices.Clone(all)
	slices.Reverse(reversed)
	orders := map[string][]pattern{"by path": all, "backwards": reversed}
	for seed := range uint64(8) {
		shuffled := slices.Clone(all)
		rand.New(rand.NewPCG(seed, seed)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		orders[fmt.Sprint("seed ", seed)] = shuffled
	}
	list, asked := errands(all), map[string]bool{}
	for name, order := range orders {
		handler := reached(order)
		for _, e := range list {
			rec := httptest.NewRecorder()
			handler.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), e.method, e.path, nil))
			status := http.StatusOK
			if e.want == "" {
				status = http.StatusMethodNotAllowed
			}
			if got := rec.Header().Get("X-Reached"); got != e.want || rec.Code != status || rec.Header().Get("Allow") != e.allow {
				t.Errorf("%s: %s %s: %d from %q, Allow %q, want %d from %q, Allow %q",
					name, e.method, e.path, rec.Code, got, rec.Header().Get("Allow"), status, e.want, e.allow)
			}
			asked[e.want] = true
		}
	}
	for _, p := range all {
		if !asked[p.method+" "+p.path] {
			t.Errorf("nothing here asks for %s %s", p.method, p.path)
		}
	}
}

// routeLog keeps the route of the last request that was logged.
type routeLog struct{ last string }

func (l *routeLog) Enabled(context.Context, slog.Level) bool { return true }
func (l *routeLog) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *routeLog) WithGroup(string) slog.Handler            { return l }
func (l *routeLog) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "route" {
			l.last = a.Value.String()
		}
		return true
	})
	return nil
}

func TestALiteralPathBeatsAParameterInTheProgramItself(t *testing.T) {
	t.Parallel()
	seen := &routeLog{}
	w := instance(t, pgtest.New(t), app.Options{Log: slog.New(seen)})
	handler := w.app.Handler()
	for _, e := range errands(patterns(t)) {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), e.method, e.path, nil))
		_, want, _ := strings.Cut(e.want, " ")
		if want = pathParameter.ReplaceAllString(want, ":$1"); want == "" {
			want = "unmatched"
		}
		if seen.last != want {
			t.Errorf("%s %s reaches %s, want %s", e.method, e.path, seen.last, want)
		}
	}
	me := w.employer(1)
	for name, media := range map[string]string{
		"template.csv": "text/csv; charset=utf-8", "template.xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	} {
		if r := w.must(200, "GET", "/api/v1/imports/"+name, me, nil); r.header.Get("Content-Type") != media {
			t.Errorf("%s is %s", name, r.header.Get("Content-Type"))
		}
		if r := w.must(422, "GET", "/api/v1/imports/"+name+"/errors.csv", me, nil); r.code() == "" {
			t.Errorf("%s/errors.csv: %s", name, r.body)
		}
	}
}
