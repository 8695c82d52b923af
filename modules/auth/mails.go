package auth

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"credlane/app/kit/mail"
	"credlane/app/kit/pg"
)

// The mails of this module.
const (
	mailVerify     = "verify_email"
	mailReset      = "password_reset"
	mailInvitation = "member_invitation"
)

// purposeInvitation is what the tokens of invitations are derived for. Those of the other links have the purposes of their rows.
const purposeInvitation = "member invitation"

// linkToken is the token of a one-use link. It is derived, so that the mail can be written again, and only its hash is kept.
func (m *Module) linkToken(purpose string, id uuid.UUID) string {
	return m.key.Token(linkPurpose(purpose), id, 0)
}

// linkPurpose is what the tokens of a kind of link are derived for.
func linkPurpose(purpose string) string { return "link " + purpose }

// invitationToken is the token of an invitation's link, which each renewal makes another one.
func (m *Module) invitationToken(id uuid.UUID, rotation int) string {
	return m.key.Token(purposeInvitation, id, rotation)
}

func (m *Module) declareMails() {
	m.mail.Declare(mail.Template{
		Name: mailVerify, Urgent: true, Still: m.linkLives,
		Subject: "Confirm your e-mail address",
		Body: []string{
			"{{with .Name}}Hello {{.}},{{end}}",
			"please confirm that this address is yours. It is where links for a new password go, and where you hear of new submissions.",
		},
		Button: "Confirm the address", Path: verifyPath + "{{.Secret}}",
		Small: []string{"The link is good for 7 days and once. If you have not signed up here, ignore this mail: nothing happens."},
	})
	m.mail.Declare(mail.Template{
		Name: mailReset, Urgent: true, Still: m.linkLives,
		Subject: "Set a new password",
		Body: []string{
			"{{with .Name}}Hello {{.}},{{end}}",
			"somebody, probably you, asked for a new password for this address.",
		},
		Button: "Set a new password", Path: resetPath + "{{.Secret}}",
		Small: []string{"The link is good for an hour and once. If it was not you, ignore this mail: your password stays as it is."},
	})
	m.mail.Declare(mail.Template{
		Name: mailInvitation, Still: m.invitationLives,
		Subject: "{{.Employer}} invites you to its team",
		Body: []string{
			"Hello,",
			"{{.Employer}} invites you to join its team on CredLane{{with .Data.role}} as {{.}}{{end}}.",
		},
		Button: "Accept the invitation", Path: acceptPath + "{{.Secret}}",
		Small: []string{"The link is good for 14 days and once. If you do not know {{.Employer}}, ignore this mail."},
	})
}

// roleWords are the roles as a mail says them.
var roleWords = map[string]string{"owner": "an owner", "admin": "an admin", "recruiter": "a recruiter", "viewer": "a viewer"}

// linkMail is the mail that carries a one-use link; the employer is not named in it, since the account is the person's.
func (m *Module) linkMail(purpose string, id uuid.UUID, to linked) mail.Message {
	return mail.Message{
		Template: linkKinds[purpose].template, To: to.Email, ToName: to.Name, Ref: id, Secret: mail.Secret{Purpose: linkPurpose(purpose), ID: id},
	}
}

// invitationMail is the mail that carries an invitation's first link.
func (m *Module) invitationMail(employer uuid.UUID, inv *Invitation) mail.Message {
	return mail.Message{
		Template: mailInvitation, EmployerID: employer, To: inv.Email, Ref: inv.ID,
		Data: map[string]any{"role": roleWords[inv.Role]}, Secret: mail.Secret{Purpose: purposeInvitation, ID: inv.ID},
	}
}

const sqlLinkLives = `
SELECT EXISTS (SELECT FROM user_tokens WHERE id = $1 AND used_at IS NULL AND expires_at > $2)`

func (m *Module) linkLives(ctx context.Context, q pg.Querier, id uuid.UUID, _ int) (lives bool, err error) {
	if err := q.QueryRow(ctx, sqlLinkLives, id, m.clock.Now()).Scan(&lives); err != nil {
		return false, fmt.Errorf("look for a link: %w", err)
	}
	return lives, nil
}

const sqlInvitationLives = `
SELECT EXISTS (
    SELECT FROM member_invitations
    WHERE id = $1 AND rotation = $3 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > $2)`

func (m *Module) invitationLives(ctx context.Context, q pg.Querier, id uuid.UUID, rotation int) (lives bool, err error) {
	if err := q.QueryRow(ctx, sqlInvitationLives, id, m.clock.Now(), rotation).Scan(&lives); err != nil {
		return false, fmt.Errorf("look for an invitation: %w", err)
	}
	return lives, nil
}

// DigestAddress is where a member hears of new submissions.
type DigestAddress struct {
	UserID uuid.UUID `db:"id"`
	Email  string    `db:"email"`
	Name   string    `db:"name"`
}

const sqlDigestAddresses = `
SELECT u.id, u.email, u.name
FROM memberships m
JOIN users u ON u.id = m.user_id
WHERE m.employer_id = $1 AND u.digest AND u.email_verified_at IS NOT NULL
ORDER BY u.id`

// DigestAddresses gives the members of the employer, of any role, who want the digest and have proved their address.
func (m *Module) DigestAddresses(ctx context.Context, employerID uuid.UUID) ([]DigestAddress, error) {
	list, err := pg.All[DigestAddress](ctx, m.db, sqlDigestAddresses, employerID)
	if err != nil {
		return nil, fmt.Errorf("find who wants the digest: %w", err)
	}
	return list, nil
}
