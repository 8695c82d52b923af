package assessments

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/exact"
	"credlane/app/kit/fault"
	"credlane/app/kit/ids"
	"credlane/app/kit/question"
	"credlane/app/kit/rest"
)

// NewQuestion is a question from elsewhere, such as a file: its key names options by their place.
type NewQuestion struct {
	Type        question.Type
	Prompt      string
	Options     []string
	Points      exact.Points
	Tags        []string
	Difficulty  string
	Explanation string
	CreditRule  question.CreditRule // "": exact
	Key         *NewKey             // nil: none yet
}

// NewKey is the right answer of a NewQuestion; the question's type says which fields count.
type NewKey struct {
	Right         []int    // single_choice: one place in Options, from 0; multiple_choice: one or more
	True          bool     // true_false
	Accepted      []string // short_text
	CaseSensitive bool     // short_text
	Value         exact.Decimal
	Tolerance     exact.Decimal
	ToleranceKind question.ToleranceKind // "": absolute
}

// A batch is written when it holds so many questions or so many bytes, which bounds memory whatever comes.
const (
	batchRows  = 1000
	batchBytes = 2 << 20
)

// Editable says whether the caller may add questions to the assessment: nil, ErrNotFound or ErrArchived. AppendTx asks again.
func (s *Service) Editable(ctx context.Context, assessmentID uuid.UUID) error {
	a, err := s.Find(ctx, assessmentID)
	if err == nil && a.Status == Archived {
		err = ErrArchived
	}
	return err
}

// AppendTx adds the questions at the end of the draft, in tx and through COPY, and gives how many they were. It holds two
// batches of them: while one is written it asks for the next, in a goroutine of its own, so the sequence must not use tx.
// The first question that is not allowed ends it with a fault that names its place ("questions[7].options"); the error of
// the sequence ends it too; either way the caller's transaction must end. Errors: ErrNotFound, ErrArchived,
// ErrTooManyQuestions.
func (s *Service) AppendTx(ctx context.Context, tx pgx.Tx, employerID, assessmentID uuid.UUID, questions iter.Seq2[NewQuestion, error]) (int, error) {
	a, err := lockAssessment(ctx, tx, employerID, assessmentID)
	if err != nil {
		return 0, err
	}
	if a.Status == Archived {
		return 0, ErrArchived
	}
	n, err := s.appendAhead(ctx, tx, employerID, a, questions)
	if err != nil || n == 0 {
		return 0, err
	}
	if err := touchContent(ctx, tx, assessmentID, s.clock.Now()); err != nil {
		return 0, err
	}
	return n, s.record(ctx, tx, "questions.added", assessmentID, nil, map[string]any{"count": n})
}

// appendTo writes the questions behind those that the locked assessment has. It leaves tx alone while it asks for the next.
func (s *Service) appendTo(ctx context.Context, tx pgx.Tx, employerID uuid.UUID, a Assessment, questions iter.Seq2[NewQuestion, error]) (int, error) {
	return s.fill(employerID, a, questions, func(b *batch) (*batch, error) { return b, b.write(ctx, tx) })
}

// appendAhead is appendTo for a sequence that has nothing to do with tx: the next batch is made while one is written.
func (s *Service) appendAhead(ctx context.Context, tx pgx.Tx, employerID uuid.UUID, a Assessment, questions iter.Seq2[NewQuestion, error]) (n int, err error) {
	filling, stop := context.WithCancel(ctx)
	defer stop()
	full, empty := make(chan *batch), make(chan *batch, 1)
	empty <- new(batch)
	var panicked any
	go func() {
		defer close(full)
		defer func() { panicked = recover() }() // a panic is the request's, wherever it comes from
		n, err = s.fill(employerID, a, questions, func(b *batch) (*batch, error) {
			select {
			case full <- b:
			case <-filling.Done():
				return nil, filling.Err()
			}
			select {
			case b = <-empty:
				return b, nil
			case <-filling.Done():
				return nil, filling.Err()
			}
		})
	}()
	var failed error
	for b := range full { // until it is closed, so the goroutine has ended
		if failed = b.write(ctx, tx); failed != nil {
			break
		}
		empty <- b
	}
	stop()
	for range full { // what was on its way when the writing failed
	}
	if panicked != nil {
		panic(panicked)
	}
	if failed != nil {
		return 0, failed
	}
	return n, err
}

// fill judges the questions and hands them out in batches; give takes one over and gives one to fill next.
func (s *Service) fill(employerID uuid.UUID, a Assessment, questions iter.Seq2[NewQuestion, error], give func(*batch) (*batch, error)) (int, error) {
	now, n, b := s.clock.Now(), 0, new(batch)
	b.reset()
	for in, err := range questions {
		if err != nil {
			return 0, err
		}
		if a.QuestionCount+n >= MaxQuestions {
			return 0, ErrTooManyQuestions
		}
		q, err := in.question(s.ids, "")
		if err != nil { // once more, to say where: writing down the place of each good question costs as much as judging it
			_, err = in.question(s.ids, fmt.Sprintf("questions[%d]", n))
			return 0, err
		}
		n++
		q.Position, q.UpdatedAt = a.QuestionCount+n, now
		b.add(employerID, a.ID, q)
		if b.questions.n == batchRows || b.size() >= batchBytes {
			if b, err = give(b); err != nil {
				return 0, err
			}
			b.reset()
		}
	}
	if b.questions.n == 0 {
		return n, nil
	}
	_, err := give(b)
	return n, err
}

