package submissions

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/address"
	"credlane/app/kit/fault"
	"credlane/app/kit/mail"
	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
)

const (
	// CodeLife is how long a one-time code is good.
	CodeLife = 10 * time.Minute

	codePurpose     = "email code"
	codesKept       = 24 * time.Hour // after they are good no more
	codesPerNetwork = 200            // a campus behind one address asks for its codes together
	codesPerAddress = 10             // so many times the limit for an address from all networks, which others cannot soon use up
)

// RequestCode mails a one-time code to an address that wants to start, or go on with, an assessment by its public link. It does
// and answers the same for every address; mail goes out only where the assessment asks for codes or the address has an attempt.
// Faults: ErrAssessmentNotFound, ErrCandidate, rest.ErrTooMany.
func (m *Module) RequestCode(ctx context.Context, slug, email string) error {
	email, ok := address.Email(email)
	if !ok {
		return ErrCandidate.WithFields(badAddress)
	}
	if err := m.limitCodes(ctx, "email_code_network"); err != nil {
		return err
	}
	link, err := findLink(ctx, m.DB, slug)
	if err == nil {
		err = m.limitAddress(ctx, email)
	}
	if err != nil {
		return err
	}
	now, id := m.Clock.Now(), m.IDs.ID()
	err = m.DB.InBatch(ctx, func(b *pgx.Batch) error {
		b.Queue(sqlInsertCode, id, link.EmployerID, link.ID, m.addressHash(email), m.codeHash(link.ID, email, m.Key.Digits(codePurpose, id)),
			email, now, now.Add(CodeLife), m.networkHash(ctx))
		return m.Mail.Queue(b, mail.Message{
			Template: mailCode, EmployerID: link.EmployerID, To: email, Ref: id, Data: map[string]any{"assessment": link.Title},
			Secret: mail.Secret{Purpose: codePurpose, ID: id, Digits: true},
		})
	})
	if err != nil {
		return fmt.Errorf("one-time code: %w", constraints.Translate(err))
	}
	return nil
}

// VerifyCode tells whether a code is right, before the rest of a form is filled in; a start with it is still to come. A wrong
// one counts as a try. Faults: ErrCodeWrong, ErrCodeSpent, ErrAssessmentNotFound, rest.ErrTooMany.
func (m *Module) VerifyCode(ctx context.Context, slug, email, code string) error {
	if err := m.limitCodes(ctx, "email_code_try"); err != nil {
		return err
	}
	in := Start{Email: email, Code: code}.tidy()
	link, err := findLink(ctx, m.DB, slug)
	if err != nil {
		return err
	}
	return m.tryCode(ctx, m.DB, link.ID, in, false)
}

// limitAddress bounds what is mailed to one address: tightly for one client, so that the owner still gets a code when others ask
// for theirs, and loosely for all of them together.
func (m *Module) limitAddress(ctx context.Context, email string) error {
	email = strings.ToLower(email)
	if err := m.Limiter.Take(ctx, "email_code", email+" "+rest.ClientNetwork(ctx), m.CodeLimit); err != nil {
		return err
	}
	limit := m.CodeLimit
	limit.Count *= codesPerAddress
	return m.Limiter.Take(ctx, "email_code_address", email, limit)
}

// limitCodes bounds what one client asks of codes.
func (m *Module) limitCodes(ctx context.Context, name string) error {
	limit := m.CodeLimit
	limit.Count *= codesPerNetwork
	return m.Limiter.Take(ctx, name, rest.ClientNetwork(ctx), limit)
}

// startByCode is Start with a code. A right one is used up with the start, and not without it.
func (m *Module) startByCode(ctx context.Context, in Start, o Opening, closed error) (token string, s Sitting, err error) {
	if err := m.limitCodes(ctx, "email_code_try"); err != nil {
		return "", Sitting{}, err
	}
	link, err := findLink(ctx, m.DB, in.Slug)
	if err != nil {
		return "", Sitting{}, err
	}
	return comeAgain(func() (string, Sitting, error) {
		e, err := m.entranceOf(ctx, link.ID, in.Email, func() (Opening, error) { return o, closed })
		if err != nil {
			return "", Sitting{}, err
		}
		return m.enter(ctx, e, func(ctx context.Context, tx pgx.Tx) (arrival, error) {
			if err := m.tryCode(ctx, tx, link.ID, in, true); err != nil {
				if _, wrong := fault.As(err); wrong {
					return arrival{}, refusal{err}
				}
				return arrival{}, err
			}
			return arrival{Name: in.Name, Email: in.Email, Consent: in.Consent}, nil
		})
	})
}

// tryCode holds a code against the newest that were sent to the address and are still good: those that were asked for from the
// caller's network and those from elsewhere, each with wrong tries of its own, so that nobody else can use up an owner's. The
// statement decides alone: it counts the wrong tries and, with use, uses the right one up.
func (m *Module) tryCode(ctx context.Context, q pg.Querier, assessment uuid.UUID, in Start, use bool) error {
	rows, err := q.Query(ctx, sqlTryCode, assessment, m.addressHash(in.Email), m.codeHash(assessment, in.Email, in.Code), m.Clock.Now(), use,
		m.networkHash(ctx))
	if err != nil {
		return fmt.Errorf("try a code: %w", err)
	}
	fits, err := pgx.CollectRows(rows, pgx.RowTo[bool])
	if err != nil {
		return fmt.Errorf("try a code: %w", err)
	}
	if len(fits) == 0 {
		return ErrCodeSpent
	}
	for _, right := range fits {
		if right {
			return nil
		}
	}
	return ErrCodeWrong
}

