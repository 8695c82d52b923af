package auth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/pg"
)

// Session is one place where a person is signed in.
type Session struct {
	ID         uuid.UUID   `db:"id"`
	UserAgent  string      `db:"user_agent"`
	IP         *netip.Addr `db:"ip"`
	CreatedAt  time.Time   `db:"created_at"`
	LastUsedAt time.Time   `db:"last_used_at"`
	ExpiresAt  time.Time   `db:"expires_at"`
	Current    bool        `db:"-"`
}

type login struct {
	UserID       uuid.UUID  `db:"user_id"`
	PasswordHash *string    `db:"password_hash"`
	MembershipID *uuid.UUID `db:"membership_id"`
	ClientKnown  bool       `db:"client_known"`
}

const sqlFindLogin = `
SELECT u.id AS user_id, u.password_hash, m.id AS membership_id,
       EXISTS (SELECT FROM sessions s WHERE s.user_id = u.id AND s.ip = $2) AS client_known
FROM users u
LEFT JOIN memberships m ON m.user_id = u.id
WHERE lower(u.email) = lower($1)`

func findLogin(ctx context.Context, q pg.Querier, email string, client *netip.Addr) (login, error) {
	return pg.One[login](ctx, q, sqlFindLogin, email, client)
}

const sqlHoldPassword = `
SELECT id FROM users WHERE id = $1 AND password_hash = $2 FOR SHARE`

// holdPassword keeps the password as it is until the transaction ends; pgx.ErrNoRows when it is another one by now.
func holdPassword(ctx context.Context, tx pgx.Tx, user uuid.UUID, hash string) error {
	return tx.QueryRow(ctx, sqlHoldPassword, user, hash).Scan(&user)
}

const sqlUpgradePassword = `
UPDATE users SET password_hash = $3, updated_at = $4 WHERE id = $1 AND password_hash = $2`

const sqlInsertSession = `
INSERT INTO sessions (id, user_id, user_agent, ip, cookie_hash, created_at, last_used_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $6, $7)`

// insertSession adds one; cookie is the hash of its cookie's secret, nil for one that is held by tokens.
func insertSession(ctx context.Context, tx pgx.Tx, id, user uuid.UUID, agent string, ip *netip.Addr, cookie []byte, now, expires time.Time) error {
	if _, err := tx.Exec(ctx, sqlInsertSession, id, user, agent, ip, cookie, now, expires); err != nil {
		return fmt.Errorf("add a session: %w", err)
	}
	return nil
}

const sqlInsertRefreshToken = `
INSERT INTO refresh_tokens (id, session_id, token_hash, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5)`

func insertRefreshToken(ctx context.Context, tx pgx.Tx, id, session uuid.UUID, hash []byte, now, expires time.Time) error {
	if _, err := tx.Exec(ctx, sqlInsertRefreshToken, id, session, hash, now, expires); err != nil {
		return fmt.Errorf("add a refresh token: %w", err)
	}
	return nil
}

type refreshToken struct {
	SessionID        uuid.UUID  `db:"session_id"`
	UserID           uuid.UUID  `db:"user_id"`
	UsedAt           *time.Time `db:"used_at"`
	RevokedAt        *time.Time `db:"revoked_at"`
	SessionExpiresAt time.Time  `db:"session_expires_at"`
}

const sqlFindRefresh = `
SELECT t.session_id, s.user_id, t.used_at, s.revoked_at, s.expires_at AS session_expires_at
FROM refresh_tokens t
JOIN sessions s ON s.id = t.session_id
WHERE t.token_hash = $1`

func findRefresh(ctx context.Context, q pg.Querier, hash []byte) (refreshToken, error) {
	return pg.One[refreshToken](ctx, q, sqlFindRefresh, hash)
}

// One statement decides the race: whoever comes second waits for the row and finds it used. A sign-out that commits meanwhile
// is seen too, because the session's row is taken in the same statement.
const sqlUseRefresh = `
WITH used AS (
    UPDATE refresh_tokens SET used_at = $2
    WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2
    RETURNING session_id
)
UPDATE sessions s SET last_used_at = greatest(s.last_used_at, $2)
FROM used
WHERE s.id = used.session_id AND s.revoked_at IS NULL AND s.expires_at > $2
RETURNING s.id, s.user_id, s.expires_at`

func useRefresh(ctx context.Context, tx pgx.Tx, hash []byte, now time.Time) (session, user uuid.UUID, ends time.Time, err error) {
	err = tx.QueryRow(ctx, sqlUseRefresh, hash, now).Scan(&session, &user, &ends)
	return session, user, ends, err
}

const sqlRevokeSession = `
UPDATE sessions s SET revoked_at = $3
WHERE s.id = $1 AND s.user_id = $2 AND s.revoked_at IS NULL AND s.expires_at > $3
RETURNING (SELECT m.employer_id FROM memberships m WHERE m.user_id = s.user_id)`

// revokeSession tells the employer to record it for, and whether there was something to end.
func revokeSession(ctx context.Context, tx pgx.Tx, session, user uuid.UUID, now time.Time) (uuid.UUID, bool, error) {
	var employer *uuid.UUID
	err := tx.QueryRow(ctx, sqlRevokeSession, session, user, now).Scan(&employer)
	if errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, false, nil
	}
	if err != nil {
		return uuid.Nil, false, fmt.Errorf("end a session: %w", err)
	}
	if employer == nil {
		return uuid.Nil, true, nil
	}
	return *employer, true, nil
}

const sqlRevokeSessionsBut = `
UPDATE sessions SET revoked_at = $3
WHERE user_id = $1 AND id <> $2 AND revoked_at IS NULL AND expires_at > $3`

// revokeSessionsBut ends every session of a person but one; the zero id spares none.
func revokeSessionsBut(ctx context.Context, tx pgx.Tx, user, spared uuid.UUID, now time.Time) (int64, error) {
	tag, err := tx.Exec(ctx, sqlRevokeSessionsBut, user, spared, now)
	if err != nil {
		return 0, fmt.Errorf("end sessions: %w", err)
	}
	return tag.RowsAffected(), nil
}

const sqlListSessions = `
SELECT id, user_agent, ip, created_at, last_used_at, expires_at
FROM sessions
WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2 AND last_used_at > $3 AND id < $4
ORDER BY id DESC
LIMIT $5`

const tidyBatch = 1000

// Ids are ordered by time, so that what is old enough to be over is one end of the primary key. Everything stays for a day
// longer than it lives, so that a late token is told from a forged one.
const (
	sqlTidySessions = `
DELETE FROM sessions
WHERE id = ANY (ARRAY(SELECT id FROM sessions WHERE id < $1 AND expires_at < $2 ORDER BY id LIMIT 1000))`

	sqlTidyRefreshTokens = `
DELETE FROM refresh_tokens
WHERE id = ANY (ARRAY(SELECT id FROM refresh_tokens WHERE id < $1 AND expires_at < $2 ORDER BY id LIMIT 1000))`

	sqlTidyUserTokens = `
DELETE FROM user_tokens
WHERE id = ANY (ARRAY(SELECT id FROM user_tokens WHERE id < $1 AND expires_at < $2 ORDER BY id LIMIT 1000))`
)