// question makes a draft question of it; the error lists every reason, each beneath location.
func (in NewQuestion) question(source *ids.Source, location string) (Question, error) {
	var r reasons
	q := Question{ID: source.ID(), Type: in.Type, Prompt: in.Prompt, Options: make([]Option, 0, len(in.Options)), Points: in.Points,
		Tags: r.tags(location+".tags", in.Tags), Difficulty: r.line(location+".difficulty", in.Difficulty, MaxDifficulty, false),
		Explanation: in.Explanation, CreditRule: in.CreditRule}
	if q.CreditRule == "" {
		q.CreditRule = question.Exact
	}
	r.prose(location+".prompt", in.Prompt, question.MaxPrompt, true)
	r.prose(location+".explanation", in.Explanation, question.MaxExplanation, false)
	for i, text := range in.Options[:min(len(in.Options), question.MaxOptions+1)] {
		if !prose(text, question.MaxOptionText, true) {
			r.notProse(fmt.Sprintf("%s.options[%d]", location, i), text, question.MaxOptionText, true)
		}
		q.Options = append(q.Options, Option{ID: source.Random(), Text: text})
	}
	shape := q.shape()
	found := shape.Valid()
	if in.Key != nil && len(found) == 0 {
		key := in.Key.of(q)
		found = key.Valid(shape)
		if len(found) == 0 {
			q.Key = mustEncode(key)
		}
	}
	for _, reason := range found {
		r.add(at(location, reason.Field), "%s", reason.Message)
	}
	if len(r) > 0 {
		return Question{}, rest.ErrInvalid.WithFields([]fault.Field(r)...)
	}
	return q, nil
}

// of gives the key with the ids of q's options. A place that q does not have becomes the zero id, which no option has.
func (k NewKey) of(q Question) question.Key {
	key := question.Key{Type: q.Type, True: k.True, Accepted: k.Accepted, CaseSensitive: k.CaseSensitive, Value: k.Value,
		Tolerance: k.Tolerance, ToleranceKind: k.ToleranceKind}
	if key.ToleranceKind == "" {
		key.ToleranceKind = question.Absolute
	}
	for _, place := range k.Right {
		id := uuid.Nil
		if place >= 0 && place < len(q.Options) {
			id = q.Options[place].ID
		}
		key.OptionIDs = append(key.OptionIDs, id)
	}
	return key
}

const copyTitle = " (copy)"

// DuplicateTx makes a new draft with the settings and questions of another, all with ids of their own. Opening, closing and
// release times are not taken over: they belong to the round that the original was for.
func (s *Service) DuplicateTx(ctx context.Context, tx pgx.Tx, id uuid.UUID) (Assessment, error) {
	employer := employerOf(ctx)
	a, err := lockAssessment(ctx, tx, employer, id)
	if err != nil {
		return Assessment{}, err
	}
	b := a
	b.ID, b.Slug, b.CreatedAt, b.QuestionCount = s.ids.ID(), s.ids.Slug(), s.clock.Now(), 0
	b.OpensAt, b.ClosesAt, b.ReleaseAt = nil, nil, nil
	if title := []rune(a.Title); len(title)+len(copyTitle) <= MaxTitle {
		b.Title += copyTitle
	}
	if err := insertAssessment(ctx, tx, employer, b); err != nil {
		return Assessment{}, err
	}
	if _, err := s.appendTo(ctx, tx, employer, b, stored(ctx, tx, employer, id)); err != nil {
		return Assessment{}, err
	}
	if err := s.record(ctx, tx, "assessment.duplicated", b.ID, nil, map[string]any{"of": id, "questions": a.QuestionCount}); err != nil {
		return Assessment{}, err
	}
	return findAssessment(ctx, tx, employer, b.ID)
}

// Duplicate is DuplicateTx in a transaction of its own.
func (s *Service) Duplicate(ctx context.Context, id uuid.UUID) (a Assessment, err error) {
	err = s.db.InTx(ctx, func(tx pgx.Tx) error {
		a, err = s.DuplicateTx(ctx, tx, id)
		return err
	})
	return a, err
}

// stored reads the questions of a locked assessment page by page, so that tx is free whenever one is handed out.
func stored(ctx context.Context, tx pgx.Tx, employerID, assessmentID uuid.UUID) iter.Seq2[NewQuestion, error] {
	return func(yield func(NewQuestion, error) bool) {
		after := QuestionCursor{}
		for {
			page, err := listQuestions(ctx, tx, employerID, assessmentID, after, batchRows/5)
			if err != nil {
				yield(NewQuestion{}, err)
				return
			}
			for _, q := range page {
				if !yield(q.portable(), nil) {
					return
				}
				after = QuestionCursor{ID: q.ID, Position: q.Position}
			}
			if len(page) == 0 {
				return
			}
		}
	}
}

// portable gives the question without any id. A key that does not decide it is left behind.
func (q Question) portable() NewQuestion {
	n := NewQuestion{Type: q.Type, Prompt: q.Prompt, Points: q.Points, Tags: q.Tags, Difficulty: q.Difficulty,
		Explanation: q.Explanation, CreditRule: q.CreditRule}
	for _, o := range q.Options {
		n.Options = append(n.Options, o.Text)
	}
	if len(keyReasons(q)) > 0 {
		return n
	}
	key, err := question.ParseKey(q.Type, q.Key)
	if err != nil { // keyReasons has just read it
		return n
	}
	n.Key = &NewKey{True: key.True, Accepted: key.Accepted, CaseSensitive: key.CaseSensitive, Value: key.Value,
		Tolerance: key.Tolerance, ToleranceKind: key.ToleranceKind}
	for _, id := range key.OptionIDs {
		n.Key.Right = append(n.Key.Right, slices.IndexFunc(q.Options, func(o Option) bool { return o.ID == id }))
	}
	return n
}
