package puller

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/mctr/mctr"
)

// loginTimeout bounds a whole login.
const loginTimeout = time.Minute

// Server returns the host of the registry that a user means by s, with its port if s has one, as
// references name it. Like docker, it ignores the scheme and path of a URL.
func Server(s string) (string, error) {
	host := s
	if _, rest, ok := strings.Cut(s, "://"); ok {
		host = rest
	}
	host, _, _ = strings.Cut(host, "/")
	switch host {
	case "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com", "docker.io":
		return "docker.io", nil
	}
	if _, err := name.NewRegistry(host, name.StrictValidation); err != nil {
		return "", fmt.Errorf("%w: registry %q: %w", mctr.ErrInvalid, s, err)
	}
	return host, nil
}

// AuthKey returns the key of a registry in docker's configuration file: its host, except for
// docker.io.
func AuthKey(host string) string {
	if host == "docker.io" {
		return authn.DefaultAuthKey
	}
	return host
}

// AuthFile returns the file that credentials are written to: the first one that FileAuth reads.
func AuthFile() (string, error) {
	files := authFiles()
	if len(files) == 0 {
		return "", fmt.Errorf(
			"%w: no file for credentials: none of $HOME, $DOCKER_CONFIG and $REGISTRY_AUTH_FILE is set",
			mctr.ErrState)
	}
	return files[0], nil
}

// OtherAuthFile returns another file in which FileAuth finds credentials for the host, or "".
func OtherAuthFile(host string) string {
	files := authFiles()
	for _, path := range files[min(1, len(files)):] {
		if c, err := fromFile(path, host, ""); err == nil && c != (Credentials{}) {
			return path
		}
	}
	return ""
}

// Verify asks the registry itself, never a mirror, whether it accepts c. If it does not, the error
// wraps errdefs.ErrUnauthenticated.
func Verify(ctx context.Context, host string, c Credentials, config Config) error {
	ctx, cancel := context.WithTimeout(ctx, loginTimeout)
	defer cancel()
	all, err := endpoints(host, config)
	if err != nil {
		return fmt.Errorf("log in to %s: %w", host, err)
	}
	i := slices.IndexFunc(all, func(e Endpoint) bool { return !e.Mirror })
	if i < 0 {
		return fmt.Errorf("%w: log in to %s: hosts.toml names only mirrors", mctr.ErrInvalid, host)
	}
	if err := all[i].verify(ctx, host, c, newAddressGuard(host, all)); err != nil {
		return fmt.Errorf("log in to %s: %w", host, err)
	}
	return nil
}

func (e Endpoint) verify(ctx context.Context, host string, c Credentials, g *addressGuard) error {
	base, err := newConnections(e, g)
	if err != nil {
		return err
	}
	defer base.CloseIdleConnections()
	reg, err := e.registry()
	if err != nil {
		return err
	}
	rt := &endpointTransport{endpoint: e, registry: host, base: retryingTransport{base: base, most: patience},
		strict: true}
	auth, err := transport.NewWithContext(ctx, reg, authenticator(c), rt, nil)
	if err != nil {
		return refusedLogin(err)
	}
	u := *e.URL
	u.Path = "/v2/"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Transport: auth, CheckRedirect: checkRedirect}).Do(req)
	if err != nil {
		return refusedLogin(err)
	}
	defer resp.Body.Close()
	return refusedLogin(transport.CheckError(resp, http.StatusOK))
}

// registry returns the endpoint in the form of the registry library.
func (e Endpoint) registry() (name.Registry, error) {
	var options []name.Option
	if e.URL.Scheme == "http" || e.Either {
		options = append(options, name.Insecure)
	}
	reg, err := name.NewRegistry(e.URL.Host, options...)
	if err != nil {
		return reg, fmt.Errorf("%w: %w", mctr.ErrInvalid, err)
	}
	return reg, nil
}

// refusedLogin is describe with remedies for a user who logs in.
func refusedLogin(err error) error {
	if err == nil {
		return nil
	}
	if status, ok := errors.AsType[*transport.Error](err); ok {
		switch status.StatusCode {
		case http.StatusUnauthorized, http.StatusForbidden:
			return fmt.Errorf("%w: incorrect username or password", errdefs.ErrUnauthenticated)
		case http.StatusNotFound:
			return fmt.Errorf("%w: not a registry: /v2/ does not exist", mctr.ErrInvalid)
		}
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Errorf("%w: %w (check the name of the registry)", mctr.ErrUnavailable, err)
	}
	return describe(err)
}
