package sheet_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"

	"credlane/modules/imports/internal/sheet"
)

func TestCSVIsReadAsSpreadsheetsWriteIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ file, want string }{
		{"a,b\n1,2\n", `["a" "b"] ["1" "2"]`},
		{"a,b\r\n1,2", `["a" "b"] ["1" "2"]`},
		{"a,b\r1,2\r", `["a" "b"] ["1" "2"]`},
		{"a,b\n\n1,2\n", `["a" "b"] [] ["1" "2"]`},
		{"a,\"b\r\nc\",d\n", `["a" "b\r\nc" "d"]`},
		{`a,"say ""hi""",d`, `["a" "say \"hi\"" "d"]`},
		{`a,5" disk,d`, `["a" "5\" disk" "d"]`},
		{`a,"b"c,d`, `["a" "bc" "d"]`},
		{`a,"b\",d`, `["a" "b\\" "d"]`},
		{`"",x`, `["" "x"]`},
		{"\"\"\nx,y\n", `[""] ["x" "y"]`},
		{"a, b ,c\n", `["a" " b " "c"]`},
		{"a;b,5;c\n1;2,5;3\n", `["a" "b,5" "c"] ["1" "2,5" "3"]`},
		{"a;b, or c;d\n1;2;3\n4;5,5;6\n", `["a" "b, or c" "d"] ["1" "2" "3"] ["4" "5,5" "6"]`},
		{"a\tb, c\td\n", `["a" "b, c" "d"]`},
		{"sep=;\na;b\n1;2,3\n", `["a" "b"] ["1" "2,3"]`},
		{"\"sep=\t\"\r\na\tb\r\n", `["a" "b"]`},
		{"sep=;\r\na,b;c\r\n", `["a,b" "c"]`},
		{"a,b,c\n1\n1,2,3,4\n", `["a" "b" "c"] ["1"] ["1" "2" "3" "4"]`},
		{"\xEF\xBB\xBF\"a,b\",c\n", `["a,b" "c"]`},
	} {
		var got []string
		for _, r := range cellsOf(t, []byte(c.file), "a.csv", sheet.Options{}) {
			got = append(got, fmt.Sprintf("%q", r.cells))
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%q: %s, want %s", c.file, s, c.want)
		}
	}
}

func TestTheOptionsBeatWhatTheFileSays(t *testing.T) {
	t.Parallel()
	if got := cellsOf(t, []byte("sep=;\na;b,c\n"), "a.csv", sheet.Options{Delimiter: "comma"})[0].cells; !slices.Equal(got, []string{"a;b", "c"}) {
		t.Errorf("delimiter: %q", got)
	}
	if got := cellsOf(t, []byte("a,\xC3\xA9\n"), "a.csv", sheet.Options{Encoding: "cp1252"})[0].cells; !slices.Equal(got, []string{"a", "Ã©"}) {
		t.Errorf("encoding: %q", got)
	}
	for _, o := range []sheet.Options{{Delimiter: "#"}, {Encoding: "klingon"}} {
		if got := codeOf(t, []byte("a,b\n"), "a.csv", o); got != "unknown_delimiter" && got != "unknown_encoding" {
			t.Errorf("%v: %s", o, got)
		}
	}
	if got := codeOf(t, []byte("\xFF\xFEa\x00"), "a.csv", sheet.Options{Encoding: "utf-8"}); got != "wrong_encoding" {
		t.Errorf("a byte order mark against the option: %s", got)
	}
}

