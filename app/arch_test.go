package app_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// seams says which packages may import a library; nobody else may.
var seams = map[string][]string{
	"github.com/labstack/echo":            {"credlane/app", "credlane/app/kit/rest", "credlane/app/kit/authn", "credlane/modules/metrics", "credlane/app/bench"},
	"github.com/danielgtaylor/huma":       {"credlane/app/kit/rest"},
	"github.com/golang-jwt/jwt":           {"credlane/app/kit/authn"},
	"github.com/xuri/excelize":            {"credlane/modules/imports", "credlane/modules/imports/internal/sheet", "credlane/modules/submissions"},
	"github.com/pressly/goose":            {"credlane/app", "credlane/app/kit/pgtest"},
	"github.com/prometheus/client_golang": {"credlane/modules/metrics"},
	"github.com/spf13/cobra":              {"credlane/app/cmd/credlane"},
	"github.com/caarlos0/env":             {"credlane/configs"},
	"github.com/go-json-experiment/json":  {"credlane/app/kit/rest"},
	"golang.org/x/crypto":                 {"credlane/modules/auth"},
	"github.com/riverqueue/river":         {"credlane/app/kit/jobs"},
	"github.com/wneessen/go-mail":         {"credlane/app/kit/mail"},
	"github.com/yuin/goldmark":            {"credlane/web"},
	"github.com/alecthomas/chroma":        {"credlane/web"},

	"github.com/standard-webhooks/standard-webhooks/libraries": {"credlane/modules/webhooks"},

	"github.com/jackc/pgx/v5/pgxpool": {"credlane/app/kit/pg", "credlane/app/kit/pgtest", "credlane/modules/metrics", "credlane/app/bench"},
	"github.com/jackc/pgx/v5/stdlib":  {"credlane/app", "credlane/app/kit/pgtest"},
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

// packages lists the module's packages with what their program files import; tests may import more.
func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "credlane/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	if len(list) < 10 {
		t.Fatalf("go list found %d packages only", len(list))
	}
	return list
}

func TestPackagesImportOnlyWhatTheHouseAllows(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			if why := refused(p.ImportPath, imported); why != "" {
				t.Errorf("%s imports %s: %s", p.ImportPath, imported, why)
			}
		}
	}
}

func TestTheRulesOfTheHouseCanRefuse(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{
		{"credlane/modules/auth", "credlane/modules/submissions"},
		{"credlane/modules/auth", "credlane/configs"},
		{"credlane/modules/auth", "credlane/app"},
		{"credlane/app/kit/rest", "credlane/modules/auth"},
		{"credlane/app/kit/rest", "credlane/configs"},
		{"credlane/app/cmd/credlane", "credlane/modules/auth"},
		{"credlane/modules/auth", "github.com/labstack/echo/v4"},
		{"credlane/modules/auth", "github.com/golang-jwt/jwt/v5"},
		{"credlane/configs", "credlane/app/kit/fault"},
		{"credlane/web", "credlane/modules/auth"},
		{"credlane/web/dashboard", "credlane/app"},
		{"credlane/web/dashboard", "github.com/jackc/pgx/v5"},
	} {
		if refused(pair[0], pair[1]) == "" {
			t.Errorf("%s may import %s", pair[0], pair[1])
		}
	}
}

// refused says why from may not import what, or "".
func refused(from, what string) string {
	if strings.HasPrefix(from, "credlane/web") && strings.HasPrefix(what, "github.com/jackc/pgx") {
		return "pages read through services"
	}
	for library, allowed := range seams {
		if (what == library || strings.HasPrefix(what, library+"/")) && !slices.Contains(allowed, from) {
			return "only " + strings.Join(allowed, ", ") + " may"
		}
	}
	if !strings.HasPrefix(what, "credlane/") {
		return ""
	}
	under := func(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }
	switch {
	case under(from, "credlane/app/cmd"):
		if what != "credlane/app" && what != "credlane/configs" {
			return "a command knows the app and the configuration alone"
		}
	case under(from, "credlane/app/kit"):
		if !under(what, "credlane/app/kit") && !(from == "credlane/app/kit/pgtest" && what == "credlane/migrations") {
			return "the kit stands below everything"
		}
	case under(from, "credlane/modules"):
		own := strings.Join(strings.SplitN(from, "/", 4)[:3], "/")
		if !under(what, own) && !under(what, "credlane/app/kit") {
			return "a module knows the kit and itself; what it needs of another comes through wire.go"
		}
	case from == "credlane/web", from == "credlane/web/chart", from == "credlane/web/words":
		if !under(what, "credlane/app/kit") && !under(what, "credlane/web") {
			return "what pages stand on knows the kit alone"
		}
	case under(from, "credlane/web"):
		if !under(what, "credlane/app/kit") && !under(what, "credlane/web") && !under(what, "credlane/modules") {
			return "pages show the modules' services, by the kit"
		}
	case under(from, "credlane/configs"), under(from, "credlane/migrations"):
		return "it stands alone"
	}
	return ""
}
