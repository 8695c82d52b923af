package assessments

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/google/uuid"

	"credlane/app/kit/exact"
	"credlane/app/kit/ids"
	"credlane/app/kit/question"
)

// LabelledOption is an option as its author sends it: the label is any text unique in the question, to name it in the key.
type LabelledOption struct {
	Label string
	Text  string
}

// QuestionDraft is a question as its author sends it.
type QuestionDraft struct {
	Type        question.Type
	Prompt      string
	Options     []LabelledOption
	Points      *exact.Points // nil: 1
	Tags        []string
	Difficulty  string
	Explanation string
	CreditRule  question.CreditRule // "": exact
	Key         json.RawMessage     // nil: none yet; options go by their labels
	Position    int                 // 0: at the end
}

// QuestionChange is a merge: what is nil stays. A key that no longer fits, because its type or one of its options went, is
// taken away unless the change brings another: guessing what is right now would be worse than asking again at publishing.
type QuestionChange struct {
	Type        *question.Type
	Prompt      *string
	Options     *[]LabelledOption
	Points      *exact.Points
	Tags        *[]string
	Difficulty  *string
	Explanation *string
	CreditRule  *question.CreditRule
	KeySet      bool
	Key         json.RawMessage // with KeySet: the new key, nil for none
}

// newQuestion makes a question of what its author sent; the error lists every reason against it.
func newQuestion(source *ids.Source, d QuestionDraft) (Question, error) {
	q := Question{ID: source.ID(), Points: defaultPoints, CreditRule: question.Exact, Options: []Option{}, Tags: []string{}}
	c := QuestionChange{Type: &d.Type, Prompt: &d.Prompt, Options: &d.Options, Points: d.Points, Tags: &d.Tags,
		Difficulty: &d.Difficulty, Explanation: &d.Explanation, KeySet: d.Key != nil, Key: d.Key}
	if d.CreditRule != "" {
		c.CreditRule = &d.CreditRule
	}
	return applyChange(source, q, c)
}

// applyChange gives q with the change merged in; the error lists every reason against the result.
func applyChange(source *ids.Source, q Question, c QuestionChange) (Question, error) {
	var r reasons
	labels := q.merge(&r, source, c)
	for _, reason := range q.shape().Valid() {
		r.add(at("body", reason.Field), "%s", reason.Message)
	}
	q.applyKey(&r, c, labels)
	return q, r.fault()
}

// merge changes everything of q but its key, judging each part by itself, and gives the way from label to option.
func (q *Question) merge(r *reasons, source *ids.Source, c QuestionChange) map[string]uuid.UUID {
	if c.Type != nil && *c.Type != q.Type {
		q.settle(*c.Type, c)
	}
	if c.Prompt != nil {
		r.prose("body.prompt", *c.Prompt, question.MaxPrompt, true)
		q.Prompt = *c.Prompt
	}
	if c.Points != nil {
		q.Points = *c.Points
	}
	if c.Tags != nil {
		q.Tags = r.tags("body.tags", *c.Tags)
	}
	if c.Difficulty != nil {
		q.Difficulty = r.line("body.difficulty", *c.Difficulty, MaxDifficulty, false)
	}
	if c.Explanation != nil {
		r.prose("body.explanation", *c.Explanation, question.MaxExplanation, false)
		q.Explanation = *c.Explanation
	}
	if c.CreditRule != nil {
		q.CreditRule = *c.CreditRule
	}
	labels := labelsOf(q.Options)
	if c.Options != nil {
		q.Options, labels = r.options(source, q.Options, *c.Options)
	}
	return labels
}

// settle moves q to another type and drops what that type does not have.
func (q *Question) settle(t question.Type, c QuestionChange) {
	q.Type = t
	if !t.HasOptions() && c.Options == nil {
		q.Options = []Option{}
	}
	if t != question.MultipleChoice && c.CreditRule == nil {
		q.CreditRule = question.Exact
	}
}

