package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"credlane/app"
	"credlane/app/kit/pgtest"
)

// markup breaks out of a text, an attribute of either quote, a script, a title and a textarea, if anything does: where it is taken
// for HTML, an element of its name stands in the page.
const markup = `'"></script></textarea></title><qzx onqzx=1>`

// script is what a field of some length holds: markup, and what a renderer of Markdown or a template could fall for.
const script = markup + "{{qzx}}<script>qzx()</script><img src=qzx onerror=qzx()> [l](javascript:qzx) ![p](https://qzx.example/p.png) <https://qzx.example/\"onqzx=1>"

// fenced is a prompt whose code and language want out of their element.
const fenced = script + "\n\n```\"><qzx>\n</code></pre><qzx>\n```\n\n```html\n</code></pre><qzx>\n```\n\n    </code><qzx>\n\n<qzx>\n\n| a |\n|---|\n| <qzx> |\n"

// planted is a world in which everything that somebody can type holds markup. Each field begins with a name of its own, so that it
// can be seen which page shows it.
type planted struct {
	*stage
	owner  *visitor // of employer 1
	taker  *visitor // a candidate in the test
	done   *visitor // a candidate whose review is released
	fields []string
}

// evil is what the field of that name holds.
func (p *planted) evil(field, text string) string {
	p.fields = append(p.fields, field)
	return field + text
}

// newPlanted fills every field through the API and the pages, as a stranger or a member would.
func newPlanted(t *testing.T) *planted {
	t.Helper()
	w := instance(t, pgtest.New(t), app.Options{}, "CREDLANE_WEBHOOK_NETWORKS", "127.0.0.1",
		"CREDLANE_SMTP_URL", "smtp://127.0.0.1:1", "CREDLANE_MAIL_FROM", "no-reply@example.com")
	p := &planted{stage: newStage(t, w, 1)}
	p.owner = w.signsIn("owner1@example.com", "User-Agent", p.evil("Fagent", script))
	p.plantOrganization()
	p.plantAssessment()
	p.plantInvites()
	p.plantSubmissions()
	p.plantWebhook()
	return p
}

// signsIn is the browser of a member.
func (w *world) signsIn(email string, headers ...string) *visitor {
	w.t.Helper()
	v := w.visitor()
	form := url.Values{"email": {email}, "password": {goodPassword}}.Encode()
	v.send("POST", "/app/login", strings.NewReader(form), "application/x-www-form-urlencoded", append(headers, "Sec-Fetch-Site", "same-origin")...).
		leadsTo(w.t, "/app")
	return v
}

func (p *planted) plantOrganization() {
	p.t.Helper()
	p.must(200, "PATCH", "/api/v1/employer", p.stage.owner, obj{"name": p.evil("Forg", markup), "privacyNotice": p.evil("Fnotice", fenced)})
	p.must(200, "PATCH", "/api/v1/auth/me", p.stage.owner, obj{"name": p.evil("Fowner", markup)})
	p.must(200, "PATCH", "/api/v1/auth/me", p.members["recruiter"], obj{"name": p.evil("Frecruiter", markup)})
	p.must(201, "POST", "/api/v1/api-keys", p.stage.owner, obj{"name": p.evil("Fkey", markup), "role": "viewer"})
	p.must(201, "POST", "/api/v1/members", p.stage.owner, obj{"email": "o'qzx&x@example.com", "role": "viewer"})
}

func (p *planted) plantAssessment() {
	p.t.Helper()
	id, key := p.ids["assessment"], p.stage.owner
	at := "/api/v1/assessments/" + id
	p.must(200, "PATCH", at, key, obj{"title": p.evil("Ftitle", markup), "description": p.evil("Fdescription", fenced), "resultRelease": "review"}, "If-Match", "*")
	options := []obj{{"id": "a", "text": p.evil("Foption", fenced)}, {"id": "b", "text": p.evil("Fother", markup)}}
	for _, q := range []obj{
		{"type": "single_choice", "options": options, "answerKey": obj{"optionId": "b"}},
		{"type": "multiple_choice", "options": options, "answerKey": obj{"optionIds": []string{"a"}}},
		{"type": "true_false", "answerKey": obj{"value": true}},
		{"type": "short_text", "answerKey": obj{"accepted": []string{p.evil("Faccepted", markup)}}},
		{"type": "numeric", "answerKey": obj{"value": "1"}},
	} {
		q["prompt"] = p.evil("Fprompt", fenced)
		q["explanation"], q["difficulty"], q["tags"] = p.evil("Fexplanation", fenced), p.evil("Fdifficulty", `"><qzx>`), []string{p.evil("Ftag", `"><qzx>`)}
		p.must(201, "POST", at+"/questions", key, q)
	}
	file := "question,a,b,answer\n\"Fcell" + strings.ReplaceAll(markup, `"`, `""`) + "\",\"" + strings.ReplaceAll(markup, `"`, `""`) + "\",443,b\n"
	p.fields = append(p.fields, "Fcell")
	body, contentType := form(p.t, p.evil("Ffile", "'><qzx>.csv"), file)
	p.must(201, "POST", at+"/questions/import", key, body, "Content-Type", contentType)
	p.must(200, "POST", at+"/publish", key, nil)
}

