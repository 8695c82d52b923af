package mail

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	htmltemplate "html/template"
	netmail "net/mail"
	"net/url"
	"strings"
	texttemplate "text/template"

	_ "embed"

	gomail "github.com/wneessen/go-mail"
)

const (
	maxSubject = 200     // characters
	maxBody    = 100_000 // bytes of one paragraph
)

//go:embed layout.html
var layoutHTML string

// layout is the one look of all mails: nothing in it is fetched from anywhere.
var layout = htmltemplate.Must(htmltemplate.New("mail").Parse(layoutHTML))

// template is a Template whose texts are parsed.
type template struct {
	Template
	subject, button, path *texttemplate.Template
	body, small           []*texttemplate.Template
}

func compile(t Template) (*template, error) {
	if !templateName.MatchString(t.Name) || t.Subject == "" || len(t.Body) == 0 {
		return nil, errors.New("it needs a name of small letters, a subject and a body")
	}
	if (t.Button == "") != (t.Path == "") {
		return nil, errors.New("a button has words and a path")
	}
	c := &template{Template: t}
	var errs []error
	parse := func(text string) *texttemplate.Template {
		parsed, err := texttemplate.New(t.Name).Parse(text)
		errs = append(errs, err)
		return parsed
	}
	c.subject, c.button, c.path = parse(t.Subject), parse(t.Button), parse(t.Path)
	for _, p := range t.Body {
		c.body = append(c.body, parse(p))
	}
	for _, p := range t.Small {
		c.small = append(c.small, parse(p))
	}
	return c, errors.Join(errs...)
}

// letter is a mail in words.
type letter struct {
	row        mailRow
	from       netmail.Address
	to         address
	replyTo    *address
	subject    string
	text, html string
}

// page is what the layout sees.
type page struct {
	Subject, Employer, Host string
	Body, Small             [][]string // paragraphs of lines
	Code, Button, Link      string
}

// write puts a mail into words. Nothing in it is worth another try when it cannot be.
func (m *Mailer) write(t *template, row mailRow) (*letter, error) {
	data, err := row.data()
	if err != nil {
		return nil, err
	}
	l := &letter{row: row, from: m.from}
	if l.to, err = parseAddress(row.ToAddress); err != nil {
		return nil, err
	}
	v := View{Employer: unlinked(row.Employer), Name: personName(row.ToName), Data: data, Secret: m.secret(row)}
	if v.Employer != "" {
		l.from.Name = headerText(v.Employer)
	}
	if row.ReplyTo != nil { // one that is none is the employer's mistake, and no reason to lose the mail
		if reply, err := parseAddress(*row.ReplyTo); err == nil {
			l.replyTo = &reply
		}
	}
	p := page{Employer: v.Employer, Host: m.host}
	if v.Link, err = m.link(t, v); err != nil {
		return nil, err
	}
	if p.Subject, err = t.line(t.subject, v); err != nil {
		return nil, err
	}
	if p.Button, err = t.line(t.button, v); err != nil {
		return nil, err
	}
	if p.Body, err = t.paragraphs(t.body, v); err != nil {
		return nil, err
	}
	if p.Small, err = t.paragraphs(t.small, v); err != nil {
		return nil, err
	}
	if p.Subject, p.Link = cut(p.Subject, maxSubject), v.Link; t.Code {
		p.Code = v.Secret
	}
	l.subject, l.text = headerText(p.Subject), p.plain()
	var html bytes.Buffer
	if err := layout.Execute(&html, p); err != nil {
		return nil, fmt.Errorf("write mail %s: %w", row.ID, err)
	}
	l.html = html.String()
	return l, nil
}

func (m *Mailer) secret(row mailRow) string {
	switch {
	case row.SecretPurpose == nil || row.SecretID == nil:
		return ""
	case row.SecretDigits:
		return m.key.Digits(*row.SecretPurpose, *row.SecretID)
	}
	return m.key.Token(*row.SecretPurpose, *row.SecretID, row.SecretN)
}

