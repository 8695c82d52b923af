package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"credlane/app/kit/fault"
)

type planBody struct {
	Title *string             `json:"title,omitempty" maxLength:"20"`
	Tags  []string            `json:"tags,omitempty" maxItems:"3"`
	Inner *planInner          `json:"inner,omitempty"`
	Since Optional[time.Time] `json:"since,omitzero" required:"false"`
	Free  Raw                 `json:"free,omitempty"`
	Count int                 `json:"count" minimum:"1"`
}

type planInner struct {
	Size *int `json:"size,omitempty"`
}

type planIn struct {
	Limit int `query:"limit" maximum:"5"`
	Body  planBody
}

func plans(h *Host) {
	Handle(h, Op{Method: "POST", Path: "/plans", ID: "plan", Summary: "Plan", Access: Public},
		func(_ context.Context, in *planIn) (*noteOut, error) {
			return &noteOut{Body: fmt.Sprint(in.Body.Since.Set, in.Body.Since.Null, string(in.Body.Free))}, nil
		})
}

// locations lists the places of a problem's reasons.
func locations(t *testing.T, rec *httptest.ResponseRecorder) []string {
	t.Helper()
	var p struct{ Errors []fault.Field }
	if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil {
		t.Fatal(err, rec.Body)
	}
	var at []string
	for _, f := range p.Errors {
		at = append(at, f.Location)
	}
	slices.Sort(at)
	return at
}

func TestNullIsNoWayToLeaveAFieldOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	plans(w.Host)
	for body, want := range map[string][]string{
		`{"count":1,"title":null}`:                                       {"body.title"},
		`{"count":1,"tags":null}`:                                        {"body.tags"},
		`{"count":1,"tags":[null]}`:                                      {"body.tags[0]"},
		`{"count":1,"inner":null}`:                                       {"body.inner"},
		`{"count":1,"inner":{"size":null}}`:                              {"body.inner.size"},
		`{"count":null,"title":null,"tags":["a","b","c","d"],"inner":7}`: {"body.count", "body.inner", "body.tags", "body.title"},
	} {
		rec := w.do(t, "POST", "/plans", body)
		if got := locations(t, rec); rec.Code != 422 || code(rec) != "invalid_input" || !slices.Equal(got, want) {
			t.Errorf("%s: %d %s", body, rec.Code, rec.Body)
		}
	}
	rec := w.do(t, "POST", "/plans", `{"count":1,"since":null,"free":null}`)
	if rec.Code != 200 || rec.Body.String() != `"true truenull"` {
		t.Error("where null means something it is taken:", rec.Code, rec.Body)
	}
}

func TestReasonsAgainstParametersAndBodyComeTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	plans(w.Host)
	rec := w.do(t, "POST", "/plans?limit=9", `{"count":"x","title":null}`)
	if got := locations(t, rec); rec.Code != 422 || !slices.Equal(got, []string{"body.count", "body.title", "query.limit"}) {
		t.Error(rec.Code, rec.Body)
	}
}

type formIn struct {
	Body struct {
		Name  string   `json:"name" maxLength:"20"`
		Email string   `json:"email"`
		Size  int      `json:"size"`
		Tags  []string `json:"tags,omitempty"`
	}
}

// Check refuses everything that has a rule of its own here.
func (in *formIn) Check() error {
	fields := []fault.Field{{Location: "body.name", Message: "Not this name."}, {Location: "body.tags[0].text", Message: "Write something."}}
	if in.Body.Email != "a@b.example" {
		fields = append(fields, fault.Field{Location: "body.email", Message: "Not this address."})
	}
	return ErrInvalid.WithFields(fields...)
}

func TestRulesAreToldBesideTheSchemasReasons(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	Handle(w.Host, Op{Method: "POST", Path: "/forms", ID: "form", Summary: "Form", Access: Public},
		func(context.Context, *formIn) (*noteOut, error) { return &noteOut{Body: "taken"}, nil })
	for body, want := range map[string][]string{
		`{"size":"x","name":7,"email":"b"}`:             {"body.email", "body.name", "body.size", "body.tags[0].text"},
		`{"size":"x","name":"n","email":"a@b.example"}`: {"body.name", "body.size", "body.tags[0].text"},
		`{"email":"b","name":"n","size":1,"tags":[7]}`:  {"body.email", "body.name", "body.tags[0]"},
		`[]`: {"body"},
	} {
		rec := w.do(t, "POST", "/forms", body)
		if got := locations(t, rec); rec.Code != 422 || !slices.Equal(got, want) {
			t.Errorf("%s: %v %s", body, rec.Code, rec.Body)
		}
	}
	if rec := w.do(t, "POST", "/forms", `{"size":1,"name":"n","email":"b"}`); rec.Code != 200 {
		t.Error("a body that fits its schema is the operation's own to judge:", rec.Code, rec.Body)
	}
}
