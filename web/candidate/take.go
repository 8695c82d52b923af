package candidate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/fault"
	"credlane/app/kit/rest"
	"credlane/modules/submissions"
	"credlane/web"
	"credlane/web/words"
)

// The addresses of the test.
const (
	takePath   = "/take"
	finishPath = "/take/finish"
	resultPath = "/take/result"
)

// largePaper is, in bytes, what few may have assembled at once.
const largePaper = 1 << 20

// taking is the test itself. One page holds all questions as one form, with the answers so far; the script shows one at a time and
// saves by itself, and without it the form is saved by its button.
type taking struct {
	*Candidate
	sheets *sheets
	spoken map[*words.Locale]*spokenTake
}

// spokenTake is what the page needs in one language.
type spokenTake struct {
	locale *words.Locale
	tpl    *web.Template
	shells map[string][]piece // the page around the questions, by theme
	nav    [4][]piece         // an entry of the list of questions, by answered and flagged
}

func (c *Candidate) mountTake(h *rest.Host) {
	t := &taking{Candidate: c, sheets: newSheets(), spoken: map[*words.Locale]*spokenTake{}}
	for _, l := range c.words.All() {
		t.spoken[l] = t.speak(l)
	}
	rest.ServePage(h, rest.Op{
		Method: http.MethodGet, Path: takePath, ID: "take-page", Summary: "The test", Access: rest.Candidate, Trouble: t.refused,
	}, t.show)
	rest.ServePage(h, rest.Op{
		Method: http.MethodPost, Path: takePath, ID: "take-save", Summary: "Save the answers of the form", Access: rest.Candidate,
		MaxBody: maxForm, MaxValues: maxFields, Timeout: formTime, Trouble: t.refused,
	}, t.save)
	rest.ServePage(h, rest.Op{
		Method: http.MethodGet, Path: "/take/state", ID: "take-state", Summary: "How the attempt stands", Access: rest.Candidate,
		Trouble: refusedState,
	}, t.state)
	rest.ServePage(h, rest.Op{
		Method: http.MethodGet, Path: "/take/worker.js", ID: "take-worker", Summary: "What opens the test without a network",
		Access: rest.Public, Trouble: c.troubled,
	}, t.worker)
}

// speak makes what a language needs. Mistakes panic: they are seen at boot and in every test.
func (t *taking) speak(l *words.Locale) *spokenTake {
	s := &spokenTake{locale: l, tpl: t.Pages.TemplateWith(l.Funcs(), "candidate/take.html"), shells: map[string][]piece{}}
	for i := range s.nav {
		s.nav[i] = s.cut("take-nav", map[string]any{"Number": place(slotNumber), "Answered": i&navAnswered != 0, "Flagged": i&navFlagged != 0})
	}
	texts, err := json.Marshal(l.Under("run"))
	if err != nil {
		panic(fmt.Sprintf("candidate: %v", err))
	}
	for _, theme := range []string{"", "light", "dark"} {
		s.shells[theme] = s.cut("page", takePage{
			Locale: l, Theme: theme, Title: place(slotTitle), Answered: place(slotAnswered), Left: place(slotLeft), Until: place(slotUntil),
			Plain: place(slotPlain), Lane: template.HTML(place(slotLane)), Notice: template.HTML(place(slotNotice)), Was: place(slotWas),
			Questions: template.HTML(place(slotQuestions)), Nav: template.HTML(place(slotNav)), Share: place(slotShare),
			Start: template.JS(place(slotStart)), Words: template.JS(texts),
		})
	}
	return s
}

const pageMark = "mark-"

func place(s slot) string { return pageMark + string(s) }

// cut renders a block with places in it and cuts it there.
func (s *spokenTake) cut(block string, data any) []piece {
	var buf bytes.Buffer
	if err := s.tpl.Execute(&buf, block, data); err != nil {
		panic(fmt.Sprintf("candidate: %v", err))
	}
	return cut(buf.String(), pageMark)
}

const (
	navAnswered = 1
	navFlagged  = 2
)

// takePage is the data of the page's template, which is rendered once with places for all that differs.
type takePage struct {
	Locale                              *words.Locale
	Theme                               string
	Title, Answered, Left, Until, Plain string
	Was                                 string // what each field of the form held, see print
	Share                               string // "5/24"
	Lane, Notice, Questions, Nav        template.HTML
	Start, Words                        template.JS
}

// formReport is what became of a form; bad when that needs doing something.
type formReport struct {
	Text string
	Bad  bool
}

// start is what the script begins with.
type start struct {
	ID         uuid.UUID            `json:"id"`
	StartedAt  time.Time            `json:"startedAt"`
	DeadlineAt time.Time            `json:"deadlineAt"`
	ServerNow  time.Time            `json:"serverNow"`
	Minutes    int                  `json:"minutes"` // of the limit, without extra time
	Answers    []submissions.Answer `json:"answers"`
	Keep       []string             `json:"keep"` // what the page is made of, to open it without a network
}

