package rest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"credlane/app/kit/fault"
)

// Handle mounts one typed operation. I's fields are parameters (`path:"id"`, `query:"limit"`, `header:"If-Match"`), Body (JSON)
// or Form (rest.Form); O's are Location and ETag (headers), Status and Body. Huma's tags describe and bound them. An *I that is
// Checked adds its reasons to those of the schema. Whatever fn returns as an error is turned into a problem here: a fault as it is, anything else into a 500 that is logged once.
func Handle[I, O any](h *Host, op Op, fn func(ctx context.Context, in *I) (*O, error)) {
	var run func(huma.Context)
	described := h.describe(op, reflect.TypeFor[I](), reflect.TypeFor[O]())
	form := formOf(reflect.TypeFor[I]())
	endpoint := &keeper{api: &api{h: h}, keep: func(handler func(huma.Context)) { run = handler }}
	huma.Register(endpoint, *described, func(ctx context.Context, in *I) (*O, error) {
		h.bodies.decoded(callOf(ctx))
		if wrong := callOf(ctx).wrong; wrong != nil {
			return nil, failed{ErrInvalid.WithFields(wrong...)}
		}
		if form != nil {
			close, err := h.readForm(callOf(ctx), form, reflect.ValueOf(in).Elem())
			if err != nil {
				return nil, failed{err}
			}
			defer close()
		}
		out, err := fn(ctx, in)
		if err != nil {
			return nil, failed{err}
		}
		return out, nil
	})
	if op.Also != 0 {
		also := *described.Responses[strconv.Itoa(described.DefaultStatus)]
		also.Description = http.StatusText(op.Also)
		described.Responses[strconv.Itoa(op.Also)] = &also
	}
	h.mend()
	r := h.mount(op, func(c echo.Context) error { return h.exchange(c, described, run) })
	h.finish(r, form)
	r.rules = rulesOf[I]()
}

// failed carries any error of a handler past Huma, which would show an unknown one to the client.
type failed struct{ error }

// GetStatus makes Huma hand the error to Marshal, which keeps it.
func (failed) GetStatus() int  { return http.StatusInternalServerError }
func (f failed) Unwrap() error { return f.error }

// keeper is the API that Register sees: it takes the handler instead of mounting it.
type keeper struct {
	*api
	keep func(func(huma.Context))
}

func (k *keeper) Adapter() huma.Adapter { return keeping{adapter{k.h}, k.keep} }

type keeping struct {
	adapter
	keep func(func(huma.Context))
}

func (k keeping) Handle(_ *huma.Operation, handler func(huma.Context)) { k.keep(handler) }

// exchange runs one request through Huma and writes what comes out.
func (h *Host) exchange(c echo.Context, op *huma.Operation, run func(huma.Context)) error {
	k := current(c)
	if err := parameters(k.request); err != nil {
		return err
	}
	if k.route.op.Idempotent {
		if err := k.readIdempotencyKey(); err != nil {
			return err
		}
	}
	defer h.bodies.letGo(k)
	defer k.made()
	var data []byte
	if k.route.form == nil {
		var err error
		if data, err = h.readBody(k); err != nil {
			return err
		}
	}
	if k.hasBody() && !k.route.op.Always {
		if !h.enter(k) {
			return ErrOverloaded
		}
		defer h.leave(k)
	}
	x := &exchange{op: op, echo: c, call: k}
	if k.route.form == nil { // only now: what is decoded takes far more memory than its bytes
		body, err := h.judgeBody(k, data)
		if err != nil {
			return err
		}
		k.hashRequest(body)
		if body != nil {
			x.body = &bodyReader{body}
		}
	}
	run(x)
	return h.write(x)
}

// bodyReader hands out bytes that are in memory already.
type bodyReader struct{ rest []byte }

func (b *bodyReader) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.rest)
	if b.rest = b.rest[n:]; len(b.rest) == 0 {
		b.rest = nil // let go of them
	}
	return n, nil
}

