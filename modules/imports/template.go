package imports

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"

	"github.com/xuri/excelize/v2"
)

// template is a question of every type, with the columns that an import knows. It imports as it is.
var template = [][]string{
	{"type", "question", "a", "b", "c", "d", "answer", "points", "tags", "difficulty", "explanation", "tolerance", "case_sensitive"},
	{"single_choice", "Which port does HTTPS use by default?", "80", "443", "22", "8080", "b", "1", "networking", "easy", "443 is assigned to HTTPS.", "", ""},
	{"multiple_choice", "Which of these are HTTP methods?", "GET", "FETCH", "PATCH", "PUSH", "a; c", "2", "networking; http", "medium", "", "", ""},
	{"true_false", "A SQL primary key may hold NULL.", "", "", "", "", "false", "1", "sql", "easy", "", "", ""},
	{"short_text", "Which command lists the files of a directory on Linux?", "", "", "", "", "ls", "1", "linux", "easy", "", "", "true"},
	{"numeric", "How many kilometres are 26.2 miles, to the nearest tenth?", "", "", "", "", "42.2", "1", "arithmetic", "medium", "", "0.1", ""},
}

func writeTemplateCSV(w io.Writer) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil { // Excel reads UTF-8 by its byte order mark alone
		return err
	}
	out := csv.NewWriter(w)
	out.UseCRLF = true
	if err := out.WriteAll(template); err != nil {
		return fmt.Errorf("write the template: %w", err)
	}
	return nil
}

func templateXLSX() (body []byte, err error) {
	f := excelize.NewFile()
	defer func() { err = errors.Join(err, f.Close()) }()
	const sheetName = "Questions"
	if err := f.SetSheetName(f.GetSheetName(0), sheetName); err != nil {
		return nil, fmt.Errorf("make the template: %w", err)
	}
	for i, row := range template {
		cell, err := excelize.CoordinatesToCellName(1, i+1)
		if err != nil {
			return nil, fmt.Errorf("make the template: %w", err)
		}
		if err := f.SetSheetRow(sheetName, cell, &row); err != nil {
			return nil, fmt.Errorf("make the template: %w", err)
		}
	}
	if err := f.SetColWidth(sheetName, "B", "B", 60); err != nil {
		return nil, fmt.Errorf("make the template: %w", err)
	}
	var out bytes.Buffer
	if err := f.Write(&out); err != nil {
		return nil, fmt.Errorf("make the template: %w", err)
	}
	return out.Bytes(), nil
}
