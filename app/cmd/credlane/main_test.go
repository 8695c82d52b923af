package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"credlane/app/kit/pg"
	"credlane/app/kit/pgtest"
)

// outcome is what one command line did.
type outcome struct {
	code           int
	stdout, stderr string
}

func try(t *testing.T, environ []string, args ...string) outcome {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), args, strings.NewReader(""), &out, &errs, environ)
	return outcome{code, out.String(), errs.String()}
}

// environment points the program at a database of this test's own.
func environment(t *testing.T, db pgtest.DB) []string {
	t.Helper()
	return []string{
		"CREDLANE_DATABASE_URL=" + db.URL,
		"CREDLANE_SECRET_KEY=" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)),
		"CREDLANE_DATA_DIR=" + t.TempDir(),
		"CREDLANE_ADDR=127.0.0.1:0",
		"HOME=" + t.TempDir(),
	}
}

// leaves lists every command that does something, by the words that call it.
func leaves(cmd *cobra.Command, path []string) [][]string {
	if !cmd.HasSubCommands() {
		return [][]string{path}
	}
	var list [][]string
	for _, sub := range cmd.Commands() {
		list = append(list, leaves(sub, append(append([]string(nil), path...), sub.Name()))...)
	}
	return list
}

// lines is one command line for every leaf of the tree, and how it must end.
var lines = map[string]struct {
	args []string // beside the command's own words
	code int
	json bool // takes --json
}{
	"serve":                {args: []string{"--addr", "256.0.0.1:80"}, code: exitFailure},
	"worker":               {code: exitUsage, args: []string{"--registration", "sometimes"}},
	"migrate up":           {},
	"migrate down":         {code: exitUsage},
	"migrate status":       {json: true},
	"user add":             {code: exitUsage},
	"user reset-link":      {args: []string{"nobody@example.com"}, code: exitFailure},
	"user verify-link":     {args: []string{"nobody@example.com"}, code: exitFailure},
	"user invitation-link": {args: []string{"nobody@example.com"}, code: exitFailure},
	"jobs list":            {json: true},
	"jobs show":            {args: []string{"1"}, code: exitFailure},
	"jobs retry":           {args: []string{"first"}, code: exitFailure},
	"jobs forget":          {args: []string{"00000000-0000-8000-8000-000000000001"}, code: exitFailure},
	"mail list":            {json: true},
	"mail show":            {args: []string{"0190b6f0-0000-7000-8000-000000000001"}, code: exitFailure},
	"mail send":            {args: []string{"0190b6f0-0000-7000-8000-000000000001"}, code: exitFailure},
	"keys rotate":          {},
	"demo":                 {args: []string{"--candidates", "0"}, code: exitUsage},
	"openapi":              {},
	"routes":               {json: true},
	"doctor":               {args: []string{"--data-dir", "/nonexistent/place"}, json: true, code: exitFailure}, // the test server is not durable
	"db upgrade":           {code: exitFailure},                                                                 // a database of one's own is not ours to upgrade
	"version":              {json: true},
}

func TestEveryCommandKeepsTheRules(t *testing.T) {
	t.Parallel()
	env := environment(t, pgtest.New(t))
	seen := map[string]bool{}
	for _, words := range leaves((&cli{}).root(), nil) {
		name := strings.Join(words, " ")
		line, known := lines[name]
		if !known {
			t.Errorf("no line tries %q", name)
			continue
		}
		seen[name] = true
		t.Run(name, func(t *testing.T) {
			call := append(append([]string(nil), words...), line.args...)
			got := try(t, env, call...)
			if got.code != line.code {
				t.Fatalf("ended with %d, want %d: %s", got.code, line.code, got.stderr)
			}
			if got.code != exitOK && name != "doctor" && got.stdout != "" {
				t.Errorf("a failure wrote to stdout: %q", got.stdout)
			}
			if got.code != exitOK && !strings.Contains(got.stderr, "credlane: ") {
				t.Errorf("a failure said nothing on stderr: %q", got.stderr)
			}
			if help := try(t, env, append(append([]string(nil), words...), "--help")...); help.code != exitOK || help.stderr != "" || !strings.Contains(help.stdout, "Usage:") {
				t.Errorf("help: %+v", help)
			}
			if wrong := try(t, env, append(append([]string(nil), words...), "--no-such-flag")...); wrong.code != exitUsage || wrong.stdout != "" {
				t.Errorf("an unknown flag: %+v", wrong)
			}
			if extra := try(t, env, append(append([]string(nil), words...), "one", "two", "three")...); extra.code != exitUsage || extra.stdout != "" {
				t.Errorf("arguments nobody asked for: %+v", extra)
			}
			if line.json {
				sameJSONTwice(t, env, append(call, "--json"))
			}
		})
	}
	if len(seen) != len(lines) {
		t.Errorf("tried %d commands, know %d", len(seen), len(lines))
	}
}

