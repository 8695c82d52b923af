package assessments

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"credlane/app/kit/exact"
	"credlane/app/kit/question"
	"credlane/app/kit/rest"
)

// fiveTypes has one good question of each type.
func fiveTypes() []QuestionDraft {
	options := []LabelledOption{{"x", "1"}, {"y", "2"}, {"z", "3"}}
	return []QuestionDraft{
		{Type: question.SingleChoice, Prompt: "one", Options: options, Key: json.RawMessage(`{"optionId": "y"}`)},
		{Type: question.MultipleChoice, Prompt: "many", Options: options, Key: json.RawMessage(`{"optionIds": ["x", "z"]}`), CreditRule: question.RightMinusWrong, Points: ptr(pt("2.5"))},
		{Type: question.TrueFalse, Prompt: "so?", Key: json.RawMessage(`{"value": false}`), Points: ptr(exact.Points(0))},
		{Type: question.ShortText, Prompt: "say", Key: json.RawMessage(`{"accepted": ["go", "golang"], "caseSensitive": true}`), Tags: []string{" a ", "b", "a"}},
		{Type: question.Numeric, Prompt: "count", Key: json.RawMessage(`{"value": "1,5", "tolerance": "10", "toleranceKind": "percent"}`), Difficulty: "hard", Explanation: "because"},
	}
}

func TestQuestionsOfEveryTypeAreKeptWithTheirKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.draft("A")
	for _, d := range fiveTypes() {
		w.add(a, d)
	}
	list := w.questions(a)
	for i, d := range fiveTypes() {
		q := list[i]
		if q.Position != i+1 || q.Type != d.Type || q.Prompt != d.Prompt || len(q.Options) != len(d.Options) || len(keyReasons(q)) != 0 {
			t.Errorf("question %d: %+v, key reasons %v", i, q, keyReasons(q))
		}
	}
	if key, _ := question.ParseKey(question.SingleChoice, list[0].Key); key.OptionIDs[0] != list[0].Options[1].ID {
		t.Error("the key must name the option whose label it had")
	}
	if id := list[0].Options[0].ID; id.Version() != 4 {
		t.Errorf("option id %s is not random", id)
	}
	if !slices.Equal(list[3].Tags, []string{"a", "b"}) {
		t.Errorf("tags %q", list[3].Tags)
	}
	if got := w.find(a); got.QuestionCount != 5 || got.PointsTotal() != pt("5.5") {
		t.Errorf("count %d, points %s", got.QuestionCount, got.PointsTotal())
	}
	if got := w.audited(list[0].ID); !slices.Equal(got, []string{"question.created"}) {
		t.Errorf("audited %v", got)
	}
}

func TestAnAuditRowHoldsNoAnswerKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.draft("A")
	q := w.add(a, QuestionDraft{Type: question.ShortText, Prompt: "say", Key: json.RawMessage(`{"accepted": ["xyzzy"]}`)})
	_, err := w.one.UpdateQuestion(w.ctx, a.ID, q.ID, qetag(q), QuestionChange{Points: ptr(pt("2"))})
	w.must(err)
	if n := value[int](w, `SELECT count(*) FROM audit_events WHERE before::text || after::text LIKE '%xyzzy%' OR after::text LIKE '%xyzzy%'`); n != 0 {
		t.Fatal("the audit trail holds a key")
	}
}

func TestEveryReasonAgainstAQuestionIsGivenAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.draft("A")
	_, err := w.one.AddQuestion(w.ctx, a.ID, QuestionDraft{Type: question.SingleChoice, Prompt: " \u200b", Options: []LabelledOption{{"a", " "}},
		Points: ptr(pt("1000.001")), Tags: []string{"\x01"}, Difficulty: "a\nb", Explanation: strings.Repeat("x", 20001),
		CreditRule: question.RightMinusWrong, Key: json.RawMessage(`{"optionId": "b"}`), Position: 7})
	got := locations(w.refused(err, rest.ErrInvalid))
	want := []string{"body.answerKey.optionId", "body.creditRule", "body.difficulty", "body.explanation", "body.options", "body.options[0].text",
		"body.points", "body.position", "body.prompt", "body.tags[0]"}
	if !slices.Equal(got, want) {
		t.Fatalf("reasons at %v; want %v", got, want)
	}
	if w.find(a).QuestionCount != 0 {
		t.Fatal("nothing may be written")
	}
}

func TestTwoOptionsWithOneLabelAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := choice()
	d.Options[1].Label = "a"
	_, err := w.one.AddQuestion(w.ctx, w.draft("A").ID, d)
	w.refused(err, rest.ErrInvalid)
}

// order gives the prompts in their order, and fails unless the positions are 1..n.
func (w *world) order(a Assessment) string {
	w.t.Helper()
	var prompts []string
	for i, q := range w.questions(a) {
		if q.Position != i+1 {
			w.t.Fatalf("question %d stands at position %d", i, q.Position)
		}
		prompts = append(prompts, q.Prompt)
	}
	return strings.Join(prompts, "")
}

func (w *world) letters(a Assessment, prompts string) []Question {
	w.t.Helper()
	for _, p := range prompts {
		d := choice()
		d.Prompt = string(p)
		w.add(a, d)
	}
	return w.questions(a)
}

func TestQuestionsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.draft("A")
	list := w.letters(a, "ABC")
	expect := func(want string) {
		t.Helper()
		if got := w.order(a); got != want {
			t.Fatalf("order %q; want %q", got, want)
		}
	}
	d := choice()
	d.Prompt, d.Position = "x", 1
	w.add(a, d)
	expect("xABC")
	d.Prompt, d.Position = "y", 3
	w.add(a, d)
	expect("xAyBC")
	d.Prompt, d.Position = "z", 6
	w.add(a, d)
	expect("xAyBCz")
	w.must(w.one.DeleteQuestion(w.ctx, a.ID, list[1].ID, qetag(list[1])))
	expect("xAyCz")
	now := w.questions(a)
	ids := []uuid.UUID{now[4].ID, now[3].ID, now[2].ID, now[1].ID, now[0].ID}
	b, err := w.one.OrderQuestions(w.ctx, a.ID, ids)
	w.must(err)
	expect("zCyAx")
	again, err := w.one.OrderQuestions(w.ctx, a.ID, ids)
	if err != nil || again.Revision != b.Revision {
		t.Fatalf("an order that stands changes nothing: revision %d then %d, error %v", b.Revision, again.Revision, err)
	}
	other := w.ready("Other")
	foreign := w.questions(other)[0].ID
	for name, bad := range map[string][]uuid.UUID{
		"none": {}, "one missing": ids[:4], "one twice": {ids[0], ids[1], ids[2], ids[3], ids[3]},
		"one too many": append(slices.Clone(ids), uuid.New()), "another's": {ids[0], ids[1], ids[2], ids[3], foreign},
		"all and one twice": append(slices.Clone(ids), ids[0]),
	} {
		t.Run(name, func(t *testing.T) {
			v := *w
			v.t = t
			_, err := w.one.OrderQuestions(w.ctx, a.ID, bad)
			v.refused(err, rest.ErrInvalid)
		})
	}
	expect("zCyAx")
}

func TestAMoveLeavesAQuestionsETagAndAnEditMovesIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.draft("A")
	list := w.letters(a, "AB")
	_, err := w.one.OrderQuestions(w.ctx, a.ID, []uuid.UUID{list[1].ID, list[0].ID})
	w.must(err)
	q := list[0]
	for i := range 3 { // the clock stands still, the ETag does not
		_, err := w.one.UpdateQuestion(w.ctx, a.ID, q.ID, "", QuestionChange{Prompt: ptr("x")})
		w.refused(err, rest.ErrPreconditionRequired)
		next, err := w.one.UpdateQuestion(w.ctx, a.ID, q.ID, qetag(q), QuestionChange{Prompt: ptr(fmt.Sprint(i))})
		w.must(err)
		_, err = w.one.UpdateQuestion(w.ctx, a.ID, q.ID, qetag(q), QuestionChange{Prompt: ptr("late")})
		w.refused(err, rest.ErrStale)
		w.refused(w.one.DeleteQuestion(w.ctx, a.ID, q.ID, qetag(q)), rest.ErrStale)
		q = next
	}
}

func TestAnEditKeepsKnownOptionsAndTheKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.draft("A")
	q := w.add(a, fiveTypes()[0])
	kept := q.Options[1].ID
	edited, err := w.one.UpdateQuestion(w.ctx, a.ID, q.ID, qetag(q), QuestionChange{Options: &[]LabelledOption{
		{strings.ToUpper(kept.String()), "two"}, {"new", "four"}}})
	w.must(err)
	if edited.Options[0].ID != kept || edited.Options[0].Text != "two" || edited.Options[1].ID == q.Options[0].ID || len(keyReasons(edited)) != 0 {
		t.Fatalf("got %+v", edited)
	}
	cut, err := w.one.UpdateQuestion(w.ctx, a.ID, q.ID, qetag(edited), QuestionChange{Options: &[]LabelledOption{{"a", "1"}, {"b", "2"}}})
	w.must(err)
	if cut.Key != nil {
		t.Fatalf("the key's option went, the key stays: %s", cut.Key)
	}
	rekeyed, err := w.one.UpdateQuestion(w.ctx, a.ID, q.ID, qetag(cut), QuestionChange{KeySet: true,
		Key: json.RawMessage(fmt.Sprintf(`{"optionId": %q}`, cut.Options[1].ID))})
	w.must(err)
	if len(keyReasons(rekeyed)) != 0 {
		t.Fatalf("got %+v", rekeyed)
	}
	turned, err := w.one.UpdateQuestion(w.ctx, a.ID, q.ID, qetag(rekeyed), QuestionChange{Type: ptr(question.TrueFalse)})
	w.must(err)
	if len(turned.Options) != 0 || turned.Key != nil {
		t.Fatalf("got %+v", turned)
	}
	_, err = w.one.UpdateQuestion(w.ctx, a.ID, q.ID, qetag(turned), QuestionChange{KeySet: true, Key: json.RawMessage(`{"optionId": "a"}`)})
	w.refused(err, rest.ErrInvalid)
	none, err := w.one.UpdateQuestion(w.ctx, a.ID, q.ID, qetag(turned), QuestionChange{})
	if err != nil || qetag(none) != qetag(turned) {
		t.Fatalf("a change of nothing moves the ETag, error %v", err)
	}
}

func TestQuestionsArePagedInTheirOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.draft("A")
	w.letters(a, "ABCDE")
	first, err := w.one.Questions(w.ctx, a.ID, QuestionCursor{}, 2)
	w.must(err)
	d := choice()
	d.Prompt, d.Position = "x", 1
	w.add(a, d)
	last := first[1]
	rest, err := w.one.Questions(w.ctx, a.ID, QuestionCursor{ID: last.ID, Position: last.Position}, 10)
	w.must(err)
	var prompts string
	for _, q := range rest {
		prompts += q.Prompt
	}
	if prompts != "CDE" {
		t.Fatalf("the second page holds %q", prompts)
	}
}
