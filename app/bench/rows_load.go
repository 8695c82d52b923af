package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// mib is the unit of memory in the table.
const mib = 1 << 20

// fresh starts a new server, so that its memory is that of what follows alone, and gives what it takes when idle.
func (b *bench) fresh(ctx context.Context) (idle int64, err error) {
	if err := b.start(ctx); err != nil {
		return 0, err
	}
	settle := time.NewTimer(2 * time.Second)
	defer settle.Stop()
	select {
	case <-settle.C:
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	return b.memory("VmRSS")
}

func examDay(ctx context.Context, b *bench) ([]figure, error) {
	w, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	idle, err := b.fresh(ctx)
	if err != nil {
		return nil, err
	}
	list := []figure{figure{What: "memory, idle", Ours: float64(idle) / mib, Unit: "MiB"}.atMost(40).with("VmRSS 2 s after the start")}
	crowd := func(rate int, d time.Duration) (load, error) {
		l, err := open(ctx, b.server.addr, b.examinees(w, openClients), rate, d)
		if err == nil && l.wrong != "" && l.serverErrors() == 0 {
			err = l.check()
		}
		return l, err
	}
	// Postgres's sides of new connections know no table yet: what the first seconds cost is a figure of its own.
	cold, err := crowd(2000, b.span())
	if err != nil {
		return list, err
	}
	list = append(list, figure{What: "the first seconds at 2000/s, p99", Ours: milliseconds(cold.at(0.99)), Unit: "ms"}.with("right after the start"))
	for _, at := range []struct {
		rate     int
		p50, p99 float64
	}{{2000, 2, 15}, {4000, 0, 25}} {
		l, err := crowd(at.rate, 5*b.span())
		if err != nil {
			return list, err
		}
		what := fmt.Sprintf("mix at %d/s, ", at.rate)
		p50 := figure{What: what + "p50", Ours: milliseconds(l.at(0.50)), Unit: "ms"}
		if at.p50 > 0 {
			p50 = p50.atMost(at.p50)
		}
		p99 := figure{What: what + "p99", Ours: milliseconds(l.at(0.99)), Unit: "ms"}.atMost(at.p99)
		bad := figure{What: what + "5xx", Ours: float64(l.serverErrors()), Unit: "answers"}.atMost(0)
		list = append(list, p50, p99.with("open loop, from when the request was due; %.0f/s answered", l.rate()), bad.with("%s", l.wrong))
	}
	peak, err := b.memory("VmHWM")
	if err != nil {
		return list, err
	}
	day := figure{What: "memory, exam day", Ours: float64(peak) / mib, Unit: "MiB"}.atMost(64)
	return append(list, day.with("the peak (VmHWM) of the lines above")), nil
}

// othersRate is how often somebody else asks for their own submission while one row does something heavy.
const othersRate = 200

// others measures people's own GET /public/submission at a steady rate for d, which should be what heavy takes: a time in
// which nothing heavy runs any more would flatter it.
func (b *bench) others(ctx context.Context, w *world, d time.Duration, heavy func(context.Context) error) (load, error) {
	started, err := b.sittings(ctx, w, clients)
	if err != nil {
		return load{}, err
	}
	failed := make(chan error, 1)
	go func() { failed <- heavy(ctx) }()
	l, err := open(ctx, b.server.addr, b.readers(started, clients), othersRate, d)
	if heavyErr := <-failed; heavyErr != nil {
		return l, heavyErr
	}
	if err == nil {
		err = l.check()
	}
	return l, err
}

func loginStorm(ctx context.Context, b *bench) ([]figure, error) {
	w, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]string{"email": ownerEmail, "password": ownerPassword})
	if err != nil {
		return nil, err
	}
	d := 3 * b.span()
	quiet, err := b.others(ctx, w, d, func(context.Context) error { return nil })
	if err != nil {
		return nil, err
	}
	var logins load
	l, err := b.others(ctx, w, d, func(ctx context.Context) (err error) {
		// A server that hashes as much as it can may turn the rest away.
		r := request{bytes: encode(http.MethodPost, "/api/v1/auth/login", b.server.addr, "", body), want: http.StatusOK, may: http.StatusServiceUnavailable}
		logins, err = closed(ctx, b.server.addr, same(16, r), d)
		return err
	})
	if err != nil {
		return nil, err
	}
	f := figure{What: "fetch p99 in a login storm", Ours: milliseconds(l.at(0.99)), Unit: "ms"}.atMost(15)
	return []figure{f.with("%d/s; %.1f ms without; meanwhile %.1f sign-ins/s of 16 clients, p50 %.0f ms, %d turned away", othersRate,
		milliseconds(quiet.at(0.99)), logins.rate(), milliseconds(logins.at(0.5)), logins.serverErrors())}, nil
}
