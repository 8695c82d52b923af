package chart_test

import (
	"encoding/xml"
	"html/template"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"credlane/app/kit/exact"
	"credlane/web/chart"
)

// element is one element of a chart with its attributes.
type element struct {
	name string
	attr map[string]string
}

// class tells whether the element has the class.
func (e element) class(want string) bool {
	for have := range strings.FieldsSeq(e.attr["class"]) {
		if have == want {
			return true
		}
	}
	return false
}

// at reads an attribute that is a number, a per cent among them.
func (e element) at(t fataler, name string) float64 {
	v, err := strconv.ParseFloat(strings.TrimSuffix(e.attr[name], "%"), 64)
	if err != nil {
		t.Fatalf("%s of %v: %v", name, e, err)
	}
	return v
}

// mid is the middle of a bar, in per cent of the width; 0 of what is none.
func (e element) mid(t fataler) float64 {
	if e.name != "rect" {
		return 0
	}
	return e.at(t, "x") + e.at(t, "width")/2
}

type fataler interface{ Fatalf(string, ...any) }

// parse reads a chart, which has to be well formed and free of what the pages' policy refuses.
func parse(t fataler, drawn template.HTML) (all []element, text string) {
	d := xml.NewDecoder(strings.NewReader(string(drawn)))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return all, text
		}
		if err != nil {
			t.Fatalf("%v in %s", err, drawn)
		}
		switch v := token.(type) {
		case xml.CharData:
			text += string(v) + "|"
		case xml.StartElement:
			e := element{v.Name.Local, map[string]string{}}
			for _, a := range v.Attr {
				if a.Name.Local == "style" || strings.HasPrefix(a.Name.Local, "on") {
					t.Fatalf("%s has %s", v.Name.Local, a.Name.Local)
				}
				if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") || strings.Contains(a.Value, "e+") {
					t.Fatalf("%s=%q", a.Name.Local, a.Value)
				}
				e.attr[a.Name.Local] = a.Value
			}
			all = append(all, e)
		}
	}
}

func having(all []element, name, class string) []element {
	var found []element
	for _, e := range all {
		if e.name == name && e.class(class) {
			found = append(found, e)
		}
	}
	return found
}

const hostile = `"><script>alert(1)</script>&'`

func TestALabelIsTextWhateverItHolds(t *testing.T) {
	t.Parallel()
	for name, drawn := range map[string]template.HTML{
		"lane":      chart.Lane(hostile, "done", hostile),
		"bar":       chart.Bar(hostile, chart.Segment{Share: 0.5, Kind: hostile}),
		"spark":     chart.Spark(hostile, []int{1, 2}),
		"diverging": chart.Diverging(hostile, 0.3),
		"funnel":    chart.Funnel(chart.Step{Name: hostile, Count: 12, Note: hostile}),
		"histogram": chart.Histogram(chart.Hist{Title: hostile, Says: hostile}),
		"timeline":  chart.Timeline(chart.Line{Title: hostile, Says: hostile}),
	} {
		all, text := parse(t, drawn)
		if strings.Contains(string(drawn), "<script") {
			t.Errorf("%s lets a script through: %s", name, drawn)
		}
		kept := strings.Contains(text, hostile)
		for _, e := range all {
			for _, v := range e.attr {
				kept = kept || v == hostile
			}
		}
		if !kept {
			t.Errorf("%s lost its label: %s", name, drawn)
		}
	}
}

func TestALaneHasADashForEachStateAndSpeaks(t *testing.T) {
	t.Parallel()
	all, _ := parse(t, chart.Lane("Sent, opened", "done", "part", "wait", "bad", "late", "off"))
	if all[0].attr["role"] != "img" || all[0].attr["aria-label"] != "Sent, opened" {
		t.Errorf("%v does not speak", all[0])
	}
	var classes []string
	for _, e := range all[1:] {
		classes = append(classes, e.attr["class"])
	}
	if got := strings.Join(classes, ","); got != "done,now,,stop,care,void" {
		t.Errorf("the dashes are %s", got)
	}
	if all, _ = parse(t, chart.Lane("", "done")); all[0].attr["aria-hidden"] != "true" {
		t.Error("a lane without words speaks")
	}
}

