package migrations_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"credlane/app/kit/pgtest"
	"credlane/migrations"
)

// A step that locks everybody out of submissions reads none of them; the one that reads them locks nobody out.
func TestWhatProvesAddressesComesToALargeTableInTwoSteps(t *testing.T) {
	t.Parallel()
	db := pgtest.Empty(t)
	conn := stdlib.OpenDB(*db.Pool.Config().ConnConfig)
	t.Cleanup(func() { closeDB(t, conn) })
	p, err := goose.NewProvider(goose.DialectPostgres, conn, migrations.FS)
	if err != nil {
		t.Fatal(err)
	}
	state := func() string {
		rows, err := db.Pool.Query(t.Context(), `
SELECT conname || ' ' || convalidated FROM pg_constraint WHERE conname IN ('submissions_invite_fkey', 'submissions_invite_is_a_proof')
 UNION ALL SELECT relname || ' ' || indisvalid FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE relname = 'submissions_one_per_invite'
 ORDER BY 1`)
		if err != nil {
			t.Fatal(err)
		}
		list, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		text := ""
		for _, line := range list {
			text += line + "; "
		}
		return text
	}
	if _, err := p.UpTo(t.Context(), 10); err != nil {
		t.Fatal(err)
	}
	if got := state(); got != "submissions_invite_fkey false; submissions_invite_is_a_proof false; " {
		t.Errorf("after the first step: %s", got)
	}
	// What a build that was broken off leaves.
	if _, err := db.Pool.Exec(t.Context(), `CREATE INDEX submissions_one_per_invite ON submissions (invite_id)`); err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), 11); err != nil {
		t.Fatal(err)
	}
	if got := state(); got != "submissions_invite_fkey true; submissions_invite_is_a_proof true; submissions_one_per_invite true; " {
		t.Errorf("after the second step: %s", got)
	}
}
