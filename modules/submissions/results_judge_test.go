package submissions

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"credlane/app/kit/authn"
	"credlane/app/kit/exact"
	"credlane/app/kit/fault"
	"credlane/app/kit/rest"
)

// sit starts a candidate over the module itself and answers some questions by their author's place.
func (d *desk) sit(email string, answers map[int]string) (context.Context, Sitting) {
	d.t.Helper()
	ctx, s := d.start(d.module, email)
	for place, answer := range answers {
		if _, err := d.module.Save(ctx, give(place, answer)); err != nil {
			d.t.Fatalf("save %d: %v", place, err)
		}
	}
	return ctx, s
}

func TestASubmissionInFullShowsWhatTheCandidateSawAndWhatItWasWorth(t *testing.T) {
	t.Parallel()
	d := newDesk(t, rest.Options{})
	two := `["` + option(22).String() + `","` + option(20).String() + `"]`
	ctx, s := d.sit("ada@example.org", map[int]string{1: rightAnswers[0], 2: two, 3: `false`, 4: `"<b>"`})
	if _, err := d.module.Save(ctx, Save{QuestionID: fixed(4, 5), Answer: json.RawMessage(`null`), Flagged: optional(true)}); err != nil {
		t.Fatal(err)
	}
	path := "/submissions/" + s.Receipt.ID.String()
	running := get[Full](d, asViewer, path)
	if running.Score != nil || running.Questions[0].Credit != nil || running.TimeSpentSeconds != nil || running.Status != InProgress {
		t.Errorf("a running submission has a result: %+v", running.Listed)
	}
	d.clock.Advance(61 * time.Second)
	if _, err := d.module.Submit(ctx); err != nil {
		t.Fatal(err)
	}
	f := get[Full](d, asViewer, path)
	// one right, two of three options, two wrong, one unanswered: (1 + 2/3) / 5 = 33.33 %
	if f.Score == nil || *f.Score != 33_33 || *f.Passed || *f.Points != 1667 || *f.TimeSpentSeconds != 61 || f.Version != 1 {
		t.Errorf("score %v of %v points in %v s", f.Score, f.Points, f.TimeSpentSeconds)
	}
	var shown []struct {
		ID      string
		Options []Option
	}
	questions, err := s.booklet.AppendQuestions(nil, s.layout)
	if err == nil {
		err = json.Unmarshal(questions, &shown)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, q := range f.Questions {
		if q.ID.String() != shown[i].ID || !slices.Equal(q.Options, shown[i].Options) || q.Position != i+1 {
			t.Errorf("place %d is not as the candidate saw it", i+1)
		}
	}
	byPlace := map[string]FullQuestion{}
	for _, q := range f.Questions {
		byPlace[q.ID.String()] = q
	}
	multiple, text, empty := byPlace[fixed(4, 2).String()], byPlace[fixed(4, 4).String()], byPlace[fixed(4, 5).String()]
	if *multiple.Credit != (CreditShare{2, 3}) || *multiple.Earned != 667 || multiple.Sequence != 1 || multiple.SavedAt == nil {
		t.Errorf("multiple choice: %+v", multiple)
	}
	if string(text.Answer) != `"<b>"` && string(text.Answer) != `"\u003cb\u003e"` || text.Credit.Numerator != 0 || text.Explanation != "Because." {
		t.Errorf("short text: %s %+v", text.Answer, text)
	}
	if string(empty.Answer) != "null" || !empty.Flagged || *empty.Earned != 0 || !strings.Contains(string(empty.AnswerKey), `"1.5"`) {
		t.Errorf("unanswered: %s %+v", empty.Answer, empty)
	}
}

func TestReadingAnOverdueSubmissionEndsItFirst(t *testing.T) {
	t.Parallel()
	d := newDesk(t, rest.Options{})
	_, s := d.sit("ada@example.org", map[int]string{1: rightAnswers[0]})
	path := "/submissions/" + s.Receipt.ID.String()
	d.clock.Advance(30*time.Minute + Grace)
	if f := get[Full](d, asViewer, path); f.Status != InProgress {
		t.Errorf("within the grace it is %s", f.Status)
	}
	d.clock.Advance(time.Second)
	f := get[Full](d, asViewer, path)
	if f.Status != Expired || *f.Score != 20_00 || !f.SubmittedAt.Equal(f.DeadlineAt) || *f.TimeSpentSeconds != 1800 {
		t.Errorf("after it: %+v", f.Listed)
	}
	d.wants(d.call(asRecruiter, "PATCH", path, map[string]any{"extraTimePercent": 50, "reason": "x"}), 409, "submission_closed")
}

func TestExtraTimeMovesTheDeadlineAndIsRemembered(t *testing.T) {
	t.Parallel()
	d := newDesk(t, rest.Options{})
	ctx, s := d.sit("ada@example.org", nil)
	path := "/submissions/" + s.Receipt.ID.String()
	patch := func(percent int, reason any) reply {
		return d.call(asRecruiter, "PATCH", path, map[string]any{"extraTimePercent": percent, "reason": reason})
	}
	d.wants(patch(50, "accommodation"), 200, "")
	d.clock.Advance(40 * time.Minute) // past the old deadline
	if _, err := d.module.Save(ctx, give(3, `true`)); err != nil {
		t.Fatalf("a save within the extra time: %v", err)
	}
	d.wants(patch(25, "a mistake"), 409, "deadline_in_past")
	d.wants(patch(40, "a mistake"), 200, "")
	d.wants(patch(301, "x"), 422, "invalid_input")
	d.wants(patch(-1, "x"), 422, "invalid_input")
	d.wants(patch(10, "  "), 422, "reason_required")
	d.wants(d.call(asRecruiter, "PATCH", path, map[string]any{"extraTimePercent": 10}), 422, "reason_required")
	alone := d.call(asRecruiter, "PATCH", path, map[string]any{"reason": "x"})
	if d.wants(alone, 422, "mixed_change"); !strings.Contains(string(alone.body), `"location":"body.extraTimePercent"`) {
		t.Errorf("the answer does not say that the percentage is missing: %s", alone.body)
	}
	d.wants(d.call(asRecruiter, "PATCH", path, map[string]any{"extraTimePercent": 10, "reason": "x", "note": "y"}), 422, "mixed_change")
	d.wants(d.call(asRecruiter, "PATCH", path, map[string]any{}), 422, "mixed_change")
	f := get[Full](d, asViewer, path)
	if f.ExtraTimePercent != 40 || !f.DeadlineAt.Equal(f.StartedAt.Add(42*time.Minute)) || len(f.ExtraTimes) != 2 {
		t.Fatalf("extra time %d, deadline %s, %d changes", f.ExtraTimePercent, f.DeadlineAt, len(f.ExtraTimes))
	}
	first := f.ExtraTimes[0]
	if first.Percent != 50 || first.Reason != "accommodation" || first.By.Name != "Person recruiter" || first.By.ID != d.people[asRecruiter].UserID {
		t.Errorf("first change: %+v", first)
	}
	if _, err := d.module.Submit(ctx); err != nil {
		t.Fatal(err)
	}
	d.wants(patch(60, "late"), 409, "submission_closed")
}

func TestAReasonStandsNowhereInTheAuditTrailAndGoesWithItsSubmission(t *testing.T) {
	t.Parallel()
	d := newDesk(t, rest.Options{})
	_, s := d.sit("ada@example.org", nil)
	path := "/submissions/" + s.Receipt.ID.String()
	d.wants(d.call(asRecruiter, "PATCH", path, map[string]any{"extraTimePercent": 50, "reason": "dyslexia-zq"}), 200, "")
	d.wants(d.call(asRecruiter, "PATCH", path, map[string]any{"extraTimePercent": 75, "reason": "migraine-zq"}), 200, "")
	d.wants(d.call(asAdmin, "DELETE", path, map[string]any{"reason": "cheated-zq"}), 204, "")
	if n := one[int](d.world, `SELECT count(*) FROM audit_events e WHERE e::text LIKE '%-zq%'`); n != 0 {
		t.Errorf("%d audit rows tell a reason", n)
	}
	if n := one[int](d.world, `SELECT count(*) FROM audit_events WHERE action = 'submission.extra_time_given' AND
		(before, after) IN (SELECT before, after FROM audit_events WHERE after ->> 'extraTimePercent' = '75' AND before ->> 'extraTimePercent' = '50')`); n != 1 {
		t.Errorf("%d audit rows tell of the second change, want 1", n)
	}
	if n := one[int](d.world, `SELECT count(*) FROM submission_extra_times`); n != 0 {
		t.Errorf("%d extra times outlive their submission", n)
	}
	kept := one[string](d.world, `SELECT string_agg(x ->> 'reason', ' ' ORDER BY x ->> 'id') || ' ' || reason
		FROM voided_submissions, jsonb_array_elements(submission -> 'extra_times') x WHERE voided_submissions.id = $1 GROUP BY reason`, s.Receipt.ID)
	if kept != "dyslexia-zq migraine-zq cheated-zq" {
		t.Errorf("kept with what was voided: %q", kept)
	}
}

func TestExtraTimeAgainstSubmitHasOneWinner(t *testing.T) {
	t.Parallel()
	d := newDesk(t, rest.Options{})
	for i := range 10 {
		candidate, s := d.sit(string(rune('a'+i))+"@example.org", nil)
		var wait sync.WaitGroup
		var given, submitted error
		wait.Go(func() { given = d.module.GiveTime(d.as(asRecruiter), s.Receipt.ID, 50, "x") })
		wait.Go(func() { _, submitted = d.module.Submit(candidate) })
		wait.Wait()
		f := get[Full](d, asViewer, "/submissions/"+s.Receipt.ID.String())
		switch {
		case submitted != nil:
			t.Errorf("submit: %v", submitted)
		case given == nil && f.ExtraTimePercent != 50, given != nil && f.ExtraTimePercent != 0:
			t.Errorf("answered %v but the row has %d per cent", given, f.ExtraTimePercent)
		case given != nil && !errors.Is(given, ErrSubmissionClosed):
			t.Errorf("extra time after the end: %v", given)
		}
	}
}

func TestNotesTagsAndDecisionsStayOpenAfterTheEnd(t *testing.T) {
	t.Parallel()
	d := newDesk(t, rest.Options{})
	all := crowd(d.version, d.version, 1)
	all[0].status, all[0].decision, all[0].tags = Submitted, "", nil
	all[0].score = exact.WholeScore(80)
	d.seat(all)
	path := "/submissions/" + all[0].id.String()
	patch := func(body map[string]any) Full {
		t.Helper()
		r := d.call(asRecruiter, "PATCH", path, body)
		d.wants(r, 200, "")
		var f Full
		if err := json.Unmarshal(r.body, &f); err != nil {
			t.Fatal(err)
		}
		return f
	}
	f := patch(map[string]any{"note": "good <b>", "tags": []string{" go ", "go", "remote"}, "decision": "shortlist"})
	if f.Note != "good <b>" || !slices.Equal(f.Tags, []string{"go", "remote"}) || *f.Decision != "shortlist" || f.DecidedBy.Name != "Person recruiter" {
		t.Errorf("after the first: %+v", f)
	}
	at := *f.DecidedAt
	d.clock.Advance(time.Hour)
	if f = patch(map[string]any{"decision": "shortlist"}); !f.DecidedAt.Equal(at) {
		t.Errorf("the same decision again moved its time to %s", f.DecidedAt)
	}
	if f = patch(map[string]any{"decision": nil}); f.Decision != nil || f.DecidedBy != nil || f.DecidedAt != nil || f.Note != "good <b>" {
		t.Errorf("taken back: %+v", f)
	}
	long := strings.Repeat("x", MaxTag+1)
	for _, bad := range []map[string]any{
		{"decision": "hire"}, {"decision": ""}, {"tags": []string{" "}}, {"tags": []string{long}},
	} {
		d.wants(d.call(asRecruiter, "PATCH", path, bad), 422, "invalid_judgement")
	}
	d.wants(d.call(asRecruiter, "PATCH", path, map[string]any{"score": 100}), 400, "unknown_key")
	d.wants(d.call(asRecruiter, "PATCH", path, map[string]any{"note": strings.Repeat("é", MaxNote+1)}), 422, "invalid_input")
	d.wants(d.call(asRecruiter, "PATCH", path, map[string]any{"note": "a\x00"}), 400, "invalid_text")
	if n := one[int](d.world, `SELECT count(*) FROM audit_events WHERE action = 'submission.judged'`); n != 2 {
		t.Errorf("%d audit rows for two changes", n)
	}
	if n := one[int](d.world, `SELECT count(*) FROM audit_events WHERE after::text LIKE '%good%' OR after::text LIKE '%remote%'`); n != 0 {
		t.Error("what was noted stands in the audit trail")
	}
}

func TestAVoidedSubmissionIsKeptWholeAndItsCandidateStartsAfresh(t *testing.T) {
	t.Parallel()
	d := newDesk(t, rest.Options{})
	ctx, s := d.sit("ada@example.org", map[int]string{1: rightAnswers[0], 3: `true`})
	if _, err := d.module.Submit(ctx); err != nil {
		t.Fatal(err)
	}
	path := "/submissions/" + s.Receipt.ID.String()
	for code, sent := range map[string]any{"reason_required": map[string]any{"reason": " "}, "invalid_input": map[string]any{}, "malformed_json": nil} {
		status := 422
		if sent == nil {
			status = 400
		}
		r := d.call(asAdmin, "DELETE", path, sent)
		if d.wants(r, status, code); !strings.Contains(string(r.body), `"location":"body.reason"`) {
			t.Errorf("the answer does not say that the reason is missing: %s", r.body)
		}
	}
	d.wants(d.call(asAdmin, "DELETE", path, map[string]any{"reason": "took it for a friend"}), 204, "")
	d.wants(d.call(asViewer, "GET", path, nil), 404, "submission_not_found")
	d.wants(d.call(asAdmin, "DELETE", path, map[string]any{"reason": "again"}), 404, "submission_not_found")
	kept := one[int](d.world, `SELECT jsonb_array_length(answers) FROM voided_submissions
		WHERE id = $1 AND submission->>'email' = 'ada@example.org' AND submission->>'status' = 'submitted' AND (submission->>'score')::numeric = 40
		  AND reason = 'took it for a friend' AND voided_by = $2`, s.Receipt.ID, d.people[asAdmin].UserID)
	if kept != 2 {
		t.Errorf("%d answers kept, want 2", kept)
	}
	if n := one[int](d.world, `SELECT count(*) FROM submission_answers`); n != 0 {
		t.Errorf("%d answers left behind", n)
	}
	if n := one[int](d.world, `SELECT count(*) FROM audit_events WHERE action = 'submission.voided' AND actor_id = $1`, d.people[asAdmin].UserID); n != 1 {
		t.Errorf("%d audit rows", n)
	}
	if _, err := d.module.Sitting(ctx); !errors.Is(err, authn.ErrUnauthenticated) {
		t.Errorf("the old token: %v", err)
	}
	if _, again := d.sit("ada@example.org", nil); again.Receipt.ID == s.Receipt.ID {
		t.Error("the fresh start has the old id")
	}
}

func TestVoidingAgainstSavesAndSubmitLosesNoAcknowledgedAnswer(t *testing.T) {
	t.Parallel()
	d := newDesk(t, rest.Options{})
	for i := range 10 {
		candidate, s := d.sit(string(rune('a'+i))+"@example.org", nil)
		var wait sync.WaitGroup
		acknowledged := make([]bool, 5)
		for place := range acknowledged {
			wait.Go(func() {
				_, err := d.module.Save(candidate, give(place+1, rightAnswers[place]))
				acknowledged[place] = err == nil
				d.plain(err)
			})
		}
		wait.Go(func() { _, err := d.module.Submit(candidate); d.plain(err) })
		wait.Go(func() { d.plain(d.module.Void(d.as(asAdmin), s.Receipt.ID, "race")) })
		wait.Wait()
		for place, ok := range acknowledged {
			kept := one[bool](d.world, `SELECT answers @> jsonb_build_array(jsonb_build_object('question_id', $2::text))
				FROM voided_submissions WHERE id = $1`, s.Receipt.ID, fixed(4, place+1).String())
			if ok && !kept {
				t.Errorf("round %d: answer %d was acknowledged and is not kept", i, place+1)
			}
		}
	}
	if n := one[int](d.world, `SELECT (SELECT count(*) FROM submissions) + (SELECT count(*) FROM submission_answers)`); n != 0 {
		t.Errorf("%d rows left behind", n)
	}
}

// plain fails on an error that a user would see as a 500.
func (d *desk) plain(err error) {
	if err == nil {
		return
	}
	if f, ok := fault.As(err); !ok || f.Kind == fault.Internal {
		d.t.Errorf("not a fault: %v", err)
	}
}
