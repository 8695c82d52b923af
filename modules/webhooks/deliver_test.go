package webhooks

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestAReceiverThatWasDownGetsTheSameMessageOnceItIsUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trusting)
	r := receive(t, status(500))
	e, secret := w.endpoint(r.URL, "submission.scored")
	w.work(w.Module)
	w.announce("submission.scored")
	d := w.after(e.ID, 1)
	found, err := w.Find(w.ctx, e.ID)
	if w.must(err); d.State != retrying || *d.LastStatus != 500 || found.FailingSince == nil {
		t.Fatalf("after a failure: %+v, %+v", d, found)
	}
	w.next(d)
	d = w.after(e.ID, 2)
	if pause := d.NextAt.Sub(w.clock.Now()); pause < 270*time.Second || pause > 330*time.Second {
		t.Errorf("the third try comes after %s, not about five minutes", pause)
	}
	r.answers(nil)
	w.next(d)
	if d = w.after(e.ID, 3); d.State != succeeded || d.LastError != nil || d.NextAt != nil {
		t.Errorf("after success: %+v", d)
	}
	if found, err = w.Find(w.ctx, e.ID); err != nil || found.FailingSince != nil {
		t.Errorf("still failing: %+v, %v", found, err)
	}
	seen := r.seen()
	for _, s := range seen {
		if s.header.Get("webhook-id") != d.MessageID.String() || string(s.body) != string(seen[0].body) {
			t.Errorf("another message: %v %s", s.header, s.body)
		}
	}
	if seen[0].header.Get("webhook-timestamp") == seen[1].header.Get("webhook-timestamp") {
		t.Error("a later try has the time of the first")
	}
	verify(t, secret, seen[0])
	_, _, tries, err := w.DeliveryInFull(w.ctx, e.ID, d.ID)
	if w.must(err); len(tries) != 3 || tries[0].Number != 3 || tries[0].Error != nil || *tries[2].Status != 500 {
		t.Errorf("tries %+v", tries)
	}
}

func TestADeliveryIsGivenUpAfterTheLadderAndCanBeReplayed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trusting)
	r := receive(t, status(503))
	e, _ := w.endpoint(r.URL, "submission.scored")
	w.work(w.Module)
	w.announce("submission.scored")
	began := w.clock.Now()
	d := w.after(e.ID, 1)
	for n := 2; n <= len(ladder); n++ {
		w.next(d)
		d = w.after(e.ID, n)
	}
	if d.State != failed || d.NextAt != nil || d.EndedAt == nil {
		t.Fatalf("after the ladder: %+v", d)
	}
	if took := w.clock.Now().Sub(began); took < 68*time.Hour || took > 84*time.Hour {
		t.Errorf("the ladder took %s, not about 75 hours", took)
	}
	w.until("the job is done with", func() bool {
		return value[int](w, `SELECT count(*) FROM river.river_job WHERE kind = $1 AND state = 'completed'`, kindDeliver) == 1
	})
	replay := func(attempts int) {
		t.Helper()
		replayed, err := w.Replay(w.ctx, e.ID, d.ID)
		if w.must(err); replayed.State != queued {
			t.Errorf("replayed: %+v", replayed)
		}
		d = w.after(e.ID, attempts)
	}
	replay(len(ladder) + 1)
	if d.State != retrying || d.NextAt.Sub(w.clock.Now()) > 6*time.Second {
		t.Errorf("a replay does not begin at the foot of the ladder: %+v", d)
	}
	r.answers(nil)
	for n := range 2 { // a success too may be sent again
		if replay(len(ladder) + 2 + n); d.State != succeeded {
			t.Errorf("after a replay: %+v", d)
		}
	}
	seen := r.seen()
	if seen[0].header.Get("webhook-id") != seen[len(seen)-1].header.Get("webhook-id") {
		t.Error("a replay has another id")
	}
}

