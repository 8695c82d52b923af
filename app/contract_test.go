package app_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"mime/multipart"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"credlane/app"
)

var update = flag.Bool("update", false, "write the golden OpenAPI document anew")

const goldenDocument = "testdata/openapi.json"

func TestTheOpenAPIDocumentIsTheOneThatWasAgreed(t *testing.T) {
	t.Parallel()
	got, err := app.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(goldenDocument, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(goldenDocument)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the document has changed: read the difference, then run go test ./app -run OpenAPI -update")
	}
}

// contract is the document with its schemas compiled on demand, and what has been seen of it.
type contract struct {
	t         *testing.T
	paths     map[string]map[string]operation // path -> method -> operation
	templates []template
	compiler  *jsonschema.Compiler
	succeeded map[string]bool // operation ids with a validated success
}

type operation struct {
	ID        string `json:"operationId"`
	Responses map[string]struct {
		Content map[string]struct{ Schema json.RawMessage }
		Headers map[string]any
	}
}

type template struct {
	path    string
	pattern *regexp.Regexp
	wild    int
}

const documentURL = "http://contract.example/openapi.json"

func readContract(t *testing.T) *contract {
	t.Helper()
	doc, err := app.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	var parsed struct {
		Paths map[string]map[string]operation
	}
	if err := json.Unmarshal(doc, &parsed); err != nil {
		t.Fatal(err)
	}
	resource, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	c := &contract{t: t, paths: parsed.Paths, compiler: jsonschema.NewCompiler(), succeeded: map[string]bool{}}
	c.compiler.DefaultDraft(jsonschema.Draft2020)
	c.compiler.AssertFormat()
	if err := c.compiler.AddResource(documentURL, resource); err != nil {
		t.Fatal(err)
	}
	parameter := regexp.MustCompile(`\\\{[^}]+\\\}`)
	for path := range parsed.Paths {
		pattern := "^" + parameter.ReplaceAllString(regexp.QuoteMeta(path), "[^/]+") + "$"
		c.templates = append(c.templates, template{path, regexp.MustCompile(pattern), strings.Count(path, "{")})
	}
	slices.SortFunc(c.templates, func(a, b template) int { return a.wild - b.wild }) // the more special one wins
	return c
}

// find gives the operation that a request is for, and its path as the document writes it.
func (c *contract) find(method, path string) (at string, op operation) {
	c.t.Helper()
	path, _, _ = strings.Cut(path, "?")
	i := slices.IndexFunc(c.templates, func(t template) bool {
		_, has := c.paths[t.path][strings.ToLower(method)]
		return has && t.pattern.MatchString(path)
	})
	if i < 0 {
		c.t.Fatalf("%s %s is not in the document", method, path)
	}
	at = c.templates[i].path
	return at, c.paths[at][strings.ToLower(method)]
}

// check holds one answer against the document.
func (c *contract) check(method, path string, r reply) {
	c.t.Helper()
	at, op := c.find(method, path)
	status := strconv.Itoa(r.status)
	declared, ok := op.Responses[status]
	if !ok {
		c.t.Errorf("%s answered %s, which the document does not have: %s", op.ID, status, r.body)
		return
	}
	for name := range declared.Headers {
		if r.header.Get(name) == "" && (name == "WWW-Authenticate" || name == "Location" || name == "ETag") && r.status != 200 {
			c.t.Errorf("%s %s promises the header %s", op.ID, status, name)
		}
	}
	if r.status < 300 {
		c.succeeded[op.ID] = true
	}
	if len(r.body) == 0 {
		if len(declared.Content) > 0 {
			c.t.Errorf("%s %s promises a body", op.ID, status)
		}
		return
	}
	media := r.header.Get("Content-Type")
	if _, ok := declared.Content[media]; !ok {
		media, _, _ = strings.Cut(media, ";")
	}
	if _, ok := declared.Content[media]; !ok {
		c.t.Errorf("%s %s answered %q, which the document does not have", op.ID, status, media)
		return
	}
	if media == "application/json" || media == "application/problem+json" {
		c.validate(op.ID+" "+status, strings.Join([]string{"", "paths", escape(at), strings.ToLower(method), "responses", status, "content", escape(media), "schema"}, "/"), r.body)
	}
}

// escape is RFC 6901's.
func escape(s string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(s)
}

func (c *contract) validate(what, pointer string, body []byte) {
	c.t.Helper()
	schema, err := c.compiler.Compile(documentURL + "#" + pointer)
	if err != nil {
		c.t.Fatalf("%s: %v", what, err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		c.t.Errorf("%s: %v in %s", what, err, body)
		return
	}
	if err := schema.Validate(value); err != nil {
		c.t.Errorf("%s: %v\n%.2000s", what, err, body)
	}
}

// client sends requests whose answers are held against the document.
type client struct {
	*world
	c     *contract
	watch func(c call) reply // sends the request, and looks at what it does
}

// call is one request of a client.
type call struct {
	method, path, token string
	send                func() reply // may be sent again
}

func (k *client) do(status int, method, path, token string, body any, headers ...string) reply {
	k.t.Helper()
	c := call{method, path, token, func() reply { return k.call(method, path, token, body, headers...) }}
	var r reply
	if k.watch == nil {
		r = c.send()
	} else {
		r = k.watch(c)
	}
	k.c.check(method, path, r)
	if r.status != status {
		k.t.Fatalf("%s %s: %d, want %d: %s", method, path, r.status, status, r.body)
	}
	return r
}

func (k *client) id(r reply) string {
	k.t.Helper()
	var v struct{ ID string }
	r.into(k.t, &v)
	if v.ID == "" {
		k.t.Fatalf("no id in %s", r.body)
	}
	return v.ID
}

// form is a multipart body with the options first and the file last.
func form(t *testing.T, name, content string, options ...string) (body *bytes.Buffer, contentType string) {
	t.Helper()
	body = &bytes.Buffer{}
	w := multipart.NewWriter(body)
	for i := 0; i+1 < len(options); i += 2 {
		if err := w.WriteField(options[i], options[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	part, err := w.CreateFormFile("file", name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return body, w.FormDataContentType()
}

func TestEveryOperationAnswersAsTheDocumentSays(t *testing.T) {
	t.Parallel()
	k := &client{world: newWorld(t), c: readContract(t)}
	k.drive()
	for path, methods := range k.c.paths {
		for method, op := range methods {
			if !k.c.succeeded[op.ID] {
				t.Errorf("nothing here drives %s %s (%s) to a success", method, path, op.ID)
			}
		}
	}
}
