package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// linked is the member whom a link was made for.
type linked struct {
	UserID     uuid.UUID `db:"user_id"`
	EmployerID uuid.UUID `db:"employer_id"`
	Email      string    `db:"email"`
	Name       string    `db:"name"`
	Known      bool      `db:"known"` // false: nobody has the address, and somebody stands in until the rollback
}

// Only members get links: a candidate has no password to lose. For an address of nobody the statement does the same by a member
// who stands in, so that no stopwatch tells it from one that is known: whoever runs it rolls that back.
const sqlInsertUserToken = `
WITH member AS (
    SELECT id, employer_id, email, name, known
    FROM (SELECT u.id, m.employer_id, u.email, u.name, true AS known
          FROM users u
          JOIN memberships m ON m.user_id = u.id
          WHERE lower(u.email) = lower($2)
          UNION ALL
          (SELECT u.id, m.employer_id, u.email, u.name, false
           FROM memberships m
           JOIN users u ON u.id = m.user_id
           ORDER BY m.user_id
           LIMIT 1)) either
    ORDER BY known DESC
    LIMIT 1
), made AS (
    INSERT INTO user_tokens (id, user_id, purpose, token_hash, created_at, expires_at)
    SELECT $1, member.id, $3, $4, $5, $6 FROM member
    RETURNING user_id
)
SELECT made.user_id, member.employer_id, member.email, member.name, member.known
FROM made
JOIN member ON member.id = made.user_id`

const sqlFindUserToken = `
SELECT u.email, u.name
FROM user_tokens t
JOIN users u ON u.id = t.user_id
WHERE t.token_hash = $1 AND t.purpose = $2 AND t.used_at IS NULL AND t.expires_at > $3`

const sqlUseUserToken = `
UPDATE user_tokens t SET used_at = $3
FROM memberships m
WHERE t.token_hash = $1 AND t.purpose = $2 AND t.used_at IS NULL AND t.expires_at > $3 AND m.user_id = t.user_id
RETURNING t.user_id, m.employer_id`

// useUserToken spends a link; of many that try at once, one does.
func useUserToken(ctx context.Context, tx pgx.Tx, hash []byte, purpose string, now time.Time) (user, employer uuid.UUID, err error) {
	err = tx.QueryRow(ctx, sqlUseUserToken, hash, purpose, now).Scan(&user, &employer)
	if err != nil {
		return uuid.Nil, uuid.Nil, fmt.Errorf("use a link: %w", absent(err, ErrLinkInvalid))
	}
	return user, employer, nil
}

const sqlSpendUserTokens = `
UPDATE user_tokens SET used_at = $3
WHERE user_id = $1 AND purpose = $2 AND used_at IS NULL`

const sqlVerifyEmail = `
UPDATE users SET email_verified_at = coalesce(email_verified_at, $2), updated_at = $2 WHERE id = $1`

const sqlHoldForChange = `
SELECT id FROM users WHERE id = $1 AND password_hash = $2 FOR NO KEY UPDATE`

// holdForChange keeps everyone else from changing the password; pgx.ErrNoRows when it is another one by now.
func holdForChange(ctx context.Context, tx pgx.Tx, user uuid.UUID, hash string) error {
	return tx.QueryRow(ctx, sqlHoldForChange, user, hash).Scan(&user)
}
