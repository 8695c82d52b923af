package mail

import (
	"regexp"
	"strings"
)

// Strangers type names, and mail programs make links of whatever looks like one. These are the dots of IDNA (RFC 5895), and what is
// made one by normalization.
const dots = `.\x{3002}\x{FF0E}\x{FF61}\x{2024}\x{FE52}`

var (
	linkLike = regexp.MustCompile(`(?i)[/\\@\x{FF20}<>]|www[` + dots + `]|[a-z]:\S|[^\s` + dots + `][` + dots + `][^\s` + dots + `]{2}`)
	innerDot = regexp.MustCompile(`([^\s` + dots + `])[` + dots + `]+([^\s` + dots + `])`)
)

// personName is a name to address somebody by. One that a mail program could make a link of is none: "Hello," is enough.
func personName(name string) string {
	name = visibleLine(name)
	if linkLike.MatchString(name) {
		return ""
	}
	return name
}

var unlinking = strings.NewReplacer("@", " at ", "\uFF20", " at ", "/", " ", "\\", " ", "<", " ", ">", " ", ":", ": ")

// unlinked is a name that cannot be left out, such as an employer's, in a way that no mail program makes a link of: Example.com is
// Example·com.
func unlinked(name string) string {
	name = unlinking.Replace(visibleLine(name))
	for innerDot.MatchString(name) { // of a.b.c each dot is next to a letter that the one before has taken
		name = innerDot.ReplaceAllString(name, "$1\u00b7$2")
	}
	return oneLine(name)
}

// visibleLine is oneLine without what takes no room, which could stand between the parts of a link that is one all the same.
func visibleLine(name string) string {
	return oneLine(strings.Map(func(r rune) rune {
		switch r {
		case '\u00AD', '\u200B', '\u2060', '\uFEFF':
			return -1
		}
		return r
	}, name))
}
