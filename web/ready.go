package web

import (
	"bytes"
	"net/http"
	"strconv"
)

// Ready is a page that is made and compressed already, for those that many people get. It never changes.
type Ready struct {
	html, zipped   []byte
	length, zipLen string
}

// Ready makes one named block of the template into a page to keep.
func (t *Template) Ready(name string, data any) (*Ready, error) {
	var html, zipped bytes.Buffer
	if err := t.Execute(&html, name, data); err != nil {
		return nil, err
	}
	if err := compress(&zipped, html.Bytes()); err != nil {
		return nil, err
	}
	return &Ready{
		html: bytes.Clone(html.Bytes()), zipped: bytes.Clone(zipped.Bytes()),
		length: strconv.Itoa(html.Len()), zipLen: strconv.Itoa(zipped.Len()),
	}, nil
}

// Size is how many bytes it holds.
func (p *Ready) Size() int { return len(p.html) + len(p.zipped) }

// Write answers with the page.
func (p *Ready) Write(w http.ResponseWriter, r *http.Request) error {
	header := pageHeaders(w)
	body, length := p.html, p.length
	if accepts(r.Header.Get("Accept-Encoding"), "gzip") {
		header.Set("Content-Encoding", "gzip")
		body, length = p.zipped, p.zipLen
	}
	header.Set("Content-Length", length)
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(body)
	return err
}
