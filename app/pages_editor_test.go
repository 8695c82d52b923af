package app_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// drafted makes an assessment with one question of each type, the last without a key, and gives the questions' ids.
func (w *world) drafted(token string) (id string, questions []string) {
	w.t.Helper()
	var a struct{ ID string }
	w.must(201, "POST", "/api/v1/assessments", token, obj{"title": "Go & Postgres", "timeLimitMinutes": 75, "passingScore": 70}).into(w.t, &a)
	for _, q := range []obj{
		{"type": "single_choice", "prompt": "Which **level**?\n\n```go\nfunc main() {}\n```", "options": []obj{{"id": "a", "text": "READ `COMMITTED`"}, {"id": "b", "text": "SERIALIZABLE"}},
			"answerKey": obj{"optionId": "b"}, "points": 3, "difficulty": "medium", "tags": []string{"locks"}, "explanation": "Because it refuses."},
		{"type": "multiple_choice", "prompt": "Which two?", "options": []obj{{"id": "a", "text": "one"}, {"id": "b", "text": "two"}, {"id": "c", "text": "three"}},
			"answerKey": obj{"optionIds": []string{"a", "c"}}, "creditRule": "right_minus_wrong", "points": 2.5},
		{"type": "true_false", "prompt": "NULLs are distinct.", "answerKey": obj{"value": true}},
		{"type": "short_text", "prompt": "Name the lock.", "answerKey": obj{"accepted": []string{"ACCESS EXCLUSIVE", "AccessExclusiveLock"}, "caseSensitive": true}},
		{"type": "numeric", "prompt": "How many rows?", "answerKey": obj{"value": "850", "tolerance": "2", "toleranceKind": "percent"}},
		{"type": "single_choice", "prompt": "Where does the key belong?", "options": []obj{{"id": "a", "text": "header"}, {"id": "b", "text": "body"}}},
	} {
		var made struct{ ID string }
		w.must(201, "POST", "/api/v1/assessments/"+a.ID+"/questions", token, q).into(w.t, &made)
		questions = append(questions, made.ID)
	}
	return a.ID, questions
}

func TestTheEditorShowsEachTypeWithItsKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	me := w.employer(1)
	id, q := w.drafted(me)
	page := func(i int) string { return w.page("/app/assessments/"+id+"?q="+q[i], me) }
	first := w.page("/app/assessments/"+id, me)
	inOrder(t, first, "<h1", "Go &amp; Postgres, questions", "6 questions", "9.5 points", "Which level?", "Single choice, 3 pts", "Where does the key belong?",
		"No correct answer marked", `data-question="`+q[0]+`"`, "Question 1", "Which **level**?", `<span class="kd">func</span>`, "READ `COMMITTED`",
		`class="ans on"`, "SERIALIZABLE", "Because it refuses.", "Before you publish", "75 minutes, pass at 70%", "Question 6: no correct answer")
	if n := strings.Count(first, "<h1"); n != 1 {
		t.Errorf("%d first headings", n)
	}
	without(t, first, "style=", "onclick=", `id="ed-notice"></div>`)
	inOrder(t, page(1), "tick every correct one", `type="checkbox" name="right" checked`, "Partial credit, wrong ticks cost", `value="2.5"`)
	inOrder(t, page(2), `value="true" checked`)
	inOrder(t, page(3), `data-chip="ACCESS EXCLUSIVE"`, `data-chip="AccessExclusiveLock"`, `name="ignoreCase">`)
	inOrder(t, page(4), `value="850"`, `value="2"`, `value="percent" selected`)
	// What passes is rounded up: 70 per cent of 9.5 points are 6.65.
	inOrder(t, first, "6.65 of 9.5 points pass")
	// One question is loaded, however many there are.
	if n := strings.Count(first, `data-question="`); n != 1 {
		t.Errorf("%d questions are open", n)
	}
}

