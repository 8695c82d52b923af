package migrations_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"credlane/app/kit/pgtest"
)

// world is a small tenant in raw SQL, so that a rule is broken without the service in the way. Ids end in a digit that
// says whose they are: employer 1 with members, an active assessment 10 with version 20 and questions 30 and 31, a
// candidate 5 with submission 40 in progress, and employer 2 with a draft 11.
const world = `
INSERT INTO employers (id, name, slug, created_at, updated_at) VALUES
 (id(1), 'One', 'one', now(), now()), (id(2), 'Two', 'two', now(), now());
INSERT INTO users (id, email, name, created_at, updated_at) VALUES
 (id(3), 'owner@one.example', 'Olga', now(), now()), (id(4), 'viewer@one.example', 'Vera', now(), now()),
 (id(5), 'cara@mail.example', 'Cara', now(), now()), (id(6), 'dan@mail.example', 'Dan', now(), now());
INSERT INTO memberships (id, employer_id, user_id, role, created_at) VALUES
 (id(7), id(1), id(3), 'owner', now()), (id(8), id(1), id(4), 'viewer', now());
INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at) VALUES (id(9), id(3), now(), now(), now() + '1 day');
INSERT INTO assessments (id, employer_id, title, slug, created_at, updated_at) VALUES
 (id(10), id(1), 'Active', 'aaaaaaaaaa', now(), now()), (id(11), id(2), 'Draft of two', 'bbbbbbbbbb', now(), now()),
 (id(12), id(1), 'Draft', 'cccccccccc', now(), now());
INSERT INTO questions (id, employer_id, assessment_id, position, type, prompt, options, created_at, updated_at) VALUES
 (id(30), id(1), id(10), 1, 'single_choice', 'Which?', '[{"id":"a","text":"A"},{"id":"b","text":"B"}]', now(), now()),
 (id(31), id(1), id(10), 2, 'short_text', 'Why?', '[]', now(), now());
INSERT INTO answer_keys (question_id, employer_id, key) VALUES (id(30), id(1), '{"optionId":"a"}');
BEGIN;
INSERT INTO assessment_versions (id, employer_id, assessment_id, number, title, description, time_limit_minutes,
 passing_score, shuffle_questions, shuffle_options, question_count, points_total, created_at)
 VALUES (id(20), id(1), id(10), 1, 'Active', '', 30, 60, false, false, 2, 2, now());
INSERT INTO version_questions (version_id, question_id, employer_id, position, type, prompt, options, points, tags, difficulty, explanation, credit_rule)
 SELECT id(20), id, employer_id, position, type, prompt, options, points, tags, difficulty, explanation, credit_rule FROM questions;
INSERT INTO version_answer_keys (version_id, question_id, employer_id, key) VALUES (id(20), id(30), id(1), '{"optionId":"a"}');
COMMIT;
UPDATE assessments SET status = 'active', current_version = 1 WHERE id = id(10);
INSERT INTO submissions (id, employer_id, assessment_id, version_id, candidate_user_id, name, email, consent_at, notice_version,
 layout, started_at, deadline_at, points_total, passing_score)
 VALUES (id(40), id(1), id(10), id(20), id(5), 'Cara', 'cara@mail.example', now(), 1, '[]', now(), now() + '30 min', 2, 60);
INSERT INTO submission_answers (submission_id, question_id, answer, sequence, saved_at) VALUES (id(40), id(30), '"a"', 1, now());
INSERT INTO invites (id, employer_id, assessment_id, email, token_hash, created_by_kind, created_by, created_at, expires_at)
 VALUES (id(70), id(1), id(10), 'gwen@mail.example', 't', 'member', id(3), now(), now() + '14 days');
INSERT INTO imports (id, employer_id, assessment_id, file_name, sha256, bytes, format, status, accepted, rejected, warned, error_count, result, created_by, created_at)
 VALUES (id(50), id(1), id(12), 'q.csv', decode(repeat('00', 32), 'hex'), 1, 'csv', 'done', 1, 0, 0, 0, '{}', id(3), now());
INSERT INTO audit_events (id, employer_id, actor_kind, action, object_type, at) VALUES (id(60), id(1), 'operator', 'a.b', 'x', now());
INSERT INTO idempotency_keys (principal, operation, key_hash, request_hash, created_at, expires_at) VALUES ('p', 'o', 'k', 'r', now(), now() + '1 day');
INSERT INTO signing_keys (kid, sealed, active_from, created_at) VALUES ('kid-00000001', 's', now(), now());
INSERT INTO mails (id, employer_id, template, to_address, to_name, data, unique_key, message_id, created_at, due_at)
 VALUES (id(70), id(1), 'note', 'cara@mail.example', 'Cara', '{}', 'once', 'm', now(), now());
INSERT INTO webhook_endpoints (id, employer_id, url, description, event_types, secret, created_at, updated_at)
 VALUES (id(80), id(1), 'https://hooks.example/', '', '{webhook.test}', 's', now(), now());
INSERT INTO webhook_messages (id, employer_id, type, object_id, at) VALUES (id(81), id(1), 'webhook.test', id(80), now());
INSERT INTO webhook_deliveries (id, employer_id, endpoint_id, message_id, created_at) VALUES (id(82), id(1), id(80), id(81), now());
INSERT INTO webhook_attempts (delivery_id, employer_id, number, at, url, took_ms, request_headers, response_headers, response_body)
 VALUES (id(82), id(1), 1, now(), 'https://hooks.example/', 1, '{}', '{}', '');
`

// idFunction makes readable ids; it lives in the test's database alone.
const idFunction = `CREATE FUNCTION id(n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS
 $$ SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid $$;`

