package webhooks

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/audit"
	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
)

const objectType = "webhook"

// employerOf is whose data the caller may touch.
func employerOf(ctx context.Context) uuid.UUID { return authn.From(ctx).EmployerID }

// Change is a merge: what is nil stays.
type Change struct {
	URL         *string
	Description *string
	EventTypes  *[]string
	Enabled     *bool
}

// apply merges the change into e; the error lists every reason against the result.
func (c Change) apply(e *Endpoint, rules addressRules, now time.Time) error {
	var wrong []fault.Field
	refuse := func(location, message string) {
		wrong = append(wrong, fault.Field{Location: location, Message: message})
	}
	if c.URL != nil {
		if e.URL = strings.TrimSpace(*c.URL); !rules.check(e.URL) {
			refuse("body.url", messageURL)
		}
	}
	if c.Description != nil {
		e.Description = strings.TrimSpace(*c.Description)
		if strings.ContainsFunc(e.Description, unicode.IsControl) || utf8.RuneCountInString(e.Description) > MaxDescription {
			refuse("body.description", "Use one line of at most 200 characters.")
		}
	}
	if c.EventTypes != nil {
		if len(*c.EventTypes) == 0 {
			refuse("body.eventTypes", "Choose at least one type of event.")
		}
		for i, t := range *c.EventTypes {
			if !slices.Contains(EventTypes(), t) {
				refuse(fmt.Sprintf("body.eventTypes[%d]", i), "There is no such type of event. Use some of: "+strings.Join(EventTypes(), ", ")+".")
			}
		}
		e.EventTypes = slices.Compact(slices.Sorted(slices.Values(*c.EventTypes)))
	}
	if wrong != nil {
		return rest.ErrInvalid.WithFields(wrong...)
	}
	switch by := reasonByHand; {
	case c.Enabled == nil || *c.Enabled == (e.DisabledAt == nil):
	case *c.Enabled:
		e.DisabledAt, e.DisabledReason, e.FailingSince = nil, nil, nil // it gets its five days again
	default:
		e.DisabledAt, e.DisabledReason = &now, &by
	}
	return nil
}

// List gives one page of the caller's employer's webhooks, newest first; before is the last id of the page before.
func (m *Module) List(ctx context.Context, before uuid.UUID, limit int) ([]Endpoint, error) {
	list, err := pg.All[Endpoint](ctx, m.db, sqlListEndpoints, employerOf(ctx), orLast(before), limit)
	if err != nil {
		return nil, fmt.Errorf("list webhooks: %w", err)
	}
	return list, nil
}

func orLast(id uuid.UUID) uuid.UUID {
	if id == uuid.Nil {
		return uuid.Max
	}
	return id
}

// Find gives one webhook of the caller's employer. Errors: ErrNotFound.
func (m *Module) Find(ctx context.Context, id uuid.UUID) (Endpoint, error) {
	return findEndpoint(ctx, m.db, sqlFindEndpoint, employerOf(ctx), id)
}

// CreateTx makes a webhook in tx and gives its secret, which is kept sealed and shown this once. Errors: ErrTooMany.
func (m *Module) CreateTx(ctx context.Context, tx pgx.Tx, c Change) (Endpoint, string, error) {
	employer, now := employerOf(ctx), m.clock.Now()
	e := Endpoint{ID: m.ids.ID(), CreatedAt: now, UpdatedAt: now}
	if err := c.apply(&e, m.rules, now); err != nil {
		return Endpoint{}, "", err
	}
	if _, err := tx.Exec(ctx, sqlLockEmployer, employer); err != nil {
		return Endpoint{}, "", fmt.Errorf("create a webhook: %w", err)
	}
	var there int
	if err := tx.QueryRow(ctx, sqlCountEndpoints, employer).Scan(&there); err != nil {
		return Endpoint{}, "", fmt.Errorf("create a webhook: %w", err)
	}
	if there >= MaxEndpoints {
		return Endpoint{}, "", ErrTooMany
	}
	secret, sealed := m.newSecret(e.ID)
	if _, err := tx.Exec(ctx, sqlInsertEndpoint, e.ID, employer, e.URL, e.Description, e.EventTypes, sealed, now); err != nil {
		return Endpoint{}, "", fmt.Errorf("create a webhook: %w", Constraints().Translate(err))
	}
	return e, secret, m.record(ctx, tx, "webhook.created", e.ID, nil, e.trail())
}