func TestAnEmptyDraftTeachesHowToBegin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	me := w.employer(1)
	var a struct{ ID string }
	w.must(201, "POST", "/api/v1/assessments", me, obj{"title": "Empty"}).into(t, &a)
	inOrder(t, w.page("/app/assessments/"+a.ID, me), "0 questions", "Write the first question", "data-new", "/import", "Add at least one question.")
	inOrder(t, w.page("/app/assessments/"+a.ID+"/preview", me), "There is no question yet")
	inOrder(t, w.page("/app/assessments/"+a.ID+"/versions", me), "Nothing is published yet")
}

// reader adds a member who may only read, and gives their token.
func (w *world) reader() string {
	w.t.Helper()
	if _, err := w.app.AddUser(w.t.Context(), newUser("viewer@example.com")); err != nil {
		w.t.Fatal(err)
	}
	var in struct{ AccessToken string }
	w.must(200, "POST", "/api/v1/auth/login", "", obj{"email": "viewer@example.com", "password": goodPassword}).into(w.t, &in)
	return in.AccessToken
}

func TestWhoMayOnlyReadAndWhatIsArchivedCannotBeEdited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	me := w.employer(1)
	id, _ := w.drafted(me)
	reader := w.reader()
	read := w.page("/app/assessments/"+id, reader)
	inOrder(t, read, "You may read this assessment.", `data-editable="false"`, "<fieldset", "disabled", "SERIALIZABLE")
	without(t, read, "data-publish", "data-new", "data-delete", "data-grip", `id="publish"`)
	w.must(403, "GET", "/app/assessments/"+id+"/order", reader, nil)
	w.must(200, "POST", "/api/v1/assessments/"+id+"/archive", me, nil)
	put := w.page("/app/assessments/"+id, me)
	inOrder(t, put, "This assessment is archived and does not change.")
	without(t, put, "data-publish", "data-new", "data-grip")
}

func TestAnotherEmployersEditorIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	me, other := w.employer(1), w.employer(2)
	id, q := w.drafted(me)
	for _, path := range []string{"", "?q=" + q[0], "/questions", "/questions/" + q[0], "/state?q=" + q[0], "/publish", "/order", "/preview", "/versions", "/versions/1"} {
		theirs := w.must(404, "GET", "/app/assessments/"+id+path, other, nil)
		nobodys := w.must(404, "GET", "/app/assessments/"+uuid.NewString()+path, other, nil)
		without(t, string(theirs.body), "Postgres", "SERIALIZABLE")
		if len(theirs.body) != len(nobodys.body) {
			t.Errorf("%s: another's is told apart from nobody's", path)
		}
	}
}

var lineIDs = regexp.MustCompile(`<li id="li-([0-9a-f-]{36})"`)

// seeded fills a draft with n numeric questions, every tenth without a key, past the API: ten thousand calls would be the test.
func (w *world) seeded(token string, n int) string {
	w.t.Helper()
	var a struct{ ID string }
	w.must(201, "POST", "/api/v1/assessments", token, obj{"title": "Large"}).into(w.t, &a)
	_, err := w.db.Pool.Exec(w.t.Context(), `
WITH made AS (
  INSERT INTO questions (id, employer_id, assessment_id, position, type, prompt, difficulty, tags, created_at, updated_at)
  SELECT gen_random_uuid(), a.employer_id, a.id, n, CASE WHEN n % 2 = 0 THEN 'numeric' ELSE 'true_false' END, 'Question of number ' || n,
         CASE WHEN n % 3 = 0 THEN 'Hard' ELSE '' END, CASE WHEN n = 4321 THEN '{needle}'::text[] ELSE '{}' END, now(), now()
    FROM assessments a, generate_series(1, $2) n WHERE a.id = $1
  RETURNING id, employer_id, position, type)
INSERT INTO answer_keys (question_id, employer_id, key)
SELECT id, employer_id, CASE WHEN type = 'numeric' THEN '{"value": "1", "tolerance": "0", "toleranceKind": "absolute"}'::jsonb ELSE '{"value": true}' END
  FROM made WHERE position % 10 <> 0`, a.ID, n)
	if err != nil {
		w.t.Fatal(err)
	}
	return a.ID
}

