package invites

import (
	"fmt"
	"strings"
	"testing"
)

type obj = map[string]any

type listed struct {
	Items []struct {
		ID, Email, State, URL string
	}
	NextCursor *string
}

type answered struct {
	Results []struct {
		Email, Status string
		Code          *string
		Invite        *struct{ ID, URL, State string }
	}
	Invited, Duplicates, Invalid int
	SecretShown                  bool
}

func (d *desk) ofAssessment() string { return "/assessments/" + d.assessment.String() + "/invites" }

func (d *desk) invites(body any, headers ...string) (a answered) {
	d.t.Helper()
	d.call(200, asRecruiter, "POST", d.ofAssessment(), body, headers...).into(d.t, &a)
	return a
}

func TestPeopleAreInvitedByJSONByAPastedListAndByCSV(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	a := d.invites(obj{"invites": []obj{{"email": "ada@example.org", "name": "Ada", "extraTimePercent": 25}, {"email": "x"}}, "message": "Hi"})
	if a.Invited != 1 || a.Invalid != 1 || *a.Results[1].Code != codeEmail || a.Results[1].Email != "x" || !a.SecretShown {
		t.Errorf("%+v", a)
	}
	a = d.invites(obj{"list": "Bob <bob@example.org>; ada@example.org"})
	if a.Invited != 1 || a.Duplicates != 1 || a.Results[1].Invite.URL == "" {
		t.Errorf("%+v", a)
	}
	a = d.invites("E-mail,Name\ncarl@example.org,\"Carl <b>\"\n", "Content-Type", "text/csv; charset=utf-8")
	if a.Invited != 1 || !strings.HasPrefix(a.Results[0].Invite.URL, "https://lane.example/i/") {
		t.Errorf("%+v", a)
	}
	if name := value[string](d.world, `SELECT name FROM invites WHERE email = 'carl@example.org'`); name != "Carl <b>" {
		t.Errorf("the name is %q", name)
	}
	for _, bad := range []any{obj{}, obj{"invites": []obj{}}, obj{"list": "a@b.org", "invites": []obj{{"email": "c@d.org"}}}, obj{"list": "\n"}} {
		d.call(422, asRecruiter, "POST", d.ofAssessment(), bad)
	}
	d.call(422, asRecruiter, "POST", d.ofAssessment(), strings.Repeat("a@b.org\n", MaxAtOnce+1), "Content-Type", "text/csv")
	d.call(400, asRecruiter, "POST", d.ofAssessment(), "a@b.org\xff", "Content-Type", "text/csv")
	d.call(400, asRecruiter, "POST", d.ofAssessment(), "a@b.org\x00", "Content-Type", "text/csv")
	d.call(415, asRecruiter, "POST", d.ofAssessment(), "a@b.org", "Content-Type", "text/csv; charset=latin1")
	d.call(415, asRecruiter, "POST", d.ofAssessment(), "a@b.org", "Content-Type", "text/plain")
	d.call(403, asViewer, "POST", d.ofAssessment(), obj{"list": "a@b.org"})
	d.call(404, asOther, "POST", d.ofAssessment(), obj{"list": "a@b.org"})
}

func TestARetryOfACallInvitesNobodyAgainAndShowsNoLink(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	body := "ada@example.org\nbob@example.org"
	headers := []string{"Content-Type", "text/csv", "Idempotency-Key", "one"}
	first, again := d.invites(body, headers...), d.invites(body, headers...)
	if again.Invited != 2 || again.SecretShown || again.Results[0].Invite.URL != "" || again.Results[0].Invite.ID != first.Results[0].Invite.ID {
		t.Errorf("%+v", again)
	}
	if kept := value[string](d.world, `SELECT response::text FROM idempotency_keys`); strings.Contains(kept, "/i/") {
		t.Errorf("a link is stored: %s", kept)
	}
	d.call(422, asRecruiter, "POST", d.ofAssessment(), body+"\nc@d.org", headers...)
	if d.owed(templateInvite) != 2 {
		t.Errorf("%d mails", d.owed(templateInvite))
	}
}

func TestTheListIsPagedAndFilteredAndShowsLinksToRecruitersOnly(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	var all []string
	for i := range 5 {
		all = append(all, fmt.Sprintf("p%d@example.org", i))
	}
	a := d.invites(obj{"list": strings.Join(all, "\n")})
	d.call(200, asRecruiter, "POST", "/invites/"+a.Results[2].Invite.ID+"/revoke", nil)
	read := func(key, query string) (l listed) {
		t.Helper()
		d.call(200, key, "GET", d.ofAssessment()+query, nil).into(t, &l)
		return l
	}
	var seen []string
	query := "?limit=2"
	for {
		l := read(asRecruiter, query)
		for _, i := range l.Items {
			seen = append(seen, i.Email)
			if (i.URL == "") != (i.State == "revoked") {
				t.Errorf("%+v", i)
			}
		}
		if l.NextCursor == nil {
			break
		}
		query = "?limit=2&cursor=" + *l.NextCursor
	}
	if strings.Join(seen, " ") != "p4@example.org p3@example.org p2@example.org p1@example.org p0@example.org" {
		t.Errorf("listed %q", seen)
	}
	if l := read(asViewer, ""); len(l.Items) != 5 || l.Items[0].URL != "" {
		t.Errorf("%+v", l)
	}
	if l := read(asViewer, "?state=revoked&q=P2%40"); len(l.Items) != 1 {
		t.Errorf("%+v", l)
	}
	if l := read(asViewer, "?state=sent"); len(l.Items) != 0 {
		t.Errorf("%+v", l)
	}
	if l := read(asViewer, "?q=%25"); len(l.Items) != 0 {
		t.Errorf("a wildcard finds %+v", l)
	}
	d.call(404, asOther, "GET", d.ofAssessment(), nil)
	d.call(400, asViewer, "GET", d.ofAssessment()+"?cursor=x", nil)
}

