package assessments

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/exact"
	"credlane/app/kit/fault"
	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
)

// VersionBody is a published version without its questions.
type VersionBody struct {
	ID               uuid.UUID    `json:"id"`
	Number           int          `json:"number"`
	Title            string       `json:"title"`
	Description      string       `json:"description"`
	TimeLimitMinutes int          `json:"timeLimitMinutes"`
	PassingScore     exact.Score  `json:"passingScore"`
	ShuffleQuestions bool         `json:"shuffleQuestions"`
	ShuffleOptions   bool         `json:"shuffleOptions"`
	QuestionCount    int          `json:"questionCount"`
	PointsTotal      exact.Points `json:"pointsTotal"`
	CreatedAt        time.Time    `json:"createdAt"`
}

func (v Version) body() VersionBody {
	return VersionBody{ID: v.ID, Number: v.Number, Title: v.Title, Description: v.Description, TimeLimitMinutes: v.TimeLimitMinutes,
		PassingScore: v.PassingScore, ShuffleQuestions: v.ShuffleQuestions, ShuffleOptions: v.ShuffleOptions,
		QuestionCount: v.QuestionCount, PointsTotal: v.PointsTotal, CreatedAt: v.CreatedAt.UTC()}
}

type listVersionsIn struct {
	ID uuid.UUID `path:"id"`
	rest.PageIn
}

type listVersionsOut struct{ Body rest.Page[VersionBody] }

type versionIn struct {
	ID     uuid.UUID `path:"id"`
	Number int       `path:"n" minimum:"1" maximum:"2147483647"`
}

type fullVersionBody struct {
	VersionBody
	Questions []questionBody `json:"questions"`
}

type versionOut struct{ Body fullVersionBody }

type versionCursor struct {
	Number int `json:"n"`
}

func (m *Module) mountVersions(h *rest.Host) {
	rest.Handle(h, rest.Op{Method: http.MethodGet, Path: one + "/versions", ID: "list-versions", Summary: "List the published versions, newest first", Tag: tag,
		Role: authn.Viewer, Faults: []*fault.Error{ErrNotFound, pg.ErrCursor}}, m.listVersions)
	rest.Handle(h, rest.Op{Method: http.MethodGet, Path: one + "/versions/{n}", ID: "get-version", Summary: "Get a published version with its questions and keys", Tag: tag,
		Role: authn.Viewer, Cache: rest.Immutable, Faults: []*fault.Error{ErrVersionNotFound}}, m.getVersion)
}

func (m *Module) listVersions(ctx context.Context, in *listVersionsIn) (*listVersionsOut, error) {
	var from versionCursor
	if in.Cursor != "" {
		if err := pg.DecodeCursor(in.Cursor, &from); err != nil {
			return nil, err
		}
	}
	list, err := m.Versions(ctx, in.ID, from.Number, in.Limit+1)
	if err != nil {
		return nil, err
	}
	body, err := page(list, in.Limit, Version.body, func(v Version) any { return versionCursor{v.Number} })
	return &listVersionsOut{Body: body}, err
}

func (m *Module) getVersion(ctx context.Context, in *versionIn) (*versionOut, error) {
	if err := rest.Turn(ctx); err != nil {
		return nil, err
	}
	v, keys, err := m.VersionInFull(ctx, in.ID, in.Number)
	if err != nil {
		return nil, err
	}
	out := &versionOut{}
	out.Body.VersionBody = v.body()
	out.Body.Questions = make([]questionBody, len(v.Questions))
	for i, q := range v.Questions {
		out.Body.Questions[i] = questionBody{ID: q.ID, Position: q.Position, Type: q.Type, Prompt: q.Prompt, Options: q.Options,
			Points: q.Points, Tags: q.Tags, Difficulty: q.Difficulty, Explanation: q.Explanation, CreditRule: q.CreditRule,
			AnswerKey: raw(keys[q.ID])}
	}
	return out, nil
}

type landingIn struct {
	Slug string `path:"slug" doc:"From the public link."`
}

type landingOut struct{ Body rest.RawOf[Landing] }

func (m *Module) mountPublic(h *rest.Host) {
	rest.Handle(h, rest.Op{Method: http.MethodGet, Path: "/api/v1/public/assessments/{slug}", ID: "get-landing", Summary: "What a candidate sees before starting", Tag: "Taking an assessment",
		Description: "Served from memory, at most a second old; a start asks the database itself.",
		Access:      rest.Public, Faults: []*fault.Error{ErrNotFound}},
		func(ctx context.Context, in *landingIn) (*landingOut, error) {
			encoded, err := m.Landing(ctx, in.Slug)
			if err != nil {
				return nil, err
			}
			return &landingOut{Body: rest.RawOf[Landing]{JSON: encoded}}, nil
		})
}
