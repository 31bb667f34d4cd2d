package main

import (
	"strings"
	"testing"

	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

// TestConflicts checks that each pair of conflicting flags is refused with an error that names both.
func TestConflicts(t *testing.T) {
	h := newHost(t)
	h.want(0, "pull", "-q", h.image)
	h.want(0, "create", "--name", "box", h.image, "true")
	for _, c := range []struct {
		args []string
		says []string
	}{
		{[]string{"run", "--no-image", "--pull", "always", "true"}, []string{"--pull", "--no-image"}},
		{[]string{"create", "--no-image", "--platform", "linux/amd64", "true"}, []string{"--platform", "--no-image"}},
		{[]string{"run", "--no-image", "-P", "true"}, []string{"--publish-all", "--no-image"}},
		{[]string{"run", "--log-driver", "none", "--log-opt", "max-size=1m", h.image},
			[]string{"--log-opt", "--log-driver none"}},
		{[]string{"run", "-d", "--sig-proxy=false", h.image}, []string{"--sig-proxy", "--detach"}},
		{[]string{"run", "-d", "--detach-keys", "ctrl-a", h.image}, []string{"--detach-keys", "--detach"}},
		{[]string{"run", "--group", "nosuch.json", "-m", "1g"}, []string{"--memory", "--group"}},
		{[]string{"run", "--group", "nosuch.json", "--dry-run"}, []string{"--dry-run", "--group"}},
		{[]string{"run", "--rm", "--restart", "always", h.image}, []string{"restart policy", "--rm"}},
		{[]string{"run", "--network", "container:box", "-p", "80", h.image}, []string{"--publish"}},
		{[]string{"run", "--network", "host", "-P", h.image}, []string{"--publish"}},
		{[]string{"run", "--network", "none", "--add-host", "a:host-gateway", h.image},
			[]string{"--add-host", "--network none"}},
		{[]string{"run", "--network", "none", "--ip", "10.0.0.1", h.image}, []string{"--ip"}},
		{[]string{"run", "--network", "a", "--ip", "fd00::1", h.image}, []string{"--ip", "IPv4"}},
		{[]string{"run", "--network", "a", "--ip6", "10.0.0.1", h.image}, []string{"--ip6", "IPv6"}},
		{[]string{"run", "--network", "a:mac=02:00:00:00:00:01", "--mac-address", "02:00:00:00:00:02", h.image},
			[]string{"--mac-address", "mac="}},
		{[]string{"run", "--network", "container:box", "--sysctl", "net.ipv4.ip_forward=1", h.image},
			[]string{"--sysctl"}},
		{[]string{"exec", "-d", "-i", "box", "true"}, []string{"--interactive", "--detach"}},
		{[]string{"attach", "--no-stdin", "--detach-keys", "ctrl-a", "box"}, []string{"--detach-keys", "--no-stdin"}},
		{[]string{"ps", "-l", "-n", "2"}, []string{"--last", "--latest"}},
		{[]string{"stop", "-t", "1", "--timeout", "2", "box"}, []string{"--timeout", "--time"}},
		{[]string{"--agent-token-file", "x", "ps"}, []string{"--agent-token-file", "--agent"}},
	} {
		r := h.mctr(c.args...)
		if r.code != 1 && r.code != 125 || strings.Contains(r.stderr, "panic") {
			t.Errorf("%v: exit code %d: %s", c.args, r.code, r.stderr)
		}
		for _, word := range c.says {
			if !strings.Contains(r.stderr, word) {
				t.Errorf("%v: %q lacks %q", c.args, r.stderr, word)
			}
		}
	}
	h.want(0, "rm", "box")
}

// TestConflictsName checks that all flags in the table exist.
func TestConflictsName(t *testing.T) {
	root := command(&hostapi.Host{})
	for _, c := range flags.Conflicts {
		for _, name := range strings.Fields(c.Commands) {
			cmd, _, err := root.Find([]string{name})
			if err != nil {
				t.Fatal(err)
			}
			beside, _, _ := strings.Cut(c.Beside, "=")
			for _, flag := range []string{c.Flag, beside} {
				if cmd.Flags().Lookup(flag) == nil {
					t.Errorf("%s has no flag --%s", name, flag)
				}
			}
		}
	}
}