func (p *planted) plantInvites() {
	p.t.Helper()
	to := "/api/v1/assessments/" + p.ids["assessment"] + "/invites"
	var made struct {
		Results []struct{ Invite struct{ ID, URL string } }
	}
	p.must(200, "POST", to, p.stage.owner, obj{"message": p.evil("Fmessage", script), "invites": []obj{
		{"email": "ivy@example.org", "name": p.evil("Finvited", markup), "extraTimePercent": 25, "reason": p.evil("Finvitereason", script)},
		{"email": "dora@example.org", "name": p.evil("Fdeclined", markup)},
		{"email": "o'qzx@example.org"},
		{"email": "gone-on@example.org", "name": p.evil("Fstarted", markup), "extraTimePercent": 50, "reason": p.evil("Fgivenreason", script)},
	}}).into(p.t, &made)
	link := func(i int) string {
		return made.Results[i].Invite.URL[strings.LastIndex(made.Results[i].Invite.URL, "/")+1:]
	}
	p.ids["invite token"] = link(0)
	p.must(200, "POST", "/api/v1/public/invites/"+link(1)+"/decline", "", obj{"reason": p.evil("Fdecline", script)})
	p.ids["declined token"], p.ids["started token"] = link(1), link(3)
	v := p.visitor()
	v.post("/i/"+link(3), "consent", "yes").leadsTo(p.t, "/take")
	var s sitting
	v.api("GET", "/api/v1/public/submission", "").shows(p.t, 200).into(p.t, &s)
	p.ids["invited submission"] = s.Submission.ID
}

func (p *planted) plantSubmissions() {
	p.t.Helper()
	take := func(email, name string) (*visitor, sitting) {
		v := p.visitor()
		v.post("/a/"+p.ids["slug"], "name", name, "email", email, "consent", "yes").leadsTo(p.t, "/take")
		var s sitting
		v.api("GET", "/api/v1/public/submission", "").shows(p.t, 200).into(p.t, &s)
		for _, q := range s.Questions {
			if len(q.Options) == 0 {
				v.api("PUT", "/api/v1/public/submission/answers/"+q.ID, `{"answer":`+asJSON(p.t, p.evil("Fanswer", script))+`,"sequence":1}`)
			} else {
				v.api("PUT", "/api/v1/public/submission/answers/"+q.ID, `{"answer":`+asJSON(p.t, q.Options[0].ID)+`,"sequence":1}`)
			}
		}
		return v, s
	}
	p.taker, _ = take("qz'x@example.org", p.evil("Ftaker", markup))
	var s sitting
	p.done, s = take("done@example.org", p.evil("Fdone", markup))
	p.ids["submission"] = s.Submission.ID
	at := "/api/v1/submissions/" + s.Submission.ID
	p.must(200, "PATCH", at, p.stage.owner, obj{"extraTimePercent": 10, "reason": p.evil("Ftimereason", script)})
	p.done.post("/take/finish").leadsTo(p.t, "/take/result")
	p.must(200, "PATCH", at, p.stage.owner, obj{"decision": "hold", "note": p.evil("Fnote", script), "tags": []string{p.evil("Flabel", `"><qzx>`)}})
	for i := range 11 { // of few the page of results is a table alone
		v, _ := take(fmt.Sprintf("p%d@example.org", i), p.evil("Fmany", markup))
		v.post("/take/finish").leadsTo(p.t, "/take/result")
	}
	_, void := take("void@example.org", p.evil("Fvoid", markup))
	p.must(204, "DELETE", "/api/v1/submissions/"+void.Submission.ID, p.stage.owner, obj{"reason": p.evil("Fvoidreason", script)})
}

