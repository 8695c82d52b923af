package app_test

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/url"
	"strconv"
	"testing"

	"credlane/app/kit/corpustest"
)

// importReport is the report of an import, or the problem that carries it.
type importReport struct {
	ID                         string
	Code, Detail               string
	DryRun                     *bool
	Accepted, Rejected, Warned int
	ErrorCount, WarningCount   int
	Errors, Warnings           []importIssue
	File                       *struct {
		Name, SHA256, Format, Encoding, Delimiter, Sheet string
		Sheets                                           []string
		Header                                           bool
	}
	Mapping    map[string]string
	AnswerBase string
	Sample     []struct {
		Row   int
		Cells []string
	}
	Sheets   []string
	Readings []struct{ AnswerBase string }
}

type importIssue struct {
	Row                             int
	Column, Code, Message, Location string
}

// withDraft is a world with an employer, a token of theirs and an empty draft.
func withDraft(t *testing.T) (w *world, token, draft string) {
	t.Helper()
	w = newWorld(t)
	token = w.employer(1)
	return w, token, w.draft(token, "A")
}

// formOf is a multipart form: pairs of name and value, then the file.
func formOf(t *testing.T, name string, content []byte, fields ...string) (body []byte, contentType string) {
	t.Helper()
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for i := 0; i+1 < len(fields); i += 2 {
		if err := w.WriteField(fields[i], fields[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	part, err := w.CreateFormFile("file", name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), w.FormDataContentType()
}

// upload imports a file into an assessment.
func (w *world) upload(token, assessment, name string, content []byte, fields ...string) (reply, importReport) {
	w.t.Helper()
	body, contentType := formOf(w.t, name, content, fields...)
	r := w.call("POST", "/api/v1/assessments/"+assessment+"/questions/import", token, bytes.NewReader(body), "Content-Type", contentType)
	var report importReport
	r.into(w.t, &report)
	return r, report
}

// imported is upload of what must be taken as a whole.
func (w *world) imported(token, assessment, name string, content []byte, fields ...string) importReport {
	w.t.Helper()
	r, report := w.upload(token, assessment, name, content, fields...)
	if r.status != 201 {
		w.t.Fatalf("import of %s: %d, want 201: %.600s", name, r.status, r.body)
	}
	return report
}

func (w *world) draft(token, title string) (id string) {
	w.t.Helper()
	var a struct{ ID string }
	w.must(201, "POST", "/api/v1/assessments", token, obj{"title": title}).into(w.t, &a)
	return a.ID
}

// questionOut is a question as its author reads it.
type questionOut struct {
	ID, Type, Prompt, Difficulty, Explanation, CreditRule string
	Position                                              int
	Options                                               []struct{ ID, Text string }
	Points                                                json.Number
	Tags                                                  []string
	AnswerKey                                             json.RawMessage
}

// rights gives the texts of the right options.
func (q questionOut) rights(t *testing.T) (texts []string) {
	t.Helper()
	var key struct {
		OptionID  string
		OptionIDs []string
	}
	if err := json.Unmarshal(q.AnswerKey, &key); err != nil {
		t.Fatal(err)
	}
	for _, o := range q.Options {
		for _, id := range append(key.OptionIDs, key.OptionID) {
			if o.ID == id {
				texts = append(texts, o.Text)
			}
		}
	}
	return texts
}

// questions reads all questions of a draft, page by page.
func (w *world) questions(token, assessment string) (all []questionOut) {
	w.t.Helper()
	path := "/api/v1/assessments/" + assessment + "/questions?limit=200"
	for next := path; ; {
		var page struct {
			Items      []questionOut
			NextCursor *string
		}
		w.must(200, "GET", next, token, nil).into(w.t, &page)
		all = append(all, page.Items...)
		if page.NextCursor == nil {
			return all
		}
		next = path + "&cursor=" + url.QueryEscape(*page.NextCursor)
	}
}

// number runs a query that gives one number.
func (w *world) number(sql string, args ...any) (n int) {
	w.t.Helper()
	if err := w.db.Pool.QueryRow(w.t.Context(), sql, args...).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// questionCount counts in the database itself, keys included.
func (w *world) questionCount(assessment string) int {
	w.t.Helper()
	n := w.number(`SELECT count(*) FROM questions WHERE assessment_id = $1`, assessment)
	if keys := w.number(`SELECT count(*) FROM answer_keys k JOIN questions q ON q.id = k.question_id WHERE q.assessment_id = $1`, assessment); keys != n {
		w.t.Fatalf("%d questions and %d keys", n, keys)
	}
	return n
}

// bank is what the corpus expects of a file or of one of its sheets.
type bank struct {
	Accept, Reject int
	Rejects        []json.RawMessage
	Warnings       map[string]int
}

// rows are the numbers of the rows to be rejected, as skipRows takes them.
func (b bank) rows(t *testing.T) (rows []int) {
	t.Helper()
	for _, raw := range b.Rejects {
		var pair []any
		if err := json.Unmarshal(raw, &pair); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, int(pair[0].(float64)))
	}
	return rows
}

func corpusFile(t *testing.T, name string) []byte {
	t.Helper()
	content, ok := corpustest.Read(t, name)
	if !ok {
		t.Fatal("the corpus went away")
	}
	return content
}

func jsonList(t *testing.T, rows []int) string {
	t.Helper()
	b, err := json.Marshal(rows)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// perfect sits the published assessment with the answers of its first version's keys, and gives the score.
func (w *world) perfect(token, assessment, slug, email string) string {
	w.t.Helper()
	var version struct{ Questions []questionOut }
	w.must(200, "GET", "/api/v1/assessments/"+assessment+"/versions/1", token, nil).into(w.t, &version)
	s := w.start(slug, email)
	for _, q := range version.Questions {
		var key struct {
			OptionID  string
			OptionIDs []string
			Accepted  []string
			Value     any
		}
		if err := json.Unmarshal(q.AnswerKey, &key); err != nil {
			w.t.Fatal(err)
		}
		answer := map[string]any{
			"single_choice": key.OptionID, "multiple_choice": key.OptionIDs, "true_false": key.Value, "numeric": key.Value,
			"short_text": append(key.Accepted, "")[0],
		}[q.Type]
		w.must(200, "PUT", "/api/v1/public/submission/answers/"+q.ID, s.SubmissionToken, obj{"answer": answer, "sequence": 1})
	}
	w.must(200, "POST", "/api/v1/public/submission/submit", s.SubmissionToken, nil)
	var done struct{ Score json.Number }
	w.must(200, "GET", "/api/v1/submissions/"+s.Submission.ID, token, nil).into(w.t, &done)
	if f, err := strconv.ParseFloat(done.Score.String(), 64); err != nil || f != 100 {
		w.t.Errorf("a perfect candidate scores %s", done.Score)
	}
	return done.Score.String()
}
