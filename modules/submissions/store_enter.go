package submissions

import (
	"context"

	"github.com/google/uuid"

	"credlane/app/kit/pg"
)

// The one attempt of an address at an assessment.
const sqlFindOwn = `
SELECT s.id
  FROM submissions s
 WHERE s.assessment_id = $1 AND s.candidate_user_id = (SELECT u.id FROM users u WHERE lower(u.email) = lower($2))`

// FOR NO KEY UPDATE, as whatever ends it or moves its deadline takes it.
const sqlLockOwn = `
SELECT s.status, s.started_at, s.deadline_at, s.extra_time_percent
  FROM submissions s
 WHERE s.id = $1
   FOR NO KEY UPDATE`

const sqlLengthen = `
UPDATE submissions
   SET extra_time_percent = $2, deadline_at = $3
 WHERE id = $1`

// An attempt stays with the invite that it was tied to first.
const sqlResume = `
UPDATE submissions
   SET session_number = session_number + 1, address_proved = true, invite_id = COALESCE(invite_id, $2)
 WHERE id = $1
RETURNING ` + attemptColumns + `, layout`

// findOwn is pgx.ErrNoRows when the address has no attempt.
func findOwn(ctx context.Context, q pg.Querier, assessment uuid.UUID, email string) (id uuid.UUID, err error) {
	err = q.QueryRow(ctx, sqlFindOwn, assessment, email).Scan(&id)
	return id, err
}

const sqlVersionOf = `SELECT s.version_id FROM submissions s WHERE s.id = $1`

// findVersionOf is pgx.ErrNoRows when there is no such attempt.
func findVersionOf(ctx context.Context, q pg.Querier, id uuid.UUID) (version uuid.UUID, err error) {
	err = q.QueryRow(ctx, sqlVersionOf, id).Scan(&version)
	return version, err
}
