package logx

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// sink is a writer that many may use.
type sink struct {
	mu    sync.Mutex
	bytes bytes.Buffer
	wrote chan struct{}
}

func newSink() *sink { return &sink{wrote: make(chan struct{}, 1000)} }

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes.Write(p)
	s.wrote <- struct{}{}
	return len(p), nil
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes.String()
}

func TestCloseWritesWhatIsHeld(t *testing.T) {
	t.Parallel()
	out := newSink()
	log, closeLog := newLogger(out, slog.LevelInfo, "json", time.Hour)
	log.Info("one")
	if out.String() != "" {
		t.Fatal("the line did not wait")
	}
	if err := closeLog(); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.Contains(got, `"msg":"one"`) {
		t.Error(got)
	}
	log.Info("two")
	if got := out.String(); !strings.Contains(got, `"msg":"two"`) {
		t.Error("a line after Close is lost")
	}
}

func TestALineIsWrittenInTimeWithoutClose(t *testing.T) {
	t.Parallel()
	out := newSink()
	log, closeLog := newLogger(out, slog.LevelInfo, "json", time.Millisecond)
	defer closeLog()
	log.Info("one")
	<-out.wrote
}

func TestAnErrorIsWrittenAtOnceWithWhatCameBefore(t *testing.T) {
	t.Parallel()
	out := newSink()
	log, closeLog := newLogger(out, slog.LevelInfo, "json", time.Hour)
	defer closeLog()
	log.With("a", 1).WithGroup("g").Info("before")
	log.With("a", 1).WithGroup("g").Error("boom")
	if got := out.String(); strings.Count(got, "\n") != 2 {
		t.Error(got)
	}
}

func TestAFullBufferLosesNothing(t *testing.T) {
	t.Parallel()
	out := newSink()
	log, closeLog := newLogger(out, slog.LevelInfo, "json", time.Hour)
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 500 {
				log.Info("line", "n", fmt.Sprintf("%d-%d", g, i), "pad", strings.Repeat("x", 100))
			}
		})
	}
	log.Info(strings.Repeat("y", 2*bufferSize))
	all.Wait()
	if err := closeLog(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(out.String(), "\n"); got != 8*500+1 {
		t.Errorf("%d lines", got)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestALogThatCannotBeWrittenIsTold(t *testing.T) {
	t.Parallel()
	log, closeLog := newLogger(broken{}, slog.LevelInfo, "text", time.Hour)
	log.Info("one")
	if err := closeLog(); err == nil {
		t.Error("no error")
	}
}
