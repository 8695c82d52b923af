// Package logx writes structured logs through a bounded buffer, so that a request does not wait for the log's disk.
package logx

import (
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"
)

const (
	bufferSize = 64 << 10    // bytes held at most; a full buffer is written by whoever filled it
	flushEvery = time.Second // how old a line may get before it is written
)

// New logs lines of at least the level to out, as "text" or else JSON. A line is written at latest after a second, or when the
// buffer is full; an error at once, with all that came before it. Close writes what is held; lines logged later are written
// at once. It gives the error of a write that nobody has been told of.
func New(out io.Writer, level slog.Leveler, format string) (log *slog.Logger, close func() error) {
	return newLogger(out, level, format, flushEvery)
}

func newLogger(out io.Writer, level slog.Leveler, format string, every time.Duration) (*slog.Logger, func() error) {
	b := &buffer{out: out, held: make([]byte, 0, bufferSize), stop: make(chan struct{}), stopped: make(chan struct{})}
	go b.flushes(every)
	options := &slog.HandlerOptions{Level: level}
	var lines slog.Handler = slog.NewJSONHandler(b, options)
	if format == "text" {
		lines = slog.NewTextHandler(b, options)
	}
	return slog.New(&handler{Handler: lines, buffer: b}), b.close
}

// buffer collects lines. It is safe for concurrent use.
type buffer struct {
	mu     sync.Mutex
	out    io.Writer
	held   []byte
	closed bool
	err    error // of the last write; told by the next flush

	once          sync.Once
	stop, stopped chan struct{}
}

// Write takes one line. It never drops one: a full buffer is written first, which slows the writer down.
func (b *buffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.held)+len(line) > bufferSize {
		b.drain()
	}
	if len(line) > bufferSize || b.closed {
		b.drain()
		return b.out.Write(line)
	}
	b.held = append(b.held, line...)
	return len(line), nil
}

func (b *buffer) close() error {
	b.once.Do(func() { close(b.stop) })
	<-b.stopped
	return b.flush()
}

func (b *buffer) flush() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.drain()
	err := b.err
	b.err = nil
	return err
}

// drain writes what is held; the caller holds the lock.
func (b *buffer) drain() {
	if len(b.held) == 0 {
		return
	}
	if _, err := b.out.Write(b.held); err != nil {
		b.err = fmt.Errorf("write the log: %w", err)
	}
	b.held = b.held[:0]
}

func (b *buffer) flushes(every time.Duration) {
	defer close(b.stopped)
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		select {
		case <-b.stop:
			b.mu.Lock()
			b.closed = true
			b.mu.Unlock()
			return
		case <-ticks.C:
			b.mu.Lock()
			b.drain()
			b.mu.Unlock()
		}
	}
}
