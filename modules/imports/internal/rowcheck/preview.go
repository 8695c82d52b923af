package rowcheck

import (
	"context"
	"slices"
	"strings"

	"credlane/modules/imports/internal/sheet"
)

// The bounds of a preview. A page must be able to show and mend what is wrong wherever it stands, and must never get the whole
// of a large file back with each check.
const (
	MaxPreview = 200 // rows without a problem

	cutShort    = 200     // characters of a cell that is only looked at
	cutWhole    = 4_000   // characters of a cell that may be mended
	wholeBytes  = 2 << 20 // of all cells that may be mended; the rest is cut short
	oddRows     = 200     // rows with a warning only
	headerCells = sheet.MaxColumns
)

// What is thought of a row of a preview.
const (
	RowRight = "right"
	RowOdd   = "odd"   // a warning
	RowWrong = "wrong" // an error
)

// Preview is what a page shows of the file: the header, every row whose errors are in the report, rows with warnings, and some
// of those that are right.
type Preview struct {
	HeaderRow   int          `json:"headerRow" doc:"The number of the header row; 0 when there is none."`
	HeaderCells []string     `json:"headerCells" doc:"The cells of the header row."`
	Rows        []PreviewRow `json:"rows" doc:"In the order of the file."`
	LastRow     int          `json:"lastRow" doc:"The number of the last row that is not blank."`
}

// PreviewRow is one row as it was judged, mended cells included.
type PreviewRow struct {
	Row   int      `json:"row"`
	State string   `json:"state" enum:"right,odd,wrong"`
	Cells []string `json:"cells"`
	Cut   []string `json:"cut,omitempty" doc:"The columns whose cells are longer than what is shown."`
}

// viewer collects a preview during the second pass.
type viewer struct {
	out   *Preview
	from  int
	right int // rows left
	odd   int
	bytes int
}

func newViewer(p *Plan) *viewer {
	if p.opts.Preview == 0 {
		return &viewer{}
	}
	return &viewer{out: newPreview(p), from: p.opts.PreviewFrom, right: p.opts.Preview, odd: oddRows, bytes: wholeBytes}
}

func newPreview(p *Plan) *Preview {
	out := &Preview{HeaderRow: p.headerRow, HeaderCells: []string{}, Rows: []PreviewRow{}}
	for _, c := range p.header[:min(len(p.header), headerCells)] {
		out.HeaderCells = append(out.HeaderCells, plain(shorten(c, cutShort)))
	}
	return out
}

func (v *viewer) result() *Preview { return v.out }

// add shows a row or does not. reported and warned say that the report has room for what was found in it.
func (v *viewer) add(r *sheet.Row, reported, warned, rejected bool) {
	if v.out == nil {
		return
	}
	v.out.LastRow = r.Number
	inWindow := v.right > 0 && r.Number >= v.from
	switch {
	case reported:
		v.show(r, RowWrong)
	case rejected: // beyond the errors that are kept: the next check names it
	case warned && v.odd > 0:
		v.odd--
		v.show(r, RowOdd)
	case inWindow:
		v.right--
		v.show(r, RowRight)
	}
}

func (v *viewer) show(r *sheet.Row, state string) {
	row := PreviewRow{Row: r.Number, State: state, Cells: make([]string, 0, len(r.Cells))}
	for i, c := range r.Cells {
		limit, mendable := cutShort, state != RowRight && v.bytes > 0
		if mendable {
			limit = cutWhole
		}
		short := shorten(c, limit)
		if mendable {
			v.bytes -= len(short)
		}
		if len(short) != len(c) {
			row.Cut = append(row.Cut, sheet.ColumnName(i+1))
		}
		row.Cells = append(row.Cells, plain(short))
	}
	v.out.Rows = append(v.out.Rows, row)
}

// plain shows as lost what no JSON text or stored text can hold.
func plain(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// Seen is what could be seen of a file that the import must ask about.
type Seen struct {
	Preview *Preview
	Mapping map[string]string
}

// UnknownColumnsError is a refusal that asks which column is which.
type UnknownColumnsError struct {
	*sheet.Refusal
	Seen
}

// Unwrap gives the refusal.
func (e *UnknownColumnsError) Unwrap() error { return e.Refusal }

// look reads the first rows again, for the question that the import asks.
func (p *Plan) look(ctx context.Context) (Seen, error) {
	s := Seen{Preview: newPreview(p), Mapping: p.mapping()}
	v := viewer{out: s.Preview}
	for r, err := range p.rows(ctx) {
		if err != nil {
			return s, err
		}
		if r.Number == p.headerRow {
			continue
		}
		if len(s.Preview.Rows) == sampleRows {
			break
		}
		v.show(r, RowRight)
		s.Preview.LastRow = r.Number
	}
	return s, nil
}

// mapping is the layout in the words of the contract.
func (p *Plan) mapping() map[string]string {
	out := map[string]string{}
	for col, f := range p.layout.fields {
		out[sheet.ColumnName(col)] = string(f)
	}
	return out
}

// asking adds to the errors that ask something what is needed for an answer.
func (p *Plan) asking(ctx context.Context, err error) error {
	switch e := err.(type) { //nolint:errorlint // made in this package, never wrapped
	case *AmbiguousError:
		seen, failed := p.look(ctx)
		if failed != nil {
			return failed
		}
		e.Seen = seen
	case *sheet.Refusal:
		if !slices.Contains([]string{"columns_not_recognised", "no_rows"}, e.Code) {
			return err
		}
		seen, failed := p.look(ctx)
		if failed != nil {
			return failed
		}
		return &UnknownColumnsError{e, seen}
	}
	return err
}
