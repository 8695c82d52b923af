package analysis

import (
	"maps"
	"slices"
	"time"

	"credlane/app/kit/exact"
)

// Bins is the number of bars of a histogram: 0 to under 10, 10 to under 20, ... 90 to 100, the last with both ends.
const Bins = 10

// Histogram counts scores by tens. The zero value is empty.
type Histogram [Bins]int

// Add counts one score; what lies outside 0..100 counts in the bar next to it.
func (h *Histogram) Add(score exact.Score) {
	h[max(0, min(Bins-1, int64(score)/int64(exact.FullScore/Bins)))]++
}

// maxSeconds bounds the different times that are told apart: no sitting lasts longer than 600 minutes and four times that.
const maxSeconds = 7 * 24 * 60 * 60

// Times finds the median of times spent, by counting whole seconds. The zero value is empty; its memory follows the
// number of different times, not of people.
type Times struct {
	n       int
	seconds map[int64]int
}

// Add counts one time, cut to whole seconds. Negative times count as 0, times over a week as a week.
func (t *Times) Add(spent time.Duration) {
	if t.seconds == nil {
		t.seconds = map[int64]int{}
	}
	t.n++
	t.seconds[max(0, min(maxSeconds, int64(spent/time.Second)))]++
}

// Median gives the middle time, or the mean of the two middle ones; false when nothing was added.
func (t *Times) Median() (time.Duration, bool) {
	if t.n == 0 {
		return 0, false
	}
	first, second := (t.n-1)/2, t.n/2
	low, passed := int64(-1), 0
	for _, s := range slices.Sorted(maps.Keys(t.seconds)) {
		passed += t.seconds[s]
		if low < 0 && passed > first {
			low = s
		}
		if passed > second {
			return time.Duration(low+s) * time.Second / 2, true
		}
	}
	return 0, false
}
