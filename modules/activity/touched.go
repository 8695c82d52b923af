package activity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
	"credlane/app/kit/pg"
)

// Touch is the latest of one kind of act on a thing.
type Touch struct {
	Who string
	You bool // the caller did it, in another tab
	At  time.Time
}

// ErrUntouched is when nobody did such a thing.
var ErrUntouched = fault.New(fault.NotFound, "untouched", "Nobody has done this.")

const sqlTouched = `
SELECT e.id, e.employer_id, e.actor_kind, e.actor_id, e.action, e.object_id, e.after, e.request_id, e.at
  FROM audit_events e
 WHERE e.employer_id = $1 AND e.object_id = $2 AND e.action = $3
 ORDER BY e.id DESC
 LIMIT 1`

// Touched tells who last did this to an object of the caller's employer. Fault: ErrUntouched.
func (m *Module) Touched(ctx context.Context, object uuid.UUID, action string) (Touch, error) {
	p := authn.From(ctx)
	e, err := pg.One[event](ctx, m.DB, sqlTouched, p.EmployerID, object, action)
	if errors.Is(err, pgx.ErrNoRows) {
		return Touch{}, ErrUntouched
	}
	if err != nil {
		return Touch{}, fmt.Errorf("who touched %s: %w", object, err)
	}
	n, err := m.names(ctx, p.EmployerID, []event{e})
	if err != nil {
		return Touch{}, fmt.Errorf("who touched %s: %w", object, err)
	}
	return Touch{Who: n.actor(e), You: e.ActorKind == "member" && e.ActorID != nil && *e.ActorID == p.UserID, At: e.At}, nil
}
