package activity

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/pg"
	"credlane/app/kit/rounds"
)

const (
	maxListeners = 500
	maxOfOne     = 50
	maxBehind    = 16
	pollEvery    = time.Second
	pollLimit    = 10 * time.Second
	maxNews      = 1_000 // events of one employer told by one look; of a greater burst the latest

	// An event's id is made before its transaction commits, so those of the last moments are looked at again.
	lookBack = 15 * time.Second
)

// Listener is one page that hears what happens for its employer.
type Listener struct {
	employer uuid.UUID
	hub      *hub
	items    chan []Item
	over     chan struct{}
	once     sync.Once
}

// Items brings what happened, oldest first.
func (l *Listener) Items() <-chan []Item { return l.items }

// Over is closed when nothing more comes: the program ends, or the listener was too slow.
func (l *Listener) Over() <-chan struct{} { return l.over }

// Close ends the listening.
func (l *Listener) Close() { l.hub.leave(l) }

func (l *Listener) end() { l.once.Do(func() { close(l.over) }) }

// hub looks for what is new, once for all who listen and only while somebody does.
type hub struct {
	m    *Module
	mu   sync.Mutex
	all  map[uuid.UUID]*crowd
	n    int
	stop context.CancelFunc // of the poller; nil while nobody listens
	done chan struct{}      // closed when the poller has ended
	over bool
}

// crowd are the listeners of one employer, and what they have been told of the last moments.
type crowd struct {
	listeners map[*Listener]struct{}
	seen      map[uuid.UUID]struct{}
}

func newHub(m *Module) *hub { return &hub{m: m, all: map[uuid.UUID]*crowd{}} }

// Listen begins to listen for the caller's employer; whoever does must Close. What was there before is not told.
// Fault: ErrTooManyListeners.
func (m *Module) Listen(ctx context.Context) (*Listener, error) {
	l := &Listener{
		employer: authn.From(ctx).EmployerID, hub: m.hub, items: make(chan []Item, cmp.Or(m.MaxBehind, maxBehind)), over: make(chan struct{}),
	}
	known, err := m.recent(ctx, []uuid.UUID{l.employer})
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if err := m.hub.join(l, known); err != nil {
		return nil, err
	}
	return l, nil
}

// EndStreams ends all listening, for the program's end: a stream would keep the server from stopping.
func (m *Module) EndStreams() {
	h := m.hub
	h.mu.Lock()
	h.over = true
	for _, c := range h.all {
		for l := range c.listeners {
			l.end()
		}
	}
	done := h.quiet()
	h.mu.Unlock()
	if done != nil {
		<-done
	}
}

func (h *hub) join(l *Listener, known []event) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.all[l.employer]
	if h.over || h.n >= cmp.Or(h.m.MaxListeners, maxListeners) || c != nil && len(c.listeners) >= cmp.Or(h.m.MaxOfOne, maxOfOne) {
		return ErrTooManyListeners
	}
	if c == nil {
		c = &crowd{listeners: map[*Listener]struct{}{}, seen: map[uuid.UUID]struct{}{}}
		for _, e := range known {
			c.seen[e.ID] = struct{}{}
		}
		h.all[l.employer] = c
	}
	c.listeners[l] = struct{}{}
	if h.n++; h.stop == nil {
		ctx, stop := context.WithCancel(context.Background())
		h.stop, h.done = stop, make(chan struct{})
		go func(done chan struct{}) {
			defer close(done)
			h.poll(ctx)
		}(h.done)
	}
	return nil
}

func (h *hub) leave(l *Listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(l)
}

// drop takes l out; the lock is held.
func (h *hub) drop(l *Listener) {
	l.end()
	c := h.all[l.employer]
	if c == nil {
		return
	}
	if _, there := c.listeners[l]; !there {
		return
	}
	delete(c.listeners, l)
	if len(c.listeners) == 0 {
		delete(h.all, l.employer)
	}
	if h.n--; h.n == 0 {
		h.quiet()
	}
}

