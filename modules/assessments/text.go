package assessments

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"credlane/app/kit/fault"
	"credlane/app/kit/rest"
)

// reasons gathers everything that is wrong with one request, so that its author hears it at once.
type reasons []fault.Field

func (r *reasons) add(location, format string, args ...any) {
	*r = append(*r, fault.Field{Location: location, Message: fmt.Sprintf(format, args...)})
}

// fault is nil when there is no reason.
func (r reasons) fault() error {
	if len(r) == 0 {
		return nil
	}
	return rest.ErrInvalid.WithFields(r...)
}

// line judges one line of text, such as a title, and gives it without the space around it. What would hide or reverse
// the text next to it (control characters, bidi overrides and isolates) is refused.
func (r *reasons) line(location, text string, longest int, needed bool) string {
	text = strings.TrimSpace(text)
	switch {
	case !utf8.ValidString(text) || strings.ContainsFunc(text, deceptive):
		r.add(location, "Remove line breaks, control characters and marks that change the direction of the text.")
	case needed && !visible(text):
		r.add(location, "Write something here.")
	case utf8.RuneCountInString(text) > longest:
		r.add(location, "Shorten this to %d characters.", longest)
	}
	return text
}

// prose judges a longer text, such as a prompt: it is Markdown, so white space is kept as it came.
func (r *reasons) prose(location, text string, longest int, needed bool) {
	if !prose(text, longest, needed) {
		r.notProse(location, text, longest, needed)
	}
}

// prose tells a longer text that is allowed. Naming its place costs more than judging it, and an import has half a million.
func prose(text string, longest int, needed bool) bool {
	return utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 && (!needed || visible(text)) &&
		(len(text) <= longest || utf8.RuneCountInString(text) <= longest)
}

func (r *reasons) notProse(location, text string, longest int, needed bool) {
	switch {
	case !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0:
		r.add(location, "Remove the characters that are not text.")
	case needed && !visible(text):
		r.add(location, "Write something here.")
	default:
		r.add(location, "Shorten this to %d characters.", longest)
	}
}

// tags gives the tags trimmed and each once.
func (r *reasons) tags(location string, tags []string) []string {
	kept := make([]string, 0, min(len(tags), MaxTags))
	if len(tags) > MaxTags {
		r.add(location, "Give at most %d tags.", MaxTags)
		return kept
	}
	for i, tag := range tags {
		tag = r.line(location+"["+strconv.Itoa(i)+"]", tag, MaxTag, true)
		if !slices.Contains(kept, tag) {
			kept = append(kept, tag)
		}
	}
	return kept
}

func deceptive(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' ||
		r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}

// visible tells a text of spaces and zero-width characters from one that can be read.
func visible(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) })
}
