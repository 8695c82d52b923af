package submissions

import (
	"github.com/google/uuid"

	"credlane/modules/submissions/internal/booklet"
)

// Paper is what candidates see of a published version, in the author's order, for pages that keep it: it never changes. No answer
// key, explanation, tag or passing score can be reached from it.
type Paper struct {
	ID      uuid.UUID // of the version
	booklet *booklet.Booklet
}

// Len is the number of questions.
func (p Paper) Len() int { return p.booklet.Len() }

// Size is about how many bytes the questions take.
func (p Paper) Size() int { return p.booklet.Size() }

// Question is the question at a place in the author's order; its Position is that of the author too. Its options are shared:
// nobody may change them.
func (p Paper) Question(i int) CandidateQuestion {
	src := p.booklet.Source(i)
	q := src.Question
	return CandidateQuestion{q.ID, i + 1, q.Type, src.Prompt, src.Options, q.Points, orExact(q.CreditRule)}
}

// Place is one question's place in a candidate's order.
type Place struct {
	Question int   // its index in the Paper
	Options  []int // the indexes of its options, in this candidate's order; nil for the author's
}

// Paper gives the attempt's questions, in the author's order.
func (s Sitting) Paper() Paper { return Paper{s.version, s.booklet} }

// Places are the questions of the paper in the order of this candidate. The error means that the attempt is damaged.
func (s Sitting) Places() ([]Place, error) {
	if err := s.booklet.Fits(s.layout); err != nil {
		return nil, err
	}
	places := make([]Place, s.booklet.Len())
	for at := range places {
		places[at].Question, places[at].Options = s.booklet.Place(s.layout, at)
	}
	return places, nil
}
