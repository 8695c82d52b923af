package activity

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/exact"
	"credlane/app/kit/rest"
)

// Mount adds the module's operation.
func (m *Module) Mount(h *rest.Host) {
	rest.Handle(h, rest.Op{
		Method: http.MethodGet, Path: "/api/v1/activity", ID: "list-activity", Tag: "Activity", Summary: "List what happened, newest first",
		Description: "Starts, submissions with their scores, invites, versions, imports and releases, in words. What was done in one go is one item.",
		Role:        authn.Viewer,
	}, m.list)
}

// Wire is an item as the API shows it.
type Wire struct {
	ID           uuid.UUID    `json:"id"`
	At           time.Time    `json:"at"`
	Action       string       `json:"action" example:"submission.submitted" doc:"As the audit trail names it. More may come."`
	Text         string       `json:"text" example:"Amara Lindqvist scored 78%"`
	Actor        Actor        `json:"actor"`
	Assessment   *Assessment  `json:"assessment" doc:"Null for what is about none, or about one that is gone."`
	SubmissionID *uuid.UUID   `json:"submissionId"`
	Score        *exact.Score `json:"score" doc:"Of a submission that has ended."`
	Count        int          `json:"count" doc:"How many events are told as this one: the invites sent in one go, and 1 otherwise."`
}

// Actor is who did it.
type Actor struct {
	Kind string     `json:"kind" enum:"member,api_key,candidate,job,operator"`
	ID   *uuid.UUID `json:"id" doc:"Null for a job and the operator."`
	Name string     `json:"name" doc:"Empty for what happened by itself."`
}

// Assessment is what it is about.
type Assessment struct {
	ID    uuid.UUID `json:"id"`
	Title string    `json:"title"`
}

func wireOf(i Item) Wire {
	w := Wire{
		ID: i.ID, At: i.At.UTC(), Action: i.Action, Text: i.Text(), Actor: Actor{i.ActorKind, i.ActorID, i.Who}, SubmissionID: i.SubmissionID,
		Score: i.Score, Count: i.Count,
	}
	if i.AssessmentID != nil {
		w.Assessment = &Assessment{*i.AssessmentID, i.Assessment}
	}
	return w
}

type listIn struct{ rest.PageIn }

type listOut struct{ Body rest.Page[Wire] }

func (m *Module) list(ctx context.Context, in *listIn) (*listOut, error) {
	list, next, err := m.List(ctx, in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	items := make([]Wire, len(list))
	for i, item := range list {
		items[i] = wireOf(item)
	}
	return &listOut{rest.Page[Wire]{Items: items, NextCursor: next}}, nil
}
