// Package rest turns typed functions into HTTP operations: strict decoding, validation, access, problems and the document.
//
// It stands on Huma (schemas, validation, parameters, OpenAPI) over Echo v4; modules import neither. A module declares an Op
// and hands a function to Handle; everything that every request needs happens here, once.
package rest

import (
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"credlane/app/kit/authn"
	"credlane/app/kit/clock"
	"credlane/app/kit/fault"
)

// Access says who may call an operation. The zero value is the closed one.
type Access int

// The kinds of access. Candidate and member tokens are never good in each other's place.
const (
	SignedIn  Access = iota // a member or an API key with at least Op.Role
	Public                  // anyone
	Candidate               // a submission token
)

var accessNames = [...]string{SignedIn: "signed in", Public: "public", Candidate: "candidate"}

// String is the access as `credlane routes` prints it.
func (a Access) String() string { return accessNames[a] }

// Cache says what a cache may keep of an answer.
type Cache int

// The cache policies. The zero value keeps nothing.
const (
	NoStore   Cache = iota // no-store
	Immutable              // private, for ever: what can never change, such as a published version
	Forever                // public, for ever: assets whose name holds their hash
)

var cacheHeaders = [...][]string{
	NoStore:   {"no-store"},
	Immutable: {"private, max-age=31536000, immutable"},
	Forever:   {"public, max-age=31536000, immutable"},
}

// Op declares one operation.
type Op struct {
	Method, Path string // the path in full, with {id} for a parameter; "*" may be its last segment for Serve
	ID           string // operation id, kebab-case
	Summary      string
	Description  string
	Tag          string
	Access       Access
	Role         authn.Role     // the lowest role for SignedIn; none is refused at Mount
	Status       int            // of success; 200 unless set
	Also         int            // another status of success with the same body, which O then chooses
	Faults       []*fault.Error // its own; those of access, role and body are added
	MaxBody      int64          // bytes; unless set 1 MiB for SignedIn and 64 KiB for the others
	MaxValues    int            // lists, objects and scalars in a JSON body; 20,000 unless set
	Timeout      time.Duration  // the Host's unless set
	Idempotent   bool           // accepts Idempotency-Key: a creating POST by members or API keys, through Once
	Cache        Cache
	Stream       bool   // writes for long: no overall deadline, a stall deadline instead
	Always       bool   // answers under overload too: probes and metrics
	TextAs       string // of a text/csv body, the JSON member whose value it is; "" takes JSON alone
	Produces     string // the media type of a Stream, a Raw or a Serve handler, where it is not JSON; a Serve handler may name several ("a/b, c/d")

	// Trouble answers instead of the operation when it fails, of a ServePage: the guard's refusals and panics come to it too. The
	// status of f is its to write; Retry-After is set.
	Trouble TroubleFunc
}

// Route is one line of the access table.
type Route struct {
	Method string     `json:"method"`
	Path   string     `json:"path"`
	Access Access     `json:"-"`
	Role   authn.Role `json:"role,omitempty"`
	Op     string     `json:"operation"`
	Page   bool       `json:"page,omitempty"` // for people: it answers HTML
}

// Who says in words who may call the route: "public", "candidate" or the lowest role.
func (r Route) Who() string {
	if r.Access == SignedIn {
		return r.Role.String()
	}
	return r.Access.String()
}

// Recorder counts finished requests. The method, route and status come from bounded sets.
type Recorder interface {
	Request(method, route string, status int, took time.Duration)
}

// Options say what a Host stands on. Zero durations and sizes get the defaults named here.
type Options struct {
	Log            *slog.Logger
	Recorder       Recorder // may be nil
	Tokens         *authn.Tokens
	Directory      authn.Directory
	Clock          clock.Clock
	PublicURL      *url.URL       // for links, HSTS and the origin of pages; the Host header is never used
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed; none unless set

	RequestTimeout     time.Duration // 15 s
	BodyTimeout        time.Duration // 10 s: for a JSON body, and for each 64 KiB of an upload
	ExportStallTimeout time.Duration // 30 s: how long a reader of an export may stand still
	MaxInFlight        int           // 512 requests worked on at once; more are 503
	MaxBodyMemory      int64         // 64 MiB of JSON bodies over 4 KiB held at once; more are 503
	MaxAnswerMemory    int64         // 128 MiB of answers over 16 KiB going out at once; more are 503
	MaxUploads         int           // 16 uploads at once; more are 503
	TempDir            string        // for uploads; the system's unless set
	Title, Version     string        // of the document
}

