package assessments

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/exact"
	"credlane/app/kit/rest"
)

func TestADraftNeedsOnlyATitle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.draft("  Go developer  ")
	if a.Title != "Go developer" || a.Status != Draft || a.TimeLimitMinutes != 30 || a.PassingScore != exact.WholeScore(60) ||
		a.ShuffleQuestions || a.ShuffleOptions || a.ResultRelease != ReleaseNone || a.RequireEmailCode || a.OpensAt != nil || a.ClosesAt != nil ||
		a.CurrentVersion != nil || !a.DraftChanged() || a.QuestionCount != 0 || !validSlug(a.Slug) {
		t.Fatalf("got %+v", a)
	}
	if got := w.audited(a.ID); !slices.Equal(got, []string{"assessment.created"}) {
		t.Fatalf("audited %v", got)
	}
}

func TestEveryReasonAgainstADraftIsGivenAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	opens := w.clock.Now()
	_, err := w.one.Create(w.ctx, Settings{Title: ptr("evil \u202e title"), Description: ptr("\x00"), TimeLimitMinutes: ptr(601),
		PassingScore: ptr(exact.Score(10001)), ResultRelease: ptr(Release("all")),
		OpensAt: rest.Optional[time.Time]{Set: true, Value: opens}, ClosesAt: rest.Optional[time.Time]{Set: true, Value: opens}})
	got := locations(w.refused(err, rest.ErrInvalid))
	want := []string{"body.closesAt", "body.description", "body.passingScore", "body.resultRelease", "body.timeLimitMinutes", "body.title"}
	if !slices.Equal(got, want) {
		t.Fatalf("reasons at %v; want %v", got, want)
	}
}

func TestATitleOfNothingVisibleIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, title := range []string{"", "   ", "\u200b\u200d", "a\nb", strings.Repeat("ä", 201), "\xff"} {
		_, err := w.one.Create(w.ctx, Settings{Title: &title})
		w.refused(err, rest.ErrInvalid)
	}
	if a := w.draft(strings.Repeat("ä", 200)); len([]rune(a.Title)) != 200 {
		t.Fatal("200 characters must fit")
	}
}

func TestAnEmailCodeCannotBeRequiredWithoutMail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.one.Create(w.ctx, Settings{Title: ptr("T"), RequireEmailCode: ptr(true)})
	w.refused(err, ErrEmailCodeUnavailable)
	a := w.draft("T")
	_, err = w.one.Update(w.ctx, a.ID, etag(a), Settings{RequireEmailCode: ptr(true)})
	w.refused(err, ErrEmailCodeUnavailable)
}

func TestAPatchMergesAndNullClears(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.draft("First")
	opens, closes := w.clock.Now().Add(time.Hour), w.clock.Now().Add(2*time.Hour)
	b, err := w.one.Update(w.ctx, a.ID, etag(a), Settings{TimeLimitMinutes: ptr(45),
		OpensAt: rest.Optional[time.Time]{Set: true, Value: opens}, ClosesAt: rest.Optional[time.Time]{Set: true, Value: closes}})
	w.must(err)
	if b.Title != "First" || b.TimeLimitMinutes != 45 || !b.OpensAt.Equal(opens) || !b.ClosesAt.Equal(closes) {
		t.Fatalf("got %+v", b)
	}
	b, err = w.one.Update(w.ctx, a.ID, etag(b), Settings{OpensAt: rest.Optional[time.Time]{Set: true, Null: true}})
	w.must(err)
	if b.OpensAt != nil || !b.ClosesAt.Equal(closes) || b.TimeLimitMinutes != 45 {
		t.Fatalf("got %+v", b)
	}
}

func TestAPatchOfAnOldStateIsStaleAndOneWithoutAnETagIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.draft("First")
	_, err := w.one.Update(w.ctx, a.ID, "", Settings{Title: ptr("Second")})
	w.refused(err, rest.ErrPreconditionRequired)
	b, err := w.one.Update(w.ctx, a.ID, etag(a), Settings{Title: ptr("Second")})
	w.must(err)
	_, err = w.one.Update(w.ctx, a.ID, etag(a), Settings{Title: ptr("Third")})
	w.refused(err, rest.ErrStale)
	again, err := w.one.Update(w.ctx, a.ID, etag(b), Settings{Title: ptr("Second")})
	w.must(err)
	if again.Revision != b.Revision {
		t.Fatal("a change that changes nothing must leave the ETag")
	}
	w.add(a, choice())
	if w.find(a).Revision == b.Revision {
		t.Fatal("a new question must move the assessment's ETag")
	}
	w.refused(w.one.Delete(w.ctx, a.ID, etag(b)), rest.ErrStale)
}

func TestOnlyANeverPublishedDraftCanBeDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.ready("Draft")
	w.must(w.one.Delete(w.ctx, a.ID, etag(a)))
	_, err := w.one.Find(w.ctx, a.ID)
	w.refused(err, ErrNotFound)
	if n := value[int](w, `SELECT count(*) FROM questions WHERE assessment_id = $1`, a.ID); n != 0 {
		t.Fatalf("%d questions stay", n)
	}
	b := w.published("Published")
	w.refused(w.one.Delete(w.ctx, b.ID, etag(b)), ErrPublished)
	b, err = w.one.Archive(w.ctx, b.ID)
	w.must(err)
	w.refused(w.one.Delete(w.ctx, b.ID, etag(b)), ErrPublished)
}

func TestAnotherEmployersAssessmentDoesNotExist(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.published("Ours")
	q := w.questions(a)[0]
	_, other := w.newEmployer(3)
	acts := map[string]func() error{
		"find":      func() error { _, err := w.one.Find(other, a.ID); return err },
		"update":    func() error { _, err := w.one.Update(other, a.ID, etag(a), Settings{Title: ptr("x")}); return err },
		"delete":    func() error { return w.one.Delete(other, a.ID, etag(a)) },
		"publish":   func() error { _, err := w.one.Publish(other, a.ID); return err },
		"close":     func() error { _, err := w.one.Close(other, a.ID); return err },
		"reopen":    func() error { _, err := w.one.Reopen(other, a.ID); return err },
		"archive":   func() error { _, err := w.one.Archive(other, a.ID); return err },
		"duplicate": func() error { _, err := w.one.Duplicate(other, a.ID); return err },
		"release":   func() error { _, err := w.one.Release(other, a.ID, ""); return err },
		"questions": func() error { _, err := w.one.Questions(other, a.ID, QuestionCursor{}, 10); return err },
		"editable":  func() error { return w.one.Editable(other, a.ID) },
		"add":       func() error { _, err := w.one.AddQuestion(other, a.ID, choice()); return err },
		"order":     func() error { _, err := w.one.OrderQuestions(other, a.ID, []uuid.UUID{q.ID}); return err },
		"edit": func() error {
			_, err := w.one.UpdateQuestion(other, a.ID, q.ID, qetag(q), QuestionChange{})
			return err
		},
		"remove":   func() error { return w.one.DeleteQuestion(other, a.ID, q.ID, qetag(q)) },
		"versions": func() error { _, err := w.one.Versions(other, a.ID, 0, 10); return err },
	}
	for name, act := range acts {
		t.Run(name, func(t *testing.T) {
			v := *w
			v.t = t
			v.refused(act(), ErrNotFound)
		})
	}
	_, err := w.one.Question(other, a.ID, q.ID)
	w.refused(err, ErrQuestionNotFound)
	_, _, err = w.one.VersionInFull(other, a.ID, 1)
	w.refused(err, ErrVersionNotFound)
	list, err := w.one.List(other, Filter{Limit: 10})
	if err != nil || len(list) != 0 {
		t.Fatalf("lists %v, error %v", list, err)
	}
}

func TestTheListIsPagedFilteredAndCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, title := range []string{"Alpha", "Beta 100%", "beta_two", "Gamma"} {
		w.draft(title)
	}
	w.published("Active one")
	titles := func(f Filter) string {
		t.Helper()
		list, err := w.one.List(w.ctx, f)
		w.must(err)
		var b []string
		for _, a := range list {
			b = append(b, a.Title)
		}
		return strings.Join(b, ", ")
	}
	for want, f := range map[string]Filter{
		"Active one, Gamma, beta_two, Beta 100%, Alpha": {Limit: 10},
		"Active one":          {Limit: 10, Status: Active},
		"beta_two, Beta 100%": {Limit: 10, Query: "BETA"},
		"Beta 100%":           {Limit: 10, Query: "0%"},
		"beta_two":            {Limit: 10, Query: "a_t"},
		"":                    {Limit: 10, Status: Active, Query: "beta"},
	} {
		if got := titles(f); got != want {
			t.Errorf("filter %+v gives %q; want %q", f, got, want)
		}
	}
	var seen []string
	f := Filter{Limit: 2}
	for {
		list, err := w.one.List(w.ctx, f)
		w.must(err)
		if len(list) == 0 {
			break
		}
		for _, a := range list {
			seen = append(seen, a.Title)
		}
		f.Before = list[len(list)-1].ID
		w.draft("made between two pages")
	}
	if got := strings.Join(seen, ", "); got != "Active one, Gamma, beta_two, Beta 100%, Alpha" {
		t.Errorf("paged: %q", got)
	}
	c, err := w.one.Count(w.ctx)
	if want := (Counts{Draft: 7, Active: 1, ActiveLimit: 3}); err != nil || c != want {
		t.Errorf("counts %+v, error %v; want %+v", c, err, want)
	}
}

