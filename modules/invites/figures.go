package invites

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/pg"
)

// Figures are what is said of the invites to one assessment. Revoked and superseded ones count as Revoked alone.
type Figures struct {
	Invited   int `db:"invited"` // MaxFigured when there may be more
	Opened    int `db:"opened"`
	Started   int `db:"started"`
	Completed int `db:"completed"`
	Waiting   int `db:"waiting"` // can still be started
	Expired   int `db:"expired"`
	Declined  int `db:"declined"`
	Revoked   int `db:"revoked"`
}

// MaxFigured is how many invites to one assessment are looked at, the latest ones.
const MaxFigured = 10_000

const sqlFigures = `
SELECT a.id AS assessment_id, f.*
  FROM assessments a
 CROSS JOIN LATERAL (
       SELECT count(*) FILTER (WHERE n.state NOT IN ('revoked', 'superseded')) AS invited,
              count(*) FILTER (WHERE (n.opened_at IS NOT NULL OR n.started_at IS NOT NULL) AND n.state NOT IN ('revoked', 'superseded')) AS opened,
              count(n.started_at) AS started, count(n.completed_at) AS completed,
              count(*) FILTER (WHERE n.state IN ('created', 'sent', 'opened')) AS waiting,
              count(*) FILTER (WHERE n.state = 'expired') AS expired,
              count(*) FILTER (WHERE n.state = 'declined') AS declined,
              count(*) FILTER (WHERE n.state IN ('revoked', 'superseded')) AS revoked
         FROM (SELECT i.opened_at, i.started_at, i.completed_at, ` + stateOf + ` AS state
                 FROM invites i
                WHERE (i.assessment_id, i.id) >= (a.id, '00000000-0000-0000-0000-000000000000')
                  AND (i.assessment_id, i.id) <= (a.id, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
                ORDER BY i.assessment_id DESC, i.id DESC
                LIMIT $4) n) f
 WHERE a.employer_id = $2 AND a.id = ANY ($3)`

type figured struct {
	AssessmentID uuid.UUID `db:"assessment_id"`
	Figures
}

// Figures sums the invites to a page of the caller's employer's assessments up, in one statement.
func (m *Module) Figures(ctx context.Context, assessments []uuid.UUID) (map[uuid.UUID]Figures, error) {
	rows, err := pg.All[figured](ctx, m.db, sqlFigures, m.clock.Now(), authn.From(ctx).EmployerID, assessments, MaxFigured)
	if err != nil {
		return nil, fmt.Errorf("figures of invites: %w", err)
	}
	all := make(map[uuid.UUID]Figures, len(rows))
	for _, r := range rows {
		all[r.AssessmentID] = r.Figures
	}
	return all, nil
}

// Ending are the invites to one assessment that can still be started, but not for long.
type Ending struct {
	AssessmentID uuid.UUID `db:"assessment_id"`
	Invites      int       `db:"invites"`
	Unopened     int       `db:"unopened"`
}

const (
	endingSoon = 24 * time.Hour
	maxEnding  = 1_000
)

const sqlEnding = `
SELECT e.assessment_id, count(*) AS invites, count(*) FILTER (WHERE e.opened_at IS NULL) AS unopened
  FROM (SELECT i.assessment_id, i.opened_at
          FROM invites i
         WHERE i.employer_id = $1 AND i.expires_at > $2 AND i.expires_at <= $3 AND ` + live + ` AND i.started_at IS NULL
         LIMIT $4) e
 GROUP BY e.assessment_id
 ORDER BY invites DESC, e.assessment_id`

// Ending tells which invites of the caller's employer end within a day, those to the assessment with the most of them first; of
// very many, some are left out.
func (m *Module) Ending(ctx context.Context) ([]Ending, error) {
	now := m.clock.Now()
	list, err := pg.All[Ending](ctx, m.db, sqlEnding, authn.From(ctx).EmployerID, now, now.Add(endingSoon), maxEnding)
	if err != nil {
		return nil, fmt.Errorf("invites that end soon: %w", err)
	}
	return list, nil
}
