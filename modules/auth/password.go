package auth

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"credlane/app/kit/ids"
)

const (
	minPassword      = 10
	maxPassword      = 128
	maxPasswordBytes = 4096 // before normalising: decomposed text may shrink
)

// cost is a choice of Argon2id parameters.
type cost struct {
	memory  uint32 // KiB
	time    uint32
	threads uint8
}

// today is the first of the configurations that the OWASP Password Storage Cheat Sheet recommends for Argon2id: 19 MiB, two
// passes, one lane. A hash made with another cost is made anew at the next sign-in.
var today = cost{memory: 19 * 1024, time: 2, threads: 1}

const (
	saltBytes = 16
	hashBytes = 32
	maxMemory = 256 * 1024 // KiB: what a stored hash may ask of us at most
	maxPasses = 16
)

// hasher makes and checks password hashes, a bounded number at once: each takes tens of milliseconds of a core and 19 MiB, so
// that a storm of sign-ins would starve everything else.
type hasher struct {
	ids   *ids.Source
	slots chan struct{}
	queue chan struct{}
	wait  time.Duration
	dummy string // checked for an unknown address, so that it takes as long as a known one
}

const waitersPerSlot = 64

func newHasher(source *ids.Source, parallel int, wait time.Duration) *hasher {
	if parallel <= 0 {
		parallel = max(1, runtime.GOMAXPROCS(0)-1)
	}
	if wait <= 0 {
		wait = 3 * time.Second
	}
	h := &hasher{
		ids: source, wait: wait,
		slots: make(chan struct{}, parallel), queue: make(chan struct{}, parallel*(waitersPerSlot+1)),
	}
	// Nobody has this hash's password: it is no hash of anything.
	h.dummy = encodeHash(today, make([]byte, saltBytes), make([]byte, hashBytes))
	return h
}

// acquire waits for a slot; ErrBusy when the queue is full or the wait is over.
func (h *hasher) acquire(ctx context.Context) (release func(), err error) {
	select {
	case h.queue <- struct{}{}:
	default:
		return nil, ErrBusy
	}
	timer := time.NewTimer(h.wait)
	defer timer.Stop()
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots; <-h.queue }, nil
	case <-timer.C:
		<-h.queue
		return nil, ErrBusy
	case <-ctx.Done():
		<-h.queue
		return nil, ctx.Err()
	}
}

// hash makes the PHC string of a password that the rules have passed.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	salt := h.ids.Bytes(saltBytes)
	release, err := h.acquire(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	return encodeHash(today, salt, derive(password, salt, today, hashBytes)), nil
}

// check compares a password with a stored hash; nil is an account without a password, which costs the same and never
// matches. outdated says that the hash was not made at today's cost.
func (h *hasher) check(ctx context.Context, password string, stored *string) (ok, outdated bool, err error) {
	encoded := h.dummy
	if stored != nil {
		encoded = *stored
	}
	c, salt, want, err := decodeHash(encoded)
	if err != nil {
		return false, false, err
	}
	if len(password) > maxPasswordBytes {
		password = "" // matches nothing, and takes as long
	}
	release, err := h.acquire(ctx)
	if err != nil {
		return false, false, err
	}
	defer release()
	got := derive(password, salt, c, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1 && stored != nil, c != today || len(want) != hashBytes, nil
}

// derive normalises first, so that one password typed on two keyboards is one password.
func derive(password string, salt []byte, c cost, length uint32) []byte {
	return argon2.IDKey(norm.NFKC.Bytes([]byte(password)), salt, c.time, c.memory, c.threads, length)
}

// encodeHash writes the PHC string format.
func encodeHash(c cost, salt, hash []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.memory, c.time, c.threads,
		b64.EncodeToString(salt), b64.EncodeToString(hash))
}

func decodeHash(encoded string) (c cost, salt, hash []byte, err error) {
	bad := func(cause error) (cost, []byte, []byte, error) {
		return cost{}, nil, nil, fmt.Errorf("read a password hash: %w", cause)
	}
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return bad(fmt.Errorf("it is no Argon2id hash"))
	}
	var version int
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return bad(fmt.Errorf("its version is not %d", argon2.Version))
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.memory, &c.time, &c.threads); err != nil {
		return bad(err)
	}
	if c.memory > maxMemory || c.time == 0 || c.time > maxPasses || c.threads == 0 {
		return bad(fmt.Errorf("its cost %s is out of bounds", parts[3]))
	}
	if salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return bad(err)
	}
	if hash, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil || len(hash) < 16 || len(hash) > 64 {
		return bad(fmt.Errorf("its length is out of bounds"))
	}
	return c, salt, hash, nil
}

// password judges a new password; about is what it must not be: the address, the names.
func (r *reasons) password(location, raw string, about ...string) {
	if len(raw) > maxPasswordBytes {
		r.add(location, "Use at most 128 characters.")
		return
	}
	password := norm.NFKC.String(raw)
	switch length := utf8.RuneCountInString(password); {
	case length < minPassword:
		r.add(location, "Use at least 10 characters. A sentence of a few words is easy to keep in mind.")
	case length > maxPassword:
		r.add(location, "Use at most 128 characters.")
	case isAbout(password, about):
		r.add(location, "Do not use your e-mail address or a name as the password.")
	case isCommon(password):
		r.add(location, "This is among the first passwords anyone would try. Use a sentence of a few words.")
	}
}

// isAbout finds passwords that are the address or a name, perhaps with digits or marks around.
func isAbout(password string, about []string) bool {
	core := letters(password)
	if core == "" {
		return false
	}
	for _, a := range about {
		local, _, _ := strings.Cut(a, "@")
		if core == letters(a) || core == letters(local) {
			return true
		}
	}
	return false
}

// isCommon finds the patterns that most guessed passwords have: few different characters, a run along the alphabet or the
// keyboard, and one everyday word with digits around.
func isCommon(password string) bool {
	folded := strings.ToLower(password)
	distinct := map[rune]bool{}
	for _, c := range folded {
		distinct[c] = true
	}
	if len(distinct) < 5 {
		return true
	}
	for _, run := range []string{
		"01234567890123456789", "98765432109876543210", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm",
		"qwertzuiopasdfghjklyxcvbnm", "azertyuiopqsdfghjklmwxcvbn", "1q2w3e4r5t6y7u8i9o0p", "1qaz2wsx3edc4rfv5tgb",
	} {
		if strings.Contains(run, folded) {
			return true
		}
	}
	switch strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "@", "a", "$", "s").Replace(trimMarks(folded)) {
	case "password", "passwort", "passwords", "mypassword", "thepassword", "passwordpassword", "letmein", "letmeinnow", "welcome",
		"iloveyou", "qwerty", "qwertyuiop", "administrator", "admin", "changeme", "changemenow", "secret", "topsecret", "sunshine",
		"football", "baseball", "princess", "superman", "trustnoone", "monkey", "dragon", "credlane":
		return true
	}
	return false
}

// trimMarks cuts digits and marks off the end, and marks off the front.
func trimMarks(s string) string {
	s = strings.TrimRightFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && r != '@' && r != '$' })
	return strings.TrimLeftFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// letters keeps only letters, in lower case.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKC.String(s))
}
