package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// visitor is what one connection asks for, request after request. The generator shares its cores with what it measures, so
// requests are ready bytes and only what a visitor needs of an answer is read.
type visitor interface {
	next() request // one without bytes ends the visit
	heard(status int, body []byte)
}

// request is the bytes to send and the status that must come back. An answer with the status may is put up with, and does not
// count.
type request struct {
	bytes     []byte
	want, may int
}

// load is what a round of requests showed.
type load struct {
	took      time.Duration
	latencies []time.Duration // of the expected answers, ascending
	statuses  map[int]int
	wrong     string // the first answer that was not expected
	unsent    int    // requests that were due and never sent
}

// rate is expected answers a second.
func (l load) rate() float64 { return float64(len(l.latencies)) / l.took.Seconds() }

// at is the latency that the fraction p of the answers did not exceed.
func (l load) at(p float64) time.Duration {
	if len(l.latencies) == 0 {
		return 0
	}
	return l.latencies[min(len(l.latencies)-1, int(p*float64(len(l.latencies))))]
}

// serverErrors counts the answers with 5xx.
func (l load) serverErrors() int {
	n := 0
	for status, count := range l.statuses {
		if status >= 500 {
			n += count
		}
	}
	return n
}

// check is an error when any answer was not the expected one.
func (l load) check() error {
	switch {
	case l.wrong != "":
		return fmt.Errorf("unexpected answers, by status %v; the first: %s", l.statuses, l.wrong)
	case l.unsent > 0:
		return fmt.Errorf("%d requests were due and not sent", l.unsent)
	case len(l.latencies) == 0:
		return errors.New("no answers at all")
	}
	return nil
}

// merge adds another connection's answers.
func (l *load) merge(o load) {
	l.latencies = append(l.latencies, o.latencies...)
	for status, n := range o.statuses {
		l.statuses[status] += n
	}
	if l.wrong == "" {
		l.wrong = o.wrong
	}
}

// longest is how long a single answer may take.
const longest = 30 * time.Second

// connection is a keep-alive HTTP/1.1 connection.
type connection struct {
	net.Conn
	in   *bufio.Reader
	body []byte // reused
}

func dial(ctx context.Context, addr string) (*connection, error) {
	c, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &connection{Conn: c, in: bufio.NewReaderSize(c, 16<<10)}, nil
}

// ask sends one request and reads its answer, whose body is good until the next.
func (c *connection) ask(req []byte) (status int, body []byte, err error) {
	if _, err := c.Write(req); err != nil {
		return 0, nil, err
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, nil, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, nil, fmt.Errorf("no status line: %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, nil, fmt.Errorf("no status: %q", line)
	}
	length, chunked := 0, false
	for {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return 0, nil, err
		}
		if len(line) <= 2 {
			break
		}
		if v, ok := header(line, "content-length:"); ok {
			if length, err = strconv.Atoi(string(v)); err != nil {
				return 0, nil, fmt.Errorf("no length: %q", line)
			}
		} else if v, ok := header(line, "transfer-encoding:"); ok {
			chunked = bytes.EqualFold(v, []byte("chunked"))
		}
	}
	c.body = c.body[:0]
	if chunked {
		err = c.readChunks()
	} else {
		err = c.read(length)
	}
	return status, c.body, err
}

func header(line []byte, name string) ([]byte, bool) {
	if len(line) < len(name) || !bytes.EqualFold(line[:len(name)], []byte(name)) {
		return nil, false
	}
	return bytes.TrimSpace(line[len(name):]), true
}

// read appends n bytes to the body.
func (c *connection) read(n int) error {
	had := len(c.body)
	c.body = slices.Grow(c.body, n)[:had+n]
	_, err := io.ReadFull(c.in, c.body[had:])
	return err
}

func (c *connection) readChunks() error {
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		n, err := strconv.ParseUint(string(bytes.TrimSpace(line)), 16, 31)
		if err != nil {
			return fmt.Errorf("no chunk: %q", line)
		}
		if err := c.read(int(n)); err != nil {
			return err
		}
		if _, err := c.in.Discard(2); err != nil || n == 0 {
			return err
		}
	}
}

