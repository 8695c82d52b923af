package submissions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/address"
	"credlane/app/kit/audit"
	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
	"credlane/app/kit/question"
	"credlane/app/kit/rest"
	"credlane/modules/submissions/internal/booklet"
)

// tokenLife is how long after the deadline a submission token still reads the receipt, the result and the data.
const tokenLife = 180 * 24 * time.Hour

// Limits of who a candidate says to be, in characters; the schema has the same.
const (
	maxName  = 200
	maxEmail = 254
)

// Start is what somebody sends to begin by the public link.
type Start struct {
	Slug    string
	Name    string
	Email   string
	Consent bool
	Code    string // the one-time code, where the assessment asks for one
}

// Receipt is what a candidate may always know of a submission.
type Receipt struct {
	ID          uuid.UUID  `json:"id"`
	Status      Status     `json:"status" enum:"in_progress,submitted,expired"`
	StartedAt   time.Time  `json:"startedAt"`
	DeadlineAt  time.Time  `json:"deadlineAt"`
	SubmittedAt *time.Time `json:"submittedAt"`
}

func (a attempt) receipt() Receipt {
	r := Receipt{ID: a.ID, Status: a.Status, StartedAt: a.StartedAt.UTC(), DeadlineAt: a.DeadlineAt.UTC()}
	if a.SubmittedAt != nil {
		at := a.SubmittedAt.UTC()
		r.SubmittedAt = &at
	}
	return r
}

// Sitting is a candidate's attempt with its questions and answers, as they stand at Now.
type Sitting struct {
	Receipt          Receipt
	Title            string
	TimeLimit        time.Duration
	ExtraTimePercent int
	Answers          []Answer
	Now              time.Time
	Resumed          bool // it had begun before: its candidate came back with a proof of the address

	version uuid.UUID
	booklet *booklet.Booklet
	layout  booklet.Layout
}

// Answer is one answer so far, as its candidate sees it.
type Answer struct {
	QuestionID uuid.UUID       `json:"questionId"`
	Answer     json.RawMessage `json:"answer"` // null when cleared
	Sequence   int64           `json:"sequence"`
	Flagged    bool            `json:"flagged"`
	SavedAt    time.Time       `json:"savedAt"`
}

func (m *Module) sitting(a attempt, v *version, answers []storedAnswer, now time.Time) Sitting {
	s := Sitting{
		Receipt: a.receipt(), Title: v.booklet.Title, TimeLimit: v.booklet.TimeLimit,
		ExtraTimePercent: a.ExtraTimePercent, Answers: make([]Answer, len(answers)), Now: now,
		version: v.id, booklet: v.booklet, layout: a.Layout,
	}
	for i, saved := range answers {
		s.Answers[i] = Answer{
			QuestionID: saved.QuestionID, Answer: jsonOrNull(saved.Answer), Sequence: saved.Sequence, Flagged: saved.Flagged,
			SavedAt: saved.SavedAt.UTC(),
		}
	}
	return s
}

func jsonOrNull(answer []byte) json.RawMessage {
	if answer == nil {
		return json.RawMessage("null")
	}
	return answer
}

// Start begins the one attempt of an address at an assessment and gives its token; with a right code it resumes one that has
// begun. Faults: those of Openings, ErrConsent, ErrCandidate, ErrEmailCode, ErrCodeWrong, ErrCodeSpent, and without a code
// ErrAlreadyStarted, which tells nothing of the attempt that exists.
func (m *Module) Start(ctx context.Context, in Start) (token string, s Sitting, err error) {
	in = in.tidy()
	if err := in.check(); err != nil {
		return "", Sitting{}, err
	}
	opening, err := m.Openings.Opening(ctx, in.Slug)
	if in.Code != "" && m.Mail != nil {
		return m.startByCode(ctx, in, opening, err)
	}
	if err != nil {
		return "", Sitting{}, err
	}
	if opening.RequireEmailCode {
		return "", Sitting{}, ErrEmailCode
	}
	v, err := m.paperOf(ctx, opening)
	if err != nil {
		return "", Sitting{}, err
	}
	a := m.draw(v, m.Clock.Now(), 0)
	a.Name, a.Email = in.Name, in.Email
	event := m.event(ctx, a, eventStarted, audit.Actor{Kind: "candidate", ID: a.ID}, a.StartedAt)
	err = m.DB.InBatch(ctx, func(b *pgx.Batch) error { return m.queueStart(ctx, b, opening, v, a, event) })
	if err != nil {
		return "", Sitting{}, fmt.Errorf("start: %w", constraints.Translate(err))
	}
	return m.begun(ctx, a, v)
}

