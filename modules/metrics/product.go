package metrics

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"credlane/app/kit/jobs"
)

// Product counts what the product does. Modules name the methods they need in an interface of their own.
type Product struct {
	published, started, submitted, expired, saved prometheus.Counter
	imports, logins, exports, mails, webhooks     *prometheus.CounterVec
	sweepLag                                      prometheus.Gauge
	jobs                                          *prometheus.CounterVec
}

// The outcomes that are told apart; any other counts as "other".
var (
	importOutcomes = []string{"checked", "done", "rejected", "unreadable"}
	loginOutcomes  = []string{"ok", "wrong", "limited", "no_employer", "busy"}
	exportFormats  = []string{"csv", "ndjson", "xlsx"}
	mailOutcomes   = []string{"sent", "kept", "dropped", "failed", "retrying"}

	webhookOutcomes = []string{"succeeded", "refused", "unreachable", "timeout", "forbidden"}
)

func newProduct(r prometheus.Registerer) *Product {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: prefix + name, Help: help})
		r.MustRegister(c)
		return c
	}
	counters := func(name, help, label string, values []string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, []string{label})
		r.MustRegister(c)
		for _, v := range append(slices.Clone(values), "other") {
			c.WithLabelValues(v) // a series that is 0 from the start makes rates right
		}
		return c
	}
	p := &Product{
		published: counter("assessments_published_total", "Versions published."),
		started:   counter("submissions_started_total", "Attempts started."),
		submitted: counter("submissions_submitted_total", "Attempts submitted by their candidate."),
		expired:   counter("submissions_expired_total", "Attempts ended by the clock."),
		saved:     counter("answers_saved_total", "Answers saved."),
		imports:   counters("imports_total", "Imports, by outcome.", "outcome", importOutcomes),
		logins:    counters("logins_total", "Logins, by outcome.", "outcome", loginOutcomes),
		exports:   counters("exports_total", "Exports begun, by format.", "format", exportFormats),
		mails:     counters("mails_total", "What became of mails that were owed, and tries that failed for now.", "outcome", mailOutcomes),
		webhooks:  counters("webhook_tries_total", "Tries to deliver a webhook, by outcome.", "outcome", webhookOutcomes),
		sweepLag: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: prefix + "sweep_lag_seconds", Help: "How long the oldest overdue attempt had waited when the sweep last ran.",
		}),
	}
	p.jobs = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: prefix + "jobs_total", Help: "Transitions of background jobs, by kind and the state they came to.",
	}, []string{"kind", "state"})
	r.MustRegister(p.sweepLag, p.jobs)
	return p
}

// AssessmentPublished counts a published version.
func (p *Product) AssessmentPublished() { p.published.Inc() }

// SubmissionStarted counts a started attempt.
func (p *Product) SubmissionStarted() { p.started.Inc() }

// SubmissionSubmitted counts an attempt that its candidate submitted.
func (p *Product) SubmissionSubmitted() { p.submitted.Inc() }

// SubmissionExpired counts an attempt that the clock ended.
func (p *Product) SubmissionExpired() { p.expired.Inc() }

// AnswerSaved counts a saved answer.
func (p *Product) AnswerSaved() { p.saved.Inc() }

// Import counts an import: checked (a dry run), done, rejected or unreadable.
func (p *Product) Import(outcome string) {
	p.imports.WithLabelValues(known(importOutcomes, outcome)).Inc()
}

// Login counts a login: ok, wrong, limited, no_employer or busy.
func (p *Product) Login(outcome string) {
	p.logins.WithLabelValues(known(loginOutcomes, outcome)).Inc()
}

// Export counts an export that began: csv, ndjson or xlsx.
func (p *Product) Export(format string) {
	p.exports.WithLabelValues(known(exportFormats, format)).Inc()
}

// Mail counts what became of a mail: sent, kept, dropped or failed; or a try that failed for now, retrying.
func (p *Product) Mail(outcome string) {
	p.mails.WithLabelValues(known(mailOutcomes, outcome)).Inc()
}

// WebhookTried counts a try to deliver a webhook: succeeded, refused, unreachable, timeout or forbidden.
func (p *Product) WebhookTried(outcome string) {
	p.webhooks.WithLabelValues(known(webhookOutcomes, outcome)).Inc()
}

// SweepLag says how long the oldest overdue attempt had waited for the sweep; 0 when none had.
func (p *Product) SweepLag(lag time.Duration) { p.sweepLag.Set(lag.Seconds()) }

// JobMoved counts a job that came to a state. The kinds are those that the program declares.
func (p *Product) JobMoved(kind string, to jobs.State) {
	p.jobs.WithLabelValues(kind, string(to)).Inc()
}

func known(values []string, v string) string {
	if slices.Contains(values, v) {
		return v
	}
	return "other"
}
