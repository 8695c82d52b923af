package submissions

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/exact"
	"credlane/app/kit/fault"
	"credlane/app/kit/rest"
)

// mountResults puts the employer's half on the host.
func (m *Module) mountResults(h *rest.Host) {
	const tag = "Submissions"
	rest.Handle(h, rest.Op{
		Method: "GET", Path: "/api/v1/assessments/{id}/submissions", ID: "list-submissions", Tag: tag, Role: authn.Viewer,
		Summary: "List the submissions of an assessment",
		Description: "Filters add up. Submissions without a score sort below 0, those not handed in yet after all others; " +
			"equals follow in the order of their start. Highest scores come first unless `sort` says otherwise.",
		Faults: []*fault.Error{ErrAssessmentNotFound},
	}, m.handleList)
	rest.Handle(h, rest.Op{
		Method: "GET", Path: "/api/v1/submissions/{id}", ID: "get-submission", Tag: tag, Role: authn.Viewer,
		Summary:     "Get a submission in full",
		Description: "Every question as this candidate saw it, with answer, key and credit, and what was noted and decided.",
		Faults:      []*fault.Error{ErrSubmissionNotFound},
	}, m.handleGet)
	rest.Handle(h, rest.Op{
		Method: "PATCH", Path: "/api/v1/submissions/{id}", ID: "update-submission", Tag: tag, Role: authn.Recruiter,
		Summary: "Give extra time, or note, tag and decide",
		Description: "Send either `extraTimePercent` with its `reason`, or any of `note`, `tags` and `decision`. Extra time replaces " +
			"what was given before and moves the deadline to start + limit x (1 + percent/100); it can be lowered as long as the " +
			"new deadline is still to come. The reason, with who gave it and when, stays with the submission.",
		Faults: []*fault.Error{ErrSubmissionNotFound, ErrSubmissionClosed, ErrDeadlineInPast, ErrReason, ErrExtraTime,
			ErrInvalidJudgement, ErrMixedPatch},
	}, m.handlePatch)
	rest.Handle(h, rest.Op{
		Method: "DELETE", Path: "/api/v1/submissions/{id}", ID: "void-submission", Tag: tag, Role: authn.Admin, Status: 204,
		Summary: "Void a submission",
		Description: "It is kept whole, with who and why, but counts no longer; its token is dead and the candidate may start afresh. " +
			"The body holds the reason.",
		Faults: []*fault.Error{ErrSubmissionNotFound, ErrReason},
	}, m.handleVoid)
	m.mountSummary(h)
	m.mountExports(h)
}

// ErrMixedPatch is a PATCH of both kinds, or of none.
var ErrMixedPatch = fault.New(fault.Invalid, "mixed_change",
	"Send either extraTimePercent with its reason, or any of note, tags and decision.")

// FilterIn holds the filters of the list and of the exports.
type FilterIn struct {
	Status   string `query:"status" enum:"in_progress,submitted,expired" doc:"Only those of this status."`
	Passed   string `query:"passed" enum:"true,false" doc:"Only those who passed, or only those who did not."`
	Query    string `query:"q" maxLength:"200" doc:"Part of the name or the e-mail address, in any case." example:"lovelace"`
	Version  int    `query:"version" minimum:"1" doc:"Only those of this version."`
	Decision string `query:"decision" enum:"shortlist,hold,decline,none" doc:"Only those with this decision; none for those without one."`
	Tag      string `query:"tag" maxLength:"60" doc:"Only those with this tag."`
}

func (in FilterIn) filter() Filter {
	f := Filter{Status: Status(in.Status), Query: in.Query, Version: in.Version, Decision: in.Decision, Tag: in.Tag}
	if in.Passed != "" {
		f.Passed = optional(true)
		*f.Passed = in.Passed == "true"
	}
	return f
}

// Listed is a submission in a list.
type Listed struct {
	ID               uuid.UUID     `json:"id"`
	Candidate        CandidateName `json:"candidate"`
	Status           Status        `json:"status" enum:"in_progress,submitted,expired"`
	Version          int           `json:"version" doc:"The number of the assessment's version that was taken."`
	Score            *exact.Score  `json:"score" doc:"0 to 100, at most two decimals; null until it ends." example:"83.33"`
	PassingScore     exact.Score   `json:"passingScore" example:"60"`
	Passed           *bool         `json:"passed" doc:"Null until it ends."`
	Points           *exact.Points `json:"points" doc:"Null until it ends." example:"12.5"`
	PointsTotal      exact.Points  `json:"pointsTotal" example:"15"`
	StartedAt        time.Time     `json:"startedAt"`
	DeadlineAt       time.Time     `json:"deadlineAt"`
	SubmittedAt      *time.Time    `json:"submittedAt" doc:"When it was handed in, or its deadline when it expired; null until it ends."`
	TimeSpentSeconds *int64        `json:"timeSpentSeconds" doc:"From start to end, in whole seconds; null until it ends."`
	Decision         *string       `json:"decision" doc:"shortlist, hold or decline; null for none."`
	Tags             []string      `json:"tags"`
}

