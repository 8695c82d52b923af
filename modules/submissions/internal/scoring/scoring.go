// Package scoring says what answers are worth; it is pure, exact, and never fails on a stored answer.
package scoring

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"credlane/app/kit/exact"
	"credlane/app/kit/question"
)

// Item is a question with its key made ready. It is immutable, so one serves all goroutines.
type Item struct {
	question question.Question
	key      question.Key
	low      exact.Decimal // numeric: the bounds, included
	high     exact.Decimal
	accepted map[string]struct{} // short_text: folded
}

// Compile makes a question and its key ready. The error is a *question.Invalid when the key does not fit; publishing
// refuses such a question, so for a published version it means damage.
func Compile(q question.Question, k question.Key) (Item, error) {
	if reasons := append(q.Valid(), k.Valid(q)...); len(reasons) > 0 {
		return Item{}, fmt.Errorf("key of question %s: %w", q.ID, &question.Invalid{Reasons: reasons})
	}
	it := Item{question: q, key: k}
	switch q.Type {
	case question.Numeric:
		it.low, it.high = k.Range()
	case question.ShortText:
		it.accepted = make(map[string]struct{}, len(k.Accepted))
		for _, text := range k.Accepted {
			it.accepted[question.Fold(text, k.CaseSensitive)] = struct{}{}
		}
	}
	return it, nil
}

// Question gives the question that the item was made of.
func (it Item) Question() question.Question { return it.question }

// Credit gives the share of the question's points that a stored answer earns. An answer that is absent, cleared or odd
// (of another type, of another question, damaged) earns nothing.
func (it Item) Credit(answer json.RawMessage) exact.Fraction {
	a, err := question.ParseAnswer(it.question, answer)
	if err != nil { // by design not a fault: a submission is scored whatever was stored
		return exact.Nothing()
	}
	return it.credit(a)
}

func (it Item) credit(a question.Answer) exact.Fraction {
	if a.Cleared {
		return exact.Nothing()
	}
	switch it.question.Type {
	case question.SingleChoice:
		return whole(a.OptionIDs[0] == it.key.OptionIDs[0])
	case question.MultipleChoice:
		return it.choices(a.OptionIDs)
	case question.TrueFalse:
		return whole(a.True == it.key.True)
	case question.ShortText:
		_, right := it.accepted[question.Fold(a.Text, it.key.CaseSensitive)]
		return whole(right)
	case question.Numeric:
		return whole(a.Number.Cmp(it.low) >= 0 && a.Number.Cmp(it.high) <= 0)
	}
	return exact.Nothing()
}

// choices compares sets: both hold distinct options, so equal sizes and all chosen right mean equal sets.
func (it Item) choices(chosen []uuid.UUID) exact.Fraction {
	right := 0
	for _, id := range chosen {
		if slices.Contains(it.key.OptionIDs, id) {
			right++
		}
	}
	wrong, all := len(chosen)-right, len(it.key.OptionIDs)
	if it.question.CreditRule != question.RightMinusWrong {
		return whole(wrong == 0 && right == all)
	}
	return share(max(0, right-wrong), all)
}

func whole(right bool) exact.Fraction {
	if right {
		return exact.Everything()
	}
	return exact.Nothing()
}

// share gives num/den in lowest terms.
func share(num, den int) exact.Fraction {
	a, b := num, den
	for b != 0 {
		a, b = b, a%b
	}
	return exact.Fraction{Num: int64(num / a), Den: int64(den / a)}
}

// Credit scores one answer without a compiled item; a key that does not fit earns nothing.
func Credit(q question.Question, k question.Key, answer json.RawMessage) exact.Fraction {
	it, err := Compile(q, k)
	if err != nil {
		return exact.Nothing()
	}
	return it.Credit(answer)
}

// Paper is all questions of a published version. It is immutable, so one serves all goroutines.
type Paper struct {
	items    []Item
	index    map[uuid.UUID]int
	possible exact.Points
}

// NewPaper puts items together, in their order.
func NewPaper(items []Item) Paper {
	p := Paper{items: slices.Clone(items), index: make(map[uuid.UUID]int, len(items))}
	for i, it := range p.items {
		p.index[it.question.ID] = i
		p.possible += it.question.Points
	}
	return p
}

// Len is the number of questions.
func (p Paper) Len() int { return len(p.items) }

// Possible is the sum of the questions' points.
func (p Paper) Possible() exact.Points { return p.possible }

// Item finds a question of the paper, to check an answer before it is saved.
func (p Paper) Item(questionID uuid.UUID) (Item, bool) {
	i, found := p.index[questionID]
	if !found {
		return Item{}, false
	}
	return p.items[i], true
}

// Given is one stored answer.
type Given struct {
	QuestionID uuid.UUID
	Answer     json.RawMessage
}

// Result is a scored submission.
type Result struct {
	Credits  []exact.Fraction // one for each Given, in its order
	Points   exact.Points     // rounded half up to thousandths, for showing
	Possible exact.Points
	Score    exact.Score // from the exact sum, rounded once
}

// Passed compares the score people see with the threshold.
func (r Result) Passed(threshold exact.Score) bool { return r.Score >= threshold }

// Score scores what was given. A question without an answer earns nothing, as does an answer to a question that is not
// in the paper or comes a second time; the database lets neither in.
func (p Paper) Score(given []Given) Result {
	r := Result{Credits: make([]exact.Fraction, len(given)), Possible: p.possible}
	seen := make([]bool, len(p.items))
	var sum exact.Sum
	for i, g := range given {
		r.Credits[i] = exact.Nothing()
		at, found := p.index[g.QuestionID]
		if !found || seen[at] {
			continue
		}
		seen[at] = true
		r.Credits[i] = p.items[at].Credit(g.Answer)
		sum.Add(p.items[at].question.Points, r.Credits[i])
	}
	r.Points, r.Score = sum.Points(), sum.Score(p.possible)
	return r
}
