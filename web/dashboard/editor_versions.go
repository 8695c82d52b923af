package dashboard

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"credlane/modules/assessments"
	"credlane/web"
)

const (
	versionsShown = 50
	// versionQuestions is how many of a version's questions stand on one page.
	versionQuestions = 50
)

// versionsPage lists the versions of an assessment, newest first.
type versionsPage struct {
	assessments.Assessment
	Path     string
	Versions []assessments.Version
	Older    int // where the next page begins; 0 for none
	First    bool
}

// Current tells whether a version is the one that candidates get.
func (p *versionsPage) Current(number int) bool {
	return p.CurrentVersion != nil && *p.CurrentVersion == number
}

// FirstPage and OlderPage are addresses for the pager; "" where there is none.
func (p *versionsPage) FirstPage() string {
	if p.First {
		return ""
	}
	return p.Path + "/versions"
}

// OlderPage is the address of the next page.
func (p *versionsPage) OlderPage() string {
	if p.Older == 0 {
		return ""
	}
	return p.Path + "/versions?below=" + strconv.Itoa(p.Older)
}

func (e *editor) showVersions(r *http.Request, s *shell) (*web.Template, int, error) {
	a, err := e.assessment(r)
	if err != nil {
		return nil, 0, err
	}
	if s.Tabs, err = e.tabs(r.Context(), a, "versions"); err != nil {
		return nil, 0, err
	}
	below, err := strconv.Atoi(r.URL.Query().Get("below"))
	if err != nil || below < 1 {
		below = 0
	}
	p := &versionsPage{Assessment: a, Path: "/app/assessments/" + a.ID.String(), First: below == 0}
	if p.Versions, err = e.Assessments.Versions(r.Context(), a.ID, below, versionsShown+1); err != nil {
		return nil, 0, err
	}
	if len(p.Versions) > versionsShown {
		p.Versions = p.Versions[:versionsShown]
		p.Older = p.Versions[versionsShown-1].Number
	}
	s.Title, s.Data = a.Title+", versions", p
	return e.versions, http.StatusOK, nil
}

// versionPage is one version as it was published, with its keys.
type versionPage struct {
	assessments.Version
	Path      string
	IsCurrent bool
	Shown     []versionQuestion
	Page      int // from 1
	Pages     int
}

// versionQuestion is a question of a version, with its key in words.
type versionQuestion struct {
	assessments.VersionQuestion
	Kind    questionKind
	Choices []choicePane
	Key     string   // true_false and numeric
	Texts   []string // short_text
	Exactly bool     // short_text: capitals count
}

func (e *editor) showVersion(r *http.Request, s *shell) (*web.Template, int, error) {
	a, err := e.assessment(r)
	if err != nil {
		return nil, 0, err
	}
	number, err := strconv.Atoi(r.PathValue("n"))
	if err != nil || number < 1 || number > 1<<31-1 {
		return nil, 0, assessments.ErrVersionNotFound
	}
	v, keys, err := e.Assessments.VersionInFull(r.Context(), a.ID, number)
	if err != nil {
		return nil, 0, err
	}
	if s.Tabs, err = e.tabs(r.Context(), a, "versions"); err != nil {
		return nil, 0, err
	}
	p := &versionPage{Version: v, Path: "/app/assessments/" + a.ID.String() + "/versions", IsCurrent: a.CurrentVersion != nil && *a.CurrentVersion == number}
	p.Pages = (len(v.Questions) + versionQuestions - 1) / versionQuestions
	p.Page = min(askedPage(r.URL.Query(), v.Questions), p.Pages)
	from := (p.Page - 1) * versionQuestions
	for _, q := range v.Questions[from:min(from+versionQuestions, len(v.Questions))] {
		pane := paneOf(assessments.Question{ID: q.ID, Type: q.Type, Options: q.Options, Key: keys[q.ID]})
		p.Shown = append(p.Shown, versionQuestion{VersionQuestion: q, Kind: pane.Kind, Choices: pane.Choices, Key: keyText(q.Type, keys[q.ID]),
			Texts: pane.Accepted, Exactly: pane.CaseSensitive})
	}
	s.Title, s.Data = v.Title+", version "+strconv.Itoa(number), p
	s.Crumbs = []crumb{{"Assessments", "/app/assessments"}, {a.Title, "/app/assessments/" + a.ID.String()}, {"Version " + strconv.Itoa(number), ""}}
	return e.version, http.StatusOK, nil
}

// askedPage is the page that the address asks for: the one with a question, which a fragment alone does not tell the server, or
// the one of a number.
func askedPage(q url.Values, list []assessments.VersionQuestion) int {
	if id, err := uuid.Parse(q.Get("q")); err == nil {
		if i := slices.IndexFunc(list, func(x assessments.VersionQuestion) bool { return x.ID == id }); i >= 0 {
			return i/versionQuestions + 1
		}
	}
	n, err := strconv.Atoi(q.Get("page"))
	if err != nil || n < 1 {
		return 1
	}
	return n
}

// Prev is the page before, 0 at the first.
func (p *versionPage) Prev() int { return p.Page - 1 }

// Next is the page after, 0 at the last.
func (p *versionPage) Next() int {
	if p.Page >= p.Pages {
		return 0
	}
	return p.Page + 1
}
