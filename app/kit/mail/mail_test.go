package mail

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/mailtest"
	"credlane/app/kit/pg"
)

func TestAMailArrivesOnceAsItsTemplateSays(t *testing.T) {
	t.Parallel()
	server := mailtest.New(t, mailtest.Options{})
	w := newWorld(t, to(server))
	w.Declare(note())
	w.owe(message())
	w.start()
	w.settle(1, Sent)
	mails := server.Mails()
	if len(mails) != 1 || mails[0].From != "noreply@lane.example" || mails[0].To != "ada@example.com" || mails[0].UTF8 {
		t.Fatalf("the server has %+v", mails)
	}
	m := mails[0]
	id := w.text(`SELECT id::text FROM mails`)
	for name, want := range map[string]string{
		"From": `"Analytical Engines" <noreply@lane.example>`, "To": `"Ada" <ada@example.com>`,
		"Reply-To": `"Analytical Engines" <people@engines.example>`, "Subject": "A note for Ada",
		"Message-Id": "<" + id + "@lane.example>", "Date": "Fri, 01 May 2026 09:00:00 +0000", "Auto-Submitted": "auto-generated",
	} {
		if got := m.Header(t, name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	link := "https://lane.example/n/" + w.key.Token("note", uuid.MustParse(employer), 0)
	text, html := m.Bodies(t)
	for _, want := range []string{"text/plain", "Hello Ada,\r\n\r\nAnalytical Engines has 2 things to say: this & that\r\n\r\nRead it:\r\n" + link + "\r\n\r\nSmall print."} {
		if !strings.Contains(text, want) {
			t.Errorf("the text has no %q:\n%s", want, text)
		}
	}
	for _, want := range []string{"text/html", "this &amp; that", `<a href="` + link + `"`, "Small print."} {
		if !strings.Contains(html, want) {
			t.Errorf("the HTML has no %q:\n%s", want, html)
		}
	}
	for _, remote := range []string{"<img", "<script", "<link", "url(", "@import"} {
		if strings.Contains(html, remote) {
			t.Errorf("the HTML fetches something: %s", remote)
		}
	}
	if n := w.count(`SELECT count(*) FROM mails m WHERE m::text LIKE '%' || $1 || '%'`, w.key.Token("note", uuid.MustParse(employer), 0)); n != 0 {
		t.Error("a row holds the secret")
	}
	if w.seen.of("sent") != 1 || w.count(`SELECT count(*) FROM mails WHERE ended_at IS NOT NULL AND last_error IS NULL`) != 1 {
		t.Error("the mail is not noted as sent")
	}
}

func TestAMailIsOwedIfAndOnlyIfItsTransactionCommits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, SMTP{})
	w.Declare(note())
	stop := errors.New("stop")
	err := w.db.InTx(t.Context(), func(tx pgx.Tx) error {
		if err := w.SendTx(t.Context(), tx, message()); err != nil {
			return err
		}
		return stop
	})
	if !errors.Is(err, stop) || w.count(`SELECT (SELECT count(*) FROM mails) + (SELECT count(*) FROM river.river_job)`) != 0 {
		t.Errorf("a mail is owed: %v", err)
	}
	err = w.db.InBatch(t.Context(), func(b *pgx.Batch) error { return w.Queue(b, message(), message()) })
	if err != nil || w.count(`SELECT count(*) FROM mails`) != 2 || w.count(`SELECT count(*) FROM river.river_job WHERE queue = 'mail'`) != 2 {
		t.Errorf("a pipeline owes nothing: %v", err)
	}
}

func TestAThousandMailsAreOneStatement(t *testing.T) {
	t.Parallel()
	w := newWorld(t, SMTP{})
	w.Declare(note())
	messages := make([]Message, 1000)
	for i := range messages {
		messages[i] = message(func(m *Message) { m.To = fmt.Sprintf("p%d@example.com", i) })
	}
	var b pgx.Batch
	if err := w.Queue(&b, messages...); err != nil || b.Len() != 1 {
		t.Fatalf("%d statements: %v", b.Len(), err)
	}
	w.owe(messages...)
	if n := w.count(`SELECT count(DISTINCT j.args ->> 'mailId') FROM river.river_job j JOIN mails m ON m.id = (j.args ->> 'mailId')::uuid`); n != 1000 {
		t.Errorf("%d mails have a job", n)
	}
	if n := w.count(`SELECT count(*) FROM river.river_job WHERE args::text LIKE '%example.com%' OR metadata ->> 'employerId' <> $1`, employer); n != 0 {
		t.Errorf("%d jobs hold an address, or are nobody's", n)
	}
}

func TestOfTwoMailsWithOneKeyOneIsOwed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, SMTP{})
	w.Declare(note())
	w.Declare(note(func(t *Template) { t.Name = "other" }))
	keyed := func(template, key string) Message {
		return message(func(m *Message) { m.Template, m.Unique = template, key })
	}
	for range 20 {
		if _, err := w.db.Exec(t.Context(), `TRUNCATE mails, river.river_job`); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() {
				list := []Message{keyed("note", "a"), keyed("note", "b"), keyed("other", "a"), keyed("note", "a")}
				if i%2 == 0 { // two orders, so that they could wait for each other
					list[0], list[1] = list[1], list[0]
				}
				err := w.db.InTx(context.Background(), func(tx pgx.Tx) error { return w.SendTx(context.Background(), tx, list...) })
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if mails, jobs := w.count(`SELECT count(*) FROM mails`), w.count(`SELECT count(*) FROM river.river_job`); mails != 3 || jobs != 3 {
			t.Fatalf("%d mails and %d jobs, want 3", mails, jobs)
		}
	}
}

