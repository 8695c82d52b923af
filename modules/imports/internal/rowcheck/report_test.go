package rowcheck_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"credlane/app/kit/corpustest"
	"credlane/modules/imports/internal/rowcheck"
	"credlane/modules/imports/internal/sheet"
)

func TestBlankRowsAreSkippedAndRowsLeftOutByName(t *testing.T) {
	t.Parallel()
	file := "question,a,b,answer\n\nq,x,y,A\n , ,,\nDone\nr,x,y,B\n"
	if r := good(t, file, rowcheck.Options{}); r.rep.Accepted != 2 || r.rep.Rejected != 1 || r.rep.Errors[0].Row != 5 {
		t.Errorf("%+v", r.rep)
	}
	if r := good(t, file, rowcheck.Options{SkipRows: []int{5}}); r.rep.Accepted != 2 || r.rep.Rejected != 0 {
		t.Errorf("%+v", r.rep)
	}
}

func TestEditsAreMadeBeforeJudging(t *testing.T) {
	t.Parallel()
	file := "frag,a,b,answer\nq,x,y,C\nr,x,y,B\ns,x,\xFFé,A\n"
	edits := []rowcheck.Edit{{Row: 1, Column: 1, Value: "question"}, {Row: 2, Column: 4, Value: "A"}, {Row: 4, Column: 3, Value: "mended"}}
	if r := good(t, file, rowcheck.Options{Edits: edits}); r.rep.Accepted != 3 || len(r.questions) != 3 || key(r.questions[2]) != "x* mended" {
		t.Errorf("%+v", r.rep)
	}
	if r := run(t, file, rowcheck.Options{Edits: append(edits, rowcheck.Edit{Row: 99, Column: 1, Value: "x"})}); code(r.err) != "edit_not_found" {
		t.Errorf("%v", r.err)
	}
}

func TestTheFirstThousandErrorsAreKeptAndAllAreCounted(t *testing.T) {
	t.Parallel()
	r := good(t, "question,a,b,answer\nq,x,y,A\n"+strings.Repeat(",x,y,E\n", 1_500), rowcheck.Options{AnswerBase: "letter"})
	if r.rep.Rejected != 1_500 || r.rep.ErrorCount != 3_000 || len(r.rep.Errors) != 1_000 {
		t.Errorf("%d rejected, %d errors, %d kept", r.rep.Rejected, r.rep.ErrorCount, len(r.rep.Errors))
	}
}

func TestFilesWithoutDataAreRefused(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"question,a,b,answer\n": "no_rows",
		"question\nq\n":         "columns_not_recognised",
		"question,a,b,answer\n" + strings.Repeat("q,x,y,A\n", 50_001): "too_many_rows",
	} {
		if r := run(t, file, rowcheck.Options{AnswerBase: "letter"}); code(r.err) != want {
			t.Errorf("%.30q: %v, want %s", file, r.err, want)
		}
	}
}

func TestErrorCellsMatterOnlyWhereTheColumnIsUsed(t *testing.T) {
	t.Parallel()
	dir, _, ok := corpustest.Load(t)
	if !ok {
		return
	}
	f := openBank(t, dir, "xlsx_torture/calamine_errors.xlsx", "")
	no := false
	mapping, err := rowcheck.ParseMapping(`{"A": "prompt", "B": "answer"}`)
	if err != nil {
		t.Fatal(err)
	}
	rep, err := rowcheck.Check(t.Context(), f, rowcheck.Options{Header: &no, Mapping: mapping}, nil)
	if err != nil || rep.Rejected != 7 || rep.Errors[0].Code != "cell_error" || rep.Errors[0].Column != "A" {
		t.Errorf("%+v, %v", rep, err)
	}
}

func TestTheQuestionWhoseKeyNamesNoOptionIsRejectedForBothReasons(t *testing.T) {
	t.Parallel()
	dir, _, ok := corpustest.Load(t)
	if !ok {
		return
	}
	rep, err := rowcheck.Check(t.Context(), openBank(t, dir, "banks_xlsx/thermoquiz_questions_pt.xlsx", ""), rowcheck.Options{}, nil)
	if err != nil || rep.Accepted != 0 || rep.Rejected != 1 || len(rep.Errors) != 2 ||
		rep.Errors[0].Code != "options_too_few" || rep.Errors[1].Code != "answer_not_an_option" || rep.Errors[1].Row != 2 {
		t.Errorf("%+v, %v", rep, err)
	}
}

func TestOptionsAreParsedOrRefusedInWords(t *testing.T) {
	t.Parallel()
	form := func(pairs ...string) (rowcheck.Options, error) {
		return rowcheck.ParseOptions(func(name string) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == name {
					return pairs[i+1]
				}
			}
			return ""
		})
	}
	o, err := form("header", "false", "mapping", `{"AA":"prompt"}`, "answerBase", "0", "skipRows", "3, 10-12", "edits", `[{"row":2,"column":"C","value":"x"},{"row":2,"column":4,"value":"y"}]`)
	if err != nil || *o.Header || o.Mapping[27] != "prompt" || !slices.Equal(o.SkipRows, []int{3, 10, 11, 12}) || o.Edits[0].Column != 3 || o.Edits[1].Column != 4 {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err := form("skipRows", "[4, 5]"); err != nil || !slices.Equal(o.SkipRows, []int{4, 5}) {
		t.Errorf("%+v, %v", o, err)
	}
	for _, c := range [][]string{{"header", "maybe"}, {"mapping", "[]"}, {"mapping", `{"1":"nonsense"}`}, {"mapping", `{"0":"prompt"}`}, {"mapping", `{"A":"prompt","B":"prompt"}`},
		{"mapping", `{"A":"prompt","1":"answer"}`}, {"answerBase", "2"}, {"skipRows", "x"}, {"skipRows", "5-1"}, {"skipRows", "1-99999999"}, {"edits", "{}"}, {"edits", `[{"row":0,"column":1}]`}, {"edits", `[{"row":1,"column":"?"}]`}} {
		if _, err := form(c...); code(err) != "invalid_option" && code(err) != "invalid_mapping" {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func TestAPassThatFailsInTheCalleeEnds(t *testing.T) {
	t.Parallel()
	text := "question,a,b,answer\nq,x,y,A\nr,x,y,B\n"
	f, err := sheet.Open(t.Context(), bytes.NewReader([]byte(text)), int64(len(text)), "a.csv", sheet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	stop, calls := errors.New("stop"), 0
	if _, err := rowcheck.Check(t.Context(), f, rowcheck.Options{}, func(*rowcheck.Question) error { calls++; return stop }); !errors.Is(err, stop) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}
