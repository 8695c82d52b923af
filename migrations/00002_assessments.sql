-- +goose Up

CREATE TABLE assessments (
    id                  uuid PRIMARY KEY,
    employer_id         uuid NOT NULL CONSTRAINT assessments_employer_fkey REFERENCES employers (id),
    title               text NOT NULL CONSTRAINT assessments_title_present CHECK (btrim(title) <> '' AND length(title) <= 200),
    description         text NOT NULL DEFAULT '' CONSTRAINT assessments_description_length CHECK (length(description) <= 20000),
    slug                text NOT NULL CONSTRAINT assessments_slug_key UNIQUE
                             CONSTRAINT assessments_slug_format CHECK (slug ~ '^[a-z0-9]{10,40}$'),
    status              text NOT NULL DEFAULT 'draft'
                             CONSTRAINT assessments_status_known CHECK (status IN ('draft', 'active', 'closed', 'archived')),
    time_limit_minutes  integer NOT NULL DEFAULT 30
                             CONSTRAINT assessments_time_limit_range CHECK (time_limit_minutes BETWEEN 1 AND 600),
    passing_score       numeric(5,2) NOT NULL DEFAULT 60
                             CONSTRAINT assessments_passing_score_range CHECK (passing_score BETWEEN 0 AND 100),
    shuffle_questions   boolean NOT NULL DEFAULT false,
    shuffle_options     boolean NOT NULL DEFAULT false,
    result_release      text NOT NULL DEFAULT 'none'
                             CONSTRAINT assessments_result_release_known CHECK (result_release IN ('none', 'passed', 'score', 'review')),
    release_at          timestamptz,
    require_email_code  boolean NOT NULL DEFAULT false,
    opens_at            timestamptz,
    closes_at           timestamptz,
    current_version     integer,
    revision            bigint NOT NULL DEFAULT 1, -- moves with every change of the row or its questions; the ETag
    content_revision    bigint NOT NULL DEFAULT 1, -- moves with every change of what a version snapshots
    published_revision  bigint,                    -- the content_revision that the current version holds
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    CONSTRAINT assessments_tenant_key UNIQUE (employer_id, id),
    CONSTRAINT assessments_close_after_opening CHECK (closes_at > opens_at),
    CONSTRAINT assessments_active_has_version CHECK (status NOT IN ('active', 'closed') OR current_version IS NOT NULL)
);
CREATE INDEX assessments_list ON assessments (employer_id, id);
CREATE INDEX assessments_by_status ON assessments (employer_id, status, id);

-- FOR NO KEY UPDATE, not FOR UPDATE: the latter would stall every insert that refers to the employer.
-- +goose StatementBegin
CREATE FUNCTION assessments_respect_active_limit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    allowed integer;
BEGIN
    SELECT active_assessment_limit INTO allowed FROM employers WHERE id = NEW.employer_id FOR NO KEY UPDATE;
    IF (SELECT count(*) FROM assessments WHERE employer_id = NEW.employer_id AND status = 'active' AND id <> NEW.id) >= allowed THEN
        RAISE EXCEPTION 'the employer has as many active assessments as it may'
            USING ERRCODE = '23514', CONSTRAINT = 'assessments_active_limit';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER assessments_active_limit_insert BEFORE INSERT ON assessments
    FOR EACH ROW WHEN (NEW.status = 'active') EXECUTE FUNCTION assessments_respect_active_limit();
CREATE TRIGGER assessments_active_limit_update BEFORE UPDATE ON assessments
    FOR EACH ROW WHEN (NEW.status = 'active' AND (OLD.status <> 'active' OR OLD.employer_id <> NEW.employer_id))
    EXECUTE FUNCTION assessments_respect_active_limit();

