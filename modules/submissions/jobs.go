package submissions

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/jobs"
	"credlane/app/kit/mail"
	"credlane/app/kit/pg"
)

// The kinds of jobs.
const (
	jobDigest = "submissions.digest"
	jobTidy   = "submissions.tidy"
)

func (m *Module) declareJobs() {
	if m.Jobs == nil {
		return
	}
	m.Jobs.Handle(jobs.Kind{
		Name: jobTidy, Queue: jobs.Upkeep, Priority: jobs.Late, Attempts: 3, Timeout: time.Minute,
		Work: func(ctx context.Context, a *jobs.Attempt) error {
			if err := m.sweepCodes(ctx); err != nil {
				return err
			}
			return a.Finish(ctx, nil)
		},
	})
	m.Jobs.Repeat(jobs.Periodic{Kind: jobTidy, Every: time.Hour})
	if m.Members == nil || m.Mail == nil {
		return
	}
	m.Jobs.Handle(jobs.Kind{
		Name: jobDigest, Queue: jobs.Upkeep, Priority: jobs.Late, Attempts: 3, Timeout: 2 * time.Minute,
		Work: func(ctx context.Context, a *jobs.Attempt) error {
			if err := m.digests(ctx, a.InTx); err != nil {
				return err
			}
			return a.Finish(ctx, nil)
		},
	})
	m.Jobs.Repeat(jobs.Periodic{Kind: jobDigest, Every: time.Hour})
}

const (
	digestEvery = 24 * time.Hour
	// What ended has been committed for sure after so long.
	digestSettles = time.Minute
	// How far back news are looked for: a day until an employer may be told again, and one that the program may be away.
	digestReach = 2 * digestEvery
)

// inTx runs a part of a job's work in a transaction.
type inTx func(ctx context.Context, fn func(tx pgx.Tx) error) error

// From those with news, and the longest untold first: a pass that is broken off goes on with whom it did not reach.
const sqlDigestsDue = `
SELECT e.employer_id, d.until
  FROM (SELECT DISTINCT a.employer_id FROM audit_events a
         WHERE a.id >= $1 AND a.id < $2 AND a.action IN ('submission.submitted', 'submission.expired')) e
  LEFT JOIN submission_digests d ON d.employer_id = e.employer_id
 WHERE d.sent_at IS NULL OR d.sent_at <= $3
 ORDER BY d.until NULLS FIRST, e.employer_id`

type digestDue struct {
	Employer uuid.UUID  `db:"employer_id"`
	Until    *time.Time `db:"until"` // nil: never told
}

func (m *Module) digestsDue(ctx context.Context, now time.Time) ([]digestDue, error) {
	return pg.All[digestDue](ctx, m.DB, sqlDigestsDue, firstID(now.Add(-digestReach)), firstID(now.Add(-digestSettles)), now.Add(-digestEvery))
}

// digests tells the members of every employer who want it how many new submissions there are, at most once a day. An employer
// whose turn fails does not take the others'.
func (m *Module) digests(ctx context.Context, in inTx) error {
	now := m.Clock.Now()
	due, err := m.digestsDue(ctx, now)
	if err != nil {
		return fmt.Errorf("list digests: %w", err)
	}
	var failed error
	for _, d := range due {
		if err := m.digest(ctx, in, d, now); err != nil {
			failed = errors.Join(failed, fmt.Errorf("digest of employer %s: %w", d.Employer, err))
		}
		if errors.Is(failed, jobs.ErrSuperseded) || ctx.Err() != nil {
			break
		}
	}
	return failed
}

// The trail has the ends in the order in which they were noted, and by its key; a time of their own would not do: an attempt ends
// as of its deadline, which a server that was away finds out late.
const sqlNewlyEnded = `
SELECT a.title, count(*) AS ended
  FROM audit_events e
  JOIN submissions s ON s.employer_id = e.employer_id AND s.id = e.object_id
  JOIN assessments a ON a.id = s.assessment_id
 WHERE e.employer_id = $1 AND e.id >= $2 AND e.id < $3 AND e.action IN ('submission.submitted', 'submission.expired')
 GROUP BY a.id, a.title
 ORDER BY count(*) DESC, a.id`

type newlyEnded struct {
	Title string `db:"title"`
	Ended int    `db:"ended"`
}

// Of two that tell the same, one finds the time that it began from.
const sqlDigestDone = `
INSERT INTO submission_digests AS d (employer_id, until, sent_at)
VALUES ($1, $2, $3)
ON CONFLICT (employer_id) DO UPDATE
   SET until = excluded.until, sent_at = COALESCE(excluded.sent_at, d.sent_at)
 WHERE d.until = $4`

// digest tells the members of one employer, if there is something to tell.
func (m *Module) digest(ctx context.Context, in inTx, d digestDue, now time.Time) error {
	until := now.Add(-digestSettles)
	from := now.Add(-digestReach)
	if d.Until != nil && d.Until.After(from) {
		from = *d.Until
	}
	if !until.After(from) {
		return nil
	}
	ended, err := pg.All[newlyEnded](ctx, m.DB, sqlNewlyEnded, d.Employer, firstID(from), firstID(until))
	if err != nil || len(ended) == 0 {
		return err
	}
	members, err := m.Members.DigestAddresses(ctx, d.Employer)
	if err != nil {
		return err
	}
	var messages []mail.Message
	for _, to := range members {
		messages = append(messages, digestMail(d.Employer, to, ended, until))
	}
	var sent *time.Time // stays as it was when nobody wants to be told
	if len(messages) > 0 {
		sent = &now
	}
	return in(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sqlDigestDone, d.Employer, until, sent, d.Until)
		if err != nil || tag.RowsAffected() == 0 || len(messages) == 0 {
			return err
		}
		return m.Mail.SendTx(ctx, tx, messages...)
	})
}

func digestMail(employer uuid.UUID, to DigestAddress, ended []newlyEnded, until time.Time) mail.Message {
	data, total := map[string]any{}, 0
	for i, e := range ended {
		total += e.Ended
		if i < longestDigest {
			data[digestLine(i)] = fmt.Sprintf("%s: %d", e.Title, e.Ended)
		}
	}
	if more := len(ended) - longestDigest; more > 0 {
		data[digestLine(longestDigest)] = fmt.Sprintf("and in %d more", more)
	}
	data["total"] = strconv.Itoa(total)
	return mail.Message{
		Template: mailDigest, EmployerID: employer, To: to.Email, ToName: to.Name, Ref: employer, Data: data,
		Unique: to.UserID.String() + " " + until.UTC().Format(time.RFC3339Nano),
	}
}

// firstID is before every id that was made at t or later, and after every one that was made a millisecond earlier (UUIDv7).
func firstID(t time.Time) uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(t.UnixMilli())<<16)
	return id
}
