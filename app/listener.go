package app

import (
	"net"
	"sync"
)

// limited is a listener with so many connections at once: further ones wait in the kernel's queue.
type limited struct {
	net.Listener
	places chan struct{}
	closed chan struct{}
	close  func()
}

func limitListener(l net.Listener, max int) net.Listener {
	closed := make(chan struct{})
	return &limited{
		Listener: l, places: make(chan struct{}, max), closed: closed, close: sync.OnceFunc(func() { close(closed) }),
	}
}

// Accept waits for a place and then for a connection.
func (l *limited) Accept() (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, net.ErrClosed
	case l.places <- struct{}{}:
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &limitedConn{Conn: conn, leave: sync.OnceFunc(func() { <-l.places })}, nil
}

// Close ends a waiting Accept, too.
func (l *limited) Close() error {
	l.close()
	return l.Listener.Close()
}

// limitedConn gives its place back when it is closed.
type limitedConn struct {
	net.Conn
	leave func()
}

// Close may be called twice.
func (c *limitedConn) Close() error {
	err := c.Conn.Close()
	c.leave()
	return err
}

// SetWriteBuffer reaches the connection within, which a stream needs.
func (c *limitedConn) SetWriteBuffer(bytes int) error {
	if inner, ok := c.Conn.(interface{ SetWriteBuffer(int) error }); ok {
		return inner.SetWriteBuffer(bytes)
	}
	return nil
}
