package webhooks

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/audit"
	"credlane/app/kit/fault"
	"credlane/app/kit/jobs"
)

const (
	kindPrepare = "webhooks.prepare"
	kindDeliver = "webhooks.deliver"
	kindTidy    = "webhooks.tidy"
)

// ladder is how long after the try before each one comes (Standard Webhooks 1.0.0): three days in all.
var ladder = []time.Duration{
	0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour,
	24 * time.Hour,
}

func (m *Module) handle() {
	m.jobs.Handle(jobs.Kind{Name: kindPrepare, Queue: jobs.Events, Attempts: 20, Timeout: 30 * time.Second, Work: m.prepare})
	// The ladder is counted in the delivery, which knows what was really tried: a worker's death is no answer of a receiver.
	m.jobs.Handle(jobs.Kind{Name: kindDeliver, Queue: jobs.Webhooks, Attempts: 40, Timeout: 2 * sendLimit, Work: m.deliver, Died: m.died})
	m.jobs.Handle(jobs.Kind{Name: kindTidy, Queue: jobs.Upkeep, Attempts: 3, Timeout: time.Minute, Work: m.tidy})
	m.jobs.Repeat(jobs.Periodic{Kind: kindTidy, Every: time.Hour})
}

type prepareArgs struct {
	MessageID uuid.UUID `json:"messageId"`
}

type deliverArgs struct {
	DeliveryID uuid.UUID `json:"deliveryId"`
	Round      int       `json:"round"`
}

func deliverJob(employer, delivery uuid.UUID, round int) jobs.Job {
	return jobs.Job{Kind: kindDeliver, EmployerID: employer, Args: deliverArgs{delivery, round},
		Unique: fmt.Sprintf("%s %d", delivery, round)}
}

// payload is the body of every delivery (Standard Webhooks 1.0.0).
type payload struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      any       `json:"data"`
}

// encodePayload falls back to the object's id, by which a receiver can ask for the rest, where all of it would be too much.
func encodePayload(eventType string, at time.Time, object uuid.UUID, data any) (string, error) {
	p := payload{eventType, at.UTC(), data}
	encoded, err := json.Marshal(p)
	if err == nil && len(encoded) >= maxPayload {
		p.Data = map[string]any{"id": object}
		encoded, err = json.Marshal(p)
	}
	if err != nil {
		return "", fmt.Errorf("encode %s of %s: %w", eventType, object, err)
	}
	return string(encoded), nil
}

// prepare fixes a message's payload and fans it out.
func (m *Module) prepare(ctx context.Context, a *jobs.Attempt) error {
	var args prepareArgs
	if err := a.Into(&args); err != nil {
		return err
	}
	e, err := findMessage(ctx, m.db, args.MessageID)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // its employer is gone, or it has been prepared
	}
	if err != nil {
		return err
	}
	data, err := m.objects.Describe(ctx, e.EmployerID, e.Type, e.ObjectID)
	if f, ok := fault.As(err); ok && f.Kind == fault.NotFound {
		return a.Finish(ctx, func(tx pgx.Tx) error { return dropMessage(ctx, tx, e.ID) }) // nothing is left to tell of
	}
	if err != nil {
		return fmt.Errorf("describe %s: %w", e.Type, err)
	}
	body, err := encodePayload(e.Type, e.At, e.ObjectID, data)
	if err != nil {
		return err
	}
	return a.Finish(ctx, func(tx pgx.Tx) error { return m.fanOutTx(ctx, tx, e, body) })
}

// fanOutTx makes the deliveries of a message, and their jobs.
func (m *Module) fanOutTx(ctx context.Context, tx pgx.Tx, e message, body string) error {
	now := m.clock.Now()
	endpoints, err := listening(ctx, tx, e.EmployerID, e.Type)
	if err != nil {
		return err
	}
	if len(endpoints) == 0 { // they were disabled in the meantime
		return dropMessage(ctx, tx, e.ID)
	}
	if err := setPayload(ctx, tx, e.ID, body, now); err != nil {
		return err
	}
	ids, list := make([]uuid.UUID, len(endpoints)), make([]jobs.Job, len(endpoints))
	for i := range endpoints {
		ids[i] = m.ids.ID()
		list[i] = deliverJob(e.EmployerID, ids[i], 1)
	}
	if err := insertDeliveries(ctx, tx, e, ids, endpoints, now); err != nil {
		return err
	}
	return m.jobs.EnqueueTx(ctx, tx, list...)
}

