package submissions

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/pg"
)

// FOR NO KEY UPDATE, as submit and expiry take it: whoever comes second sees what the first one did.
const sqlLockForTime = `
SELECT s.status, s.started_at, s.deadline_at, s.extra_time_percent
  FROM submissions s
 WHERE s.employer_id = $1 AND s.id = $2
   FOR NO KEY UPDATE`

const sqlGiveTime = `
UPDATE submissions
   SET extra_time_percent = $3, deadline_at = $4
 WHERE employer_id = $1 AND id = $2`

const sqlRememberTime = `
INSERT INTO submission_extra_times (id, employer_id, submission_id, extra_time_percent, deadline_at, reason, given_by_kind, given_by, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

const sqlLockJudgement = `
SELECT s.note, s.tags, s.decision, s.decided_by, s.decided_at
  FROM submissions s
 WHERE s.employer_id = $1 AND s.id = $2
   FOR NO KEY UPDATE`

const sqlJudge = `
UPDATE submissions
   SET note = $3, tags = $4, decision = $5, decided_by = $6, decided_at = $7
 WHERE employer_id = $1 AND id = $2`

// FOR UPDATE waits for saves under way, so that none is acknowledged and then missing in what is kept.
const sqlLockToVoid = `
SELECT s.assessment_id
  FROM submissions s
 WHERE s.employer_id = $1 AND s.id = $2
   FOR UPDATE`

const sqlKeepVoided = `
INSERT INTO voided_submissions (id, employer_id, assessment_id, submission, answers, voided_by, reason, voided_at)
SELECT s.id, s.employer_id, s.assessment_id,
       to_jsonb(s) || jsonb_build_object('extra_times',
           COALESCE((SELECT jsonb_agg(to_jsonb(x) ORDER BY x.id)
                       FROM submission_extra_times x
                      WHERE x.employer_id = s.employer_id AND x.submission_id = s.id), '[]')),
       COALESCE((SELECT jsonb_agg(to_jsonb(a) ORDER BY a.question_id)
                   FROM submission_answers a
                  WHERE a.submission_id = s.id), '[]'),
       $3, $4, $5
  FROM submissions s
 WHERE s.employer_id = $1 AND s.id = $2`

// The answers go with their submission; a delete of their own would be refused once it has ended.
const sqlDeleteSubmission = `DELETE FROM submissions WHERE employer_id = $1 AND id = $2`

// clockState is what extra time changes.
type clockState struct {
	Status   Status    `db:"status"`
	Started  time.Time `db:"started_at"`
	Deadline time.Time `db:"deadline_at"`
	Percent  int       `db:"extra_time_percent"`
}

// judgement is what people think of a submission.
type judgement struct {
	Note      string     `db:"note"`
	Tags      []string   `db:"tags"`
	Decision  *string    `db:"decision"`
	DecidedBy *uuid.UUID `db:"decided_by"`
	DecidedAt *time.Time `db:"decided_at"`
}

func lockForTime(ctx context.Context, tx pgx.Tx, employer, id uuid.UUID) (clockState, error) {
	s, err := pg.One[clockState](ctx, tx, sqlLockForTime, employer, id)
	return s, absent(err)
}

func lockJudgement(ctx context.Context, tx pgx.Tx, employer, id uuid.UUID) (judgement, error) {
	j, err := pg.One[judgement](ctx, tx, sqlLockJudgement, employer, id)
	return j, absent(err)
}

// absent turns "no row" into ErrSubmissionNotFound.
func absent(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrSubmissionNotFound
	}
	return err
}

// moveToVoided keeps the submission whole and deletes it; it gives the assessment that it was of.
func moveToVoided(ctx context.Context, tx pgx.Tx, employer, id, by uuid.UUID, reason string, now time.Time) (assessment uuid.UUID, err error) {
	if err := tx.QueryRow(ctx, sqlLockToVoid, employer, id).Scan(&assessment); err != nil {
		return uuid.Nil, absent(err)
	}
	if _, err := tx.Exec(ctx, sqlKeepVoided, employer, id, by, reason, now); err != nil {
		return uuid.Nil, constraints.Translate(err)
	}
	_, err = tx.Exec(ctx, sqlDeleteSubmission, employer, id)
	return assessment, err
}
