package authn

import (
	"net/http"
	"strings"
	"time"

	"credlane/app/kit/clock"
)

// The names of the cookies. Under https they carry the prefix that makes a browser take them from this very host alone, over
// https and for every path, so that a neighbour under the same domain cannot plant one.
const (
	sessionCookie = "credlane_session" // a member's
	attemptCookie = "credlane_attempt" // a candidate's
	hostPrefix    = "__Host-"
)

// Cookies are what the pages sign people in with. A script cannot read them, and no other site's form sends them along.
type Cookies struct {
	session, attempt string // their names
	secure           bool
	clock            clock.Clock
}

// NewCookies makes the cookies of a site that people reach by https, or without it.
func NewCookies(https bool, c clock.Clock) *Cookies {
	k := &Cookies{session: sessionCookie, attempt: attemptCookie, secure: https, clock: c}
	if https {
		k.session, k.attempt = hostPrefix+k.session, hostPrefix+k.attempt
	}
	return k
}

// SetSession gives a browser the secret of a member's session.
func (k *Cookies) SetSession(w http.ResponseWriter, secret string, expires time.Time) {
	k.set(w, k.session, secret, expires)
}

// ClearSession takes it back.
func (k *Cookies) ClearSession(w http.ResponseWriter) { k.clear(w, k.session) }

// SetAttempt gives a browser a candidate's submission token.
func (k *Cookies) SetAttempt(w http.ResponseWriter, token string, expires time.Time) {
	k.set(w, k.attempt, token, expires)
}

// Session is the secret that the request carries; "" for none.
func (k *Cookies) Session(r *http.Request) string { return cookie(r.Header["Cookie"], k.session) }

// Attempt is the submission token that the request carries; "" for none.
func (k *Cookies) Attempt(r *http.Request) string { return cookie(r.Header["Cookie"], k.attempt) }

// set says how long instead of until when: the clock of a candidate's device may be days off.
func (k *Cookies) set(w http.ResponseWriter, name, value string, expires time.Time) {
	seconds := int(expires.Sub(k.clock.Now()) / time.Second)
	if seconds <= 0 {
		k.clear(w, name)
		return
	}
	http.SetCookie(w, k.make(name, value, seconds))
}

func (k *Cookies) clear(w http.ResponseWriter, name string) { http.SetCookie(w, k.make(name, "", -1)) }

func (k *Cookies) make(name, value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: maxAge, Secure: k.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

// cookie finds the one value of a name in Cookie headers, without allocating. A name that stands twice has none: one of the two was
// planted, and nothing says which. Neither has one that no value of ours looks like.
func cookie(headers []string, name string) (value string) {
	for _, header := range headers {
		for header != "" {
			var pair string
			pair, header, _ = strings.Cut(header, ";")
			found, v, ok := strings.Cut(strings.TrimLeft(pair, " \t"), "=")
			if !ok || found != name {
				continue
			}
			if value != "" || v == "" || len(v) > maxCredential || !isToken(v) {
				return ""
			}
			value = v
		}
	}
	return value
}

// isToken takes base64url and the dots of a JWT.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return true
}
