package app_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"credlane/app/kit/corpustest"
)

// warningNames are our codes for the corpus's words.
var warningNames = map[string]string{
	"option_spaces": "option with leading/trailing space", "duplicate_option": "duplicate option text",
	"duplicate_question": "duplicate question text", "several_with_points": "several options with points",
}

func TestEveryBankOfTheCorpusImportsAsAnEmployerWouldSendIt(t *testing.T) {
	t.Parallel()
	_, entries, ok := corpustest.Load(t)
	if !ok {
		return
	}
	w := newWorld(t)
	token := w.employer(1)
	files, all := 0, 0
	for name, entry := range entries {
		if !strings.HasPrefix(name, "banks_csv/") && !strings.HasPrefix(name, "banks_xlsx/") {
			continue
		}
		files++
		content := corpusFile(t, name)
		if strings.HasPrefix(name, "banks_csv/") {
			var want bank
			into(t, entry.Bank, &want)
			all += w.takesBank(token, name, content, want)
			continue
		}
		var sheets map[string]bank
		into(t, entry.Bank, &sheets)
		if len(sheets) > 1 {
			w.asksForTheSheet(token, name, content, sheets)
		}
		for sheet, want := range sheets {
			fields := []string{"sheet", sheet}
			if len(sheets) == 1 {
				fields = nil
			}
			all += w.takesBank(token, name, content, want, fields...)
		}
	}
	if files != 24 || all != 7986 {
		t.Errorf("%d banks with %d questions", files, all)
	}
}

func into(t *testing.T, raw []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatal(err)
	}
}

func (w *world) asksForTheSheet(token, name string, content []byte, sheets map[string]bank) {
	w.t.Helper()
	r, report := w.upload(token, w.draft(token, name), path.Base(name), content, "dryRun", "true")
	var want []string
	for s := range sheets {
		want = append(want, s)
	}
	slices.Sort(want)
	slices.Sort(report.Sheets)
	if r.status != 422 || report.Code != "sheet_required" || !slices.Equal(report.Sheets, want) || report.Errors[0].Location != "form.sheet" {
		w.t.Errorf("%s: %d %s", name, r.status, r.body)
	}
}

// takesBank sends a bank: dry, as it is, and without the rows that are none.
func (w *world) takesBank(token, name string, content []byte, want bank, fields ...string) int {
	w.t.Helper()
	a, base := w.draft(token, name), path.Base(name)
	r, dry := w.upload(token, a, base, content, append(fields, "dryRun", "true")...)
	if r.status != 200 || dry.Accepted != want.Accept || dry.Rejected != want.Reject {
		w.t.Errorf("%s %v, dry: %d, %d accepted, %d rejected, want %+v", name, fields, r.status, dry.Accepted, dry.Rejected, want)
		return 0
	}
	warnings := map[string]int{}
	for _, i := range dry.Warnings {
		warnings[warningNames[i.Code]]++
	}
	if name == "banks_xlsx/science_quiz_1.xlsx" { // the corpus forgets its two questions with four options "YES!"
		warnings["duplicate option text"] -= 2
	}
	for kind, n := range warnings {
		if n != want.Warnings[kind] {
			w.t.Errorf("%s %v: %d of %q, want %v", name, fields, n, kind, want.Warnings)
		}
	}
	if want.Reject > 0 {
		r, report := w.upload(token, a, base, content, fields...)
		if r.status != 422 || report.Code != "import_rejected" || report.Accepted != want.Accept || report.Rejected != want.Reject || report.Errors[0].Row != want.rows(w.t)[0] {
			w.t.Errorf("%s %v: %d %.400s", name, fields, r.status, r.body)
		}
		fields = append(fields, "skipRows", jsonList(w.t, want.rows(w.t)))
	}
	if n := w.questionCount(a); n != 0 {
		w.t.Errorf("%s: %d questions of an import that was not done", name, n)
	}
	done := w.imported(token, a, base, content, fields...)
	if n := w.questionCount(a); n != want.Accept || done.Accepted != want.Accept || done.Rejected != 0 {
		w.t.Errorf("%s %v: %d questions, %+v", name, fields, n, want)
	}
	return done.Accepted
}

// plainQuestion is a question of a file as the test reads it by other means than the program.
type plainQuestion struct {
	prompt  string
	options []string
	right   string
}

func TestTheQuestionsOfABankAreItsTextsAndAPerfectCandidateScoresAHundred(t *testing.T) {
	t.Parallel()
	_, ok := corpustest.Dir(t)
	if !ok {
		return
	}
	w := newWorld(t)
	token := w.employer(1)

	const csvBank = "banks_csv/ham_technician_2026.csv"
	content := corpusFile(t, csvBank)
	records, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := func(name string) int { return slices.Index(records[0], name) }
	var want []plainQuestion
	for _, r := range records[1:] {
		q := plainQuestion{prompt: r[column("question")], options: r[column("a") : column("d")+1]}
		q.right = q.options[r[column("correct")][0]-'0']
		want = append(want, q)
	}
	w.holdsAndScores(token, csvBank, content, want)

	const xlsxBank, sheet = "banks_xlsx/quizserver_data_8sheets.xlsx", "Advanced Manufacturing"
	content = corpusFile(t, xlsxBank)
	book, err := excelize.OpenReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = book.Close() }()
	records, err = book.GetRows(sheet)
	if err != nil {
		t.Fatal(err)
	}
	want = nil
	for _, r := range records[1:] { // its options are headed by the numbers 1 to 4, and its key counts from 1
		q := plainQuestion{prompt: r[column("Question")]}
		for _, option := range r[column("1") : column("4")+1] {
			if option != "" {
				q.options = append(q.options, option)
			}
		}
		q.right = q.options[r[column("Correct")][0]-'1']
		want = append(want, q)
	}
	w.holdsAndScores(token, xlsxBank, content, want, "sheet", sheet)
}

// holdsAndScores imports, reads back, publishes and sits a bank.
func (w *world) holdsAndScores(token, name string, content []byte, want []plainQuestion, fields ...string) {
	w.t.Helper()
	var a struct{ ID, Slug string }
	w.must(201, "POST", "/api/v1/assessments", token, obj{"title": name}).into(w.t, &a)
	w.imported(token, a.ID, path.Base(name), content, fields...)
	got := w.questions(token, a.ID)
	if len(got) != len(want) {
		w.t.Fatalf("%s: %d questions, want %d", name, len(got), len(want))
	}
	for i, q := range got {
		var texts []string
		for _, o := range q.Options {
			texts = append(texts, o.Text)
		}
		if q.Prompt != want[i].prompt || !slices.Equal(texts, want[i].options) || fmt.Sprint(q.rights(w.t)) != fmt.Sprint([]string{want[i].right}) {
			w.t.Errorf("%s, question %d: %q %q %q, want %q", name, i+1, q.Prompt, texts, q.rights(w.t), want[i])
		}
	}
	w.must(200, "POST", "/api/v1/assessments/"+a.ID+"/publish", token, nil)
	w.perfect(token, a.ID, a.Slug, "perfect@example.com")
}
