// Package imports turns one uploaded CSV or XLSX file into questions, or into a report of everything that stops it.
package imports

import (
	"context"
	"encoding/json"
	"iter"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/clock"
	"credlane/app/kit/fault"
	"credlane/app/kit/ids"
	"credlane/app/kit/pg"
	"credlane/modules/imports/internal/rowcheck"
)

// Question is a row that became a question.
type Question = rowcheck.Question

// Option is one option of a Question.
type Option = rowcheck.Option

// Issue is one thing found in a row: an error, which blocks, or a warning, which does not.
type Issue = rowcheck.Issue

// Questions is where imported questions go (modules/assessments).
type Questions interface {
	// Editable is nil when the caller may add questions to the assessment, and the fault that says why not.
	Editable(ctx context.Context, assessmentID uuid.UUID) error
	// AppendTx adds the questions at the end of the draft, all or none, and gives how many they were.
	AppendTx(ctx context.Context, tx pgx.Tx, employerID, assessmentID uuid.UUID, questions iter.Seq2[Question, error]) (int, error)
}

// Counters counts what happens, for whoever watches the product.
type Counters interface {
	Import(outcome string) // a Status, or unreadable
}

// Deps is what the module needs.
type Deps struct {
	DB        *pg.DB
	Clock     clock.Clock
	IDs       *ids.Source
	Log       *slog.Logger
	Questions Questions
	Faults    []*fault.Error // that Questions may answer with, for the contract
	Counters  Counters
	TempDir   string // for what does not fit in memory; the system's unless set
}

// Module is the imports of all employers.
type Module struct {
	Deps
	readers chan struct{}
}

// maxReaders bounds how many files are read at once: reading is work for the processor, which candidates need too.
const maxReaders = 2

// New makes the module.
func New(d Deps) *Module { return &Module{Deps: d, readers: make(chan struct{}, maxReaders)} }

// Name is the module's name.
func (m *Module) Name() string { return "imports" }

// Status is what became of an import.
type Status string

// The statuses. An import is written when it has ended; there is no status in between.
const (
	Checked  Status = "checked"  // a dry run
	Rejected Status = "rejected" // errors: nothing was written
	Done     Status = "done"     // every accepted row is a question now
)

// File is what the upload turned out to be.
type File struct {
	Name      string   `json:"name"`
	SHA256    string   `json:"sha256" doc:"Of the bytes as they were sent, in hexadecimal."`
	Format    string   `json:"format" enum:"csv,xlsx"`
	Encoding  string   `json:"encoding" doc:"Of a CSV file; empty for XLSX." example:"utf-8"`
	Delimiter string   `json:"delimiter" doc:"Of a CSV file; empty for XLSX." example:","`
	Sheet     string   `json:"sheet" doc:"Of an XLSX file: the sheet that was read."`
	Sheets    []string `json:"sheets" doc:"Of an XLSX file: every visible sheet that holds something."`
	Header    bool     `json:"header" doc:"Whether the first row is a header."`
}

// Result is the report of an import.
type Result struct {
	ID           uuid.UUID            `json:"id"`
	AssessmentID uuid.UUID            `json:"assessmentId"`
	Status       Status               `json:"status" enum:"checked,rejected,done"`
	DryRun       bool                 `json:"dryRun"`
	Accepted     int                  `json:"accepted" doc:"Rows that are good, written or not."`
	Rejected     int                  `json:"rejected" doc:"Rows with an error."`
	Warned       int                  `json:"warned" doc:"Accepted rows with a warning."`
	Errors       []Issue              `json:"errors" doc:"The first 1,000, in the order of the rows."`
	ErrorCount   int                  `json:"errorCount"`
	Warnings     []Issue              `json:"warnings" doc:"The first 1,000, in the order of the rows."`
	WarningCount int                  `json:"warningCount"`
	File         File                 `json:"file"`
	Mapping      map[string]string    `json:"mapping" doc:"Column letter to field, as it was read."`
	AnswerBase   string               `json:"answerBase" doc:"How the answer column was read: text, letter, 0 or 1; empty when no row needed it."`
	Sample       []rowcheck.SampleRow `json:"sample" doc:"The first rows of data as they were read."`
	Preview      *rowcheck.Preview    `json:"preview,omitempty" doc:"Only in the answer to a request that asked for it."`
	CreatedAt    time.Time            `json:"createdAt"`
}

// The faults of this module. A file that cannot be read at all has a code of its own for every reason; see refusals.go.
var (
	ErrNotFound = fault.New(fault.NotFound, "import_not_found",
		"There is no such import. Check the address, or upload the file again.")
	ErrRejected = fault.New(fault.Invalid, "import_rejected",
		"Some rows cannot become questions, so nothing was imported. Correct them, or leave them out with skipRows, and upload the file again.")
	ErrBusy = fault.New(fault.Unavailable, "imports_busy",
		"Other files are being imported right now. Try again in a moment.").RetryIn(5 * time.Second)
)

// constraints says what the names of this module's constraints mean to a user.
var constraints = pg.Constraints{
	"imports_assessment_fkey": fault.New(fault.NotFound, "assessment_not_found",
		"There is no such assessment. Check the address, or find it in your list."),
}

// Constraints is the table of constraint names and their faults.
func Constraints() pg.Constraints { return constraints }

// Unreachable lists the constraints that no request can break: the service writes only what fits.
func Unreachable() []string {
	return []string{
		"imports_pkey", "imports_tenant_key", "imports_file_name_length", "imports_sha256_length", "imports_bytes_not_negative",
		"imports_format_known", "imports_status_known", "imports_accepted_not_negative", "imports_rejected_not_negative",
		"imports_warned_not_negative", "imports_error_count_not_negative", "imports_done_without_errors",
		"import_errors_pkey", "import_errors_ordinal_positive", "import_errors_severity_known", "import_errors_row_not_negative",
		"import_errors_import_fkey",
	}
}

// kept is the part of a report that is stored as one value: what no query looks into.
type kept struct {
	File         File                 `json:"file"`
	Mapping      map[string]string    `json:"mapping"`
	AnswerBase   string               `json:"answerBase"`
	Sample       []rowcheck.SampleRow `json:"sample"`
	WarningCount int                  `json:"warningCount"`
	DryRun       bool                 `json:"dryRun"`
}

func (r Result) kept() (json.RawMessage, error) {
	return json.Marshal(kept{r.File, r.Mapping, r.AnswerBase, r.Sample, r.WarningCount, r.DryRun})
}
