package rowcheck

import (
	"math/bits"
	"strconv"
	"strings"

	"credlane/modules/imports/internal/sheet"
)

// typeNames are the types as people write them, folded.
func typeOf(s string) (string, bool) {
	switch fold(s) {
	case "":
		return "", true
	case "singlechoice", "single", "singleanswer", "singleselect", "oneanswer", "radio", "单选", "单选题", "einfachauswahl", "opciónúnica", "opcionunica":
		return SingleChoice, true
	case "multiplechoice", "multiple", "multi", "multipleanswer", "multipleanswers", "multipleresponse", "multiselect", "multipleselect", "checkbox", "mcq", "mc", "多选", "多选题", "mehrfachauswahl":
		return MultipleChoice, true
	case "truefalse", "trueorfalse", "boolean", "bool", "tf", "yesno", "判断", "判断题", "richtigfalsch", "vraifaux", "verdaderofalso", "verdadeirofalso":
		return TrueFalse, true
	case "shorttext", "short", "text", "shortanswer", "fillin", "fillintheblank", "填空", "填空题", "kurzantwort":
		return ShortText, true
	case "numeric", "number", "numerical", "decimal", "integer", "zahl":
		return Numeric, true
	}
	return "", false
}

// isChoice says whether the row will be judged by its options; the tally counts only those.
func (l *layout) isChoice(r *sheet.Row) bool {
	t, ok := typeOf(cell(r, l.typ))
	return ok && (t == "" || t == SingleChoice || t == MultipleChoice)
}

// kind finds the type of the question and its key.
func (j *judge) kind(q *Question) {
	typed, ok := typeOf(cell(j.row, j.l.typ))
	if !ok {
		j.fail(j.l.typ, "type_unknown", "the type %q is not known. Use single_choice, multiple_choice, true_false, short_text or numeric.", shorten(cell(j.row, j.l.typ), 40))
		j.mend(j.sureType(cell(j.row, j.l.typ)))
		return
	}
	j.l.choicesOf(j.row, &j.c)
	answer, hasAnswer := "", false
	for _, col := range j.l.answers {
		if s := strings.TrimSpace(cell(j.row, col)); s != "" {
			answer, hasAnswer = s, true
			break
		}
	}
	switch {
	case typed == TrueFalse:
		j.trueFalse(q, answer)
	case typed == ShortText:
		j.shortText(q, answer)
	case typed == Numeric, typed == "" && j.c.n == 0 && hasAnswer && strings.TrimSpace(cell(j.row, j.l.tolerance)) != "":
		j.numeric(q, answer)
	case typed == "" && j.c.n == 0 && (hasAnswer || !j.l.hasOptions()):
		if j.l.hasOptions() && hasAnswer {
			j.warn(-1, "no_options", "the row has an answer but no options, so it becomes a question with a short text as answer. Add options if that is not meant.")
		}
		j.shortText(q, answer)
	default:
		j.choice(q, typed)
	}
}

// choice judges single_choice and multiple_choice.
func (j *judge) choice(q *Question, typed string) {
	switch n := j.c.count(); {
	case j.c.more:
		j.fail(-1, "options_too_many", "the question has more than %d options. Delete some.", MaxOptions)
		return
	case n < 2:
		j.fail(-1, "options_too_few", "the row has fewer than 2 options%s. Give each question at least two, or leave the row out.", sentinel(j.row))
		if n == 0 {
			return
		}
	}
	key, ok := j.key(q)
	if !ok {
		return
	}
	j.options(q, key)
	switch many := bits.OnesCount32(uint32(key)) > 1; {
	case many && typed == SingleChoice:
		j.fail(j.l.answerColumn(), "several_answers", "a single choice question has one right answer, but several are given. Keep one, or make it multiple_choice.")
	case many || typed == MultipleChoice:
		q.Type = MultipleChoice
		j.creditRule(q)
	default:
		q.Type = SingleChoice
	}
}

// sentinel names a row that holds one cell only, such as "Done" below the last question.
func sentinel(r *sheet.Row) string {
	found := ""
	for _, c := range r.Cells {
		if c = strings.TrimSpace(c); c != "" {
			if found != "" {
				return ""
			}
			found = c
		}
	}
	if found == "" {
		return ""
	}
	return " and holds nothing but " + strconv.Quote(shorten(found, 40))
}

func (l *layout) answerColumn() int {
	if len(l.answers) > 0 {
		return l.answers[0]
	}
	return -1
}

