package sheet

import (
	"context"
	"io"
	"slices"
	"strings"
)

// workbook is an opened XLSX file: where its sheets are, its shared strings and its number formats.
type workbook struct {
	pack    *pack
	strings *stringTable
	formats *formatter
	sheets  []*worksheet
	kept    keeper // what the sheets keep, summed up
}

type worksheet struct {
	name    string
	part    string // "" when the workbook names a sheet that is not there
	hidden  bool
	filled  bool
	merges  []span
	kept    *keeper // its rows, or nil when they have to be read again
	trouble error   // what the first pass found; it counts only if this sheet is read
}

// span is a merged range, 1-based and inclusive.
type span struct{ row, col, lastRow, lastCol int }

const maxSheets = 1_000

func openXLSX(ctx context.Context, r io.ReaderAt, size int64, o Options) (f *File, err error) {
	p, err := openPack(r, size)
	if err != nil {
		return nil, err
	}
	w := &workbook{pack: p, strings: &stringTable{}}
	defer func() {
		if err != nil {
			err = closing(w.strings, err)
		}
	}()
	b := &budget{left: MaxInflatedBytes}
	if err := w.load(ctx, b, o.TempDir); err != nil {
		return nil, err
	}
	f = &File{close: w.strings.Close}
	var chosen *worksheet
	for _, s := range w.sheets {
		if s.filled && !s.hidden {
			f.Sheets = append(f.Sheets, s.name)
		}
		if s.name == o.Sheet && o.Sheet != "" {
			chosen = s
		}
	}
	if chosen, err = w.choose(chosen, o.Sheet, f.Sheets); err != nil {
		return nil, err
	}
	f.Sheet = chosen.name
	for _, s := range w.sheets {
		if s != chosen {
			s.kept = nil
		}
	}
	f.rows = func(ctx context.Context, row func(*Row) error) error {
		return w.read(ctx, chosen, row)
	}
	return f, nil
}

// load reads every part once: it finds the sheets and is the counting pass.
func (w *workbook) load(ctx context.Context, b *budget, dir string) error {
	main, err := w.mainPart(ctx, b)
	if err != nil {
		return err
	}
	rels, err := w.pack.relations(ctx, b, main)
	if err != nil {
		return err
	}
	date1904, err := w.readWorkbook(ctx, b, main, rels)
	if err != nil {
		return err
	}
	part := func(kind string) string {
		for _, r := range rels {
			if r.kind == kind {
				return r.target
			}
		}
		return ""
	}
	read := map[string]bool{main: true, part("sharedStrings"): true, part("styles"): true}
	if w.strings, err = loadStrings(ctx, w.pack, part("sharedStrings"), b, dir); err != nil {
		w.strings = &stringTable{}
		return err
	}
	codes, err := readStyles(ctx, w.pack, part("styles"), b)
	if err != nil {
		return err
	}
	w.formats = newFormatter(codes, date1904)
	for _, s := range w.sheets {
		if s.part == "" {
			continue
		}
		read[s.part] = true
		if err := w.survey(ctx, b, s); err != nil {
			return err
		}
	}
	return w.pack.count(ctx, b, read)
}

// mainPart finds the workbook through the package's relationships, and says what else the zip is if there is none.
func (w *workbook) mainPart(ctx context.Context, b *budget) (string, error) {
	p := w.pack
	if p.parts["mimetype"] != nil {
		r, err := p.open(ctx, "mimetype", b)
		if err != nil {
			return "", err
		}
		kind, err := io.ReadAll(io.LimitReader(r, 200))
		if err == nil && strings.Contains(string(kind), "opendocument.spreadsheet") {
			return "", refuseODS()
		}
	}
	rels, err := p.relations(ctx, b, "")
	if err != nil {
		return "", err
	}
	main := "xl/workbook.xml"
	for _, r := range rels {
		if r.kind == "officeDocument" {
			main = r.target
		}
	}
	switch {
	case p.parts["word/document.xml"] != nil || strings.HasPrefix(main, "word/"):
		return "", refuse("not_a_workbook", "This is a Word document, not a workbook. Put the questions in a table of a spreadsheet program, one row each, and upload that.")
	case p.parts["ppt/presentation.xml"] != nil || strings.HasPrefix(main, "ppt/"):
		return "", refuse("not_a_workbook", "This is a presentation, not a workbook. Put the questions in a table of a spreadsheet program, one row each, and upload that.")
	case strings.HasSuffix(main, ".bin") || p.parts["xl/workbook.bin"] != nil:
		return "", refuse("xlsb_file", "This is a binary workbook (.xlsb). Save it as .xlsx and upload that.")
	case p.parts[main] == nil && p.parts["index/document.iwa"] != nil:
		return "", refuse("not_a_workbook", "This is an Apple Numbers file. Export it as .xlsx or CSV and upload that.")
	case p.parts[main] == nil:
		return "", refuse("not_a_workbook", "This is a zip file, but not a workbook. Upload the CSV file or the .xlsx workbook itself.")
	}
	return main, nil
}

