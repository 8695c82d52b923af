-- +goose Up

-- What people think of a submission is asked for among all of an assessment, and mostly of few. Neither index has a row for
-- a submission that nobody has judged, so a start or a hand-in writes to none of them.
CREATE INDEX submissions_by_decision ON submissions (assessment_id, decision, id) WHERE decision IS NOT NULL;
CREATE INDEX submissions_tagged ON submissions (assessment_id, id) WHERE tags <> '{}';

-- +goose Down
DROP INDEX submissions_tagged;
DROP INDEX submissions_by_decision;
