package assessments

import (
	"errors"
	"fmt"
	"iter"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/exact"
	"credlane/app/kit/question"
	"credlane/app/kit/rest"
)

// many gives n good questions, each worth so much.
func many(n int, points exact.Points) iter.Seq2[NewQuestion, error] {
	return func(yield func(NewQuestion, error) bool) {
		for i := range n {
			q := NewQuestion{Type: question.SingleChoice, Prompt: fmt.Sprintf("Question %d", i), Options: []string{"a", "b", "c", "d"},
				Points: points, Key: &NewKey{Right: []int{i % 4}}}
			if !yield(q, nil) {
				return
			}
		}
	}
}

func (w *world) appendAll(a Assessment, questions iter.Seq2[NewQuestion, error]) (n int, err error) {
	err = w.one.db.InTx(w.ctx, func(tx pgx.Tx) error {
		n, err = w.one.AppendTx(w.ctx, tx, w.employer, a.ID, questions)
		return err
	})
	return n, err
}

func TestAppendedQuestionsFollowThoseThatAreThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.ready("A")
	n, err := w.appendAll(a, many(2*batchRows+7, exact.WholePoints(1)))
	if err != nil || n != 2*batchRows+7 {
		t.Fatalf("%d, %v", n, err)
	}
	b := w.find(a)
	if b.QuestionCount != n+1 || b.ContentRevision != a.ContentRevision+1 {
		t.Fatalf("got %+v", b)
	}
	list, err := w.one.Questions(w.ctx, a.ID, QuestionCursor{Position: batchRows}, 3)
	w.must(err)
	for i, q := range list {
		place := batchRows + i // one question was there before
		if q.Position != place+1 || q.Prompt != fmt.Sprintf("Question %d", place-1) || rights(t, q) != fmt.Sprintf("[%c]", 'a'+(place-1)%4) {
			t.Errorf("question %d: %+v", i, q)
		}
	}
	_, err = w.one.Publish(w.ctx, a.ID)
	w.must(err)
}

func TestABadQuestionAppendsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.draft("A")
	for name, bad := range map[string]NewQuestion{
		"key out of range": {Type: question.SingleChoice, Prompt: "x", Options: []string{"a", "b"}, Key: &NewKey{Right: []int{2}}},
		"no prompt":        {Type: question.TrueFalse, Key: &NewKey{}},
		"one option":       {Type: question.SingleChoice, Prompt: "x", Options: []string{"a"}, Key: &NewKey{Right: []int{0}}},
		"empty option":     {Type: question.SingleChoice, Prompt: "x", Options: []string{"a", ""}, Key: &NewKey{Right: []int{0}}},
		"NUL":              {Type: question.TrueFalse, Prompt: "x\x00", Key: &NewKey{}},
		"no answer":        {Type: question.ShortText, Prompt: "x", Key: &NewKey{}},
	} {
		t.Run(name, func(t *testing.T) {
			v := *w
			v.t = t
			_, err := v.appendAll(a, func(yield func(NewQuestion, error) bool) {
				for q := range many(batchRows+1, 1) {
					if !yield(q, nil) {
						return
					}
				}
				yield(bad, nil)
			})
			f := v.refused(err, rest.ErrInvalid)
			if want := fmt.Sprintf("questions[%d]", batchRows+1); len(f.Fields) == 0 || f.Fields[0].Location[:len(want)] != want {
				t.Errorf("fields %+v", f.Fields)
			}
		})
	}
	broken := errors.New("the file ends early")
	if _, err := w.appendAll(a, func(yield func(NewQuestion, error) bool) { yield(NewQuestion{}, broken) }); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if w.find(a).QuestionCount != 0 {
		t.Error("something was written")
	}
}

func TestAnAssessmentHoldsAtMostItsQuestions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.draft("A")
	w.exec(`INSERT INTO questions (id, employer_id, assessment_id, position, type, prompt, created_at, updated_at)
		SELECT gen_random_uuid(), $1, $2, n, 'true_false', 'x', now(), now() FROM generate_series(1, $3::integer) n`, w.employer, a.ID, MaxQuestions-2)
	_, err := w.appendAll(a, many(3, 1))
	w.refused(err, ErrTooManyQuestions)
	if n, err := w.appendAll(a, many(2, 1)); err != nil || n != 2 {
		t.Fatalf("%d, %v", n, err)
	}
	_, err = w.one.AddQuestion(w.ctx, a.ID, choice())
	w.refused(err, ErrTooManyQuestions)
	_, err = w.appendAll(Assessment{ID: uuid.New()}, many(1, 1))
	w.refused(err, ErrNotFound)
	f := w.refused(func() error { _, err := w.one.Publish(w.ctx, a.ID); return err }(), ErrNotReady)
	if len(f.Fields) != maxReasons || f.Extra["errorCount"] != MaxQuestions-2 {
		t.Errorf("%d reasons of %v", len(f.Fields), f.Extra["errorCount"])
	}
}
