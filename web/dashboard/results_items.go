package dashboard

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/exact"
	"credlane/app/kit/question"
	"credlane/modules/invites"
	"credlane/modules/submissions"
	"credlane/web"
	"credlane/web/chart"
)

// draw makes the charts and tables of a version that enough people took.
func (p *resultsPage) draw(sent invites.Figures) {
	s := p.Summary
	hist := chart.Hist{Title: "scores", Says: "scores-finding", Pass: s.PassingScore}
	width := exact.FullScore / exact.Score(len(s.Histogram))
	for i, n := range s.Histogram {
		hist.Bars = append(hist.Bars, chart.Column{From: width * exact.Score(i), To: width * exact.Score(i+1), Count: n})
	}
	p.Histogram, p.Finding = chart.Histogram(hist), finding(hist.Bars, s.PassingScore)
	p.Funnel, p.FunnelOf = p.funnel(sent)
	p.Items = itemsOf(s, p.Look)
	p.Trust, p.Precision = trust(s.Analysis.Alpha), precision(s.Analysis.SEM, s.PointsTotal)
}

// finding says in one sentence what the histogram shows.
func finding(bars []chart.Column, pass exact.Score) string {
	most, below := 0, -1
	for i, b := range bars {
		if b.Count > bars[most].Count {
			most = i
		}
		if b.To == pass {
			below = b.Count
		}
	}
	said := fmt.Sprintf("People by score, in steps of %s. ", bars[0].To)
	if below >= 0 {
		return said + fmt.Sprintf("%s within %s points below the pass mark.", web.Plural(below, "person is", "people are"), bars[0].To)
	}
	return said + fmt.Sprintf("Most of them, %d, scored %s to %s%%.", bars[most].Count, bars[most].From, bars[most].To)
}

// funnel is the way from the invite to the pass, or without invites from the start.
func (p *resultsPage) funnel(sent invites.Figures) (template.HTML, string) {
	if sent.Invited == 0 {
		n := p.Shown
		return chart.Funnel(
			chart.Step{Name: "Started", Count: n.Started},
			chart.Step{Name: "Submitted", Count: n.Ended, Note: lost(n.Started-n.Ended, "in progress")},
			chart.Step{Name: "Passed", Count: n.Passed, Note: lost(n.Ended-n.Passed, "below the pass mark"), Goal: true},
		), "Everybody who came by the public link."
	}
	n := p.All
	of := "Personal invites, over all versions."
	if public := n.Started - n.Invited; public > 0 {
		of += " " + web.Plural(public, "more person", "more people") + " came by the public link."
	}
	if sent.Invited >= invites.MaxFigured {
		of = fmt.Sprintf("The latest %d personal invites.", invites.MaxFigured)
	}
	return chart.Funnel(
		chart.Step{Name: "Invited", Count: sent.Invited},
		chart.Step{Name: "Opened", Count: sent.Opened, Note: lost(sent.Invited-sent.Opened, "never opened")},
		chart.Step{Name: "Started", Count: sent.Started, Note: lost(sent.Opened-sent.Started, "opened, not started")},
		chart.Step{Name: "Submitted", Count: n.InvitedEnded, Note: lost(sent.Started-n.InvitedEnded, "in progress")},
		chart.Step{Name: "Passed", Count: n.InvitedPassed, Note: lost(n.InvitedEnded-n.InvitedPassed, "below the pass mark"), Goal: true},
	), of
}

func lost(n int, how string) string {
	if n <= 0 {
		return ""
	}
	return strconv.Itoa(n) + " " + how
}

// itemTable is the analysis of the questions.
type itemTable struct {
	Rows     []itemRow
	Care     int // how many need a look
	Of       int
	Heads    map[string]sortHead
	From, To int // the places of the first and the last row
	Previous string
	Next     string
}

// itemRow is the analysis of one question.
type itemRow struct {
	submissions.ItemStats
	Place   int
	Heading string
	Kind    string
	Icon    string
	Share   template.HTML // the bar of its difficulty
	Apart   template.HTML // the bar of its discrimination
	Flagged []flagged
	Reading string // without flags: what the figures mean
	More    string // the address at which its choices are counted; "" of a type that is typed
	Less    string // and that without them, while they are
	Choices []choiceBar
}

// choiceBar is how many chose one option.
type choiceBar struct {
	submissions.Choice
	Plain bool // true or false, no Markdown
	Share string
	Bar   template.HTML
}

// flagged is a reason to look at a question; its tone is that of a wrong key or of a weak question.
type flagged struct{ Words, Tone string }

// Percent is the share of its points that people earned, in whole per cent; "" where it is undefined.
func (r itemRow) Percent() string {
	if r.Difficulty() == nil {
		return ""
	}
	return strconv.Itoa(int(math.Round(100**r.Difficulty()))) + "%"
}

// Difficulty is p, nil where it is undefined.
func (r itemRow) Difficulty() *float64 { return r.Item.Difficulty }

// Discrimination is the correlation with the rest of the test, with its sign; "" where it is undefined.
func (r itemRow) Discrimination() string { return signed(r.ItemRest) }

// signed is a number of two decimals with its sign.
func signed(v *float64) string {
	if v == nil {
		return ""
	}
	text := strconv.FormatFloat(math.Abs(*v), 'f', 2, 64)
	switch {
	case text == "0.00":
		return text
	case *v < 0:
		return "−" + text
	}
	return "+" + text
}

