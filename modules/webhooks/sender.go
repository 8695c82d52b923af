package webhooks

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	sendLimit      = 15 * time.Second // of one try, from the name's resolution to the last byte that is read
	dialLimit      = 5 * time.Second  // of one address of a name
	maxAnswer      = 4 << 10          // bytes of a body that are kept
	maxAnswerHead  = 32 << 10         // bytes of a header that are read
	maxHeaders     = 40               // that are kept
	maxHeaderValue = 300              // bytes of one
	maxRetryAfter  = 24 * time.Hour
)

// Resolver finds the addresses of a name; net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

var errForbidden = errors.New("the address is not public")

// sender sends one request to strangers' machines.
type sender struct {
	client   *http.Client
	rules    addressRules
	resolver Resolver
}

// plainKey marks a request without TLS on its way to the dialer.
type plainKey struct{}

func newSender(rules addressRules, resolver Resolver, roots *x509.CertPool) *sender {
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	s := &sender{rules: rules, resolver: resolver}
	s.client = &http.Client{
		Transport: &http.Transport{
			Proxy:                  nil, // what the environment names is for the program's own ways
			DialContext:            s.dial,
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    sendLimit,
			DisableKeepAlives:      true, // each delivery resolves and judges anew
			DisableCompression:     true, // what is bounded is what is read
			MaxResponseHeaderBytes: maxAnswerHead,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return s
}

// dial resolves the name, judges every address, and dials the very addresses that it judged.
func (s *sender) dial(ctx context.Context, _, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, err
	}
	found, err := s.addresses(ctx, host)
	if err != nil {
		return nil, err
	}
	plain := ctx.Value(plainKey{}) != nil
	failure := errForbidden
	for _, a := range found {
		if !s.rules.permits(a, plain) {
			continue
		}
		conn, err := s.connect(ctx, netip.AddrPortFrom(a.Unmap(), uint16(number)), plain)
		if err == nil {
			return conn, nil
		}
		if failure = err; ctx.Err() != nil {
			break
		}
	}
	return nil, failure
}

func (s *sender) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	return s.resolver.LookupNetIP(ctx, "ip", host)
}

// connect dials one address, and judges it once more where the system is told of it: whatever is dialled has passed here.
func (s *sender) connect(ctx context.Context, to netip.AddrPort, plain bool) (net.Conn, error) {
	d := net.Dialer{Timeout: dialLimit, Control: func(_, address string, _ syscall.RawConn) error {
		real, err := netip.ParseAddrPort(address)
		if err != nil || !s.rules.permits(real.Addr(), plain) {
			return errForbidden
		}
		return nil
	}}
	return d.DialContext(ctx, "tcp", to.String())
}

// The outcomes of a try.
const (
	outcomeSucceeded   = "succeeded"
	outcomeRefused     = "refused"
	outcomeUnreachable = "unreachable"
	outcomeTimeout     = "timeout"
	outcomeForbidden   = "forbidden"
)

// try is one request and what came of it.
type try struct {
	at         time.Time
	took       time.Duration
	url        string
	sent       map[string]string
	outcome    string
	reason     string // in words; "" when it succeeded
	status     int    // 0: no answer came
	header     map[string]string
	body       string
	retryAfter time.Duration
}

func (t try) gone() bool { return t.status == http.StatusGone }

// send posts the payload. The headers are signed by the caller.
func (s *sender) send(ctx context.Context, now time.Time, url string, headers map[string]string, payload string) (t try) {
	t = try{at: now, url: url, sent: headers, header: map[string]string{}}
	ctx, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	if strings.HasPrefix(url, "http:") {
		ctx = context.WithValue(ctx, plainKey{}, true)
	}
	began := time.Now()
	defer func() { t.took = time.Since(began) }()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(payload))
	if err != nil {
		t.outcome, t.reason = outcomeUnreachable, "The address cannot be read."
		return t
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		t.outcome, t.reason = inWords(err)
		return t
	}
	// The status decides; a body that stops half-way is kept as far as it came.
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	_ = resp.Body.Close()
	t.status, t.body, t.header = resp.StatusCode, plainText(string(body)), kept(resp.Header)
	t.retryAfter = retryAfter(resp.Header.Get("Retry-After"), now)
	t.outcome, t.reason = judge(resp.StatusCode)
	return t
}

// judge words a status: only 2xx is success (Standard Webhooks 1.0.0).
func judge(status int) (outcome, reason string) {
	switch {
	case status >= 200 && status < 300:
		return outcomeSucceeded, ""
	case status >= 300 && status < 400:
		return outcomeRefused, "The receiver answered " + strconv.Itoa(status) + ". Redirects are not followed: give the final address."
	case status == http.StatusGone:
		return outcomeRefused, "The receiver answered 410: it wants no more deliveries."
	}
	return outcomeRefused, "The receiver answered " + strconv.Itoa(status) + "."
}

// inWords says why no answer came, without the words of a library.
func inWords(err error) (outcome, reason string) {
	var (
		timeout   net.Error
		dns       *net.DNSError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		cert      x509.CertificateInvalidError
		record    tls.RecordHeaderError
	)
	switch {
	case errors.Is(err, errForbidden):
		return outcomeForbidden, "The host leads to an address that is not public. Deliveries go to public addresses only."
	case errors.As(err, &dns) && dns.IsNotFound:
		return outcomeUnreachable, "The host name does not exist."
	case errors.As(err, &dns):
		return outcomeUnreachable, "The host name could not be resolved."
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return outcomeTimeout, "No answer came in time: 15 seconds."
	case errors.As(err, &authority):
		return outcomeUnreachable, "The receiver's certificate is not signed by an authority that is known here."
	case errors.As(err, &host):
		return outcomeUnreachable, "The receiver's certificate is for another host."
	case errors.As(err, &cert):
		return outcomeUnreachable, "The receiver's certificate is not valid, or has expired."
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return outcomeUnreachable, "The receiver does not speak TLS there."
	case errors.Is(err, syscall.ECONNREFUSED):
		return outcomeUnreachable, "The connection was refused."
	}
	return outcomeUnreachable, "The connection broke before an answer came."
}

// retryAfter reads the header in both its forms (RFC 9110, 10.2.3).
func retryAfter(value string, now time.Time) time.Duration {
	var d time.Duration
	if seconds, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31); err == nil {
		d = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		d = at.Sub(now)
	}
	return min(max(0, d), maxRetryAfter)
}

// kept is a header as it is kept: a bounded number of bounded values, the first by name.
func kept(h http.Header) map[string]string {
	list := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if len(list) == maxHeaders {
			break
		}
		list[clip(plainText(name), maxHeaderValue)] = clip(plainText(strings.Join(h[name], ", ")), maxHeaderValue)
	}
	return list
}

// plainText is text that Postgres takes, whatever a stranger sent.
func plainText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

func clip(s string, bytes int) string {
	if len(s) <= bytes {
		return s
	}
	return strings.ToValidUTF8(s[:bytes], "")
}