func sameJSONTwice(t *testing.T, env, call []string) {
	t.Helper()
	first, second := try(t, env, call...), try(t, env, call...)
	if !strings.HasPrefix(first.stdout, "{") && !strings.HasPrefix(first.stdout, "[") {
		t.Errorf("no JSON: %q", first.stdout)
	}
	mask := func(s string) string { // the clock's drift and free space really do change
		var kept []string
		for line := range strings.Lines(s) {
			if !strings.Contains(line, "ms from") && !strings.Contains(line, "MiB free") {
				kept = append(kept, line)
			}
		}
		return strings.Join(kept, "")
	}
	if mask(first.stdout) != mask(second.stdout) {
		t.Errorf("two calls differ:\n%s\n%s", first.stdout, second.stdout)
	}
}

func TestWrongWordsAreUsageErrors(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{}, {"nonsense"}, {"migrate"}, {"migrate", "sideways"}, {"user"}, {"db"}, {"user", "reset-link"},
		{"help", "nonsense"}, {"help", "migrate", "sideways"}, {"help", "serve", "extra"}} {
		if got := try(t, nil, args...); got.code != exitUsage || got.stdout != "" || got.stderr == "" {
			t.Errorf("%v: %+v", args, got)
		}
	}
}

func TestHelpIsTheSameInBothSpellings(t *testing.T) {
	t.Parallel()
	for _, words := range append(leaves((&cli{}).root(), nil), []string{}, []string{"migrate"}) {
		asked, flag := try(t, nil, append([]string{"help"}, words...)...), try(t, nil, append(append([]string(nil), words...), "--help")...)
		if asked.code != exitOK || asked.stderr != "" || asked.stdout != flag.stdout {
			t.Errorf("help %v: %+v, not as with --help: %s", words, asked, flag.stdout)
		}
	}
}

func TestFlagsBeatTheEnvironmentAndTheEnvironmentBeatsDefaults(t *testing.T) {
	t.Parallel()
	c := &cli{environ: []string{"CREDLANE_ADDR=localhost:1111", "CREDLANE_LOG_FORMAT=text"}}
	cmd := c.root()
	if err := cmd.ParseFlags([]string{"--addr", "localhost:2222"}); err != nil {
		t.Fatal(err)
	}
	cfg, err := c.config(cmd)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Addr != "localhost:2222" || cfg.LogFormat != "text" || cfg.Registration != "first" {
		t.Errorf("flag %q, environment %q, default %q", cfg.Addr, cfg.LogFormat, cfg.Registration)
	}
}

// binary builds the program once for the tests that need a process.
func binary(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "credlane")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

func TestAServerDrainsOnTermAndEndsWith130OnInterrupt(t *testing.T) {
	t.Parallel()
	path := binary(t)
	for signal, want := range map[syscall.Signal]int{syscall.SIGTERM: exitOK, syscall.SIGINT: exitInterrupted} {
		db := pgtest.New(t)
		cmd := exec.Command(path, "serve")
		cmd.Env = environment(t, db)
		logs, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, logs, "CredLane is ready")
		asked := time.Now()
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		err = cmd.Wait()
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Errorf("%v ended it with %d, want %d: %v", signal, got, want, err)
		}
		// The promise to operators is 10 s, far above any noise of the machine.
		if took := time.Since(asked); took > 10*time.Second {
			t.Errorf("%v took %v", signal, took)
		}
	}
}

// waitFor reads until a line holds what; the process's end ends the wait too.
func waitFor(t *testing.T, r interface{ Read([]byte) (int, error) }, what string) {
	t.Helper()
	var seen strings.Builder
	buf := make([]byte, 4096)
	for !strings.Contains(seen.String(), what) {
		n, err := r.Read(buf)
		seen.Write(buf[:n])
		if err != nil {
			t.Fatalf("ended before %q: %v\n%s", what, err, seen.String())
		}
	}
	go func() { // keep the pipe empty until the process ends
		for {
			if _, err := r.Read(buf); err != nil {
				return
			}
		}
	}()
}

