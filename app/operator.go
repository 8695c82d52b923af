package app

import (
	"context"
	"errors"
	"fmt"
	"io"

	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
	"credlane/app/kit/logx"
	"credlane/app/kit/pglocal"
	"credlane/configs"
	"credlane/modules/auth"
)

// NewUser is a person whom the operator adds.
type NewUser struct {
	Email, Name, Password, Role string
	Organization                string // the name of a new employer, or
	Employer                    string // the slug of one that is there
}

// AddUser adds a member. It gives a link to set a password when none was given, else "".
func (a *App) AddUser(ctx context.Context, u NewUser) (link string, err error) {
	role := authn.Viewer
	switch {
	case u.Role != "":
		if role, err = authn.ParseRole(u.Role); err != nil {
			return "", errors.New("the role is owner, admin, recruiter or viewer")
		}
	case u.Organization != "":
		role = authn.Owner
	}
	added, err := a.accounts.AddUser(ctx, auth.NewMember{
		Email: u.Email, Name: u.Name, Password: u.Password, Role: role, Organization: u.Organization, Employer: u.Employer,
	})
	if err != nil {
		return "", plain(err)
	}
	return added.ResetLink, nil
}

// ResetLink makes a link with which a member sets a new password.
func (a *App) ResetLink(ctx context.Context, email string) (string, error) {
	link, err := a.accounts.ResetLink(ctx, email)
	return link, plain(err)
}

// VerifyLink makes a link that verifies a member's address.
func (a *App) VerifyLink(ctx context.Context, email string) (string, error) {
	link, err := a.accounts.VerifyLink(ctx, email)
	return link, plain(err)
}

// InvitationLink makes a new link for an open invitation; the one before stops working. employer is a slug, or "" when there is
// only one.
func (a *App) InvitationLink(ctx context.Context, email, employer string) (string, error) {
	link, err := a.accounts.InvitationLink(ctx, email, employer)
	return link, plain(err)
}

// RotateKeys makes a new key sign from now on; nobody is signed out.
func (a *App) RotateKeys(ctx context.Context) error { return plain(a.accounts.RotateKeys(ctx)) }

// plain words a fault for a terminal: its sentence, and each reason below it.
func plain(err error) error {
	f, ok := fault.As(err)
	if !ok {
		return err
	}
	text := f.Message
	for _, field := range f.Fields {
		text += "\n  " + field.Location + ": " + field.Message
	}
	return errors.New(text)
}

// Migrations is the schema of one database, as the command line looks at it.
type Migrations struct{ m *migrator }

// Up runs what is missing and gives how many migrations that were.
func (m *Migrations) Up(ctx context.Context) (int, error) { return m.m.up(ctx) }

// Down takes the newest migration back and gives its file, "" when there is none.
func (m *Migrations) Down(ctx context.Context) (string, error) { return m.m.down(ctx) }

// Status lists the migrations in order.
func (m *Migrations) Status(ctx context.Context) ([]MigrationStatus, error) { return m.m.status(ctx) }

// WithMigrations runs fn on the migrations of the configured database, which may be at any version.
func WithMigrations(ctx context.Context, cfg configs.Config, out io.Writer, fn func(context.Context, *Migrations) error) (err error) {
	log, flush := logx.New(out, cfg.LogLevel, cfg.LogFormat)
	defer func() { err = errors.Join(err, flush()) }()
	db, err := openDatabase(ctx, &cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close()) }()
	m, err := newMigrator(db.directURL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	return fn(ctx, &Migrations{m})
}

// UpgradeDatabase moves the embedded Postgres's data to the newest Postgres on this machine and says what it did.
func UpgradeDatabase(ctx context.Context, cfg configs.Config, out io.Writer) (says string, err error) {
	if !cfg.Embedded() {
		return "", errors.New("CREDLANE_DATABASE_URL is set: upgrade that Postgres with its own tools")
	}
	log, flush := logx.New(out, cfg.LogLevel, cfg.LogFormat)
	defer func() { err = errors.Join(err, flush()) }()
	kept, err := pglocal.Upgrade(ctx, pglocal.Options{DataDir: cfg.DataDir, Log: log})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("upgraded; the old data are kept in %s until you remove them", kept), nil
}
