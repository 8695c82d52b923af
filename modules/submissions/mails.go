package submissions

import (
	"fmt"

	"credlane/app/kit/mail"
)

// The templates of this module's mails.
const (
	mailCode     = "email_code"
	mailReceived = "submission_received"
	mailDigest   = "submissions_digest"
)

func (m *Module) declareMails() {
	if m.Mail == nil {
		return
	}
	m.Mail.Declare(mail.Template{
		Name: mailCode, Urgent: true, Code: true,
		Subject: `Your code for “{{.Data.assessment}}”`,
		Body: []string{`Somebody, most likely you, wants to start “{{.Data.assessment}}” of {{.Employer}} with this address, or to go on with it. ` +
			`Enter this code where you are asked for it:`},
		Small: []string{`The code is good for 10 minutes and for nothing else. If it was not you, there is nothing to do: without the code nobody can use your address.`},
		Still: m.codeIsOwed,
	})
	m.Mail.Declare(mail.Template{
		Name:    mailReceived,
		Subject: `Your answers to “{{.Data.assessment}}” have arrived`,
		Body: []string{
			`{{if .Name}}Hello {{.Name}},{{end}}`,
			`{{if .Data.expired}}The time for “{{.Data.assessment}}” is up. What you had saved until {{.Data.at}} has been handed in to {{.Employer}}.` +
				`{{else}}Your answers to “{{.Data.assessment}}” were handed in to {{.Employer}} on {{.Data.at}}. There is nothing more to do.{{end}}`,
		},
		Small: []string{`Number of your submission: {{.Data.id}}`},
	})
	m.Mail.Declare(mail.Template{
		Name:    mailDigest,
		Subject: `{{if eq .Data.total "1"}}1 new submission{{else}}{{.Data.total}} new submissions{{end}}`,
		Body:    append([]string{`Since the last mail like this one, people have handed in at {{.Employer}}:`}, digestLines()...),
		Small:   []string{`You get this at most once a day, and only when there is something new. You can turn it off in your account.`},
	})
}

// longestDigest is how many assessments a digest names.
const longestDigest = 20

// digestLines are a paragraph for each assessment; those that a digest does not have come out empty.
func digestLines() []string {
	var lines []string
	for i := range longestDigest + 1 { // and one for those that are not named
		lines = append(lines, fmt.Sprintf(`{{with .Data.%s}}{{.}}{{end}}`, digestLine(i)))
	}
	return lines
}

func digestLine(i int) string { return fmt.Sprintf("line%d", i) }

// received is the mail for a candidate whose attempt has ended.
func received(a attempt, title string) mail.Message {
	return mail.Message{
		Template: mailReceived, EmployerID: a.EmployerID, To: a.Email, ToName: a.Name, Ref: a.ID, Unique: a.ID.String(),
		Data: map[string]any{
			"id": a.ID.String(), "assessment": title, "expired": a.Status == Expired, "at": a.SubmittedAt.UTC().Format("2 January 2006, 15:04 MST"),
		},
	}
}
