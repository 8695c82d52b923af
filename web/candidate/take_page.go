package candidate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"strconv"
	"time"

	"github.com/google/uuid"

	"credlane/modules/submissions"
)

// The places of the page around the questions.
const (
	slotTitle     slot = 'T'
	slotAnswered  slot = 'A'
	slotLeft      slot = 'M'
	slotUntil     slot = 'U'
	slotPlain     slot = 'P'
	slotLane      slot = 'L'
	slotNotice    slot = 'O'
	slotWas       slot = 'W'
	slotQuestions slot = 'Q'
	slotNav       slot = 'N'
	slotShare     slot = 'X'
	slotStart     slot = 'S'
)

// maxDashes is the longest lane that is drawn dash by dash.
const maxDashes = 80

// own is what one candidate's page has of their own.
type own struct {
	sitting  submissions.Sitting
	sheet    *sheet
	places   []submissions.Place
	given    []given // by place, as it is kept
	shown    []given // by place, as the form sent it where that could not be taken
	answered int
	keep     []string
}

func (t *taking) ownOf(s submissions.Sitting, sheet *sheet, form map[uuid.UUID]given) (*own, error) {
	places, err := s.Places()
	if err != nil {
		return nil, fmt.Errorf("the test's page: %w", err)
	}
	answers := make(map[uuid.UUID]given, len(s.Answers))
	for _, a := range s.Answers {
		answers[a.QuestionID] = given{answer: a.Answer, flagged: a.Flagged}
	}
	o := &own{sitting: s, sheet: sheet, places: places, given: make([]given, len(places)), keep: t.keep()}
	for at, p := range places {
		o.given[at] = answers[sheet.questions[p.Question].id]
		if o.given[at].answered() {
			o.answered++
		}
	}
	o.shown = o.given
	if len(form) > 0 {
		o.shown = append([]given(nil), o.given...)
		for at, p := range places {
			if g, refused := form[sheet.questions[p.Question].id]; refused {
				o.shown[at] = g
			}
		}
	}
	return o, nil
}

// append writes the page.
func (o *own) append(b []byte, spoken *spokenTake, theme string, n formReport) ([]byte, error) {
	l, s := spoken.locale, o.sitting
	minutes := max(0, int((s.Receipt.DeadlineAt.Sub(s.Now)+time.Minute-1)/time.Minute))
	until := s.Receipt.DeadlineAt.Format("15:04")
	for _, p := range spoken.shells[theme] {
		b = append(b, p.html...)
		var err error
		switch p.slot {
		case slotTitle:
			b = appendEscaped(b, s.Title)
		case slotAnswered:
			b = appendEscaped(b, l.T("take.answered", "n", o.answered, "total", len(o.places)))
		case slotLeft:
			b = appendEscaped(b, l.T("take.minutes_left", "n", minutes))
		case slotUntil:
			b = appendEscaped(b, l.T("take.until_utc", "time", until))
		case slotPlain:
			b = appendEscaped(b, l.T("take.plain", "n", minutes, "time", until))
		case slotLane:
			b, err = o.appendLane(b, spoken)
		case slotNotice:
			if n.Text != "" {
				b, err = appendBlock(b, spoken, "take-notice", n)
			}
		case slotWas:
			b = append(b, encodePrints(o.prints())...)
		case slotQuestions:
			for at, p := range o.places {
				b = o.sheet.questions[p.Question].append(b, at+1, p.Options, o.shown[at])
			}
		case slotNav:
			for at, g := range o.shown {
				b = appendPieces(b, spoken.nav[navKind(g)], at+1, "", 0, g)
			}
		case slotShare:
			b = strconv.AppendInt(append(strconv.AppendInt(b, int64(o.answered), 10), '/'), int64(len(o.places)), 10)
		case slotStart:
			b, err = o.appendStart(b)
		}
		if err != nil {
			return nil, err
		}
	}
	return b, nil
}

func appendEscaped(b []byte, text string) []byte {
	return append(b, template.HTMLEscapeString(text)...)
}

func appendBlock(b []byte, spoken *spokenTake, block string, data any) ([]byte, error) {
	var buf bytes.Buffer
	if err := spoken.tpl.Execute(&buf, block, data); err != nil {
		return nil, err
	}
	return append(b, buf.Bytes()...), nil
}

// appendLane draws the progress: a dash for each question, or a bar where they are too many.
func (o *own) appendLane(b []byte, spoken *spokenTake) ([]byte, error) {
	if len(o.places) > maxDashes {
		return appendBlock(b, spoken, "take-progress", map[string]any{"Total": len(o.places), "Answered": o.answered})
	}
	dashes := make([]byte, 0, 32*len(o.places))
	for _, g := range o.shown {
		dashes = append(dashes, dashKinds[navKind(g)]...)
	}
	return appendBlock(b, spoken, "take-lane", map[string]any{"Dashes": template.HTML(dashes)})
}

// dashKinds are the dashes by answered and flagged.
var dashKinds = [4]string{`<i></i>`, `<i class="done"></i>`, `<i class="fl"></i>`, `<i class="done fl"></i>`}

// navKind says how a question stands: navAnswered, navFlagged.
func navKind(g given) (kind int) {
	if g.answered() {
		kind |= navAnswered
	}
	if g.flagged {
		kind |= navFlagged
	}
	return kind
}

func (o *own) prints() []byte {
	prints := make([]byte, 0, printSize*len(o.given))
	for _, g := range o.given {
		prints = appendPrint(prints, g)
	}
	return prints
}

func (o *own) appendStart(b []byte) ([]byte, error) {
	s := o.sitting
	begin, err := json.Marshal(start{
		ID: s.Receipt.ID, StartedAt: s.Receipt.StartedAt, DeadlineAt: s.Receipt.DeadlineAt, ServerNow: s.Now.UTC(),
		Minutes: int(s.TimeLimit / time.Minute), Answers: s.Answers, Keep: o.keep,
	})
	if err != nil {
		return nil, fmt.Errorf("the test's page: %w", err)
	}
	return append(b, begin...), nil
}
