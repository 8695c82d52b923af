package auth

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/mail"
	"credlane/app/kit/rest"
)

// work has the jobs worked on until the test ends.
func (w *world) work(jobs interface{ Run(context.Context) error }) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- jobs.Run(ctx) }()
	w.t.Cleanup(sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("work: %v", err)
		}
	}))
}

// mails waits until no mail is queued and gives what became of them, oldest first.
func (w *world) mails() []*mail.Shown {
	w.t.Helper()
	limit := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for w.count(`SELECT count(*) FROM mails WHERE state = 'queued'`) > 0 {
		select {
		case <-limit:
			w.t.Fatal("mails are still queued")
		case <-tick.C:
		}
	}
	list, err := w.mail.List(w.t.Context(), "", 100)
	if err != nil {
		w.t.Fatal(err)
	}
	shown := make([]*mail.Shown, len(list))
	for i, info := range list {
		if shown[len(list)-1-i], err = w.mail.Show(w.t.Context(), info.ID); err != nil {
			w.t.Fatal(err)
		}
	}
	return shown
}

// tokenIn is the secret in the one link of a mail.
func tokenIn(t *testing.T, m *mail.Shown, path string) string {
	t.Helper()
	_, after, ok := strings.Cut(m.Text, "https://lane.example"+path)
	if !ok {
		t.Fatalf("no link %s in:\n%s", path, m.Text)
	}
	token, _, _ := strings.Cut(after, "\n")
	return token
}

func (w *world) register(name string) *SignIn {
	w.t.Helper()
	in, err := w.Register(w.t.Context(), Registration{Organization: name, Name: "Ada Byron", Email: name + "@owner.example", Password: goodPassword})
	if err != nil {
		w.t.Fatal(err)
	}
	return in
}

func TestRegisteringMailsALinkThatProvesTheAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.register("first")
	w.work(w.jobs)
	mails := w.mails()
	if len(mails) != 1 || mails[0].Template != mailVerify || mails[0].To != "first@owner.example" || mails[0].State != mail.Kept || !strings.Contains(mails[0].Text, "Hello Ada Byron,") {
		t.Fatalf("mails: %+v", mails)
	}
	if n := w.count(`SELECT count(*) FROM river.river_job WHERE queue = 'urgent'`); n != 1 {
		t.Errorf("%d urgent jobs", n)
	}
	w.do("POST", "/auth/email/verify", "", `{"token":"`+tokenIn(t, mails[0], verifyPath)+`"}`).want(t, 200, "")
	if me := w.do("GET", "/auth/me", in.AccessToken, "").want(t, 200, ""); me.body["user"].(map[string]any)["emailVerified"] != true {
		t.Errorf("me: %s", me.raw)
	}
}

func TestTheVerificationIsMailedAgainOnDemandAndNotWithoutEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(d *Deps) { d.Rates.Forgot = rest.Rate{Count: 2, Per: time.Hour} })
	in := w.register("first")
	resend := func() answer { return w.do("POST", "/auth/email/resend", in.AccessToken, "") }
	resend().want(t, 200, "")
	resend().want(t, 200, "")
	resend().want(t, 429, "too_many_requests")
	w.do("POST", "/auth/email/resend", "", "").want(t, 401, "unauthenticated")
	w.work(w.jobs)
	mails := w.mails()
	if len(mails) != 3 {
		t.Fatalf("%d mails", len(mails))
	}
	seen := map[string]bool{}
	for _, m := range mails {
		seen[tokenIn(t, m, verifyPath)] = true
	}
	if len(seen) != 3 {
		t.Errorf("%d links in 3 mails", len(seen))
	}
	w.do("POST", "/auth/email/verify", "", `{"token":"`+tokenIn(t, mails[1], verifyPath)+`"}`).want(t, 200, "")
	w.clock.Advance(2 * time.Hour)
	in, err := w.Login(t.Context(), "first@owner.example", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	w.do("POST", "/auth/email/resend", in.AccessToken, "").want(t, 200, "")
	if n := w.count(`SELECT count(*) FROM mails`); n != 3 {
		t.Errorf("a proved address got one more mail: %d", n)
	}
}

func TestAForgottenPasswordIsMailedToTheMemberAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("first")
	for _, email := range []string{"FIRST@owner.example", "nobody@owner.example"} {
		w.do("POST", "/auth/password/forgot", "", `{"email":"`+email+`"}`).want(t, 200, "")
	}
	w.work(w.jobs)
	mails := w.mails()
	if len(mails) != 1 || mails[0].Template != mailReset || mails[0].To != "first@owner.example" {
		t.Fatalf("mails: %+v", mails)
	}
	w.do("POST", "/auth/password/reset", "", `{"token":"`+tokenIn(t, mails[0], resetPath)+`","password":"leaves and branches too"}`).want(t, 200, "")
	if _, err := w.Login(t.Context(), "first@owner.example", "leaves and branches too"); err != nil {
		t.Error(err)
	}
	if n := w.count(`SELECT count(*) FROM user_tokens t, mails m WHERE position($1 IN m::text || t::text) > 0`, tokenIn(t, mails[0], resetPath)); n != 0 {
		t.Error("a row holds the link's token")
	}
}

func TestALinkThatIsUsedOrOverIsNotMailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("first")
	forgot := func() { w.do("POST", "/auth/password/forgot", "", `{"email":"first@owner.example"}`).want(t, 200, "") }
	forgot()
	w.clock.Advance(resetLives)
	forgot()
	link, err := w.ResetLink(t.Context(), "first@owner.example")
	if err != nil {
		t.Fatal(err)
	}
	w.do("POST", "/auth/password/reset", "", `{"token":"`+tokenOf(t, link)+`","password":"leaves and branches too"}`).want(t, 200, "")
	forgot()
	w.work(w.jobs)
	var states []string
	for _, m := range w.mails() {
		states = append(states, string(m.State))
	}
	if got := strings.Join(states, " "); got != "dropped dropped kept" {
		t.Errorf("overdue, spent by another and good: %s", got)
	}
}