func newWorld(t *testing.T) *pgxpool.Pool {
	t.Helper()
	db := pgtest.New(t)
	for _, sql := range []string{idFunction, world} {
		// The simple protocol: many statements in one call.
		if _, err := db.Pool.Exec(t.Context(), sql); err != nil {
			t.Fatalf("make the world: %v", err)
		}
	}
	return db.Pool
}

// broken tries each statement in turn and wants the named constraint to refuse it. A rule is held by the schema alone:
// this runs without any service.
var broken = []struct{ constraint, sql string }{
	{"employers_name_present", `UPDATE employers SET name = '  ' WHERE id = id(1)`},
	{"employers_active_limit_not_negative", `UPDATE employers SET active_assessment_limit = -1`},
	{"employers_slug_key", `UPDATE employers SET slug = 'two' WHERE id = id(1)`},
	{"employers_slug_format", `UPDATE employers SET slug = 'No Spaces' WHERE id = id(1)`},
	{"employers_notice_version_positive", `UPDATE employers SET privacy_notice_version = 0`},
	{"employers_privacy_notice_length", `UPDATE employers SET privacy_notice = repeat('x', 20001)`},
	{"employers_reply_to_format", `UPDATE employers SET reply_to = 'nobody'`},
	{"users_email_key", `INSERT INTO users (id, email, name, created_at, updated_at) VALUES (id(99), 'OWNER@One.Example', '', now(), now())`},
	{"users_email_format", `UPDATE users SET email = 'no at sign' WHERE id = id(3)`},
	{"users_name_length", `UPDATE users SET name = repeat('x', 201) WHERE id = id(3)`},
	{"memberships_one_employer_per_user", `INSERT INTO memberships VALUES (id(99), id(2), id(3), 'owner', now())`},
	{"memberships_role_known", `UPDATE memberships SET role = 'boss' WHERE id = id(8)`},
	{"memberships_employer_fkey", `UPDATE memberships SET employer_id = id(99) WHERE id = id(8)`},
	{"memberships_user_fkey", `UPDATE memberships SET user_id = id(99) WHERE id = id(8)`},
	{"memberships_last_owner", `UPDATE memberships SET role = 'viewer' WHERE id = id(7)`},
	{"memberships_last_owner", `DELETE FROM memberships WHERE id = id(7)`},
	{"memberships_last_owner", `UPDATE memberships SET employer_id = id(2) WHERE id = id(7)`},
	{"memberships_last_owner", `DELETE FROM memberships`},
	{"member_invitations_one_live", `INSERT INTO member_invitations SELECT id(n), id(1), CASE n WHEN 90 THEN 'a@b' ELSE 'A@B' END, 'viewer', n::text::bytea, now(), now() + '1 day' FROM generate_series(90, 91) n`},
	{"member_invitations_token_key", `INSERT INTO member_invitations SELECT id(n), id(1), n || '@b', 'viewer', 'same', now(), now() + '1 day' FROM generate_series(90, 91) n`},
	{"member_invitations_role_known", `INSERT INTO member_invitations VALUES (id(90), id(1), 'a@b', 'boss', 't', now(), now() + '1 day')`},
	{"member_invitations_email_format", `INSERT INTO member_invitations VALUES (id(90), id(1), 'ab', 'viewer', 't', now(), now() + '1 day')`},
	{"member_invitations_expire_later", `INSERT INTO member_invitations VALUES (id(90), id(1), 'a@b', 'viewer', 't', now(), now())`},
	{"member_invitations_employer_fkey", `INSERT INTO member_invitations VALUES (id(90), id(99), 'a@b', 'viewer', 't', now(), now() + '1 day')`},
	{"member_invitations_rotation_not_negative", `INSERT INTO member_invitations VALUES (id(90), id(1), 'a@b', 'viewer', 't', now(), now() + '1 day', NULL, NULL, -1)`},
	{"user_tokens_token_key", `INSERT INTO user_tokens SELECT id(n), id(3), 'password_reset', 'same', now(), now() + '1 h' FROM generate_series(90, 91) n`},
	{"user_tokens_purpose_known", `INSERT INTO user_tokens VALUES (id(90), id(3), 'fun', 't', now(), now() + '1 h')`},
	{"user_tokens_expire_later", `INSERT INTO user_tokens VALUES (id(90), id(3), 'password_reset', 't', now(), now())`},
	{"user_tokens_user_fkey", `INSERT INTO user_tokens VALUES (id(90), id(99), 'password_reset', 't', now(), now() + '1 h')`},
	{"sessions_user_fkey", `UPDATE sessions SET user_id = id(99)`},
	{"sessions_expire_later", `UPDATE sessions SET expires_at = created_at`},
	{"sessions_user_agent_length", `UPDATE sessions SET user_agent = repeat('x', 501)`},
	{"sessions_cookie_hash_length", `UPDATE sessions SET cookie_hash = 'short'`},
	{"sessions_cookie_key", `INSERT INTO sessions SELECT id(n), id(3), '', NULL, now(), now(), now() + '1 h', NULL, decode(repeat('00', 32), 'hex')
		FROM generate_series(90, 91) n`},
	{"refresh_tokens_token_key", `INSERT INTO refresh_tokens SELECT id(n), id(9), 'same', now(), now() + '1 h' FROM generate_series(90, 91) n`},
	{"refresh_tokens_session_fkey", `INSERT INTO refresh_tokens VALUES (id(90), id(99), 't', now(), now() + '1 h')`},
	{"refresh_tokens_expire_later", `INSERT INTO refresh_tokens VALUES (id(90), id(9), 't', now(), now())`},
	{"api_keys_hash_key", `INSERT INTO api_keys (id, employer_id, name, prefix, key_hash, role, created_by, created_at) SELECT id(n), id(1), 'k', 'clk_abcdef', 'same', 'viewer', id(3), now() FROM generate_series(90, 91) n`},
	{"api_keys_role_known", `INSERT INTO api_keys (id, employer_id, name, prefix, key_hash, role, created_by, created_at) VALUES (id(90), id(1), 'k', 'clk_abcdef', 'h', 'boss', id(3), now())`},
	{"api_keys_name_present", `INSERT INTO api_keys (id, employer_id, name, prefix, key_hash, role, created_by, created_at) VALUES (id(90), id(1), ' ', 'clk_abcdef', 'h', 'viewer', id(3), now())`},
	{"api_keys_prefix_format", `INSERT INTO api_keys (id, employer_id, name, prefix, key_hash, role, created_by, created_at) VALUES (id(90), id(1), 'k', 'xyz', 'h', 'viewer', id(3), now())`},
	{"api_keys_expire_later", `INSERT INTO api_keys (id, employer_id, name, prefix, key_hash, role, created_by, created_at, expires_at) VALUES (id(90), id(1), 'k', 'clk_abcdef', 'h', 'viewer', id(3), now(), now())`},
	{"api_keys_employer_fkey", `INSERT INTO api_keys (id, employer_id, name, prefix, key_hash, role, created_by, created_at) VALUES (id(90), id(99), 'k', 'clk_abcdef', 'h', 'viewer', id(3), now())`},
	{"api_keys_creator_fkey", `INSERT INTO api_keys (id, employer_id, name, prefix, key_hash, role, created_by, created_at) VALUES (id(90), id(1), 'k', 'clk_abcdef', 'h', 'viewer', id(99), now())`},
	{"signing_keys_one_current", `INSERT INTO signing_keys (kid, sealed, active_from, created_at) VALUES ('kid-00000002', 's', now(), now())`},
	{"signing_keys_kid_format", `UPDATE signing_keys SET kid = '?'`},
	{"signing_keys_retire_later", `UPDATE signing_keys SET retired_at = active_from - interval '1 s'`},

	{"assessments_title_present", `UPDATE assessments SET title = ' '`},
	{"assessments_description_length", `UPDATE assessments SET description = repeat('x', 20001)`},
	{"assessments_slug_key", `UPDATE assessments SET slug = 'bbbbbbbbbb' WHERE id = id(10)`},
	{"assessments_slug_format", `UPDATE assessments SET slug = 'short' WHERE id = id(10)`},
	{"assessments_status_known", `UPDATE assessments SET status = 'open' WHERE id = id(10)`},
	{"assessments_time_limit_range", `UPDATE assessments SET time_limit_minutes = 0`},
	{"assessments_time_limit_range", `UPDATE assessments SET time_limit_minutes = 601`},
	{"assessments_passing_score_range", `UPDATE assessments SET passing_score = 100.01`},
	{"assessments_passing_score_range", `UPDATE assessments SET passing_score = -0.01`},
	{"assessments_result_release_known", `UPDATE assessments SET result_release = 'all'`},
	{"assessments_close_after_opening", `UPDATE assessments SET opens_at = now(), closes_at = now()`},
	{"assessments_active_has_version", `UPDATE assessments SET status = 'active' WHERE id = id(12)`},
	{"assessments_active_limit", `UPDATE employers SET active_assessment_limit = 1; UPDATE assessments SET status = 'active', current_version = 1 WHERE id = id(12)`},
	{"assessments_active_limit", `UPDATE employers SET active_assessment_limit = 1; INSERT INTO assessments (id, employer_id, title, slug, status, current_version, created_at, updated_at) VALUES (id(90), id(1), 'x', 'dddddddddd', 'active', 1, now(), now())`},
	{"assessments_employer_fkey", `INSERT INTO assessments (id, employer_id, title, slug, created_at, updated_at) VALUES (id(90), id(99), 'x', 'dddddddddd', now(), now())`},
	{"questions_type_known", `UPDATE questions SET type = 'essay' WHERE id = id(31)`},
	{"questions_prompt_present", `UPDATE questions SET prompt = ' '`},
	{"questions_position_positive", `UPDATE questions SET position = 0 WHERE id = id(30)`},
	{"questions_options_list", `UPDATE questions SET options = '{}' WHERE id = id(31)`},
	{"questions_points_range", `UPDATE questions SET points = 1000.001`},
	{"questions_points_range", `UPDATE questions SET points = -0.001`},
	{"questions_tags_bound", `UPDATE questions SET tags = array_fill('x'::text, ARRAY[21])`},
	{"questions_difficulty_length", `UPDATE questions SET difficulty = repeat('x', 61)`},
	{"questions_explanation_length", `UPDATE questions SET explanation = repeat('x', 20001)`},
	{"questions_credit_rule_known", `UPDATE questions SET credit_rule = 'kind'`},
	{"questions_choice_options", `UPDATE questions SET options = '[{"id":"a","text":"A"}]' WHERE id = id(30)`},
	{"questions_choice_options", `UPDATE questions SET options = '[{"id":"a","text":"A"}]' WHERE id = id(31)`},
	{"questions_one_per_position", `UPDATE questions SET position = 1`},
	{"questions_assessment_fkey", `UPDATE questions SET assessment_id = id(11) WHERE id = id(31)`},
	{"answer_keys_one_per_question", `INSERT INTO answer_keys VALUES (id(30), id(1), '{}')`},
	{"answer_keys_object", `UPDATE answer_keys SET key = '[]'`},
	{"answer_keys_question_fkey", `INSERT INTO answer_keys VALUES (id(99), id(1), '{}')`},
	{"answer_keys_question_fkey", `INSERT INTO answer_keys VALUES (id(31), id(2), '{}')`},
	{"versions_immutable", `UPDATE assessment_versions SET title = 'x'`},
	{"versions_immutable", `DELETE FROM assessment_versions`},
	{"versions_immutable", `TRUNCATE assessment_versions CASCADE`},
	{"versions_immutable", `UPDATE version_questions SET prompt = 'x'`},
	{"versions_immutable", `DELETE FROM version_questions`},
	{"versions_immutable", `TRUNCATE version_questions CASCADE`},
	{"versions_immutable", `INSERT INTO version_questions SELECT id(20), id(90), employer_id, 3, type, prompt, options, points, tags, difficulty, explanation, credit_rule FROM version_questions WHERE position = 1`},
	{"versions_immutable", `UPDATE version_answer_keys SET key = '{}'`},
	{"versions_immutable", `DELETE FROM version_answer_keys`},
	{"versions_immutable", `TRUNCATE version_answer_keys`},
	{"versions_immutable", `INSERT INTO version_answer_keys VALUES (id(20), id(31), id(1), '{}')`},
	{"assessment_versions_one_per_number", versionRow(`number, 'x', '', 30, 60, false, false, 1, 1`, "1 AS number")},
	{"assessment_versions_number_positive", versionRow(`number, 'x', '', 30, 60, false, false, 1, 1`, "0 AS number")},
	{"assessment_versions_title_present", versionRow(`2, ' ', '', 30, 60, false, false, 1, 1`, "0")},
	{"assessment_versions_time_limit_range", versionRow(`2, 'x', '', 601, 60, false, false, 1, 1`, "0")},
	{"assessment_versions_passing_score_range", versionRow(`2, 'x', '', 30, 101, false, false, 1, 1`, "0")},
	{"assessment_versions_question_count_positive", versionRow(`2, 'x', '', 30, 60, false, false, 0, 1`, "0")},
	{"assessment_versions_points_positive", versionRow(`2, 'x', '', 30, 60, false, false, 1, 0`, "0")},

	{"submissions_one_per_candidate", submissionRow(`id(90), id(1), id(10), id(20), id(5), 'Cara', 'c@d', now(), 1, '[]', now(), now() + '1 min', 2, 60`)},
	{"submissions_candidate_fkey", submissionRow(`id(90), id(1), id(10), id(20), id(99), 'Cara', 'c@d', now(), 1, '[]', now(), now() + '1 min', 2, 60`)},
	{"submissions_assessment_fkey", submissionRow(`id(90), id(2), id(10), id(20), id(6), 'Dan', 'c@d', now(), 1, '[]', now(), now() + '1 min', 2, 60`)},
	{"submissions_version_fkey", submissionRow(`id(90), id(2), id(11), id(20), id(6), 'Dan', 'c@d', now(), 1, '[]', now(), now() + '1 min', 2, 60`)},
	{"submissions_deadline_after_start", submissionRow(`id(90), id(1), id(10), id(20), id(6), 'Dan', 'c@d', now(), 1, '[]', now(), now(), 2, 60`)},
	{"submissions_name_present", `UPDATE submissions SET name = ' '`},
	{"submissions_email_length", `UPDATE submissions SET email = repeat('x', 255)`},
	{"submissions_notice_version_positive", `UPDATE submissions SET notice_version = 0`},
	{"submissions_session_number_positive", `UPDATE submissions SET session_number = 0`},
	{"submissions_status_known", `UPDATE submissions SET status = 'paused', submitted_at = now(), points = 1, credits = '{}', score = 50, passed = false`},
	{"submissions_extra_time_range", `UPDATE submissions SET extra_time_percent = 301`},
	{"submissions_extra_time_range", `UPDATE submissions SET extra_time_percent = -1`},
	{"submissions_points_total_positive", `UPDATE submissions SET points_total = 0`},
	{"submissions_passing_score_range", `UPDATE submissions SET passing_score = 101`},
	{"submissions_submitted_after_start", ended(`submitted_at = started_at - interval '1 s', points = 1, credits = '{}', score = 50, passed = false`)},
	{"submissions_points_not_negative", ended(`submitted_at = now(), points = -1, credits = '{}', score = 50, passed = false`)},
	{"submissions_score_range", ended(`submitted_at = now(), points = 1, credits = '{}', score = 100.01, passed = true`)},
	{"submissions_score_range", ended(`submitted_at = now(), points = 1, credits = '{}', score = -1, passed = false`)},
	{"submissions_score_when_submitted", ended(`submitted_at = NULL, points = 1, credits = '{}', score = 50, passed = false`)},
	{"submissions_score_when_submitted", ended(`submitted_at = now(), points = 1, credits = '{}', score = NULL, passed = NULL`)},
	{"submissions_score_when_submitted", ended(`submitted_at = now(), points = 1, credits = '{}', score = 50, passed = NULL`)},
	{"submissions_score_when_submitted", `UPDATE submissions SET submitted_at = now(), points = 1, credits = '{}', score = 50, passed = false`},
	{"submissions_score_when_submitted", ended(`submitted_at = now(), points = 1, credits = NULL, score = 50, passed = false`)},
	{"submissions_score_when_submitted", `UPDATE submissions SET credits = '{}'`},
	{"submissions_passed_follows_score", ended(`submitted_at = now(), points = 1, credits = '{}', score = 60, passed = false`)},
	{"submissions_passed_follows_score", ended(`submitted_at = now(), points = 1, credits = '{}', score = 59.99, passed = true`)},
	{"submissions_note_length", `UPDATE submissions SET note = repeat('x', 10001)`},
	{"submissions_tags_bound", `UPDATE submissions SET tags = array_fill('x'::text, ARRAY[21])`},
	{"submissions_decision_known", `UPDATE submissions SET decision = 'maybe'`},
	{"submissions_final", end + `; UPDATE submissions SET score = 60, passed = true`},
	{"submissions_final", end + `; UPDATE submissions SET status = 'expired'`},
	{"submissions_final", end + `; UPDATE submissions SET status = 'in_progress', submitted_at = NULL, points = NULL, credits = NULL, score = NULL, passed = NULL`},
	{"submissions_final", end + `; UPDATE submissions SET deadline_at = deadline_at + interval '1 h'`},
	{"submissions_final", end + `; UPDATE submissions SET points = 2`},
	{"submissions_final", end + `; UPDATE submissions SET address_proved = true, extra_time_percent = 50`},
	{"submissions_invite_fkey", `UPDATE submissions SET invite_id = id(99), address_proved = true`},
	{"submissions_invite_is_a_proof", `UPDATE submissions SET invite_id = id(99)`},
	{"submissions_one_per_invite", `INSERT INTO submissions (id, employer_id, assessment_id, version_id, candidate_user_id, name, email, consent_at, notice_version, layout, started_at, deadline_at, points_total, passing_score, invite_id, address_proved) SELECT id(80 + n), id(1), id(10), id(20), id(n), 'Dan', 'c@d', now(), 1, '[]', now(), now() + '1 min', 2, 60, id(99), true FROM unnest(ARRAY[3, 6]) n`},
	{"email_codes_tries_range", codeRow(`id(10), 6, now(), now() + '10 min'`)},
	{"email_codes_tries_range", codeRow(`id(10), -1, now(), now() + '10 min'`)},
	{"email_codes_foreign_tries_range", codeRow(`id(10), 0, now(), now() + '10 min'`) + `; UPDATE email_codes SET foreign_tries = 6`},
	{"email_codes_foreign_tries_range", codeRow(`id(10), 0, now(), now() + '10 min'`) + `; UPDATE email_codes SET foreign_tries = -1`},
	{"email_codes_expire_later", codeRow(`id(10), 0, now(), now()`)},
	{"email_codes_assessment_fkey", codeRow(`id(11), 0, now(), now() + '10 min'`)},
	{"submission_digests_employer_fkey", `INSERT INTO submission_digests (employer_id, until) VALUES (id(99), now())`},
	{"submission_answers_open", end + `; UPDATE submission_answers SET answer = '"b"'`},
	{"submission_answers_open", end + `; DELETE FROM submission_answers`},
	{"submission_answers_open", end + `; INSERT INTO submission_answers (submission_id, question_id, answer, sequence, saved_at) VALUES (id(40), id(31), '"x"', 1, now())`},
	{"submission_answers_one_per_question", `INSERT INTO submission_answers (submission_id, question_id, answer, sequence, saved_at) VALUES (id(40), id(30), '"x"', 1, now())`},
	{"submission_answers_question_in_version", `INSERT INTO submission_answers (submission_id, question_id, answer, sequence, saved_at) VALUES (id(40), id(99), '"x"', 1, now())`},
	{"submission_answers_submission_fkey", `INSERT INTO submission_answers (submission_id, employer_id, version_id, question_id, answer, sequence, saved_at) VALUES (id(99), id(1), id(20), id(30), '"x"', 1, now())`},
	{"submission_answers_sequence_not_negative", `UPDATE submission_answers SET sequence = -1`},
	{"submissions_credits_are_shares", `UPDATE submissions SET credits = '{1,0}'`},
	{"submissions_credits_are_shares", `UPDATE submissions SET credits = '{0,0,2,1}'`},
	{"submissions_credits_are_shares", `UPDATE submissions SET credits = '{-1,1}'`},
	{"submissions_credits_are_shares", `UPDATE submissions SET credits = '{1,1,1}'`},
	{"submissions_credits_are_shares", `UPDATE submissions SET credits = '{NULL,1}'`},
	{"submission_extra_times_range", `INSERT INTO submission_extra_times VALUES (id(90), id(1), id(40), 301, now(), 'why', 'member', id(3), now())`},
	{"submission_extra_times_range", `INSERT INTO submission_extra_times VALUES (id(90), id(1), id(40), -1, now(), 'why', 'member', id(3), now())`},
	{"submission_extra_times_reason_present", `INSERT INTO submission_extra_times VALUES (id(90), id(1), id(40), 50, now(), ' ', 'member', id(3), now())`},
	{"submission_extra_times_reason_present", `INSERT INTO submission_extra_times VALUES (id(90), id(1), id(40), 50, now(), repeat('x', 1001), 'member', id(3), now())`},
	{"submission_extra_times_giver_known", `INSERT INTO submission_extra_times VALUES (id(90), id(1), id(40), 50, now(), 'why', 'candidate', id(3), now())`},
	{"submission_extra_times_submission_fkey", `INSERT INTO submission_extra_times VALUES (id(90), id(2), id(40), 50, now(), 'why', 'member', id(3), now())`},
	{"voided_submissions_reason_present", `INSERT INTO voided_submissions VALUES (id(90), id(1), id(10), '{}', '[]', id(3), ' ', now())`},
	{"voided_submissions_assessment_fkey", `INSERT INTO voided_submissions VALUES (id(90), id(2), id(10), '{}', '[]', id(3), 'why', now())`},

	{"invites_one_live", inviteRow(`id(90), id(1), id(10), 'GWEN@mail.example', 'u', now() + '1 day'`)},
	{"invites_token_key", inviteRow(`id(90), id(1), id(10), 'hal@mail.example', 't', now() + '1 day'`)},
	{"invites_email_format", inviteRow(`id(90), id(1), id(10), 'hal', 'u', now() + '1 day'`)},
	{"invites_expire_later", inviteRow(`id(90), id(1), id(10), 'hal@mail.example', 'u', now()`)},
	{"invites_assessment_fkey", inviteRow(`id(90), id(2), id(10), 'hal@mail.example', 'u', now() + '1 day'`)},
	{"invites_name_length", `UPDATE invites SET name = repeat('x', 201)`},
	{"invites_message_length", `UPDATE invites SET message = repeat('x', 2001)`},
	{"invites_decline_reason_length", `UPDATE invites SET decline_reason = repeat('x', 1001)`},
	{"invites_extra_time_range", `UPDATE invites SET extra_time_percent = 301`},
	{"invites_extra_time_range", `UPDATE invites SET extra_time_percent = -1`},
	{"invites_rotation_positive", `UPDATE invites SET rotation = 0`},
	{"invites_creator_known", `UPDATE invites SET created_by_kind = 'ghost'`},
	{"invites_started_with_submission", `UPDATE invites SET started_at = now()`},
	{"invites_started_with_submission", `UPDATE invites SET submission_id = id(40)`},
	{"invites_completed_was_started", `UPDATE invites SET completed_at = now()`},
	{"invites_over_or_started", begun + `; UPDATE invites SET revoked_at = now()`},
	{"invites_over_or_started", begun + `; UPDATE invites SET superseded_at = now()`},
	{"invites_over_or_started", begun + `; UPDATE invites SET declined_at = now()`},
	{"invites_over_or_started", begun + `; UPDATE invites SET expired_at = now()`},
	{"invites_over_or_started", `UPDATE invites SET revoked_at = now(); ` + begun},
	{"invites_one_per_submission", begun + `; ` + inviteRow(`id(90), id(1), id(10), 'hal@mail.example', 'u', now() + '1 day'`) + `; ` + begun},
	{"invites_submission_fkey", `UPDATE invites SET submission_id = id(99), started_at = now(); SET CONSTRAINTS ALL IMMEDIATE`},
	{"invites_submission_fkey", begun + `; DELETE FROM submissions; SET CONSTRAINTS ALL IMMEDIATE`},
	{"invite_extra_times_range", `INSERT INTO invite_extra_times VALUES (id(90), id(1), id(70), 301, 'why', 'member', id(3), now())`},
	{"invite_extra_times_reason_length", `INSERT INTO invite_extra_times VALUES (id(90), id(1), id(70), 50, repeat('x', 1001), 'member', id(3), now())`},
	{"invite_extra_times_giver_known", `INSERT INTO invite_extra_times VALUES (id(90), id(1), id(70), 50, 'why', 'candidate', id(3), now())`},
	{"invite_extra_times_invite_fkey", `INSERT INTO invite_extra_times VALUES (id(90), id(2), id(70), 50, 'why', 'member', id(3), now())`},

	{"imports_status_known", `UPDATE imports SET status = 'half'`},
	{"imports_format_known", `UPDATE imports SET format = 'pdf'`},
	{"imports_file_name_length", `UPDATE imports SET file_name = repeat('x', 256)`},
	{"imports_sha256_length", `UPDATE imports SET sha256 = 'x'`},
	{"imports_bytes_not_negative", `UPDATE imports SET bytes = -1`},
	{"imports_accepted_not_negative", `UPDATE imports SET accepted = -1`},
	{"imports_rejected_not_negative", `UPDATE imports SET rejected = -1`},
	{"imports_warned_not_negative", `UPDATE imports SET warned = -1`},
	{"imports_error_count_not_negative", `UPDATE imports SET error_count = -1, status = 'rejected'`},
	{"imports_done_without_errors", `UPDATE imports SET error_count = 1`},
	{"imports_assessment_fkey", `UPDATE imports SET assessment_id = id(11)`},
	{"import_errors_ordinal_positive", `INSERT INTO import_errors VALUES (id(50), id(1), 0, 'error', 1, '', '', '')`},
	{"import_errors_severity_known", `INSERT INTO import_errors VALUES (id(50), id(1), 1, 'bad', 1, '', '', '')`},
	{"import_errors_row_not_negative", `INSERT INTO import_errors VALUES (id(50), id(1), 1, 'error', -1, '', '', '')`},
	{"import_errors_import_fkey", `INSERT INTO import_errors VALUES (id(50), id(2), 1, 'error', 1, '', '', '')`},
	{"mails_employer_fkey", `UPDATE mails SET employer_id = id(99)`},
	{"mails_template_format", `UPDATE mails SET template = 'No Spaces'`},
	{"mails_address_length", `UPDATE mails SET to_address = ''`},
	{"mails_address_length", `UPDATE mails SET to_address = repeat('x', 321)`},
	{"mails_name_length", `UPDATE mails SET to_name = repeat('x', 201)`},
	{"mails_data_object", `UPDATE mails SET data = '[]'`},
	{"mails_secret_whole", `UPDATE mails SET secret_purpose = 'invite'`},
	{"mails_secret_whole", `UPDATE mails SET secret_id = id(1)`},
	{"mails_unique_key_length", `UPDATE mails SET unique_key = ''`},
	{"mails_unique_key_length", `UPDATE mails SET unique_key = repeat('x', 401)`},
	{"mails_state_known", `UPDATE mails SET state = 'lost', ended_at = now()`},
	{"mails_error_length", `UPDATE mails SET last_error = repeat('x', 1001)`},
	{"mails_ended_when_done", `UPDATE mails SET state = 'sent'`},
	{"mails_ended_when_done", `UPDATE mails SET ended_at = now()`},
	{"mails_one_per_key", `INSERT INTO mails (id, template, to_address, to_name, data, unique_key, message_id, created_at, due_at) VALUES (id(90), 'note', 'a@b', '', '{}', 'once', 'm', now(), now())`},
	{"idempotency_keys_once", `INSERT INTO idempotency_keys (principal, operation, key_hash, request_hash, created_at, expires_at) VALUES ('p', 'o', 'k', 'r', now(), now() + '1 day')`},
	{"idempotency_keys_expire_later", `UPDATE idempotency_keys SET expires_at = created_at`},
	{"audit_events_immutable", `UPDATE audit_events SET action = 'c.d'`},
	{"audit_events_immutable", `DELETE FROM audit_events`},
	{"audit_events_immutable", `TRUNCATE audit_events`},
	{"audit_events_actor_known", `INSERT INTO audit_events (id, actor_kind, action, object_type, at) VALUES (id(90), 'ghost', 'a.b', 'x', now())`},
	{"audit_events_action_format", `INSERT INTO audit_events (id, actor_kind, action, object_type, at) VALUES (id(90), 'job', 'Loose words', 'x', now())`},
	{"audit_events_employer_fkey", `INSERT INTO audit_events (id, employer_id, actor_kind, action, object_type, at) VALUES (id(90), id(99), 'job', 'a.b', 'x', now())`},

	{"webhook_endpoints_employer_fkey", `INSERT INTO webhook_endpoints (id, employer_id, url, description, event_types, secret, created_at, updated_at) VALUES (id(90), id(99), 'https://hooks.example/', '', '{a.b}', 's', now(), now())`},
	{"webhook_endpoints_url_format", `UPDATE webhook_endpoints SET url = 'ftp://hooks.example/'`},
	{"webhook_endpoints_url_format", `UPDATE webhook_endpoints SET url = 'https://' || repeat('x', 2000)`},
	{"webhook_endpoints_description_length", `UPDATE webhook_endpoints SET description = repeat('x', 201)`},
	{"webhook_endpoints_types_bound", `UPDATE webhook_endpoints SET event_types = '{}'`},
	{"webhook_endpoints_reason_known", `UPDATE webhook_endpoints SET disabled_at = now(), disabled_reason = 'bored'`},
	{"webhook_endpoints_reason_when_disabled", `UPDATE webhook_endpoints SET disabled_at = now()`},
	{"webhook_endpoints_previous_whole", `UPDATE webhook_endpoints SET previous_secrets = '{s}'`},
	{"webhook_endpoints_tenant_key", `ALTER TABLE webhook_endpoints DROP CONSTRAINT webhook_endpoints_pkey; INSERT INTO webhook_endpoints SELECT * FROM webhook_endpoints`},
	{"webhook_messages_employer_fkey", `INSERT INTO webhook_messages (id, employer_id, type, object_id, at) VALUES (id(90), id(99), 'a.b', id(1), now())`},
	{"webhook_messages_type_format", `UPDATE webhook_messages SET type = 'one'`},
	{"webhook_messages_payload_length", `UPDATE webhook_messages SET payload = repeat('x', 20000), prepared_at = now()`},
	{"webhook_messages_prepared_whole", `UPDATE webhook_messages SET payload = '{}'`},
	{"webhook_messages_tenant_key", `ALTER TABLE webhook_messages DROP CONSTRAINT webhook_messages_pkey; INSERT INTO webhook_messages SELECT * FROM webhook_messages`},
	{"webhook_deliveries_state_known", `UPDATE webhook_deliveries SET state = 'lost'`},
	{"webhook_deliveries_round_positive", `UPDATE webhook_deliveries SET round = 0`},
	{"webhook_deliveries_tries_not_negative", `UPDATE webhook_deliveries SET tries = -1`},
	{"webhook_deliveries_attempts_hold_tries", `UPDATE webhook_deliveries SET tries = 1`},
	{"webhook_deliveries_error_length", `UPDATE webhook_deliveries SET last_error = repeat('x', 501)`},
	{"webhook_deliveries_ended_when_done", `UPDATE webhook_deliveries SET state = 'failed'`},
	{"webhook_deliveries_one_per_endpoint", `INSERT INTO webhook_deliveries (id, employer_id, endpoint_id, message_id, created_at) VALUES (id(90), id(1), id(80), id(81), now())`},
	{"webhook_deliveries_tenant_key", `ALTER TABLE webhook_deliveries DROP CONSTRAINT webhook_deliveries_pkey; INSERT INTO webhook_deliveries SELECT * FROM webhook_deliveries`},
	{"webhook_deliveries_endpoint_fkey", `UPDATE webhook_deliveries SET endpoint_id = id(99)`},
	{"webhook_deliveries_message_fkey", `UPDATE webhook_deliveries SET message_id = id(99)`},
	{"webhook_attempts_pkey", `INSERT INTO webhook_attempts SELECT * FROM webhook_attempts`},
	{"webhook_attempts_number_positive", `UPDATE webhook_attempts SET number = 0`},
	{"webhook_attempts_took_not_negative", `UPDATE webhook_attempts SET took_ms = -1`},
	{"webhook_attempts_error_length", `UPDATE webhook_attempts SET error = repeat('x', 501)`},
	{"webhook_attempts_request_object", `UPDATE webhook_attempts SET request_headers = '[]'`},
	{"webhook_attempts_response_object", `UPDATE webhook_attempts SET response_headers = '[]'`},
	{"webhook_attempts_response_length", `UPDATE webhook_attempts SET response_body = repeat('x', 16385)`},
	{"webhook_attempts_delivery_fkey", `UPDATE webhook_attempts SET delivery_id = id(99)`},
}

