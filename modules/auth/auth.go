// Package auth knows who works for whom: employers, their members, sign-in, sessions, API keys and the audit trail.
//
// A user is one person, whoever they work for or apply to. A membership makes a user a member of one employer, with a role.
// The package lends the guard its directory (who calls) and its keyring (what tokens are signed with).
package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/audit"
	"credlane/app/kit/authn"
	"credlane/app/kit/clock"
	"credlane/app/kit/fault"
	"credlane/app/kit/ids"
	"credlane/app/kit/mail"
	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
	"credlane/app/kit/rounds"
	"credlane/app/kit/seal"
)

// Policy says who may register an employer over the API.
type Policy int

// The policies of registration. The zero value closes the door behind the first owner.
const (
	UntilFirstOwner Policy = iota
	Open
	Closed
)

// Rates bound how often strangers may try; a zero rate does not.
type Rates struct {
	LoginAccount rest.Rate // one account from one client; ten times as much from all clients the account does not know
	LoginAddress rest.Rate // one client, whichever account
	Register     rest.Rate // one client
	Forgot       rest.Rate // mails to one e-mail address; ten times as much for one client
}

// Tokens signs a member's access token.
type Tokens interface {
	Access(ctx context.Context, sessionID uuid.UUID, ttl time.Duration) (string, error)
}

// Counters counts what happens, for whoever watches the product.
type Counters interface {
	Login(outcome string) // ok, wrong, limited, no_employer, busy or failed
}

type uncounted struct{}

func (uncounted) Login(string) {}

// Deps is what the module needs.
type Deps struct {
	DB           *pg.DB
	Clock        clock.Clock
	IDs          *ids.Source
	Log          *slog.Logger
	Keyring      *Keyring
	Key          *seal.Key // what links' tokens are derived from
	Mail         *mail.Mailer
	Tokens       Tokens
	Limiter      *rest.Limiter
	Rates        Rates
	PublicURL    string // where links lead, never taken from a request
	Registration Policy
	HashParallel int           // password hashes at once; max(1, GOMAXPROCS-1) unless set
	HashWait     time.Duration // how long a request waits for its hash before it is refused; 3 s unless set
	Counters     Counters      // nil counts nothing
}

// Module is the accounts of everyone.
type Module struct {
	db           *pg.DB
	clock        clock.Clock
	ids          *ids.Source
	log          *slog.Logger
	keyring      *Keyring
	key          *seal.Key
	mail         *mail.Mailer
	tokens       Tokens
	limiter      *rest.Limiter
	rates        Rates
	publicURL    string
	registration Policy
	passwords    *hasher
	counters     Counters
}

// New makes the module.
func New(d Deps) *Module {
	if d.Counters == nil {
		d.Counters = uncounted{}
	}
	m := &Module{
		db: d.DB, clock: d.Clock, ids: d.IDs, log: d.Log, keyring: d.Keyring, key: d.Key, mail: d.Mail, tokens: d.Tokens,
		limiter: d.Limiter, rates: d.Rates, publicURL: strings.TrimRight(d.PublicURL, "/"), registration: d.Registration,
		passwords: newHasher(d.IDs, d.HashParallel, d.HashWait), counters: d.Counters,
	}
	m.declareMails()
	return m
}

// Name is the module's name.
func (m *Module) Name() string { return "auth" }

