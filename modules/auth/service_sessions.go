package auth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/audit"
	"credlane/app/kit/authn"
	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
	"credlane/app/kit/seal"
)

const (
	accessLives  = 15 * time.Minute
	sessionIdles = 14 * 24 * time.Hour // without being used; a refresh token lives as long
	sessionLives = 90 * 24 * time.Hour
	// Two tabs that refresh together are no thieves: the slower one is told so for this long.
	refreshRace = 10 * time.Second

	tokenBytes = 32
)

// SignIn is what a person gets who has proved who they are. The tokens are nowhere else: the database keeps their hashes.
type SignIn struct {
	AccessToken  string
	RefreshToken string
	ExpiresIn    time.Duration // of the access token
	Account      Account
}

func hashToken(token string) []byte {
	return seal.Hash(token)
}

// BrowserSession is what a browser gets whose person has proved who they are: the secret for its cookie, which is nowhere else.
type BrowserSession struct {
	Secret  string
	Expires time.Time
	Account Account
}

// Login signs a member in by password. Every wrong try costs the same time and gets the same answer.
func (m *Module) Login(ctx context.Context, email, password string) (*SignIn, error) {
	var in *SignIn
	opened, err := m.login(ctx, email, password, byTokens)
	if err == nil {
		in, err = m.grant(ctx, opened)
	}
	m.counters.Login(outcomeOf(err))
	return in, err
}

// LoginBrowser is Login for a browser.
func (m *Module) LoginBrowser(ctx context.Context, email, password string) (*BrowserSession, error) {
	opened, err := m.login(ctx, email, password, byCookie)
	m.counters.Login(outcomeOf(err))
	return opened.browser(err)
}

// outcomeOf says how a login ended, in a word for whoever watches the product.
func outcomeOf(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, ErrBadCredentials):
		return "wrong"
	case errors.Is(err, rest.ErrTooMany):
		return "limited"
	case errors.Is(err, ErrNoEmployer):
		return "no_employer"
	case errors.Is(err, ErrBusy):
		return "busy"
	}
	return "failed"
}

func (m *Module) login(ctx context.Context, email, password string, by door) (opening, error) {
	email = tidyEmail(email)
	if err := m.limiter.Take(ctx, "login_address", rest.ClientNetwork(ctx), m.rates.LoginAddress); err != nil {
		return opening{}, err
	}
	// Only a hash made anew, or a password changed in this very moment, asks for a second round.
	for range 3 {
		opened, again, err := m.tryLogin(ctx, email, password, by)
		if !again {
			return opened, err
		}
	}
	return opening{}, ErrBadCredentials
}

func (m *Module) tryLogin(ctx context.Context, email, password string, by door) (opened opening, again bool, err error) {
	who, err := findLogin(ctx, m.db, email, clientAddr(ctx))
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return opening{}, false, fmt.Errorf("find who signs in: %w", err)
	}
	if err := m.slowDown(ctx, email, who.ClientKnown); err != nil {
		return opening{}, false, err
	}
	ok, outdated, err := m.passwords.check(ctx, password, who.PasswordHash)
	switch {
	case err != nil:
		return opening{}, false, err
	case !ok:
		return opening{}, false, ErrBadCredentials
	case who.MembershipID == nil:
		return opening{}, false, ErrNoEmployer
	}
	opened, err = m.openAfterPassword(ctx, who.UserID, *who.PasswordHash, by)
	if errors.Is(err, pgx.ErrNoRows) {
		return opening{}, true, nil
	}
	if err == nil && outdated {
		m.upgrade(ctx, who.UserID, password, *who.PasswordHash)
	}
	return opened, false, err
}

// slowDown counts the try against the account. All strangers to the account share one allowance, and a client that has signed
// in to it before has its own: whoever guesses slows the guessing down and never locks the owner out.
func (m *Module) slowDown(ctx context.Context, email string, clientKnown bool) error {
	account := strings.ToLower(email)
	if !clientKnown {
		everyone := m.rates.LoginAccount
		everyone.Count *= 10
		if err := m.limiter.Take(ctx, "login_account_strangers", account, everyone); err != nil {
			return err
		}
	}
	return m.limiter.Take(ctx, "login_account", account+"\x00"+rest.ClientNetwork(ctx), m.rates.LoginAccount)
}

// openAfterPassword opens a session if the password is still the one that was checked: a reset that commits meanwhile ends
// every session, and must not miss this one. pgx.ErrNoRows says that it is not.
func (m *Module) openAfterPassword(ctx context.Context, user uuid.UUID, checked string, by door) (opened opening, err error) {
	err = m.inTx(ctx, func(tx pgx.Tx) error {
		if err := holdPassword(ctx, tx, user, checked); err != nil {
			return err
		}
		opened, err = m.open(ctx, tx, user, by, m.clock.Now())
		return err
	})
	return opened, err
}

