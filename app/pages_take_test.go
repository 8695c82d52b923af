package app_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"credlane/app"
	"credlane/web/words"
)

// kept are the answers that the server has of a visitor's attempt, by question.
func (v *visitor) kept() map[string]keptAnswer {
	v.w.t.Helper()
	var own struct{ Answers []keptAnswer }
	v.api("GET", "/api/v1/public/submission", "").into(v.w.t, &own)
	all := map[string]keptAnswer{}
	for _, a := range own.Answers {
		all[a.QuestionID] = a
	}
	return all
}

type keptAnswer struct {
	QuestionID string
	Answer     json.RawMessage
	Sequence   int64
	Flagged    bool
}

// asked is a question of the attempt as the API tells it.
type asked struct {
	ID, Type string
	Options  []struct{ ID, Text string }
}

func (v *visitor) asked() []asked {
	v.w.t.Helper()
	var own struct{ Questions []asked }
	v.api("GET", "/api/v1/public/submission", "").into(v.w.t, &own)
	return own.Questions
}

// form is the page's form as a browser without script would send it.
func (p page) form() url.Values {
	values := url.Values{}
	for _, field := range inputs.FindAllString(string(p.body), -1) {
		attribute := func(name string) string {
			found := regexp.MustCompile(` ` + name + `="([^"]*)"`).FindStringSubmatch(field)
			if found == nil {
				return ""
			}
			return htmlText.Replace(found[1])
		}
		kind, name := attribute("type"), attribute("name")
		switch {
		case name == "":
		case (kind == "radio" || kind == "checkbox") && !strings.Contains(field, " checked"):
		default:
			values.Add(name, attribute("value"))
		}
	}
	return values
}

var (
	inputs   = regexp.MustCompile(`<input\b[^>]*>`)
	htmlText = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&#34;", `"`, "&#39;", "'", "&amp;", "&")
)

func (v *visitor) saves(form url.Values) page {
	v.w.t.Helper()
	return v.send("POST", "/take", strings.NewReader(form.Encode()), "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin")
}

// allKinds publishes one question of each type, in an order of its candidate's own.
func (s *exam) allKinds() {
	s.t.Helper()
	var a struct{ ID, Slug string }
	s.must(201, "POST", "/api/v1/assessments", s.owner, obj{"title": "All <kinds>", "shuffleQuestions": true, "shuffleOptions": true}).into(s.t, &a)
	for _, q := range someSecrets.questions() {
		s.must(201, "POST", "/api/v1/assessments/"+a.ID+"/questions", s.owner, q)
	}
	s.must(200, "POST", "/api/v1/assessments/"+a.ID+"/publish", s.owner, nil)
	s.assessment, s.slug = a.ID, a.Slug
}

