package app_test

import (
	"encoding/json"
	"strings"
)

type signedIn struct{ AccessToken, RefreshToken string }

// drive drives every operation to a success, and what an API key may do with a key too.
func (k *client) drive() {
	k.t.Helper()
	owner := k.driveAccounts()
	var key struct{ Key string }
	k.do(201, "POST", "/api/v1/api-keys", owner, obj{"name": "Everything", "role": "admin"}).into(k.t, &key)
	for _, caller := range []string{owner, key.Key} {
		assessment := k.driveAuthoring(caller)
		k.driveImports(caller)
		k.driveInvites(caller, assessment)
		k.driveSubmissions(caller, assessment)
		k.driveProofs(caller, assessment)
		k.driveJobs(caller)
		k.driveWebhooks(caller)
		k.driveRest(caller)
	}
}

// driveAccounts drives sign-in, members, keys and the employer, and gives the owner's access token.
func (k *client) driveAccounts() string {
	k.t.Helper()
	var in signedIn
	k.do(201, "POST", "/api/v1/auth/register", "", obj{
		"organizationName": "Acme", "name": "Ada", "email": "ada@example.com", "password": "a long enough secret",
	}).into(k.t, &in)
	k.do(409, "POST", "/api/v1/auth/register", "", obj{
		"organizationName": "Acme", "name": "Ada", "email": "ADA@example.com", "password": "a long enough secret",
	})
	k.do(422, "POST", "/api/v1/auth/register", "", obj{"organizationName": "", "name": "", "email": "x", "password": "short"})
	k.do(400, "POST", "/api/v1/auth/register", "", `{"name":`)
	k.do(401, "POST", "/api/v1/auth/login", "", obj{"email": "ada@example.com", "password": "not the right one"})
	k.do(200, "POST", "/api/v1/auth/login", "", obj{"email": "ada@example.com", "password": "a long enough secret"}).into(k.t, &in)
	k.do(200, "POST", "/api/v1/auth/refresh", "", obj{"refreshToken": in.RefreshToken}).into(k.t, &in)
	me := in.AccessToken
	k.do(200, "GET", "/api/v1/auth/me", me, nil)
	k.do(200, "PATCH", "/api/v1/auth/me", me, obj{"name": "Ada L."})
	k.do(200, "PATCH", "/api/v1/auth/me", me, obj{"digest": false})
	k.do(200, "POST", "/api/v1/auth/email/resend", me, nil)
	k.do(200, "GET", "/api/v1/auth/sessions", me, nil)

	var other signedIn
	k.do(200, "POST", "/api/v1/auth/login", "", obj{"email": "ada@example.com", "password": "a long enough secret"}).into(k.t, &other)
	var sessions struct {
		Items []struct {
			ID      string
			Current bool
		}
	}
	k.do(200, "GET", "/api/v1/auth/sessions?limit=1", me, nil)
	k.do(200, "GET", "/api/v1/auth/sessions", me, nil).into(k.t, &sessions)
	for _, s := range sessions.Items {
		if !s.Current {
			k.do(204, "DELETE", "/api/v1/auth/sessions/"+s.ID, me, nil)
			break
		}
	}
	k.do(200, "POST", "/api/v1/auth/password", me, obj{"currentPassword": "a long enough secret", "newPassword": "another long secret"})
	k.do(200, "POST", "/api/v1/auth/password/forgot", "", obj{"email": "nobody@example.com"})
	k.do(200, "POST", "/api/v1/auth/password/forgot", "", obj{"email": "ada@example.com"})
	k.do(404, "POST", "/api/v1/auth/password/reset", "", obj{"token": strings.Repeat("x", 43), "password": "a long enough secret"})
	k.links(me)

	k.do(200, "GET", "/api/v1/employer", me, nil)
	k.do(200, "PATCH", "/api/v1/employer", me, obj{"privacyNotice": "We keep what you answer for a year.", "replyTo": "jobs@example.com"})
	var invited struct {
		ID        string
		AcceptURL string
	}
	k.do(201, "POST", "/api/v1/members", me, obj{"email": "vera@example.com", "role": "viewer"}).into(k.t, &invited)
	token := invited.AcceptURL[strings.LastIndex(invited.AcceptURL, "/")+1:]
	k.do(200, "POST", "/api/v1/auth/invitations/"+token+"/accept", "", obj{"name": "Vera", "password": "a long enough secret"}).into(k.t, &other)
	k.do(403, "PATCH", "/api/v1/employer", other.AccessToken, obj{"name": "Mine"})
	again := k.id(k.do(201, "POST", "/api/v1/members", me, obj{"email": "rita@example.com", "role": "recruiter"}))
	k.do(204, "DELETE", "/api/v1/members/invitations/"+again, me, nil)
	var members struct {
		Items []struct{ ID, Role string }
	}
	k.do(200, "GET", "/api/v1/members", me, nil).into(k.t, &members)
	for _, m := range members.Items {
		if m.Role == "viewer" {
			k.do(200, "PATCH", "/api/v1/members/"+m.ID, me, obj{"role": "recruiter"})
			k.do(204, "DELETE", "/api/v1/members/"+m.ID, me, nil)
		} else {
			k.do(409, "DELETE", "/api/v1/members/"+m.ID, me, nil)
		}
	}
	key := k.id(k.do(201, "POST", "/api/v1/api-keys", me, obj{"name": "Reports", "role": "viewer"}))
	k.do(200, "GET", "/api/v1/api-keys", me, nil)
	k.do(204, "DELETE", "/api/v1/api-keys/"+key, me, nil)
	k.do(200, "POST", "/api/v1/auth/logout", "", obj{"refreshToken": other.RefreshToken}) // ended with the membership
	k.do(200, "POST", "/api/v1/auth/login", "", obj{"email": "ada@example.com", "password": "another long secret"}).into(k.t, &other)
	k.do(200, "POST", "/api/v1/auth/logout", "", obj{"refreshToken": other.RefreshToken})
	k.do(401, "GET", "/api/v1/auth/me", "nonsense", nil)
	return me
}

