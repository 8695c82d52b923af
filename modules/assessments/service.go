package assessments

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/audit"
	"credlane/app/kit/authn"
	"credlane/app/kit/exact"
	"credlane/app/kit/rest"
)

// Settings is a merge: what is nil or not set stays, and on a new assessment gets the default.
type Settings struct {
	Title            *string
	Description      *string
	TimeLimitMinutes *int
	PassingScore     *exact.Score
	ShuffleQuestions *bool
	ShuffleOptions   *bool
	ResultRelease    *Release
	RequireEmailCode *bool
	Reminders        *bool
	// These may be cleared with null.
	ReleaseAt rest.Optional[time.Time]
	OpensAt   rest.Optional[time.Time]
	ClosesAt  rest.Optional[time.Time]
}

// apply merges s into a; the error lists every reason against the result.
func (s Settings) apply(a *Assessment) error {
	var r reasons
	if s.Title != nil {
		a.Title = r.line("body.title", *s.Title, MaxTitle, true)
	}
	if s.Description != nil {
		r.prose("body.description", *s.Description, MaxDescription, false)
		a.Description = *s.Description
	}
	set(&a.TimeLimitMinutes, s.TimeLimitMinutes)
	if a.TimeLimitMinutes < MinTimeLimit || a.TimeLimitMinutes > MaxTimeLimit {
		r.add("body.timeLimitMinutes", "Give between %d and %d minutes.", MinTimeLimit, MaxTimeLimit)
	}
	set(&a.PassingScore, s.PassingScore)
	if a.PassingScore < 0 || a.PassingScore > exact.FullScore {
		r.add("body.passingScore", "Give a score between 0 and 100.")
	}
	set(&a.ShuffleQuestions, s.ShuffleQuestions)
	set(&a.ShuffleOptions, s.ShuffleOptions)
	set(&a.ResultRelease, s.ResultRelease)
	if !a.ResultRelease.valid() {
		r.add("body.resultRelease", "Choose none, passed, score or review.")
	}
	setTime(&r, "body.releaseAt", &a.ReleaseAt, s.ReleaseAt)
	setTime(&r, "body.opensAt", &a.OpensAt, s.OpensAt)
	setTime(&r, "body.closesAt", &a.ClosesAt, s.ClosesAt)
	if a.OpensAt != nil && a.ClosesAt != nil && !a.ClosesAt.After(*a.OpensAt) {
		r.add("body.closesAt", "Let it close after it opens.")
	}
	set(&a.RequireEmailCode, s.RequireEmailCode)
	set(&a.Reminders, s.Reminders)
	return r.fault()
}

// checkEmailCode is the one place that says whether a candidate's address can be proved by a code: where the server can send
// mail. Only who asks for it now is refused, so that the rest of an assessment can be changed while mail is off.
func (s *Service) checkEmailCode(in Settings) error {
	if in.RequireEmailCode != nil && *in.RequireEmailCode && !s.canMail() {
		return ErrEmailCodeUnavailable
	}
	return nil
}

