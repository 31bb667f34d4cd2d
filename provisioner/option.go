package provisioner

import (
	"fmt"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner/layer"
	"github.com/mctr/mctr/provisioner/manifest"
	"github.com/mctr/mctr/provisioner/puller"
)

// An Option changes how a Provisioner works.
type Option func(*settings) error

type settings struct {
	backend     string
	hostsDirs   []string
	plainHTTP   []string
	auth        puller.Auth
	limits      Limits
	concurrency int
}

// Limits bound the size of an image. A zero means the default that the field's comment names.
type Limits struct {
	manifest.Limits              // of its documents
	Layer           layer.Limits // of each layer; Bytes also of all layers together
}

// WithBackend chooses "overlay" or "copy"; "" uses overlay where the host supports it,
// and copy elsewhere.
func WithBackend(name string) Option {
	return func(s *settings) error {
		if name != "" && name != "overlay" && name != "copy" {
			return fmt.Errorf("%w: image backend %q: want overlay or copy", mctr.ErrInvalid, name)
		}
		s.backend = name
		return nil
	}
}

// WithHostsDirs replaces the directories of hosts.toml; the first that has one for a host
// wins. The default is /etc/mctr/certs.d, then /etc/containerd/certs.d.
func WithHostsDirs(dirs ...string) Option {
	return func(s *settings) error { s.hostsDirs = dirs; return nil }
}

// WithPlainHTTP names hosts (host or host:port) that may be contacted without TLS;
// loopback addresses always may.
func WithPlainHTTP(hosts ...string) Option {
	return func(s *settings) error { s.plainHTTP = append(s.plainHTTP, hosts...); return nil }
}

// WithAuth replaces the look-up of credentials in docker's and podman's files.
func WithAuth(auth puller.Auth) Option {
	return func(s *settings) error { s.auth = auth; return nil }
}

// WithLimits replaces the limits on images.
func WithLimits(l Limits) Option {
	return func(s *settings) error { s.limits = l; return nil }
}

// WithConcurrency sets how many layers are fetched and unpacked at a time; the
// default is 3.
func WithConcurrency(n int) Option {
	return func(s *settings) error {
		if n < 1 || n > 64 {
			return fmt.Errorf("%w: %d layers at a time: want 1 to 64", mctr.ErrInvalid, n)
		}
		s.concurrency = n
		return nil
	}
}

func (s settings) source(auth puller.Auth, temp string) puller.Config {
	if auth == nil {
		auth = s.auth
	}
	return puller.Config{
		HostsDirs: s.hostsDirs, PlainHTTP: s.plainHTTP, Auth: auth,
		Limits: s.limits.Limits, Unpacked: s.limits.Layer.Filled().Bytes, Temp: temp,
	}
}
