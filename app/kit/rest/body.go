package rest

import (
	"encoding/json"
	"reflect"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// Raw is a body of ready JSON: it is written as it stands, without encoding it again. Its schema in the document is open;
// where the shape is known use RawOf.
type Raw []byte

// MarshalJSON gives the bytes themselves.
func (r Raw) MarshalJSON() ([]byte, error) { return json.RawMessage(r).MarshalJSON() }

// UnmarshalJSON keeps the bytes.
func (r *Raw) UnmarshalJSON(b []byte) error { return (*json.RawMessage)(r).UnmarshalJSON(b) }

// Schema says that anything may stand here.
func (Raw) Schema(huma.Registry) *huma.Schema { return &huma.Schema{} }

// RawOf is ready JSON whose shape is T's: T is in the document and never encoded.
type RawOf[T any] struct {
	JSON []byte
	Lent *Buffer // what JSON was assembled in, if it was lent: it goes back once the answer is written
}

// MarshalJSON gives the bytes themselves.
func (r RawOf[T]) MarshalJSON() ([]byte, error) { return json.RawMessage(r.JSON).MarshalJSON() }

// Schema is T's.
func (RawOf[T]) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[T](), true, "")
}

func (r RawOf[T]) ready() []byte { return r.JSON }
func (r RawOf[T]) lent() *Buffer { return r.Lent }

// Buffer is memory to assemble a body in. Bodies of some kilobytes, made anew for each request, would be most of what the
// garbage collector has to do.
type Buffer struct{ bytes []byte }

const maxLent = 256 << 10 // a larger one is not kept for the next borrower

// Lend gives an empty buffer. Append to Bytes, and answer with the result and the buffer in a RawOf; whoever fails before that
// leaves both to the garbage collector.
func Lend() *Buffer { return lentBuffers.Get().(*Buffer) }

// Bytes is empty, with the room of the bodies before.
func (b *Buffer) Bytes() []byte { return b.bytes[:0] }

// giveBack takes the buffer back with the body it has grown to; nothing may use either afterwards.
func (b *Buffer) giveBack(body []byte) {
	if cap(body) <= maxLent {
		b.bytes = body
		lentBuffers.Put(b)
	}
}

var lentBuffers = sync.Pool{New: func() any { return new(Buffer) }}

// Optional tells a key that is absent from one that is null: for PATCH. Tag its field `json:"name,omitzero"`.
type Optional[T any] struct {
	Set   bool // the key was there
	Null  bool // and it was null
	Value T
}

// IsZero tells that the key was absent.
func (o Optional[T]) IsZero() bool { return !o.Set }

// UnmarshalJSON notes that the key was there.
func (o *Optional[T]) UnmarshalJSON(b []byte) error {
	*o = Optional[T]{Set: true}
	if string(b) == "null" {
		o.Null = true
		return nil
	}
	return decodeInto(b, &o.Value)
}

// MarshalJSON writes null or the value.
func (o Optional[T]) MarshalJSON() ([]byte, error) {
	if o.Null || !o.Set {
		return []byte("null"), nil
	}
	return encode(o.Value)
}

// Schema is T's, or null.
func (Optional[T]) Schema(r huma.Registry) *huma.Schema {
	t := reflect.TypeFor[T]()
	s := r.Schema(t, false, t.Name())
	if scalar, ok := scalars[t]; ok {
		s = scalar()
	}
	c := *s
	c.Nullable = true
	return &c
}

// PageIn is the input of every list: embed it.
type PageIn struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many items to give at most."`
	Cursor string `query:"cursor" maxLength:"2048" doc:"The nextCursor of the page before; absent for the first page."`
}

// Page is the answer of every list.
type Page[T any] struct {
	Items      []T     `json:"items"`
	NextCursor *string `json:"nextCursor" doc:"Where the next page begins; null on the last one."`
}
