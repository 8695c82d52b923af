package webhooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/pg"
)

// State is how far a delivery is.
type State string

// The states of a delivery.
const (
	queued    State = "queued"
	retrying  State = "retrying"
	succeeded State = "succeeded"
	failed    State = "failed"
)

const sqlFindMessage = `
SELECT id, employer_id, type, object_id, at
FROM webhook_messages
WHERE id = $1 AND prepared_at IS NULL`

type message struct {
	ID         uuid.UUID `db:"id"`
	EmployerID uuid.UUID `db:"employer_id"`
	Type       string    `db:"type"`
	ObjectID   uuid.UUID `db:"object_id"`
	At         time.Time `db:"at"`
}

func findMessage(ctx context.Context, q pg.Querier, id uuid.UUID) (message, error) {
	e, err := pg.One[message](ctx, q, sqlFindMessage, id)
	if err != nil {
		return e, fmt.Errorf("message %s: %w", id, err)
	}
	return e, nil
}

const sqlDropMessage = `
DELETE FROM webhook_messages WHERE id = $1 AND prepared_at IS NULL`

func dropMessage(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	if _, err := tx.Exec(ctx, sqlDropMessage, id); err != nil {
		return fmt.Errorf("drop message %s: %w", id, err)
	}
	return nil
}

const sqlInsertMessage = `
INSERT INTO webhook_messages (id, employer_id, type, object_id, at, payload, prepared_at)
VALUES ($1, $2, $3, $4, $5, $6, $5)`

const sqlSetPayload = `
UPDATE webhook_messages SET payload = $2, prepared_at = $3 WHERE id = $1`

func setPayload(ctx context.Context, tx pgx.Tx, id uuid.UUID, body string, now time.Time) error {
	if _, err := tx.Exec(ctx, sqlSetPayload, id, body, now); err != nil {
		return fmt.Errorf("prepare message %s: %w", id, err)
	}
	return nil
}

const sqlListening = `
SELECT id
FROM webhook_endpoints
WHERE employer_id = $1 AND disabled_at IS NULL AND deleted_at IS NULL AND $2 = ANY (event_types)
ORDER BY id`

