package rest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"credlane/app/kit/fault"
)

// adapter is Huma's view of Echo v4. (Huma's own adapter of that name links Echo v5 into the binary.)
type adapter struct{ h *Host }

// Handle keeps the handler for Handle, which mounts it.
func (a adapter) Handle(*huma.Operation, func(huma.Context)) {}

// ServeHTTP lets Huma's own tests tools work; nothing here uses it.
func (a adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.h.echo.ServeHTTP(w, r) }

// exchange is one request and its answer as Huma sees them. Nothing reaches the client before finish.
type exchange struct {
	op     *huma.Operation
	echo   echo.Context
	call   *call
	body   io.Reader
	status int
	out    any       // the answer's body, not encoded yet
	has    bool      // there is one
	length [1]string // as a header's value
	err    error     // what to answer instead
}

func (x *exchange) Operation() *huma.Operation               { return x.op }
func (x *exchange) Context() context.Context                 { return x.call }
func (x *exchange) TLS() *tls.ConnectionState                { return x.call.request.TLS }
func (x *exchange) Method() string                           { return x.call.request.Method }
func (x *exchange) Host() string                             { return "" } // a stranger writes it: never used
func (x *exchange) RemoteAddr() string                       { return x.call.clientIP }
func (x *exchange) URL() url.URL                             { return *x.call.request.URL }
func (x *exchange) Query(name string) string                 { return x.echo.QueryParam(name) }
func (x *exchange) Header(name string) string                { return x.call.request.Header.Get(name) }
func (x *exchange) BodyReader() io.Reader                    { return x.body }
func (x *exchange) SetReadDeadline(time.Time) error          { return nil } // the Host's own, see limited
func (x *exchange) SetStatus(code int)                       { x.status = code }
func (x *exchange) Status() int                              { return x.status }
func (x *exchange) AppendHeader(name, value string)          { x.echo.Response().Header().Add(name, value) }
func (x *exchange) BodyWriter() io.Writer                    { return (*exchangeBody)(x) }
func (x *exchange) WithContext(context.Context) huma.Context { return x }

func (x *exchange) Version() huma.ProtoVersion {
	r := x.call.request
	return huma.ProtoVersion{Proto: r.Proto, ProtoMajor: r.ProtoMajor, ProtoMinor: r.ProtoMinor}
}

func (x *exchange) EachHeader(cb func(name, value string)) {
	for name, values := range x.call.request.Header {
		for _, value := range values {
			cb(name, value)
		}
	}
}

// SetHeader takes the operation's own headers; the content type is write's to say.
func (x *exchange) SetHeader(name, value string) {
	if name != "Content-Type" {
		x.echo.Response().Header().Set(name, value)
	}
}

// GetMultipartForm is not how forms are read here: see form.go.
func (x *exchange) GetMultipartForm() (*multipart.Form, error) {
	return nil, errors.New("forms are read by rest.Form")
}

// Param is a path parameter, decoded.
func (x *exchange) Param(name string) string { return plainParam(x.call.request, x.echo.Param(name)) }

// plainParam undoes the escaping of a parameter where the router matched the escaped path.
func plainParam(req *http.Request, v string) string {
	if req.URL.RawPath == "" {
		return v
	}
	if plain, err := url.PathUnescape(v); err == nil {
		return plain
	}
	return v
}

// exchangeBody takes the answer's body from the API's Marshal.
type exchangeBody exchange

// Write is for answers that come as bytes.
func (b *exchangeBody) Write(p []byte) (int, error) {
	b.out, b.has = Raw(bytes.Clone(p)), true
	return len(p), nil
}

// api is Huma's API for one operation. It stands between Huma and the wire: what Huma would write, it keeps, and Huma's own
// error model becomes one of our faults, so that Huma's global hooks stay as they are.
type api struct {
	h *Host
}

func (a *api) Adapter() huma.Adapter                                   { return adapter{a.h} }
func (a *api) OpenAPI() *huma.OpenAPI                                  { return a.h.doc }
func (a *api) Negotiate(string) (string, error)                        { return jsonType, nil }
func (a *api) Unmarshal(_ string, data []byte, v any) error            { return decodeInto(data, v) }
func (a *api) UseMiddleware(...func(huma.Context, func(huma.Context))) {}
func (a *api) Middlewares() huma.Middlewares                           { return nil }

const jsonType = "application/json"

var jsonTypeHeader = []string{jsonType} // shared between answers: nothing may change it

// Transform turns Huma's own errors into faults, without the values they carry.
func (a *api) Transform(ctx huma.Context, _ string, v any) (any, error) {
	x := ctx.(*exchange)
	if model, ok := v.(*huma.ErrorModel); ok {
		x.err = humaFault(model, x.call.wrong)
	}
	return v, nil
}

// Marshal keeps the body until the whole answer is known.
func (a *api) Marshal(w io.Writer, _ string, v any) error {
	x := (*exchange)(w.(*exchangeBody))
	x.out, x.has = v, true
	return nil
}

// humaFault words what Huma found wrong with a request, beside what is wrong with its body.
func humaFault(model *huma.ErrorModel, wrong []fault.Field) error {
	var fields []fault.Field
	for _, e := range model.Errors {
		if e.Location == "body" && wrong != nil {
			continue // it could not be decoded: wrong says why
		}
		fields = append(fields, plainReason(e))
	}
	fields = append(fields, wrong...)
	switch model.Status {
	case http.StatusBadRequest:
		return ErrMalformedJSON.WithFields(fields...)
	case http.StatusUnsupportedMediaType:
		return ErrUnsupportedMedia
	case http.StatusUnprocessableEntity:
		return ErrInvalid.WithFields(fields...)
	}
	return fmt.Errorf("huma answered %d: %s", model.Status, model.Detail)
}

// parameters refuses text in the address that no database could keep.
func parameters(req *http.Request) error {
	if !sane(req.URL.Path) {
		return ErrInvalidText.WithFields(fault.Field{Location: "path", Message: "The address is not valid UTF-8 or has a NUL."})
	}
	if req.URL.RawQuery == "" {
		return nil
	}
	query, err := url.ParseQuery(req.URL.RawQuery)
	if err != nil {
		return ErrMalformedRequest.WithFields(fault.Field{Location: "query", Message: "Escape the parameters as RFC 3986 says."})
	}
	for name, values := range query {
		if !sane(name) {
			return ErrInvalidText.WithFields(fault.Field{Location: "query", Message: "A parameter's name is not valid UTF-8 or has a NUL."})
		}
		if len(values) > 1 {
			return ErrInvalid.WithFields(fault.Field{Location: clip("query."+name, maxLocation), Message: "Give this parameter once."})
		}
		if !sane(values[0]) {
			return ErrInvalidText.WithFields(fault.Field{Location: clip("query."+name, maxLocation), Message: "The value is not valid UTF-8 or has a NUL."})
		}
	}
	return nil
}

func sane(s string) bool {
	for i := range len(s) {
		if s[i] == 0 {
			return false
		}
		if s[i] >= utf8.RuneSelf {
			return utf8.ValidString(s) && !bytes.ContainsRune([]byte(s), 0)
		}
	}
	return true
}
