package rowcheck

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"credlane/modules/imports/internal/sheet"
)

// Options are what the sender says about the file; the zero value finds everything out.
type Options struct {
	Header     *bool         // nil: find out
	Mapping    map[int]Field // 1-based column -> field; see ParseMapping
	AnswerBase string        // "", text, letter, 0 or 1
	SkipRows   []int         // 1-based rows to leave out
	Edits      []Edit        // applied before judging

	Preview     int // how many rows without a problem the report shows; 0: no preview at all
	PreviewFrom int // the first of them, a row number
}

// Edit replaces one cell before the rows are judged. Row and Column are 1-based.
type Edit struct {
	Row    int
	Column int
	Value  string
}

const (
	maxEdits    = 10_000
	maxSkipRows = sheet.MaxRows
)

// apply puts the value into the row; the old cell's faults are gone with it.
func (e Edit) apply(r *sheet.Row) {
	for len(r.Cells) < e.Column {
		r.Cells = append(r.Cells, "")
	}
	r.Cells[e.Column-1] = e.Value
	kept := r.Faults[:0]
	for _, f := range r.Faults {
		if f.Column != e.Column {
			kept = append(kept, f)
		}
	}
	r.Faults = kept
}

func (o *Options) check() error {
	if _, ok := parseBase(o.AnswerBase); !ok && o.AnswerBase != "" {
		return badOption("answerBase", "The option answerBase must be text, letter, 0 or 1.")
	}
	for _, e := range o.Edits {
		if e.Row < 1 || e.Column < 1 || e.Column > sheet.MaxColumns || len(e.Value) > sheet.MaxFieldBytes {
			return badOption("edits", "An edit must name a row from 1, a column from A to GR, and a text of at most 96 KiB.")
		}
	}
	if len(o.Edits) > maxEdits {
		return badOption("edits", "At most 10,000 edits are possible. Change the file instead.")
	}
	if o.Preview < 0 || o.Preview > MaxPreview {
		return badOption("preview", fmt.Sprintf("The option preview must be a number from 0 to %d.", MaxPreview))
	}
	if len(o.SkipRows) > maxSkipRows {
		return badOption("skipRows", "At most 50,000 rows can be left out. Change the file instead.")
	}
	return nil
}

func badOption(name, message string) *sheet.Refusal {
	r := refuse("invalid_option", "%s", message)
	r.Option = name
	return r
}

// ParseOptions reads the form fields header, mapping, answerBase, skipRows and edits; get gives "" for an absent one.
func ParseOptions(get func(name string) string) (o Options, err error) {
	switch strings.ToLower(strings.TrimSpace(get("header"))) {
	case "", "auto":
	case "true", "1", "yes":
		o.Header = new(bool)
		*o.Header = true
	case "false", "0", "no":
		o.Header = new(bool)
	default:
		return o, badOption("header", "The option header must be true or false; leave it out to let the file decide.")
	}
	o.AnswerBase = strings.TrimSpace(get("answerBase"))
	if o.Mapping, err = ParseMapping(get("mapping")); err != nil {
		return o, err
	}
	if o.SkipRows, err = parseRows(get("skipRows")); err != nil {
		return o, err
	}
	if o.Edits, err = parseEdits(get("edits")); err != nil {
		return o, err
	}
	return o, o.check()
}

// WithPreview asks for a preview of so many rows without a problem, from a row number on.
func (o Options) WithPreview(rows, from int) (Options, error) {
	o.Preview, o.PreviewFrom = rows, from
	return o, o.check()
}

// ParseMapping reads a JSON object from column (a letter or a number) to field, such as {"B": "prompt", "C": "answer"}. Empty
// text gives an empty mapping. The field "ignore" leaves a column out.
func ParseMapping(text string) (map[int]Field, error) {
	out := map[int]Field{}
	if strings.TrimSpace(text) == "" {
		return out, nil
	}
	var raw map[string]string
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return nil, refuse("invalid_mapping", `The option mapping must be a JSON object such as {"B": "prompt", "C": "answer"}.`)
	}
	used := map[Field]bool{}
	for name, value := range raw {
		col, ok := columnNumber(name)
		if !ok {
			return nil, refuse("invalid_mapping", "The mapping names the column %q. Use a letter from A to GR, or a number from 1 to 200.", shorten(name, 20))
		}
		f, ok := parseField(value)
		if !ok {
			return nil, refuse("invalid_mapping", "The mapping names the field %q, which does not exist. Use prompt, a to t, options, answer, type, points, points_a to points_t, tags, difficulty, explanation, case_sensitive, tolerance, credit_rule or ignore.", shorten(value, 30))
		}
		if _, twice := out[col]; twice || used[f] && !f.repeats() {
			return nil, refuse("invalid_mapping", "The mapping names column %s or the field %s twice. Name each once.", sheet.ColumnName(col), f)
		}
		out[col], used[f] = f, true
	}
	return out, nil
}

func parseField(s string) (Field, bool) {
	f := Field(strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(strings.TrimSpace(s))))
	switch f {
	case fieldPrompt, fieldOptions, fieldAnswer, fieldType, fieldPoints, fieldTags, fieldDifficulty, fieldExplanation,
		fieldCaseSensitive, fieldTolerance, fieldCreditRule, fieldIgnore:
		return f, true
	case "casesensitive":
		return fieldCaseSensitive, true
	case "creditrule":
		return fieldCreditRule, true
	}
	return f, f.option() >= 0 || f.optionPoints() >= 0
}

// columnNumber reads a column given as letters or as a number from 1.
func columnNumber(s string) (int, bool) {
	s = strings.ToUpper(strings.TrimSpace(s))
	if n, err := strconv.Atoi(s); err == nil {
		return n, n >= 1 && n <= sheet.MaxColumns
	}
	n := 0
	for i := range len(s) {
		if s[i] < 'A' || s[i] > 'Z' || n > sheet.MaxColumns {
			return 0, false
		}
		n = n*26 + int(s[i]-'A') + 1
	}
	return n, n >= 1 && n <= sheet.MaxColumns
}

// parseRows reads "3, 7, 10-12" or a JSON list of numbers.
func parseRows(text string) ([]int, error) {
	bad := badOption("skipRows", `The option skipRows must list row numbers, such as "3, 10-12" or [3, 10, 11, 12].`)
	text = strings.Trim(strings.TrimSpace(text), "[]")
	var out []int
	for part := range strings.FieldsFuncSeq(text, func(c rune) bool { return c == ',' || c == ';' || c == ' ' || c == '\n' }) {
		from, to, isRange := strings.Cut(strings.Trim(part, `"`), "-")
		a, err := strconv.Atoi(from)
		if err != nil || a < 1 {
			return nil, bad
		}
		b := a
		if isRange {
			if b, err = strconv.Atoi(to); err != nil || b < a {
				return nil, bad
			}
		}
		if b-a+len(out) >= maxSkipRows {
			return nil, bad
		}
		for ; a <= b; a++ {
			out = append(out, a)
		}
	}
	return out, nil
}

func parseEdits(text string) ([]Edit, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	bad := badOption("edits", `The option edits must be a JSON list such as [{"row": 3, "column": "C", "value": "B"}].`)
	var raw []struct {
		Row    int    `json:"row"`
		Column any    `json:"column"`
		Value  string `json:"value"`
	}
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return nil, bad
	}
	out := make([]Edit, 0, len(raw))
	for _, e := range raw {
		col, ok := columnNumber(fmt.Sprint(e.Column))
		if !ok || e.Row < 1 {
			return nil, bad
		}
		out = append(out, Edit{Row: e.Row, Column: col, Value: e.Value})
	}
	return out, nil
}
