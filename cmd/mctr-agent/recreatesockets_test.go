package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestStateLost deletes or hides everything in STATE while an agent serves. Then clients must reach the
// agent again, and a second agent with its name must be refused.
func TestStateLost(t *testing.T) {
	for name, lose := range map[string]func(t *testing.T, state string){
		"deleted": func(t *testing.T, state string) {
			entries, err := os.ReadDir(state)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				_ = os.RemoveAll(filepath.Join(state, e.Name())) // mount points cannot be removed
			}
		},
		"hidden": func(t *testing.T, state string) {
			if err := unix.Mount("tmpfs", state, "tmpfs", 0, "mode=711"); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = unix.Unmount(state, unix.MNT_DETACH) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			lose(t, h.state)
			h.client.CloseIdleConnections()
			h.eventually("the agent serves again", func() bool { // and reports that it is not healthy
				answer, err := h.client.Get("http://agent/healthz")
				return err == nil && answer.Body.Close() == nil
			})
			info, err := os.Stat(h.socket())
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("its socket: %v, %v", info, err)
			}
			if out, err := h.command().CombinedOutput(); err == nil ||
				!strings.Contains(string(out), `an agent called "agent" serves`) {
				t.Errorf("a second agent: %v: %s", err, out)
			}
			h.stop()
			if _, err := os.Stat(h.socket()); err == nil {
				t.Error("the socket stays behind the agent")
			}
		})
	}
}
