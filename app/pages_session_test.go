package app_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"credlane/app"
	"credlane/app/kit/clock"
	"credlane/app/kit/pgtest"
)

const sessionCookie = "credlane_session"

func TestTheFirstRunLeadsToTheRegistrationAndItsOwnerIsIn(t *testing.T) {
	t.Parallel()
	w := instance(t, pgtest.New(t), app.Options{}, "CREDLANE_REGISTRATION", "first")
	v := w.visitor()
	v.get("/").leadsTo(t, "/app/register")
	v.get("/app/register").shows(t, 200, "Set up CredLane", "Organization", "Your name", "Work email", "Password")
	p := v.post("/app/register", "organizationName", "", "name", "Ada <b>Byron</b>", "email", "no address", "password", "short secret of mine"[:9])
	p.shows(t, 422, "3 fields need another look.", "Give a name.", "Give one e-mail address", "Use at least 10 characters")
	p.hides(t, "short sec")
	if got := p.tag(`<input class="input lg" id="f-name"`); !strings.Contains(got, `value="Ada &lt;b&gt;Byron&lt;/b&gt;"`) || strings.Contains(got, "aria-invalid") {
		t.Errorf("what was right is not kept: %s", got)
	}
	for _, id := range []string{"f-organizationName", "f-email", "f-password"} {
		got := p.tag(`<input class="input lg" id="` + id + `"`)
		if !strings.Contains(got, `aria-invalid="true"`) || !strings.Contains(got, `aria-describedby="`+id+`-error`) {
			t.Errorf("%s does not say what is wrong: %s", id, got)
		}
		if strings.Contains(got, "autofocus") != (id == "f-organizationName") {
			t.Errorf("typing begins in the wrong place: %s", got)
		}
	}
	v.post("/app/register", "organizationName", "Looms", "name", "Ada", "email", "ada@example.com", "password", goodPassword).leadsTo(t, "/app")
	v.get("/app/login").leadsTo(t, "/app")
	v.api("GET", "/api/v1/auth/me", "").shows(t, 200, "ada@example.com", "owner")

	stranger := w.visitor()
	stranger.get("/").leadsTo(t, "/app")
	stranger.get("/app/register").shows(t, 403, "Registration is closed")
	stranger.post("/app/register", "organizationName", "Other", "name", "Eve", "email", "eve@example.com", "password", goodPassword).
		shows(t, 403, "Registration is closed")
	stranger.get("/app/login").shows(t, 200, "Sign in").hides(t, "Register your organization")
}

func TestAnAddressInUseIsSaidAtItsField(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("1")
	p := w.visitor().post("/app/register", "organizationName", "Other", "name", "Eve", "email", "OWNER1@example.com", "password", goodPassword)
	p.shows(t, 409, "This e-mail address is already in use here")
	if got := p.tag(`<input class="input lg" id="f-email"`); !strings.Contains(got, `aria-invalid="true"`) {
		t.Error(got)
	}
}

func TestSigningInAndOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("1")
	v := w.visitor()
	v.get("/app/assessments?status=active").leadsTo(t, "/app/login?next="+url.QueryEscape("/app/assessments?status=active"))
	p := v.get("/app/login?next=" + url.QueryEscape("/app/assessments?status=active"))
	p.shows(t, 200, "Sign in").hides(t, "session has ended")
	if !strings.Contains(p.tag(`<input class="input lg" id="f-email"`), "autofocus") {
		t.Error("typing does not begin at the address")
	}
	if got := p.tag(`<input type="hidden" name="next"`); !strings.Contains(got, `value="/app/assessments?status=active"`) {
		t.Errorf("the way on is lost: %s", got)
	}
	p = v.post("/app/login", "email", "owner1@example.com", "password", "not the right one", "next", "/app/assessments?status=active")
	p.shows(t, 401, "That email and password do not match.", "Type the password again").hides(t, "not the right one")
	if !strings.Contains(p.tag(`<input class="input lg" id="f-password"`), "autofocus") || !strings.Contains(p.tag(`<input class="input lg" id="f-email"`), `value="owner1@example.com"`) {
		t.Error("typing does not begin at the password, with the address kept")
	}
	if p.header.Get("Set-Cookie") != "" || v.cookie(sessionCookie) != "" {
		t.Error("a wrong password sets a cookie")
	}
	p = v.post("/app/login", "email", "owner1@example.com", "password", goodPassword, "next", "/app/assessments?status=active")
	p.leadsTo(t, "/app/assessments?status=active")
	if set := p.header.Get("Set-Cookie"); !strings.HasPrefix(set, sessionCookie+"=") || !strings.Contains(set, "HttpOnly") || !strings.Contains(set, "SameSite=Lax") {
		t.Errorf("Set-Cookie: %s", set)
	}
	v.get("/app/assessments").shows(t, 200, "Owner 1")

	kept := v.cookie(sessionCookie)
	v.post("/app/logout").leadsTo(t, "/app/login?done=out")
	if v.cookie(sessionCookie) != "" {
		t.Error("the cookie is still there")
	}
	v.get("/app/login?done=out").shows(t, 200, "You are signed out.")
	stolen := w.visitor()
	stolen.get("/app/assessments", "Cookie", sessionCookie+"="+kept).leadsTo(t, "/app/login?next="+url.QueryEscape("/app/assessments"))
	stolen.get("/app/login?next=%2Fapp%2Fassessments", "Cookie", sessionCookie+"="+kept).shows(t, 200, "Your session has ended.", "What was saved is safe.")
}

