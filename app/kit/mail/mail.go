// Package mail sends what is owed to people, at least once, by SMTP; without a server to send by it keeps the mail for the operator to read.
//
// A mail is a row, written in the transaction that causes it, with a job that sends it. The words are made when it is sent, from
// the template of the module that owns the matter: so no row holds the secret of a link, and a mail that came to nothing in the
// meantime is dropped.
package mail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	netmail "net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/clock"
	"credlane/app/kit/ids"
	"credlane/app/kit/jobs"
	"credlane/app/kit/pg"
	"credlane/app/kit/seal"
)

// Template is one kind of mail: what it says, and what its module wants to know of it. The texts are text/template over View.
type Template struct {
	Name     string
	Urgent   bool     // somebody waits for it: it has a queue of its own
	Priority int      // jobs.Normal unless set
	Subject  string   // one line
	Body     []string // paragraphs before the button; one that comes out empty is left out
	Code     bool     // the secret is shown large, to be typed
	Button   string   // the words on the link; "" for none
	Path     string   // where the link leads under the public URL, such as "/i/{{.Secret}}"
	Small    []string // paragraphs after the button

	// Still says right before the mail goes out whether it should: a revoked invite's must not, nor one whose link has another
	// number by now than the mail's secret. Nil is always.
	Still func(ctx context.Context, q pg.Querier, ref uuid.UUID, number int) (bool, error)
	// Sent runs in the transaction that notes that the server took the mail. Nil for none.
	Sent func(ctx context.Context, tx pgx.Tx, ref uuid.UUID, at time.Time) error
	// Failed runs in the transaction that gives the mail up. Nil for none.
	Failed func(ctx context.Context, tx pgx.Tx, ref uuid.UUID, at time.Time) error
}

// View is what a template sees. A value of Data that the message does not have comes out empty; whole numbers are int64.
type View struct {
	Employer string         // its name; "" without an employer
	Name     string         // the recipient's, "" when unknown
	Data     map[string]any // the message's
	Secret   string         // derived when the mail is written
	Link     string         // the whole address of the button
}

// Message is one mail that is owed.
type Message struct {
	Template   string
	EmployerID uuid.UUID // whose name and reply-to it carries; zero: nobody's
	To         string    // the bare address
	ToName     string
	Ref        uuid.UUID // what the mail is about, for the template's hooks
	Data       map[string]any
	Secret     Secret
	At         time.Time // not before; zero is at once
	Unique     string    // of two messages of a template with the same text one is kept, in 90 days; "" for no such rule
}

// Secret names a token or code that the mail shows. It is derived from the secret key when the mail is written, so that no row
// holds it (seal.Key.Token, seal.Key.Digits). The zero value is none.
type Secret struct {
	Purpose string
	ID      uuid.UUID
	N       int
	Digits  bool // a code of six digits instead of a token
}

// The outcomes of a try to send, as Counters has them.
const (
	outcomeRetrying = "retrying"
	outcomeFailed   = string(Failed)
)

// Counters counts what becomes of mails, for whoever watches the product: sent, kept, dropped, failed or retrying.
type Counters interface {
	Mail(outcome string)
}

type uncounted struct{}

func (uncounted) Mail(string) {}

// Options say what a Mailer stands on.
type Options struct {
	DB        *pg.DB
	Jobs      *jobs.Client
	Key       *seal.Key
	Clock     clock.Clock
	IDs       *ids.Source
	Log       *slog.Logger
	Counters  Counters // may be nil
	PublicURL string   // where links lead, without a slash at the end
	SMTP      SMTP     // without a URL mail is kept
}

// Mailer sends mail.
type Mailer struct {
	db        *pg.DB
	jobs      *jobs.Client
	key       *seal.Key
	clock     clock.Clock
	ids       *ids.Source
	log       *slog.Logger
	counters  Counters
	publicURL string
	host      string // of the public URL, as mail writes it
	from      netmail.Address
	server    *server // nil: mail is kept
	pretend   State   // what mail is taken for at once; "" for none
	keeping   sync.Once

	mu        sync.RWMutex
	templates map[string]*template
}

