package rest

import (
	"context"
	"errors"
	"math"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/labstack/echo/v4"

	"credlane/app/kit/fault"
)

// problem is an RFC 9457 document.
type problem struct {
	_         struct{}      `additionalProperties:"true"` // such as the receipt of a conflict
	Type      string        `json:"type"`
	Title     string        `json:"title"`
	Status    int           `json:"status"`
	Detail    string        `json:"detail"`
	Code      string        `json:"code"`
	RequestID string        `json:"requestId"`
	Errors    []fault.Field `json:"errors,omitempty"`
}

const problemType = "application/problem+json"

// maxFields bounds the list of reasons in one answer.
const maxFields = 200

// Title words a code: "email_taken" is "Email taken".
func Title(code string) string {
	return strings.ToUpper(code[:1]) + strings.ReplaceAll(code[1:], "_", " ")
}

// answer writes err as a problem, unless the answer has begun or nobody is left to read it.
func (h *Host) answer(c echo.Context, err error) {
	k := current(c)
	var done *replay
	if errors.As(err, &done) && !c.Response().Committed {
		k.gone = done.write(c) != nil
		return
	}
	f := k.convert(err)
	status := f.Kind.Status()
	if f.Kind == fault.Internal || f.Kind == fault.Unavailable && errors.Unwrap(f) != nil {
		k.cause = err // being overloaded is no error to log: the metrics count it, and logging would add to it
	}
	if c.Response().Committed {
		return
	}
	// The server takes a body that is too slow for a client who left; such a one is still there to be told. Whoever has
	// really left does not read the answer, but it must not look like a success either.
	k.gone = k.base.Err() != nil && f.Kind != fault.Timeout
	header := c.Response().Header()
	if f.Kind == fault.Timeout {
		header.Set("Connection", "close")
	}
	if f.RetryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
	header["Cache-Control"] = cacheHeaders[NoStore]
	if h.troubled(c, k, f) {
		return
	}
	if f.Kind == fault.Unauthenticated {
		header.Set("WWW-Authenticate", `Bearer realm="credlane"`)
	}
	header["Content-Security-Policy"] = h.headers.apiPolicy
	header["Content-Type"] = []string{problemType} // whatever the operation had begun to say
	header.Del("Content-Disposition")
	header.Del("Content-Encoding")
	header.Del("Content-Length")
	body, encodeErr := encodeProblem(f, k.id[0])
	if encodeErr != nil {
		k.cause = errors.Join(err, encodeErr)
		status = http.StatusInternalServerError
		body, _ = encodeProblem(ErrInternal, k.id[0])
	}
	if writeErr := c.Blob(status, problemType, body); writeErr != nil {
		k.gone = true
	}
}

func encodeProblem(f *fault.Error, requestID string) ([]byte, error) {
	p := problem{
		Type: "/api/v1/problems/" + f.Code, Title: Title(f.Code), Status: f.Kind.Status(), Detail: f.Message, Code: f.Code,
		RequestID: requestID, Errors: f.Fields[:min(len(f.Fields), maxFields)],
	}
	if len(f.Extra) == 0 {
		return encode(p)
	}
	all := map[string]any{}
	for name, v := range f.Extra {
		all[name] = v
	}
	all["type"], all["title"], all["status"], all["detail"] = p.Type, p.Title, p.Status, p.Detail
	all["code"], all["requestId"] = p.Code, p.RequestID
	if _, own := all["errors"]; !own && len(p.Errors) > 0 {
		all["errors"] = p.Errors
	}
	return encode(all)
}

// edgeFault words an error that no module declared: what the network, the clock or the database did.
func edgeFault(k *call, err error) *fault.Error {
	var (
		tooLarge *http.MaxBytesError
		network  net.Error
		connect  *pgconn.ConnectError
		database *pgconn.PgError
	)
	switch {
	case errors.As(err, &tooLarge):
		return ErrTooLarge.Because(err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ErrBodyTimeout.Because(err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(context.Cause(k), errDeadline):
		return ErrTimedOut.Because(err)
	case errors.As(err, &connect):
		return ErrUnavailable.Because(err)
	case errors.As(err, &database):
		return databaseFault(database, err)
	case errors.As(err, &network) && network.Timeout():
		return ErrTimedOut.Because(err)
	}
	return ErrInternal.Because(err)
}

// databaseFault knows the few codes that are nobody's constraint.
func databaseFault(e *pgconn.PgError, err error) *fault.Error {
	switch {
	case e.Code == "57014": // query_canceled: statement_timeout or ours
		return ErrTimedOut.Because(err)
	case e.Code == "22021", e.Code == "22P05": // text that Postgres cannot keep; the edge refuses it first
		return ErrInvalidText.Because(err)
	case strings.HasPrefix(e.Code, "57P"), strings.HasPrefix(e.Code, "53"), strings.HasPrefix(e.Code, "08"):
		return ErrUnavailable.Because(err) // shutting down, out of resources, connection lost
	case e.Code == "40001", e.Code == "40P01", e.Code == "55P03": // still colliding after the retries
		return ErrUnavailable.RetryIn(time.Second).Because(err)
	}
	return ErrInternal.Because(err)
}
