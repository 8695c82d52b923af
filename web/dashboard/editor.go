package dashboard

import (
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/exact"
	"credlane/app/kit/rest"
	"credlane/modules/assessments"
	"credlane/web"
)

const editorPath = "/app/assessments/{id}"

// editor is the pages on which an assessment is written, looked at as its candidates will see it, and published.
type editor struct {
	*Dashboard
	edit, preview, versions, version *web.Template
}

// mountEditor puts the editor's pages on the host. Its parts are fetched by the editor's script and are no pages of their own.
func (d *Dashboard) mountEditor(h *rest.Host) {
	const layout = "dashboard/layout.html"
	e := &editor{Dashboard: d,
		edit: d.Pages.TemplateWith(template.FuncMap{"marked": marked}, layout, "dashboard/editor.html", "dashboard/editor_list.html", "dashboard/editor_question.html",
			"dashboard/editor_settings.html", "dashboard/editor_publish.html"),
		preview:  d.Pages.Template("dashboard/preview.html"),
		versions: d.Pages.Template(layout, "dashboard/versions.html"),
		version:  d.Pages.Template(layout, "dashboard/versions_one.html"),
	}
	d.page(h, editorPath, "page-editor", "The questions and settings of an assessment", authn.Viewer, e.showEditor)
	e.part(h, "/questions", "part-question-list", "One stretch of the editor's list of questions", "question-list", e.showList)
	e.part(h, "/questions/{qid}", "part-question", "One question in the editor", "question-pane", e.showQuestion)
	e.part(h, "/state", "part-editor-state", "What of the editor follows from a save", "editor-state", e.showState)
	e.part(h, "/publish", "part-publish", "What publishing would do, or what keeps it", "publish-body", e.showPublish)
	e.mountOrder(h)
	e.mountTouched(h)
	e.mountMarkdown(h)
	e.mountPreview(h)
	d.page(h, editorPath+"/versions", "page-versions", "The published versions of an assessment", authn.Viewer, e.showVersions)
	d.page(h, editorPath+"/versions/{n}", "page-version", "One published version with its keys", authn.Viewer, e.showVersion)
}

// part mounts a piece of the editor: the block name of its template, with the data that fn gives.
func (e *editor) part(h *rest.Host, path, id, summary, name string, fn func(r *http.Request) (any, error)) {
	rest.ServePage(h, rest.Op{
		Method: http.MethodGet, Path: editorPath + path, ID: id, Summary: summary, Role: authn.Viewer, Trouble: e.showTrouble,
	}, func(w http.ResponseWriter, r *http.Request) error {
		data, err := fn(r)
		if err != nil {
			return err
		}
		return e.edit.Part(w, r, http.StatusOK, name, data)
	})
}

// assessment is the one that the address of r names.
func (e *editor) assessment(r *http.Request) (assessments.Assessment, error) {
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		return assessments.Assessment{}, assessments.ErrNotFound
	}
	return e.Assessments.Find(r.Context(), id)
}

// draft is an assessment as the editor shows it.
type draft struct {
	assessments.Assessment
	ETag      string
	PublicURL string // the link for candidates
	Path      string // of the editor
	Editable  bool   // the reader may change it, and it changes at all
	CanMail   bool
	Changes   *assessments.Changes // against the current version; nil without one
	Readiness assessments.Readiness
}

func (e *editor) draft(r *http.Request) (*draft, error) {
	a, err := e.assessment(r)
	if err != nil {
		return nil, err
	}
	d := &draft{
		Assessment: a, ETag: rest.ETag(a.ID, a.Revision), PublicURL: e.PublicURL + "/a/" + a.Slug, Path: "/app/assessments/" + a.ID.String(),
		Editable: authn.From(r.Context()).Role >= authn.Recruiter && a.Status != assessments.Archived, CanMail: e.CanMail(),
	}
	if d.Readiness, err = e.Assessments.Readiness(r.Context(), a.ID); err != nil {
		return nil, err
	}
	if a.CurrentVersion == nil {
		return d, nil
	}
	c, err := e.Assessments.ChangesSince(r.Context(), a.ID, *a.CurrentVersion)
	if err != nil {
		return nil, err
	}
	d.Changes = &c
	return d, nil
}

// Next is the number of the version that publishing makes.
func (d *draft) Next() int {
	if d.CurrentVersion == nil {
		return 1
	}
	return *d.CurrentVersion + 1
}

// Current is the number of the current version, 0 before the first.
func (d *draft) Current() int { return d.Next() - 1 }

