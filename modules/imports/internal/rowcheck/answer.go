package rowcheck

import (
	"math/bits"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"credlane/modules/imports/internal/sheet"
)

// base is a reading of the answer column.
type base int

const (
	byText base = iota
	letter
	fromZero
	fromOne
	bases
)

func (b base) String() string { return [...]string{"text", "letter", "0", "1"}[b] }

func parseBase(s string) (base, bool) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "text":
		return byText, true
	case "letter":
		return letter, true
	case "0", "zero":
		return fromZero, true
	case "1", "one":
		return fromOne, true
	}
	return 0, false
}

// mask is a set of options by their place among the columns; bit 0 is option a.
type mask uint32

// choices are the options of a row by place; an empty text means that there is none at that place.
type choices struct {
	text  [MaxOptions]string
	col   [MaxOptions]int // 0-based column of each
	n     int             // places used, gaps included
	more  bool            // there are more than MaxOptions
	there mask
}

func (c *choices) add(place, col int, text string) {
	if place >= MaxOptions {
		c.more = true
		return
	}
	c.text[place], c.col[place] = text, col
	c.n = place + 1
	c.there |= 1 << place
}

func (c *choices) count() int { return bits.OnesCount32(uint32(c.there)) }

// choicesOf collects the options of a row: one column each, or one column split at "|" or new lines.
func (l *layout) choicesOf(r *sheet.Row, c *choices) {
	*c = choices{}
	if l.options >= 0 {
		text := cell(r, l.options)
		sep := "|"
		if !strings.Contains(text, sep) {
			text, sep = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), "\n"
		}
		for more := true; more; {
			var part string
			if part, text, more = strings.Cut(text, sep); more && sep == "|" { // people write " | ": a blank each side belongs to the bar
				part, text = strings.TrimSuffix(part, " "), strings.TrimPrefix(text, " ")
			}
			if strings.TrimSpace(part) != "" {
				c.add(c.n, l.options, part)
			}
		}
		if c.n > 0 {
			return
		}
	}
	for place, col := range l.option {
		if text := cell(r, col); strings.TrimSpace(text) != "" {
			c.add(place, col, text)
		}
	}
}

// resolve reads an answer cell as options of the row; ok is false when the cell means no option that is there.
func (b base) resolve(text string, c *choices) (mask, bool) {
	if b == byText {
		return matchText(text, c)
	}
	m, ok := b.read(text, c.n)
	return m, ok && m&^c.there == 0
}

// read reads letters or numbers, several of them separated by ; , or |, as places below n.
func (b base) read(text string, n int) (mask, bool) {
	var m mask
	text = strings.TrimSpace(text)
	if text == "" || len(text) > 200 {
		return 0, false
	}
	for part := range strings.FieldsFuncSeq(norm.NFKC.String(text), func(c rune) bool { return c == ';' || c == ',' || c == '|' }) {
		part = strings.Trim(part, " \t\r\n().")
		place := -1
		switch b {
		case letter:
			if len(part) == 1 {
				place = int(part[0]|0x20) - 'a'
			}
		default:
			if v, err := strconv.ParseUint(part, 10, 8); err == nil {
				place = int(v)
				if b == fromOne {
					place--
				}
			}
		}
		if place < 0 || place >= n {
			return 0, false
		}
		m |= 1 << place
	}
	return m, m != 0
}

// matchText matches a whole cell before it is split: an option may hold any of the separators.
func matchText(text string, c *choices) (mask, bool) {
	if m, ok := matchOne(text, c); ok {
		return m, true
	}
	for _, seps := range []string{";", "|", ",", ";|,\n"} {
		if !strings.ContainsAny(text, seps) {
			continue
		}
		var all mask
		good := true
		for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(seps, r) }) {
			if strings.TrimSpace(part) == "" {
				continue
			}
			m, ok := matchOne(part, c)
			if good = good && ok; !good {
				break
			}
			all |= m
		}
		if good && all != 0 {
			return all, true
		}
	}
	return 0, false
}

// matchOne finds the option of that text: exactly, or else apart from case, width and runs of white space, if only one is.
// Of options that are alike to the letter the first is taken.
func matchOne(text string, c *choices) (mask, bool) {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0, false
	}
	for i := range c.n {
		if strings.TrimSpace(c.text[i]) == text {
			return 1 << i, c.there&(1<<i) != 0
		}
	}
	want, found := loose(text), -1
	for i := range c.n {
		if c.there&(1<<i) == 0 || !strings.EqualFold(loose(c.text[i]), want) {
			continue
		}
		if found >= 0 && strings.TrimSpace(c.text[i]) != strings.TrimSpace(c.text[found]) {
			return 0, false
		}
		if found < 0 {
			found = i
		}
	}
	if found < 0 {
		return 0, false
	}
	return 1 << found, true
}

