// Package analysis computes classical item statistics over one pass of submissions, in memory that does not follow them.
//
// Statistics are float64: they describe scores and never become one. Sums of earned points are integers all the same, so
// that items that never vary have a variance of exactly zero and every undefined figure is nil, never NaN or infinite.
//
// Formulas: Lord and Novick (1968), Statistical Theories of Mental Test Scores; coefficient alpha by Cronbach (1951);
// KR-20 by Kuder and Richardson (1937); the 27 per cent groups by Kelley (1939).
package analysis

import (
	"math"

	"credlane/app/kit/exact"
)

// Flag marks a question that somebody should look at.
type Flag string

// The flags.
const (
	NegativeDiscrimination Flag = "negative_discrimination" // item-rest correlation under 0: often a wrong key
	LowDiscrimination      Flag = "low_discrimination"      // item-rest correlation from 0 to under 0.10
	TooEasy                Flag = "too_easy"                // over 95 per cent of its points earned
	TooHard                Flag = "too_hard"                // under 10 per cent of its points earned
)

// Where the flags begin. An item-rest correlation under 0.10 means that the question hardly ranks people as the rest of
// the test does; the difficulty limits are the outer bands that learning platforms print as extremely easy and very hard.
const (
	lowDiscrimination = 0.10
	tooEasy           = 0.95
	tooHard           = 0.10
)

// Report is the analysis of one version. A nil figure is undefined for these data: nobody, one person, no variance.
// Questions of 0 points have item figures but take no part in alpha, KR-20 and SEM.
type Report struct {
	N     int
	Mean  *float64 // points
	SD    *float64 // points; of the sample (n-1)
	Alpha *float64 // raw coefficient alpha from sample covariances
	KR20  *float64 // only when every item was right or wrong and all have equal points
	SEM   *float64 // standard error of measurement in points: SD x sqrt(1 - alpha)
	Items []Item
}

// Item is the analysis of one question, in the order of the questions given to New.
type Item struct {
	Difficulty     *float64 // p: mean share of the question's points earned, 0..1
	ItemTotal      *float64 // correlation with the total score
	ItemRest       *float64 // correlation with the total score without this item (point-biserial when right or wrong)
	AlphaIfDeleted *float64
	D27            *float64 // share earned by the upper 27 per cent minus that by the lower, -1..1
	Flags          []Flag
}

// moments are the running moments of one item's credit x and of the rest score y (the total without the item).
// Welford's updates keep their digits however many rows come.
type moments struct {
	earned       int64 // sum of credit in units: the difficulty is exact, so that 0.95 is not over 0.95
	meanX, meanY float64
	sumXX        float64 // of squared deviations
	sumYY        float64
	sumXY        float64 // of products of deviations
	graded       bool    // some credit was neither none nor full
}

func (m *moments) add(n, x, y float64) {
	dx, dy := x-m.meanX, y-m.meanY
	m.meanX += dx / n
	m.meanY += dy / n
	m.sumXX += dx * (x - m.meanX)
	m.sumYY += dy * (y - m.meanY)
	m.sumXY += dx * (y - m.meanY)
}

// Accumulator takes one row a person. It is not safe for use by several goroutines.
type Accumulator struct {
	points []int64 // thousandths of a point
	n      int
	items  []moments
	mean   float64 // of the total, in points
	sumSq  float64 // of the total's squared deviations
	groups groups
	earned []int64 // scratch: credits of the row at hand, in units
}

// pointUnit is one point in the integers that rows are summed in: thousandths times the units of credit. A test of 200
// questions of 1,000 points reaches 5e16, far from overflow.
const pointUnit = 1000 * exact.Unit

// New makes an accumulator for questions of these points, in their order.
func New(points []exact.Points) *Accumulator {
	a := &Accumulator{
		points: make([]int64, len(points)),
		items:  make([]moments, len(points)),
		earned: make([]int64, len(points)),
	}
	var possible int64
	for i, p := range points {
		a.points[i] = int64(max(p, 0))
		possible += a.points[i]
	}
	a.groups = newGroups(len(points), possible*exact.Unit)
	return a
}

// Add takes the credits one person earned, in the order of the questions; what is missing at the end earned nothing.
// The slice may be used again by the caller.
func (a *Accumulator) Add(credits []exact.Fraction) {
	a.n++
	var total int64
	for i := range a.items {
		a.earned[i] = 0
		if i < len(credits) {
			a.earned[i] = credits[i].Units()
		}
		total += a.earned[i] * a.points[i]
	}
	n := float64(a.n)
	t := float64(total) / pointUnit
	d := t - a.mean
	a.mean += d / n
	a.sumSq += d * (t - a.mean)
	for i, units := range a.earned {
		m := &a.items[i]
		m.earned += units
		m.graded = m.graded || (units != 0 && units != exact.Unit)
		// The rest is subtracted as an integer: a rest that never varies comes out as the same float each time.
		m.add(n, float64(units)/exact.Unit, float64(total-units*a.points[i])/pointUnit)
	}
	a.groups.add(total, a.earned)
}

