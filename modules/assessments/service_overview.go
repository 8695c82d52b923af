package assessments

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/pg"
)

// Order is how an overview is sorted.
type Order string

// The orders: newest first, last changed first, by title.
const (
	ByAge    Order = "newest"
	ByChange Order = "changed"
	ByTitle  Order = "title"
)

// OverviewFilter narrows and sorts what people look through; its zero value is all but the archived ones, newest first.
type OverviewFilter struct {
	Status Status
	Query  string // a part of the title, in any case
	Order  Order
	Cursor string // of Overview's answer
	Limit  int
}

// An employer's assessments are few enough to be sorted whenever they are looked at: an index for each order would cost every
// change of a draft more.
const (
	overviewed = `
SELECT ` + assessmentColumns + `
  FROM (SELECT l.id, `
	ofOverview = ` AS key
          FROM assessments l
         WHERE l.employer_id = $1 AND CASE $2 WHEN '' THEN l.status <> 'archived' ELSE l.status = $2 END
           AND ($3 = '' OR l.title ILIKE $3) AND `
	overviewPage = `
  JOIN assessments a ON a.id = page.id` + assessmentTotals + `
 ORDER BY `

	sqlOverviewByAge = overviewed + `NULL` + ofOverview + `$4::text IS NOT NULL AND l.id < $5
         ORDER BY l.id DESC LIMIT $6) page` + overviewPage + `a.id DESC`
	sqlOverviewByChange = overviewed + `l.updated_at` + ofOverview + `(l.updated_at, l.id) < ($4::text::timestamptz, $5)
         ORDER BY l.updated_at DESC, l.id DESC LIMIT $6) page` + overviewPage + `page.key DESC, a.id DESC`
	sqlOverviewByTitle = overviewed + `lower(l.title) COLLATE "C"` + ofOverview + `(lower(l.title) COLLATE "C", l.id) > (lower($4::text) COLLATE "C", $5)
         ORDER BY lower(l.title) COLLATE "C", l.id LIMIT $6) page` + overviewPage + `page.key, a.id`
)

// place is the last row of a page, in the order of its list.
type place struct {
	Key string    `json:"k"`
	ID  uuid.UUID `json:"id"`
}

// Overview gives one page of the caller's employer's assessments and the cursor of the next, nil on the last.
// Fault: pg.ErrCursor.
func (s *Service) Overview(ctx context.Context, f OverviewFilter) ([]Assessment, *string, error) {
	sql, at := sqlOverviewByAge, place{ID: uuid.Max}
	switch f.Order {
	case ByChange:
		sql, at.Key = sqlOverviewByChange, "infinity"
	case ByTitle:
		sql, at.ID = sqlOverviewByTitle, uuid.Nil
	}
	if f.Cursor != "" {
		if err := pg.DecodeCursor(f.Cursor, &at); err != nil {
			return nil, nil, err
		}
		if _, err := time.Parse(time.RFC3339Nano, at.Key); f.Order == ByChange && err != nil {
			return nil, nil, pg.ErrCursor
		}
	}
	list, err := pg.All[Assessment](ctx, s.db, sql, employerOf(ctx), f.Status, contains(f.Query), at.Key, at.ID, f.Limit+1)
	if err != nil {
		return nil, nil, fmt.Errorf("look through assessments: %w", err)
	}
	if len(list) <= f.Limit {
		return list, nil, nil
	}
	last := list[f.Limit-1]
	at = place{ID: last.ID}
	switch f.Order {
	case ByChange:
		at.Key = last.UpdatedAt.Format(time.RFC3339Nano)
	case ByTitle:
		at.Key = last.Title
	}
	next, err := pg.EncodeCursor(at)
	if err != nil {
		return nil, nil, fmt.Errorf("look through assessments: %w", err)
	}
	return list[:f.Limit], &next, nil
}

// contains is the pattern of a text in any case; "" for every text.
func contains(part string) string {
	if part == "" {
		return ""
	}
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(part) + "%"
}

// maxMissing is how many questions without a key are counted in one draft.
const maxMissing = 1_000

const sqlMissingKeys = `
SELECT a.id, m.missing
  FROM assessments a
 CROSS JOIN LATERAL (
       SELECT count(*) AS missing
         FROM (SELECT FROM questions q LEFT JOIN answer_keys k ON k.question_id = q.id
                WHERE q.assessment_id = a.id AND k.question_id IS NULL
                LIMIT $3) n) m
 WHERE a.employer_id = $1 AND a.id = ANY ($2)`

type missing struct {
	ID      uuid.UUID `db:"id"`
	Missing int       `db:"missing"`
}

// MissingKeys counts the questions without an answer key in each of a page of drafts, in one statement.
func (s *Service) MissingKeys(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int, error) {
	rows, err := pg.All[missing](ctx, s.db, sqlMissingKeys, employerOf(ctx), ids, maxMissing)
	if err != nil {
		return nil, fmt.Errorf("keys that are missing: %w", err)
	}
	all := make(map[uuid.UUID]int, len(rows))
	for _, r := range rows {
		all[r.ID] = r.Missing
	}
	return all, nil
}

// Attention says how many of the employer's assessments wait for somebody.
type Attention struct {
	Changed    int // active ones whose draft differs from what candidates get
	Unfinished int // drafts with questions whose key is missing
}

const sqlAttention = `
SELECT count(*) FILTER (WHERE a.status = 'active' AND a.published_revision IS DISTINCT FROM a.content_revision) AS changed,
       count(*) FILTER (WHERE u.unfinished) AS unfinished
  FROM assessments a
 CROSS JOIN LATERAL (
       SELECT count(*) > 0 AS unfinished
         FROM (SELECT FROM questions q LEFT JOIN answer_keys k ON k.question_id = q.id
                WHERE q.assessment_id = a.id AND a.status = 'draft' AND k.question_id IS NULL
                LIMIT 1) n) u
 WHERE a.employer_id = $1 AND a.status IN ('active', 'draft')`

// Attention counts what waits for the caller's employer.
func (s *Service) Attention(ctx context.Context) (n Attention, err error) {
	if err = s.db.QueryRow(ctx, sqlAttention, employerOf(ctx)).Scan(&n.Changed, &n.Unfinished); err != nil {
		return n, fmt.Errorf("what waits: %w", err)
	}
	return n, nil
}
