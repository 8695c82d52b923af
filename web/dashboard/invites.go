package dashboard

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/rest"
	"credlane/modules/assessments"
	"credlane/modules/invites"
	"credlane/modules/submissions"
	"credlane/web"
	"credlane/web/chart"
)

const invitesLimit = 50

func (d *Dashboard) mountInvites(h *rest.Host) {
	page := d.Pages.Template("dashboard/layout.html", "dashboard/invites.html")
	d.page(h, "/app/assessments/{id}/invites", "app-invites", "The invites to an assessment", authn.Viewer,
		func(r *http.Request, s *shell) (*web.Template, int, error) {
			id, err := uuid.Parse(r.PathValue("id"))
			if err != nil {
				return nil, 0, assessments.ErrNotFound
			}
			a, err := d.Assessments.Find(r.Context(), id)
			if err != nil {
				return nil, 0, err
			}
			if s.Tabs, err = d.tabs(r.Context(), a, "invites"); err != nil {
				return nil, 0, err
			}
			s.Title, s.Scripts = "Invites to "+a.Title, []string{"invites.js"}
			list, err := d.inviteList(r, a)
			s.Data = list
			return page, http.StatusOK, err
		})
}

// inviteList is what the page shows.
type inviteList struct {
	Assessment assessments.Assessment
	PublicURL  string // "" unless it opens the assessment now
	CanMail    bool
	MaxAtOnce  int
	Figures    invites.Figures
	Stages     []stage
	Filters    []option
	State      string
	Query      string
	Clear      string
	Rows       []inviteRow
	First      string
	Next       string
	Capped     bool // there may be more than the figures say
}

// Active tells whether people can be invited now.
func (l inviteList) Active() bool { return l.Assessment.Status == assessments.Active }

// Empty tells whether nobody was ever invited.
func (l inviteList) Empty() bool { return l.Figures.Invited+l.Figures.Revoked == 0 }

// stage is one step of the lane that all invites together go along.
type stage struct {
	N     int
	Label string
	Bar   template.HTML
}

// inviteRow is one invite as the page shows it.
type inviteRow struct {
	invites.Invite
	Who     string
	Lane    template.HTML
	Did     string     // what happened last: "Sent", "Opened"
	At      *time.Time // when; nil where the time says nothing
	Next    string     // what has not happened, or what came of it
	Tone    string     // of the next fact: "", "warn" or "bad"
	Link    string     // "" for who may not see it, and for one that leads nowhere
	Left    *time.Time // the deadline of an attempt under way
	Waiting bool       // it can still be started
}

// MayResend tells whether there is a mail to send again.
func (r inviteRow) MayResend() bool { return r.Waiting || r.State == invites.Started }

// MayExtend tells whether it can be given another expiry.
func (r inviteRow) MayExtend() bool { return r.Waiting || r.State == invites.Expired }

// MayGiveTime tells whether extra time still helps.
func (r inviteRow) MayGiveTime() bool { return r.Waiting || r.State == invites.Started }

// ShownExtra is the extra time; 0 beside a result, which it must not colour.
func (r inviteRow) ShownExtra() int {
	if r.Finished() {
		return 0
	}
	return r.ExtraTimePercent
}

// Finished tells whether there is a result to read.
func (r inviteRow) Finished() bool { return r.State == invites.Completed && r.SubmissionID != nil }

