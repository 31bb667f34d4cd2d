package puller

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
)

// connections holds the transports for one endpoint: to the endpoint itself and to hosts that it
// redirects to, which get no client certificate; each directly or through a proxy.
type connections struct {
	endpoint Endpoint
	guard    *addressGuard
	proxy    func(*http.Request) (*url.URL, error)
	all      map[way]*http.Transport
}

type way struct{ own, proxied bool }

// newConnections returns transports for one endpoint, which the caller closes.
func newConnections(e Endpoint, g *addressGuard) (*connections, error) {
	config := &tls.Config{InsecureSkipVerify: e.SkipVerify} // only if hosts.toml asks for it
	if err := addCAs(config, e.CA); err != nil {
		return nil, err
	}
	own := config.Clone()
	for _, pair := range e.Client {
		cert, err := tls.LoadX509KeyPair(pair[0], pair[1])
		if err != nil {
			return nil, fmt.Errorf("client certificate %s: %w", pair[0], err)
		}
		own.Certificates = append(own.Certificates, cert)
	}
	c := &connections{endpoint: e, guard: g, proxy: http.ProxyFromEnvironment, all: map[way]*http.Transport{}}
	for w, config := range map[way]*tls.Config{
		{true, false}: own, {true, true}: own.Clone(), {false, false}: config, {false, true}: config.Clone(),
	} {
		t := newTransport(config)
		if w.proxied {
			t.Proxy = func(req *http.Request) (*url.URL, error) { return c.proxy(req) }
		} else {
			t.DialContext = g.dial
		}
		c.all[w] = t
	}
	return c, nil
}

// RoundTrip implements http.RoundTripper.
func (c *connections) RoundTrip(req *http.Request) (*http.Response, error) {
	by, err := c.proxy(req)
	if err == nil {
		err = redirected(req)
	}
	if err == nil && by != nil {
		err = c.guard.checkProxied(req)
	}
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	return c.all[way{req.URL.Host == c.endpoint.URL.Host, by != nil}].RoundTrip(req)
}

// CloseIdleConnections closes the idle connections of all transports.
func (c *connections) CloseIdleConnections() {
	for _, t := range c.all {
		t.CloseIdleConnections()
	}
}
