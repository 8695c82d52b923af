package assessments

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"credlane/app/kit/exact"
	"credlane/app/kit/question"
)

func TestAnAppendedQuestionReadsBackToTheByte(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	odd := "a \"b\" \\ \\u0041 </script> &amp; \x01\x1f\x7f\t\r\n\u2028 naïve 题 👩‍🚀 e\u0301 é \U0010FFFD ."
	questions := []NewQuestion{
		{Type: question.SingleChoice, Prompt: odd, Options: []string{odd, "x", odd + "y"}, Points: 999_999, Tags: []string{"ü", `"`, "a b", "{,}"},
			Difficulty: "hard", Explanation: odd, Key: &NewKey{Right: []int{2}}},
		{Type: question.MultipleChoice, Prompt: "x", Options: []string{"a", "b", "c"}, Points: question.MaxPoints, CreditRule: question.RightMinusWrong,
			Key: &NewKey{Right: []int{0, 2}}},
		{Type: question.TrueFalse, Prompt: "x", Points: 1, Key: &NewKey{True: true}},
		{Type: question.ShortText, Prompt: "x", Points: 0, Key: &NewKey{Accepted: []string{odd}}},
		{Type: question.Numeric, Prompt: "x", Points: 1_010, Key: &NewKey{Value: decimal(t, "-1.50"), Tolerance: decimal(t, "0.1")}},
		{Type: question.TrueFalse, Prompt: strings.Repeat("題", question.MaxPrompt), Points: 10_500},
	}
	a := w.draft("A")
	if n, err := w.appendAll(a, good(questions)); err != nil || n != len(questions) {
		t.Fatalf("%d, %v", n, err)
	}
	list, err := w.one.Questions(w.ctx, a.ID, QuestionCursor{}, 50)
	w.must(err)
	for i, want := range questions {
		got := list[i]
		if want.CreditRule == "" {
			want.CreditRule = question.Exact
		}
		if got.Position != i+1 || got.Type != want.Type || got.Prompt != want.Prompt || got.Points != want.Points || got.Difficulty != want.Difficulty ||
			got.Explanation != want.Explanation || got.CreditRule != want.CreditRule || !slices.Equal(got.Tags, want.Tags) || got.UpdatedAt.IsZero() {
			t.Errorf("question %d is %+v, want %+v", i, got, want)
		}
		texts := []string{}
		for _, o := range got.Options {
			texts = append(texts, o.Text)
		}
		if !slices.Equal(texts, want.Options) {
			t.Errorf("question %d has the options %q", i, texts)
		}
		if want.Key == nil {
			if got.Key != nil {
				t.Errorf("question %d has the key %s", i, got.Key)
			}
			continue
		}
		key, err := question.ParseKey(got.Type, got.Key)
		w.must(err)
		if got.Type != question.Numeric {
			key.ToleranceKind = question.Absolute // which only a number's key keeps
		}
		if fmt.Sprint(key) != fmt.Sprint(want.Key.of(got)) {
			t.Errorf("question %d has the key %v, want %v", i, key, want.Key.of(got))
		}
	}
}

func good(questions []NewQuestion) iter.Seq2[NewQuestion, error] {
	return func(yield func(NewQuestion, error) bool) {
		for _, q := range questions {
			if !yield(q, nil) {
				return
			}
		}
	}
}

func decimal(t *testing.T, text string) exact.Decimal {
	t.Helper()
	d, err := exact.ParseDecimal(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestWhateverTheTextItsJSONSaysTheSame(t *testing.T) {
	t.Parallel()
	for c := range rune(0x3000) {
		text := "a" + string(c) + `"\` + string(c)
		var got string
		if err := json.Unmarshal(appendQuoted(nil, text), &got); err != nil || got != text {
			t.Fatalf("%q became %q: %v", text, got, err)
		}
	}
	id := uuid.New()
	if got := string(appendUUID(nil, id)); got != id.String() {
		t.Errorf("%s became %s", id, got)
	}
}

// TestNobodyAsksForQuestionsOnceAnAppendHasFailed: the sequence runs beside the writing, and must have ended with it.
func TestNobodyAsksForQuestionsOnceAnAppendHasFailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.draft("A")
	w.exec(`INSERT INTO questions (id, employer_id, assessment_id, position, type, prompt, created_at, updated_at)
		VALUES (gen_random_uuid(), $1, $2, $3, 'true_false', 'in the way', now(), now())`, w.employer, a.ID, batchRows+2)
	ended := false
	_, err := w.appendAll(a, func(yield func(NewQuestion, error) bool) {
		defer func() { ended = true }()
		for q := range many(20*batchRows, 1) {
			if !yield(q, nil) {
				return
			}
		}
	})
	if err == nil || !ended {
		t.Errorf("error %v, ended %v", err, ended)
	}
	if w.find(a).QuestionCount != 1 {
		t.Error("something was written")
	}
}

func TestAPanicOfTheSequenceIsTheCallers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.draft("A")
	defer func() {
		if p := recover(); p != "odd" {
			t.Errorf("recovered %v", p)
		}
		if w.find(a).QuestionCount != 0 {
			t.Error("something was written")
		}
	}()
	_, _ = w.appendAll(a, func(yield func(NewQuestion, error) bool) {
		for q := range many(batchRows+1, 1) {
			yield(q, nil)
		}
		panic("odd")
	})
}
