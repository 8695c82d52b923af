package analysis_test

import (
	"math"
	"runtime"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"credlane/app/kit/exact"
	"credlane/modules/submissions/internal/analysis"
)

// guttman is a made-up test: person i solves the items up to i, so that every item ranks as the total does.
func guttman(people, items int) [][]int {
	rows := make([][]int, people)
	for i := range rows {
		rows[i] = make([]int, items)
		for j := range rows[i] {
			if j < i*(items+1)/people {
				rows[i][j] = 1
			}
		}
	}
	return rows
}

func TestAnItemThatTheBestGetWrongIsFlagged(t *testing.T) {
	t.Parallel()
	rows := guttman(100, 10)
	for i := range rows {
		rows[i][4] = 1 - rows[i][4] // as a wrong key would do
	}
	r := analyse(rows, 10, 1000)
	for i, it := range r.Items {
		if got := slices.Contains(it.Flags, analysis.NegativeDiscrimination); got != (i == 4) {
			t.Errorf("item %d: item-rest %v, flags %v", i+1, show(it.ItemRest), it.Flags)
		}
	}
	if d := r.Items[4].D27; d == nil || *d >= 0 {
		t.Errorf("its D is %v", show(d))
	}
	if deleted := r.Items[4].AlphaIfDeleted; deleted == nil || *deleted <= *r.Alpha {
		t.Errorf("without it alpha is %v, with it %v", show(deleted), show(r.Alpha))
	}
}

func TestItemsOfTheOuterDifficultiesAreFlagged(t *testing.T) {
	t.Parallel()
	rows := guttman(100, 2)
	for i := range rows {
		rows[i] = []int{0, 1, rows[i][0], rows[i][1]}
	}
	rows[99][0] = 1
	r := analyse(rows, 4, 1000)
	for i, want := range []analysis.Flag{analysis.TooHard, analysis.TooEasy} {
		if !slices.Contains(r.Items[i].Flags, want) {
			t.Errorf("item %d: p %v, flags %v", i+1, show(r.Items[i].Difficulty), r.Items[i].Flags)
		}
	}
}

// figures lists everything that may be undefined.
func figures(r analysis.Report) []*float64 {
	all := []*float64{r.Mean, r.SD, r.Alpha, r.KR20, r.SEM}
	for _, it := range r.Items {
		all = append(all, it.Difficulty, it.ItemTotal, it.ItemRest, it.AlphaIfDeleted, it.D27)
	}
	return all
}

func TestUndefinedFiguresAreNil(t *testing.T) {
	t.Parallel()
	if r := analyse(nil, 3, 1000); r.N != 0 || slices.ContainsFunc(figures(r), func(v *float64) bool { return v != nil }) {
		t.Errorf("nobody: %+v", r)
	}
	one := analyse([][]int{{1, 0, 1}}, 3, 1000)
	if *one.Mean != 2 || *one.Items[0].Difficulty != 1 || one.SD != nil || one.Alpha != nil || one.Items[0].D27 != nil {
		t.Errorf("one person: %+v", one)
	}
	if len(one.Items[1].Flags) != 0 {
		t.Errorf("one person flagged an item: %v", one.Items[1].Flags)
	}
	single := analyse([][]int{{1}, {0}, {1}}, 1, 1000)
	if single.Alpha != nil || single.KR20 != nil || single.SEM != nil || single.Items[0].ItemRest != nil || *single.Items[0].ItemTotal != 1 {
		t.Errorf("one item: %+v", single.Items[0])
	}
	same := analyse([][]int{{1, 0}, {1, 0}, {1, 0}}, 2, 1000)
	if *same.SD != 0 || same.Alpha != nil || same.Items[0].ItemTotal != nil || same.Items[0].D27 != nil {
		t.Errorf("all alike: %+v", same)
	}
	two := analyse([][]int{{1, 0}, {1, 1}, {0, 0}}, 2, 1000)
	if two.Alpha == nil || two.Items[0].AlphaIfDeleted != nil {
		t.Errorf("two items: alpha %v, without one %v", show(two.Alpha), show(two.Items[0].AlphaIfDeleted))
	}
	if r := analyse(nil, 0, 0); len(r.Items) != 0 {
		t.Errorf("no items: %+v", r)
	}
}

