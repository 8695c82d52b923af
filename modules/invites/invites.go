// Package invites turns an e-mail address into one timed attempt: a personal link that expires, can be revoked, spends itself
// only when its holder starts, and leads back to the same submission ever after.
package invites

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/audit"
	"credlane/app/kit/clock"
	"credlane/app/kit/exact"
	"credlane/app/kit/fault"
	"credlane/app/kit/ids"
	"credlane/app/kit/jobs"
	"credlane/app/kit/mail"
	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
	"credlane/app/kit/seal"
)

// Limits of invites.
const (
	MaxAtOnce    = 1_000 // addresses in one call
	MaxMessage   = 2_000 // characters
	MaxReason    = 1_000 // characters
	MaxExtraTime = 300   // per cent of the time limit
	MaxLife      = 365 * 24 * time.Hour

	defaultLife = 14 * 24 * time.Hour
)

// State is how far an invite is. It is derived from what has happened and stored nowhere.
type State string

// The states. Of the last four, Expired ends by a later expiry, and Expired and Declined give way to Superseded when the same
// address is invited again.
const (
	Created    State = "created" // its mail has not gone out yet
	Sent       State = "sent"
	Opened     State = "opened"
	Started    State = "started"
	Completed  State = "completed"
	Declined   State = "declined"
	Expired    State = "expired"
	Revoked    State = "revoked"
	Superseded State = "superseded" // it was over, and the same address got another one
)

// Assessments lends what people are invited to.
type Assessments interface {
	// Invitable gives what people would be invited to, through q; a fault of the lender's own, of the kind Conflict and with the
	// assessment beside it, when that takes no invites.
	Invitable(ctx context.Context, q pg.Querier, employerID, assessmentID uuid.UUID) (Assessment, error)
	// Landing gives what is shown before a start, as it is now.
	Landing(ctx context.Context, assessmentID uuid.UUID, extraTimePercent int) (Landing, error)
}

// Assessment is what an invite says of its assessment.
type Assessment struct {
	Title string
}

// Landing is what a candidate reads before the start. It holds no question, no key and no passing score.
type Landing struct {
	Title            string          `json:"title" example:"Go developer, first round"`
	Description      string          `json:"description" doc:"Markdown source."`
	Employer         LandingEmployer `json:"employer"`
	QuestionCount    int             `json:"questionCount" example:"20"`
	TimeLimitMinutes int             `json:"timeLimitMinutes" example:"30" doc:"Without extra time."`
	Rules            []string        `json:"rules" doc:"What a candidate should know before starting, in plain sentences."`
	PrivacyNotice    string          `json:"privacyNotice" doc:"Markdown source."`
	RequireEmailCode bool            `json:"requireEmailCode" doc:"Never: the link proves the address."`
	State            string          `json:"state" enum:"open,not_open_yet,closed" doc:"Of the assessment; who has started goes on whatever it says."`
	OpensAt          *time.Time      `json:"opensAt"`
	ClosesAt         *time.Time      `json:"closesAt" doc:"Stops starts; an attempt under way keeps its time."`

	// For the page, which words the rules in the reader's language; Rules says the same.
	PointsTotal exact.Points `json:"-"`
	Release     string       `json:"-"` // what candidates will see of their result, as assessments call it
	ReleaseAt   *time.Time   `json:"-"`
}

// LandingEmployer is who asks.
type LandingEmployer struct {
	Name string `json:"name" example:"Acme Ltd"`
}

// Accommodations gives extra time to who has started already. It commits by itself, and its refusals are the lender's faults.
type Accommodations interface {
	GiveExtraTime(ctx context.Context, submissionID uuid.UUID, percent int, reason string) error
}

// Events tells other systems what happened, in the transaction in which it did.
type Events interface {
	AnnounceTx(ctx context.Context, tx pgx.Tx, employer, object uuid.UUID, at time.Time, types ...string) error
}

// The events of this module.
const (
	EventOpened   = "invite.opened"
	EventDeclined = "invite.declined"
)

type untold struct{}

func (untold) AnnounceTx(context.Context, pgx.Tx, uuid.UUID, uuid.UUID, time.Time, ...string) error {
	return nil
}

// Mailer owes mail in a transaction (kit/mail).
type Mailer interface {
	Declare(t mail.Template)
	SendTx(ctx context.Context, tx pgx.Tx, messages ...mail.Message) error
}

// Deps is what the module needs.
type Deps struct {
	DB             *pg.DB
	Clock          clock.Clock
	IDs            *ids.Source
	Key            *seal.Key
	Mail           Mailer
	Jobs           *jobs.Client
	Assessments    Assessments
	Accommodations Accommodations
	Events         Events         // nil tells nobody
	Faults         []*fault.Error // that Assessments may answer with, for the contract
	TimeFaults     []*fault.Error // likewise of Accommodations
	PublicURL      string         // where links lead, never taken from a request
}

// Module is the invites of all employers: its methods are the use cases.
type Module struct {
	db          *pg.DB
	clock       clock.Clock
	ids         *ids.Source
	key         *seal.Key
	mail        Mailer
	assessments Assessments
	time        Accommodations
	events      Events
	faults      []*fault.Error
	timeFaults  []*fault.Error
	publicURL   string
}

