// Package corpustest finds the real question files that tests read and what is expected of each.
package corpustest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// Entry is what the corpus expects of one file; see SOURCES.md there.
type Entry struct {
	Parse *struct {
		Encoding  string         `json:"encoding"`
		Delimiter string         `json:"delimiter"`
		Records   int            `json:"records"`
		NonBlank  int            `json:"nonblank"`
		Fields    map[string]int `json:"fields"`
		NUL       int            `json:"nul"`
		First     []string       `json:"first_record"`
	} `json:"parse"`
	Bank json.RawMessage `json:"bank"`
	XLSX *struct {
		Excelize struct {
			Error  *string `json:"error"`
			Sheets []struct {
				Name     string `json:"name"`
				Visible  bool   `json:"visible"`
				Rows     int    `json:"rows"`
				NonEmpty int    `json:"nonempty"`
				MaxCols  int    `json:"maxcols"`
			} `json:"sheets"`
		} `json:"excelize_2_9_1"`
		Cells map[string][][]string `json:"cells_by_excelize"`
	} `json:"xlsx"`
}

// Choices are the sheets that an import of the file may ask for: none, and each by its name.
func (e Entry) Choices() []string {
	choices := []string{""}
	if e.XLSX != nil {
		for _, s := range e.XLSX.Excelize.Sheets {
			choices = append(choices, s.Name)
		}
	}
	return choices
}

// Bank is what is expected of one bank, or of one sheet of it.
type Bank struct {
	Accept   int               `json:"accept"`
	Reject   int               `json:"reject"`
	Rejects  []json.RawMessage `json:"rejects"`
	Warnings map[string]int    `json:"warnings"`
	Types    map[string]int    `json:"types"`
}

// Dir is the corpus directory: CREDLANE_CORPUS, or the shared folder beside the repository. Where it is absent that is said
// in the test's log and ok is false: a developer without it can still run everything else.
func Dir(t testing.TB) (dir string, ok bool) {
	t.Helper()
	if dir = os.Getenv("CREDLANE_CORPUS"); dir == "" {
		dir = filepath.Join(root(t), "..", "shared", "data")
	}
	if _, err := os.Stat(filepath.Join(dir, "EXPECT.json")); err != nil {
		t.Logf("the corpus of real files is absent (looked in %s; set CREDLANE_CORPUS): nothing was checked against it", dir)
		return "", false
	}
	return dir, true
}

// Read gives one file of the corpus; name is its path there, with slashes. ok is as Dir's.
func Read(t testing.TB, name string) (content []byte, ok bool) {
	t.Helper()
	dir, ok := Dir(t)
	if !ok {
		return nil, false
	}
	content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return content, true
}

// Load gives the corpus directory and its expectations by path; ok is as Dir's.
func Load(t testing.TB) (dir string, entries map[string]Entry, ok bool) {
	t.Helper()
	b, ok := Read(t, "EXPECT.json")
	if !ok {
		return "", nil, false
	}
	if err := json.Unmarshal(b, &entries); err != nil {
		t.Fatal(err)
	}
	dir, ok = Dir(t)
	return dir, entries, ok
}

// Open opens one file below dir, as Dir gives it, and closes it with the test.
func Open(t testing.TB, dir, name string) (f *os.File, size int64) {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return f, st.Size()
}

// root is the folder of go.mod.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = up
	}
}
