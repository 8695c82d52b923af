package submissions

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/exact"
	"credlane/app/kit/pg"
	"credlane/modules/submissions/internal/booklet"
)

const sqlOneSubmission = `
SELECT s.id, s.name, s.email, s.status,
       (SELECT v.number FROM assessment_versions v WHERE v.id = s.version_id) AS version,
       s.score, s.passing_score, s.passed, s.points, s.points_total,
       s.started_at, s.deadline_at, s.submitted_at, s.decision, s.tags,
       s.assessment_id, s.version_id, s.layout, s.extra_time_percent, s.consent_at, s.notice_version,
       s.invite_id, s.address_proved, s.credits, s.note, s.decided_at, s.decided_by,
       COALESCE((SELECT u.name FROM users u WHERE u.id = s.decided_by),
                (SELECT k.name FROM api_keys k WHERE k.id = s.decided_by), '') AS decided_by_name
  FROM submissions s
 WHERE s.employer_id = $1 AND s.id = $2`

const sqlAnswersGiven = `
SELECT a.question_id, a.answer, a.sequence, a.flagged, a.saved_at
  FROM submission_answers a
 WHERE a.submission_id = $2 AND a.employer_id = $1`

const sqlExtraTimes = `
SELECT x.at, COALESCE(x.given_by, '00000000-0000-0000-0000-000000000000'),
       COALESCE((SELECT u.name FROM users u WHERE u.id = x.given_by AND x.given_by_kind = 'member'),
                (SELECT k.name FROM api_keys k WHERE k.id = x.given_by AND x.given_by_kind = 'api_key'), '') AS given_by_name,
       x.extra_time_percent, x.reason
  FROM submission_extra_times x
 WHERE x.employer_id = $1 AND x.submission_id = $2
 ORDER BY x.id`

const sqlVersionIfOverdue = `
SELECT s.version_id
  FROM submissions s
 WHERE s.employer_id = $1 AND s.id = $2 AND s.status = 'in_progress' AND s.deadline_at < $3`

// Person is who did something: a member, or an API key by its name.
type Person struct {
	ID   uuid.UUID
	Name string // "" for one who is gone
}

// Record is a submission in full.
type Record struct {
	Entry
	AssessmentID     uuid.UUID
	VersionID        uuid.UUID
	ExtraTimePercent int
	ConsentAt        time.Time
	NoticeVersion    int
	InviteID         *uuid.UUID // nil: by the public link
	AddressProved    bool       // by a personal link or a one-time code
	Note             string
	DecidedAt        *time.Time
	DecidedBy        *Person
	ExtraTimes       []ExtraTime
	Questions        []Answered // in the order in which the candidate saw them
	layout           booklet.Layout
	credits          []int32 // credits
}

// ExtraTime is one change of the extra time.
type ExtraTime struct {
	At      time.Time
	By      Person
	Percent int
	Reason  string
}

// Answered is one question of a submission, its options in the candidate's order, with the answer, if there is one.
type Answered struct {
	Question
	Answer   json.RawMessage // nil when not answered
	Sequence int64
	Flagged  bool
	SavedAt  *time.Time      // nil when never saved
	Credit   *exact.Fraction // nil while it is not scored
	Earned   *exact.Points   // credit x points, rounded half up to thousandths
}

// savedAnswer is an answer as it stands.
type savedAnswer struct {
	QuestionID uuid.UUID       `db:"question_id"`
	Answer     json.RawMessage `db:"answer"`
	Sequence   int64           `db:"sequence"`
	Flagged    bool            `db:"flagged"`
	SavedAt    time.Time       `db:"saved_at"`
}

// findRecord reads everything but the questions themselves, which are the version's. Error: ErrSubmissionNotFound.
func findRecord(ctx context.Context, q pg.Querier, employer, id uuid.UUID) (Record, []savedAnswer, error) {
	var (
		r       Record
		layout  []byte
		decider *uuid.UUID
		name    string
	)
	targets := append(r.targets(), &r.AssessmentID, &r.VersionID, &layout, &r.ExtraTimePercent, &r.ConsentAt, &r.NoticeVersion,
		&r.InviteID, &r.AddressProved, &r.credits, &r.Note, &r.DecidedAt, &decider, &name)
	err := q.QueryRow(ctx, sqlOneSubmission, employer, id).Scan(targets...)
	if errors.Is(err, pgx.ErrNoRows) {
		return Record{}, nil, ErrSubmissionNotFound
	}
	if err != nil {
		return Record{}, nil, err
	}
	if err := r.layout.UnmarshalJSON(layout); err != nil {
		return Record{}, nil, err
	}
	r.utc()
	r.ConsentAt = r.ConsentAt.UTC()
	if decider != nil && r.DecidedAt != nil {
		at := r.DecidedAt.UTC()
		r.DecidedAt, r.DecidedBy = &at, &Person{ID: *decider, Name: name}
	}
	answers, err := pg.All[savedAnswer](ctx, q, sqlAnswersGiven, employer, id)
	if err != nil {
		return Record{}, nil, err
	}
	r.ExtraTimes, err = extraTimes(ctx, q, employer, id)
	return r, answers, err
}

func extraTimes(ctx context.Context, q pg.Querier, employer, id uuid.UUID) ([]ExtraTime, error) {
	rows, err := q.Query(ctx, sqlExtraTimes, employer, id)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (ExtraTime, error) {
		var x ExtraTime
		err := row.Scan(&x.At, &x.By.ID, &x.By.Name, &x.Percent, &x.Reason)
		x.At = x.At.UTC()
		return x, err
	})
}
