package app_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// raw sends a request line as it is, which no HTTP client would.
func (w *world) raw(method, target, token string, headers ...string) reply {
	w.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(w.t.Context(), "tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", method, target)
	if token != "" {
		fmt.Fprintf(&head, "Authorization: Bearer %s\r\n", token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		fmt.Fprintf(&head, "%s: %s\r\n", headers[i], headers[i+1])
	}
	if _, err := io.WriteString(conn, head.String()+"\r\n"); err != nil {
		w.t.Fatal(err)
	}
	req := &http.Request{Method: method}
	res, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, target, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil && method != http.MethodConnect {
		w.t.Fatalf("%s %s: %v", method, target, err)
	}
	return reply{res.StatusCode, res.Header, body}
}

// twists are other ways to write a path, which some server somewhere takes for the same.
func twists(path string) []string {
	last := strings.LastIndex(path, "/")
	middle := strings.LastIndex(path[:last], "/")
	all := []string{
		path + "/", path + "//", path + "/.", path + "/..", path + "/../" + path[last+1:], path + ";", path + ";a=b", path + "%2f", path + "%2F..%2f",
		path + "%00", path + "%0d%0aX-A:%20b", path + "%20", path + "?" + path, path + "%3f", path + "%23", path + "/%2e%2e" + path[last:], path + ".json", path + "~",
		"/" + path, "//" + path, "/." + path, "/x/.." + path, "/healthz/.." + path, "/healthz/%2e%2e" + path, "/healthz%2f.." + path, "/api/docs/.." + path,
		"/healthz;" + path, "/healthz%3b" + path, path[:last] + "/" + path[last:], path[:last] + "/." + path[last:], path[:last] + "%2f" + path[last+1:],
		path[:last] + "%5c" + path[last+1:], path[:last] + ";x" + path[last:], path[:middle] + "%2F" + path[middle+1:], strings.ToUpper(path),
		strings.Replace(path, "/api/", "/API/", 1), strings.Replace(path, "/api/", "/%61pi/", 1), strings.Replace(path, "/v1/", "/v1/public/../", 1),
		strings.Replace(path, "/v1/", "/v1/public/%2e%2e/", 1), strings.Replace(path, "/v1/", "/v1//", 1), strings.Replace(path, "/v1/", "/v1/%2f", 1),
		"http://localhost" + path, "http://evil.example" + path,
	}
	return all
}

func TestNoWayOfWritingAPathGetsPastTheGuard(t *testing.T) {
	t.Parallel()
	s := newStage(t, newWorld(t), 1)
	was := s.contents()
	for _, o := range operations(t) {
		if o.who == "public" {
			continue
		}
		path := s.at(o.path, nil)
		for _, target := range twists(path) {
			// A stranger is told that there is nothing, or to sign in.
			if r := s.raw(o.method, target, ""); r.status != 401 && r.status != 404 && r.status != 405 && r.status != 400 {
				t.Errorf("%s %s without a token: %d %.200s", o.method, target, r.status, r.body)
			}
		}
	}
	s.unchanged(was)
}

// overriding are headers with which some servers let a request say that it is another.
var overriding = []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"}

func TestAMethodIsWhatTheRequestLineSays(t *testing.T) {
	t.Parallel()
	s := newStage(t, newWorld(t), 1)
	was := s.contents()
	takes := map[string]map[string]bool{}
	for _, o := range operations(t) {
		if takes[o.path] == nil {
			takes[o.path] = map[string]bool{"OPTIONS": true}
		}
		takes[o.path][o.method] = true
		if o.method == "GET" {
			takes[o.path]["HEAD"] = true
		}
	}
	for _, o := range operations(t) {
		path := s.at(o.path, nil)
		for _, method := range []string{"TRACE", "CONNECT", "PROPFIND", "get", "G-T", strings.Repeat("A", 300)} {
			target := path
			if method == "CONNECT" {
				target = "localhost:1" // an authority is all that it takes; with a path it is another request line
			}
			if r := s.raw(method, target, s.credential(o.who)); r.status != 405 && r.status != 404 && r.status != 400 && r.status != 501 {
				t.Errorf("%.20s %s: %d %.200s", method, target, r.status, r.body)
			}
		}
		if r := s.raw("CONNECT", path, s.credential(o.who)); r.status != 405 {
			t.Errorf("CONNECT %s: %d", path, r.status)
		}
		r := s.raw("OPTIONS", path, "")
		if r.status != 204 || len(r.body) > 0 || len(strings.Split(r.header.Get("Allow"), ",")) < len(takes[o.path]) || r.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("OPTIONS %s: %d %v %.100s", path, r.status, r.header["Allow"], r.body)
		}
		switch {
		case o.who == "public":
		case o.method == "GET":
			if r := s.raw("HEAD", path, ""); r.status != 401 || len(r.body) > 0 {
				t.Errorf("HEAD %s without a token: %d", path, r.status)
			}
			for _, header := range overriding {
				if r := s.raw("GET", path, s.credential(o.who), header, "DELETE"); r.status != 200 {
					t.Errorf("GET %s with %s: DELETE: %d", path, header, r.status)
				}
			}
		default:
			for _, header := range overriding {
				if r := s.raw(o.method, path, "", header, "GET"); r.status != 401 {
					t.Errorf("%s %s with %s: GET and no token: %d", o.method, path, header, r.status)
				}
				if !takes[o.path]["POST"] {
					if r := s.raw("POST", path, s.owner, header, o.method, "Content-Length", "0"); r.status != 405 {
						t.Errorf("POST %s with %s: %s: %d", path, header, o.method, r.status)
					}
				}
			}
		}
	}
	for name, held := range s.contents() { // exports leave a line in the trail
		if held != was[name] && name != "audit_events" {
			t.Errorf("%s held %s and holds %s", name, was[name], held)
		}
	}
}
