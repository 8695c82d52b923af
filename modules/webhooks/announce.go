package webhooks

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/jobs"
)

// This stands in every start and every submission: where nobody listens it is one look at a small index.
const sqlAnnounce = `
WITH wanted AS (
    INSERT INTO webhook_messages (id, employer_id, type, object_id, at)
    SELECT n.id, $3::uuid, n.type, $4::uuid, $5::timestamptz
    FROM unnest($1::uuid[], $2::text[]) AS n (id, type)
    WHERE EXISTS (SELECT FROM webhook_endpoints e
                  WHERE e.employer_id = $3 AND e.disabled_at IS NULL AND e.deleted_at IS NULL AND n.type = ANY (e.event_types))
    RETURNING id)
SELECT river.enqueue($6, $7, $8, $9, $10::jsonb || jsonb_build_object('messageId', id), $11, $12, $13) FROM wanted`

// AnnounceTx tells other systems, if tx commits, that events of these types happened to the object at that time.
func (m *Module) AnnounceTx(ctx context.Context, tx pgx.Tx, employer, object uuid.UUID, at time.Time, types ...string) error {
	args, err := m.announcement(employer, object, at, types)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, sqlAnnounce, args...); err != nil {
		return fmt.Errorf("announce %s: %w", types, err)
	}
	return nil
}

// Queue is AnnounceTx in a batch that is one transaction, for a use case that counts its round trips.
func (m *Module) Queue(b *pgx.Batch, employer, object uuid.UUID, at time.Time, types ...string) error {
	args, err := m.announcement(employer, object, at, types)
	if err != nil {
		return err
	}
	b.Queue(sqlAnnounce, args...)
	return nil
}

func (m *Module) announcement(employer, object uuid.UUID, at time.Time, types []string) ([]any, error) {
	list := make([]uuid.UUID, len(types))
	for i, t := range types {
		if !slices.Contains(EventTypes(), t) {
			return nil, fmt.Errorf("there is no type of event %q", t)
		}
		list[i] = m.ids.ID()
	}
	job, err := m.jobs.Arguments(jobs.Job{Kind: kindPrepare, EmployerID: employer})
	if err != nil {
		return nil, err
	}
	return append([]any{list, types, employer, object, at}, job...), nil
}
