package app

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/audit"
	"credlane/app/kit/clock"
	"credlane/app/kit/jobs"
)

// Job is a background job as the operator sees it.
type Job struct {
	Number      int64      `json:"number"`
	ID          uuid.UUID  `json:"id"`
	Kind        string     `json:"kind"`
	Queue       string     `json:"queue"`
	State       string     `json:"state"`
	Attempts    int        `json:"attempts"`
	MaxAttempts int        `json:"maxAttempts"`
	EmployerID  *uuid.UUID `json:"employerId"`
	Args        string     `json:"args"`
	LastError   *string    `json:"lastError"`
	NextRunAt   *time.Time `json:"nextRunAt"`
	CreatedAt   time.Time  `json:"createdAt"`
	EndedAt     *time.Time `json:"endedAt"`
}

func jobOf(j jobs.Info) Job {
	return Job{
		Number: j.Number, ID: jobs.ID(j.Number), Kind: j.Kind, Queue: j.Queue, State: string(j.State), Attempts: j.Attempts,
		MaxAttempts: j.MaxAttempts, EmployerID: j.EmployerID, Args: string(j.Args), LastError: j.LastError, NextRunAt: clock.UTC(j.NextRunAt),
		CreatedAt: j.CreatedAt.UTC(), EndedAt: clock.UTC(j.EndedAt),
	}
}

// Jobs lists background jobs, newest first; state and kind narrow the list unless they are "".
func (a *App) Jobs(ctx context.Context, state, kind string, limit int) ([]Job, error) {
	if state != "" && !knownState(state) {
		return nil, errors.New("the state is queued, running, succeeded, retrying or dead")
	}
	found, err := a.jobs.List(ctx, jobs.Filter{State: jobs.State(state), Kind: kind, Limit: limit})
	if err != nil {
		return nil, err
	}
	list := make([]Job, len(found))
	for i, j := range found {
		list[i] = jobOf(j)
	}
	return list, nil
}

func knownState(state string) bool {
	for _, s := range jobs.States() {
		if string(s) == state {
			return true
		}
	}
	return false
}

// Job gives one job by its number or its id.
func (a *App) Job(ctx context.Context, name string) (Job, error) {
	number, err := jobNumber(name)
	if err != nil {
		return Job{}, err
	}
	found, err := a.jobs.Find(ctx, a.db, uuid.Nil, number)
	return jobOf(found), plain(err)
}

// RetryJob gives a dead job its attempts again.
func (a *App) RetryJob(ctx context.Context, name string) error {
	return a.decide(ctx, name, "job.retried", func(tx pgx.Tx, number int64) (jobs.Info, error) {
		return a.jobs.RetryTx(ctx, tx, uuid.Nil, number)
	})
}

// ForgetJob drops a dead job for good.
func (a *App) ForgetJob(ctx context.Context, name string) error {
	return a.decide(ctx, name, "job.forgotten", func(tx pgx.Tx, number int64) (jobs.Info, error) {
		return a.jobs.ForgetTx(ctx, tx, number)
	})
}

// decide does what the operator has decided about a job, with its record.
func (a *App) decide(ctx context.Context, name, action string, do func(tx pgx.Tx, number int64) (jobs.Info, error)) error {
	number, err := jobNumber(name)
	if err != nil {
		return err
	}
	var job jobs.Info
	err = a.db.InTx(ctx, func(tx pgx.Tx) (err error) {
		if job, err = do(tx, number); err != nil {
			return err
		}
		return a.recordJob(ctx, tx, action, job)
	})
	if err == nil {
		a.jobs.MovedByHand(ctx, job)
	}
	return plain(err)
}

func (a *App) recordJob(ctx context.Context, tx pgx.Tx, action string, job jobs.Info) error {
	e := audit.Event{
		ID: a.options.IDs.ID(), Actor: audit.Operator, Action: action, ObjectType: "job", ObjectID: jobs.ID(job.Number),
		After: map[string]string{"kind": job.Kind}, At: a.options.Clock.Now(),
	}
	if job.EmployerID != nil {
		e.EmployerID = *job.EmployerID
	}
	return audit.Write(ctx, tx, e)
}

func jobNumber(name string) (int64, error) {
	if id, err := uuid.Parse(name); err == nil {
		return jobs.Number(id), nil
	}
	number, err := strconv.ParseInt(name, 10, 64)
	if err != nil || number < 1 {
		return 0, fmt.Errorf("a job is named by its number or its id, as `credlane jobs list` shows them")
	}
	return number, nil
}
