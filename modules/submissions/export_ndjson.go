package submissions

import (
	"encoding/json"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/exact"
)

// Exported is one line of the NDJSON export: nothing is rounded, shortened or made safe for spreadsheets.
type Exported struct {
	Listed
	VersionID uuid.UUID        `json:"versionId"`
	Note      string           `json:"note"`
	Answers   []ExportedAnswer `json:"answers"`
}

// ExportedAnswer is what was given to one question; questions never touched are left out.
type ExportedAnswer struct {
	QuestionID uuid.UUID       `json:"questionId"`
	Position   int             `json:"position"` // in the author's order
	Answer     json.RawMessage `json:"answer"`
	Flagged    bool            `json:"flagged"`
	SavedAt    time.Time       `json:"savedAt"`
	Credit     *CreditShare    `json:"credit"`
	Earned     *exact.Points   `json:"pointsEarned"`
}

// ndjsonExport writes one JSON object a line.
type ndjsonExport struct {
	sheet   *sheet
	encoder *json.Encoder
	answers []ExportedAnswer
}

func newNDJSONExport(s *sheet, w io.Writer) *ndjsonExport {
	e := &ndjsonExport{sheet: s, encoder: json.NewEncoder(w), answers: []ExportedAnswer{}}
	e.encoder.SetEscapeHTML(false)
	return e
}

func (e *ndjsonExport) row(r *exportRow) error {
	v := e.sheet.versions[r.VersionID]
	r.Version = v.source.Number
	e.answers = e.answers[:0]
	for i, id := range r.questions {
		q, found := v.question(id)
		if !found {
			continue
		}
		a := ExportedAnswer{QuestionID: id, Position: v.index[id] + 1, Flagged: r.flagged[i], SavedAt: r.saved[i].UTC()}
		if r.answers[i] != "" {
			a.Answer = json.RawMessage(r.answers[i])
		}
		if credit, scored := r.credit(v.index[id]); scored {
			share, earned := shareOf(credit), earnedPoints(q.Points, credit)
			a.Credit, a.Earned = &share, &earned
		}
		e.answers = append(e.answers, a)
	}
	slices.SortFunc(e.answers, func(a, b ExportedAnswer) int { return a.Position - b.Position })
	return e.encoder.Encode(Exported{Listed: listedOf(r.Entry), VersionID: r.VersionID, Note: r.Note, Answers: e.answers})
}

func (e *ndjsonExport) finish() error  { return nil }
func (e *ndjsonExport) discard() error { return nil }
