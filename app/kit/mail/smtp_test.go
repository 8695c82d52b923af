package mail

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/jobs"
	"credlane/app/kit/mailtest"
)

func TestMailGoesOutOverEveryKindOfConnection(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options mailtest.Options
		suffix  string // of the URL
		secure  bool
	}{
		"plain":               {mailtest.Options{}, "", false},
		"STARTTLS when there": {mailtest.Options{Security: mailtest.StartTLS}, "", true},
		"STARTTLS or nothing": {mailtest.Options{Security: mailtest.StartTLS}, "?tls=required", true},
		"TLS from the start":  {mailtest.Options{Security: mailtest.TLS}, "", true},
		"with a password":     {mailtest.Options{Security: mailtest.TLS, User: "robot", Password: "s3cret"}, "", true},
		"and STARTTLS":        {mailtest.Options{Security: mailtest.StartTLS, User: "robot", Password: "s3cret"}, "", true},
		"and within a house":  {mailtest.Options{User: "robot", Password: "s3cret"}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := mailtest.New(t, c.options)
			smtp := to(server)
			smtp.URL += c.suffix
			w := newWorld(t, smtp)
			w.Declare(note())
			w.owe(message())
			w.start()
			w.settle(1, Sent)
			if mails := server.Mails(); len(mails) != 1 || mails[0].Secure != c.secure {
				t.Errorf("the server has %+v", mails)
			}
		})
	}
}

// broken tries to send one letter by the configuration and gives the error.
func broken(t *testing.T, w *world) error {
	t.Helper()
	w.Declare(note())
	w.owe(message())
	return w.server.send(t.Context(), letterOf(t, w))
}

// letterOf puts the oldest mail into words.
func letterOf(t *testing.T, w *world) *letter {
	t.Helper()
	row, err := findMail(t.Context(), w.db, uuid.MustParse(w.text(`SELECT id::text FROM mails ORDER BY id LIMIT 1`)))
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := w.template(row.Template)
	if err != nil {
		t.Fatal(err)
	}
	l, err := w.write(tmpl, row)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestAServerThatIsNotAsTheConfigurationWantsGetsNoMail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options mailtest.Options
		change  func(s *SMTP)
		says    string
	}{
		"no STARTTLS":         {mailtest.Options{}, func(s *SMTP) { s.URL += "?tls=required" }, "no STARTTLS"},
		"an unknown maker":    {mailtest.Options{Security: mailtest.StartTLS}, func(s *SMTP) { s.CAFile = "" }, "certificate"},
		"and TLS all through": {mailtest.Options{Security: mailtest.TLS}, func(s *SMTP) { s.CAFile = "" }, "certificate"},
		"a wrong password": {mailtest.Options{Security: mailtest.TLS, User: "robot", Password: "s3cret"},
			func(s *SMTP) { s.URL = strings.Replace(s.URL, "s3cret", "other", 1) }, "535"},
		"no way to sign in": {mailtest.Options{Security: mailtest.TLS}, func(s *SMTP) { s.URL = strings.Replace(s.URL, "//", "//robot:pw@", 1) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := mailtest.New(t, c.options)
			smtp := to(server)
			c.change(&smtp)
			err := broken(t, newWorld(t, smtp))
			var no *refusal
			if c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("got %v, want %q", err, c.says)
			}
			if errors.As(err, &no) {
				t.Errorf("somebody mends the configuration, but the mail is given up: %v", err)
			}
			if c.says != "" && len(server.Mails()) != 0 {
				t.Error("the mail went out all the same")
			}
		})
	}
}

func TestThePasswordIsNotSentOutsideThisMachineWithoutTLS(t *testing.T) {
	t.Parallel()
	s := &server{host: "mail.example.com", user: "robot", password: "s3cret"}
	if err := s.signIn(nil, false); err == nil || !strings.Contains(err.Error(), "no TLS") {
		t.Errorf("got %v", err)
	}
}

