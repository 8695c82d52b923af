package candidate

import (
	"errors"
	"net/http"

	"credlane/app/kit/rest"
	"credlane/modules/assessments"
	"credlane/modules/submissions"
)

// coded is what the page for a one-time code shows. The address and the code go in the form's body alone, never in an address.
type coded struct {
	facts
	Action string
	Form   form
	Again  bool   // another code is on its way
	Wait   string // how long, where there were too many tries
}

// Asks tells whether the name and the consent are still to be given, by who came to go on.
func (c coded) Asks() bool {
	return c.Form.Name == "" || !c.Form.Consent || c.Form.Wrong["name"] != "" || c.Form.Wrong["consent"] != ""
}

// postCode has a code mailed: before a start where one is asked for, and to go on with what has begun.
func (c *Candidate) postCode(w http.ResponseWriter, r *http.Request) error {
	slug := r.PathValue("slug")
	values, err := rest.FormValues(r)
	if err != nil {
		return err
	}
	l, err := c.Assessments.LandingPage(r.Context(), slug)
	if err != nil {
		return err
	}
	return c.sendCode(w, r, slug, l, readForm(values), values.Get("again") != "")
}

func (c *Candidate) sendCode(w http.ResponseWriter, r *http.Request, slug string, l *assessments.Landing, f form, again bool) error {
	if !f.Back { // what a start would have against the form is better said before a mail goes out
		in := submissions.Start{Name: f.Name, Email: f.Email, Consent: f.Consent}
		if f.refuse(in.Check()) {
			return c.showForm(w, r, http.StatusUnprocessableEntity, slug, l, f)
		}
	}
	err := c.Submissions.RequestCode(r.Context(), slug, f.Email)
	switch {
	case errors.Is(err, rest.ErrTooMany):
		return c.tooManyCodes(w, r, slug, l, f, err)
	case f.refuse(err):
		f.Wrong = map[string]string{"back": f.Wrong["email"]}
		return c.showForm(w, r, http.StatusUnprocessableEntity, slug, l, f)
	case err != nil:
		return err
	}
	return c.writeCode(w, r, http.StatusOK, slug, l, coded{Form: f, Again: again})
}

func (c *Candidate) showCode(w http.ResponseWriter, r *http.Request, status int, slug string, l *assessments.Landing, f form) error {
	return c.writeCode(w, r, status, slug, l, coded{Form: f})
}

func (c *Candidate) tooManyCodes(w http.ResponseWriter, r *http.Request, slug string, l *assessments.Landing, f form, err error) error {
	f.Wrong["code"] = "code.too_many"
	wait := span(c.words.For(r), retryIn(w, err))
	return c.writeCode(w, r, http.StatusTooManyRequests, slug, l, coded{Form: f, Wait: wait})
}

func (c *Candidate) writeCode(w http.ResponseWriter, r *http.Request, status int, slug string, l *assessments.Landing, data coded) error {
	v := c.view(r)
	data.facts, data.Action = publicFacts(l), "/a/"+slug
	v.Employer, v.Title, v.Data = data.Employer, v.Locale.T("code.title"), data
	return c.code.write(w, r, status, v)
}