// New makes the module, and declares its mails and its periodic work.
func New(d Deps) *Module {
	if d.Events == nil {
		d.Events = untold{}
	}
	m := &Module{
		db: d.DB, clock: d.Clock, ids: d.IDs, key: d.Key, mail: d.Mail, assessments: d.Assessments, time: d.Accommodations,
		events: d.Events, faults: d.Faults, timeFaults: d.TimeFaults, publicURL: strings.TrimRight(d.PublicURL, "/"),
	}
	m.declareMails()
	m.declareJobs(d.Jobs)
	return m
}

// Name is the module's name.
func (m *Module) Name() string { return "invites" }

// The faults of this module.
var (
	ErrNotFound = fault.New(fault.NotFound, "invite_not_found",
		"There is no such invite. Check the link, or ask whoever invited you for another one.")
	ErrAssessmentNotFound = fault.New(fault.NotFound, "assessment_not_found",
		"There is no such assessment. Check the address, or find it in the list of assessments.")
	ErrExpired = fault.New(fault.Conflict, "invite_expired",
		"This invite has expired. It can be started again once it has a later expiry.")
	ErrDeclined = fault.New(fault.Conflict, "invite_declined",
		"You have declined this invite. Ask whoever invited you for a new one if you want to take part after all.")
	ErrStarted = fault.New(fault.Conflict, "invite_started",
		"This invite has been started, so it cannot be declined, revoked or given another expiry any more.")
	ErrCompleted = fault.New(fault.Conflict, "invite_completed",
		"The assessment has been completed by this invite, so there is nothing left to send a link for.")
	ErrOver = fault.New(fault.Conflict, "invite_over",
		"This invite was revoked, declined or followed by another one. Invite the person again.")
	ErrTaken = fault.New(fault.Conflict, "invite_exists",
		"This address has another invite to the same assessment, and one at a time can be used. Change that one.")
	ErrReason = fault.New(fault.Invalid, "reason_required",
		"Say why, in at most 1,000 characters. The reason is kept and shown to your team.")
	ErrTooMany = fault.New(fault.Invalid, "too_many_addresses",
		"At most 1,000 people can be invited at once. Send the rest in another call.")
)

var constraints = pg.Constraints{
	"invites_one_live":           ErrTaken, // an expired one was to live again
	"invites_over_or_started":    ErrStarted,
	"invites_extra_time_range":   invalid("body.extraTimePercent", messageExtraTime),
	"invites_expire_later":       invalid("body.expiresAt", messageExpiry),
	"invites_message_length":     invalid("body.message", messageMessage),
	"invite_extra_times_range":   invalid("body.extraTimePercent", messageExtraTime),
	"invites_one_per_submission": ErrTaken,
}

// Constraints is what each constraint of this module's tables means to a user.
func Constraints() pg.Constraints { return constraints }

// Unreachable lists the constraints of this module's tables that no request can break: the program itself makes every value
// they guard. One of them in a log is a mistake of ours, answered as such.
func Unreachable() []string {
	return []string{
		"invites_pkey", "invites_tenant_key", "invites_token_key", "invites_rotation_positive", "invites_creator_known",
		"invites_email_format", "invites_name_length", "invites_decline_reason_length", // judged one by one before
		"invites_assessment_fkey", "invites_submission_fkey", "invites_started_with_submission", "invites_completed_was_started",
		"invite_extra_times_pkey", "invite_extra_times_invite_fkey", "invite_extra_times_reason_length", "invite_extra_times_giver_known",
	}
}

const (
	messageExtraTime = "Give extra time between 0 and 300 per cent of the time limit."
	messageExpiry    = "Choose a time in the future, a year from now at most."
	messageMessage   = "Use at most 2,000 characters, without control characters."
)

func invalid(location, message string) *fault.Error {
	return rest.ErrInvalid.WithFields(fault.Field{Location: location, Message: message})
}

// inTx runs a use case and words what the database refused.
func (m *Module) inTx(ctx context.Context, fn func(tx pgx.Tx) error) error {
	return constraints.Translate(m.db.InTx(ctx, fn))
}

// event is one act on an invite, for the trail.
func (m *Module) event(ctx context.Context, i Invite, action string, at time.Time) audit.Event {
	return audit.Event{
		ID: m.ids.ID(), EmployerID: i.EmployerID, Action: "invite." + action, ObjectType: "invite", ObjectID: i.ID,
		RequestID: rest.RequestID(ctx), At: at,
	}
}

// asCandidate is the holder of the link as an actor: nobody has signed in, so the invite stands for its person.
func asCandidate(e audit.Event) audit.Event {
	e.Actor = audit.Actor{Kind: "candidate", ID: e.ObjectID}
	return e
}

func asJob(e audit.Event) audit.Event {
	e.Actor = audit.Job
	return e
}

// tokenPurpose names what a link's secret is derived for, with the invite's id and its rotation.
const tokenPurpose = "invite"

func (m *Module) token(i Invite) string { return m.key.Token(tokenPurpose, i.ID, i.Rotation) }

// URL is the personal link of an invite. Only who may invite may see it.
func (m *Module) URL(i Invite) string { return m.publicURL + "/i/" + m.token(i) }
