package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/agent/api"
)

// TestHangUp checks that an agent keeps running after SIGHUP, and reports invalid files.
func TestHangUp(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(strings.Repeat("a", 64)), 0o600); err != nil {
		t.Fatal(err)
	}
	h := newHost(t, "--token-file", token)
	h.call(200, api.GetVersion, nil, nil)
	for _, text := range []string{strings.Repeat("b", 64), "short"} {
		if err := os.WriteFile(token, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := h.cmd.Process.Signal(unix.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	h.eventually("it says what is wrong", func() bool {
		log := h.log.String()
		return strings.Contains(log, "read certificates and tokens again") &&
			strings.Contains(log, "one token of at least")
	})
	h.call(200, api.GetVersion, nil, nil)
}

// TestDeadNotifySocket checks that an agent serves even if the socket of systemd does not work.
func TestDeadNotifySocket(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "nobody"))
	t.Setenv("WATCHDOG_USEC", "100000")
	h := newHost(t)
	h.call(200, api.GetVersion, nil, nil)
	h.eventually("it is logged", func() bool { return strings.Contains(h.log.String(), "notify systemd") })
	h.call(200, api.GetVersion, nil, nil)
	if n := strings.Count(h.log.String(), "notify systemd"); n != 1 {
		t.Errorf("it is logged %d times", n)
	}
}

// TestEveryErrorIsJSON checks that every error has the same form, whatever the request.
func TestEveryErrorIsJSON(t *testing.T) {
	h := newHost(t)
	for _, c := range []struct {
		method, path string
		code         int
	}{
		{http.MethodGet, "/nosuch", 404}, {http.MethodGet, "/", 404}, {http.MethodGet, api.Path, 405},
		{http.MethodPut, api.Path, 405},
		{http.MethodPost, "/healthz", 405}, {http.MethodDelete, "/metrics", 405}, {http.MethodPost, "/files/read", 405},
		{http.MethodGet, "/files/read?path=/nosuch", 404}, {http.MethodGet, "/files/browse?path=/nosuch", 404},
		{http.MethodPost, api.Path, 400},
	} {
		r, err := http.NewRequestWithContext(t.Context(), c.method, "http://agent"+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := h.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if media := answer.Header.Get("Content-Type"); answer.StatusCode != c.code || media != api.JSON {
			t.Errorf("%s %s: %d, %s; want %d, %s", c.method, c.path, answer.StatusCode, media, c.code, api.JSON)
		}
		_ = answer.Body.Close()
	}
}