func TestAConstantItemHasNoCorrelationEvenWithThirds(t *testing.T) {
	t.Parallel()
	a := analysis.New([]exact.Points{333, 1000, 1000})
	for i := range 30 {
		a.Add([]exact.Fraction{{Num: 1, Den: 3}, {Num: int64(i % 2), Den: 1}, {Num: 2, Den: 3}})
	}
	r := a.Report()
	if r.Items[0].ItemTotal != nil || r.Items[0].ItemRest != nil || r.Items[2].ItemRest != nil {
		t.Errorf("a constant item correlates: %v %v", show(r.Items[0].ItemTotal), show(r.Items[2].ItemRest))
	}
	if r.Items[1].ItemRest != nil || r.Items[1].ItemTotal == nil {
		t.Errorf("the only varying item correlates %v with a constant rest", show(r.Items[1].ItemRest))
	}
	if r.KR20 != nil {
		t.Error("KR-20 of items with part credit")
	}
}

func TestWhatRoundingLeavesOfNoCorrelationFlagsNobody(t *testing.T) {
	t.Parallel()
	a := analysis.New([]exact.Points{exact.WholePoints(1), exact.WholePoints(1)})
	for i := range 12 { // every third misses the first, every fourth gets the second: independent of each other
		row := []exact.Fraction{exact.Everything(), exact.Nothing()}
		if i%3 == 0 {
			row[0] = exact.Nothing()
		}
		if i%4 == 0 {
			row[1] = exact.Everything()
		}
		a.Add(row)
	}
	for i, it := range a.Report().Items {
		if *it.ItemRest != 0 || slices.Contains(it.Flags, analysis.NegativeDiscrimination) {
			t.Errorf("item %d correlates by %g and is flagged %v", i, *it.ItemRest, it.Flags)
		}
	}
}

func TestAnItemWithoutPointsTakesNoPartInAlpha(t *testing.T) {
	t.Parallel()
	with, without := analysis.New([]exact.Points{1000, 1000, 0, 1000}), analysis.New([]exact.Points{1000, 1000, 1000})
	for _, row := range guttman(40, 4) {
		c := make([]exact.Fraction, 4)
		for i, x := range row {
			c[i] = exact.Fraction{Num: int64(x), Den: 1}
		}
		with.Add(c)
		without.Add([]exact.Fraction{c[0], c[1], c[3]})
	}
	a, b := with.Report(), without.Report()
	if *a.Alpha != *b.Alpha || *a.KR20 != *b.KR20 || *a.SEM != *b.SEM {
		t.Errorf("alpha %v with it, %v without", *a.Alpha, *b.Alpha)
	}
	if it := a.Items[2]; it.AlphaIfDeleted != nil || it.ItemRest == nil || *it.Difficulty != 0.4 {
		t.Errorf("the item itself: %+v", it)
	}
}

func TestPointsScaleMeansAndNothingElse(t *testing.T) {
	t.Parallel()
	rows := guttman(60, 6)
	for i := range rows {
		rows[i][i%6] = 1 - rows[i][i%6]
	}
	single, triple := analyse(rows, 6, 1000), analyse(rows, 6, 3000)
	near(t, "mean", triple.Mean, 3**single.Mean)
	near(t, "sd", triple.SD, 3**single.SD)
	near(t, "alpha", triple.Alpha, *single.Alpha)
	near(t, "KR-20", triple.KR20, *single.KR20)
	near(t, "alpha", single.Alpha, *single.KR20)
	for i := range single.Items {
		near(t, "item-rest", triple.Items[i].ItemRest, *single.Items[i].ItemRest)
		near(t, "D27", triple.Items[i].D27, *single.Items[i].D27)
	}
}