// CandidateName is who took the assessment, as they gave it.
type CandidateName struct {
	Name  string `json:"name" example:"Ada Lovelace"`
	Email string `json:"email" example:"ada@example.org"`
}

func listedOf(e Entry) Listed {
	l := Listed{
		ID: e.ID, Candidate: CandidateName{Name: e.Name, Email: e.Email}, Status: e.Status, Version: e.Version,
		Score: e.Score, PassingScore: e.PassingScore, Passed: e.Passed, Points: e.Points, PointsTotal: e.PointsTotal,
		StartedAt: e.StartedAt, DeadlineAt: e.DeadlineAt, SubmittedAt: e.SubmittedAt, Decision: e.Decision, Tags: e.Tags,
	}
	if spent := e.Spent(); spent != nil {
		seconds := int64(*spent / time.Second)
		l.TimeSpentSeconds = &seconds
	}
	return l
}

// EventSubmission is a submission as events tell of it.
type EventSubmission struct {
	Listed
	AssessmentID uuid.UUID  `json:"assessmentId"`
	InviteID     *uuid.UUID `json:"inviteId"`
}

// EventObject gives the employer's submission as events tell of it. Error: ErrSubmissionNotFound.
func (m *Module) EventObject(ctx context.Context, employerID, submissionID uuid.UUID) (any, error) {
	var o EventSubmission
	var e Entry
	err := m.DB.QueryRow(ctx, sqlEventObject, employerID, submissionID).Scan(append(e.targets(), &o.AssessmentID, &o.InviteID)...)
	if err != nil {
		return nil, fmt.Errorf("submission %s: %w", submissionID, absent(err))
	}
	e.utc()
	o.Listed = listedOf(e)
	return o, nil
}

type listIn struct {
	ID uuid.UUID `path:"id"`
	rest.PageIn
	FilterIn
	Sort string `query:"sort" enum:"score,-score,submittedAt,-submittedAt,name,-name,startedAt,-startedAt" default:"-score" doc:"The order; a leading - turns it round."`
}

type listOut struct {
	Body rest.Page[Listed]
}

