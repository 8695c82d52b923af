package submissions

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"credlane/app/kit/rest"
)

func TestOnlySoManySummariesRunAtOnceAndExportsGoOn(t *testing.T) {
	t.Parallel()
	d := newDesk(t, rest.Options{})
	var leave []func()
	for range cap(d.module.summaries) {
		out, err := d.module.summaries.enter()
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, out)
	}
	r := d.call(asViewer, "GET", d.assessmentPath()+"/results", nil)
	d.wants(r, 503, "exports_busy")
	if r.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	d.wants(d.call(asViewer, "GET", d.assessmentPath()+"/submissions.csv", nil), 200, "")
	leave[0]()
	d.wants(d.call(asViewer, "GET", d.assessmentPath()+"/results", nil), 200, "")
}

func TestOnlySoManyEmployersExportAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t, rest.Options{})
	var leave []func()
	for i := range d.module.exports.places {
		out, err := d.module.exports.enter(fixed(9, i+1))
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, out)
	}
	for _, p := range []string{"/submissions.csv", "/submissions.ndjson", "/submissions.xlsx"} {
		r := d.call(asViewer, "GET", d.assessmentPath()+p, nil)
		d.wants(r, 503, "exports_busy")
		if r.header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", p)
		}
	}
	leave[0]()
	d.wants(d.call(asViewer, "GET", d.assessmentPath()+"/submissions.csv", nil), 200, "")
}

// slowReader takes the first bytes of an export and waits to be let go before it takes more.
type slowReader struct{ began, let chan struct{} }

func (s *slowReader) Write(p []byte) (int, error) {
	select {
	case <-s.began:
	default:
		close(s.began)
	}
	<-s.let
	return len(p), nil
}

func TestOneEmployersSlowExportsKeepNobodyElseOut(t *testing.T) {
	t.Parallel()
	d := newDesk(t, rest.Options{})
	theirs := d.version
	theirs.ID, theirs.AssessmentID, theirs.EmployerID = fixed(3, 99), fixed(2, 99), fixed(1, 99)
	d.add(theirs)
	d.sit("ada@example.org", nil)
	slow := &slowReader{began: make(chan struct{}), let: make(chan struct{})}
	ended := make(chan error, 1)
	go func() { ended <- d.module.Export(d.as(asViewer), d.version.AssessmentID, Filter{}, CSV, slow) }()
	<-slow.began
	d.wants(d.call(asViewer, "GET", d.assessmentPath()+"/submissions.csv", nil), 503, "exports_busy")
	d.wants(d.call(asViewer, "GET", d.assessmentPath()+"/results", nil), 200, "")
	path := "/assessments/" + theirs.AssessmentID.String()
	for _, p := range []string{"/results", "/submissions.csv", "/submissions.ndjson", "/submissions.xlsx"} {
		d.wants(d.call(asOther, "GET", path+p, nil), 200, "")
	}
	close(slow.let)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	d.wants(d.call(asViewer, "GET", d.assessmentPath()+"/submissions.csv", nil), 200, "")
}

func TestAnExportEndsWithItsTime(t *testing.T) {
	t.Parallel()
	d := newDesk(t, rest.Options{})
	d.sit("ada@example.org", nil)
	d.module.exportLimit = time.Nanosecond
	for _, format := range []Format{CSV, NDJSON, XLSX} {
		if err := d.module.Export(d.as(asViewer), d.version.AssessmentID, Filter{}, format, io.Discard); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", format, err)
		}
	}
	if n := d.module.exports.taken(); n != 0 {
		t.Errorf("%d places still taken", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (until{ctx, io.Discard}).Write([]byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("a write after the end: %v", err)
	}
}
