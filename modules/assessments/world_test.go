package assessments

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/clock"
	"credlane/app/kit/exact"
	"credlane/app/kit/fault"
	"credlane/app/kit/ids"
	"credlane/app/kit/pg"
	"credlane/app/kit/pgtest"
	"credlane/app/kit/question"
	"credlane/app/kit/rest"
)

// world is one database, two instances of the program on it, and one employer's recruiter.
type world struct {
	t        *testing.T
	db       pgtest.DB
	clock    *clock.Fake
	one, two *Module
	employer uuid.UUID
	ctx      context.Context
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, db: pgtest.New(t), clock: clock.NewFake(time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC))}
	second, err := pg.Open(t.Context(), pg.Options{URL: w.db.URL, MaxConns: 8})
	w.must(err)
	t.Cleanup(second.Close)
	w.one, w.two = w.instance(&pg.DB{Pool: w.db.Pool}), w.instance(second)
	w.employer, w.ctx = w.newEmployer(3)
	return w
}

func (w *world) instance(db *pg.DB) *Module {
	return New(Deps{DB: db, Clock: w.clock, IDs: ids.New(w.clock), PublicURL: "https://tests.example"})
}

// newEmployer makes an employer that may have so many active assessments, and the context of its recruiter.
func (w *world) newEmployer(limit int) (uuid.UUID, context.Context) {
	w.t.Helper()
	id := uuid.New()
	w.exec(`INSERT INTO employers (id, name, slug, active_assessment_limit, created_at, updated_at) VALUES ($1, 'Acme', $2, $3, now(), now())`,
		id, "acme-"+id.String()[:8], limit)
	return id, authn.With(w.t.Context(), authn.Principal{Kind: authn.Member, UserID: uuid.New(), EmployerID: id, Role: authn.Recruiter})
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	_, err := w.db.Pool.Exec(w.t.Context(), sql, args...)
	w.must(err)
}

func value[T any](w *world, sql string, args ...any) (v T) {
	w.t.Helper()
	w.must(w.db.Pool.QueryRow(w.t.Context(), sql, args...).Scan(&v))
	return v
}

func (w *world) draft(title string) Assessment {
	w.t.Helper()
	a, err := w.one.Create(w.ctx, Settings{Title: &title})
	w.must(err)
	return a
}

// choice is a ready question with two options, the second right.
func choice() QuestionDraft {
	return QuestionDraft{Type: question.SingleChoice, Prompt: "2 + 2?",
		Options: []LabelledOption{{"a", "3"}, {"b", "4"}}, Key: json.RawMessage(`{"optionId": "b"}`)}
}

func (w *world) add(a Assessment, d QuestionDraft) Question {
	w.t.Helper()
	q, err := w.one.AddQuestion(w.ctx, a.ID, d)
	w.must(err)
	return q
}

// ready is a draft that can be published.
func (w *world) ready(title string) Assessment {
	w.t.Helper()
	a := w.draft(title)
	w.add(a, choice())
	return w.find(a)
}

func (w *world) published(title string) Assessment {
	w.t.Helper()
	a, err := w.one.Publish(w.ctx, w.ready(title).ID)
	w.must(err)
	return a
}

func (w *world) find(a Assessment) Assessment {
	w.t.Helper()
	found, err := w.one.Find(w.ctx, a.ID)
	w.must(err)
	return found
}

func (w *world) questions(a Assessment) []Question {
	w.t.Helper()
	list, err := w.one.Questions(w.ctx, a.ID, QuestionCursor{}, 200)
	w.must(err)
	return list
}

func (w *world) refused(err error, want *fault.Error) *fault.Error {
	w.t.Helper()
	f, ok := fault.As(err)
	if !ok || f.Code != want.Code {
		w.t.Fatalf("error %v; want %s", err, want.Code)
	}
	return f
}

// audited lists the actions recorded about an object, oldest first.
func (w *world) audited(id uuid.UUID) []string {
	w.t.Helper()
	return value[[]string](w, `SELECT coalesce(array_agg(action ORDER BY id), '{}') FROM audit_events WHERE object_id = $1 AND employer_id = $2`, id, w.employer)
}

func etag(a Assessment) string { return rest.ETag(a.ID, a.Revision) }
func qetag(q Question) string  { return rest.ETag(q.ID, q.Revision()) }
func ptr[T any](v T) *T        { return &v }
func pt(text string) exact.Points {
	p, err := exact.ParsePoints(text)
	if err != nil {
		panic(err)
	}
	return p
}

func locations(f *fault.Error) []string {
	var list []string
	for _, field := range f.Fields {
		list = append(list, field.Location)
	}
	slices.Sort(list)
	return list
}

// together runs n clients at once, in turn on both instances, and gives their errors.
func (w *world) together(n int, do func(i int, m *Module) error) []error {
	errs := make([]error, n)
	var start, done sync.WaitGroup
	start.Add(1)
	for i := range n {
		done.Go(func() {
			start.Wait()
			m := w.one
			if i%2 == 1 {
				m = w.two
			}
			errs[i] = do(i, m)
		})
	}
	start.Done()
	done.Wait()
	return errs
}

// tally counts the errors that are nil, those of the wanted code, and fails on any other.
func (w *world) tally(errs []error, want *fault.Error) (won, lost int) {
	w.t.Helper()
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case errors.Is(err, want):
			lost++
		default:
			w.t.Errorf("unexpected error: %v", err)
		}
	}
	return won, lost
}
