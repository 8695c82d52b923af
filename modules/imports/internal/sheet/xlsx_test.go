package sheet_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/unicode"

	"credlane/modules/imports/internal/sheet"
)

func TestEachKindOfCellIsReadAsTheSheetShowsIt(t *testing.T) {
	t.Parallel()
	styles := part{name: "xl/styles.xml", text: xmlHead + `<styleSheet><numFmts><numFmt numFmtId="164" formatCode="yyyy\-mm\-dd"/><numFmt numFmtId="165" formatCode="0.0&quot; V&quot;"/></numFmts>` +
		`<cellStyleXfs><xf numFmtId="10"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="9"/><xf numFmtId="165"/><xf numFmtId="2"/></cellXfs><dxfs><dxf><numFmt numFmtId="164" formatCode="0"/></dxf></dxfs></styleSheet>`}
	strings := part{name: "xl/sharedStrings.xml", text: xmlHead + `<sst><si><t xml:space="preserve"> plain </t></si><si><r><t>ri</t></r><r><rPr><b/></rPr><t>ch</t></r><rPh sb="0" eb="1"><t>phonetic</t></rPh></si>` +
		`<si><t>a_x000D_&#10;b _x005F_x000D_ &lt;i&gt; _xD83D__xDE00_ _xZZZZ_</t></si><si/></sst>`}
	for _, c := range []struct{ cell, want string }{
		{`<c t="s"><v>0</v></c>`, " plain "},
		{`<c t="s"><v> 1 </v></c>`, "rich"},
		{`<c t="s"><v>2</v></c>`, "a\r\nb _x000D_ <i> 😀 _xZZZZ_"},
		{`<c t="s"><v>3</v></c>`, ""},
		{`<c t="inlineStr"><is><t>in</t><r><t>line</t></r></is></c>`, "inline"},
		{`<c t="inlineStr"><is><t><![CDATA[<b>&amp;]]></t></is></c>`, "<b>&amp;"},
		{`<c t="str"><f>A1&amp;"x"</f><v>abc_x000D_` + "\r\n" + `def</v></c>`, "abc\r\ndef"},
		{`<c t="b"><v>1</v></c>`, "TRUE"},
		{`<c t="b"><v>0</v></c>`, "FALSE"},
		{`<c><f>1+1</f><v>2</v></c>`, "2"},
		{`<c><v>1.0</v></c>`, "1"},
		{`<c><v>0.30000000000000004</v></c>`, "0.3"},
		{`<c s="1"><v>43831</v></c>`, "2020-01-01"},
		{`<c s="2"><v>0.5</v></c>`, "50%"},
		{`<c s="3"><v>1.25</v></c>`, "1.3 V"},
		{`<c s="4"><v>2</v></c>`, "2.00"},
		{`<c s="99"><v>7</v></c>`, "7"},
		{`<c t="d"><v>2021-01-01</v></c>`, "2021-01-01"},
		{`<c t="e"><v>#N/A</v></c>`, "#N/A"},
		{`<x:c xmlns:x="y" t="inlineStr"><x:is><x:t>prefix</x:t></x:is></x:c>`, "prefix"},
		{`<c><extLst><ext><v>no</v></ext></extLst><v>4</v></c>`, "4"},
	} {
		rows := cellsOf(t, zipped(t, book(`<row><c t="inlineStr"><is><t>A</t></is></c>`+c.cell+`<c><v>9</v></c></row>`, styles, strings)), "a.xlsx", sheet.Options{})
		if got := rows[0].cells; !slices.Equal(got, []string{"A", c.want, "9"}) {
			t.Errorf("%s: %q, want %q", c.cell, got, c.want)
		}
	}
}

func TestDatesCountFrom1904WhenTheWorkbookSaysSo(t *testing.T) {
	t.Parallel()
	parts := book(`<row><c s="0"><v>43831</v></c></row>`, part{name: "xl/styles.xml", text: `<styleSheet><cellXfs><xf numFmtId="164"/></cellXfs><numFmts><numFmt numFmtId="164" formatCode="yyyy-mm-dd"/></numFmts></styleSheet>`})
	parts[1].text = strings.Replace(parts[1].text, "<sheets>", `<workbookPr date1904="1"/><sheets>`, 1)
	if got := cellsOf(t, zipped(t, parts), "a.xlsx", sheet.Options{})[0].cells[0]; got != "2024-01-02" {
		t.Errorf("got %s", got)
	}
}

