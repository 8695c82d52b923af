package app_test

import (
	"bytes"
	"strings"
	"testing"

	"credlane/app/kit/corpustest"
)

// importPreview is the preview of a dry run, or of the problem that asks.
type importPreview struct {
	Code    string
	Mapping map[string]string
	File    *struct{ Format, Delimiter string }
	Preview *struct {
		HeaderRow, LastRow int
		HeaderCells        []string
		Rows               []struct {
			Row   int
			State string
			Cells []string
		}
	}
	Errors []struct {
		Row    int
		Column string
		Fix    *struct{ Value string }
	}
}

func (w *world) previewed(token, path, name, content string, fields ...string) (reply, importPreview) {
	w.t.Helper()
	body, contentType := formOf(w.t, name, []byte(content), fields...)
	r := w.call("POST", path, token, bytes.NewReader(body), "Content-Type", contentType)
	var p importPreview
	r.into(w.t, &p)
	return r, p
}

func TestTheImportPageIsThereForWhoMayImport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.employer(1)
	id := w.draft(token, "Go <b>& Postgres</b>")
	page := w.page("/app/assessments/"+id+"/import", token)
	for _, want := range []string{
		`data-assessment="` + id + `"`, "Go &lt;b&gt;&amp; Postgres&lt;/b&gt;", `href="/api/v1/imports/template.xlsx"`, `href="/api/v1/imports/template.csv"`,
		`<input type="file"`, "<h1>Import questions</h1>", `aria-label="Import steps"`, "<noscript>",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	if fresh := w.page("/app/import", token); !strings.Contains(fresh, `data-assessment=""`) || strings.Contains(fresh, `id="tabs"`) {
		t.Error("the page without an assessment shows one")
	}
	viewer := w.member(token, "viewer@example.com", "viewer")
	for _, path := range []string{"/app/import", "/app/assessments/" + id + "/import"} {
		if r := w.call("GET", path, viewer, nil); r.status != 403 {
			t.Errorf("a viewer's %s: %d", path, r.status)
		}
		if r := w.call("GET", path, "", nil); r.status != 303 {
			t.Errorf("a stranger's %s: %d", path, r.status)
		}
	}
	for _, path := range []string{"/app/assessments/nothing/import", "/app/assessments/" + id + "/import"} {
		if r := w.call("GET", path, w.employer(2+len(path)), nil); r.status != 404 {
			t.Errorf("another employer's %s: %d", path, r.status)
		}
	}
}

func TestAnArchivedAssessmentOffersNoImport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.employer(1)
	id, _ := w.published(token)
	w.must(200, "POST", "/api/v1/assessments/"+id+"/archive", token, nil)
	if page := w.page("/app/assessments/"+id+"/import", token); strings.Contains(page, `type="file"`) || !strings.Contains(page, "archived") {
		t.Error("an archived assessment's page takes a file")
	}
}

func TestADryRunGivesThePageWhatItShows(t *testing.T) {
	t.Parallel()
	w, token, a := withDraft(t)
	path := "/api/v1/assessments/" + a + "/questions/import"
	file := smallBank + "Which port is DNS?,53,80,Option A,1\n"
	r, p := w.previewed(token, path, "bank.csv", file, "dryRun", "true", "preview", "1")
	if r.status != 200 || p.Preview == nil || p.Preview.HeaderRow != 1 || p.Preview.LastRow != 4 || len(p.Preview.Rows) != 2 ||
		p.Preview.Rows[0].State != "right" || p.Preview.Rows[1].State != "wrong" || p.Preview.Rows[1].Cells[3] != "Option A" {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if p.Errors[0].Fix == nil || p.Errors[0].Fix.Value != "A" {
		t.Errorf("%+v", p.Errors)
	}
	if r, p = w.previewed(token, path, "bank.csv", file, "dryRun", "true"); r.status != 200 || p.Preview != nil {
		t.Errorf("a preview that nobody asked for: %s", r.body)
	}
	if r, p = w.previewed(token, path, "bank.csv", file, "preview", "5"); r.status != 422 || p.Code != "import_rejected" || len(p.Preview.Rows) != 3 {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r, p = w.previewed(token, path, "bank.csv", "eins;zwei;drei\nHTTPS?;443;80\n", "dryRun", "true", "preview", "5"); r.status != 422 ||
		p.Code != "columns_not_recognised" || p.File == nil || p.File.Delimiter != ";" || len(p.Preview.Rows) != 2 || p.Preview.Rows[0].Cells[1] != "zwei" {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r, p = w.previewed(token, path, "bank.csv", file, "dryRun", "true", "preview", "201"); r.status != 422 || p.Code != "invalid_option" {
		t.Errorf("%d %s", r.status, r.body)
	}
	if n := w.questionCount(a); n != 0 {
		t.Errorf("%d questions", n)
	}
}

func TestAFileIsCheckedBeforeThereIsADraft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.employer(1)
	viewer := w.member(token, "viewer@example.com", "viewer")
	before := w.number(`SELECT count(*) FROM audit_events`)
	const path = "/api/v1/imports/check"
	var got struct{ Accepted, Rejected int }
	r, _ := w.previewed(token, path, "bank.csv", smallBank+",x,y,a,1\n", "preview", "200", "dryRun", "true")
	if r.into(t, &got); r.status != 200 || got.Accepted != 2 || got.Rejected != 1 {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r, p := w.previewed(token, path, "bank.xls", "question,a\n"); r.status != 422 || p.Code != "not_what_its_name_says" {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r, _ := w.previewed(viewer, path, "bank.csv", smallBank); r.status != 403 {
		t.Errorf("a viewer's check: %d", r.status)
	}
	if n := w.number(`SELECT count(*) FROM imports`) + w.number(`SELECT count(*) FROM assessments`); n != 0 {
		t.Errorf("%d rows were written", n)
	}
	if n := w.number(`SELECT count(*) FROM audit_events`); n != before {
		t.Errorf("%d audit events, want %d", n, before)
	}
}

func TestARealFileIsMendedByWhatItsPreviewShows(t *testing.T) {
	t.Parallel()
	if _, ok := corpustest.Dir(t); !ok {
		return
	}
	w, token, a := withDraft(t)
	content := corpusFile(t, "banks_csv/opentdb_v2.csv")
	path := "/api/v1/assessments/" + a + "/questions/import"
	r, p := w.previewed(token, path, "bank.csv", string(content), "dryRun", "true", "preview", "200")
	wrong := 0
	for _, row := range p.Preview.Rows {
		if row.State == "wrong" {
			wrong++
			if row.Row != 3136 || len(row.Cells) != 5 {
				t.Errorf("%+v", row)
			}
		}
	}
	if wrong != 1 || len(r.body) > 400_000 {
		t.Errorf("%d wrong rows in %d bytes", wrong, len(r.body))
	}
	if r, p = w.previewed(token, path, "bank.csv", string(content), "dryRun", "true", "preview", "200", "previewFrom", "4500"); p.Preview.Rows[len(p.Preview.Rows)-1].Row != p.Preview.LastRow {
		t.Errorf("the last rows cannot be seen: %.300s", r.body)
	}
}
