package assessments

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"

	"credlane/app/kit/exact"
	"credlane/app/kit/pg"
	"credlane/app/kit/question"
)

func TestPublishingMakesAVersionThatHoldsAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.draft("A")
	for _, d := range fiveTypes() {
		w.add(a, d)
	}
	a, err := w.one.Publish(w.ctx, a.ID)
	w.must(err)
	if a.Status != Active || *a.CurrentVersion != 1 || a.DraftChanged() {
		t.Fatalf("got %+v", a)
	}
	v, keys, err := w.two.VersionInFull(w.ctx, a.ID, 1)
	w.must(err)
	if v.Title != "A" || v.QuestionCount != 5 || v.PointsTotal != pt("5.5") || len(v.Questions) != 5 {
		t.Fatalf("got %+v", v)
	}
	for i, q := range w.questions(a) {
		if got := v.Questions[i]; got.ID != q.ID || got.Prompt != q.Prompt || !slices.Equal(got.Options, q.Options) || !sameKey(keys[q.ID], q.Key) {
			t.Errorf("question %d: %+v, key %s", i, got, keys[q.ID])
		}
	}
	plain, err := w.two.Version(w.ctx, v.ID)
	w.must(err)
	parsed, err := w.two.VersionKeys(w.ctx, v.ID)
	if err != nil || len(parsed) != 5 || len(plain.Questions) != 5 || parsed[plain.Questions[4].ID].Value.String() != "1.5" {
		t.Fatalf("keys %v, error %v", parsed, err)
	}
}

func TestAnUnchangedDraftMakesNoFurtherVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.published("A")
	same, err := w.one.Publish(w.ctx, a.ID)
	if err != nil || *same.CurrentVersion != 1 || same.Revision != a.Revision {
		t.Fatalf("got %+v, error %v", same, err)
	}
	// What acts at once is not in a version.
	a, err = w.one.Update(w.ctx, a.ID, etag(a), Settings{ResultRelease: ptr(ReleaseScore)})
	if err != nil || a.DraftChanged() {
		t.Fatalf("got %+v, error %v", a, err)
	}
	for i, change := range []Settings{{Title: ptr("B")}, {Description: ptr("d")}, {TimeLimitMinutes: ptr(31)}, {PassingScore: ptr(exact.WholeScore(70))},
		{ShuffleQuestions: ptr(true)}, {ShuffleOptions: ptr(true)}} {
		a, err = w.one.Update(w.ctx, a.ID, etag(a), change)
		w.must(err)
		if !a.DraftChanged() {
			t.Errorf("change %d is not seen", i)
		}
		a, err = w.one.Publish(w.ctx, a.ID)
		if err != nil || *a.CurrentVersion != i+2 || a.DraftChanged() {
			t.Fatalf("got %+v, error %v", a, err)
		}
	}
	w.add(a, choice())
	if !w.find(a).DraftChanged() {
		t.Error("a new question is not seen")
	}
	a, err = w.one.Close(w.ctx, a.ID)
	w.must(err)
	a, err = w.one.Publish(w.ctx, a.ID)
	if err != nil || a.Status != Active || *a.CurrentVersion != 8 {
		t.Fatalf("got %+v, error %v", a, err)
	}
	list, err := w.one.Versions(w.ctx, a.ID, 8, 3)
	if err != nil || len(list) != 3 || list[0].Number != 7 || list[2].Number != 5 {
		t.Fatalf("versions %+v, error %v", list, err)
	}
}

func TestPublishingAClosedUnchangedAssessmentReopensIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.published("A")
	_, err := w.one.Close(w.ctx, a.ID)
	w.must(err)
	a, err = w.one.Publish(w.ctx, a.ID)
	if err != nil || a.Status != Active || *a.CurrentVersion != 1 {
		t.Fatalf("got %+v, error %v", a, err)
	}
}

func TestEveryReasonAgainstPublishingIsGivenAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	empty := w.draft("Empty")
	_, err := w.one.Publish(w.ctx, empty.ID)
	if got := locations(w.refused(err, ErrNotReady)); !slices.Equal(got, []string{"questions"}) {
		t.Fatalf("reasons at %v", got)
	}
	a := w.draft("A")
	good, none, broken := choice(), choice(), choice()
	good.Points, none.Points, broken.Points = ptr(exact.Points(0)), ptr(exact.Points(0)), ptr(exact.Points(0))
	none.Key = nil
	w.add(a, good)
	without := w.add(a, none)
	wrong := w.add(a, broken)
	w.exec(`UPDATE answer_keys SET key = jsonb_build_object('optionId', gen_random_uuid()) WHERE question_id = $1`, wrong.ID)
	_, err = w.one.Publish(w.ctx, a.ID)
	f := w.refused(err, ErrNotReady)
	if got := locations(f); !slices.Equal(got, []string{"questions", "questions[1].answerKey", "questions[2].answerKey"}) {
		t.Fatalf("reasons at %v", got)
	}
	flaws := f.Extra["questions"].([]Flaw)
	if len(flaws) != 2 || flaws[0].QuestionID != without.ID || flaws[0].Position != 2 || flaws[1].QuestionID != wrong.ID {
		t.Fatalf("flaws %+v", flaws)
	}
	if a := w.find(a); a.Status != Draft || a.CurrentVersion != nil {
		t.Fatalf("got %+v", a)
	}
}