// plainFigures computes mean, alpha and the item-rest correlations the long way, from whole columns.
func plainFigures(points []exact.Points, rows [][]exact.Fraction) (alpha float64, rest []float64) {
	k, n := len(points), float64(len(rows))
	columns, totals := make([][]float64, k), make([]float64, len(rows))
	for j := range columns {
		columns[j] = make([]float64, len(rows))
		for i, row := range rows {
			columns[j][i] = float64(points[j]) / 1000 * float64(row[j].Num) / float64(row[j].Den)
			totals[i] += columns[j][i]
		}
	}
	covariance := func(x, y []float64) float64 {
		var mx, my, sum float64
		for i := range x {
			mx, my = mx+x[i]/n, my+y[i]/n
		}
		for i := range x {
			sum += (x[i] - mx) * (y[i] - my)
		}
		return sum / (n - 1)
	}
	var items float64
	for _, c := range columns {
		items += covariance(c, c)
		others := make([]float64, len(rows))
		for i := range others {
			others[i] = totals[i] - c[i]
		}
		rest = append(rest, covariance(c, others)/math.Sqrt(covariance(c, c)*covariance(others, others)))
	}
	return float64(k) / float64(k-1) * (1 - items/covariance(totals, totals)), rest
}

func TestTheOnePassAgreesWithTheLongWayAndWithAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		k, n := rapid.IntRange(1, 6).Draw(t, "items"), rapid.IntRange(0, 25).Draw(t, "people")
		points := make([]exact.Points, k)
		for i := range points {
			points[i] = exact.Points(rapid.IntRange(0, 5000).Draw(t, "points"))
		}
		rows := make([][]exact.Fraction, n)
		for i := range rows {
			for range k {
				den := rapid.Int64Range(1, 4).Draw(t, "den")
				rows[i] = append(rows[i], exact.Fraction{Num: rapid.Int64Range(0, den).Draw(t, "num"), Den: den})
			}
		}
		report := func(rows [][]exact.Fraction) analysis.Report {
			a := analysis.New(points)
			for _, row := range rows {
				a.Add(row)
			}
			return a.Report()
		}
		r := report(rows)
		shuffled := figures(report(rapid.Permutation(rows).Draw(t, "order")))
		for i, v := range figures(r) {
			if (v == nil) != (shuffled[i] == nil) || v != nil && !(math.Abs(*v-*shuffled[i]) < 1e-9*(1+math.Abs(*v))) {
				t.Fatalf("figure %d is %v in one order, %v in another", i, show(v), show(shuffled[i]))
			}
			if v != nil && (math.IsNaN(*v) || math.IsInf(*v, 0)) {
				t.Fatalf("figure %d is %v", i, *v)
			}
		}
		for _, it := range r.Items {
			for _, v := range []*float64{it.ItemRest, it.ItemTotal, it.D27} {
				if v != nil && (*v < -1-1e-12 || *v > 1+1e-12) {
					t.Fatalf("a correlation or D of %v", *v)
				}
			}
		}
		if r.Alpha == nil || slices.Contains(points, 0) {
			return
		}
		alpha, rest := plainFigures(points, rows)
		if math.Abs(alpha-*r.Alpha) > 1e-6*(1+math.Abs(alpha)) {
			t.Fatalf("alpha %v, the long way %v", *r.Alpha, alpha)
		}
		for i, it := range r.Items {
			if it.ItemRest != nil && math.Abs(*it.ItemRest-rest[i]) > 1e-6 {
				t.Fatalf("item-rest %v, the long way %v", *it.ItemRest, rest[i])
			}
		}
	})
}

func TestThousandsOfDifferentTotalsKeepTheGroupsRight(t *testing.T) {
	t.Parallel()
	// Two items with so fine points that nearly every person has a total of their own; a third of them share one.
	a := analysis.New([]exact.Points{999_983, 1_000})
	const people = 9_000
	for i := range people {
		a.Add([]exact.Fraction{{Num: int64(max(i, people/3)), Den: people}, {Num: 1, Den: 1}})
	}
	r := a.Report()
	// The upper group earns 1 - 0.135 of the first item, the lower one third, up to the width of a merged total.
	if d := r.Items[0].D27; d == nil || math.Abs(*d-(0.865-1.0/3)) > 0.002 {
		t.Errorf("D is %v, want 0.532", show(d))
	}
	if d := r.Items[1].D27; d == nil || math.Abs(*d) > 1e-9 {
		t.Errorf("D of an item that all solve is %v", show(d))
	}
}