// options puts the options into the question, without gaps, and warns of what looks odd in them.
func (j *judge) options(q *Question, key mask) {
	spaces, twice := -1, -1
	for place := range j.c.n {
		if j.c.there&(1<<place) == 0 {
			continue
		}
		raw, col := j.c.text[place], j.c.col[place]
		errors := len(j.errors)
		text := j.clean(col, raw, MaxOption, "option_too_long", "option")
		if text == "" && len(j.errors) == errors {
			j.fail(col, "option_invisible", "an option holds nothing that can be seen. Write a text, or empty the cell.")
			j.mend("", col != j.l.options)
		}
		if spaces < 0 && raw != strings.TrimSpace(raw) {
			spaces = col
		}
		for _, o := range q.Options {
			if twice < 0 && o.Text == text {
				twice = col
			}
		}
		q.Options = append(q.Options, Option{Text: text, Correct: key&(1<<place) != 0})
	}
	if spaces >= 0 {
		j.warn(spaces, "option_spaces", "an option starts or ends with blanks, which are left out.")
	}
	if twice >= 0 {
		j.warn(twice, "duplicate_option", "two options have the same text. Change one of them, or candidates cannot tell them apart.")
	}
}

// key finds the right options from the answer columns and from the points of single options; what is given must agree.
func (j *judge) key(q *Question) (mask, bool) {
	var key mask
	from := -1
	agree := func(m mask, col int) bool {
		if from >= 0 && m != key {
			j.fail(col, "answers_disagree", "this column says another right answer than column %s. Correct one of them.", sheet.ColumnName(from+1))
			return false
		}
		key, from = m, col
		return true
	}
	for i, col := range j.l.answers {
		s := strings.TrimSpace(cell(j.row, col))
		if s == "" {
			continue
		}
		m, ok := j.plan.bases[i].resolve(s, &j.c)
		if !ok {
			j.fail(col, "answer_not_an_option", "the answer %q is not among the options%s.", shorten(s, 60), readAs(j.plan.bases[i], &j.c))
			j.mend(j.sureAnswer(s, j.plan.bases[i]))
			return 0, false
		}
		if !agree(m, col) {
			return 0, false
		}
	}
	if j.l.hasOptionPoints() {
		m, col, given, ok := j.weights(q)
		if !ok || given && !agree(m, col) {
			return 0, false
		}
	}
	if from < 0 {
		j.fail(j.l.answerColumn(), "answer_missing", "the row names no right answer. Fill it in, or leave the row out.")
		return 0, false
	}
	return key, true
}

// readAs says how the column is read, and what may be typed into it.
func readAs(b base, c *choices) string {
	if b == byText {
		return ". Type the text of one of them"
	}
	var names []string
	for place := range c.n {
		if c.there&(1<<place) != 0 {
			names = append(names, b.place(place))
		}
	}
	how := "letters"
	if b != letter {
		how = "numbers from " + b.String()
	}
	last := len(names) - 1
	if last < 1 {
		return "; the column is read as " + how
	}
	return "; the column is read as " + how + ". Type " + strings.Join(names[:last], ", ") + " or " + names[last]
}

// weights reads the points of single options: those with points are right, and all of them must have the same.
func (j *judge) weights(q *Question) (m mask, col int, given, ok bool) {
	var each int64
	for place, c := range j.l.optionPoints {
		s := strings.TrimSpace(cell(j.row, c))
		if s == "" {
			continue
		}
		n, valid := parseThousandths(s)
		if !valid {
			j.fail(c, "points_invalid", "%q is no number of points. Use a number from 0 to 1000 with at most three decimals.", shorten(s, 40))
			j.mend(j.surePoints(s))
			return 0, c, false, false
		}
		if n == 0 {
			continue
		}
		if each != 0 && n != each {
			j.fail(c, "option_weights", "the options have different points. Give points to the right options only, the same to each.")
			return 0, c, false, false
		}
		if j.c.there&(1<<place) == 0 {
			j.fail(c, "answer_not_an_option", "points are given to an option that is empty. Fill in its text.")
			return 0, c, false, false
		}
		each, col = n, c
		m |= 1 << place
	}
	if m == 0 {
		return 0, 0, false, true
	}
	q.Points = each
	if bits.OnesCount32(uint32(m)) > 1 {
		j.warn(col, "several_with_points", "several options have points, so the question becomes multiple choice: all of them must be ticked.")
	}
	return m, col, true, true
}

func (j *judge) creditRule(q *Question) {
	switch s := cell(j.row, j.l.creditRule); fold(s) {
	case "", "exact":
		q.CreditRule = "exact"
	case "rightminuswrong":
		q.CreditRule = "right_minus_wrong"
	default:
		j.fail(j.l.creditRule, "credit_rule_unknown", "the credit rule %q is not known. Use exact or right_minus_wrong.", shorten(s, 40))
	}
}

