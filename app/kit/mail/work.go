package mail

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/jobs"
	"credlane/app/kit/pg"
)

const (
	kindSend   = "mail.send"
	kindUrgent = "mail.send_urgent"
	kindTidy   = "mail.tidy"

	// A mail is tried for two days: 5 s after the first failure, then twice as long each time up to two hours.
	sendTries   = 35
	firstPause  = 5 * time.Second
	longest     = 2 * time.Hour
	sendLimit   = dialLimit + talkLimit + doneLimit + commitLimit + time.Minute
	tidyLimit   = 2 * time.Minute
	commitLimit = 15 * time.Second // of noting that a mail is gone, when there is little time left

	keepMails = 90 * 24 * time.Hour
	tidyBatch = 1000
	maxReason = 500 // characters of an error that are kept
)

// job is the kind of job that sends mails of the template.
func (t Template) job() string {
	if t.Urgent {
		return kindUrgent
	}
	return kindSend
}

func pause(attempt int) time.Duration {
	return min(firstPause<<min(attempt-1, 20), longest)
}

func (m *Mailer) declareJobs() {
	send := jobs.Kind{Attempts: sendTries, Timeout: sendLimit, Pause: pause, Work: m.send, Died: m.died}
	send.Name, send.Queue = kindSend, jobs.Mail
	m.jobs.Handle(send)
	send.Name, send.Queue = kindUrgent, jobs.Urgent
	m.jobs.Handle(send)
	m.jobs.Handle(jobs.Kind{Name: kindTidy, Queue: jobs.Upkeep, Timeout: tidyLimit, Work: m.tidy})
	m.jobs.Repeat(jobs.Periodic{Kind: kindTidy, Every: time.Hour})
}

type sendArgs struct {
	MailID uuid.UUID `json:"mailId"`
}

// mailRow is a mail with what is said of its employer.
type mailRow struct {
	ID            uuid.UUID       `db:"id"`
	EmployerID    *uuid.UUID      `db:"employer_id"`
	Employer      string          `db:"employer"`
	ReplyTo       *string         `db:"reply_to"`
	Template      string          `db:"template"`
	Ref           uuid.UUID       `db:"ref"`
	ToAddress     string          `db:"to_address"`
	ToName        string          `db:"to_name"`
	Data          json.RawMessage `db:"data"`
	SecretPurpose *string         `db:"secret_purpose"`
	SecretID      *uuid.UUID      `db:"secret_id"`
	SecretN       int             `db:"secret_n"`
	SecretDigits  bool            `db:"secret_digits"`
	MessageID     string          `db:"message_id"`
	State         State           `db:"state"`
	CreatedAt     time.Time       `db:"created_at"`
	DueAt         time.Time       `db:"due_at"`
	EndedAt       *time.Time      `db:"ended_at"`
	LastError     *string         `db:"last_error"`
}

const sqlFindMail = `
SELECT m.id, m.employer_id, coalesce(e.name, '') AS employer, e.reply_to, m.template, m.ref, m.to_address, m.to_name, m.data,
       m.secret_purpose, m.secret_id, m.secret_n, m.secret_digits, m.message_id, m.state, m.created_at, m.due_at, m.ended_at, m.last_error
FROM mails m
LEFT JOIN employers e ON e.id = m.employer_id
WHERE m.id = $1`

func findMail(ctx context.Context, q pg.Querier, id uuid.UUID) (mailRow, error) {
	row, err := pg.One[mailRow](ctx, q, sqlFindMail, id)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return row, ErrNotFound
	case err != nil:
		return row, fmt.Errorf("find mail %s: %w", id, err)
	}
	return row, nil
}

// send is the work of one job: one try at one mail.
func (m *Mailer) send(ctx context.Context, a *jobs.Attempt) error {
	var args sendArgs
	if err := a.Into(&args); err != nil {
		return err
	}
	row, err := findMail(ctx, m.db, args.MailID)
	if errors.Is(err, ErrNotFound) {
		return a.Finish(ctx, nil) // it was owed so long ago that it is forgotten
	}
	if err != nil {
		return err
	}
	t, err := m.template(row.Template)
	if err != nil {
		return jobs.Dead(err)
	}
	switch row.State {
	case Sent: // the server has it: only what follows from that is left
		return m.finish(ctx, a, t, row, Sent)
	case Kept, Dropped:
		return a.Finish(ctx, nil)
	}
	if t.Still != nil {
		still, err := t.Still(ctx, m.db, row.Ref, row.SecretN)
		if err != nil {
			return fmt.Errorf("ask whether mail %s is still owed: %w", row.ID, err)
		}
		if !still {
			return m.finish(ctx, a, t, row, Dropped)
		}
	}
	if m.server == nil {
		m.keeping.Do(func() {
			m.log.WarnContext(ctx, "no mail server is configured (CREDLANE_SMTP_URL): mail is kept; `credlane mail list` shows it")
		})
		return m.finish(ctx, a, t, row, Kept)
	}
	l, err := m.write(t, row)
	if err != nil {
		return jobs.Dead(err)
	}
	if err := m.server.send(ctx, l); err != nil {
		return m.failed(ctx, a, row, err)
	}
	return m.accepted(ctx, a, t, row)
}