func (o Options) withDefaults() Options {
	o.RequestTimeout = orDefault(o.RequestTimeout, 15*time.Second)
	o.BodyTimeout = orDefault(o.BodyTimeout, 10*time.Second)
	o.ExportStallTimeout = orDefault(o.ExportStallTimeout, 30*time.Second)
	o.MaxInFlight = orDefault(o.MaxInFlight, 512)
	o.MaxBodyMemory = orDefault(o.MaxBodyMemory, 64<<20)
	o.MaxAnswerMemory = orDefault(o.MaxAnswerMemory, 128<<20)
	o.MaxUploads = orDefault(o.MaxUploads, 16)
	o.Title = orDefault(o.Title, "CredLane API")
	o.Version = orDefault(o.Version, "1.0.0")
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.PublicURL == nil {
		o.PublicURL = &url.URL{Scheme: "http", Host: "localhost:8080"}
	}
	return o
}

func orDefault[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// Host is the one place where operations are mounted and requests are let in.
type Host struct {
	echo     *echo.Echo
	opt      Options
	guard    *authn.Guard
	clientIP echo.IPExtractor
	ids      *requestIDs
	headers  fixedHeaders
	cookies  *authn.Cookies
	lost     TroubleFunc // may be nil
	origin   string      // of the public URL, as browsers send it

	table    map[routeKey]*route // by method and the router's pattern
	routes   []*route            // in order of registration
	registry huma.Registry
	doc      *huma.OpenAPI
	faults   map[string]*fault.Error // every declared one, by code
	tags     map[string]string       // what each tag is for
	// Parts of the document that operations share.
	faultResponses map[string]*huma.Response
	faultExamples  map[string]*huma.Example

	bodies   *bodies
	answers  *answers
	inFlight atomic.Int64
	uploads  atomic.Int64
}

// NewHost puts the request's way (see way) on e. Nothing may be mounted on e but through the host: a route added
// behind its back answers 401.
func NewHost(e *echo.Echo, o Options) *Host {
	o = o.withDefaults()
	h := &Host{
		echo: e, opt: o, guard: authn.NewGuard(o.Tokens, o.Directory), ids: newRequestIDs(),
		clientIP: ipExtractor(o.TrustedProxies), headers: newFixedHeaders(o.PublicURL.Scheme == "https"),
		cookies: authn.NewCookies(o.PublicURL.Scheme == "https", o.Clock), origin: originOf(o.PublicURL),
		table: map[routeKey]*route{}, faults: map[string]*fault.Error{}, tags: map[string]string{},
		faultResponses: map[string]*huma.Response{}, faultExamples: map[string]*huma.Example{},
		registry: huma.NewMapRegistry("#/components/schemas/", schemaName), bodies: newBodies(o.MaxBodyMemory),
		answers: newAnswers(o.MaxAnswerMemory),
	}
	registerScalars(h.registry)
	h.doc = newDocument(o, h.registry)
	for _, f := range commonFaults {
		h.declare(f)
	}
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = h.clientIP
	e.HTTPErrorHandler = h.httpError
	e.Use(h.way)
	return h
}

// PublicURL is the address under which people reach the app, without a slash at its end.
func (h *Host) PublicURL() string { return strings.TrimRight(h.opt.PublicURL.String(), "/") }

// Cookies are those that pages sign people in with.
func (h *Host) Cookies() *authn.Cookies { return h.cookies }

// AnswerBy is how long after its head a request's answer may still be going out, for the server's write timeout; uploads and
// streams move their own deadline on.
func (h *Host) AnswerBy() time.Duration { return h.opt.BodyTimeout + h.opt.RequestTimeout + answerTime }

// Routes is the access table in order of registration, without the HEAD twins of GET routes.
func (h *Host) Routes() []Route {
	list := make([]Route, 0, len(h.routes))
	for _, r := range h.routes {
		list = append(list, r.Route)
	}
	return list
}

// declare makes a fault known to the document and the problem pages. Two faults with one code are a mistake, seen at boot.
func (h *Host) declare(f *fault.Error) {
	if known, ok := h.faults[f.Code]; ok && known.Kind != f.Kind {
		panic("rest: two kinds of fault share the code " + f.Code)
	}
	if _, ok := h.faults[f.Code]; !ok {
		h.faults[f.Code] = f
	}
}

// Faults lists every fault that an operation may answer with, by code.
func (h *Host) Faults() map[string]*fault.Error {
	all := make(map[string]*fault.Error, len(h.faults))
	for code, f := range h.faults {
		all[code] = f
	}
	return all
}
