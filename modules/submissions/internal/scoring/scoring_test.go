package scoring_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"credlane/app/kit/exact"
	"credlane/app/kit/question"
	"credlane/modules/submissions/internal/scoring"
)

// id gives a fixed id: questions and options count from different hundreds.
func id(i int) uuid.UUID { return uuid.MustParse(fmt.Sprintf("00000000-0000-4000-8000-%012d", i)) }

func ids(list ...int) []uuid.UUID {
	out := make([]uuid.UUID, len(list))
	for i, n := range list {
		out[i] = id(n)
	}
	return out
}

func choice(list ...int) json.RawMessage {
	raw, err := json.Marshal(ids(list...))
	if err != nil {
		panic(err)
	}
	return raw
}

func text(s string) json.RawMessage {
	raw, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return raw
}

var (
	none = exact.Nothing()
	full = exact.Everything()
)

// item compiles a question from the JSON form of its key.
func item(t interface{ Fatal(...any) }, q question.Question, key string) scoring.Item {
	k, err := question.ParseKey(q.Type, json.RawMessage(key))
	if err != nil {
		t.Fatal(err)
	}
	it, err := scoring.Compile(q, k)
	if err != nil {
		t.Fatal(err)
	}
	return it
}

func keyOf(list ...int) string { return `{"optionIds":` + string(choice(list...)) + `}` }

func TestASingleChoiceIsRightWhenItIsTheKey(t *testing.T) {
	t.Parallel()
	it := item(t, question.Question{ID: id(100), Type: question.SingleChoice, OptionIDs: ids(1, 2, 3)}, `{"optionId":"`+id(2).String()+`"}`)
	for answer, want := range map[string]exact.Fraction{
		`"` + id(2).String() + `"`: full, `"` + id(1).String() + `"`: none, `"` + id(9).String() + `"`: none, `null`: none,
	} {
		if got := it.Credit(json.RawMessage(answer)); got != want {
			t.Errorf("%s earned %v", answer, got)
		}
	}
}

func TestAMultipleChoiceIsExactUnlessItsRuleSaysOtherwise(t *testing.T) {
	t.Parallel()
	q := question.Question{ID: id(100), Type: question.MultipleChoice, OptionIDs: ids(1, 2, 3, 4, 5, 6)}
	exactly := item(t, q, keyOf(1, 2, 3))
	q.CreditRule = question.RightMinusWrong
	partly := item(t, q, keyOf(1, 2, 3))
	third := func(n int64) exact.Fraction { return exact.Fraction{Num: n, Den: 3} }
	for _, c := range []struct {
		chosen         []int
		exactly, share exact.Fraction
	}{
		{[]int{1, 2, 3}, full, full},
		{[]int{3, 1, 2}, full, full},
		{[]int{1, 2}, none, third(2)},
		{[]int{1, 2, 4}, none, third(1)},
		{[]int{1, 4}, none, none},
		{[]int{1, 4, 5}, none, none}, // minus one is still nothing
		{[]int{1, 2, 3, 4}, none, third(2)},
		{[]int{1, 2, 3, 4, 5, 6}, none, none},
		{[]int{}, none, none},
	} {
		if got := exactly.Credit(choice(c.chosen...)); got != c.exactly {
			t.Errorf("exact: %v earned %v", c.chosen, got)
		}
		if got := partly.Credit(choice(c.chosen...)); got != c.share {
			t.Errorf("right minus wrong: %v earned %v, want %v", c.chosen, got, c.share)
		}
	}
}

func TestAStatementIsTrueOrFalse(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"true", "false"} {
		it := item(t, question.Question{ID: id(100), Type: question.TrueFalse}, `{"value":`+key+`}`)
		for _, answer := range []string{"true", "false"} {
			if got := it.Credit(json.RawMessage(answer)); (got == full) != (answer == key) {
				t.Errorf("%s against %s earned %v", answer, key, got)
			}
		}
	}
}

func TestAShortTextIsComparedFolded(t *testing.T) {
	t.Parallel()
	q := question.Question{ID: id(100), Type: question.ShortText}
	folded := item(t, q, `{"accepted":["São  Paulo","Straße"]}`)
	strict := item(t, q, `{"accepted":["São Paulo"],"caseSensitive":true}`)
	for answer, want := range map[string]exact.Fraction{
		" SÃO\u00a0PAULO ": full, "Sa\u0303o Paulo": full, "STRASSE": full, "Sao Paulo": none, "SãoPaulo": none, "": none,
	} {
		if got := folded.Credit(text(answer)); got != want {
			t.Errorf("%q earned %v", answer, got)
		}
	}
	for answer, want := range map[string]exact.Fraction{" Sa\u0303o \t Paulo": full, "são paulo": none} {
		if got := strict.Credit(text(answer)); got != want {
			t.Errorf("case-sensitive: %q earned %v", answer, got)
		}
	}
}

