package main

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
)

// encode writes a request as it goes over the wire.
func encode(method, path, host, token string, body []byte) []byte {
	b := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, host)
	if token != "" {
		b = fmt.Appendf(b, "Authorization: Bearer %s\r\n", token)
	}
	if body != nil {
		b = fmt.Appendf(b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	return append(append(b, "\r\n"...), body...)
}

// repeat asks for one thing over and over.
type repeat struct{ what request }

func (r repeat) next() request     { return r.what }
func (r repeat) heard(int, []byte) {}

// cycle asks for several things in turn.
type cycle struct {
	requests [][]byte
	want     int
	at       int
}

func (c *cycle) next() request {
	c.at = (c.at + 1) % len(c.requests)
	return request{bytes: c.requests[c.at], want: c.want}
}
func (c *cycle) heard(int, []byte) {}

// once asks for several things, each once.
type once struct {
	requests [][]byte
	want     int
}

func (o *once) next() request {
	if len(o.requests) == 0 {
		return request{}
	}
	r := request{bytes: o.requests[0], want: o.want}
	o.requests = o.requests[1:]
	return r
}
func (o *once) heard(int, []byte) {}

// sitting is a submission under way.
type sitting struct{ id, token string }

// read finds the token and the submission in the answer to a start without decoding the questions.
func (s *sitting) read(body []byte) {
	s.token = between(body, `"submissionToken":"`)
	if _, rest, ok := bytes.Cut(body, []byte(`"submission":{`)); ok {
		s.id = between(rest, `"id":"`)
	}
}

func between(text []byte, before string) string {
	_, rest, _ := bytes.Cut(text, []byte(before))
	value, _, _ := bytes.Cut(rest, []byte{'"'})
	return string(value)
}

// starter starts submissions, as many as left, or without end when left is negative.
type starter struct {
	path, host string
	numbers    *atomic.Int64
	left       int
	keep       bool
	made       []sitting
}

func (b *bench) starter(w *world, n int) *starter {
	return &starter{path: startPath(w.slug), host: b.server.addr, numbers: &b.candidates, left: n, keep: n >= 0}
}

func (s *starter) next() request {
	if s.left == 0 {
		return request{}
	}
	s.left--
	return request{bytes: encode(http.MethodPost, s.path, s.host, "", startBody(s.numbers.Add(1))), want: http.StatusCreated}
}

func (s *starter) heard(status int, body []byte) {
	if s.keep && status == http.StatusCreated {
		var one sitting
		one.read(body)
		s.made = append(s.made, one)
	}
}

// saver saves answers of its candidates in turn: those that have one already, so that every save is an update, as in its limit.
type saver struct {
	*world
	host     string
	sittings []sitting
	at       int
	sequence int64
}

func (s *saver) next() request {
	s.at++
	s.sequence++
	who, which := s.sittings[s.at%len(s.sittings)], s.at/len(s.sittings)%answeredCount
	return request{bytes: saveRequest(s.world, s.host, who.token, which, s.sequence+1), want: http.StatusOK}
}
func (s *saver) heard(int, []byte) {}

func saveRequest(w *world, host, token string, which int, sequence int64) []byte {
	body := append([]byte(`{"answer":"`), w.options[which]...)
	body = append(body, `","sequence":`...)
	body = append(strconv.AppendInt(body, sequence, 10), '}')
	return encode(http.MethodPut, "/api/v1/public/submission/answers/"+w.questions[which], host, token, body)
}

// candidate goes through a whole exam and then is the next candidate: start, questions, five saves, submit.
type candidate struct {
	*world
	host    string
	numbers *atomic.Int64
	step    int
	sitting
}

// examSteps is how many requests an exam is.
const examSteps = 3 + answeredCount

func (c *candidate) next() request {
	step := c.step
	c.step = (c.step + 1) % examSteps
	switch {
	case step == 0:
		return request{bytes: encode(http.MethodPost, startPath(c.slug), c.host, "", startBody(c.numbers.Add(1))), want: http.StatusCreated}
	case step == 1:
		return request{bytes: encode(http.MethodGet, "/api/v1/public/submission", c.host, c.token, nil), want: http.StatusOK}
	case step < examSteps-1:
		return request{bytes: saveRequest(c.world, c.host, c.token, step-2, 1), want: http.StatusOK}
	}
	return request{bytes: submitRequest(c.host, c.token), want: http.StatusOK}
}

func (c *candidate) heard(status int, body []byte) {
	if c.step == 1 && status == http.StatusCreated {
		c.sitting.read(body)
	} else if status >= http.StatusInternalServerError {
		c.step = 0 // an overloaded server turned it away: the next candidate comes
	}
}

func submitRequest(host, token string) []byte {
	return encode(http.MethodPost, "/api/v1/public/submission/submit", host, token, []byte("{}"))
}

// candidates are n of them for a loop.
func (b *bench) examinees(w *world, n int) []visitor {
	all := make([]visitor, n)
	for i := range all {
		all[i] = &candidate{world: w, host: b.server.addr, numbers: &b.candidates}
	}
	return all
}

// readers fetch the candidates' own submissions.
func (b *bench) readers(started []sitting, n int) []visitor {
	all := make([]visitor, n)
	for i := range all {
		c := &cycle{want: http.StatusOK, at: i * len(started) / n}
		for _, s := range started {
			c.requests = append(c.requests, encode(http.MethodGet, "/api/v1/public/submission", b.server.addr, s.token, nil))
		}
		all[i] = c
	}
	return all
}

// same makes n visitors of one request.
func same(n int, r request) []visitor {
	all := make([]visitor, n)
	for i := range all {
		all[i] = repeat{r}
	}
	return all
}
