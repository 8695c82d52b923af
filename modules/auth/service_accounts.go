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

// MeChange is what people change of their own account; nil leaves it alone.
type MeChange struct {
	Name   *string
	Digest *bool // whether they are told once a day of new submissions
}

// ChangeMe changes the caller's own account.
func (m *Module) ChangeMe(ctx context.Context, change MeChange) (*Account, error) {
	p, err := person(ctx)
	if err != nil {
		return nil, err
	}
	if change == (MeChange{}) {
		return m.Me(ctx)
	}
	var bad reasons
	if change.Name != nil {
		*change.Name = bad.name("body.name", *change.Name, maxName)
	}
	if err := bad.err(); err != nil {
		return nil, err
	}
	var a Account
	err = m.inTx(ctx, func(tx pgx.Tx) error {
		now := m.clock.Now()
		if _, err := tx.Exec(ctx, sqlChangeUser, p.UserID, change.Name, change.Digest, now); err != nil {
			return fmt.Errorf("change a user: %w", err)
		}
		if a, err = findAccount(ctx, tx, p.UserID); err != nil {
			return absent(err, rest.ErrNotFound)
		}
		if change.Name != nil {
			err = m.record(ctx, tx, now, audit.Event{
				EmployerID: p.EmployerID, Action: "user.renamed", ObjectType: "user", ObjectID: p.UserID,
			})
		}
		if err != nil || change.Digest == nil {
			return err
		}
		return m.record(ctx, tx, now, audit.Event{
			EmployerID: p.EmployerID, Action: "user.digest_changed", ObjectType: "user", ObjectID: p.UserID,
			After: map[string]any{"digest": *change.Digest},
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

// ForgotPassword mails a member a reset link. For any other address it does nothing, answers alike and takes as long.
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
	err := m.mailLink(ctx, email, purposeReset)
	if errors.Is(err, errNoSuchUser) {
		return nil
	}
	return err
}

// ResendVerification mails the caller the link again that proves their address, unless it is proved.
func (m *Module) ResendVerification(ctx context.Context) error {
	p, err := person(ctx)
	if err != nil {
		return err
	}
	a, err := findAccount(ctx, m.db, p.UserID)
	if err != nil {
		return absent(err, rest.ErrNotFound)
	}
	if a.User.EmailVerifiedAt != nil {
		return nil
	}
	if err := m.limiter.Take(ctx, "verify_resend", p.UserID.String(), m.rates.Forgot); err != nil {
		return err
	}
	return m.mailLink(ctx, a.User.Email, purposeVerify)
}

// linkKinds say of each purpose how long its links live and which mail carries them.
var linkKinds = map[string]struct {
	lives    time.Duration
	template string
}{
	purposeReset: {resetLives, mailReset}, purposeVerify: {verifyLives, mailVerify},
}

// linkTx makes a one-use token for a member. When nobody has the address, the token is of a member who stands in, and to be rolled
// back; without any member it is errNoSuchUser.
func (m *Module) linkTx(ctx context.Context, tx pgx.Tx, email, purpose string, now time.Time) (id uuid.UUID, to linked, err error) {
	id = m.ids.ID()
	token := hashToken(m.linkToken(purpose, id))
	to, err = pg.One[linked](ctx, tx, sqlInsertUserToken, id, email, purpose, token, now, now.Add(linkKinds[purpose].lives))
	if err != nil {
		return uuid.Nil, linked{}, fmt.Errorf("make a link: %w", absent(err, errNoSuchUser))
	}
	return id, to, nil
}

// mailLinkTx makes a one-use token, as linkTx does, and owes the mail that carries it.
func (m *Module) mailLinkTx(ctx context.Context, tx pgx.Tx, email, purpose string, now time.Time) (linked, error) {
	id, to, err := m.linkTx(ctx, tx, email, purpose, now)
	if err != nil {
		return linked{}, err
	}
	return to, m.mail.SendTx(ctx, tx, m.linkMail(purpose, id, to))
}

// mailLink makes a one-use link for a member and owes the mail that carries it, in the member's own name. It is errNoSuchUser when
// nobody has the address: then the same was done, and rolled back to a savepoint inside a transaction that commits.
func (m *Module) mailLink(ctx context.Context, email, purpose string) error {
	var unknown bool
	err := m.inTx(ctx, func(tx pgx.Tx) error {
		err := pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error {
			now := m.clock.Now()
			to, err := m.mailLinkTx(ctx, tx, email, purpose, now)
			if err != nil {
				return err
			}
			err = m.recordLink(ctx, tx, to, purpose, audit.Actor{Kind: "member", ID: to.UserID}, now)
			if err == nil && !to.Known {
				err = errNoSuchUser
			}
			return err
		})
		if unknown = errors.Is(err, errNoSuchUser); unknown {
			return nil
		}
		return err
	})
	if err == nil && unknown {
		return errNoSuchUser
	}
	return err
}

// handLink makes a one-use link for the operator to hand over, and gives its token; errNoSuchUser when nobody has the address.
func (m *Module) handLink(ctx context.Context, email, purpose string) (token string, err error) {
	err = m.inTx(ctx, func(tx pgx.Tx) error {
		now := m.clock.Now()
		id, to, err := m.linkTx(ctx, tx, tidyEmail(email), purpose, now)
		if err != nil {
			return err
		}
		if !to.Known {
			return errNoSuchUser
		}
		token = m.linkToken(purpose, id)
		return m.recordLink(ctx, tx, to, purpose, audit.Operator, now)
	})
	return token, err
}

func (m *Module) recordLink(ctx context.Context, tx pgx.Tx, to linked, purpose string, actor audit.Actor, now time.Time) error {
	return m.record(ctx, tx, now, audit.Event{
		EmployerID: to.EmployerID, Actor: actor, Action: purpose + ".requested", ObjectType: "user", ObjectID: to.UserID,
	})
}

// FindResetLink gives the address and the name of whose password a reset link sets; ErrLinkInvalid when it is not open.
func (m *Module) FindResetLink(ctx context.Context, token string) (email, name string, err error) {
	err = m.db.QueryRow(ctx, sqlFindUserToken, hashToken(token), purposeReset, m.clock.Now()).Scan(&email, &name)
	if err != nil {
		return "", "", fmt.Errorf("find a reset link: %w", absent(err, ErrLinkInvalid))
	}
	return email, name, nil
}

// ResetPassword sets a new password by a reset link, and ends every session.
func (m *Module) ResetPassword(ctx context.Context, token, password string) error {
	hash := hashToken(token)
	// Asked before the hash, so that made-up links cost nothing; the transaction decides.
	email, name, err := m.FindResetLink(ctx, token)
	if err != nil {
		return err
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
