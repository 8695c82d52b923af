package invites

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/audit"
	"credlane/app/kit/fault"
	"credlane/app/kit/pg"
)

// The event is only of the first look.
const sqlOpen = `
UPDATE invites i
   SET opened_at = $2
 WHERE i.id = $1 AND i.opened_at IS NULL AND i.started_at IS NULL AND i.expires_at > $2 AND ` + live

// Open gives what the holder of a link sees before the start, and notes the first look. Faults: ErrNotFound for a link that is
// unknown, revoked or followed by another one, and those of Assessments.
func (m *Module) Open(ctx context.Context, token string) (Invite, Landing, error) {
	i, err := m.findByToken(ctx, m.db, token)
	if err != nil {
		return Invite{}, Landing{}, err
	}
	landing, err := m.assessments.Landing(ctx, i.AssessmentID, i.ExtraTimePercent)
	if err != nil {
		return Invite{}, Landing{}, fmt.Errorf("landing of invite %s: %w", i.ID, err)
	}
	if i.State != Created && i.State != Sent {
		return i, landing, nil
	}
	err = m.inTx(ctx, func(tx pgx.Tx) error {
		now := m.clock.Now()
		tag, err := tx.Exec(ctx, sqlOpen, i.ID, now)
		if err != nil || tag.RowsAffected() == 0 { // somebody else looked at the same time, or it has just ended
			return err
		}
		if err := m.events.AnnounceTx(ctx, tx, i.EmployerID, i.ID, now, EventOpened); err != nil {
			return err
		}
		return audit.Write(ctx, tx, asCandidate(m.event(ctx, i, "opened", now)))
	})
	if err != nil {
		return Invite{}, Landing{}, fmt.Errorf("open invite %s: %w", i.ID, err)
	}
	i, err = m.findByToken(ctx, m.db, token)
	return i, landing, err
}

const sqlDecline = `
UPDATE invites SET declined_at = $2, decline_reason = $3 WHERE id = $1`

// Decline says that the person will not take part. Declining twice changes nothing.
// Faults: ErrNotFound, ErrStarted, ErrExpired, and rest.ErrInvalid for a reason that cannot be kept.
func (m *Module) Decline(ctx context.Context, token, reason string) (Invite, error) {
	reason = strings.TrimSpace(reason)
	if utf8.RuneCountInString(reason) > MaxReason || strings.ContainsFunc(reason, isControl) {
		return Invite{}, invalid("body.reason", "Use at most 1,000 characters, without control characters.")
	}
	var i Invite
	err := m.inTx(ctx, func(tx pgx.Tx) (err error) {
		now := m.clock.Now()
		if i, err = m.lockByToken(ctx, tx, token, now); err != nil {
			return err
		}
		switch i.State {
		case Declined:
			return nil
		case Started, Completed:
			return ErrStarted
		case Expired:
			return ErrExpired
		}
		if _, err := tx.Exec(ctx, sqlDecline, i.ID, now, reason); err != nil {
			return err
		}
		i.State, i.DeclinedAt = Declined, &now
		if err := m.events.AnnounceTx(ctx, tx, i.EmployerID, i.ID, now, EventDeclined); err != nil {
			return err
		}
		return audit.Write(ctx, tx, asCandidate(m.event(ctx, i, "declined", now)))
	})
	if err != nil {
		return Invite{}, fmt.Errorf("decline an invite: %w", err)
	}
	return i, nil
}

// Masked is an address as it is shown to whoever has the link: enough to know one's own by, and no more.
func Masked(email string) string {
	local, domain, _ := strings.Cut(email, "@")
	name, top := domain, ""
	if dot := strings.LastIndexByte(domain, '.'); dot >= 0 {
		name, top = domain[:dot], domain[dot:]
	}
	return initial(local) + "@" + initial(name) + top
}

func initial(text string) string {
	r, _ := utf8.DecodeRuneInString(text)
	return string(r) + "•••"
}

// Held is an invite as a start needs to know it.
type Held struct {
	ID, EmployerID, AssessmentID uuid.UUID
	SubmissionID                 uuid.UUID // zero: not started
	Email, Name                  string
	ExtraTimePercent             int
	TimeGiven                    TimeGiven // zero without extra time, and of one that is started
}

// TimeGiven is who gave the extra time of an invite last, when and why.
type TimeGiven struct {
	ByKind string     `db:"given_by_kind"` // member, api_key, operator
	By     *uuid.UUID `db:"given_by"`      // nil for the operator
	Reason string     `db:"reason"`        // may be empty where it came with the invite
	At     time.Time  `db:"at"`
}

