package question_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"credlane/app/kit/exact"
	"credlane/app/kit/question"
)

// option gives the i-th of a question's options a fixed id.
func option(i int) uuid.UUID { return uuid.MustParse(fmt.Sprintf("00000000-0000-4000-8000-%012d", i)) }

func options(n int) []uuid.UUID {
	ids := make([]uuid.UUID, n)
	for i := range ids {
		ids[i] = option(i)
	}
	return ids
}

func ask(t question.Type) question.Question {
	q := question.Question{ID: uuid.MustParse("11111111-1111-4111-8111-111111111111"), Type: t, Points: 1000}
	if t.HasOptions() {
		q.OptionIDs = options(4)
	}
	return q
}

func quoted(i int) string { return `"` + option(i).String() + `"` }

// reasons joins what an error says, to look for words in it.
func reasons(t *testing.T, err error) string {
	t.Helper()
	var invalid *question.Invalid
	if !errors.As(err, &invalid) || len(invalid.Reasons) == 0 {
		t.Fatalf("the error is %v, not a list of reasons", err)
	}
	return err.Error()
}

func TestKeysOfEachTypeReadAndPrintTheirForm(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind     question.Type
		in, want string
	}{
		{question.SingleChoice, `{"optionId":` + quoted(2) + `}`, ""},
		{question.MultipleChoice, `{"optionIds":[` + quoted(2) + `,` + quoted(0) + `]}`, ""},
		{question.TrueFalse, `{"value":true}`, ""},
		{question.TrueFalse, `{"value":false}`, ""},
		{question.ShortText, `{"accepted":["Paris","paree"],"caseSensitive":true}`, ""},
		{question.ShortText, `{"accepted":["Paris"]}`, `{"accepted":["Paris"],"caseSensitive":false}`},
		{question.Numeric, `{"value":"1,50"}`, `{"value":"1.5","tolerance":"0","toleranceKind":"absolute"}`},
		{
			question.Numeric, `{"value":15e-1,"tolerance":2,"toleranceKind":"percent"}`,
			`{"value":"1.5","tolerance":"2","toleranceKind":"percent"}`,
		},
	} {
		k, err := question.ParseKey(c.kind, json.RawMessage(c.in))
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if found := k.Valid(ask(c.kind)); len(found) > 0 {
			t.Errorf("%s: %v", c.in, found)
		}
		if c.want == "" {
			c.want = c.in
		}
		if got, err := json.Marshal(k); err != nil || string(got) != c.want {
			t.Errorf("%s printed %s (%v)", c.in, got, err)
		}
	}
}

func TestAKeyOfAnotherFormIsRefused(t *testing.T) {
	t.Parallel()
	forms := map[question.Type][]string{
		question.SingleChoice: {
			`{"optionId":null}`, `{"optionId":1}`, `{"optionId":"A"}`, `{"optionIds":[` + quoted(0) + `]}`,
			`{"optionid":` + quoted(0) + `}`, `{"optionId":` + quoted(0) + `,"optionId":` + quoted(1) + `}`,
			`{"optionId":` + quoted(0) + `,"score":1}`, `{"optionId":"{` + option(0).String() + `}"}`,
		},
		question.MultipleChoice: {`{"optionIds":` + quoted(0) + `}`, `{"optionIds":[null]}`, `{"optionIds":null}`},
		question.TrueFalse:      {`{"value":null}`, `{"value":"true"}`, `{"value":1}`, `{"value":true,"x":1}`},
		question.ShortText:      {`{"accepted":"Paris"}`, `{"accepted":[null]}`, `{"accepted":["a"],"caseSensitive":null}`},
		question.Numeric: {
			`{"value":"1,234.5"}`, `{"value":null}`, `{"value":"1","tolerance":"much"}`,
			`{"value":"1","toleranceKind":5}`, `{"value":"1e99"}`, `{"value":true}`,
		},
	}
	for kind, texts := range forms {
		texts = append(texts, ``, `null`, `{}`, `[]`, `1`, `"x"`, `{`, `{} {}`, "{\"value\":\"\xff\"}")
		for _, text := range texts {
			k, err := question.ParseKey(kind, json.RawMessage(text))
			if err == nil {
				t.Errorf("%s: %s was read as %+v", kind, text, k)
				continue
			}
			reasons(t, err)
		}
	}
	if _, err := question.ParseKey("essay", json.RawMessage(`{}`)); err == nil {
		t.Error("a key of an unknown type was read")
	}
}

func TestEveryReasonOfAKeyComesAtOnce(t *testing.T) {
	t.Parallel()
	_, err := question.ParseKey(question.Numeric, json.RawMessage(`{"value":"x","tolerance":"y","toleranceKind":1,"z":0}`))
	for _, want := range []string{"value", "tolerance", "toleranceKind", "Remove the fields"} {
		if text := reasons(t, err); !strings.Contains(text, want) {
			t.Errorf("%q does not speak of %s", text, want)
		}
	}
}

func TestALabelledKeyGetsTheOptionsIds(t *testing.T) {
	t.Parallel()
	ids := map[string]uuid.UUID{"a": option(0), "b": option(1)}
	k, err := question.ParseLabelledKey(question.MultipleChoice, json.RawMessage(`{"optionIds":["b","a"]}`), ids)
	if err != nil || len(k.OptionIDs) != 2 || k.OptionIDs[0] != option(1) {
		t.Fatalf("got %v, %v", k.OptionIDs, err)
	}
	if _, err = question.ParseLabelledKey(question.SingleChoice, json.RawMessage(`{"optionId":"c"}`), ids); err == nil {
		t.Fatal("an unknown label was taken")
	}
}

