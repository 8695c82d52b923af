package seal_test

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"regexp"
	"testing"

	"github.com/google/uuid"

	"credlane/app/kit/seal"
)

var (
	one = uuid.MustParse("0190b6f0-0000-7000-8000-000000000001")
	two = uuid.MustParse("0190b6f0-0000-7000-8000-000000000002")
)

func key(t *testing.T, b byte) *seal.Key {
	t.Helper()
	k, err := seal.New(bytes.Repeat([]byte{b}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestAShortSecretKeyIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := seal.New(make([]byte, 31)); err == nil {
		t.Error("31 bytes were taken")
	}
}

func TestATokenIsTheSameForTheSameAndAnotherForAnother(t *testing.T) {
	t.Parallel()
	k := key(t, 1)
	first := k.Token("invite", one, 1)
	if k.Token("invite", one, 1) != first || key(t, 1).Token("invite", one, 1) != first {
		t.Error("one token, told twice, is two")
	}
	if !regexp.MustCompile(`^[a-z0-9]{26}$`).MatchString(first) {
		t.Errorf("the token is %q", first)
	}
	seen := map[string]string{first: "the first"}
	for what, token := range map[string]string{
		"another purpose": k.Token("reset", one, 1), "another id": k.Token("invite", two, 1),
		"another number": k.Token("invite", one, 2), "another key": key(t, 2).Token("invite", one, 1),
	} {
		if other, taken := seen[token]; taken {
			t.Errorf("%s has the token of %s", what, other)
		}
		seen[token] = what
	}
}

// Every one of the 26 places takes every one of the 32 characters: none of the bits is lost on the way.
func TestATokenUsesAllOfItsBits(t *testing.T) {
	t.Parallel()
	k := key(t, 1)
	var seen [26]map[byte]bool
	for n := range 1000 {
		token := k.Token("invite", one, n)
		for i := range seen {
			if seen[i] == nil {
				seen[i] = map[byte]bool{}
			}
			seen[i][token[i]] = true
		}
	}
	for i, s := range seen {
		if len(s) != 32 {
			t.Errorf("place %d took %d characters", i, len(s))
		}
	}
}

func TestACodeHasSixDigits(t *testing.T) {
	t.Parallel()
	k := key(t, 1)
	code := k.Digits("email code", one)
	if !regexp.MustCompile(`^[0-9]{6}$`).MatchString(code) || k.Digits("email code", one) != code || k.Digits("email code", two) == code {
		t.Errorf("the code is %q, and %q of another", code, k.Digits("email code", two))
	}
}

func TestWhatIsSealedOpensForItsPurposeAndPlaceAlone(t *testing.T) {
	t.Parallel()
	k := key(t, 1)
	s, err := k.Sealer("webhook secrets v1")
	if err != nil {
		t.Fatal(err)
	}
	sealed := s.Seal(nil, nil, []byte("secret"), one[:])
	if bytes.Contains(sealed, []byte("secret")) {
		t.Error("it can be read")
	}
	if plain, err := s.Open(nil, nil, sealed, one[:]); err != nil || string(plain) != "secret" {
		t.Errorf("%q, %v", plain, err)
	}
	if _, err := s.Open(nil, nil, sealed, two[:]); err == nil {
		t.Error("it opens in another place")
	}
	other, err := k.Sealer("signing keys v1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Open(nil, nil, sealed, one[:]); err == nil {
		t.Error("it opens for another purpose")
	}
}

func TestAMACIsHMACUnderTheKeyOfItsPurpose(t *testing.T) {
	t.Parallel()
	derived, err := hkdf.Key(sha256.New, bytes.Repeat([]byte{1}, 32), nil, "credlane mac codes", 32)
	if err != nil {
		t.Fatal(err)
	}
	h := hmac.New(sha256.New, derived)
	h.Write([]byte("123456"))
	if got := key(t, 1).MAC("codes", []byte("123456")); !bytes.Equal(got, h.Sum(nil)) {
		t.Errorf("%x, want %x", got, h.Sum(nil))
	}
}
