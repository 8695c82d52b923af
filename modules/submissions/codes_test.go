package submissions

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/fault"
)

// ask requests a code for the address and gives it, as its mail would say it, with the id of its row.
func (w *provenWorld) ask(m *Module, email string) (code string, id uuid.UUID) {
	w.t.Helper()
	if err := m.RequestCode(w.t.Context(), w.slug(), email); err != nil {
		w.t.Fatalf("ask for a code: %v", err)
	}
	id = one[uuid.UUID](w.world, `SELECT id FROM email_codes ORDER BY id DESC LIMIT 1`)
	return w.key.Digits(codePurpose, id), id
}

// by is a start by the public link with a code.
func (w *provenWorld) by(email, code string) Start {
	return Start{Slug: w.slug(), Name: "Ada", Email: email, Consent: true, Code: code}
}

// not is a code that is not the given one.
func not(code string) string { return code[:5] + string('0'+(code[5]-'0'+1)%10) }

func TestACodeProvesTheAddressOnce(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	w.opening.RequireEmailCode = true
	w.exec(`UPDATE assessments SET require_email_code = true`)
	m := w.instance()
	code, id := w.ask(m, "Ada@example.org")
	if owed, err := m.codeIsOwed(t.Context(), w.db.Pool, id, 0); !owed || err != nil {
		t.Errorf("the mail is owed: %v, %v", owed, err)
	}
	if n := one[int](w.world, `SELECT count(*) FROM mailbox WHERE template = 'email_code' AND to_address = 'Ada@example.org' AND ref = $1
		AND data = '{"assessment": "Backend \"basics\""}'`, id); n != 1 {
		t.Errorf("%d such mails", n)
	}
	for _, c := range []struct {
		code string
		want error
	}{{"", ErrEmailCode}, {not(code), ErrCodeWrong}, {"12345", ErrCodeWrong}} {
		if _, _, err := m.Start(t.Context(), w.by("ada@example.org", c.code)); !errors.Is(err, c.want) {
			t.Errorf("a start with %q: %v, want %v", c.code, err, c.want)
		}
	}
	if err := m.VerifyCode(t.Context(), w.slug(), "ada@example.org", code[:3]+" "+code[3:]); err != nil {
		t.Errorf("the right one: %v", err)
	}
	if err := m.VerifyCode(t.Context(), w.slug(), "eve@example.org", code); !errors.Is(err, ErrCodeSpent) {
		t.Errorf("the right one of another address: %v", err)
	}
	token, s, err := m.Start(t.Context(), w.by("ada@example.org", code))
	if err != nil || s.Resumed {
		t.Fatalf("a start with the right one: %+v, %v", s, err)
	}
	if got := one[string](w.world, `SELECT concat_ws(' ', address_proved, (SELECT tries FROM email_codes)) FROM submissions`); got != "t 2" {
		t.Errorf("proved and wrong tries: %s", got)
	}
	if _, _, err := m.Start(t.Context(), w.by("ada@example.org", code)); !errors.Is(err, ErrCodeSpent) {
		t.Errorf("the code again: %v", err)
	}
	if owed, err := m.codeIsOwed(t.Context(), w.db.Pool, id, 0); owed || err != nil {
		t.Errorf("the mail of a used code is owed: %v, %v", owed, err)
	}
	if _, err := m.Submit(w.holding(token)); err != nil {
		t.Fatal(err)
	}
	if n := w.mails(mailReceived); n != 1 {
		t.Errorf("%d receipts", n)
	}
}

func TestACodeResumesWhatBeganWithoutOneAlsoOnceItIsClosed(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	m := w.instance()
	old, s := w.start(m, "ada@example.org")
	if _, _, err := m.Start(t.Context(), w.by("ada@example.org", "")); !errors.Is(err, ErrAlreadyStarted) {
		t.Errorf("without a code: %v", err)
	}
	w.closed = fault.New(fault.Conflict, "assessment_closed", "Closed.")
	code, _ := w.ask(m, "ada@example.org")
	token, again, err := m.Start(t.Context(), w.by("ADA@example.org", code))
	if err != nil || !again.Resumed || again.Receipt.ID != s.Receipt.ID {
		t.Fatalf("with a code: %+v, %v", again, err)
	}
	if _, err := m.Sitting(old); !errors.Is(err, ErrSessionTaken) {
		t.Errorf("the device before: %v", err)
	}
	if _, err := m.Sitting(w.holding(token)); err != nil {
		t.Error(err)
	}
	code, id := w.ask(m, "bob@example.org")
	if _, _, err := m.Start(t.Context(), w.by("bob@example.org", code)); !errors.Is(err, w.closed) {
		t.Errorf("who has not begun: %v", err)
	}
	if n := one[int](w.world, `SELECT count(*) FROM email_codes WHERE id = $1 AND used_at IS NULL`, id); n != 1 {
		t.Error("a start that was refused used the code up")
	}
}

