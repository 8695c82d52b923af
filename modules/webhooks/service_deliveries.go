package webhooks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
)

// maxTriesShown bounds the list of a delivery that was replayed again and again.
const maxTriesShown = 100

// Deliveries lists what went to a webhook, newest first; before is the last id of the page before. Errors: ErrNotFound.
func (m *Module) Deliveries(ctx context.Context, endpoint uuid.UUID, state State, before uuid.UUID, limit int) ([]Delivery, error) {
	if _, err := m.Find(ctx, endpoint); err != nil {
		return nil, err
	}
	list, err := pg.All[Delivery](ctx, m.db, sqlListDeliveries, employerOf(ctx), endpoint, orLast(before), state, limit)
	if err != nil {
		return nil, fmt.Errorf("list deliveries: %w", err)
	}
	return list, nil
}

// DeliveryInFull gives a delivery with its payload and its last hundred tries, newest first. Errors: ErrDeliveryNotFound.
func (m *Module) DeliveryInFull(ctx context.Context, endpoint, id uuid.UUID) (Delivery, string, []Try, error) {
	d, err := findDelivery(ctx, m.db, employerOf(ctx), endpoint, id)
	if err != nil {
		return d, "", nil, err
	}
	var body string
	if err := m.db.QueryRow(ctx, sqlFindPayload, d.MessageID).Scan(&body); err != nil {
		return d, "", nil, fmt.Errorf("payload of delivery %s: %w", id, err)
	}
	tries, err := pg.All[Try](ctx, m.db, sqlListTries, id, maxTriesShown)
	if err != nil {
		return d, "", nil, fmt.Errorf("tries of delivery %s: %w", id, err)
	}
	return d, body, tries, nil
}

// Replay sends a delivery again, from the first step of the ladder; what still came of the tries before changes nothing.
// Errors: ErrDeliveryNotFound, ErrDisabled, ErrQueued, rest.ErrTooMany.
func (m *Module) Replay(ctx context.Context, endpoint, id uuid.UUID) (Delivery, error) {
	var d Delivery
	if err := m.byHand(ctx); err != nil {
		return d, err
	}
	err := m.db.InTx(ctx, func(tx pgx.Tx) error {
		employer := employerOf(ctx)
		e, err := findEndpoint(ctx, tx, sqlFindEndpoint, employer, endpoint)
		if err != nil {
			return err
		}
		if d, err = findDelivery(ctx, tx, employer, endpoint, id); err != nil {
			return err
		}
		if e.DisabledAt != nil {
			return ErrDisabled
		}
		var round int
		err = tx.QueryRow(ctx, sqlReplay, id).Scan(&round)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrQueued
		}
		if err != nil {
			return fmt.Errorf("replay delivery %s: %w", id, err)
		}
		if err := m.jobs.EnqueueTx(ctx, tx, deliverJob(employer, id, round)); err != nil {
			return err
		}
		before := map[string]any{"deliveryId": id, "state": d.State}
		if d, err = findDelivery(ctx, tx, employer, endpoint, id); err != nil {
			return err
		}
		return m.record(ctx, tx, "webhook.delivery_replayed", endpoint, before, map[string]any{"deliveryId": id, "state": d.State})
	})
	return d, err
}

// Test sends a message of the type webhook.test to one webhook, whatever it listens to.
// Errors: ErrNotFound, ErrDisabled, rest.ErrTooMany.
func (m *Module) Test(ctx context.Context, endpoint uuid.UUID) (Delivery, error) {
	var d Delivery
	if err := m.byHand(ctx); err != nil {
		return d, err
	}
	err := m.db.InTx(ctx, func(tx pgx.Tx) error {
		employer, now := employerOf(ctx), m.clock.Now()
		e, err := findEndpoint(ctx, tx, sqlFindEndpoint, employer, endpoint)
		if err != nil {
			return err
		}
		if e.DisabledAt != nil {
			return ErrDisabled
		}
		t := message{ID: m.ids.ID(), EmployerID: employer, Type: EventTest, ObjectID: endpoint, At: now}
		body, err := encodePayload(t.Type, now, endpoint, map[string]any{"id": endpoint, "message": "This is a test. Nothing has happened."})
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlInsertMessage, t.ID, employer, t.Type, t.ObjectID, now, body); err != nil {
			return fmt.Errorf("test webhook %s: %w", endpoint, err)
		}
		id := m.ids.ID()
		if err := insertDeliveries(ctx, tx, t, []uuid.UUID{id}, []uuid.UUID{endpoint}, now); err != nil {
			return err
		}
		if err := m.jobs.EnqueueTx(ctx, tx, deliverJob(employer, id, 1)); err != nil {
			return err
		}
		if d, err = findDelivery(ctx, tx, employer, endpoint, id); err != nil {
			return err
		}
		return m.record(ctx, tx, "webhook.tested", endpoint, nil, map[string]any{"deliveryId": id})
	})
	return d, err
}

// byHandLimit is how much one employer sends by hand, so that nobody keeps the queue busy with a button. All of a short outage
// can still be sent again in some minutes.
var byHandLimit = rest.Rate{Count: 60, Per: time.Minute}

func (m *Module) byHand(ctx context.Context) error {
	return m.limiter.Take(ctx, "webhook_by_hand", employerOf(ctx).String(), byHandLimit)
}
