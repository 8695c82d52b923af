package dashboard

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/fault"
	"credlane/app/kit/rest"
	"credlane/modules/auth"
)

// deeds say of each action in the trail what was done, after the name of who did it.
var deeds = map[string]string{
	"employer.created": "registered the organization", "employer.changed": "changed the organization",
	"member.added": "became a member", "member.removed": "removed a member", "member.role_changed": "changed a role",
	"invitation.created": "invited a member", "invitation.revoked": "revoked a member’s invitation", "invitation.accepted": "accepted an invitation",
	"invitation.renewed": "renewed a member’s invitation",
	"user.renamed":       "changed their own name", "user.digest_changed": "changed their daily digest", "email.verified": "confirmed their address",
	"password.changed": "changed their password", "password.reset": "set a new password by a link",
	"password_reset.requested": "asked for a link to set a password", "email_verify.requested": "asked for a link to confirm the address",
	"session.started": "signed in", "session.ended": "signed out",
	"api_key.created": "made an API key", "api_key.revoked": "revoked an API key", "signing_key.created": "made a signing key",
	"webhook.created": "added a webhook", "webhook.updated": "changed a webhook", "webhook.deleted": "deleted a webhook",
	"webhook.disabled": "switched a webhook off", "webhook.secret_rotated": "made a new secret for a webhook", "webhook.tested": "sent a test to a webhook",
	"webhook.delivery_replayed": "sent a delivery again",
	"assessment.created":        "created an assessment", "assessment.updated": "changed an assessment", "assessment.deleted": "deleted a draft",
	"assessment.duplicated": "copied an assessment", "assessment.published": "published an assessment", "assessment.closed": "closed an assessment",
	"assessment.reopened": "opened an assessment again", "assessment.archived": "archived an assessment",
	"assessment.results_released": "released results",
	"question.created":            "added a question", "question.updated": "changed a question", "question.deleted": "deleted a question",
	"questions.added": "added questions", "questions.ordered": "reordered the questions",
	"import.done": "imported questions", "import.checked": "checked a file", "import.rejected": "tried an import that was refused",
	"invite.created": "invited a candidate", "invite.resent": "sent an invite again", "invite.revoked": "revoked an invite", "invite.changed": "changed an invite",
	"invite.opened": "opened an invite", "invite.declined": "declined an invite", "invite.expired": "ended an invite whose time was over", "invite.reminded": "sent a reminder",
	"invite.sent": "sent an invite", "invite.undeliverable": "could not deliver an invite", "invite.reopened": "opened an invite again", "invite.superseded": "replaced an invite by a new one",
	"submission.started": "started an assessment", "submission.resumed": "went on with a submission", "submission.submitted": "handed in",
	"submission.expired": "closed a submission whose time was over", "submission.voided": "voided a submission", "submission.judged": "judged a submission",
	"submission.extra_time_given": "gave extra time", "submissions.exported": "exported submissions",
	"job.retried": "started a failed job again",
}

// deedGroups are the actions as the filter lists them.
var deedGroups = []struct{ label, prefixes string }{
	{"People", "employer. member. invitation. user. email. password. password_reset. email_verify. session."},
	{"Keys and webhooks", "api_key. signing_key. webhook."},
	{"Assessments", "assessment. question. questions. import."},
	{"Candidates", "invite. submission. submissions."},
	{"The server", "job."},
}

// deed words an action. One that nobody has words for yet shows as it is kept.
func deed(action string) string {
	if words, ok := deeds[action]; ok {
		return words
	}
	return action
}

type deedGroup struct {
	Label string
	Deeds []deedOption
}

type deedOption struct {
	Action, Label string
	Chosen        bool
}

func deedFilter(chosen string) []deedGroup {
	var groups []deedGroup
	for _, g := range deedGroups {
		group := deedGroup{Label: g.label}
		for action, words := range deeds {
			prefix, _, _ := strings.Cut(action, ".")
			if slices.Contains(strings.Fields(g.prefixes), prefix+".") {
				group.Deeds = append(group.Deeds, deedOption{action, strings.ToUpper(words[:1]) + words[1:], action == chosen})
			}
		}
		slices.SortFunc(group.Deeds, func(a, b deedOption) int { return cmp.Compare(a.Label, b.Label) })
		groups = append(groups, group)
	}
	return groups
}

// auditRow is one act as people read it.
type auditRow struct {
	auth.AuditEvent
	Who, Deed string
	What      string // the object's name, where it has one
	URL       string // where the object is shown
	Details   []detail
}

type detail struct{ Name, Before, After string }

type auditPage struct {
	Rows        []auditRow
	Groups      []deedGroup
	From, To    string // as typed
	Filtered    bool
	First, Next string
}

var errBadDay = rest.ErrInvalid.WithFields(fault.Field{Location: "query.from", Message: "Give a day as 2026-11-27."})

