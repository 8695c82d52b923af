package candidate

import (
	"container/list"
	"context"
	"crypto/sha256"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"credlane/app/kit/clock"
	"credlane/modules/submissions"
)

// Who presses Start twice sends the form twice, and the browser throws the first answer away, with the cookie that came with it.
// By the public link nothing else proves whose attempt it is, so the second press must get the same answer as the first. An
// instance remembers it for a few seconds, by a number that it gave the browser with the landing page. Where the second press
// comes to another instance, it is told that the address has started, and how to go on.

const (
	visitCookie  = "credlane_visit"
	visitLife    = 30 * time.Second
	maxVisits    = 4096 // of some 500 bytes
	startLimit   = 15 * time.Second
	visitMinutes = 6 * 60
)

// begun is the answer to a start.
type begun struct {
	token   string
	expires time.Time
}

type visits struct {
	clock  clock.Clock
	flight singleflight.Group

	mu     sync.Mutex
	byKey  map[string]*list.Element
	recent *list.List // of *visit, the newest in front
}

type visit struct {
	key    string
	answer begun
	until  time.Time
}

func newVisits(c clock.Clock) *visits {
	return &visits{clock: c, byKey: map[string]*list.Element{}, recent: list.New()}
}

// start starts once for all presses of one visit with the same fields. It goes on when the browser that asked first has gone.
func (v *visits) start(ctx context.Context, visited string, in submissions.Start, do func(context.Context) (begun, error)) (begun, error) {
	if visited == "" {
		return do(ctx)
	}
	key := visitKey(visited, in)
	done := v.flight.DoChan(key, func() (any, error) {
		if answer, found := v.find(key); found {
			return answer, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startLimit)
		defer cancel()
		answer, err := do(ctx)
		if err == nil {
			v.keep(key, answer)
		}
		return answer, err
	})
	select {
	case r := <-done:
		if r.Err != nil {
			return begun{}, r.Err
		}
		return r.Val.(begun), nil
	case <-ctx.Done():
		return begun{}, ctx.Err()
	}
}

// visitKey is of one browser and one form as it was filled in, so that nothing of it can be had with less.
func visitKey(visited string, in submissions.Start) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{visited, in.Slug, in.Name, in.Email, in.Code}, "\x00")))
	return string(sum[:])
}

func (v *visits) find(key string) (begun, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	e, found := v.byKey[key]
	if !found {
		return begun{}, false
	}
	known := e.Value.(*visit)
	return known.answer, v.clock.Now().Before(known.until)
}

func (v *visits) keep(key string, answer begun) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.drop(v.byKey[key])
	now := v.clock.Now()
	v.byKey[key] = v.recent.PushFront(&visit{key, answer, now.Add(visitLife)})
	for last := v.recent.Back(); last != nil; last = v.recent.Back() {
		if v.recent.Len() <= maxVisits && now.Before(last.Value.(*visit).until) {
			return
		}
		v.drop(last)
	}
}

func (v *visits) drop(e *list.Element) {
	if e != nil {
		delete(v.byKey, v.recent.Remove(e).(*visit).key)
	}
}

// visited is the number that the browser has; "" for none, for what cannot be one, and where one of two was planted.
func (c *Candidate) visited(r *http.Request) string {
	found := r.CookiesNamed(c.visitCookie())
	if len(found) != 1 || len(found[0].Value) != 36 {
		return ""
	}
	return found[0].Value
}

// visitCookie has under https a name that no neighbour under the same domain can plant: who knew the number could take part in the
// start of whoever has it.
func (c *Candidate) visitCookie() string {
	if c.secure() {
		return "__Host-" + visitCookie
	}
	return visitCookie
}

func (c *Candidate) secure() bool { return strings.HasPrefix(c.PublicURL, "https:") }

// greet gives the browser a number, unless it has one.
func (c *Candidate) greet(w http.ResponseWriter, r *http.Request) {
	if c.visited(r) != "" {
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: c.visitCookie(), Value: c.IDs.Random().String(), Path: "/", MaxAge: visitMinutes * 60, HttpOnly: true,
		Secure: c.secure(), SameSite: http.SameSiteLaxMode,
	})
}
