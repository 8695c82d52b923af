package sheet_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"credlane/app/kit/corpustest"
	"credlane/modules/imports/internal/sheet"
)

// xlsxRefused are the files of the corpus that no one can read, and the code that says why.
var xlsxRefused = map[string]string{
	"DERIVED_csv_renamed.xlsx":           "not_what_its_name_says",
	"DERIVED_truncated_60pct.xlsx":       "truncated_workbook",
	"DERIVED_xls_renamed.xlsx":           "xls_file",
	"calamine_empty_sheet.xlsx":          "no_rows",
	"calamine_issue252.xlsx":             "damaged_workbook", // its relationships were mangled by a search and replace
	"calamine_pass_protected.xlsx":       "password_protected",
	"calamine_vba.xlsm":                  "no_rows",
	"closedxml_~$LoadPivotTables.xlsx":   "lock_file",
	"excelize_BadWorkbook.xlsx":          "no_readable_sheet",
	"excelize_encryptSHA1.xlsx":          "password_protected",
	"pss_HiddenSheet.xlsx":               "no_rows",
	"tealeg_badfile_noWorkbookRels.xlsx": "no_readable_sheet",
	"tealeg_badfile_noWorksheets.xlsx":   "no_readable_sheet",
}

// xlsxExtents are the sheets in which we judge EXPECT.json (which is what excelize 2.9.1 read) wrong: last row, rows that
// hold something, last column.
var xlsxExtents = map[string][3]int{
	// Formulas without a saved result: excelize counts the empty cells, here they are faults of the row.
	"excelize_Book1.xlsx Sheet2":  {11, 11, 5},
	"pss_explicitdate.xlsx Sheet": {3, 3, 3},
	// One row holds a text only under a merged cell, where no one sees it.
	"pss_issue.3552.xlsx Feuil1": {536, 14, 14},
	// Row 5 has formatted empty cells only; excelize shows the number format of nothing as blanks.
	"sheetjs_text_and_numbers.xlsx Sheet1": {4, 3, 3},
}

// xlsxCells are the cells in which we judge EXPECT.json wrong, by sheet and row.
var xlsxCells = map[string][]string{
	// SOURCES.md: a question text must show a line break, never the escape of one.
	"sheetjs_crlf.xlsx Sheet1 2": {"Formula", "abc\r\ndef"},
	// See xlsxExtents.
	"sheetjs_text_and_numbers.xlsx Sheet1 5": nil,
}

func TestEveryWorkbookOfTheCorpusIsReadRightOrRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	dir, entries, ok := corpustest.Load(t)
	if !ok {
		return
	}
	for name, want := range entries {
		if want.XLSX == nil {
			continue
		}
		_, base, _ := strings.Cut(name, "/")
		t.Run(base, func(t *testing.T) {
			t.Parallel()
			f, err := openCorpus(t, dir, name, sheet.Options{})
			if code := xlsxRefused[base]; code != "" {
				if refusalCode(err) != code {
					t.Fatalf("got %q (%v), want the refusal %s", refusalCode(err), err, code)
				}
				return
			}
			var filled []string
			for _, s := range want.XLSX.Excelize.Sheets {
				if s.Visible && s.NonEmpty > 0 {
					filled = append(filled, s.Name)
				}
			}
			var ref *sheet.Refusal
			switch {
			case len(filled) > 1:
				if ref, _ = err.(*sheet.Refusal); ref == nil || ref.Code != "sheet_required" || !slices.Equal(ref.Sheets, filled) {
					t.Errorf("got %v, want sheet_required with %q", err, filled)
				}
			case err != nil:
				t.Errorf("refused: %v", err)
			case len(filled) == 1 && (f.Sheet != filled[0] || !slices.Equal(f.Sheets, filled)):
				t.Errorf("took sheet %q of %q, want %q", f.Sheet, f.Sheets, filled)
			}
			for _, s := range want.XLSX.Excelize.Sheets {
				if s.NonEmpty > 0 {
					checkSheet(t, dir, name, base+" "+s.Name, s.Name, [3]int{s.Rows, s.NonEmpty, s.MaxCols}, want.XLSX.Cells[s.Name])
				}
			}
		})
	}
}

func checkSheet(t *testing.T, dir, file, label, name string, extent [3]int, cells [][]string) {
	t.Helper()
	f, err := openCorpus(t, dir, file, sheet.Options{Sheet: name})
	if err != nil {
		t.Errorf("%s: %v", label, err)
		return
	}
	rows, err := readAll(t.Context(), f)
	if err != nil {
		t.Errorf("%s: %v", label, err)
		return
	}
	var got [3]int
	byNumber := map[int][]string{}
	for _, r := range rows {
		if len(r.cells) > 0 {
			got = [3]int{max(got[0], r.number), got[1] + 1, max(got[2], len(r.cells))}
		}
		byNumber[r.number] = r.cells
	}
	if own, ok := xlsxExtents[label]; ok {
		extent = own
	}
	if got != extent {
		t.Errorf("%s: last row, rows filled, last column are %v, want %v", label, got, extent)
	}
	for i, want := range cells {
		for len(want) > 0 && want[len(want)-1] == "" {
			want = want[:len(want)-1]
		}
		if own, ok := xlsxCells[label+" "+strconv.Itoa(i+1)]; ok {
			want = own
		}
		if !slices.Equal(byNumber[i+1], want) {
			t.Errorf("%s row %d: %q, want %q", label, i+1, byNumber[i+1], want)
		}
	}
}
