package app

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/authn"
	"credlane/app/kit/exact"
	"credlane/app/kit/fault"
	"credlane/app/kit/jobs"
	"credlane/app/kit/mail"
	"credlane/app/kit/module"
	"credlane/app/kit/pg"
	"credlane/app/kit/question"
	"credlane/app/kit/rest"
	"credlane/app/kit/seal"
	"credlane/configs"
	"credlane/modules/activity"
	"credlane/modules/assessments"
	"credlane/modules/auth"
	"credlane/modules/imports"
	"credlane/modules/invites"
	"credlane/modules/metrics"
	"credlane/modules/operations"
	"credlane/modules/submissions"
	"credlane/modules/webhooks"
	"credlane/web"
	"credlane/web/candidate"
	"credlane/web/dashboard"
)

// wire makes the modules and joins them: read top to bottom, it is the architecture.
func (a *App) wire(o Options, public *url.URL) error {
	cfg, db := a.cfg, a.db
	limiter := rest.NewLimiter(db, o.Clock)
	measures := metrics.New(metrics.Deps{DB: db, Log: o.Log})
	key, err := seal.New(cfg.Key())
	if err != nil {
		return err
	}
	a.jobs = jobs.New(jobs.Options{DB: db, Log: o.Log, Counters: measures.Product})
	a.mail, err = mail.New(mail.Options{
		DB: db, Jobs: a.jobs, Key: key, Clock: o.Clock, IDs: o.IDs, Log: o.Log, Counters: measures.Product, PublicURL: cfg.PublicURL,
		SMTP: mail.SMTP{URL: cfg.SMTPURL.Reveal(), From: cfg.MailFrom, CAFile: cfg.SMTPCAFile},
	})
	if err != nil {
		return err
	}
	keyring, err := auth.NewKeyring(db, o.Clock, o.IDs, o.Log, key)
	if err != nil {
		return err
	}
	tokens := authn.NewTokens(keyring, o.Clock, tokenIssuer)

	a.accounts = auth.New(auth.Deps{
		DB: db, Clock: o.Clock, IDs: o.IDs, Log: o.Log, Keyring: keyring, Key: key, Mail: a.mail, Tokens: tokens, Limiter: limiter,
		Rates: auth.Rates{
			LoginAccount: rate(cfg.RateLoginAccount), LoginAddress: rate(cfg.RateLoginAddress),
			Register: rate(cfg.RateRegister), Forgot: rate(cfg.RateForgot),
		},
		PublicURL: cfg.PublicURL, Registration: registration(cfg.Registration), HashParallel: cfg.HashParallel,
		Counters: measures.Product,
	})
	hooks, err := webhooks.New(webhooks.Deps{
		DB: db, Clock: o.Clock, IDs: o.IDs, Jobs: a.jobs, Key: key, Limiter: limiter, Log: o.Log, Objects: objects{a}, Counters: measures.Product,
		Networks: cfg.WebhookNetworks,
	})
	if err != nil {
		return err
	}
	a.assessments = assessments.New(assessments.Deps{
		DB: db, Clock: o.Clock, IDs: o.IDs, PublicURL: cfg.PublicURL, Counters: measures.Product, Events: hooks, CanMail: a.mail.CanSend,
	})
	questions := imports.New(imports.Deps{
		DB: db, Clock: o.Clock, IDs: o.IDs, Log: o.Log, Questions: appender{a.assessments}, Counters: measures.Product,
		Faults: []*fault.Error{assessments.ErrNotFound, assessments.ErrArchived, assessments.ErrTooManyQuestions},
	})
	a.invites = invites.New(invites.Deps{
		DB: db, Clock: o.Clock, IDs: o.IDs, Key: key, Mail: a.mail, Jobs: a.jobs, PublicURL: cfg.PublicURL,
		Assessments: invitable{a.assessments}, Accommodations: accommodations{a}, Events: hooks,
		Faults: []*fault.Error{assessments.ErrNotFound, assessments.ErrNotActive},
		TimeFaults: []*fault.Error{submissions.ErrSubmissionNotFound, submissions.ErrSubmissionClosed, submissions.ErrDeadlineInPast,
			submissions.ErrExtraTime},
	})
	a.submissions = submissions.New(submissions.Deps{
		DB: db, Clock: o.Clock, IDs: o.IDs, Log: o.Log, Key: key, Mail: a.mail, Jobs: a.jobs, Tokens: tokens,
		Limiter: limiter, StartLimit: rate(cfg.RateStartAddress), CodeLimit: rate(cfg.RateCode),
		Versions: versions{a.assessments}, Openings: openings{a.assessments}, Policies: policies{a.assessments},
		Candidates: a.accounts, Members: members{a.accounts}, Invitations: invitations{a.invites}, Events: hooks, Counters: counters{measures.Product},
		OpeningFaults: []*fault.Error{assessments.ErrNotFound, assessments.ErrNotOpen, assessments.ErrClosed},
		LinkFaults:    invites.PublicFaults(),
	})
	background := operations.New(operations.Deps{DB: db, Jobs: a.jobs, Clock: o.Clock, IDs: o.IDs})
	a.activity = activity.New(activity.Deps{DB: db, Clock: o.Clock, Log: o.Log, Names: callings{a}})
	housekeeping := rest.NewSweeper(db, o.Clock, o.Log)

	pages, err := web.New(web.Options{Clock: o.Clock, PublicURL: cfg.PublicURL})
	if err != nil {
		return err
	}
	employers := dashboard.New(dashboard.Deps{
		Pages: pages, Accounts: a.accounts, Assessments: a.assessments, Imports: questions, Invites: a.invites, Submissions: a.submissions,
		Webhooks: hooks, Operations: background, Activity: a.activity, Clock: o.Clock, Log: o.Log, PublicURL: cfg.PublicURL, CanMail: a.mail.CanSend,
	})
	candidates := candidate.New(candidate.Deps{
		Pages: pages, Assessments: a.assessments, Invites: a.invites, Submissions: a.submissions, Clock: o.Clock, IDs: o.IDs, Log: o.Log,
		PublicURL: cfg.PublicURL, CanMail: a.mail.CanSend,
	})

	a.server = newServer(serverDeps{
		Log: o.Log, Clock: o.Clock, DB: db, Tokens: tokens, Directory: a.accounts, Recorder: measures, PublicURL: public,
		TrustedProxies: cfg.TrustedProxies, RequestTimeout: cfg.RequestTimeout, ExportStallTimeout: cfg.ExportStallTimeout,
		MaxInFlight: cfg.MaxInFlight, MaxConnections: cfg.MaxConnections,
	}, []module.Module{
		measures, a.accounts, a.assessments, questions, a.invites, a.submissions, background, hooks, a.activity, employers, candidates,
	}, pages)
	a.runners = []module.Runner{a.accounts, a.submissions, housekeeping}
	return nil
}

