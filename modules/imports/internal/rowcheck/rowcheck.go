// Package rowcheck judges the rows of an import: which column is what, how the answer column is meant, and which row is a
// question and which is not, with a reason for each.
//
// It reads the rows twice. The first pass finds the header and chooses one reading for the whole answer column (a wrong base
// would make every key wrong without an error); the second judges each row and hands the questions on one by one, so that
// memory follows neither the file nor the number of its mistakes.
package rowcheck

import (
	"context"
	"iter"
	"strings"

	"credlane/modules/imports/internal/sheet"
)

// Bounds of a question, as the HTTP contract gives them. Lengths are characters (Unicode code points).
const (
	MaxPrompt      = 20_000
	MaxOption      = 4_000
	MaxExplanation = 20_000
	MaxOptions     = 20
	MaxTags        = 20
	MaxTag         = 60
	MaxDifficulty  = 60
	MaxAccepted    = 20
	MaxAnswer      = 1_000
	MaxPoints      = 1_000_000 // thousandths

	maxIssues  = 1_000 // errors and warnings kept, each
	sampleRows = 5
)

// The types of a question.
const (
	SingleChoice   = "single_choice"
	MultipleChoice = "multiple_choice"
	TrueFalse      = "true_false"
	ShortText      = "short_text"
	Numeric        = "numeric"
)

// Source is what rowcheck reads; *sheet.File is one. It must give the same rows each time.
type Source interface {
	Rows(ctx context.Context) iter.Seq2[*sheet.Row, error]
}

// Question is a row that became a question. Text is trimmed and its line ends are "\n".
type Question struct {
	Row           int
	Type          string
	Prompt        string
	Options       []Option // choice types, in the order of the columns
	Accepted      []string // short_text
	CaseSensitive bool     // short_text
	True          bool     // true_false: the right answer
	Value         string   // numeric: a decimal such as "-1.50"
	Tolerance     string   // numeric: a decimal, "0" when none is given
	ToleranceKind string   // numeric: "absolute" or "percent"
	CreditRule    string   // multiple_choice: "exact" or "right_minus_wrong"
	Points        int64    // thousandths of a point
	Tags          []string
	Difficulty    string
	Explanation   string
}

// Option is one option of a choice question.
type Option struct {
	Text    string
	Correct bool
}

