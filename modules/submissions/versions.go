package submissions

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/singleflight"

	"credlane/app/kit/question"
	"credlane/modules/submissions/internal/booklet"
	"credlane/modules/submissions/internal/scoring"
)

// version is a published version made ready. The half that candidates see and the half that holds the keys are apart: what
// answers a candidate takes a *booklet.Booklet, from which no key can be reached.
type version struct {
	id         uuid.UUID
	employer   uuid.UUID
	assessment uuid.UUID
	booklet    *booklet.Booklet
	marking    *marking
}

// marking is what it takes to score a version and to explain a released score.
type marking struct {
	paper  scoring.Paper
	source Version
	index  map[uuid.UUID]int // of source.Questions
}

// question finds a question with its key; ok is false for one outside the version.
func (k *marking) question(id uuid.UUID) (Question, bool) {
	i, found := k.index[id]
	if !found {
		return Question{}, false
	}
	return k.source.Questions[i], true
}

// prepare compiles and encodes a version.
func prepare(v Version) (*version, error) {
	items := make([]scoring.Item, len(v.Questions))
	sources := make([]booklet.Source, len(v.Questions))
	index := make(map[uuid.UUID]int, len(v.Questions))
	for i, q := range v.Questions {
		asked := question.Question{ID: q.ID, Type: q.Type, Points: q.Points, CreditRule: q.CreditRule}
		shown := make([]booklet.Option, len(q.Options))
		for j, o := range q.Options {
			asked.OptionIDs = append(asked.OptionIDs, o.ID)
			shown[j] = booklet.Option(o)
		}
		item, err := scoring.Compile(asked, q.Key)
		if err != nil {
			return nil, err
		}
		items[i] = item
		sources[i] = booklet.Source{Question: asked, Prompt: q.Prompt, Options: shown}
		index[q.ID] = i
	}
	b, err := booklet.New(booklet.Head{
		Title: v.Title, TimeLimit: v.TimeLimit, ShuffleQuestions: v.ShuffleQuestions, ShuffleOptions: v.ShuffleOptions,
	}, sources)
	if err != nil {
		return nil, err
	}
	return &version{
		id: v.ID, employer: v.EmployerID, assessment: v.AssessmentID, booklet: b,
		marking: &marking{paper: scoring.NewPaper(items), source: v, index: index},
	}, nil
}

// weight is about how many bytes of memory the version takes.
func (v *version) weight() int {
	n := v.booklet.Size()
	for _, q := range v.marking.source.Questions {
		n += 1024 + len(q.Prompt) + len(q.Explanation)
		for _, o := range q.Options {
			n += 96 + len(o.Text)
		}
		for _, text := range q.Key.Accepted {
			n += 3 * len(text) // as given and folded
		}
	}
	return n
}

// Bounds of the cache. One version is always kept, however large.
const (
	cacheVersions = 256
	cacheBytes    = 16 << 20
	loadLimit     = 10 * time.Second
)

// versionCache keeps the versions used last. They never change, so nothing is ever taken back.
type versionCache struct {
	source Versions
	flight singleflight.Group

	mu    sync.Mutex
	byID  map[uuid.UUID]*list.Element // of *cached
	used  *list.List                  // newest first
	bytes int
}

type cached struct {
	version *version
	weight  int
}

func newVersionCache(source Versions) *versionCache {
	return &versionCache{source: source, byID: map[uuid.UUID]*list.Element{}, used: list.New()}
}

// get gives a version, from memory if it can. Many callers who miss at once cause one load, which outlives the caller who
// began it.
func (c *versionCache) get(ctx context.Context, id uuid.UUID) (*version, error) {
	if v := c.find(id); v != nil {
		return v, nil
	}
	done := c.flight.DoChan(id.String(), func() (any, error) {
		if v := c.find(id); v != nil {
			return v, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadLimit)
		defer cancel()
		return c.load(ctx, id)
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-done:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*version), nil
	}
}

func (c *versionCache) find(id uuid.UUID) *version {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, found := c.byID[id]
	if !found {
		return nil
	}
	c.used.MoveToFront(e)
	return e.Value.(*cached).version
}

func (c *versionCache) load(ctx context.Context, id uuid.UUID) (*version, error) {
	source, err := c.source.Version(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read version %s: %w", id, err)
	}
	v, err := prepare(source)
	if err != nil {
		return nil, fmt.Errorf("prepare version %s: %w", id, err)
	}
	v.id = id
	c.keep(v)
	return v, nil
}

func (c *versionCache) keep(v *version) {
	c.mu.Lock()
	defer c.mu.Unlock()
	weight := v.weight()
	c.byID[v.id] = c.used.PushFront(&cached{version: v, weight: weight})
	c.bytes += weight
	for c.used.Len() > 1 && (c.used.Len() > cacheVersions || c.bytes > cacheBytes) {
		oldest := c.used.Remove(c.used.Back()).(*cached)
		delete(c.byID, oldest.version.id)
		c.bytes -= oldest.weight
	}
}
