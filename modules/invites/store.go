package invites

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/pg"
	"credlane/app/kit/seal"
)

// Invite is a personal, expiring, revocable link to one assessment for one e-mail address.
type Invite struct {
	ID               uuid.UUID  `db:"id"`
	EmployerID       uuid.UUID  `db:"employer_id"`
	AssessmentID     uuid.UUID  `db:"assessment_id"`
	SubmissionID     *uuid.UUID `db:"submission_id"` // nil: not started
	Email            string     `db:"email"`
	Name             string     `db:"name"`
	Message          string     `db:"message"`
	DeclineReason    string     `db:"decline_reason"`
	ExtraTimePercent int        `db:"extra_time_percent"`
	Rotation         int        `db:"rotation"`
	CreatedAt        time.Time  `db:"created_at"`
	ExpiresAt        time.Time  `db:"expires_at"`
	SentAt           *time.Time `db:"sent_at"`
	FailedAt         *time.Time `db:"failed_at"`
	OpenedAt         *time.Time `db:"opened_at"`
	StartedAt        *time.Time `db:"started_at"`
	CompletedAt      *time.Time `db:"completed_at"`
	DeclinedAt       *time.Time `db:"declined_at"`
	RevokedAt        *time.Time `db:"revoked_at"`
	SupersededAt     *time.Time `db:"superseded_at"`
	ExpiredAt        *time.Time `db:"expired_at"`
	State            State      `db:"state"`
}

// stateOf is the one place where the state is derived. $1 is the time of the question: an overdue invite is expired whether or
// not somebody has noted it.
const stateOf = `CASE WHEN i.revoked_at IS NOT NULL THEN 'revoked'
            WHEN i.superseded_at IS NOT NULL THEN 'superseded'
            WHEN i.completed_at IS NOT NULL THEN 'completed'
            WHEN i.started_at IS NOT NULL THEN 'started'
            WHEN i.declined_at IS NOT NULL THEN 'declined'
            WHEN i.expired_at IS NOT NULL OR i.expires_at <= $1 THEN 'expired'
            WHEN i.opened_at IS NOT NULL THEN 'opened'
            WHEN i.sent_at IS NOT NULL THEN 'sent'
            ELSE 'created' END`

// live is the condition of invites_one_live: an address has one such invite to an assessment at most.
const live = `i.revoked_at IS NULL AND i.superseded_at IS NULL AND i.declined_at IS NULL AND i.expired_at IS NULL`

const (
	columns = `i.id, i.employer_id, i.assessment_id, i.submission_id, i.email, i.name, i.message, i.decline_reason, i.rotation,
       i.created_at, i.expires_at, i.sent_at, i.failed_at, i.opened_at, i.started_at, i.completed_at, i.declined_at, i.revoked_at,
       i.superseded_at, i.expired_at, ` + stateOf + ` AS state, `

	// Once it has begun, the submission says how much time there is; it may be changed there too.
	selectShown = `
SELECT ` + columns + `COALESCE(s.extra_time_percent, i.extra_time_percent) AS extra_time_percent`
	joinSubmission = `
  LEFT JOIN submissions s ON s.employer_id = i.employer_id AND s.id = i.submission_id`

	selectOwn = `
SELECT ` + columns + `i.extra_time_percent
  FROM invites i`
)

const sqlFindInvite = selectShown + `
  FROM invites i` + joinSubmission + `
 WHERE i.employer_id = $2 AND i.id = $3`

const sqlLockInvite = selectOwn + `
 WHERE i.employer_id = $2 AND i.id = $3
   FOR NO KEY UPDATE`

const sqlFindByToken = selectShown + `
  FROM invites i` + joinSubmission + `
 WHERE i.token_hash = $2 AND i.revoked_at IS NULL AND i.superseded_at IS NULL`

// Whoever comes second sees what the first one did: a revoked or rotated link is unknown after the wait.
const sqlLockByToken = selectOwn + `
 WHERE i.token_hash = $2 AND i.revoked_at IS NULL AND i.superseded_at IS NULL
   FOR NO KEY UPDATE`

func one(ctx context.Context, q pg.Querier, sql string, args ...any) (Invite, error) {
	i, err := pg.One[Invite](ctx, q, sql, args...)
	if errors.Is(err, pgx.ErrNoRows) {
		return i, ErrNotFound
	}
	return i, err
}

// find gives an invite of the employer as it is shown.
func (m *Module) find(ctx context.Context, q pg.Querier, employer, id uuid.UUID) (Invite, error) {
	i, err := one(ctx, q, sqlFindInvite, m.clock.Now(), employer, id)
	if err != nil {
		return i, fmt.Errorf("find invite %s: %w", id, err)
	}
	return i, nil
}

func (m *Module) findByToken(ctx context.Context, q pg.Querier, token string) (Invite, error) {
	i, err := one(ctx, q, sqlFindByToken, m.clock.Now(), seal.Hash(token))
	if err != nil {
		return i, fmt.Errorf("find the invite of a link: %w", err)
	}
	return i, nil
}

func (m *Module) lockByToken(ctx context.Context, tx pgx.Tx, token string, now time.Time) (Invite, error) {
	i, err := one(ctx, tx, sqlLockByToken, now, seal.Hash(token))
	if err != nil {
		return i, fmt.Errorf("hold the invite of a link: %w", err)
	}
	return i, nil
}

func lock(ctx context.Context, tx pgx.Tx, employer, id uuid.UUID, now time.Time) (Invite, error) {
	i, err := one(ctx, tx, sqlLockInvite, now, employer, id)
	if err != nil {
		return i, fmt.Errorf("lock invite %s: %w", id, err)
	}
	return i, nil
}

// ExtraTime is one change of the extra time before the start.
type ExtraTime struct {
	Percent int       `db:"extra_time_percent"`
	Reason  string    `db:"reason"` // may be empty where it came with the invite
	At      time.Time `db:"at"`
	By      uuid.UUID `db:"given_by"` // zero for the operator
	ByName  string    `db:"given_by_name"`
}

const sqlExtraTimes = `
SELECT x.extra_time_percent, x.reason, x.at, x.given_by,
       COALESCE((SELECT u.name FROM users u WHERE u.id = x.given_by AND x.given_by_kind = 'member'),
                (SELECT k.name FROM api_keys k WHERE k.id = x.given_by AND x.given_by_kind = 'api_key'), '') AS given_by_name
  FROM invite_extra_times x
 WHERE x.employer_id = $1 AND x.invite_id = $2
 ORDER BY x.id`

const sqlRememberTimes = `
INSERT INTO invite_extra_times (id, employer_id, invite_id, extra_time_percent, reason, given_by_kind, given_by, at)
SELECT n.id, $1, n.invite_id, n.percent, n.reason, $2, $3, $4
  FROM unnest($5::uuid[], $6::uuid[], $7::integer[], $8::text[]) AS n (id, invite_id, percent, reason)`

const sqlAssessmentExists = `SELECT EXISTS (SELECT FROM assessments WHERE employer_id = $1 AND id = $2)`
