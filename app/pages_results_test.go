package app_test

import (
	"encoding/json"
	"fmt"
	"html"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"credlane/app"
	"credlane/app/kit/clock"
	"credlane/app/kit/pgtest"
)

// sitAs lets somebody take the published assessment of two questions: right says which of them they get.
func (w *world) sitAs(slug, name, email string, right ...bool) sitting {
	w.t.Helper()
	var s sitting
	w.must(201, "POST", "/api/v1/public/assessments/"+slug+"/submissions", "", obj{"name": name, "email": email, "consent": true}).into(w.t, &s)
	for i, q := range s.Questions {
		if i >= len(right) {
			break
		}
		var answer any = map[bool]string{true: "ls", false: "dir"}[right[i]]
		if len(q.Options) > 0 {
			answer = q.Options[0].ID
			for _, o := range q.Options {
				if (o.Text == "443") == right[i] {
					answer = o.ID
				}
			}
		}
		w.must(200, "PUT", "/api/v1/public/submission/answers/"+q.ID, s.SubmissionToken, obj{"answer": answer, "sequence": 1})
	}
	return s
}

func (w *world) handsIn(s sitting) {
	w.t.Helper()
	w.must(200, "POST", "/api/v1/public/submission/submit", s.SubmissionToken, nil)
}

// group is an assessment that twelve have finished, and one is still at.
type group struct {
	*world
	clock          *clock.Fake
	me, id, slug   string
	first, running string // submissions
}

func newGroup(t *testing.T) *group {
	t.Helper()
	now := clock.NewFake(time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC))
	g := &group{world: instance(t, pgtest.New(t), app.Options{Clock: now}), clock: now}
	g.me = g.employer(1)
	g.id, g.slug = g.published(g.me)
	for i := range 12 {
		s := g.sitAs(g.slug, fmt.Sprintf("Person %02d", i), fmt.Sprintf("p%d@example.com", i), i%3 != 0, i%3 == 0 || i%4 == 0)
		now.Advance(time.Duration(3+i) * time.Minute)
		g.handsIn(s)
		if i == 0 {
			g.first = s.Submission.ID
		}
	}
	var again struct{ AccessToken string } // the first one's quarter of an hour is over
	g.must(200, "POST", "/api/v1/auth/login", "", obj{"email": "owner1@example.com", "password": "a long enough secret"}).into(t, &again)
	g.me = again.AccessToken
	g.running = g.sitAs(g.slug, "Rae Running", "rae@example.com", true).Submission.ID
	return g
}

func (g *group) path() string { return "/app/assessments/" + g.id + "/results" }

// summed is what the API says of the results.
type summed struct {
	PassRate, MedianScore, MeanScore, LowestScore, HighestScore json.Number
	MedianTimeSpentSeconds                                      int
	Counts                                                      struct{ InProgress, Submitted, Expired, Passed, Failed int }
	Histogram                                                   []struct{ Count int }
	Reliability                                                 struct{ Alpha, StandardErrorPoints *float64 }
	Items                                                       []struct {
		QuestionID           string
		Difficulty, ItemRest *float64
		Answered             int
		Flags                []struct{ Code string }
	}
}

func (g *group) summed() (s summed) {
	g.t.Helper()
	g.must(200, "GET", "/api/v1/assessments/"+g.id+"/results", g.me, nil).into(g.t, &s)
	return s
}

