package submissions

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/authn"
	"credlane/app/kit/clock"
	"credlane/app/kit/exact"
	"credlane/app/kit/ids"
	"credlane/app/kit/pg"
	"credlane/app/kit/pgtest"
	"credlane/app/kit/question"
)

// world is one database with one published assessment, and any number of app instances on it.
type world struct {
	t       testing.TB
	db      pgtest.DB
	clock   *clock.Fake
	version Version
	opening Opening
	closed  error       // what stands against a start; nil for nothing
	more    func(*Deps) // gives an instance more to stand on; nil for nothing more

	mu      sync.Mutex
	policy  Policy
	tokens  map[string]authn.Principal
	counted map[Status]int
	lags    []time.Duration
}

var opened = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// newWorld publishes five questions of one point each, one of every type, with 30 minutes for them.
func newWorld(t testing.TB) *world {
	t.Helper()
	w := emptyWorld(t)
	w.publish(paperOfFive())
	return w
}

func emptyWorld(t testing.TB) *world {
	t.Helper()
	return &world{t: t, db: pgtest.New(t), clock: clock.NewFake(opened), policy: Policy{Disclosure: DiscloseNone},
		tokens: map[string]authn.Principal{}, counted: map[Status]int{}}
}

func (w *world) publish(v Version) {
	w.t.Helper()
	w.version, w.opening = v, Opening{VersionID: v.ID, NoticeVersion: 1}
	w.store(v)
}

// fixed gives readable, repeatable ids.
func fixed(kind, n int) uuid.UUID {
	return uuid.MustParse(fmt.Sprintf("0190a000-%04d-7000-8000-%012d", kind, n))
}

func option(n int) uuid.UUID { return fixed(3, n) }

func paperOfFive() Version {
	options := func(from int) []Option {
		var list []Option
		for i := range 4 {
			list = append(list, Option{ID: option(from + i), Text: fmt.Sprintf("Option <%d>", from+i)})
		}
		return list
	}
	v := Version{
		ID: fixed(2, 1), EmployerID: fixed(1, 1), AssessmentID: fixed(1, 2), Number: 1, Title: "Backend \"basics\"",
		TimeLimit: 30 * time.Minute, PassingScore: exact.WholeScore(60), ShuffleQuestions: true, ShuffleOptions: true,
		Questions: []Question{
			{Type: question.SingleChoice, Options: options(10), Key: question.Key{OptionIDs: []uuid.UUID{option(11)}}},
			{Type: question.MultipleChoice, Options: options(20), CreditRule: question.RightMinusWrong,
				Key: question.Key{OptionIDs: []uuid.UUID{option(20), option(21), option(22)}}},
			{Type: question.TrueFalse, Key: question.Key{True: true}},
			{Type: question.ShortText, Key: question.Key{Accepted: []string{"mutex"}}},
			{Type: question.Numeric, Key: question.Key{Value: mustDecimal("1.5"), ToleranceKind: question.Absolute}},
		},
	}
	for i := range v.Questions {
		q := &v.Questions[i]
		q.ID, q.Key.Type, q.Points = fixed(4, i+1), q.Type, exact.WholePoints(1)
		q.Prompt, q.Explanation, q.Tags = fmt.Sprintf("Question %d & more", i+1), "Because.", []string{"go"}
		if q.CreditRule == "" {
			q.CreditRule = question.Exact
		}
		v.PointsTotal += q.Points
	}
	return v
}

func mustDecimal(text string) exact.Decimal {
	d, err := exact.ParseDecimal(text)
	if err != nil {
		panic(err)
	}
	return d
}

