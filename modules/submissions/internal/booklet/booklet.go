// Package booklet is what a candidate sees of a published version: questions in an order, ready as bytes.
// No type here has a place for an answer key, an explanation, a tag or a passing score, and the package imports none that
// has: what it prints cannot depend on them.
package booklet

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/question"
)

// Source is one question as a booklet is made of it, in the author's order.
type Source struct {
	Question question.Question // its OptionIDs are those of Options
	Prompt   string
	Options  []Option
}

// Option is one option of a choice question.
type Option struct {
	ID   uuid.UUID `json:"id"`
	Text string    `json:"text"`
}

// Head is what stands on the cover.
type Head struct {
	Title            string
	TimeLimit        time.Duration
	ShuffleQuestions bool
	ShuffleOptions   bool
}

// Booklet is immutable, so one serves all goroutines.
type Booklet struct {
	Head
	questions []entry
	index     map[uuid.UUID]int
	size      int // bytes of all questions encoded
}

// entry is one question, encoded but for its position and the order of its options.
type entry struct {
	question question.Question
	prompt   string // this and shown are the version's own texts, not copies
	shown    []Option
	opening  []byte   // {"id":"...","position":
	middle   []byte   // ,"type":"...","prompt":"...","options":[
	options  [][]byte // {"id":"...","text":"..."}
	closing  []byte   // ],"points":1,"creditRule":"exact"}
}

// New encodes the questions of a version.
func New(head Head, sources []Source) (*Booklet, error) {
	b := &Booklet{Head: head, questions: make([]entry, len(sources)), index: make(map[uuid.UUID]int, len(sources))}
	for i, src := range sources {
		e, err := encode(src)
		if err != nil {
			return nil, fmt.Errorf("encode question %s: %w", src.Question.ID, err)
		}
		b.questions[i] = e
		b.index[src.Question.ID] = i
		b.size += e.size()
	}
	return b, nil
}

func encode(src Source) (entry, error) {
	q := src.Question
	if len(q.OptionIDs) != len(src.Options) {
		return entry{}, fmt.Errorf("%d options for %d option ids", len(src.Options), len(q.OptionIDs))
	}
	prompt, err := json.Marshal(src.Prompt)
	if err != nil {
		return entry{}, err
	}
	rule := q.CreditRule
	if rule == "" {
		rule = question.Exact
	}
	points, err := q.Points.MarshalJSON()
	if err != nil {
		return entry{}, err
	}
	e := entry{question: q, prompt: src.Prompt, shown: src.Options}
	e.opening = fmt.Appendf(nil, `{"id":"%s","position":`, q.ID)
	e.middle = fmt.Appendf(nil, `,"type":"%s","prompt":%s,"options":[`, q.Type, prompt)
	e.closing = fmt.Appendf(nil, `],"points":%s,"creditRule":"%s"}`, points, rule)
	for _, o := range src.Options {
		text, err := json.Marshal(o)
		if err != nil {
			return entry{}, err
		}
		e.options = append(e.options, text)
	}
	return e, nil
}

func (e entry) size() int {
	n := len(e.opening) + len(e.middle) + len(e.closing) + 8 // the position and commas
	for _, o := range e.options {
		n += len(o) + 1
	}
	return n
}

// Len is the number of questions.
func (b *Booklet) Len() int { return len(b.questions) }

// Size is about how many bytes the encoded questions take.
func (b *Booklet) Size() int { return b.size }

// Question finds a question by its id, to judge an answer's form before it is saved.
func (b *Booklet) Question(id uuid.UUID) (question.Question, bool) {
	i, found := b.index[id]
	if !found {
		return question.Question{}, false
	}
	return b.questions[i].question, true
}

// Source gives the question at a place in the author's order as the texts that it was made of, for a page. It is shared: nobody
// may change its lists.
func (b *Booklet) Source(i int) Source {
	e := &b.questions[i]
	return Source{Question: e.question, Prompt: e.prompt, Options: e.shown}
}

// Place is the author's index of the question at a place of the layout, and the author's indexes of its options in the layout's
// order; nil for the author's own order. The layout must be one that Fits.
func (b *Booklet) Place(l Layout, at int) (question int, options []int) {
	if len(l) == 0 {
		return at, nil
	}
	return l[at][0], l[at][1:]
}

// Fits is nil for a layout of this booklet.
func (b *Booklet) Fits(l Layout) error { return b.fits(l) }

// Order lists the questions' ids as the layout has them. It fails as AppendQuestions does.
func (b *Booklet) Order(l Layout) ([]uuid.UUID, error) {
	if err := b.fits(l); err != nil {
		return nil, err
	}
	order := make([]uuid.UUID, len(b.questions))
	for at := range b.questions {
		order[at] = b.questions[b.at(l, at)].question.ID
	}
	return order, nil
}

// AppendQuestions appends the JSON list of the questions as the layout has them. The error means that the layout is not one
// of this booklet.
func (b *Booklet) AppendQuestions(dst []byte, l Layout) ([]byte, error) {
	if err := b.fits(l); err != nil {
		return nil, err
	}
	dst = append(slices.Grow(dst, b.size+2), '[')
	for at := range b.questions {
		if at > 0 {
			dst = append(dst, ',')
		}
		dst = b.appendQuestion(dst, l, at)
	}
	return append(dst, ']'), nil
}

func (b *Booklet) appendQuestion(dst []byte, l Layout, at int) []byte {
	e := &b.questions[b.at(l, at)]
	dst = append(dst, e.opening...)
	dst = appendInt(dst, at+1)
	dst = append(dst, e.middle...)
	for i := range e.options {
		if i > 0 {
			dst = append(dst, ',')
		}
		o := i
		if len(l) > 0 {
			o = l[at][i+1]
		}
		dst = append(dst, e.options[o]...)
	}
	return append(dst, e.closing...)
}

// at is the author's index of the question at a place of the layout.
func (b *Booklet) at(l Layout, place int) int {
	if len(l) == 0 {
		return place
	}
	return l[place][0]
}
