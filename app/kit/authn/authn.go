// Package authn tells who calls: principals, the tokens that name them, and the check that every request passes.
package authn

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

// Kind is what sort of caller a principal is.
type Kind int

// The kinds of caller. The zero value is nobody.
const (
	Anonymous Kind = iota
	Member         // a person of an employer, by a session's access token
	APIKey         // a program of an employer
	Candidate      // one attempt of one person, by its submission token
)

var kindNames = [...]string{Anonymous: "anonymous", Member: "member", APIKey: "api_key", Candidate: "candidate"}

// String is the kind's name as the audit trail writes it.
func (k Kind) String() string { return kindNames[k] }

// Role is what a member or an API key may do; a higher role may do all that a lower one may.
type Role int

// The roles. The zero value is none.
const (
	NoRole Role = iota
	Viewer
	Recruiter
	Admin
	Owner
)

var roleNames = [...]string{NoRole: "", Viewer: "viewer", Recruiter: "recruiter", Admin: "admin", Owner: "owner"}

// Roles lists the names of all roles, lowest first.
func Roles() []string { return append([]string(nil), roleNames[Viewer:]...) }

// String is the role's name, "" for none.
func (r Role) String() string { return roleNames[r] }

// ParseRole finds a role by its name.
func ParseRole(name string) (Role, error) {
	for r := Viewer; r <= Owner; r++ {
		if roleNames[r] == name {
			return r, nil
		}
	}
	return NoRole, fmt.Errorf("unknown role %q", name)
}

// MarshalText writes the role's name.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads a role's name.
func (r *Role) UnmarshalText(text []byte) error {
	role, err := ParseRole(string(text))
	if err != nil {
		return err
	}
	*r = role
	return nil
}

// Principal is the caller of a request. Which fields are set depends on its kind.
type Principal struct {
	Kind         Kind
	UserID       uuid.UUID // member
	EmployerID   uuid.UUID // member, API key
	MembershipID uuid.UUID // member
	Role         Role      // member, API key
	SessionID    uuid.UUID // member
	KeyID        uuid.UUID // API key

	// A candidate's fields come from the signed token alone: the handler's first statement must check SubmissionID and
	// SessionNumber against the row.
	SubmissionID  uuid.UUID
	VersionID     uuid.UUID
	AssessmentID  uuid.UUID
	SessionNumber int
}

// ID names the caller within its kind: the user, the key or the submission; the zero id for nobody.
func (p Principal) ID() uuid.UUID {
	switch p.Kind {
	case Member:
		return p.UserID
	case APIKey:
		return p.KeyID
	case Candidate:
		return p.SubmissionID
	}
	return uuid.Nil
}

// String is a stable name of the caller, such as "member:0190..."; it holds no personal data.
func (p Principal) String() string {
	if p.Kind == Anonymous {
		return p.Kind.String()
	}
	return p.Kind.String() + ":" + p.ID().String()
}

// ContextKey is where a context keeps its *Principal. With uses it; a host with a context type of its own may answer it too.
type ContextKey struct{}

// From is the caller of the request that ctx belongs to; the zero value is nobody.
func From(ctx context.Context) Principal {
	if p, ok := ctx.Value(ContextKey{}).(*Principal); ok && p != nil {
		return *p
	}
	return Principal{}
}

// With is a context whose caller is p.
func With(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, ContextKey{}, &p)
}