// paperOf gives the version that an opening starts, when it is the caller's turn: nothing is done yet.
func (m *Module) paperOf(ctx context.Context, o Opening) (*version, error) {
	v, err := m.versions.get(ctx, o.VersionID)
	if err != nil {
		return nil, err
	}
	return v, turnFor(ctx, v.booklet)
}

// draw makes an attempt at a version that starts at now.
func (m *Module) draw(v *version, now time.Time, extraTimePercent int) attempt {
	return attempt{
		ID: m.IDs.ID(), EmployerID: v.employer, AssessmentID: v.assessment, VersionID: v.id,
		Layout: v.booklet.Draw(m.IDs), SessionNumber: 1, Status: InProgress, ExtraTimePercent: extraTimePercent,
		StartedAt: now, DeadlineAt: deadlineWith(now, v.booklet.TimeLimit, extraTimePercent),
	}
}

// queueStart lets the unique constraint decide who was first; everything of the loser goes with its transaction.
func (m *Module) queueStart(ctx context.Context, b *pgx.Batch, o Opening, v *version, a attempt, event audit.Event) error {
	kept, err := m.Candidates.QueueCandidate(b, a.Email, a.Name)
	if err != nil {
		return err
	}
	b.Queue(sqlInsertSubmission, a.ID, a.EmployerID, a.AssessmentID, a.VersionID, kept, a.Name, a.Email, a.StartedAt,
		o.NoticeVersion, a.Layout, a.DeadlineAt, v.marking.paper.Possible(), v.marking.source.PassingScore,
		a.ExtraTimePercent, a.InviteID, a.AddressProved)
	if m.Events != nil {
		if err := m.Events.Queue(b, a.EmployerID, a.ID, a.StartedAt, eventStarted); err != nil {
			return err
		}
	}
	return audit.Queue(ctx, b, event)
}

// begun gives the token of an attempt that has just begun.
func (m *Module) begun(ctx context.Context, a attempt, v *version) (token string, s Sitting, err error) {
	token, err = m.token(ctx, a)
	if err != nil {
		return "", Sitting{}, fmt.Errorf("start: %w", err)
	}
	m.Counters.SubmissionStarted()
	return token, m.sitting(a, v, nil, a.StartedAt), nil
}

// token opens the attempt in its latest session.
func (m *Module) token(ctx context.Context, a attempt) (string, error) {
	return m.Tokens.Candidate(ctx, authn.Principal{
		Kind: authn.Candidate, SubmissionID: a.ID, VersionID: a.VersionID, AssessmentID: a.AssessmentID,
		SessionNumber: a.SessionNumber,
	}, a.DeadlineAt.Add(tokenLife))
}

func (in Start) tidy() Start {
	in.Name = strings.TrimSpace(in.Name)
	in.Email, _ = address.Email(in.Email) // as the user will have it, so that it is found again
	in.Code = strings.ReplaceAll(strings.TrimSpace(in.Code), " ", "")
	return in
}

var badAddress = fault.Field{Location: "body.email", Message: "Give an e-mail address such as ada@example.org."}

// check gives every reason why nobody can start like this.
func (in Start) check() error {
	var fields []fault.Field
	if n := utf8.RuneCountInString(in.Name); n == 0 || n > maxName {
		fields = append(fields, fault.Field{Location: "body.name", Message: fmt.Sprintf("Give your name in at most %d characters.", maxName)})
	}
	if _, ok := address.Email(in.Email); !ok {
		fields = append(fields, badAddress)
	}
	consent := fault.Field{Location: "body.consent", Message: "Agree to the privacy notice to start."}
	switch {
	case len(fields) > 0 && !in.Consent:
		return ErrCandidate.WithFields(append(fields, consent)...)
	case len(fields) > 0:
		return ErrCandidate.WithFields(fields...)
	case !in.Consent:
		return ErrConsent.WithFields(consent)
	}
	return nil
}

// Sitting gives the caller's attempt. Faults: ErrUnauthenticated when it was voided, ErrSessionTaken.
func (m *Module) Sitting(ctx context.Context) (Sitting, error) {
	now := m.Clock.Now()
	a, answers, v, err := m.touch(ctx, now)
	if err != nil {
		return Sitting{}, err
	}
	return m.sitting(a, v, answers, now), nil
}

