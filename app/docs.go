package app

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"credlane/app/kit/fault"
	"credlane/app/kit/rest"
)

// docsPolicy is the Content-Security-Policy of our own pages: no script at all, and our own style sheet.
const docsPolicy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

var (
	//go:embed docs.html
	docsHTML string
	//go:embed docs.css
	docsCSS []byte
)

// mountDocs mounts the document, a page that shows it, and a page for each problem code. They are made when first asked
// for, because by then every module is mounted.
func mountDocs(h *rest.Host) {
	document := sync.OnceValues(h.OpenAPI)
	page := sync.OnceValues(func() ([]byte, error) { return docsPage(document, h.Routes()) })
	rest.Serve(h, rest.Op{
		Method: http.MethodGet, Path: "/api/v1/openapi.json", ID: "get-openapi", Summary: "This document", Tag: "Operations",
		Description: "The OpenAPI 3.1 document of this API.", Access: rest.Public, Produces: "application/json",
	}, func(w http.ResponseWriter, _ *http.Request) error {
		doc, err := document()
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", "application/json")
		_, err = w.Write(doc)
		return err
	})
	docs := func(w http.ResponseWriter, _ *http.Request) error {
		html, err := page()
		if err != nil {
			return err
		}
		return writePage(w, html)
	}
	rest.Serve(h, rest.Op{
		Method: http.MethodGet, Path: "/api/docs", ID: "get-docs", Summary: "This API as a page", Tag: "Operations",
		Access: rest.Public, Produces: "text/html",
	}, docs)
	rest.Serve(h, rest.Op{
		Method: http.MethodGet, Path: "/api/docs/style.css", ID: "get-docs-style", Summary: "The style of these pages", Tag: "Operations",
		Access: rest.Public, Produces: "text/css",
	}, func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, err := w.Write(docsCSS)
		return err
	})
	rest.Serve(h, rest.Op{
		Method: http.MethodGet, Path: "/api/v1/problems/{code}", ID: "get-problem", Summary: "What a problem code means", Tag: "Operations",
		Description: "JSON, or a page for a browser.", Access: rest.Public, Produces: "application/json, text/html",
		Faults: []*fault.Error{rest.ErrNotFound},
	}, func(w http.ResponseWriter, r *http.Request) error { return problemPage(w, r, h.Faults()) })
}

func writePage(w http.ResponseWriter, html []byte) error {
	w.Header().Set("Content-Security-Policy", docsPolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, err := w.Write(html)
	return err
}

// problemDoc says what a code means.
type problemDoc struct {
	Code   string `json:"code"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

func problemPage(w http.ResponseWriter, r *http.Request, known map[string]*fault.Error) error {
	f, ok := known[r.PathValue("code")]
	if !ok {
		return rest.ErrNotFound
	}
	doc := problemDoc{Code: f.Code, Title: rest.Title(f.Code), Status: f.Kind.Status(), Detail: f.Message}
	w.Header().Set("Vary", "Accept")
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		var b bytes.Buffer
		if err := docsTemplate.ExecuteTemplate(&b, "problem", doc); err != nil {
			return fmt.Errorf("problem page: %w", err)
		}
		return writePage(w, b.Bytes())
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(doc)
}

// The parts of the document that the page shows.
type (
	docsDocument struct {
		Info struct {
			Title, Version, Description string
		}
		Paths map[string]map[string]docsOperation
	}
	docsOperation struct {
		OperationID, Summary, Description string
		Tags                              []string
		Parameters                        []struct {
			Name, In, Description string
			Required              bool
		}
		Responses map[string]struct{ Description string }

		Method, Path string         // filled in here
		Answers      []docsResponse // Responses in order
		Who          string
	}
	docsResponse struct{ Status, Description string }
	docsGroup    struct {
		Name, ID   string
		Operations []docsOperation
	}
)

var docsTemplate = template.Must(template.New("docs").Funcs(template.FuncMap{"code": docsCode, "problems": docsProblems}).Parse(docsHTML))

// docsPage renders the document for people.
func docsPage(document func() ([]byte, error), routes []rest.Route) ([]byte, error) {
	raw, err := document()
	if err != nil {
		return nil, err
	}
	var doc docsDocument
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("docs page: %w", err)
	}
	var b bytes.Buffer
	err = docsTemplate.ExecuteTemplate(&b, "docs", struct {
		Title, Version, Description string
		Groups                      []docsGroup
	}{doc.Info.Title, doc.Info.Version, doc.Info.Description, docsGroups(doc, routes)})
	if err != nil {
		return nil, fmt.Errorf("docs page: %w", err)
	}
	return b.Bytes(), nil
}

// docsGroups sorts the operations by tag, path and method.
func docsGroups(doc docsDocument, routes []rest.Route) []docsGroup {
	who := map[string]string{}
	for _, r := range routes {
		who[r.Op] = docsWho(r)
	}
	groups := map[string]*docsGroup{}
	for path, item := range doc.Paths {
		for method, op := range item {
			op.Method, op.Path, op.Who = strings.ToUpper(method), path, who[op.OperationID]
			for status, r := range op.Responses {
				op.Answers = append(op.Answers, docsResponse{status, r.Description})
			}
			slices.SortFunc(op.Answers, func(a, b docsResponse) int { return strings.Compare(a.Status, b.Status) })
			tag := "other"
			if len(op.Tags) > 0 {
				tag = op.Tags[0]
			}
			if groups[tag] == nil {
				groups[tag] = &docsGroup{Name: tag, ID: strings.ReplaceAll(strings.ToLower(tag), " ", "-")}
			}
			groups[tag].Operations = append(groups[tag].Operations, op)
		}
	}
	list := make([]docsGroup, 0, len(groups))
	for _, g := range groups {
		slices.SortFunc(g.Operations, func(a, b docsOperation) int { return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method) })
		list = append(list, *g)
	}
	slices.SortFunc(list, func(a, b docsGroup) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func docsWho(r rest.Route) string {
	switch r.Access {
	case rest.Public:
		return "For anyone."
	case rest.Candidate:
		return "For a candidate, by submission token."
	}
	return "For a member or an API key with the role " + r.Role.String() + " or above."
}

// docsCode shows `this` as code: the document is Markdown, of which nothing else is used.
func docsCode(text string) template.HTML { return docsMarked(text, "%s") }

// docsProblems is docsCode for a list of problem codes, each of which has a page.
func docsProblems(text string) template.HTML {
	return docsMarked(text, `<a href="/api/v1/problems/%[1]s">%[1]s</a>`)
}

func docsMarked(text, format string) template.HTML {
	var b strings.Builder
	for i, part := range strings.Split(text, "`") {
		part = template.HTMLEscapeString(part)
		if i%2 == 1 {
			part = "<code>" + fmt.Sprintf(format, part) + "</code>"
		}
		b.WriteString(part)
	}
	return template.HTML(b.String()) // escaped part by part
}

// Class groups statuses for the style sheet: "s2" for 2xx.
func (r docsResponse) Class() string {
	if n, err := strconv.Atoi(r.Status); err == nil {
		return "s" + strconv.Itoa(n/100)
	}
	return "s0"
}