func TestANumberIsRightWithinItsToleranceBoundsIncluded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		key          string
		right, wrong []string
	}{
		{`{"value":"1.5"}`, []string{"1,5", "1.5", "1.50", "+1.5", "15e-1"}, []string{"1.51", "-1.5", "1.500000000000000000000000000001"}},
		{`{"value":"0.3","tolerance":"0.1"}`, []string{"0.2", "0.4", "0,30"}, []string{"0.19999999999999999999", "0.40000000000000000001"}},
		{
			`{"value":"-200","tolerance":"2.5","toleranceKind":"percent"}`,
			[]string{"-195", "-205", "-200"}, []string{"-194.999", "-205.001", "200"},
		},
		{`{"value":"0","tolerance":"50","toleranceKind":"percent"}`, []string{"0", "-0.0"}, []string{"0.001"}},
		{
			`{"value":"123456789012345678901234567890","tolerance":1}`,
			[]string{"123456789012345678901234567891"}, []string{"123456789012345678901234567892", "123456789012345678901234567888"},
		},
	} {
		it := item(t, question.Question{ID: id(100), Type: question.Numeric}, c.key)
		for _, answer := range c.right {
			if got := it.Credit(text(answer)); got != full {
				t.Errorf("%s: %s earned %v", c.key, answer, got)
			}
		}
		for _, answer := range c.wrong {
			if got := it.Credit(text(answer)); got != none {
				t.Errorf("%s: %s earned %v", c.key, answer, got)
			}
		}
	}
}

// paper has one question of each type, worth 1, 2, 3, 4 and 5 points.
func paper(t interface{ Fatal(...any) }) scoring.Paper {
	ask := func(n int, kind question.Type) question.Question {
		q := question.Question{ID: id(100 + n), Type: kind, Points: exact.WholePoints(int64(n))}
		if kind.HasOptions() {
			q.OptionIDs = ids(1, 2, 3, 4)
		}
		if kind == question.MultipleChoice {
			q.CreditRule = question.RightMinusWrong
		}
		return q
	}
	return scoring.NewPaper([]scoring.Item{
		item(t, ask(1, question.SingleChoice), `{"optionId":"`+id(1).String()+`"}`),
		item(t, ask(2, question.MultipleChoice), keyOf(1, 2, 3)),
		item(t, ask(3, question.TrueFalse), `{"value":true}`),
		item(t, ask(4, question.ShortText), `{"accepted":["Paris"]}`),
		item(t, ask(5, question.Numeric), `{"value":"1.5","tolerance":"0.1"}`),
	})
}

func perfect() []scoring.Given {
	return []scoring.Given{
		{id(101), text(id(1).String())}, {id(102), choice(1, 2, 3)}, {id(103), json.RawMessage(`true`)},
		{id(104), text("paris")}, {id(105), text("1,6")},
	}
}

func TestAPerfectPaperIsAHundredAndAnEmptyOneIsZero(t *testing.T) {
	t.Parallel()
	p := paper(t)
	r := p.Score(perfect())
	if r.Score != exact.FullScore || r.Points != exact.WholePoints(15) || r.Possible != r.Points || !r.Passed(exact.FullScore) {
		t.Errorf("all right is %+v", r)
	}
	if r := p.Score(nil); r.Score != 0 || r.Points != 0 || r.Passed(1) || !r.Passed(0) {
		t.Errorf("nothing given is %+v", r)
	}
	given := perfect()
	given[1].Answer = choice(1, 2) // 2/3 of 2 points
	if r := p.Score(given); r.Points != 14_333 || r.Score != 9556 || r.Passed(9557) {
		t.Errorf("two thirds of one question are %+v", r)
	}
}

func TestClearingAnAnswerLosesExactlyItsPoints(t *testing.T) {
	t.Parallel()
	p := paper(t)
	for i, g := range perfect() {
		given := perfect()
		given[i].Answer = json.RawMessage(`null`)
		it, found := p.Item(g.QuestionID)
		if !found {
			t.Fatal("the question is not in the paper")
		}
		if r := p.Score(given); r.Credits[i] != none || r.Points != r.Possible-it.Question().Points {
			t.Errorf("question %d cleared: %+v", i+1, r)
		}
	}
}

