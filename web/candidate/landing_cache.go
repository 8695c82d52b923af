package candidate

import (
	"container/list"
	"reflect"
	"sync"

	"credlane/modules/assessments"
	"credlane/web"
)

const (
	maxLandings     = 1024
	maxLandingBytes = 16 << 20
)

// landingKey is what the bytes of a public landing page depend on, beside what the service says of it.
type landingKey struct {
	slug, locale, theme string
}

// landingCache keeps made landing pages, the ones used last, bounded in number and bytes. A page is good as long as the service
// says the same of it, and the service is asked each time: out of its own memory, which is a second old at most.
type landingCache struct {
	mu     sync.Mutex
	byKey  map[landingKey]*list.Element
	recent *list.List // of *landingEntry, the one used last in front
	bytes  int
}

type landingEntry struct {
	key  landingKey
	of   *assessments.Landing
	page *web.Ready
}

func newLandingCache() *landingCache {
	return &landingCache{byKey: map[landingKey]*list.Element{}, recent: list.New()}
}

// get gives the page for l, made by render unless it is kept.
func (c *landingCache) get(key landingKey, l *assessments.Landing, render func() (*web.Ready, error)) (*web.Ready, error) {
	if page := c.kept(key, l); page != nil {
		return page, nil
	}
	page, err := render()
	if err != nil {
		return nil, err
	}
	c.keep(&landingEntry{key, l, page})
	return page, nil
}

func (c *landingCache) kept(key landingKey, l *assessments.Landing) *web.Ready {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, found := c.byKey[key]
	if !found {
		return nil
	}
	entry := e.Value.(*landingEntry)
	if entry.of != l {
		if !reflect.DeepEqual(entry.of, l) { // once a second, when the service has read it anew
			return nil
		}
		entry.of = l
	}
	c.recent.MoveToFront(e)
	return entry.page
}

func (c *landingCache) keep(entry *landingEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(c.byKey[entry.key])
	c.byKey[entry.key] = c.recent.PushFront(entry)
	c.bytes += entry.page.Size()
	for c.recent.Len() > maxLandings || c.bytes > maxLandingBytes {
		c.remove(c.recent.Back())
	}
}

func (c *landingCache) remove(e *list.Element) {
	if e == nil {
		return
	}
	entry := c.recent.Remove(e).(*landingEntry)
	delete(c.byKey, entry.key)
	c.bytes -= entry.page.Size()
}
