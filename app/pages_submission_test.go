package app_test

import (
	"encoding/json"
	"fmt"
	"html"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"
)

// full is what the API says of one submission.
type full struct {
	Score, Points, PointsTotal json.Number
	Questions                  []struct {
		ID           string
		Prompt       string
		PointsEarned json.Number
		SavedAt      time.Time
	}
	DecidedAt time.Time
	DecidedBy struct{ Name string }
}

func (g *group) one(id string) string { return "/app/submissions/" + id }

func TestASubmissionIsShownAsTheAPIHasIt(t *testing.T) {
	t.Parallel()
	g := newGroup(t)
	var f full
	g.must(200, "GET", "/api/v1/submissions/"+g.first, g.me, nil).into(t, &f)
	page := g.page(g.one(g.first), g.me)
	inOrder(t, page, "<h1 dir=\"auto\">Person 00</h1>", "p0@example.com", "version 1", `role="img" aria-label="`+f.Score.String()+" per cent, pass mark 60 per cent",
		fmt.Sprintf("Below the pass mark, with %s of %s points", f.Points, f.PointsTotal), "3 min", "2 of 2")
	for i, q := range f.Questions {
		_, one, _ := strings.Cut(page, `id="q-`+q.ID+`"`)
		one, _, _ = strings.Cut(one, "</details>")
		inOrder(t, one, q.Prompt, fmt.Sprintf("<b class=\"strong\">%s</b> / 1", q.PointsEarned))
		inOrder(t, one, "Saved <time data-when datetime=\""+q.SavedAt.Format(time.RFC3339)+`"`, "% of people got this right.")
		if i == 0 {
			inOrder(t, one, "80", "Chosen", "443", "Correct answer")
		} else {
			inOrder(t, one, "ls", "Correct answer", "<li>ls</li>", "Capitals and extra spaces do not count.")
		}
	}
	for _, item := range g.summed().Items {
		_, one, _ := strings.Cut(page, `id="q-`+item.QuestionID+`"`)
		inOrder(t, one, fmt.Sprintf("%.0f%% of people got this right.", math.Round(100**item.Difficulty)))
	}
	inOrder(t, page, "<title>Question 1, saved after 0:00, no points</title>", "2 answers, each where it was saved last, 0:00 after the start.")
	without(t, page, "style=", "Extra time", "%!")
}

func TestADecisionStandsWithWhoTookItAndWhen(t *testing.T) {
	t.Parallel()
	g := newGroup(t)
	inOrder(t, g.page(g.one(g.first), g.me), "Nobody has decided yet")
	g.must(200, "PATCH", "/api/v1/submissions/"+g.first, g.me, obj{"decision": "hold", "note": "Ask <b>her</b> again", "tags": []string{"near", "senior"}})
	page := g.page(g.one(g.first), g.me)
	inOrder(t, page, `aria-pressed="true" data-api="PATCH /api/v1/submissions/`+g.first+`" data-body='{"decision":null}'`, "Hold",
		"Owner 1", g.clock.Now().Format(time.RFC3339), "Ask &lt;b&gt;her&lt;/b&gt; again", "near\nsenior</textarea>")
	inOrder(t, rowWith(t, g.page(g.path(), g.me), "Person 00"), "Hold", "near", "senior")
}

func TestASubmissionThatRunsShowsHowItStands(t *testing.T) {
	t.Parallel()
	g := newGroup(t)
	page := g.page(g.one(g.running), g.me)
	inOrder(t, page, "Rae Running", "data-live", "In progress, 30 min left", "1 of 2", "Give extra time")
	without(t, page, `class="ring"`, "Lost points", "of people got this right")
	g.must(200, "PATCH", "/api/v1/submissions/"+g.running, g.me, obj{"extraTimePercent": 50, "reason": "Reads <slowly>"})
	inOrder(t, g.page(g.one(g.running), g.me), "In progress, 45 min left", `value="50"`, "How it was taken", "50%: <span dir=\"auto\">Reads &lt;slowly&gt;", "Owner 1")
	g.clock.Advance(14 * time.Minute)
	inOrder(t, rowWith(t, g.page(g.path()+"?status=in_progress", g.me), "Rae Running"), "In progress", "31 min left")
	viewer := g.member(g.me, "viewer@example.com", "viewer")
	without(t, g.page(g.one(g.running), viewer), "slowly", "50%", "Give extra time")
}

