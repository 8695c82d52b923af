package analysis_test

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"credlane/app/kit/corpustest"
	"credlane/app/kit/exact"
	"credlane/modules/submissions/internal/analysis"
)

// corpus is the folder of real response data, which is no part of the project; false when it is not there.
func corpus(t *testing.T) (string, bool) {
	t.Helper()
	dir, ok := corpustest.Dir(t)
	return filepath.Join(dir, "irt"), ok
}

// oracle is what was computed elsewhere, to six decimals.
type oracle struct {
	N     int     `json:"n"`
	Mean  float64 `json:"mean"`
	SD    float64 `json:"sd"`
	Alpha float64 `json:"alpha"`
	KR20  float64 `json:"kr20_population_variance"`
	SEM   float64 `json:"sem"`
	Items []struct {
		P       float64 `json:"p"`
		Total   float64 `json:"r_item_total"`
		Rest    float64 `json:"r_item_rest"`
		Deleted float64 `json:"alpha_if_deleted"`
		D27     float64 `json:"D27_fractional_ties"`
	} `json:"items_ctt"`
	Key []int `json:"key"`
}

// read gives a file's rows of integers without the header.
func read(t *testing.T, path string) [][]int {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows := make([][]int, 0, len(records))
	for _, record := range records[1:] {
		row := make([]int, len(record))
		for i, cell := range record {
			if row[i], err = strconv.Atoi(cell); err != nil {
				t.Fatal(err)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// expand repeats each pattern as often as its last column says.
func expand(patterns [][]int) [][]int {
	var rows [][]int
	for _, p := range patterns {
		for range p[len(p)-1] {
			rows = append(rows, p[:len(p)-1])
		}
	}
	return rows
}

// mark turns chosen options into right and wrong.
func mark(raw [][]int, key []int) [][]int {
	rows := make([][]int, len(raw))
	for i, r := range raw {
		rows[i] = make([]int, len(r))
		for j, chosen := range r {
			if chosen == key[j] {
				rows[i][j] = 1
			}
		}
	}
	return rows
}

// analyse gives each item the same points.
func analyse(rows [][]int, width int, points exact.Points) analysis.Report {
	weights := make([]exact.Points, width)
	for i := range weights {
		weights[i] = points
	}
	a := analysis.New(weights)
	credits := make([]exact.Fraction, width)
	for _, row := range rows {
		for i, x := range row {
			credits[i] = exact.Fraction{Num: int64(x), Den: 1}
		}
		a.Add(credits)
	}
	return a.Report()
}

func near(t *testing.T, what string, got *float64, want float64) {
	t.Helper()
	if got == nil || !(math.Abs(*got-want) <= 1e-6) {
		t.Errorf("%s is %v, want %v", what, show(got), want)
	}
}

func show(v *float64) any {
	if v == nil {
		return "undefined"
	}
	return *v
}

func compare(t *testing.T, name string, r analysis.Report, o oracle) {
	t.Helper()
	if r.N != o.N || len(r.Items) != len(o.Items) {
		t.Fatalf("%s: %d people and %d items, want %d and %d", name, r.N, len(r.Items), o.N, len(o.Items))
	}
	near(t, name+" mean", r.Mean, o.Mean)
	near(t, name+" sd", r.SD, o.SD)
	near(t, name+" alpha", r.Alpha, o.Alpha)
	near(t, name+" KR-20", r.KR20, o.KR20)
	near(t, name+" SEM", r.SEM, o.SEM)
	for i, want := range o.Items {
		item := name + " item " + strconv.Itoa(i+1) + " "
		near(t, item+"p", r.Items[i].Difficulty, want.P)
		near(t, item+"item-total", r.Items[i].ItemTotal, want.Total)
		near(t, item+"item-rest", r.Items[i].ItemRest, want.Rest)
		near(t, item+"alpha if deleted", r.Items[i].AlphaIfDeleted, want.Deleted)
		near(t, item+"D27", r.Items[i].D27, want.D27)
	}
}

func TestTheAnalysisEqualsThePublishedOne(t *testing.T) {
	t.Parallel()
	dir, found := corpus(t)
	if !found {
		return
	}
	data, err := os.ReadFile(filepath.Join(dir, "ORACLES.json"))
	if err != nil {
		t.Fatal(err)
	}
	var oracles map[string]oracle
	if err := json.Unmarshal(data, &oracles); err != nil {
		t.Fatal(err)
	}
	compare(t, "lsat6", analyse(read(t, filepath.Join(dir, "lsat6.csv")), 5, 1000), oracles["lsat6"])
	compare(t, "lsat6 patterns", analyse(expand(read(t, filepath.Join(dir, "lsat6_patterns.csv"))), 5, 1000), oracles["lsat6"])
	compare(t, "lsat7", analyse(expand(read(t, filepath.Join(dir, "lsat7_patterns.csv"))), 5, 1000), oracles["lsat7"])

	raw := read(t, filepath.Join(dir, "sat12_raw.csv"))
	printed := oracles["sat12_printed_key"]
	asPrinted := analyse(mark(raw, printed.Key), 32, 1000)
	compare(t, "sat12", asPrinted, printed)
	mended := slices.Clone(printed.Key)
	mended[31] = 3
	compare(t, "sat12 with item 32 keyed 3", analyse(mark(raw, mended), 32, 1000), oracles["sat12_item32_keyed_3"])
	flagged(t, asPrinted)
}

// flagged expects the two items of SAT12 that do not rank people: one miskeyed, one bad.
func flagged(t *testing.T, r analysis.Report) {
	t.Helper()
	for i, it := range r.Items {
		low := slices.Contains(it.Flags, analysis.LowDiscrimination)
		if want := i == 11 || i == 31; low != want {
			t.Errorf("sat12 item %d has the flags %v", i+1, it.Flags)
		}
		easy := slices.Contains(it.Flags, analysis.TooEasy)
		if want := i == 10 || i == 16; easy != want {
			t.Errorf("sat12 item %d has the flags %v", i+1, it.Flags)
		}
	}
}
