package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/audit"
	"credlane/app/kit/authn"
	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
)

const invitationLives = 14 * 24 * time.Hour

// Members lists who works for the caller's employer, in the order in which they came, and the cursor of the next page.
func (m *Module) Members(ctx context.Context, limit int, cursor string) ([]Member, *string, error) {
	p, err := signedIn(ctx)
	if err != nil {
		return nil, nil, err
	}
	var after uuid.UUID
	if cursor != "" {
		if err := pg.DecodeCursor(cursor, &after); err != nil {
			return nil, nil, err
		}
	}
	rows, err := pg.All[Member](ctx, m.db, sqlListMembers, p.EmployerID, after, limit+1)
	if err != nil {
		return nil, nil, fmt.Errorf("list members: %w", err)
	}
	return page(rows, limit, func(x Member) uuid.UUID { return x.ID })
}

// Invitations lists the open invitations of the caller's employer, newest first: 200 at most.
func (m *Module) Invitations(ctx context.Context) ([]Invitation, error) {
	p, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := pg.All[Invitation](ctx, m.db, sqlListInvitations, p.EmployerID, m.clock.Now())
	if err != nil {
		return nil, fmt.Errorf("list invitations: %w", err)
	}
	return rows, nil
}

// InviteTx invites an address to become a member with the given role, by mail. Its link is also in the answer.
func (m *Module) InviteTx(ctx context.Context, tx pgx.Tx, email string, role authn.Role) (inv *Invitation, acceptURL string, err error) {
	p, err := signedIn(ctx)
	if err != nil {
		return nil, "", err
	}
	var bad reasons
	email = bad.email("body.email", email)
	bad.role("body.role", role)
	if err := bad.err(); err != nil {
		return nil, "", err
	}
	if role > p.Role {
		return nil, "", ErrRoleAboveOwn
	}
	now := m.clock.Now()
	// Taken in turn, so that the bound on open invitations holds.
	if _, err := tx.Exec(ctx, sqlLockEmployer, p.EmployerID); err != nil {
		return nil, "", fmt.Errorf("invite a member: %w", err)
	}
	if _, err := tx.Exec(ctx, sqlRevokeOverdueInvitation, p.EmployerID, email, now); err != nil {
		return nil, "", fmt.Errorf("invite a member: %w", err)
	}
	var member bool
	var open int
	if err := tx.QueryRow(ctx, sqlJudgeInvitation, p.EmployerID, email, now).Scan(&member, &open); err != nil {
		return nil, "", fmt.Errorf("invite a member: %w", err)
	}
	if member {
		return nil, "", ErrAlreadyMember
	}
	if open >= maxOpenInvitations {
		return nil, "", ErrTooManyInvitations
	}
	inv = &Invitation{ID: m.ids.ID(), Email: email, Role: role.String(), CreatedAt: now, ExpiresAt: now.Add(invitationLives)}
	token := m.invitationToken(inv.ID, 0)
	if _, err := tx.Exec(ctx, sqlInsertInvitation, inv.ID, p.EmployerID, email, role.String(), hashToken(token), now, inv.ExpiresAt); err != nil {
		return nil, "", constraints.Translate(fmt.Errorf("invite a member: %w", err))
	}
	if err := m.mail.SendTx(ctx, tx, m.invitationMail(p.EmployerID, inv)); err != nil {
		return nil, "", err
	}
	return inv, m.acceptURL(token), m.record(ctx, tx, now, audit.Event{
		EmployerID: p.EmployerID, Action: "invitation.created", ObjectType: "invitation", ObjectID: inv.ID,
		After: map[string]any{"role": role},
	})
}

// RevokeInvitation makes the link of an open invitation useless.
func (m *Module) RevokeInvitation(ctx context.Context, id uuid.UUID) error {
	p, err := signedIn(ctx)
	if err != nil {
		return err
	}
	return m.inTx(ctx, func(tx pgx.Tx) error {
		now := m.clock.Now()
		var granted string
		if err := tx.QueryRow(ctx, sqlRevokeInvitation, id, p.EmployerID, now).Scan(&granted); err != nil {
			return fmt.Errorf("revoke an invitation: %w", absent(err, rest.ErrNotFound))
		}
		role, err := authn.ParseRole(granted)
		if err != nil {
			return err
		}
		if role > p.Role {
			return ErrRoleAboveOwn
		}
		return m.record(ctx, tx, now, audit.Event{
			EmployerID: p.EmployerID, Action: "invitation.revoked", ObjectType: "invitation", ObjectID: id,
			Before: map[string]any{"role": role},
		})
	})
}

