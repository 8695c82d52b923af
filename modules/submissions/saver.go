package submissions

import (
	"context"
	"slices"
	"sync"
	"time"

	"credlane/app/kit/pg"
)

const (
	saveBatch    = 64                     // saves in one statement
	saveWaiting  = 4096                   // saves that wait for theirs; what comes beyond goes its own way
	saveLimit    = 10 * time.Second       // of one statement for several, the wait for a connection included
	savePatience = 100 * time.Millisecond // with a statement under way; then another one begins beside it
	saveBeside   = 4                      // statements at once, at the most
)

// saver brings the saves that arrive while others are on their way to the database there in one statement and one commit: when
// a whole class types, most of what a save costs is the commit. A save that meets no crowd goes at once. One statement is under
// way at a time (two cost a fifth more processor time for each request of an exam, measured), unless it stalls.
//
// No save can harm another. One whose submission somebody holds, or that is refused, is passed over by the statement and goes
// by itself, and so does each one of a statement that fails. Nobody is answered before their own row is committed.
type saver struct {
	db       *pg.DB
	limit    time.Duration // of one statement for several
	patience time.Duration

	mu      sync.Mutex
	running int       // never more than saveBeside
	began   time.Time // when the latest statement did
	waiting []*queued
}

// queued is a save in the line.
type queued struct {
	asked
	done chan kept // open is false when it has to go by itself

	gone  bool   // nobody waits for it
	group *group // of its statement, once that is under way
}

// group is who waits for one statement.
type group struct {
	here int
	end  context.CancelFunc
}

func (g *group) leave() {
	if g.here--; g.here <= 0 {
		g.end()
	}
}

func newSaver(db *pg.DB) *saver { return &saver{db: db, limit: saveLimit, patience: savePatience} }

// save keeps one answer. The errors are those of the constraints.
func (s *saver) save(ctx context.Context, a asked) (kept, error) {
	s.mu.Lock()
	now := time.Now()
	switch {
	case s.running == 0, s.running < saveBeside && now.Sub(s.began) > s.patience:
		s.running++
		s.began = now
		s.mu.Unlock()
		if k, err := s.first(ctx, a); err != nil || k.open {
			return k, err
		}
	case len(s.waiting) < saveWaiting:
		q := &queued{asked: a, done: make(chan kept, 1)}
		s.waiting = append(s.waiting, q)
		s.mu.Unlock()
		select {
		case k := <-q.done:
			if k.open {
				return k, nil
			}
		case <-ctx.Done():
			s.leave(q)
			return kept{}, ctx.Err() // the save may still be kept: who asks again learns it
		}
	default:
		s.mu.Unlock()
	}
	return saveOne(ctx, s.db, sqlSave, a)
}

// first makes a save that met no crowd. It holds a place that others may wait for, so it waits for no submission either.
func (s *saver) first(ctx context.Context, a asked) (kept, error) {
	defer s.next()
	return saveOne(ctx, s.db, sqlSaveFree, a)
}

// leave notes that nobody waits for a save any more. The last one who leaves a statement ends it, or one that hangs would hold
// up the program's end.
func (s *saver) leave(q *queued) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q.gone = true
	if q.group != nil {
		q.group.leave()
	}
}

// next gives a place that has come free to those who wait, or back.
func (s *saver) next() {
	if batch := s.take(); batch != nil {
		go func() {
			for ; batch != nil; batch = s.take() {
				s.deliver(batch)
			}
		}()
	}
}

// take removes the next saves from the line; nil when nobody waits, and then the place is given back. Of two saves of one
// answer the later one stays for the next statement.
func (s *saver) take() []*queued {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) == 0 {
		s.running--
		return nil
	}
	batch, rows := make([]*queued, 0, min(saveBatch, len(s.waiting))), make(map[row]struct{}, saveBatch)
	left := s.waiting[:0]
	for _, q := range s.waiting {
		if _, twice := rows[q.row()]; twice || len(batch) == saveBatch {
			left = append(left, q)
			continue
		}
		rows[q.row()] = struct{}{}
		batch = append(batch, q)
	}
	clear(s.waiting[len(left):])
	s.waiting, s.began = left, time.Now()
	return batch
}

// gather makes those who wait for a batch one group.
func (s *saver) gather(batch []*queued, end context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := &group{here: len(batch), end: end}
	for _, q := range batch {
		q.group = g
		if q.gone {
			g.leave()
		}
	}
}

// deliver makes the saves of a batch and tells each what came of it.
func (s *saver) deliver(batch []*queued) {
	slices.SortFunc(batch, func(a, b *queued) int { return inOrder(a.asked, b.asked) })
	list := make([]asked, len(batch))
	for i, q := range batch {
		list[i] = q.asked
	}
	// Not one request's own context: a candidate who leaves must not take others' answers along.
	ctx, cancel := context.WithTimeout(context.Background(), s.limit)
	defer cancel()
	s.gather(batch, cancel)
	came, err := saveRows(ctx, s.db, sqlSaveFree, list)
	for i, q := range batch {
		if err != nil {
			q.done <- kept{} // its own way shows whose fault it is
			continue
		}
		q.done <- came[i]
	}
}
