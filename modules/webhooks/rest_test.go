package webhooks

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
)

func TestTheDocumentNamesEveryTypeOfEvent(t *testing.T) {
	t.Parallel()
	for _, in := range []any{createIn{}, updateIn{}} {
		body, _ := reflect.TypeOf(in).FieldByName("Body")
		field, _ := body.Type.FieldByName("EventTypes")
		if got := strings.Split(field.Tag.Get("enum"), ","); !slices.Equal(got, EventTypes()) {
			t.Errorf("%T: %q", in, got)
		}
	}
}

func TestASecretIsShownOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body := `{"url": "https://hooks.example.com/in", "eventTypes": ["submission.scored", "invite.opened", "submission.scored"], "description": " Ours "}`
	made := w.do(201, "", w.admin, "POST", "", body, "Idempotency-Key", "one")
	again := w.do(201, "", w.admin, "POST", "", body, "Idempotency-Key", "one")
	if !strings.HasPrefix(made.text("secret"), "whsec_") || made.body["secretShown"] != true || made.text("description") != "Ours" ||
		fmt.Sprint(made.body["eventTypes"]) != "[invite.opened submission.scored]" {
		t.Errorf("made %s", made.raw)
	}
	if again.text("id") != made.text("id") || again.body["secret"] != nil || again.body["secretShown"] != false {
		t.Errorf("again %s", again.raw)
	}
	at := "/" + made.text("id")
	for _, a := range []answer{w.do(200, "", w.admin, "GET", at, ""), w.do(200, "", w.admin, "GET", "", "")} {
		if strings.Contains(a.raw, "whsec_") || strings.Contains(a.raw, "secret\"") {
			t.Errorf("shown again: %s", a.raw)
		}
	}
	rotated := w.do(200, "", w.admin, "POST", at+"/rotate", "")
	if s := rotated.text("secret"); !strings.HasPrefix(s, "whsec_") || s == made.text("secret") || rotated.body["previousSecretUntil"] == nil {
		t.Errorf("rotated %s", rotated.raw)
	}
	if n := value[int](w, `SELECT count(*) FROM audit_events WHERE object_type = 'webhook' AND after::text LIKE '%/in%'`); n != 0 {
		t.Error("the trail keeps the whole address")
	}
}

func TestWhatIsWrongWithAWebhookIsSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(d *Deps) { d.Networks = nil })
	for body, want := range map[string]string{
		`{"url": "https://hooks.example.com", "eventTypes": ["submission.lost"]}`:                                                      "body.eventTypes[0]",
		`{"url": "https://hooks.example.com", "eventTypes": []}`:                                                                       "body.eventTypes",
		`{"url": "https://hooks.example.com"}`:                                                                                         "body.eventTypes",
		`{"url": "http://hooks.example.com", "eventTypes": ["submission.scored"]}`:                                                     "body.url",
		`{"url": "https://10.0.0.1", "eventTypes": ["submission.scored"]}`:                                                             "body.url",
		`{"url": "https://hooks.example.com", "eventTypes": ["submission.scored"], "description": "a\nb"}`:                             "body.description",
		`{"url": "https://hooks.example.com", "eventTypes": ["submission.scored"], "description": "` + strings.Repeat("x", 201) + `"}`: "body.description",
	} {
		if a := w.do(422, "invalid_input", w.admin, "POST", "", body); !strings.Contains(a.raw, `"location":"`+want+`"`) {
			t.Errorf("%s: %s", body, a.raw)
		}
	}
	e, _ := w.endpoint("https://hooks.example.com", "submission.scored")
	w.do(422, "invalid_input", w.admin, "PATCH", "/"+e.ID.String(), `{"url": "https://127.0.0.1"}`)
	w.do(422, "invalid_input", w.admin, "PATCH", "/"+e.ID.String(), `{"eventTypes": ["x.y"]}`)
	if n := value[int](w, `SELECT count(*) FROM webhook_endpoints WHERE url <> 'https://hooks.example.com'`); n != 0 {
		t.Error("something was written")
	}
}

func TestAPatchMergesAndLeavesNoTraceWhenNothingChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e, _ := w.endpoint("https://hooks.example.com/", "submission.scored")
	at := "/" + e.ID.String()
	records := func() int { return value[int](w, `SELECT count(*) FROM audit_events WHERE action = 'webhook.updated'`) }
	w.do(200, "", w.admin, "PATCH", at, `{"url": "https://hooks.example.com/", "enabled": true, "eventTypes": ["submission.scored"]}`)
	if n := records(); n != 0 {
		t.Errorf("%d records of nothing", n)
	}
	a := w.do(200, "", w.admin, "PATCH", at, `{"enabled": false}`)
	if a.body["enabled"] != false || a.text("disabledReason") != "by_hand" || a.text("url") != e.URL {
		t.Errorf("got %s", a.raw)
	}
	w.do(409, "webhook_disabled", w.admin, "POST", at+"/test", "")
	if a = w.do(200, "", w.admin, "PATCH", at, `{"enabled": true, "description": "x"}`); a.body["enabled"] != true || a.body["disabledReason"] != nil {
		t.Errorf("got %s", a.raw)
	}
	if n := records(); n != 2 {
		t.Errorf("%d records", n)
	}
}

