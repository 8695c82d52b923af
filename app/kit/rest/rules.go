package rest

import (
	"reflect"
	"slices"
	"strings"

	"credlane/app/kit/fault"
)

// Checked is an input with rules of its own, so that whoever fills in a form hears every reason at once. Check is asked where
// the schema has refused the body already, for what the operation would say next: it sees the body as far as it could be
// decoded and no parameters, and its error's Fields are the reasons. A body that fits its schema is never asked: the operation
// judges that itself.
type Checked interface{ Check() error }

// rulesOf makes what asks an I for its reasons; nil when it has none.
func rulesOf[I any]() func(body []byte) []fault.Field {
	if _, ok := any(new(I)).(Checked); !ok {
		return nil
	}
	return func(body []byte) []fault.Field {
		in := new(I)
		decodeWhatFits(body, reflect.ValueOf(in).Elem().FieldByName("Body").Addr().Interface())
		if f, ok := fault.As(any(in).(Checked).Check()); ok {
			return f.Fields
		}
		return nil
	}
}

// withRules adds the rules' reasons to the schema's, but where the schema has said what is wrong: what was sent there is not
// what the rules saw.
func withRules(schema, rules []fault.Field) []fault.Field {
	all := slices.Clone(schema)
	for _, rule := range rules {
		if !slices.ContainsFunc(schema, func(f fault.Field) bool { return within(rule.Location, f.Location) }) {
			all = append(all, rule)
		}
	}
	return all
}

// within tells whether a place is another or lies in it: body.options[1].text is within body.options[1] and body.options.
func within(place, other string) bool {
	rest, ok := strings.CutPrefix(place, other)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}
