package submissions

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/fault"
	"credlane/app/kit/pg"
)

// ErrBusy says that as many exports or summaries run as may run at once.
var ErrBusy = fault.New(fault.Unavailable, "exports_busy",
	"Too many exports or result pages are being made right now. Wait until your running export has ended, or try again in a few seconds.").
	RetryIn(5 * time.Second)

// heavyShare of the pool's connections is for exports, and as much again for summaries, so that slow readers never take the
// connections that candidates need.
const heavyShare = 4

// exportLimit is how long one export may take in all: a reader who takes a little now and then never stalls, and would hold
// a place and a database snapshot for ever.
const exportLimit = 15 * time.Minute

// gate lets a bounded number of any employers in; nobody waits at it.
type gate chan struct{}

func newGate(db *pg.DB) gate { return make(gate, max(1, db.MaxConns()/heavyShare)) }

// enter takes a place until leave is called. Error: ErrBusy.
func (g gate) enter() (leave func(), err error) {
	select {
	case g <- struct{}{}:
		return func() { <-g }, nil
	default:
		return nil, ErrBusy
	}
}

// turnstile lets one of each employer in, and a bounded number in all; nobody waits at it.
type turnstile struct {
	mu     sync.Mutex
	places int
	inside map[uuid.UUID]struct{} // never more than places
}

// newTurnstile has two places even for a small pool, or one employer would be all; it leaves two connections where it can.
func newTurnstile(db *pg.DB) *turnstile {
	conns := db.MaxConns()
	places := max(1, min(max(2, conns/heavyShare), conns-2))
	return &turnstile{places: places, inside: make(map[uuid.UUID]struct{}, places)}
}

// enter takes the employer's place until leave is called, once. Error: ErrBusy.
func (s *turnstile) enter(employer uuid.UUID) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, in := s.inside[employer]; in || len(s.inside) >= s.places {
		return nil, ErrBusy
	}
	s.inside[employer] = struct{}{}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.inside, employer)
	}, nil
}

// taken is how many are inside.
func (s *turnstile) taken() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.inside)
}

// until writes as long as its context lasts.
type until struct {
	ctx context.Context
	w   io.Writer
}

func (u until) Write(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.w.Write(p)
}