const (
	maxBusy         = 4 // tries at one endpoint at once in one process, of the sixteen that the queue works on
	maxBusyEmployer = 6 // likewise at all endpoints of one employer

	// A receiver that takes longer over a try, or has not answered any for as long, is slow: it has one place, and its line
	// comes to see seldom. The line of any other one comes back at once.
	slowTry = 2 * time.Second
	maxSlow = 1000 // slow receivers that are remembered

	putOffSlow, putOffSlowMost = 20 * time.Second, 10 * time.Minute
	putOffFast, putOffFastMost = 200 * time.Millisecond, 2 * time.Second
)

// busy counts the tries under way at each endpoint and of each employer, so that those who take their fifteen seconds over every
// answer do not hold up everybody's deliveries.
type busy struct {
	mu    sync.Mutex
	tries map[uuid.UUID]int
	since map[uuid.UUID]time.Time // of an endpoint with tries under way: when one began or ended last
	slow  map[uuid.UUID]bool      // endpoints whose last try was slow
}

// enter takes a place for a try at the delivery's endpoint. Where there is none it says whether that is for long.
func (b *busy) enter(d due, now time.Time) (entered, slow bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tries == nil {
		b.tries, b.since, b.slow = map[uuid.UUID]int{}, map[uuid.UUID]time.Time{}, map[uuid.UUID]bool{}
	}
	began, under := b.since[d.EndpointID]
	slow = b.slow[d.EndpointID] || under && now.Sub(began) > slowTry
	places := maxBusy
	if slow {
		places = 1
	}
	if b.tries[d.EndpointID] >= places || b.tries[d.EmployerID] >= maxBusyEmployer {
		return false, slow
	}
	if !under {
		b.since[d.EndpointID] = now
	}
	b.tries[d.EndpointID]++
	b.tries[d.EmployerID]++
	return true, slow
}

// leave gives the place of a try back that took so long.
func (b *busy) leave(d due, now time.Time, took time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.since[d.EndpointID] = now
	for _, id := range []uuid.UUID{d.EndpointID, d.EmployerID} {
		if b.tries[id]--; b.tries[id] == 0 {
			delete(b.tries, id)
			delete(b.since, id)
		}
	}
	delete(b.slow, d.EndpointID)
	if took > slowTry {
		if len(b.slow) >= maxSlow {
			clear(b.slow)
		}
		b.slow[d.EndpointID] = true
	}
}

// putOff is for how long a delivery waits that has waited so many times before: the longer the line at its endpoint, the less
// often each one of the line comes to see.
func putOff(before int, slow bool) time.Duration {
	first, most := putOffFast, putOffFastMost
	if slow {
		first, most = putOffSlow, putOffSlowMost
	}
	d := min(first<<min(before, 10), most)
	return d/10 + rand.N(d-d/10)
}

var errNotDue = errors.New("the delivery is not due yet")

// deliver makes one try at a delivery.
func (m *Module) deliver(ctx context.Context, a *jobs.Attempt) error {
	var args deliverArgs
	if err := a.Into(&args); err != nil {
		return err
	}
	d, err := findDue(ctx, m.db, args.DeliveryID)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // too old, and gone
	}
	if err != nil {
		return err
	}
	now := m.clock.Now()
	switch {
	case d.Round != args.Round || d.ended():
		return nil // replayed since, or done
	case d.Disabled:
		return a.Finish(ctx, func(tx pgx.Tx) error { return giveUp(ctx, tx, args, "The webhook is disabled.", now) })
	case d.NextAt != nil && d.NextAt.Sub(now) > time.Second: // the worker died between two notes of one failure
		return jobs.RetryIn(d.NextAt.Sub(now), errNotDue)
	}
	began := time.Now()
	if entered, slow := m.busy.enter(d, began); !entered {
		return jobs.Snooze(putOff(a.Snoozes, slow))
	}
	defer func() { m.busy.leave(d, time.Now(), time.Since(began)) }()
	headers, err := m.headers(d, now)
	if err != nil {
		return err
	}
	t := m.sender.send(ctx, now, d.URL, headers, d.Payload)
	if ctx.Err() != nil { // the process stops: that is no answer
		return ctx.Err()
	}
	return m.settle(ctx, a, d, t)
}