func TestABarBeginsAtZeroAndStaysWithinItsTrack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		segments := make([]chart.Segment, rapid.IntRange(0, 5).Draw(t, "segments"))
		for i := range segments {
			segments[i].Share = rapid.Float64().Draw(t, "share")
			segments[i].Kind = rapid.SampledFrom([]string{"done", "off", "late", "bad", "?"}).Draw(t, "kind")
		}
		all, _ := parse(t, chart.Bar("b", segments...))
		from := 0.0
		for _, e := range all {
			if e.name != "rect" || e.class("tr") {
				continue
			}
			if x := e.at(t, "x"); math.Abs(x-from) > 0.02 {
				t.Fatalf("a segment begins at %v, not at %v", x, from)
			}
			from += e.at(t, "width")
		}
		if from > 100.05 {
			t.Fatalf("the bar ends at %v per cent", from)
		}
	})
}

func TestAScoreBelowItsMarkIsDrawnAsTheOtherSeries(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		score, pass exact.Score
		class       string
		wide, mark  float64
	}{
		{6999, 7000, "b2", 69.99, 70}, {7000, 7000, "b1", 70, 70}, {exact.FullScore, 0, "b1", 100, 0}, {0, exact.FullScore, "b2", 0, 100},
	} {
		all, _ := parse(t, chart.Score(c.score, c.pass))
		bar, mark := having(all, "rect", c.class), having(all, "line", "th")
		if len(bar) != 1 || bar[0].at(t, "width") != c.wide || bar[0].at(t, "x") != 0 || mark[0].at(t, "x1") != c.mark {
			t.Errorf("%s of %s: %v %v", c.score, c.pass, bar, mark)
		}
	}
}

func TestASparkIsHighestAtItsMostAndLiesOnItsBaseForNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.IntRange(0, 1_000_000), 1, 40).Draw(t, "values")
		all, _ := parse(t, chart.Spark("s", values))
		for _, e := range all {
			if e.name != "polyline" {
				continue
			}
			points := strings.Fields(e.attr["points"])
			if len(points) != len(values) {
				t.Fatalf("%d points for %d values", len(points), len(values))
			}
			most := 0
			for _, v := range values {
				most = max(most, v)
			}
			last := -1.0
			for i, p := range points {
				x, y := pair(t, p)
				want := 22.0
				if most > 0 {
					want = 22 - 18*float64(values[i])/float64(most)
				}
				if math.Abs(y-want) > 0.01 || x <= last {
					t.Fatalf("%d of %d at %s", values[i], most, p)
				}
				last = x
			}
		}
	})
	if !strings.Contains(string(chart.Spark("s", nil)), `class="spark off"`) {
		t.Error("nothing is drawn as something")
	}
}

func pair(t fataler, point string) (x, y float64) {
	a, b, _ := strings.Cut(point, ",")
	x, err := strconv.ParseFloat(a, 64)
	if err != nil {
		t.Fatalf("%v", err)
	}
	if y, err = strconv.ParseFloat(b, 64); err != nil {
		t.Fatalf("%v", err)
	}
	return x, y
}

func TestAHistogramStandsOnZeroAndItsHeightsFollowItsCounts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := chart.Hist{Title: "t", Says: "s", Pass: exact.Score(rapid.IntRange(0, int(exact.FullScore)).Draw(t, "pass"))}
		for i := range 10 {
			h.Bars = append(h.Bars, chart.Column{From: exact.Score(1000 * i), To: exact.Score(1000 * (i + 1)), Count: rapid.IntRange(0, 5000).Draw(t, "count")})
		}
		all, text := parse(t, chart.Histogram(h))
		base := having(all, "line", "ax")
		if len(base) != 1 || len(having(all, "line", "g")) > 4 {
			t.Fatalf("%d bases, %d grid lines", len(base), len(having(all, "line", "g")))
		}
		checkColumns(t, h, all, base[0].at(t, "y1"))
		if !strings.Contains(text, "|Pass at "+h.Pass.String()+"%|") {
			t.Fatalf("the pass mark says nothing in %s", text)
		}
	})
}

