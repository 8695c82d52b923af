package app

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// hold opens a connection that says something and then nothing any more.
func hold(t *testing.T, addr, something string) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, something); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestEveryKindOfWaitingTogetherMakesRoomForOneThatWorks(t *testing.T) {
	t.Parallel()
	s := newEdge(t, nil, func(d *serverDeps) {
		d.MaxConnections, d.HeaderTimeout, d.BodyTimeout = 8, time.Hour, time.Hour
	})
	addr := listen(t, s)
	for range 6 { // idle between two requests
		conn := hold(t, addr, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(res.Body); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 { // the half of a head
		hold(t, addr, "GET /healthz HTTP/1.1\r\nHost: ")
	}
	for range 10 { // the half of a body
		hold(t, addr, "POST /api/v1/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60\r\n\r\n{")
	}
	client := http.Client{Timeout: 10 * time.Second}
	res, err := client.Get("http://" + addr + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 200 {
		t.Error(res.Status)
	}
}
