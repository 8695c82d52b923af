// Package submissions takes one candidate through one timed attempt: start, autosave, submit, score, and what the employer
// reads of it afterwards.
package submissions

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/authn"
	"credlane/app/kit/clock"
	"credlane/app/kit/exact"
	"credlane/app/kit/fault"
	"credlane/app/kit/ids"
	"credlane/app/kit/jobs"
	"credlane/app/kit/mail"
	"credlane/app/kit/pg"
	"credlane/app/kit/question"
	"credlane/app/kit/rest"
	"credlane/app/kit/seal"
)

// Grace is how late a save or a submit may arrive and still count: the network's share, which is never shown.
const Grace = 5 * time.Second

// Status is how far a submission is.
type Status string

// The statuses, as they are stored and sent. A submission leaves in_progress once and never changes its status again.
const (
	InProgress Status = "in_progress"
	Submitted  Status = "submitted"
	Expired    Status = "expired"
)

// Deps is what the module needs.
type Deps struct {
	DB          *pg.DB
	Clock       clock.Clock
	IDs         *ids.Source
	Log         *slog.Logger
	Key         *seal.Key
	Limiter     *rest.Limiter
	StartLimit  rest.Rate // starts from one client address
	CodeLimit   rest.Rate // one-time codes for one e-mail address and client; codesPerAddress times as many for the address, codesPerNetwork times for the client
	Tokens      Tokens
	Versions    Versions
	Openings    Openings
	Policies    Policies
	Candidates  Candidates
	Invitations Invitations  // nil: there are no personal links
	Mail        Mailer       // nil: nothing is mailed, so there are no one-time codes
	Jobs        *jobs.Client // nil: there is no background work but the sweep
	Members     Members      // nil: nobody is told of new submissions
	Events      Events       // nil: nobody listens
	Counters    Counters

	// What the lenders may answer with, for the contract.
	OpeningFaults []*fault.Error
	LinkFaults    []*fault.Error // of Invitations
}

// Tokens signs submission tokens (kit/authn).
type Tokens interface {
	Candidate(ctx context.Context, p authn.Principal, expires time.Time) (string, error)
}

// Versions reads published versions, which never change. An unknown id is an error: every submission has its version.
type Versions interface {
	Version(ctx context.Context, id uuid.UUID) (Version, error)
}

// Version is a published version, keys included; its questions are in the author's order.
type Version struct {
	ID               uuid.UUID
	EmployerID       uuid.UUID
	AssessmentID     uuid.UUID
	Number           int
	Title            string
	TimeLimit        time.Duration // whole minutes
	PassingScore     exact.Score
	PointsTotal      exact.Points
	ShuffleQuestions bool
	ShuffleOptions   bool
	Questions        []Question
}

// Question is one question of a version with all that its author wrote.
type Question struct {
	ID          uuid.UUID
	Type        question.Type
	Prompt      string
	Options     []Option
	Points      exact.Points
	CreditRule  question.CreditRule
	Key         question.Key
	Explanation string
	Tags        []string
	Difficulty  string
}

// Option is one option of a choice question.
type Option struct {
	ID   uuid.UUID `json:"id"`
	Text string    `json:"text"`
}

// Openings finds what a public link opens, and what an assessment opens to who holds a personal link. What is unknown, or not
// open now, is a fault of the lender's own.
type Openings interface {
	Opening(ctx context.Context, slug string) (Opening, error)
	OpeningByID(ctx context.Context, assessmentID uuid.UUID) (Opening, error)
}

// Opening is an assessment that takes starts now.
type Opening struct {
	VersionID        uuid.UUID
	NoticeVersion    int // of the privacy notice that the candidate consents to
	RequireEmailCode bool
}

// Policies tells what candidates may see of their results, as it stands now.
type Policies interface {
	ReleasePolicy(ctx context.Context, assessmentID uuid.UUID) (Policy, error)
}

// Policy is a release policy. Disclosure acts once At has come; nil is at once.
type Policy struct {
	Disclosure Disclosure
	At         *time.Time
}