func (r Release) valid() bool {
	return r == ReleaseNone || r == ReleasePassed || r == ReleaseScore || r == ReleaseReview
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// setTime keeps times as Postgres does, in UTC and microseconds, within the years that every client can read.
func setTime(r *reasons, location string, to **time.Time, from rest.Optional[time.Time]) {
	switch {
	case !from.Set:
	case from.Null:
		*to = nil
	case from.Value.Year() < 2000 || from.Value.Year() > 9999:
		r.add(location, "Give a time between the years 2000 and 9999.")
	default:
		t := from.Value.UTC().Truncate(time.Microsecond)
		*to = &t
	}
}

// newAssessment is a draft with the defaults, not made yet.
func newAssessment() Assessment {
	return Assessment{Status: Draft, TimeLimitMinutes: defaultTimeLimit, PassingScore: defaultPassingScore, ResultRelease: ReleaseNone, Reminders: true}
}

// CreateTx makes a draft in tx; only the title is needed.
func (s *Service) CreateTx(ctx context.Context, tx pgx.Tx, in Settings) (Assessment, error) {
	now, employer := s.clock.Now(), employerOf(ctx)
	a := newAssessment()
	a.ID, a.Slug, a.CreatedAt = s.ids.ID(), s.ids.Slug(), now
	if in.Title == nil {
		in.Title = new(string)
	}
	if err := in.apply(&a); err != nil {
		return Assessment{}, err
	}
	if err := s.checkEmailCode(in); err != nil {
		return Assessment{}, err
	}
	if err := insertAssessment(ctx, tx, employer, a); err != nil {
		return Assessment{}, err
	}
	if err := s.record(ctx, tx, "assessment.created", a.ID, nil, a.settings()); err != nil {
		return Assessment{}, err
	}
	return findAssessment(ctx, tx, employer, a.ID)
}

// Create makes a draft; only the title is needed.
func (s *Service) Create(ctx context.Context, in Settings) (a Assessment, err error) {
	err = s.db.InTx(ctx, func(tx pgx.Tx) error {
		a, err = s.CreateTx(ctx, tx, in)
		return err
	})
	return a, err
}

// Find gives one assessment of the caller's employer.
func (s *Service) Find(ctx context.Context, id uuid.UUID) (Assessment, error) {
	return findAssessment(ctx, s.db, employerOf(ctx), id)
}

// List gives one page of the caller's employer's assessments, newest first.
func (s *Service) List(ctx context.Context, f Filter) ([]Assessment, error) {
	return listAssessments(ctx, s.db, employerOf(ctx), f)
}

// Count tells how many assessments the caller's employer has in each status, and how many may be active.
func (s *Service) Count(ctx context.Context) (Counts, error) {
	return countAssessments(ctx, s.db, employerOf(ctx))
}

// change runs fn on the locked assessment in one transaction and gives the assessment as fn left it.
func (s *Service) change(ctx context.Context, id uuid.UUID, fn func(tx pgx.Tx, a Assessment) error) (Assessment, error) {
	var after Assessment
	err := s.db.InTx(ctx, func(tx pgx.Tx) error {
		employer := employerOf(ctx)
		a, err := lockAssessment(ctx, tx, employer, id)
		if err != nil {
			return err
		}
		if err := fn(tx, a); err != nil {
			return err
		}
		after, err = findAssessment(ctx, tx, employer, id)
		return err
	})
	if err != nil {
		return Assessment{}, err
	}
	return after, nil
}

// Update merges the settings into the assessment; ifMatch is the request's If-Match. A change that changes nothing leaves
// the revision.
func (s *Service) Update(ctx context.Context, id uuid.UUID, ifMatch string, in Settings) (Assessment, error) {
	return s.change(ctx, id, func(tx pgx.Tx, a Assessment) error {
		if err := rest.CheckIfMatch(ifMatch, rest.ETag(a.ID, a.Revision)); err != nil {
			return err
		}
		if a.Status == Archived {
			return ErrArchived
		}
		b := a
		if err := in.apply(&b); err != nil {
			return err
		}
		if err := s.checkEmailCode(in); err != nil {
			return err
		}
		before, after := difference(a.settings(), b.settings())
		if len(after) == 0 {
			return nil
		}
		if err := updateAssessment(ctx, tx, employerOf(ctx), b, !a.sameContent(b), s.clock.Now()); err != nil {
			return err
		}
		return s.record(ctx, tx, "assessment.updated", id, before, after)
	})
}

// Delete removes a draft that was never published, with its questions; ErrPublished for any other.
func (s *Service) Delete(ctx context.Context, id uuid.UUID, ifMatch string) error {
	return s.db.InTx(ctx, func(tx pgx.Tx) error {
		employer := employerOf(ctx)
		a, err := lockAssessment(ctx, tx, employer, id)
		if err != nil {
			return err
		}
		if err := rest.CheckIfMatch(ifMatch, rest.ETag(a.ID, a.Revision)); err != nil {
			return err
		}
		if err := deleteAssessment(ctx, tx, employer, id); err != nil {
			return err
		}
		return s.record(ctx, tx, "assessment.deleted", id, a.settings(), nil)
	})
}

// settings is what the audit trail tells of an assessment.
func (a Assessment) settings() map[string]any {
	return map[string]any{
		"title": a.Title, "description": a.Description, "timeLimitMinutes": a.TimeLimitMinutes, "passingScore": a.PassingScore,
		"shuffleQuestions": a.ShuffleQuestions, "shuffleOptions": a.ShuffleOptions, "resultRelease": a.ResultRelease,
		"requireEmailCode": a.RequireEmailCode, "reminders": a.Reminders, "releaseAt": stamp(a.ReleaseAt), "opensAt": stamp(a.OpensAt),
		"closesAt": stamp(a.ClosesAt),
	}
}

func stamp(t *time.Time) any {
	if t == nil {
		return nil
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// difference keeps of both maps what differs.
func difference(a, b map[string]any) (before, after map[string]any) {
	before, after = map[string]any{}, map[string]any{}
	for name, v := range b {
		if a[name] != v {
			before[name], after[name] = a[name], v
		}
	}
	return before, after
}

// record writes the audit row of a change to an assessment.
func (s *Service) record(ctx context.Context, tx pgx.Tx, action string, id uuid.UUID, before, after any) error {
	return s.recordOn(ctx, tx, action, "assessment", id, before, after)
}

func (s *Service) recordOn(ctx context.Context, tx pgx.Tx, action, object string, id uuid.UUID, before, after any) error {
	err := audit.Write(ctx, tx, audit.Event{ID: s.ids.ID(), EmployerID: employerOf(ctx), Action: action,
		ObjectType: object, ObjectID: id, Before: nothing(before), After: nothing(after),
		RequestID: rest.RequestID(ctx), At: s.clock.Now()})
	if err != nil {
		return fmt.Errorf("record %s: %w", action, err)
	}
	return nil
}

// nothing turns a nil map inside an interface into nil, which the trail writes as null.
func nothing(v any) any {
	if m, ok := v.(map[string]any); ok && m == nil {
		return nil
	}
	return v
}

// employerOf is whose data the caller may touch.
func employerOf(ctx context.Context) uuid.UUID { return authn.From(ctx).EmployerID }