const sqlTimeGiven = `
SELECT x.given_by_kind, x.given_by, x.reason, x.at
  FROM invite_extra_times x
 WHERE x.employer_id = $1 AND x.invite_id = $2
 ORDER BY x.id DESC
 LIMIT 1`

// HoldTx finds the invite of a link and keeps everybody else from changing it until tx ends. Faults: ErrNotFound for a link that
// is unknown, revoked or followed by another one; ErrDeclined; ErrExpired unless it has been started: that one is held whatever
// its expiry.
func (m *Module) HoldTx(ctx context.Context, tx pgx.Tx, token string) (Held, error) {
	i, err := m.lockByToken(ctx, tx, token, m.clock.Now())
	if err != nil {
		return Held{}, err
	}
	switch i.State {
	case Declined:
		return Held{}, ErrDeclined
	case Expired:
		return Held{}, ErrExpired
	}
	h := Held{ID: i.ID, EmployerID: i.EmployerID, AssessmentID: i.AssessmentID, Email: i.Email, Name: i.Name, ExtraTimePercent: i.ExtraTimePercent}
	if i.SubmissionID != nil {
		h.SubmissionID = *i.SubmissionID
		return h, nil
	}
	if h.ExtraTimePercent > 0 {
		if h.TimeGiven, err = pg.One[TimeGiven](ctx, tx, sqlTimeGiven, h.EmployerID, h.ID); err != nil {
			return Held{}, fmt.Errorf("extra time of invite %s: %w", h.ID, err)
		}
	}
	return h, nil
}

// Starting is a look as well.
const sqlStart = `
UPDATE invites
   SET submission_id = $2, started_at = $3, opened_at = COALESCE(opened_at, $3)
 WHERE id = $1 AND started_at IS NULL`

// StartedTx notes the submission that an invite held by HoldTx has begun, or that its person had begun before.
func (m *Module) StartedTx(ctx context.Context, tx pgx.Tx, inviteID, submissionID uuid.UUID, at time.Time) error {
	tag, err := tx.Exec(ctx, sqlStart, inviteID, submissionID, at)
	if err == nil && tag.RowsAffected() == 0 {
		err = fmt.Errorf("it is no longer there, or was started")
	}
	if err != nil {
		return constraints.Translate(fmt.Errorf("start invite %s: %w", inviteID, err))
	}
	return nil
}

const sqlComplete = `
UPDATE invites SET completed_at = $2 WHERE id = $1 AND started_at IS NOT NULL AND completed_at IS NULL`

// QueueCompleted notes in a batch that the invite's submission has ended. Only the first time counts.
func (m *Module) QueueCompleted(b *pgx.Batch, inviteID uuid.UUID, at time.Time) {
	b.Queue(sqlComplete, inviteID, at)
}

const sqlReopen = `
UPDATE invites i
   SET submission_id = NULL, started_at = NULL, completed_at = NULL
 WHERE i.submission_id = $1
RETURNING i.id, i.employer_id`

// ReopenTx lets the invite of a submission that is voided in tx be started afresh, if there is one.
func (m *Module) ReopenTx(ctx context.Context, tx pgx.Tx, submissionID uuid.UUID) error {
	rows, err := tx.Query(ctx, sqlReopen, submissionID)
	if err != nil {
		return fmt.Errorf("reopen the invite of submission %s: %w", submissionID, err)
	}
	var events []audit.Event
	var i Invite
	_, err = pgx.ForEachRow(rows, []any{&i.ID, &i.EmployerID}, func() error {
		events = append(events, m.event(ctx, i, "reopened", m.clock.Now()))
		return nil
	})
	if err != nil {
		return fmt.Errorf("reopen the invite of submission %s: %w", submissionID, err)
	}
	return audit.WriteAll(ctx, tx, events...)
}

// EventObject gives an invite as other systems hear of it: without its link and without words about the person.
// Faults: ErrNotFound.
func (m *Module) EventObject(ctx context.Context, employerID, inviteID uuid.UUID) (any, error) {
	i, err := m.find(ctx, m.db, employerID, inviteID)
	if err != nil {
		return nil, err
	}
	return wireOf(i), nil
}

// PublicFaults are those with which the holder of a link may be refused, for the contract of who mounts the start.
func PublicFaults() []*fault.Error { return []*fault.Error{ErrNotFound, ErrDeclined, ErrExpired} }
