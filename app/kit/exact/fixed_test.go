package exact_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
	"pgregory.net/rapid"

	"credlane/app/kit/exact"
)

func TestPointsAndScoresPrintTheShortestExactNumber(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]exact.Points{
		"12.5": 12_500, "100": 100_000, "0.333": 333, "0": 0, "0.001": 1, "-0.05": -50, "99999.999": exact.MaxPoints,
	} {
		if got, err := json.Marshal(v); err != nil || string(got) != want {
			t.Errorf("Points(%d) printed %s (%v), want %s", int64(v), got, err, want)
		}
	}
	for want, v := range map[string]exact.Score{"66.67": 6667, "100": exact.FullScore, "7.5": 750, "0": 0, "0.01": 1} {
		if got, err := json.Marshal(v); err != nil || string(got) != want {
			t.Errorf("Score(%d) printed %s (%v), want %s", int64(v), got, err, want)
		}
	}
}

func TestAJSONNumberIsReadExactlyOrRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]exact.Points{
		"1": 1000, "1.5": 1500, "0.333": 333, "-2": -2000, "1.5000": 1500, "1e2": 100_000, "1.25E-1": 125, "-0": 0,
	} {
		var got exact.Points
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s was read as %d (%v), want %d", text, got, err, want)
		}
	}
	for text, want := range map[string]error{
		"0.3333": exact.ErrPrecision, "1e-4": exact.ErrPrecision, "100000": exact.ErrRange, "1e30": exact.ErrRange,
		"1e999999999": exact.ErrRange, `"1"`: exact.ErrNotNumber, "true": exact.ErrNotNumber, "{}": exact.ErrNotNumber,
		"1" + strings.Repeat("0", 40): exact.ErrTooLong, "9223372036854775807": exact.ErrRange,
	} {
		got := exact.Points(7)
		if err := json.Unmarshal([]byte(text), &got); !errors.Is(err, want) || got != 7 {
			t.Errorf("%s gave %d and %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"null", "01", "+1", "1.", ".5", "1,5", ""} {
		got := exact.Score(7)
		if err := got.UnmarshalJSON([]byte(text)); err == nil || got != 7 {
			t.Errorf("%q was read as %d", text, got)
		}
	}
}

func TestAnAbsentScoreIsANilPointer(t *testing.T) {
	t.Parallel()
	var row struct{ Score *exact.Score }
	if err := json.Unmarshal([]byte(`{"Score": null}`), &row); err != nil || row.Score != nil {
		t.Fatalf("got %v, %v", row.Score, err)
	}
	if got, err := json.Marshal(row); err != nil || string(got) != `{"Score":null}` {
		t.Fatalf("got %s, %v", got, err)
	}
}

func TestPointsTypedInASheetMayHaveAComma(t *testing.T) {
	t.Parallel()
	if got, err := exact.ParsePoints(" 1,5 "); err != nil || got != 1500 {
		t.Fatalf("got %v, %v", got, err)
	}
	if got, err := exact.ParseScore("66,67"); err != nil || got != 6667 {
		t.Fatalf("got %v, %v", got, err)
	}
}

func TestPrintedPointsReadBackAsThemselves(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := exact.Points(rapid.Int64Range(-int64(exact.MaxPoints), int64(exact.MaxPoints)).Draw(t, "points"))
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got exact.Points
		if err := json.Unmarshal(text, &got); err != nil || got != want {
			t.Fatalf("%d printed %s, read %d (%v)", want, text, got, err)
		}
	})
}

// throughPostgres encodes and decodes as pgx does for a numeric column.
func throughPostgres(t interface{ Fatalf(string, ...any) }, oid uint32, format int16, in, out any) error {
	types := pgtype.NewMap()
	wire, err := types.Encode(oid, format, in, nil)
	if err != nil {
		t.Fatalf("encode %v in format %d: %v", in, format, err)
	}
	return types.Scan(oid, format, wire, out)
}

var formats = []int16{pgtype.TextFormatCode, pgtype.BinaryFormatCode}

func TestPointsAndScoresTravelThroughNumericColumns(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		format := rapid.SampledFrom(formats).Draw(t, "format")
		points := exact.Points(rapid.Int64Range(-int64(exact.MaxPoints), int64(exact.MaxPoints)).Draw(t, "points"))
		score := exact.Score(rapid.Int64Range(0, int64(exact.MaxScore)).Draw(t, "score"))
		var gotPoints exact.Points
		if err := throughPostgres(t, pgtype.NumericOID, format, points, &gotPoints); err != nil || gotPoints != points {
			t.Fatalf("points %s came back as %s (%v)", points, gotPoints, err)
		}
		var gotScore *exact.Score
		if err := throughPostgres(t, pgtype.NumericOID, format, &score, &gotScore); err != nil || *gotScore != score {
			t.Fatalf("score %s came back as %v (%v)", score, gotScore, err)
		}
		list := []exact.Points{points, 0, 1500}
		var gotList []exact.Points
		err := throughPostgres(t, pgtype.NumericArrayOID, format, list, &gotList)
		if err != nil || len(gotList) != 3 || gotList[0] != points || gotList[2] != 1500 {
			t.Fatalf("points %v came back as %v (%v)", list, gotList, err)
		}
	})
}

func TestNullIsANilPointerAndNothingElse(t *testing.T) {
	t.Parallel()
	types := pgtype.NewMap()
	for _, format := range formats {
		score := exact.Score(1)
		pointer := &score
		if err := types.Scan(pgtype.NumericOID, format, nil, &pointer); err != nil || pointer != nil {
			t.Errorf("null gave %v, %v", pointer, err)
		}
		if err := types.Scan(pgtype.NumericOID, format, nil, &score); err == nil {
			t.Error("null was read into a score")
		}
		if wire, err := types.Encode(pgtype.NumericOID, format, (*exact.Score)(nil), nil); err != nil || wire != nil {
			t.Errorf("a nil score was sent as %v, %v", wire, err)
		}
	}
}

func TestAnOddNumericIsRefused(t *testing.T) {
	t.Parallel()
	types := pgtype.NewMap()
	for _, text := range []string{"NaN", "Infinity", "-Infinity", "0.3333", "100000000"} {
		var points exact.Points
		if err := types.Scan(pgtype.NumericOID, pgtype.TextFormatCode, []byte(text), &points); err == nil {
			t.Errorf("%s was read as %s points", text, points)
		}
	}
}

func TestAnIntegerColumnHoldsWholePointsNotThousandths(t *testing.T) {
	t.Parallel()
	for _, format := range formats {
		for _, oid := range []uint32{pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID} {
			var points exact.Points
			if err := throughPostgres(t, oid, format, exact.WholePoints(3), &points); err != nil || points != 3000 {
				t.Errorf("3 points came back as %s (%v)", points, err)
			}
			if wire, err := pgtype.NewMap().Encode(oid, format, exact.Points(1500), nil); err == nil {
				t.Errorf("1.5 points went into an integer column as %q", wire)
			}
		}
	}
}
