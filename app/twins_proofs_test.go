package app_test

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// comes starts or resumes by a personal link.
func (w *world) comes(link string) reply {
	w.t.Helper()
	return w.call("POST", link+"/submissions", "", obj{"name": "Cara", "consent": true})
}

func TestTwinsStartAPersonalLinkOnce(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	owner := w.a.employer(1)
	assessment, slug := w.a.published(owner)
	for round := range 2 * rounds {
		email := "cara" + strconv.Itoa(round) + "@mail.example"
		link := w.a.invited(owner, assessment, email)
		replies := w.together(12, func(to *world, i int) reply {
			if i%6 == 5 {
				return to.begin(slug, strings.ToUpper(email))
			}
			return to.comes(link)
		})
		got := tally(replies)
		if got["201"] != 1 || got["200"]+got["409 already_started"] != 11 || got["409 already_started"] > 2 {
			t.Errorf("starts: %v", got)
		}
		w.holds(1, `SELECT count(*) FROM submissions WHERE lower(email) = $1`, email)
		w.holds(1, `SELECT count(*) FROM submissions s JOIN invites i ON i.id = s.invite_id AND i.submission_id = s.id WHERE i.email = $1 AND s.address_proved`, email)
	}
}

func TestTwinsRevokeALinkOrStartIt(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	owner := w.a.employer(1)
	assessment, _ := w.a.published(owner)
	for round := range 4 * rounds {
		email := "cara" + strconv.Itoa(round) + "@mail.example"
		link := w.a.invited(owner, assessment, email)
		var id string
		if err := w.a.db.Pool.QueryRow(t.Context(), `SELECT id FROM invites WHERE email = $1`, email).Scan(&id); err != nil {
			t.Fatal(err)
		}
		got := tally(w.together(6, func(to *world, i int) reply {
			if i == round%6 {
				return to.call("POST", "/api/v1/invites/"+id+"/revoke", owner, nil)
			}
			return to.comes(link)
		}))
		switch {
		case got["201"] == 1 && got["200"] == 4 && got["409 invite_started"] == 1:
			w.holds(1, `SELECT count(*) FROM invites WHERE id = $1 AND revoked_at IS NULL AND started_at IS NOT NULL`, id)
			w.holds(1, `SELECT count(*) FROM submissions WHERE invite_id = $1`, id)
		case got["200"] == 1 && got["404 invite_not_found"] == 5:
			w.holds(1, `SELECT count(*) FROM invites WHERE id = $1 AND revoked_at IS NOT NULL AND started_at IS NULL`, id)
			w.holds(0, `SELECT count(*) FROM submissions WHERE email = $1`, email)
		default:
			t.Errorf("round %d: %v", round, got)
		}
	}
}

func TestTwinsStartALinkOrLetItExpire(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	owner := w.a.employer(1)
	assessment, _ := w.a.published(owner)
	var key struct{ Key string } // which outlives the hours
	w.a.must(201, "POST", "/api/v1/api-keys", owner, obj{"name": "Inviter", "role": "recruiter"}).into(t, &key)
	for round := range 2 * rounds {
		email := "cara" + strconv.Itoa(round) + "@mail.example"
		link := w.a.invited(key.Key, assessment, email, "expiresAt", w.clock.Now().Add(time.Hour))
		w.clock.Advance(time.Hour - time.Second)
		got := tally(w.together(8, func(to *world, i int) reply {
			switch i {
			case round:
				w.clock.Advance(time.Second)
				fallthrough
			case (round + 1) % 8: // who invites again finds the old invite over, or started
				return to.call("POST", "/api/v1/assessments/"+assessment+"/invites", key.Key, obj{"invites": []obj{{"email": email}}})
			}
			return to.comes(link)
		}))
		for outcome := range got {
			if outcome != "201" && outcome != "200" && outcome != "409 invite_expired" && outcome != "404 invite_not_found" {
				t.Errorf("round %d: %v", round, got)
			}
		}
		w.holds(got["201"], `SELECT count(*) FROM submissions s JOIN invites i ON i.id = s.invite_id AND i.submission_id = s.id WHERE i.email = $1 AND i.expired_at IS NULL`, email)
		w.holds(got["201"], `SELECT count(*) FROM submissions WHERE email = $1`, email)
		w.holds(1, `SELECT count(*) FROM invites WHERE email = $1 AND expired_at IS NULL AND superseded_at IS NULL`, email)
	}
}

