package assessments

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"

	"credlane/app/kit/rest"
)

const clients = 24

func TestExactlySoManyBecomeActiveWhoeverRaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	drafts := make([]Assessment, clients)
	for i := range drafts {
		drafts[i] = w.ready(fmt.Sprint(i))
	}
	errs := w.together(clients, func(i int, m *Module) error {
		_, err := m.Publish(w.ctx, drafts[i].ID)
		return err
	})
	if won, lost := w.tally(errs, ErrActiveLimit); won != 3 || lost != clients-3 {
		t.Fatalf("%d became active, %d were refused", won, lost)
	}
	if n := value[int](w, `SELECT count(*) FROM assessments WHERE status = 'active'`); n != 3 {
		t.Fatalf("%d are active", n)
	}
	if n := value[int](w, `SELECT count(*) FROM assessment_versions`); n != 3 {
		t.Fatalf("%d versions", n)
	}
}

func TestRawUpdatesRaceForTheSameSlots(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	drafts := make([]Assessment, clients)
	for i := range drafts {
		drafts[i] = w.ready(fmt.Sprint(i))
	}
	errs := w.together(clients, func(i int, m *Module) error {
		if i%3 == 0 {
			_, err := m.Publish(w.ctx, drafts[i].ID)
			return err
		}
		_, err := m.db.Exec(w.ctx, `UPDATE assessments SET status = 'active', current_version = 1 WHERE id = $1`, drafts[i].ID)
		return translate(err)
	})
	if won, _ := w.tally(errs, ErrActiveLimit); won != 3 {
		t.Fatalf("%d became active", won)
	}
}

func TestReopeningRacesForTheSlotsThatAreFree(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var closed []Assessment
	for i := range 12 {
		a := w.published(fmt.Sprint(i))
		_, err := w.one.Close(w.ctx, a.ID)
		w.must(err)
		closed = append(closed, a)
	}
	w.published("stays active")
	errs := w.together(2*len(closed), func(i int, m *Module) error { // each twice: the twin finds it active, or no slot
		_, err := m.Reopen(w.ctx, closed[i/2].ID)
		return err
	})
	w.tally(errs, ErrActiveLimit)
	if n := value[int](w, `SELECT count(*) FROM assessments WHERE status = 'active'`); n != 3 {
		t.Fatalf("%d are active", n)
	}
}

func TestOneDraftPublishedManyTimesAtOnceIsOneVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.ready("A")
	errs := w.together(clients, func(_ int, m *Module) error {
		_, err := m.Publish(w.ctx, a.ID)
		return err
	})
	if won, _ := w.tally(errs, ErrActiveLimit); won != clients {
		t.Fatalf("%d of %d succeeded", won, clients)
	}
	if n := value[int](w, `SELECT count(*) FROM assessment_versions`); n != 1 {
		t.Fatalf("%d versions", n)
	}
}

// A snapshot is several statements, and so is each edit; without the lock one would see the other half done.
func TestAVersionHoldsOneStateOfTheDraft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.draft("A")
	w.letters(a, "ABCDEFGHIJ") // more than are removed
	errs := w.together(clients, func(i int, m *Module) error {
		switch i % 3 {
		case 0:
			_, err := m.Publish(w.ctx, a.ID)
			return err
		case 1:
			d := choice()
			d.Prompt, d.Position = fmt.Sprintf("new %d", i), 1
			_, err := m.AddQuestion(w.ctx, a.ID, d)
			return err
		default:
			list, err := m.Questions(w.ctx, a.ID, QuestionCursor{}, 1)
			if err == nil && len(list) > 0 {
				err = m.DeleteQuestion(w.ctx, a.ID, list[0].ID, "*")
			}
			return err
		}
	})
	w.tally(errs, ErrQuestionNotFound) // two may have chosen the same question
	const sqlTorn = `
SELECT count(*) FROM assessment_versions v
 WHERE v.question_count <> (SELECT count(*) FROM version_questions q WHERE q.version_id = v.id)
    OR v.question_count <> (SELECT max(position) FROM version_questions q WHERE q.version_id = v.id)
    OR v.question_count <> (SELECT count(*) FROM version_answer_keys k WHERE k.version_id = v.id)
    OR v.points_total <> (SELECT sum(points) FROM version_questions q WHERE q.version_id = v.id)`
	if n := value[int](w, sqlTorn); n != 0 {
		t.Fatalf("%d versions hold a mixture", n)
	}
	w.order(a) // checks that positions are 1..n
	if value[int](w, `SELECT count(*) FROM assessment_versions`) == 0 {
		t.Fatal("nothing was published")
	}
}

