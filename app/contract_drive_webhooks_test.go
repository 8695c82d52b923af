package app_test

import "strings"

// driveWebhooks drives endpoints, their secrets and their deliveries. Nobody works on the deliveries: how one ended is written
// by hand.
func (k *client) driveWebhooks(me string) {
	k.t.Helper()
	const base = "/api/v1/webhooks"
	body := obj{"url": "https://hooks.example.com/in", "eventTypes": []string{"submission.scored", "assessment.published"}}
	created := k.do(201, "POST", base, me, body, "Idempotency-Key", "hook")
	if !strings.Contains(string(created.body), "whsec_") {
		k.t.Errorf("no secret in %s", created.body)
	}
	if again := k.do(201, "POST", base, me, body, "Idempotency-Key", "hook"); strings.Contains(string(again.body), "whsec_") {
		k.t.Errorf("a retry shows the secret: %s", again.body)
	}
	at := base + "/" + k.id(created)
	k.do(422, "POST", base, me, obj{"url": "https://127.0.0.1/", "eventTypes": []string{"submission.lost"}})
	k.do(200, "GET", base+"?limit=1", me, nil)
	k.do(400, "GET", base+"?cursor=nonsense", me, nil)
	k.do(200, "GET", at, me, nil)
	k.do(404, "GET", base+"/"+someID, me, nil)
	k.do(200, "PATCH", at, me, obj{"description": "Ours", "enabled": false})
	k.do(409, "POST", at+"/test", me, nil)
	k.do(200, "PATCH", at, me, obj{"enabled": true})
	k.do(200, "POST", at+"/rotate", me, nil)

	delivery := k.id(k.do(200, "POST", at+"/test", me, nil))
	to := at + "/deliveries/" + delivery
	k.do(409, "POST", to+"/replay", me, nil)
	k.do(200, "GET", to, me, nil)
	k.exec(`UPDATE webhook_deliveries SET state = 'failed', ended_at = now(), tries = 1, attempts = 1, last_status = 500, last_error = 'x' WHERE id = $1`, delivery)
	k.exec(`INSERT INTO webhook_attempts (delivery_id, employer_id, number, at, url, took_ms, status, error, request_headers, response_headers, response_body)
		SELECT id, employer_id, 1, now(), 'https://hooks.example.com/in', 7, 500, 'x', '{"Webhook-Id": "x"}', '{"Server": "x"}', 'no' FROM webhook_deliveries WHERE id = $1`, delivery)
	k.do(200, "GET", at+"/deliveries?state=failed&limit=1", me, nil)
	k.do(200, "GET", to, me, nil)
	k.do(200, "POST", to+"/replay", me, nil)
	k.do(404, "GET", at+"/deliveries/"+someID, me, nil)
	k.do(204, "DELETE", at, me, nil)
	k.do(404, "DELETE", at, me, nil)
}

// exec writes what no request can.
func (k *client) exec(sql string, args ...any) {
	k.t.Helper()
	if _, err := k.db.Pool.Exec(k.t.Context(), sql, args...); err != nil {
		k.t.Fatal(err)
	}
}
