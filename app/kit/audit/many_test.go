package audit_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/audit"
	"credlane/app/kit/pgtest"
)

func TestManyEventsAreWrittenAsOneByOne(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	employer := uuid.New()
	at := time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC)
	if _, err := db.Pool.Exec(t.Context(), `INSERT INTO employers (id, name, slug, created_at, updated_at) VALUES ($1, 'Acme', 'acme', $2, $2)`, employer, at); err != nil {
		t.Fatal(err)
	}
	events := []audit.Event{
		{EmployerID: employer, Actor: audit.Actor{Kind: "member", ID: uuid.New()}, Action: "a.b", ObjectType: "x", ObjectID: uuid.New(),
			Before: map[string]any{"n": 1}, After: map[string]any{"n": 2}, RequestID: "r", At: at},
		{Actor: audit.Job, Action: "c.d", ObjectType: "y", At: at},
	}
	given := func() []audit.Event {
		for i := range events {
			events[i].ID = uuid.New()
		}
		return events
	}
	for _, e := range given() {
		if err := audit.Write(t.Context(), db.Pool, e); err != nil {
			t.Fatal(err)
		}
	}
	if err := audit.WriteAll(t.Context(), db.Pool); err != nil {
		t.Errorf("none: %v", err)
	}
	if err := audit.WriteAll(t.Context(), db.Pool, given()...); err != nil {
		t.Fatal(err)
	}
	var rows, kinds int
	err := db.Pool.QueryRow(t.Context(), `SELECT count(*), count(DISTINCT (to_jsonb(e) - 'id')::text) FROM audit_events e`).Scan(&rows, &kinds)
	if err != nil || rows != 4 || kinds != 2 {
		t.Errorf("%d rows of %d kinds, %v", rows, kinds, err)
	}
}