// links drives the two links that the operator's command prints.
func (k *client) links(me string) {
	k.t.Helper()
	verify, err := k.app.VerifyLink(k.t.Context(), "ada@example.com")
	if err != nil {
		k.t.Fatal(err)
	}
	_, token, _ := strings.Cut(verify, "token=")
	k.do(200, "POST", "/api/v1/auth/email/verify", "", obj{"token": token})
	bea := newUser("bea@example.com")
	var employer struct{ Slug string }
	k.do(200, "GET", "/api/v1/employer", me, nil).into(k.t, &employer)
	bea.Employer = employer.Slug
	if _, err := k.app.AddUser(k.t.Context(), bea); err != nil {
		k.t.Fatal(err)
	}
	reset, err := k.app.ResetLink(k.t.Context(), "bea@example.com")
	if err != nil {
		k.t.Fatal(err)
	}
	_, token, _ = strings.Cut(reset, "token=")
	k.do(200, "POST", "/api/v1/auth/password/reset", "", obj{"token": token, "password": "yet another secret"})
	var members struct {
		Items []struct{ ID, Email string }
	}
	k.do(200, "GET", "/api/v1/members", me, nil).into(k.t, &members)
	for _, m := range members.Items {
		if m.Email == "bea@example.com" {
			k.do(204, "DELETE", "/api/v1/members/"+m.ID, me, nil)
		}
	}
}

