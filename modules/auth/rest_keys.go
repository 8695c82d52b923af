package auth

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/authn"
	"credlane/app/kit/clock"
	"credlane/app/kit/fault"
	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
)

type KeyOut struct {
	ID         uuid.UUID  `json:"id"`
	Name       string     `json:"name" example:"applicant tracking"`
	Prefix     string     `json:"prefix" example:"clk_q4Zb7Xw0" doc:"The key's first characters, to tell it by."`
	Role       string     `json:"role" enum:"viewer,recruiter,admin,owner"`
	CreatedBy  uuid.UUID  `json:"createdBy" doc:"The user who made it. A key never has more rights than its maker has now."`
	CreatedAt  time.Time  `json:"createdAt"`
	LastUsedAt *time.Time `json:"lastUsedAt" doc:"To the minute."`
	ExpiresAt  *time.Time `json:"expiresAt"`
}

func keyOf(k APIKeyEntry) KeyOut {
	return KeyOut{k.ID, k.Name, k.Prefix, k.Role, k.CreatedBy, k.CreatedAt.UTC(), clock.UTC(k.LastUsedAt), clock.UTC(k.ExpiresAt)}
}

type newKeyIn struct {
	Body struct {
		Name      string     `json:"name" maxLength:"400" example:"applicant tracking"`
		Role      authn.Role `json:"role" example:"recruiter" doc:"At most your own."`
		ExpiresAt *time.Time `json:"expiresAt,omitempty" doc:"90 days from now unless set; a year at most."`
	}
}

type newKeyBody struct {
	KeyOut
	Key         string `json:"key,omitempty" example:"clk_q4Zb7Xw0uJ9" doc:"Keep it safe; it is shown this once."`
	SecretShown bool   `json:"secretShown" doc:"False on a replay of the request: the key is stored nowhere."`
}

func (b newKeyBody) withoutSecret() newKeyBody {
	b.Key, b.SecretShown = "", false
	return b
}

func (m *Module) mountKeys(h *rest.Host) {
	keys := rest.Op{Path: "/api/v1/api-keys", Tag: tag, Role: authn.Admin}

	op := keys
	op.Method, op.ID, op.Summary, op.Faults = http.MethodGet, "list-api-keys", "API keys in use", []*fault.Error{pg.ErrCursor}
	rest.Handle(h, op, func(ctx context.Context, in *listIn) (*listAnswer[KeyOut], error) {
		rows, next, err := m.APIKeys(ctx, in.Limit, in.Cursor)
		return listOf(rows, next, err, keyOf)
	})

	op = keys
	op.Method, op.ID, op.Summary, op.Status, op.Idempotent = http.MethodPost, "create-api-key", "Make an API key", http.StatusCreated, true
	op.Faults = []*fault.Error{ErrRoleAboveOwn, ErrTooManyKeys}
	rest.Handle(h, op, func(ctx context.Context, in *newKeyIn) (*secretAnswer[newKeyBody], error) {
		return onceWithSecret(ctx, m.db, func(tx pgx.Tx) (body newKeyBody, err error) {
			k, secret, err := m.CreateKeyTx(ctx, tx, NewKey{in.Body.Name, in.Body.Role, in.Body.ExpiresAt})
			if err == nil {
				body = newKeyBody{keyOf(*k), secret, true}
			}
			return body, err
		})
	})

	op = keys
	op.Method, op.Path, op.ID, op.Summary = http.MethodDelete, "/api/v1/api-keys/{id}", "revoke-api-key", "Revoke an API key"
	op.Status, op.Faults = http.StatusNoContent, []*fault.Error{rest.ErrNotFound, ErrRoleAboveOwn}
	rest.Handle(h, op, func(ctx context.Context, in *idIn) (*nothing, error) { return nothingIf(m.RevokeKey(ctx, in.ID)) })
}
