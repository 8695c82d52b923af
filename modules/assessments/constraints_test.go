package assessments

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"credlane/app/kit/pg"
)

func TestEveryConstraintIsClaimedOrUnreachable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tables := []string{"assessments", "questions", "answer_keys", "assessment_versions", "version_questions", "version_answer_keys"}
	names := value[[]string](w, `
SELECT array_agg(DISTINCT name ORDER BY name) FROM (
    SELECT conname::text AS name FROM pg_constraint WHERE conrelid = ANY ($1::regclass[]) AND contype <> 't'
    UNION ALL
    SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = ANY ($1::regclass[]) AND indisunique) c`, tables)
	claimed := Constraints()
	known := slices.Concat(slices.Collect(maps.Keys(claimed)), Unreachable(), []string{})
	for _, name := range names {
		if !slices.Contains(known, name) {
			t.Errorf("%s is neither claimed nor listed as unreachable", name)
		}
	}
	raised := []string{"assessments_active_limit", "versions_immutable"} // by triggers
	for _, name := range known {
		if !slices.Contains(names, name) && !slices.Contains(raised, name) {
			t.Errorf("%s does not exist", name)
		}
	}
	for _, name := range Unreachable() {
		if claimed[name] != nil {
			t.Errorf("%s is claimed and unreachable", name)
		}
	}
}

