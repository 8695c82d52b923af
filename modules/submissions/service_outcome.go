package submissions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/authn"
	"credlane/app/kit/exact"
	"credlane/app/kit/pg"
)

// Outcome is what a candidate may see of their result now. What the policy does not release is nil, and was never read.
type Outcome struct {
	Released   bool
	Disclosure Disclosure
	Score      *Scored
	Questions  []Reviewed // in this candidate's order
}

// Scored is a settled result.
type Scored struct {
	Points      exact.Points `db:"points"`
	PointsTotal exact.Points `db:"points_total"`
	Score       exact.Score  `db:"score"`
	Passed      bool         `db:"passed"`
}

// Reviewed is one question with its answer, what that earned, and the key.
type Reviewed struct {
	Question
	Answer json.RawMessage // null when not answered
	Credit exact.Fraction
	Earned exact.Points // credit x points, rounded half up to thousandths
}

const sqlScored = `
SELECT points, points_total, score, passed, credits
FROM submissions
WHERE id = $1 AND status <> 'in_progress'`

type scoredRow struct {
	Scored
	Credits []int32 `db:"credits"` // credits
}

// Outcome gives the caller's result as far as it is released. Faults: ErrUnauthenticated when voided, ErrSessionTaken.
func (m *Module) Outcome(ctx context.Context) (Outcome, error) {
	now := m.Clock.Now()
	a, answers, v, err := m.touch(ctx, now)
	if err != nil {
		return Outcome{}, err
	}
	return m.outcome(ctx, a, answers, v, now)
}

func (m *Module) outcome(ctx context.Context, a attempt, answers []storedAnswer, v *version, now time.Time) (Outcome, error) {
	if a.Status == InProgress {
		return Outcome{}, nil
	}
	policy, err := m.Policies.ReleasePolicy(ctx, a.AssessmentID)
	if err != nil {
		return Outcome{}, err
	}
	if policy.Disclosure == DiscloseNone || policy.At != nil && now.Before(*policy.At) {
		return Outcome{}, nil
	}
	scored, err := pg.One[scoredRow](ctx, m.DB, sqlScored, a.ID)
	if errors.Is(err, pgx.ErrNoRows) { // voided this very moment
		return Outcome{}, authn.ErrUnauthenticated.Because(err)
	}
	if err != nil {
		return Outcome{}, fmt.Errorf("result of submission %s: %w", a.ID, err)
	}
	o := Outcome{Released: true, Disclosure: policy.Disclosure, Score: &scored.Scored}
	if policy.Disclosure == DiscloseReview {
		o.Questions = review(a, answers, scored.Credits, v)
	}
	return o, nil
}

// review lays the answers of an ended attempt, which change no more, beside the keys.
func review(a attempt, answers []storedAnswer, earned credits, v *version) []Reviewed {
	given := make(map[uuid.UUID][]byte, len(answers))
	for _, s := range answers {
		given[s.QuestionID] = s.Answer
	}
	list := make([]Reviewed, len(v.marking.source.Questions))
	for i := range list {
		q := asSeen(v.marking.source.Questions, a.Layout, i)
		credit, _ := earned.of(v.marking.index[q.ID])
		list[i] = Reviewed{Question: q, Answer: jsonOrNull(given[q.ID]), Credit: credit, Earned: earnedPoints(q.Points, credit)}
	}
	return list
}

// Dossier is everything kept about a candidate in one attempt that is theirs to have: who they said to be, what they gave,
// when, and the result as far as it is released.
type Dossier struct {
	Sitting Sitting
	Person  PersonalData
	Outcome Outcome
}

// PersonalData is who a candidate said to be, and to what they agreed.
type PersonalData struct {
	Name          string    `db:"name" json:"name"`
	Email         string    `db:"email" json:"email"`
	ConsentAt     time.Time `db:"consent_at" json:"consentAt"`
	NoticeVersion int       `db:"notice_version" json:"noticeVersion" doc:"Which version of the privacy notice."`
	AddressProved bool      `db:"address_proved" json:"addressProved" doc:"You showed that the e-mail address is yours, by a personal link or a one-time code."`
}

const sqlPersonalData = `
SELECT name, email, consent_at, notice_version, address_proved
FROM submissions
WHERE id = $1`

// Dossier gives the caller all of it. Faults: ErrUnauthenticated when voided, ErrSessionTaken.
func (m *Module) Dossier(ctx context.Context) (Dossier, error) {
	now := m.Clock.Now()
	a, answers, v, err := m.touch(ctx, now)
	if err != nil {
		return Dossier{}, err
	}
	d := Dossier{Sitting: m.sitting(a, v, answers, now)}
	d.Person, err = pg.One[PersonalData](ctx, m.DB, sqlPersonalData, a.ID)
	if errors.Is(err, pgx.ErrNoRows) { // voided this very moment
		return Dossier{}, authn.ErrUnauthenticated.Because(err)
	}
	if err != nil {
		return Dossier{}, fmt.Errorf("data of submission %s: %w", a.ID, err)
	}
	d.Person.ConsentAt = d.Person.ConsentAt.UTC()
	d.Outcome, err = m.outcome(ctx, a, answers, v, now)
	return d, err
}