// driveAuthoring drives drafts, questions and publishing, and gives an active assessment's id.
func (k *client) driveAuthoring(me string) string {
	k.t.Helper()
	created := k.do(201, "POST", "/api/v1/assessments", me, obj{"title": "Networking"}, "Idempotency-Key", "one")
	if replay := k.do(201, "POST", "/api/v1/assessments", me, obj{"title": "Networking"}, "Idempotency-Key", "one"); string(replay.body) != string(created.body) {
		k.t.Errorf("a retry answers %s, the first %s", replay.body, created.body)
	}
	k.do(422, "POST", "/api/v1/assessments", me, obj{"title": "Other"}, "Idempotency-Key", "one")
	id := k.id(created)
	at := "/api/v1/assessments/" + id
	k.do(400, "POST", "/api/v1/assessments", me, obj{"title": "x", "score": 100})
	k.do(422, "POST", "/api/v1/assessments", me, obj{"title": "x", "timeLimitMinutes": 601, "passingScore": 101})
	k.do(200, "GET", "/api/v1/assessments?status=draft&q=net&limit=10", me, nil)
	k.do(400, "GET", "/api/v1/assessments?cursor=nonsense", me, nil)
	read := k.do(200, "GET", at, me, nil)
	k.do(404, "GET", "/api/v1/assessments/"+someID, me, nil)
	k.do(428, "PATCH", at, me, obj{"title": "Networks"})
	k.do(200, "PATCH", at, me, obj{"title": "Networks", "resultRelease": "review", "closesAt": nil}, "If-Match", read.header.Get("ETag"))
	k.do(412, "PATCH", at, me, obj{"title": "Nets"}, "If-Match", read.header.Get("ETag"))
	k.do(422, "POST", at+"/publish", me, nil)
	var questions []string
	for _, body := range []string{
		`{"type": "single_choice", "prompt": "HTTPS?", "options": [{"id": "a", "text": "80"}, {"id": "b", "text": "443"}], "answerKey": {"optionId": "b"}, "points": 1.5, "tags": ["net"], "difficulty": "easy", "explanation": "It is."}`,
		`{"type": "multiple_choice", "prompt": "Methods?", "options": [{"id": "1", "text": "GET"}, {"id": "2", "text": "PUSH"}, {"id": "3", "text": "PUT"}], "answerKey": {"optionIds": ["1", "3"]}, "creditRule": "right_minus_wrong"}`,
		`{"type": "true_false", "prompt": "IP is layer 3.", "answerKey": {"value": true}}`,
		`{"type": "short_text", "prompt": "List files?", "answerKey": {"accepted": ["ls"], "caseSensitive": true}}`,
		`{"type": "numeric", "prompt": "2 x 2.1?", "answerKey": {"value": "4.2", "tolerance": "0.1", "toleranceKind": "absolute"}}`,
	} {
		questions = append(questions, k.id(k.do(201, "POST", at+"/questions", me, body)))
	}
	k.do(422, "POST", at+"/questions", me, obj{"type": "single_choice", "prompt": "One?", "options": []obj{{"id": "a", "text": "A"}}})
	k.do(200, "GET", at+"/questions", me, nil)
	q := k.do(200, "GET", at+"/questions/"+questions[2], me, nil)
	q = k.do(200, "PATCH", at+"/questions/"+questions[2], me, obj{"points": 2}, "If-Match", q.header.Get("ETag"))
	spare := k.do(201, "POST", at+"/questions", me, obj{"type": "true_false", "prompt": "Spare?"})
	k.do(204, "DELETE", at+"/questions/"+k.id(spare), me, nil, "If-Match", spare.header.Get("ETag"))
	k.do(200, "PUT", at+"/questions/order", me, obj{"order": []string{questions[1], questions[0], questions[2], questions[3], questions[4]}})
	k.do(200, "POST", at+"/publish", me, nil)
	k.do(200, "GET", at+"/versions", me, nil)
	k.do(200, "GET", at+"/versions/1", me, nil)
	k.do(200, "POST", at+"/close", me, nil)
	k.do(200, "POST", at+"/reopen", me, nil)
	copied := k.do(201, "POST", at+"/duplicate", me, nil)
	k.do(200, "POST", "/api/v1/assessments/"+k.id(copied)+"/archive", me, nil)
	draft := k.do(201, "POST", "/api/v1/assessments", me, obj{"title": "Gone soon"})
	k.do(204, "DELETE", "/api/v1/assessments/"+k.id(draft), me, nil, "If-Match", draft.header.Get("ETag"))
	now := k.do(200, "GET", at, me, nil)
	k.do(409, "DELETE", at, me, nil, "If-Match", now.header.Get("ETag"))
	return id
}

