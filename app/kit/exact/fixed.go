// Package exact holds the numbers that must never be a float: points, scores, decimals people type, and shares of credit.
package exact

import (
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strconv"

	"github.com/jackc/pgx/v5/pgtype"
)

// Points are thousandths of a point: Points(1500) is 1.5. The column is numeric(8,3).
type Points int64

// Score is a percentage in hundredths: Score(6667) is 66.67. The column is numeric(5,2).
type Score int64

// What the columns can hold; narrower rules (0..1000 points, 0..100) belong to those who own them.
const (
	MaxPoints Points = 99_999_999
	MaxScore  Score  = 999_99

	// FullScore is 100 per cent.
	FullScore Score = 100_00
)

const (
	pointsScale = 3
	scoreScale  = 2
)

// The ways a number can be refused. Their texts may be shown to a user.
var (
	ErrNotNumber = errors.New("must be a number")
	ErrPrecision = errors.New("has too many decimals")
	ErrRange     = errors.New("is too large")
	ErrTooLong   = errors.New("is too long for a number")
)

// maxNumberLength bounds a JSON number before anything looks at it.
const maxNumberLength = 40

// WholePoints gives n points.
func WholePoints(n int64) Points { return Points(n * 1000) }

// WholeScore gives n per cent.
func WholeScore(n int64) Score { return Score(n * 100) }

// ParsePoints reads points as people write them ("1", "1.5", "1,5"). Errors: ErrNotNumber, ErrTooLong, ErrPrecision, ErrRange.
func ParsePoints(text string) (Points, error) {
	v, err := parseText(text, pointsScale, int64(MaxPoints))
	return Points(v), err
}

// ParseScore reads a score as people write it. Errors as ParsePoints.
func ParseScore(text string) (Score, error) {
	v, err := parseText(text, scoreScale, int64(MaxScore))
	return Score(v), err
}

// String prints the shortest exact form: 12.5, 100, 0.333.
func (p Points) String() string { return string(appendFixed(nil, int64(p), pointsScale)) }

// String prints the shortest exact form: 66.67, 100.
func (s Score) String() string { return string(appendFixed(nil, int64(s), scoreScale)) }

// MarshalJSON prints a plain JSON number.
func (p Points) MarshalJSON() ([]byte, error) { return appendFixed(nil, int64(p), pointsScale), nil }

// MarshalJSON prints a plain JSON number.
func (s Score) MarshalJSON() ([]byte, error) { return appendFixed(nil, int64(s), scoreScale), nil }

// UnmarshalJSON reads a JSON number of at most three decimals. null is refused: a field that may be absent is a *Points.
func (p *Points) UnmarshalJSON(b []byte) error {
	v, err := parseJSON(b, pointsScale, int64(MaxPoints))
	if err == nil {
		*p = Points(v)
	}
	return err
}

// UnmarshalJSON reads a JSON number of at most two decimals. null is refused: a field that may be absent is a *Score.
func (s *Score) UnmarshalJSON(b []byte) error {
	v, err := parseJSON(b, scoreScale, int64(MaxScore))
	if err == nil {
		*s = Score(v)
	}
	return err
}

// NumericValue lets pgx send p as numeric.
func (p Points) NumericValue() (pgtype.Numeric, error) {
	return pgtype.Numeric{Int: big.NewInt(int64(p)), Exp: -pointsScale, Valid: true}, nil
}

// NumericValue lets pgx send s as numeric.
func (s Score) NumericValue() (pgtype.Numeric, error) {
	return pgtype.Numeric{Int: big.NewInt(int64(s)), Exp: -scoreScale, Valid: true}, nil
}

// ScanNumeric lets pgx read a numeric into p; NULL wants a *Points.
func (p *Points) ScanNumeric(n pgtype.Numeric) error {
	v, err := fromNumeric(n, pointsScale, int64(MaxPoints))
	if err == nil {
		*p = Points(v)
	}
	return err
}

