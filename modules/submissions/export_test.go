package submissions

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"credlane/app/kit/exact"
	"credlane/app/kit/rest"
)

// naughtyCrowd puts each hostile string into a name, a note, a tag and an answer.
func naughtyCrowd(d *desk) ([]sat, []string) {
	d.t.Helper()
	texts := []string{"=1+1", "+1", "-2", "-2+3", "@SUM(A1)", "\tx", "\rx", "\nx", " =1", "\u00a0=1", "\u3000＝1", "＋1", "－1", "＠a", "\u200b=1", "﹦1",
		"a,b", `say "hi"`, "two\nlines", "cr\rlf\r\n", "'quoted", "", "  spaces  ", "Ünïcödé", "𝒳", "true", "1,5", "-1.5", "1e5", "007", "=", "'"}
	for _, text := range corpusStrings(d.t) {
		if utf8.ValidString(text) && !strings.ContainsRune(text, 0) {
			texts = append(texts, text)
		}
	}
	var all []sat
	for i, text := range texts {
		s := sat{id: fixed(7, i+1), version: d.version, name: text, email: "p@example.org", status: Submitted, score: 66_67, note: text,
			started: opened.Add(1500 * time.Microsecond), spent: 90 * time.Second, decision: "hold", tags: []string{text}}
		if strings.TrimSpace(text) == "" || len([]rune(text)) > 200 {
			s.name, s.tags = "Nobody", nil
		}
		answer, err := json.Marshal(text)
		if err != nil {
			d.t.Fatal(err)
		}
		s.answers = []satAnswer{
			{fixed(4, 1), `"` + option(12).String() + `"`, exact.Nothing()},
			{fixed(4, 2), `["` + option(21).String() + `","` + option(20).String() + `"]`, exact.Fraction{Num: 2, Den: 3}},
			{fixed(4, 3), `true`, exact.Everything()},
			{fixed(4, 4), string(answer), exact.Nothing()},
			{fixed(4, 5), `"-1,5"`, exact.Everything()},
		}
		all = append(all, s)
	}
	return all, texts
}

// unsafe is the independent reading of what a spreadsheet may take for a formula, by hand for the strings above.
func startsFormula(text string) bool {
	if _, err := strconv.ParseFloat(strings.Replace(text, ",", ".", 1), 64); err == nil && !strings.ContainsAny(text, " \t_xXpPeEnN") {
		return false
	}
	if text != "" && strings.ContainsAny(text[:1], "\t\r\n") {
		return true
	}
	for _, r := range strings.Trim(text, " \t\r\n\v\f\u00a0\u3000\u200b\u2003\u1680\u2028\u0085") {
		return strings.ContainsRune("=+-@＝＋－＠﹦−", r)
	}
	return false
}

