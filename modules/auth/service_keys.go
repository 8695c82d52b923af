package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/audit"
	"credlane/app/kit/authn"
	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
)

// APIKeyEntry is what may be seen of an API key: never the key.
type APIKeyEntry struct {
	ID         uuid.UUID  `db:"id"`
	Name       string     `db:"name"`
	Prefix     string     `db:"prefix"`
	Role       string     `db:"role"`
	CreatedBy  uuid.UUID  `db:"created_by"`
	CreatedAt  time.Time  `db:"created_at"`
	LastUsedAt *time.Time `db:"last_used_at"`
	ExpiresAt  *time.Time `db:"expires_at"`
}

const (
	maxKeys     = 200
	maxKeyLives = 366 * 24 * time.Hour
	keyLives    = 90 * 24 * time.Hour // unless another time is asked for
)

// APIKeys lists the keys in use of the caller's employer, newest first, and the cursor of the next page.
func (m *Module) APIKeys(ctx context.Context, limit int, cursor string) ([]APIKeyEntry, *string, error) {
	p, err := signedIn(ctx)
	if err != nil {
		return nil, nil, err
	}
	before, err := idCursor(cursor)
	if err != nil {
		return nil, nil, err
	}
	rows, err := pg.All[APIKeyEntry](ctx, m.db, sqlListKeys, p.EmployerID, m.clock.Now(), before, limit+1)
	if err != nil {
		return nil, nil, fmt.Errorf("list API keys: %w", err)
	}
	return page(rows, limit, func(k APIKeyEntry) uuid.UUID { return k.ID })
}

// NewKey is what an API key is made of.
type NewKey struct {
	Name      string
	Role      authn.Role
	ExpiresAt *time.Time // 90 days from now unless set; a year at most
}

// CreateKeyTx makes an API key with a role at most its maker's. The key is in the answer and nowhere else: the database keeps
// its hash, and its first characters to tell it by.
func (m *Module) CreateKeyTx(ctx context.Context, tx pgx.Tx, n NewKey) (*APIKeyEntry, string, error) {
	p, err := signedIn(ctx)
	if err != nil {
		return nil, "", err
	}
	now := m.clock.Now()
	if err := n.check(now); err != nil {
		return nil, "", err
	}
	if n.Role > p.Role {
		return nil, "", ErrRoleAboveOwn
	}
	var open int
	// The lock makes the bound hold; a key made with a key belongs to the same person.
	var maker *uuid.UUID
	if _, err := tx.Exec(ctx, sqlLockEmployer, p.EmployerID); err != nil {
		return nil, "", fmt.Errorf("create an API key: %w", err)
	}
	if err := tx.QueryRow(ctx, sqlJudgeKey, p.EmployerID, now, p.UserID, p.KeyID).Scan(&open, &maker); err != nil {
		return nil, "", fmt.Errorf("create an API key: %w", err)
	}
	switch {
	case maker == nil:
		return nil, "", authn.ErrUnauthenticated // removed in this moment
	case open >= maxKeys:
		return nil, "", ErrTooManyKeys
	}
	prefix := authn.KeyPrefix + m.ids.Secret(6)
	key := prefix + m.ids.Secret(tokenBytes)
	k := &APIKeyEntry{
		ID: m.ids.ID(), Name: n.Name, Prefix: prefix, Role: n.Role.String(), CreatedBy: *maker, CreatedAt: now, ExpiresAt: n.ExpiresAt,
	}
	_, err = tx.Exec(ctx, sqlInsertKey, k.ID, p.EmployerID, k.Name, prefix, authn.HashKey(key), k.Role, k.CreatedBy, now, k.ExpiresAt)
	if err != nil {
		return nil, "", constraints.Translate(fmt.Errorf("create an API key: %w", err))
	}
	return k, key, m.record(ctx, tx, now, audit.Event{
		EmployerID: p.EmployerID, Action: "api_key.created", ObjectType: "api_key", ObjectID: k.ID,
		After: map[string]any{"role": n.Role, "expiresAt": k.ExpiresAt},
	})
}

func (n *NewKey) check(now time.Time) error {
	var bad reasons
	n.Name = bad.name("body.name", n.Name, maxKeyName)
	bad.role("body.role", n.Role)
	if n.ExpiresAt == nil {
		expires := now.Add(keyLives)
		n.ExpiresAt = &expires
	}
	expires := n.ExpiresAt.UTC().Truncate(time.Microsecond)
	n.ExpiresAt = &expires
	switch {
	case !expires.After(now):
		bad.add("body.expiresAt", "Choose a time in the future.")
	case expires.After(now.Add(maxKeyLives)):
		bad.add("body.expiresAt", "Choose a time within a year.")
	}
	return bad.err()
}

// RevokeKey ends an API key at once. Nobody ends one with a role above their own.
func (m *Module) RevokeKey(ctx context.Context, id uuid.UUID) error {
	p, err := signedIn(ctx)
	if err != nil {
		return err
	}
	return m.inTx(ctx, func(tx pgx.Tx) error {
		now := m.clock.Now()
		var name string
		if err := tx.QueryRow(ctx, sqlRevokeKey, id, p.EmployerID, now).Scan(&name); err != nil {
			return fmt.Errorf("revoke API key %s: %w", id, absent(err, rest.ErrNotFound))
		}
		role, err := authn.ParseRole(name)
		if err != nil {
			return err
		}
		if role > p.Role {
			return ErrRoleAboveOwn
		}
		return m.record(ctx, tx, now, audit.Event{
			EmployerID: p.EmployerID, Action: "api_key.revoked", ObjectType: "api_key", ObjectID: id,
			Before: map[string]any{"role": role},
		})
	})
}
