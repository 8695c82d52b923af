package app_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"credlane/app"
)

// happening is an item of the feed as the API shows it.
type happening struct {
	ID, Action, Text string
	Actor            struct{ Kind, Name string }
	Assessment       *struct{ ID, Title string }
	SubmissionID     *string
	Score            *float64
	Count            int
}

// feed reads the whole feed, n items at a time.
func (w *world) feed(token string, n int) (all []happening) {
	w.t.Helper()
	cursor := ""
	for {
		var page struct {
			Items      []happening
			NextCursor *string
		}
		w.must(200, "GET", fmt.Sprintf("/api/v1/activity?limit=%d%s", n, cursor), token, nil).into(w.t, &page)
		all = append(all, page.Items...)
		if page.NextCursor == nil {
			return all
		}
		if len(all) > 1000 {
			w.t.Fatal("the feed does not end")
		}
		cursor = "&cursor=" + *page.NextCursor
	}
}

func TestTheFeedSaysInWordsWhatHappened(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	me := w.employer(1)
	id, slug := w.published(me)
	people := make([]obj, 300)
	for i := range people {
		people[i] = obj{"email": fmt.Sprintf("person%d@example.com", i)}
	}
	w.must(200, "POST", "/api/v1/assessments/"+id+"/invites", me, obj{"invites": people})
	w.ended(w.start(slug, "dee@example.com"))
	w.must(200, "POST", "/api/v1/assessments/"+id+"/invites", me, obj{"invites": []obj{{"email": "zoe@example.com"}}})
	w.must(200, "POST", "/api/v1/assessments/"+id+"/results/release", me, obj{})
	w.must(200, "POST", "/api/v1/assessments/"+id+"/close", me, nil)

	want := []string{
		"Owner 1 closed the assessment", "Owner 1 released results", "Owner 1 invited 1 person", "Cara scored 50%", "Cara started", "Owner 1 invited 300 people",
		"Owner 1 published version 1", "Owner 1 created an assessment", "Owner 1 joined the organization",
	}
	for _, n := range []int{200, 2, 1} {
		all := w.feed(me, n)
		if len(all) != len(want) {
			t.Fatalf("%d at a time: %d items, want %d: %+v", n, len(all), len(want), all)
		}
		for i, item := range all {
			if item.Text != want[i] {
				t.Errorf("%d at a time, item %d: %q, want %q", n, i, item.Text, want[i])
			}
			if i < 8 && (item.Assessment == nil || item.Assessment.ID != id || item.Assessment.Title != "Networking") {
				t.Errorf("%q is about %+v", item.Text, item.Assessment)
			}
		}
		if all[5].Count != 300 || all[3].Score == nil || *all[3].Score != 50 || all[3].SubmissionID == nil || all[4].Score != nil {
			t.Errorf("the figures beside the words: %+v", all[3:6])
		}
	}
	for _, item := range w.feed(w.employer(2), 50) {
		if !strings.HasPrefix(item.Text, "Owner 2 ") {
			t.Errorf("another employer hears %q", item.Text)
		}
	}
	html := w.page("/app/activity", me)
	inOrder(t, html, "<h1>Activity</h1>", `role="log"`, "closed the assessment", "scored 50%", "invited 300 people")
}

// listener reads a stream of server-sent events.
type listener struct {
	t      *testing.T
	lines  *bufio.Scanner
	cancel context.CancelFunc
	status int
}

func (w *world) listen(token, after, lastEvent string) *listener {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	w.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", w.url+"/app/activity/stream?after="+after, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if lastEvent != "" {
		req.Header.Set("Last-Event-ID", lastEvent)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = res.Body.Close() }) // cut off by then
	if kind := res.Header.Get("Content-Type"); res.StatusCode == 200 && !strings.HasPrefix(kind, "text/event-stream") {
		w.t.Fatalf("a stream of %q", kind)
	}
	return &listener{w.t, bufio.NewScanner(res.Body), cancel, res.StatusCode}
}