// store writes the version's rows, and those of its employer and assessment when they are not there yet.
func (w *world) store(v Version) {
	w.t.Helper()
	ctx := w.t.Context()
	err := pgx.BeginFunc(ctx, w.db.Pool, func(tx pgx.Tx) error {
		var b pgx.Batch
		b.Queue(`INSERT INTO employers (id, name, slug, created_at, updated_at) VALUES ($1, 'Acme', $2, $3, $3)
			ON CONFLICT DO NOTHING`, v.EmployerID, "acme-"+v.EmployerID.String()[30:], opened)
		b.Queue(`INSERT INTO assessments (id, employer_id, title, slug, status, current_version, created_at, updated_at)
			VALUES ($1, $2, 'Basics', $3, 'active', 1, $4, $4) ON CONFLICT DO NOTHING`,
			v.AssessmentID, v.EmployerID, "slugslug"+v.AssessmentID.String()[30:], opened)
		b.Queue(`INSERT INTO assessment_versions (id, employer_id, assessment_id, number, title, description, time_limit_minutes,
			passing_score, shuffle_questions, shuffle_options, question_count, points_total, created_at)
			VALUES ($1, $2, $3, $4, $5, '', $6, $7, $8, $9, $10, $11, $12)`, v.ID, v.EmployerID, v.AssessmentID, v.Number, v.Title,
			int(v.TimeLimit/time.Minute), v.PassingScore, v.ShuffleQuestions, v.ShuffleOptions, len(v.Questions), v.PointsTotal, opened)
		for i, q := range v.Questions {
			options, err := json.Marshal(append([]Option{}, q.Options...))
			if err != nil {
				return err
			}
			b.Queue(`INSERT INTO version_questions (version_id, question_id, employer_id, position, type, prompt, options, points,
				tags, difficulty, explanation, credit_rule) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, '', $10, $11)`,
				v.ID, q.ID, v.EmployerID, i+1, q.Type, q.Prompt, options, q.Points, q.Tags, q.Explanation, q.CreditRule)
		}
		return tx.SendBatch(ctx, &b).Close()
	})
	if err != nil {
		w.t.Fatalf("publish: %v", err)
	}
}

// instance is one more process of the app: its own pool, cache and ids.
func (w *world) instance() *Module {
	w.t.Helper()
	db, err := pg.Open(w.t.Context(), pg.Options{URL: w.db.URL, MaxConns: 8})
	if err != nil {
		w.t.Fatalf("open the database: %v", err)
	}
	w.t.Cleanup(db.Close)
	d := Deps{
		DB: db, Clock: w.clock, IDs: ids.New(w.clock), Log: slog.New(slog.DiscardHandler),
		Tokens: w, Versions: w, Openings: w, Policies: w, Candidates: w, Counters: w,
	}
	if w.more != nil {
		w.more(&d)
	}
	return New(d)
}

func (w *world) Version(_ context.Context, id uuid.UUID) (Version, error) {
	if id != w.version.ID {
		return Version{}, fmt.Errorf("version %s is damaged", id)
	}
	return w.version, nil
}

func (w *world) Opening(context.Context, string) (Opening, error) { return w.opening, w.closed }
func (w *world) OpeningByID(context.Context, uuid.UUID) (Opening, error) {
	return w.opening, w.closed
}

func (w *world) ReleasePolicy(context.Context, uuid.UUID) (Policy, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.policy, nil
}

func (w *world) release(p Policy) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.policy = p
}

func (w *world) QueueCandidate(b *pgx.Batch, email, name string) (string, error) {
	b.Queue(`INSERT INTO users (id, email, name, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)
		ON CONFLICT ((lower(email))) DO NOTHING`, uuid.New(), email, name, opened)
	return email, nil
}

func (w *world) Candidate(_ context.Context, p authn.Principal, _ time.Time) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tokens[p.SubmissionID.String()] = p
	return p.SubmissionID.String(), nil
}

func (w *world) SubmissionStarted() {}
func (w *world) AnswerSaved()       {}
func (w *world) Export(Format)      {}
func (w *world) SweepLag(lag time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lags = append(w.lags, lag)
}
func (w *world) SubmissionEnded(how Status) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counted[how]++
}

// start begins an attempt and gives the context of its candidate.
func (w *world) start(m *Module, email string) (context.Context, Sitting) {
	w.t.Helper()
	token, s, err := m.Start(w.t.Context(), Start{Slug: "s", Name: "Ada", Email: email, Consent: true})
	if err != nil {
		w.t.Fatalf("start: %v", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return authn.With(w.t.Context(), w.tokens[token]), s
}

// one reads a single value.
func one[T any](w *world, sql string, args ...any) T {
	w.t.Helper()
	var v T
	if err := w.db.Pool.QueryRow(w.t.Context(), sql, args...).Scan(&v); err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	if _, err := w.db.Pool.Exec(w.t.Context(), sql, args...); err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
}

// give is a save by the question's place in the author's order.
func give(place int, answer string) Save {
	return Save{QuestionID: fixed(4, place), Answer: json.RawMessage(answer)}
}

func numbered(s Save, sequence int64) Save {
	s.Sequence = &sequence
	return s
}

// answers that are all right, by place.
var rightAnswers = []string{
	`"` + option(11).String() + `"`,
	`["` + option(22).String() + `","` + option(20).String() + `","` + option(21).String() + `"]`,
	`true`, `" Mutex "`, `"1,50"`,
}
