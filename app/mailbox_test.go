package app_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"

	"credlane/app"
	"credlane/app/kit/mail"
	"credlane/app/kit/mailtest"
	"credlane/app/kit/pgtest"
)

// work has this instance do the background work until the test ends.
func (w *world) work() {
	w.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.app.Run(ctx, listener, true) }()
	w.t.Cleanup(sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("run: %v", err)
		}
	}))
}

// mailed waits for the mail of a template to a person and gives the token of its link.
func mailed(w *world, server *mailtest.Server, to, path string) (token string) {
	w.t.Helper()
	w.eventually("a mail to "+to, func() bool {
		for _, m := range server.Mails() {
			text, _ := m.Bodies(w.t)
			if _, after, ok := strings.Cut(text, path); ok && m.To == to {
				token, _, _ = strings.Cut(after, "\r\n")
				return true
			}
		}
		return false
	})
	return token
}

func TestTheLinksThatPeopleGetByMailWork(t *testing.T) {
	t.Parallel()
	server := mailtest.New(t, mailtest.Options{Security: mailtest.StartTLS, User: "robot", Password: "s3cret"})
	w := instance(t, pgtest.New(t), app.Options{}, "CREDLANE_SMTP_URL", server.URL+"?tls=required", "CREDLANE_SMTP_CA_FILE", server.CAFile,
		"CREDLANE_PUBLIC_URL", "https://lane.example", "CREDLANE_MAIL_FROM", "The Lane <post@lane.example>")
	w.work()
	owner := w.employer(1)
	verify := mailed(w, server, "owner1@example.com", "https://lane.example/app/email/verify?token=")
	w.must(200, "POST", "/api/v1/auth/email/verify", "", obj{"token": verify})
	w.must(200, "POST", "/api/v1/auth/password/forgot", "", obj{"email": "owner1@example.com"})
	reset := mailed(w, server, "owner1@example.com", "https://lane.example/app/password/reset?token=")
	w.must(201, "POST", "/api/v1/members", owner, obj{"email": "vera@example.com", "role": "viewer"})
	w.must(200, "POST", "/api/v1/auth/password/reset", "", obj{"token": reset, "password": "another long secret"})
	accept := mailed(w, server, "vera@example.com", "https://lane.example/app/invitations/")
	w.must(200, "POST", "/api/v1/auth/invitations/"+accept+"/accept", "", obj{"name": "Vera", "password": "a long enough secret"})
	w.eventually("three mails counted as sent", func() bool { return w.figure(`mails_total{outcome="sent"}`) == "3" })
	for _, m := range server.Mails() {
		if !m.Secure || m.From != "post@lane.example" {
			t.Errorf("a mail from %s, over TLS %v", m.From, m.Secure)
		}
	}
}

func TestTheOperatorReadsTheMailThatIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	w.employer(1)
	var kept []app.Mail
	w.eventually("a mail kept", func() (ok bool) {
		var err error
		if kept, err = w.app.Mails(t.Context(), "kept", 10); err != nil {
			t.Fatal(err)
		}
		return len(kept) == 1
	})
	shown, err := w.app.Mail(t.Context(), kept[0].ID.String())
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(shown.Text, "/app/email/verify?token=")
	token, _, _ := strings.Cut(after, "\n")
	w.must(200, "POST", "/api/v1/auth/email/verify", "", obj{"token": token})
	for _, id := range []string{"no id", someID} {
		if _, err := w.app.Mail(t.Context(), id); err == nil {
			t.Errorf("there is a mail %q", id)
		}
	}
	if _, err := w.app.Mails(t.Context(), "lost", 10); err == nil {
		t.Error("there is a state lost")
	}
	if sent, err := w.app.Mails(t.Context(), string(mail.Sent), 10); err != nil || len(sent) != 0 {
		t.Errorf("sent without a server: %+v %v", sent, err)
	}
}
