-- +goose NO TRANSACTION
-- +goose Up

-- What reads all submissions, each in a transaction of its own and without keeping anybody from writing. A try that was broken
-- off leaves an index that is not valid, so it begins afresh.
DROP INDEX CONCURRENTLY IF EXISTS submissions_one_per_invite;
-- Without a row for those that came by the public link, so that their start does not write to it.
CREATE UNIQUE INDEX CONCURRENTLY submissions_one_per_invite ON submissions (invite_id) WHERE invite_id IS NOT NULL;
ALTER TABLE submissions VALIDATE CONSTRAINT submissions_invite_fkey;
ALTER TABLE submissions VALIDATE CONSTRAINT submissions_invite_is_a_proof;

-- +goose Down
ALTER TABLE submissions
    DROP CONSTRAINT submissions_invite_is_a_proof,
    DROP CONSTRAINT submissions_invite_fkey,
    ADD CONSTRAINT submissions_invite_fkey FOREIGN KEY (employer_id, invite_id) REFERENCES invites (employer_id, id) NOT VALID,
    ADD CONSTRAINT submissions_invite_is_a_proof CHECK (invite_id IS NULL OR address_proved) NOT VALID;
DROP INDEX CONCURRENTLY IF EXISTS submissions_one_per_invite;
