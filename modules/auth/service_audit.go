package auth

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/pg"
)

// AuditEvent is one act, as the trail keeps it.
type AuditEvent struct {
	ID         uuid.UUID       `db:"id"`
	ActorKind  string          `db:"actor_kind"`
	ActorID    *uuid.UUID      `db:"actor_id"`
	Action     string          `db:"action"`
	ObjectType string          `db:"object_type"`
	ObjectID   *uuid.UUID      `db:"object_id"`
	Before     json.RawMessage `db:"before"`
	After      json.RawMessage `db:"after"`
	RequestID  string          `db:"request_id"`
	At         time.Time       `db:"at"`
}

// AuditFilter narrows the trail; a zero field does not.
type AuditFilter struct {
	Action   string
	ObjectID uuid.UUID
	From, To time.Time // From is in, To is not
}

// idSlack is how far an event's id may stand from its time: ids are ordered by the clock of the instance that made them.
const idSlack = time.Hour

// AuditEvents lists the trail of the caller's employer, newest first, and the cursor of the next page.
func (m *Module) AuditEvents(ctx context.Context, f AuditFilter, limit int, cursor string) ([]AuditEvent, *string, error) {
	p, err := signedIn(ctx)
	if err != nil {
		return nil, nil, err
	}
	before, err := idCursor(cursor)
	if err != nil {
		return nil, nil, err
	}
	sql, args := f.query(p.EmployerID, before, limit+1)
	rows, err := pg.All[AuditEvent](ctx, m.db, sql, args...)
	if err != nil {
		return nil, nil, fmt.Errorf("list audit events: %w", err)
	}
	return page(rows, limit, func(e AuditEvent) uuid.UUID { return e.ID })
}

// ObjectNames gives what those of ids are called that are memberships or invitations of the caller's employer: the person's name,
// or the address. Whoever has left is not in the answer.
func (m *Module) ObjectNames(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]string, error) {
	p, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := pg.All[named](ctx, m.db, sqlObjectNames, p.EmployerID, ids)
	if err != nil {
		return nil, fmt.Errorf("name what the trail is about: %w", err)
	}
	names := make(map[uuid.UUID]string, len(rows))
	for _, row := range rows {
		names[row.ID] = row.Name
	}
	return names, nil
}

const sqlObjectNames = `
SELECT m.id, u.name FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.employer_id = $1 AND m.id = ANY ($2)
UNION ALL
SELECT i.id, i.email FROM member_invitations i WHERE i.employer_id = $1 AND i.id = ANY ($2)`

// query joins fixed fragments; no text of a request enters the statement.
func (f AuditFilter) query(employer, before uuid.UUID, limit int) (string, []any) {
	sql := sqlListAuditEvents
	args := []any{employer, before, limit}
	where := func(fragment string, values ...any) {
		places := make([]any, len(values))
		for i, v := range values {
			args = append(args, v)
			places[i] = len(args)
		}
		sql += fmt.Sprintf(fragment, places...)
	}
	if f.Action != "" {
		where(whereAction, f.Action)
	}
	if f.ObjectID != uuid.Nil {
		where(whereObject, f.ObjectID)
	}
	if !f.From.IsZero() {
		where(whereFrom, f.From, firstID(f.From.Add(-idSlack)))
	}
	if !f.To.IsZero() {
		where(whereTo, f.To, firstID(f.To.Add(idSlack)))
	}
	return sql + orderAudit, args
}

// firstID is the least id that a clock at t makes, so that a span of time is a span of the index.
func firstID(t time.Time) uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(max(0, t.UnixMilli()))<<16)
	return id
}

const sqlListAuditEvents = `
SELECT id, actor_kind, actor_id, action, object_type, object_id, before, after, request_id, at
FROM audit_events
WHERE employer_id = $1 AND id < $2`

const (
	whereAction = ` AND action = $%d`
	whereObject = ` AND object_id = $%d`
	whereFrom   = ` AND at >= $%d AND id >= $%d`
	whereTo     = ` AND at < $%d AND id < $%d`
	orderAudit  = ` ORDER BY id DESC LIMIT $3`
)
