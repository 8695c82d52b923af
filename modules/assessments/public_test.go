package assessments

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/clock"
	"credlane/app/kit/rest"
)

func (w *world) landing(a Assessment) Landing {
	w.t.Helper()
	encoded, err := w.one.Landing(w.t.Context(), a.Slug)
	w.must(err)
	var l Landing
	w.must(json.Unmarshal(encoded, &l))
	return l
}

func TestTheLandingPageShowsThePublishedVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.draft("Published title")
	d := choice()
	d.Prompt, d.Explanation = "secret prompt", "secret explanation"
	w.add(a, d)
	_, err := w.one.Landing(t.Context(), a.Slug)
	w.refused(err, ErrNotFound)
	a, err = w.one.Publish(w.ctx, a.ID)
	w.must(err)
	a, err = w.one.Update(w.ctx, a.ID, etag(a), Settings{Title: ptr("Draft title"), TimeLimitMinutes: ptr(99)})
	w.must(err)
	l := w.landing(a)
	if l.Title != "Published title" || l.Employer.Name != "Acme" || l.QuestionCount != 1 || l.TimeLimitMinutes != 30 || l.State != "open" ||
		l.RequireEmailCode || len(l.Rules) < 3 || !strings.Contains(l.PrivacyNotice, "Acme") {
		t.Fatalf("got %+v", l)
	}
	encoded, err := w.one.Landing(t.Context(), a.Slug)
	w.must(err)
	for _, secret := range []string{"secret", "passing", "60", a.ID.String(), w.questions(a)[0].ID.String()} {
		if strings.Contains(string(encoded), secret) {
			t.Errorf("the landing page tells %q", secret)
		}
	}
}

func TestTheLandingPageAndStartsFollowTheTimes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.published("A")
	now := w.clock.Now()
	at := func(d time.Duration) rest.Optional[time.Time] {
		return rest.Optional[time.Time]{Set: true, Value: now.Add(d)}
	}
	_, err := w.one.Update(w.ctx, a.ID, etag(a), Settings{OpensAt: at(time.Hour), ClosesAt: at(2 * time.Hour)})
	w.must(err)
	opening := func(want error) {
		t.Helper()
		_, err := w.two.Opening(t.Context(), a.Slug)
		if !errors.Is(err, want) {
			t.Fatalf("error %v; want %v", err, want)
		}
	}
	state := func(want string) {
		t.Helper()
		if got := w.landing(a).State; got != want {
			t.Fatalf("state %s; want %s", got, want)
		}
	}
	state("not_open_yet")
	opening(ErrNotOpen)
	w.clock.Advance(time.Hour)
	state("open")
	opening(nil)
	w.clock.Advance(time.Hour - time.Microsecond)
	opening(nil)
	w.clock.Advance(time.Microsecond)
	opening(ErrClosed)
	w.clock.Advance(landingLife)
	state("closed")
}

func TestAClosedAssessmentIsToldAndAnArchivedOneIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.published("A")
	o, err := w.two.Opening(t.Context(), a.Slug)
	w.must(err)
	if o.AssessmentID != a.ID || o.EmployerID != w.employer || o.VersionNumber != 1 || o.TimeLimit() != 30*time.Minute ||
		o.NoticeVersion != 1 || o.QuestionCount != 1 || o.PointsTotal != pt("1") {
		t.Fatalf("got %+v", o)
	}
	_, err = w.one.Close(w.ctx, a.ID)
	w.must(err)
	_, err = w.two.Opening(t.Context(), a.Slug)
	w.refused(err, ErrClosed)
	if got := w.landing(a).State; got != "closed" {
		t.Fatalf("state %s", got)
	}
	_, err = w.one.Archive(w.ctx, a.ID)
	w.must(err)
	w.clock.Advance(landingLife)
	_, err = w.one.Landing(t.Context(), a.Slug)
	w.refused(err, ErrNotFound)
	_, err = w.two.Opening(t.Context(), a.Slug)
	w.refused(err, ErrNotFound)
	for _, slug := range []string{"", "short", strings.Repeat("a", 41), "ABCDEFGHIJKL", "abcdefghij'--", "nosuchslughere"} {
		_, err = w.one.Opening(t.Context(), slug)
		w.refused(err, ErrNotFound)
		_, err = w.one.Landing(t.Context(), slug)
		w.refused(err, ErrNotFound)
	}
	_, err = w.one.ReleasePolicy(t.Context(), uuid.New())
	w.refused(err, ErrNotFound)
	_, err = w.one.Version(t.Context(), uuid.New())
	w.refused(err, ErrVersionNotFound)
}

func TestTheEmployersOwnNoticeIsShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.published("A")
	w.exec(`UPDATE employers SET privacy_notice = 'Our own words.' WHERE id = $1`, w.employer)
	if got := w.landing(a).PrivacyNotice; got != "Our own words." {
		t.Fatalf("notice %q", got)
	}
}

func TestOneReadServesEveryoneWhoAsksAtOnce(t *testing.T) {
	t.Parallel()
	var reads atomic.Int32
	asked, answer := make(chan struct{}), make(chan struct{})
	c := newLandingCache(clock.NewFake(time.Unix(0, 0)), func(ctx context.Context, _ string) (*landingEntry, error) {
		if reads.Add(1) == 1 {
			close(asked)
		}
		<-answer
		return &landingEntry{body: []byte("page")}, ctx.Err()
	})
	first, leave := context.WithCancel(t.Context())
	var others sync.WaitGroup
	others.Go(func() { _, _ = c.get(first, "slug") })
	<-asked
	leave() // the one who caused the read goes: the others are served all the same
	for range 50 {
		others.Go(func() {
			if page, err := c.get(t.Context(), "slug"); err != nil || string(page.body) != "page" {
				t.Errorf("%v, %v", page, err)
			}
		})
	}
	close(answer)
	others.Wait()
	if page, err := c.get(t.Context(), "slug"); err != nil || string(page.body) != "page" || reads.Load() != 1 {
		t.Fatalf("%v, %v after %d reads", page, err, reads.Load())
	}
}

func TestTheLandingCacheIsBoundedAndForgets(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(time.Unix(0, 0))
	reads, size := 0, 10
	c := newLandingCache(now, func(_ context.Context, slug string) (*landingEntry, error) {
		if reads++; slug == "unknown" {
			return nil, ErrNotFound
		}
		return &landingEntry{slug: slug, body: make([]byte, size)}, nil
	})
	get := func(slug string) { _, _ = c.get(t.Context(), slug) }
	for i := range maxLandings + 10 {
		get(fmt.Sprint(i))
	}
	if c.recent.Len() != maxLandings || len(c.bySlug) != maxLandings || c.bytes != 2*maxLandings*size {
		t.Fatalf("%d entries, %d bytes", c.recent.Len(), c.bytes)
	}
	get("0") // had been pushed out
	if reads != maxLandings+11 {
		t.Fatalf("%d reads", reads)
	}
	get("0")
	get("unknown")
	get("unknown") // not kept
	if reads != maxLandings+13 {
		t.Fatalf("%d reads", reads)
	}
	now.Advance(landingLife)
	get("0")
	if reads != maxLandings+14 {
		t.Fatal("a page older than its life was served")
	}
	size = maxLandingBytes / 8
	for i := range 10 {
		get(fmt.Sprint("big", i))
	}
	if c.bytes > maxLandingBytes {
		t.Fatalf("%d bytes", c.bytes)
	}
}