// ChangeRole gives a member another role. Nobody reaches above their own, neither from nor to.
func (m *Module) ChangeRole(ctx context.Context, id uuid.UUID, role authn.Role) (*Member, error) {
	var bad reasons
	bad.role("body.role", role)
	if err := bad.err(); err != nil {
		return nil, err
	}
	var changed Member
	err := m.inTx(ctx, func(tx pgx.Tx) error {
		p, target, err := m.hold(ctx, tx, id)
		if err != nil {
			return err
		}
		if role > p.Role {
			return ErrRoleAboveOwn
		}
		if _, err := tx.Exec(ctx, sqlChangeRole, id, role.String()); err != nil {
			return fmt.Errorf("change the role of %s: %w", id, err)
		}
		now := m.clock.Now()
		withdrawn, err := m.withdrawInvitations(ctx, tx, p.EmployerID, target.user, role, now)
		if err != nil {
			return err
		}
		if changed, err = pg.One[Member](ctx, tx, sqlFindMember, id); err != nil {
			return fmt.Errorf("find member %s: %w", id, err)
		}
		return m.record(ctx, tx, now, audit.Event{
			EmployerID: p.EmployerID, Action: "member.role_changed", ObjectType: "member", ObjectID: id,
			Before: map[string]any{"role": target.role}, After: map[string]any{"role": role, "invitationsWithdrawn": withdrawn},
		})
	})
	if err != nil {
		return nil, err
	}
	return &changed, nil
}

// Remove ends a membership, with the sessions, API keys and open invitations of that person: all of it at once.
func (m *Module) Remove(ctx context.Context, id uuid.UUID) error {
	return m.inTx(ctx, func(tx pgx.Tx) error {
		p, target, err := m.hold(ctx, tx, id)
		if err != nil {
			return err
		}
		now := m.clock.Now()
		if _, err := tx.Exec(ctx, sqlDeleteMembership, id); err != nil {
			return fmt.Errorf("remove member %s: %w", id, err)
		}
		sessions, err := revokeSessionsBut(ctx, tx, target.user, uuid.Nil, now)
		if err != nil {
			return err
		}
		keys, err := tx.Exec(ctx, sqlRevokeKeysOf, p.EmployerID, target.user, now)
		if err != nil {
			return fmt.Errorf("revoke the API keys of %s: %w", id, err)
		}
		withdrawn, err := m.withdrawInvitations(ctx, tx, p.EmployerID, target.user, authn.NoRole, now)
		if err != nil {
			return err
		}
		return m.record(ctx, tx, now, audit.Event{
			EmployerID: p.EmployerID, Action: "member.removed", ObjectType: "member", ObjectID: id,
			Before: map[string]any{"role": target.role, "userId": target.user},
			After:  map[string]any{"sessionsEnded": sessions, "apiKeysRevoked": keys.RowsAffected(), "invitationsWithdrawn": withdrawn},
		})
	})
}

// withdrawInvitations revokes what a person invited above the role they keep: whoever made a link may still hold it.
func (m *Module) withdrawInvitations(ctx context.Context, tx pgx.Tx, employer, user uuid.UUID, kept authn.Role, now time.Time) (int64, error) {
	var above []string
	for _, name := range authn.Roles() {
		if role, err := authn.ParseRole(name); err == nil && role > kept {
			above = append(above, name)
		}
	}
	tag, err := tx.Exec(ctx, sqlWithdrawInvitations, employer, user, above, now)
	if err != nil {
		return 0, fmt.Errorf("withdraw invitations: %w", err)
	}
	return tag.RowsAffected(), nil
}

// held is a membership whose row this transaction holds.
type held struct {
	user uuid.UUID
	role authn.Role
}

// hold locks the target's membership and the caller's own, in one order for everybody, and reads the caller's role as it is
// now: the guard's reading may be a demotion old.
func (m *Module) hold(ctx context.Context, tx pgx.Tx, target uuid.UUID) (authn.Principal, held, error) {
	p, err := signedIn(ctx)
	if err != nil {
		return p, held{}, err
	}
	rows, err := pg.All[lockedMembership](ctx, tx, sqlLockMemberships, p.EmployerID, []uuid.UUID{target, p.MembershipID})
	if err != nil {
		return p, held{}, fmt.Errorf("lock member %s: %w", target, err)
	}
	var found *held
	own := p.Kind == authn.APIKey
	for _, row := range rows {
		role, err := authn.ParseRole(row.Role)
		if err != nil {
			return p, held{}, err
		}
		if row.ID == p.MembershipID {
			p.Role, own = role, true
		}
		if row.ID == target {
			found = &held{row.UserID, role}
		}
	}
	switch {
	case !own:
		return p, held{}, authn.ErrUnauthenticated
	case p.Role < authn.Admin:
		return p, held{}, authn.ErrForbidden
	case found == nil:
		return p, held{}, rest.ErrNotFound
	case found.role > p.Role:
		return p, held{}, ErrRoleAboveOwn
	}
	return p, *found, nil
}

// Acceptance is what an invited person gives.
type Acceptance struct {
	Name     string // not needed by who has an account
	Password string // of the account, or a new one
}

// Accept makes the invited person a member and signs them in. Who has an account already proves it with its password: the link
// alone, which an admin can see, must not open somebody's account.
func (m *Module) Accept(ctx context.Context, token string, a Acceptance) (*SignIn, error) {
	opened, err := m.accept(ctx, token, a, byTokens)
	if err != nil {
		return nil, err
	}
	return m.grant(ctx, opened)
}

