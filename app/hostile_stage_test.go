package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"credlane/app"
)

// stage is a world with one of everything that an employer can own, and with callers of every kind.
type stage struct {
	*world
	owner     string            // access token
	candidate string            // submission token
	members   map[string]string // access tokens by role
	keys      map[string]string // API keys by role
	ids       map[string]string // one object of each sort, by the names of objectAt
	answer    any               // a right sort of answer to ids["answered question"]
}

// objectAt names the sort of object that a parameter of a path means.
var objectAt = map[string]string{
	"/api/v1/api-keys/{id}":                          "key",
	"/api/v1/assessments/{id}":                       "assessment",
	"/api/v1/assessments/{id}/questions/{qid}":       "question",
	"/api/v1/assessments/{id}/versions/{n}":          "version",
	"/api/v1/auth/invitations/{token}":               "invitation token",
	"/api/v1/auth/sessions/{id}":                     "session",
	"/api/v1/imports/{id}":                           "import",
	"/api/v1/invites/{id}":                           "invite",
	"/api/v1/jobs/{id}":                              "job",
	"/api/v1/public/invites/{token}":                 "invite token",
	"/api/v1/members/invitations/{id}":               "invitation",
	"/api/v1/members/{id}":                           "member",
	"/api/v1/submissions/{id}":                       "submission",
	"/api/v1/public/assessments/{slug}":              "slug",
	"/api/v1/public/submission/answers/{questionId}": "answered question",
	"/api/v1/problems/{code}":                        "code",
	"/api/v1/webhooks/{id}":                          "webhook",
	"/api/v1/webhooks/{id}/deliveries/{did}":         "delivery",
	"/a/{slug}":                                      "slug",
	"/app/assessments/{id}":                          "assessment",
	"/app/assessments/{id}/questions/{qid}":          "question",
	"/app/assessments/{id}/versions/{n}":             "version",
	"/app/invitations/{token}":                       "invitation token",
	"/app/settings/webhooks/{id}":                    "webhook",
	"/app/submissions/{id}":                          "submission",
	"/i/{token}":                                     "invite token",
}

var parameterOf = regexp.MustCompile(`\{[^}]+\}`)

// objectsOf lists the sorts of object in a route's path, in order.
func objectsOf(t *testing.T, path string) []string {
	t.Helper()
	var sorts []string
	for _, at := range parameterOf.FindAllStringIndex(path, -1) {
		sort, known := objectAt[path[:at[1]]]
		if !known {
			t.Fatalf("objectAt does not say what %s means", path[:at[1]])
		}
		sorts = append(sorts, sort)
	}
	return sorts
}

// at fills a route's path.
func (s *stage) at(path string, instead map[string]string) string {
	s.t.Helper()
	for _, sort := range objectsOf(s.t, path) {
		id, other := instead[sort]
		if !other {
			id = s.ids[sort]
		}
		if id == "" {
			s.t.Fatalf("the stage has no %s", sort)
		}
		path = strings.Replace(path, parameterOf.FindString(path), id, 1)
	}
	return path
}

// credential is a caller whom a route admits.
func (s *stage) credential(who string) string {
	switch who {
	case "public":
		return ""
	case "candidate":
		return s.candidate
	}
	return s.owner
}

