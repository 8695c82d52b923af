package invites

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
)

const (
	tag       = "Invites"
	publicTag = "Taking an assessment"
	ofOne     = "/api/v1/invites/{id}"
	ofMany    = "/api/v1/assessments/{id}/invites"
	byLink    = "/api/v1/public/invites/{token}"
)

// Wire is an invite as it is sent. Other systems get it without the link.
type Wire struct {
	ID               uuid.UUID  `json:"id"`
	AssessmentID     uuid.UUID  `json:"assessmentId"`
	SubmissionID     *uuid.UUID `json:"submissionId" doc:"Null until it is started."`
	Email            string     `json:"email" example:"ada@example.org"`
	Name             string     `json:"name" example:"Ada Lovelace"`
	State            State      `json:"state" enum:"created,sent,opened,started,completed,declined,expired,revoked,superseded"`
	ExtraTimePercent int        `json:"extraTimePercent" doc:"Of the time limit."`
	CreatedAt        time.Time  `json:"createdAt"`
	SentAt           *time.Time `json:"sentAt" doc:"When a mail server last took its mail."`
	FailedAt         *time.Time `json:"failedAt" doc:"When its last mail was given up; null after a later one was sent."`
	OpenedAt         *time.Time `json:"openedAt"`
	StartedAt        *time.Time `json:"startedAt"`
	CompletedAt      *time.Time `json:"completedAt"`
	DeclinedAt       *time.Time `json:"declinedAt"`
	RevokedAt        *time.Time `json:"revokedAt"`
	ExpiresAt        time.Time  `json:"expiresAt" doc:"Stops the start; an attempt under way goes on."`
}

func wireOf(i Invite) Wire {
	return Wire{
		ID: i.ID, AssessmentID: i.AssessmentID, SubmissionID: i.SubmissionID, Email: i.Email, Name: i.Name, State: i.State,
		ExtraTimePercent: i.ExtraTimePercent, CreatedAt: i.CreatedAt.UTC(), SentAt: i.SentAt, FailedAt: i.FailedAt, OpenedAt: i.OpenedAt,
		StartedAt: i.StartedAt, CompletedAt: i.CompletedAt, DeclinedAt: i.DeclinedAt, RevokedAt: i.RevokedAt, ExpiresAt: i.ExpiresAt.UTC(),
	}
}

// Linked is an invite with its personal link, which only those who may invite see.
type Linked struct {
	Wire
	URL string `json:"url,omitempty" doc:"The personal link, for recruiters and above, as long as it leads anywhere." example:"http://localhost:8080/i/k3m9qd7wzxn4rtbhjcaf5y2e6p"`
}

// linked adds the link for a caller who may have it.
func (m *Module) linked(ctx context.Context, i Invite) Linked {
	l := Linked{Wire: wireOf(i)}
	if authn.From(ctx).Role >= authn.Recruiter && i.RevokedAt == nil && i.SupersededAt == nil {
		l.URL = m.URL(i)
	}
	return l
}

// Mount declares the module's operations.
func (m *Module) Mount(h *rest.Host) {
	rest.Handle(h, rest.Op{
		Method: http.MethodGet, Path: ofMany, ID: "list-invites", Tag: tag, Role: authn.Viewer,
		Summary: "List an assessment's invites, newest first", Faults: []*fault.Error{ErrAssessmentNotFound, pg.ErrCursor},
	}, m.handleList)
	rest.Handle(h, rest.Op{
		Method: http.MethodPost, Path: ofMany, ID: "create-invites", Tag: tag, Role: authn.Recruiter, Idempotent: true, TextAs: "list",
		Summary: "Invite 1 to 1,000 people",
		Description: "Give either `invites`, or a `list` as it was pasted or saved from a spreadsheet: one address a line with or without " +
			"a name, or a table with a header. Such a list may also be the body itself, as text/csv. Each address has its own result; " +
			"who has an invite that can be used, or that was started, is a duplicate and keeps it. Invites last for 14 days unless said.",
		Faults: slices.Concat(m.faults, []*fault.Error{ErrTooMany}),
	}, m.handleInvite)
	rest.Handle(h, rest.Op{
		Method: http.MethodGet, Path: ofOne, ID: "get-invite", Tag: tag, Role: authn.Viewer, Summary: "Get an invite",
		Faults: []*fault.Error{ErrNotFound},
	}, func(ctx context.Context, in *idIn) (*fullOut, error) { return m.full(ctx, in.ID) })
	rest.Handle(h, rest.Op{
		Method: http.MethodPatch, Path: ofOne, ID: "update-invite", Tag: tag, Role: authn.Recruiter,
		Summary: "Give extra time, or another expiry",
		Description: "Extra time replaces what was given before. During the test it moves the deadline, by the submission's own rules. " +
			"The reason, with who gave it and when, stays with the invite. A later expiry lets an expired invite be used again.",
		Faults: slices.Concat([]*fault.Error{ErrNotFound, ErrExpired, ErrStarted, ErrOver, ErrTaken, ErrReason}, m.timeFaults),
	}, m.handleUpdate)
	rest.Handle(h, rest.Op{
		Method: http.MethodPost, Path: ofOne + "/resend", ID: "resend-invite", Tag: tag, Role: authn.Recruiter,
		Summary: "Send an invite's mail again",
		Description: "The link stays the same. With `rotate` there is a new one, and the old one is unknown from now on. To who has " +
			"started, the mail says how to go on.",
		Faults: slices.Concat([]*fault.Error{ErrNotFound, ErrExpired, ErrOver, ErrCompleted}, m.faults),
	}, m.handleResend)
	rest.Handle(h, rest.Op{
		Method: http.MethodPost, Path: ofOne + "/revoke", ID: "revoke-invite", Tag: tag, Role: authn.Recruiter,
		Summary:     "Revoke an invite",
		Description: "Its link is unknown from now on. One that was started can no longer be revoked: void its submission instead.",
		Faults:      []*fault.Error{ErrNotFound, ErrStarted},
	}, func(ctx context.Context, in *idIn) (*fullOut, error) {
		if err := m.Revoke(ctx, in.ID); err != nil {
			return nil, err
		}
		return m.full(ctx, in.ID)
	})
	m.mountPublic(h)
}

