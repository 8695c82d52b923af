package rest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync/atomic"
)

// bodies bounds what JSON bodies cost one instance at once: their bytes, and the trees that are made of them, which may take
// forty times as much. A small body is free: the bound on sockets bounds those, and so nobody who sends large ones, or sends
// them slowly, keeps out a sign-in.
type bodies struct {
	held  atomic.Int64 // bytes
	max   int64
	turns chan struct{} // of those who decode a body that is not small
}

const smallBody = 4 << 10

func newBodies(max int64) *bodies {
	return &bodies{max: max, turns: make(chan struct{}, runtime.GOMAXPROCS(0))}
}

// take charges n bytes to the request, unless the instance holds too many already.
func (b *bodies) take(k *call, n int) bool {
	if n <= smallBody {
		return true
	}
	if b.held.Add(int64(n)) > b.max {
		b.held.Add(-int64(n))
		return false
	}
	k.heldBytes += int64(n)
	return true
}

// give returns n bytes that take has charged.
func (b *bodies) give(k *call, n int) {
	if n > smallBody {
		b.held.Add(-int64(n))
		k.heldBytes -= int64(n)
	}
}

// read takes a body in, charging what arrives and never what is only announced.
func (b *bodies) read(k *call) ([]byte, error) {
	announced := k.request.ContentLength
	size := 512
	if announced >= 0 {
		size = int(min(announced+1, smallBody)) // one more, to see the end
	}
	data := make([]byte, 0, size)
	for {
		n, err := k.request.Body.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if err == io.EOF {
			return data, nil
		}
		if err != nil {
			return nil, bodyError(err)
		}
		if len(data) < cap(data) {
			continue
		}
		was, next := cap(data), 2*cap(data)
		if announced >= int64(was) {
			next = int(min(int64(next), announced+1))
		}
		if !b.take(k, next) {
			return nil, ErrOverloaded
		}
		data = append(make([]byte, 0, next), data...)
		b.give(k, was)
	}
}

// turn waits until a body of this size may be decoded: no more of them at once than there are processors to do it.
func (b *bodies) turn(k *call, size int) error {
	if size <= smallBody {
		return nil
	}
	select {
	case b.turns <- struct{}{}:
		k.turn = true
		return nil
	case <-k.Done():
		return fmt.Errorf("wait to decode the body: %w", context.Cause(k.deadlined()))
	}
}

// decoded ends the turn, if there is one: what comes now is the operation's own work.
func (b *bodies) decoded(k *call) {
	if k.turn {
		k.turn = false
		<-b.turns
	}
}

// letGo gives back whatever the request still holds.
func (b *bodies) letGo(k *call) {
	b.decoded(k)
	b.held.Add(-k.heldBytes)
	k.heldBytes = 0
}

const (
	maxMemberBody = 1 << 20
	maxOpenBody   = 64 << 10 // where anybody may send one
	maxValues     = 20_000
)

// maxBody is how many bytes a body of the operation may have.
func (op Op) maxBody() int64 {
	if op.Access == SignedIn {
		return orDefault(op.MaxBody, maxMemberBody)
	}
	return orDefault(op.MaxBody, maxOpenBody)
}

// takesBody tells whether a body means anything with the method: RFC 9110, 9.3.1 gives none to GET.
func takesBody(method string) bool { return method != http.MethodGet && method != http.MethodHead }