// New makes the mailer and declares its jobs; nothing of it talks to the database or the server yet.
func New(o Options) (*Mailer, error) {
	if o.Counters == nil {
		o.Counters = uncounted{}
	}
	m := &Mailer{
		db: o.DB, jobs: o.Jobs, key: o.Key, clock: o.Clock, ids: o.IDs, log: o.Log, counters: o.Counters,
		publicURL: strings.TrimRight(o.PublicURL, "/"), templates: map[string]*template{},
	}
	public, err := url.Parse(m.publicURL)
	if err != nil {
		return nil, fmt.Errorf("the public URL: %w", err)
	}
	m.host = mailHost(public.Hostname())
	if m.from, err = sender(o.SMTP.From, m.host); err != nil {
		return nil, err
	}
	if o.SMTP.URL != "" {
		if m.server, err = newServer(o.SMTP, m.host); err != nil {
			return nil, err
		}
	}
	m.declareJobs()
	return m, nil
}

// mailHost is a host as an address or a Message-ID has it: a name in ASCII, or a literal. A name that mail does not know, such as
// one with an underscore, is of this machine or its network.
func mailHost(host string) string {
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.Is6() {
			return "[IPv6:" + ip.String() + "]"
		}
		return "[" + ip.String() + "]"
	}
	ascii, err := asciiDomain(host)
	if err != nil {
		return "localhost"
	}
	return ascii
}

// sender reads CREDLANE_MAIL_FROM, or makes one up.
func sender(from, host string) (netmail.Address, error) {
	if from == "" {
		return netmail.Address{Name: "CredLane", Address: "noreply@" + host}, nil
	}
	parsed, err := netmail.ParseAddress(from)
	if err != nil {
		return netmail.Address{}, errors.New("the sender of mail is no address such as CredLane <noreply@example.com>")
	}
	bare, err := parseAddress(parsed.Address)
	if err != nil {
		return netmail.Address{}, fmt.Errorf("the sender of mail: %w", err)
	}
	if !bare.ascii() {
		return netmail.Address{}, errors.New("the sender of mail: use an address whose part before the @ is ASCII, which every server takes")
	}
	return netmail.Address{Name: headerText(parsed.Name), Address: bare.String()}, nil
}

var templateName = regexp.MustCompile(`^[a-z_]{1,40}$`)

// Declare adds a template. Mistakes panic: they are seen at boot and in every test.
func (m *Mailer) Declare(t Template) {
	if t.Priority == 0 {
		t.Priority = jobs.Normal
	}
	compiled, err := compile(t)
	if err != nil {
		panic(fmt.Sprintf("mail: the template %q: %v", t.Name, err))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.templates[t.Name] != nil {
		panic(fmt.Sprintf("mail: the template %q is declared twice", t.Name))
	}
	m.templates[t.Name] = compiled
}

func (m *Mailer) template(name string) (*template, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if t := m.templates[name]; t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("there is no mail template %q", name)
}

// CanSend says whether mail leaves the house: an SMTP server is configured.
func (m *Mailer) CanSend() bool { return m.server != nil }

// Close ends the connections to the SMTP server that nobody uses.
func (m *Mailer) Close() {
	if m.server != nil {
		m.server.pool.close()
	}
}

// Unreachable lists the constraints of this package's table: the program itself makes every value they guard, or bounds it.
func Unreachable() []string {
	return []string{
		"mails_pkey", "mails_employer_fkey", "mails_template_format", "mails_address_length", "mails_name_length", "mails_data_object",
		"mails_unique_key_length", "mails_state_known", "mails_error_length", "mails_secret_whole", "mails_ended_when_done", "mails_one_per_key",
	}
}
