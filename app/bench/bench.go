package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"credlane/app/kit/pglocal"
)

// bench is what the rows share: one Postgres, one server at a time, and the world they measure in.
type bench struct {
	options
	dir        string
	stderr     io.Writer
	began      time.Time
	loadBefore string
	secret     string
	pg         *pglocal.Server
	db         *pgx.Conn // as a superuser: loads rows past the triggers
	pgbench    string
	server     *process
	started    []*process // besides the server
	api        api
	nextNumber int64
	candidates atomic.Int64 // who started so far
	made       *world       // by the first row that needs one
	hopeless   error        // why none can be made
}

func newBench(ctx context.Context, o options, stderr io.Writer) (*bench, error) {
	b := &bench{options: o, stderr: stderr, began: time.Now(), secret: newSecret(), nextNumber: 1, loadBefore: "unknown"}
	if averages := strings.Fields(fileText("/proc/loadavg")); len(averages) > 2 {
		b.loadBefore = strings.Join(averages[:3], " ")
	}
	installed, err := pglocal.FindBinaries(ctx)
	if err != nil {
		return nil, err
	}
	b.pgbench = installed[0].Path("pgbench")
	if _, err := os.Stat(b.pgbench); err != nil {
		return nil, fmt.Errorf("pgbench belongs to the Postgres programs, and yours have none: %w", err)
	}
	if b.dir, err = os.MkdirTemp(o.dir, "credlane-bench-"); err != nil {
		return nil, err
	}
	// As root the cluster's unprivileged user must get through; what matters in it is private.
	if err := os.Chmod(b.dir, 0o711); err != nil {
		return nil, errors.Join(err, b.close())
	}
	b.say("making a database in %s", b.dir)
	b.pg, err = pglocal.Start(ctx, pglocal.Options{DataDir: filepath.Join(b.dir, "data"), Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		b.db, err = connectAsSuperuser(ctx, b.pg.URL())
	}
	if err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

func connectAsSuperuser(ctx context.Context, asOwner string) (*pgx.Conn, error) {
	u, err := url.Parse(asOwner)
	if err != nil {
		return nil, err
	}
	u.User = url.User("postgres")
	return pgx.Connect(ctx, u.String())
}

// say tells on stderr how far the run is.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.stderr, "%4.0fs  %s\n", time.Since(b.began).Seconds(), fmt.Sprintf(format, args...))
}

// close stops everything that was started.
func (b *bench) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	errs := []error{b.server.stop()}
	for _, p := range b.started {
		errs = append(errs, p.stop())
	}
	if b.db != nil {
		errs = append(errs, b.db.Close(ctx))
	}
	if b.pg != nil {
		errs = append(errs, b.pg.Stop(ctx))
	}
	if b.logs {
		b.say("the logs are in %s", b.dir)
		return errors.Join(errs...)
	}
	return errors.Join(append(errs, os.RemoveAll(b.dir))...)
}

// rounds is how many pairs a row measures.
func (b *bench) rounds() int {
	if b.short {
		return 2
	}
	return 5
}

// span is how long one side of a pair runs.
func (b *bench) span() time.Duration {
	if b.short {
		return 1500 * time.Millisecond // pgbench counts in whole seconds, and makes two of it
	}
	return 2 * time.Second
}

// size is how many of something a row loads.
func (b *bench) size(full int) int {
	if b.short {
		return full / 10
	}
	return full
}

// sample is what one round of one side showed: a rate or another figure, and the processor time of each operation where it is
// known. Other work on the machine moves the first much and the second little.
type sample struct {
	value float64
	cost
}

// cost is processor time: of Postgres with its backends, and of the server.
type cost struct{ postgres, server time.Duration }

func (c cost) per(n float64) cost {
	return cost{time.Duration(float64(c.postgres) / n), time.Duration(float64(c.server) / n)}
}

// subject is one side of a comparison: it runs for one round.
type subject func(ctx context.Context) (sample, error)

// compare lets the subjects take turns, ours first, and gives what each showed, round by round. A round before that does not
// count: what is cold in it is cold once a day.
func (b *bench) compare(ctx context.Context, rounds int, subjects ...subject) ([][]sample, error) {
	seen := make([][]sample, len(subjects))
	for round := range 1 + rounds {
		for i, s := range subjects {
			v, err := s(ctx)
			if err != nil {
				return nil, err
			}
			if round > 0 {
				seen[i] = append(seen[i], v)
			}
		}
	}
	return seen, nil
}

// paired is the line for ours against one limit.
func paired(what, unit string, ours, limit []sample, of string) figure {
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = ours[i].value / limit[i].value
	}
	value := func(s sample) float64 { return s.value }
	cpu := func(s sample) float64 { return microseconds(s.server + s.postgres) }
	return figure{What: what, Unit: unit, Ours: middle(ours, value), Limit: middle(limit, value), Of: of, Ratio: median(ratios),
		OursCPU: middle(ours, cpu), LimitCPU: middle(limit, cpu),
		ServerCPU: middle(ours, func(s sample) float64 { return microseconds(s.server) })}
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func middle(list []sample, of func(sample) float64) float64 {
	values := make([]float64, len(list))
	for i, s := range list {
		values[i] = of(s)
	}
	return median(values)
}
