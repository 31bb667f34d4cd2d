package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/client"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/logs"
	"github.com/mctr/mctr/provisioner"
)

// pretend returns a client of an agent that gives every call the same answer.
func pretend(t *testing.T, code int, body string) *client.Client {
	t.Helper()
	dir, err := os.MkdirTemp("", "mctr")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body))
	}))
	_ = server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	c, err := client.New(client.Options{Address: "unix://" + socket})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// everything makes one call of each kind.
func everything(ctx context.Context, c *client.Client) map[string]error {
	errs := map[string]error{}
	_, errs["Status"] = c.Status(ctx, "a")
	_, errs["Wait"] = c.Wait(ctx, "a")
	_, errs["Resolve"] = c.Resolve(ctx, "a")
	errs["Logs"] = c.Logs(ctx, "a", logs.ReadOptions{Follow: true, Tail: -1}, func(logs.Entry) error { return nil })
	_, errs["Exec"] = c.Exec(ctx, "a", containerizer.Exec{Args: []string{"x"}})
	_, errs["Attach"] = c.Attach(ctx, "a", wire.Attach{Output: true})
	_, errs["Pull"] = c.Images().Pull(ctx, "debian", provisioner.PullOptions{})
	_, errs["Inspect"] = c.Images().Inspect(ctx, "debian")
	return errs
}

// TestBadAgent checks that a malformed answer is an error, and does not crash the client.
func TestBadAgent(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for _, c := range []struct {
		code int
		body string
	}{
		{200, "hello"}, {200, "{"}, {200, `{"type":1}`},
		{200, `{"inspect_container":5,"wait_container":[],"find_container":"x"}`}, {200, "99999999999\n"},
		{200, "10\n{"},
		{200, "2\nxx"}, {500, "oops"}, {500, `{"error":null}`},
		{404, `{"error":{"kind":"not-found","message":"gone"}}`}, {503, `{"error":{"message":"later"}}`}, {202, ""},
		{302, ""},
		{200, `{"inspect_container":{},"wait_container":{},"find_container":{},"inspect_image":{}}`},
	} {
		for call, err := range everything(ctx, pretend(t, c.code, c.body)) {
			if err == nil {
				t.Errorf("%d %s: %s succeeded", c.code, c.body, call)
			}
			if c.code == 404 && !errors.Is(err, mctr.ErrNotFound) ||
				c.code == 503 && !errors.Is(err, mctr.ErrUnavailable) ||
				c.code == 202 && !errors.Is(err, mctr.ErrExists) {
				t.Errorf("%d: %s: %v", c.code, call, err)
			}
		}
	}
}

// TestOlderAgent checks that the error for an unknown call or field names the agent's build, and that
// other errors do not.
func TestOlderAgent(t *testing.T) {
	for message, older := range map[string]bool{
		`invalid argument: launch_container: invalid argument: json: unknown field "gravity"`: true,
		`invalid argument: no call of type "DANCE"`:                                           true,
		`invalid argument: a call of type WAIT_CONTAINER has no "music"`:                      true,
		"invalid argument: memory: -2":                                                        false,
	} {
		body, err := json.Marshal(map[string]any{
			"error":       wire.Error{Kind: "invalid", Message: message},
			"get_version": map[string]any{"version_info": map[string]any{"version": "v0.1", "git_sha": "abc"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		c := pretend(t, 400, string(body))
		_, called := c.Status(t.Context(), "a")
		_, streamed := c.Exec(t.Context(), "a", containerizer.Exec{Args: []string{"x"}})
		for _, err := range []error{called, streamed} {
			blamed := err != nil && strings.Contains(err.Error(), "(v0.1, commit abc) does not understand it") &&
				strings.Contains(err.Error(), "mctr-agent at unix://")
			if !errors.Is(err, mctr.ErrInvalid) || blamed != older || !strings.Contains(err.Error(), message) {
				t.Errorf("%s: got %v", message, err)
			}
		}
	}
}

func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"": "want unix", "unix://": "want unix", "http://a:1": "want unix", "tcp://a": "port",
		"tcp://192.0.2.1:5051": "TLS", "tcp://example.test:5051": "TLS",
	} {
		if _, err := client.New(client.Options{Address: address}); !errors.Is(err, mctr.ErrInvalid) ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", address, err, want)
		}
	}
	for _, address := range []string{"unix:///x", "tcp://127.0.0.1:1", "tcp://localhost:1", "tcp://[::1]:1"} {
		if _, err := client.New(client.Options{Address: address}); err != nil {
			t.Errorf("%q: %v", address, err)
		}
	}
	c, err := client.New(client.Options{Address: "unix:///no/such/agent.sock"})
	if err != nil {
		t.Fatal(err)
	}
	for call, err := range everything(t.Context(), c) {
		if !errors.Is(err, mctr.ErrUnavailable) || !strings.Contains(err.Error(), "is mctr-agent running there") {
			t.Errorf("%s without an agent: %v", call, err)
		}
	}
}
