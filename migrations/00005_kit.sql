-- +goose Up

CREATE TABLE idempotency_keys (
    principal    text NOT NULL,
    operation    text NOT NULL,
    key_hash     bytea NOT NULL,
    request_hash bytea NOT NULL,
    response     json, -- the first answer as it was sent, byte for byte, without secrets
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    CONSTRAINT idempotency_keys_once PRIMARY KEY (principal, operation, key_hash),
    CONSTRAINT idempotency_keys_expire_later CHECK (expires_at > created_at)
);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);

-- Not logged: losing the counters in a crash forgives a few attempts, and every start would pay for their durability.
CREATE UNLOGGED TABLE rate_counters (
    name         text NOT NULL,
    key_hash     bytea NOT NULL,
    window_start timestamptz NOT NULL,
    count        integer NOT NULL,
    CONSTRAINT rate_counters_pkey PRIMARY KEY (name, key_hash, window_start)
);
CREATE INDEX rate_counters_age ON rate_counters (window_start);

CREATE TABLE audit_events (
    id          uuid PRIMARY KEY,
    employer_id uuid CONSTRAINT audit_events_employer_fkey REFERENCES employers (id),
    actor_kind  text NOT NULL CONSTRAINT audit_events_actor_known CHECK (actor_kind IN ('member', 'api_key', 'candidate', 'job', 'operator')),
    actor_id    uuid,
    action      text NOT NULL CONSTRAINT audit_events_action_format CHECK (action ~ '^[a-z_]+\.[a-z_]+$'),
    object_type text NOT NULL,
    object_id   uuid,
    before      jsonb,
    after       jsonb,
    request_id  text NOT NULL DEFAULT '',
    at          timestamptz NOT NULL
);
CREATE INDEX audit_events_employer ON audit_events (employer_id, id);
CREATE INDEX audit_events_object ON audit_events (employer_id, object_id, id);

-- +goose StatementBegin
CREATE FUNCTION audit_events_never_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an audit event never changes' USING ERRCODE = '23514', CONSTRAINT = 'audit_events_immutable';
END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_events_immutable BEFORE UPDATE OR DELETE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION audit_events_never_change();
CREATE TRIGGER audit_events_no_truncate BEFORE TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION audit_events_never_change();

-- +goose Down
DROP TABLE audit_events;
DROP FUNCTION audit_events_never_change();
DROP TABLE rate_counters;
DROP TABLE idempotency_keys;
