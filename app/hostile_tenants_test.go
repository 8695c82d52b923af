package app_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// anonymous is an answer without the one thing that must differ between two requests.
func anonymous(r reply) string {
	var p map[string]any
	if json.Unmarshal(r.body, &p) == nil {
		delete(p, "requestId")
		if plain, err := json.Marshal(p); err == nil {
			return http.StatusText(r.status) + " " + string(plain)
		}
	}
	return http.StatusText(r.status) + " " + string(r.body)
}

// asked sends an operation a body that it takes, with the objects of instead.
func (s *stage) asked(o operationOf, path, credential string) reply {
	s.t.Helper()
	headers := []string{"If-Match", "*"}
	var body any
	switch {
	case o.upload:
		var media string
		body, media = form(s.t, "q.csv", "question,a,b,answer\nHTTPS?,80,443,b\n")
		headers = append(headers, "Content-Type", media)
	case o.body != nil:
		body = s.right(o)
	}
	return s.call(o.method, path, credential, body, headers...)
}

// ownSorts are the sorts of object that belong to one employer; the others are found by a secret or are nobody's.
var ownSorts = []string{"key", "assessment", "question", "session", "import", "invitation", "member", "submission", "invite", "webhook", "delivery", "job", "answered question"}

func TestAnotherEmployersObjectIsAsIfItDidNotExist(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mine, theirs := newStage(t, w, 1), newStage(t, w, 2)
	was, tried := w.contents(), map[string]bool{}
	nothing := map[string]string{}
	for sort := range theirs.ids {
		nothing[sort] = someID
	}
	nothing["version"] = "1"
	for _, o := range operations(t) {
		for _, sort := range objectsOf(t, o.path) {
			if !slices.Contains(ownSorts, sort) {
				continue
			}
			tried[sort] = true
			unknown := mine.asked(o, mine.at(o.path, map[string]string{sort: someID}), mine.credential(o.who))
			foreign := mine.asked(o, mine.at(o.path, map[string]string{sort: theirs.ids[sort]}), mine.credential(o.who))
			if unknown.status != 404 || anonymous(foreign) != anonymous(unknown) {
				t.Errorf("%s answers an unknown %s with\n%d %s, another employer's with\n%d %s",
					o.id, sort, unknown.status, unknown.body, foreign.status, foreign.body)
			}
			unknown = mine.asked(o, mine.at(o.path, nothing), mine.credential(o.who))
			foreign = mine.asked(o, mine.at(o.path, theirs.ids), mine.credential(o.who))
			if unknown.status != 404 || anonymous(foreign) != anonymous(unknown) {
				t.Errorf("%s answers an unknown path with\n%d %s, another employer's with\n%d %s",
					o.id, unknown.status, unknown.body, foreign.status, foreign.body)
			}
		}
	}
	w.unchanged(was)
	for _, sort := range ownSorts {
		if !tried[sort] {
			t.Errorf("no route takes a %s", sort)
		}
	}
}

// The same requests with an object of one's own get another answer, or the test above would prove nothing.
func TestOnesOwnObjectIsFound(t *testing.T) {
	t.Parallel()
	s := newStage(t, newWorld(t), 1)
	for _, o := range operations(t) {
		for _, sort := range objectsOf(t, o.path) {
			if slices.Contains(ownSorts, sort) && o.method == http.MethodGet {
				if r := s.asked(o, s.at(o.path, nil), s.credential(o.who)); r.status != 200 {
					t.Errorf("%s with one's own %s: %d %s", o.id, sort, r.status, r.body)
				}
			}
		}
	}
}

func TestAnIDThatIsNoneIsRefusedAlikeEverywhere(t *testing.T) {
	t.Parallel()
	s := newStage(t, newWorld(t), 1)
	was := s.contents()
	for _, o := range operations(t) {
		for _, sort := range objectsOf(t, o.path) {
			for _, odd := range []string{
				"x", "0", "-1", "null", "undefined", "%20", "1'%20OR%20'1'='1", someID + "%00", "%ff%fe", someID[:35], someID + "0", "..",
				"%F0%9F%92%A9", strings.Repeat("9", 400), "9223372036854775808", "1e1", "0x1", "1.0",
				strings.Repeat("a", 7000),
			} {
				r := s.asked(o, s.at(o.path, map[string]string{sort: odd}), s.credential(o.who))
				what := o.id + " with the " + sort + " " + odd[:min(len(odd), 60)]
				s.refused(what, r, "")
				uuidLike := slices.Contains(ownSorts, sort)
				if uuidLike && r.status != 422 && r.status != 404 && !(r.status == 400 && r.code() == "invalid_text") {
					t.Errorf("%s: %d %s", what, r.status, r.body)
				}
			}
		}
	}
	s.unchanged(was)
}

// rank orders the roles, and what a route asks for.
var rank = map[string]int{"viewer": 1, "recruiter": 2, "admin": 3, "owner": 4}

func TestARoleOpensWhatItsRouteSaysAndNothingElse(t *testing.T) {
	t.Parallel()
	s := newStage(t, newWorld(t), 1)
	unknown := map[string]string{}
	for sort := range s.ids {
		unknown[sort] = someID
	}
	unknown["version"] = "1"
	for _, o := range operations(t) {
		if rank[o.who] == 0 {
			if o.who != "public" && o.who != "candidate" {
				t.Errorf("%s is for %q, whom nobody knows", o.id, o.who)
			}
			continue
		}
		for kind, callers := range map[string]map[string]string{"member": s.members, "API key": s.keys} {
			for _, role := range slices.Sorted(maps.Keys(rank)) {
				var body any
				headers := []string{"If-Match", "*"}
				if o.body != nil {
					body = "{}"
				}
				r := s.call(o.method, s.at(o.path, unknown), callers[role], body, headers...)
				refused := r.status == 403 && r.code() == "forbidden"
				if r.status == 401 || r.status >= 500 || refused == (rank[role] >= rank[o.who]) {
					t.Errorf("%s is for %s, and %s %s gets %d %.200s", o.id, o.who, kind, role, r.status, r.body)
				}
			}
		}
		if r := s.call(o.method, s.at(o.path, unknown), s.candidate, nil); r.status != 401 {
			t.Errorf("%s lets a candidate in: %d", o.id, r.status)
		}
	}
}
