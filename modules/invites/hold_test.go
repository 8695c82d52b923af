package invites

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestALinkThatIsHeldTellsWhoGaveItsExtraTimeLast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.instance()
	plain, slow := w.invite(m, "bob@example.org"), w.invite(m, "ada@example.org")
	for _, c := range []Change{{ExtraTimePercent: new(25), Reason: "A first guess"}, {ExtraTimePercent: new(50), Reason: "A broken arm"}} {
		w.must(m.Update(w.as(asRecruiter), slow.ID, c))
	}
	held := func(i Invite) (h Held) {
		w.must(m.inTx(t.Context(), func(tx pgx.Tx) (err error) {
			h, err = m.HoldTx(context.WithoutCancel(t.Context()), tx, m.token(i))
			return err
		}))
		return h
	}
	if g := held(plain).TimeGiven; g != (TimeGiven{}) {
		t.Errorf("without extra time: %+v", g)
	}
	g := held(slow).TimeGiven
	if g.ByKind != "member" || g.By == nil || g.Reason != "A broken arm" || !g.At.Equal(w.clock.Now()) {
		t.Errorf("with extra time: %+v", g)
	}
	w.started(m, slow)
	if h := held(slow); h.TimeGiven != (TimeGiven{}) || h.ExtraTimePercent != 50 {
		t.Errorf("once it is started: %+v", h)
	}
}
