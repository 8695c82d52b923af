package dashboard

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
	"credlane/modules/webhooks"
	"credlane/web"
	"credlane/web/chart"
)

// eventWords say what each event is.
var eventWords = map[string]string{
	"assessment.published": "a version goes live",
	"assessment.closed":    "no more candidates start",
	"invite.opened":        "an invited person opens the link",
	"invite.declined":      "an invited person declines",
	"submission.started":   "a candidate starts",
	"submission.submitted": "a candidate hands in",
	"submission.expired":   "the time ran out",
	"submission.scored":    "a score is there",
	webhooks.EventTest:     "a test that you send yourself",
}

// eventOption is an event to hear of.
type eventOption struct {
	Type, Words string
	Chosen      bool
}

func events(chosen []string) []eventOption {
	var list []eventOption
	for _, t := range webhooks.EventTypes() {
		if t != webhooks.EventTest { // it comes whatever is chosen
			list = append(list, eventOption{t, eventWords[t], slices.Contains(chosen, t)})
		}
	}
	return list
}

// recent is how many deliveries the lane of a webhook shows.
const recent = 24

// hook is one webhook with how it does.
type hook struct {
	webhooks.Endpoint
	Lane   template.HTML
	Says   string // how the latest deliveries went
	Until  *time.Time
	Why    string // of a failure, or of being disabled
	Events []eventOption
}

// Enabled tells whether it gets anything.
func (h hook) Enabled() bool { return h.DisabledAt == nil }

type webhooksPage struct {
	Hooks  []hook
	Events []eventOption
	Max    int
}

func (d *Dashboard) webhooks(r *http.Request, _ *shell) (any, error) {
	list, err := d.Webhooks.List(r.Context(), uuid.Nil, webhooks.MaxEndpoints)
	if err != nil {
		return nil, err
	}
	p := webhooksPage{Events: events([]string{"submission.scored"}), Max: webhooks.MaxEndpoints}
	for _, e := range list {
		h, err := d.hook(r, e)
		if err != nil {
			return nil, err
		}
		p.Hooks = append(p.Hooks, h)
	}
	return p, nil
}

// gaveUpAfter is how long a webhook may fail before it is disabled.
const gaveUpAfter = 5 * 24 * time.Hour

func (d *Dashboard) hook(r *http.Request, e webhooks.Endpoint) (hook, error) {
	last, err := d.Webhooks.Deliveries(r.Context(), e.ID, "", uuid.Nil, recent)
	if err != nil {
		return hook{}, err
	}
	h := hook{Endpoint: e, Events: events(e.EventTypes)}
	var arrived, retried, failed int
	states := slices.Repeat([]string{"wait"}, recent)
	for i, delivery := range last {
		at := recent - 1 - i // the newest stands last
		switch delivery.State {
		case "succeeded":
			arrived++
			states[at] = "done"
		case "failed":
			failed++
			states[at] = "bad"
		case "retrying":
			retried++
			states[at] = "late"
		}
		if h.Why == "" && delivery.LastError != nil && delivery.State != "succeeded" {
			h.Why = *delivery.LastError
		}
	}
	if len(last) == 0 {
		h.Says = "Nothing was sent in the last 30 days."
	} else {
		h.Lane = chart.ThickLane(fmt.Sprintf("Last %s: %d arrived, %d being tried again, %d failed", web.Plural(len(last), "delivery", "deliveries"), arrived, retried, failed), states...)
		h.Says = fmt.Sprintf("%d of the last %d arrived.", arrived, len(last))
	}
	if e.FailingSince != nil {
		until := e.FailingSince.Add(gaveUpAfter)
		h.Until = &until
	}
	if e.DisabledReason != nil {
		h.Why = map[string]string{
			"by_hand": "It was switched off by hand.", "gone": "The receiver answered 410: it wants no more.",
			"failing": "The receiver took nothing for 5 days.",
		}[*e.DisabledReason]
	}
	return h, nil
}

