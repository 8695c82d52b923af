package submissions

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/audit"
	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
	"credlane/app/kit/rest"
)

// Format is a file format of the exports.
type Format string

// The formats. CSV with a byte order mark is for Excel, which takes UTF-8 for something else without one.
const (
	CSV        Format = "csv"
	CSVWithBOM Format = "csv-bom"
	NDJSON     Format = "ndjson"
	XLSX       Format = "xlsx"
)

// What an XLSX may hold: a spreadsheet program has to keep all of it in memory.
const (
	MaxXLSXRows    = 50_000
	MaxXLSXColumns = 16_384 // the format's own limit
	MaxXLSXCells   = 10_000_000
)

// ErrTooManyRows says that an XLSX would be too large.
var ErrTooManyRows = fault.New(fault.Invalid, "too_many_rows",
	"An XLSX file holds at most 50,000 submissions and 10,000,000 cells. Narrow the filter, or take the CSV export, which has no limit.")

// exporter writes one format.
type exporter interface {
	row(*exportRow) error
	// finish writes what is left, once the last row is in and the database is done with.
	finish() error
	// discard gives back what it holds; it is called in every case.
	discard() error
}

// Export writes the submissions that the filter takes to w, in the order of their start, and holds one at a time. All are
// of one moment. An error may come after the first bytes. Errors: ErrAssessmentNotFound, ErrTooManyRows, ErrBusy.
func (m *Module) Export(ctx context.Context, assessment uuid.UUID, f Filter, format Format, w io.Writer) (err error) {
	employer := authn.From(ctx).EmployerID
	leave, err := m.exports.enter(employer)
	if err != nil {
		return err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, m.exportLimit)
	defer cancel()
	w = until{ctx, w}
	counts, err := m.announceExport(ctx, employer, assessment, f, format)
	if err != nil {
		return fmt.Errorf("export of %s: %w", assessment, err)
	}
	m.Counters.Export(format)
	s, err := m.newSheet(ctx, counts)
	if err != nil {
		return fmt.Errorf("export of %s: %w", assessment, err)
	}
	out, err := s.exporter(format, w)
	if err != nil {
		return fmt.Errorf("export of %s: %w", assessment, err)
	}
	defer func() {
		if closed := out.discard(); err == nil && closed != nil {
			err = fmt.Errorf("export of %s: %w", assessment, closed)
		}
	}()
	err = pgx.BeginTxFunc(ctx, m.DB.Pool, snapshot, func(tx pgx.Tx) error {
		return eachToExport(ctx, tx, employer, assessment, f, s.ids(), out.row)
	})
	if err == nil {
		err = out.finish()
	}
	if err != nil {
		return fmt.Errorf("export of %s: %w", assessment, err)
	}
	return nil
}

// announceExport counts what is about to leave and notes who takes it, before the first byte: a reader who breaks off has
// had the data all the same.
func (m *Module) announceExport(ctx context.Context, employer, assessment uuid.UUID, f Filter, format Format) (counts []versionCount, err error) {
	err = m.DB.InTx(ctx, func(tx pgx.Tx) error {
		if _, err := assessmentTitle(ctx, tx, employer, assessment); err != nil {
			return err
		}
		if counts, err = countToExport(ctx, tx, employer, assessment, f); err != nil {
			return err
		}
		var total int64
		for _, c := range counts {
			total += c.Rows
		}
		if format == XLSX && total > MaxXLSXRows {
			return ErrTooManyRows
		}
		return audit.Write(ctx, tx, audit.Event{
			ID: m.IDs.ID(), EmployerID: employer, Action: "submissions.exported", ObjectType: "assessment", ObjectID: assessment,
			After:     map[string]any{"format": format, "rows": total, "filtered": f != Filter{}},
			RequestID: rest.RequestID(ctx), At: m.Clock.Now(),
		})
	})
	return counts, err
}

// sheet is the layout of an export: which versions occur, and the questions they have between them.
type sheet struct {
	rows      int64
	versions  map[uuid.UUID]*sheetVersion
	questions []Question // in the latest version's order; those that only older ones have come after
}

// sheetVersion finds a version's questions.
type sheetVersion struct {
	*marking
	column map[uuid.UUID]int // of sheet.questions
}

// newSheet lays the export out.
func (m *Module) newSheet(ctx context.Context, counts []versionCount) (*sheet, error) {
	s := &sheet{versions: make(map[uuid.UUID]*sheetVersion, len(counts))}
	all := make([]*sheetVersion, 0, len(counts))
	for _, c := range counts {
		v, err := m.versions.get(ctx, c.Version)
		if err != nil {
			return nil, err
		}
		s.rows += c.Rows
		s.versions[c.Version] = &sheetVersion{marking: v.marking}
		all = append(all, s.versions[c.Version])
	}
	slices.SortFunc(all, func(a, b *sheetVersion) int { return b.source.Number - a.source.Number })
	columns := map[uuid.UUID]int{}
	for _, v := range all {
		v.column = columns
		for _, q := range v.source.Questions {
			if _, known := columns[q.ID]; !known {
				columns[q.ID] = len(s.questions)
				s.questions = append(s.questions, q)
			}
		}
	}
	return s, nil
}

func (s *sheet) ids() []uuid.UUID {
	ids := make([]uuid.UUID, 0, len(s.versions))
	for id := range s.versions {
		ids = append(ids, id)
	}
	return ids
}

func (s *sheet) exporter(format Format, w io.Writer) (exporter, error) {
	switch format {
	case NDJSON:
		return newNDJSONExport(s, w), nil
	case XLSX:
		return newXLSXExport(s, w)
	}
	return newCSVExport(s, w, format == CSVWithBOM)
}
