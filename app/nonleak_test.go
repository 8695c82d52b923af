package app_test

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// play takes candidates through everything that they can ask for while no score is released, rightly and wrongly.
type play struct {
	*keyedWorld
	all        strings.Builder // every byte that every candidate got
	before     int             // how much of it came before anything was submitted
	statements []string        // sent to the database while nothing was released
	args       []string        // of all statements
	blank      string          // the token of one who answered nothing
	scored     string          // of one who answered
	expired    string          // of one whose time ran out
	invited    string          // of one with a personal link
	browsed    string          // of one who did it all by pages, without script
	visited    []string        // the pages and forms that somebody asked for
}

func (p *play) say(method, path, token, body string) reply {
	p.t.Helper()
	r, heard := p.line.call(method, "/api/v1/public"+path, token, body)
	p.all.WriteString(heard)
	return r
}

func (p *play) save(token string, question int, body any) {
	p.t.Helper()
	p.say("PUT", "/submission/answers/"+p.asked[question], token, asJSON(p.t, body))
}

func (p *play) begin(email string) string {
	p.t.Helper()
	r := p.say("POST", "/assessments/"+p.slug+"/submissions", "", asJSON(p.t, obj{"name": "Ada", "email": email, "consent": true}))
	var s sitting
	if r.into(p.t, &s); s.SubmissionToken == "" || len(s.Questions) != 5 {
		p.t.Fatalf("no start: %d %s", r.status, r.body)
	}
	return s.SubmissionToken
}

// read asks for all that a candidate may read, and for some that no candidate may.
func (p *play) read(token string) {
	p.t.Helper()
	for _, path := range []string{"/submission", "/submission/result", "/submission/data", "/submission/key", "/assessments/" + p.slug} {
		for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
			p.say(method, path, token, "")
		}
	}
	for _, path := range []string{"", "/questions", "/versions/1", "/results", "/submissions", "/submissions.csv"} {
		_, heard := p.line.call("GET", "/api/v1/assessments/"+p.assessment+path, token, "")
		p.all.WriteString(heard)
	}
}

// answers are right in one world, in the other, and in none.
func (p *play) answers(question int) []any {
	switch o := p.options[question]; question {
	case 0:
		return []any{o[1], o[3], o[0]}
	case 1:
		return []any{[]string{o[2], o[0], o[1]}, []string{o[3]}, []string{o[0], o[3]}}
	case 2:
		return []any{true, false}
	case 3:
		return []any{"qUoKkA", "aXoLoTl", " QUOKKA ", "neither"}
	}
	return []any{"90210,50", "-731", "-700.25", "1"}
}

func (p *play) run() {
	p.t.Helper()
	start := "/assessments/" + p.slug + "/submissions"
	for _, slug := range []string{p.slug, "nothinghere", strings.ToUpper(p.slug)} {
		p.say("GET", "/assessments/"+slug, "", "")
	}
	for _, body := range []string{``, `{`, `{"name":"Ada","email":"ada@example.org","consent":false}`, `{"name":"","email":"x","consent":true}`,
		`{"name":"Ada","email":"ada@example.org","consent":true,"score":100}`} {
		p.say("POST", start, "", body)
	}
	p.read("")
	p.scored, p.blank = p.begin("ada@example.org"), p.begin("bob@example.org")
	p.say("POST", start, "", `{"name":"Eve","email":"ADA@example.org","consent":true}`)
	p.read(p.scored)
	p.prove()
	for q := range p.asked {
		sequence := 0
		for _, answer := range p.answers(q) {
			sequence++
			p.save(p.scored, q, obj{"answer": answer, "sequence": sequence})
			p.save(p.scored, q, obj{"answer": answer, "sequence": sequence})
			p.save(p.scored, q, obj{"answer": answer, "flagged": sequence%2 == 1})
			sequence++
		}
		for _, odd := range []any{nil, p.options[0][0], []string{p.options[1][0], p.options[1][0]}, true, "", "many", 1.5, obj{"optionId": "b"}, strings.Repeat("x", 1001)} {
			p.save(p.scored, q, obj{"answer": odd, "sequence": 1})
			p.save(p.scored, q, obj{"answer": odd})
		}
		p.save(p.scored, q, obj{"answer": p.answers(q)[0], "sequence": 1000, "score": 100})
		p.save(p.scored, q, obj{"flagged": true})
		p.save(p.scored, q, obj{"answer": nil, "sequence": 1000, "flagged": true})
		p.save(p.scored, q, obj{"answer": p.answers(q)[0], "sequence": 1001})
		p.save(p.scored+"x", q, obj{"answer": nil})
	}
	p.say("PUT", "/submission/answers/0190a000-0000-7000-8000-000000000000", p.scored, `{"answer":null}`)
	p.say("PUT", "/submission/answers/x", p.scored, `{"answer":null}`)
	p.clock.Advance(time.Minute)
	p.read(p.scored)
	p.browse()
	p.before = p.all.Len()
	p.statements, p.args = p.sent.cut()

	for range 2 {
		for _, token := range []string{p.scored, p.blank, p.invited} {
			p.say("POST", "/submission/submit", token, "")
			p.read(token)
			p.save(token, 0, obj{"answer": p.answers(0)[1]})
			p.save(token, 2, obj{"answer": "no"})
		}
	}
	var back sitting // by the link, which leads to what has ended too
	p.say("POST", p.link+"/submissions", "", "").into(p.t, &back)
	p.read(back.SubmissionToken)
	p.look(p.browsed)
	p.form("/take/finish", p.browsed)
	p.form("/take/finish", p.browsed)
	p.look(p.browsed)
	p.look(p.blank)
	p.expired = p.begin("cyd@example.org")
	p.save(p.expired, 0, obj{"answer": p.answers(0)[0]})
	p.clock.Advance(time.Hour)
	p.save(p.expired, 0, obj{"answer": nil})
	p.say("POST", "/submission/submit", p.expired, `{}`)
	p.read(p.expired)
	p.look(p.expired)
}

