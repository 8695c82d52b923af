package mail

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime"
	"net/textproto"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/fault"
	"credlane/app/kit/jobs"
	"credlane/app/kit/pg"
)

// State is how far a mail is.
type State string

// The states.
const (
	Queued  State = "queued"  // it is owed
	Sent    State = "sent"    // the server took it
	Kept    State = "kept"    // there is no server
	Dropped State = "dropped" // it came to nothing before it was sent
	Failed  State = "failed"  // the server refused it, or was not reached for two days
)

// States lists them.
func States() []State { return []State{Queued, Sent, Kept, Dropped, Failed} }

// ErrNotFound is a mail that is not there.
var ErrNotFound = fault.New(fault.NotFound, "mail_not_found", "There is no such mail. Mails are forgotten after 90 days.")

// The faults of sending a mail that nothing would send any more.
var (
	ErrOwed     = fault.New(fault.Conflict, "mail_owed", "The mail is still owed: it goes out by itself.")
	ErrSent     = fault.New(fault.Conflict, "mail_sent", "The mail server took this mail already.")
	ErrDropped  = fault.New(fault.Conflict, "mail_dropped", "What the mail was about had come to nothing before it was sent.")
	ErrNoServer = fault.New(fault.Conflict, "no_mail_server", "There is no mail server to send it by. Set CREDLANE_SMTP_URL first.")
)

// Info is a mail in the operator's list.
type Info struct {
	ID        uuid.UUID  `db:"id" json:"id"`
	Template  string     `db:"template" json:"template"`
	State     State      `db:"state" json:"state"`
	To        string     `db:"to_address" json:"to"`
	CreatedAt time.Time  `db:"created_at" json:"createdAt"`
	DueAt     time.Time  `db:"due_at" json:"dueAt"`
	EndedAt   *time.Time `db:"ended_at" json:"endedAt"`
	LastError *string    `db:"last_error" json:"lastError"`
}

const sqlListMails = `
SELECT id, template, state, to_address, created_at, due_at, ended_at, last_error
FROM mails
WHERE $1 = '' OR state = $1
ORDER BY id DESC
LIMIT $2`

// List gives mails, newest first; of one state unless it is "".
func (m *Mailer) List(ctx context.Context, state State, limit int) ([]Info, error) {
	list, err := pg.All[Info](ctx, m.db, sqlListMails, state, limit)
	if err != nil {
		return nil, fmt.Errorf("list mails: %w", err)
	}
	return list, nil
}

const sqlOweAgain = `
UPDATE mails SET state = 'queued', ended_at = NULL, last_error = NULL
WHERE id = $1 AND state IN ('kept', 'failed')`

// OweAgainTx owes a mail again that was kept or has failed, and says whose it is (uuid.Nil: nobody's). It goes out if what it is
// about still stands. Faults: ErrNotFound, ErrOwed, ErrSent, ErrDropped, ErrNoServer.
func (m *Mailer) OweAgainTx(ctx context.Context, tx pgx.Tx, id uuid.UUID) (employer uuid.UUID, err error) {
	tag, err := tx.Exec(ctx, sqlOweAgain, id)
	if err != nil {
		return uuid.Nil, fmt.Errorf("owe mail %s again: %w", id, err)
	}
	row, err := findMail(ctx, tx, id)
	if err != nil {
		return uuid.Nil, err
	}
	if tag.RowsAffected() == 0 {
		return uuid.Nil, map[State]*fault.Error{Queued: ErrOwed, Sent: ErrSent, Dropped: ErrDropped}[row.State]
	}
	if m.server == nil {
		return uuid.Nil, ErrNoServer
	}
	t, err := m.template(row.Template)
	if err != nil {
		return uuid.Nil, err
	}
	// The job that gave the mail up would send it once more if somebody tried it again.
	if err := m.jobs.ForgetDeadTx(ctx, tx, t.job(), sendArgs{id}); err != nil {
		return uuid.Nil, err
	}
	if row.EmployerID != nil {
		employer = *row.EmployerID
	}
	return employer, m.jobs.EnqueueTx(ctx, tx, jobs.Job{Kind: t.job(), EmployerID: employer, Priority: t.Priority, Args: sendArgs{id}})
}

// Header is one line above a mail's text.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Shown is one mail as its reader sees it.
type Shown struct {
	Info
	Headers []Header `json:"headers"`
	Text    string   `json:"text"`
}

// shownHeaders are the headers that say something to people.
var shownHeaders = []string{"From", "To", "Reply-To", "Subject", "Date", "Message-Id"}

// Show puts a mail into words as they would be sent now, with links that work. Fault: ErrNotFound.
func (m *Mailer) Show(ctx context.Context, id uuid.UUID) (*Shown, error) {
	row, err := findMail(ctx, m.db, id)
	if err != nil {
		return nil, err
	}
	t, err := m.template(row.Template)
	if err != nil {
		return nil, err
	}
	s := &Shown{Info: Info{row.ID, row.Template, row.State, row.ToAddress, row.CreatedAt, row.DueAt, row.EndedAt, row.LastError}, Headers: []Header{}}
	l, err := m.write(t, row)
	if errors.Is(err, errAddress) { // there are no headers for nobody
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	raw, err := l.bytes(true)
	if err != nil {
		return nil, err
	}
	head, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(raw))).ReadMIMEHeader()
	if err != nil {
		return nil, fmt.Errorf("read mail %s: %w", id, err)
	}
	for _, name := range shownHeaders {
		if value := head.Get(name); value != "" {
			s.Headers = append(s.Headers, Header{name, decoded(value)})
		}
	}
	s.Text = l.text
	return s, nil
}

var words = &mime.WordDecoder{}

// decoded reads encoded words (RFC 2047); what is none stays as it is.
func decoded(value string) string {
	if text, err := words.DecodeHeader(value); err == nil {
		value = text
	}
	return strings.TrimSpace(value)
}