// newStage sets up employer n with everything.
func newStage(t *testing.T, w *world, n int) *stage {
	t.Helper()
	s := &stage{world: w, owner: w.employer(n), members: map[string]string{}, keys: map[string]string{}, ids: map[string]string{
		"version": "1", "code": "not_found",
	}}
	mail := func(name string) string { return fmt.Sprintf("%s%d@example.com", name, n) }
	s.members["owner"] = s.owner
	var made struct{ ID, AcceptURL, Key string }
	invite := func(name, role string) string {
		w.must(201, "POST", "/api/v1/members", s.owner, obj{"email": mail(name), "role": role}).into(t, &made)
		return made.AcceptURL[strings.LastIndex(made.AcceptURL, "/")+1:]
	}
	for _, role := range []string{"viewer", "recruiter", "admin"} {
		var in struct{ AccessToken string }
		token := invite(role, role)
		w.must(200, "POST", "/api/v1/auth/invitations/"+token+"/accept", "", obj{"name": "Member " + role, "password": "a long enough secret"}).into(t, &in)
		s.members[role] = in.AccessToken
	}
	s.ids["invitation token"] = invite("invited", "viewer")
	invite("asked", "viewer")
	s.ids["invitation"] = made.ID
	for _, role := range []string{"viewer", "recruiter", "admin", "owner"} {
		w.must(201, "POST", "/api/v1/api-keys", s.owner, obj{"name": "Key " + role, "role": role}).into(t, &made)
		s.keys[role] = made.Key
	}
	w.must(201, "POST", "/api/v1/api-keys", s.owner, obj{"name": "Spare", "role": "viewer"}).into(t, &made)
	s.ids["key"] = made.ID
	var list struct{ Items []struct{ ID, Email string } }
	w.must(200, "GET", "/api/v1/members", s.owner, nil).into(t, &list)
	for _, m := range list.Items {
		if m.Email == mail("viewer") {
			s.ids["member"] = m.ID
		}
	}
	w.must(200, "POST", "/api/v1/auth/login", "", obj{"email": mail("owner"), "password": "a long enough secret"})
	w.must(200, "GET", "/api/v1/auth/sessions", s.owner, nil).into(t, &list)
	s.ids["session"] = list.Items[len(list.Items)-1].ID
	w.must(201, "POST", "/api/v1/webhooks", s.owner, obj{"url": "https://hooks.example.com/", "eventTypes": []string{"invite.opened"}}).into(t, &made)
	s.ids["webhook"] = made.ID
	w.must(200, "POST", "/api/v1/webhooks/"+made.ID+"/test", s.owner, nil).into(t, &made)
	s.ids["delivery"] = made.ID
	s.assess(mail("candidate"))
	return s
}

// assess makes the assessment with its question, version, import and a running submission.
func (s *stage) assess(candidate string) {
	s.t.Helper()
	s.ids["assessment"], s.ids["slug"] = s.published(s.owner)
	var list struct{ Items []struct{ ID string } }
	s.must(200, "GET", "/api/v1/assessments/"+s.ids["assessment"]+"/questions", s.owner, nil).into(s.t, &list)
	s.ids["question"] = list.Items[0].ID
	body, contentType := form(s.t, "q.csv", "question,a,b,answer\nHTTPS?,80,443,z\n")
	var p struct{ ID string }
	s.must(422, "POST", "/api/v1/assessments/"+s.ids["assessment"]+"/questions/import", s.owner, body, "Content-Type", contentType).into(s.t, &p)
	s.ids["import"] = p.ID
	var made struct {
		Results []struct{ Invite struct{ ID, URL string } }
	}
	s.must(200, "POST", "/api/v1/assessments/"+s.ids["assessment"]+"/invites", s.owner, obj{"list": "invited-" + candidate}).into(s.t, &made)
	link := made.Results[0].Invite
	s.must(200, "GET", "/api/v1/jobs?limit=1", s.owner, nil).into(s.t, &list)
	s.ids["job"] = list.Items[0].ID // the mail of the invite
	s.ids["invite"], s.ids["invite token"] = link.ID, link.URL[strings.LastIndex(link.URL, "/")+1:]
	sat := s.start(s.ids["slug"], candidate)
	s.candidate, s.ids["submission"] = sat.SubmissionToken, sat.Submission.ID
	s.ids["answered question"], s.answer = sat.Questions[1].ID, "ls"
	if options := sat.Questions[1].Options; len(options) > 0 {
		s.answer = options[0].ID
	}
}

// operationOf is what these tests need to know of an operation, from the document itself.
type operationOf struct {
	id, method, path, who string
	body                  *schemaOf // of application/json, nil for none
	optional              bool      // the body
	upload                bool
	idempotent            bool
	query                 []parameter
}

type parameter struct {
	In, Name string
	Schema   schemaOf
}

// schemaOf is the part of a JSON schema that these tests need.
type schemaOf struct {
	Ref        string `json:"$ref"`
	Type       typesOf
	Format     string
	Enum       []any
	Examples   []any
	Properties map[string]*schemaOf
	Required   []string
	Items      *schemaOf
}

