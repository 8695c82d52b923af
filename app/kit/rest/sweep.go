package rest

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"credlane/app/kit/clock"
	"credlane/app/kit/pg"
	"credlane/app/kit/rounds"
)

const (
	sweepEvery  = 10 * time.Minute
	sweepLimit  = time.Minute // of one round; what is left waits for the next
	sweepBatch  = 1000
	counterLife = 24 * time.Hour // the longest window of a Rate
)

const (
	// Rows that another instance is sweeping are passed over.
	sqlSweepKeys = `
DELETE FROM idempotency_keys
 WHERE ctid = ANY (ARRAY(SELECT ctid FROM idempotency_keys WHERE expires_at <= $1 LIMIT 1000 FOR UPDATE SKIP LOCKED))`

	sqlSweepCounters = `
DELETE FROM rate_counters
 WHERE ctid = ANY (ARRAY(SELECT ctid FROM rate_counters WHERE window_start <= $1 LIMIT 1000 FOR UPDATE SKIP LOCKED))`
)

// Sweep deletes expired idempotency keys and old rate counters, in small batches; it gives how many rows went.
func Sweep(ctx context.Context, q pg.Querier, now time.Time) (int64, error) {
	keys, err := sweep(ctx, q, sqlSweepKeys, now)
	if err != nil {
		return keys, fmt.Errorf("sweep idempotency keys: %w", err)
	}
	counters, err := sweep(ctx, q, sqlSweepCounters, now.Add(-counterLife))
	if err != nil {
		return keys + counters, fmt.Errorf("sweep rate counters: %w", err)
	}
	return keys + counters, nil
}

func sweep(ctx context.Context, q pg.Querier, sql string, before time.Time) (int64, error) {
	var total int64
	for {
		tag, err := q.Exec(ctx, sql, before)
		if err != nil {
			return total, err
		}
		total += tag.RowsAffected()
		if tag.RowsAffected() < sweepBatch {
			return total, nil
		}
	}
}

// Sweeper sweeps while the app runs.
type Sweeper struct {
	db    *pg.DB
	clock clock.Clock
	log   *slog.Logger
}

// NewSweeper makes a sweeper.
func NewSweeper(db *pg.DB, c clock.Clock, log *slog.Logger) *Sweeper { return &Sweeper{db, c, log} }

// Run sweeps at once and then every ten minutes, until ctx ends.
func (s *Sweeper) Run(ctx context.Context) error {
	plan := rounds.Plan{Name: "housekeeping", Every: sweepEvery, Limit: sweepLimit}
	return rounds.Run(ctx, s.log, plan, func(ctx context.Context) error {
		_, err := Sweep(ctx, s.db, s.clock.Now())
		return err
	})
}
