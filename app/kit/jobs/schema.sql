-- What the product adds to the job library's own tables. It runs after theirs whenever it has changed, and may find an older
-- edition of itself there.

-- A worker that lives says so every few seconds.
CREATE TABLE IF NOT EXISTS river.alive (
    worker  text PRIMARY KEY,
    seen_at timestamptz NOT NULL
);

-- Two inverted indexes over arguments and metadata that nothing here asks: each costs more than the row.
DROP INDEX IF EXISTS river.river_job_args_index;
DROP INDEX IF EXISTS river.river_job_metadata_index;

CREATE INDEX IF NOT EXISTS river_job_by_employer ON river.river_job ((metadata ->> 'employerId'), id);

-- The one way in. A unique key is held while its job is queued, running or retrying: the bits are scheduled, running,
-- retryable, pending and available, in the order of river_job_state_in_bitmask.
CREATE OR REPLACE FUNCTION river.enqueue(job_kind text, job_queue text, job_priority integer, attempts integer, job_args jsonb,
                                         about jsonb, run_at timestamptz, key bytea) RETURNS bigint LANGUAGE sql AS $$
INSERT INTO river.river_job (kind, queue, priority, max_attempts, args, metadata, scheduled_at, state, unique_key, unique_states)
VALUES (job_kind, job_queue, job_priority, attempts, job_args, about, coalesce(run_at, now()),
        CASE WHEN run_at > now() THEN 'scheduled'::river.river_job_state ELSE 'available'::river.river_job_state END,
        key, CASE WHEN key IS NOT NULL THEN B'11110001' END)
ON CONFLICT (unique_key) WHERE unique_key IS NOT NULL AND unique_states IS NOT NULL
                           AND river.river_job_state_in_bitmask(unique_states, state) DO NOTHING
RETURNING id
$$;
