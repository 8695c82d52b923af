package submissions

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/audit"
	"credlane/app/kit/authn"
	"credlane/app/kit/pg"
	"credlane/modules/submissions/internal/scoring"
)

// A submission ends in two round trips: BEGIN, lock and read; then close, audit and COMMIT. The version comes from
// memory before, so that no second connection is asked for while one is held.

// endColumns are who is told of the end, beside the candidate.
const endColumns = `name, email, invite_id, address_proved`

const sqlEndable = `
SELECT ` + attemptColumns + `, ` + endColumns + `
FROM submissions
WHERE id = $1`

const sqlLockAttempt = sqlEndable + `
FOR NO KEY UPDATE`

// passed is the database's own comparison of the score with the version's threshold, copied at the start.
const sqlEndSubmission = `
UPDATE submissions
SET status = $2, submitted_at = $3, points = $4, score = $5, passed = ($5 >= passing_score), credits = $6
WHERE id = $1`

// Submit ends the caller's attempt and scores it. Faults, each with the receipt: ErrAlreadySubmitted, ErrDeadlinePassed; and
// ErrSessionTaken, ErrUnauthenticated when the attempt was voided.
func (m *Module) Submit(ctx context.Context) (Receipt, error) {
	p, now := authn.From(ctx), m.Clock.Now()
	v, err := m.versions.get(ctx, p.VersionID)
	if err != nil {
		return Receipt{}, err
	}
	late := false
	a, err := m.end(ctx, p.SubmissionID, sqlLockAttempt, []any{p.SubmissionID}, v, now, func(a attempt) (Status, error) {
		if err := a.admit(p); err != nil {
			return "", err
		}
		switch late = a.overdue(now); {
		case a.Status == Submitted:
			return "", ErrAlreadySubmitted.WithExtra("submission", a.receipt())
		case a.Status == Expired:
			return "", ErrDeadlinePassed.WithExtra("submission", a.receipt())
		case late:
			return Expired, nil
		}
		return Submitted, nil
	})
	switch {
	case err != nil:
		return Receipt{}, err
	case late:
		return Receipt{}, ErrDeadlinePassed.WithExtra("submission", a.receipt())
	}
	return a.receipt(), nil
}

// The two ways to meet a row that somebody else holds: wait, or leave it to them.
const (
	sqlLockOverdue = sqlEndable + ` AND status = 'in_progress' AND deadline_at < $2
FOR NO KEY UPDATE`
	sqlLockOverdueIfFree = sqlLockOverdue + ` SKIP LOCKED`
)

// expireOverdue ends an attempt as of its deadline if now is past deadline and grace: whatever touches a submission calls it
// first. It waits for whoever holds the row, and is false when there is nothing to do (any more).
func (m *Module) expireOverdue(ctx context.Context, id, versionID uuid.UUID, now time.Time) (bool, error) {
	return m.expire(ctx, sqlLockOverdue, id, versionID, now)
}

func (m *Module) expire(ctx context.Context, lock string, id, versionID uuid.UUID, now time.Time) (bool, error) {
	v, err := m.versions.get(ctx, versionID)
	if err != nil {
		return false, err
	}
	_, err = m.end(ctx, id, lock, []any{id, cutoff(now)}, v, now, func(attempt) (Status, error) { return Expired, nil })
	if errors.Is(err, authn.ErrUnauthenticated) { // the lock found no such row
		return false, nil
	}
	return err == nil, err
}

