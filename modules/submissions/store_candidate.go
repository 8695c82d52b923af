package submissions

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/authn"
	"credlane/modules/submissions/internal/booklet"
)

// attempt is a submission as its candidate may see it: the columns of a score are not among them.
type attempt struct {
	ID               uuid.UUID      `db:"id"`
	EmployerID       uuid.UUID      `db:"employer_id"`
	AssessmentID     uuid.UUID      `db:"assessment_id"`
	VersionID        uuid.UUID      `db:"version_id"`
	SessionNumber    int            `db:"session_number"`
	Status           Status         `db:"status"`
	ExtraTimePercent int            `db:"extra_time_percent"`
	StartedAt        time.Time      `db:"started_at"`
	DeadlineAt       time.Time      `db:"deadline_at"`
	SubmittedAt      *time.Time     `db:"submitted_at"`
	Layout           booklet.Layout `db:"layout"` // not read when the attempt is ended

	// Written at the start, and read when the attempt is ended alone.
	Name          string     `db:"name"`
	Email         string     `db:"email"`
	InviteID      *uuid.UUID `db:"invite_id"`
	AddressProved bool       `db:"address_proved"`
}

// overdue tells whether nothing may be added at now: the deadline and the grace have passed.
func (a attempt) overdue(now time.Time) bool { return a.DeadlineAt.Before(cutoff(now)) }

// cutoff is the earliest deadline that still takes what arrives at now.
func cutoff(now time.Time) time.Time { return now.Add(-Grace) }

// storedAnswer is one answer as it was saved; Answer is nil when it was cleared.
type storedAnswer struct {
	QuestionID uuid.UUID `db:"question_id"`
	Answer     []byte    `db:"answer"`
	Sequence   int64     `db:"sequence"`
	Flagged    bool      `db:"flagged"`
	SavedAt    time.Time `db:"saved_at"`
}

const attemptColumns = `id, employer_id, assessment_id, version_id, session_number, status, extra_time_percent,
       started_at, deadline_at, submitted_at`

const sqlAttempt = `
SELECT ` + attemptColumns + `, layout
FROM submissions
WHERE id = $1`

const sqlAnswers = `
SELECT question_id, answer, sequence, flagged, saved_at
FROM submission_answers
WHERE submission_id = $1
ORDER BY question_id`

// readAttempt reads a submission and its answers in one round trip. No such submission is ErrUnauthenticated: it was voided.
func (m *Module) readAttempt(ctx context.Context, id uuid.UUID) (attempt, []storedAnswer, error) {
	var b pgx.Batch
	b.Queue(sqlAttempt, id)
	b.Queue(sqlAnswers, id)
	results := m.DB.SendBatch(ctx, &b)
	a, answers, err := scanAttempt(results, laidOut)
	return a, answers, errors.Join(err, closeBatch(results, err))
}

// closeBatch closes results; after an error that was already reported, its echo is not a second one.
func closeBatch(results pgx.BatchResults, reported error) error {
	if err := results.Close(); err != nil && reported == nil {
		return err
	}
	return nil
}

// What a statement reads after attemptColumns.
type reading int

const (
	laidOut   reading = iota // the layout
	endedHere                // endColumns
)

// scanAttempt reads by position, in the order of attemptColumns, what follows them and sqlAnswers: every fetch passes here, and
// finding the fields by name was a twelfth of its processor time.
func scanAttempt(results pgx.BatchResults, how reading) (attempt, []storedAnswer, error) {
	var a attempt
	var layout []byte
	to := [...]any{&a.ID, &a.EmployerID, &a.AssessmentID, &a.VersionID, &a.SessionNumber, &a.Status, &a.ExtraTimePercent,
		&a.StartedAt, &a.DeadlineAt, &a.SubmittedAt, &layout, nil, nil, nil}
	columns := to[:11]
	if how == endedHere {
		columns = append(to[:10], &a.Name, &a.Email, &a.InviteID, &a.AddressProved)
	}
	err := results.QueryRow().Scan(columns...)
	if errors.Is(err, pgx.ErrNoRows) {
		return attempt{}, nil, authn.ErrUnauthenticated.Because(err)
	}
	if err == nil && how == laidOut {
		err = a.Layout.UnmarshalJSON(layout)
	}
	if err != nil {
		return attempt{}, nil, fmt.Errorf("read the submission: %w", err)
	}
	rows, _ := results.Query() // its error comes again from the collector
	answers, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r storedAnswer, err error) {
		err = row.Scan(&r.QuestionID, &r.Answer, &r.Sequence, &r.Flagged, &r.SavedAt)
		return r, err
	})
	if err != nil {
		return attempt{}, nil, fmt.Errorf("read the answers: %w", err)
	}
	return a, answers, nil
}

// The user stands since the statement before, in the same transaction.
const sqlInsertSubmission = `
INSERT INTO submissions (id, employer_id, assessment_id, version_id, candidate_user_id, name, email, consent_at,
                         notice_version, layout, started_at, deadline_at, points_total, passing_score,
                         extra_time_percent, invite_id, address_proved)
VALUES ($1, $2, $3, $4, (SELECT id FROM users WHERE lower(email) = lower($5)), $6, $7, $8, $9, $10, $8, $11, $12, $13,
        $14, $15, $16)`
