package candidate

import (
	"errors"
	"net/http"

	"credlane/app/kit/fault"
	"credlane/app/kit/rest"
	"credlane/modules/assessments"
	"credlane/modules/invites"
	"credlane/modules/submissions"
)

func (c *Candidate) mountPersonalLanding(h *rest.Host) {
	c.mount(h, rest.Public, http.MethodGet, "/i/{token}", "page-invite", "What to expect, by a personal link", c.showInvite)
	c.mount(h, rest.Public, http.MethodPost, "/i/{token}", "page-invite-start", "Start or go on by a personal link", c.postInvite)
	c.mount(h, rest.Public, http.MethodPost, "/i/{token}/decline", "page-invite-decline", "Decline a personal invite", c.postDecline)
}

// maxLink is how long the secret of a personal link may be, in bytes, to be looked for.
const maxLink = 100

// open reads what the link of the address opens.
func (c *Candidate) open(r *http.Request) (invites.Invite, facts, error) {
	token := r.PathValue("token")
	if len(token) > maxLink {
		return invites.Invite{}, facts{}, invites.ErrNotFound
	}
	i, l, err := c.Invites.Open(r.Context(), token)
	if err != nil {
		return i, facts{}, err
	}
	return i, personalFacts(i, l), nil
}

func (c *Candidate) showInvite(w http.ResponseWriter, r *http.Request) error {
	i, about, err := c.open(r)
	if err != nil {
		return err
	}
	if i.SubmissionID != nil {
		own, begun, err := c.ownHere(r, i.AssessmentID)
		if err != nil {
			return err
		}
		if begun && own.Sitting.Receipt.ID == *i.SubmissionID {
			return c.showHere(w, r, about, own, "")
		}
	}
	return c.writeInvite(w, r, http.StatusOK, i, about, form{Name: i.Name}, "")
}

// writeInvite shows how far the invite is.
func (c *Candidate) writeInvite(w http.ResponseWriter, r *http.Request, status int, i invites.Invite, about facts, f form, reason string) error {
	v := c.view(r)
	link := "/i/" + r.PathValue("token")
	v.Title, v.Employer = v.Locale.T("landing.title", "title", about.Title, "employer", about.Employer), about.Employer
	kind := string(i.State)
	switch {
	case i.State == invites.Started, i.State == invites.Completed, i.State == invites.Declined, i.State == invites.Expired:
	case about.State == "closed":
		kind = "closed"
	default:
		v.Data = landing{facts: about, Action: link, Form: f, Email: invites.Masked(i.Email), NeedName: i.Name == "", Decline: link + "/decline", Reason: reason}
		return c.landing.write(w, r, status, v)
	}
	v.Data = ended{facts: about, Kind: kind, Link: link, Expires: i.ExpiresAt}
	return c.ended.write(w, r, status, v)
}

// postInvite starts, or goes on on this device: the link proves the address.
func (c *Candidate) postInvite(w http.ResponseWriter, r *http.Request) error {
	values, err := rest.FormValues(r)
	if err != nil {
		return err
	}
	token := r.PathValue("token")
	if len(token) > maxLink {
		return invites.ErrNotFound
	}
	ctx := r.Context()
	if err := c.Submissions.Limiter.Take(ctx, "public_start", rest.ClientNetwork(ctx), c.Submissions.StartLimit); err != nil {
		return err
	}
	f := readForm(values)
	secret, s, err := c.Submissions.StartInvited(ctx, submissions.InvitedStart{Token: token, Name: f.Name, Consent: f.Consent})
	if err != nil {
		return c.notStartedByInvite(w, r, f, err)
	}
	c.host.Cookies().SetAttempt(w, secret, s.TokenExpires())
	return rest.Redirect(w, r, "/take")
}

// notStartedByInvite shows why: beside the field, or how far the invite or its assessment is.
func (c *Candidate) notStartedByInvite(w http.ResponseWriter, r *http.Request, f form, err error) error {
	status := http.StatusConflict
	switch {
	case f.refuse(err):
		status = http.StatusUnprocessableEntity
	case errors.Is(err, invites.ErrDeclined), errors.Is(err, invites.ErrExpired), errors.Is(err, assessments.ErrClosed), errors.Is(err, assessments.ErrNotOpen):
	default:
		return err
	}
	i, about, openErr := c.open(r)
	if openErr != nil {
		return openErr
	}
	if f.Name == "" {
		f.Name = i.Name
	}
	return c.writeInvite(w, r, status, i, about, f, "")
}

func (c *Candidate) postDecline(w http.ResponseWriter, r *http.Request) error {
	values, err := rest.FormValues(r)
	if err != nil {
		return err
	}
	token, reason := r.PathValue("token"), values.Get("reason")
	if len(token) > maxLink {
		return invites.ErrNotFound
	}
	_, err = c.Invites.Decline(r.Context(), token, reason)
	if err == nil || errors.Is(err, invites.ErrStarted) || errors.Is(err, invites.ErrExpired) {
		return rest.Redirect(w, r, "/i/"+token) // which shows how far it is
	}
	if f, ok := fault.As(err); !ok || f.Kind != fault.Invalid {
		return err
	}
	i, about, openErr := c.open(r)
	if openErr != nil {
		return openErr
	}
	return c.writeInvite(w, r, http.StatusUnprocessableEntity, i, about, form{Name: i.Name, Wrong: map[string]string{"reason": "decline.reason_wrong"}}, reason)
}
