package assessments

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/exact"
	"credlane/app/kit/pg"
	"credlane/app/kit/question"
)

const openingColumns = `
SELECT a.id AS assessment_id, a.employer_id, a.status, a.opens_at, a.closes_at, a.require_email_code, a.result_release, a.release_at,
       v.id AS version_id, v.number AS version_number, v.title, v.description, v.time_limit_minutes, v.passing_score,
       v.shuffle_questions, v.shuffle_options, v.question_count, v.points_total,
       e.name AS employer_name, e.privacy_notice, e.privacy_notice_version AS notice_version
  FROM assessments a
  JOIN assessment_versions v ON v.assessment_id = a.id AND v.number = a.current_version
  JOIN employers e ON e.id = a.employer_id`

const (
	sqlOpening     = openingColumns + ` WHERE a.slug = $1 AND a.status IN ('active', 'closed')`
	sqlOpeningByID = openingColumns + ` WHERE a.id = $1 AND a.status <> 'draft'`
)

// Opening is what a start needs to know: the current version and the settings that act at once.
type Opening struct {
	AssessmentID     uuid.UUID    `db:"assessment_id"`
	EmployerID       uuid.UUID    `db:"employer_id"`
	Status           Status       `db:"status"`
	OpensAt          *time.Time   `db:"opens_at"`
	ClosesAt         *time.Time   `db:"closes_at"`
	RequireEmailCode bool         `db:"require_email_code"`
	ResultRelease    Release      `db:"result_release"`
	ReleaseAt        *time.Time   `db:"release_at"`
	VersionID        uuid.UUID    `db:"version_id"`
	VersionNumber    int          `db:"version_number"`
	Title            string       `db:"title"`
	Description      string       `db:"description"`
	TimeLimitMinutes int          `db:"time_limit_minutes"`
	PassingScore     exact.Score  `db:"passing_score"`
	ShuffleQuestions bool         `db:"shuffle_questions"`
	ShuffleOptions   bool         `db:"shuffle_options"`
	QuestionCount    int          `db:"question_count"`
	PointsTotal      exact.Points `db:"points_total"`
	EmployerName     string       `db:"employer_name"`
	PrivacyNotice    string       `db:"privacy_notice"` // as the employer wrote it; may be empty
	NoticeVersion    int          `db:"notice_version"`
}

// TimeLimit is how long a candidate has, without extra time.
func (o Opening) TimeLimit() time.Duration { return time.Duration(o.TimeLimitMinutes) * time.Minute }

// Check says whether a start is allowed at now: nil, ErrNotOpen or ErrClosed. A closing date stops starts only.
func (o Opening) Check(now time.Time) error {
	switch {
	case o.Status != Active, o.ClosesAt != nil && !now.Before(*o.ClosesAt):
		return ErrClosed
	case o.OpensAt != nil && now.Before(*o.OpensAt):
		return ErrNotOpen
	}
	return nil
}

const (
	minSlug = 10
	maxSlug = 40
)

