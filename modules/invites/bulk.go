package invites

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/address"
	"credlane/app/kit/audit"
	"credlane/app/kit/authn"
	"credlane/app/kit/mail"
	"credlane/app/kit/pg"
	"credlane/app/kit/seal"
)

// Order says whom to invite, and how.
type Order struct {
	People    []Person
	ExpiresAt *time.Time // nil: 14 days from now
	Message   string     // of whoever invites, in the mail; may be empty
}

// Outcome is what became of one address.
type Outcome string

// The outcomes.
const (
	Invited   Outcome = "invited"
	Duplicate Outcome = "duplicate" // it has an invite already, which stands beside
	Invalid   Outcome = "invalid"
)

// Result is what became of one address of an order.
type Result struct {
	Email   string
	Outcome Outcome
	Code    string  // of what is not invited
	Reason  string  // the same in words
	Invite  *Invite // nil for an invalid one
}

// Why an address is not invited.
const (
	codeDuplicate = "already_invited"
	codeEmail     = "invalid_email"
	codeName      = "invalid_name"
	codeExtraTime = "invalid_extra_time"
	codeReason    = "invalid_reason"
)

// An overdue invite would still hold its place in the unique index. Locked in the order of the addresses, as they are written
// below, so that two calls with the same ones wait for each other in turn.
const sqlExpireOfAddresses = `
WITH overdue AS (
    SELECT i.id
      FROM unnest($3::text[]) AS a (email)
      JOIN invites i ON i.assessment_id = $2 AND lower(i.email) = lower(a.email) AND ` + live + `
       AND i.started_at IS NULL AND i.expires_at <= $1
     ORDER BY lower(i.email)
       FOR NO KEY UPDATE OF i)
UPDATE invites i
   SET expired_at = $1
  FROM overdue
 WHERE i.id = overdue.id
RETURNING i.id`

// The index decides who was first, here and between any number of calls.
const sqlInsertInvites = `
INSERT INTO invites AS i (id, employer_id, assessment_id, email, name, message, extra_time_percent, token_hash, created_by_kind,
                          created_by, created_at, expires_at)
SELECT n.id, $2, $3, n.email, n.name, $4, n.percent, n.token_hash, $5, $6, $1, $7
  FROM unnest($8::uuid[], $9::text[], $10::text[], $11::integer[], $12::bytea[]) WITH ORDINALITY
       AS n (id, email, name, percent, token_hash, place)
 ORDER BY lower(n.email), n.place
    ON CONFLICT (assessment_id, lower(email))
       WHERE revoked_at IS NULL AND superseded_at IS NULL AND declined_at IS NULL AND expired_at IS NULL DO NOTHING
RETURNING i.id`

// What was over stays over; that another one came after it makes its link unknown.
const sqlSupersede = `
WITH before AS (
    SELECT o.id
      FROM invites n
      JOIN invites o ON o.assessment_id = n.assessment_id AND lower(o.email) = lower(n.email) AND o.id <> n.id
       AND o.revoked_at IS NULL AND o.superseded_at IS NULL AND (o.declined_at IS NOT NULL OR o.expired_at IS NOT NULL)
     WHERE n.id = ANY ($2)
     ORDER BY lower(o.email), o.id
       FOR NO KEY UPDATE OF o)
UPDATE invites i
   SET superseded_at = $1
  FROM before
 WHERE i.id = before.id
RETURNING i.id`

const sqlFindLive = `
SELECT a.place, ` + columns + `COALESCE(s.extra_time_percent, i.extra_time_percent) AS extra_time_percent
  FROM unnest($3::text[]) WITH ORDINALITY AS a (email, place)
  JOIN invites i ON i.assessment_id = $2 AND lower(i.email) = lower(a.email) AND ` + live + joinSubmission

type placed struct {
	Place int `db:"place"` // from 1
	Invite
}