// prove goes through the ways to prove an address, rightly and wrongly: a personal link, and a code for who has begun already.
func (p *play) prove() {
	p.t.Helper()
	token := func(r reply, status int) string {
		p.t.Helper()
		var s sitting
		if r.into(p.t, &s); r.status != status || s.SubmissionToken == "" {
			p.t.Fatalf("want %d, got %d %s", status, r.status, r.body)
		}
		return s.SubmissionToken
	}
	start := p.link + "/submissions"
	for _, link := range []string{p.link, "/invites/aaaaaaaaaaaaaaaaaaaaaaaaaa"} {
		for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
			p.say(method, link, "", "")
		}
	}
	for _, body := range []string{`{`, `{"consent":false}`, `{"consent":true,"score":100}`} {
		p.say("POST", start, "", body)
	}
	before := token(p.say("POST", start, "", `{"consent":true}`), 201)
	p.save(before, 0, obj{"answer": p.answers(0)[0]})
	p.invited = token(p.say("POST", start, "", ""), 200)
	p.save(before, 0, obj{"answer": p.answers(0)[1]})
	p.read(before)
	p.read(p.invited)
	p.say("GET", p.link, "", "")
	p.say("POST", p.link+"/decline", "", "")
	at := "/assessments/" + p.slug
	for _, email := range []string{"ada@example.org", "stranger@example.org", "none"} {
		p.say("POST", at+"/code", "", asJSON(p.t, obj{"email": email}))
		for _, code := range []string{"12", "x"} {
			p.say("POST", at+"/code/verify", "", asJSON(p.t, obj{"email": email, "code": code}))
		}
	}
	p.say("POST", at+"/code", "", `{"email":"ada@example.org"}`)
	right := obj{"name": "Ada", "email": "ada@example.org", "consent": true, "code": p.emailCode()}
	p.say("POST", at+"/code/verify", "", asJSON(p.t, obj{"email": "ada@example.org", "code": right["code"]}))
	p.scored = token(p.say("POST", at+"/submissions", "", asJSON(p.t, right)), 200)
	p.say("POST", at+"/submissions", "", asJSON(p.t, right))
}

// release plays on under the policies that show no key: to who answered nothing they say the same whatever was right.
func (p *play) release() {
	p.t.Helper()
	for _, policy := range []string{"passed", "score"} {
		p.set(obj{"resultRelease": policy})
		p.clock.Advance(time.Minute)
		p.read(p.blank)
		p.look(p.blank)
		for _, token := range []string{p.scored, p.expired} {
			p.figuresAlone(policy, token)
			p.pageAlone(policy, token)
		}
	}
	p.set(obj{"resultRelease": "review", "releaseAt": p.clock.Now().Add(time.Hour)})
	for _, token := range []string{p.scored, p.blank, p.expired} {
		p.read(token)
		p.look(token)
	}
	_, args := p.sent.cut()
	p.args = append(p.args, args...)
}

