package dashboard

import (
	"html/template"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/rest"
	"credlane/modules/assessments"
	"credlane/modules/auth"
	"credlane/web"
)

const (
	settingsPath  = "/app/settings"
	settingsLimit = 50 // rows of a list
)

// settings is what every page of them shows: the way to the others, and its own data.
type settings struct {
	Current string
	Links   []option
	Page    any
}

// setting is one page: its name, who may see it, and what fills it.
type setting struct {
	name, label string
	role        authn.Role
	files       []string
	fill        func(d *Dashboard, r *http.Request, s *shell) (any, error)
}

// settingsPages are all of them, in the order of the list beside them.
func settingsPages() []setting {
	return []setting{
		{"profile", "Your profile", authn.Viewer, nil, (*Dashboard).profile},
		{"sessions", "Your sessions", authn.Viewer, nil, (*Dashboard).sessions},
		{"organization", "Organization", authn.Admin, nil, (*Dashboard).organization},
		{"members", "Members and roles", authn.Admin, nil, (*Dashboard).members},
		{"keys", "API keys", authn.Admin, []string{"dashboard/settings_secret.html"}, (*Dashboard).keys},
		{"webhooks", "Webhooks", authn.Admin, []string{"dashboard/settings_secret.html"}, (*Dashboard).webhooks},
		{"audit", "Audit trail", authn.Admin, nil, (*Dashboard).audit},
	}
}

func (d *Dashboard) mountSettings(h *rest.Host) {
	rest.ServePage(h, rest.Op{
		Method: http.MethodGet, Path: settingsPath, ID: "app-settings", Summary: "The first of the settings", Role: authn.Viewer, Trouble: d.showTrouble,
	}, func(w http.ResponseWriter, r *http.Request) error {
		return rest.Redirect(w, r, settingsPath+"/profile")
	})
	for _, p := range settingsPages() {
		d.mountSetting(h, settingsPath+"/"+p.name, "app-settings-"+p.name, p)
	}
	hook := setting{"webhooks", "Webhook", authn.Admin, []string{"dashboard/settings_secret.html", "dashboard/settings_delivery.html"}, (*Dashboard).webhook}
	hook.files = append(hook.files, "dashboard/settings_webhook.html")
	d.mountSetting(h, settingsPath+"/webhooks/{id}", "app-settings-webhook", hook)

	preview := d.Pages.Template("dashboard/settings_preview.html")
	rest.ServePage(h, rest.Op{
		Method: http.MethodPost, Path: settingsPath + "/organization/preview", ID: "app-settings-notice", Summary: "A privacy notice as candidates see it",
		Role: authn.Admin, MaxBody: 256 << 10, Trouble: d.showTrouble,
	}, func(w http.ResponseWriter, r *http.Request) error {
		form, err := rest.FormValues(r)
		if err != nil {
			return err
		}
		account, err := d.Accounts.Me(r.Context())
		if err != nil {
			return err
		}
		return preview.Part(w, r, http.StatusOK, "preview", noticeOf(form.Get("notice"), account.Employer.Name))
	})
}

// mountSetting mounts one page. Its template is named like it, unless it brings one of its own.
func (d *Dashboard) mountSetting(h *rest.Host, path, id string, p setting) {
	files := append([]string{"dashboard/layout.html", "dashboard/settings.html", "dashboard/settings_preview.html"}, p.files...)
	if !strings.HasSuffix(path, "}") {
		files = append(files, "dashboard/settings_"+p.name+".html")
	}
	page := d.Pages.Template(files...)
	d.page(h, path, id, p.label, p.role, func(r *http.Request, s *shell) (*web.Template, int, error) {
		s.Title, s.Section, s.Scripts = p.label, "settings", []string{"settings.js"}
		s.Crumbs = []crumb{{"Settings", settingsPath}, {p.label, ""}}
		data, err := p.fill(d, r, s)
		if err != nil {
			return nil, 0, err
		}
		all := settings{Current: p.name, Page: data}
		for _, other := range settingsPages() {
			if s.Role >= other.role {
				all.Links = append(all.Links, option{Label: other.label, URL: settingsPath + "/" + other.name, Current: other.name == p.name})
			}
		}
		s.Data = all
		return page, http.StatusOK, nil
	})
}

