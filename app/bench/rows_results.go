package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// Submissions that have ended, of an assessment with one version, patterned on the probe. Names, scores and times differ.
const (
	finishedSubmissions = `
INSERT INTO submissions (id, employer_id, assessment_id, version_id, candidate_user_id, name, email, consent_at, notice_version,
                         layout, status, started_at, deadline_at, submitted_at, points, points_total, score, passing_score, passed,
                         credits)
SELECT lpad(n::text, 32, '0')::uuid, v.employer_id, v.assessment_id, v.id, lpad(n::text, 32, '0')::uuid,
       'Person ' || md5(n::text), 'person' || n || '@bench.example', now(), 1, '[]', 'submitted',
       now() - interval '1 hour', now(), now() - (n % 3000) * interval '1 second', n % 21, 20, (n % 21) * 5, 60, (n % 21) * 5 >= 60,
       ARRAY(SELECT x FROM generate_series(1, v.question_count) i, unnest(ARRAY[(n % 21 >= i)::integer, 1]) x)
FROM generate_series($1::bigint, $2::bigint) n, assessment_versions v
WHERE v.assessment_id = $3::uuid`
	finishedAnswers = `
INSERT INTO submission_answers (submission_id, question_id, employer_id, version_id, answer, sequence, saved_at)
SELECT lpad(n::text, 32, '0')::uuid, q.question_id, v.employer_id, v.id, q.options -> 0 -> 'id', 1, now()
FROM generate_series($1::bigint, $2::bigint) n, assessment_versions v JOIN version_questions q ON q.version_id = v.id
WHERE v.assessment_id = $3::uuid AND q.position <= $4`
)

// finished loads n ended submissions and gives the number of the first.
func (b *bench) finished(ctx context.Context, assessment string, n int, answers bool) (first int64, err error) {
	first = b.numbers(int64(n))
	last := first + int64(n) - 1
	err = b.load(ctx, func() error {
		if _, err := b.db.Exec(ctx, finishedSubmissions, first, last, assessment); err != nil || !answers {
			return err
		}
		_, err := b.db.Exec(ctx, finishedAnswers, first, last, assessment, answeredCount)
		return err
	})
	if err == nil {
		_, err = b.db.Exec(ctx, "VACUUM (ANALYZE) submissions, submission_answers")
	}
	return first, err
}

// pageSize is how many submissions a page has.
const pageSize = 50

// stKeyset is the list without its filters: the columns of a page, from one place on, along the index.
const stKeyset = `SELECT s.id, s.name, s.email, s.status, (SELECT v.number FROM assessment_versions v WHERE v.id = s.version_id),
   s.score, s.passing_score, s.passed, s.points, s.points_total, s.started_at, s.deadline_at, s.submitted_at, s.decision, s.tags
 FROM submissions s
 WHERE s.assessment_id = :listed::uuid AND s.employer_id = :employer::uuid AND s.id > lpad(:n::text, 32, '0')::uuid
 ORDER BY s.id LIMIT 51;
`

func results(ctx context.Context, b *bench) ([]figure, error) {
	w, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	assessment, _, err := b.publish(ctx, "A million", 1)
	if err != nil {
		return nil, err
	}
	n := b.size(1_000_000)
	b.say("loading %d submissions", n)
	first, err := b.finished(ctx, assessment, n, false)
	if err != nil {
		return nil, err
	}
	token, err := b.signIn(ctx)
	if err != nil {
		return nil, err
	}
	b.say("walking to the last page")
	list := "/api/v1/assessments/" + assessment + "/submissions?sort=startedAt"
	cursors, err := b.walk(ctx, token, list, n)
	if err != nil {
		return nil, err
	}
	page := func(cursor string) []byte {
		path := list + "&limit=" + strconv.Itoa(pageSize)
		if cursor != "" {
			path += "&cursor=" + url.QueryEscape(cursor)
		}
		return encode(http.MethodGet, path, b.server.addr, token, nil)
	}
	visitors := make([]visitor, clients)
	for i := range visitors {
		c := &cycle{want: http.StatusOK, at: i * len(cursors) / clients}
		for at := 0; at < len(cursors); at += 1 + len(cursors)/500 {
			c.requests = append(c.requests, page(cursors[at]))
		}
		c.at %= len(c.requests)
		visitors[i] = c
	}
	script := w.script("results", map[string]string{"listed": assessment, "from": strconv.FormatInt(first, 10),
		"to": strconv.FormatInt(first+int64(n)-pageSize-1, 10)}, "\\set n random(:from, :to)\n", stKeyset)
	seen, err := b.compare(ctx, b.rounds(), b.busy(b.us, visitors), b.limit(script))
	if err != nil {
		return nil, err
	}
	all := []figure{paired(fmt.Sprintf("results, pages of %d among %d", pageSize, n), "/s", seen[0], seen[1], "its keyset query").atLeast(0.20)}
	latency := func(asked []byte) subject {
		visitors := same(1, request{bytes: asked, want: http.StatusOK})
		return func(ctx context.Context) (sample, error) {
			l, err := closed(ctx, b.server.addr, visitors, b.span())
			return sample{value: milliseconds(l.at(0.5))}, err
		}
	}
	seen, err = b.compare(ctx, b.rounds(), latency(page(cursors[len(cursors)-1])), latency(page("")))
	if err != nil {
		return all, err
	}
	return append(all, paired("results, last page (p50)", "ms", seen[0], seen[1], "the first page").ratioAtMost(1.2)), nil
}

// walk follows the list to its end and gives the cursors of its pages of 200; it wants to meet n submissions.
func (b *bench) walk(ctx context.Context, token, list string, n int) ([]string, error) {
	var cursors []string
	met := 0
	for cursor := ""; ; {
		var out struct {
			Items      []json.RawMessage `json:"items"`
			NextCursor *string           `json:"nextCursor"`
		}
		path := list + "&limit=200"
		if cursor != "" {
			path += "&cursor=" + url.QueryEscape(cursor)
		}
		if err := b.must(ctx, http.StatusOK, http.MethodGet, path, token, nil, &out); err != nil {
			return nil, err
		}
		met += len(out.Items)
		if out.NextCursor == nil {
			break
		}
		cursor = *out.NextCursor
		cursors = append(cursors, cursor)
	}
	if met != n || len(cursors) == 0 {
		return nil, fmt.Errorf("the list showed %d of %d submissions", met, n)
	}
	return cursors, nil
}
