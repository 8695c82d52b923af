package auth

import (
	"strings"
	"testing"
)

func TestAnotherNoticeIsAnotherVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.staff("first")
	patch := func(body string) answer { return w.do("PATCH", "/employer", s.admin.AccessToken, body) }
	version := func(a answer) float64 { return a.want(t, 200, "").body["privacyNoticeVersion"].(float64) }
	if v := version(patch(`{"name":"First & Sons","replyTo":"jobs@first.example"}`)); v != 1 {
		t.Errorf("version %v after another name", v)
	}
	if v := version(patch(`{"privacyNotice":"We keep it\r\nfor a year."}`)); v != 2 {
		t.Errorf("version %v after another notice", v)
	}
	if v := version(patch(`{"privacyNotice":"We keep it\nfor a year."}`)); v != 2 {
		t.Errorf("version %v after the same notice", v)
	}
	a := w.do("GET", "/employer", s.viewer.AccessToken, "").want(t, 200, "")
	if a.text("name") != "First & Sons" || a.text("replyTo") != "jobs@first.example" || a.body["activeAssessmentLimit"] != 3.0 {
		t.Errorf("employer: %s", a.raw)
	}
	if a := patch(`{"replyTo":null}`).want(t, 200, ""); a.body["replyTo"] != nil || a.text("name") != "First & Sons" {
		t.Errorf("employer: %s", a.raw)
	}
	w.do("PATCH", "/employer", s.recruiter.AccessToken, `{"name":"Mine"}`).want(t, 403, "forbidden")
	patch(`{"name":"","replyTo":"nowhere","privacyNotice":"a\u0007b"}`).want(t, 422, "invalid_input")
	patch(`{"activeAssessmentLimit":99}`).want(t, 400, "unknown_key")
}

func TestPeopleChangeTheirOwnName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.owner("first")
	patch := func(body string) answer { return w.do("PATCH", "/auth/me", in.AccessToken, body) }
	if a := patch(`{"name":" Ada  King "}`).want(t, 200, ""); a.body["user"].(map[string]any)["name"] != "Ada  King" {
		t.Errorf("me: %s", a.raw)
	}
	patch(`{}`).want(t, 200, "")
	patch(`{"name":"two\nlines"}`).want(t, 422, "invalid_input")
	patch(`{"email":"other@example.com"}`).want(t, 400, "unknown_key")
}

func TestTheAuditTrailIsTheEmployersOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.staff("first")
	stranger := w.owner("second")
	w.do("PATCH", "/members/"+w.membership(s.viewer), s.owner.AccessToken, `{"role":"recruiter"}`, "X-Request-Id", "req-1").want(t, 200, "")
	w.do("GET", "/audit", s.recruiter.AccessToken, "").want(t, 403, "forbidden")
	id := w.membership(s.viewer)
	a := w.do("GET", "/audit?action=member.role_changed&objectId="+id, s.admin.AccessToken, "").want(t, 200, "")
	items := a.body["items"].([]any)
	if len(items) != 1 {
		t.Fatalf("trail: %s", a.raw)
	}
	e := items[0].(map[string]any)
	if e["actorKind"] != "member" || e["actorId"] != s.owner.Account.User.ID.String() || e["requestId"] != "req-1" ||
		e["before"].(map[string]any)["role"] != "viewer" || e["after"].(map[string]any)["role"] != "recruiter" {
		t.Errorf("event: %s", a.raw)
	}
	b := w.do("GET", "/audit?objectId="+id, stranger.AccessToken, "").want(t, 200, "")
	if len(b.body["items"].([]any)) != 0 {
		t.Errorf("a stranger sees %s", b.raw)
	}
	all := w.do("GET", "/audit?limit=200", s.admin.AccessToken, "").want(t, 200, "").raw
	for _, secret := range []string{"first.example", "Some Body", s.owner.RefreshToken, goodPassword, "argon2"} {
		if contains(all, secret) {
			t.Errorf("the trail holds %q", secret)
		}
	}
}

func TestTheAuditTrailIsPagedAndCutByTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.staff("first") // 9:00
	w.clock.Advance(3 * 60 * 60 * 1e9)
	in, err := w.Login(t.Context(), "first@owner.example", goodPassword) // 12:00
	if err != nil {
		t.Fatal(err)
	}
	walk := func(query string) (ids []string) {
		path := "/audit?limit=3&" + query
		for path != "" {
			a := w.do("GET", path, in.AccessToken, "").want(t, 200, "")
			for _, e := range a.body["items"].([]any) {
				ids = append(ids, e.(map[string]any)["id"].(string))
			}
			path = ""
			if next := a.text("nextCursor"); next != "" {
				path = "/audit?limit=3&" + query + "&cursor=" + next
			}
		}
		return ids
	}
	all := walk("")
	total := w.count(`SELECT count(*) FROM audit_events WHERE employer_id = $1`, s.owner.Account.Employer.ID)
	if len(all) != total || total < 8 {
		t.Errorf("%d of %d events", len(all), total)
	}
	for i := 1; i < len(all); i++ {
		if strings.Compare(all[i-1], all[i]) <= 0 {
			t.Errorf("%s stands before %s", all[i-1], all[i])
		}
	}
	if n := len(walk("from=2026-05-01T12:00:00Z")); n != 1 {
		t.Errorf("%d events from twelve on", n)
	}
	if n := len(walk("to=2026-05-01T12:00:00Z")); n != total-1 {
		t.Errorf("%d events before twelve", n)
	}
	if n := len(walk("from=2026-05-01T09:00:00.000001Z&to=2026-05-01T12:00:00Z&action=session.started&objectId=0196ab00-0000-7000-8000-000000000000")); n != 0 {
		t.Errorf("%d events between", n)
	}
}
