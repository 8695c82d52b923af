package webhooks

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestASignatureIsTheSpecificationsOwn(t *testing.T) {
	t.Parallel()
	secret, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	got, err := sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), `{"test": 2432232314}`)
	if err != nil || got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestOnlyA2xxIsSuccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trusting)
	elsewhere := receive(t, nil)
	for code, want := range map[int]State{200: succeeded, 299: succeeded, 302: retrying, 308: retrying, 400: retrying, 404: retrying, 500: retrying} {
		r := receive(t, func(rw http.ResponseWriter, req *http.Request) {
			http.Redirect(rw, req, elsewhere.URL, code)
		})
		if code < 300 {
			r.answers(status(code))
		}
		e, _ := w.endpoint(r.URL, "submission.scored")
		_, err := w.Test(w.ctx, e.ID)
		w.must(err)
		defer func() {
			if d := w.after(e.ID, 1); d.State != want || *d.LastStatus != code || len(r.seen()) != 1 {
				t.Errorf("%d: %+v after %d requests", code, d, len(r.seen()))
			}
			if len(elsewhere.seen()) != 0 {
				t.Error("a redirect was followed")
			}
		}()
	}
	w.work(w.Module)
}

func TestRetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trusting)
	e := map[string]Endpoint{}
	for value := range map[string]time.Duration{"3600": 0, "999999999": 0, "nonsense": 0, "-5": 0} {
		r := receive(t, func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Retry-After", value)
			rw.WriteHeader(429)
		})
		e[value], _ = w.endpoint(r.URL, "submission.scored")
		_, err := w.Test(w.ctx, e[value].ID)
		w.must(err)
	}
	w.work(w.Module)
	for value, bounds := range map[string][2]time.Duration{
		"3600": {time.Hour, time.Hour}, "999999999": {24 * time.Hour, 24 * time.Hour},
		"nonsense": {4 * time.Second, 6 * time.Second}, "-5": {4 * time.Second, 6 * time.Second},
	} {
		if pause := w.after(e[value].ID, 1).NextAt.Sub(w.clock.Now()); pause < bounds[0] || pause > bounds[1] {
			t.Errorf("Retry-After: %s is honoured by %s", value, pause)
		}
	}
	now := time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC)
	if d := retryAfter("Fri, 01 May 2026 09:10:00 GMT", now); d != 10*time.Minute {
		t.Errorf("a date is read as %s", d)
	}
}

func TestAnAnswerIsKeptBoundedWhateverItHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trusting)
	r := receive(t, func(rw http.ResponseWriter, _ *http.Request) {
		for i := range 100 {
			rw.Header().Set(fmt.Sprintf("X-Filler-%d", i), strings.Repeat("v", 200))
		}
		rw.Header().Set("X-Long", strings.Repeat("v", 2000))
		rw.WriteHeader(500)
		_, _ = rw.Write([]byte("\x00\xff" + strings.Repeat("é", 1<<20))) // the other side stops reading
	})
	e, _ := w.endpoint(r.URL, "submission.scored")
	w.work(w.Module)
	w.announce("submission.scored")
	d := w.after(e.ID, 1)
	_, _, tries, err := w.DeliveryInFull(w.ctx, e.ID, d.ID)
	w.must(err)
	got := tries[0]
	if len(got.ResponseBody) > 3*maxAnswer || len(got.ResponseBody) < maxAnswer/2 || strings.ContainsRune(got.ResponseBody, 0) || len(got.ResponseHeaders) != maxHeaders {
		t.Errorf("kept %d bytes and %d headers", len(got.ResponseBody), len(got.ResponseHeaders))
	}
	for name, v := range got.ResponseHeaders {
		if len(v) > maxHeaderValue {
			t.Errorf("%s has %d bytes", name, len(v))
		}
	}
}

func TestASlowReceiverIsLeftAfterItsTime(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	r := receive(t, func(_ http.ResponseWriter, req *http.Request) {
		select {
		case <-hold:
		case <-req.Context().Done():
		}
	})
	defer close(hold)
	w := newWorld(t, trusting)
	got := make(chan try, 1)
	began := time.Now()
	go func() { got <- w.sender.send(t.Context(), began, r.URL, nil, "{}") }()
	select {
	case one := <-got:
		if one.outcome != outcomeTimeout || one.status != 0 || one.took < sendLimit {
			t.Errorf("got %+v", one)
		}
	case <-time.After(2 * sendLimit): // the most the job has
		t.Error("the sender still waits")
	}
}

func TestWhyNoAnswerCameIsSaidInWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t) // trusts nobody
	r := receive(t, nil)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	address := closed.Addr().String()
	w.must(closed.Close())
	hangUp := receive(t, func(rw http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })
	trusted := newWorld(t, trusting)
	for name, c := range map[string]struct {
		w    *world
		url  string
		want string
	}{
		"an unknown authority": {w, r.URL, "not signed by an authority"},
		"nobody there":         {trusted, "https://" + address, "refused"},
		"no TLS":               {trusted, strings.Replace(plainReceiver(t), "http://", "https://", 1), "does not speak TLS"},
		"hung up":              {trusted, hangUp.URL, "broke before an answer"},
	} {
		if got := c.w.sender.send(t.Context(), time.Now(), c.url, nil, "{}"); !strings.Contains(got.reason, c.want) || got.outcome != outcomeUnreachable {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestRotationSignsWithTheSecretsBeforeForADay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trusting)
	r := receive(t, nil)
	e, first := w.endpoint(r.URL, "submission.scored")
	secrets := []string{first}
	for range 6 { // answers are lost, and people try again
		var secret string
		var err error
		w.clock.Advance(time.Minute)
		e, secret, err = w.Rotate(w.ctx, e.ID)
		w.must(err)
		secrets = append(secrets, secret)
	}
	if secrets[5] == secrets[6] || e.PreviousUntil == nil || !e.PreviousUntil.Equal(w.clock.Now().Add(rotationOverlap)) {
		t.Fatalf("got %+v", e)
	}
	w.work(w.Module)
	w.announce("submission.scored")
	d := w.after(e.ID, 1)
	signatures := func(n int) int { return len(strings.Split(r.seen()[n].header.Get("webhook-signature"), " ")) }
	for _, secret := range secrets[2:] {
		verifyOld(t, secret, r.seen()[0])
	}
	if signatures(0) != 5 {
		t.Errorf("%d signatures", signatures(0))
	}
	w.clock.Advance(rotationOverlap - 90*time.Second)
	replay := func(attempts int) {
		t.Helper()
		_, err := w.Replay(w.ctx, e.ID, d.ID)
		w.must(err)
		w.after(e.ID, attempts)
	}
	if replay(2); signatures(1) != 3 { // of secrets that gave way one and no minute ago
		t.Errorf("%d signatures a day later", signatures(1))
	}
	w.clock.Advance(2 * time.Minute)
	if replay(3); signatures(2) != 1 {
		t.Errorf("%d signatures in the end", signatures(2))
	}
	verifyOld(t, secrets[6], r.seen()[2])
	if n := value[int](w, `SELECT count(*) FROM webhook_endpoints e, audit_events a WHERE e::text LIKE '%whsec_%' OR a::text LIKE '%whsec_%'`); n != 0 {
		t.Error("a secret is kept in the clear")
	}
}
