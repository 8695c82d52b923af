package candidate

import (
	"fmt"
	"html/template"
	"time"

	"github.com/google/uuid"

	"credlane/modules/assessments"
	"credlane/modules/invites"
	"credlane/web/words"
)

// facts are what somebody should know before the start, by whichever link they came. There is no question in them and no key.
type facts struct {
	Assessment       uuid.UUID // zero by a personal link
	Title            string
	Description      string // Markdown
	Employer         string
	Questions        int
	Points           string
	Minutes          int // without extra time
	ExtraTimePercent int
	State            string // "open", "not_open_yet", "closed"
	OpensAt          *time.Time
	StartBy          *time.Time // nil: any time
	Notice           string     // Markdown; "" for the usual one
	Code             bool       // a one-time code is asked for
	Personal         bool
	release          string
	releaseAt        *time.Time
}

func publicFacts(l *assessments.Landing) facts {
	return facts{
		Assessment: l.AssessmentID, Title: l.Title, Description: l.Description, Employer: l.Employer.Name, Questions: l.QuestionCount,
		Points: l.PointsTotal.String(), Minutes: l.TimeLimitMinutes, State: l.State, OpensAt: l.OpensAt, StartBy: l.ClosesAt,
		Notice: notice(l.PrivacyNotice, l.Employer.Name), Code: l.RequireEmailCode, release: string(l.Release), releaseAt: l.ReleaseAt,
	}
}

func personalFacts(i invites.Invite, l invites.Landing) facts {
	by := i.ExpiresAt.UTC()
	if l.ClosesAt != nil && l.ClosesAt.Before(by) {
		by = *l.ClosesAt
	}
	return facts{
		Title: l.Title, Description: l.Description, Employer: l.Employer.Name, Questions: l.QuestionCount, Points: l.PointsTotal.String(),
		Minutes: l.TimeLimitMinutes, ExtraTimePercent: i.ExtraTimePercent, State: l.State, OpensAt: l.OpensAt, StartBy: &by,
		Notice: notice(l.PrivacyNotice, l.Employer.Name), Personal: true, release: l.Release, releaseAt: l.ReleaseAt,
	}
}

// notice is what the employer wrote; the usual notice is in the catalogue.
func notice(text, employer string) string {
	if text == assessments.DefaultPrivacyNotice(employer) {
		return ""
	}
	return text
}

// limit is how long this person has.
func (f facts) limit() time.Duration {
	return time.Duration(f.Minutes) * time.Minute * time.Duration(100+f.ExtraTimePercent) / 100
}

// Time words the person's own time: "75 minutes".
func (f facts) Time(l *words.Locale) string { return span(l, f.limit()) }

// Short is Time in few letters: "75 min".
func (f facts) Short(l *words.Locale) string {
	d := f.limit()
	if d%time.Minute == 0 {
		return l.T("unit.min", "n", int(d/time.Minute))
	}
	return l.T("unit.min_s", "minutes", int(d/time.Minute), "seconds", int(d%time.Minute/time.Second))
}

// Plain is the time without what was added to it, for who has more.
func (f facts) Plain(l *words.Locale) string { return l.T("unit.min", "n", f.Minutes) }

// Release words what will be seen of the result.
func (f facts) Release(l *words.Locale) string {
	key := "landing.release_" + f.release
	if f.release != "none" && f.releaseAt != nil {
		key += "_later"
	}
	return l.T(key, "employer", f.Employer)
}

// span words a time in minutes and, where it is not whole ones, seconds.
func span(l *words.Locale, d time.Duration) string {
	minutes, seconds := int(d/time.Minute), int(d%time.Minute/time.Second)
	switch {
	case seconds == 0:
		return l.T("unit.minutes", "n", minutes)
	case minutes == 0:
		return l.T("unit.seconds", "n", seconds)
	}
	return l.T("unit.both", "minutes", l.T("unit.minutes", "n", minutes), "seconds", l.T("unit.seconds", "n", seconds))
}

// moment is a time of which the script shows as much in the reader's own zone as part says: "day", "clock" or "all".
func moment(at time.Time, part string) template.HTML {
	layout := map[string]string{"day": "2 January", "clock": "15:04", "all": "2 Jan 2006, 15:04"}[part]
	zone := " UTC"
	if part == "day" {
		zone = ""
	}
	at = at.UTC()
	return template.HTML(fmt.Sprintf(`<time data-moment="%s" datetime="%s">%s%s</time>`, part, at.Format(time.RFC3339), at.Format(layout), zone))
}
