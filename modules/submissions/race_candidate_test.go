package submissions

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/exact"
)

// together runs n clients at once, half of them on each of two instances.
func together(w *world, n int, client func(m *Module, i int)) {
	instances := []*Module{w.instance(), w.instance()}
	var ready, done sync.WaitGroup
	gate := make(chan struct{})
	for i := range n {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-gate
			client(instances[i%2], i)
		})
	}
	ready.Wait()
	close(gate)
	done.Wait()
}

func TestOfManyStartsOfOneAddressOneWins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var won, refused atomic.Int32
	together(w, 24, func(m *Module, i int) {
		_, _, err := m.Start(t.Context(), Start{Name: fmt.Sprint("Ada ", i), Email: "ada@example.org", Consent: true})
		switch {
		case err == nil:
			won.Add(1)
		case errors.Is(err, ErrAlreadyStarted):
			refused.Add(1)
		default:
			t.Errorf("client %d: %v", i, err)
		}
	})
	if won.Load() != 1 || refused.Load() != 23 {
		t.Errorf("%d won, %d were refused", won.Load(), refused.Load())
	}
	for _, table := range []string{"submissions", "users", "audit_events"} {
		if n := one[int](w, `SELECT count(*) FROM `+table); n != 1 {
			t.Errorf("%d rows in %s", n, table)
		}
	}
}

func TestOfManySubmitsOneEndsTheAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, _ := w.start(w.instance(), "ada@example.org")
	var won, refused atomic.Int32
	together(w, 24, func(m *Module, i int) {
		_, err := m.Submit(ctx)
		switch {
		case err == nil:
			won.Add(1)
		case errors.Is(err, ErrAlreadySubmitted):
			refused.Add(1)
		default:
			t.Errorf("client %d: %v", i, err)
		}
	})
	if won.Load() != 1 || refused.Load() != 23 {
		t.Errorf("%d won, %d were refused", won.Load(), refused.Load())
	}
	if n := one[int](w, `SELECT count(*) FROM audit_events WHERE action = 'submission.submitted'`); n != 1 {
		t.Errorf("%d audit rows", n)
	}
}

// acknowledged notes, by question, the highest sequence that was answered with 200.
type acknowledged struct {
	mu      sync.Mutex
	highest map[uuid.UUID]int64
}

func (a *acknowledged) note(question uuid.UUID, sequence int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.highest[question] = max(a.highest[question], sequence)
}

// savers keeps several clients saving ever higher numbers to several questions until they are refused. Odd numbers are right
// answers.
func savers(t *testing.T, w *world, ctx context.Context, acked *acknowledged, refusal error, begun *sync.WaitGroup) func(m *Module, i int) {
	return func(m *Module, i int) {
		place := 3 + i%3
		for sequence := int64(1); sequence < 10_000; sequence++ {
			answer := []string{`false`, `"wrong"`, `"2"`}[i%3]
			if sequence%2 == 1 {
				answer = rightAnswers[place-1]
			}
			r, err := m.Save(ctx, numbered(give(place, answer), sequence))
			if err == nil {
				acked.note(fixed(4, place), r.Sequence)
			}
			if sequence == 3 || err != nil && sequence < 3 {
				begun.Done()
			}
			if errors.Is(err, refusal) {
				return
			}
			if err != nil {
				t.Errorf("client %d: %v", i, err)
				return
			}
		}
		t.Errorf("client %d was never refused", i)
	}
}

// checkScored compares what is stored with what was acknowledged, and the score with what is stored.
func checkScored(t *testing.T, w *world, m *Module, id uuid.UUID, acked *acknowledged) {
	t.Helper()
	_, answers, err := m.readAttempt(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	right := int64(0)
	for _, a := range answers {
		if a.Sequence < acked.highest[a.QuestionID] {
			t.Errorf("question %s: sequence %d is kept, %d was acknowledged", a.QuestionID, a.Sequence, acked.highest[a.QuestionID])
		}
		num := one[int64](w, `SELECT s.credits[2 * q.position - 1] FROM submissions s JOIN version_questions q USING (version_id)
			WHERE s.id = $1 AND q.question_id = $2`, id, a.QuestionID)
		if num != a.Sequence%2 {
			t.Errorf("question %s: the answer kept (%s, sequence %d) earned %d", a.QuestionID, a.Answer, a.Sequence, num)
		}
		right += a.Sequence % 2
	}
	if len(answers) != 3 {
		t.Errorf("%d answers are kept", len(answers))
	}
	if points := one[exact.Points](w, `SELECT points FROM submissions WHERE id = $1`, id); points != exact.WholePoints(right) {
		t.Errorf("%s points for %d right answers", points, right)
	}
}

func TestNoAcknowledgedAnswerIsLostToASubmit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	for round := range 5 {
		ctx, s := w.start(m, fmt.Sprintf("ada%d@example.org", round))
		acked := &acknowledged{highest: map[uuid.UUID]int64{}}
		var begun sync.WaitGroup
		begun.Add(9)
		save := savers(t, w, ctx, acked, ErrSubmissionClosed, &begun)
		together(w, 10, func(m *Module, i int) {
			if i < 9 {
				save(m, i)
				return
			}
			begun.Wait()
			if _, err := m.Submit(ctx); err != nil {
				t.Errorf("submit: %v", err)
			}
		})
		checkScored(t, w, m, s.Receipt.ID, acked)
	}
}

