package candidate

import (
	"html/template"
	"math"
	"net/http"
	"strconv"
	"time"

	"credlane/app/kit/authn"
	"credlane/app/kit/exact"
	"credlane/app/kit/rest"
	"credlane/modules/submissions"
	"credlane/web/words"
)

// finished is what the page after handing in shows.
type finished struct {
	tally
	Title     string // of the assessment
	Employer  string
	Receipt   submissions.Receipt
	Person    submissions.PersonalData
	Mailed    bool // a receipt goes out by itself
	Used, Had int  // minutes
	Outcome   outcome
	Release   string     // the policy: "none", "passed", "score", "review"
	ReleaseAt *time.Time // nil: as soon as it is handed in
	Later     bool       // the result comes at ReleaseAt
}

// TimedOut tells whether the time ended it.
func (f finished) TimedOut() bool { return f.Receipt.Status == submissions.Expired }

// outcome is a result as far as it is released: what is not is not here.
type outcome struct {
	Released  bool
	Passed    bool
	HasScore  bool
	Score     exact.Score
	Points    string
	Total     string
	Questions []reviewed
}

// Ring draws the score alone: the pass mark is not released with it.
func (o outcome) Ring(l *words.Locale) template.HTML {
	const round = 2 * math.Pi * 57
	share := min(1, max(0, float64(o.Score)/float64(exact.FullScore)))
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
	class := ""
	if len(o.Score.String()) > len("100") {
		class = ` class="long"`
	}
	return template.HTML(`<svg class="ring" viewBox="0 0 132 132" width="132" height="132" role="img" aria-label="` +
		template.HTMLEscapeString(l.T("done.score", "score", o.Score)) + `"><g transform="rotate(-90 66 66)"><circle class="tr" cx="66" cy="66" r="57"/>` +
		`<circle class="vl" cx="66" cy="66" r="57" stroke-dasharray="` + number(round*share) + " " + number(round) + `"/></g>` +
		`<text x="66" y="74"` + class + `>` + o.Score.String() + `%</text></svg>`)
}

func (c *Candidate) showResult(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	d, err := c.Submissions.Dossier(ctx)
	if err != nil {
		return err
	}
	if d.Sitting.Receipt.Status == submissions.InProgress {
		return rest.Redirect(w, r, takePath)
	}
	if n := d.Sitting.Paper().Size(); d.Outcome.Questions != nil && n > largePaper {
		if err := rest.Turn(ctx); err != nil {
			return err
		}
	}
	l, err := c.Assessments.LandingByID(ctx, authn.From(ctx).AssessmentID, 0)
	if err != nil {
		return err
	}
	t, err := tallyOf(d.Sitting)
	if err != nil {
		return err
	}
	v := c.view(r)
	data := finished{
		tally: t, Title: d.Sitting.Title, Employer: l.Employer.Name, Receipt: d.Sitting.Receipt, Person: d.Person, Mailed: d.Person.AddressProved && c.CanMail(),
		Had: minutes(d.Sitting.Receipt.DeadlineAt.Sub(d.Sitting.Receipt.StartedAt)), Outcome: outcomeOf(v.Locale, d.Outcome),
		Release: string(l.Release), ReleaseAt: l.ReleaseAt, Later: l.ReleaseAt != nil && !d.Outcome.Released && l.ReleaseAt.After(d.Sitting.Now),
	}
	if at := d.Sitting.Receipt.SubmittedAt; at != nil {
		data.Used = minutes(at.Sub(d.Sitting.Receipt.StartedAt))
	}
	v.Employer, v.Title, v.Data = data.Employer, v.Locale.T("done.document"), data
	return c.done.write(w, r, http.StatusOK, v)
}

// minutes counts begun ones.
func minutes(d time.Duration) int { return int((d + time.Minute - 1) / time.Minute) }

// outcomeOf takes over what the disclosure names and nothing above it.
func outcomeOf(l *words.Locale, o submissions.Outcome) outcome {
	if !o.Released {
		return outcome{}
	}
	shown := outcome{Released: true, Passed: o.Score.Passed}
	if o.Disclosure == submissions.DiscloseScore || o.Disclosure == submissions.DiscloseReview {
		shown.HasScore, shown.Score, shown.Points, shown.Total = true, o.Score.Score, o.Score.Points.String(), o.Score.PointsTotal.String()
	}
	if o.Disclosure == submissions.DiscloseReview {
		for i, q := range o.Questions {
			shown.Questions = append(shown.Questions, review(l, i+1, q))
		}
	}
	return shown
}

// kept is what the page of one's data shows.
type kept struct {
	Employer string
	Receipt  submissions.Receipt
	Person   submissions.PersonalData
	Answers  int
	Released bool
}

func (c *Candidate) showData(w http.ResponseWriter, r *http.Request) error {
	d, err := c.Submissions.Dossier(r.Context())
	if err != nil {
		return err
	}
	v := c.view(r)
	if v.Employer, err = c.employer(r.Context()); err != nil {
		return err
	}
	v.Title = v.Locale.T("data.title")
	v.Data = kept{v.Employer, d.Sitting.Receipt, d.Person, len(d.Sitting.Answers), d.Outcome.Released}
	return c.data.write(w, r, http.StatusOK, v)
}