// What somebody holds so that clients come one after the other: a start has the invite when it waits for the address's account.
const (
	holdInvite  = `SELECT FROM invites WHERE email = $1 FOR UPDATE`
	holdAccount = `INSERT INTO users (id, email, name, created_at, updated_at) VALUES (gen_random_uuid(), $1, '', now(), now())`
)

// inTurn has clients come one after the other to what somebody holds, and lets go of it, unchanged, when all of them wait: the
// database serves them in the order in which they came.
func (w twins) inTurn(hold, email string, clients ...func() reply) []reply {
	w.t.Helper()
	replies := make([]reply, len(clients))
	var done sync.WaitGroup
	tx, err := w.a.db.Pool.Begin(w.t.Context())
	if err == nil {
		_, err = tx.Exec(w.t.Context(), hold, email)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	for i, client := range clients {
		done.Go(func() { replies[i] = client() })
		w.waiting(i + 1)
	}
	if err := tx.Rollback(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	done.Wait()
	return replies
}

// waiting returns when so many wait for a lock.
func (w twins) waiting(n int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for w.a.number(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) != n {
		select {
		case <-ctx.Done():
			w.t.Fatalf("there were never %d who wait", n)
		case <-look.C:
		}
	}
}

// The races above may always be won by the same side: here each side comes first once.
func TestTwinsWhoComesToALinkFirstDecides(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	owner := w.a.employer(1)
	assessment, _ := w.a.published(owner)
	invite := func(email string) (start, revoke, again func() reply) {
		link := w.a.invited(owner, assessment, email, "expiresAt", w.clock.Now().Add(time.Minute))
		var id string
		if err := w.a.db.Pool.QueryRow(t.Context(), `SELECT id FROM invites WHERE email = $1`, email).Scan(&id); err != nil {
			t.Fatal(err)
		}
		return func() reply { return w.a.comes(link) },
			func() reply { return w.b.call("POST", "/api/v1/invites/"+id+"/revoke", owner, nil) },
			func() reply { // who invites again finds the old invite over, or started
				w.clock.Advance(time.Minute)
				return w.b.call("POST", "/api/v1/assessments/"+assessment+"/invites", owner, obj{"invites": []obj{{"email": email}}})
			}
	}
	ended := func(email string, started, over int, replies []reply, want ...string) {
		t.Helper()
		for i, r := range replies {
			if r.outcome() != want[i] {
				t.Errorf("%s, client %d: %s %s", email, i, r.outcome(), r.body)
			}
		}
		w.holds(started, `SELECT count(*) FROM submissions s JOIN invites i ON i.id = s.invite_id AND i.submission_id = s.id WHERE i.email = $1`, email)
		w.holds(started, `SELECT count(*) FROM submissions WHERE email = $1`, email)
		w.holds(over, `SELECT count(*) FROM invites WHERE email = $1 AND (revoked_at IS NOT NULL OR expired_at IS NOT NULL)`, email)
	}
	start, revoke, _ := invite("a@mail.example")
	ended("a@mail.example", 1, 0, w.inTurn(holdAccount, "a@mail.example", start, revoke), "201", "409 invite_started")
	start, revoke, _ = invite("b@mail.example")
	ended("b@mail.example", 0, 1, w.inTurn(holdInvite, "b@mail.example", revoke, start), "200", "404 invite_not_found")
	start, _, again := invite("c@mail.example")
	ended("c@mail.example", 1, 0, w.inTurn(holdAccount, "c@mail.example", start, again), "201", "200")
	start, _, again = invite("d@mail.example")
	ended("d@mail.example", 0, 1, w.inTurn(holdInvite, "d@mail.example", again, start), "200", "404 invite_not_found")
}