// auditFilter reads the filters of the address. Both days are whole ones, in UTC.
func auditFilter(r *http.Request) (f auth.AuditFilter, err error) {
	q := r.URL.Query()
	f.Action = q.Get("action")
	if text := q.Get("from"); text != "" {
		if f.From, err = time.Parse(time.DateOnly, text); err != nil {
			return f, errBadDay
		}
	}
	if text := q.Get("to"); text != "" {
		if f.To, err = time.Parse(time.DateOnly, text); err != nil {
			return f, errBadDay
		}
		f.To = f.To.AddDate(0, 0, 1)
	}
	if text := q.Get("object"); text != "" {
		if f.ObjectID, err = uuid.Parse(text); err != nil {
			return f, rest.ErrNotFound
		}
	}
	return f, nil
}

func (d *Dashboard) audit(r *http.Request, s *shell) (any, error) {
	f, err := auditFilter(r)
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	list, next, err := d.Accounts.AuditEvents(r.Context(), f, settingsLimit, q.Get("cursor"))
	if err != nil {
		return nil, err
	}
	p := auditPage{
		Groups: deedFilter(f.Action), From: q.Get("from"), To: q.Get("to"), Filtered: f != auth.AuditFilter{}, First: firstOf(r), Next: nextOf(r, next),
	}
	names, err := d.auditNames(r, s, list)
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		p.Rows = append(p.Rows, auditRow{
			AuditEvent: e, Who: actor(e, names, s.Account.User.ID), Deed: deed(e.Action), What: objectName(e, names), URL: objectURL(e), Details: details(e),
		})
	}
	return p, nil
}

// auditNames finds how people and keys of these events are called.
func (d *Dashboard) auditNames(r *http.Request, s *shell, list []auth.AuditEvent) (map[uuid.UUID]string, error) {
	var users, keys, objects []uuid.UUID
	for _, e := range list {
		if e.ActorID != nil && e.ActorKind == "member" {
			users = append(users, *e.ActorID)
		}
		if e.ActorID != nil && e.ActorKind == "api_key" {
			keys = append(keys, *e.ActorID)
		}
		if e.ObjectID == nil {
			continue
		}
		switch e.ObjectType {
		case "user":
			users = append(users, *e.ObjectID)
		case "api_key":
			keys = append(keys, *e.ObjectID)
		case "member", "invitation":
			objects = append(objects, *e.ObjectID)
		}
	}
	names, err := d.Accounts.Names(r.Context(), s.Account.Employer.ID, users, keys)
	if err != nil {
		return nil, err
	}
	others, err := d.Accounts.ObjectNames(r.Context(), objects)
	for id, name := range others {
		names[id] = name
	}
	return names, err
}

func actor(e auth.AuditEvent, names map[uuid.UUID]string, reader uuid.UUID) string {
	name := ""
	if e.ActorID != nil {
		name = names[*e.ActorID]
	}
	switch e.ActorKind {
	case "member":
		if e.ActorID != nil && *e.ActorID == reader {
			return "You"
		}
		return cmp.Or(name, "A former member")
	case "api_key":
		if name == "" {
			return "An API key"
		}
		return "The key “" + name + "”"
	case "candidate":
		return "A candidate"
	case "operator":
		return "Whoever runs this server"
	}
	return "The server"
}

// objectName is empty where the object is the actor, or has no name here.
func objectName(e auth.AuditEvent, names map[uuid.UUID]string) string {
	if e.ObjectID == nil || e.ActorID != nil && *e.ObjectID == *e.ActorID {
		return ""
	}
	return names[*e.ObjectID]
}

func objectURL(e auth.AuditEvent) string {
	if e.ObjectID == nil {
		return ""
	}
	id := e.ObjectID.String()
	switch {
	case strings.HasSuffix(e.Action, ".deleted") || e.Action == "submission.voided":
		return ""
	case e.ObjectType == "assessment":
		return "/app/assessments/" + id
	case e.ObjectType == "submission":
		return "/app/submissions/" + id
	case e.ObjectType == "webhook":
		return settingsPath + "/webhooks/" + id
	}
	return ""
}

// details are what stood before and what stands after, name by name.
func details(e auth.AuditEvent) []detail {
	before, after := membersOf(e.Before), membersOf(e.After)
	var list []detail
	for name := range before {
		list = append(list, detail{name, before[name], after[name]})
	}
	for name := range after {
		if _, both := before[name]; !both {
			list = append(list, detail{name, "", after[name]})
		}
	}
	slices.SortFunc(list, func(a, b detail) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// membersOf are the members of a JSON object as text; none of what is no object.
func membersOf(raw json.RawMessage) map[string]string {
	var all map[string]json.RawMessage
	if len(raw) == 0 || json.Unmarshal(raw, &all) != nil {
		return nil
	}
	texts := make(map[string]string, len(all))
	for name, value := range all {
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(value)
		}
		texts[name] = text
	}
	return texts
}
