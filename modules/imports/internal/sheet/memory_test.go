package sheet_test

import (
	"archive/zip"
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"credlane/app/kit/corpustest"
	"credlane/modules/imports/internal/sheet"
)

// The tests in this file measure the memory of the whole process, so they do not run in parallel with others: Go runs a
// package's parallel tests only when those without t.Parallel are done.

// peak opens the file at path, reads all its rows twice, and gives the highest heap seen above what was there before.
func peak(t *testing.T, path string, o sheet.Options) (bytes uint64, rows int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, allocated := m.HeapInuse, m.TotalAlloc
	sample := func() {
		runtime.ReadMemStats(&m)
		if m.HeapInuse > before {
			bytes = max(bytes, m.HeapInuse-before)
		}
	}
	o.TempDir = t.TempDir()
	s, err := sheet.Open(t.Context(), f, st.Size(), filepath.Base(path), o)
	sample()
	if refusalCode(err) != "" {
		return m.TotalAlloc - allocated, 0 // no row will be seen: all that was ever allocated is the bound
	}
	defer s.Close()
	for range 2 {
		rows = 0
		for r, err := range s.Rows(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if rows++; r.Number%500 == 0 {
				sample()
			}
		}
	}
	sample()
	return bytes, rows
}

// bigBook writes a workbook of 50,000 questions with 300,000 different texts.
func bigBook(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "big.xlsx")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	write := func(name string, body func(w *bufio.Writer)) {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		b := bufio.NewWriter(w)
		body(b)
		if err := b.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range shell("Questions") {
		write(p.name, func(w *bufio.Writer) { fmt.Fprint(w, p.text) })
	}
	write("xl/sharedStrings.xml", func(w *bufio.Writer) {
		fmt.Fprint(w, "<sst>")
		for i := range 300_000 {
			fmt.Fprintf(w, "<si><t>text %d of a question, long enough to look like one that somebody wrote, and then some more words</t></si>", i)
		}
		fmt.Fprint(w, "</sst>")
	})
	write("xl/worksheets/sheet1.xml", func(w *bufio.Writer) {
		fmt.Fprint(w, sheetNS+"<sheetData>")
		for i := range 50_000 {
			fmt.Fprintf(w, `<row r="%d">`, i+1)
			for c := range 6 {
				fmt.Fprintf(w, `<c r="%c%d" t="s"><v>%d</v></c>`, 'A'+c, i+1, 6*i+c)
			}
			fmt.Fprint(w, "</row>")
		}
		fmt.Fprint(w, "</sheetData></worksheet>")
	})
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMemoryDoesNotFollowTheFile(t *testing.T) {
	dir := t.TempDir()
	csv := filepath.Join(dir, "big.csv")
	line := strings.Repeat("a question that somebody wrote, ", 8) + "x\n"
	if err := os.WriteFile(csv, []byte("a,b,c,d,e,f,g,h,i\n"+strings.Repeat(line, 50_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	bomb := filepath.Join(dir, "bomb.xlsx")
	cell := zipped(t, append(shell("S"), part{name: "xl/worksheets/sheet1.xml", text: sheetNS + `<sheetData><row><c t="inlineStr"><is><t>@@</t></is></c></row></sheetData></worksheet>`, fill: 190 << 20}))
	if err := os.WriteFile(bomb, cell, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path  string
		rows  int
		limit uint64
	}{
		{csv, 50_001, 16 << 20},
		{bigBook(t), 50_000, 64 << 20},
		{bomb, 0, 16 << 20},
	} {
		got, rows := peak(t, c.path, sheet.Options{})
		t.Logf("%s: %d rows, peak %.1f MiB", filepath.Base(c.path), rows, float64(got)/(1<<20))
		if got > c.limit || rows != c.rows {
			t.Errorf("%s: %d rows, peak %d MiB; want %d rows below %d MiB", filepath.Base(c.path), rows, got>>20, c.rows, c.limit>>20)
		}
	}
}

func TestNoFileOfTheCorpusTakesMuchMemory(t *testing.T) {
	dir, entries, ok := corpustest.Load(t)
	if !ok {
		return
	}
	const limit = 96 << 20 // the contract says 256 MiB
	for name, e := range entries {
		if e.Parse == nil && e.XLSX == nil {
			continue
		}
		for _, s := range e.Choices() {
			if got, _ := peak(t, filepath.Join(dir, filepath.FromSlash(name)), sheet.Options{Sheet: s}); got > limit {
				t.Errorf("%s %s: peak %d MiB", name, s, got>>20)
			}
		}
	}
}
