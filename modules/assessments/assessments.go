// Package assessments is where employers write questions, publish them as immutable versions, and open them to candidates.
package assessments

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/clock"
	"credlane/app/kit/exact"
	"credlane/app/kit/fault"
	"credlane/app/kit/ids"
	"credlane/app/kit/pg"
	"credlane/app/kit/question"
)

// Deps is what the module stands on.
type Deps struct {
	DB        *pg.DB
	Clock     clock.Clock
	IDs       *ids.Source
	PublicURL string   // where candidates reach the program, without a slash at the end
	Counters  Counters // nil counts nothing
	Events    Events   // nil tells nobody
	// CanMail says whether mail leaves the house, so that a candidate's address can be proved by a code; nil is never.
	CanMail func() bool
}

// Events tells other systems what happened, in the transaction in which it did.
type Events interface {
	AnnounceTx(ctx context.Context, tx pgx.Tx, employer, object uuid.UUID, at time.Time, types ...string) error
}

// The events of this module.
const (
	EventPublished = "assessment.published"
	EventClosed    = "assessment.closed"
)

type untold struct{}

func (untold) AnnounceTx(context.Context, pgx.Tx, uuid.UUID, uuid.UUID, time.Time, ...string) error {
	return nil
}

// Counters counts what happens, for whoever watches the product.
type Counters interface {
	AssessmentPublished() // a version was made
}

type uncounted struct{}

func (uncounted) AssessmentPublished() {}

// Service holds the use cases. It is safe for concurrent use.
type Service struct {
	db        *pg.DB
	clock     clock.Clock
	ids       *ids.Source
	publicURL string
	landings  *landingCache
	counters  Counters
	events    Events
	canMail   func() bool
}

// Module is the capability as the host sees it; its use cases are those of Service.
type Module struct{ *Service }

// New makes the module.
func New(d Deps) *Module {
	if d.Counters == nil {
		d.Counters = uncounted{}
	}
	if d.Events == nil {
		d.Events = untold{}
	}
	if d.CanMail == nil {
		d.CanMail = func() bool { return false }
	}
	s := &Service{db: d.DB, clock: d.Clock, ids: d.IDs, publicURL: d.PublicURL, counters: d.Counters, events: d.Events, canMail: d.CanMail}
	s.landings = newLandingCache(s.clock, s.readLanding)
	return &Module{s}
}

// Name is the module's name.
func (*Module) Name() string { return "assessments" }

// Status is where an assessment stands.
type Status string

// The statuses. A draft was never open to candidates, only an active one is; archived is the end.
const (
	Draft    Status = "draft"
	Active   Status = "active"
	Closed   Status = "closed"
	Archived Status = "archived"
)

// Release says what a candidate may see of their result.
type Release string

// The release policies, each showing more than the one before.
const (
	ReleaseNone   Release = "none"
	ReleasePassed Release = "passed"
	ReleaseScore  Release = "score"
	ReleaseReview Release = "review"
)

// Limits of an assessment. Lengths are in characters.
const (
	MaxTitle       = 200
	MaxDescription = 20_000
	MinTimeLimit   = 1   // minutes
	MaxTimeLimit   = 600 // minutes
	MaxTags        = 20
	MaxTag         = 60
	MaxDifficulty  = 60

	// MaxQuestions bounds one assessment: as many as the largest import file has rows.
	MaxQuestions = 50_000
)

// What a new assessment has unless said otherwise.
const (
	defaultTimeLimit    = 30 // minutes
	defaultPassingScore = 60 * exact.Score(100)
	defaultPoints       = 1 * exact.Points(1000)
)

// Assessment is an editable draft of questions and settings, with a status.
type Assessment struct {
	ID                uuid.UUID   `db:"id"`
	Title             string      `db:"title"`
	Description       string      `db:"description"`
	Slug              string      `db:"slug"`
	Status            Status      `db:"status"`
	TimeLimitMinutes  int         `db:"time_limit_minutes"`
	PassingScore      exact.Score `db:"passing_score"`
	ShuffleQuestions  bool        `db:"shuffle_questions"`
	ShuffleOptions    bool        `db:"shuffle_options"`
	ResultRelease     Release     `db:"result_release"`
	ReleaseAt         *time.Time  `db:"release_at"`
	RequireEmailCode  bool        `db:"require_email_code"`
	Reminders         bool        `db:"reminders"` // invited people who have not started are reminded
	OpensAt           *time.Time  `db:"opens_at"`
	ClosesAt          *time.Time  `db:"closes_at"`
	CurrentVersion    *int        `db:"current_version"`    // nil: never published
	Revision          int64       `db:"revision"`           // moves with every change; the ETag
	ContentRevision   int64       `db:"content_revision"`   // moves with what a version snapshots
	PublishedRevision *int64      `db:"published_revision"` // the content that the current version holds
	CreatedAt         time.Time   `db:"created_at"`
	UpdatedAt         time.Time   `db:"updated_at"`
	QuestionCount     int         `db:"question_count"`
	// Thousandths of a point: the sum of a draft may pass what exact.Points takes from a numeric column.
	PointsThousandths int64 `db:"points_thousandths"`
}

