package app_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"credlane/app"
	"credlane/app/kit/clock"
	"credlane/app/kit/ids"
	"credlane/app/kit/pgtest"
)

// secrets are all that a candidate must not learn of an assessment before it is released.
type secrets struct {
	mark         string // a word that stands in all of it that is text, and nowhere else
	single       int    // the right option
	multiple     []string
	truth        bool
	numeric      obj
	accepted     int // how many texts are right
	difficulty   string
	passingScore int
}

var (
	someSecrets = secrets{mark: "Quokka", single: 1, multiple: []string{"a", "b", "c"}, truth: true, accepted: 1, difficulty: "easyQuokka", passingScore: 60,
		numeric: obj{"value": "90210.25", "tolerance": "0.5", "toleranceKind": "absolute"}}
	otherSecrets = secrets{mark: "Axolotl", single: 3, multiple: []string{"d"}, accepted: 7, difficulty: "", passingScore: 5,
		numeric: obj{"value": "-731.5", "tolerance": "12.25", "toleranceKind": "percent"}}
	canaries = []string{"Quokka", "quokka", "Axolotl", "axolotl", "90210.25", "731.5", "12.25"}
)

// questions words them as their author sends them: one of each type, of one point each.
func (s secrets) questions() []obj {
	options := []obj{{"id": "a", "text": "Option <a>"}, {"id": "b", "text": "Option b"}, {"id": "c", "text": "Option & c"}, {"id": "d", "text": "Option d"}}
	var accepted []string
	for i := range s.accepted {
		accepted = append(accepted, strings.Repeat(s.mark, i+1))
	}
	list := []obj{
		{"type": "single_choice", "options": options, "answerKey": obj{"optionId": options[s.single]["id"]}},
		{"type": "multiple_choice", "options": options, "creditRule": "right_minus_wrong", "answerKey": obj{"optionIds": s.multiple}},
		{"type": "true_false", "answerKey": obj{"value": s.truth}},
		{"type": "short_text", "answerKey": obj{"accepted": accepted, "caseSensitive": !s.truth}},
		{"type": "numeric", "answerKey": s.numeric},
	}
	for i, q := range list {
		q["prompt"], q["points"] = fmt.Sprintf("Prompt \"%d\" & more", i), 1
		q["explanation"], q["tags"], q["difficulty"] = strings.Repeat(s.mark+" because. ", i+s.accepted), []string{"tag" + s.mark}, s.difficulty
	}
	return list
}

// keyedWorld is an instance of the program whose clock, ids and randomness repeat, with one published assessment. Two of them
// differ in their secrets alone, and in what of the machine's they show: real time and real memory.
type keyedWorld struct {
	*world
	clock      *clock.Fake
	owner      string // an API key, which outlives the hours that are played
	assessment string
	slug       string
	link       string   // a personal link's operations, below /public
	unwilling  string   // the secret of the personal link of one who declines
	asked      []string // questions by the author's order
	options    [][]string
	sent       *sentStatements
	logs       *logText
	line       *line
}

func newKeyedWorld(t *testing.T, s secrets) *keyedWorld {
	t.Helper()
	k := &keyedWorld{clock: clock.NewFake(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)), sent: &sentStatements{}, logs: &logText{}}
	k.world = instance(t, pgtest.New(t), app.Options{
		Clock: k.clock, IDs: ids.NewSeeded(k.clock, rand.NewChaCha8([32]byte{7})), Tracer: k.sent,
		Log: slog.New(slog.NewTextHandler(k.logs, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: withoutTimes})),
	})
	var made struct{ Key string }
	k.must(201, "POST", "/api/v1/api-keys", k.employer(1), obj{"name": "Author", "role": "owner"}).into(t, &made)
	k.owner = made.Key
	k.assessment = k.draft(k.owner, "Backend \"basics\"")
	k.set(obj{"shuffleQuestions": true, "shuffleOptions": true, "passingScore": s.passingScore, "description": "What you *know*."})
	for _, q := range s.questions() {
		var made struct {
			ID      string
			Options []struct{ ID string }
		}
		k.must(201, "POST", "/api/v1/assessments/"+k.assessment+"/questions", k.owner, q).into(t, &made)
		var options []string
		for _, o := range made.Options {
			options = append(options, o.ID)
		}
		k.asked, k.options = append(k.asked, made.ID), append(k.options, options)
	}
	var a struct{ Slug string }
	k.must(200, "POST", "/api/v1/assessments/"+k.assessment+"/publish", k.owner, nil).into(t, &a)
	k.slug, k.line = a.Slug, dial(k.world)
	k.link = strings.TrimPrefix(k.invited(k.owner, k.assessment, "ivy@example.org"), "/api/v1/public")
	k.unwilling = strings.TrimPrefix(k.invited(k.owner, k.assessment, "una@example.org"), "/api/v1/public/invites/")
	k.sent.clear()
	k.logs.clear()
	return k
}

