package app_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"credlane/app"
	"credlane/app/kit/pgtest"
	"credlane/modules/webhooks"
)

// heard is a receiver that believes only what is signed, and keeps the type and the object of each message.
type heard struct {
	t      *testing.T
	mu     sync.Mutex
	secret string
	events map[string][]string // the objects of each type, in whatever order they come
}

func (h *heard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the sender went away
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	wh, err := standardwebhooks.NewWebhook(h.secret)
	if err != nil {
		h.t.Error(err)
		return
	}
	if err := wh.Verify(body, r.Header); err != nil {
		h.t.Errorf("%v: %s", err, body)
	}
	var m struct {
		Type string
		Data struct{ ID string }
	}
	if err := json.Unmarshal(body, &m); err != nil {
		h.t.Errorf("%v in %s", err, body)
	}
	if strings.Contains(string(body), "answerKey") || strings.Contains(string(body), "optionId") || strings.Contains(string(body), "/i/") {
		h.t.Errorf("a key or a link is told: %s", body)
	}
	h.events[m.Type] = append(h.events[m.Type], m.Data.ID)
}

func (h *heard) types() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []string
	for t := range h.events {
		list = append(list, t)
	}
	slices.Sort(list)
	return list
}

// background runs the program's background work until the test ends.
func (w *world) background() {
	w.t.Helper()
	l, err := (&net.ListenConfig{}).Listen(w.t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() { done <- w.app.Run(ctx, l, true) }()
	w.t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	})
}

func TestAnotherSystemHearsOfEveryTypeOfEvent(t *testing.T) {
	t.Parallel()
	// The receiver listens on this machine, where no webhook may go unless its network is named.
	w := instance(t, pgtest.New(t), app.Options{}, "CREDLANE_WEBHOOK_NETWORKS", "127.0.0.1")
	h := &heard{t: t, events: map[string][]string{}}
	receiver := httptest.NewServer(h)
	t.Cleanup(receiver.Close)
	owner := w.employer(1)
	var hook struct{ ID, Secret string }
	w.must(201, "POST", "/api/v1/webhooks", owner, obj{"url": receiver.URL, "eventTypes": webhooks.EventTypes()}).into(t, &hook)
	h.secret = hook.Secret
	w.background()
	want := map[string]string{webhooks.EventTest: hook.ID}
	w.must(200, "POST", "/api/v1/webhooks/"+hook.ID+"/test", owner, nil)

	id, slug := w.published(owner)
	late := w.start(slug, "late@mail.example")
	if _, err := w.db.Pool.Exec(t.Context(), `UPDATE submissions SET started_at = now() - interval '2 h', deadline_at = now() - interval '1 h'`); err != nil {
		t.Fatal(err)
	}
	want["submission.expired"] = late.Submission.ID
	var made struct {
		Results []struct{ Invite struct{ ID, URL string } }
	}
	w.must(200, "POST", "/api/v1/assessments/"+id+"/invites", owner, obj{"invites": []obj{{"email": "eva@mail.example"}}}).into(t, &made)
	invite := made.Results[0].Invite
	link := "/api/v1/public/invites/" + invite.URL[strings.LastIndex(invite.URL, "/")+1:]
	w.must(200, "GET", link, "", nil)
	w.must(200, "POST", link+"/decline", "", obj{})
	want["invite.opened"], want["invite.declined"] = invite.ID, invite.ID
	expired := func() bool { return slices.Contains(h.types(), "submission.expired") }
	w.eventually("the late one has expired", expired)
	s := w.start(slug, "cara@mail.example")
	w.must(200, "POST", "/api/v1/public/submission/submit", s.SubmissionToken, nil)
	want["submission.started"], want["submission.submitted"], want["submission.scored"] = s.Submission.ID, s.Submission.ID, s.Submission.ID
	w.must(200, "POST", "/api/v1/assessments/"+id+"/close", owner, nil)
	want["assessment.published"], want["assessment.closed"] = id, id

	w.eventually("every type was heard of", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, t := range webhooks.EventTypes() {
			if want[t] == "" || !slices.Contains(h.events[t], want[t]) {
				return false
			}
		}
		return true
	})
}