// PointsTotal is what all questions of the draft are worth together.
func (a Assessment) PointsTotal() exact.Points { return exact.Points(a.PointsThousandths) }

// DraftChanged tells whether publishing would make another version than the current one.
func (a Assessment) DraftChanged() bool {
	return a.PublishedRevision == nil || *a.PublishedRevision != a.ContentRevision
}

// sameContent tells whether a and b would be snapshot alike, their questions aside.
func (a Assessment) sameContent(b Assessment) bool {
	return a.Title == b.Title && a.Description == b.Description && a.TimeLimitMinutes == b.TimeLimitMinutes &&
		a.PassingScore == b.PassingScore && a.ShuffleQuestions == b.ShuffleQuestions && a.ShuffleOptions == b.ShuffleOptions
}

// Option is one choice of a question. Its id is random, so that it tells nothing of the order in which it was written.
type Option struct {
	ID   uuid.UUID `json:"id"`
	Text string    `json:"text"`
}

// Question is a question of a draft, with its key.
type Question struct {
	ID          uuid.UUID           `db:"id"`
	Position    int                 `db:"position"` // from 1
	Type        question.Type       `db:"type"`
	Prompt      string              `db:"prompt"`
	Options     []Option            `db:"options"`
	Points      exact.Points        `db:"points"`
	Tags        []string            `db:"tags"`
	Difficulty  string              `db:"difficulty"`
	Explanation string              `db:"explanation"`
	CreditRule  question.CreditRule `db:"credit_rule"`
	Key         json.RawMessage     `db:"key"`        // nil: none yet
	UpdatedAt   time.Time           `db:"updated_at"` // moves strictly with every edit, so it serves as the revision
}

// Revision is the question's own revision, for its ETag; moving it to another position does not change it.
func (q Question) Revision() int64 { return q.UpdatedAt.UnixMicro() }

// shape is what keys are judged against.
func (q Question) shape() question.Question {
	s := question.Question{ID: q.ID, Type: q.Type, Points: q.Points, CreditRule: q.CreditRule,
		OptionIDs: make([]uuid.UUID, len(q.Options))}
	for i, o := range q.Options {
		s.OptionIDs[i] = o.ID
	}
	return s
}

// The faults of this module.
var (
	ErrNotFound = fault.New(fault.NotFound, "assessment_not_found",
		"There is no such assessment. Check the address, or list your assessments.")
	ErrQuestionNotFound = fault.New(fault.NotFound, "question_not_found",
		"This assessment has no such question. List its questions to see them.")
	ErrVersionNotFound = fault.New(fault.NotFound, "version_not_found",
		"This assessment has no such version. List its versions to see them.")
	ErrEmailCodeUnavailable = fault.New(fault.Invalid, "email_code_unavailable",
		"This server cannot send e-mail, so it cannot ask candidates for a code. Leave requireEmailCode off.")
	ErrNotActive = fault.New(fault.Conflict, "assessment_not_active",
		"Only an active assessment takes invites. Publish it, or open it again, and then invite.")
	ErrNotReady = fault.New(fault.Invalid, "not_ready",
		"The assessment cannot be published yet. Mend everything listed and publish again.")
	ErrTooManyQuestions = fault.New(fault.Invalid, "too_many_questions",
		"An assessment holds at most 50,000 questions. Remove some, or start another assessment.")
	ErrActiveLimit = fault.New(fault.Conflict, "active_assessment_limit",
		"You have as many active assessments as your organization may have. Close one first.")
	ErrPublished = fault.New(fault.Conflict, "assessment_published",
		"A published assessment cannot be deleted, because its results must stay explicable. Archive it instead.")
	ErrNotPublished = fault.New(fault.Conflict, "assessment_not_published",
		"The assessment was never published. Publish it first.")
	ErrArchived = fault.New(fault.Conflict, "assessment_archived",
		"An archived assessment does not change. Duplicate it to work on a copy.")
	ErrNotOpen = fault.New(fault.Conflict, "assessment_not_open",
		"This assessment has not opened yet. Come back when it opens.")
	ErrClosed = fault.New(fault.Conflict, "assessment_closed",
		"This assessment is closed and takes no new candidates. Ask the organization that invited you.")
)
