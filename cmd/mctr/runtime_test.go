package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mctr/mctr/internal/cgroup"
)

// TestRuntimes runs a container through its life with each OCI runtime.
func TestRuntimes(t *testing.T) {
	for _, name := range []string{"runc", "crun"} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			runtime := runtimeFor(t, name)
			h.lifeWith(runtime)
			h.endsWith(runtime)
			h.restartsWith(runtime)
		})
	}
}

// runtimeFor returns the program to run for a runtime. On a host with controllers on both cgroup v1 and
// v2, which crun refuses, the program hides v2 from crun.
func runtimeFor(t *testing.T, name string) string {
	t.Helper()
	if name != "crun" || !hybrid() {
		return name
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(t.TempDir(), name)
	text := "#!/bin/sh\nexec unshare --mount sh -c 'umount /sys/fs/cgroup/unified && exec " + path +
		" \"$@\"' sh \"$@\"\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return script
}

// lifeWith tests a long-running container: exec, logs, limits, signals.
func (h *host) lifeWith(runtime string) {
	h.t.Helper()
	const script = `echo out; echo err >&2; trap "exit 9" TERM; while :; do sleep 0.05; done`
	h.want(0, "run", "-q", "-d", "--name", "web", "--runtime", runtime, "--memory", "64m", h.image, "sh", "-c", script)
	path := strings.TrimSpace(h.want(0, "inspect", "-f", "{{.Mctr.Config.Runtime}}", "web").stdout)
	if !filepath.IsAbs(path) || filepath.Base(path) != filepath.Base(runtime) {
		h.t.Errorf("the record names %q, want %s by its path", path, runtime)
	}
	h.limitedTo("67108864")
	if r := h.want(6, "exec", "web", "sh", "-c", "echo inside; exit 6"); r.stdout != "inside\n" {
		h.t.Errorf("exec: %+v", r)
	}
	h.want(127, "exec", "web", "nosuch")
	h.want(126, "exec", "web", "/etc")
	h.eventually("the output is in the log", func() bool {
		r := h.mctr("logs", "web")
		return r.stdout == "out\n" && r.stderr == "err\n"
	})
	h.want(0, "kill", "-s", "TERM", "web")
	if r := h.want(0, "wait", "web"); r.stdout != "9\n" {
		h.t.Errorf("wait: %+v", r)
	}
	h.want(0, "rm", "web")
}

// limitedTo reads the memory limit of the only container from the kernel.
func (h *host) limitedTo(want string) {
	h.t.Helper()
	id := strings.TrimSpace(h.want(0, "ps", "-q", "--no-trunc").stdout)
	controller, file := "memory", "memory.limit_in_bytes"
	if cgroup.Unified() {
		controller, file = "", "memory.max"
	}
	got, err := os.ReadFile(filepath.Join(cgroup.Dir(controller, h.groupOf(id)), file))
	if err != nil || strings.TrimSpace(string(got)) != want {
		h.t.Errorf("%s: %q, %v; want %s", file, got, err, want)
	}
}

// endsWith tests each way in which a container can end.
func (h *host) endsWith(runtime string) {
	h.t.Helper()
	for _, c := range []struct {
		code int
		args []string
	}{
		{0, []string{h.image, "true"}},
		{7, []string{h.image, "sh", "-c", "exit 7"}},
		{137, []string{"--init", h.image, "sh", "-c", "kill -9 $$"}},
		{126, []string{h.image, "/etc"}},
		{127, []string{h.image, "nosuch"}},
		// the shim adopts orphans
		{3, []string{"--pid", "host", h.image, "sh", "-c", "sleep 0.01 & sleep 100 & exit 3"}},
		{137, []string{"-m", "16m", h.image, "sh", "-c", "exec tail /dev/zero"}},
	} {
		h.want(c.code, append([]string{"run", "--rm", "-q", "--runtime", runtime}, c.args...)...)
	}
	if r := h.want(0, "run", "--rm", "-q", "-t", "--runtime", runtime, h.image, "sh", "-c",
		"test -t 0 && echo one"); !strings.HasPrefix(r.stdout, "one") {
		h.t.Errorf("a terminal: %+v", r)
	}
}

// restartsWith starts containers that another process has created with a runtime.
func (h *host) restartsWith(runtime string) {
	h.t.Helper()
	h.want(0, "create", "--name", "later", "--runtime", runtime, h.image, "sh", "-c", "sleep 100")
	h.want(0, "start", "later")
	id := strings.TrimSpace(h.want(0, "ps", "-q", "--no-trunc").stdout)
	if _, err := os.Stat(filepath.Join(h.root, "containers", id, "engine", id, "state")); err != nil {
		h.t.Errorf("the runtime's state: %v", err)
	}
	h.want(0, "rm", "-f", "later")
}
