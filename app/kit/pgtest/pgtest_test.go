package pgtest_test

import (
	"testing"
	"testing/fstest"

	"credlane/app/kit/pgtest"
)

func files() fstest.MapFS {
	return fstest.MapFS{"00001_one.sql": {Data: []byte("-- +goose Up\nCREATE TABLE one (n int PRIMARY KEY);\n-- +goose Down\nDROP TABLE one;\n")}}
}

func TestEachTestHasItsOwnDatabase(t *testing.T) {
	t.Parallel()
	a, b := pgtest.FromFS(t, files()), pgtest.FromFS(t, files())
	if _, err := a.Pool.Exec(t.Context(), `INSERT INTO one VALUES (1)`); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := b.Pool.QueryRow(t.Context(), `SELECT count(*) FROM one`).Scan(&n); err != nil || n != 0 {
		t.Fatalf("the second database holds %d rows, error %v; want none", n, err)
	}
}

func BenchmarkClone(b *testing.B) {
	fs := files()
	for b.Loop() {
		pgtest.FromFS(b, fs)
	}
}

func TestTheProgramsMigrationsApply(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	var version int64
	if err := db.Pool.QueryRow(t.Context(), `SELECT max(version_id) FROM goose_db_version`).Scan(&version); err != nil || version == 0 {
		t.Fatalf("version %d, error %v", version, err)
	}
}
