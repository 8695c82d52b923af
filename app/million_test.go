package app_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"credlane/app/kit/pgtest"
)

// The world of the plans: a million submissions, a fifth of them of one assessment with all its answers, the others spread
// over the rest with a few assessments much fuller than most.
const (
	million         = 1_000_000
	crowded         = 200_000 // submissions of assessment 1
	manyAssessments = 10_000
	manyEmployers   = 2_000
	perAssessment   = 5 // of an assessment
)

// loadMillion loads the big tables by COPY and the others by testdata/million.sql. As an import of that size would, it lays
// the rules of rows, the indexes and the foreign keys aside and puts them back, which checks every row.
func loadMillion(t *testing.T, db pgtest.DB) {
	t.Helper()
	ctx := t.Context()
	conn, err := db.Pool.Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	script, err := os.ReadFile("testdata/million.sql")
	if err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer(":assessments", strconv.Itoa(manyAssessments), ":questions", strconv.Itoa(perAssessment)).Replace(string(script))
	aside, back := layAside(t, conn.Conn())
	exec := func(what, sql string) {
		t.Helper()
		if _, err := conn.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	exec("lay the rules aside", aside)
	for _, table := range copied() {
		if err := table.load(ctx, conn.Conn()); err != nil {
			t.Fatalf("copy %s: %v", table.name, err)
		}
	}
	exec("load the rest", loadFunctions+fill)
	for _, sql := range back {
		exec("put the rules back: "+sql, sql)
	}
	exec("analyze", "VACUUM (ANALYZE)")
}

const loadFunctions = `
CREATE FUNCTION pg_temp.id(kind int, n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS
 $$ SELECT (lpad(to_hex(kind), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
CREATE FUNCTION pg_temp.employer_of(a int) RETURNS uuid LANGUAGE sql IMMUTABLE AS
 $$ SELECT pg_temp.id(1, 1 + (a::bigint * a / 50000 % 2000)::int) $$;
`

// employerOf is employer_of: the first assessments are many to an employer, the last ones few.
func employerOf(a int) pgtype.UUID { return nth(1, 1+a*a/50_000%manyEmployers) }

// layAside gives the SQL that takes the triggers off, the foreign keys, and the indexes of the tables that are copied, and
// the statements that put all of it back.
func layAside(t *testing.T, conn *pgx.Conn) (aside string, back []string) {
	t.Helper()
	var names []string
	for _, table := range copied() {
		names = append(names, table.name)
	}
	rows, err := conn.Query(t.Context(), `
SELECT drop, make FROM (
    SELECT 1 AS step, format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS drop,
           format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS make
      FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace
    UNION ALL
    SELECT 2, format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
           format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
      FROM pg_constraint WHERE contype IN ('p', 'u') AND conrelid = ANY ($1::text[]::regclass[])
    UNION ALL
    SELECT 3, format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
      FROM pg_index WHERE indrelid = ANY ($1::text[]::regclass[]) AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
    UNION ALL
    SELECT DISTINCT 4, format('ALTER TABLE %s DISABLE TRIGGER USER', tgrelid::regclass), format('ALTER TABLE %s ENABLE TRIGGER USER', tgrelid::regclass)
      FROM pg_trigger WHERE NOT tgisinternal) s
 ORDER BY step, make`, names)
	if err != nil {
		t.Fatal(err)
	}
	var take, give string
	_, err = pgx.ForEachRow(rows, []any{&take, &give}, func() error {
		aside += take + ";\n"
		back = append([]string{give}, back...)
		return nil
	})
	if err != nil || len(back) < 30 {
		t.Fatalf("found %d rules to lay aside: %v", len(back), err)
	}
	return aside, back
}

// copiedTable is one that is loaded by COPY: row writes the nth into values, which are its alone.
type copiedTable struct {
	name    string
	columns []string
	rows    int
	row     func(n int, values []any)
}

// load copies in the transaction that empties the table, so that Postgres need not log the rows.
func (c copiedTable) load(ctx context.Context, conn *pgx.Conn) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "TRUNCATE "+c.name); err != nil {
			return err
		}
		n, values := 0, make([]any, len(c.columns))
		copied, err := tx.CopyFrom(ctx, pgx.Identifier{c.name}, c.columns, pgx.CopyFromFunc(func() ([]any, error) {
			if n++; n > c.rows {
				return nil, nil
			}
			c.row(n, values)
			return values, nil
		}))
		if err == nil && copied != int64(c.rows) {
			err = fmt.Errorf("copied %d of %d rows", copied, c.rows)
		}
		return err
	})
}

