// Package csvsafe keeps text that strangers wrote from acting as a formula when a spreadsheet program opens an export.
package csvsafe

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// begins are the characters that a formula may begin with, and their wide, small and typographic forms, which programs fold.
const begins = "=+-@＝＋－＠﹦﹢﹣﹫−"

// Cell is text with an apostrophe before it where a spreadsheet program could take it for a formula: where, after what such
// programs drop, it begins with = + - @ or another form of them, or where it begins with a tab or line break. A plain number
// stays as it is. Source: OWASP, CSV Injection.
func Cell(text string) string {
	if text == "" || plainNumber(text) {
		return text
	}
	if strings.ContainsRune("\t\r\n", rune(text[0])) {
		return "'" + text
	}
	rest := strings.TrimLeftFunc(text, invisible)
	if first, _ := utf8.DecodeRuneInString(rest); rest != "" && strings.ContainsRune(begins, first) {
		return "'" + text
	}
	return text
}

// invisible tells what a program may drop in front of a formula: white space, controls, marks without width, and the two
// fillers of Hangul, which are letters by name only.
func invisible(r rune) bool {
	return unicode.IsSpace(r) || !unicode.IsPrint(r) || r == '\u3164' || r == '\u115f'
}

// plainNumber tells digits with at most one sign before them and one decimal separator between them.
func plainNumber(s string) bool {
	s = strings.TrimLeft(s[:1], "+-") + s[1:]
	whole, part, split := strings.Cut(strings.Replace(s, ",", ".", 1), ".")
	return digits(whole) && (!split || digits(part))
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
