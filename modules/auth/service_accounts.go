package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/audit"
	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
)

// Me is the caller's own account.
func (m *Module) Me(ctx context.Context) (*Account, error) {
	p, err := person(ctx)
	if err != nil {
		return nil, err
	}
	a, err := findAccount(ctx, m.db, p.UserID)
	if err != nil {
		return nil, absent(err, rest.ErrNotFound)
	}
	return &a, nil
}

// Rename changes the caller's own name; nil changes nothing.
func (m *Module) Rename(ctx context.Context, name *string) (*Account, error) {
	p, err := person(ctx)
	if err != nil || name == nil {
		if err != nil {
			return nil, err
		}
		return m.Me(ctx)
	}
	var bad reasons
	cleaned := bad.name("body.name", *name, maxName)
	if err := bad.err(); err != nil {
		return nil, err
	}
	var a Account
	err = m.inTx(ctx, func(tx pgx.Tx) error {
		now := m.clock.Now()
		if _, err := tx.Exec(ctx, sqlRenameUser, p.UserID, cleaned, now); err != nil {
			return fmt.Errorf("rename a user: %w", err)
		}
		if a, err = findAccount(ctx, tx, p.UserID); err != nil {
			return absent(err, rest.ErrNotFound)
		}
		return m.record(ctx, tx, now, audit.Event{
			EmployerID: p.EmployerID, Action: "user.renamed", ObjectType: "user", ObjectID: p.UserID,
		})
	})
	return &a, err
}

// ChangePassword replaces the caller's password and ends every other session. Guesses are slowed down like sign-ins: whoever
// sits at an unlocked screen has the session but not the password.
func (m *Module) ChangePassword(ctx context.Context, current, next string) error {
	p, err := person(ctx)
	if err != nil {
		return err
	}
	if err := m.limiter.Take(ctx, "password_change", p.UserID.String(), m.rates.LoginAccount); err != nil {
		return err
	}
	a, err := findAccount(ctx, m.db, p.UserID)
	if err != nil {
		return absent(err, rest.ErrNotFound)
	}
	var bad reasons
	bad.password("body.newPassword", next, a.User.Email, a.User.Name, a.Employer.Name)
	if err := bad.err(); err != nil {
		return err
	}
	var stored *string
	if err := m.db.QueryRow(ctx, sqlFindPassword, p.UserID).Scan(&stored); err != nil {
		return fmt.Errorf("find the password: %w", err)
	}
	ok, _, err := m.passwords.check(ctx, current, stored)
	if err != nil {
		return err
	}
	if !ok {
		return ErrWrongPassword
	}
	hash, err := m.passwords.hash(ctx, next)
	if err != nil {
		return err
	}
	return m.inTx(ctx, func(tx pgx.Tx) error {
		// Of two changes that both knew the old password, one wins.
		if err := holdForChange(ctx, tx, p.UserID, *stored); err != nil {
			return absent(err, ErrWrongPassword)
		}
		return m.setPassword(ctx, tx, p.UserID, p.EmployerID, p.SessionID, hash, "password.changed", audit.Actor{})
	})
}

// setPassword stores the hash, ends every session but the spared one, and makes outstanding reset links useless.
func (m *Module) setPassword(ctx context.Context, tx pgx.Tx, user, employer, spared uuid.UUID, hash, action string, actor audit.Actor) error {
	now := m.clock.Now()
	if _, err := tx.Exec(ctx, sqlSetPassword, user, hash, now); err != nil {
		return fmt.Errorf("set a password: %w", err)
	}
	ended, err := revokeSessionsBut(ctx, tx, user, spared, now)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, sqlSpendUserTokens, user, purposeReset, now); err != nil {
		return fmt.Errorf("spend reset links: %w", err)
	}
	return m.record(ctx, tx, now, audit.Event{
		EmployerID: employer, Actor: actor, Action: action, ObjectType: "user", ObjectID: user,
		After: map[string]any{"sessionsEnded": ended},
	})
}

const (
	purposeReset  = "password_reset"
	purposeVerify = "email_verify"
	resetLives    = time.Hour
	verifyLives   = 7 * 24 * time.Hour
)

// ForgotPassword prepares a reset link for a member. For any other address it does nothing, answers alike and takes as long.
// The link is not told to the caller: mail will carry it, and until then the operator makes one with ResetLink.
func (m *Module) ForgotPassword(ctx context.Context, email string) error {
	client := m.rates.Forgot
	client.Count *= 10
	if err := m.limiter.Take(ctx, "forgot_client", rest.ClientNetwork(ctx), client); err != nil {
		return err
	}
	email = tidyEmail(email)
	if err := m.limiter.Take(ctx, "forgot", strings.ToLower(email), m.rates.Forgot); err != nil {
		return err
	}
	_, err := m.makeLink(ctx, email, purposeReset, resetLives, audit.Actor{})
	if errors.Is(err, errNoSuchUser) {
		return nil
	}
	return err
}

