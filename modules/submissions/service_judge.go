package submissions

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/audit"
	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
	"credlane/app/kit/rest"
)

// Limits of what people write about a submission.
const (
	MaxExtraTime = 300    // per cent of the time limit
	MaxReason    = 1_000  // characters
	MaxNote      = 10_000 // characters
	MaxTags      = 20
	MaxTag       = 60 // characters
)

// Decisions are what an employer may decide about a submission.
func Decisions() []string { return []string{"shortlist", "hold", "decline"} }

// The faults of the employer's half.
var (
	ErrReason = fault.New(fault.Invalid, "reason_required",
		"Say why, in at most 1,000 characters. The reason is kept and shown to your team.")
	ErrExtraTime = fault.New(fault.Invalid, "invalid_extra_time",
		"Give extra time between 0 and 300 per cent of the time limit.")
	ErrDeadlineInPast = fault.New(fault.Conflict, "deadline_in_past",
		"With so little extra time the deadline would already be over. Give more, or let the submission run on.")
	ErrInvalidJudgement = fault.New(fault.Invalid, "invalid_judgement",
		"Some of what you wrote about this submission is not allowed. The list names every reason.")
)

// errTimeIsOver is ErrSubmissionClosed in words for the employer.
var errTimeIsOver = ErrSubmissionClosed.WithMessage(
	"This submission has ended, so its time can no longer change. Delete it to let the person start afresh.")

// timeGiven is what the audit trail keeps of extra time. The reason is about a person and the trail can never be deleted:
// it stands in submission_extra_times, which goes with its submission.
type timeGiven struct {
	ExtraTimePercent int        `json:"extraTimePercent"`
	DeadlineAt       time.Time  `json:"deadlineAt"`
	InviteID         *uuid.UUID `json:"inviteId,omitempty"` // when it came with an invite
}

// GiveTime sets the extra time of a submission in progress to percent of its time limit and moves the deadline. Less time
// than before is allowed as long as the new deadline is still to come.
// Errors: ErrSubmissionNotFound, ErrSubmissionClosed, ErrDeadlineInPast, ErrExtraTime, ErrReason.
func (m *Module) GiveTime(ctx context.Context, id uuid.UUID, percent int, reason string) error {
	reason, err := readReason(reason)
	if err != nil {
		return err
	}
	if percent < 0 || percent > MaxExtraTime {
		return ErrExtraTime
	}
	employer, by := authn.From(ctx).EmployerID, audit.ActorOf(authn.From(ctx))
	if err := m.endIfOverdue(ctx, employer, id); err != nil {
		return err
	}
	err = m.DB.InTx(ctx, func(tx pgx.Tx) error {
		was, err := lockForTime(ctx, tx, employer, id)
		if err != nil {
			return err
		}
		now := m.Clock.Now()
		if was.Status != InProgress || now.After(was.Deadline.Add(Grace)) {
			return errTimeIsOver
		}
		deadline := deadlineWith(was.Started, was.limit(), percent)
		if !deadline.After(now) {
			return ErrDeadlineInPast
		}
		if _, err := tx.Exec(ctx, sqlGiveTime, employer, id, percent, deadline); err != nil {
			return constraints.Translate(err)
		}
		if _, err := tx.Exec(ctx, sqlRememberTime, m.IDs.ID(), employer, id, percent, deadline, reason, by.Kind, by.ID, now); err != nil {
			return constraints.Translate(err)
		}
		return audit.Write(ctx, tx, audit.Event{
			ID: m.IDs.ID(), EmployerID: employer, Action: "submission.extra_time_given", ObjectType: "submission", ObjectID: id,
			Before:    timeGiven{ExtraTimePercent: was.Percent, DeadlineAt: was.Deadline.UTC()},
			After:     timeGiven{ExtraTimePercent: percent, DeadlineAt: deadline},
			RequestID: rest.RequestID(ctx), At: now,
		})
	})
	if err != nil {
		return fmt.Errorf("give time to submission %s: %w", id, err)
	}
	return nil
}

// limit is the version's time limit, from the deadline that it gave: asking for the version here would take a second
// connection while this one is held.
func (t clockState) limit() time.Duration {
	return t.Deadline.Sub(t.Started) * 100 / time.Duration(100+t.Percent)
}

// deadlineWith is started + limit x (1 + percent/100), whole in microseconds because the limit is in minutes.
func deadlineWith(started time.Time, limit time.Duration, percent int) time.Time {
	return started.UTC().Add(limit + limit*time.Duration(percent)/100)
}

func readReason(reason string) (string, error) {
	reason = strings.TrimSpace(reason)
	if reason == "" || !storable(reason) || utf8.RuneCountInString(reason) > MaxReason {
		return "", ErrReason.WithFields(fault.Field{Location: "body.reason", Message: "Say why, in 1 to 1,000 characters."})
	}
	return reason, nil
}

// Judgement changes what people think of a submission; nil leaves a part as it is.
type Judgement struct {
	Note     *string
	Tags     *[]string
	Decision *string
	Undecide bool // takes the decision back
}

