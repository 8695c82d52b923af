package submissions

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/fault"
)

// line keeps saves waiting until they all stand there, in the order given, and then lets them go in one statement.
type line struct {
	t    *testing.T
	m    *Module
	came []chan error
}

func newLine(t *testing.T, m *Module) *line {
	for !m.saver.occupy() { // until the line before has given its place back
		if t.Context().Err() != nil {
			t.Fatal("a place is never given back")
		}
		runtime.Gosched()
	}
	return &line{t: t, m: m}
}

// occupy takes the place of a statement, as if one were under way, unless there is one.
func (s *saver) occupy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running > 0 {
		return false
	}
	s.running, s.began, s.patience = 1, time.Now(), time.Hour
	return true
}

// add puts a save at the end, and gives what will come of it.
func (l *line) add(ctx context.Context, in Save) <-chan error {
	l.t.Helper()
	came := make(chan error, 1)
	l.came = append(l.came, came)
	go func() {
		_, err := l.m.Save(ctx, in)
		came <- err
	}()
	for l.waiting() < len(l.came) {
		if l.t.Context().Err() != nil {
			l.t.Fatal("the save never came into the line")
		}
		runtime.Gosched()
	}
	return came
}

func (l *line) waiting() int {
	l.m.saver.mu.Lock()
	defer l.m.saver.mu.Unlock()
	return len(l.m.saver.waiting)
}

func (l *line) running() int {
	l.m.saver.mu.Lock()
	defer l.m.saver.mu.Unlock()
	return l.m.saver.running
}

func (l *line) release() { l.m.saver.next() }

// all waits for what came of each save.
func (l *line) all() []error {
	errs := make([]error, len(l.came))
	for i, c := range l.came {
		errs[i] = <-c
	}
	return errs
}

func (w *world) answer(s Sitting, place int) string {
	w.t.Helper()
	return one[string](w, `SELECT COALESCE((SELECT answer::text || ' ' || sequence || ' ' || flagged FROM submission_answers
		WHERE submission_id = $1 AND question_id = $2), 'none')`, s.Receipt.ID, fixed(4, place))
}

func TestACrowdOfSavesIsOneTransactionAndEachIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	c := newLine(t, m)
	var sat []Sitting
	yes := true
	for i := range 20 {
		ctx, s := w.start(m, fmt.Sprintf("ada%d@example.org", i))
		sat = append(sat, s)
		in := numbered(give(3, `false`), int64(i+1))
		if i%2 == 0 {
			in = Save{QuestionID: fixed(4, 5), Answer: []byte(fmt.Sprintf(`"%d"`, i)), Flagged: &yes}
		}
		c.add(ctx, in)
	}
	c.release()
	for i, err := range c.all() {
		place, want := 3, fmt.Sprintf("false %d false", i+1)
		if i%2 == 0 {
			place, want = 5, fmt.Sprintf(`"%d" 1 true`, i)
		}
		if got := w.answer(sat[i], place); err != nil || got != want {
			t.Errorf("save %d: %v, %s kept and not %s", i, err, got, want)
		}
	}
	if n := one[int](w, `SELECT count(DISTINCT xmin::text) FROM submission_answers`); n != 1 {
		t.Errorf("%d transactions", n)
	}
}

func TestInACrowdALowerSequenceAndASilentFlagChangeNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	ctx, s := w.start(m, "ada@example.org")
	yes := true
	first := numbered(give(3, `true`), 7)
	first.Flagged = &yes
	if _, err := m.Save(ctx, first); err != nil {
		t.Fatal(err)
	}
	c := newLine(t, m)
	c.add(ctx, numbered(give(3, `false`), 7)) // not newer
	c.add(ctx, give(4, `"a"`))
	c.add(ctx, give(4, `"b"`)) // the same answer again: it must come after the one before
	c.add(ctx, give(4, `null`))
	c.add(ctx, give(4, `"c"`))
	c.release()
	if err := errors.Join(c.all()...); err != nil {
		t.Fatal(err)
	}
	if got := w.answer(s, 3); got != "true 7 true" {
		t.Errorf("an equal sequence left %s", got)
	}
	if got := w.answer(s, 4); got != `"c" 4 false` {
		t.Errorf("four saves in turn left %s", got)
	}
}

func TestNobodyInACrowdWaitsForASubmissionThatSomebodyHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	held, heldSitting := w.start(m, "held@example.org")
	free, freeSitting := w.start(m, "free@example.org")
	tx, err := w.db.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }() // ended below, unless the test fails
	if _, err := tx.Exec(t.Context(), `SELECT 1 FROM submissions WHERE id = $1 FOR UPDATE`, heldSitting.Receipt.ID); err != nil {
		t.Fatal(err)
	}
	m.saver.limit = time.Hour // who waits for the lock waits for ever
	c := newLine(t, m)
	theirs := c.add(held, give(3, `true`))
	ours := c.add(free, give(3, `true`))
	c.release()
	select {
	case err := <-ours:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(time.Minute): // a hang, not a measure
		t.Fatal("a save waits for another's submission")
	}
	if got := w.answer(freeSitting, 3); got != "true 1 false" {
		t.Errorf("kept: %s", got)
	}
	if got := w.answer(heldSitting, 3); got != "none" {
		t.Errorf("kept past the lock: %s", got)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-theirs; err != nil {
		t.Fatal(err)
	}
	if got := w.answer(heldSitting, 3); got != "true 1 false" {
		t.Errorf("kept after the lock: %s", got)
	}
}