// readWorkbook lists the sheets and says whether dates count from 1904.
func (w *workbook) readWorkbook(ctx context.Context, b *budget, main string, rels map[string]relation) (date1904 bool, err error) {
	x, err := w.pack.scan(ctx, main, b)
	if err != nil {
		return false, err
	}
	for first := true; ; {
		k, err := x.next()
		if err != nil {
			return false, partError(main, err)
		}
		if k == tokenEnd {
			break
		}
		if k != tokenOpen {
			continue
		}
		if first && string(x.name) != "workbook" {
			return false, refuse("not_a_workbook", "This is a zip file, but not a workbook. Upload the CSV file or the .xlsx workbook itself.")
		}
		first = false
		switch string(x.name) {
		case "workbookPr":
			v := x.attr("date1904")
			date1904 = v == "1" || v == "true"
		case "sheet":
			s := &worksheet{name: x.attr("name"), hidden: strings.HasSuffix(strings.ToLower(x.attr("state")), "hidden")}
			r, ok := rels[x.attr("id")]
			if ok && r.kind != "worksheet" {
				continue // chart sheets and dialogs hold no rows
			}
			if ok && w.pack.parts[r.target] != nil {
				s.part = r.target
			}
			w.sheets = append(w.sheets, s)
			if len(w.sheets) > maxSheets {
				return false, refuse("too_many_sheets", "The workbook has more than 1,000 sheets. Copy the questions to a new workbook and upload that.")
			}
		}
	}
	if !slices.ContainsFunc(w.sheets, func(s *worksheet) bool { return s.part != "" }) {
		return false, refuse("no_readable_sheet", "The workbook is damaged: it holds no sheet that can be read. Open it in your spreadsheet program, save it as a new .xlsx file, and upload that.")
	}
	return date1904, nil
}

// choose takes the sheet that was asked for, else the one visible sheet with something in it, and asks when there are several.
func (w *workbook) choose(named *worksheet, asked string, filled []string) (*worksheet, error) {
	switch {
	case asked != "" && named == nil:
		ref := refuse("sheet_not_found", "The workbook has no sheet named %q. It has: %s.", shorten(asked), strings.Join(filled, ", "))
		ref.Sheets = filled
		return nil, ref
	case asked == "" && len(filled) == 0:
		return nil, refuse("no_rows", "No visible sheet of the workbook holds anything. Put one question in each row and save the file.")
	case asked == "" && len(filled) > 1:
		ref := refuse("sheet_required", "The workbook has several sheets with data: %s. Say which one to import.", strings.Join(filled, ", "))
		ref.Sheets = filled
		return nil, ref
	case asked == "":
		for _, s := range w.sheets {
			if s.filled && !s.hidden {
				named = s
			}
		}
	case named.part == "":
		return nil, refuse("no_readable_sheet", "The sheet %q is named in the workbook, but missing from it. Open the file in your spreadsheet program, save it as a new .xlsx file, and upload that.", named.name)
	case !named.filled:
		ref := refuse("no_rows", "The sheet %q is empty. Choose another one: %s.", named.name, strings.Join(filled, ", "))
		ref.Sheets = filled
		return nil, ref
	}
	return named, named.trouble
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