func TestAMailThatCameToNothingIsDropped(t *testing.T) {
	t.Parallel()
	server := mailtest.New(t, mailtest.Options{})
	w := newWorld(t, to(server))
	asked := make(chan uuid.UUID, 1)
	w.Declare(note(func(t *Template) {
		t.Still = func(_ context.Context, _ pg.Querier, ref uuid.UUID, _ int) (bool, error) {
			asked <- ref
			return false, nil
		}
		t.Sent = func(context.Context, pgx.Tx, uuid.UUID, time.Time) error { return errors.New("it was not sent") }
	}))
	ref := uuid.New()
	w.owe(message(func(m *Message) { m.Ref = ref }))
	w.start()
	w.settle(1, Dropped)
	if got := <-asked; got != ref || len(server.Mails()) != 0 {
		t.Errorf("asked of %s; %d mails went out", got, len(server.Mails()))
	}
}

func TestWithoutAServerMailIsKeptAndTheLogSaysSoOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, SMTP{})
	w.Declare(note(func(t *Template) { t.Urgent = true }))
	w.owe(message(), message(), message())
	w.start()
	w.settle(3, Kept)
	if w.CanSend() || strings.Count(w.log.String(), "no mail server is configured") != 1 {
		t.Errorf("the log:\n%s", w.log)
	}
	list, err := w.List(t.Context(), Kept, 2)
	if err != nil || len(list) != 2 || list[0].ID.String() < list[1].ID.String() {
		t.Fatalf("the list: %+v %v", list, err)
	}
	shown, err := w.Show(t.Context(), list[0].ID)
	if err != nil || !strings.Contains(shown.Text, "https://lane.example/n/"+w.key.Token("note", uuid.MustParse(employer), 0)) {
		t.Fatalf("shown: %+v %v", shown, err)
	}
	if len(shown.Headers) != 6 || shown.Headers[3].Value != "A note for Ada" {
		t.Errorf("the headers: %+v", shown.Headers)
	}
	if _, err := w.Show(t.Context(), uuid.New()); !errors.Is(err, ErrNotFound) {
		t.Errorf("a mail that is not there: %v", err)
	}
	if none, err := w.List(t.Context(), Sent, 10); err != nil || len(none) != 0 {
		t.Errorf("sent ones: %+v %v", none, err)
	}
}

func TestTheSentHookRunsOnceAlsoWhenItFailsAtFirst(t *testing.T) {
	t.Parallel()
	server := mailtest.New(t, mailtest.Options{})
	w := newWorld(t, to(server))
	var mu sync.Mutex
	calls := 0
	w.Declare(note(func(t *Template) {
		t.Sent = func(ctx context.Context, tx pgx.Tx, ref uuid.UUID, at time.Time) error {
			mu.Lock()
			defer mu.Unlock()
			if calls++; calls < 3 {
				return errors.New("not now")
			}
			_, err := tx.Exec(ctx, `UPDATE employers SET updated_at = $2 WHERE id = $1`, ref, at)
			return err
		}
	}))
	w.clock.Advance(time.Hour)
	w.owe(message(func(m *Message) { m.Ref = uuid.MustParse(employer) }))
	w.start()
	w.eventually("the hook's effect", func() bool {
		w.hurry()
		return w.count(`SELECT count(*) FROM employers WHERE updated_at = $1`, w.clock.Now()) == 1
	})
	w.settle(1, Sent)
	if n := len(server.Mails()); n != 1 {
		t.Errorf("the mail went out %d times", n)
	}
}

func TestOldMailsAreForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, SMTP{})
	w.Declare(note())
	w.owe(message(), message(), message())
	if _, err := w.db.Exec(t.Context(), `UPDATE mails SET state = 'sent', ended_at = now() WHERE id IN (SELECT id FROM mails LIMIT 2)`); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(keepMails - time.Second)
	w.owe(message())
	if n, err := w.Tidy(t.Context()); err != nil || n != 0 {
		t.Errorf("too early: %d %v", n, err)
	}
	w.clock.Advance(2 * time.Second)
	if n, err := w.Tidy(t.Context()); err != nil || n != 2 || w.count(`SELECT count(*) FROM mails`) != 2 {
		t.Errorf("removed %d, want the two that are not owed any more: %v", n, err)
	}
}

func TestMailIsTriedForAboutTwoDays(t *testing.T) {
	t.Parallel()
	var all time.Duration
	for attempt := 1; attempt < sendTries; attempt++ {
		all += pause(attempt)
	}
	if all < 46*time.Hour || all > 52*time.Hour {
		t.Errorf("it is tried for %s", all)
	}
}

func TestATemplateWithAMistakeIsSeenAtBoot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, SMTP{})
	w.Declare(note())
	for name, change := range map[string]func(*Template){
		"twice":             func(*Template) {},
		"no name":           func(t *Template) { t.Name = "" },
		"a loud name":       func(t *Template) { t.Name = "Loud" },
		"no subject":        func(t *Template) { t.Name, t.Subject = "x", "" },
		"no body":           func(t *Template) { t.Name, t.Body = "x", nil },
		"a button to where": func(t *Template) { t.Name, t.Path = "x", "" },
		"a broken text":     func(t *Template) { t.Name, t.Body = "x", []string{"{{.Name"} },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is taken", name)
				}
			}()
			w.Declare(note(change))
		}()
	}
	err := w.db.InTx(t.Context(), func(tx pgx.Tx) error {
		return w.SendTx(t.Context(), tx, message(func(m *Message) { m.Template = "unknown" }))
	})
	if err == nil {
		t.Error("a mail of no template is owed")
	}
}
