package exact

import (
	"encoding/json"
	"math"
	"math/big"
	"strings"
	"unicode/utf8"
)

// Limits of a decimal that somebody types.
const (
	MaxDecimalLength   = 100 // characters, as typed and as printed in full
	MaxDecimalExponent = 30  // of "e+30", either way
)

// tens[i] is 10^i.
var tens = [19]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// Decimal is an exact decimal number, coefficient x 10^exp, kept without trailing zeros, so that 1.5 and 1.50 are alike.
// The zero value is 0. Compare with Cmp, never with ==.
type Decimal struct {
	small int64    // the coefficient when large is nil
	large *big.Int // the coefficient when it does not fit; never written after it is set
	exp   int
}

// ParseDecimal reads a number as people type it: white space around it, one sign, one decimal separator ("." or ","),
// no grouping, an exponent up to 30. "1,234" is therefore 1.234, and "1,234.5" is refused.
// Errors: ErrNotNumber, ErrTooLong, ErrRange (the exponent).
func ParseDecimal(text string) (Decimal, error) {
	if len(text) > MaxDecimalLength*utf8.UTFMax || utf8.RuneCountInString(text) > MaxDecimalLength {
		return Decimal{}, ErrTooLong
	}
	rest := strings.TrimSpace(text)
	negative := false
	for _, sign := range []string{"+", "-", "\u2212"} { // U+2212 is the minus that word processors write
		if after, found := strings.CutPrefix(rest, sign); found {
			negative, rest = sign != "+", after
			break
		}
	}
	mantissa, exp, err := cutExponent(rest)
	if err != nil {
		return Decimal{}, err
	}
	var digits [MaxDecimalLength]byte
	n, point := 0, -1
	for i := 0; i < len(mantissa); i++ {
		switch c := mantissa[i]; {
		case c >= '0' && c <= '9':
			digits[n] = c
			n++
		case (c == '.' || c == ',') && point < 0:
			point = n
		default:
			return Decimal{}, ErrNotNumber
		}
	}
	if n == 0 {
		return Decimal{}, ErrNotNumber
	}
	if point >= 0 {
		exp -= n - point
	}
	d := fromDigits(digits[:n], negative, exp)
	if n+max(exp, -exp)+len("-0.") > MaxDecimalLength && len(d.String()) > MaxDecimalLength {
		return Decimal{}, ErrTooLong // else it could be stored in full and not be read back
	}
	return d, nil
}

// cutExponent splits "12.5e-3" into its mantissa and -3.
func cutExponent(text string) (string, int, error) {
	at := strings.IndexAny(text, "eE")
	if at < 0 {
		return text, 0, nil
	}
	digits := text[at+1:]
	sign := 1
	if digits != "" && (digits[0] == '+' || digits[0] == '-') {
		if digits[0] == '-' {
			sign = -1
		}
		digits = digits[1:]
	}
	if digits == "" {
		return "", 0, ErrNotNumber
	}
	exp := 0
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return "", 0, ErrNotNumber
		}
		exp = min(exp*10+int(c-'0'), MaxDecimalExponent+1)
	}
	if exp > MaxDecimalExponent {
		return "", 0, ErrRange
	}
	return text[:at], sign * exp, nil
}

func fromDigits(digits []byte, negative bool, exp int) Decimal {
	for len(digits) > 1 && digits[0] == '0' {
		digits = digits[1:]
	}
	if len(digits) <= 18 {
		var v int64
		for _, c := range digits {
			v = v*10 + int64(c-'0')
		}
		if negative {
			v = -v
		}
		return normalSmall(v, exp)
	}
	v, _ := new(big.Int).SetString(string(digits), 10) // digits only, checked above
	if negative {
		v.Neg(v)
	}
	return normal(v, exp)
}

func normalSmall(v int64, exp int) Decimal {
	if v == 0 {
		return Decimal{}
	}
	for v%10 == 0 {
		v /= 10
		exp++
	}
	return Decimal{small: v, exp: exp}
}

// normal takes v over.
func normal(v *big.Int, exp int) Decimal {
	ten, digit := big.NewInt(10), new(big.Int)
	for !v.IsInt64() {
		next := new(big.Int)
		if next.QuoRem(v, ten, digit); digit.Sign() != 0 {
			return Decimal{large: v, exp: exp}
		}
		v = next
		exp++
	}
	return normalSmall(v.Int64(), exp)
}

func (d Decimal) coefficient() *big.Int {
	if d.large != nil {
		return d.large
	}
	return big.NewInt(d.small)
}