// typesOf is one type's name or a list of them.
type typesOf []string

func (l *typesOf) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*l = typesOf{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(l))
}

func (s *schemaOf) is(kind string) bool { return slices.Contains(s.Type, kind) }

// text tells free text from numbers, enumerations and formatted values.
func (s *schemaOf) text() bool { return s.is("string") && s.Enum == nil && s.Format == "" }

// operations reads every operation of the program out of its own document, the destroying ones last.
func operations(t *testing.T) []operationOf {
	t.Helper()
	document, err := app.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string
			Parameters  []parameter
			RequestBody *struct {
				Required bool
				Content  map[string]struct{ Schema *schemaOf }
			}
		}
		Components struct{ Schemas map[string]*schemaOf }
	}
	if err := json.Unmarshal(document, &doc); err != nil {
		t.Fatal(err)
	}
	routes, err := app.Routes()
	if err != nil {
		t.Fatal(err)
	}
	var all []operationOf
	for _, r := range routes {
		found, ok := doc.Paths[r.Path][strings.ToLower(r.Method)]
		if !ok && !strings.HasPrefix(r.Path, "/api/") {
			continue // a page for people
		}
		if !ok {
			t.Fatalf("%s %s is not in the document", r.Method, r.Path)
		}
		o := operationOf{id: found.OperationID, method: r.Method, path: r.Path, who: r.Who}
		for _, p := range found.Parameters {
			if p.In == "query" {
				o.query = append(o.query, p)
			}
			o.idempotent = o.idempotent || p.Name == "Idempotency-Key"
		}
		if b := found.RequestBody; b != nil {
			o.optional = !b.Required
			_, o.upload = b.Content["multipart/form-data"]
			if media, ok := b.Content["application/json"]; ok {
				o.body = resolved(doc.Components.Schemas, media.Schema)
			}
		}
		all = append(all, o)
	}
	slices.SortStableFunc(all, func(a, b operationOf) int {
		last := func(o operationOf) int {
			if o.method == http.MethodDelete {
				return 1
			}
			return 0
		}
		return last(a) - last(b)
	})
	if len(all) < 50 {
		t.Fatalf("found only %d operations", len(all))
	}
	return all
}

