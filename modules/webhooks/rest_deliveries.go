package webhooks

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/clock"
	"credlane/app/kit/fault"
	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
)

// DeliveryBody is a delivery in a list.
type DeliveryBody struct {
	ID         uuid.UUID  `json:"id"`
	WebhookID  uuid.UUID  `json:"webhookId" doc:"The webhook it goes to."`
	MessageID  uuid.UUID  `json:"messageId" doc:"The header webhook-id of all its tries."`
	Type       string     `json:"type" example:"submission.scored"`
	ObjectID   uuid.UUID  `json:"objectId" doc:"What the event is about."`
	State      State      `json:"state" enum:"queued,retrying,succeeded,failed"`
	Attempts   int        `json:"attempts"`
	LastStatus *int       `json:"lastStatus" doc:"Null where no answer came."`
	LastError  *string    `json:"lastError"`
	NextAt     *time.Time `json:"nextAt" doc:"When it is tried again."`
	CreatedAt  time.Time  `json:"createdAt"`
	EndedAt    *time.Time `json:"endedAt"`
}

func deliveryOf(d Delivery) DeliveryBody {
	return DeliveryBody{ID: d.ID, WebhookID: d.EndpointID, MessageID: d.MessageID, Type: d.Type, ObjectID: d.ObjectID, State: d.State,
		Attempts: d.Attempts, LastStatus: d.LastStatus, LastError: d.LastError, NextAt: clock.UTC(d.NextAt), CreatedAt: d.CreatedAt.UTC(),
		EndedAt: clock.UTC(d.EndedAt)}
}

type deliveryOut struct{ Body DeliveryBody }

func delivered(d Delivery, err error) (*deliveryOut, error) {
	if err != nil {
		return nil, err
	}
	return &deliveryOut{deliveryOf(d)}, nil
}

type requestBody struct {
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
}

type responseBody struct {
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers" doc:"The first 40 by name, each cut to 300 bytes."`
	Body    string            `json:"body" doc:"The first 4 KiB."`
}

type tryBody struct {
	Number   int           `json:"number"`
	At       time.Time     `json:"at"`
	TookMS   int           `json:"tookMs"`
	Error    *string       `json:"error" doc:"Null when it succeeded."`
	Request  requestBody   `json:"request" doc:"Its body is the delivery's payload."`
	Response *responseBody `json:"response" doc:"Null where no answer came."`
}

func tryOf(t Try) tryBody {
	b := tryBody{Number: t.Number, At: t.At.UTC(), TookMS: t.TookMS, Error: t.Error, Request: requestBody{t.URL, t.RequestHeaders}}
	if t.Status != nil {
		b.Response = &responseBody{*t.Status, t.ResponseHeaders, t.ResponseBody}
	}
	return b
}

type fullBody struct {
	DeliveryBody
	Payload rest.Raw  `json:"payload" doc:"The body of its requests."`
	Tries   []tryBody `json:"tries" doc:"Newest first, the last hundred."`
}

type fullOut struct{ Body fullBody }

type deliveriesIn struct {
	ID uuid.UUID `path:"id"`
	rest.PageIn
	State State `query:"state" enum:"queued,retrying,succeeded,failed" doc:"Only those in this state."`
}

type deliveryIn struct {
	ID         uuid.UUID `path:"id"`
	DeliveryID uuid.UUID `path:"did"`
}

type deliveriesOut struct {
	Body rest.Page[DeliveryBody]
}

func (m *Module) mountDeliveries(h *rest.Host) {
	rest.Handle(h, rest.Op{Method: http.MethodPost, Path: one + "/test", ID: "test-webhook", Summary: "Send a test event", Tag: tag,
		Description: "It goes to this webhook alone, whatever it listens to.", Role: authn.Admin, Faults: []*fault.Error{ErrNotFound, ErrDisabled, rest.ErrTooMany}},
		func(ctx context.Context, in *idIn) (*deliveryOut, error) { return delivered(m.Test(ctx, in.ID)) })
	rest.Handle(h, rest.Op{Method: http.MethodGet, Path: one + "/deliveries", ID: "list-webhook-deliveries",
		Summary: "List deliveries of the last 30 days, newest first", Tag: tag,
		Role: authn.Admin, Faults: []*fault.Error{ErrNotFound, pg.ErrCursor}}, m.listDeliveries)
	rest.Handle(h, rest.Op{Method: http.MethodGet, Path: one + "/deliveries/{did}", ID: "get-webhook-delivery",
		Summary: "Get a delivery with its requests and answers", Tag: tag,
		Role: authn.Admin, Faults: []*fault.Error{ErrDeliveryNotFound}}, m.getDelivery)
	rest.Handle(h, rest.Op{Method: http.MethodPost, Path: one + "/deliveries/{did}/replay", ID: "replay-webhook-delivery",
		Summary: "Send a delivery again, now", Tag: tag,
		Role: authn.Admin, Faults: []*fault.Error{ErrNotFound, ErrDeliveryNotFound, ErrDisabled, ErrQueued, rest.ErrTooMany}},
		func(ctx context.Context, in *deliveryIn) (*deliveryOut, error) {
			return delivered(m.Replay(ctx, in.ID, in.DeliveryID))
		})
}

func (m *Module) listDeliveries(ctx context.Context, in *deliveriesIn) (*deliveriesOut, error) {
	before, err := idCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := m.Deliveries(ctx, in.ID, in.State, before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	p, err := page(list, in.Limit, deliveryOf, func(d Delivery) uuid.UUID { return d.ID })
	return &deliveriesOut{p}, err
}

func (m *Module) getDelivery(ctx context.Context, in *deliveryIn) (*fullOut, error) {
	d, payload, tries, err := m.DeliveryInFull(ctx, in.ID, in.DeliveryID)
	if err != nil {
		return nil, err
	}
	full := fullBody{deliveryOf(d), rest.Raw(payload), make([]tryBody, 0, len(tries))}
	for _, t := range tries {
		full.Tries = append(full.Tries, tryOf(t))
	}
	return &fullOut{full}, nil
}
