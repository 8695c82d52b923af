package auth

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
)

const tag = "Accounts"

// Mount puts the operations of this module on the host.
func (m *Module) Mount(h *rest.Host) {
	m.mountSignIn(h)
	m.mountLinks(h)
	m.mountMe(h)
	m.mountEmployer(h)
	m.mountMembers(h)
	m.mountKeys(h)
	m.mountAudit(h)
}

type userOut struct {
	ID            uuid.UUID `json:"id"`
	Email         string    `json:"email" example:"ada@example.com"`
	Name          string    `json:"name" example:"Ada Byron"`
	EmailVerified bool      `json:"emailVerified" doc:"Whether a link has proved that the address is this person's."`
	CreatedAt     time.Time `json:"createdAt"`
}

type employerRefOut struct {
	ID   uuid.UUID `json:"id"`
	Name string    `json:"name" example:"Analytical Engines Ltd"`
	Slug string    `json:"slug" example:"k7dmq2vxw4hzt9ra" doc:"Random, so that it tells nothing."`
}

type signInOut struct {
	AccessToken  string         `json:"accessToken" doc:"Send it as a bearer token; good for expiresIn seconds."`
	RefreshToken string         `json:"refreshToken" doc:"Good once, for 14 days; trade it at /auth/refresh for the next one."`
	ExpiresIn    int            `json:"expiresIn" example:"900" doc:"Seconds."`
	TokenType    string         `json:"tokenType" enum:"Bearer"`
	User         userOut        `json:"user"`
	Employer     employerRefOut `json:"employer"`
	Role         authn.Role     `json:"role"`
}

type signInAnswer struct{ Body signInOut }

func signedInAnswer(in *SignIn, err error) (*signInAnswer, error) {
	if err != nil {
		return nil, err
	}
	return &signInAnswer{signInOut{
		AccessToken: in.AccessToken, RefreshToken: in.RefreshToken, ExpiresIn: int(in.ExpiresIn / time.Second), TokenType: "Bearer",
		User: userOf(in.Account.User), Employer: employerRefOf(in.Account.Employer), Role: in.Account.Role,
	}}, nil
}

func userOf(u User) userOut {
	return userOut{ID: u.ID, Email: u.Email, Name: u.Name, EmailVerified: u.EmailVerifiedAt != nil, CreatedAt: u.CreatedAt.UTC()}
}

func employerRefOf(e Employer) employerRefOut {
	return employerRefOut{ID: e.ID, Name: e.Name, Slug: e.Slug}
}

// done is the answer of a POST that has nothing to tell.
type done struct {
	Body struct {
		Status string `json:"status" enum:"done"`
	}
}

func doneIf(err error) (*done, error) {
	if err != nil {
		return nil, err
	}
	var d done
	d.Body.Status = "done"
	return &d, nil
}

// nothing is the answer of a DELETE.
type nothing struct{}

func nothingIf(err error) (*nothing, error) {
	if err != nil {
		return nil, err
	}
	return &nothing{}, nil
}

type registerIn struct {
	Body struct {
		OrganizationName string `json:"organizationName" maxLength:"400" example:"Analytical Engines Ltd"`
		Name             string `json:"name" maxLength:"400" example:"Ada Byron"`
		Email            string `json:"email" maxLength:"400" example:"ada@example.com"`
		Password         string `json:"password" maxLength:"4096" example:"a loom weaves flowers" doc:"10 to 128 characters."`
	}
}

func (in *registerIn) registration() Registration {
	b := in.Body
	return Registration{b.OrganizationName, b.Name, b.Email, b.Password}
}

// Check gives what registering would have against the body.
func (in *registerIn) Check() error {
	r := in.registration()
	return r.check()
}

type loginIn struct {
	Body struct {
		Email    string `json:"email" maxLength:"400" example:"ada@example.com"`
		Password string `json:"password" maxLength:"4096" example:"a loom weaves flowers"`
	}
}

type refreshIn struct {
	Body struct {
		RefreshToken string `json:"refreshToken" minLength:"1" maxLength:"200"`
	}
}