// AcceptBrowser is Accept for a browser.
func (m *Module) AcceptBrowser(ctx context.Context, token string, a Acceptance) (*BrowserSession, error) {
	opened, err := m.accept(ctx, token, a, byCookie)
	return opened.browser(err)
}

// OpenInvitation is what an invitation's link shows to who holds it.
type OpenInvitation struct {
	Organization string
	Email        string
	Role         string
	HasAccount   bool // its password is asked for, instead of a new one
}

// FindInvitation looks an invitation up by the token of its link; ErrLinkInvalid when it is not open.
func (m *Module) FindInvitation(ctx context.Context, token string) (*OpenInvitation, error) {
	inv, err := pg.One[invited](ctx, m.db, sqlFindInvited, hashToken(token), m.clock.Now())
	if err != nil {
		return nil, fmt.Errorf("find an invitation: %w", absent(err, ErrLinkInvalid))
	}
	return &OpenInvitation{inv.Organization, inv.Email, inv.Role, inv.PasswordHash != nil}, nil
}

func (m *Module) accept(ctx context.Context, token string, a Acceptance, by door) (opening, error) {
	if err := m.limiter.Take(ctx, "accept", rest.ClientNetwork(ctx), m.rates.LoginAddress); err != nil {
		return opening{}, err
	}
	hash := hashToken(token)
	inv, err := pg.One[invited](ctx, m.db, sqlFindInvited, hash, m.clock.Now())
	if err != nil {
		return opening{}, fmt.Errorf("find an invitation: %w", absent(err, ErrLinkInvalid))
	}
	var encoded string
	if inv.PasswordHash != nil {
		err = m.provePassword(ctx, inv, a.Password)
	} else {
		encoded, err = m.newPassword(ctx, &a, inv)
	}
	if err != nil {
		return opening{}, err
	}
	var opened opening
	err = m.inTx(ctx, func(tx pgx.Tx) error {
		opened, err = m.acceptTx(ctx, tx, hash, inv, a.Name, encoded, by)
		return err
	})
	if err != nil {
		return opening{}, fmt.Errorf("accept an invitation: %w", err)
	}
	return opened, nil
}

func (m *Module) provePassword(ctx context.Context, inv invited, password string) error {
	if err := m.slowDown(ctx, inv.Email, false); err != nil {
		return err
	}
	ok, _, err := m.passwords.check(ctx, password, inv.PasswordHash)
	if err == nil && !ok {
		return ErrWrongPassword
	}
	return err
}

func (m *Module) newPassword(ctx context.Context, a *Acceptance, inv invited) (string, error) {
	var bad reasons
	a.Name = bad.name("body.name", a.Name, maxName)
	bad.password("body.password", a.Password, inv.Email, a.Name, inv.Organization)
	if err := bad.err(); err != nil {
		return "", err
	}
	return m.passwords.hash(ctx, a.Password)
}

func (m *Module) acceptTx(ctx context.Context, tx pgx.Tx, hash []byte, inv invited, name, encoded string, by door) (opening, error) {
	now := m.clock.Now()
	var id uuid.UUID
	// Of many who accept at once, one does.
	if err := tx.QueryRow(ctx, sqlAcceptInvitation, hash, now).Scan(&id); err != nil {
		return opening{}, absent(err, ErrLinkInvalid)
	}
	role, err := authn.ParseRole(inv.Role)
	if err != nil {
		return opening{}, err
	}
	user, err := m.invitedUser(ctx, tx, inv, name, encoded, now)
	if err != nil {
		return opening{}, err
	}
	actor := audit.Actor{Kind: "member", ID: user}
	if err := m.addMembership(ctx, tx, inv.EmployerID, user, role, actor, now); err != nil {
		return opening{}, err
	}
	err = m.record(ctx, tx, now, audit.Event{
		EmployerID: inv.EmployerID, Actor: actor, Action: "invitation.accepted", ObjectType: "invitation", ObjectID: id,
	})
	if err != nil {
		return opening{}, err
	}
	return m.open(ctx, tx, user, by, now)
}

// invitedUser is the account that accepts: the one whose password was proved, a candidate's who now gets one, or a new one.
func (m *Module) invitedUser(ctx context.Context, tx pgx.Tx, inv invited, name, encoded string, now time.Time) (uuid.UUID, error) {
	switch {
	case inv.UserID == nil:
		id := m.ids.ID()
		return id, insertUser(ctx, tx, id, inv.Email, name, &encoded, now)
	case inv.PasswordHash != nil:
		err := holdPassword(ctx, tx, *inv.UserID, *inv.PasswordHash)
		return *inv.UserID, absent(err, ErrWrongPassword)
	}
	tag, err := tx.Exec(ctx, sqlSetFirstPassword, *inv.UserID, name, encoded, now)
	if err == nil && tag.RowsAffected() == 0 {
		err = ErrAlreadyMember // another invitation of the same person was accepted in this moment
	}
	return *inv.UserID, err
}
