package rest

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

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
