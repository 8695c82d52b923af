package submissions

import (
	"errors"
	"testing"
	"time"

	"credlane/app/kit/fault"
)

func TestAStartSetsTheDeadlineAndKeepsTheOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	ctx, s := w.start(m, "ada@example.org")
	if want := opened.Add(30 * time.Minute); !s.Receipt.DeadlineAt.Equal(want) || s.Receipt.Status != InProgress {
		t.Errorf("the receipt is %+v, want a deadline at %s", s.Receipt, want)
	}
	first, err := s.booklet.AppendQuestions(nil, s.layout)
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.instance().Sitting(ctx) // another instance, from the database
	if err != nil {
		t.Fatal(err)
	}
	second, err := again.booklet.AppendQuestions(nil, again.layout)
	if err != nil {
		t.Fatal(err)
	}
	if string(first) != string(second) {
		t.Errorf("the order changed:\n%s\n%s", first, second)
	}
	if n := one[int](w, `SELECT count(*) FROM audit_events WHERE action = 'submission.started' AND actor_kind = 'candidate'
		AND actor_id = $1 AND object_id = $1 AND employer_id = $2`, s.Receipt.ID, w.version.EmployerID); n != 1 {
		t.Errorf("%d audit rows, want 1", n)
	}
}

func TestAVersionThatShufflesNothingKeepsTheAuthorsOrder(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	v := paperOfFive()
	v.ShuffleQuestions, v.ShuffleOptions = false, false
	w.publish(v)
	m := w.instance()
	ctx, _ := w.start(m, "ada@example.org")
	s, err := m.Sitting(ctx)
	if err != nil {
		t.Fatal(err)
	}
	order, err := s.booklet.Order(s.layout)
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range order {
		if id != fixed(4, i+1) {
			t.Errorf("place %d shows question %s", i+1, id)
		}
	}
	if _, err := s.booklet.AppendQuestions(nil, s.layout); err != nil {
		t.Error(err)
	}
	if got := one[string](w, `SELECT layout::text FROM submissions`); got != "[]" {
		t.Errorf("stored %s", got)
	}
}

func TestAStartWithoutConsentOrNameOrAddressIsRefusedWithEveryReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	for _, c := range []struct {
		in     Start
		want   *fault.Error
		fields int
	}{
		{Start{Name: "Ada", Email: "ada@example.org"}, ErrConsent, 1},
		{Start{Name: "  ", Email: "Ada <ada@example.org>"}, ErrCandidate, 3},
		{Start{Name: "Ada", Email: "ada", Consent: true}, ErrCandidate, 1},
		{Start{Name: "\u00a0", Email: "ada@example.org", Consent: true}, ErrCandidate, 1},
	} {
		_, _, err := m.Start(t.Context(), c.in)
		f, ok := fault.As(err)
		if !ok || !errors.Is(err, c.want) || len(f.Fields) != c.fields {
			t.Errorf("%+v: %v, want %s with %d reasons", c.in, err, c.want.Code, c.fields)
		}
	}
	w.opening.RequireEmailCode = true
	if _, _, err := m.Start(t.Context(), Start{Name: "Ada", Email: "ada@example.org", Consent: true}); !errors.Is(err, ErrEmailCode) {
		t.Errorf("a start without the code: %v", err)
	}
	if n := one[int](w, `SELECT count(*) FROM submissions`); n != 0 {
		t.Errorf("%d submissions were made", n)
	}
}

func TestASecondStartOfOneAddressIsRefusedWhateverItsCase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	w.start(m, "ada@example.org")
	token, s, err := m.Start(t.Context(), Start{Name: "Eve", Email: "ADA@Example.org", Consent: true})
	if !errors.Is(err, ErrAlreadyStarted) {
		t.Fatalf("the second start: %v", err)
	}
	if f, _ := fault.As(err); token != "" || s.booklet != nil || f.Extra != nil {
		t.Errorf("the refusal tells of the first attempt: %q %+v %v", token, s, f.Extra)
	}
	if name := one[string](w, `SELECT name FROM users WHERE lower(email) = 'ada@example.org'`); name != "Ada" {
		t.Errorf("the user is now called %s", name)
	}
}