// checkColumns compares every piece of a bar with its count: all stand on the base, as high as the count asks, on their side
// of the pass mark.
func checkColumns(t *rapid.T, h chart.Hist, all []element, base float64) {
	unit, pass, most := 0.0, float64(h.Pass)/100, 0
	for _, e := range all { // one person's height, from the highest bar, where rounding matters least
		if at := int(e.mid(t) / 10); e.name == "rect" && h.Bars[at].Count > most {
			most = h.Bars[at].Count
			unit = e.at(t, "height") / float64(most)
		}
	}
	for _, e := range all {
		if e.name != "rect" {
			continue
		}
		x, wide, y, tall := e.at(t, "x"), e.at(t, "width"), e.at(t, "y"), e.at(t, "height")
		count := h.Bars[int(e.mid(t)/10)].Count
		if math.Abs(y+tall-base) > 0.02 {
			t.Fatalf("a bar of %d ends at %v, the base is at %v", count, y+tall, base)
		}
		if math.Abs(tall-unit*float64(count)) > 0.02 {
			t.Fatalf("a bar of %d is %v high, one person is %v", count, tall, unit)
		}
		if e.class("b2") && x+wide > pass+0.02 || e.class("b1") && x < pass-0.02 {
			t.Fatalf("a bar from %v to %v has the wrong colour for %v", x, x+wide, pass)
		}
	}
}

func TestADivergingBarStartsAtItsZeroAndPointsLeftBelowIt(t *testing.T) {
	t.Parallel()
	for value, class := range map[float64]string{0.52: "b1", -0.11: "bad", 1: "b1", -1: "bad", 0: "b1", math.Inf(1): "b1"} {
		all, _ := parse(t, chart.Diverging("d", value))
		zero, bar := having(all, "line", "zero")[0].at(t, "x1"), having(all, "rect", class)
		if len(bar) != 1 {
			t.Fatalf("%v is not drawn as %s", value, class)
		}
		from, wide := bar[0].at(t, "x"), bar[0].at(t, "width")
		if value >= 0 && from != zero || value < 0 && math.Abs(from+wide-zero) > 0.02 || from < 0 || from+wide > 100.02 {
			t.Errorf("%v goes from %v to %v, its zero is at %v", value, from, from+wide, zero)
		}
	}
	if all, _ := parse(t, chart.Diverging("d", math.NaN())); having(all, "rect", "b1")[0].at(t, "width") != 0 {
		t.Error("what is no number has a bar")
	}
}

func TestARingIsFilledToItsScoreAndSaysItWhole(t *testing.T) {
	t.Parallel()
	all, text := parse(t, chart.Ring(6667, 7050))
	value := having(all, "circle", "vl")[0]
	drawn, round, _ := strings.Cut(value.attr["stroke-dasharray"], " ")
	part, whole := number(t, drawn), number(t, round)
	if math.Abs(part/whole-0.6667) > 0.001 {
		t.Errorf("the ring is %v full", part/whole)
	}
	if text != "66.67%|pass at 70.5%|" || all[0].attr["aria-label"] != "66.67 per cent, pass mark 70.5 per cent" {
		t.Errorf("it says %s and %s", text, all[0].attr["aria-label"])
	}
}

func number(t fataler, text string) float64 {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return v
}

