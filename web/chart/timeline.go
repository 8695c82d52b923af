package chart

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"
)

// Line is when the answers of one attempt were saved.
type Line struct {
	Title  string // id of the element that names the chart
	Says   string // id of the element with its finding
	Length time.Duration
	Saves  []Save // in the order of their time
}

// Save is one answer as it was saved last.
type Save struct {
	At     time.Duration // since the start
	Number int           // of its question
	Share  float64       // of its points, 0 to 1; below 0 while nobody has scored it
}

// The rows of the drawing, in pixels.
const (
	lineNumbers = 12.0
	lineTop     = 20.0
	lineTall    = 20.0
	lineWide    = 9.0 // of one answer
	lineTicks   = 72.0
)

// Timeline puts each answer where it was saved. How full its mark is says what it earned, so that colour alone says nothing.
func Timeline(l Line) template.HTML {
	if l.Length <= 0 {
		l.Length = time.Minute
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart line" width="100%%" height="78" role="img" aria-labelledby="%s" aria-describedby="%s">`,
		template.HTMLEscapeString(l.Title), template.HTMLEscapeString(l.Says))
	step := minutes(l.Length)
	for at := time.Duration(0); at <= l.Length; at += step {
		part := float64(at) / float64(l.Length)
		class, anchor := "x", "middle"
		if at/step%2 == 1 { // a narrow page shows every other one
			class = "x odd"
		}
		switch {
		case at == 0:
			anchor = "start"
		case part > 0.95:
			anchor = "end"
		}
		fmt.Fprintf(&b, `<line class="g" x1="%s" x2="%[1]s" y1="%s" y2="%s"/><text class="%[7]s" x="%[1]s" y="%[4]s" text-anchor="%[5]s">%[6]d min</text>`,
			per(part), number(lineTop+lineTall+4), number(lineTicks-14), number(lineTicks), anchor, at/time.Minute, class)
	}
	fmt.Fprintf(&b, `<line class="ax" x1="0" x2="100%%" y1="%s" y2="%[1]s"/>`, number(lineTop+lineTall+2))
	named, narrow := -1.0, -1.0
	for _, s := range l.Saves {
		at := bounded(float64(s.At) / float64(l.Length))
		s.draw(&b, at)
		if named >= 0 && at-named < 0.03 { // its number would stand on the last one's
			continue
		}
		named = at
		class := "n"
		if narrow >= 0 && at-narrow < 0.08 {
			class = "n odd"
		} else {
			narrow = at
		}
		fmt.Fprintf(&b, `<text class="%s" x="%s" y="%s" text-anchor="middle">%d</text>`, class, per(at), number(lineNumbers), s.Number)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

func (s Save) draw(b *strings.Builder, at float64) {
	box := func(class string, top, tall float64) {
		fmt.Fprintf(b, `<rect class="%s" x="%s" y="%s" width="%s" height="%s" rx="1.5" transform="translate(%s 0)"/>`,
			class, per(at), number(top), number(lineWide), number(tall), number(-lineWide/2))
	}
	fmt.Fprintf(b, `<g><title>Question %d, saved after %s%s</title>`, s.Number, Clock(s.At), s.earned())
	switch share := bounded(s.Share); {
	case s.Share < 0:
		box("w", lineTop, lineTall)
	case share == 1:
		box("b1", lineTop, lineTall)
	default:
		box("z", lineTop, lineTall)
		if share > 0 {
			box("b1", lineTop+lineTall*(1-share), lineTall*share)
		}
	}
	b.WriteString(`</g>`)
}

func (s Save) earned() string {
	switch {
	case s.Share < 0:
		return ""
	case s.Share >= 1:
		return ", all points"
	case s.Share > 0:
		return ", some points"
	}
	return ", no points"
}

// minutes is a step of the axis in whole minutes that makes at most seven of them.
func minutes(length time.Duration) time.Duration {
	for _, m := range []time.Duration{1, 2, 5, 10, 15, 30, 60, 120, 300, 600} {
		if length/(m*time.Minute) <= 6 {
			return m * time.Minute
		}
	}
	return length/6/time.Minute*time.Minute + time.Minute
}

// Clock is a span as minutes and seconds, 4:07, or with hours, 1:04:07.
func Clock(span time.Duration) string {
	s := int64(max(span, 0) / time.Second)
	text := fmt.Sprintf("%d:%02d", s/60%60, s%60)
	if s >= 3600 {
		text = strconv.FormatInt(s/3600, 10) + fmt.Sprintf(":%02d:%02d", s/60%60, s%60)
	}
	return text
}
