package app_test

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	"credlane/app"
	"credlane/web/words"
)

// said takes candidates through all their pages in the pseudo-locale, each under a name.
func said(t *testing.T) map[string]page {
	t.Helper()
	s := newExam(t, app.Options{}, "description", "Content: about.")
	s.must(200, "PATCH", "/api/v1/employer", s.owner, obj{"name": "Content GmbH"})
	pages := map[string]page{}
	in := func(v *visitor, name, method, path string, fields ...string) page {
		t.Helper()
		p := v.speaking(method, path, fields...)
		pages[name] = p
		return p
	}
	form := []string{"name", "Content Ada", "email", "content@example.org", "consent", "yes"}
	landing := "/a/" + s.slug
	v := s.visitor()
	s.clock.Advance(2 * time.Second)
	in(v, "landing", "GET", landing)
	in(v, "landing refused", "POST", landing, "name", "", "email", "x")
	in(v, "unknown", "GET", "/a/aaaaaaaaaaaaaaaa")
	in(v, "no cookie", "GET", "/take")
	in(v, "back refused", "POST", landing+"/code", "back", "yes", "email", "x")
	in(v, "back", "POST", landing+"/code", "back", "yes", "email", "content@example.org")
	cross := v.send("POST", landing, strings.NewReader("name=x"), "application/x-www-form-urlencoded", "Accept-Language", words.PseudoTag)
	pages["cross site"] = cross
	in(v, "start", "POST", landing, form...).leadsTo(t, "/take")
	in(v, "test", "GET", "/take")
	in(v, "test saved", "GET", "/take?saved=1")
	in(v, "here", "GET", landing)
	in(v, "finish", "GET", "/take/finish")
	in(v, "data", "GET", "/take/data")
	in(s.visitor(), "elsewhere", "POST", landing, form...)
	in(s.visitor(), "code", "POST", landing+"/code", append(form, "again", "yes")...)
	in(s.visitor(), "code wrong", "POST", landing, append(form, "code", "1")...)
	in(s.visitor(), "code missing", "POST", landing, append(form, "code", "")...)
	s.clock.Advance(time.Hour)
	in(s.visitor(), "code spent", "POST", landing, append(form, "code", "1")...)
	in(v, "finish late", "POST", "/take/finish").leadsTo(t, "/take/result")
	in(v, "time up", "GET", "/take/result")
	in(v, "here late", "GET", landing)
	link := s.linked("ivy@example.org")
	other := s.linked("uma@example.org")
	ivy := s.visitor()
	in(ivy, "invite", "GET", link)
	in(ivy, "invite refused", "POST", link)
	in(ivy, "invite start", "POST", link, "consent", "yes").leadsTo(t, "/take")
	in(s.visitor(), "invite started", "GET", link)
	in(ivy, "handed in", "POST", "/take/finish").leadsTo(t, "/take/result")
	for _, release := range []string{"none", "passed", "score", "review"} {
		s.set("resultRelease", release)
		in(ivy, "result "+release, "GET", "/take/result")
		in(s.visitor(), "landing "+release, "GET", landing)
	}
	s.set("releaseAt", s.clock.Now().Add(time.Hour))
	in(ivy, "result later", "GET", "/take/result")
	in(s.visitor(), "landing later", "GET", landing)
	in(s.visitor(), "invite completed", "GET", link)
	in(ivy, "decline refused", "POST", other+"/decline", "reason", strings.Repeat("Content", 200))
	in(ivy, "decline", "POST", other+"/decline").leadsTo(t, other)
	in(ivy, "declined", "GET", other)
	s.set("requireEmailCode", true)
	in(s.visitor(), "landing code", "GET", landing)
	for range 30 {
		if in(s.visitor(), "too many", "POST", landing+"/code", append(form, "again", "yes")...).status == 429 {
			break
		}
	}
	s.set("opensAt", s.clock.Now().Add(time.Hour), "closesAt", s.clock.Now().Add(2*time.Hour))
	in(s.visitor(), "not open", "GET", landing)
	s.must(200, "POST", "/api/v1/assessments/"+s.assessment+"/close", s.owner, nil)
	s.clock.Advance(2 * time.Second)
	in(s.visitor(), "closed", "GET", landing)
	return pages
}

