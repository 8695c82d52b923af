package submissions

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"credlane/app/kit/authn"
	"credlane/app/kit/ids"
	"credlane/app/kit/pg"
)

const proofRounds = 12

// statementLog notes what is sent to the database.
type statementLog struct {
	mu   sync.Mutex
	sent []string
}

func (l *statementLog) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	l.add(d.SQL)
	return ctx
}
func (l *statementLog) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
func (l *statementLog) TraceBatchStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceBatchStartData) context.Context {
	for _, q := range d.Batch.QueuedQueries {
		l.add(q.SQL)
	}
	return ctx
}
func (l *statementLog) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (l *statementLog) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

func (l *statementLog) add(sql string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, sql)
}

func (l *statementLog) clear() (sent []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	sent, l.sent = l.sent, nil
	return sent
}

// traced is an instance whose statements are noted.
func (w *world) traced(log *statementLog) *Module {
	w.t.Helper()
	db, err := pg.Open(w.t.Context(), pg.Options{URL: w.db.URL, MaxConns: 4, Tracer: log})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(db.Close)
	d := Deps{DB: db, Clock: w.clock, IDs: ids.New(w.clock), Tokens: w, Versions: w, Openings: w, Policies: w, Candidates: w, Counters: w}
	w.more(&d)
	return New(d)
}

// noDeadlocks checks that nobody had to be freed by the database: a pair of locks that is taken in two orders.
func (w *provenWorld) noDeadlocks() {
	w.t.Helper()
	w.exec(`SELECT pg_stat_force_next_flush()`)
	if n := one[int](w.world, `SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()`); n != 0 {
		w.t.Errorf("%d deadlocks", n)
	}
}

func TestManyStartsByOneLinkMakeOneAttempt(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	for round, email := range addresses(proofRounds, 0) {
		w.invite(email, 0)
		var begun, resumed atomic.Int32
		together(w.world, 8, func(m *Module, i int) {
			_, s, err := m.StartInvited(t.Context(), InvitedStart{Token: email, Consent: true})
			switch {
			case err != nil:
				t.Errorf("round %d, client %d: %v", round, i, err)
			case s.Resumed:
				resumed.Add(1)
			default:
				begun.Add(1)
			}
		})
		if begun.Load() != 1 || resumed.Load() != 7 {
			t.Errorf("round %d: %d began, %d resumed", round, begun.Load(), resumed.Load())
		}
		if got := one[string](w.world, `SELECT concat_ws(' ', count(*), max(session_number)) FROM submissions WHERE email = $1`, email); got != "1 8" {
			t.Errorf("round %d: attempts and sessions: %s", round, got)
		}
	}
	w.noDeadlocks()
}

func TestOfARevocationAndAStartOneWins(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"revoked_at", "expired_at"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			w := newProvenWorld(t)
			started := 0
			for round, email := range addresses(2*proofRounds, 0) {
				w.invite(email, 0)
				together(w.world, 3, func(m *Module, i int) {
					if i == round%3 {
						if _, err := m.DB.Exec(t.Context(), `UPDATE invites SET `+way+` = now() WHERE email = $1 AND started_at IS NULL`, email); err != nil {
							t.Error(err)
						}
						return
					}
					if _, _, err := m.StartInvited(t.Context(), InvitedStart{Token: email, Consent: true}); err != nil && !errors.Is(err, errNoLink) {
						t.Errorf("round %d: %v", round, err)
					}
				})
				got := one[string](w.world, `SELECT concat_ws(' ', i.started_at IS NOT NULL, i.`+way+` IS NOT NULL, count(s.id)) FROM invites i
					LEFT JOIN submissions s ON s.invite_id = i.id WHERE i.email = $1 GROUP BY i.id`, email)
				switch got {
				case "t f 1":
					started++
				case "f t 0":
				default:
					t.Errorf("round %d: started, over, attempts: %s", round, got)
				}
			}
			t.Logf("%d of %d were started", started, 2*proofRounds)
			w.noDeadlocks()
		})
	}
}