// link is the whole address of the button.
func (m *Mailer) link(t *template, v View) (string, error) {
	if t.Path == "" {
		return "", nil
	}
	path, err := t.run(t.path, v)
	if err != nil {
		return "", err
	}
	link := m.publicURL + path
	if u, err := url.Parse(link); err != nil || !strings.HasPrefix(path, "/") || strings.ContainsAny(path, " \t\r\n") || u.Scheme == "" {
		return "", fmt.Errorf("the mail template %s makes no link", t.Name)
	}
	return link, nil
}

// run executes a text. The library writes what a message does not have as words of its own.
func (t *template) run(text *texttemplate.Template, v View) (string, error) {
	var out strings.Builder
	if err := text.Execute(&out, v); err != nil {
		return "", fmt.Errorf("the mail template %s: %w", t.Name, err)
	}
	if out.Len() > maxBody {
		return "", fmt.Errorf("the mail template %s writes too much", t.Name)
	}
	return strings.ReplaceAll(out.String(), "<no value>", ""), nil
}

func (t *template) line(text *texttemplate.Template, v View) (string, error) {
	out, err := t.run(text, v)
	return oneLine(out), err
}

func (t *template) paragraphs(texts []*texttemplate.Template, v View) ([][]string, error) {
	var list [][]string
	for _, text := range texts {
		out, err := t.run(text, v)
		if err != nil {
			return nil, err
		}
		if out = paragraph(out); out != "" {
			list = append(list, strings.Split(out, "\n"))
		}
	}
	return list, nil
}

// plain is the mail as text.
func (p page) plain() string {
	var parts []string
	for _, lines := range p.Body {
		parts = append(parts, strings.Join(lines, "\n"))
	}
	if p.Code != "" {
		parts = append(parts, "    "+p.Code)
	}
	if p.Link != "" {
		parts = append(parts, p.Button+":\n"+p.Link)
	}
	for _, lines := range p.Small {
		parts = append(parts, strings.Join(lines, "\n"))
	}
	foot := "CredLane, " + p.Host
	if p.Employer != "" {
		foot = p.Employer + ", by " + foot
	}
	return strings.Join(append(parts, "-- \n"+foot), "\n\n") + "\n"
}

// message is the mail as the library takes it. Headers that only a server with SMTPUTF8 may get are left out without it.
func (l *letter) message(utf8 bool) *gomail.Msg {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithBoundary("mail-"+strings.ReplaceAll(l.row.ID.String(), "-", "")))
	msg.FromMailAddress(&l.from)
	msg.ToMailAddress(&netmail.Address{Name: headerText(personName(l.row.ToName)), Address: l.to.String()})
	if l.replyTo != nil && (utf8 || l.replyTo.ascii()) {
		msg.ReplyToMailAddress(&netmail.Address{Name: l.from.Name, Address: l.replyTo.String()})
	}
	msg.Subject(l.subject)
	msg.SetMessageIDWithValue(l.row.MessageID)
	msg.SetDateWithValue(l.row.DueAt)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody's holiday note answers it
	msg.SetBodyString(gomail.TypeTextPlain, l.text)
	msg.AddAlternativeString(gomail.TypeTextHTML, l.html)
	return msg
}

// bytes are the mail as it goes over the line: the same at every try.
func (l *letter) bytes(utf8 bool) ([]byte, error) {
	var b bytes.Buffer
	if _, err := l.message(utf8).WriteTo(&b); err != nil {
		return nil, fmt.Errorf("write mail %s: %w", l.row.ID, err)
	}
	return b.Bytes(), nil
}

// data are the message's values as it was given them: whole numbers stay whole.
func (r mailRow) data() (map[string]any, error) {
	var data map[string]any
	d := json.NewDecoder(bytes.NewReader(r.Data))
	d.UseNumber()
	if err := d.Decode(&data); err != nil {
		return nil, fmt.Errorf("the values of mail %s: %w", r.ID, err)
	}
	for k, v := range data {
		data[k] = numbers(v)
	}
	return data, nil
}

func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		if f, err := v.Float64(); err == nil {
			return f
		}
		return v.String()
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = numbers(v[k])
		}
	}
	return v
}
