package candidate

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"credlane/app/kit/clock"
	"credlane/modules/assessments"
	"credlane/modules/submissions"
	"credlane/web"
)

func TestThePagesInMemoryAreBoundedAndFollowTheService(t *testing.T) {
	t.Parallel()
	c, made := newLandingCache(), 0
	get := func(slug string, l *assessments.Landing) *web.Ready {
		t.Helper()
		p, err := c.get(landingKey{slug: slug}, l, func() (*web.Ready, error) {
			made++
			return &web.Ready{}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	one := &assessments.Landing{Title: "One", Rules: []string{"a"}}
	first := get("x", one)
	same := *one
	if get("x", one) != first || get("x", &same) != first || made != 1 {
		t.Fatalf("made %d times although nothing changed", made)
	}
	other := &assessments.Landing{Title: "One", Rules: []string{"b"}}
	if get("x", other) == first || made != 2 {
		t.Fatal("a changed landing gets the old page")
	}
	for i := range maxLandings + 10 {
		get(fmt.Sprint(i), one)
	}
	if c.recent.Len() != maxLandings || len(c.byKey) != maxLandings {
		t.Fatalf("%d pages are kept", c.recent.Len())
	}
	if _, err := c.get(landingKey{slug: "bad"}, one, func() (*web.Ready, error) { return nil, errors.New("no") }); err == nil {
		t.Error("a page that cannot be made is an error no more")
	}
}

func TestAVisitIsRememberedForAShortWhileByAllOfItsForm(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(time.Unix(0, 0))
	v, started := newVisits(now), 0
	start := func(visited string, in submissions.Start) begun {
		t.Helper()
		b, err := v.start(t.Context(), visited, in, func(context.Context) (begun, error) {
			started++
			return begun{token: fmt.Sprint(started)}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	form := submissions.Start{Slug: "s", Name: "Ada", Email: "ada@example.org"}
	first := start("v", form)
	if again := start("v", form); first.token != "1" || again != first {
		t.Error("a second press starts anew")
	}
	for name, in := range map[string]submissions.Start{
		"another name": {Slug: "s", Name: "Eve", Email: form.Email}, "another address": {Slug: "s", Name: "Ada", Email: "eve@example.org"},
		"another link": {Slug: "t", Name: "Ada", Email: form.Email}, "a code": {Slug: "s", Name: "Ada", Email: form.Email, Code: "1"},
		"moved borders": {Slug: "s", Name: "Adaada@example.org"},
	} {
		if start("v", in).token == "1" {
			t.Errorf("%s gets the first answer", name)
		}
	}
	if start("w", form).token == "1" || start("", form).token == "1" {
		t.Error("another browser gets the first answer")
	}
	now.Advance(visitLife)
	if start("v", form).token == "1" {
		t.Error("it is remembered for too long")
	}
	if len(v.byKey) != 1 || v.recent.Len() != 1 {
		t.Errorf("%d visits are kept, want the last alone", len(v.byKey))
	}
	for i := range maxVisits + 10 {
		start(fmt.Sprint(i), form)
	}
	if v.recent.Len() != maxVisits || len(v.byKey) != maxVisits {
		t.Errorf("%d visits are kept", v.recent.Len())
	}
	if _, err := v.start(t.Context(), "fails", form, func(context.Context) (begun, error) { return begun{}, errors.New("no") }); err == nil {
		t.Error("a refused start is no error")
	}
	if start("fails", form).token == "" {
		t.Error("a refusal is remembered")
	}
}
