package dashboard

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/exact"
	"credlane/app/kit/fault"
	"credlane/app/kit/question"
	"credlane/app/kit/rest"
	"credlane/modules/assessments"
)

// The list comes in stretches, so that a draft of thousands of questions opens as fast as one of ten.
const (
	listStretch = 100
	listLead    = 20 // questions above the one that the page opens with
	maxFind     = 200
	maxLine     = 120 // characters of a prompt in the list
)

// questionList is one stretch of an assessment's questions.
type questionList struct {
	Draft  *draft
	Items  []questionLine
	Filter url.Values // as the address says it; empty without one
	After  int        // where the next stretch begins; 0 for none
	Before bool       // there are questions above the first one
}

// questionLine is a question in the list.
type questionLine struct {
	ID         uuid.UUID
	Position   int
	Line       string
	Kind       questionKind
	Points     exact.Points
	Difficulty difficulty
	Reasons    []string
	Current    bool
	URL        string
	Editable   bool
}

// questionKind is a type of question in the employer's words.
type questionKind struct {
	Type              question.Type
	Icon, Name, Short string
}

var questionKinds = []questionKind{
	{question.SingleChoice, "single", "Single choice", "Single"},
	{question.MultipleChoice, "multi", "Multiple choice", "Multiple"},
	{question.TrueFalse, "tf", "True or false", "True or false"},
	{question.ShortText, "short", "Short text", "Short text"},
	{question.Numeric, "num", "Numeric", "Numeric"},
}

func kindOf(t question.Type) questionKind {
	for _, k := range questionKinds {
		if k.Type == t {
			return k
		}
	}
	return questionKind{Type: t, Name: string(t)}
}

// Kinds are the types that the list can be narrowed to.
func (*questionList) Kinds() []questionKind { return questionKinds }

// difficulty is any text; three of them are drawn.
type difficulty struct {
	Text  string
	Level int // 1 to 3; 0 for a text of one's own
}

var difficulties = []string{"easy", "medium", "hard"}

func difficultyOf(text string) difficulty {
	for i, known := range difficulties {
		if strings.EqualFold(text, known) {
			return difficulty{text, i + 1}
		}
	}
	return difficulty{Text: text}
}

func isNotFound(err error) bool {
	f, ok := fault.As(err)
	return ok && f.Kind == fault.NotFound
}

// listAround is the stretch with the open question in it.
func (e *editor) listAround(r *http.Request, d *draft, open *questionPane) (*questionList, error) {
	f, current := assessments.OutlineFilter{Limit: listStretch}, uuid.Nil
	if open != nil {
		current = open.ID
		if open.Position > listStretch-listLead {
			f.After = open.Position - listLead - 1
		}
	}
	return e.list(r, d, f, current)
}

// showList is a stretch of the list, narrowed as the address says.
func (e *editor) showList(r *http.Request) (any, error) {
	a, err := e.assessment(r)
	if err != nil {
		return nil, err
	}
	d := &draft{Assessment: a, Path: "/app/assessments/" + a.ID.String(),
		Editable: authn.From(r.Context()).Role >= authn.Recruiter && a.Status != assessments.Archived}
	q := r.URL.Query()
	f := assessments.OutlineFilter{Limit: listStretch, Query: firstRunes(strings.TrimSpace(q.Get("find")), maxFind), Type: question.Type(q.Get("type")),
		Difficulty: q.Get("difficulty"), Unkeyed: q.Get("problems") == "1"}
	if n, err := strconv.Atoi(q.Get("after")); err == nil && n > 0 {
		f.After = n
	}
	if q.Get("changed") == "1" && a.CurrentVersion != nil {
		c, err := e.Assessments.ChangesSince(r.Context(), a.ID, *a.CurrentVersion)
		if err != nil {
			return nil, err
		}
		f.Since = &c.Since
	}
	current, err := uuid.Parse(q.Get("q"))
	if err != nil {
		current = uuid.Nil
	}
	return e.list(r, d, f, current)
}

func (e *editor) list(r *http.Request, d *draft, f assessments.OutlineFilter, current uuid.UUID) (*questionList, error) {
	stretch := f.Limit
	f.Limit++
	items, err := e.Assessments.Outline(r.Context(), d.ID, f)
	if err != nil {
		return nil, err
	}
	l := &questionList{Draft: d, Before: f.After > 0 && r.URL.Query().Get("after") == "", Filter: filterOf(r.URL.Query())}
	if len(items) > stretch {
		items = items[:stretch]
		l.After = items[stretch-1].Position
	}
	for _, item := range items {
		l.Items = append(l.Items, questionLine{ID: item.ID, Position: item.Position, Line: plainLine(item.Prompt), Kind: kindOf(item.Type),
			Points: item.Points, Difficulty: difficultyOf(item.Difficulty), Reasons: item.Reasons, Current: item.ID == current,
			URL: d.Path + "?q=" + item.ID.String(), Editable: d.Editable})
	}
	return l, nil
}

func filterOf(q url.Values) url.Values {
	f := url.Values{}
	for _, name := range []string{"find", "type", "difficulty", "problems", "changed"} {
		if v := q.Get(name); v != "" {
			f.Set(name, v)
		}
	}
	return f
}

// More is the address of the next stretch.
func (l *questionList) More() string {
	next := url.Values{"after": {strconv.Itoa(l.After)}}
	for name, v := range l.Filter {
		next[name] = v
	}
	return l.Draft.Path + "/questions?" + next.Encode()
}

// markers are what Markdown puts around or before the words of a line.
var markers = strings.NewReplacer("**", "", "__", "", "`", "", "~~", "")

// plainLine is the first line of words in a Markdown text, for a list; code alone stands for itself.
func plainLine(prompt string) string {
	var code string
	fenced := false
	for line := range strings.SplitSeq(prompt, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "```") || strings.HasPrefix(line, "~~~"):
			fenced = !fenced
		case line == "":
		case fenced:
			if code == "" {
				code = line
			}
		default:
			if words := strings.TrimSpace(markers.Replace(strings.TrimLeft(line, "#>*-+ "))); words != "" {
				return firstRunes(words, maxLine)
			}
		}
	}
	return firstRunes(code, maxLine)
}

func firstRunes(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n])
}

// mountOrder serves the ids of all questions in their order: moving one means sending all of them back, and the page holds a
// stretch only.
func (e *editor) mountOrder(h *rest.Host) {
	rest.ServePage(h, rest.Op{
		Method: http.MethodGet, Path: editorPath + "/order", ID: "part-order", Summary: "The ids of all questions in their order",
		Role: authn.Recruiter, Trouble: e.showTrouble,
	}, func(w http.ResponseWriter, r *http.Request) error {
		a, err := e.assessment(r)
		if err != nil {
			return err
		}
		order, err := e.Assessments.QuestionOrder(r.Context(), a.ID)
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", "application/json")
		return json.NewEncoder(w).Encode(map[string]any{"order": order})
	})
}
