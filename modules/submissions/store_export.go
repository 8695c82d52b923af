package submissions

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/exact"
	"credlane/app/kit/pg"
)

const sqlCountToExport = `
SELECT s.version_id, count(*) AS rows
  FROM submissions s` + mine + unfiltered + `
 GROUP BY s.version_id`

// A batch is taken off the list first, so that the answers are looked up for its rows alone. $3 is its size, $4 the id after
// which it begins, $5 the versions whose questions have columns.
const sqlExportBatch = `
SELECT p.id, p.name, p.email, p.status, p.version, p.score, p.passing_score, p.passed, p.points, p.points_total,
       p.started_at, p.deadline_at, p.submitted_at, p.decision, p.tags, p.version_id, p.note,
       p.credits, a.questions, a.answers, a.flagged, a.saved
  FROM (SELECT s.id, s.name, s.email, s.status, 0 AS version,
               s.score, s.passing_score, s.passed, s.points, s.points_total,
               s.started_at, s.deadline_at, s.submitted_at, s.decision, s.tags,
               s.assessment_id, s.version_id, s.note, s.credits
          FROM submissions s` + ofEmployer + unfiltered + afterStart + `
   AND s.version_id = ANY ($5)
         ORDER BY s.assessment_id, s.id
         LIMIT $3) p
  LEFT JOIN LATERAL (
        SELECT array_agg(a.question_id) AS questions, array_agg(COALESCE(a.answer::text, '')) AS answers,
               array_agg(a.flagged) AS flagged, array_agg(a.saved_at) AS saved
          FROM submission_answers a
         WHERE a.submission_id = p.id) a ON true
 ORDER BY p.assessment_id, p.id`

// An export walks indexes, whatever the planner believes of a table that has just grown: with one sort of the whole
// assessment for each batch 50,000 rows took six times as long (measured).
const sqlWalkIndexes = `SELECT set_config(name, 'off', true)
  FROM unnest(ARRAY['enable_sort', 'enable_seqscan', 'enable_bitmapscan', 'enable_hashjoin', 'enable_mergejoin']) AS name`

// exportBatch is how many submissions one statement gives. They are read one by one; its size bounds what the driver still
// has to read away when a reader is gone.
const exportBatch = 500

type versionCount struct {
	Version uuid.UUID `db:"version_id"`
	Rows    int64     `db:"rows"`
}

func countToExport(ctx context.Context, q pg.Querier, employer, assessment uuid.UUID, f Filter) ([]versionCount, error) {
	sql, args := f.narrow(sqlCountToExport, []any{assessment, employer})
	return pg.All[versionCount](ctx, q, sql, args...)
}

// exportRow is one submission as the exports take it. The slices of its answers go together, one place each, in no order.
type exportRow struct {
	Entry
	VersionID uuid.UUID
	Note      string
	credits   []int32 // credits
	questions []uuid.UUID
	answers   []string // JSON; "" for none
	flagged   []bool
	saved     []time.Time
}

// credit is the credit of the question at a place in the version; false while it is not scored.
func (r *exportRow) credit(place int) (exact.Fraction, bool) {
	if r.Status == InProgress {
		return exact.Fraction{}, false
	}
	credit, _ := credits(r.credits).of(place)
	return credit, true
}

// eachToExport calls take with one submission after another in the order of their start, holding one at a time.
func eachToExport(ctx context.Context, tx pgx.Tx, employer, assessment uuid.UUID, f Filter, versions []uuid.UUID,
	take func(*exportRow) error) error {
	if _, err := tx.Exec(ctx, sqlWalkIndexes); err != nil {
		return err
	}
	last := uuid.Nil
	for {
		sql, args := f.narrow(sqlExportBatch, []any{assessment, employer, exportBatch, last, versions})
		rows, err := tx.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		n := 0
		for ; rows.Next(); n++ {
			var r exportRow
			targets := append(r.targets(), &r.VersionID, &r.Note, &r.credits, &r.questions, &r.answers, &r.flagged, &r.saved)
			if err = rows.Scan(targets...); err != nil {
				break
			}
			r.utc()
			last = r.ID
			if err = take(&r); err != nil {
				break
			}
		}
		rows.Close()
		switch {
		case err != nil:
			return err
		case rows.Err() != nil:
			return rows.Err()
		case n < exportBatch:
			return nil
		}
	}
}
