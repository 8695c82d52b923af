package app_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"credlane/app"
	"credlane/app/kit/mail"
	"credlane/app/kit/pg"
	"credlane/app/kit/pgtest"
	"credlane/modules/assessments"
	"credlane/modules/auth"
	"credlane/modules/imports"
	"credlane/modules/invites"
	"credlane/modules/submissions"
	"credlane/modules/webhooks"
)

func TestThePublicRoutesAreTheOnesThatWereAgreed(t *testing.T) {
	t.Parallel()
	golden, err := os.ReadFile("testdata/public_routes.txt")
	if err != nil {
		t.Fatal(err)
	}
	routes, err := app.Routes()
	if err != nil {
		t.Fatal(err)
	}
	var public []string
	for _, r := range routes {
		if r.Who == "public" {
			public = append(public, r.Method+" "+r.Path)
		}
	}
	if got := strings.Join(public, "\n") + "\n"; got != string(golden) {
		t.Errorf("the public routes are\n%swant\n%s", got, golden)
	}
}

func TestEveryRouteIsClosedToStrangers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, r := range w.app.Routes() {
		if r.Who == "public" {
			continue
		}
		path := strings.NewReplacer("{id}", someID, "{qid}", someID, "{questionId}", someID, "{n}", "1").Replace(r.Path)
		if r.Page {
			w.pageIsClosed(r, path)
			continue
		}
		if got := w.call(r.Method, path, "", nil); got.status != 401 || got.code() != "unauthenticated" || got.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s %s without a token: %d %s", r.Method, r.Path, got.status, got.body)
		}
	}
}

// pageIsClosed wants a page to lead strangers to the sign-in, or to tell candidates how to come back, and to take no form of theirs.
func (w *world) pageIsClosed(r app.Route, path string) {
	w.t.Helper()
	got := w.call(r.Method, path, "", nil, "Sec-Fetch-Site", "same-origin")
	switch location := got.header.Get("Location"); {
	case r.Who == "candidate" && got.status == 401:
	case r.Who != "candidate" && got.status == 303 && strings.HasPrefix(location, "/app/login?next="):
	default:
		w.t.Errorf("%s %s without a cookie: %d to %q %s", r.Method, r.Path, got.status, location, got.body)
	}
	if forged := w.call(r.Method, path, "", nil); r.Method != "GET" && forged.status != 403 {
		w.t.Errorf("%s %s from nowhere: %d %s", r.Method, r.Path, forged.status, forged.body)
	}
}

const someID = "0190b6f0-0000-7000-8000-000000000001"

// claims are the modules' tables: the faults of the constraints that a user can meet, and the names nobody can.
var claims = map[string]struct {
	faults      pg.Constraints
	unreachable []string
}{
	"auth":        {auth.Constraints(), auth.Unreachable()},
	"assessments": {assessments.Constraints(), assessments.Unreachable()},
	"submissions": {submissions.Constraints(), submissions.Unreachable()},
	"imports":     {imports.Constraints(), imports.Unreachable()},
	"invites":     {invites.Constraints(), invites.Unreachable()},
	"webhooks":    {webhooks.Constraints(), webhooks.Unreachable()},
	"mail":        {nil, mail.Unreachable()},
	// The kit's own tables: written by statements that name their conflicts, never shown to a user.
	"kit": {nil, []string{"idempotency_keys_once", "idempotency_keys_expire_later", "rate_counters_pkey", "audit_events_pkey", "audit_events_actor_known",
		"audit_events_action_format", "audit_events_employer_fkey", "audit_events_immutable"}},
}

const sqlRuleNames = `
SELECT conname FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid
 WHERE c.connamespace = 'public'::regnamespace AND r.relname <> 'goose_db_version'
UNION
SELECT i.relname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class r ON r.oid = x.indrelid
 WHERE x.indisunique AND NOT x.indisprimary AND i.relnamespace = 'public'::regnamespace AND r.relname <> 'goose_db_version'
UNION
SELECT unnest(regexp_matches(prosrc, 'CONSTRAINT = ''([a-z_]+)''', 'g')) FROM pg_proc WHERE pronamespace = 'public'::regnamespace`

func TestEveryRuleOfTheSchemaIsClaimedByOneModule(t *testing.T) {
	t.Parallel()
	owner := map[string]string{}
	for module, c := range claims {
		for _, name := range append(slices.Collect(maps.Keys(c.faults)), c.unreachable...) {
			if other, taken := owner[name]; taken && (other != module || !strings.HasSuffix(name, "_fkey")) {
				t.Errorf("%s is claimed by %s and by %s", name, other, module)
			}
			owner[name] = module
		}
	}
	rows, err := pgtest.New(t).Pool.Query(t.Context(), sqlRuleNames)
	if err != nil {
		t.Fatal(err)
	}
	exists := map[string]bool{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		exists[name] = true
		if owner[name] == "" {
			t.Errorf("no module claims %s", name)
		}
	}
	if rows.Err() != nil || len(exists) < 100 {
		t.Fatalf("read %d rules: %v", len(exists), rows.Err())
	}
	for name, module := range owner {
		if !exists[name] {
			t.Errorf("%s claims %s, which the schema does not have", module, name)
		}
	}
}