// InviteTx invites people in tx and gives what became of each, in their order. It takes a constant number of statements, however
// many they are. Faults: those of Assessments, ErrTooMany, and what is wrong with the order as a whole.
func (m *Module) InviteTx(ctx context.Context, tx pgx.Tx, assessmentID uuid.UUID, o Order) ([]Result, error) {
	now := m.clock.Now()
	if err := o.check(now); err != nil {
		return nil, err
	}
	p := authn.From(ctx)
	about, err := m.assessments.Invitable(ctx, tx, p.EmployerID, assessmentID)
	if err != nil {
		return nil, err
	}
	b := &bulk{m: m, tx: tx, now: now, by: audit.ActorOf(p), message: o.Message, title: about.Title, results: make([]Result, len(o.People)),
		draft: Invite{EmployerID: p.EmployerID, AssessmentID: assessmentID, Message: o.Message, CreatedAt: now, ExpiresAt: o.expiry(now), State: Created}}
	var waiting []seat
	for i, person := range o.People {
		s, wrong := judge(person)
		if wrong != nil {
			b.results[i] = *wrong
			continue
		}
		s.place = i
		waiting = append(waiting, s)
	}
	// One that stands in the way may end between two statements: then its address is tried again.
	for try := 0; len(waiting) > 0 && try < 3; try++ {
		if waiting, err = b.seat(ctx, waiting); err != nil {
			return nil, constraints.Translate(fmt.Errorf("invite to %s: %w", assessmentID, err))
		}
	}
	for _, s := range waiting {
		b.results[s.place] = duplicate(s, nil)
	}
	return b.results, nil
}

func (o *Order) check(now time.Time) error {
	o.Message = strings.TrimSpace(o.Message)
	switch {
	case len(o.People) == 0:
		return invalid("body", "Give at least one address.")
	case len(o.People) > MaxAtOnce:
		return ErrTooMany
	case utf8.RuneCountInString(o.Message) > MaxMessage || strings.ContainsFunc(o.Message, isControl):
		return invalid("body.message", messageMessage)
	}
	return checkExpiry(o.ExpiresAt, now)
}

func isControl(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }

func checkExpiry(at *time.Time, now time.Time) error {
	if at != nil && (!at.After(now) || at.After(now.Add(MaxLife))) {
		return invalid("body.expiresAt", messageExpiry)
	}
	return nil
}

func (o Order) expiry(now time.Time) time.Time {
	if o.ExpiresAt == nil {
		return now.Add(defaultLife)
	}
	return o.ExpiresAt.UTC().Truncate(time.Microsecond)
}

// seat is one person who is to be invited, with the place in the order.
type seat struct {
	Person
	place int
}

// judge gives what is wrong with a person, or the person as they are kept.
func judge(p Person) (seat, *Result) {
	refuse := func(code, reason string) *Result {
		return &Result{Email: p.Email, Outcome: Invalid, Code: code, Reason: reason}
	}
	email, ok := address.Email(p.Email)
	if !ok {
		return seat{}, refuse(codeEmail, "Give one e-mail address such as ada@example.com.")
	}
	name, ok := address.Name(p.Name)
	if !ok {
		return seat{}, refuse(codeName, "Use at most 200 characters on one line, without control characters.")
	}
	if p.ExtraTimePercent < 0 || p.ExtraTimePercent > MaxExtraTime {
		return seat{}, refuse(codeExtraTime, messageExtraTime)
	}
	reason := strings.TrimSpace(p.Reason)
	if utf8.RuneCountInString(reason) > MaxReason || strings.ContainsFunc(reason, isControl) {
		return seat{}, refuse(codeReason, "Use at most 1,000 characters, without control characters.")
	}
	return seat{Person: Person{Email: email, Name: name, ExtraTimePercent: p.ExtraTimePercent, Reason: reason}}, nil
}

func duplicate(s seat, existing *Invite) Result {
	return Result{Email: s.Email, Outcome: Duplicate, Code: codeDuplicate, Invite: existing,
		Reason: "This address is invited already. Send that invite again, or change it."}
}

// bulk is one order at work.
type bulk struct {
	m              *Module
	tx             pgx.Tx
	now            time.Time
	by             audit.Actor
	draft          Invite // what all have in common
	message, title string
	results        []Result
}

// seat invites those whose address is free and finds the invite of the others; it gives back those it found neither for.
func (b *bulk) seat(ctx context.Context, waiting []seat) ([]seat, error) {
	emails := make([]string, len(waiting))
	for i, s := range waiting {
		emails[i] = s.Email
	}
	overdue, err := idsOf(ctx, b.tx, sqlExpireOfAddresses, b.now, b.draft.AssessmentID, emails)
	if err != nil {
		return nil, err
	}
	made, err := b.insert(ctx, waiting)
	if err != nil {
		return nil, err
	}
	before, err := b.supersede(ctx, made)
	if err != nil {
		return nil, err
	}
	events := append(b.events(ctx, overdue, "expired"), b.events(ctx, before, "superseded")...)
	if err := b.finish(ctx, made, events); err != nil {
		return nil, err
	}
	if len(made) == len(waiting) {
		return nil, nil
	}
	return b.others(ctx, waiting, emails)
}