// Disclosure is how much of a result is released; each one includes those before it.
type Disclosure string

// The disclosures, as assessments store them.
const (
	DiscloseNone   Disclosure = "none"
	DisclosePassed Disclosure = "passed"
	DiscloseScore  Disclosure = "score"
	DiscloseReview Disclosure = "review"
)

// Candidates queues the making of the user of an address, unless there is one, and gives the address as that user has it but
// for its case; it never changes a user that exists.
type Candidates interface {
	QueueCandidate(b *pgx.Batch, email, name string) (address string, err error)
}

// Invitations are the personal links. Whoever holds one has the address that it was sent to.
type Invitations interface {
	// HoldTx locks the invite of a token until tx ends. Its faults are the lender's own: unknown or over, or too late to start by.
	HoldTx(ctx context.Context, tx pgx.Tx, token string) (Invitation, error)
	// StartedTx ties the submission to the invite that tx holds.
	StartedTx(ctx context.Context, tx pgx.Tx, inviteID, submissionID uuid.UUID, at time.Time) error
	// QueueCompleted notes that the invite's submission has ended; only the first time counts.
	QueueCompleted(b *pgx.Batch, inviteID uuid.UUID, at time.Time)
	// ReopenTx lets the invite of a submission that was voided start afresh.
	ReopenTx(ctx context.Context, tx pgx.Tx, submissionID uuid.UUID) error
}

// Invitation is a personal link as its holder comes by it.
type Invitation struct {
	ID               uuid.UUID
	EmployerID       uuid.UUID
	AssessmentID     uuid.UUID
	SubmissionID     uuid.UUID // zero: not started
	Email            string
	Name             string // "" when the inviter gave none
	ExtraTimePercent int
	TimeGiven        TimeGiven // zero without extra time
}

// TimeGiven tells of extra time that came with an invite.
type TimeGiven struct {
	ByKind string     // member, api_key, operator
	By     *uuid.UUID // nil for the operator
	Reason string     // may be empty
	At     time.Time
}

// Mailer owes people mail (kit/mail).
type Mailer interface {
	Declare(t mail.Template)
	SendTx(ctx context.Context, tx pgx.Tx, messages ...mail.Message) error
	Queue(b *pgx.Batch, messages ...mail.Message) error
}

// Members are the people of an employer.
type Members interface {
	// DigestAddresses lists those who want to be told of new submissions, once a day.
	DigestAddresses(ctx context.Context, employerID uuid.UUID) ([]DigestAddress, error)
}

// DigestAddress is a member who wants to be told.
type DigestAddress struct {
	UserID uuid.UUID
	Email  string
	Name   string
}

// Events tells other systems what happened to a submission, in the transaction in which it did.
type Events interface {
	Queue(b *pgx.Batch, employer, object uuid.UUID, at time.Time, types ...string) error
}

// The types of events.
const (
	eventStarted   = "submission.started"
	eventSubmitted = "submission.submitted"
	eventExpired   = "submission.expired"
	eventScored    = "submission.scored"
)

// Counters counts what happens, for whoever watches the product.
type Counters interface {
	SubmissionStarted()
	AnswerSaved()
	SubmissionEnded(how Status) // Submitted or Expired
	Export(f Format)            // begun
	SweepLag(lag time.Duration) // how long the oldest overdue submission has waited for the sweep; 0 when none has
}