// upgrade makes the hash anew at today's cost. The person is in already: a failure is logged and tried at the next sign-in.
func (m *Module) upgrade(ctx context.Context, user uuid.UUID, password, old string) {
	hash, err := m.passwords.hash(ctx, password)
	if err == nil {
		_, err = m.db.Exec(ctx, sqlUpgradePassword, user, old, hash, m.clock.Now())
	}
	if err != nil {
		m.log.WarnContext(ctx, "a password hash was not brought to today's cost", "user", user, "error", err)
	}
}

// door is how whoever holds a session shows that it is theirs.
type door int

const (
	byTokens door = iota // an access token, and a family of refresh tokens for the next ones
	byCookie             // the secret in a browser's cookie
)

// opening is a session about to be committed.
type opening struct {
	session uuid.UUID
	secret  string // the first refresh token, or what the cookie holds
	account Account
	expires time.Time
}

// browser hands a committed session over to a browser.
func (o opening) browser(err error) (*BrowserSession, error) {
	if err != nil {
		return nil, err
	}
	return &BrowserSession{Secret: o.secret, Expires: o.expires, Account: o.account}, nil
}

// open starts a session of a member, with a family of refresh tokens or a cookie.
func (m *Module) open(ctx context.Context, tx pgx.Tx, user uuid.UUID, by door, now time.Time) (opening, error) {
	account, err := findAccount(ctx, tx, user)
	if err != nil {
		return opening{}, fmt.Errorf("open a session: %w", absent(err, ErrNoEmployer))
	}
	o := opening{session: m.ids.ID(), secret: m.ids.Secret(tokenBytes), account: account, expires: now.Add(sessionLives)}
	var cookie []byte
	if by == byCookie {
		cookie = authn.HashKey(o.secret)
	}
	agent := strings.ReplaceAll(strings.ToValidUTF8(rest.UserAgent(ctx), ""), "\x00", "")
	if err := insertSession(ctx, tx, o.session, user, agent, clientAddr(ctx), cookie, now, o.expires); err != nil {
		return opening{}, err
	}
	if by == byTokens {
		if err := insertRefreshToken(ctx, tx, m.ids.ID(), o.session, hashToken(o.secret), now, now.Add(sessionIdles)); err != nil {
			return opening{}, err
		}
	}
	return o, m.record(ctx, tx, now, audit.Event{
		EmployerID: account.Employer.ID, Actor: audit.Actor{Kind: "member", ID: user},
		Action: "session.started", ObjectType: "session", ObjectID: o.session,
	})
}

// grant signs the access token of a committed session: reading the keys may need a connection, and none is held here.
func (m *Module) grant(ctx context.Context, o opening) (*SignIn, error) {
	access, err := m.tokens.Access(ctx, o.session, accessLives)
	if err != nil {
		return nil, fmt.Errorf("sign an access token: %w", err)
	}
	return &SignIn{AccessToken: access, RefreshToken: o.secret, ExpiresIn: accessLives, Account: o.account}, nil
}

