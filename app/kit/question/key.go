package question

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"credlane/app/kit/exact"
)

// Key is the right answer of a question. Type says which of the other fields count.
type Key struct {
	Type          Type
	OptionIDs     []uuid.UUID   // single_choice: one; multiple_choice: one or more
	True          bool          // true_false
	Accepted      []string      // short_text, any of them
	CaseSensitive bool          // short_text
	Value         exact.Decimal // numeric
	Tolerance     exact.Decimal // numeric, 0 unless said
	ToleranceKind ToleranceKind // numeric, Absolute unless said
}

// ParseKey reads the stored or sent JSON form of a key: {optionId}, {optionIds}, {value: true}, {accepted, caseSensitive}
// or {value, tolerance, toleranceKind}. The error is an *Invalid; form is judged here, fit to a question by Valid.
func ParseKey(t Type, raw json.RawMessage) (Key, error) {
	return parseKey(t, raw, func(label string) (uuid.UUID, bool) {
		id, err := uuid.Parse(label)
		return id, err == nil && len(label) == 36 // Parse also takes braces and urn:uuid:
	})
}

// ParseLabelledKey reads a key whose options go by the labels of the body that brought them, and gives it their ids.
func ParseLabelledKey(t Type, raw json.RawMessage, ids map[string]uuid.UUID) (Key, error) {
	return parseKey(t, raw, func(label string) (uuid.UUID, bool) {
		id, found := ids[label]
		return id, found
	})
}

func parseKey(t Type, raw json.RawMessage, resolve func(string) (uuid.UUID, bool)) (Key, error) {
	if !t.Valid() {
		return Key{}, refuse("", "Choose a type of question first.")
	}
	o, err := readObject(raw)
	if err != nil {
		return Key{}, err
	}
	k := Key{Type: t}
	switch t {
	case SingleChoice:
		var label string
		if o.read("optionId", &label, true, "Name the right option.") {
			k.OptionIDs = o.options("optionId", []string{label}, resolve)
		}
	case MultipleChoice:
		var labels []string
		if o.read("optionIds", &labels, true, "List the right options.") {
			k.OptionIDs = o.options("optionIds", labels, resolve)
		}
	case TrueFalse:
		o.read("value", &k.True, true, "Say whether the statement is true or false.")
	case ShortText:
		o.read("accepted", &k.Accepted, true, "List the accepted answers.")
		o.read("caseSensitive", &k.CaseSensitive, false, "Say true or false.")
	case Numeric:
		k.ToleranceKind = Absolute
		o.decimal("value", &k.Value, true)
		o.decimal("tolerance", &k.Tolerance, false)
		o.read("toleranceKind", &k.ToleranceKind, false, "Choose absolute or percent.")
	}
	if err := o.done(); err != nil {
		return Key{}, err
	}
	return k, nil
}

// MarshalJSON prints the form that ParseKey reads, decimals as strings.
func (k Key) MarshalJSON() ([]byte, error) {
	switch k.Type {
	case SingleChoice:
		var one uuid.UUID
		if len(k.OptionIDs) > 0 {
			one = k.OptionIDs[0]
		}
		return []byte(`{"optionId":"` + one.String() + `"}`), nil // by hand: an import makes one for nearly every row
	case MultipleChoice:
		return json.Marshal(struct {
			OptionIDs []uuid.UUID `json:"optionIds"`
		}{append([]uuid.UUID{}, k.OptionIDs...)})
	case TrueFalse:
		return json.Marshal(struct {
			Value bool `json:"value"`
		}{k.True})
	case ShortText:
		return json.Marshal(struct {
			Accepted      []string `json:"accepted"`
			CaseSensitive bool     `json:"caseSensitive"`
		}{append([]string{}, k.Accepted...), k.CaseSensitive})
	case Numeric:
		return json.Marshal(struct {
			Value         exact.Decimal `json:"value"`
			Tolerance     exact.Decimal `json:"tolerance"`
			ToleranceKind ToleranceKind `json:"toleranceKind"`
		}{k.Value, k.Tolerance, k.ToleranceKind})
	}
	return nil, fmt.Errorf("key of unknown type %q", k.Type)
}

