package app_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"credlane/app/kit/corpustest"
)

const smallBank = "question,a,b,answer,points\nWhich port is HTTPS?,80,443,b,1\nWhich port is SSH?,22,23,a,2.5\n"

func TestOneBadRowLeavesTheDraftAsItIsAndTheReportCanBeRead(t *testing.T) {
	t.Parallel()
	w, token, a := withDraft(t)
	r, report := w.upload(token, a, "bank.csv", []byte(smallBank+"\"=1+1, \nor not\",x,y,Z,1\n,x,y,a,1\n"))
	if r.status != 422 || report.Code != "import_rejected" || report.ErrorCount != 2 || report.Accepted != 2 || report.Rejected != 2 ||
		report.DryRun == nil || *report.DryRun || report.File == nil || report.Mapping["A"] != "prompt" || len(report.Sample) != 4 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if report.Errors[0].Row != 4 || report.Errors[0].Column != "D" || report.Errors[0].Code != "answer_not_an_option" || report.Errors[1].Row != 5 {
		t.Errorf("%+v", report.Errors)
	}
	if n := w.questionCount(a); n != 0 {
		t.Errorf("%d questions", n)
	}
	var found importReport
	w.must(200, "GET", "/api/v1/imports/"+report.ID, token, nil).into(t, &found)
	if found.ID != report.ID || !slices.Equal(found.Errors, report.Errors) || found.ErrorCount != 2 || found.File.SHA256 != report.File.SHA256 {
		t.Errorf("%+v, want %+v", found, report)
	}
	list := w.must(200, "GET", "/api/v1/imports/"+report.ID+"/errors.csv", token, nil)
	records, err := csv.NewReader(bytes.NewReader(list.body)).ReadAll()
	if err != nil || len(records) != 3 || records[1][1] != "4" || records[1][3] != "answer_not_an_option" || !strings.HasPrefix(list.header.Get("Content-Type"), "text/csv") {
		t.Errorf("%v %q", err, records)
	}
	if n := w.number(`SELECT count(*) FROM audit_events WHERE action = 'import.rejected' AND object_id = $1`, report.ID); n != 1 {
		t.Errorf("%d audit events", n)
	}
	for _, path := range []string{"", "/errors.csv"} {
		if got := w.call("GET", "/api/v1/imports/"+report.ID+path, w.employer(2+len(path)), nil); got.status != 404 || got.code() != "import_not_found" {
			t.Errorf("another employer's report%s: %d %s", path, got.status, got.body)
		}
	}
}

func TestADoneImportSaysWhereItsReportIs(t *testing.T) {
	t.Parallel()
	w, token, a := withDraft(t)
	r, report := w.upload(token, a, "bank.csv", []byte(smallBank))
	if r.status != 201 || r.header.Get("Location") != "/api/v1/imports/"+report.ID || w.questionCount(a) != 2 {
		t.Fatalf("%d %v %s", r.status, r.header, r.body)
	}
	again := w.must(200, "GET", r.header.Get("Location"), token, nil)
	if !bytes.Equal(bytes.TrimSpace(again.body), bytes.TrimSpace(r.body)) {
		t.Errorf("the report is %s, and was %s", again.body, r.body)
	}
	if n := w.number(`SELECT count(*) FROM audit_events WHERE action IN ('import.done', 'questions.added')`); n != 2 {
		t.Errorf("%d audit events", n)
	}
}

func TestRowsLeftOutAndCellsMendedHealABank(t *testing.T) {
	t.Parallel()
	_, ok := corpustest.Dir(t)
	if !ok {
		return
	}
	w := newWorld(t)
	token := w.employer(1)
	for _, c := range []struct {
		name     string
		accepted int
		fields   []string
	}{
		{"banks_xlsx/thermoquiz_questions_pt.xlsx", 1, []string{"edits", `[{"row": 2, "column": "F", "value": "sim|não"}, {"row": 2, "column": 7, "value": "sim"}]`}},
		{"banks_csv/opentdb_v2.csv", 4600, []string{"skipRows", "3136"}},
		{"banks_xlsx/science_quiz.xlsx", 8, []string{"skipRows", "[10]"}},
	} {
		a, content := w.draft(token, c.name), corpusFile(t, c.name)
		if r, report := w.upload(token, a, "bank"+c.name[len(c.name)-5:], content); r.status != 422 || report.Code != "import_rejected" {
			t.Errorf("%s: %d %.300s", c.name, r.status, r.body)
		}
		if report := w.imported(token, a, "bank"+c.name[len(c.name)-5:], content, c.fields...); report.Accepted != c.accepted || w.questionCount(a) != c.accepted {
			t.Errorf("%s: %+v", c.name, report)
		}
	}
}

