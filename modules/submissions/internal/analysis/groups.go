package analysis

import (
	"maps"
	"slices"

	"credlane/app/kit/exact"
)

// tail is the share of people in the upper and in the lower group: Kelley's 27 per cent.
const tail = 0.27

// maxTotals bounds the different totals that are told apart: with 200 questions about 3 MiB. Beyond it, totals in the same
// thousandth of the possible points count as equal. With more questions it is fewer totals, and coarser steps, so that the sums
// never take more than maxSums of 8 bytes.
const (
	maxTotals = 2_048
	maxSums   = 1 << 22
	fewest    = 64
)

// groups sums the credits by total score, so that the upper and lower groups can be cut when all rows are in.
type groups struct {
	width  int
	step   int64 // totals are divided by it; 1 as long as they are told apart exactly
	widest int64 // the step once there are too many totals
	most   int   // how many totals are told apart
	n      int64
	totals map[int64]*group
}

type group struct {
	n      int64
	earned []int64 // by question, in units of credit
}

func newGroups(width int, possible int64) groups {
	most := max(fewest, min(maxTotals, maxSums/max(1, width)))
	coarse := min(1_000, int64(most/2))
	return groups{width: width, step: 1, widest: max(1, possible/coarse), most: most, totals: map[int64]*group{}}
}

func (g *groups) add(total int64, earned []int64) {
	g.n++
	at := g.at(total / g.step)
	at.n++
	for i, units := range earned {
		at.earned[i] += units
	}
	if len(g.totals) > g.most && g.step == 1 {
		g.merge()
	}
}

func (g *groups) at(key int64) *group {
	found := g.totals[key]
	if found == nil {
		found = &group{earned: make([]int64, g.width)}
		g.totals[key] = found
	}
	return found
}

func (g *groups) merge() {
	fine := g.totals
	g.step, g.totals = g.widest, map[int64]*group{}
	for key, from := range fine {
		to := g.at(key / g.step)
		to.n += from.n
		for i, units := range from.earned {
			to.earned[i] += units
		}
	}
}

// tails gives the share of credit earned, by question, in the upper and in the lower group. A group is exactly 27 per
// cent of all people: those who share the score at its border belong to it by the fraction that fills it, so that the
// result does not hang on the order of equals.
func (g *groups) tails() (upper, lower []float64) {
	keys := slices.Sorted(maps.Keys(g.totals))
	lower = g.fill(keys)
	slices.Reverse(keys)
	return g.fill(keys), lower
}

func (g *groups) fill(keys []int64) []float64 {
	size := tail * float64(g.n)
	left := size
	shares := make([]float64, g.width)
	for _, key := range keys {
		at := g.totals[key]
		weight := min(1, left/float64(at.n))
		for i, units := range at.earned {
			shares[i] += weight * float64(units) / exact.Unit / size
		}
		if left -= weight * float64(at.n); left <= 0 {
			break
		}
	}
	return shares
}
