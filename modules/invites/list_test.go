package invites

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestAPastedListIsReadAsPeopleWriteOne(t *testing.T) {
	t.Parallel()
	ada, bob := Person{Email: "ada@example.org", Name: "Ada Lovelace"}, Person{Email: "bob@example.org"}
	for text, want := range map[string][]Person{
		"ada@example.org\nbob@example.org\n":                          {{Email: "ada@example.org"}, bob},
		"\ufeffbob@example.org\r\n\r\n  \r\n":                         {bob},
		"Ada Lovelace <ada@example.org>\r bob@example.org":            {ada, bob},
		`"Lovelace, Ada" <ada@example.org>, <bob@example.org>`:        {{Email: "ada@example.org", Name: "Lovelace, Ada"}, bob},
		"Ada Lovelace <ada@example.org>; bob@example.org;":            {ada, bob},
		"ada@example.org, Ada Lovelace\nbob@example.org":              {ada, bob},
		"Ada Lovelace;ada@example.org;25 %\nbob@example.org":          {{Email: ada.Email, Name: ada.Name, ExtraTimePercent: 25}, bob},
		"Ada\tLovelace\tada@example.org":                              {ada},
		"email,name\nada@example.org,Ada Lovelace\nbob@example.org\n": {ada, bob},
		"First Name;Last Name;E-Mail;Extra time\nAda;Lovelace;ada@example.org;50%\n;;bob@example.org;\n;;;\n": {
			{Email: ada.Email, Name: ada.Name, ExtraTimePercent: 50}, bob},
		"\"Email\",\"Name\",\"Reason\"\n\"ada@example.org\",\"Lovelace, \"\"Ada\"\"\",\"two\nlines\"\n": {
			{Email: ada.Email, Name: `Lovelace, "Ada"`, Reason: "two\nlines"}},
		"mail\textra_time_percent\nbob@example.org\tmuch": {{Email: bob.Email, ExtraTimePercent: unreadable}},
		"email\n":                               nil,
		"":                                      nil,
		"nobody here\nbob@example.org":          {{Email: "nobody here"}, bob},
		"ada@example.org, bob@example.org, who": {{Email: "ada@example.org"}, bob, {Email: "who"}},
		"a\x07@b.org":                           {{Email: "a @b.org"}},
	} {
		if got, err := ReadList(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q is read as\n%+v, %v, want\n%+v", text, got, err, want)
		}
	}
}

func TestAListHasAThousandPeopleAtMost(t *testing.T) {
	t.Parallel()
	for _, header := range []string{"", "email\n"} {
		if people, err := ReadList(header + strings.Repeat("a@b.org\n", MaxAtOnce)); err != nil || len(people) != MaxAtOnce {
			t.Errorf("%d people, %v", len(people), err)
		}
		if _, err := ReadList(header + strings.Repeat("a@b.org\n", MaxAtOnce+1)); !errors.Is(err, ErrTooMany) {
			t.Errorf("one more: %v", err)
		}
	}
}

func TestWhatIsNoAddressComesBackShort(t *testing.T) {
	t.Parallel()
	people, err := ReadList(strings.Repeat("é", 1000))
	if err != nil || len(people) != 1 || len(people[0].Email) > 300 || strings.Trim(people[0].Email, "é") != "" {
		t.Errorf("%+v, %v", people, err)
	}
}

func FuzzReadList(f *testing.F) {
	for _, seed := range []string{"a@b.org", "Ada <a@b.org>, b", "email;name\n\"a\";", "<\";,", "a@b\t\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		people, err := ReadList(text)
		if err == nil && len(people) > MaxAtOnce {
			t.Errorf("%d people", len(people))
		}
		for _, p := range people {
			if _, wrong := judge(p); wrong != nil && len(wrong.Email) > 300 {
				t.Errorf("%d bytes come back", len(wrong.Email))
			}
		}
	})
}
