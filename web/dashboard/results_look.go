package dashboard

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"credlane/modules/submissions"
)

// resultsLook is how the results are looked at: the filter and order of the table, the version that is summed up, and the order
// of the questions. What an address says wrongly is as if it had not been said.
type resultsLook struct {
	id     uuid.UUID
	filter submissions.Filter
	asked  int  // the version that the address names; 0 for the latest
	every  bool // the table shows every version
	sort   submissions.Sort
	cursor string
	from   int // the place of the page's first row, from 1
	items  string
	page   int // of the questions, from 0

	choices uuid.UUID // the question whose options are counted; zero for none
}

// The orders of the questions.
const (
	itemsByNeed           = ""
	itemsByPlace          = "position"
	itemsByDifficulty     = "difficulty"
	itemsByDiscrimination = "discrimination"
)

// everyVersion is what the parameter says for a table of all versions.
const everyVersion = "all"

func lookAtResults(id uuid.UUID, q url.Values) resultsLook {
	l := resultsLook{id: id, sort: submissions.ByScoreDown, from: 1, cursor: q.Get("cursor")}
	l.filter = submissions.Filter{Query: tidy(q.Get("q"), maxQuery), Tag: tidy(q.Get("tag"), submissions.MaxTag)}
	switch s := submissions.Status(q.Get("status")); s {
	case submissions.InProgress, submissions.Submitted, submissions.Expired:
		l.filter.Status = s
	}
	if passed := q.Get("passed"); passed == "true" || passed == "false" {
		yes := passed == "true"
		l.filter.Passed = &yes
	}
	if d := q.Get("decision"); d == submissions.Undecided || slices.Contains(submissions.Decisions(), d) {
		l.filter.Decision = d
	}
	switch s := submissions.Sort(q.Get("sort")); s {
	case submissions.ByScore, submissions.BySubmitted, submissions.BySubmittedDown, submissions.ByName, submissions.ByNameDown,
		submissions.ByStart, submissions.ByStartDown:
		l.sort = s
	}
	l.asked, l.every = natural(q.Get("version")), q.Get("version") == everyVersion
	l.filter.Version = l.asked
	if l.cursor != "" {
		l.from = max(1, natural(q.Get("from")))
	}
	switch items := q.Get("items"); items {
	case itemsByPlace, itemsByDifficulty, itemsByDiscrimination:
		l.items = items
	}
	l.page = natural(q.Get("page"))
	if id, err := uuid.Parse(q.Get("choices")); err == nil {
		l.choices = id
	}
	return l
}

// natural is a whole number of an address, 0 for anything else.
func natural(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > 1_000_000_000 {
		return 0
	}
	return n
}

// tidy is what people typed into a field of an address, cut to a length in characters; what no text may hold is left out.
func tidy(text string, longest int) string {
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, text))
	if runes := []rune(text); len(runes) > longest {
		text = string(runes[:longest])
	}
	return text
}

// summed is the number of the version to sum up, 0 for the latest.
func (l *resultsLook) summed() int { return l.asked }

// pin makes the table show the version that is summed up, unless all are asked for.
func (l *resultsLook) pin(version int) {
	if !l.every {
		l.filter.Version = version
	}
}

// values are the filter's parameters, as the API names them.
func (l resultsLook) values() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{
		"status": string(l.filter.Status), "decision": l.filter.Decision, "tag": l.filter.Tag, "q": l.filter.Query,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if l.filter.Passed != nil {
		q.Set("passed", strconv.FormatBool(*l.filter.Passed))
	}
	if l.filter.Version != 0 {
		q.Set("version", strconv.Itoa(l.filter.Version))
	}
	return q
}

// state is everything that the address of the page says, but for the place in the list.
func (l resultsLook) state() url.Values {
	q := l.values()
	q.Del("version")
	switch {
	case l.every:
		q.Set("version", everyVersion)
	case l.asked != 0:
		q.Set("version", strconv.Itoa(l.asked))
	}
	if l.sort != submissions.ByScoreDown {
		q.Set("sort", string(l.sort))
	}
	if l.items != itemsByNeed {
		q.Set("items", l.items)
	}
	return q
}

func (l resultsLook) path() string { return "/app/assessments/" + l.id.String() + "/results" }

// url is the address of the page's beginning with some parameters changed, in names and values; "" takes one away.
func (l resultsLook) url(pairs ...string) string {
	q := l.state()
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			q.Del(pairs[i])
			continue
		}
		q.Set(pairs[i], pairs[i+1])
	}
	return queryOf(l.path(), q)
}

// next is the address of the page after this one.
func (l resultsLook) next(cursor string, shown int) string {
	return l.url("cursor", cursor, "from", strconv.Itoa(l.from+shown)) + "#candidates"
}

// submission is the address of one submission in this list.
func (l resultsLook) submission(id uuid.UUID) string {
	q := l.state()
	q.Del("items")
	if l.filter.Version != 0 { // "the latest" would be another one after the next publish
		q.Set("version", strconv.Itoa(l.filter.Version))
	}
	return queryOf("/app/submissions/"+id.String(), q)
}

