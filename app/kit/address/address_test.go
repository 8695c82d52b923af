package address

import (
	"strings"
	"testing"
)

func TestAnAddressIsOneThatMailCanReachAndNothingAroundIt(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]bool{
		"ada@example.org": true, " Ada.L@Example.org ": true, "a+b@x.io": true, "o'hara@x.io": true, "jörg@bücher.example": true,
		"ada": false, "ada@localhost": false, "a@b@c.de": false, "Ada <ada@example.org>": false, "ada @example.org": false,
		"ada@-x.org": false, "ada@x..org": false, ".ada@x.org": false, `"ada"@x.org`: false, "ada@[127.0.0.1]": false,
		"ada@x.org\nBcc: b@x.org": false, "": false, strings.Repeat("a", 65) + "@x.org": false,
	} {
		if got, ok := Email(raw); ok != want || ok && got != strings.TrimSpace(raw) {
			t.Errorf("%q: %q, %v", raw, got, ok)
		}
	}
}

func TestANameIsOnOneLineAndShowsSomethingOrIsEmpty(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]bool{
		"": true, " Ada ": true, "Åsa Öst": true, strings.Repeat("é", MaxName): true,
		"a\nb": false, "\u202eadA": false, "\u200b": false, strings.Repeat("a", MaxName+1): false, "a\x00": false,
	} {
		if _, ok := Name(raw); ok != want {
			t.Errorf("%q: %v", raw, ok)
		}
	}
}

func TestAddressesArePlainOrRefused(t *testing.T) {
	t.Parallel()
	good := []string{
		"a@b.co", "Ada.Byron+jobs@example.com", "o'brien@example.ie", "zoë@exämple.de", "用户@例子.公司", "x_y-z@sub.example.com",
		"1@2.example", strings.Repeat("a", 64) + "@example.com", "दर्शन@उदाहरण.भारत",
	}
	bad := []string{
		"", "@", "a@", "@b.co", "a@b", "a@b@c.co", "Ada <a@b.co>", "a@b.co, c@d.co", "a b@c.co", "a@b..co", "a@.co", "a@b.co.",
		".a@b.co", "a.@b.co", "a..b@c.co", `"a b"@c.co`, "a@[127.0.0.1]", "a@-b.co", "a@b-.co", "a@b_c.co", "a(x)@b.co", "a@b.co\n",
		"a\u200b@b.co", "a\u202e@b.co", "a\x00@b.co", "a\xff@b.co", strings.Repeat("a", 65) + "@b.co", "mailto:a@b.co",
		"a@" + strings.Repeat("b", 64) + ".co", "a@" + strings.Repeat("b.", 130) + "co", "<a@b.co>", "a@b.co;", "a\\@b.co",
	}
	for _, s := range good {
		if !valid(s) {
			t.Errorf("%q is refused", s)
		}
	}
	for _, s := range bad {
		if valid(s) {
			t.Errorf("%q is taken", s)
		}
	}
}
