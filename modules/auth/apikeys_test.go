package auth

import (
	"regexp"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"credlane/app/kit/authn"
)

func (w *world) newKey(by, role string) answer {
	w.t.Helper()
	return w.do("POST", "/api-keys", by, `{"name":"tracking","role":"`+role+`"}`)
}

func TestAnAPIKeyIsShownOnceAndWorks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.owner("first")
	a := w.newKey(in.AccessToken, "admin").want(t, 201, "")
	key := a.text("key")
	if !regexp.MustCompile(`^clk_[A-Za-z0-9_-]{51}$`).MatchString(key) || key[:12] != a.text("prefix") || a.body["secretShown"] != true {
		t.Errorf("answer: %s", a.raw)
	}
	list := w.do("GET", "/api-keys", key, "").want(t, 200, "")
	if contains(list.raw, key) || len(list.body["items"].([]any)) != 1 {
		t.Errorf("list: %s", list.raw)
	}
	if n := w.count(`SELECT count(*) FROM api_keys k, audit_events a WHERE k::text LIKE '%' || $1 || '%' OR a::text LIKE '%' || $1 || '%'`, key[12:]); n != 0 {
		t.Error("the key was stored")
	}
	w.do("GET", "/employer", key, "").want(t, 200, "")
	w.do("GET", "/auth/me", key, "").want(t, 403, "person_only")
	w.do("GET", "/auth/sessions", key, "").want(t, 403, "person_only")
	w.do("DELETE", "/api-keys/"+a.text("id"), w.owner("second").AccessToken, "").want(t, 404, "not_found")
	w.do("DELETE", "/api-keys/"+a.text("id"), in.AccessToken, "").want(t, 204, "")
	w.do("GET", "/employer", key, "").want(t, 401, "unauthenticated")
	w.do("DELETE", "/api-keys/"+a.text("id"), in.AccessToken, "").want(t, 404, "not_found")
	w.do("GET", "/employer", "clk_"+key[5:], "").want(t, 401, "unauthenticated")
}

func TestAKeyNeverHasMoreRightsThanItsMaker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.staff("first")
	w.newKey(s.admin.AccessToken, "owner").want(t, 403, "role_above_own")
	w.newKey(s.recruiter.AccessToken, "viewer").want(t, 403, "forbidden")
	a := w.newKey(s.admin.AccessToken, "admin").want(t, 201, "")
	child := w.newKey(a.text("key"), "admin").want(t, 201, "")
	if child.text("createdBy") != s.admin.Account.User.ID.String() {
		t.Errorf("a key made by a key: %s", child.raw)
	}
	w.newKey(a.text("key"), "owner").want(t, 403, "role_above_own")
	owners := w.newKey(s.owner.AccessToken, "owner").want(t, 201, "")
	w.do("DELETE", "/api-keys/"+owners.text("id"), s.admin.AccessToken, "").want(t, 403, "role_above_own")
	w.do("PATCH", "/members/"+w.membership(s.admin), s.owner.AccessToken, `{"role":"viewer"}`).want(t, 200, "")
	for _, key := range []string{a.text("key"), child.text("key")} {
		w.do("GET", "/employer", key, "").want(t, 200, "")
		w.do("GET", "/members", key, "").want(t, 403, "forbidden")
	}
}

func TestAKeyExpires(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.owner("first")
	post := func(expires string) answer {
		return w.do("POST", "/api-keys", in.AccessToken, `{"name":"tracking","role":"viewer","expiresAt":"`+expires+`"}`)
	}
	post("2026-05-01T09:00:00Z").want(t, 422, "invalid_input")
	post("2028-05-01T09:00:00Z").want(t, 422, "invalid_input")
	if a := w.newKey(in.AccessToken, "viewer").want(t, 201, ""); a.text("expiresAt") != "2026-07-30T09:00:00Z" {
		t.Errorf("without a time: %s", a.raw)
	}
	key := post("2026-05-01T11:30:00+02:00").want(t, 201, "").text("key")
	w.clock.Advance(30*time.Minute - time.Second)
	w.do("GET", "/employer", key, "").want(t, 200, "")
	w.clock.Advance(time.Second)
	w.do("GET", "/employer", key, "").want(t, 401, "unauthenticated")
}

func TestTheUseOfAKeyIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := w.newKey(w.owner("first").AccessToken, "viewer").want(t, 201, "").text("key")
	used := func() (at time.Time) {
		w.do("GET", "/employer", key, "").want(t, 200, "")
		if err := w.db.QueryRow(t.Context(), `SELECT last_used_at FROM api_keys`).Scan(&at); err != nil {
			t.Fatal(err)
		}
		return at
	}
	first := used()
	w.clock.Advance(time.Minute - time.Second)
	if at := used(); !at.Equal(first) {
		t.Errorf("noted at %s already", at)
	}
	w.clock.Advance(time.Second)
	if at := used(); !at.Equal(w.clock.Now()) {
		t.Errorf("noted at %s, now %s", at, w.clock.Now())
	}
}

func TestARepeatedKeyRequestGetsTheFirstAnswerWithoutTheKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.owner("first")
	post := func() answer {
		return w.do("POST", "/api-keys", in.AccessToken, `{"name":"tracking","role":"viewer"}`, "Idempotency-Key", "one").want(t, 201, "")
	}
	first, again := post(), post()
	if again.text("id") != first.text("id") || again.body["secretShown"] != false || again.text("key") != "" {
		t.Errorf("replay: %s", again.raw)
	}
}

func TestTheBoundOnKeysHoldsUnderARace(t *testing.T) {
	t.Parallel()
	a := newWorld(t)
	b := a.twin()
	in := a.owner("first")
	p := a.principal(in)
	_, err := a.db.Exec(t.Context(), `
INSERT INTO api_keys (id, employer_id, name, prefix, key_hash, role, created_by, created_at)
SELECT gen_random_uuid(), $1, 'k', 'clk_abcdef', int4send(n), 'viewer', $2, $3 FROM generate_series(1, $4) n`,
		p.EmployerID, p.UserID, a.clock.Now(), maxKeys-3)
	if err != nil {
		t.Fatal(err)
	}
	ctx := authn.With(t.Context(), p)
	seen := race(t, 10, func(i int) error {
		w := []*world{a, b}[i%2]
		return w.db.InTx(ctx, func(tx pgx.Tx) error {
			_, _, err := w.CreateKeyTx(ctx, tx, NewKey{Name: "k", Role: authn.Viewer})
			return err
		})
	})
	if seen[""] != 3 || seen["too_many_api_keys"] != 7 {
		t.Errorf("outcomes: %v", seen)
	}
}
