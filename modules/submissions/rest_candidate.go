package submissions

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/exact"
	"credlane/app/kit/fault"
	"credlane/app/kit/question"
	"credlane/app/kit/rest"
	"credlane/modules/submissions/internal/booklet"
)

const candidateTag = "Taking an assessment"

// sessionFaults are those of every operation that a submission token opens.
var sessionFaults = []*fault.Error{ErrSessionTaken}

func (m *Module) mountCandidate(h *rest.Host) {
	rest.Handle(h, rest.Op{
		Method: http.MethodPost, Path: "/api/v1/public/assessments/{slug}/submissions", ID: "start-submission",
		Summary: "Start an assessment by its public link", Tag: candidateTag, Access: rest.Public,
		Status: http.StatusCreated, Also: http.StatusOK,
		Description: "Starts the one attempt of an address and gives its submission token, with 201. A second start is refused and " +
			"tells nothing of the first, unless a right `code` proves the address: then it resumes the attempt, with 200, and the " +
			"device before is told that its session is taken.",
		Faults: append([]*fault.Error{ErrAlreadyStarted, ErrUnsettled, ErrConsent, ErrCandidate, ErrEmailCode, ErrCodeWrong, ErrCodeSpent, rest.ErrTooMany},
			m.OpeningFaults...),
	}, m.startByLink)
	rest.Handle(h, rest.Op{
		Method: http.MethodGet, Path: "/api/v1/public/submission", ID: "get-own-submission",
		Summary: "Read one's attempt: questions, answers so far, server time and deadline", Tag: candidateTag,
		Access: rest.Candidate, Faults: sessionFaults,
	}, m.readOwn)
	rest.Handle(h, rest.Op{
		Method: http.MethodPut, Path: "/api/v1/public/submission/answers/{questionId}", ID: "save-answer",
		Summary: "Save an answer", Tag: candidateTag, Access: rest.Candidate,
		Description: "What is answered with 200 is kept. A repeat is harmless; an equal or lower sequence number with another " +
			"answer changes nothing and gets what is kept; without a number the next one is taken.",
		Faults: []*fault.Error{ErrSessionTaken, ErrQuestionNotFound, ErrInvalidAnswer, ErrDeadlinePassed, ErrSubmissionClosed},
	}, m.saveOwn)
	rest.Handle(h, rest.Op{
		Method: http.MethodPost, Path: "/api/v1/public/submission/submit", ID: "submit-submission",
		Summary: "Hand in", Tag: candidateTag, Access: rest.Candidate,
		Description: "Ends the attempt and scores what was saved. The refusals carry the receipt as `submission`, so that a " +
			"client may treat them as done.",
		Faults: []*fault.Error{ErrSessionTaken, ErrDeadlinePassed, ErrAlreadySubmitted},
	}, m.submitOwn)
	rest.Handle(h, rest.Op{
		Method: http.MethodGet, Path: "/api/v1/public/submission/result", ID: "get-own-result",
		Summary: "Read one's result, as far as it is released", Tag: candidateTag, Access: rest.Candidate, Faults: sessionFaults,
	}, m.readOutcome)
	rest.Handle(h, rest.Op{
		Method: http.MethodGet, Path: "/api/v1/public/submission/data", ID: "get-own-data",
		Summary: "Read everything kept about oneself in this attempt", Tag: candidateTag, Access: rest.Candidate, Faults: sessionFaults,
	}, m.readDossier)
}

// CandidateQuestion is the whole of what a candidate sees of a question. The booklet writes it; this type is its document.
type CandidateQuestion struct {
	ID         uuid.UUID           `json:"id"`
	Position   int                 `json:"position" doc:"The place in this candidate's order, from 1."`
	Type       question.Type       `json:"type" enum:"single_choice,multiple_choice,true_false,short_text,numeric"`
	Prompt     string              `json:"prompt" doc:"Markdown."`
	Options    []booklet.Option    `json:"options"`
	Points     exact.Points        `json:"points"`
	CreditRule question.CreditRule `json:"creditRule" enum:"exact,right_minus_wrong"`
}

type coverWire struct {
	Title            string `json:"title"`
	TimeLimitMinutes int    `json:"timeLimitMinutes" doc:"Without extra time."`
	ExtraTimePercent int    `json:"extraTimePercent"`
}

// SittingWire and startedWire are documents too: appendSitting writes them.
type SittingWire struct {
	Submission Receipt             `json:"submission"`
	Assessment coverWire           `json:"assessment"`
	ServerNow  time.Time           `json:"serverNow"`
	Questions  []CandidateQuestion `json:"questions"`
	Answers    []Answer            `json:"answers"`
}

type startedWire struct {
	SubmissionToken string `json:"submissionToken" doc:"Send it as \"Authorization: Bearer\" to the operations under /public/submission."`
	SittingWire
}

type startIn struct {
	Slug string `path:"slug" maxLength:"100" doc:"The last part of the public link."`
	Body struct {
		Name    string `json:"name" maxLength:"200" example:"Ada Lovelace"`
		Email   string `json:"email" maxLength:"254" example:"ada@example.org"`
		Consent bool   `json:"consent" doc:"Agreement to the privacy notice; nothing starts without it."`
		Code    string `json:"code,omitempty" maxLength:"20" doc:"The one-time code, where the assessment asks for one or the address has started already."`
	}
}

