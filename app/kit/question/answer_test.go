package question_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"credlane/app/kit/question"
)

func TestAnswersOfEachTypeReadAndPrintTheirCanonicalForm(t *testing.T) {
	t.Parallel()
	upper := `"` + strings.ToUpper(option(3).String()) + `"`
	for _, c := range []struct {
		kind     question.Type
		in, want string
	}{
		{question.SingleChoice, quoted(2), quoted(2)},
		{question.SingleChoice, upper, quoted(3)},
		{question.MultipleChoice, `[` + quoted(2) + `, ` + quoted(0) + `]`, `[` + quoted(0) + `,` + quoted(2) + `]`},
		{question.MultipleChoice, `[]`, `null`},
		{question.MultipleChoice, `["\u0030` + option(1).String()[1:] + `"]`, `[` + quoted(1) + `]`},
		{question.TrueFalse, `true`, `true`},
		{question.TrueFalse, ` false `, `false`},
		{question.ShortText, `" Par\u0069s "`, `" Paris "`},
		{question.ShortText, `" \t\u00a0"`, `null`},
		{question.Numeric, `" 1,50 "`, `"1,50"`},
		{question.Numeric, `""`, `null`},
	} {
		a, err := question.ParseAnswer(ask(c.kind), json.RawMessage(c.in))
		if err != nil {
			t.Errorf("%s %s: %v", c.kind, c.in, err)
			continue
		}
		if got, err := json.Marshal(a); err != nil || string(got) != c.want {
			t.Errorf("%s %s printed %s (%v), want %s", c.kind, c.in, got, err, c.want)
		}
	}
}

func TestAnAnswerOfAnotherFormIsRefused(t *testing.T) {
	t.Parallel()
	forms := map[question.Type][]string{
		question.SingleChoice: {quoted(9), `"A"`, `[` + quoted(0) + `]`, `{"optionId":` + quoted(0) + `}`, `0`, `true`},
		question.MultipleChoice: {
			quoted(0), `[` + quoted(0) + `,` + quoted(0) + `]`, `[` + quoted(9) + `]`, `[null]`, `[0]`, `{}`,
			`[` + quoted(0) + `,]`, `[,` + quoted(0) + `]`, `[` + quoted(0) + ` ` + quoted(1) + `]`, "[\u00a0" + quoted(0) + "]",
			`[` + quoted(0) + `,` + strings.ToUpper(quoted(0)) + `]`, `[` + strings.Repeat(quoted(0)+`,`, 99) + quoted(1) + `]`,
		},
		question.TrueFalse: {`"true"`, `1`, `TRUE`, `[true]`},
		question.ShortText: {`1`, `["a"]`, `"` + strings.Repeat("ä", 1001) + `"`, `"a\u0000b"`, "\"\xff\""},
		question.Numeric:   {`1.5`, `"1,234.5"`, `"one"`, `"` + strings.Repeat("1", 101) + `"`, `"1e31"`, `["1"]`},
	}
	for kind, texts := range forms {
		for _, text := range append(texts, ``, `{`, `"`, `nul`, `null null`, `"a" "b"`, `"`+strings.Repeat("x", 1<<20)+`"`) {
			a, err := question.ParseAnswer(ask(kind), json.RawMessage(text))
			if err == nil {
				t.Errorf("%s: %.60s was read as %+v", kind, text, a)
				continue
			}
			if said := reasons(t, err); len(text) > 20 && strings.Contains(said, text) {
				t.Errorf("%s: the error repeats the answer: %s", kind, said)
			}
		}
	}
}

func TestTheLongestTextIsAThousandCharacters(t *testing.T) {
	t.Parallel()
	for _, text := range []string{strings.Repeat("😀", 1000), strings.Repeat("\u0001", 1000)} {
		raw, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		if a, err := question.ParseAnswer(ask(question.ShortText), raw); err != nil || a.Text != text {
			t.Errorf("1,000 characters: %v", err)
		}
	}
	escaped := `"` + strings.Repeat(`\ud83d\ude00`, 1000) + `"`
	if _, err := question.ParseAnswer(ask(question.ShortText), json.RawMessage(escaped)); err != nil {
		t.Errorf("1,000 escaped characters: %v", err)
	}
}