func TestTheTemplatesImportCleanly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.employer(1)
	for _, name := range []string{"template.csv", "template.xlsx"} {
		var a struct{ ID, Slug string }
		w.must(201, "POST", "/api/v1/assessments", token, obj{"title": name}).into(t, &a)
		content := w.must(200, "GET", "/api/v1/imports/"+name, token, nil).body
		report := w.imported(token, a.ID, name, content)
		if report.Accepted != 5 || report.WarningCount != 0 {
			t.Errorf("%s: %+v", name, report)
		}
		var types []string
		for _, q := range w.questions(token, a.ID) {
			types = append(types, q.Type)
		}
		if want := []string{"single_choice", "multiple_choice", "true_false", "short_text", "numeric"}; !slices.Equal(types, want) {
			t.Errorf("%s: %v", name, types)
		}
		w.must(200, "POST", "/api/v1/assessments/"+a.ID+"/publish", token, nil)
		w.perfect(token, a.ID, a.Slug, "perfect@example.com")
	}
}

func TestTheImportAsksWhereTwoReadingsDiffer(t *testing.T) {
	t.Parallel()
	w, token, a := withDraft(t)
	content := []byte("question,a,b,c,answer\nq,x,y,z,1\nr,x,y,z,2\n")
	for _, dry := range []string{"true", "false"} {
		r, report := w.upload(token, a, "bank.csv", content, "dryRun", dry)
		if r.status != 422 || report.Code != "ambiguous_answer_base" || len(report.Readings) != 2 || report.Readings[0].AnswerBase == report.Readings[1].AnswerBase ||
			len(report.Errors) != 1 || report.Errors[0].Location != "form.answerBase" {
			t.Errorf("dry run %s: %d %s", dry, r.status, r.body)
		}
	}
	if n := w.questionCount(a) + w.number(`SELECT count(*) FROM imports`); n != 0 {
		t.Errorf("%d rows", n)
	}
	if report := w.imported(token, a, "bank.csv", content, "answerBase", "1"); report.AnswerBase != "1" || w.questions(token, a)[0].rights(t)[0] != "x" {
		t.Errorf("%+v", report)
	}
}

func TestEachRefusalNamesThePartOfTheFormThatWouldHelp(t *testing.T) {
	t.Parallel()
	w, token, a := withDraft(t)
	for _, c := range []struct{ code, location, content, field, value string }{
		{"invalid_option", "form.answerBase", smallBank, "answerBase", "roman"},
		{"invalid_option", "form.header", smallBank, "header", "perhaps"},
		{"invalid_option", "form.skipRows", smallBank, "skipRows", "ten"},
		{"invalid_option", "form.edits", smallBank, "edits", "{}"},
		{"invalid_mapping", "form.mapping", smallBank, "mapping", `{"A": "colour"}`},
		{"edit_not_found", "form.edits", smallBank, "edits", `[{"row": 9, "column": "A", "value": "x"}]`},
		{"unknown_delimiter", "form.delimiter", smallBank, "delimiter", "*"},
		{"unknown_encoding", "form.encoding", smallBank, "encoding", "ebcdic"},
		{"columns_not_recognised", "form.mapping", "x,y\n1,2\n", "dryRun", "true"},
		{"empty_file", "form.file", "", "dryRun", "true"},
	} {
		r, report := w.upload(token, a, "bank.csv", []byte(c.content), c.field, c.value)
		if r.status != 422 || report.Code != c.code || len(report.Errors) != 1 || report.Errors[0].Location != c.location || report.Errors[0].Message == "" {
			t.Errorf("%s=%s: %d %s, want %s at %s", c.field, c.value, r.status, r.body, c.code, c.location)
		}
	}
}

