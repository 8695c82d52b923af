package jobs

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"credlane/app/kit/pg"
)

// schemaName is where the library's tables live: apart from ours, so that each side has its names to itself.
const schemaName = "river"

//go:embed schema.sql
var schema string

// SchemaText names what Up makes, for whoever keeps a copy of its result: it changes when that does.
func SchemaText() string { return "river 0.51.2\n" + schema }

const (
	sqlMakeSchema = `CREATE SCHEMA IF NOT EXISTS river`
	sqlDropSchema = `DROP SCHEMA IF EXISTS river CASCADE`
)

const migrateLimit = 2 * time.Minute

// Up brings the job tables up to date over a direct connection to url. The caller holds the migration lock.
func Up(ctx context.Context, url string) error {
	return migrate(ctx, url, func(ctx context.Context, db *pg.DB) error {
		if _, err := db.Exec(ctx, sqlMakeSchema); err != nil {
			return err
		}
		m, err := rivermigrate.New(riverpgxv5.New(db.Pool), &rivermigrate.Config{Schema: schemaName})
		if err != nil {
			return err
		}
		if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
			return err
		}
		_, err = db.Exec(ctx, schema) // without arguments: many statements in one call, in one transaction
		return err
	})
}

// Down takes the job tables away, with every job in them.
func Down(ctx context.Context, url string) error {
	return migrate(ctx, url, func(ctx context.Context, db *pg.DB) error {
		_, err := db.Exec(ctx, sqlDropSchema)
		return err
	})
}

func migrate(ctx context.Context, url string, work func(context.Context, *pg.DB) error) error {
	ctx, cancel := context.WithTimeout(ctx, migrateLimit)
	defer cancel()
	db, err := pg.Open(ctx, pg.Options{URL: url, MaxConns: 2})
	if err == nil {
		defer db.Close()
		err = work(ctx, db)
	}
	if err != nil {
		return fmt.Errorf("migrate the job tables: %w", err)
	}
	return nil
}
