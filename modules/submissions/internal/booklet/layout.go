package booklet

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// Layout is one candidate's order. Each entry is one question: its index in the author's order, then the indexes of its
// options in theirs; a version never changes, so indexes say all and are a tenth of the ids' size. Empty is the author's
// order throughout. It is stored as ["2.1.0.3","0",...], and [] for that: as nested lists it would be the widest column of its row.
type Layout [][]int

// Shuffler permutes n things, uniformly, through swap.
type Shuffler interface {
	Shuffle(n int, swap func(i, j int))
}

// Draw draws the order of one candidate. What the version does not shuffle keeps the author's order.
func (b *Booklet) Draw(s Shuffler) Layout {
	if !b.ShuffleQuestions && !b.ShuffleOptions {
		return Layout{} // not nil, which would be stored as NULL
	}
	l := make(Layout, len(b.questions))
	for i, e := range b.questions {
		l[i] = make([]int, len(e.options)+1)
		l[i][0] = i
		for o := range e.options {
			l[i][o+1] = o
		}
		if b.ShuffleOptions {
			options := l[i][1:]
			s.Shuffle(len(options), func(x, y int) { options[x], options[y] = options[y], options[x] })
		}
	}
	if b.ShuffleQuestions {
		s.Shuffle(len(l), func(x, y int) { l[x], l[y] = l[y], l[x] })
	}
	return l
}

// fits checks that the layout is a permutation of this booklet, so that damage is an error and never a panic.
func (b *Booklet) fits(l Layout) error {
	if len(l) == 0 {
		return nil
	}
	if len(l) != len(b.questions) {
		return fmt.Errorf("the layout has %d questions, the version %d", len(l), len(b.questions))
	}
	seen := make([]bool, len(b.questions))
	for place, e := range l {
		if len(e) == 0 || !mark(seen, e[0]) {
			return fmt.Errorf("the layout names no or a wrong question at place %d", place+1)
		}
		options := b.questions[e[0]].options
		if len(e)-1 != len(options) {
			return fmt.Errorf("the layout has %d options at place %d, the question %d", len(e)-1, place+1, len(options))
		}
		var chosen [32]bool // more than question.MaxOptions
		if len(options) > len(chosen) {
			return fmt.Errorf("the question at place %d has %d options", place+1, len(options))
		}
		for _, o := range e[1:] {
			if !mark(chosen[:len(options)], o) {
				return fmt.Errorf("the layout names a wrong option at place %d", place+1)
			}
		}
	}
	return nil
}

// mark notes i once.
func mark(seen []bool, i int) bool {
	if i < 0 || i >= len(seen) || seen[i] {
		return false
	}
	seen[i] = true
	return true
}

// MarshalJSON prints the stored form.
func (l Layout) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 2+16*len(l))
	b = append(b, '[')
	for i, e := range l {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		for j, n := range e {
			if j > 0 {
				b = append(b, '.')
			}
			b = appendInt(b, n)
		}
		b = append(b, '"')
	}
	return append(b, ']'), nil
}

var errLayout = errors.New("not a stored layout")

// UnmarshalJSON reads the stored form, as the database prints it: digits, dots and white space between. It is read at every
// fetch, so it is no work for a general decoder; all entries share one array.
func (l *Layout) UnmarshalJSON(text []byte) error {
	quotes := bytes.Count(text, []byte{'"'})
	numbers := make([]int, 0, quotes/2+bytes.Count(text, []byte{'.'})) // exact, or the text is refused below
	out := make(Layout, 0, quotes/2)
	rest, found := cutByte(text, '[')
	for first := true; found; first = false {
		if end, closed := cutByte(rest, ']'); closed {
			if len(bytes.TrimSpace(end)) > 0 {
				break
			}
			*l = out
			return nil
		}
		if !first {
			if rest, found = cutByte(rest, ','); !found {
				break
			}
		}
		if rest, found = cutByte(rest, '"'); !found {
			break
		}
		start := len(numbers)
		if numbers, rest, found = appendNumbers(numbers, rest); found {
			out = append(out, numbers[start:len(numbers):len(numbers)])
		}
	}
	return errLayout
}

// cutByte cuts white space and then c from the front of text.
func cutByte(text []byte, c byte) (rest []byte, found bool) {
	for len(text) > 0 && (text[0] == ' ' || text[0] == '\n' || text[0] == '\t' || text[0] == '\r') {
		text = text[1:]
	}
	if len(text) == 0 || text[0] != c {
		return text, false
	}
	return text[1:], true
}

// appendNumbers reads numbers between dots up to the closing quote.
func appendNumbers(list []int, text []byte) (out []int, rest []byte, found bool) {
	const most = 1 << 20 // far above any number of questions or options
	for {
		n, digits := 0, 0
		for digits < len(text) && '0' <= text[digits] && text[digits] <= '9' && n < most {
			n = n*10 + int(text[digits]-'0')
			digits++
		}
		if digits == 0 || digits == len(text) {
			return list, text, false
		}
		list = append(list, n)
		text = text[digits:]
		if text[0] == '"' {
			return list, text[1:], true
		}
		if text[0] != '.' {
			return list, text, false
		}
		text = text[1:]
	}
}

func appendInt(b []byte, n int) []byte { return strconv.AppendInt(b, int64(n), 10) }