func TestAReaderThatStopsEarlyHearsNoComplaint(t *testing.T) {
	t.Parallel()
	shell := exec.CommandContext(t.Context(), "sh", "-c", `"$0" routes | head -1`, binary(t))
	shell.Env = append(os.Environ(), "HOME="+t.TempDir())
	var errs bytes.Buffer
	shell.Stderr = &errs
	out, err := shell.Output()
	if err != nil || errs.Len() > 0 || bytes.Count(out, []byte("\n")) != 1 {
		t.Errorf("%v, stdout %q, stderr %q", err, out, errs.String())
	}
}

func TestAnEndedContextStopsACommand(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	if code := run(ctx, []string{"migrate", "status"}, strings.NewReader(""), &out, &errs, environment(t, pgtest.New(t))); code == exitOK {
		t.Errorf("an interrupted command ended with 0: %s", out.String())
	}
}

func TestTheDemoIsMadeOnceEvenAfterRealUse(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	env := environment(t, db)
	for _, line := range [][]string{
		{"user", "add", "--email", "ada@example.com", "--name", "Ada", "--organization", "Acme"},
		{"keys", "rotate"}, // the signing key is younger than everything in the demo
		{"demo", "--candidates", "12"},
	} {
		if got := try(t, env, line...); got.code != exitOK {
			t.Fatalf("%v: %+v", line, got)
		}
	}
	const made = `
SELECT (SELECT count(*) FROM assessments WHERE current_version = 1), (SELECT count(*) FROM assessments WHERE status = 'closed'),
       count(*), count(*) FILTER (WHERE status = 'submitted'), count(DISTINCT score),
       min(started_at) BETWEEN now() - interval '22 days' AND now() - interval '19 days', max(started_at) BETWEEN now() - interval '3 days' AND now()
  FROM submissions`
	look := func() (published, closed, candidates, submitted, scores int, early, late bool) {
		t.Helper()
		if err := db.Pool.QueryRow(t.Context(), made).Scan(&published, &closed, &candidates, &submitted, &scores, &early, &late); err != nil {
			t.Fatal(err)
		}
		return published, closed, candidates, submitted, scores, early, late
	}
	published, closed, candidates, submitted, scores, early, late := look()
	if published != 3 || closed != 1 || candidates != 12+5 || submitted < 9 || scores < 4 || !early || !late {
		t.Error("the demo has", published, closed, candidates, submitted, scores, early, late)
	}
	// One invite at least in every state that there is.
	const states = `
SELECT count(*) FILTER (WHERE revoked_at IS NOT NULL), count(*) FILTER (WHERE superseded_at IS NOT NULL), count(*) FILTER (WHERE declined_at IS NOT NULL),
       count(*) FILTER (WHERE completed_at IS NOT NULL), count(*) FILTER (WHERE started_at IS NOT NULL AND completed_at IS NULL),
       count(*) FILTER (WHERE over AND superseded_at IS NULL), count(*) FILTER (WHERE live AND opened_at IS NOT NULL),
       count(*) FILTER (WHERE live AND opened_at IS NULL AND sent_at IS NOT NULL), count(*) FILTER (WHERE live AND sent_at IS NULL)
  FROM (SELECT *, started_at IS NULL AND declined_at IS NULL AND revoked_at IS NULL AND expires_at <= now() AS over,
               started_at IS NULL AND declined_at IS NULL AND revoked_at IS NULL AND expires_at > now() AS live FROM invites) i`
	counts := make([]int, 9)
	into := make([]any, len(counts))
	for i := range counts {
		into[i] = &counts[i]
	}
	if err := db.Pool.QueryRow(t.Context(), states).Scan(into...); err != nil || slices.Contains(counts, 0) {
		t.Errorf("invites revoked, superseded, declined, completed, started, expired, opened, sent, created: %d, %v", counts, err)
	}
	again := try(t, env, "demo", "--candidates", "5")
	if again.code != exitOK || !strings.Contains(again.stdout, "there already") {
		t.Errorf("a second demo says %+v", again)
	}
	if published, _, candidates, _, _, _, _ := look(); published != 3 || candidates != 12+5 {
		t.Error("after a second demo there are", published, candidates)
	}
}

