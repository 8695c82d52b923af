package submissions

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/rest"
)

// plan is what Postgres does for a statement that it knows nothing of the values of.
func (d *desk) plan(sql string, args ...any) string {
	d.t.Helper()
	lines := []string{}
	err := pgx.BeginFunc(d.t.Context(), d.db.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(d.t.Context(), `SET LOCAL plan_cache_mode = force_generic_plan`); err != nil {
			return err
		}
		if _, err := tx.Prepare(d.t.Context(), "planned", sql); err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
		defer func() { _ = tx.Conn().Deallocate(d.t.Context(), "planned") }()
		values := make([]string, len(args))
		for i, a := range args {
			values[i] = fmt.Sprintf("'%v'", a)
			if list, ok := a.([]uuid.UUID); ok {
				values[i] = "'{" + list[0].String() + "}'"
			}
		}
		rows, err := tx.Query(d.t.Context(), "EXPLAIN EXECUTE planned ("+strings.Join(values, ", ")+")", pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			return err
		}
		lines, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		d.t.Fatalf("plan: %v\n%s", err, sql)
	}
	return strings.Join(lines, "\n")
}

func TestEveryListWalksItsIndexAndSortsNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, rest.Options{})
	d.fill(d.version, 1, 10_000, "") // all of one assessment: the planner's temptation to walk the ids of all
	d.exec(`ALTER TABLE submission_answers DISABLE TRIGGER submission_answers_open`)
	d.exec(`INSERT INTO submission_answers (submission_id, question_id, employer_id, version_id, answer, sequence, saved_at)
		SELECT s.id, q.question_id, s.employer_id, s.version_id, '"x"', 1, $1
		  FROM submissions s JOIN version_questions q ON q.version_id = s.version_id WHERE s.id < $2`, opened, fixed(7, 4000))
	d.exec(`INSERT INTO audit_events (id, employer_id, actor_kind, action, object_type, object_id, at)
		SELECT s.id, s.employer_id, 'job', 'submission.expired', 'submission', s.id, $1 FROM submissions s`, opened)
	d.exec(`INSERT INTO submission_extra_times (id, employer_id, submission_id, extra_time_percent, deadline_at, reason, given_by_kind, given_by, at)
		SELECT s.id, s.employer_id, s.id, 50, $1, 'why', 'member', s.id, $1 FROM submissions s`, opened)
	d.exec(`ANALYZE`)
	keys := map[Sort]string{ByScore: "0", BySubmitted: "2026-03-02", ByName: "p"}
	indexes := map[Sort]string{ByStart: "submissions_by_start", ByScore: "submissions_by_score", BySubmitted: "submissions_by_submitted",
		ByName: "submissions_by_name"}
	passed := true
	filters := map[string]Filter{"": {}, "status": {Status: Submitted}, "passed": {Passed: &passed}, "undecided": {Decision: Undecided}}
	for _, s := range sorts {
		for name, f := range filters {
			o, _ := s.order()
			plain := Sort(strings.TrimPrefix(string(s), "-"))
			args := []any{d.version.AssessmentID, d.version.EmployerID, 51, uuid.Nil}
			if key, ok := keys[plain]; ok {
				args = append(args, key)
			}
			sql, args := f.narrow(o.sql, args)
			if f.Passed != nil {
				args[len(args)-1] = "true"
			}
			plan := d.plan(sql, args...)
			if !strings.Contains(plan, indexes[plain]) || strings.Contains(plan, "Sort") || strings.Contains(plan, "Seq Scan on submissions") {
				t.Errorf("by %s, filtered by %q:\n%s", s, name, plan)
				continue
			}
			walk := plan[strings.Index(plan, indexes[plain]):]
			if first, _, _ := strings.Cut(walk[strings.Index(walk, "Index Cond"):], "\n"); !strings.Contains(first, "id") || !strings.Contains(first, "assessment_id") ||
				strings.Count(first, "$") < 2 {
				t.Errorf("by %s, filtered by %q: the page's beginning is no part of the index condition: %s", s, name, first)
			}
		}
	}
	for index, f := range map[string]Filter{"submissions_by_decision": {Decision: "shortlist"}, "submissions_tagged": {Tag: "remote"}} {
		o, _ := ByScoreDown.order()
		sql, args := f.narrow(o.sql, []any{d.version.AssessmentID, d.version.EmployerID, 51, uuid.Max, "1000"})
		if plan := d.plan(sql, args...); !strings.Contains(plan, index) {
			t.Errorf("filtered by %+v:\n%s", f, plan)
		}
	}
	if plan := d.plan(sqlExportBatch, d.version.AssessmentID, d.version.EmployerID, 500, uuid.Nil, []uuid.UUID{d.version.ID}); !strings.Contains(plan,
		"submissions_by_start") || strings.Contains(plan, "Sort") || !strings.Contains(plan, "submission_answers_one_per_question") {
		t.Errorf("a batch of an export:\n%s", plan)
	}
	for what, plan := range map[string]string{
		"detail":  d.plan(sqlOneSubmission, d.version.EmployerID, fixed(7, 1)),
		"answers": d.plan(sqlAnswersGiven, d.version.EmployerID, fixed(7, 1)),
		"times":   d.plan(sqlExtraTimes, d.version.EmployerID, fixed(7, 1)),
		"overdue": d.plan(sqlVersionIfOverdue, d.version.EmployerID, fixed(7, 1), "2026-03-02"),
		"lock":    d.plan(sqlLockForTime, d.version.EmployerID, fixed(7, 1)),
		"judge":   d.plan(sqlLockJudgement, d.version.EmployerID, fixed(7, 1)),
		"void":    d.plan(sqlLockToVoid, d.version.EmployerID, fixed(7, 1)),
		"keep":    d.plan(sqlKeepVoided, d.version.EmployerID, fixed(7, 1), fixed(8, 1), "x", "2026-03-02"),
		"delete":  d.plan(sqlDeleteSubmission, d.version.EmployerID, fixed(7, 1)),
		"title":   d.plan(sqlAssessmentTitle, d.version.EmployerID, d.version.AssessmentID),
		"results": d.plan(sqlToSumUp, d.version.AssessmentID, d.version.EmployerID, d.version.ID),
		"version": d.plan(sqlVersionToSumUp, d.version.EmployerID, d.version.AssessmentID, 1),
	} {
		if strings.Contains(plan, "Seq Scan on submission_") || what != "results" && strings.Contains(plan, "Seq Scan on submissions") || strings.Contains(plan, "Seq Scan on audit") {
			t.Errorf("%s:\n%s", what, plan)
		}
	}
}
