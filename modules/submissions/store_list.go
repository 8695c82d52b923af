package submissions

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"credlane/app/kit/exact"
	"credlane/app/kit/pg"
)

// ofEmployer tells once a statement, not once a row, whether the assessment $1 is the employer's, $2: every submission has the
// employer of its assessment (a foreign key), and a condition on each row would tempt the planner away from the index.
const ofEmployer = `
 WHERE EXISTS (SELECT FROM assessments m WHERE m.employer_id = $2 AND m.id = $1)`

const mine = ofEmployer + `
   AND s.assessment_id = $1`

// unfiltered is where a statement takes its filter: see Filter.narrow.
const unfiltered = `
   AND TRUE`

const entryColumns = `
SELECT s.id, s.name, s.email, s.status,
       (SELECT v.number FROM assessment_versions v WHERE v.id = s.version_id) AS version,
       s.score, s.passing_score, s.passed, s.points, s.points_total,
       s.started_at, s.deadline_at, s.submitted_at, s.decision, s.tags`

const columns = entryColumns + `
  FROM submissions s`

const listed = columns + mine + unfiltered

// By start, the order is by the assessment and the id, and bounds stand for the equation: with it the planner sees that the
// id alone gives the order, and walks the ids of everybody's submissions (the last page took nine times the first: measured).
const (
	listedByStart     = columns + ofEmployer + unfiltered + afterStart
	listedByStartDown = columns + ofEmployer + unfiltered + `
   AND (s.assessment_id, s.id) < ($1, $4)
   AND (s.assessment_id, s.id) >= ($1, '00000000-0000-0000-0000-000000000000')`
	afterStart = `
   AND (s.assessment_id, s.id) > ($1, $4)
   AND (s.assessment_id, s.id) <= ($1, 'ffffffff-ffff-ffff-ffff-ffffffffffff')`
)

// One statement for each order, so that each has one plan: a walk along the index whose expressions it repeats to the
// letter. $3 is the number of rows, $4 and $5 the place after which the page begins: before all rows for the first page.
const (
	sqlListByStart = listedByStart + `
 ORDER BY s.assessment_id, s.id
 LIMIT $3`
	sqlListByStartDown = listedByStartDown + `
 ORDER BY s.assessment_id DESC, s.id DESC
 LIMIT $3`
	sqlListByScore = listed + `
   AND (COALESCE(s.score, -1), s.id) > ($5::numeric, $4)
 ORDER BY COALESCE(s.score, -1), s.id
 LIMIT $3`
	sqlListByScoreDown = listed + `
   AND (COALESCE(s.score, -1), s.id) < ($5::numeric, $4)
 ORDER BY COALESCE(s.score, -1) DESC, s.id DESC
 LIMIT $3`
	sqlListBySubmitted = listed + `
   AND (COALESCE(s.submitted_at, 'infinity'::timestamptz), s.id) > ($5::timestamptz, $4)
 ORDER BY COALESCE(s.submitted_at, 'infinity'::timestamptz), s.id
 LIMIT $3`
	sqlListBySubmittedDown = listed + `
   AND (COALESCE(s.submitted_at, 'infinity'::timestamptz), s.id) < ($5::timestamptz, $4)
 ORDER BY COALESCE(s.submitted_at, 'infinity'::timestamptz) DESC, s.id DESC
 LIMIT $3`
	sqlListByName = listed + `
   AND (lower(s.name) COLLATE "C", s.id) > (lower($5::text) COLLATE "C", $4)
 ORDER BY lower(s.name) COLLATE "C", s.id
 LIMIT $3`
	sqlListByNameDown = listed + `
   AND (lower(s.name) COLLATE "C", s.id) < (lower($5::text) COLLATE "C", $4)
 ORDER BY lower(s.name) COLLATE "C" DESC, s.id DESC
 LIMIT $3`
)

const sqlEventObject = entryColumns + `, s.assessment_id, s.invite_id
  FROM submissions s
 WHERE s.employer_id = $1 AND s.id = $2`

const sqlAssessmentTitle = `SELECT title FROM assessments WHERE employer_id = $1 AND id = $2`

// Sort is an order of the list; a leading "-" turns it round. Submissions without a score come below 0, those not yet
// handed in after all others; equals follow in the order of their start.
type Sort string

// The orders.
const (
	ByStart         Sort = "startedAt"
	ByStartDown     Sort = "-startedAt"
	ByScore         Sort = "score"
	ByScoreDown     Sort = "-score"
	BySubmitted     Sort = "submittedAt"
	BySubmittedDown Sort = "-submittedAt"
	ByName          Sort = "name"
	ByNameDown      Sort = "-name"
)

// Entry is a submission as lists show it.
type Entry struct {
	ID           uuid.UUID
	Name         string
	Email        string
	Status       Status
	Version      int // the number
	Score        *exact.Score
	PassingScore exact.Score
	Passed       *bool
	Points       *exact.Points
	PointsTotal  exact.Points
	StartedAt    time.Time
	DeadlineAt   time.Time
	SubmittedAt  *time.Time
	Decision     *string
	Tags         []string
}

// Spent is the time from start to end; nil while it runs.
func (e Entry) Spent() *time.Duration {
	if e.SubmittedAt == nil {
		return nil
	}
	spent := e.SubmittedAt.Sub(e.StartedAt)
	return &spent
}

