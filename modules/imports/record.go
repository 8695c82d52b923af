package imports

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// A record of the spool is its length, then the fields of a question in the order of appendRecord: numbers as varints, a text
// or a list as its length and what it holds. It lives as long as one import, so it has no version. A general encoding took a
// third of an import's time.

const recordHead = 4

var errBroken = errors.New("a record is broken")

// nextRecord reads one record, into buf while it is read; io.EOF says that there is none left. The text is copied once, and
// the texts of its question are parts of it.
func nextRecord(in *bufio.Reader, buf *[]byte) (string, error) {
	var head [recordHead]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = errBroken
		}
		return "", err
	}
	n := int(binary.LittleEndian.Uint32(head[:]))
	if cap(*buf) < n {
		*buf = make([]byte, n)
	}
	b := (*buf)[:n]
	if _, err := io.ReadFull(in, b); err != nil {
		return "", errors.Join(errBroken, err)
	}
	return string(b), nil
}

func appendRecord(b []byte, q *Question) []byte {
	b = binary.AppendVarint(b, int64(q.Row))
	b = binary.AppendVarint(b, q.Points)
	b = append(b, flag(q.CaseSensitive), flag(q.True))
	for _, s := range [...]string{q.Type, q.Prompt, q.Value, q.Tolerance, q.ToleranceKind, q.CreditRule, q.Difficulty, q.Explanation} {
		b = appendText(b, s)
	}
	for _, list := range [...][]string{q.Accepted, q.Tags} {
		b = binary.AppendUvarint(b, uint64(len(list)))
		for _, s := range list {
			b = appendText(b, s)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(q.Options)))
	for _, o := range q.Options {
		b = appendText(append(b, flag(o.Correct)), o.Text)
	}
	return b
}

func flag(set bool) byte {
	if set {
		return 1
	}
	return 0
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// readRecord is the reverse of appendRecord; an empty list comes back as nil.
func readRecord(text string) (Question, error) {
	r := record{left: text}
	q := Question{Row: int(r.varint()), Points: r.varint(), CaseSensitive: r.flag(), True: r.flag()}
	for _, s := range [...]*string{&q.Type, &q.Prompt, &q.Value, &q.Tolerance, &q.ToleranceKind, &q.CreditRule, &q.Difficulty, &q.Explanation} {
		*s = r.text()
	}
	for _, list := range [...]*[]string{&q.Accepted, &q.Tags} {
		if n := r.count(); n > 0 {
			*list = make([]string, n)
		}
		for i := range *list {
			(*list)[i] = r.text()
		}
	}
	if n := r.count(); n > 0 {
		q.Options = make([]Option, n)
	}
	for i := range q.Options {
		q.Options[i].Correct = r.flag()
		q.Options[i].Text = r.text()
	}
	if r.broken || r.left != "" {
		return Question{}, errBroken
	}
	return q, nil
}

// record is what is left to read of one; once broken, everything is empty.
type record struct {
	left   string
	broken bool
}

// take gives the next n bytes.
func (r *record) take(n uint64) string {
	if n > uint64(len(r.left)) {
		r.left, r.broken = "", true
		return ""
	}
	s := r.left[:n]
	r.left = r.left[n:]
	return s
}

func (r *record) flag() bool { return r.take(1) == "\x01" }

func (r *record) text() string { return r.take(r.uvarint()) }

// count is the length of a list; each of its entries takes a byte at least.
func (r *record) count() int {
	n := r.uvarint()
	if n > uint64(len(r.left)) {
		r.left, r.broken = "", true
		return 0
	}
	return int(n)
}

func (r *record) uvarint() uint64 {
	var v uint64
	for shift := 0; shift < 64; shift += 7 {
		s := r.take(1)
		if s == "" {
			return 0
		}
		v |= uint64(s[0]&0x7f) << shift
		if s[0] < 0x80 {
			return v
		}
	}
	r.left, r.broken = "", true
	return 0
}

// varint undoes the zigzag of binary.AppendVarint.
func (r *record) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}
