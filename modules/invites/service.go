package invites

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/audit"
	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
	"credlane/app/kit/pg"
	"credlane/app/kit/seal"
)

// Filter narrows the invites of one assessment. Its zero value takes all.
type Filter struct {
	State  State
	States []State // any of them; none is every state
	Query  string  // part of the name or the address, in any case
}

// The page is cut before anything is looked up for it.
const (
	listFrom = selectShown + `
  FROM (SELECT i.id FROM invites i
         WHERE i.employer_id = $2 AND i.assessment_id = $3 AND i.id < $4`
	listTo = `
         ORDER BY i.id DESC LIMIT $5) page
  JOIN invites i ON i.id = page.id` + joinSubmission + `
 ORDER BY i.id DESC`

	sqlListInvites = listFrom + listTo
)

// List gives a page of an assessment's invites, newest first, and the cursor of the next one, nil on the last.
// Faults: ErrAssessmentNotFound, pg.ErrCursor.
func (m *Module) List(ctx context.Context, assessment uuid.UUID, f Filter, limit int, cursor string) ([]Invite, *string, error) {
	before := uuid.Max
	if cursor != "" {
		if err := pg.DecodeCursor(cursor, &before); err != nil {
			return nil, nil, err
		}
	}
	employer := authn.From(ctx).EmployerID
	sql, args := f.narrow(sqlListInvites, []any{m.clock.Now(), employer, assessment, before, limit + 1})
	list, err := pg.All[Invite](ctx, m.db, sql, args...)
	if err != nil {
		return nil, nil, fmt.Errorf("list invites to %s: %w", assessment, err)
	}
	if len(list) == 0 {
		// Only an empty page leaves open whether the assessment is there: the others need no second query.
		var there bool
		if err := m.db.QueryRow(ctx, sqlAssessmentExists, employer, assessment).Scan(&there); err != nil {
			return nil, nil, fmt.Errorf("list invites to %s: %w", assessment, err)
		}
		if !there {
			return nil, nil, ErrAssessmentNotFound
		}
	}
	if len(list) <= limit {
		return list, nil, nil
	}
	next, err := pg.EncodeCursor(list[limit-1].ID)
	if err != nil {
		return nil, nil, fmt.Errorf("list invites to %s: %w", assessment, err)
	}
	return list[:limit], &next, nil
}

// narrow puts the filter into the list's statement. Only what is asked for gets into it.
func (f Filter) narrow(sql string, args []any) (string, []any) {
	conditions := ""
	add := func(condition string, arg any) {
		args = append(args, arg)
		conditions += "\n           AND " + strings.ReplaceAll(condition, "$n", "$"+strconv.Itoa(len(args)))
	}
	if f.State != "" {
		add(stateOf+" = $n", f.State)
	}
	if len(f.States) > 0 {
		add(stateOf+" = ANY ($n)", f.States)
	}
	if f.Query != "" {
		add("(i.name ILIKE $n OR i.email ILIKE $n)", "%"+strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(f.Query)+"%")
	}
	if conditions == "" {
		return sql, args
	}
	return listFrom + conditions + listTo, args
}

// Find gives an invite and who gave it how much extra time before the start. Faults: ErrNotFound.
func (m *Module) Find(ctx context.Context, id uuid.UUID) (Invite, []ExtraTime, error) {
	employer := authn.From(ctx).EmployerID
	i, err := m.find(ctx, m.db, employer, id)
	if err != nil {
		return i, nil, err
	}
	times, err := pg.All[ExtraTime](ctx, m.db, sqlExtraTimes, employer, id)
	if err != nil {
		return i, nil, fmt.Errorf("find invite %s: %w", id, err)
	}
	return i, times, nil
}

const sqlRotate = `
UPDATE invites SET rotation = $3, token_hash = $4 WHERE employer_id = $1 AND id = $2`

