package submissions

import (
	"context"
	"net/http"
	"slices"

	"credlane/app/kit/fault"
	"credlane/app/kit/rest"
)

// mountProofs mounts what proves an address: personal links and one-time codes.
func (m *Module) mountProofs(h *rest.Host) {
	if m.Invitations != nil {
		rest.Handle(h, rest.Op{
			Method: http.MethodPost, Path: "/api/v1/public/invites/{token}/submissions", ID: "start-invited-submission",
			Summary: "Start or resume an assessment by a personal link", Tag: candidateTag, Access: rest.Public,
			Status: http.StatusCreated, Also: http.StatusOK,
			Description: "The first time it starts the attempt, with the extra time of the invite, and answers 201. Ever after the same " +
				"link resumes it on whatever device, with 200, and the device before is told that its session is taken. An attempt that " +
				"has ended is answered too: its receipt and result can be read. `consent` is needed to start, and `name` unless the " +
				"invite has one.",
			Faults: slices.Concat([]*fault.Error{ErrAlreadyStarted, ErrUnsettled, ErrConsent, ErrCandidate, rest.ErrTooMany}, m.LinkFaults, m.OpeningFaults),
		}, m.startByInvite)
	}
	if m.Mail == nil {
		return
	}
	rest.Handle(h, rest.Op{
		Method: http.MethodPost, Path: "/api/v1/public/assessments/{slug}/code", ID: "request-email-code",
		Summary: "Have a one-time code mailed", Tag: candidateTag, Access: rest.Public,
		Description: "Answers the same for every address. A mail goes out where the assessment asks for codes, and to an address that " +
			"has started: with the code it goes on, on any device.",
		Faults: []*fault.Error{ErrAssessmentNotFound, ErrCandidate, rest.ErrTooMany},
	}, m.requestCode)
	rest.Handle(h, rest.Op{
		Method: http.MethodPost, Path: "/api/v1/public/assessments/{slug}/code/verify", ID: "verify-email-code",
		Summary: "Try a one-time code", Tag: candidateTag, Access: rest.Public,
		Description: "Says whether the code is right, and leaves it good for a start. After five wrong tries it is good no more.",
		Faults:      []*fault.Error{ErrAssessmentNotFound, ErrCodeWrong, ErrCodeSpent, rest.ErrTooMany},
	}, m.verifyCode)
}

type startInvitedIn struct {
	Token string            `path:"token" maxLength:"100" doc:"The last part of the personal link."`
	Body  *startInvitedBody `required:"false"`
}

type startInvitedBody struct {
	Name    string `json:"name,omitempty" maxLength:"200" example:"Ada Lovelace"`
	Consent bool   `json:"consent,omitempty" doc:"Agreement to the privacy notice; nothing starts without it."`
}

func (m *Module) startByInvite(ctx context.Context, in *startInvitedIn) (*startOut, error) {
	if err := m.Limiter.Take(ctx, "public_start", rest.ClientNetwork(ctx), m.StartLimit); err != nil {
		return nil, err
	}
	start := InvitedStart{Token: in.Token}
	if in.Body != nil { // to resume nothing need be said
		start.Name, start.Consent = in.Body.Name, in.Body.Consent
	}
	token, s, err := m.StartInvited(ctx, start)
	if err != nil {
		return nil, err
	}
	return startedOut(token, s)
}

type requestCodeIn struct {
	Slug string `path:"slug" maxLength:"100" doc:"The last part of the public link."`
	Body struct {
		Email string `json:"email" maxLength:"254" example:"ada@example.org"`
	}
}

type requestCodeOut struct {
	Body struct {
		ValidForSeconds int `json:"validForSeconds" doc:"How long the code is good, if one was sent." example:"600"`
	}
}

func (m *Module) requestCode(ctx context.Context, in *requestCodeIn) (*requestCodeOut, error) {
	if err := m.RequestCode(ctx, in.Slug, in.Body.Email); err != nil {
		return nil, err
	}
	out := &requestCodeOut{}
	out.Body.ValidForSeconds = int(CodeLife.Seconds())
	return out, nil
}

type verifyCodeIn struct {
	Slug string `path:"slug" maxLength:"100" doc:"The last part of the public link."`
	Body struct {
		Email string `json:"email" maxLength:"254" example:"ada@example.org"`
		Code  string `json:"code" maxLength:"20" example:"123456"`
	}
}

type verifyCodeOut struct {
	Body struct {
		Verified bool `json:"verified"`
	}
}

func (m *Module) verifyCode(ctx context.Context, in *verifyCodeIn) (*verifyCodeOut, error) {
	if err := m.VerifyCode(ctx, in.Slug, in.Body.Email, in.Body.Code); err != nil {
		return nil, err
	}
	out := &verifyCodeOut{}
	out.Body.Verified = true
	return out, nil
}
