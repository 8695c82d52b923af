-- +goose Up

-- Shares are numerator and denominator in turn.
-- +goose StatementBegin
CREATE FUNCTION submissions_are_shares(list integer[]) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    FOR i IN 1 .. cardinality(list) BY 2 LOOP
        IF (list[i] BETWEEN 0 AND list[i + 1]) IS NOT TRUE THEN
            RETURN false;
        END IF;
    END LOOP;
    RETURN true;
END $$;
-- +goose StatementEnd

CREATE TABLE submissions (
    id                 uuid PRIMARY KEY,
    employer_id        uuid NOT NULL,
    assessment_id      uuid NOT NULL,
    version_id         uuid NOT NULL,
    candidate_user_id  uuid NOT NULL CONSTRAINT submissions_candidate_fkey REFERENCES users (id),
    name               text NOT NULL CONSTRAINT submissions_name_present CHECK (btrim(name) <> '' AND length(name) <= 200),
    email              text NOT NULL CONSTRAINT submissions_email_length CHECK (length(email) <= 254),
    consent_at         timestamptz NOT NULL,
    notice_version     integer NOT NULL CONSTRAINT submissions_notice_version_positive CHECK (notice_version >= 1),
    layout             jsonb NOT NULL, -- this candidate's order: ["2.1.0.3", ...], places in the version; [] is the author's
    session_number     integer NOT NULL DEFAULT 1 CONSTRAINT submissions_session_number_positive CHECK (session_number >= 1),
    status             text NOT NULL DEFAULT 'in_progress'
                            CONSTRAINT submissions_status_known CHECK (status IN ('in_progress', 'submitted', 'expired')),
    extra_time_percent integer NOT NULL DEFAULT 0 CONSTRAINT submissions_extra_time_range CHECK (extra_time_percent BETWEEN 0 AND 300),
    started_at         timestamptz NOT NULL,
    deadline_at        timestamptz NOT NULL CONSTRAINT submissions_deadline_after_start CHECK (deadline_at > started_at),
    submitted_at       timestamptz CONSTRAINT submissions_submitted_after_start CHECK (submitted_at >= started_at),
    points             numeric(11,3) CONSTRAINT submissions_points_not_negative CHECK (points >= 0),
    points_total       numeric(11,3) NOT NULL CONSTRAINT submissions_points_total_positive CHECK (points_total > 0),
    score              numeric(5,2) CONSTRAINT submissions_score_range CHECK (score BETWEEN 0 AND 100),
    passing_score      numeric(5,2) NOT NULL CONSTRAINT submissions_passing_score_range CHECK (passing_score BETWEEN 0 AND 100),
    passed             boolean,
    -- What each question earned of its points, exactly, in the version's order; 0, 0 is one without an answer. With the
    -- submission and not with its answers, so that it is written and read with it.
    credits            integer[] CONSTRAINT submissions_credits_are_shares CHECK (credits IS NULL OR submissions_are_shares(credits)),
    note               text NOT NULL DEFAULT '' CONSTRAINT submissions_note_length CHECK (length(note) <= 10000),
    tags               text[] NOT NULL DEFAULT '{}' CONSTRAINT submissions_tags_bound CHECK (cardinality(tags) <= 20),
    decision           text CONSTRAINT submissions_decision_known CHECK (decision IN ('shortlist', 'hold', 'decline')),
    decided_by         uuid,
    decided_at         timestamptz,
    CONSTRAINT submissions_tenant_key UNIQUE (employer_id, id),
    CONSTRAINT submissions_one_per_candidate UNIQUE (assessment_id, candidate_user_id),
    CONSTRAINT submissions_assessment_fkey FOREIGN KEY (employer_id, assessment_id) REFERENCES assessments (employer_id, id),
    CONSTRAINT submissions_version_fkey FOREIGN KEY (assessment_id, version_id) REFERENCES assessment_versions (assessment_id, id),
    CONSTRAINT submissions_score_when_submitted CHECK (
        (status = 'in_progress') = (submitted_at IS NULL) AND (submitted_at IS NULL) = (score IS NULL)
        AND (score IS NULL) = (points IS NULL) AND (score IS NULL) = (passed IS NULL) AND (score IS NULL) = (credits IS NULL)),
    CONSTRAINT submissions_passed_follows_score CHECK (passed = (score >= passing_score))
);
-- The lists; a sort key that may be null is coalesced in key and index alike, or paging would lose rows.
CREATE INDEX submissions_by_start ON submissions (assessment_id, id);
CREATE INDEX submissions_by_score ON submissions (assessment_id, COALESCE(score, -1), id);
CREATE INDEX submissions_by_submitted ON submissions (assessment_id, COALESCE(submitted_at, 'infinity'::timestamptz), id);
CREATE INDEX submissions_by_name ON submissions (assessment_id, (lower(name) COLLATE "C"), id);
CREATE INDEX submissions_overdue ON submissions (deadline_at) WHERE status = 'in_progress';

