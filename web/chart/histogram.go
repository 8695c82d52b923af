package chart

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"

	"credlane/app/kit/exact"
)

// Hist is how many people had which score, with the pass mark.
type Hist struct {
	Title string // id of the element that names the chart
	Says  string // id of the element with its finding
	Pass  exact.Score
	Bars  []Column // side by side, from 0 to 100 per cent
}

// Column is one bar of a Hist.
type Column struct {
	From, To exact.Score
	Count    int
}

// The rows of the drawing, in pixels.
const (
	histHeight = 214.0
	histTop    = 46.0  // of the highest bar: its number stands above
	histTip    = 30.0  // what a bar says, under the pass mark's label and over every number
	histBase   = 186.0 // of every bar
	histTicks  = 206.0
	histGap    = 0.3 // per cent of the width on each side of a bar
)

// Histogram draws the bars from zero. A bar says its figures while it is pointed at or has the focus. Where the pass mark cuts a bar, its part below the mark has the colour of what is below.
func Histogram(h Hist) template.HTML {
	most := 0
	for _, c := range h.Bars {
		most = max(most, c.Count)
	}
	step, top := scale(most)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart hist" width="100%%" height="%s" role="group" aria-labelledby="%s" aria-describedby="%s">`,
		number(histHeight), template.HTMLEscapeString(h.Title), template.HTMLEscapeString(h.Says))
	for v := 0; v <= top; v += step {
		y := histBase - (histBase-histTop)*float64(v)/float64(top)
		class := "g"
		if v == 0 {
			class = "ax"
		}
		fmt.Fprintf(&b, `<line class="%s" x1="0" x2="100%%" y1="%s" y2="%[2]s"/><text class="y" x="-8" y="%s" text-anchor="end">%d</text>`,
			class, number(y), number(y+4), v)
	}
	for _, c := range h.Bars {
		h.column(&b, c, top)
	}
	h.ticks(&b)
	at := share(h.Pass)
	fmt.Fprintf(&b, `<line class="mk" x1="%s" x2="%[1]s" y1="6" y2="%s"/>`, per(at), number(histBase))
	anchor, shift := "start", "7"
	if at > 0.7 { // near the end its label stands before the mark
		anchor, shift = "end", "-7"
	}
	fmt.Fprintf(&b, `<text class="lab" x="%s" dx="%s" y="16" text-anchor="%s">Pass at %s%%</text></svg>`, per(at), shift, anchor, h.Pass)
	return template.HTML(b.String())
}

func (h Hist) column(b *strings.Builder, c Column, top int) {
	if c.Count <= 0 {
		return
	}
	tall := (histBase - histTop) * float64(c.Count) / float64(top)
	from, to := 100*share(c.From)+histGap, 100*share(c.To)-histGap
	pass := 100 * share(h.Pass)
	says := fmt.Sprintf("%s to %s%%: %s", c.From, c.To, people(c.Count))
	fmt.Fprintf(b, `<g class="col" tabindex="0" role="img" aria-label="%s">`, says)
	if below := min(to, pass) - from; below > 0 {
		b.WriteString(rect("b2", from/100, below/100, histBase-tall, tall))
	}
	if above := to - max(from, pass); above > 0 {
		b.WriteString(rect("b1", max(from, pass)/100, above/100, histBase-tall, tall))
	}
	fmt.Fprintf(b, `<text class="n" x="%s" y="%s" text-anchor="middle">%d</text>`, per((from+to)/200), number(histBase-tall-5), c.Count)
	x, anchor := (from+to)/200, "middle"
	switch { // at the edges it stands inside of the drawing
	case from < 20:
		x, anchor = from/100, "start"
	case to > 80:
		x, anchor = to/100, "end"
	}
	fmt.Fprintf(b, `<text class="tip" aria-hidden="true" x="%s" y="%s" text-anchor="%s">%s</text></g>`, per(x), number(histTip), anchor, says)
}

// ticks are at every tenth; a narrow page shows every other one.
func (h Hist) ticks(b *strings.Builder) {
	for v := 0; v <= 100; v += 10 {
		class, anchor, text := "x", "middle", strconv.Itoa(v)
		if v%20 != 0 {
			class = "x odd"
		}
		switch v { // where they stand apart on a narrow page too
		case 0:
			text = "0%"
		case 100:
			anchor = "end"
		}
		fmt.Fprintf(b, `<text class="%s" x="%d%%" y="%s" text-anchor="%s">%s</text>`, class, v, number(histTicks), anchor, text)
	}
}

// scale gives the step of the grid, a number that people count in, and where it ends: at most five lines, at or over the most.
func scale(most int) (step, top int) {
	most = max(most, 1)
	for size := 1; ; size *= 10 {
		for _, unit := range []int{1, 2, 5} {
			if step := unit * size; (most+step-1)/step <= 4 {
				return step, (most + step - 1) / step * step
			}
		}
	}
}

func people(n int) string {
	if n == 1 {
		return "1 person"
	}
	return strconv.Itoa(n) + " people"
}
