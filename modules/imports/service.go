package imports

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/audit"
	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
	"credlane/app/kit/rest"
	"credlane/modules/imports/internal/rowcheck"
	"credlane/modules/imports/internal/sheet"
)

// Upload is one file to import and how to read it.
type Upload struct {
	File    rest.File
	DryRun  bool
	Sheet   sheet.Options
	Reading rowcheck.Options
}

// readerPatience is how long an upload waits for its turn to be read.
const readerPatience = 10 * time.Second

// judged is a file that has been read and judged, its good rows waiting in the spool.
type judged struct {
	result Result
	bytes  int64
	spool  *spool
}

// judge reads the whole file, twice, puts its good rows into the spool and writes nothing else. What stops it altogether comes
// back as a fault in plain words.
func (m *Module) judge(ctx context.Context, assessmentID uuid.UUID, u Upload, s *spool) (*judged, error) {
	file, report, err := m.read(ctx, u, s.add)
	if err != nil {
		err = refusal(err, file)
		if f, ok := fault.As(err); ok && f.Kind == fault.Invalid {
			m.Counters.Import(unreadable)
		}
		return nil, err
	}
	r := Result{
		ID: m.IDs.ID(), AssessmentID: assessmentID, Status: Done, DryRun: u.DryRun, Accepted: report.Accepted, Rejected: report.Rejected,
		Warned: report.Warned, Errors: orEmpty(report.Errors), ErrorCount: report.ErrorCount, Warnings: orEmpty(report.Warnings),
		WarningCount: report.WarningCount, Mapping: report.Mapping, AnswerBase: report.AnswerBase, Sample: orEmpty(report.Sample),
		Preview: report.Preview, CreatedAt: m.Clock.Now(), File: file,
	}
	switch {
	case u.DryRun:
		r.Status = Checked
	case r.ErrorCount > 0:
		r.Status = Rejected
	}
	return &judged{result: r, bytes: u.File.Size, spool: s}, nil
}

