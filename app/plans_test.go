package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"credlane/app/kit/pgtest"
)

// small are the tables that use does not fill. Every other one must be loaded for the plans, and read by an index.
var small = []string{"signing_keys", "goose_db_version", "submission_digests"} // the last has as many as there are employers

// unbounded are the statements that may read a table otherwise, with the reason. One that no longer does may not stand here.
var unbounded = map[string]string{
	"app/kit/rest.sqlSweepKeys":         "housekeeping: the expired end of the index, a thousand rows at a time",
	"app/kit/rest.sqlSweepCounters":     "housekeeping: the old end of the index, a thousand rows at a time",
	"app/kit/mail.sqlTidyMails":         "housekeeping: the old end of the key, a thousand rows at a time",
	"app/kit/mail.sqlListMails":         "an operator's command; the newest end of the key",
	"modules/webhooks.sqlTidyMessages":  "housekeeping: the old end of the key, a thousand rows at a time",
	"modules/webhooks.sqlTidyEndpoints": "housekeeping: the old end of an index of deleted ones, a thousand rows at a time",
	"modules/webhooks.sqlTidySecrets":   "housekeeping, hourly: an employer has twenty rows at most",
	"modules/invites.sqlExpire":         "periodic: the overdue end of the index, 500 rows at a time",
	"modules/invites.sqlRemindIdle":     "periodic: the old end of the index, 500 rows at a time",
	"modules/submissions.sqlSweepCodes": "housekeeping: the old end of the index, a thousand rows at a time",
	"modules/auth.sqlTidySessions":      "housekeeping: the old end of the key, a thousand rows at a time",
	"modules/auth.sqlTidyRefreshTokens": "housekeeping: the old end of the key, a thousand rows at a time",
	"modules/auth.sqlTidyUserTokens":    "housekeeping: the old end of the key, a thousand rows at a time",
	"modules/auth.sqlFirstEmployers":    "an operator's command; stops at the second row",
	"modules/auth.sqlNobodyYet":         "stops at the first row",
	"modules/auth.sqlInsertUserToken":   "who stands in for nobody is the first row of the index",
	"modules/auth.sqlOpenInvitations":   "an operator's command; looks one key up for each employer",
	"modules/auth.sqlOwnerExists":       "stops at the first owner, and only a registration asks",
}

func TestEveryStatementFindsItsRowsByAnIndex(t *testing.T) {
	t.Parallel()
	sent := sentByLists(t)
	db := pgtest.New(t)
	loadMillion(t, db)
	conn, err := db.Pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	if _, err := conn.Exec(t.Context(), "SET plan_cache_mode = force_generic_plan"); err != nil {
		t.Fatal(err)
	}
	b := bookOf(t, conn.Conn())
	all := statements(t)
	excused := maps.Clone(unbounded)
	for _, s := range all {
		name := s.pkg + "." + s.name
		faults := b.faults(t, conn.Conn(), name, s.text)
		if _, ok := excused[name]; ok && len(faults) > 0 {
			delete(excused, name)
			continue
		}
		for _, fault := range faults {
			t.Errorf("%s %s", name, fault)
		}
	}
	for name := range excused {
		t.Errorf("%s needs no exception: take it off the list", name)
	}
	constant := map[string]bool{}
	for _, s := range all {
		constant[s.text] = true
	}
	composed := 0
	for sql, request := range sent {
		if constant[sql] {
			continue
		}
		composed++
		for _, fault := range b.faults(t, conn.Conn(), fmt.Sprintf("sent %d", composed), sql) {
			t.Errorf("%s %s:\n%s", request, fault, sql)
		}
	}
	if composed < 100 {
		t.Errorf("the lists sent %d statements of their own only", composed)
	}
}

// planned are the statements that have a plan; a lock or a session command has none.
var planned = regexp.MustCompile(`(?i)^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b`)

// book knows the tables that grow, and of every index its table and what it is ordered by first.
type book struct {
	growing []string
	indexes map[string]index
}

type index struct{ table, leading string }

