package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"credlane/app"
	"credlane/app/kit/clock"
	"credlane/app/kit/pgtest"
)

// page reads a page of a member, which must be there.
func (w *world) page(path, token string) string {
	w.t.Helper()
	r := w.must(200, "GET", path, token, nil)
	if kind := r.header.Get("Content-Type"); kind != "text/html; charset=utf-8" {
		w.t.Fatalf("GET %s: a page of %q", path, kind)
	}
	return string(r.body)
}

// inOrder fails unless the text holds every part, in this order.
func inOrder(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, part := range parts {
		_, after, ok := strings.Cut(rest, part)
		if !ok {
			t.Fatalf("no %q after the parts before it in\n%s", part, text)
		}
		rest = after
	}
}

func without(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(text, part) {
			t.Errorf("there is %q in\n%s", part, text)
		}
	}
}

// ended hands a submission in, with the right answer to the first question alone.
func (w *world) ended(s sitting) {
	w.t.Helper()
	for _, q := range s.Questions {
		for _, o := range q.Options {
			if o.Text == "443" {
				w.must(200, "PUT", "/api/v1/public/submission/answers/"+q.ID, s.SubmissionToken, obj{"answer": o.ID, "sequence": 1})
			}
		}
	}
	w.must(200, "POST", "/api/v1/public/submission/submit", s.SubmissionToken, nil)
}

func TestTheFirstPageTeachesHowToBegin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	me := w.employer(1)
	if r := w.call("GET", "/app", me, nil); r.status != 303 || r.header.Get("Location") != "/app/assessments" {
		t.Errorf("/app: %d to %q", r.status, r.header.Get("Location"))
	}
	html := w.page("/app/assessments", me)
	inOrder(t, html, `href="#main"`, "Employer 1", "Owner 1", `action="/app/logout"`, "<h1>Assessments</h1>", "0 of 3", "No assessments yet",
		`data-dialog="new-assessment"`, `href="/app/import"`, `data-api="POST /api/v1/assessments"`)
	without(t, html, `role="search"`, "<table", "style=")
	if n := strings.Count(html, "<h1"); n != 1 {
		t.Errorf("%d first headings", n)
	}
}

func TestTheListSaysWhatStandsAndWhatWaits(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC))
	w := instance(t, pgtest.New(t), app.Options{Clock: now})
	me := w.employer(1)
	id, slug := w.published(me)
	w.must(200, "POST", "/api/v1/assessments/"+id+"/invites", me, obj{
		"invites": []obj{{"email": "ann@example.com"}, {"email": "bob@example.com"}, {"email": "cy@example.com"}}, "expiresAt": "2026-05-05T08:00:00Z",
	})
	w.ended(w.start(slug, "dee@example.com"))
	w.start(slug, "eve@example.com")
	draft := w.made(me, "/api/v1/assessments", obj{"title": "<i>Draft</i> & more"})
	w.must(201, "POST", "/api/v1/assessments/"+draft+"/questions", me, obj{"type": "true_false", "prompt": "Is it?"})
	w.must(201, "POST", "/api/v1/assessments/"+id+"/questions", me, obj{"type": "true_false", "prompt": "Is it?", "answerKey": obj{"value": true}})

	html := w.page("/app/assessments", me)
	inOrder(t, html, "One is taking candidates.", "1 of 3", `class="n">3`, "Invites end within a day", "3 of them never opened",
		`class="n">1`, "Draft lacks answers", `class="n">1`, "Draft is not published")
	inOrder(t, html, "All", "2</span>", "Active", "1</span>", "Draft", "1</span>", "Closed", "0</span>")
	inOrder(t, html, "&lt;i&gt;Draft&lt;/i&gt; &amp; more", "1 question, 30 min", "1 answer missing", "No invites yet",
		"Networking", "<small>3 questions, 30 min", "v2 in draft", "3 invited, 2 started, 1 submitted", "0%", "1 submission in 14 days",
		`data-copy="http://localhost:8080/a/`+slug, "/close")
	without(t, html, "<i>Draft</i>", "style=")

	inOrder(t, html, "Last submission:")
	drafts := listed(t, w.page("/app/assessments?status=draft", me))
	without(t, drafts, "Networking", "Last submission") // of all of them, it would have to be
	html = listed(t, w.page("/app/assessments?q=NETW&sort=title", me))
	inOrder(t, html, `value="NETW"`, `name="sort" value="title"`, "Networking")
	without(t, html, "Draft&lt;")
	inOrder(t, w.page("/app/assessments?q=nothing", me), "No title holds “nothing”", "Clear the search")
	w.must(400, "GET", "/app/assessments?cursor=nonsense", me, nil)
	if other := w.page("/app/assessments", w.employer(2)); strings.Contains(other, "Networking") {
		t.Error("another employer's list shows ours")
	}
}

