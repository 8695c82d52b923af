package candidate

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"credlane/app/kit/question"
	"credlane/modules/submissions"
)

// cutOf cuts the page of a question of two options, whose prompt is as an author might write it to confuse us.
func cutOf(t *testing.T, prompt string) sheetQuestion {
	t.Helper()
	q := submissions.CandidateQuestion{ID: uuid.New(), Type: question.SingleChoice, Prompt: prompt}
	mark := markFor(q)
	html := `<article id="q` + mark + `n"><input value="flag"><p>` + prompt + `</p>`
	a, b := uuid.New(), uuid.New()
	for _, id := range []uuid.UUID{a, b} {
		html += "\n" + `<label class="opt"><input value="` + id.String() + `"><kbd aria-hidden="true">` + mark + `k</kbd></label>`
	}
	html += `<p>` + mark + `w</p></article>`
	cut, err := cutQuestion(q, []string{a.String(), b.String()}, html, mark)
	if err != nil {
		t.Fatal(err)
	}
	return cut
}

func TestASheetIsPutTogetherInACandidatesOrder(t *testing.T) {
	t.Parallel()
	cut := cutOf(t, "mark-0-n and mark-1-c are what the author wrote")
	second := cut.options[1].value
	answer, err := json.Marshal(second)
	if err != nil {
		t.Fatal(err)
	}
	got := string(cut.append(nil, 7, []int{1, 0}, given{answer: answer, flagged: true, wrong: "a < b"}))
	for _, want := range []string{`id="q7"`, `value="flag" checked`, `value="` + second + `" checked><kbd aria-hidden="true">1</kbd>`, "a &lt; b", "mark-0-n and mark-1-c"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	if strings.Index(got, second) > strings.Index(got, cut.options[0].value) || strings.Count(got, " checked") != 2 {
		t.Errorf("the order or the choice is wrong: %s", got)
	}
}

func TestSheetsAreMadeOnceAndBounded(t *testing.T) {
	t.Parallel()
	s := newSheets()
	made := 0
	get := func(key sheetKey, size int) {
		t.Helper()
		if _, err := s.get(key, func() (*sheet, error) { made++; return &sheet{size: size}, nil }); err != nil {
			t.Fatal(err)
		}
	}
	one := sheetKey{uuid.New(), "en"}
	get(one, 10)
	get(one, 10)
	get(sheetKey{one.version, "ar-XB"}, 10)
	if made != 2 {
		t.Errorf("made %d times", made)
	}
	for range 10 {
		get(sheetKey{uuid.New(), "en"}, maxSheetBytes/4)
	}
	if s.bytes > maxSheetBytes || s.used.Len() > 4 {
		t.Errorf("%d bytes in %d sheets", s.bytes, s.used.Len())
	}
	get(sheetKey{uuid.New(), "en"}, 2*maxSheetBytes) // the one in use is kept, however large
	if s.used.Len() != 1 {
		t.Errorf("%d sheets", s.used.Len())
	}
	if _, err := s.get(one, func() (*sheet, error) { return nil, errors.New("no") }); err == nil || s.find(one) != nil {
		t.Error("a failure is kept")
	}
}

func TestAPrintTellsChangesAlone(t *testing.T) {
	t.Parallel()
	same := [][2]given{
		{{}, {answer: json.RawMessage("null")}},
		{{answer: json.RawMessage(`["a", "b"]`)}, {answer: json.RawMessage(`["a","b"]`)}},
		{{answer: json.RawMessage(`"<"`)}, {answer: json.RawMessage(`"\u003c"`)}},
	}
	for _, pair := range same {
		if print(pair[0]) != print(pair[1]) {
			t.Errorf("%s and %s differ", pair[0].answer, pair[1].answer)
		}
	}
	seen := map[uint32]bool{}
	for _, g := range []given{{}, {flagged: true}, {answer: json.RawMessage(`"a"`)}, {answer: json.RawMessage(`"a"`), flagged: true}, {answer: json.RawMessage(`true`)}} {
		if seen[print(g)] {
			t.Errorf("%s, %v looks like another", g.answer, g.flagged)
		}
		seen[print(g)] = true
	}
	prints := appendPrint(appendPrint(nil, given{}), given{flagged: true})
	if got, ok := decodePrints(encodePrints(prints), 2); !ok || got[0] == got[1] {
		t.Errorf("%v %v", got, ok)
	}
	if _, ok := decodePrints("short", 2); ok {
		t.Error("a form of another paper is believed")
	}
}
