package submissions

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
)

// team are the members of the world's employer who want to be told; nobody else's employer has any.
type team struct {
	employer uuid.UUID
	size     int
}

func (t team) DigestAddresses(_ context.Context, employer uuid.UUID) (list []DigestAddress, err error) {
	if employer != t.employer {
		return nil, nil
	}
	for i := range t.size {
		list = append(list, DigestAddress{UserID: fixed(8, i), Email: fmt.Sprintf("member%d@acme.example", i), Name: "Mem"})
	}
	return list, nil
}

func newDigestWorld(t *testing.T) (*provenWorld, *Module) {
	w := newProvenWorld(t)
	more := w.more
	w.more = func(d *Deps) { more(d); d.Members = team{w.version.EmployerID, 2} }
	return w, w.instance()
}

// tell does what the periodic job does, an hour later.
func (w *provenWorld) tell(m *Module) {
	w.t.Helper()
	w.clock.Advance(time.Hour)
	if err := m.digests(w.t.Context(), m.DB.InTx); err != nil {
		w.t.Errorf("digest: %v", err)
	}
}

func (w *provenWorld) handIn(m *Module, email string) Sitting {
	w.t.Helper()
	ctx, s := w.start(m, email)
	if _, err := m.Submit(ctx); err != nil {
		w.t.Fatal(err)
	}
	return s
}

// digested lists what each mail to the first member said, oldest first.
func (w *provenWorld) digested() string {
	w.t.Helper()
	return one[string](w.world, `SELECT coalesce(string_agg(concat_ws(' ', data->>'total', data->>'line0', data->>'line1'), '; ' ORDER BY unique_key), '')
		FROM mailbox WHERE template = 'submissions_digest' AND to_address = 'member0@acme.example'`)
}

func TestMembersAreToldOfNewSubmissionsAtMostOnceADay(t *testing.T) {
	t.Parallel()
	w, m := newDigestWorld(t)
	w.tell(m)
	if got := w.digested(); got != "" {
		t.Errorf("of nothing they were told %q", got)
	}
	w.handIn(m, "ada@example.org")
	w.start(m, "running@example.org") // ends in half an hour, which the sweep finds out a day later
	voided := w.handIn(m, "bob@example.org")
	if err := m.Void(w.staff(), voided.Receipt.ID, "twice"); err != nil {
		t.Fatal(err)
	}
	w.tell(m)
	if got := w.digested(); got != "1 Basics: 1" {
		t.Errorf("they were told %q", got)
	}
	w.handIn(m, "cyd@example.org")
	for range 22 {
		w.tell(m)
	}
	if got := w.digested(); got != "1 Basics: 1" {
		t.Errorf("within a day they were told %q", got)
	}
	if _, err := m.SweepOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.handIn(m, "dan@example.org")
	for range 3 {
		w.tell(m)
	}
	if got := w.digested(); got != "1 Basics: 1; 3 Basics: 3" {
		t.Errorf("after a day they were told %q", got)
	}
	for range 48 {
		w.tell(m)
	}
	if got, n := w.digested(), w.mails(mailDigest); got != "1 Basics: 1; 3 Basics: 3" || n != 4 {
		t.Errorf("of nothing new they were told %q; %d mails in all", got, n)
	}
}

func TestWhatEndsWhileTheyAreToldComesTheNextTime(t *testing.T) {
	t.Parallel()
	w, m := newDigestWorld(t)
	w.clock.Advance(time.Hour - 30*time.Second)
	w.handIn(m, "ada@example.org")
	w.clock.Advance(30*time.Second - time.Hour)
	w.tell(m)
	if got := w.digested(); got != "" {
		t.Errorf("they were told %q of what may not be committed yet", got)
	}
	w.tell(m)
	if got := w.digested(); got != "1 Basics: 1" {
		t.Errorf("they were told %q", got)
	}
}

