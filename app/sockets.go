package app

import (
	"container/list"
	"context"
	"io"
	"net"
	"net/http"
	"sync"

	"credlane/app/kit/rest"
)

// sockets bounds how many connections may wait at once: those that have not sent a whole request yet, and those idle between
// two requests. When one more comes, the one that has waited longest of the larger kind is closed, so that clients who only
// hold connections open never keep out one who works.
type sockets struct {
	max int // of both kinds together: some must be left to accept the next one with

	mu    sync.Mutex
	known map[net.Conn]*socket
	wait  [2]*list.List // of *socket, the longest waiting first
}

// The kinds of waiting; working is none.
const (
	arriving = iota
	idling
	working
)

type socket struct {
	conn net.Conn
	kind int
	at   *list.Element
}

func newSockets(max int) *sockets {
	return &sockets{max: max - max/4, known: map[net.Conn]*socket{}, wait: [2]*list.List{list.New(), list.New()}}
}

// state follows a connection through the server.
func (s *sockets) state(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.move(conn, arriving)
	case http.StateIdle:
		s.move(conn, idling)
	case http.StateActive: // its first byte is here, its request is not
		s.move(conn, arriving)
	case http.StateHijacked, http.StateClosed:
		s.drop(conn)
	}
}

type socketKey struct{}

// context lets watch find the connection of a request.
func (s *sockets) context(ctx context.Context, conn net.Conn) context.Context {
	return rest.ConnContext(context.WithValue(ctx, socketKey{}, conn), conn)
}

// watch marks a connection as working once its request is read, with its body if it has one.
func (s *sockets) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, ok := r.Context().Value(socketKey{}).(net.Conn)
		switch {
		case !ok:
		case r.Body == nil || r.Body == http.NoBody:
			s.move(conn, working)
		default:
			r.Body = &arrivingBody{r.Body, s, conn}
		}
		next.ServeHTTP(w, r)
	})
}

// arrivingBody tells when the last of a body is here.
type arrivingBody struct {
	io.ReadCloser
	sockets *sockets
	conn    net.Conn
}

func (b *arrivingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF { //nolint:errorlint // a wrapped one would be a body cut short
		b.sockets.move(b.conn, working)
	}
	return n, err
}

func (s *sockets) move(conn net.Conn, kind int) {
	if oldest := s.moved(conn, kind); oldest != nil {
		// Its own goroutine in the server sees the error and cleans up; nothing is lost that was answered.
		_ = oldest.Close()
	}
}

// moved notes the change and gives the connection that must go for it, if any.
func (s *sockets) moved(conn net.Conn, kind int) net.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.known[conn]
	if !ok {
		k = &socket{conn: conn, kind: working}
		s.known[conn] = k
	}
	if k.kind == kind {
		return nil
	}
	if k.at != nil {
		s.wait[k.kind].Remove(k.at)
		k.at = nil
	}
	k.kind = kind
	if kind == working {
		return nil
	}
	k.at = s.wait[kind].PushBack(k)
	if s.wait[arriving].Len()+s.wait[idling].Len() <= s.max {
		return nil
	}
	waiting := s.wait[arriving]
	if s.wait[idling].Len() > waiting.Len() {
		waiting = s.wait[idling]
	}
	oldest := waiting.Remove(waiting.Front()).(*socket)
	oldest.at, oldest.kind = nil, working
	return oldest.conn
}

func (s *sockets) drop(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.known[conn]
	if !ok {
		return
	}
	if k.at != nil {
		s.wait[k.kind].Remove(k.at)
	}
	delete(s.known, conn)
}
