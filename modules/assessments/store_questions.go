package assessments

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/pg"
)

const questionColumns = `q.id, q.position, q.type, q.prompt, q.options, q.points, q.tags, q.difficulty, q.explanation, q.credit_rule,
       k.key, q.updated_at`

const sqlFindQuestion = `
SELECT ` + questionColumns + `
  FROM questions q LEFT JOIN answer_keys k ON k.question_id = q.id
 WHERE q.employer_id = $1 AND q.assessment_id = $2 AND q.id = $3`

func findQuestion(ctx context.Context, q pg.Querier, employerID, assessmentID, id uuid.UUID) (Question, error) {
	one, err := pg.One[Question](ctx, q, sqlFindQuestion, employerID, assessmentID, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return one, ErrQuestionNotFound
	}
	if err != nil {
		return one, fmt.Errorf("question %s: %w", id, err)
	}
	return one, nil
}

// Positions run from 1 without gaps, so a page is a window of them: its cost does not follow the number of questions,
// whatever the planner knows of a table that was filled a moment ago. The tenant is checked on the assessment's row alone;
// asked of the questions as well, it made the planner read all questions of the employer.
const sqlListQuestions = `
SELECT ` + questionColumns + `
  FROM assessments a
 CROSS JOIN LATERAL (SELECT coalesce((SELECT l.position FROM questions l WHERE l.id = $3 AND l.assessment_id = a.id), $4) AS position) after
  JOIN questions q ON q.assessment_id = a.id AND q.position > after.position AND q.position <= after.position + $5
  LEFT JOIN answer_keys k ON k.question_id = q.id
 WHERE a.employer_id = $1 AND a.id = $2
 ORDER BY q.position`

// QuestionCursor is the last question of a page. Its id finds the place again when questions before it came or went; the
// position stands in when it was deleted itself.
type QuestionCursor struct {
	ID       uuid.UUID `json:"id"`
	Position int       `json:"p"`
}

func listQuestions(ctx context.Context, q pg.Querier, employerID, assessmentID uuid.UUID, after QuestionCursor, limit int) ([]Question, error) {
	list, err := pg.All[Question](ctx, q, sqlListQuestions, employerID, assessmentID, after.ID, after.Position, limit)
	if err != nil {
		return nil, fmt.Errorf("list questions of %s: %w", assessmentID, err)
	}
	return list, nil
}

const sqlJudgedQuestions = `
SELECT q.id, q.position, q.type, q.points, q.credit_rule, k.key,
       ARRAY(SELECT (o ->> 'id')::uuid FROM jsonb_array_elements(q.options) WITH ORDINALITY AS e (o, n) ORDER BY n) AS option_ids
  FROM questions q LEFT JOIN answer_keys k ON k.question_id = q.id
 WHERE q.assessment_id = $1
 ORDER BY q.position`

const sqlOpenPosition = `
UPDATE questions SET position = position + 1 WHERE assessment_id = $1 AND position >= $2`

const sqlClosePosition = `
UPDATE questions SET position = position - 1 WHERE assessment_id = $1 AND position > $2`

// openPosition moves the questions from position on, down by one; closePosition closes the gap that a deletion left. The
// unique constraint is deferrable, so a statement may pass through states that it forbids.
func openPosition(ctx context.Context, tx pgx.Tx, assessmentID uuid.UUID, position int) error {
	if _, err := tx.Exec(ctx, sqlOpenPosition, assessmentID, position); err != nil {
		return fmt.Errorf("open position %d: %w", position, err)
	}
	return nil
}

func closePosition(ctx context.Context, tx pgx.Tx, assessmentID uuid.UUID, position int) error {
	if _, err := tx.Exec(ctx, sqlClosePosition, assessmentID, position); err != nil {
		return fmt.Errorf("close position %d: %w", position, err)
	}
	return nil
}

const sqlInsertQuestion = `
INSERT INTO questions (id, employer_id, assessment_id, position, type, prompt, options, points, tags, difficulty, explanation,
                       credit_rule, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)`

