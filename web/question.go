package web

import (
	"encoding/json"
	"strconv"

	"github.com/google/uuid"

	"credlane/app/kit/exact"
	"credlane/app/kit/question"
)

// Question is a question as a candidate sees it, for the template part "question". It has no place for an answer key, an
// explanation or a tag, so that no page made of it can tell them.
type Question struct {
	ID         uuid.UUID
	Number     int // its place in this candidate's order, from 1
	Type       question.Type
	Prompt     string // Markdown
	Options    []QuestionOption
	Points     exact.Points
	CreditRule question.CreditRule

	Name  string // of its fields in a form; several ticks of one question share it
	Text  string // the answer so far: short_text and numeric, as typed
	Truth string // the answer so far: true_false, "true" or "false"; "" while there is none

	Say QuestionWords
}

// QuestionOption is one choice. Its id, never its place, is what a form sends.
type QuestionOption struct {
	ID     uuid.UUID
	Text   string // Markdown
	Chosen bool
	Key    string // the digit that chooses it on a keyboard; "" past the ninth
}

// QuestionWords are the texts around a question in the candidate's language.
type QuestionWords struct {
	Number string // "Question 9"
	Kind   string // "Single choice"
	Worth  string // "2 points"
	Choose string // "Choose one answer"
	Rule   string // how a partly right answer counts; "" where nothing is to be said
	Answer string // the label of a text field
	Hint   string // what may be typed
	True   string
	False  string
}

// The keys of a question's words in the catalogue. number takes {n}; points takes {n}, a plural that may have decimals; the
// names of the types are questionKey + the type.
const (
	questionKey   = "question."
	keyNumber     = questionKey + "number"
	keyPoints     = questionKey + "points"
	keyChooseOne  = questionKey + "choose_one"
	keyChooseMany = questionKey + "choose_many"
	keyRuleExact  = questionKey + "rule_exact"
	keyRuleMinus  = questionKey + "rule_right_minus_wrong"
	keyAnswer     = questionKey + "your_answer"
	keyHintText   = questionKey + "hint_text"
	keyHintNumber = questionKey + "hint_number"
	keyTrue       = questionKey + "true"
	keyFalse      = questionKey + "false"
)

// Words says a key of the catalogue, with names and values in turn.
type Words func(key string, pairs ...any) string

// Worded gives q with its words filled in, its options numbered for the keyboard, and a name for its fields.
func (q Question) Worded(t Words) Question {
	q.Say = QuestionWords{
		Number: t(keyNumber, "n", strconv.Itoa(q.Number)), Kind: t(questionKey + string(q.Type)), Worth: t(keyPoints, "n", q.Points.String()),
		Answer: t(keyAnswer), True: t(keyTrue), False: t(keyFalse), Choose: t(keyChooseOne),
	}
	switch q.Type {
	case question.MultipleChoice:
		q.Say.Choose, q.Say.Rule = t(keyChooseMany), t(keyRuleExact)
		if q.CreditRule == question.RightMinusWrong {
			q.Say.Rule = t(keyRuleMinus)
		}
	case question.ShortText:
		q.Say.Hint = t(keyHintText)
	case question.Numeric:
		q.Say.Hint = t(keyHintNumber)
	}
	for i := range q.Options {
		if i < 9 {
			q.Options[i].Key = strconv.Itoa(i + 1)
		}
	}
	if q.Name == "" {
		q.Name = "answer." + q.ID.String()
	}
	return q
}

// Answered gives q with the candidate's answer so far, in the form in which the API keeps it: an option's id, a list of ids,
// true or false, or a text. Anything else leaves it unanswered.
func (q Question) Answered(answer json.RawMessage) Question {
	var given any
	if json.Unmarshal(answer, &given) != nil {
		return q
	}
	switch v := given.(type) {
	case bool:
		q.Truth = strconv.FormatBool(v)
	case string:
		if q.Type.HasOptions() {
			q.choose(v)
			return q
		}
		q.Text = v
	case []any:
		for _, id := range v {
			if text, ok := id.(string); ok {
				q.choose(text)
			}
		}
	}
	return q
}

func (q *Question) choose(id string) {
	for i := range q.Options {
		if q.Options[i].ID.String() == id {
			q.Options[i].Chosen = true
		}
	}
}

// Several tells whether more than one option may be chosen.
func (q Question) Several() bool { return q.Type == question.MultipleChoice }