func TestAMailThatIsRefusedForNowIsTriedAgainAsTheSameMail(t *testing.T) {
	t.Parallel()
	var tries atomic.Int64
	var mu sync.Mutex
	var seen []mailtest.Mail
	refused := make(chan struct{})
	server := mailtest.New(t, mailtest.Options{
		Rcpt: func(string) error {
			if tries.Add(1) == 1 {
				return mailtest.Refuse(451, "try again, says the gray list")
			}
			return nil
		},
		Data: func(m mailtest.Mail) error {
			mu.Lock()
			defer mu.Unlock()
			if seen = append(seen, m); len(seen) == 1 {
				close(refused)
				return mailtest.Refuse(452, "the disk is full")
			}
			return nil
		},
	})
	w := newWorld(t, to(server))
	w.Declare(note())
	w.owe(message())
	w.start()
	w.eventually("the first failure noted", func() bool {
		return w.count(`SELECT count(*) FROM mails WHERE state = 'queued' AND last_error LIKE '%451%gray list%'`) == 1
	})
	w.eventually("the mail refused", func() bool {
		w.hurry()
		select {
		case <-refused:
			return true
		default:
			return false
		}
	})
	w.clock.Advance(time.Hour)
	w.settle(1, Sent)
	if len(seen) != 2 || string(seen[0].Raw) != string(seen[1].Raw) {
		t.Errorf("%d tries, and not of one mail:\n%s\n%s", len(seen), seen[0].Raw, seen[len(seen)-1].Raw)
	}
	if len(server.Mails()) != 1 || w.seen.of("retrying") != 2 {
		t.Errorf("%d mails arrived after %d failures", len(server.Mails()), w.seen.of("retrying"))
	}
}

func TestAMailThatIsRefusedForGoodIsGivenUpWithTheServersReason(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]mailtest.Options{
		"the recipient": {Rcpt: func(to string) error { return mailtest.Refuse(550, "no such user <"+to+"> here") }},
		"the recipient, written otherwise": {Rcpt: func(to string) error {
			return mailtest.Refuse(550, "no such user Ada@EXAMPLE.Com, also known as ada@elsewhere.example: <ADA@EXAMPLE.COM>")
		}},
		"the mail": {Data: func(mailtest.Mail) error {
			return mailtest.Refuse(554, "no such user here: this is spam "+strings.Repeat("x", 3000))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := mailtest.New(t, options)
			w := newWorld(t, to(server))
			w.Declare(note(func(t *Template) {
				t.Failed = func(ctx context.Context, tx pgx.Tx, ref uuid.UUID, at time.Time) error {
					_, err := tx.Exec(ctx, `UPDATE employers SET name = 'Told' WHERE id = $1`, ref)
					return err
				}
			}))
			w.owe(message(func(m *Message) { m.Ref = uuid.MustParse(employer) }))
			w.start()
			w.settle(1, Failed)
			reason := w.text(`SELECT last_error FROM mails`)
			if !strings.Contains(reason, "no such user") || len(reason) > maxReason {
				t.Errorf("the reason: %s", reason)
			}
			if n := w.count(`SELECT count(*) FROM river.river_job WHERE state = 'discarded' AND attempt = 1`); n != 1 {
				t.Errorf("%d dead jobs", n)
			}
			if w.text(`SELECT name FROM employers`) != "Told" || w.seen.of("failed") != 1 {
				t.Error("nobody was told")
			}
			if all := strings.ToLower(w.log.String() + reason + w.text(`SELECT errors::text FROM river.river_job`)); strings.Contains(all, "ada@") {
				t.Errorf("the log or the job holds the address:\n%s", w.log)
			}
		})
	}
}

