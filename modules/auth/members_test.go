package auth

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/authn"
)

// staff is an employer with one member of each role.
type staff struct {
	owner, admin, recruiter, viewer *SignIn
}

func (w *world) staff(name string) staff {
	w.t.Helper()
	s := staff{owner: w.owner(name)}
	add := func(role authn.Role) *SignIn {
		return w.member(NewMember{Employer: w.slug(name), Email: role.String() + "@" + name + ".example", Role: role})
	}
	s.admin, s.recruiter, s.viewer = add(authn.Admin), add(authn.Recruiter), add(authn.Viewer)
	return s
}

func (w *world) membership(in *SignIn) string { return w.principal(in).MembershipID.String() }

func (w *world) invite(in *SignIn, email, role string) answer {
	w.t.Helper()
	return w.do("POST", "/members", in.AccessToken, `{"email":"`+email+`","role":"`+role+`"}`)
}

func acceptToken(t *testing.T, a answer) string {
	t.Helper()
	token, ok := strings.CutPrefix(a.text("acceptUrl"), "https://lane.example/app/invitations/")
	if !ok || a.body["secretShown"] != true {
		t.Fatalf("no link: %s", a.raw)
	}
	return token
}

func (w *world) accept(token, name, password string) answer {
	w.t.Helper()
	return w.do("POST", "/auth/invitations/"+token+"/accept", "", `{"name":"`+name+`","password":"`+password+`"}`)
}

func TestAnInvitedPersonBecomesAMemberByAccepting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.staff("first")
	a := w.invite(s.admin, "Grace@example.com", "recruiter").want(t, 201, "")
	list := w.do("GET", "/members", s.admin.AccessToken, "").want(t, 200, "")
	if len(list.body["items"].([]any)) != 4 || len(list.body["invitations"].([]any)) != 1 {
		t.Errorf("members: %s", list.raw)
	}
	if contains(list.raw, acceptToken(t, a)) {
		t.Error("the list shows the link")
	}
	in := w.accept(acceptToken(t, a), "Grace Hopper", "harbours keep ships").want(t, 200, "")
	if in.text("role") != "recruiter" {
		t.Errorf("answer: %s", in.raw)
	}
	w.accept(acceptToken(t, a), "Grace Hopper", "harbours keep ships").want(t, 404, "link_invalid")
	list = w.do("GET", "/members", s.admin.AccessToken, "").want(t, 200, "")
	if len(list.body["items"].([]any)) != 5 || len(list.body["invitations"].([]any)) != 0 {
		t.Errorf("members: %s", list.raw)
	}
	if _, err := w.Login(t.Context(), "grace@example.com", "harbours keep ships"); err != nil {
		t.Error(err)
	}
}

func TestMembersArePagedInTheOrderTheyCame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.staff("first")
	w.staff("second")
	var roles []string
	path := "/members?limit=3"
	for path != "" {
		a := w.do("GET", path, s.owner.AccessToken, "").want(t, 200, "")
		for _, m := range a.body["items"].([]any) {
			roles = append(roles, m.(map[string]any)["role"].(string))
		}
		path = ""
		if next := a.text("nextCursor"); next != "" {
			path = "/members?limit=3&cursor=" + next
		}
	}
	if strings.Join(roles, " ") != "owner admin recruiter viewer" {
		t.Errorf("roles: %v", roles)
	}
}

func TestOfManyWhoAcceptOneInvitationOneDoes(t *testing.T) {
	t.Parallel()
	a := newWorld(t)
	b := a.twin()
	token := acceptToken(t, a.invite(a.owner("first"), "grace@example.com", "admin").want(t, 201, ""))
	seen := race(t, 10, func(i int) error {
		_, err := []*world{a, b}[i%2].Accept(t.Context(), token, Acceptance{"Grace Hopper", "harbours keep ships"})
		return err
	})
	if seen[""] != 1 || seen["link_invalid"] != 9 {
		t.Errorf("outcomes: %v", seen)
	}
	if n := a.count(`SELECT count(*) FROM memberships`); n != 2 {
		t.Errorf("%d members", n)
	}
}

