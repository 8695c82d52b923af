package dashboard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/exact"
	"credlane/app/kit/fault"
	"credlane/modules/submissions"
	"credlane/web"
	"credlane/web/chart"
)

const (
	// answerRows is how many questions stand on one page: more than most tests have, so that a print is of the whole.
	answerRows = 200
	// maxDrawn is how many answers the timeline draws; more would be a smear.
	maxDrawn = 300
	// maxTopics is how many tags are summed up beside the score.
	maxTopics = 6
	// groupPatience is how long a page waits for the group's rates: a very large group's are on the page of the results alone.
	groupPatience = 700 * time.Millisecond
)

// submissionPage is what the page of one submission shows.
type submissionPage struct {
	submissions.Record
	Title    string // of the assessment
	Look     resultsLook
	CanEdit  bool
	CanVoid  bool
	Back     string
	Before   string // the submission before it in the list, "" for none
	After    string
	Initials string
	Left     string // while it runs

	Ring     template.HTML
	Verdict  string
	Topics   []topic
	Line     template.HTML
	LineSays string

	Answered, Flagged, Lost int
	Show                    string
	Filters                 []option
	Questions               []answerView
	From, To                int
	PreviousPage, NextPage  string
	Group                   int // whose rates stand beside the answers; 0 for none
}

// Running tells whether the candidate is still at it.
func (p *submissionPage) Running() bool { return p.Status == submissions.InProgress }

// OutOfTime tells whether the deadline ended it.
func (p *submissionPage) OutOfTime() bool { return p.Status == submissions.Expired }

// Time is how long it took, in words; "" while it runs.
func (p *submissionPage) Time() string {
	if spent := p.Spent(); spent != nil {
		return lasting(*spent)
	}
	return ""
}

// Judged is the decision, "" for none.
func (p *submissionPage) Judged() string {
	if p.Decision == nil {
		return ""
	}
	return *p.Decision
}

// Of is the number of questions.
func (p *submissionPage) Of() int { return len(p.Record.Questions) }

// Is tells whether this decision stands.
func (p *submissionPage) Is(decision string) bool { return p.Judged() == decision }

func (p *results) showOne(r *http.Request, s *shell) (*web.Template, int, error) {
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		return nil, 0, submissions.ErrSubmissionNotFound
	}
	ctx := r.Context()
	record, err := p.Submissions.Find(ctx, id)
	if err != nil {
		return nil, 0, err
	}
	a, err := p.Assessments.Find(ctx, record.AssessmentID)
	if err != nil {
		return nil, 0, err
	}
	page := &submissionPage{
		Record: record, Title: a.Title, Look: lookAtResults(a.ID, r.URL.Query()), CanEdit: s.CanEdit(), CanVoid: s.CanAdminister(),
		Initials: web.Initials(record.Name), Show: r.URL.Query().Get("show"),
	}
	page.Back = page.Look.url()
	if err := p.beside(ctx, page); err != nil {
		return nil, 0, err
	}
	rates, err := p.rates(ctx, page)
	if err != nil {
		return nil, 0, err
	}
	page.fill(rates, p.Clock.Now())
	s.Title, s.Scripts, s.Data = record.Name+", "+a.Title, []string{"results.js"}, page
	s.Crumbs = []crumb{{"Assessments", "/app/assessments"}, {a.Title, page.Back}, {record.Name, ""}}
	return p.one, http.StatusOK, nil
}

// beside finds who stands before and after in the list that the reader came from.
func (p *results) beside(ctx context.Context, page *submissionPage) error {
	before, after, err := p.Submissions.Neighbours(ctx, page.AssessmentID, page.Look.filter, page.Look.sort, page.Entry)
	if err != nil {
		return err
	}
	if before != nil {
		page.Before = page.Look.submission(*before)
	}
	if after != nil {
		page.After = page.Look.submission(*after)
	}
	return nil
}

