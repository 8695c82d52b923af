package invites

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"credlane/app/kit/pg"
)

// Shown is an invite in a line.
type Shown struct {
	ID           uuid.UUID `db:"id"`
	AssessmentID uuid.UUID `db:"assessment_id"`
	Name         string    `db:"name"` // the address when nobody gave a name
}

const sqlShown = `
SELECT i.id, i.assessment_id, COALESCE(NULLIF(i.name, ''), i.email) AS name
  FROM invites i
 WHERE i.employer_id = $1 AND i.id = ANY ($2)`

// Shown names those of ids that are invites of the employer.
func (m *Module) Shown(ctx context.Context, employer uuid.UUID, ids []uuid.UUID) ([]Shown, error) {
	list, err := pg.All[Shown](ctx, m.db, sqlShown, employer, ids)
	if err != nil {
		return nil, fmt.Errorf("name invites: %w", err)
	}
	return list, nil
}
