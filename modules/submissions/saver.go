package submissions

import (
	"context"
	"slices"
	"sync"
	"time"

	"credlane/app/kit/pg"
)

const (
	saveStatements = 2                // of one instance under way at once, when more saves come than the database takes one by one
	saveBatch      = 64               // saves in one statement
	saveWaiting    = 4096             // saves that wait for theirs; what comes beyond goes its own way
	saveLimit      = 10 * time.Second // of one statement for several, the wait for a connection included
)

// saver brings the saves that arrive while others are on their way to the database there in one statement and one commit: when
// a whole class types, most of what a save costs is the commit. A save that meets no crowd goes at once, by itself.
//
// No save can harm another. One whose submission somebody holds, or that is refused, is passed over by the statement and goes
// by itself, and so does each one of a statement that fails. Nobody is answered before their own row is committed.
type saver struct {
	db    *pg.DB
	limit time.Duration // of one statement for several

	mu      sync.Mutex
	running int // never more than saveStatements
	waiting []*queued
}

// queued is a save in the line.
type queued struct {
	asked
	done chan kept // open is false when it has to go by itself
}

func newSaver(db *pg.DB) *saver { return &saver{db: db, limit: saveLimit} }

// save keeps one answer. The errors are those of the constraints.
func (s *saver) save(ctx context.Context, a asked) (kept, error) {
	s.mu.Lock()
	switch {
	case s.running < saveStatements:
		s.running++
		s.mu.Unlock()
		defer s.next()
	case len(s.waiting) < saveWaiting:
		q := &queued{asked: a, done: make(chan kept, 1)}
		s.waiting = append(s.waiting, q)
		s.mu.Unlock()
		select {
		case o := <-q.done:
			if o.open {
				return o, nil
			}
		case <-ctx.Done():
			return kept{}, ctx.Err() // the save may still be kept: who asks again learns it
		}
	default:
		s.mu.Unlock()
	}
	return saveOne(ctx, s.db, a)
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
	s.waiting = left
	return batch
}

// deliver makes the saves of a batch and tells each what came of it.
func (s *saver) deliver(batch []*queued) {
	slices.SortFunc(batch, func(a, b *queued) int { return inOrder(a.asked, b.asked) })
	list := make([]asked, len(batch))
	for i, q := range batch {
		list[i] = q.asked
	}
	// Not the requests' own contexts: a candidate who leaves must not take others' answers along.
	ctx, cancel := context.WithTimeout(context.Background(), s.limit)
	defer cancel()
	came, err := saveRows(ctx, s.db, sqlSaveFree, list)
	for i, q := range batch {
		if err != nil {
			q.done <- kept{} // its own way shows whose fault it is
			continue
		}
		q.done <- came[i]
	}
}
