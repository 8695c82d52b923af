package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The exam: as many questions as a first round has, of which a candidate of the mix answers some.
const (
	questionCount = 20
	answeredCount = 5
)

const (
	ownerEmail    = "owner@bench.example"
	ownerPassword = "correct horse battery staple 42"
)

// world is what all rows that take an exam share: an employer with one published assessment.
type world struct {
	assessment string
	slug       string
	employer   string
	version    string
	layout     string // as the server stores it
	user       string
	questions  []string // ids
	options    []string // an option of each
	probe      string   // the id of one started submission, whose row is the pattern of the limits' rows
}

// world makes it, through the API, at the first call. Where that fails there is nothing to measure.
func (b *bench) world(ctx context.Context) (*world, error) {
	if b.made == nil && b.hopeless == nil {
		b.made, b.hopeless = b.makeWorld(ctx)
	}
	return b.made, b.hopeless
}

func (b *bench) makeWorld(ctx context.Context) (*world, error) {
	if err := b.start(ctx); err != nil {
		return nil, err
	}
	register := map[string]any{"organizationName": "Bench", "name": "Owner", "email": ownerEmail, "password": ownerPassword}
	err := b.must(ctx, http.StatusCreated, http.MethodPost, "/api/v1/auth/register", "", register, nil)
	if err != nil {
		return nil, err
	}
	w := &world{}
	if w.assessment, w.slug, err = b.publish(ctx, "Exam day", questionCount); err != nil {
		return nil, err
	}
	return w, b.probe(ctx, w)
}

// signIn gives a fresh access token: one lives a quarter of an hour, which is longer than any row.
func (b *bench) signIn(ctx context.Context) (string, error) {
	var out struct {
		AccessToken string `json:"accessToken"`
	}
	login := map[string]any{"email": ownerEmail, "password": ownerPassword}
	err := b.must(ctx, http.StatusOK, http.MethodPost, "/api/v1/auth/login", "", login, &out)
	return out.AccessToken, err
}

// draft makes an assessment without questions.
func (b *bench) draft(ctx context.Context, token, title string) (id string, err error) {
	var out struct {
		ID string `json:"id"`
	}
	body := map[string]any{"title": title, "timeLimitMinutes": 120}
	err = b.must(ctx, http.StatusCreated, http.MethodPost, "/api/v1/assessments", token, body, &out)
	return out.ID, err
}

// publish makes an assessment with n questions of four options and publishes it.
func (b *bench) publish(ctx context.Context, title string, n int) (id, slug string, err error) {
	token, err := b.signIn(ctx)
	if err != nil {
		return "", "", err
	}
	if id, err = b.draft(ctx, token, title); err != nil {
		return "", "", err
	}
	for i := range n {
		var options []map[string]string
		for _, label := range []string{"a", "b", "c", "d"} {
			options = append(options, map[string]string{"id": label, "text": fmt.Sprintf("The result of step %d as variant %s would have it", i+1, label)})
		}
		q := map[string]any{
			"type":   "single_choice",
			"prompt": fmt.Sprintf("Question %d: which of these does the program below print when it is run with the arguments of the first example?", i+1),
			"points": 1, "options": options, "answerKey": map[string]string{"optionId": "b"},
		}
		if err := b.must(ctx, http.StatusCreated, http.MethodPost, "/api/v1/assessments/"+id+"/questions", token, q, nil); err != nil {
			return "", "", err
		}
	}
	var out struct {
		Slug string `json:"slug"`
	}
	err = b.must(ctx, http.StatusOK, http.MethodPost, "/api/v1/assessments/"+id+"/publish", token, nil, &out)
	return id, out.Slug, err
}

// probe starts one submission to learn what a candidate sees and what the database keeps.
func (b *bench) probe(ctx context.Context, w *world) error {
	var out struct {
		Submission struct {
			ID string `json:"id"`
		} `json:"submission"`
		Questions []struct {
			ID      string `json:"id"`
			Options []struct {
				ID string `json:"id"`
			} `json:"options"`
		} `json:"questions"`
	}
	body := json.RawMessage(startBody(0))
	if err := b.must(ctx, http.StatusCreated, http.MethodPost, startPath(w.slug), "", body, &out); err != nil {
		return err
	}
	for _, q := range out.Questions {
		if len(q.Options) == 0 {
			return fmt.Errorf("question %s has no options", q.ID)
		}
		w.questions, w.options = append(w.questions, q.ID), append(w.options, q.Options[0].ID)
	}
	if len(w.questions) != questionCount {
		return fmt.Errorf("the exam has %d questions instead of %d", len(w.questions), questionCount)
	}
	w.probe = out.Submission.ID
	const row = `SELECT employer_id::text, version_id::text, layout::text, candidate_user_id::text FROM submissions WHERE id = $1`
	if err := b.db.QueryRow(ctx, row, w.probe).Scan(&w.employer, &w.version, &w.layout, &w.user); err != nil {
		return fmt.Errorf("read the probe: %w", err)
	}
	return nil
}

