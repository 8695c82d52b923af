package rowcheck_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"credlane/modules/imports/internal/rowcheck"
	"credlane/modules/imports/internal/sheet"
)

type result struct {
	rep       *rowcheck.Report
	questions []*rowcheck.Question
	err       error
}

// run judges a CSV text.
func run(t testing.TB, text string, o rowcheck.Options) result {
	t.Helper()
	f, err := sheet.Open(t.Context(), strings.NewReader(text), int64(len(text)), "a.csv", sheet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var r result
	r.rep, r.err = rowcheck.Check(t.Context(), f, o, func(q *rowcheck.Question) error {
		r.questions = append(r.questions, q)
		return nil
	})
	return r
}

// good runs a file that must import.
func good(t testing.TB, text string, o rowcheck.Options) result {
	t.Helper()
	r := run(t, text, o)
	if r.err != nil {
		t.Fatalf("%.60q: %v", text, r.err)
	}
	return r
}

func (r result) errors() (out []string) {
	for _, e := range r.rep.Errors {
		out = append(out, fmt.Sprintf("%d%s %s", e.Row, e.Column, e.Code))
	}
	return out
}

func (r result) warnings() (out []string) {
	for _, e := range r.rep.Warnings {
		out = append(out, fmt.Sprintf("%d%s %s", e.Row, e.Column, e.Code))
	}
	return out
}

// key shows which options of a question are right: "a b* c".
func key(q *rowcheck.Question) string {
	var out []string
	for _, o := range q.Options {
		if o.Correct {
			o.Text += "*"
		}
		out = append(out, o.Text)
	}
	return strings.Join(out, " ")
}

func code(err error) string {
	var ref *sheet.Refusal
	var amb *rowcheck.AmbiguousError
	switch {
	case errors.As(err, &ref):
		return ref.Code
	case errors.As(err, &amb):
		return "ambiguous_answer_base"
	case err != nil:
		return err.Error()
	}
	return ""
}

func TestHeadersAreKnownByManyNames(t *testing.T) {
	t.Parallel()
	for _, header := range []string{
		"question,a,b,c,d,answer",
		"PROMPT,A,B,C,D,Key",
		"Question Text,Option 1,Option 2,Option 3,Option 4,Correct Answer",
		"question,option0,option1,option2,option3,correct_answer",
		"Question,Answer A,Answer B,Answer C,Answer D,Correct",
		"Question,1,2,3,4,Correct",
		"题目,选项A,选项B,选项C,选项D,正确答案",
		"問題文,選択肢1,選択肢2,選択肢3,選択肢4,正解",
		"Pergunta,Alternativa A,Alternativa B,Alternativa C,Alternativa D,Resposta correta",
		"Frage,Antwort A,Antwort B,Antwort C,Antwort D,Richtige Antwort",
		"Énoncé,Choix 1,Choix 2,Choix 3,Choix 4,Bonne réponse",
		"Pregunta,Opción A,Opción B,Opción C,Opción D,Respuesta correcta",
		"\"\tQuestion\n\",(a),(b),(c),(d),answer_key",
	} {
		r := good(t, header+"\nq,w,x,y,z,C\n", rowcheck.Options{})
		if !r.rep.Header || len(r.questions) != 1 || key(r.questions[0]) != "w x y* z" {
			t.Errorf("%s: header %v, mapping %v, errors %v", header, r.rep.Header, r.rep.Mapping, r.errors())
		}
	}
}

func TestColumnsComeInAnyOrderAndUnknownOnesAreLeftAlone(t *testing.T) {
	t.Parallel()
	r := good(t, "No,answer,text,refs,b,a,points,tags,difficulty,explanation,category\n1,B,q,[97.1],right,wrong,2.5,\"x; y\",hard,because,z\n", rowcheck.Options{})
	q := r.questions[0]
	if key(q) != "wrong right*" || q.Prompt != "q" || q.Points != 2_500 || !slices.Equal(q.Tags, []string{"x", "y", "z"}) || q.Difficulty != "hard" || q.Explanation != "because" {
		t.Errorf("%+v", q)
	}
	if _, used := r.rep.Mapping["D"]; used || r.rep.Mapping["C"] != "prompt" {
		t.Errorf("mapping %v", r.rep.Mapping)
	}
}

func TestAWeakNameGivesWayToAStrongOne(t *testing.T) {
	t.Parallel()
	if q := good(t, "item,question,a,b,answer\n7,real,x,y,A\n", rowcheck.Options{}).questions[0]; q.Prompt != "real" {
		t.Errorf("prompt %q", q.Prompt)
	}
}

func TestOneOptionsColumnIsSplit(t *testing.T) {
	t.Parallel()
	for _, cell := range []string{"x | y|z", "\"x\ny\nz\"", "\"x\r\ny\r\nz\r\n\""} {
		if r := good(t, "question,options,answer\nq,"+cell+",y\n", rowcheck.Options{}); len(r.questions) != 1 || key(r.questions[0]) != "x y* z" || r.rep.Warned != 0 {
			t.Errorf("%q: %v %v", cell, r.errors(), r.warnings())
		}
	}
}

func TestTheReadingOfTheAnswersIsChosenOnceForTheColumn(t *testing.T) {
	t.Parallel()
	const head = "question,a,b,c,d,answer\n"
	for _, c := range []struct{ rows, base, first string }{
		{"q,w,x,y,z,C\nr,w,x,y,z,a\n", "letter", "w x y* z"},
		{"q,w,x,y,z,2\nr,w,x,y,z,4\n", "1", "w x* y z"},
		{"q,w,x,y,z,2\nr,w,x,y,z,0\n", "0", "w x y* z"},
		{"q,w,x,y,z,y\nr,w,x,y,z,Z\n", "text", "w x y* z"},
		{"q,4,3,2,1,3\nr,7,8,9,0,9\n", "text", "4 3* 2 1"},
		{"q,w,x,y,z,\"A, C\"\nr,w,x,y,z,B;D\n", "letter", "w* x y* z"},
		{"q,w,x,y,z,1|4\nr,w,x,y,z,2\n", "1", "w* x y z*"},
		{"q,\"a, b\",c,d,e,\"a, b\"\nr,w,x,y,z,w;z\n", "text", "a, b* c d e"},
		{"q,w,x,y,z,Ａ\nr,w,x,y,z,(b)\n", "letter", "w* x y z"},
	} {
		r := run(t, head+c.rows, rowcheck.Options{})
		if r.err != nil || len(r.questions) != 2 || r.rep.AnswerBase != c.base || key(r.questions[0]) != c.first {
			t.Errorf("%q: %v, base %v, want %s %s", c.rows, r.err, r, c.base, c.first)
		}
	}
}

func TestALetterReadingNeverMatchesText(t *testing.T) {
	t.Parallel()
	// "b" in row 4 is the text of option a there; under the letter reading it is option b all the same.
	r := good(t, "question,a,b,c,answer\nq,w,x,y,A\nr,w,x,y,C\ns,b,x,y,b\nu,w,x,y,w\n", rowcheck.Options{})
	if r.rep.AnswerBase != "letter" || key(r.questions[2]) != "b x* y" {
		t.Errorf("base %s, %s", r.rep.AnswerBase, key(r.questions[2]))
	}
	if got := r.errors(); !slices.Equal(got, []string{"5E answer_not_an_option"}) {
		t.Errorf("errors %v", got)
	}
}

func TestATieThatWouldChangeAKeyIsAsked(t *testing.T) {
	t.Parallel()
	const file = "question,a,b,c,d,answer\nq,w,x,y,z,1\nr,w,x,y,z,2\n"
	r := run(t, file, rowcheck.Options{})
	var amb *rowcheck.AmbiguousError
	if !errors.As(r.err, &amb) {
		t.Fatalf("got %v, %v", r.rep, r.err)
	}
	var got []string
	for _, reading := range amb.Readings {
		for _, row := range reading.Rows {
			got = append(got, fmt.Sprintf("%s: row %d %q means %s", reading.AnswerBase, row.Row, row.Cell, row.Means))
		}
	}
	want := []string{`0: row 2 "1" means [x]`, `0: row 3 "2" means [y]`, `1: row 2 "1" means [w]`, `1: row 3 "2" means [x]`}
	if !slices.Equal(got, want) || amb.Column != "F" {
		t.Errorf("column %s: %q, want %q", amb.Column, got, want)
	}
	for base, first := range map[string]string{"0": "w x* y z", "1": "w* x y z"} {
		if q := good(t, file, rowcheck.Options{AnswerBase: base}).questions[0]; key(q) != first {
			t.Errorf("base %s: %s", base, key(q))
		}
	}
}

func TestATieThatChangesNothingIsNotAsked(t *testing.T) {
	t.Parallel()
	if r := run(t, "question,a,b,c,d,answer\nq,1,2,3,4,3\nr,1,2,3,4,4\n", rowcheck.Options{}); r.err != nil || key(r.questions[0]) != "1 2 3* 4" {
		t.Errorf("%v", r.err)
	}
}

func TestASecondAnswerColumnMustAgree(t *testing.T) {
	t.Parallel()
	r := good(t, "question,correct,a,b,c,d,correct_letter\nq,0,w,x,y,z,A\nr,2,w,x,y,z,C\ns,3,w,x,y,z,A\nu,1,w,x,y,z,\n", rowcheck.Options{})
	if got := r.errors(); !slices.Equal(got, []string{"4G answers_disagree"}) || r.rep.Accepted != 3 || r.rep.AnswerBase != "0" {
		t.Errorf("%v, base %s", got, r.rep.AnswerBase)
	}
	if got := good(t, "question,correct,a,b,correct_letter\nq,0,x,y,A\nr,1,x,y\n", rowcheck.Options{}).errors(); !slices.Equal(got, []string{"3 row_too_short"}) {
		t.Errorf("a row cut before its second answer: %v", got)
	}
	// 1 and 2 alone could count from 0 or from 1; the letters decide.
	if r := run(t, "question,correct,a,b,c,d,correct_letter\nq,1,w,x,y,z,B\nr,2,w,x,y,z,C\n", rowcheck.Options{}); r.err != nil || r.rep.AnswerBase != "0" {
		t.Errorf("%v", r.err)
	}
}

func TestLettersCountColumnsEvenWhereAnOptionIsEmpty(t *testing.T) {
	t.Parallel()
	r := good(t, "question,a,b,c,d,answer\nq,w,,y,z,C\nr,w,,y,z,B\ns,w,x,y,z,D\n", rowcheck.Options{})
	if key(r.questions[0]) != "w y* z" || !slices.Equal(r.errors(), []string{"3F answer_not_an_option"}) {
		t.Errorf("%s %v", key(r.questions[0]), r.errors())
	}
}

func TestPointsOfOptionsAreTheKey(t *testing.T) {
	t.Parallel()
	r := good(t, "question,answer a,answer b,answer c,points a,points b,points c\none,x,y,z,0,2,0\nall,x,y,z,1,0,1\nodd,x,y,z,1,2,0\nnone,x,y,z,0,0,0\ngap,x,y,,0,0,1\nbad,x,y,z,-1,0,1\n", rowcheck.Options{})
	if q := r.questions[0]; key(q) != "x y* z" || q.Type != rowcheck.SingleChoice || q.Points != 2_000 {
		t.Errorf("%+v", q)
	}
	if q := r.questions[1]; key(q) != "x* y z*" || q.Type != rowcheck.MultipleChoice || q.Points != 1_000 || q.CreditRule != "exact" {
		t.Errorf("%+v", q)
	}
	if got := r.warnings(); !slices.Equal(got, []string{"3G several_with_points"}) {
		t.Errorf("warnings %v", got)
	}
	if got := r.errors(); !slices.Equal(got, []string{"4F option_weights", "5 answer_missing", "6G answer_not_an_option", "7E points_invalid"}) {
		t.Errorf("errors %v", got)
	}
}

func TestAFileWithoutHeaderIsRecognisedAndSaidSo(t *testing.T) {
	t.Parallel()
	r := good(t, "What?,w,x,y,z,A\nWho?,w,x,y,z,D\nDone\n", rowcheck.Options{})
	if r.rep.Header || r.rep.Accepted != 2 || r.rep.Mapping["F"] != "answer" || r.questions[0].Row != 1 {
		t.Errorf("%+v", r.rep)
	}
	if got := r.errors(); !slices.Equal(got, []string{"3 row_too_short", "3 options_too_few"}) {
		t.Errorf("errors %v", got)
	}
	for _, file := range []string{"What?,w,x,y,z,A\nWho?,w,x,y,z,nobody\n", "a,b\n1,2\n", "Name,City,Age,Sex\nAnn,Rome,33,f\n", "SingleLine\n"} {
		if r := run(t, file, rowcheck.Options{}); code(r.err) != "columns_not_recognised" {
			t.Errorf("%q: %v", file, r.err)
		}
	}
}

func TestHeaderAndMappingDecide(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	mapping, err := rowcheck.ParseMapping(`{"b": "prompt", "3": "answer", "A": "tags"}`)
	if err != nil {
		t.Fatal(err)
	}
	r := good(t, "x,What?,this\ny,Who?,that\n", rowcheck.Options{Header: &no, Mapping: mapping})
	if r.rep.Accepted != 2 || r.questions[0].Type != rowcheck.ShortText || r.questions[0].Tags[0] != "x" {
		t.Errorf("%+v %v", r.rep, r.questions)
	}
	if r = good(t, "Thema,Worum,Darum\nx,What?,this\n", rowcheck.Options{Header: &yes, Mapping: mapping}); r.rep.Accepted != 1 || r.questions[0].Prompt != "What?" {
		t.Errorf("%+v", r.rep)
	}
	if r := run(t, "question,a,b,answer\nquestion,a,b,A\n", rowcheck.Options{Header: &no}); code(r.err) != "columns_not_recognised" {
		t.Errorf("a header declared to be none: %v", r.err)
	}
	over, err := rowcheck.ParseMapping(`{"E": "answer", "D": "ignore"}`)
	if err != nil {
		t.Fatal(err)
	}
	if r = good(t, "question,a,b,answer,really\nq,x,y,A,B\n", rowcheck.Options{Mapping: over}); key(r.questions[0]) != "x y*" {
		t.Errorf("%v", r.rep.Mapping)
	}
}

func TestOptionsUnderUnknownNamesAreNotTakenForShortTexts(t *testing.T) {
	t.Parallel()
	if r := run(t, "question,premier,second,third,answer\nq,x,y,z,A\nr,x,y,z,C\n", rowcheck.Options{}); code(r.err) != "columns_not_recognised" {
		t.Errorf("%v %v", r.rep, r.err)
	}
	if r := run(t, "question,source,page,answer\nq,x,7,A\nr,x,8,Rome\n", rowcheck.Options{}); r.err != nil || r.rep.Accepted != 2 {
		t.Errorf("%v %v", r.rep, r.err)
	}
}

func TestTypesAreInferredAndDeclared(t *testing.T) {
	t.Parallel()
	r := good(t, "question,a,b,answer,type,tolerance,case sensitive,credit rule\n"+
		"s,x,y,A,,,,\nm,x,y,A;B,,,,\nm1,x,y,A,multiple choice,,,right_minus_wrong\nt,,,Yes,true/false,,,\nf,,,falsch,boolean,,,\n"+
		"n,,,\"1,50\",numeric,5%,,\nn2,,,-2,,0.5,,\nw,,,Paris | paris;PARIS,short answer,,true,\nk,,,\"Washington, D.C.\",short_text,,,\n", rowcheck.Options{AnswerBase: "letter"})
	if len(r.errors()) > 0 {
		t.Fatal(r.errors())
	}
	var got []string
	for _, q := range r.questions {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s%v %s%s%s %s", q.Prompt, q.Type, key(q), q.True, q.Value, q.Tolerance, q.ToleranceKind, strings.Join(q.Accepted, "/"))))
	}
	want := []string{
		"s single_choice x* yfalse", "m multiple_choice x* y*false", "m1 multiple_choice x* yfalse", "t true_false true", "f true_false false",
		"n numeric false 1.505percent", "n2 numeric false -20.5absolute", "w short_text false  Paris/paris/PARIS", "k short_text false  Washington, D.C.",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
	if !r.questions[7].CaseSensitive || r.questions[2].CreditRule != "right_minus_wrong" {
		t.Error("case sensitivity or credit rule lost")
	}
}

func TestWhatCannotBeAQuestionIsAnErrorWithItsPlace(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("é", n) }
	for _, c := range []struct{ row, want string }{
		{"q,x,y,A,1,,", ""},
		{",x,y,A,1,,", "3A prompt_missing"},
		{"q,x,,A,1,,", "3 options_too_few"},
		{"q,x,y,,1,,", "3D answer_missing"},
		{"q,x,y,E,1,,", "3D answer_not_an_option"},
		{"q,x,y,A,1001,,", "3E points_invalid"},
		{"q,x,y,A,1.0005,,", "3E points_invalid"},
		{"q,x,y,A,-1,,", "3E points_invalid"},
		{"q,x,y,A,1000,,", ""},
		{"q,x,y,A,0,,", ""},
		{"q,x,y,A,1,essay,", "3F type_unknown"},
		{"q,x,y,A;B,1,single,", "3D several_answers"},
		{"q,,,maybe,1,true_false,", "3D answer_not_true_or_false"},
		{"q,,,1.2.3,1,numeric,", "3D answer_not_a_number"},
		{"q,,,,1,short_text,", "3D answer_missing"},
		{"q,,," + strings.Repeat("a;b;", 10) + "c,1,short_text,", "3D answers_too_many"},
		{"q,,," + long(1001) + ",1,short_text,", "3D answer_too_long"},
		{"q,,," + long(1000) + ",1,short_text,", ""},
		{long(20_001) + ",x,y,A,1,,", "3A prompt_too_long"},
		{long(20_000) + ",x,y,A,1,,", ""},
		{"q," + long(4_001) + ",y,A,1,,", "3B option_too_long"},
		{"q,x,y,A,1,," + strings.Repeat("t;", 21), "3G tags_too_many"},
		{"q,x,y,A,1,," + long(61), "3G tag_too_long"},
		{"q\x07,x,y,A,1,,", "3A control_character"},
		{"q\u0085z,x,y,A,1,,", "3A control_character"},
		{"q\tr,x,y,A,1,,", ""},
		{"q\x00,x,y,A,1,,", "3A nul_character"},
		{"q\xFFéé,x,y,A,1,,", "3A invalid_utf8"},
		{"q,x,y,A", ""},
		{"q,x,y", "3 row_too_short|3D answer_missing"},
		{"q,x,y,A,1,,,", ""},
		{"q,x,y,A,1,,,stray", "3 row_too_long"},
		{"Done", "3 row_too_short|3 options_too_few"},
	} {
		r := good(t, "question,a,b,answer,points,type,tags\nfirst,x,y,A,1,,\n"+c.row+"\nlast,x,y,B,1,,\n", rowcheck.Options{AnswerBase: "letter"})
		if got := strings.Join(r.errors(), "|"); got != c.want {
			t.Errorf("%.40q: %q, want %q", c.row, got, c.want)
		}
		for _, e := range r.rep.Errors {
			if !strings.HasPrefix(e.Message, "Row 3") || !strings.HasSuffix(e.Message, ".") && !strings.HasSuffix(e.Message, ")") {
				t.Errorf("message %q", e.Message)
			}
		}
	}
}

func TestWhatIsLegalButSuspiciousIsAWarning(t *testing.T) {
	t.Parallel()
	r := good(t, "question,a,b,c,answer,tags\nq,x ,y,x,A,t\nq,x,y,z,B,t\n Q ,x,y,z,C,t\nno options,,,,B,t\ndamaged \uFFFD,x,y,z,A,t\nshort,x,y,z,A\n", rowcheck.Options{AnswerBase: "letter"})
	want := []string{"2B option_spaces", "2D duplicate_option", "3A duplicate_question", "5 no_options", "6A replacement_character", "7 row_too_short"}
	if got := r.warnings(); !slices.Equal(got, want) || r.rep.Warned != 5 || r.rep.Accepted != 6 {
		t.Errorf("%v, %d warned, %d accepted (%v)", got, r.rep.Warned, r.rep.Accepted, r.errors())
	}
	if q := r.questions[0]; q.Options[0].Text != "x" {
		t.Errorf("the blanks were kept: %q", q.Options[0].Text)
	}
}
