// Package rounds repeats background work, each round within a limit.
package rounds

import (
	"context"
	"log/slog"
	"time"
)

// Plan says how work is repeated.
type Plan struct {
	Name  string        // for the log
	Every time.Duration // from one beginning to the next; a longer round is followed by the next at once
	Limit time.Duration // of one round: a database that hangs must not end the work for good
}

// Run does work at once and then every so often, until ctx ends. What a round could not do is the next one's to try: a failure is
// logged, and one that stays is logged again with each doubling of its rounds.
func Run(ctx context.Context, log *slog.Logger, p Plan, work func(context.Context) error) error {
	ticks := time.NewTicker(p.Every)
	defer ticks.Stop()
	failures := 0
	for {
		bounded, cancel := context.WithTimeout(ctx, p.Limit)
		err := work(bounded)
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			failures = 0
		default:
			if failures++; failures&(failures-1) == 0 {
				log.ErrorContext(ctx, p.Name+" failed and will be tried again", "failures", failures, "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
	}
}
