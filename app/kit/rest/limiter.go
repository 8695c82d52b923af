package rest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"credlane/app/kit/clock"
	"credlane/app/kit/pg"
)

// Rate is how many times within which window; a window is at most a day.
type Rate struct {
	Count int
	Per   time.Duration
}

// Limiter counts attempts in Postgres, so that all instances share the count. It slows down; it never locks out.
type Limiter struct {
	db    *pg.DB
	clock clock.Clock
}

// NewLimiter makes a limiter.
func NewLimiter(db *pg.DB, c clock.Clock) *Limiter { return &Limiter{db, c} }

// The count stops one above the limit, so that a flood cannot make it overflow.
const sqlCount = `
INSERT INTO rate_counters AS r (name, key_hash, window_start, count)
VALUES ($1, $2, $3, 1)
ON CONFLICT ON CONSTRAINT rate_counters_pkey DO UPDATE
   SET count = LEAST(r.count + 1, $4::int + 1)
RETURNING count`

// Take counts one attempt of key under name and is ErrTooMany, with the time to wait, when the window is full. Only a hash of
// the key is stored. A rate without a count limits nothing.
func (l *Limiter) Take(ctx context.Context, name, key string, limit Rate) error {
	if limit.Count <= 0 {
		return nil
	}
	now := l.clock.Now()
	window := now.Truncate(limit.Per)
	hash := sha256.Sum256([]byte(key))
	var count int
	if err := l.db.QueryRow(ctx, sqlCount, name, hash[:16], window, limit.Count).Scan(&count); err != nil {
		return fmt.Errorf("rate of %s: %w", name, err)
	}
	if count > limit.Count {
		return ErrTooMany.RetryIn(window.Add(limit.Per).Sub(now))
	}
	return nil
}