func (j *judge) trueFalse(q *Question, answer string) {
	q.Type = TrueFalse
	v, ok := truth(answer)
	if !ok && j.c.n > 0 && len(j.l.answers) > 0 { // "B" where the options are True and False
		if m, found := j.plan.bases[0].resolve(answer, &j.c); found && bits.OnesCount32(uint32(m)) == 1 {
			v, ok = truth(j.c.text[bits.TrailingZeros32(uint32(m))])
		}
	}
	if q.True = v; !ok {
		j.fail(j.l.answerColumn(), "answer_not_true_or_false", "the answer of a true/false question must be true or false.")
		j.mend(j.sureTruth(answer))
	}
}

func truth(s string) (value, ok bool) {
	switch fold(s) {
	case "true", "t", "yes", "y", "1", "right", "richtig", "wahr", "ja", "vrai", "oui", "verdadero", "verdadeiro", "si", "sim", "vero", "对", "正确", "是", "正", "正しい", "はい":
		return true, true
	case "false", "f", "no", "n", "0", "wrong", "falsch", "nein", "faux", "non", "falso", "nao", "错", "错误", "否", "誤", "誤り", "いいえ":
		return false, true
	}
	return false, false
}

// shortText takes the answer cell as accepted strings, split at "|", ";" and new lines. A comma does not split: answers hold
// commas more often than they are separated by them.
func (j *judge) shortText(q *Question, answer string) {
	q.Type = ShortText
	col := j.l.answerColumn()
	for part := range strings.FieldsFuncSeq(answer, func(c rune) bool { return c == '|' || c == ';' || c == '\n' || c == '\r' }) {
		if part = j.clean(col, part, MaxAnswer, "answer_too_long", "answer"); part != "" {
			q.Accepted = append(q.Accepted, part)
		}
		if len(q.Accepted) > MaxAccepted {
			j.fail(col, "answers_too_many", "more than %d accepted answers are given. Delete some.", MaxAccepted)
			return
		}
	}
	if len(q.Accepted) == 0 {
		j.fail(col, "answer_missing", "the row names no right answer. Fill it in, or leave the row out.")
	}
	if s := cell(j.row, j.l.caseSensitive); strings.TrimSpace(s) != "" {
		v, ok := truth(s)
		if q.CaseSensitive = v; !ok {
			j.fail(j.l.caseSensitive, "case_sensitive_invalid", "%q is neither yes nor no.", shorten(s, 40))
		}
	}
}

func (j *judge) numeric(q *Question, answer string) {
	q.Type, q.Tolerance, q.ToleranceKind = Numeric, "0", "absolute"
	col := j.l.answerColumn()
	var ok bool
	if q.Value, ok = decimal(answer); !ok {
		j.fail(col, "answer_not_a_number", "%q is no number. Use digits with one decimal point or comma, without separators of thousands.", shorten(answer, 40))
		j.mend(j.sureNumber(answer))
	} else if looksLikeThousands(answer) {
		j.warn(col, "decimal_comma", "%q is read as %s: a comma is a decimal comma. Leave it out if it separates thousands.", answer, q.Value)
	}
	s := strings.TrimSpace(cell(j.row, j.l.tolerance))
	if s == "" {
		return
	}
	number := strings.TrimSpace(strings.TrimPrefix(s, "±"))
	if strings.HasSuffix(number, "%") {
		number, q.ToleranceKind = strings.TrimSpace(strings.TrimSuffix(number, "%")), "percent"
	}
	if q.Tolerance, ok = decimal(number); !ok || strings.HasPrefix(q.Tolerance, "-") {
		j.fail(j.l.tolerance, "tolerance_invalid", "%q is no tolerance. Use a number from 0, such as 0.5 or 5%%.", shorten(s, 40))
	}
}

// decimal reads a number of at most 30 digits, with a point or a comma, and gives it with a point.
func decimal(s string) (string, bool) {
	s = strings.Replace(strings.TrimPrefix(strings.TrimSpace(strings.Replace(s, "−", "-", 1)), "+"), ",", ".", 1)
	whole, frac, point := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	if len(whole)+len(frac) > 30 || whole == "" || point && frac == "" {
		return "", false
	}
	for _, c := range whole + frac {
		if c < '0' || c > '9' {
			return "", false
		}
	}
	return s, true
}

// looksLikeThousands knows "1,234", which may be meant as 1234.
func looksLikeThousands(s string) bool {
	whole, frac, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(s), "-"), ",")
	return ok && len(frac) == 3 && len(whole) >= 1 && len(whole) <= 3 && whole != "0"
}
