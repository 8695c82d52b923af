package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/authn"
	"credlane/app/kit/pg"
)

// User is one person.
type User struct {
	ID              uuid.UUID
	Email           string
	Name            string
	EmailVerifiedAt *time.Time
	CreatedAt       time.Time
	Digest          bool // whether they are told once a day of new submissions
}

// Employer is an organisation that owns assessments.
type Employer struct {
	ID                    uuid.UUID `db:"id"`
	Name                  string    `db:"name"`
	Slug                  string    `db:"slug"`
	ActiveAssessmentLimit int       `db:"active_assessment_limit"`
	PrivacyNotice         string    `db:"privacy_notice"`
	PrivacyNoticeVersion  int       `db:"privacy_notice_version"`
	ReplyTo               *string   `db:"reply_to"`
	CreatedAt             time.Time `db:"created_at"`
	UpdatedAt             time.Time `db:"updated_at"`
}

// Account is a member: the person, the employer and the role.
type Account struct {
	User     User
	Employer Employer
	Role     authn.Role
}

const sqlFindAccount = `
SELECT u.id, u.email, u.name, u.email_verified_at, u.created_at, u.digest, m.role, e.id, e.name, e.slug
FROM users u
JOIN memberships m ON m.user_id = u.id
JOIN employers e ON e.id = m.employer_id
WHERE u.id = $1`

// findAccount reads who a member is; of the employer only what a sign-in shows.
func findAccount(ctx context.Context, q pg.Querier, user uuid.UUID) (Account, error) {
	var a Account
	var role string
	err := q.QueryRow(ctx, sqlFindAccount, user).Scan(&a.User.ID, &a.User.Email, &a.User.Name, &a.User.EmailVerifiedAt,
		&a.User.CreatedAt, &a.User.Digest, &role, &a.Employer.ID, &a.Employer.Name, &a.Employer.Slug)
	if err != nil {
		return Account{}, fmt.Errorf("find the account: %w", err)
	}
	a.Role, err = authn.ParseRole(role)
	return a, err
}

// Whoever registers first takes this lock, and everyone else waits until the first owner is there or is not.
const sqlLockFirstOwner = `SELECT pg_advisory_xact_lock(hashtextextended('credlane first owner', 0))`

const sqlOwnerExists = `SELECT EXISTS (SELECT FROM memberships WHERE role = 'owner')`

const sqlInsertEmployer = `
INSERT INTO employers (id, name, slug, created_at, updated_at)
VALUES ($1, $2, $3, $4, $4)`

const sqlInsertMembership = `
INSERT INTO memberships (id, employer_id, user_id, role, created_at)
VALUES ($1, $2, $3, $4, $5)`

const sqlInsertUser = `
INSERT INTO users (id, email, name, password_hash, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $5)`

func insertUser(ctx context.Context, tx pgx.Tx, id uuid.UUID, email, name string, hash *string, now time.Time) error {
	if _, err := tx.Exec(ctx, sqlInsertUser, id, email, name, hash, now); err != nil {
		return fmt.Errorf("add a user: %w", err)
	}
	return nil
}

// It waits for whoever is making the same address, so that the next statement sees that user.
const sqlInsertCandidate = `
INSERT INTO users (id, email, name, created_at, updated_at)
VALUES ($1, $2, $3, $4, $4)
ON CONFLICT (lower(email)) DO NOTHING`

const sqlFindPassword = `SELECT password_hash FROM users WHERE id = $1`

const sqlSetPassword = `
UPDATE users SET password_hash = $2, updated_at = $3 WHERE id = $1`

const sqlSetFirstPassword = `
UPDATE users SET name = $2, password_hash = $3, updated_at = $4 WHERE id = $1 AND password_hash IS NULL`

// A null argument leaves its column alone.
const sqlChangeUser = `
UPDATE users SET name = coalesce($2, name), digest = coalesce($3, digest), updated_at = $4 WHERE id = $1`

const sqlFindEmployer = `
SELECT id, name, slug, active_assessment_limit, privacy_notice, privacy_notice_version, reply_to, created_at, updated_at
FROM employers
WHERE id = $1`

// A null argument leaves its column alone; an empty reply-to removes it. Only another text is another version of the notice.
const sqlUpdateEmployer = `
UPDATE employers
SET name = coalesce($2, name),
    privacy_notice_version = privacy_notice_version + (coalesce($3, privacy_notice) <> privacy_notice)::int,
    privacy_notice = coalesce($3, privacy_notice),
    reply_to = CASE WHEN $4::text IS NULL THEN reply_to ELSE nullif($4, '') END,
    updated_at = $5
WHERE id = $1
RETURNING id, name, slug, active_assessment_limit, privacy_notice, privacy_notice_version, reply_to, created_at, updated_at`
