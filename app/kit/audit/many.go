package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/pg"
)

const sqlInsertEvents = `
INSERT INTO audit_events (id, employer_id, actor_kind, actor_id, action, object_type, object_id, before, after, request_id, at)
SELECT e.id, e.employer_id, e.actor_kind, e.actor_id, e.action, e.object_type, e.object_id, e.before, e.after, e.request_id, e.at
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::uuid[], $8::jsonb[], $9::jsonb[], $10::text[],
            $11::timestamptz[])
     AS e (id, employer_id, actor_kind, actor_id, action, object_type, object_id, before, after, request_id, at)`

// WriteAll is Write of any number of events in one statement, for a use case that changes many things at once.
func WriteAll(ctx context.Context, q pg.Querier, events ...Event) error {
	n := len(events)
	if n == 0 {
		return nil
	}
	id, at := make([]uuid.UUID, n), make([]time.Time, n)
	employers, actors, objects := make([]*uuid.UUID, n), make([]*uuid.UUID, n), make([]*uuid.UUID, n)
	kinds, actions, types, requests := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	before, after := make([]json.RawMessage, n), make([]json.RawMessage, n)
	for i, e := range events {
		args, err := e.args(ctx)
		if err != nil {
			return err
		}
		id[i], employers[i], kinds[i], actors[i] = e.ID, args[1].(*uuid.UUID), args[2].(string), args[3].(*uuid.UUID)
		actions[i], types[i], objects[i] = e.Action, e.ObjectType, args[6].(*uuid.UUID)
		before[i], after[i], requests[i], at[i] = args[7].(json.RawMessage), args[8].(json.RawMessage), e.RequestID, e.At
	}
	_, err := q.Exec(ctx, sqlInsertEvents, id, employers, kinds, actors, actions, types, objects, before, after, requests, at)
	if err != nil {
		return fmt.Errorf("audit %s: %w", events[0].Action, err)
	}
	return nil
}