func TestErrorsAndFormulasWithoutResultAreFaultsOfTheirCells(t *testing.T) {
	t.Parallel()
	rows := cellsOf(t, zipped(t, book(`<row r="4"><c r="B4" t="e"><v>#DIV/0!</v></c><c r="C4"><f>NOW()</f></c><c r="D4" t="str"><f>""</f><v></v></c><c r="E4" t="inlineStr"><is><t>#N/A</t></is></c></row>`)), "a.xlsx", sheet.Options{})
	var got []string
	for _, f := range rows[0].faults {
		got = append(got, fmt.Sprintf("%d %d %s", rows[0].number, f.Column, f.Code))
	}
	if want := []string{"4 2 cell_error", "4 3 formula_without_value"}; !slices.Equal(got, want) {
		t.Errorf("faults %q, want %q: a text \"#N/A\" is no error", got, want)
	}
}

func TestMergedCellsAreReadAtTheirTopLeft(t *testing.T) {
	t.Parallel()
	parts := shell("S")
	parts = append(parts, part{name: "xl/worksheets/sheet1.xml", text: sheetNS + `<sheetData><row r="1"><c r="A1"><v>1</v></c><c r="B1"><v>2</v></c><c r="C1"><v>3</v></c></row>` +
		`<row r="2"><c r="A2"><v>4</v></c><c r="B2"><v>5</v></c><c r="C2"><v>6</v></c></row><row r="3"><c r="A3"><v>7</v></c></row></sheetData><mergeCells><mergeCell ref="A1:B2"/></mergeCells></worksheet>`})
	rows := cellsOf(t, zipped(t, parts), "a.xlsx", sheet.Options{})
	if got := fmt.Sprintf("%q %q %q", rows[0].cells, rows[1].cells, rows[2].cells); got != `["1" "" "3"] ["" "" "6"] ["7"]` {
		t.Error(got)
	}
}

func TestAPartInUTF16IsRead(t *testing.T) {
	t.Parallel()
	for _, endian := range []unicode.Endianness{unicode.LittleEndian, unicode.BigEndian} {
		for _, bom := range []unicode.BOMPolicy{unicode.UseBOM, unicode.IgnoreBOM} {
			parts := book(`<row><c t="inlineStr"><is><t>Größe 漢字 😀</t></is></c></row>`)
			for i := range parts {
				wide, err := unicode.UTF16(endian, bom).NewEncoder().String(strings.Replace(xmlHead, "UTF-8", "UTF-16", 1) + strings.TrimPrefix(parts[i].text, xmlHead))
				if err != nil {
					t.Fatal(err)
				}
				parts[i].text = wide
			}
			if got := cellsOf(t, zipped(t, parts), "a.xlsx", sheet.Options{})[0].cells[0]; got != "Größe 漢字 😀" {
				t.Errorf("%v %v: %q", endian, bom, got)
			}
		}
	}
}

func TestSharedStringsPutAsideComeBackWhole(t *testing.T) {
	t.Parallel()
	const n = 10_500 // of a thousand bytes each: more than stay in memory
	text := func(i int) string { return fmt.Sprintf("%06d ", i) + strings.Repeat("é", 480) + fmt.Sprint(i*i) }
	var table, rows strings.Builder
	table.WriteString("<sst>")
	for i := range n {
		table.WriteString("<si><t>" + text(i) + "</t></si>")
		fmt.Fprintf(&rows, `<row><c t="s"><v>%d</v></c><c t="s"><v>%d</v></c></row>`, i, (i*7919)%n)
	}
	table.WriteString("</sst>")
	got := cellsOf(t, zipped(t, book(rows.String(), part{name: "xl/sharedStrings.xml", text: table.String()})), "a.xlsx", sheet.Options{})
	for i, r := range got {
		if r.cells[0] != text(i) || r.cells[1] != text((i*7919)%n) {
			t.Fatalf("row %d: %.20q, %.20q", i+1, r.cells[0], r.cells[1])
		}
	}
	if len(got) != n {
		t.Errorf("%d rows", len(got))
	}
}

