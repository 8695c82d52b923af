package logx

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// A library that cannot reach the database says so several times a second; once in a while is enough.
	sayAgain = 30 * time.Second
	maxSaid  = 200 // different lines that are remembered
)

// Warnings lets only what needs a person's eye of h's lines through, warnings and errors, and of the same line one in half a
// minute, with how many were left out since.
func Warnings(h slog.Handler) slog.Handler {
	return warnings{h, &said{lines: map[string]*line{}}}
}

type warnings struct {
	slog.Handler
	said *said
}

// said remembers which lines were written when.
type said struct {
	mu    sync.Mutex
	lines map[string]*line
}

type line struct {
	at      time.Time
	leftOut int
}

func (w warnings) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && w.Handler.Enabled(ctx, l)
}

// Handle writes the line unless it was written a moment ago.
func (w warnings) Handle(ctx context.Context, r slog.Record) error {
	write, leftOut := w.said.say(r.Message, r.Time)
	if !write {
		return nil
	}
	if leftOut > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("left_out", leftOut))
	}
	return w.Handler.Handle(ctx, r)
}

func (s *said) say(message string, at time.Time) (write bool, leftOut int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.lines[message]
	switch {
	case known == nil && len(s.lines) >= maxSaid:
		clear(s.lines)
		fallthrough
	case known == nil:
		s.lines[message] = &line{at: at}
		return true, 0
	case at.Sub(known.at) < sayAgain:
		known.leftOut++
		return false, 0
	}
	leftOut = known.leftOut
	*known = line{at: at}
	return true, leftOut
}

func (w warnings) WithAttrs(a []slog.Attr) slog.Handler {
	return warnings{w.Handler.WithAttrs(a), w.said}
}
func (w warnings) WithGroup(name string) slog.Handler {
	return warnings{w.Handler.WithGroup(name), w.said}
}