type profilePage struct {
	User    auth.User
	CanMail bool
}

func (d *Dashboard) profile(_ *http.Request, s *shell) (any, error) {
	return profilePage{s.Account.User, d.CanMail()}, nil
}

// notice is a privacy notice as candidates see it: the employer's own, or the one that stands in for it.
type notice struct {
	HTML    template.HTML
	Default bool
}

func noticeOf(text, employer string) notice {
	if strings.TrimSpace(text) == "" {
		return notice{web.Markdown(assessments.DefaultPrivacyNotice(employer)), true}
	}
	return notice{web.Markdown(text), false}
}

type organizationPage struct {
	*auth.Employer
	Notice notice
}

func (d *Dashboard) organization(r *http.Request, _ *shell) (any, error) {
	e, err := d.Accounts.Employer(r.Context())
	if err != nil {
		return nil, err
	}
	return organizationPage{e, noticeOf(e.PrivacyNotice, e.Name)}, nil
}

// place is one session, as people tell them apart.
type place struct {
	ID         uuid.UUID
	Device     string
	Icon       string
	IP         string
	Since      time.Time
	LastUsedAt time.Time
	Ends       time.Time
	Current    bool
}

type sessionsPage struct {
	Places      []place
	First, Next string
}

func (d *Dashboard) sessions(r *http.Request, _ *shell) (any, error) {
	rows, next, err := d.Accounts.Sessions(r.Context(), settingsLimit, r.URL.Query().Get("cursor"))
	if err != nil {
		return nil, err
	}
	p := sessionsPage{First: firstOf(r), Next: nextOf(r, next)}
	for _, s := range rows {
		name, icon := device(s.UserAgent)
		p.Places = append(p.Places, place{s.ID, name, icon, addressOf(s.IP), s.CreatedAt, s.LastUsedAt, s.ExpiresAt, s.Current})
	}
	return p, nil
}

func addressOf(ip *netip.Addr) string {
	if ip == nil {
		return ""
	}
	return ip.String()
}

// device words a User-Agent for people, and says which picture it gets. It is a hint: a program may say anything.
func device(agent string) (name, icon string) {
	browser := oneOf(agent, "Edg/", "Edge", "OPR/", "Opera", "Firefox/", "Firefox", "Chrome/", "Chrome", "Safari/", "Safari")
	system := oneOf(agent, "Android", "Android", "iPhone", "iPhone", "iPad", "iPad", "Windows", "Windows", "Mac OS X", "macOS", "CrOS", "ChromeOS", "Linux", "Linux")
	icon = "laptop"
	if system == "Android" || system == "iPhone" || system == "iPad" {
		icon = "phone"
	}
	switch {
	case browser != "" && system != "":
		return browser + " on " + system, icon
	case browser != "" || system != "":
		return browser + system, icon
	case agent == "":
		return "An unnamed program", "code"
	}
	if name, _, _ := strings.Cut(agent, " "); len(name) <= 60 {
		return name, "code"
	}
	return "A program", "code"
}

// oneOf is the word that goes with the first mark found; marks and words come in turn.
func oneOf(text string, pairs ...string) string {
	for i := 0; i < len(pairs); i += 2 {
		if strings.Contains(text, pairs[i]) {
			return pairs[i+1]
		}
	}
	return ""
}

// nextOf is the same list from the cursor on; "" on the last page.
func nextOf(r *http.Request, cursor *string) string {
	if cursor == nil {
		return ""
	}
	q := r.URL.Query()
	q.Set("cursor", *cursor)
	return r.URL.Path + "?" + q.Encode()
}

// firstOf is the same list from its beginning; "" there.
func firstOf(r *http.Request) string {
	q := r.URL.Query()
	if !q.Has("cursor") {
		return ""
	}
	q.Del("cursor")
	if len(q) == 0 {
		return r.URL.Path
	}
	return r.URL.Path + "?" + q.Encode()
}