// Issue is one thing found in a row. Column is a letter, or empty when it is about the whole row.
type Issue struct {
	Row     int    `json:"row"`
	Column  string `json:"column"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Fix     *Fix   `json:"fix,omitempty" doc:"The one value that mends the cell for sure, where there is one. A stored report has none."`
}

// Fix is what to write into the cell of an Issue, where no other meaning is possible.
type Fix struct {
	Value string `json:"value"`
}

// SampleRow is one of the first rows of data as they were read, for people to check the mapping. Long cells are shortened.
type SampleRow struct {
	Row   int      `json:"row"`
	Cells []string `json:"cells"`
}

// Report is the outcome. Accepted and Rejected count rows; Warned counts accepted rows with a warning. Errors and Warnings
// hold the first 1,000 each, ErrorCount and WarningCount all of them.
type Report struct {
	Accepted     int
	Rejected     int
	Warned       int
	Errors       []Issue
	ErrorCount   int
	Warnings     []Issue
	WarningCount int
	Header       bool              // a header row was found, or declared
	HeaderCells  []string          // its cells
	Mapping      map[string]string // column letter -> field
	AnswerBase   string            // the reading of the answer column: text, letter, 0, 1; empty when no row needed one
	Sample       []SampleRow
	Preview      *Preview // nil unless Options ask for one
}

// Check runs both passes: Inspect, then Judge.
func Check(ctx context.Context, src Source, o Options, emit func(*Question) error) (*Report, error) {
	p, err := Inspect(ctx, src, o)
	if err != nil {
		return nil, err
	}
	return p.Judge(ctx, emit)
}

// Plan is what the first pass found out.
type Plan struct {
	src        Source
	opts       Options
	edits      map[int][]Edit
	skip       map[int]bool
	headerRow  int // 0: none
	header     []string
	layout     layout
	bases      [2]base
	usesAnswer bool
	sample     []SampleRow
	met        map[int]bool // rows with an edit that the file has
}

// Inspect is the first pass. What stops the whole import is a *sheet.Refusal or an *AmbiguousError.
func Inspect(ctx context.Context, src Source, o Options) (*Plan, error) {
	p, err := inspect(ctx, src, o)
	if err != nil {
		return nil, p.asking(ctx, err)
	}
	return p, nil
}

func inspect(ctx context.Context, src Source, o Options) (*Plan, error) {
	p := &Plan{src: src, opts: o, edits: map[int][]Edit{}, skip: map[int]bool{}, met: map[int]bool{}}
	for _, r := range o.SkipRows {
		p.skip[r] = true
	}
	for _, e := range o.Edits {
		if !p.skip[e.Row] {
			p.edits[e.Row] = append(p.edits[e.Row], e)
		}
	}
	if err := o.check(); err != nil {
		return p, err
	}
	st := &inspection{tally: newTally(o.AnswerBase)}
	for r, err := range p.rows(ctx) {
		if err == nil {
			err = p.inspect(r, st)
		}
		if err != nil {
			return p, err
		}
	}
	switch {
	case st.rows == 0:
		return p, refuse("no_rows", "The file has a header, but no question below it. Put one question in each row.")
	case st.unknown == st.rows:
		return p, columnsNotRecognised(&sheet.Row{Number: p.headerRow, Cells: p.header})
	case len(p.met) < len(p.edits):
		return p, refuse("edit_not_found", "An edit names a row that the file does not have. Check the row numbers of your edits.")
	}
	var err error
	p.bases, err = st.tally.choose()
	p.usesAnswer = st.tally.rows > 0
	return p, err
}

// inspection is what the first pass counts.
type inspection struct {
	tally   *tally
	begun   bool
	rows    int // of data
	unknown int // rows whose answer points to columns nobody knows
}

func (p *Plan) inspect(r *sheet.Row, st *inspection) error {
	if !st.begun {
		st.begun = true
		if err := p.begin(r); err != nil {
			return err
		}
		if p.headerRow > 0 {
			return nil
		}
	}
	if st.rows++; st.rows > sheet.MaxRows {
		return refuse("too_many_rows", "The file has more than 50,000 rows. Split it into smaller files and import them one after the other.")
	}
	if len(p.sample) < sampleRows {
		p.sample = append(p.sample, sampleOf(r))
	}
	if p.layout.guessed && !p.layout.lastIsKey(r) {
		return p.noKey(r)
	}
	if p.headerRow > 0 && len(p.opts.Mapping) == 0 && p.layout.unknownOptions(p.header, r) {
		st.unknown++
	}
	st.tally.add(&p.layout, r)
	return nil
}

// rows gives the rows that are to be judged, edited: blank rows and those left out by name are gone.
func (p *Plan) rows(ctx context.Context) iter.Seq2[*sheet.Row, error] {
	return func(yield func(*sheet.Row, error) bool) {
		for r, err := range p.src.Rows(ctx) {
			if err != nil {
				yield(nil, err)
				return
			}
			if p.skip[r.Number] {
				continue
			}
			for _, e := range p.edits[r.Number] {
				e.apply(r)
				p.met[r.Number] = true // also where the edits left the row blank
			}
			if !r.Blank() && !yield(r, nil) {
				return
			}
		}
	}
}

// begin decides on the first row: whether it is the header, and what the columns are.
func (p *Plan) begin(r *sheet.Row) error {
	fields := fieldsOf(r.Cells)
	isHeader := looksLikeHeader(fields)
	if p.opts.Header != nil {
		isHeader = *p.opts.Header
	}
	if isHeader {
		p.headerRow = r.Number
		p.header = append([]string(nil), r.Cells...)
	} else {
		fields = map[int]Field{}
	}
	guessed := false
	width := len(r.Cells)
	if !isHeader && len(p.opts.Mapping) == 0 {
		for width > 0 && strings.TrimSpace(r.Cells[width-1]) == "" {
			width--
		}
		fields, guessed = positional(width)
	}
	for col, f := range p.opts.Mapping {
		for c, old := range fields {
			if old == f && !f.repeats() {
				delete(fields, c)
			}
		}
		fields[col] = f
	}
	p.layout = newLayout(fields, width)
	p.layout.guessed = guessed
	if p.layout.prompt < 0 || len(p.layout.answers) == 0 && !p.layout.hasOptionPoints() {
		return columnsNotRecognised(r)
	}
	return nil
}

func sampleOf(r *sheet.Row) SampleRow {
	s := SampleRow{Row: r.Number, Cells: make([]string, 0, len(r.Cells))}
	for _, c := range r.Cells {
		// What a stored text cannot hold is shown as lost; the judged cell itself is an error with a place.
		c = strings.ReplaceAll(strings.ToValidUTF8(shorten(c, 200), "\uFFFD"), "\x00", "\uFFFD")
		s.Cells = append(s.Cells, c)
	}
	return s
}

func shorten(s string, n int) string {
	count := 0
	for i := range s {
		if count == n {
			return s[:i] + "…"
		}
		count++
	}
	return s
}
