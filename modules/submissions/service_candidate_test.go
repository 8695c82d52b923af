package submissions

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
)

func TestSavesFollowTheirSequenceNumbers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	ctx, _ := w.start(m, "ada@example.org")
	yes := true
	flagged := numbered(give(4, `"c"`), 7)
	flagged.Flagged = &yes
	for i, step := range []struct {
		in       Save
		sequence int64
		answer   string
		changed  bool
	}{
		{numbered(give(4, `"a"`), 5), 5, `"a"`, true},
		{numbered(give(4, `"a"`), 5), 5, `"a"`, false}, // a repeat
		{numbered(give(4, `"b"`), 5), 5, `"a"`, false}, // an equal number with another answer
		{numbered(give(4, `"b"`), 4), 5, `"a"`, false},
		{give(4, `"b"`), 6, `"b"`, true}, // the server's next
		{flagged, 7, `"c"`, true},
		{give(4, `null`), 8, ``, true},
		{give(4, `"  "`), 9, ``, true},
		{give(4, `"d"`), 10, `"d"`, true},
	} {
		w.clock.Advance(time.Second)
		r, err := m.Save(ctx, step.in)
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		if r.Sequence != step.sequence || r.SavedAt.Equal(w.clock.Now()) != step.changed {
			t.Errorf("step %d: %+v, want sequence %d, changed %v", i, r, step.sequence, step.changed)
		}
		if got := one[string](w, `SELECT COALESCE(answer::text, '') FROM submission_answers`); got != step.answer {
			t.Errorf("step %d: kept %s, want %s", i, got, step.answer)
		}
	}
	if !one[bool](w, `SELECT flagged FROM submission_answers`) {
		t.Error("the flag did not stay")
	}
}

func TestAnAnswerThatDoesNotFitItsQuestionIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	ctx, _ := w.start(m, "ada@example.org")
	for place, answer := range map[int]string{
		1: `"` + option(20).String() + `"`, // another question's option
		2: `["` + option(20).String() + `","` + option(20).String() + `"]`,
		3: `"true"`, 4: `17`, 5: `"many"`,
	} {
		_, err := m.Save(ctx, give(place, answer))
		if f, _ := fault.As(err); !errors.Is(err, ErrInvalidAnswer) || len(f.Fields) == 0 {
			t.Errorf("question %d: %v", place, err)
		}
	}
	if _, err := m.Save(ctx, give(6, `"x"`)); !errors.Is(err, ErrQuestionNotFound) {
		t.Errorf("a question of nobody: %v", err)
	}
	if n := one[int](w, `SELECT count(*) FROM submission_answers`); n != 0 {
		t.Errorf("%d answers were kept", n)
	}
}

func TestASubmitScoresWhatWasSavedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	ctx, s := w.start(m, "ada@example.org")
	saves := append([]string(nil), rightAnswers...)
	saves[1] = `["` + option(20).String() + `","` + option(21).String() + `"]` // two of three
	saves[4] = `"1.51"`
	for i, answer := range saves {
		if _, err := m.Save(ctx, give(i+1, answer)); err != nil {
			t.Fatal(err)
		}
	}
	w.clock.Advance(time.Minute)
	receipt, err := m.Submit(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if receipt.Status != Submitted || receipt.SubmittedAt == nil || !receipt.SubmittedAt.Equal(w.clock.Now()) {
		t.Errorf("the receipt is %+v", receipt)
	}
	// 3 + 2/3 of 5 points: 73.333... per cent.
	if got := one[string](w, `SELECT concat_ws(' ', status, points, score, passed, submitted_at = deadline_at) FROM submissions`); got != "submitted 3.667 73.33 t f" {
		t.Errorf("stored %s", got)
	}
	if got := one[string](w, `SELECT array_to_string(credits, ' ') FROM submissions`); got != "1 1 2 3 1 1 1 1 0 1" {
		t.Errorf("credits %s", got)
	}
	_, err = m.Submit(ctx)
	f, _ := fault.As(err)
	if !errors.Is(err, ErrAlreadySubmitted) || f.Extra["submission"].(Receipt).ID != s.Receipt.ID {
		t.Errorf("a second submit: %v, %v", err, f)
	}
	if _, err := m.Save(ctx, give(3, `false`)); !errors.Is(err, ErrSubmissionClosed) {
		t.Errorf("a save afterwards: %v", err)
	}
	if n := one[int](w, `SELECT count(*) FROM audit_events WHERE action = 'submission.submitted' AND actor_kind = 'candidate'`); n != 1 {
		t.Errorf("%d audit rows", n)
	}
}

