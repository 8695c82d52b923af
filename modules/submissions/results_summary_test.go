package submissions

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/corpustest"
	"credlane/app/kit/exact"
	"credlane/app/kit/question"
	"credlane/app/kit/rest"
)

// choicePaper is a version of single-choice questions of one point, each with options 1..5; key gives the right ones.
func choicePaper(employer, assessment uuid.UUID, kind int, key []int) Version {
	v := Version{ID: fixed(kind, 0), EmployerID: employer, AssessmentID: assessment, Number: 1, Title: "Analysed", TimeLimit: time.Hour,
		PassingScore: exact.WholeScore(60)}
	for i, right := range key {
		q := Question{ID: fixed(kind, i+1), Type: question.SingleChoice, Prompt: fmt.Sprintf("Item.%d", i+1), Points: exact.WholePoints(1),
			CreditRule: question.Exact, Tags: []string{}}
		for o := 1; o <= 5; o++ {
			q.Options = append(q.Options, Option{ID: fixed(kind+1, 10*i+o), Text: strconv.Itoa(o)})
		}
		q.Key = question.Key{Type: q.Type, OptionIDs: []uuid.UUID{q.Options[right-1].ID}}
		v.Questions = append(v.Questions, q)
		v.PointsTotal += q.Points
	}
	return v
}

// chosen makes submissions of rows of chosen options; what is not 1..5 was not answered.
func chosen(t testing.TB, v Version, kind int, rows [][]int) []sat {
	t.Helper()
	ready, err := prepare(v)
	if err != nil {
		t.Fatal(err)
	}
	all := make([]sat, len(rows))
	for n, row := range rows {
		s := sat{id: fixed(kind, n+1), version: v, name: "P", email: "p@example.org", status: Submitted, started: opened,
			spent: time.Duration(n) * time.Second}
		var sum exact.Sum
		for i, o := range row {
			if o < 1 || o > 5 {
				continue
			}
			q := v.Questions[i]
			answer := `"` + q.Options[o-1].ID.String() + `"`
			item, _ := ready.marking.paper.Item(q.ID)
			credit := item.Credit(json.RawMessage(answer))
			sum.Add(q.Points, credit)
			s.answers = append(s.answers, satAnswer{q.ID, answer, credit})
		}
		s.score = sum.Score(v.PointsTotal)
		all[n] = s
	}
	return all
}

type oracle struct {
	N, Items          int
	Alpha, Mean, SD   float64
	KR20              float64 `json:"kr20_population_variance"`
	SEM               float64
	Key               []int
	ItemsCTT          []oracleItem   `json:"items_ctt"`
	ScoreDistribution map[string]int `json:"score_distribution"`
}

type oracleItem struct {
	P         float64
	ItemTotal float64 `json:"r_item_total"`
	ItemRest  float64 `json:"r_item_rest"`
	Deleted   float64 `json:"alpha_if_deleted"`
	D27       float64 `json:"D27_fractional_ties"`
}

