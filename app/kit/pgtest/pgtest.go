// Package pgtest gives every test a fresh, migrated Postgres database of its own within milliseconds.
//
// The first test process of a run starts one throwaway server from the machine's Postgres programs; all others share
// it, and it ends by itself a minute after the last of them. Migrations run once into a template named by their hash;
// each test clones it.
package pgtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"credlane/app/kit/jobs"
)

const (
	maxConns     = 8
	cloneLimit   = time.Minute
	migrateLimit = 2 * time.Minute
	cleanupLimit = time.Minute
)

// DB is one test's own database.
type DB struct {
	URL  string        // for whoever opens connections of its own, such as app.New
	Pool *pgxpool.Pool // at most 8 connections
}

// shared is this process's one lease: the test server is a property of the machine, not of a test.
var shared = sync.OnceValues(func() (*server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	m, err := thisMachine(ctx)
	if err != nil {
		return nil, err
	}
	s, err := m.connect(ctx)
	if err != nil {
		return nil, err
	}
	return s, s.sweep(ctx)
})

// clones numbers this process's databases.
var clones atomic.Int64

// Empty gives a database without any migration, for tests of the migrations themselves.
func Empty(t testing.TB) DB {
	t.Helper()
	return open(t, leased(t), "template0")
}

// FromFS gives a database migrated with the goose SQL files at the root of files.
func FromFS(t testing.TB, files fs.FS) DB {
	t.Helper()
	s := leased(t)
	ctx, cancel := context.WithTimeout(t.Context(), migrateLimit)
	defer cancel()
	template, err := s.template(ctx, files)
	if err != nil {
		t.Fatalf("prepare the test database: %v", err)
	}
	return open(t, s, template)
}

func leased(t testing.TB) *server {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatalf("start the test database: %v", err)
	}
	return s
}

func open(t testing.TB, s *server, template string) DB {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), cloneLimit)
	defer cancel()
	name := fmt.Sprintf("test_%d_%d", s.backend, clones.Add(1))
	if err := s.clone(ctx, name, template); err != nil {
		t.Fatalf("clone the test database: %v", err)
	}
	db := DB{URL: s.url(owner, name)}
	t.Cleanup(func() { remove(t, s, name, db.Pool) })
	config, err := pgxpool.ParseConfig(db.URL)
	if err != nil {
		t.Fatalf("open the test database: %v", err)
	}
	config.MaxConns = maxConns
	if db.Pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		t.Fatalf("open the test database: %v", err)
	}
	return db
}

// remove drops a test's database. A connection that the test kept is an error of the test, said by name instead of
// as a run that hangs.
func remove(t testing.TB, s *server, name string, pool *pgxpool.Pool) {
	ctx, cancel := context.WithTimeout(context.Background(), cleanupLimit)
	defer cancel()
	if pool != nil {
		closed := make(chan struct{})
		go func() { pool.Close(); close(closed) }()
		select {
		case <-closed:
		case <-time.After(cleanupLimit / 4):
			t.Errorf("%d connections were never given back to the pool", pool.Stat().AcquiredConns())
		}
	}
	if err := s.drop(ctx, name); err != nil {
		t.Errorf("clean up: %v", err)
	}
}

// admin runs statements on a connection of its own: CREATE and DROP DATABASE cannot share one, and tests are parallel.
func (s *server) admin(ctx context.Context, use func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, s.url(superuser, "postgres"))
	if err != nil {
		return fmt.Errorf("connect to the test server: %w", err)
	}
	return errors.Join(use(conn), conn.Close(ctx))
}

func (s *server) clone(ctx context.Context, name, template string) error {
	return s.admin(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, fmt.Sprintf(`CREATE DATABASE %s OWNER %s TEMPLATE %s STRATEGY %s`,
			name, owner, template, strategy))
		if err != nil {
			return fmt.Errorf("clone %s: %w", template, err)
		}
		return nil
	})
}

func (s *server) drop(ctx context.Context, name string) error {
	return s.admin(ctx, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`); err != nil {
			return fmt.Errorf("drop %s: %w", name, err)
		}
		return nil
	})
}

// strategy: measured 24 ms against 37 ms for wal_log, alone and beside writing tests; the checkpoints it forces cost
// little where nothing is flushed.
const strategy = "file_copy"

const sqlOrphans = `
	SELECT datname
	FROM pg_database
	WHERE datname ~ '^test_[0-9]+_[0-9]+$'
	  AND split_part(datname, '_', 2)::int NOT IN (SELECT pid FROM pg_stat_activity)`

// sweep drops the databases of killed runs: their names carry the backend that held the run's lease.
func (s *server) sweep(ctx context.Context) error {
	rows, err := s.lease.Query(ctx, sqlOrphans)
	if err != nil {
		return fmt.Errorf("list databases of killed tests: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("list databases of killed tests: %w", err)
	}
	for _, name := range names {
		if err := s.drop(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// template makes sure of the migrated template of these files. One process of the machine migrates; the lock makes
// the others wait for it.
func (s *server) template(ctx context.Context, files fs.FS) (string, error) {
	sum, err := hash(files)
	if err != nil {
		return "", fmt.Errorf("read the migrations: %w", err)
	}
	name := "template_" + sum
	return name, s.admin(ctx, func(conn *pgx.Conn) error {
		if found, err := exists(ctx, conn, name); err != nil || found {
			return err
		}
		if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock(hashtextextended($1, 0))`, name); err != nil {
			return fmt.Errorf("wait for the template: %w", err)
		}
		if found, err := exists(ctx, conn, name); err != nil || found {
			return err
		}
		return s.build(ctx, name, files)
	})
}

func exists(ctx context.Context, conn *pgx.Conn, name string) (found bool, err error) {
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&found)
	if err != nil {
		return false, fmt.Errorf("look for the template: %w", err)
	}
	return found, nil
}

// build migrates under another name and renames last, so that a killed process leaves no half-migrated template.
func (s *server) build(ctx context.Context, name string, files fs.FS) error {
	building := "building_" + name
	if err := s.drop(ctx, building); err != nil {
		return err
	}
	if err := s.clone(ctx, building, "template0"); err != nil {
		return err
	}
	if err := migrate(ctx, s.url(owner, building), files); err != nil {
		return errors.Join(err, s.drop(ctx, building))
	}
	return s.admin(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `ALTER DATABASE `+building+` RENAME TO `+name)
		if err != nil {
			return fmt.Errorf("name the template: %w", err)
		}
		return nil
	})
}

func migrate(ctx context.Context, url string, files fs.FS) error {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("open the template: %w", err)
	}
	db := stdlib.OpenDB(*config)
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files)
	if err != nil {
		return errors.Join(fmt.Errorf("read the migrations: %w", err), db.Close())
	}
	if _, err := provider.Up(ctx); err != nil {
		return errors.Join(fmt.Errorf("migrate the template: %w", err), provider.Close())
	}
	if err := provider.Close(); err != nil {
		return fmt.Errorf("migrate the template: %w", err)
	}
	return jobs.Up(ctx, url)
}

// hash covers the names and contents of all files, and the job tables.
func hash(files fs.FS) (string, error) {
	sum := sha256.New()
	made, err := jobs.SchemaText()
	if err != nil {
		return "", err
	}
	fmt.Fprint(sum, made)
	err = fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%s\x00%d\x00%s", path, len(text), text)
		return nil
	})
	return hex.EncodeToString(sum.Sum(nil)[:8]), err
}
