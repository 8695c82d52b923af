package submissions

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
)

// turned is the order the other way round.
func (s Sort) turned() Sort {
	if up, down := strings.CutPrefix(string(s), "-"); down {
		return Sort(up)
	}
	return "-" + s
}

// Neighbours gives the submissions before and after one in a list of its assessment, nil at its ends. One that the filter does
// not take has neighbours all the same: those between which it would stand.
func (m *Module) Neighbours(ctx context.Context, assessment uuid.UUID, f Filter, s Sort, of Entry) (before, after *uuid.UUID, err error) {
	if before, err = m.beyond(ctx, assessment, f, s.turned(), of); err != nil {
		return nil, nil, err
	}
	after, err = m.beyond(ctx, assessment, f, s, of)
	return before, after, err
}

// beyond is the first submission after of in the order, nil where there is none.
func (m *Module) beyond(ctx context.Context, assessment uuid.UUID, f Filter, s Sort, of Entry) (*uuid.UUID, error) {
	o, known := s.order()
	if !known {
		return nil, fmt.Errorf("neighbours of submission %s: unknown order %q", of.ID, s)
	}
	at := placeOf(s, of)
	list, err := listSubmissions(ctx, m.DB, authn.From(ctx).EmployerID, assessment, f, o, 1, &at)
	if err != nil {
		return nil, fmt.Errorf("neighbours of submission %s: %w", of.ID, err)
	}
	if len(list) == 0 {
		return nil, nil
	}
	return &list[0].ID, nil
}
