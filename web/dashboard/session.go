package dashboard

import (
	"errors"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
	"credlane/app/kit/rest"
	"credlane/web"
)

// The ways in and out. They are forms without script: a browser gets its cookie from the answer.
const (
	loginPath    = "/app/login"
	registerPath = "/app/register"
	forgotPath   = "/app/password/forgot"
	homePath     = "/app"
)

// doors are the pages in front of which people are not signed in yet.
type doors struct {
	*Dashboard
	host *rest.Host
	page *web.Template
	site string // the host's name, as people know it
}

func (d *Dashboard) mountSession(h *rest.Host) {
	site, _ := strings.CutPrefix(strings.TrimPrefix(d.PublicURL, "http://"), "https://")
	o := &doors{Dashboard: d, host: h, page: d.Pages.Template("dashboard/auth.html"), site: site}
	for _, p := range []struct {
		method, path, id, summary string
		fn                        rest.PageFunc
	}{
		{http.MethodGet, "/", "front", "Where an employer begins", o.front},
		{http.MethodGet, loginPath, "login-page", "Sign in", o.showLogin},
		{http.MethodPost, loginPath, "login-form", "Sign in", o.login},
		{http.MethodGet, registerPath, "register-page", "Register an organization", o.showRegister},
		{http.MethodPost, registerPath, "register-form", "Register an organization", o.register},
		{http.MethodGet, forgotPath, "forgot-page", "Ask for a link to set a new password", o.showForgot},
		{http.MethodPost, forgotPath, "forgot-form", "Ask for a link to set a new password", o.forgot},
		{http.MethodGet, "/app/password/reset", "reset-page", "Set a new password", o.showReset},
		{http.MethodPost, "/app/password/reset", "reset-form", "Set a new password", o.reset},
		{http.MethodGet, "/app/email/verify", "verify-page", "Confirm an e-mail address", o.showVerify},
		{http.MethodPost, "/app/email/verify", "verify-form", "Confirm an e-mail address", o.verify},
		{http.MethodGet, "/app/invitations/{token}", "invitation-page", "Accept an invitation", o.showInvitation},
		{http.MethodPost, "/app/invitations/{token}", "invitation-form", "Accept an invitation", o.accept},
	} {
		rest.ServePage(h, rest.Op{
			Method: p.method, Path: p.path, ID: p.id, Summary: p.summary, Access: rest.Public, Trouble: o.trouble,
		}, p.fn)
	}
	h.Lost(o.lost)
	rest.ServePage(h, rest.Op{
		Method: http.MethodPost, Path: "/app/logout", ID: "logout-form", Summary: "Sign out", Role: authn.Viewer, Trouble: d.showTrouble,
	}, o.logout)
}

// door is what one of the pages shows: a sentence, a notice, a form.
type door struct {
	Title, Lead string
	Note        *doorNote
	Action      string // where the form goes; "" shows none
	Hidden      []doorValue
	Fields      []doorField
	Button      string
	Busy        string // what the button says while it works
	Foot        []doorLink

	Theme, Site string // set by show
}

type doorNote struct{ Tone, What, Do string }

type doorValue struct{ Name, Value string }

type doorLink struct{ Text, Label, URL string }

// doorField is a field of a form. A password's value is never shown again.
type doorField struct {
	Name, Label, Type, Value, Hint, Error, Autocomplete string
	Forgot                                              bool // beside it stands the way to a new password
	Focus                                               bool // where typing begins
}

// ID is the field's id in the page.
func (f doorField) ID() string { return "f-" + f.Name }

// Password tells whether what is typed is hidden.
func (f doorField) Password() bool { return f.Type == "password" }

// Art is the picture beside the form: lanes, each as far as its people have come.
func (door) Art() template.HTML { return lanes }

// show writes the page. Typing begins at the first field that is wrong, else at the first that is empty.
func (o *doors) show(w http.ResponseWriter, r *http.Request, status int, p door) error {
	p.Theme, p.Site = web.Theme(r), o.site
	focus := -1
	for i, f := range p.Fields {
		if f.Error != "" {
			focus = i
			break
		}
		if focus < 0 && f.Value == "" {
			focus = i
		}
	}
	if focus >= 0 {
		p.Fields[focus].Focus = true
	}
	return o.page.Write(w, r, status, p)
}