func TestACodeIsMailedToThoseAloneWhoMayUseIt(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	sent := &statementLog{}
	m := w.traced(sent)
	w.start(m, "ada@example.org")
	w.ask(m, "x@example.org") // the first one also reads types
	var shapes [2]string
	for i, email := range []string{"ADA@example.org", "stranger@example.org"} {
		sent.clear()
		_, id := w.ask(m, email)
		shapes[i] = strings.Join(sent.clear(), "\n")
		if owed, err := m.codeIsOwed(t.Context(), w.db.Pool, id, 0); owed != (i == 0) || err != nil {
			t.Errorf("the mail to %s is owed: %v, %v", email, owed, err)
		}
	}
	if shapes[0] != shapes[1] || shapes[0] == "" {
		t.Errorf("asking differs by the address:\n%s\n%s", shapes[0], shapes[1])
	}
}

func TestACodeIsGoodForTenMinutesAndFiveWrongTries(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	m := w.instance()
	code, _ := w.ask(m, "ada@example.org")
	w.clock.Advance(CodeLife - time.Second)
	if err := m.VerifyCode(t.Context(), w.slug(), "ada@example.org", code); err != nil {
		t.Errorf("just in time: %v", err)
	}
	w.clock.Advance(time.Second)
	if err := m.VerifyCode(t.Context(), w.slug(), "ada@example.org", code); !errors.Is(err, ErrCodeSpent) {
		t.Errorf("too late: %v", err)
	}
	code, _ = w.ask(m, "ada@example.org")
	for i := range 5 {
		var err error
		if i%2 == 0 {
			err = m.VerifyCode(t.Context(), w.slug(), "ada@example.org", not(code))
		} else { // which is refused, and counts all the same
			_, _, err = m.Start(t.Context(), w.by("ada@example.org", not(code)))
		}
		if !errors.Is(err, ErrCodeWrong) {
			t.Errorf("wrong try %d: %v", i+1, err)
		}
	}
	if err := m.VerifyCode(t.Context(), w.slug(), "ada@example.org", code); !errors.Is(err, ErrCodeSpent) {
		t.Errorf("the right one after five wrong ones: %v", err)
	}
	if _, _, err := m.Start(t.Context(), w.by("ada@example.org", code)); !errors.Is(err, ErrCodeSpent) {
		t.Errorf("a start after five wrong ones: %v", err)
	}
	if code, _ = w.ask(m, "ada@example.org"); m.VerifyCode(t.Context(), w.slug(), "ada@example.org", code) != nil {
		t.Error("a new code is not good")
	}
	w.clock.Advance(CodeLife + codesKept)
	if err := m.sweepCodes(t.Context()); err != nil || one[int](w.world, `SELECT count(*) FROM email_codes`) != 2 {
		t.Errorf("after the sweep: %v", err) // the last two are good no more for a day exactly
	}
	w.clock.Advance(time.Second)
	if err := m.sweepCodes(t.Context()); err != nil || one[int](w.world, `SELECT count(*) FROM email_codes`) != 0 {
		t.Errorf("after the last sweep: %v", err)
	}
}

func TestACodeIsGoodForOneAssessment(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	m := w.instance()
	code, _ := w.ask(m, "ada@example.org")
	here := w.slug()
	other := w.version
	other.ID, other.AssessmentID = fixed(2, 7), fixed(1, 7)
	w.store(other)
	there := one[string](w.world, `SELECT slug FROM assessments WHERE id = $1`, other.AssessmentID)
	for slug, want := range map[string]error{there: ErrCodeSpent, "nothinghere": ErrAssessmentNotFound, here: nil} {
		if err := m.VerifyCode(t.Context(), slug, "ada@example.org", code); !errors.Is(err, want) {
			t.Errorf("at %s: %v, want %v", slug, err, want)
		}
	}
	if err := m.RequestCode(t.Context(), "nothinghere", "ada@example.org"); !errors.Is(err, ErrAssessmentNotFound) {
		t.Errorf("asked for at no assessment: %v", err)
	}
}

