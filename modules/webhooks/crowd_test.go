package webhooks

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestAnEmployerWhoseReceiversHangHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trusting)
	answer := make(chan struct{})
	hanging := receive(t, func(_ http.ResponseWriter, req *http.Request) {
		select {
		case <-answer:
		case <-req.Context().Done():
		}
	})
	defer close(answer)
	const endpoints, events = 5, 4
	for i := range endpoints {
		w.endpoint(fmt.Sprintf("%s/%d", hanging.URL, i), "submission.scored")
	}
	for range events {
		w.announce("submission.scored")
	}
	w.work(w.Module)
	putOff := func(times int) {
		t.Helper()
		w.until("all the others are put off", func() bool {
			return value[int](w, `SELECT count(*) FROM river.river_job WHERE kind = $1 AND state IN ('scheduled', 'available')
				AND (metadata ->> 'snoozes')::int >= $2`, kindDeliver, times) == endpoints*events-maxBusyEmployer
		})
	}
	putOff(1)
	w.hurry()
	putOff(2)
	if n := len(hanging.seen()); n != maxBusyEmployer {
		t.Errorf("%d tries are under way", n)
	}
	// Each is the job that it was, with nothing held against it.
	if got := value[string](w, `SELECT concat_ws(' ', count(*), count(errors), min(max_attempts)) FROM river.river_job WHERE kind = $1`, kindDeliver); got != "20 0 40" {
		t.Errorf("jobs, failures, attempts: %s", got)
	}
	prompt := receive(t, nil)
	w.employer, w.ctx = w.newEmployer()
	e, _ := w.endpoint(prompt.URL, "submission.scored")
	w.announce("submission.scored")
	if d := w.after(e.ID, 1); d.State != succeeded {
		t.Errorf("got %+v", d)
	}
	if n := value[int](w, `SELECT count(*) FROM webhook_attempts`); n != 1 {
		t.Errorf("it had to wait: %d tries have ended", n)
	}
}

func TestPlacesThatAreLeftCanBeTakenAgain(t *testing.T) {
	t.Parallel()
	var b busy
	now := time.Now()
	enter := func(d due) bool { entered, _ := b.enter(d, now); return entered }
	employer := uuid.New()
	var all []due
	for range maxBusyEmployer {
		d := due{EmployerID: employer, EndpointID: uuid.New()}
		if all = append(all, d); !enter(d) {
			t.Fatal("a place is refused")
		}
	}
	if enter(all[0]) || !enter(due{EmployerID: uuid.New(), EndpointID: uuid.New()}) {
		t.Error("the places are not the employer's")
	}
	for _, d := range all {
		b.leave(d, now, time.Millisecond)
	}
	if len(b.tries) != 2 || len(b.since) != 1 || len(b.slow) != 0 {
		t.Errorf("%d, %d and %d are remembered, want one endpoint and its employer", len(b.tries), len(b.since), len(b.slow))
	}
	for range maxBusy {
		if !enter(all[0]) {
			t.Error("a place that was left is refused")
		}
	}
	if enter(all[0]) {
		t.Error("an endpoint has no bound of its own")
	}
}

// Four tries that answer at once and four that never do leave different lines behind.
func TestASlowReceiverHasOnePlaceUntilItIsQuickAgain(t *testing.T) {
	t.Parallel()
	var b busy
	now := time.Now()
	d := due{EmployerID: uuid.New(), EndpointID: uuid.New()}
	for range maxBusy {
		if entered, slow := b.enter(d, now); !entered || slow {
			t.Fatal("a place is refused")
		}
	}
	if _, slow := b.enter(d, now.Add(time.Second)); slow {
		t.Error("after a second it counts as slow")
	}
	if _, slow := b.enter(d, now.Add(slowTry+time.Second)); !slow {
		t.Error("nobody has answered for long, and it does not count as slow")
	}
	now = now.Add(sendLimit)
	for range maxBusy {
		b.leave(d, now, sendLimit)
	}
	first, slow := b.enter(d, now)
	second, _ := b.enter(d, now)
	if !first || second || !slow {
		t.Errorf("after slow tries: %v, %v, slow: %v", first, second, slow)
	}
	b.leave(d, now, time.Millisecond)
	for range maxBusy {
		if entered, slow := b.enter(d, now); !entered || slow {
			t.Error("it is quick again, and not believed")
		}
	}
}

func TestWhoHasWaitedLongIsPutOffForLonger(t *testing.T) {
	t.Parallel()
	for before, most := range map[int][2]time.Duration{
		0: {200 * time.Millisecond, 20 * time.Second}, 1: {400 * time.Millisecond, 40 * time.Second}, 4: {2 * time.Second, 320 * time.Second},
		5: {2 * time.Second, 10 * time.Minute}, 1000: {2 * time.Second, 10 * time.Minute},
	} {
		for range 100 {
			if fast, slow := putOff(before, false), putOff(before, true); fast < most[0]/10 || fast > most[0] || slow < most[1]/10 || slow > most[1] {
				t.Fatalf("put off by %s and %s after %d times", fast, slow, before)
			}
		}
	}
}

func TestTheHeadersThatAreKeptAreTheFirstByName(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	for i := range 2 * maxHeaders {
		h.Add(fmt.Sprintf("X-%03d", i), strings.Repeat("v", i))
	}
	got := kept(h)
	for i := range maxHeaders {
		if _, ok := got[fmt.Sprintf("X-%03d", i)]; !ok {
			t.Errorf("X-%03d is not kept", i)
		}
	}
	if len(got) != maxHeaders {
		t.Errorf("%d are kept", len(got))
	}
}