// The snapshot is made of several statements; an edit that came between two of them would be torn.
func TestAnEditWaitsForThePublishUnderWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.ready("A")
	q := w.questions(a)[0]
	tx, err := w.db.Pool.Begin(w.ctx)
	w.must(err)
	_, err = lockAssessment(w.ctx, tx, w.employer, a.ID)
	w.must(err)
	for name, act := range map[string]func(context.Context) error{
		"edit": func(ctx context.Context) error {
			_, err := w.two.UpdateQuestion(ctx, a.ID, q.ID, "*", QuestionChange{Prompt: ptr("x")})
			return err
		},
		"add":    func(ctx context.Context) error { _, err := w.two.AddQuestion(ctx, a.ID, choice()); return err },
		"remove": func(ctx context.Context) error { return w.two.DeleteQuestion(ctx, a.ID, q.ID, "*") },
		"order": func(ctx context.Context) error {
			_, err := w.two.OrderQuestions(ctx, a.ID, []uuid.UUID{q.ID})
			return err
		},
		"set": func(ctx context.Context) error {
			_, err := w.two.Update(ctx, a.ID, "*", Settings{Title: ptr("x")})
			return err
		},
	} {
		ctx, cancel := context.WithCancel(w.ctx)
		done := make(chan error, 1)
		go func() { done <- act(ctx) }()
		if !w.waits(done) {
			t.Errorf("%s went ahead", name)
		}
		cancel()
		for value[int](w, sqlWaiting) != 0 { // the server has seen it leave
		}
	}
	w.must(tx.Rollback(w.ctx))
}

const sqlWaiting = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`

// waits tells whether somebody waits for a lock of this database before the act is done.
func (w *world) waits(done <-chan error) bool {
	w.t.Helper()
	for value[int](w, sqlWaiting) == 0 {
		select {
		case <-done:
			return false
		default:
		}
	}
	return true
}

func TestReorderingAtOnceEndsInOneOfTheOrders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.draft("A")
	list := w.letters(a, "ABCDEF")
	ids := make([]uuid.UUID, len(list))
	for i, q := range list {
		ids[i] = q.ID
	}
	orders := make([]string, clients)
	errs := w.together(clients, func(i int, m *Module) error {
		mine := slices.Clone(ids)
		k := i % len(ids)
		mine = append(mine[k:], mine[:k]...)
		orders[i] = "ABCDEF"[k:] + "ABCDEF"[:k]
		_, err := m.OrderQuestions(w.ctx, a.ID, mine)
		return err
	})
	if won, _ := w.tally(errs, rest.ErrInvalid); won != clients {
		t.Fatalf("%d of %d succeeded", won, clients)
	}
	if got := w.order(a); !slices.Contains(orders, got) {
		t.Fatalf("order %q is nobody's", got)
	}
}

func TestOfEditsFromOneStateExactlyOneWins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.ready("A")
	q := w.questions(a)[0]
	errs := w.together(clients, func(i int, m *Module) error {
		if i%4 < 2 {
			_, err := m.UpdateQuestion(w.ctx, a.ID, q.ID, qetag(q), QuestionChange{Prompt: ptr(fmt.Sprint("new", i))})
			return err
		}
		return m.DeleteQuestion(w.ctx, a.ID, q.ID, "\"another\"")
	})
	if won, lost := w.tally(errs, rest.ErrStale); won != 1 || lost != clients-1 {
		t.Fatalf("%d won, %d lost", won, lost)
	}
	a = w.find(a)
	errs = w.together(clients, func(i int, m *Module) error {
		_, err := m.Update(w.ctx, a.ID, etag(a), Settings{Title: ptr(fmt.Sprint("new", i))})
		return err
	})
	if won, lost := w.tally(errs, rest.ErrStale); won != 1 || lost != clients-1 {
		t.Fatalf("%d won, %d lost", won, lost)
	}
}

func TestADeletionRacesAPublish(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 6 {
		a := w.ready(fmt.Sprint(i))
		errs := w.together(2, func(i int, m *Module) error {
			if i == 0 {
				return m.Delete(w.ctx, a.ID, "*")
			}
			_, err := m.Publish(w.ctx, a.ID)
			return err
		})
		if errs[0] == nil {
			w.refused(errs[1], ErrNotFound)
			continue
		}
		w.refused(errs[0], ErrPublished)
		w.must(errs[1])
		_, err := w.one.Close(w.ctx, a.ID)
		w.must(err)
	}
}
