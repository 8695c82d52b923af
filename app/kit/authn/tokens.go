package authn

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"credlane/app/kit/clock"
)

// Audiences keep the two sorts of token apart: one is never good in the other's place.
const (
	audienceAPI       = "credlane:api"
	audienceCandidate = "credlane:candidate"
)

const (
	keyFreshness = 30 * time.Second // how soon every instance signs with a new key
	reloadPause  = time.Second      // strangers who invent key ids cause at most one read in this time
	maxKeys      = 64               // more than a rotation a day for two months
	minSecret    = 32               // bytes, RFC 7518 3.2
	clockSkew    = 10 * time.Second // how far another instance's clock may run behind ours
)

// SigningKey is one HS256 key, unsealed.
type SigningKey struct {
	KID        string
	Secret     []byte // 32 bytes at least
	ActiveFrom time.Time
	RetiredAt  *time.Time // it signs nothing from then on; its tokens live until they expire
}

// Keyring reads the signing keys, newest first; retired ones too, as long as a token of theirs may live.
type Keyring interface {
	SigningKeys(ctx context.Context) ([]SigningKey, error)
}

// Tokens signs and checks the tokens of members and candidates. It is safe for concurrent use.
type Tokens struct {
	keyring Keyring
	clock   clock.Clock
	issuer  string
	api     *jwt.Parser
	attempt *jwt.Parser

	keys     atomic.Pointer[keySet]
	load     sync.Mutex // one reader of the table at a time
	verified *verifiedTokens
}

// keySet is never changed after it is stored.
type keySet struct {
	byID    map[string][]byte
	current string // "" when no key is active
	read    time.Time
}

// NewTokens makes tokens of the given issuer; the keys are read when first needed.
func NewTokens(keyring Keyring, c clock.Clock, issuer string) *Tokens {
	t := &Tokens{keyring: keyring, clock: c, issuer: issuer, verified: newVerifiedTokens(maxVerified)}
	t.api = t.parser(audienceAPI)
	t.attempt = t.parser(audienceCandidate)
	return t
}

// parser is strict on purpose: the library by itself accepts a token without exp and one issued in the future.
func (t *Tokens) parser(audience string) *jwt.Parser {
	return jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithIssuer(t.issuer),
		jwt.WithAudience(audience),
		jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(t.clock.Now),
	)
}

// Access signs a member's access token, which carries the session's id and nothing else.
func (t *Tokens) Access(ctx context.Context, sessionID uuid.UUID, ttl time.Duration) (string, error) {
	now := t.clock.Now()
	return t.sign(ctx, jwt.RegisteredClaims{
		Issuer: t.issuer, Subject: sessionID.String(), Audience: jwt.ClaimStrings{audienceAPI},
		IssuedAt: jwt.NewNumericDate(now.Add(-clockSkew)), ExpiresAt: jwt.NewNumericDate(now.Add(ttl)),
	})
}

// candidateClaims say which attempt a token is for, so that a save needs one statement.
type candidateClaims struct {
	jwt.RegisteredClaims
	Version    string `json:"ver"`
	Assessment string `json:"asm"`
	Session    int    `json:"sn"`
}

// Candidate signs a submission token for p's attempt and session number.
func (t *Tokens) Candidate(ctx context.Context, p Principal, expires time.Time) (string, error) {
	return t.sign(ctx, candidateClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: t.issuer, Subject: p.SubmissionID.String(), Audience: jwt.ClaimStrings{audienceCandidate},
			IssuedAt: jwt.NewNumericDate(t.clock.Now().Add(-clockSkew)), ExpiresAt: jwt.NewNumericDate(expires),
		},
		Version: p.VersionID.String(), Assessment: p.AssessmentID.String(), Session: p.SessionNumber,
	})
}

// Forget drops the cached keys, so that the next use reads the table: for whoever has just made or retired a key.
func (t *Tokens) Forget() { t.keys.Store(nil) }

func (t *Tokens) sign(ctx context.Context, claims jwt.Claims) (string, error) {
	set, err := t.fresh(ctx, keyFreshness)
	if err != nil {
		return "", err
	}
	if set.current == "" {
		return "", errors.New("no signing key is active")
	}
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
	token.Header["kid"] = set.current
	signed, err := token.SignedString(set.byID[set.current])
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return signed, nil
}

// session gives the session's id in a member's access token.
func (t *Tokens) session(ctx context.Context, token string) (uuid.UUID, error) {
	p, err := t.verify(ctx, Member, token)
	return p.SessionID, err
}

// candidate gives the attempt in a submission token.
func (t *Tokens) candidate(ctx context.Context, token string) (Principal, error) {
	return t.verify(ctx, Candidate, token)
}

