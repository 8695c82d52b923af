package assessments

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/authn"
	"credlane/app/kit/clock"
	"credlane/app/kit/exact"
	"credlane/app/kit/fault"
	"credlane/app/kit/ids"
	"credlane/app/kit/pg"
	"credlane/app/kit/question"
	"credlane/app/kit/rest"
)

type optionBody struct {
	ID   string `json:"id,omitempty" maxLength:"100" doc:"Any label unique in this body, to name the option in answerKey; the server gives the option an id of its own. An id that the question already has is kept."`
	Text string `json:"text" minLength:"1" maxLength:"4000" doc:"Markdown source."`
}

func labelled(options []optionBody) []LabelledOption {
	list := make([]LabelledOption, len(options))
	for i, o := range options {
		list[i] = LabelledOption{Label: o.ID, Text: o.Text}
	}
	return list
}

type newQuestionBody struct {
	Type        question.Type       `json:"type" enum:"single_choice,multiple_choice,true_false,short_text,numeric"`
	Prompt      string              `json:"prompt" minLength:"1" maxLength:"20000" doc:"Markdown source." example:"Which keyword starts a goroutine?"`
	Options     []optionBody        `json:"options,omitempty" maxItems:"20" doc:"2 to 20 for choice questions, none for the others."`
	Points      *exact.Points       `json:"points,omitempty" minimum:"0" maximum:"1000" doc:"1 unless given; at most three decimals."`
	Tags        []string            `json:"tags,omitempty" maxItems:"20"`
	Difficulty  string              `json:"difficulty,omitempty" maxLength:"60"`
	Explanation string              `json:"explanation,omitempty" maxLength:"20000" doc:"Markdown source, for those who may review the result."`
	CreditRule  question.CreditRule `json:"creditRule,omitempty" enum:"exact,right_minus_wrong" doc:"right_minus_wrong is for multiple_choice only."`
	AnswerKey   rest.Raw            `json:"answerKey,omitempty" doc:"{optionId}, {optionIds}, {value: true}, {accepted, caseSensitive} or {value, tolerance, toleranceKind: absolute or percent}, by type. A draft may go without; publishing may not."`
	Position    int                 `json:"position,omitempty" minimum:"1" doc:"Where to put it, from 1; at the end unless given."`
}

type addQuestionIn struct {
	ID   uuid.UUID `path:"id"`
	Body newQuestionBody
}

func (in *addQuestionIn) draft() QuestionDraft {
	b := &in.Body
	return QuestionDraft{Type: b.Type, Prompt: b.Prompt, Options: labelled(b.Options), Points: b.Points, Tags: b.Tags,
		Difficulty: b.Difficulty, Explanation: b.Explanation, CreditRule: b.CreditRule, Key: keyOf(b.AnswerKey), Position: b.Position}
}

// Check gives what the rules have against the question.
func (in *addQuestionIn) Check() error {
	_, err := newQuestion(passingIDs(), in.draft())
	return err
}

// passingIDs are for a question that is judged and never kept.
func passingIDs() *ids.Source { return ids.New(clock.System{}) }

type changeQuestionBody struct {
	Type        *question.Type       `json:"type,omitempty" enum:"single_choice,multiple_choice,true_false,short_text,numeric"`
	Prompt      *string              `json:"prompt,omitempty" minLength:"1" maxLength:"20000"`
	Options     []optionBody         `json:"options,omitempty" maxItems:"20" doc:"All options; those whose id the question has are kept."`
	Points      *exact.Points        `json:"points,omitempty" minimum:"0" maximum:"1000"`
	Tags        []string             `json:"tags,omitempty" maxItems:"20"`
	Difficulty  *string              `json:"difficulty,omitempty" maxLength:"60"`
	Explanation *string              `json:"explanation,omitempty" maxLength:"20000"`
	CreditRule  *question.CreditRule `json:"creditRule,omitempty" enum:"exact,right_minus_wrong"`
	AnswerKey   rest.Raw             `json:"answerKey,omitempty" doc:"As on creation; null takes the key away."`
}

