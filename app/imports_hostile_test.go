package app_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"credlane/app/kit/corpustest"
)

func TestEveryTortureFileIsAnsweredInPlainWords(t *testing.T) {
	t.Parallel()
	_, entries, ok := corpustest.Load(t)
	if !ok {
		return
	}
	w, token, a := withDraft(t)
	sent := 0
	for name := range entries {
		if !strings.Contains(name, "_torture/") || strings.HasSuffix(name, ".json") {
			continue
		}
		sent++
		content := corpusFile(t, name)
		for _, fields := range [][]string{nil, {"header", "false", "mapping", `{"A": "prompt", "B": "answer"}`, "answerBase", "text"}} {
			r, report := w.upload(token, a, path.Base(name), content, fields...)
			switch {
			case r.status == 201 && fields != nil: // two columns of anything are questions, if the sender says so
			case r.status != 422 || len(report.Detail) < 20 || len(report.Errors) == 0:
				t.Errorf("%s %v: %d %.300s", name, fields, r.status, r.body)
			}
			for _, word := range []string{"zip:", "XML syntax", "excelize", "panic", "runtime", "/tmp", "EOF", "goroutine"} {
				if strings.Contains(report.Detail, word) && !strings.Contains(name, word) {
					t.Errorf("%s: a library speaks: %s", name, report.Detail)
				}
			}
		}
	}
	if sent < 50 {
		t.Errorf("only %d files", sent)
	}
}

func TestFormsThatAreNotAsTheyShouldBeAreRefused(t *testing.T) {
	t.Parallel()
	w, token, a := withDraft(t)
	good, contentType := formOf(t, "bank.csv", []byte(smallBank), "dryRun", "true")
	boundary := contentType[strings.Index(contentType, "boundary=")+len("boundary="):]
	field := func(name, value string) string {
		return "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
	}
	end := "--" + boundary + "--\r\n"
	file := string(good[strings.Index(string(good), "--"+boundary+"\r\nContent-Disposition: form-data; name=\"file\""):])
	open := strings.TrimSuffix(file, end)
	for name, c := range map[string]struct {
		body   string
		status int
	}{
		"the file before an option": {open + field("dryRun", "true") + end, 400},
		"an option twice":           {field("sheet", "A") + field("sheet", "A") + file, 400},
		"the file twice":            {open + file, 400},
		"an unknown option":         {field("dryrun", "true") + file, 400},
		"no file":                   {field("dryRun", "true") + end, 422},
		"dryRun is no boolean":      {field("dryRun", "perhaps") + file, 422},
		"a NUL in an option":        {field("sheet", "a\x00b") + file, 400},
		"no UTF-8 in an option":     {field("sheet", "a\xffb") + file, 400},
		"an option too long":        {field("sheet", strings.Repeat("x", 70_000)) + file, 422},
		"no end":                    {open, 400},
		"cut in the middle":         {string(good[:bytes.Index(good, []byte("port is SSH"))]), 400},
		"empty":                     {"", 400},
		"too many parts":            {strings.Repeat(field("x", ""), 100) + file, 400},
	} {
		r := w.rawUpload(token, a, contentType, []byte(c.body))
		if r.status != c.status || r.code() == "" {
			t.Errorf("%s: %d %s, want %d", name, r.status, r.body, c.status)
		}
	}
	if r := w.rawUpload(token, a, "application/json", []byte("{}")); r.status != 415 {
		t.Errorf("JSON: %d %s", r.status, r.body)
	}
	big, contentType := formOf(t, "bank.csv", bytes.Repeat([]byte("q,x,y,b\n"), 20<<20/8+1))
	if r := w.rawUpload(token, a, contentType, big); r.status != 413 {
		t.Errorf("more than 20 MiB: %d %s", r.status, r.body)
	}
	if n := w.questionCount(a) + w.number(`SELECT count(*) FROM imports`); n != 0 {
		t.Errorf("%d rows", n)
	}
}