func TestNoAcknowledgedAnswerIsLostToTheSweep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	for round := range 3 {
		ctx, s := w.start(m, fmt.Sprintf("ada%d@example.org", round))
		acked := &acknowledged{highest: map[uuid.UUID]int64{}}
		var begun sync.WaitGroup
		begun.Add(9)
		save := savers(t, w, ctx, acked, ErrDeadlinePassed, &begun)
		together(w, 11, func(m *Module, i int) {
			if i < 9 {
				save(m, i)
				return
			}
			begun.Wait()
			if i == 9 {
				w.clock.Advance(time.Hour)
			}
			if _, err := m.SweepOnce(t.Context()); err != nil {
				t.Errorf("sweep: %v", err)
			}
		})
		if got := one[string](w, `SELECT concat_ws(' ', status, submitted_at = deadline_at) FROM submissions WHERE id = $1`, s.Receipt.ID); got != "expired t" {
			t.Errorf("it is %s", got)
		}
		checkScored(t, w, m, s.Receipt.ID, acked)
	}
}

func TestASweepTellsHowLongTheOldestWaited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	w.start(m, "ada@example.org")
	w.clock.Advance(7 * time.Minute)
	w.start(m, "bob@example.org")
	for range 3 {
		w.clock.Advance(30*time.Minute + Grace)
		if _, err := m.SweepOnce(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if want := []time.Duration{7 * time.Minute, 30*time.Minute + Grace, 0}; !slices.Equal(w.lags, want) {
		t.Errorf("waited %v, want %v", w.lags, want)
	}
}

func TestTwoSweepsShareTheWorkAndEndEachAttemptOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	const overdue = sweepBatch + 20
	for i := range overdue {
		w.start(m, fmt.Sprintf("ada%d@example.org", i))
	}
	w.clock.Advance(20 * time.Minute)
	running, _ := w.start(m, "bob@example.org")
	w.clock.Advance(10*time.Minute + Grace)
	if n, err := m.SweepOnce(t.Context()); n != 0 || err != nil {
		t.Fatalf("within the grace %d ended, %v", n, err)
	}
	w.clock.Advance(time.Microsecond)
	var ended atomic.Int64
	together(w, 4, func(m *Module, _ int) {
		n, err := m.SweepOnce(t.Context())
		if err != nil {
			t.Error(err)
		}
		ended.Add(int64(n))
	})
	// A sweep leaves a row that another holds to that other, and all of them have returned.
	if ended.Load() != overdue {
		t.Errorf("%d were ended, want %d", ended.Load(), overdue)
	}
	if n := one[int](w, `SELECT count(*) FROM audit_events WHERE action = 'submission.expired'`); n != overdue {
		t.Errorf("%d audit rows, want %d", n, overdue)
	}
	if s, err := m.Sitting(running); err != nil || s.Receipt.Status != InProgress {
		t.Errorf("the one that still runs: %+v, %v", s.Receipt, err)
	}
}

func TestASweepGoesOnPastAnAttemptThatItCannotScore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	damaged := w.version
	damaged.ID, damaged.Number = fixed(2, 2), 2
	w.store(damaged)
	_, first := w.start(m, "ada@example.org")
	w.exec(`UPDATE submissions SET version_id = $2 WHERE id = $1`, first.Receipt.ID, damaged.ID)
	w.clock.Advance(time.Second)
	w.start(m, "bob@example.org")
	w.clock.Advance(time.Hour)
	if n, err := m.SweepOnce(t.Context()); n != 1 || err == nil {
		t.Errorf("%d ended, %v; want 1 and the reason of the other", n, err)
	}
	// The one that failed is left alone for longer and longer; the others are not, nor is it when it can be scored at last.
	const pace = 30 * time.Second
	complaints, rounds := 0, int(24*time.Hour/pace)
	for range rounds {
		w.clock.Advance(pace)
		if _, err := m.SweepOnce(t.Context()); err != nil {
			complaints++
		}
	}
	if atMost := int(24*time.Hour/longestWait) + 16; complaints < 10 || complaints > atMost {
		t.Errorf("%d complaints in %d rounds, want 10 to %d", complaints, rounds, atMost)
	}
	w.start(m, "cyd@example.org")
	w.clock.Advance(time.Hour)
	w.start(m, "dan@example.org")
	if n, err := m.SweepOnce(t.Context()); n != 1 {
		t.Errorf("%d ended, %v; want the one that can be", n, err)
	}
	w.exec(`UPDATE submissions SET version_id = $2 WHERE id = $1`, first.Receipt.ID, w.version.ID)
	w.clock.Advance(longestWait)
	if n, err := m.SweepOnce(t.Context()); n != 1 || err != nil {
		t.Errorf("%d ended, %v; want the one that was mended", n, err)
	}
}

func TestWhatFailsIsRememberedWithinABound(t *testing.T) {
	t.Parallel()
	var l laggards
	now := time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC)
	for range 2 * maxLaggards {
		l.failed(uuid.New(), now)
	}
	if len(l.waits) != maxLaggards {
		t.Errorf("%d are remembered, want %d", len(l.waits), maxLaggards)
	}
	late := uuid.New()
	if l.failed(late, now.Add(2*longestWait)); len(l.waits) != 1 || l.due(late, now.Add(2*longestWait)) {
		t.Errorf("%d are remembered; want the newest alone, since the others have not been seen again", len(l.waits))
	}
}

func TestRunSweepsUntilItIsStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Run(ctx); err != nil {
		t.Error(err)
	}
}