func TestEveryFigureOfTheResultsIsTheAPIs(t *testing.T) {
	t.Parallel()
	g := newGroup(t)
	s, page := g.summed(), g.page(g.path(), g.me)
	inOrder(t, page, fmt.Sprintf("<b>%d</b>", s.Counts.Submitted+s.Counts.Expired), "all handed in",
		fmt.Sprintf("<b>%s%%</b>", s.PassRate), fmt.Sprintf("%d people at 60%% or more", s.Counts.Passed),
		fmt.Sprintf("<b>%s%%</b>", s.MedianScore), fmt.Sprintf("from %s%% to %s%%, mean %s%%", s.LowestScore, s.HighestScore, s.MeanScore),
		fmt.Sprintf("<b>%d min</b>", s.MedianTimeSpentSeconds/60), "of 30 min allowed",
		fmt.Sprintf("<b>%d</b>", s.Counts.InProgress),
		fmt.Sprintf("Passed, %d", s.Counts.Passed), fmt.Sprintf("Below, %d", s.Counts.Failed))
	for i, bar := range s.Histogram {
		label := fmt.Sprintf("aria-label=\"%d to %d%%: ", 10*i, 10*i+10)
		if strings.Contains(page, label) != (bar.Count > 0) || bar.Count > 0 && !strings.Contains(page, label+people(bar.Count)) {
			t.Errorf("bar %d of %d is not drawn as the API counts it", i, bar.Count)
		}
	}
	for _, item := range s.Items {
		row := html.UnescapeString(rowWith(t, page, "#q-"+item.QuestionID))
		inOrder(t, row, fmt.Sprintf("%.0f%%", math.Round(100**item.Difficulty)), strings.Replace(fmt.Sprintf("%+.2f", *item.ItemRest), "-", "−", 1),
			fmt.Sprintf("%d of 12", item.Answered))
		if flagged := strings.Contains(row, `class="t-`); flagged != (len(item.Flags) > 0) {
			t.Errorf("flags %v in %s", item.Flags, row)
		}
	}
	inOrder(t, page, "2 of 2 need a look", "Strong candidates miss it more often. Check the answer key.")
	inOrder(t, page, strings.Replace(fmt.Sprintf("alpha) %.2f", *s.Reliability.Alpha), "-", "−", 1))
	without(t, page, "style=", "%!")
}

func TestWhoChoseWhatIsCountedAsTheAPICountsIt(t *testing.T) {
	t.Parallel()
	g := newGroup(t)
	first := g.summed().Items[0].QuestionID
	var s struct {
		Items []struct {
			Choices []struct {
				Text  string
				Right bool
				Count int
			}
		}
	}
	g.must(200, "GET", "/api/v1/assessments/"+g.id+"/results?choices="+first, g.me, nil).into(t, &s)
	page := g.page(g.path(), g.me)
	if n := strings.Count(page, "Who chose what<"); n != 1 {
		t.Errorf("%d questions offer it; the typed one has no options", n)
	}
	page = g.page(g.path()+"?choices="+first, g.me)
	_, list, _ := strings.Cut(page, `<ul class="who-chose"`)
	list, _, _ = strings.Cut(list, "</ul>")
	if len(s.Items[0].Choices) != 2 {
		t.Fatalf("choices %+v", s.Items[0].Choices)
	}
	for _, c := range s.Items[0].Choices {
		_, row, _ := strings.Cut(list, ">"+c.Text)
		row, _, _ = strings.Cut(row, "</li>")
		inOrder(t, row, fmt.Sprintf("<b class=\"num\">%d</b>", c.Count), fmt.Sprintf("%.0f%%", math.Round(100*float64(c.Count)/12)))
		if strings.Contains(row, "Correct answer") != c.Right {
			t.Errorf("%s: right %v in %s", c.Text, c.Right, row)
		}
	}
	without(t, g.page(g.path()+"?choices=nonsense", g.me), "who-chose")
}

// people are a number of them in words.
func people(n int) string {
	if n == 1 {
		return "1 person"
	}
	return strconv.Itoa(n) + " people"
}

// rowWith is the one row of a table that holds the text.
func rowWith(t *testing.T, page, text string) string {
	t.Helper()
	for _, row := range strings.Split(page, "<tr ") {
		if row, _, _ = strings.Cut(row, "</tr>"); strings.Contains(row, text) {
			return row
		}
	}
	t.Fatalf("no row with %q", text)
	return ""
}

var names = regexp.MustCompile(`class="who" href="/app/submissions/[^"]*" dir="auto">([^<]*)<`)

// listedOn are the names of a page's table, in its order.
func listedOn(page string) []string {
	var all []string
	for _, m := range names.FindAllStringSubmatch(page, -1) {
		all = append(all, html.UnescapeString(m[1]))
	}
	return all
}

