package app

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/audit"
	"credlane/app/kit/mail"
)

// Mail is one mail that is or was owed, as the operator sees it.
type Mail = mail.Info

// ShownMail is a mail with its headers and its text.
type ShownMail = mail.Shown

// Mails lists mails, newest first; of one state unless it is "".
func (a *App) Mails(ctx context.Context, state string, limit int) ([]Mail, error) {
	if state != "" && !slices.Contains(mail.States(), mail.State(state)) {
		return nil, errors.New("the state is queued, sent, kept, dropped or failed")
	}
	return a.mail.List(ctx, mail.State(state), limit)
}

// Mail shows one mail as it would be sent now, with links that work.
func (a *App) Mail(ctx context.Context, id string) (*ShownMail, error) {
	parsed, err := mailID(id)
	if err != nil {
		return nil, err
	}
	shown, err := a.mail.Show(ctx, parsed)
	return shown, plain(err)
}

// SendMail owes a mail again that was kept or has failed.
func (a *App) SendMail(ctx context.Context, id string) error {
	parsed, err := mailID(id)
	if err != nil {
		return err
	}
	return plain(a.db.InTx(ctx, func(tx pgx.Tx) error {
		employer, err := a.mail.OweAgainTx(ctx, tx, parsed)
		if err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Event{
			ID: a.options.IDs.ID(), EmployerID: employer, Actor: audit.Operator, Action: "mail.queued_again", ObjectType: "mail", ObjectID: parsed,
			At: a.options.Clock.Now(),
		})
	}))
}

func mailID(text string) (uuid.UUID, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil, errors.New("a mail's id is a UUID, as `credlane mail list` prints it")
	}
	return id, nil
}