func (k *client) driveImports(me string) {
	k.t.Helper()
	id := k.id(k.do(201, "POST", "/api/v1/assessments", me, obj{"title": "Imported"}))
	to := "/api/v1/assessments/" + id + "/questions/import"
	upload := func(status int, name, content string, options ...string) reply {
		k.t.Helper()
		body, contentType := form(k.t, name, content, options...)
		return k.do(status, "POST", to, me, body.String(), "Content-Type", contentType)
	}
	good := "question,a,b,answer\nHTTPS?,80,443,b\n"
	bad := "question,a,b,answer\nHTTPS?,80,443,z\nIP?,2,3,b\n"
	upload(200, "q.csv", bad, "dryRun", "true", "preview", "10")
	upload(422, "q.csv", bad, "preview", "10")
	upload(422, "q.csv", "one,two\n1,2\n", "dryRun", "true", "preview", "10")
	upload(422, "q.csv", bad)
	upload(422, "q.xlsx", "not a workbook")
	upload(422, "empty.csv", "")
	done := k.id(upload(201, "q.csv", good))
	upload(201, "q.csv", bad, "skipRows", "2")
	upload(201, "q.csv", bad, "edits", `[{"row": 2, "column": "D", "value": "a"}]`)
	body, contentType := form(k.t, "q.csv", bad)
	k.do(200, "POST", "/api/v1/imports/check", me, body.String(), "Content-Type", contentType)
	body, contentType = form(k.t, "q.xlsx", "not a workbook")
	k.do(422, "POST", "/api/v1/imports/check", me, body.String(), "Content-Type", contentType)
	k.do(200, "GET", "/api/v1/imports/"+done, me, nil)
	k.do(200, "GET", "/api/v1/imports/"+done+"/errors.csv", me, nil)
	k.do(404, "GET", "/api/v1/imports/"+someID, me, nil)
	for _, name := range []string{"template.csv", "template.xlsx"} {
		template := k.do(200, "GET", "/api/v1/imports/"+name, me, nil)
		var result struct{ Accepted, Warned int }
		upload(201, name, string(template.body)).into(k.t, &result)
		if result.Accepted != 5 || result.Warned != 0 {
			k.t.Errorf("the template %s gives %+v", name, result)
		}
	}
}

