package assessments

import (
	"container/list"
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"credlane/app/kit/clock"
)

// A landing page may be a second old: starts ask the database themselves.
const (
	landingLife     = time.Second
	landingLimit    = 3 * time.Second // of one read
	maxLandings     = 1024
	maxLandingBytes = 16 << 20
)

// landingCache keeps encoded landing pages by slug, the ones used last, bounded in number and bytes. However many ask for
// one page at once, the database is asked once. What is not found is not kept: strangers' guesses push nothing out.
type landingCache struct {
	clock  clock.Clock
	load   func(ctx context.Context, slug string) (*landingEntry, error)
	flight singleflight.Group

	mu     sync.Mutex
	bySlug map[string]*list.Element
	recent *list.List // of *landingEntry, the one used last in front
	bytes  int
}

// landingEntry is one landing page. Once it is kept, it never changes.
type landingEntry struct {
	slug    string
	landing Landing
	body    []byte // it, encoded
	expires time.Time
}

func newLandingCache(c clock.Clock, load func(context.Context, string) (*landingEntry, error)) *landingCache {
	return &landingCache{clock: c, load: load, bySlug: map[string]*list.Element{}, recent: list.New()}
}

// get gives the page, which the caller must not change.
func (l *landingCache) get(ctx context.Context, slug string) (*landingEntry, error) {
	if entry := l.fresh(slug); entry != nil {
		return entry, nil
	}
	done := l.flight.DoChan(slug, func() (any, error) {
		// Not the first caller's context: others wait for the same answer when that one leaves.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), landingLimit)
		defer cancel()
		asked := l.clock.Now()
		entry, err := l.load(ctx, slug)
		if err != nil {
			l.drop(slug)
			return nil, err
		}
		entry.slug, entry.expires = slug, asked.Add(landingLife)
		l.keep(entry)
		return entry, nil
	})
	select {
	case r := <-done:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*landingEntry), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *landingCache) fresh(slug string) *landingEntry {
	now := l.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.bySlug[slug]
	if !ok {
		return nil
	}
	entry := e.Value.(*landingEntry)
	if !now.Before(entry.expires) {
		return nil
	}
	l.recent.MoveToFront(e)
	return entry
}

func (l *landingCache) keep(entry *landingEntry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remove(l.bySlug[entry.slug])
	l.bySlug[entry.slug] = l.recent.PushFront(entry)
	l.bytes += entry.size()
	for l.recent.Len() > maxLandings || l.bytes > maxLandingBytes {
		l.remove(l.recent.Back())
	}
}

func (l *landingCache) drop(slug string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remove(l.bySlug[slug])
}

func (l *landingCache) remove(e *list.Element) {
	if e == nil {
		return
	}
	entry := l.recent.Remove(e).(*landingEntry)
	delete(l.bySlug, entry.slug)
	l.bytes -= entry.size()
}

// size is about how many bytes it holds: the text stands in it twice.
func (e *landingEntry) size() int { return 2 * len(e.body) }
