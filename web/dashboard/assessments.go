package dashboard

import (
	"cmp"
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

const (
	listPath  = "/app/assessments"
	listLimit = 20
	maxQuery  = 200 // characters of a search
)

func (d *Dashboard) mountAssessments(h *rest.Host) {
	page := d.Pages.Template("dashboard/layout.html", "dashboard/feed.html", "dashboard/assessments.html")
	rest.ServePage(h, rest.Op{
		Method: http.MethodGet, Path: "/app", ID: "app-home", Summary: "The first page of a member", Role: authn.Viewer, Trouble: d.showTrouble,
	}, func(w http.ResponseWriter, r *http.Request) error { return rest.Redirect(w, r, listPath) })
	d.page(h, listPath, "app-assessments", "The assessments, and what waits", authn.Viewer,
		func(r *http.Request, s *shell) (*web.Template, int, error) {
			s.Title, s.Section, s.Scripts = "Assessments", "assessments", []string{"assessments.js", "activity.js"}
			list, err := d.assessmentList(r, s)
			s.Data = list
			return page, http.StatusOK, err
		})
}

// assessmentList is what the page shows.
type assessmentList struct {
	Filters []option
	Orders  []option
	Order   option // the one in use
	Query   string
	Status  string
	Rows    []assessmentRow
	Todo    []todo
	Sort    string     // of Order, as the address says it; "" for the usual one
	Last    *time.Time // when the latest submission came in; nil also where not all assessments are on the page
	Slots   []string   // one for each assessment that may be active
	First   string
	Next    string
	Clear   string // the same list without the search
	Feed    feed
}

// Empty tells whether there is nothing at all yet, the first page's lesson.
func (l assessmentList) Empty() bool { return len(l.Filters) == 0 }

// option is one way to look at a list.
type option struct {
	Label   string
	URL     string
	Count   int
	Current bool
}

// todo is something that waits for a person.
type todo struct {
	N             int
	Title, Detail string
	URL           string
}

// assessmentRow is one assessment of the list.
type assessmentRow struct {
	assessments.Assessment
	PublicURL string
	ETag      string
	Facts     string // "v3, 24 questions, 75 min"; without the version where the draft has gone on
	Note      string // below the status
	Warn      bool   // the note wants somebody
	Invited   int
	Figures   submissions.Figures
	Bar       template.HTML
	PassRate  string // "" while nobody has finished
	PassBar   template.HTML
	Spark     template.HTML
}

// Taken tells whether anybody was invited or began.
func (r assessmentRow) Taken() bool { return r.Invited > 0 || r.Figures.Started > 0 }

// Published tells whether there is a version, so that it can be closed but not deleted.
func (r assessmentRow) Published() bool { return r.CurrentVersion != nil }

func (d *Dashboard) assessmentList(r *http.Request, s *shell) (assessmentList, error) {
	ctx, q := r.Context(), r.URL.Query()
	look := lookOf(q)
	list, next, err := d.Assessments.Overview(ctx, assessments.OverviewFilter{
		Status: look.status, Query: look.query, Order: look.order, Cursor: q.Get("cursor"), Limit: listLimit,
	})
	if err != nil {
		return assessmentList{}, err
	}
	l := assessmentList{Query: look.query, Status: string(look.status), Orders: look.orders(), Clear: look.url("query", "")}
	if s.AllAssessments()+s.Counts.Archived > 0 {
		l.Filters = look.filters(s.Counts)
	}
	for _, o := range l.Orders {
		if o.Current {
			l.Order = o
		}
	}
	if q.Get("cursor") != "" {
		l.First = look.url("", "")
	}
	if next != nil {
		l.Next = look.url("cursor", *next)
	}
	if look.order != assessments.ByAge {
		l.Sort = string(look.order)
	}
	for i := range max(s.Counts.ActiveLimit, s.Counts.Active) {
		l.Slots = append(l.Slots, slot(i, s.Counts))
	}
	if l.Rows, err = d.assessmentRows(ctx, list); err != nil {
		return l, err
	}
	if whole := look.status == "" && look.query == "" && q.Get("cursor") == "" && next == nil; whole {
		l.Last = lastOf(l.Rows)
	}
	if l.Todo, err = d.todo(ctx, s); err != nil {
		return l, err
	}
	l.Feed, err = d.feed(r, feedShort)
	return l, err
}

func lastOf(rows []assessmentRow) (last *time.Time) {
	for _, row := range rows {
		if at := row.Figures.Last; at != nil && (last == nil || at.After(*last)) {
			last = at
		}
	}
	return last
}

// slot is one place of the meter: those that are taken come first, and what is over the limit is marked.
func slot(i int, c assessments.Counts) string {
	switch {
	case i >= c.ActiveLimit:
		return "bad"
	case i < c.Active:
		return "done"
	}
	return "wait"
}

// look is how the list is looked at. What an address says wrongly is as if it had not been said.
type look struct {
	status assessments.Status
	query  string
	order  assessments.Order
}

func lookOf(q url.Values) look {
	l := look{query: strings.TrimSpace(q.Get("q")), order: assessments.ByAge}
	if runes := []rune(l.query); len(runes) > maxQuery {
		l.query = string(runes[:maxQuery])
	}
	switch status := assessments.Status(q.Get("status")); status {
	case assessments.Draft, assessments.Active, assessments.Closed, assessments.Archived:
		l.status = status
	}
	switch order := assessments.Order(q.Get("sort")); order {
	case assessments.ByChange, assessments.ByTitle:
		l.order = order
	}
	return l
}

// url is the address of the list with one thing changed: "status", "sort", "query", "cursor" or "" for its first page.
func (l look) url(what, to string) string {
	q := url.Values{}
	cursor := ""
	switch what {
	case "status":
		l.status = assessments.Status(to)
	case "sort":
		l.order = assessments.Order(to)
	case "query":
		l.query = to
	case "cursor":
		cursor = to
	}
	for name, value := range map[string]string{"status": string(l.status), "q": l.query, "cursor": cursor} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if l.order != assessments.ByAge {
		q.Set("sort", string(l.order))
	}
	if len(q) == 0 {
		return listPath
	}
	return listPath + "?" + q.Encode()
}

func (l look) filters(c assessments.Counts) []option {
	list := []option{
		{"All", l.url("status", ""), c.Draft + c.Active + c.Closed, l.status == ""},
		{"Active", l.url("status", string(assessments.Active)), c.Active, l.status == assessments.Active},
		{"Draft", l.url("status", string(assessments.Draft)), c.Draft, l.status == assessments.Draft},
		{"Closed", l.url("status", string(assessments.Closed)), c.Closed, l.status == assessments.Closed},
	}
	if c.Archived > 0 || l.status == assessments.Archived {
		list = append(list, option{"Archived", l.url("status", string(assessments.Archived)), c.Archived, l.status == assessments.Archived})
	}
	return list
}

func (l look) orders() []option {
	return []option{
		{Label: "Newest", URL: l.url("sort", string(assessments.ByAge)), Current: l.order == assessments.ByAge},
		{Label: "Last changed", URL: l.url("sort", string(assessments.ByChange)), Current: l.order == assessments.ByChange},
		{Label: "Title", URL: l.url("sort", string(assessments.ByTitle)), Current: l.order == assessments.ByTitle},
	}
}

// assessmentRows adds each one's figures, by one statement of each module for all of them.
func (d *Dashboard) assessmentRows(ctx context.Context, list []assessments.Assessment) ([]assessmentRow, error) {
	var ids, drafts []uuid.UUID
	for _, a := range list {
		ids = append(ids, a.ID)
		if a.Status == assessments.Draft {
			drafts = append(drafts, a.ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	figures, err := d.Submissions.Figures(ctx, ids)
	if err != nil {
		return nil, err
	}
	invited, err := d.Invites.Figures(ctx, ids)
	if err != nil {
		return nil, err
	}
	missing := map[uuid.UUID]int{}
	if len(drafts) > 0 {
		if missing, err = d.Assessments.MissingKeys(ctx, drafts); err != nil {
			return nil, err
		}
	}
	rows := make([]assessmentRow, len(list))
	for i, a := range list {
		rows[i] = d.assessmentRow(a, figures[a.ID], invited[a.ID], missing[a.ID])
	}
	return rows, nil
}

func (d *Dashboard) assessmentRow(a assessments.Assessment, f submissions.Figures, i invites.Figures, missing int) assessmentRow {
	r := assessmentRow{
		Assessment: a, PublicURL: d.PublicURL + "/a/" + a.Slug, ETag: rest.ETag(a.ID, a.Revision), Facts: facts(a), Invited: i.Invited, Figures: f,
	}
	switch {
	case a.Status == assessments.Draft && missing > 0:
		r.Note, r.Warn = web.Plural(missing, "answer missing", "answers missing"), true
	case a.Status == assessments.Draft && a.QuestionCount == 0:
		r.Note = "no questions yet"
	case a.CurrentVersion != nil && a.Status != assessments.Archived && a.DraftChanged():
		r.Note = fmt.Sprintf("v%d in draft", *a.CurrentVersion+1)
	}
	if all := float64(max(i.Invited, f.Started)); all > 0 {
		label := fmt.Sprintf("%d invited, %d started, %d submitted", i.Invited, f.Started, f.Ended)
		r.Bar = chart.Bar(label, chart.Segment{Share: float64(f.Ended) / all, Kind: "done"},
			chart.Segment{Share: float64(f.Started-f.Ended) / all, Kind: "part"})
		r.Spark = chart.Spark(web.Plural(total(f.Daily[:]), "submission", "submissions")+" in 14 days", f.Daily[:])
	}
	if f.Ended > 0 {
		share := float64(f.Passed) / float64(f.Ended)
		r.PassRate = fmt.Sprintf("%.0f%%", 100*share)
		r.PassBar = chart.Bar("", chart.Segment{Share: share, Kind: "done"})
	}
	return r
}

func total(counts []int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

// facts is what an assessment is, in a line. The numbers are the draft's, so the version is named only where they are its own.
func facts(a assessments.Assessment) string {
	text := fmt.Sprintf("%s, %d min", web.Plural(a.QuestionCount, "question", "questions"), a.TimeLimitMinutes)
	if a.CurrentVersion != nil && !a.DraftChanged() {
		text = fmt.Sprintf("v%d, %s", *a.CurrentVersion, text)
	}
	return text
}

// todo lists what waits for a person, and nothing that does not.
func (d *Dashboard) todo(ctx context.Context, s *shell) ([]todo, error) {
	var list []todo
	ending, err := d.Invites.Ending(ctx)
	if err != nil {
		return nil, err
	}
	if len(ending) > 0 {
		list = append(list, endingTodo(ending))
	}
	waits, err := d.Assessments.Attention(ctx)
	if err != nil {
		return nil, err
	}
	if waits.Unfinished > 0 {
		list = append(list, todo{waits.Unfinished, cmp.Or(one(waits.Unfinished, "Draft lacks answers"), "Drafts lack answers"),
			"Questions without a key keep them from publishing", listPath + "?status=draft"})
	}
	if waits.Changed > 0 {
		list = append(list, todo{waits.Changed, cmp.Or(one(waits.Changed, "Draft is not published"), "Drafts are not published"),
			"Candidates still get the version before", listPath + "?status=active"})
	}
	if !s.CanAdminister() {
		return list, nil
	}
	hooks, err := d.Webhooks.List(ctx, uuid.Nil, maxHooks)
	if err != nil {
		return nil, err
	}
	failing := 0
	for _, h := range hooks {
		if h.FailingSince != nil {
			failing++
		}
	}
	if failing > 0 {
		list = append(list, todo{failing, cmp.Or(one(failing, "Webhook fails"), "Webhooks fail"), "Events are kept and tried again", "/app/settings/webhooks"})
	}
	return list, nil
}

const maxHooks = 200

// one is text when n is 1, and "" otherwise.
func one(n int, text string) string {
	if n == 1 {
		return text
	}
	return ""
}

func endingTodo(ending []invites.Ending) todo {
	n, unopened := 0, 0
	for _, e := range ending {
		n, unopened = n+e.Invites, unopened+e.Unopened
	}
	t := todo{N: n, Title: cmp.Or(one(n, "Invite ends within a day"), "Invites end within a day"), Detail: "All of them were opened",
		URL: listPath + "/" + ending[0].AssessmentID.String() + "/invites?state=waiting"}
	if unopened > 0 {
		t.Detail = fmt.Sprintf("%d of them never opened", unopened)
	}
	if len(ending) > 1 {
		t.Detail += fmt.Sprintf(", in %d assessments", len(ending))
	}
	return t
}