// set changes settings that act at once, or with the next version.
func (k *keyedWorld) set(settings obj) {
	k.t.Helper()
	k.must(200, "PATCH", "/api/v1/assessments/"+k.assessment, k.owner, settings, "If-Match", "*", "X-Request-Id", "setting")
}

// withoutTimes takes the machine's own time and the client's port out of a log.
func withoutTimes(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey || a.Value.Kind() == slog.KindDuration || strings.Contains(a.Key, "took") || a.Key == "duration_ms" {
		return slog.Attr{}
	}
	return a
}

// logText is a log in memory.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Reset()
}

// lines leaves out what the author did, and the last request, for the metrics, which may still be being logged.
func (l *logText) lines() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(slices.DeleteFunc(strings.Split(l.text.String(), "\n"), func(s string) bool {
		return strings.Contains(s, "/metrics") || strings.Contains(s, "request_id=setting")
	}), "\n")
}

// sentStatements lists the statements that went to the database, batches included.
type sentStatements struct {
	mu    sync.Mutex
	texts []string
	args  []string
}

func (s *sentStatements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	s.add(d.SQL, d.Args)
	return ctx
}
func (s *sentStatements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
func (s *sentStatements) TraceBatchStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceBatchStartData) context.Context {
	for _, q := range d.Batch.QueuedQueries {
		s.add(q.SQL, q.Arguments)
	}
	return ctx
}
func (s *sentStatements) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (s *sentStatements) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

func (s *sentStatements) add(sql string, args []any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.texts, s.args = append(s.texts, sql), append(s.args, fmt.Sprintf("%s", args))
}

func (s *sentStatements) clear() { s.cut() }

// cut gives what was sent since the last cut.
func (s *sentStatements) cut() (texts, args []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	texts, args, s.texts, s.args = s.texts, s.args, nil, nil
	return texts, args
}

// line is one connection of a candidate's browser. It keeps every byte that comes over it, but for the Date, which is the
// machine's. Requests on one connection follow each other: the one before is logged and counted when the next is read.
type line struct {
	t      *testing.T
	host   string
	conn   net.Conn
	reader *bufio.Reader
	heard  bytes.Buffer
	n      int
}

func dial(w *world) *line {
	w.t.Helper()
	host := strings.TrimPrefix(w.url, "http://")
	conn, err := (&net.Dialer{}).DialContext(w.t.Context(), "tcp", host)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close() })
	l := &line{t: w.t, host: host, conn: conn}
	l.reader = bufio.NewReader(io.TeeReader(conn, &l.heard))
	return l
}

var dateHeader = regexp.MustCompile(`(?m)^Date: [^\r]*\r\n`)

// call sends a request and gives the answer, and its bytes as they came under the request's own line.
func (l *line) call(method, path, token, body string) (reply, string) {
	l.t.Helper()
	var headers []string
	if body != "" {
		headers = append(headers, "Content-Type", "application/json")
	}
	if token != "" {
		headers = append(headers, "Authorization", "Bearer "+token)
	}
	return l.send(method, path, body, headers...)
}

// send is call with headers by name and value.
func (l *line) send(method, path, body string, headers ...string) (reply, string) {
	l.t.Helper()
	l.n++
	req, err := http.NewRequestWithContext(l.t.Context(), method, "http://"+l.host+path, strings.NewReader(body))
	if err != nil {
		l.t.Fatal(err)
	}
	req.Header.Set("X-Request-Id", fmt.Sprint("request-", l.n))
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	l.heard.Reset()
	if err := req.Write(l.conn); err != nil {
		l.t.Fatal(err)
	}
	res, err := http.ReadResponse(l.reader, req)
	if err != nil {
		l.t.Fatalf("%s %s: %v", method, path, err)
	}
	read, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil || l.reader.Buffered() != 0 {
		l.t.Fatalf("%s %s: %v, %d bytes behind the answer", method, path, err, l.reader.Buffered())
	}
	bytes := strings.ReplaceAll(l.heard.String(), l.host, "the host")
	return reply{res.StatusCode, res.Header, read}, fmt.Sprintf("%s %s\n%s\n", method, path, dateHeader.ReplaceAllString(bytes, ""))
}

// asJSON is v as a request's body.
func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
