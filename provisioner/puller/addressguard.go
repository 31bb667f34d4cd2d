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

// An addressGuard keeps a registry from directing this host's requests, by a redirect or by the
// token server that it names, at addresses that only this host can reach: loopback, link-local
// (cloud metadata) and unspecified ones. Only hosts that the reference or hosts.toml names may have
// such addresses, whatever the DNS answers for other names.
type addressGuard struct {
	named    map[string]bool // lower case
	loopback bool            // one of them is a loopback address, or localhost
	resolver *net.Resolver   // nil: the system's resolver
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

// names returns true if the operator named host. An operator who names one loopback name allows all
// of them.
func (g *addressGuard) names(host string) bool {
	return g.named[strings.ToLower(host)] || g.loopback && isLoopback(host)
}

// dial connects to an address of a host; unless the operator named the host, the address is checked
// first.
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

// refuseLocal returns an error for an address that leads to another machine depending on who
// connects.
func refuseLocal(host string, to netip.Addr) error {
	to = to.Unmap()
	if !to.IsLoopback() && !to.IsLinkLocalUnicast() && !to.IsUnspecified() && !to.IsMulticast() {
		return nil
	}
	return fmt.Errorf("%w: %.100q leads to %s, a local address, and neither the reference nor hosts.toml "+
		"names that host", mctr.ErrInvalid, host, to)
}

// checkProxied is dial's check for a request that goes through a proxy: it resolves the name of the
// host locally. A name that only the proxy can resolve cannot be checked, so no credentials are
// sent there unless it belongs to the registry's own domain.
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
		return fmt.Errorf("%w: credentials for %.100q, which is reached through a proxy and cannot be checked (name "+
			"it in hosts.toml)", mctr.ErrInvalid, host)
	}
	return nil
}

// related returns true if host is in the domain of a named host, as auth.docker.io is in that of
// registry-1.docker.io, or is that domain.
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

// redirected refuses a request that a redirect sends to another host with credentials.
func redirected(req *http.Request) error {
	if req.Response == nil || req.Response.Request == nil || !carriesCredentials(req) {
		return nil
	}
	if from := req.Response.Request.URL.Host; from != req.URL.Host {
		return fmt.Errorf("%w: %.100q sends credentials on to %.100q", mctr.ErrInvalid, from, req.URL.Host)
	}
	return nil
}
