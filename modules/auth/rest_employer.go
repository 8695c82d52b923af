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

type listIn struct{ rest.PageIn }

type listAnswer[T any] struct{ Body rest.Page[T] }

func listOf[R, T any](rows []R, next *string, err error, wire func(R) T) (*listAnswer[T], error) {
	if err != nil {
		return nil, err
	}
	return &listAnswer[T]{rest.Page[T]{Items: each(rows, wire), NextCursor: next}}, nil
}

func each[R, T any](rows []R, wire func(R) T) []T {
	out := make([]T, len(rows))
	for i, row := range rows {
		out[i] = wire(row)
	}
	return out
}

type employerAnswer struct {
	Body struct {
		ID                    uuid.UUID `json:"id"`
		Name                  string    `json:"name" example:"Analytical Engines Ltd"`
		Slug                  string    `json:"slug" example:"k7dmq2vxw4hzt9ra"`
		ActiveAssessmentLimit int       `json:"activeAssessmentLimit" example:"3" doc:"How many assessments may be active at once; the operator sets it."`
		PrivacyNotice         string    `json:"privacyNotice" doc:"What candidates consent to; empty is the default text."`
		PrivacyNoticeVersion  int       `json:"privacyNoticeVersion" example:"1" doc:"Counts the changes of the notice; each consent names the version it saw."`
		ReplyTo               *string   `json:"replyTo" example:"jobs@example.com"`
		CreatedAt             time.Time `json:"createdAt"`
		UpdatedAt             time.Time `json:"updatedAt"`
	}
}

func employerOf(e *Employer, err error) (*employerAnswer, error) {
	if err != nil {
		return nil, err
	}
	var out employerAnswer
	b := &out.Body
	b.ID, b.Name, b.Slug, b.ActiveAssessmentLimit = e.ID, e.Name, e.Slug, e.ActiveAssessmentLimit
	b.PrivacyNotice, b.PrivacyNoticeVersion, b.ReplyTo = e.PrivacyNotice, e.PrivacyNoticeVersion, e.ReplyTo
	b.CreatedAt, b.UpdatedAt = e.CreatedAt.UTC(), e.UpdatedAt.UTC()
	return &out, nil
}

type employerIn struct {
	Body struct {
		Name          *string               `json:"name,omitempty" maxLength:"400" example:"Analytical Engines Ltd"`
		PrivacyNotice *string               `json:"privacyNotice,omitempty" maxLength:"20000" doc:"Another text is a new version."`
		ReplyTo       rest.Optional[string] `json:"replyTo,omitzero" doc:"Where candidates' replies go; null for nowhere."`
	}
}

func (m *Module) mountEmployer(h *rest.Host) {
	employer := rest.Op{Path: "/api/v1/employer", Tag: tag, Role: authn.Viewer}

	op := employer
	op.Method, op.ID, op.Summary = http.MethodGet, "get-employer", "Your organization"
	rest.Handle(h, op, func(ctx context.Context, _ *struct{}) (*employerAnswer, error) { return employerOf(m.Employer(ctx)) })

	op = employer
	op.Method, op.ID, op.Summary, op.Role = http.MethodPatch, "change-employer", "Change your organization", authn.Admin
	rest.Handle(h, op, func(ctx context.Context, in *employerIn) (*employerAnswer, error) {
		change := EmployerChange{Name: in.Body.Name, PrivacyNotice: in.Body.PrivacyNotice}
		if in.Body.ReplyTo.Set {
			change.ReplyTo = &in.Body.ReplyTo.Value // null is the empty text
		}
		return employerOf(m.ChangeEmployer(ctx, change))
	})
}

type auditOut struct {
	ID         uuid.UUID  `json:"id"`
	ActorKind  string     `json:"actorKind" enum:"member,api_key,candidate,job,operator"`
	ActorID    *uuid.UUID `json:"actorId" doc:"The user, the API key or the submission; null for a job or the operator."`
	Action     string     `json:"action" example:"member.role_changed"`
	ObjectType string     `json:"objectType" example:"member"`
	ObjectID   *uuid.UUID `json:"objectId"`
	Before     rest.Raw   `json:"before"`
	After      rest.Raw   `json:"after"`
	RequestID  string     `json:"requestId"`
	At         time.Time  `json:"at"`
}

type auditIn struct {
	rest.PageIn
	Action   string    `query:"action" maxLength:"100" example:"member.role_changed" doc:"Only this act."`
	ObjectID uuid.UUID `query:"objectId" doc:"Only acts on this object."`
	From     time.Time `query:"from" doc:"Only acts at or after this time."`
	To       time.Time `query:"to" doc:"Only acts before this time."`
}

func (m *Module) mountAudit(h *rest.Host) {
	op := rest.Op{
		Method: http.MethodGet, Path: "/api/v1/audit", ID: "list-audit-events", Summary: "Who did what, newest first",
		Tag: tag, Role: authn.Admin, Faults: []*fault.Error{pg.ErrCursor},
	}
	rest.Handle(h, op, func(ctx context.Context, in *auditIn) (*listAnswer[auditOut], error) {
		filter := AuditFilter{Action: in.Action, ObjectID: in.ObjectID, From: in.From, To: in.To}
		rows, next, err := m.AuditEvents(ctx, filter, in.Limit, in.Cursor)
		return listOf(rows, next, err, func(e AuditEvent) auditOut {
			return auditOut{e.ID, e.ActorKind, e.ActorID, e.Action, e.ObjectType, e.ObjectID, rest.Raw(e.Before), rest.Raw(e.After), e.RequestID, e.At.UTC()}
		})
	})
}
