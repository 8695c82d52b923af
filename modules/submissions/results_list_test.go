package submissions

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/corpustest"
	"credlane/app/kit/exact"
	"credlane/app/kit/rest"
)

var sorts = []Sort{ByStart, ByStartDown, ByScore, ByScoreDown, BySubmitted, BySubmittedDown, ByName, ByNameDown}

// crowd is people of two versions with many equal scores, names and times, and some who still run.
func crowd(first, second Version, n int) []sat {
	r := rand.New(rand.NewPCG(1, 2))
	names := []string{"Ada", "ada", "Émile", "émile", "Zoë", "100% Ada", "100 Ada", "a_b", `back\slash`, "李雷", "𝒳", "o'Brien"}
	decisions := []string{"", "", "shortlist", "hold", "decline"}
	all := make([]sat, n)
	for i := range all {
		s := sat{
			id: fixed(7, i+1), version: first, name: names[r.IntN(len(names))], status: Submitted, score: exact.WholeScore(int64(r.IntN(6) * 20)),
			started: opened.Add(time.Duration(i) * time.Minute), spent: time.Duration(r.IntN(4)) * time.Minute,
			decision: decisions[r.IntN(len(decisions))],
		}
		s.email = fmt.Sprintf("p%d@example.org", i)
		switch r.IntN(5) {
		case 0:
			s.status = InProgress
		case 1:
			s.status = Expired
		}
		if r.IntN(3) == 0 {
			s.version = second
		}
		if r.IntN(3) == 0 {
			s.tags = []string{"remote", "100%"}
		}
		all[i] = s
	}
	return all
}

// before says how the list orders two submissions.
func before(s Sort, a, b sat) int {
	down := strings.HasPrefix(string(s), "-")
	c := 0
	switch Sort(strings.TrimPrefix(string(s), "-")) {
	case ByScore:
		key := func(s sat) int64 {
			if s.status == InProgress {
				return -100
			}
			return int64(s.score)
		}
		c = int(key(a) - key(b))
	case BySubmitted:
		key := func(s sat) int64 {
			if s.status == InProgress {
				return 1 << 60
			}
			return s.started.Add(s.spent).UnixMicro()
		}
		switch x, y := key(a), key(b); {
		case x < y:
			c = -1
		case x > y:
			c = 1
		}
	case ByName:
		c = strings.Compare(strings.ToLower(a.name), strings.ToLower(b.name))
	}
	if c == 0 {
		c = strings.Compare(a.id.String(), b.id.String())
	}
	if down {
		return -c
	}
	return c
}

type filterCase struct {
	query []string
	keep  func(sat) bool
}

