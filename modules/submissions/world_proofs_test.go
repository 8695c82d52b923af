package submissions

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/authn"
	"credlane/app/kit/fault"
	"credlane/app/kit/mail"
	"credlane/app/kit/rest"
	"credlane/app/kit/seal"
)

// provenWorld is a world with personal links, mail and listeners. What is owed by mail and told to listeners stands in tables,
// so that a transaction that comes to nothing leaves none of it.
type provenWorld struct {
	*world
	key *seal.Key
}

func newProvenWorld(t testing.TB) *provenWorld {
	t.Helper()
	key, err := seal.New(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	w := &provenWorld{newWorld(t), key}
	w.exec(`CREATE TABLE mailbox (template text, to_address text, to_name text, ref uuid, data jsonb, unique_key text, UNIQUE (template, unique_key))`)
	w.exec(`CREATE TABLE told (type text, object uuid)`)
	w.more = func(d *Deps) {
		d.Key, d.Mail, d.Events, d.Invitations, d.Limiter = key, mailbox{}, listener{}, links{w.world}, rest.NewLimiter(d.DB, w.clock)
	}
	return w
}

type mailbox struct{}

func (mailbox) Declare(mail.Template) {}
func (mailbox) Queue(b *pgx.Batch, messages ...mail.Message) error {
	for _, m := range messages {
		b.Queue(`INSERT INTO mailbox VALUES ($1, $2, $3, $4, $5, nullif($6, '')) ON CONFLICT DO NOTHING`,
			m.Template, m.To, m.ToName, m.Ref, m.Data, m.Unique)
	}
	return nil
}
func (x mailbox) SendTx(ctx context.Context, tx pgx.Tx, messages ...mail.Message) error {
	var b pgx.Batch
	return errors.Join(x.Queue(&b, messages...), tx.SendBatch(ctx, &b).Close())
}

type listener struct{}

func (listener) Queue(b *pgx.Batch, _, object uuid.UUID, _ time.Time, types ...string) error {
	b.Queue(`INSERT INTO told SELECT unnest($1::text[]), $2`, types, object)
	return nil
}

// links are the personal links of another module, which keeps them in a table.
type links struct{ w *world }

var (
	errNoLink    = fault.New(fault.NotFound, "invite_not_found", "There is no such link.")
	errLinkEnded = fault.New(fault.Conflict, "invite_expired", "The link has ended.")
)

func (l links) HoldTx(ctx context.Context, tx pgx.Tx, token string) (i Invitation, err error) {
	var submission *uuid.UUID
	var ends time.Time
	err = tx.QueryRow(ctx, `SELECT id, employer_id, assessment_id, submission_id, email, name, extra_time_percent, expires_at FROM invites
		WHERE token_hash = $1 AND revoked_at IS NULL AND expired_at IS NULL FOR NO KEY UPDATE`, seal.Hash(token)).
		Scan(&i.ID, &i.EmployerID, &i.AssessmentID, &submission, &i.Email, &i.Name, &i.ExtraTimePercent, &ends)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return i, errNoLink
	case err == nil && submission != nil:
		i.SubmissionID = *submission
	case err == nil && l.w.clock.Now().Before(ends) && i.ExtraTimePercent > 0:
		err = tx.QueryRow(ctx, `SELECT given_by_kind, given_by, reason, at FROM invite_extra_times WHERE invite_id = $1 ORDER BY id DESC LIMIT 1`, i.ID).
			Scan(&i.TimeGiven.ByKind, &i.TimeGiven.By, &i.TimeGiven.Reason, &i.TimeGiven.At)
	case err == nil && !l.w.clock.Now().Before(ends):
		return i, errLinkEnded
	}
	return i, err
}

func (links) StartedTx(ctx context.Context, tx pgx.Tx, invite, submission uuid.UUID, at time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE invites SET submission_id = $2, started_at = $3 WHERE id = $1`, invite, submission, at)
	return err
}

func (links) QueueCompleted(b *pgx.Batch, invite uuid.UUID, at time.Time) {
	b.Queue(`UPDATE invites SET completed_at = $2 WHERE id = $1 AND completed_at IS NULL`, invite, at)
}

func (links) ReopenTx(ctx context.Context, tx pgx.Tx, submission uuid.UUID) error {
	_, err := tx.Exec(ctx, `UPDATE invites SET submission_id = NULL, started_at = NULL, completed_at = NULL WHERE submission_id = $1`, submission)
	return err
}

// invite makes a personal link, whose token is the address, with extra time in per cent.
func (w *provenWorld) invite(email string, extra int) {
	w.t.Helper()
	id := uuid.New()
	w.exec(`INSERT INTO invites (id, employer_id, assessment_id, email, name, extra_time_percent, token_hash, created_by_kind, created_at, expires_at)
		VALUES ($7, $1, $2, $3, 'Ada of the invite', $4, $5, 'operator', $6::timestamptz, $6::timestamptz + interval '14 days')`,
		w.version.EmployerID, w.version.AssessmentID, email, extra, seal.Hash(email), opened, id)
	if extra > 0 {
		w.exec(`INSERT INTO invite_extra_times (id, employer_id, invite_id, extra_time_percent, reason, given_by_kind, at)
			VALUES (gen_random_uuid(), $1, $2, $3, '', 'operator', $4)`, w.version.EmployerID, id, extra, opened)
	}
}

// come starts or resumes by the link that was sent to the address.
func (w *provenWorld) come(m *Module, email string) (context.Context, Sitting) {
	w.t.Helper()
	token, s, err := m.StartInvited(w.t.Context(), InvitedStart{Token: email, Consent: true})
	if err != nil {
		w.t.Fatalf("come by the link: %v", err)
	}
	return w.holding(token), s
}

// holding is the context of who sends the token.
func (w *provenWorld) holding(token string) context.Context {
	w.mu.Lock()
	defer w.mu.Unlock()
	return authn.With(w.t.Context(), w.tokens[token])
}

// staff is the context of an admin of the employer.
func (w *provenWorld) staff() context.Context {
	return authn.With(w.t.Context(), authn.Principal{Kind: authn.Member, UserID: fixed(9, 1), EmployerID: w.version.EmployerID, Role: authn.Admin})
}

// slug is the last part of the public link.
func (w *provenWorld) slug() string {
	w.t.Helper()
	return one[string](w.world, `SELECT slug FROM assessments WHERE id = $1`, w.version.AssessmentID)
}

func (w *provenWorld) mails(template string) int {
	w.t.Helper()
	return one[int](w.world, `SELECT count(*) FROM mailbox WHERE template = $1`, template)
}
