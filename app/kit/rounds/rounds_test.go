package rounds_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"credlane/app/kit/rounds"
)

func TestARoundIsCutAtItsLimitAndTheNextOneComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		begun := time.Now()
		var began, lasted []time.Duration
		err := rounds.Run(ctx, slog.New(slog.DiscardHandler), rounds.Plan{Name: "sweep", Every: time.Minute, Limit: 10 * time.Second},
			func(ctx context.Context) error {
				start := time.Now()
				began = append(began, start.Sub(begun))
				if len(began) == 3 {
					stop()
				}
				<-ctx.Done()
				lasted = append(lasted, time.Since(start))
				return ctx.Err()
			})
		if err != nil || len(began) != 3 || began[0] != 0 || began[1] != time.Minute || began[2] != 2*time.Minute {
			t.Error(err, began)
		}
		if lasted[0] != 10*time.Second || lasted[1] != 10*time.Second || lasted[2] != 0 {
			t.Error(lasted)
		}
	})
}

func TestAFailureThatStaysIsLoggedWithGrowingSpaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		var log bytes.Buffer
		n := 0
		err := rounds.Run(ctx, slog.New(slog.NewTextHandler(&log, nil)), rounds.Plan{Name: "sweep", Every: time.Second, Limit: time.Second},
			func(context.Context) error {
				switch n++; {
				case n == 102:
					stop()
					return nil
				case n == 100:
					return nil
				}
				return errors.New("no database")
			})
		// 1, 2, 4, ... 64 of the first 99, and the one after the round that went well.
		if got := strings.Count(log.String(), "no database"); err != nil || n != 102 || got != 7+1 {
			t.Errorf("%d lines of %d rounds, %v:\n%s", got, n, err, log.String())
		}
	})
}
