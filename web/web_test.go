package web

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

var tags = regexp.MustCompile(`<[^>]*>`)

func TestMarkdownLetsNothingRunAndNothingLoad(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]string{
		"a script":          "<script>alert(1)</script>",
		"a script inline":   "so <script>alert(1)</script> so",
		"a handler":         `<img src=x onerror=alert(1)>`,
		"a script link":     "[so](javascript:alert(1))",
		"a coded one":       "[so](java&#115;cript:alert(1))",
		"a data link":       "[so](data:text/html;base64,PHNjcmlwdD4=)",
		"an automatic one":  "<javascript:alert(1)>",
		"a picture":         "![so](https://elsewhere.example/x.png)",
		"a quoted address":  `[so](<https://x.example/" onclick="alert(1)>)`,
		"code with markup":  "```html\n<script>alert(1)</script>\n```",
		"a code's language": "```\"><script>alert(1)</script>\nx\n```",
		"a table's style":   "| a |\n|:-:|\n| b |",
		"a protocol":        "[so](//elsewhere.example)",
	} {
		html := strings.ToLower(string(Markdown(source)))
		html = strings.Join(tags.FindAllString(html, -1), "") // what stands between them is text, whatever it says
		for _, bad := range []string{"<script", "<img", " onerror=", " onclick=", `="javascript:`, `="data:`, "style=", `href="//`} {
			if strings.Contains(html, bad) {
				t.Errorf("%s: %q holds %s: %s", name, source, bad, html)
			}
		}
	}
}

func TestMarkdownDrawsWhatAuthorsWrite(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"Which is right: <b>a</b> or <br>?": "Which is right: &lt;b&gt;a&lt;/b&gt; or &lt;br&gt;?",
		"<ul>\n  <li>\n</ul>":               "&lt;ul&gt;\n  &lt;li&gt;\n&lt;/ul&gt;",
		"<!-- a\n\nb -->\nc":                "&lt;!-- a\n\nb --&gt;",
		"<script>\nx\n\ny</script>\nz":      "&lt;script&gt;\nx\n\ny&lt;/script&gt;",
		"**so** `x`":                        "<strong>so</strong> <code>x</code>",
		"# Head":                            "<h3>Head</h3>",
		"[so](https://x.example/?a=1)":      `<a href="https://x.example/?a=1" rel="nofollow noopener noreferrer" target="_blank">so</a>`,
		"```go\nfunc main() {}\n```":        `<span class="kd">func</span>`,
		"```nosuch\na < b\n```":             "<code>a &lt; b\n</code>",
		"    a < b":                         "<code>a &lt; b\n</code>",
		"| a |\n|:-:|\n| b |":               `<td align="center">b</td>`,
		"<https://x.example>":               `>https://x.example</a>`,
		"two  spaces `a  b` and 5 < 6 &":    "5 &lt; 6 &amp;",
	} {
		if html := string(Markdown(source)); !strings.Contains(html, want) {
			t.Errorf("%q became %s, without %s", source, html, want)
		}
	}
	for source, want := range map[string]string{"a *b*": "a <em>b</em>", "a\n\nb": "<p>a</p>\n<p>b</p>", "": ""} {
		if got := string(MarkdownInline(source)); got != want {
			t.Errorf("%q inline is %q, not %q", source, got, want)
		}
	}
}

func TestAssetsComeInTheFormThatTheClientTakes(t *testing.T) {
	t.Parallel()
	a, err := loadAssets(fstest.MapFS{
		"dist/manifest.json": {Data: []byte(`{"app.css":"app-1.css"}`)},
		"dist/app-1.css":     {Data: []byte("plain")}, "dist/app-1.css.gz": {Data: []byte("gz")}, "dist/app-1.css.br": {Data: []byte("br")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := a.url("app.css") + a.url("other.css"); got != "/assets/app-1.css" {
		t.Error(got)
	}
	for accept, want := range map[string]string{
		"": "plain", "gzip": "gz", "gzip, br": "br", "br;q=0, gzip": "gz", "GZIP;q=0.5": "gz", "gzip;q=0.0": "plain", "identity": "plain", "brx": "plain",
	} {
		res := httptest.NewRecorder()
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/assets/app-1.css", nil)
		req.Header.Set("Accept-Encoding", accept)
		if err := a.write(res, req, a.files["app-1.css"]); err != nil {
			t.Fatal(err)
		}
		if res.Body.String() != want || res.Header().Get("Vary") != "Accept-Encoding" || res.Header().Get("Content-Type") != "text/css; charset=utf-8" {
			t.Errorf("%q: %s %v", accept, res.Body, res.Header())
		}
	}
	for name, files := range map[string]fstest.MapFS{
		"a file is missing":    {"dist/manifest.json": {Data: []byte(`{"app.css":"app-1.css"}`)}},
		"the manifest is torn": {"dist/manifest.json": {Data: []byte(`{"app.css":`)}, "dist/x.css": {}},
	} {
		if _, err := loadAssets(files); err == nil {
			t.Errorf("%s, and nobody says so", name)
		}
	}
	if a, err := loadAssets(fstest.MapFS{"dist/.keep": {}}); err != nil || a.url("app.css") != "" {
		t.Error("without a build there are assets:", err)
	}
}

func TestPagesAreClosedAgainstWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	for _, accept := range []string{"", "gzip"} {
		res := httptest.NewRecorder()
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/app", nil)
		req.Header.Set("Accept-Encoding", accept)
		if err := WriteHTML(res, req, http.StatusOK, []byte(strings.Repeat("<p>so</p>", 300))); err != nil {
			t.Fatal(err)
		}
		policy := res.Header().Get("Content-Security-Policy")
		if strings.Contains(policy, "unsafe") || !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Error(policy)
		}
		if got := res.Header().Get("Content-Encoding"); got != accept {
			t.Errorf("asked for %q, got %q", accept, got)
		}
	}
}

func TestInitialsAreOfTheFirstAndTheLastWord(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Ada Lovelace": "AL", "ada king lovelace": "AL", "Plato": "P", "": "", " - ": "", "(Ops) 3M": "O3", "José Nu\u0301n\u0303ez": "JN", "علي حسن": "عح",
	} {
		if got := Initials(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
