package rest

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"credlane/app/kit/fault"
)

const largeAnswer = 16 << 20 // more than the kernel takes for a reader who stands still

// large mounts a page and an operation with an answer that no socket holds.
func large(h *Host) {
	text := make([]byte, largeAnswer)
	Serve(h, Op{Method: "GET", Path: "/page", ID: "get-page", Summary: "Page", Access: Public, Produces: "text/plain"},
		func(w http.ResponseWriter, _ *http.Request) error {
			_, err := w.Write(text)
			return err
		})
	type out struct{ Body RawOf[string] }
	Handle(h, Op{Method: "GET", Path: "/large", ID: "get-large", Summary: "Large", Access: Public},
		func(context.Context, *nothing) (*out, error) { return &out{RawOf[string]{JSON: text}}, nil })
}

// standStill asks for something, reads the answer's head and then no more.
func standStill(t *testing.T, server *httptest.Server, path string) *http.Response {
	t.Helper()
	return standStillAt(t, server, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
}

func standStillAt(t *testing.T, server *httptest.Server, request string) *http.Response {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.(*net.TCPConn).SetReadBuffer(16 << 10); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestThoseWhoReadSlowlyKeepNobodyOut(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/page", "/large"} {
		w := newWorld(t, func(o *Options) { o.MaxInFlight, o.MaxAnswerMemory = 2, 8*largeAnswer })
		large(w.Host)
		notes(w.Host, "/notes", nil)
		server := httptest.NewServer(w.echo)
		t.Cleanup(server.Close)
		for range 4 {
			if res := standStill(t, server, path); res.StatusCode != 200 {
				t.Errorf("%s: %s", path, res.Status)
			}
		}
		if status := send(t, server.URL+"/notes", []byte(`{"text":"a"}`), ""); status != 200 {
			t.Errorf("beside slow readers of %s: %d", path, status)
		}
	}
}

func TestLargeAnswersGoingOutStayWithinTheirMemory(t *testing.T) {
	t.Parallel()
	seen := &recorder{told: make(chan string, 3)}
	w := newWorld(t, func(o *Options) { o.MaxAnswerMemory, o.Recorder = largeAnswer, seen })
	large(w.Host)
	notes(w.Host, "/notes", nil)
	server := httptest.NewServer(w.echo)
	t.Cleanup(server.Close)
	first := standStill(t, server, "/large")
	if second := standStill(t, server, "/large"); second.StatusCode != 503 || second.Header.Get("Retry-After") == "" {
		t.Error("a large answer beyond the share:", second.Status)
	}
	if status := send(t, server.URL+"/notes", []byte(`{"text":"a"}`), ""); status != 200 {
		t.Error("a small one:", status)
	}
	if n, err := io.Copy(io.Discard, first.Body); err != nil || n != largeAnswer {
		t.Error("the first:", n, err)
	}
	for said := ""; said != "GET /large 200"; said = <-seen.told { // its reader may see the last byte before the server is done
	}
	if third := standStill(t, server, "/large"); third.StatusCode != 200 {
		t.Error("the share did not come back:", third.Status)
	}
}

func TestOnlySoManyVeryLargeAnswersAreMadeAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.MaxAnswerMemory = 1 << 40 })
	text := make([]byte, largeAnswer)
	inside, goOn := make(chan struct{}), make(chan struct{})
	type out struct{ Body RawOf[string] }
	paper := func(path string, timeout time.Duration, wait func()) {
		Handle(w.Host, Op{Method: "GET", Path: path, ID: "get" + path[1:], Summary: "Paper", Access: Public, Timeout: timeout},
			func(ctx context.Context, _ *nothing) (*out, error) {
				if err := Turn(ctx); err != nil {
					return nil, err
				}
				if err := Turn(ctx); err != nil { // a second word is no second turn
					return nil, err
				}
				wait()
				return &out{RawOf[string]{JSON: text}}, nil
			})
	}
	paper("/slow", 0, func() { inside <- struct{}{}; <-goOn })
	paper("/hasty", time.Millisecond, func() { t.Error("more are made than there are turns") })
	paper("/next", 0, func() {})
	server := httptest.NewServer(w.echo)
	t.Cleanup(server.Close)
	get := func(path string) *http.Response {
		res, err := http.Get(server.URL + path)
		if err != nil {
			t.Error(err)
			return &http.Response{}
		}
		t.Cleanup(func() { res.Body.Close() })
		return res
	}
	heads := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		go func() { heads <- get("/slow").StatusCode }()
		<-inside
	}
	if res := get("/hasty"); res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
		t.Error("beyond the turns:", res.Status)
	}
	close(goOn)
	for range runtime.GOMAXPROCS(0) {
		if status := <-heads; status != 200 {
			t.Error("with a turn:", status)
		}
	}
	for range 2 * runtime.GOMAXPROCS(0) { // the readers of all of them stand still
		if res := get("/next"); res.StatusCode != 200 {
			t.Fatal("the turns did not come back:", res.Status)
		}
	}
}

