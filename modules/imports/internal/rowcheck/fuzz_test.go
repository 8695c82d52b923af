package rowcheck_test

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"credlane/modules/imports/internal/rowcheck"
	"credlane/modules/imports/internal/sheet"
)

// FuzzRowcheck: whatever the rows and the options say, each row is accepted or rejected, a rejected row has a reason, and an
// accepted one keeps the bounds of a question.
func FuzzRowcheck(f *testing.F) {
	f.Add("question,a,b,answer\nq,x,y,A\n", "", "", "", "")
	f.Add("q,w,x,y,z,1\nr,w,x,y,z,2\n", "false", `{"A":"prompt","F":"answer"}`, "1", "2")
	f.Add("text;options;key;type;tolerance\nq;x|y|z;y;;\nn;;1,5;numeric;5%\n", "true", "", "text", "")
	f.Add("Question,Answer A,Answer B,Points A,Points B\nq,x,y,1,1\nDone\n", "", "", "", "1-1")
	f.Fuzz(func(t *testing.T, text, header, mapping, base, skip string) {
		o, err := rowcheck.ParseOptions(func(name string) string {
			return map[string]string{"header": header, "mapping": mapping, "answerBase": base, "skipRows": skip}[name]
		})
		if err != nil {
			return
		}
		s, err := sheet.Open(t.Context(), strings.NewReader(text), int64(len(text)), "a.csv", sheet.Options{})
		if err != nil {
			return
		}
		questions := 0
		rep, err := rowcheck.Check(t.Context(), s, o, func(q *rowcheck.Question) error {
			questions++
			mustBeSound(t, q)
			return nil
		})
		var ref *sheet.Refusal
		var amb *rowcheck.AmbiguousError
		if err != nil {
			if !errors.As(err, &ref) && !errors.As(err, &amb) {
				t.Fatalf("not a refusal: %v", err)
			}
			return
		}
		if rep.Accepted != questions || rep.Rejected > rep.ErrorCount || rep.Warned > rep.WarningCount || len(rep.Errors) > 1_000 || rep.Warned > rep.Accepted {
			t.Fatalf("%d questions, %+v", questions, rep)
		}
	})
}

func mustBeSound(t *testing.T, q *rowcheck.Question) {
	text := []string{q.Prompt, q.Explanation, q.Difficulty}
	right := 0
	for _, o := range q.Options {
		text = append(text, o.Text)
		if o.Correct {
			right++
		}
		if o.Text == "" || utf8.RuneCountInString(o.Text) > rowcheck.MaxOption {
			t.Fatalf("option %q", o.Text)
		}
	}
	text = append(append(text, q.Accepted...), q.Tags...)
	for _, s := range text {
		if !utf8.ValidString(s) || strings.ContainsFunc(s, func(c rune) bool { return unicode.IsControl(c) && c != '\n' && c != '\t' }) || s != strings.TrimSpace(s) {
			t.Fatalf("text %q", s)
		}
	}
	choice := q.Type == rowcheck.SingleChoice || q.Type == rowcheck.MultipleChoice
	switch {
	case q.Prompt == "" || q.Row < 1 || q.Points < 0 || q.Points > rowcheck.MaxPoints,
		choice && (len(q.Options) < 2 || len(q.Options) > rowcheck.MaxOptions || right < 1),
		q.Type == rowcheck.SingleChoice && right != 1,
		q.Type == rowcheck.MultipleChoice && q.CreditRule == "",
		!choice && len(q.Options) > 0,
		q.Type == rowcheck.ShortText && (len(q.Accepted) < 1 || len(q.Accepted) > rowcheck.MaxAccepted),
		q.Type == rowcheck.Numeric && (q.Value == "" || q.Tolerance == "" || q.ToleranceKind == ""):
		t.Fatalf("%+v", q)
	}
}

// TestAKeyMeansTheSameHoweverItIsWritten writes one bank in every notation of its key; the keys that are read must be equal.
func TestAKeyMeansTheSameHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		options := rapid.IntRange(2, 8).Draw(rt, "options")
		keys := rapid.SliceOfN(rapid.SliceOfNDistinct(rapid.IntRange(0, options-1), 1, options, rapid.ID[int]), 1, 12).Draw(rt, "keys")
		keys = append(keys, []int{0}, []int{options - 1}) // both ends occur, so that no number can count from elsewhere
		sep := rapid.SampledFrom([]string{";", " ; ", "|"}).Draw(rt, "separator")
		for base, write := range map[string]func(int) string{
			"letter": func(i int) string { return string(rune('A' + i)) },
			"0":      func(i int) string { return string(rune('0' + i)) },
			"1":      func(i int) string { return string(rune('1' + i)) },
			"text":   func(i int) string { return "option no " + string(rune('p'+i)) },
		} {
			var b strings.Builder
			b.WriteString("question")
			for i := range options {
				b.WriteString(",option " + string(rune('a'+i)))
			}
			b.WriteString(",answer\n")
			for _, k := range keys {
				b.WriteString("q")
				for i := range options {
					b.WriteString(",option no " + string(rune('p'+i)))
				}
				var cells []string
				for _, i := range k {
					cells = append(cells, write(i))
				}
				b.WriteString("," + strings.Join(cells, sep) + "\n")
			}
			r := run(t, b.String(), rowcheck.Options{})
			if r.err != nil || r.rep.AnswerBase != base || len(r.questions) != len(keys) {
				rt.Fatalf("%s: %v %+v\n%s", base, r.err, r.rep, b.String())
			}
			for n, q := range r.questions {
				for i, o := range q.Options {
					want := false
					for _, k := range keys[n] {
						want = want || k == i
					}
					if o.Correct != want {
						rt.Fatalf("%s: question %d, option %d is right: %v", base, n+1, i+1, o.Correct)
					}
				}
			}
		}
	})
}
