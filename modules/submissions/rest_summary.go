package submissions

import (
	"context"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/exact"
	"credlane/app/kit/fault"
	"credlane/app/kit/rest"
	"credlane/modules/submissions/internal/analysis"
)

func (m *Module) mountSummary(h *rest.Host) {
	rest.Handle(h, rest.Op{
		Method: "GET", Path: "/api/v1/assessments/{id}/results", ID: "get-results", Tag: "Submissions", Role: authn.Viewer,
		Timeout: summaryLimit,
		Summary: "Sum up the results of one version",
		Description: "Counts, funnel, pass rate, scores, times, and the classical item analysis over everybody who ended. " +
			"A figure is null where it is undefined. Below ten people the figures say little.",
		Faults: []*fault.Error{ErrAssessmentNotFound, ErrVersionNotFound, ErrBusy},
	}, m.handleResults)
}

// summaryLimit bounds one pass over an assessment: a million submissions of thirty answers take about half of it.
const summaryLimit = 2 * time.Minute

// ResultsSummary is how the people of one version did.
type ResultsSummary struct {
	Version      int          `json:"version" doc:"0 when nothing was published yet."`
	PassingScore exact.Score  `json:"passingScore"`
	PointsTotal  exact.Points `json:"pointsTotal"`
	Counts       Counts       `json:"counts" doc:"By status."`
	Funnel       Funnel       `json:"funnel"`
	PassRate     *exact.Score `json:"passRate" doc:"Per cent of those who ended; null when nobody did." example:"62.5"`
	MeanScore    *exact.Score `json:"meanScore"`
	MedianScore  *exact.Score `json:"medianScore"`
	HighestScore *exact.Score `json:"highestScore"`
	LowestScore  *exact.Score `json:"lowestScore"`
	MedianTime   *int64       `json:"medianTimeSpentSeconds" doc:"From start to end."`
	Histogram    []Bar        `json:"histogram" doc:"Scores in ten bars."`
	Reliability  Reliability  `json:"reliability"`
	Items        []ItemRow    `json:"items" doc:"In the author's order."`
}

// Counts are the submissions by status.
type Counts struct {
	Total      int `json:"total"`
	InProgress int `json:"inProgress"`
	Submitted  int `json:"submitted"`
	Expired    int `json:"expired"`
	Passed     int `json:"passed"`
	Failed     int `json:"failed"`
}

// Funnel is how many got how far.
type Funnel struct {
	Started   int `json:"started"`
	Submitted int `json:"submitted" doc:"Handed in by themselves."`
	Expired   int `json:"expired" doc:"Ran out of time."`
	Passed    int `json:"passed"`
}

// Bar is one bar of the histogram.
type Bar struct {
	From  exact.Score `json:"from"`
	To    exact.Score `json:"to" doc:"Not included, but in the last bar."`
	Count int         `json:"count"`
}

// Reliability is the analysis of the test as a whole, over those who ended.
type Reliability struct {
	N          int      `json:"n" doc:"People."`
	MeanPoints *float64 `json:"meanPoints"`
	SDPoints   *float64 `json:"standardDeviationPoints"`
	Alpha      *float64 `json:"alpha" doc:"Cronbach's."`
	KR20       *float64 `json:"kr20" doc:"Only where every question was right or wrong and all have equal points."`
	SEM        *float64 `json:"standardErrorPoints"`
}

// ItemRow is the analysis of one question.
type ItemRow struct {
	QuestionID     uuid.UUID    `json:"questionId"`
	Position       int          `json:"position"`
	Type           string       `json:"type" enum:"single_choice,multiple_choice,true_false,short_text,numeric"`
	Prompt         string       `json:"prompt"`
	Points         exact.Points `json:"points"`
	Answered       int          `json:"answered" doc:"Of those who ended."`
	Difficulty     *float64     `json:"difficulty" doc:"p: the mean share of its points earned, 0 to 1." example:"0.62"`
	ItemTotal      *float64     `json:"itemTotal" doc:"Correlation with the total score."`
	ItemRest       *float64     `json:"itemRest" doc:"Correlation with the total score without this question (point-biserial)."`
	AlphaIfDeleted *float64     `json:"alphaIfDeleted" doc:"Alpha of the test without this question."`
	D27            *float64     `json:"d27" doc:"Share earned by the upper 27 per cent minus that by the lower."`
	Flags          []ItemFlag   `json:"flags" doc:"Why somebody should look at it; empty when nobody need."`
	Choices        []Choice     `json:"choices" doc:"How many chose each option, of the question that was asked for; empty of every other."`
}

// ItemFlag is one reason to look at a question.
type ItemFlag struct {
	Code    string `json:"code" enum:"negative_discrimination,low_discrimination,too_easy,too_hard"`
	Message string `json:"message"`
}

type resultsIn struct {
	ID      uuid.UUID `path:"id"`
	Version int       `query:"version" minimum:"1" doc:"The number of the version; the latest unless said."`
	Choices uuid.UUID `query:"choices" doc:"The question whose options are counted too."`
}

type resultsOut struct {
	Body ResultsSummary
}

func (m *Module) handleResults(ctx context.Context, in *resultsIn) (*resultsOut, error) {
	s, err := m.Results(ctx, in.ID, in.Version)
	if err != nil {
		return nil, err
	}
	out := &resultsOut{Body: summaryOf(s)}
	for i := range out.Body.Items {
		if item := &out.Body.Items[i]; item.QuestionID == in.Choices {
			if item.Choices, err = m.Choices(ctx, in.ID, s.Version, in.Choices); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func summaryOf(s Summary) ResultsSummary {
	r := ResultsSummary{
		Version: s.Version, PassingScore: s.PassingScore, PointsTotal: s.PointsTotal,
		Counts: Counts{Total: s.Started(), InProgress: s.InProgress, Submitted: s.Submitted, Expired: s.Expired,
			Passed: s.Passed, Failed: s.Failed},
		Funnel:   Funnel{Started: s.Started(), Submitted: s.Submitted, Expired: s.Expired, Passed: s.Passed},
		PassRate: s.PassRate, MeanScore: s.MeanScore, MedianScore: s.MedianScore, HighestScore: s.HighestScore,
		LowestScore: s.LowestScore,
		Histogram:   make([]Bar, analysis.Bins),
		Reliability: Reliability{N: s.Analysis.N, MeanPoints: s.Analysis.Mean, SDPoints: s.Analysis.SD, Alpha: s.Analysis.Alpha,
			KR20: s.Analysis.KR20, SEM: s.Analysis.SEM},
		Items: make([]ItemRow, len(s.Questions)),
	}
	if s.MedianSpent != nil {
		seconds := int64(*s.MedianSpent / time.Second)
		r.MedianTime = &seconds
	}
	for i, n := range s.Histogram {
		width := exact.FullScore / analysis.Bins
		r.Histogram[i] = Bar{From: width * exact.Score(i), To: width * exact.Score(i+1), Count: n}
	}
	for i, q := range s.Questions {
		r.Items[i] = ItemRow{
			QuestionID: q.ID, Position: i + 1, Type: string(q.Type), Prompt: q.Prompt, Points: q.Points, Answered: q.Answered,
			Difficulty: q.Item.Difficulty, ItemTotal: q.ItemTotal, ItemRest: q.ItemRest, AlphaIfDeleted: q.AlphaIfDeleted,
			D27: q.D27, Flags: make([]ItemFlag, len(q.Flags)), Choices: []Choice{},
		}
		for j, f := range q.Flags {
			r.Items[i].Flags[j] = ItemFlag{Code: string(f), Message: sentence(f)}
		}
	}
	return r
}