func (d *Dashboard) inviteList(r *http.Request, a assessments.Assessment) (inviteList, error) {
	ctx, q := r.Context(), r.URL.Query()
	figures, err := d.Invites.Figures(ctx, []uuid.UUID{a.ID})
	if err != nil {
		return inviteList{}, err
	}
	look := inviteLook{base: listPath + "/" + a.ID.String() + "/invites", state: q.Get("state"), query: clipped(q.Get("q"))}
	f := figures[a.ID]
	l := inviteList{
		Assessment: a, CanMail: d.CanMail(), MaxAtOnce: invites.MaxAtOnce, Figures: f, Stages: stages(f), Filters: look.filters(f),
		Query: look.query, Clear: inviteLook{base: look.base, state: look.state}.url(""), Capped: f.Invited+f.Revoked >= invites.MaxFigured,
	}
	if len(look.states()) > 0 {
		l.State = look.state
	}
	if a.Status == assessments.Active {
		l.PublicURL = d.PublicURL + "/a/" + a.Slug
	}
	list, next, err := d.Invites.List(ctx, a.ID, invites.Filter{States: look.states(), Query: look.query}, invitesLimit, q.Get("cursor"))
	if err != nil {
		return l, err
	}
	if q.Get("cursor") != "" {
		l.First = look.url("")
	}
	if next != nil {
		l.Next = look.url(*next)
	}
	l.Rows, err = d.inviteRows(ctx, list)
	return l, err
}

// clipped is a search as far as it may go.
func clipped(text string) string {
	text = strings.TrimSpace(text)
	if runes := []rune(text); len(runes) > maxQuery {
		return string(runes[:maxQuery])
	}
	return text
}

func stages(f invites.Figures) []stage {
	all := max(f.Invited, 1)
	bar := func(n int) template.HTML {
		return chart.Bar("", chart.Segment{Share: float64(n) / float64(all), Kind: "done"})
	}
	return []stage{
		{f.Invited, "Invited", bar(f.Invited)}, {f.Opened, "Opened", bar(f.Opened)}, {f.Started, "Started", bar(f.Started)},
		{f.Completed, "Submitted", bar(f.Completed)}, {f.Expired, "Expired", ""},
	}
}

// inviteLook is how the list is looked at.
type inviteLook struct{ base, state, query string }

// states are the states that a filter stands for; none for all.
func (l inviteLook) states() []invites.State {
	switch l.state {
	case "waiting":
		return []invites.State{invites.Created, invites.Sent, invites.Opened}
	case "progress":
		return []invites.State{invites.Started}
	case "submitted":
		return []invites.State{invites.Completed}
	case "declined":
		return []invites.State{invites.Declined}
	case "expired":
		return []invites.State{invites.Expired}
	case "revoked":
		return []invites.State{invites.Revoked, invites.Superseded}
	}
	return nil
}

func (l inviteLook) url(cursor string) string {
	q := url.Values{}
	for name, value := range map[string]string{"state": l.state, "q": l.query, "cursor": cursor} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if len(q) == 0 {
		return l.base
	}
	return l.base + "?" + q.Encode()
}

func (l inviteLook) filters(f invites.Figures) []option {
	all := []struct {
		label, state string
		n            int
		always       bool
	}{
		{"All", "", f.Invited + f.Revoked, true}, {"Waiting", "waiting", f.Waiting, true}, {"In progress", "progress", f.Started - f.Completed, true},
		{"Submitted", "submitted", f.Completed, true}, {"Declined", "declined", f.Declined, false}, {"Expired", "expired", f.Expired, true},
		{"Revoked", "revoked", f.Revoked, true},
	}
	var list []option
	for _, o := range all {
		current := l.state == o.state || o.state == "" && len(l.states()) == 0
		if o.always || o.n > 0 || current {
			list = append(list, option{o.label, inviteLook{l.base, o.state, l.query}.url(""), o.n, current})
		}
	}
	return list
}