func TestAFunnelOfFewPeopleHasNoPerCents(t *testing.T) {
	t.Parallel()
	steps := []chart.Step{{Name: "Invited", Count: 148}, {Name: "Opened", Count: 137, Note: "11 never opened"}, {Name: "Passed", Count: 46, Goal: true}}
	all, text := parse(t, chart.Funnel(steps...))
	wide := having(all, "rect", "b2")
	if !strings.Contains(text, "|148|100%|") || !strings.Contains(text, "|137|93%|11 never opened|") || len(wide) != 2 ||
		wide[1].at(t, "width") != 92.57 || having(all, "rect", "b1")[0].at(t, "width") != 31.08 {
		t.Errorf("the funnel says %s, %v", text, wide)
	}
	steps[0].Count, steps[1].Count, steps[2].Count = 9, 8, 1
	if _, text = parse(t, chart.Funnel(steps...)); strings.Contains(text, "%") {
		t.Errorf("nine people are given in per cent: %s", text)
	}
	if _, text = parse(t, chart.Funnel(chart.Step{Name: "Invited"})); text != "Invited|0|" {
		t.Errorf("nobody is %s", text)
	}
}

func TestATimelinePutsEachAnswerWhereItWasSaved(t *testing.T) {
	t.Parallel()
	all, text := parse(t, chart.Timeline(chart.Line{Title: "t", Says: "s", Length: 40 * time.Minute, Saves: []chart.Save{
		{At: 10 * time.Minute, Number: 1, Share: 1}, {At: 10*time.Minute + time.Second, Number: 2, Share: 0}, {At: 30 * time.Minute, Number: 3, Share: 0.5},
		{At: 50 * time.Minute, Number: 4, Share: -1},
	}}))
	full, empty, waiting := having(all, "rect", "b1"), having(all, "rect", "z"), having(all, "rect", "w")
	if len(full) != 2 || full[0].at(t, "x") != 25 || full[0].at(t, "height") != 20 || full[1].at(t, "x") != 75 || full[1].at(t, "height") != 10 {
		t.Errorf("filled: %v", full)
	}
	if len(empty) != 2 || len(waiting) != 1 || waiting[0].at(t, "x") != 100 {
		t.Errorf("empty: %v, not scored: %v", empty, waiting)
	}
	if !strings.Contains(text, "|Question 1, saved after 10:00, all points|") || strings.Contains(text, "|2|") || !strings.Contains(text, "|40 min|") {
		t.Errorf("it says %s", text)
	}
}

func TestAnAxisOfAnyLengthHasFewTicks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		length := time.Duration(rapid.Int64Range(0, int64(2000*time.Hour)).Draw(t, "length"))
		all, _ := parse(t, chart.Timeline(chart.Line{Title: "t", Says: "s", Length: length}))
		if n := len(having(all, "line", "g")); n < 1 || n > 8 {
			t.Fatalf("%s has %d ticks", length, n)
		}
	})
}

func TestABarOfTheHistogramSaysItsFiguresAndTakesTheFocus(t *testing.T) {
	t.Parallel()
	all, text := parse(t, chart.Histogram(chart.Hist{Title: "t", Says: "s", Pass: 6000, Bars: []chart.Column{
		{From: 0, To: 1000, Count: 1}, {From: 5000, To: 6000}, {From: 9000, To: 10000, Count: 12},
	}}))
	var said []string
	for _, e := range having(all, "g", "col") {
		if e.attr["tabindex"] != "0" || e.attr["role"] != "img" {
			t.Errorf("%v takes no focus", e)
		}
		said = append(said, e.attr["aria-label"])
		if !strings.Contains(text, e.attr["aria-label"]) {
			t.Errorf("%q is not shown", e.attr["aria-label"])
		}
	}
	if want := []string{"0 to 10%: 1 person", "90 to 100%: 12 people"}; !slices.Equal(said, want) {
		t.Errorf("%q, want %q", said, want)
	}
	if all[0].attr["role"] == "img" {
		t.Error("a picture as a whole hides its bars")
	}
}
