package imports

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/pg"
)

const sqlInsertImport = `
INSERT INTO imports (id, employer_id, assessment_id, file_name, sha256, bytes, format, status, accepted, rejected, warned,
                     error_count, result, created_by, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`

const sqlInsertIssues = `
INSERT INTO import_errors (import_id, employer_id, ordinal, severity, row, col, code, message)
SELECT $1, $2, n, s, r, c, k, m
  FROM unnest($3::int[], $4::text[], $5::int[], $6::text[], $7::text[], $8::text[]) AS i (n, s, r, c, k, m)`

// insertImport writes an ended import with its issues.
func insertImport(ctx context.Context, q pg.Querier, employerID, by uuid.UUID, bytes int64, r Result) error {
	rest, err := r.kept()
	if err != nil {
		return err
	}
	sum, err := hex.DecodeString(r.File.SHA256)
	if err != nil {
		return err
	}
	_, err = q.Exec(ctx, sqlInsertImport, r.ID, employerID, r.AssessmentID, r.File.Name, sum, bytes, r.File.Format, r.Status,
		r.Accepted, r.Rejected, r.Warned, r.ErrorCount, rest, by, r.CreatedAt)
	if err != nil {
		return fmt.Errorf("import %s: %w", r.ID, constraints.Translate(err))
	}
	var (
		ordinals, rows                    []int
		severities, cols, codes, messages []string
	)
	for _, list := range []struct {
		severity string
		issues   []Issue
	}{{"error", r.Errors}, {"warning", r.Warnings}} {
		for _, i := range list.issues {
			ordinals, rows = append(ordinals, len(ordinals)+1), append(rows, i.Row)
			severities, cols = append(severities, list.severity), append(cols, i.Column)
			codes, messages = append(codes, i.Code), append(messages, i.Message)
		}
	}
	if len(ordinals) == 0 {
		return nil
	}
	if _, err := q.Exec(ctx, sqlInsertIssues, r.ID, employerID, ordinals, severities, rows, cols, codes, messages); err != nil {
		return fmt.Errorf("issues of import %s: %w", r.ID, constraints.Translate(err))
	}
	return nil
}

const sqlFindImport = `
SELECT id, assessment_id, status, accepted, rejected, warned, error_count, result, created_at
  FROM imports
 WHERE employer_id = $1 AND id = $2`

const sqlListIssues = `
SELECT severity, row, col, code, message
  FROM import_errors
 WHERE employer_id = $1 AND import_id = $2
 ORDER BY ordinal`

type importRow struct {
	ID           uuid.UUID       `db:"id"`
	AssessmentID uuid.UUID       `db:"assessment_id"`
	Status       Status          `db:"status"`
	Accepted     int             `db:"accepted"`
	Rejected     int             `db:"rejected"`
	Warned       int             `db:"warned"`
	ErrorCount   int             `db:"error_count"`
	Result       json.RawMessage `db:"result"`
	CreatedAt    time.Time       `db:"created_at"`
}

type issueRow struct {
	Severity string `db:"severity"`
	Row      int    `db:"row"`
	Col      string `db:"col"`
	Code     string `db:"code"`
	Message  string `db:"message"`
}

func findImport(ctx context.Context, q pg.Querier, employerID, id uuid.UUID) (Result, error) {
	row, err := pg.One[importRow](ctx, q, sqlFindImport, employerID, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return Result{}, ErrNotFound
	}
	if err != nil {
		return Result{}, fmt.Errorf("import %s: %w", id, err)
	}
	var rest kept
	if err := json.Unmarshal(row.Result, &rest); err != nil {
		return Result{}, fmt.Errorf("import %s: %w", id, err)
	}
	r := Result{
		ID: row.ID, AssessmentID: row.AssessmentID, Status: row.Status, DryRun: rest.DryRun, Accepted: row.Accepted,
		Rejected: row.Rejected, Warned: row.Warned, ErrorCount: row.ErrorCount, WarningCount: rest.WarningCount, File: rest.File,
		Mapping: rest.Mapping, AnswerBase: rest.AnswerBase, Sample: rest.Sample, CreatedAt: row.CreatedAt.UTC(),
		Errors: []Issue{}, Warnings: []Issue{},
	}
	issues, err := pg.All[issueRow](ctx, q, sqlListIssues, employerID, id)
	if err != nil {
		return Result{}, fmt.Errorf("issues of import %s: %w", id, err)
	}
	for _, i := range issues {
		issue := Issue{Row: i.Row, Column: i.Col, Code: i.Code, Message: i.Message}
		if i.Severity == "error" {
			r.Errors = append(r.Errors, issue)
		} else {
			r.Warnings = append(r.Warnings, issue)
		}
	}
	return r, nil
}
