package rest

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
)

// way is a request's way, in order: request id, then (from the end backwards) logs, metrics and recover, then security
// headers, body limit and deadline, the bound on work at once, the guard, and the operation. The router has matched by then,
// so every step knows the route. It is one middleware rather than eight: Echo builds its chain anew for every request.
func (h *Host) way(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		k := h.begin(c)
		defer h.tell(c, k)
		defer h.recovered(c, k)
		h.secure(c, k)
		err := h.limit(c, k)
		if err == nil {
			err = h.admit(c, k, next)
		}
		if err != nil {
			h.answer(c, err)
		}
		return nil
	}
}

// begin gives the request its id and its call.
func (h *Host) begin(c echo.Context) *call {
	req, now := c.Request(), time.Now()
	k := &call{
		base: req.Context(), clock: h.opt.Clock, start: now, working: now, route: h.find(c), label: unmatched,
		clientIP: c.RealIP(), userAgent: clip(first(req.Header["User-Agent"]), maxUserAgent), answers: h.answers,
	}
	k.trace = traceID(first(req.Header["Traceparent"]))
	k.id[0] = h.ids.from(first(req.Header["X-Request-Id"]))
	if k.route != nil {
		k.label, k.timeout = k.route.echoPath, k.route.timeout
	}
	k.request = req.WithContext(k)
	c.SetRequest(k.request)
	c.Response().Header()["X-Request-Id"] = k.id[:]
	return k
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

const unmatched = "unmatched"

// statusClientGone is what the log and the metrics say when the client left before the answer (nginx's number).
const statusClientGone = 499

// tell writes the request's one line and counts it, with the status that the client really got.
func (h *Host) tell(c echo.Context, k *call) {
	k.end()
	took, status := time.Since(k.start), c.Response().Status
	if k.gone {
		status = statusClientGone
	}
	if h.opt.Recorder != nil {
		h.opt.Recorder.Request(k.request.Method, k.label, status, took)
	}
	if k.cause != nil && !k.gone {
		h.opt.Log.LogAttrs(k, slog.LevelError, "request failed", slog.String("request_id", k.id[0]), slog.String("route", k.label),
			slog.String("error", k.cause.Error()))
	}
	h.line(c, k, took, status)
}

// line hands the record to the log's handler itself: LogAttrs would first look up who calls, at a sixth of the line's cost.
func (h *Host) line(c echo.Context, k *call, took time.Duration, status int) {
	out := h.opt.Log.Handler()
	if !out.Enabled(k, slog.LevelInfo) {
		return
	}
	r := slog.NewRecord(k.start, slog.LevelInfo, "request", 0)
	r.AddAttrs(
		slog.String("request_id", k.id[0]), slog.String("method", clip(k.request.Method, 16)), slog.String("route", k.label),
		slog.Int("status", status), slog.Int64("took_us", took.Microseconds()), slog.Int64("bytes", c.Response().Size),
		slog.String("client", k.clientIP), slog.String("caller", k.principal.String()))
	if k.trace != "" {
		r.AddAttrs(slog.String("trace_id", k.trace))
	}
	// A log that cannot be written is told of by its own Close; the request has its answer already.
	_ = out.Handle(k, r)
}

// recovered answers for a panic, which is logged once with its stack.
func (h *Host) recovered(c echo.Context, k *call) {
	switch p := recover(); {
	case p == nil:
	case p == http.ErrAbortHandler: // cut on purpose: the server closes the connection without a word
		k.gone = k.cause == nil
		panic(p)
	default:
		h.answer(c, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
	}
}

// httpError is the router's own error handler; nothing reaches it while the way answers for itself.
func (h *Host) httpError(err error, c echo.Context) {
	if current(c) == nil {
		h.begin(c)
	}
	h.answer(c, err)
}

// fixedHeaders are shared between answers: nothing may change them.
type fixedHeaders struct {
	nosniff, noReferrer, ownReferrer, apiPolicy, transport []string
}

func newFixedHeaders(https bool) fixedHeaders {
	f := fixedHeaders{
		nosniff:    []string{"nosniff"},
		noReferrer: []string{"no-referrer"},
		// Of pages: where Sec-Fetch-Site is not sent, a browser that may not say where a form comes from sends "Origin: null".
		ownReferrer: []string{"same-origin"},
		apiPolicy:   []string{"default-src 'none'; frame-ancestors 'none'"},
	}
	if https {
		f.transport = []string{"max-age=31536000"}
	}
	return f
}

// secure sets the headers that every answer carries. A page replaces the content's policy with its own.
func (h *Host) secure(c echo.Context, k *call) {
	header := c.Response().Header()
	header["X-Content-Type-Options"] = h.headers.nosniff
	header["Referrer-Policy"] = h.headers.noReferrer
	if k.route != nil && k.route.Page {
		header["Referrer-Policy"] = h.headers.ownReferrer
	}
	header["Content-Security-Policy"] = h.headers.apiPolicy
	if h.headers.transport != nil {
		header["Strict-Transport-Security"] = h.headers.transport
	}
	header["Cache-Control"] = cacheHeaders[NoStore]
}

// limit bounds the body in size and time. The deadline of the whole request is the call's own.
func (h *Host) limit(c echo.Context, k *call) error {
	if k.timeout > h.opt.RequestTimeout {
		by := time.Now().Add(k.timeout + h.opt.BodyTimeout + answerTime)
		if err := supported(http.NewResponseController(c.Response()).SetWriteDeadline(by)); err != nil {
			return fmt.Errorf("answer's deadline: %w", err)
		}
	}
	if !k.hasBody() {
		return nil
	}
	// The server itself would wait for ever for the rest of a body that nobody reads, so the deadline stands at once.
	control := http.NewResponseController(c.Response())
	k.readDeadline, k.writeDeadline = control.SetReadDeadline, control.SetWriteDeadline
	if err := supported(k.readDeadline(time.Now().Add(h.opt.BodyTimeout))); err != nil {
		return fmt.Errorf("body deadline: %w", err)
	}
	limit := int64(maxOpenBody)
	if k.route != nil {
		limit = k.route.op.maxBody()
	}
	if k.request.ContentLength > limit {
		c.Response().Header()["Connection"] = []string{"close"}
		return ErrTooLarge
	}
	k.request.Body = http.MaxBytesReader(c.Response(), k.request.Body, limit)
	return nil
}

// supported passes over connections that know no deadlines, such as a test's recorder.
func supported(err error) error {
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

var errDeadline = errors.New("the request's own deadline")

// admit lets in whom the matched route admits, and no more of them at once than the machine can serve: a queue would only
// grow. A slow body costs nobody a place: such requests count from when theirs is read, see exchange.
func (h *Host) admit(c echo.Context, k *call, next echo.HandlerFunc) error {
	if k.route == nil {
		return h.stray(c)
	}
	if !k.route.op.Always && !k.hasBody() {
		if !h.enter(k) {
			return ErrOverloaded
		}
		defer h.leave(k)
	}
	if err := h.authorize(k); err != nil {
		return err
	}
	return next(c)
}

// enter takes one of the MaxInFlight places; who got it must leave.
func (h *Host) enter(k *call) bool {
	if h.inFlight.Add(1) > int64(h.opt.MaxInFlight) {
		h.inFlight.Add(-1)
		return false
	}
	k.placed = true
	return true
}

// leave gives the place back, once: when the work is done, however long its answer takes to go out.
func (h *Host) leave(k *call) {
	if k.placed {
		k.placed = false
		h.inFlight.Add(-1)
	}
}

// authorize is the guard: what a route does not open stays closed. Two credentials are none: a proxy in front may have judged
// the other one. A cookie counts only without an Authorization header.
func (h *Host) authorize(k *call) (err error) {
	if k.route.Page && takesBody(k.request.Method) && !h.sameOrigin(k.request) {
		return ErrCrossSite // a sign-in forged by another site is no better than any other forged form
	}
	if k.route.Access == Public {
		return nil
	}
	if k.principal, err = h.caller(k); err != nil {
		return err
	}
	if k.principal.Role < k.route.Role {
		return authn.ErrForbidden
	}
	return nil
}

// caller is who the request names in the way that its route asks for.
func (h *Host) caller(k *call) (authn.Principal, error) {
	candidate := k.route.Access == Candidate
	switch values := k.request.Header["Authorization"]; {
	case len(values) == 0:
		return h.cookieCaller(k, candidate)
	case len(values) > 1:
		return authn.Principal{}, authn.ErrUnauthenticated
	case candidate:
		return h.guard.Candidate(k, values[0])
	default:
		return h.guard.Member(k, values[0])
	}
}

// stray answers a request that matched no route of the table.
func (h *Host) stray(c echo.Context) error {
	req := c.Request()
	path := echo.GetPath(req)
	if methods := h.allowed(path); methods != nil {
		c.Response().Header().Set("Allow", strings.Join(methods, ", "))
		if req.Method == http.MethodOptions {
			return c.NoContent(http.StatusNoContent)
		}
		return ErrMethodNotAllowed
	}
	if h.behindOurBack(c) {
		return authn.ErrUnauthenticated
	}
	return ErrRouteNotFound.WithExtra("path", clip(strings.ToValidUTF8(req.URL.Path, "�"), 500))
}

// behindOurBack tells whether the router has a handler for the request that the table does not know.
func (h *Host) behindOurBack(c echo.Context) bool {
	if _, known := h.table[routeKey{c.Request().Method, c.Path()}]; known {
		return false // a parameter that swallowed slashes
	}
	return c.Path() != "" && c.Get(echo.ContextKeyHeaderAllow) == nil
}

// ipExtractor believes X-Forwarded-For only as far as trusted proxies wrote it.
func ipExtractor(trusted []netip.Prefix) echo.IPExtractor {
	if len(trusted) == 0 {
		return echo.ExtractIPDirect()
	}
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range trusted {
		options = append(options, echo.TrustIPRange(&net.IPNet{
			IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen()),
		}))
	}
	return echo.ExtractIPFromXFFHeader(options...)
}

// clip cuts s to at most n bytes, at a character's border.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}

// convert turns any error of a request into the fault that its client sees.
func (k *call) convert(err error) *fault.Error {
	if f, ok := fault.As(err); ok {
		return f
	}
	var he *echo.HTTPError
	if errors.As(err, &he) {
		switch he.Code {
		case http.StatusNotFound:
			return ErrRouteNotFound.Because(err)
		case http.StatusMethodNotAllowed:
			return ErrMethodNotAllowed.Because(err)
		}
	}
	return edgeFault(k, err)
}
