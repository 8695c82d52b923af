package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"credlane/app/kit/fault"
)

// exports serves one stream over a real connection.
func exports(t *testing.T, change func(*Options), write func(ctx context.Context, w io.Writer) error) *httptest.Server {
	t.Helper()
	w := newWorld(t, change)
	type out struct{ Body *Stream }
	Handle(w.Host, Op{Method: "GET", Path: "/export.csv", ID: "export", Summary: "Export", Access: Public, Stream: true, Produces: "text/csv", Timeout: time.Nanosecond},
		func(context.Context, *nothing) (*out, error) {
			return &out{Body: &Stream{ContentType: "text/csv", Filename: "résults.csv", Write: write}}, nil
		})
	server := httptest.NewUnstartedServer(w.echo)
	server.Config.ConnContext = ConnContext
	server.Start()
	t.Cleanup(server.Close)
	return server
}

func TestAStreamIsWhole(t *testing.T) {
	t.Parallel()
	server := exports(t, func(*Options) {}, func(_ context.Context, w io.Writer) error {
		for i := range 100_000 {
			if _, err := fmt.Fprintf(w, "%d,row\n", i); err != nil {
				return err
			}
		}
		return nil
	})
	res, err := http.Get(server.URL + "/export.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || strings.Count(string(body), "\n") != 100_000 || res.Header.Get("Content-Type") != "text/csv" {
		t.Error(err, len(body), res.Header)
	}
	if got := res.Header.Get("Content-Disposition"); got != "attachment; filename*=utf-8''r%C3%A9sults.csv" {
		t.Error(got)
	}
	head, err := http.Head(server.URL + "/export.csv")
	if err != nil || head.StatusCode != 200 {
		t.Error(head, err)
	}
}

func TestAStreamThatFailsIsAProblemBeforeAndACutAfterItsFirstByte(t *testing.T) {
	t.Parallel()
	seen := &recorder{told: make(chan string, 1)}
	early := exports(t, func(o *Options) { o.Recorder = seen }, func(context.Context, io.Writer) error {
		return fault.New(fault.Invalid, "too_many_rows", "Take the CSV.")
	})
	res, err := http.Get(early.URL + "/export.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 422 || res.Header.Get("Content-Type") != problemType || res.Header.Get("Content-Disposition") != "" || <-seen.told != "GET /export.csv 422" {
		t.Error(res.StatusCode, res.Header)
	}
	late := exports(t, func(*Options) {}, func(_ context.Context, w io.Writer) error {
		if _, err := w.Write(make([]byte, 3*streamBuffer)); err != nil {
			return err
		}
		return errors.New("the database went away")
	})
	res, err = http.Get(late.URL + "/export.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("half a file passes for a whole one")
	}
}

func TestAReaderWhoStandsStillLosesTheStream(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	seen := &recorder{told: make(chan string, 1)}
	server := exports(t, func(o *Options) { o.ExportStallTimeout = 50 * time.Millisecond; o.Recorder = seen }, func(ctx context.Context, w io.Writer) error {
		row := make([]byte, 64<<10)
		for {
			if _, err := w.Write(row); err != nil {
				ended <- ctx.Err()
				return err
			}
		}
	})
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /export.csv HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error("the query's context goes on:", err)
	}
	if got := <-seen.told; got != "GET /export.csv 499" {
		t.Error(got)
	}
}

// TestASlowReaderWhoNeverStandsStillGetsTheWholeStream reads 16 KiB every 20 ms, for several times as long as a reader may stand
// still: the kernel, left alone, would wake the writer after longer than that.
func TestASlowReaderWhoNeverStandsStillGetsTheWholeStream(t *testing.T) {
	t.Parallel()
	const size, stall = 12 << 20, 500 * time.Millisecond
	server := exports(t, func(o *Options) { o.ExportStallTimeout = stall }, func(_ context.Context, w io.Writer) error {
		part := make([]byte, 64<<10)
		for range size / len(part) {
			if _, err := w.Write(part); err != nil {
				return err
			}
		}
		return nil
	})
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return conn, conn.(*net.TCPConn).SetReadBuffer(16 << 10)
	}}}
	defer client.CloseIdleConnections()
	res, err := client.Get(server.URL + "/export.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	drip := time.NewTicker(20 * time.Millisecond)
	defer drip.Stop()
	var got int64
	for began := time.Now(); time.Since(began) < 5*stall; <-drip.C {
		n, err := io.CopyN(io.Discard, res.Body, 16<<10)
		if got += n; err != nil {
			t.Fatalf("cut after %d bytes: %v", got, err)
		}
	}
	n, err := io.Copy(io.Discard, res.Body)
	if got += n; err != nil || got != size {
		t.Errorf("%d of %d bytes: %v", got, size, err)
	}
}