func itemsOf(s submissions.Summary, look resultsLook) itemTable {
	t := itemTable{Of: len(s.Questions), Heads: look.itemHeads()}
	order := make([]int, len(s.Questions))
	for i, q := range s.Questions {
		order[i] = i
		if len(q.Flags) > 0 {
			t.Care++
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return look.compare(s.Questions[a], s.Questions[b]) })
	first := min(look.page*itemRows, max(0, (t.Of-1)/itemRows*itemRows))
	last := min(first+itemRows, t.Of)
	t.From, t.To = first+1, last
	if first > 0 {
		t.Previous = look.url("page", strconv.Itoa(first/itemRows-1)) + "#questions"
	}
	if last < t.Of {
		t.Next = look.url("page", strconv.Itoa(first/itemRows+1)) + "#questions"
	}
	for _, i := range order[first:last] {
		row := itemOf(s.Questions[i], i+1)
		if row.Type.HasOptions() || row.Type == question.TrueFalse {
			row.More = look.url("choices", row.ID.String(), "page", pageOf(first)) + "#i-" + row.ID.String()
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// pageOf is the parameter of the page that begins with a question, "" for the first.
func pageOf(first int) string {
	if first == 0 {
		return ""
	}
	return strconv.Itoa(first / itemRows)
}

// open counts the options of the question that is asked for, if the page shows it.
func (t *itemTable) open(look resultsLook, ended int, count func(uuid.UUID) ([]submissions.Choice, error)) error {
	for i := range t.Rows {
		row := &t.Rows[i]
		if row.ID != look.choices || row.More == "" {
			continue
		}
		list, err := count(row.ID)
		if err != nil {
			return err
		}
		row.Less = look.url("page", pageOf((t.From-1)/itemRows*itemRows)) + "#i-" + row.ID.String()
		for _, c := range list {
			part := float64(c.Count) / float64(ended)
			kind := "off"
			if c.Right {
				kind = "done"
			}
			row.Choices = append(row.Choices, choiceBar{
				Choice: c, Plain: row.Type == question.TrueFalse, Share: strconv.Itoa(int(math.Round(100*part))) + "%",
				Bar: chart.Bar("", chart.Segment{Share: part, Kind: kind}),
			})
		}
	}
	return nil
}

// compare orders two questions as the page does: those that need a look first, unless something else is asked for.
func (l resultsLook) compare(a, b submissions.ItemStats) int {
	switch l.items {
	case itemsByPlace:
		return 0
	case itemsByDifficulty:
		return cmp.Compare(figure(a.Item.Difficulty), figure(b.Item.Difficulty))
	case itemsByDiscrimination:
		return cmp.Compare(figure(a.ItemRest), figure(b.ItemRest))
	}
	if byNeed := cmp.Compare(need(a), need(b)); byNeed != 0 {
		return byNeed
	}
	return cmp.Compare(figure(a.ItemRest), figure(b.ItemRest))
}

// need is 0 for a question whose key may be wrong, 1 for another one to look at.
func need(q submissions.ItemStats) int {
	switch {
	case len(q.Flags) == 0:
		return 2
	case suspect(q):
		return 0
	}
	return 1
}

// keyFlag is the flag of a question whose key may be wrong.
const keyFlag = "negative_discrimination"

func suspect(q submissions.ItemStats) bool {
	for _, f := range q.Flags {
		if string(f) == keyFlag {
			return true
		}
	}
	return false
}

// figure puts what is undefined after everything.
func figure(v *float64) float64 {
	if v == nil {
		return math.Inf(1)
	}
	return *v
}

func (l resultsLook) itemHeads() map[string]sortHead {
	head := func(label, class, by string) sortHead {
		h := sortHead{Label: label, Class: class, URL: l.url("items", by) + "#questions", Icon: "sort"}
		if l.items == by {
			h.State, h.Icon, h.URL = "ascending", "down", l.url("items", "")+"#questions"
		}
		return h
	}
	return map[string]sortHead{
		"place": head("Question", "h-who", itemsByPlace), "share": head("Answered correctly", "h-share", itemsByDifficulty),
		"apart": head("Discrimination", "h-apart", itemsByDiscrimination),
	}
}

func itemOf(q submissions.ItemStats, place int) itemRow {
	r := itemRow{ItemStats: q, Place: place, Heading: headline(q.Prompt)}
	kind := kindOf(q.Type)
	r.Kind, r.Icon = kind.Short, kind.Icon
	if p := q.Item.Difficulty; p != nil {
		r.Share = chart.Bar("", chart.Segment{Share: *p, Kind: "done"})
	}
	if d := q.ItemRest; d != nil {
		r.Apart = chart.Diverging("", *d)
	}
	for _, f := range q.Flags {
		tone := "t-warn"
		if string(f) == keyFlag {
			tone = "t-bad"
		}
		r.Flagged = append(r.Flagged, flagged{flagWords(string(f)), tone})
	}
	if len(r.Flagged) == 0 {
		r.Reading = reading(q.Item.Difficulty, q.ItemRest)
	}
	return r
}

// headlineLength is how much of a prompt stands in a line of a list, in characters.
const headlineLength = 110

// headline is the beginning of a prompt as one line without its Markdown.
func headline(prompt string) string {
	text := strings.Join(strings.Fields(strings.NewReplacer("```", " ", "`", "", "**", "", "__", "", "#", "").Replace(prompt)), " ")
	if runes := []rune(text); len(runes) > headlineLength {
		text = strings.TrimSpace(string(runes[:headlineLength-1])) + "…"
	}
	if text == "" {
		return "Question without words"
	}
	return text
}

// lasting is a length of time as people say it.
func lasting(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d h %02d min", d/time.Hour, d%time.Hour/time.Minute)
}