// readBody reads the bytes of a JSON body: nil when there are none.
func (h *Host) readBody(k *call) ([]byte, error) {
	if !k.hasBody() || !takesBody(k.request.Method) {
		return nil, nil
	}
	data, err := h.bodies.read(k)
	if err != nil {
		return nil, err
	}
	return data, k.bodyRead()
}

// judgeBody decodes a JSON body and compares it with the operation's schema: nil when there is none and none is needed. What
// the schema has against it is noted in the call, since there may be more against the parameters. A body that is not small
// has its turn until the operation's own work begins.
func (h *Host) judgeBody(k *call, data []byte) ([]byte, error) {
	schema := k.route.schema
	if len(data) == 0 {
		if schema != nil && !k.route.optional {
			return nil, noBody(h.registry, schema)
		}
		return nil, nil
	}
	text := k.route.op.TextAs != "" && isCSV(k.request.Header.Get("Content-Type"))
	if !text && !isJSON(k.request.Header.Get("Content-Type")) {
		return nil, ErrUnsupportedMedia.WithMessage("Send the body as application/json.")
	}
	if coded(k.request) {
		return nil, ErrUnsupportedMedia.WithMessage("Send the body as it is, without a Content-Encoding.")
	}
	if err := h.bodies.turn(k, len(data)); err != nil {
		return nil, err
	}
	if text {
		var err error
		if data, err = textAs(k.route.op.TextAs, data); err != nil {
			return nil, err
		}
	}
	tree, err := decodeTree(data, orDefault(k.route.op.MaxValues, maxValues))
	if err != nil {
		return nil, err
	}
	if schema == nil {
		schema = noFields
	}
	if unknown := unknownKeys(h.registry, schema, tree, "body", nil); unknown != nil {
		sortFields(unknown)
		return nil, ErrUnknownKey.WithFields(slices.Clone(unknown[:min(len(unknown), maxFields)])...)
	}
	if schema == noFields {
		if _, ok := tree.(map[string]any); !ok {
			return nil, ErrInvalid.WithFields(fault.Field{Location: "body", Message: "Send {} or no body."})
		}
		return nil, nil
	}
	if k.wrong = validate(h.registry, schema, tree); k.wrong != nil && k.route.rules != nil {
		k.wrong = withRules(k.wrong, k.route.rules(data))
	}
	return data, nil
}

// isCSV takes text/csv (RFC 7111) in UTF-8, which is its default here as everywhere else.
func isCSV(contentType string) bool {
	media, params, err := mime.ParseMediaType(contentType)
	return err == nil && media == csvType && (params["charset"] == "" || strings.EqualFold(params["charset"], "utf-8"))
}

const csvType = "text/csv"

// textAs is the JSON body with the text as its one member, so that a text goes the same strict way.
func textAs(member string, text []byte) ([]byte, error) {
	if !utf8.Valid(text) {
		return nil, ErrInvalidText
	}
	return json.Marshal(map[string]string{member: string(text)})
}

// noBody says what should have been sent.
func noBody(r huma.Registry, s *huma.Schema) error {
	s = resolved(r, s)
	if s == nil || len(s.Required) == 0 {
		return ErrMalformedJSON.WithMessage("Send a JSON body.").WithFields(fault.Field{Location: "body", Message: "Send a JSON body."})
	}
	var fields []fault.Field
	for _, name := range s.Required {
		fields = append(fields, fault.Field{Location: "body." + name, Message: "This is required."})
	}
	return ErrMalformedJSON.WithMessage("Send a JSON body with: " + strings.Join(s.Required, ", ") + ".").WithFields(fields...)
}

// noFields is the body of a POST that takes none: {} or nothing.
var noFields = &huma.Schema{Type: huma.TypeObject, AdditionalProperties: false}

// bodyError words a body that did not arrive: cut off, or in broken chunks.
func bodyError(err error) error { return arrivalError(err, ErrMalformedRequest) }