func TestAFailedMailThatIsTriedAgainByHandGoesOut(t *testing.T) {
	t.Parallel()
	var tries atomic.Int64
	server := mailtest.New(t, mailtest.Options{Rcpt: func(string) error {
		if tries.Add(1) == 1 {
			return mailtest.Refuse(550, "mailbox full")
		}
		return nil
	}})
	w := newWorld(t, to(server))
	w.Declare(note())
	w.owe(message())
	w.start()
	w.settle(1, Failed)
	err := w.db.InTx(t.Context(), func(tx pgx.Tx) error {
		_, err := w.jobs.RetryTx(t.Context(), tx, uuid.Nil, int64(w.count(`SELECT id FROM river.river_job`)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	w.settle(1, Sent)
	if len(server.Mails()) != 1 {
		t.Error("it did not arrive")
	}
}

func TestAMailThatIsOwedAgainGoesOutOnce(t *testing.T) {
	t.Parallel()
	var tries atomic.Int64
	server := mailtest.New(t, mailtest.Options{Rcpt: func(string) error {
		if tries.Add(1) == 1 {
			return mailtest.Refuse(550, "mailbox full")
		}
		return nil
	}})
	w := newWorld(t, to(server))
	w.Declare(note())
	w.owe(message())
	w.start()
	w.settle(1, Failed)
	id := uuid.MustParse(w.text(`SELECT id::text FROM mails`))
	again := func() error {
		return w.db.InTx(t.Context(), func(tx pgx.Tx) error {
			employer, err := w.OweAgainTx(t.Context(), tx, id)
			if err == nil && employer.String() != w.text(`SELECT employer_id::text FROM mails`) {
				t.Errorf("it is of %s", employer)
			}
			return err
		})
	}
	if err := again(); err != nil {
		t.Fatal(err)
	}
	w.settle(1, Sent)
	if err := again(); !errors.Is(err, ErrSent) {
		t.Errorf("one that was sent: %v", err)
	}
	if n := w.count(`SELECT count(*) FROM river.river_job WHERE kind = 'mail.send' AND state = 'discarded'`); n != 0 || len(server.Mails()) != 1 {
		t.Errorf("%d mails arrived, and %d dead jobs are left", len(server.Mails()), n)
	}
	id = uuid.New()
	if err := again(); !errors.Is(err, ErrNotFound) {
		t.Errorf("one that is not there: %v", err)
	}
}

func TestARefusedSenderIsNoReasonToGiveTheMailUp(t *testing.T) {
	t.Parallel()
	server := mailtest.New(t, mailtest.Options{User: "robot", Password: "s3cret"}) // it takes no mail from strangers: 502 to MAIL
	smtp := to(server)
	smtp.URL = strings.Replace(smtp.URL, "robot:s3cret@", "", 1)
	var no *refusal
	if err := broken(t, newWorld(t, smtp)); err == nil || errors.As(err, &no) || !strings.Contains(err.Error(), "refuses our sender") {
		t.Errorf("got %v", err)
	}
}

// What the server took before the connection died is sent again: the one case in which a mail comes twice, with one Message-ID.
func TestAMailWhoseAnswerIsLostIsSentAgainUnderTheSameID(t *testing.T) {
	t.Parallel()
	var dropped atomic.Bool
	server := mailtest.New(t, mailtest.Options{Drop: func(mailtest.Mail) bool { return dropped.CompareAndSwap(false, true) }})
	w := newWorld(t, to(server))
	w.Declare(note())
	w.owe(message())
	w.start()
	w.settle(1, Sent)
	mails := server.Mails()
	if len(mails) != 2 || mails[0].Header(t, "Message-Id") != mails[1].Header(t, "Message-Id") {
		t.Errorf("%d mails", len(mails))
	}
}

func TestASlowServerGetsEveryMailOnceByFewConnections(t *testing.T) {
	t.Parallel()
	const n = 60
	var inside, most atomic.Int64
	full := make(chan struct{}) // closed when as many mails wait as the queue sends at once
	var once sync.Once
	server := mailtest.New(t, mailtest.Options{Data: func(mailtest.Mail) error {
		now := inside.Add(1)
		defer inside.Add(-1)
		for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
		}
		if now == 8 {
			once.Do(func() { close(full) })
		}
		<-full
		return nil
	}})
	w := newWorld(t, to(server))
	w.Declare(note())
	for i := range n {
		w.owe(message(func(m *Message) { m.To = fmt.Sprintf("p%d@example.com", i) }))
	}
	w.start()
	w.settle(n, Sent)
	seen := map[string]int{}
	for _, m := range server.Mails() {
		seen[m.To]++
	}
	if len(seen) != n || len(server.Mails()) != n {
		t.Errorf("%d mails for %d people", len(server.Mails()), len(seen))
	}
	if total, at := server.Connections(); total > 2*8 || at > 8 {
		t.Errorf("%d connections, %d at once: they are not kept", total, at)
	}
}

// thinking is a server that has a mail in whole and gives no answer until it is released.
func thinking(t *testing.T) (server *mailtest.Server, begun chan struct{}, release func()) {
	t.Helper()
	begun = make(chan struct{})
	answers := make(chan struct{})
	release = sync.OnceFunc(func() { close(answers) })
	var once sync.Once
	server = mailtest.New(t, mailtest.Options{Data: func(mailtest.Mail) error {
		once.Do(func() { close(begun) })
		<-answers
		return nil
	}})
	t.Cleanup(release) // before the server's own end, which waits for its answers
	return server, begun, release
}

func TestAServerThatNeverAnswersIsGivenUpInTime(t *testing.T) {
	t.Parallel()
	server, _, _ := thinking(t)
	smtp := to(server)
	smtp.DoneLimit = 200 * time.Millisecond
	var no *refusal
	err := broken(t, newWorld(t, smtp))
	if err == nil || errors.As(err, &no) || !strings.Contains(err.Error(), "no answer to the mail") || strings.Contains(err.Error(), "refuse") {
		t.Errorf("got %v", err)
	}
}

// Whoever hangs up on a server that has the mail, and is only slow to say so, sends it twice.
func TestAServerThatThinksLongAboutAWholeMailGetsItOnce(t *testing.T) {
	t.Parallel()
	server, begun, release := thinking(t)
	smtp := to(server)
	smtp.TalkLimit = 500 * time.Millisecond
	w := newWorld(t, smtp)
	go func() {
		<-begun
		time.AfterFunc(2*smtp.TalkLimit, release)
	}()
	if err := broken(t, w); err != nil || len(server.Mails()) != 1 {
		t.Errorf("%d mails arrived: %v", len(server.Mails()), err)
	}
	if w.server.done < 10*time.Minute || sendLimit <= dialLimit+talkLimit+doneLimit+commitLimit {
		t.Errorf("the server has %s, and the job %s in all", w.server.done, sendLimit)
	}
}

func TestAStoppedWorkerLetsGoOfItsServerAndHandsTheMailBack(t *testing.T) {
	t.Parallel()
	server, begun, _ := thinking(t)
	w := newWorld(t, to(server))
	w.Declare(note())
	w.owe(message())
	stop := w.start()
	<-begun
	stop() // it says so when it had to leave something behind
	if n := w.count(`SELECT count(*) FROM river.river_job WHERE state = 'available' AND attempt = 1 AND cardinality(errors) IS NOT DISTINCT FROM NULL`); n != 1 {
		t.Errorf("the job was not handed back: %s", w.text(`SELECT j::text FROM river.river_job j`))
	}
	if n := w.count(`SELECT count(*) FROM mails WHERE state = 'queued' AND last_error IS NULL`); n != 1 {
		t.Errorf("the stop is noted as the mail's failure: %s", w.text(`SELECT m::text FROM mails m`))
	}
}

func TestAnAttemptThatRanOutOfTimeSaysSo(t *testing.T) {
	t.Parallel()
	server, _, _ := thinking(t)
	w := newWorld(t, to(server))
	w.Declare(note())
	w.jobs.Handle(jobs.Kind{Name: "hasty", Queue: jobs.Mail, Timeout: 300 * time.Millisecond, Work: w.send, Died: w.died})
	w.owe(message())
	if _, err := w.db.Exec(t.Context(), `UPDATE river.river_job SET kind = 'hasty'`); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.eventually("the reason noted", func() bool {
		return w.count(`SELECT count(*) FROM mails WHERE state = 'queued' AND last_error LIKE '%no answer to the mail%'`) == 1
	})
}

func TestAKeptConnectionThatTheServerClosedCostsNoTry(t *testing.T) {
	t.Parallel()
	server := mailtest.New(t, mailtest.Options{})
	smtp := to(server)
	smtp.IdleLimit = time.Hour
	w := newWorld(t, smtp)
	w.Declare(note())
	w.owe(message())
	l := letterOf(t, w)
	for range 2 {
		if err := w.server.send(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	if total, _ := server.Connections(); total != 1 {
		t.Errorf("%d connections for two mails in a row", total)
	}
	w.server.pool.mu.Lock()
	kept := w.server.pool.idle[0]
	w.server.pool.mu.Unlock()
	if err := kept.raw.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if err := w.server.send(t.Context(), l); err != nil {
		t.Errorf("the third mail: %v", err)
	}
	if len(server.Mails()) != 3 {
		t.Errorf("%d mails arrived", len(server.Mails()))
	}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	server := mailtest.New(t, mailtest.Options{})
	smtp := to(server)
	smtp.IdleLimit = time.Millisecond
	w := newWorld(t, smtp)
	w.Declare(note())
	w.owe(message())
	if err := w.server.send(t.Context(), letterOf(t, w)); err != nil {
		t.Fatal(err)
	}
	w.eventually("the idle connection closed", func() bool {
		w.server.pool.mu.Lock()
		defer w.server.pool.mu.Unlock()
		return len(w.server.pool.idle) == 0 && server.Open() == 0
	})
}

// A process that dies between the commit that owes the mail and its sending, or in the middle of it, leaves a job behind.
func TestNoMailIsLostWhenAWorkerStopsHard(t *testing.T) {
	t.Parallel()
	const n = 40
	server := mailtest.New(t, mailtest.Options{})
	w := newWorld(t, to(server))
	w.Declare(note())
	for i := range n {
		w.owe(message(func(m *Message) { m.To = fmt.Sprintf("p%d@example.com", i) }))
	}
	// What a worker that died leaves: jobs that run, by somebody who shows no life.
	if _, err := w.db.Exec(t.Context(), `UPDATE river.river_job SET state = 'running', attempt = 1, attempted_at = now(), attempted_by = ARRAY['gone']`); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.settle(n, Sent)
	if len(server.Mails()) != n {
		t.Errorf("%d mails arrived", len(server.Mails()))
	}
}
