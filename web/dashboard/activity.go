package dashboard

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"credlane/app/kit/authn"
	"credlane/app/kit/rest"
	"credlane/modules/activity"
	"credlane/web"
)

const (
	feedShort = 9  // rows beside the list of assessments
	feedLong  = 50 // of the page of its own

	streamBeat     = 15 * time.Second // a sign of life, so that no proxy takes the stream for dead
	streamStall    = 10 * time.Second // how long a reader may stand still
	streamLives    = time.Hour        // the page comes again then
	streamRecheck  = 2 * time.Second  // how old the look at who listens may be when there is something to tell
	streamCatchUp  = 50               // items told of those that were missed
	streamRetryFor = 3_000            // milliseconds until a page that lost the stream comes again
)

// feed is what happened, as a page shows it.
type feed struct {
	Items  []feedRow
	Newest string // the id of the latest, where the stream goes on; "" when there is none
	Max    int    // rows that are kept
	Long   bool   // of the page of its own
}

// feedRow is one thing that happened.
type feedRow struct {
	activity.Item
	Icon, Tone string
	URL        string
}

func (d *Dashboard) mountActivity(h *rest.Host) {
	page := d.Pages.Template("dashboard/layout.html", "dashboard/feed.html", "dashboard/activity.html")
	d.page(h, "/app/activity", "app-activity", "What happened", authn.Viewer, func(r *http.Request, s *shell) (*web.Template, int, error) {
		s.Title, s.Section, s.Scripts = "Activity", "activity", []string{"activity.js"}
		var err error
		s.Data, err = d.activityPage(r)
		return page, http.StatusOK, err
	})
	rest.ServePage(h, rest.Op{
		Method: http.MethodGet, Path: "/app/activity/stream", ID: "app-activity-stream", Summary: "What happens, as it happens", Role: authn.Viewer,
		Stream: true, Produces: "text/event-stream", Trouble: d.showTrouble,
	}, d.stream(page))
}

type activityPage struct {
	Feed        feed
	First, Next string
}

func (d *Dashboard) activityPage(r *http.Request) (activityPage, error) {
	cursor := r.URL.Query().Get("cursor")
	items, next, err := d.Activity.List(r.Context(), feedLong, cursor)
	if err != nil {
		return activityPage{}, err
	}
	p := activityPage{Feed: feedOf(items, 4*feedLong)}
	p.Feed.Long = true
	if cursor != "" {
		p.First = "/app/activity"
		p.Feed.Newest = "" // an older page stands still
	}
	if next != nil {
		p.Next = "/app/activity?cursor=" + *next
	}
	return p, nil
}

// feed is the latest of what happened.
func (d *Dashboard) feed(r *http.Request, n int) (feed, error) {
	items, _, err := d.Activity.List(r.Context(), n, "")
	if err != nil {
		return feed{}, err
	}
	return feedOf(items, n), nil
}

func feedOf(items []activity.Item, most int) feed {
	f := feed{Items: make([]feedRow, len(items)), Newest: uuid.Nil.String(), Max: most}
	for i, item := range items {
		f.Items[i] = feedRowOf(item)
	}
	if len(items) > 0 {
		f.Newest = items[0].ID.String()
	}
	return f
}

func feedRowOf(i activity.Item) feedRow {
	r := feedRow{Item: i, Icon: "note"}
	if i.SubmissionID != nil && i.Action != "submission.voided" {
		r.URL = "/app/submissions/" + i.SubmissionID.String()
	}
	switch kind, verb, _ := strings.Cut(i.Action, "."); {
	case verb == "submitted":
		r.Icon, r.Tone = "check", "ok"
	case verb == "expired":
		r.Icon, r.Tone = "clock", "warn"
	case verb == "started":
		r.Icon, r.Tone = "play", "acc"
	case verb == "opened":
		r.Icon = "eye"
	case kind == "invite":
		r.Icon = "send"
	case kind == "import":
		r.Icon = "upload"
	case verb == "exported":
		r.Icon = "download"
	case kind == "webhook":
		r.Icon, r.Tone = "alert", "warn"
	case verb == "published" || verb == "closed" || verb == "archived":
		r.Icon = "lock"
	case kind == "member":
		r.Icon = "people"
	case verb == "created" || verb == "duplicated":
		r.Icon = "plus"
	}
	return r
}