// addressHash finds the codes of an address, whatever its case, without saying which it is.
func (m *Module) addressHash(email string) []byte {
	return m.Key.MAC(codePurpose+" address", []byte(strings.ToLower(email)))
}

// networkHash tells the callers of one network from the others, without saying which it is.
func (m *Module) networkHash(ctx context.Context) []byte {
	return m.Key.MAC(codePurpose+" network", []byte(rest.ClientNetwork(ctx)))
}

// codeHash is keyed, because a million codes are soon tried, and good for one address at one assessment.
func (m *Module) codeHash(assessment uuid.UUID, email, code string) []byte {
	whose := sha256.Sum256([]byte(strings.ToLower(email)))
	return m.Key.MAC(codePurpose, append(append(assessment[:], whose[:]...), code...))
}

// link is what a public link leads to, whether it is open, closed or put away now: what has begun there may go on.
type link struct {
	ID         uuid.UUID `db:"id"`
	EmployerID uuid.UUID `db:"employer_id"`
	Title      string    `db:"title"`
}

const sqlFindLink = `
SELECT a.id, a.employer_id, v.title
  FROM assessments a
  JOIN assessment_versions v ON v.assessment_id = a.id AND v.number = a.current_version
 WHERE a.slug = $1 AND a.status <> 'draft'`

func findLink(ctx context.Context, q pg.Querier, slug string) (link, error) {
	l, err := pg.One[link](ctx, q, sqlFindLink, slug)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return link{}, ErrAssessmentNotFound
	case err != nil:
		return link{}, fmt.Errorf("public link: %w", err)
	}
	return l, nil
}

// Whether the code is owed is found out here, so that asking for one takes the same statements for every address.
const sqlInsertCode = `
INSERT INTO email_codes (id, employer_id, assessment_id, address_hash, code_hash, owed, created_at, expires_at, network_hash)
VALUES ($1, $2, $3, $4, $5,
        (SELECT a.require_email_code AND a.status <> 'archived' FROM assessments a WHERE a.id = $3)
        OR EXISTS (SELECT FROM submissions s
                    WHERE s.assessment_id = $3 AND s.candidate_user_id = (SELECT u.id FROM users u WHERE lower(u.email) = lower($6))),
        $7, $8, $9)`

// Two of each, because mails overtake each other. They are locked in the order of their key, or two callers from two networks
// would wait for each other; whoever waited for another's try finds the rows as that one left them.
const sqlTryCode = `
WITH newest AS (
    SELECT c.id, c.network_hash = $6 AS own,
           row_number() OVER (PARTITION BY c.network_hash = $6 ORDER BY c.created_at DESC, c.id DESC) AS place
      FROM email_codes c
     WHERE c.assessment_id = $1 AND c.address_hash = $2 AND c.used_at IS NULL AND c.expires_at > $4
), held AS MATERIALIZED (
    SELECT c.id, n.own FROM email_codes c JOIN newest n ON n.id = c.id
     WHERE n.place <= 2
     ORDER BY c.id
       FOR NO KEY UPDATE OF c
)
UPDATE email_codes c
   SET tries = c.tries + (c.code_hash <> $3 AND h.own)::integer,
       foreign_tries = c.foreign_tries + (c.code_hash <> $3 AND NOT h.own)::integer,
       used_at = CASE WHEN c.code_hash = $3 AND $5::boolean THEN $4 END
  FROM held h
 WHERE c.id = h.id AND c.used_at IS NULL AND CASE WHEN h.own THEN c.tries ELSE c.foreign_tries END < 5
RETURNING c.code_hash = $3`

const sqlCodeIsOwed = `
SELECT owed AND used_at IS NULL AND LEAST(tries, foreign_tries) < 5 AND expires_at > $2
  FROM email_codes
 WHERE id = $1`

// codeIsOwed says whether a code's mail still makes sense.
func (m *Module) codeIsOwed(ctx context.Context, q pg.Querier, id uuid.UUID, _ int) (owed bool, err error) {
	err = q.QueryRow(ctx, sqlCodeIsOwed, id, m.Clock.Now()).Scan(&owed)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return owed, err
}

// codesSwept is how many old codes go at once.
const codesSwept = 1000

const sqlSweepCodes = `
DELETE FROM email_codes
WHERE ctid = ANY (ARRAY(SELECT ctid FROM email_codes WHERE expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))`

// sweepCodes deletes what has been of no use for a day.
func (m *Module) sweepCodes(ctx context.Context) error {
	for {
		tag, err := m.DB.Exec(ctx, sqlSweepCodes, m.Clock.Now().Add(-codesKept), codesSwept)
		if err != nil {
			return fmt.Errorf("delete old codes: %w", err)
		}
		if tag.RowsAffected() < codesSwept {
			return nil
		}
	}
}
