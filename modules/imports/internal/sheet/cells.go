package sheet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	maxSheetRow    = 1 << 20 // Excel's grid
	maxSheetColumn = 1 << 14
	maxMerges      = 10_000
)

// survey is the first pass over a sheet: whether it holds anything, what is merged, and whether it keeps the bounds.
func (w *workbook) survey(ctx context.Context, b *budget, s *worksheet) error {
	rows, kept := 0, &keeper{}
	merged := func(m span) {
		if len(s.merges) < maxMerges {
			s.merges = append(s.merges, m)
		}
	}
	err := w.scanSheet(ctx, b, s, merged, func(r *Row) error {
		kept.keep(r, &w.kept)
		if !r.Blank() {
			s.filled = true
			if rows++; rows > MaxRows+1 {
				return tooManyRows(r.Number)
			}
		}
		return nil
	})
	slices.SortFunc(s.merges, func(a, b span) int { return a.row - b.row })
	var ref *Refusal
	if !errors.As(err, &ref) {
		if err == nil && !kept.over && len(s.merges) == 0 {
			s.kept = kept
			w.kept.bytes += kept.bytes
			w.kept.cells += kept.cells
		}
		return err
	}
	switch ref.Code {
	case "too_many_rows", "too_many_columns", "damaged_workbook":
		s.trouble, s.filled = err, true
		return nil
	}
	return err
}

func (w *workbook) read(ctx context.Context, s *worksheet, row func(*Row) error) error {
	if s.kept != nil {
		return s.kept.each(row)
	}
	return w.scanSheet(ctx, &budget{left: MaxInflatedBytes}, s, nil, row)
}

// cellReader builds rows out of the XML of one sheet.
type cellReader struct {
	x      *xmlScanner
	book   *workbook
	row    Row
	start  int64 // where the row's XML begins
	data   []byte
	spans  []cellSpan
	value  []byte
	merges []span // sorted by row; those above the current row are behind
	cover  [MaxColumns + 1]span
}

type cellSpan struct{ col, from, to int }

// scanSheet reads the rows of a sheet. The merged ranges come behind all rows: the first pass collects them by calling
// merged, the later ones know them.
func (w *workbook) scanSheet(ctx context.Context, b *budget, s *worksheet, merged func(span), row func(*Row) error) error {
	x, err := w.pack.scan(ctx, s.part, b)
	if err != nil {
		return err
	}
	c := &cellReader{x: x, book: w, merges: s.merges}
	for {
		k, err := x.next()
		if err != nil {
			return c.failed(s.part, err)
		}
		if k == tokenEnd {
			return nil
		}
		if k != tokenOpen {
			continue
		}
		switch string(x.name) {
		case "row":
			if err := c.readRow(); err != nil {
				return c.failed(s.part, err)
			}
			if err := row(&c.row); err != nil {
				return err
			}
		case "mergeCell":
			if m, ok := parseSpan(x.attr("ref")); ok && merged != nil {
				merged(m)
			}
		}
	}
}

func (c *cellReader) failed(part string, err error) error {
	if errors.Is(err, errTokenTooLong) {
		return rowTooLarge(c.row.Number)
	}
	return partError(part, err)
}

// readRow reads the <row> that was just opened. Rows and cells without a reference follow the one before.
func (c *cellReader) readRow() error {
	c.start = c.x.offset()
	number := c.row.Number + 1
	if r := c.x.attr("r"); r != "" {
		n, err := strconv.Atoi(strings.TrimSpace(r))
		if err != nil || n < number || n > maxSheetRow {
			return fmt.Errorf("%w: row %.20q after row %d", errMalformed, r, number-1)
		}
		number = n
	}
	c.row.Number = number
	c.data, c.spans, c.row.Faults = c.data[:0], c.spans[:0], c.row.Faults[:0]
	depth, col := len(c.x.stack), 0
	for mark, filled := c.start, 0; ; mark = c.x.offset() {
		k, err := c.token()
		if err != nil {
			return err
		}
		if k == tokenClose && len(c.x.stack) < depth {
			return c.publish()
		}
		if k == tokenOpen && string(c.x.name) == "c" {
			if col, err = c.readCell(col + 1); err != nil {
				return err
			}
			if len(c.spans) == filled { // formatted empty cells do not count: some programs write 16,384 of them a row
				c.start += c.x.offset() - mark
			}
			filled = len(c.spans)
		}
	}
}

func (c *cellReader) token() (tokenKind, error) {
	k, err := c.x.next()
	if err == nil && k == tokenEnd {
		err = errMalformed
	}
	if err == nil && c.tooLarge() {
		err = errTokenTooLong
	}
	return k, err
}

func (c *cellReader) tooLarge() bool {
	return c.x.offset()-c.start > MaxRowBytes || len(c.data) > MaxRowBytes
}

// readCell reads the <c> that was just opened and gives its column; next is the one it has without a reference.
func (c *cellReader) readCell(next int) (col int, err error) {
	var kind string
	style := 0
	col = next
	err = c.x.eachAttr(func(name, raw []byte) {
		switch string(name) {
		case "r":
			if n := columnOf(raw); n > 0 {
				col = n
			}
		case "s":
			style, _ = strconv.Atoi(string(raw)) // a broken style is style 0
		case "t":
			kind = cellType(raw)
		}
	})
	if err != nil {
		return col, err
	}
	if col < next || col > maxSheetColumn {
		return col, fmt.Errorf("%w: column %d after column %d", errMalformed, col, next-1)
	}
	from := len(c.data)
	formula, err := c.readValue(kind)
	if err != nil {
		return col, err
	}
	if c.covered(col) {
		c.data = c.data[:from]
	} else if err := c.interpret(kind, style, col, formula); err != nil {
		return col, err
	}
	if len(c.data) > from {
		if col > MaxColumns {
			return col, tooManyColumns(c.row.Number)
		}
		c.spans = append(c.spans, cellSpan{col, from, len(c.data)})
	}
	return col, nil
}

