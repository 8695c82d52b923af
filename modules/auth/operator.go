package auth

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/audit"
	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
	"credlane/app/kit/pg"
)

// This file is what the command line may do, which needs no sign-in: whoever runs it owns the machine.

// NewMember is a person the operator adds.
type NewMember struct {
	Email        string
	Name         string
	Password     string     // none: the answer has a link to set one
	Role         authn.Role // owner unless set
	Organization string     // the name of a new employer
	Employer     string     // the slug of an existing one; neither: the only one there is
}

// AddedMember tells what was made.
type AddedMember struct {
	UserID       uuid.UUID
	EmployerID   uuid.UUID
	EmployerSlug string
	Role         authn.Role
	ResetLink    string // set when no password was given
}

// AddUser adds a member to a new or an existing employer. Whoever is known here already, as a candidate or a former member,
// becomes that member; one who is a member is ErrAlreadyMember.
func (m *Module) AddUser(ctx context.Context, n NewMember) (*AddedMember, error) {
	var bad reasons
	n.Email = bad.email("email", n.Email)
	n.Name = bad.name("name", n.Name, maxName)
	if n.Organization != "" {
		n.Organization = bad.name("organization", n.Organization, maxName)
	}
	if n.Organization != "" && n.Employer != "" {
		bad.add("employer", "Name a new organization or an existing one, not both.")
	}
	if n.Role == authn.NoRole {
		n.Role = authn.Owner
	}
	if n.Organization != "" && n.Role != authn.Owner {
		bad.add("role", "The first member of a new organization is its owner.")
	}
	if n.Password != "" {
		bad.password("password", n.Password, n.Email, n.Name, n.Organization)
	}
	if err := bad.err(); err != nil {
		return nil, err
	}
	var hash *string
	if n.Password != "" {
		encoded, err := m.passwords.hash(ctx, n.Password)
		if err != nil {
			return nil, err
		}
		hash = &encoded
	}
	var added AddedMember
	err := m.inTx(ctx, func(tx pgx.Tx) (err error) {
		added, err = m.addUserTx(ctx, tx, n, hash)
		return err
	})
	if err == nil && hash == nil {
		added.ResetLink, err = m.ResetLink(ctx, n.Email)
	}
	if err != nil {
		return nil, fmt.Errorf("add a user: %w", err)
	}
	return &added, nil
}

func (m *Module) addUserTx(ctx context.Context, tx pgx.Tx, n NewMember, hash *string) (AddedMember, error) {
	now := m.clock.Now()
	// The first owner may be registering over the API in this moment.
	if _, err := tx.Exec(ctx, sqlLockFirstOwner); err != nil {
		return AddedMember{}, err
	}
	added := AddedMember{Role: n.Role}
	var err error
	if n.Organization != "" {
		added.EmployerID, err = m.addEmployer(ctx, tx, n.Organization, audit.Operator, now)
		if err != nil {
			return AddedMember{}, err
		}
	}
	employer, err := findEmployer(ctx, tx, added.EmployerID, n.Employer)
	if err != nil {
		return AddedMember{}, err
	}
	added.EmployerID, added.EmployerSlug = employer.ID, employer.Slug
	added.UserID = m.ids.ID()
	if err := tx.QueryRow(ctx, sqlAddUser, added.UserID, n.Email, n.Name, hash, now).Scan(&added.UserID); err != nil {
		return AddedMember{}, err
	}
	return added, m.addMembership(ctx, tx, added.EmployerID, added.UserID, n.Role, audit.Operator, now)
}

type employerRef struct {
	ID   uuid.UUID `db:"id"`
	Slug string    `db:"slug"`
}

// findEmployer finds one by id or slug, or because it is the only one.
func findEmployer(ctx context.Context, q pg.Querier, id uuid.UUID, slug string) (employerRef, error) {
	sql, args, none := sqlEmployerNamed, []any{id, slug}, errNoSuchEmployer
	if id == uuid.Nil && slug == "" {
		sql, args, none = sqlFirstEmployers, nil, errNoEmployerYet
	}
	rows, err := pg.All[employerRef](ctx, q, sql, args...)
	switch {
	case err != nil:
		return employerRef{}, fmt.Errorf("find the employer: %w", err)
	case len(rows) == 0:
		return employerRef{}, none
	case len(rows) > 1:
		return employerRef{}, errAmbiguous
	}
	return rows[0], nil
}

