package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// row is one operation of the yardstick.
type row struct {
	name  string
	about string
	run   func(context.Context, *bench) ([]figure, error)
}

// rows lists them in the order in which they are measured: the small data first, the million last.
func rows() []row {
	return []row{
		{"landing", "the landing page, against a bare Echo handler", landing},
		{"fetch", "GET /public/submission, against its two SELECTs", fetch},
		{"start", "start, against its unavoidable INSERTs", start},
		{"autosave", "autosave, against the one upsert", autosave},
		{"submit", "submit, against six round trips and against its unavoidable statements", submit},
		{"mix", "an exam from start to submit, against the same statements", mix},
		{"open", "exams at 2,000/s and 4,000/s, and the memory of exam day", examDay},
		{"login", "16 clients that sign in over and over, and the others meanwhile", loginStorm},
		{"invites", "100,000 invites in one go, the others meanwhile, and how fast their mail leaves", invites},
		{"csv", "import of 50,000 rows, against COPY", importCSV},
		{"xlsx", "import of 10,000 rows, against COPY", importXLSX},
		{"export", "CSV and NDJSON of 200,000 submissions: growth of memory", exports},
		{"pages", "what people look at, against the same from the API", pages},
		{"results", "the results list at 1,000,000 submissions, against its keyset query", results},
	}
}

func choose(only []string) ([]row, error) {
	all := rows()
	if len(only) == 0 {
		return all, nil
	}
	var chosen []row
	for _, r := range all {
		if slices.Contains(only, r.name) {
			chosen = append(chosen, r)
		}
	}
	if len(chosen) != len(only) {
		var names []string
		for _, r := range all {
			names = append(names, r.name)
		}
		return nil, fmt.Errorf("the rows are %s", strings.Join(names, ", "))
	}
	return chosen, nil
}