// fill gives one person's credits: the first questions are right, the others wrong.
func fill(row []exact.Fraction, right int) {
	for i := range row {
		row[i] = exact.Nothing()
		if i < right {
			row[i] = exact.Everything()
		}
	}
}

func TestAVeryLongTestTakesBoundedMemory(t *testing.T) {
	const questions, people = 20_000, 600
	a, row := analysis.New(slices.Repeat([]exact.Points{1000}, questions)), make([]exact.Fraction, questions)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for person := range people {
		fill(row, person)
		a.Add(row)
	}
	runtime.ReadMemStats(&after)
	if taken := (after.TotalAlloc - before.TotalAlloc) >> 20; taken > 64 {
		t.Errorf("The sums of %d people took %d MiB.", people, taken)
	}
	for i, item := range a.Report().Items {
		if item.D27 == nil || *item.D27 < 0 {
			t.Fatalf("Question %d: %v between those who got much right and those who got little.", i, show(item.D27))
		}
	}
}

func TestTheReportGrowsNoFasterThanTheTest(t *testing.T) {
	const short, long = 2_000, 32_000
	quickest := func(questions int) time.Duration {
		a, row := analysis.New(slices.Repeat([]exact.Points{1000}, questions)), make([]exact.Fraction, questions)
		for person := range 12 {
			fill(row, 10*person)
			a.Add(row)
		}
		best := time.Duration(math.MaxInt64)
		for range 5 {
			began := time.Now()
			a.Report()
			best = min(best, time.Since(began))
		}
		return best
	}
	// In proportion it is 16 times as long, with the square of the questions 256 times.
	if one, other := quickest(short), quickest(long); other > 80*one {
		t.Errorf("%d questions take %v, %d take %v.", short, one, long, other)
	}
}

func TestAScoreFallsIntoItsBar(t *testing.T) {
	t.Parallel()
	var h analysis.Histogram
	for _, s := range []exact.Score{0, 999, 1000, 5000, 8999, 9000, 9999, exact.FullScore, -5, exact.FullScore + 1} {
		h.Add(s)
	}
	if want := (analysis.Histogram{3, 1, 0, 0, 0, 1, 0, 0, 1, 4}); h != want {
		t.Errorf("got %v, want %v", h, want)
	}
}

func TestTheMedianIsTheMiddleTime(t *testing.T) {
	t.Parallel()
	var none analysis.Times
	if m, found := none.Median(); found {
		t.Errorf("the median of nothing is %v", m)
	}
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.Int64Range(0, 40), 1, 30).Draw(t, "seconds")
		var times analysis.Times
		for _, s := range list {
			times.Add(time.Duration(s)*time.Second + 400*time.Millisecond)
		}
		slices.Sort(list)
		want := time.Duration(list[(len(list)-1)/2]+list[len(list)/2]) * time.Second / 2
		if got, found := times.Median(); !found || got != want {
			t.Fatalf("%v has the median %v, want %v", list, got, want)
		}
	})
	var odd analysis.Times
	odd.Add(-time.Hour)
	odd.Add(365 * 24 * time.Hour)
	if m, _ := odd.Median(); m != 84*time.Hour {
		t.Errorf("times out of bounds gave %v", m)
	}
}

func BenchmarkAdd(b *testing.B) {
	points, credits := make([]exact.Points, 200), make([]exact.Fraction, 200)
	for i := range points {
		points[i], credits[i] = 1000, exact.Fraction{Num: int64(i % 3), Den: 3}
	}
	a := analysis.New(points)
	b.ReportAllocs()
	for b.Loop() {
		credits[0].Num = 3 - credits[0].Num
		a.Add(credits)
	}
}
