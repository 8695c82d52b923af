package app_test

import (
	"strings"
	"testing"
	"time"

	"credlane/app"
	"credlane/app/kit/pgtest"
)

func TestThePersonalLinkShowsHowFarItIs(t *testing.T) {
	t.Parallel()
	s := newExam(t, app.Options{})
	var made struct {
		Results []struct{ Invite struct{ URL string } }
	}
	s.must(200, "POST", "/api/v1/assessments/"+s.assessment+"/invites", s.owner, obj{"invites": []obj{
		{"email": "ivy@example.org", "name": "Ivy", "extraTimePercent": 25}, {"email": "uma@example.org"},
	}}).into(t, &made)
	path := func(i int) string {
		return made.Results[i].Invite.URL[strings.LastIndex(made.Results[i].Invite.URL, "/i/"):]
	}
	ivy, uma := path(0), path(1)
	v := s.visitor()
	v.get(ivy).shows(t, 200, "Employer 1 invites you.", "37 min 30 s", "30 min and 25% more", "start by 09:00 UTC", "16 March", "i•••@e•••.org",
		"on any device", "Start, 37 minutes and 30 seconds").hides(t, "ivy@example.org", "Your name", " checked")
	v.post(ivy).shows(t, 422, "1 thing to correct. Your clock has not started.", "Tick this box to start.")
	v.post(ivy, "consent", "yes").leadsTo(t, "/take")
	v.get(ivy).shows(t, 200, "You have started this", "09:37 UTC", "Go on with the test")

	phone := s.visitor()
	phone.get(ivy).shows(t, 200, "You have started this", "the device before is told")
	v.get("/take").shows(t, 200) // looking takes nothing over
	phone.post(ivy).leadsTo(t, "/take")
	v.get("/take/finish").shows(t, 409, "You went on elsewhere")
	phone.post("/take/finish").leadsTo(t, "/take/result")
	phone.get("/take/result").shows(t, 200, "A receipt goes to ivy@example.org too.", "0 of 38 min")
	s.visitor().get(ivy).shows(t, 200, "You have already sent this in", "See your receipt")
	again := s.visitor()
	again.post(ivy).leadsTo(t, "/take")
	again.get("/take").leadsTo(t, "/take/result")

	v.get(uma).shows(t, 200, "Your name", "I do not want to take part")
	v.post(uma, "consent", "yes").shows(t, 422, "Give your name")
	v.post(uma+"/decline", "reason", strings.Repeat("x", 1001)).shows(t, 422, "Use at most 1,000 characters", strings.Repeat("x", 1001))
	v.post(uma+"/decline", "reason", "<script>alert(1)</script>").leadsTo(t, uma)
	v.get(uma).shows(t, 200, "You have declined", "ask Employer 1 for a new link")
	v.post(uma, "name", "Uma", "consent", "yes").shows(t, 409, "You have declined")
	v.post(ivy+"/decline").leadsTo(t, ivy)
}

func TestWhatIsNotOpenSaysWhy(t *testing.T) {
	t.Parallel()
	s := newExam(t, app.Options{}, "opensAt", "2026-03-05T12:00:00Z")
	link := s.linked("ivy@example.org")
	v := s.visitor()
	for _, at := range []string{"/a/" + s.slug, link} {
		v.get(at).shows(t, 200, "Not open yet", "5 Mar 2026, 12:00 UTC").hides(t, "data-start")
		v.post(at, "name", "Ada", "email", "ada@example.org", "consent", "yes").shows(t, 409, "Not open yet")
	}
	s.set("opensAt", nil)
	s.must(200, "POST", "/api/v1/assessments/"+s.assessment+"/close", s.owner, nil)
	s.clock.Advance(2 * time.Second)
	for _, at := range []string{"/a/" + s.slug, link} {
		v.get(at).shows(t, 200, "This assessment is closed", "nothing was recorded")
		v.post(at, "name", "Ada", "email", "ada@example.org", "consent", "yes").shows(t, 409, "This assessment is closed")
	}
	s.must(200, "POST", "/api/v1/assessments/"+s.assessment+"/reopen", s.owner, nil)
	s.clock.Advance(15 * 24 * time.Hour)
	v.get(link).shows(t, 200, "This link has ended", "16 Mar 2026, 09:00 UTC")
	v.post(link, "consent", "yes").shows(t, 409, "This link has ended")
	v.post(link+"/decline").leadsTo(t, link)
}