// validSlug keeps what cannot be a slug away from the database.
func validSlug(slug string) bool {
	if len(slug) < minSlug || len(slug) > maxSlug {
		return false
	}
	for i := range len(slug) {
		if c := slug[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

func findOpening(ctx context.Context, q pg.Querier, slug string) (Opening, error) {
	if !validSlug(slug) {
		return Opening{}, ErrNotFound
	}
	o, err := pg.One[Opening](ctx, q, sqlOpening, slug)
	if errors.Is(err, pgx.ErrNoRows) {
		return o, ErrNotFound
	}
	if err != nil {
		return o, fmt.Errorf("opening: %w", err)
	}
	return o, nil
}

// Opening reads, with one statement, what a start by the public link needs. Errors: ErrNotFound (no such link, a draft, or
// archived), ErrNotOpen, ErrClosed.
func (s *Service) Opening(ctx context.Context, slug string) (Opening, error) {
	o, err := findOpening(ctx, s.db, slug)
	if err != nil {
		return Opening{}, err
	}
	if err := o.Check(s.clock.Now()); err != nil {
		return Opening{}, err
	}
	return o, nil
}

func findOpeningByID(ctx context.Context, q pg.Querier, assessmentID uuid.UUID) (Opening, error) {
	o, err := pg.One[Opening](ctx, q, sqlOpeningByID, assessmentID)
	if errors.Is(err, pgx.ErrNoRows) {
		return o, ErrNotFound
	}
	if err != nil {
		return o, fmt.Errorf("opening of %s: %w", assessmentID, err)
	}
	return o, nil
}

// OpeningByID is Opening for who holds a personal link. An archived assessment is closed here and not absent: the person was
// told that it is there. Errors: ErrNotFound (a draft), ErrNotOpen, ErrClosed.
func (s *Service) OpeningByID(ctx context.Context, assessmentID uuid.UUID) (Opening, error) {
	o, err := findOpeningByID(ctx, s.db, assessmentID)
	if err != nil {
		return Opening{}, err
	}
	if err := o.Check(s.clock.Now()); err != nil {
		return Opening{}, err
	}
	return o, nil
}

// LandingByID gives the landing page as it is now, for who holds a personal link with so much extra time. Errors: ErrNotFound (a draft).
func (s *Service) LandingByID(ctx context.Context, assessmentID uuid.UUID, extraTimePercent int) (Landing, error) {
	o, err := findOpeningByID(ctx, s.db, assessmentID)
	if err != nil {
		return Landing{}, err
	}
	o.RequireEmailCode = false // the link came by mail: it proves the address
	l := o.landing(s.clock.Now())
	l.Rules = append([]string{timeRule(o.TimeLimit(), extraTimePercent), personalRule}, l.Rules[2:]...)
	return l, nil
}

// Version gives a published version with its questions in order and without keys. It never changes: keep it as long as you
// like. Errors: ErrVersionNotFound.
func (s *Service) Version(ctx context.Context, versionID uuid.UUID) (Version, error) {
	v, err := oneVersion(ctx, s.db, sqlFindVersion, versionID)
	if err != nil {
		return Version{}, err
	}
	v.Questions, err = versionQuestions(ctx, s.db, versionID)
	return v, err
}

// VersionKeys gives the answer keys of a version by question. They are apart from Version, so that what is shown to
// candidates cannot hold them by accident.
func (s *Service) VersionKeys(ctx context.Context, versionID uuid.UUID) (map[uuid.UUID]question.Key, error) {
	list, err := versionKeys(ctx, s.db, versionID)
	if err != nil {
		return nil, err
	}
	keys := make(map[uuid.UUID]question.Key, len(list))
	for _, k := range list {
		if keys[k.QuestionID], err = question.ParseKey(k.Type, k.Key); err != nil {
			return nil, fmt.Errorf("key of question %s in version %s: %w", k.QuestionID, versionID, err)
		}
	}
	return keys, nil
}

const sqlReleasePolicy = `
SELECT result_release, release_at FROM assessments WHERE id = $1`

// ReleasePolicy says what candidates may see of their result, and from when: At nil means as soon as they have submitted.
type ReleasePolicy struct {
	Policy Release    `db:"result_release"`
	At     *time.Time `db:"release_at"`
}

// Now is what may be seen at now.
func (p ReleasePolicy) Now(now time.Time) Release {
	if p.At != nil && now.Before(*p.At) {
		return ReleaseNone
	}
	return p.Policy
}

// ReleasePolicy reads the policy of an assessment, which acts at once. Errors: ErrNotFound.
func (s *Service) ReleasePolicy(ctx context.Context, assessmentID uuid.UUID) (ReleasePolicy, error) {
	p, err := pg.One[ReleasePolicy](ctx, s.db, sqlReleasePolicy, assessmentID)
	if errors.Is(err, pgx.ErrNoRows) {
		return p, ErrNotFound
	}
	if err != nil {
		return p, fmt.Errorf("release policy of %s: %w", assessmentID, err)
	}
	return p, nil
}

// Versions lists the versions of one of the caller's assessments, newest first, without their questions; below is the last
// number of the page before, 0 for the first page.
func (s *Service) Versions(ctx context.Context, assessmentID uuid.UUID, below, limit int) ([]Version, error) {
	if below == 0 {
		below = maxVersionNumber
	}
	list, err := listVersions(ctx, s.db, employerOf(ctx), assessmentID, below, limit)
	if err == nil && len(list) == 0 {
		_, err = findAssessment(ctx, s.db, employerOf(ctx), assessmentID)
	}
	return list, err
}

const maxVersionNumber = 1<<31 - 1

// VersionInFull gives a version of one of the caller's assessments with questions and, by question, keys as stored.
func (s *Service) VersionInFull(ctx context.Context, assessmentID uuid.UUID, number int) (Version, map[uuid.UUID]json.RawMessage, error) {
	v, err := oneVersion(ctx, s.db, sqlFindVersionByNumber, employerOf(ctx), assessmentID, number)
	if err != nil {
		return v, nil, err
	}
	if v.Questions, err = versionQuestions(ctx, s.db, v.ID); err != nil {
		return v, nil, err
	}
	list, err := versionKeys(ctx, s.db, v.ID)
	if err != nil {
		return v, nil, err
	}
	keys := make(map[uuid.UUID]json.RawMessage, len(list))
	for _, k := range list {
		keys[k.QuestionID] = k.Key
	}
	return v, keys, nil
}