CREATE TABLE questions (
    id            uuid PRIMARY KEY,
    employer_id   uuid NOT NULL,
    assessment_id uuid NOT NULL,
    position      integer NOT NULL CONSTRAINT questions_position_positive CHECK (position >= 1),
    type          text NOT NULL CONSTRAINT questions_type_known
                       CHECK (type IN ('single_choice', 'multiple_choice', 'true_false', 'short_text', 'numeric')),
    prompt        text NOT NULL CONSTRAINT questions_prompt_present CHECK (btrim(prompt) <> '' AND length(prompt) <= 20000),
    options       jsonb NOT NULL DEFAULT '[]' CONSTRAINT questions_options_list CHECK (jsonb_typeof(options) = 'array'),
    points        numeric(8,3) NOT NULL DEFAULT 1 CONSTRAINT questions_points_range CHECK (points BETWEEN 0 AND 1000),
    tags          text[] NOT NULL DEFAULT '{}' CONSTRAINT questions_tags_bound CHECK (cardinality(tags) <= 20),
    difficulty    text NOT NULL DEFAULT '' CONSTRAINT questions_difficulty_length CHECK (length(difficulty) <= 60),
    explanation   text NOT NULL DEFAULT '' CONSTRAINT questions_explanation_length CHECK (length(explanation) <= 20000),
    credit_rule   text NOT NULL DEFAULT 'exact'
                       CONSTRAINT questions_credit_rule_known CHECK (credit_rule IN ('exact', 'right_minus_wrong')),
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    CONSTRAINT questions_tenant_key UNIQUE (employer_id, id),
    CONSTRAINT questions_assessment_fkey FOREIGN KEY (employer_id, assessment_id)
        REFERENCES assessments (employer_id, id) ON DELETE CASCADE,
    -- Deferrable, so that one UPDATE can reorder them all.
    CONSTRAINT questions_one_per_position UNIQUE (assessment_id, position) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT questions_choice_options CHECK (
        CASE WHEN jsonb_typeof(options) <> 'array' THEN true -- questions_options_list says so; a length would be an error
             WHEN type IN ('single_choice', 'multiple_choice') THEN jsonb_array_length(options) BETWEEN 2 AND 20
             ELSE jsonb_array_length(options) = 0 END)
);

-- Apart from the questions, so that a candidate's path cannot read them by accident.
CREATE TABLE answer_keys (
    question_id uuid CONSTRAINT answer_keys_one_per_question PRIMARY KEY,
    employer_id uuid NOT NULL,
    key         jsonb NOT NULL CONSTRAINT answer_keys_object CHECK (jsonb_typeof(key) = 'object'),
    CONSTRAINT answer_keys_question_fkey FOREIGN KEY (employer_id, question_id)
        REFERENCES questions (employer_id, id) ON DELETE CASCADE
);

CREATE TABLE assessment_versions (
    id                 uuid PRIMARY KEY,
    employer_id        uuid NOT NULL,
    assessment_id      uuid NOT NULL,
    number             integer NOT NULL CONSTRAINT assessment_versions_number_positive CHECK (number >= 1),
    title              text NOT NULL CONSTRAINT assessment_versions_title_present CHECK (btrim(title) <> ''),
    description        text NOT NULL,
    time_limit_minutes integer NOT NULL CONSTRAINT assessment_versions_time_limit_range CHECK (time_limit_minutes BETWEEN 1 AND 600),
    passing_score      numeric(5,2) NOT NULL CONSTRAINT assessment_versions_passing_score_range CHECK (passing_score BETWEEN 0 AND 100),
    shuffle_questions  boolean NOT NULL,
    shuffle_options    boolean NOT NULL,
    question_count     integer NOT NULL CONSTRAINT assessment_versions_question_count_positive CHECK (question_count >= 1),
    points_total       numeric(11,3) NOT NULL CONSTRAINT assessment_versions_points_positive CHECK (points_total > 0),
    created_at         timestamptz NOT NULL,
    created_xid        xid8 NOT NULL DEFAULT pg_current_xact_id(), -- who may still add questions: this transaction alone
    CONSTRAINT assessment_versions_tenant_key UNIQUE (employer_id, id),
    CONSTRAINT assessment_versions_of_assessment_key UNIQUE (assessment_id, id),
    CONSTRAINT assessment_versions_one_per_number UNIQUE (assessment_id, number),
    CONSTRAINT assessment_versions_assessment_fkey FOREIGN KEY (employer_id, assessment_id) REFERENCES assessments (employer_id, id)
);

