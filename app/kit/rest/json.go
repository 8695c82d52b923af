package rest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"credlane/app/kit/fault"
)

// maxDepth is how many objects and lists may stand in one another.
const maxDepth = 32

// decodeTree reads one JSON value, strictly: valid UTF-8 without NUL, no key twice, nothing after it, not too deep. Numbers
// are float64, as the validation wants them; the typed value is decoded apart, from the same bytes.
// It refuses more than max values, counting each list, object and scalar.
func decodeTree(data []byte, max int) (any, error) {
	if !utf8.Valid(data) {
		return nil, ErrInvalidText
	}
	d := jsontext.NewDecoder(bytes.NewReader(data))
	tree, err := decodeValue(d, &max)
	if err != nil {
		return nil, jsonFault(err)
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, ErrMalformedJSON.WithFields(fault.Field{Location: "body", Message: "Send one JSON value and nothing after it."})
	}
	return tree, nil
}

var errDepth, errNUL, errMany = errors.New("too deep"), errors.New("a NUL character"), errors.New("too many values")

func decodeValue(d *jsontext.Decoder, left *int) (any, error) {
	if *left--; *left < 0 {
		return nil, errMany
	}
	if d.StackDepth() > maxDepth {
		return nil, errDepth
	}
	token, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case 'n':
		return nil, nil
	case 't', 'f':
		return token.Bool(), nil
	case '"':
		s := token.String()
		if strings.IndexByte(s, 0) >= 0 {
			return nil, errNUL
		}
		return s, nil
	case '0':
		// Out of range becomes infinite and then breaks the bounds of its field, which is the right answer.
		f, _ := strconv.ParseFloat(token.String(), 64)
		return f, nil
	case '[':
		list := []any{}
		for d.PeekKind() != ']' {
			v, err := decodeValue(d, left)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.ReadToken()
		return list, err
	default: // '{': the decoder itself refuses every other kind here
		object := map[string]any{}
		for d.PeekKind() != '}' {
			key, err := d.ReadToken()
			if err != nil {
				return nil, err
			}
			name := key.String()
			if strings.IndexByte(name, 0) >= 0 {
				return nil, errNUL
			}
			if object[name], err = decodeValue(d, left); err != nil {
				return nil, err
			}
		}
		_, err := d.ReadToken()
		return object, err
	}
}

// jsonFault words what the decoder found. Neither its message nor the text it stumbled over reaches the client.
func jsonFault(err error) *fault.Error {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, errDepth):
		return ErrTooDeep.Because(err)
	case errors.Is(err, errMany):
		return ErrTooManyValues.Because(err)
	case errors.Is(err, errNUL):
		return ErrInvalidText.Because(err)
	case errors.Is(err, jsontext.ErrDuplicateName):
		f := fault.Field{Location: "body", Message: "This key stands twice in its object."}
		if errors.As(err, &syntax) {
			f.Location = location(string(syntax.JSONPointer))
		}
		return ErrDuplicateKey.WithFields(f).Because(err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return ErrMalformedJSON.WithFields(fault.Field{Location: "body", Message: "The JSON ends too early."}).Because(err)
	case errors.As(err, &syntax):
		return ErrMalformedJSON.WithFields(fault.Field{
			Location: "body", Message: fmt.Sprintf("The JSON is not valid at byte %d.", syntax.ByteOffset),
		}).Because(err)
	}
	return ErrMalformedJSON.Because(err)
}

// location turns a JSON pointer into the notation of the validation: /questions/3/title is body.questions[3].title.
func location(pointer string) string {
	var b strings.Builder
	b.WriteString("body")
	for _, part := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		if part == "" {
			continue
		}
		if _, err := strconv.ParseUint(part, 10, 32); err == nil {
			b.WriteString("[" + part + "]")
			continue
		}
		b.WriteString("." + strings.NewReplacer("~1", "/", "~0", "~").Replace(part))
	}
	return clip(b.String(), maxLocation)
}

const maxLocation = 200

