package app_test

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"credlane/app"
	"credlane/app/kit/authn"
	"credlane/app/kit/pgtest"
)

const attemptCookie = "credlane_attempt"

// forgeries are the headers of requests that another site, or a program that is no browser, has a browser's cookies for.
var forgeries = [][]string{
	{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "none"},
	{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-User", "?1"},
	{"Origin", "https://evil.example"}, {"Origin", "null"}, {},
}

// doorway is a stage of employer 1 with the cookies of its owner and its candidate.
type doorway struct {
	*stage
	session string
}

func newDoorway(t *testing.T) *doorway {
	t.Helper()
	w := newWorld(t)
	d := &doorway{stage: newStage(t, w, 1)}
	w.must(200, "PATCH", "/api/v1/assessments/"+d.ids["assessment"], d.owner, obj{"title": "Networks"}, "If-Match", "*") // somebody touched it
	d.session = w.signsIn("owner1@example.com").cookie(sessionCookie)
	return d
}

// both are the cookies of a browser in which the owner is signed in and the candidate takes the test.
func (d *doorway) both() string {
	return sessionCookie + "=" + d.session + "; " + attemptCookie + "=" + d.candidate
}

func TestNoPageTakesAFormOfAnotherSiteAndNoCookieMakesItsCall(t *testing.T) {
	t.Parallel()
	d := newDoorway(t)
	forms, calls := 0, 0
	was := d.contents()
	for _, r := range d.app.Routes() {
		if r.Method == "GET" || !r.Page && r.Who == "public" {
			continue // what changes nothing, and calls that no cookie is asked for
		}
		body, media := "email=x%40example.com&password=x&name=x&consent=yes&token=x&reason=x", "application/x-www-form-urlencoded"
		if !r.Page {
			body, media = `{}`, "application/json"
			calls++
		} else {
			forms++
		}
		for _, from := range forgeries {
			headers := append([]string{"Cookie", d.both(), "Content-Type", media, "If-Match", "*"}, from...)
			got := d.call(r.Method, d.at(r.Path, nil), "", body, headers...)
			if got.status != http.StatusForbidden || !r.Page && got.code() != "cross_site" || got.header.Get("Set-Cookie") != "" {
				t.Errorf("%s %s from %v: %d %.300s", r.Method, r.Path, from, got.status, got.body)
			}
		}
	}
	if forms < 12 || calls < 40 {
		t.Errorf("only %d forms and %d calls are in the table", forms, calls)
	}
	d.unchanged(was)
}

// A form or a call that was right once is sent again when its session or attempt is over.
func TestWhatWasSentBeforeTheEndIsWorthNothingAfterIt(t *testing.T) {
	t.Parallel()
	d := newDoorway(t)
	d.call("POST", "/app/logout", "", nil, "Cookie", sessionCookie+"="+d.session, "Sec-Fetch-Site", "same-origin")
	submitted := d.visitor()
	submitted.post("/take/finish") // nobody's
	if got := d.call("POST", "/take/finish", "", nil, "Cookie", attemptCookie+"="+d.candidate, "Sec-Fetch-Site", "same-origin"); got.header.Get("Location") != "/take/result" {
		t.Fatalf("no end of the test: %d %s", got.status, got.body)
	}
	was := d.contents()
	for _, r := range d.app.Routes() {
		if r.Method == "GET" || r.Who == "public" {
			continue
		}
		body, media := "answer."+d.ids["answered question"]+"=x&do=finish&source=x", "application/x-www-form-urlencoded"
		if !r.Page {
			body, media = asJSON(t, obj{"answer": d.answer, "sequence": 99}), "application/json"
		}
		got := d.call(r.Method, d.at(r.Path, nil), "", body, "Cookie", d.both(), "Content-Type", media, "If-Match", "*", "Sec-Fetch-Site", "same-origin")
		if got.status < 300 {
			t.Errorf("%s %s again after the end: %d %.300s", r.Method, r.Path, got.status, got.body)
		}
	}
	d.unchanged(was)
}

func TestACookieOpensNoDoorOfTheOtherKind(t *testing.T) {
	t.Parallel()
	d := newDoorway(t)
	was := d.contents()
	mine := map[bool]int{}
	for _, r := range d.app.Routes() {
		if r.Who == "public" {
			continue
		}
		candidates := r.Who == "candidate"
		wrong := []string{attemptCookie + "=" + d.candidate, sessionCookie + "=" + d.candidate, "__Host-" + sessionCookie + "=" + d.session}
		if candidates {
			wrong = []string{sessionCookie + "=" + d.session, attemptCookie + "=" + d.session, "__Host-" + attemptCookie + "=" + d.candidate}
		}
		// A name that comes twice was planted by a neighbour, and nothing says which of the two.
		wrong = append(wrong, d.both()+"; "+d.both())
		path := d.at(r.Path, nil)
		for _, cookie := range wrong {
			got := d.call(r.Method, path, "", nil, "Cookie", cookie, "Sec-Fetch-Site", "same-origin", "If-Match", "*")
			if away := strings.HasPrefix(got.header.Get("Location"), "/app/login"); got.status != 401 && (!r.Page || candidates || !away) {
				t.Errorf("%s %s with %.30s: %d %.300s", r.Method, r.Path, cookie, got.status, got.body)
			}
		}
		if r.Method == "GET" && r.Page && r.Path != "/app/activity/stream" { // and its own it does open
			got := d.call(r.Method, path, "", nil, "Cookie", d.both())
			if to := got.header.Get("Location"); got.status != 200 && (got.status != 303 || strings.HasPrefix(to, "/app/login")) {
				t.Errorf("%s with both cookies: %d to %s", path, got.status, to)
			}
			mine[candidates]++
		}
	}
	if mine[false] < 25 || mine[true] < 5 {
		t.Errorf("only %v pages were opened", mine)
	}
	d.unchanged(was)
}

func TestARoleOpensItsPagesAndNoHigherOnes(t *testing.T) {
	t.Parallel()
	d := newDoorway(t)
	for _, name := range []string{"viewer", "recruiter", "admin"} {
		v := d.signsIn(name + "1@example.com")
		role, err := authn.ParseRole(name)
		if err != nil {
			t.Fatal(err)
		}
		for needed, path := range d.membersPages(t) {
			low := role < needed.role
			p := v.get(path)
			if low != (p.status == http.StatusForbidden) || !low && p.status != 200 && p.status != 303 {
				t.Errorf("%s to a %s: %d", needed.path, name, p.status)
			}
		}
	}
}

type neededRole struct {
	path string
	role authn.Role
}

// membersPages are the pages of members by their route and the role that it asks for.
func (s *stage) membersPages(t *testing.T) map[neededRole]string {
	t.Helper()
	pages := map[neededRole]string{}
	for _, who := range everyMember {
		role, err := authn.ParseRole(who)
		if err != nil {
			t.Fatal(err)
		}
		for route, path := range s.pagesOf("GET", who) {
			pages[neededRole{route, role}] = path
		}
	}
	return pages
}

func TestAnotherEmployersThingsAreOnNoPage(t *testing.T) {
	t.Parallel()
	d := newDoorway(t)
	stranger := d.owner2()
	looked := 0
	for route, path := range d.pagesOf("GET", everyMember...) {
		if !strings.Contains(route, "{") {
			continue
		}
		looked++
		for _, query := range []string{"", "?delivery=" + d.ids["delivery"], "?q=" + d.ids["question"]} {
			if p := stranger.get(path + query); p.status != 404 {
				t.Errorf("%s to another employer: %d", p.path, p.status)
			}
		}
	}
	if looked < 12 {
		t.Errorf("only %d pages of one thing are in the table", looked)
	}
}

// owner2 is the browser of another employer's owner.
func (d *doorway) owner2() *visitor { return d.world.owner("2") }

func TestEveryPageIsFramedByNobodyAndLoadsNothingOfOthers(t *testing.T) {
	t.Parallel()
	d := newDoorway(t)
	evil := url.Values{}
	for _, name := range []string{"next", "to", "url", "return", "redirect", "continue", "done", "back", "as", "from"} {
		evil.Set(name, "https://evil.example/app/")
	}
	pages := d.pagesOf("GET", append(everyMember, "public", "candidate")...)
	pages["nowhere"], pages["nowhere in the dashboard"], pages["nobody's link"] = "/nowhere", "/app/nowhere", "/i/nowhere"
	for _, path := range slices.Sorted(maps.Values(pages)) {
		for _, cookie := range []string{"", d.both(), "theme=dark; " + sessionCookie + "=x"} {
			for _, query := range []string{"", "?" + evil.Encode()} {
				got := d.call("GET", path+query, "", nil, "Cookie", cookie, "Accept", "text/html", "X-Forwarded-Host", "evil.example")
				d.isArmoured(path+query, got)
			}
		}
		d.isArmoured("POST "+path, d.call("POST", path, "", "a=b", "Cookie", d.both(), "Content-Type", "application/x-www-form-urlencoded", "Accept", "text/html"))
	}
}

// isArmoured wants the headers that keep other sites out of a page, and what others wrote out of its way on.
func (d *doorway) isArmoured(what string, r reply) {
	d.t.Helper()
	policy := r.header.Get("Content-Security-Policy")
	for _, wanted := range []string{"default-src 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, wanted) && !strings.HasPrefix(what, "/take/worker.js") {
			d.t.Errorf("%s: the policy %q has no %s", what, policy, wanted)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") || strings.Contains(policy, "*") || strings.Contains(policy, "data:") {
		d.t.Errorf("%s: the policy %q lets others in", what, policy)
	}
	if strings.HasPrefix(r.header.Get("Content-Type"), "text/html") {
		for _, wanted := range []string{"script-src 'self'", "style-src 'self'", "form-action 'self'", "base-uri 'none'", "connect-src 'self'"} {
			if !strings.Contains(policy, wanted) {
				d.t.Errorf("%s: the policy %q has no %s", what, policy, wanted)
			}
		}
		if r.header.Get("X-Frame-Options") != "DENY" || r.header.Get("Cross-Origin-Opener-Policy") != "same-origin" {
			d.t.Errorf("%s may be framed: %v", what, r.header)
		}
	}
	for name, wanted := range map[string][]string{
		"X-Content-Type-Options": {"nosniff"}, "Referrer-Policy": {"same-origin", "strict-origin", "no-referrer"}, "Cache-Control": {"no-store", "no-cache"},
		"Access-Control-Allow-Origin": {""},
	} {
		if !slices.Contains(wanted, r.header.Get(name)) {
			d.t.Errorf("%s: %s is %q", what, name, r.header.Get(name))
		}
	}
	if to := r.header.Get("Location"); to != "" && (!strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//")) {
		d.t.Errorf("%s leads to %s", what, to)
	}
	if strings.Contains(string(r.body), `href="https://evil`) || strings.Contains(string(r.body), `action="https://`) {
		d.t.Errorf("%s links to where a stranger says", what)
	}
}

func TestAMembersCookieChangesNothingOfACandidatesPages(t *testing.T) {
	t.Parallel()
	d := newDoorway(t)
	d.call("GET", "/a/"+d.ids["slug"], "", nil) // in memory from here on
	for _, path := range slices.Sorted(maps.Values(d.pagesOf("GET", "candidate", "public"))) {
		if strings.HasPrefix(path, "/app") || path == "/" {
			continue
		}
		visit := "; credlane_visit=" + someID
		for own, with := range map[string]string{
			"":                                      sessionCookie + "=" + d.session,
			attemptCookie + "=" + d.candidate:       d.both(),
			attemptCookie + "=" + d.candidate + "x": sessionCookie + "=" + d.session + "; " + attemptCookie + "=" + d.candidate + "x",
		} {
			alone, beside := d.call("GET", path, "", nil, "Cookie", own+visit), d.call("GET", path, "", nil, "Cookie", with+visit)
			if alone.status != beside.status || unTimed(alone) != unTimed(beside) {
				t.Errorf("%s with %.20s differs where a member is signed in: %d and %d", path, own, alone.status, beside.status)
			}
		}
	}
}

var ownMoment = regexp.MustCompile(`"(serverNow|requestId)":"[^"]*"`)

// unTimed is a page without what is of the one request alone.
func unTimed(r reply) string { return ownMoment.ReplaceAllString(string(r.body), "") }

func TestSigningInAgainLeavesNoOldSessionAndTakesNoPlantedOne(t *testing.T) {
	t.Parallel()
	d := newDoorway(t)
	in := func(cookie string) string {
		t.Helper()
		form := url.Values{"email": {"owner1@example.com"}, "password": {goodPassword}}.Encode()
		r := d.call("POST", "/app/login", "", form, "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin", "Cookie", sessionCookie+"="+cookie)
		for _, c := range (&http.Response{Header: r.header}).Cookies() {
			if c.Name == sessionCookie && r.status == http.StatusSeeOther {
				return c.Value
			}
		}
		t.Fatalf("not signed in: %d %s", r.status, r.body)
		return ""
	}
	is := func(cookie string) int {
		return d.call("GET", "/api/v1/auth/me", "", nil, "Cookie", sessionCookie+"="+cookie).status
	}
	planted := strings.Repeat("A", 43)
	first := in(planted)
	if first == planted || is(planted) != 401 || is(first) != 200 {
		t.Error("a planted cookie is taken over")
	}
	second := in(first)
	if second == first || is(second) != 200 {
		t.Error("the second sign-in has no session of its own")
	}
	if is(first) != 401 {
		t.Error("the session before is left behind, where its browser can no longer end it")
	}
	if is(d.session) != 200 {
		t.Error("another browser is signed out")
	}
}

func TestWhatEndsARightEndsItOnThePagesAtOnce(t *testing.T) {
	t.Parallel()
	d := newDoorway(t)
	owner, admin, elsewhere := d.signsIn("owner1@example.com"), d.signsIn("admin1@example.com"), d.signsIn("admin1@example.com")
	var list struct{ Items []struct{ ID, Email string } }
	owner.api("GET", "/api/v1/members", "").into(t, &list)
	id := list.Items[slices.IndexFunc(list.Items, func(m struct{ ID, Email string }) bool { return m.Email == "admin1@example.com" })].ID
	admin.get("/app/settings/keys").shows(t, 200)
	admin.api("POST", "/api/v1/auth/password", asJSON(t, obj{"currentPassword": goodPassword, "newPassword": "another long secret"})).shows(t, 200)
	elsewhere.get("/app/assessments").leadsTo(t, "/app/login?next=%2Fapp%2Fassessments")
	admin.get("/app/settings/keys").shows(t, 200)
	owner.api("PATCH", "/api/v1/members/"+id, `{"role":"viewer"}`).shows(t, 200)
	admin.get("/app/settings/keys").shows(t, 403)
	admin.api("POST", "/api/v1/assessments", `{"title":"x"}`).shows(t, 403)
	owner.api("DELETE", "/api/v1/members/"+id, "").shows(t, 204)
	admin.get("/app/assessments").leadsTo(t, "/app/login?next=%2Fapp%2Fassessments")
}

// A long address is no reason to show a person who was signed out the answer for programs.
func TestWhoIsSignedOutAtALongAddressStillComesToTheSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("1")
	for _, query := range []string{strings.Repeat("x", 1990), strings.Repeat("%C3%A9", 300), strings.Repeat("%20", 600)} {
		w.visitor().get("/app/assessments?q="+query, "Accept", "text/html").leadsTo(t, "/app/login")
	}
}

