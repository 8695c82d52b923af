package pg

import (
	"encoding/base64"
	"encoding/json"

	"credlane/app/kit/fault"
)

// ErrCursor is a cursor that this server did not make.
var ErrCursor = fault.New(fault.Malformed, "invalid_cursor", "The cursor is not one that this list gave. Start again without it.")

const maxCursor = 2048 // characters; a cursor holds one sort key, which may be a name of 200 characters in escapes, and one id

// EncodeCursor packs the sort key of a page's last row, for the client to hand back unread.
func EncodeCursor(key any) (string, error) {
	b, err := json.Marshal(key)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// DecodeCursor unpacks what EncodeCursor made into key; anything else is ErrCursor.
func DecodeCursor(cursor string, key any) error {
	if len(cursor) > maxCursor {
		return ErrCursor
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return ErrCursor
	}
	if err := json.Unmarshal(b, key); err != nil {
		return ErrCursor
	}
	return nil
}
