package submissions

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/audit"
	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
	"credlane/app/kit/pg"
)

// Who comes with a proof of their address, a personal link or a one-time code, starts their attempt, or goes on with the one
// that the address has. A proof is held first, and the attempt after it; an end holds the attempt and then its invite. So that
// the two never wait for each other, a resumption by an invite that is tied to its attempt lets go of the invite before.

// InvitedStart is what somebody sends to begin, or go on, by a personal link.
type InvitedStart struct {
	Token   string
	Name    string // unless set, the invite's
	Consent bool   // needed to begin
}

// arrival is one who has proved their address.
type arrival struct {
	Name, Email      string
	Consent          bool
	InviteID         *uuid.UUID
	SubmissionID     uuid.UUID // what the invite is tied to; zero for nothing
	ExtraTimePercent int
	TimeGiven        TimeGiven
}

// entrance is what stands open to those who arrive: the attempt that their address has, or one to begin.
type entrance struct {
	assessment uuid.UUID
	own        *version // of the attempt; nil when there is none yet
	opening    Opening
	paper      *version // to begin with; nil when there is an attempt, or closed
	closed     error    // why nobody may begin now; nil when they may. It keeps nobody from going on
}

// entranceOf gets ready for an address, before anything is locked or used up.
func (m *Module) entranceOf(ctx context.Context, assessment uuid.UUID, email string, open func() (Opening, error)) (entrance, error) {
	own, err := findOwn(ctx, m.DB, assessment, email)
	switch {
	case err == nil:
		return m.entranceTo(ctx, assessment, own)
	case !errors.Is(err, pgx.ErrNoRows):
		return entrance{}, fmt.Errorf("enter: %w", err)
	}
	o, closed := open()
	return m.entrance(ctx, assessment, o, closed)
}

// entranceTo gets ready for going on with an attempt. ErrUnsettled: it was voided.
func (m *Module) entranceTo(ctx context.Context, assessment, submission uuid.UUID) (entrance, error) {
	e := entrance{assessment: assessment}
	id, err := findVersionOf(ctx, m.DB, submission)
	if errors.Is(err, pgx.ErrNoRows) {
		return e, ErrUnsettled
	}
	if err != nil {
		return e, fmt.Errorf("enter: %w", err)
	}
	e.own, err = m.paperOf(ctx, Opening{VersionID: id})
	return e, err
}

// entrance gets ready for a beginning: an opening that is a fault is no reason yet to refuse.
func (m *Module) entrance(ctx context.Context, assessment uuid.UUID, o Opening, closed error) (entrance, error) {
	e := entrance{assessment: assessment, opening: o, closed: closed}
	if _, refused := fault.As(closed); closed != nil && !refused {
		return e, closed
	}
	if closed != nil {
		return e, nil
	}
	var err error
	e.paper, err = m.paperOf(ctx, o)
	return e, err
}

// StartInvited begins the attempt of an invite's address, or resumes the one that it has: the link is the proof. Faults: those of
// Invitations and Openings, ErrUnsettled, and to begin ErrConsent and ErrCandidate.
func (m *Module) StartInvited(ctx context.Context, in InvitedStart) (token string, s Sitting, err error) {
	return comeAgain(func() (string, Sitting, error) { return m.startInvited(ctx, in) })
}

func (m *Module) startInvited(ctx context.Context, in InvitedStart) (token string, s Sitting, err error) {
	var held Invitation
	err = m.DB.InTx(ctx, func(tx pgx.Tx) error { // to know what to get ready
		held, err = m.Invitations.HoldTx(ctx, tx, in.Token)
		return err
	})
	if err != nil {
		return "", Sitting{}, err
	}
	var e entrance
	if held.SubmissionID != uuid.Nil {
		e, err = m.entranceTo(ctx, held.AssessmentID, held.SubmissionID)
	} else {
		e, err = m.entranceOf(ctx, held.AssessmentID, held.Email, func() (Opening, error) { return m.Openings.OpeningByID(ctx, held.AssessmentID) })
	}
	if err != nil {
		return "", Sitting{}, err
	}
	return m.enter(ctx, e, func(ctx context.Context, tx pgx.Tx) (arrival, error) {
		held, err := m.Invitations.HoldTx(ctx, tx, in.Token)
		if err != nil {
			return arrival{}, err
		}
		name := strings.TrimSpace(in.Name)
		if name == "" {
			name = held.Name
		}
		return arrival{
			Name: name, Email: held.Email, Consent: in.Consent, InviteID: &held.ID, SubmissionID: held.SubmissionID,
			ExtraTimePercent: held.ExtraTimePercent, TimeGiven: held.TimeGiven,
		}, nil
	})
}

