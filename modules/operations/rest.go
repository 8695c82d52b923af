package operations

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/clock"
	"credlane/app/kit/fault"
	"credlane/app/kit/jobs"
	"credlane/app/kit/rest"
)

const tag = "Jobs"

// Mount adds the module's operations.
func (m *Module) Mount(h *rest.Host) {
	rest.Handle(h, rest.Op{
		Method: http.MethodGet, Path: "/api/v1/jobs", ID: "list-jobs", Tag: tag, Summary: "List the background jobs of your organization",
		Description: "Newest first. A job that succeeded is listed for a day, a dead one until someone decides.", Role: authn.Admin,
	}, m.listJobs)
	rest.Handle(h, rest.Op{
		Method: http.MethodGet, Path: "/api/v1/jobs/{id}", ID: "get-job", Tag: tag, Summary: "Read a background job", Role: authn.Admin,
		Faults: []*fault.Error{jobs.ErrNotFound},
	}, m.getJob)
	rest.Handle(h, rest.Op{
		Method: http.MethodPost, Path: "/api/v1/jobs/{id}/retry", ID: "retry-job", Tag: tag, Summary: "Try a dead job again", Role: authn.Admin,
		Faults: []*fault.Error{jobs.ErrNotFound, jobs.ErrNotDead, jobs.ErrTwin},
	}, m.retryJob)
}

// JobOut is a job as the API shows it.
type JobOut struct {
	ID          uuid.UUID  `json:"id"`
	Kind        string     `json:"kind" example:"mail.send"`
	Queue       string     `json:"queue" example:"mail"`
	State       jobs.State `json:"state" enum:"queued,running,succeeded,retrying,dead"`
	Attempts    int        `json:"attempts" doc:"Tries so far, the one under way among them."`
	MaxAttempts int        `json:"maxAttempts"`
	LastError   *string    `json:"lastError" doc:"Why the last try failed, in words for everybody. Whoever runs the server sees the whole error by the job's id."`
	NextRunAt   *time.Time `json:"nextRunAt" doc:"Null unless the job waits."`
	CreatedAt   time.Time  `json:"createdAt"`
	AttemptedAt *time.Time `json:"attemptedAt"`
	EndedAt     *time.Time `json:"endedAt"`
}

// The reasons that members are told. Errors as they are name hosts, statements and rows of the installation, which are no tenant's
// matter: the operator alone reads them.
const (
	reasonWorker   = "The process that worked on it ended in the middle."
	reasonTimeout  = "It took too long."
	reasonInternal = "An internal error. Whoever runs this server can see it by the job's id."
)

// told is the last error as members are told of it.
func told(j jobs.Info) *string {
	if j.LastError == nil {
		return nil
	}
	reason := reasonInternal
	if j.LastCode != nil {
		switch *j.LastCode {
		case jobs.CodeWorkerDied:
			reason = reasonWorker
		case jobs.CodeTimedOut:
			reason = reasonTimeout
		}
	}
	return &reason
}

func jobOf(j jobs.Info) JobOut {
	return JobOut{
		ID: jobs.ID(j.Number), Kind: j.Kind, Queue: j.Queue, State: j.State, Attempts: j.Attempts, MaxAttempts: j.MaxAttempts,
		LastError: told(j), NextRunAt: clock.UTC(j.NextRunAt), CreatedAt: j.CreatedAt.UTC(), AttemptedAt: clock.UTC(j.AttemptedAt), EndedAt: clock.UTC(j.EndedAt),
	}
}

type listIn struct {
	State jobs.State `query:"state" enum:"queued,running,succeeded,retrying,dead"`
	Kind  string     `query:"kind" maxLength:"100" example:"mail.send"`
	rest.PageIn
}

type listOut struct{ Body rest.Page[JobOut] }

func (m *Module) listJobs(ctx context.Context, in *listIn) (*listOut, error) {
	list, next, err := m.Jobs(ctx, jobs.Filter{State: in.State, Kind: in.Kind, Limit: in.Limit}, in.Cursor)
	if err != nil {
		return nil, err
	}
	items := make([]JobOut, len(list))
	for i, j := range list {
		items[i] = jobOf(j)
	}
	return &listOut{rest.Page[JobOut]{Items: items, NextCursor: next}}, nil
}

type jobIn struct {
	ID uuid.UUID `path:"id"`
}

type jobOutput struct{ Body JobOut }

func (m *Module) getJob(ctx context.Context, in *jobIn) (*jobOutput, error) {
	job, err := m.Job(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &jobOutput{jobOf(job)}, nil
}

func (m *Module) retryJob(ctx context.Context, in *jobIn) (*jobOutput, error) {
	job, err := m.Retry(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &jobOutput{jobOf(job)}, nil
}