// The faults of the candidate's half.
var (
	ErrAlreadyStarted = fault.New(fault.Conflict, "already_started",
		"This address has already started this assessment. Continue on the device where you began, by your personal link, or with "+
			"a code sent to your address.")
	ErrConsent = fault.New(fault.Invalid, "consent_required",
		"Agree to the privacy notice to start.")
	ErrCandidate = fault.New(fault.Invalid, "invalid_candidate",
		"Give your name and your e-mail address to start.")
	ErrEmailCode = fault.New(fault.Invalid, "email_code_required",
		"This assessment asks for the code that was sent to your e-mail address. Enter it to start.")
	ErrCodeWrong = fault.New(fault.Invalid, "email_code_wrong",
		"This is not the code that was sent to your e-mail address. Look again and type its six digits.")
	ErrCodeSpent = fault.New(fault.Invalid, "email_code_spent",
		"The code is no longer good: it was used, is older than 10 minutes, or was mistyped five times. Ask for a new one.")
	ErrQuestionNotFound = fault.New(fault.NotFound, "question_not_found",
		"This question is not part of your assessment. Reload the page.")
	ErrInvalidAnswer = fault.New(fault.Invalid, "invalid_answer",
		"This answer does not fit its question. Correct it and save it again.")
	ErrDeadlinePassed = fault.New(fault.Conflict, "deadline_passed",
		"The time is up. What was saved before the deadline has been handed in.")
	ErrSubmissionClosed = fault.New(fault.Conflict, "submission_closed",
		"You have already handed this in, so answers can no longer change.")
	ErrSessionTaken = fault.New(fault.Conflict, "session_taken",
		"You continued on another device. Go on there, or resume here to take over.")
	ErrAlreadySubmitted = fault.New(fault.Conflict, "already_submitted",
		"You have already handed this in. Nothing more is needed.")
)

// ErrSubmissionNotFound is a submission that is absent or another employer's.
var ErrSubmissionNotFound = fault.New(fault.NotFound, "submission_not_found",
	"There is no such submission. Check the address, or find it in the list of its assessment.")

// constraints says what the names of this module's constraints, indexes and triggers mean to a user.
var constraints = pg.Constraints{
	"submissions_one_per_candidate":            ErrAlreadyStarted,
	"submissions_name_present":                 ErrCandidate,
	"submissions_email_length":                 ErrCandidate,
	"submissions_one_per_invite":               ErrAlreadyStarted,
	"submissions_final":                        ErrSubmissionClosed,
	"submission_answers_open":                  ErrSubmissionClosed,
	"submission_answers_question_in_version":   ErrQuestionNotFound,
	"submission_answers_submission_fkey":       authn.ErrUnauthenticated, // voided between the guard and the write
	"submission_answers_sequence_not_negative": ErrInvalidAnswer,
	"submissions_extra_time_range":             ErrExtraTime,
	"submissions_note_length":                  ErrInvalidJudgement,
	"submissions_tags_bound":                   ErrInvalidJudgement,
	"submissions_decision_known":               ErrInvalidJudgement,
	"submission_extra_times_range":             ErrExtraTime,
	"submission_extra_times_reason_present":    ErrReason,
	"voided_submissions_reason_present":        ErrReason,
}

// Module is the submissions of all employers: its methods are the use cases.
type Module struct {
	Deps
	versions    *versionCache
	saver       *saver
	exports     *turnstile
	summaries   gate
	exportLimit time.Duration // of one export in all
	laggards    laggards
}

// New makes the module. What Deps says may be nil may be; so may Counters.
func New(d Deps) *Module {
	if d.Counters == nil {
		d.Counters = uncounted{}
	}
	m := &Module{
		Deps: d, versions: newVersionCache(d.Versions), saver: newSaver(d.DB), exports: newTurnstile(d.DB), summaries: newGate(d.DB), exportLimit: exportLimit,
	}
	m.declareMails()
	m.declareJobs()
	return m
}

// Name is the module's name.
func (m *Module) Name() string { return "submissions" }

// Mount puts both halves on the host: the candidate's and the employer's.
func (m *Module) Mount(h *rest.Host) {
	m.mountCandidate(h)
	m.mountProofs(h)
	m.mountResults(h)
}

type uncounted struct{}

func (uncounted) SubmissionStarted()     {}
func (uncounted) AnswerSaved()           {}
func (uncounted) SubmissionEnded(Status) {}
func (uncounted) Export(Format)          {}
func (uncounted) SweepLag(time.Duration) {}