func listening(ctx context.Context, q pg.Querier, employer uuid.UUID, eventType string) ([]uuid.UUID, error) {
	rows, err := q.Query(ctx, sqlListening, employer, eventType)
	if err != nil {
		return nil, fmt.Errorf("who listens to %s: %w", eventType, err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

const sqlInsertDeliveries = `
INSERT INTO webhook_deliveries (id, employer_id, endpoint_id, message_id, created_at)
SELECT d.id, $3::uuid, d.endpoint_id, $4::uuid, $5::timestamptz
FROM unnest($1::uuid[], $2::uuid[]) AS d (id, endpoint_id)`

func insertDeliveries(ctx context.Context, tx pgx.Tx, e message, ids, endpoints []uuid.UUID, now time.Time) error {
	if _, err := tx.Exec(ctx, sqlInsertDeliveries, ids, endpoints, e.EmployerID, e.ID, now); err != nil {
		return fmt.Errorf("fan out message %s: %w", e.ID, err)
	}
	return nil
}

const sqlFindDue = `
SELECT d.id, d.employer_id, d.endpoint_id, d.message_id, d.state, d.round, d.tries, d.next_at, m.payload, e.url, e.secret,
       e.previous_secrets, e.previous_until, (e.disabled_at IS NOT NULL OR e.deleted_at IS NOT NULL) AS disabled
FROM webhook_deliveries d
JOIN webhook_messages m ON m.id = d.message_id
JOIN webhook_endpoints e ON e.id = d.endpoint_id
WHERE d.id = $1`

// due is a delivery with what a try at it needs.
type due struct {
	ID              uuid.UUID   `db:"id"`
	EmployerID      uuid.UUID   `db:"employer_id"`
	EndpointID      uuid.UUID   `db:"endpoint_id"`
	MessageID       uuid.UUID   `db:"message_id"`
	State           State       `db:"state"`
	Round           int         `db:"round"`
	Tries           int         `db:"tries"`
	NextAt          *time.Time  `db:"next_at"`
	Payload         string      `db:"payload"`
	URL             string      `db:"url"`
	Secret          []byte      `db:"secret"`
	PreviousSecrets [][]byte    `db:"previous_secrets"`
	PreviousUntil   []time.Time `db:"previous_until"`
	Disabled        bool        `db:"disabled"`
}

func (d due) ended() bool { return d.State == succeeded || d.State == failed }

func findDue(ctx context.Context, q pg.Querier, id uuid.UUID) (due, error) {
	d, err := pg.One[due](ctx, q, sqlFindDue, id)
	if err != nil {
		return d, fmt.Errorf("delivery %s: %w", id, err)
	}
	return d, nil
}

// result is what a try means for its delivery.
type result struct {
	state State
	next  *time.Time
	ended *time.Time
}

// The number of the try is given here, under the row's lock, so that no number comes twice. A try of a round that was replayed
// over is written down and changes nothing else.
const sqlCountTry = `
UPDATE webhook_deliveries SET attempts = attempts + 1 WHERE id = $1 RETURNING attempts`

const sqlSettle = `
UPDATE webhook_deliveries
SET tries = tries + 1, state = $3, next_at = $4, ended_at = $5, last_status = $6, last_error = $7
WHERE id = $1 AND round = $2 AND state IN ('queued', 'retrying')`

const sqlInsertTry = `
INSERT INTO webhook_attempts (delivery_id, employer_id, number, at, url, took_ms, status, error, request_headers, response_headers,
                              response_body)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`

func noteTry(ctx context.Context, tx pgx.Tx, d due, t try, r result) error {
	var number int
	err := tx.QueryRow(ctx, sqlCountTry, d.ID).Scan(&number)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // forgotten while it was on its way
	}
	if err != nil {
		return fmt.Errorf("count a try of %s: %w", d.ID, err)
	}
	status, reason := orNull(t.status), orNull(t.reason)
	if _, err := tx.Exec(ctx, sqlSettle, d.ID, d.Round, r.state, r.next, r.ended, status, reason); err != nil {
		return fmt.Errorf("settle delivery %s: %w", d.ID, err)
	}
	sent, err := json.Marshal(t.sent)
	if err != nil {
		return fmt.Errorf("note a try of %s: %w", d.ID, err)
	}
	came, err := json.Marshal(t.header)
	if err != nil {
		return fmt.Errorf("note a try of %s: %w", d.ID, err)
	}
	_, err = tx.Exec(ctx, sqlInsertTry, d.ID, d.EmployerID, number, t.at, t.url, t.took.Milliseconds(), status, reason,
		json.RawMessage(sent), json.RawMessage(came), t.body)
	if err != nil {
		return fmt.Errorf("note a try of %s: %w", d.ID, err)
	}
	return nil
}

func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

const sqlGiveUp = `
UPDATE webhook_deliveries SET state = 'failed', next_at = NULL, ended_at = $3, last_error = $4
WHERE id = $1 AND round = $2 AND state IN ('queued', 'retrying')`

func giveUp(ctx context.Context, tx pgx.Tx, a deliverArgs, reason string, now time.Time) error {
	if _, err := tx.Exec(ctx, sqlGiveUp, a.DeliveryID, a.Round, now, reason); err != nil {
		return fmt.Errorf("give delivery %s up: %w", a.DeliveryID, err)
	}
	return nil
}

const deliveryColumns = `d.id, d.endpoint_id, d.message_id, m.type, m.object_id, d.state, d.attempts, d.next_at, d.last_status,
       d.last_error, d.created_at, d.ended_at, d.round`

// Delivery is one message on its way to one endpoint.
type Delivery struct {
	ID         uuid.UUID  `db:"id"`
	EndpointID uuid.UUID  `db:"endpoint_id"`
	MessageID  uuid.UUID  `db:"message_id"` // its webhook-id
	Type       string     `db:"type"`
	ObjectID   uuid.UUID  `db:"object_id"`
	State      State      `db:"state"`
	Attempts   int        `db:"attempts"`
	NextAt     *time.Time `db:"next_at"`
	LastStatus *int       `db:"last_status"`
	LastError  *string    `db:"last_error"`
	CreatedAt  time.Time  `db:"created_at"`
	EndedAt    *time.Time `db:"ended_at"`
	Round      int        `db:"round"`
}

const sqlListDeliveries = `
SELECT ` + deliveryColumns + `
FROM webhook_deliveries d JOIN webhook_messages m ON m.id = d.message_id
WHERE d.employer_id = $1 AND d.endpoint_id = $2 AND d.id < $3 AND ($4 = '' OR d.state = $4)
ORDER BY d.id DESC
LIMIT $5`

const sqlFindDelivery = `
SELECT ` + deliveryColumns + `
FROM webhook_deliveries d
JOIN webhook_messages m ON m.id = d.message_id
JOIN webhook_endpoints e ON e.id = d.endpoint_id
WHERE d.employer_id = $1 AND d.endpoint_id = $2 AND d.id = $3 AND e.deleted_at IS NULL`

func findDelivery(ctx context.Context, q pg.Querier, employer, endpoint, id uuid.UUID) (Delivery, error) {
	d, err := pg.One[Delivery](ctx, q, sqlFindDelivery, employer, endpoint, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return d, ErrDeliveryNotFound
	}
	if err != nil {
		return d, fmt.Errorf("delivery %s: %w", id, err)
	}
	return d, nil
}

const sqlFindPayload = `
SELECT payload FROM webhook_messages WHERE id = $1 AND payload IS NOT NULL`

const sqlListTries = `
SELECT number, at, url, took_ms, status, error, request_headers, response_headers, response_body
FROM webhook_attempts
WHERE delivery_id = $1
ORDER BY number DESC
LIMIT $2`

// Try is one try at a delivery: what was sent, the payload aside, and what came back, both bounded.
type Try struct {
	Number          int               `db:"number"`
	At              time.Time         `db:"at"`
	URL             string            `db:"url"`
	TookMS          int               `db:"took_ms"`
	Status          *int              `db:"status"`
	Error           *string           `db:"error"`
	RequestHeaders  map[string]string `db:"request_headers"`
	ResponseHeaders map[string]string `db:"response_headers"`
	ResponseBody    string            `db:"response_body"`
}

const sqlReplay = `
UPDATE webhook_deliveries SET state = 'queued', round = round + 1, tries = 0, next_at = NULL, ended_at = NULL
WHERE id = $1 AND state <> 'queued'
RETURNING round`

// The messages of a deleted endpoint are older than its end, so they have gone before it.
const (
	sqlTidyMessages = `
DELETE FROM webhook_messages
WHERE id = ANY (ARRAY(SELECT id FROM webhook_messages WHERE id < $2 AND at < $1 ORDER BY id LIMIT 1000))`

	sqlTidyEndpoints = `
DELETE FROM webhook_endpoints
WHERE id = ANY (ARRAY(SELECT id FROM webhook_endpoints WHERE deleted_at < $1 ORDER BY deleted_at LIMIT 1000))`

	// A secret that signs no more is kept no longer. The newest stands first, and ends last.
	sqlTidySecrets = `
UPDATE webhook_endpoints e
SET previous_secrets = e.previous_secrets[1:(SELECT count(*) FROM unnest(e.previous_until) u WHERE u > $1)],
    previous_until = e.previous_until[1:(SELECT count(*) FROM unnest(e.previous_until) u WHERE u > $1)]
WHERE id = ANY (ARRAY(SELECT id FROM webhook_endpoints WHERE previous_until[cardinality(previous_until)] <= $1 LIMIT 1000))`
)
