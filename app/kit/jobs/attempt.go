package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/pg"
)

// ErrSuperseded ends an attempt whose job is another worker's by now: nothing of it may be written any more.
var ErrSuperseded = errors.New("another worker has taken over the job")

// Attempt is one try at a job.
type Attempt struct {
	Number     int64     // the job's
	Attempt    int       // from 1
	Last       bool      // a failure now makes the job dead
	EmployerID uuid.UUID // zero: nobody's
	Snoozes    int       // how often it was put off in a row, up to now
	args       json.RawMessage
	worker     string
	client     *Client
	ended      atomic.Bool
}

// Into reads the job's arguments.
func (a *Attempt) Into(v any) error {
	if err := json.Unmarshal(a.args, v); err != nil {
		return Dead(fmt.Errorf("the arguments of job %d: %w", a.Number, err))
	}
	return nil
}

// The one who ends an attempt is the one who holds it: the number of the attempt never comes twice for a job. A process that is
// stopped inside the transaction would hold the row for as long as it stands still, and nobody could take the job over: so the
// database ends a transaction that says nothing for a while.
const sqlSucceed = `
UPDATE river.river_job
SET state = 'completed', finalized_at = now()
WHERE id = $1 AND attempt = $2 AND state = 'running' AND attempted_by[cardinality(attempted_by)] = $3
RETURNING set_config('idle_in_transaction_session_timeout', $4::text, true)`

const sqlHold = `
SELECT set_config('idle_in_transaction_session_timeout', $4::text, true)
FROM river.river_job
WHERE id = $1 AND attempt = $2 AND state = 'running' AND attempted_by[cardinality(attempted_by)] = $3
FOR NO KEY UPDATE`

// Finish ends the job as succeeded and runs fn, which may be nil, in the same transaction: both or neither, once. It is
// ErrSuperseded, and fn does not run, when the job is another worker's. Where the way to the database breaks it is tried again
// until ctx ends: fn changes nothing outside its transaction.
func (a *Attempt) Finish(ctx context.Context, fn func(tx pgx.Tx) error) error {
	lost := false
	err := insist(ctx, func() error {
		if lost { // nobody knows whether the commit was done when the way broke
			var done bool
			err := a.client.opt.DB.QueryRow(ctx, sqlSucceeded, a.Number, a.Attempt, a.worker).Scan(&done)
			if err != nil || done {
				return err
			}
		}
		err := a.fenced(ctx, sqlSucceed, fn)
		lost = pg.Lost(err)
		return err
	})
	if err == nil {
		a.ended.Store(true)
	}
	return err
}

const sqlSucceeded = `
SELECT EXISTS (SELECT FROM river.river_job
WHERE id = $1 AND attempt = $2 AND state = 'completed' AND attempted_by[cardinality(attempted_by)] = $3)`

// InTx runs fn in a transaction that holds the job, which goes on after it. It is ErrSuperseded when the job is another worker's.
func (a *Attempt) InTx(ctx context.Context, fn func(tx pgx.Tx) error) error {
	return a.fenced(ctx, sqlHold, fn)
}

// fenced runs fn, which may be nil, in a transaction behind the statement that finds the attempt still the worker's own.
func (a *Attempt) fenced(ctx context.Context, fence string, fn func(tx pgx.Tx) error) error {
	quiet := strconv.FormatInt((a.client.opt.AliveFor / 2).Milliseconds(), 10)
	return a.client.opt.DB.InTx(ctx, func(tx pgx.Tx) error {
		var set string
		err := tx.QueryRow(ctx, fence, a.Number, a.Attempt, a.worker, quiet).Scan(&set)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return ErrSuperseded
		case err != nil:
			return fmt.Errorf("hold job %d: %w", a.Number, err)
		case fn == nil:
			return nil
		}
		return fn(tx)
	})
}

// verdict is an error that says more than "again".
type verdict struct {
	error
	dead, snooze bool
	in           *time.Duration
}

func (v verdict) Unwrap() error { return v.error }

// Dead is an error that no further attempt would mend.
func Dead(err error) error { return verdict{error: err, dead: true} }

// RetryIn is an error after which the next attempt comes after the given time, without jitter. The last attempt is the last all
// the same.
func RetryIn(d time.Duration, err error) error { return verdict{error: err, in: &d} }

// Snooze puts the job off by the given time: it could not begin yet, which is no failure, uses up no attempt and leaves no
// reason behind. Attempt.Snoozes counts, so that who has waited long can wait longer.
func Snooze(d time.Duration) error { return verdict{error: errSnoozed, snooze: true, in: &d} }

var errSnoozed = errors.New("the job is put off")