// nth is pg_temp.id.
func nth(kind, n int) pgtype.UUID {
	id := pgtype.UUID{Valid: true}
	binary.BigEndian.PutUint32(id.Bytes[:4], uint32(kind))
	binary.BigEndian.PutUint64(id.Bytes[8:], uint64(n))
	id.Bytes[6], id.Bytes[8] = 0x70, 0x80
	return id
}

// share is the nth of numbers that fill 0 to 1 evenly.
func share(n int) float64 { _, f := math.Modf(float64(n) * 0.6180339887498949); return f }

// assessmentOf is the one that submission n belongs to.
func assessmentOf(n int) int {
	if n <= crowded {
		return 1
	}
	f := share(n)
	return 2 + int(f*f*f*(manyAssessments-1))
}

// copied are the big tables. Every candidate takes part in at most two assessments, the crowded one and another.
func copied() []copiedTable {
	began := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	const people = million - crowded
	points := make([]pgtype.Numeric, 101)
	for i := range points {
		points[i] = pgtype.Numeric{Int: big.NewInt(int64(i)), Valid: true}
	}
	none, empty := pgtype.FlatArray[string]{}, []byte("[]")
	tags := []pgtype.FlatArray[string]{{"remote"}, {"remote", "senior"}, {"agency"}}
	var earned pgtype.FlatArray[int32]
	for range perAssessment {
		earned = append(earned, 1, 1)
	}
	decisions := []string{"shortlist", "hold", "decline"}
	chosen, one := []byte(`"0190a000"`), int64(1)
	actions := []string{"submission.started", "submission.submitted", "submission.judged", "assessment.updated", "member.invited"}
	return []copiedTable{
		{"users", []string{"id", "email", "name", "created_at", "updated_at"}, people, func(n int, v []any) {
			number := strconv.Itoa(n)
			v[0], v[1], v[2], v[3], v[4] = nth(2, n), "person"+number+"@example.com", "Person "+number, began, began
		}},
		{"submissions", []string{"id", "employer_id", "assessment_id", "version_id", "candidate_user_id", "name", "email", "consent_at",
			"notice_version", "layout", "status", "started_at", "deadline_at", "submitted_at", "points", "points_total", "score",
			"passing_score", "passed", "tags", "decision", "credits"}, million, func(n int, v []any) {
			a, person := assessmentOf(n), 1+(n-1)%people
			number, start := strconv.Itoa(person), began.Add(time.Duration(n)*10*time.Second)
			v[0], v[1], v[2], v[3], v[4] = nth(10, n), employerOf(a), nth(7, a), nth(9, a), nth(2, person)
			v[5], v[6], v[7], v[8], v[9] = "Person "+number, "person"+number+"@example.com", start, 1, empty
			v[10], v[11], v[12], v[15], v[17] = "submitted", start, start.Add(30*time.Minute), points[perAssessment], points[60]
			right := int(share(3*n) * (perAssessment + 1))
			v[13], v[14], v[16], v[18] = start.Add(time.Duration(300+n%1500)*time.Second), points[right], points[right*100/perAssessment], right*100/perAssessment >= 60
			v[21] = earned[:2*right]
			switch {
			case n%100 == 0:
				v[10], v[13], v[14], v[16], v[18], v[21] = "in_progress", nil, nil, nil, nil, nil
			case n%33 == 0:
				v[10] = "expired"
			}
			v[19], v[20] = none, nil
			if n%10 == 0 {
				v[19] = tags[n/10%len(tags)]
			}
			if n%50 == 0 {
				v[20] = decisions[n/50%len(decisions)]
			}
		}},
		{"submission_answers", []string{"submission_id", "question_id", "employer_id", "version_id", "answer", "sequence", "saved_at"}, crowded * perAssessment, func(n int, v []any) {
			s, q := 1+(n-1)/perAssessment, 1+(n-1)%perAssessment
			v[0], v[1], v[2], v[3] = nth(10, s), nth(8, q), employerOf(1), nth(9, 1)
			v[4], v[5], v[6] = chosen, one, began
		}},
		{"audit_events", []string{"id", "employer_id", "actor_kind", "actor_id", "action", "object_type", "object_id", "at"}, million, func(n int, v []any) {
			v[0], v[1], v[2], v[3] = nth(13, n), employerOf(assessmentOf(n)), "candidate", nth(2, 1+n%people)
			v[4], v[5], v[6], v[7] = actions[n%len(actions)], "submission", nth(10, n), began.Add(time.Duration(n)*10*time.Second)
		}},
	}
}
