package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/pg"
)

// Session finds the member behind an access token. It is read on every request, so that sign-out, demotion and removal act at
// once.
func (m *Module) Session(ctx context.Context, id uuid.UUID) (authn.Principal, error) {
	row, err := pg.One[sessionPrincipal](ctx, m.db, sqlSessionPrincipal, id, m.clock.Now())
	if err != nil {
		return authn.Principal{}, fmt.Errorf("find the session: %w", absent(err, authn.ErrUnauthenticated))
	}
	role, err := authn.ParseRole(row.Role)
	if err != nil {
		return authn.Principal{}, fmt.Errorf("find the session: %w", err)
	}
	return authn.Principal{
		Kind: authn.Member, UserID: row.UserID, EmployerID: row.EmployerID, MembershipID: row.MembershipID, Role: role, SessionID: id,
	}, nil
}

// cookieUseEvery is how exactly it is known when a browser's session was last used.
const cookieUseEvery = 5 * time.Minute

// Cookie finds the member behind the secret in a browser's cookie, as Session does, and notes that the session is in use: one that
// nobody uses for 14 days is over.
func (m *Module) Cookie(ctx context.Context, hash []byte) (authn.Principal, error) {
	now := m.clock.Now()
	row, err := pg.One[cookiePrincipal](ctx, m.db, sqlCookiePrincipal, hash, now, now.Add(-sessionIdles))
	if err != nil {
		return authn.Principal{}, fmt.Errorf("find the browser's session: %w", absent(err, authn.ErrUnauthenticated))
	}
	role, err := authn.ParseRole(row.Role)
	if err != nil {
		return authn.Principal{}, fmt.Errorf("find the browser's session: %w", err)
	}
	if now.Sub(row.LastUsedAt) >= cookieUseEvery {
		if _, err := m.db.Exec(ctx, sqlTouchSession, row.ID, now, now.Add(-cookieUseEvery)); err != nil {
			// The next request notes it: no reason to refuse this one.
			m.log.WarnContext(ctx, "the use of a session was not noted", "session", row.ID, "error", err)
		}
	}
	return authn.Principal{
		Kind: authn.Member, UserID: row.UserID, EmployerID: row.EmployerID, MembershipID: row.MembershipID, Role: role, SessionID: row.ID,
	}, nil
}

const keyUseEvery = time.Minute

// APIKey finds the employer behind an API key. A key never has more rights than its maker has now, and none when its maker
// has left.
func (m *Module) APIKey(ctx context.Context, hash []byte) (authn.Principal, error) {
	now := m.clock.Now()
	row, err := pg.One[keyPrincipal](ctx, m.db, sqlKeyPrincipal, hash, now)
	if err != nil {
		return authn.Principal{}, fmt.Errorf("find the API key: %w", absent(err, authn.ErrUnauthenticated))
	}
	role, err := authn.ParseRole(row.Role)
	if err != nil {
		return authn.Principal{}, fmt.Errorf("find the API key: %w", err)
	}
	makers, err := authn.ParseRole(row.MakersRole)
	if err != nil {
		return authn.Principal{}, fmt.Errorf("find the API key: %w", err)
	}
	if row.LastUsedAt == nil || now.Sub(*row.LastUsedAt) >= keyUseEvery {
		if _, err := m.db.Exec(ctx, sqlTouchKey, row.ID, now, now.Add(-keyUseEvery)); err != nil {
			// Its only use is to tell people which keys are in use: no reason to refuse a request.
			m.log.WarnContext(ctx, "the use of an API key was not noted", "key", row.ID, "error", err)
		}
	}
	return authn.Principal{Kind: authn.APIKey, EmployerID: row.EmployerID, KeyID: row.ID, Role: min(role, makers)}, nil
}

type sessionPrincipal struct {
	UserID       uuid.UUID `db:"user_id"`
	MembershipID uuid.UUID `db:"membership_id"`
	EmployerID   uuid.UUID `db:"employer_id"`
	Role         string    `db:"role"`
}

const sqlSessionPrincipal = `
SELECT s.user_id, m.id AS membership_id, m.employer_id, m.role
FROM sessions s
JOIN memberships m ON m.user_id = s.user_id
WHERE s.id = $1 AND s.revoked_at IS NULL AND s.expires_at > $2`

type cookiePrincipal struct {
	ID           uuid.UUID `db:"id"`
	UserID       uuid.UUID `db:"user_id"`
	LastUsedAt   time.Time `db:"last_used_at"`
	MembershipID uuid.UUID `db:"membership_id"`
	EmployerID   uuid.UUID `db:"employer_id"`
	Role         string    `db:"role"`
}

const sqlCookiePrincipal = `
SELECT s.id, s.user_id, s.last_used_at, m.id AS membership_id, m.employer_id, m.role
FROM sessions s
JOIN memberships m ON m.user_id = s.user_id
WHERE s.cookie_hash = $1 AND s.revoked_at IS NULL AND s.expires_at > $2 AND s.last_used_at > $3`

// As with keys: of many requests in one moment, one writes.
const sqlTouchSession = `
UPDATE sessions
SET last_used_at = $2
WHERE id = $1 AND last_used_at <= $3`

type keyPrincipal struct {
	ID         uuid.UUID  `db:"id"`
	EmployerID uuid.UUID  `db:"employer_id"`
	Role       string     `db:"role"`
	MakersRole string     `db:"makers_role"`
	LastUsedAt *time.Time `db:"last_used_at"`
}

const sqlKeyPrincipal = `
SELECT k.id, k.employer_id, k.role, m.role AS makers_role, k.last_used_at
FROM api_keys k
JOIN memberships m ON m.user_id = k.created_by AND m.employer_id = k.employer_id
WHERE k.key_hash = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2)`

// The condition stands twice, in Go and here: of many requests in one moment, one writes.
const sqlTouchKey = `
UPDATE api_keys
SET last_used_at = $2
WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3)`
