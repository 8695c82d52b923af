package webhooks

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

const messageURL = "Give a public address that begins with https://, such as https://hooks.example.com/credlane."

// addressRules say where a delivery may go. They are asked with the address that is about to be dialled, after the name was
// resolved, so that a name which answers otherwise the next time changes nothing.
type addressRules struct{ networks []netip.Prefix }

// reserved are the parts of the public ranges that are not public: the IANA special-purpose registries (RFC 6890 and its
// successors). 192.88.99.0/24 and 2002::/16 are 6to4, 2001::/23 holds Teredo and ORCHID: all of them lead somewhere else.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("192.31.196.0/24"),
	netip.MustParsePrefix("192.52.193.0/24"), netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("192.175.48.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("224.0.0.0/3"),
	netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("2620:4f:8000::/48"), netip.MustParsePrefix("3fff::/20"),
}

// globalUnicast is all of IPv6 that is given to anybody (IANA IPv6 Address Space): loopback, unique local, link-local,
// multicast, NAT64 and IPv4-compatible addresses lie outside.
var globalUnicast = netip.MustParsePrefix("2000::/3")

// allowed tells whether the operator named the address's network.
func (r addressRules) allowed(a netip.Addr) bool {
	a = a.Unmap()
	for _, n := range r.networks {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// permits tells whether a delivery may go to the address: over plain HTTP only into a network that the operator named.
func (r addressRules) permits(a netip.Addr, plain bool) bool {
	if r.allowed(a) {
		return true
	}
	if plain || !a.IsValid() || a.Zone() != "" {
		return false
	}
	a = a.Unmap() // ::ffff:10.0.0.1 is dialled as 10.0.0.1
	if a.Is6() && !globalUnicast.Contains(a) {
		return false
	}
	for _, p := range reserved {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// check tells whether deliveries may be asked for at the address; what its name resolves to is judged at each delivery.
func (r addressRules) check(text string) bool {
	u, err := url.Parse(text)
	if err != nil || len(text) > MaxURL || u.Opaque != "" || u.User != nil || u.Fragment != "" || strings.Contains(text, "#") {
		return false
	}
	plain := u.Scheme == "http"
	if host := u.Hostname(); u.Scheme != "https" && !plain || host == "" || plain && len(r.networks) == 0 {
		return false
	} else if a, err := netip.ParseAddr(host); err == nil && !r.permits(a, plain) {
		return false
	}
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && port > 0
}

// origin is the address without what may be a secret in it: many receivers tell their senders by a path.
func origin(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
