package activity

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/pg"
)

// event is a row of the trail that the feed tells of.
type event struct {
	ID         uuid.UUID       `db:"id"`
	EmployerID uuid.UUID       `db:"employer_id"`
	ActorKind  string          `db:"actor_kind"`
	ActorID    *uuid.UUID      `db:"actor_id"`
	Action     string          `db:"action"`
	ObjectID   *uuid.UUID      `db:"object_id"`
	After      json.RawMessage `db:"after"`
	RequestID  string          `db:"request_id"`
	At         time.Time       `db:"at"`
	count      int
}

// sameAct tells whether e was done in one go with the later one: each address of a list of invites has an event of its own.
func (e event) sameAct(later event) bool {
	return e.Action == actionInvited && later.Action == actionInvited && e.RequestID != "" && e.RequestID == later.RequestID &&
		e.EmployerID == later.EmployerID && e.ActorKind == later.ActorKind && samePerson(e.ActorID, later.ActorID)
}

func samePerson(a, b *uuid.UUID) bool { return a == b || a != nil && b != nil && *a == *b }

const sqlList = `
SELECT e.id, e.employer_id, e.actor_kind, e.actor_id, e.action, e.object_id, e.after, e.request_id, e.at
  FROM audit_events e
 WHERE e.employer_id = $1 AND e.id < $2 AND e.action = ANY ($3)
 ORDER BY e.employer_id DESC, e.id DESC
 LIMIT $4`

const (
	chunk     = 200 // rows read at once
	maxChunks = 25  // read for one page: of a flood of invites less than a page may come, with a cursor to go on by
)

// List gives what happened for the caller's employer, newest first, and the cursor of the next page, nil on the last. What was
// done in one go is one item. Fault: pg.ErrCursor.
func (m *Module) List(ctx context.Context, limit int, cursor string) ([]Item, *string, error) {
	before := uuid.Max
	if cursor != "" {
		if err := pg.DecodeCursor(cursor, &before); err != nil {
			return nil, nil, err
		}
	}
	employer := authn.From(ctx).EmployerID
	var acts []event
	last, more := before, true
	for chunks := 0; more && chunks < maxChunks; chunks++ {
		rows, err := pg.All[event](ctx, m.DB, sqlList, employer, last, told(), chunk)
		if err != nil {
			return nil, nil, fmt.Errorf("list activity: %w", err)
		}
		more = len(rows) == chunk
		var full bool
		if acts, last, full = gather(acts, rows, limit, last); full {
			more = true
			break
		}
	}
	items, err := m.tell(ctx, employer, acts)
	if err != nil {
		return nil, nil, fmt.Errorf("list activity: %w", err)
	}
	if !more {
		return items, nil, nil
	}
	next, err := pg.EncodeCursor(last)
	if err != nil {
		return nil, nil, fmt.Errorf("list activity: %w", err)
	}
	return items, &next, nil
}

// gather adds rows, newest first, to acts until limit is passed; last is the row that was taken last.
func gather(acts, rows []event, limit int, last uuid.UUID) (_ []event, taken uuid.UUID, full bool) {
	for _, e := range rows {
		if n := len(acts); n > 0 && e.sameAct(acts[n-1]) {
			acts[n-1].count++
		} else if n == limit {
			return acts, last, true
		} else {
			e.count = 1
			acts = append(acts, e)
		}
		last = e.ID
	}
	return acts, last, false
}
