package logx

import (
	"context"
	"log/slog"
)

// handler writes errors through to the end, so that a crash right after one does not take it along.
type handler struct {
	slog.Handler
	buffer *buffer
}

// Handle passes the record on and flushes after an error.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	if err := h.Handler.Handle(ctx, r); err != nil {
		return err
	}
	if r.Level >= slog.LevelError {
		return h.buffer.flush()
	}
	return nil
}

// WithAttrs keeps the flushing.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{Handler: h.Handler.WithAttrs(attrs), buffer: h.buffer}
}

// WithGroup keeps the flushing.
func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{Handler: h.Handler.WithGroup(name), buffer: h.buffer}
}