// show answers with the test, or sends on whoever has handed it in.
func (t *taking) show(w http.ResponseWriter, r *http.Request) error {
	s, err := t.Submissions.Sitting(r.Context())
	if err != nil {
		return err
	}
	if s.Receipt.Status != submissions.InProgress {
		return rest.Redirect(w, r, resultPath)
	}
	var n formReport
	if saved, err := strconv.Atoi(r.URL.Query().Get("saved")); err == nil && saved >= 0 && saved <= s.Paper().Len() {
		n.Text = t.words.For(r).T("take.notice_saved", "n", saved)
		if saved == 0 {
			n.Text = t.words.For(r).T("take.notice_same")
		}
	}
	return t.write(w, r, http.StatusOK, s, n, nil)
}

// write answers with the page of s; form holds what could not be taken, by question.
func (t *taking) write(w http.ResponseWriter, r *http.Request, status int, s submissions.Sitting, n formReport, form map[uuid.UUID]given) error {
	paper := s.Paper()
	if paper.Size() > largePaper {
		if err := rest.Turn(r.Context()); err != nil {
			return err
		}
	}
	spoken := t.spoken[t.words.For(r)]
	sheet, err := t.sheets.get(sheetKey{paper.ID, spoken.locale.Tag}, func() (*sheet, error) { return newSheet(paper, spoken.locale.T, spoken.tpl) })
	if err != nil {
		return err
	}
	own, err := t.ownOf(s, sheet, form)
	if err != nil {
		return err
	}
	buf := pageBuffers.Get().(*[]byte)
	page, err := own.append((*buf)[:0], spoken, web.Theme(r), n)
	if err != nil {
		return err
	}
	secretAddress(w)
	err = web.WriteHTML(w, r, status, page)
	if cap(page) <= maxPageBuffer {
		*buf = page
		pageBuffers.Put(buf)
	}
	return err
}

// pageBuffers are what pages are put together in. The garbage collector empties it, so it holds no more than was in use a moment ago.
var pageBuffers = sync.Pool{New: func() any { return new([]byte) }}

const maxPageBuffer = 1 << 20

// keep lists the assets that the page needs without a network.
func (t *taking) keep() []string {
	var list []string
	for _, name := range []string{"candidate.css", "take.js", "icons.svg"} {
		if url := t.Pages.Asset(name); url != "" {
			list = append(list, url)
		}
	}
	return list
}

// refused says why there is no test to show. An ended one is on its result's page.
func (t *taking) refused(w http.ResponseWriter, r *http.Request, f *fault.Error, requestID string) error {
	switch f.Code {
	case submissions.ErrDeadlinePassed.Code, submissions.ErrSubmissionClosed.Code, submissions.ErrAlreadySubmitted.Code:
		return rest.Redirect(w, r, resultPath)
	case submissions.ErrSessionTaken.Code:
		v := t.view(r)
		v.Title = v.Locale.T("take.taken_title")
		secretAddress(w)
		return t.spoken[v.Locale].tpl.Part(w, r, http.StatusConflict, "taken", v)
	}
	return t.troubled(w, r, f, requestID)
}

// stateNow is what the script asks for again and again: no question and, unless it asks, no answer.
type stateNow struct {
	Submission submissions.Receipt  `json:"submission"`
	ServerNow  time.Time            `json:"serverNow"`
	Answers    []submissions.Answer `json:"answers,omitempty"`
}

func (t *taking) state(w http.ResponseWriter, r *http.Request) error {
	s, err := t.Submissions.Sitting(r.Context())
	if err != nil {
		return err
	}
	now := stateNow{Submission: s.Receipt, ServerNow: s.Now.UTC()}
	if r.URL.Query().Has("answers") {
		now.Answers = s.Answers
	}
	return writeJSON(w, http.StatusOK, now)
}

// refusedState words a refusal as the API does, as far as the script reads it.
func refusedState(w http.ResponseWriter, _ *http.Request, f *fault.Error, requestID string) error {
	status := http.StatusServiceUnavailable
	switch f.Kind {
	case fault.Unauthenticated:
		status = http.StatusUnauthorized
	case fault.Conflict:
		status = http.StatusConflict
	}
	return writeJSON(w, status, struct {
		Code      string `json:"code"`
		RequestID string `json:"requestId"`
	}{f.Code, requestID})
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, err = w.Write(body)
	return err
}

// worker serves the service worker: its address is for ever the same, so it is asked for anew each time.
func (t *taking) worker(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Service-Worker-Allowed", takePath)
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; connect-src 'self'")
	return t.Pages.Worker(w, r, "worker.js")
}