func TestAnInvitedMemberGetsTheLinkThatTheAnswerShows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.owner("Engines")
	body := func(name string) string { return `{"email":"` + name + `@example.com","role":"recruiter"}` }
	shown := w.do("POST", "/members", in.AccessToken, body("grace")).want(t, 201, "")
	revoked := w.do("POST", "/members", in.AccessToken, body("rita")).want(t, 201, "")
	w.do("DELETE", "/members/invitations/"+revoked.text("id"), in.AccessToken, "").want(t, 204, "")
	w.do("POST", "/members", in.AccessToken, body("renata")).want(t, 201, "")
	renewed, err := w.InvitationLink(t.Context(), "renata@example.com", "")
	if err != nil {
		t.Fatal(err)
	}
	w.work(w.jobs)
	mails := w.mails()
	if len(mails) != 3 || mails[0].State != mail.Kept || mails[1].State != mail.Dropped || mails[2].State != mail.Dropped {
		t.Fatalf("mails: %+v %+v %+v", mails[0], mails[1], mails[2])
	}
	token := tokenIn(t, mails[0], acceptPath)
	if shown.text("acceptUrl") != "https://lane.example"+acceptPath+token || !strings.Contains(mails[0].Text, "Engines invites you to join its team on CredLane as a recruiter.") {
		t.Errorf("the answer has %s, the mail:\n%s", shown.text("acceptUrl"), mails[0].Text)
	}
	w.do("POST", "/auth/invitations/"+token+"/accept", "", `{"name":"Grace","password":"`+goodPassword+`"}`).want(t, 200, "")
	first, _ := strings.CutPrefix(renewed, "https://lane.example"+acceptPath)
	if old := tokenIn(t, mails[2], acceptPath); old == first {
		t.Error("a renewed link is the old one")
	} else {
		w.do("POST", "/auth/invitations/"+old+"/accept", "", `{"name":"R","password":"`+goodPassword+`"}`).want(t, 404, "link_invalid")
	}
	again, err := w.InvitationLink(t.Context(), "renata@example.com", "")
	if err != nil || again == renewed {
		t.Errorf("renewed twice: %s %v", again, err)
	}
	w.do("POST", "/auth/invitations/"+first+"/accept", "", `{"name":"R","password":"`+goodPassword+`"}`).want(t, 404, "link_invalid")
	last, _ := strings.CutPrefix(again, "https://lane.example"+acceptPath)
	w.do("POST", "/auth/invitations/"+last+"/accept", "", `{"name":"Renata","password":"`+goodPassword+`"}`).want(t, 200, "")
	if n := w.count(`SELECT count(*) FROM mails`); n != 3 {
		t.Errorf("accepting mailed somebody: %d mails", n)
	}
}

func TestARefusedInvitationMailsNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.owner("Engines")
	w.do("POST", "/members", in.AccessToken, `{"email":"grace@example.com","role":"viewer"}`).want(t, 201, "")
	w.do("POST", "/members", in.AccessToken, `{"email":"GRACE@example.com","role":"viewer"}`).want(t, 409, "already_invited")
	if n := w.count(`SELECT count(*) FROM mails`); n != 1 {
		t.Errorf("%d mails", n)
	}
}

func TestTheDigestGoesToMembersWhoWantItAndHaveProvedTheirAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.owner("first")
	employer := w.principal(in).EmployerID
	slug := w.slug("first")
	viewer := w.member(NewMember{Employer: slug, Email: "vera@example.com", Role: authn.Viewer})
	w.member(NewMember{Employer: slug, Email: "unproved@example.com", Role: authn.Admin})
	w.owner("other")
	if _, err := w.db.Exec(t.Context(), `UPDATE users SET email_verified_at = now() WHERE email <> 'unproved@example.com'`); err != nil {
		t.Fatal(err)
	}
	addresses := func() string {
		list, err := w.DigestAddresses(t.Context(), employer)
		if err != nil {
			t.Fatal(err)
		}
		var emails []string
		for _, a := range list {
			if a.Name == "" || a.UserID == uuid.Nil {
				t.Errorf("an address without a person: %+v", a)
			}
			emails = append(emails, a.Email)
		}
		return strings.Join(emails, " ")
	}
	if got := addresses(); got != "first@owner.example vera@example.com" {
		t.Errorf("the digest goes to %s", got)
	}
	if me := w.do("GET", "/auth/me", viewer.AccessToken, "").want(t, 200, ""); me.body["digest"] != true {
		t.Errorf("me: %s", me.raw)
	}
	changed := w.do("PATCH", "/auth/me", viewer.AccessToken, `{"digest":false}`).want(t, 200, "")
	if changed.body["digest"] != false || changed.body["user"].(map[string]any)["name"] != "Some Body" {
		t.Errorf("changed: %s", changed.raw)
	}
	if got := addresses(); got != "first@owner.example" {
		t.Errorf("the digest goes to %s", got)
	}
	both := w.do("PATCH", "/auth/me", viewer.AccessToken, `{"name":"Vera","digest":true}`).want(t, 200, "")
	if both.body["digest"] != true || both.body["user"].(map[string]any)["name"] != "Vera" {
		t.Errorf("changed: %s", both.raw)
	}
	if n := w.count(`SELECT count(*) FROM audit_events WHERE action IN ('user.digest_changed', 'user.renamed')`); n != 3 {
		t.Errorf("%d events", n)
	}
}
