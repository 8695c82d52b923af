// Package operations shows an employer the background work done in its name, and tries again what was given up.
package operations

import (
	"context"
	"fmt"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/audit"
	"credlane/app/kit/authn"
	"credlane/app/kit/clock"
	"credlane/app/kit/ids"
	"credlane/app/kit/jobs"
	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
)

// Deps is what the module needs.
type Deps struct {
	DB    *pg.DB
	Jobs  *jobs.Client
	Clock clock.Clock
	IDs   *ids.Source
}

// Module is the background work as members see it: its methods are the use cases.
type Module struct{ Deps }

// New makes the module.
func New(d Deps) *Module { return &Module{d} }

// Name is the module's name.
func (m *Module) Name() string { return "operations" }

// Jobs lists the jobs of the caller's employer, newest first, and the cursor of the next page.
func (m *Module) Jobs(ctx context.Context, f jobs.Filter, cursor string) ([]jobs.Info, *string, error) {
	f.EmployerID = authn.From(ctx).EmployerID
	limit := f.Limit
	f.Limit++
	if cursor != "" {
		var below string
		if err := pg.DecodeCursor(cursor, &below); err != nil {
			return nil, nil, err
		}
		var err error
		if f.Below, err = strconv.ParseInt(below, 10, 64); err != nil || f.Below < 1 {
			return nil, nil, pg.ErrCursor
		}
	}
	list, err := m.Deps.Jobs.List(ctx, f)
	if err != nil || len(list) <= limit {
		return list, nil, err
	}
	list = list[:limit]
	next, err := pg.EncodeCursor(strconv.FormatInt(list[limit-1].Number, 10))
	return list, &next, err
}

// Job gives one job of the caller's employer. Faults: jobs.ErrNotFound.
func (m *Module) Job(ctx context.Context, id uuid.UUID) (jobs.Info, error) {
	return m.Deps.Jobs.Find(ctx, m.DB, authn.From(ctx).EmployerID, jobs.Number(id))
}

// Retry gives a dead job its attempts again. Faults: jobs.ErrNotFound, jobs.ErrNotDead, jobs.ErrTwin.
func (m *Module) Retry(ctx context.Context, id uuid.UUID) (job jobs.Info, err error) {
	employer := authn.From(ctx).EmployerID
	err = m.DB.InTx(ctx, func(tx pgx.Tx) error {
		if job, err = m.Deps.Jobs.RetryTx(ctx, tx, employer, jobs.Number(id)); err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Event{
			ID: m.IDs.ID(), EmployerID: employer, Action: "job.retried", ObjectType: "job", ObjectID: id,
			After: map[string]string{"kind": job.Kind}, RequestID: rest.RequestID(ctx), At: m.Clock.Now(),
		})
	})
	if err != nil {
		return jobs.Info{}, fmt.Errorf("retry a job: %w", err)
	}
	m.Deps.Jobs.MovedByHand(ctx, job)
	return job, nil
}
