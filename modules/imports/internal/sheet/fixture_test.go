package sheet_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"strings"
	"testing"

	"credlane/modules/imports/internal/sheet"
)

// part is one entry of a workbook made for a test.
type part struct {
	name string
	text string
	fill int // so many bytes of 'x' in place of the mark "@@" in text
}

const (
	xmlHead = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>`
	sheetNS = `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">`
)

// book gives the parts of a workbook with one sheet; rows is what stands inside sheetData.
func book(rows string, more ...part) []part {
	return append(shell("Questions"), append([]part{{name: "xl/worksheets/sheet1.xml", text: xmlHead + sheetNS + "<sheetData>" + rows + "</sheetData></worksheet>"}}, more...)...)
}

// shell gives what a workbook needs besides its sheets, which are sheet1.xml and so on.
func shell(names ...string) []part {
	var sheets, rels strings.Builder
	for i, n := range names {
		name, state, _ := strings.Cut(n, "/")
		if state != "" {
			state = ` state="` + state + `"`
		}
		fmt.Fprintf(&sheets, `<sheet name="%s" sheetId="%d"%s r:id="rId%d"/>`, name, i+1, state, i+1)
		fmt.Fprintf(&rels, `<Relationship Id="rId%d" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet%d.xml"/>`, i+1, i+1)
	}
	return []part{
		{name: "_rels/.rels", text: xmlHead + `<Relationships><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
		{name: "xl/workbook.xml", text: xmlHead + `<workbook xmlns:r="r"><sheets>` + sheets.String() + `</sheets></workbook>`},
		{name: "xl/_rels/workbook.xml.rels", text: xmlHead + `<Relationships>` + rels.String() +
			`<Relationship Id="rId98" Type="x/styles" Target="styles.xml"/><Relationship Id="rId99" Type="x/sharedStrings" Target="sharedStrings.xml"/></Relationships>`},
	}
}

// zipped packs parts; a part of several hundred MiB is written in pieces.
func zipped(t testing.TB, parts []part) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	for _, p := range parts {
		h := &zip.FileHeader{Name: p.name, Method: zip.Deflate}
		if p.fill == 0 && len(p.text) < 4096 {
			h.Method = zip.Store // a compressor costs a megabyte
		}
		w, err := z.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		before, after, _ := strings.Cut(p.text, "@@")
		if _, err = io.WriteString(w, before); err != nil {
			t.Fatal(err)
		}
		for chunk, left := bytes.Repeat([]byte("x"), min(p.fill, 1<<20)), p.fill; left > 0 && err == nil; left -= len(chunk) {
			_, err = w.Write(chunk[:min(left, len(chunk))])
		}
		if err == nil {
			_, err = io.WriteString(w, after)
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

func openBytes(t testing.TB, b []byte, name string, o sheet.Options) (*sheet.File, error) {
	t.Helper()
	o.TempDir = t.TempDir()
	f, err := sheet.Open(t.Context(), bytes.NewReader(b), int64(len(b)), name, o)
	if err == nil {
		t.Cleanup(func() {
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return f, err
}

// cellsOf opens a file that must be readable and gives the cells of its rows.
func cellsOf(t testing.TB, b []byte, name string, o sheet.Options) []plainRow {
	t.Helper()
	f, err := openBytes(t, b, name, o)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	rows, err := readAll(t.Context(), f)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return rows
}

// codeOf opens and reads a file, and gives the code of the refusal, or "".
func codeOf(t testing.TB, b []byte, name string, o sheet.Options) string {
	t.Helper()
	f, err := openBytes(t, b, name, o)
	if err == nil {
		_, err = readAll(t.Context(), f)
	}
	return refusalCode(err)
}
