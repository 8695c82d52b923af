package submissions

import (
	"archive/zip"
	"fmt"
	"io"
	"strconv"

	"github.com/xuri/excelize/v2"

	"credlane/app/kit/csvsafe"
)

// xlsxExport writes one sheet. Rows go to a temporary file beyond 16 MiB, and from there straight to the reader.
type xlsxExport struct {
	sheet  *sheet
	file   *excelize.File
	stream *excelize.StreamWriter
	moment int // the style of a time
	n      int // rows written
	cells  []cell
	values []any
}

const sheetName = "Submissions"

func newXLSXExport(s *sheet, w io.Writer) (*xlsxExport, error) {
	columns := int64(len(fixedColumns) + 2*len(s.questions))
	if s.rows > MaxXLSXRows || columns > MaxXLSXColumns || (s.rows+1)*columns > MaxXLSXCells {
		return nil, ErrTooManyRows
	}
	e := &xlsxExport{sheet: s, file: excelize.NewFile()}
	// The library would put the whole file together in memory first; this way its parts go to w as they are packed.
	e.file.SetZipWriter(func(io.Writer) excelize.ZipWriter { return zip.NewWriter(w) })
	if err := e.begin(); err != nil {
		return nil, fmt.Errorf("begin the workbook: %w", err)
	}
	return e, nil
}

func (e *xlsxExport) begin() (err error) {
	if err = e.file.SetSheetName("Sheet1", sheetName); err != nil {
		return err
	}
	format := "yyyy-mm-dd hh:mm:ss"
	if e.moment, err = e.file.NewStyle(&excelize.Style{CustomNumFmt: &format}); err != nil {
		return err
	}
	if e.stream, err = e.file.NewStreamWriter(sheetName); err != nil {
		return err
	}
	if err = e.stream.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	return e.write(e.sheet.header())
}

func (e *xlsxExport) row(r *exportRow) error {
	e.cells = e.sheet.cells(e.cells, r)
	return e.write(e.cells)
}

func (e *xlsxExport) write(cells []cell) error {
	e.values = e.values[:0]
	for _, c := range cells {
		e.values = append(e.values, e.value(c))
	}
	e.n++
	return e.stream.SetRow("A"+strconv.Itoa(e.n), e.values)
}

func (e *xlsxExport) value(c cell) any {
	switch {
	case c.text == "":
		return nil
	case c.kind == momentCell:
		return excelize.Cell{StyleID: e.moment, Value: c.at}
	case c.kind == numberCell:
		// The file's numbers are text that the reader turns into a double; the library knows no other way in. Ours have at
		// most 11 digits, which a double gives back as they were.
		if v, err := strconv.ParseFloat(c.text, 64); err == nil {
			return v
		}
	}
	return csvsafe.Cell(c.text)
}

func (e *xlsxExport) finish() error {
	if err := e.stream.Flush(); err != nil {
		return fmt.Errorf("finish the sheet: %w", err)
	}
	if err := e.file.Write(io.Discard); err != nil {
		return fmt.Errorf("pack the workbook: %w", err)
	}
	return nil
}

func (e *xlsxExport) discard() error { return e.file.Close() }