func TestAKeyMustFitItsQuestion(t *testing.T) {
	t.Parallel()
	number := func(tolerance string) exact.Decimal {
		d, err := exact.ParseDecimal(tolerance)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for name, k := range map[string]question.Key{
		"no right option":        {Type: question.SingleChoice},
		"two right options":      {Type: question.SingleChoice, OptionIDs: options(2)},
		"another's option":       {Type: question.SingleChoice, OptionIDs: []uuid.UUID{option(9)}},
		"empty set":              {Type: question.MultipleChoice},
		"one option twice":       {Type: question.MultipleChoice, OptionIDs: []uuid.UUID{option(1), option(1)}},
		"another's among them":   {Type: question.MultipleChoice, OptionIDs: []uuid.UUID{option(1), option(9)}},
		"nothing accepted":       {Type: question.ShortText},
		"too many accepted":      {Type: question.ShortText, Accepted: make([]string, 21)},
		"blank accepted":         {Type: question.ShortText, Accepted: []string{"a", " \u00a0\t"}},
		"accepted text too long": {Type: question.ShortText, Accepted: []string{strings.Repeat("ä", 1001)}},
		"accepted NUL":           {Type: question.ShortText, Accepted: []string{"a\x00"}},
		"negative tolerance":     {Type: question.Numeric, Tolerance: number("-1"), ToleranceKind: question.Absolute},
		"unknown tolerance":      {Type: question.Numeric, Tolerance: number("1"), ToleranceKind: "about"},
	} {
		if found := k.Valid(ask(k.Type)); len(found) == 0 {
			t.Errorf("%s was allowed", name)
		}
		if found := k.Valid(ask(question.TrueFalse)); len(found) == 0 {
			t.Errorf("%s was allowed as the key of another type", name)
		}
	}
}

func TestAQuestionMustHaveItsLimits(t *testing.T) {
	t.Parallel()
	for _, kind := range question.Types() {
		if found := ask(kind).Valid(); len(found) > 0 {
			t.Errorf("%s: %v", kind, found)
		}
	}
	for name, spoil := range map[string]func(*question.Question){
		"unknown type":         func(q *question.Question) { q.Type = "essay" },
		"one option":           func(q *question.Question) { q.OptionIDs = options(1) },
		"21 options":           func(q *question.Question) { q.OptionIDs = options(21) },
		"an option twice":      func(q *question.Question) { q.OptionIDs = []uuid.UUID{option(1), option(1)} },
		"options of no choice": func(q *question.Question) { q.Type = question.Numeric },
		"negative points":      func(q *question.Question) { q.Points = -1 },
		"too many points":      func(q *question.Question) { q.Points = question.MaxPoints + 1 },
		"unknown rule":         func(q *question.Question) { q.CreditRule = "lucky" },
		"a rule for one right": func(q *question.Question) { q.CreditRule = question.RightMinusWrong },
	} {
		q := ask(question.SingleChoice)
		spoil(&q)
		if len(q.Valid()) == 0 {
			t.Errorf("%s was allowed", name)
		}
	}
	full := ask(question.MultipleChoice)
	full.OptionIDs, full.Points, full.CreditRule = options(20), question.MaxPoints, question.RightMinusWrong
	if found := full.Valid(); len(found) > 0 {
		t.Errorf("the largest question was refused: %v", found)
	}
}

func TestFoldingMakesWhatPeopleTypeAlike(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{
		{"  Paris ", "PARIS"}, {"New   York", "new\u00a0york"}, {"ﬁn", "FIN"}, {"Straße", "STRASSE"},
		{"é", "e\u0301"}, {"ＡＢＣ", "abc"}, {"a\tb\nc", "A B C"}, {"ΣΊΣΥΦΟΣ", "σίσυφος"}, {"\u2002x", "X"},
	} {
		if a, b := question.Fold(c[0], false), question.Fold(c[1], false); a != b {
			t.Errorf("%q folds to %q, %q to %q", c[0], a, c[1], b)
		}
	}
	for r := rune(0); r < 0x20000; r++ {
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			if a, b := question.Fold(string(r), false), question.Fold(string(other), false); a != b {
				t.Errorf("%q folds to %q, its other case %q to %q", r, a, other, b)
			}
		}
	}
	if question.Fold("ﬁn", true) != "fin" || question.Fold("ﬁn", true) == question.Fold("FIN", true) {
		t.Error("compatibility forms must be alike even where case counts")
	}
	if question.Fold("Paris", true) == question.Fold("paris", true) {
		t.Error("case was folded though it counts")
	}
	if question.Fold(" e\u0301  x", true) != "é x" {
		t.Error("white space and composition must be folded even where case counts")
	}
}

func TestFoldingTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		for _, sensitive := range []bool{true, false} {
			once := question.Fold(text, sensitive)
			if twice := question.Fold(once, sensitive); twice != once {
				t.Fatalf("%q folds to %q, then to %q", text, once, twice)
			}
		}
	})
}