func (m *Module) mountSignIn(h *rest.Host) {
	public := rest.Op{Method: http.MethodPost, Tag: tag, Access: rest.Public}

	op := public
	op.Path, op.ID, op.Summary, op.Status = "/api/v1/auth/register", "register", "Register an organization and its owner", http.StatusCreated
	op.Description = "Open until the first owner exists, then closed unless the operator opens it. Never attaches to an existing user."
	op.Faults = []*fault.Error{ErrRegistrationClosed, ErrEmailTaken, ErrBusy, rest.ErrTooMany}
	rest.Handle(h, op, func(ctx context.Context, in *registerIn) (*signInAnswer, error) {
		return signedInAnswer(m.Register(ctx, in.registration()))
	})

	op = public
	op.Path, op.ID, op.Summary = "/api/v1/auth/login", "login", "Sign in with a password"
	op.Description = "An unknown address and a wrong password get the same answer. Many tries are slowed down; nobody is locked out."
	op.Faults = []*fault.Error{ErrBadCredentials, ErrNoEmployer, ErrBusy, rest.ErrTooMany}
	rest.Handle(h, op, func(ctx context.Context, in *loginIn) (*signInAnswer, error) {
		return signedInAnswer(m.Login(ctx, in.Body.Email, in.Body.Password))
	})

	op = public
	op.Path, op.ID, op.Summary = "/api/v1/auth/refresh", "refresh", "Trade a refresh token for new tokens"
	op.Description = "A token is good once. Of two that trade it at once, one gets 409 `refresh_raced`; used again after 10 seconds it ends the session."
	op.Faults = []*fault.Error{ErrRefreshInvalid, ErrRefreshRaced, ErrRefreshReused}
	rest.Handle(h, op, func(ctx context.Context, in *refreshIn) (*signInAnswer, error) {
		return signedInAnswer(m.Refresh(ctx, in.Body.RefreshToken))
	})

	op = public
	op.Path, op.ID, op.Summary = "/api/v1/auth/logout", "logout", "Sign out"
	op.Description = "Ends the session of the refresh token at once. An unknown token gets the same answer."
	rest.Handle(h, op, func(ctx context.Context, in *refreshIn) (*done, error) {
		return doneIf(m.Logout(ctx, in.Body.RefreshToken))
	})
}

type forgotIn struct {
	Body struct {
		Email string `json:"email" maxLength:"400" example:"ada@example.com"`
	}
}

type resetIn struct {
	Body struct {
		Token    string `json:"token" minLength:"1" maxLength:"200"`
		Password string `json:"password" maxLength:"4096" example:"a loom weaves flowers" doc:"10 to 128 characters."`
	}
}

type verifyIn struct {
	Body struct {
		Token string `json:"token" minLength:"1" maxLength:"200"`
	}
}

type acceptIn struct {
	Token string `path:"token" minLength:"1" maxLength:"200" doc:"From the invitation's link."`
	Body  struct {
		Name     string `json:"name,omitempty" maxLength:"400" example:"Ada Byron" doc:"Needed by who has no account yet."`
		Password string `json:"password" maxLength:"4096" example:"a loom weaves flowers" doc:"A new one of 10 to 128 characters; or the account's, by who has one."`
	}
}

func (m *Module) mountLinks(h *rest.Host) {
	public := rest.Op{Method: http.MethodPost, Tag: tag, Access: rest.Public}

	op := public
	op.Path, op.ID, op.Summary = "/api/v1/auth/password/forgot", "forgot-password", "Ask for a link to set a new password"
	op.Description = "Mails a member a link, good for an hour and once. Answers alike for every address, known or not."
	op.Faults = []*fault.Error{rest.ErrTooMany}
	rest.Handle(h, op, func(ctx context.Context, in *forgotIn) (*done, error) {
		return doneIf(m.ForgotPassword(ctx, in.Body.Email))
	})

	op = public
	op.Path, op.ID, op.Summary = "/api/v1/auth/password/reset", "reset-password", "Set a new password by a link"
	op.Description = "Ends every session of the person."
	op.Faults = []*fault.Error{ErrLinkInvalid, ErrBusy}
	rest.Handle(h, op, func(ctx context.Context, in *resetIn) (*done, error) {
		return doneIf(m.ResetPassword(ctx, in.Body.Token, in.Body.Password))
	})

	op = public
	op.Path, op.ID, op.Summary = "/api/v1/auth/email/verify", "verify-email", "Prove an e-mail address by a link"
	op.Faults = []*fault.Error{ErrLinkInvalid}
	rest.Handle(h, op, func(ctx context.Context, in *verifyIn) (*done, error) {
		return doneIf(m.VerifyEmail(ctx, in.Body.Token))
	})

	op = public
	op.Path, op.ID, op.Summary = "/api/v1/auth/invitations/{token}/accept", "accept-invitation", "Accept an invitation and sign in"
	op.Description = "Only this makes a membership live. An account that exists already is proved by its password."
	op.Faults = []*fault.Error{ErrLinkInvalid, ErrWrongPassword, ErrAlreadyMember, ErrEmailTaken, ErrBusy, rest.ErrTooMany}
	rest.Handle(h, op, func(ctx context.Context, in *acceptIn) (*signInAnswer, error) {
		return signedInAnswer(m.Accept(ctx, in.Token, Acceptance{in.Body.Name, in.Body.Password}))
	})
}

type meAnswer struct {
	Body struct {
		User     userOut        `json:"user"`
		Employer employerRefOut `json:"employer"`
		Role     authn.Role     `json:"role"`
		Digest   bool           `json:"digest" doc:"Whether you get a mail once a day when there are new submissions."`
	}
}

