package candidate

import (
	"encoding/json"
	"slices"

	"credlane/app/kit/exact"
	"credlane/app/kit/question"
	"credlane/modules/submissions"
	"credlane/web/words"
)

// reviewed is one question of a result that is released in full: the answer beside the right one.
type reviewed struct {
	Number      int
	Prompt      string // Markdown
	Mark        string // "f" full marks, "p" some, "z" none
	MarkWords   string
	Earned      string
	Points      string
	Options     []reviewedOption // of a choice; true and false as well
	Given       string           // a text or number as it was typed
	Unanswered  bool
	Right       bool // the text or number is right
	Accepted    []string
	Explanation string // Markdown
}

type reviewedOption struct {
	Text          string
	Plain         bool // it is not Markdown
	Chosen, Right bool
}

func review(l *words.Locale, number int, q submissions.Reviewed) reviewed {
	shown := reviewed{
		Number: number, Prompt: q.Prompt, Earned: q.Earned.String(), Points: q.Points.String(), Explanation: q.Explanation,
		Unanswered: string(q.Answer) == "null",
	}
	shown.Mark, shown.MarkWords = marked(l, q.Credit)
	shown.Right = shown.Mark == "f"
	switch {
	case q.Type.HasOptions():
		chosen := choices(q.Answer)
		for _, o := range q.Options {
			shown.Options = append(shown.Options, reviewedOption{
				Text: o.Text, Chosen: slices.Contains(chosen, o.ID.String()), Right: slices.Contains(q.Key.OptionIDs, o.ID),
			})
		}
	case q.Type == question.TrueFalse:
		answer := string(q.Answer)
		shown.Options = []reviewedOption{
			{Text: l.T("question.true"), Plain: true, Chosen: answer == "true", Right: q.Key.True},
			{Text: l.T("question.false"), Plain: true, Chosen: answer == "false", Right: !q.Key.True},
		}
	default:
		shown.Given = typed(q.Answer)
		shown.Accepted = accepted(l, q.Key)
	}
	return shown
}

// marked is a credit as a mark, and in words.
func marked(l *words.Locale, credit exact.Fraction) (mark, said string) {
	switch {
	case credit.Num <= 0:
		return "z", l.T("done.none")
	case credit.Num >= credit.Den:
		return "f", l.T("done.full")
	}
	return "p", l.T("done.some")
}

// choices are the ids of an answer to a choice, as they are kept: one, or a list.
func choices(answer json.RawMessage) []string {
	var one string
	if json.Unmarshal(answer, &one) == nil && one != "" {
		return []string{one}
	}
	var many []string
	if json.Unmarshal(answer, &many) != nil {
		return nil
	}
	return many
}

// typed is an answer that is a text; "" for none.
func typed(answer json.RawMessage) string {
	var text string
	if json.Unmarshal(answer, &text) != nil {
		return ""
	}
	return text
}

// accepted lists what would have been right.
func accepted(l *words.Locale, k question.Key) []string {
	if k.Type == question.ShortText {
		return k.Accepted
	}
	low, high := k.Range()
	if low.Cmp(high) == 0 {
		return []string{k.Value.String()}
	}
	return []string{k.Value.String(), l.T("done.range", "low", low, "high", high)}
}