func TestTheEncodingIsFoundInTheWholeFile(t *testing.T) {
	t.Parallel()
	const text = "question,a\r\nWo fließt die Größe?,Öl\r\n"
	cyrillic := "вопрос,ответ\r\n" + strings.Repeat("Какой город столица?,Москва\r\n", 20)
	wide := func(e unicode.Endianness, b unicode.BOMPolicy, s string) string {
		out, err := unicode.UTF16(e, b).NewEncoder().String(s)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	western, err := charmap.Windows1252.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	late := strings.Repeat("a,b\n", 100_000) + "caf\xE9,c\n"
	for _, c := range []struct {
		file, encoding string
		bom            bool
		last           string
	}{
		{text, sheet.UTF8, false, "Öl"},
		{"\xEF\xBB\xBF" + text, sheet.UTF8, true, "Öl"},
		{wide(unicode.LittleEndian, unicode.UseBOM, text), sheet.UTF16LE, true, "Öl"},
		{wide(unicode.BigEndian, unicode.UseBOM, text), sheet.UTF16BE, true, "Öl"},
		{wide(unicode.LittleEndian, unicode.IgnoreBOM, text), sheet.UTF16LE, false, "Öl"},
		{wide(unicode.BigEndian, unicode.IgnoreBOM, text), sheet.UTF16BE, false, "Öl"},
		{wide(unicode.LittleEndian, unicode.IgnoreBOM, cyrillic), sheet.UTF16LE, false, "Москва"},
		{wide(unicode.BigEndian, unicode.UseBOM, cyrillic), sheet.UTF16BE, true, "Москва"},
		{western, sheet.Windows1252, false, "Öl"},
		{late[:40] + late[len(late)-8:], sheet.Windows1252, false, "c"},
	} {
		f, err := openBytes(t, []byte(c.file), "a.csv", sheet.Options{})
		if err != nil {
			t.Errorf("%.20q: %v", c.file, err)
			continue
		}
		rows, err := readAll(t.Context(), f)
		if err != nil || f.Encoding != c.encoding || f.BOM != c.bom || rows[len(rows)-1].cells[1] != c.last {
			t.Errorf("%.20q: %s (mark: %v) %q, %v; want %s %q", c.file, f.Encoding, f.BOM, rows[len(rows)-1].cells, err, c.encoding, c.last)
		}
	}
	if f, err := openBytes(t, []byte("it\u2019s,caf\xE9\nna\xEFve,b\n"), "a.csv", sheet.Options{}); err != nil || f.Encoding != sheet.UTF8 {
		t.Errorf("one good letter and two stray bytes: %v, %v", f, err)
	}
	if got := codeOf(t, []byte("\x96\xe2\x91\xe8,\x93\x9a\x81\x42\n"), "a.csv", sheet.Options{}); got != "unknown_encoding" {
		t.Errorf("Shift JIS: %q, want it refused, not garbled", got)
	}
}

func TestAFewStrayBytesDamageOnlyTheirRows(t *testing.T) {
	t.Parallel()
	file := "frage,antwort\nGröße,Öl\nÄpfel,Br\xFCcke\nSüß,Tür\nNUL,a\x00b\n"
	rows := cellsOf(t, []byte(file), "a.csv", sheet.Options{})
	var got []string
	for _, r := range rows {
		for _, f := range r.faults {
			got = append(got, fmt.Sprintf("row %d column %d %s", r.number, f.Column, f.Code))
		}
	}
	if want := []string{"row 3 column 2 invalid_utf8", "row 5 column 2 nul_character"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestRowsAndLinesAreCountedAsAPersonCountsThem(t *testing.T) {
	t.Parallel()
	f, err := openBytes(t, []byte("a,b\r\n\r\n\"x\r\ny\r\nz\",1\r\nlast,2\r\n"), "a.csv", sheet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for r, err := range f.Rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%d:%d", r.Number, r.Line))
	}
	if s := strings.Join(got, " "); s != "1:1 2:2 3:3 4:6" {
		t.Errorf("row:line %s", s)
	}
}

func TestABrokenCSVIsRefusedWithThePlace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file, code        string
		row, line, column int
	}{
		{"a,b\n1,\"2\n3,4\n", "unclosed_quote", 2, 2, 2},
		{"a,b\n1,\"2\n" + strings.Repeat("3,4\n", 50_000), "unclosed_quote", 2, 2, 2},
		{"a,b\n1," + strings.Repeat("x", 97<<10), "field_too_large", 2, 2, 2},
		{"a,b\n" + strings.Repeat(strings.Repeat("x", 60<<10)+",", 5), "row_too_large", 2, 2, 5},
		{"a,b\n" + strings.Repeat(",", 300) + "x\n", "too_many_columns", 2, 0, 0},
		{"a,b\n" + strings.Repeat("1,2\n", sheet.MaxRows+1), "too_many_rows", sheet.MaxRows + 2, 0, 0},
	} {
		f, err := openBytes(t, []byte(c.file), "a.csv", sheet.Options{Delimiter: ","})
		if err == nil {
			_, err = readAll(t.Context(), f)
		}
		ref, _ := err.(*sheet.Refusal)
		if ref == nil || ref.Code != c.code || ref.Row != c.row || ref.Line != c.line || ref.Column != c.column {
			t.Errorf("%.20q: %+v, want %s at row %d, line %d, column %d", c.file, ref, c.code, c.row, c.line, c.column)
		}
	}
	if got := codeOf(t, []byte("a,b\n"+strings.Repeat(",", 1_000_000)+"\n"), "a.csv", sheet.Options{}); got != "" {
		t.Errorf("a million empty cells: %s", got)
	}
}

func TestTwoPassesGiveTheSameRowsAndAnEarlyStopHarmsNothing(t *testing.T) {
	t.Parallel()
	f, err := openBytes(t, []byte("a,b\n1,2\n3,4\n"), "a.csv", sheet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range f.Rows(t.Context()) {
		break
	}
	one, err1 := readAll(t.Context(), f)
	two, err2 := readAll(t.Context(), f)
	if err1 != nil || err2 != nil || fmt.Sprint(one) != fmt.Sprint(two) || len(one) != 3 {
		t.Errorf("%v %v / %v %v", one, err1, two, err2)
	}
}

// writeCSV writes rows as RFC 4180 says, quoting what must be quoted.
func writeCSV(rows [][]string, delimiter, end string) string {
	var b strings.Builder
	for _, r := range rows {
		for i, c := range r {
			if i > 0 {
				b.WriteString(delimiter)
			}
			if strings.ContainsAny(c, "\"\r\n"+delimiter) || c == "" && len(r) == 1 {
				c = `"` + strings.ReplaceAll(c, `"`, `""`) + `"`
			}
			b.WriteString(c)
		}
		b.WriteString(end)
	}
	return b.String()
}

func TestWhatIsWrittenAsCSVIsReadBackByteForByte(t *testing.T) {
	t.Parallel()
	cell := rapid.OneOf(
		rapid.StringOfN(rapid.RuneFrom([]rune("ab,;\t\"\r\n ü漢😀\\'=")), 0, 12, -1),
		rapid.StringMatching(`[a-zA-Zà-ÿ0-9 ]{0,40}`),
	)
	rapid.Check(t, func(rt *rapid.T) {
		width := rapid.IntRange(2, 6).Draw(rt, "width")
		rows := rapid.SliceOfN(rapid.SliceOfN(cell, width, width), 1, 8).Draw(rt, "rows")
		rows = append([][]string{slices.Repeat([]string{"h"}, width)}, rows...)
		delimiter := rapid.SampledFrom([]string{",", ";", "\t"}).Draw(rt, "delimiter")
		text := writeCSV(rows, delimiter, rapid.SampledFrom([]string{"\n", "\r\n", "\r"}).Draw(rt, "end"))
		for _, enc := range []string{sheet.UTF8, sheet.UTF16LE, sheet.UTF16BE} {
			file := []byte(text)
			if enc != sheet.UTF8 {
				endian := unicode.LittleEndian
				if enc == sheet.UTF16BE {
					endian = unicode.BigEndian
				}
				var err error
				if file, err = unicode.UTF16(endian, unicode.IgnoreBOM).NewEncoder().Bytes(file); err != nil {
					rt.Fatal(err)
				}
			}
			got := cellsOf(t, file, "a.csv", sheet.Options{Delimiter: delimiter, Encoding: enc})
			if len(got) != len(rows) {
				rt.Fatalf("%s: %d rows, want %d", enc, len(got), len(rows))
			}
			for i := range rows {
				if !slices.Equal(got[i].cells, rows[i]) {
					rt.Fatalf("%s row %d: %q, want %q", enc, i+1, got[i].cells, rows[i])
				}
			}
		}
	})
}

func TestTextAcrossTheBordersOfBuffersStaysWhole(t *testing.T) {
	t.Parallel()
	const mark = "é漢😀\"\r\n&<]]>" // every length of UTF-8, and all that could be cut in two
	for _, pad := range []int{32 << 10, 64 << 10, 128 << 10} {
		for shift := range 24 {
			filler := strings.Repeat("x", 1000)
			var rows [][]string
			for n := pad - shift; n > 0; n -= 1003 {
				rows = append(rows, []string{filler[:min(1000, max(n-4, 1))], "b"})
			}
			rows = append(rows, []string{mark, mark}, []string{"end", mark})
			got := cellsOf(t, []byte(writeCSV(rows, ",", "\r\n")), "a.csv", sheet.Options{Delimiter: ","})
			for i, want := range rows {
				if !slices.Equal(got[i].cells, want) {
					t.Fatalf("CSV, border %d-%d, row %d: %q, want %q", pad, shift, i+1, got[i].cells, want)
				}
			}
		}
	}
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#13;")
	for shift := range 64 {
		var b bytes.Buffer
		var want []string
		for i := range 90 {
			text := strings.Repeat("x", 1000+shift) + mark + fmt.Sprint(i)
			want = append(want, text)
			fmt.Fprintf(&b, `<row><c t="inlineStr"><is><t>%s</t></is></c></row>`, escape.Replace(text))
		}
		for i, r := range cellsOf(t, zipped(t, book(b.String())), "a.xlsx", sheet.Options{}) {
			if r.cells[0] != want[i] {
				t.Fatalf("XLSX, shift %d, row %d: %q", shift, i+1, r.cells[0])
			}
		}
	}
}
