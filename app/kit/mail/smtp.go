package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/textproto"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

const (
	dialLimit = 15 * time.Second // until the server has said who it is and let us in
	talkLimit = 90 * time.Second // of handing one mail over, until its last dot
	// doneLimit is how long the server may think about a mail that it has in whole: who hangs up before has it sent twice (RFC 5321
	// 4.5.3.2.6). It and the others together are below what the job has.
	doneLimit = 10 * time.Minute
)

// SMTP is the way to the server that takes mail.
type SMTP struct {
	URL    string // smtp://[user:password@]host[:port][?tls=required] or smtps://...; "" for none
	From   string // "CredLane <noreply@example.com>"; made from the public URL unless set
	CAFile string // certificates to trust besides the system's
	// TalkLimit is how long handing one mail over may take, without the answer to it; 90 s unless set.
	TalkLimit time.Duration
	// DoneLimit is how long the server may take for the answer to a whole mail; 10 minutes unless set.
	DoneLimit time.Duration
	// IdleLimit is how long a connection is kept that nobody uses; 10 s unless set.
	IdleLimit time.Duration
}

// server is the one SMTP server that takes all mail.
type server struct {
	host, port      string
	implicit, force bool // TLS from the start; or STARTTLS, or nothing
	user, password  string
	tls             *tls.Config
	helo            string
	talk, done      time.Duration
	pool            *pool
}

// newServer reads the configuration. Its errors repeat no password.
func newServer(o SMTP, helo string) (*server, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" || strings.Trim(u.Path, "/") != "" {
		return nil, errors.New("the mail server's URL is not like smtp://user:password@mail.example.com:587")
	}
	s := &server{host: u.Hostname(), port: u.Port(), implicit: u.Scheme == "smtps", helo: helo, talk: o.TalkLimit, done: o.DoneLimit}
	switch {
	case s.port == "" && s.implicit:
		s.port = "465"
	case s.port == "":
		s.port = "587"
	}
	for key, values := range u.Query() {
		if key != "tls" || !slices.Equal(values, []string{"required"}) {
			return nil, errors.New("the mail server's URL may end in ?tls=required, and in nothing else")
		}
		s.force = true
	}
	if u.User != nil {
		s.user = u.User.Username()
		s.password, _ = u.User.Password()
	}
	if s.talk == 0 {
		s.talk = talkLimit
	}
	if s.done == 0 {
		s.done = doneLimit
	}
	s.tls = &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12}
	if s.tls.RootCAs, err = roots(o.CAFile); err != nil {
		return nil, err
	}
	s.pool = newPool(o.IdleLimit)
	return s, nil
}

// roots are the system's certificates and those of the file; nil without one, which means the system's.
func roots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the certificates for the mail server: %w", err)
	}
	all, err := x509.SystemCertPool()
	if err != nil {
		all = x509.NewCertPool()
	}
	if !all.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("the certificates for the mail server: %s holds none", file)
	}
	return all, nil
}

// refusal is the final no to a mail: another try would get the same.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

var errNoUTF8 = errors.New("the address has letters before the @ that only a mail server with SMTPUTF8 takes, and this one has it not")

// send hands the letter over. Its error is a refusal when no further try would help; whatever else it is, the server may or may
// not have the mail, and it is sent again.
func (s *server) send(ctx context.Context, l *letter) error {
	if err := s.pool.enter(ctx); err != nil {
		return fmt.Errorf("wait for a connection to the mail server: %w", err)
	}
	defer s.pool.leave()
	if c := s.pool.take(); c != nil {
		begun, err := s.hand(ctx, c, l)
		if begun || err == nil {
			return err
		}
		// A connection that was kept is one that the server may have closed: nothing of the mail has gone out by it.
	}
	c, err := s.dial(ctx)
	if err != nil {
		return fmt.Errorf("reach the mail server: %w", err)
	}
	_, err = s.hand(ctx, c, l)
	return err
}

// hand hands the letter over by c, which it keeps for the next one or closes. begun says that the server knows of the mail.
func (s *server) hand(ctx context.Context, c *conn, l *letter) (begun bool, err error) {
	if err := c.raw.SetDeadline(s.deadline(ctx, s.talk)); err != nil {
		c.close()
		return false, err
	}
	stop := context.AfterFunc(ctx, c.interrupt)
	begun, err = c.talk(l, func() error {
		err := c.raw.SetDeadline(s.deadline(ctx, s.done))
		if ctx.Err() != nil { // the end of ctx may have come before the new deadline
			c.interrupt()
		}
		return err
	})
	if !stop() || err != nil {
		c.close()
		return begun, err
	}
	s.pool.put(c)
	return begun, nil
}

func (s *server) deadline(ctx context.Context, limit time.Duration) time.Time {
	at := time.Now().Add(limit)
	if d, ok := ctx.Deadline(); ok && d.Before(at) {
		return d
	}
	return at
}

// anAddress is whatever could be one that mail is sent to, however the server writes it.
var anAddress = regexp.MustCompile(`[^\s()<>\[\]\\,;:"@]+@[^\s()<>\[\]\\,;:"@]+`)

