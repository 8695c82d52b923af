package address

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

func TestAnAddressIsOneThatMailCanReachAndNothingAroundIt(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]bool{
		"ada@example.org": true, " Ada.L@Example.org ": true, "a+b@x.io": true, "o'hara@x.io": true, "jörg@bücher.example": true,
		"ada": false, "ada@localhost": false, "a@b@c.de": false, "Ada <ada@example.org>": false, "ada @example.org": false,
		"ada@-x.org": false, "ada@x..org": false, ".ada@x.org": false, `"ada"@x.org`: false, "ada@[127.0.0.1]": false,
		"ada@x.org\nBcc: b@x.org": false, "": false, strings.Repeat("a", 65) + "@x.org": false,
		"m\u0130ke@x.org": false, "ada@gma\u0130l.com": false, "\u212aim@x.org": false, "ada@\u212aim.org": false, "\uff41da@x.org": false,
		"ada@\uff58.org": false, "\ufb01n@x.org": false, "a\u017f@x.org": false, "straße@straße.example": true,
	} {
		if got, ok := Email(raw); ok != want || ok && !strings.EqualFold(got, strings.TrimSpace(raw)) {
			t.Errorf("%q: %q, %v", raw, got, ok)
		}
	}
}

func TestADomainHasOneFormAndALocalPartKeepsItsOwn(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"Ada@Example.ORG": "Ada@example.org", "Ada@xn--bcher-kva.example": "Ada@bücher.example", "Ada@XN--BCHER-KVA.example": "Ada@bücher.example",
		"Ada@BÜCHER.example": "Ada@bücher.example", "Ada@bu\u0308cher.example": "Ada@bücher.example",
	} {
		got, ok := Email(raw)
		again, still := Email(got)
		if !ok || got != want || !still || again != got {
			t.Errorf("%q: %q, %v; that again: %q, %v", raw, got, ok, again, still)
		}
	}
	for _, raw := range []string{"a@xn--a.example", "a@xn--zzzzzzz99999.example", "a@" + strings.Repeat("ü", 31) + "b" + strings.Repeat("ö", 31) + ".example"} {
		if got, ok := Email(raw); ok {
			t.Errorf("%q is %q", raw, got)
		}
	}
}

// Addresses are compared in lower case, here and by the database: that may never make one mailbox of two.
func TestLowerCaseLeavesEveryAddressTheMailboxThatItIs(t *testing.T) {
	t.Parallel()
	taken := 0
	for r := rune(utf8.RuneSelf); r <= unicode.MaxRune; r++ {
		for _, raw := range []string{"a" + string(r) + "b@x.example", "ab@x" + string(r) + "y.example"} {
			kept, ok := Email(raw)
			if !ok {
				continue
			}
			taken++
			plain := func(s string) string {
				return strings.Map(func(r rune) rune {
					if r < utf8.RuneSelf {
						return r
					}
					return -1
				}, s)
			}
			for _, same := range []string{strings.ToLower(kept), strings.ToUpper(kept), norm.NFKC.String(kept)} {
				if local, _, _ := strings.Cut(raw, "@"); utf8.RuneCountInString(local) == 3 && !strings.EqualFold(plain(same), plain(kept)) {
					t.Errorf("%U in %q: the same as %q", r, kept, same)
				}
			}
			lower := strings.ToLower(kept)
			_, domain, _ := strings.Cut(kept, "@")
			if again, ok := Email(lower); !ok || !strings.HasSuffix(again, "@"+domain) {
				t.Errorf("%U: %q in lower case is %q, %v", r, kept, again, ok)
			}
		}
	}
	if taken < 100_000 {
		t.Errorf("only %d addresses were taken", taken)
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
