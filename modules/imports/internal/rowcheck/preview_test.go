package rowcheck_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"credlane/modules/imports/internal/rowcheck"
)

// states shows a preview: "2 right, 4 wrong".
func states(p *rowcheck.Preview) string {
	var out []string
	for _, r := range p.Rows {
		out = append(out, fmt.Sprintf("%d %s", r.Row, r.State))
	}
	return strings.Join(out, ", ")
}

func TestAPreviewHoldsEveryWrongRowWhereverItStands(t *testing.T) {
	t.Parallel()
	file := "question,a,b,answer\n" + strings.Repeat("q,x,y,A\n", 3) + "late,x,y,E\n" + strings.Repeat("r,x,y,B\n", 3) + "s, x,y,B\nlast,x,y,F\n"
	for _, c := range []struct {
		rows, from int
		want       string
	}{
		{2, 0, "2 right, 3 odd, 4 odd, 5 wrong, 6 right, 7 odd, 8 odd, 9 odd, 10 wrong"},
		{1, 6, "3 odd, 4 odd, 5 wrong, 6 right, 7 odd, 8 odd, 9 odd, 10 wrong"},
	} {
		r := good(t, file, rowcheck.Options{AnswerBase: "letter", Preview: c.rows, PreviewFrom: c.from})
		if got := states(r.rep.Preview); got != c.want {
			t.Errorf("%d from %d: %s", c.rows, c.from, got)
		}
		p := r.rep.Preview
		if p.HeaderRow != 1 || !slices.Equal(p.HeaderCells, []string{"question", "a", "b", "answer"}) || p.LastRow != 10 {
			t.Errorf("%+v", p)
		}
	}
	if r := good(t, file, rowcheck.Options{AnswerBase: "letter"}); r.rep.Preview != nil {
		t.Error("a preview that nobody asked for")
	}
}

func TestAPreviewShowsTheRowsAsTheyWereMended(t *testing.T) {
	t.Parallel()
	r := good(t, "question,a,b,answer\nq,x,y,E\nr,x,y,B\n", rowcheck.Options{AnswerBase: "letter", Preview: 5, Edits: []rowcheck.Edit{{Row: 2, Column: 4, Value: "A"}}})
	if got := r.rep.Preview.Rows[0]; got.State != rowcheck.RowRight || got.Cells[3] != "A" {
		t.Errorf("%+v", got)
	}
}

func TestAPreviewIsBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 5_000)
	r := good(t, "question,a,b,answer\n"+strings.Repeat(long+",x,y,E\n", 1_500)+strings.Repeat(long+",x,y,A\n", 500), rowcheck.Options{AnswerBase: "letter", Preview: 200})
	p := r.rep.Preview
	if len(p.Rows) != 1_000+200+200 { // the rows of the kept errors, the repeated ones that are shown as odd, and those that are asked for
		t.Errorf("%d rows", len(p.Rows))
	}
	size, whole := 0, 0
	for _, row := range p.Rows {
		size += len(row.Cells[0])
		if !slices.Equal(row.Cut, []string{"A"}) {
			t.Fatalf("row %d does not say that it was cut: %v", row.Row, row.Cut)
		}
		if len(row.Cells[0]) > 8_000 {
			whole++
		}
	}
	if size > 3<<20 || whole < 200 {
		t.Errorf("%d bytes, %d cells to mend", size, whole)
	}
	for _, n := range []int{-1, 201} {
		if r := run(t, "question,a,b,answer\nq,x,y,A\n", rowcheck.Options{Preview: n}); code(r.err) != "invalid_option" {
			t.Errorf("%d rows: %v", n, r.err)
		}
	}
}