func TestNullClearsEveryAnswer(t *testing.T) {
	t.Parallel()
	for _, kind := range question.Types() {
		a, err := question.ParseAnswer(ask(kind), json.RawMessage(`null`))
		if err != nil || !a.Cleared {
			t.Errorf("%s: %+v, %v", kind, a, err)
		}
	}
}

// checkAnswer holds for every input: refused with reasons, or printed in a form that reads back as the same.
func checkAnswer(t interface{ Fatalf(string, ...any) }, q question.Question, raw []byte) {
	a, err := question.ParseAnswer(q, raw)
	if err != nil {
		return
	}
	first, err := json.Marshal(a)
	if err != nil {
		t.Fatalf("%s %q: %v", q.Type, raw, err)
	}
	again, err := question.ParseAnswer(q, first)
	if err != nil {
		t.Fatalf("%s %q printed %s, which was refused: %v", q.Type, raw, first, err)
	}
	if second, err := json.Marshal(again); err != nil || string(second) != string(first) {
		t.Fatalf("%s %q printed %s, then %s (%v)", q.Type, raw, first, second, err)
	}
}

func TestEveryAnswerTakenReadsBackAsItself(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := ask(rapid.SampledFrom(question.Types()).Draw(t, "type"))
		raw := rapid.OneOf(
			rapid.Map(rapid.String(), func(s string) []byte { return must(json.Marshal(s)) }),
			rapid.Map(rapid.SliceOf(rapid.IntRange(0, 5)), func(list []int) []byte {
				parts := make([]string, len(list))
				for i, o := range list {
					parts[i] = option(o).String()
				}
				return must(json.Marshal(parts))
			}),
			rapid.Map(rapid.Float64(), func(f float64) []byte { return must(json.Marshal(must(json.Marshal(f)))) }),
			rapid.SliceOf(rapid.Byte()),
		).Draw(t, "answer")
		checkAnswer(t, q, raw)
	})
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func FuzzParseAnswer(f *testing.F) {
	for i, seed := range []string{quoted(1), `[` + quoted(0) + `,` + quoted(1) + `]`, `true`, `"Par\u0131s"`, `"-1,5e3"`, `null`} {
		f.Add(uint8(i), []byte(seed))
	}
	f.Fuzz(func(t *testing.T, kind uint8, raw []byte) {
		checkAnswer(t, ask(question.Types()[int(kind)%len(question.Types())]), raw)
	})
}

func FuzzParseKey(f *testing.F) {
	for i, seed := range []string{
		`{"optionId":` + quoted(0) + `}`, `{"optionIds":[` + quoted(0) + `]}`, `{"value":true}`,
		`{"accepted":["a","ß"],"caseSensitive":false}`, `{"value":"1,5","tolerance":0.1,"toleranceKind":"percent"}`,
	} {
		f.Add(uint8(i), []byte(seed))
	}
	f.Fuzz(func(t *testing.T, kind uint8, raw []byte) {
		q := ask(question.Types()[int(kind)%len(question.Types())])
		k, err := question.ParseKey(q.Type, raw)
		if err != nil || len(k.Valid(q)) > 0 {
			return
		}
		first, err := json.Marshal(k)
		if err != nil {
			t.Fatal(err)
		}
		again, err := question.ParseKey(q.Type, first)
		if err != nil {
			t.Fatalf("%s %q printed %s, which was refused: %v", q.Type, raw, first, err)
		}
		if second, err := json.Marshal(again); err != nil || string(second) != string(first) {
			t.Fatalf("%s %q printed %s, then %s (%v)", q.Type, raw, first, second, err)
		}
	})
}