func versionRow(values, from string) string {
	return `INSERT INTO assessment_versions (id, employer_id, assessment_id, number, title, description, time_limit_minutes,
	 passing_score, shuffle_questions, shuffle_options, question_count, points_total, created_at)
	 SELECT id(90), id(1), id(10), ` + values + `, now() FROM (SELECT ` + from + `) f`
}

func submissionRow(values string) string {
	return `INSERT INTO submissions (id, employer_id, assessment_id, version_id, candidate_user_id, name, email, consent_at,
	 notice_version, layout, started_at, deadline_at, points_total, passing_score) VALUES (` + values + `)`
}

func codeRow(values string) string {
	return `INSERT INTO email_codes (id, employer_id, address_hash, code_hash, network_hash, owed, assessment_id, tries, created_at, expires_at)
	 VALUES (id(90), id(1), 'a', 'c', 'n', true, ` + values + `)`
}

func inviteRow(values string) string {
	return `INSERT INTO invites (id, employer_id, assessment_id, email, token_hash, expires_at, created_by_kind, created_at) VALUES (` + values + `, 'operator', now())`
}

// begun ties every invite to the submission.
const begun = `UPDATE invites SET submission_id = id(40), started_at = now()`

func ended(set string) string { return `UPDATE submissions SET status = 'submitted', ` + set }

