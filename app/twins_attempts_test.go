package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// begin asks for a start at a public link.
func (w *world) begin(slug, email string) reply {
	w.t.Helper()
	return w.call("POST", "/api/v1/public/assessments/"+slug+"/submissions", "", obj{"name": "Cara", "email": email, "consent": true})
}

func (w *world) submit(token string) reply {
	w.t.Helper()
	return w.call("POST", "/api/v1/public/submission/submit", token, nil)
}

func TestTwinsStartAnAddressOnceAndEndItOnce(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	_, slug := w.a.published(w.a.employer(1))
	for round := range rounds {
		address := strconv.Itoa(round) + "@mail.example"
		var s sitting
		replies := w.together(12, func(to *world, i int) reply { return to.begin(slug, []string{"Cara", "CARA"}[i/2%2]+address) })
		w.oneOf("starts", replies, "201", "409 already_started")
		for _, r := range replies {
			if r.status == 201 {
				r.into(t, &s)
			}
		}
		w.holds(1, `SELECT count(*) FROM submissions WHERE lower(email) = $1`, "cara"+address)
		w.holds(1, `SELECT count(*) FROM users WHERE lower(email) = $1`, "cara"+address)
		replies = w.together(12, func(to *world, _ int) reply { return to.submit(s.SubmissionToken) })
		w.oneOf("submits", replies, "200", "409 already_submitted")
		for _, r := range replies {
			var receipt struct{ Submission struct{ ID, Status string } }
			if r.into(t, &receipt); receipt.Submission.ID != s.Submission.ID || receipt.Submission.Status != "submitted" {
				t.Errorf("the receipt is %s", r.body)
			}
		}
		w.holds(1, `SELECT count(*) FROM audit_events WHERE action = 'submission.submitted' AND object_id = $1`, s.Submission.ID)
	}
}

// attempt is one candidate's, with what was acknowledged: by question, the highest sequence that was answered with 200.
type attempt struct {
	sitting
	mu      sync.Mutex
	highest map[string]int
}

// keepSaving saves ever higher numbers, the odd ones right, until it is refused, and gives the refusal.
func (a *attempt) keepSaving(to *world, question int, begun func()) reply {
	q := a.Questions[question]
	right, wrong := "ls", "dir"
	if len(q.Options) > 0 {
		right, wrong = q.Options[1].ID, q.Options[0].ID
	}
	for sequence := 1; sequence < 10_000; sequence++ {
		answer := wrong
		if sequence%2 == 1 {
			answer = right
		}
		r := to.call("PUT", "/api/v1/public/submission/answers/"+q.ID, a.SubmissionToken, obj{"answer": answer, "sequence": sequence})
		var saved struct{ Sequence int }
		if r.status == 200 && json.Unmarshal(r.body, &saved) == nil {
			a.mu.Lock()
			a.highest[q.ID] = max(a.highest[q.ID], saved.Sequence)
			a.mu.Unlock()
		}
		if sequence == 3 || r.status != 200 && sequence < 3 {
			begun()
		}
		if r.status != 200 {
			return r
		}
	}
	return reply{body: []byte("never refused")}
}

// settled checks that an ended attempt holds what was acknowledged, and is worth what it holds.
func (w twins) settled(a *attempt, status string) {
	w.t.Helper()
	w.holds(1, `SELECT count(*) FROM submissions WHERE id = $1 AND status = $2 AND submitted_at BETWEEN started_at AND deadline_at`, a.Submission.ID, status)
	w.holds(1, `SELECT count(*) FROM audit_events WHERE object_id = $1 AND action IN ('submission.submitted', 'submission.expired')`, a.Submission.ID)
	for question, sequence := range a.highest {
		w.holds(1, `SELECT count(*) FROM submission_answers a
			JOIN submissions s ON s.id = a.submission_id
			JOIN version_questions q ON q.version_id = s.version_id AND q.question_id = a.question_id
			WHERE s.id = $1 AND a.question_id = $2 AND a.sequence >= $3 AND s.credits[2 * q.position - 1] = a.sequence % 2`,
			a.Submission.ID, question, sequence)
	}
	w.holds(1, `SELECT count(*) FROM submissions s WHERE id = $1
		AND score = (SELECT 50 * sum(sequence % 2) FROM submission_answers WHERE submission_id = s.id)`, a.Submission.ID)
}

