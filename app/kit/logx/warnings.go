package logx

import (
	"context"
	"log/slog"
)

// Warnings lets only what needs a person's eye of h's lines through: warnings and errors.
func Warnings(h slog.Handler) slog.Handler { return warnings{h} }

type warnings struct{ slog.Handler }

func (w warnings) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && w.Handler.Enabled(ctx, l)
}

func (w warnings) WithAttrs(a []slog.Attr) slog.Handler { return warnings{w.Handler.WithAttrs(a)} }
func (w warnings) WithGroup(name string) slog.Handler   { return warnings{w.Handler.WithGroup(name)} }
