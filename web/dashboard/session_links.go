package dashboard

import (
	"errors"
	"net/http"
	"net/url"

	"credlane/app/kit/fault"
	"credlane/app/kit/rest"
	"credlane/modules/auth"
)

func (o *doors) forgotDoor(email string) door {
	p := door{
		Title: "Set a new password", Lead: "Give your address. A link to set a new password comes by e-mail.", Action: forgotPath,
		Button: "Send the link", Busy: "Sending",
		Fields: []doorField{{Name: "email", Label: "Work email", Type: "email", Value: email, Autocomplete: "username"}},
		Foot:   []doorLink{{"Remembered it?", "Sign in", loginPath}},
	}
	if !o.CanMail() {
		p.Lead, p.Action, p.Fields = "", "", nil
		p.Note = &doorNote{"", "Ask whoever runs this server for a link.", "It sends no e-mail. They make you a link with: credlane user reset-link YOUR-ADDRESS"}
	}
	return p
}

func (o *doors) showForgot(w http.ResponseWriter, r *http.Request) error {
	p := o.forgotDoor("")
	if r.URL.Query().Get("done") != "" {
		p.Lead, p.Action, p.Fields = "", "", nil
		p.Note = &doorNote{"ok", "If the address is a member’s, a link is on its way.",
			"It is good for 1 hour and works once. Look into the spam folder too; the answer is the same for every address."}
	}
	return o.show(w, r, http.StatusOK, p)
}

func (o *doors) forgot(w http.ResponseWriter, r *http.Request) error {
	form, err := rest.FormValues(r)
	if err != nil {
		return err
	}
	if err := o.Accounts.ForgotPassword(r.Context(), form.Get("email")); err != nil {
		return o.refused(w, r, o.forgotDoor(form.Get("email")), err)
	}
	return rest.Redirect(w, r, forgotPath+"?done=sent")
}

// deadLink is the page of a link that opens nothing any more.
func (o *doors) deadLink(w http.ResponseWriter, r *http.Request, do string, way doorLink) error {
	return o.show(w, r, http.StatusNotFound, door{
		Title: "This link is no longer good", Lead: "Each link works once, and not for ever. Nothing was changed.",
		Note: &doorNote{"", do, ""}, Foot: []doorLink{way},
	})
}

func (o *doors) deadReset(w http.ResponseWriter, r *http.Request) error {
	return o.deadLink(w, r, "A link to set a new password is good for 1 hour.", doorLink{"", "Ask for a new one", forgotPath})
}

func resetDoor(token, email string) door {
	return door{
		Title: "Set a new password", Lead: "For " + email + ". Every place where you are signed in is signed out.", Action: "/app/password/reset",
		Hidden: []doorValue{{"token", token}}, Button: "Set the password", Busy: "Setting it",
		Fields: []doorField{{Name: "password", Label: "New password", Type: "password", Autocomplete: "new-password", Hint: newPasswordHint}},
	}
}

func (o *doors) showReset(w http.ResponseWriter, r *http.Request) error {
	token := r.URL.Query().Get("token")
	email, _, err := o.Accounts.FindResetLink(r.Context(), token)
	if errors.Is(err, auth.ErrLinkInvalid) {
		return o.deadReset(w, r)
	}
	if err != nil {
		return err
	}
	return o.show(w, r, http.StatusOK, resetDoor(token, email))
}

func (o *doors) reset(w http.ResponseWriter, r *http.Request) error {
	form, err := rest.FormValues(r)
	if err != nil {
		return err
	}
	token := form.Get("token")
	email, _, err := o.Accounts.FindResetLink(r.Context(), token)
	if err == nil {
		err = o.Accounts.ResetPassword(r.Context(), token, form.Get("password"))
	}
	switch {
	case errors.Is(err, auth.ErrLinkInvalid):
		return o.deadReset(w, r)
	case err != nil:
		return o.refused(w, r, resetDoor(token, email), err)
	}
	return rest.Redirect(w, r, loginPath+"?done=reset")
}

