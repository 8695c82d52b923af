package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"credlane/app/kit/corpustest"
)

// naughty is the list of strings that have broken other programs; nil, and said so, where the corpus is absent.
func naughty(t *testing.T) []string {
	t.Helper()
	data, ok := corpustest.Read(t, "strings/blns.json")
	if !ok {
		return nil
	}
	var list []string
	if err := json.Unmarshal(data, &list); err != nil || len(list) < 400 {
		t.Fatal(len(list), err)
	}
	return list
}

// dear are operations that hash a password for each request: they get one string in twenty.
var dear = []string{"register", "login", "accept-invitation", "change-password", "reset-password"}

func stride(id string) int {
	if slices.Contains(dear, id) {
		return 20
	}
	return 1
}

// fillings are the ways to put text into the fields of an operation's body, by field; plain names those that can be filled
// together.
func (s *stage) fillings(o operationOf) (fills map[string]func(text string) obj, plain []string) {
	fills, right := map[string]func(string) obj{}, s.right(o)
	put := func(name string, change func(body obj, text string)) {
		fills[name] = func(text string) obj {
			body := maps.Clone(right)
			change(body, text)
			return body
		}
	}
	for name, p := range o.body.Properties {
		switch {
		case p.is("array") && p.Items.text():
			put(name, func(body obj, text string) { body[name] = []string{text} })
		case p.is("array") && name == "options":
			put(name, func(body obj, text string) {
				delete(body, "answerKey")
				body["type"], body[name] = "single_choice", []obj{{"text": text}, {"text": "another option"}}
			})
		case name == "answerKey":
			put(name, func(body obj, text string) {
				body["type"], body["options"], body[name] = "short_text", []obj{}, obj{"accepted": []string{text}}
			})
		case p.is("string") || len(p.Type) == 0:
			put(name, func(body obj, text string) { body[name] = text })
			if p.text() && name != "email" && name != "code" && name != "reason" {
				plain = append(plain, name)
			}
		}
	}
	return fills, plain
}

// kept are the forms in which a text may come back: as it came, or trimmed and composed as the document says.
func kept(text string) []string {
	trimmed := strings.TrimSpace(text)
	lines := strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	return []string{text, trimmed, norm.NFC.String(trimmed), norm.NFC.String(lines)}
}

// holds tells whether a key stands in v at any depth, and whether it does so with one of texts, alone or in a list.
func holds(v any, name string, texts []string) (found, right bool) {
	note := func(child any) {
		text, one := child.(string)
		found = found || one
		right = right || one && slices.Contains(texts, text)
	}
	into := func(child any) {
		f, r := holds(child, name, texts)
		found, right = found || f, right || r
	}
	switch v := v.(type) {
	case map[string]any:
		for key, child := range v {
			if list, ok := child.([]any); ok && key == name {
				for _, item := range list {
					note(item)
				}
			} else if key == name {
				note(child)
			}
			into(child)
		}
	case []any:
		for _, child := range v {
			into(child)
		}
	}
	return found, right
}

// readBack fetches what an accepted request made or changed: by its Location, its own path, or as the employer sees it.
func (s *stage) readBack(o operationOf, path string, r reply) (any, bool) {
	s.t.Helper()
	at, who := r.header.Get("Location"), o.who
	switch {
	case o.id == "start-submission":
		var made sitting
		r.into(s.t, &made)
		at, who = "/api/v1/submissions/"+made.Submission.ID, "viewer"
	case o.id == "save-answer":
		at = "/api/v1/public/submission"
	case o.id == "create-api-key":
		at = "/api/v1/api-keys?limit=1"
	case o.method == "PATCH":
		at = path
	}
	if at == "" {
		return nil, false
	}
	got := s.call("GET", at, s.credential(who), nil)
	if got.status != 200 {
		s.t.Errorf("%s: what was made cannot be read at %s: %d %.200s", o.id, at, got.status, got.body)
		return nil, false
	}
	var v any
	got.into(s.t, &v)
	return v, true
}

// reader sends texts and reads back what was accepted.
type reader struct {
	*stage
	n, read, refusals int
}

// try sends one body and tells whether it was accepted; names are the fields that hold the text.
func (s *reader) try(o operationOf, body obj, text string, names ...string) bool {
	s.t.Helper()
	s.n++
	path, what := s.at(o.path, nil), fmt.Sprintf("%s with %q in %s", o.id, text, names)
	switch {
	case o.id == "save-answer":
		body["sequence"] = s.n
	case (o.id == "start-submission" || o.id == "invite-member") && names[0] != "email":
		body["email"] = fmt.Sprintf("c%d@mail.example", s.n)
	}
	r := s.send(o, path, body)
	if r.status >= 400 {
		s.refusals++
		s.refused(what, r, "")
		return false
	}
	if v, ok := s.readBack(o, path, r); ok && text != "" {
		for _, name := range names {
			key := map[string]string{"answerKey": "accepted", "options": "text"}[name]
			if key == "" {
				key = name
			}
			found, right := holds(v, key, kept(text))
			if found {
				s.read++
			}
			if found && !right {
				s.t.Errorf("%s reads back as something else: %.500s", what, encoded(s.t, v))
			}
		}
	}
	if at := r.header.Get("Location"); at != "" {
		if r := s.call("DELETE", at, s.owner, nil, "If-Match", "*"); r.status >= 500 {
			s.t.Errorf("%s: removing it: %d", what, r.status)
		}
	}
	return true
}

