package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// serveBare is the limit of an HTTP answer from memory: Echo, one route, a fixed body, no middleware. It prints its address
// and serves until ctx ends.
func serveBare(ctx context.Context, args []string, stdout io.Writer) error {
	set := flag.NewFlagSet("bare", flag.ContinueOnError)
	size := set.Int("size", 1024, "bytes of the body")
	if err := set.Parse(args); err != nil {
		return err
	}
	body := bytes.Repeat([]byte{'x'}, *size)
	e := echo.New()
	e.GET("/api/v1/public/assessments/:slug", func(c echo.Context) error {
		return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, body)
	})
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	fmt.Fprintln(stdout, listener.Addr())
	server := &http.Server{Handler: e, ReadHeaderTimeout: 10 * time.Second}
	ended := context.AfterFunc(ctx, func() { _ = server.Close() }) // Serve's error says it
	defer ended()
	if err := server.Serve(listener); ctx.Err() == nil {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
