package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/provisioner/imagetest"
)

// A host is a pair of directories for the built mctr. A test fails if it leaves anything there.
type host struct {
	t           *testing.T
	root, state string
	image       string
	env         []string
	within      []string // command that starts mctr: nsenter and its arguments
}

func newHost(t *testing.T) *host {
	t.Helper()
	dir := t.TempDir()
	return newHostIn(t, filepath.Join(dir, "root"), filepath.Join(dir, "state"), imagetest.Busybox(t, dir))
}

func newHostIn(t *testing.T, root, state, image string) *host {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("these tests are run by root")
	}
	h := &host{t: t, root: root, state: state, image: image}
	t.Cleanup(h.tearDown)
	return h
}

// A result is the result of one command.
type result struct {
	stdout, stderr string
	code           int // -1: killed by a signal
}

// command returns the command of the built mctr with args. It is killed after a timeout, because no
// command of the tests takes long.
func (h *host) command(args ...string) *exec.Cmd {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 60*time.Second)
	h.t.Cleanup(cancel)
	argv := append(append(slices.Clone(h.within), program(h.t)), args...)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(append(os.Environ(), "MCTR_ROOT="+h.root, "MCTR_STATE="+h.state), h.env...)
	return cmd
}

func program(t *testing.T) string {
	t.Helper()
	if path, err := filepath.Abs("../../bin/mctr"); err == nil {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	path, err := exec.LookPath("mctr") // in a virtual machine it is beside the test
	if err != nil {
		t.Fatal(err, "(make build)")
	}
	return path
}

func (h *host) mctr(args ...string) result {
	h.t.Helper()
	return h.finish(h.command(args...))
}

func (h *host) finish(cmd *exec.Cmd) result {
	h.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		h.t.Fatal(err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// want runs mctr, and fails the test unless it exits with code.
func (h *host) want(code int, args ...string) result {
	h.t.Helper()
	r := h.mctr(args...)
	if r.code != code {
		h.t.Fatalf("mctr %s: exit code %d, want %d\nstdout: %s\nstderr: %s", strings.Join(args, " "), r.code, code,
			r.stdout, r.stderr)
	}
	return r
}

// eventually polls until ok, for at most ten seconds.
func (h *host) eventually(what string, ok func() bool) {
	h.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.t.Fatalf("%s: not after ten seconds", what)
		}
	}
}

// leftovers returns everything that containers of this host have left anywhere.
func (h *host) leftovers() (left []string) {
	for _, dir := range []string{"containers", "names", "images/leases"} {
		left = append(left, entries(filepath.Join(h.root, dir))...)
	}
	// the sweep's
	left = slices.DeleteFunc(left, func(path string) bool {
		return strings.HasPrefix(path, h.root+"/images/leases/.tmp-")
	})
	left = append(left, entries(filepath.Join(h.state, "containers"))...)
	left = append(left, entries(filepath.Join(h.root, "volumes"))...)
	left = append(left, entries(filepath.Join(h.root, "limited"))...)
	for _, pattern := range []string{h.root + "/quota/*.json", h.state + "/volumes/*/users/*", h.state + "/secrets/*"} {
		found, _ := filepath.Glob(pattern)
		left = append(left, found...)
	}
	left = append(left, entries(filepath.Join(h.root, "cni", "attachments"))...)
	left = append(left, entries(filepath.Join(h.state, "cni", "netns"))...)
	addresses, _ := filepath.Glob(filepath.Join(h.root, "cni", "addresses", "*", "[0-9f]*[0-9]"))
	left = append(left, addresses...)
	for _, lock := range entries(filepath.Join(h.state, "locks")) {
		if !strings.HasSuffix(lock, ".names") {
			left = append(left, lock)
		}
	}
	prefix := h.groups()
	for _, dir := range cgroup.Dirs(prefix) {
		groups, _ := filepath.Glob(dir + "/*/cgroup.procs")
		left = append(left, groups...)
	}
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(mounts)) {
		if at := strings.Fields(line)[4]; strings.HasPrefix(at, h.state+"/") && at != h.state+"/secrets" ||
			strings.HasPrefix(at, h.root+"/") {
			left = append(left, "mount "+at)
		}
	}
	if pids, err := cgroup.Pids(prefix + "-shims"); err != nil || len(pids) > 0 {
		left = append(left, "shim processes")
	}
	return left
}

// groups returns the parent control group of containers without a scope.
func (h *host) groups() string {
	return store.At("", h.state).CgroupPrefix()
}

func entries(dir string) (names []string) {
	list, _ := os.ReadDir(dir)
	for _, e := range list {
		names = append(names, filepath.Join(dir, e.Name()))
	}
	return names
}

// wantClean fails the test if anything but these paths below ROOT is left after a short wait, because a
// shim exits slightly later than its container.
func (h *host) wantClean(but ...string) {
	h.t.Helper()
	var left []string
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		left = slices.DeleteFunc(h.leftovers(), func(path string) bool {
			return slices.Contains(but, strings.TrimPrefix(path, h.root))
		})
		if len(left) == 0 {
			return
		}
	}
	h.t.Errorf("left over:\n%s", strings.Join(left, "\n"))
}

func (h *host) tearDown() {
	h.wantClean()
	prefix := h.groups()
	for _, group := range []string{prefix, prefix + "-shims"} {
		if err := errors.Join(cgroup.Kill(group, 5*time.Second), cgroup.Remove(group)); err != nil {
			h.t.Error(err)
		}
	}
	for _, at := range append(h.rootfsMounts(), h.state) {
		_ = unix.Unmount(at, unix.MNT_DETACH)
	}
}

func (h *host) rootfsMounts() []string {
	mounts, _ := filepath.Glob(filepath.Join(h.state, "containers", "*", "bundle", "rootfs"))
	return mounts
}

func execCommand(ctx context.Context, argv ...string) *exec.Cmd {
	return exec.CommandContext(ctx, argv[0], argv[1:]...)
}
