package jobs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"credlane/app/kit/fault"
	"credlane/app/kit/pg"
)

const (
	endLimit    = 10 * time.Second // of writing how an attempt ended
	insistEvery = 250 * time.Millisecond
	maxReason   = 1000 // bytes of an error that are kept
)

// The codes of reasons that are the jobs' own, beside those of faults.
const (
	CodeWorkerDied = "worker_died" // the process ended in the middle
	CodeTimedOut   = "timed_out"
)

// insist writes again and again while the way to the database is broken, until ctx ends.
func insist(ctx context.Context, write func() error) error {
	for {
		err := write()
		if !pg.Lost(err) {
			return err
		}
		again := time.NewTimer(insistEvery)
		select {
		case <-ctx.Done():
			again.Stop()
			return err
		case <-again.C:
		}
	}
}

// end writes how an attempt ended, unless it did that itself. What cannot be written is what a dead worker leaves: the job is
// taken over.
func (k *kindWorker) end(ctx context.Context, a *Attempt, err error) {
	log, name := k.worker.client.opt.Log, k.kind.Name
	moved := func(to State, more ...any) {
		if a.Snoozes > 0 { // left out at the beginning, when nobody knew that it would come to something
			k.worker.client.moved(ctx, a.Number, name, Running, a.Attempt, "snoozes", a.Snoozes)
		}
		k.worker.client.moved(ctx, a.Number, name, to, a.Attempt, more...)
	}
	if a.ended.Load() { // committed: an error of the work after it changes nothing
		moved(Succeeded)
		return
	}
	if errors.Is(err, ErrSuperseded) {
		log.WarnContext(ctx, "a late attempt was refused: another worker has the job", "job", a.Number, "kind", name, "attempt", a.Attempt)
		return
	}
	base, cancel := context.WithTimeout(k.worker.writes, endLimit)
	defer cancel()
	if k.worker.stopping.Err() != nil && ctx.Err() != nil {
		if err := a.giveBack(base); err != nil {
			log.WarnContext(ctx, "a job could not be handed back; it is taken over when this worker is missed", "job", a.Number, "error", err)
			return
		}
		moved(Retrying, "handed_back", true)
		return
	}
	var v verdict
	if errors.As(err, &v) && v.snooze && a.Attempt < mostAttempts {
		k.snooze(base, a, *v.in)
		return
	}
	var to State
	var next time.Time
	errEnd := insist(base, func() (e error) { to, next, e = a.fail(base, k.kind, err); return e })
	if to == DeadState && errEnd != nil && !errors.Is(errEnd, ErrSuperseded) { // its kind could not note the death: it dies later
		log.ErrorContext(ctx, "a job could not be made dead and comes back", "job", a.Number, "kind", name, "error", errEnd)
		to, next, errEnd = a.fail(base, &Kind{Pause: deathPause}, fmt.Errorf("%w; its end failed: %w", err, errEnd), Retrying)
	}
	switch {
	case errors.Is(errEnd, ErrSuperseded):
		log.WarnContext(ctx, "a late attempt was refused: another worker has the job", "job", a.Number, "kind", name, "attempt", a.Attempt)
	case errEnd != nil:
		log.ErrorContext(ctx, "the end of an attempt could not be written; the job waits for its rescue", "job", a.Number, "kind", name, "error", errEnd)
	case to == DeadState:
		moved(to, "error", err)
	default:
		moved(to, "next", next, "error", err)
	}
}

// Being put off does not count against the job, and the number of its attempt does not come again.
const sqlSnooze = `
UPDATE river.river_job
SET state = $4::text::river.river_job_state, scheduled_at = now() + $5::bigint * interval '1 microsecond',
    max_attempts = least(max_attempts + 1, $6::integer), metadata = metadata || jsonb_build_object('snoozes', $7::integer)
WHERE id = $1 AND attempt = $2 AND state = 'running' AND attempted_by[cardinality(attempted_by)] = $3`

// mostAttempts is what the library's column holds, with room to spare. What was put off that often has failed.
const mostAttempts = 32_000

