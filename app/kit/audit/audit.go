// Package audit writes who did what, in the transaction of the change it tells of.
package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/authn"
	"credlane/app/kit/pg"
)

// Event is one act. Before and After say what changed, without secrets and personal data; nil is nothing to say.
type Event struct {
	ID         uuid.UUID
	EmployerID uuid.UUID // the zero value is written as null: an act outside any employer
	Actor      Actor     // the zero value is read from the context's principal
	Action     string    // "assessment.published"
	ObjectType string    // "assessment"
	ObjectID   uuid.UUID
	Before     any
	After      any
	RequestID  string
	At         time.Time
}

// Actor is who acted.
type Actor struct {
	Kind string    // member, api_key, candidate, job, operator
	ID   uuid.UUID // the user, key or submission; zero for a job or the operator
}

// Job and Operator act without a principal: background work, and the command line.
var (
	Job      = Actor{Kind: "job"}
	Operator = Actor{Kind: "operator"}
)

const sqlInsertEvent = `
INSERT INTO audit_events (id, employer_id, actor_kind, actor_id, action, object_type, object_id, before, after, request_id, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`

// Write adds the event through q, which is the transaction of the change.
func Write(ctx context.Context, q pg.Querier, e Event) error {
	args, err := e.args(ctx)
	if err != nil {
		return err
	}
	if _, err := q.Exec(ctx, sqlInsertEvent, args...); err != nil {
		return fmt.Errorf("audit %s: %w", e.Action, err)
	}
	return nil
}

// Queue adds the event to a batch, for a use case that counts its round trips.
func Queue(ctx context.Context, b *pgx.Batch, e Event) error {
	args, err := e.args(ctx)
	if err != nil {
		return err
	}
	b.Queue(sqlInsertEvent, args...)
	return nil
}

func (e Event) args(ctx context.Context) ([]any, error) {
	actor := e.Actor
	if actor.Kind == "" {
		actor = ActorOf(authn.From(ctx))
	}
	before, err := state(e.Before)
	if err != nil {
		return nil, fmt.Errorf("audit %s: %w", e.Action, err)
	}
	after, err := state(e.After)
	if err != nil {
		return nil, fmt.Errorf("audit %s: %w", e.Action, err)
	}
	return []any{e.ID, orNull(e.EmployerID), actor.Kind, orNull(actor.ID), e.Action, e.ObjectType, orNull(e.ObjectID),
		before, after, e.RequestID, e.At}, nil
}

// ActorOf is the principal as an actor.
func ActorOf(p authn.Principal) Actor {
	switch p.Kind {
	case authn.Member:
		return Actor{Kind: "member", ID: p.UserID}
	case authn.APIKey:
		return Actor{Kind: "api_key", ID: p.KeyID}
	case authn.Candidate:
		return Actor{Kind: "candidate", ID: p.SubmissionID}
	default:
		return Operator
	}
}

func state(v any) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	return json.Marshal(v)
}

func orNull(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}
