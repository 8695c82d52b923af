package assessments

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/authn"
	"credlane/app/kit/clock"
	"credlane/app/kit/exact"
	"credlane/app/kit/fault"
	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
)

const (
	base = "/api/v1/assessments"
	one  = base + "/{id}"
	tag  = "Assessments"
)

// Mount declares the module's operations.
func (m *Module) Mount(h *rest.Host) {
	m.mountAssessments(h)
	m.mountActs(h)
	m.mountQuestions(h)
	m.mountVersions(h)
	m.mountPublic(h)
}

// SettingsBody is what of an assessment may be set; on a new one each has a default.
type SettingsBody struct {
	Description      *string                  `json:"description,omitempty" maxLength:"20000" doc:"Markdown source, shown to candidates."`
	TimeLimitMinutes *int                     `json:"timeLimitMinutes,omitempty" minimum:"1" maximum:"600" example:"30"`
	PassingScore     *exact.Score             `json:"passingScore,omitempty" minimum:"0" maximum:"100" example:"60"`
	ShuffleQuestions *bool                    `json:"shuffleQuestions,omitempty"`
	ShuffleOptions   *bool                    `json:"shuffleOptions,omitempty"`
	ResultRelease    *Release                 `json:"resultRelease,omitempty" enum:"none,passed,score,review" doc:"What candidates may see of their result."`
	ReleaseAt        rest.Optional[time.Time] `json:"releaseAt,omitzero" required:"false" doc:"From when they may see it; null means as soon as they have submitted."`
	RequireEmailCode *bool                    `json:"requireEmailCode,omitempty" doc:"Only where the server can send e-mail."`
	Reminders        *bool                    `json:"reminders,omitempty" doc:"Whether invited people are reminded: two days after the mail, and a day before the invite expires."`
	OpensAt          rest.Optional[time.Time] `json:"opensAt,omitzero" required:"false" doc:"No start before; null for no bound."`
	ClosesAt         rest.Optional[time.Time] `json:"closesAt,omitzero" required:"false" doc:"No start from then on; an attempt under way keeps its time. Null for no bound."`
}

func (b SettingsBody) settings(title *string) Settings {
	return Settings{Title: title, Description: b.Description, TimeLimitMinutes: b.TimeLimitMinutes, PassingScore: b.PassingScore,
		ShuffleQuestions: b.ShuffleQuestions, ShuffleOptions: b.ShuffleOptions, ResultRelease: b.ResultRelease,
		RequireEmailCode: b.RequireEmailCode, Reminders: b.Reminders, ReleaseAt: b.ReleaseAt, OpensAt: b.OpensAt, ClosesAt: b.ClosesAt}
}

type createBody struct {
	Title string `json:"title" minLength:"1" maxLength:"200" example:"Go developer, first round"`
	SettingsBody
}

type createIn struct{ Body createBody }

// Check gives what the rules have against the settings.
func (in *createIn) Check() error {
	a := newAssessment()
	return in.Body.settings(&in.Body.Title).apply(&a)
}

type updateBody struct {
	Title *string `json:"title,omitempty" minLength:"1" maxLength:"200"`
	SettingsBody
}

type updateIn struct {
	ID      uuid.UUID `path:"id"`
	IfMatch string    `header:"If-Match" doc:"The ETag that you last got."`
	Body    updateBody
}

// Check gives what the rules have against the settings by themselves.
func (in *updateIn) Check() error {
	a := newAssessment()
	return in.Body.settings(in.Body.Title).apply(&a)
}

type idIn struct {
	ID uuid.UUID `path:"id"`
}

type deleteIn struct {
	ID      uuid.UUID `path:"id"`
	IfMatch string    `header:"If-Match" doc:"The ETag that you last got."`
}

type nothingOut struct{}

