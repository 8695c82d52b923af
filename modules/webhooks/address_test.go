package webhooks

import (
	"context"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

// plainReceiver is a receiver without TLS.
func plainReceiver(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(&receiver{})
	t.Cleanup(s.Close)
	return s.URL
}

func TestOnlyPublicAddressesArePermitted(t *testing.T) {
	t.Parallel()
	var rules addressRules
	for _, text := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1",
		"172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1",
		"239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::808:808",
		"64:ff9b:1::a00:1", "100::1", "2001::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::", "3fff::1", "5f00::1", "fc00::1",
		"fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "2606:4700::1%eth0",
	} {
		if rules.permits(netip.MustParseAddr(text), false) {
			t.Errorf("%s is permitted", text)
		}
	}
	if rules.permits(netip.Addr{}, false) {
		t.Error("no address is permitted")
	}
	for _, text := range []string{"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "8.8.8.8",
		"223.255.255.255", "2606:4700::1111", "2a00:1450:4001::1", "2001:4860:4860::8888", "::ffff:8.8.8.8"} {
		if !rules.permits(netip.MustParseAddr(text), false) {
			t.Errorf("%s is not permitted", text)
		}
		if rules.permits(netip.MustParseAddr(text), true) {
			t.Errorf("%s is permitted without TLS", text)
		}
	}
	own := addressRules{[]netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd12::/16")}}
	for text, want := range map[string]bool{"10.1.2.3": true, "::ffff:10.1.2.3": true, "10.2.0.1": false, "fd12::1": true, "fd13::1": false, "127.0.0.1": false} {
		for _, plain := range []bool{false, true} {
			if own.permits(netip.MustParseAddr(text), plain) != want {
				t.Errorf("%s, plain %v, is permitted: %v", text, plain, !want)
			}
		}
	}
}

func TestAnAddressIsJudgedWhenItIsGiven(t *testing.T) {
	t.Parallel()
	public, own := addressRules{}, addressRules{[]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	for text, want := range map[string][2]bool{ // without and with a network of one's own
		"https://hooks.example.com":             {true, true},
		"https://hooks.example.com:8443/a?b=c":  {true, true},
		"https://bücher.example/":               {true, true},
		"https://1.1.1.1/":                      {true, true},
		"https://[2606:4700::1111]/":            {true, true},
		"http://hooks.example.com":              {false, true}, // where it leads is judged when it is dialled
		"http://10.0.0.1/":                      {false, true},
		"https://10.0.0.1/":                     {false, true},
		"http://1.1.1.1/":                       {false, false},
		"https://127.0.0.1/":                    {false, false},
		"https://[::1]/":                        {false, false},
		"https://[::ffff:127.0.0.1]/":           {false, false},
		"https://169.254.169.254/latest":        {false, false},
		"https://user:secret@hooks.example.com": {false, false},
		"https://hooks.example.com/#part":       {false, false},
		"https://hooks.example.com/#":           {false, false},
		"https://hooks.example.com:":            {false, false},
		"https://hooks.example.com:0/":          {false, false},
		"https://hooks.example.com:99999/":      {false, false},
		"https://":                              {false, false},
		"https:hooks.example.com":               {false, false},
		"ftp://hooks.example.com":               {false, false},
		"file:///etc/passwd":                    {false, false},
		"//hooks.example.com":                   {false, false},
		"":                                      {false, false},
		"https://hooks.example.com/\x00":        {false, false},
		"https://hooks.example.com/" + strings.Repeat("x", MaxURL): {false, false},
	} {
		if got := [2]bool{public.check(text), own.check(text)}; got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

// resolver answers each look at a name with the next of its addresses.
type resolver struct {
	mu      sync.Mutex
	answers [][]netip.Addr
	asked   int
}

func (r *resolver) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	return r.answers[min(r.asked, len(r.answers))-1], nil
}

// The receiver listens where nothing may go; the name leads to a permitted address first, and to the receiver the next time.
func TestANameThatChangesItsAddressLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	inside := receive(t, nil)
	port := inside.URL[strings.LastIndex(inside.URL, ":")+1:]
	names := &resolver{answers: [][]netip.Addr{{netip.MustParseAddr("127.9.9.9")}, {netip.MustParseAddr("127.0.0.1")},
		{netip.MustParseAddr("::ffff:127.0.0.1"), netip.MustParseAddr("::1")}}}
	w := newWorld(t, trusting, func(d *Deps) {
		d.Resolver, d.Networks = names, []netip.Prefix{netip.MustParsePrefix("127.9.9.9/32")}
	})
	e, _ := w.endpoint("https://example.com:"+port+"/", "submission.scored") // the name in the receivers' certificate
	w.work(w.Module)
	w.announce("submission.scored")
	d := w.after(e.ID, 1)
	if d.State != retrying || *d.LastError != "The connection was refused." { // dialled, and nobody is there
		t.Errorf("first %s", *d.LastError)
	}
	for n := 2; n <= 3; n++ {
		w.next(d)
		if d = w.after(e.ID, n); !strings.Contains(*d.LastError, "not public") {
			t.Errorf("then %s", *d.LastError)
		}
	}
	if len(inside.seen()) != 0 || names.asked != 3 {
		t.Errorf("%d requests came in; the name was looked at %d times", len(inside.seen()), names.asked)
	}
}

func TestWhatIsDialledIsJudgedOnceMore(t *testing.T) {
	t.Parallel()
	s := newSender(addressRules{}, nil, nil)
	inside := receive(t, nil)
	conn, err := s.connect(t.Context(), netip.MustParseAddrPort(inside.Listener.Addr().String()), false)
	if err == nil || !strings.Contains(err.Error(), errForbidden.Error()) {
		t.Errorf("got %v, %v", conn, err)
	}
}

func TestPlainHTTPGoesOnlyIntoNamedNetworks(t *testing.T) {
	t.Parallel()
	inside := plainReceiver(t)
	allowed := newSender(addressRules{[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, nil, nil)
	if got := allowed.send(t.Context(), time.Now(), inside, nil, "{}"); got.outcome != outcomeSucceeded {
		t.Errorf("got %+v", got)
	}
	names := &resolver{answers: [][]netip.Addr{{netip.MustParseAddr("1.1.1.1")}}}
	public := newSender(addressRules{[]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, names, nil)
	if got := public.send(t.Context(), time.Now(), "http://hooks.example.com/", nil, "{}"); got.outcome != outcomeForbidden {
		t.Errorf("got %+v", got)
	}
}
