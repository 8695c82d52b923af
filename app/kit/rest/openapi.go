package rest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
)

const (
	memberScheme    = "member"
	apiKeyScheme    = "apiKey"
	candidateScheme = "candidate"
)

const cookieNote = " On this site's own pages the cookie that they sign in with does as well."

func newDocument(o Options, r huma.Registry) *huma.OpenAPI {
	r.Schema(reflect.TypeFor[problem](), true, "Problem")
	reasons := r.Map()["Problem"].Properties["errors"]
	reasons.Items = &huma.Schema{AnyOf: []*huma.Schema{reasons.Items, rowReason}}
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: o.Title, Version: o.Version,
			Description: "Draft an assessment, import questions, publish it, let candidates take it against the clock, read trusted scores.",
			License:     &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
		},
		Servers: []*huma.Server{{URL: "/", Description: "This installation"}},
		Components: &huma.Components{
			Schemas:  r,
			Examples: map[string]*huma.Example{},
			Headers: map[string]*huma.Header{
				"RetryAfter":      {Description: "How many seconds to wait.", Schema: &huma.Schema{Type: huma.TypeInteger}},
				"WWWAuthenticate": {Description: "How to sign in.", Schema: &huma.Schema{Type: huma.TypeString}},
			},
			SecuritySchemes: map[string]*huma.SecurityScheme{
				memberScheme:    {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "A member's access token, from login or refresh; good for 15 minutes." + cookieNote},
				apiKeyScheme:    {Type: "http", Scheme: "bearer", Description: "An API key (clk_...), with the role it was given."},
				candidateScheme: {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "A candidate's submission token, from starting an assessment." + cookieNote},
			},
		},
	}
}

// rowReason is what stands among a problem's errors when a file was sent: a place in it instead of a place in the request.
var rowReason = &huma.Schema{
	Type: huma.TypeObject, Title: "row", AdditionalProperties: false, Required: []string{"row", "column", "code", "message"},
	Properties: map[string]*huma.Schema{
		"row": {Type: huma.TypeInteger}, "column": {Type: huma.TypeString}, "code": {Type: huma.TypeString}, "message": {Type: huma.TypeString},
	},
}

// describe is op for Huma: what it answers and what it wants.
func (h *Host) describe(op Op, in, out reflect.Type) *huma.Operation {
	status := orDefault(op.Status, http.StatusOK)
	d := &huma.Operation{
		Method: op.Method, Path: op.Path, OperationID: op.ID, Summary: op.Summary, Description: op.Description,
		DefaultStatus: status, MaxBodyBytes: op.maxBody() + 1, RejectUnknownQueryParameters: true,
		SkipValidateBody: true, // judgeBody does it
		Security:         security(op.Access), Responses: map[string]*huma.Response{},
	}
	if op.Tag != "" {
		d.Tags = []string{op.Tag}
	}
	_, body := in.FieldByName("Body")
	form := formOf(in)
	if op.Idempotent {
		longest := maxKey
		d.Parameters = append(d.Parameters, &huma.Param{
			Name: "Idempotency-Key", In: "header", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &longest},
			Description: "A key of your own, such as a UUID: a retry with the same key and body within 24 hours gets the first answer instead of doing it twice. Secrets are not repeated.",
		})
	}
	faults := append(edgeFaults(op, in, body, form != nil), op.Faults...)
	h.describeFaults(d, faults)
	if f, ok := out.FieldByName("Body"); ok && (f.Type == streamType || op.Produces != "") {
		d.Responses[strconv.Itoa(status)] = &huma.Response{
			Description: http.StatusText(status),
			Content: map[string]*huma.MediaType{
				mediaType(orDefault(op.Produces, "application/octet-stream")): {Schema: &huma.Schema{Type: huma.TypeString}},
			},
		}
	}
	return d
}

// mediaType is a content type without its parameters.
func mediaType(contentType string) string {
	media, _, _ := strings.Cut(contentType, ";")
	return media
}

