package app

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

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
	db    *sql.DB
	goose *goose.Provider
}

func newMigrator(url string) (*migrator, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("database url: %w", err)
	}
	cfg.ConnectTimeout = 5 * time.Second
	db := stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(2)
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300)) // tries once a second, for five minutes
	if err != nil {
		return nil, fmt.Errorf("migration lock: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS, goose.WithSessionLocker(locker))
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return &migrator{db: db, goose: p}, nil
}

func (m *migrator) close() error { return m.db.Close() }

// up brings the schema to the newest version and gives the number of migrations it ran.
func (m *migrator) up(ctx context.Context) (int, error) {
	done, err := m.goose.Up(ctx)
	if err != nil {
		return len(done), fmt.Errorf("migrate up: %w", err)
	}
	return len(done), nil
}

// down takes the newest migration back and gives its file; none is "".
func (m *migrator) down(ctx context.Context) (string, error) {
	done, err := m.goose.Down(ctx)
	if err != nil {
		return "", fmt.Errorf("migrate down: %w", err)
	}
	if done == nil || done.Source == nil {
		return "", nil
	}
	return done.Source.Path, nil
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
