package pgtest

import (
	"testing"

	"credlane/migrations"
)

// New gives a database with the program's own migrations.
func New(t testing.TB) DB {
	t.Helper()
	return FromFS(t, migrations.FS)
}
