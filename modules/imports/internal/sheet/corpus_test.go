package sheet_test

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"credlane/app/kit/corpustest"
	"credlane/modules/imports/internal/sheet"
)

// openCorpus opens a file of the corpus and closes it with the test.
func openCorpus(t *testing.T, dir, name string, o sheet.Options) (*sheet.File, error) {
	t.Helper()
	f, size := corpustest.Open(t, dir, name)
	o.TempDir = t.TempDir()
	got, err := sheet.Open(t.Context(), f, size, filepath.Base(name), o)
	if err == nil {
		t.Cleanup(func() { _ = got.Close() })
	}
	return got, err
}

type plainRow struct {
	number int
	cells  []string
	faults []sheet.Fault
}

func readAll(ctx context.Context, f *sheet.File) (rows []plainRow, err error) {
	for r, err := range f.Rows(ctx) {
		if err != nil {
			return rows, err
		}
		rows = append(rows, plainRow{r.Number, append([]string{}, r.Cells...), append([]sheet.Fault{}, r.Faults...)})
	}
	return rows, nil
}

func refusalCode(err error) string {
	var ref *sheet.Refusal
	if errors.As(err, &ref) {
		return ref.Code
	}
	if err != nil {
		return "not a refusal: " + err.Error()
	}
	return ""
}

// csvExceptions are the files of which the reference reader (Python's csv) says something else on purpose.
var csvExceptions = map[string]string{
	"csv_torture/csvkit_empty.csv": "refused: empty_file, as SOURCES.md asks",
	"csv_torture/pss_empty.csv":    "refused: empty_file, as SOURCES.md asks",
	"csv_torture/pss_sep.csv":      "the sep= line is not data, as SOURCES.md says: one record fewer",
}

func TestEveryCSVOfTheCorpusIsReadAsExpected(t *testing.T) {
	t.Parallel()
	dir, entries, ok := corpustest.Load(t)
	if !ok {
		return
	}
	for name, want := range entries {
		if want.Parse == nil || !strings.Contains(name, "csv") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := openCorpus(t, dir, name, sheet.Options{})
			if strings.HasPrefix(csvExceptions[name], "refused") {
				if refusalCode(err) != "empty_file" {
					t.Fatalf("got %v, want the refusal empty_file", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			checkDialect(t, f, want.Parse.Encoding, want.Parse.Delimiter)
			rows, err := readAll(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			if csvExceptions[name] != "" {
				if len(rows) != want.Parse.Records-1 {
					t.Errorf("%d records, want %d", len(rows), want.Parse.Records-1)
				}
				return
			}
			fields, nonblank, nul := map[string]int{}, 0, 0
			for _, r := range rows {
				fields[strconv.Itoa(len(r.cells))]++
				if strings.TrimSpace(strings.Join(r.cells, "")) != "" || len(r.faults) > 0 {
					nonblank++
				}
				for _, fault := range r.faults {
					if fault.Code == "nul_character" {
						nul++
					}
				}
			}
			if len(rows) != want.Parse.Records || nonblank != want.Parse.NonBlank || nul != want.Parse.NUL {
				t.Errorf("%d records, %d not blank, %d NUL; want %d, %d, %d", len(rows), nonblank, nul, want.Parse.Records, want.Parse.NonBlank, want.Parse.NUL)
			}
			for n, count := range want.Parse.Fields {
				if fields[n] != count {
					t.Errorf("%d records of %s fields, want %d (all: %v)", fields[n], n, count, fields)
				}
			}
			for i, cell := range want.Parse.First {
				if rows[0].cells[i] != cell {
					t.Errorf("first record, field %d: %q, want %q", i+1, rows[0].cells[i], cell)
				}
			}
		})
	}
}

// checkDialect compares encoding and delimiter; the corpus names encodings as Python does.
func checkDialect(t *testing.T, f *sheet.File, encoding, delimiter string) {
	t.Helper()
	got := f.Encoding
	if f.BOM {
		got += "+bom"
	}
	want := map[string]string{
		"utf-8": "utf-8", "utf-8-sig": "utf-8+bom", "cp1252": "windows-1252", "utf-16-be": "utf-16be", "utf-16-bom": got,
	}[encoding]
	if got != want || f.Delimiter != delimiter || encoding == "utf-16-bom" && (!f.BOM || !strings.HasPrefix(got, "utf-16")) {
		t.Errorf("encoding %q delimiter %q, want %q %q", got, f.Delimiter, encoding, delimiter)
	}
}
