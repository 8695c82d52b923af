package activity_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/audit"
	"credlane/app/kit/authn"
	"credlane/app/kit/clock"
	"credlane/app/kit/ids"
	"credlane/app/kit/pg"
	"credlane/app/kit/pgtest"
	"credlane/modules/activity"
)

// names calls everybody Ada and knows nothing else.
type names struct{}

func (names) Members(_ context.Context, _ uuid.UUID, users, keys []uuid.UUID) (map[uuid.UUID]string, error) {
	all := map[uuid.UUID]string{}
	for _, id := range slices.Concat(users, keys) {
		all[id] = "Ada"
	}
	return all, nil
}

func (names) Assessments(context.Context, uuid.UUID, []uuid.UUID) (map[uuid.UUID]string, error) {
	return nil, nil
}

func (names) Submissions(context.Context, uuid.UUID, []uuid.UUID) (map[uuid.UUID]activity.Submission, error) {
	return nil, nil
}

func (names) Invites(context.Context, uuid.UUID, []uuid.UUID) (map[uuid.UUID]activity.Invite, error) {
	return nil, nil
}

type world struct {
	t     *testing.T
	db    pgtest.DB
	clock *clock.Fake
	ids   *ids.Source
	*activity.Module
}

func newWorld(t *testing.T, bounds activity.Deps) *world {
	t.Helper()
	w := &world{t: t, db: pgtest.New(t), clock: clock.NewFake(time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC))}
	w.ids = ids.New(w.clock)
	db, err := pg.Open(t.Context(), pg.Options{URL: w.db.URL, MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	bounds.DB, bounds.Clock, bounds.Log, bounds.Names, bounds.PollEvery = db, w.clock, slog.New(slog.DiscardHandler), names{}, 2*time.Millisecond
	w.Module = activity.New(bounds)
	t.Cleanup(func() {
		w.EndStreams()
		db.Close()
	})
	return w
}

// employer makes one and gives the context of a member of it.
func (w *world) employer() context.Context {
	w.t.Helper()
	id := w.ids.ID()
	if _, err := w.db.Pool.Exec(w.t.Context(), `INSERT INTO employers (id, name, slug, created_at, updated_at) VALUES ($1, 'Acme', $2, now(), now())`, id, w.ids.Slug()); err != nil {
		w.t.Fatal(err)
	}
	return authn.With(w.t.Context(), authn.Principal{Kind: authn.Member, UserID: uuid.New(), EmployerID: id, Role: authn.Viewer})
}

// happens writes an event of the trail.
func (w *world) happens(ctx context.Context, action, request string, id uuid.UUID) {
	w.t.Helper()
	w.happensTo(ctx, uuid.New(), action, request, id)
}

func (w *world) happensTo(ctx context.Context, object uuid.UUID, action, request string, id uuid.UUID) {
	w.t.Helper()
	err := audit.Write(ctx, w.db.Pool, audit.Event{ID: id, EmployerID: authn.From(ctx).EmployerID, Action: action, ObjectType: "thing",
		ObjectID: object, RequestID: request, At: w.clock.Now()})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) listen(ctx context.Context) *activity.Listener {
	w.t.Helper()
	l, err := w.Listen(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(l.Close)
	return l
}

// hears waits for the next items.
func (w *world) hears(l *activity.Listener) (said []string) {
	w.t.Helper()
	select {
	case items := <-l.Items():
		for _, i := range items {
			said = append(said, i.Text())
		}
		return said
	case <-time.After(20 * time.Second):
		w.t.Fatal("nothing is heard")
		return nil
	}
}

func TestEachEmployerHearsItsOwnOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, activity.Deps{})
	mine, theirs := w.employer(), w.employer()
	w.happens(mine, "assessment.published", "", w.ids.ID()) // before anybody listens
	first, second, other := w.listen(mine), w.listen(mine), w.listen(theirs)
	w.happens(theirs, "assessment.archived", "", w.ids.ID())
	w.happens(mine, "session.started", "", w.ids.ID()) // nothing that the feed tells
	late := w.ids.ID()
	w.happens(mine, "assessment.closed", "", w.ids.ID())
	for _, l := range []*activity.Listener{first, second} {
		if said := w.hears(l); !slices.Equal(said, []string{"Ada closed the assessment"}) {
			t.Errorf("heard %q", said)
		}
	}
	w.happens(mine, "assessment.reopened", "", late) // begun before the other, committed after it
	if said := w.hears(first); !slices.Equal(said, []string{"Ada opened the assessment again"}) {
		t.Errorf("what was committed late: %q", said)
	}
	if said := w.hears(other); !slices.Equal(said, []string{"Ada archived the assessment"}) {
		t.Errorf("the other employer heard %q", said)
	}
}

