package words

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func catalogue(t *testing.T) *Words {
	t.Helper()
	w, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestALanguageIsChosenByItsWeight(t *testing.T) {
	t.Parallel()
	w := catalogue(t)
	for header, want := range map[string]string{
		"": "en", "en-GB,en;q=0.9": "en", "de-DE,de;q=0.8": "en", "ar-XB": "ar-XB", "AR-xb": "ar-XB", "ar": "en", "ar-EG, ar;q=0.9": "en",
		"en;q=0.5, ar-XB": "ar-XB", "ar-XB;q=0.5, en": "en", "ar-XB;q=0": "en", "ar-XB;q=x": "en", "ar-XB;q=NaN": "en", "*": "en", ",,;": "en",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept-Language", header)
		if got := w.For(r).Tag; got != want {
			t.Errorf("%q speaks %s, want %s", header, got, want)
		}
	}
}

func TestATextIsSaidWithItsValues(t *testing.T) {
	t.Parallel()
	w := catalogue(t)
	english, pseudo := w.All()[0], w.All()[1]
	for _, c := range []struct{ got, want string }{
		{english.T("unit.minutes", "n", 1), "1 minute"},
		{english.T("unit.minutes", "n", "1.5"), "1.5 minutes"},
		{english.T("unit.minutes", "n", 0), "0 minutes"},
		{string(english.H("done.passed_points", "points", "<b>", "n", 2)), "You passed, with &lt;b&gt; of 2 points"},
		{pseudo.T("unit.minutes", "n", 2), "⟦\u202e\u20682\u2069 minutes\u202c⟧"},
	} {
		if c.got != c.want {
			t.Errorf("said %q, want %q", c.got, c.want)
		}
	}
	if english.Dir != "ltr" || pseudo.Dir != "rtl" || english.Tag != "en" {
		t.Error("a locale runs the wrong way")
	}
	if got := pseudo.Under("unit")["unit.minutes"]; got.One != "⟦\u202e1 minute\u202c⟧" || len(pseudo.Under("unit")) < 5 || len(pseudo.Under("un")) > 0 {
		t.Errorf("a script gets %q", got)
	}
	for name, say := range map[string]func(){
		"an unknown key":  func() { english.T("no.such") },
		"a missing value": func() { english.T("unit.minutes") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is said", name)
				}
			}()
			say()
		}()
	}
}

// Every key that a page or a script says is in the catalogue, and every one in the catalogue is said.
func TestTheCatalogueHoldsWhatIsSaidAndNothingElse(t *testing.T) {
	t.Parallel()
	english := catalogue(t).All()[0]
	known := func(key string) bool {
		_, found := english.texts[key]
		return found
	}
	sources := ""
	for _, pattern := range []string{"../candidate/*.go", "../question.go", "../templates/candidate/*.html", "../templates/parts/*.html", "../src/candidate/*.ts", "../src/candidate.ts", "../src/take/*.ts", "../src/take.ts", "../src/worker.ts"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			sources += string(text)
		}
	}
	for _, m := range regexp.MustCompile(`\b[th] "([a-z_.]+)"|\.[TH]\("([a-z_.]+)"`).FindAllStringSubmatch(sources, -1) {
		if key := m[1] + m[2]; !known(key) && !strings.HasSuffix(key, "_") && !strings.HasSuffix(key, ".") {
			t.Errorf("%s is said and not in the catalogue", key)
		}
	}
	// Keys that are put together: by the type of a question, the release, and a fault's text.
	made := []string{"question.", "landing.release_"}
	for key := range english.texts {
		base := strings.TrimSuffix(key, "_more")
		if strings.Contains(sources, `"`+key+`"`) || strings.Contains(sources, `'`+key+`'`) || strings.Contains(sources, `"`+base+`"`) && strings.HasPrefix(key, "fault.") {
			continue
		}
		// A script asks for the texts under its prefix by the rest of the key.
		if rest, found := strings.CutPrefix(key, "run."); found && (strings.Contains(sources, `'`+rest+`'`) || strings.Contains(sources, `"`+rest+`"`)) {
			continue
		}
		if !slices.ContainsFunc(made, func(p string) bool { return strings.HasPrefix(key, p) }) {
			t.Errorf("nobody says %s", key)
		}
	}
}

func TestTheTextsKeepTheHousesTone(t *testing.T) {
	t.Parallel()
	for key, text := range catalogue(t).All()[0].texts {
		for _, form := range []string{text.One, text.Other} {
			if bad := regexp.MustCompile(`(?i)!|\boops\b|\bplease\b|\bunfortunately\b|  `).FindString(form); bad != "" {
				t.Errorf("%s says %q: %s", key, bad, form)
			}
		}
	}
}