// cellType names the types without making a string for each cell.
func cellType(raw []byte) string {
	for _, t := range [...]string{"s", "str", "inlineStr", "b", "e", "d", "n"} {
		if string(raw) == t {
			return t
		}
	}
	return "n"
}

// readValue reads to the end of the cell: an inline string goes to data, the text of <v> to value.
func (c *cellReader) readValue(kind string) (formula bool, err error) {
	c.value = c.value[:0]
	depth, inValue := len(c.x.stack), false
	for {
		k, err := c.token()
		if err != nil {
			return formula, err
		}
		switch k {
		case tokenOpen:
			switch string(c.x.name) {
			case "v":
				inValue = true
			case "f":
				formula = true
				err = c.x.skipElement()
			case "is":
				if kind != "inlineStr" {
					err = c.x.skipElement()
					break
				}
				c.data, err = readStringItem(c.x, c.data, c.tooLarge)
			default: // extensions
				err = c.x.skipElement()
			}
			if err != nil {
				return formula, err
			}
		case tokenText:
			if inValue {
				if c.value, err = appendText(c.value, c.x.text, c.x.cdata); err != nil {
					return formula, err
				}
			}
		case tokenClose:
			inValue = false
			if len(c.x.stack) < depth {
				return formula, nil
			}
		}
	}
}

// interpret appends the cell's text to data.
func (c *cellReader) interpret(kind string, style, col int, formula bool) error {
	if len(c.value) == 0 {
		if formula && kind != "str" { // an empty text is a result too
			c.fault(col, "formula_without_value", "the cell holds a formula without a saved result. Open the file in your spreadsheet program and save it, so that the result is stored.")
		}
		if kind != "inlineStr" || len(c.data) > 0 {
			return nil
		}
	}
	switch kind {
	case "s":
		i, err := strconv.Atoi(string(bytes.TrimSpace(c.value)))
		if err != nil {
			i = -1
		}
		out, ok, err := c.book.strings.append(c.data, i)
		c.data = out
		if err == nil && !ok {
			err = fmt.Errorf("%w: no shared string %d", errMalformed, i)
		}
		return err
	case "str", "inlineStr":
		mark := len(c.data)
		c.data = unescape(append(c.data, c.value...), mark)
	case "b":
		v := string(bytes.TrimSpace(c.value))
		switch v {
		case "1", "true":
			v = "TRUE"
		case "0", "false":
			v = "FALSE"
		}
		c.data = append(c.data, v...)
	case "e":
		c.data = append(c.data, c.value...)
		c.fault(col, "cell_error", fmt.Sprintf("the cell shows the error %.20s. Correct its formula or type the text.", c.value))
	case "d":
		c.data = append(c.data, c.book.formats.showDate(style, string(bytes.TrimSpace(c.value)))...)
	default:
		c.data = append(c.data, c.book.formats.show(style, string(bytes.TrimSpace(c.value)))...)
	}
	return nil
}

func (c *cellReader) fault(col int, code, message string) {
	if col <= MaxColumns {
		c.row.Faults = append(c.row.Faults, Fault{Column: col, Code: code, Message: message})
	}
}

// covered says whether the cell lies under a merged one, where a sheet shows nothing.
func (c *cellReader) covered(col int) bool {
	for len(c.merges) > 0 && c.merges[0].row <= c.row.Number {
		for i := c.merges[0].col; i <= min(c.merges[0].lastCol, MaxColumns); i++ {
			c.cover[i] = c.merges[0]
		}
		c.merges = c.merges[1:]
	}
	if col > MaxColumns || c.row.Number > c.cover[col].lastRow {
		return false
	}
	m := &c.cover[col]
	return c.row.Number != m.row || col != m.col
}

// publish cuts the row's text into cells.
func (c *cellReader) publish() error {
	if c.tooLarge() {
		return errTokenTooLong
	}
	all := string(c.data)
	c.row.Cells = c.row.Cells[:0]
	for _, s := range c.spans {
		for len(c.row.Cells) < s.col-1 {
			c.row.Cells = append(c.row.Cells, "")
		}
		c.row.Cells = append(c.row.Cells, all[s.from:s.to])
	}
	return nil
}

// columnOf reads the letters of a reference such as AB12; 0 means that there are none.
func columnOf(ref []byte) int {
	n := 0
	for _, c := range ref {
		if c == '$' {
			continue
		}
		if c |= 0x20; c < 'a' || c > 'z' || n > maxSheetColumn {
			break
		}
		n = n*26 + int(c-'a') + 1
	}
	return n
}

func parseSpan(ref string) (span, bool) {
	a, b, ok := strings.Cut(ref, ":")
	if !ok {
		return span{}, false
	}
	row := func(s string) int {
		n, err := strconv.Atoi(strings.TrimLeft(s, "$ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"))
		if err != nil {
			return 0
		}
		return n
	}
	m := span{row: row(a), col: columnOf([]byte(a)), lastRow: row(b), lastCol: columnOf([]byte(b))}
	return m, m.row > 0 && m.col > 0 && m.lastRow >= m.row && m.lastCol >= m.col
}
