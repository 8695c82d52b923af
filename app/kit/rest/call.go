package rest

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"credlane/app/kit/authn"
	"credlane/app/kit/clock"
	"credlane/app/kit/fault"
)

// call is the state of one request. It is the request's context itself, so that carrying all of it costs one allocation.
// The deadline's timer is made when somebody first asks for it: an answer from memory never does.
type call struct {
	base      context.Context // the connection's: ends when the client leaves
	clock     clock.Clock
	id        [1]string // as a header's value
	route     *route    // nil when nothing matched
	label     string    // of the metrics
	trace     string    // the caller's trace id (W3C Trace Context), "" for none
	start     time.Time
	working   time.Time     // since when the timeout counts
	timeout   time.Duration // 0: none
	clientIP  string
	userAgent string
	principal authn.Principal
	request   *http.Request
	cause     error // of a 5xx, for the log
	gone      bool  // the client left before the answer, or the answer was cut off

	readDeadline  func(time.Time) error // of the connection; nil without a body
	writeDeadline func(time.Time) error

	placed    bool  // it has one of the MaxInFlight places
	heldBytes int64 // of its JSON body, as far as they count
	turn      bool  // to decode it

	answers *answers
	making  chan struct{} // where it has a turn to make a very large answer; see Turn

	wrong []fault.Field // what its schema has against it
	form  []byte        // of a page: its body as it came

	idempotencyKey string
	requestHash    []byte // set when the request carries an Idempotency-Key

	timing sync.Mutex // of those who make timed, or end it
	timed  atomic.Pointer[timedContext]
	ended  bool
}

type timedContext struct {
	context.Context
	cancel context.CancelFunc
}

type callKey struct{}

// deadlined is the context that ends with the request's time.
func (c *call) deadlined() context.Context {
	if t := c.timed.Load(); t != nil {
		return t.Context
	}
	c.timing.Lock()
	defer c.timing.Unlock()
	if t := c.timed.Load(); t != nil {
		return t.Context
	}
	t := &timedContext{}
	if c.timeout > 0 {
		t.Context, t.cancel = context.WithDeadlineCause(c.base, c.working.Add(c.timeout), errDeadline)
	} else {
		t.Context, t.cancel = context.WithCancel(c.base)
	}
	if c.ended {
		t.cancel()
	}
	c.timed.Store(t)
	return t.Context
}

// workAnew counts the timeout from now: an upload may take as long as it keeps coming, and its work has the whole time. What
// was derived from the call so far ends.
func (c *call) workAnew() {
	c.timing.Lock()
	defer c.timing.Unlock()
	c.working = time.Now()
	if t := c.timed.Swap(nil); t != nil {
		t.cancel()
	}
}

// end stops whatever the request left running.
func (c *call) end() {
	c.timing.Lock()
	defer c.timing.Unlock()
	c.ended = true
	if t := c.timed.Load(); t != nil {
		t.cancel()
	}
}

// Deadline is when the request must be answered.
func (c *call) Deadline() (time.Time, bool) { return c.deadlined().Deadline() }

// Done ends with the request's time or when its client leaves.
func (c *call) Done() <-chan struct{} { return c.deadlined().Done() }

// Err says why it ended.
func (c *call) Err() error { return c.deadlined().Err() }

// Value answers for the call itself and for its principal.
func (c *call) Value(key any) any {
	switch key.(type) {
	case callKey:
		return c
	case authn.ContextKey:
		return &c.principal
	}
	if t := c.timed.Load(); t != nil {
		return t.Value(key)
	}
	return c.base.Value(key)
}

func (c *call) hasBody() bool { return c.request.Body != nil && c.request.Body != http.NoBody }

