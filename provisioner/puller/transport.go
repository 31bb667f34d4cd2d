package puller

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/mctr/mctr"
)

// Timeouts of a connection to a server that does not answer.
const (
	dialTimeout   = 15 * time.Second
	headerTimeout = 60 * time.Second
	stallTimeout  = 60 * time.Second // without a byte of a body
)

// newTransport returns a transport without a proxy.
func newTransport(config *tls.Config) *http.Transport {
	return &http.Transport{
		DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout:   dialTimeout,
		ResponseHeaderTimeout: headerTimeout,
		DisableCompression:    true, // digests are of the bytes as sent
		ForceAttemptHTTP2:     true,
		TLSClientConfig:       config,
		MaxIdleConnsPerHost:   8,
	}
}

func addCAs(c *tls.Config, files []string) error {
	if len(files) == 0 {
		return nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	for _, f := range files {
		pem, err := os.ReadFile(f)
		if err != nil {
			return fmt.Errorf("certificate authority: %w", err)
		}
		if !pool.AppendCertsFromPEM(pem) {
			return fmt.Errorf("%w: certificate authority %s: no certificate in it", mctr.ErrInvalid, f)
		}
	}
	c.RootCAs = pool
	return nil
}

// An endpointTransport rewrites requests for /v2 of an endpoint to the path of its URL, adds the
// headers of the endpoint, and refuses plain HTTP unless the endpoint allows it.
type endpointTransport struct {
	endpoint Endpoint
	registry string // as the reference names it
	base     http.RoundTripper
	strict   bool   // a missing /v2/ is an error
	opened   func() // is called if the probe needs no credentials; may be nil
}

// RoundTrip implements http.RoundTripper.
func (t *endpointTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.checkScheme(req); err != nil {
		return nil, err
	}
	if req.URL.Host != t.endpoint.URL.Host {
		return t.base.RoundTrip(req)
	}
	rest, ok := strings.CutPrefix(req.URL.Path, "/v2")
	if !ok {
		return t.base.RoundTrip(req)
	}
	out := req.Clone(req.Context())
	out.URL.Path = t.endpoint.URL.Path + rest
	if t.endpoint.Mirror {
		q := out.URL.Query()
		q.Set("ns", t.registry)
		out.URL.RawQuery = q.Encode()
	}
	for key, values := range t.endpoint.Header {
		out.Header[key] = values
	}
	resp, err := t.base.RoundTrip(out)
	if err == nil && !t.strict && rest == "/" && resp.StatusCode == http.StatusNotFound {
		resp.StatusCode = http.StatusOK // a mirror need not answer the probe
	}
	if err == nil && rest == "/" && resp.StatusCode == http.StatusOK && t.opened != nil {
		t.opened()
	}
	return resp, err
}

// errScheme marks a request with a scheme that the endpoint does not allow; describe adds the
// remedy.
var errScheme = errors.New("scheme not allowed")

// checkScheme refuses plain HTTP to the endpoint and to hosts that it redirects to, if the endpoint
// uses TLS.
func (t *endpointTransport) checkScheme(req *http.Request) error {
	switch {
	case req.URL.Scheme == "http" && t.endpoint.URL.Scheme == "https" && !t.endpoint.Either:
		return fmt.Errorf("plain http to %s: %w", req.URL.Host, errScheme)
	case req.URL.Scheme == "https" && t.endpoint.URL.Scheme == "http" && req.URL.Host == t.endpoint.URL.Host:
		return fmt.Errorf("https to %s: %w", req.URL.Host, errScheme)
	}
	return nil
}

// checkRedirect lets a registry redirect to its storage. The addressGuard checks the target.
func checkRedirect(_ *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return errors.New("stopped after 10 redirects")
	}
	return nil
}
