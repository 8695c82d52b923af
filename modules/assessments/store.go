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
)

// translate builds the table for an error only: a package variable would be one more global.
func translate(err error) error {
	if err == nil {
		return nil
	}
	return Constraints().Translate(err)
}

const assessmentColumns = `a.id, a.title, a.description, a.slug, a.status, a.time_limit_minutes, a.passing_score,
       a.shuffle_questions, a.shuffle_options, a.result_release, a.release_at, a.require_email_code, a.reminders,
       a.opens_at, a.closes_at,
       a.current_version, a.revision, a.content_revision, a.published_revision, a.created_at, a.updated_at,
       t.question_count, t.points_thousandths`

const assessmentTotals = `
 CROSS JOIN LATERAL (SELECT count(*)::integer AS question_count, (coalesce(sum(q.points), 0) * 1000)::bigint AS points_thousandths
                       FROM questions q WHERE q.assessment_id = a.id) t`

const sqlFindAssessment = `
SELECT ` + assessmentColumns + `
  FROM assessments a` + assessmentTotals + `
 WHERE a.employer_id = $1 AND a.id = $2`

func findAssessment(ctx context.Context, q pg.Querier, employerID, id uuid.UUID) (Assessment, error) {
	a, err := pg.One[Assessment](ctx, q, sqlFindAssessment, employerID, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return a, ErrNotFound
	}
	if err != nil {
		return a, fmt.Errorf("assessment %s: %w", id, err)
	}
	return a, nil
}

const sqlLockAssessment = `
SELECT id FROM assessments WHERE employer_id = $1 AND id = $2 FOR NO KEY UPDATE`

// lockAssessment takes the assessment's row and reads it. Every write of an assessment or its questions begins here, so a
// publish sees one consistent state of the draft.
//
// The order is: the assessment's row first, the employer's row after (the trigger of the active limit takes it). It is the
// order that a bare UPDATE has anyway, because Postgres locks a row before it runs its triggers; the other way round, raw
// SQL and this program would deadlock. Nobody here locks two assessments at once.
//
// It reads in a second statement: the first one's snapshot may be older than the lock, and its sums would be stale.
func lockAssessment(ctx context.Context, tx pgx.Tx, employerID, id uuid.UUID) (Assessment, error) {
	tag, err := tx.Exec(ctx, sqlLockAssessment, employerID, id)
	if err != nil {
		return Assessment{}, fmt.Errorf("lock assessment %s: %w", id, err)
	}
	if tag.RowsAffected() == 0 {
		return Assessment{}, ErrNotFound
	}
	return findAssessment(ctx, tx, employerID, id)
}

const sqlListAssessments = `
SELECT ` + assessmentColumns + `
  FROM (SELECT l.id FROM assessments l
         WHERE l.employer_id = $1 AND l.id < $2 AND ($3 = '' OR l.status = $3) AND ($4 = '' OR l.title ILIKE $4)
         ORDER BY l.id DESC LIMIT $5) page
  JOIN assessments a ON a.id = page.id` + assessmentTotals + `
 ORDER BY a.id DESC`

// Filter narrows a list of assessments; its zero value lists all, newest first.
type Filter struct {
	Status Status    // "" for every status
	Query  string    // a part of the title, in any case; "" for every title
	Before uuid.UUID // the last id of the page before; zero for the first page
	Limit  int
}

func listAssessments(ctx context.Context, q pg.Querier, employerID uuid.UUID, f Filter) ([]Assessment, error) {
	before, pattern := f.Before, ""
	if before == uuid.Nil {
		before = uuid.Max
	}
	if f.Query != "" {
		pattern = "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(f.Query) + "%"
	}
	list, err := pg.All[Assessment](ctx, q, sqlListAssessments, employerID, before, f.Status, pattern, f.Limit)
	if err != nil {
		return nil, fmt.Errorf("list assessments: %w", err)
	}
	return list, nil
}

const sqlCountAssessments = `
SELECT count(a.id) FILTER (WHERE a.status = 'draft') AS draft, count(a.id) FILTER (WHERE a.status = 'active') AS active,
       count(a.id) FILTER (WHERE a.status = 'closed') AS closed, count(a.id) FILTER (WHERE a.status = 'archived') AS archived,
       e.active_assessment_limit AS active_limit
  FROM employers e LEFT JOIN assessments a ON a.employer_id = e.id
 WHERE e.id = $1
 GROUP BY e.id`

// Counts says how many assessments an employer has, and how many of them may be active at once.
type Counts struct {
	Draft       int `db:"draft"`
	Active      int `db:"active"`
	Closed      int `db:"closed"`
	Archived    int `db:"archived"`
	ActiveLimit int `db:"active_limit"`
}

