package submissions

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/pg"
)

// The share lock makes a save come before or after a submit, an expiry, a takeover or extra time, never in between: the
// conditions are judged again on the row as it is once the lock is held. An equal or lower sequence changes nothing; without
// one the next is taken. The answer's form was judged before, against the version in the token. Rows are written in one order
// everywhere, so that no two statements wait for each other.
const (
	saveAttempts = `
WITH asked AS (
    SELECT * FROM unnest($1::uuid[], $2::integer[], $3::timestamptz[], $4::uuid[], $5::jsonb[], $6::bigint[], $7::boolean[])
                  WITH ORDINALITY AS u (submission_id, session_number, at, question_id, answer, sequence, flagged, place)
), attempt AS (
    SELECT s.id, s.employer_id, s.version_id, s.deadline_at, asked.*
    FROM asked
    JOIN submissions s ON s.id = asked.submission_id
    WHERE s.session_number = asked.session_number AND s.status = 'in_progress' AND s.deadline_at >= asked.at - $8::interval
    FOR SHARE OF s`
	saveAnswers = `
), saved AS (
    INSERT INTO submission_answers AS a
           (submission_id, question_id, employer_id, version_id, answer, sequence, flagged, saved_at)
    SELECT id, question_id, employer_id, version_id, answer, COALESCE(sequence, 1), COALESCE(flagged, false), at
    FROM attempt
    ORDER BY id, question_id
    ON CONFLICT (submission_id, question_id) DO UPDATE SET (answer, sequence, flagged, saved_at) = (
        SELECT CASE WHEN n.sequence <= a.sequence THEN a.answer ELSE n.answer END,
               CASE WHEN n.sequence <= a.sequence THEN a.sequence ELSE COALESCE(n.sequence, a.sequence + 1) END,
               CASE WHEN n.sequence <= a.sequence THEN a.flagged ELSE COALESCE(n.flagged, a.flagged) END,
               CASE WHEN n.sequence <= a.sequence THEN a.saved_at ELSE n.at END
        FROM attempt n
        WHERE n.id = a.submission_id AND n.question_id = a.question_id)
    RETURNING submission_id, question_id, sequence, saved_at
)
SELECT attempt.place, saved.sequence, saved.saved_at, attempt.deadline_at
FROM attempt
JOIN saved ON saved.submission_id = attempt.id AND saved.question_id = attempt.question_id`

	// sqlSave waits for whoever holds a submission.
	sqlSave = saveAttempts + saveAnswers
	// sqlSaveFree passes over the submissions that somebody holds, so that nobody waits for another's.
	sqlSaveFree = saveAttempts + " SKIP LOCKED" + saveAnswers
)

// asked is one save on its way to the database.
type asked struct {
	submission uuid.UUID
	session    int
	at         time.Time
	question   uuid.UUID
	answer     []byte // canonical; nil for a cleared one
	sequence   *int64
	flagged    *bool
}

func newAsked(p authn.Principal, in Save, answer []byte, now time.Time) asked {
	return asked{
		submission: p.SubmissionID, session: p.SessionNumber, at: now,
		question: in.QuestionID, answer: answer, sequence: in.Sequence, flagged: in.Flagged,
	}
}

// row is what a save writes: no two in one statement may have the same.
type row struct{ submission, question uuid.UUID }

func (a asked) row() row { return row{a.submission, a.question} }

// kept is what came of a save; open is false when its submission took none.
type kept struct {
	sequence            int64
	savedAt, deadlineAt time.Time
	open                bool
}

// saveRows makes the saves, which are of different rows, in one statement, and gives their outcomes in the same order.
func saveRows(ctx context.Context, db *pg.DB, sql string, list []asked) ([]kept, error) {
	n := len(list)
	submissions, sessions, at, questions := make([]uuid.UUID, n), make([]int32, n), make([]time.Time, n), make([]uuid.UUID, n)
	answers, sequences, flags := make([][]byte, n), make([]*int64, n), make([]*bool, n)
	for i, a := range list {
		submissions[i], sessions[i], at[i], questions[i] = a.submission, int32(a.session), a.at, a.question
		answers[i], sequences[i], flags[i] = a.answer, a.sequence, a.flagged
	}
	rows, err := db.Query(ctx, sql, submissions, sessions, at, questions, answers, sequences, flags, Grace)
	if err != nil {
		return nil, fmt.Errorf("save answers: %w", err)
	}
	defer rows.Close()
	all := make([]kept, n)
	for rows.Next() {
		var place int64
		o := kept{open: true}
		if err := rows.Scan(&place, &o.sequence, &o.savedAt, &o.deadlineAt); err != nil {
			return nil, fmt.Errorf("save answers: %w", err)
		}
		all[place-1] = o
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("save answers: %w", err)
	}
	return all, nil
}

// saveOne makes one save. The errors are those of the constraints.
func saveOne(ctx context.Context, db *pg.DB, sql string, a asked) (kept, error) {
	all, err := saveRows(ctx, db, sql, []asked{a})
	if err != nil {
		return kept{}, constraints.Translate(err)
	}
	return all[0], nil
}

// inOrder sorts saves in the one order in which rows are written.
func inOrder(a, b asked) int {
	return cmp.Or(slices.Compare(a.submission[:], b.submission[:]), slices.Compare(a.question[:], b.question[:]))
}
