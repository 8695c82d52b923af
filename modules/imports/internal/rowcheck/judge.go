package rowcheck

import (
	"context"
	"fmt"
	"hash/maphash"
	"strings"
	"unicode"
	"unicode/utf8"

	"credlane/modules/imports/internal/sheet"
)

// Judge is the second pass. emit gets each accepted question, in the order of the rows; nil is a dry run. The question and
// what it holds belong to the callee. An error of emit ends the pass.
func (p *Plan) Judge(ctx context.Context, emit func(*Question) error) (*Report, error) {
	rep := &Report{Header: p.headerRow > 0, HeaderCells: p.header, Mapping: p.mapping(), Sample: p.sample}
	if p.usesAnswer {
		rep.AnswerBase = p.bases[0].String()
	}
	j := &judge{plan: p, l: &p.layout, rep: rep, seed: maphash.MakeSeed(), seen: map[uint64]int{}}
	view := newViewer(p)
	defer func() { rep.Preview = view.result() }()
	for r, err := range p.rows(ctx) {
		if err != nil {
			return nil, err
		}
		if r.Number == p.headerRow {
			continue
		}
		errors, warnings := len(rep.Errors), len(rep.Warnings)
		q := j.judge(r)
		view.add(r, len(rep.Errors) > errors, len(rep.Warnings) > warnings, q == nil)
		if q == nil {
			rep.Rejected++
			continue
		}
		rep.Accepted++
		if emit != nil {
			if err := emit(q); err != nil {
				return nil, err
			}
		}
	}
	return rep, nil
}

// judge holds what is needed across rows: the texts of the questions seen, as hashes.
type judge struct {
	plan     *Plan
	l        *layout
	rep      *Report
	seed     maphash.Seed
	seen     map[uint64]int // hash of a question's text -> its row
	row      *sheet.Row
	errors   []Issue
	warnings []Issue
	c        choices
	typed    string // the type cell's type, or ""
}

func (j *judge) issue(col int, code, format string, args []any) Issue {
	i := Issue{Row: j.row.Number, Code: code}
	where := fmt.Sprintf("Row %d", j.row.Number)
	if col >= 0 {
		i.Column = sheet.ColumnName(col + 1)
		where += ", column " + i.Column
	}
	i.Message = where + ": " + fmt.Sprintf(format, args...)
	return i
}

// fail records why the row is no question; col is 0-based, -1 for the whole row.
func (j *judge) fail(col int, code, format string, args ...any) {
	j.errors = append(j.errors, j.issue(col, code, format, args))
}

func (j *judge) warn(col int, code, format string, args ...any) {
	j.warnings = append(j.warnings, j.issue(col, code, format, args))
}

// judge turns a row into a question, or gives nil and records every reason.
func (j *judge) judge(r *sheet.Row) *Question {
	j.row, j.errors, j.warnings = r, j.errors[:0], j.warnings[:0]
	j.typed = ""
	q := &Question{Row: r.Number}
	if !j.faults() {
		j.prompt(q)
		j.kind(q)
		j.metadata(q)
	}
	j.shape()
	if len(j.errors) > 0 {
		j.rep.ErrorCount += len(j.errors)
		j.rep.Errors = append(j.rep.Errors, j.errors[:min(len(j.errors), maxIssues-len(j.rep.Errors))]...)
		return nil
	}
	j.repeated(q)
	if len(j.warnings) > 0 {
		j.rep.Warned++
		j.rep.WarningCount += len(j.warnings)
		j.rep.Warnings = append(j.rep.Warnings, j.warnings[:min(len(j.warnings), maxIssues-len(j.rep.Warnings))]...)
	}
	return q
}

// faults reports the cells that could not be read, as far as their columns matter, and says whether there are any.
func (j *judge) faults() bool {
	for _, f := range j.row.Faults {
		if _, used := j.l.fields[f.Column]; !used {
			continue
		}
		line := ""
		if j.row.Line > 0 {
			line = fmt.Sprintf(" (line %d)", j.row.Line)
		}
		j.fail(f.Column-1, f.Code, "%s%s", f.Message, line)
	}
	return len(j.errors) > 0
}

// shape compares a CSV row with the first one. A short row is legal (Excel drops trailing empty cells) as long as it is a
// question; if it is none, its shape is the reason to name first. Text behind the last column is never legal: a comma that
// nobody quoted has moved the cells.
func (j *judge) shape() {
	n := len(j.row.Cells)
	if j.row.Line == 0 || n == j.l.width || len(j.plan.edits[j.row.Number]) > 0 {
		return
	}
	if n > j.l.width {
		if strings.TrimSpace(strings.Join(j.row.Cells[j.l.width:], "")) != "" {
			j.first("row_too_long", "the row has %d cells, the first row has %d. Put texts that hold the delimiter in quotation marks.", n, j.l.width)
		}
		return
	}
	if len(j.errors) > 0 || n < j.l.needed {
		j.first("row_too_short", "the row has %d cells, the first row has %d. Add the missing cells.", n, j.l.width)
		return
	}
	j.warn(-1, "row_too_short", "the row has %d cells, the first row has %d; the missing ones are read as empty.", n, j.l.width)
}

