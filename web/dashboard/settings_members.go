package dashboard

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/modules/auth"
	"credlane/web"
)

// roleOption is a role that the reader may give.
type roleOption struct{ Name, Label, Can string }

var roleWords = map[authn.Role][2]string{
	authn.Viewer:    {"Viewer", "reads assessments, results and submissions"},
	authn.Recruiter: {"Recruiter", "also writes, publishes, invites and releases"},
	authn.Admin:     {"Admin", "also members, keys, webhooks and the organization"},
	authn.Owner:     {"Owner", "also gives and takes the role of owner"},
}

// rolesUpTo are the roles that somebody with this one may give, the lowest first.
func rolesUpTo(most authn.Role) []roleOption {
	var list []roleOption
	for role := authn.Viewer; role <= most; role++ {
		list = append(list, roleOption{role.String(), roleWords[role][0], roleWords[role][1]})
	}
	return list
}

type memberRow struct {
	auth.Member
	Initials  string
	RoleLabel string
	You       bool
	Above     bool // the reader cannot change them
}

type invitationRow struct {
	auth.Invitation
	RoleLabel string
	Above     bool
}

type membersPage struct {
	Members     []memberRow
	Invitations []invitationRow
	Roles       []roleOption
	Rights      []right
	CanMail     bool
	First, Next string
}

// right is what one may do, and from which role on.
type right struct {
	What string
	From authn.Role
}

// Has tells of each role, the highest first, whether it may.
func (r right) Has() []bool {
	var list []bool
	for role := authn.Owner; role >= authn.Viewer; role-- {
		list = append(list, role >= r.From)
	}
	return list
}

var rights = []right{
	{"See assessments, results and submissions", authn.Viewer},
	{"Export results", authn.Viewer},
	{"Write questions, import, publish and close", authn.Recruiter},
	{"Invite candidates, set extra time", authn.Recruiter},
	{"Note, tag, decide and release results", authn.Recruiter},
	{"Void a submission", authn.Admin},
	{"Members, keys, webhooks and the organization", authn.Admin},
	{"Make somebody an owner, or take that away", authn.Owner},
}

func (d *Dashboard) members(r *http.Request, s *shell) (any, error) {
	rows, next, err := d.Accounts.Members(r.Context(), settingsLimit, r.URL.Query().Get("cursor"))
	if err != nil {
		return nil, err
	}
	p := membersPage{Roles: rolesUpTo(s.Role), Rights: rights, CanMail: d.CanMail(), First: firstOf(r), Next: nextOf(r, next)}
	for _, m := range rows {
		role, err := authn.ParseRole(m.Role)
		if err != nil {
			return nil, err
		}
		p.Members = append(p.Members, memberRow{m, web.Initials(m.Name), roleWords[role][0], m.UserID == s.Account.User.ID, role > s.Role})
	}
	if p.First != "" { // they stand on the first page
		return p, nil
	}
	invitations, err := d.Accounts.Invitations(r.Context())
	if err != nil {
		return nil, err
	}
	for _, i := range invitations {
		role, err := authn.ParseRole(i.Role)
		if err != nil {
			return nil, err
		}
		p.Invitations = append(p.Invitations, invitationRow{i, roleWords[role][0], role > s.Role})
	}
	return p, nil
}

// keyRow is an API key, with who made it.
type keyRow struct {
	auth.APIKeyEntry
	Maker string
	Idle  bool   // unused for so long that somebody should look
	Used  string // how long ago it was last used, in words; "" for never
	Can   string
}

type keysPage struct {
	Keys           []keyRow
	Roles          []roleOption
	First, Next    string
	Soon, Far, Ask string // the days between which a key may end, and the one proposed
}

// agoWords words a span that has passed inside of a sentence.
func agoWords(span time.Duration) string {
	if span < time.Minute {
		return "a moment ago"
	}
	return web.Ago(span) + " ago"
}

// idleAfter is when a key that nobody uses is pointed out.
const idleAfter = 90 * 24 * time.Hour

func (d *Dashboard) keys(r *http.Request, s *shell) (any, error) {
	rows, next, err := d.Accounts.APIKeys(r.Context(), settingsLimit, r.URL.Query().Get("cursor"))
	if err != nil {
		return nil, err
	}
	now := d.Clock.Now().UTC()
	day := func(days int) string { return now.AddDate(0, 0, days).Format(time.DateOnly) }
	p := keysPage{Roles: rolesUpTo(s.Role), First: firstOf(r), Next: nextOf(r, next), Soon: day(1), Ask: day(90), Far: day(365)}
	makers := make([]uuid.UUID, len(rows))
	for i, k := range rows {
		makers[i] = k.CreatedBy
	}
	names, err := d.Accounts.Names(r.Context(), s.Account.Employer.ID, makers, nil)
	if err != nil {
		return nil, err
	}
	for _, k := range rows {
		role, err := authn.ParseRole(k.Role)
		if err != nil {
			return nil, err
		}
		since, used := k.CreatedAt, ""
		if k.LastUsedAt != nil {
			since, used = *k.LastUsedAt, agoWords(now.Sub(*k.LastUsedAt))
		}
		p.Keys = append(p.Keys, keyRow{k, names[k.CreatedBy], now.Sub(since) > idleAfter, used, roleWords[role][0]})
	}
	return p, nil
}
