package jobs

import (
	"context"
	"fmt"
	"time"

	"credlane/app/kit/pg"
	"credlane/app/kit/rounds"
)

const (
	beats       = 6 // signs of life in the time for which a worker is believed to live
	beatLimit   = 5 * time.Second
	leaveLimit  = time.Second
	rescueBatch = 500
)

const sqlAlive = `
INSERT INTO river.alive (worker, seen_at) VALUES ($1, now())
ON CONFLICT (worker) DO UPDATE SET seen_at = now()`

const sqlLeave = `
DELETE FROM river.alive WHERE worker = $1`

// begin says that the worker lives, before it claims its first job.
func (w *worker) begin(ctx context.Context) error {
	if _, err := w.client.opt.DB.Exec(ctx, sqlAlive, w.id); err != nil {
		return fmt.Errorf("announce the worker: %w", err)
	}
	return nil
}

// leave says that the worker is gone, so that what it may have left is taken over at once.
func (w *worker) leave(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, leaveLimit)
	defer cancel()
	if _, err := w.client.opt.DB.Exec(ctx, sqlLeave, w.id); err != nil {
		return fmt.Errorf("sign the worker off: %w", err)
	}
	return nil
}

// live shows life and takes over the jobs of workers that do not, until ctx ends.
func (w *worker) live(ctx context.Context) {
	plan := rounds.Plan{Name: "the worker's sign of life", Every: w.client.opt.AliveFor / beats, Limit: beatLimit}
	err := rounds.Run(ctx, w.client.opt.Log, plan, func(ctx context.Context) error {
		if err := w.begin(ctx); err != nil {
			return err
		}
		return w.client.rescue(ctx, w.id, w.holds())
	})
	if err != nil {
		w.client.opt.Log.ErrorContext(ctx, "the worker's sign of life ended", "error", err)
	}
}

// The row is skipped while its own worker is just ending it. Whoever asks lives, however slow the machine is; but a job that it is
// said to work on and does not was lost on the way: its claim never came, or its end could not be written. A job whose attempts are
// used up comes back once more, to be made dead by its kind.
const sqlRescue = `
WITH lost AS (
    SELECT j.id
    FROM river.river_job j
    WHERE j.state = 'running'
      AND CASE WHEN j.attempted_by[cardinality(j.attempted_by)] = $3
               THEN j.id <> ALL ($4::bigint[]) AND j.attempted_at < now() - $1::bigint * interval '1 microsecond' / 3
               ELSE NOT EXISTS (SELECT FROM river.alive a WHERE a.worker = j.attempted_by[cardinality(j.attempted_by)]
                                                            AND a.seen_at > now() - $1::bigint * interval '1 microsecond') END
    ORDER BY j.id
    LIMIT $2
    FOR UPDATE SKIP LOCKED)
UPDATE river.river_job j
SET state = 'available', scheduled_at = now(),
    metadata = CASE WHEN j.attempt >= j.max_attempts THEN j.metadata || '{"exhausted": true}' ELSE j.metadata END,
    max_attempts = greatest(j.max_attempts, j.attempt + 1),
    errors = array_append(j.errors, jsonb_build_object('at', now(), 'attempt', j.attempt, 'error', 'the worker died', 'code', $5::text, 'trace', ''))
FROM lost
WHERE j.id = lost.id
RETURNING j.id, j.kind, j.attempt`

// Workers that have been gone for a day are forgotten: what they left was taken over long ago, and an id never comes again.
const sqlForgetWorkers = `
DELETE FROM river.alive WHERE seen_at < now() - interval '1 day'`

type lost struct {
	ID      int64  `db:"id"`
	Kind    string `db:"kind"`
	Attempt int    `db:"attempt"`
}

// rescue takes over the jobs of workers that show no life.
func (c *Client) rescue(ctx context.Context, self string, held []int64) error {
	for {
		taken, err := pg.All[lost](ctx, c.opt.DB, sqlRescue, c.opt.AliveFor.Microseconds(), rescueBatch, self, held, CodeWorkerDied)
		if err != nil {
			return fmt.Errorf("rescue jobs: %w", err)
		}
		for _, j := range taken {
			c.moved(ctx, j.ID, j.Kind, Retrying, j.Attempt, "error", "the worker died")
		}
		if len(taken) < rescueBatch {
			break
		}
	}
	_, err := c.opt.DB.Exec(ctx, sqlForgetWorkers)
	return err
}
