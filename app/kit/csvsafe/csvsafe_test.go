package csvsafe_test

import (
	"testing"

	"credlane/app/kit/csvsafe"
)

func TestOnlyWhatCouldBeAFormulaIsQuoted(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                    "",
		"plain":               "plain",
		"-1.5":                "-1.5",
		"+49":                 "+49",
		"=1+1":                "'=1+1",
		"+49 170 HYPERLINK()": "'+49 170 HYPERLINK()",
		"-2+3":                "'-2+3",
		"@SUM(A1)":            "'@SUM(A1)",
		"  =1":                "'  =1",
		"\u00a0=1":            "'\u00a0=1",
		"\u200b=1":            "'\u200b=1",
		"\t=1":                "'\t=1",
		"\rx":                 "'\rx",
		"\nx":                 "'\nx",
		"＝1+1":                "'＝1+1",
		"＠x":                  "'＠x",
		"\ufeff=1":            "'\ufeff=1",
		"\x00=1":              "'\x00=1",
		"\u3164=1":            "'\u3164=1",
		"\u115f@x":            "'\u115f@x",
		"\u3000＝1":            "'\u3000＝1",
		"﹦1":                  "'﹦1",
		"﹢x":                  "'﹢x",
		"﹣x":                  "'﹣x",
		"﹫x":                  "'﹫x",
		"−1":                  "'−1",
		"1,5":                 "1,5",
		"1.":                  "1.",
		"-1.":                 "'-1.",
		"+-1":                 "'+-1",
		"-1.2.3":              "'-1.2.3",
		"-":                   "'-",
		"a=1":                 "a=1",
		"   ":                 "   ",
	} {
		if got := csvsafe.Cell(text); got != want {
			t.Errorf("Cell(%q) = %q, want %q", text, got, want)
		}
	}
}
