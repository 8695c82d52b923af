package rest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Stream is an answer written bit by bit, such as an export. Declare its Op with Stream and Produces.
type Stream struct {
	ContentType string
	Filename    string // the name that a browser saves it under; "" shows it
	// Write writes everything to w. Its context ends when the reader is gone or stands still for longer than the limit, so
	// that the rows it holds are closed and the database connection returns to the pool. An error before the first byte is
	// answered as a problem; after it the connection is cut, so that nobody takes half a file for a whole one.
	Write func(ctx context.Context, w io.Writer) error
}

// Schema says that the body is a file.
func (Stream) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "binary"}
}

const (
	streamBuffer = 32 << 10
	socketBuffer = 128 << 10 // of the kernel
)

type connKey struct{}

// ConnContext lets a Stream find its connection: for the server's ConnContext.
func ConnContext(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// shortenQueue keeps the kernel from queueing megabytes for a slow reader. It wakes a writer only when a good part of its
// queue is gone, which a reader of a long queue may need longer for than one may stand still.
func shortenQueue(ctx context.Context) error {
	conn, ok := ctx.Value(connKey{}).(interface{ SetWriteBuffer(bytes int) error })
	if !ok {
		return nil
	}
	if err := conn.SetWriteBuffer(socketBuffer); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("stream's send buffer: %w", err)
	}
	return nil
}

func (h *Host) stream(x *exchange, s *Stream) error {
	res := x.echo.Response()
	header := res.Header()
	header.Set("Content-Type", s.ContentType)
	if s.Filename != "" {
		header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": s.Filename}))
	}
	if x.call.request.Method == http.MethodHead {
		return x.echo.NoContent(x.status)
	}
	if err := shortenQueue(x.call.base); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(x.call)
	defer cancel()
	out := &stallWriter{w: res, control: http.NewResponseController(res), stall: h.opt.ExportStallTimeout, status: x.status, cancel: cancel}
	buffered := bufio.NewWriterSize(out, streamBuffer)
	err := s.Write(ctx, buffered)
	if err == nil {
		err = buffered.Flush()
	}
	if err == nil && !res.Committed {
		res.WriteHeader(x.status)
	}
	if err == nil {
		return nil
	}
	if !res.Committed {
		// The server's own deadline may have passed while nothing was written.
		if late := out.grant(answerTime); late != nil {
			return errors.Join(err, late)
		}
		return err
	}
	x.call.gone = true
	if out.err == nil { // not the reader's fault
		x.call.gone, x.call.cause = false, fmt.Errorf("stream cut off: %w", err)
	}
	panic(http.ErrAbortHandler)
}

// stallWriter gives every chunk its own deadline, and ends the work when one is not taken in time.
type stallWriter struct {
	w       io.Writer
	control *http.ResponseController
	stall   time.Duration
	status  int
	cancel  context.CancelFunc
	begun   bool
	err     error
}

func (s *stallWriter) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	if err := s.grant(s.stall); err != nil {
		return 0, err
	}
	if !s.begun {
		s.begun = true
		s.w.(http.ResponseWriter).WriteHeader(s.status)
	}
	n, err := s.w.Write(p)
	if err != nil {
		s.err = err
		s.cancel()
	}
	return n, err
}

// grant gives what is written next so long to go out.
func (s *stallWriter) grant(span time.Duration) error {
	if err := supported(s.control.SetWriteDeadline(time.Now().Add(span))); err != nil {
		return fmt.Errorf("write deadline: %w", err)
	}
	return nil
}

var streamType = reflect.TypeFor[*Stream]()
