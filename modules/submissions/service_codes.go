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
		err = m.Limiter.Take(ctx, "email_code", strings.ToLower(email), m.CodeLimit)
	}
	if err != nil {
		return err
	}
	now, id := m.Clock.Now(), m.IDs.ID()
	err = m.DB.InBatch(ctx, func(b *pgx.Batch) error {
		b.Queue(sqlInsertCode, id, link.EmployerID, link.ID, m.addressHash(email), m.codeHash(link.ID, email, m.Key.Digits(codePurpose, id)),
			email, now, now.Add(CodeLife))
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

// limitCodes bounds what one client asks of codes.
func (m *Module) limitCodes(ctx context.Context, name string) error {
	limit := m.CodeLimit
	limit.Count *= codesPerNetwork
	return m.Limiter.Take(ctx, name, rest.ClientNetwork(ctx), limit)
}

// startByCode is Start with a code. A right one is used up with the start, and not without it.
func (m *Module) startByCode(ctx context.Context, in Start, o Opening, closed error) (token string, s Sitting, err error) {
	link, err := findLink(ctx, m.DB, in.Slug)
	if err != nil {
		return "", Sitting{}, err
	}
	return comeAgain(func() (string, Sitting, error) {
		e, err := m.entrance(ctx, link.ID, o, closed)
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

// tryCode holds a code against all that were sent to the address and are still good. The statement decides alone: it counts the
// wrong tries and, with use, uses the right one up.
func (m *Module) tryCode(ctx context.Context, q pg.Querier, assessment uuid.UUID, in Start, use bool) error {
	rows, err := q.Query(ctx, sqlTryCode, assessment, m.addressHash(in.Email), m.codeHash(assessment, in.Email, in.Code), m.Clock.Now(), use)
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

// codeHash is keyed, because a million codes are soon tried, and good for one address at one assessment.
func (m *Module) codeHash(assessment uuid.UUID, email, code string) []byte {
	whose := sha256.Sum256([]byte(strings.ToLower(email)))
	return m.Key.MAC(codePurpose, append(append(assessment[:], whose[:]...), code...))
}

// link is what a public link leads to, whether it is open or closed now.
type link struct {
	ID         uuid.UUID `db:"id"`
	EmployerID uuid.UUID `db:"employer_id"`
	Title      string    `db:"title"`
}

const sqlFindLink = `
SELECT a.id, a.employer_id, v.title
  FROM assessments a
  JOIN assessment_versions v ON v.assessment_id = a.id AND v.number = a.current_version
 WHERE a.slug = $1 AND a.status IN ('active', 'closed')`

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
INSERT INTO email_codes (id, employer_id, assessment_id, address_hash, code_hash, owed, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5,
        (SELECT a.require_email_code FROM assessments a WHERE a.id = $3)
        OR EXISTS (SELECT FROM submissions s
                    WHERE s.assessment_id = $3 AND s.candidate_user_id = (SELECT u.id FROM users u WHERE lower(u.email) = lower($6))),
        $7, $8)`

// Whoever waited for another's try finds the row as that one left it.
const sqlTryCode = `
UPDATE email_codes
   SET tries = tries + (code_hash <> $3)::integer,
       used_at = CASE WHEN code_hash = $3 AND $5::boolean THEN $4 END
 WHERE assessment_id = $1 AND address_hash = $2 AND used_at IS NULL AND expires_at > $4 AND tries < 5
RETURNING code_hash = $3`

const sqlCodeIsOwed = `
SELECT owed AND used_at IS NULL AND tries < 5 AND expires_at > $2
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
