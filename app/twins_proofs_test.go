package app_test

import (
	"strconv"
	"strings"
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
