package auth

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"credlane/app/kit/pg"
)

const sqlNames = `
SELECT u.id, u.name FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.employer_id = $1 AND m.user_id = ANY ($2)
UNION ALL
SELECT k.id, k.name FROM api_keys k WHERE k.employer_id = $1 AND k.id = ANY ($3)`

type named struct {
	ID   uuid.UUID `db:"id"`
	Name string    `db:"name"`
}

// Names gives what those of users are called who are members of the employer, and those of keys that are its API keys.
func (m *Module) Names(ctx context.Context, employer uuid.UUID, users, keys []uuid.UUID) (map[uuid.UUID]string, error) {
	list, err := pg.All[named](ctx, m.db, sqlNames, employer, users, keys)
	if err != nil {
		return nil, fmt.Errorf("name members: %w", err)
	}
	names := make(map[uuid.UUID]string, len(list))
	for _, n := range list {
		names[n.ID] = n.Name
	}
	return names, nil
}
