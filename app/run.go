package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"

	"credlane/app/kit/jobs"
	"credlane/app/kit/logx"
	"credlane/app/kit/pglocal"
	"credlane/configs"
)

// drainTime is how long a stopping server waits for the requests under way; the rest of the 10 seconds that an operator is
// promised goes to the pool and the embedded Postgres.
const drainTime = 7 * time.Second

// ServeOptions say how to run beside what the configuration says.
type ServeOptions struct {
	Version string
	Log     io.Writer // log lines go here
	Workers bool      // do the background work in this process
	Jobs    JobPlan   // which jobs it works on, where it works
	ready   bool      // be prepared for a crowd
}

// JobPlan says which jobs a process works on. The zero value is all, each queue with its own number at once.
type JobPlan struct {
	Queues      string // "mail,webhooks"; "" for all
	Concurrency int    // jobs of each queue at once; 0 for the queue's own number
}

// Check tells a plan that means nothing.
func (p JobPlan) Check() error {
	_, err := p.plan()
	return err
}

const maxConcurrency = 1000

func (p JobPlan) plan() (jobs.Plan, error) {
	if p.Concurrency < 0 || p.Concurrency > maxConcurrency {
		return jobs.Plan{}, fmt.Errorf("--concurrency is a number from 1 to %d", maxConcurrency)
	}
	queues, err := jobs.ParseQueues(p.Queues)
	return jobs.Plan{Queues: queues, Concurrency: p.Concurrency}, err
}

// Serve runs the server until ctx ends, then drains it. With no database URL it runs the embedded Postgres.
func Serve(ctx context.Context, cfg configs.Config, o ServeOptions) error {
	o.ready = true
	return With(ctx, cfg, o, func(ctx context.Context, a *App) error {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Addr)
		if err != nil {
			return fmt.Errorf("listen on %s: %w; stop what listens there, or choose another --addr", cfg.Addr, err)
		}
		a.greet(ctx)
		debug.FreeOSMemory() // the start builds the whole document of the API, and leaves half of what it took behind
		return a.Run(ctx, listener, o.Workers)
	})
}

// Work does the background work alone until ctx ends.
func Work(ctx context.Context, cfg configs.Config, o ServeOptions) error {
	return With(ctx, cfg, o, func(ctx context.Context, a *App) error {
		a.log.Info("working", "version", a.version)
		return a.runWorkers(ctx)
	})
}

// With builds the app on a database that is up to date, runs fn and closes everything again.
func With(ctx context.Context, cfg configs.Config, o ServeOptions, fn func(context.Context, *App) error) (err error) {
	log, flush := logx.New(o.Log, cfg.LogLevel, cfg.LogFormat)
	defer flush()
	for _, name := range cfg.Unknown {
		log.Warn("this variable means nothing to CredLane; is it misspelt?", "variable", name)
	}
	db, err := openDatabase(ctx, &cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close()) }()
	m, err := newMigrator(db.directURL)
	if err != nil {
		return err
	}
	n, err := m.up(ctx)
	if err = errors.Join(err, m.close()); err != nil {
		return err
	}
	if n > 0 {
		log.Info("the schema is up to date", "migrations_run", n)
	}
	a, err := New(ctx, cfg, Options{Version: o.Version, Log: log, Ready: o.ready})
	if err != nil {
		return err
	}
	defer a.Close()
	if a.plan, err = o.Jobs.plan(); err != nil {
		return err
	}
	ctx, stop := db.watch(ctx)
	defer stop()
	if err := fn(ctx, a); err != nil && !errors.Is(context.Cause(ctx), errDatabaseLost) {
		return err
	}
	if cause := context.Cause(ctx); errors.Is(cause, errDatabaseLost) {
		return cause
	}
	return nil
}

// errDatabaseLost ends the program: whatever supervises it starts it again, and the database with it.
var errDatabaseLost = errors.New("the embedded Postgres has ended; its log is in the data directory, and a new start recovers it")

// watch gives a context that ends, with errDatabaseLost as its cause, when the embedded Postgres does.
func (d *database) watch(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if d.local != nil {
		go func() {
			select {
			case <-d.local.Lost():
				cancel(errDatabaseLost)
			case <-ctx.Done():
			}
		}()
	}
	return ctx, func() { cancel(nil) }
}

// Run serves on listener until ctx ends, then answers what is under way and returns. It does the background work too when
// workers is set.
func (a *App) Run(ctx context.Context, listener net.Listener, workers bool) error {
	server := a.server.HTTP(a.Handler())
	server.RegisterOnShutdown(a.activity.EndStreams)
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		err := server.Serve(a.server.Limit(listener))
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return fmt.Errorf("serve: %w", err)
	})
	g.Go(func() error {
		<-gctx.Done()
		a.log.Info("stopping: answering what is under way")
		drain, cancel := context.WithTimeout(context.WithoutCancel(gctx), drainTime)
		defer cancel()
		if err := server.Shutdown(drain); err != nil {
			a.log.Warn("some requests did not end in time and were cut", "error", err)
			return server.Close()
		}
		return nil
	})
	if workers {
		g.Go(func() error { return a.runWorkers(gctx) })
	}
	return g.Wait()
}

func (a *App) runWorkers(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.jobs.Work(ctx, a.plan) })
	for _, r := range a.runners {
		g.Go(func() error {
			if err := r.Run(ctx); err != nil && ctx.Err() == nil {
				return fmt.Errorf("background work: %w", err)
			}
			return nil
		})
	}
	return g.Wait()
}

// greet tells a newcomer what to do next.
func (a *App) greet(ctx context.Context) {
	attrs := []any{"version", a.version, "url", a.cfg.PublicURL, "docs", a.cfg.PublicURL + "/api/docs"}
	if empty, err := a.accounts.Empty(ctx); err == nil && empty {
		attrs = append(attrs, "next", "register the first employer: POST "+a.cfg.PublicURL+"/api/v1/auth/register, or see the README; \"credlane demo\" fills in an example")
	}
	a.log.Info("CredLane is ready", attrs...)
}

// database is where the data live, and how to let go of it.
type database struct {
	directURL string
	local     *pglocal.Server
	log       *slog.Logger
}

// openDatabase starts the embedded Postgres when the configuration names no database, and completes cfg with its URL and key.
func openDatabase(ctx context.Context, cfg *configs.Config, log *slog.Logger) (*database, error) {
	if !cfg.Embedded() {
		return &database{directURL: cfg.Direct().Reveal(), log: log}, nil
	}
	server, err := pglocal.Start(ctx, pglocal.Options{DataDir: cfg.DataDir, Log: log})
	if err != nil {
		return nil, err
	}
	d := &database{directURL: server.URL(), local: server, log: log}
	cfg.DatabaseURL = configs.NewSecret(server.URL())
	if cfg.SecretKey.Empty() {
		key, err := pglocal.SecretKey(cfg.DataDir)
		if err != nil {
			return nil, errors.Join(err, d.close())
		}
		cfg.SecretKey = configs.NewSecret(configs.EncodeKey(key))
	}
	return d, nil
}

func (d *database) close() error {
	if d.local == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	return d.local.Stop(ctx)
}
