package invites

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/audit"
	"credlane/app/kit/jobs"
	"credlane/app/kit/mail"
	"credlane/app/kit/pg"
)

const (
	kindRemind  = "invites.remind"
	remindEvery = 5 * time.Minute
	remindLimit = 2 * time.Minute // of one round; what is left waits for the next
	batch       = 500

	idleAfter  = 48 * time.Hour // without a start
	lastBefore = 24 * time.Hour // the expiry
)

func (m *Module) declareJobs(c *jobs.Client) {
	c.Handle(jobs.Kind{Name: kindRemind, Queue: jobs.Upkeep, Attempts: 3, Timeout: remindLimit, Work: m.remind})
	c.Repeat(jobs.Periodic{Kind: kindRemind, Every: remindEvery})
}

// remind notes which invites have expired and reminds those who have not started.
func (m *Module) remind(ctx context.Context, a *jobs.Attempt) error {
	for _, step := range []func(context.Context, pgx.Tx) (int, error){m.expireTx, m.remindLastTx, m.remindIdleTx} {
		for done := batch; done == batch; {
			err := a.InTx(ctx, func(tx pgx.Tx) (err error) {
				done, err = step(ctx, tx)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return a.Finish(ctx, nil)
}

// One that somebody holds, to start it perhaps, waits for the next round.
const sqlExpire = `
WITH overdue AS (
    SELECT i.id
      FROM invites i
     WHERE ` + live + ` AND i.started_at IS NULL AND i.expires_at <= $1
     ORDER BY i.expires_at
     LIMIT $2
       FOR NO KEY UPDATE SKIP LOCKED)
UPDATE invites i
   SET expired_at = $1
 WHERE i.id = ANY (ARRAY(SELECT overdue.id FROM overdue)) -- by the key: a join may read them all
RETURNING i.id, i.employer_id`

// expireTx notes a batch of invites that are overdue and gives how many they were.
func (m *Module) expireTx(ctx context.Context, tx pgx.Tx) (int, error) {
	now := m.clock.Now()
	rows, err := tx.Query(ctx, sqlExpire, now, batch)
	if err != nil {
		return 0, fmt.Errorf("expire invites: %w", err)
	}
	var events []audit.Event
	var i Invite
	_, err = pgx.ForEachRow(rows, []any{&i.ID, &i.EmployerID}, func() error {
		events = append(events, asJob(m.event(ctx, i, "expired", now)))
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("expire invites: %w", err)
	}
	return len(events), audit.WriteAll(ctx, tx, events...)
}

// awaited are the invites of assessments that remind, as long as they can be started.
const awaited = `
      FROM invites i
      JOIN assessments a ON a.employer_id = i.employer_id AND a.id = i.assessment_id
      JOIN assessment_versions v ON v.assessment_id = a.id AND v.number = a.current_version
     WHERE ` + live + ` AND i.started_at IS NULL AND a.reminders AND a.status = 'active'
       AND (a.opens_at IS NULL OR a.opens_at <= $1) AND (a.closes_at IS NULL OR a.closes_at > $1)`

// Nobody is reminded of the last day within a day of the invite itself.
const sqlRemindLast = `
WITH due AS (
    SELECT i.id, v.title` + awaited + `
       AND i.expires_at > $1 AND i.expires_at <= $2 AND i.reminded_expiry_at IS NULL AND i.sent_at <= $3
     ORDER BY i.expires_at
     LIMIT $4
       FOR NO KEY UPDATE OF i SKIP LOCKED)
UPDATE invites i
   SET reminded_expiry_at = $1
  FROM due
 WHERE i.id = due.id
RETURNING i.id, i.employer_id, i.email, i.name, i.rotation, i.expires_at, due.title`

// Who will be reminded of the last day soon is not reminded now.
const sqlRemindIdle = `
WITH due AS (
    SELECT i.id, v.title` + awaited + `
       AND i.sent_at <= $2 AND i.reminded_idle_at IS NULL AND i.expires_at > $3
     ORDER BY i.sent_at
     LIMIT $4
       FOR NO KEY UPDATE OF i SKIP LOCKED)
UPDATE invites i
   SET reminded_idle_at = $1
  FROM due
 WHERE i.id = due.id
RETURNING i.id, i.employer_id, i.email, i.name, i.rotation, i.expires_at, due.title`

// awaitedPerson is somebody to remind.
type awaitedPerson struct {
	ID         uuid.UUID `db:"id"`
	EmployerID uuid.UUID `db:"employer_id"`
	Email      string    `db:"email"`
	Name       string    `db:"name"`
	Rotation   int       `db:"rotation"`
	ExpiresAt  time.Time `db:"expires_at"`
	Title      string    `db:"title"`
}

func (m *Module) remindLastTx(ctx context.Context, tx pgx.Tx) (int, error) {
	now := m.clock.Now()
	due, err := pg.All[awaitedPerson](ctx, tx, sqlRemindLast, now, now.Add(lastBefore), now.Add(-lastBefore), batch)
	return m.remindTx(ctx, tx, due, err, "last", now)
}

func (m *Module) remindIdleTx(ctx context.Context, tx pgx.Tx) (int, error) {
	now := m.clock.Now()
	due, err := pg.All[awaitedPerson](ctx, tx, sqlRemindIdle, now, now.Add(-idleAfter), now.Add(lastBefore), batch)
	return m.remindTx(ctx, tx, due, err, "idle", now)
}

// remindTx owes the reminders, each once whatever happens: the mail's key says so beside the invite.
func (m *Module) remindTx(ctx context.Context, tx pgx.Tx, due []awaitedPerson, err error, why string, now time.Time) (int, error) {
	if err != nil || len(due) == 0 {
		return 0, err
	}
	messages, events := make([]mail.Message, len(due)), make([]audit.Event, len(due))
	for n, p := range due {
		i := Invite{ID: p.ID, EmployerID: p.EmployerID, Email: p.Email, Name: p.Name, Rotation: p.Rotation, ExpiresAt: p.ExpiresAt}
		messages[n] = m.letter(i, templateReminder, p.Title)
		messages[n].Data["last"], messages[n].Unique = why == "last", why+" "+p.ID.String()
		events[n] = asJob(m.event(ctx, i, "reminded", now))
		events[n].After = map[string]any{"why": why}
	}
	if err := m.mail.SendTx(ctx, tx, messages...); err != nil {
		return 0, fmt.Errorf("remind: %w", err)
	}
	return len(due), audit.WriteAll(ctx, tx, events...)
}
