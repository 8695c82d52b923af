package webhooks

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/authn"
	"credlane/app/kit/clock"
	"credlane/app/kit/fault"
	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
)

const (
	base = "/api/v1/webhooks"
	one  = base + "/{id}"
	tag  = "Webhooks"
)

// Mount declares the module's operations.
func (m *Module) Mount(h *rest.Host) {
	m.mountEndpoints(h)
	m.mountSecrets(h)
	m.mountDeliveries(h)
}

// EndpointBody is a webhook as people see it, without its secret.
type EndpointBody struct {
	ID                  uuid.UUID  `json:"id"`
	URL                 string     `json:"url" example:"https://hooks.example.com/credlane"`
	Description         string     `json:"description"`
	EventTypes          []string   `json:"eventTypes" example:"[\"submission.scored\"]"`
	Enabled             bool       `json:"enabled"`
	DisabledAt          *time.Time `json:"disabledAt"`
	DisabledReason      *string    `json:"disabledReason" doc:"by_hand; gone: it answered 410; failing: it took no delivery for five days."`
	FailingSince        *time.Time `json:"failingSince" doc:"The first failure since a delivery last succeeded."`
	PreviousSecretUntil *time.Time `json:"previousSecretUntil" doc:"Until then the secret before signs too; null when it no longer does."`
	CreatedAt           time.Time  `json:"createdAt"`
	UpdatedAt           time.Time  `json:"updatedAt"`
}

func bodyOf(e Endpoint) EndpointBody {
	return EndpointBody{ID: e.ID, URL: e.URL, Description: e.Description, EventTypes: e.EventTypes, Enabled: e.DisabledAt == nil,
		DisabledAt: clock.UTC(e.DisabledAt), DisabledReason: e.DisabledReason, FailingSince: clock.UTC(e.FailingSince),
		PreviousSecretUntil: clock.UTC(e.PreviousUntil), CreatedAt: e.CreatedAt.UTC(), UpdatedAt: e.UpdatedAt.UTC()}
}

type endpointOut struct{ Body EndpointBody }

func out(e Endpoint, err error) (*endpointOut, error) {
	if err != nil {
		return nil, err
	}
	return &endpointOut{bodyOf(e)}, nil
}

type idIn struct {
	ID uuid.UUID `path:"id"`
}

type nothing struct{}

type createIn struct {
	Body struct {
		URL         string   `json:"url" minLength:"1" maxLength:"2000" example:"https://hooks.example.com/credlane" doc:"A public address with https://."`
		Description string   `json:"description,omitempty" maxLength:"200"`
		EventTypes  []string `json:"eventTypes" minItems:"1" maxItems:"100" enum:"assessment.published,assessment.closed,invite.opened,invite.declined,submission.started,submission.submitted,submission.expired,submission.scored,webhook.test" example:"[\"submission.scored\"]"`
	}
}

type updateIn struct {
	ID   uuid.UUID `path:"id"`
	Body struct {
		URL         *string   `json:"url,omitempty" minLength:"1" maxLength:"2000"`
		Description *string   `json:"description,omitempty" maxLength:"200"`
		EventTypes  *[]string `json:"eventTypes,omitempty" minItems:"1" maxItems:"100" enum:"assessment.published,assessment.closed,invite.opened,invite.declined,submission.started,submission.submitted,submission.expired,submission.scored,webhook.test"`
		Enabled     *bool     `json:"enabled,omitempty" doc:"False stops deliveries, true begins again with those to come."`
	}
}

type listIn struct{ rest.PageIn }

type listOut struct {
	Body rest.Page[EndpointBody]
}

func (m *Module) mountEndpoints(h *rest.Host) {
	rest.Handle(h, rest.Op{Method: http.MethodGet, Path: base, ID: "list-webhooks", Summary: "List webhooks, newest first", Tag: tag,
		Role: authn.Admin, Faults: []*fault.Error{pg.ErrCursor}}, m.listEndpoints)
	rest.Handle(h, rest.Op{Method: http.MethodGet, Path: one, ID: "get-webhook", Summary: "Get a webhook", Tag: tag,
		Role: authn.Admin, Faults: []*fault.Error{ErrNotFound}},
		func(ctx context.Context, in *idIn) (*endpointOut, error) { return out(m.Find(ctx, in.ID)) })
	rest.Handle(h, rest.Op{Method: http.MethodPatch, Path: one, ID: "update-webhook", Summary: "Change, disable or enable a webhook", Tag: tag,
		Description: "A merge: what is absent stays.", Role: authn.Admin, Faults: []*fault.Error{ErrNotFound}},
		func(ctx context.Context, in *updateIn) (*endpointOut, error) {
			return out(m.Update(ctx, in.ID, Change{in.Body.URL, in.Body.Description, in.Body.EventTypes, in.Body.Enabled}))
		})
	rest.Handle(h, rest.Op{Method: http.MethodDelete, Path: one, ID: "delete-webhook", Summary: "Delete a webhook", Tag: tag,
		Description: "What is still on its way to it is given up.", Role: authn.Admin, Status: http.StatusNoContent, Faults: []*fault.Error{ErrNotFound}},
		func(ctx context.Context, in *idIn) (*nothing, error) { return &nothing{}, m.Delete(ctx, in.ID) })
}

