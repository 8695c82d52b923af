package app_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"credlane/app"
	"credlane/app/kit/pgtest"
)

// lines is a log that a test reads while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) read() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// counted is a world that lets three registrations through in an hour, and its log.
func counted(t *testing.T, trusted string) (*world, *lines) {
	t.Helper()
	log := &lines{}
	w := instance(t, pgtest.New(t), app.Options{Log: slog.New(slog.NewJSONHandler(log, nil))},
		"CREDLANE_RATE_REGISTER", "3/1h", "CREDLANE_PUBLIC_URL", "https://tests.example.com", "CREDLANE_TRUSTED_PROXIES", trusted)
	return w, log
}

// claimed are the headers with which a stranger says to be somebody else, somewhere else.
func claimed(address, host string) []string {
	return []string{
		"X-Forwarded-For", address, "X-Real-IP", address, "Forwarded", `for=` + address + `;host=` + host + `;proto=https`,
		"X-Forwarded-Host", host, "X-Forwarded-Proto", "ftp", "X-Forwarded-Server", host, "X-Original-Host", host, "X-Host", host,
		"CF-Connecting-IP", address, "True-Client-IP", address, "X-Client-IP", address, "X-Cluster-Client-IP", address,
		"X-Original-URL", "/healthz", "X-Rewrite-URL", "/healthz", "X-Forwarded-Prefix", "/" + host,
	}
}

// as is call with another Host header.
func (w *world) as(host, method, path, token string, body any, headers ...string) reply {
	w.t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	req := httptest.NewRequestWithContext(w.t.Context(), method, path, bytes.NewReader(encoded))
	req.Host, req.RemoteAddr = host, "127.0.0.1:4711"
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res := httptest.NewRecorder()
	w.app.Handler().ServeHTTP(res, req)
	return reply{res.Code, res.Header(), res.Body.Bytes()}
}

func somebody(n string) obj {
	return obj{"organizationName": "Employer " + n, "name": "Owner", "email": "o" + n + "@example.com", "password": "a long enough secret"}
}

func TestAStrangersWordForWhereHeComesFromChangesNothing(t *testing.T) {
	t.Parallel()
	const evil = "evil.example"
	w, log := counted(t, "")
	var owner struct{ AccessToken string }
	for i, address := range []string{"203.0.113.1", "203.0.113.2", "2001:db8::3", "203.0.113.4", "203.0.113.5, 203.0.113.6"} {
		r := w.as(evil, "POST", "/api/v1/auth/register", "", somebody(string(rune('a'+i))), claimed(address, evil)...)
		want := http.StatusCreated
		if i >= 3 {
			want = http.StatusTooManyRequests
		}
		if r.status != want {
			t.Fatalf("registration %d from %q: %d %s", i, address, r.status, r.body)
		}
		if i == 0 {
			r.into(t, &owner)
		}
		w.clean(evil, r)
	}
	var a struct{ ID, PublicURL, Slug string }
	made := w.as(evil, "POST", "/api/v1/assessments", owner.AccessToken, obj{"title": "Networking"}, claimed("203.0.113.9", evil)...)
	made.into(t, &a)
	if a.PublicURL != "https://tests.example.com/a/"+a.Slug {
		t.Errorf("the public url is %s", a.PublicURL)
	}
	if at := made.header.Get("Location"); !strings.HasPrefix(at, "/api/v1/assessments/") && !strings.HasPrefix(at, "https://tests.example.com/api/v1/assessments/") {
		t.Errorf("Location: %s", at)
	}
	w.clean(evil, made)
	var invited struct{ AcceptURL string }
	r := w.as(evil, "POST", "/api/v1/members", owner.AccessToken, obj{"email": "vera@example.com", "role": "viewer"}, claimed("203.0.113.9", evil)...)
	r.into(t, &invited)
	if !strings.HasPrefix(invited.AcceptURL, "https://tests.example.com/") {
		t.Errorf("the invitation is at %s", invited.AcceptURL)
	}
	for _, path := range []string{"/api/v1/auth/sessions", "/api/v1/audit", "/api/v1/openapi.json", "/api/docs", "/api/v1/nowhere", "/api/v1/auth/me", "/metrics"} {
		w.clean(evil, w.as(evil, "GET", path, owner.AccessToken, obj{}, claimed("203.0.113.9", evil)...))
	}
	said := log.read()
	if strings.Contains(said, "203.0.113") || strings.Contains(said, "2001:db8") || strings.Contains(said, evil) {
		t.Errorf("the log believes a stranger:\n%s", said)
	}
	if !strings.Contains(said, `"client":"127.0.0.1"`) {
		t.Errorf("the log does not name the client:\n%s", said)
	}
}

// clean looks for the stranger's words in an answer.
func (w *world) clean(host string, r reply) {
	w.t.Helper()
	whole := string(r.body)
	for name, values := range r.header {
		whole += name + strings.Join(values, " ")
	}
	for _, word := range []string{host, "203.0.113.", "2001:db8"} {
		if strings.Contains(whole, word) {
			w.t.Errorf("the answer believes a stranger's %s: %.500s", word, whole)
		}
	}
}

// Behind a proxy that the operator named, the header counts: one address is one client, whatever it wrote itself.
func TestATrustedProxysWordCounts(t *testing.T) {
	t.Parallel()
	w, log := counted(t, "127.0.0.1/32")
	for i := range 6 {
		from := "203.0.113.1"
		if i >= 4 {
			from = "203.0.113.2"
		}
		r := w.as("tests.example.com", "POST", "/api/v1/auth/register", "", somebody(string(rune('a'+i))), "X-Forwarded-For", "198.51.100."+string(rune('1'+i))+", "+from)
		if (r.status == http.StatusTooManyRequests) != (i == 3) {
			t.Errorf("registration %d from %s: %d %s", i, from, r.status, r.body)
		}
	}
	if said := log.read(); strings.Contains(said, "198.51.100.") || !strings.Contains(said, `"client":"203.0.113.1"`) {
		t.Errorf("the log names the wrong client:\n%s", said)
	}
}

// Whoever has one IPv6 address has the 64 bits of its network: another address for each try is no other client.
func TestANetworkOfIPv6IsOneClient(t *testing.T) {
	t.Parallel()
	w, _ := counted(t, "127.0.0.1/32")
	for i, from := range []string{
		"2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:2:ffff::", "2001:db8:1:2:3:4:5:6", "2001:db8:1:3::1", "::ffff:203.0.113.1", "::ffff:203.0.113.2",
	} {
		r := w.as("tests.example.com", "POST", "/api/v1/auth/register", "", somebody(string(rune('a'+i))), "X-Forwarded-For", from)
		if (r.status == http.StatusTooManyRequests) != (i == 3) {
			t.Errorf("registration %d from %s: %d %s", i, from, r.status, r.body)
		}
	}
}