// The rules of the clock, each at its last good microsecond and at the first bad one.
func TestNothingIsTakenAfterTheDeadlineAndTheGrace(t *testing.T) {
	t.Parallel()
	const limit = 30 * time.Minute
	acts := map[string]func(*Module, context.Context) error{
		"save":   func(m *Module, ctx context.Context) error { _, err := m.Save(ctx, give(3, `true`)); return err },
		"submit": func(m *Module, ctx context.Context) error { _, err := m.Submit(ctx); return err },
	}
	for name, act := range acts {
		for _, c := range []struct {
			after time.Duration
			late  bool
		}{{limit, false}, {limit + Grace, false}, {limit + Grace + time.Microsecond, true}} {
			t.Run(fmt.Sprintf("%s after %s", name, c.after), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				m := w.instance()
				ctx, s := w.start(m, "ada@example.org")
				if _, err := m.Save(ctx, give(4, `"mutex"`)); err != nil {
					t.Fatal(err)
				}
				w.clock.Advance(c.after)
				err := act(m, ctx)
				if !c.late {
					if err != nil {
						t.Fatalf("refused: %v", err)
					}
					if name == "submit" && !one[bool](w, `SELECT submitted_at = deadline_at FROM submissions`) {
						t.Error("the grace is shown")
					}
					return
				}
				f, _ := fault.As(err)
				if !errors.Is(err, ErrDeadlinePassed) {
					t.Fatalf("got %v", err)
				}
				if r, ok := f.Extra["submission"].(Receipt); !ok || r.Status != Expired || !r.SubmittedAt.Equal(s.Receipt.DeadlineAt) {
					t.Errorf("the receipt is %+v", f.Extra)
				}
				if got := one[string](w, `SELECT concat_ws(' ', status, points, score, submitted_at = deadline_at) FROM submissions`); got != "expired 1.000 20.00 t" {
					t.Errorf("stored %s", got)
				}
				if n := one[int](w, `SELECT count(*) FROM audit_events WHERE action = 'submission.expired' AND actor_kind = 'job'`); n != 1 {
					t.Errorf("%d audit rows", n)
				}
			})
		}
	}
}

func TestWhateverTouchesAnOverdueAttemptEndsItFirst(t *testing.T) {
	t.Parallel()
	for name, touch := range map[string]func(*Module, context.Context) (Status, error){
		"read": func(m *Module, ctx context.Context) (Status, error) {
			s, err := m.Sitting(ctx)
			return s.Receipt.Status, err
		},
		"data": func(m *Module, ctx context.Context) (Status, error) {
			d, err := m.Dossier(ctx)
			return d.Sitting.Receipt.Status, err
		},
		"result": func(m *Module, ctx context.Context) (Status, error) { _, err := m.Outcome(ctx); return Expired, err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			m := w.instance()
			ctx, _ := w.start(m, "ada@example.org")
			w.clock.Advance(time.Hour)
			if got, err := touch(m, ctx); err != nil || got != Expired {
				t.Fatalf("%v, %v", got, err)
			}
			if got := one[string](w, `SELECT concat_ws(' ', status, score, submitted_at = deadline_at) FROM submissions`); got != "expired 0.00 t" {
				t.Errorf("stored %s", got)
			}
		})
	}
}

