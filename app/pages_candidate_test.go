package app_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"credlane/app"
	"credlane/app/kit/clock"
	"credlane/app/kit/pgtest"
)

// exam is a world with a published assessment, a clock of its own, and a server that can mail.
type exam struct {
	*world
	clock      *clock.Fake
	owner      string // an API key, which outlives the hours that are played
	assessment string
	slug       string
}

func newExam(t *testing.T, o app.Options, settings ...any) *exam {
	t.Helper()
	s := &exam{clock: clock.NewFake(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))}
	o.Clock = s.clock
	s.world = instance(t, pgtest.New(t), o, "CREDLANE_SMTP_URL", "smtp://127.0.0.1:1", "CREDLANE_MAIL_FROM", "no-reply@example.com")
	var made struct{ Key string }
	s.must(201, "POST", "/api/v1/api-keys", s.employer(1), obj{"name": "Author", "role": "owner"}).into(t, &made)
	s.owner = made.Key
	s.assessment, s.slug = s.published(s.owner)
	s.set(settings...)
	return s
}

// set changes settings that act at once, by name and value, and lets the landing in memory grow old.
func (s *exam) set(settings ...any) {
	s.t.Helper()
	body := obj{}
	for i := 0; i < len(settings); i += 2 {
		body[settings[i].(string)] = settings[i+1]
	}
	s.must(200, "PATCH", "/api/v1/assessments/"+s.assessment, s.owner, body, "If-Match", "*")
	s.clock.Advance(2 * time.Second)
}

// linked invites an address and gives the path of its personal link.
func (s *exam) linked(email string, settings ...any) string {
	s.t.Helper()
	return "/i/" + strings.TrimPrefix(s.invited(s.owner, s.assessment, email, settings...), "/api/v1/public/invites/")
}

// begins starts by the public link and is the candidate's browser.
func (s *exam) begins(email string) *visitor {
	s.t.Helper()
	v := s.visitor()
	v.get("/a/"+s.slug).shows(s.t, 200)
	v.post("/a/"+s.slug, "name", "Ada", "email", email, "consent", "yes").leadsTo(s.t, "/take")
	return v
}

func TestSomebodyTakesAnAssessmentWithoutScript(t *testing.T) {
	t.Parallel()
	s := newExam(t, app.Options{}, "description", "What you *know*.")
	v := s.visitor()
	landing := v.get("/a/"+s.slug).shows(t, 200, "Networking", "Employer 1", "30 min", "2 questions", "2 points in all", "Privacy notice", "Start, 30 minutes")
	landing.hides(t, " checked", "HTTPS?", "443", "Which command")
	if h := landing.header; h.Get("Cache-Control") != "no-store" || h.Get("ETag") != "" || h.Get("Referrer-Policy") != "strict-origin" ||
		strings.Contains(h.Get("Content-Security-Policy"), "unsafe") {
		t.Errorf("the landing's headers are %v", h)
	}
	refused := v.post("/a/"+s.slug, "name", "Ada <b>", "email", "ada").shows(t, 422,
		"2 things to correct. Your clock has not started.", "Give an e-mail address such as ada@example.org.", "Tick this box to start. Your clock has not started.")
	if !strings.Contains(string(refused.body), `value="Ada &lt;b&gt;"`) || !strings.Contains(refused.tag(`<input type="checkbox" id="consent"`), `aria-describedby="consent-error"`) {
		t.Errorf("what was typed is lost, or an error stands nowhere: %s", refused.body)
	}
	if n := s.number(`SELECT count(*) FROM submissions`); n != 0 || v.cookie("credlane_attempt") != "" {
		t.Fatalf("%d submissions of a refused start", n)
	}
	started := v.post("/a/"+s.slug, "name", "Ada", "email", "ada@example.org", "consent", "yes").leadsTo(t, "/take")
	if c := started.header.Get("Set-Cookie"); !strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Lax") || !strings.Contains(c, "Path=/") {
		t.Errorf("the cookie is set as %s", c)
	}
	v.get("/take").shows(t, 200, "HTTPS?")
	v.get("/take/result").leadsTo(t, "/take")
	v.get("/a/"+s.slug).shows(t, 200, "You have started this", "09:30 UTC", "Go on with the test")
	v.get("/a/"+s.slug+"?as=other").shows(t, 200, "Start, 30 minutes")
	v.get("/take/finish").shows(t, 200, "Submit now?", "You have 30 minutes left", "0 answered", "2 not answered", "questions 1 and 2", "Submit 0 answers")
	v.get("/take/data").shows(t, 200, "Ada", "ada@example.org", "as you typed it", "Not yet", "Back to the test")
	s.clock.Advance(10 * time.Minute)
	v.post("/take/finish").leadsTo(t, "/take/result")
	v.get("/take/result").shows(t, 200, "Your answers are in", "Thank you, Ada.", "2 Mar 2026, 09:10 UTC", "0 of 2 questions", "10 of 30 min",
		"Note the number", "Results are not shown here.").hides(t, "443", "passed")
	v.get("/take/finish").leadsTo(t, "/take/result")
	v.post("/take/finish").leadsTo(t, "/take/result") // handed in already: that is as good
	v.get("/take").leadsTo(t, "/take/result")
	v.get("/a/"+s.slug).shows(t, 200, "You have already sent this in", "2 Mar 2026, 09:10 UTC", "See your receipt")
	if data := v.get("/api/v1/public/submission/data"); data.status != 200 || !strings.Contains(string(data.body), `"ada@example.org"`) {
		t.Errorf("the data are %d %s", data.status, data.body)
	}
}

