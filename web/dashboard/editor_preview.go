package dashboard

import (
	"net/http"
	"strconv"

	"credlane/app/kit/authn"
	"credlane/app/kit/rest"
	"credlane/modules/assessments"
	"credlane/web"
	"credlane/web/words"
)

// previewPage is one question as a candidate would see it. It is made of a web.Question, which has no place for a key.
type previewPage struct {
	Theme    string
	Title    string
	Employer string
	Path     string // of the preview
	Back     string // to the editor
	Minutes  int
	Count    int
	Number   int
	Question *web.Question // nil while there is none
	Numbers  []int         // that the navigator shows: all of a short draft, those around this one of a long one
	Initials string
}

// maxNumbers is how many questions the navigator shows.
const maxNumbers = 120

// Prev and Next are the numbers of the neighbours, 0 at the ends.
func (p *previewPage) Prev() int { return p.Number - 1 }

// Next is the number of the question after this one, 0 at the end.
func (p *previewPage) Next() int {
	if p.Number >= p.Count {
		return 0
	}
	return p.Number + 1
}

func (e *editor) mountPreview(h *rest.Host) {
	texts, err := words.New()
	if err != nil {
		panic(err) // the catalogue is part of the program
	}
	say := web.Words(texts.All()[0].T)
	rest.ServePage(h, rest.Op{
		Method: http.MethodGet, Path: editorPath + "/preview", ID: "page-preview", Summary: "The draft as a candidate would see it",
		Role: authn.Viewer, Trouble: e.showTrouble,
	}, func(w http.ResponseWriter, r *http.Request) error {
		a, err := e.assessment(r)
		if err != nil {
			return err
		}
		p, err := e.previewOf(r, a, say)
		if err != nil {
			return err
		}
		return e.preview.Write(w, r, http.StatusOK, p)
	})
}

func (e *editor) previewOf(r *http.Request, a assessments.Assessment, say web.Words) (*previewPage, error) {
	account, err := e.Accounts.Me(r.Context())
	if err != nil {
		return nil, err
	}
	back := "/app/assessments/" + a.ID.String()
	p := &previewPage{Theme: web.Theme(r), Title: a.Title, Employer: account.Employer.Name, Initials: web.Initials(account.Employer.Name),
		Path: back + "/preview", Back: back, Minutes: a.TimeLimitMinutes, Count: a.QuestionCount}
	n, err := strconv.Atoi(r.URL.Query().Get("n"))
	if err != nil || n < 1 {
		n = 1
	}
	p.Number = min(n, a.QuestionCount)
	if p.Number == 0 {
		return p, nil
	}
	one, err := e.Assessments.Questions(r.Context(), a.ID, assessments.QuestionCursor{Position: p.Number - 1}, 1)
	if err != nil || len(one) == 0 {
		return p, err
	}
	q := previewed(one[0]).Worded(say)
	p.Question, p.Back = &q, back+"?q="+q.ID.String()
	from := max(1, min(p.Number-maxNumbers/2, a.QuestionCount-maxNumbers+1))
	for i := from; i <= a.QuestionCount && i < from+maxNumbers; i++ {
		p.Numbers = append(p.Numbers, i)
	}
	return p, nil
}

// previewed leaves behind what candidates do not see.
func previewed(q assessments.Question) web.Question {
	shown := web.Question{ID: q.ID, Number: q.Position, Type: q.Type, Prompt: q.Prompt, Points: q.Points, CreditRule: q.CreditRule}
	for _, o := range q.Options {
		shown.Options = append(shown.Options, web.QuestionOption{ID: o.ID, Text: o.Text})
	}
	return shown
}