func (j *judge) first(code, format string, args ...any) {
	j.fail(-1, code, format, args...)
	last := len(j.errors) - 1
	moved := j.errors[last]
	copy(j.errors[1:], j.errors[:last])
	j.errors[0] = moved
}

// text gives a cell as it will be stored, and fails the row when it is too long or holds what no text may.
func (j *judge) text(col, limit int, code, what string) string {
	return j.clean(col, cell(j.row, col), limit, code, what)
}

func (j *judge) clean(col int, s string, limit int, code, what string) string {
	s = strings.TrimSpace(s)
	if strings.IndexByte(s, '\r') >= 0 {
		s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	}
	if len(s) > limit && utf8.RuneCountInString(s) > limit {
		j.fail(col, code, "the %s has more than %d characters. Shorten it.", what, limit)
	}
	if isPlain(s) {
		return s
	}
	lost := false
	for _, c := range s {
		switch {
		case c == 0:
			j.fail(col, "nul_character", "the %s holds a NUL character, which no text may. Delete it and type the text again.", what)
			j.mend(withoutControls(s), s == strings.TrimSpace(cell(j.row, col)))
			return s
		case c == utf8.RuneError && !utf8.ValidString(s):
			j.fail(col, "invalid_utf8", "the %s holds bytes that are no UTF-8 text. Type it again.", what)
			return s
		case c == utf8.RuneError:
			lost = true
		case unicode.IsControl(c) && c != '\t' && c != '\n':
			j.fail(col, "control_character", "the %s holds the control character U+%04X. Delete it; only tabs and new lines are possible.", what, c)
			j.mend(withoutControls(s), s == strings.TrimSpace(cell(j.row, col)))
			return s
		}
	}
	if lost {
		j.warn(col, "replacement_character", "the %s holds the sign \uFFFD: a letter was lost before the file came here. Check the text.", what)
	}
	if !visible(s) {
		return ""
	}
	return s
}

// visible tells a text of zero-width characters from one that can be read; the former is as good as none.
func visible(s string) bool {
	return strings.ContainsFunc(s, func(c rune) bool { return unicode.IsGraphic(c) && !unicode.IsSpace(c) })
}

// line judges a text that stands in one line, a tag or a difficulty: nothing in it may break the line or turn its direction.
func (j *judge) line(col int, s string, limit int, code, what string) string {
	s = j.clean(col, s, limit, code, what)
	if strings.ContainsFunc(s, func(c rune) bool {
		return c == '\t' || c == '\n' || c == '\u2028' || c == '\u2029' || c >= '\u202a' && c <= '\u202e' || c >= '\u2066' && c <= '\u2069'
	}) {
		j.fail(col, "not_one_line", "the %s holds a tab, a line break or a mark that changes the direction of the text. Delete it.", what)
	}
	return s
}

// isPlain is the quick answer for most texts of most files.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= 0x7F || c < ' ' && c != '\n' && c != '\t' {
			return false
		}
	}
	return true
}

func (j *judge) prompt(q *Question) {
	q.Prompt = j.text(j.l.prompt, MaxPrompt, "prompt_too_long", "question")
	if q.Prompt == "" {
		j.fail(j.l.prompt, "prompt_missing", "the question is empty. Write one, or leave the row out.")
	}
}

// repeated warns of a question whose text stood in an earlier row.
func (j *judge) repeated(q *Question) {
	h := maphash.String(j.seed, loose(q.Prompt))
	if row, ok := j.seen[h]; ok {
		j.warn(j.l.prompt, "duplicate_question", "the same question stands in row %d. Delete one of them if that is not meant.", row)
		return
	}
	j.seen[h] = q.Row
}

// metadata reads the optional columns.
func (j *judge) metadata(q *Question) {
	q.Explanation = j.text(j.l.explanation, MaxExplanation, "explanation_too_long", "explanation")
	q.Difficulty = j.line(j.l.difficulty, cell(j.row, j.l.difficulty), MaxDifficulty, "difficulty_too_long", "difficulty")
	if s := strings.TrimSpace(cell(j.row, j.l.points)); s != "" {
		n, ok := parseThousandths(s)
		if !ok {
			j.fail(j.l.points, "points_invalid", "%q is no number of points. Use a number from 0 to 1000 with at most three decimals.", shorten(s, 40))
			j.mend(j.surePoints(s))
		}
		q.Points = n
	} else if q.Points == 0 {
		q.Points = 1_000
	}
	for _, col := range j.l.tags {
		for tag := range strings.FieldsFuncSeq(cell(j.row, col), func(c rune) bool { return c == ',' || c == ';' || c == '|' || c == '\n' }) {
			if tag = j.line(col, tag, MaxTag, "tag_too_long", "tag"); tag != "" {
				q.Tags = append(q.Tags, tag)
			}
			if len(q.Tags) > MaxTags {
				j.fail(col, "tags_too_many", "the question has more than %d tags. Delete some.", MaxTags)
				return
			}
		}
	}
}

// parseThousandths reads points from 0 to 1000 with at most three decimals, exactly.
func parseThousandths(s string) (int64, bool) {
	whole, frac, _ := strings.Cut(strings.Replace(s, ",", ".", 1), ".")
	if whole == "" || len(whole) > 4 || len(frac) > 3 {
		return 0, false
	}
	var n int64
	for _, c := range whole + frac + "000"[len(frac):] {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, n <= MaxPoints
}