func TestAnInviteIsReadAndChangedByItsEmployerOnly(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	id := d.invites(obj{"list": "ada@example.org"}).Results[0].Invite.ID
	at := "/invites/" + id
	for _, c := range []struct {
		method, path string
		body         any
	}{{"GET", "", nil}, {"PATCH", "", obj{"extraTimePercent": 5, "reason": "why"}}, {"POST", "/resend", nil}, {"POST", "/revoke", nil}} {
		d.call(404, asOther, c.method, at+c.path, c.body)
		if c.method != "GET" {
			d.call(403, asViewer, c.method, at+c.path, c.body)
		}
	}
	var full struct {
		URL              string
		ExtraTimePercent int
		ExtraTimes       []struct {
			Reason string
			By     struct{ Name string }
		}
	}
	d.call(200, asRecruiter, "PATCH", at, obj{"extraTimePercent": 25, "reason": "dyslexia", "expiresAt": "2026-04-01T00:00:00Z"}).into(t, &full)
	if full.ExtraTimePercent != 25 || full.URL == "" || len(full.ExtraTimes) != 1 || full.ExtraTimes[0].By.Name != "Name of "+asRecruiter {
		t.Errorf("%+v", full)
	}
	d.call(200, asViewer, "GET", at, nil).into(t, &full)
	d.call(422, asRecruiter, "PATCH", at, obj{"extraTimePercent": 30})
	d.call(422, asRecruiter, "PATCH", at, obj{"reason": "x"})
	d.call(422, asRecruiter, "PATCH", at, obj{"expiresAt": "2026-01-01T00:00:00Z"})
	d.call(200, asRecruiter, "POST", at+"/resend", obj{"rotate": true})
	d.call(200, asRecruiter, "POST", at+"/resend", nil)
	d.call(200, asRecruiter, "POST", at+"/revoke", obj{})
	d.call(409, asRecruiter, "POST", at+"/resend", obj{})
}

func TestWhatTheLinkOpensNamesNobody(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	a := d.invites(obj{"invites": []obj{{"email": "ada@example.org", "name": "Ada Lovelace"}}, "message": "for your eyes"})
	token := strings.TrimPrefix(a.Results[0].Invite.URL, "https://lane.example/i/")
	r := d.call(200, "", "GET", "/public/invites/"+token, nil)
	for _, secret := range []string{"ada@example.org", "Lovelace", "for your eyes", a.Results[0].Invite.ID, token} {
		if strings.Contains(string(r.body), secret) {
			t.Errorf("%s is in %s", secret, r.body)
		}
	}
	var landing struct {
		Title  string
		Invite Seen
	}
	r.into(t, &landing)
	if landing.Title != "Go basics" || landing.Invite.Email != "a•••@e•••.org" || landing.Invite.State != Opened {
		t.Errorf("%s", r.body)
	}
	d.call(200, "", "POST", "/public/invites/"+token+"/decline", obj{"reason": "no time"}).into(t, &landing)
	if landing.Invite.State != Declined {
		t.Errorf("%+v", landing)
	}
	var full struct{ DeclineReason, State string }
	d.call(200, asViewer, "GET", "/invites/"+a.Results[0].Invite.ID, nil).into(t, &full)
	if full.DeclineReason != "no time" || full.State != "declined" {
		t.Errorf("%+v", full)
	}
	unknown := d.call(404, "", "GET", "/public/invites/"+strings.Repeat("a", 26), nil)
	d.invites(obj{"list": "ada@example.org"}) // the first one's link is superseded
	gone := d.call(404, "", "GET", "/public/invites/"+token, nil)
	mask := func(r reply) string {
		body, _, _ := strings.Cut(string(r.body), `"requestId"`)
		return body
	}
	if mask(unknown) != mask(gone) {
		t.Errorf("%s and %s", unknown.body, gone.body)
	}
}

func TestOtherSystemsHearOfAnInviteWithoutItsLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	i := w.invite(m, "ada@example.org")
	object, err := m.EventObject(t.Context(), w.employer, i.ID)
	w.must(err)
	if heard, ok := object.(Wire); !ok || heard.ID != i.ID || heard.AssessmentID != w.assessment || heard.State != Created {
		t.Errorf("%+v", object)
	}
	_, err = m.EventObject(t.Context(), w.people[asOther].EmployerID, i.ID)
	w.refused(err, ErrNotFound)
}
