package submissions

import (
	"bytes"
	"encoding/csv"
	"io"

	"credlane/app/kit/csvsafe"
)

const byteOrderMark = "\uFEFF"

// csvExport writes RFC 4180: UTF-8, commas, CRLF, quotes where they are needed.
type csvExport struct {
	sheet  *sheet
	w      io.Writer
	csv    *csv.Writer
	line   bytes.Buffer
	cells  []cell
	fields []string
}

func newCSVExport(s *sheet, w io.Writer, mark bool) (*csvExport, error) {
	e := &csvExport{sheet: s, w: w}
	e.csv = csv.NewWriter(&e.line)
	if mark {
		if _, err := io.WriteString(w, byteOrderMark); err != nil {
			return nil, err
		}
	}
	return e, e.write(s.header())
}

func (e *csvExport) row(r *exportRow) error {
	e.cells = e.sheet.cells(e.cells, r)
	return e.write(e.cells)
}

// write makes one line at a time: with UseCRLF the writer would change the line ends inside of fields as well.
func (e *csvExport) write(cells []cell) error {
	e.fields = e.fields[:0]
	for _, c := range cells {
		if c.kind == textCell {
			c.text = csvsafe.Cell(c.text)
		}
		e.fields = append(e.fields, c.text)
	}
	e.line.Reset()
	if err := e.csv.Write(e.fields); err != nil {
		return err
	}
	if e.csv.Flush(); e.csv.Error() != nil {
		return e.csv.Error()
	}
	e.line.Truncate(e.line.Len() - 1)
	e.line.WriteString("\r\n")
	_, err := e.w.Write(e.line.Bytes())
	return err
}

func (e *csvExport) finish() error  { return nil }
func (e *csvExport) discard() error { return nil }
