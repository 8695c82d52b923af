package auth

import (
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
)

// A constraint that nobody claims would reach a user as "something went wrong".
func TestEveryConstraintOfTheAccountsIsWordedOrUnreachable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rows, err := w.db.Query(t.Context(), `
WITH mine AS (
    SELECT oid FROM pg_class
    WHERE relname IN ('employers', 'users', 'memberships', 'member_invitations', 'user_tokens', 'sessions', 'refresh_tokens', 'api_keys', 'signing_keys')
)
SELECT conname::text FROM pg_constraint JOIN mine ON mine.oid = conrelid WHERE contype <> 't'
UNION
SELECT c.relname::text FROM pg_index i JOIN mine ON mine.oid = i.indrelid JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indisunique
UNION
SELECT tgname::text FROM pg_trigger JOIN mine ON mine.oid = tgrelid WHERE NOT tgisinternal`)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	claims := Unreachable()
	for name, f := range Constraints() {
		claims = append(claims, name)
		if f.Message == "" {
			t.Errorf("%s says nothing", name)
		}
	}
	for _, name := range names {
		if n := len(slices.DeleteFunc(slices.Clone(claims), func(c string) bool { return c != name })); n != 1 {
			t.Errorf("%s is claimed %d times", name, n)
		}
	}
	for _, name := range claims {
		if !slices.Contains(names, name) {
			t.Errorf("%s does not exist", name)
		}
	}
}