func (p *planted) plantWebhook() {
	p.t.Helper()
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Said", "Fheader"+markup)
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte("Fbody" + script))
	}))
	p.t.Cleanup(receiver.Close)
	p.fields = append(p.fields, "Fheader", "Fbody", "Fquery")
	p.background()
	var h, d struct{ ID string }
	address := receiver.URL + "/in?Fquery='><qzx>" // no quote is taken in an address
	p.must(201, "POST", "/api/v1/webhooks", p.stage.owner, obj{"url": address, "eventTypes": []string{"submission.scored"}, "description": p.evil("Fhook", markup)}).into(p.t, &h)
	p.must(200, "POST", "/api/v1/webhooks/"+h.ID+"/test", p.stage.owner, nil).into(p.t, &d)
	p.ids["webhook"], p.ids["delivery"] = h.ID, d.ID
	p.eventually("the receiver has answered", func() bool {
		return strings.Contains(p.owner.get("/app/settings/webhooks/"+h.ID+"?delivery="+d.ID).text(), "answered 418")
	})
}

// pagesOf lists the addresses of the pages that people open, of one who may call them, from the program's own table.
func (s *stage) pagesOf(method string, of ...string) map[string]string {
	s.t.Helper()
	pages := map[string]string{}
	for _, r := range s.app.Routes() {
		if r.Page && r.Method == method && slices.Contains(of, r.Who) && r.Path != "/assets/{name}" && r.Path != "/app/activity/stream" {
			pages[r.Path] = s.at(r.Path, nil)
		}
	}
	return pages
}

var everyMember = []string{"viewer", "recruiter", "admin", "owner"}

func TestWhatAnybodyTypedIsTextOnEveryPage(t *testing.T) {
	t.Parallel()
	p := newPlanted(t)
	seen := &sightings{t: t, fields: map[string]bool{}}
	employers := p.pagesOf("GET", append(everyMember, "public")...)
	if len(employers) < 30 {
		t.Fatalf("the table has %d pages only", len(employers))
	}
	assessment := "/app/assessments/" + p.ids["assessment"]
	queries := []string{"", "?" + oddQuery()}
	for _, path := range slices.Sorted(maps.Values(employers)) {
		for _, query := range queries {
			seen.look(p.owner.get(path + query))
		}
	}
	for _, path := range []string{
		assessment + "/results?q=qzx&tag=Flabel%22%3E%3Cqzx%3E", assessment + "/results?version=2", assessment + "/invites?state=declined",
		"/app/settings/webhooks/" + p.ids["webhook"] + "?delivery=" + p.ids["delivery"], "/app/assessments?q=" + url.QueryEscape(markup), "/i/" + p.ids["declined token"],
		"/i/" + p.ids["started token"], "/app/submissions/" + p.ids["invited submission"],
		assessment + "/versions/2", "/" + url.PathEscape(markup), "/a/" + url.PathEscape(markup), "/i/" + url.PathEscape(markup),
		"/app/invitations/" + url.PathEscape(markup), "/app/assessments/" + url.PathEscape(markup), "/app/settings/" + url.PathEscape(markup),
	} {
		seen.look(p.owner.get(path, "Accept", "text/html"))
	}
	var list struct{ Items []struct{ ID string } }
	p.must(200, "GET", "/api/v1/assessments/"+p.ids["assessment"]+"/questions", p.stage.owner, nil).into(t, &list)
	for i, q := range list.Items {
		seen.look(p.owner.get(assessment + "?q=" + q.ID))
		seen.look(p.owner.get(assessment + "/questions/" + q.ID))
		seen.look(p.owner.get(assessment + "/preview?n=" + fmt.Sprint(i+1)))
	}
	for _, query := range queries {
		for next := "/app/settings/audit" + query; next != ""; { // the trail, page by page
			page := seen.look(p.owner.get(next))
			next = page.link(`/app/settings/audit?cursor=`)
		}
		for _, path := range slices.Sorted(maps.Values(p.pagesOf("GET", "candidate", "public"))) {
			for _, v := range []*visitor{p.taker, p.done, p.visitor()} {
				seen.look(v.get(path + query))
				seen.look(v.get(path+query, "Accept-Language", "ar-XB"))
			}
		}
	}
	p.forms(seen)
	for _, field := range p.fields {
		if seen.fields[field] == slices.Contains(onNoPage, field) {
			t.Errorf("on a page, %s is shown: %v", field, seen.fields[field])
		}
	}
}

// onNoPage are the fields that go to mails and to the API alone.
var onNoPage = []string{"Fmessage", "Ffile", "Finvitereason", "Fvoid", "Fvoidreason"}