// touch is the first statement of every candidate's use case but save and submit, which do the same in theirs: it reads the
// attempt, checks the token's session against it, and ends it first when it is overdue.
func (m *Module) touch(ctx context.Context, now time.Time) (attempt, []storedAnswer, *version, error) {
	p := authn.From(ctx)
	for {
		a, answers, err := m.readAttempt(ctx, p.SubmissionID)
		if err == nil {
			err = a.admit(p)
		}
		if err != nil {
			return attempt{}, nil, nil, err
		}
		if a.Status != InProgress || !a.overdue(now) {
			v, err := m.versions.get(ctx, a.VersionID)
			return a, answers, v, err
		}
		if _, err := m.expireOverdue(ctx, a.ID, a.VersionID, now); err != nil {
			return attempt{}, nil, nil, err
		}
	}
}

// admit checks what the guard could not: whether the token's session is still the one that counts.
func (a attempt) admit(p authn.Principal) error {
	switch {
	case p.Kind != authn.Candidate || p.SessionNumber > a.SessionNumber:
		return authn.ErrUnauthenticated
	case p.SessionNumber < a.SessionNumber:
		return ErrSessionTaken
	}
	return nil
}

// Save is one answer to keep.
type Save struct {
	QuestionID uuid.UUID
	Answer     json.RawMessage // null clears
	Sequence   *int64          // nil takes the next
	Flagged    *bool           // nil leaves it
}

// Saved is what is kept after a save: of an equal or lower sequence, what was there before.
type Saved struct {
	SavedAt    time.Time `json:"savedAt"`
	Sequence   int64     `json:"sequence"`
	ServerNow  time.Time `json:"serverNow"`
	DeadlineAt time.Time `json:"deadlineAt"`
}

// Save keeps an answer. Faults: ErrQuestionNotFound, ErrInvalidAnswer, ErrDeadlinePassed, ErrSubmissionClosed,
// ErrSessionTaken, ErrUnauthenticated when the attempt was voided.
func (m *Module) Save(ctx context.Context, in Save) (Saved, error) {
	p, now := authn.From(ctx), m.Clock.Now()
	v, err := m.versions.get(ctx, p.VersionID)
	if err != nil {
		return Saved{}, err
	}
	answer, err := judge(v.booklet, in)
	if err != nil {
		return Saved{}, err
	}
	// A second try serves the case that time was given, or a takeover undone, between the refusal and the question why.
	for range 2 {
		o, err := m.saver.save(ctx, newAsked(p, in, answer, now))
		if err != nil {
			return Saved{}, err
		}
		if o.open {
			m.Counters.AnswerSaved()
			return Saved{SavedAt: o.savedAt.UTC(), Sequence: o.sequence, ServerNow: now, DeadlineAt: o.deadlineAt.UTC()}, nil
		}
		if err := m.whyClosed(ctx, now); err != nil {
			return Saved{}, err
		}
	}
	return Saved{}, fmt.Errorf("save to submission %s: refused although it is open", p.SubmissionID)
}

// judge gives the answer in its canonical form, nil for a cleared one.
func judge(b *booklet.Booklet, in Save) ([]byte, error) {
	q, found := b.Question(in.QuestionID)
	if !found {
		return nil, ErrQuestionNotFound
	}
	a, err := question.ParseAnswer(q, in.Answer)
	var invalid *question.Invalid
	if errors.As(err, &invalid) {
		fields := make([]fault.Field, len(invalid.Reasons))
		for i, r := range invalid.Reasons {
			fields[i] = fault.Field{Location: "body." + r.Field, Message: r.Message}
		}
		return nil, ErrInvalidAnswer.WithFields(fields...)
	}
	if err != nil || a.Cleared {
		return nil, err
	}
	return a.MarshalJSON()
}

// whyClosed says why a save was refused, or nil when the attempt is open after all.
func (m *Module) whyClosed(ctx context.Context, now time.Time) error {
	a, _, _, err := m.touch(ctx, now)
	if err != nil {
		return err
	}
	switch a.Status {
	case Submitted:
		return ErrSubmissionClosed.WithExtra("submission", a.receipt())
	case Expired:
		return ErrDeadlinePassed.WithExtra("submission", a.receipt())
	}
	return nil
}

// event is an audit row about the attempt.
func (m *Module) event(ctx context.Context, a attempt, action string, actor audit.Actor, now time.Time) audit.Event {
	return audit.Event{
		ID: m.IDs.ID(), EmployerID: a.EmployerID, Actor: actor, Action: action, ObjectType: "submission", ObjectID: a.ID,
		After: eventState{Status: a.Status}, RequestID: rest.RequestID(ctx), At: now,
	}
}

type eventState struct {
	Status Status `json:"status"`
}
