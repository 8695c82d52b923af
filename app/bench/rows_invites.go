package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"
)

const (
	inviteCount = 100_000
	inviteBatch = 1_000 // as many as one call takes
)

// invites sends 100,000 invites in one go while others ask for their own submissions, and then watches the mail leave to a server
// that takes it as fast as it comes.
func invites(ctx context.Context, b *bench) (list []figure, err error) {
	sink, err := startSink()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, sink.stop()) }()
	usual := b.settings
	b.settings = append(append([]string(nil), usual...), "CREDLANE_SMTP_URL=smtp://"+sink.addr, "CREDLANE_MAIL_FROM=tests@bench.example")
	defer func() { b.settings = usual }()
	w, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := b.fresh(ctx); err != nil {
		return nil, err
	}
	token, err := b.signIn(ctx)
	if err != nil {
		return nil, err
	}
	n := 0
	send := func(ctx context.Context, batches int) (time.Duration, error) {
		began := time.Now()
		for range batches {
			if err := b.inviteBatch(ctx, w, token, n); err != nil {
				return 0, err
			}
			n += inviteBatch
		}
		return time.Since(began), nil
	}
	quiet, err := b.others(ctx, w, 5*b.span(), func(context.Context) error { return nil })
	if err != nil {
		return nil, err
	}
	batches := b.size(inviteCount) / inviteBatch
	few := max(1, batches/20)
	took, err := send(ctx, few)
	if err != nil {
		return nil, err
	}
	left := batches - few
	var whole time.Duration
	busy, err := b.others(ctx, w, took*time.Duration(left)/time.Duration(few), func(ctx context.Context) (err error) {
		whole, err = send(ctx, left)
		return err
	})
	if err != nil {
		return nil, err
	}
	peak, err := b.memory("VmHWM")
	if err != nil {
		return nil, err
	}
	ratio := milliseconds(busy.at(0.99)) / milliseconds(quiet.at(0.99))
	meanwhile := figure{What: "fetch p99 while invites are sent", Ours: milliseconds(busy.at(0.99)), Unit: "ms", Limit: milliseconds(quiet.at(0.99)),
		Of: "the same without", Ratio: ratio}.ratioAtMost(5)
	memory := figure{What: "memory while invites are sent", Ours: float64(peak) / mib, Unit: "MiB"}.atMost(96)
	list = []figure{
		meanwhile.with("%d/s; %d invites in %.1f s, their mail leaving meanwhile", othersRate, left*inviteBatch, whole.Seconds()),
		memory.with("the peak (VmHWM); the goal of an import"),
	}
	mails, err := b.mailRate(ctx, sink)
	return append(list, mails...), err
}

// inviteBatch invites as many as one call takes; first tells the addresses of one call from another's.
func (b *bench) inviteBatch(ctx context.Context, w *world, token string, first int) error {
	people := make([]map[string]string, inviteBatch)
	for i := range people {
		people[i] = map[string]string{"email": fmt.Sprintf("invited%d@bench.example", first+i), "name": fmt.Sprintf("Invited %d", first+i)}
	}
	var out struct {
		Results []struct {
			Status string `json:"status"`
		} `json:"results"`
	}
	err := b.must(ctx, http.StatusOK, http.MethodPost, "/api/v1/assessments/"+w.assessment+"/invites", token, map[string]any{"invites": people}, &out)
	if err != nil {
		return err
	}
	for _, r := range out.Results {
		if r.Status != "invited" {
			return fmt.Errorf("an invite is %q", r.Status)
		}
	}
	if len(out.Results) != inviteBatch {
		return fmt.Errorf("%d results for %d addresses", len(out.Results), inviteBatch)
	}
	return nil
}

// mailRate watches how much mail arrives while nothing else is asked of the machine.
func (b *bench) mailRate(ctx context.Context, sink *sink) ([]figure, error) {
	d := 5 * b.span()
	before := sink.taken.Load()
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	rate := float64(sink.taken.Load()-before) / d.Minutes() / float64(runtime.NumCPU())
	met := rate >= 1000
	return []figure{{What: "mails a minute and core", Ours: rate, Unit: "mails", Goal: ">= 1000 mails", Met: &met,
		Note: fmt.Sprintf("to a local server, over %d reused connections at most", sink.most.Load())}}, nil
}

// sink is a mail server that takes everything and keeps nothing.
type sink struct {
	addr   string
	server *smtp.Server
	ended  chan error
	taken  atomic.Int64
	open   atomic.Int64
	most   atomic.Int64 // connections at once
}

func startSink() (*sink, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start a mail server: %w", err)
	}
	s := &sink{addr: l.Addr().String(), ended: make(chan error, 1)}
	s.server = smtp.NewServer(s)
	s.server.Domain = "localhost"
	go func() { s.ended <- s.server.Serve(l) }()
	return s, nil
}

func (s *sink) stop() error {
	err := s.server.Close()
	<-s.ended
	return err
}

// NewSession begins one connection.
func (s *sink) NewSession(*smtp.Conn) (smtp.Session, error) {
	if n := s.open.Add(1); n > s.most.Load() {
		s.most.Store(n) // two at once may miss one: it is a note
	}
	return taker{s}, nil
}

// taker takes the mail of one connection.
type taker struct{ *sink }

func (taker) Reset()                               {}
func (t taker) Logout() error                      { t.open.Add(-1); return nil }
func (taker) Mail(string, *smtp.MailOptions) error { return nil }
func (taker) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (t taker) Data(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	t.taken.Add(1)
	return err
}
