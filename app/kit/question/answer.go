package question

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"credlane/app/kit/exact"
)

// maxAnswerBytes bounds an answer: 1,000 characters, each escaped as \ud83d\ude00, or 20 ids, and room to spare.
const maxAnswerBytes = 16 << 10

// Answer is what a candidate gave. Type says which of the other fields counts; a cleared answer has none.
type Answer struct {
	Type      Type
	Cleared   bool
	OptionIDs []uuid.UUID   // single_choice: one; multiple_choice: distinct, in ascending order
	True      bool          // true_false
	Text      string        // short_text and numeric, as typed (a number without the space around it)
	Number    exact.Decimal // numeric
}

// ParseAnswer reads an answer to q: an option id, a list of distinct option ids, a boolean, a text, or a decimal string.
// null, an empty list and a blank text clear it. The error is an *Invalid.
func ParseAnswer(q Question, raw json.RawMessage) (Answer, error) {
	a := Answer{Type: q.Type}
	if len(raw) > maxAnswerBytes {
		return Answer{}, refuse("answer", "Shorten the answer.")
	}
	if !utf8.Valid(raw) {
		return Answer{}, refuse("answer", "Send the answer in UTF-8.")
	}
	raw = bytes.Trim(raw, " \t\r\n") // JSON's white space; Unicode knows more
	if string(raw) == "null" {
		a.Cleared = true
		return a, nil
	}
	var err error
	switch q.Type {
	case SingleChoice:
		err = a.readOption(q, raw)
	case MultipleChoice:
		err = a.readOptions(q, raw)
	case TrueFalse:
		err = a.readBool(raw)
	case ShortText:
		err = a.readText(raw)
	case Numeric:
		err = a.readNumber(raw)
	default:
		err = refuse("answer", "This question cannot be answered.")
	}
	if err != nil {
		return Answer{}, err
	}
	return a, nil
}

func (a *Answer) readOption(q Question, raw []byte) error {
	text, ok := readString(raw)
	if !ok {
		return refuse("answer", "Send the id of one option.")
	}
	id, ok := parseOption(q, text)
	if !ok {
		return refuse("answer", "Choose an option of this question.")
	}
	a.OptionIDs = []uuid.UUID{id}
	return nil
}

func (a *Answer) readOptions(q Question, raw []byte) error {
	list, ok := readStrings(raw)
	if !ok {
		return refuse("answer", "Send the list of the chosen options' ids.")
	}
	if len(list) > len(q.OptionIDs) {
		return refuse("answer", "Choose each option once.")
	}
	ids := make([]uuid.UUID, 0, len(list))
	for _, text := range list {
		id, ok := parseOption(q, text)
		if !ok {
			return refuse("answer", "Choose options of this question.")
		}
		if slices.Contains(ids, id) {
			return refuse("answer", "Choose each option once.")
		}
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(x, y uuid.UUID) int { return bytes.Compare(x[:], y[:]) })
	a.OptionIDs, a.Cleared = ids, len(ids) == 0
	return nil
}

func (a *Answer) readBool(raw []byte) error {
	switch string(raw) {
	case "true":
		a.True = true
	case "false":
	default:
		return refuse("answer", "Send true or false.")
	}
	return nil
}

func (a *Answer) readText(raw []byte) error {
	text, ok := readString(raw)
	switch {
	case !ok:
		return refuse("answer", "Send the answer as text.")
	case !printable(text):
		return refuse("answer", "Remove the characters that are not text.")
	case utf8.RuneCountInString(text) > MaxText:
		return refuse("answer", "Shorten the answer to %d characters.", MaxText)
	case strings.TrimSpace(text) == "":
		a.Cleared = true
	default:
		a.Text = text
	}
	return nil
}

func (a *Answer) readNumber(raw []byte) error {
	text, ok := readString(raw)
	if !ok {
		return refuse("answer", `Send the number as text, such as "12.5".`)
	}
	if text = strings.TrimSpace(text); text == "" {
		a.Cleared = true
		return nil
	}
	number, err := exact.ParseDecimal(text)
	if err != nil {
		return refuse("answer", "%s", decimalSentence(err))
	}
	a.Text, a.Number = text, number
	return nil
}

// readString decodes one JSON string; most need no decoding.
func readString(raw []byte) (string, bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	if inner := raw[1 : len(raw)-1]; raw[len(raw)-1] == '"' && unescaped(inner) {
		return string(inner), true
	}
	var text string
	err := json.Unmarshal(raw, &text)
	return text, err == nil
}

// readStrings decodes a JSON list of strings. What we stored needs no decoder, which took most of the time of scoring.
func readStrings(raw []byte) ([]string, bool) {
	if list, ok := splitStrings(raw); ok {
		return list, true
	}
	var elements []json.RawMessage // not []string, which would take null for ""
	if len(raw) == 0 || raw[0] != '[' || json.Unmarshal(raw, &elements) != nil {
		return nil, false
	}
	list := make([]string, len(elements))
	for i, element := range elements {
		text, ok := readString(element)
		if !ok {
			return nil, false
		}
		list[i] = text
	}
	return list, true
}

// splitStrings reads ["x", "y"] as long as no string has an escape; for anything else it gives up.
func splitStrings(raw []byte) ([]string, bool) {
	if len(raw) < 4 || raw[0] != '[' || raw[len(raw)-1] != ']' {
		return nil, false
	}
	parts := bytes.Split(raw[1:len(raw)-1], []byte{','})
	list := make([]string, len(parts))
	for i, part := range parts {
		part = bytes.Trim(part, " \t\r\n")
		if len(part) < 2 || part[0] != '"' || part[len(part)-1] != '"' || !unescaped(part[1:len(part)-1]) {
			return nil, false
		}
		list[i] = string(part[1 : len(part)-1])
	}
	return list, true
}

func unescaped(inner []byte) bool {
	for _, c := range inner {
		if c < 0x20 || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// parseOption takes the one canonical length of a UUID, in either case, and only an option of q.
func parseOption(q Question, text string) (uuid.UUID, bool) {
	if len(text) != 36 {
		return uuid.Nil, false
	}
	id, err := uuid.Parse(text)
	return id, err == nil && q.has(id)
}

// MarshalJSON prints the canonical form, which ParseAnswer reads back: ids in lower case and in order, text as typed.
func (a Answer) MarshalJSON() ([]byte, error) {
	switch {
	case a.Cleared:
		return []byte("null"), nil
	case a.Type == SingleChoice && len(a.OptionIDs) == 1:
		return json.Marshal(a.OptionIDs[0])
	case a.Type == MultipleChoice:
		return json.Marshal(a.OptionIDs)
	case a.Type == TrueFalse:
		return json.Marshal(a.True)
	case a.Type == ShortText, a.Type == Numeric:
		return json.Marshal(a.Text)
	}
	return []byte("null"), nil
}