// TestNaughtyTextIsKeptAsItCameOrRefused tries all plain fields of a body at once, and each alone where that is refused.
func TestNaughtyTextIsKeptAsItCameOrRefused(t *testing.T) {
	t.Parallel()
	list := naughty(t)
	if list == nil {
		return
	}
	s := &reader{stage: newStage(t, newWorld(t), 1)}
	for _, o := range operations(t) {
		if o.body == nil || o.method == "DELETE" || o.id == "logout" {
			continue
		}
		fills, plain := s.fillings(o)
		for i := 0; i < len(list); i += stride(o.id) {
			text, together := list[i], s.right(o)
			for _, name := range plain {
				together[name] = text
			}
			accepted := len(plain) > 0 && s.try(o, together, text, plain...)
			for name, fill := range fills {
				closed := o.body.Properties[name].Enum != nil || o.body.Properties[name].Format != ""
				if accepted && slices.Contains(plain, name) || closed && i%5 != 0 {
					continue
				}
				s.try(o, fill(text), text, name)
			}
		}
	}
	if s.read < 1000 || s.refusals < 1000 {
		t.Errorf("only %d were read back and %d refused", s.read, s.refusals)
	}
	t.Logf("%d requests, %d refused, %d texts read back", s.n, s.refusals, s.read)
}

// answered holds any answer against the one rule that has no exception: what a caller sends is never our failure.
func (s *stage) answered(what string, r reply) {
	s.t.Helper()
	if r.status >= 400 {
		s.refused(what, r, "")
	}
}

func TestNaughtyFiltersAndPathsAreNoFailure(t *testing.T) {
	t.Parallel()
	list := naughty(t)
	if list == nil {
		return
	}
	s := newStage(t, newWorld(t), 1)
	was := s.contents()
	for n, o := range operations(t) {
		if o.method != "GET" && len(objectsOf(t, o.path)) == 0 {
			continue
		}
		every := 4
		if strings.Contains(o.id, "export") || slices.Contains(dear, o.id) {
			every = 40
		}
		for k, p := range o.query {
			step := every
			if p.Schema.text() && every == 4 {
				step = 1
			}
			for i := (n + k) % step; i < len(list); i += step {
				path := s.at(o.path, nil) + "?" + p.Name + "=" + url.QueryEscape(list[i])
				s.answered(o.id+" "+path, s.call(o.method, path, s.credential(o.who), nil))
			}
		}
		for k, sort := range objectsOf(t, o.path) {
			for i := (n + k) % every; i < len(list); i += every {
				if list[i] == "" || list[i] == "." || list[i] == ".." {
					continue // another path
				}
				if sort == "version" && strings.TrimLeft(list[i], "0") == "1" {
					continue // that version
				}
				r := s.asked(o, s.at(o.path, map[string]string{sort: url.PathEscape(list[i])}), s.credential(o.who))
				s.refused(fmt.Sprintf("%s with the %s %q", o.id, sort, list[i]), r, "")
			}
		}
	}
	for name, held := range s.contents() { // exports leave a line in the trail
		if held != was[name] && name != "audit_events" {
			t.Errorf("%s held %s and holds %s", name, was[name], held)
		}
	}
}

func TestNaughtyHeadersAreNoFailure(t *testing.T) {
	t.Parallel()
	list := naughty(t)
	if list == nil {
		return
	}
	s := newStage(t, newWorld(t), 1)
	was, at := s.contents(), s.at("/api/v1/assessments/{id}", nil)
	for _, text := range list {
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			continue // no header may hold it
		}
		r := s.call("PATCH", at, s.owner, obj{"title": "Mine"}, "If-Match", text)
		if r.status != 412 && !(r.status == 428 && strings.TrimSpace(text) == "") {
			t.Errorf("If-Match %q: %d %.200s", text, r.status, r.body)
		}
		s.refused(fmt.Sprintf("If-Match %q", text), r, "")
		s.answered(fmt.Sprintf("Idempotency-Key %q", text), s.call("POST", "/api/v1/assessments", s.owner, obj{"title": ""}, "Idempotency-Key", text))
		r = s.call("GET", "/api/v1/auth/me", s.owner, nil, "X-Request-Id", text, "Traceparent", text, "Accept", text, "Accept-Language", text, "Accept-Encoding", text,
			"User-Agent", text, "Content-Type", text, "Range", text, "If-None-Match", text, "If-Modified-Since", text, "Cookie", text, "Referer", text, "Origin", text)
		if id := r.header.Get("X-Request-Id"); r.status != 200 || id == "" || len(id) > 100 || strings.ContainsAny(id, " <>\"'&;%\\") {
			t.Errorf("headers of %q: %d, request id %q", text, r.status, id)
		}
		for _, value := range []string{text, "Bearer " + text, "Bearer clk_" + text} {
			if r := s.call("GET", "/api/v1/auth/me", "", nil, "Authorization", value); r.status != 401 {
				t.Errorf("Authorization %q: %d", value, r.status)
			}
		}
	}
	s.unchanged(was)
}