func TestARetryUnderItsKeyImportsOnce(t *testing.T) {
	t.Parallel()
	w, token, a := withDraft(t)
	send := func(content, key string, fields ...string) reply {
		body, contentType := formOf(t, "bank.csv", []byte(content), fields...)
		return w.call("POST", "/api/v1/assessments/"+a+"/questions/import", token, bytes.NewReader(body), "Content-Type", contentType, "Idempotency-Key", key)
	}
	var twins sync.WaitGroup
	replies := make([]reply, 4)
	for i := range replies {
		twins.Go(func() { replies[i] = send(smallBank, "once") })
	}
	twins.Wait()
	// The boundary of the form is another each time; it is the same request all the same.
	for _, r := range replies {
		if r.status != 201 || !bytes.Equal(r.body, replies[0].body) || r.header.Get("Location") != replies[0].header.Get("Location") {
			t.Errorf("%d %s, want %s", r.status, r.body, replies[0].body)
		}
	}
	if n, m := w.questionCount(a), w.number(`SELECT count(*) FROM imports`); n != 2 || m != 1 {
		t.Errorf("%d questions by %d imports", n, m)
	}
	if r := send(smallBank+"And FTP?,21,22,a,1\n", "once"); r.status != 422 || r.code() != "idempotency_key_reused" {
		t.Errorf("another file under the key: %d %s", r.status, r.body)
	}
	if r := send(smallBank, "once", "answerBase", "letter"); r.status != 422 || r.code() != "idempotency_key_reused" {
		t.Errorf("another option under the key: %d %s", r.status, r.body)
	}
	// A dry run and an import are two requests.
	if r := send(smallBank, "dry", "dryRun", "true"); r.status != 200 {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := send(smallBank, "dry"); r.status != 422 || r.code() != "idempotency_key_reused" {
		t.Errorf("%d %s", r.status, r.body)
	}
	w.must(200, "POST", "/api/v1/assessments/"+a+"/archive", token, nil)
	if r := send(smallBank, "once"); r.status != 201 || !bytes.Equal(r.body, replies[0].body) {
		t.Errorf("the retry after archiving: %d %s", r.status, r.body)
	}
	if r := send(smallBank, "new"); r.status != 409 || r.code() != "assessment_archived" {
		t.Errorf("into an archived assessment: %d %s", r.status, r.body)
	}
}

func TestAnImportGoesNowhereItDoesNotBelong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token, stranger := w.employer(1), w.employer(2)
	a := w.draft(token, "A")
	for _, c := range []struct{ token, assessment string }{{stranger, a}, {token, "0190a000-0000-7000-8000-000000000000"}} {
		if r, report := w.upload(c.token, c.assessment, "bank.csv", []byte(smallBank)); r.status != 404 || report.Code != "assessment_not_found" {
			t.Errorf("%d %s", r.status, r.body)
		}
	}
	if r, _ := w.upload("", a, "bank.csv", []byte(smallBank)); r.status != 401 {
		t.Errorf("%d %s", r.status, r.body)
	}
	if n := w.questionCount(a) + w.number(`SELECT count(*) FROM imports`); n != 0 {
		t.Errorf("%d rows", n)
	}
}

func TestImportsIntoOneDraftFollowEachOther(t *testing.T) {
	t.Parallel()
	w, token, a := withDraft(t)
	const each = 1500
	file := func(name string) []byte {
		var b strings.Builder
		b.WriteString("question,a,b,answer\n")
		for i := range each {
			fmt.Fprintf(&b, "%s %d,x,y,b\n", name, i)
		}
		return []byte(b.String())
	}
	var both sync.WaitGroup
	for _, name := range []string{"first", "second"} {
		both.Go(func() { w.imported(token, a, name+".csv", file(name)) })
	}
	// Publishing stands before, between or behind them, or finds nothing to publish: never half an import.
	both.Go(func() {
		if r := w.call("POST", "/api/v1/assessments/"+a+"/publish", token, nil); r.status != 200 && r.code() != "not_ready" {
			t.Errorf("%d %s", r.status, r.body)
		}
	})
	both.Wait()
	all := w.questions(token, a)
	if len(all) != 2*each {
		t.Fatalf("%d questions", len(all))
	}
	for i, q := range all {
		name, _, _ := strings.Cut(all[i/each*each].Prompt, " ")
		if q.Position != i+1 || q.Prompt != fmt.Sprintf("%s %d", name, i%each) {
			t.Fatalf("question %d is %+v", i, q)
		}
	}
	var versions struct{ Items []struct{ QuestionCount int } }
	w.must(200, "GET", "/api/v1/assessments/"+a+"/versions", token, nil).into(t, &versions)
	for _, v := range versions.Items {
		if v.QuestionCount%each != 0 {
			t.Errorf("a version of %d questions", v.QuestionCount)
		}
	}
}

func TestADraftHoldsNoMoreThanItMay(t *testing.T) {
	t.Parallel()
	w, token, a := withDraft(t)
	w.imported(token, a, "bank.csv", append([]byte("question,a,b,answer\n"), bytes.Repeat([]byte("q,x,y,b\n"), 50_000)...))
	if r, report := w.upload(token, a, "bank.csv", []byte(smallBank)); r.status != 422 || report.Code != "too_many_questions" {
		t.Errorf("%d %s", r.status, r.body)
	}
	if n := w.questionCount(a); n != 50_000 {
		t.Errorf("%d questions", n)
	}
	if n := w.number(`SELECT count(*) FROM imports`); n != 1 {
		t.Errorf("%d imports", n)
	}
}

// rawUpload sends a body of the test's own making.
func (w *world) rawUpload(token, assessment, contentType string, body []byte) reply {
	w.t.Helper()
	return w.call(http.MethodPost, "/api/v1/assessments/"+assessment+"/questions/import", token, bytes.NewReader(body), "Content-Type", contentType)
}