type assessmentBody struct {
	ID               uuid.UUID    `json:"id"`
	Title            string       `json:"title" example:"Go developer, first round"`
	Description      string       `json:"description"`
	Slug             string       `json:"slug" example:"k3m9qd7wzxn4rtbh"`
	PublicURL        string       `json:"publicUrl" doc:"The link to give to candidates; it works while the assessment is active."`
	Status           Status       `json:"status" enum:"draft,active,closed,archived"`
	TimeLimitMinutes int          `json:"timeLimitMinutes" example:"30"`
	PassingScore     exact.Score  `json:"passingScore" example:"60"`
	ShuffleQuestions bool         `json:"shuffleQuestions"`
	ShuffleOptions   bool         `json:"shuffleOptions"`
	ResultRelease    Release      `json:"resultRelease" enum:"none,passed,score,review"`
	ReleaseAt        *time.Time   `json:"releaseAt" doc:"Null: as soon as a candidate has submitted, where resultRelease is not none."`
	RequireEmailCode bool         `json:"requireEmailCode"`
	Reminders        bool         `json:"reminders"`
	OpensAt          *time.Time   `json:"opensAt"`
	ClosesAt         *time.Time   `json:"closesAt"`
	QuestionCount    int          `json:"questionCount" doc:"Of the draft."`
	PointsTotal      exact.Points `json:"pointsTotal" doc:"Of the draft."`
	Version          *int         `json:"version" doc:"The number of the current version; null before the first publish."`
	DraftChanged     bool         `json:"draftChanged" doc:"Publishing would make another version than the current one."`
	CreatedAt        time.Time    `json:"createdAt"`
	UpdatedAt        time.Time    `json:"updatedAt"`
	ETag             string       `json:"etag" doc:"For If-Match."`
}

type assessmentOut struct {
	Location string `header:"Location"`
	ETag     string `header:"ETag"`
	Body     assessmentBody
}

func (s *Service) body(a Assessment) assessmentBody {
	return assessmentBody{ID: a.ID, Title: a.Title, Description: a.Description, Slug: a.Slug, PublicURL: s.publicURL + "/a/" + a.Slug,
		Status: a.Status, TimeLimitMinutes: a.TimeLimitMinutes, PassingScore: a.PassingScore, ShuffleQuestions: a.ShuffleQuestions,
		ShuffleOptions: a.ShuffleOptions, ResultRelease: a.ResultRelease, ReleaseAt: clock.UTC(a.ReleaseAt),
		RequireEmailCode: a.RequireEmailCode, Reminders: a.Reminders, OpensAt: clock.UTC(a.OpensAt), ClosesAt: clock.UTC(a.ClosesAt), QuestionCount: a.QuestionCount,
		PointsTotal: a.PointsTotal(), Version: a.CurrentVersion, DraftChanged: a.DraftChanged(),
		CreatedAt: a.CreatedAt.UTC(), UpdatedAt: a.UpdatedAt.UTC(), ETag: rest.ETag(a.ID, a.Revision)}
}

func (s *Service) out(a Assessment, err error) (*assessmentOut, error) {
	if err != nil {
		return nil, err
	}
	body := s.body(a)
	return &assessmentOut{ETag: body.ETag, Body: body}, nil
}

func (s *Service) created(a Assessment, err error) (*assessmentOut, error) {
	out, err := s.out(a, err)
	if err == nil {
		out.Location = base + "/" + a.ID.String()
	}
	return out, err
}

type listIn struct {
	rest.PageIn
	Status Status `query:"status" enum:"draft,active,closed,archived" doc:"Only those in this status."`
	Query  string `query:"q" maxLength:"200" doc:"Only those whose title holds this, in any case."`
}

type countsBody struct {
	Draft    int `json:"draft"`
	Active   int `json:"active"`
	Closed   int `json:"closed"`
	Archived int `json:"archived"`
}

type activeLimitBody struct {
	Limit int `json:"limit" doc:"How many assessments may be active at once."`
	Used  int `json:"used"`
}

type listBody struct {
	rest.Page[assessmentBody]
	Counts      countsBody      `json:"counts" doc:"Of all, whatever the filters."`
	ActiveLimit activeLimitBody `json:"activeLimit"`
}

