package testbed

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// AddNetwork configures a CNI network of Calico for the host's mctr. The plugin supports CNI up to
// 1.0.0, and would by default log below the /var/log of the real machine.
func (h *Host) AddNetwork(name string) {
	h.t.Helper()
	plugin := h.tls.plugin()
	plugin["type"], plugin["nodename"], plugin["ipam"] = "calico", h.Name, map[string]string{"type": "calico-ipam"}
	plugin["log_level"], plugin["log_file_path"] = "info", filepath.Join(h.Dir, "cni.log")
	list, err := json.Marshal(map[string]any{"cniVersion": "1.0.0", "name": name, "plugins": []any{plugin}})
	if err != nil {
		h.t.Fatal(err)
	}
	if err := os.MkdirAll(h.networks(), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.networks(), name+".conflist"), list, 0o644); err != nil {
		h.t.Fatal(err)
	}
}

func (h *Host) networks() string { return filepath.Join(h.Dir, "net.d") }

// TryMctr runs mctr on the host, with the host's directories.
func (h *Host) TryMctr(args ...string) (string, error) { return h.mctr(h.environment(), args) }

// mctr runs mctr with a short timeout for plugins that wait for etcd, which the supervisor
// inherits.
func (h *Host) mctr(env, args []string) (string, error) {
	return h.Try(env, filepath.Join(h.programs.Mctr, "mctr"), append([]string{"--cni-timeout", "5s"}, args...)...)
}

// Mctr is TryMctr that must succeed. It trims space around the output.
func (h *Host) Mctr(args ...string) string {
	h.t.Helper()
	out, err := h.TryMctr(args...)
	if err != nil {
		h.t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// KillMctr runs mctr, which is killed at a failpoint.
func (h *Host) KillMctr(point string, args ...string) {
	h.t.Helper()
	env := append(h.environment(), "MCTR_FAILPOINTS="+point+"=kill")
	if out, err := h.mctr(env, args); err == nil {
		h.t.Fatalf("mctr %s ended before %s: %s", strings.Join(args, " "), point, out)
	}
}

// clear removes all containers, including those of a failed test, and waits until their supervisors
// have ended, because control groups would outlive the machine.
func (h *Host) clear() {
	if ids := strings.Fields(h.Mctr("ps", "-aq", "--no-trunc")); len(ids) > 0 {
		h.Mctr(append([]string{"rm", "-f"}, ids...)...)
	}
	Eventually(h.t, h.Name+" has no control groups", func() error {
		_, err := h.TryMctr("reconcile")
		if left := controlGroups(h.state()); err == nil && len(left) > 0 {
			err = errors.New(strings.Join(left, ", "))
		}
		return err
	})
}

func (h *Host) environment() []string {
	return []string{
		"MCTR_ROOT=" + filepath.Join(h.Dir, "root"), "MCTR_STATE=" + h.state(),
		"MCTR_CNI_CONFIG_DIR=" + h.networks(), "MCTR_CNI_PLUGIN_DIR=" + h.programs.Calico,
	}
}

func (h *Host) state() string { return filepath.Join(h.Dir, "state") }
