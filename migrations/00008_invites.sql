-- +goose Up

-- Whether people who were invited are reminded. A default that is the same for every row rewrites none.
ALTER TABLE assessments ADD COLUMN reminders boolean NOT NULL DEFAULT true;

-- A personal link to one assessment for one address. What has happened stands as times; the state is derived from them.
CREATE TABLE invites (
    id                 uuid PRIMARY KEY,
    employer_id        uuid NOT NULL,
    assessment_id      uuid NOT NULL,
    email              text NOT NULL CONSTRAINT invites_email_format CHECK (email ~ '^[^@\s]+@[^@\s]+$' AND length(email) <= 254),
    name               text NOT NULL DEFAULT '' CONSTRAINT invites_name_length CHECK (length(name) <= 200),
    message            text NOT NULL DEFAULT '' CONSTRAINT invites_message_length CHECK (length(message) <= 2000),
    extra_time_percent integer NOT NULL DEFAULT 0 CONSTRAINT invites_extra_time_range CHECK (extra_time_percent BETWEEN 0 AND 300),
    rotation           integer NOT NULL DEFAULT 1 CONSTRAINT invites_rotation_positive CHECK (rotation >= 1),
    token_hash         bytea NOT NULL CONSTRAINT invites_token_key UNIQUE,
    submission_id      uuid,
    decline_reason     text NOT NULL DEFAULT '' CONSTRAINT invites_decline_reason_length CHECK (length(decline_reason) <= 1000),
    created_by_kind    text NOT NULL CONSTRAINT invites_creator_known CHECK (created_by_kind IN ('member', 'api_key', 'operator')),
    created_by         uuid, -- null for the operator
    created_at         timestamptz NOT NULL,
    expires_at         timestamptz NOT NULL,
    sent_at            timestamptz, -- the last mail that a server took
    failed_at          timestamptz, -- the last mail was given up
    opened_at          timestamptz,
    started_at         timestamptz,
    completed_at       timestamptz,
    declined_at        timestamptz,
    revoked_at         timestamptz,
    superseded_at      timestamptz, -- a later invite took the place of one that was over
    expired_at         timestamptz,
    reminded_idle_at   timestamptz,
    reminded_expiry_at timestamptz,
    CONSTRAINT invites_tenant_key UNIQUE (employer_id, id),
    CONSTRAINT invites_assessment_fkey FOREIGN KEY (employer_id, assessment_id) REFERENCES assessments (employer_id, id),
    -- Deferred: a voided submission may go before or after its invite has let go of it.
    CONSTRAINT invites_submission_fkey FOREIGN KEY (employer_id, submission_id) REFERENCES submissions (employer_id, id)
        DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT invites_expire_later CHECK (expires_at > created_at),
    CONSTRAINT invites_started_with_submission CHECK ((started_at IS NULL) = (submission_id IS NULL)),
    CONSTRAINT invites_completed_was_started CHECK (completed_at IS NULL OR started_at IS NOT NULL),
    -- What was started is never over, and what is over is never started: whoever races whom.
    CONSTRAINT invites_over_or_started CHECK (started_at IS NULL
        OR revoked_at IS NULL AND superseded_at IS NULL AND declined_at IS NULL AND expired_at IS NULL)
);
CREATE UNIQUE INDEX invites_one_live ON invites (assessment_id, lower(email))
    WHERE revoked_at IS NULL AND superseded_at IS NULL AND declined_at IS NULL AND expired_at IS NULL;
-- For the foreign key too, when a submission is deleted.
CREATE UNIQUE INDEX invites_one_per_submission ON invites (submission_id);
CREATE INDEX invites_list ON invites (assessment_id, id);
CREATE INDEX invites_of_address ON invites (assessment_id, lower(email));
-- What the periodic work looks for: those that can still be started, by when they end and by when they were sent.
CREATE INDEX invites_ending ON invites (expires_at)
    WHERE revoked_at IS NULL AND superseded_at IS NULL AND declined_at IS NULL AND expired_at IS NULL AND started_at IS NULL;
CREATE INDEX invites_idle ON invites (sent_at)
    WHERE revoked_at IS NULL AND superseded_at IS NULL AND declined_at IS NULL AND expired_at IS NULL AND started_at IS NULL
      AND reminded_idle_at IS NULL;

-- Who gave how much extra time before the start, and why; the last row counts. The reason is about a person, so it stands here,
-- where it can be changed or deleted, and not in the audit trail, where nothing can.
CREATE TABLE invite_extra_times (
    id                 uuid PRIMARY KEY,
    employer_id        uuid NOT NULL,
    invite_id          uuid NOT NULL,
    extra_time_percent integer NOT NULL CONSTRAINT invite_extra_times_range CHECK (extra_time_percent BETWEEN 0 AND 300),
    reason             text NOT NULL CONSTRAINT invite_extra_times_reason_length CHECK (length(reason) <= 1000), -- may be empty with the invite itself
    given_by_kind      text NOT NULL CONSTRAINT invite_extra_times_giver_known CHECK (given_by_kind IN ('member', 'api_key', 'operator')),
    given_by           uuid,
    at                 timestamptz NOT NULL,
    CONSTRAINT invite_extra_times_invite_fkey FOREIGN KEY (employer_id, invite_id) REFERENCES invites (employer_id, id) ON DELETE CASCADE
);
CREATE INDEX invite_extra_times_invite ON invite_extra_times (employer_id, invite_id, id);

-- +goose Down
DROP TABLE invite_extra_times;
DROP TABLE invites;
ALTER TABLE assessments DROP COLUMN reminders;
