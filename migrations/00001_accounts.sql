-- +goose Up

CREATE TABLE employers (
    id                      uuid PRIMARY KEY,
    name                    text NOT NULL CONSTRAINT employers_name_present CHECK (btrim(name) <> '' AND length(name) <= 200),
    slug                    text NOT NULL CONSTRAINT employers_slug_key UNIQUE
                                 CONSTRAINT employers_slug_format CHECK (slug ~ '^[a-z0-9-]{3,60}$'),
    active_assessment_limit integer NOT NULL DEFAULT 3
                                 CONSTRAINT employers_active_limit_not_negative CHECK (active_assessment_limit >= 0),
    privacy_notice          text NOT NULL DEFAULT '' CONSTRAINT employers_privacy_notice_length CHECK (length(privacy_notice) <= 20000),
    privacy_notice_version  integer NOT NULL DEFAULT 1 CONSTRAINT employers_notice_version_positive CHECK (privacy_notice_version >= 1),
    reply_to                text CONSTRAINT employers_reply_to_format CHECK (reply_to ~ '^[^@\s]+@[^@\s]+$' AND length(reply_to) <= 254),
    created_at              timestamptz NOT NULL,
    updated_at              timestamptz NOT NULL
);

-- One row a person, whoever they work for or apply to; a candidate has no password.
CREATE TABLE users (
    id                uuid PRIMARY KEY,
    email             text NOT NULL CONSTRAINT users_email_format CHECK (email ~ '^[^@\s]+@[^@\s]+$' AND length(email) <= 254),
    email_verified_at timestamptz,
    name              text NOT NULL CONSTRAINT users_name_length CHECK (length(name) <= 200),
    password_hash     text,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL
);
CREATE UNIQUE INDEX users_email_key ON users (lower(email));

CREATE TABLE memberships (
    id          uuid PRIMARY KEY,
    employer_id uuid NOT NULL CONSTRAINT memberships_employer_fkey REFERENCES employers (id),
    user_id     uuid NOT NULL CONSTRAINT memberships_user_fkey REFERENCES users (id)
                     CONSTRAINT memberships_one_employer_per_user UNIQUE,
    role        text NOT NULL CONSTRAINT memberships_role_known CHECK (role IN ('owner', 'admin', 'recruiter', 'viewer')),
    created_at  timestamptz NOT NULL,
    CONSTRAINT memberships_tenant_key UNIQUE (employer_id, id)
);

-- The employer's row is locked first: without it two owners who demote each other both see the other one still there.
-- +goose StatementBegin
CREATE FUNCTION memberships_keep_an_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.role = 'owner' AND (TG_OP = 'DELETE' OR NEW.role <> 'owner' OR NEW.employer_id <> OLD.employer_id) THEN
        PERFORM 1 FROM employers WHERE id = OLD.employer_id FOR NO KEY UPDATE;
        IF NOT EXISTS (SELECT FROM memberships WHERE employer_id = OLD.employer_id AND role = 'owner' AND id <> OLD.id) THEN
            RAISE EXCEPTION 'an employer keeps at least one owner' USING ERRCODE = '23514', CONSTRAINT = 'memberships_last_owner';
        END IF;
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
-- +goose StatementEnd
CREATE TRIGGER memberships_last_owner BEFORE UPDATE OR DELETE ON memberships
    FOR EACH ROW EXECUTE FUNCTION memberships_keep_an_owner();

CREATE TABLE member_invitations (
    id          uuid PRIMARY KEY,
    employer_id uuid NOT NULL CONSTRAINT member_invitations_employer_fkey REFERENCES employers (id),
    email       text NOT NULL CONSTRAINT member_invitations_email_format CHECK (email ~ '^[^@\s]+@[^@\s]+$' AND length(email) <= 254),
    role        text NOT NULL CONSTRAINT member_invitations_role_known CHECK (role IN ('owner', 'admin', 'recruiter', 'viewer')),
    token_hash  bytea NOT NULL CONSTRAINT member_invitations_token_key UNIQUE,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    accepted_at timestamptz,
    revoked_at  timestamptz,
    CONSTRAINT member_invitations_expire_later CHECK (expires_at > created_at)
);
CREATE UNIQUE INDEX member_invitations_one_live ON member_invitations (employer_id, lower(email))
    WHERE accepted_at IS NULL AND revoked_at IS NULL;

