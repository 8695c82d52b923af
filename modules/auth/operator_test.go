package auth

import (
	"strings"
	"testing"

	"credlane/app/kit/authn"
)

func TestTheOperatorAddsPeopleWithAndWithoutAPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.AddUser(t.Context(), NewMember{Email: "ada@example.com", Name: "Ada"})
	wantCode(t, err, errNoEmployerYet)
	added, err := w.AddUser(t.Context(), NewMember{Email: "ada@example.com", Name: "Ada", Organization: "Engines"})
	if err != nil || added.Role != authn.Owner || added.EmployerSlug == "" {
		t.Fatalf("got %+v, %v", added, err)
	}
	if err := w.ResetPassword(t.Context(), tokenOf(t, added.ResetLink), goodPassword); err != nil {
		t.Fatal(err)
	}
	if in, err := w.Login(t.Context(), "ada@example.com", goodPassword); err != nil || in.Account.Role != authn.Owner {
		t.Errorf("got %+v, %v", in, err)
	}
	// The only employer need not be named.
	second, err := w.AddUser(t.Context(), NewMember{Email: "grace@example.com", Name: "Grace", Role: authn.Viewer, Password: "harbours keep ships"})
	if err != nil || second.EmployerID != added.EmployerID || second.ResetLink != "" {
		t.Fatalf("got %+v, %v", second, err)
	}
	_, err = w.AddUser(t.Context(), NewMember{Email: "GRACE@example.com", Name: "Grace", Password: goodPassword})
	wantCode(t, err, ErrAlreadyMember)
	if _, err := w.Login(t.Context(), "grace@example.com", "harbours keep ships"); err != nil {
		t.Errorf("a refused addition changed the password: %v", err)
	}
	_, err = w.AddUser(t.Context(), NewMember{Email: "kim@example.com", Name: "Kim", Role: authn.Viewer, Organization: "Ownerless"})
	if err == nil || w.count(`SELECT count(*) FROM employers`) != 1 {
		t.Errorf("an employer without an owner: %v", err)
	}
	w.owner("second")
	_, err = w.AddUser(t.Context(), NewMember{Email: "kim@example.com", Name: "Kim", Password: goodPassword})
	wantCode(t, err, errAmbiguous)
	_, err = w.AddUser(t.Context(), NewMember{Email: "kim@example.com", Name: "Kim", Employer: "no-such-slug"})
	wantCode(t, err, errNoSuchEmployer)
	_, err = w.AddUser(t.Context(), NewMember{Email: "kim", Employer: "x", Organization: "y", Password: "short"})
	if err == nil || strings.Count(err.Error(), "invalid_input") != 1 {
		t.Errorf("got %v", err)
	}
	_, err = w.ResetLink(t.Context(), "nobody@example.com")
	wantCode(t, err, errNoSuchUser)
}

func TestTheOperatorPrintsANewInvitationLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := acceptToken(t, w.invite(w.owner("first"), "grace@example.com", "viewer").want(t, 201, ""))
	link, err := w.InvitationLink(t.Context(), "GRACE@example.com", "")
	if err != nil {
		t.Fatal(err)
	}
	w.invite(w.owner("second"), "grace@example.com", "viewer").want(t, 201, "")
	_, err = w.InvitationLink(t.Context(), "grace@example.com", "")
	wantCode(t, err, errAmbiguous)
	if _, err := w.InvitationLink(t.Context(), "grace@example.com", w.slug("second")); err != nil {
		t.Error(err)
	}
	_, err = w.InvitationLink(t.Context(), "nobody@example.com", "")
	wantCode(t, err, errNoInvitation)
	w.accept(old, "Grace", goodPassword).want(t, 404, "link_invalid")
	w.accept(strings.TrimPrefix(link, "https://lane.example/app/invitations/"), "Grace", goodPassword).want(t, 200, "")
}