func bookOf(t *testing.T, conn *pgx.Conn) book {
	t.Helper()
	b := book{indexes: map[string]index{}}
	rows, err := conn.Query(t.Context(), `
SELECT c.relname::text, c.reltuples >= 10000 OR c.relname = 'employers' AS loaded FROM pg_class c
 WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname <> ALL ($1)`, small)
	if err != nil {
		t.Fatal(err)
	}
	var table, name, leading string
	var loaded bool
	_, err = pgx.ForEachRow(rows, []any{&table, &loaded}, func() error {
		b.growing = append(b.growing, table)
		if !loaded {
			t.Errorf("%s has too few rows to tell a good plan from a bad one: load at least 10,000 in testdata/million.sql", table)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	rows, err = conn.Query(t.Context(), `
SELECT i.relname::text, t.relname::text, pg_get_indexdef(x.indexrelid, 1, false)
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
 WHERE i.relnamespace = 'public'::regnamespace`)
	if err != nil {
		t.Fatal(err)
	}
	_, err = pgx.ForEachRow(rows, []any{&name, &table, &leading}, func() error {
		b.indexes[name] = index{table, leading}
		return nil
	})
	if err != nil || len(b.growing) < 15 || len(b.indexes) < 40 {
		t.Fatalf("%d tables, %d indexes: %v", len(b.growing), len(b.indexes), err)
	}
	return b
}

// node is a step of a plan.
type node struct {
	Type      string `json:"Node Type"`
	Table     string `json:"Relation Name"`
	Index     string `json:"Index Name"`
	IndexCond string `json:"Index Cond"`
	TIDCond   string `json:"TID Cond"`
	Plans     []node
}

// faults plans a statement for whatever values it may come with, and tells what it reads without a bound.
func (b book) faults(t *testing.T, conn *pgx.Conn, name, sql string) []string {
	t.Helper()
	if !planned.MatchString(sql) {
		return nil
	}
	d, err := conn.Prepare(t.Context(), name, sql)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	call := ""
	if n := len(d.ParamOIDs); n > 0 {
		call = "(" + strings.TrimSuffix(strings.Repeat("NULL,", n), ",") + ")"
	}
	var plan []byte
	err = conn.QueryRow(t.Context(), fmt.Sprintf(`EXPLAIN (FORMAT JSON) EXECUTE "%s"%s`, name, call), pgx.QueryExecModeSimpleProtocol).Scan(&plan)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if err := conn.Deallocate(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	var roots []struct{ Plan node }
	if err := json.Unmarshal(plan, &roots); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, root := range roots {
		b.walk(root.Plan, &found)
	}
	return found
}

// walk judges every scan. A table that grows is read by the places of its rows, or by an index whose first column the
// statement binds: to a value, or between two. A condition on the later columns alone would read the whole index, and so
// would a bound on one side.
func (b book) walk(n node, found *[]string) {
	table := n.Table
	if n.Index != "" && table == "" {
		table = b.indexes[n.Index].table
	}
	if slices.Contains(b.growing, table) {
		switch n.Type {
		case "Seq Scan", "Sample Scan":
			*found = append(*found, "reads "+table+" from end to end")
		case "Tid Scan", "Tid Range Scan":
			if n.TIDCond == "" {
				*found = append(*found, "reads "+table+" from end to end")
			}
		case "Index Scan", "Index Only Scan", "Bitmap Index Scan":
			if !binds(n.IndexCond, b.indexes[n.Index].leading) {
				*found = append(*found, fmt.Sprintf("reads %s along %s, whose %s it does not bind (%s)", table, n.Index, b.indexes[n.Index].leading, n.IndexCond))
			}
		case "Bitmap Heap Scan", "ModifyTable", "LockRows":
		default:
			*found = append(*found, "reads "+table+" by a "+n.Type+", which this test does not know")
		}
	}
	for _, child := range n.Plans {
		b.walk(child, found)
	}
}

// binds tells whether an index condition holds the leading column to a value or between two.
func binds(cond, leading string) bool {
	var above, below bool
	for _, clause := range clauses(cond) {
		rest, ok := strings.CutPrefix(clause, leading+" ")
		if !ok {
			if rest, ok = strings.CutPrefix(clause, "ROW("+leading+", "); !ok {
				continue
			}
			if _, rest, ok = strings.Cut(rest, ") "); !ok {
				continue
			}
		}
		switch op, _, _ := strings.Cut(rest, " "); op {
		case "=":
			return true
		case ">", ">=":
			above = true
		case "<", "<=":
			below = true
		}
	}
	return above && below
}

// clauses takes a condition apart where AND joins it.
func clauses(cond string) []string {
	var list []string
	depth, from := 0, 0
	cond = unwrapped(cond)
	for i := 0; i < len(cond); i++ {
		switch {
		case cond[i] == '(':
			depth++
		case cond[i] == ')':
			depth--
		case depth == 0 && strings.HasPrefix(cond[i:], " AND "):
			list = append(list, unwrapped(cond[from:i]))
			from = i + len(" AND ")
		}
	}
	return append(list, unwrapped(cond[from:]))
}

// unwrapped takes off a pair of brackets that holds all of it.
func unwrapped(cond string) string {
	if !strings.HasPrefix(cond, "(") || !strings.HasSuffix(cond, ")") {
		return cond
	}
	depth := 0
	for i := range len(cond) {
		switch cond[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 && i < len(cond)-1 {
				return cond
			}
		}
	}
	return cond[1 : len(cond)-1]
}

var deletes = regexp.MustCompile(`(?i)\bDELETE\s+FROM\s+([a-z_]+)`)

// What a foreign key looks for when its row goes is no statement of the program, and costs the same.
func TestEveryDeleteFindsTheRowsThatReferToItsOwnByAnIndex(t *testing.T) {
	t.Parallel()
	var tables []string
	for _, s := range statements(t) {
		for _, m := range deletes.FindAllStringSubmatch(s.text, -1) {
			if m[1] != "river" { // the schema of the jobs, which has no foreign keys
				tables = append(tables, m[1])
			}
		}
	}
	// An index serves when it begins with columns of the key, and not with the employer alone.
	rows, err := pgtest.New(t).Pool.Query(t.Context(), `
WITH RECURSIVE gone AS (
    SELECT unnest($1::text[])::regclass::oid AS id
    UNION
    SELECT c.conrelid FROM pg_constraint c JOIN gone ON gone.id = c.confrelid WHERE c.contype = 'f' AND c.confdeltype = 'c')
SELECT c.conname::text, EXISTS (
    SELECT FROM pg_index x LEFT JOIN pg_attribute e ON e.attrelid = x.indrelid AND e.attname = 'employer_id'
     WHERE x.indrelid = c.conrelid AND x.indpred IS NULL AND x.indkey[0] = ANY (c.conkey)
       AND (x.indkey[0] IS DISTINCT FROM e.attnum OR x.indkey[1] = ANY (c.conkey))) AS served
  FROM pg_constraint c JOIN gone ON gone.id = c.confrelid
 WHERE c.contype = 'f'`, tables)
	if err != nil {
		t.Fatal(err)
	}
	var name string
	var served bool
	seen := 0
	_, err = pgx.ForEachRow(rows, []any{&name, &served}, func() error {
		if seen++; !served {
			t.Errorf("%s has no index to find the rows that refer to one that goes", name)
		}
		return nil
	})
	if err != nil || seen < 8 {
		t.Fatalf("looked at %d foreign keys: %v", seen, err)
	}
}

func TestOnlyABoundOnTheFirstColumnBinds(t *testing.T) {
	t.Parallel()
	for cond, want := range map[string]bool{
		"":                   false,
		"(employer_id = $1)": true,
		"(id < $2)":          false,
		"((id < $2) AND (employer_id = s.employer_id))": true,
		"(employer_id = ANY ($1))":                      true,
		"(employer_id > $1)":                            false,
		"((employer_id > $1) AND (employer_id <= $2))":  true,
		"(ROW(employer_id, id) > ROW($1, $4))":          false,
		"((ROW(employer_id, id) > ROW($1, $4)) AND (ROW(employer_id, id) <= ROW($1, 'ff'::uuid)))": true,
		"(ROW(id, employer_id) > ROW($1, $4))":                                                     false,
		"(employer_id IS NOT NULL)":                                                                false,
		"(employer_id <> $1)":                                                                      false,
		"(employer_identity = $1)":                                                                 false,
	} {
		if binds(cond, "employer_id") != want {
			t.Errorf("%s binds: %v", cond, !want)
		}
	}
	if !binds("((lower(email) = lower($1)) AND (x = 'a AND b'::text))", "lower(email)") {
		t.Error("an expression is a column too")
	}
}
