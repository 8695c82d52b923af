package sheet_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"credlane/modules/imports/internal/sheet"
)

// FuzzCSV: whatever the bytes, the reader ends, refuses with a code, or gives rows within the bounds; two passes agree.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "sep=;\r\na;\"b\"\"c\"\r\n", "\xEF\xBB\xBFa\tb\r", "\xFF\xFEa\x00,\x00b\x00\n\x00", "a,\"b\nc", "caf\xE9,1\n", "a,b\x00\n", "\n\n", "a,\"b\"c,d\r\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) { checkAnything(t, b, "a.csv") })
}

// FuzzXLSX: the same for workbooks. The fuzzer changes the sheet, the strings and the styles of a good one; a change to the
// zip itself would nearly always be stopped by a checksum.
func FuzzXLSX(f *testing.F) {
	f.Add(`<row r="1"><c r="A1" t="s"><v>0</v></c><c t="inlineStr"><is><t>x_x000D_</t></is></c></row>`, `<sst><si><t>a</t></si></sst>`, `<styleSheet><cellXfs><xf numFmtId="14"/></cellXfs></styleSheet>`)
	f.Add(`<row><c s="0"><f>1</f><v>43831.5</v></c><c t="e"><v>#N/A</v></c></row>`, "", `<styleSheet><numFmts><numFmt numFmtId="164" formatCode="yyyy"/></numFmts><cellXfs><xf numFmtId="164"/></cellXfs></styleSheet>`)
	f.Add(`<row r="2"><c r="B2" t="b"><v>1</v></c></row></sheetData><mergeCells><mergeCell ref="A1:B2"/></mergeCells><sheetData>`, `<sst><si><r><t>a</t></r><rPh><t>b</t></rPh></si></sst>`, "")
	f.Add("<!-- x --><row><![CDATA[x]]><c><v>1e5</v></c></row>", "\xFE\xFF\x00<", "<?x?>")
	f.Fuzz(func(t *testing.T, rows, strings, styles string) {
		parts := book(rows)
		if strings != "" {
			parts = append(parts, part{name: "xl/sharedStrings.xml", text: strings})
		}
		if styles != "" {
			parts = append(parts, part{name: "xl/styles.xml", text: styles})
		}
		checkAnything(t, zipped(t, parts), "a.xlsx")
	})
}

// FuzzZip changes the container.
func FuzzZip(f *testing.F) {
	f.Add(zipped(f, book(`<row><c><v>1</v></c></row>`)))
	f.Add([]byte("PK\x05\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) { checkAnything(t, b, "a.xlsx") })
}

func checkAnything(t *testing.T, b []byte, name string) {
	f, err := sheet.Open(t.Context(), bytes.NewReader(b), int64(len(b)), name, sheet.Options{})
	if err != nil {
		mustRefuse(t, err)
		return
	}
	defer f.Close()
	one, err1 := readAll(t.Context(), f)
	two, err2 := readAll(t.Context(), f)
	if (err1 == nil) != (err2 == nil) || len(one) != len(two) {
		t.Fatalf("two passes differ: %d rows (%v), %d rows (%v)", len(one), err1, len(two), err2)
	}
	if err1 != nil {
		mustRefuse(t, err1)
	}
	last := 0
	for _, r := range one {
		if r.number <= last || len(r.cells) > sheet.MaxColumns {
			t.Fatalf("row %d after row %d with %d cells", r.number, last, len(r.cells))
		}
		last = r.number
		for i, c := range r.cells {
			if !utf8.ValidString(c) && len(r.faults) == 0 {
				t.Fatalf("row %d, column %d: bad UTF-8 without a fault", r.number, i+1)
			}
		}
	}
}

func mustRefuse(t *testing.T, err error) {
	var ref *sheet.Refusal
	if !errors.As(err, &ref) || ref.Code == "" || ref.Message == "" || ref.Code == "damaged_file" {
		t.Fatalf("not a refusal in plain words: %v (cause: %v)", err, errors.Unwrap(err))
	}
	for _, foreign := range []string{"zip:", "XML syntax", "flate", "EOF", "panic", "runtime"} {
		if strings.Contains(strings.ToLower(ref.Message), strings.ToLower(foreign)) {
			t.Fatalf("the message speaks of %q: %s", foreign, ref.Message)
		}
	}
}
