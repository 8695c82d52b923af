package app_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// page asks for a page with the candidate's cookie, as a browser without script would.
func (p *play) page(method, path, token, body string, headers ...string) reply {
	p.t.Helper()
	headers = append(headers, "Sec-Fetch-Site", "same-origin", "Accept-Language", "en")
	if token != "" {
		headers = append(headers, "Cookie", "theme=dark; credlane_attempt="+token)
	}
	if body != "" {
		headers = append(headers, "Content-Type", "application/x-www-form-urlencoded")
	}
	r, heard := p.line.send(method, path, body, headers...)
	p.all.WriteString(heard)
	p.visited = append(p.visited, method+" "+path)
	if r.header.Get("Etag") != "" || r.header.Get("Cache-Control") != "no-store" && !strings.HasSuffix(path, ".js") || r.status >= 500 {
		p.t.Errorf("%s %s: %d %v", method, path, r.status, r.header)
	}
	return r
}

// form posts fields by name and value.
func (p *play) form(path, token string, fields ...string) reply {
	p.t.Helper()
	values := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		values.Add(fields[i], fields[i+1])
	}
	return p.page("POST", path, token, values.Encode())
}

// look opens every page that a candidate may open, and some that no candidate may.
func (p *play) look(token string) {
	p.t.Helper()
	invite := "/i/" + strings.TrimPrefix(p.link, "/invites/")
	for _, path := range []string{"/a/" + p.slug, "/a/" + p.slug + "?as=other", invite, "/i/" + p.unwilling, "/take", "/take?saved=1", "/take/state?answers", "/take/finish",
		"/take/result", "/take/data", "/take/worker.js", "/take/key", "/app/assessments/" + p.assessment, "/app/assessments/" + p.assessment + "/preview"} {
		for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
			p.page(method, path, token, "")
		}
		p.page("GET", path, token, "", "Accept-Encoding", "gzip")
		p.page("GET", path, token, "", "Accept-Language", "ar-XB")
	}
}

// browse takes somebody from the landing through the test by pages alone, rightly and wrongly, up to handing in.
func (p *play) browse() {
	p.t.Helper()
	landing := "/a/" + p.slug
	p.look("")
	p.form(landing, "", "name", "", "email", "x")
	p.form(landing+"/code", "", "back", "yes", "email", "dan@example.org")
	p.form(landing, "", "name", "Dan", "email", "dan@example.org", "consent", "yes", "code", "1")
	started := p.form(landing, "", "name", "Dan", "email", "dan@example.org", "consent", "yes")
	for _, c := range (&http.Response{Header: started.header}).Cookies() {
		if c.Name == "credlane_attempt" {
			p.browsed = c.Value
		}
	}
	if started.status != http.StatusSeeOther || p.browsed == "" {
		p.t.Fatalf("no start by the page: %d %s", started.status, started.body)
	}
	p.form(landing, "", "name", "Dan", "email", "DAN@example.org", "consent", "yes")
	invite := "/i/" + strings.TrimPrefix(p.link, "/invites/")
	p.form(invite, p.browsed, "consent", "") // it has begun, by the API
	p.form(invite+"/decline", "", "reason", "too late")
	p.form("/i/"+p.unwilling, "", "name", "", "consent", "")
	p.form("/i/"+p.unwilling+"/decline", "", "reason", strings.Repeat("x", 1001))
	p.form("/i/"+p.unwilling+"/decline", "", "reason", "another job")
	p.form("/i/"+p.unwilling, "", "consent", "yes")
	p.look(p.browsed)
	for round := range 3 {
		var fields []string
		for q := range p.asked {
			answers := p.answers(q)
			switch given := answers[round%len(answers)].(type) {
			case []string:
				for _, o := range given {
					fields = append(fields, "answer."+p.asked[q], o)
				}
			default:
				fields = append(fields, "answer."+p.asked[q], fmt.Sprint(given))
			}
			if round == 1 {
				fields = append(fields, "flag."+p.asked[q], "on")
			}
		}
		if r := p.form("/take", p.browsed, fields...); r.status != http.StatusSeeOther {
			p.t.Errorf("round %d was not saved: %d %s", round, r.status, r.body)
		}
	}
	for q := range p.asked {
		for _, odd := range []string{"", p.options[0][0], "many", strings.Repeat("x", 1001)} {
			p.form("/take", p.browsed, "answer."+p.asked[q], odd)
		}
	}
	p.form("/take", p.browsed, "answer."+p.asked[0], p.options[0][0], "score", "100", "do", "finish")
	p.look(p.browsed)
}

// openedAll wants every page and form of candidates in the table to have been asked for.
func (p *play) openedAll() {
	p.t.Helper()
	n := 0
	for _, r := range p.app.Routes() {
		if !r.Page || strings.HasPrefix(r.Path, "/app") || strings.HasPrefix(r.Path, "/assets/") || r.Path == "/" {
			continue
		}
		n++
		like := regexp.MustCompile("^" + r.Method + " " + regexp.MustCompile(`\\\{[a-z]+\\\}`).ReplaceAllString(regexp.QuoteMeta(r.Path), "[^/?]+") + `(\?.*)?$`)
		if !slices.ContainsFunc(p.visited, like.MatchString) {
			p.t.Errorf("nobody asked for %s %s", r.Method, r.Path)
		}
	}
	if n < 12 {
		p.t.Errorf("the table has %d of them only", n)
	}
}

// pageAlone checks that a result's page shows the figures of its policy and nothing of the keys.
func (p *play) pageAlone(policy, token string) {
	p.t.Helper()
	r, heard := p.line.send("GET", "/take/result", "", "Cookie", "credlane_attempt="+token)
	text := page{r, "/take/result"}.text()
	if r.status != 200 || strings.Contains(text, "points") != (policy == "score") || strings.Contains(text, "Right answer") || strings.Contains(text, "Prompt") {
		p.t.Errorf("a page released as %s shows %d %s", policy, r.status, text)
	}
	p.clean("a released page", heard)
}
