package assessments

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/exact"
	"credlane/app/kit/pg"
	"credlane/app/kit/question"
)

const sqlInsertVersion = `
INSERT INTO assessment_versions (id, employer_id, assessment_id, number, title, description, time_limit_minutes, passing_score,
                                 shuffle_questions, shuffle_options, question_count, points_total, created_at)
SELECT $3, a.employer_id, a.id, $4, a.title, a.description, a.time_limit_minutes, a.passing_score, a.shuffle_questions,
       a.shuffle_options, t.question_count, t.points_total, $5
  FROM assessments a
 CROSS JOIN LATERAL (SELECT count(*)::integer AS question_count, coalesce(sum(q.points), 0) AS points_total
                       FROM questions q WHERE q.assessment_id = a.id) t
 WHERE a.employer_id = $1 AND a.id = $2`

const sqlSnapshotQuestions = `
INSERT INTO version_questions (version_id, question_id, employer_id, position, type, prompt, options, points, tags, difficulty,
                               explanation, credit_rule)
SELECT $1, q.id, q.employer_id, q.position, q.type, q.prompt, q.options, q.points, q.tags, q.difficulty, q.explanation, q.credit_rule
  FROM questions q
 WHERE q.assessment_id = $2`

const sqlSnapshotKeys = `
INSERT INTO version_answer_keys (version_id, question_id, employer_id, key)
SELECT $1, k.question_id, k.employer_id, k.key
  FROM questions q JOIN answer_keys k ON k.question_id = q.id
 WHERE q.assessment_id = $2`

// insertVersion copies the locked draft, whole, inside the database.
func insertVersion(ctx context.Context, tx pgx.Tx, employerID, assessmentID, versionID uuid.UUID, number int, now time.Time) error {
	if _, err := tx.Exec(ctx, sqlInsertVersion, employerID, assessmentID, versionID, number, now); err != nil {
		return fmt.Errorf("insert version %d of %s: %w", number, assessmentID, translate(err))
	}
	if _, err := tx.Exec(ctx, sqlSnapshotQuestions, versionID, assessmentID); err != nil {
		return fmt.Errorf("snapshot questions of %s: %w", assessmentID, translate(err))
	}
	if _, err := tx.Exec(ctx, sqlSnapshotKeys, versionID, assessmentID); err != nil {
		return fmt.Errorf("snapshot keys of %s: %w", assessmentID, translate(err))
	}
	return nil
}

const sqlSetPublished = `
UPDATE assessments
   SET status = 'active', current_version = $2, published_revision = content_revision, revision = revision + 1, updated_at = $3
 WHERE id = $1`

func setPublished(ctx context.Context, tx pgx.Tx, id uuid.UUID, number int, now time.Time) error {
	if _, err := tx.Exec(ctx, sqlSetPublished, id, number, now); err != nil {
		return fmt.Errorf("activate %s: %w", id, translate(err))
	}
	return nil
}

// Version is the immutable snapshot of an assessment. Its questions hold no keys; see VersionKeys.
type Version struct {
	ID               uuid.UUID         `db:"id"`
	EmployerID       uuid.UUID         `db:"employer_id"`
	AssessmentID     uuid.UUID         `db:"assessment_id"`
	Number           int               `db:"number"`
	Title            string            `db:"title"`
	Description      string            `db:"description"`
	TimeLimitMinutes int               `db:"time_limit_minutes"`
	PassingScore     exact.Score       `db:"passing_score"`
	ShuffleQuestions bool              `db:"shuffle_questions"`
	ShuffleOptions   bool              `db:"shuffle_options"`
	QuestionCount    int               `db:"question_count"`
	PointsTotal      exact.Points      `db:"points_total"`
	CreatedAt        time.Time         `db:"created_at"`
	Questions        []VersionQuestion `db:"-"` // in the order of their positions; only where asked for
}

// TimeLimit is how long a candidate has, without extra time.
func (v Version) TimeLimit() time.Duration { return time.Duration(v.TimeLimitMinutes) * time.Minute }

// VersionQuestion is a published question without its key.
type VersionQuestion struct {
	ID          uuid.UUID           `db:"question_id"`
	Position    int                 `db:"position"`
	Type        question.Type       `db:"type"`
	Prompt      string              `db:"prompt"`
	Options     []Option            `db:"options"`
	Points      exact.Points        `db:"points"`
	Tags        []string            `db:"tags"`
	Difficulty  string              `db:"difficulty"`
	Explanation string              `db:"explanation"`
	CreditRule  question.CreditRule `db:"credit_rule"`
}

const versionColumns = `v.id, v.employer_id, v.assessment_id, v.number, v.title, v.description, v.time_limit_minutes, v.passing_score,
       v.shuffle_questions, v.shuffle_options, v.question_count, v.points_total, v.created_at`

const sqlFindVersion = `
SELECT ` + versionColumns + `
  FROM assessment_versions v
 WHERE v.id = $1`

const sqlFindVersionByNumber = `
SELECT ` + versionColumns + `
  FROM assessment_versions v
 WHERE v.employer_id = $1 AND v.assessment_id = $2 AND v.number = $3`

const sqlListVersions = `
SELECT ` + versionColumns + `
  FROM assessment_versions v
 WHERE v.employer_id = $1 AND v.assessment_id = $2 AND v.number < $3
 ORDER BY v.number DESC
 LIMIT $4`

func oneVersion(ctx context.Context, q pg.Querier, sql string, args ...any) (Version, error) {
	v, err := pg.One[Version](ctx, q, sql, args...)
	if errors.Is(err, pgx.ErrNoRows) {
		return v, ErrVersionNotFound
	}
	if err != nil {
		return v, fmt.Errorf("find version: %w", err)
	}
	return v, nil
}

func listVersions(ctx context.Context, q pg.Querier, employerID, assessmentID uuid.UUID, below, limit int) ([]Version, error) {
	list, err := pg.All[Version](ctx, q, sqlListVersions, employerID, assessmentID, below, limit)
	if err != nil {
		return nil, fmt.Errorf("list versions of %s: %w", assessmentID, err)
	}
	return list, nil
}

const sqlVersionQuestions = `
SELECT question_id, position, type, prompt, options, points, tags, difficulty, explanation, credit_rule
  FROM version_questions
 WHERE version_id = $1
 ORDER BY position`

func versionQuestions(ctx context.Context, q pg.Querier, versionID uuid.UUID) ([]VersionQuestion, error) {
	list, err := pg.All[VersionQuestion](ctx, q, sqlVersionQuestions, versionID)
	if err != nil {
		return nil, fmt.Errorf("questions of version %s: %w", versionID, err)
	}
	return list, nil
}

const sqlVersionKeys = `
SELECT k.question_id, q.type, k.key
  FROM version_answer_keys k JOIN version_questions q ON q.version_id = k.version_id AND q.question_id = k.question_id
 WHERE k.version_id = $1`

type versionKey struct {
	QuestionID uuid.UUID       `db:"question_id"`
	Type       question.Type   `db:"type"`
	Key        json.RawMessage `db:"key"`
}

func versionKeys(ctx context.Context, q pg.Querier, versionID uuid.UUID) ([]versionKey, error) {
	list, err := pg.All[versionKey](ctx, q, sqlVersionKeys, versionID)
	if err != nil {
		return nil, fmt.Errorf("keys of version %s: %w", versionID, err)
	}
	return list, nil
}
