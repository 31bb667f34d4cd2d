package puller

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// wantsToken returns true if a registry whose /v2/ is public asks for a token nevertheless: some
// registries guard only their repositories.
func wantsToken(resp *http.Response) bool {
	return resp.StatusCode == http.StatusUnauthorized &&
		slices.ContainsFunc(resp.Header.Values("Www-Authenticate"), func(challenge string) bool {
			return len(challenge) > 6 && strings.EqualFold(challenge[:7], "bearer ")
		})
}

// withToken returns a client that authenticates as resp demands, to replace old. It returns old if
// old authenticates already.
func (p *peer) withToken(ctx context.Context, old *http.Client, resp *http.Response) (*http.Client, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.client != old || !p.public.Load() {
		return p.client, nil
	}
	client, err := p.authenticate(ctx, challenged{
		RoundTripper: p.transport(), scheme: resp.Request.URL.Scheme, challenge: resp.Header.Values("Www-Authenticate"),
	})
	if err != nil {
		return nil, err
	}
	p.client = client
	p.public.Store(false)
	return client, nil
}

// challenged answers the registry library's first request, to /v2/, with the challenge that a
// repository sent.
type challenged struct {
	http.RoundTripper
	scheme    string
	challenge []string
}

// RoundTrip implements http.RoundTripper.
func (c challenged) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Path != "/v2/" {
		return c.RoundTripper.RoundTrip(req)
	}
	if req.URL.Scheme != c.scheme {
		return nil, fmt.Errorf("%s to %s: %w", req.URL.Scheme, req.URL.Host, errScheme)
	}
	return &http.Response{
		Status: "401 Unauthorized", StatusCode: http.StatusUnauthorized, Proto: "HTTP/1.1", ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     http.Header{"Www-Authenticate": c.challenge}, Body: http.NoBody, Request: req,
	}, nil
}

// authenticate finds out how the endpoint wants clients to authenticate and fetches a token if it
// wants one.
func (p *peer) authenticate(ctx context.Context, rt http.RoundTripper) (*http.Client, error) {
	g := p.registry
	host := g.ref.Host()
	if p.Mirror {
		host = p.URL.Host
	}
	creds, err := g.config.Auth(host, g.ref.Repository())
	if err != nil {
		return nil, err
	}
	reg, err := p.Endpoint.registry()
	if err != nil {
		return nil, err
	}
	scope := "repository:" + g.ref.Repository() + ":" + transport.PullScope
	auth, err := transport.NewWithContext(ctx, reg, authenticator(creds), rt, []string{scope})
	if err != nil {
		return nil, describe(err)
	}
	return &http.Client{Transport: auth, CheckRedirect: checkRedirect}, nil
}
