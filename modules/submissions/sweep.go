package submissions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/pg"
	"credlane/app/kit/rounds"
)

const (
	sweepEvery = 2 * time.Second
	sweepBatch = 100              // rows listed at once
	sweepLimit = 30 * time.Second // of one sweep; what is left waits for the next
)

const sqlOverdue = `
SELECT id, version_id, deadline_at
FROM submissions
WHERE status = 'in_progress' AND deadline_at < $1 AND (deadline_at, id) > ($2, $3)
ORDER BY deadline_at, id
LIMIT $4`

type overdueRow struct {
	ID         uuid.UUID `db:"id"`
	VersionID  uuid.UUID `db:"version_id"`
	DeadlineAt time.Time `db:"deadline_at"`
}

// Run sweeps until ctx ends. Any number of instances may run it at once.
func (m *Module) Run(ctx context.Context) error {
	plan := rounds.Plan{Name: "the sweep of overdue submissions", Every: sweepEvery, Limit: sweepLimit}
	return rounds.Run(ctx, m.Log, plan, func(ctx context.Context) error {
		_, err := m.SweepOnce(ctx)
		return err
	})
}

// SweepOnce ends every submission whose deadline and grace have passed, and tells how many. A row that somebody holds is
// theirs to end. Each one has a transaction of its own, so that one that cannot be scored does not keep the others open; it is
// tried again after longer and longer waits.
func (m *Module) SweepOnce(ctx context.Context) (int, error) {
	now := m.Clock.Now()
	ended := 0
	var failed error
	last := overdueRow{DeadlineAt: time.Unix(0, 0)}
	for first := true; ; first = false {
		rows, err := pg.All[overdueRow](ctx, m.DB, sqlOverdue, cutoff(now), last.DeadlineAt, last.ID, sweepBatch)
		if err != nil {
			return ended, errors.Join(failed, fmt.Errorf("list overdue submissions: %w", err))
		}
		if first {
			m.Counters.SweepLag(lagOf(rows, now))
		}
		for _, row := range rows {
			if !m.laggards.due(row.ID, now) {
				continue
			}
			done, err := m.expire(ctx, sqlLockOverdueIfFree, row.ID, row.VersionID, now)
			if done {
				ended++
			}
			switch {
			case ctx.Err() != nil:
				return ended, errors.Join(failed, err)
			case err != nil:
				m.laggards.failed(row.ID, now)
				failed = cmp.Or(failed, err) // one is enough to look at
			default:
				m.laggards.forget(row.ID)
			}
		}
		if len(rows) < sweepBatch {
			return ended, failed
		}
		last = rows[len(rows)-1]
	}
}

// laggards are the overdue submissions that this instance could not end. Each waits twice as long after each failure, so that
// a damaged one neither fills the log nor takes the others' time. Whatever touches a submission still tries to end it.
type laggards struct {
	mu    sync.Mutex
	waits map[uuid.UUID]wait
}

type wait struct {
	until time.Time
	long  time.Duration
}

const (
	longestWait = 30 * time.Minute
	maxLaggards = 2_000 // beyond it, one is tried in each sweep
)

func (l *laggards) due(id uuid.UUID, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !now.Before(l.waits[id].until)
}

func (l *laggards) failed(id uuid.UUID, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	long := min(max(2*l.waits[id].long, sweepEvery), longestWait)
	if len(l.waits) >= maxLaggards { // those that somebody else has ended are never seen again
		maps.DeleteFunc(l.waits, func(_ uuid.UUID, w wait) bool { return now.Sub(w.until) > longestWait/2 })
	}
	if _, known := l.waits[id]; !known && len(l.waits) >= maxLaggards {
		return
	}
	if l.waits == nil {
		l.waits = map[uuid.UUID]wait{}
	}
	l.waits[id] = wait{until: now.Add(long), long: long}
}

func (l *laggards) forget(id uuid.UUID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.waits, id)
}

// lagOf is how long the oldest of the rows, which is the first, has been due to be ended.
func lagOf(rows []overdueRow, now time.Time) time.Duration {
	if len(rows) == 0 {
		return 0
	}
	return cutoff(now).Sub(rows[0].DeadlineAt)
}
