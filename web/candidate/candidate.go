// Package candidate is the pages of those who take an assessment: the landing, the test, and what comes after it. All of them
// work without script; with it the test also survives a dead network.
//
// landing*.go are the pages before the start, by the public link (/a/{slug}) and the personal one (/i/{token}); take*.go is the
// test itself; finish.go and done.go are what comes after. Every text is in the catalogue, web/words.
package candidate

import (
	"log/slog"
	"net/http"

	"credlane/app/kit/clock"
	"credlane/app/kit/ids"
	"credlane/app/kit/rest"
	"credlane/modules/assessments"
	"credlane/modules/invites"
	"credlane/modules/submissions"
	"credlane/web"
	"credlane/web/words"
)

// Deps are the services that the pages show.
type Deps struct {
	Pages       *web.Pages
	Assessments *assessments.Module
	Invites     *invites.Module
	Submissions *submissions.Module
	Clock       clock.Clock
	IDs         *ids.Source
	Log         *slog.Logger
	PublicURL   string      // without a slash at its end
	CanMail     func() bool // whether the server can send e-mail
}

// Candidate is the candidate's pages.
type Candidate struct {
	Deps
	host  *rest.Host
	words *words.Words

	landings *landingCache
	visits   *visits

	landing, code, ended, trouble, finish, done, data page
}

// New makes the pages of d. A catalogue or template that cannot be read panics: it is seen at boot and in every test.
func New(d Deps) *Candidate {
	w, err := words.New()
	if err != nil {
		panic(err)
	}
	c := &Candidate{Deps: d, words: w, landings: newLandingCache(), visits: newVisits(d.Clock)}
	c.landing = c.page("candidate/landing.html", "candidate/fields.html")
	c.code = c.page("candidate/code.html", "candidate/fields.html")
	c.ended = c.page("candidate/ended.html", "candidate/fields.html")
	c.trouble = c.page("candidate/trouble.html")
	c.finish = c.page("candidate/finish.html")
	c.done = c.page("candidate/done.html", "candidate/leftover.html")
	c.data = c.page("candidate/data.html")
	return c
}

// Name is the pages' name as a module.
func (*Candidate) Name() string { return "candidate" }

// Mount puts the pages on the host.
func (c *Candidate) Mount(h *rest.Host) {
	c.host = h
	c.mountPublicLanding(h)
	c.mountPersonalLanding(h)
	c.mountTake(h)
	c.mountAfter(h)
}

// page is one page's templates, by the locale that they speak.
type page map[*words.Locale]*web.Template

// page parses files of web/templates over the candidate's layout, once for every locale. The functions t and h of a template say
// texts of the catalogue in its locale.
func (c *Candidate) page(files ...string) page {
	p := page{}
	for _, l := range c.words.All() {
		funcs := l.Funcs()
		funcs["moment"], funcs["initials"] = moment, web.Initials
		p[l] = c.Pages.TemplateWith(funcs, append([]string{"candidate/layout.html"}, files...)...)
	}
	return p
}

// view is what the layout shows around a page, and the page's own data.
type view struct {
	Locale   *words.Locale
	Theme    string // "", "light" or "dark"
	Title    string // of the document; said already
	Employer string // whose page it is; "" where that is unknown
	Script   string // the built script that the page runs
	Data     any
}

// view is the frame of an answer to r.
func (c *Candidate) view(r *http.Request) view {
	return view{Locale: c.words.For(r), Theme: web.Theme(r), Script: "candidate.js"}
}

// write answers with the page. A candidate's address may hold the secret of a personal link: no page tells the next one where
// its reader came from.
func (p page) write(w http.ResponseWriter, r *http.Request, status int, v view) error {
	secretAddress(w)
	return p[v.Locale].Write(w, r, status, v)
}

// secretAddress keeps the path of this page from every other page, ours too. The origin alone is still told, without which a
// browser that sends no Sec-Fetch-Site could not send our own forms.
func secretAddress(w http.ResponseWriter) {
	w.Header().Set("Referrer-Policy", "strict-origin")
}
