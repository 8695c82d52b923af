package app_test

import (
	"maps"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"credlane/app"
	"credlane/app/kit/clock"
	"credlane/app/kit/pgtest"
)

// rounds is how often a race is run.
const rounds = 4

// twins are two instances of the program on one database under one clock: each has a pool, keys and caches of its own.
type twins struct {
	t     *testing.T
	a, b  *world
	clock *clock.Fake
}

func newTwins(t *testing.T) twins {
	t.Helper()
	c, db := clock.NewFake(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)), pgtest.New(t)
	return twins{t, instance(t, db, app.Options{Clock: c}), instance(t, db, app.Options{Clock: c}), c}
}

// each gives the instance of client i: clients take turns.
func (w twins) each(i int) *world { return []*world{w.a, w.b}[i%2] }

// other is the instance that client i does not use.
func (w twins) other(i int) *world { return w.each(i + 1) }

// together runs n clients at once and gives their answers.
func (w twins) together(n int, client func(w *world, i int) reply) []reply {
	replies := make([]reply, n)
	var ready, done sync.WaitGroup
	gate := make(chan struct{})
	for i := range n {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-gate
			replies[i] = client(w.each(i), i)
		})
	}
	ready.Wait()
	close(gate)
	done.Wait()
	return replies
}

// outcome is an answer's status, with its code if it is a problem.
func (r reply) outcome() string { return strings.TrimSpace(strconv.Itoa(r.status) + " " + r.code()) }

// tally counts answers by outcome.
func tally(replies []reply) map[string]int {
	all := map[string]int{}
	for _, r := range replies {
		all[r.outcome()]++
	}
	return all
}

// oneOf checks that one answer is the first outcome and all others are the second.
func (w twins) oneOf(what string, replies []reply, first, others string) {
	w.t.Helper()
	if got := tally(replies); !maps.Equal(got, map[string]int{first: 1, others: len(replies) - 1}) {
		w.t.Errorf("%s: %v", what, got)
	}
}

// holds checks a figure of the database.
func (w twins) holds(want int, sql string, args ...any) {
	w.t.Helper()
	if got := w.a.number(sql, args...); got != want {
		w.t.Errorf("%s: %d, want %d", sql, got, want)
	}
}

func TestTwinsRegisterAnAddressOnce(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	for round := range rounds {
		address := strconv.Itoa(round) + "@example.com"
		got := tally(w.together(6, func(to *world, i int) reply {
			spelt := []string{"Ada" + address, "ada" + address}[i/2%2]
			return to.call("POST", "/api/v1/auth/register", "", obj{"organizationName": "Acme", "name": "Ada", "email": spelt, "password": "a long enough secret"})
		}))
		// On a busy machine who waits long for a hash is told to come again; that is no answer about the address.
		if got["201"] != 1 || got["409 email_taken"] == 0 || got["201"]+got["409 email_taken"]+got["503 sign_in_busy"] != 6 {
			t.Errorf("registrations: %v", got)
		}
		w.holds(1, `SELECT count(*) FROM users u JOIN memberships m ON m.user_id = u.id WHERE lower(u.email) = $1 AND m.role = 'owner'`, "ada"+address)
	}
	for _, table := range []string{"users", "memberships", "employers", "sessions"} {
		w.holds(rounds, `SELECT count(*) FROM `+table)
	}
}

// tokensOf are of a sign-in or a refresh.
type tokensOf struct{ AccessToken, RefreshToken string }

func (w *world) refreshed(token string) reply {
	w.t.Helper()
	return w.call("POST", "/api/v1/auth/refresh", "", obj{"refreshToken": token})
}

func TestTwinsTradeARefreshTokenOnceAndItsReuseEndsTheSession(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	for round := range rounds {
		var in, next tokensOf
		w.a.must(201, "POST", "/api/v1/auth/register", "", obj{
			"organizationName": "Acme", "name": "Ada", "email": "ada" + strconv.Itoa(round) + "@example.com", "password": "a long enough secret",
		}).into(t, &in)
		replies := w.together(8, func(to *world, _ int) reply { return to.refreshed(in.RefreshToken) })
		w.oneOf("refreshes", replies, "200", "409 refresh_raced")
		for _, r := range replies {
			if r.status == 200 {
				r.into(t, &next)
			}
		}
		w.holds(2, `SELECT count(*) FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id WHERE s.revoked_at IS NULL`)
		for i := range 2 {
			w.each(i).must(200, "GET", "/api/v1/auth/me", next.AccessToken, nil)
		}
		w.clock.Advance(11 * time.Second)
		for outcome := range tally(w.together(8, func(to *world, _ int) reply { return to.refreshed(in.RefreshToken) })) {
			if outcome != "401 refresh_reused" && outcome != "401 refresh_invalid" {
				t.Errorf("a token used again: %s", outcome)
			}
		}
		for i := range 2 {
			for _, token := range []string{in.AccessToken, next.AccessToken} {
				w.each(i).must(401, "GET", "/api/v1/auth/me", token, nil)
			}
			if r := w.each(i).refreshed(next.RefreshToken); r.outcome() != "401 refresh_invalid" {
				t.Errorf("the thief's own token: %s", r.body)
			}
		}
		w.holds(round+1, `SELECT count(*) FROM audit_events WHERE action = 'session.ended' AND after ->> 'reason' = 'refresh_reused'`)
		w.holds(0, `SELECT count(*) FROM sessions WHERE revoked_at IS NULL`)
	}
}

