package web

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strconv"
	"sync"

	"credlane/app/kit/clock"
	"credlane/app/kit/rest"
)

// Policy is the Content-Security-Policy of every page: what is ours and nothing else, no inline script and no inline style.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
	"manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Options say what the pages stand on.
type Options struct {
	Clock     clock.Clock
	PublicURL string // without a slash at its end
}

// Pages makes templates and answers with them.
type Pages struct {
	opt    Options
	assets *assets
	files  fs.FS
}

// New reads the built assets. It fails when they are there but not whole.
func New(o Options) (*Pages, error) {
	a, err := loadAssets(dist)
	if err != nil {
		return nil, err
	}
	return &Pages{opt: o, assets: a, files: templates}, nil
}

// Mount serves the assets.
func (p *Pages) Mount(h *rest.Host) { p.assets.mount(h) }

// Asset is the address of a built file by its source's name, such as "app.css"; "" when nothing was built.
func (p *Pages) Asset(name string) string { return p.assets.url(name) }

// PublicURL is the address under which people reach the program, without a slash at its end.
func (p *Pages) PublicURL() string { return p.opt.PublicURL }

// Template is a page, or parts of one. It is parsed when it is first needed: the pages that nobody looks at cost no memory.
type Template struct {
	parsed func() (*template.Template, error)
}

// Template is made of files of web/templates, after all of templates/parts. The first one is the layout and defines "page".
// A file that is not there panics, at boot.
func (p *Pages) Template(files ...string) *Template { return p.TemplateWith(nil, files...) }

// TemplateWith is Template with further functions.
func (p *Pages) TemplateWith(funcs template.FuncMap, files ...string) *Template {
	all, err := fs.Glob(p.files, "templates/parts/*.html")
	if err != nil {
		panic(fmt.Sprintf("web: %v", err))
	}
	for _, f := range files {
		f = "templates/" + f
		if _, err := fs.Stat(p.files, f); err != nil {
			panic(fmt.Sprintf("web: %v", err))
		}
		all = append(all, f)
	}
	return &Template{sync.OnceValues(func() (*template.Template, error) {
		return template.New("").Option("missingkey=error").Funcs(p.funcs()).Funcs(funcs).ParseFS(p.files, all...)
	})}
}

// Write answers with the page. It is made whole before the first byte leaves, so that a failure is still a failure.
func (t *Template) Write(w http.ResponseWriter, r *http.Request, status int, data any) error {
	return t.Part(w, r, status, "page", data)
}

// Part answers with one named block.
func (t *Template) Part(w http.ResponseWriter, r *http.Request, status int, name string, data any) error {
	buf := buffers.Get().(*bytes.Buffer)
	defer giveBack(buf)
	if err := t.Execute(buf, name, data); err != nil {
		return err
	}
	return WriteHTML(w, r, status, buf.Bytes())
}

// Execute writes one named block into buf.
func (t *Template) Execute(buf *bytes.Buffer, name string, data any) error {
	set, err := t.parsed()
	if err != nil {
		return fmt.Errorf("page: %w", err)
	}
	if err := set.ExecuteTemplate(buf, name, data); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	return nil
}

// minCompressed is the size, in bytes, from which a page is worth compressing.
const minCompressed = 1 << 10

// WriteHTML answers with HTML that is made already, compressed where the client takes it.
func WriteHTML(w http.ResponseWriter, r *http.Request, status int, html []byte) error {
	header := pageHeaders(w)
	if len(html) < minCompressed || !accepts(r.Header.Get("Accept-Encoding"), "gzip") {
		header.Set("Content-Length", strconv.Itoa(len(html)))
		w.WriteHeader(status)
		_, err := w.Write(html)
		return err
	}
	buf := buffers.Get().(*bytes.Buffer)
	defer giveBack(buf)
	if err := compress(buf, html); err != nil {
		return err
	}
	header.Set("Content-Encoding", "gzip")
	header.Set("Content-Length", strconv.Itoa(buf.Len()))
	w.WriteHeader(status)
	_, err := w.Write(buf.Bytes())
	return err
}

// pageHeaders sets what every page says of itself.
func pageHeaders(w http.ResponseWriter) http.Header {
	header := w.Header()
	header.Set("Content-Security-Policy", Policy)
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("X-Frame-Options", "DENY")
	header.Add("Vary", "Accept-Encoding")
	return header
}

func compress(into *bytes.Buffer, html []byte) error {
	z := compressors.Get().(*gzip.Writer)
	defer compressors.Put(z)
	z.Reset(into)
	if _, err := z.Write(html); err != nil {
		return fmt.Errorf("compress a page: %w", err)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("compress a page: %w", err)
	}
	return nil
}

// Both pools are emptied by the garbage collector, so what they hold is bounded by what was in use a moment ago.
var (
	buffers     = sync.Pool{New: func() any { return new(bytes.Buffer) }}
	compressors = sync.Pool{New: func() any {
		// The level is one that the package knows, which is its only way to fail.
		z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed)
		return z
	}}
)

const maxKeptBuffer = 1 << 20

func giveBack(buf *bytes.Buffer) {
	if buf.Cap() > maxKeptBuffer {
		return
	}
	buf.Reset()
	buffers.Put(buf)
}

// Theme is the look that the person has chosen: "light", "dark", or "" for what the device says.
func Theme(r *http.Request) string {
	c, err := r.Cookie("theme")
	if err != nil || c.Value != "light" && c.Value != "dark" {
		return ""
	}
	return c.Value
}
