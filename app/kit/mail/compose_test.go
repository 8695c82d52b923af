package mail

import (
	"bufio"
	"bytes"
	netmail "net/mail"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"credlane/app/kit/mailtest"
)

// sentBy sends one message and gives it as the server has it.
func sentBy(t *testing.T, w *world, server *mailtest.Server, m Message) mailtest.Mail {
	t.Helper()
	before := len(server.Mails())
	w.owe(m)
	row, err := findMail(t.Context(), w.db, uuid.MustParse(w.text(`SELECT id::text FROM mails ORDER BY id DESC LIMIT 1`)))
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
	if err := w.server.send(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	return server.Mails()[before]
}

// evil are texts that try to end a header's line and begin one of their own, or to look like something else.
var evil = []string{
	"x\r\nBcc: victim@example.com", "x\nBcc: victim@example.com", "x\rBcc: victim@example.com", "x\x00\r\n\r\n<html>body",
	"x\u2028Bcc: victim@example.com", "x\u0085Bcc: victim@example.com", "\u202Emoc.elpmaxe@mitciv", "x\" <victim@example.com>, \"y", "=?utf-8?q?x=0D=0ABcc:_victim@example.com?=",
	strings.Repeat("long words ", 18), strings.Repeat("\u5b57", 190), "x\t\r\n y", "a\r\n.\r\nMAIL FROM:<x@y>",
}

func TestNothingThatPeopleTypeAddsAHeaderOrARecipient(t *testing.T) {
	t.Parallel()
	server := mailtest.New(t, mailtest.Options{})
	w := newWorld(t, to(server))
	w.Declare(Template{
		Name: "open", Subject: "{{.Data.text}} {{.Name}} {{.Employer}}", Body: []string{"{{.Data.text}}", "{{.Name}}"},
		Button: "{{.Data.text}}", Path: "/x", Small: []string{"{{.Data.text}}"},
	})
	want := []string{"Auto-Submitted", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Reply-To", "Subject", "To"}
	for _, text := range evil {
		if _, err := w.db.Exec(t.Context(), `UPDATE employers SET name = $1`, strings.ReplaceAll(text, "\x00", "")); err != nil {
			t.Fatal(err)
		}
		m := sentBy(t, w, server, message(func(m *Message) {
			m.Template, m.ToName, m.Data = "open", strings.ReplaceAll(text, "\x00", ""), map[string]any{"text": strings.ReplaceAll(text, "\x00", "")}
		}))
		head, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(m.Raw))).ReadMIMEHeader()
		if err != nil {
			t.Fatalf("%q: %v\n%s", text, err, m.Raw)
		}
		var names []string
		for name := range head {
			names = append(names, name)
		}
		slices.Sort(names)
		if !slices.Equal(names, want) || m.To != "ada@example.com" || m.From != "noreply@lane.example" {
			t.Errorf("%q makes the headers %q, from %s to %s", text, names, m.From, m.To)
		}
		for _, name := range []string{"From", "To", "Reply-To"} {
			if list, err := netmail.ParseAddressList(head.Get(name)); err != nil || len(list) != 1 || len(head.Values(name)) != 1 {
				t.Errorf("%q: %s is %q: %v", text, name, head.Values(name), err)
			}
		}
		for _, name := range want {
			if shown := m.Header(t, name); strings.ContainsAny(shown, "\r\n\t\x00\u0085\u2028\u202E") {
				t.Errorf("%q: %s is shown as %q", text, name, shown)
			}
		}
		for line := range strings.SplitSeq(string(m.Raw), "\r\n") {
			if len(line) > 998 || strings.ContainsAny(line, "\r\n\x00") {
				t.Errorf("%q makes the line %q", text, line)
			}
		}
	}
}

func TestAnAddressThatIsNoneIsGivenUp(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "ada", "@example.com", "ada@", "a@b@c", "ada@example.com\r\nRCPT TO:<victim@example.com>", "a b@example.com", "ada@exam ple.com",
		"ada@example.com> SIZE=1", "<ada@example.com>", "\"a b\"@example.com", "ada@[192.0.2.1]", "ada\x00@example.com", "ada,bob@example.com",
		"ada\u2028@example.com", ".ada@example.com", "a..b@example.com", "ada@-example.com", "ada@exa_mple.com", strings.Repeat("a", 65) + "@example.com", "ad\xffa@example.com",
	} {
		if a, err := parseAddress(text); err == nil {
			t.Errorf("%q is taken as %s", text, a)
		}
	}
	server := mailtest.New(t, mailtest.Options{})
	w := newWorld(t, to(server))
	w.Declare(note())
	w.owe(message(func(m *Message) { m.To = "ada@example.com\r\nBcc: victim@example.com" }))
	w.start()
	w.settle(1, Failed)
	if shown, err := w.Show(t.Context(), uuid.MustParse(w.text(`SELECT id::text FROM mails`))); err != nil || shown.State != Failed || shown.Text != "" {
		t.Errorf("shown: %+v %v", shown, err)
	}
	if len(server.Mails()) != 0 {
		t.Error("it went out")
	}
}

