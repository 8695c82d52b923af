package migrations_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"credlane/app/kit/pgtest"
	"credlane/migrations"
)

// sqlSchema describes columns, constraints, indexes, triggers and functions as text, in a stable order.
const sqlSchema = `
SELECT string_agg(line, E'\n' ORDER BY line) FROM (
 SELECT format('column %s.%s %s %s %s', table_name, column_name, data_type, is_nullable, column_default) AS line
   FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'goose_db_version'
 UNION ALL SELECT format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
   FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid <> 'goose_db_version'::regclass
 UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'goose_db_version'
 UNION ALL SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
 UNION ALL SELECT 'function ' || pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace) s`

func schemaOf(t *testing.T, pool *pgxpool.Pool) string {
	t.Helper()
	var dump *string
	if err := pool.QueryRow(t.Context(), sqlSchema).Scan(&dump); err != nil {
		t.Fatal(err)
	}
	if dump == nil {
		return ""
	}
	return *dump
}

func TestUpFromEveryEarlierVersionGivesTheSameSchemaAndDownGivesItBack(t *testing.T) {
	t.Parallel()
	db := pgtest.Empty(t)
	conn := stdlib.OpenDB(*db.Pool.Config().ConnConfig)
	t.Cleanup(func() { closeDB(t, conn) })
	p, err := goose.NewProvider(goose.DialectPostgres, conn, migrations.FS)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	sources := p.ListSources()
	before := make([]string, 0, len(sources)) // the schema before each step
	for range sources {
		if _, err := p.GetDBVersion(ctx); err != nil { // makes goose's own table
			t.Fatal(err)
		}
		before = append(before, schemaOf(t, db.Pool))
		if _, err := p.UpByOne(ctx); err != nil {
			t.Fatal(err)
		}
	}
	newest := schemaOf(t, db.Pool)
	for i := len(sources) - 1; i >= 0; i-- {
		if _, err := p.Down(ctx); err != nil {
			t.Fatal(err)
		}
		if got := schemaOf(t, db.Pool); got != before[i] {
			t.Errorf("down of %s leaves another schema than there was before it:\n%s\n--- want ---\n%s", sources[i].Path, got, before[i])
		}
		if _, err := p.Up(ctx); err != nil {
			t.Fatal(err)
		}
		if got := schemaOf(t, db.Pool); got != newest {
			t.Errorf("up from before %s gives another schema", sources[i].Path)
		}
		if _, err := p.DownTo(ctx, sources[i].Version-1); err != nil {
			t.Fatal(err)
		}
	}
}

func closeDB(t *testing.T, db *sql.DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}
