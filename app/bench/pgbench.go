package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// clients is how many connections the load generator and pgbench use alike; openClients are those of an open loop, which
// needs more, so that a slow answer does not hold the next request back.
const (
	clients     = 16
	openClients = 64
)

// pgscript is one limit: statements for pgbench with what its variables begin with.
type pgscript struct {
	name string
	text string
	vars map[string]string
}

// perClient is how far apart the clients' numbers are: client c counts from base + c*perClient.
const perClient = 1_000_000

var (
	tpsLine   = regexp.MustCompile(`(?m)^tps = ([0-9.]+) \(without initial connection time\)`)
	countLine = regexp.MustCompile(`(?m)^number of transactions actually processed: ([0-9]+)`)
)

// transactions runs a script for a time and gives its rate, in transactions a second.
func (b *bench) transactions(ctx context.Context, s pgscript, d time.Duration) (sample, error) {
	return b.runPgbench(ctx, s, "-T", strconv.Itoa(max(1, int(d.Round(time.Second).Seconds()))))
}

// exactly runs a script so many times in each client.
func (b *bench) exactly(ctx context.Context, s pgscript, each int) (sample, error) {
	return b.runPgbench(ctx, s, "-t", strconv.Itoa(each))
}

func (b *bench) runPgbench(ctx context.Context, s pgscript, length ...string) (got sample, err error) {
	got.cost, err = b.meterCPU(nil, func() (count float64, err error) {
		got.value, count, err = b.startPgbench(ctx, s, length...)
		return count, err
	})
	return got, err
}

func (b *bench) startPgbench(ctx context.Context, s pgscript, length ...string) (rate, count float64, err error) {
	file := filepath.Join(b.dir, s.name+".pgbench")
	if err := os.WriteFile(file, []byte(s.text), 0o600); err != nil {
		return 0, 0, err
	}
	args := append([]string{"--no-vacuum", "--protocol=prepared", "--client=" + strconv.Itoa(clients), "--jobs=2", "--file=" + file}, length...)
	vars := map[string]string{"i": "0", "base": strconv.FormatInt(b.numbers(clients*perClient), 10)}
	for name, value := range s.vars {
		vars[name] = value
	}
	for name, value := range vars {
		args = append(args, "--define="+name+"="+value)
	}
	cmd := exec.CommandContext(ctx, b.pgbench, append(args, b.pg.URL())...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "PG") })
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return 0, 0, context.Cause(ctx)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("pgbench %s: %w: %s", s.name, err, out)
	}
	tps, n := tpsLine.FindSubmatch(out), countLine.FindSubmatch(out)
	if tps == nil || n == nil {
		return 0, 0, fmt.Errorf("pgbench %s gives no rate: %s", s.name, out)
	}
	rate, err1 := strconv.ParseFloat(string(tps[1]), 64)
	count, err2 := strconv.ParseFloat(string(n[1]), 64)
	return rate, count, errors.Join(err1, err2)
}

// numbers sets n numbers aside that nobody else has, and gives the first. The limits' rows have ids made of them, by lpad in the
// statement, which costs less than a microsecond.
func (b *bench) numbers(n int64) int64 {
	first := b.nextNumber
	b.nextNumber += n
	return first
}
