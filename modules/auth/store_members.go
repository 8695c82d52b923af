package auth

import (
	"time"

	"github.com/google/uuid"
)

// Member is one person who works for the employer.
type Member struct {
	ID              uuid.UUID  `db:"id"`
	UserID          uuid.UUID  `db:"user_id"`
	Name            string     `db:"name"`
	Email           string     `db:"email"`
	EmailVerifiedAt *time.Time `db:"email_verified_at"`
	Role            string     `db:"role"`
	CreatedAt       time.Time  `db:"created_at"`
}

// Invitation is an open offer of a membership.
type Invitation struct {
	ID        uuid.UUID `db:"id"`
	Email     string    `db:"email"`
	Role      string    `db:"role"`
	CreatedAt time.Time `db:"created_at"`
	ExpiresAt time.Time `db:"expires_at"`
}

const sqlListMembers = `
SELECT m.id, m.user_id, u.name, u.email, u.email_verified_at, m.role, m.created_at
FROM memberships m
JOIN users u ON u.id = m.user_id
WHERE m.employer_id = $1 AND m.id > $2
ORDER BY m.id
LIMIT $3`

const sqlFindMember = `
SELECT m.id, m.user_id, u.name, u.email, u.email_verified_at, m.role, m.created_at
FROM memberships m
JOIN users u ON u.id = m.user_id
WHERE m.id = $1`

const maxOpenInvitations = 200

const sqlListInvitations = `
SELECT id, email, role, created_at, expires_at
FROM member_invitations
WHERE employer_id = $1 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > $2
ORDER BY id DESC
LIMIT 200`

const sqlLockEmployer = `SELECT id FROM employers WHERE id = $1 FOR NO KEY UPDATE`

// An overdue invitation would still hold its place in the unique index.
const sqlRevokeOverdueInvitation = `
UPDATE member_invitations SET revoked_at = $3
WHERE employer_id = $1 AND lower(email) = lower($2) AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at <= $3`

const sqlJudgeInvitation = `
SELECT EXISTS (
           SELECT FROM users u
           JOIN memberships m ON m.user_id = u.id
           WHERE lower(u.email) = lower($2) AND m.employer_id = $1
       ),
       (SELECT count(*) FROM member_invitations
        WHERE employer_id = $1 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > $3)`

const sqlInsertInvitation = `
INSERT INTO member_invitations (id, employer_id, email, role, token_hash, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)`

const sqlRevokeInvitation = `
UPDATE member_invitations SET revoked_at = $3
WHERE id = $1 AND employer_id = $2 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > $3
RETURNING role`

// Who invited stands in the audit trail, in the row that the invitation was written with.
const sqlWithdrawInvitations = `
UPDATE member_invitations i SET revoked_at = $4
WHERE i.employer_id = $1 AND i.role = ANY ($3::text[]) AND i.accepted_at IS NULL AND i.revoked_at IS NULL
  AND EXISTS (
      SELECT FROM audit_events a
      WHERE a.employer_id = $1 AND a.object_id = i.id AND a.action = 'invitation.created'
        AND (a.actor_id = $2 OR a.actor_id IN (SELECT k.id FROM api_keys k WHERE k.employer_id = $1 AND k.created_by = $2)))`

type lockedMembership struct {
	ID     uuid.UUID `db:"id"`
	UserID uuid.UUID `db:"user_id"`
	Role   string    `db:"role"`
}

const sqlLockMemberships = `
SELECT id, user_id, role
FROM memberships
WHERE employer_id = $1 AND id = ANY ($2)
ORDER BY id
FOR NO KEY UPDATE`

const sqlChangeRole = `UPDATE memberships SET role = $2 WHERE id = $1`

const sqlDeleteMembership = `DELETE FROM memberships WHERE id = $1`

const sqlRevokeKeysOf = `
UPDATE api_keys SET revoked_at = $3
WHERE employer_id = $1 AND created_by = $2 AND revoked_at IS NULL`

type invited struct {
	EmployerID   uuid.UUID  `db:"employer_id"`
	Organization string     `db:"organization"`
	Email        string     `db:"email"`
	Role         string     `db:"role"`
	UserID       *uuid.UUID `db:"user_id"`
	PasswordHash *string    `db:"password_hash"`
}

const sqlFindInvited = `
SELECT i.employer_id, e.name AS organization, i.email, i.role, u.id AS user_id, u.password_hash
FROM member_invitations i
JOIN employers e ON e.id = i.employer_id
LEFT JOIN users u ON lower(u.email) = lower(i.email)
WHERE i.token_hash = $1 AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > $2`

const sqlAcceptInvitation = `
UPDATE member_invitations SET accepted_at = $2
WHERE token_hash = $1 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > $2
RETURNING id`