// loose leaves out what two writers of one text may differ in, apart from case: compatibility forms and runs of blanks.
func loose(s string) string {
	s = strings.TrimSpace(s)
	if isPlain(s) && tidy(s) {
		return s
	}
	if s = strings.TrimSpace(norm.NFKC.String(s)); tidy(s) {
		return s
	}
	return strings.Join(strings.Fields(s), " ")
}

// tidy tells a text whose only white space is single blanks; most are, and need not be taken apart.
func tidy(s string) bool {
	blank := false
	for _, c := range s {
		space := unicode.IsSpace(c)
		if space && (blank || c != ' ') {
			return false
		}
		blank = space
	}
	return true
}

// Reading is one way to understand the answer column, shown on the first rows.
type Reading struct {
	AnswerBase string       `json:"answerBase"`
	Rows       []ReadingRow `json:"rows"`
}

// ReadingRow is what one row's answer means under a reading.
type ReadingRow struct {
	Row    int      `json:"row"`
	Prompt string   `json:"prompt"`
	Cell   string   `json:"cell"`
	Means  []string `json:"means"` // texts of the options; empty: the row fails
}

// AmbiguousError asks how the answer column is meant: two readings fail equally few rows and differ in at least one. Its code
// is "ambiguous_answer_base"; the answer is the option answerBase.
type AmbiguousError struct {
	Column   string
	Readings []Reading
	Seen
}

func (e *AmbiguousError) Error() string {
	return "The answers in column " + e.Column + " can be read in two ways, and each would give other right answers. Look at the first rows and choose with answerBase: " +
		e.Readings[0].AnswerBase + " or " + e.Readings[1].AnswerBase + "."
}

// tally counts, for each combination of readings of up to two answer columns, the rows that fail. A second column that
// agrees under one reading only so decides about the first.
type tally struct {
	fixed  base // only this reading of the first column, if given
	given  bool
	rows   int
	fails  [bases * bases]int
	differ [bases * bases][bases * bases]bool
	first  []tallyRow
	column string
}

type tallyRow struct {
	row    int
	prompt string
	cell   string
	c      choices
}

func newTally(answerBase string) *tally {
	t := &tally{}
	t.fixed, t.given = parseBase(answerBase)
	return t
}

func (t *tally) add(l *layout, r *sheet.Row) {
	if len(l.answers) == 0 || !l.isChoice(r) {
		return
	}
	var c choices
	l.choicesOf(r, &c)
	if c.count() < 2 || c.more {
		return
	}
	t.rows++
	t.column = sheet.ColumnName(l.answers[0] + 1)
	var got [bases * bases]mask
	var one, two [bases]mask
	second := len(l.answers) > 1 && strings.TrimSpace(cell(r, l.answers[1])) != ""
	for b := range bases {
		one[b], _ = b.resolve(cell(r, l.answers[0]), &c)
		if second {
			two[b], _ = b.resolve(cell(r, l.answers[1]), &c)
		}
	}
	for i := range got {
		a, b := base(i)/bases, base(i)%bases
		m := one[a]
		if second && two[b] != m {
			m = 0
		}
		if got[i] = m; m == 0 {
			t.fails[i]++
		}
	}
	for i := range got {
		for j := range i {
			if got[i] != got[j] {
				t.differ[i][j], t.differ[j][i] = true, true
			}
		}
	}
	if len(t.first) < sampleRows {
		for i := range c.text {
			c.text[i] = shorten(c.text[i], 200)
		}
		t.first = append(t.first, tallyRow{r.Number, shorten(cell(r, l.prompt), 200), shorten(cell(r, l.answers[0]), 200), c})
	}
}

// choose takes the combination that fails the fewest rows, or asks.
func (t *tally) choose() ([2]base, error) {
	best := -1
	allowed := func(i int) bool { return !t.given || base(i)/bases == t.fixed }
	for i := range t.fails {
		if allowed(i) && (best < 0 || t.fails[i] < t.fails[best]) {
			best = i
		}
	}
	for i := range t.fails {
		// Two combinations that differ only in how the second column is read give the same keys.
		if allowed(i) && t.fails[i] == t.fails[best] && t.differ[best][i] && base(i)/bases != base(best)/bases {
			return [2]base{}, &AmbiguousError{Column: t.column, Readings: []Reading{t.reading(base(best) / bases), t.reading(base(i) / bases)}}
		}
	}
	return [2]base{base(best) / bases, base(best) % bases}, nil
}

func (t *tally) reading(b base) Reading {
	out := Reading{AnswerBase: b.String()}
	for i := range t.first {
		r := &t.first[i]
		row := ReadingRow{Row: r.row, Prompt: r.prompt, Cell: r.cell, Means: []string{}}
		if m, ok := b.resolve(r.cell, &r.c); ok {
			for place := range r.c.n {
				if m&(1<<place) != 0 {
					row.Means = append(row.Means, strings.TrimSpace(r.c.text[place]))
				}
			}
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}
