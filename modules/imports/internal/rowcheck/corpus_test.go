package rowcheck_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"credlane/app/kit/corpustest"
	"credlane/modules/imports/internal/rowcheck"
	"credlane/modules/imports/internal/sheet"
)

func openBank(t *testing.T, dir, name, sheetName string) *sheet.File {
	t.Helper()
	f, size := corpustest.Open(t, dir, name)
	got, err := sheet.Open(t.Context(), f, size, filepath.Base(name), sheet.Options{Sheet: sheetName, TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = got.Close() })
	return got
}

// warningKinds are our codes for the corpus's words.
var warningKinds = map[string]string{
	"option_spaces":       "option with leading/trailing space",
	"duplicate_option":    "duplicate option text",
	"duplicate_question":  "duplicate question text",
	"several_with_points": "several options with points",
}

// overrides are the warnings in which we judge EXPECT.json wrong.
var overrides = map[string]map[string]int{
	// Two of its questions have the four options "YES!" each. EXPECT.json warns of the very same rows in
	// quizserver_data_8sheets.xlsx (sheet Cyber Security) and forgets it here, where the key is given as points.
	"banks_xlsx/science_quiz_1.xlsx": {"several options with points": 3, "duplicate option text": 2},
}

func TestEveryBankOfTheCorpusIsJudgedAsExpected(t *testing.T) {
	t.Parallel()
	dir, entries, ok := corpustest.Load(t)
	if !ok {
		return
	}
	for name, entry := range entries {
		if entry.Bank == nil {
			continue
		}
		if strings.HasPrefix(name, "banks_csv/") {
			var want corpustest.Bank
			decode(t, entry.Bank, &want)
			checkBank(t, dir, name, "", want)
			continue
		}
		var sheets map[string]corpustest.Bank
		decode(t, entry.Bank, &sheets)
		for s, want := range sheets {
			checkBank(t, dir, name, s, want)
		}
	}
}

func decode(t *testing.T, raw json.RawMessage, into any) {
	t.Helper()
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

func checkBank(t *testing.T, dir, name, sheetName string, want corpustest.Bank) {
	t.Run(name+"/"+sheetName, func(t *testing.T) {
		t.Parallel()
		types := map[string]int{}
		rep, err := rowcheck.Check(t.Context(), openBank(t, dir, name, sheetName), rowcheck.Options{}, func(q *rowcheck.Question) error {
			kind := map[string]string{rowcheck.SingleChoice: "single", rowcheck.MultipleChoice: "multiple", rowcheck.ShortText: "short answer"}[q.Type]
			types[kind]++
			if len(q.Options) > 0 {
				types[fmt.Sprintf("%d options", len(q.Options))]++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if rep.Accepted != want.Accept || rep.Rejected != want.Reject {
			t.Errorf("%d accepted, %d rejected; want %d, %d (%v)", rep.Accepted, rep.Rejected, want.Accept, want.Reject, rep.Errors)
		}
		rejected := map[int]bool{}
		for _, e := range rep.Errors {
			rejected[e.Row] = true
		}
		for _, r := range want.Rejects {
			var pair []any
			decode(t, r, &pair)
			if !rejected[int(pair[0].(float64))] {
				t.Errorf("row %v was not rejected (%v)", pair[0], rep.Errors)
			}
		}
		warnings := map[string]int{}
		for _, w := range rep.Warnings {
			kind := warningKinds[w.Code]
			if kind == "" {
				kind = w.Code
			}
			warnings[kind]++
		}
		wantWarnings := want.Warnings
		if o, ok := overrides[name]; ok {
			wantWarnings = o
		}
		if !maps.Equal(warnings, wantWarnings) {
			t.Errorf("warnings %v, want %v", warnings, wantWarnings)
		}
		if want.Types != nil && !maps.Equal(types, want.Types) {
			t.Errorf("types %v, want %v", types, want.Types)
		}
		t.Logf("%s base=%s header=%v %v", name, rep.AnswerBase, rep.Header, rep.Mapping)
	})
}
