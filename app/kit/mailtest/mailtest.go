// Package mailtest is a real SMTP server for tests and measurements: it keeps what it takes, and can be as unkind as servers are.
package mailtest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Security is how a server is reached.
type Security int

// The kinds of security.
const (
	Plain    Security = iota
	StartTLS          // offered
	TLS               // from the start
)

// Options say what the server is like. The zero value takes everything, without TLS.
type Options struct {
	Security       Security
	User, Password string // wanted when set
	UTF8           bool   // offers SMTPUTF8
	// Rcpt is the answer to a recipient, and Data the answer to a whole mail, which is kept when it is nil. Refuse makes answers.
	Rcpt func(to string) error
	Data func(m Mail) error
	// Drop keeps the mail and closes the connection without an answer, when it says so.
	Drop func(m Mail) bool
}

// Refuse is an answer with a code of three digits.
func Refuse(code int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.NoEnhancedCode, Message: text}
}

// Mail is one mail that the server has.
type Mail struct {
	From, To string // of the envelope
	UTF8     bool   // it came with SMTPUTF8
	Secure   bool   // it came over TLS
	Raw      []byte
}

// Server is a running server.
type Server struct {
	URL    string // as CREDLANE_SMTP_URL takes it, with user and password
	CAFile string // what to trust, when there is TLS

	opt   Options
	smtp  *smtp.Server
	mu    sync.Mutex
	mails []Mail
	open  atomic.Int64
	most  atomic.Int64
	total atomic.Int64
}

// New starts a server that ends with the test.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{opt: o}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.smtp = smtp.NewServer(smtp.BackendFunc(s.session))
	s.smtp.Domain, s.smtp.AllowInsecureAuth, s.smtp.EnableSMTPUTF8 = "localhost", true, o.UTF8
	s.smtp.ErrorLog = log.New(io.Discard, "", 0)
	s.smtp.ReadTimeout, s.smtp.WriteTimeout = time.Minute, time.Minute
	scheme := "smtp"
	if o.Security != Plain {
		var pair tls.Certificate
		pair, s.CAFile = certificate(t)
		s.smtp.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	listener = &counting{listener, s}
	if o.Security == TLS {
		scheme = "smtps"
		listener = tls.NewListener(listener, s.smtp.TLSConfig)
	}
	credentials := ""
	if o.User != "" {
		credentials = o.User + ":" + o.Password + "@"
	}
	s.URL = scheme + "://" + credentials + listener.Addr().String()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.smtp.Serve(listener); err != nil && !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			t.Errorf("the mail server: %v", err)
		}
	}()
	t.Cleanup(func() {
		_ = s.smtp.Close() // a connection that a client keeps open is cut
		<-done
	})
	return s
}

// Mails are the mails that the server has, in the order in which they came.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

// Connections says how many connections there were in all, and how many at once at most.
func (s *Server) Connections() (total, most int) {
	return int(s.total.Load()), int(s.most.Load())
}

// Open is the number of connections that are open.
func (s *Server) Open() int { return int(s.open.Load()) }

// counting counts connections.
type counting struct {
	net.Listener
	server *Server
}

func (c *counting) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c.server.total.Add(1)
	for now, most := c.server.open.Add(1), c.server.most.Load(); now > most; most = c.server.most.Load() {
		if c.server.most.CompareAndSwap(most, now) {
			break
		}
	}
	return &counted{Conn: conn, server: c.server}, nil
}

type counted struct {
	net.Conn
	server *Server
	once   sync.Once
}

func (c *counted) Close() error {
	c.once.Do(func() { c.server.open.Add(-1) })
	return c.Conn.Close()
}

// session is one connection.
type session struct {
	server *Server
	conn   *smtp.Conn
	signed bool
	mail   Mail
}

func (s *Server) session(c *smtp.Conn) (smtp.Session, error) {
	return &session{server: s, conn: c, signed: s.opt.User == ""}, nil
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if s.signed = user == s.server.opt.User && password == s.server.opt.Password; !s.signed {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}

func (s *session) Reset()        { s.mail = Mail{} }
func (s *session) Logout() error { return nil }

func (s *session) Mail(from string, o *smtp.MailOptions) error {
	if !s.signed {
		return smtp.ErrAuthRequired
	}
	_, secure := s.conn.TLSConnectionState()
	s.mail = Mail{From: from, UTF8: o.UTF8, Secure: secure}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.To = to
	if s.server.opt.Rcpt == nil {
		return nil
	}
	return s.server.opt.Rcpt(to)
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m := s.mail
	m.Raw = raw
	if s.server.opt.Data != nil {
		if err := s.server.opt.Data(m); err != nil {
			return err
		}
	}
	s.server.mu.Lock()
	s.server.mails = append(s.server.mails, m)
	s.server.mu.Unlock()
	if s.server.opt.Drop != nil && s.server.opt.Drop(m) {
		_ = s.conn.Conn().Close() // that is the point
	}
	return nil
}

// Header reads the mail's headers; encoded words are decoded.
func (m Mail) Header(t testing.TB, name string) string {
	t.Helper()
	text, err := new(mime.WordDecoder).DecodeHeader(m.parsed(t).Header.Get(name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (m Mail) parsed(t testing.TB) *netmail.Message {
	t.Helper()
	parsed, err := netmail.ReadMessage(bytes.NewReader(m.Raw))
	if err != nil {
		t.Fatalf("no mail: %v:\n%s", err, m.Raw)
	}
	return parsed
}

// Bodies reads the mail's text and its HTML.
func (m Mail) Bodies(t testing.TB) (text, html string) {
	t.Helper()
	parsed := m.parsed(t)
	kind, params, err := mime.ParseMediaType(parsed.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("the mail is %s: %v", kind, err)
	}
	var bodies []string
	for parts := multipart.NewReader(parsed.Body, params["boundary"]); ; {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		var r io.Reader = part
		if part.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
			r = quotedprintable.NewReader(part)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, part.Header.Get("Content-Type")+"\n"+string(body))
	}
	if len(bodies) != 2 {
		t.Fatalf("the mail has %d parts", len(bodies))
	}
	return bodies[0], bodies[1]
}

// certificate makes one for 127.0.0.1 that signs itself, and a file with it.
func certificate(t testing.TB) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "a mail server under test"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}