type idIn struct {
	ID uuid.UUID `path:"id"`
}

type listIn struct {
	ID uuid.UUID `path:"id" doc:"The assessment."`
	rest.PageIn
	State string `query:"state" enum:"created,sent,opened,started,completed,declined,expired,revoked,superseded" doc:"Only those in this state."`
	Query string `query:"q" maxLength:"200" doc:"Part of the name or the e-mail address, in any case." example:"lovelace"`
}

type listOut struct{ Body rest.Page[Linked] }

func (m *Module) handleList(ctx context.Context, in *listIn) (*listOut, error) {
	list, next, err := m.List(ctx, in.ID, Filter{State: State(in.State), Query: in.Query}, in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	page := rest.Page[Linked]{Items: make([]Linked, len(list)), NextCursor: next}
	for n, i := range list {
		page.Items[n] = m.linked(ctx, i)
	}
	return &listOut{page}, nil
}

type personIn struct {
	Email            string `json:"email" maxLength:"400" example:"ada@example.org"`
	Name             string `json:"name,omitempty" maxLength:"400" example:"Ada Lovelace"`
	ExtraTimePercent int    `json:"extraTimePercent,omitempty" doc:"Of the time limit, 0 to 300."`
	Reason           string `json:"reason,omitempty" maxLength:"2000" doc:"Why the extra time; kept with the invite."`
}

type inviteIn struct {
	ID   uuid.UUID `path:"id" doc:"The assessment."`
	Body struct {
		Invites   []personIn `json:"invites,omitempty" maxItems:"1000"`
		List      string     `json:"list,omitempty" maxLength:"300000" doc:"Instead of invites: pasted addresses, or a table with a header." example:"ada@example.org, Ada Lovelace"`
		ExpiresAt *time.Time `json:"expiresAt,omitempty" doc:"A year from now at most; 14 days from now unless said."`
		Message   string     `json:"message,omitempty" maxLength:"2000" doc:"A few words of your own, for the mail."`
	}
}

func (in *inviteIn) order() (Order, error) {
	b := in.Body
	o := Order{ExpiresAt: b.ExpiresAt, Message: b.Message}
	if (len(b.Invites) > 0) == (b.List != "") {
		return o, invalid("body", "Give either invites or a list, with at least one address.")
	}
	for _, p := range b.Invites {
		o.People = append(o.People, Person(p))
	}
	if b.List == "" {
		return o, nil
	}
	var err error
	o.People, err = ReadList(b.List)
	return o, err
}

type resultOut struct {
	Email  string  `json:"email" doc:"As it was given."`
	Status Outcome `json:"status" enum:"invited,duplicate,invalid"`
	Code   *string `json:"code" doc:"Why it is not invited: already_invited, invalid_email, invalid_name, invalid_extra_time or invalid_reason; null when it is."`
	Detail *string `json:"detail" doc:"The same in words."`
	Invite *Linked `json:"invite" doc:"The invite that was made, or of a duplicate the one that exists; null when there is none."`
}

type invitedBody struct {
	Results     []resultOut `json:"results" doc:"In the order of the request."`
	Invited     int         `json:"invited"`
	Duplicates  int         `json:"duplicates"`
	Invalid     int         `json:"invalid"`
	SecretShown bool        `json:"secretShown" doc:"False on a replay of the request, whose links are left out; the list shows them."`
}

type invitedOut struct{ Body invitedBody }

// WithoutSecrets is the answer as it may be stored for a retry.
func (o *invitedOut) WithoutSecrets() *invitedOut {
	body := o.Body
	body.SecretShown, body.Results = false, slices.Clone(body.Results)
	for i, r := range body.Results {
		if r.Invite != nil {
			body.Results[i].Invite = &Linked{Wire: r.Invite.Wire}
		}
	}
	return &invitedOut{body}
}

func (m *Module) handleInvite(ctx context.Context, in *inviteIn) (*invitedOut, error) {
	order, err := in.order()
	if err != nil {
		return nil, err
	}
	return rest.Once(ctx, m.db, func(tx pgx.Tx) (*invitedOut, error) {
		results, err := m.InviteTx(ctx, tx, in.ID, order)
		if err != nil {
			return nil, err
		}
		out := invitedOut{invitedBody{Results: make([]resultOut, len(results)), SecretShown: true}}
		for i, r := range results {
			out.Body.add(i, r)
			if r.Invite != nil {
				l := m.linked(ctx, *r.Invite)
				out.Body.Results[i].Invite = &l
			}
		}
		return &out, nil
	})
}

func (b *invitedBody) add(i int, r Result) {
	b.Results[i] = resultOut{Email: r.Email, Status: r.Outcome}
	if r.Code != "" {
		b.Results[i].Code, b.Results[i].Detail = &r.Code, &r.Reason
	}
	switch r.Outcome {
	case Invited:
		b.Invited++
	case Duplicate:
		b.Duplicates++
	default:
		b.Invalid++
	}
}

// Full is an invite with everything that is kept about it.
type Full struct {
	Linked
	Message       string       `json:"message" doc:"The words that its mail has."`
	DeclineReason string       `json:"declineReason"`
	ExtraTimes    []ExtraGiven `json:"extraTimes" doc:"Who gave how much before the start or with it, when and why; the submission has its own."`
}

// ExtraGiven is one change of the extra time.
type ExtraGiven struct {
	Percent int        `json:"extraTimePercent"`
	Reason  string     `json:"reason"`
	At      time.Time  `json:"at"`
	By      PersonName `json:"by"`
}

// PersonName is a member or an API key; the name is empty for one who is gone.
type PersonName struct {
	ID   *uuid.UUID `json:"id" doc:"Null for the operator."`
	Name string     `json:"name"`
}

type fullOut struct{ Body Full }

func (m *Module) full(ctx context.Context, id uuid.UUID) (*fullOut, error) {
	i, times, err := m.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	f := Full{Linked: m.linked(ctx, i), Message: i.Message, DeclineReason: i.DeclineReason, ExtraTimes: make([]ExtraGiven, len(times))}
	for n, x := range times {
		f.ExtraTimes[n] = ExtraGiven{x.Percent, x.Reason, x.At.UTC(), PersonName{known(x.By), x.ByName}}
	}
	return &fullOut{f}, nil
}

type updateIn struct {
	ID   uuid.UUID `path:"id"`
	Body struct {
		ExtraTimePercent *int       `json:"extraTimePercent,omitempty" minimum:"0" maximum:"300" doc:"Of the time limit, in all."`
		Reason           string     `json:"reason,omitempty" maxLength:"1000" doc:"Why; required with extraTimePercent."`
		ExpiresAt        *time.Time `json:"expiresAt,omitempty" doc:"A year from now at most."`
	}
}

func (m *Module) handleUpdate(ctx context.Context, in *updateIn) (*fullOut, error) {
	b := in.Body
	if b.ExtraTimePercent == nil && b.Reason != "" {
		return nil, invalid("body.extraTimePercent", "This is required with reason.")
	}
	if err := m.Update(ctx, in.ID, Change{ExtraTimePercent: b.ExtraTimePercent, Reason: b.Reason, ExpiresAt: b.ExpiresAt}); err != nil {
		return nil, err
	}
	return m.full(ctx, in.ID)
}

type resendBody struct {
	Rotate bool `json:"rotate,omitempty" doc:"Make a new link; the old one is unknown from then on."`
}

type resendIn struct {
	ID   uuid.UUID   `path:"id"`
	Body *resendBody `required:"false"`
}

func (m *Module) handleResend(ctx context.Context, in *resendIn) (*fullOut, error) {
	if err := m.Resend(ctx, in.ID, in.Body != nil && in.Body.Rotate); err != nil {
		return nil, err
	}
	return m.full(ctx, in.ID)
}
