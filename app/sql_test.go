package app_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

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
	"email_codes":            "modules/submissions", "submission_digests": "modules/submissions",
	"imports": "modules/imports", "import_errors": "modules/imports",
	"invites": "modules/invites", "invite_extra_times": "modules/invites",
	"mails":             "app/kit/mail",
	"webhook_endpoints": "modules/webhooks", "webhook_messages": "modules/webhooks", "webhook_deliveries": "modules/webhooks",
	"webhook_attempts": "modules/webhooks",
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