func TestATestIsSavedWithoutScript(t *testing.T) {
	t.Parallel()
	s := newExam(t, app.Options{})
	s.allKinds()
	v := s.begins("ada@example.org")
	shown := v.get("/take").shows(t, 200, "All <kinds>", "0 of 5 answered", "30 min left", "Option b", `Prompt "0" & more`)
	shown.hides(t, canaries...)
	if h := shown.header; h.Get("Cache-Control") != "no-store" || h.Get("ETag") != "" || strings.Contains(h.Get("Content-Security-Policy"), "unsafe") {
		t.Errorf("the headers are %v", h)
	}
	order := v.asked()
	last := -1
	for _, q := range order { // the page has this candidate's order, of questions and of options
		at := strings.Index(string(shown.body), `data-q="`+q.ID+`"`)
		if at <= last {
			t.Fatalf("question %s stands at %d, after %d", q.ID, at, last)
		}
		last = at
		option := at
		for _, o := range q.Options {
			next := strings.Index(string(shown.body), `value="`+o.ID+`"`)
			if next <= option {
				t.Fatalf("option %s of %s stands at %d, after %d", o.ID, q.ID, next, option)
			}
			option = next
		}
	}
	form := shown.form()
	wanted := map[string]string{}
	for i, q := range order {
		switch q.Type {
		case "single_choice":
			form.Set("answer."+q.ID, q.Options[2].ID)
			wanted[q.ID] = strconv.Quote(q.Options[2].ID)
		case "multiple_choice":
			chosen := []string{q.Options[0].ID, q.Options[3].ID}
			form["answer."+q.ID] = chosen
			slices.Sort(chosen)
			wanted[q.ID] = `["` + strings.Join(chosen, `","`) + `"]`
		case "true_false":
			form.Set("answer."+q.ID, "false")
			wanted[q.ID] = "false"
		case "short_text":
			form.Set("answer."+q.ID, `a "quoted" <b>`)
			wanted[q.ID] = `"a \"quoted\" \u003cb\u003e"`
		case "numeric":
			form.Set("answer."+q.ID, "12,5")
			wanted[q.ID] = `"12,5"`
		}
		if i == 0 {
			form.Set("flag."+q.ID, "flag")
		}
	}
	v.saves(form).leadsTo(t, "/take?saved=5")
	kept := v.kept()
	for i, q := range order {
		if got := kept[q.ID]; !sameJSON(t, got.Answer, wanted[q.ID]) || got.Flagged != (i == 0) || got.Sequence != 1 {
			t.Errorf("kept of %s: %s, flagged %v, sequence %d", q.Type, got.Answer, got.Flagged, got.Sequence)
		}
	}
	again := v.get("/take?saved=5").shows(t, 200, "5 changes saved.", "5 of 5 answered").hides(t, canaries...)
	if got := again.form(); !sameForm(got, form) {
		t.Errorf("the form comes back as %v\nit was sent as %v", got, form)
	}
	v.saves(again.form()).leadsTo(t, "/take?saved=0")
	v.get("/take?saved=0").shows(t, 200, "Nothing had changed.")
	for id, a := range v.kept() {
		if a.Sequence != 1 {
			t.Errorf("an unchanged form wrote %s again: %d", id, a.Sequence)
		}
	}
	clearing := again.form()
	for _, q := range order {
		clearing.Set("clear."+q.ID, "1")
	}
	v.saves(clearing).leadsTo(t, "/take?saved=5")
	for id, a := range v.kept() {
		if string(a.Answer) != "null" {
			t.Errorf("%s still has %s", id, a.Answer)
		}
	}
	form = v.get("/take").form()
	form.Set("do", "finish")
	v.saves(form).leadsTo(t, "/take/finish")
}

func sameJSON(t *testing.T, got json.RawMessage, want string) bool {
	t.Helper()
	var a, b any
	if json.Unmarshal(got, &a) != nil || json.Unmarshal([]byte(want), &b) != nil {
		return false
	}
	return fmt.Sprint(a) == fmt.Sprint(b)
}

// sameForm compares all but what the form knows of its making.
func sameForm(a, b url.Values) bool {
	for _, f := range []url.Values{a, b} {
		for _, values := range f {
			slices.Sort(values)
		}
	}
	for name := range b {
		if name != "was" && !slices.Equal(a[name], b[name]) {
			return false
		}
	}
	return len(a) == len(b)
}

func TestAnOldFormOverwritesNothingThatItDidNotChange(t *testing.T) {
	t.Parallel()
	s := newExam(t, app.Options{})
	v := s.begins("ada@example.org")
	old := v.get("/take")
	order := v.asked()
	choice, text := order[0], order[1]
	newer := v.get("/take").form()
	newer.Set("answer."+choice.ID, choice.Options[1].ID)
	v.saves(newer).leadsTo(t, "/take?saved=1")
	form := old.form() // open since before, in another tab: the choice was not made in it
	form.Set("answer."+text.ID, "ls")
	v.saves(form).leadsTo(t, "/take?saved=1")
	kept := v.kept()
	if string(kept[choice.ID].Answer) != strconv.Quote(choice.Options[1].ID) || string(kept[text.ID].Answer) != `"ls"` {
		t.Errorf("kept are %s and %s", kept[choice.ID].Answer, kept[text.ID].Answer)
	}
	// A form that does not say what it held speaks only of what it sends.
	v.saves(url.Values{"answer." + text.ID: {"dir"}}).leadsTo(t, "/take?saved=1")
	if kept := v.kept(); string(kept[choice.ID].Answer) == "null" || string(kept[text.ID].Answer) != `"dir"` {
		t.Errorf("kept are %s and %s", kept[choice.ID].Answer, kept[text.ID].Answer)
	}
}

