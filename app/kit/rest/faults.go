package rest

import (
	"time"

	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
	"credlane/app/kit/pg"
)

// The faults of the HTTP edge itself; those of a module stand with the module.
var (
	ErrInternal = fault.New(fault.Internal, "internal",
		"Something went wrong on our side. Try again; if it stays, tell the operator the request id.")
	ErrUnavailable = fault.New(fault.Unavailable, "unavailable",
		"The service cannot answer right now. Try again in a moment.").RetryIn(2 * time.Second)
	ErrOverloaded = fault.New(fault.Unavailable, "overloaded",
		"Too many requests are being worked on. Try again in a moment.").RetryIn(time.Second)
	ErrTimedOut = fault.New(fault.Unavailable, "timed_out",
		"The request took too long and was given up. It may or may not have been done: look, or repeat it with the same Idempotency-Key where the operation takes one.").RetryIn(2 * time.Second)

	ErrRouteNotFound    = fault.New(fault.NotFound, "route_not_found", "There is nothing at this path. See /api/docs for what there is.")
	ErrMethodNotAllowed = fault.New(fault.MethodNotAllowed, "method_not_allowed", "This path does not take this method. The Allow header names those it takes.")
	ErrNotFound         = fault.New(fault.NotFound, "not_found", "There is no such object. Check the id.")

	ErrMalformedRequest = fault.New(fault.Malformed, "malformed_request", "The request cannot be read. Check its address, headers and encoding.")
	ErrMalformedJSON    = fault.New(fault.Malformed, "malformed_json", "The body is not valid JSON. Check its syntax.")
	ErrDuplicateKey     = fault.New(fault.Malformed, "duplicate_key", "A key stands twice in one JSON object. Give each key once.")
	ErrUnknownKey       = fault.New(fault.Malformed, "unknown_key", "The body has a key that this operation does not know. Remove it or check its spelling and case.")
	ErrInvalidText      = fault.New(fault.Malformed, "invalid_text", "The request holds text that is not valid UTF-8, or a NUL character. Remove it.")
	ErrTooDeep          = fault.New(fault.Malformed, "json_too_deep", "The body is nested too deeply: 32 levels are allowed.")
	ErrTooManyValues    = fault.New(fault.Malformed, "json_too_large", "The body holds more values than this operation takes. Send less at once.")
	ErrMalformedForm    = fault.New(fault.Malformed, "malformed_form", "The form cannot be read. Send multipart/form-data with the fields first and the file last.")
	ErrBodyTimeout      = fault.New(fault.Timeout, "body_timeout", "The body came too slowly. Send it again over a faster connection.")
	ErrTooLarge         = fault.New(fault.TooLarge, "too_large", "The body is larger than this operation takes. Send less at once.")
	ErrUnsupportedMedia = fault.New(fault.UnsupportedMedia, "unsupported_media_type", "The body has a content type that this operation does not take.")
	ErrInvalid          = fault.New(fault.Invalid, "invalid_input", "Some of the input is not allowed. The list names every reason.")

	ErrCrossSite = fault.New(fault.Forbidden, "cross_site",
		"This did not come from a page of this site, so nothing was done. Open the page here and send it again.")

	ErrPreconditionRequired = fault.New(fault.PreconditionRequired, "precondition_required",
		"Say which state you are changing: send the ETag you last got in If-Match.")
	ErrStale = fault.New(fault.Stale, "stale",
		"Somebody changed this in the meantime. Fetch it again and repeat your change.")

	ErrKeyReused = fault.New(fault.Invalid, "idempotency_key_reused",
		"This Idempotency-Key was used for another request. Use a new key for a new request.")
	ErrInProgress = fault.New(fault.Conflict, "request_in_progress",
		"The first request with this Idempotency-Key is still being worked on. Try again in a moment.")
	ErrTooMany = fault.New(fault.TooMany, "too_many_requests",
		"Too many attempts. Wait as long as Retry-After says and try again.")
)

var commonFaults = []*fault.Error{
	ErrInternal, ErrUnavailable, ErrOverloaded, ErrTimedOut, ErrRouteNotFound, ErrMethodNotAllowed, ErrNotFound,
	ErrMalformedRequest, ErrMalformedJSON, ErrDuplicateKey, ErrUnknownKey, ErrInvalidText, ErrTooDeep, ErrTooManyValues, ErrMalformedForm,
	ErrBodyTimeout, ErrTooLarge, ErrUnsupportedMedia, ErrInvalid, ErrCrossSite, ErrPreconditionRequired, ErrStale, ErrKeyReused,
	ErrInProgress, ErrTooMany, authn.ErrUnauthenticated, authn.ErrForbidden, pg.ErrCursor,
}
