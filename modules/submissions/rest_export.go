package submissions

import (
	"context"
	"io"
	"strings"
	"unicode"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
	"credlane/app/kit/rest"
)

const layoutDoc = " The filters are those of the list; rows come in the order of their start, all of one moment. "

const tableDoc = "Columns: submission_id, name, email, status, version, started_at, deadline_at, submitted_at, time_spent_seconds, " +
	"points, points_total, score, passing_score, passed, decision, tags, note; then two for each question of the versions that occur, " +
	"`q1 answer: <prompt>` and `q1 points`. Text that a spreadsheet program could take for a formula begins with an apostrophe."

func (m *Module) mountExports(h *rest.Host) {
	op := rest.Op{
		Method: "GET", Tag: "Submissions", Role: authn.Viewer, Stream: true,
		Faults: []*fault.Error{ErrAssessmentNotFound, ErrBusy},
	}
	csv, ndjson, xlsx := op, op, op
	csv.Path, csv.ID, csv.Produces = "/api/v1/assessments/{id}/submissions.csv", "export-submissions-csv", "text/csv"
	csv.Summary = "Export submissions as CSV"
	csv.Description = "RFC 4180 in UTF-8; `bom=true` puts a byte order mark in front, which Excel wants." + layoutDoc + tableDoc
	rest.Handle(h, csv, m.handleCSV)

	ndjson.Path, ndjson.ID, ndjson.Produces = "/api/v1/assessments/{id}/submissions.ndjson", "export-submissions-ndjson", "application/x-ndjson"
	ndjson.Summary = "Export submissions as NDJSON"
	ndjson.Description = "One JSON object a line, as in the list, with `versionId`, `note` and `answers`: text byte by byte as it was given, " +
		"credits as exact fractions." + layoutDoc
	rest.Handle(h, ndjson, m.handleNDJSON)

	xlsx.Path, xlsx.ID = "/api/v1/assessments/{id}/submissions.xlsx", "export-submissions-xlsx"
	xlsx.Produces = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	xlsx.Summary = "Export submissions as XLSX"
	xlsx.Description = "At most 50,000 submissions; beyond that take CSV. Times are in UTC; text beyond 32,767 characters is cut." + layoutDoc + tableDoc
	xlsx.Faults = append([]*fault.Error{ErrTooManyRows}, op.Faults...)
	rest.Handle(h, xlsx, m.handleXLSX)
}

// ExportIn says what to export.
type ExportIn struct {
	ID uuid.UUID `path:"id"`
	FilterIn
}

type csvIn struct {
	ExportIn
	BOM bool `query:"bom" doc:"Begin with a byte order mark, for Excel."`
}

type exportOut struct {
	Body *rest.Stream
}

func (m *Module) handleCSV(ctx context.Context, in *csvIn) (*exportOut, error) {
	if in.BOM {
		return m.export(ctx, in.ExportIn, CSVWithBOM, "text/csv; charset=utf-8", ".csv")
	}
	return m.export(ctx, in.ExportIn, CSV, "text/csv; charset=utf-8", ".csv")
}

func (m *Module) handleNDJSON(ctx context.Context, in *ExportIn) (*exportOut, error) {
	return m.export(ctx, *in, NDJSON, "application/x-ndjson", ".ndjson")
}

func (m *Module) handleXLSX(ctx context.Context, in *ExportIn) (*exportOut, error) {
	return m.export(ctx, *in, XLSX, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx")
}

func (m *Module) export(ctx context.Context, in ExportIn, format Format, media, suffix string) (*exportOut, error) {
	title, err := assessmentTitle(ctx, m.DB, authn.From(ctx).EmployerID, in.ID)
	if err != nil {
		return nil, err
	}
	f := in.filter()
	return &exportOut{Body: &rest.Stream{
		ContentType: media, Filename: fileName(title, f != Filter{}, suffix),
		Write: func(ctx context.Context, w io.Writer) error { return m.Export(ctx, in.ID, f, format, w) },
	}}, nil
}

// titleInFileName is how much of a title names a file, in characters.
const titleInFileName = 80

// fileName is a name that every system can store: what file systems, shells or readers of the name stumble over is a dash.
func fileName(title string, filtered bool, suffix string) string {
	kept := strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune(`/\:*?"<>|%;'`+"`$", r), !unicode.IsGraphic(r), r == unicode.ReplacementChar:
			return '-'
		case unicode.IsSpace(r):
			return ' '
		}
		return r
	}, title)
	short := []rune(strings.Trim(strings.Join(strings.Fields(kept), " "), ". -"))
	if len(short) > titleInFileName {
		short = short[:titleInFileName]
	}
	name := strings.TrimSpace(string(short) + " submissions")
	if filtered {
		name += " (filtered)"
	}
	return name + suffix
}
