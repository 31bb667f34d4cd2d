package puller

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// serverName returns the host that serves a registry.
func serverName(registry string) string {
	if registry == "docker.io" || registry == "index.docker.io" {
		return "registry-1.docker.io"
	}
	return registry
}

// endpoints returns the servers to ask for a registry's content, in the order of preference.
func endpoints(registry string, c Config) ([]Endpoint, error) {
	for _, root := range c.HostsDirs {
		for _, name := range hostDirs(registry) {
			dir := filepath.Join(root, name)
			all, err := fromHostsDir(dir, registry)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", dir, err)
			}
			if all != nil {
				return c.allowPlain(all), nil
			}
		}
	}
	u := &url.URL{Scheme: "https", Host: serverName(registry), Path: "/v2"}
	return c.allowPlain([]Endpoint{{URL: u, Either: isLoopback(u.Hostname()), Pull: true, Resolve: true}}), nil
}

// allowPlain permits plain HTTP to the hosts that c lists for it.
func (c Config) allowPlain(all []Endpoint) []Endpoint {
	for i, e := range all {
		all[i].Either = e.Either || slices.Contains(c.PlainHTTP, e.URL.Host)
	}
	return all
}

// hostDirs returns the names of the directories that may configure a registry. A port may be
// written host_port_ because some tools do not allow colons in file names.
func hostDirs(registry string) []string {
	names := []string{registry}
	if host, port, err := net.SplitHostPort(registry); err == nil {
		names = []string{host + "_" + port + "_", registry}
	}
	return append(names, "_default")
}

// fromHostsDir reads hosts.toml or, as docker does, a directory of certificates without that file.
// It returns nil if the directory has neither.
func fromHostsDir(dir, registry string) ([]Endpoint, error) {
	data, err := os.ReadFile(filepath.Join(dir, "hosts.toml"))
	if err == nil {
		return ParseHosts(data, dir, registry)
	}
	if !errors.Is(err, os.ErrNotExist) && !errors.Is(err, os.ErrPermission) {
		return nil, err
	}
	e := Endpoint{URL: &url.URL{Scheme: "https", Host: serverName(registry), Path: "/v2"}, Pull: true, Resolve: true}
	if e.CA, err = filepath.Glob(filepath.Join(dir, "*.crt")); err != nil {
		return nil, err
	}
	certs, err := filepath.Glob(filepath.Join(dir, "*.cert"))
	for _, cert := range certs {
		e.Client = append(e.Client, [2]string{cert, strings.TrimSuffix(cert, ".cert") + ".key"})
	}
	if err != nil || len(e.CA)+len(e.Client) == 0 {
		return nil, err
	}
	return []Endpoint{e}, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}