func TestTheTableOfResultsIsTheAPIsListForEveryFilterAndOrder(t *testing.T) {
	t.Parallel()
	g := newGroup(t)
	g.must(200, "PATCH", "/api/v1/submissions/"+g.first, g.me, obj{"decision": "shortlist", "tags": []string{"near & dear"}})
	for _, query := range []string{
		"", "sort=score", "sort=name", "sort=-name", "sort=submittedAt", "sort=-submittedAt", "passed=true", "passed=false&sort=name",
		"status=in_progress", "status=submitted", "decision=shortlist", "decision=none&sort=-name", "tag=near+%26+dear", "q=PERSON+0", "q=nobody",
	} {
		var list struct {
			Items []struct{ Candidate struct{ Name string } }
		}
		g.must(200, "GET", "/api/v1/assessments/"+g.id+"/submissions?limit=200&"+query, g.me, nil).into(t, &list)
		page := g.page(g.path()+"?"+query, g.me)
		got := listedOn(page)
		if len(got) != len(list.Items) {
			t.Errorf("%q shows %v, the API has %d", query, got, len(list.Items))
			continue
		}
		for i, item := range list.Items {
			if got[i] != item.Candidate.Name {
				t.Errorf("%q shows %v, the API has %s at %d", query, got, item.Candidate.Name, i)
			}
		}
	}
	page := g.page(g.path()+"?passed=true&q=person&sort=name", g.me)
	inOrder(t, page, `submissions.csv?bom=true&amp;passed=true&amp;q=person&amp;version=1" download`, "submissions.xlsx?passed=true&amp;q=person&amp;version=1",
		"submissions.ndjson?passed=true", "version 1, passed, with “person” in name or email", `aria-sort="ascending"`)
	inOrder(t, g.page(g.path(), g.me), `aria-sort="descending"`, `href="`+g.path()+`?sort=score#candidates"`)
	inOrder(t, g.page(g.path()+"?decision=shortlist", g.me), ">Shortlist</h2>", "Rank", `data-l="Rank">1<`, "Person 00")
	inOrder(t, g.page(g.path()+"?sort=nonsense&status=nonsense&version=all&passed=perhaps&decision=never&page=-1", g.me), "1 to 13 of 13")
	g.must(404, "GET", g.path()+"?version=7", g.me, nil)
	g.must(400, "GET", g.path()+"?cursor=nonsense", g.me, nil)
}

func TestAFileHoldsWhatTheTableShows(t *testing.T) {
	t.Parallel()
	g := newGroup(t)
	page := g.page(g.path()+"?passed=true", g.me)
	_, after, _ := strings.Cut(page, `href="/api/v1/assessments/`+g.id+`/submissions.csv`)
	query, _, _ := strings.Cut(after, `"`)
	csv := string(g.must(200, "GET", "/api/v1/assessments/"+g.id+"/submissions.csv"+html.UnescapeString(query), g.me, nil).body)
	shown := listedOn(page)
	if n := strings.Count(strings.TrimSpace(csv), "\n"); n != len(shown) || n == 0 {
		t.Errorf("the file has %d rows, the table %d", n, len(shown))
	}
	for _, name := range shown {
		if !strings.Contains(csv, name) {
			t.Errorf("%s is not in the file", name)
		}
	}
}

func TestALongTableOfResultsPagesWithoutLossOrRepetition(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	me := w.employer(1)
	id, slug := w.published(me)
	for i := range 57 {
		w.start(slug, fmt.Sprintf("p%d@example.com", i))
	}
	for _, sort := range []string{"-score", "name", "submittedAt"} {
		path, seen, pages, from := "/app/assessments/"+id+"/results?sort="+sort, map[string]bool{}, 0, 1
		for path != "" {
			page := w.page(path, me)
			rows := regexp.MustCompile(`/app/submissions/([0-9a-f-]{36})`).FindAllStringSubmatch(page, -1)
			for _, m := range rows {
				if seen[m[1]] {
					t.Errorf("%s shows %s twice", sort, m[1])
				}
				seen[m[1]] = true
			}
			inOrder(t, page, fmt.Sprintf("%d to %d of 57", from, from+len(rows)-1))
			from += len(rows)
			path = ""
			if _, after, ok := strings.Cut(page, `rel="next" href="`); ok {
				path, _, _ = strings.Cut(html.UnescapeString(after), `"`)
				path, _, _ = strings.Cut(path, "#")
			}
			if pages++; pages > 4 {
				t.Fatalf("%s does not end", sort)
			}
		}
		if len(seen) != 57 || pages != 3 {
			t.Errorf("%s shows %d on %d pages", sort, len(seen), pages)
		}
	}
}

func TestFewResultsAreATableAloneAndNoneTeach(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	me := w.employer(1)
	draft := w.made(me, "/api/v1/assessments", obj{"title": "Draft"})
	inOrder(t, w.page("/app/assessments/"+draft+"/results", me), "No submissions yet", "Publish the assessment first")
	id, slug := w.published(me)
	path := "/app/assessments/" + id + "/results"
	inOrder(t, w.page(path, me), "No submissions yet", "Nobody is invited yet", "/invites")
	w.must(200, "POST", "/api/v1/assessments/"+id+"/invites", me, obj{"invites": []obj{{"email": "ann@example.com"}}})
	page := w.page(path, me)
	inOrder(t, page, "No submissions yet", "1 person is invited and none has opened their link", "See who is waiting")
	without(t, page, "submissions.csv", `data-dialog="release"`, "<table")
	for i := range 9 {
		w.handsIn(w.sitAs(slug, "Cara", fmt.Sprintf("p%d@example.com", i), true))
	}
	page = w.page(path, me)
	inOrder(t, page, "9 submissions so far.", "Charts appear at 10", "1 to 9 of 9")
	without(t, page, `class="stats"`, "<title>0 to", "Question analysis", "Pass rate")
	w.handsIn(w.sitAs(slug, "Cara", "p9@example.com", true))
	inOrder(t, w.page(path, me), "Pass rate", "Score distribution", "Question analysis")
}

