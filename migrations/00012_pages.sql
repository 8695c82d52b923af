-- +goose Up

-- A browser's session is opened by the secret in its cookie instead of by refresh tokens; here stands the secret's SHA-256.
ALTER TABLE sessions ADD COLUMN cookie_hash bytea CONSTRAINT sessions_cookie_hash_length CHECK (length(cookie_hash) = 32);
-- Without a row for sessions that have no cookie.
CREATE UNIQUE INDEX sessions_cookie_key ON sessions (cookie_hash) WHERE cookie_hash IS NOT NULL;

-- +goose Down
DROP INDEX sessions_cookie_key;
ALTER TABLE sessions DROP COLUMN cookie_hash;