func TestTwinsLoseNoAcknowledgedAnswerToASubmitOrTheDeadline(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	_, slug := w.a.published(w.a.employer(1))
	for round := range 2 * rounds {
		overdue := round%2 == 1
		a := &attempt{sitting: w.each(round).start(slug, strconv.Itoa(round)+"@mail.example"), highest: map[string]int{}}
		var begun sync.WaitGroup
		begun.Add(8)
		replies := w.together(10, func(to *world, i int) reply {
			if i < 8 {
				return a.keepSaving(to, i/2%2, begun.Done)
			}
			begun.Wait()
			if overdue && i == 8 {
				w.clock.Advance(30*time.Minute + 5*time.Second + time.Microsecond)
			}
			return to.submit(a.SubmissionToken)
		})
		saves, submits := tally(replies[:8]), tally(replies[8:])
		if len(a.highest) != 2 {
			t.Fatalf("saves to %d questions were acknowledged", len(a.highest))
		}
		switch {
		case !overdue:
			w.oneOf("submits", replies[8:], "200", "409 already_submitted")
			if !maps.Equal(saves, map[string]int{"409 submission_closed": 8}) {
				t.Errorf("saves: %v", saves)
			}
			w.settled(a, "submitted")
		case submits["200"] == 1: // the other twin was faster than the clock
			w.settled(a, "submitted")
		default:
			if !maps.Equal(saves, map[string]int{"409 deadline_passed": 8}) || !maps.Equal(submits, map[string]int{"409 deadline_passed": 2}) {
				t.Errorf("at the deadline: saves %v, submits %v", saves, submits)
			}
			w.settled(a, "expired")
		}
	}
}

func TestTwinsVoidingAgainstASubmitKeepTheAttemptWhole(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	owner := w.a.employer(1)
	_, slug := w.a.published(owner)
	for round := range 2 * rounds {
		address := strconv.Itoa(round) + "@mail.example"
		a := &attempt{sitting: w.each(round).start(slug, address), highest: map[string]int{}}
		for i := range 2 {
			w.each(i).must(200, "GET", "/api/v1/public/submission", a.SubmissionToken, nil)
		}
		var begun sync.WaitGroup
		begun.Add(4)
		replies := w.together(6, func(to *world, i int) reply {
			if i < 4 {
				return a.keepSaving(to, i/2, begun.Done)
			}
			begun.Wait()
			if i == 4 {
				return w.each(round + 1).submit(a.SubmissionToken)
			}
			return w.each(round).call("DELETE", "/api/v1/submissions/"+a.Submission.ID, owner, obj{"reason": "a friend took it"})
		})
		status, submitted := "in_progress", replies[4].outcome()
		if submitted == "200" {
			status = "submitted"
		}
		if (submitted != "200" && submitted != "401 unauthenticated") || replies[5].status != 204 {
			t.Errorf("the submit gets %s, the voiding %d %s", submitted, replies[5].status, replies[5].body)
		}
		for outcome := range tally(replies[:4]) {
			if outcome != "401 unauthenticated" && (outcome != "409 submission_closed" || status != "submitted") {
				t.Errorf("a save ends with %s, the submit with %s", outcome, submitted)
			}
		}
		w.holds(0, `SELECT count(*) FROM submissions WHERE id = $1`, a.Submission.ID)
		w.holds(1, `SELECT count(*) FROM voided_submissions WHERE id = $1 AND submission ->> 'status' = $2`, a.Submission.ID, status)
		for question, sequence := range a.highest {
			w.holds(1, `SELECT count(*) FROM voided_submissions v, jsonb_array_elements(v.answers) x
				WHERE v.id = $1 AND x ->> 'question_id' = $2 AND (x ->> 'sequence')::bigint >= $3`, a.Submission.ID, question, sequence)
		}
		for i := range 2 {
			w.each(i).must(401, "GET", "/api/v1/public/submission", a.SubmissionToken, nil)
			w.each(i).must(401, "POST", "/api/v1/public/submission/submit", a.SubmissionToken, nil)
		}
		again := w.together(4, func(to *world, _ int) reply { return to.begin(slug, address) })
		w.oneOf("fresh starts", again, "201", "409 already_started")
	}
}

