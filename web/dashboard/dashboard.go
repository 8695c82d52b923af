// Package dashboard is the employer's pages: what the REST API offers, for people.
//
// A page is read here and made from the modules' services. What a page changes, it changes through the API, by its script:
// there is one way to change a thing. Only signing in and out are forms of their own, because they set the cookie.
package dashboard

import (
	"log/slog"
	"net/http"

	"credlane/app/kit/authn"
	"credlane/app/kit/clock"
	"credlane/app/kit/rest"
	"credlane/modules/activity"
	"credlane/modules/assessments"
	"credlane/modules/auth"
	"credlane/modules/imports"
	"credlane/modules/invites"
	"credlane/modules/operations"
	"credlane/modules/submissions"
	"credlane/modules/webhooks"
	"credlane/web"
)

// Deps are the services that the pages show.
type Deps struct {
	Pages       *web.Pages
	Accounts    *auth.Module
	Assessments *assessments.Module
	Imports     *imports.Module
	Invites     *invites.Module
	Submissions *submissions.Module
	Webhooks    *webhooks.Module
	Operations  *operations.Module
	Activity    *activity.Module
	Clock       clock.Clock
	Log         *slog.Logger
	PublicURL   string      // without a slash at its end
	CanMail     func() bool // whether the server can send e-mail
}

// Dashboard is the employer's pages.
type Dashboard struct {
	Deps
	troubles *web.Template
}

// New makes the pages of d.
func New(d Deps) *Dashboard {
	return &Dashboard{Deps: d, troubles: d.Pages.Template("dashboard/layout.html", "dashboard/trouble.html")}
}

// Name is the pages' name as a module.
func (*Dashboard) Name() string { return "dashboard" }

// Mount puts the pages on the host.
func (d *Dashboard) Mount(h *rest.Host) {
	d.mountSession(h)
	d.mountSettings(h)
	d.mountAssessments(h)
	d.mountActivity(h)
	d.mountInvites(h)
	d.mountEditor(h)
	d.mountImport(h)
	d.mountResults(h)
}

// pageFunc fills s and says which template shows it, with which status.
type pageFunc func(r *http.Request, s *shell) (*web.Template, int, error)

// page mounts one page of a signed-in member with at least role.
func (d *Dashboard) page(h *rest.Host, path, id, summary string, role authn.Role, fn pageFunc) {
	rest.ServePage(h, rest.Op{
		Method: http.MethodGet, Path: path, ID: id, Summary: summary, Role: role, Trouble: d.showTrouble,
	}, func(w http.ResponseWriter, r *http.Request) error {
		s, err := d.shell(r)
		if err != nil {
			return err
		}
		t, status, err := fn(r, s)
		if err != nil {
			return err
		}
		return t.Write(w, r, status, s)
	})
}
