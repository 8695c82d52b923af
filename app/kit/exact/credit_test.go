package exact_test

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"credlane/app/kit/exact"
)

func TestThreeThirdsAreAHundred(t *testing.T) {
	t.Parallel()
	var sum exact.Sum
	for range 3 {
		sum.Add(exact.WholePoints(1), exact.Fraction{Num: 1, Den: 3})
	}
	if got := sum.Points(); got != exact.WholePoints(1) {
		t.Errorf("three thirds are %s points", got)
	}
	if got := sum.Score(exact.WholePoints(1)); got != exact.FullScore {
		t.Errorf("three thirds are %s per cent", got)
	}
}

func TestAScoreIsRoundedHalfUpOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		earned, possible exact.Points
		want             string
	}{
		{1000, 3000, "33.33"}, {2000, 3000, "66.67"}, {1, 20_000, "0.01"}, {1, 20_001, "0"},
		{59_995, 100_000, "60"}, {59_994, 100_000, "59.99"}, {0, 1000, "0"}, {1000, 1000, "100"},
		{exact.MaxPoints - 1, exact.MaxPoints, "100"}, {1000, 0, "0"}, {2000, 1000, "100"},
	} {
		var sum exact.Sum
		sum.Add(c.earned, exact.Everything())
		if got := sum.Score(c.possible).String(); got != c.want {
			t.Errorf("%s of %s points scored %s, want %s", c.earned, c.possible, got, c.want)
		}
	}
}

func TestAnOddFractionStaysWithinItsQuestion(t *testing.T) {
	t.Parallel()
	for f, want := range map[exact.Fraction]exact.Points{
		{}: 0, {Num: 1}: 0, {Num: -1, Den: 2}: 0, {Num: 1, Den: -2}: 0, {Num: 3, Den: 2}: 1000,
		{Num: math.MaxInt64, Den: 1}: 1000, {Num: math.MinInt64, Den: math.MinInt64}: 0, {Num: 1, Den: 2}: 500,
	} {
		var sum exact.Sum
		sum.Add(1000, f)
		if got := sum.Points(); got != want {
			t.Errorf("%v of a point is %s, want %s", f, got, want)
		}
		if u := f.Units(); u < 0 || u > exact.Unit {
			t.Errorf("%v is %d units", f, u)
		}
	}
}

// oracle computes the same with rationals only.
func oracle(points []exact.Points, credits []exact.Fraction, possible exact.Points) (exact.Points, exact.Score) {
	total := new(big.Rat)
	for i, p := range points {
		part := big.NewRat(credits[i].Num, credits[i].Den)
		total.Add(total, part.Mul(part, big.NewRat(int64(p), 1)))
	}
	round := func(r *big.Rat) int64 {
		r = new(big.Rat).Add(r, big.NewRat(1, 2))
		return new(big.Int).Div(r.Num(), r.Denom()).Int64()
	}
	share := new(big.Rat).Quo(total, big.NewRat(int64(possible), 10_000))
	return exact.Points(round(total)), exact.Score(round(share))
}

func TestSumsAgreeWithRationalsForEveryDenominator(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.SampledFrom([]int64{4, 20, 1000, math.MaxInt64}).Draw(t, "largest denominator")
		n := rapid.IntRange(1, 60).Draw(t, "questions")
		points, credits := make([]exact.Points, n), make([]exact.Fraction, n)
		var possible exact.Points
		var sum exact.Sum
		for i := range n {
			points[i] = exact.Points(rapid.Int64Range(1, int64(exact.MaxPoints)).Draw(t, "points"))
			den := rapid.Int64Range(1, most).Draw(t, "den")
			credits[i] = exact.Fraction{Num: rapid.Int64Range(0, den).Draw(t, "num"), Den: den}
			possible += points[i]
			sum.Add(points[i], credits[i])
		}
		wantPoints, wantScore := oracle(points, credits, possible)
		if got := sum.Points(); got != wantPoints {
			t.Fatalf("%s points, want %s", got, wantPoints)
		}
		got := sum.Score(possible)
		if got != wantScore || got < 0 || got > exact.FullScore {
			t.Fatalf("score %s, want %s", got, wantScore)
		}
	})
}

func BenchmarkSum(b *testing.B) {
	third := exact.Fraction{Num: 1, Den: 3}
	for b.Loop() {
		var sum exact.Sum
		for range 50 {
			sum.Add(1500, third)
		}
		if sum.Score(75_000) != 3333 {
			b.Fatal("wrong score")
		}
	}
}