func TestThePublicLinkAndThePersonalOneTogetherMakeOneAttempt(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	for round, email := range addresses(proofRounds, 0) {
		w.invite(email, 0)
		together(w.world, 6, func(m *Module, i int) {
			if i%3 == 0 {
				_, _, err := m.Start(t.Context(), Start{Name: "Eve", Email: email, Consent: true})
				if err != nil && !errors.Is(err, ErrAlreadyStarted) {
					t.Errorf("round %d, public: %v", round, err)
				}
				return
			}
			if _, _, err := m.StartInvited(t.Context(), InvitedStart{Token: email, Consent: true}); err != nil {
				t.Errorf("round %d, personal: %v", round, err)
			}
		})
		if got := one[string](w.world, `SELECT concat_ws(' ', count(*), bool_and(s.address_proved), count(i.id)) FROM submissions s
			LEFT JOIN invites i ON i.submission_id = s.id AND i.id = s.invite_id WHERE lower(s.email) = $1`, email); got != "1 t 1" {
			t.Errorf("round %d: attempts, proved, tied: %s", round, got)
		}
	}
	w.noDeadlocks()
}

func TestHandingInWhileComingBackByTheLinkEndsTheAttemptOnce(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	for round, email := range addresses(proofRounds, 0) {
		w.invite(email, 0)
		ctx, s := w.come(w.instance(), email)
		overdue := round%2 == 1
		if overdue {
			w.clock.Advance(time.Hour)
		}
		together(w.world, 6, func(m *Module, i int) {
			var err error
			switch {
			case i < 3:
				_, _, err = m.StartInvited(t.Context(), InvitedStart{Token: email, Consent: true})
			case overdue:
				_, err = m.SweepOnce(t.Context())
			default:
				_, err = m.Submit(ctx)
			}
			if err != nil && !errors.Is(err, ErrSessionTaken) && !errors.Is(err, ErrAlreadySubmitted) {
				t.Errorf("round %d, client %d: %v", round, i, err)
			}
		})
		got := one[string](w.world, `SELECT concat_ws(' ', status <> 'in_progress', i.completed_at IS NOT NULL, (SELECT count(*) FROM audit_events e
			WHERE e.object_id = s.id AND e.action IN ('submission.submitted', 'submission.expired')), (SELECT count(*) FROM mailbox WHERE ref = s.id), session_number)
			FROM submissions s JOIN invites i ON i.id = s.invite_id WHERE s.id = $1`, s.Receipt.ID)
		if got != "t t 1 1 4" && (overdue || got != "f f 0 0 4") { // whoever resumed first took the session of who wanted to hand in
			t.Errorf("round %d: ended, completed, told, mailed, sessions: %s", round, got)
		}
	}
	w.noDeadlocks()
}

func TestVoidingWhileComingBackLeavesTheLinkWithTheAttemptThatIsThere(t *testing.T) {
	t.Parallel()
	w := newProvenWorld(t)
	for round, email := range addresses(proofRounds, 0) {
		w.invite(email, 0)
		_, s := w.come(w.instance(), email)
		together(w.world, 5, func(m *Module, i int) {
			if i == 0 {
				if err := m.Void(w.staff(), s.Receipt.ID, "the fire alarm"); err != nil {
					t.Errorf("round %d, void: %v", round, err)
				}
				return
			}
			_, _, err := m.StartInvited(t.Context(), InvitedStart{Token: email, Consent: true})
			if err != nil && !errors.Is(err, authn.ErrUnauthenticated) {
				t.Errorf("round %d: %v", round, err)
			}
		})
		if got := one[string](w.world, `SELECT concat_ws(' ', count(s.id), count(*) FILTER (WHERE i.submission_id IS NOT DISTINCT FROM s.id)) FROM invites i
			LEFT JOIN submissions s ON s.email = i.email WHERE i.email = $1`, email); got != "1 1" && got != "0 1" {
			t.Errorf("round %d: attempts, tied: %s", round, got)
		}
	}
	w.noDeadlocks()
}
