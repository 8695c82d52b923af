package pg_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"credlane/app/kit/pg"
	"credlane/app/kit/pgtest"
)

type typed struct {
	ID     uuid.UUID   `db:"id"`
	Absent *uuid.UUID  `db:"absent"`
	Given  *uuid.UUID  `db:"given"`
	Many   []uuid.UUID `db:"many"`
	At     time.Time   `db:"at"`
	Later  *time.Time  `db:"later"`
}

func TestIdsAndTimesComeBackAsTheyWereSent(t *testing.T) {
	t.Parallel()
	for name, pooler := range map[string]bool{"named statements": false, "behind a pooler": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, err := pg.Open(t.Context(), pg.Options{URL: pgtest.Empty(t).URL, MaxConns: 2, Pooler: pooler})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(db.Close)
			a, b := uuid.New(), uuid.New()
			at := time.Date(2026, 7, 1, 12, 0, 0, 0, time.FixedZone("east", 7200))
			got, err := pg.One[typed](t.Context(), db, `SELECT $1::uuid AS id, $2::uuid AS absent, $3::uuid AS given, $4::uuid[] AS many,
				$5::timestamptz AS at, $5::timestamptz AS later`, a, (*uuid.UUID)(nil), &b, []uuid.UUID{a, b}, at)
			if err != nil {
				t.Fatal(err)
			}
			if got.ID != a || got.Absent != nil || got.Given == nil || *got.Given != b || len(got.Many) != 2 || got.Many[1] != b {
				t.Errorf("got %+v", got)
			}
			if !got.At.Equal(at) || got.At.Location() != time.UTC || got.Later.Location() != time.UTC {
				t.Errorf("got %s and %s", got.At, got.Later)
			}
			var text string
			var raw [16]byte
			if err := db.QueryRow(t.Context(), `SELECT $1::uuid, $2::uuid`, a.String(), pgtype.UUID{Bytes: b, Valid: true}).Scan(&text, &raw); err != nil {
				t.Error(err)
			}
			if text != a.String() || raw != b {
				t.Errorf("got %s and %x", text, raw)
			}
			some, err := pg.One[struct {
				Many []*uuid.UUID `db:"many"`
			}](t.Context(), db, `SELECT $1::uuid[] AS many`, []*uuid.UUID{&a, nil, &b})
			if err != nil || len(some.Many) != 3 || *some.Many[0] != a || some.Many[1] != nil || *some.Many[2] != b {
				t.Errorf("got %+v, %v", some, err)
			}
			none := uuid.New()
			if err := db.QueryRow(t.Context(), `SELECT NULL::uuid`).Scan(&none); err != nil || none != uuid.Nil {
				t.Errorf("NULL is read as %s, %v", none, err)
			}
			// The text protocol is what COPY and simple queries may use.
			err = db.QueryRow(t.Context(), `SELECT $1::uuid`, pgx.QueryExecModeSimpleProtocol, b).Scan(&a)
			if err != nil || a != b {
				t.Errorf("in text: %s, %v", a, err)
			}
		})
	}
}

func BenchmarkSendAndReadAnID(b *testing.B) {
	db, err := pg.Open(b.Context(), pg.Options{URL: pgtest.Empty(b).URL, MaxConns: 2})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(db.Close)
	id := uuid.New()
	b.ReportAllocs()
	for b.Loop() {
		if err := db.QueryRow(b.Context(), `SELECT $1::uuid`, id).Scan(&id); err != nil {
			b.Fatal(err)
		}
	}
}