// makeLink makes a one-use token for a member and gives it; errNoSuchUser when nobody has the address.
func (m *Module) makeLink(ctx context.Context, email, purpose string, lives time.Duration, actor audit.Actor) (token string, err error) {
	token = m.ids.Secret(tokenBytes)
	found := true
	err = m.inTx(ctx, func(tx pgx.Tx) error {
		now := m.clock.Now()
		var user, employer uuid.UUID
		err := tx.QueryRow(ctx, sqlInsertUserToken, m.ids.ID(), email, purpose, hashToken(token), now, now.Add(lives)).Scan(&user, &employer)
		if found = !errors.Is(err, pgx.ErrNoRows); !found {
			_, err = tx.Exec(ctx, sqlWriteNothing)
			return err
		}
		if err != nil {
			return fmt.Errorf("make a link: %w", err)
		}
		if actor.Kind == "" {
			actor = audit.Actor{Kind: "member", ID: user} // whoever asks does it in this name
		}
		return m.record(ctx, tx, now, audit.Event{
			EmployerID: employer, Actor: actor, Action: purpose + ".requested", ObjectType: "user", ObjectID: user,
		})
	})
	if err == nil && !found {
		err = errNoSuchUser
	}
	return token, err
}

// ResetPassword sets a new password by a reset link, and ends every session.
func (m *Module) ResetPassword(ctx context.Context, token, password string) error {
	hash := hashToken(token)
	var email, name string
	// Asked before the hash, so that made-up links cost nothing; the transaction decides.
	err := m.db.QueryRow(ctx, sqlFindUserToken, hash, purposeReset, m.clock.Now()).Scan(&email, &name)
	if err != nil {
		return fmt.Errorf("find a reset link: %w", absent(err, ErrLinkInvalid))
	}
	var bad reasons
	bad.password("body.password", password, email, name)
	if err := bad.err(); err != nil {
		return err
	}
	encoded, err := m.passwords.hash(ctx, password)
	if err != nil {
		return err
	}
	return m.inTx(ctx, func(tx pgx.Tx) error {
		user, employer, err := useUserToken(ctx, tx, hash, purposeReset, m.clock.Now())
		if err != nil {
			return err
		}
		return m.setPassword(ctx, tx, user, employer, uuid.Nil, encoded, "password.reset", audit.Actor{Kind: "member", ID: user})
	})
}

// VerifyEmail marks the address of a verification link as the person's own.
func (m *Module) VerifyEmail(ctx context.Context, token string) error {
	return m.inTx(ctx, func(tx pgx.Tx) error {
		now := m.clock.Now()
		user, employer, err := useUserToken(ctx, tx, hashToken(token), purposeVerify, now)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlVerifyEmail, user, now); err != nil {
			return fmt.Errorf("verify an address: %w", err)
		}
		return m.record(ctx, tx, now, audit.Event{
			EmployerID: employer, Actor: audit.Actor{Kind: "member", ID: user},
			Action: "email.verified", ObjectType: "user", ObjectID: user,
		})
	})
}

// EmployerChange is what an admin may change; nil leaves it alone, an empty ReplyTo removes it.
type EmployerChange struct {
	Name          *string
	PrivacyNotice *string
	ReplyTo       *string
}

func (c *EmployerChange) check() error {
	var bad reasons
	if c.Name != nil {
		*c.Name = bad.name("body.name", *c.Name, maxName)
	}
	if c.PrivacyNotice != nil {
		*c.PrivacyNotice = bad.notice("body.privacyNotice", *c.PrivacyNotice)
	}
	if c.ReplyTo != nil && strings.TrimSpace(*c.ReplyTo) != "" {
		*c.ReplyTo = bad.email("body.replyTo", *c.ReplyTo)
	} else if c.ReplyTo != nil {
		*c.ReplyTo = ""
	}
	return bad.err()
}

// Employer is the caller's organisation.
func (m *Module) Employer(ctx context.Context) (*Employer, error) {
	p, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	e, err := pg.One[Employer](ctx, m.db, sqlFindEmployer, p.EmployerID)
	if err != nil {
		return nil, fmt.Errorf("find the employer: %w", absent(err, rest.ErrNotFound))
	}
	return &e, nil
}

// ChangeEmployer changes the caller's organisation. Another privacy notice is a new version of it.
func (m *Module) ChangeEmployer(ctx context.Context, change EmployerChange) (*Employer, error) {
	p, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	if err := change.check(); err != nil {
		return nil, err
	}
	var e Employer
	err = m.inTx(ctx, func(tx pgx.Tx) error {
		now := m.clock.Now()
		if e, err = pg.One[Employer](ctx, tx, sqlUpdateEmployer, p.EmployerID, change.Name, change.PrivacyNotice, change.ReplyTo, now); err != nil {
			return fmt.Errorf("change the employer: %w", absent(err, rest.ErrNotFound))
		}
		return m.record(ctx, tx, now, audit.Event{
			EmployerID: p.EmployerID, Action: "employer.changed", ObjectType: "employer", ObjectID: p.EmployerID,
			After: map[string]any{"name": change.Name != nil, "replyTo": change.ReplyTo != nil, "privacyNoticeVersion": e.PrivacyNoticeVersion},
		})
	})
	return &e, err
}