func countAssessments(ctx context.Context, q pg.Querier, employerID uuid.UUID) (Counts, error) {
	c, err := pg.One[Counts](ctx, q, sqlCountAssessments, employerID)
	if err != nil {
		return c, fmt.Errorf("count assessments: %w", err)
	}
	return c, nil
}

const sqlInsertAssessment = `
INSERT INTO assessments (id, employer_id, title, description, slug, time_limit_minutes, passing_score, shuffle_questions,
                         shuffle_options, result_release, release_at, require_email_code, reminders, opens_at, closes_at, created_at,
                         updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16)`

func insertAssessment(ctx context.Context, tx pgx.Tx, employerID uuid.UUID, a Assessment) error {
	_, err := tx.Exec(ctx, sqlInsertAssessment, a.ID, employerID, a.Title, a.Description, a.Slug, a.TimeLimitMinutes,
		a.PassingScore, a.ShuffleQuestions, a.ShuffleOptions, a.ResultRelease, a.ReleaseAt, a.RequireEmailCode,
		a.Reminders, a.OpensAt, a.ClosesAt, a.CreatedAt)
	if err != nil {
		return fmt.Errorf("insert assessment %s: %w", a.ID, translate(err))
	}
	return nil
}

const sqlUpdateAssessment = `
UPDATE assessments
   SET title = $3, description = $4, time_limit_minutes = $5, passing_score = $6, shuffle_questions = $7, shuffle_options = $8,
       result_release = $9, release_at = $10, require_email_code = $11, reminders = $12, opens_at = $13,
       closes_at = $14, revision = revision + 1, content_revision = content_revision + $15, updated_at = $16
 WHERE employer_id = $1 AND id = $2`

// updateAssessment writes the settings of a; contentMoved says that a version would now hold something else.
func updateAssessment(ctx context.Context, tx pgx.Tx, employerID uuid.UUID, a Assessment, contentMoved bool, now time.Time) error {
	step := int64(0)
	if contentMoved {
		step = 1
	}
	_, err := tx.Exec(ctx, sqlUpdateAssessment, employerID, a.ID, a.Title, a.Description, a.TimeLimitMinutes, a.PassingScore,
		a.ShuffleQuestions, a.ShuffleOptions, a.ResultRelease, a.ReleaseAt, a.RequireEmailCode, a.Reminders, a.OpensAt, a.ClosesAt,
		step, now)
	if err != nil {
		return fmt.Errorf("update assessment %s: %w", a.ID, translate(err))
	}
	return nil
}

const sqlTouchContent = `
UPDATE assessments SET revision = revision + 1, content_revision = content_revision + 1, updated_at = $2 WHERE id = $1`

// touchContent says that the questions of the assessment changed.
func touchContent(ctx context.Context, tx pgx.Tx, id uuid.UUID, now time.Time) error {
	if _, err := tx.Exec(ctx, sqlTouchContent, id, now); err != nil {
		return fmt.Errorf("touch assessment %s: %w", id, err)
	}
	return nil
}

const sqlSetStatus = `
UPDATE assessments SET status = $2, revision = revision + 1, updated_at = $3 WHERE id = $1`

func setStatus(ctx context.Context, tx pgx.Tx, id uuid.UUID, to Status, now time.Time) error {
	if _, err := tx.Exec(ctx, sqlSetStatus, id, to, now); err != nil {
		return fmt.Errorf("set assessment %s %s: %w", id, to, translate(err))
	}
	return nil
}

const sqlDeleteAssessment = `
DELETE FROM assessments WHERE employer_id = $1 AND id = $2`

// deleteAssessment leaves it to the foreign keys to refuse a published one. Which of them speaks first is the server's
// choice, and only here is it known that the row referred to is the one that goes.
func deleteAssessment(ctx context.Context, tx pgx.Tx, employerID, id uuid.UUID) error {
	if _, err := tx.Exec(ctx, sqlDeleteAssessment, employerID, id); err != nil {
		refused := pg.Constraints{
			"assessment_versions_assessment_fkey": ErrPublished,
			"submissions_assessment_fkey":         ErrPublished,
			"voided_submissions_assessment_fkey":  ErrPublished,
		}
		return fmt.Errorf("delete assessment %s: %w", id, refused.Translate(err))
	}
	return nil
}

// maxVersionPoints is what a version may be worth: the sum of a draft can be more than exact.Points reads from a column.
const maxVersionPoints = exact.MaxPoints