// snooze puts the job off. What cannot be written is what a dead worker leaves: the job is taken over.
func (k *kindWorker) snooze(ctx context.Context, a *Attempt, d time.Duration) {
	log, stored := a.client.opt.Log, "scheduled"
	if d < soon {
		stored = "available"
	}
	tag, err := a.client.opt.DB.Exec(ctx, sqlSnooze, a.Number, a.Attempt, a.worker, stored, max(0, d).Microseconds(), mostAttempts, a.Snoozes+1)
	switch {
	case err != nil:
		log.ErrorContext(ctx, "a job could not be put off; it waits for its rescue", "job", a.Number, "kind", k.kind.Name, "error", err)
	case tag.RowsAffected() == 0:
		log.WarnContext(ctx, "a late attempt was refused: another worker has the job", "job", a.Number, "kind", k.kind.Name, "attempt", a.Attempt)
	default:
		log.DebugContext(ctx, "a job is put off", "job", a.Number, "kind", k.kind.Name, "attempt", a.Attempt, "snoozes", a.Snoozes+1, "by", d)
	}
}

const sqlFail = `
UPDATE river.river_job
SET state = $4::text::river.river_job_state, scheduled_at = now() + $5::bigint * interval '1 microsecond', metadata = metadata - 'snoozes',
    finalized_at = CASE WHEN $4 = 'discarded' THEN now() END,
    errors = array_append(errors, jsonb_build_object('at', now(), 'attempt', $2::integer, 'error', $6::text, 'code', $7::text, 'trace', ''))
WHERE id = $1 AND attempt = $2 AND state = 'running' AND attempted_by[cardinality(attempted_by)] = $3
RETURNING scheduled_at`

// soon is what the library would not look at twice: a job that is due within it waits where workers look.
const soon = 5 * time.Second

func deathPause(int) time.Duration { return time.Minute }

// fail ends the attempt as failed: dead, or to be tried again; or as told.
func (a *Attempt) fail(ctx context.Context, k *Kind, cause error, told ...State) (to State, next time.Time, err error) {
	var v verdict
	if errors.As(cause, &v); len(told) > 0 {
		v = verdict{}
	}
	to, stored, pause := Retrying, "retryable", Jittered(k.Pause(a.Attempt))
	if v.in != nil {
		pause = max(0, *v.in)
	}
	switch {
	case v.dead || a.Last && len(told) == 0:
		to, stored, pause = DeadState, "discarded", 0
	case pause < soon:
		stored = "available"
	}
	err = a.client.opt.DB.InTx(ctx, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, sqlFail, a.Number, a.Attempt, a.worker, stored, pause.Microseconds(), reason(cause), codeOf(cause)).Scan(&next)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return ErrSuperseded
		case err != nil:
			return fmt.Errorf("end job %d: %w", a.Number, err)
		case to == DeadState && k.Died != nil:
			return k.Died(ctx, tx, a, cause)
		}
		return nil
	})
	return to, next, err
}

// codeOf is what of an error may be told to anybody: the code of a fault, one of the codes above, or nothing.
func codeOf(err error) string {
	if f, ok := fault.As(err); ok {
		return f.Code
	}
	switch {
	case errors.Is(err, errDied):
		return CodeWorkerDied
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, errStuck):
		return CodeTimedOut
	}
	return ""
}

// reason is an error as it is kept: text that Postgres takes, of bounded length.
func reason(err error) string {
	text := strings.ReplaceAll(strings.ToValidUTF8(err.Error(), "?"), "\x00", "?")
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "..."
	}
	return text
}

// A stopped attempt does not count against the job, and its number does not come again.
const sqlGiveBack = `
UPDATE river.river_job
SET state = 'available', scheduled_at = now(), max_attempts = least(max_attempts + 1, 32000)
WHERE id = $1 AND attempt = $2 AND state = 'running' AND attempted_by[cardinality(attempted_by)] = $3`

func (a *Attempt) giveBack(ctx context.Context) error {
	tag, err := a.client.opt.DB.Exec(ctx, sqlGiveBack, a.Number, a.Attempt, a.worker)
	if err == nil && tag.RowsAffected() == 0 {
		err = ErrSuperseded
	}
	return err
}