func TestWhoCannotKeepUpIsDroppedAndTheOthersAreNot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, activity.Deps{MaxBehind: 2})
	mine := w.employer()
	slow, quick := w.listen(mine), w.listen(mine)
	for n := 0; ; n++ {
		w.happens(mine, "assessment.closed", "", w.ids.ID())
		w.hears(quick)
		select {
		case <-slow.Over():
			if n != 2 {
				t.Errorf("dropped after %d batches", n)
			}
			return
		default:
			if n > 2 {
				t.Fatal("who takes nothing is not dropped")
			}
		}
	}
}

func TestOnlySoManyMayListen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, activity.Deps{MaxListeners: 3, MaxOfOne: 2})
	mine, theirs := w.employer(), w.employer()
	first := w.listen(mine)
	w.listen(mine)
	if _, err := w.Listen(mine); !errors.Is(err, activity.ErrTooManyListeners) {
		t.Errorf("a third of one employer: %v", err)
	}
	w.listen(theirs)
	if _, err := w.Listen(theirs); !errors.Is(err, activity.ErrTooManyListeners) {
		t.Errorf("a fourth of the instance: %v", err)
	}
	first.Close()
	first.Close() // twice is once
	w.listen(mine)
	w.EndStreams()
	if _, err := w.Listen(w.employer()); !errors.Is(err, activity.ErrTooManyListeners) {
		t.Errorf("after the end: %v", err)
	}
}

func TestTheEndEndsEveryListener(t *testing.T) {
	t.Parallel()
	w := newWorld(t, activity.Deps{})
	all := []*activity.Listener{w.listen(w.employer()), w.listen(w.employer())}
	w.EndStreams()
	w.EndStreams()
	for _, l := range all {
		select {
		case <-l.Over():
		case <-time.After(20 * time.Second):
			t.Fatal("a listener is not ended")
		}
	}
}

func TestInvitesSentInOneGoAreOneItemOnWhicheverPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, activity.Deps{})
	mine := w.employer()
	for range 450 {
		w.happens(mine, "invite.created", "one call", w.ids.ID())
	}
	w.happens(mine, "assessment.closed", "", w.ids.ID())
	w.happens(mine, "invite.created", "another", w.ids.ID())
	w.happens(mine, "invite.created", "a third", w.ids.ID())
	var said []string
	for cursor := ""; ; {
		items, next, err := w.List(mine, 1, cursor)
		if err != nil || len(items) != 1 || len(said) > 4 {
			t.Fatalf("%q then %d items, %v", said, len(items), err)
		}
		said = append(said, items[0].Text())
		if next == nil {
			break
		}
		cursor = *next
	}
	if want := []string{"Ada invited 1 person", "Ada invited 1 person", "Ada closed the assessment", "Ada invited 450 people"}; !slices.Equal(said, want) {
		t.Errorf("told %q", said)
	}
	if _, _, err := w.List(mine, 1, "nonsense"); !errors.Is(err, pg.ErrCursor) {
		t.Errorf("a strange cursor: %v", err)
	}
}

func TestChecksOfAFileAreNotTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, activity.Deps{})
	mine := w.employer()
	for _, action := range []string{"import.checked", "import.rejected", "import.done", "import.checked"} {
		w.happens(mine, action, "", w.ids.ID())
	}
	items, _, err := w.List(mine, 10, "")
	if err != nil || len(items) != 1 || items[0].Action != "import.done" {
		t.Errorf("told %+v, %v", items, err)
	}
}

func TestWhoTouchedAThingLastIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, activity.Deps{})
	mine, other, thing := w.employer(), w.employer(), w.ids.ID()
	if _, err := w.Touched(mine, thing, "question.updated"); !errors.Is(err, activity.ErrUntouched) {
		t.Errorf("nobody: %v", err)
	}
	w.happensTo(mine, thing, "question.updated", "", w.ids.ID())
	w.clock.Advance(time.Minute)
	w.happensTo(mine, thing, "question.updated", "", w.ids.ID())
	w.clock.Advance(time.Minute)
	w.happensTo(mine, thing, "question.deleted", "", w.ids.ID())
	got, err := w.Touched(mine, thing, "question.updated")
	if want := w.clock.Now().Add(-time.Minute); err != nil || got.Who != "Ada" || !got.You || !got.At.Equal(want) {
		t.Errorf("%+v, %v, want Ada at %v", got, err, want)
	}
	if _, err := w.Touched(other, thing, "question.updated"); !errors.Is(err, activity.ErrUntouched) {
		t.Errorf("another employer: %v", err)
	}
}