func TestTenThousandQuestionsComeInStretches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	me := w.employer(1)
	id := w.seeded(me, 10_000)
	html := w.page("/app/assessments/"+id, me)
	inOrder(t, html, "10000 questions", "data-more")
	if n := len(lineIDs.FindAllString(html, -1)); n != 100 {
		t.Errorf("the page holds %d lines", n)
	}
	if len(html) > 200_000 {
		t.Errorf("the page is %d bytes", len(html))
	}
	seen := map[string]bool{}
	for after := 0; after < 10_000; after += 100 {
		part := w.page("/app/assessments/"+id+"/questions?after="+strconv.Itoa(after), me)
		for _, m := range lineIDs.FindAllStringSubmatch(part, -1) {
			seen[m[1]] = true
		}
		if more := strings.Contains(part, "data-more"); more != (after+100 < 10_000) {
			t.Fatalf("after %d: more is %v", after, more)
		}
	}
	if len(seen) != 10_000 {
		t.Errorf("the stretches hold %d questions", len(seen))
	}
	// What is looked for is found wherever it is.
	found := w.page("/app/assessments/"+id+"/questions?find=NEEDLE", me)
	if n := len(lineIDs.FindAllString(found, -1)); n != 1 || !strings.Contains(found, "Question of number 4321") {
		t.Errorf("found %d: %s", n, found)
	}
	hard := w.page("/app/assessments/"+id+"/questions?type=numeric&difficulty=hard&problems=1&after=9900", me)
	inOrder(t, hard, "Question of number 9930", "No correct answer marked", "Question of number 9960", "Question of number 9990")
	if n := len(lineIDs.FindAllString(hard, -1)); n != 3 {
		t.Errorf("%d of three are hard, numeric and without a key", n)
	}
	// A page that opens far down holds the questions around it.
	at := lineIDs.FindStringSubmatch(found)[1]
	far := w.page("/app/assessments/"+id+"?q="+at, me)
	inOrder(t, far, "data-earlier", "Question of number 4301", "Question of number 4321", "Question of number 4400", "<h2 id=\"q-title\">Question 4321")
	var order struct{ Order []string }
	w.must(200, "GET", "/app/assessments/"+id+"/order", me, nil).into(t, &order)
	if len(order.Order) != 10_000 || order.Order[4320] != at {
		t.Errorf("%d ids in order", len(order.Order))
	}
	// Only the first flaws are listed; all are counted.
	inOrder(t, html, "Question 10: no correct answer", "and 995 more")
	inOrder(t, w.page("/app/assessments/"+id+"/publish", me), "1000 things are missing first", "Question 10<", "800 more are named here once these are mended.")
}

func TestPublishingSaysWhatHappensOrWhatIsInTheWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	me := w.employer(1)
	id, q := w.drafted(me)
	dialog := func() string { return w.page("/app/assessments/"+id+"/publish", me) }
	inOrder(t, dialog(), "One thing is missing first", "Version 1 was not published.", "?q="+q[5], "Question 6", "Give the question its right answer.", "Go to question 6")
	without(t, dialog(), "data-publish-now")
	var one struct {
		ETag    string
		Options []struct{ ID string }
	}
	path := "/api/v1/assessments/" + id + "/questions/" + q[5]
	w.must(200, "GET", path, me, nil).into(t, &one)
	w.must(200, "PATCH", path, me, obj{"answerKey": obj{"optionId": one.Options[0].ID}}, "If-Match", one.ETag)
	inOrder(t, dialog(), "Publish version 1?", "freezes these 6 questions", "1 of 3", "data-publish-now", "Version 1 is live", "/a/", "/invites")
	w.must(200, "POST", "/api/v1/assessments/"+id+"/publish", me, nil)
	inOrder(t, dialog(), "Version 1 is live", "there is nothing to publish", "/a/", "Close", "/invites")
	without(t, dialog(), "data-publish-now", "again?")
	w.must(200, "POST", "/api/v1/assessments/"+id+"/close", me, nil)
	inOrder(t, dialog(), "Open version 1 again?", "data-publish-now", "data-published", "Version 1 is live")
	for range 3 {
		w.published(me)
	}
	full := dialog()
	inOrder(t, full, "3 of 3 assessments are active", "Your draft is saved.", "Networking", "data-close-assessment")
	without(t, full, "data-publish-now")
	inOrder(t, full, "Keep them open")
}

