package auth

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
)

type memberOut struct {
	ID            uuid.UUID `json:"id"`
	UserID        uuid.UUID `json:"userId"`
	Name          string    `json:"name" example:"Ada Byron"`
	Email         string    `json:"email" example:"ada@example.com"`
	EmailVerified bool      `json:"emailVerified"`
	Role          string    `json:"role" enum:"viewer,recruiter,admin,owner"`
	CreatedAt     time.Time `json:"createdAt"`
}

func memberOf(x Member) memberOut {
	return memberOut{x.ID, x.UserID, x.Name, x.Email, x.EmailVerifiedAt != nil, x.Role, x.CreatedAt.UTC()}
}

type InvitationOut struct {
	ID        uuid.UUID `json:"id"`
	Email     string    `json:"email" example:"grace@example.com"`
	Role      string    `json:"role" enum:"viewer,recruiter,admin,owner"`
	CreatedAt time.Time `json:"createdAt"`
	ExpiresAt time.Time `json:"expiresAt"`
}

func invitationOf(i Invitation) InvitationOut {
	return InvitationOut{i.ID, i.Email, i.Role, i.CreatedAt.UTC(), i.ExpiresAt.UTC()}
}

type membersAnswer struct {
	Body struct {
		rest.Page[memberOut]
		Invitations []InvitationOut `json:"invitations" doc:"Open invitations, newest first; on the first page only."`
	}
}

type inviteIn struct {
	Body struct {
		Email string     `json:"email" maxLength:"400" example:"grace@example.com"`
		Role  authn.Role `json:"role" example:"recruiter" doc:"At most your own."`
	}
}

type inviteBody struct {
	InvitationOut
	AcceptURL   string `json:"acceptUrl,omitempty" example:"http://localhost:8080/app/invitations/q4Zb" doc:"Hand it to the person; it is shown this once."`
	SecretShown bool   `json:"secretShown" doc:"False on a replay of the request: the link is stored nowhere."`
}

func (b inviteBody) withoutSecret() inviteBody {
	b.AcceptURL, b.SecretShown = "", false
	return b
}

type roleIn struct {
	ID   uuid.UUID `path:"id"`
	Body struct {
		Role authn.Role `json:"role" example:"admin" doc:"At most your own."`
	}
}

type memberAnswer struct{ Body memberOut }

func (m *Module) mountMembers(h *rest.Host) {
	members := rest.Op{Path: "/api/v1/members", Tag: tag, Role: authn.Admin}

	op := members
	op.Method, op.ID, op.Summary = http.MethodGet, "list-members", "Members and open invitations"
	op.Faults = []*fault.Error{pg.ErrCursor}
	rest.Handle(h, op, m.listMembers)

	op = members
	op.Method, op.ID, op.Summary, op.Status, op.Idempotent = http.MethodPost, "invite-member", "Invite a member", http.StatusCreated, true
	op.Description = "Mails the person a link, good for 14 days. The membership begins when they accept."
	op.Faults = []*fault.Error{ErrRoleAboveOwn, ErrAlreadyMember, ErrAlreadyInvited, ErrTooManyInvitations}
	rest.Handle(h, op, func(ctx context.Context, in *inviteIn) (*secretAnswer[inviteBody], error) {
		return onceWithSecret(ctx, m.db, func(tx pgx.Tx) (body inviteBody, err error) {
			inv, link, err := m.InviteTx(ctx, tx, in.Body.Email, in.Body.Role)
			if err == nil {
				body = inviteBody{invitationOf(*inv), link, true}
			}
			return body, err
		})
	})

	op = members
	op.Method, op.Path, op.ID, op.Summary = http.MethodPatch, "/api/v1/members/{id}", "change-member", "Change a member's role"
	op.Faults = []*fault.Error{rest.ErrNotFound, ErrRoleAboveOwn, ErrLastOwner}
	rest.Handle(h, op, func(ctx context.Context, in *roleIn) (*memberAnswer, error) {
		changed, err := m.ChangeRole(ctx, in.ID, in.Body.Role)
		if err != nil {
			return nil, err
		}
		return &memberAnswer{memberOf(*changed)}, nil
	})

	op = members
	op.Method, op.Path, op.ID, op.Summary = http.MethodDelete, "/api/v1/members/{id}", "remove-member", "Remove a member"
	op.Description = "Ends the person's sessions and API keys at once."
	op.Status, op.Faults = http.StatusNoContent, []*fault.Error{rest.ErrNotFound, ErrRoleAboveOwn, ErrLastOwner}
	rest.Handle(h, op, func(ctx context.Context, in *idIn) (*nothing, error) { return nothingIf(m.Remove(ctx, in.ID)) })

	op = members
	op.Method, op.Path, op.ID, op.Summary = http.MethodDelete, "/api/v1/members/invitations/{id}", "revoke-member-invitation", "Revoke an open invitation"
	op.Status, op.Faults = http.StatusNoContent, []*fault.Error{rest.ErrNotFound, ErrRoleAboveOwn}
	rest.Handle(h, op, func(ctx context.Context, in *idIn) (*nothing, error) {
		return nothingIf(m.RevokeInvitation(ctx, in.ID))
	})
}

func (m *Module) listMembers(ctx context.Context, in *listIn) (*membersAnswer, error) {
	rows, next, err := m.Members(ctx, in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	var out membersAnswer
	out.Body.Items, out.Body.NextCursor, out.Body.Invitations = each(rows, memberOf), next, []InvitationOut{}
	if in.Cursor != "" {
		return &out, nil
	}
	invitations, err := m.Invitations(ctx)
	if err != nil {
		return nil, err
	}
	out.Body.Invitations = each(invitations, invitationOf)
	return &out, nil
}
