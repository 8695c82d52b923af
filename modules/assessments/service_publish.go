package assessments

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/exact"
	"credlane/app/kit/fault"
	"credlane/app/kit/pg"
	"credlane/app/kit/question"
)

// maxReasons bounds the list that a refused publish gives; the whole number is said beside it.
const maxReasons = 200

// Publish makes the draft's next version and activates the assessment, in one transaction. When the current version holds
// the draft already, no other is made: an active assessment stays as it is and a closed one is reopened. An active one that
// is published again keeps its slot. Errors: ErrNotReady with every reason, ErrActiveLimit, ErrArchived.
func (s *Service) Publish(ctx context.Context, id uuid.UUID) (Assessment, error) {
	made := false
	after, err := s.change(ctx, id, func(tx pgx.Tx, a Assessment) error {
		made = false // the transaction may be tried again
		if a.Status == Archived {
			return ErrArchived
		}
		now, employer := s.clock.Now(), employerOf(ctx)
		if !a.DraftChanged() {
			if a.Status == Active {
				return nil
			}
			if err := setStatus(ctx, tx, id, Active, now); err != nil {
				return err
			}
			return s.record(ctx, tx, "assessment.reopened", id, map[string]any{"status": a.Status}, map[string]any{"status": Active})
		}
		if err := judge(ctx, tx, a); err != nil {
			return err
		}
		number := 1
		if a.CurrentVersion != nil {
			number = *a.CurrentVersion + 1
		}
		versionID := s.ids.ID()
		if err := insertVersion(ctx, tx, employer, id, versionID, number, now); err != nil {
			return err
		}
		// Last, since activating takes the employer's row: other members need not wait while questions are copied.
		if err := setPublished(ctx, tx, id, number, now); err != nil {
			return err
		}
		made = true
		if err := s.events.AnnounceTx(ctx, tx, employer, id, now, EventPublished); err != nil {
			return fmt.Errorf("announce %s: %w", EventPublished, err)
		}
		return s.record(ctx, tx, "assessment.published", id, map[string]any{"status": a.Status, "version": a.CurrentVersion},
			map[string]any{"status": Active, "version": number, "versionId": versionID, "questions": a.QuestionCount})
	})
	if err == nil && made {
		s.counters.AssessmentPublished()
	}
	return after, err
}

// judged is what of a question decides whether it can be scored.
type judged struct {
	ID         uuid.UUID           `db:"id"`
	Position   int                 `db:"position"`
	Type       question.Type       `db:"type"`
	Points     exact.Points        `db:"points"`
	CreditRule question.CreditRule `db:"credit_rule"`
	Key        json.RawMessage     `db:"key"`
	OptionIDs  []uuid.UUID         `db:"option_ids"`
}

func (j judged) question() Question {
	q := Question{ID: j.ID, Type: j.Type, Points: j.Points, CreditRule: j.CreditRule, Key: j.Key, Options: make([]Option, len(j.OptionIDs))}
	for i, id := range j.OptionIDs {
		q.Options[i].ID = id
	}
	return q
}

// Flaw is a question that keeps an assessment from being published.
type Flaw struct {
	QuestionID uuid.UUID `json:"questionId"`
	Position   int       `json:"position"`
	Message    string    `json:"message"`
}

// judge gives ErrNotReady with every reason why the draft cannot be published, or nil.
func judge(ctx context.Context, q pg.Querier, a Assessment) error {
	r, err := weigh(ctx, q, a)
	if err != nil || r.Ready() {
		return err
	}
	fields := make([]fault.Field, 0, len(r.Whole)+len(r.Flaws))
	for _, message := range r.Whole {
		fields = append(fields, fault.Field{Location: "questions", Message: message})
	}
	for _, f := range r.Flaws {
		fields = append(fields, fault.Field{Location: fmt.Sprintf("questions[%d].answerKey", f.Position-1),
			Message: fmt.Sprintf("Question %d: %s", f.Position, f.Message)})
	}
	return ErrNotReady.WithFields(fields...).WithExtra("questions", r.Flaws).WithExtra("errorCount", r.Total)
}

// Readiness is every reason why a draft cannot be published.
type Readiness struct {
	Whole []string // against the assessment as a whole
	Flaws []Flaw   // against single questions, in their order; with those of Whole, the first 200
	Total int      // of all reasons
}

// Ready tells whether there is no reason.
func (r Readiness) Ready() bool { return r.Total == 0 }

// Readiness judges the draft as publishing would. Errors: ErrNotFound.
func (s *Service) Readiness(ctx context.Context, id uuid.UUID) (Readiness, error) {
	a, err := s.Find(ctx, id)
	if err != nil {
		return Readiness{}, err
	}
	return weigh(ctx, s.db, a)
}

// weigh reads questions one by one, so that memory does not follow their number.
func weigh(ctx context.Context, q pg.Querier, a Assessment) (Readiness, error) {
	r := Readiness{Flaws: []Flaw{}}
	switch {
	case a.QuestionCount == 0:
		r.Whole = append(r.Whole, "Add at least one question.")
	case a.PointsThousandths <= 0:
		r.Whole = append(r.Whole, "Give at least one question points: there are none to earn.")
	case a.PointsTotal() > maxVersionPoints:
		r.Whole = append(r.Whole, fmt.Sprintf("Lower the points: the questions may be worth %s together.", maxVersionPoints))
	}
	r.Total = len(r.Whole)
	rows, err := q.Query(ctx, sqlJudgedQuestions, a.ID)
	if err != nil {
		return r, fmt.Errorf("judge questions of %s: %w", a.ID, err)
	}
	defer rows.Close()
	for rows.Next() {
		j, err := pgx.RowToStructByName[judged](rows)
		if err != nil {
			return r, fmt.Errorf("judge questions of %s: %w", a.ID, err)
		}
		for _, message := range j.reasons() {
			if r.Total < maxReasons {
				r.Flaws = append(r.Flaws, Flaw{j.ID, j.Position, message})
			}
			r.Total++
		}
	}
	if err := rows.Err(); err != nil {
		return r, fmt.Errorf("judge questions of %s: %w", a.ID, err)
	}
	return r, nil
}

// reasons say why the question cannot be scored; none means that it can.
func (j judged) reasons() []string {
	q := j.question()
	var list []string
	for _, reason := range append(q.shape().Valid(), keyReasons(q)...) {
		list = append(list, reason.Message)
	}
	return list
}