// read waits for its turn and runs both passes over the file. What it found out before an error comes with the error.
func (m *Module) read(ctx context.Context, u Upload, emit func(*Question) error) (f File, report *rowcheck.Report, err error) {
	if err := m.turn(ctx); err != nil {
		return f, nil, err
	}
	defer func() { <-m.readers }()
	u.Sheet.TempDir = m.TempDir
	file, err := sheet.Open(ctx, u.File, u.File.Size, u.File.Name, u.Sheet)
	if err != nil {
		return f, nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	f = File{
		Name: u.File.Name, SHA256: hex.EncodeToString(u.File.SHA256[:]), Format: string(file.Format), Encoding: file.Encoding,
		Delimiter: file.Delimiter, Sheet: file.Sheet, Sheets: orEmpty(file.Sheets),
	}
	if report, err = rowcheck.Check(ctx, file, u.Reading, emit); err != nil {
		return f, nil, err
	}
	f.Header = report.Header
	return f, report, nil
}

// turn waits for a place among the readers. The caller gives it back.
func (m *Module) turn(ctx context.Context) error {
	patience := time.NewTimer(readerPatience)
	defer patience.Stop()
	select {
	case m.readers <- struct{}{}:
		return nil
	case <-patience.C:
		return ErrBusy
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Import reads, judges and, unless it is a dry run or has errors, writes every question in one transaction. Errors:
// ErrRejected with the whole report, a refusal with a code of its own, ErrBusy, and what Questions answers.
func (m *Module) Import(ctx context.Context, assessmentID uuid.UUID, u Upload) (out *Imported, err error) {
	if refused := m.Questions.Editable(ctx, assessmentID); refused != nil {
		// The retry of an import that was done gets its first answer, whatever has become of the draft since.
		return rest.Once(ctx, m.DB, func(pgx.Tx) (*Imported, error) { return nil, refused })
	}
	s, err := newSpool(m.TempDir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	j, err := m.judge(ctx, assessmentID, u, s)
	if err != nil {
		return nil, err
	}
	if j.result.Status == Rejected {
		// Not under the key: an answer that wrote no question is nothing to repeat.
		if err := m.DB.InTx(ctx, func(tx pgx.Tx) error { return m.record(ctx, tx, j) }); err != nil {
			return nil, err
		}
		m.Counters.Import(string(Rejected))
		return nil, rejected(j.result)
	}
	out, err = rest.Once(ctx, m.DB, func(tx pgx.Tx) (*Imported, error) { return m.write(ctx, tx, j) })
	if err != nil {
		return nil, err
	}
	m.Counters.Import(string(j.result.Status))
	return out, nil
}

// write adds the questions, unless it is a dry run, and the report.
func (m *Module) write(ctx context.Context, tx pgx.Tx, j *judged) (*Imported, error) {
	if j.result.Status == Checked {
		return &Imported{Status: http.StatusOK, Body: j.result}, m.record(ctx, tx, j)
	}
	n, err := m.Questions.AppendTx(ctx, tx, authn.From(ctx).EmployerID, j.result.AssessmentID, j.spool.questions())
	if err != nil {
		return nil, err
	}
	if n != j.result.Accepted {
		return nil, fmt.Errorf("import %s: %d rows were accepted and %d written", j.result.ID, j.result.Accepted, n)
	}
	done := &Imported{Status: http.StatusCreated, Location: "/api/v1/imports/" + j.result.ID.String(), Body: j.result}
	return done, m.record(ctx, tx, j)
}

// record writes the import's own row, its issues and its audit event.
func (m *Module) record(ctx context.Context, tx pgx.Tx, j *judged) error {
	p := authn.From(ctx)
	r := j.result
	if err := insertImport(ctx, tx, p.EmployerID, p.ID(), j.bytes, r); err != nil {
		return err
	}
	return audit.Write(ctx, tx, audit.Event{
		ID: m.IDs.ID(), EmployerID: p.EmployerID, Action: "import." + string(r.Status), ObjectType: "import", ObjectID: r.ID,
		After: map[string]any{
			"assessmentId": r.AssessmentID, "accepted": r.Accepted, "rejected": r.Rejected, "sha256": r.File.SHA256,
		},
		RequestID: rest.RequestID(ctx), At: r.CreatedAt,
	})
}

// Find reads the report of one of the caller's imports. Errors: ErrNotFound.
func (m *Module) Find(ctx context.Context, id uuid.UUID) (Result, error) {
	return findImport(ctx, m.DB, authn.From(ctx).EmployerID, id)
}

// rejected is the problem of an import with errors: the report at its top level, its errors being the rows'.
func rejected(r Result) error {
	f := ErrRejected
	for name, value := range map[string]any{
		"id": r.ID, "assessmentId": r.AssessmentID, "dryRun": r.DryRun, "accepted": r.Accepted, "rejected": r.Rejected,
		"warned": r.Warned, "errors": r.Errors, "errorCount": r.ErrorCount, "warnings": r.Warnings, "warningCount": r.WarningCount,
		"file": r.File, "mapping": r.Mapping, "answerBase": r.AnswerBase, "sample": r.Sample,
	} {
		f = f.WithExtra(name, value)
	}
	if r.Preview != nil {
		f = f.WithExtra("preview", r.Preview)
	}
	return f
}

// refusal words what stops a whole import; an error of ours stays what it is. Where the import asks, the answer holds what a
// person needs to decide: what the file is, and its first rows.
func refusal(err error, file File) error {
	var ambiguous *rowcheck.AmbiguousError
	if errors.As(err, &ambiguous) {
		return seen(fault.New(fault.Invalid, codeAmbiguous, ambiguous.Error()).WithExtra("readings", ambiguous.Readings).
			WithFields(fault.Field{Location: "form.answerBase", Message: "Choose one of the readings."}), ambiguous.Seen, file)
	}
	var r *sheet.Refusal
	if !errors.As(err, &r) {
		return err
	}
	f := worded(r, err)
	var unknown *rowcheck.UnknownColumnsError
	if errors.As(err, &unknown) {
		f = seen(f, unknown.Seen, file)
	}
	return f
}

// seen adds what could be seen of the file.
func seen(f *fault.Error, s rowcheck.Seen, file File) *fault.Error {
	file.Header = s.Preview.HeaderRow > 0
	return f.WithExtra("file", file).WithExtra("mapping", s.Mapping).WithExtra("preview", s.Preview)
}

// worded is the fault of a refusal.
func worded(r *sheet.Refusal, err error) *fault.Error {
	f := fault.New(fault.Invalid, r.Code, r.Message).Because(err).WithFields(place(r))
	if r.Sheets != nil {
		f = f.WithExtra("sheets", r.Sheets)
	}
	for name, n := range map[string]int{"row": r.Row, "line": r.Line} {
		if n > 0 {
			f = f.WithExtra(name, n)
		}
	}
	if r.Column > 0 {
		f = f.WithExtra("column", sheet.ColumnName(r.Column))
	}
	return f
}

// place is the part of the form that the refusal is about: the option that would help, or else the file.
func place(r *sheet.Refusal) fault.Field {
	const correct = "Correct this option, or leave it out."
	switch r.Code {
	case codeOption:
		return fault.Field{Location: "form." + r.Option, Message: correct}
	case "invalid_mapping":
		return fault.Field{Location: "form.mapping", Message: correct}
	case "columns_not_recognised":
		return fault.Field{Location: "form.mapping", Message: "Say which column is which."}
	case "sheet_required", "sheet_not_found":
		return fault.Field{Location: "form.sheet", Message: "Name one of the sheets."}
	case "unknown_delimiter":
		return fault.Field{Location: "form.delimiter", Message: correct}
	case "unknown_encoding", "wrong_encoding":
		return fault.Field{Location: "form.encoding", Message: correct}
	case "edit_not_found":
		return fault.Field{Location: "form.edits", Message: "Edit only rows that the file has."}
	}
	return fault.Field{Location: "form.file", Message: "Mend the file, or upload another one."}
}

// unreadable counts the files that were refused as a whole.
const unreadable = "unreadable"

// The codes that need more than their sentence.
const (
	codeAmbiguous = "ambiguous_answer_base"
	codeOption    = "invalid_option"
	codeTooLarge  = "too_much_text"
)

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
