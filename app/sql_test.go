package app_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"credlane/app/kit/pgtest"
)

// statement is one SQL constant of the program: by the house's rule its name begins with sql, and it is a whole statement.
type statement struct{ pkg, name, text string }

// statements reads every SQL constant below app and modules from the source, as the compiler would see it.
func statements(t *testing.T) []statement {
	t.Helper()
	byPackage := map[string]map[string]ast.Expr{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/bench/") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(strings.TrimPrefix(filepath.Dir(path), "../"))
		if byPackage[pkg] == nil {
			byPackage[pkg] = map[string]ast.Expr{}
		}
		for _, decl := range file.Decls {
			collect(decl, byPackage[pkg])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var list []statement
	for pkg, constants := range byPackage {
		for name := range constants {
			if strings.HasPrefix(name, "sql") {
				list = append(list, statement{pkg, name, text(t, constants, constants[name])})
			}
		}
	}
	if len(list) < 20 {
		t.Fatalf("found %d statements only", len(list))
	}
	slices.SortFunc(list, func(a, b statement) int { return strings.Compare(a.pkg+a.name, b.pkg+b.name) })
	return list
}

func collect(decl ast.Decl, into map[string]ast.Expr) {
	g, ok := decl.(*ast.GenDecl)
	if !ok || g.Tok != token.CONST {
		return
	}
	for _, spec := range g.Specs {
		v := spec.(*ast.ValueSpec)
		for i, name := range v.Names {
			if i < len(v.Values) {
				into[name.Name] = v.Values[i]
			}
		}
	}
}

// text is the value of a constant string expression: literals, names of the same package, and their sums.
func text(t *testing.T, constants map[string]ast.Expr, e ast.Expr) string {
	t.Helper()
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		if err != nil {
			t.Fatal(err)
		}
		return s
	case *ast.BinaryExpr:
		return text(t, constants, e.X) + text(t, constants, e.Y)
	case *ast.ParenExpr:
		return text(t, constants, e.X)
	case *ast.Ident:
		if v, ok := constants[e.Name]; ok {
			return text(t, constants, v)
		}
	}
	t.Fatalf("an SQL constant is more than literals and constants: %#v", e)
	return ""
}

func TestEveryStatementIsUnderstoodByTheDatabase(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	conn, err := db.Pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	for _, s := range statements(t) {
		if _, err := conn.Conn().Prepare(t.Context(), s.pkg+"."+s.name, s.text); err != nil {
			t.Errorf("%s.%s: %v", s.pkg, s.name, err)
		}
	}
}

// owners says who writes a table; everybody may read.
var owners = map[string]string{
	"employers": "modules/auth", "users": "modules/auth", "memberships": "modules/auth", "member_invitations": "modules/auth",
	"user_tokens": "modules/auth", "sessions": "modules/auth", "refresh_tokens": "modules/auth", "api_keys": "modules/auth",
	"signing_keys": "modules/auth",
	"assessments":  "modules/assessments", "questions": "modules/assessments", "answer_keys": "modules/assessments",
	"assessment_versions": "modules/assessments", "version_questions": "modules/assessments", "version_answer_keys": "modules/assessments",
	"submissions": "modules/submissions", "submission_answers": "modules/submissions", "voided_submissions": "modules/submissions",
	"submission_extra_times": "modules/submissions",
	"imports":                "modules/imports", "import_errors": "modules/imports",
	"idempotency_keys": "app/kit/rest", "rate_counters": "app/kit/rest", "audit_events": "app/kit/audit",
}

var writes = regexp.MustCompile(`(?i)\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|MERGE\s+INTO|TRUNCATE)\s+([a-z_]+)`)

func TestATableIsWrittenOnlyByItsModule(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range statements(t) {
		for _, m := range writes.FindAllStringSubmatch(s.text, -1) {
			table := strings.ToLower(m[1])
			owner, known := owners[table]
			if !known { // FOR UPDATE OF, DO UPDATE SET and the names of CTEs
				continue
			}
			seen[table] = true
			if owner != s.pkg {
				t.Errorf("%s.%s writes %s, which belongs to %s", s.pkg, s.name, table, owner)
			}
		}
	}
	if len(seen) < 15 {
		t.Errorf("found writes to %d tables only", len(seen))
	}
}

// million is how many submissions the plans are made for.
const million = 1_000_000

// big are the tables whose rows grow with use: no statement may read one of them from end to end.
var big = []string{"submissions", "submission_answers", "users", "audit_events", "assessments", "questions", "answer_keys",
	"version_questions", "version_answer_keys", "sessions", "refresh_tokens", "memberships", "employers", "imports",
	"import_errors", "idempotency_keys", "api_keys", "voided_submissions",
	"submission_extra_times"}

func TestNoStatementReadsABigTableFromEndToEnd(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	conn, err := db.Pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	load(t, conn.Conn())
	if _, err := conn.Exec(t.Context(), "SET plan_cache_mode = force_generic_plan"); err != nil {
		t.Fatal(err)
	}
	for _, s := range statements(t) {
		if why := wholeReads[s.pkg+"."+s.name]; why != "" || isInsertOnly(s.text) {
			continue
		}
		for _, table := range scans(t, conn.Conn(), s) {
			t.Errorf("%s.%s reads %s from end to end", s.pkg, s.name, table)
		}
	}
}

// wholeReads are the statements that may read a table whole, with the reason.
var wholeReads = map[string]string{
	"modules/auth.sqlNobodyYet":   "stops at the first row",
	"modules/auth.sqlOwnerExists": "stops at the first owner, and only a registration asks",
}

// isInsertOnly is a statement with nothing to find: its plan has no scan of a table.
func isInsertOnly(sql string) bool {
	return !strings.Contains(strings.ToUpper(sql), "SELECT") && strings.HasPrefix(strings.ToUpper(strings.TrimSpace(sql)), "INSERT")
}

// planned are the statements that have a plan.
var planned = regexp.MustCompile(`(?i)^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b`)

func scans(t *testing.T, conn *pgx.Conn, s statement) []string {
	t.Helper()
	d, err := conn.Prepare(t.Context(), s.pkg+"."+s.name, s.text)
	if err != nil {
		t.Fatalf("%s.%s: %v", s.pkg, s.name, err)
	}
	call := ""
	if n := len(d.ParamOIDs); n > 0 {
		call = "(" + strings.TrimSuffix(strings.Repeat("NULL,", n), ",") + ")"
	}
	var plan []byte
	err = conn.QueryRow(t.Context(), fmt.Sprintf(`EXPLAIN (FORMAT JSON) EXECUTE "%s.%s"%s`, s.pkg, s.name, call), pgx.QueryExecModeSimpleProtocol).Scan(&plan)
	if err != nil {
		if planned.MatchString(s.text) {
			t.Errorf("%s.%s: %v", s.pkg, s.name, err)
		}
		return nil // a lock or a session command has no plan
	}
	var nodes []map[string]any
	if err := json.Unmarshal(plan, &nodes); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, n := range nodes {
		walk(n, &found)
	}
	return found
}

func walk(node any, found *[]string) {
	switch node := node.(type) {
	case map[string]any:
		if node["Node Type"] == "Seq Scan" {
			if table, ok := node["Relation Name"].(string); ok && slices.Contains(big, table) {
				*found = append(*found, table)
			}
		}
		for _, v := range node {
			walk(v, found)
		}
	case []any:
		for _, v := range node {
			walk(v, found)
		}
	}
}

// load fills the database past the size at which a planner would still choose to read a table whole. Rules and triggers are
// off while it loads: the plans need the rows, not their history.
func load(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	script, err := os.ReadFile("testdata/million.sql")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), strings.ReplaceAll(string(script), ":million", strconv.Itoa(million))); err != nil {
		t.Fatalf("load: %v", err)
	}
}