// targets are where a row's first columns go, in the order of listed.
func (e *Entry) targets() []any {
	return []any{&e.ID, &e.Name, &e.Email, &e.Status, &e.Version, &e.Score, &e.PassingScore, &e.Passed, &e.Points,
		&e.PointsTotal, &e.StartedAt, &e.DeadlineAt, &e.SubmittedAt, &e.Decision, &e.Tags}
}

// utc puts the times into UTC: the driver gives them in the machine's zone.
func (e *Entry) utc() {
	e.StartedAt, e.DeadlineAt = e.StartedAt.UTC(), e.DeadlineAt.UTC()
	if e.SubmittedAt != nil {
		at := e.SubmittedAt.UTC()
		e.SubmittedAt = &at
	}
}

// place is where a page ended: the sort key of its last row, and the row. It is the cursor, so its size counts.
type place struct {
	Sort  Sort         `json:"s"`
	ID    uuid.UUID    `json:"i"`
	Score *exact.Score `json:"p,omitempty"`
	At    *time.Time   `json:"t,omitempty"`
	Name  string       `json:"n,omitempty"` // as it stands: the statement puts it into lower case
}

// order is what a Sort means: its statement, and the key that goes with it.
type order struct {
	sql  string
	down bool
	key  func(*place) any // nil where the id is the key
}

func (s Sort) order() (order, bool) {
	switch s {
	case ByStart:
		return order{sql: sqlListByStart}, true
	case ByStartDown:
		return order{sql: sqlListByStartDown, down: true}, true
	case ByScore:
		return order{sql: sqlListByScore, key: lowScore}, true
	case ByScoreDown:
		return order{sql: sqlListByScoreDown, down: true, key: highScore}, true
	case BySubmitted:
		return order{sql: sqlListBySubmitted, key: earlyEnd}, true
	case BySubmittedDown:
		return order{sql: sqlListBySubmittedDown, down: true, key: lateEnd}, true
	case ByName:
		return order{sql: sqlListByName, key: firstName}, true
	case ByNameDown:
		return order{sql: sqlListByNameDown, down: true, key: lastName}, true
	}
	return order{}, false
}

// The keys: that of a place, or without one a value before every row in the order's direction.

func lowScore(p *place) any  { return scoreKey(p, -200) }
func highScore(p *place) any { return scoreKey(p, exact.MaxScore) }

func scoreKey(p *place, outside exact.Score) any {
	switch {
	case p == nil:
		return outside
	case p.Score == nil:
		return exact.WholeScore(-1)
	}
	return *p.Score
}

func earlyEnd(p *place) any { return endKey(p, pgtype.NegativeInfinity) }
func lateEnd(p *place) any  { return endKey(p, pgtype.Infinity) }

func endKey(p *place, outside pgtype.InfinityModifier) any {
	switch {
	case p == nil:
		return pgtype.Timestamptz{InfinityModifier: outside, Valid: true}
	case p.At == nil:
		return pgtype.Timestamptz{InfinityModifier: pgtype.Infinity, Valid: true}
	}
	return pgtype.Timestamptz{Time: *p.At, Valid: true}
}

func firstName(p *place) any {
	if p == nil {
		return ""
	}
	return p.Name
}

func lastName(p *place) any {
	if p == nil {
		return strings.Repeat("\U0010FFFF", 256) // longer than any name, of the last character there is
	}
	return p.Name
}

// arguments are $4 and $5 of the order's statement.
func (o order) arguments(p *place) []any {
	id := uuid.Nil
	switch {
	case p != nil:
		id = p.ID
	case o.down:
		id = uuid.Max
	}
	if o.key == nil {
		return []any{id}
	}
	return []any{id, o.key(p)}
}

// readPlace reads a cursor of the given order. The error is pg.ErrCursor.
func readPlace(s Sort, cursor string) (*place, error) {
	if cursor == "" {
		return nil, nil
	}
	var p place
	if err := pg.DecodeCursor(cursor, &p); err != nil {
		return nil, err
	}
	ofName := s == ByName || s == ByNameDown
	switch {
	case p.Sort != s, ofName != (p.Name != ""), !storable(p.Name):
		return nil, pg.ErrCursor
	case p.At != nil && (p.At.Year() < 1 || p.At.Year() > 9999):
		return nil, pg.ErrCursor
	}
	return &p, nil
}

// storable tells what Postgres takes as text.
func storable(text string) bool { return utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 }

// listSubmissions gives at most limit rows after a place.
func listSubmissions(ctx context.Context, q pg.Querier, employer, assessment uuid.UUID, f Filter, o order, limit int, after *place) ([]Entry, error) {
	sql, args := f.narrow(o.sql, append([]any{assessment, employer, limit}, o.arguments(after)...))
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := make([]Entry, 0, limit)
	for rows.Next() {
		list = append(list, Entry{})
		e := &list[len(list)-1]
		if err := rows.Scan(e.targets()...); err != nil {
			return nil, err
		}
		e.utc()
	}
	return list, rows.Err()
}

// assessmentTitle also tells whether the employer has the assessment: ErrAssessmentNotFound if not.
func assessmentTitle(ctx context.Context, q pg.Querier, employer, assessment uuid.UUID) (title string, err error) {
	err = q.QueryRow(ctx, sqlAssessmentTitle, employer, assessment).Scan(&title)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", ErrAssessmentNotFound
	}
	if err != nil {
		return "", fmt.Errorf("assessment %s: %w", assessment, err)
	}
	return title, nil
}
