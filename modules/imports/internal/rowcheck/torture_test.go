package rowcheck_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"credlane/app/kit/corpustest"
	"credlane/modules/imports/internal/rowcheck"
	"credlane/modules/imports/internal/sheet"
)

// TestFilesThatAreNoBankAreRefusedWithTheColumnsFound runs every torture file, every sheet of it, all the way.
func TestFilesThatAreNoBankAreRefusedWithTheColumnsFound(t *testing.T) {
	t.Parallel()
	dir, entries, ok := corpustest.Load(t)
	if !ok {
		return
	}
	for name, e := range entries {
		if !strings.HasPrefix(name, "csv_torture/") && !strings.HasPrefix(name, "xlsx_torture/") || strings.HasSuffix(name, ".json") {
			continue
		}
		for _, s := range e.Choices() {
			err := checkFile(t, filepath.Join(dir, filepath.FromSlash(name)), s)
			var ref *sheet.Refusal
			switch {
			case err == nil:
				t.Errorf("%s %s was taken for a bank", name, s)
			case !errors.As(err, &ref) || ref.Code == "" || len(ref.Message) < 20:
				t.Errorf("%s %s: no refusal in plain words: %v", name, s, err)
			}
		}
	}
}

func checkFile(t *testing.T, path, sheetName string) error {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	s, err := sheet.Open(t.Context(), f, st.Size(), filepath.Base(path), sheet.Options{Sheet: sheetName, TempDir: t.TempDir()})
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = rowcheck.Check(t.Context(), s, rowcheck.Options{}, nil)
	return err
}
