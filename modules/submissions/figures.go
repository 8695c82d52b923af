package submissions

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/pg"
)

// Figures are what a list of assessments says of each one's submissions.
type Figures struct {
	Started int // MaxFigured when there may be more
	Ended   int // handed in or out of time
	Passed  int
	Last    *time.Time // when the latest of them ended
	Daily   [FigureDays]int
}

const (
	// FigureDays is how many days the daily counts go back; the last one is the 24 hours up to now.
	FigureDays = 14
	// MaxFigured is how many submissions of one assessment are looked at, the latest ones: a list stays quick whatever there is,
	// and the assessment's own page counts them all.
	MaxFigured = 10_000
)

// Bounds stand for the equation, as in the lists by start.
const sqlFigures = `
SELECT a.id AS assessment_id, f.day, f.started, f.ended, f.passed, f.last
  FROM assessments a
 CROSS JOIN LATERAL (
       SELECT CASE WHEN n.submitted_at > $3 THEN ceil(extract(epoch FROM n.submitted_at - $3) / 86400)::integer END AS day,
              count(*) AS started, count(n.submitted_at) AS ended, count(*) FILTER (WHERE n.passed) AS passed,
              max(n.submitted_at) AS last
         FROM (SELECT s.submitted_at, s.passed
                 FROM submissions s
                WHERE (s.assessment_id, s.id) >= (a.id, '00000000-0000-0000-0000-000000000000')
                  AND (s.assessment_id, s.id) <= (a.id, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
                ORDER BY s.assessment_id DESC, s.id DESC
                LIMIT $4) n
        GROUP BY 1) f
 WHERE a.employer_id = $1 AND a.id = ANY ($2)`

type figured struct {
	AssessmentID uuid.UUID  `db:"assessment_id"`
	Day          *int       `db:"day"` // from 1; nil: not ended, or longer ago
	Started      int        `db:"started"`
	Ended        int        `db:"ended"`
	Passed       int        `db:"passed"`
	Last         *time.Time `db:"last"`
}

// Figures sums the submissions of a page of the caller's employer's assessments up, in one statement. One without any is not
// in the answer.
func (m *Module) Figures(ctx context.Context, assessments []uuid.UUID) (map[uuid.UUID]Figures, error) {
	since := m.Clock.Now().Add(-FigureDays * 24 * time.Hour)
	rows, err := pg.All[figured](ctx, m.DB, sqlFigures, authn.From(ctx).EmployerID, assessments, since, MaxFigured)
	if err != nil {
		return nil, fmt.Errorf("figures of submissions: %w", err)
	}
	all := make(map[uuid.UUID]Figures, len(assessments))
	for _, r := range rows {
		f := all[r.AssessmentID]
		f.Started, f.Ended, f.Passed = f.Started+r.Started, f.Ended+r.Ended, f.Passed+r.Passed
		if r.Last != nil && (f.Last == nil || r.Last.After(*f.Last)) {
			f.Last = r.Last
		}
		if r.Day != nil {
			// Two instances' clocks may differ by a moment: what ended just now is of today.
			f.Daily[min(*r.Day, FigureDays)-1] += r.Ended
		}
		all[r.AssessmentID] = f
	}
	return all, nil
}
