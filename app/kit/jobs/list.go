package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/fault"
	"credlane/app/kit/pg"
)

// State is how far a job is.
type State string

// The states: the same words in the API, the command line, the log and the metrics.
const (
	Queued    State = "queued"
	Running   State = "running"
	Succeeded State = "succeeded"
	Retrying  State = "retrying"
	DeadState State = "dead"
)

// States lists them in the order of a job's life.
func States() []State { return []State{Queued, Running, Succeeded, Retrying, DeadState} }

// The faults of looking at jobs.
var (
	ErrNotFound = fault.New(fault.NotFound, "job_not_found", "There is no such job. Jobs that succeeded are forgotten after a day.")
	ErrNotDead  = fault.New(fault.Conflict, "job_not_dead", "Only a dead job can be tried again: this one is still due, or done.")
	ErrTwin     = fault.New(fault.Conflict, "job_has_twin", "Another job does the same already. Nothing needs to be tried again.")
)

// Info is a job as people see it.
type Info struct {
	Number      int64           `db:"id"`
	Kind        string          `db:"kind"`
	Queue       string          `db:"queue"`
	State       State           `db:"state"`
	Attempts    int             `db:"attempt"`
	MaxAttempts int             `db:"max_attempts"`
	Priority    int             `db:"priority"`
	EmployerID  *uuid.UUID      `db:"employer_id"`
	Args        json.RawMessage `db:"args"`
	LastError   *string         `db:"last_error"`      // as it is: for the operator's eyes
	LastCode    *string         `db:"last_error_code"` // what may be told to anybody; "" is nothing
	CreatedAt   time.Time       `db:"created_at"`
	AttemptedAt *time.Time      `db:"attempted_at"`
	NextRunAt   *time.Time      `db:"next_run_at"` // of a job that waits
	EndedAt     *time.Time      `db:"finalized_at"`
}

// A job that has been tried and waits again is retrying, wherever the library keeps it in the meantime.
const stateColumn = `CASE WHEN j.state IN ('discarded', 'cancelled') THEN 'dead' WHEN j.state = 'completed' THEN 'succeeded'
            WHEN j.state = 'running' THEN 'running' WHEN j.attempt > 0 THEN 'retrying' ELSE 'queued' END`

const sqlSelectJob = `
SELECT j.id, j.kind, j.queue, ` + stateColumn + ` AS state, j.attempt, j.max_attempts, j.priority,
       (j.metadata ->> 'employerId')::uuid AS employer_id, j.args, j.errors[cardinality(j.errors)] ->> 'error' AS last_error,
       j.errors[cardinality(j.errors)] ->> 'code' AS last_error_code,
       j.created_at, j.attempted_at,
       CASE WHEN j.state IN ('available', 'scheduled', 'retryable', 'pending') THEN j.scheduled_at END AS next_run_at, j.finalized_at
FROM river.river_job j`

const sqlFindJob = sqlSelectJob + `
WHERE j.id = $1 AND ($2::text IS NULL OR j.metadata ->> 'employerId' = $2)`

const (
	listFilters = ` AND ($1::text = '' OR j.kind = $1) AND ($2::text = '' OR ` + stateColumn + ` = $2) AND j.id < $3
ORDER BY j.id DESC
LIMIT $4`
	sqlListJobs   = sqlSelectJob + ` WHERE true` + listFilters
	sqlListJobsOf = sqlSelectJob + ` WHERE j.metadata ->> 'employerId' = $5` + listFilters
)

// Filter narrows a list of jobs; the zero value takes everything.
type Filter struct {
	EmployerID uuid.UUID // zero: everybody's, for the operator
	Kind       string
	State      State
	Below      int64 // the number of the last job of the page before; 0 for the first page
	Limit      int
}