// Resend owes the invite's mail once more, to who has started in words of going on. The link stays the same unless it is to
// rotate: then the old one is unknown from now on.
// Faults: ErrNotFound, ErrOver, ErrExpired, ErrCompleted, and those of Assessments for one that is not started.
func (m *Module) Resend(ctx context.Context, id uuid.UUID, rotate bool) error {
	employer := authn.From(ctx).EmployerID
	err := m.inTx(ctx, func(tx pgx.Tx) error {
		now := m.clock.Now()
		i, err := lock(ctx, tx, employer, id, now)
		if err != nil {
			return err
		}
		if err := i.usable(); err != nil {
			return err
		}
		if i.State == Completed {
			return ErrCompleted
		}
		about, err := m.assessments.Invitable(ctx, tx, employer, i.AssessmentID)
		if err != nil && (i.StartedAt == nil || !takesNoInvites(err)) {
			return err
		}
		if rotate {
			i.Rotation++
			if _, err := tx.Exec(ctx, sqlRotate, employer, id, i.Rotation, seal.Hash(m.token(i))); err != nil {
				return err
			}
		}
		letter := m.letter(i, templateInvite, about.Title)
		letter.Data["started"] = i.StartedAt != nil
		if err := m.mail.SendTx(ctx, tx, letter); err != nil {
			return err
		}
		e := m.event(ctx, i, "resent", now)
		e.After = map[string]any{"rotated": rotate}
		return audit.Write(ctx, tx, e)
	})
	if err != nil {
		return fmt.Errorf("resend invite %s: %w", id, err)
	}
	return nil
}

// takesNoInvites tells the lender's refusal, which concerns only those who have not started, from everything else that fails.
func takesNoInvites(err error) bool {
	f, ok := fault.As(err)
	return ok && f.Kind == fault.Conflict
}

// usable says why the link leads nowhere any more, or nil.
func (i Invite) usable() error {
	switch i.State {
	case Revoked, Superseded, Declined:
		return ErrOver
	case Expired:
		return ErrExpired
	}
	return nil
}

const sqlRevoke = `
UPDATE invites SET revoked_at = $3 WHERE employer_id = $1 AND id = $2`

// Revoke makes the link unknown. Revoking twice changes nothing. Faults: ErrNotFound, ErrStarted.
func (m *Module) Revoke(ctx context.Context, id uuid.UUID) error {
	employer := authn.From(ctx).EmployerID
	err := m.inTx(ctx, func(tx pgx.Tx) error {
		now := m.clock.Now()
		i, err := lock(ctx, tx, employer, id, now)
		if err != nil {
			return err
		}
		switch i.State {
		case Revoked, Superseded:
			return nil
		case Started, Completed:
			return ErrStarted
		}
		if _, err := tx.Exec(ctx, sqlRevoke, employer, id, now); err != nil {
			return err
		}
		e := m.event(ctx, i, "revoked", now)
		e.Before = map[string]any{"state": i.State}
		return audit.Write(ctx, tx, e)
	})
	if err != nil {
		return fmt.Errorf("revoke invite %s: %w", id, err)
	}
	return nil
}

// Change is what of an invite may be changed; nil leaves it as it is.
type Change struct {
	ExtraTimePercent *int
	Reason           string // of the extra time; required with it
	ExpiresAt        *time.Time
}

func (c Change) check(now time.Time) (Change, error) {
	if c.ExtraTimePercent != nil {
		c.Reason = strings.TrimSpace(c.Reason)
		if c.Reason == "" || utf8.RuneCountInString(c.Reason) > MaxReason || strings.ContainsFunc(c.Reason, isControl) {
			return c, ErrReason.WithFields(fault.Field{Location: "body.reason", Message: "Say why, in 1 to 1,000 characters."})
		}
		if *c.ExtraTimePercent < 0 || *c.ExtraTimePercent > MaxExtraTime {
			return c, invalid("body.extraTimePercent", messageExtraTime)
		}
	}
	if c.ExpiresAt != nil {
		at := c.ExpiresAt.UTC().Truncate(time.Microsecond)
		c.ExpiresAt = &at
	}
	return c, checkExpiry(c.ExpiresAt, now)
}

// Update gives extra time, before the start or during the test, and another expiry, which lets an expired invite live again.
// Faults: ErrNotFound, ErrOver, ErrExpired, ErrStarted (for another expiry), ErrTaken, ErrReason, and those of Accommodations.
func (m *Module) Update(ctx context.Context, id uuid.UUID, c Change) error {
	c, err := c.check(m.clock.Now())
	if err != nil {
		return err
	}
	begun, err := m.update(ctx, id, c, false)
	if err == nil && begun != nil {
		// The submission's own rules decide first, in their own transaction; what is noted here is for a start afresh.
		if err = m.time.GiveExtraTime(ctx, *begun, *c.ExtraTimePercent, c.Reason); err == nil {
			_, err = m.update(ctx, id, c, true)
		}
	}
	if err != nil {
		return fmt.Errorf("change invite %s: %w", id, err)
	}
	return nil
}

