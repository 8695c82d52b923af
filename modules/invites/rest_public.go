package invites

import (
	"context"
	"net/http"
	"slices"
	"time"

	"credlane/app/kit/fault"
	"credlane/app/kit/rest"
)

func (m *Module) mountPublic(h *rest.Host) {
	rest.Handle(h, rest.Op{
		Method: http.MethodGet, Path: byLink, ID: "get-invite-landing", Tag: publicTag, Access: rest.Public,
		Summary: "Read what a personal link opens",
		Description: "What the public link shows, with whose invite it is (masked) and how far it is. The first look is noted. An unknown " +
			"link and a revoked one are the same 404.",
		Faults: slices.Concat([]*fault.Error{ErrNotFound}, m.faults),
	}, m.handleOpen)
	rest.Handle(h, rest.Op{
		Method: http.MethodPost, Path: byLink + "/decline", ID: "decline-invite", Tag: publicTag, Access: rest.Public,
		Summary: "Decline a personal invite", Faults: []*fault.Error{ErrNotFound, ErrStarted, ErrExpired},
	}, m.handleDecline)
}

// Seen is an invite as the holder of its link sees it.
type Seen struct {
	Email            string    `json:"email" doc:"Masked." example:"a•••@e•••.org"`
	State            State     `json:"state" enum:"opened,started,completed,declined,expired"`
	ExtraTimePercent int       `json:"extraTimePercent" doc:"Of the time limit."`
	ExpiresAt        time.Time `json:"expiresAt" doc:"Stops the start; an attempt under way goes on."`
}

func seenOf(i Invite) Seen {
	return Seen{Email: Masked(i.Email), State: i.State, ExtraTimePercent: i.ExtraTimePercent, ExpiresAt: i.ExpiresAt.UTC()}
}

type tokenIn struct {
	Token string `path:"token" maxLength:"100" doc:"The last part of the personal link."`
}

type landingBody struct {
	Landing
	Invite Seen `json:"invite"`
}

type landingOut struct{ Body landingBody }

func (m *Module) handleOpen(ctx context.Context, in *tokenIn) (*landingOut, error) {
	i, landing, err := m.Open(ctx, in.Token)
	if err != nil {
		return nil, err
	}
	return &landingOut{landingBody{landing, seenOf(i)}}, nil
}

type declineBody struct {
	Reason string `json:"reason,omitempty" maxLength:"1000" doc:"Shown to whoever invited." example:"I have found another job."`
}

type declineIn struct {
	Token string       `path:"token" maxLength:"100" doc:"The last part of the personal link."`
	Body  *declineBody `required:"false"`
}

type declinedOut struct {
	Body struct {
		Invite Seen `json:"invite"`
	}
}

func (m *Module) handleDecline(ctx context.Context, in *declineIn) (*declinedOut, error) {
	reason := ""
	if in.Body != nil {
		reason = in.Body.Reason
	}
	i, err := m.Decline(ctx, in.Token, reason)
	if err != nil {
		return nil, err
	}
	var out declinedOut
	out.Body.Invite = seenOf(i)
	return &out, nil
}
