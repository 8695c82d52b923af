-- +goose Up

-- Where other systems want to hear of events. A deleted endpoint stays, without its secret, until nothing refers to it.
CREATE TABLE webhook_endpoints (
    id               uuid PRIMARY KEY,
    employer_id      uuid NOT NULL CONSTRAINT webhook_endpoints_employer_fkey REFERENCES employers (id),
    url              text NOT NULL CONSTRAINT webhook_endpoints_url_format CHECK (url ~ '^https?://.' AND length(url) <= 2000),
    description      text NOT NULL CONSTRAINT webhook_endpoints_description_length CHECK (length(description) <= 200),
    event_types      text[] NOT NULL CONSTRAINT webhook_endpoints_types_bound CHECK (cardinality(event_types) BETWEEN 1 AND 100),
    secret           bytea NOT NULL, -- sealed, as are those before it, newest first, each of which signs too until its time is over
    previous_secrets bytea[] NOT NULL DEFAULT '{}',
    previous_until   timestamptz[] NOT NULL DEFAULT '{}',
    failing_since    timestamptz, -- the first failure since a delivery succeeded
    disabled_at      timestamptz,
    disabled_reason  text CONSTRAINT webhook_endpoints_reason_known CHECK (disabled_reason IN ('by_hand', 'gone', 'failing')),
    deleted_at       timestamptz,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    CONSTRAINT webhook_endpoints_tenant_key UNIQUE (employer_id, id),
    CONSTRAINT webhook_endpoints_previous_whole CHECK (cardinality(previous_secrets) = cardinality(previous_until)),
    CONSTRAINT webhook_endpoints_reason_when_disabled CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL))
);
-- Every start and every submission asks whether anybody wants to hear of it.
CREATE INDEX webhook_endpoints_listening ON webhook_endpoints (employer_id) WHERE disabled_at IS NULL AND deleted_at IS NULL;
CREATE INDEX webhook_endpoints_deleted ON webhook_endpoints (deleted_at) WHERE deleted_at IS NOT NULL;

-- One event that somebody wants to hear of. The id is the webhook-id of all its deliveries; the payload is the very bytes that
-- are signed, so it is text: jsonb would write them anew.
CREATE TABLE webhook_messages (
    id          uuid PRIMARY KEY,
    employer_id uuid NOT NULL CONSTRAINT webhook_messages_employer_fkey REFERENCES employers (id),
    type        text NOT NULL CONSTRAINT webhook_messages_type_format CHECK (type ~ '^[a-z_]+(\.[a-z_]+)+$'),
    object_id   uuid NOT NULL,
    at          timestamptz NOT NULL,
    payload     text CONSTRAINT webhook_messages_payload_length CHECK (octet_length(payload) < 20000), -- null until it is fanned out
    prepared_at timestamptz,
    CONSTRAINT webhook_messages_tenant_key UNIQUE (employer_id, id),
    CONSTRAINT webhook_messages_prepared_whole CHECK ((payload IS NULL) = (prepared_at IS NULL))
);

-- One message on its way to one endpoint. A replay begins a new round; what still comes of the round before changes nothing.
CREATE TABLE webhook_deliveries (
    id          uuid PRIMARY KEY,
    employer_id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    message_id  uuid NOT NULL,
    state       text NOT NULL DEFAULT 'queued'
                     CONSTRAINT webhook_deliveries_state_known CHECK (state IN ('queued', 'retrying', 'succeeded', 'failed')),
    round       integer NOT NULL DEFAULT 1 CONSTRAINT webhook_deliveries_round_positive CHECK (round >= 1),
    tries       integer NOT NULL DEFAULT 0 CONSTRAINT webhook_deliveries_tries_not_negative CHECK (tries >= 0), -- of the round
    attempts    integer NOT NULL DEFAULT 0, -- of all rounds
    next_at     timestamptz,
    last_status integer,
    last_error  text CONSTRAINT webhook_deliveries_error_length CHECK (length(last_error) <= 500),
    created_at  timestamptz NOT NULL,
    ended_at    timestamptz,
    CONSTRAINT webhook_deliveries_tenant_key UNIQUE (employer_id, id),
    CONSTRAINT webhook_deliveries_one_per_endpoint UNIQUE (message_id, endpoint_id),
    CONSTRAINT webhook_deliveries_endpoint_fkey FOREIGN KEY (employer_id, endpoint_id)
        REFERENCES webhook_endpoints (employer_id, id) ON DELETE CASCADE,
    CONSTRAINT webhook_deliveries_message_fkey FOREIGN KEY (employer_id, message_id)
        REFERENCES webhook_messages (employer_id, id) ON DELETE CASCADE,
    CONSTRAINT webhook_deliveries_attempts_hold_tries CHECK (attempts >= tries),
    CONSTRAINT webhook_deliveries_ended_when_done CHECK ((state IN ('succeeded', 'failed')) = (ended_at IS NOT NULL))
);
CREATE INDEX webhook_deliveries_by_endpoint ON webhook_deliveries (employer_id, endpoint_id, id);

-- What was sent and what came back, once for each try. The body that was sent is the message's payload.
CREATE TABLE webhook_attempts (
    delivery_id      uuid NOT NULL,
    employer_id      uuid NOT NULL,
    number           integer NOT NULL CONSTRAINT webhook_attempts_number_positive CHECK (number >= 1),
    at               timestamptz NOT NULL,
    url              text NOT NULL,
    took_ms          integer NOT NULL CONSTRAINT webhook_attempts_took_not_negative CHECK (took_ms >= 0),
    status           integer, -- null: no answer came
    error            text CONSTRAINT webhook_attempts_error_length CHECK (length(error) <= 500), -- null: it succeeded
    request_headers  jsonb NOT NULL CONSTRAINT webhook_attempts_request_object CHECK (jsonb_typeof(request_headers) = 'object'),
    response_headers jsonb NOT NULL CONSTRAINT webhook_attempts_response_object CHECK (jsonb_typeof(response_headers) = 'object'),
    response_body    text NOT NULL CONSTRAINT webhook_attempts_response_length CHECK (octet_length(response_body) <= 16384),
    CONSTRAINT webhook_attempts_pkey PRIMARY KEY (delivery_id, number),
    CONSTRAINT webhook_attempts_delivery_fkey FOREIGN KEY (employer_id, delivery_id)
        REFERENCES webhook_deliveries (employer_id, id) ON DELETE CASCADE
);

-- +goose Down
DROP TABLE webhook_attempts;
DROP TABLE webhook_deliveries;
DROP TABLE webhook_messages;
DROP TABLE webhook_endpoints;