// forms sends every form of the table with markup in every field that one of them reads.
func (p *planted) forms(seen *sightings) {
	p.t.Helper()
	var fields []string
	for _, name := range []string{"name", "email", "password", "organizationName", "next", "token", "code", "reason", "consent", "back", "source", "inline", "notice", "do"} {
		fields = append(fields, name, script)
	}
	for _, who := range [][]string{{"public"}, {"candidate"}, everyMember} {
		for route, path := range p.pagesOf("POST", who...) {
			v := map[string]*visitor{"public": p.visitor(), "candidate": p.taker}[who[0]]
			if v == nil {
				v = p.owner
			}
			if route == "/app/logout" {
				continue // it shows nothing
			}
			seen.look(v.post(path, fields...))
			seen.look(v.post(path, append([]string{"back", "yes", "email", markup}, "reason", strings.Repeat(script, 20))...))
		}
	}
}

// oddQuery puts markup into every parameter that a page reads.
func oddQuery() string {
	q := url.Values{}
	for _, name := range []string{
		"q", "tag", "status", "state", "sort", "order", "cursor", "from", "to", "action", "object", "type", "n", "page", "done", "next", "token",
		"email", "after", "as", "saved", "version", "passed", "decision", "delivery", "answers", "at", "around", "before", "list", "min", "max",
	} {
		q.Set(name, markup)
	}
	return q.Encode()
}

// sightings judges pages and notes which fields they show.
type sightings struct {
	t      *testing.T
	fields map[string]bool
}

var fieldNames = regexp.MustCompile(`F[a-z]{3,}`)

// look reads a page as a browser does.
func (s *sightings) look(p page) page {
	s.t.Helper()
	if p.status >= 500 {
		s.t.Errorf("%s: %d", p.path, p.status)
	}
	kind := p.header.Get("Content-Type")
	if p.status == http.StatusSeeOther {
		if to := p.header.Get("Location"); !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
			s.t.Errorf("%s leads to %s", p.path, to)
		}
		return p
	}
	if !strings.HasPrefix(kind, "text/html") {
		return p // JSON and scripts, which no browser takes for a page: nosniff says so
	}
	root, err := html.Parse(bytes.NewReader(p.body))
	if err != nil {
		s.t.Fatal(err)
	}
	for n := range root.Descendants() {
		if why := s.ran(n); why != "" {
			s.t.Errorf("%.200s (%d) takes what somebody typed for HTML: %s", p.path, p.status, why)
			return p // the rest of the page is its wreck
		}
	}
	return p
}

// ran says what of a node somebody's text has made; "" for nothing. Of text it notes the fields.
func (s *sightings) ran(n *html.Node) string {
	note := func(text string) {
		for _, found := range fieldNames.FindAllString(text, -1) {
			s.fields[found] = true
		}
	}
	switch n.Type {
	case html.TextNode:
		note(n.Data)
	case html.ElementNode:
		if n.Data == "qzx" || n.Data == "img" || n.Data == "iframe" || n.Data == "base" || n.Data == "object" || n.Data == "embed" {
			return "<" + n.Data + ">"
		}
		for _, a := range n.Attr {
			note(a.Val)
			if bad := badAttribute(n, a); bad != "" {
				return bad
			}
		}
		if n.Data == "script" && n.FirstChild != nil {
			return inlineScript(n)
		}
	}
	return ""
}

// badAttribute is one that runs, styles or loads what is not ours.
func badAttribute(n *html.Node, a html.Attribute) string {
	name := strings.ToLower(a.Key)
	switch {
	case strings.Contains(name, "qzx"), strings.HasPrefix(name, "on"), name == "style", name == "srcdoc":
		return "<" + n.Data + " " + a.Key + ">"
	case name == "src", name == "href" && n.Data != "a", name == "action", name == "formaction", name == "poster", name == "srcset", name == "data":
		if !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "#") && a.Val != "" || strings.HasPrefix(a.Val, "//") {
			return "<" + n.Data + " " + a.Key + "=" + a.Val + ">"
		}
	case name == "href":
		u, err := url.Parse(a.Val)
		if err != nil || !slices.Contains([]string{"", "http", "https", "mailto"}, u.Scheme) || strings.HasPrefix(a.Val, "//") {
			return "<a href=" + a.Val + ">"
		}
	}
	return ""
}

// inlineScript may be data alone, and whole.
func inlineScript(n *html.Node) string {
	kind := ""
	for _, a := range n.Attr {
		if a.Key == "type" {
			kind = a.Val
		}
	}
	if text := strings.TrimSpace(n.FirstChild.Data); text != "" && (kind != "application/json" || !json.Valid([]byte(text))) {
		return fmt.Sprintf("an inline script of type %q: %.200s", kind, text)
	}
	return ""
}
