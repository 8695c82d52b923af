package auth

import (
	"strings"
	"testing"
	"time"

	"credlane/app/kit/clock"
	"credlane/app/kit/ids"
)

func TestNamesAreOnOneLineAndLookLikeThemselves(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"Ada", "  Łukasz Ż.  ", "محمد", "名前", "O’Brien 👩🏽‍💻", strings.Repeat("ж", 200)} {
		var bad reasons
		bad.name("n", s, maxName)
		if bad != nil {
			t.Errorf("%q: %v", s, bad)
		}
	}
	for _, s := range []string{"", " \t ", "a\nb", "a\x00b", "a\u202eb", "a\u2066b", "a\u200fb", "a\x1b[31m", "a\u2028b", "\xff\xfe", strings.Repeat("ж", 201)} {
		var bad reasons
		bad.name("n", s, maxName)
		if len(bad) != 1 {
			t.Errorf("%q is taken", s)
		}
	}
	var bad reasons
	if got := bad.name("n", " e\u0301 ", maxName); got != "é" {
		t.Errorf("got %q", got)
	}
}

func TestPasswordsAreLongAndNotTheFirstOnesToTry(t *testing.T) {
	t.Parallel()
	about := []string{"ada.byron@example.com", "Ada Byron", "Analytical Engines"}
	for _, s := range []string{"a loom weaves flowers", "пароль из слов", "短い文章を覚えるのは簡単", "correct horse", strings.Repeat("ab cd", 25), "adabyron likes looms"} {
		var bad reasons
		bad.password("p", s, about...)
		if bad != nil {
			t.Errorf("%q: %v", s, bad)
		}
	}
	for _, s := range []string{
		"", "ninechars", strings.Repeat("ab cd ", 22), strings.Repeat("x", 5000), "aaaaaaaaaaaa", "abababababab", "1234567890", "0987654321",
		"qwertyuiop", "abcdefghijkl", "Password123", "P@ssw0rd2024!", "passwort1234", "Welcome2026", "iloveyou!!!!", "letmein12345", "CredLane2026",
		"ada.byron@example.com", "AdaByron2026", "Ada Byron 1815", "analyticalengines", "ADA.BYRON.1!",
	} {
		var bad reasons
		bad.password("p", s, about...)
		if len(bad) != 1 {
			t.Errorf("%q is taken", s)
		}
	}
}

func TestOnePasswordTypedOnTwoKeyboardsIsOnePassword(t *testing.T) {
	t.Parallel()
	h := newHasher(ids.New(clock.System{}), 1, time.Minute)
	hash, err := h.hash(t.Context(), "cafe\u0301 ﬁfty latt\u00e9")
	if err != nil {
		t.Fatal(err)
	}
	for password, want := range map[string]bool{"caf\u00e9 fifty latte\u0301": true, "cafe fifty latte": false, strings.Repeat("x", 5000): false} {
		ok, outdated, err := h.check(t.Context(), password, &hash)
		if err != nil || ok != want || outdated {
			t.Errorf("%q: %v %v %v", password, ok, outdated, err)
		}
	}
	if ok, _, err := h.check(t.Context(), "", nil); ok || err != nil {
		t.Errorf("no password matches nothing: %v %v", ok, err)
	}
}

func TestAStoredHashCannotAskForTheMoon(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", "$2a$10$abcdefghijklmnopqrstuv", "$argon2i$v=19$m=19456,t=2,p=1$AAAA$AAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=18$m=19456,t=2,p=1$AAAA$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=99999999,t=2,p=1$AAAA$AAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=19$m=19456,t=0,p=1$AAAA$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=19456,t=2,p=0$AAAA$AAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=19$m=19456,t=2,p=1$AAAA$AA", "$argon2id$v=19$m=19456,t=2,p=1$!$AAAAAAAAAAAAAAAAAAAAAA",
	} {
		if _, _, _, err := decodeHash(s); err == nil {
			t.Errorf("%q is read", s)
		}
	}
}

func TestHashesWaitInAQueueThatIsBounded(t *testing.T) {
	t.Parallel()
	h := newHasher(ids.New(clock.System{}), 1, time.Hour)
	release, err := h.acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range cap(h.queue) - 1 {
		h.queue <- struct{}{} // others who wait
	}
	_, err = h.acquire(t.Context())
	wantCode(t, err, ErrBusy)
	<-h.queue
	release()
	if release, err = h.acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	release()
}
