package sheet

import "fmt"

// Refusal is a file that cannot be read, in words for the person who sent it. Code is stable; the numbers are 1-based and
// 0 where they do not apply. Its Error text carries no library's words; errors.Unwrap gives the cause for the log.
type Refusal struct {
	Code    string
	Message string
	Row     int
	Line    int
	Column  int
	Sheets  []string // sheet_required and sheet_not_found: the names to choose from
	Option  string   // invalid_option: the option's name
	cause   error
}

func (r *Refusal) Error() string { return r.Message }

// Unwrap gives what a library said, for logs only.
func (r *Refusal) Unwrap() error { return r.cause }

func refuse(code, format string, args ...any) *Refusal {
	if len(args) > 0 {
		format = fmt.Sprintf(format, args...)
	}
	return &Refusal{Code: code, Message: format}
}

func (r *Refusal) because(err error) *Refusal { r.cause = err; return r }

func (r *Refusal) at(row, line, column int) *Refusal {
	r.Row, r.Line, r.Column = row, line, column
	return r
}

func tooManyRows(row int) *Refusal {
	return refuse("too_many_rows", "The file has more than 50,000 rows. Split it into smaller files and import them one after the other.").at(row, 0, 0)
}

func tooManyColumns(row int) *Refusal {
	return refuse("too_many_columns", "Row %d has more than 200 columns. Delete the columns that belong to no question, then save the file again.", row).at(row, 0, 0)
}

func rowTooLarge(row int) *Refusal {
	return refuse("row_too_large", "Row %d is larger than 256 KiB. Shorten its texts; a question has at most 20,000 characters.", row).at(row, 0, 0)
}

func emptyFile() *Refusal {
	return refuse("empty_file", "The file is empty. Upload a file with one question in each row.")
}

func damagedXLSX(part string, err error) *Refusal {
	return refuse("damaged_workbook", "The workbook is damaged: its part %q cannot be read to the end. Open it in your spreadsheet program, save it as a new .xlsx file, and upload that.", part).because(err)
}

// ColumnName gives the letters of a 1-based column: 1 is A, 27 is AA. It gives "" below 1.
func ColumnName(n int) string {
	var b [8]byte
	i := len(b)
	for ; n > 0; n = (n - 1) / 26 {
		i--
		b[i] = byte('A' + (n-1)%26)
	}
	return string(b[i:])
}