func TestTooManyTriesSayHowLongToWait(t *testing.T) {
	t.Parallel()
	// Windows begin at the full quarters of an hour.
	w := instance(t, pgtest.New(t), app.Options{Clock: clock.NewFake(time.Date(2026, 11, 27, 9, 3, 30, 0, time.UTC))}, "CREDLANE_RATE_LOGIN_ACCOUNT", "2/15m")
	w.owner("1")
	v := w.visitor()
	for range 2 {
		v.post("/app/login", "email", "owner1@example.com", "password", "not the right one").shows(t, 401)
	}
	p := v.post("/app/login", "email", "owner1@example.com", "password", goodPassword)
	p.shows(t, 429, "Signing in is paused for 12 minutes.", "a reset link works at once")
	if got := p.header.Get("Retry-After"); got != "690" {
		t.Errorf("Retry-After: %q", got)
	}
}

func TestTheWayOnNeverLeavesTheDashboard(t *testing.T) {
	t.Parallel()
	w := instance(t, pgtest.New(t), app.Options{}, "CREDLANE_RATE_LOGIN_ACCOUNT", "1000/15m")
	w.owner("1")
	for next, want := range map[string]string{
		"/app/assessments": "/app/assessments", "/app/settings/profile?x=1#y": "/app/settings/profile?x=1#y",
		"": "/app", "/": "/app", "/app": "/app", "/appx": "/app", "//evil.example": "/app", `/\evil.example`: "/app", "https://evil.example/app/": "/app",
		"/app/../a/x": "/app", "/app//evil.example": "/app", "/app/%2e%2e/x": "/app", "/app/\tx": "/app", "javascript:alert(1)": "/app", "/api/v1/me": "/app",
		"/app/logout": "/app", "/app/login?next=/app/login": "/app", "/app/" + strings.Repeat("x", 2000): "/app",
	} {
		w.visitor().post("/app/login", "email", "owner1@example.com", "password", goodPassword, "next", next).leadsTo(t, want)
	}
}

func TestAForgedFormSignsNobodyInOrOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.owner("1")
	form := url.Values{"email": {"owner1@example.com"}, "password": {goodPassword}}.Encode()
	for _, path := range []string{"/app/login", "/app/logout", "/app/register", "/app/password/forgot", "/app/password/reset", "/app/email/verify", "/app/invitations/x"} {
		for _, headers := range [][]string{
			{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "none"},
			{"Origin", "https://evil.example"}, {"Origin", "null"}, {},
		} {
			p := v.send("POST", path, strings.NewReader(form), "application/x-www-form-urlencoded", headers...)
			p.shows(t, 403, "did not come from a page of this site")
			if p.header.Get("Set-Cookie") != "" {
				t.Errorf("%s %v sets a cookie", path, headers)
			}
		}
	}
	v.api("GET", "/api/v1/auth/me", "").shows(t, 200)
	// The script's own calls are held to the same.
	v.send("PATCH", "/api/v1/auth/me", strings.NewReader(`{"name":"Eve"}`), "application/json", "Sec-Fetch-Site", "cross-site").shows(t, 403, "cross_site")
	v.send("PATCH", "/api/v1/auth/me", strings.NewReader(`{"name":"Eve"}`), "application/json").shows(t, 403, "cross_site")
	v.api("PATCH", "/api/v1/auth/me", `{"name":"Ada"}`).shows(t, 200, "Ada")
}