const sqlChange = `
UPDATE invites
   SET extra_time_percent = $3, expires_at = $4, expired_at = CASE WHEN $5::boolean THEN NULL ELSE expired_at END
 WHERE employer_id = $1 AND id = $2`

// update changes the invite; of one that has begun it only gives the submission, unless that has agreed.
func (m *Module) update(ctx context.Context, id uuid.UUID, c Change, agreed bool) (begun *uuid.UUID, err error) {
	employer := authn.From(ctx).EmployerID
	err = m.inTx(ctx, func(tx pgx.Tx) error {
		begun = nil
		now := m.clock.Now()
		was, err := lock(ctx, tx, employer, id, now)
		if err != nil {
			return err
		}
		is, err := was.with(c)
		if err != nil {
			return err
		}
		if was.StartedAt != nil && !agreed && c.ExtraTimePercent != nil {
			begun = was.SubmissionID
			return nil
		}
		news, err := is.news(ctx, tx, c)
		if err != nil || !news && is.ExpiresAt.Equal(was.ExpiresAt) {
			return err
		}
		if _, err := tx.Exec(ctx, sqlChange, employer, id, is.ExtraTimePercent, is.ExpiresAt, c.ExpiresAt != nil); err != nil {
			return err
		}
		if news {
			by := audit.ActorOf(authn.From(ctx))
			if err := m.rememberTimes(ctx, tx, employer, by, now, given{id, is.ExtraTimePercent, c.Reason}); err != nil {
				return err
			}
		}
		e := m.event(ctx, is, "changed", now)
		e.Before, e.After = was.settings(), is.settings()
		return audit.Write(ctx, tx, e)
	})
	return begun, err
}

const sqlTimeIsKnown = `
SELECT EXISTS (
    SELECT FROM (SELECT x.extra_time_percent, x.reason FROM invite_extra_times x
                  WHERE x.employer_id = $1 AND x.invite_id = $2
                  ORDER BY x.id DESC LIMIT 1) AS last
     WHERE last.extra_time_percent = $3 AND last.reason = $4)`

// news says whether c gives extra time that is not the last that is known. The same time for another reason is worth knowing
// too; the very same is a retry, after the submission had agreed and this invite was not written any more.
func (i Invite) news(ctx context.Context, tx pgx.Tx, c Change) (bool, error) {
	if c.ExtraTimePercent == nil {
		return false, nil
	}
	var known bool
	err := tx.QueryRow(ctx, sqlTimeIsKnown, i.EmployerID, i.ID, *c.ExtraTimePercent, c.Reason).Scan(&known)
	return !known, err
}

// with is the invite as c makes it.
func (i Invite) with(c Change) (Invite, error) {
	switch {
	case i.State == Revoked || i.State == Superseded || i.State == Declined:
		return i, ErrOver
	case i.State == Expired && c.ExpiresAt == nil:
		return i, ErrExpired
	case i.StartedAt != nil && c.ExpiresAt != nil:
		return i, ErrStarted
	}
	if c.ExtraTimePercent != nil {
		i.ExtraTimePercent = *c.ExtraTimePercent
	}
	if c.ExpiresAt != nil {
		i.ExpiresAt = *c.ExpiresAt
	}
	return i, nil
}

// settings is what the trail keeps of a change. The reason is about a person and the trail can never be changed: it stands
// in invite_extra_times, where it can be.
func (i Invite) settings() map[string]any {
	return map[string]any{"extraTimePercent": i.ExtraTimePercent, "expiresAt": i.ExpiresAt.UTC()}
}

// given is extra time that somebody gave.
type given struct {
	invite  uuid.UUID
	percent int
	reason  string
}

func (m *Module) rememberTimes(ctx context.Context, tx pgx.Tx, employer uuid.UUID, by audit.Actor, at time.Time, all ...given) error {
	n := len(all)
	if n == 0 {
		return nil
	}
	id, of, percents, reasons := make([]uuid.UUID, n), make([]uuid.UUID, n), make([]int, n), make([]string, n)
	for i, g := range all {
		id[i], of[i], percents[i], reasons[i] = m.ids.ID(), g.invite, g.percent, g.reason
	}
	_, err := tx.Exec(ctx, sqlRememberTimes, employer, by.Kind, known(by.ID), at, id, of, percents, reasons)
	return err
}
