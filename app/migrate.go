package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"credlane/app/kit/jobs"
	"credlane/migrations"
)

// MigrationStatus is one migration and whether the database has it.
type MigrationStatus struct {
	Version   int64      `json:"version"`
	File      string     `json:"file"`
	Applied   bool       `json:"applied"`
	AppliedAt *time.Time `json:"appliedAt"`
}

// migrator runs the migrations over one connection of its own, under a session lock: however many instances start together,
// one migrates and the others wait. It needs a direct connection, not a transaction pooler.
type migrator struct {
	url   string
	db    *sql.DB
	lock  lock.SessionLocker
	goose *goose.Provider
}

func newMigrator(url string) (*migrator, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("database url: %w", err)
	}
	cfg.ConnectTimeout = 5 * time.Second
	db := stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(3)                                                      // one holds the lock
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300)) // tries once a second, for five minutes
	if err != nil {
		return nil, fmt.Errorf("migration lock: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return &migrator{url: url, db: db, lock: locker, goose: p}, nil
}

// locked runs work while no other instance migrates: our migrations and the job library's are one piece of work.
func (m *migrator) locked(ctx context.Context, work func() error) (err error) {
	conn, err := m.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("migration lock: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := m.lock.SessionLock(ctx, conn); err != nil {
		return fmt.Errorf("migration lock: %w", err)
	}
	defer func() { err = errors.Join(err, m.lock.SessionUnlock(context.WithoutCancel(ctx), conn)) }()
	return work()
}

func (m *migrator) close() error { return m.db.Close() }

// up brings the schema to the newest version and gives the number of migrations it ran.
func (m *migrator) up(ctx context.Context) (int, error) {
	n := 0
	err := m.locked(ctx, func() error {
		if err := jobs.Check(ctx, m.url); err != nil {
			return err
		}
		done, err := m.goose.Up(ctx)
		if n = len(done); err != nil {
			return fmt.Errorf("migrate up: %w", err)
		}
		return jobs.Up(ctx, m.url)
	})
	return n, err
}

// firstWithJobs is the migration after which there are job tables; they go with it.
const firstWithJobs = 7

// down takes the newest migration back and gives its file; none is "".
func (m *migrator) down(ctx context.Context) (string, error) {
	file := ""
	err := m.locked(ctx, func() error {
		done, err := m.goose.Down(ctx)
		if err != nil {
			return fmt.Errorf("migrate down: %w", err)
		}
		version, err := m.goose.GetDBVersion(ctx)
		if err == nil && version < firstWithJobs {
			err = jobs.Down(ctx, m.url)
		}
		if err != nil {
			return fmt.Errorf("migrate down: %w", err)
		}
		if done != nil && done.Source != nil {
			file = done.Source.Path
		}
		return nil
	})
	return file, err
}

func (m *migrator) status(ctx context.Context) ([]MigrationStatus, error) {
	rows, err := m.goose.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("migration status: %w", err)
	}
	list := make([]MigrationStatus, len(rows))
	for i, r := range rows {
		list[i] = MigrationStatus{Version: r.Source.Version, File: r.Source.Path, Applied: r.State == goose.StateApplied}
		if list[i].Applied {
			at := r.AppliedAt.UTC()
			list[i].AppliedAt = &at
		}
	}
	return list, nil
}
