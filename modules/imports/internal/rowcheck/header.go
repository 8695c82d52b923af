package rowcheck

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"credlane/modules/imports/internal/sheet"
)

// Field is what a column holds. The options are "a" to "t", the points of single options "points_a" to "points_t".
type Field string

const (
	fieldPrompt        Field = "prompt"
	fieldOptions       Field = "options"
	fieldAnswer        Field = "answer"
	fieldType          Field = "type"
	fieldPoints        Field = "points"
	fieldTags          Field = "tags"
	fieldDifficulty    Field = "difficulty"
	fieldExplanation   Field = "explanation"
	fieldCaseSensitive Field = "case_sensitive"
	fieldTolerance     Field = "tolerance"
	fieldCreditRule    Field = "credit_rule"
	fieldIgnore        Field = "ignore"
)

// repeats says whether several columns may be this field: a second answer column must agree, tags add up.
func (f Field) repeats() bool { return f == fieldAnswer || f == fieldTags || f == fieldIgnore }

// option gives the 0-based index of an option field, or -1.
func (f Field) option() int {
	if len(f) == 1 && f[0] >= 'a' && f[0] < 'a'+MaxOptions {
		return int(f[0] - 'a')
	}
	return -1
}

// optionPoints gives the 0-based index of a field "points_a", or -1.
func (f Field) optionPoints() int {
	if rest, ok := strings.CutPrefix(string(f), "points_"); ok {
		return Field(rest).option()
	}
	return -1
}

// headerNames are the names of columns, in the languages of the files that people have sent. They are compared without
// case, accents, spaces and punctuation.
func headerNames(f Field) string {
	switch f {
	case fieldPrompt:
		return "question questions prompt text question-text stem question-stem item " +
			"frage fragetext fragestellung aufgabe aufgabenstellung pregunta enunciado pergunta questão énoncé intitulé domanda quesito вопрос " +
			"题目 题干 问题 試題 题 題目 問題 問題文 設問 質問 문제 질문"
	case fieldOptions:
		return "options choices answers alternatives answer-options answer-choices optionen antworten antwortmöglichkeiten auswahl opciones opções " +
			"alternativas choix réponses propositions opzioni варианты 选项 選項 選択肢 보기"
	case fieldAnswer:
		return "answer correct correct-answer correct-answers right-answer key answer-key correct-option correct-options correct-choice correct-letter " +
			"correct-index answer-index solution antwort richtige-antwort richtige-antworten richtig korrekte-antwort lösung respuesta respuesta-correcta correcta clave solución " +
			"resposta resposta-correta correta gabarito réponse bonne-réponse réponse-correcte solution-correcte risposta risposta-corretta ответ правильный-ответ " +
			"正确答案 答案 正確答案 正解 解答 答え 正答 정답"
	case fieldType:
		return "type question-type kind typ fragetyp fragentyp tipo tipo-de-pregunta type-de-question 题型 題型 种类 種類 問題形式 유형"
	case fieldPoints:
		return "points point pts score marks mark weight punkte punktzahl puntos puntuación pontos pontuação barème punti баллы 分值 分数 配点 点数 배점"
	case fieldTags:
		return "tags tag category categories topic topics subject kategorie thema schlagworte categoría tema etiquetas categoria assunto catégorie thème étiquettes argomento " +
			"标签 分类 カテゴリ カテゴリー タグ 태그"
	case fieldDifficulty:
		return "difficulty level difficulty-level difficult-level schwierigkeit schwierigkeitsgrad dificultad dificuldade nível difficulté niveau difficoltà 难度 難度 難易度 난이도"
	case fieldExplanation:
		return "explanation explanations rationale feedback justification reason erklärung begründung erläuterung explicación justificación explicação justificativa explication " +
			"spiegazione 解析 解释 解説 説明 해설"
	case fieldCaseSensitive:
		return "case-sensitive casesensitivity match-case"
	case fieldTolerance:
		return "tolerance toleranz tolerancia tolerância tolérance tolleranza 公差 許容誤差"
	case fieldCreditRule:
		return "credit-rule"
	}
	return ""
}

// optionWords stand before the letter or number of an option: "Option A", "Answer 1", "选项A".
const optionWords = "option options choice answer alternative alternativa alternativo alt opt ans response item antwort antwortmöglichkeit auswahl opción opções opção respuesta resposta réponse " +
	"proposition choix opzione risposta вариант 选项 選項 選択肢 答案 보기"

// pointWords stand before the letter or number of an option whose points they are: "Points A".
const pointWords = "points point score weight punkte puntos pontos poids punti 分值 分数 点数"

// weakPrompts name the question only where no other column does: many files number their items.
const weakPrompts = "text item stem aufgabe 题 題"

// dictionary maps folded names to fields.
type dictionary struct {
	names   map[string]Field
	options map[string]bool
	points  map[string]bool
	weak    map[string]bool
}