func TestOfManyTriesAtOnceFiveCountAndOneUses(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	m := w.instance()
	for round, email := range addresses(proofRounds/2, 0) {
		code, id := w.ask(m, email)
		var wrong, spent atomic.Int32
		together(w.world, 16, func(m *Module, i int) {
			var err error
			if i%2 == 0 {
				err = m.VerifyCode(t.Context(), w.slug(), email, not(code))
			} else {
				_, _, err = m.Start(t.Context(), w.by(email, not(code)))
			}
			switch {
			case errors.Is(err, ErrCodeWrong):
				wrong.Add(1)
			case errors.Is(err, ErrCodeSpent):
				spent.Add(1)
			default:
				t.Errorf("round %d: %v", round, err)
			}
		})
		if wrong.Load() != 5 || spent.Load() != 11 || one[int](w.world, `SELECT tries FROM email_codes WHERE id = $1`, id) != 5 {
			t.Errorf("round %d: %d were wrong, %d came too late", round, wrong.Load(), spent.Load())
		}
		code, _ = w.ask(m, email)
		var began atomic.Int32
		together(w.world, 8, func(m *Module, i int) {
			if _, _, err := m.Start(t.Context(), w.by(email, code)); err == nil {
				began.Add(1)
			} else if !errors.Is(err, ErrCodeSpent) {
				t.Errorf("round %d: %v", round, err)
			}
		})
		if n := one[int](w.world, `SELECT count(*) FROM submissions WHERE email = $1 AND address_proved`, email); began.Load() != 1 || n != 1 {
			t.Errorf("round %d: %d began by one code, %d attempts", round, began.Load(), n)
		}
	}
	w.noDeadlocks()
}

func TestAskingForCodesIsLimitedByAddressAndByClient(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	more := w.more
	w.more = func(d *Deps) { more(d); d.CodeLimit.Count, d.CodeLimit.Per = 2, time.Hour }
	s := newSite(t, w.world)
	ask := func(email string) int {
		return s.call("POST", "/assessments/"+w.slug()+"/code", "", `{"email":"`+email+`"}`).Code
	}
	for i, want := range []int{200, 200, 429, 429} {
		if got := ask([]string{"ada@example.org", "ADA@example.org"}[i%2]); got != want {
			t.Errorf("asked %d times: %d, want %d", i+1, got, want)
		}
	}
	for i := 4; i < 2*codesPerNetwork; i++ {
		if got := ask(fmt.Sprintf("a%d@example.org", i)); got != 200 {
			t.Fatalf("request %d of one client: %d", i+1, got)
		}
	}
	if got := ask("one-more@example.org"); got != http.StatusTooManyRequests {
		t.Errorf("one more: %d", got)
	}
}

func TestCodesOverHTTP(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	s := newSite(t, w.world)
	w.invite("bob@example.org", 0)
	code, path := func() string {
		rec := s.call("POST", "/assessments/"+w.slug()+"/code", "", `{"email":"ada@example.org"}`)
		if rec.Code != 200 || strings.TrimSpace(rec.Body.String()) != `{"validForSeconds":600}` {
			t.Fatalf("%d %s", rec.Code, rec.Body)
		}
		return w.key.Digits(codePurpose, one[uuid.UUID](w.world, `SELECT id FROM email_codes`))
	}(), "/assessments/"+w.slug()
	start := func(code string) string {
		return `{"name":"Ada","email":"ada@example.org","consent":true,"code":"` + code + `"}`
	}
	for _, c := range []struct {
		path, body string
		status     int
		part       string
	}{
		{path + "/code", `{"email":"ada"}`, 422, `"body.email"`},
		{path + "/code/verify", `{"email":"ada@example.org","code":"` + not(code) + `"}`, 422, `"email_code_wrong"`},
		{path + "/code/verify", `{"email":"ada@example.org","code":"` + code + `"}`, 200, `{"verified":true}`},
		{path + "/submissions", start(not(code)), 422, `"email_code_wrong"`},
		{path + "/submissions", start(code), 201, `"submissionToken"`},
		{path + "/submissions", start(code), 422, `"email_code_spent"`},
		{"/invites/bob@example.org/submissions", `{"consent":false}`, 422, `"consent_required"`},
		{"/invites/bob@example.org/submissions", `{"consent":true}`, 201, `"in_progress"`},
		{"/invites/bob@example.org/submissions", ``, 429, ``},
	} {
		if rec := s.call("POST", c.path, "", c.body); rec.Code != c.status || !strings.Contains(rec.Body.String(), c.part) {
			t.Errorf("%s %s: %d %s, want %d with %s", c.path, c.body, rec.Code, rec.Body, c.status, c.part)
		}
	}
	w.clock.Advance(time.Minute)
	if rec := s.call("POST", "/invites/bob@example.org/submissions", "", ""); rec.Code != 200 || !strings.Contains(rec.Body.String(), `"submissionToken"`) {
		t.Errorf("resumed: %d %s", rec.Code, rec.Body)
	}
}
