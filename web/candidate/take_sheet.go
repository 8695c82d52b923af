package candidate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"credlane/app/kit/question"
	"credlane/modules/submissions"
	"credlane/web"
)

// A sheet is a version's questions as HTML, in one language, with places left for what differs from candidate to candidate: the
// number, the order of options, what is chosen or typed, the flag. Markdown and templates are the most of a page's cost, and a
// published version never changes, so they are done once.
type sheet struct {
	questions []sheetQuestion
	size      int // bytes
}

type sheetQuestion struct {
	id      uuid.UUID
	kind    question.Type
	head    []piece
	options []sheetOption // of a choice, true and false included
	tail    []piece
}

type sheetOption struct {
	value  string // what its field sends
	pieces []piece
}

// piece is literal HTML and the place after it.
type piece struct {
	html string
	slot slot
}

// slot is a place in a sheet, named by the letter that follows the mark.
type slot byte

const (
	slotNone    slot = 0
	slotNumber  slot = 'n'
	slotKey     slot = 'k' // the digit that chooses an option
	slotChecked slot = 'c'
	slotFlagged slot = 'f'
	slotText    slot = 't'
	slotWrong   slot = 'w' // why the answer was not taken
)

// flagValue is what the field of a flag sends.
const flagValue = "flag"

// newSheet renders the questions of a version with marks in the places and cuts the result at them.
func newSheet(paper submissions.Paper, words web.Words, tpl *web.Template) (*sheet, error) {
	s := &sheet{questions: make([]sheetQuestion, paper.Len())}
	var buf bytes.Buffer
	for i := range s.questions {
		asked := paper.Question(i)
		mark := markFor(asked)
		shown := web.Question{ID: asked.ID, Type: asked.Type, Prompt: asked.Prompt, Points: asked.Points, CreditRule: asked.CreditRule, Text: mark + string(slotText)}
		for _, o := range asked.Options {
			shown.Options = append(shown.Options, web.QuestionOption{ID: o.ID, Text: o.Text})
		}
		shown = shown.Worded(words)
		shown.Say.Number = words("question.number", "n", mark+string(slotNumber))
		for j := range shown.Options {
			shown.Options[j].Key = mark + string(slotKey)
		}
		buf.Reset()
		err := tpl.Execute(&buf, "take-question", map[string]any{"Q": shown, "Number": mark + string(slotNumber), "Wrong": mark + string(slotWrong)})
		if err != nil {
			return nil, fmt.Errorf("question %s: %w", asked.ID, err)
		}
		cut, err := cutQuestion(asked, valuesOf(asked), buf.String(), mark)
		if err != nil {
			return nil, fmt.Errorf("question %s: %w", asked.ID, err)
		}
		s.questions[i] = cut
		s.size += buf.Len()
	}
	return s, nil
}

// markFor is a word that stands nowhere in the question, so that what its author wrote is never taken for a place.
func markFor(q submissions.CandidateQuestion) string {
	for n := 0; ; n++ {
		mark := "mark-" + strconv.Itoa(n) + "-"
		found := strings.Contains(q.Prompt, mark)
		for _, o := range q.Options {
			found = found || strings.Contains(o.Text, mark)
		}
		if !found {
			return mark
		}
	}
}

// valuesOf are what the fields of a choice send, in the author's order.
func valuesOf(q submissions.CandidateQuestion) (values []string) {
	if q.Type == question.TrueFalse {
		return []string{"true", "false"}
	}
	for _, o := range q.Options {
		values = append(values, o.ID.String())
	}
	return values
}

func cutQuestion(q submissions.CandidateQuestion, values []string, html, mark string) (sheetQuestion, error) {
	out := sheetQuestion{id: q.ID, kind: q.Type}
	html = strings.ReplaceAll(html, `<kbd aria-hidden="true">`+mark+string(slotKey)+`</kbd>`, mark+string(slotKey))
	flag := `value="` + flagValue + `"`
	html = strings.Replace(html, flag, flag+mark+string(slotFlagged), 1)
	end := 0
	for i, value := range values {
		field := `value="` + value + `"`
		at := strings.Index(html, field)
		if at < 0 {
			return out, fmt.Errorf("its page has no field for the option %s", value)
		}
		start := strings.LastIndex(html[:at], "<label")
		length := strings.Index(html[at:], "</label>")
		if start < end || length < 0 {
			return out, fmt.Errorf("its page has no label around the option %s", value)
		}
		if i == 0 {
			out.head = cut(html[:start], mark)
		}
		end = at + length + len("</label>")
		option := html[start:at] + field + mark + string(slotChecked) + html[at+len(field):end]
		out.options = append(out.options, sheetOption{value, cut(option, mark)})
	}
	if len(values) == 0 {
		out.head = cut(html, mark)
		return out, nil
	}
	out.tail = cut(html[end:], mark)
	return out, nil
}

// cut splits html at the marks.
func cut(html, mark string) []piece {
	var pieces []piece
	for {
		before, after, found := strings.Cut(html, mark)
		if !found || after == "" {
			return append(pieces, piece{html: html})
		}
		pieces = append(pieces, piece{before, slot(after[0])})
		html = after[1:]
	}
}

// given is what one candidate has of one question.
type given struct {
	answer  json.RawMessage // as the API keeps it; nil for none
	typed   string          // instead of the answer, what a form sent that could not be taken
	flagged bool
	wrong   string // why not
}

func (g given) answered() bool { return len(g.answer) > 0 && string(g.answer) != "null" }

// text is what stands in the field of a text or a number.
func (g given) text() string {
	if g.wrong != "" {
		return g.typed
	}
	var s string
	if !g.answered() || json.Unmarshal(g.answer, &s) != nil {
		return ""
	}
	return s
}

// chosen tells whether an option is part of the answer. Ids and the two truths are no part of each other, so what is stored need not
// be decoded.
func (g given) chosen(value string) bool { return bytes.Contains(g.answer, []byte(value)) }

// append writes the question at a place of the candidate's order, which counts from 1.
func (q *sheetQuestion) append(b []byte, number int, options []int, g given) []byte {
	b = appendPieces(b, q.head, number, "", 0, g)
	for at := range q.options {
		o := at
		if options != nil && q.kind != question.TrueFalse {
			o = options[at]
		}
		b = appendPieces(b, q.options[o].pieces, number, q.options[o].value, at+1, g)
		b = append(b, '\n')
	}
	return appendPieces(b, q.tail, number, "", 0, g)
}

func appendPieces(b []byte, pieces []piece, number int, value string, key int, g given) []byte {
	for _, p := range pieces {
		b = append(b, p.html...)
		switch p.slot {
		case slotNumber:
			b = strconv.AppendInt(b, int64(number), 10)
		case slotKey:
			if key <= 9 {
				b = append(strconv.AppendInt(append(b, `<kbd aria-hidden="true">`...), int64(key), 10), `</kbd>`...)
			}
		case slotChecked:
			if g.chosen(value) {
				b = append(b, " checked"...)
			}
		case slotFlagged:
			if g.flagged {
				b = append(b, " checked"...)
			}
		case slotText:
			b = append(b, template.HTMLEscapeString(g.text())...)
		case slotWrong:
			b = append(b, template.HTMLEscapeString(g.wrong)...)
		}
	}
	return b
}