func TestStatusesMoveOnlyAsTheyMay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	draft := w.draft("Draft")
	for _, act := range []func(context.Context, uuid.UUID) (Assessment, error){w.one.Close, w.one.Reopen} {
		_, err := act(w.ctx, draft.ID)
		w.refused(err, ErrNotPublished)
	}
	_, err := w.one.Release(w.ctx, draft.ID, "")
	w.refused(err, ErrNotPublished)

	w.must(w.one.Editable(w.ctx, draft.ID))
	a := w.published("A")
	step := func(act func(context.Context, uuid.UUID) (Assessment, error), want Status) {
		t.Helper()
		got, err := act(w.ctx, a.ID)
		if err != nil || got.Status != want {
			t.Fatalf("status %s, error %v; want %s", got.Status, err, want)
		}
	}
	step(w.one.Close, Closed)
	step(w.one.Close, Closed)
	step(w.one.Reopen, Active)
	step(w.one.Reopen, Active)
	step(w.one.Archive, Archived)
	step(w.one.Archive, Archived)
	want := []string{"assessment.created", "assessment.published", "assessment.closed", "assessment.reopened", "assessment.archived"}
	if got := w.audited(a.ID); !slices.Equal(got, want) {
		t.Errorf("audited %v; want %v", got, want)
	}
	a = w.find(a)
	q := w.questions(a)[0]
	for name, act := range map[string]func() error{
		"close":   func() error { _, err := w.one.Close(w.ctx, a.ID); return err },
		"reopen":  func() error { _, err := w.one.Reopen(w.ctx, a.ID); return err },
		"publish": func() error { _, err := w.one.Publish(w.ctx, a.ID); return err },
		"update":  func() error { _, err := w.one.Update(w.ctx, a.ID, etag(a), Settings{Title: ptr("x")}); return err },
		"import":  func() error { return w.one.Editable(w.ctx, a.ID) },
		"append":  func() error { _, err := w.appendAll(a, many(1, 1)); return err },
		"add":     func() error { _, err := w.one.AddQuestion(w.ctx, a.ID, choice()); return err },
		"edit": func() error {
			_, err := w.one.UpdateQuestion(w.ctx, a.ID, q.ID, qetag(q), QuestionChange{})
			return err
		},
		"remove": func() error { return w.one.DeleteQuestion(w.ctx, a.ID, q.ID, qetag(q)) },
		"order":  func() error { _, err := w.one.OrderQuestions(w.ctx, a.ID, []uuid.UUID{q.ID}); return err },
	} {
		t.Run(name, func(t *testing.T) {
			v := *w
			v.t = t
			v.refused(act(), ErrArchived)
		})
	}
}

func TestReleaseShowsResultsFromNowOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.published("A")
	policy := func(want Release) {
		t.Helper()
		p, err := w.two.ReleasePolicy(w.ctx, a.ID)
		if err != nil || p.Now(w.clock.Now()) != want {
			t.Fatalf("policy %+v, error %v; want %s", p, err, want)
		}
	}
	policy(ReleaseNone)
	_, err := w.one.Release(w.ctx, a.ID, ReleaseNone)
	w.refused(err, rest.ErrInvalid)
	b, err := w.one.Release(w.ctx, a.ID, "")
	w.must(err)
	if b.ResultRelease != ReleaseScore || !b.ReleaseAt.Equal(w.clock.Now()) || b.DraftChanged() {
		t.Fatalf("got %+v", b)
	}
	policy(ReleaseScore)
	w.clock.Advance(time.Hour)
	again, err := w.one.Release(w.ctx, a.ID, "")
	w.must(err)
	if again.Revision != b.Revision {
		t.Fatal("a release that stands must not change")
	}
	_, err = w.one.Release(w.ctx, a.ID, ReleaseReview)
	w.must(err)
	policy(ReleaseReview)
	later, a := w.clock.Now().Add(time.Hour), w.find(a)
	_, err = w.one.Update(w.ctx, a.ID, etag(a), Settings{ReleaseAt: rest.Optional[time.Time]{Set: true, Value: later}})
	w.must(err)
	policy(ReleaseNone)
}
