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

// Registration is an employer and its first owner.
type Registration struct {
	Organization string
	Name         string
	Email        string
	Password     string
}

func (r *Registration) check() error {
	var bad reasons
	r.Organization = bad.name("body.organizationName", r.Organization, maxName)
	r.Name = bad.name("body.name", r.Name, maxName)
	r.Email = bad.email("body.email", r.Email)
	bad.password("body.password", r.Password, r.Email, r.Name, r.Organization)
	return bad.err()
}

// Register makes an employer and its owner and signs the owner in. It never attaches to an existing user: an address that is
// known here, be it only as a candidate's, is ErrEmailTaken, since nothing proves that the caller owns it.
func (m *Module) Register(ctx context.Context, r Registration) (*SignIn, error) {
	opened, err := m.register(ctx, r, byTokens)
	if err != nil {
		return nil, err
	}
	return m.grant(ctx, opened)
}

// RegisterBrowser is Register for a browser.
func (m *Module) RegisterBrowser(ctx context.Context, r Registration) (*BrowserSession, error) {
	opened, err := m.register(ctx, r, byCookie)
	return opened.browser(err)
}

// MayRegister is ErrRegistrationClosed when nobody may register.
func (m *Module) MayRegister(ctx context.Context) error { return m.admit(ctx, m.db) }

// FirstRun tells whether nobody owns an organization here yet.
func (m *Module) FirstRun(ctx context.Context) (bool, error) {
	owned, err := ownerExists(ctx, m.db)
	return !owned, err
}

func (m *Module) register(ctx context.Context, r Registration, by door) (opening, error) {
	if err := m.limiter.Take(ctx, "register", rest.ClientNetwork(ctx), m.rates.Register); err != nil {
		return opening{}, err
	}
	// Asked before the hash, so that a closed door costs nothing; the transaction asks again, and decides.
	if err := m.admit(ctx, m.db); err != nil {
		return opening{}, err
	}
	if err := r.check(); err != nil {
		return opening{}, err
	}
	hash, err := m.passwords.hash(ctx, r.Password)
	if err != nil {
		return opening{}, err
	}
	var opened opening
	err = m.inTx(ctx, func(tx pgx.Tx) error {
		if m.registration == UntilFirstOwner {
			if _, err := tx.Exec(ctx, sqlLockFirstOwner); err != nil {
				return err
			}
		}
		if err := m.admit(ctx, tx); err != nil {
			return err
		}
		now := m.clock.Now()
		user := m.ids.ID()
		actor := audit.Actor{Kind: "member", ID: user}
		employer, err := m.addEmployer(ctx, tx, r.Organization, actor, now)
		if err != nil {
			return err
		}
		if err := insertUser(ctx, tx, user, r.Email, r.Name, &hash, now); err != nil {
			return err
		}
		if err := m.addMembership(ctx, tx, employer, user, authn.Owner, actor, now); err != nil {
			return err
		}
		if _, err := m.mailLinkTx(ctx, tx, r.Email, purposeVerify, now); err != nil {
			return err
		}
		opened, err = m.open(ctx, tx, user, by, now)
		return err
	})
	if err != nil {
		return opening{}, fmt.Errorf("register: %w", err)
	}
	return opened, nil
}

// admit says whether the policy lets a new employer in.
func (m *Module) admit(ctx context.Context, q pg.Querier) error {
	switch m.registration {
	case Open:
		return nil
	case Closed:
		return ErrRegistrationClosed
	}
	owned, err := ownerExists(ctx, q)
	if err == nil && owned {
		err = ErrRegistrationClosed
	}
	return err
}

func ownerExists(ctx context.Context, q pg.Querier) (owned bool, err error) {
	if err := q.QueryRow(ctx, sqlOwnerExists).Scan(&owned); err != nil {
		return false, fmt.Errorf("look for the first owner: %w", err)
	}
	return owned, nil
}

func (m *Module) addEmployer(ctx context.Context, tx pgx.Tx, name string, actor audit.Actor, now time.Time) (uuid.UUID, error) {
	id := m.ids.ID()
	if _, err := tx.Exec(ctx, sqlInsertEmployer, id, name, m.ids.Slug(), now); err != nil {
		return uuid.Nil, fmt.Errorf("add an employer: %w", err)
	}
	return id, m.record(ctx, tx, now, audit.Event{
		EmployerID: id, Actor: actor, Action: "employer.created", ObjectType: "employer", ObjectID: id,
	})
}

func (m *Module) addMembership(ctx context.Context, tx pgx.Tx, employer, user uuid.UUID, role authn.Role, actor audit.Actor, now time.Time) error {
	id := m.ids.ID()
	if _, err := tx.Exec(ctx, sqlInsertMembership, id, employer, user, role.String(), now); err != nil {
		return fmt.Errorf("add a member: %w", err)
	}
	return m.record(ctx, tx, now, audit.Event{
		EmployerID: employer, Actor: actor, Action: "member.added", ObjectType: "member", ObjectID: id,
		After: map[string]any{"role": role, "userId": user},
	})
}

// QueueCandidate queues the making of the user with this address, unless there is one, and gives the address as it is kept:
// a later statement of the batch finds the user by lower(email), whoever made it. An existing one is left as it is, name
// included: nothing proves yet that it is the same person who types.
func (m *Module) QueueCandidate(b *pgx.Batch, email, name string) (address string, err error) {
	var bad reasons
	name = bad.name("body.name", name, maxName)
	address = bad.email("body.email", email)
	if err := bad.err(); err != nil {
		return "", err
	}
	b.Queue(sqlInsertCandidate, m.ids.ID(), address, name, m.clock.Now()).Fn = func(results pgx.BatchResults) error {
		if _, err := results.Exec(); err != nil {
			return fmt.Errorf("find or make a candidate: %w", constraints.Translate(err))
		}
		return nil
	}
	return address, nil
}