// Archived tells whether the assessment is put away.
func (d *draft) Archived() bool { return d.Status == assessments.Archived }

// Active tells whether candidates may start.
func (d *draft) Active() bool { return d.Status == assessments.Active }

// Settled tells whether candidates have all that is here, so that nothing waits to be published.
func (d *draft) Settled() bool { return d.Active() && !d.DraftChanged() }

// Edits is how many of the questions differ from the current version.
func (d *draft) Edits() int {
	if d.Changes == nil {
		return 0
	}
	return d.Changes.Edited + d.Changes.Added + d.Changes.Removed
}

// PassPoints is the least that passes, in points: the share rounded up, since less is not enough.
func (d *draft) PassPoints() exact.Points {
	const full = int64(exact.FullScore)
	// Two divisions, so that the product fits: a draft may be worth more than its columns hold.
	whole, part := d.PointsThousandths/full, d.PointsThousandths%full
	share := int64(d.PassingScore)
	return exact.Points(whole*share + (part*share+full-1)/full)
}

// editorPage is the whole page.
type editorPage struct {
	*draft
	List     *questionList
	Question *questionPane // nil while there is none
}

func (e *editor) showEditor(r *http.Request, s *shell) (*web.Template, int, error) {
	d, err := e.draft(r)
	if err != nil {
		return nil, 0, err
	}
	if s.Tabs, err = e.tabs(r.Context(), d.Assessment, "questions"); err != nil {
		return nil, 0, err
	}
	p := &editorPage{draft: d}
	if p.Question, err = e.opening(r, d); err != nil {
		return nil, 0, err
	}
	if p.List, err = e.listAround(r, d, p.Question); err != nil {
		return nil, 0, err
	}
	s.Title, s.Data, s.Scripts = d.Title+", questions", p, []string{"editor.js"}
	return e.edit, http.StatusOK, nil
}

// opening is the question that the page opens with: the one it names, the first one otherwise.
func (e *editor) opening(r *http.Request, d *draft) (*questionPane, error) {
	if id, err := uuid.Parse(r.URL.Query().Get("q")); err == nil {
		pane, err := e.pane(r, d, id)
		if err == nil || !isNotFound(err) {
			return pane, err
		}
	}
	first, err := e.Assessments.Questions(r.Context(), d.ID, assessments.QuestionCursor{}, 1)
	if err != nil || len(first) == 0 {
		return nil, err
	}
	return e.pane(r, d, first[0].ID)
}

// showState is what follows from a save: the line of the list, the totals, the checklist, the notice and the button.
func (e *editor) showState(r *http.Request) (any, error) {
	d, err := e.draft(r)
	if err != nil {
		return nil, err
	}
	p := &editorPage{draft: d}
	id, err := uuid.Parse(r.URL.Query().Get("q"))
	if err != nil {
		return p, nil
	}
	q, err := e.Assessments.Question(r.Context(), d.ID, id)
	if err != nil {
		if isNotFound(err) {
			return p, nil
		}
		return nil, err
	}
	p.List, err = e.list(r, d, assessments.OutlineFilter{After: q.Position - 1, Limit: 1}, id)
	return p, err
}

// shownFlaws is how many questions the checklist names; the dialog of publishing names them all.
const shownFlaws = 5

// Few are the first flaws, for the checklist.
func (d *draft) Few() []assessments.Flaw {
	return d.Readiness.Flaws[:min(shownFlaws, len(d.Readiness.Flaws))]
}

// MoreFlaws is how many the checklist does not name.
func (d *draft) MoreFlaws() int { return d.Readiness.Total - len(d.Readiness.Whole) - len(d.Few()) }

// The ways in which a result is released, as the settings offer them.
const (
	releaseNow  = "now"
	releaseAt   = "at"
	releaseHold = "hold"
)

// ReleaseMode is the way that is chosen.
func (d *draft) ReleaseMode() string {
	switch {
	case d.ResultRelease == assessments.ReleaseNone:
		return releaseHold
	case d.ReleaseAt != nil:
		return releaseAt
	}
	return releaseNow
}

// Stamp is a moment for a script, which shows it in the reader's zone; "" for none.
func (*draft) Stamp(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// asHTML writes plain words as the Markdown renderer does.
var asHTML = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

// marked tells whether Markdown makes more of a text than its words; otherwise, showing it twice would only repeat it.
func marked(source string) bool {
	shown := strings.TrimSpace(string(web.Markdown(source)))
	return shown != "" && shown != "<p>"+asHTML.Replace(strings.TrimSpace(source))+"</p>"
}