// workbook is a zip of parts.
func workbook(t *testing.T, parts map[string]func(io.Writer)) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for name, write := range parts {
		part, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		write(part)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

const (
	bookTypes = `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/>` +
		`<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>`
	bookRoot = `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" ` +
		`Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`
	bookMain = `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">` +
		`<sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>`
	bookRels = `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
		`<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/>` +
		`<Relationship Id="r2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>`
)

func xmlPart(s string) func(io.Writer) {
	return func(w io.Writer) { _, _ = io.WriteString(w, s) } // a buffer takes everything
}

// sharing is a workbook whose every cell of every row shows one long shared string.
func sharing(t *testing.T, rows, length int) []byte {
	return workbook(t, map[string]func(io.Writer){
		"[Content_Types].xml": xmlPart(bookTypes), "_rels/.rels": xmlPart(bookRoot), "xl/workbook.xml": xmlPart(bookMain), "xl/_rels/workbook.xml.rels": xmlPart(bookRels),
		"xl/sharedStrings.xml": xmlPart(`<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>question</t></si><si><t>a</t></si><si><t>b</t></si>` +
			`<si><t>answer</t></si><si><t>` + strings.Repeat("x", length) + `</t></si></sst>`),
		"xl/worksheets/sheet1.xml": func(w io.Writer) {
			xmlPart(`<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row>`)(w)
			for i := range 4 {
				xmlPart(fmt.Sprintf(`<c t="s"><v>%d</v></c>`, i))(w)
			}
			xmlPart(`</row>`)(w)
			for range rows {
				xmlPart(`<row><c t="s"><v>4</v></c><c t="s"><v>1</v></c><c t="s"><v>2</v></c><c t="s"><v>1</v></c></row>`)(w)
			}
			xmlPart(`</sheetData></worksheet>`)(w)
		},
	})
}

func TestBombsAreRefusedBeforeTheyGoOff(t *testing.T) {
	t.Parallel()
	w, token, a := withDraft(t)
	bomb := workbook(t, map[string]func(io.Writer){
		"[Content_Types].xml": xmlPart(bookTypes), "_rels/.rels": xmlPart(bookRoot), "xl/workbook.xml": xmlPart(bookMain), "xl/_rels/workbook.xml.rels": xmlPart(bookRels),
		"xl/worksheets/sheet1.xml": func(w io.Writer) {
			for range 220 {
				_, _ = w.Write(bytes.Repeat([]byte(" "), 1<<20))
			}
		},
	})
	if r, report := w.upload(token, a, "bomb.xlsx", bomb); r.status != 422 || report.Code != "workbook_too_big" {
		t.Errorf("%d KiB that unpack to 220 MiB: %d %s", len(bomb)>>10, r.status, r.body)
	}
	if r, report := w.upload(token, a, "plain.xlsx", sharing(t, 3, 19_000), "dryRun", "true"); r.status != 200 || report.Accepted != 3 {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r, report := w.upload(token, a, "shared.xlsx", sharing(t, 12_000, 19_000)); r.status != 422 || report.Code != "too_much_text" {
		t.Errorf("a text shown 12,000 times: %d %s", r.status, r.body)
	}
	if n := w.questionCount(a); n != 0 {
		t.Errorf("%d questions", n)
	}
}

func TestAnUploadThatIsCutOffLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	w, token, a := withDraft(t)
	body, contentType := formOf(t, "bank.csv", append([]byte("question,a,b,answer\n"), bytes.Repeat([]byte("q,x,y,b\n"), 50_000)...))
	address, err := url.Parse(w.url)
	if err != nil {
		t.Fatal(err)
	}
	// Cut in the middle of the file, and right behind it while the import works.
	for _, size := range []int{len(body) / 2, len(body)} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address.Host)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST /api/v1/assessments/%s/questions/import HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
			a, address.Host, token, contentType, len(body))
		if _, err := conn.Write(body[:size]); err != nil {
			t.Fatal(err)
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
	}
	// When both have ended, the readers' places and the connections are free again.
	w.eventually("the imports end", func() bool {
		return w.number(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND (state LIKE 'idle in transaction%' OR state = 'active' AND lower(query) LIKE 'copy%')`) == 0 &&
			w.call("GET", "/api/v1/assessments/"+a, token, nil).status == 200
	})
	for range 3 {
		if r, _ := w.upload(token, a, "bank.csv", []byte(smallBank), "dryRun", "true"); r.status != 200 {
			t.Errorf("%d %s", r.status, r.body)
		}
	}
	if n := w.questionCount(a); n != 0 && n != 50_000 {
		t.Errorf("%d questions: half an import", n)
	}
	// Other tests make such files at this very moment, and remove each at once.
	w.eventually("no file is left", func() bool {
		left, err := filepath.Glob(filepath.Join(os.TempDir(), "credlane-*"))
		return err == nil && !slices.ContainsFunc(left, func(name string) bool {
			return strings.HasPrefix(filepath.Base(name), "credlane-import-") || strings.HasPrefix(filepath.Base(name), "credlane-upload-")
		})
	})
}

// eventually waits until ok holds, for as long as the test may take.
func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			w.t.Fatalf("%s: %v", what, errors.Join(errors.New("not within a minute"), ctx.Err()))
		}
	}
}

// nasty draws cells of all kinds that two judges of the same row could see differently.
func nasty(rt *rapid.T, label string) string {
	pieces := []string{"", " ", "x", "easy", "a;b", "1", "0.5", "-0", "1000.001", "1e3", "true", "\u200b", "\ufeff", "\u00a0", "\u3164", "\u2028", "\u202e", "\u2066",
		"\t", "\n", "\r", "\r\n", "\x00", "\x01", "\x7f", "\u0085", "\u009f", "\ufffd", "\ufffd\x00", "\ufffd\x01", "\xff", "é", "e\u0301", "👩‍🚀", "Ⅸ", "，", "　", "ß", "\u1d2e",
		"=1+1", "'", "\"", strings.Repeat("y", 61), strings.Repeat("z", 1001), strings.Repeat("w", 4001), strings.Repeat("é", 1000),
		"a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u", "a|b|c", "5%", "±0.5", "12345678901234567890123456789012", "000000000000000000000000000001"}
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 3).Draw(rt, label), "")
}

// TestWhatTheRowsCheckAcceptsTheDraftTakes: the two judge by the same rules, or an import that was told good would fail.
func TestWhatTheRowsCheckAcceptsTheDraftTakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.employer(1)
	taken := 0
	rapid.Check(t, func(rt *rapid.T) {
		a := w.draft(token, "A")
		var b bytes.Buffer
		out := csv.NewWriter(&b)
		must := func(record ...string) {
			if err := out.Write(record); err != nil {
				rt.Fatal(err)
			}
		}
		must("type", "question", "a", "b", "c", "answer", "points", "tags", "difficulty", "explanation", "tolerance", "case_sensitive", "credit_rule")
		types := rapid.SampledFrom([]string{"", "single_choice", "multiple_choice", "true_false", "short_text", "numeric"})
		for range 40 {
			record := []string{types.Draw(rt, "type"), "Is it?", "first", "second", "third", "first", "1", "", "", "", "", "", ""}
			if record[0] == "numeric" {
				record[5] = "1.5"
			}
			for range 2 {
				at := rapid.IntRange(1, len(record)-1).Draw(rt, "column")
				record[at] += nasty(rt, "cell")
			}
			must(record...)
		}
		out.Flush()
		content := b.Bytes()
		r, report := w.upload(token, a, "bank.csv", content, "answerBase", "text", "dryRun", "true")
		if r.status != 200 {
			rt.Fatalf("%d %s\n%q", r.status, r.body, content)
		}
		var rows []int
		for _, e := range report.Errors {
			rows = append(rows, e.Row)
		}
		if report.Accepted == 0 {
			return
		}
		r, report = w.upload(token, a, "bank.csv", content, "answerBase", "text", "skipRows", jsonList(t, rows))
		if r.status != 201 {
			rt.Fatalf("%d %s\n%q", r.status, r.body, content)
		}
		taken += report.Accepted
	})
	if taken < 100 {
		t.Errorf("only %d rows were good", taken)
	}
}