// webhookPage is one webhook, what went to it, and one delivery in full.
type webhookPage struct {
	Hook       hook
	States     []option
	Deliveries []webhooks.Delivery
	First      string
	Next       string
	Open       *deliveryPane
	query      url.Values
}

// At is the address of this list with one delivery open.
func (p webhookPage) At(delivery uuid.UUID) string {
	q := maps.Clone(p.query)
	q.Set("delivery", delivery.String())
	return settingsPath + "/webhooks/" + p.Hook.ID.String() + "?" + q.Encode()
}

// deliveryPane is one delivery in full.
type deliveryPane struct {
	webhooks.Delivery
	Payload string
	Tries   []tryPane
	Close   string
}

type tryPane struct {
	webhooks.Try
	Request, Response []header
}

type header struct{ Name, Value string }

var deliveryStates = []struct{ state, label string }{
	{"", "All"}, {"succeeded", "Arrived"}, {"queued", "Going out"}, {"retrying", "Being tried again"}, {"failed", "Failed"},
}

func (d *Dashboard) webhook(r *http.Request, s *shell) (any, error) {
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		return nil, webhooks.ErrNotFound
	}
	e, err := d.Webhooks.Find(r.Context(), id)
	if err != nil {
		return nil, err
	}
	p := webhookPage{query: r.URL.Query()}
	if p.Hook, err = d.hook(r, e); err != nil {
		return nil, err
	}
	s.Title = "Webhook"
	s.Crumbs = []crumb{{"Settings", settingsPath}, {"Webhooks", settingsPath + "/webhooks"}, {hostOf(e.URL), ""}}
	if err := d.deliveries(r, id, &p); err != nil {
		return nil, err
	}
	if one := r.URL.Query().Get("delivery"); one != "" {
		p.Open, err = d.delivery(r, id, one)
	}
	return p, err
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return address
	}
	return u.Host
}

// deliveries fills the list, of one state where one is chosen.
func (d *Dashboard) deliveries(r *http.Request, id uuid.UUID, p *webhookPage) error {
	q := r.URL.Query()
	state := q.Get("state")
	known := false
	for _, s := range deliveryStates {
		address := r.URL.Path
		if s.state != "" {
			address += "?state=" + s.state
		}
		p.States = append(p.States, option{Label: s.label, URL: address, Current: s.state == state})
		known = known || s.state == state
	}
	if !known {
		return rest.ErrNotFound
	}
	var before uuid.UUID
	if cursor := q.Get("cursor"); cursor != "" {
		if err := pg.DecodeCursor(cursor, &before); err != nil {
			return err
		}
	}
	list, err := d.Webhooks.Deliveries(r.Context(), id, webhooks.State(state), before, settingsLimit+1)
	if err != nil {
		return err
	}
	p.First = firstOf(r)
	if len(list) > settingsLimit {
		list = list[:settingsLimit]
		cursor, err := pg.EncodeCursor(list[settingsLimit-1].ID)
		if err != nil {
			return err
		}
		p.Next = nextOf(r, &cursor)
	}
	p.Deliveries = list
	return nil
}

func (d *Dashboard) delivery(r *http.Request, hook uuid.UUID, text string) (*deliveryPane, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return nil, webhooks.ErrDeliveryNotFound
	}
	found, payload, tries, err := d.Webhooks.DeliveryInFull(r.Context(), hook, id)
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	q.Del("delivery")
	pane := &deliveryPane{Delivery: found, Payload: pretty(payload), Close: r.URL.Path}
	if len(q) > 0 {
		pane.Close += "?" + q.Encode()
	}
	for _, t := range tries {
		pane.Tries = append(pane.Tries, tryPane{t, headersOf(t.RequestHeaders), headersOf(t.ResponseHeaders)})
	}
	return pane, nil
}

func headersOf(all map[string]string) []header {
	list := make([]header, 0, len(all))
	for name, value := range all {
		list = append(list, header{name, value})
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}

// pretty lays JSON out for reading; what is none stays as it is.
func pretty(text string) string {
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(text), "", "  "); err != nil {
		return text
	}
	return out.String()
}