// callOf finds the call that ctx belongs to; nil outside a request.
func callOf(ctx context.Context) *call {
	if c, ok := ctx.(*call); ok {
		return c
	}
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// bodyRead lifts the deadline of the body and gives the answer a fresh one. A read deadline left standing would cut the
// connection under the handler, and after a long upload little would be left to answer in.
func (k *call) bodyRead() error {
	if k.readDeadline == nil {
		return nil
	}
	if err := supported(k.readDeadline(time.Time{})); err != nil {
		return fmt.Errorf("lift the body's deadline: %w", err)
	}
	return k.answerIn(k.route.timeout + answerTime)
}

// answerIn gives the answer so long to be out.
func (k *call) answerIn(span time.Duration) error {
	if k.writeDeadline == nil {
		return nil
	}
	if err := supported(k.writeDeadline(time.Now().Add(span))); err != nil {
		return fmt.Errorf("set the answer's deadline: %w", err)
	}
	return nil
}

// answerTime is what a client has to take an answer, on top of the time it took to make it.
const answerTime = 15 * time.Second

// current is the call of a request that went through begin.
func current(c echo.Context) *call { return callOf(c.Request().Context()) }

// ClientIP is the address of the caller, from X-Forwarded-For only behind a trusted proxy; "" outside a request.
func ClientIP(ctx context.Context) string {
	if c := callOf(ctx); c != nil {
		return c.clientIP
	}
	return ""
}

// ClientNetwork is what a limit for each caller counts by: the address, or of IPv6 the network of 64 bits, because whoever has
// one address of that has all of them; "" outside a request.
func ClientNetwork(ctx context.Context) string {
	text := ClientIP(ctx)
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Unmap().Is4() {
		return text
	}
	network, err := addr.WithZone("").Prefix(64)
	if err != nil {
		return text
	}
	return network.String()
}

// RequestID is the id that the answer's X-Request-Id and the logs carry; "" outside a request.
func RequestID(ctx context.Context) string {
	if c := callOf(ctx); c != nil {
		return c.id[0]
	}
	return ""
}

// UserAgent is the caller's User-Agent, at most 300 bytes of it; "" outside a request.
func UserAgent(ctx context.Context) string {
	if c := callOf(ctx); c != nil {
		return c.userAgent
	}
	return ""
}

const (
	maxRequestID = 100
	maxUserAgent = 300
)

// requestIDs makes ids that are unique and cheap: a random start for the process and a counter.
type requestIDs struct {
	prefix string
	n      atomic.Uint64
}

func newRequestIDs() *requestIDs {
	var b [10]byte
	// crypto/rand.Read never fails: the runtime stops the program instead.
	_, _ = rand.Read(b[:])
	return &requestIDs{prefix: strings.ToLower(base32.StdEncoding.EncodeToString(b[:])) + "-"}
}

func (r *requestIDs) next() string {
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], r.n.Add(1))
	const hex = "0123456789abcdef"
	buf := make([]byte, 0, 32)
	buf = append(buf, r.prefix...)
	started := false
	for i, b := range n {
		if b == 0 && !started && i < 4 {
			continue
		}
		started = true
		buf = append(buf, hex[b>>4], hex[b&15])
	}
	return string(buf)
}

// from takes the caller's id when it is sane, and makes one otherwise.
func (r *requestIDs) from(header string) string {
	if header == "" || len(header) > maxRequestID {
		return r.next()
	}
	for i := range len(header) {
		c := header[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.' || c == ':') {
			return r.next()
		}
	}
	return header
}

// traceID is the trace id of a W3C traceparent header: version-traceid-parentid-flags, in lower-case hex; "" for any other.
func traceID(header string) string {
	if len(header) < 55 || header[2] != '-' || header[35] != '-' || header[52] != '-' || header[:2] == "ff" ||
		header[:2] == "00" && len(header) != 55 || len(header) > 55 && header[55] != '-' {
		return ""
	}
	for i, c := range []byte(header[:55]) {
		if i == 2 || i == 35 || i == 52 {
			continue
		}
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return ""
		}
	}
	if header[3:35] == strings.Repeat("0", 32) || header[36:52] == strings.Repeat("0", 16) {
		return ""
	}
	return header[3:35]
}