// Valid gives every reason why k cannot be the key of q; none means that q can be scored.
func (k Key) Valid(q Question) []Reason {
	if k.Type != q.Type {
		return []Reason{{Message: "Set the answer again: the key is one for another type of question."}}
	}
	switch k.Type {
	case SingleChoice:
		return k.validOptions(q, "optionId", 1)
	case MultipleChoice:
		return k.validOptions(q, "optionIds", MaxOptions)
	case TrueFalse:
		return nil
	case ShortText:
		return k.validAccepted()
	case Numeric:
		return k.validNumber()
	}
	return []Reason{{Message: "Choose a type of question first."}}
}

func (k Key) validOptions(q Question, field string, most int) []Reason {
	var reasons []Reason
	switch n := len(k.OptionIDs); {
	case n == 0:
		reasons = append(reasons, Reason{field, "Mark at least one option as right."})
	case n > most:
		return append(reasons, Reason{field, fmt.Sprintf("Mark at most %d options as right.", most)})
	}
	if repeated(k.OptionIDs) {
		reasons = append(reasons, Reason{field, "Name each right option once."})
	}
	if slices.ContainsFunc(k.OptionIDs, func(id uuid.UUID) bool { return !q.has(id) }) {
		reasons = append(reasons, Reason{field, "Mark an option of this question as right."})
	}
	return reasons
}

func (k Key) validAccepted() []Reason {
	if n := len(k.Accepted); n < MinAccepted || n > MaxAccepted {
		return []Reason{{"accepted", fmt.Sprintf("Give between %d and %d accepted answers.", MinAccepted, MaxAccepted)}}
	}
	var reasons []Reason
	for i, text := range k.Accepted {
		field := fmt.Sprintf("accepted[%d]", i)
		switch {
		case !printable(text):
			reasons = append(reasons, Reason{field, "Remove the characters that are not text."})
		case utf8.RuneCountInString(text) > MaxText:
			reasons = append(reasons, Reason{field, fmt.Sprintf("Shorten the answer to %d characters.", MaxText)})
		case Fold(text, k.CaseSensitive) == "":
			reasons = append(reasons, Reason{field, "Write an answer or remove the empty line."})
		}
	}
	return reasons
}

func (k Key) validNumber() []Reason {
	var reasons []Reason
	if k.Tolerance.Sign() < 0 {
		reasons = append(reasons, Reason{"tolerance", "Give a tolerance of 0 or more."})
	}
	if k.ToleranceKind != Absolute && k.ToleranceKind != Percent {
		reasons = append(reasons, Reason{"toleranceKind", "Choose absolute or percent."})
	}
	return reasons
}

// Range gives the bounds, both included, between which a number is right.
func (k Key) Range() (low, high exact.Decimal) {
	margin := k.Tolerance.Abs()
	if k.ToleranceKind == Percent {
		margin = margin.Mul(k.Value.Abs()).Percent()
	}
	return k.Value.Add(margin.Neg()), k.Value.Add(margin)
}

// printable tells what Postgres can keep as text.
func printable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsRune(text, 0)
}

// decimalSentence turns a fault of exact.ParseDecimal into an instruction.
func decimalSentence(err error) string {
	switch {
	case errors.Is(err, exact.ErrTooLong):
		return fmt.Sprintf("Shorten the number to %d characters.", exact.MaxDecimalLength)
	case errors.Is(err, exact.ErrRange):
		return fmt.Sprintf("Write the number with an exponent between -%d and %[1]d.", exact.MaxDecimalExponent)
	}
	return "Write one number, such as 12.5, without separators for thousands."
}