// showVerify only asks: programs that look through mail open every link in it.
func (o *doors) showVerify(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Query().Get("done") != "" {
		return o.show(w, r, http.StatusOK, door{
			Title: "Your address is confirmed", Lead: "You can close this page, or go on.", Foot: []doorLink{{"", "Go to your assessments", homePath}},
		})
	}
	return o.show(w, r, http.StatusOK, door{
		Title: "Confirm your address", Lead: "One press, and we know that mail reaches you here.", Action: "/app/email/verify",
		Hidden: []doorValue{{"token", r.URL.Query().Get("token")}}, Button: "Confirm the address", Busy: "Confirming",
	})
}

func (o *doors) verify(w http.ResponseWriter, r *http.Request) error {
	form, err := rest.FormValues(r)
	if err != nil {
		return err
	}
	err = o.Accounts.VerifyEmail(r.Context(), form.Get("token"))
	if errors.Is(err, auth.ErrLinkInvalid) {
		return o.deadLink(w, r, "The address may be confirmed already. A link is good for 7 days.", doorLink{"", "Look at your profile", "/app/settings/profile"})
	}
	if err != nil {
		return err
	}
	return rest.Redirect(w, r, "/app/email/verify?done=verified")
}

func (o *doors) deadInvitation(w http.ResponseWriter, r *http.Request) error {
	return o.deadLink(w, r, "Ask who invited you for a new one. If you have accepted it already, sign in.", doorLink{"", "Sign in", loginPath})
}

func invitationDoor(token string, inv *auth.OpenInvitation, name string) door {
	p := door{
		Title: "Join " + inv.Organization, Lead: "You are invited as " + inv.Role + ", with " + inv.Email + ".",
		Action: "/app/invitations/" + url.PathEscape(token), Button: "Join", Busy: "Joining",
		Fields: []doorField{
			{Name: "name", Label: "Your name", Value: name, Autocomplete: "name"},
			{Name: "password", Label: "Password", Type: "password", Autocomplete: "new-password", Hint: newPasswordHint},
		},
	}
	if inv.HasAccount {
		p.Fields = []doorField{{
			Name: "password", Label: "Password of your account here", Type: "password", Autocomplete: "current-password", Forgot: true,
			Hint: "This address has an account already. Its password shows that it is yours.",
		}}
	}
	return p
}

func (o *doors) showInvitation(w http.ResponseWriter, r *http.Request) error {
	token := r.PathValue("token")
	inv, err := o.Accounts.FindInvitation(r.Context(), token)
	if errors.Is(err, auth.ErrLinkInvalid) {
		return o.deadInvitation(w, r)
	}
	if err != nil {
		return err
	}
	return o.show(w, r, http.StatusOK, invitationDoor(token, inv, ""))
}

func (o *doors) accept(w http.ResponseWriter, r *http.Request) error {
	form, err := rest.FormValues(r)
	if err != nil {
		return err
	}
	token := r.PathValue("token")
	inv, err := o.Accounts.FindInvitation(r.Context(), token)
	if errors.Is(err, auth.ErrLinkInvalid) {
		return o.deadInvitation(w, r)
	}
	if err != nil {
		return err
	}
	in, err := o.Accounts.AcceptBrowser(r.Context(), token, auth.Acceptance{Name: form.Get("name"), Password: form.Get("password")})
	switch {
	case err == nil:
		return o.welcome(w, r, in, homePath)
	case errors.Is(err, auth.ErrLinkInvalid):
		return o.deadInvitation(w, r)
	case errors.Is(err, auth.ErrWrongPassword):
		err = auth.ErrWrongPassword.WithFields(fault.Field{Location: "body.password", Message: "This is not the account’s password. Type it again, or reset it."})
	}
	return o.refused(w, r, invitationDoor(token, inv, form.Get("name")), err)
}
