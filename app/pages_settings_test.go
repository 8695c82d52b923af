package app_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"credlane/app"
	"credlane/app/kit/pgtest"
)

// joined invites somebody to the visitor's organization and accepts for them.
func (v *visitor) joined(email, role string) *visitor {
	v.w.t.Helper()
	var inv struct{ AcceptURL string }
	v.api("POST", "/api/v1/members", `{"email":"`+email+`","role":"`+role+`"}`).shows(v.w.t, 201).into(v.w.t, &inv)
	other := v.w.visitor()
	other.post(linkIn(v.w.t, inv.AcceptURL, nil), "name", "Some "+role, "password", goodPassword).leadsTo(v.w.t, "/app")
	return other
}

var adminSettings = []string{"organization", "members", "keys", "webhooks", "audit"}

func TestSettingsShowWhatARoleMaySeeAndExplainTheRest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.owner("1")
	owner.get("/app/settings").leadsTo(t, "/app/settings/profile")
	viewer, recruiter, admin := owner.joined("vera@example.com", "viewer"), owner.joined("rita@example.com", "recruiter"), owner.joined("adam@example.com", "admin")
	for _, v := range []*visitor{viewer, recruiter} {
		for _, name := range []string{"profile", "sessions"} {
			v.get("/app/settings/"+name).shows(t, 200, "Your profile", "Your sessions").hides(t, "Audit trail", "API keys")
		}
		for _, name := range adminSettings {
			v.get("/app/settings/"+name).shows(t, 403, "Your role does not allow this.", "Ask an admin or owner")
		}
		v.get("/app/settings/webhooks/01a22392-4914-7000-9fe4-e6af15ab8660").shows(t, 403)
		v.post("/app/settings/organization/preview", "notice", "x").shows(t, 403)
	}
	for _, name := range append([]string{"profile", "sessions"}, adminSettings...) {
		admin.get("/app/settings/"+name).shows(t, 200, "Audit trail", "API keys")
		w.visitor().get("/app/settings/"+name).leadsTo(t, "/app/login?next=%2Fapp%2Fsettings%2F"+name)
	}
	// An admin sees an owner and cannot touch one.
	p := admin.get("/app/settings/members").shows(t, 200, "Owner 1", "Some viewer")
	p.hides(t, `<option value="owner"`, `aria-label="Remove Owner 1"`, `aria-label="Role of Owner 1"`)
	for _, part := range []string{`aria-label="Remove Some viewer"`, `aria-label="Role of Some viewer"`} {
		if !strings.Contains(string(p.body), part) {
			t.Errorf("an admin is not offered %s", part)
		}
	}
}

func TestMembersAndInvitationsStandOnOnePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.owner("1")
	var inv struct{ ID, AcceptURL string }
	owner.api("POST", "/api/v1/members", `{"email":"grace@example.com","role":"admin"}`).shows(t, 201).into(t, &inv)
	p := owner.get("/app/settings/members")
	p.shows(t, 200, "Owner 1", "You", "owner1@example.com", "grace@example.com", "not accepted yet", "Admin", "This server sends no e-mail").
		hides(t, inv.AcceptURL[strings.LastIndex(inv.AcceptURL, "/")+1:])
	owner.api("DELETE", "/api/v1/members/invitations/"+inv.ID, "").shows(t, 204)
	owner.get("/app/settings/members").hides(t, "grace@example.com")
}

func TestAKeyIsListedWithoutItsSecretAndSaysWhenItWasUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.owner("1")
	owner.get("/app/settings/keys").shows(t, 200, "No keys")
	var k struct{ ID, Key, Prefix string }
	owner.api("POST", "/api/v1/api-keys", `{"name":"<b>Tracker</b>","role":"viewer"}`).shows(t, 201).into(t, &k)
	p := owner.get("/app/settings/keys").shows(t, 200, "<b>Tracker</b>", k.Prefix, "Never", "Owner 1")
	p.hides(t, k.Key, "data-confirm-typed")
	if strings.Contains(string(p.body), "<b>Tracker</b>") {
		t.Error("a key's name is HTML")
	}
	w.must(200, "GET", "/api/v1/assessments", k.Key, nil)
	p = owner.get("/app/settings/keys").shows(t, 200)
	if got := p.tag(`<button class="btn sm danger-quiet"`); !strings.Contains(got, `data-confirm-typed="&lt;b&gt;Tracker&lt;/b&gt;"`) || !strings.Contains(got, "It was last used a moment ago.") {
		t.Errorf("revoking a key in use: %s", got)
	}
	owner.api("DELETE", "/api/v1/api-keys/"+k.ID, "").shows(t, 204)
	owner.get("/app/settings/keys").shows(t, 200, "No keys")
}

