package assessments

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/exact"
)

// The columns that a batch writes, in the order in which batch.add encodes them.
const (
	questionCopyColumns = `id, employer_id, assessment_id, position, type, prompt, options, points, tags, difficulty, explanation,
       credit_rule, created_at, updated_at`
	keyCopyColumns = `question_id, employer_id, key`
)

// batch is questions and their keys in the binary form of COPY (PostgreSQL manual, "COPY", Binary Format). It is written by
// hand because an import's time is mostly this: through the driver's general encoders a row costs several times as much.
type batch struct {
	questions, keys copyRows
}

// size is the bytes that the batch holds.
func (b *batch) size() int { return len(b.questions.buf) + len(b.keys.buf) }

func (b *batch) reset() { b.questions.reset(); b.keys.reset() }

// add takes a question that was found good: the encoding relies on its bounds.
func (b *batch) add(employerID, assessmentID uuid.UUID, q Question) {
	r := &b.questions
	r.row(14)
	r.uuid(q.ID)
	r.uuid(employerID)
	r.uuid(assessmentID)
	r.integer(q.Position)
	r.text(string(q.Type))
	r.text(q.Prompt)
	r.options(q.Options)
	r.points(q.Points)
	r.list(q.Tags)
	r.text(q.Difficulty)
	r.text(q.Explanation)
	r.text(string(q.CreditRule))
	r.time(q.UpdatedAt)
	r.time(q.UpdatedAt)
	if q.Key == nil {
		return
	}
	r = &b.keys
	r.row(3)
	r.uuid(q.ID)
	r.uuid(employerID)
	r.json(q.Key)
}

// write sends the batch: the questions, then the keys, which refer to them.
func (b *batch) write(ctx context.Context, tx pgx.Tx) error {
	if err := b.questions.write(ctx, tx, "questions", questionCopyColumns); err != nil {
		return fmt.Errorf("copy questions: %w", translate(err))
	}
	if err := b.keys.write(ctx, tx, "answer_keys", keyCopyColumns); err != nil {
		return fmt.Errorf("copy keys: %w", translate(err))
	}
	return nil
}

// copyRows are rows of one table. Each field is its length in four bytes, then its bytes; numbers are big endian.
type copyRows struct {
	buf []byte
	n   int
}

const (
	copyHeader  = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00" // signature, no flags, no extension
	copyTrailer = "\xff\xff"

	textOID = 25
)

func (r *copyRows) reset() { r.buf, r.n = append(r.buf[:0], copyHeader...), 0 }

// write leaves the connection alone when there is no row.
func (r *copyRows) write(ctx context.Context, tx pgx.Tx, table, columns string) error {
	if r.n == 0 {
		return nil
	}
	r.buf = append(r.buf, copyTrailer...)
	tag, err := tx.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(r.buf), "COPY "+table+" ("+columns+") FROM STDIN (FORMAT binary)")
	if err == nil && tag.RowsAffected() != int64(r.n) {
		err = fmt.Errorf("%d rows were written of %d", tag.RowsAffected(), r.n)
	}
	return err
}

func (r *copyRows) row(fields uint16) {
	r.n++
	r.buf = binary.BigEndian.AppendUint16(r.buf, fields)
}

func (r *copyRows) length(n int) { r.buf = binary.BigEndian.AppendUint32(r.buf, uint32(n)) }

func (r *copyRows) uuid(id uuid.UUID) {
	r.length(len(id))
	r.buf = append(r.buf, id[:]...)
}

func (r *copyRows) integer(n int) {
	r.length(4)
	r.buf = binary.BigEndian.AppendUint32(r.buf, uint32(n))
}

func (r *copyRows) text(s string) {
	r.length(len(s))
	r.buf = append(r.buf, s...)
}

// time is microseconds since 2000, what is finer being left out.
func (r *copyRows) time(t time.Time) {
	const toMillennium = 946_684_800 // seconds since 1970
	r.length(8)
	r.buf = binary.BigEndian.AppendUint64(r.buf, uint64(t.UnixMicro()-toMillennium*1e6))
}

// points is a numeric: two digits of base 10,000, the second of them the fraction; weight 0, positive, three decimals.
func (r *copyRows) points(p exact.Points) {
	r.length(12)
	for _, part := range [...]uint16{2, 0, 0, 3, uint16(p / 1000), uint16(p % 1000 * 10)} {
		r.buf = binary.BigEndian.AppendUint16(r.buf, part)
	}
}

// list is a text[]: dimensions, no NULL in it, the type; then the length and the lower bound of the one dimension.
func (r *copyRows) list(texts []string) {
	at := r.open()
	header := []uint32{1, 0, textOID, uint32(len(texts)), 1}
	if len(texts) == 0 {
		header = []uint32{0, 0, textOID}
	}
	for _, part := range header {
		r.buf = binary.BigEndian.AppendUint32(r.buf, part)
	}
	for _, s := range texts {
		r.text(s)
	}
	r.close(at)
}

const jsonbVersion = 1

func (r *copyRows) json(b []byte) {
	r.length(1 + len(b))
	r.buf = append(append(r.buf, jsonbVersion), b...)
}

// options is what encoding/json makes of them, apart from escapes that nothing needs.
func (r *copyRows) options(list []Option) {
	at := r.open()
	r.buf = append(r.buf, jsonbVersion, '[')
	for i, o := range list {
		if i > 0 {
			r.buf = append(r.buf, ',')
		}
		r.buf = append(r.buf, `{"id":"`...)
		r.buf = appendUUID(r.buf, o.ID)
		r.buf = append(r.buf, `","text":`...)
		r.buf = appendQuoted(r.buf, o.Text)
		r.buf = append(r.buf, '}')
	}
	r.buf = append(r.buf, ']')
	r.close(at)
}

// open begins a field whose length is known at its end only.
func (r *copyRows) open() (at int) {
	r.length(0)
	return len(r.buf)
}

func (r *copyRows) close(at int) {
	binary.BigEndian.PutUint32(r.buf[at-4:], uint32(len(r.buf)-at))
}

func appendUUID(b []byte, id uuid.UUID) []byte {
	for i, part := range [...][]byte{id[:4], id[4:6], id[6:8], id[8:10], id[10:]} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, part)
	}
	return b
}

// appendQuoted writes a JSON string (RFC 8259, 7) of a text that is UTF-8: quotes, backslashes and control characters alone
// must be escaped.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	written := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[written:i]...)
		written = i + 1
		if c < ' ' {
			b = hex.AppendEncode(append(b, `\u00`...), []byte{c})
		} else {
			b = append(b, '\\', c)
		}
	}
	return append(append(b, s[written:]...), '"')
}
