package assessments

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/exact"
	"credlane/app/kit/pg"
	"credlane/app/kit/question"
)

// outlinePrompt is how much of a prompt, in characters, an outline reads: a line of a list needs no more.
const outlinePrompt = 400

// OutlineFilter narrows an outline; its zero value takes every question.
type OutlineFilter struct {
	Query      string // a part of the prompt or of a tag, in any case
	Type       question.Type
	Difficulty string     // in any case
	Unkeyed    bool       // only those without an answer key
	Since      *time.Time // only those made or edited after it
	After      int        // the position of the last one of the page before
	Limit      int
}

// OutlineItem is a question as one line of a list.
type OutlineItem struct {
	ID         uuid.UUID
	Position   int
	Type       question.Type
	Prompt     string // the beginning of it, Markdown
	Points     exact.Points
	Difficulty string
	UpdatedAt  time.Time
	Reasons    []string // why it cannot be scored; none where it can
}

type outlineRow struct {
	judged
	Prompt     string    `db:"prompt"`
	Difficulty string    `db:"difficulty"`
	UpdatedAt  time.Time `db:"updated_at"`
}

// The tenant is checked on the assessment's row, for the reason given at sqlListQuestions.
const sqlOutline = `
SELECT q.id, q.position, q.type, left(q.prompt, $10) AS prompt, q.points, q.difficulty, q.credit_rule, k.key, q.updated_at,
       ARRAY(SELECT (o ->> 'id')::uuid FROM jsonb_array_elements(q.options) WITH ORDINALITY AS e (o, n) ORDER BY n) AS option_ids
  FROM assessments a
  JOIN questions q ON q.assessment_id = a.id AND q.position > $3
  LEFT JOIN answer_keys k ON k.question_id = q.id
 WHERE a.employer_id = $1 AND a.id = $2
   AND ($4 = '' OR q.type = $4)
   AND ($5 = '' OR lower(q.difficulty) = $5)
   AND ($6 = '' OR q.prompt ILIKE $6 OR EXISTS (SELECT FROM unnest(q.tags) AS t (tag) WHERE t.tag ILIKE $6))
   AND (NOT $7 OR k.key IS NULL)
   AND ($8::timestamptz IS NULL OR q.updated_at > $8)
 ORDER BY q.position
 LIMIT $9`

// Outline gives one page of an assessment's questions in their order, each as a line of a list. An absent assessment has none.
func (s *Service) Outline(ctx context.Context, assessmentID uuid.UUID, f OutlineFilter) ([]OutlineItem, error) {
	pattern := ""
	if f.Query != "" {
		pattern = "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(f.Query) + "%"
	}
	rows, err := pg.All[outlineRow](ctx, s.db, sqlOutline, employerOf(ctx), assessmentID, f.After, string(f.Type),
		strings.ToLower(f.Difficulty), pattern, f.Unkeyed, f.Since, f.Limit, outlinePrompt)
	if err != nil {
		return nil, fmt.Errorf("outline of %s: %w", assessmentID, err)
	}
	list := make([]OutlineItem, len(rows))
	for i, row := range rows {
		list[i] = OutlineItem{row.ID, row.Position, row.Type, row.Prompt, row.Points, row.Difficulty, row.UpdatedAt, row.reasons()}
	}
	return list, nil
}

const sqlQuestionOrder = `
SELECT q.id
  FROM assessments a JOIN questions q ON q.assessment_id = a.id
 WHERE a.employer_id = $1 AND a.id = $2
 ORDER BY q.position`

// QuestionOrder gives the ids of all questions in their order, for OrderQuestions. An absent assessment has none.
func (s *Service) QuestionOrder(ctx context.Context, assessmentID uuid.UUID) ([]uuid.UUID, error) {
	rows, err := s.db.Query(ctx, sqlQuestionOrder, employerOf(ctx), assessmentID)
	if err != nil {
		return nil, fmt.Errorf("order of %s: %w", assessmentID, err)
	}
	order, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("order of %s: %w", assessmentID, err)
	}
	return order, nil
}

// Changes tells how the draft's questions differ from those of a version.
type Changes struct {
	Since   time.Time `db:"since"` // when the version was made
	Edited  int       `db:"edited"`
	Added   int       `db:"added"`
	Removed int       `db:"removed"`
}

const sqlDraftChanges = `
SELECT v.created_at AS since,
       count(*) FILTER (WHERE o.question_id IS NOT NULL AND q.updated_at > v.created_at)::integer AS edited,
       count(*) FILTER (WHERE q.id IS NOT NULL AND o.question_id IS NULL)::integer AS added,
       (v.question_count - count(o.question_id))::integer AS removed
  FROM assessment_versions v
  LEFT JOIN questions q ON q.assessment_id = v.assessment_id
  LEFT JOIN version_questions o ON o.version_id = v.id AND o.question_id = q.id
 WHERE v.employer_id = $1 AND v.assessment_id = $2 AND v.number = $3
 GROUP BY v.id, v.created_at, v.question_count`

// ChangesSince compares the draft's questions with those of a version. Errors: ErrVersionNotFound.
func (s *Service) ChangesSince(ctx context.Context, assessmentID uuid.UUID, number int) (Changes, error) {
	c, err := pg.One[Changes](ctx, s.db, sqlDraftChanges, employerOf(ctx), assessmentID, number)
	if errors.Is(err, pgx.ErrNoRows) {
		return c, ErrVersionNotFound
	}
	if err != nil {
		return c, fmt.Errorf("changes of %s since version %d: %w", assessmentID, number, err)
	}
	return c, nil
}
