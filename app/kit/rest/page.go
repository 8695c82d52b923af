package rest

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"

	"github.com/labstack/echo/v4"

	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
)

// ServePage mounts a page for people. It is not in the OpenAPI document, and what fails goes to op.Trouble instead of a problem.
// A page sets a Content-Security-Policy of its own; without one nothing in it would load. A page that takes a body takes a form
// (see FormValues) and only from this site's own pages, whoever may call it: everything else is ErrCrossSite.
func ServePage(h *Host, op Op, page PageFunc) {
	if op.Trouble == nil {
		panic(fmt.Sprintf("rest: the page %s %s does not say what it shows in trouble", op.Method, op.Path))
	}
	r := h.mountPlain(op, func(w http.ResponseWriter, r *http.Request) error {
		k := callOf(r.Context())
		if !k.hasBody() || !takesBody(r.Method) {
			return page(w, r)
		}
		defer h.bodies.letGo(k)
		var err error
		if k.form, err = h.readBody(k); err != nil {
			return err
		}
		if !h.enter(k) {
			return ErrOverloaded
		}
		defer h.leave(k)
		return page(w, r)
	})
	r.Page = true
}

// FormValues are the fields of a form that a page sent (application/x-www-form-urlencoded): ErrUnsupportedMedia, ErrMalformedForm,
// ErrInvalidText or ErrTooManyValues otherwise. A form without fields is empty.
func FormValues(r *http.Request) (url.Values, error) {
	k := callOf(r.Context())
	if k == nil || k.route == nil || !k.route.Page {
		return nil, errors.New("rest: form values of what is no page")
	}
	if len(k.form) == 0 {
		return url.Values{}, nil
	}
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := params["charset"]
	if err != nil || media != "application/x-www-form-urlencoded" || coded(r) || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return nil, ErrUnsupportedMedia.WithMessage("Send the form as application/x-www-form-urlencoded in UTF-8.")
	}
	if bytes.Count(k.form, []byte("&")) >= orDefault(k.route.op.MaxValues, maxValues) {
		return nil, ErrTooManyValues
	}
	values, err := url.ParseQuery(string(k.form))
	if err != nil {
		return nil, ErrMalformedForm.WithMessage("The form cannot be read. Load the page again and send it once more.").Because(err)
	}
	for name, list := range values {
		for _, v := range append([]string{name}, list...) {
			if !sane(v) {
				return nil, ErrInvalidText
			}
		}
	}
	return values, nil
}

// Redirect sends the reader on to another page of this site with 303. A path that a browser could take for another site's address
// is an error: it must never come from what a stranger wrote.
func Redirect(w http.ResponseWriter, r *http.Request, path string) error {
	if !IsLocal(path) {
		return fmt.Errorf("rest: a redirect to %q leaves the site", path)
	}
	w.Header().Set("Location", path)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// IsLocal tells whether every browser takes path for one of this site: absolute, without a host, and with nothing in it that a
// browser drops or turns into a slash (WHATWG URL, 4.4).
func IsLocal(path string) bool {
	if len(path) > maxLocal || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
		return false
	}
	for i := range len(path) {
		if c := path[i]; c <= ' ' || c >= 0x7f || c == '\\' {
			return false
		}
	}
	u, err := url.Parse(path)
	return err == nil && u.Scheme == "" && u.Host == "" && u.User == nil
}

const maxLocal = 2000 // bytes of a redirect's path

// originOf is how a browser writes the origin of u (RFC 6454, 6.2).
func originOf(u *url.URL) string {
	host := strings.ToLower(u.Host)
	switch {
	case u.Scheme == "https":
		host = strings.TrimSuffix(host, ":443")
	case u.Scheme == "http":
		host = strings.TrimSuffix(host, ":80")
	}
	return u.Scheme + "://" + host
}

// sameOrigin tells whether the browser says that a page of this site made the request. A browser lets no page write either header;
// the first one, where it is sent (to https and localhost), says all, and a program that is no browser has no cookie to steal.
func (h *Host) sameOrigin(r *http.Request) bool {
	if site := r.Header["Sec-Fetch-Site"]; len(site) > 0 {
		return len(site) == 1 && site[0] == "same-origin"
	}
	origin := r.Header["Origin"]
	return len(origin) == 1 && origin[0] == h.origin
}

// cookieCaller is who the request's cookie names. With one, what changes something must come from a page of this site.
func (h *Host) cookieCaller(k *call, candidate bool) (authn.Principal, error) {
	if len(k.request.Header["Cookie"]) == 0 {
		return authn.Principal{}, authn.ErrUnauthenticated
	}
	value := h.cookies.Session
	if candidate {
		value = h.cookies.Attempt
	}
	secret := value(k.request)
	switch {
	case secret == "":
		return authn.Principal{}, authn.ErrUnauthenticated
	case takesBody(k.request.Method) && !h.sameOrigin(k.request):
		return authn.Principal{}, ErrCrossSite
	case candidate:
		return h.guard.CandidateCookie(k, secret)
	}
	return h.guard.MemberCookie(k, secret)
}

// Member is who is signed in on a page that is open to everybody; authn.ErrUnauthenticated for nobody.
func (h *Host) Member(r *http.Request) (authn.Principal, error) {
	return h.guard.MemberCookie(r.Context(), h.cookies.Session(r))
}

// Candidate is whose attempt a page that is open to everybody is read by; authn.ErrUnauthenticated for nobody. As on every
// candidate's route, the submission and its session number are still to be checked.
func (h *Host) Candidate(r *http.Request) (authn.Principal, error) {
	return h.guard.CandidateCookie(r.Context(), h.cookies.Attempt(r))
}

// Lost says what people see at an address where nothing is. Programs, which do not ask for HTML, get the problem.
func (h *Host) Lost(page TroubleFunc) { h.lost = page }

// troubleOf is the page that words the failures of k's request; nil where they are problems.
func (h *Host) troubleOf(k *call) TroubleFunc {
	switch {
	case k.route != nil && k.route.Page:
		return k.route.op.Trouble
	case k.route == nil && !takesBody(k.request.Method) && strings.Contains(first(k.request.Header["Accept"]), "text/html"):
		return h.lost
	}
	return nil
}

// troubled lets a page say what went wrong; false when it could not.
func (h *Host) troubled(c echo.Context, k *call, f *fault.Error) (shown bool) {
	trouble := h.troubleOf(k)
	if trouble == nil {
		return false
	}
	defer func() {
		if p := recover(); p != nil {
			k.cause = errors.Join(k.cause, fmt.Errorf("the page of an error panicked: %v\n%s", p, debug.Stack()))
			shown = c.Response().Committed
		}
	}()
	if err := trouble(c.Response(), k.request, f, k.id[0]); err != nil {
		k.cause = errors.Join(k.cause, fmt.Errorf("the page of an error: %w", err))
	}
	return c.Response().Committed
}