func TestARefusedSaveHarmsNobodyInItsCrowd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	closed, _ := w.start(m, "closed@example.org")
	if _, err := m.Submit(closed); err != nil {
		t.Fatal(err)
	}
	taken, _ := w.start(m, "taken@example.org")
	w.exec(`UPDATE submissions SET session_number = 2 WHERE email = 'taken@example.org'`)
	voided, s := w.start(m, "voided@example.org")
	w.exec(`DELETE FROM submissions WHERE id = $1`, s.Receipt.ID)
	negative, _ := w.start(m, "negative@example.org")
	fine, sat := w.start(m, "fine@example.org")
	gone, leave := context.WithCancel(fine)

	c := newLine(t, m)
	c.add(closed, give(3, `true`))
	c.add(taken, give(3, `true`))
	c.add(voided, give(3, `true`))
	c.add(negative, numbered(give(3, `true`), -1)) // breaks a constraint, and so the whole statement
	c.add(gone, give(4, `"left"`))
	c.add(fine, give(3, `true`))
	leave()
	c.release()
	got := c.all()
	for i, want := range []error{ErrSubmissionClosed, ErrSessionTaken, nil, ErrInvalidAnswer, context.Canceled, nil} {
		if i == 2 { // no submission, no person
			var f *fault.Error
			if !errors.As(got[i], &f) || f.Code != "unauthenticated" {
				t.Errorf("voided: %v", got[i])
			}
			continue
		}
		if !errors.Is(got[i], want) || want == nil && got[i] != nil {
			t.Errorf("save %d: %v, want %v", i, got[i], want)
		}
	}
	if got := w.answer(sat, 3); got != "true 1 false" {
		t.Errorf("kept: %s", got)
	}
}

// Crowds of two instances write the same answers in opposite orders, while single saves and a submit come in between.
func TestCrowdsOfTwoInstancesNeverWaitForEachOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instances := []*Module{w.instance(), w.instance()}
	var people []context.Context
	for i := range 16 {
		ctx, _ := w.start(instances[0], fmt.Sprintf("ada%d@example.org", i))
		people = append(people, ctx)
	}
	for round := range 10 {
		crowds := []*line{newLine(t, instances[0]), newLine(t, instances[1])}
		for i := range people {
			crowds[0].add(people[i], numbered(give(4, `"a"`), int64(round+1)))
			crowds[1].add(people[len(people)-1-i], numbered(give(4, `"b"`), int64(round+1)))
		}
		crowds[0].release()
		crowds[1].release()
		for _, c := range crowds {
			if err := errors.Join(c.all()...); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
		}
	}
	if n := one[int](w, `SELECT count(*) FROM submission_answers WHERE sequence = 10`); n != len(people) {
		t.Errorf("%d answers are at the last number", n)
	}
	if n := one[int](w, `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`); n != 0 {
		t.Errorf("%d deadlocks", n)
	}
}

func TestALineThatIsFullSendsSavesTheirOwnWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	ctx, s := w.start(m, "ada@example.org")
	m.saver.running = saveBeside
	m.saver.waiting = make([]*queued, saveWaiting)
	if _, err := m.Save(ctx, give(3, `true`)); err != nil {
		t.Fatal(err)
	}
	if got := w.answer(s, 3); got != "true 1 false" || len(m.saver.waiting) != saveWaiting || m.saver.running != saveBeside {
		t.Errorf("kept: %s; %d wait, %d run", got, len(m.saver.waiting), m.saver.running)
	}
}

func TestAStatementThatStallsDoesNotKeepTheOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	ctx, s := w.start(m, "ada@example.org")
	l := newLine(t, m)
	waits := l.add(ctx, give(3, `true`))
	m.saver.mu.Lock()
	m.saver.began = m.saver.began.Add(-2 * time.Hour)
	m.saver.mu.Unlock()
	if _, err := m.Save(ctx, give(4, `"a"`)); err != nil { // goes beside the one that stalls, and takes the line along
		t.Fatal(err)
	}
	if err := <-waits; err != nil {
		t.Fatal(err)
	}
	if got := w.answer(s, 3) + ", " + w.answer(s, 4); got != `true 1 false, "a" 1 false` {
		t.Errorf("kept: %s", got)
	}
}

func TestAStatementTakesABoundedNumberOfDifferentAnswers(t *testing.T) {
	t.Parallel()
	s := &saver{running: 1}
	same := asked{submission: uuid.New(), question: uuid.New()}
	for i := range saveBatch + 10 {
		a := same
		if i > 1 {
			a.question = uuid.New()
		}
		s.waiting = append(s.waiting, &queued{asked: a})
	}
	second := s.waiting[1]
	if batch := s.take(); len(batch) != saveBatch || len(s.waiting) != 10 || s.waiting[0] != second || s.running != 1 {
		t.Errorf("%d taken, %d left, %d run", len(batch), len(s.waiting), s.running)
	}
	if batch := s.take(); len(batch) != 10 || batch[0] != second {
		t.Errorf("then %d", len(batch))
	}
	if batch := s.take(); batch != nil || s.running != 0 {
		t.Errorf("at last %v, %d run", batch, s.running)
	}
}