func TestWebhooksAreAnAdminsAndAnEmployersOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trusting)
	r := receive(t, nil)
	e, _ := w.endpoint(r.URL, "submission.scored")
	w.work(w.Module)
	_, err := w.Test(w.ctx, e.ID)
	w.must(err)
	d := w.after(e.ID, 1)
	other, _ := w.newEmployer()
	recruiter, stranger := w.signIn(w.employer, authn.Recruiter), w.signIn(other, authn.Owner)
	at := "/" + e.ID.String()
	to := at + "/deliveries/" + d.ID.String()
	for _, c := range []struct{ method, path, code string }{
		{"GET", at, "webhook_not_found"}, {"PATCH", at, "webhook_not_found"}, {"DELETE", at, "webhook_not_found"},
		{"POST", at + "/rotate", "webhook_not_found"}, {"POST", at + "/test", "webhook_not_found"}, {"GET", at + "/deliveries", "webhook_not_found"},
		{"GET", to, "delivery_not_found"}, {"POST", to + "/replay", "webhook_not_found"},
	} {
		body := ""
		if c.method == "PATCH" {
			body = `{"enabled": false}`
		}
		w.do(403, "forbidden", recruiter, c.method, c.path, body)
		w.do(404, c.code, stranger, c.method, c.path, body)
	}
	if a := w.do(200, "", stranger, "GET", "", ""); len(a.body["items"].([]any)) != 0 {
		t.Errorf("a stranger sees %s", a.raw)
	}
	full := w.do(200, "", w.admin, "GET", to, "")
	if full.body["payload"].(map[string]any)["type"] != EventTest || len(full.body["tries"].([]any)) != 1 {
		t.Errorf("got %s", full.raw)
	}
	w.do(200, "", w.admin, "POST", to+"/replay", "")
	w.after(e.ID, 2)
	w.do(204, "", w.admin, "DELETE", at, "")
	w.do(404, "webhook_not_found", w.admin, "GET", at, "")
	w.do(404, "delivery_not_found", w.admin, "GET", to, "")
	if n := value[int](w, `SELECT count(*) FROM webhook_endpoints WHERE secret <> ''`); n != 0 {
		t.Error("a deleted webhook keeps its secret")
	}
}

func TestAQueuedDeliveryIsNotReplayed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e, _ := w.endpoint("https://127.0.0.1:1/", "submission.scored")
	d, err := w.Test(w.ctx, e.ID) // nobody works on it
	w.must(err)
	_, err = w.Replay(w.ctx, e.ID, d.ID)
	w.refused(err, ErrQueued)
}

func TestAnEmployerSendsOnlySoMuchByHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e, _ := w.endpoint("https://127.0.0.1:1/", "submission.scored")
	var d Delivery
	for range byHandLimit.Count {
		var err error
		d, err = w.Test(w.ctx, e.ID)
		w.must(err)
	}
	at := "/" + e.ID.String()
	w.do(429, "too_many_requests", w.admin, "POST", at+"/test", "")
	w.do(429, "too_many_requests", w.admin, "POST", at+"/deliveries/"+d.ID.String()+"/replay", "")
	if n := value[int](w, `SELECT count(*) FROM webhook_deliveries`); n != byHandLimit.Count {
		t.Errorf("%d deliveries", n)
	}
	other, _ := w.newEmployer()
	w.do(404, "webhook_not_found", w.signIn(other, authn.Admin), "POST", at+"/test", "")
	w.clock.Advance(byHandLimit.Per)
	w.do(200, "", w.admin, "POST", at+"/test", "")
}

func TestDeliveriesAreListedPageByPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e, _ := w.endpoint("https://127.0.0.1:1/", "submission.scored")
	var want []string
	for range 5 {
		d, err := w.Test(w.ctx, e.ID)
		w.must(err)
		want = append([]string{d.ID.String()}, want...)
	}
	var got []string
	for path := "?limit=2"; ; {
		a := w.do(200, "", w.admin, "GET", "/"+e.ID.String()+"/deliveries"+path, "")
		for _, item := range a.body["items"].([]any) {
			got = append(got, item.(map[string]any)["id"].(string))
		}
		if a.body["nextCursor"] == nil {
			break
		}
		path = "?limit=2&cursor=" + a.text("nextCursor")
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for filter, n := range map[string]int{"queued": 5, "failed": 0} {
		if a := w.do(200, "", w.admin, "GET", "/"+e.ID.String()+"/deliveries?state="+filter, ""); len(a.body["items"].([]any)) != n {
			t.Errorf("%s: %s", filter, a.raw)
		}
	}
	w.do(400, "invalid_cursor", w.admin, "GET", "/"+e.ID.String()+"/deliveries?cursor=nonsense", "")
}

func TestTheBoundOnWebhooksHoldsUnderARace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range MaxEndpoints - 3 {
		w.endpoint("https://hooks.example.com/", "submission.scored")
	}
	url, types := "https://hooks.example.com/", []string{"submission.scored"}
	var mu sync.Mutex
	var race sync.WaitGroup
	seen := map[string]int{}
	for range 8 {
		race.Go(func() {
			err := w.db.InTx(w.ctx, func(tx pgx.Tx) error {
				_, _, err := w.CreateTx(w.ctx, tx, Change{URL: &url, EventTypes: &types})
				return err
			})
			code := ""
			if f, ok := fault.As(err); ok {
				code = f.Code
			} else if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			seen[code]++
		})
	}
	race.Wait()
	if seen[""] != 3 || seen["too_many_webhooks"] != 5 || value[int](w, `SELECT count(*) FROM webhook_endpoints`) != MaxEndpoints {
		t.Errorf("outcomes %v", seen)
	}
	list, err := w.List(w.ctx, uuid.Nil, 50)
	w.must(err)
	w.must(w.Delete(w.ctx, list[0].ID)) // a deleted one makes room
	w.endpoint(url, types...)
}