// What has been done is answered, but such answers beyond the share are bounded by the turns.
func TestAnswersOfWhatIsDoneKeepTheirTurnBeyondTheMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.MaxAnswerMemory = 1 })
	text := make([]byte, largeAnswer)
	type out struct{ Body RawOf[string] }
	start := func(path string, timeout time.Duration) {
		Handle(w.Host, Op{Method: "POST", Path: path, ID: "post" + path[1:], Summary: "Start", Access: Public, Timeout: timeout},
			func(ctx context.Context, _ *nothing) (*out, error) {
				if err := Turn(ctx); err != nil {
					return nil, err
				}
				return &out{RawOf[string]{JSON: text}}, nil
			})
	}
	start("/start", 0)
	start("/hasty", time.Millisecond)
	server := httptest.NewServer(w.echo)
	t.Cleanup(server.Close)
	post := func(path string) *http.Response {
		return standStillAt(t, server, "POST "+path+" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
	}
	// One alone may be larger than the share, and has its turn no longer.
	for range 1 + runtime.GOMAXPROCS(0) {
		if res := post("/start"); res.StatusCode != 200 {
			t.Fatal("what has been done is answered with", res.Status)
		}
	}
	if res := post("/hasty"); res.StatusCode != 503 {
		t.Error("beyond the turns:", res.Status)
	}
}

func TestAProblemComesHoweverLongItsStreamTookToFail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	type out struct{ Body *Stream }
	Handle(w.Host, Op{Method: "GET", Path: "/export.csv", ID: "export", Summary: "Export", Access: Public, Stream: true, Produces: "text/csv"},
		func(context.Context, *nothing) (*out, error) {
			return &out{Body: &Stream{ContentType: "text/csv", Write: func(context.Context, io.Writer) error {
				time.Sleep(100 * time.Millisecond) // ten times what the server grants an answer
				return fault.New(fault.Invalid, "too_many_rows", "Take the CSV.")
			}}}, nil
		})
	server := httptest.NewUnstartedServer(w.echo)
	server.Config.WriteTimeout = 10 * time.Millisecond
	server.Start()
	t.Cleanup(server.Close)
	res, err := http.Get(server.URL + "/export.csv")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 422 {
		t.Error(res.Status)
	}
}

func TestALongUploadLeavesItsWorkTheWholeTime(t *testing.T) {
	t.Parallel()
	const limit = 2 * time.Second
	w := newWorld(t, func(o *Options) { o.BodyTimeout = time.Minute })
	Handle(w.Host, Op{Method: "POST", Path: "/import", ID: "import", Summary: "Import", Access: Public, Timeout: limit},
		func(ctx context.Context, _ *importIn) (*noteOut, error) {
			return &noteOut{Body: "done"}, ctx.Err()
		})
	server := httptest.NewServer(w.echo)
	t.Cleanup(server.Close)
	body, typing := io.Pipe()
	go func() {
		_, _ = io.WriteString(typing, "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\nx")
		time.Sleep(limit + limit/10) // the line is slow
		_, _ = io.WriteString(typing, "\r\n--b--\r\n")
		_ = typing.Close()
	}()
	res, err := http.Post(server.URL+"/import", "multipart/form-data; boundary=b", body)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if said, err := io.ReadAll(res.Body); res.StatusCode != 200 || err != nil {
		t.Error(res.Status, string(said), err)
	}
}
