package submissions

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// The first saves that come go by themselves. Theirs is a place that others wait for, so they do not wait for a lock in it.
func TestWhoWaitsForASubmissionHoldsUpNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	tx, err := w.db.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }() // ended below, unless the test fails
	m.saver.patience = time.Hour                                           // nobody goes beside a statement that stalls
	const held = 2
	theirs := make(chan error, held)
	for i := range held {
		ctx, s := w.start(m, fmt.Sprintf("held%d@example.org", i))
		if _, err := tx.Exec(t.Context(), `SELECT 1 FROM submissions WHERE id = $1 FOR UPDATE`, s.Receipt.ID); err != nil {
			t.Fatal(err)
		}
		go func() {
			_, err := m.Save(ctx, give(3, `true`))
			theirs <- err
		}()
	}
	for waiting := 0; waiting < held; { // each in a statement of its own
		waiting = one[int](w, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
	}
	free, s := w.start(m, "free@example.org")
	bounded, cancel := context.WithTimeout(free, time.Minute) // a hang, not a measure
	defer cancel()
	if _, err := m.Save(bounded, give(3, `true`)); err != nil {
		t.Fatalf("a save waits for another's submission: %v", err)
	}
	if got := w.answer(s, 3); got != "true 1 false" {
		t.Errorf("kept: %s", got)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range held {
		if err := <-theirs; err != nil {
			t.Error(err)
		}
	}
}

// A save that had to wait is judged by its submission as it is after the wait.
func TestASaveThatWaitedIsJudgedByWhatCameFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	for what, c := range map[string]struct {
		change string
		want   error
		after  time.Duration // of the deadline it is told
	}{
		"another device":  {`UPDATE submissions SET session_number = session_number + 1 WHERE id = $1`, ErrSessionTaken, 0},
		"an end":          {`UPDATE submissions SET status = 'expired', submitted_at = deadline_at, score = 0, points = 0, passed = false, credits = '{}' WHERE id = $1`, ErrDeadlinePassed, 0},
		"extra time":      {`UPDATE submissions SET deadline_at = deadline_at + interval '7 minutes' WHERE id = $1`, nil, 7 * time.Minute},
		"nothing of that": {`UPDATE submissions SET note = 'x' WHERE id = $1`, nil, 0},
	} {
		ctx, s := w.start(m, strings.ReplaceAll(what, " ", "-")+"@example.org")
		tx, err := w.db.Pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }() // ended below, unless the test fails
		if _, err := tx.Exec(t.Context(), c.change, s.Receipt.ID); err != nil {
			t.Fatal(err)
		}
		came := make(chan error, 1)
		var got Saved
		go func() {
			var err error
			got, err = m.Save(ctx, give(3, `true`))
			came <- err
		}()
		w.untilSomebodyWaits()
		if err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-came; !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
		if c.want != nil && w.answer(s, 3) != "none" {
			t.Errorf("%s: kept all the same", what)
		}
		if want := s.Receipt.DeadlineAt.Add(c.after); c.want == nil && !got.DeadlineAt.Equal(want) {
			t.Errorf("%s: the deadline is told as %v, want %v", what, got.DeadlineAt, want)
		}
	}
}

// A statement that hangs must hold neither a place nor the program's end once everybody has gone.
func TestAStatementEndsWhenNobodyWaitsForItAnyLonger(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	ctx, s := w.start(m, "ada@example.org")
	tx, err := w.db.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := tx.Exec(t.Context(), `INSERT INTO submission_answers (submission_id, question_id, sequence, saved_at) VALUES ($1, $2, 1, now())`,
		s.Receipt.ID, fixed(4, 3)); err != nil {
		t.Fatal(err)
	}
	m.saver.limit = time.Hour
	c := newLine(t, m)
	one, leave := context.WithCancel(ctx)
	other, leaveToo := context.WithCancel(ctx)
	defer leaveToo()
	first, second := c.add(one, give(3, `true`)), c.add(other, give(4, `"a"`))
	c.release()
	w.untilSomebodyWaits()
	leave()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if len(second) > 0 || c.running() == 0 {
		t.Error("the one who left took the other's answer along")
	}
	leaveToo()
	if err := <-second; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for began := time.Now(); c.running() > 0; runtime.Gosched() {
		if time.Since(began) > time.Minute { // a hang, not a measure
			t.Fatal("the statement goes on for nobody")
		}
	}
}

// untilSomebodyWaits returns once a statement on this database waits for a lock.
func (w *world) untilSomebodyWaits() {
	w.t.Helper()
	for one[int](w, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 0 {
		runtime.Gosched()
	}
}
