package puller

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mctr/mctr"
)

// TestGuardDial: whatever the DNS answers, only hosts that the operator named may have local
// addresses.
func TestGuardDial(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	endpoint := func(host string) []Endpoint { return []Endpoint{{URL: &url.URL{Host: host}}} }
	foreign := newAddressGuard("registry.test", endpoint("registry.test"))
	foreign.resolver = resolver(t)
	for name := range names {
		host := strings.TrimSuffix(name, ".")
		for _, spelled := range []string{host, strings.ToUpper(host), name} {
			if _, err := foreign.dial(t.Context(), "tcp",
				net.JoinHostPort(spelled, port)); !errors.Is(err, mctr.ErrInvalid) {
				t.Errorf("%s: %v, want a refusal", spelled, err)
			}
		}
	}
	for _, literal := range []string{"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::",
		"169.254.169.254", "localhost"} {
		if _, err := foreign.dial(t.Context(), "tcp",
			net.JoinHostPort(literal, port)); !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("%s: %v, want a refusal", literal, err)
		}
	}
	for _, c := range []struct {
		registry, mirror, ask string
		ok                    bool
	}{
		{"loop.test", "loop.test", "loop.test", true},
		{"Loop.test:5000", "mirror.test", "loop.test", true},
		{"registry.test", "loop.test:5000", "loop.test", true},
		{"localhost:5000", "localhost:5000", "127.0.0.1", true},
		{"127.0.0.1:5000", "127.0.0.1:5000", "loop.test", false},
		{"localhost", "localhost", "loop.test", false},
	} {
		g := newAddressGuard(c.registry, endpoint(c.mirror))
		g.resolver = foreign.resolver
		conn, err := g.dial(t.Context(), "tcp", net.JoinHostPort(c.ask, port))
		if (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
		if err == nil {
			_ = conn.Close()
		}
	}
}

// evil is a registry that directs its clients to another server.
type evil struct {
	*httptest.Server
	asked, shown atomic.Int32 // requests to the other server
	other        *httptest.Server
}

// newEvil returns a registry that directs clients to the other server, called host, in the way how.
func newEvil(t *testing.T, host, how string) *evil {
	t.Helper()
	e := &evil{}
	e.other = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.asked.Add(1)
		if carriesCredentials(r) {
			e.shown.Add(1)
		}
		fmt.Fprint(w, `{"token":"t"}`)
	}))
	t.Cleanup(e.other.Close)
	_, port, _ := net.SplitHostPort(e.other.Listener.Addr().String())
	to := "http://" + net.JoinHostPort(host, port) + "/x"
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case how == "realm" || how == "token redirect" && r.URL.Path != "/token":
			realm := to
			if how == "token redirect" {
				realm = e.URL + "/token"
			}
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm=%q,service="s"`, realm))
			w.WriteHeader(http.StatusUnauthorized)
		case how == "redirect" && r.URL.Path != "/v2/", how == "token redirect":
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
		}
	}))
	t.Cleanup(e.Close)
	return e
}

// pull requests a manifest from e, with a password or an identity token.
func (e *evil) pull(t *testing.T, c Credentials, set func(*connections)) error {
	t.Helper()
	r, err := Parse(strings.TrimPrefix(e.URL, "http://") + "/image:v1")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(r, Config{Auth: func(string, string) (Credentials, error) { return c, nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, p := range s.(*registry).peers {
		set(p.base)
	}
	_, _, err = s.Resolve(context.Background())
	return err
}

// TestSentElsewhere: a registry cannot direct its clients to this host, or get credentials for
// another server, in any way.
func TestSentElsewhere(t *testing.T) {
	password, identity := Credentials{Username: "u", Password: "p"}, Credentials{IdentityToken: "i"}
	dns := resolver(t)
	for _, c := range []struct {
		host, how string
		creds     Credentials
	}{
		{"loop.test", "realm", password}, {"loop.test", "realm", identity}, {"loop.test", "realm", Credentials{}},
		{"loop.test", "redirect", password}, {"loop.test", "token redirect", password},
		{"loop.test", "token redirect", identity},
		{"localhost", "token redirect", identity},
	} {
		e := newEvil(t, c.host, c.how)
		err := e.pull(t, c.creds, func(b *connections) { b.guard.resolver = dns })
		if asked := e.asked.Load(); asked > 0 && c.host != "localhost" || e.shown.Load() > 0 {
			t.Errorf("%+v: the other server was asked %d times, %d with credentials", c, asked, e.shown.Load())
		}
		if !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("%+v: %v, want a refusal", c, err)
		}
	}
}

// TestSentElsewhereByProxy: if a proxy connects, names are checked before it is asked, and
// credentials go only to the registry's own domain.
func TestSentElsewhereByProxy(t *testing.T) {
	dns := resolver(t)
	for _, c := range []struct {
		host, how string
		creds     Credentials
		asked     bool
	}{
		{"loop.test", "realm", Credentials{Username: "u", Password: "p"}, false},
		{"loop.test", "realm", Credentials{}, false},
		{"cloud.test", "redirect", Credentials{}, false},
		{"localhost", "redirect", Credentials{}, true}, // the registry is on loopback
		{"169.254.169.254", "redirect", Credentials{}, false},
		{"far.example", "realm", Credentials{Username: "u", Password: "p"}, false},
		{"far.example", "realm", Credentials{}, true},
		{"far.example", "redirect", Credentials{Username: "u", Password: "p"}, true},
	} {
		e := newEvil(t, c.host, c.how)
		at, err := url.Parse(e.other.URL)
		if err != nil {
			t.Fatal(err)
		}
		err = e.pull(t, c.creds, func(b *connections) {
			b.guard.resolver = dns
			b.proxy = func(req *http.Request) (*url.URL, error) {
				if req.URL.Host == strings.TrimPrefix(e.URL, "http://") {
					return nil, nil
				}
				return at, nil
			}
		})
		if asked := e.asked.Load() > 0; asked != c.asked || e.shown.Load() > 0 {
			t.Errorf("%+v: asked: %v, with credentials: %d: %v", c, asked, e.shown.Load(), err)
		}
	}
	g := newAddressGuard("docker.io",
		[]Endpoint{{URL: &url.URL{Host: "registry-1.docker.io"}}, {URL: &url.URL{Host: "registry.gitlab.com"}}})
	for host, want := range map[string]bool{
		"auth.docker.io": true, "AUTH.docker.io": true, "gitlab.com": true, "evil-docker.io": false, "com": false,
		"x.com": false, "docker.io.evil.com": false,
	} {
		if got := g.related(host); got != want {
			t.Errorf("related(%s): %v", host, got)
		}
	}
}
