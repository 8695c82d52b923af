package auth

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"credlane/app/kit/address"
	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
	"credlane/app/kit/rest"
)

const (
	maxName    = 200
	maxKeyName = 100
	maxNotice  = 20_000

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
	kept, ok := address.Email(raw)
	if !ok {
		r.add(location, messageEmail)
	}
	return kept
}

// tidyEmail is an address as it is kept, whether it is one or not: what is looked for may be anything.
func tidyEmail(raw string) string {
	kept, _ := address.Email(raw)
	return kept
}

func all(s string, ok func(rune) bool) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !ok(r) }) < 0
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