var (
	errNoSuchEmployer = fault.New(fault.NotFound, "employer_not_found", "No organization has this slug. Check its spelling.")
	errNoEmployerYet  = fault.New(fault.NotFound, "no_employer_yet", "There is no organization yet. Give the name of a new one.")
	errNoInvitation   = fault.New(fault.NotFound, "invitation_not_found", "This address has no open invitation. Invite it first.")
)

// ResetLink makes a link with which a member sets a new password, good for an hour and once.
func (m *Module) ResetLink(ctx context.Context, email string) (string, error) {
	token, err := m.handLink(ctx, email, purposeReset)
	if err != nil {
		return "", err
	}
	return m.resetURL(token), nil
}

// VerifyLink makes a link that proves a member's address, good for a week and once.
func (m *Module) VerifyLink(ctx context.Context, email string) (string, error) {
	token, err := m.handLink(ctx, email, purposeVerify)
	if err != nil {
		return "", err
	}
	return m.verifyURL(token), nil
}

// InvitationLink makes a new link for an open invitation; the one before stops working. The slug of the employer is needed
// only when several have invited the address.
func (m *Module) InvitationLink(ctx context.Context, email, slug string) (string, error) {
	var token string
	err := m.inTx(ctx, func(tx pgx.Tx) error {
		now := m.clock.Now()
		open, err := pg.All[openInvitation](ctx, tx, sqlOpenInvitations, tidyEmail(email), slug, now)
		switch {
		case err != nil:
			return fmt.Errorf("find the invitation: %w", err)
		case len(open) == 0:
			return errNoInvitation
		case len(open) > 1:
			return errAmbiguous
		}
		rotation := open[0].Rotation + 1
		token = m.invitationToken(open[0].ID, rotation)
		if _, err := tx.Exec(ctx, sqlRenewInvitation, open[0].ID, hashToken(token), now.Add(invitationLives), rotation); err != nil {
			return fmt.Errorf("renew the invitation: %w", err)
		}
		return m.record(ctx, tx, now, audit.Event{
			EmployerID: open[0].EmployerID, Actor: audit.Operator, Action: "invitation.renewed", ObjectType: "invitation", ObjectID: open[0].ID,
		})
	})
	if err != nil {
		return "", err
	}
	return m.acceptURL(token), nil
}

// RotateKeys makes a new signing key; nobody is signed out.
func (m *Module) RotateKeys(ctx context.Context) error {
	if m.keyring == nil {
		return errors.New("rotate the signing keys: the module has no keyring")
	}
	return m.keyring.Rotate(ctx)
}

const sqlEmployerNamed = `SELECT id, slug FROM employers WHERE id = $1 OR slug = $2`

const sqlFirstEmployers = `SELECT id, slug FROM employers ORDER BY id LIMIT 2`

// Whether the person may be added at all, the membership decides in the same transaction.
const sqlAddUser = `
INSERT INTO users AS u (id, email, name, password_hash, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $5)
ON CONFLICT (lower(email)) DO UPDATE
   SET name = EXCLUDED.name, password_hash = coalesce(EXCLUDED.password_hash, u.password_hash), updated_at = EXCLUDED.updated_at
RETURNING id`

type openInvitation struct {
	ID         uuid.UUID `db:"id"`
	EmployerID uuid.UUID `db:"employer_id"`
	Rotation   int       `db:"rotation"`
}

const sqlOpenInvitations = `
SELECT i.id, i.employer_id, i.rotation
FROM member_invitations i
JOIN employers e ON e.id = i.employer_id
WHERE lower(i.email) = lower($1) AND ($2 = '' OR e.slug = $2)
  AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > $3
LIMIT 2
FOR UPDATE OF i`

const sqlRenewInvitation = `
UPDATE member_invitations SET token_hash = $2, expires_at = $3, rotation = $4 WHERE id = $1`

const sqlNobodyYet = `
SELECT NOT EXISTS (SELECT FROM employers)`

// Empty tells whether nobody has registered yet.
func (m *Module) Empty(ctx context.Context) (bool, error) {
	var empty bool
	if err := m.db.QueryRow(ctx, sqlNobodyYet).Scan(&empty); err != nil {
		return false, fmt.Errorf("look for an employer: %w", err)
	}
	return empty, nil
}