// end locks the row that lock finds, asks decide, and closes it. decide's error leaves it as it is.
func (m *Module) end(ctx context.Context, id uuid.UUID, lock string, args []any, v *version, now time.Time,
	decide func(attempt) (Status, error)) (attempt, error) {
	conn, err := m.DB.Acquire(ctx)
	if err != nil {
		return attempt{}, fmt.Errorf("end submission %s: %w", id, err)
	}
	// A connection whose transaction is still open is destroyed here, which rolls it back.
	defer conn.Release()
	a, answers, err := lockAttempt(ctx, conn, lock, id, args)
	if err == nil {
		a.Status, err = decide(a)
	}
	if err != nil {
		return attempt{}, errors.Join(err, rollback(ctx, conn))
	}
	if err := m.close(ctx, conn, &a, v, answers, now); err != nil {
		return attempt{}, fmt.Errorf("end submission %s: %w", id, constraints.Translate(err))
	}
	m.Counters.SubmissionEnded(a.Status)
	return a, nil
}

func lockAttempt(ctx context.Context, conn *pg.Conn, lock string, id uuid.UUID, args []any) (attempt, []storedAnswer, error) {
	var b pgx.Batch
	b.Queue("BEGIN")
	b.Queue(lock, args...)
	b.Queue(sqlAnswers, id) // a statement of its own, so that it sees what the lock had to wait for
	results := conn.SendBatch(ctx, &b)
	if _, err := results.Exec(); err != nil {
		return attempt{}, nil, errors.Join(err, closeBatch(results, err))
	}
	a, answers, err := scanAttempt(results, endedHere)
	return a, answers, errors.Join(err, closeBatch(results, err))
}

// rollback is only the quick way out: where it fails, the connection is destroyed.
func rollback(ctx context.Context, conn *pg.Conn) error {
	if conn.Conn().IsClosed() {
		return nil
	}
	_, err := conn.Exec(ctx, "ROLLBACK")
	return err
}

// close scores what was saved and ends the row, as of the deadline at the latest: the grace is never shown.
func (m *Module) close(ctx context.Context, conn *pg.Conn, a *attempt, v *version, answers []storedAnswer, now time.Time) error {
	at := now
	if a.Status == Expired || at.After(a.DeadlineAt) {
		at = a.DeadlineAt
	}
	if at.Before(a.StartedAt) { // the clock of the instance that started it was ahead of ours
		at = a.StartedAt
	}
	a.SubmittedAt = &at
	marked := make([]scoring.Given, len(answers))
	for i, s := range answers {
		marked[i] = scoring.Given{QuestionID: s.QuestionID, Answer: jsonOrNull(s.Answer)}
	}
	result := v.marking.paper.Score(marked)

	var b pgx.Batch
	b.Queue(sqlEndSubmission, a.ID, a.Status, at, result.Points, result.Score, v.marking.credits(answers, result.Credits))
	if err := audit.Queue(ctx, &b, m.ended(ctx, *a, now)); err != nil {
		return err
	}
	if err := m.queueTold(&b, *a, v, now); err != nil {
		return err
	}
	b.Queue("COMMIT")
	return conn.SendBatch(ctx, &b).Close()
}

// queueTold tells of an end whoever is to know: the invite, other systems, and the candidate, if the address is proved to be
// theirs. Of one that came by the public link nothing is known but what was typed, and a stranger must not make us mail anyone.
func (m *Module) queueTold(b *pgx.Batch, a attempt, v *version, now time.Time) error {
	if a.InviteID != nil && m.Invitations != nil {
		m.Invitations.QueueCompleted(b, *a.InviteID, now)
	}
	if m.Events != nil {
		how := eventSubmitted
		if a.Status == Expired {
			how = eventExpired
		}
		if err := m.Events.Queue(b, a.EmployerID, a.ID, now, how, eventScored); err != nil {
			return err
		}
	}
	if a.AddressProved && m.Mail != nil {
		return m.Mail.Queue(b, received(a, v.booklet.Title))
	}
	return nil
}

func (m *Module) ended(ctx context.Context, a attempt, now time.Time) audit.Event {
	if a.Status == Submitted {
		return m.event(ctx, a, "submission.submitted", audit.Actor{Kind: "candidate", ID: a.ID}, now)
	}
	return m.event(ctx, a, "submission.expired", audit.Job, now)
}
