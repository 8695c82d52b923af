package dashboard

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
	"credlane/app/kit/question"
	"credlane/app/kit/rest"
	"credlane/modules/assessments"
	"credlane/web"
)

// questionPane is one question with all that its author may set.
type questionPane struct {
	assessments.Question
	Draft  *draft
	ETag   string
	Kind   questionKind
	Edited bool // since the current version was made

	Choices       []choicePane
	Truth         string // "true", "false", or "" while there is no key
	Accepted      []string
	CaseSensitive bool
	Value         string
	Tolerance     string
	Percent       bool
	Difficulty    difficulty
	Reasons       []string

	Before, After uuid.UUID // its neighbours; Nil at the ends
}

// choicePane is one option with its mark.
type choicePane struct {
	ID     uuid.UUID
	Text   string
	Right  bool
	Letter string
}

func (e *editor) showQuestion(r *http.Request) (any, error) {
	d, err := e.draft(r)
	if err != nil {
		return nil, err
	}
	id, err := uuid.Parse(r.PathValue("qid"))
	if err != nil {
		return nil, assessments.ErrQuestionNotFound
	}
	return e.pane(r, d, id)
}

func (e *editor) pane(r *http.Request, d *draft, id uuid.UUID) (*questionPane, error) {
	q, err := e.Assessments.Question(r.Context(), d.ID, id)
	if err != nil {
		return nil, err
	}
	p := paneOf(q)
	p.Draft = d
	p.Edited = d.Changes != nil && q.UpdatedAt.After(d.Changes.Since)
	around, err := e.Assessments.Outline(r.Context(), d.ID, assessments.OutlineFilter{After: max(q.Position-2, 0), Limit: 3})
	if err != nil {
		return nil, err
	}
	for _, n := range around {
		switch n.Position {
		case q.Position - 1:
			p.Before = n.ID
		case q.Position:
			p.Reasons = n.Reasons
		case q.Position + 1:
			p.After = n.ID
		}
	}
	return p, nil
}

// paneOf takes a question and its key apart.
func paneOf(q assessments.Question) *questionPane {
	p := &questionPane{Question: q, ETag: rest.ETag(q.ID, q.Revision()), Kind: kindOf(q.Type), Tolerance: "0", Difficulty: difficultyOf(q.Difficulty)}
	key, err := question.ParseKey(q.Type, q.Key)
	keyed := q.Key != nil && err == nil
	for i, o := range q.Options {
		p.Choices = append(p.Choices, choicePane{o.ID, o.Text, keyed && slices.Contains(key.OptionIDs, o.ID), letter(i)})
	}
	if !keyed {
		return p
	}
	switch q.Type {
	case question.TrueFalse:
		p.Truth = fmt.Sprint(key.True)
	case question.ShortText:
		p.Accepted, p.CaseSensitive = key.Accepted, key.CaseSensitive
	case question.Numeric:
		p.Value, p.Tolerance, p.Percent = key.Value.String(), key.Tolerance.String(), key.ToleranceKind == question.Percent
	}
	return p
}

// letter names an option by its place: there are 20 at most.
func letter(i int) string { return string(rune('A' + i)) }

// Kinds are the types that the question may have.
func (*questionPane) Kinds() []questionKind { return questionKinds }

// Levels are the difficulties to choose from: none, the three that are drawn, and the question's own word where it is another.
func (p *questionPane) Levels() []difficulty {
	levels := []difficulty{{}}
	for i, text := range difficulties {
		if p.Difficulty.Level == i+1 {
			text = p.Difficulty.Text
		}
		levels = append(levels, difficulty{text, i + 1})
	}
	if p.Difficulty.Text != "" && p.Difficulty.Level == 0 {
		levels = append(levels, p.Difficulty)
	}
	return levels
}

// Previous is the place of the question before, 0 at the first.
func (p *questionPane) Previous() int { return p.Position - 1 }

// Following is the place of the question after.
func (p *questionPane) Following() int { return p.Position + 1 }

// HasNext tells whether there is a question after.
func (p *questionPane) HasNext() bool { return p.After != uuid.Nil }

// maxSource bounds a text to be shown: the longest one of a question in four bytes a character, each escaped as %XX.
const maxSource = 3*4*question.MaxPrompt + 64

var errSource = fault.New(fault.Invalid, "source_too_long", "The text is too long to be shown. Shorten it to 20,000 characters.")

// mountMarkdown shows a text as candidates will see it, while its author writes.
func (e *editor) mountMarkdown(h *rest.Host) {
	rest.ServePage(h, rest.Op{
		Method: http.MethodPost, Path: "/app/markdown", ID: "part-markdown", Summary: "A Markdown text as candidates will see it",
		Role: authn.Viewer, MaxBody: maxSource, Trouble: e.showTrouble,
	}, func(w http.ResponseWriter, r *http.Request) error {
		form, err := rest.FormValues(r)
		if err != nil {
			return err
		}
		source := form.Get("source")
		if len([]rune(source)) > question.MaxPrompt {
			return errSource
		}
		html := web.Markdown(source)
		if form.Get("inline") == "1" {
			html = web.MarkdownInline(source)
		}
		return web.WriteHTML(w, r, http.StatusOK, []byte(html))
	})
}

// keyText words a key for people who read it.
func keyText(q question.Type, raw json.RawMessage) string {
	key, err := question.ParseKey(q, raw)
	if raw == nil || err != nil {
		return ""
	}
	switch q {
	case question.TrueFalse:
		if key.True {
			return "True"
		}
		return "False"
	case question.Numeric:
		if key.Tolerance.Sign() == 0 {
			return key.Value.String()
		}
		if key.ToleranceKind == question.Percent {
			return key.Value.String() + " ± " + key.Tolerance.String() + " %"
		}
		return key.Value.String() + " ± " + key.Tolerance.String()
	}
	return ""
}
