package rest

import "sync/atomic"

// answers bounds what large answers hold in memory while their readers take them. They hold no place among the requests worked
// on, or a few hundred readers who stand still would keep everybody out until their time is over. Small ones are free: the
// bound on sockets bounds those.
type answers struct {
	held atomic.Int64 // bytes
	max  int64
}

const smallAnswer = 16 << 10

// sendOff gives up the request's place before n bytes go out; the caller calls done when they are. What would be too much at
// once is refused where it may be asked for again; where something has been done its answer keeps the place instead.
func (h *Host) sendOff(k *call, n int) (done func(), err error) {
	if n <= smallAnswer {
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
	h.leave(k)
	return func() { h.answers.held.Add(-size) }, nil
}
