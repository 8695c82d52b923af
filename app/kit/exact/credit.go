package exact

import (
	"math"
	"math/big"
	"math/bits"
)

// Unit is the least common multiple of 1..20. A question has at most 20 options, so every share of credit is a whole
// number of units, and sums of shares are integers.
const Unit = 232_792_560

// Fraction is a share of a question's credit, 2/3 for instance. The zero value is no credit.
type Fraction struct {
	Num, Den int64
}

// Nothing is no credit, as it is stored.
func Nothing() Fraction { return Fraction{Num: 0, Den: 1} }

// Everything is full credit.
func Everything() Fraction { return Fraction{Num: 1, Den: 1} }

// bounded forces f into 0..1, so that no stored row, however odd, moves a score out of 0..100.
func (f Fraction) bounded() Fraction {
	switch {
	case f.Den <= 0 || f.Num <= 0:
		return Nothing()
	case f.Num >= f.Den:
		return Everything()
	}
	return f
}

// Units gives f in 1/Unit, exactly for every denominator up to 20 and rounded to the nearest for others (which only
// statistics may see). The result is within 0..Unit.
func (f Fraction) Units() int64 {
	f = f.bounded()
	if Unit%f.Den == 0 {
		return f.Num * (Unit / f.Den)
	}
	hi, lo := bits.Mul64(uint64(f.Num), Unit)
	lo, carry := bits.Add64(lo, uint64(f.Den)/2, 0)
	quotient, _ := bits.Div64(hi+carry, lo, uint64(f.Den))
	return int64(quotient)
}

// Sum adds points x credit exactly. The zero value is an empty sum.
type Sum struct {
	units int64    // thousandths of a point in 1/Unit
	rest  *big.Rat // the same measure, for what does not fit there
}

// Add adds points x credit. Negative points and credit outside 0..1 count as the nearest bound.
func (s *Sum) Add(points Points, credit Fraction) {
	credit = credit.bounded()
	if points <= 0 || credit.Num == 0 {
		return
	}
	if Unit%credit.Den == 0 {
		hi, lo := bits.Mul64(uint64(points), uint64(credit.Units()))
		if hi == 0 && lo <= uint64(math.MaxInt64-s.units) {
			s.units += int64(lo)
			return
		}
	}
	if s.rest == nil {
		s.rest = new(big.Rat)
	}
	part := new(big.Rat).SetFrac64(credit.Num, credit.Den)
	part.Mul(part, new(big.Rat).SetInt64(int64(points)))
	s.rest.Add(s.rest, part.Mul(part, new(big.Rat).SetInt64(Unit)))
}

// Points gives the sum rounded half up to thousandths, as it is stored and shown; Score never goes through it.
func (s *Sum) Points() Points {
	if s.rest == nil {
		return Points(s.units/Unit + (s.units%Unit+Unit/2)/Unit)
	}
	return Points(halfUp(new(big.Rat).Quo(s.total(), new(big.Rat).SetInt64(Unit))))
}

// Score gives 100 x sum / possible, rounded half up once, within 0..100. Nothing possible is a score of 0.
func (s *Sum) Score(possible Points) Score {
	if possible <= 0 {
		return 0
	}
	hi, whole := bits.Mul64(uint64(possible), Unit)
	if s.rest != nil || hi != 0 || whole > math.MaxInt64 {
		return s.slowScore(possible)
	}
	if uint64(s.units) >= whole {
		return FullScore
	}
	// floor(x/w + 1/2) = floor((2x + w) / 2w); the quotient fits because units < whole.
	hi, lo := bits.Mul64(uint64(s.units), 2*uint64(FullScore))
	lo, carry := bits.Add64(lo, whole, 0)
	score, _ := bits.Div64(hi+carry, lo, 2*whole)
	return Score(score)
}

func (s *Sum) slowScore(possible Points) Score {
	share := new(big.Rat).Quo(s.total(), new(big.Rat).SetInt64(Unit))
	share.Quo(share, new(big.Rat).SetInt64(int64(possible)))
	return Score(min(halfUp(share.Mul(share, new(big.Rat).SetInt64(int64(FullScore)))), int64(FullScore)))
}

func (s *Sum) total() *big.Rat {
	total := new(big.Rat).SetInt64(s.units)
	if s.rest != nil {
		total.Add(total, s.rest)
	}
	return total
}

// halfUp rounds a number that is not negative; what exceeds int64 becomes its largest value.
func halfUp(r *big.Rat) int64 {
	r.Add(r, big.NewRat(1, 2))
	v := new(big.Int).Quo(r.Num(), r.Denom())
	if !v.IsInt64() {
		return math.MaxInt64
	}
	return v.Int64()
}
