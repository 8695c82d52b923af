package rest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"credlane/app/kit/authn"
)

type listIn struct {
	Body struct {
		Items []struct {
			A string `json:"a"`
		} `json:"items" maxItems:"100000"`
	}
}

func lists(h *Host, path string, change func(*Op)) {
	op := Op{Method: "POST", Path: path, ID: "list" + strings.ReplaceAll(path, "/", "-"), Summary: "List", Role: authn.Viewer}
	if change != nil {
		change(&op)
	}
	Handle(h, op, func(_ context.Context, in *listIn) (*noteOut, error) {
		return &noteOut{Body: fmt.Sprint(len(in.Body.Items))}, nil
	})
}

func items(n, size int) string {
	item := `{"a":"` + strings.Repeat("x", size) + `"}`
	return `{"items":[` + strings.Repeat(item+",", n-1) + item + `]}`
}

func TestABodyHasABoundOfValues(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lists(w.Host, "/few", func(op *Op) { op.MaxValues = 12 })
	lists(w.Host, "/many", nil)
	me := w.member(t, authn.Viewer)
	for _, c := range []struct {
		path, body string
		status     int
	}{
		{"/few", items(5, 1), 200}, // the object, its list, and two for each item
		{"/few", items(6, 1), 400},
		{"/many", items(9_999, 1), 200},
		{"/many", items(10_000, 1), 400},
	} {
		rec := w.do(t, "POST", c.path, c.body, "Authorization", me)
		if rec.Code != c.status || c.status == 400 && code(rec) != "json_too_large" {
			t.Errorf("%s with %d bytes: %d %.200s", c.path, len(c.body), rec.Code, rec.Body)
		}
	}
}

func TestABodyFromAnybodyIsSmallUnlessItsOperationSaysOtherwise(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lists(w.Host, "/open", func(op *Op) { op.Access, op.Role = Public, authn.NoRole })
	lists(w.Host, "/closed", nil)
	large := items(10, 7_000)
	if rec := w.do(t, "POST", "/open", large); rec.Code != 413 || code(rec) != "too_large" {
		t.Error(rec.Code, rec.Body)
	}
	if rec := w.do(t, "POST", "/closed", large, "Authorization", w.member(t, authn.Viewer)); rec.Code != 200 {
		t.Error(rec.Code, rec.Body)
	}
}

// heapInUse is what the objects on the heap take, dead ones that are not swept yet included.
func heapInUse() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// TestManyLargeBodiesAtOnceStayWithinTheirMemory is not parallel: it measures the heap of the whole process.
func TestManyLargeBodiesAtOnceStayWithinTheirMemory(t *testing.T) {
	const bound = 256 << 20
	w := newWorld(t)
	lists(w.Host, "/lists", nil)
	notes(w.Host, "/notes", nil)
	server := httptest.NewServer(w.echo)
	defer server.Close()
	me := w.member(t, authn.Viewer)
	legal := []byte(items(9_000, 100))
	empty := []byte(`{"items":[],"z":[` + strings.Repeat("[],", 330_000) + `[]]}`)

	before, done, sampled := heapInUse(), make(chan struct{}), make(chan uint64)
	go func() {
		var peak uint64
		for {
			select {
			case <-done:
				sampled <- peak
				return
			default:
				peak = max(peak, heapInUse())
			}
		}
	}()
	var all sync.WaitGroup
	var served, refused, busy atomic.Int64
	for i := range 300 {
		all.Go(func() {
			body := legal
			if i%2 == 1 {
				body = empty
			}
			switch send(t, server.URL+"/lists", body, me) {
			case 200:
				served.Add(1)
			case 400:
				refused.Add(1)
			case 503, 0: // too many bytes at once: the answer, or the connection cut while they are still being sent
				busy.Add(1)
			default:
				t.Error("another answer")
			}
		})
	}
	for range 20 {
		if status := send(t, server.URL+"/notes", []byte(`{"text":"a"}`), ""); status != 200 {
			t.Error("an honest request:", status)
		}
	}
	all.Wait()
	close(done)
	if peak := <-sampled; peak > before+bound {
		t.Errorf("the heap went from %d to %d MiB", before>>20, peak>>20)
	} else {
		t.Logf("peak %d MiB; %d served, %d refused, %d busy", (peak-before)>>20, served.Load(), refused.Load(), busy.Load())
	}
	if served.Load() == 0 || refused.Load() == 0 {
		t.Error("nothing got through:", served.Load(), refused.Load(), busy.Load())
	}
	if held := w.bodies.held.Load(); held != 0 || len(w.bodies.turns) != 0 {
		t.Error("still held:", held, len(w.bodies.turns))
	}
}

// send gives the status; 0 when the connection was cut.
func send(t *testing.T, url string, body []byte, authorization string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return -1
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", authorization)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusServiceUnavailable && res.Header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	_, _ = io.Copy(io.Discard, res.Body) // an answer cut short has its status all the same
	return res.StatusCode
}

func TestBytesBeyondTheInstancesShareAreRefusedAndComeBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.MaxBodyMemory = 96 << 10 })
	lists(w.Host, "/lists", nil)
	notes(w.Host, "/notes", nil)
	me := w.member(t, authn.Viewer)
	first, rest := io.Pipe()
	answered := make(chan int)
	go func() {
		req := httptest.NewRequest("POST", "/lists", first)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", me)
		rec := httptest.NewRecorder()
		w.echo.ServeHTTP(rec, req)
		answered <- rec.Code
	}()
	large := items(10, 3_500)                                             // about 35 kB: 64 KiB once read
	for _, part := range []string{large[:34_000], large[34_000:35_000]} { // the second is taken once the first is charged
		if _, err := io.WriteString(rest, part); err != nil {
			t.Fatal(err)
		}
	}
	rec := w.do(t, "POST", "/lists", large, "Authorization", me)
	if rec.Code != 503 || code(rec) != "overloaded" || rec.Header().Get("Retry-After") == "" {
		t.Error("a large body beyond the share:", rec.Code, rec.Body)
	}
	if rec := w.do(t, "POST", "/notes", `{"text":"a"}`); rec.Code != 200 {
		t.Error("a small one:", rec.Code, rec.Body)
	}
	if _, err := io.WriteString(rest, large[35_000:]); err != nil {
		t.Fatal(err)
	}
	if err := rest.Close(); err != nil {
		t.Fatal(err)
	}
	if status := <-answered; status != 200 {
		t.Error("the first:", status)
	}
	if rec := w.do(t, "POST", "/lists", large, "Authorization", me); rec.Code != 200 {
		t.Error("the share did not come back:", rec.Code, rec.Body)
	}
}
