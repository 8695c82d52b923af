package invites

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/audit"
	"credlane/app/kit/jobs"
	"credlane/app/kit/mail"
	"credlane/app/kit/pg"
)

// The mails of this module.
const (
	templateInvite   = "invite"
	templateReminder = "invite_reminder"
)

func (m *Module) declareMails() {
	const calm = "Looking at the page does not start the clock: you decide when to begin. If the connection breaks, the same link leads back to where you were."
	const alone = "The link is meant for you alone, so please do not pass it on."
	const decline = " If you do not want to take part, you can decline on the same page."
	small := []string{calm, alone + decline}
	smallToo := []string{"{{if not .Data.started}}" + calm + "{{end}}", alone + "{{if not .Data.started}}" + decline + "{{end}}"}
	m.mail.Declare(mail.Template{
		Name: templateInvite, Subject: `{{if .Data.started}}Your link to go on: {{.Data.title}}, from {{.Employer}}{{else}}{{.Employer}} invites you: {{.Data.title}}{{end}}`,
		Body: []string{
			`Hello{{if .Name}} {{.Name}}{{end}},`,
			`{{if .Data.started}}You have started the assessment “{{.Data.title}}” of {{.Employer}}. This link leads back to where you were.{{else}}{{.Employer}} invites you to take the assessment “{{.Data.title}}”.{{end}}`,
			`{{if .Data.started}}The clock has been running since you started, so go on soon.{{else}}{{.Data.message}}{{end}}`,
			`{{if not .Data.started}}You can start it until {{.Data.until}}.{{end}}`,
		},
		Button: "{{if .Data.started}}Go on{{else}}See what to expect{{end}}", Path: "/i/{{.Secret}}", Small: smallToo,
		Still: m.stillOwed, Sent: m.noteSent, Failed: m.noteFailed,
	})
	m.mail.Declare(mail.Template{
		Name: templateReminder, Priority: jobs.Late, Subject: `Reminder: {{.Data.title}}, from {{.Employer}}`,
		Body: []string{
			`Hello{{if .Name}} {{.Name}}{{end}},`,
			`{{.Employer}} invited you to take the assessment “{{.Data.title}}”, and you have not started it yet.`,
			`{{if .Data.last}}This is the last day: you can start it until {{.Data.until}}.{{else}}You can start it until {{.Data.until}}.{{end}}`,
		},
		Button: "See what to expect", Path: "/i/{{.Secret}}", Small: small,
		Still: m.stillAwaited,
	})
}

// letter is the mail that shows the invite's link as it is now.
func (m *Module) letter(i Invite, template, title string) mail.Message {
	return mail.Message{
		Template: template, EmployerID: i.EmployerID, To: i.Email, ToName: i.Name, Ref: i.ID,
		Data:   map[string]any{"title": title, "message": i.Message, "until": i.ExpiresAt.UTC().Format("Monday, 2 January 2006, 15:04 UTC")},
		Secret: mail.Secret{Purpose: tokenPurpose, ID: i.ID, N: i.Rotation},
	}
}

const sqlStillOwed = `
SELECT i.completed_at IS NULL AND (i.started_at IS NOT NULL OR i.expires_at > $2)
  FROM invites i
 WHERE i.id = $1 AND i.rotation = $3 AND ` + live

// stillOwed refuses the mail of an invite whose link leads nowhere any more.
func (m *Module) stillOwed(ctx context.Context, q pg.Querier, id uuid.UUID, rotation int) (bool, error) {
	return m.ask(ctx, q, sqlStillOwed, id, rotation)
}

const sqlStillAwaited = `
SELECT i.started_at IS NULL AND i.expires_at > $2
  FROM invites i
 WHERE i.id = $1 AND i.rotation = $3 AND ` + live

// stillAwaited refuses the reminder of who has started.
func (m *Module) stillAwaited(ctx context.Context, q pg.Querier, id uuid.UUID, rotation int) (bool, error) {
	return m.ask(ctx, q, sqlStillAwaited, id, rotation)
}

func (m *Module) ask(ctx context.Context, q pg.Querier, sql string, id uuid.UUID, rotation int) (yes bool, err error) {
	err = q.QueryRow(ctx, sql, id, m.clock.Now(), rotation).Scan(&yes)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil // it is over, or has another link by now
	}
	if err != nil {
		return false, fmt.Errorf("whether invite %s still wants its mail: %w", id, err)
	}
	return yes, nil
}

const sqlNoteSent = `
UPDATE invites SET sent_at = $2, failed_at = NULL WHERE id = $1
RETURNING employer_id`

const sqlNoteFailed = `
UPDATE invites SET failed_at = $2 WHERE id = $1
RETURNING employer_id`

func (m *Module) noteSent(ctx context.Context, tx pgx.Tx, id uuid.UUID, at time.Time) error {
	return m.note(ctx, tx, sqlNoteSent, "sent", id, at)
}

func (m *Module) noteFailed(ctx context.Context, tx pgx.Tx, id uuid.UUID, at time.Time) error {
	return m.note(ctx, tx, sqlNoteFailed, "undeliverable", id, at)
}

func (m *Module) note(ctx context.Context, tx pgx.Tx, sql, action string, id uuid.UUID, at time.Time) error {
	i := Invite{ID: id}
	if err := tx.QueryRow(ctx, sql, id, at).Scan(&i.EmployerID); err != nil {
		return fmt.Errorf("note that the mail of invite %s was %s: %w", id, action, err)
	}
	return audit.Write(ctx, tx, asJob(m.event(ctx, i, action, at)))
}
