package exact_test

import (
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"credlane/app/kit/exact"
)

func TestADecimalIsReadAsPeopleTypeIt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1,5": "1.5", "1.5": "1.5", "1.50": "1.5", "+1.5": "1.5", "-0": "0", " 42\u00a0": "42", "1,234": "1.234",
		".5": "0.5", "5.": "5", "\u22125": "-5", "1e3": "1000", "1.5E-3": "0.0015", "-0.00": "0", "007": "7",
		"123456789012345678901234567890": "123456789012345678901234567890", "1e+30": "1" + strings.Repeat("0", 30),
		"0." + strings.Repeat("0", 97) + "1": "0." + strings.Repeat("0", 97) + "1",
		"100000000000000000000":              "100000000000000000000",
	} {
		if got, err := exact.ParseDecimal(text); err != nil || got.String() != want {
			t.Errorf("%q was read as %s (%v), want %s", text, got, err, want)
		}
	}
}

func TestAnAmbiguousOrEndlessDecimalIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "1,234.5", "1.234,5", "1,234,567", "1 000", "1'000", "--1", "+-1", "1-", "e5", "1e", "1e+", "1e1.5",
		".", ",", "NaN", "Infinity", "0x10", "1_000", "½", "٣", "1\x00", "1e++1",
	} {
		if got, err := exact.ParseDecimal(text); !errors.Is(err, exact.ErrNotNumber) {
			t.Errorf("%q was read as %s (%v)", text, got, err)
		}
	}
	for _, text := range []string{"1e31", "1e-31", "1e99999999999999999999"} {
		if got, err := exact.ParseDecimal(text); !errors.Is(err, exact.ErrRange) {
			t.Errorf("%q was read as %s (%v)", text, got, err)
		}
	}
	for _, text := range []string{
		strings.Repeat("1", 101), strings.Repeat(" ", 1<<20), strings.Repeat("9", 96) + "e30", "." + strings.Repeat("1", 99),
	} {
		if _, err := exact.ParseDecimal(text); !errors.Is(err, exact.ErrTooLong) {
			t.Errorf("%d characters gave %v", len(text), err)
		}
	}
}

// decimalText draws a legal decimal, long ones and exponents included.
func decimalText() *rapid.Generator[string] {
	return rapid.StringMatching(`[+-]?[0-9]{1,25}([.,][0-9]{0,25})?([eE][+-]?[12]?[0-9])?`)
}

func rat(t *rapid.T, text string) *big.Rat {
	r, ok := new(big.Rat).SetString(strings.Replace(text, ",", ".", 1))
	if !ok {
		t.Fatalf("%q is no rational", text)
	}
	return r
}

func TestDecimalsAgreeWithRationals(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x, y := decimalText().Draw(t, "x"), decimalText().Draw(t, "y")
		a, errA := exact.ParseDecimal(x)
		b, errB := exact.ParseDecimal(y)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		ra, rb := rat(t, x), rat(t, y)
		if got, want := a.Cmp(b), ra.Cmp(rb); got != want {
			t.Fatalf("Cmp(%s, %s) = %d, want %d", x, y, got, want)
		}
		if a.Cmp(a) != 0 || a.Sign() != ra.Sign() {
			t.Fatalf("%s compares wrongly with itself or 0", x)
		}
		for name, pair := range map[string][2]*big.Rat{
			"sum":     {rat(t, a.Add(b).String()), new(big.Rat).Add(ra, rb)},
			"product": {rat(t, a.Mul(b).String()), new(big.Rat).Mul(ra, rb)},
			"negated": {rat(t, a.Neg().String()), new(big.Rat).Neg(ra)},
			"abs":     {rat(t, a.Abs().String()), new(big.Rat).Abs(ra)},
			"percent": {rat(t, a.Percent().String()), new(big.Rat).Quo(ra, big.NewRat(100, 1))},
		} {
			if pair[0].Cmp(pair[1]) != 0 {
				t.Fatalf("%s of %s and %s is %s, want %s", name, x, y, pair[0], pair[1])
			}
		}
	})
}

func TestADecimalComesFromAStringOrAJSONNumber(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`"1.50"`, `"1,5"`, `1.5`, `15e-1`, `"\u0031.5"`} {
		var d exact.Decimal
		if err := json.Unmarshal([]byte(text), &d); err != nil || d.String() != "1.5" {
			t.Errorf("%s was read as %s (%v)", text, d, err)
		}
	}
	for _, text := range []string{"true", "[1]", `"x"`, "{}", `""`} {
		var d exact.Decimal
		if err := json.Unmarshal([]byte(text), &d); err == nil {
			t.Errorf("%s was read as %s", text, d)
		}
	}
	if got, err := json.Marshal(exact.Decimal{}); err != nil || string(got) != `"0"` {
		t.Errorf("0 printed %s, %v", got, err)
	}
}

func FuzzDecimal(f *testing.F) {
	for _, seed := range []string{"1,5", "-1.50e+3", "1,234.5", "\u22127", " 5 ", "1e-30", strings.Repeat("9", 100)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := exact.ParseDecimal(text)
		if err != nil {
			return
		}
		again, err := exact.ParseDecimal(d.String())
		if err != nil || again.Cmp(d) != 0 {
			t.Fatalf("%q printed %s, which was read as %s (%v)", text, d, again, err)
		}
	})
}