// Update merges the change into a webhook; one that changes nothing leaves no trace. Errors: ErrNotFound.
func (m *Module) Update(ctx context.Context, id uuid.UUID, c Change) (Endpoint, error) {
	var after Endpoint
	err := m.db.InTx(ctx, func(tx pgx.Tx) error {
		employer, now := employerOf(ctx), m.clock.Now()
		before, err := findEndpoint(ctx, tx, sqlLockEndpoint, employer, id)
		if err != nil {
			return err
		}
		after = before
		if err := c.apply(&after, m.rules, now); err != nil {
			return err
		}
		if after.URL == before.URL && after.Description == before.Description && slices.Equal(after.EventTypes, before.EventTypes) &&
			(after.DisabledAt == nil) == (before.DisabledAt == nil) {
			return nil
		}
		after.UpdatedAt = now
		if err := updateEndpoint(ctx, tx, employer, after); err != nil {
			return err
		}
		return m.record(ctx, tx, "webhook.updated", id, before.trail(), after.trail())
	})
	return after, err
}

// Delete takes a webhook away: what is still on its way to it is given up. Errors: ErrNotFound.
func (m *Module) Delete(ctx context.Context, id uuid.UUID) error {
	return m.db.InTx(ctx, func(tx pgx.Tx) error {
		employer := employerOf(ctx)
		e, err := findEndpoint(ctx, tx, sqlLockEndpoint, employer, id)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlDeleteEndpoint, employer, id, m.clock.Now()); err != nil {
			return fmt.Errorf("delete webhook %s: %w", id, err)
		}
		return m.record(ctx, tx, "webhook.deleted", id, e.trail(), nil)
	})
}

// Rotate gives a webhook a new secret. Each one before signs too for 24 hours, the last four at most: who rotates again because
// the answer was lost does not cut off a receiver that still has the first. Errors: ErrNotFound.
func (m *Module) Rotate(ctx context.Context, id uuid.UUID) (e Endpoint, secret string, err error) {
	err = m.db.InTx(ctx, func(tx pgx.Tx) error {
		employer, now := employerOf(ctx), m.clock.Now()
		if _, err := findEndpoint(ctx, tx, sqlLockEndpoint, employer, id); err != nil {
			return err
		}
		var sealed []byte
		secret, sealed = m.newSecret(id)
		if _, err := tx.Exec(ctx, sqlRotateSecret, employer, id, sealed, now.Add(rotationOverlap), now); err != nil {
			return fmt.Errorf("rotate the secret of webhook %s: %w", id, err)
		}
		if e, err = findEndpoint(ctx, tx, sqlFindEndpoint, employer, id); err != nil {
			return err
		}
		return m.record(ctx, tx, "webhook.secret_rotated", id, nil, map[string]any{"previousUntil": e.PreviousUntil.UTC()})
	})
	return e, secret, err
}

// trail is what the audit trail tells of a webhook: not its whole address, in which receivers like to have a secret.
func (e Endpoint) trail() map[string]any {
	return map[string]any{"origin": origin(e.URL), "eventTypes": e.EventTypes, "enabled": e.DisabledAt == nil}
}

// record writes the audit row of a change.
func (m *Module) record(ctx context.Context, tx pgx.Tx, action string, id uuid.UUID, before, after map[string]any) error {
	e := audit.Event{ID: m.ids.ID(), EmployerID: employerOf(ctx), Action: action, ObjectType: objectType, ObjectID: id,
		RequestID: rest.RequestID(ctx), At: m.clock.Now()}
	if before != nil {
		e.Before = before
	}
	if after != nil {
		e.After = after
	}
	return audit.Write(ctx, tx, e)
}
