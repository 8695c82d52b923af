package sheet

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"
)

const (
	maxStyles      = 1 << 16 // Excel's own limit is 65,490
	maxFormats     = 5_000
	maxFormatBytes = 1_024
	maxFormatted   = 4_096 // formatted numbers that are remembered
)

// numberFormats is what the styles part says about numbers: for each cell style the id of its format, and the codes that
// the workbook itself defines.
type numberFormats struct {
	byStyle []int32
	codes   map[int32]string
}

func readStyles(ctx context.Context, p *pack, key string, b *budget) (numberFormats, error) {
	out := numberFormats{codes: map[int32]string{}}
	if p.parts[key] == nil {
		return out, nil
	}
	x, err := p.scan(ctx, key, b)
	if err != nil {
		return out, err
	}
	inside := "" // dxfs hold numFmt elements too, which are not the workbook's
	for {
		k, err := x.next()
		if err != nil {
			return out, partError(key, err)
		}
		switch {
		case k == tokenEnd:
			return out, nil
		case k == tokenClose && (string(x.name) == inside):
			inside = ""
		case k != tokenOpen:
		case string(x.name) == "numFmts", string(x.name) == "cellXfs":
			inside = string(x.name)
		case inside == "numFmts" && string(x.name) == "numFmt" && len(out.codes) < maxFormats:
			id, err := strconv.ParseInt(x.attr("numFmtId"), 10, 32)
			if code := x.attr("formatCode"); err == nil && len(code) <= maxFormatBytes {
				out.codes[int32(id)] = code
			}
		case inside == "cellXfs" && string(x.name) == "xf" && len(out.byStyle) < maxStyles:
			id, err := strconv.ParseInt(x.attr("numFmtId"), 10, 32)
			if err != nil {
				id = 0
			}
			out.byStyle = append(out.byStyle, int32(id))
		}
	}
}

// formatter shows numbers and dates as the sheet shows them. The formatting is excelize's: it works on an empty workbook of
// its own, in which each format has one cell.
type formatter struct {
	numberFormats
	date1904 bool
	book     *excelize.File
	cells    map[int32]string
	done     map[formatted]string
}

type formatted struct {
	format int32
	value  string
}

const scratchSheet = "Sheet1" // what excelize names the sheet of a new workbook

func newFormatter(n numberFormats, date1904 bool) *formatter {
	return &formatter{numberFormats: n, date1904: date1904, cells: map[int32]string{}, done: map[formatted]string{}}
}

// formatOf gives the number format of a cell style; 0 is "General".
func (f *formatter) formatOf(style int) int32 {
	if style < 0 || style >= len(f.byStyle) {
		return 0
	}
	return f.byStyle[style]
}

// show gives the text of a number under a style. A value that is no number, and one whose format is not understood, stays as
// it is.
func (f *formatter) show(style int, value string) string {
	id := f.formatOf(style)
	if id == 0 && isShortInteger(value) {
		return value
	}
	key := formatted{id, value}
	if s, ok := f.done[key]; ok {
		return s
	}
	s := f.compute(id, value)
	if len(f.done) >= maxFormatted {
		clear(f.done)
	}
	f.done[key] = s
	return s
}

func (f *formatter) compute(id int32, value string) (out string) {
	defer func() {
		if recover() != nil {
			out = value // an odd format code: the plain number is better than no import
		}
	}()
	cell, err := f.cell(id)
	if err != nil {
		return value
	}
	if err := f.book.SetCellDefault(scratchSheet, cell, value); err != nil {
		return value
	}
	s, err := f.book.GetCellValue(scratchSheet, cell)
	if err != nil {
		return value
	}
	return s
}

// cell gives the scratch cell that has format id.
func (f *formatter) cell(id int32) (string, error) {
	if c, ok := f.cells[id]; ok {
		return c, nil
	}
	if f.book == nil {
		f.book = excelize.NewFile()
		if err := f.book.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &f.date1904}); err != nil {
			return "", err
		}
	}
	c := "A" + strconv.Itoa(len(f.cells)+1)
	if id != 0 {
		style := &excelize.Style{NumFmt: int(id)}
		if code, ok := f.codes[id]; ok {
			style = &excelize.Style{CustomNumFmt: &code}
		}
		n, err := f.book.NewStyle(style)
		if err != nil {
			return "", err
		}
		if err := f.book.SetCellStyle(scratchSheet, c, c, n); err != nil {
			return "", err
		}
	}
	f.cells[id] = c
	return c, nil
}

// showDate shows an ISO 8601 date (t="d") under its style, or as it is written when the style is no date format.
func (f *formatter) showDate(style int, value string) string {
	if f.formatOf(style) == 0 || !strings.HasSuffix(value, "Z") {
		return value
	}
	t, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return value
	}
	epoch := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	if f.date1904 {
		epoch = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return f.show(style, strconv.FormatFloat(t.Sub(epoch).Hours()/24, 'f', -1, 64))
}

func isShortInteger(s string) bool {
	if len(s) == 0 || len(s) > 11 || len(s) > 1 && s[0] == '0' {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