func TestLinksThatLeadNowhereAreAllOnePage(t *testing.T) {
	t.Parallel()
	s := newExam(t, app.Options{})
	var made struct {
		Results []struct{ Invite struct{ ID, URL string } }
	}
	s.must(200, "POST", "/api/v1/assessments/"+s.assessment+"/invites", s.owner, obj{"invites": []obj{{"email": "ivy@example.org"}}}).into(t, &made)
	revoked := made.Results[0].Invite
	s.must(200, "POST", "/api/v1/invites/"+revoked.ID+"/revoke", s.owner, nil)
	v := s.visitor()
	want := v.get("/i/aaaaaaaaaaaaaaaaaaaaaaaaaa").shows(t, 404, "This link leads nowhere")
	for _, path := range []string{revoked.URL[strings.LastIndex(revoked.URL, "/i/"):], "/i/" + strings.Repeat("a", 500), "/a/aaaaaaaaaaaaaaaa", "/a/x", "/i/%00x"} {
		if got := v.get(path); string(got.body) != string(want.body) && path != "/i/%00x" || got.status == 200 {
			t.Errorf("%s: %d %s", path, got.status, got.text())
		}
		if got := v.post(path, "consent", "yes"); got.status != 404 && got.status != 400 {
			t.Errorf("POST %s: %d", path, got.status)
		}
	}
	for _, path := range []string{"/take", "/take/finish", "/take/result", "/take/data"} {
		v.get(path).shows(t, 401, "Open your link again", "Your answers are kept.")
	}
}

func TestTheResultPageShowsWhatIsReleasedAndNoMore(t *testing.T) {
	t.Parallel()
	s := newExam(t, app.Options{})
	v := s.begins("ada@example.org")
	var own struct {
		Questions []struct {
			ID      string
			Options []struct{ ID, Text string }
		}
	}
	v.api("GET", "/api/v1/public/submission", "").into(t, &own)
	v.api("PUT", "/api/v1/public/submission/answers/"+own.Questions[0].ID, asJSON(t, obj{"answer": own.Questions[0].Options[0].ID, "flagged": true})).shows(t, 200)
	v.api("PUT", "/api/v1/public/submission/answers/"+own.Questions[1].ID, `{"answer":"ls"}`).shows(t, 200)
	v.get("/take/finish").shows(t, 200, "2 answered", "all saved", "1 flagged", "question 1", "Look again", "Submit 2 answers")
	v.post("/take/finish").leadsTo(t, "/take/result")
	hidden := []string{"443", "You passed", "reach the pass mark", "50%", "Right answer", "of 2 points"}
	v.get("/take/result").shows(t, 200, "2 of 2 questions", "Results are not shown here.").hides(t, hidden...)

	s.set("resultRelease", "review", "releaseAt", "2026-03-09T09:00:00Z")
	v.get("/take/result").shows(t, 200, "Your result shows on this page from 9 Mar 2026, 09:00 UTC").hides(t, hidden...)
	s.set("resultRelease", "passed", "releaseAt", nil)
	v.get("/take/result").shows(t, 200, "You did not reach the pass mark").hides(t, "443", "50%", "of 2 points", "Right answer")
	s.set("resultRelease", "score")
	score := v.get("/take/result").shows(t, 200, "You have 1 of 2 points, and did not reach the pass mark").hides(t, "443", "Right answer", "60%", "60 per cent")
	if !strings.Contains(string(score.body), `aria-label="50 per cent"`) || !strings.Contains(string(score.body), `stroke-dasharray="179.1 358.1"`) {
		t.Errorf("the ring is not of 50 per cent: %s", score.tag(`<svg class="ring"`))
	}
	s.set("resultRelease", "review")
	v.get("/take/result").shows(t, 200, "HTTPS?", "80", "443", "Chosen", "Right answer", "0 of 1", "Which command lists files?", "Accepted", "1 of 1")
	v.get("/take/data").shows(t, 200, "As far as it is released to you", "2 answers, with the times")
}

func TestWhenTheTimeIsUpTheReceiptSaysSo(t *testing.T) {
	t.Parallel()
	s := newExam(t, app.Options{})
	v := s.begins("ada@example.org")
	s.clock.Advance(29*time.Minute + 30*time.Second)
	v.get("/take/finish").shows(t, 200, "Less than a minute is left.")
	s.clock.Advance(time.Minute)
	v.post("/take/finish").leadsTo(t, "/take/result")
	v.get("/take/result").shows(t, 200, "The time is up", "What was saved by 2 Mar 2026, 09:30 UTC has been handed in to Employer 1.", "30 of 30 min")
	v.get("/a/"+s.slug).shows(t, 200, "The time was up on 2 Mar 2026, 09:30 UTC")
	v.get("/take").leadsTo(t, "/take/result")
}

