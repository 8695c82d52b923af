package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// installation is the program on its embedded, durable database, started and killed as a machine would.
type installation struct {
	t    *testing.T
	path string
	dir  string
	addr string
	cmd  *exec.Cmd
}

func install(t *testing.T) *installation {
	t.Helper()
	dir, err := os.MkdirTemp("", "credlane kill ")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o711); err != nil { // as root, Postgres runs as another user, who must reach it
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return &installation{t: t, path: binary(t), dir: filepath.Join(dir, "data"), addr: addr}
}

func (i *installation) start() {
	i.t.Helper()
	i.cmd = exec.Command(i.path, "serve")
	i.cmd.Env = append(os.Environ(), "CREDLANE_DATA_DIR="+i.dir, "CREDLANE_ADDR="+i.addr)
	logs, err := i.cmd.StderrPipe()
	if err != nil {
		i.t.Fatal(err)
	}
	if err := i.cmd.Start(); err != nil {
		i.t.Fatal(err)
	}
	waitFor(i.t, logs, "CredLane is ready")
}

// kill ends the program, and the database with it when both is set, without a word to either.
func (i *installation) kill(both bool) {
	i.t.Helper()
	if both {
		i.killDatabase()
	}
	if err := i.cmd.Process.Kill(); err != nil {
		i.t.Fatal(err)
	}
	_ = i.cmd.Wait() // it was killed; that is what Wait would say
}

func (i *installation) killDatabase() {
	i.t.Helper()
	pid, err := os.ReadFile(filepath.Join(i.dir, "postgres", "postmaster.pid"))
	if err != nil {
		i.t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(pid), "\n")
	n, err := strconv.Atoi(first)
	if err != nil {
		i.t.Fatal(err)
	}
	if err := syscall.Kill(n, syscall.SIGKILL); err != nil {
		i.t.Fatal(err)
	}
}

