package submissions

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/exact"
	"credlane/app/kit/fault"
	"credlane/modules/submissions/internal/analysis"
)

// ErrVersionNotFound is a version number that the assessment never published.
var ErrVersionNotFound = fault.New(fault.NotFound, "version_not_found",
	"The assessment has no version of this number. Leave the number out for the latest one.")

// Summary is how the people of one version did. A nil figure is undefined: nobody, one person, nothing that varies.
type Summary struct {
	Version      int // the number; 0 when nothing was ever published
	InProgress   int
	Submitted    int
	Expired      int
	Passed       int
	Failed       int
	PassRate     *exact.Score // per cent of those who ended
	MeanScore    *exact.Score // rounded half up
	MedianScore  *exact.Score // likewise, where it is between two
	HighestScore *exact.Score
	LowestScore  *exact.Score
	MedianSpent  *time.Duration
	PassingScore exact.Score
	PointsTotal  exact.Points
	Histogram    analysis.Histogram
	Analysis     analysis.Report
	Questions    []ItemStats // in the author's order
}

// Started counts all who began; Ended those who handed in or ran out of time.
func (s Summary) Started() int { return s.InProgress + s.Ended() }

// Ended counts those who handed in or ran out of time.
func (s Summary) Ended() int { return s.Submitted + s.Expired }

// ItemStats is the analysis of one question.
type ItemStats struct {
	Question
	analysis.Item
	Answered int // of those who ended
}

// Results sums up the submissions of one version, 0 for the latest, in one pass and in memory that does not follow them.
// Errors: ErrAssessmentNotFound, ErrVersionNotFound, ErrBusy.
func (m *Module) Results(ctx context.Context, assessment uuid.UUID, number int) (Summary, error) {
	employer := authn.From(ctx).EmployerID
	leave, err := m.summaries.enter()
	if err != nil {
		return Summary{}, err
	}
	defer leave()
	id, err := versionToSumUp(ctx, m.DB, employer, assessment, optional(number))
	if noRows(err) {
		if _, err := assessmentTitle(ctx, m.DB, employer, assessment); err != nil {
			return Summary{}, err
		}
		if number != 0 {
			return Summary{}, ErrVersionNotFound
		}
		return Summary{Questions: []ItemStats{}}, nil
	}
	if err != nil {
		return Summary{}, fmt.Errorf("results of %s: %w", assessment, err)
	}
	v, err := m.versions.get(ctx, id)
	if err != nil {
		return Summary{}, fmt.Errorf("results of %s: %w", assessment, err)
	}
	t := newTally(v.marking)
	if err := eachOutcome(ctx, m.DB, employer, assessment, id, t.add); err != nil {
		return Summary{}, fmt.Errorf("results of %s: %w", assessment, err)
	}
	return t.summary(), nil
}

// tally takes one submission at a time; its size follows the questions and the 10,001 possible scores.
type tally struct {
	marking  *marking
	sum      Summary
	scores   []int // how many had each score, in hundredths
	total    int64 // of all scores, in hundredths
	times    analysis.Times
	items    *analysis.Accumulator
	credits  []exact.Fraction
	answered []int
}

func newTally(k *marking) *tally {
	points := make([]exact.Points, len(k.source.Questions))
	for i, q := range k.source.Questions {
		points[i] = q.Points
	}
	return &tally{
		marking: k, scores: make([]int, exact.FullScore+1), items: analysis.New(points),
		credits: make([]exact.Fraction, len(points)), answered: make([]int, len(points)),
	}
}

func (t *tally) add(o *outcome) {
	switch o.Status {
	case Submitted:
		t.sum.Submitted++
	case Expired:
		t.sum.Expired++
	default:
		t.sum.InProgress++
		return
	}
	if *o.Passed { // an ended submission has a score, an end and a verdict: the database says so
		t.sum.Passed++
	} else {
		t.sum.Failed++
	}
	t.scores[*o.Score]++
	t.total += int64(*o.Score)
	t.sum.Histogram.Add(*o.Score)
	t.times.Add(o.Ended.Sub(o.Started))
	for i := range t.credits {
		var answered bool
		if t.credits[i], answered = credits(o.Credits).of(i); answered {
			t.answered[i]++
		}
	}
	t.items.Add(t.credits)
}

func (t *tally) summary() Summary {
	s := t.sum
	v := t.marking.source
	s.Version, s.PassingScore, s.PointsTotal, s.Analysis = v.Number, v.PassingScore, v.PointsTotal, t.items.Report()
	s.Questions = make([]ItemStats, len(v.Questions))
	for i, q := range v.Questions {
		s.Questions[i] = ItemStats{Question: q, Item: s.Analysis.Items[i], Answered: t.answered[i]}
	}
	n := s.Ended()
	if n == 0 {
		return s
	}
	lowest, highest := t.at(0), t.at(n-1)
	rate, mean := average(int64(s.Passed)*int64(exact.FullScore), n), average(t.total, n)
	median := average(int64(t.at((n-1)/2)+t.at(n/2)), 2)
	s.PassRate, s.MeanScore, s.MedianScore, s.LowestScore, s.HighestScore = &rate, &mean, &median, &lowest, &highest
	if spent, ok := t.times.Median(); ok {
		s.MedianSpent = &spent
	}
	return s
}

// at is the score at a place of the ascending list of all.
func (t *tally) at(place int) exact.Score {
	passed := 0
	for score, n := range t.scores {
		if passed += n; passed > place {
			return exact.Score(score)
		}
	}
	return exact.FullScore
}

// average is sum/n, rounded half up; neither is negative.
func average(sum int64, n int) exact.Score { return exact.Score((2*sum + int64(n)) / int64(2*n)) }

// sentence says in plain words what a flag means and what to do.
func sentence(f analysis.Flag) string {
	switch f {
	case analysis.NegativeDiscrimination:
		return "People who did well on the other questions did worse on this one. Check its answer key first, then its wording."
	case analysis.LowDiscrimination:
		return "This question hardly tells people who did well from those who did not. Check its answer key and its wording."
	case analysis.TooEasy:
		return "Nearly everybody got this right, so it tells little about anybody. Keep it as a warm-up, or make it harder."
	case analysis.TooHard:
		return "Almost nobody got this right. Check its answer key, or make it easier."
	}
	return ""
}