func TestAnOddStoredAnswerIsWorthNothingAndHarmsNoOther(t *testing.T) {
	t.Parallel()
	p := paper(t)
	for _, odd := range []string{"", "{", "{}", "[[]]", `[null]`, `"` + strings.Repeat("x", 1<<20) + `"`, "\xff", "17", `{"optionId":1}`} {
		for i := range perfect() {
			given := perfect()
			given[i].Answer = json.RawMessage(odd)
			given = append(given, scoring.Given{QuestionID: id(999), Answer: json.RawMessage(`true`)}, perfect()[0])
			it, _ := p.Item(given[i].QuestionID)
			r := p.Score(given)
			if r.Credits[i] != none || r.Points != r.Possible-it.Question().Points {
				t.Errorf("%.20q for question %d gave %+v", odd, i+1, r)
			}
		}
	}
}

func TestAKeyThatDoesNotFitIsRefusedAndEarnsNothing(t *testing.T) {
	t.Parallel()
	q := question.Question{ID: id(100), Type: question.SingleChoice, OptionIDs: ids(1, 2)}
	k := question.Key{Type: question.SingleChoice, OptionIDs: ids(3)}
	if _, err := scoring.Compile(q, k); err == nil {
		t.Error("a key outside the options was compiled")
	}
	if got := scoring.Credit(q, k, text(id(3).String())); got != none {
		t.Errorf("it earned %v", got)
	}
	k.OptionIDs = ids(2)
	if got := scoring.Credit(q, k, text(id(2).String())); got != full {
		t.Errorf("the right key earned %v", got)
	}
}

// drawn is a stored answer of any kind: right, wrong, or of another type altogether.
func drawn() *rapid.Generator[json.RawMessage] {
	return rapid.OneOf(
		rapid.Map(rapid.SliceOfDistinct(rapid.IntRange(1, 5), rapid.ID[int]), func(l []int) json.RawMessage { return choice(l...) }),
		rapid.Map(rapid.IntRange(1, 5), func(n int) json.RawMessage { return text(id(n).String()) }),
		rapid.Map(rapid.SampledFrom([]string{"Paris", "1.5", "1,6", "2", "x", ""}), text),
		rapid.SampledFrom([]json.RawMessage{json.RawMessage("true"), json.RawMessage("false"), json.RawMessage("null"), nil}),
	)
}

func TestEveryScoreIsWithinBoundsAndDoesNotHangOnOrder(t *testing.T) {
	t.Parallel()
	p := paper(t)
	rapid.Check(t, func(t *rapid.T) {
		given := perfect()
		for i := range given {
			given[i].Answer = drawn().Draw(t, "answer")
		}
		a := p.Score(given)
		b := p.Score(rapid.Permutation(given).Draw(t, "order"))
		if a.Score != b.Score || a.Points != b.Points {
			t.Fatalf("%s in one order, %s in another", a.Score, b.Score)
		}
		if a.Score < 0 || a.Score > exact.FullScore || a.Points < 0 || a.Points > a.Possible {
			t.Fatalf("out of bounds: %+v", a)
		}
	})
}

func TestRightMinusWrongFollowsItsFormula(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(question.MinOptions, question.MaxOptions).Draw(t, "options")
		all := make([]int, n)
		for i := range all {
			all[i] = i + 1
		}
		right := rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, n, rapid.ID[int]).Draw(t, "right")
		chosen := rapid.SliceOfNDistinct(rapid.SampledFrom(all), 0, n, rapid.ID[int]).Draw(t, "chosen")
		q := question.Question{ID: id(100), Type: question.MultipleChoice, OptionIDs: ids(all...), CreditRule: question.RightMinusWrong}
		got := item(t, q, keyOf(right...)).Credit(choice(chosen...))
		hits := 0
		for _, c := range chosen {
			for _, r := range right {
				if c == r {
					hits++
				}
			}
		}
		net := int64(max(0, 2*hits-len(chosen)))
		if got.Den < 1 || got.Num < 0 || got.Num > got.Den || got.Num*int64(len(right)) != net*got.Den {
			t.Fatalf("%v of %v earned %v, want %d/%d", chosen, right, got, net, len(right))
		}
	})
}

func BenchmarkScore(b *testing.B) {
	var items []scoring.Item
	var given []scoring.Given
	base := paper(b)
	for i := range 50 {
		g := perfect()[i%5]
		it, _ := base.Item(g.QuestionID)
		q := it.Question()
		q.ID = id(1000 + i)
		keys := []string{`{"optionId":"` + id(1).String() + `"}`, keyOf(1, 2, 3), `{"value":true}`, `{"accepted":["Paris"]}`, `{"value":"1.5","tolerance":"0.1"}`}
		items = append(items, item(b, q, keys[i%5]))
		given = append(given, scoring.Given{QuestionID: q.ID, Answer: g.Answer})
	}
	p := scoring.NewPaper(items)
	b.ReportAllocs()
	for b.Loop() {
		if p.Score(given).Score != exact.FullScore {
			b.Fatal("wrong score")
		}
	}
}
