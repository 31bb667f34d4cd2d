package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	hostpkg "github.com/mctr/mctr/containerizer/host"
)

// TestEveryDoor requests the same container from the command line, an agent and the library, and checks
// that the specs are the same: all three have the same defaults.
func TestEveryDoor(t *testing.T) {
	h := newHost(t)
	h.env = []string{"MCTR_NETWORK="} // the default network, which other tests disable
	agent := h.agent()
	library := h.library()
	for name, door := range map[string]struct {
		flags  []string
		config mctr.ContainerConfig
	}{
		"nothing but a command": {},
		"no network":            {[]string{"--network", "none"}, mctr.ContainerConfig{Network: "none"}},
		"the host's network":    {[]string{"--network", "host"}, mctr.ContainerConfig{Network: "host"}},
		"limits": {[]string{"-m", "64m", "--cpus", "0.5", "--pids-limit", "20"}, mctr.ContainerConfig{
			Resources: mctr.Resources{
				Memory: mctr.Memory{Limit: new(int64(64 << 20))}, Pids: new(int64(20)),
				CPU: mctr.CPU{Quota: new(int64(50_000)), Period: new(uint64(100_000))},
			}}},
		"privileges": {[]string{"--cap-drop", "ALL", "--cap-add", "CHOWN", "--security-opt", "no-new-privileges"},
			mctr.ContainerConfig{Security: mctr.Security{
				CapAdd: []string{"CHOWN"}, CapDrop: []string{"ALL"}, NoNewPrivileges: true}}},
		"a read-only root": {[]string{"--read-only", "--shm-size", "1m"},
			mctr.ContainerConfig{ReadOnly: true, ShmSize: 1 << 20}},
		"probes and restarts": {[]string{"--restart", "on-failure:3", "--health-cmd", "true", "--health-interval",
			"5s"}, mctr.ContainerConfig{
			Restart: mctr.RestartPolicy{Name: mctr.RestartOnFailure, Max: 3},
			Health: &mctr.HealthCheck{
				Command: []string{"/bin/sh", "-c", "true"}, Interval: mctr.Duration(5 * time.Second)},
		}},
		"a user, a directory and an environment": {[]string{"-u", "1:2", "-w", "/tmp", "-e", "A=1", "--hostname",
			"box"}, mctr.ContainerConfig{Hostname: "box", Process: mctr.Process{
			User: "1:2", WorkingDir: "/tmp", Env: []string{"A=1"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			run := append(append([]string{"run", "--dry-run", "-q"}, door.flags...), h.image, "true")
			local := likened(t, []byte(h.want(0, run...).stdout))
			remote := likened(t, []byte(h.want(0, append([]string{"--agent", agent}, run...)...).stdout))
			config := door.config
			config.Image, config.Process.Args = h.image, []string{"true"}
			spec, err := library.DryRun(t.Context(), &config)
			if err != nil {
				t.Fatal(err)
			}
			data, err := json.Marshal(spec)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(local, remote); diff != "" {
				t.Errorf("command line and agent:\n%s", diff)
			}
			if diff := cmp.Diff(local, likened(t, data)); diff != "" {
				t.Errorf("command line and library:\n%s", diff)
			}
		})
	}
}

// library opens the containerizer of this host in the process of the test.
func (h *host) library() *containerizer.Containerizer {
	h.t.Helper()
	bin := filepath.Dir(program(h.t))
	h.t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	opened, err := hostOf(h, bin)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = opened.Close() })
	containers, err := opened.Containers(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return containers
}

func hostOf(h *host, bin string) (*hostpkg.Host, error) {
	return hostpkg.Open(hostpkg.Config{
		Root: h.root, State: h.state, CNIPluginDirs: []string{filepath.Join(bin, "cni")},
	})
}

var (
	hexadecimal = regexp.MustCompile(`[0-9a-f]{64}`)
	pinned      = regexp.MustCompile(`/cni/netns/[0-9a-f]{16}`)
	address     = regexp.MustCompile(`MESOS_CONTAINER_IP=[0-9.]+`)
)

// likened returns a spec without the parts that differ for each container: id, addresses and paths.
func likened(t *testing.T, data []byte) *specs.Spec {
	t.Helper()
	text := string(data)
	if id := hexadecimal.FindString(text); id != "" {
		text = strings.ReplaceAll(strings.ReplaceAll(text, id, "ID"), id[:12], "SHORT")
	}
	text = pinned.ReplaceAllString(address.ReplaceAllString(text, "MESOS_CONTAINER_IP=X"), "/cni/netns/X")
	spec := &specs.Spec{}
	if err := json.Unmarshal([]byte(text), spec); err != nil {
		t.Fatal(err, text)
	}
	return spec
}
