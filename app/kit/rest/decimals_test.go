package rest

import (
	"context"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"credlane/app/kit/exact"
)

type decimalsIn struct {
	Body struct {
		Score  *exact.Score           `json:"score,omitempty" minimum:"0" maximum:"100"`
		Points exact.Points           `json:"points,omitempty"`
		Later  Optional[exact.Points] `json:"later,omitzero" maximum:"1000"`
	}
}

func TestTooManyDecimalsAreNamedWithTheirField(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	Handle(w.Host, Op{Method: "POST", Path: "/numbers", ID: "numbers", Summary: "Numbers", Access: Public},
		func(context.Context, *decimalsIn) (*noteOut, error) { return &noteOut{}, nil })
	for body, want := range map[string]string{
		`{"score":33.333}`:                      `"location":"body.score","message":"Use at most two decimals."`,
		`{"score":0.001}`:                       `"location":"body.score","message":"Use at most two decimals."`,
		`{"points":1.0001}`:                     `"location":"body.points","message":"Use at most three decimals."`,
		`{"later":1.0001}`:                      `"location":"body.later","message":"Use at most three decimals."`,
		`{"points":1.0000000000001}`:            `"invalid_input"`, // below what a float check sees: the decoding refuses it
		`{"score":-0.001}`:                      `"invalid_input"`,
		`{"score":0.07,"points":1.005}`:         "",
		`{"score":100,"points":99999.999}`:      "",
		`{"score":null,"later":null}`:           "null",
		`{"score":33.330,"points":0,"later":0}`: "",
	} {
		rec := w.do(t, "POST", "/numbers", body)
		switch {
		case want == "" && rec.Code != 200, want != "" && want != "null" && (rec.Code != 422 || !strings.Contains(rec.Body.String(), want)):
			t.Errorf("%s: %d %s", body, rec.Code, rec.Body)
		}
	}
}

// TestEveryExactNumberPassesTheFloatCheck goes through all scores and through points up to what the column holds.
func TestEveryExactNumberPassesTheFloatCheck(t *testing.T) {
	t.Parallel()
	registry := huma.NewMapRegistry("#/", schemaName)
	path := huma.NewPathBuffer(nil, 0)
	judge := func(s *huma.Schema, text string, right bool) {
		tree, err := decodeTree([]byte(text), 1)
		if err != nil {
			t.Fatal(err)
		}
		var found huma.ValidateResult
		if huma.Validate(registry, s, path, huma.ModeWriteToServer, tree, &found); (len(found.Errors) == 0) != right {
			t.Fatalf("%s: %v", text, found.Errors)
		}
	}
	score, points := scoreSchema{}.Schema(registry), pointsSchema{}.Schema(registry)
	for n := range exact.MaxScore + 1 {
		judge(score, n.String(), true)
	}
	for n := exact.Points(0); n <= exact.MaxPoints; n += 1 + n/500 {
		judge(points, n.String(), true)
		judge(points, exact.Points(n/1000*1000).String()+".0005", false)
	}
	judge(points, exact.MaxPoints.String(), true)
}
