package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"time"
)

// api is an ordinary client, for what is not measured by the request.
type api struct{ http.Client }

// call sends a JSON body, or none, and gives what came back.
func (a *api) call(ctx context.Context, addr, method, path, token string, body any) (status int, answer []byte, err error) {
	var send io.Reader = http.NoBody
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		send = bytes.NewReader(text)
	}
	return a.send(ctx, addr, method, path, token, "application/json", send)
}

func (a *api) send(ctx context.Context, addr, method, path, token, kind string, body io.Reader) (status int, answer []byte, err error) {
	res, err := a.request(ctx, addr, method, path, token, kind, body)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = res.Body.Close() }() // it is read to the end
	answer, err = io.ReadAll(io.LimitReader(res.Body, 64<<20))
	return res.StatusCode, answer, err
}

func (a *api) request(ctx context.Context, addr, method, path, token, kind string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+addr+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", kind)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return a.Do(req)
}

// must calls the server, wants the given status, and decodes the answer into out when there is one.
func (b *bench) must(ctx context.Context, want int, method, path, token string, body, out any) error {
	status, answer, err := b.api.call(ctx, b.server.addr, method, path, token, body)
	if err != nil {
		return err
	}
	return expected(method+" "+path, want, status, answer, out)
}

func expected(what string, want, status int, answer []byte, out any) error {
	if status != want {
		return fmt.Errorf("%s: %d instead of %d: %.500s", what, status, want, answer)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// importFile uploads a file of questions and gives how long that took.
func (b *bench) importFile(ctx context.Context, token, assessment, name string, content []byte, want int) (time.Duration, error) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="` + name + `"`}, "Content-Type": {"application/octet-stream"},
	})
	if err != nil {
		return 0, err
	}
	if _, err := part.Write(content); err != nil {
		return 0, err
	}
	if err := w.Close(); err != nil {
		return 0, err
	}
	path := "/api/v1/assessments/" + assessment + "/questions/import"
	began := time.Now()
	status, answer, err := b.api.send(ctx, b.server.addr, http.MethodPost, path, token, w.FormDataContentType(), &form)
	took := time.Since(began)
	if err != nil {
		return 0, err
	}
	var result struct {
		Accepted int `json:"accepted"`
	}
	if err := expected("POST "+path, http.StatusCreated, status, answer, &result); err != nil {
		return 0, err
	}
	if result.Accepted != want {
		return 0, fmt.Errorf("the import of %s took %d of %d rows", name, result.Accepted, want)
	}
	return took, nil
}

// meter counts what is written to it.
type meter struct{ bytes int64 }

func (m *meter) Write(p []byte) (int, error) {
	m.bytes += int64(len(p))
	return len(p), nil
}

// download reads an export to its end and gives how long that took and how many bytes it was.
func (b *bench) download(ctx context.Context, token, path string) (time.Duration, int64, error) {
	began := time.Now()
	res, err := b.api.request(ctx, b.server.addr, http.MethodGet, path, token, "", http.NoBody)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = res.Body.Close() }() // it is read to the end
	if res.StatusCode != http.StatusOK {
		return 0, 0, fmt.Errorf("GET %s: %d instead of 200", path, res.StatusCode)
	}
	var m meter
	_, err = io.Copy(&m, res.Body)
	return time.Since(began), m.bytes, err
}
