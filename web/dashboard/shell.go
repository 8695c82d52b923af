package dashboard

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
	"credlane/modules/assessments"
	"credlane/modules/auth"
	"credlane/web"
)

// shell is what the frame around a page shows, and the page's own data.
type shell struct {
	Title   string
	Section string // of the navigation: "assessments", "activity", "settings"
	Theme   string
	Path    string // of this page, for what comes back to it
	Account *auth.Account
	Role    authn.Role
	Counts  assessments.Counts
	Crumbs  []crumb
	Tabs    *tabs // of an assessment's pages; nil elsewhere
	Scripts []string
	Data    any
}

// crumb is one step of the way to a page; the last one has no address.
type crumb struct{ Label, URL string }

// tabs are an assessment's pages, with how much is on each.
type tabs struct {
	ID      uuid.UUID
	Title   string
	Status  assessments.Status
	Current string // "questions", "invites", "results", "versions"

	Questions, Invites, Results, Versions int
}

// CanEdit tells whether the reader may change assessments and invite.
func (s *shell) CanEdit() bool { return s.Role >= authn.Recruiter }

// CanAdminister tells whether the reader may change the organization.
func (s *shell) CanAdminister() bool { return s.Role >= authn.Admin }

// RoleName is the reader's role as a word of its own.
func (s *shell) RoleName() string {
	name := s.Role.String()
	if name == "" {
		return ""
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// AllAssessments is how many there are, the archived ones aside.
func (s *shell) AllAssessments() int { return s.Counts.Draft + s.Counts.Active + s.Counts.Closed }

// Trail is the way to the page: that of its assessment, or its title alone, unless the page says more.
func (s *shell) Trail() []crumb {
	switch {
	case len(s.Crumbs) > 0:
		return s.Crumbs
	case s.Tabs != nil:
		return []crumb{{"Assessments", "/app/assessments"}, {s.Tabs.Title, ""}}
	}
	return []crumb{{s.Title, ""}}
}

// EmployerInitials stand in for a picture of the organization.
func (s *shell) EmployerInitials() string { return web.Initials(s.Account.Employer.Name) }

// UserInitials stand in for a picture of the reader.
func (s *shell) UserInitials() string { return web.Initials(s.Account.User.Name) }

// shell is the frame for the caller of r.
func (d *Dashboard) shell(r *http.Request) (*shell, error) {
	account, err := d.Accounts.Me(r.Context())
	if err != nil {
		return nil, err
	}
	counts, err := d.Assessments.Count(r.Context())
	if err != nil {
		return nil, err
	}
	return &shell{
		Title: "CredLane", Section: "assessments", Theme: web.Theme(r), Path: r.URL.RequestURI(), Account: account, Role: account.Role,
		Counts: counts,
	}, nil
}

// tabs are the pages of an assessment with current open: "questions", "invites", "results" or "versions".
func (d *Dashboard) tabs(ctx context.Context, a assessments.Assessment, current string) (*tabs, error) {
	ids := []uuid.UUID{a.ID}
	results, err := d.Submissions.Figures(ctx, ids)
	if err != nil {
		return nil, err
	}
	invited, err := d.Invites.Figures(ctx, ids)
	if err != nil {
		return nil, err
	}
	t := &tabs{
		ID: a.ID, Title: a.Title, Status: a.Status, Current: current,
		Questions: a.QuestionCount, Invites: invited[a.ID].Invited, Results: results[a.ID].Started,
	}
	if a.CurrentVersion != nil {
		t.Versions = *a.CurrentVersion
	}
	return t, nil
}

// trouble is what the page of a failure shows, in the order in which people ask.
type trouble struct {
	What, Kept, Do string
	Again          bool // the same address may work now
	RequestID      string
}

// showTrouble answers a page that failed. Who is not signed in goes to the sign-in page and comes back.
func (d *Dashboard) showTrouble(w http.ResponseWriter, r *http.Request, f *fault.Error, requestID string) error {
	if f.Kind == fault.Unauthenticated {
		return rest.Redirect(w, r, signInFor(r))
	}
	s, err := d.shell(r)
	if err != nil {
		// What keeps the page from being made may keep its frame from being made too: the frame comes without names then.
		if _, known := fault.As(err); !known && !errors.Is(err, context.Canceled) {
			d.Log.WarnContext(r.Context(), "the frame of a failure has no names", "error", err)
		}
		s = &shell{Theme: web.Theme(r), Path: r.URL.RequestURI()}
	}
	told := tell(f, requestID)
	s.Title, s.Section, s.Data = heading(f.Kind), "", told
	return d.troubles.Write(w, r, f.Kind.Status(), s)
}

func heading(k fault.Kind) string {
	switch k {
	case fault.NotFound:
		return "Not found"
	case fault.Forbidden:
		return "Not allowed"
	}
	return "Something is in the way"
}

// tell words a failure: what happened, what is kept, what to do.
func tell(f *fault.Error, requestID string) trouble {
	t := trouble{What: f.Message, Kept: "Nothing was changed.", Do: "Go back, or start again from the list.", RequestID: requestID}
	if f.Code == pg.ErrCursor.Code {
		t.What, t.Do = "This page of the list is not there.", "Start again from its first page." // a cursor is nothing that people know
		return t
	}
	if len(f.Fields) > 0 { // an address that somebody typed or changed
		t.What = f.Fields[0].Message
	}
	switch f.Kind {
	case fault.Internal:
		t.What, t.Do, t.Again = "This page did not load.", "Try again. If it stays like this, send the error number to whoever runs this server.", true
	case fault.NotFound:
		t.What = "There is nothing at this address."
		t.Do = "It may have been deleted, or the link is incomplete. Look for it in the list."
	case fault.Forbidden:
		t.Do = "Go back, or to what your role opens."
	case fault.TooMany, fault.Unavailable, fault.Timeout:
		t.Do, t.Again = "Wait a moment, then try again.", true
	}
	return t
}

// signInFor is the sign-in page with the way back; a way that is too long for an address is left out.
func signInFor(r *http.Request) string {
	if to := loginPath + "?next=" + next(r); rest.IsLocal(to) {
		return to
	}
	return loginPath
}

// next is the page that r asked for, as a parameter of the sign-in page; what was sent by a form is not sent again.
func next(r *http.Request) string {
	if r.Method != http.MethodGet {
		return url.QueryEscape("/app")
	}
	return url.QueryEscape(r.URL.RequestURI())
}