// send is one request; an error means that nothing was acknowledged.
func (i *installation) send(method, path, token string, body any) (int, []byte, error) {
	var encoded []byte
	if body != nil {
		var err error
		if encoded, err = json.Marshal(body); err != nil {
			return 0, nil, err
		}
	}
	req, err := http.NewRequestWithContext(i.t.Context(), method, "http://"+i.addr+"/api/v1"+path, bytes.NewReader(encoded))
	if err != nil {
		return 0, nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	client := http.Client{Timeout: 20 * time.Second}
	res, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	read, err := io.ReadAll(res.Body)
	return res.StatusCode, read, err
}

func (i *installation) must(method, path, token string, body, into any) {
	i.t.Helper()
	status, read, err := i.send(method, path, token, body)
	if err != nil || status > 299 {
		i.t.Fatalf("%s %s: %d %s %v", method, path, status, read, err)
	}
	if into != nil {
		if err := json.Unmarshal(read, into); err != nil {
			i.t.Fatal(err)
		}
	}
}

// A candidate saves as fast as the server answers while it is killed, four times, twice together with its database. What was
// acknowledged must be there afterwards.
func TestEveryAcknowledgedAnswerSurvivesAKill(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.start()
	slug, questions := i.publish(8)
	const candidates = 4
	tokens := make([]string, candidates)
	for c := range tokens {
		var s struct{ SubmissionToken string }
		i.must("POST", "/public/assessments/"+slug+"/submissions", "", map[string]any{
			"name": "Cara", "email": fmt.Sprintf("c%d@example.com", c), "consent": true,
		}, &s)
		tokens[c] = s.SubmissionToken
	}
	kept := make([]map[string]string, candidates) // question -> the last acknowledged answer
	sequences := make([]map[string]int64, candidates)
	for c := range kept {
		kept[c], sequences[c] = map[string]string{}, map[string]int64{}
	}
	for round := range 4 {
		enough := make(chan struct{}, candidates)
		var typing sync.WaitGroup
		for c := range tokens {
			typing.Go(func() { i.answer(tokens[c], questions, round, kept[c], sequences[c], enough) })
		}
		for range candidates {
			<-enough
		}
		i.kill(round%2 == 1)
		typing.Wait()
		i.start()
		for c := range tokens {
			i.compare(tokens[c], kept[c], sequences[c])
		}
	}
	var receipt struct{ Submission struct{ Status string } }
	i.must("POST", "/public/submission/submit", tokens[0], nil, &receipt)
	if receipt.Submission.Status != "submitted" {
		t.Errorf("after all that, submitting gives %q", receipt.Submission.Status)
	}
	if err := i.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := i.cmd.Wait(); err != nil {
		t.Errorf("the last stop: %v", err)
	}
}

// answer saves until the server is gone, and says once when a good number has been acknowledged.
func (i *installation) answer(token string, questions []string, round int, kept map[string]string, sequences map[string]int64, enough chan<- struct{}) {
	for n := int64(1); ; n++ {
		question := questions[n%int64(len(questions))]
		text, sequence := fmt.Sprintf("answer %d of round %d", n, round), int64(round)*1_000_000+n
		status, _, err := i.send("PUT", "/public/submission/answers/"+question, token, map[string]any{"answer": text, "sequence": sequence})
		if err == nil && status == http.StatusOK {
			kept[question], sequences[question] = text, sequence
		}
		if n == 25 {
			enough <- struct{}{}
		}
		if err != nil {
			if n < 25 {
				i.t.Errorf("the server was gone before it was killed: %v", err)
				enough <- struct{}{}
			}
			return
		}
	}
}

// compare wants every acknowledged answer, or a later one that was saved although its acknowledgement was lost.
func (i *installation) compare(token string, kept map[string]string, sequences map[string]int64) {
	i.t.Helper()
	var s struct {
		Answers []struct {
			QuestionID, Answer string
			Sequence           int64
		}
	}
	i.must("GET", "/public/submission", token, nil, &s)
	found := map[string]bool{}
	for _, a := range s.Answers {
		found[a.QuestionID] = true
		if a.Sequence < sequences[a.QuestionID] || a.Sequence == sequences[a.QuestionID] && a.Answer != kept[a.QuestionID] {
			i.t.Errorf("question %s holds %q (%d), but %q (%d) was acknowledged", a.QuestionID, a.Answer, a.Sequence, kept[a.QuestionID], sequences[a.QuestionID])
		}
	}
	for question := range kept {
		if !found[question] {
			i.t.Errorf("the answer to %s is lost", question)
		}
	}
}

// publish makes an assessment of n short questions and gives its slug and its questions' ids.
func (i *installation) publish(n int) (slug string, questions []string) {
	i.t.Helper()
	var in struct{ AccessToken string }
	i.must("POST", "/auth/register", "", map[string]any{
		"organizationName": "Acme", "name": "Ada", "email": "ada@example.com", "password": "a long enough secret",
	}, &in)
	var a struct{ ID, Slug string }
	i.must("POST", "/assessments", in.AccessToken, map[string]any{"title": "Kill"}, &a)
	for range n {
		var q struct{ ID string }
		i.must("POST", "/assessments/"+a.ID+"/questions", in.AccessToken, map[string]any{
			"type": "short_text", "prompt": "What?", "answerKey": map[string]any{"accepted": []string{"that"}},
		}, &q)
		questions = append(questions, q.ID)
	}
	i.must("POST", "/assessments/"+a.ID+"/publish", in.AccessToken, nil, nil)
	return a.Slug, questions
}

func TestAServerWhoseDatabaseIsKilledEndsAndTheNextOneRecovers(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.start()
	slug, _ := i.publish(1)
	i.killDatabase()
	if err := i.cmd.Wait(); i.cmd.ProcessState.ExitCode() != exitFailure {
		t.Errorf("without its database it ended with %d: %v", i.cmd.ProcessState.ExitCode(), err)
	}
	i.start()
	i.must("GET", "/public/assessments/"+slug, "", nil, nil)
	if err := i.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := i.cmd.Wait(); err != nil {
		t.Errorf("the last stop: %v", err)
	}
}
