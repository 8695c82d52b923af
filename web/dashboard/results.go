package dashboard

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/rest"
	"credlane/modules/assessments"
	"credlane/modules/submissions"
	"credlane/web"
	"credlane/web/chart"
)

// How many candidates stand on one page, and how many questions.
const (
	resultsRows = 25
	itemRows    = 50
)

// results is the pages on which the employer reads what candidates did.
type results struct {
	*Dashboard
	all, one *web.Template
}

// mountResults puts them on the host.
func (d *Dashboard) mountResults(h *rest.Host) {
	const layout = "dashboard/layout.html"
	p := &results{Dashboard: d,
		all: d.Pages.Template(layout, "dashboard/results.html", "dashboard/results_table.html", "dashboard/results_items.html", "dashboard/results_release.html"),
		one: d.Pages.Template(layout, "dashboard/submission.html", "dashboard/submission_question.html", "dashboard/submission_aside.html"),
	}
	d.page(h, "/app/assessments/{id}/results", "page-results", "The results of an assessment", authn.Viewer, p.show)
	d.page(h, "/app/submissions/{id}", "page-submission", "One submission with its answers", authn.Viewer, p.showOne)
}

// resultsPage is what the page of an assessment's results shows.
type resultsPage struct {
	assessments.Assessment
	Look      resultsLook
	CanEdit   bool
	Summary   submissions.Summary
	TimeLimit int // minutes, of the version
	Versions  []versionOption
	All       submissions.Turnout // over all versions
	Shown     submissions.Turnout // of the version that the table shows, or of all
	Opened    int                 // invites whose link was opened, none of them started
	Invited   int
	Release   releaseState

	Segments []option
	Heads    map[string]sortHead
	Rows     []resultRow
	First    string
	Next     string
	Exports  []option
	Filters  string // the filter in words; "" for none

	Histogram template.HTML
	Finding   string // what the histogram shows
	Funnel    template.HTML
	FunnelOf  string // whom it counts
	Items     itemTable
	Trust     string // the reliability in words
	Precision string // the standard error in words
}

// versionOption is a version that people took.
type versionOption struct {
	submissions.Turnout
	Latest  bool
	Current bool
}

// Empty tells whether nobody has started.
func (p *resultsPage) Empty() bool { return p.All.Started == 0 }

// Few tells whether the version has too few results for charts and per cents.
func (p *resultsPage) Few() bool { return p.Summary.Ended() < chart.Few }

// Older is how many started on other versions than the one that is summed up.
func (p *resultsPage) Older() int {
	n := p.All.Started
	for _, v := range p.Versions {
		if v.Version == p.Summary.Version {
			n -= v.Started
		}
	}
	return n
}

// Unlisted tells whether nobody took the version that is summed up.
func (p *resultsPage) Unlisted() bool {
	for _, v := range p.Versions {
		if v.Version == p.Summary.Version {
			return false
		}
	}
	return true
}

// MedianTime is how long half of the people took at most, in words.
func (p *resultsPage) MedianTime() string {
	if p.Summary.MedianSpent == nil {
		return "–"
	}
	return lasting(*p.Summary.MedianSpent)
}

// ShownWords say which rows the page shows.
func (p *resultsPage) ShownWords() string {
	last := p.Look.from + len(p.Rows) - 1
	words := fmt.Sprintf("%d to %d", p.Look.from, last)
	if !p.Look.Narrowed() {
		words += fmt.Sprintf(" of %d", p.Shown.Started)
	}
	return words
}

// Shortlist tells whether the table is the ranked shortlist.
func (p *resultsPage) Shortlist() bool {
	return p.Look.filter.Decision == "shortlist" && p.Look.sort == submissions.ByScoreDown
}

func (p *results) show(r *http.Request, s *shell) (*web.Template, int, error) {
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		return nil, 0, assessments.ErrNotFound
	}
	a, err := p.Assessments.Find(r.Context(), id)
	if err != nil {
		return nil, 0, err
	}
	if s.Tabs, err = p.tabs(r.Context(), a, "results"); err != nil {
		return nil, 0, err
	}
	page, err := p.read(r, a)
	if err != nil {
		return nil, 0, err
	}
	page.CanEdit = s.CanEdit()
	s.Title, s.Scripts, s.Data = "Results of "+a.Title, []string{"results.js"}, page
	return p.all, http.StatusOK, nil
}

