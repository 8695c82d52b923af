package pglocal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAllWhoMakeTheKeyAtOnceGetTheSame(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	keys := make(chan []byte)
	for range 16 {
		go func() {
			key, err := SecretKey(dir)
			if err != nil {
				t.Error(err)
			}
			keys <- key
		}()
	}
	first := <-keys
	for range 15 {
		if next := <-keys; !bytes.Equal(first, next) || len(next) != 32 {
			t.Errorf("keys of %d and %d bytes differ", len(first), len(next))
		}
	}
	info, err := os.Stat(home{dir}.key())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("the directory holds %v, error %v", left, err)
	}
}

func TestAKeyThatOthersReadOrThatIsBrokenIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := SecretKey(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(home{dir}.key(), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := SecretKey(dir); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a readable key gives: %v", err)
	}
	for _, text := range []string{"", "short", strings.Repeat("A", 80)} {
		if err := os.Remove(home{dir}.key()); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(home{dir}.key(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := SecretKey(dir); err == nil || !strings.Contains(err.Error(), "restore it from a backup") {
			t.Errorf("the key %q gives: %v", text, err)
		}
	}
}

func TestAnotherMajorVersionIsRefusedAndNothingChanges(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	mustStop(t, mustStart(t, dir))
	version := filepath.Join(home{dir}.cluster(), "PG_VERSION")
	if err := os.WriteFile(version, []byte("9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Options{DataDir: dir})
	if !errors.Is(err, ErrOtherMajor) || !strings.Contains(err.Error(), "credlane db upgrade") {
		t.Errorf("got %v", err)
	}
	if _, err := Upgrade(t.Context(), Options{DataDir: dir}); !errors.Is(err, ErrOtherMajor) {
		t.Errorf("the upgrade without the old programs gives %v", err)
	}
	mustNotRun(t, dir)
	if text, err := os.ReadFile(version); err != nil || string(text) != "9\n" {
		t.Errorf("the version file holds %q, error %v", text, err)
	}
}

func TestSomethingElseInTheDatabasesPlaceIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	theirs := filepath.Join(home{dir}.cluster(), "thesis.txt")
	if err := os.MkdirAll(filepath.Dir(theirs), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(theirs, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Options{DataDir: dir}); !errors.Is(err, ErrNotACluster) {
		t.Errorf("got %v", err)
	}
	if text, err := os.ReadFile(theirs); err != nil || string(text) != "mine" {
		t.Errorf("the file holds %q, error %v", text, err)
	}
}

func TestAnUpgradeKeepsTheDataAndTheOldDatabase(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	s := mustStart(t, dir)
	run(t, s.URL(), `CREATE TABLE kept AS SELECT 42 AS n`)
	h := s.home
	// One version is enough: pg_upgrade also goes from a version to itself.
	if _, err := h.upgrade(t.Context(), s.pg, s.pg); !errors.Is(err, errInUse) {
		t.Errorf("an upgrade in use gives %v", err)
	}
	mustStop(t, s)
	kept, err := h.upgrade(t.Context(), s.pg, s.pg)
	if err != nil {
		t.Fatal(err)
	}
	if major, err := os.ReadFile(filepath.Join(kept, "PG_VERSION")); err != nil || len(major) == 0 {
		t.Errorf("the old database is gone: %v", err)
	}
	s = mustStart(t, dir)
	if got := ask[int](t, s.URL(), `SELECT n FROM kept`); got != 42 {
		t.Errorf("after the upgrade the table holds %d", got)
	}
	mustStop(t, s)
	// The crash between the two renames.
	if err := os.Rename(h.cluster(), h.cluster()+".away"); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Options{DataDir: dir}); !errors.Is(err, ErrInterrupted) || !strings.Contains(err.Error(), kept) {
		t.Errorf("an interrupted upgrade gives %v", err)
	}
}
