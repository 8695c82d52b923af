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

// rowOfInvite is the row of one person.
func rowOfInvite(t *testing.T, html, who string) string {
	t.Helper()
	for _, row := range strings.Split(html, "<tr ")[1:] {
		row, _, _ = strings.Cut(row, "</tr>")
		if strings.Contains(row, `data-who="`+who+`"`) {
			return row
		}
	}
	t.Fatalf("no row of %s in\n%s", who, html)
	return ""
}

// signedIn signs somebody in again and gives their access token.
func (w *world) signedIn(email string) string {
	w.t.Helper()
	var in struct{ AccessToken string }
	w.must(200, "POST", "/api/v1/auth/login", "", obj{"email": email, "password": "a long enough secret"}).into(w.t, &in)
	return in.AccessToken
}

func TestThePageOfInvitesSaysWhereEachOneStands(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC))
	w := instance(t, pgtest.New(t), app.Options{Clock: now})
	me := w.employer(1)
	id, slug := w.published(me)
	at := "/app/assessments/" + id + "/invites"
	inOrder(t, w.page(at, me), "Nobody is invited yet", "Paste the addresses", `id="invite-box"`)

	var made struct {
		Results []struct{ Invite struct{ ID, URL string } }
	}
	w.must(200, "POST", "/api/v1/assessments/"+id+"/invites", me, obj{"invites": []obj{
		{"email": "new@example.com", "name": "New"}, {"email": "seen@example.com", "name": "Seen"}, {"email": "busy@example.com", "name": "Busy", "extraTimePercent": 50},
		{"email": "done@example.com", "name": "Done", "extraTimePercent": 25}, {"email": "no@example.com", "name": "No"}, {"email": "gone@example.com", "name": "Gone"},
		{"email": "evil@example.com", "name": `"><script>alert(1)</script>`},
	}}).into(t, &made)
	link := func(n int) string {
		return made.Results[n].Invite.URL[strings.LastIndex(made.Results[n].Invite.URL, "/")+1:]
	}
	w.must(200, "GET", "/api/v1/public/invites/"+link(1), "", nil)
	for _, n := range []int{2, 3} {
		var s sitting
		w.must(201, "POST", "/api/v1/public/invites/"+link(n)+"/submissions", "", obj{"consent": true}).into(t, &s)
		if n == 3 {
			w.ended(s)
		}
	}
	w.must(200, "POST", "/api/v1/public/invites/"+link(4)+"/decline", "", obj{"reason": "Another offer"})
	w.must(200, "POST", "/api/v1/invites/"+made.Results[5].Invite.ID+"/revoke", me, nil)
	w.start(slug, "public@example.com") // by the public link: no invite

	html := w.page(at, me)
	inOrder(t, html, ">6</dd>", "Invited", ">3</dd>", "Opened", ">2</dd>", "Started", ">1</dd>", "Submitted")
	inOrder(t, html, `aria-current="page">Invites<span class="count">6`, ">Results<span class=\"count\">3")
	inOrder(t, html, "All", "7</span>", "Waiting", "3</span>", "In progress", "1</span>", "Submitted", "1</span>", "Declined", "1</span>", "Revoked", "1</span>")
	without(t, html, "<script>alert", "style=")
	inOrder(t, rowOfInvite(t, html, "New"), "new@example.com", "Sent now, opened not yet", "Made", "Send the link yourself", `data-copy="http://localhost:8080/i/`+link(0), `data-one="time"`, "/revoke")
	inOrder(t, rowOfInvite(t, html, "Seen"), "Sent reached, opened reached, started not yet", "Opened", "Not started")
	inOrder(t, rowOfInvite(t, html, "Busy"), "started now", "Started", "45 min left", "+50%")
	done := rowOfInvite(t, html, "Done")
	inOrder(t, done, "/app/submissions/", "submitted reached", "Submitted", "Scored 50%")
	without(t, done, "+25%", "/i/", "data-revoke")
	inOrder(t, rowOfInvite(t, html, "No"), "Declined", "Another offer")
	gone := rowOfInvite(t, html, "Gone")
	inOrder(t, gone, "Revoked")
	without(t, gone, "/i/", "data-one")

	now.Advance(13*24*time.Hour + time.Hour)
	me = w.signedIn("owner1@example.com")
	inOrder(t, rowOfInvite(t, w.page(at, me), "Seen"), "t-warn", "ends within a day")
	now.Advance(24 * time.Hour)
	me = w.signedIn("owner1@example.com")
	expired := rowOfInvite(t, w.page(at+"?state=expired", me), "Seen")
	inOrder(t, expired, "Expired", "Opened, never started", `data-one="extend"`)
	without(t, w.page(at+"?state=expired", me), `data-who="Busy"`, `data-who="Gone"`)
	inOrder(t, w.page(at+"?q=GONE", me), `value="GONE"`, `data-who="Gone"`)
	inOrder(t, w.page(at+"?q=nobody", me), "Nobody here is called “nobody”")
}

func TestInvitesAreForThoseWhoMayInvite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	me, other := w.employer(1), w.employer(2)
	id, _ := w.published(me)
	at := "/app/assessments/" + id + "/invites"
	w.must(200, "POST", "/api/v1/assessments/"+id+"/invites", me, obj{"invites": []obj{{"email": "ann@example.com", "name": "Ann"}}})
	html := w.page(at, w.member(me, "vera@example.com", "viewer"))
	inOrder(t, html, "ann@example.com")
	without(t, html, "/i/", `id="invite-form"`, "data-api=", "data-bulk", "time-dialog")
	w.must(404, "GET", at, other, nil)
	w.must(404, "GET", "/app/assessments/nonsense/invites", me, nil)

	w.must(200, "POST", "/api/v1/assessments/"+id+"/close", me, nil)
	html = w.page(at, me)
	inOrder(t, html, "This assessment takes no new candidates.", "ann@example.com")
	without(t, html, `id="invite-form"`, "Copy public link")
}

func TestManyInvitesComeInPagesThatKeepTheFilter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	me := w.employer(1)
	id, _ := w.published(me)
	people := make([]obj, 120)
	for i := range people {
		people[i] = obj{"email": fmt.Sprintf("person%03d@example.com", i)}
	}
	w.must(200, "POST", "/api/v1/assessments/"+id+"/invites", me, obj{"invites": people})
	path, seen := "/app/assessments/"+id+"/invites?q=person&state=waiting", map[string]bool{}
	for pages := 0; path != ""; pages++ {
		if pages > 3 {
			t.Fatal("the pages do not end")
		}
		html := w.page(path, me)
		for _, part := range strings.Split(html, `data-invite="`)[1:] {
			row, _, _ := strings.Cut(part, `"`)
			seen[row] = true
		}
		path = ""
		if _, after, ok := strings.Cut(html, `rel="next" href="`); ok {
			path, _, _ = strings.Cut(after, `"`)
			path = strings.ReplaceAll(path, "&amp;", "&")
			inOrder(t, path, "q=person", "state=waiting")
		}
	}
	if len(seen) != 120 {
		t.Errorf("%d of 120 are shown", len(seen))
	}
}
