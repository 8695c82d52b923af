package dashboard

import (
	"errors"
	"net/http"
	"net/url"

	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
	"credlane/app/kit/rest"
	"credlane/modules/auth"
)

// What the sign-in page says to who comes from another one; nothing else can be made to stand there.
var arrivals = map[string]doorNote{
	"reset":    {"ok", "Your password was changed.", "Sign in with the new one. Every other session of yours was ended."},
	"verified": {"ok", "Your address is confirmed.", "Sign in to go on."},
	"out":      {"", "You are signed out.", "Your work is saved."},
}

func loginDoor(email, next string) door {
	p := door{
		Title: "Sign in", Lead: "For the people who write and review assessments.", Action: loginPath, Button: "Sign in", Busy: "Signing in",
		Fields: []doorField{
			{Name: "email", Label: "Work email", Type: "email", Value: email, Autocomplete: "username"},
			{Name: "password", Label: "Password", Type: "password", Autocomplete: "current-password", Forgot: true},
		},
		Foot: []doorLink{{"Here to take an assessment? Use the link in your invitation. You do not need an account.", "", ""}},
	}
	if next != homePath {
		p.Hidden = []doorValue{{"next", next}}
	}
	return p
}

func (o *doors) showLogin(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	next := whereTo(query.Get("next"))
	now, before, err := o.signedIn(r)
	if err != nil {
		return err
	}
	if now {
		return rest.Redirect(w, r, next)
	}
	p := loginDoor("", next)
	if note, ok := arrivals[query.Get("done")]; ok {
		p.Note = &note
	} else if before {
		p.Note = &doorNote{"", "Your session has ended.", "What was saved is safe. Sign in to carry on where you left it."}
	}
	if err := o.offerRegistration(r, &p); err != nil {
		return err
	}
	return o.show(w, r, http.StatusOK, p)
}

// offerRegistration shows the way to a new organization, where there is one.
func (o *doors) offerRegistration(r *http.Request, p *door) error {
	err := o.Accounts.MayRegister(r.Context())
	if errors.Is(err, auth.ErrRegistrationClosed) {
		return nil
	}
	if err == nil {
		p.Foot = append([]doorLink{{"New here?", "Register your organization", registerPath}}, p.Foot...)
	}
	return err
}

func (o *doors) login(w http.ResponseWriter, r *http.Request) error {
	form, err := rest.FormValues(r)
	if err != nil {
		return err
	}
	email, next := form.Get("email"), whereTo(form.Get("next"))
	in, err := o.Accounts.LoginBrowser(r.Context(), email, form.Get("password"))
	if err == nil {
		return o.welcome(w, r, in, next)
	}
	p := loginDoor(email, next)
	f, _ := fault.As(err)
	switch {
	case errors.Is(err, auth.ErrBadCredentials):
		p.Note = &doorNote{"bad", "That email and password do not match.", "Nothing was changed. Check the password, or reset it."}
		p.Fields[1].Error = "Type the password again"
	case errors.Is(err, rest.ErrTooMany):
		p.Note = &doorNote{"warn", "Signing in is paused for " + span(f.RetryAfter) + ".",
			"There were too many wrong passwords. Nothing is locked: after the pause it goes on, and a reset link works at once."}
	}
	return o.refused(w, r, p, err)
}

// welcome gives the browser its cookie and goes on. A session that the browser had before ends here: with its cookie gone, nobody
// could sign out of it.
func (o *doors) welcome(w http.ResponseWriter, r *http.Request, in *auth.BrowserSession, to string) error {
	before, err := o.host.Member(r)
	if err == nil {
		err = o.Accounts.SignOut(authn.With(r.Context(), before))
	}
	if err != nil && !errors.Is(err, authn.ErrUnauthenticated) {
		return err
	}
	o.host.Cookies().SetSession(w, in.Secret, in.Expires)
	return rest.Redirect(w, r, to)
}

func (o *doors) logout(w http.ResponseWriter, r *http.Request) error {
	if err := o.Accounts.SignOut(r.Context()); err != nil {
		return err
	}
	o.host.Cookies().ClearSession(w)
	return rest.Redirect(w, r, loginPath+"?done=out")
}

const newPasswordHint = "10 to 128 characters. A sentence of a few words is easy to keep in mind."

func registerDoor(first bool, form url.Values) door {
	p := door{
		Title: "Register your organization", Lead: "You become its owner and can invite the others.", Action: registerPath,
		Button: "Register", Busy: "Registering",
		Fields: []doorField{
			{Name: "organizationName", Label: "Organization", Value: form.Get("organizationName"), Autocomplete: "organization",
				Hint: "As candidates know it. You can change it later."},
			{Name: "name", Label: "Your name", Value: form.Get("name"), Autocomplete: "name"},
			{Name: "email", Label: "Work email", Type: "email", Value: form.Get("email"), Autocomplete: "username"},
			{Name: "password", Label: "Password", Type: "password", Autocomplete: "new-password", Hint: newPasswordHint},
		},
		Foot: []doorLink{{"Already a member?", "Sign in", loginPath}},
	}
	if first {
		p.Title, p.Lead = "Set up CredLane", "You are the first one here. Name your organization and become its owner."
		p.Foot = nil
	}
	return p
}

// closedDoor says that nobody may register, and who can help.
func closedDoor() door {
	return door{
		Title: "Registration is closed", Lead: "This server takes no new organizations.",
		Note: &doorNote{"", "To join yours, ask one of its admins or owners for an invitation.", "Whoever runs the server can add an organization."},
		Foot: []doorLink{{"Already a member?", "Sign in", loginPath}},
	}
}

func (o *doors) showRegister(w http.ResponseWriter, r *http.Request) error {
	err := o.Accounts.MayRegister(r.Context())
	if errors.Is(err, auth.ErrRegistrationClosed) {
		return o.show(w, r, http.StatusForbidden, closedDoor())
	}
	if err != nil {
		return err
	}
	first, err := o.Accounts.FirstRun(r.Context())
	if err != nil {
		return err
	}
	return o.show(w, r, http.StatusOK, registerDoor(first, nil))
}

func (o *doors) register(w http.ResponseWriter, r *http.Request) error {
	form, err := rest.FormValues(r)
	if err != nil {
		return err
	}
	in, err := o.Accounts.RegisterBrowser(r.Context(), auth.Registration{
		Organization: form.Get("organizationName"), Name: form.Get("name"), Email: form.Get("email"), Password: form.Get("password"),
	})
	if err == nil {
		return o.welcome(w, r, in, homePath)
	}
	if errors.Is(err, auth.ErrRegistrationClosed) {
		return o.show(w, r, http.StatusForbidden, closedDoor())
	}
	first, firstErr := o.Accounts.FirstRun(r.Context())
	if firstErr != nil {
		return firstErr
	}
	p := registerDoor(first, form)
	if errors.Is(err, auth.ErrEmailTaken) {
		err = auth.ErrEmailTaken.WithFields(fault.Field{Location: "body.email", Message: auth.ErrEmailTaken.Message})
	}
	return o.refused(w, r, p, err)
}