func TestACSVExportReadsBackByteForByteAndIsNoFormula(t *testing.T) {
	t.Parallel()
	d := newDesk(t, rest.Options{})
	all, texts := naughtyCrowd(d)
	d.seat(all)
	r := d.call(asViewer, "GET", d.assessmentPath()+"/submissions.csv", nil)
	d.wants(r, 200, "")
	if !bytes.HasSuffix(r.body, []byte("\r\n")) || bytes.Contains(r.body, []byte("\n\r\n")) || !utf8.Valid(r.body) || bytes.HasPrefix(r.body, []byte(byteOrderMark)) {
		t.Error("not plain RFC 4180 in UTF-8")
	}
	rows, err := csv.NewReader(bytes.NewReader(r.body)).ReadAll()
	if err != nil || len(rows) != len(all)+1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	// encoding/csv reads CRLF inside of a field as LF; RFC 4180 has it as it stands, so the bytes are looked at as well.
	readBack := func(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }
	if got := strings.Join(rows[0], "|"); !strings.HasPrefix(got, "submission_id|name|email|status|version|started_at|") ||
		!strings.HasSuffix(got, "|q1 answer: Question 1 & more|q1 points|q2 answer: Question 2 & more|q2 points|"+
			"q3 answer: Question 3 & more|q3 points|q4 answer: Question 4 & more|q4 points|q5 answer: Question 5 & more|q5 points") {
		t.Errorf("header: %s", got)
	}
	for i, row := range rows[1:] {
		text, note, answer := texts[i], row[16], row[23]
		want := text
		if startsFormula(text) {
			want = "'" + text
		}
		if note != readBack(want) {
			t.Errorf("note %q came back as %q", text, note)
		}
		// The answer has been through jsonb, which keeps text as it is.
		if answer != readBack(want) {
			t.Errorf("answer %q came back as %q", text, answer)
		}
		if !bytes.Contains(r.body, []byte(strings.ReplaceAll(want, `"`, `""`))) {
			t.Errorf("the bytes of %q are not in the file", want)
		}
		fixed := []string{all[i].id.String(), row[1], "p@example.org", "submitted", "1", "2026-03-02T09:00:00.0015Z", "2026-03-02T09:30:00.0015Z",
			"2026-03-02T09:01:30.0015Z", "90", "0", "5", "66.67", "60", "true", "hold", row[15], note,
			"Option <12>", "0", "Option <20> | Option <21>", "0.667", "true", "1", answer, "0", "-1,5", "1"}
		if got := strings.Join(row, "|"); got != strings.Join(fixed, "|") {
			t.Errorf("row %d:\n%s, want\n%s", i, got, strings.Join(fixed, "|"))
		}
	}
	marked := d.call(asViewer, "GET", d.assessmentPath()+"/submissions.csv?bom=true", nil)
	if !bytes.Equal(marked.body, append([]byte(byteOrderMark), r.body...)) {
		t.Error("bom=true changes more than the first three bytes")
	}
}

func TestAnXLSXExportReadsBackAsTextNumbersAndTimes(t *testing.T) {
	t.Parallel()
	d := newDesk(t, rest.Options{})
	all, texts := naughtyCrowd(d)
	d.seat(all)
	r := d.call(asViewer, "GET", d.assessmentPath()+"/submissions.xlsx", nil)
	d.wants(r, 200, "")
	f, err := excelize.OpenReader(bytes.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	rows, err := f.GetRows("Submissions", excelize.Options{RawCellValue: true})
	if err != nil || len(rows) != len(all)+1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, row := range rows[1:] {
		want := texts[i]
		if startsFormula(want) {
			want = "'" + want
		}
		// XML has no control characters, whatever escapes them.
		want = strings.Map(func(r rune) rune {
			if r < 0x20 && !strings.ContainsRune("\t\r\n", r) || r == 0xfffe || r == 0xffff {
				return utf8.RuneError
			}
			return r
		}, want)
		if row[16] != want || row[23] != want {
			t.Errorf("%q came back as %q and %q", want, row[16], row[23])
		}
	}
	for cell, want := range map[string]string{"E2": "1", "L2": "66.67", "I2": "90", "U2": "0.667", "F2": "2026-03-02 09:00:00", "R2": "Option <12>", "N2": "true"} {
		if got, err := f.GetCellValue("Submissions", cell); err != nil || got != want {
			t.Errorf("%s is %q, want %q (%v)", cell, got, want, err)
		}
	}
	for cell, want := range map[string]excelize.CellType{"L2": excelize.CellTypeUnset, "U2": excelize.CellTypeUnset, "F2": excelize.CellTypeUnset,
		"B2": excelize.CellTypeInlineString, "Q2": excelize.CellTypeInlineString} {
		if got, err := f.GetCellType("Submissions", cell); err != nil || got != want {
			t.Errorf("%s has type %d, want %d (%v)", cell, got, want, err)
		}
		if formula, err := f.GetCellFormula("Submissions", cell); err != nil || formula != "" {
			t.Errorf("%s holds the formula %q (%v)", cell, formula, err)
		}
	}
}

func TestAnNDJSONExportKeepsEverythingExactly(t *testing.T) {
	t.Parallel()
	d := newDesk(t, rest.Options{})
	all, texts := naughtyCrowd(d)
	all[1].status, all[1].decision = InProgress, ""
	d.seat(all)
	r := d.call(asViewer, "GET", d.assessmentPath()+"/submissions.ndjson", nil)
	d.wants(r, 200, "")
	lines := bytes.Split(bytes.TrimSuffix(r.body, []byte("\n")), []byte("\n"))
	if len(lines) != len(all) {
		t.Fatalf("%d lines, want %d", len(lines), len(all))
	}
	for i, line := range lines {
		var e Exported
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("line %d: %v", i, err)
		}
		var answer string
		if err := json.Unmarshal(e.Answers[3].Answer, &answer); err != nil || answer != texts[i] || e.Note != texts[i] || e.Candidate.Name != all[i].name {
			t.Errorf("%q came back as %q, note %q, name %q (%v)", texts[i], answer, e.Note, e.Candidate.Name, err)
		}
		if scored := e.Answers[1].Credit != nil; scored == (i == 1) || scored != (e.Answers[1].Earned != nil) ||
			scored && (*e.Answers[1].Credit != (CreditShare{2, 3}) || *e.Answers[1].Earned != 667) || e.Answers[4].Position != 5 || e.Version != 1 {
			t.Errorf("line %d: %s", i, line)
		}
		if (e.Score == nil) != (i == 1) || (e.Decision == nil) != (i == 1) {
			t.Errorf("line %d: score %v, decision %v", i, e.Score, e.Decision)
		}
	}
}

