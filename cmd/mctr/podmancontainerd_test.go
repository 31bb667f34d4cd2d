package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/cgroup"
)

// ociProgram returns the path of mctr-oci for the callers.
func ociProgram(t *testing.T) string {
	t.Helper()
	link := filepath.Join(t.TempDir(), "mctr-oci")
	if err := os.Symlink(filepath.Join(filepath.Dir(program(t)), "mctr-shim"), link); err != nil {
		t.Fatal(err)
	}
	return link
}

// rooted returns a program that runs mctr-oci with --root, because podman's clean-up of a container
// omits the flags for the runtime.
func rooted(t *testing.T, root string) string {
	t.Helper()
	script := filepath.Join(t.TempDir(), "mctr-oci-rooted")
	text := fmt.Sprintf("#!/bin/sh\nexec %s --root %s \"$@\"\n", ociProgram(t), root)
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return script
}

// A caller is a program that uses mctr-oci, with its global flags.
type caller struct {
	*host
	argv []string
}

func (c *caller) want(code int, args ...string) result {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	r := c.finish(execCommand(ctx, append(c.argv[:len(c.argv):len(c.argv)], args...)...))
	if r.code != code {
		c.t.Fatalf("%s %s: exit code %d, want %d: %s%s", c.argv[0], strings.Join(args, " "), r.code, code, r.stdout,
			r.stderr)
	}
	return r
}

// wantNoGroup checks that the control group of the caller is empty, and removes it.
func (c *caller) wantNoGroup(group string) {
	c.t.Helper()
	if pids, err := cgroup.Pids(group); err != nil || len(pids) > 0 {
		c.t.Errorf("processes are left: %v, %v", pids, err)
	}
	if err := cgroup.Remove(group); err != nil {
		c.t.Error(err)
	}
}

// wantNoState checks that the root of the runtime has only the cache.
func (c *caller) wantNoState(dir string) {
	c.t.Helper()
	for _, path := range entries(dir) {
		if filepath.Base(path) != "~seccomp" {
			c.t.Errorf("state is left: %s", path)
		}
	}
}

// TestPodman runs containers with podman, conmon and mctr-oci.
func TestPodman(t *testing.T) {
	h := newHost(t)
	dir := t.TempDir()
	state, group := filepath.Join(dir, "oci"), fmt.Sprintf("/mctr-podman-%d", os.Getpid())
	store := filepath.Join(dir, "root")
	podman := &caller{h,
		[]string{"podman", "--root", store, "--runroot", filepath.Join(dir, "run"), "--tmpdir",
			filepath.Join(dir, "tmp"), "--cgroup-manager=cgroupfs", "--events-backend=none", "--runtime",
			rooted(t, state)}}
	// podman bind-mounts it onto itself
	t.Cleanup(func() { _ = unix.Unmount(filepath.Join(store, "overlay"), unix.MNT_DETACH) })
	h.want(0, "image", "unpack", "-q", h.image, filepath.Join(dir, "bundle"))
	tar := filepath.Join(dir, "rootfs.tar")
	if out, err := execCommand(t.Context(), "tar", "-C", filepath.Join(dir, "bundle/rootfs"), "-cf", tar,
		".").CombinedOutput(); err != nil {
		t.Fatalf("tar: %v: %s", err, out)
	}
	podman.want(0, "import", "-q", tar, "localhost/busybox:1")
	// podman's own limits are above what a root without CAP_SYS_RESOURCE may set.
	flags := []string{"--network=none", "--cgroup-parent=" + group, "--ulimit", "nofile=1024:1024", "--ulimit",
		"nproc=1000:1000"}
	run := func(code int, args ...string) result {
		return podman.want(code, append(append([]string{"run"}, flags...), args...)...)
	}
	if r := run(5, "--rm", "localhost/busybox:1", "sh", "-c", "echo hello; exit 5"); r.stdout != "hello\n" {
		t.Errorf("run: %+v", r)
	}
	run(127, "--rm", "localhost/busybox:1", "/nosuch")
	run(0, "--rm", "-t", "localhost/busybox:1", "sh", "-c", "test -t 0")
	run(0, "-d", "--name", "web", "--memory", "64m", "localhost/busybox:1", "sh", "-c", "echo started; exec sleep 1000")
	h.eventually("its output is in the log", func() bool { return podman.want(0, "logs", "web").stdout == "started\n" })
	if r := podman.want(9, "exec", "web", "sh", "-c", "echo inside; exit 9"); r.stdout != "inside\n" {
		t.Errorf("exec: %+v", r)
	}
	if r := podman.want(0, "stats", "--no-stream", "--format", "{{.MemUsage}}",
		"web"); !strings.Contains(r.stdout, "67.11MB") {
		t.Errorf("stats: %+v", r)
	}
	podman.want(0, "pause", "web")
	podman.want(0, "unpause", "web")
	podman.want(0, "kill", "web")
	if r := podman.want(0, "wait", "web"); r.stdout != "137\n" {
		t.Errorf("wait: %+v", r)
	}
	podman.want(0, "rm", "web")
	podman.wantNoGroup(group)
	podman.wantNoState(state)
}

