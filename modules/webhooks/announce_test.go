package webhooks

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/pg"
)

func TestAnEventReachesWhoWantsToHearOfItSignedAndOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trusting)
	wanted, unwanted, foreign := receive(t, nil), receive(t, nil), receive(t, nil)
	e, secret := w.endpoint(wanted.URL+"/in?k=v", "submission.scored", "submission.submitted")
	w.endpoint(unwanted.URL, "invite.opened")
	mine, ctx := w.employer, w.ctx
	w.employer, w.ctx = w.newEmployer()
	w.endpoint(foreign.URL, "submission.scored")
	w.employer, w.ctx = mine, ctx
	w.work(w.Module)
	object := w.announce("submission.scored")
	d := w.after(e.ID, 1)
	if d.State != succeeded || d.LastStatus == nil || *d.LastStatus != 204 || d.Type != "submission.scored" || d.ObjectID != object || d.EndedAt == nil {
		t.Errorf("got %+v", d)
	}
	seen := wanted.seen()
	if len(seen) != 1 || len(unwanted.seen()) != 0 || len(foreign.seen()) != 0 {
		t.Fatalf("%d, %d and %d requests", len(seen), len(unwanted.seen()), len(foreign.seen()))
	}
	verify(t, secret, seen[0])
	if seen[0].header.Get("webhook-id") != d.MessageID.String() || seen[0].header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", seen[0].header)
	}
	var body struct {
		Type      string
		Timestamp time.Time
		Data      struct {
			ID   uuid.UUID
			Name string
		}
	}
	w.must(json.Unmarshal(seen[0].body, &body))
	if body.Type != "submission.scored" || !body.Timestamp.Equal(w.clock.Now()) || body.Data.ID != object || body.Data.Name != "Zoë <&>" {
		t.Errorf("body %s", seen[0].body)
	}
	_, payload, tries, err := w.DeliveryInFull(w.ctx, e.ID, d.ID)
	if w.must(err); payload != string(seen[0].body) || len(tries) != 1 || tries[0].RequestHeaders["webhook-signature"] != seen[0].header.Get("webhook-signature") {
		t.Errorf("kept %s and %+v", payload, tries)
	}
}

func TestNothingIsWrittenWhereNobodyListens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e, _ := w.endpoint("https://hooks.example.com/", "submission.scored")
	count := func() int {
		return value[int](w, `SELECT (SELECT count(*) FROM webhook_messages) + (SELECT count(*) FROM river.river_job)`)
	}
	w.announce("submission.started")
	_, err := w.Update(w.ctx, e.ID, Change{Enabled: new(bool)})
	w.must(err)
	w.announce("submission.scored")
	w.must(w.Delete(w.ctx, e.ID))
	w.announce("submission.scored")
	if n := count(); n != 0 {
		t.Errorf("%d rows", n)
	}
	w.endpoint("https://hooks.example.com/", "submission.scored", "submission.submitted")
	w.must(w.db.InBatch(w.ctx, func(b *pgx.Batch) error {
		return w.Queue(b, w.employer, uuid.New(), w.clock.Now(), "submission.submitted", "submission.scored", "submission.started")
	}))
	if n := count(); n != 4 {
		t.Errorf("%d rows, want two messages and two jobs", n)
	}
	if err := w.Queue(&pgx.Batch{}, w.employer, uuid.New(), w.clock.Now(), "submission.lost"); err == nil {
		t.Error("an unknown type was announced")
	}
}

func TestARolledBackChangeIsNotTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.endpoint("https://hooks.example.com/", "submission.scored")
	err := w.db.InTx(w.ctx, func(tx pgx.Tx) error {
		w.must(w.AnnounceTx(w.ctx, tx, w.employer, uuid.New(), w.clock.Now(), "submission.scored"))
		return pg.ErrCursor
	})
	w.refused(err, pg.ErrCursor)
	if n := value[int](w, `SELECT (SELECT count(*) FROM webhook_messages) + (SELECT count(*) FROM river.river_job)`); n != 0 {
		t.Errorf("%d rows", n)
	}
}

func TestAnEventWhoseObjectIsGoneIsDropped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.endpoint("https://hooks.example.com/", "submission.scored")
	object := w.announce("submission.scored")
	w.objects.mu.Lock()
	delete(w.objects.data, object)
	w.objects.mu.Unlock()
	w.work(w.Module)
	w.until("the message was dropped", func() bool { return value[int](w, `SELECT count(*) FROM webhook_messages`) == 0 })
}

func TestALargeObjectIsToldOfByItsID(t *testing.T) {
	t.Parallel()
	object := uuid.New()
	body, err := encodePayload("submission.scored", time.Now(), object, map[string]any{"id": object, "x": strings.Repeat("<", 4000)})
	if err != nil || len(body) >= maxPayload || !strings.Contains(body, `"data":{"id":"`+object.String()+`"}`) {
		t.Errorf("%d bytes, %v: %.200s", len(body), err, body)
	}
}
