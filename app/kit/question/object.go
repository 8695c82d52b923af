package question

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/google/uuid"

	"credlane/app/kit/exact"
)

// maxKeyBytes bounds a key: 20 accepted texts of 1,000 characters, each escaped as \ud83d\ude00, and room to spare.
const maxKeyBytes = 512 << 10

// object is a JSON object read member by member; encoding/json alone would take a repeated or wrongly cased name.
type object struct {
	members map[string]json.RawMessage
	reasons []Reason
}

func readObject(raw json.RawMessage) (*object, error) {
	if len(raw) > maxKeyBytes {
		return nil, refuse("", "Shorten the answer key.")
	}
	if !utf8.Valid(raw) || !json.Valid(raw) {
		return nil, refuse("", "Send the answer key as JSON in UTF-8.")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, refuse("", "Send the answer key as an object.")
	}
	o := &object{members: map[string]json.RawMessage{}}
	for dec.More() {
		token, err := dec.Token()
		name, isName := token.(string)
		if err != nil || !isName {
			return nil, refuse("", "Send the answer key as an object.")
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, refuse("", "Send the answer key as an object.")
		}
		if _, twice := o.members[name]; twice {
			return nil, refuse("", "Send each field of the answer key once.")
		}
		o.members[name] = value
	}
	return o, nil
}

// take removes a member, so that done can tell what nobody asked for.
func (o *object) take(name string, needed bool, sentence string) (json.RawMessage, bool) {
	value, found := o.members[name]
	delete(o.members, name)
	if !found && needed {
		o.refuse(name, sentence)
	}
	return value, found
}

// read decodes a member into a string, a boolean or a list of strings.
func (o *object) read(name string, into any, needed bool, sentence string) bool {
	value, found := o.take(name, needed, sentence)
	if !found {
		return false
	}
	// Unmarshal leaves its target alone at null, which would turn "no value" into a key.
	if hasNull(value) || json.Unmarshal(value, into) != nil {
		o.refuse(name, sentence)
		return false
	}
	return true
}

// hasNull finds null as the value or as an element of a list of values.
func hasNull(value json.RawMessage) bool {
	if string(value) == "null" {
		return true
	}
	var list []json.RawMessage
	if json.Unmarshal(value, &list) != nil {
		return false
	}
	return slices.ContainsFunc(list, func(e json.RawMessage) bool { return string(e) == "null" })
}

func (o *object) decimal(name string, into *exact.Decimal, needed bool) {
	value, found := o.take(name, needed, "Give the right number.")
	if !found {
		return
	}
	if err := into.UnmarshalJSON(value); err != nil {
		o.refuse(name, decimalSentence(err))
	}
}

func (o *object) options(field string, labels []string, resolve func(string) (uuid.UUID, bool)) []uuid.UUID {
	if len(labels) > MaxOptions {
		o.refuse(field, fmt.Sprintf("Mark at most %d options as right.", MaxOptions))
		return nil
	}
	ids := make([]uuid.UUID, 0, len(labels))
	for _, label := range labels {
		id, known := resolve(label)
		if !known {
			o.refuse(field, "Mark an option of this question as right.")
			return nil
		}
		ids = append(ids, id)
	}
	return ids
}

func (o *object) refuse(field, sentence string) {
	o.reasons = append(o.reasons, Reason{Field: field, Message: sentence})
}

// done reports every reason, and a member that the type does not have. A stranger's name is not repeated to them.
func (o *object) done() error {
	if len(o.members) > 0 {
		o.refuse("", "Remove the fields that the key of this type of question does not have.")
	}
	if len(o.reasons) > 0 {
		return &Invalid{Reasons: o.reasons}
	}
	return nil
}