func TestWhoEndedIsNeverShownBesideExtraTime(t *testing.T) {
	t.Parallel()
	g := newGroup(t)
	g.must(200, "PATCH", "/api/v1/submissions/"+g.running, g.me, obj{"extraTimePercent": 37, "reason": "Slow reader"})
	g.clock.Advance(42 * time.Minute)
	var again struct{ AccessToken string }
	g.must(200, "POST", "/api/v1/auth/login", "", obj{"email": "owner1@example.com", "password": "a long enough secret"}).into(t, &again)
	page := g.page(g.one(g.running), again.AccessToken)
	inOrder(t, page, "ran out of time", "Below the pass mark", `<details class="card how">`, "Slow reader")
	before, _, _ := strings.Cut(page, `<details class="card how">`)
	without(t, before, "Slow reader", "37%", "xtra time")
	without(t, g.page(g.path(), again.AccessToken), "Slow reader", "xtra time")
}

func TestAViewerReadsResultsAndIsShownNothingToChange(t *testing.T) {
	t.Parallel()
	g := newGroup(t)
	g.must(200, "PATCH", "/api/v1/submissions/"+g.first, g.me, obj{"decision": "shortlist", "note": "Good", "tags": []string{"near"}})
	viewer, recruiter := g.member(g.me, "viewer@example.com", "viewer"), g.member(g.me, "recruiter@example.com", "recruiter")
	for _, path := range []string{g.path(), g.one(g.first), g.one(g.running)} {
		without(t, g.page(path, viewer), `data-api="`, "<textarea", `data-dialog="void"`, `data-dialog="release"`)
		without(t, g.page(path, recruiter), `data-dialog="void"`, "DELETE /api")
	}
	inOrder(t, g.page(g.one(g.first), viewer), "Shortlist", "Owner 1", "Good", "near")
	inOrder(t, g.page(g.one(g.first), recruiter), `aria-pressed="true"`, "Save note and tags")
	inOrder(t, g.page(g.one(g.first), g.me), `data-dialog="void"`, `data-api="DELETE /api/v1/submissions/`+g.first+`"`, "may start afresh")
}

func TestAnotherEmployerFindsNoResults(t *testing.T) {
	t.Parallel()
	g := newGroup(t)
	other := g.employer(2)
	for _, path := range []string{g.path(), g.one(g.first), g.one(g.running), g.path() + "?version=1&passed=true"} {
		r := g.call("GET", path, other, nil)
		if r.status != 404 || strings.Contains(string(r.body), "Person") || strings.Contains(string(r.body), "Networking") {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
		r = g.call("GET", path, "", nil)
		if r.status != 303 || !strings.HasPrefix(r.header.Get("Location"), "/app/login?next=") {
			t.Errorf("%s to a stranger: %d", path, r.status)
		}
	}
	absent := "00000000-0000-7000-8000-000000000000"
	for _, path := range []string{g.one(absent), "/app/assessments/" + absent + "/results", g.one("nonsense"), "/app/assessments/nonsense/results"} {
		if r := g.call("GET", path, g.me, nil); r.status != 404 || !strings.Contains(string(r.body), "Not found") {
			t.Errorf("%s: %d", path, r.status)
		}
	}
}

// handler is an element with an event handler.
var handler = regexp.MustCompile(`<[a-z][^>]*\son[a-z]+=`)

const hostileName = `<script>alert("x")</script>' onload='1`

func TestWhatAStrangerTypedIsTextOnEveryPageOfResults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	me := w.employer(1)
	id := w.made(me, "/api/v1/assessments", obj{"title": "Hostile " + hostileName})
	w.must(201, "POST", "/api/v1/assessments/"+id+"/questions", me, obj{"type": "short_text", "prompt": "Why " + hostileName,
		"explanation": hostileName, "tags": []string{hostileName}, "answerKey": obj{"accepted": []string{hostileName}}})
	w.must(200, "POST", "/api/v1/assessments/"+id+"/publish", me, nil)
	var a struct{ Slug string }
	w.must(200, "GET", "/api/v1/assessments/"+id, me, nil).into(t, &a)
	var s sitting
	for i := range 11 {
		w.must(201, "POST", "/api/v1/public/assessments/"+a.Slug+"/submissions", "", obj{"name": hostileName, "email": fmt.Sprintf("p%d@example.com", i), "consent": true}).into(t, &s)
		w.must(200, "PUT", "/api/v1/public/submission/answers/"+s.Questions[0].ID, s.SubmissionToken, obj{"answer": hostileName, "sequence": 1})
		w.handsIn(s)
	}
	w.must(200, "PATCH", "/api/v1/submissions/"+s.Submission.ID, me, obj{"decision": "hold", "note": hostileName, "tags": []string{hostileName}})
	for _, path := range []string{"/app/assessments/" + id + "/results", "/app/submissions/" + s.Submission.ID,
		"/app/assessments/" + id + "/results?q=" + "%3Cscript%3Ealert%281%29%3C%2Fscript%3E&tag=%22%3E%3Cscript%3E"} {
		page := w.page(path, me)
		if strings.Contains(page, "<script>") || handler.MatchString(page) || strings.Contains(page, "style=") {
			t.Errorf("%s lets markup through", path)
		}
		if !strings.Contains(html.UnescapeString(page), "<script>") {
			t.Errorf("%s does not show what was typed", path)
		}
	}
}

