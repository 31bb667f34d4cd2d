package puller

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"

	"github.com/mctr/mctr"
)

// An addressGuard keeps a registry from turning this host's requests against what only this
// host reaches, by a redirect or by the token server that it names: addresses of
// loopback, of the link (cloud metadata) and unspecified ones are for hosts that the
// reference or hosts.toml names, whatever the DNS makes of a name.
type addressGuard struct {
	named    map[string]bool // lower case
	loopback bool            // one of them is a loopback address, or localhost
	resolver *net.Resolver   // nil is the system's
}

func newAddressGuard(registry string, all []Endpoint) *addressGuard {
	g := &addressGuard{named: map[string]bool{}}
	hosts := []string{(&url.URL{Host: registry}).Hostname()}
	for _, e := range all {
		hosts = append(hosts, e.URL.Hostname())
	}
	for _, host := range hosts {
		g.named[strings.ToLower(host)] = true
		g.loopback = g.loopback || isLoopback(host)
	}
	return g
}

// names reports whether the operator named host. An operator who names one name
// of loopback means all of them.
func (g *addressGuard) names(host string) bool {
	return g.named[strings.ToLower(host)] || g.loopback && isLoopback(host)
}

// dial connects to an address of a host, after a look at it unless the host is named.
func (g *addressGuard) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout, Resolver: g.resolver}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if !g.names(host) {
		d.Control = func(_, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil {
				return fmt.Errorf("the address %s of %s: %w", address, host, err)
			}
			return refuseLocal(host, to.Addr())
		}
	}
	return d.DialContext(ctx, network, address)
}

// refuseLocal refuses what is not the same host for everybody.
func refuseLocal(host string, to netip.Addr) error {
	to = to.Unmap()
	if !to.IsLoopback() && !to.IsLinkLocalUnicast() && !to.IsUnspecified() && !to.IsMulticast() {
		return nil
	}
	return fmt.Errorf("%w: %.100q leads to %s, an address of this host's own, and neither the reference nor "+
		"hosts.toml names that host", mctr.ErrInvalid, host, to)
}

// checkProxied is dial's look for a request that a proxy makes: its host's name is
// resolved here. What only the proxy can resolve cannot be checked, so no
// credentials go there, unless it is of the registry's own domain.
func (g *addressGuard) checkProxied(req *http.Request) error {
	host := req.URL.Hostname()
	if g.names(host) {
		return nil
	}
	if isLoopback(host) {
		return refuseLocal(host, netip.MustParseAddr("127.0.0.1"))
	}
	resolver := g.resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	found, err := resolver.LookupNetIP(req.Context(), "ip", host)
	if err == nil {
		for _, to := range found {
			if err := refuseLocal(host, to); err != nil {
				return err
			}
		}
	}
	if carriesCredentials(req) && !g.related(host) {
		return fmt.Errorf("%w: credentials for %.100q, which is reached by a proxy and cannot be checked here (name "+
			"it in hosts.toml)", mctr.ErrInvalid, host)
	}
	return nil
}

// related reports whether host is in the domain of a named host, as auth.docker.io is
// in that of registry-1.docker.io, or is that domain.
func (g *addressGuard) related(host string) bool {
	host = strings.ToLower(host)
	for name := range g.named {
		_, domain, _ := strings.Cut(name, ".")
		if strings.Contains(domain, ".") && net.ParseIP(name) == nil &&
			(host == domain || strings.HasSuffix(host, "."+domain)) {
			return true
		}
	}
	return false
}

func carriesCredentials(req *http.Request) bool {
	return req.Header.Get("Authorization") != "" || req.Body != nil && req.Body != http.NoBody
}

// redirected refuses to hand credentials on to another host because an answer says so.
func redirected(req *http.Request) error {
	if req.Response == nil || req.Response.Request == nil || !carriesCredentials(req) {
		return nil
	}
	if from := req.Response.Request.URL.Host; from != req.URL.Host {
		return fmt.Errorf("%w: %.100q sends credentials on to %.100q", mctr.ErrInvalid, from, req.URL.Host)
	}
	return nil
}