func TestWhatIsDoneToARowIsGoneInTheNextPass(t *testing.T) {
	t.Parallel()
	f, err := openBytes(t, zipped(t, book(`<row><c><v>1</v></c><c t="e"><v>#N/A</v></c></row>`)), "a.xlsx", sheet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for r, err := range f.Rows(t.Context()) {
			if err != nil || r.Cells[0] != "1" || len(r.Faults) != 1 {
				t.Fatalf("%+v, %v", r, err)
			}
			r.Cells[0], r.Faults = "changed", r.Faults[:0]
		}
	}
}

func TestWhichSheetIsRead(t *testing.T) {
	t.Parallel()
	full := func(n int) part {
		return part{name: fmt.Sprintf("xl/worksheets/sheet%d.xml", n), text: sheetNS + fmt.Sprintf(`<sheetData><row><c><v>%d</v></c></row></sheetData></worksheet>`, n)}
	}
	empty := func(n int) part {
		return part{name: fmt.Sprintf("xl/worksheets/sheet%d.xml", n), text: sheetNS + `<sheetData><row><c s="1"/></row></sheetData></worksheet>`}
	}
	two := zipped(t, append(shell("One", "Two", "Three/hidden", "Four"), full(1), full(2), full(3), empty(4)))
	f, err := openBytes(t, two, "a.xlsx", sheet.Options{})
	ref, _ := err.(*sheet.Refusal)
	if f != nil || ref == nil || ref.Code != "sheet_required" || !slices.Equal(ref.Sheets, []string{"One", "Two"}) {
		t.Errorf("several sheets: %v", err)
	}
	for name, want := range map[string]string{"Two": "2", "Three": "3"} { // a hidden sheet can be asked for
		if got := cellsOf(t, two, "a.xlsx", sheet.Options{Sheet: name})[0].cells[0]; got != want {
			t.Errorf("sheet %s: %s", name, got)
		}
	}
	for name, want := range map[string]string{"Four": "no_rows", "Five": "sheet_not_found", "two": "sheet_not_found"} {
		if got := codeOf(t, two, "a.xlsx", sheet.Options{Sheet: name}); got != want {
			t.Errorf("sheet %s: %s", name, got)
		}
	}
	one := zipped(t, append(shell("Gone", "Here", "Secret/veryHidden"), full(2), full(3)))
	if f, err := openBytes(t, one, "a.xlsx", sheet.Options{}); err != nil || f.Sheet != "Here" {
		t.Errorf("the only visible sheet with data: %v, %v", f, err)
	}
	if got := codeOf(t, one, "a.xlsx", sheet.Options{Sheet: "Gone"}); got != "no_readable_sheet" {
		t.Errorf("a sheet that is not there: %s", got)
	}
}

