package webhooks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/pg"
)

const endpointColumns = `id, url, description, event_types, previous_until[1] AS previous_until, failing_since, disabled_at, disabled_reason, created_at, updated_at`

// Endpoint is where an employer wants to hear of events. Its secret is shown when it is made, and never again.
type Endpoint struct {
	ID             uuid.UUID  `db:"id"`
	URL            string     `db:"url"`
	Description    string     `db:"description"`
	EventTypes     []string   `db:"event_types"`
	PreviousUntil  *time.Time `db:"previous_until"` // until then the secret before signs too; nil: there is none
	FailingSince   *time.Time `db:"failing_since"`
	DisabledAt     *time.Time `db:"disabled_at"`
	DisabledReason *string    `db:"disabled_reason"`
	CreatedAt      time.Time  `db:"created_at"`
	UpdatedAt      time.Time  `db:"updated_at"`
}

// Why an endpoint is disabled.
const (
	reasonByHand  = "by_hand"
	reasonGone    = "gone"    // it answered 410
	reasonFailing = "failing" // it has not taken a delivery for five days
)

const sqlListEndpoints = `
SELECT ` + endpointColumns + `
FROM webhook_endpoints
WHERE employer_id = $1 AND id < $2 AND deleted_at IS NULL
ORDER BY id DESC
LIMIT $3`

const sqlFindEndpoint = `
SELECT ` + endpointColumns + `
FROM webhook_endpoints
WHERE employer_id = $1 AND id = $2 AND deleted_at IS NULL`

const sqlLockEndpoint = sqlFindEndpoint + ` FOR NO KEY UPDATE`

func findEndpoint(ctx context.Context, q pg.Querier, sql string, employer, id uuid.UUID) (Endpoint, error) {
	e, err := pg.One[Endpoint](ctx, q, sql, employer, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return e, ErrNotFound
	}
	if err != nil {
		return e, fmt.Errorf("webhook %s: %w", id, err)
	}
	return e, nil
}

const (
	// The employer's row is the lock under which its webhooks are counted.
	sqlLockEmployer = `
SELECT id FROM employers WHERE id = $1 FOR NO KEY UPDATE`

	sqlCountEndpoints = `
SELECT count(*) FROM webhook_endpoints WHERE employer_id = $1 AND deleted_at IS NULL`
)

const sqlInsertEndpoint = `
INSERT INTO webhook_endpoints (id, employer_id, url, description, event_types, secret, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7)`

const sqlUpdateEndpoint = `
UPDATE webhook_endpoints
SET url = $3, description = $4, event_types = $5, failing_since = $6, disabled_at = $7, disabled_reason = $8, updated_at = $9
WHERE employer_id = $1 AND id = $2`

func updateEndpoint(ctx context.Context, tx pgx.Tx, employer uuid.UUID, e Endpoint) error {
	_, err := tx.Exec(ctx, sqlUpdateEndpoint, employer, e.ID, e.URL, e.Description, e.EventTypes, e.FailingSince, e.DisabledAt,
		e.DisabledReason, e.UpdatedAt)
	if err != nil {
		return fmt.Errorf("update webhook %s: %w", e.ID, Constraints().Translate(err))
	}
	return nil
}

const sqlDeleteEndpoint = `
UPDATE webhook_endpoints
SET deleted_at = $3, updated_at = $3, secret = '', previous_secrets = '{}', previous_until = '{}'
WHERE employer_id = $1 AND id = $2`

const sqlRotateSecret = `
UPDATE webhook_endpoints
SET previous_secrets = (array_prepend(secret, previous_secrets))[1:4], previous_until = (array_prepend($4::timestamptz, previous_until))[1:4],
    secret = $3, updated_at = $5
WHERE employer_id = $1 AND id = $2`

// A try seldom finds the mark otherwise than it leaves it: then nothing is written, and nobody waits for the row.
const (
	sqlWell = `
UPDATE webhook_endpoints SET failing_since = NULL WHERE id = $1 AND failing_since IS NOT NULL`

	sqlUnwell = `
UPDATE webhook_endpoints SET failing_since = $2 WHERE id = $1 AND failing_since IS NULL`

	sqlDisableFailing = `
UPDATE webhook_endpoints SET disabled_at = $4, disabled_reason = $2, updated_at = $4
WHERE id = $1 AND failing_since <= $3 AND disabled_at IS NULL AND deleted_at IS NULL`
)

func noteHealth(ctx context.Context, tx pgx.Tx, sql string, args ...any) error {
	if _, err := tx.Exec(ctx, sql, args...); err != nil {
		return fmt.Errorf("note a webhook's health: %w", err)
	}
	return nil
}

// disableFailing disables an endpoint that has been failing since a time or longer, and tells whether it did.
func disableFailing(ctx context.Context, tx pgx.Tx, id uuid.UUID, reason string, since, now time.Time) (bool, error) {
	tag, err := tx.Exec(ctx, sqlDisableFailing, id, reason, since, now)
	if err != nil {
		return false, fmt.Errorf("disable webhook %s: %w", id, err)
	}
	return tag.RowsAffected() > 0, nil
}