func TestTwinsTakeNoStartOnceAClosingIsAnswered(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	owner := w.a.employer(1)
	id, slug := w.a.published(owner)
	begun := 0
	for round := range rounds {
		var closed atomic.Bool
		var late atomic.Int32
		started := make(chan struct{}, 1)
		replies := w.together(12, func(to *world, i int) reply {
			if i == 5 {
				<-started // on a busy machine nobody might begin before
				r := to.call("POST", "/api/v1/assessments/"+id+"/close", owner, nil)
				closed.Store(r.status == 200)
				return reply{status: r.status}
			}
			for try := range 10_000 { // until the door is shut
				known := closed.Load()
				r := to.begin(slug, fmt.Sprintf("%d.%d.%d@mail.example", round, i, try))
				select {
				case started <- struct{}{}:
				default:
				}
				if r.status != 201 {
					return r
				}
				if known {
					late.Add(1)
				}
			}
			return reply{body: []byte("never refused")}
		})
		if got := tally(replies); !maps.Equal(got, map[string]int{"200": 1, "409 assessment_closed": 11}) {
			t.Errorf("closing and starts: %v", got)
		}
		if late.Load() != 0 {
			t.Errorf("%d began after the closing was answered", late.Load())
		}
		now := w.a.count("submissions")
		if now == begun {
			t.Error("nobody began")
		}
		begun = now
		w.a.must(200, "POST", "/api/v1/assessments/"+id+"/reopen", owner, nil)
		w.b.start(slug, fmt.Sprintf("%d@again.example", round))
		begun++
	}
	w.holds(begun, `SELECT count(DISTINCT lower(email)) FROM submissions`)
}

// A candidate on one twin always has a paper that was published whole: its prompt names the answer that scores.
func TestTwinsPublishingAgainstEditsGiveWholePapers(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	owner := w.a.employer(1)
	a := w.a.draft(owner, "Typing")
	question := func(n int) obj {
		word := "word" + strconv.Itoa(n)
		return obj{"type": "short_text", "prompt": "Type " + word, "answerKey": obj{"accepted": []string{word}}, "explanation": "It says " + word}
	}
	var q, published struct{ ID, Slug string }
	w.a.must(201, "POST", "/api/v1/assessments/"+a+"/questions", owner, question(0)).into(t, &q)
	w.a.must(200, "POST", "/api/v1/assessments/"+a+"/publish", owner, nil).into(t, &published)
	for round := range rounds {
		replies := w.together(18, func(to *world, i int) reply {
			switch i % 6 {
			case 0, 3:
				return to.call("POST", "/api/v1/assessments/"+a+"/publish", owner, nil)
			case 1, 4:
				return to.call("PATCH", "/api/v1/assessments/"+a+"/questions/"+q.ID, owner, question(100*round+i), "If-Match", "*")
			}
			return to.begin(published.Slug, fmt.Sprintf("%d.%d@mail.example", round, i))
		})
		if got := tally(replies); got["200"] != 12 || got["201"] != 6 {
			t.Errorf("publishing, edits and starts: %v", got)
		}
		for i, r := range replies {
			if i%6 == 2 || i%6 == 5 {
				var s struct {
					SubmissionToken string
					Questions       []struct{ ID, Prompt string }
				}
				r.into(t, &s)
				w.other(i).must(200, "PUT", "/api/v1/public/submission/answers/"+s.Questions[0].ID, s.SubmissionToken, obj{"answer": s.Questions[0].Prompt[5:]})
				w.other(i).must(200, "POST", "/api/v1/public/submission/submit", s.SubmissionToken, nil)
			}
		}
	}
	w.holds(6*rounds, `SELECT count(*) FROM submissions WHERE score = 100`)
	w.holds(0, `SELECT count(*) FROM version_questions q JOIN version_answer_keys k USING (version_id, question_id)
		WHERE q.prompt <> 'Type ' || (k.key -> 'accepted' ->> 0) OR q.explanation <> 'It says ' || (k.key -> 'accepted' ->> 0)`)
	versions := w.a.count("assessment_versions")
	w.holds(versions, `SELECT max(number) FROM assessment_versions`)
	w.holds(versions, `SELECT current_version FROM assessments`)
	if versions < 2 {
		t.Error("nothing was published beside the edits")
	}
}