// speaking sends a request in the pseudo-locale: a form for POST.
func (v *visitor) speaking(method, path string, fields ...string) page {
	v.w.t.Helper()
	headers := []string{"Accept-Language", words.PseudoTag, "Sec-Fetch-Site", "same-origin"}
	if method == "GET" {
		return v.get(path, headers...)
	}
	var form []string
	for i := 0; i+1 < len(fields); i += 2 {
		form = append(form, fields[i]+"="+strings.ReplaceAll(strings.ReplaceAll(fields[i+1], "@", "%40"), " ", "+"))
	}
	return v.send(method, path, strings.NewReader(strings.Join(form, "&")), "application/x-www-form-urlencoded", headers...)
}

var (
	notRead    = regexp.MustCompile(`(?s)<(style|script)\b[^>]*>.*?</(style|script)>|<time\b.*?</time>|<svg\b.*?</svg>|<kbd\b.*?</kbd>|<!doctype[^>]*>`)
	attributes = regexp.MustCompile(`\b(?:aria-label|title|placeholder|alt)="([^"]*)"`)
	element    = regexp.MustCompile(`<[^>]*>`)
	letter     = regexp.MustCompile(`\p{L}`)
	values     = regexp.MustCompile("\u2068[^\u2068\u2069]*\u2069")
	inside     = regexp.MustCompile(words.MarkOpen + `[^` + words.MarkOpen + words.MarkClose + `]*` + words.MarkClose)
)

// unmarked lists what a page says to its reader that is neither out of the catalogue nor somebody's content.
func unmarked(source string, content ...string) []string {
	source = notRead.ReplaceAllString(source, "")
	parts := element.Split(source, -1)
	for _, m := range attributes.FindAllStringSubmatch(source, -1) {
		parts = append(parts, m[1])
	}
	// A text of the catalogue may hold elements: the marks then stand around several parts.
	text := html.UnescapeString(strings.Join(parts, "\x00"))
	for was := ""; was != text; {
		was, text = text, inside.ReplaceAllString(values.ReplaceAllString(text, ""), "")
	}
	var found []string
	for part := range strings.SplitSeq(text, "\x00") {
		for _, c := range content {
			part = strings.ReplaceAll(part, c, "")
		}
		if letter.MatchString(part) {
			found = append(found, strings.TrimSpace(part))
		}
	}
	return found
}

func TestEveryWordOfACandidatesPagesIsInTheCatalogue(t *testing.T) {
	t.Parallel()
	if got := fmt.Sprint(unmarked(`<p title="Hello">⟦a⟦b⟧ ⟧</p><b>World</b> <i>⟦x</i><u>y⟧</u>`)); got != "[World Hello]" {
		t.Fatalf("what is unmarked is not found: %s", got)
	}
	// Who wrote it is no candidate's page: the author, the candidate, and the program's name.
	content := []string{"Content: about.", "Content GmbH", "Content Ada", "content@example.org", "CredLane", "Networking", "HTTPS?", "Which command lists files?",
		"Cara", "ls", "CG", strings.Repeat("Content", 200)}
	pages := said(t)
	for name, p := range pages {
		if p.status == 303 {
			continue
		}
		if p.status >= 500 || len(p.body) < 500 {
			t.Errorf("%s: %d %s", name, p.status, p.text())
		}
		source := string(p.body)
		if !strings.Contains(source, `<html lang="ar-XB" dir="rtl"`) {
			t.Errorf("%s does not run from right to left", name)
		}
		source = regexp.MustCompile(`<dd class="mono">[^<]*</dd>|<p class="meta mono">.*?</p>`).ReplaceAllString(source, "")
		for _, text := range unmarked(source, content...) {
			t.Errorf("%s says what is not in the catalogue: %q", name, text)
		}
	}
	if len(pages) < 40 {
		t.Errorf("only %d pages were looked at", len(pages))
	}
}
