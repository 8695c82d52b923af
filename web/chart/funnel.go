package chart

import (
	"html/template"
	"strconv"
	"strings"
)

// Step is one stage of a Funnel.
type Step struct {
	Name  string
	Count int
	Note  string // what became of those who are no longer in it; may be empty
	Goal  bool   // what is measured, rather than what it is compared with
}

// Funnel shows how many got how far, each against the first. Of fewer than ten people it gives counts, no per cents.
func Funnel(steps ...Step) template.HTML {
	var b strings.Builder
	b.WriteString(`<ol class="funnel">`)
	whole := 0
	if len(steps) > 0 {
		whole = steps[0].Count
	}
	for _, s := range steps {
		part := 0.0
		if whole > 0 {
			part = bounded(float64(s.Count) / float64(whole))
		}
		kind := "off"
		if s.Goal {
			kind = "done"
		}
		b.WriteString(`<li><span class="fl">` + template.HTMLEscapeString(s.Name) + `</span>` + open("fb", 14, "") +
			`<rect class="tr" x="0" y="0" width="100%" height="14" rx="2"/>` + rect(fill(kind), 0, part, 0, 14) + `</svg>` +
			`<b class="num">` + strconv.Itoa(s.Count) + `</b>`)
		if whole >= Few {
			b.WriteString(`<span class="num meta fp">` + strconv.Itoa(int(100*part+0.5)) + `%</span>`)
		}
		if s.Note != "" {
			b.WriteString(`<span class="meta fd">` + template.HTMLEscapeString(s.Note) + `</span>`)
		}
		b.WriteString(`</li>`)
	}
	b.WriteString(`</ol>`)
	return template.HTML(b.String())
}

// Few is the number of people below which a page shows counts, no distributions and no per cents: one person could be picked
// out of them, and a single score would look like a trend.
const Few = 10
