package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
)

// marker stands in every bad value, so that an answer that repeats a value is seen.
const marker = "Zq7xMarkerW9k"

func encoded(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// spoilt are bodies that no operation takes, made from one that it takes; with the codes they must get.
func spoilt(t *testing.T, right obj) map[string][2]string {
	t.Helper()
	whole := encoded(t, right)
	first := slices.Sorted(maps.Keys(right))
	name := "anything"
	if len(first) > 0 {
		name = first[0]
	}
	open := strings.TrimSuffix(whole, "}")
	if open != "{" {
		open += ","
	}
	value := encoded(t, right[name])
	bodies := map[string][2]string{
		"malformed":         {`{"` + name + `": ` + marker + `}`, "malformed_json"},
		"single quotes":     {`{'` + name + `': '` + marker + `'}`, "malformed_json"},
		"truncated":         {whole[:len(whole)-1], "malformed_json"},
		"no value":          {" ", "malformed_json"},
		"a key twice":       {open + `"` + name + `":` + value + `,"` + name + `":` + value + `}`, "duplicate_key"},
		"an unknown key":    {open + `"score":"` + marker + `"}`, "unknown_key"},
		"prototype":         {open + `"__proto__":{"role":"` + marker + `"}}`, "unknown_key"},
		"an escaped key":    {open + `"sc\u006fre":"` + marker + `"}`, "unknown_key"},
		"invalid UTF-8":     {open + `"` + name + `":"` + marker + "\xff\xfe" + `"}`, "invalid_text"},
		"overlong UTF-8":    {open + `"score":"` + marker + "\xc0\xaf" + `"}`, "invalid_text"},
		"a surrogate":       {open + `"score":"` + marker + "\xed\xa0\x80" + `"}`, "invalid_text"},
		"a raw NUL":         {open + `"score":"` + marker + "\x00" + `"}`, "malformed_json"},
		"an escaped NUL":    {open + `"score":"` + marker + `\u0000"}`, "invalid_text"},
		"a NUL in a key":    {open + `"sco\u0000re":"` + marker + `"}`, "invalid_text"},
		"lists in lists":    {open + `"score":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`, "json_too_deep"},
		"objects in each":   {open + `"score":` + strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000) + `}`, "json_too_deep"},
		"only brackets":     {strings.Repeat("[", 10_000), "json_too_deep"},
		"something after":   {whole + `{"` + marker + `":1}`, "malformed_json"},
		"two values":        {whole + whole, "malformed_json"},
		"a comment":         {whole + "/* " + marker + " */", "malformed_json"},
		"a byte order mark": {"\ufeff" + whole, "malformed_json"},
		"a list":            {"[" + whole + "]", "invalid_input"},
		"a text":            {`"` + marker + `"`, "invalid_input"},
		"null":              {"null", "invalid_input"},
		"2 MiB":             {open + `"score":"` + marker + strings.Repeat("x", 2<<20) + `"}`, "too_large"},
	}
	if len(first) > 0 {
		wrong := strings.ToUpper(name[:1]) + name[1:]
		bodies["wrong case beside the right one"] = [2]string{open + `"` + wrong + `":` + value + `}`, "unknown_key"}
		bodies["wrong case alone"] = [2]string{strings.Replace(whole, `"`+name+`":`, `"`+strings.ToUpper(name)+`":`, 1), "unknown_key"}
	}
	return bodies
}

// wrongTypes are values that a field of this schema does not take. In a field that may be left out, null is the same as that.
func wrongTypes(p *schemaOf, required bool) map[string]any {
	bad := map[string]any{}
	for kind, v := range map[string]any{
		"string": marker, "boolean": true, "array": []any{marker}, "object": obj{marker: marker}, "null": nil, "number": 7.25,
	} {
		if !p.is(kind) && (kind != "null" || required) {
			bad[kind] = v
		}
	}
	if p.is("number") {
		bad["a huge number"] = json.RawMessage("1e999")
		bad["a number as text"] = "7"
	}
	if p.is("integer") {
		bad["a huge number"] = json.RawMessage("99999999999999999999999")
		bad["a fraction"] = json.RawMessage("1.5")
	}
	if p.is("string") {
		bad["a megabyte"] = strings.Repeat("x", 1_000_000-len(marker)) + marker
		if !p.text() {
			bad["another text"] = marker
		}
	}
	return bad
}