// arrivalError words what did not arrive; broken is for what is neither too large nor too slow.
func arrivalError(err error, broken *fault.Error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return ErrTooLarge.Because(err)
	case isTimeout(err):
		return ErrBodyTimeout.Because(err)
	}
	return broken.Because(err)
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// isJSON takes application/json, in UTF-8 or without a charset.
func isJSON(contentType string) bool {
	if contentType == jsonType {
		return true
	}
	media, params, err := mime.ParseMediaType(contentType)
	charset := params["charset"]
	return err == nil && media == jsonType && (charset == "" || strings.EqualFold(charset, "utf-8"))
}

// coded tells a body that says it is compressed, which none here may be: a bound on what is sent would bound nothing.
func coded(r *http.Request) bool {
	coding := r.Header.Get("Content-Encoding")
	return coding != "" && !strings.EqualFold(coding, "identity")
}

// assembled is a body that is bytes already: a RawOf.
type assembled interface {
	ready() []byte
	lent() *Buffer
}

// write sends what the operation answered.
func (h *Host) write(x *exchange) error {
	if f, ok := x.out.(failed); ok {
		return f.error
	}
	if x.err != nil {
		return x.err
	}
	header := x.echo.Response().Header()
	header["Cache-Control"] = cacheHeaders[x.call.route.op.Cache]
	if s, ok := x.out.(*Stream); ok {
		return h.stream(x, s)
	}
	if !x.has || x.status == http.StatusNoContent {
		return x.echo.NoContent(x.status)
	}
	var body []byte
	var lent *Buffer
	if r, ok := x.out.(assembled); ok {
		body = r.ready()
		lent = r.lent()
	} else {
		var err error
		if body, err = encode(x.out); err != nil {
			return err
		}
		x.out = nil // a slow reader keeps the bytes alone
	}
	done, err := h.sendOff(x.call, len(body))
	if err != nil {
		return err
	}
	defer done()
	x.length[0] = strconv.Itoa(len(body))
	header["Content-Length"] = x.length[:]
	header["Content-Type"] = jsonTypeHeader
	if produces := x.call.route.op.Produces; produces != "" {
		header["Content-Type"] = []string{produces}
	}
	res := x.echo.Response()
	res.WriteHeader(x.status)
	if _, err := res.Write(body); err != nil {
		x.call.gone = true // nobody is left to tell; the server may not have let go of the body
		return nil
	}
	if lent != nil {
		lent.giveBack(body)
	}
	return nil
}

// PageFunc answers a request by itself; what it returns as an error becomes a problem.
type PageFunc func(w http.ResponseWriter, r *http.Request) error

// TroubleFunc shows people what went wrong with a page. Only once it has set a status has it answered; see ServePage.
type TroubleFunc func(w http.ResponseWriter, r *http.Request, f *fault.Error, requestID string) error

// Plain is a PageFunc from a handler that knows no errors.
func Plain(handler http.Handler) PageFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		handler.ServeHTTP(w, r)
		return nil
	}
}

// Serve mounts what is not JSON: metrics, health, assets. Path parameters are in r.PathValue.
func Serve(h *Host, op Op, page PageFunc) {
	h.describePlain(op)
	h.mountPlain(op, page)
}

// mountPlain mounts a PageFunc. The request's place among those worked on is given back when its answer begins.
func (h *Host) mountPlain(op Op, page PageFunc) *route {
	return h.mount(op, func(c echo.Context) error {
		req := current(c).request
		if err := parameters(req); err != nil {
			return err
		}
		c.Response().Header()["Cache-Control"] = cacheHeaders[op.Cache]
		values := c.ParamValues()
		for i, name := range c.ParamNames() {
			req.SetPathValue(name, plainParam(req, values[i]))
		}
		c.Response().Before(func() { h.leave(current(c)) })
		defer current(c).made()
		if err := page(c.Response(), req); err != nil {
			return err
		}
		if !c.Response().Committed {
			c.Response().WriteHeader(http.StatusOK)
		}
		return nil
	})
}
