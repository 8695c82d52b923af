package imports

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/csvsafe"
	"credlane/app/kit/fault"
	"credlane/app/kit/rest"
	"credlane/modules/imports/internal/rowcheck"
	"credlane/modules/imports/internal/sheet"
)

const (
	tag        = "Imports"
	maxUpload  = 20 << 20 // bytes of the whole form
	importTime = 2 * time.Minute
	csvType    = "text/csv; charset=utf-8"
	xlsxType   = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
)

// Mount adds the module's operations.
func (m *Module) Mount(h *rest.Host) {
	rest.Handle(h, rest.Op{
		Method: http.MethodPost, Path: "/api/v1/assessments/{id}/questions/import", ID: "import-questions", Tag: tag,
		Summary: "Import questions from a CSV or XLSX file",
		Description: "Send a form whose options come before `file`. With `dryRun` it only reports, and answers 200 even when rows have " +
			"errors. Otherwise it writes every row or none: 201 when they are written, 422 with the whole report when a row has an error.",
		Role: authn.Recruiter, Status: http.StatusCreated, Also: http.StatusOK, MaxBody: maxUpload, Timeout: importTime, Idempotent: true,
		Faults: slices.Concat([]*fault.Error{ErrRejected, ErrBusy}, m.Faults, refusals),
	}, m.importFile)
	rest.Handle(h, rest.Op{
		Method: http.MethodPost, Path: "/api/v1/imports/check", ID: "check-import", Tag: tag,
		Summary: "Say whether a CSV or XLSX file can be imported",
		Description: "The same form as an import, for a file that has no assessment yet. It only reads, and keeps no report: import the " +
			"file into an assessment with `dryRun` for that.",
		Role: authn.Recruiter, Status: http.StatusOK, MaxBody: maxUpload, Timeout: importTime, Faults: slices.Concat([]*fault.Error{ErrBusy}, refusals),
	}, m.checkFile)
	rest.Handle(h, rest.Op{
		Method: http.MethodGet, Path: "/api/v1/imports/{id}", ID: "get-import", Tag: tag, Summary: "Read the report of an import",
		Role: authn.Viewer, Faults: []*fault.Error{ErrNotFound},
	}, m.getImport)
	rest.Handle(h, rest.Op{
		Method: http.MethodGet, Path: "/api/v1/imports/{id}/errors.csv", ID: "get-import-errors", Tag: tag,
		Summary: "Download the errors and warnings of an import as CSV", Role: authn.Viewer, Stream: true, Produces: csvType,
		Faults: []*fault.Error{ErrNotFound},
	}, m.getErrors)
	rest.Handle(h, rest.Op{
		Method: http.MethodGet, Path: "/api/v1/imports/template.csv", ID: "get-import-template-csv", Tag: tag,
		Summary: "Download a CSV template that imports cleanly", Role: authn.Viewer, Stream: true, Produces: csvType,
	}, m.templateCSV)
	rest.Handle(h, rest.Op{
		Method: http.MethodGet, Path: "/api/v1/imports/template.xlsx", ID: "get-import-template-xlsx", Tag: tag,
		Summary: "Download an XLSX template that imports cleanly", Role: authn.Viewer, Stream: true, Produces: xlsxType,
	}, m.templateXLSX)
}

// importForm is the multipart form of an import.
type importForm struct {
	DryRun     bool      `form:"dryRun" doc:"Only report; write nothing."`
	Sheet      string    `form:"sheet" doc:"XLSX: the name of the sheet, when several hold something."`
	Delimiter  string    `form:"delimiter" doc:"CSV: comma, semicolon or tab, when it is not the one found."`
	Encoding   string    `form:"encoding" doc:"CSV: utf-8, utf-16, utf-16le, utf-16be or windows-1252, when it is not the one found."`
	Header     string    `form:"header" doc:"true or false: whether the first row is a header, when it is not as found."`
	Mapping    string    `form:"mapping" doc:"A JSON object from column letter or number to field: {\"B\": \"prompt\", \"C\": \"answer\"}. Fields: prompt, a to t, options, answer, type, points, tags, difficulty, explanation."`
	AnswerBase string    `form:"answerBase" doc:"How the answer column is meant: text, letter, 0 or 1."`
	SkipRows   string    `form:"skipRows" maxBytes:"524288" doc:"The row numbers to leave out: [10, 12], or 10, 12-15."`
	Edits      string    `form:"edits" maxBytes:"1048576" doc:"A JSON array of cells to mend before judging: [{\"row\": 3, \"column\": \"C\", \"value\": \"b\"}]."`
	Preview    int       `form:"preview" doc:"0 to 200: how many rows without a problem the answer shows. With it the answer has a preview: the header, every row with a reported error, rows with a warning, and these."`
	From       int       `form:"previewFrom" doc:"The row number from which the preview shows rows without a problem."`
	File       rest.File `form:"file"`
}

