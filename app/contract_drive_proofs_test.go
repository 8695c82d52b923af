package app_test

import (
	"bytes"
	"strings"

	"github.com/google/uuid"

	"credlane/app/kit/seal"
)

// emailCode is the last one-time code that was asked for, which its mail alone says.
func (w *world) emailCode() string {
	w.t.Helper()
	key, err := seal.New(bytes.Repeat([]byte{9}, 32)) // every test's secret key
	if err != nil {
		w.t.Fatal(err)
	}
	var id uuid.UUID
	if err := w.db.Pool.QueryRow(w.t.Context(), `SELECT id FROM email_codes ORDER BY id DESC LIMIT 1`).Scan(&id); err != nil {
		w.t.Fatal(err)
	}
	return key.Digits("email code", id)
}

// invited makes a personal link and gives the path of its operations; settings go by name and value.
func (w *world) invited(member, assessment, email string, settings ...any) string {
	w.t.Helper()
	body := obj{"invites": []obj{{"email": email, "name": "Cara"}}}
	for i := 0; i < len(settings); i += 2 {
		body[settings[i].(string)] = settings[i+1]
	}
	var made struct {
		Results []struct{ Invite struct{ URL string } }
	}
	w.must(200, "POST", "/api/v1/assessments/"+assessment+"/invites", member, body).into(w.t, &made)
	url := made.Results[0].Invite.URL
	return "/api/v1/public/invites/" + url[strings.LastIndex(url, "/")+1:]
}

// driveProofs drives starts and resumptions by one-time codes and personal links.
func (k *client) driveProofs(me, assessment string) {
	k.t.Helper()
	var a struct{ Slug string }
	k.do(200, "GET", "/api/v1/assessments/"+assessment, me, nil).into(k.t, &a)
	public := "/api/v1/public/assessments/" + a.Slug
	k.do(200, "POST", public+"/code", "", obj{"email": "pia@mail.example"})
	k.do(422, "POST", public+"/code", "", obj{"email": "pia"})
	k.do(404, "POST", "/api/v1/public/assessments/aaaaaaaaaaaaaaaa/code", "", obj{"email": "pia@mail.example"})
	code := k.emailCode()
	wrong := string('0'+(code[0]-'0'+1)%10) + code[1:]
	k.do(422, "POST", public+"/code/verify", "", obj{"email": "pia@mail.example", "code": wrong})
	k.do(200, "POST", public+"/code/verify", "", obj{"email": "pia@mail.example", "code": code})
	start := func(code string) obj {
		return obj{"name": "Pia", "email": "pia@mail.example", "consent": true, "code": code}
	}
	k.do(201, "POST", public+"/submissions", "", start(code))
	k.do(422, "POST", public+"/submissions", "", start(code))
	k.do(200, "POST", public+"/code", "", obj{"email": "pia@mail.example"})
	k.do(200, "POST", public+"/submissions", "", start(k.emailCode()))

	var made struct {
		Results []struct{ Invite struct{ URL string } }
	}
	k.do(200, "POST", "/api/v1/assessments/"+assessment+"/invites", me, obj{"invites": []obj{{"email": "quinn@mail.example", "extraTimePercent": 50, "reason": "agreed"}}}).into(k.t, &made)
	url := made.Results[0].Invite.URL
	by := "/api/v1/public/invites/" + url[strings.LastIndex(url, "/")+1:] + "/submissions"
	k.do(422, "POST", by, "", obj{"name": "Quinn", "consent": false})
	var s sitting
	k.do(201, "POST", by, "", obj{"name": "Quinn", "consent": true}).into(k.t, &s)
	taken := s.SubmissionToken
	k.do(200, "POST", by, "", nil).into(k.t, &s)
	k.do(409, "GET", "/api/v1/public/submission", taken, nil)
	k.do(200, "POST", "/api/v1/public/submission/submit", s.SubmissionToken, nil)
	k.do(200, "POST", by, "", obj{})
	k.do(200, "GET", "/api/v1/submissions/"+s.Submission.ID, me, nil)
	k.do(404, "POST", "/api/v1/public/invites/aaaaaaaaaaaaaaaaaaaaaaaaaa/submissions", "", obj{"consent": true})
}