func TestAnAnswerThatCannotBeTakenComesBackWithAReason(t *testing.T) {
	t.Parallel()
	s := newExam(t, app.Options{})
	s.allKinds()
	v := s.begins("ada@example.org")
	shown := v.get("/take")
	form := shown.form()
	var number, short string
	for _, q := range v.asked() {
		switch q.Type {
		case "numeric":
			number = q.ID
			form.Set("answer."+q.ID, `12 "or" so`)
		case "short_text":
			short = q.ID
			form.Set("answer."+q.ID, "fits")
		}
	}
	form.Set("do", "finish") // what was refused is seen before that
	refused := v.saves(form).shows(t, 422, "1 answer could not be saved.", "this is not a number")
	if !strings.Contains(string(refused.body), `value="12 &#34;or&#34; so"`) {
		t.Errorf("what was typed is lost: %s", refused.body)
	}
	if kept := v.kept(); string(kept[short].Answer) != `"fits"` || kept[number].Answer != nil {
		t.Errorf("kept are %s and %s", kept[short].Answer, kept[number].Answer)
	}
	form = refused.form()
	form.Set("answer."+number, "12")
	v.saves(form).leadsTo(t, "/take?saved=1")
}

func TestTheTestOpensForItsCandidateAlone(t *testing.T) {
	t.Parallel()
	s := newExam(t, app.Options{})
	ada, bob := s.begins("ada@example.org"), s.begins("bob@example.org")
	form := ada.get("/take").form()
	form.Set("answer."+ada.asked()[1].ID, "of ada")
	bob.saves(url.Values{"answer." + bob.asked()[1].ID: {"of bob"}}).leadsTo(t, "/take?saved=1")
	ada.saves(form).leadsTo(t, "/take?saved=1")
	bob.get("/take").hides(t, "of ada")
	ada.get("/take").hides(t, "of bob")
	member := s.world.owner("2")
	for _, v := range []*visitor{s.visitor(), member} {
		for _, path := range []string{"/take", "/take/state"} {
			if got := v.get(path); got.status != 401 || strings.Contains(string(got.body), "HTTPS?") {
				t.Errorf("%s is %d for who has no attempt", path, got.status)
			}
		}
		if got := v.saves(form); got.status != 401 {
			t.Errorf("a form without an attempt is %d", got.status)
		}
	}
	for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, nil} {
		got := ada.send("POST", "/take", strings.NewReader("do=save"), "application/x-www-form-urlencoded", headers...)
		if got.status != 403 {
			t.Errorf("a form with %v is %d", headers, got.status)
		}
	}
}

func TestATestThatIsOverLeadsToItsReceipt(t *testing.T) {
	t.Parallel()
	s := newExam(t, app.Options{})
	v := s.begins("ada@example.org")
	form := v.get("/take").form()
	id := v.asked()[1].ID
	form.Set("answer."+id, "in time")
	v.saves(form).leadsTo(t, "/take?saved=1")
	s.clock.Advance(30*time.Minute + 4*time.Second) // the network's share
	form.Set("answer."+id, "just so")
	v.saves(form).leadsTo(t, "/take?saved=1")
	s.clock.Advance(2 * time.Second)
	form.Set("answer."+id, "too late")
	v.saves(form).leadsTo(t, "/take/result")
	v.get("/take").leadsTo(t, "/take/result")
	if got := v.kept()[id]; string(got.Answer) != `"just so"` {
		t.Errorf("kept is %s", got.Answer)
	}
	var state struct{ Submission struct{ Status string } }
	if v.get("/take/state").into(t, &state); state.Submission.Status != "expired" {
		t.Errorf("the state is %q", state.Submission.Status)
	}
}