func TestExportsTakeTheFiltersNameTheirFileAndLeaveATrace(t *testing.T) {
	t.Parallel()
	d := newDesk(t, rest.Options{})
	second := secondVersion(d.version)
	added := second.Questions[0]
	added.ID, added.Prompt = fixed(4, 6), "=new\nquestion "+strings.Repeat("long ", 30)
	second.Questions = append([]Question{added}, second.Questions[1:]...)
	d.add(second)
	all := crowd(d.version, second, 1200) // more than two batches
	d.seat(all)
	d.exec(`UPDATE assessments SET title = $2 WHERE id = $1`, d.version.AssessmentID, "Größe: \"a/b\"; rm\u202e\n")
	for _, c := range filterCases() {
		want := 0
		for _, s := range all {
			if c.keep(s) {
				want++
			}
		}
		r := d.call(asViewer, "GET", d.assessmentPath()+"/submissions.csv"+query(c.query...), nil)
		d.wants(r, 200, "")
		rows, err := csv.NewReader(bytes.NewReader(r.body)).ReadAll()
		if err != nil || len(rows) != want+1 {
			t.Errorf("%v: %d rows, want %d (%v)", c.query, len(rows)-1, want, err)
		}
		_, params, err := mime.ParseMediaType(r.header.Get("Content-Disposition"))
		name := "Größe- -a-b-- rm submissions.csv"
		if c.query != nil {
			name = "Größe- -a-b-- rm submissions (filtered).csv"
		}
		if err != nil || params["filename"] != name {
			t.Errorf("file name %q, want %q (%v)", params["filename"], name, err)
		}
		if c.query == nil {
			if head := rows[0]; len(head) != 17+12 || !strings.HasPrefix(head[17], "q1 answer: =new question long") || head[27] != "q6 answer: Question 1 & more" {
				t.Errorf("header: %q", head)
			}
		}
		rowsNoted := one[int](d.world, `SELECT (after->>'rows')::int FROM audit_events ORDER BY id DESC LIMIT 1`)
		if rowsNoted != want {
			t.Errorf("%v: %d rows noted, want %d", c.query, rowsNoted, want)
		}
	}
	n := one[int](d.world, `SELECT count(*) FROM audit_events WHERE action = 'submissions.exported' AND actor_id = $1 AND object_id = $2`,
		d.people[asViewer].UserID, d.version.AssessmentID)
	if n != len(filterCases()) {
		t.Errorf("%d exports noted, want %d", n, len(filterCases()))
	}
	if r := d.call(asViewer, "HEAD", d.assessmentPath()+"/submissions.csv", nil); r.status != 200 || r.header.Get("Content-Disposition") == "" {
		t.Errorf("HEAD: %d", r.status)
	}
}