// describePlain documents a Serve operation.
func (h *Host) describePlain(op Op) {
	d := h.describe(op, reflect.TypeFor[struct{}](), reflect.TypeFor[struct{}]())
	for _, segment := range strings.Split(op.Path, "/") {
		if isParameter(segment) {
			d.Parameters = append(d.Parameters, &huma.Param{Name: strings.Trim(segment, "{}"), In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}})
		}
	}
	status := strconv.Itoa(orDefault(op.Status, http.StatusOK))
	content := map[string]*huma.MediaType{}
	for _, media := range strings.Split(orDefault(op.Produces, "text/plain"), ", ") {
		content[media] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
		if media == jsonType {
			content[media].Schema = &huma.Schema{Type: huma.TypeObject}
		}
	}
	d.Responses[status] = &huma.Response{Description: http.StatusText(orDefault(op.Status, http.StatusOK)), Content: content}
	if !strings.HasSuffix(op.Path, "/*") {
		h.doc.AddOperation(d)
	}
}

func security(a Access) []map[string][]string {
	switch a {
	case Public:
		return []map[string][]string{}
	case Candidate:
		return []map[string][]string{{candidateScheme: {}}}
	}
	return []map[string][]string{{memberScheme: {}}, {apiKeyScheme: {}}}
}

// edgeFaults are those that the edge itself may answer with.
func edgeFaults(op Op, in reflect.Type, body, form bool) []*fault.Error {
	faults := []*fault.Error{ErrInternal, ErrOverloaded, ErrTimedOut, ErrUnavailable, ErrMalformedRequest, ErrInvalidText}
	if op.Access != Public {
		faults = append(faults, authn.ErrUnauthenticated)
	}
	if op.Role > authn.Viewer {
		faults = append(faults, authn.ErrForbidden)
	}
	if op.Access != Public && takesBody(op.Method) {
		faults = append(faults, ErrCrossSite) // to a page's cookie
	}
	if in.NumField() > 0 {
		faults = append(faults, ErrInvalid)
	}
	if body {
		faults = append(faults, ErrMalformedJSON, ErrDuplicateKey, ErrUnknownKey, ErrTooDeep, ErrTooManyValues, ErrUnsupportedMedia)
	}
	if form {
		faults = append(faults, ErrMalformedForm, ErrUnsupportedMedia)
	}
	if body || form {
		faults = append(faults, ErrTooLarge, ErrBodyTimeout)
	}
	if op.Idempotent {
		faults = append(faults, ErrKeyReused, ErrInProgress)
	}
	return faults
}

// describeFaults documents one response per status, with every code that may stand in it.
func (h *Host) describeFaults(d *huma.Operation, faults []*fault.Error) {
	byStatus := map[int][]*fault.Error{}
	for _, f := range faults {
		status := f.Kind.Status()
		if !slices.ContainsFunc(byStatus[status], func(o *fault.Error) bool { return o.Code == f.Code }) {
			byStatus[status] = append(byStatus[status], f)
		}
	}
	for status, list := range byStatus {
		slices.SortFunc(list, func(a, b *fault.Error) int { return cmp.Compare(a.Code, b.Code) })
		d.Responses[strconv.Itoa(status)] = h.faultResponse(status, list)
	}
}

// faultResponse documents the faults of one status. Most operations share theirs, and so do they the description: a hundred
// operations with a thousand of their own would be a tenth of what an idle server holds.
func (h *Host) faultResponse(status int, list []*fault.Error) *huma.Response {
	codes := make([]string, len(list))
	for i, f := range list {
		codes[i] = "`" + f.Code + "`"
		h.doc.Components.Examples[f.Code] = &huma.Example{Summary: Title(f.Code), Value: problemExample(f)}
	}
	says := "One of: " + strings.Join(codes, ", ") + "."
	key := strconv.Itoa(status) + " " + says
	if known := h.faultResponses[key]; known != nil {
		return known
	}
	examples := make(map[string]*huma.Example, len(list))
	for _, f := range list {
		if h.faultExamples[f.Code] == nil {
			h.faultExamples[f.Code] = &huma.Example{Ref: "#/components/examples/" + f.Code}
		}
		examples[f.Code] = h.faultExamples[f.Code]
	}
	r := &huma.Response{
		Headers: faultHeaders(status), Description: says,
		Content: map[string]*huma.MediaType{problemType: {Schema: &huma.Schema{Ref: "#/components/schemas/Problem"}, Examples: examples}},
	}
	h.faultResponses[key] = r
	return r
}