type changeQuestionIn struct {
	ID         uuid.UUID `path:"id"`
	QuestionID uuid.UUID `path:"qid"`
	IfMatch    string    `header:"If-Match" doc:"The question's ETag that you last got."`
	Body       changeQuestionBody
}

func (in *changeQuestionIn) change() QuestionChange {
	b := &in.Body
	c := QuestionChange{Type: b.Type, Prompt: b.Prompt, Points: b.Points, Difficulty: b.Difficulty, Explanation: b.Explanation,
		CreditRule: b.CreditRule, KeySet: b.AnswerKey != nil, Key: keyOf(b.AnswerKey)}
	if b.Options != nil {
		options := labelled(b.Options)
		c.Options = &options
	}
	if b.Tags != nil {
		c.Tags = &b.Tags
	}
	return c
}

// Check gives what the rules have against the texts, options and tags; the rest is judged together with what stays.
func (in *changeQuestionIn) Check() error {
	var r reasons
	var q Question
	q.merge(&r, passingIDs(), in.change())
	return r.fault()
}

// keyOf is nil where the key is absent or null.
func keyOf(sent rest.Raw) json.RawMessage {
	if string(sent) == "null" {
		return nil
	}
	return json.RawMessage(sent)
}

type questionBody struct {
	ID          uuid.UUID           `json:"id"`
	Position    int                 `json:"position" doc:"From 1."`
	Type        question.Type       `json:"type" enum:"single_choice,multiple_choice,true_false,short_text,numeric"`
	Prompt      string              `json:"prompt"`
	Options     []Option            `json:"options"`
	Points      exact.Points        `json:"points"`
	Tags        []string            `json:"tags"`
	Difficulty  string              `json:"difficulty"`
	Explanation string              `json:"explanation"`
	CreditRule  question.CreditRule `json:"creditRule" enum:"exact,right_minus_wrong"`
	AnswerKey   rest.Raw            `json:"answerKey" doc:"Null while there is none."`
	ETag        string              `json:"etag,omitempty" doc:"For If-Match; a version's questions have none."`
}

func (q Question) body() questionBody {
	return questionBody{ID: q.ID, Position: q.Position, Type: q.Type, Prompt: q.Prompt, Options: q.Options, Points: q.Points,
		Tags: q.Tags, Difficulty: q.Difficulty, Explanation: q.Explanation, CreditRule: q.CreditRule, AnswerKey: raw(q.Key),
		ETag: rest.ETag(q.ID, q.Revision())}
}

type questionOut struct {
	Location string `header:"Location"`
	ETag     string `header:"ETag"`
	Body     questionBody
}

func questionAnswer(q Question, err error) (*questionOut, error) {
	if err != nil {
		return nil, err
	}
	body := q.body()
	return &questionOut{ETag: body.ETag, Body: body}, nil
}

type questionIn struct {
	ID         uuid.UUID `path:"id"`
	QuestionID uuid.UUID `path:"qid"`
}

type deleteQuestionIn struct {
	ID         uuid.UUID `path:"id"`
	QuestionID uuid.UUID `path:"qid"`
	IfMatch    string    `header:"If-Match" doc:"The question's ETag that you last got."`
}

type listQuestionsIn struct {
	ID uuid.UUID `path:"id"`
	rest.PageIn
}

type listQuestionsOut struct{ Body rest.Page[questionBody] }

type orderBody struct {
	Order []uuid.UUID `json:"order" maxItems:"50000" doc:"The ids of all questions, each once, in their new order."`
}

type orderIn struct {
	ID   uuid.UUID `path:"id"`
	Body orderBody
}

// What lets the ids of as many questions as an assessment holds through: 39 bytes each.
const (
	orderBytes  = 2 << 20
	orderValues = 60_000
)