func oracles(t testing.TB) map[string]oracle {
	t.Helper()
	b, ok := corpustest.Read(t, "irt/ORACLES.json")
	if !ok {
		return nil
	}
	all := map[string]oracle{}
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func readChoices(t testing.TB, name string) [][]int {
	t.Helper()
	b, _ := corpustest.Read(t, "irt/"+name)
	lines, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]int
	for _, line := range lines[1:] {
		row := make([]int, len(line))
		for i, text := range line {
			if row[i], err = strconv.Atoi(text); err != nil {
				t.Fatal(err)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func TestResultsOfRealAnswersEqualThePublishedFigures(t *testing.T) {
	t.Parallel()
	all := oracles(t)
	if all == nil {
		return
	}
	printed, mended := all["sat12_printed_key"], all["sat12_item32_keyed_3"]
	d := newDesk(t, rest.Options{})
	if len(mended.Key) == 0 {
		mended.Key = slices.Clone(printed.Key)
		mended.Key[31] = 3
	}
	rows := readChoices(t, "sat12_raw.csv")
	for i, c := range []struct {
		want    oracle
		flagged []int
	}{{printed, []int{12, 32}}, {mended, []int{12}}} {
		assessment := fixed(20, 50+i)
		v := choicePaper(d.version.EmployerID, assessment, 30+10*i, c.want.Key)
		d.add(v)
		d.seat(chosen(t, v, 35+10*i, rows))
		r := get[ResultsSummary](d, asViewer, "/assessments/"+assessment.String()+"/results")
		if r.Counts.Submitted != 600 || r.Reliability.N != 600 || r.Funnel.Started != 600 || r.Counts.Passed+r.Counts.Failed != 600 {
			t.Errorf("counts: %+v", r.Counts)
		}
		close := func(what string, got *float64, want float64) {
			t.Helper()
			if got == nil || math.Abs(*got-want) > 1e-6 {
				t.Errorf("%s is %v, want %v", what, got, want)
			}
		}
		close("alpha", r.Reliability.Alpha, c.want.Alpha)
		close("KR-20", r.Reliability.KR20, c.want.KR20)
		close("mean", r.Reliability.MeanPoints, c.want.Mean)
		close("sd", r.Reliability.SDPoints, c.want.SD)
		close("SEM", r.Reliability.SEM, c.want.SEM)
		var flagged []int
		for j, item := range r.Items {
			want := c.want.ItemsCTT[j]
			close(item.Prompt+" p", item.Difficulty, want.P)
			close(item.Prompt+" item-total", item.ItemTotal, want.ItemTotal)
			close(item.Prompt+" item-rest", item.ItemRest, want.ItemRest)
			close(item.Prompt+" alpha without", item.AlphaIfDeleted, want.Deleted)
			close(item.Prompt+" D27", item.D27, want.D27)
			for _, f := range item.Flags {
				if f.Message == "" {
					t.Errorf("%s: flag %s says nothing", item.Prompt, f.Code)
				}
				if f.Code == "low_discrimination" || f.Code == "negative_discrimination" {
					flagged = append(flagged, item.Position)
				}
			}
		}
		if !slices.Equal(flagged, c.flagged) {
			t.Errorf("flagged items %v, want %v", flagged, c.flagged)
		}
		bars := 0
		for _, b := range r.Histogram {
			bars += b.Count
		}
		if bars != 600 || *r.MedianTime != 299 {
			t.Errorf("%d people in the histogram, median time %d", bars, *r.MedianTime)
		}
	}
}

func TestAQuestionThatGoodPeopleGetWrongIsFlagged(t *testing.T) {
	t.Parallel()
	d := newDesk(t, rest.Options{})
	v := choicePaper(d.version.EmployerID, fixed(20, 0), 30, []int{1, 1, 1, 1})
	d.add(v)
	var rows [][]int
	for n := range 20 {
		row := []int{1, 1, 1, 2} // good at all but the last
		if n%2 == 0 {
			row = []int{2, n%4/2 + 1, 8, 1}
		}
		rows = append(rows, row)
	}
	d.seat(chosen(t, v, 35, rows))
	r := get[ResultsSummary](d, asViewer, "/assessments/"+fixed(20, 0).String()+"/results")
	last := r.Items[3]
	if len(last.Flags) != 1 || last.Flags[0].Code != "negative_discrimination" || *last.ItemRest >= 0 {
		t.Errorf("the negative question: %v %+v", *last.ItemRest, last.Flags)
	}
	if third := r.Items[2]; third.Answered != 10 || *third.Difficulty != 0.5 {
		t.Errorf("answered by %d, p %v: an unanswered question is worth 0", third.Answered, *third.Difficulty)
	}
}

func TestResultsCountOnlyTheVersionAskedForAndThoseWhoEnded(t *testing.T) {
	t.Parallel()
	d := newDesk(t, rest.Options{})
	path := d.assessmentPath() + "/results"
	empty := get[ResultsSummary](d, asViewer, path)
	if empty.Counts.Total != 0 || empty.PassRate != nil || empty.Reliability.Alpha != nil || len(empty.Items) != 5 || len(empty.Histogram) != 10 {
		t.Errorf("empty: %+v", empty)
	}
	second := secondVersion(d.version)
	d.add(second)
	seat := func(n int, v Version, status Status, score exact.Score, spent time.Duration) sat {
		return sat{id: fixed(7, n), version: v, name: "P", email: "p@example.org", status: status, score: score, started: opened, spent: spent}
	}
	d.seat([]sat{
		seat(1, d.version, Submitted, 100_00, time.Minute), seat(2, second, Submitted, 59_99, 10*time.Second),
		seat(3, second, Expired, 60_00, 30*time.Second), seat(4, second, InProgress, 0, 0), seat(5, second, Submitted, 0, 20*time.Second),
	})
	r := get[ResultsSummary](d, asViewer, path)
	want := Counts{Total: 4, InProgress: 1, Submitted: 2, Expired: 1, Passed: 1, Failed: 2}
	if r.Version != 2 || r.Counts != want || r.Funnel != (Funnel{Started: 4, Submitted: 2, Expired: 1, Passed: 1}) {
		t.Errorf("latest: version %d %+v %+v", r.Version, r.Counts, r.Funnel)
	}
	if *r.PassRate != 33_33 || *r.MeanScore != 40_00 || *r.MedianScore != 59_99 || *r.LowestScore != 0 || *r.HighestScore != 60_00 || *r.MedianTime != 20 {
		t.Errorf("figures: %v %v %v %v %v %v", *r.PassRate, *r.MeanScore, *r.MedianScore, *r.LowestScore, *r.HighestScore, *r.MedianTime)
	}
	if r.Histogram[5].Count != 1 || r.Histogram[6].Count != 1 || r.Histogram[0].Count != 1 {
		t.Errorf("histogram: %+v", r.Histogram)
	}
	if first := get[ResultsSummary](d, asViewer, path+"?version=1"); first.Version != 1 || first.Counts.Total != 1 || *first.MedianScore != 100_00 {
		t.Errorf("first version: %+v", first.Counts)
	}
	d.wants(d.call(asViewer, "GET", path+"?version=3", nil), 404, "version_not_found")
	d.wants(d.call(asViewer, "GET", path+"?version=0", nil), 422, "invalid_input")
	d.wants(d.call(asViewer, "GET", path+"?versoin=1", nil), 422, "invalid_input")
}
