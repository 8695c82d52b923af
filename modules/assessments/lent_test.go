package assessments

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/ids"
	"credlane/app/kit/pg"
)

// told is what was announced, in order.
type told struct {
	types   []string
	objects []uuid.UUID
	fail    error
}

func (e *told) AnnounceTx(_ context.Context, _ pgx.Tx, _, object uuid.UUID, _ time.Time, types ...string) error {
	e.types, e.objects = append(e.types, types...), append(e.objects, object)
	return e.fail
}

// with is an instance that tells events and says whether it can send mail.
func (w *world) with(events Events, mail bool) *Module {
	return New(Deps{DB: &pg.DB{Pool: w.db.Pool}, Clock: w.clock, IDs: ids.New(w.clock), PublicURL: "https://tests.example",
		Events: events, CanMail: func() bool { return mail }})
}

func TestPublishingAndClosingAreAnnounced(t *testing.T) {
	t.Parallel()
	w, events := newWorld(t), &told{}
	m := w.with(events, false)
	a := w.ready("A")
	step := func(what string, fn func(context.Context, uuid.UUID) (Assessment, error), want ...string) {
		t.Helper()
		events.types, events.objects = nil, nil
		_, err := fn(w.ctx, a.ID)
		w.must(err)
		if strings.Join(events.types, " ") != strings.Join(want, " ") || len(want) == 1 && events.objects[0] != a.ID {
			t.Errorf("%s announced %q of %s, want %q", what, events.types, events.objects, want)
		}
	}
	step("publish", m.Publish, EventPublished)
	step("publish the same again", m.Publish)
	step("close", m.Close, EventClosed)
	step("close again", m.Close)
	step("archive what is closed", m.Archive)
	a = w.published("B")
	step("archive what is active", m.Archive, EventClosed)
}

func TestWhatCannotBeAnnouncedDoesNotHappen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.with(&told{fail: errors.New("no")}, false)
	a := w.ready("A")
	if _, err := m.Publish(w.ctx, a.ID); err == nil || w.find(a).Status != Draft {
		t.Errorf("published: %v, now %s", err, w.find(a).Status)
	}
	b := w.published("B")
	if _, err := m.Close(w.ctx, b.ID); err == nil || w.find(b).Status != Active {
		t.Errorf("closed: %v, now %s", err, w.find(b).Status)
	}
}

func TestAnEmailCodeMayBeRequiredWhereMailIsSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, err := w.with(nil, true).Create(w.ctx, Settings{Title: ptr("T"), RequireEmailCode: ptr(true)})
	w.must(err)
	if !a.RequireEmailCode {
		t.Error("not kept")
	}
	// The server's mail was turned off since: nothing else of the assessment is held up by it.
	a, err = w.one.Update(w.ctx, a.ID, etag(a), Settings{Title: ptr("U")})
	w.must(err)
	if !a.RequireEmailCode || a.Title != "U" {
		t.Errorf("got %+v", a)
	}
}

func TestOnlyAnActiveAssessmentTakesInvites(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	draft := w.ready("Draft")
	_, err := w.one.Invitable(w.ctx, w.db.Pool, w.employer, draft.ID)
	w.refused(err, ErrNotActive)
	a := w.published("A")
	_, err = w.one.Update(w.ctx, a.ID, etag(w.find(a)), Settings{Title: ptr("Not published yet")})
	w.must(err)
	found, err := w.one.Invitable(w.ctx, w.db.Pool, w.employer, a.ID)
	if w.must(err); found != (Invitation{"A", Active}) {
		t.Errorf("got %+v", found)
	}
	stranger, _ := w.newEmployer(3)
	_, err = w.one.Invitable(w.ctx, w.db.Pool, stranger, a.ID)
	w.refused(err, ErrNotFound)
	_, err = w.one.Close(w.ctx, a.ID)
	w.must(err)
	_, err = w.one.Invitable(w.ctx, w.db.Pool, w.employer, a.ID)
	w.refused(err, ErrNotActive)
}

func TestAPersonalLinkOpensByTheAssessmentsID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.published("A")
	byID, err := w.one.OpeningByID(t.Context(), a.ID)
	w.must(err)
	bySlug, err := w.one.Opening(t.Context(), a.Slug)
	if w.must(err); byID != bySlug || byID.AssessmentID != a.ID {
		t.Errorf("by id %+v, by slug %+v", byID, bySlug)
	}
	state := func(want string) {
		t.Helper()
		l, err := w.one.LandingByID(t.Context(), a.ID, 25)
		if w.must(err); l.State != want || l.Title != "A" || !strings.HasPrefix(l.Rules[0], "You have 37 minutes and 30 seconds (30 minutes and 25 % more) from") ||
			l.Rules[1] != personalRule || len(l.Rules) < 4 {
			t.Errorf("got %+v, want %s", l, want)
		}
	}
	state("open")
	_, err = w.one.Close(w.ctx, a.ID)
	w.must(err)
	state("closed") // at once: nothing is kept for a second
	_, err = w.one.Archive(w.ctx, a.ID)
	w.must(err)
	state("closed")
	_, err = w.one.OpeningByID(t.Context(), a.ID)
	w.refused(err, ErrClosed)
	for _, id := range []uuid.UUID{w.draft("Draft").ID, uuid.New()} {
		_, err = w.one.OpeningByID(t.Context(), id)
		w.refused(err, ErrNotFound)
		_, err = w.one.LandingByID(t.Context(), id, 0)
		w.refused(err, ErrNotFound)
	}
}

func TestAnotherSystemHearsOfAnAssessmentInFewBytes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.ready("A")
	_, err := w.one.Update(w.ctx, a.ID, etag(a), Settings{Title: ptr(strings.Repeat("𝕏", MaxTitle)), Description: ptr(strings.Repeat("𝕏", MaxDescription))})
	w.must(err)
	object, err := w.one.EventObject(t.Context(), w.employer, a.ID)
	w.must(err)
	encoded, err := json.Marshal(object)
	if w.must(err); len(encoded) > 4000 || !strings.Contains(string(encoded), a.ID.String()) {
		t.Errorf("%d bytes: %.200s", len(encoded), encoded)
	}
	stranger, _ := w.newEmployer(3)
	_, err = w.one.EventObject(t.Context(), stranger, a.ID)
	w.refused(err, ErrNotFound)
}

func TestRemindersAreOnUntilTheyAreTurnedOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.draft("A")
	if !a.Reminders {
		t.Error("a new assessment reminds nobody")
	}
	a, err := w.one.Update(w.ctx, a.ID, etag(a), Settings{Reminders: ptr(false)})
	if w.must(err); a.Reminders || w.find(a).Reminders {
		t.Error("not turned off")
	}
	b, err := w.one.Create(w.ctx, Settings{Title: ptr("B"), Reminders: ptr(false)})
	if w.must(err); b.Reminders {
		t.Error("not off from the beginning")
	}
	c, err := w.one.Duplicate(w.ctx, b.ID)
	if w.must(err); c.Reminders {
		t.Error("a copy has other reminders")
	}
	if was, _ := difference(newAssessment().settings(), b.settings()); was["reminders"] != true {
		t.Error("the trail does not tell of reminders")
	}
}