func TestTheOperatorListsAndShowsMails(t *testing.T) {
	t.Parallel()
	test := pgtest.New(t)
	owe(t, &pg.DB{Pool: test.Pool})
	env := append(environment(t, test), "CREDLANE_PUBLIC_URL=https://lane.example")
	listed := try(t, env, "mail", "list", "--state", "queued", "--limit", "3")
	lines := strings.Split(strings.TrimSpace(listed.stdout), "\n")
	if listed.code != exitOK || len(lines) != 4 || !strings.HasPrefix(lines[0], "MAIL ") || !strings.Contains(lines[1], "p199@example.com") {
		t.Fatalf("the list: %+v", listed)
	}
	id, _, _ := strings.Cut(lines[1], " ")
	shown := try(t, env, "mail", "show", id)
	for _, want := range []string{
		"Mail: " + id + ", member_invitation, queued\n", "From: \"Engines\" <noreply@lane.example>\n", "To: <p199@example.com>\n",
		"Subject: Engines invites you to its team\n", "Message-Id: <" + id + "@lane.example>\n", "\n\nHello,\n\n", "Accept the invitation:\nhttps://lane.example/app/invitations/",
	} {
		if shown.code != exitOK || !strings.Contains(shown.stdout, want) {
			t.Errorf("no %q in: %+v", want, shown)
		}
	}
	if asJSON := try(t, env, "mail", "show", id, "--json"); asJSON.code != exitOK || !strings.Contains(asJSON.stdout, `"text": "Hello,`) {
		t.Errorf("as JSON: %+v", asJSON)
	}
	for _, wrong := range [][]string{{"list", "--state", "lost"}, {"show", "5"}, {"send", "5"}} {
		if got := try(t, env, append([]string{"mail"}, wrong...)...); got.code != exitFailure || got.stdout != "" {
			t.Errorf("%v: %+v", wrong, got)
		}
	}
	if got := try(t, env, "mail", "list", "--limit", "0"); got.code != exitUsage {
		t.Errorf("no line at all: %+v", got)
	}
	if got := visible("a\x1b[31m@example.com"); got != `"a\x1b[31m@example.com"` {
		t.Errorf("a terminal would obey %q", got)
	}
}

func TestTheOperatorSendsAMailThatWasKeptOrHasFailed(t *testing.T) {
	t.Parallel()
	test := pgtest.New(t)
	owe(t, &pg.DB{Pool: test.Pool})
	env := environment(t, test)
	var id string
	set := func(state string) {
		t.Helper()
		err := test.Pool.QueryRow(t.Context(), `
UPDATE mails SET state = $1, ended_at = CASE WHEN $1 <> 'queued' THEN now() END, last_error = 'old'
WHERE id = (SELECT min(id::text)::uuid FROM mails) RETURNING id::text`, state).Scan(&id)
		if err != nil {
			t.Fatal(err)
		}
	}
	set("kept")
	if got := try(t, env, "mail", "send", id); got.code != exitFailure || !strings.Contains(got.stderr, "CREDLANE_SMTP_URL") {
		t.Errorf("without a server: %+v", got)
	}
	env = append(env, "CREDLANE_SMTP_URL=smtp://127.0.0.1:1", "CREDLANE_PUBLIC_URL=https://lane.example")
	for state, says := range map[string]string{"queued": "still owed", "sent": "took this mail already", "dropped": "come to nothing"} {
		set(state)
		if got := try(t, env, "mail", "send", id); got.code != exitFailure || got.stdout != "" || !strings.Contains(got.stderr, says) {
			t.Errorf("one that is %s: %+v", state, got)
		}
	}
	for i, state := range []string{"kept", "failed"} {
		set(state)
		if got := try(t, env, "mail", "send", id); got.code != exitOK || !strings.Contains(got.stdout, "it is queued again") {
			t.Errorf("one that is %s: %+v", state, got)
		}
		var owed, events int
		err := test.Pool.QueryRow(t.Context(), `
SELECT (SELECT count(*) FROM mails WHERE id = $1::uuid AND state = 'queued' AND last_error IS NULL),
       (SELECT count(*) FROM audit_events WHERE action = 'mail.queued_again' AND object_id = $1::uuid AND actor_kind = 'operator' AND employer_id IS NOT NULL)`,
			id).Scan(&owed, &events)
		if err != nil || owed != 1 || events != i+1 {
			t.Errorf("%d mails are owed and %d events written: %v", owed, events, err)
		}
	}
}