// The faults of this module.
var (
	ErrRegistrationClosed = fault.New(fault.Forbidden, "registration_closed",
		"Registration is closed here. Ask an owner of your organization to invite you.")
	ErrEmailTaken = fault.New(fault.Conflict, "email_taken",
		"This e-mail address is already in use here. Sign in with it, or use another one.")
	ErrBadCredentials = fault.New(fault.Unauthenticated, "invalid_credentials",
		"The e-mail address and the password do not match. Check both, or reset the password.")
	ErrNoEmployer = fault.New(fault.Forbidden, "no_employer",
		"This account belongs to no organization. Ask an admin or owner to invite you.")
	ErrRefreshInvalid = fault.New(fault.Unauthenticated, "refresh_invalid",
		"The refresh token is not valid, or its session has ended. Sign in again.")
	ErrRefreshRaced = fault.New(fault.Conflict, "refresh_raced",
		"This refresh token was used a moment ago. Use the tokens of that answer.")
	ErrRefreshReused = fault.New(fault.Unauthenticated, "refresh_reused",
		"This refresh token was used before, so its session was ended for safety. Sign in again.")
	ErrLinkInvalid = fault.New(fault.NotFound, "link_invalid",
		"This link is unknown, used or expired. Ask for a new one.")
	ErrWrongPassword = fault.New(fault.Invalid, "wrong_password",
		"The current password is not right. Check it and try again, or reset it.")
	ErrBusy = fault.New(fault.Unavailable, "sign_in_busy",
		"Many people are signing in right now. Try again in a moment.").RetryIn(2 * time.Second)
	ErrPersonOnly = fault.New(fault.Forbidden, "person_only",
		"This belongs to a signed-in person; an API key has no account. Sign in to use it.")

	ErrRoleAboveOwn = fault.New(fault.Forbidden, "role_above_own",
		"You cannot give, change or remove a role above your own. Ask someone with that role.")
	ErrLastOwner = fault.New(fault.Conflict, "last_owner",
		"An organization keeps at least one owner. Make someone else an owner first.")
	ErrAlreadyMember = fault.New(fault.Conflict, "already_member",
		"This person already belongs to an organization here. They have to leave it first.")
	ErrAlreadyInvited = fault.New(fault.Conflict, "already_invited",
		"This address has an open invitation. Revoke it before you send a new one.")
	ErrTooManyInvitations = fault.New(fault.Conflict, "too_many_invitations",
		"There are 200 open invitations. Revoke some before you add more.")
	ErrTooManyKeys = fault.New(fault.Conflict, "too_many_api_keys",
		"There are 200 API keys in use. Revoke some before you add more.")

	errNoSuchUser = fault.New(fault.NotFound, "user_not_found", "No member has this e-mail address. Check its spelling.")
	errAmbiguous  = fault.New(fault.Conflict, "employer_ambiguous", "There are several organizations. Name one by its slug.")
)

var constraints = pg.Constraints{
	"users_email_key":                   ErrEmailTaken,
	"memberships_one_employer_per_user": ErrAlreadyMember,
	"memberships_last_owner":            ErrLastOwner,
	"member_invitations_one_live":       ErrAlreadyInvited,

	"employers_name_present":          invalid("body.name", "Give a name of 1 to 200 characters."),
	"employers_privacy_notice_length": invalid("body.privacyNotice", "Use at most 20,000 characters."),
	"employers_reply_to_format":       invalid("body.replyTo", messageEmail),
	"users_email_format":              invalid("body.email", messageEmail),
	"users_name_length":               invalid("body.name", "Use at most 200 characters."),
	"member_invitations_email_format": invalid("body.email", messageEmail),
	"api_keys_name_present":           invalid("body.name", "Give a name of 1 to 100 characters."),
	"api_keys_expire_later":           invalid("body.expiresAt", "Choose a time in the future."),
}

// Constraints is what each constraint of this module's tables means to a user.
func Constraints() pg.Constraints { return constraints }

