package rest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"credlane/app/kit/fault"
)

// reasons words the validation's findings for people: the library's text up to its value, and ours with %s for the value.
var reasons = []struct{ theirs, ours string }{
	{"expected required property ", "This is required."},
	{"required path parameter is missing", "This is required."},
	{"required query parameter is missing", "This is required."},
	{"required header parameter is missing", "This is required."},
	{"unknown query parameter", "This parameter is not known here. Remove it or check its spelling."},
	{"expected length >= 1", "This must not be empty."},
	{"expected length >= ", "Use at least % characters."},
	{"expected length <= ", "Use at most % characters."},
	{"expected array length >= ", "Give at least % of these."},
	{"expected array length <= ", "Give at most % of these."},
	{"expected number >= ", "Use a number of at least %."},
	{"expected number > ", "Use a number above %."},
	{"expected number <= ", "Use a number of at most %."},
	{"expected number < ", "Use a number below %."},
	{"expected number to be a multiple of 0.01", "Use at most two decimals."},
	{"expected number to be a multiple of 0.001", "Use at most three decimals."},
	{"expected number to be a multiple of ", "Use a multiple of %."},
	{"expected value to be one of ", "Use one of %."},
	{"expected value to be ", "Use %."},
	{"expected string to be RFC 3339 date-time", "Use a date and time such as 2026-05-01T09:00:00Z."},
	{"expected string to be RFC 3339 date", "Use a date such as 2026-05-01."},
	{"expected string to be RFC 5322 email", "Use an e-mail address such as name@example.org."},
	{"expected string to be RFC 4122 uuid", "Use a UUID, as this API gave it."},
	{"invalid value: invalid UUID", "Use a UUID, as this API gave it."},
	{"expected string to be RFC 3986", "Use a web address such as https://example.org/path."},
	{"expected string to be base64", "Use base64."},
	{"expected string to match pattern ", "This does not have the form that is wanted here."},
	{"expected string to be ", "Use %."},
	{"expected string", "Use a text."},
	{"expected integer", "Use a whole number."},
	{"invalid integer", "Use a whole number."},
	{"expected number", "Use a number."},
	{"invalid float", "Use a number."},
	{"expected boolean", "Use true or false."},
	{"invalid boolean", "Use true or false."},
	{"expected array items to be unique", "Give each of these once."},
	{"expected array", "Use a list."},
	{"expected object with at least ", "Give at least one field."},
	{"expected object", "Use an object."},
	{"invalid date/time", "Use a date and time such as 2026-05-01T09:00:00Z."},
	{"unexpected property", "This key is not known here. Remove it."},
}

// plainReason words one finding. It never shows the value.
func plainReason(e *huma.ErrorDetail) fault.Field {
	f := fault.Field{Location: clip(e.Location, maxLocation), Message: "This is not allowed here."}
	if name, ok := strings.CutPrefix(e.Message, "expected required property "); ok {
		name, _, _ = strings.Cut(name, " ")
		f.Location = clip(f.Location+"."+name, maxLocation)
	}
	for _, r := range reasons {
		if value, ok := strings.CutPrefix(e.Message, r.theirs); ok {
			f.Message = strings.ReplaceAll(r.ours, "%", written(strings.Trim(value, `"`)))
			break
		}
	}
	return f
}

// written undoes the exponent that the library prints a large bound with.
func written(value string) string {
	if !strings.Contains(value, "e+") {
		return value
	}
	if n, err := strconv.ParseFloat(value, 64); err == nil {
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	return value
}

// sortFields puts reasons in the order of their places, so that answers do not depend on a map's order.
func sortFields(fields []fault.Field) {
	slices.SortFunc(fields, func(a, b fault.Field) int { return cmp.Compare(a.Location, b.Location) })
}