func (in *startIn) start() Start {
	b := in.Body
	return Start{Slug: in.Slug, Name: b.Name, Email: b.Email, Consent: b.Consent, Code: b.Code}
}

// Check gives what starting would have against the body.
func (in *startIn) Check() error { return in.start().tidy().check() }

type startOut struct {
	Status int
	Body   rest.RawOf[startedWire]
}

func (m *Module) startByLink(ctx context.Context, in *startIn) (*startOut, error) {
	if err := m.Limiter.Take(ctx, "public_start", rest.ClientNetwork(ctx), m.StartLimit); err != nil {
		return nil, err
	}
	token, s, err := m.Start(ctx, in.start())
	if err != nil {
		return nil, err
	}
	return startedOut(token, s)
}

// startedOut is the answer to a start: 201, or 200 for what was resumed.
func startedOut(token string, s Sitting) (*startOut, error) {
	out := &startOut{Status: http.StatusCreated}
	if s.Resumed {
		out.Status = http.StatusOK
	}
	// A token is made of base64url and dots, which JSON takes as they are.
	lent := rest.Lend()
	body := append(append(append(lent.Bytes(), `{"submissionToken":"`...), token...), `",`...)
	body, err := appendSitting(body, s)
	if err != nil {
		return nil, err
	}
	out.Body = rest.RawOf[startedWire]{JSON: body, Lent: lent}
	return out, nil
}

type ownOut struct {
	Body rest.RawOf[SittingWire]
}

func (m *Module) readOwn(ctx context.Context, _ *struct{}) (*ownOut, error) {
	s, err := m.Sitting(ctx)
	if err != nil {
		return nil, err
	}
	if err := turnFor(ctx, s.booklet); err != nil {
		return nil, err
	}
	lent := rest.Lend()
	body, err := appendSitting(append(lent.Bytes(), '{'), s)
	if err != nil {
		return nil, err
	}
	return &ownOut{rest.RawOf[SittingWire]{JSON: body, Lent: lent}}, nil
}

// largePaper is one that few may have assembled at once, in bytes; hundreds of questions are less.
const largePaper = 1 << 20

// turnFor waits for the request's turn to answer with a large paper.
func turnFor(ctx context.Context, b *booklet.Booklet) error {
	if b.Size() <= largePaper {
		return nil
	}
	return rest.Turn(ctx)
}

// appendSitting writes the members of a sitting and closes the object. The questions are bytes already; encoding them anew
// for every candidate would be most of the work of a request.
func appendSitting(b []byte, s Sitting) ([]byte, error) {
	title, err := json.Marshal(s.Title)
	if err != nil {
		return nil, err
	}
	size := headSize + len(title) + s.booklet.Size()
	for _, a := range s.Answers {
		size += answerSize + len(a.Answer)
	}
	b = s.Receipt.append(append(slices.Grow(b, size), `"submission":`...))
	b = append(append(b, `,"assessment":{"title":`...), title...)
	b = strconv.AppendInt(append(b, `,"timeLimitMinutes":`...), int64(s.TimeLimit/time.Minute), 10)
	b = strconv.AppendInt(append(b, `,"extraTimePercent":`...), int64(s.ExtraTimePercent), 10)
	b = appendTime(append(b, `},"serverNow":`...), s.Now)
	b = append(b, `,"questions":`...)
	if b, err = s.booklet.AppendQuestions(b, s.layout); err != nil {
		return nil, err
	}
	b = append(b, `,"answers":[`...)
	for i, a := range s.Answers {
		if i > 0 {
			b = append(b, ',')
		}
		b = a.append(b)
	}
	return append(b, ']', '}'), nil
}

// What a sitting takes beside its title, questions and answers, and an answer beside itself, in bytes: enough that the body
// is assembled in one piece of memory.
const (
	headSize   = 512
	answerSize = 160
)

// append writes a receipt as its tags say.
func (r Receipt) append(b []byte) []byte {
	b = appendID(append(b, `{"id":`...), r.ID)
	b = append(append(append(b, `,"status":"`...), r.Status...), '"') // one of three words
	b = appendTime(append(b, `,"startedAt":`...), r.StartedAt)
	b = appendTime(append(b, `,"deadlineAt":`...), r.DeadlineAt)
	b = append(b, `,"submittedAt":`...)
	if r.SubmittedAt == nil {
		return append(b, "null}"...)
	}
	return append(appendTime(b, *r.SubmittedAt), '}')
}

// append writes an answer as its tags say.
func (a Answer) append(b []byte) []byte {
	b = appendID(append(b, `{"questionId":`...), a.QuestionID)
	b = append(append(b, `,"answer":`...), a.Answer...)
	b = strconv.AppendInt(append(b, `,"sequence":`...), a.Sequence, 10)
	b = strconv.AppendBool(append(b, `,"flagged":`...), a.Flagged)
	return append(appendTime(append(b, `,"savedAt":`...), a.SavedAt), '}')
}