// listed is the list without the feed beside it.
func listed(t *testing.T, html string) string {
	t.Helper()
	list, _, ok := strings.Cut(html, `<aside class="feed"`)
	if !ok {
		t.Fatal("there is no feed")
	}
	return list
}

// made creates an object and gives its id.
func (w *world) made(token, path string, body any) string {
	w.t.Helper()
	var made struct{ ID string }
	w.must(201, "POST", path, token, body).into(w.t, &made)
	return made.ID
}

func TestEveryOrderOfTheListShowsEachAssessmentOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	me := w.employer(1)
	for i := range 45 {
		w.made(me, "/api/v1/assessments", obj{"title": fmt.Sprintf("Title %02d", i*7%45)})
	}
	for _, sort := range []string{"newest", "changed", "title"} {
		path, seen, pages := "/app/assessments?sort="+sort, map[string]bool{}, 0
		for path != "" {
			if pages++; pages > 5 {
				t.Fatalf("%s does not end", sort)
			}
			html := w.page(path, me)
			for _, part := range strings.Split(html, `class="who" href="`)[1:] {
				at, _, _ := strings.Cut(part, `"`)
				if seen[at] {
					t.Errorf("%s shows %s twice", sort, at)
				}
				seen[at] = true
			}
			path = ""
			if _, after, ok := strings.Cut(html, `rel="next" href="`); ok {
				path, _, _ = strings.Cut(after, `"`)
				path = strings.ReplaceAll(path, "&amp;", "&")
			}
		}
		if len(seen) != 45 || pages != 3 {
			t.Errorf("%s shows %d assessments on %d pages", sort, len(seen), pages)
		}
	}
}

// member brings a person into the employer of who invites, and gives their access token.
func (w *world) member(inviter, email, role string) string {
	w.t.Helper()
	var invitation struct{ AcceptURL string }
	w.must(201, "POST", "/api/v1/members", inviter, obj{"email": email, "role": role}).into(w.t, &invitation)
	_, token, _ := strings.Cut(invitation.AcceptURL, "/app/invitations/")
	var in struct{ AccessToken string }
	w.must(200, "POST", "/api/v1/auth/invitations/"+token+"/accept", "", obj{"name": "Member " + role, "password": "a long enough secret"}).into(w.t, &in)
	return in.AccessToken
}

func TestAViewerIsShownNothingToChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	me := w.employer(1)
	w.published(me)
	viewer := w.member(me, "viewer@example.com", "viewer")
	html := w.page("/app/assessments", viewer)
	inOrder(t, html, "Viewer", ">Networking<", "Copy public link")
	without(t, html, `data-api="`, `data-dialog="new-assessment"`, "Archive", "/app/settings/webhooks")
}

func TestATroubledPageSaysWhatHappenedWhatIsKeptAndWhatToDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	me := w.employer(1)
	r := w.call("GET", "/app/assessments?cursor=nonsense", me, nil, "X-Request-Id", "here-it-is")
	html := string(r.body)
	inOrder(t, html, "Employer 1", "<h1>", "This page of the list is not there.", "Nothing was changed.", "Go to assessments", "here-it-is")
	if r.status != 400 || r.header.Get("Content-Security-Policy") == "" {
		t.Errorf("%d, %q", r.status, r.header.Get("Content-Security-Policy"))
	}
	r = w.call("GET", "/app/assessments?q=1", "", nil)
	if r.status != 303 || r.header.Get("Location") != "/app/login?next=%2Fapp%2Fassessments%3Fq%3D1" {
		t.Errorf("a stranger: %d to %q", r.status, r.header.Get("Location"))
	}
}
