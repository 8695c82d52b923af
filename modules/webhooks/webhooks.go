// Package webhooks tells other systems what happened, signed as the Standard Webhooks specification 1.0.0 has it.
//
// An event is announced in the transaction of its change: a row and a job, and only where somebody wants to hear of it. The job
// reads the object, fixes the payload and fans it out, one delivery to an endpoint; each delivery is tried on the
// specification's ladder until it succeeds or is given up, and can be replayed by hand for thirty days.
package webhooks

import (
	"context"
	"crypto/cipher"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/clock"
	"credlane/app/kit/fault"
	"credlane/app/kit/ids"
	"credlane/app/kit/jobs"
	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
	"credlane/app/kit/seal"
)

// Deps is what the module stands on.
type Deps struct {
	DB       *pg.DB
	Clock    clock.Clock
	IDs      *ids.Source
	Jobs     *jobs.Client
	Key      *seal.Key
	Limiter  *rest.Limiter
	Log      *slog.Logger
	Objects  Objects
	Counters Counters // nil counts nothing
	// Networks are those that deliveries may go to although they are not public, and without TLS.
	Networks []netip.Prefix
	Roots    *x509.CertPool // who vouches for receivers; nil is the system's
	Resolver Resolver       // nil is the system's
}

// Objects describes what an event is about, as other systems may see it. An object that is gone is a fault of kind NotFound.
type Objects interface {
	Describe(ctx context.Context, employer uuid.UUID, eventType string, object uuid.UUID) (any, error)
}

// Counters counts what happens, for whoever watches the product.
type Counters interface {
	WebhookTried(outcome string) // succeeded, refused (an answer that is no success), unreachable, timeout or forbidden
}

type uncounted struct{}

func (uncounted) WebhookTried(string) {}

// EventTest is the type of the message that a test sends; it reaches the endpoint under test, whatever else that wants.
const EventTest = "webhook.test"

// EventTypes lists what can be heard of.
func EventTypes() []string {
	return []string{
		"assessment.published", "assessment.closed",
		"invite.opened", "invite.declined",
		"submission.started", "submission.submitted", "submission.expired", "submission.scored",
		EventTest,
	}
}

// Module is the capability. It is safe for concurrent use.
type Module struct {
	db       *pg.DB
	clock    clock.Clock
	ids      *ids.Source
	jobs     *jobs.Client
	log      *slog.Logger
	objects  Objects
	counters Counters
	sealer   cipher.AEAD
	rules    addressRules
	sender   *sender
	limiter  *rest.Limiter
	busy     busy
}

// New makes the module and declares its jobs.
func New(d Deps) (*Module, error) {
	sealer, err := d.Key.Sealer("webhook secrets v1")
	if err != nil {
		return nil, fmt.Errorf("webhooks: %w", err)
	}
	if d.Counters == nil {
		d.Counters = uncounted{}
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	rules := addressRules{slices.Clone(d.Networks)}
	m := &Module{
		db: d.DB, clock: d.Clock, ids: d.IDs, jobs: d.Jobs, log: d.Log, objects: d.Objects, counters: d.Counters, sealer: sealer,
		limiter: d.Limiter, rules: rules, sender: newSender(rules, d.Resolver, d.Roots),
	}
	m.handle()
	return m, nil
}

// Name is the module's name.
func (*Module) Name() string { return "webhooks" }

// Limits of what an employer may set up, and of what is kept.
const (
	MaxEndpoints   = 20
	MaxURL         = 2000 // characters
	MaxDescription = 200  // characters

	maxPayload      = 20_000 // bytes, exclusive
	keepFor         = 30 * 24 * time.Hour
	rotationOverlap = 24 * time.Hour     // how long the secret before signs too
	failingLimit    = 5 * 24 * time.Hour // after which an endpoint that never succeeds is disabled
)

// The faults of this module.
var (
	ErrNotFound = fault.New(fault.NotFound, "webhook_not_found",
		"There is no such webhook. List your webhooks to see them.")
	ErrDeliveryNotFound = fault.New(fault.NotFound, "delivery_not_found",
		"This webhook has no such delivery. Deliveries are kept for 30 days.")
	ErrTooMany = fault.New(fault.Conflict, "too_many_webhooks",
		"There are 20 webhooks already. Delete one that you no longer need.")
	ErrDisabled = fault.New(fault.Conflict, "webhook_disabled",
		"The webhook is disabled. Enable it first.")
	ErrQueued = fault.New(fault.Conflict, "delivery_queued",
		"The delivery is about to go out. Wait for its outcome before you replay it.")
)