func TestTooManyRowsForAWorkbookPointToCSV(t *testing.T) {
	t.Parallel()
	d := newDesk(t, rest.Options{})
	d.fill(d.version, 1, MaxXLSXRows+1, "")
	r := d.call(asViewer, "GET", d.assessmentPath()+"/submissions.xlsx", nil)
	d.wants(r, 422, "too_many_rows")
	if !strings.Contains(string(r.body), "CSV") {
		t.Errorf("the problem does not point to CSV: %s", r.body)
	}
	if n := one[int](d.world, `SELECT count(*) FROM audit_events`); n != 0 {
		t.Errorf("%d exports noted that never were", n)
	}
}

// fill makes the submissions numbered from to last of a version, handed in and with a note, by SQL.
func (d *desk) fill(v Version, from, last int, note string) {
	d.t.Helper()
	d.exec(`INSERT INTO users (id, email, name, created_at, updated_at)
		SELECT ('0190a000-0007-7000-8000-' || lpad(i::text, 12, '0'))::uuid, 'u' || i || '@fill.test', 'P', $3, $3
		  FROM generate_series($1::int, $2::int) i`, from, last, opened)
	d.exec(`INSERT INTO submissions (id, employer_id, assessment_id, version_id, candidate_user_id, name, email, consent_at, notice_version, layout,
			status, started_at, deadline_at, submitted_at, points, points_total, score, passing_score, passed, note, credits)
		SELECT ('0190a000-0007-7000-8000-' || lpad(i::text, 12, '0'))::uuid, $3, $4, $5, ('0190a000-0007-7000-8000-' || lpad(i::text, 12, '0'))::uuid,
			'Person ' || i, 'u' || i || '@fill.test', $6, 1, '[]', 'submitted', $6, $6::timestamptz + interval '30 min',
			$6::timestamptz + (i % 1000) * interval '1 s', 3, 5, (i % 101), 60, (i % 101) >= 60, $7, '{1,1,2,3,0,1}'
		  FROM generate_series($1::int, $2::int) i`, from, last, v.EmployerID, v.AssessmentID, v.ID, opened, note)
}

func TestASlowOrGoneReaderGivesTheConnectionBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t, rest.Options{ExportStallTimeout: 200 * time.Millisecond})
	r := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, 9000)
	for i := range noise {
		noise[i] = byte('a' + r.IntN(26))
	}
	d.fill(d.version, 1, 2000, string(noise)) // 18 MB: more than the sockets hold
	ended := make(chan struct{}, 16)
	server := httptest.NewUnstartedServer(d.server.Config.Handler)
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed {
			ended <- struct{}{}
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	for _, suffix := range []string{"csv", "ndjson"} {
		for _, leave := range []bool{false, true} {
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(conn, "GET /api/v1%s/submissions.%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", d.assessmentPath(), suffix, asViewer)
			if _, err := io.ReadFull(conn, make([]byte, 50_000)); err != nil {
				t.Fatal(err)
			}
			if n := d.module.DB.Stat().AcquiredConns(); n != 1 {
				t.Errorf("%s: %d connections held while it runs, want 1", suffix, n)
			}
			if leave {
				_ = conn.Close()
			}
			select {
			case <-ended:
			case <-time.After(time.Minute):
				t.Fatalf("%s: the export of a reader who stands still goes on", suffix)
			}
			d.wholePool()
			if d.module.exports.taken() != 0 {
				t.Errorf("%s: its place is still taken", suffix)
			}
			_ = conn.Close()
		}
	}
}

// wholePool fails unless every connection of the pool can be had: the pool takes a broken one off in the background.
func (d *desk) wholePool() {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), 30*time.Second)
	defer cancel()
	for range d.module.DB.Config().MaxConns {
		conn, err := d.module.DB.Acquire(ctx)
		if err != nil {
			d.t.Fatalf("a connection was never given back: %v", err)
		}
		defer conn.Release()
	}
}
