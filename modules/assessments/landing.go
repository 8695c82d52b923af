package assessments

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/clock"
	"credlane/app/kit/exact"
)

// Landing is the public page of an assessment. It holds no question, no key and no passing score.
type Landing struct {
	Title            string          `json:"title" example:"Go developer, first round"`
	Description      string          `json:"description" doc:"Markdown source."`
	Employer         LandingEmployer `json:"employer"`
	QuestionCount    int             `json:"questionCount" example:"20"`
	TimeLimitMinutes int             `json:"timeLimitMinutes" example:"30"`
	Rules            []string        `json:"rules" doc:"What a candidate should know before starting, in plain sentences."`
	PrivacyNotice    string          `json:"privacyNotice" doc:"Markdown source."`
	RequireEmailCode bool            `json:"requireEmailCode"`
	State            string          `json:"state" enum:"open,not_open_yet,closed"`
	OpensAt          *time.Time      `json:"opensAt"`
	ClosesAt         *time.Time      `json:"closesAt" doc:"Stops starts; an attempt under way keeps its time."`

	// For the page, which words the rules in the reader's language; Rules says the same.
	AssessmentID uuid.UUID    `json:"-"`
	PointsTotal  exact.Points `json:"-"`
	Release      Release      `json:"-"`
	ReleaseAt    *time.Time   `json:"-"`
}

// LandingEmployer is who asks.
type LandingEmployer struct {
	Name string `json:"name" example:"Acme Ltd"`
}

// Landing gives the encoded landing page of a public link, at most a second old. Errors: ErrNotFound.
func (s *Service) Landing(ctx context.Context, slug string) ([]byte, error) {
	entry, err := s.landingEntry(ctx, slug)
	if err != nil {
		return nil, err
	}
	return entry.body, nil
}

// LandingPage is Landing before it is encoded, out of the same memory. Everybody gets the same one, until it is read anew: nobody
// may change it, and what is made of it may be kept by it. Errors: ErrNotFound.
func (s *Service) LandingPage(ctx context.Context, slug string) (*Landing, error) {
	entry, err := s.landingEntry(ctx, slug)
	if err != nil {
		return nil, err
	}
	return &entry.landing, nil
}

func (s *Service) landingEntry(ctx context.Context, slug string) (*landingEntry, error) {
	if !validSlug(slug) {
		return nil, ErrNotFound
	}
	return s.landings.get(ctx, slug)
}

func (s *Service) readLanding(ctx context.Context, slug string) (*landingEntry, error) {
	o, err := findOpening(ctx, s.db, slug)
	if err != nil {
		return nil, err
	}
	entry := &landingEntry{landing: o.landing(s.clock.Now())}
	if entry.body, err = json.Marshal(entry.landing); err != nil {
		return nil, fmt.Errorf("landing: %w", err)
	}
	return entry, nil
}

func (o Opening) landing(now time.Time) Landing {
	l := Landing{Title: o.Title, Description: o.Description, Employer: LandingEmployer{o.EmployerName}, QuestionCount: o.QuestionCount,
		TimeLimitMinutes: o.TimeLimitMinutes, Rules: o.rules(), PrivacyNotice: o.PrivacyNotice, RequireEmailCode: o.RequireEmailCode,
		State: "open", OpensAt: clock.UTC(o.OpensAt), ClosesAt: clock.UTC(o.ClosesAt),
		AssessmentID: o.AssessmentID, PointsTotal: o.PointsTotal, Release: o.ResultRelease, ReleaseAt: clock.UTC(o.ReleaseAt)}
	switch o.Check(now) {
	case ErrNotOpen:
		l.State = "not_open_yet"
	case ErrClosed:
		l.State = "closed"
	}
	if l.PrivacyNotice == "" {
		l.PrivacyNotice = DefaultPrivacyNotice(o.EmployerName)
	}
	return l
}

// DefaultPrivacyNotice is what candidates read where the employer wrote no notice of its own.
func DefaultPrivacyNotice(employer string) string {
	return employer + " asks for your name and e-mail address to know whose answers these are. It keeps them with your answers, " +
		"the times at which you gave them and your score, and uses them only to judge your application. Nobody outside its hiring " +
		"team sees them here. You may ask " + employer + " at any time what it keeps about you, and to correct or delete it."
}

// rules words the settings that a candidate should know. Nothing in it depends on the keys or the passing score.
func (o Opening) rules() []string {
	rules := []string{
		timeRule(o.TimeLimit(), 0),
		"Each answer is saved as you give it, and you can come back to this browser until the time is up.",
		"You can take this once. When the time is up, what was saved counts.",
	}
	if o.QuestionCount > 1 {
		rules = append(rules, "You may answer in any order and change your answers until you submit.")
	}
	if o.RequireEmailCode {
		rules = append(rules, "You prove your e-mail address with a code before you start.")
	}
	return append(rules, o.releaseRule())
}

func (o Opening) releaseRule() string {
	when := "as soon as you have submitted"
	if o.ReleaseAt != nil {
		when = "once " + o.EmployerName + " has released the results"
	}
	switch o.ResultRelease {
	case ReleasePassed:
		return "You see whether you passed " + when + "."
	case ReleaseScore:
		return "You see your score " + when + "."
	case ReleaseReview:
		return "You see your score and your answers with the right ones " + when + "."
	}
	return "Results are not shown here. " + o.EmployerName + " tells you how it goes on."
}

// personalRule stands in the place of the second rule for who holds a personal link.
const personalRule = "Each answer is saved as you give it, and you can come back by this link, on any device, until the time is up."

// timeRule says how long somebody has, and of what that is made: "45 minutes (30 minutes and 50 % more)".
func timeRule(limit time.Duration, extraPercent int) string {
	has := span(limit * time.Duration(100+extraPercent) / 100)
	if extraPercent > 0 {
		has += fmt.Sprintf(" (%s and %d %% more)", span(limit), extraPercent)
	}
	return "You have " + has + " from the moment you start. The clock runs on when you leave or lose the connection."
}

// span words a time in minutes and, where it is not whole ones, seconds.
func span(d time.Duration) string {
	minutes, seconds := int(d/time.Minute), int(d%time.Minute/time.Second)
	words := counted(minutes, "minute")
	if seconds > 0 {
		words += " and " + counted(seconds, "second")
	}
	return words
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
