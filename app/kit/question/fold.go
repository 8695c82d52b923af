package question

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Fold brings a short text to the form in which answers are compared: Unicode NFKC, no white space around it, one space
// for each run of white space and, unless caseSensitive, full Unicode case folding (UAX #15; Unicode chapter 3.13).
// Folding a folded text changes nothing.
func Fold(text string, caseSensitive bool) string {
	if !plain(text) {
		text = norm.NFKC.String(text)
		if !caseSensitive {
			// A Caser may keep state, so it is not shared between goroutines. Folding can undo the normal form.
			text = norm.NFKC.String(cases.Fold().String(strings.Map(largeCherokee, text)))
		}
	} else if !caseSensitive {
		text = strings.ToLower(text)
	}
	return strings.Join(strings.FieldsFunc(text, unicode.IsSpace), " ")
}

// plain tells ASCII, for which NFKC does nothing and folding is lower case.
func plain(text string) bool {
	for i := 0; i < len(text); i++ {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}

// largeCherokee gives a small Cherokee letter's large one. Cherokee folds to its large letters, and the library
// exchanges the two cases, so that they would never meet; once all are large, it treats them alike.
func largeCherokee(r rune) rune {
	if (r >= 0xAB70 && r <= 0xABBF) || (r >= 0x13F8 && r <= 0x13FD) {
		return unicode.ToUpper(r)
	}
	return r
}