func (q *Question) applyKey(r *reasons, c QuestionChange, labels map[string]uuid.UUID) {
	if !c.KeySet {
		if q.Key != nil && len(keyReasons(*q)) > 0 {
			q.Key = nil
		}
		return
	}
	q.Key = nil
	if c.Key == nil || !q.Type.Valid() {
		return
	}
	key, err := question.ParseLabelledKey(q.Type, c.Key, labels)
	if err != nil {
		r.invalid("body.answerKey", err)
		return
	}
	found := key.Valid(q.shape())
	for _, reason := range found {
		r.add(at("body.answerKey", reason.Field), "%s", reason.Message)
	}
	if len(found) == 0 {
		q.Key = mustEncode(key)
	}
}

// keyReasons says why q's stored key does not decide it; none means that it does.
func keyReasons(q Question) []question.Reason {
	if q.Key == nil {
		return []question.Reason{{Message: "Give the question its right answer."}}
	}
	key, err := question.ParseKey(q.Type, q.Key)
	var invalid *question.Invalid
	if errors.As(err, &invalid) {
		return invalid.Reasons
	}
	return key.Valid(q.shape())
}

// invalid takes over the reasons of a key that cannot be read.
func (r *reasons) invalid(location string, err error) {
	var invalid *question.Invalid
	if !errors.As(err, &invalid) {
		r.add(location, "Send a key that fits the type of the question.")
		return
	}
	for _, reason := range invalid.Reasons {
		r.add(at(location, reason.Field), "%s", reason.Message)
	}
}

// options gives each option its id, and the way from label to id. An id that the question already has is kept, so that
// an edit does not cut the key off; any other label is replaced by a random id, since an ordered one would undo the shuffle.
func (r *reasons) options(source *ids.Source, before []Option, sent []LabelledOption) ([]Option, map[string]uuid.UUID) {
	options, labels := make([]Option, 0, len(sent)), make(map[string]uuid.UUID, len(sent))
	if len(sent) > question.MaxOptions {
		r.add("body.options", "Give the question at most %d options.", question.MaxOptions)
		sent = sent[:question.MaxOptions]
	}
	known := labelsOf(before)
	for i, o := range sent {
		r.prose(fmt.Sprintf("body.options[%d].text", i), o.Text, question.MaxOptionText, true)
		label := canonical(o.Label)
		if _, twice := labels[label]; twice && label != "" {
			r.add(fmt.Sprintf("body.options[%d].id", i), "Give each option an id of its own.")
			continue
		}
		id, kept := known[label]
		if !kept {
			id = source.Random()
		}
		if label != "" {
			labels[label] = id
			labels[o.Label] = id
		}
		options = append(options, Option{ID: id, Text: o.Text})
	}
	return options, labels
}

func labelsOf(options []Option) map[string]uuid.UUID {
	labels := make(map[string]uuid.UUID, len(options))
	for _, o := range options {
		labels[o.ID.String()] = o.ID
	}
	return labels
}

// canonical writes a label that is an id in lower case, as the server prints ids.
func canonical(label string) string {
	if len(label) == 36 {
		if id, err := uuid.Parse(label); err == nil {
			return id.String()
		}
	}
	return label
}

func at(location, field string) string {
	if field == "" {
		return location
	}
	return location + "." + field
}

// same tells whether an edit left the question as it was.
func (q Question) same(other Question) bool {
	return q.Type == other.Type && q.Prompt == other.Prompt && slices.Equal(q.Options, other.Options) && q.Points == other.Points &&
		slices.Equal(q.Tags, other.Tags) && q.Difficulty == other.Difficulty && q.Explanation == other.Explanation &&
		q.CreditRule == other.CreditRule && sameKey(q.Key, other.Key)
}

// sameKey compares by value: Postgres prints jsonb in its own spacing and order.
func sameKey(a, b json.RawMessage) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	return reflect.DeepEqual(x, y)
}

// mustEncode encodes what this package built itself; it cannot fail.
func mustEncode(key question.Key) json.RawMessage {
	b, err := key.MarshalJSON() // what json.Marshal would call, and then read through once more
	if err != nil {
		panic(fmt.Errorf("encode a key: %w", err))
	}
	return b
}
