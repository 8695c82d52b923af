package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"credlane/app/kit/authn"
	"credlane/app/kit/clock"
	"credlane/app/kit/module"
	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
	"credlane/web"
)

const (
	headerTimeout  = 5 * time.Second  // from a connection's first byte to the last of the request's head
	idleTimeout    = 60 * time.Second // between two requests of one connection
	maxHeaderBytes = 16 << 10
	readyTimeout   = time.Second
)

// serverDeps is what the HTTP edge stands on.
type serverDeps struct {
	Log            *slog.Logger
	Clock          clock.Clock
	DB             *pg.DB
	Tokens         *authn.Tokens
	Directory      authn.Directory
	Recorder       rest.Recorder
	PublicURL      *url.URL
	TrustedProxies []netip.Prefix

	RequestTimeout     time.Duration
	BodyTimeout        time.Duration // 10 s unless set
	HeaderTimeout      time.Duration // 5 s unless set
	ExportStallTimeout time.Duration
	MaxInFlight        int
	MaxConnections     int // sockets
}

// server is the HTTP edge: the router with everything mounted, and how it is put on a listener.
type server struct {
	deps    serverDeps
	echo    *echo.Echo
	host    *rest.Host
	sockets *sockets
}

// newServer mounts the modules and the app's own routes.
func newServer(d serverDeps, modules []module.Module, pages *web.Pages) *server {
	if d.HeaderTimeout == 0 {
		d.HeaderTimeout = headerTimeout
	}
	if d.MaxConnections == 0 {
		d.MaxConnections = 4096
	}
	s := &server{deps: d, echo: echo.New(), sockets: newSockets(d.MaxConnections)}
	s.echo.Logger.SetOutput(io.Discard) // the host logs; Echo's own lines would stand beside ours in another form
	s.host = rest.NewHost(s.echo, rest.Options{
		Log: d.Log, Recorder: d.Recorder, Tokens: d.Tokens, Directory: d.Directory, Clock: d.Clock, PublicURL: d.PublicURL,
		TrustedProxies: d.TrustedProxies, RequestTimeout: d.RequestTimeout, BodyTimeout: d.BodyTimeout,
		ExportStallTimeout: d.ExportStallTimeout, MaxInFlight: d.MaxInFlight,
	})
	for name, description := range tags {
		s.host.DescribeTag(name, description)
	}
	mountHealth(s.host, d.DB)
	mountDocs(s.host)
	pages.Mount(s.host)
	for _, m := range modules {
		m.Mount(s.host)
	}
	return s
}

// Handler is the router, without the bounds that only a listener has.
func (s *server) Handler() http.Handler { return s.echo }

// HTTP is the server for handler. Each connection is bounded in time whatever its client does: the head by the header
// timeout, the body and the answer by deadlines that the host sets for each request.
func (s *server) HTTP(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           s.sockets.watch(handler),
		ReadHeaderTimeout: s.deps.HeaderTimeout,
		WriteTimeout:      s.host.AnswerBy(),
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnState:         s.sockets.state,
		ConnContext:       s.sockets.context,
		ErrorLog:          slog.NewLogLogger(s.deps.Log.Handler(), slog.LevelDebug),
	}
}

// Limit bounds the sockets of a listener.
func (s *server) Limit(l net.Listener) net.Listener {
	return limitListener(l, s.deps.MaxConnections)
}

// mountHealth mounts the probes. They tell no figures and no reasons: those are in the log and the metrics.
func mountHealth(h *rest.Host, db *pg.DB) {
	rest.Serve(h, rest.Op{
		Method: http.MethodGet, Path: "/healthz", ID: "get-health", Summary: "Is the process alive", Tag: "Operations",
		Description: "Answers 200 as long as the process answers at all. Restart it when this fails.",
		Access:      rest.Public, Always: true,
	}, func(w http.ResponseWriter, _ *http.Request) error { return text(w, http.StatusOK, "alive\n") })
	rest.Serve(h, rest.Op{
		Method: http.MethodGet, Path: "/readyz", ID: "get-readiness", Summary: "Can the process serve", Tag: "Operations",
		Description: "Answers 200 when the database answers within a second, else 503. Send no requests here while this fails.",
		Access:      rest.Public, Always: true,
	}, func(w http.ResponseWriter, r *http.Request) error {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		if err := db.Ping(ctx); err != nil {
			return rest.ErrUnavailable.Because(fmt.Errorf("not ready: %w", err))
		}
		return text(w, http.StatusOK, "ready\n")
	})
}

func text(w http.ResponseWriter, status int, body string) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, err := io.WriteString(w, body)
	return err
}

// tags say what the groups of operations are for.
var tags = map[string]string{
	"Accounts":             "Employers, members and their roles, sign-in, sessions, API keys, and the audit trail.",
	"Assessments":          "Drafts, publishing them as versions that never change, closing and opening.",
	"Questions":            "The questions of a draft, with their answer keys.",
	"Imports":              "Questions from CSV and XLSX files.",
	"Taking an assessment": "What a candidate calls: the landing, the start, answers, submitting, the released result.",
	"Submissions":          "What candidates handed in, one by one, and as exports.",
	"Results":              "How a group did and how sound the questions are, and what candidates may see of it.",
	"Invites":              "Personal links to an assessment: invite, resend, revoke, extra time, and how far each one is.",
	"Webhooks":             "Signed messages to your own systems: endpoints, deliveries with request and answer, replay.",
	"Activity":             "What happened, in words: the feed of the dashboard.",
	"Jobs":                 "The background work done in your organization's name, and what of it failed.",
	"Operations":           "Probes, metrics and this documentation.",
}
