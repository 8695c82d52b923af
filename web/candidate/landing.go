package candidate

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
	"credlane/app/kit/rest"
	"credlane/modules/assessments"
	"credlane/modules/submissions"
	"credlane/web"
)

func (c *Candidate) mountPublicLanding(h *rest.Host) {
	c.mount(h, rest.Public, http.MethodGet, "/a/{slug}", "page-landing", "What to expect, by the public link", c.showLanding)
	c.mount(h, rest.Public, http.MethodPost, "/a/{slug}", "page-start", "Start by the public link", c.postStart)
	c.mount(h, rest.Public, http.MethodPost, "/a/{slug}/code", "page-code", "Have a one-time code mailed", c.postCode)
}

// mount puts one page on the host.
func (c *Candidate) mount(h *rest.Host, access rest.Access, method, path, id, summary string, fn rest.PageFunc) {
	rest.ServePage(h, rest.Op{
		Method: method, Path: path, ID: id, Summary: summary, Access: access, MaxBody: maxShortForm, MaxValues: maxShortFields, Trouble: c.troubled,
	}, fn)
}

const (
	maxShortForm   = 16 << 10 // bytes: a name, an address and a reason, escaped
	maxShortFields = 20
)

// landing is what the page before the start shows.
type landing struct {
	facts
	Action string // where the form goes
	Form   form
	Mail   bool // a code can be sent

	// By a personal link:
	Email    string // masked
	NeedName bool
	Decline  string // where a refusal goes; "" for nowhere
	Reason   string // of the refusal, as it was typed
}

// form is what somebody typed, and what is wrong with it: keys of the catalogue by the field's name.
type form struct {
	Name, Email string
	Consent     bool
	Back        bool // comes back to what has begun
	Wrong       map[string]string
}

// Err is what is wrong with a field: a key of the catalogue, "" for nothing.
func (f form) Err(name string) string { return f.Wrong[name] }

func readForm(values url.Values) form {
	return form{
		Name: values.Get("name"), Email: strings.TrimSpace(values.Get("email")), Consent: values.Get("consent") != "",
		Back: values.Get("back") != "", Wrong: map[string]string{},
	}
}

// fieldErrors are the catalogue's words for the reasons that a start may be refused for.
var fieldErrors = map[string]string{
	"body.name": "field.name_wrong", "body.email": "field.email_wrong", "body.consent": "field.consent_missing",
}

// refuse notes what a fault has against the form; false when it is not about the form.
func (f *form) refuse(err error) bool {
	found, ok := fault.As(err)
	if !ok {
		return false
	}
	for _, field := range found.Fields {
		if key := fieldErrors[field.Location]; key != "" {
			f.Wrong[strings.TrimPrefix(field.Location, "body.")] = key
		}
	}
	return len(f.Wrong) > 0
}

// showLanding serves the page from memory, but to a browser that has begun here.
func (c *Candidate) showLanding(w http.ResponseWriter, r *http.Request) error {
	slug := r.PathValue("slug")
	l, err := c.Assessments.LandingPage(r.Context(), slug)
	if err != nil {
		return err
	}
	own, begun, err := c.ownHere(r, l.AssessmentID)
	if err != nil {
		return err
	}
	if begun && r.URL.Query().Get("as") != "other" {
		return c.showHere(w, r, publicFacts(l), own, r.URL.Path+"?as=other")
	}
	secretAddress(w)
	locale, theme := c.words.For(r), web.Theme(r)
	page, err := c.landings.get(landingKey{slug, locale.Tag, theme}, l, func() (*web.Ready, error) {
		v := c.view(r)
		p, v := c.publicLanding(v, slug, l, form{})
		return p[locale].Ready("page", v)
	})
	if err != nil {
		return err
	}
	c.greet(w, r)
	return page.Write(w, r)
}

// publicLanding is the page of l with a form as it was filled in.
func (c *Candidate) publicLanding(v view, slug string, l *assessments.Landing, f form) (page, view) {
	data := landing{facts: publicFacts(l), Action: "/a/" + slug, Form: f, Mail: c.CanMail()}
	v.Title, v.Employer, v.Data = v.Locale.T("landing.title", "title", data.Title, "employer", data.Employer), data.Employer, data
	if data.State == "closed" {
		v.Data = ended{facts: data.facts, Kind: "closed", Back: "/a/" + slug, Mail: data.Mail, Form: f}
		return c.ended, v
	}
	return c.landing, v
}

// ownHere is the attempt at an assessment that the browser holds. begun is false for none, for one that is no more, and for one that
// went on elsewhere: to such a browser the page is as to everybody else.
func (c *Candidate) ownHere(r *http.Request, assessment uuid.UUID) (own submissions.Dossier, begun bool, err error) {
	p, err := c.host.Candidate(r)
	if err == nil && p.AssessmentID != assessment {
		return own, false, nil
	}
	if err == nil {
		own, err = c.Submissions.Dossier(authn.With(r.Context(), p))
	}
	if errors.Is(err, authn.ErrUnauthenticated) || errors.Is(err, submissions.ErrSessionTaken) {
		return own, false, nil
	}
	return own, err == nil, err
}

