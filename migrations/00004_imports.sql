-- +goose Up

CREATE TABLE imports (
    id            uuid PRIMARY KEY,
    employer_id   uuid NOT NULL,
    assessment_id uuid NOT NULL,
    file_name     text NOT NULL CONSTRAINT imports_file_name_length CHECK (length(file_name) <= 255),
    sha256        bytea NOT NULL CONSTRAINT imports_sha256_length CHECK (octet_length(sha256) = 32),
    bytes         bigint NOT NULL CONSTRAINT imports_bytes_not_negative CHECK (bytes >= 0),
    format        text NOT NULL CONSTRAINT imports_format_known CHECK (format IN ('csv', 'xlsx')),
    status        text NOT NULL CONSTRAINT imports_status_known CHECK (status IN ('checked', 'rejected', 'done')),
    accepted      integer NOT NULL CONSTRAINT imports_accepted_not_negative CHECK (accepted >= 0),
    rejected      integer NOT NULL CONSTRAINT imports_rejected_not_negative CHECK (rejected >= 0),
    warned        integer NOT NULL CONSTRAINT imports_warned_not_negative CHECK (warned >= 0),
    error_count   integer NOT NULL CONSTRAINT imports_error_count_not_negative CHECK (error_count >= 0),
    result        jsonb NOT NULL, -- the rest of the report: file, mapping, sample
    created_by    uuid NOT NULL,
    created_at    timestamptz NOT NULL,
    CONSTRAINT imports_tenant_key UNIQUE (employer_id, id),
    CONSTRAINT imports_assessment_fkey FOREIGN KEY (employer_id, assessment_id)
        REFERENCES assessments (employer_id, id) ON DELETE CASCADE,
    CONSTRAINT imports_done_without_errors CHECK (status <> 'done' OR error_count = 0)
);
CREATE INDEX imports_assessment ON imports (employer_id, assessment_id, id);

CREATE TABLE import_errors (
    import_id   uuid NOT NULL,
    employer_id uuid NOT NULL,
    ordinal     integer NOT NULL CONSTRAINT import_errors_ordinal_positive CHECK (ordinal >= 1),
    severity    text NOT NULL CONSTRAINT import_errors_severity_known CHECK (severity IN ('error', 'warning')),
    row         integer NOT NULL CONSTRAINT import_errors_row_not_negative CHECK (row >= 0),
    col         text NOT NULL,
    code        text NOT NULL,
    message     text NOT NULL,
    CONSTRAINT import_errors_pkey PRIMARY KEY (import_id, ordinal),
    CONSTRAINT import_errors_import_fkey FOREIGN KEY (employer_id, import_id) REFERENCES imports (employer_id, id) ON DELETE CASCADE
);

-- +goose Down
DROP TABLE import_errors;
DROP TABLE imports;