func TestTheNoticeShowsAsCandidatesSeeIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.owner("1")
	owner.get("/app/settings/organization").shows(t, 200, "Employer 1", "Version 1", "This is the text that stands in", "Employer 1 asks for your name")
	notice := "# We keep\n\n**little** <script>alert(1)</script> [x](javascript:alert(1))"
	p := owner.post("/app/settings/organization/preview", "notice", notice)
	p.shows(t, 200, "We keep", "little").hides(t, "javascript:", "stands in")
	if body := string(p.body); !strings.Contains(body, "<strong>little</strong> &lt;script&gt;") || strings.Contains(body, "<script") {
		t.Errorf("no Markdown, or one that runs: %s", p.body)
	}
	owner.post("/app/settings/organization/preview", "notice", " \n").shows(t, 200, "stands in", "Employer 1 asks")
	owner.send("POST", "/app/settings/organization/preview", strings.NewReader("notice=x"), "application/x-www-form-urlencoded").shows(t, 403)
	owner.get("/app/settings/organization").shows(t, 200, "Version 1") // a preview keeps nothing
	owner.api("PATCH", "/api/v1/employer", `{"privacyNotice":"**little**","replyTo":"jobs@example.com","name":"New <i>name"}`).shows(t, 200)
	p = owner.get("/app/settings/organization").shows(t, 200, "Version 2").hides(t, "stands in")
	for _, part := range []string{"<strong>little</strong>", `value="jobs@example.com"`, `value="New &lt;i&gt;name"`} {
		if !strings.Contains(string(p.body), part) {
			t.Errorf("the page does not hold %s", part)
		}
	}
}

func TestSessionsAreToldApartAndEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.owner("1")
	const phone = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"
	other := w.visitor()
	other.send("POST", "/app/login", strings.NewReader("email=owner1@example.com&password=a+long+enough+secret"), "application/x-www-form-urlencoded",
		"Sec-Fetch-Site", "same-origin", "User-Agent", phone).leadsTo(t, "/app")
	p := owner.get("/app/settings/sessions").shows(t, 200, "Chrome on Android", "This one", "127.0.0.1", "last used")
	_, after, _ := strings.Cut(p.tag(`<button class="btn sm" type="button" data-api="DELETE /api/v1/auth/sessions/`), "sessions/")
	id, _, _ := strings.Cut(after, `"`)
	owner.api("DELETE", "/api/v1/auth/sessions/"+id, "").shows(t, 204)
	other.get("/app").leadsTo(t, "/app/login?next=%2Fapp")
	owner.get("/app/settings/sessions").hides(t, "Chrome on Android")
}

func TestTheTrailIsToldInPlainWordsAndPaged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.owner("1")
	w.owner("2").api("POST", "/api/v1/assessments", `{"title":"Another's"}`).shows(t, 201)
	admin := owner.joined("adam@example.com", "admin")
	var a, k struct{ ID, Key string }
	owner.api("POST", "/api/v1/assessments", `{"title":"Networking"}`).shows(t, 201).into(t, &a)
	owner.api("POST", "/api/v1/api-keys", `{"name":"Tracker","role":"recruiter"}`).shows(t, 201).into(t, &k)
	w.must(201, "POST", "/api/v1/assessments", k.Key, obj{"title": "By key"})
	p := admin.get("/app/settings/audit").shows(t, 200, "The key “Tracker” created an assessment", "Owner 1 made an API key Tracker", "Owner 1 created an assessment",
		"You accepted an invitation", "Owner 1 invited a member", "registered the organization", "signed in")
	p.hides(t, k.Key)
	if !strings.Contains(string(p.body), `href="/app/assessments/`+a.ID+`"`) {
		t.Error("the assessment cannot be opened from the trail")
	}
	admin.get("/app/settings/audit?action=api_key.created").shows(t, 200, "made an API key Tracker").hidesText(t, "created an assessment Open")
	admin.get("/app/settings/audit?object="+a.ID).shows(t, 200, "Owner 1 created an assessment").hidesText(t, "The key “Tracker”")
	admin.get("/app/settings/audit?from=2020-01-01&to=2020-01-02").shows(t, 200, "Nothing here", "Show everything")
	admin.get("/app/settings/audit?from=nonsense").shows(t, 422, "Give a day as 2026-11-27.")
	admin.get("/app/settings/audit?object=nonsense").shows(t, 404)
	admin.get("/app/settings/audit?cursor=nonsense").shows(t, 400)

	for range 50 {
		owner.api("PATCH", "/api/v1/auth/me", `{"name":"Owner 1"}`).shows(t, 200)
	}
	p = owner.get("/app/settings/audit").shows(t, 200, "50 acts", "Next")
	_, next, _ := strings.Cut(string(p.body), `rel="next" href="`)
	next, _, _ = strings.Cut(next, `"`)
	owner.get(strings.ReplaceAll(next, "&amp;", "&")).shows(t, 200, "registered the organization", "First page")
}

// hidesText wants none of these texts among what a reader sees.
func (p page) hidesText(t *testing.T, texts ...string) page {
	t.Helper()
	text := p.text()
	for _, unwanted := range texts {
		if strings.Contains(text, unwanted) {
			t.Errorf("%s shows %q", p.path, unwanted)
		}
	}
	return p
}