// ErrUnsettled ends a try to enter that met something which is no more as it was: the next one sees how it is. Whoever gets it
// has used nothing up.
var ErrUnsettled = fault.New(fault.Unavailable, "start_unsettled",
	"Your attempt was being changed at this very moment. Try again in a few seconds.").RetryIn(2 * time.Second)

// refusal is a fault whose transaction commits: what it counted stays counted.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

const enterTries = 4

// comeAgain enters anew when somebody else began or voided the attempt in the meantime.
func comeAgain(enter func() (string, Sitting, error)) (token string, s Sitting, err error) {
	for range enterTries {
		if token, s, err = enter(); !errors.Is(err, ErrUnsettled) && !errors.Is(err, ErrAlreadyStarted) {
			break
		}
	}
	return token, s, err
}

// enter lets in who proves, within the transaction, to have an address.
func (m *Module) enter(ctx context.Context, e entrance, prove func(context.Context, pgx.Tx) (arrival, error)) (string, Sitting, error) {
	now := m.Clock.Now()
	var (
		who     arrival
		a       attempt
		answers []storedAnswer
		resumed bool
		refused error
	)
	err := m.DB.InTx(ctx, func(tx pgx.Tx) (err error) {
		a, answers, resumed, refused = attempt{}, nil, false, nil // it may be tried again
		who, err = prove(ctx, tx)
		var counted refusal
		if errors.As(err, &counted) {
			refused = counted.error
			return nil
		}
		if err != nil || who.SubmissionID != uuid.Nil {
			return err
		}
		var own uuid.UUID
		switch own, err = findOwn(ctx, tx, e.assessment, who.Email); {
		case err == nil:
			resumed = true
			a, answers, err = m.takeUpTx(ctx, tx, e, own, who, now)
		case errors.Is(err, pgx.ErrNoRows):
			a, err = m.beginTx(ctx, tx, e, who, now)
		}
		return err
	})
	if err == nil && refused == nil && who.SubmissionID != uuid.Nil {
		resumed = true
		err = m.DB.InTx(ctx, func(tx pgx.Tx) (err error) {
			a, answers, err = m.resumeTx(ctx, tx, e, who.SubmissionID, nil, now)
			return err
		})
	}
	switch {
	case err != nil:
		return "", Sitting{}, fmt.Errorf("enter: %w", constraints.Translate(err))
	case refused != nil:
		return "", Sitting{}, refused
	case resumed:
		return m.resumed(ctx, a, e.own, answers, now)
	}
	return m.begun(ctx, a, e.paper)
}

// beginTx begins the attempt of who has none. ErrAlreadyStarted: somebody else just did.
func (m *Module) beginTx(ctx context.Context, tx pgx.Tx, e entrance, who arrival, now time.Time) (attempt, error) {
	if e.closed != nil {
		return attempt{}, e.closed
	}
	if e.paper == nil { // there was an attempt, voided since
		return attempt{}, ErrUnsettled
	}
	start := Start{Name: who.Name, Email: who.Email, Consent: who.Consent}.tidy()
	if err := start.check(); err != nil {
		return attempt{}, err
	}
	a := m.draw(e.paper, now, who.ExtraTimePercent)
	a.Name, a.Email, a.InviteID, a.AddressProved = start.Name, start.Email, who.InviteID, true
	event := m.event(ctx, a, eventStarted, audit.Actor{Kind: "candidate", ID: a.ID}, now)
	var b pgx.Batch
	if err := m.queueStart(ctx, &b, e.opening, e.paper, a, event); err != nil {
		return attempt{}, err
	}
	if who.ExtraTimePercent > 0 {
		m.queueTimeGiven(&b, a, who.TimeGiven)
	}
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return attempt{}, constraints.Translate(err)
	}
	if who.InviteID == nil {
		return a, nil
	}
	return a, m.Invitations.StartedTx(ctx, tx, *who.InviteID, a.ID, now)
}

// withTheInvite is the reason for extra time that was given with the invite itself, where none is asked for.
const withTheInvite = "Given with the invite."

// queueTimeGiven notes who gave the extra time that an attempt has from its invite, when and why.
func (m *Module) queueTimeGiven(b *pgx.Batch, a attempt, g TimeGiven) {
	reason := strings.TrimSpace(g.Reason)
	if reason == "" {
		reason = withTheInvite
	}
	b.Queue(sqlRememberTime, m.IDs.ID(), a.EmployerID, a.ID, a.ExtraTimePercent, a.DeadlineAt, reason, g.ByKind, g.By, g.At)
}