// figuresAlone checks that a released result has the fields of its policy and no other; their values tell the worlds apart.
func (p *play) figuresAlone(policy, token string) {
	p.t.Helper()
	want := map[string][]string{"passed": {"passed", "release", "released"},
		"score": {"passed", "points", "pointsTotal", "release", "released", "score"}}[policy]
	r, heard := p.line.call("GET", "/api/v1/public/submission/result", token, "")
	var result map[string]any
	r.into(p.t, &result)
	var data struct{ Result map[string]any }
	again, more := p.line.call("GET", "/api/v1/public/submission/data", token, "")
	again.into(p.t, &data)
	for _, fields := range []map[string]any{result, data.Result} {
		if got := slices.Sorted(maps.Keys(fields)); !slices.Equal(got, want) {
			p.t.Errorf("a result released as %s has %v", policy, got)
		}
	}
	p.clean("a released figure", heard+more)
}

// clean looks for what was planted in keys and explanations; what candidates send is spelt otherwise.
func (p *play) clean(what, text string) {
	p.t.Helper()
	for _, word := range append([]string{`"answerKey`, `"explanation`, `"passingScore`, `"difficulty`, `"tags`, `"credit"`}, canaries...) {
		if at := strings.Index(text, word); at >= 0 {
			p.t.Errorf("%s: found %q in %q", what, word, text[max(0, at-300):min(len(text), at+100)])
		}
	}
}

// clockwork are the figures that follow the machine's time and memory.
var clockwork = regexp.MustCompile(`(?m)^(# .*|(go_|process_|promhttp_|http_request_duration_seconds_(bucket|sum)|\S*(seconds|connections|waits)\S*[ {]).*)\n`)

func TestNothingThatACandidateCanSeeDependsOnWhatIsRight(t *testing.T) {
	t.Parallel()
	worlds, metrics, logs := make([]*play, 2), make([]string, 2), make([]string, 2)
	planted := []secrets{someSecrets, otherSecrets}
	for i, secret := range planted {
		p := &play{keyedWorld: newKeyedWorld(t, secret)}
		worlds[i] = p
		p.run()
		p.openedAll()
		page, _ := p.line.call("GET", "/metrics", "", "")
		metrics[i], logs[i] = clockwork.ReplaceAllString(string(page.body), ""), p.logs.lines()
		late, args := p.sent.cut()
		p.readsKeysOnce(late)
		p.statements, p.args = append(p.statements, late...), append(p.args, args...)
		p.release()
		for what, text := range map[string]string{"the metrics": string(page.body), "the log": p.logs.lines(), "the mails": p.mails(), "the answers": p.all.String(),
			"what was asked of the database": strings.Join(p.args, "\n")} {
			p.clean(what, text)
		}
	}
	a, b := worlds[0], worlds[1]
	same(t, "the answers before the submit", a.all.String()[:a.before], b.all.String()[:b.before])
	same(t, "the answers", a.all.String(), b.all.String())
	same(t, "the statements", strings.Join(a.statements, "\n;\n"), strings.Join(b.statements, "\n;\n"))
	same(t, "the metrics", metrics[0], metrics[1])
	same(t, "the logs", logs[0], logs[1])
	mails := []string{a.mails(), b.mails()}
	same(t, "the mails", mails[0], mails[1])
	for _, template := range []string{"submission_received", "email_code", "invite"} {
		if !strings.Contains(mails[0], "\n"+template+" ") {
			t.Errorf("no mail %s is owed", template)
		}
	}
	if len(metrics[0]) < 1000 || len(a.statements) < 200 || a.all.Len() < 100_000 {
		t.Errorf("too little to compare: %d bytes of metrics, %d statements, %d bytes of answers", len(metrics[0]), len(a.statements), a.all.Len())
	}
	// The secrets did count: they score the same answers otherwise, and a released review shows each world's own.
	scores := make([]string, 2)
	for i, p := range worlds {
		if err := p.db.Pool.QueryRow(t.Context(), `SELECT string_agg(score::text, ' ' ORDER BY email) FROM submissions`).Scan(&scores[i]); err != nil {
			t.Fatal(err)
		}
		p.set(obj{"releaseAt": nil})
		review, _ := p.line.call("GET", "/api/v1/public/submission/result", p.scored, "")
		if text := string(review.body); strings.Count(text, planted[i].mark) < 10 || strings.Contains(text, planted[1-i].mark+" because") {
			t.Errorf("the review of world %d is %s", i, text)
		}
	}
	if scores[0] == scores[1] {
		t.Errorf("both worlds scored %s", scores[0])
	}
}

