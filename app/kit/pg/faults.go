package pg

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

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

// Lost tells an error of the way to the database, or of one that stops: nobody knows whether what was sent has been done.
func Lost(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return strings.HasPrefix(refused.Code, "57P") || strings.HasPrefix(refused.Code, "08") // operator intervention, connection exception
	}
	var dial *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &dial) || errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err)
}

// ConstraintName is the constraint that a Postgres error names, or "".
func ConstraintName(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.ConstraintName
	}
	return ""
}
