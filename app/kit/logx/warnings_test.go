package logx_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"credlane/app/kit/logx"
)

func TestWarningsLetOneLineOfManyThroughAndNothingBelow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(logx.Warnings(slog.NewTextHandler(&out, nil))).With("who", "library")
		log.Info("chatter")
		for range 100 {
			log.Error("no database")
			time.Sleep(time.Second) // on the test's own clock
		}
		log.Warn("another matter")
		text := out.String()
		if strings.Contains(text, "chatter") || strings.Count(text, "no database") != 4 || strings.Count(text, "left_out=29") != 3 ||
			strings.Count(text, "another matter") != 1 || strings.Count(text, "who=library") != 5 {
			t.Errorf("the log says:\n%s", text)
		}
	})
}