// settle notes what came of a try, and says when the next one is.
func (m *Module) settle(ctx context.Context, a *jobs.Attempt, d due, t try) error {
	m.counters.WebhookTried(t.outcome)
	now := m.clock.Now()
	r := result{state: succeeded, ended: &now}
	var pause time.Duration
	if t.outcome != outcomeSucceeded {
		r.state = failed
		if next := d.Tries + 1; next < len(ladder) && !t.gone() {
			pause = max(jobs.Jittered(ladder[next]), t.retryAfter)
			at := now.Add(pause)
			r = result{state: retrying, next: &at}
		}
	}
	note := func(tx pgx.Tx) error { return m.noteTx(ctx, tx, d, t, r, now) }
	if r.state != retrying {
		// The delivery is its own dead letter, listed and replayed where its employer looks: a job that is dead for each
		// of somebody else's outages would only hide those that need the operator.
		return a.Finish(ctx, note)
	}
	if err := a.InTx(ctx, note); err != nil {
		return err
	}
	return jobs.RetryIn(pause, errors.New(t.reason))
}

// noteTx writes a try down, and what it means for the delivery and its endpoint.
func (m *Module) noteTx(ctx context.Context, tx pgx.Tx, d due, t try, r result, now time.Time) error {
	if err := noteTry(ctx, tx, d, t, r); err != nil {
		return err
	}
	if t.outcome == outcomeSucceeded {
		return noteHealth(ctx, tx, sqlWell, d.EndpointID)
	}
	if err := noteHealth(ctx, tx, sqlUnwell, d.EndpointID, now); err != nil {
		return err
	}
	reason, since := reasonFailing, now.Add(-failingLimit)
	if t.gone() {
		reason, since = reasonGone, now
	}
	disabled, err := disableFailing(ctx, tx, d.EndpointID, reason, since, now)
	if err != nil || !disabled {
		return err
	}
	m.log.WarnContext(ctx, "a webhook was disabled", "webhook", d.EndpointID, "employer", d.EmployerID, "reason", reason)
	return audit.Write(ctx, tx, audit.Event{ID: m.ids.ID(), EmployerID: d.EmployerID, Actor: audit.Job, Action: "webhook.disabled",
		ObjectType: objectType, ObjectID: d.EndpointID, After: map[string]any{"reason": reason}, At: now})
}

// died gives a delivery up whose job cannot go on.
func (m *Module) died(ctx context.Context, tx pgx.Tx, a *jobs.Attempt, _ error) error {
	var args deliverArgs
	if err := a.Into(&args); err != nil {
		return nil // there is no delivery to speak of
	}
	return giveUp(ctx, tx, args, "Something went wrong here. Replay the delivery.", m.clock.Now())
}

const tidyBatch = 1000 // rows of one statement, as they say themselves

// tidy forgets what is too old to be asked for.
func (m *Module) tidy(ctx context.Context, _ *jobs.Attempt) error {
	before := m.clock.Now().Add(-keepFor)
	for _, old := range []struct {
		sql  string
		args []any
	}{{sqlTidyMessages, []any{before, firstID(before.Add(idSlack))}}, {sqlTidyEndpoints, []any{before}}, {sqlTidySecrets, []any{m.clock.Now()}}} {
		for {
			tag, err := m.db.Exec(ctx, old.sql, old.args...)
			if err != nil {
				return fmt.Errorf("forget old webhooks: %w", err)
			}
			if tag.RowsAffected() < tidyBatch {
				break
			}
		}
	}
	return nil
}

// idSlack is how far a message's id may stand from its time: ids are ordered by the clock of the instance that made them.
const idSlack = time.Hour

// firstID is the least id that a clock at t makes, so that what is old is the beginning of the key.
func firstID(t time.Time) (id uuid.UUID) {
	binary.BigEndian.PutUint64(id[:8], uint64(max(0, t.UnixMilli()))<<16)
	return id
}
