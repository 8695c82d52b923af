package submissions

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/exact"
	"credlane/app/kit/pg"
)

const sqlVersionToSumUp = `
SELECT v.id
  FROM assessment_versions v
 WHERE v.employer_id = $1 AND v.assessment_id = $2 AND ($3::integer IS NULL OR v.number = $3)
 ORDER BY v.number DESC
 LIMIT 1`

// Each row carries its credits, so that rows may come in any order and nobody has to sort or keep them.
const sqlToSumUp = `
SELECT s.status, s.passed, s.score, s.started_at, s.submitted_at, s.credits
  FROM submissions s` + mine + `
   AND s.version_id = $3`

// outcome is one submission as the summary takes it. Its slice is used again for the next.
type outcome struct {
	Status  Status
	Passed  *bool
	Score   *exact.Score
	Started time.Time
	Ended   *time.Time
	Credits []int32 // credits
}

// versionToSumUp is the version of a number, or the latest for nil. Error: pgx.ErrNoRows.
func versionToSumUp(ctx context.Context, q pg.Querier, employer, assessment uuid.UUID, number *int) (id uuid.UUID, err error) {
	err = q.QueryRow(ctx, sqlVersionToSumUp, employer, assessment, number).Scan(&id)
	return id, err
}

// eachOutcome calls take with one submission after another, holding one at a time.
func eachOutcome(ctx context.Context, q pg.Querier, employer, assessment, version uuid.UUID, take func(*outcome)) error {
	// Without it a reader who gives up would leave the driver to read the rest of the rows.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	rows, err := q.Query(ctx, sqlToSumUp, assessment, employer, version)
	if err != nil {
		return err
	}
	var o outcome
	_, err = pgx.ForEachRow(rows, []any{&o.Status, &o.Passed, &o.Score, &o.Started, &o.Ended, &o.Credits},
		func() error { take(&o); return nil })
	return err
}

func noRows(err error) bool { return errors.Is(err, pgx.ErrNoRows) }