func (m *Module) handleList(ctx context.Context, in *listIn) (*listOut, error) {
	entries, next, err := m.List(ctx, in.ID, in.filter(), Sort(in.Sort), in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	page := rest.Page[Listed]{Items: make([]Listed, len(entries)), NextCursor: next}
	for i, e := range entries {
		page.Items[i] = listedOf(e)
	}
	return &listOut{Body: page}, nil
}

// Full is a submission with everything that is known about it.
type Full struct {
	Listed
	AssessmentID     uuid.UUID      `json:"assessmentId"`
	VersionID        uuid.UUID      `json:"versionId"`
	ConsentAt        time.Time      `json:"consentAt"`
	NoticeVersion    int            `json:"noticeVersion" doc:"Of the privacy notice that the candidate consented to."`
	InviteID         *uuid.UUID     `json:"inviteId" doc:"Null for one that came by the public link."`
	AddressProved    bool           `json:"addressProved" doc:"The candidate showed that the e-mail address is theirs, by a personal link or a one-time code."`
	ExtraTimePercent int            `json:"extraTimePercent" doc:"Of the time limit."`
	ExtraTimes       []ExtraGiven   `json:"extraTimes" doc:"Who gave how much, when and why; the last one counts."`
	Note             string         `json:"note"`
	DecidedAt        *time.Time     `json:"decidedAt"`
	DecidedBy        *PersonName    `json:"decidedBy"`
	Questions        []FullQuestion `json:"questions" doc:"In the order in which the candidate saw them."`
}

// ExtraGiven is one change of the extra time.
type ExtraGiven struct {
	Percent int        `json:"extraTimePercent"`
	Reason  string     `json:"reason"`
	At      time.Time  `json:"at"`
	By      PersonName `json:"by"`
}

// PersonName is a member or an API key; the name is empty for one who is gone.
type PersonName struct {
	ID   uuid.UUID `json:"id"`
	Name string    `json:"name"`
}

// FullQuestion is one question with its key and what the candidate made of it.
type FullQuestion struct {
	ID          uuid.UUID       `json:"id"`
	Position    int             `json:"position" doc:"In this candidate's order, from 1."`
	Type        string          `json:"type" enum:"single_choice,multiple_choice,true_false,short_text,numeric"`
	Prompt      string          `json:"prompt" doc:"Markdown."`
	Options     []Option        `json:"options" doc:"In this candidate's order."`
	Points      exact.Points    `json:"points"`
	CreditRule  string          `json:"creditRule" enum:"exact,right_minus_wrong"`
	AnswerKey   json.RawMessage `json:"answerKey"`
	Explanation string          `json:"explanation"`
	Tags        []string        `json:"tags"`
	Difficulty  string          `json:"difficulty"`
	Answer      json.RawMessage `json:"answer" doc:"Null when it was not answered."`
	Sequence    int64           `json:"sequence"`
	Flagged     bool            `json:"flagged" doc:"The candidate marked it to come back to."`
	SavedAt     *time.Time      `json:"savedAt" doc:"Null when nothing was ever saved."`
	Credit      *CreditShare    `json:"credit" doc:"The share of the points earned; null until the submission ends."`
	Earned      *exact.Points   `json:"pointsEarned" doc:"The share as points, rounded to thousandths; null until the submission ends."`
}

// CreditShare is an exact share of a question's points, from 0 to 1; 2/3 has no decimal.
type CreditShare struct {
	Numerator   int64 `json:"numerator" example:"2"`
	Denominator int64 `json:"denominator" example:"3"`
}

func shareOf(f exact.Fraction) CreditShare { return CreditShare{Numerator: f.Num, Denominator: f.Den} }

type idIn struct {
	ID uuid.UUID `path:"id"`
}

type fullOut struct {
	Body Full
}

func (m *Module) handleGet(ctx context.Context, in *idIn) (*fullOut, error) {
	return m.full(ctx, in.ID)
}

func (m *Module) full(ctx context.Context, id uuid.UUID) (*fullOut, error) {
	r, err := m.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	f := Full{
		Listed: listedOf(r.Entry), AssessmentID: r.AssessmentID, VersionID: r.VersionID, ConsentAt: r.ConsentAt,
		NoticeVersion: r.NoticeVersion, InviteID: r.InviteID, AddressProved: r.AddressProved, ExtraTimePercent: r.ExtraTimePercent, Note: r.Note, DecidedAt: r.DecidedAt,
		ExtraTimes: make([]ExtraGiven, len(r.ExtraTimes)), Questions: make([]FullQuestion, len(r.Questions)),
	}
	if r.DecidedBy != nil {
		f.DecidedBy = &PersonName{ID: r.DecidedBy.ID, Name: r.DecidedBy.Name}
	}
	for i, x := range r.ExtraTimes {
		f.ExtraTimes[i] = ExtraGiven{Percent: x.Percent, Reason: x.Reason, At: x.At, By: PersonName{ID: x.By.ID, Name: x.By.Name}}
	}
	for i, a := range r.Questions {
		if f.Questions[i], err = fullQuestion(a, i+1); err != nil {
			return nil, err
		}
	}
	return &fullOut{Body: f}, nil
}

func fullQuestion(a Answered, position int) (FullQuestion, error) {
	key, err := json.Marshal(a.Key)
	if err != nil {
		return FullQuestion{}, err
	}
	q := FullQuestion{
		ID: a.ID, Position: position, Type: string(a.Type), Prompt: a.Prompt, Options: a.Options, Points: a.Points,
		CreditRule: string(a.CreditRule), AnswerKey: key, Explanation: a.Explanation, Tags: a.Tags, Difficulty: a.Difficulty,
		Answer: a.Answer, Sequence: a.Sequence, Flagged: a.Flagged, SavedAt: a.SavedAt, Earned: a.Earned,
	}
	if a.Credit != nil {
		share := shareOf(*a.Credit)
		q.Credit = &share
	}
	return q, nil
}

type patchIn struct {
	ID   uuid.UUID `path:"id"`
	Body struct {
		ExtraTimePercent *int                  `json:"extraTimePercent,omitempty" minimum:"0" maximum:"300" doc:"Of the time limit, in all."`
		Reason           *string               `json:"reason,omitempty" maxLength:"1000" doc:"Why; required with extraTimePercent."`
		Note             *string               `json:"note,omitempty" maxLength:"10000"`
		Tags             *[]string             `json:"tags,omitempty" maxItems:"20"`
		Decision         rest.Optional[string] `json:"decision,omitzero" doc:"shortlist, hold or decline; null takes the decision back."`
	}
}

func (m *Module) handlePatch(ctx context.Context, in *patchIn) (*fullOut, error) {
	if err := rest.Turn(ctx); err != nil { // before anything is changed, whatever the answer's size
		return nil, err
	}
	b := in.Body
	timed := b.ExtraTimePercent != nil || b.Reason != nil
	judged := b.Note != nil || b.Tags != nil || b.Decision.Set
	if timed == judged {
		return nil, ErrMixedPatch
	}
	if timed {
		if b.ExtraTimePercent == nil {
			return nil, ErrMixedPatch.WithFields(fault.Field{Location: "body.extraTimePercent", Message: "This is required with reason."})
		}
		if err := m.GiveTime(ctx, in.ID, *b.ExtraTimePercent, valueOf(b.Reason)); err != nil {
			return nil, err
		}
		return m.full(ctx, in.ID)
	}
	j := Judgement{Note: b.Note, Tags: b.Tags, Undecide: b.Decision.Null}
	if b.Decision.Set && !b.Decision.Null {
		j.Decision = &b.Decision.Value
	}
	if err := m.Judge(ctx, in.ID, j); err != nil {
		return nil, err
	}
	return m.full(ctx, in.ID)
}

type voidIn struct {
	ID   uuid.UUID `path:"id"`
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"1000" doc:"Why; kept with the submission." example:"Took it twice by mistake."`
	}
}

func (m *Module) handleVoid(ctx context.Context, in *voidIn) (*struct{}, error) {
	return nil, m.Void(ctx, in.ID, in.Body.Reason)
}
