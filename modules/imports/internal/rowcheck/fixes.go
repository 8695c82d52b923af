package rowcheck

import (
	"math/bits"
	"strconv"
	"strings"
	"unicode"
)

// A fix is offered only where a reader of the cell could mean one thing; a person still has to take it.

// mend adds a fix to the error that was just recorded. ok is what the finder of the fix says.
func (j *judge) mend(value string, ok bool) {
	if ok && len(value) <= cutWhole {
		j.errors[len(j.errors)-1].Fix = &Fix{Value: value}
	}
}

// room says whether an error will be kept, so that no work is done for those that are only counted.
func (j *judge) room() bool { return len(j.rep.Errors)+len(j.errors) <= maxIssues }

// sureAnswer reads an answer that misses its option by the way it is written: "Option B" or "Bern" in a column of letters,
// "bern." in a column of texts.
func (j *judge) sureAnswer(answer string, b base) (string, bool) {
	if !j.room() || len(answer) > cutShort {
		return "", false
	}
	if b == byText {
		return j.sameText(answer)
	}
	name := fold(answer)
	if f, n, bare := newDictionary().lookup(name); f == "option" && !bare && len(name) > 1 && n >= 1 && n <= MaxOptions {
		digit := unicode.IsDigit(rune(name[len(name)-1]))
		if digit == (b != letter) && b != fromZero && j.c.there&(1<<(n-1)) != 0 {
			return b.place(n - 1), true
		}
	}
	if _, err := strconv.Atoi(answer); err == nil || len([]rune(answer)) < 2 {
		return "", false // a number or a letter that is out of range may be anything
	}
	if m, ok := matchOne(answer, &j.c); ok {
		return b.place(bits.TrailingZeros32(uint32(m))), true
	}
	return "", false
}

// sameText finds the one option that has the same letters and digits.
func (j *judge) sameText(answer string) (string, bool) {
	want, found := fold(answer), -1
	for i := range j.c.n {
		if want == "" || j.c.there&(1<<i) == 0 || fold(j.c.text[i]) != want {
			continue
		}
		if found >= 0 {
			return "", false
		}
		found = i
	}
	if found < 0 {
		return "", false
	}
	return strings.TrimSpace(j.c.text[found]), true
}

// place names an option by its place.
func (b base) place(n int) string {
	switch b {
	case letter:
		return string(rune('A' + n))
	case fromOne:
		return strconv.Itoa(n + 1)
	}
	return strconv.Itoa(n)
}

// sureTruth reads "Treu" and "FALSE!" as what they were to be.
func (j *judge) sureTruth(answer string) (string, bool) {
	word, ok := nearest(answer, "true", "false")
	return strings.ToUpper(word), ok && j.room()
}

// sureType reads "singel choice".
func (j *judge) sureType(text string) (string, bool) {
	if !j.room() {
		return "", false
	}
	word, ok := nearest(text, "singlechoice", "multiplechoice", "truefalse", "shorttext", "numeric")
	if !ok {
		return "", false
	}
	return typeOf(word)
}

// surePoints reads "three" and "2 points".
func (j *judge) surePoints(text string) (string, bool) {
	words := strings.Fields(strings.ToLower(text))
	if len(words) == 0 || len(words) > 2 || !j.room() {
		return "", false
	}
	if len(words) == 2 && !strings.Contains(" point points pt pts mark marks punkt punkte ", " "+strings.Trim(words[1], ".")+" ") {
		return "", false
	}
	for n, word := range strings.Fields("zero one two three four five six seven eight nine ten") {
		if words[0] == word {
			return strconv.Itoa(n), true
		}
	}
	_, ok := parseThousandths(words[0])
	return words[0], ok && len(words) == 2
}

// sureNumber reads "1,234.5" and "1 234", whose separators of thousands leave no doubt, and a number with its unit.
func (j *judge) sureNumber(text string) (string, bool) {
	s := strings.TrimSpace(text)
	if len(s) > 60 || !j.room() {
		return "", false
	}
	number := strings.TrimRightFunc(s, func(c rune) bool { return !unicode.IsDigit(c) })
	unit := strings.TrimSpace(s[len(number):])
	if unit != "" && strings.ContainsAny(unit, ".,0123456789") {
		return "", false
	}
	point, comma := strings.LastIndexByte(number, '.'), strings.LastIndexByte(number, ',')
	switch {
	case point >= 0 && comma >= 0:
		thousands := ","
		if comma > point {
			thousands = "."
		}
		number = ungroup(number, thousands)
	case strings.ContainsAny(number, " \u00a0\u202f'’"):
		for _, sep := range []string{" ", "\u00a0", "\u202f", "'", "’"} {
			if strings.Contains(number, sep) {
				number = ungroup(number, sep)
				break
			}
		}
	}
	value, ok := decimal(number)
	return value, ok && value != s
}

// ungroup takes the separators of thousands out of a number, or gives "" when they do not stand before three digits each.
func ungroup(number, sep string) string {
	parts := strings.Split(number, sep)
	for i, part := range parts {
		digits := part
		if i == len(parts)-1 {
			digits, _, _ = strings.Cut(strings.Replace(part, ",", ".", 1), ".")
		}
		if i > 0 && len(digits) != 3 || i == 0 && (len(digits) == 0 || len(strings.TrimPrefix(digits, "-")) > 3) {
			return ""
		}
	}
	return strings.Join(parts, "")
}

// withoutControls is a text without what no text may hold.
func withoutControls(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) && c != '\t' && c != '\n' {
			return -1
		}
		return c
	}, s)
}

// nearest is the one word that a text becomes by at most one slip of a finger: a letter left out, put in, changed, or two
// changed about.
func nearest(text string, words ...string) (string, bool) {
	got, found := []rune(fold(text)), ""
	if len(got) > 40 {
		return "", false
	}
	for _, w := range words {
		if !oneSlip(got, []rune(w)) {
			continue
		}
		if found != "" {
			return "", false
		}
		found = w
	}
	return found, found != ""
}

func oneSlip(a, b []rune) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 || len(a) < 3 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return string(a[i:]) == string(b[i+1:])
	}
	if i == len(a) || string(a[i+1:]) == string(b[i+1:]) {
		return true
	}
	return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && string(a[i+2:]) == string(b[i+2:])
}