func filterCases() []filterCase {
	holds := func(part string) func(sat) bool {
		return func(s sat) bool {
			return strings.Contains(strings.ToLower(s.name), part) || strings.Contains(strings.ToLower(s.email), part)
		}
	}
	return []filterCase{
		{nil, func(sat) bool { return true }},
		{[]string{"status", "expired"}, func(s sat) bool { return s.status == Expired }},
		{[]string{"status", "in_progress"}, func(s sat) bool { return s.status == InProgress }},
		{[]string{"passed", "true"}, func(s sat) bool { return s.status != InProgress && s.score >= exact.WholeScore(60) }},
		{[]string{"passed", "false"}, func(s sat) bool { return s.status != InProgress && s.score < exact.WholeScore(60) }},
		{[]string{"version", "2"}, func(s sat) bool { return s.version.Number == 2 }},
		{[]string{"version", "3"}, func(sat) bool { return false }},
		{[]string{"decision", "hold"}, func(s sat) bool { return s.decision == "hold" }},
		{[]string{"decision", "none"}, func(s sat) bool { return s.decision == "" }},
		{[]string{"tag", "100%"}, func(s sat) bool { return len(s.tags) > 0 }},
		{[]string{"tag", "100"}, func(sat) bool { return false }},
		{[]string{"q", "ADA"}, holds("ada")},
		{[]string{"q", "ÉMILE"}, holds("émile")},
		{[]string{"q", "100%"}, holds("100%")},
		{[]string{"q", "_"}, holds("_")},
		{[]string{"q", `\`}, holds(`\`)},
		{[]string{"q", "P1"}, holds("p1")},
		{[]string{"status", "submitted", "passed", "true", "version", "1", "q", "a", "decision", "none"}, func(s sat) bool {
			return s.status == Submitted && s.score >= exact.WholeScore(60) && s.version.Number == 1 && holds("a")(s) && s.decision == ""
		}},
	}
}

// secondVersion is a later version of the desk's assessment with the same questions.
func secondVersion(v Version) Version {
	v.ID, v.Number = fixed(2, 2), v.Number+1
	return v
}

// pages walks a list to its end.
func pages(d *desk, path string, pairs ...string) []Listed {
	d.t.Helper()
	var all []Listed
	cursor := ""
	for range 1000 {
		page := get[rest.Page[Listed]](d, asViewer, path+query(append(pairs, "cursor", cursor)...))
		all = append(all, page.Items...)
		if page.NextCursor == nil {
			return all
		}
		cursor = *page.NextCursor
	}
	d.t.Fatal("the list does not end")
	return nil
}

func TestEveryFilterInEveryOrderPagesWithoutLossOrRepetition(t *testing.T) {
	t.Parallel()
	d := newDesk(t, rest.Options{})
	second := secondVersion(d.version)
	d.add(second)
	all := crowd(d.version, second, 90)
	d.seat(all)
	for _, c := range filterCases() {
		for _, s := range sorts {
			var want []uuid.UUID
			kept := slices.DeleteFunc(slices.Clone(all), func(s sat) bool { return !c.keep(s) })
			slices.SortFunc(kept, func(a, b sat) int { return before(s, a, b) })
			for _, k := range kept {
				want = append(want, k.id)
			}
			var got []uuid.UUID
			for _, l := range pages(d, d.assessmentPath()+"/submissions", append(slices.Clone(c.query), "sort", string(s), "limit", "7")...) {
				got = append(got, l.ID)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%v by %s: %d rows %v, want %d rows %v", c.query, s, len(got), got, len(want), want)
			}
		}
	}
}

func TestPagingLosesAndRepeatsNothingWhileOthersStart(t *testing.T) {
	t.Parallel()
	d := newDesk(t, rest.Options{})
	all := crowd(d.version, d.version, 120)
	d.seat(all[:60])
	var starts sync.WaitGroup
	starts.Go(func() {
		for i := 60; i < len(all); i++ {
			d.seat(all[i : i+1])
		}
	})
	defer starts.Wait()
	for _, s := range sorts {
		seen := map[uuid.UUID]int{}
		for _, l := range pages(d, d.assessmentPath()+"/submissions", "sort", string(s), "limit", "5") {
			seen[l.ID]++
		}
		for _, first := range all[:60] {
			if seen[first.id] != 1 {
				t.Errorf("by %s: %s seen %d times", s, first.id, seen[first.id])
			}
		}
		for id, n := range seen {
			if n > 1 {
				t.Errorf("by %s: %s seen %d times", s, id, n)
			}
		}
	}
}

func TestACursorIsGoodOnlyForTheListThatGaveIt(t *testing.T) {
	t.Parallel()
	d := newDesk(t, rest.Options{})
	all := crowd(d.version, d.version, 5)
	all[0].name = strings.Repeat("<", 200) // six bytes each in a cursor
	for i := range all {
		all[i].name = all[0].name
	}
	d.seat(all)
	path := d.assessmentPath() + "/submissions"
	page := get[rest.Page[Listed]](d, asViewer, path+query("sort", "name", "limit", "2"))
	if page.NextCursor == nil {
		t.Fatal("no cursor")
	}
	if n := len(pages(d, path, "sort", "name", "limit", "2")); n != 5 {
		t.Fatalf("%d rows of long names, want 5", n)
	}
	d.wants(d.call(asViewer, "GET", path+query("sort", "-name", "cursor", *page.NextCursor), nil), 400, "invalid_cursor")
	for _, bad := range []string{"x", "e30", "eyJzIjoibmFtZSIsImkiOiIwMTkwYTAwMC0wMDA3LTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiLCJuIjoiYVx1MDAwMGIifQ"} {
		d.wants(d.call(asViewer, "GET", path+query("sort", "name", "cursor", bad), nil), 400, "invalid_cursor")
	}
	d.wants(d.call(asViewer, "GET", path+query("sort", "email"), nil), 422, "invalid_input")
	d.wants(d.call(asViewer, "GET", path+query("limit", "201"), nil), 422, "invalid_input")
}

func TestNaughtyStringsAsFiltersFindOnlyThemselves(t *testing.T) {
	t.Parallel()
	d := newDesk(t, rest.Options{})
	list := corpusStrings(t)
	var all []sat
	for i, text := range list {
		if strings.TrimSpace(text) == "" || len([]rune(text)) > 60 || strings.ContainsRune(text, 0) {
			continue
		}
		all = append(all, sat{id: fixed(7, i+1), version: d.version, name: text, email: "x@example.org", status: Submitted, started: opened,
			tags: []string{text}})
	}
	d.seat(all)
	for _, s := range all {
		found := false
		for _, l := range pages(d, d.assessmentPath()+"/submissions", "q", s.name, "limit", "200") {
			found = found || l.ID == s.id && l.Candidate.Name == s.name
		}
		if !found {
			t.Errorf("q=%q does not find its own name", s.name)
		}
		if len(pages(d, d.assessmentPath()+"/submissions", "tag", s.name, "limit", "200")) == 0 {
			t.Errorf("tag=%q does not find its own tag", s.name)
		}
	}
}

// corpusStrings are the naughty strings of the corpus, and a few of our own where it is absent.
func corpusStrings(t testing.TB) []string {
	t.Helper()
	own := []string{"' OR 1=1 --", "%", "_", `\`, `\%`, "$1", "{}", "<script>", "Ⅷ", "ﬃ", "\u202eabc", "=cmd|' /C calc'!A0"}
	b, ok := corpustest.Read(t, "strings/blns.json")
	if !ok {
		return own
	}
	var list []string
	if err := json.Unmarshal(b, &list); err != nil {
		t.Fatal(err)
	}
	return append(own, list...)
}

func TestAnotherEmployersObjectsAreNotFound(t *testing.T) {
	t.Parallel()
	d := newDesk(t, rest.Options{})
	all := crowd(d.version, d.version, 3)
	d.seat(all)
	path, single := d.assessmentPath(), "/submissions/"+all[0].id.String()
	for _, p := range []string{"/submissions", "/results", "/submissions.csv", "/submissions.ndjson", "/submissions.xlsx"} {
		d.wants(d.call(asOther, "GET", path+p, nil), 404, "assessment_not_found")
		d.wants(d.call(asViewer, "GET", "/assessments/"+fixed(9, 9).String()+p, nil), 404, "assessment_not_found")
	}
	reason := map[string]any{"reason": "why"}
	d.wants(d.call(asOther, "GET", single, nil), 404, "submission_not_found")
	d.wants(d.call(asOther, "PATCH", single, map[string]any{"note": "x"}), 404, "submission_not_found")
	d.wants(d.call(asOther, "PATCH", single, map[string]any{"extraTimePercent": 10, "reason": "x"}), 404, "submission_not_found")
	d.wants(d.call(asOther, "DELETE", single, reason), 404, "submission_not_found")
	d.wants(d.call(asViewer, "PATCH", single, map[string]any{"note": "x"}), 403, "forbidden")
	d.wants(d.call(asRecruiter, "DELETE", single, reason), 403, "forbidden")
	if n := one[int](d.world, `SELECT count(*) FROM submissions`); n != 3 {
		t.Errorf("%d submissions left, want 3", n)
	}
	if n := one[int](d.world, `SELECT count(*) FROM audit_events`); n != 0 {
		t.Errorf("%d audit rows for nothing done", n)
	}
}