// List gives jobs, newest first.
func (c *Client) List(ctx context.Context, f Filter) ([]Info, error) {
	if f.Below == 0 {
		f.Below = 1<<63 - 1
	}
	sql, args := sqlListJobs, []any{f.Kind, f.State, f.Below, f.Limit}
	if f.EmployerID != uuid.Nil {
		sql, args = sqlListJobsOf, append(args, f.EmployerID.String())
	}
	list, err := pg.All[Info](ctx, c.opt.DB, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	return list, nil
}

// Find gives one job. Another employer's is ErrNotFound; the zero employer sees all.
func (c *Client) Find(ctx context.Context, q pg.Querier, employer uuid.UUID, number int64) (Info, error) {
	job, err := pg.One[Info](ctx, q, sqlFindJob, number, whose(employer))
	if errors.Is(err, pgx.ErrNoRows) {
		return job, ErrNotFound
	}
	if err != nil {
		return job, fmt.Errorf("find job %d: %w", number, err)
	}
	return job, nil
}

func whose(employer uuid.UUID) *string {
	if employer == uuid.Nil {
		return nil
	}
	s := employer.String()
	return &s
}

// A job that is tried again by hand has as many attempts before it as it had in the beginning.
const sqlRetryJob = `
UPDATE river.river_job j
SET state = 'available', finalized_at = NULL, scheduled_at = now(), max_attempts = least(j.attempt + $3, 32000),
    metadata = j.metadata - 'exhausted'
WHERE j.id = $1 AND j.state IN ('discarded', 'cancelled') AND ($2::text IS NULL OR j.metadata ->> 'employerId' = $2)`

// RetryTx gives a dead job its attempts again; tell of it with MovedByHand once tx has committed. Faults: ErrNotFound, ErrNotDead, ErrTwin.
func (c *Client) RetryTx(ctx context.Context, tx pgx.Tx, employer uuid.UUID, number int64) (Info, error) {
	job, err := c.Find(ctx, tx, employer, number)
	if err != nil {
		return Info{}, err
	}
	attempts := defaultAttempts
	if k, err := c.kind(job.Kind); err == nil {
		attempts = k.Attempts
	}
	tag, err := tx.Exec(ctx, sqlRetryJob, number, whose(employer), attempts)
	switch {
	case pg.ConstraintName(err) == "river_job_unique_idx":
		return Info{}, ErrTwin.Because(err)
	case err != nil:
		return Info{}, fmt.Errorf("retry job %d: %w", number, err)
	case tag.RowsAffected() == 0:
		return Info{}, ErrNotDead
	}
	return c.Find(ctx, tx, employer, number)
}

const sqlForgetJob = `
DELETE FROM river.river_job WHERE id = $1 AND state IN ('discarded', 'cancelled')`

// ForgetTx drops a dead job for good: nothing is owed any more. Tell of it with MovedByHand once tx has committed. Faults: ErrNotFound, ErrNotDead.
func (c *Client) ForgetTx(ctx context.Context, tx pgx.Tx, number int64) (Info, error) {
	job, err := c.Find(ctx, tx, uuid.Nil, number)
	if err != nil {
		return Info{}, err
	}
	tag, err := tx.Exec(ctx, sqlForgetJob, number)
	switch {
	case err != nil:
		return Info{}, fmt.Errorf("forget job %d: %w", number, err)
	case tag.RowsAffected() == 0:
		return Info{}, ErrNotDead
	}
	job.State = forgotten
	return job, nil
}

// The operator's commands alone wait for it.
const sqlForgetDead = `
DELETE FROM river.river_job WHERE kind = $1 AND state IN ('discarded', 'cancelled') AND args = $2::jsonb`

// ForgetDeadTx drops the dead jobs of a kind with the same arguments: what they owed is owed by another job from now on.
func (c *Client) ForgetDeadTx(ctx context.Context, tx pgx.Tx, kind string, args any) error {
	same, err := json.Marshal(args)
	if err == nil {
		_, err = tx.Exec(ctx, sqlForgetDead, kind, same)
	}
	if err != nil {
		return fmt.Errorf("forget dead jobs of %s: %w", kind, err)
	}
	return nil
}

// forgotten is no state that a job can be found in.
const forgotten State = "forgotten"

// MovedByHand writes the log line of what a person decided about a job.
func (c *Client) MovedByHand(ctx context.Context, job Info) {
	c.moved(ctx, job.Number, job.Kind, job.State, job.Attempts, "by", "hand")
}

// moved writes the one log line of a transition, and counts it.
func (c *Client) moved(ctx context.Context, number int64, kind string, to State, attempt int, more ...any) {
	if _, err := c.kind(kind); err == nil { // a job of another version's kind would be a label of its own
		c.opt.Counters.JobMoved(kind, to)
	}
	c.opt.Log.InfoContext(ctx, "job", append([]any{"job", number, "id", ID(number).String(), "kind", kind, "state", to, "attempt", attempt}, more...)...)
}