// Every instance reads session, membership and key on each request: the documented bound is none at all.
func TestWhatOneTwinTakesAwayTheOtherRefusesAtOnce(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	s := newStage(t, w.a, 1)
	var list struct{ Items []struct{ ID, Email string } }
	w.a.must(200, "GET", "/api/v1/members", s.owner, nil).into(t, &list)
	members := map[string]string{}
	for _, m := range list.Items {
		members[strings.TrimSuffix(m.Email, "1@example.com")] = m.ID
	}
	var made struct{ ID, Key string }
	w.a.must(201, "POST", "/api/v1/api-keys", s.members["admin"], obj{"name": "Admin's", "role": "admin"}).into(t, &made)
	draft := func(token string) reply {
		return w.b.call("POST", "/api/v1/assessments", token, obj{"title": "Networking"})
	}
	// on b they all work, so that whatever b keeps of them it has
	for _, token := range []string{s.members["recruiter"], s.members["admin"], made.Key, s.keys["recruiter"]} {
		if r := draft(token); r.status != 201 {
			t.Fatalf("before: %d %s", r.status, r.body)
		}
	}
	w.b.must(200, "GET", "/api/v1/public/submission", s.candidate, nil)
	refused := func(what, token, outcome string) {
		t.Helper()
		if r := draft(token); r.outcome() != outcome {
			t.Errorf("%s: %s, want %s", what, r.outcome(), outcome)
		}
	}
	drafts := w.a.count("assessments")
	w.a.must(200, "PATCH", "/api/v1/members/"+members["recruiter"], s.owner, obj{"role": "viewer"})
	refused("a demoted member", s.members["recruiter"], "403 forbidden")
	w.b.must(200, "GET", "/api/v1/assessments", s.members["recruiter"], nil)
	w.a.must(200, "PATCH", "/api/v1/members/"+members["admin"], s.owner, obj{"role": "viewer"})
	refused("a demoted member's key", made.Key, "403 forbidden")
	w.a.must(204, "DELETE", "/api/v1/members/"+members["admin"], s.owner, nil)
	refused("a removed member", s.members["admin"], "401 unauthenticated")
	refused("a removed member's key", made.Key, "401 unauthenticated")
	w.a.must(200, "GET", "/api/v1/api-keys", s.owner, nil).into(t, &list)
	for _, k := range list.Items {
		w.a.must(204, "DELETE", "/api/v1/api-keys/"+k.ID, s.owner, nil)
	}
	refused("a revoked key", s.keys["recruiter"], "401 unauthenticated")
	w.a.must(204, "DELETE", "/api/v1/submissions/"+s.ids["submission"], s.owner, obj{"reason": "asked for"})
	w.b.must(401, "GET", "/api/v1/public/submission", s.candidate, nil)
	w.a.must(200, "PATCH", "/api/v1/members/"+members["recruiter"], s.owner, obj{"role": "recruiter"})
	if r := draft(s.members["recruiter"]); r.status != 201 {
		t.Errorf("a promoted member: %d %s", r.status, r.body)
	}
	w.holds(drafts+1, `SELECT count(*) FROM assessments`)

	var one, two, three tokensOf
	for _, in := range []*tokensOf{&one, &two, &three} {
		w.b.must(200, "POST", "/api/v1/auth/login", "", obj{"email": "owner1@example.com", "password": "a long enough secret"}).into(t, in)
		w.b.must(200, "GET", "/api/v1/auth/me", in.AccessToken, nil)
	}
	w.a.must(200, "POST", "/api/v1/auth/logout", "", obj{"refreshToken": one.RefreshToken})
	refused("a signed-out session", one.AccessToken, "401 unauthenticated")
	w.a.must(200, "POST", "/api/v1/auth/password", two.AccessToken, obj{"currentPassword": "a long enough secret", "newPassword": "another long secret"})
	refused("a session of the old password", three.AccessToken, "401 unauthenticated")
	if r := w.b.refreshed(three.RefreshToken); r.status != 401 {
		t.Errorf("its refresh token: %d %s", r.status, r.body)
	}
	w.b.must(200, "GET", "/api/v1/auth/me", two.AccessToken, nil)
}

