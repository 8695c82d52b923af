-- +goose Up

-- How the address of a submission was proved, if it was: by a personal link, or by a code that was mailed to it. Columns that
-- are null or the same for every row rewrite none, and what is not valid yet reads none: candidates are at work meanwhile. The
-- next step reads them, without their waiting.
ALTER TABLE submissions
    ADD COLUMN invite_id uuid,
    ADD COLUMN address_proved boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT submissions_invite_fkey FOREIGN KEY (employer_id, invite_id) REFERENCES invites (employer_id, id) NOT VALID,
    ADD CONSTRAINT submissions_invite_is_a_proof CHECK (invite_id IS NULL OR address_proved) NOT VALID;

-- Extra time may come with an invite, and those are the operator's too.
ALTER TABLE submission_extra_times
    ALTER COLUMN given_by DROP NOT NULL, -- null for the operator
    DROP CONSTRAINT submission_extra_times_giver_known,
    ADD CONSTRAINT submission_extra_times_giver_known CHECK (given_by_kind IN ('member', 'api_key', 'operator'));

-- An ended submission may still be found to be somebody's by their link or code.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION submissions_end_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    OLD.note := NEW.note;
    OLD.tags := NEW.tags;
    OLD.decision := NEW.decision;
    OLD.decided_by := NEW.decided_by;
    OLD.decided_at := NEW.decided_at;
    OLD.session_number := NEW.session_number;
    OLD.invite_id := NEW.invite_id;
    OLD.address_proved := NEW.address_proved;
    IF NEW IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'an ended submission does not change' USING ERRCODE = '23514', CONSTRAINT = 'submissions_final';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd

-- One-time codes. Neither the address nor the code can be read here: both are keyed hashes, and the code is derived anew when
-- its mail is written.
CREATE TABLE email_codes (
    id            uuid PRIMARY KEY,
    employer_id   uuid NOT NULL,
    assessment_id uuid NOT NULL,
    address_hash  bytea NOT NULL,
    code_hash     bytea NOT NULL,
    network_hash  bytea NOT NULL, -- of who asked
    owed          boolean NOT NULL, -- whether it is mailed: the assessment asks for it, or the address has a submission
    tries         integer NOT NULL DEFAULT 0 CONSTRAINT email_codes_tries_range CHECK (tries BETWEEN 0 AND 5), -- wrong ones from where it was asked for
    foreign_tries integer NOT NULL DEFAULT 0 CONSTRAINT email_codes_foreign_tries_range CHECK (foreign_tries BETWEEN 0 AND 5), -- from elsewhere
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL CONSTRAINT email_codes_expire_later CHECK (expires_at > created_at),
    used_at       timestamptz,
    CONSTRAINT email_codes_assessment_fkey FOREIGN KEY (employer_id, assessment_id) REFERENCES assessments (employer_id, id)
);
CREATE INDEX email_codes_address ON email_codes (assessment_id, address_hash);
CREATE INDEX email_codes_expiry ON email_codes (expires_at);

-- Up to when an employer's members have been told of new submissions, and when they last were.
CREATE TABLE submission_digests (
    employer_id uuid PRIMARY KEY CONSTRAINT submission_digests_employer_fkey REFERENCES employers (id),
    until       timestamptz NOT NULL,
    sent_at     timestamptz
);

-- +goose Down
DROP TABLE submission_digests;
DROP TABLE email_codes;
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION submissions_end_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    OLD.note := NEW.note;
    OLD.tags := NEW.tags;
    OLD.decision := NEW.decision;
    OLD.decided_by := NEW.decided_by;
    OLD.decided_at := NEW.decided_at;
    OLD.session_number := NEW.session_number;
    IF NEW IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'an ended submission does not change' USING ERRCODE = '23514', CONSTRAINT = 'submissions_final';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
DELETE FROM submission_extra_times WHERE given_by_kind = 'operator';
ALTER TABLE submission_extra_times
    DROP CONSTRAINT submission_extra_times_giver_known,
    ADD CONSTRAINT submission_extra_times_giver_known CHECK (given_by_kind IN ('member', 'api_key')),
    ALTER COLUMN given_by SET NOT NULL;
ALTER TABLE submissions DROP COLUMN address_proved, DROP COLUMN invite_id;
