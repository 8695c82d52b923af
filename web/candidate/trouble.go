package candidate

import (
	"net/http"
	"time"

	"credlane/app/kit/fault"
)

// troubles are the catalogue's words for what went wrong, by the fault's code, and for the rest by its kind: the key, and with
// "_more" behind it what is kept and what to do.
var (
	troubles = map[string]string{
		"unauthenticated": "fault.unauthenticated", "session_taken": "fault.session_taken", "too_many_requests": "fault.too_many_requests",
		"cross_site": "fault.cross_site",
	}
	troubleKinds = map[fault.Kind]string{
		fault.Unauthenticated: "fault.unauthenticated", fault.NotFound: "fault.no_such_link", fault.MethodNotAllowed: "fault.no_such_link",
		fault.TooMany: "fault.too_many_requests", fault.Unavailable: "fault.busy", fault.Malformed: "fault.bad_request",
		fault.Timeout: "fault.bad_request", fault.TooLarge: "fault.bad_request", fault.UnsupportedMedia: "fault.bad_request",
		fault.Invalid: "fault.bad_request", fault.Conflict: "fault.bad_request", fault.Forbidden: "fault.cross_site",
	}
)

// trouble is what the page of a failure shows. The fault's own sentence is English and may be meant for programs, so it is not shown.
type trouble struct {
	More      string
	Wait      string // how long, where that is known
	Again     bool   // trying again may help
	RequestID string // where it is ours to look into
}

// troubled answers a page that failed.
func (c *Candidate) troubled(w http.ResponseWriter, r *http.Request, f *fault.Error, requestID string) error {
	v := c.view(r)
	key := troubles[f.Code]
	if key == "" {
		key = troubleKinds[f.Kind]
	}
	if key == "" {
		key = "fault.internal"
	}
	data := trouble{More: v.Locale.T(key + "_more"), Again: f.Kind == fault.Unavailable || f.Kind == fault.Internal || f.Kind == fault.TooMany}
	if f.Kind == fault.Internal {
		data.RequestID = requestID
	}
	if f.RetryAfter > 0 {
		data.Wait = span(v.Locale, f.RetryAfter.Round(time.Second))
	}
	v.Title, v.Data = v.Locale.T(key), data
	return c.trouble.write(w, r, f.Kind.Status(), v)
}
