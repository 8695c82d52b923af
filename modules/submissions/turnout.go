package submissions

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/pg"
)

// Turnout is how many took one version of an assessment.
type Turnout struct {
	Version       int `db:"version"` // the number
	Started       int `db:"started"`
	Ended         int `db:"ended"` // handed in or out of time: those who have a result
	Passed        int `db:"passed"`
	Invited       int `db:"invited"` // of those who started, by a personal link
	InvitedEnded  int `db:"invited_ended"`
	InvitedPassed int `db:"invited_passed"`
}

const sqlTurnout = `
SELECT (SELECT v.number FROM assessment_versions v WHERE v.id = n.version_id) AS version,
       n.started, n.ended, n.passed, n.invited, n.invited_ended, n.invited_passed
  FROM (SELECT s.version_id, count(*) AS started, count(s.submitted_at) AS ended, count(*) FILTER (WHERE s.passed) AS passed,
               count(s.invite_id) AS invited,
               count(*) FILTER (WHERE s.invite_id IS NOT NULL AND s.submitted_at IS NOT NULL) AS invited_ended,
               count(*) FILTER (WHERE s.invite_id IS NOT NULL AND s.passed) AS invited_passed
          FROM submissions s` + mine + `
         GROUP BY s.version_id) n
 ORDER BY version DESC`

// Turnout counts the submissions of every version that anybody took, the latest first. An absent assessment has none.
func (m *Module) Turnout(ctx context.Context, assessment uuid.UUID) ([]Turnout, error) {
	list, err := pg.All[Turnout](ctx, m.DB, sqlTurnout, assessment, authn.From(ctx).EmployerID)
	if err != nil {
		return nil, fmt.Errorf("turnout of %s: %w", assessment, err)
	}
	return list, nil
}