// option gives the options that are about rows, by name.
func (f importForm) option(name string) string {
	switch name {
	case "header":
		return f.Header
	case "mapping":
		return f.Mapping
	case "answerBase":
		return f.AnswerBase
	case "skipRows":
		return f.SkipRows
	case "edits":
		return f.Edits
	}
	return ""
}

type importIn struct {
	ID   uuid.UUID `path:"id" doc:"The assessment."`
	Form rest.Form[importForm]
}

// Imported is the answer to an import: 200 for a dry run, 201 when the questions are written.
type Imported struct {
	Status   int
	Location string `header:"Location"`
	Body     Result
}

func (m *Module) importFile(ctx context.Context, in *importIn) (*Imported, error) {
	u, err := in.Form.Value.upload()
	if err != nil {
		return nil, err
	}
	return m.Import(ctx, in.ID, u)
}

// upload reads the options.
func (f importForm) upload() (Upload, error) {
	reading, err := rowcheck.ParseOptions(f.option)
	if err == nil {
		reading, err = reading.WithPreview(f.Preview, f.From)
	}
	if err != nil {
		return Upload{}, refusal(err, File{})
	}
	return Upload{
		File: f.File, DryRun: f.DryRun, Reading: reading,
		Sheet: sheet.Options{Sheet: f.Sheet, Delimiter: f.Delimiter, Encoding: f.Encoding},
	}, nil
}

type checkIn struct{ Form rest.Form[importForm] }

// checked is what a file is that nobody has an assessment for yet.
type checked struct {
	File         File `json:"file"`
	Accepted     int  `json:"accepted" doc:"Rows that are good."`
	Rejected     int  `json:"rejected" doc:"Rows with an error."`
	ErrorCount   int  `json:"errorCount"`
	WarningCount int  `json:"warningCount"`
}

type checkOut struct{ Body checked }

// checkFile is a dry run without an assessment: it tells whether a file can be read before a draft is made for it.
func (m *Module) checkFile(ctx context.Context, in *checkIn) (*checkOut, error) {
	u, err := in.Form.Value.upload()
	if err != nil {
		return nil, err
	}
	file, r, err := m.read(ctx, u, nil)
	if err != nil {
		return nil, refusal(err, file)
	}
	return &checkOut{checked{file, r.Accepted, r.Rejected, r.ErrorCount, r.WarningCount}}, nil
}

type idIn struct {
	ID uuid.UUID `path:"id" doc:"The import."`
}

type resultOut struct{ Body Result }

func (m *Module) getImport(ctx context.Context, in *idIn) (*resultOut, error) {
	r, err := m.Find(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &resultOut{r}, nil
}

type streamOut struct{ Body *rest.Stream }

func (m *Module) getErrors(ctx context.Context, in *idIn) (*streamOut, error) {
	r, err := m.Find(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &streamOut{&rest.Stream{ContentType: csvType, Filename: "import-errors.csv", Write: func(_ context.Context, w io.Writer) error {
		return writeIssues(w, r)
	}}}, nil
}

// writeIssues is the error report as a file: a message quotes no cell, but a sheet's name or a header may stand in one.
func writeIssues(w io.Writer, r Result) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	records := [][]string{{"severity", "row", "column", "code", "message"}}
	for _, list := range []struct {
		severity string
		issues   []Issue
	}{{"error", r.Errors}, {"warning", r.Warnings}} {
		for _, i := range list.issues {
			records = append(records, []string{list.severity, strconv.Itoa(i.Row), i.Column, i.Code, csvsafe.Cell(i.Message)})
		}
	}
	if err := out.WriteAll(records); err != nil {
		return fmt.Errorf("write the error report: %w", err)
	}
	return nil
}

func (m *Module) templateCSV(context.Context, *struct{}) (*streamOut, error) {
	return &streamOut{&rest.Stream{ContentType: csvType, Filename: "credlane-questions.csv", Write: func(_ context.Context, w io.Writer) error {
		return writeTemplateCSV(w)
	}}}, nil
}

func (m *Module) templateXLSX(context.Context, *struct{}) (*streamOut, error) {
	file, err := templateXLSX()
	if err != nil {
		return nil, err
	}
	return &streamOut{&rest.Stream{ContentType: xlsxType, Filename: "credlane-questions.xlsx", Write: func(_ context.Context, w io.Writer) error {
		_, err := io.Copy(w, bytes.NewReader(file))
		return err
	}}}, nil
}
