package app_test

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// visitor is a browser without script: it keeps its cookies, says where its forms come from, and goes nowhere by itself.
type visitor struct {
	w   *world
	jar *cookiejar.Jar
}

func (w *world) visitor() *visitor {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &visitor{w, jar}
}

// owner registers employer n by the page and is its owner's browser.
func (w *world) owner(n string) *visitor {
	w.t.Helper()
	v := w.visitor()
	v.post("/app/register", "organizationName", "Employer "+n, "name", "Owner "+n, "email", "owner"+n+"@example.com", "password", goodPassword).
		leadsTo(w.t, "/app")
	return v
}

const goodPassword = "a long enough secret"

// page is what a visitor got.
type page struct {
	reply
	path string
}

func (v *visitor) get(path string, headers ...string) page {
	v.w.t.Helper()
	return v.send("GET", path, nil, "", headers...)
}

// post sends a form of names and values in turn, as a page of ours would.
func (v *visitor) post(path string, fields ...string) page {
	v.w.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return v.send("POST", path, strings.NewReader(form.Encode()), "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin")
}

// api calls the API as a page's script would, with the cookie alone.
func (v *visitor) api(method, path, json string, headers ...string) page {
	v.w.t.Helper()
	var body io.Reader
	if json != "" {
		body = strings.NewReader(json)
	}
	return v.send(method, path, body, "application/json", append([]string{"Sec-Fetch-Site", "same-origin"}, headers...)...)
}

func (v *visitor) send(method, path string, body io.Reader, contentType string, headers ...string) page {
	v.w.t.Helper()
	req, err := http.NewRequestWithContext(v.w.t.Context(), method, v.w.url+path, body)
	if err != nil {
		v.w.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{Jar: v.jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		v.w.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	read, err := io.ReadAll(res.Body)
	if err != nil {
		v.w.t.Fatalf("%s %s: %v", method, path, err)
	}
	return page{reply{res.StatusCode, res.Header, read}, method + " " + path}
}

// cookie is the value of the visitor's cookie of that name.
func (v *visitor) cookie(name string) string {
	v.w.t.Helper()
	u, err := url.Parse(v.w.url)
	if err != nil {
		v.w.t.Fatal(err)
	}
	for _, c := range v.jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// leadsTo wants a redirect to that path.
func (p page) leadsTo(t *testing.T, path string) page {
	t.Helper()
	if p.status != http.StatusSeeOther || p.header.Get("Location") != path {
		t.Fatalf("%s: %d to %q, want 303 to %q\n%s", p.path, p.status, p.header.Get("Location"), path, p.text())
	}
	return p
}

// shows wants the status and every one of these texts, as a reader sees them.
func (p page) shows(t *testing.T, status int, texts ...string) page {
	t.Helper()
	if p.status != status {
		t.Fatalf("%s: %d, want %d\n%s", p.path, p.status, status, p.text())
	}
	text := p.text()
	for _, want := range texts {
		if !strings.Contains(text, want) {
			t.Errorf("%s does not show %q:\n%s", p.path, want, text)
		}
	}
	return p
}

// hides wants none of these texts anywhere in the page's source.
func (p page) hides(t *testing.T, texts ...string) page {
	t.Helper()
	for _, unwanted := range texts {
		if strings.Contains(html.UnescapeString(string(p.body)), unwanted) {
			t.Errorf("%s holds %q", p.path, unwanted)
		}
	}
	return p
}

var (
	tags   = regexp.MustCompile(`(?s)<(script|style|svg)\b.*?</(script|style|svg)>|<[^>]*>`)
	spaces = regexp.MustCompile(`\s+`)
)

// text is the page without its tags.
func (p page) text() string {
	return spaces.ReplaceAllString(html.UnescapeString(tags.ReplaceAllString(string(p.body), " ")), " ")
}

// tag is the first element that begins like this, up to its ">".
func (p page) tag(begins string) string {
	_, rest, found := strings.Cut(string(p.body), begins)
	if !found {
		return ""
	}
	inside, _, _ := strings.Cut(rest, ">")
	return begins + inside
}

// link is the first address of the page that begins like this; "" for none.
func (p page) link(begins string) string {
	_, rest, found := strings.Cut(html.UnescapeString(string(p.body)), `href="`+begins)
	if !found {
		return ""
	}
	end, _, _ := strings.Cut(rest, `"`)
	return begins + end
}
