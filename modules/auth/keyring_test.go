package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/ids"
	"credlane/app/kit/pg"
)

func keys(t *testing.T, w *world) []authn.SigningKey {
	t.Helper()
	list, err := w.keyring.SigningKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestInstancesThatStartTogetherMakeOneKey(t *testing.T) {
	t.Parallel()
	a := newWorld(t)
	b := a.twin()
	var mu sync.Mutex
	kids := map[string]int{}
	race(t, 12, func(i int) error {
		list, err := []*world{a, b}[i%2].keyring.SigningKeys(t.Context())
		mu.Lock()
		defer mu.Unlock()
		for _, k := range list {
			kids[k.KID+string(k.Secret)]++
		}
		return err
	})
	if len(kids) != 1 || a.count(`SELECT count(*) FROM signing_keys`) != 1 {
		t.Errorf("keys: %v", kids)
	}
}

func TestAKeyIsReplacedAfterThirtyDaysAndSignsNobodyOut(t *testing.T) {
	t.Parallel()
	a := newWorld(t)
	b := a.twin()
	first := keys(t, a)[0]
	candidate := authn.Principal{SubmissionID: uuid.New(), VersionID: uuid.New(), AssessmentID: uuid.New(), SessionNumber: 1}
	w := a.owner("first") // signs with the first key
	old, err := a.tokens.(*authn.Tokens).Candidate(t.Context(), candidate, a.clock.Now().Add(180*24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	a.clock.Advance(keySignsFor - time.Second)
	if n := len(keys(t, a)); n != 1 {
		t.Fatalf("%d keys after 30 days less a second", n)
	}
	a.clock.Advance(time.Second)
	race(t, 8, func(i int) error {
		_, err := []*world{a, b}[i%2].keyring.SigningKeys(t.Context())
		return err
	})
	list := keys(t, b)
	if len(list) != 2 || list[1].KID != first.KID || list[1].RetiredAt == nil || !list[1].RetiredAt.Equal(list[0].ActiveFrom) {
		t.Fatalf("keys: %+v", list)
	}
	if lead := list[0].ActiveFrom.Sub(a.clock.Now()); lead != keyLeadTime {
		t.Errorf("the new key signs in %s", lead)
	}
	// Until the new key signs the old one does, and at no moment none.
	for range 4 {
		signIn, err := b.Login(t.Context(), "first@owner.example", goodPassword)
		if err != nil {
			t.Fatal(err)
		}
		b.do("GET", "/auth/me", signIn.AccessToken, "").want(t, 200, "")
		a.do("GET", "/auth/me", signIn.AccessToken, "").want(t, 200, "")
		a.clock.Advance(keyLeadTime / 2)
	}
	_ = w
	a.clock.Advance(149 * 24 * time.Hour)
	guard := authn.NewGuard(b.tokens.(*authn.Tokens), b)
	if got, err := guard.Candidate(t.Context(), "Bearer "+old); err != nil || got.SubmissionID != candidate.SubmissionID {
		t.Errorf("a candidate's token of 179 days: %+v, %v", got, err)
	}
}

func TestTheOperatorRotatesKeysAndOldOnesAreForgottenInTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.owner("first")
	for range 3 {
		if err := w.RotateKeys(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(keys(t, w)); n != 4 {
		t.Errorf("%d keys", n)
	}
	w.clock.Advance(5 * time.Minute)
	w.do("GET", "/auth/me", in.AccessToken, "").want(t, 200, "")
	w.clock.Advance(keyVerifiesFor)
	if n := len(keys(t, w)); n != 2 {
		t.Errorf("%d keys, want the retiring one and its successor", n)
	}
	if n := w.count(`SELECT count(*) FROM signing_keys`); n != 2 {
		t.Errorf("%d rows", n)
	}
	for len(keys(t, w)) < maxLiveKeys {
		if err := w.RotateKeys(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, w.RotateKeys(t.Context()), ErrTooManySigningKeys)
}

// Rows that were sealed by an older program must open for ever: the key is derived here as that program did.
func TestKeysSealedBeforeStillOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	derived, err := hkdf.Key(sha256.New, []byte(strings.Repeat("k", 32)), nil, "credlane signing keys v1", 32)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	sealed := aead.Seal(nil, nil, []byte(strings.Repeat("s", 32)), []byte("an-older-kid"))
	now := w.clock.Now()
	if _, err := w.db.Exec(t.Context(), sqlInsertSigningKey, "an-older-kid", sealed, now, now); err != nil {
		t.Fatal(err)
	}
	if list := keys(t, w); len(list) != 1 || string(list[0].Secret) != strings.Repeat("s", 32) {
		t.Errorf("got %d keys", len(list))
	}
}

func TestAnotherSecretKeyOpensNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	secret := keys(t, w)[0].Secret
	if n := w.count(`SELECT count(*) FROM signing_keys WHERE position($1::bytea IN sealed) > 0`, secret); n != 0 {
		t.Error("the key is not sealed")
	}
	db, err := pg.Open(t.Context(), pg.Options{URL: w.url, MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	other, err := NewKeyring(db, w.clock, ids.New(w.clock), slog.New(slog.DiscardHandler), secretKey(t, "x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.SigningKeys(t.Context()); err == nil || !contains(err.Error(), "the secret key is not the one") {
		t.Errorf("got %v", err)
	}
	if _, err := w.db.Exec(t.Context(), `UPDATE signing_keys SET kid = 'another-kid'`); err != nil {
		t.Fatal(err)
	}
	if _, err := w.keyring.SigningKeys(t.Context()); err == nil {
		t.Error("a sealed key was moved under another id")
	}
}