func TestDomainsAreWrittenInASCII(t *testing.T) {
	t.Parallel()
	server := mailtest.New(t, mailtest.Options{UTF8: true})
	w := newWorld(t, to(server))
	w.Declare(note())
	m := sentBy(t, w, server, message(func(m *Message) { m.To, m.ToName = "ada@b\u00fccher.example", "Ada L\u00f6velace" }))
	if m.To != "ada@xn--bcher-kva.example" || m.UTF8 || m.Header(t, "To") != "Ada L\u00f6velace <ada@xn--bcher-kva.example>" {
		t.Errorf("to %s, UTF-8 %v, %s", m.To, m.UTF8, m.Header(t, "To"))
	}
	for _, b := range m.Raw {
		if b > '~' {
			t.Fatalf("the mail is not ASCII:\n%s", m.Raw)
		}
	}
}

func TestAnAddressInUTF8NeedsAServerThatTakesIt(t *testing.T) {
	t.Parallel()
	for _, knows := range []bool{true, false} {
		server := mailtest.New(t, mailtest.Options{UTF8: knows})
		w := newWorld(t, to(server))
		w.Declare(note())
		w.owe(message(func(m *Message) { m.To = "\u963f\u9054@\u4f8b\u5b50.example" }))
		w.start()
		if !knows {
			w.settle(1, Failed)
			if reason := w.text(`SELECT last_error FROM mails`); !strings.Contains(reason, "SMTPUTF8") || len(server.Mails()) != 0 {
				t.Errorf("the reason: %s", reason)
			}
			continue
		}
		w.settle(1, Sent)
		if m := server.Mails()[0]; !m.UTF8 || m.To != "\u963f\u9054@xn--fsqu00a.example" {
			t.Errorf("to %s, UTF-8 %v", m.To, m.UTF8)
		}
	}
}

func TestAReplyToInUTF8IsLeftOutWhereTheServerDoesNotTakeIt(t *testing.T) {
	t.Parallel()
	server := mailtest.New(t, mailtest.Options{})
	w := newWorld(t, to(server))
	w.Declare(note())
	if _, err := w.db.Exec(t.Context(), `UPDATE employers SET reply_to = $1`, "b\u00fcro@engines.example"); err != nil {
		t.Fatal(err)
	}
	if m := sentBy(t, w, server, message()); m.Header(t, "Reply-To") != "" {
		t.Errorf("replies go to %s", m.Header(t, "Reply-To"))
	}
}

func TestANameThatWouldBecomeALinkIsNotSaid(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Ada Byron": "Ada Byron", "Win at http://evil.example": "", "WWW.evil.example": "", "evil.example/prize": "", "me@evil.example": "",
		"Ada evil.example": "", "evil.example": "", "Ada (evil.xn--p1ai)": "", "ada evil\u3002example": "", "evil\u2024example": "", "192.0.2.10": "",
		"evil\u200b.example": "", "mailto:x": "", "ada\uFF20evil": "", "Ada <x>": "", "b\u00fccher.example": "", "evil.example.": "",
		"J.R.R. Tolkien": "J.R.R. Tolkien", "Ada B. Byron jr.": "Ada B. Byron jr.", "Dr. Ada": "Dr. Ada", "\u963f\u9054": "\u963f\u9054",
	} {
		if got := personName(name); got != want {
			t.Errorf("%q is called %q", name, got)
		}
	}
}

func TestAnEmployersNameIsNoLink(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Analytical Engines Inc.": "Analytical Engines Inc.", "Win at prize.example": "Win at prize\u00b7example", "a.b.c": "a\u00b7b\u00b7c",
		"http://www.prize.example/x": "http: www\u00b7prize\u00b7example x", "me@prize.example": "me at prize\u00b7example", "A. & B. Ltd": "A. & B. Ltd",
		"prize\u3002example": "prize\u00b7example", "prize\uFF0Eexample": "prize\u00b7example", "prize\u200b.\u2060example": "prize\u00b7example",
		"tel:+180012345": "tel: +180012345", "prize..example": "prize\u00b7example", "\u963f\u9054\u516c\u53f8": "\u963f\u9054\u516c\u53f8",
	} {
		if got := unlinked(name); got != want {
			t.Errorf("%q is written as %q, want %q", name, got, want)
		}
	}
}

