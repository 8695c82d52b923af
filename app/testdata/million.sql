-- Rows for the plans: 2,000 employers with 5 assessments each, a million submissions. Nothing here need survive a crash.
DO $$
DECLARE r record;
BEGIN
    FOR r IN SELECT conrelid::regclass AS t, conname FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', r.t, r.conname);
    END LOOP;
    FOR r IN SELECT DISTINCT tgrelid::regclass AS t FROM pg_trigger WHERE NOT tgisinternal LOOP
        EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', r.t);
    END LOOP;
    ALTER TABLE submissions SET UNLOGGED;
END $$;
CREATE FUNCTION pg_temp.id(kind int, n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS
 $$ SELECT (lpad(to_hex(kind), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
INSERT INTO employers (id, name, slug, created_at, updated_at)
 SELECT pg_temp.id(1, n), 'Employer ' || n, 'employer-' || n, now(), now() FROM generate_series(1, 2000) n;
INSERT INTO users (id, email, name, created_at, updated_at)
 SELECT pg_temp.id(2, n), 'person' || n || '@example.com', 'Person ' || n, now(), now() FROM generate_series(1, 100000) n;
INSERT INTO memberships (id, employer_id, user_id, role, created_at)
 SELECT pg_temp.id(3, n), pg_temp.id(1, 1 + n % 2000), pg_temp.id(2, n), 'viewer', now() FROM generate_series(1, 10000) n;
INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at)
 SELECT pg_temp.id(4, n), pg_temp.id(2, 1 + n % 10000), now(), now(), now() + interval '1 day' FROM generate_series(1, 20000) n;
INSERT INTO refresh_tokens (id, session_id, token_hash, created_at, expires_at)
 SELECT pg_temp.id(5, n), pg_temp.id(4, 1 + n % 20000), sha256(n::text::bytea), now(), now() + interval '1 day' FROM generate_series(1, 40000) n;
INSERT INTO api_keys (id, employer_id, name, prefix, key_hash, role, created_by, created_at)
 SELECT pg_temp.id(6, n), pg_temp.id(1, 1 + n % 2000), 'key', 'clk_abcdef', sha256(n::text::bytea), 'viewer', pg_temp.id(2, 1), now() FROM generate_series(1, 10000) n;
INSERT INTO assessments (id, employer_id, title, slug, created_at, updated_at)
 SELECT pg_temp.id(7, n), pg_temp.id(1, 1 + n % 2000), 'Assessment ' || n, 'slug' || lpad(n::text, 10, 'a'), now(), now() FROM generate_series(1, 10000) n;
INSERT INTO questions (id, employer_id, assessment_id, position, type, prompt, created_at, updated_at)
 SELECT pg_temp.id(8, n), pg_temp.id(1, 1 + (1 + n / 5) % 2000), pg_temp.id(7, 1 + n / 5), 1 + n % 5, 'short_text', 'What?', now(), now() FROM generate_series(1, 19990) n;
INSERT INTO answer_keys (question_id, employer_id, key)
 SELECT pg_temp.id(8, n), pg_temp.id(1, 1 + (1 + n / 5) % 2000), '{}' FROM generate_series(1, 19990) n;
INSERT INTO assessment_versions (id, employer_id, assessment_id, number, title, description, time_limit_minutes, passing_score,
  shuffle_questions, shuffle_options, question_count, points_total, created_at)
 SELECT pg_temp.id(9, n), pg_temp.id(1, 1 + n % 2000), pg_temp.id(7, n), 1, 'x', '', 30, 60, false, false, 5, 5, now() FROM generate_series(1, 10000) n;
INSERT INTO version_questions (version_id, question_id, employer_id, position, type, prompt, options, points, tags, difficulty, explanation, credit_rule)
 SELECT pg_temp.id(9, 1 + n / 5), pg_temp.id(8, n), pg_temp.id(1, 1), 1 + n % 5, 'short_text', 'What?', '[]', 1, '{}', '', '', 'exact' FROM generate_series(1, 19990) n;
INSERT INTO version_answer_keys (version_id, question_id, employer_id, key)
 SELECT pg_temp.id(9, 1 + n / 5), pg_temp.id(8, n), pg_temp.id(1, 1), '{}' FROM generate_series(1, 19990) n;
INSERT INTO submissions (id, employer_id, assessment_id, version_id, candidate_user_id, name, email, consent_at, notice_version, layout,
  status, started_at, deadline_at, submitted_at, points, points_total, score, passing_score, passed)
 SELECT pg_temp.id(10, n), pg_temp.id(1, 1 + (1 + n % 1000) % 2000), pg_temp.id(7, 1 + n % 1000), pg_temp.id(9, 1 + n % 1000), pg_temp.id(2, 1 + n / 10),
  'Person ' || n, 'person' || n || '@example.com', now(), 1, '[]',
  CASE WHEN n % 100 = 0 THEN 'in_progress' ELSE 'submitted' END, now(), now() + interval '30 min',
  CASE WHEN n % 100 = 0 THEN NULL ELSE now() END, CASE WHEN n % 100 = 0 THEN NULL ELSE 3 END, 5,
  CASE WHEN n % 100 = 0 THEN NULL ELSE 60 END, 60, CASE WHEN n % 100 = 0 THEN NULL ELSE true END
 FROM generate_series(1, :million) n;
INSERT INTO submission_answers (submission_id, question_id, employer_id, version_id, answer, sequence, saved_at, credit_num, credit_den)
 SELECT pg_temp.id(10, n), pg_temp.id(8, 1 + n % 19990), pg_temp.id(1, 1), pg_temp.id(9, 1), '"x"', 1, now(), 1, 1 FROM generate_series(1, 200000) n;
INSERT INTO submission_extra_times (id, employer_id, submission_id, extra_time_percent, deadline_at, reason, given_by_kind, given_by, at)
 SELECT pg_temp.id(14, n), pg_temp.id(1, 1 + (1 + n % 1000) % 2000), pg_temp.id(10, n), 50, now(), 'why', 'member', pg_temp.id(2, 1), now() FROM generate_series(1, 20000) n;
INSERT INTO voided_submissions (id, employer_id, assessment_id, submission, answers, voided_by, reason, voided_at)
 SELECT pg_temp.id(11, n), pg_temp.id(1, 1 + n % 2000), pg_temp.id(7, 1 + n % 10000), '{}', '[]', pg_temp.id(2, 1), 'why', now() FROM generate_series(1, 10000) n;
INSERT INTO imports (id, employer_id, assessment_id, file_name, sha256, bytes, format, status, accepted, rejected, warned, error_count, result, created_by, created_at)
 SELECT pg_temp.id(12, n), pg_temp.id(1, 1 + n % 2000), pg_temp.id(7, 1 + n % 10000), 'q.csv', sha256(''), 1, 'csv', 'done', 1, 0, 0, 0, '{}', pg_temp.id(2, 1), now() FROM generate_series(1, 10000) n;
INSERT INTO import_errors (import_id, employer_id, ordinal, severity, row, col, code, message)
 SELECT pg_temp.id(12, 1 + n / 10), pg_temp.id(1, 1), 1 + n % 10, 'error', 1, 'A', 'x', 'x' FROM generate_series(1, 99990) n;
INSERT INTO audit_events (id, employer_id, actor_kind, action, object_type, object_id, at)
 SELECT pg_temp.id(13, n), pg_temp.id(1, 1 + n % 2000), 'job', 'a.b', 'x', pg_temp.id(10, n), now() FROM generate_series(1, 200000) n;
INSERT INTO idempotency_keys (principal, operation, key_hash, request_hash, created_at, expires_at)
 SELECT 'p', 'o', sha256(n::text::bytea), 'r', now(), now() + interval '1 day' FROM generate_series(1, 20000) n;
ANALYZE;