// takeUpTx resumes an attempt that began without this proof, and ties it to the invite, if there is one: with the extra time
// that its address was promised.
func (m *Module) takeUpTx(ctx context.Context, tx pgx.Tx, e entrance, id uuid.UUID, who arrival, now time.Time) (attempt, []storedAnswer, error) {
	was, err := pg.One[clockState](ctx, tx, sqlLockOwn, id)
	if errors.Is(err, pgx.ErrNoRows) { // voided since it was found
		return attempt{}, nil, ErrUnsettled
	}
	if err != nil {
		return attempt{}, nil, err
	}
	if who.InviteID == nil {
		return m.resumeTx(ctx, tx, e, id, nil, now)
	}
	more := was.Status == InProgress && who.ExtraTimePercent > was.Percent && !was.Deadline.Before(cutoff(now))
	if more {
		_, err := tx.Exec(ctx, sqlLengthen, id, who.ExtraTimePercent, deadlineWith(was.Started, was.limit(), who.ExtraTimePercent))
		if err != nil {
			return attempt{}, nil, err
		}
	}
	a, answers, err := m.resumeTx(ctx, tx, e, id, who.InviteID, now)
	if err == nil && more {
		err = m.lengthenedTx(ctx, tx, a, was, who, now)
	}
	if err != nil {
		return attempt{}, nil, err
	}
	if err := m.Invitations.StartedTx(ctx, tx, *who.InviteID, id, now); err != nil || a.Status == InProgress {
		return a, answers, err
	}
	var b pgx.Batch
	m.Invitations.QueueCompleted(&b, *who.InviteID, now)
	return a, answers, tx.SendBatch(ctx, &b).Close()
}

// lengthenedTx notes that an invite moved the deadline of a running attempt, as it is noted when the employer does.
func (m *Module) lengthenedTx(ctx context.Context, tx pgx.Tx, a attempt, was clockState, who arrival, now time.Time) error {
	event := m.event(ctx, a, "submission.extra_time_given", audit.Actor{Kind: "candidate", ID: a.ID}, now)
	event.Before = timeGiven{ExtraTimePercent: was.Percent, DeadlineAt: was.Deadline.UTC()}
	event.After = timeGiven{ExtraTimePercent: a.ExtraTimePercent, DeadlineAt: a.DeadlineAt.UTC(), InviteID: who.InviteID}
	var b pgx.Batch
	m.queueTimeGiven(&b, a, who.TimeGiven)
	if err := audit.Queue(ctx, &b, event); err != nil {
		return err
	}
	return tx.SendBatch(ctx, &b).Close()
}

// resumeTx begins a new session of the attempt: the token of the one before is good no more. ErrUnsettled: it is not the attempt
// that was got ready for.
func (m *Module) resumeTx(ctx context.Context, tx pgx.Tx, e entrance, id uuid.UUID, invite *uuid.UUID, now time.Time) (attempt, []storedAnswer, error) {
	var b pgx.Batch
	b.Queue(sqlResume, id, invite)
	b.Queue(sqlAnswers, id)
	results := tx.SendBatch(ctx, &b)
	a, answers, err := scanAttempt(results, laidOut)
	err = errors.Join(err, closeBatch(results, err))
	if errors.Is(err, authn.ErrUnauthenticated) {
		return attempt{}, nil, ErrUnsettled
	}
	if err != nil {
		return attempt{}, nil, constraints.Translate(err)
	}
	if e.own == nil || e.own.id != a.VersionID {
		return attempt{}, nil, ErrUnsettled
	}
	event := m.event(ctx, a, "submission.resumed", audit.Actor{Kind: "candidate", ID: a.ID}, now)
	event.After = resumedState{Status: a.Status, ExtraTimePercent: a.ExtraTimePercent, SessionNumber: a.SessionNumber, InviteID: invite}
	return a, answers, audit.Write(ctx, tx, event)
}

// resumedState is what the audit trail keeps of a resumption.
type resumedState struct {
	Status           Status     `json:"status"`
	ExtraTimePercent int        `json:"extraTimePercent"`
	SessionNumber    int        `json:"sessionNumber"`
	InviteID         *uuid.UUID `json:"inviteId,omitempty"` // when it was tied to the attempt now
}

// resumed gives the token of the attempt's new session, and the attempt, which ends first when it is overdue.
func (m *Module) resumed(ctx context.Context, a attempt, v *version, answers []storedAnswer, now time.Time) (string, Sitting, error) {
	session := a.SessionNumber
	if a.Status == InProgress && a.overdue(now) {
		_, err := m.expireOverdue(ctx, a.ID, a.VersionID, now)
		if err == nil {
			a, answers, err = m.readAttempt(ctx, a.ID)
		}
		if err != nil {
			return "", Sitting{}, fmt.Errorf("resume: %w", err)
		}
		a.SessionNumber = session // whoever resumed since has the next one
	}
	token, err := m.token(ctx, a)
	if err != nil {
		return "", Sitting{}, fmt.Errorf("resume: %w", err)
	}
	s := m.sitting(a, v, answers, now)
	s.Resumed = true
	return token, s, nil
}