func TestACandidatesPagesTakeNoFormOfAnotherSiteAndOpenNoOtherDoor(t *testing.T) {
	t.Parallel()
	s := newExam(t, app.Options{})
	link := s.linked("ivy@example.org")
	v := s.begins("ada@example.org")
	form := "name=Eve&email=eve%40example.org&consent=yes"
	for _, path := range []string{"/a/" + s.slug, "/a/" + s.slug + "/code", link, link + "/decline", "/take/finish"} {
		for _, from := range [][]string{{}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"}} {
			v.send("POST", path, strings.NewReader(form), "application/x-www-form-urlencoded", from...).shows(t, 403, "This form came from another page")
		}
		for _, media := range []string{"application/json", "text/plain", "multipart/form-data; boundary=x"} {
			if path == "/take/finish" {
				continue // it reads no form
			}
			v.send("POST", path, strings.NewReader(form), media, "Sec-Fetch-Site", "same-origin").shows(t, 415, "That could not be read")
		}
	}
	if n := s.number(`SELECT count(*) FROM submissions WHERE status = 'in_progress'`); n != 1 {
		t.Errorf("%d submissions are under way, want Ada's alone", n)
	}
	if n := s.number(`SELECT count(*) FROM invites WHERE declined_at IS NOT NULL OR started_at IS NOT NULL`); n != 0 {
		t.Error("a form of another site touched the invite")
	}
	for _, path := range []string{"/api/v1/assessments", "/api/v1/auth/me"} {
		if p := v.get(path); p.status != 401 {
			t.Errorf("a candidate's cookie opens %s: %d", path, p.status)
		}
	}
	if p := v.get("/app/assessments"); p.status == 200 {
		t.Errorf("a candidate's cookie opens the dashboard: %s", p.text())
	}
}

func TestWhatStrangersTypeShowsAsText(t *testing.T) {
	t.Parallel()
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>`
	s := newExam(t, app.Options{}, "description", evil)
	s.must(200, "PATCH", "/api/v1/employer", s.owner, obj{"name": "Evil " + evil, "privacyNotice": evil + "[x](javascript:alert(1))"})
	s.must(200, "PATCH", "/api/v1/assessments/"+s.assessment, s.owner, obj{"title": "T " + evil}, "If-Match", "*")
	s.must(200, "POST", "/api/v1/assessments/"+s.assessment+"/publish", s.owner, nil)
	s.clock.Advance(2 * time.Second)
	link := s.linked("ivy@example.org")
	v := s.visitor()
	pages := []page{
		v.get("/a/" + s.slug), v.get(link), v.post("/a/"+s.slug, "name", evil, "email", evil),
		v.post("/a/"+s.slug+"/code", "name", evil, "email", "ada@example.org", "consent", "yes"),
		v.post("/a/"+s.slug+"/code", "back", "yes", "email", evil),
		v.post(link+"/decline", "reason", evil+strings.Repeat("x", 1001)),
	}
	v.post("/a/"+s.slug, "name", evil, "email", "ada@example.org", "consent", "yes").leadsTo(t, "/take")
	pages = append(pages, v.get("/a/"+s.slug), v.get("/take"), v.get("/take/finish"), v.get("/take/data"))
	v.post("/take/finish").leadsTo(t, "/take/result")
	pages = append(pages, v.get("/take/result"), v.get("/take/data"))
	for _, p := range pages {
		if body := string(p.body); strings.Contains(body, "<script>alert") || strings.Contains(body, "<img") || strings.Contains(body, "href=\"javascript") || p.status == 500 {
			t.Errorf("%s (%d) runs what somebody typed: %s", p.path, p.status, body)
		}
	}
}

func TestTooManyStartsAreToldWhenToComeBack(t *testing.T) {
	t.Parallel()
	w := instance(t, pgtest.New(t), app.Options{}, "CREDLANE_RATE_START_ADDRESS", "1/1h")
	_, slug := w.published(w.employer(1))
	v := w.visitor()
	v.post("/a/"+slug, "name", "Ada", "email", "ada@example.org", "consent", "yes").leadsTo(t, "/take")
	refused := w.visitor().post("/a/"+slug, "name", "Bea", "email", "bea@example.org", "consent", "yes").
		shows(t, 429, "Too many tries at once", "your clock has not started by this", "Wait ", "Try again")
	if refused.header.Get("Retry-After") == "" {
		t.Error("it is not said when to come back")
	}
	// The limit is the API's own: who has used it up there has used it up here.
	if r := w.call("POST", "/api/v1/public/assessments/"+slug+"/submissions", "", obj{"name": "Bea", "email": "bea@example.org", "consent": true}); r.status != 429 {
		t.Errorf("the API counts by itself: %d %s", r.status, r.body)
	}
}
