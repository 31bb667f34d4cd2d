package puller

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner/manifest"
)

// A registry is a source that asks the endpoints of a registry in turn.
type registry struct {
	ref    Reference
	config Config
	peers  []*peer
}

// A peer is one endpoint of a registry. It connects and authenticates at the first request and
// keeps both until the source is closed.
type peer struct {
	Endpoint
	registry *registry
	base     *connections
	last     bool // it has no successor to ask instead, so requests to it wait and are retried

	mu     sync.Mutex // guards client
	client *http.Client
	public atomic.Bool // neither its probe nor a later request asked for credentials
}

func newRegistry(r Reference, c Config) (Source, error) {
	if c.Auth == nil {
		c.Auth = FileAuth
	}
	all, err := endpoints(r.Host(), c)
	if err != nil {
		return nil, err
	}
	g := &registry{ref: r, config: c}
	guard := newAddressGuard(r.Host(), all)
	for i, e := range all {
		base, err := newConnections(e, guard)
		if err != nil {
			return nil, fmt.Errorf("%w (registry %s)", err, e.URL.Host)
		}
		g.peers = append(g.peers, &peer{Endpoint: e, registry: g, base: base, last: i == len(all)-1})
	}
	return g, nil
}

// Stamp returns "": a registry has to be asked for changes.
func (g *registry) Stamp() string { return "" }

// Close closes idle connections.
func (g *registry) Close() error {
	for _, p := range g.peers {
		p.base.CloseIdleConnections()
	}
	return nil
}

var errNoEndpoint = fmt.Errorf("%w: hosts.toml allows no server for this request", mctr.ErrUnavailable)

// each calls ask for the peers that may answer, in order, until one succeeds.
func (g *registry) each(may func(Endpoint) bool, ask func(*peer) error) error {
	var errs []error
	for _, p := range g.peers {
		if !may(p.Endpoint) {
			continue
		}
		err := ask(p)
		if err == nil {
			return nil
		}
		if !strings.Contains(err.Error(), p.URL.Host) {
			err = fmt.Errorf("%w (registry %s)", err, p.URL.Host)
		}
		errs = append(errs, err)
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			break
		}
	}
	switch len(errs) {
	case 0:
		return errNoEndpoint
	case 1:
		return errs[0]
	}
	return errors.Join(errs...)
}

// Resolve asks for the manifest of the tag or digest.
func (g *registry) Resolve(ctx context.Context) (d v1.Descriptor, data []byte, err error) {
	may := func(e Endpoint) bool { return e.Resolve || e.Pull && g.ref.Digest() != "" }
	err = g.each(may, func(p *peer) error {
		return patiently(ctx, func() (err error) {
			if d, data, err = p.manifest(ctx, g.ref.Identifier()); err == nil {
				_, err = manifest.IsIndex(d.MediaType, data)
			}
			return err
		})
	})
	if err != nil {
		return d, nil, err
	}
	return d, data, nil
}

// patiently calls try up to three times: a busy or restarting server may answer later.
func patiently(ctx context.Context, try func() error) error {
	for n := 1; ; n++ {
		err := try()
		if err == nil || n == 3 || !errors.Is(err, mctr.ErrUnavailable) || errors.Is(err, errRefused) ||
			errors.Is(err, ErrBusy) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond << n):
		}
	}
}

// Places returns the peers that may serve content.
func (g *registry) Places() (all []Place) {
	for _, p := range g.peers {
		if p.Pull {
			all = append(all, Place{p.URL.Host, p.open})
		}
	}
	if all == nil {
		return []Place{{"", func(context.Context, v1.Descriptor, int64) (io.ReadCloser, error) {
			return nil, errNoEndpoint
		}}}
	}
	return all
}
