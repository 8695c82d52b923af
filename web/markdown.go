package web

import (
	"bytes"
	"html/template"
	"strings"

	"github.com/alecthomas/chroma/v2"
	"github.com/alecthomas/chroma/v2/formatters/html"
	"github.com/alecthomas/chroma/v2/lexers"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// maxHighlighted is how much code, in bytes, a lexer is asked about: their regular expressions take time.
const maxHighlighted = 16 << 10

// markdown reads CommonMark with tables. Raw HTML is text like any other: a question about HTML must read as it was written.
// Dangerous links lose their target, and pictures become links, since a page loads nothing from elsewhere.
var markdown = goldmark.New(
	goldmark.WithExtensions(extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)), extension.Strikethrough),
	goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(nodes{}, 100))),
)

// Markdown is the HTML of a Markdown source: no raw HTML, code highlighted by classes.
func Markdown(source string) template.HTML {
	var out bytes.Buffer
	if err := markdown.Convert([]byte(source), &out); err != nil {
		// Writing to memory does not fail; a node that nobody draws would, and is shown as it was written.
		return template.HTML("<p>" + template.HTMLEscapeString(source) + "</p>")
	}
	return template.HTML(out.String())
}

// MarkdownInline is Markdown without the paragraph around it, for a text of one: an option, a title.
func MarkdownInline(source string) template.HTML {
	html := strings.TrimSpace(string(Markdown(source)))
	inner, begins := strings.CutPrefix(html, "<p>")
	inner, ends := strings.CutSuffix(inner, "</p>")
	if begins && ends && !strings.Contains(inner, "<p>") {
		return template.HTML(inner)
	}
	return template.HTML(html)
}

// nodes draws what the pages want otherwise than goldmark does.
type nodes struct{}

func (n nodes) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindFencedCodeBlock, n.code)
	r.Register(ast.KindCodeBlock, n.code)
	r.Register(ast.KindImage, n.image)
	r.Register(ast.KindLink, n.link)
	r.Register(ast.KindAutoLink, n.autoLink)
	r.Register(ast.KindHeading, n.heading)
	r.Register(ast.KindRawHTML, n.rawHTML)
	r.Register(ast.KindHTMLBlock, n.htmlBlock)
}

// formatter writes classes alone: a style attribute would be refused by the page's policy.
var (
	formatter = html.New(html.WithClasses(true), html.PreventSurroundingPre(true))
	// The library's own styles would be read into memory at every start, and none of them is used.
	noStyle = chroma.MustNewStyle("none", chroma.StyleEntries{})
)

func (nodes) code(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	var code strings.Builder
	for i := range node.Lines().Len() {
		line := node.Lines().At(i)
		code.Write(line.Value(source))
	}
	language := ""
	if fenced, ok := node.(*ast.FencedCodeBlock); ok {
		language = string(fenced.Language(source))
	}
	// Focusable, so that a keyboard can scroll what is wider than the screen.
	_, _ = w.WriteString(`<pre class="code chroma" tabindex="0"><code>`)
	if err := highlight(w, language, code.String()); err != nil {
		return ast.WalkStop, err
	}
	_, _ = w.WriteString("</code></pre>\n")
	return ast.WalkSkipChildren, nil
}

// highlight colours code of a language that it knows; other code stays plain.
func highlight(w util.BufWriter, language, text string) error {
	lexer := lexers.Get(language)
	if language == "" || lexer == nil || len(text) > maxHighlighted {
		_, err := w.WriteString(template.HTMLEscapeString(text))
		return err
	}
	tokens, err := chroma.Coalesce(lexer).Tokenise(nil, text)
	if err != nil {
		_, err = w.WriteString(template.HTMLEscapeString(text))
		return err
	}
	return formatter.Format(w, noStyle, tokens)
}

func (nodes) image(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	return anchor(w, entering, node.(*ast.Image).Destination)
}

func (nodes) link(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	return anchor(w, entering, node.(*ast.Link).Destination)
}

func (nodes) autoLink(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	link := node.(*ast.AutoLink)
	address := link.URL(source)
	if entering && link.AutoLinkType == ast.AutoLinkEmail && !bytes.HasPrefix(bytes.ToLower(address), []byte("mailto:")) {
		address = append([]byte("mailto:"), address...)
	}
	if _, err := anchor(w, entering, address); err != nil || !entering {
		return ast.WalkContinue, err
	}
	_, err := w.Write(util.EscapeHTML(link.Label(source)))
	return ast.WalkContinue, err
}

// anchor is a link that tells its target nothing of the page. One that a browser would run as a script goes nowhere.
func anchor(w util.BufWriter, entering bool, destination []byte) (ast.WalkStatus, error) {
	if !entering {
		_, err := w.WriteString("</a>")
		return ast.WalkContinue, err
	}
	address := util.URLEscape(destination, true)
	lower := bytes.ToLower(bytes.TrimSpace(address))
	open := bytes.HasPrefix(lower, []byte("https://")) || bytes.HasPrefix(lower, []byte("http://")) || bytes.HasPrefix(lower, []byte("mailto:"))
	if !open {
		_, err := w.WriteString("<a>")
		return ast.WalkContinue, err
	}
	_, err := w.WriteString(`<a href="` + string(util.EscapeHTML(address)) + `" rel="nofollow noopener noreferrer" target="_blank">`)
	return ast.WalkContinue, err
}

// rawHTML shows a tag within a line.
func (nodes) rawHTML(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	return ast.WalkSkipChildren, escaped(w, source, node.(*ast.RawHTML).Segments)
}

// htmlBlock shows lines that begin with a tag, as they stand.
func (nodes) htmlBlock(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	block := node.(*ast.HTMLBlock)
	if !entering {
		return ast.WalkContinue, nil
	}
	if _, err := w.WriteString(`<p class="as-written">`); err != nil {
		return ast.WalkStop, err
	}
	if err := escaped(w, source, block.Lines()); err != nil {
		return ast.WalkStop, err
	}
	if block.HasClosure() {
		if _, err := w.Write(util.EscapeHTML(block.ClosureLine.Value(source))); err != nil {
			return ast.WalkStop, err
		}
	}
	_, err := w.WriteString("</p>\n")
	return ast.WalkContinue, err
}

func escaped(w util.BufWriter, source []byte, lines *text.Segments) error {
	for i := range lines.Len() {
		line := lines.At(i)
		if _, err := w.Write(util.EscapeHTML(line.Value(source))); err != nil {
			return err
		}
	}
	return nil
}

// heading keeps a text's headings below those of the page around it.
func (nodes) heading(w util.BufWriter, _ []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	level := min(node.(*ast.Heading).Level+2, 6)
	open := "<h"
	if !entering {
		open = "</h"
	}
	_, err := w.WriteString(open + string(rune('0'+level)) + ">")
	if !entering && err == nil {
		err = w.WriteByte('\n')
	}
	return ast.WalkContinue, err
}