// Who knew the number of a browser's visit could take part in its start: under https no neighbour can plant one.
func TestUnderHTTPSEveryCookieThatProvesAnythingIsThisHostsAlone(t *testing.T) {
	t.Parallel()
	w := instance(t, pgtest.New(t), app.Options{}, "CREDLANE_PUBLIC_URL", "https://lane.example")
	_, slug := w.published(w.employer(1))
	landing := w.call("GET", "/a/"+slug, "", nil)
	number := cookieOf(landing.header.Get("Set-Cookie"), "__Host-credlane_visit")
	start := func(visit string) reply {
		return w.call("POST", "/a/"+slug, "", "name=Ada&email=ada%40example.org&consent=yes", "Content-Type", "application/x-www-form-urlencoded",
			"Sec-Fetch-Site", "same-origin", "Cookie", visit)
	}
	started := start("__Host-credlane_visit=" + number)
	for _, set := range []string{landing.header.Get("Set-Cookie"), started.header.Get("Set-Cookie")} {
		if !strings.HasPrefix(set, "__Host-credlane_") || !strings.Contains(set, "Path=/;") || !strings.Contains(set, "; Secure") ||
			!strings.Contains(set, "; HttpOnly") || !strings.Contains(set, "; SameSite=Lax") || strings.Contains(set, "Domain") {
			t.Errorf("Set-Cookie: %s", set)
		}
	}
	if again := start("__Host-credlane_visit=" + number); again.status != 303 {
		t.Errorf("pressed again: %d %s", again.status, again.body)
	}
	for _, planted := range []string{"credlane_visit=" + number, "__Host-credlane_visit=" + someID + "; __Host-credlane_visit=" + number} {
		if p := start(planted); p.status != 409 || p.header.Get("Set-Cookie") != "" && strings.Contains(p.header.Get("Set-Cookie"), attemptCookie) {
			t.Errorf("a planted number starts: %d %s", p.status, p.header)
		}
	}
}
