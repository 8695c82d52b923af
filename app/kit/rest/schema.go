package rest

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/exact"
	"credlane/app/kit/question"
)

// scalars are the types that a schema generator cannot read off their Go form.
var scalars = map[reflect.Type]func() *huma.Schema{
	reflect.TypeFor[uuid.UUID]():    func() *huma.Schema { return &huma.Schema{Type: huma.TypeString, Format: "uuid"} },
	reflect.TypeFor[exact.Points](): func() *huma.Schema { return decimals(0.001) },
	reflect.TypeFor[exact.Score]():  func() *huma.Schema { return decimals(0.01) },
	reflect.TypeFor[exact.Decimal](): func() *huma.Schema {
		return &huma.Schema{Type: huma.TypeString, Description: "A decimal number as text, so that no reader makes it a float."}
	},
	reflect.TypeFor[authn.Role](): func() *huma.Schema {
		s := &huma.Schema{Type: huma.TypeString}
		for _, name := range authn.Roles() {
			s.Enum = append(s.Enum, name)
		}
		s.PrecomputeMessages()
		return s
	},
}

// decimals is a number of so many decimals. The validation compares floats, within 1e-9: it passes every number that the exact
// decoding takes, and names the field of nearly every other; the decoding refuses the rest.
func decimals(step float64) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeNumber, MultipleOf: &step}
	s.PrecomputeMessages()
	return s
}

// Stand-ins that carry the schemas of types which must not know of Huma.
type (
	idSchema      struct{}
	pointsSchema  struct{}
	scoreSchema   struct{}
	decimalSchema struct{}
	roleSchema    struct{}
	keySchema     struct{}
)

func (idSchema) Schema(huma.Registry) *huma.Schema { return scalars[reflect.TypeFor[uuid.UUID]()]() }
func (pointsSchema) Schema(huma.Registry) *huma.Schema {
	return scalars[reflect.TypeFor[exact.Points]()]()
}
func (scoreSchema) Schema(huma.Registry) *huma.Schema {
	return scalars[reflect.TypeFor[exact.Score]()]()
}
func (decimalSchema) Schema(huma.Registry) *huma.Schema {
	return scalars[reflect.TypeFor[exact.Decimal]()]()
}
func (roleSchema) Schema(huma.Registry) *huma.Schema { return scalars[reflect.TypeFor[authn.Role]()]() }

// Schema lists the forms of an answer key, one for each type of question.
func (keySchema) Schema(huma.Registry) *huma.Schema {
	text, id, flag := &huma.Schema{Type: huma.TypeString}, scalars[reflect.TypeFor[uuid.UUID]()](), &huma.Schema{Type: huma.TypeBoolean}
	decimal := scalars[reflect.TypeFor[exact.Decimal]()]()
	form := func(title string, properties map[string]*huma.Schema) *huma.Schema {
		return &huma.Schema{
			Type: huma.TypeObject, Title: title, Properties: properties, Required: slices.Sorted(maps.Keys(properties)), AdditionalProperties: false,
		}
	}
	return &huma.Schema{OneOf: []*huma.Schema{
		form("single_choice", map[string]*huma.Schema{"optionId": id}),
		form("multiple_choice", map[string]*huma.Schema{"optionIds": {Type: huma.TypeArray, Items: id}}),
		form("true_false", map[string]*huma.Schema{"value": flag}),
		form("short_text", map[string]*huma.Schema{"accepted": {Type: huma.TypeArray, Items: text}, "caseSensitive": flag}),
		form("numeric", map[string]*huma.Schema{"value": decimal, "tolerance": decimal, "toleranceKind": {Type: huma.TypeString, Enum: []any{"absolute", "percent"}}}),
	}}
}

func registerScalars(r huma.Registry) {
	r.RegisterTypeAlias(reflect.TypeFor[uuid.UUID](), reflect.TypeFor[idSchema]())
	r.RegisterTypeAlias(reflect.TypeFor[exact.Points](), reflect.TypeFor[pointsSchema]())
	r.RegisterTypeAlias(reflect.TypeFor[exact.Score](), reflect.TypeFor[scoreSchema]())
	r.RegisterTypeAlias(reflect.TypeFor[exact.Decimal](), reflect.TypeFor[decimalSchema]())
	r.RegisterTypeAlias(reflect.TypeFor[question.Key](), reflect.TypeFor[keySchema]())
	r.RegisterTypeAlias(reflect.TypeFor[authn.Role](), reflect.TypeFor[roleSchema]())
}

// schemaName names a component after its package and type, since many modules have a type of the same name:
// assessments.Question is AssessmentsQuestion, Page[auth.Member] is PageAuthMember.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Name() == "" {
		return huma.DefaultSchemaNamer(t, hint)
	}
	var b strings.Builder
	full := t.PkgPath() + "." + t.Name()
	for _, part := range strings.FieldsFunc(full, func(r rune) bool { return strings.ContainsRune("[]*,", r) }) {
		path, name, qualified := cutLast(part, '.')
		if !qualified {
			b.WriteString(upperFirst(part))
			continue
		}
		if path != thisPackage {
			_, pkg, _ := cutLast(path, '/')
			b.WriteString(upperFirst(pkg))
		}
		b.WriteString(upperFirst(name))
	}
	return b.String()
}

var thisPackage = reflect.TypeFor[Host]().PkgPath()

// cutLast cuts s at the last sep.
func cutLast(s string, sep byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return "", s, false
}

func upperFirst(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// mend puts right what the generator loses: a list is never null, and a pointer to a scalar or a struct may be.
func (h *Host) mend() {
	const prefix = "#/components/schemas/"
	for name, s := range h.registry.Map() {
		t := h.registry.TypeFromRef(prefix + name)
		if t == nil || t.Kind() != reflect.Struct || s.Type != huma.TypeObject {
			continue
		}
		for _, f := range reflect.VisibleFields(t) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			property, ok := s.Properties[orDefault(name, f.Name)]
			if !ok {
				continue
			}
			mendField(property, f)
		}
	}
}

func mendField(s *huma.Schema, f reflect.StructField) {
	asked := f.Tag.Get("nullable") == "true"
	switch t := f.Type; {
	case t.Kind() == reflect.Pointer:
		if strings.Contains(f.Tag.Get("json"), "omitempty") {
			return
		}
		if _, ok := scalars[t.Elem()]; ok {
			s.Nullable = true
		} else if s.Ref != "" { // a reference takes no siblings that readers agree on
			*s = huma.Schema{Description: s.Description, AnyOf: []*huma.Schema{{Ref: s.Ref}, {Type: "null"}}}
		}
	case s.Type == huma.TypeArray:
		s.Nullable = asked
		for s.Items != nil && s.Items.Type == huma.TypeArray {
			s = s.Items
			s.Nullable = false
		}
	}
}