// ended is a page instead of the form: of what has begun, is over, or is not to be had.
type ended struct {
	facts
	Kind    string // "here", "elsewhere", "started", "completed", "expired", "closed", "declined"
	Form    form
	Receipt submissions.Receipt // here
	Other   string              // here: for somebody else in the same browser; "" for nowhere
	Back    string              // elsewhere, closed: where a code is asked for
	Mail    bool                // a code can be sent
	Link    string              // started, completed: the personal link
	Expires time.Time           // expired
}

// showHere is what a browser gets that has begun.
func (c *Candidate) showHere(w http.ResponseWriter, r *http.Request, f facts, own submissions.Dossier, other string) error {
	v := c.view(r)
	v.Title, v.Employer = v.Locale.T("landing.title", "title", f.Title, "employer", f.Employer), f.Employer
	v.Data = ended{facts: f, Kind: "here", Receipt: own.Sitting.Receipt, Other: other}
	return c.ended.write(w, r, http.StatusOK, v)
}

// postStart starts by the public link, or goes on by a code.
func (c *Candidate) postStart(w http.ResponseWriter, r *http.Request) error {
	slug := r.PathValue("slug")
	values, err := rest.FormValues(r)
	if err != nil {
		return err
	}
	l, err := c.Assessments.LandingPage(r.Context(), slug)
	if err != nil {
		return err
	}
	f, code := readForm(values), strings.TrimSpace(values.Get("code"))
	asked := values.Has("code")
	own, begun, err := c.ownHere(r, l.AssessmentID)
	if err != nil {
		return err
	}
	if begun && strings.EqualFold(own.Person.Email, f.Email) {
		return rest.Redirect(w, r, "/take") // pressed twice, or after the page came back from the browser's memory
	}
	if l.RequireEmailCode && !asked {
		return c.sendCode(w, r, slug, l, f, false)
	}
	if asked && code == "" {
		f.Wrong["code"] = "code.missing"
		return c.showCode(w, r, http.StatusUnprocessableEntity, slug, l, f)
	}
	started, err := c.start(r, submissions.Start{Slug: slug, Name: f.Name, Email: f.Email, Consent: f.Consent, Code: code})
	if err != nil {
		return c.notStarted(w, r, slug, l, f, asked, err)
	}
	c.host.Cookies().SetAttempt(w, started.token, started.expires)
	return rest.Redirect(w, r, "/take")
}

// start begins under the API's own limit, once for all presses of one visit.
func (c *Candidate) start(r *http.Request, in submissions.Start) (begun, error) {
	return c.visits.start(r.Context(), c.visited(r), in, func(ctx context.Context) (begun, error) {
		if err := c.Submissions.Limiter.Take(ctx, "public_start", rest.ClientNetwork(ctx), c.Submissions.StartLimit); err != nil {
			return begun{}, err
		}
		token, s, err := c.Submissions.Start(ctx, in)
		return begun{token, s.TokenExpires()}, err
	})
}

// notStarted shows why, with all that was typed. What is no matter of the form is left to the page of troubles.
func (c *Candidate) notStarted(w http.ResponseWriter, r *http.Request, slug string, l *assessments.Landing, f form, asked bool, err error) error {
	switch {
	case errors.Is(err, submissions.ErrCodeWrong):
		f.Wrong["code"] = "code.wrong"
		return c.showCode(w, r, http.StatusUnprocessableEntity, slug, l, f)
	case errors.Is(err, submissions.ErrCodeSpent):
		f.Wrong["code"] = "code.spent"
		return c.showCode(w, r, http.StatusUnprocessableEntity, slug, l, f)
	case errors.Is(err, rest.ErrTooMany) && asked:
		return c.tooManyCodes(w, r, slug, l, f, err)
	case errors.Is(err, submissions.ErrAlreadyStarted):
		v := c.view(r)
		v.Employer, v.Title = l.Employer.Name, v.Locale.T("elsewhere.title")
		v.Data = ended{facts: publicFacts(l), Kind: "elsewhere", Back: "/a/" + slug, Mail: c.CanMail(), Form: f}
		return c.ended.write(w, r, http.StatusConflict, v)
	case errors.Is(err, submissions.ErrEmailCode): // it is asked for since the page was made
		return c.sendCode(w, r, slug, l, f, false)
	case errors.Is(err, assessments.ErrClosed), errors.Is(err, assessments.ErrNotOpen):
		fresh := *l
		fresh.State = "closed"
		if errors.Is(err, assessments.ErrNotOpen) {
			fresh.State = "not_open_yet"
		}
		return c.showForm(w, r, http.StatusConflict, slug, &fresh, f)
	case f.refuse(err) && asked:
		return c.showCode(w, r, http.StatusUnprocessableEntity, slug, l, f)
	case len(f.Wrong) > 0:
		return c.showForm(w, r, http.StatusUnprocessableEntity, slug, l, f)
	}
	return err
}

func (c *Candidate) showForm(w http.ResponseWriter, r *http.Request, status int, slug string, l *assessments.Landing, f form) error {
	p, v := c.publicLanding(c.view(r), slug, l, f)
	c.greet(w, r)
	return p.write(w, r, status, v)
}

// retryIn words how long to wait, and says it to programs too.
func retryIn(w http.ResponseWriter, err error) time.Duration {
	f, ok := fault.As(err)
	if !ok {
		return 0
	}
	seconds := math.Ceil(f.RetryAfter.Seconds())
	w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
	return time.Duration(seconds) * time.Second
}
