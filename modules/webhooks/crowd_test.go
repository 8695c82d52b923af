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
	if got := value[string](w, `SELECT concat_ws(' ', count(*), count(errors), min(max_attempts), max(max_attempts)) FROM river.river_job WHERE kind = $1`, kindDeliver); got != "20 0 40 42" {
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
	employer := uuid.New()
	var all []due
	for range maxBusyEmployer {
		d := due{EmployerID: employer, EndpointID: uuid.New()}
		if all = append(all, d); !b.enter(d) {
			t.Fatal("a place is refused")
		}
	}
	if b.enter(all[0]) || !b.enter(due{EmployerID: uuid.New(), EndpointID: uuid.New()}) {
		t.Error("the places are not the employer's")
	}
	for _, d := range all {
		b.leave(d)
	}
	if len(b.tries) != 2 {
		t.Errorf("%d are counted, want one endpoint and its employer", len(b.tries))
	}
	for range maxBusy {
		if !b.enter(all[0]) {
			t.Error("a place that was left is refused")
		}
	}
	if b.enter(all[0]) {
		t.Error("an endpoint has no bound of its own")
	}
}

func TestWhoHasWaitedLongIsPutOffForLonger(t *testing.T) {
	t.Parallel()
	for before, most := range map[int]time.Duration{0: 20 * time.Second, 1: 40 * time.Second, 4: 320 * time.Second, 5: 10 * time.Minute, 1000: 10 * time.Minute} {
		for range 100 {
			if d := putOff(before); d < most/10 || d > most {
				t.Fatalf("put off by %s after %d times", d, before)
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