func TestAReplayTakesTheTryThatWaitsInItsPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trusting)
	r := receive(t, status(500))
	e, _ := w.endpoint(r.URL, "submission.scored")
	w.work(w.Module)
	w.announce("submission.scored")
	d := w.after(e.ID, 1)
	w.next(d)
	d = w.after(e.ID, 2) // the next one would be in five minutes
	old := value[int64](w, `SELECT id FROM river.river_job WHERE kind = $1`, kindDeliver)
	_, err := w.Replay(w.ctx, e.ID, d.ID)
	w.must(err)
	d = w.after(e.ID, 3)
	w.until("the new job waits", func() bool { return value[int](w, `SELECT count(*) FROM river.river_job WHERE state = 'running'`) == 0 })
	w.exec(`UPDATE river.river_job SET state = 'scheduled', scheduled_at = now() + interval '1 hour' WHERE kind = $1 AND id <> $2`, kindDeliver, old)
	w.clock.Advance(time.Hour) // by the clock both are due
	w.exec(`UPDATE river.river_job SET state = 'available', scheduled_at = now() WHERE id = $1`, old)
	w.until("the old job is done with", func() bool {
		return value[string](w, `SELECT state::text FROM river.river_job WHERE id = $1`, old) == "completed"
	})
	if d = w.after(e.ID, 3); d.State != retrying || len(r.seen()) != 3 {
		t.Errorf("after %d requests: %+v", len(r.seen()), d)
	}
}

func TestA410DisablesTheWebhook(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trusting)
	r := receive(t, status(410))
	e, _ := w.endpoint(r.URL, "submission.scored")
	w.work(w.Module)
	w.announce("submission.scored")
	d := w.after(e.ID, 1)
	found, err := w.Find(w.ctx, e.ID)
	if w.must(err); d.State != failed || found.DisabledAt == nil || *found.DisabledReason != reasonGone {
		t.Fatalf("got %+v, %+v", d, found)
	}
	if n := value[int](w, `SELECT count(*) FROM audit_events WHERE action = 'webhook.disabled' AND actor_kind = 'job' AND object_id = $1`, e.ID); n != 1 {
		t.Errorf("%d records", n)
	}
	_, err = w.Replay(w.ctx, e.ID, d.ID)
	w.refused(err, ErrDisabled)
	_, err = w.Test(w.ctx, e.ID)
	w.refused(err, ErrDisabled)
	on := true
	found, err = w.Update(w.ctx, e.ID, Change{Enabled: &on})
	if w.must(err); found.DisabledAt != nil || found.FailingSince != nil {
		t.Errorf("enabled: %+v", found)
	}
	r.answers(nil)
	_, err = w.Replay(w.ctx, e.ID, d.ID)
	w.must(err)
	if d = w.after(e.ID, 2); d.State != succeeded {
		t.Errorf("after the replay: %+v", d)
	}
}

func TestAnEndpointThatTakesNothingForFiveDaysIsDisabled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trusting)
	r := receive(t, status(500))
	e, _ := w.endpoint(r.URL, "submission.scored")
	w.work(w.Module)
	w.announce("submission.scored")
	d := w.after(e.ID, 1)
	w.exec(`UPDATE webhook_endpoints SET failing_since = $1`, w.clock.Now().Add(-failingLimit+time.Minute))
	w.next(d) // five seconds later: not yet
	d = w.after(e.ID, 2)
	if found, err := w.Find(w.ctx, e.ID); err != nil || found.DisabledAt != nil {
		t.Fatalf("too early: %+v, %v", found, err)
	}
	w.next(d)
	d = w.after(e.ID, 3)
	found, err := w.Find(w.ctx, e.ID)
	if w.must(err); found.DisabledAt == nil || *found.DisabledReason != reasonFailing {
		t.Fatalf("got %+v", found)
	}
	w.next(d) // what waits for a disabled webhook is given up without a request
	w.until("it was given up", func() bool {
		list, err := w.Deliveries(w.ctx, e.ID, failed, uuid.Nil, 10)
		w.must(err)
		return len(list) == 1
	})
	if len(r.seen()) != 3 {
		t.Errorf("%d requests", len(r.seen()))
	}
}

func TestTwoWorkersDeliverEachMessageOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trusting)
	// One worker has four under way at most: the answers wait until there is a fifth.
	var arrived atomic.Int32
	both := make(chan struct{})
	r := receive(t, func(rw http.ResponseWriter, req *http.Request) {
		if arrived.Add(1) == maxBusy+1 {
			close(both)
		}
		select {
		case <-both:
			rw.WriteHeader(http.StatusNoContent)
		case <-req.Context().Done():
		}
	})
	e, _ := w.endpoint(r.URL, "submission.scored")
	const events = 40
	for range events {
		w.announce("submission.scored")
	}
	w.work(w.Module, w.instance(trusting))
	w.until("all arrived", func() bool {
		w.hurry() // what was put off because four were under way
		return value[int](w, `SELECT count(*) FROM webhook_deliveries WHERE endpoint_id = $1 AND state = 'succeeded'`, e.ID) == events
	})
	ids := map[string]int{}
	for _, s := range r.seen() {
		ids[s.header.Get("webhook-id")]++
	}
	if len(ids) != events || len(r.seen()) != events {
		t.Errorf("%d messages in %d requests", len(ids), len(r.seen()))
	}
	if n := value[int](w, `SELECT count(*) FROM webhook_attempts`); n != events {
		t.Errorf("%d attempts were noted", n)
	}
	w.until("the jobs are done with", func() bool { return value[int](w, `SELECT count(*) FROM river.river_job WHERE state = 'running'`) == 0 })
	if n := value[int](w, `SELECT count(DISTINCT attempted_by[cardinality(attempted_by)]) FROM river.river_job WHERE kind = $1`, kindDeliver); n != 2 {
		t.Errorf("%d workers delivered", n)
	}
}

func TestOldDeliveriesAndDeletedWebhooksAreForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trusting)
	r := receive(t, nil)
	e, _ := w.endpoint(r.URL, "submission.scored")
	w.work(w.Module)
	w.announce("submission.scored")
	w.after(e.ID, 1)
	w.must(w.Delete(w.ctx, e.ID))
	left := func() int {
		w.must(w.tidy(t.Context(), nil))
		return value[int](w, `SELECT (SELECT count(*) FROM webhook_messages) + (SELECT count(*) FROM webhook_deliveries)
			+ (SELECT count(*) FROM webhook_attempts) + (SELECT count(*) FROM webhook_endpoints)`)
	}
	w.clock.Advance(keepFor - time.Second)
	if n := left(); n != 4 {
		t.Errorf("%d rows a second too early", n)
	}
	w.clock.Advance(2 * time.Second)
	if n := left(); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

func TestASecretThatSignsNoMoreIsForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e, _ := w.endpoint("https://127.0.0.1:1/", "submission.scored")
	kept := func() string {
		w.must(w.tidy(t.Context(), nil))
		return value[string](w, `SELECT concat_ws(' ', cardinality(previous_secrets), cardinality(previous_until)) FROM webhook_endpoints`)
	}
	first := value[[]byte](w, `SELECT secret FROM webhook_endpoints`)
	for range 2 {
		_, _, err := w.Rotate(w.ctx, e.ID)
		w.must(err)
		w.clock.Advance(time.Hour)
	}
	if got := kept(); got != "2 2" {
		t.Errorf("kept while both sign: %s", got)
	}
	w.clock.Advance(rotationOverlap - 2*time.Hour)
	if got := kept(); got != "1 1" || string(value[[]byte](w, `SELECT previous_secrets[1] FROM webhook_endpoints`)) == string(first) {
		t.Errorf("kept when the first is over: %s", got)
	}
	w.clock.Advance(time.Hour)
	if got := kept(); got != "0 0" {
		t.Errorf("kept in the end: %s", got)
	}
	if found, err := w.Find(w.ctx, e.ID); err != nil || found.PreviousUntil != nil {
		t.Errorf("shown: %+v, %v", found, err)
	}
}
