// Package address judges the e-mail addresses and names of people, so that whatever one module takes another one takes too.
package address

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

const (
	maxEmail     = 254 // octets, RFC 5321 4.5.3.1.3 less the angle brackets
	maxLocalPart = 64
	maxLabel     = 63

	// MaxName is how many characters a person's name may have.
	MaxName = 200
)

// Email gives an address as it is kept, and whether it is one: trimmed and NFC, the local part with its case, the domain in the
// one form that it has in Unicode, so that bücher.example and xn--bcher-kva.example are one. It is stricter than RFC 5322 on
// purpose: a dot-atom and a domain of two labels or more, both also in Unicode (RFC 6531). Quoted local parts, comments, display
// names and IP literals are what attackers send, not people.
func Email(raw string) (address string, ok bool) {
	raw = strings.TrimSpace(raw)
	address = norm.NFC.String(raw)
	if !valid(address) || strings.ContainsFunc(raw, turnsPlain) { // also what NFC makes plain
		return address, false
	}
	local, domain, _ := strings.Cut(address, "@")
	domain, ok = canonical(domain)
	if !ok || len(local)+1+len(domain) > maxEmail {
		return address, false
	}
	return local + "@" + domain, true
}

func valid(address string) bool {
	if len(address) > maxEmail || !utf8.ValidString(address) || strings.Count(address, "@") != 1 {
		return false
	}
	local, domain, _ := strings.Cut(address, "@")
	if len(local) > maxLocalPart || !dotted(local, isAtom) || strings.ContainsFunc(address, turnsPlain) {
		return false
	}
	labels := strings.Split(domain, ".")
	for _, label := range labels {
		if len(label) > maxLabel || label == "" || !all(label, isLabel) || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return len(labels) >= 2
}

// canonical gives the form of a domain that is kept, in Unicode and lower case, of one that mail can look up.
func canonical(domain string) (string, bool) {
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil {
		return "", false
	}
	shown, err := idna.Lookup.ToUnicode(ascii)
	if err != nil || strings.ContainsFunc(shown, turnsPlain) || strings.Count(shown, ".") != strings.Count(domain, ".") {
		return "", false
	}
	return shown, true
}

// turnsPlain refuses a character outside ASCII that lower case, upper case or compatibility turns into one within: whoever has
// the mailbox of the one would pass for that of the other (Turkish İ, the Kelvin sign, full-width letters, ligatures).
func turnsPlain(r rune) bool {
	if r < utf8.RuneSelf {
		return false
	}
	return unicode.ToLower(r) < utf8.RuneSelf || unicode.ToUpper(r) < utf8.RuneSelf || holdsPlain(norm.NFKC.String(string(r)))
}

func holdsPlain(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < utf8.RuneSelf }) >= 0
}

// Name gives a person's name as it is kept, trimmed, NFC and on one line, and whether it may be one. The empty name may.
func Name(raw string) (name string, ok bool) {
	name = norm.NFC.String(strings.TrimSpace(raw))
	return name, utf8.RuneCountInString(name) <= MaxName && all(name, isPlain) &&
		(name == "" || strings.ContainsFunc(name, func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) }))
}

func dotted(s string, ok func(rune) bool) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || !all(part, ok) {
			return false
		}
	}
	return true
}

func all(s string, ok func(rune) bool) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !ok(r) }) < 0
}

func isAtom(r rune) bool { return isLabel(r) || strings.ContainsRune("!#$%&'*+/=?^_`{|}~", r) }

func isLabel(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-'
	}
	return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsNumber(r)
}

// isPlain refuses what could make one name look like another or break a line of a log, a mail header or a page.
func isPlain(r rune) bool {
	return r != utf8.RuneError && !unicode.IsControl(r) && !unicode.Is(unicode.Bidi_Control, r) && r != '\u2028' && r != '\u2029'
}