// Hidden are the parameters that a form keeps, but for those that it has fields for.
func (l resultsLook) Hidden(fields ...string) []option {
	var kept []option
	q := l.state()
	for _, name := range []string{"status", "passed", "decision", "tag", "q", "version", "sort", "items"} {
		if value := q.Get(name); value != "" && !slices.Contains(fields, name) {
			kept = append(kept, option{Label: name, URL: value})
		}
	}
	return kept
}

// Query is the text that is searched for.
func (l resultsLook) Query() string { return l.filter.Query }

// Tag is the tag that is asked for.
func (l resultsLook) Tag() string { return l.filter.Tag }

// Decision is the decision that is asked for.
func (l resultsLook) Decision() string { return l.filter.Decision }

// Status is the status that is asked for.
func (l resultsLook) Status() string { return string(l.filter.Status) }

// Passed is "true", "false" or "" for whatever the result.
func (l resultsLook) Passed() string { return l.values().Get("passed") }

// Every tells whether the table shows every version.
func (l resultsLook) Every() bool { return l.every }

// Path is the page's own address.
func (l resultsLook) Path() string { return l.path() }

// Narrowed tells whether anything but the version narrows the table.
func (l resultsLook) Narrowed() bool {
	f := l.filter
	f.Version = 0
	return f != submissions.Filter{}
}

// Clear is the address of the table without a filter.
func (l resultsLook) Clear() string {
	return l.url("status", "", "passed", "", "decision", "", "tag", "", "q", "") + "#candidates"
}

// segments are the filters that most people want, with their counts.
func (l resultsLook) segments(n submissions.Turnout) []option {
	f := l.filter
	plain := f.Status == "" && f.Decision == ""
	at := func(pairs ...string) string {
		return l.url(append([]string{"status", "", "passed", "", "decision", "", "sort", ""}, pairs...)...) + "#candidates"
	}
	return []option{
		{"All", at(), n.Started, plain && f.Passed == nil},
		{"Passed", at("passed", "true"), n.Passed, plain && f.Passed != nil && *f.Passed},
		{"Below", at("passed", "false"), n.Ended - n.Passed, plain && f.Passed != nil && !*f.Passed},
		{"In progress", at("status", "in_progress"), n.Started - n.Ended, f.Status == submissions.InProgress},
		{"Shortlist", at("decision", "shortlist"), -1, f.Decision == "shortlist" && l.sort == submissions.ByScoreDown},
	}
}

// sortHead is the head of a column that sorts.
type sortHead struct {
	Label string
	URL   string
	State string // of aria-sort: "ascending", "descending", or "" for none
	Icon  string
	Class string
}

func (l resultsLook) heads() map[string]sortHead {
	head := func(label, class string, first, then submissions.Sort) sortHead {
		h := sortHead{Label: label, Class: class, URL: l.url("sort", string(first)) + "#candidates", Icon: "sort"}
		switch l.sort {
		case first:
			h.URL = l.url("sort", string(then)) + "#candidates"
		case then:
		default:
			return h
		}
		h.State, h.Icon = "ascending", "down" // which the style turns round
		if strings.HasPrefix(string(l.sort), "-") {
			h.State = "descending"
		}
		return h
	}
	return map[string]sortHead{
		"name":  head("Candidate", "h-who", submissions.ByName, submissions.ByNameDown),
		"score": head("Score", "h-score", submissions.ByScoreDown, submissions.ByScore),
		"at":    head("Submitted", "h-at", submissions.BySubmittedDown, submissions.BySubmitted),
	}
}

// words say what the table and the exports hold; "" for every submission of the assessment.
func (l resultsLook) words() string {
	var parts []string
	f := l.filter
	if f.Version != 0 {
		parts = append(parts, "version "+strconv.Itoa(f.Version))
	}
	switch f.Status {
	case submissions.InProgress:
		parts = append(parts, "in progress")
	case submissions.Submitted:
		parts = append(parts, "handed in")
	case submissions.Expired:
		parts = append(parts, "out of time")
	}
	if f.Passed != nil {
		parts = append(parts, map[bool]string{true: "passed", false: "below the pass mark"}[*f.Passed])
	}
	if f.Decision != "" {
		parts = append(parts, decisionWords(f.Decision))
	}
	if f.Tag != "" {
		parts = append(parts, "tagged “"+f.Tag+"”")
	}
	if f.Query != "" {
		parts = append(parts, "with “"+f.Query+"” in name or email")
	}
	return strings.Join(parts, ", ")
}

func decisionWords(decision string) string {
	switch decision {
	case "shortlist":
		return "shortlisted"
	case "hold":
		return "on hold"
	case "decline":
		return "declined"
	}
	return "undecided"
}

// exports are the files of what the table holds.
func (l resultsLook) exports() []option {
	at := func(suffix string, more ...string) string {
		q := l.values()
		for i := 0; i < len(more); i += 2 {
			q.Set(more[i], more[i+1])
		}
		return queryOf("/api/v1/assessments/"+l.id.String()+"/submissions."+suffix, q)
	}
	return []option{{Label: "CSV", URL: at("csv", "bom", "true")}, {Label: "XLSX", URL: at("xlsx")}, {Label: "NDJSON", URL: at("ndjson")}}
}
