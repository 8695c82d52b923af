package assessments

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/fault"
	"credlane/app/kit/rest"
)

// Questions gives one page of an assessment's questions in their order, with keys. ErrNotFound for an absent assessment.
func (s *Service) Questions(ctx context.Context, assessmentID uuid.UUID, after QuestionCursor, limit int) ([]Question, error) {
	employer := employerOf(ctx)
	list, err := listQuestions(ctx, s.db, employer, assessmentID, after, limit)
	if err == nil && len(list) == 0 {
		_, err = findAssessment(ctx, s.db, employer, assessmentID)
	}
	return list, err
}

// Question gives one question with its key.
func (s *Service) Question(ctx context.Context, assessmentID, id uuid.UUID) (Question, error) {
	return findQuestion(ctx, s.db, employerOf(ctx), assessmentID, id)
}

// AddQuestionTx puts a question at the end, or at d.Position and moves the later ones down.
func (s *Service) AddQuestionTx(ctx context.Context, tx pgx.Tx, assessmentID uuid.UUID, d QuestionDraft) (Question, error) {
	employer := employerOf(ctx)
	a, err := s.editable(ctx, tx, assessmentID)
	if err != nil {
		return Question{}, err
	}
	if a.QuestionCount >= MaxQuestions {
		return Question{}, ErrTooManyQuestions
	}
	q, err := newQuestion(s.ids, d)
	if q.Position = a.QuestionCount + 1; d.Position != 0 {
		q.Position = d.Position
	}
	if q.Position < 1 || q.Position > a.QuestionCount+1 {
		reason := fault.Field{Location: "body.position", Message: fmt.Sprintf("Choose a position from 1 to %d.", a.QuestionCount+1)}
		err = withReason(err, reason)
	}
	if err != nil {
		return Question{}, err
	}
	q.UpdatedAt = s.clock.Now()
	if q.Position <= a.QuestionCount {
		if err := openPosition(ctx, tx, assessmentID, q.Position); err != nil {
			return Question{}, err
		}
	}
	if err := insertQuestion(ctx, tx, employer, assessmentID, q); err != nil {
		return Question{}, err
	}
	if err := touchContent(ctx, tx, assessmentID, q.UpdatedAt); err != nil {
		return Question{}, err
	}
	if err := s.recordOn(ctx, tx, "question.created", "question", q.ID, nil, q.told(assessmentID)); err != nil {
		return Question{}, err
	}
	return findQuestion(ctx, tx, employer, assessmentID, q.ID)
}

// AddQuestion puts a question at the end, or at d.Position and moves the later ones down.
func (s *Service) AddQuestion(ctx context.Context, assessmentID uuid.UUID, d QuestionDraft) (q Question, err error) {
	err = s.db.InTx(ctx, func(tx pgx.Tx) error {
		q, err = s.AddQuestionTx(ctx, tx, assessmentID, d)
		return err
	})
	return q, err
}

// editable locks the assessment for a change of its questions; ErrArchived when it changes no more.
func (s *Service) editable(ctx context.Context, tx pgx.Tx, id uuid.UUID) (Assessment, error) {
	a, err := lockAssessment(ctx, tx, employerOf(ctx), id)
	if err == nil && a.Status == Archived {
		err = ErrArchived
	}
	return a, err
}

// withReason adds one more reason to those that err lists already.
func withReason(err error, reason fault.Field) error {
	if f, ok := fault.As(err); ok {
		return f.WithFields(append(f.Fields, reason)...)
	}
	return rest.ErrInvalid.WithFields(reason)
}

// UpdateQuestion merges c into the question; ifMatch is the request's If-Match.
func (s *Service) UpdateQuestion(ctx context.Context, assessmentID, id uuid.UUID, ifMatch string, c QuestionChange) (Question, error) {
	var after Question
	err := s.db.InTx(ctx, func(tx pgx.Tx) error {
		employer := employerOf(ctx)
		before, err := s.lockQuestion(ctx, tx, assessmentID, id, ifMatch)
		if err != nil {
			return err
		}
		if after, err = applyChange(s.ids, before, c); err != nil || after.same(before) {
			return err
		}
		now := s.clock.Now()
		if err := updateQuestion(ctx, tx, employer, assessmentID, after, now); err != nil {
			return err
		}
		if err := touchContent(ctx, tx, assessmentID, now); err != nil {
			return err
		}
		if err := s.recordOn(ctx, tx, "question.updated", "question", id, before.told(assessmentID), after.told(assessmentID)); err != nil {
			return err
		}
		after, err = findQuestion(ctx, tx, employer, assessmentID, id)
		return err
	})
	if err != nil {
		return Question{}, err
	}
	return after, nil
}

// lockQuestion locks the assessment, which guards all of its questions, and checks the question's own ETag.
func (s *Service) lockQuestion(ctx context.Context, tx pgx.Tx, assessmentID, id uuid.UUID, ifMatch string) (Question, error) {
	if _, err := s.editable(ctx, tx, assessmentID); err != nil {
		return Question{}, err
	}
	q, err := findQuestion(ctx, tx, employerOf(ctx), assessmentID, id)
	if err != nil {
		return Question{}, err
	}
	return q, rest.CheckIfMatch(ifMatch, rest.ETag(q.ID, q.Revision()))
}

// DeleteQuestion removes a question from the draft and closes the gap; published versions keep it.
func (s *Service) DeleteQuestion(ctx context.Context, assessmentID, id uuid.UUID, ifMatch string) error {
	return s.db.InTx(ctx, func(tx pgx.Tx) error {
		q, err := s.lockQuestion(ctx, tx, assessmentID, id, ifMatch)
		if err != nil {
			return err
		}
		if err := deleteQuestion(ctx, tx, employerOf(ctx), assessmentID, id); err != nil {
			return err
		}
		if err := closePosition(ctx, tx, assessmentID, q.Position); err != nil {
			return err
		}
		if err := touchContent(ctx, tx, assessmentID, s.clock.Now()); err != nil {
			return err
		}
		return s.recordOn(ctx, tx, "question.deleted", "question", id, q.told(assessmentID), nil)
	})
}

// OrderQuestions puts the questions in the order of their ids, which must be all of them, each once.
func (s *Service) OrderQuestions(ctx context.Context, assessmentID uuid.UUID, order []uuid.UUID) (Assessment, error) {
	return s.change(ctx, assessmentID, func(tx pgx.Tx, a Assessment) error {
		if a.Status == Archived {
			return ErrArchived
		}
		employer := employerOf(ctx)
		known, err := countNamed(ctx, tx, employer, assessmentID, order)
		if err != nil {
			return err
		}
		if known != len(order) || known != a.QuestionCount {
			return rest.ErrInvalid.WithFields(fault.Field{Location: "body.order",
				Message: fmt.Sprintf("Name each of the %d questions of this assessment once, and no other.", a.QuestionCount)})
		}
		moved, err := orderQuestions(ctx, tx, employer, assessmentID, order)
		if err != nil || moved == 0 {
			return err
		}
		if err := touchContent(ctx, tx, assessmentID, s.clock.Now()); err != nil {
			return err
		}
		return s.record(ctx, tx, "questions.ordered", assessmentID, nil, map[string]any{"moved": moved})
	})
}

// told is what the audit trail tells of a question: no key, and no text that a log reader could sell.
func (q Question) told(assessmentID uuid.UUID) map[string]any {
	return map[string]any{"assessmentId": assessmentID, "position": q.Position, "type": q.Type, "points": q.Points,
		"options": len(q.Options), "tags": q.Tags, "difficulty": q.Difficulty, "creditRule": q.CreditRule, "hasKey": q.Key != nil}
}