func (m *Module) mountQuestions(h *rest.Host) {
	const all, each, tag = one + "/questions", one + "/questions/{qid}", "Questions"
	rest.Handle(h, rest.Op{Method: http.MethodGet, Path: all, ID: "list-questions", Summary: "List the draft's questions in order, with keys", Tag: tag,
		Role: authn.Viewer, Faults: []*fault.Error{ErrNotFound, pg.ErrCursor}}, m.listQuestions)
	rest.Handle(h, rest.Op{Method: http.MethodPost, Path: all, ID: "create-question", Summary: "Add a question to the draft", Tag: tag,
		Role: authn.Recruiter, Status: http.StatusCreated, Idempotent: true, Faults: []*fault.Error{ErrNotFound, ErrArchived, ErrTooManyQuestions}}, m.createQuestion)
	rest.Handle(h, rest.Op{Method: http.MethodGet, Path: each, ID: "get-question", Summary: "Get a question with its key", Tag: tag,
		Role: authn.Viewer, Faults: []*fault.Error{ErrQuestionNotFound}},
		func(ctx context.Context, in *questionIn) (*questionOut, error) {
			return questionAnswer(m.Question(ctx, in.ID, in.QuestionID))
		})
	rest.Handle(h, rest.Op{Method: http.MethodPatch, Path: each, ID: "update-question", Summary: "Change a question of the draft", Tag: tag,
		Description: "A merge: what is absent stays. A key that no longer fits, because its type or one of its options went, is taken away unless the body brings another.",
		Role:        authn.Recruiter, Faults: []*fault.Error{ErrNotFound, ErrQuestionNotFound, ErrArchived, rest.ErrPreconditionRequired, rest.ErrStale}},
		func(ctx context.Context, in *changeQuestionIn) (*questionOut, error) {
			return questionAnswer(m.UpdateQuestion(ctx, in.ID, in.QuestionID, in.IfMatch, in.change()))
		})
	rest.Handle(h, rest.Op{Method: http.MethodDelete, Path: each, ID: "delete-question", Summary: "Remove a question from the draft", Tag: tag,
		Description: "Published versions keep it.",
		Role:        authn.Recruiter, Status: http.StatusNoContent, Faults: []*fault.Error{ErrNotFound, ErrQuestionNotFound, ErrArchived, rest.ErrPreconditionRequired, rest.ErrStale}},
		func(ctx context.Context, in *deleteQuestionIn) (*nothingOut, error) {
			return &nothingOut{}, m.DeleteQuestion(ctx, in.ID, in.QuestionID, in.IfMatch)
		})
	rest.Handle(h, rest.Op{Method: http.MethodPut, Path: all + "/order", ID: "order-questions", Summary: "Put the questions into an order", Tag: tag,
		Role: authn.Recruiter, MaxBody: orderBytes, MaxValues: orderValues, Faults: []*fault.Error{ErrNotFound, ErrArchived}},
		func(ctx context.Context, in *orderIn) (*assessmentOut, error) {
			return m.out(m.OrderQuestions(ctx, in.ID, in.Body.Order))
		})
}

func (m *Module) listQuestions(ctx context.Context, in *listQuestionsIn) (*listQuestionsOut, error) {
	var after QuestionCursor
	if in.Cursor != "" {
		if err := pg.DecodeCursor(in.Cursor, &after); err != nil {
			return nil, err
		}
	}
	list, err := m.Questions(ctx, in.ID, after, in.Limit+1)
	if err != nil {
		return nil, err
	}
	body, err := page(list, in.Limit, Question.body, func(q Question) any { return QuestionCursor{ID: q.ID, Position: q.Position} })
	return &listQuestionsOut{Body: body}, err
}

func (m *Module) createQuestion(ctx context.Context, in *addQuestionIn) (*questionOut, error) {
	d := in.draft()
	return rest.Once(ctx, m.db, func(tx pgx.Tx) (*questionOut, error) {
		q, err := m.AddQuestionTx(ctx, tx, in.ID, d)
		out, err := questionAnswer(q, err)
		if err == nil {
			out.Location = base + "/" + in.ID.String() + "/questions/" + q.ID.String()
		}
		return out, err
	})
}