// Refresh trades a refresh token for the next one and a new access token. Of two that trade the same token, one wins; a token
// used longer ago was stolen, from us or by us, and ends the session.
func (m *Module) Refresh(ctx context.Context, token string) (*SignIn, error) {
	hash := hashToken(token)
	known, err := findRefresh(ctx, m.db, hash)
	if err != nil {
		return nil, fmt.Errorf("refresh: %w", absent(err, ErrRefreshInvalid))
	}
	// Signed before the trade: a failure after it would cost the session.
	access, err := m.tokens.Access(ctx, known.SessionID, accessLives)
	if err != nil {
		return nil, fmt.Errorf("sign an access token: %w", err)
	}
	now := m.clock.Now()
	in := &SignIn{AccessToken: access, RefreshToken: m.ids.Secret(tokenBytes), ExpiresIn: accessLives}
	err = m.inTx(ctx, func(tx pgx.Tx) error {
		session, user, ends, err := useRefresh(ctx, tx, hash, now)
		if err != nil {
			return err
		}
		if in.Account, err = findAccount(ctx, tx, user); err != nil {
			return absent(err, ErrRefreshInvalid)
		}
		expires := now.Add(sessionIdles)
		if ends.Before(expires) {
			expires = ends
		}
		// A refresh leaves no audit row: it is the same person going on, four times an hour.
		return insertRefreshToken(ctx, tx, m.ids.ID(), session, hashToken(in.RefreshToken), now, expires)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, m.refuseRefresh(ctx, hash, now)
	}
	if err != nil {
		return nil, fmt.Errorf("refresh: %w", err)
	}
	return in, nil
}

func (m *Module) refuseRefresh(ctx context.Context, hash []byte, now time.Time) error {
	t, err := findRefresh(ctx, m.db, hash)
	switch {
	case err != nil:
		return fmt.Errorf("refresh: %w", absent(err, ErrRefreshInvalid))
	case t.RevokedAt != nil || !t.SessionExpiresAt.After(now) || t.UsedAt == nil:
		return ErrRefreshInvalid
	case now.Sub(*t.UsedAt) <= refreshRace:
		return ErrRefreshRaced
	}
	err = m.inTx(ctx, func(tx pgx.Tx) error {
		return m.endSession(ctx, tx, t.SessionID, t.UserID, now, "refresh_reused")
	})
	if err != nil {
		return fmt.Errorf("end a session whose refresh token was used twice: %w", err)
	}
	return ErrRefreshReused
}

// endSession revokes one session, once; ending an ended one changes nothing.
func (m *Module) endSession(ctx context.Context, tx pgx.Tx, session, user uuid.UUID, now time.Time, why string) error {
	employer, ended, err := revokeSession(ctx, tx, session, user, now)
	if err != nil || !ended {
		return err
	}
	return m.record(ctx, tx, now, audit.Event{
		EmployerID: employer, Actor: audit.Actor{Kind: "member", ID: user},
		Action: "session.ended", ObjectType: "session", ObjectID: session, After: map[string]string{"reason": why},
	})
}

// Logout ends the session that a refresh token belongs to, used or not. A token that means nothing is no error: the person is
// signed out either way.
func (m *Module) Logout(ctx context.Context, token string) error {
	known, err := findRefresh(ctx, m.db, hashToken(token))
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	return m.inTx(ctx, func(tx pgx.Tx) error {
		return m.endSession(ctx, tx, known.SessionID, known.UserID, m.clock.Now(), "signed_out")
	})
}

// SignOut ends the caller's own session, that of a browser for one.
func (m *Module) SignOut(ctx context.Context) error {
	p, err := person(ctx)
	if err != nil {
		return err
	}
	return m.inTx(ctx, func(tx pgx.Tx) error {
		return m.endSession(ctx, tx, p.SessionID, p.UserID, m.clock.Now(), "signed_out")
	})
}

// Sessions lists where the caller is signed in, newest first, and the cursor of the next page.
func (m *Module) Sessions(ctx context.Context, limit int, cursor string) ([]Session, *string, error) {
	p, err := person(ctx)
	if err != nil {
		return nil, nil, err
	}
	before, err := idCursor(cursor)
	if err != nil {
		return nil, nil, err
	}
	now := m.clock.Now()
	rows, err := pg.All[Session](ctx, m.db, sqlListSessions, p.UserID, now, now.Add(-sessionIdles), before, limit+1)
	if err != nil {
		return nil, nil, fmt.Errorf("list sessions: %w", err)
	}
	for i := range rows {
		rows[i].Current = rows[i].ID == p.SessionID
	}
	return page(rows, limit, func(s Session) uuid.UUID { return s.ID })
}

// EndSession signs one of the caller's own sessions out.
func (m *Module) EndSession(ctx context.Context, id uuid.UUID) error {
	p, err := person(ctx)
	if err != nil {
		return err
	}
	return m.inTx(ctx, func(tx pgx.Tx) error {
		employer, ended, err := revokeSession(ctx, tx, id, p.UserID, m.clock.Now())
		if err != nil {
			return err
		}
		if !ended {
			return rest.ErrNotFound
		}
		return m.record(ctx, tx, m.clock.Now(), audit.Event{
			EmployerID: employer, Action: "session.ended", ObjectType: "session", ObjectID: id,
			After: map[string]string{"reason": "revoked"},
		})
	})
}

// clientAddr is the caller's address as the database keeps it; nil when there is none.
func clientAddr(ctx context.Context) *netip.Addr {
	addr, err := netip.ParseAddr(rest.ClientIP(ctx))
	if err != nil {
		return nil
	}
	addr = addr.Unmap().WithZone("")
	return &addr
}

// lastID stands after every id, where a list that runs backwards begins.
var lastID = uuid.Max

func idCursor(cursor string) (uuid.UUID, error) {
	if cursor == "" {
		return lastID, nil
	}
	var id uuid.UUID
	return id, pg.DecodeCursor(cursor, &id)
}

// page cuts the one row too many that says there is a next page.
func page[T any](rows []T, limit int, id func(T) uuid.UUID) ([]T, *string, error) {
	if len(rows) <= limit {
		return rows, nil, nil
	}
	rows = rows[:limit]
	next, err := pg.EncodeCursor(id(rows[limit-1]))
	return rows, &next, err
}

// signedIn is the caller, whoever it is, of an operation that needs an employer.
func signedIn(ctx context.Context) (authn.Principal, error) {
	p := authn.From(ctx)
	if p.Kind != authn.Member && p.Kind != authn.APIKey {
		return p, authn.ErrUnauthenticated
	}
	return p, nil
}
