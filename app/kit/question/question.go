// Package question knows the five types of question: what a right key and a possible answer look like.
// It judges form only; what an answer is worth is the scoring's business.
package question

import (
	"fmt"
	"strings"

	"github.com/google/uuid"

	"credlane/app/kit/exact"
)

// Type is one of the five types of question.
type Type string

// The types, as they are stored and sent.
const (
	SingleChoice   Type = "single_choice"
	MultipleChoice Type = "multiple_choice"
	TrueFalse      Type = "true_false"
	ShortText      Type = "short_text"
	Numeric        Type = "numeric"
)

// CreditRule says what a partly right multiple choice is worth.
type CreditRule string

// The credit rules. Exact is the default and the only one for types without several right options.
const (
	Exact           CreditRule = "exact"
	RightMinusWrong CreditRule = "right_minus_wrong"
)

// ToleranceKind says what a numeric tolerance is measured in.
type ToleranceKind string

// The kinds of tolerance: units of the value, or per cent of it.
const (
	Absolute ToleranceKind = "absolute"
	Percent  ToleranceKind = "percent"
)

// Limits. Lengths are in characters.
const (
	MinOptions     = 2
	MaxOptions     = 20
	MinAccepted    = 1
	MaxAccepted    = 20
	MaxText        = 1_000 // an answer, and an accepted text
	MaxPrompt      = 20_000
	MaxOptionText  = 4_000
	MaxExplanation = 20_000

	MinPoints exact.Points = 0
	MaxPoints exact.Points = 1000_000 // 1,000 points
)

// Types lists the five types in the order in which they are shown.
func Types() []Type { return []Type{SingleChoice, MultipleChoice, TrueFalse, ShortText, Numeric} }

// Valid reports whether t is one of the five.
func (t Type) Valid() bool {
	switch t {
	case SingleChoice, MultipleChoice, TrueFalse, ShortText, Numeric:
		return true
	}
	return false
}

// HasOptions reports whether candidates choose among options.
func (t Type) HasOptions() bool { return t == SingleChoice || t == MultipleChoice }

// Valid reports whether r is a known rule; the empty one stands for Exact.
func (r CreditRule) Valid() bool { return r == "" || r == Exact || r == RightMinusWrong }

// Question is what keys and answers are judged against: no prompt, no key.
type Question struct {
	ID         uuid.UUID
	Type       Type
	OptionIDs  []uuid.UUID
	Points     exact.Points
	CreditRule CreditRule
}

// Reason says in plain words why something is not allowed, and where.
type Reason struct {
	Field   string // a path inside the object judged: "optionIds[2]", "options"; empty for the whole
	Message string // a sentence for the author, which says what to do
}

// Invalid is the error of ParseKey and ParseAnswer; it carries every reason found.
type Invalid struct {
	Reasons []Reason
}

// Error joins the reasons.
func (e *Invalid) Error() string {
	parts := make([]string, len(e.Reasons))
	for i, r := range e.Reasons {
		parts[i] = r.Message
		if r.Field != "" {
			parts[i] = r.Field + ": " + r.Message
		}
	}
	return strings.Join(parts, "; ")
}

func refuse(field, format string, args ...any) error {
	return &Invalid{Reasons: []Reason{{Field: field, Message: fmt.Sprintf(format, args...)}}}
}

// Valid gives every reason why q itself cannot be asked; its texts are judged elsewhere.
func (q Question) Valid() []Reason {
	var reasons []Reason
	add := func(field, format string, args ...any) {
		reasons = append(reasons, Reason{Field: field, Message: fmt.Sprintf(format, args...)})
	}
	if !q.Type.Valid() {
		add("type", "Choose single_choice, multiple_choice, true_false, short_text or numeric.")
		return reasons
	}
	switch n := len(q.OptionIDs); {
	case !q.Type.HasOptions() && n > 0:
		add("options", "Remove the options: this type of question has none.")
	case q.Type.HasOptions() && n < MinOptions:
		add("options", "Give the question at least %d options.", MinOptions)
	case n > MaxOptions:
		add("options", "Give the question at most %d options.", MaxOptions)
	}
	if repeated(q.OptionIDs) {
		add("options", "Give each option an id of its own.")
	}
	if q.Points < MinPoints || q.Points > MaxPoints {
		add("points", "Give the question between %s and %s points.", MinPoints, MaxPoints)
	}
	switch {
	case !q.CreditRule.Valid():
		add("creditRule", "Choose exact or right_minus_wrong.")
	case q.CreditRule == RightMinusWrong && q.Type != MultipleChoice:
		add("creditRule", "Choose exact: only multiple_choice knows right_minus_wrong.")
	}
	return reasons
}

func (q Question) has(option uuid.UUID) bool {
	for _, id := range q.OptionIDs {
		if id == option {
			return true
		}
	}
	return false
}

// repeated compares pairwise: lists are 20 long at most, and a map would cost more.
func repeated(ids []uuid.UUID) bool {
	for i, id := range ids[:min(len(ids), MaxOptions+1)] {
		for _, other := range ids[:i] {
			if id == other {
				return true
			}
		}
	}
	return false
}
