package auth

import (
	"context"

	"github.com/jackc/pgx/v5"

	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
)

// secretAnswer is an answer with a secret that is shown this once.
type secretAnswer[B secretive[B]] struct{ Body B }

type secretive[B any] interface{ withoutSecret() B }

// WithoutSecrets is the answer as it may be stored for a retry.
func (a *secretAnswer[B]) WithoutSecrets() *secretAnswer[B] {
	return &secretAnswer[B]{a.Body.withoutSecret()}
}

// onceWithSecret is rest.Once for such an answer.
func onceWithSecret[B secretive[B]](ctx context.Context, db *pg.DB, create func(pgx.Tx) (B, error)) (*secretAnswer[B], error) {
	return rest.Once(ctx, db, func(tx pgx.Tx) (*secretAnswer[B], error) {
		body, err := create(tx)
		if err != nil {
			return nil, err
		}
		return &secretAnswer[B]{body}, nil
	})
}
