package mail

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/jobs"
)

const (
	maxAddress = 320 // bytes; longer ones no server takes
	maxToName  = 200 // characters; longer names are cut
)

// One statement, however many mails: each has its job, but for one whose unique key is taken or that nobody is to send.
const sqlOwe = `
WITH given AS (
    SELECT *
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::jsonb[], $8::text[], $9::uuid[],
                $10::integer[], $11::boolean[], $12::text[], $13::text[], $14::timestamptz[], $15::text[], $16::text[],
                $17::integer[], $18::integer[], $19::jsonb[], $20::timestamptz[])
         AS g (id, employer_id, template, ref, to_address, to_name, data, secret_purpose, secret_id,
               secret_n, secret_digits, unique_key, message_id, due_at, kind, queue,
               priority, attempts, about, run_at)
), owed AS (
    INSERT INTO mails (id, employer_id, template, ref, to_address, to_name, data, secret_purpose, secret_id,
                       secret_n, secret_digits, unique_key, message_id, created_at, due_at, state, ended_at)
    SELECT id, employer_id, template, ref, to_address, to_name, data, secret_purpose, secret_id,
           secret_n, secret_digits, unique_key, message_id, $21::timestamptz, due_at, $22::text,
           CASE WHEN $22 <> 'queued' THEN $21::timestamptz END
    FROM given
    ON CONFLICT (template, unique_key) WHERE unique_key IS NOT NULL DO NOTHING
    RETURNING id
)
SELECT river.enqueue(g.kind, g.queue, g.priority, g.attempts, jsonb_build_object('mailId', g.id), g.about, g.run_at, NULL)
FROM given g
JOIN owed ON owed.id = g.id
WHERE $22 = 'queued'`

// SendTx owes the messages in tx: they are sent if and only if it commits.
func (m *Mailer) SendTx(ctx context.Context, tx pgx.Tx, messages ...Message) error {
	if len(messages) == 0 {
		return nil
	}
	args, err := m.columns(messages)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, sqlOwe, args...); err != nil {
		return fmt.Errorf("owe mail %s: %w", messages[0].Template, err)
	}
	if m.pretend != Sent {
		return nil
	}
	for _, msg := range messages {
		if t, err := m.template(msg.Template); err == nil && t.Sent != nil {
			if err := t.Sent(ctx, tx, msg.Ref, m.clock.Now()); err != nil {
				return err
			}
		}
	}
	return nil
}

// Pretend has mail that is owed from now on taken for sent, or kept, at once: nothing of it leaves, whoever works on jobs. It is for
// example data; call it before anything else uses the mailer.
func (m *Mailer) Pretend(as State) { m.pretend = as }

// Queue is SendTx in a batch that is one transaction, for a use case that counts its round trips.
func (m *Mailer) Queue(b *pgx.Batch, messages ...Message) error {
	if len(messages) == 0 {
		return nil
	}
	args, err := m.columns(messages)
	if err != nil {
		return err
	}
	b.Queue(sqlOwe, args...)
	return nil
}

// columns are the messages as one array a column.
type columns struct {
	id                                              []uuid.UUID
	employer, ref, secretID                         []*uuid.UUID
	template, address, name, messageID, kind, queue []string
	data, about                                     []json.RawMessage
	purpose, unique                                 []*string
	n, priority, attempts                           []int
	digits                                          []bool
	due                                             []time.Time
	run                                             []*time.Time
}

func (m *Mailer) columns(messages []Message) ([]any, error) {
	// Two transactions that owe the same keys take them in one order, so that neither waits for the other for ever.
	messages = slices.Clone(messages)
	slices.SortStableFunc(messages, func(a, b Message) int { return cmp.Compare(a.Unique, b.Unique) })
	var c columns
	now := m.clock.Now()
	for _, msg := range messages {
		if err := m.add(&c, msg, now); err != nil {
			return nil, fmt.Errorf("owe mail %s: %w", msg.Template, err)
		}
	}
	return []any{
		c.id, c.employer, c.template, c.ref, c.address, c.name, c.data, c.purpose, c.secretID, c.n, c.digits, c.unique, c.messageID,
		c.due, c.kind, c.queue, c.priority, c.attempts, c.about, c.run, now, cmp.Or(m.pretend, Queued),
	}, nil
}

func (m *Mailer) add(c *columns, msg Message, now time.Time) error {
	t, err := m.template(msg.Template)
	if err != nil {
		return err
	}
	if msg.To == "" || len(msg.To) > maxAddress {
		return fmt.Errorf("an address of %d bytes", len(msg.To))
	}
	data := json.RawMessage("{}")
	if len(msg.Data) > 0 {
		if data, err = json.Marshal(msg.Data); err != nil {
			return err
		}
	}
	// The eight arguments, in the order of river.enqueue: kind, queue, priority, attempts, args, about, run_at, key.
	job, err := m.jobs.Arguments(jobs.Job{Kind: t.job(), EmployerID: msg.EmployerID, Priority: t.Priority, At: msg.At})
	if err != nil {
		return err
	}
	id := m.ids.ID()
	c.id, c.employer, c.ref = append(c.id, id), append(c.employer, orNull(msg.EmployerID)), append(c.ref, orNull(msg.Ref))
	c.template, c.messageID = append(c.template, t.Name), append(c.messageID, id.String()+"@"+m.host)
	c.address, c.name, c.data = append(c.address, msg.To), append(c.name, cut(oneLine(msg.ToName), maxToName)), append(c.data, data)
	c.purpose, c.secretID = append(c.purpose, textOrNull(msg.Secret.Purpose)), append(c.secretID, orNull(msg.Secret.ID))
	c.n, c.digits = append(c.n, msg.Secret.N), append(c.digits, msg.Secret.Digits)
	c.unique = append(c.unique, textOrNull(msg.Unique))
	due := now
	if msg.At.After(now) {
		due = msg.At
	}
	c.due = append(c.due, due)
	c.kind, c.queue = append(c.kind, job[0].(string)), append(c.queue, job[1].(string))
	c.priority, c.attempts = append(c.priority, job[2].(int)), append(c.attempts, job[3].(int))
	c.about, c.run = append(c.about, job[5].(json.RawMessage)), append(c.run, job[6].(*time.Time))
	return nil
}

func orNull(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

func textOrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// cut shortens s to n characters.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n])
}