// refused shows the form again with what was wrong, and what can be done. Errors that nobody foresaw are handed on.
func (o *doors) refused(w http.ResponseWriter, r *http.Request, p door, err error) error {
	f, ok := fault.As(err)
	if !ok || f.Kind == fault.Internal {
		return err
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
	switch marked := p.mark(f); {
	case p.Note != nil: // the page has said it in its own words
	case marked > 0:
		p.Note = &doorNote{"bad", web.Plural(marked, "field needs", "fields need") + " another look.", "Nothing was changed. What you typed is kept, the password aside."}
	case f.Kind == fault.TooMany:
		p.Note = &doorNote{"warn", "There were too many tries. Wait " + span(f.RetryAfter) + ".", "Nothing was changed. What you typed is kept, the password aside."}
	default:
		p.Note = &doorNote{"bad", f.Message, "Nothing was changed."}
	}
	return o.show(w, r, f.Kind.Status(), p)
}

// mark puts the reasons at their fields and counts the fields.
func (p *door) mark(f *fault.Error) (marked int) {
	for _, reason := range f.Fields {
		for i := range p.Fields {
			if reason.Location == "body."+p.Fields[i].Name && p.Fields[i].Error == "" {
				p.Fields[i].Error = reason.Message
				marked++
			}
		}
	}
	return marked
}

// span words how long to wait, never shorter than it is.
func span(d time.Duration) string {
	if d <= time.Minute {
		return web.Plural(max(1, int(math.Ceil(d.Seconds()))), "second", "seconds")
	}
	return web.Plural(int(math.Ceil(d.Minutes())), "minute", "minutes")
}

// trouble answers for a page that failed as a whole.
func (o *doors) trouble(w http.ResponseWriter, r *http.Request, f *fault.Error, requestID string) error {
	told := tell(f, requestID)
	p := door{
		Title: heading(f.Kind), Lead: told.Kept, Note: &doorNote{"bad", told.What, "If it stays like this, say the error number: " + requestID},
		Foot: []doorLink{{"", "Go to the sign-in page", loginPath}},
	}
	return o.show(w, r, f.Kind.Status(), p)
}

// lost answers whoever follows a link that leads nowhere, a candidate as often as a member.
func (o *doors) lost(w http.ResponseWriter, r *http.Request, f *fault.Error, requestID string) error {
	if f.Kind != fault.NotFound {
		return o.trouble(w, r, f, requestID)
	}
	return o.show(w, r, http.StatusNotFound, door{
		Title: "There is nothing here", Lead: "The link may be incomplete: mail programs sometimes cut long ones.",
		Foot: []doorLink{
			{"Here to take an assessment? Open the link in your invitation again, or ask whoever invited you for it.", "", ""},
			{"A member of an organization?", "Go to the dashboard", homePath},
		},
	})
}

// front leads to the sign-in, and on the first run to the registration.
func (o *doors) front(w http.ResponseWriter, r *http.Request) error {
	first, err := o.Accounts.FirstRun(r.Context())
	if err != nil {
		return err
	}
	if first {
		return rest.Redirect(w, r, registerPath)
	}
	return rest.Redirect(w, r, homePath)
}

// signedIn tells whether the reader is signed in already, and whether they were: their session has ended.
func (o *doors) signedIn(r *http.Request) (now, before bool, err error) {
	if o.host.Cookies().Session(r) == "" {
		return false, false, nil
	}
	_, err = o.host.Member(r)
	if errors.Is(err, authn.ErrUnauthenticated) {
		return false, true, nil
	}
	return err == nil, false, err
}

// whereTo is the page to go on to after the sign-in: one of the dashboard's, whatever stands in next.
func whereTo(next string) string {
	u, err := url.Parse(next)
	if err != nil || !rest.IsLocal(next) || path.Clean(u.Path) != u.Path || !strings.HasPrefix(u.Path, homePath+"/") {
		return homePath
	}
	for _, door := range []string{loginPath, registerPath, "/app/logout", "/app/password/", "/app/email/", "/app/invitations/"} {
		if strings.HasPrefix(u.Path, door) {
			return homePath
		}
	}
	return next
}

// lanes is the picture of 25 lanes. Which is how long is made up, but the same each time.
var lanes = drawLanes()

func drawLanes() template.HTML {
	const dash, gap, rows = 46, 36, 25
	var b strings.Builder
	b.WriteString(`<svg class="art" viewBox="0 0 720 900" preserveAspectRatio="xMinYMid slice" aria-hidden="true" focusable="false">`)
	for row := range rows {
		y := 24 + row*gap
		length, strength := 1+(row*row*7+row*5+10)%16, []string{"soft", "faint", "soft", "faint", "fainter"}[row*3%5]
		if row == 11 {
			length, strength = 12, "full"
		}
		fmt.Fprintf(&b, `<path class="tr" d="M0 %dH760"/><path class="pr %s" d="M0 %dh%d"/>`, y, strength, y, length*dash-10)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}
