-- The rows beside those that are loaded by COPY, in numbers that fit a million submissions. :assessments, :questions and
-- the functions of pg_temp are the loader's.
INSERT INTO employers (id, name, slug, created_at, updated_at)
 SELECT pg_temp.id(1, n), 'Employer ' || n, 'employer-' || n, now(), now() FROM generate_series(1, 2000) n;
INSERT INTO memberships (id, employer_id, user_id, role, created_at)
 SELECT pg_temp.id(3, n), pg_temp.id(1, 1 + n % 2000), pg_temp.id(2, n), CASE WHEN n <= 2000 THEN 'owner' ELSE 'viewer' END, now()
   FROM generate_series(1, 20000) n;
INSERT INTO member_invitations (id, employer_id, email, role, token_hash, created_at, expires_at)
 SELECT pg_temp.id(15, n), pg_temp.id(1, 1 + n % 2000), 'asked' || n || '@example.com', 'viewer', sha256(n::text::bytea), now(), now() + interval '7 days'
   FROM generate_series(1, 20000) n;
INSERT INTO user_tokens (id, user_id, purpose, token_hash, created_at, expires_at)
 SELECT pg_temp.id(16, n), pg_temp.id(2, n), 'password_reset', sha256(n::text::bytea), now(), now() + interval '1 hour' FROM generate_series(1, 20000) n;
INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at)
 SELECT pg_temp.id(4, n), pg_temp.id(2, 1 + n % 20000), now(), now(), now() + interval '1 day' FROM generate_series(1, 40000) n;
INSERT INTO refresh_tokens (id, session_id, token_hash, created_at, expires_at)
 SELECT pg_temp.id(5, n), pg_temp.id(4, 1 + n % 40000), sha256(n::text::bytea), now(), now() + interval '1 day' FROM generate_series(1, 80000) n;
INSERT INTO api_keys (id, employer_id, name, prefix, key_hash, role, created_by, created_at)
 SELECT pg_temp.id(6, n), pg_temp.id(1, 1 + n % 2000), 'key', 'clk_abcdef', sha256(n::text::bytea), 'viewer', pg_temp.id(2, n), now()
   FROM generate_series(1, 10000) n;
INSERT INTO assessments (id, employer_id, title, slug, status, current_version, created_at, updated_at)
 SELECT pg_temp.id(7, n), pg_temp.employer_of(n), 'Assessment ' || n, 'slug' || lpad(n::text, 10, 'a'),
        CASE WHEN n % 4 = 0 THEN 'active' ELSE 'closed' END, 1, now(), now() FROM generate_series(1, :assessments) n;
INSERT INTO questions (id, employer_id, assessment_id, position, type, prompt, created_at, updated_at)
 SELECT pg_temp.id(8, :questions * (a - 1) + p), pg_temp.employer_of(a), pg_temp.id(7, a), p, 'short_text', 'What?', now(), now()
   FROM generate_series(1, :assessments) a, generate_series(1, :questions) p;
INSERT INTO answer_keys (question_id, employer_id, key) SELECT id, employer_id, '{}' FROM questions;
INSERT INTO assessment_versions (id, employer_id, assessment_id, number, title, description, time_limit_minutes, passing_score,
  shuffle_questions, shuffle_options, question_count, points_total, created_at)
 SELECT pg_temp.id(9, n), pg_temp.employer_of(n), pg_temp.id(7, n), 1, 'x', '', 30, 60, false, false, :questions, :questions, now()
   FROM generate_series(1, :assessments) n;
INSERT INTO version_questions (version_id, question_id, employer_id, position, type, prompt, options, points, tags, difficulty, explanation, credit_rule)
 SELECT v.id, q.id, q.employer_id, q.position, q.type, q.prompt, q.options, q.points, q.tags, q.difficulty, q.explanation, q.credit_rule
   FROM assessment_versions v JOIN questions q USING (assessment_id);
INSERT INTO version_answer_keys (version_id, question_id, employer_id, key) SELECT version_id, question_id, employer_id, '{}' FROM version_questions;
INSERT INTO submission_extra_times (id, employer_id, submission_id, extra_time_percent, deadline_at, reason, given_by_kind, given_by, at)
 SELECT pg_temp.id(14, n), pg_temp.employer_of(1), pg_temp.id(10, n), 50, now(), 'why', 'member', pg_temp.id(2, 1), now() FROM generate_series(1, 20000) n;
INSERT INTO email_codes (id, employer_id, assessment_id, address_hash, code_hash, network_hash, owed, created_at, expires_at)
 SELECT pg_temp.id(17, n), pg_temp.employer_of(a), pg_temp.id(7, a), sha256(n::text::bytea), 'c', 'n', true, now() - n * interval '1 second', now() - (n - 600) * interval '1 second'
   FROM generate_series(1, 20000) n, LATERAL (SELECT 1 + n % :assessments AS a) x;