func TestKeysThatOneTwinRotatesSignNobodyOutOnTheOther(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	var in tokensOf
	w.a.must(201, "POST", "/api/v1/auth/register", "", obj{
		"organizationName": "Acme", "name": "Ada", "email": "ada@example.com", "password": "a long enough secret",
	}).into(t, &in)
	_, slug := w.a.published(in.AccessToken)
	var members, candidates []string
	for round := range rounds {
		replies := w.together(13, func(to *world, i int) reply {
			switch {
			case i == 0: // on a, while b serves; both at once in the end
				if err := to.app.RotateKeys(t.Context()); err != nil {
					t.Error(err)
				}
				return reply{status: 200}
			case i == 1:
				if round == rounds-1 {
					if err := to.app.RotateKeys(t.Context()); err != nil {
						t.Error(err)
					}
				}
				return reply{status: 200}
			case i%2 == 0:
				return to.call("GET", "/api/v1/auth/me", in.AccessToken, nil)
			}
			return to.call("POST", "/api/v1/public/assessments/"+slug+"/submissions", "",
				obj{"name": "Cara", "email": strconv.Itoa(100*round+i) + "@mail.example", "consent": true})
		})
		for i, r := range replies {
			if r.status != 200 && r.status != 201 {
				t.Errorf("client %d during a rotation: %d %s", i, r.status, r.body)
			}
			if r.status == 201 {
				var s sitting
				r.into(t, &s)
				candidates = append(candidates, s.SubmissionToken)
			}
		}
		// Just before the new key signs, when the first instance may sign with it, and when the last one must.
		for _, wait := range []time.Duration{2*time.Minute - time.Second, time.Second, 30 * time.Second} {
			w.clock.Advance(wait)
			for i := range 2 {
				w.each(i).must(200, "POST", "/api/v1/auth/refresh", "", obj{"refreshToken": in.RefreshToken}).into(t, &in)
				members = append(members, in.AccessToken)
				w.other(i).must(200, "GET", "/api/v1/auth/me", in.AccessToken, nil)
				s := w.each(i).start(slug, strconv.Itoa(len(members))+"@late.example")
				w.other(i).must(200, "GET", "/api/v1/public/submission", s.SubmissionToken, nil)
				candidates = append(candidates, s.SubmissionToken)
			}
		}
		for i := range 2 {
			for _, token := range members {
				w.each(i).must(200, "GET", "/api/v1/auth/me", token, nil)
			}
			for _, token := range candidates {
				w.each(i).must(200, "GET", "/api/v1/public/submission", token, nil)
			}
		}
		w.holds(1, `SELECT count(*) FROM signing_keys WHERE retired_at IS NULL`)
	}
	// Two rotations at once may be one or two; the key between them signs nothing.
	kids := map[string]bool{}
	for _, token := range append(members, candidates...) {
		head, _, _ := strings.Cut(token, ".")
		kids[head] = true
	}
	if len(kids) != rounds+1 {
		t.Errorf("%d keys signed, want %d", len(kids), rounds+1)
	}
}

// What is not found is not kept, so a first publication shows at once; a changed one within the second that a page may be old.
func TestALandingPublishedOnOneTwinShowsOnTheOtherInTime(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	owner := w.a.employer(1)
	var a struct{ ID, Slug string }
	w.a.must(201, "POST", "/api/v1/assessments", owner, obj{"title": "First"}).into(t, &a)
	w.a.must(201, "POST", "/api/v1/assessments/"+a.ID+"/questions", owner, obj{"type": "true_false", "prompt": "IP?", "answerKey": obj{"value": true}})
	at := "/api/v1/public/assessments/" + a.Slug
	shown := func(to *world) (title, state string) {
		t.Helper()
		var page struct{ Title, State string }
		to.must(200, "GET", at, "", nil).into(t, &page)
		return page.Title, page.State
	}
	w.b.must(404, "GET", at, "", nil)
	w.a.must(200, "POST", "/api/v1/assessments/"+a.ID+"/publish", owner, nil)
	for round := range rounds {
		for i := range 2 {
			shown(w.each(i))
		}
		title := "Title " + strconv.Itoa(round)
		w.a.must(200, "PATCH", "/api/v1/assessments/"+a.ID, owner, obj{"title": title}, "If-Match", "*")
		w.a.must(200, "POST", "/api/v1/assessments/"+a.ID+"/publish", owner, nil)
		var s struct{ Assessment struct{ Title string } }
		w.b.must(201, "POST", at+"/submissions", "", obj{"name": "Cara", "email": title[6:] + "@mail.example", "consent": true}).into(t, &s)
		if s.Assessment.Title != title {
			t.Errorf("a start right after the publication takes %q", s.Assessment.Title)
		}
		w.clock.Advance(time.Second)
		if got, _ := shown(w.b); got != title {
			t.Errorf("a second after the publication the other twin shows %q", got)
		}
		w.a.must(200, "POST", "/api/v1/assessments/"+a.ID+"/close", owner, nil)
		if r := w.b.call("POST", at+"/submissions", "", obj{"name": "Cara", "email": "late@mail.example", "consent": true}); r.outcome() != "409 assessment_closed" {
			t.Errorf("a start right after the closing: %s", r.outcome())
		}
		w.clock.Advance(time.Second)
		if _, state := shown(w.b); state != "closed" {
			t.Errorf("a second after the closing the other twin says %s", state)
		}
		w.b.must(200, "POST", "/api/v1/assessments/"+a.ID+"/reopen", owner, nil)
	}
}
