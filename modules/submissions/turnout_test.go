package submissions

import (
	"slices"
	"testing"

	"github.com/google/uuid"

	"credlane/app/kit/exact"
	"credlane/app/kit/rest"
)

func TestEachOfAListHasTheOnesBesideItAsNeighbours(t *testing.T) {
	t.Parallel()
	d := newDesk(t, rest.Options{})
	all := crowd(d.version, d.version, 40)
	d.seat(all)
	ctx := d.as(asViewer)
	passed := true
	for _, f := range []Filter{{}, {Passed: &passed}, {Decision: "shortlist"}} {
		for _, s := range sorts {
			list, _, err := d.module.List(ctx, d.version.AssessmentID, f, s, 100, "")
			if err != nil || len(list) < 3 {
				t.Fatalf("%d rows: %v", len(list), err)
			}
			for i, e := range list {
				before, after, err := d.module.Neighbours(ctx, d.version.AssessmentID, f, s, e)
				if err != nil {
					t.Fatal(err)
				}
				if got, want := valueOfID(before), idAt(list, i-1); got != want {
					t.Errorf("%+v by %s: before %d stands %s, want %s", f, s, i, got, want)
				}
				if got, want := valueOfID(after), idAt(list, i+1); got != want {
					t.Errorf("%+v by %s: after %d stands %s, want %s", f, s, i, got, want)
				}
			}
		}
	}
	list, _, err := d.module.List(ctx, d.version.AssessmentID, Filter{}, ByName, 1, "")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := d.as(asOther)
	if before, after, err := d.module.Neighbours(elsewhere, d.version.AssessmentID, Filter{}, ByName, list[0]); before != nil || after != nil || err != nil {
		t.Errorf("another employer sees %v and %v: %v", before, after, err)
	}
}

func idAt(list []Entry, i int) uuid.UUID {
	if i < 0 || i >= len(list) {
		return uuid.Nil
	}
	return list[i].ID
}

func valueOfID(id *uuid.UUID) uuid.UUID {
	if id == nil {
		return uuid.Nil
	}
	return *id
}

func TestTheTurnoutCountsEachVersionByItself(t *testing.T) {
	t.Parallel()
	d := newDesk(t, rest.Options{})
	second := secondVersion(d.version)
	d.add(second)
	all := crowd(d.version, second, 60)
	d.seat(all)
	got, err := d.module.Turnout(d.as(asViewer), d.version.AssessmentID)
	if err != nil {
		t.Fatal(err)
	}
	want := []Turnout{{Version: 2}, {Version: 1}}
	for _, s := range all {
		w := &want[2-s.version.Number]
		w.Started++
		if s.status != InProgress {
			w.Ended++
		}
		if s.status != InProgress && s.score >= exact.WholeScore(60) {
			w.Passed++
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("turnout %+v, want %+v", got, want)
	}
	invited, passed := uuid.New(), 0
	for _, s := range all {
		if s.status != InProgress && s.score >= exact.WholeScore(60) && s.version.Number == 1 {
			d.exec(`INSERT INTO invites (id, employer_id, assessment_id, email, token_hash, created_by_kind, created_at, expires_at)
			        SELECT $1, employer_id, assessment_id, email, '\x01', 'operator', started_at, started_at + interval '1 day' FROM submissions WHERE id = $2`, invited, s.id)
			d.exec(`UPDATE submissions SET invite_id = $1, address_proved = true WHERE id = $2`, invited, s.id)
			passed++
			break
		}
	}
	if got, err = d.module.Turnout(d.as(asViewer), d.version.AssessmentID); err != nil {
		t.Fatal(err)
	}
	if got[1].Invited != 1 || got[1].InvitedEnded != 1 || got[1].InvitedPassed != passed || got[0].Invited != 0 {
		t.Errorf("of the invited: %+v", got)
	}
	if got, err = d.module.Turnout(d.as(asOther), d.version.AssessmentID); err != nil || len(got) != 0 {
		t.Errorf("another employer counts %+v: %v", got, err)
	}
}