// inviteRows adds what the submissions know, by one statement for all of them.
func (d *Dashboard) inviteRows(ctx context.Context, list []invites.Invite) ([]inviteRow, error) {
	var begun []uuid.UUID
	for _, i := range list {
		if i.SubmissionID != nil {
			begun = append(begun, *i.SubmissionID)
		}
	}
	known := map[uuid.UUID]submissions.Shown{}
	if len(begun) > 0 {
		shown, err := d.Submissions.Shown(ctx, authn.From(ctx).EmployerID, begun)
		if err != nil {
			return nil, err
		}
		for _, s := range shown {
			known[s.ID] = s
		}
	}
	rows := make([]inviteRow, len(list))
	for n, i := range list {
		r := inviteRow{Invite: i, Who: i.Name, Waiting: i.State == invites.Created || i.State == invites.Sent || i.State == invites.Opened}
		if r.Who == "" {
			r.Who = i.Email
		}
		if authn.From(ctx).Role >= authn.Recruiter && (r.Waiting || i.State == invites.Started) {
			r.Link = d.Invites.URL(i)
		}
		var s *submissions.Shown
		if i.SubmissionID != nil {
			if found, ok := known[*i.SubmissionID]; ok {
				s = &found
			}
		}
		r.tell(s, d.Clock.Now(), d.CanMail())
		rows[n] = r
	}
	return rows, nil
}

const endsSoon = 24 * time.Hour

// tell words where the invite stands: what happened last, what has not, and the lane beside it.
func (r *inviteRow) tell(s *submissions.Shown, now time.Time, canMail bool) {
	lane := []string{"done", "wait", "wait", "wait"}
	reached := func(n int, rest string) {
		for i := range lane {
			if i < n {
				lane[i] = "done"
			} else {
				lane[i] = rest
			}
		}
	}
	switch r.State {
	case invites.Created:
		r.Did, r.At, r.Next = "Made", &r.CreatedAt, "Its mail is on the way"
		lane[0] = "part"
		if !canMail {
			r.Next = "Send the link yourself"
		}
	case invites.Sent:
		r.Did, r.At, r.Next = "Sent", r.SentAt, "Not opened"
	case invites.Opened:
		r.Did, r.At, r.Next = "Opened", r.OpenedAt, "Not started"
		reached(2, "wait")
	case invites.Started:
		r.Did, r.At, r.Next = "Started", r.StartedAt, "In progress"
		reached(2, "wait")
		lane[2] = "part"
		if s != nil && s.Score == nil && s.DeadlineAt.After(now) {
			r.Next = fmt.Sprintf("%d min left", (s.DeadlineAt.Sub(now)+time.Minute-1)/time.Minute)
		}
	case invites.Completed:
		r.Did, r.At = "Submitted", r.CompletedAt
		reached(4, "done")
		if s != nil && s.Score != nil {
			r.Next = "Scored " + s.Score.String() + "%"
		}
	case invites.Declined:
		r.Did, r.At, r.Next = "Declined", r.DeclinedAt, r.DeclineReason
		reached(2, "off")
	case invites.Expired:
		r.Did, r.At, r.Next = "Expired", &r.ExpiresAt, "Never opened"
		reached(1, "off")
		if r.OpenedAt != nil {
			r.Next = "Opened, never started"
			reached(2, "off")
		}
	case invites.Revoked:
		r.Did, r.At = "Revoked", r.RevokedAt
		reached(1, "off")
	case invites.Superseded:
		r.Did, r.At, r.Next = "Replaced", r.SupersededAt, "By a later invite"
		reached(1, "off")
	}
	r.warn(lane, now)
	r.Lane = chart.Lane(spokenLane(lane), lane...)
}

// warn marks what a person should do something about.
func (r *inviteRow) warn(lane []string, now time.Time) {
	if !r.Waiting {
		return
	}
	if r.FailedAt != nil {
		lane[0] = "bad"
		r.Did, r.At, r.Next, r.Tone = "Not delivered", r.FailedAt, "The mail was given up", "bad"
		return
	}
	if r.ExpiresAt.Sub(now) <= endsSoon {
		r.Next, r.Tone = r.Next+", ends within a day", "warn"
	}
}

func spokenLane(lane []string) string {
	said := map[string]string{"done": "reached", "part": "now", "wait": "not yet", "bad": "failed", "off": "ended"}
	parts := make([]string, len(lane))
	for i, name := range []string{"Sent", "opened", "started", "submitted"} {
		parts[i] = name + " " + said[lane[i]]
	}
	return strings.Join(parts, ", ")
}