type listOut struct{ Body listBody }

type idCursor struct {
	ID uuid.UUID `json:"id"`
}

func (m *Module) mountAssessments(h *rest.Host) {
	rest.Handle(h, rest.Op{Method: http.MethodPost, Path: base, ID: "create-assessment", Summary: "Draft an assessment", Tag: tag,
		Description: "Only the title is needed: 30 minutes, 60 to pass, nothing shuffled, no result shown, no opening or closing.",
		Role:        authn.Recruiter, Status: http.StatusCreated, Idempotent: true, Faults: []*fault.Error{ErrEmailCodeUnavailable}}, m.createAssessment)
	rest.Handle(h, rest.Op{Method: http.MethodGet, Path: base, ID: "list-assessments", Summary: "List assessments, newest first", Tag: tag,
		Role: authn.Viewer, Faults: []*fault.Error{pg.ErrCursor}}, m.listAssessments)
	rest.Handle(h, rest.Op{Method: http.MethodGet, Path: one, ID: "get-assessment", Summary: "Get an assessment", Tag: tag,
		Role: authn.Viewer, Faults: []*fault.Error{ErrNotFound}},
		func(ctx context.Context, in *idIn) (*assessmentOut, error) { return m.out(m.Find(ctx, in.ID)) })
	rest.Handle(h, rest.Op{Method: http.MethodPatch, Path: one, ID: "update-assessment", Summary: "Change an assessment's settings", Tag: tag,
		Description: "A merge: what is absent stays. Title, description, time limit, passing score and shuffles reach candidates with the next publish; the rest acts at once.",
		Role:        authn.Recruiter, Faults: []*fault.Error{ErrNotFound, ErrArchived, ErrEmailCodeUnavailable, rest.ErrPreconditionRequired, rest.ErrStale}},
		func(ctx context.Context, in *updateIn) (*assessmentOut, error) {
			return m.out(m.Update(ctx, in.ID, in.IfMatch, in.Body.settings(in.Body.Title)))
		})
	rest.Handle(h, rest.Op{Method: http.MethodDelete, Path: one, ID: "delete-assessment", Summary: "Delete a draft that was never published", Tag: tag,
		Role: authn.Recruiter, Status: http.StatusNoContent, Faults: []*fault.Error{ErrNotFound, ErrPublished, rest.ErrPreconditionRequired, rest.ErrStale}},
		func(ctx context.Context, in *deleteIn) (*nothingOut, error) {
			return &nothingOut{}, m.Delete(ctx, in.ID, in.IfMatch)
		})
}

func (m *Module) createAssessment(ctx context.Context, in *createIn) (*assessmentOut, error) {
	return rest.Once(ctx, m.db, func(tx pgx.Tx) (*assessmentOut, error) {
		return m.created(m.CreateTx(ctx, tx, in.Body.settings(&in.Body.Title)))
	})
}

func (m *Module) listAssessments(ctx context.Context, in *listIn) (*listOut, error) {
	var from idCursor
	if in.Cursor != "" {
		if err := pg.DecodeCursor(in.Cursor, &from); err != nil {
			return nil, err
		}
	}
	list, err := m.List(ctx, Filter{Status: in.Status, Query: in.Query, Before: from.ID, Limit: in.Limit + 1})
	if err != nil {
		return nil, err
	}
	counts, err := m.Count(ctx)
	if err != nil {
		return nil, err
	}
	out := &listOut{}
	out.Body.Page, err = page(list, in.Limit, m.body, func(a Assessment) any { return idCursor{a.ID} })
	out.Body.Counts = countsBody{Draft: counts.Draft, Active: counts.Active, Closed: counts.Closed, Archived: counts.Archived}
	out.Body.ActiveLimit = activeLimitBody{Limit: counts.ActiveLimit, Used: counts.Active}
	return out, err
}

