package pg

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// ownTypes makes a connection speak our types: times come in UTC whatever the machine's zone, and ids travel as the 16 bytes
// they are.
func ownTypes(_ context.Context, conn *pgx.Conn) error {
	m := conn.TypeMap()
	for _, t := range []struct {
		name       string
		oid, array uint32
		codec      pgtype.Codec
	}{
		{"uuid", pgtype.UUIDOID, pgtype.UUIDArrayOID, uuidCodec{}},
		{"timestamptz", pgtype.TimestamptzOID, pgtype.TimestamptzArrayOID, &pgtype.TimestamptzCodec{ScanLocation: time.UTC}},
	} {
		element := &pgtype.Type{Name: t.name, OID: t.oid, Codec: t.codec}
		m.RegisterType(element)
		m.RegisterType(&pgtype.Type{Name: "_" + t.name, OID: t.array, Codec: &pgtype.ArrayCodec{ElementType: element}})
	}
	return nil
}

// uuidCodec is the library's, with a straight way for uuid.UUID in binary: by itself the library finds that type only by
// trial and then goes through its text (measured 2.3 us and 20 allocations an id, against 0.1 us and none).
type uuidCodec struct{ pgtype.UUIDCodec }

// PlanEncode sends a uuid.UUID as it is, and a pointer to one likewise: nil is NULL.
func (c uuidCodec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if format == pgtype.BinaryFormatCode {
		switch value.(type) {
		case uuid.UUID:
			return uuidPlan{}
		case *uuid.UUID:
			return uuidPointerPlan{}
		}
	}
	return c.UUIDCodec.PlanEncode(m, oid, format, value)
}

// PlanScan reads into a uuid.UUID as it is.
func (c uuidCodec) PlanScan(m *pgtype.Map, oid uint32, format int16, target any) pgtype.ScanPlan {
	if _, ok := target.(*uuid.UUID); ok && format == pgtype.BinaryFormatCode {
		return uuidPlan{}
	}
	return c.UUIDCodec.PlanScan(m, oid, format, target)
}

type uuidPlan struct{}

// Encode appends the id.
func (uuidPlan) Encode(value any, buf []byte) ([]byte, error) {
	id := value.(uuid.UUID) // PlanEncode looked
	return append(buf, id[:]...), nil
}

type uuidPointerPlan struct{}

// Encode appends the id, or says that there is none.
func (uuidPointerPlan) Encode(value any, buf []byte) ([]byte, error) {
	id := value.(*uuid.UUID) // PlanEncode looked
	if id == nil {
		return nil, nil
	}
	return append(buf, id[:]...), nil
}

// Scan copies the id; NULL is the zero one, as uuid.UUID's own Scan has it.
func (uuidPlan) Scan(src []byte, target any) error {
	id := target.(*uuid.UUID) // PlanScan looked
	switch len(src) {
	case 0:
		*id = uuid.Nil
	case len(id):
		copy(id[:], src)
	default:
		return fmt.Errorf("an id of %d bytes", len(src))
	}
	return nil
}
