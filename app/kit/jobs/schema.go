package jobs

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"credlane/app/kit/pg"
)

// schemaName is where the library's tables live: apart from ours, so that each side has its names to itself.
const schemaName = "river"

//go:embed schema.sql
var schema string

// SchemaText names what Up makes, for whoever keeps a copy of its result: it changes when that does.
func SchemaText() (string, error) {
	m, err := rivermigrate.New(riverpgxv5.New(nil), &rivermigrate.Config{Schema: schemaName})
	if err != nil {
		return "", fmt.Errorf("read the job tables' migrations: %w", err)
	}
	all := m.AllVersions()
	sum := sha256.Sum256([]byte(schema))
	return fmt.Sprintf("%s: library %d, additions %s", mark, all[len(all)-1].Version, hex.EncodeToString(sum[:8])), nil
}

// mark begins the comment on the schema, which says what is in it and that it is ours.
const mark = "CredLane jobs"

const (
	// Whose the schema is: NULL where there is none, '' where nobody says.
	sqlSchemaIs = `
SELECT CASE WHEN n IS NOT NULL THEN coalesce(obj_description(n, 'pg_namespace'), '') END, to_regclass('river.river_job') IS NOT NULL
FROM to_regnamespace('river') n`

	sqlMakeSchema = `CREATE SCHEMA river`
	sqlDropSchema = `DROP SCHEMA river CASCADE`
)

const migrateLimit = 2 * time.Minute

var errForeign = errors.New("the database has a schema river that is not CredLane's: give CredLane a database of its own")

// Check says whether Up could make the job tables: it is asked before anything else is migrated.
func Check(ctx context.Context, url string) error {
	return migrate(ctx, url, func(ctx context.Context, db *pg.DB) error {
		is, _, err := look(ctx, db)
		if err != nil || is != nil {
			return err
		}
		var may bool
		if err := db.QueryRow(ctx, `SELECT has_database_privilege(current_database(), 'CREATE')`).Scan(&may); err != nil {
			return err
		}
		if !may {
			return errors.New("the role may not make the schema river: run CREATE SCHEMA river AUTHORIZATION with its name as the database's owner, or grant it CREATE on the database")
		}
		return nil
	})
}

// look gives what the schema says it is, nil where there is none. One of another program is an error.
func look(ctx context.Context, db *pg.DB) (is *string, filled bool, err error) {
	if err = db.QueryRow(ctx, sqlSchemaIs).Scan(&is, &filled); err != nil {
		return nil, false, fmt.Errorf("look for the job tables: %w", err)
	}
	if filled && (len(*is) < len(mark) || (*is)[:len(mark)] != mark) {
		return nil, false, errForeign
	}
	return is, filled, nil
}

// Up brings the job tables up to date over a direct connection to url. The caller holds the migration lock. Where they are up to
// date it takes no lock that could stand in anybody's way.
func Up(ctx context.Context, url string) error {
	return migrate(ctx, url, func(ctx context.Context, db *pg.DB) error {
		want, err := SchemaText()
		if err != nil {
			return err
		}
		is, _, err := look(ctx, db)
		if err != nil || is != nil && *is == want {
			return err
		}
		if is == nil {
			if _, err := db.Exec(ctx, sqlMakeSchema); err != nil {
				return err
			}
		}
		// Marked at once: a start that is cut off here must know the half for its own.
		if err := describe(ctx, db, mark); err != nil {
			return err
		}
		m, err := rivermigrate.New(riverpgxv5.New(db.Pool), &rivermigrate.Config{Schema: schemaName})
		if err != nil {
			return err
		}
		if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
			return err
		}
		if _, err := db.Exec(ctx, schema); err != nil { // without arguments: many statements in one call, in one transaction
			return err
		}
		return describe(ctx, db, want)
	})
}

// describe writes the comment, which takes no parameter; text is ours and has no quote.
func describe(ctx context.Context, db *pg.DB, text string) error {
	_, err := db.Exec(ctx, `COMMENT ON SCHEMA river IS '`+text+`'`)
	return err
}

// Down takes the job tables away, with every job in them.
func Down(ctx context.Context, url string) error {
	return migrate(ctx, url, func(ctx context.Context, db *pg.DB) error {
		is, _, err := look(ctx, db)
		if err != nil || is == nil {
			return err
		}
		_, err = db.Exec(ctx, sqlDropSchema)
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
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == "42501" { // insufficient_privilege
		return fmt.Errorf("migrate the job tables: the role needs to own the schema river: %w", err)
	}
	if err != nil {
		return fmt.Errorf("migrate the job tables: %w", err)
	}
	return nil
}