// hidden takes addresses out of what the server said: reasons are logged.
func hidden(err error) error {
	var said *textproto.Error
	if errors.As(err, &said) {
		return &textproto.Error{Code: said.Code, Msg: anAddress.ReplaceAllString(said.Msg, "...")}
	}
	return err
}

// talk is one mail's transaction (RFC 5321 3.3). A no to the sender is about us, not about the mail: somebody mends it.
// wait is called before the last dot: the answer to that has a limit of its own.
func (c *conn) talk(l *letter, wait func() error) (begun bool, err error) {
	utf8 := !l.to.ascii()
	offered, _ := c.client.Extension("SMTPUTF8")
	if utf8 && !offered {
		return true, &refusal{errNoUTF8}
	}
	body, err := l.bytes(utf8)
	if err != nil {
		return true, &refusal{err}
	}
	c.client.SkipSMTPUTF8(!utf8) // a mail that says it without need is refused by relays further on
	if err := c.client.Mail("<" + l.from.Address + ">"); err != nil {
		return answered(err), worded("our sender", err)
	}
	if err := c.client.Rcpt("<" + l.to.String() + ">"); err != nil {
		return true, final("the recipient", err)
	}
	w, err := c.client.Data()
	if err != nil {
		return true, final("the mail", err)
	}
	if _, err := w.Write(body); err != nil {
		return true, fmt.Errorf("send the mail: %w", err)
	}
	if err := wait(); err != nil {
		return true, fmt.Errorf("wait for the mail server: %w", err)
	}
	if err := w.Close(); err != nil {
		return true, final("the mail", err)
	}
	c.used++
	return true, nil
}

// answered says whether the error is the server's word, or only a broken connection.
func answered(err error) bool {
	var said *textproto.Error
	return errors.As(err, &said) && said.Code != 421 // it closes the connection
}

// worded says who ended it: the server by its word, or a connection on which none came.
func worded(what string, err error) error {
	var said *textproto.Error
	if errors.As(err, &said) {
		return fmt.Errorf("the mail server refuses %s: %w", what, hidden(err))
	}
	return fmt.Errorf("the mail server gives no answer to %s: %w", what, err)
}

// final tells the server's lasting no from all that may pass.
func final(what string, err error) error {
	var said *textproto.Error
	if errors.As(err, &said) && said.Code >= 500 && said.Code <= 599 {
		return &refusal{worded(what, err)}
	}
	return worded(what, err)
}

// dial opens a connection that is ready for mail.
func (s *server) dial(ctx context.Context) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	var dialer net.Dialer
	raw, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(s.host, s.port))
	if err != nil {
		return nil, err
	}
	c := &conn{raw: raw}
	if err := raw.SetDeadline(s.deadline(ctx, dialLimit)); err != nil {
		c.close()
		return nil, err
	}
	stop := context.AfterFunc(ctx, c.interrupt)
	err = s.greet(ctx, c)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// greet brings a new connection under TLS, as far as the configuration wants it, and signs in.
func (s *server) greet(ctx context.Context, c *conn) (err error) {
	transport, secure := c.raw, s.implicit
	if s.implicit {
		over := tls.Client(c.raw, s.tls)
		if err := over.HandshakeContext(ctx); err != nil {
			return err
		}
		transport = over
	}
	if c.client, err = smtp.NewClient(transport, s.host); err != nil {
		return err
	}
	if err := c.client.Hello(s.helo); err != nil {
		return err
	}
	if !s.implicit {
		offered, _ := c.client.Extension("STARTTLS")
		if s.force && !offered {
			return errors.New("it offers no STARTTLS, which the configuration insists on")
		}
		if offered {
			if err := c.client.StartTLS(s.tls); err != nil {
				return fmt.Errorf("STARTTLS: %w", err)
			}
			secure = true
		}
	}
	if s.user == "" {
		return nil
	}
	return s.signIn(c.client, secure)
}

// signIn sends the password only under TLS, or within this machine.
func (s *server) signIn(c *smtp.Client, secure bool) error {
	if !secure && !loopback(s.host) {
		return errors.New("it offers no TLS, so the password is not sent to it")
	}
	_, list := c.Extension("AUTH")
	offered := strings.Fields(list)
	for _, way := range []struct {
		name string
		auth smtp.Auth
	}{
		{"PLAIN", smtp.PlainAuth("", s.user, s.password, s.host, true)},
		{"LOGIN", smtp.LoginAuth(s.user, s.password, s.host, true)},
		{"SCRAM-SHA-256", smtp.ScramSHA256Auth(s.user, s.password)},
		{"SCRAM-SHA-1", smtp.ScramSHA1Auth(s.user, s.password)},
		{"CRAM-MD5", smtp.CRAMMD5Auth(s.user, s.password)},
	} {
		if slices.Contains(offered, way.name) {
			if err := c.Auth(way.auth); err != nil {
				return fmt.Errorf("sign in: %w", err)
			}
			return nil
		}
	}
	return errors.New("it offers no way to sign in that we know")
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