func meOf(a *Account, err error) (*meAnswer, error) {
	if err != nil {
		return nil, err
	}
	var out meAnswer
	out.Body.User, out.Body.Employer, out.Body.Role, out.Body.Digest = userOf(a.User), employerRefOf(a.Employer), a.Role, a.User.Digest
	return &out, nil
}

type changeMeIn struct {
	Body struct {
		Name   *string `json:"name,omitempty" maxLength:"400" example:"Ada Lovelace"`
		Digest *bool   `json:"digest,omitempty" doc:"Whether you get a mail once a day when there are new submissions. It goes to a proved address alone."`
	}
}

type passwordIn struct {
	Body struct {
		CurrentPassword string `json:"currentPassword" maxLength:"4096" example:"a loom weaves flowers"`
		NewPassword     string `json:"newPassword" maxLength:"4096" example:"leaves and branches too" doc:"10 to 128 characters."`
	}
}

type sessionOut struct {
	ID         uuid.UUID `json:"id"`
	UserAgent  string    `json:"userAgent" example:"Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"`
	IP         *string   `json:"ip" example:"192.0.2.7"`
	CreatedAt  time.Time `json:"createdAt"`
	LastUsedAt time.Time `json:"lastUsedAt" doc:"When its tokens were last refreshed; of a browser's, when it was last used, to five minutes."`
	ExpiresAt  time.Time `json:"expiresAt"`
	Current    bool      `json:"current" doc:"The session of this very request."`
}

type idIn struct {
	ID uuid.UUID `path:"id"`
}

func (m *Module) mountMe(h *rest.Host) {
	me := rest.Op{Path: "/api/v1/auth/me", Tag: tag, Role: authn.Viewer, Faults: []*fault.Error{ErrPersonOnly}}

	op := me
	op.Method, op.ID, op.Summary = http.MethodGet, "get-me", "Your own account"
	rest.Handle(h, op, func(ctx context.Context, _ *struct{}) (*meAnswer, error) { return meOf(m.Me(ctx)) })

	op = me
	op.Method, op.ID, op.Summary = http.MethodPatch, "change-me", "Change your own name, and whether you get the digest"
	rest.Handle(h, op, func(ctx context.Context, in *changeMeIn) (*meAnswer, error) {
		return meOf(m.ChangeMe(ctx, MeChange{Name: in.Body.Name, Digest: in.Body.Digest}))
	})

	op = me
	op.Method, op.Path, op.ID, op.Summary = http.MethodPost, "/api/v1/auth/email/resend", "resend-verification", "Mail the link again that proves your address"
	op.Description = "Does nothing when the address is proved already."
	op.Faults = []*fault.Error{ErrPersonOnly, rest.ErrTooMany}
	rest.Handle(h, op, func(ctx context.Context, _ *struct{}) (*done, error) { return doneIf(m.ResendVerification(ctx)) })

	op = me
	op.Method, op.Path, op.ID, op.Summary = http.MethodPost, "/api/v1/auth/password", "change-password", "Change your own password"
	op.Description = "Ends every other session."
	op.Faults = []*fault.Error{ErrPersonOnly, ErrWrongPassword, ErrBusy, rest.ErrTooMany}
	rest.Handle(h, op, func(ctx context.Context, in *passwordIn) (*done, error) {
		return doneIf(m.ChangePassword(ctx, in.Body.CurrentPassword, in.Body.NewPassword))
	})

	op = me
	op.Method, op.Path, op.ID, op.Summary = http.MethodGet, "/api/v1/auth/sessions", "list-sessions", "Where you are signed in"
	op.Faults = []*fault.Error{ErrPersonOnly, pg.ErrCursor}
	rest.Handle(h, op, func(ctx context.Context, in *listIn) (*listAnswer[sessionOut], error) {
		rows, next, err := m.Sessions(ctx, in.Limit, in.Cursor)
		return listOf(rows, next, err, func(s Session) sessionOut {
			out := sessionOut{s.ID, s.UserAgent, nil, s.CreatedAt.UTC(), s.LastUsedAt.UTC(), s.ExpiresAt.UTC(), s.Current}
			if s.IP != nil {
				ip := s.IP.String()
				out.IP = &ip
			}
			return out
		})
	})

	op = me
	op.Method, op.Path, op.ID, op.Summary = http.MethodDelete, "/api/v1/auth/sessions/{id}", "end-session", "Sign one of your sessions out"
	op.Status, op.Faults = http.StatusNoContent, []*fault.Error{ErrPersonOnly, rest.ErrNotFound}
	rest.Handle(h, op, func(ctx context.Context, in *idIn) (*nothing, error) { return nothingIf(m.EndSession(ctx, in.ID)) })
}
