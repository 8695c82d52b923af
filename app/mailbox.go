package app

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

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
	parsed, err := uuid.Parse(id)
	if err != nil {
		return nil, errors.New("a mail's id is a UUID, as `credlane mail list` prints it")
	}
	shown, err := a.mail.Show(ctx, parsed)
	return shown, plain(err)
}
