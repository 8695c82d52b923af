package authn

import (
	"bytes"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const maxVerified = 4096 // some 300 bytes each; more callers at once only means that some tokens are checked in full again

// verifiedTokens remembers tokens whose signature and claims were found right, by the SHA-256 of their whole text, so that a
// caller who comes again costs a hash instead of two decodings and an HMAC. A token that is refused never enters. What may
// change after the check, the time and the keys, is not remembered: Tokens asks for it at each use.
type verifiedTokens struct {
	max    int
	mu     sync.RWMutex
	byHash map[[sha256.Size]byte]*verifiedToken
}

// verifiedToken is never changed after it is kept.
type verifiedToken struct {
	principal Principal // of a member only Kind and SessionID: the rest is looked up at each request
	kid       string
	secret    []byte    // the key it was verified with; a key id given to another key is not the same key
	from      time.Time // the later of iat and nbf, for a clock that is set back
	expires   time.Time
}

func newVerifiedTokens(max int) *verifiedTokens {
	return &verifiedTokens{max: max, byHash: map[[sha256.Size]byte]*verifiedToken{}}
}

func (v *verifiedTokens) find(hash [sha256.Size]byte) *verifiedToken {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.byHash[hash]
}

// keep makes room at random: Go ranges over a map from a random place, and an order of use would be written at each read.
func (v *verifiedTokens) keep(hash [sha256.Size]byte, token *verifiedToken) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, known := v.byHash[hash]; !known && len(v.byHash) >= v.max {
		for other := range v.byHash {
			delete(v.byHash, other)
			break
		}
	}
	v.byHash[hash] = token
}

func (v *verifiedTokens) drop(hash [sha256.Size]byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.byHash, hash)
}

// lives tells whether the library would still take the token at now, by its own comparisons.
func (v *verifiedToken) lives(now time.Time) bool {
	return now.Before(v.expires) && !now.Before(v.from)
}

// signedBy tells whether the key that the token names is still the one that verified it.
func (v *verifiedToken) signedBy(secret []byte) bool { return bytes.Equal(v.secret, secret) }

// during reads when claims that the library has passed are good.
func during(claims jwt.Claims) (from, expires time.Time, err error) {
	until, err := claims.GetExpirationTime()
	if err != nil || until == nil { // the parser demands one
		return from, expires, jwt.ErrTokenRequiredClaimMissing
	}
	for _, get := range []func() (*jwt.NumericDate, error){claims.GetIssuedAt, claims.GetNotBefore} {
		at, err := get()
		if err != nil {
			return from, expires, err
		}
		if at != nil && at.After(from) {
			from = at.Time
		}
	}
	return from, until.Time, nil
}
