package puller

import (
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/mctr/mctr"
)

// An Endpoint is one server to ask for a registry's content.
type Endpoint struct {
	URL        *url.URL // scheme, host and the path that replaces /v2
	Either     bool     // TLS is tried first, then plain HTTP; else only the URL's scheme
	Resolve    bool     // it may resolve tags
	Pull       bool     // it may serve content by digest
	Mirror     bool     // it mirrors another registry, which requests name as ?ns=
	SkipVerify bool     // its certificate is not checked
	CA         []string // certificate files to trust in addition to the system's
	Client     [][2]string
	Header     http.Header
}

// hostFile is the content of hosts.toml.
type hostFile struct {
	Server string              `toml:"server"`
	Host   map[string]hostRule `toml:"host"`
	hostRule
}

type hostRule struct {
	Capabilities []string       `toml:"capabilities"`
	CA           any            `toml:"ca"`
	Client       any            `toml:"client"`
	SkipVerify   bool           `toml:"skip_verify"`
	Header       map[string]any `toml:"header"`
	OverridePath bool           `toml:"override_path"`
}

// ParseHosts parses the hosts.toml of dir, for registry. It returns the endpoints in the order of
// the file, the server last.
func ParseHosts(data []byte, dir, registry string) ([]Endpoint, error) {
	var f hostFile
	if err := toml.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("%w: parse hosts.toml: %w", mctr.ErrInvalid, err)
	}
	var all []Endpoint
	for _, name := range hostOrder(data) {
		rule, ok := f.Host[name]
		if !ok {
			continue
		}
		e, err := rule.endpoint(name, dir)
		if err != nil {
			return nil, fmt.Errorf("hosts.toml: host %.100q: %w", name, err)
		}
		e.Mirror = e.URL.Host != serverName(registry)
		all = append(all, e)
	}
	if f.Server == "" {
		f.Server = "https://" + serverName(registry)
	}
	e, err := f.hostRule.endpoint(f.Server, dir)
	if err != nil {
		return nil, fmt.Errorf("hosts.toml: server %.100q: %w", f.Server, err)
	}
	return append(all, e), nil
}

// hostOrder returns the hosts in the order of the file, which a map does not keep.
func hostOrder(data []byte) []string {
	var p unstable.Parser
	p.Reset(data)
	var order []string
	seen := map[string]bool{}
	for p.NextExpression() {
		e := p.Expression()
		if e.Kind != unstable.Table && e.Kind != unstable.KeyValue {
			continue
		}
		var key []string
		for k := e.Key(); k.Next(); {
			key = append(key, string(k.Node().Data))
		}
		if len(key) >= 2 && key[0] == "host" && !seen[key[1]] {
			seen[key[1]] = true
			order = append(order, key[1])
		}
	}
	return order
}

func (r hostRule) endpoint(server, dir string) (Endpoint, error) {
	e := Endpoint{SkipVerify: r.SkipVerify, Header: http.Header{}}
	var err error
	if e.URL, err = parseServer(server, r.OverridePath); err != nil {
		return e, err
	}
	if err := e.allow(r.Capabilities); err != nil {
		return e, err
	}
	if e.CA, err = paths(r.CA, dir); err != nil {
		return e, fmt.Errorf("ca: %w", err)
	}
	if e.Client, err = clientPairs(r.Client, dir); err != nil {
		return e, fmt.Errorf("client: %w", err)
	}
	for key, value := range r.Header {
		lines, err := texts(value)
		if err != nil {
			return e, fmt.Errorf("header %.80q: %w", key, err)
		}
		for _, line := range lines {
			e.Header.Add(key, line)
		}
	}
	return e, nil
}

// parseServer parses the URL of a server; the default scheme is https. It appends /v2 to the path
// unless the file overrides the path.
func parseServer(s string, override bool) (*url.URL, error) {
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return nil, fmt.Errorf("%w: want http(s)://host[:port][/path]", mctr.ErrInvalid)
	}
	path := strings.TrimSuffix(u.Path, "/")
	if !override && !strings.HasSuffix(path, "/v2") {
		path += "/v2"
	}
	return &url.URL{Scheme: u.Scheme, Host: serverName(u.Host), Path: path}, nil
}

func (e *Endpoint) allow(capabilities []string) error {
	if capabilities == nil {
		e.Pull, e.Resolve = true, true
	}
	for _, c := range capabilities {
		switch strings.ToLower(c) {
		case "pull":
			e.Pull = true
		case "resolve":
			e.Resolve = true
		case "push", "referrers":
		default:
			return fmt.Errorf("%w: unknown capability %.80q", mctr.ErrInvalid, c)
		}
	}
	return nil
}

// texts converts a string or a list of strings.
func texts(v any) ([]string, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		return []string{v}, nil
	case []any:
		var all []string
		for _, item := range v {
			s, ok := item.(string)
			if !ok {
				return nil, fmt.Errorf("%w: want strings", mctr.ErrInvalid)
			}
			all = append(all, s)
		}
		return all, nil
	}
	return nil, fmt.Errorf("%w: want a string or a list of strings", mctr.ErrInvalid)
}

// paths converts a file name or a list of them; relative names are relative to dir.
func paths(v any, dir string) ([]string, error) {
	all, err := texts(v)
	for i, p := range all {
		if !filepath.IsAbs(p) {
			all[i] = filepath.Join(dir, p)
		}
	}
	return all, err
}

// clientPairs converts client certificates: one file with certificate and key, a list of such
// files, or a list of [certificate, key].
func clientPairs(v any, dir string) ([][2]string, error) {
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		list = []any{v}
	}
	var pairs [][2]string
	for _, item := range list {
		p, err := paths(item, dir)
		switch {
		case err != nil:
			return nil, err
		case len(p) == 1:
			pairs = append(pairs, [2]string{p[0], p[0]})
		case len(p) == 2:
			pairs = append(pairs, [2]string{p[0], p[1]})
		case len(p) > 2:
			return nil, fmt.Errorf("%w: want [certificate, key]", mctr.ErrInvalid)
		}
	}
	return pairs, nil
}