// resolved follows the references of a schema; ours do not run in circles.
func resolved(all map[string]*schemaOf, s *schemaOf) *schemaOf {
	if s == nil {
		return nil
	}
	if s.Ref != "" {
		s = all[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
	}
	out := *s
	out.Items = resolved(all, s.Items)
	out.Properties = map[string]*schemaOf{}
	for name, p := range s.Properties {
		out.Properties[name] = resolved(all, p)
	}
	return &out
}

// right is a body that the operation takes: the required fields by their examples, but what the stage knows better.
func (s *stage) right(o operationOf) obj {
	s.t.Helper()
	body := obj{}
	for _, name := range o.body.Required {
		switch p := o.body.Properties[name]; {
		case len(p.Examples) > 0:
			body[name] = p.Examples[0]
		case len(p.Enum) > 0:
			body[name] = p.Enum[0]
		case p.is("boolean"):
			body[name] = true
		case p.is("string"):
			body[name] = "a long enough text"
		}
	}
	maps.Copy(body, s.known(o.id))
	return body
}

func (s *stage) known(id string) obj {
	switch id {
	case "save-answer":
		return obj{"answer": s.answer, "sequence": 1}
	case "start-submission":
		return obj{"email": "somebody@mail.example"}
	case "create-question":
		return obj{"type": "true_false", "prompt": "IP is layer 3.", "answerKey": obj{"value": true}}
	case "order-questions":
		var list struct{ Items []struct{ ID string } }
		s.must(200, "GET", "/api/v1/assessments/"+s.ids["assessment"]+"/questions", s.owner, nil).into(s.t, &list)
		var order []string
		for _, q := range list.Items {
			order = append([]string{q.ID}, order...)
		}
		return obj{"order": order}
	case "create-invites":
		return obj{"invites": []obj{{"email": "somebody@mail.example", "name": "Somebody"}}}
	case "update-invite":
		return obj{"extraTimePercent": 5, "reason": "as agreed"}
	case "update-submission":
		return obj{"note": "Good.", "tags": []string{"fast"}}
	case "update-assessment":
		return obj{"title": "Networks"}
	case "update-question":
		return obj{"prompt": "HTTPS, then?"}
	case "change-me", "change-employer":
		return obj{"name": "Another name"}
	case "change-password":
		return obj{"currentPassword": "a long enough secret", "newPassword": "another long secret"}
	}
	return nil
}

// send calls the operation as somebody whom it admits, with the headers that it needs.
func (s *stage) send(o operationOf, path string, body any, headers ...string) reply {
	s.t.Helper()
	return s.call(o.method, path, s.credential(o.who), body, append([]string{"If-Match", "*"}, headers...)...)
}

// contents is what every table holds, but for counters of attempts and for when somebody was last seen.
func (w *world) contents() map[string]string {
	w.t.Helper()
	rows, err := w.db.Pool.Query(w.t.Context(), `SELECT relname::text FROM pg_class
		WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'rate_counters'`)
	if err != nil {
		w.t.Fatal(err)
	}
	var tables []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			w.t.Fatal(err)
		}
		tables = append(tables, name)
	}
	if rows.Err() != nil || len(tables) < 15 {
		w.t.Fatalf("read %v: %v", tables, rows.Err())
	}
	all := map[string]string{}
	for _, name := range tables {
		var held string
		if err := w.db.Pool.QueryRow(w.t.Context(), `SELECT count(*) || ' rows, ' || coalesce(md5(string_agg(line, '' ORDER BY line)), '')
			FROM (SELECT (to_jsonb(r) - 'last_used_at' - 'last_seen_at')::text AS line FROM `+name+` r) l`).Scan(&held); err != nil {
			w.t.Fatal(err)
		}
		all[name] = held
	}
	return all
}

// unchanged compares what the tables hold with what they held.
func (w *world) unchanged(was map[string]string) {
	w.t.Helper()
	for name, held := range w.contents() {
		if held != was[name] {
			w.t.Errorf("%s held %s and holds %s", name, was[name], held)
		}
	}
}

// leaks are words of the machinery: of the database, the language, the libraries and the file system.
var leaks = regexp.MustCompile(`(?i)sqlstate|syntax error|pgx|postgres|pg_|relation "|violates|unmarshal|json:|jsontext|strconv|\bhuma\b|\becho\b` +
	`|goroutine|runtime error|nil pointer|reflect|\.go\b|/(work|usr|tmp|home|root|var)/|map\[|struct|float64|\bu?int(8|16|32|64)\b|uuid\.\w|time\.Time|invalid character|select |insert into`)

// refused holds an answer against what every refusal must be. secret is what was sent and must not come back.
func (s *stage) refused(what string, r reply, secret string) {
	s.t.Helper()
	var p struct {
		Type, Title, Detail, Code, RequestID string
		Status                               int
	}
	if r.status < 400 || r.status > 499 {
		s.t.Errorf("%s: %d %.300s", what, r.status, r.body)
		return
	}
	if r.header.Get("Content-Type") != "application/problem+json" || json.Unmarshal(r.body, &p) != nil {
		s.t.Errorf("%s: no problem but %q: %.300s", what, r.header.Get("Content-Type"), r.body)
		return
	}
	if p.Code == "" || p.Title == "" || p.Detail == "" || p.Status != r.status || p.Type != "/api/v1/problems/"+p.Code ||
		p.RequestID == "" || p.RequestID != r.header.Get("X-Request-Id") {
		s.t.Errorf("%s: not whole: %.300s", what, r.body)
	}
	if secret != "" && strings.Contains(string(r.body), secret) {
		s.t.Errorf("%s: the answer repeats what was sent: %.300s", what, r.body)
	}
	if word := leaks.Find(r.body); word != nil {
		s.t.Errorf("%s: the answer says %q: %.300s", what, word, r.body)
	}
	if len(r.body) > 100_000 {
		s.t.Errorf("%s: an answer of %d bytes", what, len(r.body))
	}
}