func TestOfTwoEmployersWhoInviteOnePersonOneGetsIt(t *testing.T) {
	t.Parallel()
	a := newWorld(t)
	b := a.twin()
	tokens := []string{
		acceptToken(t, a.invite(a.owner("first"), "grace@example.com", "admin").want(t, 201, "")),
		acceptToken(t, a.invite(a.owner("second"), "GRACE@example.com", "admin").want(t, 201, "")),
	}
	seen := race(t, 2, func(i int) error {
		_, err := []*world{a, b}[i].Accept(t.Context(), tokens[i], Acceptance{"Grace Hopper", "harbours keep ships"})
		return err
	})
	// Who comes second meets a new account, one with another password hash, or a member, by how late it is.
	if seen[""] != 1 || seen["email_taken"]+seen["already_member"]+seen["wrong_password"] != 1 {
		t.Errorf("outcomes: %v", seen)
	}
	if n := a.count(`SELECT count(*) FROM member_invitations WHERE accepted_at IS NULL`); n != 1 {
		t.Errorf("%d invitations are open", n)
	}
}

func TestAnInvitationOpensNobodysAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.staff("first")
	w.do("DELETE", "/members/"+w.membership(s.viewer), s.owner.AccessToken, "").want(t, 204, "")
	token := acceptToken(t, w.invite(w.owner("second"), "viewer@first.example", "viewer").want(t, 201, ""))
	w.accept(token, "An Impostor", "harbours keep ships").want(t, 422, "wrong_password")
	w.accept(token, "An Impostor", goodPassword).want(t, 200, "")
	if n := w.count(`SELECT count(*) FROM users WHERE name = 'An Impostor'`); n != 0 {
		t.Error("the account was renamed")
	}
}

func TestACandidateBecomesAMemberWithAPasswordOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := candidate(t, w, "grace@example.com", "G.")
	token := acceptToken(t, w.invite(w.owner("first"), "Grace@Example.com", "viewer").want(t, 201, ""))
	a := w.accept(token, "Grace Hopper", "harbours keep ships").want(t, 200, "")
	if user := a.body["user"].(map[string]any); user["id"] != id.String() || user["name"] != "Grace Hopper" {
		t.Errorf("answer: %s", a.raw)
	}
}

func TestInvitationsAreRefusedWhenTheyCannotBeAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.staff("first")
	w.invite(s.owner, "RECRUITER@first.example", "viewer").want(t, 409, "already_member")
	first := w.invite(s.owner, "grace@example.com", "viewer").want(t, 201, "")
	w.invite(s.owner, "GRACE@example.com", "viewer").want(t, 409, "already_invited")
	w.do("DELETE", "/members/invitations/"+first.text("id"), w.owner("second").AccessToken, "").want(t, 404, "not_found")
	w.do("DELETE", "/members/invitations/"+first.text("id"), s.owner.AccessToken, "").want(t, 204, "")
	w.do("DELETE", "/members/invitations/"+first.text("id"), s.owner.AccessToken, "").want(t, 404, "not_found")
	w.accept(acceptToken(t, first), "Grace Hopper", "harbours keep ships").want(t, 404, "link_invalid")
	second := w.invite(s.owner, "grace@example.com", "viewer").want(t, 201, "")
	w.clock.Advance(invitationLives)
	w.accept(acceptToken(t, second), "Grace Hopper", "harbours keep ships").want(t, 404, "link_invalid")
	again, err := w.Login(t.Context(), "first@owner.example", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	w.invite(again, "grace@example.com", "viewer").want(t, 201, "")
}

func TestOfManyInvitationsOfOneAddressOneIsMade(t *testing.T) {
	t.Parallel()
	a := newWorld(t)
	b := a.twin()
	ctx := authn.With(t.Context(), a.principal(a.owner("first")))
	seen := race(t, 10, func(i int) error {
		w := []*world{a, b}[i%2]
		return w.db.InTx(ctx, func(tx pgx.Tx) error {
			_, _, err := w.InviteTx(ctx, tx, "grace@example.com", authn.Viewer)
			return err
		})
	})
	if seen[""] != 1 || seen["already_invited"] != 9 {
		t.Errorf("outcomes: %v", seen)
	}
}

func TestNobodyReachesAboveTheirOwnRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.staff("first")
	patch := func(by *SignIn, of *SignIn, role string) answer {
		return w.do("PATCH", "/members/"+w.membership(of), by.AccessToken, `{"role":"`+role+`"}`)
	}
	w.invite(s.admin, "grace@example.com", "owner").want(t, 403, "role_above_own")
	patch(s.admin, s.viewer, "owner").want(t, 403, "role_above_own")
	patch(s.admin, s.owner, "viewer").want(t, 403, "role_above_own")
	w.do("DELETE", "/members/"+w.membership(s.owner), s.admin.AccessToken, "").want(t, 403, "role_above_own")
	patch(s.recruiter, s.viewer, "viewer").want(t, 403, "forbidden")
	open := w.invite(s.owner, "grace@example.com", "owner").want(t, 201, "")
	w.do("DELETE", "/members/invitations/"+open.text("id"), s.admin.AccessToken, "").want(t, 403, "role_above_own")
	patch(s.admin, s.viewer, "admin").want(t, 200, "")
	if a := patch(s.owner, s.admin, "owner").want(t, 200, ""); a.text("role") != "owner" || a.text("email") != "admin@first.example" {
		t.Errorf("answer: %s", a.raw)
	}
	patch(s.owner, s.viewer, "king").want(t, 422, "invalid_input")
}

func TestAnotherEmployersMembersDoNotExist(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, stranger := w.staff("first"), w.owner("second")
	for _, id := range []string{w.membership(s.viewer), uuid.NewString()} {
		w.do("PATCH", "/members/"+id, stranger.AccessToken, `{"role":"admin"}`).want(t, 404, "not_found")
		w.do("DELETE", "/members/"+id, stranger.AccessToken, "").want(t, 404, "not_found")
	}
	w.do("DELETE", "/members/not-a-uuid", stranger.AccessToken, "").want(t, 422, "invalid_input")
}

func TestDemotionAndRemovalActAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.staff("first")
	w.do("GET", "/members", s.admin.AccessToken, "").want(t, 200, "")
	w.do("PATCH", "/members/"+w.membership(s.admin), s.owner.AccessToken, `{"role":"viewer"}`).want(t, 200, "")
	w.do("GET", "/members", s.admin.AccessToken, "").want(t, 403, "forbidden")
	id := w.membership(s.admin)
	w.do("DELETE", "/members/"+id, s.owner.AccessToken, "").want(t, 204, "")
	w.do("GET", "/auth/me", s.admin.AccessToken, "").want(t, 401, "unauthenticated")
	w.refresh(s.admin.RefreshToken).want(t, 401, "refresh_invalid")
	_, err := w.Login(t.Context(), "admin@first.example", goodPassword)
	wantCode(t, err, ErrNoEmployer)
	w.do("DELETE", "/members/"+id, s.owner.AccessToken, "").want(t, 404, "not_found")
}

func TestWhoeverLeavesLeavesNoWayBackIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.staff("first")
	mine := acceptToken(t, w.invite(s.admin, "mole@example.com", "admin").want(t, 201, ""))
	others := acceptToken(t, w.invite(s.owner, "grace@example.com", "admin").want(t, 201, ""))
	key := w.do("POST", "/api-keys", s.admin.AccessToken, `{"name":"mole","role":"admin"}`).want(t, 201, "").text("key")
	byKey := acceptToken(t, w.do("POST", "/members", key, `{"email":"worm@example.com","role":"viewer"}`).want(t, 201, ""))
	w.do("DELETE", "/members/"+w.membership(s.admin), s.owner.AccessToken, "").want(t, 204, "")
	w.do("GET", "/members", key, "").want(t, 401, "unauthenticated")
	w.accept(mine, "Mole", "harbours keep ships").want(t, 404, "link_invalid")
	w.accept(byKey, "Worm", "harbours keep ships").want(t, 404, "link_invalid")
	w.accept(others, "Grace", "harbours keep ships").want(t, 200, "")
}

func TestADemotedMembersHigherInvitationsAreWithdrawn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.staff("first")
	high := acceptToken(t, w.invite(s.admin, "mole@example.com", "admin").want(t, 201, ""))
	low := acceptToken(t, w.invite(s.admin, "grace@example.com", "viewer").want(t, 201, ""))
	w.do("PATCH", "/members/"+w.membership(s.admin), s.owner.AccessToken, `{"role":"recruiter"}`).want(t, 200, "")
	w.accept(high, "Mole", "harbours keep ships").want(t, 404, "link_invalid")
	w.accept(low, "Grace", "harbours keep ships").want(t, 200, "")
}

func TestTheLastOwnerStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.staff("first")
	id := w.membership(s.owner)
	w.do("PATCH", "/members/"+id, s.owner.AccessToken, `{"role":"admin"}`).want(t, 409, "last_owner")
	w.do("DELETE", "/members/"+id, s.owner.AccessToken, "").want(t, 409, "last_owner")
	w.do("PATCH", "/members/"+w.membership(s.admin), s.owner.AccessToken, `{"role":"owner"}`).want(t, 200, "")
	w.do("PATCH", "/members/"+id, s.owner.AccessToken, `{"role":"viewer"}`).want(t, 200, "")
}