func TestOfTwoInstancesOneTells(t *testing.T) {
	t.Parallel()
	w, m := newDigestWorld(t)
	w.tell(m)
	for round := range proofRounds {
		w.handIn(m, fmt.Sprintf("ada%d@example.org", round))
		w.clock.Advance(25 * time.Hour)
		due, err := m.digestsDue(t.Context(), w.clock.Now())
		if err != nil || len(due) != 1 {
			t.Fatal(due, err)
		}
		together(w.world, 4, func(m *Module, i int) {
			// Each with a clock of its own, as instances have.
			if err := m.digest(t.Context(), m.DB.InTx, due[0], w.clock.Now().Add(time.Duration(i)*time.Millisecond)); err != nil {
				t.Errorf("round %d: %v", round, err)
			}
		})
		if n := w.mails(mailDigest); n != 2*(round+1) {
			t.Fatalf("round %d: %d mails to two members", round, n)
		}
	}
}

func TestADigestCostsNothingWhereNothingEndedAndIsNotSentToNobody(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	members := team{w.version.EmployerID, 0}
	more := w.more
	sent := &statementLog{}
	w.more = func(d *Deps) { more(d); d.Members = &members }
	m := w.traced(sent)
	w.tell(m)
	sent.clear()
	w.tell(m)
	if got := sent.clear(); len(got) != 1 || one[int](w.world, `SELECT count(*) FROM submission_digests`) != 0 {
		t.Errorf("of nothing new: %d statements: %q", len(got), got)
	}
	w.handIn(m, "ada@example.org")
	w.tell(m)
	if got := one[string](w.world, `SELECT concat_ws(' ', count(*), count(sent_at)) FROM submission_digests`); got != "1 0" {
		t.Errorf("looked at, and sent: %s", got)
	}
	members.size = 1
	w.handIn(m, "bob@example.org")
	w.tell(m)
	if got := w.digested(); got != "1 Basics: 1" {
		t.Errorf("a member who wants it now was told %q", got)
	}
}

func TestTheLongestUntoldAreToldFirst(t *testing.T) {
	t.Parallel()
	w, m := newDigestWorld(t)
	w.handIn(m, "ada@example.org")
	w.exec(`INSERT INTO employers SELECT (jsonb_populate_record(e, jsonb_build_object('id', ('00000000-0000-4000-8000-00000000000' || n)::uuid, 'slug', 'other' || n))).*
		FROM employers e, generate_series(1, 2) n WHERE e.id = $1`, w.version.EmployerID)
	w.exec(`INSERT INTO audit_events SELECT (jsonb_populate_record(a, jsonb_build_object('id', overlay(a.id::text PLACING '0' || n FROM 35), 'employer_id',
		'00000000-0000-4000-8000-00000000000' || n))).* FROM audit_events a, generate_series(1, 2) n WHERE a.action = 'submission.submitted'`)
	w.exec(`INSERT INTO submission_digests (employer_id, until) VALUES ('00000000-0000-4000-8000-000000000001', $1)`, opened)
	due, err := m.digestsDue(t.Context(), w.clock.Now().Add(time.Hour))
	if err != nil || len(due) != 3 {
		t.Fatal(due, err)
	}
	if got := due[2].Employer.String(); got != "00000000-0000-4000-8000-000000000001" {
		t.Errorf("the one who was told last is not the last: %v", due)
	}
}

func TestADigestNamesTwentyAssessmentsAndCountsTheOthers(t *testing.T) {
	t.Parallel()
	var ended []newlyEnded
	for i := range 23 {
		ended = append(ended, newlyEnded{fmt.Sprint("A", i), 2})
	}
	m := digestMail(fixed(1, 1), DigestAddress{Email: "a@b.example"}, ended, opened)
	if m.Data["total"] != "46" || m.Data["line0"] != "A0: 2" || m.Data["line19"] != "A19: 2" || m.Data["line20"] != "and in 3 more" || len(m.Data) != 22 {
		t.Errorf("it says %v", m.Data)
	}
}