// Unreachable lists the constraints of this module's tables that no request can break: the program itself makes every value
// they guard. One of them in a log is a mistake of ours, answered as such.
func Unreachable() []string {
	return []string{
		"employers_pkey", "employers_slug_key", "employers_slug_format", "employers_active_limit_not_negative",
		"employers_notice_version_positive",
		"users_pkey",
		"memberships_pkey", "memberships_tenant_key", "memberships_employer_fkey", "memberships_user_fkey", "memberships_role_known",
		"member_invitations_pkey", "member_invitations_employer_fkey", "member_invitations_role_known",
		"member_invitations_token_key", "member_invitations_expire_later", "member_invitations_rotation_not_negative",
		"user_tokens_pkey", "user_tokens_user_fkey", "user_tokens_purpose_known", "user_tokens_token_key", "user_tokens_expire_later",
		"sessions_pkey", "sessions_user_fkey", "sessions_user_agent_length", "sessions_expire_later",
		"sessions_cookie_hash_length", "sessions_cookie_key",
		"refresh_tokens_pkey", "refresh_tokens_session_fkey", "refresh_tokens_token_key", "refresh_tokens_expire_later",
		"api_keys_pkey", "api_keys_employer_fkey", "api_keys_prefix_format", "api_keys_hash_key", "api_keys_role_known", "api_keys_creator_fkey",
		"signing_keys_pkey", "signing_keys_kid_format", "signing_keys_retire_later", "signing_keys_one_current",
	}
}

func invalid(location, message string) *fault.Error {
	return rest.ErrInvalid.WithFields(fault.Field{Location: location, Message: message})
}

// inTx runs a use case and words what the database refused.
func (m *Module) inTx(ctx context.Context, fn func(tx pgx.Tx) error) error {
	return constraints.Translate(m.db.InTx(ctx, fn))
}

// record writes the audit event of a change in its transaction.
func (m *Module) record(ctx context.Context, tx pgx.Tx, now time.Time, e audit.Event) error {
	e.ID, e.At, e.RequestID = m.ids.ID(), now, rest.RequestID(ctx)
	return audit.Write(ctx, tx, e)
}

// person is the signed-in member; an API key is refused.
func person(ctx context.Context) (authn.Principal, error) {
	p := authn.From(ctx)
	switch p.Kind {
	case authn.Member:
		return p, nil
	case authn.APIKey:
		return p, ErrPersonOnly
	}
	return p, authn.ErrUnauthenticated
}

// absent turns "no row" into the given fault.
func absent(err error, f *fault.Error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return f
	}
	return err
}

// The pages that links lead to, under the public URL; the token follows.
const (
	acceptPath = "/app/invitations/"
	resetPath  = "/app/password/reset?token="
	verifyPath = "/app/email/verify?token="
)

func (m *Module) acceptURL(token string) string { return m.publicURL + acceptPath + token }
func (m *Module) resetURL(token string) string  { return m.publicURL + resetPath + token }
func (m *Module) verifyURL(token string) string { return m.publicURL + verifyPath + token }

// Tidy removes what can never be used again: expired tokens and sessions. It gives the number of rows removed.
func (m *Module) Tidy(ctx context.Context) (int64, error) {
	const grace = 24 * time.Hour
	var removed int64
	now := m.clock.Now()
	for _, t := range []struct {
		sql   string
		lives time.Duration
	}{
		{sqlTidyRefreshTokens, sessionIdles}, {sqlTidySessions, sessionLives}, {sqlTidyUserTokens, verifyLives},
	} {
		for batch := int64(tidyBatch); batch == tidyBatch; removed += batch {
			tag, err := m.db.Exec(ctx, t.sql, firstID(now.Add(-t.lives-grace)), now.Add(-grace))
			if err != nil {
				return removed, fmt.Errorf("tidy accounts: %w", err)
			}
			batch = tag.RowsAffected()
		}
	}
	return removed, nil
}

const (
	tidyEvery = time.Hour
	tidyLimit = 5 * time.Minute // of one round; what is left waits for the next
)

// Run tidies at once and then once an hour, until ctx ends.
func (m *Module) Run(ctx context.Context) error {
	return rounds.Run(ctx, m.log, rounds.Plan{Name: "tidying accounts", Every: tidyEvery, Limit: tidyLimit}, func(ctx context.Context) error {
		_, err := m.Tidy(ctx)
		return err
	})
}