var end = ended(`submitted_at = now(), points = 1, credits = '{}', score = 50, passed = false`)

func TestTheDatabaseRefusesEveryBadState(t *testing.T) {
	t.Parallel()
	pool := newWorld(t)
	for _, rule := range broken {
		t.Run(rule.constraint, func(t *testing.T) {
			got := refusal(t, pool, rule.sql)
			if got != rule.constraint {
				t.Errorf("refused by %q, want %q: %s", got, rule.constraint, rule.sql)
			}
		})
	}
}

// refusal runs the statements in a transaction that never commits and gives the name of the constraint that refused the last.
func refusal(t *testing.T, pool *pgxpool.Pool, sql string) string {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := tx.Rollback(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("roll back: %v", err)
		}
	}()
	for _, statement := range strings.Split(sql, "; ") {
		_, err = tx.Exec(t.Context(), statement)
		var pgErr *pgconn.PgError
		if errors.As(err, &pgErr) {
			return pgErr.ConstraintName
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return "nothing"
}

// Every rule that the schema names is broken above, or stands here with the reason why no statement can reach it.
var unreachable = map[string]string{
	"version_questions_type_known":          "copied from questions, which refuses it first; only the maker's transaction may insert",
	"version_questions_credit_rule_known":   "as above",
	"version_questions_options_list":        "as above",
	"version_questions_points_range":        "as above",
	"version_questions_position_positive":   "as above",
	"version_questions_one_per_position":    "as above",
	"version_questions_pkey":                "as above",
	"version_questions_version_fkey":        "as above",
	"version_answer_keys_object":            "as above",
	"version_answer_keys_one_per_question":  "as above",
	"version_answer_keys_version_fkey":      "as above",
	"version_answer_keys_question_fkey":     "as above",
	"assessment_versions_tenant_key":        "ids are unique already; it is there for composite foreign keys",
	"assessment_versions_of_assessment_key": "as above",
	"assessments_tenant_key":                "as above",
	"questions_tenant_key":                  "as above",
	"memberships_tenant_key":                "as above",
	"submissions_tenant_key":                "as above",
	"invites_tenant_key":                    "as above",
	"imports_tenant_key":                    "as above",
	"assessment_versions_assessment_fkey":   "broken by submissions_version_fkey's twin; see the tenant test",
	"import_errors_pkey":                    "numbered by the one statement that writes them",
	"rate_counters_pkey":                    "written by one upsert",
}

func TestEveryNamedRuleIsBrokenByATest(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool
	rows, err := pool.Query(t.Context(), `
SELECT conname FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid JOIN pg_namespace n ON n.oid = r.relnamespace
 WHERE n.nspname = 'public' AND r.relname <> 'goose_db_version' AND conname NOT LIKE '%\_pkey'
   AND contype IN ('c', 'u', 'f', 'x', 'p')
UNION
SELECT i.relname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_namespace n ON n.oid = i.relnamespace
 WHERE n.nspname = 'public' AND x.indisunique AND i.relname NOT LIKE '%\_pkey' AND i.relname NOT LIKE 'goose%' ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	tested := map[string]bool{}
	for _, rule := range broken {
		tested[rule.constraint] = true
	}
	seen := 0
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		seen++
		if _, listed := unreachable[name]; !tested[name] && !listed {
			t.Errorf("no test breaks %s", name)
		}
	}
	if rows.Err() != nil || seen < 100 {
		t.Fatalf("read %d rules: %v", seen, rows.Err())
	}
}

func TestARowCannotReferToAnotherEmployersRow(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool
	// Every foreign key between two tables that both carry employer_id must include it, but for keys whose tenant a
	// trigger or a second composite key settles.
	settled := map[string]bool{
		"submissions_version_fkey":               true, // (assessment, version), and the assessment is the tenant's
		"submission_answers_question_in_version": true, // version_id is the trigger's, from the submission
		"version_answer_keys_question_fkey":      true, // (version, question), and the version is the tenant's
	}
	rows, err := pool.Query(t.Context(), `
SELECT c.conname FROM pg_constraint c
 WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace AND c.confrelid <> 'employers'::regclass
   AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.conrelid AND a.attname = 'employer_id')
   AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.confrelid AND a.attname = 'employer_id')
   AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.conrelid AND a.attname = 'employer_id' AND a.attnum = ANY (c.conkey))`)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		if !settled[name] {
			t.Errorf("%s crosses tenants: make it composite", name)
		}
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
}