func TestAQuestionToThePersonComesWithTheFirstRows(t *testing.T) {
	t.Parallel()
	r := run(t, "eins,zwei,drei\nHTTPS?,443,80\nSSH?,22,23\n", rowcheck.Options{})
	var unknown *rowcheck.UnknownColumnsError
	if !errors.As(r.err, &unknown) || code(r.err) != "columns_not_recognised" || len(unknown.Preview.Rows) != 3 || unknown.Preview.Rows[0].Cells[1] != "zwei" {
		t.Errorf("%+v", r.err)
	}
	r = run(t, "question,a,b,c,answer\nq,0,1,2,1\nr,2,0,1,1\n", rowcheck.Options{})
	var ambiguous *rowcheck.AmbiguousError
	if !errors.As(r.err, &ambiguous) || len(ambiguous.Preview.Rows) != 2 || ambiguous.Mapping["E"] != "answer" || ambiguous.Preview.HeaderCells[4] != "answer" {
		t.Errorf("%+v", r.err)
	}
}

func TestEditsMayEmptyARow(t *testing.T) {
	t.Parallel()
	r := good(t, "question,a,b,answer\nq,x,y,A\nDone\n", rowcheck.Options{Edits: []rowcheck.Edit{{Row: 3, Column: 1, Value: ""}}})
	if r.rep.Accepted != 1 || r.rep.Rejected != 0 {
		t.Errorf("%+v", r.rep)
	}
}

// fixOf judges one row below a header and gives the fix of its first error, "-" where there is none.
func fixOf(t *testing.T, header, row string, o rowcheck.Options) string {
	t.Helper()
	r := good(t, header+"\n"+row+"\n", o)
	if len(r.rep.Errors) == 0 {
		t.Fatalf("%s is right", row)
	}
	if r.rep.Errors[0].Fix == nil {
		return "-"
	}
	return r.rep.Errors[0].Fix.Value
}

func TestOnlySureFixesAreOffered(t *testing.T) {
	t.Parallel()
	const typed, choice = "question,type,answer,points,tolerance", "question,a,b,c,answer"
	for _, c := range []struct{ header, base, row, want string }{
		{typed, "", "q,true_false,Treu,1,", "TRUE"},
		{typed, "", "q,true_false,flase,1,", "FALSE"},
		{typed, "", "q,true_false,perhaps,1,", "-"},
		{typed, "", "q,true_false,,1,", "-"},
		{typed, "", "q,truefalse?,TRUE,three,", "3"},
		{typed, "", "q,short_text,x,2 points,", "2"},
		{typed, "", "q,short_text,x,two or three,", "-"},
		{typed, "", "q,short_text,x,2000,", "-"},
		{typed, "", "q,short_txt,x,1,", "short_text"},
		{typed, "", "q,essay,x,1,", "-"},
		{typed, "", "q,numeric,42 km,1,", "42"},
		{typed, "", `q,numeric,"1,234.5",1,`, "1234.5"},
		{typed, "", `q,numeric,"1.234,5",1,`, "1234.5"},
		{typed, "", "q,numeric,1 234,1,", "1234"},
		{typed, "", `q,numeric,"1,2,3",1,`, "-"},
		{typed, "", "q,numeric,12 34,1,", "-"},
		{typed, "", "q,numeric,3 to 4,1,", "-"},
		{choice, "letter", "q,Bern,Rome,,Option B", "B"},
		{choice, "letter", "q,Bern,Rome,,Option C", "-"},
		{choice, "letter", "q,Bern,Rome,,rome", "B"},
		{choice, "letter", "q,Bern,Rome,,E", "-"},
		{choice, "letter", "q,1,2,,2", "-"},
		{choice, "1", "q,Bern,Rome,,Answer 2", "2"},
		{choice, "0", "q,Bern,Rome,,Rome", "1"},
		{choice, "0", "q,Bern,Rome,,Option 1", "-"},
		{choice, "text", "q,Bern,Rome,,rome.", "Rome"},
		{choice, "text", "q,C++,C#,,c", "-"},
		{choice, "text", "q,Bern,Rome,,Paris", "-"},
		{choice, "letter", "q\x01,Bern,Rome,,A", "q"},
		{choice, "letter", "q,Bern,\u200b,,A", ""},
	} {
		if got := fixOf(t, c.header, c.row, rowcheck.Options{AnswerBase: c.base}); got != c.want {
			t.Errorf("%q: %q, want %q", c.row, got, c.want)
		}
	}
}