// rates are the shares that the group earned, by question; none while they are few, or take too long to sum up.
func (p *results) rates(ctx context.Context, page *submissionPage) (map[uuid.UUID]float64, error) {
	if page.Running() {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, groupPatience)
	defer cancel()
	sum, err := p.Submissions.Results(ctx, page.AssessmentID, page.Version)
	if ctx.Err() != nil || errors.Is(err, submissions.ErrBusy) {
		return nil, nil
	}
	if f, known := fault.As(err); known && f.Kind == fault.Unavailable {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if sum.Ended() < chart.Few {
		return nil, nil
	}
	page.Group = sum.Ended()
	rates := make(map[uuid.UUID]float64, len(sum.Questions))
	for _, q := range sum.Questions {
		if q.Item.Difficulty != nil {
			rates[q.ID] = *q.Item.Difficulty
		}
	}
	return rates, nil
}

// fill works out what the page shows of the record.
func (p *submissionPage) fill(rates map[uuid.UUID]float64, now time.Time) {
	for i := range p.Record.Questions {
		q := &p.Record.Questions[i]
		if q.Answer != nil {
			p.Answered++
		}
		if q.Flagged {
			p.Flagged++
		}
		if lostPoints(q) {
			p.Lost++
		}
	}
	if p.Running() {
		p.Left = lasting(p.DeadlineAt.Sub(now))
	} else {
		p.Ring, p.Verdict, p.Topics = chart.Ring(*p.Score, p.PassingScore), p.verdict(), topicsOf(p.Record.Questions)
	}
	p.timeline(now)
	p.page(rates)
}

func lostPoints(q *submissions.Answered) bool { return q.Earned != nil && *q.Earned < q.Points }

// verdict says how it ended. The score and its mark stand beside it.
func (p *submissionPage) verdict() string {
	if p.Passed != nil && *p.Passed {
		return fmt.Sprintf("Passed, with %s of %s points", p.Points, p.PointsTotal)
	}
	return fmt.Sprintf("Below the pass mark, with %s of %s points", p.Points, p.PointsTotal)
}

// topic is what the questions of one tag earned.
type topic struct {
	Name          string
	Earned, Total exact.Points
	Bar           template.HTML
}

// topicsOf sums the tags up, those with the most points first; one tag alone says nothing that the score does not.
func topicsOf(questions []submissions.Answered) []topic {
	at := map[string]int{}
	var topics []topic
	for _, q := range questions {
		for _, tag := range q.Tags {
			i, known := at[tag]
			if !known {
				i = len(topics)
				at[tag] = i
				topics = append(topics, topic{Name: tag})
			}
			topics[i].Total += q.Points
			if q.Earned != nil {
				topics[i].Earned += *q.Earned
			}
		}
	}
	if len(topics) < 2 {
		return nil
	}
	slices.SortStableFunc(topics, func(a, b topic) int { return cmp.Compare(b.Total, a.Total) })
	topics = topics[:min(len(topics), maxTopics)]
	for i, t := range topics {
		part := 0.0
		if t.Total > 0 {
			part = float64(t.Earned) / float64(t.Total)
		}
		topics[i].Bar = chart.Bar("", chart.Segment{Share: part, Kind: "done"})
	}
	return topics
}

// timeline draws when each answer was saved last.
func (p *submissionPage) timeline(now time.Time) {
	line := chart.Line{Title: "timeline", Says: "timeline-says", Length: now.Sub(p.StartedAt)}
	if spent := p.Spent(); spent != nil {
		line.Length = *spent
	}
	for i, q := range p.Record.Questions {
		if q.SavedAt == nil || q.Answer == nil {
			continue
		}
		s := chart.Save{At: q.SavedAt.Sub(p.StartedAt), Number: i + 1, Share: -1}
		if q.Credit != nil {
			s.Share = float64(q.Credit.Units()) / exact.Unit
		}
		line.Saves = append(line.Saves, s)
	}
	switch n := len(line.Saves); {
	case n == 0:
		p.LineSays = "No answer was saved."
		return
	case n > maxDrawn:
		p.LineSays = fmt.Sprintf("%d answers were saved, too many to draw. Each question below says when.", n)
		return
	}
	slices.SortStableFunc(line.Saves, func(a, b chart.Save) int { return cmp.Compare(a.At, b.At) })
	p.LineSays = fmt.Sprintf("%s, each where it was saved last, %s after the start.",
		web.Plural(len(line.Saves), "answer", "answers"), between(line.Saves[0].At, line.Saves[len(line.Saves)-1].At))
	p.Line = chart.Timeline(line)
}

func between(first, last time.Duration) string {
	if chart.Clock(first) == chart.Clock(last) {
		return chart.Clock(first)
	}
	return "from " + chart.Clock(first) + " to " + chart.Clock(last)
}

// The filters of the questions.
const (
	showLost    = "lost"
	showFlagged = "flagged"
	showMissing = "unanswered"
)

// page cuts out the questions that the page shows.
func (p *submissionPage) page(rates map[uuid.UUID]float64) {
	keep := func(*submissions.Answered) bool { return true }
	switch p.Show {
	case showLost:
		keep = lostPoints
	case showFlagged:
		keep = func(q *submissions.Answered) bool { return q.Flagged }
	case showMissing:
		keep = func(q *submissions.Answered) bool { return q.Answer == nil }
	default:
		p.Show = ""
	}
	at := func(show string) string { return p.url(show, 0) }
	p.Filters = []option{{"All", at(""), p.Of(), p.Show == ""}}
	if !p.Running() {
		p.Filters = append(p.Filters, option{"Lost points", at(showLost), p.Lost, p.Show == showLost})
	}
	p.Filters = append(p.Filters, option{"Flagged", at(showFlagged), p.Flagged, p.Show == showFlagged},
		option{"Not answered", at(showMissing), p.Of() - p.Answered, p.Show == showMissing})
	first, place := p.Look.page*answerRows, 0
	for i := range p.Record.Questions {
		q := &p.Record.Questions[i]
		if !keep(q) {
			continue
		}
		if place >= first && len(p.Questions) < answerRows {
			p.Questions = append(p.Questions, answerOf(q, i+1, rates))
		}
		place++
	}
	p.From, p.To = first+1, first+len(p.Questions)
	if p.Look.page > 0 {
		p.PreviousPage = p.url(p.Show, p.Look.page-1)
	}
	if place > p.To && len(p.Questions) > 0 {
		p.NextPage = p.url(p.Show, p.Look.page+1)
	}
}

// url is the address of this submission with other questions shown.
func (p *submissionPage) url(show string, page int) string {
	q := p.Look.state()
	q.Del("items")
	if show != "" {
		q.Set("show", show)
	}
	if page > 0 {
		q.Set("page", strconv.Itoa(page))
	}
	return queryOf("/app/submissions/"+p.ID.String(), q) + "#answers"
}
