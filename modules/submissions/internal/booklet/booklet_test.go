package booklet

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"credlane/app/kit/exact"
	"credlane/app/kit/question"
)

// seeded shuffles repeatably.
type seeded struct{ *rand.Rand }

func newBooklet(t testing.TB, head Head, optionCounts ...int) *Booklet {
	t.Helper()
	var sources []Source
	for i, n := range optionCounts {
		s := Source{Prompt: fmt.Sprintf("Which <b>%d</b> is \"it\"?", i), Question: question.Question{
			ID: id(0, i), Type: question.ShortText, Points: exact.Points(1500),
		}}
		if n > 0 {
			s.Question.Type, s.Question.CreditRule = question.MultipleChoice, question.RightMinusWrong
		}
		for o := range n {
			s.Options = append(s.Options, Option{ID: id(i+1, o), Text: fmt.Sprintf("Option %d", o)})
			s.Question.OptionIDs = append(s.Question.OptionIDs, id(i+1, o))
		}
		sources = append(sources, s)
	}
	b, err := New(head, sources)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func id(a, b int) uuid.UUID { return uuid.UUID{0: 1, 14: byte(a), 15: byte(b)} }

type shown struct {
	ID         uuid.UUID           `json:"id"`
	Position   int                 `json:"position"`
	Type       question.Type       `json:"type"`
	Prompt     string              `json:"prompt"`
	Options    []Option            `json:"options"`
	Points     exact.Points        `json:"points"`
	CreditRule question.CreditRule `json:"creditRule"`
}

func read(t rapid.TB, b *Booklet, l Layout) []shown {
	t.Helper()
	text, err := b.AppendQuestions(nil, l)
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	var list []shown
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return list
}

func TestWithoutShufflingTheAuthorsOrderIsShown(t *testing.T) {
	t.Parallel()
	b := newBooklet(t, Head{TimeLimit: time.Minute}, 3, 0)
	l := b.Draw(seeded{rand.New(rand.NewPCG(1, 2))})
	// Nil would be stored as NULL.
	if l == nil || len(l) != 0 {
		t.Errorf("the layout is %#v", l)
	}
	list := read(t, b, l)
	if len(list) != 2 || list[0].ID != id(0, 0) || list[0].Position != 1 || list[0].Prompt != `Which <b>0</b> is "it"?` ||
		list[0].Points != 1500 || list[0].CreditRule != question.RightMinusWrong || len(list[0].Options) != 3 ||
		list[0].Options[2] != (Option{id(1, 2), "Option 2"}) || list[1].CreditRule != question.Exact || list[1].Options == nil {
		t.Errorf("shown is %+v", list)
	}
}

func TestADrawnLayoutIsAPermutationThatSurvivesItsStorage(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		counts := rapid.SliceOfN(rapid.SampledFrom([]int{0, 2, 4, 20}), 1, 12).Draw(t, "options")
		head := Head{ShuffleQuestions: rapid.Bool().Draw(t, "questions"), ShuffleOptions: rapid.Bool().Draw(t, "inside")}
		b := newBooklet(&testing.T{}, head, counts...)
		l := b.Draw(seeded{rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))})
		text, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		var stored Layout
		if err := json.Unmarshal(text, &stored); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		list := read(t, b, stored)
		if len(list) != len(counts) {
			t.Fatalf("%d questions of %d", len(list), len(counts))
		}
		order, err := b.Order(l)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[uuid.UUID]bool{}
		for place, q := range list {
			if q.Position != place+1 || q.ID != order[place] || seen[q.ID] {
				t.Fatalf("place %d shows %+v, the order is %v", place, q, order)
			}
			seen[q.ID] = true
			author := int(q.ID[15])
			if !head.ShuffleQuestions && author != place {
				t.Fatalf("question %d moved to %d", author, place)
			}
			options := slices.Clone(q.Options)
			slices.SortFunc(options, func(x, y Option) int { return int(x.ID[15]) - int(y.ID[15]) })
			if len(options) != counts[author] || !head.ShuffleOptions && !slices.Equal(options, q.Options) {
				t.Fatalf("question %d has options %v", author, q.Options)
			}
			for o, option := range options {
				if option.ID != id(author+1, o) {
					t.Fatalf("question %d has option %v", author, option)
				}
			}
		}
	})
}

func TestALayoutOfAnotherVersionIsAnErrorAndNoPanic(t *testing.T) {
	t.Parallel()
	b := newBooklet(t, Head{}, 2, 0)
	for _, text := range []string{
		`["0.0.1"]`, `["0.0.1","0"]`, `["0.0.1","2"]`, `["0.0.0","1"]`, `["0.0.1.2","1"]`, `["0.1","1"]`, `["0.0.2","1"]`, `["0.0.1","1","1"]`,
	} {
		var l Layout
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if got, err := b.AppendQuestions(nil, l); err == nil {
			t.Errorf("%s gives %s", text, got)
		}
	}
	for _, text := range []string{`["a"]`, `[""]`, `[0]`, `{}`, `["1..2"]`, `"0"`} {
		var l Layout
		if err := json.Unmarshal([]byte(text), &l); err == nil {
			t.Errorf("%s is read as %v", text, l)
		}
	}
}

func TestTheQuestionToJudgeAnAnswerByIsFoundById(t *testing.T) {
	t.Parallel()
	b := newBooklet(t, Head{}, 2, 0)
	if q, ok := b.Question(id(0, 1)); !ok || q.Type != question.ShortText {
		t.Errorf("%+v, %v", q, ok)
	}
	if _, ok := b.Question(id(9, 9)); ok {
		t.Error("a stranger's question is found")
	}
}

func TestAQuestionWhoseOptionsAndIdsDifferIsRefused(t *testing.T) {
	t.Parallel()
	_, err := New(Head{}, []Source{{Options: []Option{{}}}})
	if err == nil {
		t.Error("it is taken")
	}
}

func BenchmarkAppendQuestions(b *testing.B) {
	counts := slices.Repeat([]int{4}, 40)
	booklet := newBooklet(b, Head{ShuffleQuestions: true, ShuffleOptions: true}, counts...)
	l := booklet.Draw(seeded{rand.New(rand.NewPCG(1, 2))})
	buf := make([]byte, 0, booklet.Size()+2)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := booklet.AppendQuestions(buf, l); err != nil {
			b.Fatal(err)
		}
	}
}

func TestOnlyTheStoredFormIsReadAsALayout(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`[]`: `[]`, ` [ ] `: `[]`, `["0"]`: `["0"]`, "[\"2.1.0.3\",\t\"0\",\n\"10.4\"]": `["2.1.0.3","0","10.4"]`,
	} {
		var l Layout
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, err := l.MarshalJSON(); err != nil || string(got) != want {
			t.Errorf("%s is read as %s, %v", text, got, err)
		}
	}
	for _, text := range []string{
		``, `null`, `{}`, `[`, `["0"`, `["0"]]`, `["0",]`, `[,]`, `["0""1"]`, `[""]`, `["."]`, `["1."]`, `[".1"]`, `["1..2"]`, `["-1"]`,
		`["1`, `["1]`, `["a"]`, `["1 "]`, `[0]`, `["99999999999999999999"]`, `[["0"]]`,
	} {
		var l Layout
		if err := l.UnmarshalJSON([]byte(text)); err == nil {
			t.Errorf("%s is read as %v", text, l)
		}
	}
}
