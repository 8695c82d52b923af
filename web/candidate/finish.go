package candidate

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/rest"
	"credlane/modules/submissions"
	"credlane/web/chart"
	"credlane/web/words"
)

func (c *Candidate) mountAfter(h *rest.Host) {
	c.mount(h, rest.Candidate, http.MethodGet, finishPath, "page-finish", "What was answered, before it is handed in", c.showFinish)
	c.mount(h, rest.Candidate, http.MethodPost, finishPath, "page-submit", "Hand in", c.postFinish)
	c.mount(h, rest.Candidate, http.MethodGet, resultPath, "page-result", "The receipt, and the result as far as it is released", c.showResult)
	c.mount(h, rest.Candidate, http.MethodGet, dataPath, "page-data", "What is kept about the candidate", c.showData)
}

const dataPath = "/take/data"

// tally is how far an attempt is, in its candidate's order.
type tally struct {
	Total, Answered     int
	Flagged, Unanswered []int // numbers of questions
	states              []string
}

// longestLane is how many dashes fit beside each other on a phone.
const longestLane = 80

func tallyOf(s submissions.Sitting) (tally, error) {
	places, err := s.Places()
	if err != nil {
		return tally{}, err
	}
	answers := make(map[uuid.UUID]submissions.Answer, len(s.Answers))
	for _, a := range s.Answers {
		answers[a.QuestionID] = a
	}
	paper := s.Paper()
	t := tally{Total: len(places)}
	for at, place := range places {
		a, touched := answers[paper.Question(place.Question).ID]
		state := "wait"
		if touched && string(a.Answer) != "null" {
			state = "done"
			t.Answered++
		} else {
			t.Unanswered = append(t.Unanswered, at+1)
		}
		if a.Flagged {
			t.Flagged = append(t.Flagged, at+1)
		}
		t.states = append(t.states, state)
	}
	return t, nil
}

// Lane draws a dash for each question, where they fit.
func (t tally) Lane(l *words.Locale) template.HTML {
	if t.Total > longestLane {
		return ""
	}
	return chart.ThickLane(l.T("finish.lane", "answered", t.Answered, "n", t.Total), t.states...)
}

// named is how many questions are named before the rest is counted.
const named = 3

// which words a list of questions: "questions 4 and 11", "questions 10, 13 and 10 more".
func which(l *words.Locale, numbers []int) string {
	var list string
	switch n := len(numbers); {
	case n == 1:
		list = strconv.Itoa(numbers[0])
	case n <= named:
		list = l.T("finish.and", "list", joined(numbers[:n-1]), "last", numbers[n-1])
	default:
		list = l.T("finish.and_more", "list", joined(numbers[:named-1]), "n", n-named+1)
	}
	return l.T("finish.which", "n", len(numbers), "list", list)
}

func joined(numbers []int) string {
	texts := make([]string, len(numbers))
	for i, n := range numbers {
		texts[i] = strconv.Itoa(n)
	}
	return strings.Join(texts, ", ")
}

// finishing is what the page before handing in shows.
type finishing struct {
	tally
	Left string // "" for less than a minute
}

// FlaggedWords and UnansweredWords name the questions to look at again.
func (f finishing) FlaggedWords(l *words.Locale) string    { return which(l, f.Flagged) }
func (f finishing) UnansweredWords(l *words.Locale) string { return which(l, f.Unanswered) }

func (c *Candidate) showFinish(w http.ResponseWriter, r *http.Request) error {
	s, err := c.Submissions.Sitting(r.Context())
	if err != nil {
		return err
	}
	if s.Receipt.Status != submissions.InProgress {
		return rest.Redirect(w, r, resultPath)
	}
	t, err := tallyOf(s)
	if err != nil {
		return err
	}
	v := c.view(r)
	if v.Employer, err = c.employer(r.Context()); err != nil {
		return err
	}
	data := finishing{tally: t}
	if left := s.Receipt.DeadlineAt.Sub(s.Now); left >= time.Minute {
		data.Left = span(v.Locale, left.Truncate(time.Minute))
	}
	v.Title, v.Data = v.Locale.T("finish.title"), data
	return c.finish.write(w, r, http.StatusOK, v)
}

// postFinish hands in. Who is too late, or did it before, has a receipt all the same.
func (c *Candidate) postFinish(w http.ResponseWriter, r *http.Request) error {
	_, err := c.Submissions.Submit(r.Context())
	if err != nil && !errors.Is(err, submissions.ErrAlreadySubmitted) && !errors.Is(err, submissions.ErrDeadlinePassed) {
		return err
	}
	return rest.Redirect(w, r, resultPath)
}

// employer names whose assessment the caller takes.
func (c *Candidate) employer(ctx context.Context) (string, error) {
	l, err := c.Assessments.LandingByID(ctx, authn.From(ctx).AssessmentID, 0)
	return l.Employer.Name, err
}
