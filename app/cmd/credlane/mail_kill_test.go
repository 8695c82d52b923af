package main

import (
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/clock"
	"credlane/app/kit/ids"
	"credlane/app/kit/jobs"
	"credlane/app/kit/mail"
	"credlane/app/kit/mailtest"
	"credlane/app/kit/pg"
	"credlane/app/kit/pgtest"
	"credlane/app/kit/seal"
)

const (
	mailsOwed   = 200
	mailKills   = 14
	mailWorkers = 4 // mails at once in a process
)

// owe writes invitations of members and the mails that carry them, as the program does.
func owe(t *testing.T, db *pg.DB) {
	t.Helper()
	key, err := seal.New([]byte(strings.Repeat("\x07", 32)))
	if err != nil {
		t.Fatal(err)
	}
	m, err := mail.New(mail.Options{
		DB: db, Jobs: jobs.New(jobs.Options{DB: db}), Key: key, Clock: clock.System{}, IDs: ids.New(clock.System{}), PublicURL: "https://lane.example",
	})
	if err != nil {
		t.Fatal(err)
	}
	m.Declare(mail.Template{Name: "member_invitation", Subject: "as the worker has it", Body: []string{"as the worker has it"}})
	messages := make([]mail.Message, mailsOwed)
	employer := uuid.New()
	err = db.InTx(t.Context(), func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO employers (id, name, slug, created_at, updated_at) VALUES ($1, 'Engines', 'engines', now(), now())`, employer)
		if err != nil {
			return err
		}
		for i := range messages {
			id, email := uuid.New(), fmt.Sprintf("p%d@example.com", i)
			messages[i] = mail.Message{
				Template: "member_invitation", EmployerID: employer, To: email, Ref: id, Secret: mail.Secret{Purpose: "member invitation", ID: id},
			}
			_, err := tx.Exec(t.Context(), `
INSERT INTO member_invitations (id, employer_id, email, role, token_hash, created_at, expires_at) VALUES ($1, $2, $3, 'viewer', $4, now(), now() + interval '1 day')`,
				id, employer, email, id[:])
			if err != nil {
				return err
			}
		}
		return m.SendTx(t.Context(), tx, messages...)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// mailWorker starts a worker process and waits until it works.
func mailWorker(t *testing.T, path string, environ []string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(path, "worker", "--queues", "mail", "--concurrency", fmt.Sprint(mailWorkers))
	cmd.Env = environ
	logs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(cmd) })
	waitFor(t, logs, "working on jobs")
	return cmd
}

// end kills the process; a second time does nothing.
func end(cmd *exec.Cmd) {
	if cmd.ProcessState == nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed; that is what Wait would say
	}
}

// reaper is a mail server's grip on the worker that sends to it: it holds mails until the worker is dead.
type reaper struct {
	server       *mailtest.Server
	gate         sync.Mutex
	asked        chan chan struct{}
	over         chan struct{}
	named, taken atomic.Int64 // recipients named, and mails taken
	kills        atomic.Int64
}

func newReaper(t *testing.T) *reaper {
	t.Helper()
	r := &reaper{asked: make(chan chan struct{}), over: make(chan struct{})}
	r.server = mailtest.New(t, mailtest.Options{
		Rcpt: func(string) error { r.hold(r.due(&r.named, 5)); return nil },        // the server has nothing yet
		Data: func(mailtest.Mail) error { r.hold(r.due(&r.taken, 0)); return nil }, // it has the mail and will keep it
	})
	return r
}

func (r *reaper) due(count *atomic.Int64, at int64) bool {
	return count.Add(1)%15 == at && r.kills.Add(1) <= mailKills
}

// hold waits, when it is now, until the worker is dead. The other mails under way wait with this one.
func (r *reaper) hold(now bool) {
	r.gate.Lock()
	defer r.gate.Unlock()
	if !now {
		return
	}
	dead := make(chan struct{})
	select {
	case r.asked <- dead:
		<-dead
	case <-r.over:
	}
}

// A worker is killed again and again while it sends: half of the times before the server has the mail, and half after the server
// took it and before the worker could note that. Every mail arrives, and only what was under way at a kill may come twice.
func TestEveryMailArrivesHoweverOftenTheWorkerIsKilled(t *testing.T) {
	t.Parallel()
	test := pgtest.New(t)
	db := &pg.DB{Pool: test.Pool}
	owe(t, db)
	r := newReaper(t)
	environ := append(environment(t, test), "CREDLANE_SMTP_URL="+r.server.URL, "CREDLANE_PUBLIC_URL=https://lane.example")
	path := binary(t)
	worker := mailWorker(t, path, environ)
	limit := time.After(3 * time.Minute)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	killed := 0
	for owed := mailsOwed; owed > 0; {
		select {
		case dead := <-r.asked:
			end(worker)
			killed++
			// What thirty seconds of silence are.
			if _, err := db.Exec(t.Context(), `UPDATE river.alive SET seen_at = seen_at - interval '1 minute'`); err != nil {
				t.Fatal(err)
			}
			close(dead)
			worker = mailWorker(t, path, environ)
		case <-limit:
			t.Fatalf("in vain: %d mails arrived after %d kills", len(r.server.Mails()), killed)
		case <-tick.C:
			if err := db.QueryRow(t.Context(), `SELECT count(*) FROM mails WHERE state <> 'sent'`).Scan(&owed); err != nil {
				t.Fatal(err)
			}
		}
	}
	close(r.over)
	if killed < mailKills {
		t.Errorf("the worker was killed %d times only", killed)
	}
	allArrived(t, r.server.Mails())
}

// allArrived wants every mail, and of those that came twice one Message-ID.
func allArrived(t *testing.T, mails []mailtest.Mail) {
	t.Helper()
	arrived := map[string]string{}
	twice := 0
	for _, m := range mails {
		id := m.Header(t, "Message-Id")
		if other, known := arrived[m.To]; known {
			if twice++; other != id {
				t.Errorf("%s has one mail under two names, %s and %s", m.To, other, id)
			}
		}
		arrived[m.To] = id
	}
	if len(arrived) != mailsOwed || twice == 0 || twice > mailKills*mailWorkers {
		t.Errorf("%d of %d mails arrived, %d of them once more than needed", len(arrived), mailsOwed, twice)
	}
}
