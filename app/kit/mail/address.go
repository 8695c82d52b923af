package mail

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// address is a bare mail address. The domain is in ASCII (RFC 5891), the local part may be UTF-8 (RFC 6531).
type address struct{ local, domain string }

func (a address) String() string { return a.local + "@" + a.domain }

// ascii says that every server takes the address, also one without SMTPUTF8.
func (a address) ascii() bool { return isASCII(a.local) }

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

const maxLocal = 64 // octets, RFC 5321 4.5.3.1.1

var errAddress = errors.New("this is no address that mail can be sent to")

// parseAddress takes a dot-atom before one @, and a domain. Quoted local parts and literals are what attackers send, not people.
func parseAddress(text string) (address, error) {
	local, domain, ok := strings.Cut(text, "@")
	if !ok || local == "" || len(local) > maxLocal || !utf8.ValidString(local) || strings.ContainsFunc(local, notAtom) ||
		strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, "..") {
		return address{}, errAddress
	}
	domain, err := asciiDomain(domain)
	if err != nil {
		return address{}, errAddress
	}
	return address{local, domain}, nil
}

func notAtom(r rune) bool {
	return r <= ' ' || r == utf8.RuneError || strings.ContainsRune(`()<>[]\,;:"@`, r) || !plainRune(r) || unicode.IsSpace(r)
}

func asciiDomain(domain string) (string, error) {
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil || ascii == "" || len(ascii) > 253 {
		return "", errors.New("this is no domain")
	}
	return ascii, nil
}

// plainRune refuses what breaks a line or turns the direction of writing.
func plainRune(r rune) bool {
	return !unicode.IsControl(r) && !unicode.Is(unicode.Bidi_Control, r) && r != '\u2028' && r != '\u2029'
}

// oneLine makes text fit for a header: every white space and control character is one space, and none stands at an end.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if !plainRune(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	return strings.Join(strings.Fields(text), " ")
}

// headerText is oneLine for a header. What looks like an encoded word (RFC 2047) would be read as one, line breaks and all.
func headerText(text string) string { return strings.ReplaceAll(oneLine(text), "=?", "= ?") }

// paragraph makes text fit for a body: lines, without other control characters.
func paragraph(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || plainRune(r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(text, ""))
	return strings.TrimSpace(text)
}
