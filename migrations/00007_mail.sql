-- +goose Up

-- What is owed to people by mail: one row a mail, written in the transaction that causes it, with a job that sends it. No row
-- holds a secret: what a link or a code needs is derived when the mail is written, from what the secret_ columns name.
CREATE TABLE mails (
    id             uuid PRIMARY KEY,
    employer_id    uuid CONSTRAINT mails_employer_fkey REFERENCES employers (id), -- null: nobody's, the program's own
    template       text NOT NULL CONSTRAINT mails_template_format CHECK (template ~ '^[a-z_]{1,40}$'),
    ref            uuid, -- what it is about, for the template's module
    to_address     text NOT NULL CONSTRAINT mails_address_length CHECK (length(to_address) BETWEEN 1 AND 320),
    to_name        text NOT NULL CONSTRAINT mails_name_length CHECK (length(to_name) <= 200),
    data           jsonb NOT NULL CONSTRAINT mails_data_object CHECK (jsonb_typeof(data) = 'object'),
    secret_purpose text,
    secret_id      uuid,
    secret_n       integer NOT NULL DEFAULT 0,
    secret_digits  boolean NOT NULL DEFAULT false,
    unique_key     text CONSTRAINT mails_unique_key_length CHECK (length(unique_key) BETWEEN 1 AND 400),
    message_id     text NOT NULL, -- the same over every try, also after the public URL has changed
    state          text NOT NULL DEFAULT 'queued'
                        CONSTRAINT mails_state_known CHECK (state IN ('queued', 'sent', 'kept', 'dropped', 'failed')),
    created_at     timestamptz NOT NULL,
    due_at         timestamptz NOT NULL, -- its Date
    ended_at       timestamptz,
    last_error     text CONSTRAINT mails_error_length CHECK (length(last_error) <= 1000),
    CONSTRAINT mails_secret_whole CHECK ((secret_purpose IS NULL) = (secret_id IS NULL)),
    CONSTRAINT mails_ended_when_done CHECK ((state = 'queued') = (ended_at IS NULL))
);
CREATE UNIQUE INDEX mails_one_per_key ON mails (template, unique_key) WHERE unique_key IS NOT NULL;

-- How often the link of an invitation was made anew: its token is derived from the row's id and this number.
ALTER TABLE member_invitations ADD rotation integer NOT NULL DEFAULT 0
    CONSTRAINT member_invitations_rotation_not_negative CHECK (rotation >= 0);

-- Whether a member wants to be told once a day of new submissions.
ALTER TABLE users ADD digest boolean NOT NULL DEFAULT true;

-- +goose Down
ALTER TABLE users DROP digest;
ALTER TABLE member_invitations DROP rotation;
DROP TABLE mails;