func TestADeviceThatWasReplacedSaysSo(t *testing.T) {
	t.Parallel()
	s := newExam(t, app.Options{})
	link := s.linked("ada@example.org")
	phone, laptop := s.visitor(), s.visitor()
	phone.post(link, "name", "Ada", "consent", "yes").leadsTo(t, "/take")
	form := phone.get("/take").form()
	laptop.post(link).leadsTo(t, "/take")
	phone.get("/take").shows(t, 409, "Open somewhere else", "open your personal link again").hides(t, "HTTPS?")
	form.Set("answer."+laptop.asked()[1].ID, "from the phone")
	phone.saves(form).shows(t, 409, "Open somewhere else")
	var refused struct{ Code string }
	if got := phone.get("/take/state"); got.status != 409 || json.Unmarshal(got.body, &refused) != nil || refused.Code != "session_taken" {
		t.Errorf("the state is %d %s", got.status, got.body)
	}
	phone.post(link).leadsTo(t, "/take")
	phone.get("/take").shows(t, 200, "HTTPS?")
}

func TestAPaperOfAThousandQuestionsIsOneForm(t *testing.T) {
	t.Parallel()
	s := newExam(t, app.Options{})
	var a struct{ ID, Slug string }
	s.must(201, "POST", "/api/v1/assessments", s.owner, obj{"title": "Long"}).into(t, &a)
	var csv strings.Builder
	csv.WriteString("prompt,a,b,answer,type\n")
	for i := range 1000 {
		fmt.Fprintf(&csv, "Question number %d,yes,no,a,\n", i)
	}
	if got, _ := s.upload(s.owner, a.ID, "long.csv", []byte(csv.String())); got.status != 201 {
		t.Fatalf("the import is %d %s", got.status, got.body)
	}
	s.must(200, "POST", "/api/v1/assessments/"+a.ID+"/publish", s.owner, nil)
	s.slug = a.Slug
	v := s.begins("ada@example.org")
	shown := v.get("/take", "Accept-Encoding", "gzip").reply
	if n := len(shown.body); shown.status != 200 || n > 200<<10 {
		t.Errorf("the page is %d with %d compressed bytes", shown.status, n)
	}
	plain := v.get("/take", "Accept-Encoding", "identity").shows(t, 200, "0 of 1000 answered", "Question number 999")
	form := plain.form()
	for _, q := range v.asked() {
		form.Set("answer."+q.ID, q.Options[0].ID)
	}
	v.saves(form).leadsTo(t, "/take?saved=1000")
	if got := len(v.kept()); got != 1000 {
		t.Errorf("%d answers are kept", got)
	}
}

func TestTheWorkerIsServedForTheTestAlone(t *testing.T) {
	t.Parallel()
	s := newWorld(t)
	got := s.call("GET", "/take/worker.js", "", nil)
	if got.status == 404 { // nothing was built
		return
	}
	if h := got.header; got.status != 200 || h.Get("Cache-Control") != "no-cache" || h.Get("Service-Worker-Allowed") != "/take" ||
		!strings.HasPrefix(h.Get("Content-Type"), "text/javascript") {
		t.Errorf("%d %v", got.status, h)
	}
}

func TestEveryTextOfTheTestIsInTheCatalogue(t *testing.T) {
	t.Parallel()
	s := newExam(t, app.Options{})
	s.allKinds()
	v := s.begins("ada@example.org")
	shown := v.get("/take", "Accept-Language", words.PseudoTag).shows(t, 200)
	text := marked.ReplaceAllString(shown.text(), "")
	for _, ours := range []string{"All <kinds>", "· CredLane"} {
		text = strings.ReplaceAll(text, ours, "")
	}
	text = authored.ReplaceAllString(text, "")
	if rest := strings.TrimSpace(letters.ReplaceAllString(text, "")); rest != "" {
		t.Errorf("not in the catalogue: %q", rest)
	}
	for _, label := range labels.FindAllStringSubmatch(string(shown.body), -1) {
		if !strings.Contains(label[1], words.MarkOpen) {
			t.Errorf("a label that is not in the catalogue: %q", label[1])
		}
	}
	if !strings.Contains(string(shown.body), `dir="rtl"`) {
		t.Error("the page does not run from right to left")
	}
}

var (
	marked   = regexp.MustCompile(`(?s)` + words.MarkOpen + `.*?` + words.MarkClose)
	authored = regexp.MustCompile(`Prompt "\d" & more|Option (<a>|& c|[bd])?`)
	letters  = regexp.MustCompile(`\b[F\d/]+\b|[^\pL\pN]+`) // a key's name, numbers, signs
	labels   = regexp.MustCompile(`aria-label="([^"]*)"`)
)