// Report computes the figures of what was added so far.
func (a *Accumulator) Report() Report {
	scored, squares := a.scored(), a.itemSquares() // once: each goes through all items
	r := Report{N: a.n, Items: make([]Item, len(a.items))}
	if a.n > 0 {
		r.Mean = finite(a.meanPoints())
	}
	if a.n >= 2 {
		r.SD = finite(math.Sqrt(a.sumSq / float64(a.n-1)))
		r.Alpha = alpha(scored, squares, a.sumSq)
		r.KR20 = a.kr20(scored)
	}
	if r.Alpha != nil {
		r.SEM = finite(*r.SD * math.Sqrt(max(0, 1-*r.Alpha)))
	}
	upper, lower := a.groups.tails()
	for i := range r.Items {
		r.Items[i] = a.item(i, scored, squares)
		if a.n >= 2 && a.sumSq > 0 {
			r.Items[i].D27 = finite(upper[i] - lower[i])
		}
	}
	return r
}

// item has the figures of one item, of so many that are scored and with the sum of all their squared deviations.
func (a *Accumulator) item(i, scored int, squares float64) Item {
	m, points := a.items[i], a.weight(i)
	it := Item{Flags: []Flag{}}
	if a.n == 0 {
		return it
	}
	it.Difficulty = finite(a.difficulty(i))
	if a.n < 2 {
		return it
	}
	// total = rest + points x credit, so its products with credit follow from the rest's.
	it.ItemTotal = correlation(m.sumXY+points*m.sumXX, m.sumXX, a.sumSq)
	it.ItemRest = correlation(m.sumXY, m.sumXX, m.sumYY)
	if a.points[i] > 0 {
		it.AlphaIfDeleted = alpha(scored-1, squares-points*points*m.sumXX, m.sumYY)
	}
	it.Flags = flags(it)
	return it
}

func flags(it Item) []Flag {
	found := []Flag{}
	if it.ItemRest != nil {
		switch {
		case *it.ItemRest < 0:
			found = append(found, NegativeDiscrimination)
		case *it.ItemRest < lowDiscrimination:
			found = append(found, LowDiscrimination)
		}
	}
	switch {
	case *it.Difficulty > tooEasy:
		found = append(found, TooEasy)
	case *it.Difficulty < tooHard:
		found = append(found, TooHard)
	}
	return found
}

// weight is an item's points, not thousandths.
func (a *Accumulator) weight(i int) float64 { return float64(a.points[i]) / 1000 }

// difficulty is the mean share of credit.
func (a *Accumulator) difficulty(i int) float64 {
	return float64(a.items[i].earned) / (exact.Unit * float64(a.n))
}

// meanPoints is the mean total.
func (a *Accumulator) meanPoints() float64 {
	var sum float64
	for i := range a.items {
		sum += a.weight(i) * a.difficulty(i)
	}
	return sum
}

// scored counts the items that can add to the total.
func (a *Accumulator) scored() int {
	count := 0
	for _, p := range a.points {
		if p > 0 {
			count++
		}
	}
	return count
}

// itemSquares sums the items' squared deviations, in points.
func (a *Accumulator) itemSquares() float64 {
	var sum float64
	for i, m := range a.items {
		sum += a.weight(i) * a.weight(i) * m.sumXX
	}
	return sum
}

// alpha is k/(k-1) x (1 - sum of item variances / total variance). Both variances may come as sums of squares: their
// common divisor cancels out.
func alpha(k int, items, total float64) *float64 {
	if k < 2 || total <= 0 {
		return nil
	}
	return finite(float64(k) / float64(k-1) * (1 - items/total))
}

// kr20 is k/(k-1) x (1 - sum of p(1-p) / population variance of the number right).
func (a *Accumulator) kr20(k int) *float64 {
	if k < 2 || a.sumSq <= 0 {
		return nil
	}
	var points, sum float64
	for i, m := range a.items {
		switch {
		case a.points[i] == 0:
			continue
		case m.graded || (points != 0 && points != a.weight(i)):
			return nil
		}
		points = a.weight(i)
		p := a.difficulty(i)
		sum += p * (1 - p)
	}
	variance := a.sumSq / float64(a.n) / (points * points)
	return finite(float64(k) / float64(k-1) * (1 - sum/variance))
}

// noise is what rounding leaves of a correlation of zero; its sign would flag a sound question as one with a wrong key.
const noise = 1e-12

// correlation is nil when one of the two never varies.
func correlation(xy, xx, yy float64) *float64 {
	if xx <= 0 || yy <= 0 {
		return nil
	}
	r := xy / (math.Sqrt(xx) * math.Sqrt(yy))
	if math.Abs(r) < noise {
		r = 0
	}
	return finite(max(-1, min(1, r)))
}

// finite is the last gate: what is not a number does not leave the package.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}