func TestTheFormsOfTheDoorsAreReadStrictly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.visitor()
	for _, c := range []struct {
		body, contentType string
		status            int
	}{
		{`{"email":"a@example.com"}`, "application/json", 415},
		{"email=%ff&password=x", "application/x-www-form-urlencoded", 400},
		{"email=%00&password=x", "application/x-www-form-urlencoded", 400},
		{"email=a@example.com&password=" + strings.Repeat("x", 70<<10), "application/x-www-form-urlencoded", 413},
		{"", "application/x-www-form-urlencoded", 401},
	} {
		p := v.send("POST", "/app/login", strings.NewReader(c.body), c.contentType, "Sec-Fetch-Site", "same-origin")
		if p.status != c.status || !strings.HasPrefix(p.header.Get("Content-Type"), "text/html") {
			t.Errorf("%.40q: %d %s", c.body, p.status, p.header.Get("Content-Type"))
		}
	}
}

// linkIn is the path of the link that a command of the operator gives.
func linkIn(t *testing.T, link string, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	return u.RequestURI()
}

func TestAResetLinkSetsAPasswordOnceAndEndsEverySession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.owner("1")
	link, err := w.app.ResetLink(t.Context(), "owner1@example.com")
	path := linkIn(t, link, err)
	token := path[strings.Index(path, "token=")+len("token="):]
	v := w.visitor()
	v.get(path).shows(t, 200, "Set a new password", "owner1@example.com")
	v.post("/app/password/reset", "token", token, "password", "short").shows(t, 422, "Use at least 10 characters", "owner1@example.com")
	v.post("/app/password/reset", "token", token, "password", "leaves and branches too").leadsTo(t, "/app/login?done=reset")
	v.get("/app/login?done=reset").shows(t, 200, "Your password was changed.")
	v.post("/app/password/reset", "token", token, "password", "leaves and branches too").shows(t, 404, "This link is no longer good")
	v.get(path).shows(t, 404, "This link is no longer good", "Ask for a new one")
	owner.get("/app").leadsTo(t, "/app/login?next="+url.QueryEscape("/app"))
	v.post("/app/login", "email", "owner1@example.com", "password", "leaves and branches too").leadsTo(t, "/app")
}

func TestOpeningALinkToVerifyDoesNothingByItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.owner("1")
	link, err := w.app.VerifyLink(t.Context(), "owner1@example.com")
	path := linkIn(t, link, err)
	v := w.visitor()
	for range 2 {
		v.get(path).shows(t, 200, "Confirm your address", "Confirm the address")
	}
	owner.api("GET", "/api/v1/auth/me", "").shows(t, 200, `"emailVerified":false`)
	token := path[strings.Index(path, "token=")+len("token="):]
	v.post("/app/email/verify", "token", token).leadsTo(t, "/app/email/verify?done=verified")
	v.get("/app/email/verify?done=verified").shows(t, 200, "Your address is confirmed")
	owner.api("GET", "/api/v1/auth/me", "").shows(t, 200, `"emailVerified":true`)
	v.post("/app/email/verify", "token", token).shows(t, 404, "This link is no longer good")
}

func TestForgettingSaysTheSameOfEveryAddress(t *testing.T) {
	t.Parallel()
	w := instance(t, pgtest.New(t), app.Options{}, "CREDLANE_SMTP_URL", "smtp://127.0.0.1:1", "CREDLANE_MAIL_FROM", "no-reply@example.com")
	w.owner("1")
	v := w.visitor()
	v.get("/app/password/forgot").shows(t, 200, "Send the link")
	for _, email := range []string{"owner1@example.com", "nobody@example.com", "no address"} {
		v.post("/app/password/forgot", "email", email).leadsTo(t, "/app/password/forgot?done=sent")
	}
	v.get("/app/password/forgot?done=sent").shows(t, 200, "a link is on its way")
	newWorld(t).visitor().get("/app/password/forgot").shows(t, 200, "Ask whoever runs this server for a link.").hides(t, "<form")
}