func TestStartingTwiceIsHarmlessInOneBrowserAndRefusedInAnother(t *testing.T) {
	t.Parallel()
	s := newExam(t, app.Options{})
	v := s.visitor()
	v.get("/a/" + s.slug)
	number := v.cookie("credlane_visit")
	if number == "" || v.get("/a/"+s.slug).header.Get("Set-Cookie") != "" {
		t.Error("a browser that has its number gets another")
	}
	press := func() page {
		return s.visitor().send("POST", "/a/"+s.slug, strings.NewReader("name=Ada&email=ada%40example.org&consent=yes"),
			"application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin", "Cookie", "credlane_visit="+number)
	}
	var both sync.WaitGroup
	answers := make([]page, 2)
	for i := range answers {
		both.Go(func() { answers[i] = press() })
	}
	both.Wait()
	third := press() // the browser threw both answers away, and somebody presses again
	for _, p := range append(answers, third) {
		p.leadsTo(t, "/take")
		if cookieOf(p.header.Get("Set-Cookie"), "credlane_attempt") != cookieOf(third.header.Get("Set-Cookie"), "credlane_attempt") {
			t.Error("two presses lead to two sessions")
		}
	}
	if n := s.number(`SELECT count(*) FROM submissions`); n != 1 {
		t.Fatalf("%d submissions", n)
	}
	other := s.visitor()
	other.get("/a/" + s.slug)
	elsewhere := other.post("/a/"+s.slug, "name", "Ada", "email", "ADA@example.org", "consent", "yes").
		shows(t, 409, "This address has already started", "Send me a code", "ask Employer 1")
	if c := elsewhere.header.Get("Set-Cookie"); strings.Contains(c, "credlane_attempt") {
		t.Errorf("a stranger got %s", c)
	}
	// Another name is another form: it gets nothing of the first.
	if p := s.visitor().send("POST", "/a/"+s.slug, strings.NewReader("name=Eve&email=ada%40example.org&consent=yes"),
		"application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin", "Cookie", "credlane_visit="+number); p.status != 409 {
		t.Errorf("another form got %d", p.status)
	}
}

// cookieOf is the value of a cookie in a Set-Cookie header.
func cookieOf(header, name string) string {
	_, rest, _ := strings.Cut(header, name+"=")
	value, _, _ := strings.Cut(rest, ";")
	return value
}

func TestACodeIsAskedForEnteredAndMistyped(t *testing.T) {
	t.Parallel()
	s := newExam(t, app.Options{}, "requireEmailCode", true)
	v := s.visitor()
	v.get("/a/"+s.slug).shows(t, 200, "You prove your e-mail address first.", "Send me a code")
	v.post("/a/"+s.slug+"/code", "name", "Ada", "email", "ada@example.org").shows(t, 422, "Tick this box")
	if n := s.number(`SELECT count(*) FROM email_codes`); n != 0 {
		t.Fatalf("%d codes before the form was right", n)
	}
	form := []string{"name", "Ada", "email", "ada@example.org", "consent", "yes"}
	with := func(more ...string) []string { return append(append([]string{}, form...), more...) }
	v.post("/a/"+s.slug+"/code", form...).shows(t, 200, "Enter your code", "ada@example.org", "The clock starts when you press Start", "Start, 30 minutes")
	first := s.emailCode()
	v.post("/a/"+s.slug, with("code", "")...).shows(t, 422, "Type the 6 digits")
	v.post("/a/"+s.slug, with("code", "12")...).shows(t, 422, "This is not the code that was sent.")
	v.post("/a/"+s.slug+"/code", with("again", "yes")...).shows(t, 200, "Another code is on its way.")
	if second := s.emailCode(); second == first {
		t.Error("the second code is the first")
	}
	s.clock.Advance(11 * time.Minute)
	v.post("/a/"+s.slug, with("code", s.emailCode())...).shows(t, 422, "This code is no longer good")
	v.post("/a/"+s.slug, form...).shows(t, 200, "Enter your code") // without a code, one is sent
	v.post("/a/"+s.slug, with("code", s.emailCode())...).leadsTo(t, "/take")
	v.get("/take/data").shows(t, 200, "proved to be yours")
	v.post("/take/finish").leadsTo(t, "/take/result")
	v.get("/take/result").shows(t, 200, "A receipt goes to ada@example.org too.")
	for range 30 {
		if p := v.post("/a/"+s.slug+"/code", form...); p.status == 429 {
			if p.shows(t, 429, "Too many tries. Wait"); p.header.Get("Retry-After") == "" {
				t.Error("it is not said when to come back")
			}
			return
		}
	}
	t.Error("codes are asked for without end")
}

func TestWhoStartedGoesOnElsewhereByACode(t *testing.T) {
	t.Parallel()
	s := newExam(t, app.Options{})
	first := s.begins("ada@example.org")
	second := s.visitor()
	second.get("/a/"+s.slug).shows(t, 200, "I have already started")
	second.post("/a/"+s.slug+"/code", "back", "yes", "email", "none").shows(t, 422, "Give an e-mail address")
	second.post("/a/"+s.slug+"/code", "back", "yes", "email", "ada@example.org").shows(t, 200, "Enter your code", "Your name", "I have read the privacy notice", "Go on with the test")
	second.post("/a/"+s.slug, "back", "yes", "name", "Ada", "email", "ada@example.org", "consent", "yes", "code", s.emailCode()).leadsTo(t, "/take")
	second.get("/take").shows(t, 200, "HTTPS?")
	if p := first.get("/take"); p.status != 409 {
		t.Errorf("the first device got %d %s", p.status, p.text())
	}
	first.get("/take/finish").shows(t, 409, "You went on elsewhere", "Your answers are kept.")
	first.get("/a/"+s.slug).shows(t, 200, "Start, 30 minutes")
	if n := s.number(`SELECT count(*) FROM submissions`); n != 1 {
		t.Errorf("%d submissions", n)
	}
}