// Sign is -1, 0 or 1.
func (d Decimal) Sign() int {
	if d.large != nil {
		return d.large.Sign()
	}
	switch {
	case d.small < 0:
		return -1
	case d.small > 0:
		return 1
	}
	return 0
}

// Cmp is -1 when d < e, 0 when they are equal, 1 when d > e.
func (d Decimal) Cmp(e Decimal) int {
	if a, b := d.Sign(), e.Sign(); a != b || a == 0 {
		return a - b + (b-a)/2 // -1, 0 or 1: the signs differ by one or two
	}
	if d.large == nil && e.large == nil {
		if a, b, ok := alignSmall(d, e); ok {
			switch {
			case a < b:
				return -1
			case a > b:
				return 1
			}
			return 0
		}
	}
	a, b, _ := align(d, e)
	return a.Cmp(b)
}

// alignSmall brings two small coefficients to one exponent, if they stay small.
func alignSmall(d, e Decimal) (a, b int64, ok bool) {
	a, b = d.small, e.small
	switch {
	case d.exp > e.exp:
		a, ok = timesTen(a, d.exp-e.exp)
	case e.exp > d.exp:
		b, ok = timesTen(b, e.exp-d.exp)
	default:
		ok = true
	}
	return a, b, ok
}

func timesTen(v int64, power int) (int64, bool) {
	if power >= len(tens) || v > math.MaxInt64/tens[power] || v < -math.MaxInt64/tens[power] {
		return 0, false
	}
	return v * tens[power], true
}

func align(d, e Decimal) (a, b *big.Int, exp int) {
	exp = min(d.exp, e.exp)
	return scaleUp(d.coefficient(), d.exp-exp), scaleUp(e.coefficient(), e.exp-exp), exp
}

func scaleUp(v *big.Int, power int) *big.Int {
	if power == 0 {
		return v
	}
	factor := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(power)), nil)
	return factor.Mul(factor, v)
}

// Add gives d + e.
func (d Decimal) Add(e Decimal) Decimal {
	a, b, exp := align(d, e)
	return normal(new(big.Int).Add(a, b), exp)
}

// Neg gives -d.
func (d Decimal) Neg() Decimal { return normal(new(big.Int).Neg(d.coefficient()), d.exp) }

// Abs gives |d|.
func (d Decimal) Abs() Decimal {
	if d.Sign() < 0 {
		return d.Neg()
	}
	return d
}

// Mul gives d x e.
func (d Decimal) Mul(e Decimal) Decimal {
	return normal(new(big.Int).Mul(d.coefficient(), e.coefficient()), d.exp+e.exp)
}

// Percent gives d / 100.
func (d Decimal) Percent() Decimal {
	if d.Sign() == 0 {
		return d
	}
	d.exp -= 2
	return d
}

// scaled gives d in units of 10^-scale. Errors: ErrPrecision, ErrRange.
func (d Decimal) scaled(scale int, limit int64) (int64, error) {
	if d.large != nil || d.exp+scale >= len(tens) {
		if d.exp < -scale {
			return 0, ErrPrecision
		}
		return 0, ErrRange
	}
	if d.exp < -scale {
		return 0, ErrPrecision
	}
	v, ok := timesTen(d.small, d.exp+scale)
	if !ok || v > limit || v < -limit {
		return 0, ErrRange
	}
	return v, nil
}

// String prints d in full, without an exponent and without trailing zeros: "-0.05", "1500".
func (d Decimal) String() string {
	digits := d.coefficient().String()
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	if d.exp >= 0 {
		return sign + digits + strings.Repeat("0", d.exp)
	}
	if missing := -d.exp - len(digits); missing >= 0 {
		digits = strings.Repeat("0", missing+1) + digits
	}
	at := len(digits) + d.exp
	return sign + digits[:at] + "." + digits[at:]
}

// MarshalJSON prints a decimal string: JSON readers would put a number into a float.
func (d Decimal) MarshalJSON() ([]byte, error) { return []byte(`"` + d.String() + `"`), nil }

// UnmarshalJSON reads a decimal string or a JSON number. Errors as ParseDecimal; null is ErrNotNumber.
func (d *Decimal) UnmarshalJSON(b []byte) error {
	if len(b) > MaxDecimalLength*6+2 { // \u0031 is the longest way to write one character
		return ErrTooLong
	}
	text := string(b)
	if !isJSONNumber(b) {
		if len(b) == 0 || b[0] != '"' || json.Unmarshal(b, &text) != nil {
			return ErrNotNumber
		}
	}
	v, err := ParseDecimal(text)
	if err == nil {
		*d = v
	}
	return err
}