func TestOwnersWhoDemoteEachOtherLeaveOne(t *testing.T) {
	t.Parallel()
	a := newWorld(t)
	b := a.twin()
	people := []*SignIn{a.owner("first")}
	for i := range 3 {
		people = append(people, a.member(NewMember{Employer: a.slug("first"), Email: "owner" + itoa(i) + "@example.com", Role: authn.Owner}))
	}
	var principals []authn.Principal
	for _, in := range people {
		principals = append(principals, a.principal(in))
	}
	// Each demotes the next at once, several times over, and some leave: with the guard's reading of before the race.
	seen := race(t, 24, func(i int) error {
		w, by, of := []*world{a, b}[i%2], principals[i%4], principals[(i+1)%4]
		ctx := authn.With(t.Context(), by)
		if i%3 == 0 {
			return w.Remove(ctx, of.MembershipID)
		}
		_, err := w.ChangeRole(ctx, of.MembershipID, authn.Viewer)
		return err
	})
	for code := range seen {
		switch code {
		case "", "last_owner", "forbidden", "unauthenticated", "not_found":
		default:
			t.Errorf("outcomes: %v", seen)
		}
	}
	if n := a.count(`SELECT count(*) FROM memberships WHERE role = 'owner'`); n < 1 {
		t.Errorf("%d owners are left", n)
	}
}

func TestOwnersWhoStepDownTogetherLeaveOne(t *testing.T) {
	t.Parallel()
	a := newWorld(t)
	b := a.twin()
	principals := []authn.Principal{a.principal(a.owner("first"))}
	for i := range 7 {
		principals = append(principals, a.principal(a.member(NewMember{Employer: a.slug("first"), Email: "owner" + itoa(i) + "@example.com", Role: authn.Owner})))
	}
	seen := race(t, 8, func(i int) error {
		ctx := authn.With(t.Context(), principals[i])
		_, err := []*world{a, b}[i%2].ChangeRole(ctx, principals[i].MembershipID, authn.Admin)
		return err
	})
	if seen[""] != 7 || seen["last_owner"] != 1 {
		t.Errorf("outcomes: %v", seen)
	}
}

func TestARepeatedInvitationGetsTheFirstAnswerWithoutItsLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.owner("first")
	post := func(key, email string) answer {
		return w.do("POST", "/members", in.AccessToken, `{"email":"`+email+`","role":"viewer"}`, "Idempotency-Key", key)
	}
	first := post("one", "grace@example.com").want(t, 201, "")
	again := post("one", "grace@example.com").want(t, 201, "")
	if again.text("id") != first.text("id") || again.body["secretShown"] != false || contains(again.raw, acceptToken(t, first)) {
		t.Errorf("replay: %s", again.raw)
	}
	post("one", "other@example.com").want(t, 422, "idempotency_key_reused")
	post("two", "grace@example.com").want(t, 409, "already_invited")
	if n := w.count(`SELECT count(*) FROM idempotency_keys WHERE response::text LIKE '%' || $1 || '%'`, acceptToken(t, first)); n != 0 {
		t.Error("the link was stored")
	}
}

func TestAnInvitationIsGoodForFourteenDays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := acceptToken(t, w.invite(w.owner("first"), "grace@example.com", "viewer").want(t, 201, ""))
	w.clock.Advance(14*24*time.Hour - time.Second)
	w.accept(token, "Grace Hopper", "harbours keep ships").want(t, 200, "")
}

// The guard read the role before the transaction began: the transaction reads it again.
func TestARoleLostInThisMomentGivesNoRight(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.staff("first")
	stale, viewer := authn.With(t.Context(), w.principal(s.admin)), w.principal(s.viewer).MembershipID
	id := w.membership(s.admin)
	w.do("PATCH", "/members/"+id, s.owner.AccessToken, `{"role":"recruiter"}`).want(t, 200, "")
	_, err := w.ChangeRole(stale, viewer, authn.Recruiter)
	wantCode(t, err, authn.ErrForbidden)
	wantCode(t, w.Remove(stale, viewer), authn.ErrForbidden)
	w.do("DELETE", "/members/"+id, s.owner.AccessToken, "").want(t, 204, "")
	wantCode(t, w.Remove(stale, viewer), authn.ErrUnauthenticated)
}