// read gathers what the page shows, each by one statement of its module.
func (p *results) read(r *http.Request, a assessments.Assessment) (*resultsPage, error) {
	ctx := r.Context()
	page := &resultsPage{Assessment: a, Look: lookAtResults(a.ID, r.URL.Query())}
	turnout, err := p.Submissions.Turnout(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	if page.Summary, err = p.Submissions.Results(ctx, a.ID, page.Look.summed()); err != nil {
		return nil, err
	}
	page.Look.pin(page.Summary.Version)
	page.count(turnout)
	invited, err := p.Invites.Figures(ctx, []uuid.UUID{a.ID})
	if err != nil {
		return nil, err
	}
	sent := invited[a.ID]
	page.Invited, page.Opened = sent.Invited, sent.Opened-sent.Started
	page.Release = releaseOf(a, page.All, p.Clock.Now())
	if page.Empty() {
		return page, nil
	}
	if err := p.list(r, page); err != nil {
		return nil, err
	}
	versions, err := p.Assessments.Versions(ctx, a.ID, page.Summary.Version+1, 1)
	if err != nil {
		return nil, err
	}
	if len(versions) == 1 {
		page.TimeLimit = versions[0].TimeLimitMinutes
	}
	if page.Few() {
		return page, nil
	}
	page.draw(sent)
	return page, page.Items.open(page.Look, page.Summary.Ended(), func(question uuid.UUID) ([]submissions.Choice, error) {
		return p.Submissions.Choices(ctx, a.ID, page.Summary.Version, question)
	})
}

// count sums the versions up, and those that the table shows.
func (p *resultsPage) count(turnout []submissions.Turnout) {
	for _, t := range turnout {
		add(&p.All, t)
		if p.Look.filter.Version == 0 || p.Look.filter.Version == t.Version {
			add(&p.Shown, t)
		}
		p.Versions = append(p.Versions, versionOption{Turnout: t, Latest: p.CurrentVersion != nil && *p.CurrentVersion == t.Version, Current: t.Version == p.Look.filter.Version})
	}
}

func add(sum *submissions.Turnout, t submissions.Turnout) {
	sum.Started += t.Started
	sum.Ended += t.Ended
	sum.Passed += t.Passed
	sum.Invited += t.Invited
	sum.InvitedEnded += t.InvitedEnded
	sum.InvitedPassed += t.InvitedPassed
}

// list fills the table.
func (p *results) list(r *http.Request, page *resultsPage) error {
	look := page.Look
	entries, next, err := p.Submissions.List(r.Context(), page.ID, look.filter, look.sort, resultsRows, look.cursor)
	if err != nil {
		return err
	}
	page.Segments, page.Heads, page.Filters, page.Exports = look.segments(page.Shown), look.heads(), look.words(), look.exports()
	if look.cursor != "" {
		page.First = look.url("cursor", "")
	}
	if next != nil {
		page.Next = look.next(*next, len(entries))
	}
	for i, e := range entries {
		page.Rows = append(page.Rows, rowOf(e, look, look.from+i, p.Clock.Now()))
	}
	return nil
}

// resultRow is one submission of the table.
type resultRow struct {
	submissions.Entry
	Rank int
	URL  string
	Bar  template.HTML
	Left string // while it runs: the time that is left
}

func rowOf(e submissions.Entry, look resultsLook, rank int, now time.Time) resultRow {
	row := resultRow{Entry: e, Rank: rank, URL: look.submission(e.ID)}
	if e.Score != nil {
		row.Bar = chart.Score(*e.Score, e.PassingScore)
	} else if left := e.DeadlineAt.Sub(now); left > 0 {
		row.Left = lasting(left)
	}
	return row
}

// Running tells whether the candidate is still at it.
func (r resultRow) Running() bool { return r.Status == submissions.InProgress }

// OutOfTime tells whether the deadline ended it.
func (r resultRow) OutOfTime() bool { return r.Status == submissions.Expired }

// Good tells whether it passed; false while it runs.
func (r resultRow) Good() bool { return r.Passed != nil && *r.Passed }

// Time is how long it took, in words; "" while it runs.
func (r resultRow) Time() string {
	if spent := r.Spent(); spent != nil {
		return lasting(*spent)
	}
	return ""
}

// Judged is the decision, "" for none.
func (r resultRow) Judged() string {
	if r.Decision == nil {
		return ""
	}
	return *r.Decision
}

// releaseState is what candidates see of their results now.
type releaseState struct {
	Policy  assessments.Release
	Since   *time.Time // nil: from each one's end on
	Pending bool       // it begins later
	Waiting int        // who have a result
	Running int        // who will have one
	ETag    string
}

func releaseOf(a assessments.Assessment, all submissions.Turnout, now time.Time) releaseState {
	s := releaseState{Policy: a.ResultRelease, Since: a.ReleaseAt, Waiting: all.Ended, Running: all.Started - all.Ended, ETag: rest.ETag(a.ID, a.Revision)}
	s.Pending = s.On() && s.Since != nil && s.Since.After(now)
	return s
}

// On tells whether anything is released, now or later.
func (s releaseState) On() bool { return s.Policy != assessments.ReleaseNone }

// What is what candidates see, in words that follow "Candidates see".
func (s releaseState) What() string { return disclosed(s.Policy) }

func disclosed(r assessments.Release) string {
	switch r {
	case assessments.ReleasePassed:
		return "whether they passed"
	case assessments.ReleaseScore:
		return "their score and points"
	case assessments.ReleaseReview:
		return "every question with their answer, the right answer and your explanation"
	}
	return "nothing of their results"
}

// Choice is what the dialog proposes: what is set, or the score.
func (s releaseState) Choice() assessments.Release {
	if s.On() {
		return s.Policy
	}
	return assessments.ReleaseScore
}

// queryOf is the part of an address after its path, "" without parameters.
func queryOf(path string, q url.Values) string {
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}