func TestADraftWorthTooMuchIsReadableAndNotPublished(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.draft("A")
	n, err := w.appendAll(a, many(101, exact.WholePoints(1000)))
	if err != nil || n != 101 {
		t.Fatalf("%d, %v", n, err)
	}
	if got := w.find(a).PointsTotal().String(); got != "101000" {
		t.Fatalf("points %s", got)
	}
	_, err = w.one.Publish(w.ctx, a.ID)
	w.refused(err, ErrNotReady)
}

func TestAPublishedVersionNeverChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.published("A")
	v, _, err := w.one.VersionInFull(w.ctx, a.ID, 1)
	w.must(err)
	for _, sql := range []string{
		`UPDATE assessment_versions SET title = 'x'`, `DELETE FROM assessment_versions`, `TRUNCATE assessment_versions CASCADE`,
		`UPDATE version_questions SET points = 2`, `DELETE FROM version_questions`, `TRUNCATE version_questions CASCADE`,
		`UPDATE version_answer_keys SET key = '{}'`, `DELETE FROM version_answer_keys`, `TRUNCATE version_answer_keys`,
		fmt.Sprintf(`INSERT INTO version_questions SELECT version_id, gen_random_uuid(), employer_id, 99, type, prompt, options, points, tags, difficulty, explanation, credit_rule FROM version_questions WHERE version_id = '%s'`, v.ID),
		fmt.Sprintf(`INSERT INTO version_answer_keys SELECT version_id, gen_random_uuid(), employer_id, key FROM version_answer_keys WHERE version_id = '%s'`, v.ID),
	} {
		_, err := w.db.Pool.Exec(t.Context(), sql)
		if name := pg.ConstraintName(err); name != "versions_immutable" && name != "version_answer_keys_question_fkey" {
			t.Errorf("%s: %v", sql, err)
		}
	}
	// An edited draft leaves it alone.
	q := w.questions(a)[0]
	_, err = w.one.UpdateQuestion(w.ctx, a.ID, q.ID, qetag(q), QuestionChange{Prompt: ptr("changed")})
	w.must(err)
	w.must(w.one.DeleteQuestion(w.ctx, a.ID, q.ID, "*"))
	if again, err := w.one.Version(w.ctx, v.ID); err != nil || again.Questions[0].Prompt != "2 + 2?" {
		t.Fatalf("got %+v, error %v", again, err)
	}
}

func TestADuplicateHasIdsOfItsOwnAndTheSameAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.draft("A")
	for _, d := range fiveTypes() {
		w.add(a, d)
	}
	keyless := choice()
	keyless.Key = nil
	w.add(a, keyless)
	b, err := w.one.Duplicate(w.ctx, a.ID)
	w.must(err)
	if b.ID == a.ID || b.Slug == a.Slug || b.Status != Draft || b.Title != "A (copy)" || b.QuestionCount != 6 || b.PointsTotal() != pt("6.5") {
		t.Fatalf("got %+v", b)
	}
	originals, copies := w.questions(a), w.questions(b)
	for i, q := range originals {
		c := copies[i]
		if c.ID == q.ID || c.Prompt != q.Prompt || c.CreditRule != q.CreditRule || !slices.Equal(c.Tags, q.Tags) || c.Difficulty != q.Difficulty {
			t.Errorf("question %d: %+v", i, c)
		}
		if len(q.Options) > 0 && q.Options[0].ID == c.Options[0].ID {
			t.Error("an option keeps its id")
		}
		if q.Key == nil {
			if c.Key != nil {
				t.Error("a key out of nothing")
			}
			continue
		}
		if rights(t, q) != rights(t, c) {
			t.Errorf("question %d: right is %s; want %s", i, rights(t, c), rights(t, q))
		}
	}
}

// rights words a key without ids.
func rights(t *testing.T, q Question) string {
	t.Helper()
	k, err := question.ParseKey(q.Type, q.Key)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, id := range k.OptionIDs {
		i := slices.IndexFunc(q.Options, func(o Option) bool { return o.ID == id })
		texts = append(texts, q.Options[i].Text)
	}
	k.OptionIDs = nil
	if q.Type.HasOptions() {
		return fmt.Sprint(texts)
	}
	b, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTheActiveLimitCountsOnlyTheActive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := []Assessment{w.published("1"), w.published("2"), w.published("3")}
	fourth := w.ready("4")
	_, err := w.one.Publish(w.ctx, fourth.ID)
	w.refused(err, ErrActiveLimit)
	if n := value[int](w, `SELECT count(*) FROM assessment_versions WHERE assessment_id = $1`, fourth.ID); n != 0 {
		t.Fatal("a refused publish leaves a version")
	}
	w.add(a[0], choice())
	_, err = w.one.Publish(w.ctx, a[0].ID) // takes no further slot
	w.must(err)
	_, err = w.one.Close(w.ctx, a[0].ID)
	w.must(err)
	_, err = w.one.Publish(w.ctx, fourth.ID)
	w.must(err)
	_, err = w.one.Reopen(w.ctx, a[0].ID)
	w.refused(err, ErrActiveLimit)
	_, err = w.one.Archive(w.ctx, a[1].ID)
	w.must(err)
	_, err = w.one.Reopen(w.ctx, a[0].ID)
	w.must(err)
	_, err = w.db.Pool.Exec(t.Context(), `INSERT INTO assessments (id, employer_id, title, slug, status, current_version, created_at, updated_at)
		VALUES ($1, $2, 'raw', 'rawrawrawraw', 'active', 1, now(), now())`, uuid.New(), w.employer)
	if pg.ConstraintName(err) != "assessments_active_limit" {
		t.Fatalf("raw SQL: %v", err)
	}
}
