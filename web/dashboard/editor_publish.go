package dashboard

import (
	"net/http"

	"credlane/modules/assessments"
)

// maxShownActive is how many of the active assessments are named where they fill the limit.
const maxShownActive = 50

// publishing is what the dialog says before the draft becomes a version.
type publishing struct {
	*draft
	Counts assessments.Counts
	Others []assessments.Assessment // the active ones that fill the limit; only where it keeps this one out
	Fresh  bool                     // there is something to publish
}

// Blocked tells whether the draft itself is not ready.
func (p *publishing) Blocked() bool { return p.Fresh && !p.Readiness.Ready() }

// Full tells whether the limit keeps it out.
func (p *publishing) Full() bool { return len(p.Others) > 0 }

// Slots is how many assessments are active once this one is.
func (p *publishing) Slots() int {
	if p.Status == assessments.Active {
		return p.Counts.Active
	}
	return p.Counts.Active + 1
}

// Unnamed is how many flaws the dialog does not name: there may be thousands.
func (p *publishing) Unnamed() int {
	return p.Readiness.Total - len(p.Readiness.Whole) - len(p.Readiness.Flaws)
}

// FirstFlaw is where mending begins; nil when no question is at fault.
func (p *publishing) FirstFlaw() *assessments.Flaw {
	if len(p.Readiness.Flaws) == 0 {
		return nil
	}
	return &p.Readiness.Flaws[0]
}

// Starts is the version that candidates get afterwards: the next one, or the current one where nothing has changed.
func (p *publishing) Starts() int {
	if p.Fresh {
		return p.Next()
	}
	return p.Current()
}

// After is the version that edits after this one make.
func (p *publishing) After() int { return p.Next() + 1 }

func (e *editor) showPublish(r *http.Request) (any, error) {
	d, err := e.draft(r)
	if err != nil {
		return nil, err
	}
	p := &publishing{draft: d, Fresh: d.DraftChanged()}
	if p.Counts, err = e.Assessments.Count(r.Context()); err != nil {
		return nil, err
	}
	if d.Status != assessments.Active && p.Counts.Active >= p.Counts.ActiveLimit {
		p.Others, err = e.Assessments.List(r.Context(), assessments.Filter{Status: assessments.Active, Limit: maxShownActive})
	}
	return p, err
}