func faultHeaders(status int) map[string]*huma.Header {
	switch status {
	case http.StatusUnauthorized:
		return map[string]*huma.Header{"WWW-Authenticate": {Ref: "#/components/headers/WWWAuthenticate"}}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return map[string]*huma.Header{"Retry-After": {Ref: "#/components/headers/RetryAfter"}}
	}
	return nil
}

func problemExample(f *fault.Error) map[string]any {
	e := map[string]any{
		"type": "/api/v1/problems/" + f.Code, "title": Title(f.Code), "status": f.Kind.Status(), "detail": f.Message,
		"code": f.Code, "requestId": "q3k7vnx2-00000001",
	}
	if f.Code == ErrInvalid.Code {
		e["errors"] = []map[string]any{{"location": "body.title", "message": "Use at most 200 characters."}}
	}
	return e
}

// finish completes a mounted route with what Register has worked out.
func (h *Host) finish(r *route, form *formSpec) {
	r.form = form
	op := operationOf(h.doc.Paths[r.Path], r.Method)
	if form != nil {
		op.RequestBody = form.describe(r.op) // only now, or Huma would want to read it
		return
	}
	if op.RequestBody == nil {
		return
	}
	if media := op.RequestBody.Content[jsonType]; media != nil {
		r.schema, r.optional = media.Schema, !op.RequestBody.Required
	}
	if r.op.TextAs != "" {
		op.RequestBody.Content[csvType] = &huma.MediaType{Schema: &huma.Schema{
			Type: huma.TypeString, Description: "In UTF-8; the same as the member " + r.op.TextAs + " of a JSON body.",
		}}
	}
}

func operationOf(p *huma.PathItem, method string) *huma.Operation {
	if p == nil {
		return nil
	}
	return map[string]*huma.Operation{
		"GET": p.Get, "POST": p.Post, "PUT": p.Put, "PATCH": p.Patch, "DELETE": p.Delete,
	}[method]
}

// describe documents the form.
func (f *formSpec) describe(op Op) *huma.RequestBody {
	s := &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{}, Required: []string{f.file}}
	for name, field := range f.fields {
		p := &huma.Schema{Type: huma.TypeString, Description: field.doc}
		t := f.value.FieldByIndex(field.index).Type
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		switch t.Kind() {
		case reflect.Bool:
			p.Type = huma.TypeBoolean
		case reflect.Int, reflect.Int64:
			p.Type = huma.TypeInteger
		}
		for _, v := range field.enum {
			p.Enum = append(p.Enum, v)
		}
		s.Properties[name] = p
	}
	s.Properties[f.file] = &huma.Schema{Type: huma.TypeString, Format: "binary", Description: "The file; it must be the last part."}
	return &huma.RequestBody{
		Required: true, Description: fmt.Sprintf("At most %d bytes in all.", op.maxBody()),
		Content: map[string]*huma.MediaType{"multipart/form-data": {Schema: s}},
	}
}

// DescribeTag says what the operations with a tag are for.
func (h *Host) DescribeTag(name, description string) { h.tags[name] = description }

// OpenAPI is the document of every mounted operation, the same bytes each time.
func (h *Host) OpenAPI() ([]byte, error) {
	h.doc.Tags = nil
	used := map[string]bool{}
	for _, r := range h.routes {
		if name := r.op.Tag; name != "" && !used[name] {
			used[name] = true
			h.doc.Tags = append(h.doc.Tags, &huma.Tag{Name: name, Description: h.tags[name]})
		}
	}
	slices.SortFunc(h.doc.Tags, func(a, b *huma.Tag) int { return cmp.Compare(a.Name, b.Name) })
	raw, err := json.Marshal(h.doc)
	if err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	return raw, nil
}