func newDictionary() dictionary {
	d := dictionary{names: map[string]Field{}, options: map[string]bool{"": true}, points: map[string]bool{}, weak: map[string]bool{}}
	for _, f := range []Field{fieldPrompt, fieldOptions, fieldAnswer, fieldType, fieldPoints, fieldTags, fieldDifficulty,
		fieldExplanation, fieldCaseSensitive, fieldTolerance, fieldCreditRule} {
		for _, n := range strings.Fields(headerNames(f)) {
			d.names[fold(n)] = f
		}
		d.names[fold(string(f))] = f
	}
	for _, w := range strings.Fields(optionWords) {
		d.options[fold(w)] = true
	}
	for _, w := range strings.Fields(pointWords) {
		d.points[fold(w)] = true
	}
	for _, w := range strings.Fields(weakPrompts) {
		d.weak[fold(w)] = true
	}
	return d
}

// fold leaves letters and digits only, without case and accents.
func fold(s string) string {
	var b strings.Builder
	for _, c := range norm.NFKD.String(shorten(s, 200)) {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			b.WriteRune(unicode.ToLower(c))
		}
	}
	return b.String()
}

// lookup gives the field of a folded header cell, or "". An option field comes with the number that the cell gave it, from a
// letter (a is 1) or from digits; bare says that the cell was nothing but those digits.
func (d dictionary) lookup(name string) (f Field, number int, bare bool) {
	if f, ok := d.names[name]; ok {
		return f, -1, false
	}
	word := strings.TrimRight(name, "0123456789")
	number = -1
	if n, err := strconv.Atoi(name[len(word):]); err == nil {
		number = n
	} else if n := len(name); n > 0 && name[n-1] >= 'a' && name[n-1] < 'a'+MaxOptions {
		word, number = name[:n-1], int(name[n-1]-'a')+1
	}
	switch {
	case number < 0 || number > MaxOptions:
	case d.options[word]:
		return "option", number, word == "" && name[0] <= '9'
	case d.points[word]:
		return "points_", number, false
	}
	return "", -1, false
}

// fieldsOf reads a row as a header: which 1-based column is which field.
func fieldsOf(cells []string) map[int]Field {
	d := newDictionary()
	out := map[int]Field{}
	taken := map[Field]int{}
	numbers := map[int]int{} // column -> option number
	points := map[int]int{}
	bare, zero := 0, false
	for i, cell := range cells {
		col, name := i+1, fold(cell)
		f, n, isBare := d.lookup(name)
		switch {
		case f == "":
		case f == "option":
			numbers[col] = n
			zero = zero || n == 0
			if isBare {
				bare++
			}
		case f == "points_":
			points[col] = n
		case taken[f] == 0 || f.repeats():
			out[col], taken[f] = f, col
		case f == fieldPrompt && d.weak[fold(cells[taken[f]-1])] && !d.weak[name]:
			delete(out, taken[f])
			out[col], taken[f] = f, col
		}
	}
	if bare == 1 {
		return out // a lone number heads no option
	}
	for prefix, columns := range map[string]map[int]int{"": numbers, "points_": points} {
		for _, col := range sortedKeys(columns) {
			n := columns[col]
			if zero {
				n++
			}
			if n < 1 || n > MaxOptions {
				continue
			}
			f := Field(prefix + string(rune('a'+n-1)))
			if taken[f] == 0 {
				out[col], taken[f] = f, col
			}
		}
	}
	return out
}