// stream tells a page what happens, by server-sent events, until its reader leaves, is signed out or has lost the right to hear.
func (d *Dashboard) stream(rows *web.Template) rest.PageFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		who := authn.From(r.Context())
		if who.Kind != authn.Member {
			return authn.ErrForbidden
		}
		ctx, cancel := context.WithTimeout(r.Context(), streamLives)
		defer cancel()
		listener, err := d.Activity.Listen(ctx)
		if err != nil {
			return err
		}
		defer listener.Close()
		missed, err := d.missed(ctx, lastSeen(r))
		if err != nil {
			return err
		}
		header := w.Header()
		header.Set("Content-Type", "text/event-stream; charset=utf-8")
		header.Set("X-Accel-Buffering", "no") // a proxy that collects would keep the news
		s := &eventStream{w: w, control: http.NewResponseController(w), rows: rows}
		if err := s.begin(); err != nil {
			return gone(err)
		}
		told := map[uuid.UUID]bool{}
		for _, item := range missed {
			told[item.ID] = true
		}
		if err := s.items(missed, nil); err != nil {
			return gone(err)
		}
		return gone(d.follow(ctx, s, listener, who, told))
	}
}

// errGone is a reader who has left: nobody is left to be told of an error.
var errGone = errors.New("the reader has left")

func gone(err error) error {
	if errors.Is(err, errGone) {
		return nil
	}
	return err
}

// follow hands on what the listener hears.
func (d *Dashboard) follow(ctx context.Context, s *eventStream, l *activity.Listener, who authn.Principal, told map[uuid.UUID]bool) error {
	beat := time.NewTicker(streamBeat)
	defer beat.Stop()
	checked := time.Now()
	for {
		var items []activity.Item
		select {
		case <-ctx.Done():
			return nil
		case <-l.Over():
			return nil
		case items = <-l.Items():
		case <-beat.C:
		}
		if items == nil || time.Since(checked) > streamRecheck {
			if !d.stillHears(ctx, who) {
				return s.end()
			}
			checked = time.Now()
		}
		if err := s.items(items, told); err != nil {
			return err
		}
	}
}

// stillHears looks again at who listens: a request is judged once, and a stream is one long request.
func (d *Dashboard) stillHears(ctx context.Context, who authn.Principal) bool {
	now, err := d.Accounts.Session(ctx, who.SessionID)
	return err == nil && now.EmployerID == who.EmployerID && now.UserID == who.UserID && now.Role >= authn.Viewer
}

// lastSeen is the item that the page had last: what a browser says when it comes again, or what the page came with.
func lastSeen(r *http.Request) uuid.UUID {
	for _, text := range []string{r.Header.Get("Last-Event-ID"), r.URL.Query().Get("after")} {
		if id, err := uuid.Parse(text); err == nil {
			return id
		}
	}
	return uuid.Max
}

// missed are the items after one, oldest first; of very many the latest.
func (d *Dashboard) missed(ctx context.Context, after uuid.UUID) ([]activity.Item, error) {
	if after == uuid.Max {
		return nil, nil
	}
	list, _, err := d.Activity.List(ctx, streamCatchUp, "")
	if err != nil {
		return nil, err
	}
	for i, item := range list {
		if bytes.Compare(item.ID[:], after[:]) <= 0 {
			list = list[:i]
			break
		}
	}
	slices.Reverse(list)
	return list, nil
}

// eventStream writes server-sent events (WHATWG HTML, 9.2). Each has its own time to go out.
type eventStream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	rows    *web.Template
}

func (s *eventStream) begin() error {
	return s.send([]byte(fmt.Sprintf("retry: %d\n: listening\n\n", streamRetryFor)))
}

// end says that there is no use in coming again.
func (s *eventStream) end() error { return s.send([]byte("event: end\ndata: {}\n\n")) }

// told is what an event carries: the row as the page draws it, and the sentence to be spoken.
type toldItem struct {
	Text string `json:"text"`
	HTML string `json:"html"`
}

// items sends those that the page does not have; without any it is a sign of life.
func (s *eventStream) items(items []activity.Item, told map[uuid.UUID]bool) error {
	var out bytes.Buffer
	for _, item := range items {
		if told[item.ID] {
			continue
		}
		var row bytes.Buffer
		if err := s.rows.Execute(&row, "feed-row", feedRowOf(item)); err != nil {
			return err
		}
		data, err := json.Marshal(toldItem{strings.TrimSpace(item.Text() + ". " + item.Assessment), row.String()})
		if err != nil {
			return fmt.Errorf("word an event: %w", err)
		}
		fmt.Fprintf(&out, "id: %s\ndata: %s\n\n", item.ID, data)
	}
	if out.Len() == 0 {
		out.WriteString(": still here\n\n")
	}
	return s.send(out.Bytes())
}

func (s *eventStream) send(data []byte) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(streamStall)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return errGone
	}
	if _, err := s.w.Write(data); err != nil {
		return errGone
	}
	if err := s.control.Flush(); err != nil {
		return errGone
	}
	return nil
}