func (m *Module) listEndpoints(ctx context.Context, in *listIn) (*listOut, error) {
	before, err := idCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := m.List(ctx, before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	p, err := page(list, in.Limit, bodyOf, func(e Endpoint) uuid.UUID { return e.ID })
	return &listOut{p}, err
}

// idCursor reads the id that a page ended with; zero for the first page.
func idCursor(cursor string) (id uuid.UUID, err error) {
	if cursor != "" {
		err = pg.DecodeCursor(cursor, &id)
	}
	return id, err
}

// page cuts a list that was asked for one item more than the page holds, and tells where the next page begins.
func page[T, W any](list []T, limit int, wire func(T) W, id func(T) uuid.UUID) (rest.Page[W], error) {
	more := len(list) > limit
	if more {
		list = list[:limit]
	}
	p := rest.Page[W]{Items: make([]W, 0, len(list))}
	for _, item := range list {
		p.Items = append(p.Items, wire(item))
	}
	if !more {
		return p, nil
	}
	cursor, err := pg.EncodeCursor(id(list[limit-1]))
	if err != nil {
		return p, fmt.Errorf("cursor: %w", err)
	}
	p.NextCursor = &cursor
	return p, nil
}

// secretBody is a webhook with the secret that is shown this once.
type secretBody struct {
	EndpointBody
	Secret      string `json:"secret,omitempty" example:"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" doc:"Receivers verify with it (Standard Webhooks 1.0.0). Keep it safe; it is shown this once."`
	SecretShown bool   `json:"secretShown" doc:"False on a replay of the request: the secret is kept sealed."`
}

type secretOut struct {
	Location string `header:"Location"`
	Body     secretBody
}

// WithoutSecrets is the answer as it may be stored for a retry.
func (o *secretOut) WithoutSecrets() *secretOut {
	kept := *o
	kept.Body.Secret, kept.Body.SecretShown = "", false
	return &kept
}

func (m *Module) mountSecrets(h *rest.Host) {
	rest.Handle(h, rest.Op{Method: http.MethodPost, Path: base, ID: "create-webhook", Summary: "Hear of events", Tag: tag,
		Description: "Deliveries are POSTs signed by the Standard Webhooks specification 1.0.0, sent at least once: webhook-id stays the same over all tries. " +
			"Only 2xx is success; redirects are not followed; 410 disables the webhook.",
		Role: authn.Admin, Status: http.StatusCreated, Idempotent: true, Faults: []*fault.Error{ErrTooMany}}, m.create)
	rest.Handle(h, rest.Op{Method: http.MethodPost, Path: one + "/rotate", ID: "rotate-webhook-secret", Summary: "Make a new secret", Tag: tag,
		Description: "For 24 hours each delivery is signed with the secret before too; after several rotations with up to five secrets, the newest first.",
		Role:        authn.Admin, Faults: []*fault.Error{ErrNotFound}},
		func(ctx context.Context, in *idIn) (*secretOut, error) {
			e, secret, err := m.Rotate(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			return &secretOut{Body: secretBody{bodyOf(e), secret, true}}, nil
		})
}

func (m *Module) create(ctx context.Context, in *createIn) (*secretOut, error) {
	return rest.Once(ctx, m.db, func(tx pgx.Tx) (*secretOut, error) {
		e, secret, err := m.CreateTx(ctx, tx, Change{URL: &in.Body.URL, Description: &in.Body.Description, EventTypes: &in.Body.EventTypes})
		if err != nil {
			return nil, err
		}
		return &secretOut{Location: base + "/" + e.ID.String(), Body: secretBody{bodyOf(e), secret, true}}, nil
	})
}
