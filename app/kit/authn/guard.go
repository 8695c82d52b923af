package authn

import (
	"context"
	"crypto/sha256"
	"strings"

	"github.com/google/uuid"

	"credlane/app/kit/fault"
)

// The faults of the guard.
var (
	ErrUnauthenticated = fault.New(fault.Unauthenticated, "unauthenticated",
		"Sign in first: send a valid, unexpired token as \"Authorization: Bearer <token>\".")
	ErrForbidden = fault.New(fault.Forbidden, "forbidden",
		"Your role does not allow this. Ask an admin or owner of your organization.")
)

// KeyPrefix begins every API key, so that a leaked one is recognised by scanners and by the guard.
const KeyPrefix = "clk_"

const maxCredential = 4096 // bytes of an Authorization header; ours are a few hundred

// HashKey is what the database keeps of an API key or of the secret in a session's cookie: its SHA-256. Both have 256 random bits,
// so nothing slower is needed.
func HashKey(key string) []byte {
	sum := sha256.Sum256([]byte(key))
	return sum[:]
}

// Directory looks callers up at each request, so that sign-out, demotion and removal act at once. Every method answers
// ErrUnauthenticated for what is revoked, expired, removed or unknown.
type Directory interface {
	Session(ctx context.Context, sessionID uuid.UUID) (Principal, error)
	Cookie(ctx context.Context, secretHash []byte) (Principal, error)
	APIKey(ctx context.Context, keyHash []byte) (Principal, error)
}

// Guard turns the Authorization header, or without one a cookie, into a principal.
type Guard struct {
	tokens    *Tokens
	directory Directory
}

// NewGuard makes the guard of an app.
func NewGuard(tokens *Tokens, directory Directory) *Guard { return &Guard{tokens, directory} }

// Member is the member or API key that the header names; a candidate's token is ErrUnauthenticated here.
func (g *Guard) Member(ctx context.Context, authorization string) (Principal, error) {
	credential, ok := bearer(authorization)
	if !ok {
		return Principal{}, ErrUnauthenticated
	}
	if strings.HasPrefix(credential, KeyPrefix) {
		return g.directory.APIKey(ctx, HashKey(credential))
	}
	session, err := g.tokens.session(ctx, credential)
	if err != nil {
		return Principal{}, err
	}
	return g.directory.Session(ctx, session)
}

// Candidate is the attempt that the header's submission token names; any other token is ErrUnauthenticated here. The row is
// not read: the handler's own first statement checks the submission and its session number.
func (g *Guard) Candidate(ctx context.Context, authorization string) (Principal, error) {
	credential, ok := bearer(authorization)
	if !ok {
		return Principal{}, ErrUnauthenticated
	}
	return g.tokens.candidate(ctx, credential)
}

// MemberCookie is the member whose session's cookie holds the secret. A candidate's token there is one that no session has.
func (g *Guard) MemberCookie(ctx context.Context, secret string) (Principal, error) {
	if secret == "" {
		return Principal{}, ErrUnauthenticated
	}
	return g.directory.Cookie(ctx, HashKey(secret))
}

// CandidateCookie is the attempt that the cookie's submission token names, as Candidate judges it.
func (g *Guard) CandidateCookie(ctx context.Context, token string) (Principal, error) {
	if token == "" {
		return Principal{}, ErrUnauthenticated
	}
	return g.tokens.candidate(ctx, token)
}

// bearer cuts the credential out of the header; the scheme's case does not matter (RFC 9110, 11.1).
func bearer(header string) (string, bool) {
	const scheme = "bearer "
	if len(header) <= len(scheme) || len(header) > maxCredential || !strings.EqualFold(header[:len(scheme)], scheme) {
		return "", false
	}
	credential := strings.TrimLeft(header[len(scheme):], " ")
	return credential, credential != ""
}