func insertQuestion(ctx context.Context, tx pgx.Tx, employerID, assessmentID uuid.UUID, q Question) error {
	_, err := tx.Exec(ctx, sqlInsertQuestion, q.ID, employerID, assessmentID, q.Position, q.Type, q.Prompt, q.Options, q.Points,
		q.Tags, q.Difficulty, q.Explanation, q.CreditRule, q.UpdatedAt)
	if err != nil {
		return fmt.Errorf("insert question %s: %w", q.ID, translate(err))
	}
	return putKey(ctx, tx, employerID, q.ID, q.Key)
}

// The question's time always moves, even when two instances' clocks disagree: it is the question's revision.
const sqlUpdateQuestion = `
UPDATE questions
   SET type = $4, prompt = $5, options = $6, points = $7, tags = $8, difficulty = $9, explanation = $10, credit_rule = $11,
       updated_at = greatest($12, updated_at + interval '1 microsecond')
 WHERE employer_id = $1 AND assessment_id = $2 AND id = $3`

func updateQuestion(ctx context.Context, tx pgx.Tx, employerID, assessmentID uuid.UUID, q Question, now time.Time) error {
	_, err := tx.Exec(ctx, sqlUpdateQuestion, employerID, assessmentID, q.ID, q.Type, q.Prompt, q.Options, q.Points, q.Tags,
		q.Difficulty, q.Explanation, q.CreditRule, now)
	if err != nil {
		return fmt.Errorf("update question %s: %w", q.ID, translate(err))
	}
	return putKey(ctx, tx, employerID, q.ID, q.Key)
}

const sqlPutKey = `
INSERT INTO answer_keys (question_id, employer_id, key) VALUES ($1, $2, $3)
    ON CONFLICT (question_id) DO UPDATE SET key = excluded.key`

const sqlDeleteKey = `
DELETE FROM answer_keys WHERE question_id = $1 AND employer_id = $2`

// putKey stores the key of a question; nil takes it away.
func putKey(ctx context.Context, tx pgx.Tx, employerID, questionID uuid.UUID, key json.RawMessage) error {
	var err error
	if key == nil {
		_, err = tx.Exec(ctx, sqlDeleteKey, questionID, employerID)
	} else {
		_, err = tx.Exec(ctx, sqlPutKey, questionID, employerID, key)
	}
	if err != nil {
		return fmt.Errorf("key of question %s: %w", questionID, translate(err))
	}
	return nil
}

const sqlDeleteQuestion = `
DELETE FROM questions WHERE employer_id = $1 AND assessment_id = $2 AND id = $3`

func deleteQuestion(ctx context.Context, tx pgx.Tx, employerID, assessmentID, id uuid.UUID) error {
	if _, err := tx.Exec(ctx, sqlDeleteQuestion, employerID, assessmentID, id); err != nil {
		return fmt.Errorf("delete question %s: %w", id, err)
	}
	return nil
}

// One statement: the positions are never seen half moved. Only rows that move are written.
const sqlOrderQuestions = `
UPDATE questions q
   SET position = o.position
  FROM unnest($3::uuid[]) WITH ORDINALITY AS o (id, position)
 WHERE q.employer_id = $1 AND q.assessment_id = $2 AND q.id = o.id AND q.position <> o.position`

const sqlCountNamed = `
SELECT count(*)::integer FROM questions WHERE employer_id = $1 AND assessment_id = $2 AND id = ANY ($3::uuid[])`

// orderQuestions gives how many questions moved.
func orderQuestions(ctx context.Context, tx pgx.Tx, employerID, assessmentID uuid.UUID, order []uuid.UUID) (int64, error) {
	tag, err := tx.Exec(ctx, sqlOrderQuestions, employerID, assessmentID, order)
	if err != nil {
		return 0, fmt.Errorf("order questions of %s: %w", assessmentID, translate(err))
	}
	return tag.RowsAffected(), nil
}

// countNamed tells how many of the ids are questions of the assessment.
func countNamed(ctx context.Context, tx pgx.Tx, employerID, assessmentID uuid.UUID, order []uuid.UUID) (n int, err error) {
	if err := tx.QueryRow(ctx, sqlCountNamed, employerID, assessmentID, order).Scan(&n); err != nil {
		return 0, fmt.Errorf("count questions of %s: %w", assessmentID, err)
	}
	return n, nil
}
