package rest

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
)

// blank is a response writer that keeps nothing.
type blank struct{ header http.Header }

func (b *blank) Header() http.Header         { return b.header }
func (b *blank) Write(p []byte) (int, error) { return len(p), nil }
func (b *blank) WriteHeader(int)             {}

type uncounted struct{}

func (uncounted) Request(string, string, int, time.Duration) {}

var landing = []byte(`{"title":"Go engineer","description":"` + string(make([]byte, 0)) + `Write Go.","questionCount":20,"timeLimitMinutes":30}`)

func serveBench(b *testing.B, h http.Handler) {
	b.ReportAllocs()
	req := httptest.NewRequest("GET", "/api/v1/public/assessments/abcdefghjkmnpqrs", nil)
	for b.Loop() {
		h.ServeHTTP(&blank{header: http.Header{}}, req)
	}
}

func BenchmarkBareEcho(b *testing.B) {
	e := echo.New()
	e.GET("/api/v1/public/assessments/:slug", func(c echo.Context) error { return c.JSONBlob(200, landing) })
	serveBench(b, e)
}

func BenchmarkHandleWithEverythingOn(b *testing.B) {
	e := echo.New()
	h := NewHost(e, Options{Log: slog.New(slog.NewJSONHandler(io.Discard, nil)), Recorder: uncounted{}})
	type in struct {
		Slug string `path:"slug" maxLength:"100"`
	}
	type out struct{ Body RawOf[thing] }
	Handle(h, Op{Method: "GET", Path: "/api/v1/public/assessments/{slug}", ID: "landing", Summary: "Landing", Access: Public},
		func(context.Context, *in) (*out, error) { return &out{RawOf[thing]{JSON: landing}}, nil })
	serveBench(b, e)
}