// ScanNumeric lets pgx read a numeric into s; NULL wants a *Score.
func (s *Score) ScanNumeric(n pgtype.Numeric) error {
	v, err := fromNumeric(n, scoreScale, int64(MaxScore))
	if err == nil {
		*s = Score(v)
	}
	return err
}

// ScanInt64 reads an integer column as whole points. Without it pgx would take the integer for thousandths.
func (p *Points) ScanInt64(n pgtype.Int8) error {
	v, err := fromInt8(n, pointsScale, int64(MaxPoints))
	if err == nil {
		*p = Points(v)
	}
	return err
}

// ScanInt64 reads an integer column as whole per cent. Without it pgx would take the integer for hundredths.
func (s *Score) ScanInt64(n pgtype.Int8) error {
	v, err := fromInt8(n, scoreScale, int64(MaxScore))
	if err == nil {
		*s = Score(v)
	}
	return err
}

// Int64Value sends whole points to an integer column and refuses others, for the reason given at ScanInt64.
func (p Points) Int64Value() (pgtype.Int8, error) { return toInt8(int64(p), 1000) }

// Int64Value sends whole per cent to an integer column and refuses others.
func (s Score) Int64Value() (pgtype.Int8, error) { return toInt8(int64(s), 100) }

// Value serves the query modes in which the column's type is not known beforehand.
func (p Points) Value() (driver.Value, error) { return p.String(), nil }

// Value serves the query modes in which the column's type is not known beforehand.
func (s Score) Value() (driver.Value, error) { return s.String(), nil }

func parseText(text string, scale int, limit int64) (int64, error) {
	d, err := ParseDecimal(text)
	if err != nil {
		return 0, err
	}
	return d.scaled(scale, limit)
}

func parseJSON(b []byte, scale int, limit int64) (int64, error) {
	if len(b) > maxNumberLength {
		return 0, ErrTooLong
	}
	if !isJSONNumber(b) {
		return 0, ErrNotNumber
	}
	return parseText(string(b), scale, limit)
}

// isJSONNumber tells a JSON number from everything else, "+1", "01" and "1." included.
func isJSONNumber(b []byte) bool {
	if len(b) == 0 || (b[0] != '-' && (b[0] < '0' || b[0] > '9')) {
		return false
	}
	return json.Valid(b)
}

func fromNumeric(n pgtype.Numeric, scale int, limit int64) (int64, error) {
	switch {
	case !n.Valid:
		return 0, errors.New("null where a number is needed")
	case n.NaN || n.InfinityModifier != pgtype.Finite || n.Int == nil:
		return 0, ErrNotNumber
	case n.Exp < -100 || n.Exp > 100:
		return 0, ErrRange
	}
	return normal(new(big.Int).Set(n.Int), int(n.Exp)).scaled(scale, limit)
}

func fromInt8(n pgtype.Int8, scale int, limit int64) (int64, error) {
	if !n.Valid {
		return 0, errors.New("null where a number is needed")
	}
	return normalSmall(n.Int64, 0).scaled(scale, limit)
}

func toInt8(v, unit int64) (pgtype.Int8, error) {
	if v%unit != 0 {
		return pgtype.Int8{}, fmt.Errorf("a whole number is needed: %w", ErrPrecision)
	}
	return pgtype.Int8{Int64: v / unit, Valid: true}, nil
}

// appendFixed prints v x 10^-scale without trailing zeros.
func appendFixed(b []byte, v int64, scale int) []byte {
	u := uint64(v)
	if v < 0 {
		b = append(b, '-')
		u = -u
	}
	unit := uint64(tens[scale])
	b = strconv.AppendUint(b, u/unit, 10)
	part := u % unit
	if part == 0 {
		return b
	}
	b = append(b, '.')
	for part > 0 {
		unit /= 10
		b = append(b, byte('0'+part/unit))
		part %= unit
	}
	return b
}
