package mail

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

const (
	maxOpen   = 16  // connections of one process; mails beyond that wait
	maxUses   = 100 // mails by one connection, which many servers bound
	idleLimit = 10 * time.Second
	quitLimit = time.Second
)

// conn is one open connection that has greeted.
type conn struct {
	client *smtp.Client
	raw    net.Conn // below TLS: deadlines and the end work on it
	used   int
	idle   *time.Timer
}

// interrupt ends whatever the connection waits for.
func (c *conn) interrupt() {
	_ = c.raw.SetDeadline(time.Unix(1, 0)) // a connection that is gone waits for nothing
}

// close ends the connection without a word: it is broken, or in the middle of something.
func (c *conn) close() {
	_ = c.raw.Close() // nothing is owed by it any more
}

// quit takes leave.
func (c *conn) quit() {
	if c.raw.SetDeadline(time.Now().Add(quitLimit)) == nil {
		_ = c.client.Quit() // politeness; the connection ends either way
	}
	c.close()
}

// pool bounds how many connections are open, and keeps those that were good for the next mail.
type pool struct {
	places chan struct{}
	limit  time.Duration

	mu     sync.Mutex
	idle   []*conn // the last one was used last
	closed bool
}

func newPool(limit time.Duration) *pool {
	if limit == 0 {
		limit = idleLimit
	}
	return &pool{places: make(chan struct{}, maxOpen), limit: limit}
}

// enter waits for a place. A place is for one mail; leave gives it back.
func (p *pool) enter(ctx context.Context) error {
	select {
	case p.places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *pool) leave() { <-p.places }

// take gives an idle connection, or nil. Idle ones and places together never pass the bound: each idle one stands for a place
// that was left.
func (p *pool) take() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 {
		c := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		if c.idle.Stop() {
			return c
		}
	}
	return nil
}

// put keeps a connection, for a while.
func (p *pool) put(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || c.used >= maxUses {
		go c.quit()
		return
	}
	c.idle = time.AfterFunc(p.limit, func() {
		p.forget(c)
		c.quit()
	})
	p.idle = append(p.idle, c)
}

// forget takes a connection off the list, if it is still there.
func (p *pool) forget(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, other := range p.idle {
		if other == c {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			return
		}
	}
}

// close ends the idle connections, and keeps none from now on.
func (p *pool) close() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	for _, c := range idle {
		if c.idle.Stop() {
			c.quit()
		}
	}
}
