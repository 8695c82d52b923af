package submissions

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/authn"
	"credlane/app/kit/exact"
)

// snapshot is a transaction that sees one state throughout and changes nothing.
var snapshot = pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}

// Find gives one submission in full, keys included; an overdue one is brought to its end first.
// Error: ErrSubmissionNotFound.
func (m *Module) Find(ctx context.Context, id uuid.UUID) (Record, error) {
	employer := authn.From(ctx).EmployerID
	if err := m.endIfOverdue(ctx, employer, id); err != nil {
		return Record{}, err
	}
	var (
		r       Record
		answers []savedAnswer
	)
	err := pgx.BeginTxFunc(ctx, m.DB.Pool, snapshot, func(tx pgx.Tx) error {
		var err error
		r, answers, err = findRecord(ctx, tx, employer, id)
		return err
	})
	if err != nil {
		return Record{}, fmt.Errorf("submission %s: %w", id, err)
	}
	v, err := m.versions.get(ctx, r.VersionID)
	if err == nil {
		err = turnFor(ctx, v.booklet)
	}
	if err != nil {
		return Record{}, fmt.Errorf("submission %s: %w", id, err)
	}
	r.Questions = make([]Answered, len(v.marking.source.Questions))
	at := make(map[uuid.UUID]int, len(r.Questions))
	for i := range r.Questions {
		r.Questions[i].Question = asSeen(v.marking.source.Questions, r.layout, i)
		at[r.Questions[i].ID] = i
	}
	for _, g := range answers {
		// The database lets no answer in whose question is not in the version.
		r.Questions[at[g.QuestionID]].take(g)
	}
	if r.Status != InProgress {
		for i := range r.Questions {
			q := &r.Questions[i]
			credit, _ := credits(r.credits).of(v.marking.index[q.ID])
			earned := earnedPoints(q.Points, credit)
			q.Credit, q.Earned = &credit, &earned
		}
	}
	return r, nil
}

// asSeen is the question at a place of the candidate's order, with its options in theirs. A layout is written with its
// version and neither changes; one of another length is read as the author's order rather than hiding a question.
func asSeen(questions []Question, layout [][]int, place int) Question {
	if len(layout) != len(questions) || len(layout[place]) == 0 || layout[place][0] >= len(questions) {
		return questions[place]
	}
	order := layout[place]
	q := questions[order[0]]
	if len(order)-1 != len(q.Options) {
		return q
	}
	seen := make([]Option, len(q.Options))
	for i, from := range order[1:] {
		if from >= len(q.Options) {
			return q
		}
		seen[i] = q.Options[from]
	}
	q.Options = seen
	return q
}

func (a *Answered) take(g savedAnswer) {
	if !bytes.Equal(g.Answer, []byte("null")) {
		a.Answer = g.Answer
	}
	at := g.SavedAt.UTC()
	a.Sequence, a.Flagged, a.SavedAt = g.Sequence, g.Flagged, &at
}

// earnedPoints is points x credit, rounded half up to thousandths for showing.
func earnedPoints(p exact.Points, credit exact.Fraction) exact.Points {
	var sum exact.Sum
	sum.Add(p, credit)
	return sum.Points()
}

// endIfOverdue ends the employer's submission as of its deadline if that and the grace have passed.
func (m *Module) endIfOverdue(ctx context.Context, employer, id uuid.UUID) error {
	now := m.Clock.Now()
	var versionID uuid.UUID
	err := m.DB.QueryRow(ctx, sqlVersionIfOverdue, employer, id, cutoff(now)).Scan(&versionID)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // absent, or not overdue: what follows tells which
	}
	if err == nil {
		_, err = m.expireOverdue(ctx, id, versionID, now)
	}
	if err != nil {
		return fmt.Errorf("submission %s: %w", id, err)
	}
	return nil
}
