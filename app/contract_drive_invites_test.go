package app_test

import (
	"strings"
	"time"
)

// driveInvites drives personal links to an active assessment, up to the start.
func (k *client) driveInvites(me, assessment string) {
	k.t.Helper()
	to := "/api/v1/assessments/" + assessment + "/invites"
	type result struct {
		Results []struct {
			Status string
			Invite *struct{ ID, URL string }
		}
	}
	var made, again result
	body := obj{"invites": []obj{{"email": "grace@example.com", "name": "Grace", "extraTimePercent": 25, "reason": "dyslexia"}, {"email": "nobody"}}, "message": "Good luck"}
	k.do(200, "POST", to, me, body, "Idempotency-Key", "invite").into(k.t, &made)
	k.do(200, "POST", to, me, body, "Idempotency-Key", "invite").into(k.t, &again)
	if again.Results[0].Invite.URL != "" || made.Results[0].Invite.URL == "" {
		k.t.Errorf("the links are %+v and on a retry %+v", made, again)
	}
	var lines result
	k.do(200, "POST", to, me, "email,name\nGRACE@example.com,Grace\nhedy@example.com,Hedy\n", "Content-Type", "text/csv").into(k.t, &lines)
	if lines.Results[0].Status != "duplicate" || lines.Results[1].Status != "invited" {
		k.t.Errorf("got %+v", lines)
	}
	k.do(422, "POST", to, me, obj{"invites": []obj{}})
	k.do(404, "POST", "/api/v1/assessments/"+someID+"/invites", me, obj{"list": "a@example.com"})
	k.do(200, "GET", to+"?state=created&q=grace", me, nil)
	k.do(400, "GET", to+"?cursor=nonsense", me, nil)
	k.do(404, "GET", "/api/v1/assessments/"+someID+"/invites", me, nil)
	grace, hedy := made.Results[0].Invite, lines.Results[1].Invite
	at := "/api/v1/invites/" + grace.ID
	k.do(200, "GET", at, me, nil)
	k.do(404, "GET", "/api/v1/invites/"+someID, me, nil)
	k.do(200, "PATCH", at, me, obj{"extraTimePercent": 50, "reason": "as agreed", "expiresAt": time.Now().Add(48 * time.Hour)})
	k.do(422, "PATCH", at, me, obj{"extraTimePercent": 50})
	var rotated struct{ URL string }
	k.do(200, "POST", at+"/resend", me, obj{"rotate": true}).into(k.t, &rotated)
	link := func(url string) string { return "/api/v1/public/invites/" + url[strings.LastIndex(url, "/")+1:] }
	k.do(404, "GET", link(grace.URL), "", nil)
	k.do(200, "GET", link(rotated.URL), "", nil)
	k.do(200, "GET", link(rotated.URL), "", nil)
	k.do(200, "POST", link(hedy.URL)+"/decline", "", obj{"reason": "I have found another job."})
	k.do(409, "POST", "/api/v1/invites/"+hedy.ID+"/resend", me, nil)
	k.do(200, "POST", at+"/revoke", me, nil)
	k.do(404, "GET", link(rotated.URL), "", nil)
	k.do(404, "POST", link(rotated.URL)+"/decline", "", obj{})
}
