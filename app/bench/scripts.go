package main

import (
	"strconv"
	"strings"
)

// The statements of the limits: what the schema's promises cost at the least, whoever makes them. A limit "in n round trips"
// sends its statements through a pipeline as a driver with batches does; "one by one" waits for each answer.
const (
	stRate = `INSERT INTO rate_counters AS r (name, key_hash, window_start, count)
 VALUES ('bench', '\x00', date_trunc('hour', now()), 1)
 ON CONFLICT ON CONSTRAINT rate_counters_pkey DO UPDATE SET count = LEAST(r.count + 1, 1000000) RETURNING count;
`
	stOpening = `SELECT a.id, a.employer_id, a.status, a.opens_at, a.closes_at, a.require_email_code, v.id, v.number, e.privacy_notice_version
 FROM assessments a
 JOIN assessment_versions v ON v.assessment_id = a.id AND v.number = a.current_version
 JOIN employers e ON e.id = a.employer_id
 WHERE a.slug = :slug AND a.status IN ('active', 'closed');
`
	stInsertUser = `INSERT INTO users (id, email, name, created_at, updated_at)
 VALUES (lpad(:n::text, 32, '0')::uuid, 'limit' || :n::text || '@bench.example', 'Limit', now(), now())
 ON CONFLICT (lower(email)) DO NOTHING RETURNING id;
`
	stInsertSubmission = `INSERT INTO submissions (id, employer_id, assessment_id, version_id, candidate_user_id, name, email, consent_at,
   notice_version, layout, started_at, deadline_at, points_total, passing_score)
 VALUES (lpad(:n::text, 32, '0')::uuid, :employer::uuid, :assessment::uuid, :version::uuid, lpad(:n::text, 32, '0')::uuid, 'Limit',
   'limit' || :n::text || '@bench.example', now(), 1, :layout::jsonb, now(), now() + interval '2 hours', 20, 60);
`
	stAuditStart = `INSERT INTO audit_events (id, employer_id, actor_kind, actor_id, action, object_type, object_id, request_id, at)
 VALUES (lpad(:n::text || '1', 32, '0')::uuid, :employer::uuid, 'candidate', lpad(:n::text, 32, '0')::uuid, 'submission.started',
   'submission', lpad(:n::text, 32, '0')::uuid, 'bench', now());
`
	stAuditSubmit = `INSERT INTO audit_events (id, employer_id, actor_kind, actor_id, action, object_type, object_id, request_id, at)
 VALUES (lpad(:n::text || '2', 32, '0')::uuid, :employer::uuid, 'candidate', lpad(:n::text, 32, '0')::uuid, 'submission.submitted',
   'submission', lpad(:n::text, 32, '0')::uuid, 'bench', now());
`
	attemptRow = `SELECT id, employer_id, assessment_id, version_id, layout, session_number, status, extra_time_percent, started_at,
   deadline_at, submitted_at
 FROM submissions WHERE id = lpad(:n::text, 32, '0')::uuid`
	stAttempt = attemptRow + ";\n"
	stLock    = attemptRow + " FOR NO KEY UPDATE;\n"
	stAnswers = `SELECT question_id, answer, sequence, flagged, saved_at
 FROM submission_answers WHERE submission_id = lpad(:n::text, 32, '0')::uuid ORDER BY question_id;
`
	// The question is the one of number k.
	stUpsert = `INSERT INTO submission_answers AS a (submission_id, question_id, employer_id, version_id, answer, sequence, flagged, saved_at)
 VALUES (lpad(:n::text, 32, '0')::uuid, (:questions::uuid[])[:k], :employer::uuid, :version::uuid, :answer::jsonb, 1, false, now())
 ON CONFLICT (submission_id, question_id) DO UPDATE SET answer = EXCLUDED.answer, sequence = a.sequence + 1,
   flagged = EXCLUDED.flagged, saved_at = EXCLUDED.saved_at
 RETURNING sequence, saved_at;
`
	stEnd = `UPDATE submissions SET status = 'submitted', submitted_at = now(), points = 5, score = 25, passed = (25 >= passing_score),
   credits = :credits::integer[]
 WHERE id = lpad(:n::text, 32, '0')::uuid;
`
	stAssessment = `SELECT id, employer_id, title, status, time_limit_minutes, passing_score, current_version, opens_at, closes_at
 FROM assessments WHERE id = :assessment::uuid;
`
	stExists = `SELECT 1 FROM submissions WHERE assessment_id = :assessment::uuid AND candidate_user_id = lpad(:n::text, 32, '0')::uuid;
`
	stKeys = `SELECT question_id, key FROM version_answer_keys WHERE version_id = :version::uuid;
`
	stInsertSubmitted = `INSERT INTO submissions (id, employer_id, assessment_id, version_id, candidate_user_id, name, email, consent_at,
   notice_version, layout, status, started_at, deadline_at, submitted_at, points, points_total, score, passing_score, passed, credits)
 VALUES (lpad(:n::text, 32, '0')::uuid, :employer::uuid, :assessment::uuid, :version::uuid, lpad(:n::text, 32, '0')::uuid, 'Limit',
   'limit' || :n::text || '@bench.example', now(), 1, :layout::jsonb, 'submitted', now(), now() + interval '2 hours', now(), 5, 20, 25, 60, false,
   :credits::integer[]);
`
	stBegin  = "BEGIN;\n"
	stCommit = "COMMIT;\n"
	// Each transaction of a client has a number of its own.
	stCount = `\set i :i + 1
\set n :base + :client_id * :stride + :i
`
)

// trip sends statements together.
func trip(statements ...string) string {
	return "\\startpipeline\n" + strings.Join(statements, "") + "\\endpipeline\n"
}

// script puts a limit together with the world's values for its variables.
func (w *world) script(name string, vars map[string]string, parts ...string) pgscript {
	all := map[string]string{
		"slug": w.slug, "employer": w.employer, "assessment": w.assessment, "version": w.version, "layout": w.layout,
		"questions": array(w.questions), "answer": strconv.Quote(w.options[0]),
		"credits": array(repeated("1", 2*questionCount)), "stride": strconv.Itoa(perClient),
	}
	for name, value := range vars {
		all[name] = value
	}
	return pgscript{name: name, text: strings.Join(parts, ""), vars: all}
}

func repeated(s string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = s
	}
	return all
}

func startTrip() string {
	return trip(stBegin, stInsertUser, stInsertSubmission, stAuditStart, stCommit)
}

func submitTrips() string {
	return trip(stBegin, stLock, stAnswers) + trip(stEnd, stAuditSubmit, stCommit)
}

// exam is the whole mix, in the round trips that the statements allow.
func exam() string {
	var saves strings.Builder
	for k := range answeredCount {
		saves.WriteString("\\set k " + strconv.Itoa(k+1) + "\n" + stUpsert)
	}
	return stCount + stRate + stOpening + startTrip() + stAttempt + stAnswers + saves.String() + submitTrips()
}
