// Package fault names the kinds of failure a user may see, each with a stable code and a sentence that says what to do.
package fault

import (
	"errors"
	"time"
)

// Kind decides the HTTP status of a fault; see Status.
type Kind int

// The kinds, and what each means to a client.
const (
	Internal             Kind = iota // 500: ours; the cause is logged, never shown
	Malformed                        // 400: the request cannot be read
	Unauthenticated                  // 401: no token, or a bad one
	Forbidden                        // 403: a right token without the right
	NotFound                         // 404: absent, or another employer's
	MethodNotAllowed                 // 405
	Timeout                          // 408: the body came too slowly
	Conflict                         // 409: the state does not allow it
	Stale                            // 412: If-Match names an older state
	TooLarge                         // 413
	UnsupportedMedia                 // 415
	Invalid                          // 422: readable, but not allowed
	PreconditionRequired             // 428: If-Match is missing
	TooMany                          // 429: rate limit
	Unavailable                      // 503: overload or a dependency is away
)

var statuses = [...]int{
	Internal: 500, Malformed: 400, Unauthenticated: 401, Forbidden: 403, NotFound: 404, MethodNotAllowed: 405,
	Timeout: 408, Conflict: 409, Stale: 412, TooLarge: 413, UnsupportedMedia: 415, Invalid: 422,
	PreconditionRequired: 428, TooMany: 429, Unavailable: 503,
}

// Status is the HTTP status of the kind.
func (k Kind) Status() int { return statuses[k] }

// Field is one reason inside an invalid request: where it is ("body.title", "query.limit") and what to do about it.
// It never carries the refused value.
type Field struct {
	Location string `json:"location"`
	Message  string `json:"message"`
}

// Error is a failure that a user may see. Declare one per code with New, and hand out copies made by the With methods.
type Error struct {
	Kind       Kind
	Code       string // stable, snake_case, documented at /api/v1/problems/{code}
	Message    string // a sentence for the user: what is wrong and what to do
	Fields     []Field
	RetryAfter time.Duration  // for TooMany and Unavailable
	Extra      map[string]any // further members of the problem, such as a receipt
	cause      error
}

// New declares a fault.
func New(kind Kind, code, message string) *Error {
	return &Error{Kind: kind, Code: code, Message: message}
}

func (e *Error) Error() string {
	if e.cause != nil {
		return e.Code + ": " + e.cause.Error()
	}
	return e.Code + ": " + e.Message
}

// Unwrap gives the cause, which is logged and never shown.
func (e *Error) Unwrap() error { return e.cause }

// Is tells whether target is a fault of the same code, so that a copy with a cause or fields still matches its sentinel.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Because is a copy that carries its cause.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// WithMessage is a copy with a sentence made for the case at hand.
func (e *Error) WithMessage(message string) *Error {
	c := *e
	c.Message = message
	return &c
}

// WithFields is a copy that lists every reason.
func (e *Error) WithFields(fields ...Field) *Error {
	c := *e
	c.Fields = fields
	return &c
}

// WithExtra is a copy with one more member in its problem document.
func (e *Error) WithExtra(name string, value any) *Error {
	c := *e
	c.Extra = make(map[string]any, len(e.Extra)+1)
	for k, v := range e.Extra {
		c.Extra[k] = v
	}
	c.Extra[name] = value
	return &c
}

// RetryIn is a copy that says when to try again.
func (e *Error) RetryIn(d time.Duration) *Error {
	c := *e
	c.RetryAfter = d
	return &c
}

// As gives the fault inside err, if there is one.
func As(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}