// tokenIssuer is the iss claim; it stays the same when the public URL changes, or everybody would be signed out.
const tokenIssuer = "credlane"

func registration(policy string) auth.Policy {
	switch policy {
	case configs.RegistrationOpen:
		return auth.Open
	case configs.RegistrationClosed:
		return auth.Closed
	default:
		return auth.UntilFirstOwner
	}
}

// versions lends submissions the published versions, with their keys.
type versions struct{ from *assessments.Module }

func (v versions) Version(ctx context.Context, id uuid.UUID) (submissions.Version, error) {
	found, err := v.from.Version(ctx, id)
	if err != nil {
		return submissions.Version{}, err
	}
	keys, err := v.from.VersionKeys(ctx, id)
	if err != nil {
		return submissions.Version{}, err
	}
	lent := submissions.Version{
		ID: found.ID, EmployerID: found.EmployerID, AssessmentID: found.AssessmentID, Number: found.Number, Title: found.Title,
		TimeLimit: found.TimeLimit(), PassingScore: found.PassingScore, PointsTotal: found.PointsTotal,
		ShuffleQuestions: found.ShuffleQuestions, ShuffleOptions: found.ShuffleOptions,
		Questions: make([]submissions.Question, len(found.Questions)),
	}
	for i, q := range found.Questions {
		key, ok := keys[q.ID]
		if !ok {
			return submissions.Version{}, fmt.Errorf("version %s holds no key for question %s", id, q.ID)
		}
		lent.Questions[i] = submissions.Question{
			ID: q.ID, Type: q.Type, Prompt: q.Prompt, Points: q.Points, CreditRule: q.CreditRule, Key: key,
			Explanation: q.Explanation, Tags: q.Tags, Difficulty: q.Difficulty,
			Options: make([]submissions.Option, len(q.Options)),
		}
		for j, option := range q.Options {
			lent.Questions[i].Options[j] = submissions.Option{ID: option.ID, Text: option.Text}
		}
	}
	return lent, nil
}

