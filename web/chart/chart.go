// Package chart draws the pages' charts as SVG and plain HTML: attributes and classes alone, since the pages' policy refuses styles.
//
// Places along a chart are per cents of its width and its text has a size of its own, so that one drawing fits a phone and a
// wide screen without its words shrinking. Every bar begins at zero. Labels are text, whatever they hold.
package chart

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"

	"credlane/app/kit/exact"
)

// Lane is a row of dashes, one for each state: "done", "part", "wait", "bad", "late" or "off". The label says in words what they
// show; without one the lane says nothing to a screen reader, for where the words stand beside it.
func Lane(label string, states ...string) template.HTML { return lane("lane", label, states) }

// ThickLane is Lane in twice its height.
func ThickLane(label string, states ...string) template.HTML {
	return lane("lane thick", label, states)
}

func lane(class, label string, states []string) template.HTML {
	var b strings.Builder
	b.WriteString(`<span class="` + class + `"` + spoken(label) + `>`)
	for _, s := range states {
		if c := dashes(s); c != "" {
			b.WriteString(`<i class="` + c + `"></i>`)
			continue
		}
		b.WriteString(`<i></i>`)
	}
	b.WriteString(`</span>`)
	return template.HTML(b.String())
}

// dashes is the pattern of a state, so that its colour is not all that tells it from another.
func dashes(state string) string {
	switch state {
	case "done":
		return "done"
	case "part":
		return "now"
	case "bad":
		return "stop"
	case "late":
		return "care"
	case "off":
		return "void"
	}
	return ""
}

// Segment is a part of a Bar.
type Segment struct {
	Share float64 // of the whole, 0 to 1
	Kind  string  // "done" is what is measured, "off" what it is compared with, "late" needs a look, "bad" failed
}

// Bar is one line of segments, one after the other from the start.
func Bar(label string, segments ...Segment) template.HTML {
	var b strings.Builder
	b.WriteString(open("hbar", 6, label))
	b.WriteString(track)
	from := 0.0
	for _, s := range segments {
		share := min(bounded(s.Share), 1-from)
		if share > 0 {
			b.WriteString(rect(fill(s.Kind), from, share, 0, 6))
		}
		from += share
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

// Score is a bar of one score with its pass mark. One below the mark is drawn as what it is compared with.
func Score(score, pass exact.Score) template.HTML {
	kind := "done"
	if score < pass {
		kind = "off"
	}
	return template.HTML(open("hbar", 6, fmt.Sprintf("%s%%, pass mark %s%%", score, pass)) + track +
		rect(fill(kind), 0, share(score), 0, 6) + mark(share(pass), -3, 12) + `</svg>`)
}

// Spark is the course of a few counts; its height begins at zero. With nothing to show it is a flat line.
func Spark(label string, values []int) template.HTML {
	const width, low, high, side = 88.0, 22.0, 4.0, 2.0
	most := 0
	for _, v := range values {
		most = max(most, v)
	}
	class := "spark"
	if most == 0 {
		class, most = "spark off", 1
	}
	if len(values) == 0 {
		values = []int{0, 0}
	}
	points := make([]string, len(values))
	x, y := 0.0, low
	for i, v := range values {
		x = width - side
		if len(values) > 1 {
			x = side + (width-2*side)*float64(i)/float64(len(values)-1)
		}
		y = low - (low-high)*float64(max(v, 0))/float64(most)
		points[i] = number(x) + "," + number(y)
	}
	first, _, _ := strings.Cut(points[0], ",")
	line := strings.Join(points, " ")
	return template.HTML(`<svg class="` + class + `" viewBox="0 0 88 24" width="88" height="24"` + spoken(label) + `><polygon class="ar" points="` +
		first + "," + number(low) + " " + line + " " + number(x) + "," + number(low) + `"/><polyline points="` + line +
		`"/><circle cx="` + number(x) + `" cy="` + number(y) + `" r="2.5"/></svg>`)
}

// Ring is one score with its pass mark.
func Ring(score, pass exact.Score) template.HTML {
	const radius = 57.0
	round := 2 * math.Pi * radius
	text, class := score.String()+"%", ""
	if len(text) > len("100%") {
		class = ` class="long"`
	}
	angle := strconv.FormatFloat(360*share(pass), 'f', 2, 64)
	return template.HTML(`<svg class="ring" viewBox="0 0 132 132" width="132" height="132" role="img" aria-label="` +
		fmt.Sprintf("%s per cent, pass mark %s per cent", score, pass) + `"><g transform="rotate(-90 66 66)">` +
		`<circle class="tr" cx="66" cy="66" r="57"/><circle class="vl" cx="66" cy="66" r="57" stroke-dasharray="` +
		number(round*share(score)) + " " + number(round) + `"/><g transform="rotate(` + angle + ` 66 66)"><path class="th" d="M117 66h13"/></g></g>` +
		`<text x="66" y="72"` + class + `>` + text + `</text><text class="sub" x="66" y="91">pass at ` + pass.String() + `%</text></svg>`)
}

// The ends of Diverging: correlations below the lower one are rare enough to be cut, their number stands beside the bar.
const (
	divergingLow  = -0.5
	divergingHigh = 1.0
)

// Diverging is a value from -1 to 1 on a line with its zero: what is negative points the other way and is marked as wrong.
func Diverging(label string, value float64) template.HTML {
	const width = divergingHigh - divergingLow
	const zero = -divergingLow / width
	v := value
	if math.IsNaN(v) {
		v = 0
	}
	v = max(divergingLow, min(divergingHigh, v))
	from, kind := zero, "done"
	if v < 0 {
		from, kind = zero+v/width, "bad"
	}
	return template.HTML(open("hbar diverging", 6, label) + track + rect(fill(kind), from, math.Abs(v)/width, 0, 6) +
		`<line class="zero" x1="` + per(zero) + `" x2="` + per(zero) + `" y1="-3" y2="9"/></svg>`)
}

const track = `<rect class="tr" x="0" y="0" width="100%" height="6" rx="2"/>`

func open(class string, height int, label string) string {
	return `<svg class="` + class + `" width="100%" height="` + strconv.Itoa(height) + `"` + spoken(label) + `>`
}

// rect is a bar of a chart, from and wide as shares of its width, high and tall in pixels.
func rect(class string, from, wide, top, tall float64) string {
	return `<rect class="` + class + `" x="` + per(from) + `" y="` + number(top) + `" width="` + per(wide) + `" height="` + number(tall) + `" rx="1.5"/>`
}

// mark is a threshold: a line in ink across the bar.
func mark(at float64, top, tall float64) string {
	return `<line class="th" x1="` + per(at) + `" x2="` + per(at) + `" y1="` + number(top) + `" y2="` + number(top+tall) + `"/>`
}

func fill(kind string) string {
	switch kind {
	case "off", "wait":
		return "b2"
	case "late", "part":
		return "b3"
	case "bad":
		return "bad"
	}
	return "b1"
}

func spoken(label string) string {
	if label == "" {
		return ` aria-hidden="true"`
	}
	return ` role="img" aria-label="` + template.HTMLEscapeString(label) + `"`
}

func share(s exact.Score) float64 { return bounded(float64(s) / float64(exact.FullScore)) }

func bounded(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return max(0, min(1, v))
}

// per is a share as a per cent of the width.
func per(share float64) string { return number(100*share) + "%" }

// number has no more digits than a pixel needs and never an exponent.
func number(v float64) string {
	text := strconv.FormatFloat(v, 'f', 2, 64)
	text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	if text == "-0" || text == "" {
		return "0"
	}
	return text
}
