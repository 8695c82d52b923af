package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/authn"
	"credlane/app/kit/clock"
	"credlane/app/kit/exact"
	"credlane/app/kit/fault"
	"credlane/app/kit/ids"
	"credlane/app/kit/logx"
	"credlane/app/kit/mail"
	"credlane/app/kit/question"
	"credlane/modules/assessments"
	"credlane/modules/auth"
	"credlane/modules/submissions"
)

const (
	demoEmail  = "demo@meridian.example"
	demoSpan   = 21 * 24 * time.Hour // how far back the demo's first candidate lies
	demoRecent = 5 * time.Minute     // how long ago its last one began
)

// Demo fills the database with an employer, three assessments and their candidates, through the same services that the API
// uses, on a clock that walks through the last three weeks. A second call finds the employer there and changes nothing.
func (a *App) Demo(ctx context.Context, out io.Writer, candidates int) error {
	now := clock.System{}.Now()
	past := clock.NewFake(now.Add(-demoSpan))
	then, err := New(ctx, a.cfg, Options{Version: a.version, Log: slog.New(logx.Warnings(a.log.Handler())), Clock: past, IDs: ids.New(past)})
	if err != nil {
		return err
	}
	defer then.Close()
	then.mail.Pretend(mail.Sent) // the demo writes to nobody
	d := &demo{app: then, clock: past, end: now.Add(-demoRecent), rand: rand.New(rand.NewPCG(7, 11)), candidates: candidates}
	password := ids.New(past).Secret(12)
	added, err := then.accounts.AddUser(ctx, auth.NewMember{
		Email: demoEmail, Name: "Dana Moreau", Password: password, Role: authn.Owner, Organization: "Meridian Robotics",
	})
	if errors.Is(err, auth.ErrEmailTaken) || errors.Is(err, auth.ErrAlreadyMember) {
		_, err = fmt.Fprintf(out, "The demo is there already. Sign in as %s; \"credlane user reset-link %s\" prints a link for a new password.\n", demoEmail, demoEmail)
		return err
	}
	if err != nil {
		return plain(err)
	}
	// Said before the work begins: whoever interrupts it can still sign in to what is there.
	if _, err := fmt.Fprintf(out, "Making Meridian Robotics. Sign in as %s with the password %s\n", demoEmail, password); err != nil {
		return err
	}
	d.owner = authn.Principal{Kind: authn.Member, UserID: added.UserID, EmployerID: added.EmployerID, Role: authn.Owner}
	if err := d.fill(ctx); err != nil {
		return fmt.Errorf("make the demo: %w", plain(err))
	}
	_, err = fmt.Fprintf(out, "Made %d assessments and %d candidates.\n", len(demoTests), candidates)
	return err
}

type demo struct {
	app        *App
	clock      *clock.Fake
	end        time.Time // when the last candidate starts
	rand       *rand.Rand
	candidates int
	owner      authn.Principal
	papers     []demoPaper
}

// demoPaper is a published test as its takers meet it.
type demoPaper struct {
	demoTest
	assessment assessments.Assessment
	version    assessments.Version
	keys       map[uuid.UUID]question.Key
}

func (d *demo) fill(ctx context.Context) error {
	member := authn.With(ctx, d.owner)
	for _, t := range demoTests {
		p, err := d.publish(member, t)
		if err != nil {
			return err
		}
		d.papers = append(d.papers, p)
		d.clock.Advance(10 * time.Minute)
	}
	if err := d.inviteEarly(member); err != nil {
		return err
	}
	apart := d.end.Sub(d.clock.Now()) / time.Duration(d.candidates)
	for n := range d.candidates {
		from := d.clock.Now()
		if err := d.sit(ctx, d.papers[d.pick()], n, n >= d.candidates-3); err != nil {
			return err
		}
		// The clock never goes back: with very many candidates they come closer than one takes, and end a little later.
		if left := apart - d.clock.Now().Sub(from); left > 0 {
			d.clock.Advance(left)
		}
		if n%10 == 9 {
			if _, err := d.app.submissions.SweepOnce(ctx); err != nil {
				return err
			}
		}
	}
	if err := d.inviteLate(member); err != nil {
		return err
	}
	_, err := d.app.assessments.Close(member, d.papers[len(d.papers)-1].assessment.ID)
	return err
}

// pick favours the first test.
func (d *demo) pick() int {
	switch n := d.rand.IntN(10); {
	case n < 5:
		return 0
	case n < 8:
		return 1
	default:
		return 2
	}
}

func (d *demo) publish(ctx context.Context, t demoTest) (demoPaper, error) {
	s, a := d.app.assessments, assessments.Assessment{}
	err := d.app.db.InTx(ctx, func(tx pgx.Tx) (err error) {
		a, err = s.CreateTx(ctx, tx, assessments.Settings{
			Title: &t.title, Description: &t.description, TimeLimitMinutes: &t.minutes, ResultRelease: &t.release,
			ShuffleQuestions: &t.shuffle, ShuffleOptions: &t.shuffle,
		})
		if err != nil {
			return err
		}
		_, err = s.AppendTx(ctx, tx, d.owner.EmployerID, a.ID, func(yield func(assessments.NewQuestion, error) bool) {
			for _, q := range t.questions {
				if !yield(q, nil) {
					return
				}
			}
		})
		return err
	})
	if err != nil {
		return demoPaper{}, err
	}
	if a, err = s.Publish(ctx, a.ID); err != nil {
		return demoPaper{}, err
	}
	v, _, err := s.VersionInFull(ctx, a.ID, 1)
	if err != nil {
		return demoPaper{}, err
	}
	keys, err := s.VersionKeys(ctx, v.ID)
	return demoPaper{t, a, v, keys}, err
}