// insert writes the invites whose addresses are free.
func (b *bulk) insert(ctx context.Context, waiting []seat) ([]newcomer, error) {
	n := len(waiting)
	id, email, name, percents, hashes := make([]uuid.UUID, n), make([]string, n), make([]string, n), make([]int, n), make([][]byte, n)
	places := make(map[uuid.UUID]int, n)
	for i, s := range waiting {
		id[i], email[i], name[i], percents[i] = b.m.ids.ID(), s.Email, s.Name, s.ExtraTimePercent
		hashes[i] = seal.Hash(b.m.token(Invite{ID: id[i], Rotation: firstRotation}))
		places[id[i]] = i
	}
	written, err := idsOf(ctx, b.tx, sqlInsertInvites, b.now, b.draft.EmployerID, b.draft.AssessmentID, b.message, b.by.Kind, known(b.by.ID),
		b.draft.ExpiresAt, id, email, name, percents, hashes)
	if err != nil {
		return nil, err
	}
	made := make([]newcomer, len(written))
	for i, id := range written {
		s := waiting[places[id]]
		invite := b.draft
		invite.ID, invite.Email, invite.Name, invite.ExtraTimePercent, invite.Rotation = id, s.Email, s.Name, s.ExtraTimePercent, firstRotation
		made[i] = newcomer{invite, s}
	}
	return made, nil
}

// newcomer is an invite that was just made.
type newcomer struct {
	Invite
	seat seat
}

// firstRotation is the rotation of a link that was never made anew; the column's default.
const firstRotation = 1

func (b *bulk) supersede(ctx context.Context, made []newcomer) ([]uuid.UUID, error) {
	if len(made) == 0 {
		return nil, nil
	}
	fresh := make([]uuid.UUID, len(made))
	for i, n := range made {
		fresh[i] = n.ID
	}
	return idsOf(ctx, b.tx, sqlSupersede, b.now, fresh)
}

// finish notes in the results what was made, remembers who gave extra time, owes the mails, and writes the trail.
func (b *bulk) finish(ctx context.Context, made []newcomer, events []audit.Event) error {
	var times []given
	messages := make([]mail.Message, len(made))
	for i, n := range made {
		b.results[n.seat.place] = Result{Email: n.Email, Outcome: Invited, Invite: &made[i].Invite}
		messages[i] = b.m.letter(n.Invite, templateInvite, b.title)
		e := b.m.event(ctx, n.Invite, "created", b.now)
		e.After = map[string]any{"assessmentId": n.AssessmentID, "expiresAt": n.ExpiresAt, "extraTimePercent": n.ExtraTimePercent}
		events = append(events, e)
		if n.ExtraTimePercent > 0 {
			times = append(times, given{n.ID, n.ExtraTimePercent, n.seat.Reason})
		}
	}
	if err := b.m.rememberTimes(ctx, b.tx, b.draft.EmployerID, b.by, b.now, times...); err != nil {
		return err
	}
	if len(messages) > 0 {
		if err := b.m.mail.SendTx(ctx, b.tx, messages...); err != nil {
			return err
		}
	}
	return audit.WriteAll(ctx, b.tx, events...)
}

// others finds what stands in the way of those who are not invited yet.
func (b *bulk) others(ctx context.Context, waiting []seat, emails []string) (left []seat, err error) {
	found, err := pg.All[placed](ctx, b.tx, sqlFindLive, b.now, b.draft.AssessmentID, emails)
	if err != nil {
		return nil, err
	}
	existing := make(map[int]*Invite, len(found))
	for i := range found {
		existing[found[i].Place-1] = &found[i].Invite
	}
	for i, s := range waiting {
		switch {
		case b.results[s.place].Outcome == Invited:
		case existing[i] != nil:
			b.results[s.place] = duplicate(s, existing[i])
		default:
			left = append(left, s)
		}
	}
	return left, nil
}

func (b *bulk) events(ctx context.Context, of []uuid.UUID, action string) []audit.Event {
	list := make([]audit.Event, len(of))
	for i, id := range of {
		list[i] = b.m.event(ctx, Invite{ID: id, EmployerID: b.draft.EmployerID}, action, b.now)
	}
	return list
}

// idsOf runs a statement that gives ids.
func idsOf(ctx context.Context, q pg.Querier, sql string, args ...any) ([]uuid.UUID, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

func known(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}
