package rest

import (
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// ETag names one state of one object.
func ETag(id uuid.UUID, revision int64) string {
	return `"` + id.String() + "." + strconv.FormatInt(revision, 36) + `"`
}

// CheckIfMatch compares the If-Match header with the object's ETag: ErrPreconditionRequired without a header, ErrStale when
// it names another state. "*" takes any state (RFC 9110, 13.1.1).
func CheckIfMatch(header, etag string) error {
	if strings.TrimSpace(header) == "" {
		return ErrPreconditionRequired
	}
	for _, candidate := range strings.Split(header, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == etag || candidate == "*" {
			return nil
		}
	}
	return ErrStale
}
