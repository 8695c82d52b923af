package app_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/authn"
)

// unaudited are the operations whose changes leave no audit row.
var unaudited = map[string]string{
	"refresh":            "the same person going on, four times an hour; a stolen token's use ends the session, and that is recorded",
	"save-answer":        "an autosave each few seconds; the answer that counts is recorded by the submission's end",
	"request-email-code": "nobody is known yet: whoever types an address gets the same answer; the start that a code leads to is recorded",
	"verify-email-code":  "as above; it counts a wrong try and nothing else",
}

// noted are the operations that change nothing and leave an audit row all the same.
var noted = map[string]string{
	"export-submissions-csv":    "candidates' data leave the house, and the trail says who took them",
	"export-submissions-ndjson": "as above",
	"export-submissions-xlsx":   "as above",
}

// looks are the reads that change what their own answer says: of a first look the employer is told.
var looks = map[string]string{
	"get-invite-landing": "the first look at a personal link is noted, recorded and announced",
}

// readings are the operations that are no GET and change nothing, because what they read is sent to them.
var readings = map[string]string{
	"check-import": "it reads a file, before there is a draft for it, and keeps nothing",
}

// reported are the operations that keep a report when they refuse.
var reported = map[string]string{
	"import-questions": "the report of a rejected file stays readable, and the trail says that somebody tried",
}

// uncounted are the tables outside the trail.
var uncounted = []string{
	"audit_events",     // the trail itself
	"goose_db_version", // no request writes it
	"rate_counters",    // a refused try counts as well: that is what it is for
}

// state is a digest of each table.
type state map[string]string

// When a key or a session was used last is a note for people beside what the request does.
const sqlDigest = `SELECT '%[1]s' AS name, coalesce(md5(string_agg(row, '' ORDER BY row)), '') AS digest
FROM (SELECT (to_jsonb(t) - 'last_used_at')::text AS row FROM %[1]s t) s`

// tracker watches a client's requests and what each leaves in the database.
type tracker struct {
	*client
	digests string
	before  map[uuid.UUID]bool // audit rows that were there already
}