// objects describes to other systems what an event is about. The modules tell of events, so they are made after it.
type objects struct{ app *App }

func (o objects) Describe(ctx context.Context, employer uuid.UUID, eventType string, object uuid.UUID) (any, error) {
	switch kind, _, _ := strings.Cut(eventType, "."); kind {
	case "assessment":
		return o.app.assessments.EventObject(ctx, employer, object)
	case "invite":
		return o.app.invites.EventObject(ctx, employer, object)
	case "submission":
		return o.app.submissions.EventObject(ctx, employer, object)
	}
	return nil, fmt.Errorf("nothing describes %s", eventType)
}

// openings lends submissions what a public link opens.
type openings struct{ from *assessments.Module }

func (o openings) Opening(ctx context.Context, slug string) (submissions.Opening, error) {
	found, err := o.from.Opening(ctx, slug)
	return opening(found), err
}

func (o openings) OpeningByID(ctx context.Context, assessmentID uuid.UUID) (submissions.Opening, error) {
	found, err := o.from.OpeningByID(ctx, assessmentID)
	return opening(found), err
}

func opening(o assessments.Opening) submissions.Opening {
	return submissions.Opening{VersionID: o.VersionID, NoticeVersion: o.NoticeVersion, RequireEmailCode: o.RequireEmailCode}
}

// policies lends submissions what may be released.
type policies struct{ from *assessments.Module }

func (p policies) ReleasePolicy(ctx context.Context, id uuid.UUID) (submissions.Policy, error) {
	found, err := p.from.ReleasePolicy(ctx, id)
	return submissions.Policy{Disclosure: submissions.Disclosure(found.Policy), At: found.At}, err
}

// members lends submissions those who want to hear of new ones.
type members struct{ from *auth.Module }

func (m members) DigestAddresses(ctx context.Context, employerID uuid.UUID) ([]submissions.DigestAddress, error) {
	found, err := m.from.DigestAddresses(ctx, employerID)
	list := make([]submissions.DigestAddress, len(found))
	for i, a := range found {
		list[i] = submissions.DigestAddress(a)
	}
	return list, err
}

// invitable lends invites what people are invited to.
type invitable struct{ from *assessments.Module }

func (i invitable) Invitable(ctx context.Context, q pg.Querier, employerID, assessmentID uuid.UUID) (invites.Assessment, error) {
	found, err := i.from.Invitable(ctx, q, employerID, assessmentID)
	return invites.Assessment{Title: found.Title}, err
}

func (i invitable) Landing(ctx context.Context, assessmentID uuid.UUID, extraTimePercent int) (invites.Landing, error) {
	l, err := i.from.LandingByID(ctx, assessmentID, extraTimePercent)
	return invites.Landing{
		Title: l.Title, Description: l.Description, Employer: invites.LandingEmployer{Name: l.Employer.Name}, QuestionCount: l.QuestionCount,
		TimeLimitMinutes: l.TimeLimitMinutes, Rules: l.Rules, PrivacyNotice: l.PrivacyNotice, RequireEmailCode: l.RequireEmailCode,
		State: l.State, OpensAt: l.OpensAt, ClosesAt: l.ClosesAt, PointsTotal: l.PointsTotal, Release: string(l.Release), ReleaseAt: l.ReleaseAt,
	}, err
}