func TestTwinsKeepTheLimitOfActiveAssessments(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	for round := range rounds {
		owner := w.a.employer(round)
		var drafts, closed []string
		for i := range 12 {
			a := w.a.draft(owner, strconv.Itoa(i))
			w.a.must(201, "POST", "/api/v1/assessments/"+a+"/questions", owner, obj{"type": "true_false", "prompt": "IP?", "answerKey": obj{"value": true}})
			if i%2 == 0 {
				drafts = append(drafts, a)
				continue
			}
			w.a.must(200, "POST", "/api/v1/assessments/"+a+"/publish", owner, nil)
			w.a.must(200, "POST", "/api/v1/assessments/"+a+"/close", owner, nil)
			closed = append(closed, a)
		}
		// each is tried by both twins: the second one finds it active already, or no place
		tried := slices.Concat(drafts, closed)
		replies := w.together(2*len(tried), func(to *world, i int) reply {
			act := "/publish"
			if i/2 >= len(drafts) {
				act = "/reopen"
			}
			return to.call("POST", "/api/v1/assessments/"+tried[i/2]+act, owner, nil)
		})
		for outcome := range tally(replies) {
			if outcome != "200" && outcome != "409 active_assessment_limit" {
				t.Errorf("publishing and reopening: %s", outcome)
			}
		}
		w.holds(3*(round+1), `SELECT count(*) FROM assessments WHERE status = 'active'`)
		w.holds(0, `SELECT count(*) FROM assessment_versions v JOIN assessments a ON a.id = v.assessment_id WHERE a.status = 'draft'`)
		var list struct{ ActiveLimit struct{ Limit, Used int } }
		w.b.must(200, "GET", "/api/v1/assessments", owner, nil).into(t, &list)
		if list.ActiveLimit.Used != 3 || list.ActiveLimit.Limit != 3 {
			t.Errorf("the list says %+v", list.ActiveLimit)
		}
	}
}

// Without a key each upload is an import of its own: they stand one behind the other, none within another.
func TestTwinsImportingOneFileFollowEachOther(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	owner := w.a.employer(1)
	a := w.a.draft(owner, "Networking")
	const each = 60
	file := []byte("question,a,b,answer\n")
	for i := range each {
		file = fmt.Appendf(file, "Question %d,x,y,b\n", i+1)
	}
	bodies := make([][]byte, 6)
	types := make([]string, len(bodies))
	for round := range rounds {
		for i := range bodies {
			bodies[i], types[i] = formOf(t, "bank.csv", file)
		}
		replies := w.together(len(bodies), func(to *world, i int) reply { return to.rawUpload(owner, a, types[i], bodies[i]) })
		if got := tally(replies); !maps.Equal(got, map[string]int{"201": len(bodies)}) {
			t.Errorf("imports: %v", got)
		}
		n := (round + 1) * len(bodies)
		w.holds(n, `SELECT count(*) FROM imports WHERE assessment_id = $1`, a)
		w.holds(n*each, `SELECT count(*) FROM questions q JOIN answer_keys k ON k.question_id = q.id
			WHERE assessment_id = $1 AND prompt = 'Question ' || (1 + (position - 1) % 60)`, a)
		w.holds(n*each, `SELECT max(position) FROM questions WHERE assessment_id = $1`, a)
	}
}
