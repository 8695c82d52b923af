package submissions

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"credlane/app/kit/rest"
)

// busyDesk has every turn to make a very large answer taken.
func busyDesk(t *testing.T, prompt string) *desk {
	t.Helper()
	d := newDesk(t, rest.Options{RequestTimeout: time.Second})
	v := d.version
	v.Questions = append([]Question{}, v.Questions...)
	v.Questions[0].Prompt = prompt
	d.versions[v.ID] = v
	d.fill(d.version, 1, 1, "as it was")
	inside, goOn := make(chan struct{}), make(chan struct{})
	hold := rest.Op{Method: "GET", Path: "/api/v1/hold", ID: "hold", Summary: "Hold", Access: rest.Public, Timeout: time.Minute}
	rest.Handle(d.host, hold, func(ctx context.Context, _ *struct{}) (*struct{}, error) {
		if err := rest.Turn(ctx); err != nil {
			return nil, err
		}
		inside <- struct{}{}
		<-goOn
		return &struct{}{}, nil
	})
	for range runtime.GOMAXPROCS(0) {
		go func() {
			if res, err := http.Get(d.server.URL + "/api/v1/hold"); err == nil { // ends with the test
				_ = res.Body.Close()
			}
		}()
		<-inside
	}
	t.Cleanup(func() { close(goOn) })
	return d
}

func TestAVeryLargePaperWaitsForItsTurnBeforeAnythingIsDone(t *testing.T) {
	t.Parallel()
	d := busyDesk(t, strings.Repeat("x", largePaper+1))
	path := "/submissions/" + fixed(7, 1).String()
	start := map[string]any{"name": "Ada", "email": "ada@example.org", "consent": true}
	d.wants(d.call("", "POST", "/public/assessments/s/submissions", start), 503, "timed_out")
	d.wants(d.call(asViewer, "GET", path, nil), 503, "timed_out")
	d.wants(d.call(asRecruiter, "PATCH", path, map[string]any{"note": "changed"}), 503, "timed_out")
	if n := one[int](d.world, `SELECT count(*) FROM submissions WHERE note = 'as it was'`); n != 1 {
		t.Errorf("%d notes are as they were", n)
	}
	if n := one[int](d.world, `SELECT count(*) FROM submissions`); n != 1 {
		t.Errorf("%d submissions", n)
	}
}

func TestAnOrdinaryPaperWaitsForNoTurn(t *testing.T) {
	t.Parallel()
	d := busyDesk(t, "Short?")
	d.wants(d.call(asViewer, "GET", "/submissions/"+fixed(7, 1).String(), nil), 200, "")
}
