// Command bench measures CredLane against what the same machine could do at best, each figure and its limit in turn in one run.
//
// A limit is pgbench running the statements that an operation cannot do without, or a bare Echo handler that answers with as
// many bytes. Subject and limit take turns for a few short rounds (A B A B ...), and the ratio is the median of the ratios of
// the pairs: absolute rates swing with whatever else the machine does, ratios hold. The load generator, the server and
// Postgres share the machine's cores.
//
// Everything is real: the credlane binary as a process of its own with guard, validation, metrics, audit and a log line a
// request; one Postgres cluster for server and limits, made for the run with the settings the embedded default has and
// durability on; everything on loopback. Only the rate limits are raised, because all load comes from one address.
//
//	go run ./app/bench                          every row, 12 minutes at most
//	go run ./app/bench -short                   a quick look: fewer, shorter rounds and smaller data
//	go run ./app/bench -only landing,submit     some rows
//	go run ./app/bench -list                    the rows there are
//	go run ./app/bench -json                    the same figures as JSON
//	go run ./app/bench -set NAME=value          with another setting of the server, to see what it changes
//
// It is a measuring tool, not a test: a goal that is missed is printed and the exit code is 0. The code is 1 when something
// could not be measured, such as an answer with another status than expected; the message says which. It needs Linux (/proc) and
// the Postgres programs, pgbench among them; what it started it stops, after Ctrl-C too.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case interrupted:
		fmt.Fprintln(os.Stderr, "bench: stopped")
		os.Exit(130)
	default:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	only     []string
	short    bool
	json     bool
	credlane string        // a built binary; empty builds one
	dir      string        // where the cluster is made
	limit    time.Duration // of the whole run
	logs     bool          // keep the directory
	settings []string      // further NAME=value for the server
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) > 0 && args[0] == "bare" {
		return serveBare(ctx, args[1:], stdout)
	}
	o, list, err := parse(args, stderr)
	if err != nil {
		return err
	}
	if list {
		for _, r := range rows() {
			fmt.Fprintf(stdout, "%-10s %s\n", r.name, r.about)
		}
		return nil
	}
	chosen, err := choose(o.only)
	if err != nil {
		return err
	}
	if runtime.GOOS != "linux" {
		return errors.New("it reads /proc for memory and processor time, so it needs Linux")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, o.limit, fmt.Errorf("the time for the whole run, %s, is over; give more with -limit", o.limit))
	defer cancel()
	return measure(ctx, o, chosen, stdout, stderr)
}

func parse(args []string, stderr io.Writer) (o options, list bool, err error) {
	var only string
	set := flag.NewFlagSet("bench", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&only, "only", "", "the rows to measure, comma-separated; all when empty")
	set.BoolVar(&list, "list", false, "list the rows and end")
	set.BoolVar(&o.short, "short", false, "fewer and shorter rounds, smaller data")
	set.BoolVar(&o.json, "json", false, "print JSON")
	set.BoolVar(&o.logs, "keep", false, "keep the directory with the logs")
	set.StringVar(&o.credlane, "credlane", "", "a built credlane; without it one is built")
	set.StringVar(&o.dir, "dir", "/var/tmp", "where the database is made, on the disk to measure")
	set.Func("set", "a setting for the server, `NAME=value`; may be given more than once", func(s string) error {
		o.settings = append(o.settings, s)
		return nil
	})
	set.DurationVar(&o.limit, "limit", 12*time.Minute, "the time for the whole run")
	if err := set.Parse(args); err != nil {
		return o, false, err
	}
	if set.NArg() > 0 {
		return o, false, fmt.Errorf("%q is no argument; see -help", set.Arg(0))
	}
	for name := range strings.SplitSeq(only, ",") {
		if name = strings.TrimSpace(name); name != "" {
			o.only = append(o.only, name)
		}
	}
	return o, list, nil
}

// measure runs the rows one after the other. A row that fails does not keep the others from being measured.
func measure(ctx context.Context, o options, chosen []row, stdout, stderr io.Writer) (err error) {
	// A thread more than there are cores sleeps until the next request is due; see open.
	runtime.GOMAXPROCS(runtime.NumCPU() + 2)
	b, err := newBench(ctx, o, stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	var figures []figure
	var failed []error
	for _, r := range chosen {
		b.say("%s: %s", r.name, r.about)
		got, err := r.run(ctx, b)
		for i := range got {
			got[i].Row = r.name
		}
		figures = append(figures, got...)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", r.name, explain(ctx, err)))
			b.say("%s could not be measured: %v", r.name, failed[len(failed)-1])
		}
		if ctx.Err() != nil || b.hopeless != nil {
			break
		}
	}
	facts, err := b.facts(context.WithoutCancel(ctx))
	failed = append(failed, err)
	if err := report(stdout, o.json, figures, facts); err != nil {
		return err
	}
	return errors.Join(failed...)
}

// explain puts the reason why the context ended in the place of its consequence.
func explain(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w (%w)", cause, err)
	}
	return err
}