-- What a submission is worth is settled when it ends; what people think of it stays open.
-- +goose StatementBegin
CREATE FUNCTION submissions_end_once() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER submissions_final BEFORE UPDATE ON submissions
    FOR EACH ROW WHEN (OLD.status <> 'in_progress') EXECUTE FUNCTION submissions_end_once();

CREATE TABLE submission_answers (
    submission_id uuid NOT NULL,
    question_id   uuid NOT NULL,
    employer_id   uuid NOT NULL, -- written by the trigger from the submission
    version_id    uuid NOT NULL, -- likewise
    answer        jsonb,
    sequence      bigint NOT NULL CONSTRAINT submission_answers_sequence_not_negative CHECK (sequence >= 0),
    flagged       boolean NOT NULL DEFAULT false,
    saved_at      timestamptz NOT NULL,
    CONSTRAINT submission_answers_one_per_question PRIMARY KEY (submission_id, question_id),
    CONSTRAINT submission_answers_submission_fkey FOREIGN KEY (employer_id, submission_id)
        REFERENCES submissions (employer_id, id) ON DELETE CASCADE,
    CONSTRAINT submission_answers_question_in_version FOREIGN KEY (version_id, question_id)
        REFERENCES version_questions (version_id, question_id)
);

-- FOR SHARE, not a plain read: submit, expiry and extra time take the row FOR NO KEY UPDATE first, so a save either comes
-- before them and is scored, or after them and is refused; a plain read loses an acknowledged answer.
-- +goose StatementBegin
CREATE FUNCTION submission_answers_while_open() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    s record;
BEGIN
    SELECT status, employer_id, version_id INTO s FROM submissions
     WHERE id = CASE TG_OP WHEN 'DELETE' THEN OLD.submission_id ELSE NEW.submission_id END FOR SHARE;
    IF FOUND AND s.status <> 'in_progress' THEN
        RAISE EXCEPTION 'answers change only while the submission is in progress'
            USING ERRCODE = '23514', CONSTRAINT = 'submission_answers_open';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF FOUND THEN
        NEW.employer_id := s.employer_id;
        NEW.version_id := s.version_id;
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER submission_answers_open BEFORE INSERT OR UPDATE OR DELETE ON submission_answers
    FOR EACH ROW EXECUTE FUNCTION submission_answers_while_open();

-- Who gave how much extra time and why; the last row counts. The reason is about a person, so it goes with the submission,
-- which the audit trail never does.
CREATE TABLE submission_extra_times (
    id                 uuid PRIMARY KEY,
    employer_id        uuid NOT NULL,
    submission_id      uuid NOT NULL,
    extra_time_percent integer NOT NULL CONSTRAINT submission_extra_times_range CHECK (extra_time_percent BETWEEN 0 AND 300),
    deadline_at        timestamptz NOT NULL,
    reason             text NOT NULL CONSTRAINT submission_extra_times_reason_present CHECK (btrim(reason) <> '' AND length(reason) <= 1000),
    given_by_kind      text NOT NULL CONSTRAINT submission_extra_times_giver_known CHECK (given_by_kind IN ('member', 'api_key')),
    given_by           uuid NOT NULL,
    at                 timestamptz NOT NULL,
    CONSTRAINT submission_extra_times_submission_fkey FOREIGN KEY (employer_id, submission_id)
        REFERENCES submissions (employer_id, id) ON DELETE CASCADE
);
CREATE INDEX submission_extra_times_submission ON submission_extra_times (employer_id, submission_id, id);

-- A deleted submission, whole, with who and why; its candidate may start afresh.
CREATE TABLE voided_submissions (
    id            uuid PRIMARY KEY,
    employer_id   uuid NOT NULL,
    assessment_id uuid NOT NULL,
    submission    jsonb NOT NULL,
    answers       jsonb NOT NULL,
    voided_by     uuid NOT NULL,
    reason        text NOT NULL CONSTRAINT voided_submissions_reason_present CHECK (btrim(reason) <> '' AND length(reason) <= 1000),
    voided_at     timestamptz NOT NULL,
    CONSTRAINT voided_submissions_assessment_fkey FOREIGN KEY (employer_id, assessment_id) REFERENCES assessments (employer_id, id)
);
CREATE INDEX voided_submissions_assessment ON voided_submissions (employer_id, assessment_id);

-- +goose Down
DROP TABLE voided_submissions;
DROP TABLE submission_extra_times;
DROP TABLE submission_answers;
DROP FUNCTION submission_answers_while_open();
DROP TABLE submissions;
DROP FUNCTION submissions_end_once();
DROP FUNCTION submissions_are_shares(integer[]);
