package web

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"

	"credlane/app/kit/fault"
	"credlane/app/kit/rest"
)

// dist holds what `make web` built; without it there is a placeholder alone, the API works, and pages come without style or script.
//
//go:embed all:dist
var dist embed.FS

// asset is one built file and what compressed twins it has. The bytes stay in the binary until somebody asks for them.
type asset struct {
	path, media string
	gz, br      bool
}

// assets are the built files by the name that their hash is part of, and those names by the name that a template says.
type assets struct {
	dist  fs.FS
	files map[string]*asset
	names map[string]string
}

// loadAssets reads the manifest and looks which files there are.
func loadAssets(dist fs.FS) (*assets, error) {
	a := &assets{dist: dist, files: map[string]*asset{}, names: map[string]string{}}
	manifest, err := fs.ReadFile(dist, "dist/manifest.json")
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the built assets: %w", err)
	}
	if err := json.Unmarshal(manifest, &a.names); err != nil {
		return nil, fmt.Errorf("the built assets' manifest: %w", err)
	}
	built, err := fs.ReadDir(dist, "dist")
	if err != nil {
		return nil, fmt.Errorf("the built assets: %w", err)
	}
	there := map[string]bool{}
	for _, entry := range built {
		there[entry.Name()] = true
	}
	for name := range there {
		if media, served := mediaTypes[path.Ext(name)]; served {
			a.files[name] = &asset{"dist/" + name, media, there[name+".gz"], there[name+".br"]}
		}
	}
	for name, hashed := range a.names {
		if a.files[hashed] == nil {
			return nil, fmt.Errorf("the built assets lack %s, which is %s", hashed, name)
		}
	}
	return a, nil
}

// mediaTypes are of the files that are served; maps and the manifest are not.
var mediaTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".woff2": "font/woff2",
	".png": "image/png", ".ico": "image/x-icon", ".webmanifest": "application/manifest+json",
}

// url is where a template finds an asset; "" when it was not built, which a browser takes for nothing to load.
func (a *assets) url(name string) string {
	if hashed := a.names[name]; hashed != "" {
		return "/assets/" + hashed
	}
	return ""
}

// mount serves the files for ever: a changed one has another name.
func (a *assets) mount(h *rest.Host) {
	rest.ServePage(h, rest.Op{
		Method: http.MethodGet, Path: "/assets/{name}", ID: "get-asset", Summary: "A style sheet, script, font or picture of the pages",
		Access: rest.Public, Cache: rest.Forever, Trouble: plainTrouble,
	}, func(w http.ResponseWriter, r *http.Request) error {
		file := a.files[r.PathValue("name")]
		if file == nil {
			return rest.ErrNotFound
		}
		return a.write(w, r, file)
	})
}

// plainTrouble is for what no person looks at.
func plainTrouble(w http.ResponseWriter, _ *http.Request, f *fault.Error, _ string) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(f.Kind.Status())
	_, err := io.WriteString(w, f.Message+"\n")
	return err
}

// write answers with the smallest form that the client takes.
func (a *assets) write(w http.ResponseWriter, r *http.Request, f *asset) error {
	header := w.Header()
	header.Set("Content-Type", f.media)
	header.Set("Vary", "Accept-Encoding")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	name := f.path
	switch accepted := r.Header.Get("Accept-Encoding"); {
	case f.br && accepts(accepted, "br"):
		header.Set("Content-Encoding", "br")
		name += ".br"
	case f.gz && accepts(accepted, "gzip"):
		header.Set("Content-Encoding", "gzip")
		name += ".gz"
	}
	body, err := fs.ReadFile(a.dist, name)
	if err != nil {
		return fmt.Errorf("a built asset: %w", err)
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodHead {
		return nil
	}
	_, err = w.Write(body)
	return err
}

// accepts tells whether an Accept-Encoding header takes the coding; a weight of 0 refuses it (RFC 9110, 12.5.3).
func accepts(header, coding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, weight, weighted := strings.Cut(strings.TrimSpace(part), ";")
		if !strings.EqualFold(strings.TrimSpace(name), coding) {
			continue
		}
		weight = strings.ReplaceAll(weight, " ", "")
		return !weighted || strings.Trim(strings.TrimPrefix(weight, "q="), "0.") != ""
	}
	return false
}

// Worker gives the one built script whose address must stay the same, with its media type set.
func (p *Pages) Worker(w http.ResponseWriter, r *http.Request, name string) error {
	file := p.assets.files[p.assets.names[name]]
	if file == nil {
		return rest.ErrNotFound
	}
	return p.assets.write(w, r, file)
}