// unknownKeys lists every key that the schema does not know by exactly that spelling. It looks only where objects are
// closed; what an operation takes as it comes is its own to judge. On its way it marks each null that the schema does not
// allow, for validate to find.
func unknownKeys(r huma.Registry, s *huma.Schema, v any, at string, found []fault.Field) []fault.Field {
	if s = resolved(r, s); s == nil {
		return found
	}
	switch v := v.(type) {
	case []any:
		for i, item := range v {
			if s.Items != nil {
				found = unknownKeys(r, s.Items, item, at+"["+strconv.Itoa(i)+"]", found)
			}
		}
	case map[string]any:
		open, _ := s.AdditionalProperties.(bool)
		values, _ := s.AdditionalProperties.(*huma.Schema)
		for name, item := range v {
			child := clip(at+"."+name, maxLocation)
			switch property, known := s.Properties[name]; {
			case known && item == nil:
				if !takesNull(r, property) {
					v[name] = misplacedNull{}
				}
			case known:
				found = unknownKeys(r, property, item, child, found)
			case values != nil:
				found = unknownKeys(r, values, item, child, found)
			case s.Type == huma.TypeObject && !open:
				found = append(found, fault.Field{Location: child, Message: unknownMessage(s, name)})
			}
		}
	}
	return found
}

// resolved is the schema that s refers to; of one that is a struct or null (see mendField), the struct's.
func resolved(r huma.Registry, s *huma.Schema) *huma.Schema {
	for s != nil && (s.Ref != "" || len(s.AnyOf) > 0) {
		if s.Ref == "" {
			s = s.AnyOf[0]
			continue
		}
		s = r.SchemaFromRef(s.Ref)
	}
	return s
}

// takesNull tells whether null means something in a place: "absent" is not what it means.
func takesNull(r huma.Registry, s *huma.Schema) bool {
	if s.Nullable || len(s.AnyOf) > 0 {
		return true
	}
	s = resolved(r, s)
	return s == nil || s.Nullable || s.Type == "" && len(s.OneOf) == 0
}

// misplacedNull stands for a null where the schema wants something else. The library takes a null for an absent key.
type misplacedNull struct{}

// validate lists what the schema has against a tree that unknownKeys has passed.
func validate(r huma.Registry, s *huma.Schema, tree any) []fault.Field {
	var found huma.ValidateResult
	at := huma.NewPathBuffer(nil, 0)
	at.Push("body")
	huma.Validate(r, s, at, huma.ModeWriteToServer, tree, &found)
	var fields []fault.Field
	for _, err := range found.Errors {
		detail := err.(*huma.ErrorDetail)
		if n, ok := detail.Value.(float64); ok && n < 0 && strings.Contains(detail.Message, "multiple of") {
			continue // the library's remainder is wrong below zero; the exact decoding refuses too many decimals
		}
		fields = append(fields, plainReason(detail))
	}
	return fields
}

func unknownMessage(s *huma.Schema, name string) string {
	for known := range s.Properties {
		if strings.EqualFold(known, name) {
			return "This key is spelled \"" + known + "\"."
		}
	}
	return "This key is not known here. Remove it."
}

// decodeInto fills a typed value from bytes that decodeTree has passed.
func decodeInto(data []byte, v any) error { return json.Unmarshal(data, v) }

// decodeWhatFits fills a typed value as far as the bytes fit its types. What does not fit is left out without a word: the
// schema has words for it.
func decodeWhatFits(data []byte, v any) {
	_ = json.Unmarshal(data, v, jsonv1.ReportErrorsWithLegacySemantics(true)) // which go on after a wrong type
}

// encodeOptions keep the habits people know from encoding/json, but an empty list is [] and never null.
var encodeOptions = json.JoinOptions(
	jsonv1.OmitEmptyWithLegacySemantics(true),
	json.Deterministic(true),
)

// encode writes an answer's body.
func encode(v any) ([]byte, error) {
	switch ready := v.(type) {
	case Raw:
		return ready, nil
	case *Raw:
		return *ready, nil
	}
	buf := encodeBuffers.Get().(*bytes.Buffer)
	defer encodeBuffers.Put(buf)
	buf.Reset()
	if err := json.MarshalWrite(buf, v, encodeOptions); err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	return bytes.Clone(buf.Bytes()), nil
}

var encodeBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}