// Each statement breaks one rule behind the service's back. {a}, {q}, {v} and {e} are a published assessment, its
// question, its version and its employer.
func TestTheDatabaseRefusesWhatTheServiceWould(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.published("A")
	q := w.questions(a)[0]
	w.add(a, choice())
	v, _, err := w.one.VersionInFull(w.ctx, a.ID, 1)
	w.must(err)
	stranger, _ := w.newEmployer(1)
	const version = `INSERT INTO assessment_versions (id, employer_id, assessment_id, number, title, description, time_limit_minutes, passing_score,
		shuffle_questions, shuffle_options, question_count, points_total, created_at) `
	const versionQuestion = `INSERT INTO version_questions (version_id, question_id, employer_id, position, type, prompt, options, points, tags,
		difficulty, explanation, credit_rule) `
	for name, breaks := range map[string][]string{
		"assessments_title_present":        {`UPDATE assessments SET title = ' '`, `UPDATE assessments SET title = repeat('x', 201)`},
		"assessments_description_length":   {`UPDATE assessments SET description = repeat('x', 20001)`},
		"assessments_slug_key":             {`INSERT INTO assessments (id, employer_id, title, slug, created_at, updated_at) SELECT gen_random_uuid(), employer_id, 'x', slug, now(), now() FROM assessments`},
		"assessments_slug_format":          {`UPDATE assessments SET slug = 'too-short'`},
		"assessments_status_known":         {`UPDATE assessments SET status = 'open'`},
		"assessments_time_limit_range":     {`UPDATE assessments SET time_limit_minutes = 0`, `UPDATE assessments SET time_limit_minutes = 601`},
		"assessments_passing_score_range":  {`UPDATE assessments SET passing_score = -1`, `UPDATE assessments SET passing_score = 100.01`},
		"assessments_result_release_known": {`UPDATE assessments SET result_release = 'all'`},
		"assessments_close_after_opening":  {`UPDATE assessments SET opens_at = now(), closes_at = now()`},
		"assessments_active_has_version":   {`INSERT INTO assessments (id, employer_id, title, slug, status, created_at, updated_at) VALUES (gen_random_uuid(), '{e}', 'x', 'abcdefghijkl', 'active', now(), now())`},
		"assessments_employer_fkey":        {`INSERT INTO assessments (id, employer_id, title, slug, created_at, updated_at) VALUES (gen_random_uuid(), gen_random_uuid(), 'x', 'abcdefghijkl', now(), now())`},
		"questions_position_positive":      {`UPDATE questions SET position = 0 WHERE id = '{q}'`},
		"questions_one_per_position":       {`UPDATE questions SET position = 1`},
		"questions_type_known":             {`UPDATE questions SET type = 'essay', options = '[]'`},
		"questions_prompt_present":         {`UPDATE questions SET prompt = ''`, `UPDATE questions SET prompt = repeat('x', 20001)`},
		"questions_options_list":           {`UPDATE questions SET options = '{}'`},
		"questions_choice_options":         {`UPDATE questions SET options = '[1]'`, `UPDATE questions SET type = 'true_false'`, `UPDATE questions SET options = (SELECT jsonb_agg(n) FROM generate_series(1, 21) n)`},
		"questions_points_range":           {`UPDATE questions SET points = -0.001`, `UPDATE questions SET points = 1000.001`},
		"questions_tags_bound":             {`UPDATE questions SET tags = array_fill('x'::text, ARRAY[21])`},
		"questions_difficulty_length":      {`UPDATE questions SET difficulty = repeat('x', 61)`},
		"questions_explanation_length":     {`UPDATE questions SET explanation = repeat('x', 20001)`},
		"questions_credit_rule_known":      {`UPDATE questions SET credit_rule = 'half'`},
		"questions_assessment_fkey":        {`INSERT INTO questions (id, employer_id, assessment_id, position, type, prompt, created_at, updated_at) VALUES (gen_random_uuid(), '{s}', '{a}', 9, 'true_false', 'x', now(), now())`, `UPDATE questions SET assessment_id = gen_random_uuid() WHERE id = '{q}'`},
		"answer_keys_question_fkey":        {`UPDATE answer_keys SET employer_id = '{s}'`, `INSERT INTO answer_keys VALUES (gen_random_uuid(), '{e}', '{}')`},
		"answer_keys_one_per_question":     {`INSERT INTO answer_keys VALUES ('{q}', '{e}', '{}')`},
		"answer_keys_object":               {`UPDATE answer_keys SET key = '[]'`},

		"assessment_versions_assessment_fkey":         {`DELETE FROM assessments`, version + `VALUES (gen_random_uuid(), '{s}', '{a}', 9, 'x', '', 1, 1, false, false, 1, 1, now())`},
		"assessment_versions_one_per_number":          {version + `VALUES (gen_random_uuid(), '{e}', '{a}', 1, 'x', '', 1, 1, false, false, 1, 1, now())`},
		"assessment_versions_number_positive":         {version + `VALUES (gen_random_uuid(), '{e}', '{a}', 0, 'x', '', 1, 1, false, false, 1, 1, now())`},
		"assessment_versions_title_present":           {version + `VALUES (gen_random_uuid(), '{e}', '{a}', 9, '', '', 1, 1, false, false, 1, 1, now())`},
		"assessment_versions_time_limit_range":        {version + `VALUES (gen_random_uuid(), '{e}', '{a}', 9, 'x', '', 0, 1, false, false, 1, 1, now())`},
		"assessment_versions_passing_score_range":     {version + `VALUES (gen_random_uuid(), '{e}', '{a}', 9, 'x', '', 1, 101, false, false, 1, 1, now())`},
		"assessment_versions_question_count_positive": {version + `VALUES (gen_random_uuid(), '{e}', '{a}', 9, 'x', '', 1, 1, false, false, 0, 1, now())`},
		"assessment_versions_points_positive":         {version + `VALUES (gen_random_uuid(), '{e}', '{a}', 9, 'x', '', 1, 1, false, false, 1, 0, now())`},
		"version_questions_version_fkey":              {versionQuestion + `VALUES (gen_random_uuid(), '{q}', '{e}', 9, 'true_false', 'x', '[]', 1, '{}', '', '', 'exact')`},
		"versions_immutable":                          {versionQuestion + `VALUES ('{v}', gen_random_uuid(), '{e}', 9, 'true_false', 'x', '[]', 1, '{}', '', '', 'exact')`, `UPDATE assessment_versions SET created_xid = pg_current_xact_id()`},
		"version_questions_one_per_position":          {versionQuestion + `VALUES ('{v}', gen_random_uuid(), '{e}', 1, 'true_false', 'x', '[]', 1, '{}', '', '', 'exact')`},
		"version_questions_position_positive":         {versionQuestion + `VALUES ('{v}', gen_random_uuid(), '{e}', 0, 'true_false', 'x', '[]', 1, '{}', '', '', 'exact')`},
		"version_questions_type_known":                {versionQuestion + `VALUES ('{v}', gen_random_uuid(), '{e}', 9, 'essay', 'x', '[]', 1, '{}', '', '', 'exact')`},
		"version_questions_options_list":              {versionQuestion + `VALUES ('{v}', gen_random_uuid(), '{e}', 9, 'true_false', 'x', '{}', 1, '{}', '', '', 'exact')`},
		"version_questions_points_range":              {versionQuestion + `VALUES ('{v}', gen_random_uuid(), '{e}', 9, 'true_false', 'x', '[]', 1001, '{}', '', '', 'exact')`},
		"version_questions_credit_rule_known":         {versionQuestion + `VALUES ('{v}', gen_random_uuid(), '{e}', 9, 'true_false', 'x', '[]', 1, '{}', '', '', 'half')`},
		"version_answer_keys_one_per_question":        {`INSERT INTO version_answer_keys VALUES ('{v}', '{q}', '{e}', '{}')`},
		"version_answer_keys_object":                  {`INSERT INTO version_answer_keys VALUES ('{v}', gen_random_uuid(), '{e}', '[]')`},
	} {
		for _, sql := range breaks {
			for mark, id := range map[string]string{"{a}": a.ID.String(), "{q}": q.ID.String(), "{v}": v.ID.String(), "{e}": w.employer.String(), "{s}": stranger.String()} {
				sql = strings.ReplaceAll(sql, mark, id)
			}
			_, err := w.db.Pool.Exec(t.Context(), sql)
			if got := pg.ConstraintName(err); got != name {
				t.Errorf("%s: broke %q, error %v; want %s", sql, got, err, name)
			}
		}
	}
}