// invitations lends submissions the personal links.
type invitations struct{ *invites.Module }

func (i invitations) HoldTx(ctx context.Context, tx pgx.Tx, token string) (submissions.Invitation, error) {
	held, err := i.Module.HoldTx(ctx, tx, token)
	return submissions.Invitation{
		ID: held.ID, EmployerID: held.EmployerID, AssessmentID: held.AssessmentID, SubmissionID: held.SubmissionID, Email: held.Email,
		Name: held.Name, ExtraTimePercent: held.ExtraTimePercent, TimeGiven: submissions.TimeGiven(held.TimeGiven),
	}, err
}

// accommodations lends invites the extra time of who has started. It looks submissions up when they are asked for: they stand on
// invites and are made after them.
type accommodations struct{ of *App }

func (a accommodations) GiveExtraTime(ctx context.Context, submissionID uuid.UUID, percent int, reason string) error {
	return a.of.submissions.GiveTime(ctx, submissionID, percent, reason)
}

// counters counts how submissions end and which files leave.
type counters struct{ *metrics.Product }

func (c counters) SubmissionEnded(how submissions.Status) {
	if how == submissions.Expired {
		c.SubmissionExpired()
		return
	}
	c.SubmissionSubmitted()
}

// Export counts a CSV as one, with or without a byte order mark.
func (c counters) Export(f submissions.Format) {
	if f == submissions.CSVWithBOM {
		f = submissions.CSV
	}
	c.Product.Export(string(f))
}

// appender lends imports the drafts that its questions go into.
type appender struct{ to *assessments.Module }

func (a appender) Editable(ctx context.Context, id uuid.UUID) error { return a.to.Editable(ctx, id) }

func (a appender) AppendTx(ctx context.Context, tx pgx.Tx, employerID, assessmentID uuid.UUID, questions iter.Seq2[imports.Question, error]) (int, error) {
	return a.to.AppendTx(ctx, tx, employerID, assessmentID, func(yield func(assessments.NewQuestion, error) bool) {
		for q, err := range questions {
			if err != nil {
				yield(assessments.NewQuestion{}, err)
				return
			}
			if !yield(imported(q)) {
				return
			}
		}
	})
}

// imported words a question of a file as authoring takes it.
func imported(q imports.Question) (assessments.NewQuestion, error) {
	n := assessments.NewQuestion{
		Type: question.Type(q.Type), Prompt: q.Prompt, Points: exact.Points(q.Points), Tags: q.Tags, Difficulty: q.Difficulty,
		Explanation: q.Explanation, CreditRule: question.CreditRule(q.CreditRule),
		Key: &assessments.NewKey{True: q.True, Accepted: q.Accepted, CaseSensitive: q.CaseSensitive, ToleranceKind: question.ToleranceKind(q.ToleranceKind)},
	}
	if len(q.Options) > 0 {
		n.Options = make([]string, 0, len(q.Options))
	}
	for i, o := range q.Options {
		n.Options = append(n.Options, o.Text)
		if o.Correct {
			n.Key.Right = append(n.Key.Right, i)
		}
	}
	if n.Type != question.Numeric {
		return n, nil
	}
	var err error
	if n.Key.Value, err = exact.ParseDecimal(q.Value); err != nil {
		return n, fmt.Errorf("row %d: value: %w", q.Row, err)
	}
	if n.Key.Tolerance, err = exact.ParseDecimal(q.Tolerance); err != nil {
		return n, fmt.Errorf("row %d: tolerance: %w", q.Row, err)
	}
	return n, nil
}