// mails are all that anybody is mailed, but for their links and codes, which are derived when they are written.
func (p *play) mails() string {
	p.t.Helper()
	rows, err := p.db.Pool.Query(p.t.Context(), `
SELECT concat_ws(' ', E'\n' || template, to_address, to_name, ref, unique_key, secret_purpose, secret_id, created_at AT TIME ZONE 'UTC', data)
  FROM mails ORDER BY id`)
	if err != nil {
		p.t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.Join(list, "")
}

// readsKeysOnce: what an instance does not have in memory yet, it reads when the first candidate starts, and never again.
func (p *play) readsKeysOnce(late []string) {
	p.t.Helper()
	for which, list := range map[string][]string{"before": p.statements, "after": late} {
		n := 0
		for _, sql := range list {
			switch {
			case strings.Contains(sql, "version_answer_keys"):
				n++
			case strings.Contains(sql, "answer_keys"), strings.Contains(sql, "FROM questions"):
				p.t.Errorf("a candidate's request reads the draft: %s", sql)
			}
		}
		if want := map[string]int{"before": 1}[which]; n != want {
			p.t.Errorf("candidates' requests read the keys %d times %s the submit, want %d", n, which, want)
		}
	}
}

func same(t *testing.T, what, a, b string) {
	t.Helper()
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			t.Errorf("%s differ after %q:\n%.1000s\n%.1000s", what, x[max(0, i-1)], x[i], y[i])
			return
		}
	}
	if len(x) != len(y) {
		t.Errorf("%s differ in length: %d and %d lines", what, len(x), len(y))
	}
}

// An instance that has a version in memory takes a candidate from the landing to the score without the tables of the keys.
func TestACandidatesWholeWayNeedsNoTableOfKeys(t *testing.T) {
	t.Parallel()
	k := newKeyedWorld(t, someSecrets)
	k.must(200, "GET", "/api/v1/assessments/"+k.assessment+"/results", k.owner, nil) // the employer's own look brings it to memory
	for _, table := range []string{"answer_keys", "version_answer_keys"} {
		if _, err := k.db.Pool.Exec(t.Context(), `ALTER TABLE `+table+` RENAME TO out_of_reach_`+table); err != nil {
			t.Fatal(err)
		}
	}
	k.sent.clear()
	k.must(200, "GET", "/api/v1/public/assessments/"+k.slug, "", nil)
	s := k.start(k.slug, "ada@example.org")
	p := &play{keyedWorld: k}
	for q, right := range []any{p.answers(0)[0], p.answers(1)[0], true, "Quokka", "90210.5"} {
		k.must(200, "PUT", "/api/v1/public/submission/answers/"+k.asked[q], s.SubmissionToken, obj{"answer": right, "flagged": true})
		k.must(422, "PUT", "/api/v1/public/submission/answers/"+k.asked[q], s.SubmissionToken, obj{"answer": obj{}})
	}
	var own struct{ Answers []json.RawMessage }
	k.must(200, "GET", "/api/v1/public/submission", s.SubmissionToken, nil).into(t, &own)
	if len(own.Answers) != 5 {
		t.Errorf("%d answers are kept", len(own.Answers))
	}
	for _, path := range []string{"/submission/result", "/submission/data"} {
		k.must(200, "GET", "/api/v1/public"+path, s.SubmissionToken, nil)
	}
	k.must(200, "POST", "/api/v1/public/submission/submit", s.SubmissionToken, nil)
	k.must(200, "GET", "/api/v1/public/submission/result", s.SubmissionToken, nil)
	if n := k.number(`SELECT score::int FROM submissions`); n != 100 {
		t.Errorf("five right answers score %d", n)
	}
	texts, _ := k.sent.cut()
	for _, sql := range texts {
		if strings.Contains(sql, "answer_keys") {
			t.Errorf("a candidate's request reads keys: %s", sql)
		}
	}
	// The tables are out of reach indeed: whoever has to read a key fails.
	k.must(500, "GET", "/api/v1/assessments/"+k.assessment+"/questions", k.owner, nil)
}
