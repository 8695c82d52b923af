// Package pglocal runs a private Postgres cluster from the programs installed on the machine, for the case that no
// database was named.
package pglocal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrNoBinaries says that no Postgres server is installed where FindBinaries looks.
var ErrNoBinaries = errors.New("no Postgres server programs (postgres, initdb) found on this machine; run `make tools` to install them, or set CREDLANE_DATABASE_URL to a Postgres server you already have")

// probeTimeout bounds each call of a program that only prints a line.
const probeTimeout = 10 * time.Second

// Binaries is one installed Postgres.
type Binaries struct {
	Dir   string // holds postgres, initdb, pg_ctl
	Major int    // 15 for 15.14
}

// Path is the full path of one of the installation's programs.
func (b Binaries) Path(program string) string { return filepath.Join(b.Dir, program) }

// FindBinaries lists the installed Postgres servers, the preferred one first: PATH, `pg_config --bindir`, the
// distribution's directories (newest first), Homebrew. It returns ErrNoBinaries when there are none.
func FindBinaries(ctx context.Context) ([]Binaries, error) {
	var found []Binaries
	seen := map[string]bool{}
	for _, dir := range candidateDirs(ctx) {
		// Homebrew and Debian link programs into a shared directory: the real one holds the whole installation.
		real, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"))
		if err != nil {
			continue
		}
		dir = filepath.Dir(real)
		if seen[dir] || !executable(filepath.Join(dir, "initdb")) {
			continue
		}
		seen[dir] = true
		major, err := majorOf(ctx, real)
		if err != nil {
			continue // a broken installation is no reason to ignore a whole one further down the list
		}
		found = append(found, Binaries{Dir: dir, Major: major})
	}
	if len(found) == 0 {
		return nil, ErrNoBinaries
	}
	return found, nil
}

func candidateDirs(ctx context.Context) []string {
	dirs := filepath.SplitList(os.Getenv("PATH"))
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/lib64/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/libexec/postgresql*",
		"/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin", "/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
	} {
		hits, err := filepath.Glob(pattern)
		if err != nil {
			continue // only a malformed pattern does this, and these are constants
		}
		slices.SortFunc(hits, func(a, b string) int { return numberIn(b) - numberIn(a) })
		dirs = append(dirs, hits...)
	}
	return dirs
}

// numberIn is the first number in a path, so that 15 sorts after 9.
func numberIn(path string) int {
	start := strings.IndexAny(path, "0123456789")
	if start < 0 {
		return 0
	}
	end := start
	for end < len(path) && path[end] >= '0' && path[end] <= '9' {
		end++
	}
	n, err := strconv.Atoi(path[start:end])
	if err != nil {
		return 0
	}
	return n
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// majorOf reads `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`.
func majorOf(ctx context.Context, postgres string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, postgres, "--version").Output()
	if err != nil {
		return 0, fmt.Errorf("ask %s for its version: %w", postgres, err)
	}
	_, version, ok := strings.Cut(string(out), "(PostgreSQL) ")
	if !ok || numberIn(version) == 0 {
		return 0, fmt.Errorf("%s gives an unknown version: %q", postgres, strings.TrimSpace(string(out)))
	}
	return numberIn(version), nil
}