// acts finds in the modules' sources what is written to the trail: texts like "member.added", and the verbs of invites.
var (
	acts        = regexp.MustCompile(`"((?:employer|member|invitation|user|email|password|session|api_key|signing_key|webhook|assessment|questions?|submissions?|job)\.[a-z_]+)"`)
	inviteVerbs = regexp.MustCompile(`(?:event|note|events)\(ctx, [^"\n]*"([a-z]+)"`)
	// What looks like an act and is an event for other systems or a job.
	noActs = []string{"submission.scored", "webhook.test", "submissions.digest", "submissions.tidy"}
)

func TestEveryActInTheTrailHasWords(t *testing.T) {
	t.Parallel()
	found := map[string]bool{"password_reset.requested": true, "email_verify.requested": true, "import.checked": true, "import.rejected": true, "import.done": true}
	sources, err := filepath.Glob("../modules/*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range sources {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range acts.FindAllSubmatch(source, -1) {
			if !slices.Contains(noActs, string(m[1])) {
				found[string(m[1])] = true
			}
		}
		if filepath.Base(filepath.Dir(file)) == "invites" {
			for _, m := range inviteVerbs.FindAllSubmatch(source, -1) {
				found["invite."+string(m[1])] = true
			}
		}
	}
	if len(found) < 50 || !found["invite.undeliverable"] || !found["invite.superseded"] {
		t.Fatalf("found %d acts only", len(found))
	}
	filter := string(newWorld(t).owner("1").get("/app/settings/audit").shows(t, 200).body)
	for act := range found {
		if !strings.Contains(filter, `<option value="`+act+`"`) {
			t.Errorf("%s has no words", act)
		}
	}
}

func TestAWebhookSaysHowItDoesAndShowsWhatWentToIt(t *testing.T) {
	t.Parallel()
	answers := make(chan int, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Said", "<b>hello</b>")
		w.WriteHeader(<-answers)
		_, _ = w.Write([]byte("<script>alert(1)</script>"))
	}))
	t.Cleanup(receiver.Close)
	w := instance(t, pgtest.New(t), app.Options{}, "CREDLANE_WEBHOOK_NETWORKS", "127.0.0.1")
	w.background()
	owner := w.owner("1")
	owner.get("/app/settings/webhooks").shows(t, 200, "No webhooks", "submission.scored", "a score is there")
	var h struct{ ID, Secret string }
	owner.api("POST", "/api/v1/webhooks", `{"url":"`+receiver.URL+`/in?key=1","eventTypes":["submission.scored"],"description":"Our <i>tracker"}`).shows(t, 201).into(t, &h)
	path := "/app/settings/webhooks/" + h.ID
	owner.get("/app/settings/webhooks").shows(t, 200, "Waiting", receiver.URL, "Nothing was sent in the last 30 days.", "Our <i>tracker").hides(t, h.Secret)

	var d struct{ ID string }
	answers <- 200
	owner.api("POST", "/api/v1/webhooks/"+h.ID+"/test", "{}").shows(t, 200).into(t, &d)
	w.eventually("it has arrived", func() bool { return strings.Contains(owner.get(path).text(), "Arrived 200") })
	owner.get(path).shows(t, 200, "Delivering", "1 of the last 1 arrived.", "webhook.test")
	p := owner.get(path+"?delivery="+d.ID).shows(t, 200, "What is sent", "Try 1", "answered 200", "X-Said", "<b>hello</b>", "<script>alert(1)</script>", "Send again")
	p.hides(t, h.Secret)
	if strings.Contains(string(p.body), "<script>alert") || strings.Contains(string(p.body), "<b>hello") {
		t.Error("what a receiver answers is HTML")
	}
	answers <- 503
	owner.api("POST", "/api/v1/webhooks/"+h.ID+"/deliveries/"+d.ID+"/replay", "{}").shows(t, 200)
	w.eventually("it has failed", func() bool { return strings.Contains(owner.get(path).text(), "Failing since") })
	owner.get(path).shows(t, 200, "Nothing has arrived since", "Mend the receiver", "is switched off", "Being tried again", "The receiver answered 503.")
	owner.get("/app/settings/webhooks").shows(t, 200, "Failing since", "0 of the last 1 arrived.")
	if p := owner.get(path+"?state=retrying").shows(t, 200, "webhook.test"); !strings.Contains(string(p.body), "?delivery="+d.ID+"&amp;state=retrying") {
		t.Error("a delivery of the list leads out of it")
	}
	owner.get(path+"?state=failed").shows(t, 200, "None here")
	owner.get(path+"?state=nonsense").shows(t, 404)
	owner.get(path+"?delivery=nonsense").shows(t, 404)
	owner.api("PATCH", "/api/v1/webhooks/"+h.ID, `{"enabled":false}`).shows(t, 200)
	owner.get(path).shows(t, 200, "It was switched off", "by hand", "Switch on")
	stranger := w.owner("2")
	stranger.get(path).shows(t, 404)
	stranger.get(path+"?delivery="+d.ID).shows(t, 404)
	owner.get("/app/settings/webhooks/nonsense").shows(t, 404)
}
