// Package pg is the way to Postgres: a pool, transactions with a bounded retry, and constraint names as faults.
package pg

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Querier is what a store function needs: the pool or a transaction.
type Querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// Conn is one connection of the pool, for a use case that counts its round trips. Release it.
type Conn = pgxpool.Conn

// Options say how to reach the database.
type Options struct {
	URL      string
	MaxConns int32           // at least 1
	MinConns int32           // kept open, so that a crowd that comes at once does not wait for new ones; none by default
	Pooler   bool            // a transaction pooler stands between: no named statements, no session state
	Tracer   pgx.QueryTracer // sees every statement; nil for none
}

// DB is a pool. The zero value has no database behind it: it is good for describing a program, not for running one.
type DB struct {
	*pgxpool.Pool
	maxConns int
}

// closeLimit is how long Close waits for connections that are in use: a database that hangs keeps nobody from stopping.
const closeLimit = time.Second

// Close gives the connections back.
func (db *DB) Close() {
	if db.Pool == nil {
		return
	}
	closed := make(chan struct{})
	go func() { defer close(closed); db.Pool.Close() }()
	limit := time.NewTimer(closeLimit)
	defer limit.Stop()
	select {
	case <-closed:
	case <-limit.C:
	}
}

// MaxConns is how many connections the pool may have.
func (db *DB) MaxConns() int { return db.maxConns }

// Open makes the pool and asks the server once, so that a wrong address is known at the start.
func Open(ctx context.Context, o Options) (*DB, error) {
	cfg, err := pgxpool.ParseConfig(o.URL)
	if err != nil {
		return nil, fmt.Errorf("database url: %w", err)
	}
	cfg.MaxConns = max(1, o.MaxConns)
	cfg.MinConns = min(o.MinConns, cfg.MaxConns)
	cfg.MaxConnLifetime = time.Hour
	cfg.MaxConnLifetimeJitter = 10 * time.Minute
	cfg.ConnConfig.ConnectTimeout = 5 * time.Second
	cfg.AfterConnect = ownTypes
	cfg.ConnConfig.Tracer = o.Tracer
	if o.Pooler {
		// Behind pgbouncer in transaction mode this is the one mode in which every statement finds its description.
		cfg.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open the pool: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("reach the database: %w", err)
	}
	return &DB{pool, int(cfg.MaxConns)}, nil
}

const txTries = 5

// InTx runs fn in a transaction and commits it. It starts again, a bounded number of times, after a serialization failure
// or a deadlock (40001, 40P01): fn must change nothing outside the transaction.
func (db *DB) InTx(ctx context.Context, fn func(tx pgx.Tx) error) error {
	return again(ctx, func() error { return pgx.BeginFunc(ctx, db.Pool, fn) })
}

// InBatch runs what queue queues as one transaction in one round trip: Postgres keeps all of a pipeline without a BEGIN, or
// nothing of it. Each statement sees what was committed before it began, and what the ones before it did. It starts again as
// InTx does.
func (db *DB) InBatch(ctx context.Context, queue func(b *pgx.Batch) error) error {
	return again(ctx, func() error {
		var b pgx.Batch
		if err := queue(&b); err != nil {
			return err
		}
		return db.SendBatch(ctx, &b).Close()
	})
}

func again(ctx context.Context, run func() error) error {
	var err error
	for try := range txTries {
		if try > 0 {
			pause := time.NewTimer(time.Duration(1+rand.IntN(1<<try*5)) * time.Millisecond)
			select {
			case <-ctx.Done():
				pause.Stop()
				return ctx.Err()
			case <-pause.C:
			}
		}
		if err = run(); err == nil || !retryable(err) {
			return err
		}
	}
	return fmt.Errorf("after %d tries: %w", txTries, err)
}

func retryable(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == "40001" || e.Code == "40P01")
}

// One collects exactly one row into a T by column name (a struct's `db` tags); no row is pgx.ErrNoRows.
func One[T any](ctx context.Context, q Querier, sql string, args ...any) (T, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		var zero T
		return zero, err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[T])
}

// All collects every row into a T by column name. The result is never nil.
func All[T any](ctx context.Context, q Querier, sql string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[T])
}