// page cuts a list that was asked for one item more than the page holds, and tells where the next page begins.
func page[T, W any](list []T, limit int, wire func(T) W, key func(T) any) (rest.Page[W], error) {
	more := len(list) > limit
	if more {
		list = list[:limit]
	}
	p := rest.Page[W]{Items: make([]W, 0, len(list))}
	for _, item := range list {
		p.Items = append(p.Items, wire(item))
	}
	if !more {
		return p, nil
	}
	cursor, err := pg.EncodeCursor(key(list[limit-1]))
	if err != nil {
		return p, fmt.Errorf("cursor: %w", err)
	}
	p.NextCursor = &cursor
	return p, nil
}

type releaseIn struct {
	ID   uuid.UUID    `path:"id"`
	Body *releaseBody `required:"false"`
}

type releaseBody struct {
	ResultRelease Release `json:"resultRelease,omitempty" enum:"passed,score,review" doc:"What to show; the assessment's own policy unless given, and score where that is none."`
}

// mountActs declares what moves an assessment from one status to another.
func (m *Module) mountActs(h *rest.Host) {
	act := func(verb, summary, description string, fn func(context.Context, uuid.UUID) (Assessment, error), faults ...*fault.Error) {
		rest.Handle(h, rest.Op{Method: http.MethodPost, Path: one + "/" + verb, ID: verb + "-assessment", Summary: summary, Tag: tag,
			Description: description, Role: authn.Recruiter, Faults: append(faults, ErrNotFound)},
			func(ctx context.Context, in *idIn) (*assessmentOut, error) { return m.out(fn(ctx, in.ID)) })
	}
	act("publish", "Publish the draft as the next version and activate it",
		"The version holds title, description, time limit, passing score, shuffles and questions with keys, and never changes. "+
			"When the current version holds the draft already, no other is made: an active assessment is answered as it is, a closed one is reopened. "+
			"Publishing an active assessment again takes no further slot.",
		m.Publish, ErrNotReady, ErrActiveLimit, ErrArchived)
	act("close", "Stop new starts", "Attempts under way run on to their end. Closing gives the slot of an active assessment back.",
		m.Close, ErrNotPublished, ErrArchived)
	act("reopen", "Open a closed assessment again", "It takes a slot again and offers its current version.",
		m.Reopen, ErrNotPublished, ErrArchived, ErrActiveLimit)
	act("archive", "Put an assessment away for good", "Results stay. An active assessment is closed by it. Duplicate an archived one to work on a copy.",
		m.Archive)
	rest.Handle(h, rest.Op{Method: http.MethodPost, Path: one + "/duplicate", ID: "duplicate-assessment", Summary: "Copy an assessment into a new draft", Tag: tag,
		Description: "Settings and questions with keys, all with ids of their own; opening, closing and release times are left out.",
		Role:        authn.Recruiter, Status: http.StatusCreated, Idempotent: true, Faults: []*fault.Error{ErrNotFound}},
		func(ctx context.Context, in *idIn) (*assessmentOut, error) {
			return rest.Once(ctx, m.db, func(tx pgx.Tx) (*assessmentOut, error) { return m.created(m.DuplicateTx(ctx, tx, in.ID)) })
		})
	rest.Handle(h, rest.Op{Method: http.MethodPost, Path: one + "/results/release", ID: "release-results", Summary: "Show candidates their results from now on", Tag: "Results",
		Description: "Sets releaseAt to now. Without it, a policy other than none shows each result as soon as it is submitted.",
		Role:        authn.Recruiter, Faults: []*fault.Error{ErrNotFound, ErrNotPublished}},
		func(ctx context.Context, in *releaseIn) (*assessmentOut, error) {
			policy := Release("")
			if in.Body != nil {
				policy = in.Body.ResultRelease
			}
			return m.out(m.Release(ctx, in.ID, policy))
		})
}

// raw writes a stored key; nil is null.
func raw(key json.RawMessage) rest.Raw {
	if key == nil {
		return rest.Raw("null")
	}
	return rest.Raw(key)
}