func TestAPublishedVersionIsNoticedAndChangesAreCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	me := w.employer(1)
	id, _ := w.published(me)
	inOrder(t, w.page("/app/assessments/"+id, me), "Published", "Version 1 is published and cannot change.", "Open version 1")
	var list struct{ Items []struct{ ID, ETag string } }
	w.must(200, "GET", "/api/v1/assessments/"+id+"/questions", me, nil).into(t, &list)
	path := "/api/v1/assessments/" + id + "/questions/"
	w.must(200, "PATCH", path+list.Items[0].ID, me, obj{"prompt": "HTTPS, which port?"}, "If-Match", list.Items[0].ETag)
	w.must(204, "DELETE", path+list.Items[1].ID, me, nil, "If-Match", list.Items[1].ETag)
	w.must(201, "POST", "/api/v1/assessments/"+id+"/questions", me, obj{"type": "true_false", "prompt": "New.", "answerKey": obj{"value": false}})
	html := w.page("/app/assessments/"+id, me)
	inOrder(t, html, "Publish version 2", "You are writing version 2.", "See 3 changes", "Edited in this draft")
	inOrder(t, w.page("/app/assessments/"+id+"/publish", me), "Publish version 2?", "1 edited, 1 added, 1 removed")
	changed := w.page("/app/assessments/"+id+"/questions?changed=1", me)
	inOrder(t, changed, "HTTPS, which port?", "New.")
	inOrder(t, w.page("/app/assessments/"+id+"/state?q="+list.Items[0].ID, me), `id="ql-totals"`, `id="ed-notice"`, `id="ready"`, `id="li-`+list.Items[0].ID, "HTTPS, which port?", "Publish version 2")
	// The version still holds what was published.
	version := w.page("/app/assessments/"+id+"/versions/1", me)
	inOrder(t, version, "Version 1", "HTTPS?", "80", `class="on"`, "443", "Correct", "Which command lists files?", "Accepted", "ls")
	without(t, version, "which port")
	inOrder(t, w.page("/app/assessments/"+id+"/versions", me), "Versions", "/versions/1", "Live", "Networking")
	inOrder(t, version, `id="q-`, `id="q-`)
	w.must(404, "GET", "/app/assessments/"+id+"/versions/2", me, nil)
	w.must(404, "GET", "/app/assessments/"+id+"/versions/x", me, nil)
}

// The results lead to single questions of a version, which stand on pages of 50.
func TestALinkToAQuestionOfAVersionOpensItsPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	me := w.employer(1)
	id := w.seeded(me, 9)
	var rows strings.Builder
	rows.WriteString("question,a,b,answer\n")
	for n := range 60 {
		fmt.Fprintf(&rows, "Imported %d?,x,y,a\n", n)
	}
	w.imported(me, id, "more.csv", []byte(rows.String()))
	w.must(200, "POST", "/api/v1/assessments/"+id+"/publish", me, nil)
	var list struct{ Items []struct{ ID string } }
	w.must(200, "GET", "/api/v1/assessments/"+id+"/questions?limit=200", me, nil).into(t, &list)
	last := list.Items[68].ID
	path := "/app/assessments/" + id + "/versions/1"
	without(t, w.page(path, me), `id="q-`+last)
	inOrder(t, w.page(path+"?q="+last, me), "Imported 41?", `id="q-`+last, "Imported 59?", "Page 2 of 2, 69 questions")
	inOrder(t, w.page(path+"?q="+list.Items[0].ID, me), `id="q-`+list.Items[0].ID, "Page 1 of 2")
	inOrder(t, w.page(path+"?page=7", me), "Page 2 of 2")
}

