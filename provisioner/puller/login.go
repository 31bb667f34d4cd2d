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

// Server is the registry that a person means by s: a host, with a port perhaps, as
// references have it. A URL's scheme and path are left out, as docker does.
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

// AuthKey is what docker's file calls a registry: its host, but for docker.io.
func AuthKey(host string) string {
	if host == "docker.io" {
		return authn.DefaultAuthKey
	}
	return host
}

// AuthFile is the file that credentials are written to: the first that FileAuth reads.
func AuthFile() (string, error) {
	files := authFiles()
	if len(files) == 0 {
		return "", fmt.Errorf(
			"%w: neither $HOME nor $DOCKER_CONFIG nor $REGISTRY_AUTH_FILE is set: no place for credentials",
			mctr.ErrState)
	}
	return files[0], nil
}

// OtherAuthFile is another file in which FileAuth finds credentials for the host;
// "" if there is none.
func OtherAuthFile(host string) string {
	files := authFiles()
	for _, path := range files[min(1, len(files)):] {
		if c, err := fromFile(path, host, ""); err == nil && c != (Credentials{}) {
			return path
		}
	}
	return ""
}

// Verify asks the registry itself whether it takes c. A mirror is not asked. The
// error wraps errdefs' ErrUnauthenticated if it does not.
func Verify(ctx context.Context, host string, c Credentials, config Config) error {
	ctx, cancel := context.WithTimeout(ctx, loginTimeout)
	defer cancel()
	all, err := endpoints(host, config)
	if err != nil {
		return fmt.Errorf("log in to %s: %w", host, err)
	}
	i := slices.IndexFunc(all, func(e Endpoint) bool { return !e.Mirror })
	if i < 0 {
		return fmt.Errorf("%w: log in to %s: hosts.toml names mirrors alone", mctr.ErrInvalid, host)
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

// registry is the endpoint as the registry library names it.
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

// refusedLogin is describe with what a person who logs in can do.
func refusedLogin(err error) error {
	if err == nil {
		return nil
	}
	if status, ok := errors.AsType[*transport.Error](err); ok {
		switch status.StatusCode {
		case http.StatusUnauthorized, http.StatusForbidden:
			return fmt.Errorf("%w: incorrect username or password", errdefs.ErrUnauthenticated)
		case http.StatusNotFound:
			return fmt.Errorf("%w: it is not a registry: /v2/ is not there", mctr.ErrInvalid)
		}
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Errorf("%w: %w (is the name right?)", mctr.ErrUnavailable, err)
	}
	return describe(err)
}