func TestABadBodyIsRefusedByEveryOperationAndChangesNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t, newWorld(t), 1)
	codes := map[string]bool{}
	refuse := func(o operationOf, what, body, secret string, headers ...string) reply {
		t.Helper()
		r := s.send(o, s.at(o.path, nil), body, headers...)
		s.refused(o.id+": "+what, r, secret)
		codes[r.code()] = true
		return r
	}
	was, tried := s.contents(), 0
	for _, o := range operations(t) {
		if o.body == nil {
			continue
		}
		tried++
		right := s.right(o)
		for what, bad := range spoilt(t, right) {
			if r := refuse(o, what, bad[0], marker); r.code() != bad[1] {
				t.Errorf("%s: %s: %s, want %s: %.300s", o.id, what, r.code(), bad[1], r.body)
			}
		}
		for _, media := range []string{
			"text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
			"application/json; charset=utf-16", "application/jsonp", "*/*", "json", ";", "application/json, text/plain",
		} {
			if r := refuse(o, media, encoded(t, right), "", "Content-Type", media); r.status != 415 {
				t.Errorf("%s as %s: %d", o.id, media, r.status)
			}
		}
		if r := refuse(o, "coded", encoded(t, right), "", "Content-Encoding", "gzip"); r.status != 415 {
			t.Errorf("%s said to be compressed: %d", o.id, r.status)
		}
		for name, p := range o.body.Properties {
			if len(p.Type) == 0 {
				continue // judged by what it answers
			}
			for what, v := range wrongTypes(p, slices.Contains(o.body.Required, name)) {
				body := maps.Clone(right)
				body[name] = v
				refuse(o, name+": "+what, encoded(t, body), marker)
			}
		}
	}
	if tried < 20 {
		t.Errorf("only %d operations take a body", tried)
	}
	s.unchanged(was)
	for code := range codes {
		s.must(200, "GET", "/api/v1/problems/"+code, "", nil)
	}
}

// TestABodyThatComesInPiecesIsBoundedToo sends no Content-Length, so that only the reading itself can tell.
func TestABodyThatComesInPiecesIsBoundedToo(t *testing.T) {
	t.Parallel()
	s := newStage(t, newWorld(t), 1)
	was := s.contents()
	for _, o := range operations(t) {
		if o.body == nil {
			continue
		}
		body := io.MultiReader(strings.NewReader(`{"score":"`), bytes.NewReader(bytes.Repeat([]byte{'x'}, 2<<20)), strings.NewReader(`"}`))
		r := s.send(o, s.at(o.path, nil), body)
		s.refused(o.id, r, "")
		if r.code() != "too_large" {
			t.Errorf("%s: %s", o.id, r.body)
		}
	}
	s.unchanged(was)
}

// A bidi override makes one name look like another, and a name without width looks like none, so no line of text may hold the
// one or be the other; longer texts may.
func TestTextThatDeceivesIsRefusedInLines(t *testing.T) {
	t.Parallel()
	s := newStage(t, newWorld(t), 1)
	refuse := func(id, field, text string) {
		t.Helper()
		all := operations(t)
		o := all[slices.IndexFunc(all, func(o operationOf) bool { return o.id == id })]
		body := s.right(o)
		body[field] = text
		r := s.send(o, s.at(o.path, nil), body)
		s.refused(fmt.Sprintf("%s.%s with %+q", id, field, text), r, "")
		if r.status != 422 {
			t.Errorf("%s.%s with %+q: %d", id, field, text, r.status)
		}
	}
	marks := []rune{'\u202a', '\u202b', '\u202d', '\u202e', '\u2066', '\u2067', '\u2068', '\u2069', '\u2028', '\u0007', '\u001b', '\n', '\u0085'}
	for _, line := range []struct{ id, field string }{
		{"create-assessment", "title"}, {"update-assessment", "title"}, {"create-api-key", "name"}, {"change-employer", "name"}, {"change-me", "name"},
		{"register", "name"}, {"register", "organizationName"}, {"accept-invitation", "name"}, {"start-submission", "name"},
		{"register", "email"}, {"invite-member", "email"}, {"start-submission", "email"},
	} {
		for _, mark := range marks {
			refuse(line.id, line.field, fmt.Sprintf("an%cna@mail.example", mark))
		}
		for _, unseen := range []string{"\u200b", " \u2060\ufeff ", "\u00a0", "\u200d\u200d"} {
			refuse(line.id, line.field, unseen)
		}
	}
}