func TestANoticeOfTwoChangesSaysWhoseTheOtherWas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	me := w.employer(1)
	id, q := w.drafted(me)
	touched := "/app/assessments/" + id + "/touched?q=" + q[0]
	w.must(404, "GET", touched, me, nil)
	var one struct{ ETag string }
	path := "/api/v1/assessments/" + id + "/questions/" + q[0]
	w.must(200, "GET", path, me, nil).into(t, &one)
	w.must(200, "PATCH", path, me, obj{"prompt": "Theirs"}, "If-Match", one.ETag)
	var by struct {
		Who string
		You bool
		At  time.Time
	}
	w.must(200, "GET", touched, me, nil).into(t, &by)
	if by.Who != "Owner 1" || !by.You || by.At.IsZero() {
		t.Errorf("%+v", by)
	}
	w.must(404, "GET", touched, w.employer(2), nil)
}

// What candidates see may not follow from the key: the preview of two drafts that differ only in it is the same, byte for byte.
func TestThePreviewFollowsFromNoKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	me := w.employer(1)
	id, q := w.drafted(me)
	read := func() (pages []string) {
		for n := range q {
			pages = append(pages, w.page(fmt.Sprintf("/app/assessments/%s/preview?n=%d", id, n+1), me))
		}
		return pages
	}
	before := read()
	inOrder(t, before[0], "This is how candidates see your draft.", "Question 1", "Single choice", "3 points", "Which", `<pre class="code chroma"`, "SERIALIZABLE", "?n=2")
	inOrder(t, before[1], "Choose all that apply", "A wrong tick takes away")
	inOrder(t, before[4], `inputmode="decimal"`)
	without(t, strings.Join(before, ""), "Because it refuses", "locks", "ACCESS EXCLUSIVE", "850", " checked", "style=")
	for i, change := range []obj{
		{"answerKey": nil, "explanation": "Another.", "tags": []string{"other"}, "difficulty": "hard"}, {"answerKey": nil}, {"answerKey": obj{"value": false}},
		{"answerKey": obj{"accepted": []string{"another"}}}, {"answerKey": obj{"value": "7"}},
	} {
		path := "/api/v1/assessments/" + id + "/questions/" + q[i]
		w.must(200, "PATCH", path, me, change, "If-Match", "*")
	}
	for i, after := range read() {
		if after != before[i] {
			t.Errorf("question %d reads otherwise once its key is another", i+1)
		}
	}
}

func TestMarkdownIsShownWithoutWhatCouldRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.owner("1")
	shown := v.post("/app/markdown", "source", "**Bold** <script>alert(1)</script> [x](javascript:alert(1)) ![p](https://elsewhere.example/p.png)\n\n```go\nfunc main() {}\n```").
		shows(t, 200, "Bold", "func main").hides(t, "javascript:", "<img", "style=")
	if body := string(shown.body); !strings.Contains(body, "&lt;script&gt;alert(1)&lt;/script&gt;") || strings.Contains(body, "<script") {
		t.Errorf("markup in Markdown is no text: %s", body)
	}
	if p := v.post("/app/markdown", "source", "`a` b", "inline", "1"); string(p.body) != "<code>a</code> b" {
		t.Errorf("inline: %s", p.body)
	}
	v.post("/app/markdown", "source", strings.Repeat("a", 20_001)).shows(t, 422)
	if p := v.post("/app/markdown", "source", strings.Repeat("a", 300_000)); p.status != 413 {
		t.Errorf("a huge text: %d", p.status)
	}
	if p := v.post("/app/markdown", "source", strings.Repeat("漢", 20_000)); p.status != 200 {
		t.Errorf("the longest text that a question may have: %d", p.status)
	}
	form := strings.NewReader("source=x")
	if p := v.send("POST", "/app/markdown", form, "application/x-www-form-urlencoded", "Sec-Fetch-Site", "cross-site"); p.status != 403 {
		t.Errorf("from another site: %d", p.status)
	}
	if p := w.visitor().post("/app/markdown", "source", "x"); p.status == 200 {
		t.Errorf("for a stranger: %d", p.status)
	}
}