// worker is one connection with its visitor.
type worker struct {
	conn *connection
	visitor
	load
}

// turn makes one request, due at the given time, and reports whether there was one to make.
func (w *worker) turn(due time.Time) (bool, error) {
	req := w.next()
	if req.bytes == nil {
		return false, nil
	}
	status, body, err := w.conn.ask(req.bytes)
	if err != nil {
		line, _, _ := bytes.Cut(req.bytes, []byte("\r\n"))
		return false, fmt.Errorf("%s: %w", line, err)
	}
	w.statuses[status]++
	if status == req.want {
		w.latencies = append(w.latencies, time.Since(due))
	} else if w.wrong == "" && status != req.may {
		line, _, _ := bytes.Cut(req.bytes, []byte("\r\n"))
		w.wrong = fmt.Sprintf("%s: %d instead of %d: %.300s", line, status, req.want, body)
	}
	w.heard(status, body)
	return true, nil
}

// serve gives each visitor a connection and runs drive for each, side by side.
func serve(ctx context.Context, addr string, visitors []visitor, drive func(*worker) error) (load, error) {
	workers := make([]*worker, len(visitors))
	for i, v := range visitors {
		conn, err := dial(ctx, addr)
		if err != nil {
			return load{}, fmt.Errorf("connect: %w", err)
		}
		defer func() { _ = conn.Close() }() // all is read
		workers[i] = &worker{conn: conn, visitor: v, load: load{statuses: map[int]int{}, latencies: make([]time.Duration, 0, 1<<14)}}
	}
	stop := context.AfterFunc(ctx, func() {
		for _, w := range workers {
			_ = w.conn.SetDeadline(time.Unix(1, 0)) // wakes the readers
		}
	})
	defer stop()
	errs := make([]error, len(workers))
	began := time.Now()
	var wg sync.WaitGroup
	for i, w := range workers {
		wg.Go(func() { errs[i] = drive(w) })
	}
	wg.Wait()
	all := load{took: time.Since(began), statuses: map[int]int{}}
	for _, w := range workers {
		all.merge(w.load)
	}
	slices.Sort(all.latencies)
	if ctx.Err() != nil {
		return all, context.Cause(ctx)
	}
	return all, errors.Join(errs...)
}

// closed lets every visitor ask again as soon as it is answered, for the given time or until the visits end.
func closed(ctx context.Context, addr string, visitors []visitor, d time.Duration) (load, error) {
	end := time.Now().Add(d)
	l, err := serve(ctx, addr, visitors, func(w *worker) error {
		if err := w.conn.SetDeadline(end.Add(longest)); err != nil {
			return err
		}
		for now := time.Now(); now.Before(end) && w.wrong == ""; now = time.Now() {
			if more, err := w.turn(now); err != nil || !more {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = l.check()
	}
	return l, err
}

// open sends rate requests a second whether answers come or not, over as many connections as there are visitors. A latency
// counts from the moment at which the request was due, so a server that stalls pays for every request that had to wait.
func open(ctx context.Context, addr string, visitors []visitor, rate int, d time.Duration) (load, error) {
	total := int(d.Seconds() * float64(rate))
	due := make(chan time.Time, total) // bounded by the round itself
	var quit atomic.Bool
	go func() {
		defer close(due)
		pace(rate, total, due, func() bool { return quit.Load() || ctx.Err() != nil })
	}()
	l, err := serve(ctx, addr, visitors, func(w *worker) error {
		if err := w.conn.SetDeadline(time.Now().Add(d + longest)); err != nil {
			return err
		}
		for at := range due {
			if more, err := w.turn(at); err != nil || !more {
				quit.Store(true)
				return err
			}
		}
		return nil
	})
	answered := 0
	for _, n := range l.statuses {
		answered += n
	}
	l.unsent = total - answered
	return l, err
}