// verify gives what a token of this kind says, a member's or a candidate's. A token that was verified before is taken while
// it lives and its key is known; everything else is judged in full, which also finds the reason of a refusal.
func (t *Tokens) verify(ctx context.Context, kind Kind, token string) (Principal, error) {
	hash := sha256.Sum256([]byte(token))
	if v := t.verified.find(hash); v != nil && v.principal.Kind == kind {
		secret, err := t.secret(ctx, v.kid)
		if err == nil && v.signedBy(secret) && v.lives(t.clock.Now()) {
			return v.principal, nil
		}
		t.verified.drop(hash)
	}
	v, err := t.judge(ctx, kind, token)
	if err != nil {
		return Principal{}, err
	}
	t.verified.keep(hash, v)
	return v.principal, nil
}

func (t *Tokens) judge(ctx context.Context, kind Kind, token string) (*verifiedToken, error) {
	v := &verifiedToken{}
	if kind == Member {
		var claims jwt.RegisteredClaims
		if err := t.parse(ctx, t.api, token, &claims, v); err != nil {
			return nil, err
		}
		id, err := uuid.Parse(claims.Subject)
		if err != nil {
			return nil, ErrUnauthenticated.Because(err)
		}
		v.principal = Principal{Kind: Member, SessionID: id}
		return v, nil
	}
	var claims candidateClaims
	if err := t.parse(ctx, t.attempt, token, &claims, v); err != nil {
		return nil, err
	}
	submission, err1 := uuid.Parse(claims.Subject)
	version, err2 := uuid.Parse(claims.Version)
	assessment, err3 := uuid.Parse(claims.Assessment)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, ErrUnauthenticated.Because(err)
	}
	v.principal = Principal{
		Kind: Candidate, SubmissionID: submission, VersionID: version, AssessmentID: assessment, SessionNumber: claims.Session,
	}
	return v, nil
}

// parse fills claims and what v has to know of the key and the time.
func (t *Tokens) parse(ctx context.Context, parser *jwt.Parser, token string, claims jwt.Claims, v *verifiedToken) error {
	var outage error // a table that cannot be read is our failure, not a bad token
	_, err := parser.ParseWithClaims(token, claims, func(unverified *jwt.Token) (any, error) {
		kid, _ := unverified.Header["kid"].(string)
		secret, err := t.secret(ctx, kid)
		if err != nil {
			outage = err
		}
		v.kid, v.secret = kid, secret
		return secret, err
	})
	if err == nil {
		v.from, v.expires, err = during(claims)
	}
	switch {
	case outage != nil && !errors.Is(outage, errUnknownKey):
		return outage
	case err != nil:
		return ErrUnauthenticated.Because(err)
	}
	return nil
}

var errUnknownKey = errors.New("unknown signing key")

// secret finds a key by its id. An unknown id may be a key made by another instance a moment ago, so the table is read again,
// but at most once in reloadPause whatever strangers send.
func (t *Tokens) secret(ctx context.Context, kid string) ([]byte, error) {
	if kid == "" {
		return nil, errUnknownKey
	}
	set, err := t.fresh(ctx, keyFreshness)
	if err != nil {
		return nil, err
	}
	if secret, ok := set.byID[kid]; ok {
		return secret, nil
	}
	if set, err = t.fresh(ctx, reloadPause); err != nil {
		return nil, err
	}
	if secret, ok := set.byID[kid]; ok {
		return secret, nil
	}
	return nil, fmt.Errorf("%w %s", errUnknownKey, strconv.Quote(kid))
}

// fresh gives the keys as they were at most age ago.
func (t *Tokens) fresh(ctx context.Context, age time.Duration) (*keySet, error) {
	now := t.clock.Now()
	if set := t.keys.Load(); set != nil && now.Sub(set.read) < age {
		return set, nil
	}
	t.load.Lock()
	defer t.load.Unlock()
	if set := t.keys.Load(); set != nil && now.Sub(set.read) < age {
		return set, nil
	}
	rows, err := t.keyring.SigningKeys(ctx)
	if err != nil {
		if set := t.keys.Load(); set != nil && age == keyFreshness {
			return set, nil // a short outage of the table must not sign anyone out
		}
		return nil, fmt.Errorf("read the signing keys: %w", err)
	}
	set := &keySet{byID: make(map[string][]byte, len(rows)), read: now}
	now = t.clock.Now() // the keyring may have made the first key since: it signs at once
	var newest, soonest time.Time
	next := "" // of the keys that are not active yet, the one that will be first
	for _, k := range rows[:min(len(rows), maxKeys)] {
		if len(k.Secret) < minSecret {
			return nil, fmt.Errorf("signing key %s is shorter than %d bytes", k.KID, minSecret)
		}
		set.byID[k.KID] = k.Secret
		active := !k.ActiveFrom.After(now) && (k.RetiredAt == nil || k.RetiredAt.After(now))
		if active && (set.current == "" || k.ActiveFrom.After(newest)) {
			set.current, newest = k.KID, k.ActiveFrom
		}
		if k.RetiredAt == nil && (next == "" || k.ActiveFrom.Before(soonest)) {
			next, soonest = k.KID, k.ActiveFrom
		}
	}
	if set.current == "" {
		// Our clock is behind that of the instance which made the first key: it signs already.
		set.current = next
	}
	t.keys.Store(set)
	return set, nil
}
