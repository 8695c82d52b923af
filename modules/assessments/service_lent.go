package assessments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/exact"
	"credlane/app/kit/pg"
)

const sqlInvitation = `
SELECT coalesce(v.title, a.title) AS title, a.status
  FROM assessments a
  LEFT JOIN assessment_versions v ON v.assessment_id = a.id AND v.number = a.current_version
 WHERE a.employer_id = $1 AND a.id = $2`

// Invitation is what an invite says of its assessment.
type Invitation struct {
	Title  string `db:"title"` // as candidates see it: the current version's
	Status Status `db:"status"`
}

// Invitable tells what people would be invited to, through q. Errors: ErrNotFound; ErrNotActive, with the assessment beside it.
func (s *Service) Invitable(ctx context.Context, q pg.Querier, employerID, assessmentID uuid.UUID) (Invitation, error) {
	a, err := pg.One[Invitation](ctx, q, sqlInvitation, employerID, assessmentID)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return a, ErrNotFound
	case err != nil:
		return a, fmt.Errorf("invitable %s: %w", assessmentID, err)
	case a.Status != Active:
		return a, ErrNotActive
	}
	return a, nil
}

// eventObject is an assessment as other systems hear of it: without its description, which would not fit into a webhook.
type eventObject struct {
	ID               uuid.UUID    `json:"id"`
	Title            string       `json:"title"`
	Slug             string       `json:"slug"`
	PublicURL        string       `json:"publicUrl"`
	Status           Status       `json:"status"`
	TimeLimitMinutes int          `json:"timeLimitMinutes"`
	PassingScore     exact.Score  `json:"passingScore"`
	ResultRelease    Release      `json:"resultRelease"`
	OpensAt          *time.Time   `json:"opensAt"`
	ClosesAt         *time.Time   `json:"closesAt"`
	QuestionCount    int          `json:"questionCount"`
	PointsTotal      exact.Points `json:"pointsTotal"`
	Version          *int         `json:"version"`
	CreatedAt        time.Time    `json:"createdAt"`
	UpdatedAt        time.Time    `json:"updatedAt"`
}

// EventObject gives an assessment as other systems hear of it. Errors: ErrNotFound.
func (s *Service) EventObject(ctx context.Context, employerID, id uuid.UUID) (any, error) {
	a, err := findAssessment(ctx, s.db, employerID, id)
	if err != nil {
		return nil, err
	}
	b := s.body(a)
	return eventObject{b.ID, b.Title, b.Slug, b.PublicURL, b.Status, b.TimeLimitMinutes, b.PassingScore, b.ResultRelease, b.OpensAt,
		b.ClosesAt, b.QuestionCount, b.PointsTotal, b.Version, b.CreatedAt, b.UpdatedAt}, nil
}

const sqlTitles = `
SELECT a.id, a.title FROM assessments a WHERE a.employer_id = $1 AND a.id = ANY ($2)`

type titled struct {
	ID    uuid.UUID `db:"id"`
	Title string    `db:"title"`
}

// Titles names those of ids that are assessments of the employer.
func (s *Service) Titles(ctx context.Context, employerID uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]string, error) {
	list, err := pg.All[titled](ctx, s.db, sqlTitles, employerID, ids)
	if err != nil {
		return nil, fmt.Errorf("name assessments: %w", err)
	}
	titles := make(map[uuid.UUID]string, len(list))
	for _, a := range list {
		titles[a.ID] = a.Title
	}
	return titles, nil
}
