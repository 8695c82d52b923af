package dashboard

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/google/uuid"

	"credlane/app/kit/question"
	"credlane/modules/submissions"
)

// answerView is one question of a submission, its answer beside its key.
type answerView struct {
	submissions.Answered
	Place   int
	Heading string
	Kind    string
	Choices []choiceView // of a type with options, and of true or false
	Said    string       // of a type that is typed
	Key     []string     // what would be right, of a type that is typed
	KeySays string       // how the key is applied
	Rate    string       // how the group did; "" where it is not said
	Open    bool
}

// choiceView is one option with who chose what.
type choiceView struct {
	Text          string
	Plain         bool // true or false, no Markdown
	Chosen, Right bool
}

// Scored tells whether the question has its points.
func (a answerView) Scored() bool { return a.Earned != nil }

// Given tells whether there is an answer.
func (a answerView) Given() bool { return a.Answer != nil }

// Mark is the picture of what it earned: "f" for full marks, "p" for some, "z" for none, "m" while it is not scored.
func (a answerView) Mark() string {
	switch {
	case a.Earned == nil:
		return "m"
	case *a.Earned >= a.Points:
		return "f"
	case *a.Earned > 0:
		return "p"
	}
	return "z"
}

// MarkWords says what Mark shows.
func (a answerView) MarkWords() string {
	switch a.Mark() {
	case "f":
		return "All points"
	case "p":
		return "Some points"
	case "z":
		return "No points"
	}
	return "Not scored yet"
}

func answerOf(q *submissions.Answered, place int, rates map[uuid.UUID]float64) answerView {
	v := answerView{Answered: *q, Place: place, Heading: headline(q.Prompt), Open: lostPoints(q)}
	v.Kind = kindOf(q.Type).Name
	switch q.Type {
	case question.SingleChoice, question.MultipleChoice:
		v.Choices = choicesOf(q)
	case question.TrueFalse:
		v.Choices = truths(q)
	default:
		v.Said, v.Key, v.KeySays = typed(q)
	}
	if rate, known := rates[q.ID]; known {
		v.Rate = rateWords(q.Type, rate)
	}
	return v
}

func rateWords(t question.Type, rate float64) string {
	percent := int(math.Round(100 * rate))
	if t == question.MultipleChoice {
		return fmt.Sprintf("The group earned %d%% of its points.", percent)
	}
	return fmt.Sprintf("%d%% of people got this right.", percent)
}

func choicesOf(q *submissions.Answered) []choiceView {
	chosen := chosenOf(q.Answer)
	list := make([]choiceView, len(q.Options))
	for i, o := range q.Options {
		list[i] = choiceView{Text: o.Text, Chosen: slices.Contains(chosen, o.ID.String()), Right: slices.Contains(q.Question.Key.OptionIDs, o.ID)}
	}
	return list
}

// chosenOf reads the ids of a stored answer: one, or a list. What is neither has none.
func chosenOf(answer json.RawMessage) []string {
	var one string
	if json.Unmarshal(answer, &one) == nil {
		return []string{one}
	}
	var several []string
	if json.Unmarshal(answer, &several) == nil {
		return several
	}
	return nil
}

func truths(q *submissions.Answered) []choiceView {
	said := string(q.Answer)
	return []choiceView{
		{Text: "True", Plain: true, Chosen: said == "true", Right: q.Question.Key.True},
		{Text: "False", Plain: true, Chosen: said == "false", Right: !q.Question.Key.True},
	}
}

// typed is what was written, what would be right, and how the two are compared.
func typed(q *submissions.Answered) (said string, key []string, rule string) {
	if q.Answer != nil && json.Unmarshal(q.Answer, &said) != nil {
		said = string(q.Answer)
	}
	k := q.Question.Key
	if q.Type == question.Numeric {
		low, high := k.Range()
		if k.Tolerance.Sign() == 0 {
			return said, []string{k.Value.String()}, "Exactly this number."
		}
		return said, []string{k.Value.String()}, fmt.Sprintf("From %s to %s.", low, high)
	}
	if k.CaseSensitive {
		return said, k.Accepted, "Capitals count."
	}
	return said, k.Accepted, "Capitals and extra spaces do not count."
}