func startPath(slug string) string { return "/api/v1/public/assessments/" + slug + "/submissions" }

// startBody is what candidate n sends to start.
func startBody(n int64) []byte {
	b := append([]byte(`{"name":"Candidate `), strconv.FormatInt(n, 10)...)
	b = append(b, `","email":"candidate`...)
	b = strconv.AppendInt(b, n, 10)
	return append(b, `@bench.example","consent":true}`...)
}

// array is a Postgres array of n copies or of the given values.
func array(values []string) string { return "{" + strings.Join(values, ",") + "}" }

// The pool: submissions under way for the limits, patterned on the probe, with five answers each. They are written past the
// triggers and foreign keys: what counts is what pgbench then does to them.
const (
	poolUsers = `
INSERT INTO users (id, email, name, created_at, updated_at)
SELECT lpad(n::text, 32, '0')::uuid, 'pool' || n || '@bench.example', 'Pool ' || n, now(), now()
FROM generate_series($1::bigint, $2::bigint) n`
	poolSubmissions = `
INSERT INTO submissions (id, employer_id, assessment_id, version_id, candidate_user_id, name, email, consent_at, notice_version,
                         layout, started_at, deadline_at, points_total, passing_score)
SELECT lpad(n::text, 32, '0')::uuid, p.employer_id, p.assessment_id, p.version_id, lpad(n::text, 32, '0')::uuid, 'Pool ' || n,
       'pool' || n || '@bench.example', p.consent_at, p.notice_version, p.layout, now(), now() + interval '2 hours',
       p.points_total, p.passing_score
FROM generate_series($1::bigint, $2::bigint) n, submissions p
WHERE p.id = $3::uuid`
	poolAnswers = `
INSERT INTO submission_answers (submission_id, question_id, employer_id, version_id, answer, sequence, saved_at)
SELECT s.id, q.id, s.employer_id, s.version_id, to_jsonb(q.option), 1, now()
FROM submissions s, unnest($2::uuid[], $3::text[]) AS q (id, option)
WHERE s.id = ANY ($1::uuid[])`
	poolNumbers = `SELECT array_agg(lpad(n::text, 32, '0')) FROM generate_series($1::bigint, $2::bigint) n`
)

// load runs statements with triggers and foreign keys off.
func (b *bench) load(ctx context.Context, fn func() error) error {
	if _, err := b.db.Exec(ctx, "SET session_replication_role = replica"); err != nil {
		return err
	}
	if err := fn(); err != nil {
		return err
	}
	_, err := b.db.Exec(ctx, "SET session_replication_role = origin")
	return err
}

// pool makes n users and, unless usersOnly, their submissions with answers. The ids are the numbers from the first on.
func (b *bench) pool(ctx context.Context, w *world, n int64, usersOnly bool) (first int64, err error) {
	first = b.numbers(n)
	last := first + n - 1
	err = b.load(ctx, func() error {
		if _, err := b.db.Exec(ctx, poolUsers, first, last); err != nil || usersOnly {
			return err
		}
		if _, err := b.db.Exec(ctx, poolSubmissions, first, last, w.probe); err != nil {
			return err
		}
		var ids []string
		if err := b.db.QueryRow(ctx, poolNumbers, first, last).Scan(&ids); err != nil {
			return err
		}
		return b.giveAnswers(ctx, w, ids)
	})
	if err != nil {
		return 0, fmt.Errorf("make a pool: %w", err)
	}
	return first, nil
}

// answer gives the submissions of the API's candidates five answers each, in one statement.
func (b *bench) answer(ctx context.Context, w *world, started []sitting) error {
	ids := make([]string, len(started))
	for i, s := range started {
		ids[i] = s.id
	}
	return b.load(ctx, func() error { return b.giveAnswers(ctx, w, ids) })
}

func (b *bench) giveAnswers(ctx context.Context, w *world, ids []string) error {
	_, err := b.db.Exec(ctx, poolAnswers, ids, w.questions[:answeredCount], w.options[:answeredCount])
	return err
}

// sittings starts n submissions through the API.
func (b *bench) sittings(ctx context.Context, w *world, n int) ([]sitting, error) {
	visitors := make([]visitor, clients)
	starters := make([]*starter, clients)
	for i := range visitors {
		starters[i] = b.starter(w, (n+clients-1)/clients)
		visitors[i] = starters[i]
	}
	if _, err := closed(ctx, b.server.addr, visitors, 2*time.Minute); err != nil {
		return nil, fmt.Errorf("start %d submissions: %w", n, err)
	}
	var all []sitting
	for _, s := range starters {
		all = append(all, s.made...)
	}
	return all[:min(n, len(all))], nil
}
