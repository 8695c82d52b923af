package submissions

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"credlane/modules/submissions/internal/scoring"
)

// shelf lends any number of versions and counts how often it is asked.
type shelf struct {
	mu     sync.Mutex
	loads  map[uuid.UUID]int
	prompt string
	gate   chan struct{} // nil: always open
	fail   error
	asked  atomic.Int32
}

func (s *shelf) Version(ctx context.Context, id uuid.UUID) (Version, error) {
	s.asked.Add(1)
	if s.gate != nil {
		<-s.gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads[id]++
	v := paperOfFive()
	v.ID = id
	v.Questions[0].Prompt += s.prompt
	return v, errors.Join(s.fail, ctx.Err())
}

func TestTheVersionsUsedLastAreKept(t *testing.T) {
	t.Parallel()
	s := &shelf{loads: map[uuid.UUID]int{}}
	c := newVersionCache(s)
	for i := range cacheVersions + 10 {
		for _, id := range []uuid.UUID{fixed(9, i), fixed(9, 0)} { // the first one stays in use
			if v, err := c.get(t.Context(), id); err != nil || v.id != id {
				t.Fatal(v, err)
			}
		}
	}
	if n := c.used.Len(); n != cacheVersions || len(c.byID) != n {
		t.Errorf("%d versions are kept, %d are indexed", n, len(c.byID))
	}
	if s.loads[fixed(9, 0)] != 1 {
		t.Errorf("the one in use was read %d times", s.loads[fixed(9, 0)])
	}
	if _, err := c.get(t.Context(), fixed(9, 1)); err != nil || s.loads[fixed(9, 1)] != 2 {
		t.Errorf("the one not used for long was read %d times, %v", s.loads[fixed(9, 1)], err)
	}
}

func TestTheCacheIsBoundedInBytesButKeepsOneHoweverLarge(t *testing.T) {
	t.Parallel()
	s := &shelf{loads: map[uuid.UUID]int{}, prompt: string(make([]byte, cacheBytes/16))}
	c := newVersionCache(s)
	for i := range 30 {
		if _, err := c.get(t.Context(), fixed(9, i)); err != nil {
			t.Fatal(err)
		}
	}
	if c.bytes > cacheBytes || c.used.Len() < 2 {
		t.Errorf("%d versions of %d bytes are kept", c.used.Len(), c.bytes)
	}
	s.prompt = string(make([]byte, cacheBytes))
	for range 2 {
		if _, err := c.get(t.Context(), fixed(9, 77)); err != nil {
			t.Fatal(err)
		}
	}
	if c.used.Len() != 1 || s.loads[fixed(9, 77)] != 1 {
		t.Errorf("%d are kept, the large one was read %d times", c.used.Len(), s.loads[fixed(9, 77)])
	}
}

func TestManyWhoMissAtOnceReadOnceAndTheFirstMayLeave(t *testing.T) {
	t.Parallel()
	s := &shelf{loads: map[uuid.UUID]int{}, gate: make(chan struct{})}
	c := newVersionCache(s)
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() { _, err := c.get(ctx, fixed(9, 1)); left <- err }()
	for s.asked.Load() == 0 {
		runtime.Gosched()
	}
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("who left got %v", err)
	}
	var done sync.WaitGroup
	for range 20 {
		done.Go(func() {
			if _, err := c.get(t.Context(), fixed(9, 1)); err != nil {
				t.Error(err)
			}
		})
	}
	close(s.gate)
	done.Wait()
	if s.loads[fixed(9, 1)] != 1 {
		t.Errorf("it was read %d times", s.loads[fixed(9, 1)])
	}
}

func TestAVersionThatCannotBeReadIsNotKept(t *testing.T) {
	t.Parallel()
	s := &shelf{loads: map[uuid.UUID]int{}, fail: errors.New("away")}
	c := newVersionCache(s)
	if _, err := c.get(t.Context(), fixed(9, 1)); !errors.Is(err, s.fail) {
		t.Errorf("got %v", err)
	}
	s.fail = nil
	if _, err := c.get(t.Context(), fixed(9, 1)); err != nil {
		t.Error(err)
	}
}

func BenchmarkVersionFromMemory(b *testing.B) {
	c := newVersionCache(&shelf{loads: map[uuid.UUID]int{}})
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.get(b.Context(), fixed(9, 1)); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkScoreFiveAnswers(b *testing.B) {
	v, err := prepare(paperOfFive())
	if err != nil {
		b.Fatal(err)
	}
	marked := make([]scoring.Given, len(rightAnswers))
	for i, answer := range rightAnswers {
		marked[i] = scoring.Given{QuestionID: fixed(4, i+1), Answer: json.RawMessage(answer)}
	}
	b.ReportAllocs()
	for b.Loop() {
		if r := v.marking.paper.Score(marked); r.Score != 100_00 {
			b.Fatal(r.Score)
		}
	}
}