// TestContainerd runs containers with containerd, its shim and mctr-oci.
func TestContainerd(t *testing.T) {
	h := newHost(t)
	dir := t.TempDir()
	namespace := fmt.Sprintf("mctr-containerd-%d", os.Getpid())
	socket := startContainerd(t, dir)
	ctr := &caller{h, []string{"ctr", "--address", socket, "--namespace", namespace}}
	h.eventually("containerd answers", func() bool {
		return execCommand(t.Context(), "ctr", "--address", socket, "version").Run() == nil
	})
	h.want(0, "image", "unpack", "-q", h.image, filepath.Join(dir, "bundle"))
	rootfs, state := filepath.Join(dir, "bundle/rootfs"), filepath.Join(dir, "oci")
	run := func(code int, flags []string, args ...string) result {
		argv := append([]string{"run", "--runc-binary", ociProgram(t), "--runc-root", state}, flags...)
		return ctr.want(code, append(append(argv, "--rootfs", rootfs), args...)...)
	}
	if r := run(6, []string{"--rm"}, "one", "/bin/sh", "-c", "echo hello; exit 6"); r.stdout != "hello\n" {
		t.Errorf("run: %+v", r)
	}
	run(0, []string{"-d"}, "web", "/bin/sh", "-c", "exec sleep 1000")
	if r := ctr.want(3, "task", "exec", "--exec-id", "e", "web", "/bin/sh", "-c",
		"echo inside; exit 3"); r.stdout != "inside\n" {
		t.Errorf("exec: %+v", r)
	}
	ctr.want(0, "task", "pause", "web")
	if r := ctr.want(0, "task", "ls"); !strings.Contains(r.stdout, "PAUSED") {
		t.Errorf("paused: %+v", r)
	}
	ctr.want(0, "task", "resume", "web")
	if r := ctr.want(0, "task", "ps", "web"); strings.Count(r.stdout, "\n") != 2 {
		t.Errorf("ps: %+v", r)
	}
	if r := ctr.want(0, "task", "metrics", "web"); !strings.Contains(r.stdout, "memory") &&
		!strings.Contains(r.stdout, "pids") {
		t.Errorf("metrics: %+v", r)
	}
	ctr.want(0, "task", "kill", "-s", "KILL", "web")
	h.eventually("it has stopped", func() bool { return strings.Contains(ctr.want(0, "task", "ls").stdout, "STOPPED") })
	ctr.finish(execCommand(t.Context(), append(ctr.argv, "task", "rm", "web")...)) // its exit code is the task's
	ctr.want(0, "container", "rm", "web")
	if r := ctr.want(0, "task", "ls", "-q"); r.stdout != "" {
		t.Errorf("tasks are left: %+v", r)
	}
	ctr.want(0, "namespace", "rm", namespace)
	ctr.wantNoGroup("/" + namespace)
	ctr.wantNoState(filepath.Join(state, namespace))
}

// containerdsOwn is the directory of the sockets of containerd's shims, which cannot be changed, and of
// ctr's pipes.
const containerdsOwn = "/run/containerd"

// tidyContainerd removes empty directories that containerd has left and that did not exist before.
func tidyContainerd(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(containerdsOwn); err == nil {
		return
	}
	t.Cleanup(func() {
		for _, dir := range append(entries(containerdsOwn), containerdsOwn) {
			if err := os.Remove(dir); err != nil {
				t.Errorf("containerd left: %v", err)
			}
		}
	})
}

// startContainerd starts a containerd with directories below dir. It stops with the test.
func startContainerd(t *testing.T, dir string) (socket string) {
	t.Helper()
	tidyContainerd(t)
	socket = filepath.Join(dir, "c.sock")
	config := fmt.Sprintf("version = 2\nroot = %q\nstate = %q\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n"+
		"[grpc]\naddress = %q\n[ttrpc]\naddress = %q\n",
		filepath.Join(dir, "root"), filepath.Join(dir, "state"), socket, socket+".ttrpc")
	file := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	daemon := exec.Command("containerd", "--config", file)
	daemon.Stdout, daemon.Stderr = log, log
	if err := daemon.Start(); err != nil {
		t.Fatal(err, "(apt-get install containerd)")
	}
	t.Cleanup(func() {
		_ = daemon.Process.Signal(unix.SIGTERM)
		_ = daemon.Wait()
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	return socket
}
