package auth

const sqlListKeys = `
SELECT id, name, prefix, role, created_by, created_at, last_used_at, expires_at
FROM api_keys
WHERE employer_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2) AND id < $3
ORDER BY id DESC
LIMIT $4`

const sqlJudgeKey = `
SELECT (SELECT count(*) FROM api_keys
        WHERE employer_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)),
       (SELECT m.user_id FROM memberships m
        WHERE m.employer_id = $1
          AND m.user_id = coalesce((SELECT k.created_by FROM api_keys k WHERE k.id = $4), $3))`

const sqlInsertKey = `
INSERT INTO api_keys (id, employer_id, name, prefix, key_hash, role, created_by, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

const sqlRevokeKey = `
UPDATE api_keys SET revoked_at = $3
WHERE id = $1 AND employer_id = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $3)
RETURNING role`