func TestAWorkbookBeyondItsBoundsIsRefused(t *testing.T) {
	t.Parallel()
	var wide, many strings.Builder
	for i := range 201 {
		fmt.Fprintf(&wide, `<c r="%s1"><v>1</v></c>`, sheet.ColumnName(i+1))
	}
	many.WriteString(strings.Repeat(`<row><c><v>1</v></c></row>`, sheet.MaxRows+2))
	text := func(n int) string {
		return `<row r="3"><c t="inlineStr"><is><t>` + strings.Repeat("y", n) + `</t></is></c></row>`
	}
	str := func(n int) part {
		return part{name: "xl/sharedStrings.xml", text: `<sst><si><t>` + strings.Repeat("y", n) + `</t></si></sst>`}
	}
	const use = `<row><c t="s"><v>0</v></c></row>`
	for name, c := range map[string]struct {
		parts []part
		want  string
	}{
		"a row of 255 KiB":              {book(text(255 << 10)), ""},
		"a row of 257 KiB":              {book(text(257 << 10)), "row_too_large"},
		"a cell of 190 MiB":             {append(shell("S"), part{name: "xl/worksheets/sheet1.xml", text: sheetNS + `<sheetData><row><c t="inlineStr"><is><t>@@</t></is></c></row></sheetData></worksheet>`, fill: 190 << 20}), "row_too_large"},
		"an attribute of 1 MiB":         {append(shell("S"), part{name: "xl/worksheets/sheet1.xml", text: sheetNS + `<sheetData><row x="@@"/></sheetData></worksheet>`, fill: 1 << 20}), "row_too_large"},
		"a shared string of 63 KiB":     {book(use, str(63<<10)), ""},
		"a shared string of 65 KiB":     {book(use, str(65<<10)), "string_too_large"},
		"a shared string of 100 MiB":    {book(use, part{name: "xl/sharedStrings.xml", text: `<sst><si><t>@@</t></si></sst>`, fill: 100 << 20}), "string_too_large"},
		"a picture of 201 MiB":          {book(use, str(1), part{name: "xl/media/a.png", text: "@@", fill: 201 << 20}), "workbook_too_big"},
		"200 columns":                   {book(`<row>` + strings.TrimSuffix(wide.String(), `<c r="GS1"><v>1</v></c>`) + `</row>`), ""},
		"201 columns":                   {book(`<row>` + wide.String() + `</row>`), "too_many_columns"},
		"16,384 formatted empty cells":  {book(`<row><c><v>1</v></c>` + strings.Repeat(`<c s="1"/>`, 16_383) + `</row>`), ""},
		"16,385 cells":                  {book(`<row>` + strings.Repeat(`<c s="1"/>`, 16_385) + `</row>`), "damaged_workbook"},
		"50,000 rows and a header":      {book(strings.TrimSuffix(many.String(), `<row><c><v>1</v></c></row>`)), ""},
		"50,002 rows":                   {book(many.String()), "too_many_rows"},
		"60,000 formatted empty rows":   {book(`<row><c><v>1</v></c></row>` + strings.Repeat(`<row><c s="1"/></row>`, 60_000)), ""},
		"elements 100 deep":             {book(strings.Repeat("<x>", 100) + strings.Repeat("</x>", 100)), "damaged_workbook"},
		"rows of repeated long strings": {book(`<row>`+strings.Repeat(`<c t="s"><v>0</v></c>`, 5)+`</row>`, str(60<<10)), "row_too_large"},
	} {
		if got := codeOf(t, zipped(t, c.parts), "a.xlsx", sheet.Options{}); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestDamagedXMLIsNeverReadHalf(t *testing.T) {
	t.Parallel()
	good := book(`<row><c><v>1</v></c></row><row><c><v>2</v></c></row>`)
	for name, text := range map[string]string{
		"cut in the middle":       good[3].text[:len(good[3].text)-30],
		"cut between two rows":    strings.TrimSuffix(good[3].text, "<row><c><v>2</v></c></row></sheetData></worksheet>"),
		"a close without an open": strings.Replace(good[3].text, "</v>", "</w>", 1),
		"a bare ampersand":        strings.Replace(good[3].text, "<v>1", "<v>&1", 1),
		"an unknown entity":       strings.Replace(good[3].text, "<v>1", "<v>&bomb;", 1),
		"a document type":         strings.Replace(good[3].text, "<worksheet", `<!DOCTYPE x [<!ENTITY a "b">]><worksheet`, 1),
		"invalid UTF-8":           strings.Replace(good[3].text, "<v>1", "<v>\xFF", 1),
		"rows in disorder":        strings.Replace(strings.Replace(good[3].text, "<row>", `<row r="5">`, 1), "<row>", `<row r="2">`, 1),
		"cells in disorder":       strings.Replace(good[3].text, "<c><v>1</v></c>", `<c r="C1"><v>1</v></c><c r="B1"><v>1</v></c>`, 1),
		"no such shared string":   strings.Replace(good[3].text, "<c><v>1", `<c t="s"><v>1`, 1),
		"an attribute unquoted":   strings.Replace(good[3].text, "<c>", "<c r=A1>", 1),
	} {
		parts := slices.Clone(good)
		parts[3].text = text
		if got := codeOf(t, zipped(t, parts), "a.xlsx", sheet.Options{}); got != "damaged_workbook" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestOddZipsAreRefusedBeforeAnythingIsUnpacked(t *testing.T) {
	t.Parallel()
	good := book(`<row><c><v>1</v></c></row>`)
	inner := zipped(t, good)
	header := func(change func(*zip.FileHeader)) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, p := range good {
			h := &zip.FileHeader{Name: p.name, Method: zip.Store}
			change(h)
			w, err := z.CreateRaw(h)
			if err == nil {
				_, err = w.Write([]byte(p.text))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	many := slices.Clone(good)
	for i := range 10_001 {
		many = append(many, part{name: fmt.Sprintf("x%d", i)})
	}
	lying := bytes.ReplaceAll(zipped(t, good), []byte("nothing"), nil)
	lying[len(lying)-40] ^= 0xFF
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"deflate64":               {header(func(h *zip.FileHeader) { h.Method = 9 }), "unusual_compression"},
		"encrypted":               {header(func(h *zip.FileHeader) { h.Flags |= 1 }), "encrypted_part"},
		"a size that is a lie":    {header(func(h *zip.FileHeader) { h.UncompressedSize64 = 300 << 20 }), "workbook_too_big"},
		"no checksum":             {header(func(h *zip.FileHeader) { h.CRC32 = 1 }), "damaged_workbook"},
		"a name with ..":          {zipped(t, append(good, part{name: "xl/../../etc/passwd"})), "unsafe_part_name"},
		"a drive":                 {zipped(t, append(good, part{name: `C:\x`})), "unsafe_part_name"},
		"two parts of one name":   {zipped(t, append(good, part{name: `XL\workbook.xml`})), "duplicate_part"},
		"a zip inside":            {zipped(t, append(good, part{name: "more.bin", text: string(inner)})), "nested_archive"},
		"an embedded workbook":    {zipped(t, append(good, part{name: "xl/embeddings/a.xlsx", text: string(inner)})), ""},
		"too many parts":          {zipped(t, many), "too_many_parts"},
		"cut off":                 {inner[:len(inner)*6/10], "truncated_workbook"},
		"an empty zip":            {zipped(t, nil), "not_a_workbook"},
		"a Word document":         {zipped(t, []part{{name: "word/document.xml", text: "<w/>"}}), "not_a_workbook"},
		"a renamed .ods":          {zipped(t, []part{{name: "mimetype", text: "application/vnd.oasis.opendocument.spreadsheet"}}), "ods_file"},
		"a binary workbook":       {zipped(t, []part{{name: "xl/workbook.bin"}}), "xlsb_file"},
		"another kind of package": {zipped(t, []part{good[0], {name: "xl/workbook.xml", text: "<document/>"}}), "not_a_workbook"},
	} {
		if got := codeOf(t, c.file, "a.xlsx", sheet.Options{}); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestAFileIsWhatItsNameSays(t *testing.T) {
	t.Parallel()
	xlsx := zipped(t, book(`<row><c><v>1</v></c></row>`))
	ole := append([]byte{0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1}, make([]byte, 600)...)
	wide := func(s string) []byte {
		b, err := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewEncoder().Bytes([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		return append(slices.Clone(ole), b...)
	}
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"a.csv", []byte("a,b\n1,2\n"), ""},
		{"a", []byte("a,b\n1,2\n"), ""},
		{"a", xlsx, ""},
		{"a.XLSM", xlsx, ""},
		{`C:\Users\me\a.xlsx`, xlsx, ""},
		{"a.csv", xlsx, "not_what_its_name_says"},
		{"a.xls", xlsx, "not_what_its_name_says"},
		{"a.xlsx", []byte("a,b\n1,2\n"), "not_what_its_name_says"},
		{"a.xls", []byte("<table>"), "not_what_its_name_says"},
		{"a.xlsx", []byte("%PDF-1.7"), "not_what_its_name_says"},
		{"a.csv", []byte("%PDF-1.7"), "not_a_table"},
		{"a.csv", []byte("\x89PNG\r\n\x1a\n\x00\x00"), "not_a_table"},
		{"a.csv", bytes.Repeat([]byte{1, 2, 'a', 200}, 100), "not_a_table"},
		{"a.ods", []byte("anything"), "ods_file"},
		{"~$a.xlsx", xlsx, "lock_file"},
		{"a.xlsx", wide("EncryptedPackage"), "password_protected"},
		{"a.xls", wide("Workbook"), "xls_file"},
		{"a.xlsx", wide("Book"), "xls_file"},
		{"a.xls", wide("WordDocument"), "not_a_workbook"},
		{"a.csv", nil, "empty_file"},
		{"a.xlsx", nil, "empty_file"},
		{"a.csv", []byte(" \r\n,,\n\n"), "empty_file"},
	} {
		if got := codeOf(t, c.file, c.name, sheet.Options{}); got != c.want {
			t.Errorf("%s with %.20q: %q, want %q", c.name, c.file, got, c.want)
		}
	}
}