func (k *client) driveSubmissions(me, assessment string) {
	k.t.Helper()
	at := "/api/v1/assessments/" + assessment
	var a struct{ Slug string }
	k.do(200, "GET", at, me, nil).into(k.t, &a)
	public := "/api/v1/public/assessments/" + a.Slug
	k.do(200, "GET", public, "", nil)
	k.do(404, "GET", "/api/v1/public/assessments/aaaaaaaaaaaaaaaa", "", nil)
	k.do(422, "POST", public+"/submissions", "", obj{"name": "Cara", "email": "cara@mail.example", "consent": false})
	var s sitting
	k.do(201, "POST", public+"/submissions", "", obj{"name": "Cara", "email": "cara@mail.example", "consent": true}).into(k.t, &s)
	k.do(409, "POST", public+"/submissions", "", obj{"name": "Cara", "email": "CARA@mail.example", "consent": true})
	k.do(200, "GET", "/api/v1/public/submission", s.SubmissionToken, nil)
	for i, q := range s.Questions {
		to := "/api/v1/public/submission/answers/" + q.ID
		var answer any = true
		switch {
		case len(q.Options) == 3:
			answer = []string{q.Options[0].ID, q.Options[2].ID}
		case len(q.Options) == 2:
			answer = q.Options[1].ID
		case i == 3:
			answer = "ls"
		case i == 4:
			answer = "4,2"
		}
		k.do(200, "PUT", to, s.SubmissionToken, obj{"answer": answer, "sequence": 1, "flagged": i == 0})
	}
	k.do(422, "PUT", "/api/v1/public/submission/answers/"+s.Questions[2].ID, s.SubmissionToken, obj{"answer": "maybe", "sequence": 2})
	k.do(404, "PUT", "/api/v1/public/submission/answers/"+someID, s.SubmissionToken, obj{"answer": true, "sequence": 2})
	k.do(200, "PATCH", "/api/v1/submissions/"+s.Submission.ID, me, obj{"extraTimePercent": 50, "reason": "agreed before"})
	k.do(200, "POST", "/api/v1/public/submission/submit", s.SubmissionToken, nil)
	k.do(409, "POST", "/api/v1/public/submission/submit", s.SubmissionToken, nil)
	k.do(409, "PUT", "/api/v1/public/submission/answers/"+s.Questions[0].ID, s.SubmissionToken, obj{"answer": nil, "sequence": 9})
	k.do(200, "GET", "/api/v1/public/submission/result", s.SubmissionToken, nil)
	k.do(200, "GET", "/api/v1/public/submission/data", s.SubmissionToken, nil)
	k.do(200, "GET", at+"/submissions?status=submitted&sort=-score&q=car", me, nil)
	var full struct {
		Score  json.Number
		Passed bool
	}
	k.do(200, "GET", "/api/v1/submissions/"+s.Submission.ID, me, nil).into(k.t, &full)
	if full.Score != "100" || !full.Passed {
		k.t.Errorf("every answer was right, and the score is %s", full.Score)
	}
	k.do(200, "PATCH", "/api/v1/submissions/"+s.Submission.ID, me, obj{"note": "Good.", "tags": []string{"fast"}, "decision": "shortlist"})
	k.do(409, "PATCH", "/api/v1/submissions/"+s.Submission.ID, me, obj{"extraTimePercent": 100, "reason": "too late"})
	k.do(200, "GET", at+"/results", me, nil)
	k.do(200, "POST", at+"/results/release", me, nil)
	for _, format := range []string{"csv", "ndjson", "xlsx"} {
		k.do(200, "GET", at+"/submissions."+format, me, nil)
	}
	var second sitting
	k.do(201, "POST", public+"/submissions", "", obj{"name": "Dan", "email": "dan@mail.example", "consent": true}).into(k.t, &second)
	k.do(200, "GET", at+"/submissions?limit=1", me, nil)
	k.do(204, "DELETE", "/api/v1/submissions/"+second.Submission.ID, me, obj{"reason": "the fire alarm"})
	k.do(401, "GET", "/api/v1/public/submission", second.SubmissionToken, nil)
	k.do(404, "GET", "/api/v1/submissions/"+second.Submission.ID, me, nil)
}

func (k *client) driveRest(me string) {
	k.t.Helper()
	k.do(200, "GET", "/api/v1/audit?limit=5", me, nil)
	k.driveActivity(me)
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/api/docs", "/api/docs/style.css", "/api/v1/openapi.json", "/api/v1/problems/email_taken"} {
		k.do(200, "GET", path, "", nil)
	}
	k.do(404, "GET", "/api/v1/problems/no_such_code", "", nil)
}

// driveActivity drives the feed.
func (k *client) driveActivity(me string) {
	k.t.Helper()
	var page struct{ NextCursor *string }
	k.do(200, "GET", "/api/v1/activity?limit=1", me, nil).into(k.t, &page)
	if page.NextCursor == nil {
		k.t.Fatal("the feed has one item alone")
	}
	k.do(200, "GET", "/api/v1/activity?limit=1&cursor="+*page.NextCursor, me, nil)
	k.do(400, "GET", "/api/v1/activity?cursor=nonsense", me, nil)
	k.do(422, "GET", "/api/v1/activity?limit=0", me, nil)
	k.do(401, "GET", "/api/v1/activity", "", nil)
}