// sit lets candidate n take the test. Most hand in; some let the time run out; one that is left open is still at it.
func (d *demo) sit(ctx context.Context, p demoPaper, n int, open bool) error {
	name := demoNames[n%len(demoNames)] + " " + demoFamilies[(n/len(demoNames)+n)%len(demoFamilies)]
	_, sitting, err := d.app.submissions.Start(ctx, submissions.Start{
		Slug: p.assessment.Slug, Name: name, Email: "candidate" + strconv.Itoa(n+1) + "@mail.example", Consent: true,
	})
	if err != nil {
		return err
	}
	return d.work(ctx, p, sitting.Receipt.ID, open)
}

// work answers and hands in what has been started.
func (d *demo) work(ctx context.Context, p demoPaper, submission uuid.UUID, open bool) error {
	ctx = authn.With(ctx, authn.Principal{
		Kind: authn.Candidate, SubmissionID: submission, VersionID: p.version.ID, AssessmentID: p.assessment.ID, SessionNumber: 1,
	})
	ability := d.rand.NormFloat64()
	leaves := d.rand.IntN(100) < 7
	each := p.version.TimeLimit() * time.Duration(40+d.rand.IntN(50)) / 100 / time.Duration(len(p.version.Questions))
	for i, q := range p.version.Questions {
		if (leaves || open) && i == len(p.version.Questions)/2 {
			return nil
		}
		if !open {
			d.clock.Advance(each)
		}
		if d.rand.IntN(100) < 3 {
			continue // skipped
		}
		answer, err := d.answer(q, p.keys[q.ID], ability-p.hardness(i))
		if err != nil {
			return err
		}
		if _, err := d.app.submissions.Save(ctx, submissions.Save{QuestionID: q.ID, Answer: answer}); err != nil {
			return err
		}
	}
	if open {
		return nil
	}
	_, err := d.app.submissions.Submit(ctx)
	if f, ok := fault.As(err); ok && f.Kind == fault.Conflict {
		return nil // the time ran out first
	}
	return err
}

// hardness spreads the questions from easy to hard.
func (p demoPaper) hardness(i int) float64 {
	return -1.5 + 2.5*float64(i)/float64(len(p.version.Questions))
}

// answer is right with a chance that follows ability less hardness, as in the Rasch model.
func (d *demo) answer(q assessments.VersionQuestion, k question.Key, edge float64) (json.RawMessage, error) {
	right := d.rand.Float64() < 1/(1+math.Exp(-1.2*edge))
	var given any
	switch q.Type {
	case question.SingleChoice:
		given = k.OptionIDs[0]
		if !right {
			given = d.otherOption(q, k.OptionIDs[0])
		}
	case question.MultipleChoice:
		given = k.OptionIDs
		if !right {
			given = []uuid.UUID{q.Options[d.rand.IntN(len(q.Options))].ID}
		}
	case question.TrueFalse:
		given = k.True == right
	case question.ShortText:
		given = k.Accepted[0]
		if !right {
			given = "I am not sure"
		}
	default:
		given = k.Value.String()
		if !right {
			given = strconv.Itoa(d.rand.IntN(1000) + 1000)
		}
	}
	return json.Marshal(given)
}

func (d *demo) otherOption(q assessments.VersionQuestion, not uuid.UUID) uuid.UUID {
	at := d.rand.IntN(len(q.Options))
	if q.Options[at].ID == not {
		at = (at + 1) % len(q.Options)
	}
	return q.Options[at].ID
}

// demoTest is one test of the demo.
type demoTest struct {
	title, description string
	minutes            int
	shuffle            bool
	release            assessments.Release
	questions          []assessments.NewQuestion
}

func one(prompt string, right int, options ...string) assessments.NewQuestion {
	return assessments.NewQuestion{Type: question.SingleChoice, Prompt: prompt, Options: options, Points: exact.WholePoints(1),
		Key: &assessments.NewKey{Right: []int{right}}}
}

func several(prompt string, right []int, options ...string) assessments.NewQuestion {
	return assessments.NewQuestion{Type: question.MultipleChoice, Prompt: prompt, Options: options, Points: exact.WholePoints(2),
		CreditRule: question.RightMinusWrong, Key: &assessments.NewKey{Right: right}}
}

func truth(prompt string, is bool) assessments.NewQuestion {
	return assessments.NewQuestion{Type: question.TrueFalse, Prompt: prompt, Points: exact.WholePoints(1), Key: &assessments.NewKey{True: is}}
}

func short(prompt string, accepted ...string) assessments.NewQuestion {
	return assessments.NewQuestion{Type: question.ShortText, Prompt: prompt, Points: exact.WholePoints(1), Key: &assessments.NewKey{Accepted: accepted}}
}
