package auth

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

func open(d *Deps) { d.Registration = Open }

func registration(i int) Registration {
	return Registration{Organization: fmt.Sprintf("Works %d", i), Name: "Ada Byron", Email: fmt.Sprintf("ada%d@example.com", i), Password: goodPassword}
}

func TestTheFirstToRegisterIsAnOwnerAndSignedIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body := `{"organizationName":"Analytical Engines","name":"  Ada Byron ","email":" Ada@Example.com","password":"` + goodPassword + `"}`
	a := w.do("POST", "/auth/register", "", body).want(t, 201, "")
	if a.text("tokenType") != "Bearer" || a.body["expiresIn"] != 900.0 || a.text("role") != "owner" || a.text("refreshToken") == "" {
		t.Errorf("answer: %s", a.raw)
	}
	user, employer := a.body["user"].(map[string]any), a.body["employer"].(map[string]any)
	if user["email"] != "Ada@example.com" || user["name"] != "Ada Byron" || user["emailVerified"] != false || employer["name"] != "Analytical Engines" {
		t.Errorf("answer: %s", a.raw)
	}
	me := w.do("GET", "/auth/me", a.text("accessToken"), "").want(t, 200, "")
	if me.body["user"].(map[string]any)["id"] != user["id"] || me.text("role") != "owner" {
		t.Errorf("me: %s", me.raw)
	}
	w.do("POST", "/auth/register", "", body).want(t, 403, "registration_closed")
	if n := w.count(`SELECT count(*) FROM audit_events WHERE employer_id = $1 AND actor_id = $2`, employer["id"], user["id"]); n != 3 {
		t.Errorf("%d audit events, want employer, member and session", n)
	}
}

func TestOfManyWhoRegisterFirstOneBecomesOwner(t *testing.T) {
	t.Parallel()
	a := newWorld(t)
	b := a.twin()
	seen := race(t, 16, func(i int) error {
		_, err := []*world{a, b}[i%2].Register(t.Context(), registration(i))
		return err
	})
	if seen[""] != 1 || seen["registration_closed"] != 15 {
		t.Errorf("outcomes: %v", seen)
	}
	if n := a.count(`SELECT count(*) FROM employers`); n != 1 {
		t.Errorf("%d employers", n)
	}
}

func TestOfManyWhoRegisterOneAddressOneDoesAndNothingIsLeftOfTheOthers(t *testing.T) {
	t.Parallel()
	a := newWorld(t, open)
	b := a.twin(open)
	seen := race(t, 12, func(i int) error {
		r := registration(i)
		r.Email = []string{"Ada@example.com", "ada@EXAMPLE.com"}[i%2]
		_, err := []*world{a, b}[i%2].Register(t.Context(), r)
		return err
	})
	if seen[""] != 1 || seen["email_taken"] != 11 {
		t.Errorf("outcomes: %v", seen)
	}
	if n := a.count(`SELECT count(*) FROM employers`); n != 1 {
		t.Errorf("%d employers", n)
	}
}

func TestRegisteringNeverTakesACandidatesAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	candidate(t, w, "ada1@example.com", "Somebody Else")
	_, err := w.Register(t.Context(), registration(1))
	wantCode(t, err, ErrEmailTaken)
	if n := w.count(`SELECT count(*) FROM users WHERE name = 'Somebody Else' AND password_hash IS NULL`); n != 1 {
		t.Errorf("the candidate's row was changed")
	}
}

func TestAClosedDoorStaysClosedAlsoForTheFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(d *Deps) { d.Registration = Closed })
	_, err := w.Register(t.Context(), registration(1))
	wantCode(t, err, ErrRegistrationClosed)
}

func TestEveryReasonAgainstARegistrationIsNamedAtOnceAndNoValue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.do("POST", "/auth/register", "", `{"organizationName":" ","name":"a\u202eb","email":"Ada <ada@example.com>","password":"short-pw"}`)
	b := w.do("POST", "/auth/register", "", `{"organizationName":7,"name":"a\u202eb","email":"Ada <ada@example.com>","password":"short-pw"}`)
	for _, a := range []answer{a, b} { // the rules', and the rules' beside the schema's
		a.want(t, 422, "invalid_input")
		var at []string
		for _, e := range a.body["errors"].([]any) {
			at = append(at, e.(map[string]any)["location"].(string))
		}
		if fmt.Sprint(at) != "[body.organizationName body.name body.email body.password]" {
			t.Errorf("locations: %v", at)
		}
	}
	if contains(a.raw, "short-pw") {
		t.Errorf("the password came back: %s", a.raw)
	}
}

func candidate(t *testing.T, w *world, email, name string) (id uuid.UUID) {
	t.Helper()
	id, err := w.candidate(t.Context(), email, name)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// candidate makes or finds a user as a start does.
func (w *world) candidate(ctx context.Context, email, name string) (id uuid.UUID, err error) {
	err = w.db.InBatch(ctx, func(b *pgx.Batch) error {
		address, err := w.QueueCandidate(b, email, name)
		if err != nil {
			return err
		}
		b.Queue(`SELECT id FROM users WHERE lower(email) = lower($1)`, address).QueryRow(func(row pgx.Row) error {
			return row.Scan(&id)
		})
		return nil
	})
	return id, err
}

func TestManyStartsOfOneCandidateFindOneUser(t *testing.T) {
	t.Parallel()
	a := newWorld(t)
	b := a.twin()
	var mu sync.Mutex
	users := map[uuid.UUID]bool{}
	seen := race(t, 16, func(i int) error {
		id, err := []*world{a, b}[i%2].candidate(t.Context(), []string{"Zoë@example.com", "zoë@EXAMPLE.com"}[i%2], "Zoë")
		mu.Lock()
		users[id] = true
		mu.Unlock()
		return err
	})
	if seen[""] != 16 || len(users) != 1 {
		t.Errorf("outcomes %v, users %v", seen, users)
	}
}

func TestAStartNeverChangesAUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.owner("first")
	if id := candidate(t, w, "FIRST@owner.example", "An Impostor"); id != in.Account.User.ID {
		t.Errorf("another user: %s", id)
	}
	if n := w.count(`SELECT count(*) FROM users WHERE name = 'Some Body' AND password_hash IS NOT NULL`); n != 1 {
		t.Error("the user's row was changed")
	}
}