func TestExtraTimeMovesTheDeadlineOfARunningAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	ctx, _ := w.start(m, "ada@example.org")
	w.exec(`UPDATE submissions SET extra_time_percent = 50, deadline_at = started_at + interval '45 minutes'`)
	w.clock.Advance(45*time.Minute + Grace)
	r, err := m.Save(ctx, give(3, `true`))
	if err != nil || !r.DeadlineAt.Equal(opened.Add(45*time.Minute)) {
		t.Fatalf("%+v, %v", r, err)
	}
	if s, err := m.Sitting(ctx); err != nil || s.ExtraTimePercent != 50 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestATokenOfAnOlderSessionOrAVoidedAttemptOpensNothing(t *testing.T) {
	t.Parallel()
	acts := map[string]func(*Module, context.Context) error{
		"read":   func(m *Module, ctx context.Context) error { _, err := m.Sitting(ctx); return err },
		"save":   func(m *Module, ctx context.Context) error { _, err := m.Save(ctx, give(3, `true`)); return err },
		"submit": func(m *Module, ctx context.Context) error { _, err := m.Submit(ctx); return err },
		"result": func(m *Module, ctx context.Context) error { _, err := m.Outcome(ctx); return err },
		"data":   func(m *Module, ctx context.Context) error { _, err := m.Dossier(ctx); return err },
	}
	w := newWorld(t)
	m := w.instance()
	ctx, s := w.start(m, "ada@example.org")
	w.exec(`UPDATE submissions SET session_number = 2`)
	for name, act := range acts {
		if err := act(m, ctx); !errors.Is(err, ErrSessionTaken) {
			t.Errorf("%s from an older session: %v", name, err)
		}
	}
	newer := authn.From(ctx)
	newer.SessionNumber = 3
	for name, act := range acts {
		if err := act(m, authn.With(ctx, newer)); !errors.Is(err, authn.ErrUnauthenticated) {
			t.Errorf("%s from a session that was never given: %v", name, err)
		}
	}
	if got := one[string](w, `SELECT status FROM submissions`); got != "in_progress" {
		t.Errorf("it is %s", got)
	}
	w.exec(`DELETE FROM submissions WHERE id = $1`, s.Receipt.ID)
	for name, act := range acts {
		if err := act(m, ctx); !errors.Is(err, authn.ErrUnauthenticated) {
			t.Errorf("%s of a voided attempt: %v", name, err)
		}
	}
}

func TestOddStoredAnswersEarnNothingAndBlockNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	ctx, s := w.start(m, "ada@example.org")
	for i, odd := range []string{`{"a": 1}`, `["not an id"]`, `"true"`, `17`, `[]`} {
		w.exec(`INSERT INTO submission_answers (submission_id, question_id, employer_id, version_id, answer, sequence, saved_at)
			VALUES ($1, $2, $3, $4, $5, 1, $6)`, s.Receipt.ID, fixed(4, i+1), w.version.EmployerID, w.version.ID, []byte(odd), opened)
	}
	if _, err := m.Submit(ctx); err != nil {
		t.Fatal(err)
	}
	if got := one[string](w, `SELECT concat_ws(' ', status, points, score, passed) FROM submissions`); got != "submitted 0.000 0.00 f" {
		t.Errorf("stored %s", got)
	}
}

func TestAResultShowsWhatThePolicyReleasesAndNoMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	ctx, _ := w.start(m, "ada@example.org")
	later := opened.Add(24 * time.Hour)
	w.release(Policy{Disclosure: DiscloseReview})
	if o, err := m.Outcome(ctx); err != nil || o.Released || o.Questions != nil {
		t.Fatalf("before the end: %+v, %v", o, err)
	}
	for i, answer := range rightAnswers {
		if _, err := m.Save(ctx, give(i+1, answer)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.Submit(ctx); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		policy                  Policy
		released, score, review bool
	}{
		{Policy{Disclosure: DiscloseNone}, false, false, false},
		{Policy{Disclosure: DiscloseReview, At: &later}, false, false, false},
		{Policy{Disclosure: DisclosePassed}, true, false, false},
		{Policy{Disclosure: DiscloseScore, At: &opened}, true, true, false},
		{Policy{Disclosure: DiscloseReview}, true, true, true},
	} {
		w.release(c.policy)
		o, err := m.Outcome(ctx)
		if err != nil {
			t.Fatal(err)
		}
		shown := o.wire()
		if shown.Released != c.released || (shown.Passed != nil) != c.released || (shown.Score != nil) != c.score ||
			(shown.Points != nil) != c.score || (shown.PointsTotal != nil) != c.score || (len(shown.Questions) == 5) != c.review {
			t.Errorf("%+v shows %+v", c.policy, shown)
		}
	}
	o, err := m.Outcome(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range o.Questions {
		if q.Credit.Num != q.Credit.Den || q.Earned != q.Points || q.Explanation != "Because." {
			t.Errorf("the review of a right answer is %+v", q)
		}
	}
}
