package pg

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"

	"credlane/app/kit/fault"
)

// Constraints maps the names of constraints, unique indexes and raising triggers to the faults they mean to a user. Each
// module has one such table, used by every one of its store functions, inserts and updates alike.
type Constraints map[string]*fault.Error

// Translate turns a Postgres error that names a listed constraint into its fault, and leaves every other error as it is.
func (c Constraints) Translate(err error) error {
	if err == nil {
		return nil
	}
	if f, ok := c[ConstraintName(err)]; ok {
		return f.Because(err)
	}
	return err
}

// ConstraintName is the constraint that a Postgres error names, or "".
func ConstraintName(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.ConstraintName
	}
	return ""
}