// Judge notes what people think of a submission, whether it runs or has ended.
// Errors: ErrSubmissionNotFound, ErrInvalidJudgement.
func (m *Module) Judge(ctx context.Context, id uuid.UUID, j Judgement) error {
	j, err := j.tidy()
	if err != nil {
		return err
	}
	p := authn.From(ctx)
	err = m.DB.InTx(ctx, func(tx pgx.Tx) error {
		was, err := lockJudgement(ctx, tx, p.EmployerID, id)
		if err != nil {
			return err
		}
		now := m.Clock.Now()
		is, changed := was.with(j, p.ID(), now)
		if len(changed) == 0 {
			return nil
		}
		_, err = tx.Exec(ctx, sqlJudge, p.EmployerID, id, is.Note, is.Tags, is.Decision, is.DecidedBy, is.DecidedAt)
		if err != nil {
			return constraints.Translate(err)
		}
		// Notes and tags are about a person: the trail tells that they changed, not what they say.
		return audit.Write(ctx, tx, audit.Event{
			ID: m.IDs.ID(), EmployerID: p.EmployerID, Action: "submission.judged", ObjectType: "submission", ObjectID: id,
			Before:    map[string]any{"decision": was.Decision},
			After:     map[string]any{"decision": is.Decision, "changed": changed},
			RequestID: rest.RequestID(ctx), At: now,
		})
	})
	if err != nil {
		return fmt.Errorf("judge submission %s: %w", id, err)
	}
	return nil
}

// tidy trims tags, drops repeated ones, and gives every reason why something is not allowed.
func (j Judgement) tidy() (Judgement, error) {
	var reasons []fault.Field
	add := func(field, message string) {
		reasons = append(reasons, fault.Field{Location: "body." + field, Message: message})
	}
	if j.Note != nil && (!storable(*j.Note) || utf8.RuneCountInString(*j.Note) > MaxNote) {
		add("note", fmt.Sprintf("Shorten the note to %d characters.", MaxNote))
	}
	if j.Tags != nil {
		tags := []string{}
		for i, tag := range *j.Tags {
			tag = strings.TrimSpace(tag)
			switch {
			case tag == "" || !storable(tag):
				add(fmt.Sprintf("tags[%d]", i), "Write a tag or remove the empty one.")
			case utf8.RuneCountInString(tag) > MaxTag:
				add(fmt.Sprintf("tags[%d]", i), fmt.Sprintf("Shorten the tag to %d characters.", MaxTag))
			case !slices.Contains(tags, tag):
				tags = append(tags, tag)
			}
		}
		if len(tags) > MaxTags {
			add("tags", fmt.Sprintf("Give at most %d tags.", MaxTags))
		}
		j.Tags = &tags
	}
	if j.Decision != nil && !slices.Contains(Decisions(), *j.Decision) {
		add("decision", "Choose shortlist, hold or decline, or null to take the decision back.")
	}
	if len(reasons) > 0 {
		return j, ErrInvalidJudgement.WithFields(reasons...)
	}
	return j, nil
}

// with is the judgement after j, and the names of the parts that changed. A decision that is repeated stays with whoever
// took it first.
func (was judgement) with(j Judgement, by uuid.UUID, now time.Time) (is judgement, changed []string) {
	is = was
	if j.Note != nil && *j.Note != was.Note {
		is.Note = *j.Note
		changed = append(changed, "note")
	}
	if j.Tags != nil && !slices.Equal(*j.Tags, was.Tags) {
		is.Tags = *j.Tags
		changed = append(changed, "tags")
	}
	switch {
	case j.Undecide && was.Decision != nil:
		is.Decision, is.DecidedBy, is.DecidedAt = nil, nil, nil
		changed = append(changed, "decision")
	case j.Decision != nil && *j.Decision != valueOf(was.Decision):
		is.Decision, is.DecidedBy, is.DecidedAt = j.Decision, &by, &now
		changed = append(changed, "decision")
	}
	return is, changed
}

func valueOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// Void takes a submission away: it is kept whole among the voided ones, its token is dead, and its candidate may start
// afresh. Errors: ErrSubmissionNotFound, ErrReason.
func (m *Module) Void(ctx context.Context, id uuid.UUID, reason string) error {
	reason, err := readReason(reason)
	if err != nil {
		return err
	}
	p := authn.From(ctx)
	err = m.DB.InTx(ctx, func(tx pgx.Tx) error {
		now := m.Clock.Now()
		assessment, err := moveToVoided(ctx, tx, p.EmployerID, id, p.ID(), reason, now)
		if err != nil {
			return err
		}
		if m.Invitations != nil {
			if err := m.Invitations.ReopenTx(ctx, tx, id); err != nil {
				return err
			}
		}
		return audit.Write(ctx, tx, audit.Event{
			ID: m.IDs.ID(), EmployerID: p.EmployerID, Action: "submission.voided", ObjectType: "submission", ObjectID: id,
			After:     map[string]any{"assessmentId": assessment},
			RequestID: rest.RequestID(ctx), At: now,
		})
	})
	if err != nil {
		return fmt.Errorf("void submission %s: %w", id, err)
	}
	return nil
}