CREATE TABLE version_questions (
    version_id  uuid NOT NULL,
    question_id uuid NOT NULL,
    employer_id uuid NOT NULL,
    position    integer NOT NULL CONSTRAINT version_questions_position_positive CHECK (position >= 1),
    type        text NOT NULL CONSTRAINT version_questions_type_known
                     CHECK (type IN ('single_choice', 'multiple_choice', 'true_false', 'short_text', 'numeric')),
    prompt      text NOT NULL,
    options     jsonb NOT NULL CONSTRAINT version_questions_options_list CHECK (jsonb_typeof(options) = 'array'),
    points      numeric(8,3) NOT NULL CONSTRAINT version_questions_points_range CHECK (points BETWEEN 0 AND 1000),
    tags        text[] NOT NULL,
    difficulty  text NOT NULL,
    explanation text NOT NULL,
    credit_rule text NOT NULL CONSTRAINT version_questions_credit_rule_known CHECK (credit_rule IN ('exact', 'right_minus_wrong')),
    CONSTRAINT version_questions_pkey PRIMARY KEY (version_id, question_id),
    CONSTRAINT version_questions_one_per_position UNIQUE (version_id, position),
    CONSTRAINT version_questions_version_fkey FOREIGN KEY (employer_id, version_id) REFERENCES assessment_versions (employer_id, id)
);

CREATE TABLE version_answer_keys (
    version_id  uuid NOT NULL,
    question_id uuid NOT NULL,
    employer_id uuid NOT NULL,
    key         jsonb NOT NULL CONSTRAINT version_answer_keys_object CHECK (jsonb_typeof(key) = 'object'),
    CONSTRAINT version_answer_keys_one_per_question PRIMARY KEY (version_id, question_id),
    CONSTRAINT version_answer_keys_version_fkey FOREIGN KEY (employer_id, version_id) REFERENCES assessment_versions (employer_id, id),
    CONSTRAINT version_answer_keys_question_fkey FOREIGN KEY (version_id, question_id)
        REFERENCES version_questions (version_id, question_id)
);

-- +goose StatementBegin
CREATE FUNCTION versions_never_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a published version never changes' USING ERRCODE = '23514', CONSTRAINT = 'versions_immutable';
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION versions_stamp_maker() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.created_xid := pg_current_xact_id();
    RETURN NEW;
END $$;
-- +goose StatementEnd
-- Runs once a statement: a version may hold thousands of questions.
-- +goose StatementBegin
CREATE FUNCTION versions_grow_only_while_made() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM (SELECT DISTINCT version_id FROM added) a JOIN assessment_versions v ON v.id = a.version_id
               WHERE v.created_xid <> pg_current_xact_id()) THEN
        RAISE EXCEPTION 'a published version never changes' USING ERRCODE = '23514', CONSTRAINT = 'versions_immutable';
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER assessment_versions_stamp BEFORE INSERT ON assessment_versions
    FOR EACH ROW EXECUTE FUNCTION versions_stamp_maker();
CREATE TRIGGER assessment_versions_immutable BEFORE UPDATE OR DELETE ON assessment_versions
    FOR EACH ROW EXECUTE FUNCTION versions_never_change();
CREATE TRIGGER assessment_versions_no_truncate BEFORE TRUNCATE ON assessment_versions
    FOR EACH STATEMENT EXECUTE FUNCTION versions_never_change();
CREATE TRIGGER version_questions_immutable BEFORE UPDATE OR DELETE ON version_questions
    FOR EACH ROW EXECUTE FUNCTION versions_never_change();
CREATE TRIGGER version_questions_no_truncate BEFORE TRUNCATE ON version_questions
    FOR EACH STATEMENT EXECUTE FUNCTION versions_never_change();
CREATE TRIGGER version_questions_closed AFTER INSERT ON version_questions REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION versions_grow_only_while_made();
CREATE TRIGGER version_answer_keys_immutable BEFORE UPDATE OR DELETE ON version_answer_keys
    FOR EACH ROW EXECUTE FUNCTION versions_never_change();
CREATE TRIGGER version_answer_keys_no_truncate BEFORE TRUNCATE ON version_answer_keys
    FOR EACH STATEMENT EXECUTE FUNCTION versions_never_change();
CREATE TRIGGER version_answer_keys_closed AFTER INSERT ON version_answer_keys REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION versions_grow_only_while_made();

-- +goose Down
DROP TABLE version_answer_keys;
DROP TABLE version_questions;
DROP TABLE assessment_versions;
DROP FUNCTION versions_grow_only_while_made();
DROP FUNCTION versions_stamp_maker();
DROP FUNCTION versions_never_change();
DROP TABLE answer_keys;
DROP TABLE questions;
DROP TABLE assessments;
DROP FUNCTION assessments_respect_active_limit();
