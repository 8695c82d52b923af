package submissions

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/exact"
	"credlane/app/kit/pg"
)

// Shown is a submission in a line.
type Shown struct {
	ID           uuid.UUID    `db:"id"`
	AssessmentID uuid.UUID    `db:"assessment_id"`
	Name         string       `db:"name"`
	Score        *exact.Score `db:"score"` // nil while it is under way
	DeadlineAt   time.Time    `db:"deadline_at"`
}

const sqlShown = `
SELECT s.id, s.assessment_id, s.name, s.score, s.deadline_at FROM submissions s WHERE s.employer_id = $1 AND s.id = ANY ($2)`

// Shown names those of ids that are submissions of the employer.
func (m *Module) Shown(ctx context.Context, employer uuid.UUID, ids []uuid.UUID) ([]Shown, error) {
	list, err := pg.All[Shown](ctx, m.DB, sqlShown, employer, ids)
	if err != nil {
		return nil, fmt.Errorf("name submissions: %w", err)
	}
	return list, nil
}