INSERT INTO submission_digests (employer_id, until) SELECT id, now() FROM employers;
INSERT INTO voided_submissions (id, employer_id, assessment_id, submission, answers, voided_by, reason, voided_at)
 SELECT pg_temp.id(11, n), pg_temp.employer_of(a), pg_temp.id(7, a), '{}', '[]', pg_temp.id(2, 1), 'why', now()
   FROM generate_series(1, 20000) n, LATERAL (SELECT 1 + n % :assessments AS a) x;
INSERT INTO imports (id, employer_id, assessment_id, file_name, sha256, bytes, format, status, accepted, rejected, warned, error_count, result, created_by, created_at)
 SELECT pg_temp.id(12, n), pg_temp.employer_of(a), pg_temp.id(7, a), 'q.csv', sha256(''), 1, 'csv', 'done', 1, 0, 0, 0, '{}', pg_temp.id(2, 1), now()
   FROM generate_series(1, 20000) n, LATERAL (SELECT 1 + n % :assessments AS a) x;
INSERT INTO import_errors (import_id, employer_id, ordinal, severity, row, col, code, message)
 SELECT i.id, i.employer_id, n, 'warning', 1, 'A', 'x', 'x' FROM imports i, generate_series(1, 5) n;
INSERT INTO invites (id, employer_id, assessment_id, email, token_hash, created_by_kind, created_at, expires_at, sent_at)
 SELECT pg_temp.id(30, n), pg_temp.employer_of(a), pg_temp.id(7, a), 'asked' || n || '@example.com', sha256(n::text::bytea), 'operator',
        now(), now() + (1 + n % 300) * interval '1 hour', now() - n % 300 * interval '1 hour'
   FROM generate_series(1, 100000) n, LATERAL (SELECT 1 + n % :assessments AS a) x;
INSERT INTO invite_extra_times (id, employer_id, invite_id, extra_time_percent, reason, given_by_kind, at)
 SELECT pg_temp.id(31, n), i.employer_id, i.id, 50, 'why', 'operator', now() FROM generate_series(1, 20000) n JOIN invites i ON i.id = pg_temp.id(30, n);
INSERT INTO idempotency_keys (principal, operation, key_hash, request_hash, created_at, expires_at)
 SELECT 'p' || n % 1000, 'o', sha256(n::text::bytea), 'r', now(), now() + interval '1 day' FROM generate_series(1, 50000) n;
INSERT INTO rate_counters (name, key_hash, window_start, count)
 SELECT 'login', sha256(n::text::bytea), now() - n * interval '1 second', 1 FROM generate_series(1, 50000) n;
INSERT INTO mails (id, employer_id, template, ref, to_address, to_name, data, unique_key, message_id, created_at, due_at, state, ended_at)
 SELECT pg_temp.id(21, n), pg_temp.id(1, 1 + n % 2000), 'note', pg_temp.id(2, 1 + n % 20000), 'asked' || n || '@example.com', '', '{}',
        CASE WHEN n % 2 = 0 THEN n::text END, n || '@example.com', now(), now(), 'sent', now() FROM generate_series(1, 50000) n;
INSERT INTO webhook_endpoints (id, employer_id, url, description, event_types, secret, deleted_at, created_at, updated_at)
 SELECT pg_temp.id(30, n), pg_temp.id(1, 1 + n % 2000), 'https://hooks.example/', '', '{submission.scored}', 's',
        CASE WHEN n % 10 = 0 THEN now() END, now(), now() FROM generate_series(1, 20000) n;
INSERT INTO webhook_messages (id, employer_id, type, object_id, at, payload, prepared_at)
 SELECT pg_temp.id(31, n), pg_temp.id(1, 1 + n % 2000), 'submission.scored', pg_temp.id(10, n), now(), '{}', now() FROM generate_series(1, 50000) n;
INSERT INTO webhook_deliveries (id, employer_id, endpoint_id, message_id, state, ended_at, tries, attempts, created_at)
 SELECT pg_temp.id(32, n), pg_temp.id(1, 1 + n % 2000), pg_temp.id(30, 1 + (n - 1) % 20000), pg_temp.id(31, n), 'succeeded', now(), 1, 1, now()
   FROM generate_series(1, 50000) n;
INSERT INTO webhook_attempts (delivery_id, employer_id, number, at, url, took_ms, status, request_headers, response_headers, response_body)
 SELECT pg_temp.id(32, n), pg_temp.id(1, 1 + n % 2000), 1, now(), 'https://hooks.example/', 5, 200, '{}', '{}', '' FROM generate_series(1, 50000) n;