-- One-use links for a password reset or an address to verify.
CREATE TABLE user_tokens (
    id         uuid PRIMARY KEY,
    user_id    uuid NOT NULL CONSTRAINT user_tokens_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    purpose    text NOT NULL CONSTRAINT user_tokens_purpose_known CHECK (purpose IN ('password_reset', 'email_verify')),
    token_hash bytea NOT NULL CONSTRAINT user_tokens_token_key UNIQUE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    CONSTRAINT user_tokens_expire_later CHECK (expires_at > created_at)
);
CREATE INDEX user_tokens_user ON user_tokens (user_id, purpose);

-- A session is also the family of its refresh tokens.
CREATE TABLE sessions (
    id           uuid PRIMARY KEY,
    user_id      uuid NOT NULL CONSTRAINT sessions_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    user_agent   text NOT NULL DEFAULT '' CONSTRAINT sessions_user_agent_length CHECK (length(user_agent) <= 500),
    ip           inet,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    revoked_at   timestamptz,
    CONSTRAINT sessions_expire_later CHECK (expires_at > created_at)
);
CREATE INDEX sessions_user ON sessions (user_id, id);

CREATE TABLE refresh_tokens (
    id         uuid PRIMARY KEY,
    session_id uuid NOT NULL CONSTRAINT refresh_tokens_session_fkey REFERENCES sessions (id) ON DELETE CASCADE,
    token_hash bytea NOT NULL CONSTRAINT refresh_tokens_token_key UNIQUE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    CONSTRAINT refresh_tokens_expire_later CHECK (expires_at > created_at)
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);

CREATE TABLE api_keys (
    id           uuid PRIMARY KEY,
    employer_id  uuid NOT NULL CONSTRAINT api_keys_employer_fkey REFERENCES employers (id),
    name         text NOT NULL CONSTRAINT api_keys_name_present CHECK (btrim(name) <> '' AND length(name) <= 100),
    prefix       text NOT NULL CONSTRAINT api_keys_prefix_format CHECK (prefix ~ '^clk_[A-Za-z0-9_-]{6,16}$'),
    key_hash     bytea NOT NULL CONSTRAINT api_keys_hash_key UNIQUE,
    role         text NOT NULL CONSTRAINT api_keys_role_known CHECK (role IN ('owner', 'admin', 'recruiter', 'viewer')),
    created_by   uuid NOT NULL CONSTRAINT api_keys_creator_fkey REFERENCES users (id),
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    CONSTRAINT api_keys_expire_later CHECK (expires_at > created_at)
);
CREATE INDEX api_keys_employer ON api_keys (employer_id, id);

CREATE TABLE signing_keys (
    kid         text PRIMARY KEY CONSTRAINT signing_keys_kid_format CHECK (kid ~ '^[A-Za-z0-9_-]{8,64}$'),
    sealed      bytea NOT NULL,
    active_from timestamptz NOT NULL,
    retired_at  timestamptz CONSTRAINT signing_keys_retire_later CHECK (retired_at >= active_from),
    created_at  timestamptz NOT NULL
);
-- One key signs at a time, whoever starts first.
CREATE UNIQUE INDEX signing_keys_one_current ON signing_keys ((true)) WHERE retired_at IS NULL;

-- +goose Down
DROP TABLE signing_keys;
DROP TABLE api_keys;
DROP TABLE refresh_tokens;
DROP TABLE sessions;
DROP TABLE user_tokens;
DROP TABLE member_invitations;
DROP TABLE memberships;
DROP FUNCTION memberships_keep_an_owner();
DROP TABLE users;
DROP TABLE employers;