func TestTheFunnelFollowsThePersonalInvites(t *testing.T) {
	t.Parallel()
	g := newGroup(t)
	inOrder(t, g.page(g.path(), g.me), "From start to pass", ">Started<", "<b class=\"num\">13</b>", ">Submitted<", "<b class=\"num\">12</b>")
	for _, name := range []string{"ann", "bob", "cy"} {
		link := g.invited(g.me, g.id, name+"@example.com")
		if name == "ann" {
			continue
		}
		g.must(200, "GET", link, "", nil)
		if name == "cy" {
			var s sitting
			g.must(201, "POST", link+"/submissions", "", obj{"name": "Cy", "consent": true}).into(t, &s)
			g.handsIn(s)
		}
	}
	page := g.page(g.path(), g.me)
	_, funnel, _ := strings.Cut(page, "From invite to pass")
	inOrder(t, funnel, ">Invited<", `<b class="num">3</b>`, ">Opened<", `<b class="num">2</b>`, "1 never opened", ">Started<", `<b class="num">1</b>`,
		"1 opened, not started", ">Submitted<", `<b class="num">1</b>`, ">Passed<", `<b class="num">0</b>`, "1 below the pass mark",
		"13 more people came by the public link")
	funnel, _, _ = strings.Cut(funnel, "</ol>")
	without(t, funnel, "100%</span>")
}

func TestVersionsAreSummedUpByThemselves(t *testing.T) {
	t.Parallel()
	g := newGroup(t)
	g.must(201, "POST", "/api/v1/assessments/"+g.id+"/questions", g.me, obj{"type": "true_false", "prompt": "Is it?", "answerKey": obj{"value": true}})
	g.must(200, "POST", "/api/v1/assessments/"+g.id+"/publish", g.me, nil)
	page := g.page(g.path(), g.me)
	inOrder(t, page, "Version 2, scored", "13 submissions are on another version.", `?version=1">Version 1: 13`, "Nobody has started this version")
	g.handsIn(g.sitAs(g.slug, "New", "new@example.com", true))
	inOrder(t, g.page(g.path()+"?version=1", g.me), "12 submissions on version 1", "1 to 13 of 13")
	if got := listedOn(g.page(g.path()+"?version=all&sort=name", g.me)); len(got) != 14 {
		t.Errorf("every version: %v", got)
	}
	if got := listedOn(g.page(g.path(), g.me)); len(got) != 1 || got[0] != "New" {
		t.Errorf("the latest version: %v", got)
	}
}

func TestWhatIsReleasedStandsOnTheResults(t *testing.T) {
	t.Parallel()
	g := newGroup(t)
	page := g.page(g.path(), g.me)
	inOrder(t, page, "Release 12 results", "Candidates see nothing of their results yet.", `<dialog class="dialog" id="release"`,
		`data-api="POST /api/v1/assessments/`+g.id+`/results/release"`, "12 people who finished can see this at once", "1 person still at it",
		`value="score" checked`)
	g.must(200, "POST", "/api/v1/assessments/"+g.id+"/results/release", g.me, obj{"resultRelease": "passed"})
	page = g.page(g.path(), g.me)
	at := g.clock.Now().Format(time.RFC3339)
	inOrder(t, page, "Change what is released", "Candidates see whether they passed, since <time data-when datetime=\""+at+`"`, "Stop showing results", `value="passed" checked`)
	etag := page[strings.Index(page, `data-if-match="`)+len(`data-if-match="`):]
	etag, _, _ = strings.Cut(html.UnescapeString(etag), `" `)
	g.must(200, "PATCH", "/api/v1/assessments/"+g.id, g.me, obj{"resultRelease": "none", "releaseAt": nil}, "If-Match", etag)
	inOrder(t, g.page(g.path(), g.me), "Candidates see nothing of their results yet.")
}
