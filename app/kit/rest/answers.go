package rest

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
)

// answers bounds what large answers hold in memory while their readers take them. They hold no place among the requests worked
// on, or a few hundred readers who stand still would keep everybody out until their time is over. Small ones are free: the
// bound on sockets bounds those.
type answers struct {
	held atomic.Int64 // bytes
	max  int64

	turns chan struct{} // of those who make an answer that may be very large
}

func newAnswers(max int64) *answers {
	return &answers{max: max, turns: make(chan struct{}, runtime.GOMAXPROCS(0))}
}

// Turn waits until the operation may make an answer that may be very large, such as a whole paper: no more of them at once than
// there are processors, because what one is made of may take ten times its bytes. Call it before anything is held or changed;
// the turn ends by itself when the answer is made. Error: ErrTimedOut, with the request's own time.
func Turn(ctx context.Context) error {
	k := callOf(ctx)
	if k == nil || k.making != nil { // not a request, or it has its turn
		return nil
	}
	turns := k.answers.turns
	select {
	case turns <- struct{}{}:
		k.making = turns
		return nil
	case <-k.Done():
		return fmt.Errorf("wait to make the answer: %w", context.Cause(k.deadlined()))
	}
}

// made ends the turn, if there is one.
func (k *call) made() {
	if k.making != nil {
		<-k.making
		k.making = nil
	}
}

const smallAnswer = 16 << 10

// sendOff gives up the request's place before n bytes go out; the caller calls done when they are. What would be too much at
// once is refused where it may be asked for again; where something has been done its answer keeps the place instead, and its turn.
func (h *Host) sendOff(k *call, n int) (done func(), err error) {
	if n <= smallAnswer {
		k.made()
		h.leave(k)
		return func() {}, nil
	}
	size := int64(n)
	if held := h.answers.held.Add(size); held > h.answers.max && held != size { // one alone may be larger
		h.answers.held.Add(-size)
		if takesBody(k.request.Method) {
			return func() {}, nil
		}
		return nil, ErrOverloaded
	}
	k.made()
	h.leave(k)
	return func() { h.answers.held.Add(-size) }, nil
}