func TestNeighboursFollowTheListThatTheReaderCameFrom(t *testing.T) {
	t.Parallel()
	g := newGroup(t)
	for _, query := range []string{"?sort=name", "?passed=true"} {
		page := g.page(g.path()+query, g.me)
		want := listedOn(page)
		_, after, _ := strings.Cut(page, `class="who" href="`)
		at, _, _ := strings.Cut(after, `"`)
		var walked []string
		for path := html.UnescapeString(at); path != ""; {
			page = g.page(path, g.me)
			name, _, _ := strings.Cut(page[strings.Index(page, `<h1 dir="auto">`)+len(`<h1 dir="auto">`):], "<")
			walked = append(walked, name)
			path = ""
			if _, after, ok := strings.Cut(page, `rel="next" href="`); ok {
				path, _, _ = strings.Cut(html.UnescapeString(after), `"`)
			}
			if len(walked) > 20 {
				t.Fatal("the walk does not end")
			}
		}
		if fmt.Sprint(walked) != fmt.Sprint(want) {
			t.Errorf("%s walks %v, the list is %v", query, walked, want)
		}
	}
}

func TestASubmissionOfVeryManyQuestionsIsShownInPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	me := w.employer(1)
	id := w.made(me, "/api/v1/assessments", obj{"title": "Long"})
	for i := range 250 {
		w.must(201, "POST", "/api/v1/assessments/"+id+"/questions", me, obj{"type": "true_false", "prompt": fmt.Sprintf("Statement %03d", i+1), "answerKey": obj{"value": true}})
	}
	w.must(200, "POST", "/api/v1/assessments/"+id+"/publish", me, nil)
	var a struct{ Slug string }
	w.must(200, "GET", "/api/v1/assessments/"+id, me, nil).into(t, &a)
	s := w.start(a.Slug, "ann@example.com")
	w.must(200, "PUT", "/api/v1/public/submission/answers/"+s.Questions[100].ID, s.SubmissionToken, obj{"answer": true, "sequence": 1, "flagged": true})
	w.handsIn(s)
	path := "/app/submissions/" + s.Submission.ID
	for i, want := range []struct{ first, last string }{{"Statement 001", "Statement 200"}, {"Statement 201", "Statement 250"}} {
		page := w.page(fmt.Sprintf("%s?page=%d", path, i), me)
		inOrder(t, page, want.first, want.last, fmt.Sprintf("%d to", 200*i+1), "of 250")
		if n := strings.Count(page, `<details class="answer"`); n > 200 {
			t.Errorf("page %d shows %d questions", i, n)
		}
	}
	page := w.page(path+"?show=flagged", me)
	inOrder(t, page, "Statement 101", "Flagged to come back to.")
	if n := strings.Count(page, `<details class="answer"`); n != 1 {
		t.Errorf("%d questions are flagged", n)
	}
	inOrder(t, page, "Lost points", "249", "Flagged", "1", "Not answered", "249")
}