func sortedKeys[V any](m map[int]V) []int {
	keys := make([]int, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Ints(keys)
	return keys
}

// looksLikeHeader says whether the names suffice for a bank: a question and either its answer or its options.
func looksLikeHeader(fields map[int]Field) bool {
	prompt, other := false, false
	for _, f := range fields {
		prompt = prompt || f == fieldPrompt
		other = other || f == fieldAnswer || f == fieldOptions || f.option() >= 0 || f.optionPoints() >= 0
	}
	return prompt && other
}

// positional is the layout of a file without a header: question, options, answer.
func positional(width int) (map[int]Field, bool) {
	fields := map[int]Field{}
	if width < 4 || width > MaxOptions+2 {
		return fields, false
	}
	fields[1] = fieldPrompt
	for i := 2; i < width; i++ {
		fields[i] = Field(rune('a' + i - 2))
	}
	fields[width] = fieldAnswer
	return fields, true
}

// layout says where things are: 0-based columns, -1 where there is none.
type layout struct {
	prompt, options, typ, points, difficulty, explanation, caseSensitive, tolerance, creditRule int

	option       [MaxOptions]int
	optionPoints [MaxOptions]int
	answers      []int // two at most
	tags         []int
	width        int  // of the first row
	guessed      bool // positional
	fields       map[int]Field
	needed       int // the last column without which a row is no question
}

func newLayout(fields map[int]Field, width int) layout {
	l := layout{prompt: -1, options: -1, typ: -1, points: -1, difficulty: -1, explanation: -1, caseSensitive: -1,
		tolerance: -1, creditRule: -1, width: width, fields: map[int]Field{}}
	for i := range MaxOptions {
		l.option[i], l.optionPoints[i] = -1, -1
	}
	single := map[Field]*int{fieldPrompt: &l.prompt, fieldOptions: &l.options, fieldType: &l.typ, fieldPoints: &l.points,
		fieldDifficulty: &l.difficulty, fieldExplanation: &l.explanation, fieldCaseSensitive: &l.caseSensitive,
		fieldTolerance: &l.tolerance, fieldCreditRule: &l.creditRule}
	for _, col := range sortedKeys(fields) {
		f, i := fields[col], col-1
		switch {
		case f == fieldIgnore, f == fieldAnswer && len(l.answers) == 2:
			continue
		case f == fieldAnswer:
			l.answers = append(l.answers, i)
		case f == fieldTags:
			l.tags = append(l.tags, i)
		case f.option() >= 0:
			l.option[f.option()] = i
		case f.optionPoints() >= 0:
			l.optionPoints[f.optionPoints()] = i
		default:
			*single[f] = i
		}
		l.fields[col] = f
		if f == fieldPrompt || f == fieldAnswer || f.optionPoints() >= 0 {
			l.needed = max(l.needed, col)
		}
	}
	return l
}

func (l *layout) hasOptions() bool {
	for _, c := range l.option {
		if c >= 0 {
			return true
		}
	}
	return l.options >= 0
}

func (l *layout) hasOptionPoints() bool {
	for _, c := range l.optionPoints {
		if c >= 0 {
			return true
		}
	}
	return false
}

// cell gives the text of a 0-based column, "" where the row has none.
func cell(r *sheet.Row, col int) string {
	if col < 0 || col >= len(r.Cells) {
		return ""
	}
	return r.Cells[col]
}

func refuse(code, format string, args ...any) *sheet.Refusal {
	return &sheet.Refusal{Code: code, Message: fmt.Sprintf(format, args...)}
}

// columnsNotRecognised names the columns that were found, so that the reader can say which is which.
func columnsNotRecognised(r *sheet.Row) error {
	var found []string
	for i, c := range r.Cells {
		if c = strings.Join(strings.Fields(c), " "); c != "" && len(found) < 20 {
			found = append(found, fmt.Sprintf("%s: %q", sheet.ColumnName(i+1), shorten(c, 40)))
		}
	}
	ref := refuse("columns_not_recognised", "No column could be recognised as the question and its answer. Row %d holds %s. Name the columns in a header row (question, a, b, c, d, answer), or say with mapping which column is which.",
		r.Number, strings.Join(found, ", "))
	ref.Row, ref.Line = r.Number, r.Line
	return ref
}

// noKey refuses a file without a header whose last column is not all keys.
func (p *Plan) noKey(r *sheet.Row) error {
	ref := refuse("columns_not_recognised", "The file has no header row that is known, and its last column is not always the answer: row %d, column %s holds %q. Name the columns in a header row (question, a, b, c, d, answer), or say with mapping which column is which.",
		r.Number, sheet.ColumnName(p.layout.width), shorten(cell(r, p.layout.width-1), 40))
	ref.Row, ref.Line, ref.Column = r.Number, r.Line, p.layout.width
	return ref
}

// unknownOptions says that the header has columns nobody knows, none of which is known as an option, while the answer of the
// row is the letter or number of one of them. If that is so in all rows, the options stand in those columns; reading the
// letters as short texts would make every key wrong without an error.
func (l *layout) unknownOptions(header []string, r *sheet.Row) bool {
	unknown := 0
	for i, c := range header {
		if _, ok := l.fields[i+1]; !ok && strings.TrimSpace(c) != "" {
			unknown++
		}
	}
	if unknown < 2 || l.hasOptions() || l.hasOptionPoints() || l.typ >= 0 || len(l.answers) == 0 {
		return false
	}
	text := cell(r, l.answers[0])
	for _, b := range []base{letter, fromZero, fromOne} {
		if _, ok := b.read(text, min(unknown, MaxOptions)); ok {
			return true
		}
	}
	return false
}

// lastIsKey says whether the last column of a row without header is a letter or a number of one of its options.
func (l *layout) lastIsKey(r *sheet.Row) bool {
	if len(r.Cells) < l.width {
		return true // an error of that row
	}
	text := cell(r, l.answers[0])
	for _, b := range []base{letter, fromZero, fromOne} {
		if _, ok := b.read(text, l.width-2); ok {
			return true
		}
	}
	return false
}