func TestNoNameIsALinkAnywhereInAMail(t *testing.T) {
	t.Parallel()
	server := mailtest.New(t, mailtest.Options{})
	w := newWorld(t, to(server))
	w.Declare(Template{Name: "named", Subject: "{{.Employer}} invites {{.Name}}", Body: []string{"Hello {{.Name}},", "{{.Employer}} has a prize."}})
	if _, err := w.db.Exec(t.Context(), `UPDATE employers SET name = 'Win at prize.example'`); err != nil {
		t.Fatal(err)
	}
	m := sentBy(t, w, server, message(func(m *Message) { m.Template, m.ToName = "named", "Ada evil.example" }))
	text, html := m.Bodies(t)
	all := text + html
	for _, name := range []string{"Subject", "From", "To", "Reply-To"} {
		all += m.Header(t, name) + "\n"
	}
	if strings.Contains(all, "prize.example") || strings.Contains(all, "evil") {
		t.Errorf("a name can become a link:\n%s", all)
	}
	if want := "Win at prize\u00b7example"; strings.Count(all, want) < 8 {
		t.Errorf("the employer is not named as %q everywhere:\n%s", want, all)
	}
}

func TestACodeIsShownAndAMailOfNobodyIsCredLanes(t *testing.T) {
	t.Parallel()
	server := mailtest.New(t, mailtest.Options{})
	smtp := to(server)
	smtp.From = "The Lane <post@mail.example>"
	w := newWorld(t, smtp)
	w.Declare(Template{Name: "code", Subject: "{{.Secret}} is your code", Code: true, Body: []string{"Your code:", "{{.Data.absent}}", "{{range .Data.list}}{{.n}},{{end}}"}})
	m := sentBy(t, w, server, message(func(m *Message) {
		m.Template, m.EmployerID, m.Secret.Digits = "code", uuid.Nil, true
		m.Data = map[string]any{"list": []map[string]any{{"n": 1_000_000}, {"n": 1.5}, {"n": "x"}}}
	}))
	code := w.key.Digits("note", uuid.MustParse(employer))
	text, html := m.Bodies(t)
	if m.Header(t, "Subject") != code+" is your code" || !strings.Contains(text, "    "+code+"\r\n\r\n") || !strings.Contains(html, ">"+code+"</p>") {
		t.Errorf("no code %s:\n%s\n%s", code, text, html)
	}
	if m.Header(t, "From") != `"The Lane" <post@mail.example>` || m.From != "post@mail.example" || m.Header(t, "Reply-To") != "" {
		t.Errorf("it comes from %s (%s)", m.Header(t, "From"), m.From)
	}
	if strings.Contains(text, "no value") || !strings.Contains(text, "1000000,1.5,x,") {
		t.Errorf("the values:\n%s", text)
	}
}

func TestABadConfigurationIsRefusedWithoutItsPassword(t *testing.T) {
	t.Parallel()
	for _, smtp := range []SMTP{
		{URL: "mail.example.com"}, {URL: "http://u:hunter2@mail.example.com"}, {URL: "smtp://u:hunter2@mail.example.com?tls=off"},
		{URL: "smtp://u:hunter2@mail.example.com/x"}, {URL: "smtp://u:hunter2@"}, {URL: "smtp://u:hunter2@mail.example.com:port"},
		{URL: "smtp://u:hunter2@mail.example.com", CAFile: "/nonexistent"}, {URL: "smtp://mail.example.com", From: "nobody"},
		{URL: "smtp://mail.example.com", From: "gr\u00fc\u00dfe@example.com"},
	} {
		_, err := New(Options{PublicURL: "https://lane.example", SMTP: smtp})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%+v: %v", smtp, err)
		}
	}
	for host, want := range map[string]string{
		"tests.example.com": "tests.example.com", "b\u00fccher.example": "xn--bcher-kva.example", "192.0.2.1": "[192.0.2.1]", "::1": "[IPv6:::1]",
		"credlane_app": "localhost", "localhost": "localhost",
	} {
		if got := mailHost(host); got != want {
			t.Errorf("%s is %s in mail", host, got)
		}
	}
}