// next is the next event: its kind, id and data; "over" when the stream has ended.
func (l *listener) next() (kind, id string, text, html string) {
	l.t.Helper()
	kind = "message"
	var data string
	for l.lines.Scan() {
		name, value, _ := strings.Cut(l.lines.Text(), ": ")
		switch name {
		case "event":
			kind = value
		case "id":
			id = value
		case "data":
			data = value
		case "":
			if data == "" {
				continue // a sign of life
			}
			var told struct{ Text, HTML string }
			if err := json.Unmarshal([]byte(data), &told); err != nil {
				l.t.Fatalf("%v in %q", err, data)
			}
			return kind, id, told.Text, told.HTML
		}
	}
	return "over", "", "", ""
}

func TestTheStreamTellsAsItHappensAndGoesOnWhereItWasCut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	me, other := w.employer(1), w.employer(2)
	id, slug := w.published(me)
	newest := w.feed(me, 1)[0].ID
	live := w.listen(me, newest, "")
	w.published(other) // not ours
	w.must(201, "POST", "/api/v1/public/assessments/"+slug+"/submissions", "", obj{"name": "<b>Cara</b>", "email": "cara@example.com", "consent": true})
	_, first, text, html := live.next()
	if text != "<b>Cara</b> started. Networking" {
		t.Errorf("the stream tells %q", text)
	}
	inOrder(t, html, `<li id="act-`+first+`"`, "&lt;b&gt;Cara&lt;/b&gt;", "started", "Networking")
	live.cancel()

	w.must(200, "POST", "/api/v1/assessments/"+id+"/close", me, nil)
	w.must(200, "POST", "/api/v1/assessments/"+id+"/reopen", me, nil)
	again := w.listen(me, newest, first)
	for _, want := range []string{"Owner 1 closed the assessment. Networking", "Owner 1 opened the assessment again. Networking"} {
		if _, _, text, _ := again.next(); text != want {
			t.Errorf("after the cut: %q, want %q", text, want)
		}
	}
	w.must(200, "POST", "/api/v1/assessments/"+id+"/archive", me, nil)
	if _, _, text, _ := again.next(); text != "Owner 1 archived the assessment. Networking" {
		t.Errorf("then: %q", text)
	}
}

func TestWhoIsSignedOutHearsNoMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.employer(1)
	id, _ := w.published(owner)
	viewer := w.member(owner, "vera@example.com", "viewer")
	live := w.listen(viewer, w.feed(owner, 1)[0].ID, "")
	var sessions struct{ Items []struct{ ID string } }
	w.must(200, "GET", "/api/v1/auth/sessions", viewer, nil).into(t, &sessions)
	w.must(200, "POST", "/api/v1/assessments/"+id+"/close", owner, nil)
	if _, _, text, _ := live.next(); text != "Owner 1 closed the assessment. Networking" {
		t.Errorf("before: %q", text)
	}
	w.must(204, "DELETE", "/api/v1/auth/sessions/"+sessions.Items[0].ID, viewer, nil)
	// Until the next look at who listens something may still be told; never what comes after it.
	heard := 0
	for kind := ""; kind != "end"; heard++ {
		if heard > 20 {
			t.Fatal("who is signed out still hears")
		}
		w.must(200, "POST", "/api/v1/assessments/"+id+"/reopen", owner, nil)
		w.must(200, "POST", "/api/v1/assessments/"+id+"/close", owner, nil)
		kind, _, _, _ = live.next()
	}
	if kind, _, _, _ := live.next(); kind != "over" {
		t.Errorf("after the end: %q", kind)
	}
	if l := w.listen(viewer, "", ""); l.status != 303 {
		t.Errorf("a new stream: %d", l.status)
	}
}

func TestAStreamEndsWithTheProgramAndTakesNoPlaceOfARequest(t *testing.T) {
	t.Parallel()
	w := instance(t, newWorld(t).db, app.Options{}, "CREDLANE_MAX_IN_FLIGHT", "2")
	me := w.employer(1)
	streams := make([]*listener, 5)
	for i := range streams {
		if streams[i] = w.listen(me, "", ""); streams[i].status != 200 {
			t.Fatalf("stream %d: %d", i, streams[i].status)
		}
	}
	w.must(200, "GET", "/app/assessments", me, nil)
	w.app.Close()
	for i, s := range streams {
		if kind, _, _, _ := s.next(); kind != "over" {
			t.Errorf("stream %d tells %q at the end", i, kind)
		}
	}
}
