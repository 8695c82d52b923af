package auth

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
	"credlane/app/kit/rest"
)

const (
	maxName      = 200
	maxKeyName   = 100
	maxEmail     = 254 // octets, RFC 5321 4.5.3.1.3 less the angle brackets
	maxLocalPart = 64
	maxLabel     = 63
	maxNotice    = 20_000

	messageEmail = "Give one e-mail address such as ada@example.com, without a name around it."
)

// reasons collects every reason against an input, so that a person mends all at once.
type reasons []fault.Field

func (r *reasons) add(location, message string) {
	*r = append(*r, fault.Field{Location: location, Message: message})
}

func (r reasons) err() error {
	if len(r) == 0 {
		return nil
	}
	return rest.ErrInvalid.WithFields(r...)
}

// email gives the address as it is kept: trimmed and NFC. Case is kept too; comparing goes through lower() in the database.
func (r *reasons) email(location, raw string) string {
	address := tidyEmail(raw)
	if !validEmail(address) {
		r.add(location, messageEmail)
	}
	return address
}

func tidyEmail(raw string) string { return norm.NFC.String(strings.TrimSpace(raw)) }

// validEmail is stricter than RFC 5322 on purpose: a dot-atom and a domain of two labels or more, both also in Unicode
// (RFC 6531). Quoted local parts, comments, display names and IP literals are what attackers send, not people.
func validEmail(address string) bool {
	if len(address) > maxEmail || !utf8.ValidString(address) || strings.Count(address, "@") != 1 {
		return false
	}
	local, domain, _ := strings.Cut(address, "@")
	if len(local) > maxLocalPart || !dotted(local, isAtom) {
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

// name gives a name of a person or a thing as it is kept: trimmed, NFC, on one line.
func (r *reasons) name(location, raw string, longest int) string {
	name := norm.NFC.String(strings.TrimSpace(raw))
	switch length := utf8.RuneCountInString(name); {
	case !strings.ContainsFunc(name, isVisible):
		r.add(location, "Give a name.")
	case length > longest && longest == maxName:
		r.add(location, "Use at most 200 characters.")
	case length > longest:
		r.add(location, "Use at most 100 characters.")
	case !all(name, isPlain):
		r.add(location, "Remove line breaks, control characters and characters that turn the direction of writing.")
	}
	return name
}

// role refuses what is none.
func (r *reasons) role(location string, role authn.Role) {
	if role < authn.Viewer {
		r.add(location, "Choose viewer, recruiter, admin or owner.")
	}
}

// isVisible tells a character that can be seen from space and from what has no width, of which no name can be made.
func isVisible(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) }

// isPlain refuses what could make one name look like another or break a line of a log, a mail header or a page.
func isPlain(r rune) bool {
	return r != utf8.RuneError && !unicode.IsControl(r) && !unicode.Is(unicode.Bidi_Control, r) && r != '\u2028' && r != '\u2029'
}

// notice gives a longer text as it is kept: NFC, lines ended by \n.
func (r *reasons) notice(location, raw string) string {
	text := norm.NFC.String(strings.ReplaceAll(strings.ReplaceAll(raw, "\r\n", "\n"), "\r", "\n"))
	switch {
	case utf8.RuneCountInString(text) > maxNotice:
		r.add(location, "Use at most 20,000 characters.")
	case !all(text, func(c rune) bool { return c == '\n' || c == '\t' || isPlain(c) }):
		r.add(location, "Remove control characters and characters that turn the direction of writing.")
	}
	return text
}
