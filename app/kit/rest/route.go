package rest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
)

type routeKey struct{ method, path string }

// route is an operation as the request's way needs it.
type route struct {
	Route
	op       Op
	echoPath string // "/a/:id", which is also the label of the metrics
	segments []string
	timeout  time.Duration // 0: none
	wildcard bool
	schema   *huma.Schema // of the JSON body; nil when there is none
	optional bool         // the body may be absent
	form     *formSpec    // of a multipart body; nil when there is none
	rules    func(body []byte) []fault.Field
}

// mount puts one operation into the table and on the router, and its HEAD twin with a GET. Mistakes panic: they are seen
// at boot and in every test.
func (h *Host) mount(op Op, handler echo.HandlerFunc) *route {
	check(op)
	r := &route{
		Route:    Route{Method: op.Method, Path: op.Path, Access: op.Access, Role: op.Role, Op: op.ID},
		op:       op,
		echoPath: echoPath(op.Path),
		segments: strings.Split(op.Path, "/"),
		timeout:  orDefault(op.Timeout, h.opt.RequestTimeout),
		wildcard: strings.HasSuffix(op.Path, "/*"),
	}
	if op.Stream {
		r.timeout = 0
	}
	for _, other := range h.routes {
		if other.Op == op.ID {
			panic(fmt.Sprintf("rest: %s %s: the operation id %s is taken", op.Method, op.Path, op.ID))
		}
		if other.Method == op.Method && ambiguous(r.segments, other.segments) {
			panic(fmt.Sprintf("rest: %s %s overlaps with %s", op.Method, op.Path, other.Path))
		}
	}
	for _, f := range op.Faults {
		h.declare(f)
	}
	h.routes = append(h.routes, r)
	h.table[routeKey{op.Method, r.echoPath}] = r
	h.echo.Add(op.Method, r.echoPath, handler)
	if op.Method == http.MethodGet {
		h.table[routeKey{http.MethodHead, r.echoPath}] = r
		h.echo.Add(http.MethodHead, r.echoPath, handler)
	}
	return r
}

func check(op Op) {
	switch {
	case !slices.Contains([]string{"GET", "POST", "PUT", "PATCH", "DELETE"}, op.Method):
		panic(fmt.Sprintf("rest: %s: unknown method %q", op.Path, op.Method))
	case !strings.HasPrefix(op.Path, "/") || strings.Contains(op.Path, "//") || strings.Contains(op.Path, ":"):
		panic(fmt.Sprintf("rest: bad path %q", op.Path))
	case op.ID == "" || op.Summary == "":
		panic(fmt.Sprintf("rest: %s %s needs an id and a summary", op.Method, op.Path))
	case op.Access == SignedIn && op.Role == authn.NoRole:
		panic(fmt.Sprintf("rest: %s %s does not say which role may call it", op.Method, op.Path))
	case op.Access != SignedIn && op.Role != authn.NoRole:
		panic(fmt.Sprintf("rest: %s %s names a role but is %s", op.Method, op.Path, op.Access))
	case op.Idempotent && (op.Access != SignedIn || op.Method != http.MethodPost):
		panic(fmt.Sprintf("rest: %s %s cannot take an Idempotency-Key", op.Method, op.Path))
	case op.Idempotent && (op.Stream || op.Produces != ""): // what is kept for a retry is JSON
		panic(fmt.Sprintf("rest: %s %s answers no JSON that a retry could get again", op.Method, op.Path))
	}
}

// echoPath writes {id} as the router wants it.
func echoPath(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}

func isParameter(segment string) bool { return strings.HasPrefix(segment, "{") }

// ambiguous tells whether some path matches both patterns while neither is the more special one. A literal is more special
// than a parameter and a parameter than "*", so /imports/template.csv beside /imports/{id} is fine, whichever came first.
func ambiguous(a, b []string) bool {
	aWider, bWider := false, false
	for i := 0; ; i++ {
		aStar, bStar := i < len(a) && a[i] == "*", i < len(b) && b[i] == "*"
		switch {
		case aStar && bStar:
			return aWider == bWider
		case aStar:
			return bWider && i < len(b)
		case bStar:
			return aWider && i < len(a)
		case i == len(a) && i == len(b):
			return aWider == bWider
		case i == len(a) || i == len(b):
			return false // no path has both lengths
		}
		switch aParam, bParam := isParameter(a[i]), isParameter(b[i]); {
		case aParam && !bParam:
			aWider = true
		case bParam && !aParam:
			bWider = true
		case !aParam && !bParam && a[i] != b[i]:
			return false
		}
	}
}

// matches tells whether the raw path fits the pattern, segment by segment.
func (r *route) matches(path string) bool {
	parts := strings.Split(path, "/")
	for i, s := range r.segments {
		switch {
		case s == "*":
			return i < len(parts)
		case i >= len(parts):
			return false
		case isParameter(s):
			if parts[i] == "" {
				return false
			}
		case s != parts[i]:
			return false
		}
	}
	return len(parts) == len(r.segments)
}

// allowed lists the methods that the raw path takes; none means that there is nothing at it.
func (h *Host) allowed(path string) []string {
	var methods []string
	for _, r := range h.routes {
		if r.matches(path) && !slices.Contains(methods, r.Method) {
			methods = append(methods, r.Method)
			if r.Method == http.MethodGet {
				methods = append(methods, http.MethodHead)
			}
		}
	}
	if methods != nil {
		methods = append(methods, http.MethodOptions)
		slices.Sort(methods)
	}
	return methods
}

// find is the table's entry for what the router matched. The router lets a parameter at the end of a pattern swallow
// slashes ("/a/:id" takes "/a/b/c"); such a match is none.
func (h *Host) find(c echo.Context) *route {
	r, ok := h.table[routeKey{c.Request().Method, c.Path()}]
	if !ok || r.wildcard {
		return r
	}
	for _, v := range c.ParamValues() {
		if v == "" || strings.IndexByte(v, '/') >= 0 {
			return nil
		}
	}
	return r
}