func appendID(b []byte, id uuid.UUID) []byte {
	return append(append(append(b, '"'), id.String()...), '"')
}

func appendTime(b []byte, t time.Time) []byte {
	return append(t.AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
}

type saveIn struct {
	QuestionID uuid.UUID `path:"questionId"`
	Body       struct {
		Answer json.RawMessage `json:"answer" doc:"By the question's type: an option's id, a list of options' ids, true or false, a text, or a number as text. null clears the answer."`
		// The bound is that of exact integers in JavaScript.
		Sequence *int64 `json:"sequence,omitempty" minimum:"0" maximum:"9007199254740991" doc:"Counts this candidate's changes of this answer."`
		Flagged  *bool  `json:"flagged,omitempty" doc:"Marked by the candidate to look at again; absent leaves it."`
	}
}

type saveOut struct {
	Body Saved
}

func (m *Module) saveOwn(ctx context.Context, in *saveIn) (*saveOut, error) {
	saved, err := m.Save(ctx, Save{
		QuestionID: in.QuestionID, Answer: in.Body.Answer, Sequence: in.Body.Sequence, Flagged: in.Body.Flagged,
	})
	if err != nil {
		return nil, err
	}
	return &saveOut{saved}, nil
}

type submitOut struct {
	Body struct {
		Submission Receipt   `json:"submission"`
		ServerNow  time.Time `json:"serverNow"`
	}
}

func (m *Module) submitOwn(ctx context.Context, _ *struct{}) (*submitOut, error) {
	receipt, err := m.Submit(ctx)
	if err != nil {
		return nil, err
	}
	out := &submitOut{}
	out.Body.Submission, out.Body.ServerNow = receipt, m.Clock.Now()
	return out, nil
}

type outcomeWire struct {
	Released    bool           `json:"released"`
	Release     Disclosure     `json:"release,omitempty" enum:"passed,score,review" doc:"How much is released."`
	Passed      *bool          `json:"passed,omitempty"`
	Score       *exact.Score   `json:"score,omitempty"`
	Points      *exact.Points  `json:"points,omitempty"`
	PointsTotal *exact.Points  `json:"pointsTotal,omitempty"`
	Questions   []reviewedWire `json:"questions,omitempty"`
}

type reviewedWire struct {
	CandidateQuestion
	Answer      json.RawMessage `json:"answer"`
	Credit      CreditShare     `json:"credit"`
	Earned      exact.Points    `json:"pointsEarned" doc:"Credit times points, rounded to thousandths."`
	AnswerKey   question.Key    `json:"answerKey"`
	Explanation string          `json:"explanation"`
}

type outcomeOut struct {
	Body outcomeWire
}

func (m *Module) readOutcome(ctx context.Context, _ *struct{}) (*outcomeOut, error) {
	o, err := m.Outcome(ctx)
	if err != nil {
		return nil, err
	}
	return &outcomeOut{o.wire()}, nil
}

// wire shows what the disclosure names and nothing above it.
func (o Outcome) wire() outcomeWire {
	if !o.Released {
		return outcomeWire{}
	}
	w := outcomeWire{Released: true, Release: o.Disclosure, Passed: &o.Score.Passed}
	if o.Disclosure == DiscloseScore || o.Disclosure == DiscloseReview {
		w.Score, w.Points, w.PointsTotal = &o.Score.Score, &o.Score.Points, &o.Score.PointsTotal
	}
	if o.Disclosure != DiscloseReview {
		return w
	}
	for i, q := range o.Questions {
		options := make([]booklet.Option, len(q.Options))
		for j, option := range q.Options {
			options[j] = booklet.Option(option)
		}
		w.Questions = append(w.Questions, reviewedWire{
			CandidateQuestion: CandidateQuestion{q.ID, i + 1, q.Type, q.Prompt, options, q.Points, orExact(q.CreditRule)},
			Answer:            q.Answer, Credit: shareOf(q.Credit), Earned: q.Earned, AnswerKey: q.Key, Explanation: q.Explanation,
		})
	}
	return w
}

func orExact(r question.CreditRule) question.CreditRule {
	if r == "" {
		return question.Exact
	}
	return r
}

type dossierWire struct {
	ExportedAt time.Time    `json:"exportedAt"`
	Candidate  PersonalData `json:"candidate"`
	Submission Receipt      `json:"submission"`
	Assessment coverWire    `json:"assessment"`
	Answers    []Answer     `json:"answers"`
	Result     outcomeWire  `json:"result" doc:"As far as it is released."`
}

type dossierOut struct {
	Body dossierWire
}

func (m *Module) readDossier(ctx context.Context, _ *struct{}) (*dossierOut, error) {
	d, err := m.Dossier(ctx)
	if err != nil {
		return nil, err
	}
	s := d.Sitting
	return &dossierOut{dossierWire{
		ExportedAt: s.Now, Candidate: d.Person, Submission: s.Receipt,
		Assessment: coverWire{s.Title, int(s.TimeLimit / time.Minute), s.ExtraTimePercent},
		Answers:    s.Answers, Result: d.Outcome.wire(),
	}}, nil
}