// track gives a world with an employer who is none of the test's business, so that a row of the wrong employer shows.
func track(t *testing.T) *tracker {
	t.Helper()
	tr := &tracker{client: &client{world: newWorld(t), c: readContract(t)}, before: map[uuid.UUID]bool{}}
	tr.employer(2)
	rows, err := tr.db.Pool.Query(t.Context(), `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	var each []string
	for _, table := range tables {
		if !slices.Contains(uncounted, table) {
			each = append(each, fmt.Sprintf(sqlDigest, table))
		}
	}
	each = append(each, fmt.Sprintf(sqlDigest, "river.river_job")) // what is owed later changes with what causes it
	if len(each) < 20 {
		t.Fatalf("only the tables %q", tables)
	}
	tr.digests = strings.Join(each, "\nUNION ALL ")
	tr.events()
	return tr
}

func (tr *tracker) state() state {
	tr.t.Helper()
	rows, err := tr.db.Pool.Query(tr.t.Context(), tr.digests)
	if err != nil {
		tr.t.Fatal(err)
	}
	now, name, digest := state{}, "", ""
	if _, err := pgx.ForEachRow(rows, []any{&name, &digest}, func() error { now[name] = digest; return nil }); err != nil {
		tr.t.Fatal(err)
	}
	return now
}

// changed are the tables that are not as they were.
func (s state) changed(now state) (tables []string) {
	for name := range s {
		if s[name] != now[name] {
			tables = append(tables, name)
		}
	}
	slices.Sort(tables)
	return tables
}

// event is an audit row, with whether its actor exists.
type event struct {
	ID                          uuid.UUID
	Action, Employer, ActorKind string
	ActorID                     uuid.UUID
	ActorKnown                  bool
	RequestID                   string
}

const sqlEvents = `
SELECT a.id, a.action, coalesce(e.name, ''), a.actor_kind, coalesce(a.actor_id, '00000000-0000-0000-0000-000000000000'),
       coalesce(a.actor_id IN (SELECT id FROM users UNION ALL SELECT id FROM submissions UNION ALL SELECT id FROM invites), false), a.request_id
FROM audit_events a
LEFT JOIN employers e ON e.id = a.employer_id
ORDER BY a.id`

// events are the audit rows since the last time.
func (tr *tracker) events() (fresh []event) {
	tr.t.Helper()
	rows, err := tr.db.Pool.Query(tr.t.Context(), sqlEvents)
	if err != nil {
		tr.t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[event])
	if err != nil {
		tr.t.Fatal(err)
	}
	for _, e := range all {
		if !tr.before[e.ID] {
			tr.before[e.ID] = true
			fresh = append(fresh, e)
		}
	}
	return fresh
}

// actor is who the trail must name for the call; the id is zero for who has no token yet.
func (tr *tracker) actor(c call) (kind string, id uuid.UUID) {
	tr.t.Helper()
	find := func(sql string, arg any) (found uuid.UUID) {
		tr.t.Helper()
		if err := tr.db.Pool.QueryRow(tr.t.Context(), sql, arg).Scan(&found); err != nil {
			tr.t.Fatal(err)
		}
		return found
	}
	switch public := strings.HasPrefix(c.path, "/api/v1/public/"); {
	case strings.HasPrefix(c.token, authn.KeyPrefix):
		return "api_key", find(`SELECT id FROM api_keys WHERE key_hash = $1`, authn.HashKey(c.token))
	case c.token != "" && public:
		return "candidate", uuid.MustParse(claimsOf(tr.t, c.token)["sub"].(string))
	case c.token != "":
		return "member", find(`SELECT user_id FROM sessions WHERE id = $1`, claimsOf(tr.t, c.token)["sub"])
	case public:
		return "candidate", uuid.Nil
	}
	return "member", uuid.Nil
}

// check holds the rows of one call against who called.
func (tr *tracker) check(c call, r reply, events []event) {
	tr.t.Helper()
	if len(events) == 0 {
		return
	}
	kind, id := tr.actor(c)
	for _, e := range events {
		if e.Employer != "Acme" || e.ActorKind != kind || e.RequestID == "" || e.RequestID != r.header.Get("X-Request-Id") ||
			(id != uuid.Nil && e.ActorID != id) || (id == uuid.Nil && !e.ActorKnown) {
			tr.t.Errorf("%s %s, request %s by the %s %s of Acme: %+v", c.method, c.path, r.header.Get("X-Request-Id"), kind, id, e)
		}
	}
}

func TestEveryChangeAndNothingElseIsInTheAuditTrail(t *testing.T) {
	t.Parallel()
	tr := track(t)
	audited, silent := map[string]bool{}, map[string]bool{}
	tr.watch = func(c call) reply {
		for _, e := range tr.events() { // between two calls the operator makes links
			if e.Employer != "Acme" || e.ActorKind != "operator" {
				t.Errorf("not the operator of Acme: %+v", e)
			}
		}
		was := tr.state()
		r := c.send()
		changed, events := was.changed(tr.state()), tr.events()
		_, op := tr.c.find(c.method, c.path)
		what := fmt.Sprintf("%s %s (%s) answered %d, changed %q and recorded %+v", c.method, c.path, op.ID, r.status, changed, events)
		switch leaves := len(changed) > 0; {
		case c.method == "GET" && leaves && looks[op.ID] == "":
			t.Errorf("a read: %s", what)
		case readings[op.ID] != "" && (leaves || len(events) > 0):
			t.Errorf("it was only to read: %s", what)
		case unaudited[op.ID] != "":
			silent[op.ID] = silent[op.ID] || leaves
			if len(events) > 0 {
				t.Errorf("not to be recorded: %s", what)
			}
		case r.status >= 400 && reported[op.ID] == "" && (leaves || len(events) > 0):
			t.Errorf("a refusal: %s", what)
		case leaves != (len(events) > 0) && (noted[op.ID] == "" || len(events) != 1):
			t.Errorf("a change and its record go together: %s", what)
		}
		tr.check(c, r, events)
		audited[op.ID] = audited[op.ID] || len(events) > 0 && r.status < 300
		return r
	}
	tr.drive()
	for path, methods := range tr.c.paths {
		for method, op := range methods {
			if (method != "get" || looks[op.ID] != "") && readings[op.ID] == "" && !audited[op.ID] && !silent[op.ID] {
				t.Errorf("%s %s (%s) changed nothing here that is recorded: record it, or give a reason in unaudited", method, path, op.ID)
			}
		}
	}
	for _, id := range append(slices.Collect(maps.Keys(noted)), slices.Collect(maps.Keys(reported))...) {
		if !audited[id] {
			t.Errorf("%s is an exception that nothing needs", id)
		}
	}
	for id := range unaudited {
		if !silent[id] {
			t.Errorf("%s is an exception that nothing needs", id)
		}
	}
}

const sqlRefuseEvents = `
CREATE FUNCTION refuse_event() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'nothing is recorded today'; END $$;
CREATE TRIGGER refuse_event BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION refuse_event();
ALTER TABLE audit_events DISABLE TRIGGER refuse_event`

// Each request is sent twice: first while no audit row can be written, then for good.
func TestNothingChangesThatCannotBeRecorded(t *testing.T) {
	t.Parallel()
	tr := track(t)
	exec := func(sql string) {
		t.Helper()
		if _, err := tr.db.Pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	exec(sqlRefuseEvents)
	refused := map[string]bool{}
	tr.watch = func(c call) reply {
		_, op := tr.c.find(c.method, c.path)
		if unaudited[op.ID] != "" {
			return c.send()
		}
		was := tr.state()
		exec(`ALTER TABLE audit_events ENABLE TRIGGER refuse_event`)
		unrecorded := c.send()
		exec(`ALTER TABLE audit_events DISABLE TRIGGER refuse_event`)
		if changed := was.changed(tr.state()); changed != nil {
			t.Errorf("%s %s (%s) answered %d and changed %q without a record", c.method, c.path, op.ID, unrecorded.status, changed)
		}
		tr.events()
		r := c.send()
		if events := tr.events(); len(events) > 0 {
			refused[op.ID] = true
			if unrecorded.status != 500 {
				t.Errorf("%s %s (%s) answered %d when %s could not be recorded", c.method, c.path, op.ID, unrecorded.status, events[0].Action)
			}
		}
		return r
	}
	tr.drive()
	for _, methods := range tr.c.paths {
		for method, op := range methods {
			if (method != "get" || noted[op.ID] != "" || looks[op.ID] != "") && unaudited[op.ID] == "" && readings[op.ID] == "" && !refused[op.ID] {
				t.Errorf("%s was not tried", op.ID)
			}
		}
	}
}
