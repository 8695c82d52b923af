package app

import (
	"context"
	"fmt"
	"iter"
	"net/url"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"credlane/app/kit/authn"
	"credlane/app/kit/exact"
	"credlane/app/kit/fault"
	"credlane/app/kit/module"
	"credlane/app/kit/question"
	"credlane/app/kit/rest"
	"credlane/configs"
	"credlane/modules/assessments"
	"credlane/modules/auth"
	"credlane/modules/imports"
	"credlane/modules/metrics"
	"credlane/modules/submissions"
)

// wire makes the modules and joins them: read top to bottom, it is the architecture.
func (a *App) wire(o Options, public *url.URL) error {
	cfg, db := a.cfg, a.db
	limiter := rest.NewLimiter(db, o.Clock)
	measures := metrics.New(metrics.Deps{DB: db, Log: o.Log})
	keyring, err := auth.NewKeyring(db, o.Clock, o.IDs, o.Log, cfg.Key())
	if err != nil {
		return err
	}
	tokens := authn.NewTokens(keyring, o.Clock, tokenIssuer)

	a.accounts = auth.New(auth.Deps{
		DB: db, Clock: o.Clock, IDs: o.IDs, Log: o.Log, Keyring: keyring, Tokens: tokens, Limiter: limiter,
		Rates: auth.Rates{
			LoginAccount: rate(cfg.RateLoginAccount), LoginAddress: rate(cfg.RateLoginAddress),
			Register: rate(cfg.RateRegister), Forgot: rate(cfg.RateForgot),
		},
		PublicURL: cfg.PublicURL, Registration: registration(cfg.Registration), HashParallel: cfg.HashParallel,
		Counters: measures.Product,
	})
	a.assessments = assessments.New(assessments.Deps{
		DB: db, Clock: o.Clock, IDs: o.IDs, PublicURL: cfg.PublicURL, Counters: measures.Product,
	})
	questions := imports.New(imports.Deps{
		DB: db, Clock: o.Clock, IDs: o.IDs, Log: o.Log, Questions: appender{a.assessments}, Counters: measures.Product,
		Faults: []*fault.Error{assessments.ErrNotFound, assessments.ErrArchived, assessments.ErrTooManyQuestions},
	})
	a.submissions = submissions.New(submissions.Deps{
		DB: db, Clock: o.Clock, IDs: o.IDs, Log: o.Log, Limiter: limiter, StartLimit: rate(cfg.RateStartAddress), Tokens: tokens,
		Versions: versions{a.assessments}, Openings: openings{a.assessments}, Policies: policies{a.assessments},
		Candidates: a.accounts, Counters: counters{measures.Product},
	})
	housekeeping := rest.NewSweeper(db, o.Clock, o.Log)

	a.server = newServer(serverDeps{
		Log: o.Log, Clock: o.Clock, DB: db, Tokens: tokens, Directory: a.accounts, Recorder: measures, PublicURL: public,
		TrustedProxies: cfg.TrustedProxies, RequestTimeout: cfg.RequestTimeout, ExportStallTimeout: cfg.ExportStallTimeout,
		MaxInFlight: cfg.MaxInFlight, MaxConnections: cfg.MaxConnections,
	}, []module.Module{measures, a.accounts, a.assessments, questions, a.submissions})
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

// openings lends submissions what a public link opens.
type openings struct{ from *assessments.Module }

func (o openings) Opening(ctx context.Context, slug string) (submissions.Opening, error) {
	found, err := o.from.Opening(ctx, slug)
	return submissions.Opening{
		VersionID: found.VersionID, NoticeVersion: found.NoticeVersion, RequireEmailCode: found.RequireEmailCode,
	}, err
}

// policies lends submissions what may be released.
type policies struct{ from *assessments.Module }

func (p policies) ReleasePolicy(ctx context.Context, id uuid.UUID) (submissions.Policy, error) {
	found, err := p.from.ReleasePolicy(ctx, id)
	return submissions.Policy{Disclosure: submissions.Disclosure(found.Policy), At: found.At}, err
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