const sqlEndMail = `
UPDATE mails
SET state = $2, ended_at = $3, last_error = NULL
WHERE id = $1 AND state IN ('queued', 'failed')`

// finish ends the mail and its job in one transaction.
func (m *Mailer) finish(ctx context.Context, a *jobs.Attempt, t *template, row mailRow, to State) error {
	now := m.clock.Now()
	err := a.Finish(ctx, func(tx pgx.Tx) error {
		if row.State != to {
			if err := endMail(ctx, tx, row.ID, to, now); err != nil {
				return err
			}
		}
		if to == Sent && t.Sent != nil {
			return t.Sent(ctx, tx, row.Ref, now)
		}
		return nil
	})
	if err == nil {
		m.counters.Mail(string(to))
	}
	return err
}

func endMail(ctx context.Context, tx pgx.Tx, id uuid.UUID, to State, now time.Time) error {
	if _, err := tx.Exec(ctx, sqlEndMail, id, to, now); err != nil {
		return fmt.Errorf("end mail %s: %w", id, err)
	}
	return nil
}

// accepted notes that the server took the mail, whatever becomes of ctx now: what is not noted is sent again. When the
// template's hook fails, the mail is noted alone, so that the job's next attempt runs the hook and nothing else.
func (m *Mailer) accepted(ctx context.Context, a *jobs.Attempt, t *template, row mailRow) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitLimit)
	defer cancel()
	err := m.finish(ctx, a, t, row, Sent)
	if err == nil || errors.Is(err, jobs.ErrSuperseded) || t.Sent == nil {
		return err
	}
	errNote := a.InTx(ctx, func(tx pgx.Tx) error { return endMail(ctx, tx, row.ID, Sent, m.clock.Now()) })
	return errors.Join(err, errNote)
}

const sqlNoteFailure = `
UPDATE mails SET last_error = $2 WHERE id = $1 AND state = 'queued'`

// failed words a failed try: the server's final no is final, all else is tried again.
func (m *Mailer) failed(ctx context.Context, a *jobs.Attempt, row mailRow, err error) error {
	var no *refusal
	if errors.As(err, &no) {
		return jobs.Dead(err)
	}
	m.counters.Mail(outcomeRetrying)
	if errors.Is(ctx.Err(), context.Canceled) { // the process stops: the job goes back as it came
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitLimit) // the attempt's own time may be up
	defer cancel()
	errNote := a.InTx(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, sqlNoteFailure, row.ID, reason(err))
		return err
	})
	if errors.Is(errNote, jobs.ErrSuperseded) {
		return errNote
	}
	return errors.Join(err, errNote)
}

const sqlFailMail = `
UPDATE mails
SET state = 'failed', ended_at = $2, last_error = $3
WHERE id = $1 AND state IN ('queued', 'failed')
RETURNING template, coalesce(ref, '00000000-0000-0000-0000-000000000000')`

// died gives the mail up, in the transaction that makes its job dead.
func (m *Mailer) died(ctx context.Context, tx pgx.Tx, a *jobs.Attempt, cause error) error {
	var args sendArgs
	if err := a.Into(&args); err != nil {
		return nil // there is no mail to give up
	}
	now := m.clock.Now()
	var name string
	var ref uuid.UUID
	err := tx.QueryRow(ctx, sqlFailMail, args.MailID, now, reason(cause)).Scan(&name, &ref)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // it was sent, and only what follows from that has failed
	}
	if err != nil {
		return fmt.Errorf("give up mail %s: %w", args.MailID, err)
	}
	m.counters.Mail(outcomeFailed)
	if t, err := m.template(name); err == nil && t.Failed != nil {
		return t.Failed(ctx, tx, ref, now)
	}
	return nil
}

// reason is an error as it is kept.
func reason(err error) string { return cut(oneLine(err.Error()), maxReason) }

// The ids are ordered by time, so the old end of the key is the old mails.
const sqlTidyMails = `
DELETE FROM mails
WHERE id IN (SELECT id FROM mails WHERE id < $1 AND state <> 'queued' ORDER BY id LIMIT 1000)`

// tidy forgets mails that were made 90 days ago.
func (m *Mailer) tidy(ctx context.Context, a *jobs.Attempt) error {
	if _, err := m.Tidy(ctx); err != nil {
		return err
	}
	return a.Finish(ctx, nil)
}

// Tidy removes mails of more than 90 days ago that are not owed any more, and gives their number.
func (m *Mailer) Tidy(ctx context.Context) (removed int64, err error) {
	var first uuid.UUID // the least id that the clock could make then
	binary.BigEndian.PutUint64(first[:8], uint64(max(0, m.clock.Now().Add(-keepMails).UnixMilli()))<<16)
	for batch := int64(tidyBatch); batch == tidyBatch; removed += batch {
		tag, err := m.db.Exec(ctx, sqlTidyMails, first)
		if err != nil {
			return removed, fmt.Errorf("tidy mails: %w", err)
		}
		batch = tag.RowsAffected()
	}
	return removed, nil
}
