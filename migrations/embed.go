// Package migrations holds the schema: SQL files run in order by goose, each with a working Down.
package migrations

import "embed"

// FS holds the migration files.
//
//go:embed *.sql
var FS embed.FS
