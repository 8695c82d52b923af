package dashboard

import (
	"net/http"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/rest"
	"credlane/modules/assessments"
	"credlane/web"
)

// importPage is where a file becomes questions. The page itself knows nothing of the file: its script reads it with dry runs and
// writes it with one import, both through the API.
type importPage struct {
	ID       string // of the assessment; "" before there is one
	Archived bool
	Next     int // the version that the next publishing makes
}

func (d *Dashboard) mountImport(h *rest.Host) {
	t := d.Pages.Template("dashboard/layout.html", "dashboard/import.html")
	d.page(h, "/app/import", "page-import-new", "Import questions into a new draft", authn.Recruiter,
		func(_ *http.Request, s *shell) (*web.Template, int, error) {
			s.Title, s.Scripts, s.Data = "Import questions", []string{"import.js"}, importPage{Next: 1}
			s.Crumbs = []crumb{{"Assessments", "/app/assessments"}, {"Import", ""}}
			return t, http.StatusOK, nil
		})
	d.page(h, "/app/assessments/{id}/import", "page-import", "Import questions", authn.Recruiter,
		func(r *http.Request, s *shell) (*web.Template, int, error) {
			id, err := uuid.Parse(r.PathValue("id"))
			if err != nil {
				return nil, 0, assessments.ErrNotFound.Because(err)
			}
			a, err := d.Assessments.Find(r.Context(), id)
			if err != nil {
				return nil, 0, err
			}
			if s.Tabs, err = d.tabs(r.Context(), a, "questions"); err != nil {
				return nil, 0, err
			}
			s.Title, s.Scripts = "Import questions", []string{"import.js"}
			s.Crumbs = []crumb{{"Assessments", "/app/assessments"}, {a.Title, "/app/assessments/" + id.String()}, {"Import", ""}}
			s.Data = importPage{ID: id.String(), Archived: a.Status == assessments.Archived, Next: s.Tabs.Versions + 1}
			return t, http.StatusOK, nil
		})
}
