package candidate

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/fnv"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/fault"
	"credlane/app/kit/question"
	"credlane/app/kit/rest"
	"credlane/modules/submissions"
	"credlane/web/words"
)

// Bounds of the form, which holds all questions: a thousand long texts in an alphabet of three bytes, each written as %xx.
const (
	maxForm   = 12 << 20
	maxFields = 40_000
	formTime  = 60 * time.Second
)

// The fields of the form: answer.<question>, flag.<question> and clear.<question>, and these.
const (
	fieldWas = "was"
	fieldDo  = "do" // which button: "save", or "finish" to go on to handing in
	doFinish = "finish"
)

// save keeps what has changed in a form and says how much that was. Saves go one by one through the module, each with the next
// sequence number: what stands in a field that nobody touched never overwrites what another page has saved since.
func (t *taking) save(w http.ResponseWriter, r *http.Request) error {
	form, err := rest.FormValues(r)
	if err != nil {
		return err
	}
	s, err := t.Submissions.Sitting(r.Context())
	if err != nil {
		return err
	}
	if s.Receipt.Status != submissions.InProgress {
		return rest.Redirect(w, r, resultPath)
	}
	changes, err := changesOf(s, form)
	if err != nil {
		return err
	}
	saved, refused := 0, map[uuid.UUID]given{}
	for _, c := range changes {
		_, err := t.Submissions.Save(r.Context(), submissions.Save{QuestionID: c.id, Answer: c.to.answer, Flagged: &c.to.flagged})
		if f, ok := fault.As(err); ok && f.Code == submissions.ErrInvalidAnswer.Code {
			c.to.wrong = wrongWords(t.words.For(r), c.kind)
			refused[c.id] = c.to
			continue
		}
		if err != nil {
			return err
		}
		saved++
	}
	if len(refused) > 0 {
		return t.again(w, r, refused)
	}
	if form.Get(fieldDo) == doFinish {
		return rest.Redirect(w, r, finishPath)
	}
	return rest.Redirect(w, r, takePath+"?saved="+strconv.Itoa(saved))
}

// again shows the form with what could not be taken, and why.
func (t *taking) again(w http.ResponseWriter, r *http.Request, refused map[uuid.UUID]given) error {
	s, err := t.Submissions.Sitting(r.Context())
	if err != nil {
		return err
	}
	n := formReport{t.words.For(r).T("take.notice_refused", "n", len(refused)), true}
	return t.write(w, r, http.StatusUnprocessableEntity, s, n, refused)
}

func wrongWords(l *words.Locale, kind question.Type) string {
	switch kind {
	case question.Numeric:
		return l.T("take.wrong_number")
	case question.ShortText:
		return l.T("take.wrong_text")
	}
	return l.T("take.wrong_choice")
}

// change is one question whose field was changed since the form was made.
type change struct {
	id   uuid.UUID
	kind question.Type
	to   given
}

// changesOf compares the form with what it held when it was made. Without that it is compared with what is kept, and a field that
// was not sent says nothing: a choice that nobody made sends none.
func changesOf(s submissions.Sitting, form url.Values) ([]change, error) {
	places, err := s.Places()
	if err != nil {
		return nil, err
	}
	paper := s.Paper()
	kept := make(map[uuid.UUID]given, len(s.Answers))
	for _, a := range s.Answers {
		kept[a.QuestionID] = given{answer: a.Answer, flagged: a.Flagged}
	}
	was, known := decodePrints(form.Get(fieldWas), len(places))
	var changes []change
	for at, place := range places {
		q := paper.Question(place.Question)
		have := kept[q.ID]
		to, sent := sentOf(q, form, have, known)
		if !sent {
			continue
		}
		before := print(have)
		if known {
			before = was[at]
		}
		if now := print(to); now != before && now != print(have) {
			changes = append(changes, change{q.ID, q.Type, to})
		}
	}
	return changes, nil
}

// sentOf reads a question's fields; sent is false when the form does not speak of the question.
func sentOf(q submissions.CandidateQuestion, form url.Values, have given, whole bool) (to given, sent bool) {
	id := q.ID.String()
	values, answered := form["answer."+id]
	flagged := form.Has("flag." + id)
	if !whole && !answered && !flagged && !form.Has("clear."+id) {
		return given{}, false
	}
	to = given{answer: have.answer, flagged: flagged || !whole && have.flagged}
	switch {
	case form.Has("clear." + id):
		to.answer = null
	case q.Type == question.MultipleChoice && (answered || whole):
		to.answer = jsonList(values)
	case !answered || len(values) == 0: // a choice is taken back by clear alone
	case q.Type == question.TrueFalse:
		to.answer = jsonTruth(values[0])
	default:
		to.typed = values[0]
		to.answer = jsonText(values[0])
	}
	return to, true
}

var null = json.RawMessage("null")

// jsonList is nothing for no choice, as it is kept.
func jsonList(values []string) json.RawMessage {
	if len(values) == 0 {
		return null
	}
	sorted := slices.Sorted(slices.Values(values))
	return mustJSON(sorted)
}

// jsonTruth leaves what is neither for the module to refuse.
func jsonTruth(value string) json.RawMessage {
	if value == "true" || value == "false" {
		return json.RawMessage(value)
	}
	return mustJSON(value)
}

func jsonText(value string) json.RawMessage {
	if strings.TrimSpace(value) == "" {
		return null
	}
	return mustJSON(value)
}

// mustJSON encodes texts, which always can be.
func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return null
	}
	return b
}

// printSize is how many bytes a print takes.
const printSize = 4

// print is a short mark of an answer and a flag, by which a form tells what was changed in it. It guards against nobody: a form is
// its sender's own.
func print(g given) uint32 {
	h := fnv.New32a()
	if g.answered() {
		// Decoded, since the same answer may be written in more than one way.
		var value any
		if json.Unmarshal(g.answer, &value) == nil {
			_, _ = h.Write(mustJSON(value)) // a hash takes everything
		}
	}
	if g.flagged {
		_, _ = h.Write([]byte{1})
	}
	return h.Sum32()
}

func appendPrint(b []byte, g given) []byte { return binary.BigEndian.AppendUint32(b, print(g)) }

func encodePrints(prints []byte) string { return base64.RawURLEncoding.EncodeToString(prints) }

// decodePrints reads the prints of n questions; known is false for what no form of ours sends.
func decodePrints(text string, n int) (prints []uint32, known bool) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) != n*printSize {
		return nil, false
	}
	prints = make([]uint32, n)
	for i := range prints {
		prints[i] = binary.BigEndian.Uint32(raw[i*printSize:])
	}
	return prints, true
}
