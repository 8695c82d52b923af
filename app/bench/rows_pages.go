package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// twin is a page, and what a program would ask the API for to show the same: a page that shows several things has several.
type twin struct {
	name string
	page func(client int) [][]byte // the requests that one client makes in turn
	api  func(client int) [][]byte
	// calls is how many requests of api make one page.
	calls int
	// at is how many clients ask at once.
	at int
}

// fewClients is for what the server works on for two at a time and refuses to others.
const fewClients = 2

// pages compares what a person looks at with what a program would ask for.
func pages(ctx context.Context, b *bench) ([]figure, error) {
	twins, err := b.twins(ctx)
	if err != nil {
		return nil, err
	}
	var all []figure
	for _, t := range twins {
		visits := func(requests func(int) [][]byte, calls int) subject {
			visitors := make([]visitor, t.at)
			for i := range visitors {
				visitors[i] = &cycle{want: http.StatusOK, requests: requests(i)}
			}
			return func(ctx context.Context) (sample, error) {
				got, err := b.closedSample(ctx, b.server, visitors, b.span())
				got.value /= float64(calls)
				return got, err
			}
		}
		seen, err := b.compare(ctx, min(3, b.rounds()), visits(t.page, 1), visits(t.api, t.calls))
		if err != nil {
			return all, fmt.Errorf("%s: %w", t.name, err)
		}
		limit := "its twin in the API"
		if t.calls > 1 {
			limit = fmt.Sprintf("its %d twins in the API, one after the other", t.calls)
		}
		all = append(all, paired("page: "+t.name, "/s", seen[0], seen[1], limit).atLeast(0.5))
	}
	return all, nil
}

// listedSubmissions is how many ended submissions the employer's pages are about.
const listedSubmissions = 500

// twins makes what the pages show: an exam under way for candidates, and an assessment with results.
func (b *bench) twins(ctx context.Context) ([]twin, error) {
	w, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	started, _, err := b.openPools(ctx, w)
	if err != nil {
		return nil, err
	}
	listed, _, err := b.publish(ctx, "Pages", questionCount)
	if err != nil {
		return nil, err
	}
	first, err := b.finished(ctx, listed, listedSubmissions, true)
	if err != nil {
		return nil, err
	}
	token, err := b.signIn(ctx)
	if err != nil {
		return nil, err
	}
	session, err := b.signInToPages(ctx)
	if err != nil {
		return nil, err
	}
	one := fmt.Sprintf("%032d", first)
	one = one[:8] + "-" + one[8:12] + "-" + one[12:16] + "-" + one[16:20] + "-" + one[20:]
	const me = "/api/v1/auth/me"
	assessment, exam := "/api/v1/assessments/"+listed, "/api/v1/assessments/"+w.assessment
	member := func(name string, at int, page string, api ...string) twin {
		asked := [][]byte{b.pageRequest(page, session)}
		var twins [][]byte
		for _, path := range api {
			twins = append(twins, encode(http.MethodGet, path, b.server.addr, token, nil))
		}
		return twin{name, func(int) [][]byte { return asked }, func(int) [][]byte { return twins }, len(api), at}
	}
	public := [][]byte{b.pageRequest("/a/"+w.slug, "")}
	landing := [][]byte{encode(http.MethodGet, "/api/v1/public/assessments/"+w.slug, b.server.addr, "", nil)}
	share := func(i int) []sitting { return started[i*len(started)/clients : (i+1)*len(started)/clients] }
	return []twin{
		{"landing", func(int) [][]byte { return public }, func(int) [][]byte { return landing }, 1, clients},
		{"the test, 20 questions", func(i int) (all [][]byte) {
			for _, s := range share(i) {
				all = append(all, b.pageRequest("/take", "credlane_attempt="+s.token))
			}
			return all
		}, func(i int) (all [][]byte) {
			for _, s := range share(i) {
				all = append(all, encode(http.MethodGet, "/api/v1/public/submission", b.server.addr, s.token, nil))
			}
			return all
		}, 1, clients},
		member("assessments", fewClients, "/app/assessments", "/api/v1/assessments", me, "/api/v1/activity", exam+"/results", exam+"/invites",
			assessment+"/results", assessment+"/invites", "/api/v1/webhooks"),
		member("editor", fewClients, "/app/assessments/"+listed, assessment, assessment+"/questions", assessment+"/versions",
			assessment+"/results", assessment+"/invites", "/api/v1/assessments", me),
		member("invites", fewClients, "/app/assessments/"+listed+"/invites", assessment, assessment+"/invites", assessment+"/results",
			"/api/v1/assessments", me),
		member("results", fewClients, "/app/assessments/"+listed+"/results", assessment, assessment+"/results", assessment+"/submissions",
			assessment+"/versions", assessment+"/invites", "/api/v1/assessments", me),
		member("one submission", fewClients, "/app/submissions/"+one, "/api/v1/submissions/"+one, assessment, assessment+"/results",
			"/api/v1/assessments", me),
	}, nil
}

// pageRequest is what a browser sends that takes no compressed answer: the API's answers are not compressed either.
func (b *bench) pageRequest(path, cookie string) []byte {
	req := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n", path, b.server.addr)
	if cookie != "" {
		req = fmt.Appendf(req, "Cookie: %s\r\n", cookie)
	}
	return append(req, "\r\n"...)
}

// signInToPages signs the owner in as a browser does and gives the cookie.
func (b *bench) signInToPages(ctx context.Context) (string, error) {
	form := url.Values{"email": {ownerEmail}, "password": {ownerPassword}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+b.server.addr+"/app/login", strings.NewReader(form))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	client := http.Client{Timeout: longest, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	if err := res.Body.Close(); err != nil {
		return "", err
	}
	for _, c := range res.Cookies() {
		if strings.HasSuffix(c.Name, "credlane_session") {
			return c.Name + "=" + c.Value, nil
		}
	}
	return "", errors.New("POST /app/login: no session cookie, status " + res.Status)
}