// quiet stops the poller and gives what is closed when it has ended; nil when there is none. The lock is held.
func (h *hub) quiet() <-chan struct{} {
	if h.stop == nil {
		return nil
	}
	h.stop()
	h.stop = nil
	return h.done
}

// poll looks for news until ctx ends.
func (h *hub) poll(ctx context.Context) {
	plan := rounds.Plan{Name: "looking for news for the live feed", Every: cmp.Or(h.m.PollEvery, pollEvery), Limit: pollLimit}
	// Run gives no error: what a round cannot do, it logs.
	_ = rounds.Run(ctx, h.m.Log, plan, h.look)
}

// look tells everybody what happened since the look before.
func (h *hub) look(ctx context.Context) error {
	h.mu.Lock()
	employers := make([]uuid.UUID, 0, len(h.all))
	for id := range h.all {
		employers = append(employers, id)
	}
	h.mu.Unlock()
	if len(employers) == 0 {
		return nil
	}
	events, err := h.m.recent(ctx, employers)
	if err != nil {
		return err
	}
	byEmployer := map[uuid.UUID][]event{}
	for _, e := range events {
		byEmployer[e.EmployerID] = append(byEmployer[e.EmployerID], e)
	}
	for _, employer := range employers {
		fresh := h.fresh(employer, byEmployer[employer])
		if len(fresh) == 0 {
			continue
		}
		acts, _, _ := gather(nil, fresh, maxNews, uuid.Nil)
		items, err := h.m.tell(ctx, employer, acts)
		if err != nil {
			return err
		}
		slices.Reverse(items)
		h.hand(employer, fresh, items)
	}
	return nil
}

// fresh are the events that the employer's listeners were not told of. It forgets those that are no longer looked at.
func (h *hub) fresh(employer uuid.UUID, events []event) (list []event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.all[employer]
	if c == nil {
		return nil
	}
	still := make(map[uuid.UUID]struct{}, len(events))
	for _, e := range events {
		if _, known := c.seen[e.ID]; known {
			still[e.ID] = struct{}{}
		} else {
			list = append(list, e)
		}
	}
	c.seen = still
	return list
}

// hand gives items to every listener of the employer. Who cannot take them is dropped: a feed with holes would be a lie.
func (h *hub) hand(employer uuid.UUID, told []event, items []Item) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.all[employer]
	if c == nil {
		return
	}
	for _, e := range told {
		c.seen[e.ID] = struct{}{}
	}
	for l := range c.listeners {
		select {
		case l.items <- items:
		default:
			h.drop(l)
		}
	}
}

// Each employer's end of the index by itself: over all of them at once a planner would walk everybody's events.
const sqlRecent = `
SELECT r.id, r.employer_id, r.actor_kind, r.actor_id, r.action, r.object_id, r.after, r.request_id, r.at
  FROM unnest($1::uuid[]) AS w (employer_id)
 CROSS JOIN LATERAL (
       SELECT e.id, e.employer_id, e.actor_kind, e.actor_id, e.action, e.object_id, e.after, e.request_id, e.at
         FROM audit_events e
        WHERE e.employer_id = w.employer_id AND e.id > $2 AND e.action = ANY ($3)
        ORDER BY e.employer_id DESC, e.id DESC
        LIMIT $4) r
 ORDER BY r.id DESC`

// recent are the events of the last moments, newest first.
func (m *Module) recent(ctx context.Context, employers []uuid.UUID) ([]event, error) {
	list, err := pg.All[event](ctx, m.DB, sqlRecent, employers, firstID(m.Clock.Now().Add(-lookBack)), told(), maxNews)
	if err != nil {
		return nil, fmt.Errorf("recent activity: %w", err)
	}
	return list, nil
}

// firstID is the least id that a clock at t makes.
func firstID(t time.Time) (id uuid.UUID) {
	binary.BigEndian.PutUint64(id[:8], uint64(max(0, t.UnixMilli()))<<16)
	return id
}
