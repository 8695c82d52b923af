package app_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"credlane/app"
)

// creates is how many rows of which table one call of an idempotent operation makes.
var creates = map[string]string{
	"create-api-key": "api_keys", "create-assessment": "assessments", "duplicate-assessment": "assessments",
	"create-question": "questions", "import-questions": "imports", "invite-member": "member_invitations",
	"create-invites": "invites", "create-webhook": "webhook_endpoints",
}

func (w *world) count(table string) int {
	w.t.Helper()
	var n int
	if err := w.db.Pool.QueryRow(w.t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// retried sends an idempotent operation under a key. The form of an import is the same each time, byte for byte.
func (s *stage) retried(o operationOf, credential, key string, other bool) reply {
	s.t.Helper()
	headers := []string{"Idempotency-Key", key}
	var body any
	switch {
	case o.upload:
		question := "HTTPS?"
		if other {
			question = "HTTP?"
		}
		headers = append(headers, "Content-Type", "multipart/form-data; boundary=edge")
		body = "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"q.csv\"\r\n\r\nquestion,a,b,answer\n" + question + ",80,443,b\n\r\n--edge--\r\n"
	case o.body != nil:
		right := maps.Clone(s.right(o))
		if other {
			for name, v := range map[string]string{"name": "Another", "title": "Another", "prompt": "Another?", "url": "https://another.example.com/", "email": "another@example.com"} {
				if _, has := right[name]; has {
					right[name] = v
				}
			}
		}
		if other && o.id == "create-invites" {
			right["message"] = "Another"
		}
		body = right
	}
	return s.call(o.method, s.at(o.path, nil), credential, body, headers...)
}

// The twins are sent to two instances of the program.
func TestTwinsUnderOneIdempotencyKeyCreateOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mine, theirs := newStage(t, w, 1), newStage(t, w, 2)
	elsewhere := *mine
	elsewhere.world = instance(t, w.db, app.Options{})
	tried := 0
	for _, o := range operations(t) {
		if !o.idempotent {
			continue
		}
		tried++
		table, created := creates[o.id], 201
		if o.id == "create-invites" { // a result for each address
			created = 200
		}
		if table == "" {
			t.Fatalf("creates does not say what %s makes", o.id)
		}
		before, key := w.count(table), "twins-"+o.id
		answers := make([]reply, 8)
		var all sync.WaitGroup
		for i := range answers {
			to := []*stage{mine, &elsewhere}[i%2]
			all.Go(func() { answers[i] = to.retried(o, mine.owner, key, false) })
		}
		all.Wait()
		if made := w.count(table) - before; made != 1 {
			t.Errorf("%s: twins made %d rows of %s", o.id, made, table)
		}
		ids, secrets, hidden := map[string]bool{}, 0, slices.Contains([]string{"create-api-key", "invite-member", "create-invites", "create-webhook"}, o.id)
		for _, r := range answers {
			var made struct{ SecretShown *bool }
			if r.status != created || json.Unmarshal(r.body, &made) != nil {
				t.Fatalf("%s: a twin gets %d %s", o.id, r.status, r.body)
			}
			ids[idOf(t, r)] = true
			if strings.Contains(string(r.body), `"key":"clk_`) || strings.Contains(string(r.body), `"acceptUrl":"http`) ||
				o.id == "create-invites" && strings.Contains(string(r.body), `"url":"http`) || strings.Contains(string(r.body), `"secret":"whsec_`) {
				secrets++
			} else if hidden && (made.SecretShown == nil || *made.SecretShown) {
				t.Errorf("%s: a replay does not say that the secret is left out: %s", o.id, r.body)
			}
			if !hidden && (!bytes.Equal(r.body, answers[0].body) || r.header.Get("Location") != answers[0].header.Get("Location")) {
				t.Errorf("%s: twins get two answers: %s and %s", o.id, answers[0].body, r.body)
			}
		}
		if len(ids) != 1 || secrets > 1 {
			t.Errorf("%s: twins got %d objects and %d secrets", o.id, len(ids), secrets)
		}
		if o.body != nil || o.upload {
			if r := mine.retried(o, mine.owner, key, true); r.status != 422 || r.code() != "idempotency_key_reused" {
				t.Errorf("%s: another body under the key: %d %s", o.id, r.status, r.body)
			}
		}
		before = w.count(table)
		if r := theirs.retried(o, theirs.owner, key, false); r.status != created || ids[idOf(t, r)] || w.count(table) != before+1 {
			t.Errorf("%s: another employer under the same key: %d %s", o.id, r.status, r.body)
		}
		if o.id != "invite-member" && o.id != "create-invites" { // the address is invited already
			if r := mine.retried(o, mine.keys["owner"], key, false); r.status != created || ids[idOf(t, r)] {
				t.Errorf("%s: another caller of the same employer under the same key: %d %s", o.id, r.status, r.body)
			}
		}
	}
	if tried != len(creates) {
		t.Errorf("%d operations take an Idempotency-Key, not %d", tried, len(creates))
	}
}

func idOf(t *testing.T, r reply) string {
	t.Helper()
	var v struct {
		ID      string
		Results []struct{ Invite struct{ ID string } }
	}
	r.into(t, &v)
	if len(v.Results) > 0 {
		return v.Results[0].Invite.ID
	}
	return v.ID
}

// A refusal is no first answer: the same key may be tried again with what was right.
func TestARefusedRequestDoesNotUseUpItsKey(t *testing.T) {
	t.Parallel()
	s := newStage(t, newWorld(t), 1)
	s.must(422, "POST", "/api/v1/assessments", s.owner, obj{"title": ""}, "Idempotency-Key", "again")
	s.must(201, "POST", "/api/v1/assessments", s.owner, obj{"title": "Networking"}, "Idempotency-Key", "again")
	for _, odd := range []string{strings.Repeat("k", 1000), "a b\tc", "kéy"} {
		s.refused("the key "+odd[:3], s.call("POST", "/api/v1/assessments", s.owner, obj{"title": "Networking"}, "Idempotency-Key", odd), "")
	}
}