func TestAnInvitationIsAcceptedWithANewPasswordOrTheAccounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.owner("1")
	invited := func() string {
		var inv struct{ AcceptURL string }
		p := owner.api("POST", "/api/v1/members", `{"email":"grace@example.com","role":"recruiter"}`)
		p.shows(t, 201).into(t, &inv)
		return linkIn(t, inv.AcceptURL, nil)
	}
	path := invited()
	v := w.visitor()
	v.get(path).shows(t, 200, "Join Employer 1", "You are invited as recruiter, with grace@example.com.", "Your name")
	v.post(path, "name", "", "password", "short").shows(t, 422, "2 fields need another look.")
	v.post(path, "name", "Grace", "password", goodPassword).leadsTo(t, "/app")
	v.api("GET", "/api/v1/auth/me", "").shows(t, 200, `"recruiter"`)
	v.get(path).shows(t, 404, "This link is no longer good")

	var members struct {
		Items []struct{ ID, Email string }
	}
	owner.api("GET", "/api/v1/members", "").into(t, &members)
	for _, m := range members.Items {
		if m.Email == "grace@example.com" {
			owner.api("DELETE", "/api/v1/members/"+m.ID, "").shows(t, 204)
		}
	}
	v.get("/app").leadsTo(t, "/app/login?next="+url.QueryEscape("/app")) // at once
	path = invited()
	v.get(path).shows(t, 200, "Password of your account here").hides(t, "Your name")
	v.post(path, "password", "not the right one").shows(t, 422, "This is not the account’s password.").hides(t, "not the right one")
	v.post(path, "password", goodPassword).leadsTo(t, "/app")
	v.get("/app/assessments").shows(t, 200, "Grace")
}

func TestACandidatesCookieOpensNoPageOfTheEmployer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.employer(1)
	_, slug := w.published(token)
	s := w.start(slug, "cara@example.com")
	owner := w.visitor()
	owner.post("/app/login", "email", "owner1@example.com", "password", goodPassword).leadsTo(t, "/app")
	for _, path := range []string{"/app", "/app/assessments"} {
		w.visitor().get(path, "Cookie", "credlane_attempt="+s.SubmissionToken).leadsTo(t, "/app/login?next="+url.QueryEscape(path))
		w.visitor().get(path, "Cookie", sessionCookie+"="+s.SubmissionToken).leadsTo(t, "/app/login?next="+url.QueryEscape(path))
	}
	v := w.visitor()
	v.get("/api/v1/assessments", "Cookie", "credlane_attempt="+s.SubmissionToken).shows(t, 401)
	v.get("/api/v1/public/submission", "Cookie", "credlane_attempt="+s.SubmissionToken).shows(t, 200, "Networking")
	v.get("/api/v1/public/submission", "Cookie", sessionCookie+"="+owner.cookie(sessionCookie)).shows(t, 401)
	v.get("/api/v1/public/submission", "Cookie", "credlane_attempt="+owner.cookie(sessionCookie)).shows(t, 401)
}

func TestUnderHTTPSTheCookieIsThisHostsAlone(t *testing.T) {
	t.Parallel()
	w := instance(t, pgtest.New(t), app.Options{}, "CREDLANE_PUBLIC_URL", "https://lane.example")
	v := w.visitor()
	p := v.send("POST", "/app/register", strings.NewReader(url.Values{
		"organizationName": {"Looms"}, "name": {"Ada"}, "email": {"ada@example.com"}, "password": {goodPassword},
	}.Encode()), "application/x-www-form-urlencoded", "Origin", "https://lane.example")
	p.leadsTo(t, "/app")
	set := p.header.Get("Set-Cookie")
	if !strings.HasPrefix(set, "__Host-"+sessionCookie+"=") || !strings.Contains(set, "Secure") || !strings.Contains(set, "Path=/") || strings.Contains(set, "Domain") {
		t.Errorf("Set-Cookie: %s", set)
	}
	value, _, _ := strings.Cut(strings.TrimPrefix(set, "__Host-"+sessionCookie+"="), ";")
	w.visitor().get("/api/v1/auth/me", "Cookie", "__Host-"+sessionCookie+"="+value).shows(t, 200)
	w.visitor().get("/api/v1/auth/me", "Cookie", sessionCookie+"="+value).shows(t, 401)
}
