package assessments

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/exact"
	"credlane/app/kit/fault"
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

// flaw is a question that keeps an assessment from being published.
type flaw struct {
	QuestionID uuid.UUID `json:"questionId"`
	Position   int       `json:"position"`
	Message    string    `json:"message"`
}

// judge gives ErrNotReady with every reason why the draft cannot be published, or nil. Questions are read one by one, so
// that memory does not follow their number.
func judge(ctx context.Context, tx pgx.Tx, a Assessment) error {
	fields, flaws, total := []fault.Field{}, []flaw{}, 0
	add := func(location, message string) {
		if total++; total <= maxReasons {
			fields = append(fields, fault.Field{Location: location, Message: message})
		}
	}
	switch {
	case a.QuestionCount == 0:
		add("questions", "Add at least one question.")
	case a.PointsThousandths <= 0:
		add("questions", "Give at least one question points: there are none to earn.")
	case a.PointsTotal() > maxVersionPoints:
		add("questions", fmt.Sprintf("Lower the points: the questions may be worth %s together.", maxVersionPoints))
	}
	rows, err := tx.Query(ctx, sqlJudgedQuestions, a.ID)
	if err != nil {
		return fmt.Errorf("judge questions of %s: %w", a.ID, err)
	}
	defer rows.Close()
	for rows.Next() {
		j, err := pgx.RowToStructByName[judged](rows)
		if err != nil {
			return fmt.Errorf("judge questions of %s: %w", a.ID, err)
		}
		q := j.question()
		for _, reason := range append(q.shape().Valid(), keyReasons(q)...) {
			if total < maxReasons {
				flaws = append(flaws, flaw{j.ID, j.Position, reason.Message})
			}
			add(fmt.Sprintf("questions[%d].answerKey", j.Position-1), fmt.Sprintf("Question %d: %s", j.Position, reason.Message))
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("judge questions of %s: %w", a.ID, err)
	}
	if total == 0 {
		return nil
	}
	return ErrNotReady.WithFields(fields...).WithExtra("questions", flaws).WithExtra("errorCount", total)
}
